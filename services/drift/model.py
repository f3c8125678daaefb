"""What a profile holds: counts that add up, whatever the order and split of the data.

Everything that can be a whole number is one, so that profiles of files, days or partitions on the same plan add up to
the profile of the whole exactly; sums of values agree to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEW_VALUES = 5000
"""Up to so many distinct numbers are counted one by one: then every metric is exact."""

CATEGORIES = 10_000
"""Up to so many distinct texts are counted one by one; beyond, those of the plan are, and the rest in buckets."""

BUCKETS = 4096
"""Hash buckets for the texts beyond. Distances over buckets are lower bounds of those over the texts."""


class Kind(StrEnum):
    """How a column is compared. EMPTY: it holds no value at all."""

    NUMBER = "number"
    CATEGORY = "category"
    BOOLEAN = "boolean"
    TIME = "time"
    NESTED = "nested"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, eq=False)
class NumberCounts:
    """Finite numbers of a column (TIME: microseconds since 1970-01-01 UTC; NESTED: lengths).

    total: how many. Sums are of x - shift, so that a huge offset costs no digits. edges: (K,) strictly increasing;
    below[i], upto[i]: how many x < edges[i], x <= edges[i]; sum_below[i]: sum of x - shift over x < edges[i].
    sum, square: sums of x - shift and of its square. minimum, maximum: NaN without a value. values, counts: every
    distinct value, increasing, and how often it comes, while there are at most FEW_VALUES; None otherwise.
    """

    shift: float
    edges: Floats
    total: int
    below: Ints
    upto: Ints
    sum_below: Floats
    sum: float
    square: float
    minimum: float
    maximum: float
    values: Floats | None = None
    counts: Ints | None = None

    @property
    def mean(self) -> float:
        """NaN without a value."""
        return self.shift + self.sum / self.total if self.total else float("nan")

    @property
    def variance(self) -> float:
        """Of the population (divided by n), as `numpy.var`; NaN without a value."""
        if not self.total:
            return float("nan")
        mean = self.sum / self.total
        return max(self.square / self.total - mean * mean, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class CategoryCounts:
    """Texts of a column. total: how many.

    counts: of every distinct text, while there are at most CATEGORIES. Beyond that None: then pinned_counts[i] counts
    the plan's i-th text, and buckets[h] all other texts by hash. sketch: registers that tell how many distinct texts
    there are (`distinct`), to about 1.6 % once counts is None.
    """

    total: int
    counts: Mapping[str, int] | None
    pinned: tuple[str, ...]
    pinned_counts: Ints | None
    buckets: Ints | None
    sketch: NDArray[np.uint8] | None


@dataclass(frozen=True, slots=True, eq=False)
class ColumnProfile:
    """One column. rows = nulls + nan + infinities + what `numbers`, `categories` or `lengths` counts.

    arrow_type: as the files name it. NaN and infinities are counted apart and are in no distribution.
    For NESTED, rows - nulls says how often it is present.
    """

    name: str
    kind: Kind
    arrow_type: str
    rows: int
    nulls: int
    nan: int = 0
    plus_infinite: int = 0
    minus_infinite: int = 0
    numbers: NumberCounts | None = None
    categories: CategoryCounts | None = None

    @property
    def present(self) -> int:
        """Values that a distribution is made of; of lists and structs those that are there."""
        if self.kind is Kind.NESTED:
            return self.rows - self.nulls
        if self.numbers is not None:
            return self.numbers.total
        if self.categories is not None:
            return self.categories.total
        return self.rows - self.nulls


@dataclass(frozen=True, slots=True, eq=False)
class NumberPlan:
    """Where numbers are counted. few: the sample had so few distinct values that each is worth counting."""

    shift: float
    edges: Floats
    few: bool


@dataclass(frozen=True, slots=True, eq=False)
class ColumnPlan:
    """What is counted of one column. pinned: texts counted by name even among very many."""

    name: str
    kind: Kind
    arrow_type: str
    numbers: NumberPlan | None = None
    pinned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is counted of each column, made from a sample of the baseline. id: hash of all of it.

    Profiles made with one plan add up; the target of a comparison is profiled with its baseline's plan.
    """

    id: str
    columns: tuple[ColumnPlan, ...]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file that a profile was made of. size in bytes; hash: of its content if known, "" otherwise."""

    path: str
    size: int
    hash: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """One scan of some data. source: how a person calls it. fingerprint: digest of the files, "" if not known.

    columns: in the order of the plan; of columns that the plan does not know, or knows as another kind, see `others`:
    (name, arrow type), so that schema changes are told. notes: sentences on what was counted, for whoever reads of it.
    """

    plan: Plan
    rows: int
    columns: tuple[ColumnProfile, ...]
    others: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    files: tuple[FileFacts, ...] = ()
    source: str = ""
    fingerprint: str = ""
    notes: tuple[str, ...] = ()
