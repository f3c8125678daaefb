"""Versions of an Azure workspace's datasets that the bot has seen or made, and registrations under way.

A version's definition never changes at Azure, so what was seen once need not be asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Delete, RowMapping, delete, insert, select

from services.azure.mirror import put_entry
from services.azure.sdk.datasets import Found, VersionEntry
from services.datasets.model import DatasetVersion, Definition
from services.store import tables
from services.store.columns import storable
from services.store.database import Database, insert_new
from services.store.definitions import definition_from_json, definition_to_json
from services.store.workspaces import WorkspaceRow

Tags = tuple[tuple[str, str], ...]

_version = tables.azure_version
_dataset = tables.azure_dataset
_intent = tables.azure_intent


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """One version. description, tags: as the bot registered them, None where only the present ones are known."""

    name: str
    azure_id: str
    version: int
    definition: Definition
    identity: str
    description: str | None
    tags: Tags | None
    created_at: datetime

    def filled(self, description: str, tags: Tags) -> DatasetVersion:
        """The version for the port, with the dataset's description and tags where its own are not known."""
        return DatasetVersion(
            name=self.name,
            version=self.version,
            definition=self.definition,
            description=description if self.description is None else self.description,
            tags=tags if self.tags is None else self.tags,
            created_at=self.created_at,
            registered_by="",
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """What the bot itself knows of a version that it registered."""

    registration_id: str
    identity: str
    definition: Definition
    description: str
    tags: Tags


class VersionStore:
    """Versions and registrations of one workspace."""

    def __init__(self, db: Database, workspace: WorkspaceRow) -> None:
        self._db = db
        self._workspace = workspace

    async def known(self, azure_id: str, numbers: Iterable[int]) -> dict[int, KnownVersion]:
        """Those of these versions that have been seen, by number."""
        wanted = list(numbers)
        query = select(_version).where(
            _version.c.workspace_id == await self._workspace.id(),
            _version.c.azure_id == azure_id,
            _version.c.version.in_(wanted),
        )
        return await self._db.read(
            lambda connection: {row["version"]: _to_known(row) for row in connection.execute(query).mappings()}
        )

    async def keep(self, name: str, entries: Sequence[VersionEntry]) -> None:
        """Remember versions as Azure told them; what is known of them already stays."""
        workspace_id = await self._workspace.id()
        rows = [_row(workspace_id, name, entry, None) for entry in entries]
        if rows:
            await self._db.write(lambda connection: _insert_new(connection, rows))

    async def identical(self, identity: str) -> tuple[str, int] | None:
        """(name, version) of a registered version with this mark."""
        query = (
            select(_dataset.c.name, _version.c.version)
            .join(
                _dataset,
                (_dataset.c.workspace_id == _version.c.workspace_id)
                & (_dataset.c.name == _version.c.name)
                & (_dataset.c.azure_id == _version.c.azure_id),
            )
            .where(
                _version.c.workspace_id == await self._workspace.id(),
                _version.c.identity == identity,
                _dataset.c.latest_version >= _version.c.version,
            )
            .order_by(_version.c.created_at)
        )
        latest = select(_dataset.c.name, _dataset.c.latest_version).where(
            _dataset.c.workspace_id == await self._workspace.id(),
            _dataset.c.identity == identity,
            _dataset.c.latest_version > 0,
        )

        def work(connection: Connection) -> tuple[str, int] | None:
            found = connection.execute(query).first() or connection.execute(latest).first()
            return None if found is None else (found[0], found[1])

        return await self._db.read(work)

    async def made_by(self, registration_id: str) -> KnownVersion | None:
        """The version that a registration made, if it is known to have come to its end."""
        query = select(_version).where(
            _version.c.workspace_id == await self._workspace.id(),
            _version.c.registration_id == registration_id,
        )

        def work(connection: Connection) -> KnownVersion | None:
            row = connection.execute(query).mappings().first()
            return None if row is None else _to_known(row)

        return await self._db.read(work)

    async def sent_at(self, registration_id: str) -> datetime | None:
        """When the request of a registration was sent whose outcome is not known."""
        query = select(_intent.c.sent_at).where(
            _intent.c.workspace_id == await self._workspace.id(), _intent.c.registration_id == registration_id
        )
        return await self._db.read(lambda connection: connection.execute(query).scalar())

    async def about_to_send(self, registration_id: str, name: str, now: datetime) -> None:
        """Remember, before it is sent, that a request may have reached Azure."""
        workspace_id = await self._workspace.id()

        def work(connection: Connection) -> None:
            connection.execute(_this_intent(workspace_id, registration_id))
            connection.execute(
                insert(_intent).values(
                    workspace_id=workspace_id, registration_id=registration_id, name=storable(name), sent_at=now
                )
            )

        await self._db.write(work)

    async def not_made(self, registration_id: str) -> None:
        """Azure has refused it: nothing came of the request."""
        workspace_id = await self._workspace.id()

        def work(connection: Connection) -> None:
            connection.execute(_this_intent(workspace_id, registration_id))

        await self._db.write(work)

    async def made(self, found: Found, mark: Mark) -> KnownVersion:
        """A registration came to its end: dataset and version are known from now on, in one transaction."""
        workspace_id = await self._workspace.id()
        row = _row(workspace_id, found.entry.name, found.version, mark)

        def work(connection: Connection) -> KnownVersion:
            put_entry(connection, workspace_id, found.entry)
            connection.execute(
                delete(_version).where(
                    _version.c.workspace_id == workspace_id,
                    _version.c.azure_id == found.version.azure_id,
                    _version.c.version == found.version.version,
                )
            )
            connection.execute(insert(_version).values(row))
            connection.execute(_this_intent(workspace_id, mark.registration_id))
            query = select(_version).where(
                _version.c.workspace_id == workspace_id,
                _version.c.azure_id == found.version.azure_id,
                _version.c.version == found.version.version,
            )
            return _to_known(connection.execute(query).mappings().one())

        return await self._db.write(work)


def _this_intent(workspace_id: int, registration_id: str) -> Delete:
    return delete(_intent).where(_intent.c.workspace_id == workspace_id, _intent.c.registration_id == registration_id)


def _insert_new(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    connection.execute(insert_new(connection, _version), list(rows))


def _row(workspace_id: int, name: str, entry: VersionEntry, mark: Mark | None) -> dict[str, object]:
    return {
        "workspace_id": workspace_id,
        "azure_id": entry.azure_id,
        "version": entry.version,
        "name": storable(name),
        "saved_id": entry.saved_id,
        "definition": definition_to_json(entry.definition if mark is None else mark.definition),
        "identity": entry.digest if mark is None else mark.identity,
        "registration_id": entry.registration if mark is None else mark.registration_id,
        "description": None if mark is None else mark.description,
        "tags": None if mark is None else [[key, value] for key, value in mark.tags],
        "created_at": entry.created,
    }


def _to_known(row: RowMapping) -> KnownVersion:
    tags = row["tags"]
    return KnownVersion(
        name=row["name"],
        azure_id=row["azure_id"],
        version=row["version"],
        definition=definition_from_json(row["definition"]),
        identity=row["identity"],
        description=row["description"],
        tags=None if tags is None else tuple((str(key), str(value)) for key, value in tags),
        created_at=row["created_at"],
    )
