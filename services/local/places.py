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
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from sqlalchemy import Connection, select

from services.access.places import prefix_of
from services.datasets.model import DatastoreSource, Source
from services.store import tables
from services.store.columns import storable
from services.store.database import Database
from services.store.definitions import definition_from_json
from services.store.workspaces import WorkspaceRow

T = TypeVar("T")

_CHUNK = 500
_dataset, _version, _datastore = tables.dataset, tables.dataset_version, tables.datastore
_record = tables.dataset_record

_Since = tuple[datetime, int]
"""When a dataset covered a place first, and its number, which orders what came in the same instant."""


@dataclass(slots=True)
class _Paths:
    """What lies in one datastore: path → dataset's number → since when. paths: the keys, sorted when `is_sorted`."""

    claims: dict[str, dict[int, _Since]] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    is_sorted: bool = True

    def add(self, path: str, since: _Since) -> None:
        claims = self.claims.get(path)
        if claims is None:
            self.paths.append(path)
            self.is_sorted = False
            claims = self.claims[path] = {}
        claims[since[1]] = min(since, claims.get(since[1], since))

    def above(self, path: str) -> Iterator[_Since]:
        """Of what covers all of a path: the path itself and the folders it lies in."""
        while True:
            yield from self.claims.get(path, {}).values()
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
            yield from self.claims[each].values()


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
        self._urls: defaultdict[str, dict[int, _Since]] = defaultdict(dict)
        self._names: dict[int, tuple[str, int]] = {}
        self._numbers: dict[str, int] = {}
        self._seen = 0
        self._looking = asyncio.Lock()

    async def before(self, dataset: str, source: Source) -> tuple[str, ...]:
        """Datasets that cover some of what the source covers, since before `dataset` covered it; oldest first.

        dataset: "" for a source that is not registered; then all that cover some of it.
        """
        async with self._looking:
            folders = await self._refresh()
        number = self._numbers.get(dataset, 0)
        found: dict[int, _Since] = {}
        for over, under in self._around(source, folders):
            mine = min((since for since in over if since[1] == number), default=None)
            for since in (*over, *under):
                if since[1] != number and (mine is None or since < mine):
                    found[since[1]] = min(since, found.get(since[1], since))
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
                yield list(self._urls.get(_address(url), {}).values()), []
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
                    under += (since for claims in paths.claims.values() for since in claims.values())
            yield over, under

    async def _refresh(self) -> Mapping[str, str]:
        """Read what changed since the last look; returns the folder behind each datastore."""
        if not self._folder:
            self._folder = str(await asyncio.to_thread(self._root.resolve))
        workspace_id = await self._workspace.id()
        known = {number: latest for number, (_, latest) in self._names.items()}

        def work(connection: Connection) -> tuple[list[tuple[int, str, int, int]], list[_Claim], dict[str, str]]:
            changed = [
                (row.id, row.name, row.latest_version, row.change_seq)
                for row in connection.execute(
                    select(_dataset.c.id, _dataset.c.name, _dataset.c.latest_version, _dataset.c.change_seq)
                    .where(_dataset.c.workspace_id == workspace_id, _dataset.c.change_seq > self._seen)
                    .order_by(_dataset.c.change_seq)
                )
            ]
            added = [number for number, _, latest, _ in changed if latest > known.get(number, 0)]
            claims = [each for chunk in _chunks(added) for each in _claims(connection, chunk, known)]
            stored = connection.execute(
                select(_datastore.c.folded, _datastore.c.folder).where(_datastore.c.workspace_id == workspace_id)
            )
            return changed, claims, {row.folded: row.folder for row in stored}

        changed, claims, stored = await self._db.read(work)
        for count, claim in enumerate(claims, 1):
            self._add(claim)
            if count % _CHUNK == 0:
                await asyncio.sleep(0)  # the first look at a large workspace should not hold up everybody else
        for number, name, latest, change in changed:
            self._names[number] = (name, latest)
            self._numbers[name] = number
            self._seen = max(self._seen, change)
        return {name: posixpath.normpath(posixpath.join(self._folder, folder)) for name, folder in stored.items()}

    def _add(self, claim: _Claim) -> None:
        if claim.datastore is not None:
            self._stores[claim.datastore].add(claim.path, claim.since)
            return
        claims = self._urls[claim.path]
        claims[claim.since[1]] = min(claim.since, claims.get(claim.since[1], claim.since))


@dataclass(frozen=True, slots=True)
class _Claim:
    """datastore: folded name, None for a web address."""

    datastore: str | None
    path: str
    since: _Since


def _claims(connection: Connection, dataset_ids: list[int], known: Mapping[int, int]) -> Iterator[_Claim]:
    """Of the versions of these datasets that are not known yet."""
    query = select(_version.c.dataset_id, _version.c.version, _version.c.definition, _version.c.created_at).where(
        _version.c.dataset_id.in_(dataset_ids)
    )
    for row in connection.execute(query):
        if row.version <= known.get(row.dataset_id, 0):
            continue
        source, since = definition_from_json(row.definition).source, (row.created_at, row.dataset_id)
        if isinstance(source, DatastoreSource):
            datastore = storable(source.datastore).casefold()
            yield from (_Claim(datastore, _relative(path), since) for path in source.paths)
        else:
            yield from (_Claim(None, _address(url), since) for url in source.urls)


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
