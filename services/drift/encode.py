"""Profiles as bytes: compact, versioned, and refused when they are anything else.

`DBDP`, a version byte, the plan's id (16 bytes), then zlib of: the length of a JSON header (4 bytes, little endian),
the header, and the arrays it refers to, each byte-shuffled (all first bytes, all second bytes, …), which makes near
numbers compress.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.drift.model import (
    BUCKETS,
    CategoryCounts,
    ColumnPlan,
    ColumnProfile,
    FileFacts,
    Kind,
    NumberCounts,
    NumberPlan,
    Plan,
    Profile,
)
from services.drift.numbers import counts_at
from services.drift.plan import make_plan
from services.drift.stored import HEAD, MAGIC, VERSION, NotAProfileError, check_head, is_profile, plan_id_of

__all__ = ["LARGEST", "NotAProfileError", "decode", "encode", "is_profile"]

LARGEST = 256 * 1024 * 1024
"""Bytes that a profile may unpack to; a real one of 1,000 columns has less than a fifth."""

_TYPES: dict[str, np.dtype[Any]] = {"f": np.dtype("<f8"), "i": np.dtype("<i8"), "b": np.dtype("<u1")}

Array = NDArray[Any]


def encode(profile: Profile) -> bytes:
    """The profile as bytes; the same profile always gives the same."""
    arrays = _Arrays()
    header = {
        "rows": profile.rows,
        "columns": [_column(column, arrays) for column in profile.columns],
        "plans": [_plan(column, arrays) for column in profile.plan.columns],
        "others": [list(pair) for pair in profile.others],
        "missing": list(profile.missing),
        "files": [[file.path, file.size, file.hash] for file in profile.files],
        "source": profile.source,
        "fingerprint": profile.fingerprint,
        "notes": list(profile.notes),
        "arrays": arrays.described,
    }
    text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    packed = zlib.compress(b"".join((len(text).to_bytes(4, "little"), text, *arrays.parts)), 6)
    return MAGIC + bytes([VERSION]) + bytes.fromhex(profile.plan.id) + packed


def decode(data: bytes) -> Profile:
    """The profile of bytes from `encode`. Raises NotAProfileError; runs nothing that the bytes hold."""
    check_head(data)
    try:
        inflate = zlib.decompressobj()
        plain = inflate.decompress(data[HEAD:], LARGEST)
        if not inflate.eof:
            raise NotAProfileError("the stored profile is cut off or far too large")
        length = int.from_bytes(plain[:4], "little")
        header = json.loads(plain[4 : 4 + length])
        found = _read(header, _read_arrays(header["arrays"], plain[4 + length :]))
    except NotAProfileError:
        raise
    except (zlib.error, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise NotAProfileError("the stored profile is damaged; make it again") from error
    if found.plan.id != plan_id_of(data):
        raise NotAProfileError("the stored profile is damaged; make it again")
    return found


class _Arrays:
    """Arrays on their way into the bytes."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.described: list[list[Any]] = []

    def put(self, array: Array | None, code: str, *, differences: bool = False) -> int | None:
        """Where it is; None for None. differences: keep what each adds to the one before, for rising counts."""
        if array is None:
            return None
        kept = np.diff(array, prepend=array.dtype.type(0)) if differences else array
        raw = np.ascontiguousarray(kept, _TYPES[code])
        self.parts.append(raw.view(np.uint8).reshape(len(raw), raw.itemsize).T.tobytes())
        self.described.append([code, len(raw), int(differences)])
        return len(self.parts) - 1


def _read_arrays(described: list[list[Any]], data: bytes) -> list[Array]:
    found: list[Array] = []
    at = 0
    for code, length, differences in described:
        dtype = _TYPES[code]
        size = int(length) * dtype.itemsize
        if length < 0 or at + size > len(data):
            raise NotAProfileError("the stored profile is cut off")
        shuffled = np.frombuffer(data, np.uint8, size, at).reshape(dtype.itemsize, int(length))
        array: Array = np.ascontiguousarray(shuffled.T).view(dtype).reshape(int(length))
        found.append(np.cumsum(array) if differences else array)
        at += size
    return found


def _plan(plan: ColumnPlan, arrays: _Arrays) -> dict[str, Any]:
    numbers = plan.numbers
    return {
        "name": plan.name,
        "kind": plan.kind.value,
        "type": plan.arrow_type,
        "pinned": list(plan.pinned),
        "numbers": None
        if numbers is None
        else {"shift": numbers.shift, "few": numbers.few, "edges": arrays.put(numbers.edges, "f")},
    }


def _column(column: ColumnProfile, arrays: _Arrays) -> dict[str, Any]:
    numbers, texts = column.numbers, column.categories
    return {
        "type": column.arrow_type,
        "rows": column.rows,
        "nulls": column.nulls,
        "odd": [column.nan, column.plus_infinite, column.minus_infinite],
        "numbers": None if numbers is None else _numbers(numbers, arrays),
        "texts": None if texts is None else _texts(texts, arrays),
    }


def _numbers(counts: NumberCounts, arrays: _Arrays) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "total": counts.total,
        "sum": counts.sum,
        "square": counts.square,
        "ends": [counts.minimum, counts.maximum] if counts.total else None,
    }
    if counts.values is not None:  # all else follows from these
        return kept | {"values": arrays.put(counts.values, "f"), "counts": arrays.put(counts.counts, "i")}
    return kept | {
        "below": arrays.put(counts.below, "i", differences=True),
        "at": arrays.put(counts.upto - counts.below, "i"),
        "sums": arrays.put(counts.sum_below, "f"),
    }


def _texts(counts: CategoryCounts, arrays: _Arrays) -> dict[str, Any]:
    if counts.counts is not None:
        named = sorted(counts.counts.items())
        numbers = np.fromiter((count for _, count in named), np.int64, len(named))
        return {"total": counts.total, "texts": [text for text, _ in named], "counts": arrays.put(numbers, "i")}
    return {
        "total": counts.total,
        "pinned": arrays.put(counts.pinned_counts, "i"),
        "buckets": arrays.put(counts.buckets, "i"),
        "sketch": arrays.put(counts.sketch, "b"),
    }


def _read(header: Mapping[str, Any], arrays: list[Array]) -> Profile:
    plans = [_read_plan(each, arrays) for each in header["plans"]]
    if len(plans) != len(header["columns"]):
        raise NotAProfileError("the stored profile is damaged; make it again")
    return Profile(
        plan=_checked(plans),
        rows=int(header["rows"]),
        columns=tuple(_read_column(each, plan, arrays) for each, plan in zip(header["columns"], plans, strict=True)),
        others=tuple((str(name), str(kind)) for name, kind in header["others"]),
        missing=tuple(map(str, header["missing"])),
        files=tuple(FileFacts(str(path), int(size), str(mark)) for path, size, mark in header["files"]),
        source=str(header["source"]),
        fingerprint=str(header["fingerprint"]),
        notes=tuple(map(str, header["notes"])),
    )


def _checked(plans: list[ColumnPlan]) -> Plan:
    for plan in plans:
        if plan.numbers is not None and not bool(np.all(np.diff(plan.numbers.edges) > 0)):
            raise NotAProfileError("the stored profile is damaged; make it again")
    return make_plan(plans)


def _read_plan(kept: Mapping[str, Any], arrays: list[Array]) -> ColumnPlan:
    numbers = kept["numbers"]
    return ColumnPlan(
        str(kept["name"]),
        Kind(kept["kind"]),
        str(kept["type"]),
        None
        if numbers is None
        else NumberPlan(float(numbers["shift"]), arrays[numbers["edges"]], bool(numbers["few"])),
        tuple(map(str, kept["pinned"])),
    )


def _read_column(kept: Mapping[str, Any], plan: ColumnPlan, arrays: list[Array]) -> ColumnProfile:
    nan, plus, minus = map(int, kept["odd"])
    numbers, texts = kept["numbers"], kept["texts"]
    return ColumnProfile(
        name=plan.name,
        kind=plan.kind,
        arrow_type=str(kept["type"]),
        rows=int(kept["rows"]),
        nulls=int(kept["nulls"]),
        nan=nan,
        plus_infinite=plus,
        minus_infinite=minus,
        numbers=None if numbers is None or plan.numbers is None else _read_numbers(numbers, plan.numbers, arrays),
        categories=None if texts is None else _read_texts(texts, plan.pinned, arrays),
    )


def _read_numbers(kept: Mapping[str, Any], plan: NumberPlan, arrays: list[Array]) -> NumberCounts:
    low, high = kept["ends"] or (float("nan"), float("nan"))
    values = counts = None
    if "values" in kept:
        values, counts = arrays[kept["values"]], arrays[kept["counts"]]
        known = counts_at(plan, values, counts)
        below, upto, sum_below = known.below, known.upto, known.sum_below
    else:
        below = arrays[kept["below"]]
        upto, sum_below = below + arrays[kept["at"]], arrays[kept["sums"]]
    if not len(below) == len(upto) == len(sum_below) == len(plan.edges):
        raise NotAProfileError("the stored profile is damaged; make it again")
    return NumberCounts(
        shift=plan.shift,
        edges=plan.edges,
        total=int(kept["total"]),
        below=below,
        upto=upto,
        sum_below=sum_below,
        sum=float(kept["sum"]),
        square=float(kept["square"]),
        minimum=float(low),
        maximum=float(high),
        values=values,
        counts=counts,
    )


def _read_texts(kept: Mapping[str, Any], pinned: tuple[str, ...], arrays: list[Array]) -> CategoryCounts:
    total = int(kept["total"])
    if "texts" in kept:
        counts = dict(zip(map(str, kept["texts"]), arrays[kept["counts"]].tolist(), strict=True))
        return CategoryCounts(total, counts, pinned, None, None, None)
    pinned_counts, buckets = arrays[kept["pinned"]], arrays[kept["buckets"]]
    if len(pinned_counts) != len(pinned) or len(buckets) != BUCKETS:
        raise NotAProfileError("the stored profile is damaged; make it again")
    return CategoryCounts(total, None, pinned, pinned_counts, buckets, arrays[kept["sketch"]])
