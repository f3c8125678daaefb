"""What runs inside Spark's executors: the kernel that counts locally, a partition at a time.

Shipped to them with the modules it imports (see `services.drift.spark.ship`), so it and they import only the standard
library, numpy and pyarrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from services.drift.columns import ColumnCounter, type_name
from services.drift.encode import decode, encode
from services.drift.model import ColumnPlan, Plan, Profile
from services.drift.numbers import BLOCK
from services.drift.profile import merge

PARTIAL = "profile"
"""The one column of what executors answer: encoded profiles."""

Batches = Iterator[pa.RecordBatch]
Task = Callable[[Batches], Batches]


def counting(plan: bytes) -> Task:
    """Counts a partition, whose columns are those of an encoded profile's plan; one encoded profile comes of it."""

    def count(batches: Batches) -> Batches:
        found = count_partition(decode(plan).plan, batches)
        if found is not None:
            yield _as_row(found)

    return count


def adding() -> Task:
    """Adds up the encoded profiles of a partition into one."""

    def add(batches: Batches) -> Batches:
        total: Profile | None = None
        for batch in batches:
            for packed in batch.column(0):
                part = decode(packed.as_py())
                total = part if total is None else merge(total, part)
        if total is not None:
            yield _as_row(total)

    return add


def sampling(rows: int) -> Task:
    """The first block of a partition, thinned to so many rows; the rest is not read."""

    def sample(batches: Batches) -> Batches:
        held: list[pa.RecordBatch] = []
        seen = 0
        for batch in batches:
            held.append(batch)
            seen += batch.num_rows
            if seen >= BLOCK:
                break
        if seen:
            table = pa.Table.from_batches(held)
            keep = np.unique(np.linspace(0, seen - 1, min(rows, seen)).round().astype(np.int64))
            yield from table.take(pa.array(keep)).combine_chunks().to_batches()

    return sample


def count_partition(plan: Plan, batches: Batches) -> Profile | None:
    """The profile of some batches whose columns are the plan's, in its order; None without a row."""
    counters: list[ColumnCounter] | None = None
    rows = 0
    for batch in batches:
        if not batch.num_rows:
            continue
        if counters is None:
            counters = [
                ColumnCounter(ColumnPlan(each.name, each.kind, type_name(field.type), each.numbers, each.pinned))
                for each, field in zip(plan.columns, batch.schema, strict=True)
            ]
        for index, counter in enumerate(counters):
            array = batch.column(index)
            # A column without any value comes as text, whatever the plan counts.
            counter.add(array if array.null_count < len(array) else pa.nulls(len(array)))
        rows += batch.num_rows
    if counters is None:
        return None
    return Profile(plan, rows, tuple(counter.result() for counter in counters))


def _as_row(profile: Profile) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([encode(profile)], pa.binary())], names=[PARTIAL])
