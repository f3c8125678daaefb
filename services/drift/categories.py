"""Counting texts: one by one while they are few, then by name for the plan's and by hash bucket for the rest.

Buckets add up and do not depend on the order of the data, unlike the usual sketches of frequent items; what they lose
is stated: distances over buckets are lower bounds (data processing inequality, Cover and Thomas, 2.8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from services.drift.buffers import as_array, text_array, valid, values_of
from services.drift.model import BUCKETS, CATEGORIES, CategoryCounts, Ints

LONGEST = 256
"""Characters of a text that are kept; a longer one is told by its beginning and a hash of all of it."""

_HASHED = 16_384  # texts
_SHORT = 4096  # bytes
_REGISTERS = 4096
_ALPHA = 0.7213 / (1 + 1.079 / _REGISTERS)
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)

Hashes = NDArray[np.uint64]


class CategoryCounter:
    """Adds up dictionary-encoded blocks of texts. Not for several threads at once."""

    def __init__(self, pinned: tuple[str, ...]) -> None:
        self._pinned = pinned
        self._total = 0
        self._texts: pa.Array = pa.nulls(0, pa.large_string())  # as they are counted, each once
        self._counts: Ints | None = np.zeros(0, np.int64)
        self._many: _Many | None = None

    def add(self, array: pa.Array) -> None:
        """Count an array of strings or of dictionary-encoded strings; nulls are left out."""
        if self._many is not None and not pa.types.is_dictionary(array.type):
            texts = _kept_texts(array.drop_null())
            self._add(texts, np.ones(len(texts), np.int64))
            return
        texts, counts = _distinct(array)
        there = np.flatnonzero(counts)
        if len(there) < len(counts):
            texts, counts = texts.take(as_array(there)), counts[there]
        self._add(*_each_once(_kept_texts(texts), counts))

    def add_counts(self, counts: Mapping[str, int]) -> None:
        """Count texts that were counted already."""
        there = {text: count for text, count in counts.items() if count}
        self._add(text_array(there), np.fromiter(there.values(), np.int64, len(there)))

    def result(self) -> CategoryCounts:
        """All that was counted so far."""
        if self._counts is not None:
            named = dict(zip(self._texts.to_pylist(), self._counts.tolist(), strict=True))
            return CategoryCounts(self._total, named, self._pinned, None, None, None)
        assert self._many is not None
        many = self._many
        return CategoryCounts(self._total, None, self._pinned, many.pinned_counts, many.buckets, many.sketch)

    def _add(self, texts: pa.Array, counts: Ints) -> None:
        """texts: distinct ones, all of which came."""
        self._total += int(counts.sum())
        if self._counts is not None and len(texts) <= CATEGORIES and self._remember(texts, counts):
            return
        if self._counts is not None:
            self._many = _Many(self._pinned)
            self._many.add(self._texts, self._counts)
            self._counts = None
        assert self._many is not None
        self._many.add(texts, counts)

    def _remember(self, texts: pa.Array, counts: Ints) -> bool:
        """Add to what is counted one by one; False, and nothing is changed, when it would be too much."""
        assert self._counts is not None
        found = pc.index_in(texts, value_set=self._texts)
        known = valid(found)
        new = np.flatnonzero(~known)
        if len(self._counts) + len(new) > CATEGORIES:
            return False
        self._counts[values_of(found)[known]] += counts[known]
        if len(new):
            self._texts = pa.concat_arrays([self._texts, texts.take(as_array(new))])
            self._counts = np.concatenate((self._counts, counts[new]))
        return True


class _Many:
    """Counts of more texts than can be told apart."""

    def __init__(self, pinned: tuple[str, ...]) -> None:
        self._order = np.argsort(hashes(text_array(pinned))) if pinned else np.empty(0, np.int64)
        self._known = hashes(text_array(pinned))[self._order] if pinned else np.empty(0, np.uint64)
        self.pinned_counts: Ints = np.zeros(len(pinned), np.int64)
        self.buckets: Ints = np.zeros(BUCKETS, np.int64)
        self.sketch = np.zeros(_REGISTERS, np.uint8)

    def add_counts(self, counts: Mapping[str, int]) -> None:
        if counts:
            self.add(text_array(counts), np.fromiter(counts.values(), np.int64, len(counts)))

    def add(self, texts: pa.Array, counts: Ints) -> None:
        """texts: distinct ones and how often each came. Texts of the plan are told by their 64-bit hash."""
        there = counts > 0
        marks, weights = hashes(texts)[there], counts[there]
        _see(self.sketch, marks)
        if len(self._known):
            at = np.minimum(np.searchsorted(self._known, marks), len(self._known) - 1)
            is_pinned = self._known[at] == marks
            np.add.at(self.pinned_counts, self._order[at[is_pinned]], weights[is_pinned])
            marks, weights = marks[~is_pinned], weights[~is_pinned]
        self.buckets += _in_buckets(marks, weights)


def hashes(texts: pa.Array) -> Hashes:
    """(n,) uint64 hash of each text, the same in every process and on every machine. No nulls.

    Eight bytes at a time into the mixing steps of splitmix64 (Steele, Lea, Flood 2014); long texts by BLAKE2b.
    """
    if texts.type != pa.large_string():
        texts = texts.cast(pa.large_string())
    if not len(texts):
        return np.empty(0, np.uint64)
    _, offset_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.empty(0, np.uint8)
    found: Hashes = np.empty(len(texts), np.uint64)
    for start in range(0, len(texts), _HASHED):  # not many at once, so that they stay in the cache
        part = offsets[start : start + _HASHED + 1]
        found[start : start + _HASHED] = _hashed(data, part[:-1], np.diff(part))
    return found


def _hashed(data: NDArray[np.uint8], starts: Ints, lengths: Ints) -> Hashes:
    mixed = lengths.astype(np.uint64) * _PRIME
    there = np.flatnonzero((lengths > 0) & (lengths <= _SHORT))
    if len(there):
        first = int(starts[there[0]])
        last = int(starts[there[-1]] + lengths[there[-1]])
        padded = np.concatenate((data[first:last], np.zeros(8, np.uint8)))
        words = np.ndarray((len(padded) - 7,), np.dtype("<u8"), padded, 0, (1,))  # the eight bytes from each byte on
        at, left, state = starts[there] - first, lengths[there], mixed[there]
        while True:
            state ^= words[at] & _MASKS[np.minimum(left, 8)]
            state *= _MIX
            state ^= state >> np.uint64(32)
            more = left > 8
            if not more.all():
                mixed[there[~more]] = state[~more]
                if not more.any():
                    break
                there, at, left, state = there[more], at[more], left[more], state[more]
            at, left = at + 8, left - 8
    for place in np.flatnonzero(lengths > _SHORT):
        text = data[starts[place] : starts[place] + lengths[place]]
        mixed[place] = int.from_bytes(blake2b(text.tobytes(), digest_size=8).digest(), "little")
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def kept(text: str) -> str:
    """The text as it is counted: the beginning and a hash of one that is very long."""
    found: str = _kept_texts(text_array([text]))[0].as_py()
    return found


def _kept_texts(texts: pa.Array) -> pa.Array:
    """(n,) large strings as they are counted."""
    texts = texts.cast(pa.large_string())
    long = np.flatnonzero(values_of(pc.utf8_length(texts).cast(pa.int64())) > LONGEST)
    if not len(long):
        return texts
    whole = texts.take(as_array(long))
    beginnings = pc.utf8_slice_codeunits(whole, 0, LONGEST - 17).to_pylist()
    told = dict(zip(long.tolist(), zip(beginnings, hashes(whole).tolist(), strict=True), strict=True))
    short = texts.to_pylist() if len(long) < len(texts) else [""] * len(texts)
    return text_array(f"{told[i][0]}…{told[i][1]:016x}" if i in told else text for i, text in enumerate(short))


def _each_once(texts: pa.Array, counts: Ints) -> tuple[pa.Array, Ints]:
    """The same when a text comes twice in them, as a dictionary may hold one."""
    encoded = texts.dictionary_encode()
    if len(encoded.dictionary) == len(texts):
        return texts, counts
    return encoded.dictionary, np.bincount(values_of(encoded.indices), weights=counts).astype(np.int64)


def merge_categories(one: CategoryCounts, other: CategoryCounts) -> CategoryCounts:
    """Both together. They must be of one plan."""
    total = one.total + other.total
    if one.counts is not None and other.counts is not None:
        summed = dict(one.counts)
        for text, count in other.counts.items():
            summed[text] = summed.get(text, 0) + count
        if len(summed) <= CATEGORIES:
            return CategoryCounts(total, summed, one.pinned, None, None, None)
    many = _Many(one.pinned)
    for each in (one, other):
        if each.counts is not None:
            many.add_counts(each.counts)
        else:
            assert each.pinned_counts is not None
            assert each.buckets is not None
            assert each.sketch is not None
            many.pinned_counts += each.pinned_counts
            many.buckets += each.buckets
            np.maximum(many.sketch, each.sketch, out=many.sketch)
    return CategoryCounts(total, None, one.pinned, many.pinned_counts, many.buckets, many.sketch)


def distinct(counts: CategoryCounts) -> tuple[float, float]:
    """How many distinct texts, and the relative standard error of that (0 when they were counted one by one).

    HyperLogLog, Flajolet et al. 2007, with linear counting for few: 1.04 / sqrt(4096) = 1.6 %.
    """
    if counts.counts is not None:
        return float(len(counts.counts)), 0.0
    assert counts.sketch is not None
    estimate = _ALPHA * _REGISTERS**2 / float(np.sum(np.exp2(-counts.sketch.astype(np.float64))))
    empty = int(np.count_nonzero(counts.sketch == 0))
    if estimate <= 2.5 * _REGISTERS and empty:
        estimate = _REGISTERS * float(np.log(_REGISTERS / empty))
    return estimate, 1.04 / _REGISTERS**0.5


def as_buckets(counts: CategoryCounts, pinned: tuple[str, ...]) -> tuple[Ints, Ints]:
    """(counts of the pinned texts, counts in buckets), whichever way they are kept."""
    if counts.counts is None:
        assert counts.pinned_counts is not None
        assert counts.buckets is not None
        return counts.pinned_counts, counts.buckets
    many = _Many(pinned)
    many.add_counts(counts.counts)
    return many.pinned_counts, many.buckets


def all_in_buckets(counts: CategoryCounts, pinned: tuple[str, ...]) -> Ints:
    """(BUCKETS,) every text by hash, those of the plan as well.

    The plan's are the most frequent ones of a sample of the baseline, so beside the rest they always look as if they
    were rarer in other data; by hash there is no such choice, and equal data look equal.
    """
    named, buckets = as_buckets(counts, pinned)
    return buckets + _in_buckets(hashes(text_array(pinned)), named)


def pinned_of(sample: Sequence[pa.Array], limit: int = 1000) -> tuple[str, ...]:
    """The most frequent texts of a sample, sorted, for a plan; () for fewer than two.

    sample: arrays of strings or of dictionary-encoded strings.
    """
    parts = [_distinct(chunk) for chunk in sample if len(chunk)]
    if not parts:
        return ()
    every = pa.concat_arrays([texts.cast(pa.large_string()) for texts, _ in parts])
    texts, counts = _each_once(every, np.concatenate([counts for _, counts in parts]))
    if np.count_nonzero(counts) < 2:
        return ()
    least = max(int(np.partition(counts, -limit)[-limit]), 1) if len(counts) > limit else 1
    chosen = np.flatnonzero(counts >= least)
    named = zip((-counts[chosen]).tolist(), texts.take(as_array(chosen)).to_pylist(), strict=True)
    most = [text for _, text in sorted(named)[:limit]]
    return tuple(sorted(_kept_texts(text_array(most)).to_pylist()))


def _in_buckets(marks: Hashes, weights: Ints) -> Ints:
    places = (marks >> np.uint64(40)).astype(np.int64) % BUCKETS
    return np.bincount(places, weights=weights, minlength=BUCKETS).astype(np.int64)


def _distinct(array: pa.Array) -> tuple[pa.Array, Ints]:
    """(dictionary, how often each of its texts comes). Nulls are not counted."""
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    indices = array.indices
    places = values_of(indices)
    if indices.null_count:
        places = places[valid(indices)]
    counts = np.bincount(places, minlength=len(array.dictionary)).astype(np.int64)
    dictionary = array.dictionary
    if dictionary.null_count:
        counts = counts[valid(dictionary)]
        dictionary = dictionary.drop_null()
    return dictionary, counts


def _see(sketch: NDArray[np.uint8], marks: Hashes) -> None:
    if not len(marks):
        return
    register = (marks & np.uint64(_REGISTERS - 1)).astype(np.int64)
    rest = marks >> np.uint64(12)
    # Leading zeros of the 52 bits, plus one. float64 holds them exactly, so the exponent tells.
    _, exponent = np.frexp(rest.astype(np.float64))
    np.maximum.at(sketch, register, (53 - exponent).astype(np.uint8))
