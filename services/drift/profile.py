"""Profiles that add up."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from services.drift.categories import merge_categories
from services.drift.model import CategoryCounts, ColumnProfile, FileFacts, NumberCounts, Profile
from services.drift.numbers import merge_numbers


def merge(one: Profile, other: Profile) -> Profile:
    """The profile of both data together. Raises ValueError when they were made with different plans."""
    if one.plan.id != other.plan.id:
        raise ValueError("profiles made with different plans do not add up")
    return Profile(
        plan=one.plan,
        rows=one.rows + other.rows,
        columns=tuple(map(merge_columns, one.columns, other.columns)),
        others=tuple(sorted({*one.others, *other.others})),
        missing=tuple(sorted({*one.missing, *other.missing})),
        files=_files((*one.files, *other.files)),
        source=one.source if one.source == other.source else "",
        fingerprint=one.fingerprint if one.fingerprint == other.fingerprint else "",
        notes=tuple(dict.fromkeys((*one.notes, *other.notes))),
    )


def merge_all(profiles: Iterable[Profile]) -> Profile:
    """The profile of all of them together. Raises ValueError for none, and for different plans."""
    listed = list(profiles)
    if not listed:
        raise ValueError("there is no profile to add up")
    return reduce(merge, listed)


def merge_columns(one: ColumnProfile, other: ColumnProfile) -> ColumnProfile:
    """Both parts of one column."""
    return ColumnProfile(
        name=one.name,
        kind=one.kind,
        arrow_type=one.arrow_type if one.arrow_type == other.arrow_type else max(one.arrow_type, other.arrow_type),
        rows=one.rows + other.rows,
        nulls=one.nulls + other.nulls,
        nan=one.nan + other.nan,
        plus_infinite=one.plus_infinite + other.plus_infinite,
        minus_infinite=one.minus_infinite + other.minus_infinite,
        numbers=_both_numbers(one.numbers, other.numbers),
        categories=_both_categories(one.categories, other.categories),
    )


def duplicates(profile: Profile) -> tuple[tuple[str, ...], ...]:
    """Paths of files that have the same content as another one, those of one content together."""
    by_content: dict[tuple[int, str], list[str]] = {}
    for file in profile.files:
        if file.hash:
            by_content.setdefault((file.size, file.hash), []).append(file.path)
    return tuple(tuple(paths) for paths in by_content.values() if len(paths) > 1)


def _both_numbers(one: NumberCounts | None, other: NumberCounts | None) -> NumberCounts | None:
    if one is None or other is None:
        return one or other
    return merge_numbers(one, other)


def _both_categories(one: CategoryCounts | None, other: CategoryCounts | None) -> CategoryCounts | None:
    if one is None or other is None:
        return one or other
    return merge_categories(one, other)


def _files(files: tuple[FileFacts, ...]) -> tuple[FileFacts, ...]:
    return tuple(sorted(files, key=lambda file: (file.path, file.hash)))
