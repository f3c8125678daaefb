"""Profiles add up: whatever the order and the split, and as bytes too."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.drift.encode import decode, encode
from services.drift.model import CategoryCounts, NumberCounts, Profile
from services.drift.plan import EDGES, LEAST_EDGES, edges_for
from services.drift.profile import merge_all
from services.drift.stored import NotAProfileError
from tests.drift.frames import as_table, heavy, profiled


def _data(seed: int, rows: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {f"n{kind}": heavy(rng, kind, rows) for kind in range(11)}
    columns["gaps"] = pa.array(rng.normal(size=rows), mask=rng.random(rows) < 0.3)
    columns["few"] = rng.choice(["a", "b", ""], rows)
    columns["many"] = [f"t{x}" for x in rng.integers(0, 30_000, rows)]
    columns["flag"] = rng.random(rows) < 0.4
    columns["at"] = pa.array(rng.integers(0, 10**15, rows), pa.timestamp("us"))
    columns["items"] = pa.array([[0] * int(x) for x in rng.integers(0, 5, rows)])
    return as_table(columns)


def _same(one: Profile, other: Profile) -> None:
    assert (one.rows, one.plan.id) == (other.rows, other.plan.id)
    for mine, theirs in zip(one.columns, other.columns, strict=True):
        plain = ("name", "kind", "rows", "nulls", "nan", "plus_infinite", "minus_infinite", "present")
        assert [getattr(mine, name) for name in plain] == [getattr(theirs, name) for name in plain]
        if mine.numbers is not None and theirs.numbers is not None:
            _same_numbers(mine.numbers, theirs.numbers)
        if mine.categories is not None and theirs.categories is not None:
            _same_texts(mine.categories, theirs.categories)


def _same_numbers(one: NumberCounts, other: NumberCounts) -> None:
    assert (one.total, one.minimum, one.maximum) == pytest.approx(
        (other.total, other.minimum, other.maximum), nan_ok=True
    )
    assert np.array_equal(one.below, other.below)
    assert np.array_equal(one.upto, other.upto)
    size = max((one.square * max(one.total, 1)) ** 0.5, 1e-300)
    assert one.sum == pytest.approx(other.sum, rel=1e-9, abs=1e-12 * size)
    assert one.square == pytest.approx(other.square, rel=1e-9)
    assert np.allclose(one.sum_below, other.sum_below, rtol=1e-9, atol=1e-12 * size)
    assert (one.values is None) == (other.values is None)
    if one.values is not None and other.values is not None and one.counts is not None and other.counts is not None:
        assert np.array_equal(one.values, other.values)
        assert np.array_equal(one.counts, other.counts)


def _same_texts(one: CategoryCounts, other: CategoryCounts) -> None:
    assert one.total == other.total
    assert one.counts == other.counts
    for name in ("pinned_counts", "buckets", "sketch"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert (mine is None) == (theirs is None)
        assert mine is None or np.array_equal(mine, theirs)


WHOLE = _data(1, 24_000)
PLAN = profiled(WHOLE.slice(0, 5000)).plan
PROFILE = profiled(WHOLE, PLAN)


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, 24_000), max_size=6), seed=st.integers(0, 1000))
def test_whatever_the_order_and_the_split(cuts: list[int], seed: int) -> None:
    ends = [0, *sorted(cuts), 24_000]
    parts = [profiled(WHOLE.slice(start, end - start), PLAN) for start, end in pairwise(ends)]
    random.Random(seed).shuffle(parts)
    middle = len(parts) // 2
    halves = [half for half in (parts[:middle], parts[middle:]) if half]
    _same(merge_all([merge_all(half) for half in halves]), PROFILE)


def test_bytes_hold_all_of_it_and_are_the_same_each_time() -> None:
    packed = encode(PROFILE)
    _same(decode(packed), PROFILE)
    assert encode(decode(packed)) == packed == encode(profiled(WHOLE, PLAN))


def test_a_profile_of_20_columns_is_small() -> None:
    rng = np.random.default_rng(2)
    columns: dict[str, Any] = {f"n{i}": rng.normal(size=60_000) for i in range(13)}
    columns |= {f"c{i}": [f"category {x}" for x in rng.integers(0, 10 ** (i + 1), 60_000)] for i in range(4)}
    columns |= {f"b{i}": rng.random(60_000) < 0.5 for i in range(3)}
    assert len(encode(profiled(columns))) <= 600_000
    assert (edges_for(20), edges_for(80), edges_for(1000)) == (EDGES, EDGES // 2, LEAST_EDGES)


@pytest.mark.parametrize("seed", range(60))
def test_damaged_bytes_are_refused_not_believed(seed: int) -> None:
    packed = bytearray(encode(profiled(WHOLE.slice(0, 500).select(["n0", "few", "at"]))))
    rng = random.Random(seed)
    if seed % 3 == 0:
        packed = packed[: rng.randrange(len(packed))]
    else:
        place = rng.randrange(len(packed))
        packed[place] ^= 1 << rng.randrange(8)
    with pytest.raises(NotAProfileError):
        decode(bytes(packed))


def test_profiles_of_different_plans_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="different plans"):
        merge_all([PROFILE, profiled(WHOLE.select(["n0"]))])
    with pytest.raises(ValueError, match="no profile"):
        merge_all([])
