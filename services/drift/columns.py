"""Arrow columns as what is counted: numbers, texts, and what is neither."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.drift.buffers import valid, values_of
from services.drift.categories import CategoryCounter
from services.drift.model import ColumnPlan, ColumnProfile, Kind
from services.drift.numbers import NumberCounter, Numbers


def kind_of(arrow: pa.DataType) -> Kind:
    """How a column of this type is compared."""
    t = pa.types
    if t.is_dictionary(arrow):
        return kind_of(arrow.value_type)
    tests = (
        (Kind.EMPTY, (t.is_null,)),
        (Kind.BOOLEAN, (t.is_boolean,)),
        (Kind.NUMBER, (t.is_integer, t.is_floating, t.is_decimal, t.is_duration)),
        (Kind.TIME, (t.is_timestamp, t.is_date, t.is_time)),
        (Kind.NESTED, (t.is_nested,)),
    )
    return next((kind for kind, any_of in tests if any(test(arrow) for test in any_of)), Kind.CATEGORY)


def type_name(arrow: pa.DataType) -> str:
    """The type as a report names it; how values are packed does not count."""
    t = pa.types
    if t.is_dictionary(arrow):
        return type_name(arrow.value_type)
    if t.is_large_string(arrow) or t.is_string_view(arrow):
        return "string"
    if t.is_large_binary(arrow) or t.is_binary_view(arrow):
        return "binary"
    return str(arrow)


@dataclass(slots=True)
class ColumnCounter:
    """Adds up one column. Not for several threads at once."""

    plan: ColumnPlan
    rows: int = 0
    nulls: int = 0
    nan: int = 0
    plus_infinite: int = 0
    minus_infinite: int = 0
    _numbers: NumberCounter | None = None
    _texts: CategoryCounter | None = None

    def __post_init__(self) -> None:
        if self.plan.numbers is not None:
            self._numbers = NumberCounter(self.plan.numbers)
        elif self.plan.kind in (Kind.CATEGORY, Kind.BOOLEAN):
            self._texts = CategoryCounter(self.plan.pinned)

    def add(self, array: pa.Array) -> None:
        """Count an array of the plan's kind."""
        self.rows += len(array)
        self.nulls += logical_nulls(array)
        if self._texts is not None:
            if pa.types.is_boolean(array.type):
                self._texts.add_counts({"true": array.true_count, "false": array.false_count})
            else:
                self._texts.add(texts_of(array))
        elif self._numbers is not None:
            numbers = lengths_of(array) if self.plan.kind is Kind.NESTED else numbers_of(array)
            if numbers.dtype.kind == "f":
                numbers = self._finite(numbers)
            self._numbers.add(numbers)

    def result(self) -> ColumnProfile:
        """All that was counted so far."""
        return ColumnProfile(
            name=self.plan.name,
            kind=self.plan.kind,
            arrow_type=self.plan.arrow_type,
            rows=self.rows,
            nulls=self.nulls,
            nan=self.nan,
            plus_infinite=self.plus_infinite,
            minus_infinite=self.minus_infinite,
            numbers=None if self._numbers is None else self._numbers.result(),
            categories=None if self._texts is None else self._texts.result(),
        )

    def _finite(self, numbers: Numbers) -> Numbers:
        finite = np.isfinite(numbers)
        if finite.all():
            return numbers
        odd = numbers[~finite]
        self.nan += int(np.isnan(odd).sum())
        self.plus_infinite += int(np.isposinf(odd).sum())
        self.minus_infinite += int(np.isneginf(odd).sum())
        kept: Numbers = numbers[finite]
        return kept


def logical_nulls(array: pa.Array) -> int:
    """Nulls, also those of a dictionary."""
    if pa.types.is_dictionary(array.type) and array.dictionary.null_count:
        return int(pc.sum(pc.is_null(array.dictionary_decode())).as_py())
    return int(array.null_count)


def numbers_of(array: pa.Array) -> Numbers:
    """(m,) the values that are not null: float64, float32, int64 or int32. Times: microseconds, UTC."""
    t = pa.types
    kind = array.type
    if t.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if t.is_null(kind):
        return np.empty(0)
    if t.is_decimal(kind) or t.is_float16(kind):
        array = array.cast(pa.float64(), safe=False)
    elif t.is_date(kind):
        array = array.cast(pa.timestamp("us")).cast(pa.int64())
    elif t.is_timestamp(kind):
        array = array.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
    elif t.is_time(kind):
        array = array.cast(pa.int64() if t.is_time64(kind) else pa.int32())
    elif t.is_duration(kind):
        array = array.cast(pa.int64())
    elif t.is_uint64(kind):
        array = array.cast(pa.float64(), safe=False)
    elif t.is_uint32(kind):
        array = array.cast(pa.int64())
    elif t.is_integer(kind) and kind.bit_width < 32:
        array = array.cast(pa.int32())
    raw: Numbers = values_of(array)
    if array.null_count:
        raw = raw[valid(array)]
    return raw


def texts_of(array: pa.Array) -> pa.Array:  # noqa: PLR0911 - one answer for each kind of type
    """Strings or dictionary-encoded strings; whatever else there is, as text."""
    t = pa.types
    kind = array.type
    if t.is_dictionary(kind):
        value = kind.value_type
        if t.is_string(value) or t.is_large_string(value):
            return array
        return pa.DictionaryArray.from_arrays(array.indices, texts_of(array.dictionary))
    if t.is_boolean(kind):
        return array.cast(pa.string())
    if t.is_string(kind) or t.is_large_string(kind):
        return array
    if t.is_string_view(kind):
        return array.cast(pa.large_string())
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind) or t.is_binary_view(kind):
        values = [None if value is None else value.hex() for value in array.to_pylist()]
        return pa.array(values, pa.large_string())
    return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.large_string())


def lengths_of(array: pa.Array) -> Numbers:
    """(m,) how many items each list or map holds that is not null; nothing for a struct."""
    t = pa.types
    if t.is_struct(array.type) or t.is_union(array.type):
        return np.empty(0)
    if t.is_map(array.type):
        array = array.cast(pa.list_(pa.struct([("key", array.type.key_type), ("value", array.type.item_type)])))
    return numbers_of(pc.list_value_length(array).cast(pa.int64()))
