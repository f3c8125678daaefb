"""What the tests of the worker pool run in its processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from services.errors import IdenticalData, InvalidInput, NotFound, SourceProblem


def process_id() -> int:
    return os.getpid()


def add(one: int, two: int) -> int:
    return one + two


def sleep(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def mark_and_sleep(path: str, seconds: float) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(seconds)


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def allocate(size: int) -> int:
    return len(bytearray(size))


def allocate_arrow(size: int) -> int:
    import pyarrow as pa

    return int(pa.allocate_buffer(size).size)


def made_an_array_without_pandas() -> bool:
    import pyarrow as pa

    return len(pa.array([object() is None, True])) == 2 and "pandas" not in sys.modules


def raise_not_found() -> NoReturn:
    raise NotFound("There is no x.", suggestions=("y", "z"), field="name")


def raise_identical() -> NoReturn:
    raise IdenticalData("Registered as x:3.", name="x", version=3)


def raise_problem() -> NoReturn:
    raise SourceProblem("Mixed.", code="mixed_schemas", field="source")


class OwnInput(InvalidInput):
    """A kind of error that only the worker knows."""


def raise_own() -> NoReturn:
    raise OwnInput("No.", code="own")


def raise_fault() -> NoReturn:
    raise ZeroDivisionError("a fault with a traceback")


def unpicklable() -> object:
    return lambda: None


def note_once() -> None:
    """Leave a file named after this process where `WARMED` says; a second time in one process is told by its size."""
    with Path(os.environ["WARMED"], str(os.getpid())).open("a") as note:
        note.write("x")
    time.sleep(0.3)
