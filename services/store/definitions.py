"""A definition as stored JSON, and what makes two registrations identical."""

from __future__ import annotations

import hashlib
from typing import Any, cast

from pydantic import JsonValue, TypeAdapter

from services.datasets.model import DatastoreSource, Definition, Fingerprint, Source, WebSource
from services.store.columns import storable, to_json

_DEFINITION = TypeAdapter(Definition)


def definition_to_json(definition: Definition) -> JsonValue:
    """All fields by name; enums by their value, tuples as arrays."""
    plain: dict[str, JsonValue] = _DEFINITION.dump_python(definition, mode="json")
    if plain["mltable"] is None:  # not there in what older versions of the bot stored and hashed
        del plain["mltable"]
    return plain


def definition_from_json(stored: JsonValue) -> Definition:
    """The definition that `definition_to_json` stored."""
    return _DEFINITION.validate_python(stored)


def source_from_json(stored: JsonValue) -> Source:
    """The source of a stored definition alone, unchecked: where very many are read."""
    source = cast("dict[str, Any]", stored)["source"]
    if "urls" in source:
        return WebSource(tuple(source["urls"]))
    return DatastoreSource(source["datastore"], tuple(source["paths"]))


def identity(definition: Definition, fingerprint: Fingerprint) -> str:
    """Hex sha256 over the definition and the data behind it: equal exactly for identical registrations."""
    described = to_json([definition_to_json(definition), fingerprint.digest])
    return hashlib.sha256(described.encode("ascii")).hexdigest()


def source_datastore(definition: Definition) -> str:
    """Folded name of the datastore the data lie in, "" for web sources."""
    return storable(getattr(definition.source, "datastore", "")).casefold()
