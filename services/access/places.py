"""Which part of a datastore a source covers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from services.access.model import DataPlace
from services.datasets.model import DatastoreSource, Source

_WILD = re.compile(r"[*?]")


def prefix_of(path: str) -> str:
    """The part of a path or glob before its first wildcard, up to a slash; see `DataPlace` for what it means."""
    path = path.removeprefix("/")
    wild = _WILD.search(path)
    if wild is None:
        return path
    return path[: path.rfind("/", 0, wild.start()) + 1]


def places_of(sources: Iterable[Source]) -> tuple[DataPlace, ...]:
    """What sources on datastores cover, one place for each datastore, prefixes sorted, none within another."""
    found: dict[str, set[str]] = {}
    for source in sources:
        if isinstance(source, DatastoreSource):
            found.setdefault(source.datastore.lower(), set()).update(map(prefix_of, source.paths))
    return tuple(DataPlace(datastore, _outermost(prefixes)) for datastore, prefixes in sorted(found.items()))


def contains(outer: str, inner: str) -> bool:
    """Does everything under the prefix `inner` lie under the prefix `outer`?"""
    if outer in ("", inner):
        return True
    return inner.startswith(outer if outer.endswith("/") else f"{outer}/")


def covers(outer: Iterable[DataPlace], inner: Iterable[DataPlace]) -> bool:
    """Does everything in the inner places lie in the outer ones?"""
    known = {place.datastore: place.prefixes for place in outer}
    return all(
        any(contains(wide, narrow) for wide in known.get(place.datastore, ()))
        for place in inner
        for narrow in place.prefixes
    )


def overlap(some: Iterable[DataPlace], others: Iterable[DataPlace]) -> bool:
    """Is there anything that lies in both?"""
    known = {place.datastore: place.prefixes for place in others}
    return any(
        contains(one, other) or contains(other, one)
        for place in some
        for one in place.prefixes
        for other in known.get(place.datastore, ())
    )


def _outermost(prefixes: set[str]) -> tuple[str, ...]:
    return tuple(
        each for each in sorted(prefixes) if not any(other != each and contains(other, each) for other in prefixes)
    )
