"""Arrow's memory as numpy arrays, without a copy and without pandas, which `Array.to_numpy` would import."""

from __future__ import annotations

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
