"""Column types that mean the same on SQLite and PostgreSQL, and what many tables have."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue
from sqlalchemy import BigInteger, Column, Dialect, ForeignKey, Index, Integer, Text, text
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))

Id = BigInteger().with_variant(Integer(), "sqlite")
"""A number the database gives out; SQLite only does so for its own INTEGER."""


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exact. Raises ValueError for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a stored time must carry its zone")
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(stored: int) -> datetime:
    """The UTC time that `to_microseconds` stored."""
    return _EPOCH + timedelta(microseconds=stored)


def to_json(value: JsonValue) -> str:
    """Compact ASCII JSON with sorted keys: the same value always gives the same text, and any text can be stored."""
    return _ENCODER.encode(value)


def storable(text: str) -> str:
    """The text with what no database takes (NUL, lone surrogates) replaced by U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


class AnyText(TypeDecorator[str]):
    """Text that people typed; see `storable`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class Name(AnyText):
    """Text to look up and sort by, compared code point by code point on both databases, as Python does."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        return Text(collation="C") if dialect.name == "postgresql" else Text()


class Moment(TypeDecorator[datetime]):
    """A time, UTC-aware in Python, microseconds since 1970 in the database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_microseconds(value)


class Json(TypeDecorator[JsonValue]):
    """A JSON value kept as ASCII text: also what PostgreSQL's own JSON refuses (NUL, lone surrogates) survives."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: JsonValue, dialect: Dialect) -> str:
        return to_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> JsonValue:
        return None if value is None else json.loads(value)


def workspace_id(ondelete: str | None = "CASCADE") -> Column[int]:
    """To which workspace a row belongs."""
    return Column("workspace_id", Id, ForeignKey("workspace.id", ondelete=ondelete), nullable=False)


def partial_index(name: str, where: str, *columns: Column[object], unique: bool = False) -> None:
    """An index on the rows that fulfil a condition; queries must say the condition in the same words."""
    Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))
