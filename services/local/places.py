"""Which registered datasets lie where on this machine, and which of them were there first.

Registering a path anew must not open it: whoever wants to read what an older dataset covers needs access to that one.
"""

from __future__ import annotations

import asyncio
import bisect
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from sqlalchemy import Connection, select

from services.access.places import prefix_of
from services.datasets.model import DatastoreSource, Source
from services.store import tables
from services.store.columns import storable
from services.store.database import Database
from services.store.definitions import source_from_json
from services.store.workspaces import WorkspaceRow

T = TypeVar("T")

_CHUNK = 500
_dataset, _version, _datastore = tables.dataset, tables.dataset_version, tables.datastore
_record = tables.dataset_record

_Since = int
"""When a dataset covered a place first, in microseconds since 1970, above the `_BITS` of its number, which orders what
came in the same instant: one number, since a large workspace has half a million of them."""

_BITS = 40
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _since(at: datetime, number: int) -> _Since:
    return (at - _EPOCH) // _MICROSECOND << _BITS | number


def _number(since: _Since) -> int:
    return since & (1 << _BITS) - 1


class _Claims:
    """Which datasets cover a place, by its path or address, each since when it did first."""

    def __init__(self) -> None:
        self._held: dict[str, _Since | dict[int, _Since]] = {}  # mostly one, which needs no table of its own

    def add(self, place: str, since: _Since) -> bool:
        """Whether the place is new."""
        held = self._held.get(place)
        if held is None:
            self._held[place] = since
            return True
        if isinstance(held, int):
            if _number(held) == _number(since):
                self._held[place] = min(held, since)
                return False
            held = self._held[place] = {_number(held): held}
        held[_number(since)] = min(since, held.get(_number(since), since))
        return False

    def of(self, place: str) -> Iterable[_Since]:
        """Those of one place."""
        held = self._held.get(place, ())
        return (held,) if isinstance(held, int) else held.values() if isinstance(held, dict) else held

    def all(self) -> Iterator[_Since]:
        """Those of every place."""
        for place in self._held:
            yield from self.of(place)


@dataclass(slots=True)
class _Paths:
    """What lies in one datastore. paths: all that are covered, sorted when `is_sorted`."""

    claims: _Claims = field(default_factory=_Claims)
    paths: list[str] = field(default_factory=list)
    is_sorted: bool = True

    def add(self, path: str, since: _Since) -> None:
        if self.claims.add(path, since):
            self.paths.append(path)
            self.is_sorted = False

    def above(self, path: str) -> Iterator[_Since]:
        """Of what covers all of a path: the path itself and the folders it lies in."""
        while True:
            yield from self.claims.of(path)
            if not path:
                return
            path = path.rpartition("/")[0]

    def below(self, path: str) -> Iterator[_Since]:
        """Of what lies somewhere under a path."""
        if not self.is_sorted:
            self.paths.sort()
            self.is_sorted = True
        # "0" follows "/", so these are exactly the paths that begin with "path/".
        first = bisect.bisect_left(self.paths, f"{path}/") if path else 0
        last = bisect.bisect_left(self.paths, f"{path}0") if path else len(self.paths)
        for each in self.paths[first:last]:
            yield from self.claims.of(each)


class RegisteredPlaces:
    """The places of all versions of a local workspace's datasets, kept in memory and brought up to date at each look.

    workspace: the key of the catalogue in the database; root: the workspace's directory. Paths are compared within
    the folders behind the datastores, so two datastores of one folder are one place. Web addresses are compared whole,
    without what follows their path.
    """

    def __init__(self, db: Database, workspace: str, root: Path) -> None:
        self._db = db
        self._workspace = WorkspaceRow(db, workspace)
        self._root = root
        self._folder = ""
        self._stores: defaultdict[str, _Paths] = defaultdict(_Paths)
        self._urls = _Claims()
        self._names: dict[int, tuple[str, int]] = {}
        self._numbers: dict[str, int] = {}
        self._seen = 0
        self._looking = asyncio.Lock()

    async def before(self, dataset: str, source: Source) -> tuple[str, ...]:
        """Datasets that cover some of what the source covers, since before `dataset` covered it; oldest first.

        dataset: "" for a source that is not registered; then all that cover some of it.
        """
        folders = await self.look()
        number = self._numbers.get(dataset, 0)
        found: dict[int, _Since] = {}
        for over, under in self._around(source, folders):
            mine = min((since for since in over if _number(since) == number), default=None)
            for since in (*over, *under):
                other = _number(since)
                if other != number and (mine is None or since < mine):
                    found[other] = min(since, found.get(other, since))
        return tuple(self._names[each][0] for each in sorted(found, key=found.__getitem__))

    async def owners(self, names: Iterable[str]) -> Mapping[str, str]:
        """Slack ids of the owners; datasets that nobody owns are left out."""
        workspace_id = await self._workspace.id()
        wanted = list(names)

        def work(connection: Connection) -> dict[str, str]:
            found: dict[str, str] = {}
            for chunk in _chunks(wanted):
                query = select(_record.c.name, _record.c.owner).where(
                    _record.c.workspace_id == workspace_id, _record.c.name.in_(chunk), _record.c.owner != ""
                )
                found |= {row.name: row.owner for row in connection.execute(query)}
            return found

        return await self._db.read(work)

    def _around(self, source: Source, folders: Mapping[str, str]) -> Iterator[tuple[list[_Since], list[_Since]]]:
        """For each path of a source: what covers all of it, and what covers a part of it."""
        if not isinstance(source, DatastoreSource):
            for url in source.urls:
                yield list(self._urls.of(_address(url))), []
            return
        folder = _folder_of(folders, storable(source.datastore).casefold())
        for path in dict.fromkeys(map(_relative, source.paths)):
            whole = posixpath.join(folder, path) if path else folder
            over: list[_Since] = []
            under: list[_Since] = []
            for store, paths in self._stores.items():
                top = _folder_of(folders, store)
                if whole == top or whole.startswith(f"{top.rstrip('/')}/"):
                    within = whole[len(top) :].strip("/")
                    over += paths.above(within)
                    under += paths.below(within)
                elif top.startswith(f"{whole.rstrip('/')}/"):
                    under += paths.claims.all()
            yield over, under

    async def look(self) -> Mapping[str, str]:
        """Read what changed since the last look; returns the folder behind each datastore."""
        async with self._looking:
            return await self._refresh()

    async def _refresh(self) -> Mapping[str, str]:
        if not self._folder:
            self._folder = str(await asyncio.to_thread(self._root.resolve))
        workspace_id = await self._workspace.id()

        def work(connection: Connection) -> tuple[list[tuple[int, str, int, int]], dict[str, str]]:
            changed = [
                (row.id, row.name, row.latest_version, row.change_seq)
                for row in connection.execute(
                    select(_dataset.c.id, _dataset.c.name, _dataset.c.latest_version, _dataset.c.change_seq)
                    .where(_dataset.c.workspace_id == workspace_id, _dataset.c.change_seq > self._seen)
                    .order_by(_dataset.c.change_seq)
                )
            ]
            stored = connection.execute(
                select(_datastore.c.folded, _datastore.c.folder).where(_datastore.c.workspace_id == workspace_id)
            )
            return changed, {row.folded: row.folder for row in stored}

        changed, stored = await self._db.read(work)
        # Bit by bit: the first look at a large workspace should hold up nobody, and never hold all of it at once.
        for chunk in _chunks(changed):
            known = {number: self._names.get(number, ("", 0))[1] for number, *_ in chunk}
            added = [number for number, _, latest, _ in chunk if latest > known[number]]
            for claim in await self._db.read(partial(_claims, dataset_ids=added, known=known)) if added else ():
                self._add(claim)
            for number, name, latest, change in chunk:
                self._names[number] = (name, latest)
                self._numbers[name] = number
                self._seen = max(self._seen, change)
        return {name: posixpath.normpath(posixpath.join(self._folder, folder)) for name, folder in stored.items()}

    def _add(self, claim: _Claim) -> None:
        if claim.datastore is not None:
            self._stores[claim.datastore].add(claim.path, claim.since)
            return
        self._urls.add(claim.path, claim.since)


class _Claim(NamedTuple):
    """datastore: folded name, None for a web address."""

    datastore: str | None
    path: str
    since: _Since


def _claims(connection: Connection, dataset_ids: list[int], known: Mapping[int, int]) -> list[_Claim]:
    """Of the versions of these datasets that are not known yet."""
    found: list[_Claim] = []
    query = select(_version.c.dataset_id, _version.c.version, _version.c.definition, _version.c.created_at).where(
        _version.c.dataset_id.in_(dataset_ids)
    )
    for row in connection.execute(query):
        if row.version <= known.get(row.dataset_id, 0):
            continue
        source, since = source_from_json(row.definition), _since(row.created_at, row.dataset_id)
        if isinstance(source, DatastoreSource):
            datastore = storable(source.datastore).casefold()
            found += [_Claim(datastore, _relative(path), since) for path in source.paths]
        else:
            found += [_Claim(None, _address(url), since) for url in source.urls]
    return found


def _chunks(items: list[T]) -> Iterator[list[T]]:
    for first in range(0, len(items), _CHUNK):
        yield items[first : first + _CHUNK]


def _folder_of(folders: Mapping[str, str], datastore: str) -> str:
    """Where a datastore is; one that is gone is a place of its own."""
    return folders.get(datastore, f"/datastore:{datastore}")


def _relative(path: str) -> str:
    """What a path or glob covers as a plain path, "" for the whole datastore; a folder is written like a file."""
    plain = posixpath.normpath(prefix_of(path)).strip("/")
    return "" if plain == "." else plain


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{(parts.hostname or '').lower()}{posixpath.normpath(parts.path or '/')}"
