"""A comparison from data or stored profiles to its verdicts, with a second look only where one depends on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from services.drift.compare import compare
from services.drift.comparison import ColumnDrift, Comparison
from services.drift.complete import CompleteRows
from services.drift.judge import undecided
from services.drift.measures import BINNED, ORDERED, Known, Pair
from services.drift.model import Floats, Plan, Profile
from services.drift.refine import counts_at_edges, distinct_numbers, exact_distances
from services.drift.scan import Progress, Rows, plan_for, scan
from services.drift.settings import CompareSettings, Metric, Preset

Count = Callable[[Plan | None], Profile]
"""Counts data where a plan says, or where their own sample suggests."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    profile: None where it has yet to be counted. rows: the data, if they are at hand. count: counts data that are not.
    progress: told while rows are counted.
    """

    profile: Profile | None = None
    rows: Rows | None = None
    count: Count | None = None
    progress: Progress | None = None

    def counted(self, plan: Plan | None = None) -> Profile:
        """Its profile, made where there is none. Raises SourceProblem."""
        if self.profile is not None:
            return self.profile
        if self.rows is not None:
            return counted(self.rows, plan, progress=self.progress)
        assert self.count is not None
        return self.count(plan)


def counted(rows: Rows, plan: Plan | None = None, *, progress: Progress | None = None) -> Profile:
    """One scan of rows, where a plan says or their own sample suggests. Raises SourceProblem."""
    return scan(rows, plan or plan_for(rows), progress=progress)


def compared(baseline: Side, target: Side, settings: CompareSettings) -> tuple[Comparison, tuple[Profile, Profile]]:
    """The comparison, and the profiles it was made of. Raises SourceProblem, InvalidInput.

    Azure ML's preset leaves out every row in which anything is missing, so data at hand are counted without those.
    """
    if settings.preset is Preset.AZUREML:
        baseline, target = (_complete(side) for side in (baseline, target))
    first = baseline.counted()
    second = target.counted(first.plan)
    for what, side, profile in (("baseline", baseline, first), ("target", target, second)):
        if isinstance(side.rows, CompleteRows) and not profile.rows:
            raise side.rows.none_left(what)
    found = compare(first, second, settings)
    if baseline.rows is None or target.rows is None:
        return found, (first, second)
    known = _second_look(found, (baseline.rows, target.rows), (first, second), settings)
    if known:
        found = compare(first, second, settings, known)
    return found, (first, second)


def _complete(side: Side) -> Side:
    return side if side.rows is None or side.profile is not None else replace(side, rows=CompleteRows(side.rows))


def _second_look(
    found: Comparison, rows: tuple[Rows, Rows], profiles: tuple[Profile, Profile], settings: CompareSettings
) -> dict[str, Known]:
    inexact = [column.name for column in found.columns if _needs_values(column, settings)]
    known = exact_distances(*rows, profiles, inexact) if inexact else {}
    pairs = _binned_pairs(found, profiles, settings)
    unknown = [name for name, pair in pairs.items() if _wants_distinct(found, pair, settings)]
    distinct = distinct_numbers(*rows, profiles, unknown) if unknown else {}
    edges = {name: np.union1d(pair.joint_edges, _other_edges(pair, distinct)) for name, pair in pairs.items()}
    for name, at in (counts_at_edges(*rows, profiles, edges) if edges else {}).items():
        known[name] = replace(known.get(name, Known()), at=at, distinct=distinct.get(name))
    return known


def _needs_values(column: ColumnDrift, settings: CompareSettings) -> bool:
    if undecided(column, settings):
        return True
    if not settings.exact or column.lower is None:
        return False
    uncertain = column.metric in ORDERED and column.lower != column.upper
    return uncertain or (settings.all_metrics and Metric.KS_STATISTIC.value in column.metrics)


def _binned_pairs(found: Comparison, profiles: tuple[Profile, Profile], settings: CompareSettings) -> dict[str, Pair]:
    """Columns whose preset cuts numbers at edges that only both sides together tell."""
    if settings.preset is Preset.DEFAULT:
        return {}
    sides = [{column.name: column for column in profile.columns} for profile in profiles]
    wanted: dict[str, Pair] = {}
    for column in found.columns:
        binned = column.metric in BINNED or settings.all_metrics
        if not binned or column.metric is None:
            continue
        pair = Pair(sides[0][column.name], sides[1][column.name], settings.preset)
        if pair.baseline.numbers is not None and (not pair.binned.exact or _wants_distinct(found, pair, settings)):
            wanted[column.name] = pair
    return wanted


def _wants_distinct(found: Comparison, pair: Pair, settings: CompareSettings) -> bool:
    """Is Evidently's Hellinger distance asked for, whose bins the profiles do not tell?"""
    metric = next(column.metric for column in found.columns if column.name == pair.baseline.name)
    asked = settings.all_metrics or metric == Metric.HELLINGER
    return asked and pair.has_hellinger_bins and pair.lacks_distinct


def _other_edges(pair: Pair, distinct: Mapping[str, int]) -> Floats:
    name = pair.baseline.name
    return pair.hellinger_edges(distinct[name]) if name in distinct else np.empty(0)
