"""Errors on their way from a worker process: plain values that pickle, made into the same error on arrival."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Literal

from services.errors import (
    Busy,
    Conflict,
    IdenticalData,
    InvalidInput,
    NameTaken,
    NotAllowed,
    NotFound,
    SourceProblem,
    TimedOut,
    Unavailable,
    UserError,
)

_PLAIN: dict[str, type[UserError]] = {
    kind.__name__: kind
    for kind in (
        UserError,
        NotAllowed,
        InvalidInput,
        NameTaken,
        SourceProblem,
        Conflict,
        Busy,
        TimedOut,
        Unavailable,
    )
}


class WorkError(RuntimeError):
    """A fault inside a worker process; its traceback is part of the message. For the log, not for people."""


@dataclass(frozen=True, slots=True)
class Carried:
    """An error as plain values. kind: class name of a UserError, "" for a fault, whose traceback is `sentence`.

    name: what an IdenticalData names, or the kind of a NotFound.
    """

    kind: str
    sentence: str
    code: str = ""
    field: str | None = None
    suggestions: tuple[str, ...] = ()
    name: str = ""
    version: int = 0


def pack(error: BaseException) -> Carried:
    """The error as values."""
    if isinstance(error, IdenticalData):
        return Carried("IdenticalData", error.sentence, error.code, error.field, (), error.name, error.version)
    if isinstance(error, NotFound):
        return Carried("NotFound", error.sentence, error.code, error.field, error.suggestions, error.kind)
    if isinstance(error, UserError):
        kind = next((base.__name__ for base in type(error).__mro__ if base.__name__ in _PLAIN), "UserError")
        return Carried(kind, error.sentence, error.code, error.field)
    return Carried("", "".join(traceback.format_exception(error)))


def unpack(carried: Carried) -> Exception:
    """The error again, ready to be raised."""
    if carried.kind == "":
        return WorkError(carried.sentence)
    if carried.kind == "IdenticalData":
        return IdenticalData(carried.sentence, name=carried.name, version=carried.version)
    if carried.kind == "NotFound":
        kind: Literal["dataset", "datastore"] = "datastore" if carried.name == "datastore" else "dataset"
        return NotFound(carried.sentence, suggestions=carried.suggestions, field=carried.field, kind=kind)
    return _PLAIN[carried.kind](carried.sentence, code=carried.code, field=carried.field)
