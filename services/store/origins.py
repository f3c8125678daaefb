"""`Origin` as stored JSON."""

from __future__ import annotations

from dataclasses import fields

from pydantic import JsonValue

from services.jobs import Origin

_FIELDS = tuple(field.name for field in fields(Origin))


def origin_to_json(origin: Origin) -> JsonValue:
    """All fields by name."""
    return {name: getattr(origin, name) for name in _FIELDS}


def origin_from_json(stored: JsonValue) -> Origin:
    """The origin that `origin_to_json` stored; fields of other versions of the bot are left out or empty."""
    values = stored if isinstance(stored, dict) else {}
    return Origin(**{name: str(values.get(name, "")) for name in _FIELDS})
