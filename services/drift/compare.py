"""Two profiles compared: a metric, a threshold and a verdict for each column, and what became of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from services.drift.comparison import (
    Comparison,
    DatasetDrift,
    DuplicateFiles,
    Freshness,
)
from services.drift.judge import judge
from services.drift.magnitude import column_part, magnitude
from services.drift.measures import Known, nearly_all_different
from services.drift.model import ColumnProfile, Kind, Profile
from services.drift.presets import RULES
from services.drift.profile import duplicates
from services.drift.schema import schema_changes, types_of
from services.drift.settings import EVERY, CompareSettings, Preset
from services.errors import InvalidInput, SourceProblem

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def compare(
    baseline: Profile, target: Profile, settings: CompareSettings, known: Mapping[str, Known] | None = None
) -> Comparison:
    """How the target differs from the baseline, whose plan it was counted with.

    known: what a second look at the data told, by column. Raises SourceProblem when there is nothing to compare or the
    plans differ, InvalidInput for columns that do not exist and metrics that do not fit.
    """
    if baseline.plan.id != target.plan.id:
        raise SourceProblem(
            "The two profiles were counted at different edges. Profile the target again with the baseline's "
            "(`--edges-from`).",
            code="plans_differ",
        )
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers near the largest there are
        return _compare(baseline, target, settings, known or {})


def _compare(baseline: Profile, target: Profile, settings: CompareSettings, known: Mapping[str, Known]) -> Comparison:
    pairs = _pairs(baseline, target, settings)
    columns = judge(pairs, settings, known)
    changes = schema_changes(baseline, target)
    broken = any(change.breaks({mine.name: mine.kind for mine, _ in pairs}) for change in changes)
    compared = [column for column in columns if column.metric is not None]
    drifted = [column for column in columns if column.drifted]
    share = len(drifted) / len(compared) if compared else float(bool(drifted))
    parts = {mine.name: column_part(mine, theirs) for mine, theirs in pairs if _has_magnitude(mine, theirs)}
    size, contributions = magnitude(parts)
    return Comparison(
        baseline=baseline.source,
        target=target.source,
        preset=settings.preset.value,
        columns=columns,
        dataset=DatasetDrift(
            drifted=_is_drifted(settings, bool(drifted), share, broken),
            share=min(share, 1.0),
            magnitude=size,
            contributions=contributions,
            baseline_rows=baseline.rows,
            target_rows=target.rows,
            schema=changes,
            freshness=tuple(_freshness(mine, theirs) for mine, theirs in pairs if mine.kind is Kind.TIME),
            duplicate_files=tuple(
                DuplicateFiles(side, paths)
                for side, profile in (("baseline", baseline), ("target", target))
                for paths in duplicates(profile)
            ),
        ),
        notes=tuple(_notes(baseline, target, settings)),
    )


def common_columns(baseline: Profile, target: Profile) -> tuple[str, ...]:
    """Names that both sides counted, in the baseline's order."""
    missing = {*baseline.missing, *target.missing}
    return tuple(column.name for column in baseline.columns if column.name not in missing)


def _pairs(baseline: Profile, target: Profile, settings: CompareSettings) -> list[tuple[ColumnProfile, ColumnProfile]]:
    common = common_columns(baseline, target)
    here, there = types_of(baseline), types_of(target)
    for name in {*settings.metrics, *settings.thresholds, *(settings.columns or ())} - {EVERY}:
        if name not in here:
            shown = ", ".join(list(here)[:8])
            raise InvalidInput(
                f"The baseline has no column {name!r}. Its columns are {shown}{', …' if len(here) > 8 else ''}.",
                code="column_unknown",
            )
    if not common:
        raise SourceProblem(
            f"There is no common column to compare: the baseline has {_some(list(here))}, the target "
            f"{_some(list(there))}.",
            code="no_common_column",
        )
    theirs = {column.name: column for column in target.columns}
    wanted = set(settings.columns) if settings.columns is not None else None
    pairs = [
        (column, theirs[column.name])
        for column in baseline.columns
        if column.name in common and (wanted is None or column.name in wanted)
    ]
    if not pairs:
        raise SourceProblem(
            "None of the chosen columns is in both data with the same kind of values.", code="no_common_column"
        )
    return pairs


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "") if names else "none"


def _has_magnitude(baseline: ColumnProfile, target: ColumnProfile) -> bool:
    """Times move on, and texts that are all different name rows instead of describing them."""
    if baseline.kind is Kind.TIME:
        return False
    return not (nearly_all_different(baseline) and nearly_all_different(target))


def _is_drifted(settings: CompareSettings, any_column: bool, share: float, broken: bool) -> bool:
    """broken: a column is gone, or its values can no longer be compared."""
    least = RULES[settings.preset].dataset_share
    if least is not None:
        return share >= least
    return any_column or (broken and settings.preset is Preset.DEFAULT and settings.columns is None)


def _freshness(baseline: ColumnProfile, target: ColumnProfile) -> Freshness:
    return Freshness(baseline.name, latest(baseline), latest(target))


def latest(column: ColumnProfile) -> str | None:
    """The latest time as ISO 8601; None without a value, or beyond year 9999."""
    numbers = column.numbers
    if numbers is None or not numbers.total:
        return None
    try:
        moment = _EPOCH + timedelta(microseconds=int(numbers.maximum))
    except OverflowError:
        return None
    return (
        moment.time().isoformat()
        if column.arrow_type.startswith("time") and "stamp" not in column.arrow_type
        else (moment.isoformat().replace("+00:00", "Z"))
    )


def _notes(baseline: Profile, target: Profile, settings: CompareSettings) -> list[str]:
    found = []
    for side, profile in (("baseline", baseline), ("target", target)):
        if not profile.rows:
            found.append(f"The {side} has no rows.")
        elif settings.preset is Preset.AZUREML and any(column.nulls or column.nan for column in profile.columns):
            found.append(
                f"Azure ML leaves out every row with a missing value; the {side}'s profile counts all rows, so its "
                "columns are compared on all of theirs."
            )
    return found
