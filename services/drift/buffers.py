"""Arrow's memory as numpy arrays, without a copy and without pandas, which `Array.to_numpy` would import."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_WIDTHS: dict[str, np.dtype[Any]] = {
    "double": np.dtype(np.float64),
    "float": np.dtype(np.float32),
    **{name: np.dtype(name) for name in _INTEGERS},
}


def values_of(array: pa.Array) -> NDArray[Any]:
    """(n,) the values of an array of numbers, nulls included as whatever is there. Raises KeyError for other types."""
    found: NDArray[Any] = np.frombuffer(array.buffers()[1], _WIDTHS[str(array.type)])
    return found[array.offset : array.offset + len(array)]


def valid(array: pa.Array) -> NDArray[np.bool_]:
    """(n,) True where a value is."""
    buffer = array.buffers()[0]
    if buffer is None:
        return np.ones(len(array), np.bool_)
    bits = np.unpackbits(np.frombuffer(buffer, np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].astype(np.bool_)


def as_array(numbers: NDArray[np.int64]) -> pa.Array:
    """The numbers as Arrow has them, which share the memory."""
    raw = np.ascontiguousarray(numbers, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(raw), [None, pa.py_buffer(raw)])


def text_array(texts: Iterable[str]) -> pa.Array:
    """Texts as large strings. `pa.array` would import pandas to see whether it is given something of that."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
    data = pa.py_buffer(b"".join(encoded))
    return pa.Array.from_buffers(pa.large_string(), len(encoded), [None, pa.py_buffer(offsets), data])
