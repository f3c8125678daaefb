"""A second look at the data that makes certified intervals exact, in bounded memory.

Only values in steps where the two distribution functions may cross are collected; everywhere else counts and sums
already tell all. Steps are taken in turns that fit the memory; a step that is too large by itself is first counted at
finer edges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.drift.columns import lengths_of, numbers_of
from services.drift.measures import Known
from services.drift.model import Floats, Ints, Kind, NumberCounts, Profile
from services.drift.numbers import BLOCK, Numbers, positions
from services.drift.plan import plan_at
from services.drift.scan import Rows, scan, threads
from services.drift.steps import Steps, steps
from services.drift.wasserstein import bounds

HELD = 4_000_000
"""Values of all columns together that are held at once: 32 MB, and about as much again while they are sorted."""

_FINER = 4096
_ROUNDS = 8
_TURNS = 32  # scans of a column to count its different values


@dataclass(slots=True)
class _Open:
    """A column whose distances are not exact yet. crossing: (K + 1,) steps that have to be looked into."""

    name: str
    kind: Kind
    baseline: NumberCounts
    target: NumberCounts
    steps: Steps
    crossing: NDArray[np.bool_]
    sizes: Ints

    @classmethod
    def of(cls, name: str, kind: Kind, baseline: NumberCounts, target: NumberCounts) -> _Open:
        found = steps(baseline, target)
        lower, upper = bounds(found)
        crossing = (lower < upper) | ((found.f1 > found.f0) & (found.g1 > found.g0))
        return cls(name, kind, baseline, target, found, crossing, _inside(baseline) + _inside(target))


def exact_distances(
    baseline: Rows, target: Rows, profiles: tuple[Profile, Profile], columns: Sequence[str], *, held: int = HELD
) -> dict[str, Known]:
    """The exact Kolmogorov-Smirnov and Wasserstein distances of number columns, from the data once more.

    profiles: of both, made with one plan. A column whose values lie too close to be told apart in a few rounds is left
    out. Raises SourceProblem.
    """
    share = max(held // threads(), 2)
    with ThreadPoolExecutor(threads(), thread_name_prefix="refine") as pool:
        every = pool.map(lambda name: _exact(baseline, target, profiles, name, share), columns)
        return {name: known for name, known in zip(columns, every, strict=True) if known is not None}


def counts_at_edges(
    baseline: Rows, target: Rows, profiles: tuple[Profile, Profile], edges: Mapping[str, Floats]
) -> dict[str, tuple[NumberCounts, NumberCounts]]:
    """Both sides counted at other edges. Raises SourceProblem."""
    plan = plan_at(profiles[0].plan, edges)
    sides = [scan(rows, plan) for rows in (baseline, target)]
    found = {}
    for mine, theirs in zip(sides[0].columns, sides[1].columns, strict=True):
        if mine.numbers is not None and theirs.numbers is not None:
            found[mine.name] = (mine.numbers, theirs.numbers)
    return found


def distinct_numbers(
    baseline: Rows, target: Rows, profiles: tuple[Profile, Profile], columns: Sequence[str], *, held: int = HELD
) -> dict[str, int]:
    """How many different finite numbers both sides have together, by column, from the data once more.

    Edges tell of themselves whether they are among them; between edges values are collected in turns that fit the
    memory. A column that would need very many turns is left out. Raises SourceProblem.
    """
    share = max(held // threads(), 2)
    with ThreadPoolExecutor(threads(), thread_name_prefix="refine") as pool:
        every = pool.map(lambda name: _distinct(baseline, target, profiles, name, share), columns)
        return {name: count for name, count in zip(columns, every, strict=True) if count is not None}


def _distinct(baseline: Rows, target: Rows, profiles: tuple[Profile, Profile], name: str, held: int) -> int | None:
    columns = [next(column for column in profile.columns if column.name == name) for profile in profiles]
    mine, theirs = columns[0].numbers, columns[1].numbers
    if mine is None or theirs is None:
        return None
    column = _Open.of(name, columns[0].kind, mine, theirs)
    at_edges = np.count_nonzero((mine.upto > mine.below) | (theirs.upto > theirs.below))
    column.crossing = column.sizes > 1
    count = int(at_edges + np.count_nonzero(column.sizes == 1))
    turns = list(_turns(column, held))
    if len(turns) > _TURNS:
        return None
    for turn in turns:
        kept = np.empty(0)
        for rows in (baseline, target):
            for part in _parts_in(rows, column, turn):
                kept = np.union1d(kept, part)
                if len(kept) > 2 * held:
                    return None
        count += len(kept)
    return count


def _exact(baseline: Rows, target: Rows, profiles: tuple[Profile, Profile], name: str, held: int) -> Known | None:
    columns = [next(column for column in profile.columns if column.name == name) for profile in profiles]
    mine, theirs = columns[0].numbers, columns[1].numbers
    if mine is None or theirs is None or not mine.total or not theirs.total:
        return None
    column = _Open.of(name, columns[0].kind, mine, theirs)
    for _ in range(_ROUNDS):
        large = column.crossing & (column.sizes > held)
        if not large.any():
            return _looked_into(baseline, target, column, held)
        finer = _finer_edges(column, large)
        mine, theirs = counts_at_edges(baseline, target, profiles, {name: finer})[name]
        column = _Open.of(name, column.kind, mine, theirs)
    return None


def _finer_edges(column: _Open, large: NDArray[np.bool_]) -> Floats:
    starts, ends = _ends(column)
    each = max(_FINER // int(large.sum()), 2)
    inner = [np.linspace(starts[place], ends[place], each + 1) for place in np.flatnonzero(large)]
    return np.unique(np.concatenate((column.baseline.edges, *inner)))


def _looked_into(baseline: Rows, target: Rows, column: _Open, held: int) -> Known:
    lower, _ = bounds(column.steps)
    at_ends = np.maximum(np.abs(column.steps.f0 - column.steps.g0), np.abs(column.steps.f1 - column.steps.g1))
    statistic = float(max(np.max(at_ends), np.max(column.steps.at_edges, initial=0.0)))
    area = float(np.sum(lower[~column.crossing]))
    for turn in _turns(column, held):
        values = [np.sort(_values_in(rows, column, turn)) for rows in (baseline, target)]
        inside, largest = _between(column, values[0], values[1], turn)
        area += inside
        statistic = max(statistic, largest)
    return Known(ks=statistic, wasserstein=area)


def _turns(column: _Open, held: int) -> Iterator[NDArray[np.bool_]]:
    """The crossing steps in turns of at most so many values."""
    places = np.flatnonzero(column.crossing)
    if not len(places):
        return
    running = np.cumsum(column.sizes[places])
    start = 0
    while start < len(places):
        before = running[start - 1] if start else 0
        end = max(int(np.searchsorted(running, before + held, "right")), start + 1)
        turn = np.zeros(len(column.crossing), np.bool_)
        turn[places[start:end]] = True
        yield turn
        start = end


def _values_in(rows: Rows, column: _Open, turn: NDArray[np.bool_]) -> Floats:
    """All values strictly inside of the steps of a turn."""
    parts = list(_parts_in(rows, column, turn))
    return np.concatenate(parts) if parts else np.empty(0)


def _parts_in(rows: Rows, column: _Open, turn: NDArray[np.bool_]) -> Iterator[Floats]:
    """The same, block by block."""
    edges = column.baseline.edges
    read = lengths_of if column.kind is Kind.NESTED else numbers_of
    for batch in rows.batches([column.name]):
        numbers = read(batch.column(0))
        for start in range(0, len(numbers), BLOCK):
            block: Numbers = np.sort(numbers[start : start + BLOCK])  # type: ignore[assignment]  # of its own type
            if block.dtype.kind == "f":
                block = block[np.isfinite(block)]
            left, right = positions(block, edges)
            begins = np.concatenate(([0], right))[turn]
            ends = np.concatenate((left, [len(block)]))[turn]
            marks = np.zeros(len(block) + 1, np.int64)
            np.add.at(marks, begins, 1)
            np.add.at(marks, ends, -1)
            yield block[np.cumsum(marks[:-1]) > 0].astype(np.float64)


def _between(column: _Open, mine: Floats, theirs: Floats, turn: NDArray[np.bool_]) -> tuple[float, float]:
    """(area between F and G, largest difference) inside of the steps of a turn, whose sorted values these are."""
    starts, ends = _ends(column)
    places = np.flatnonzero(turn)
    found = column.steps
    points = np.concatenate((mine, theirs))
    points.sort()
    home = np.searchsorted(column.baseline.edges, points, "left")
    first = np.searchsorted(home, places, "left")
    last = np.searchsorted(home, places, "right")
    turn_of = np.searchsorted(places, home)
    f = found.f0[home] + _since_start(mine, points, starts[places], turn_of) / column.baseline.total
    g = found.g0[home] + _since_start(theirs, points, starts[places], turn_of) / column.target.total
    apart = np.abs(f - g)
    until = np.append(points[1:], 0.0)
    filled = last > first
    until[last[filled] - 1] = ends[places[filled]]
    area = float(np.sum(apart * (until - points)))
    # From each step's beginning to its first value.
    before = np.abs(found.f0 - found.g0)[places]
    to = np.where(filled, points[np.minimum(first, max(len(points) - 1, 0))] if len(points) else 0.0, ends[places])
    area += float(np.sum(before * (to - starts[places])))
    return area, float(np.max(apart, initial=0.0))


def _since_start(values: Floats, points: Floats, starts: Floats, turn_of: Ints) -> Ints:
    """How many values lie between the beginning of each point's step and the point, the point included."""
    before = np.searchsorted(values, starts, "right")
    before[0] = 0  # the first step of all begins with the least value itself
    found: Ints = np.searchsorted(values, points, "right") - before[turn_of]
    return found


def _ends(column: _Open) -> tuple[Floats, Floats]:
    low = min(column.baseline.minimum, column.target.minimum)
    high = max(column.baseline.maximum, column.target.maximum)
    edges = column.baseline.edges
    if not len(edges):
        return np.array([low]), np.array([high])
    return np.concatenate(([min(low, edges[0])], edges)), np.concatenate((edges, [max(high, edges[-1])]))


def _inside(counts: NumberCounts) -> Ints:
    found: Ints = np.concatenate((counts.below, [counts.total])) - np.concatenate(([0], counts.upto))
    return found
