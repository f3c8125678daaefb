"""Registrations as tests make them, and a workspace filled with many at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, insert, text, update

from services.datasets.model import (
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    FileStamp,
    Fingerprint,
    Format,
    RegisterRequest,
)
from services.store import tables
from services.store.database import Database
from services.store.definitions import definition_to_json
from services.store.workspaces import WorkspaceRow

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CSV = Definition(
    DatasetType.TABULAR, DatastoreSource("workspaceblobstore", ("sales/*.csv",)), Format(FileFormat.DELIMITED)
)
FILES = Definition(DatasetType.FILE, DatastoreSource("workspaceblobstore", ("sales/*.csv",)))


def fingerprint(digest: str = "d") -> Fingerprint:
    """A fingerprint of one file that differs where its digest differs."""
    return Fingerprint(digest, (FileStamp("a.csv", 3, None, digest),), NOON)


def request(
    name: str = "sales",
    definition: Definition = CSV,
    *,
    description: str = "",
    tags: tuple[tuple[str, str], ...] = (),
    new_version: bool = True,
) -> RegisterRequest:
    """A registration by U1 that may become a new version."""
    return RegisterRequest(name, definition, "U1", description=description, tags=tags, create_new_version=new_version)


async def fill(db: Database, workspace: str, *, datasets: int, versions: int, chunk: int = 5000) -> None:
    """Put many datasets into an empty workspace of a database that holds no other; one a second, oldest first."""
    workspace_id = await WorkspaceRow(db, workspace).id()
    definition = definition_to_json(CSV)

    def add(connection: Connection, first: int, last: int) -> None:
        made = NOON + timedelta(seconds=first)
        numbers = range(first, last)
        connection.execute(
            insert(tables.dataset),
            [
                {
                    "id": number,
                    "workspace_id": workspace_id,
                    "name": f"dataset-{number:06d}",
                    "folded": f"dataset-{number:06d}",
                    "type": "tabular",
                    "description": f"Number {number} of many, with some words to show",
                    "latest_version": versions,
                    "datastore": "workspaceblobstore",
                    "created_at": made,
                    "modified_at": made + timedelta(seconds=number - first),
                    "change_seq": number,
                }
                for number in numbers
            ],
        )
        connection.execute(
            insert(tables.dataset_version),
            [
                {
                    "workspace_id": workspace_id,
                    "dataset_id": number,
                    "version": version,
                    "definition": definition,
                    "description": "",
                    "tags": [["team", f"t{number % 50}"]],
                    "identity": f"{number}-{version}",
                    "registration_id": f"{number}-{version}",
                    "created_at": made,
                }
                for number in numbers
                for version in range(1, versions + 1)
            ],
        )
        connection.execute(
            insert(tables.dataset_tag),
            [{"dataset_id": number, "key": "team", "value": f"t{number % 50}"} for number in numbers],
        )

    def set_counters(connection: Connection) -> None:
        this = tables.workspace.c.id == workspace_id
        connection.execute(update(tables.workspace).where(this).values(change_seq=datasets))
        if db.dialect == "postgresql":
            connection.execute(text(f"SELECT setval('dataset_id_seq', {datasets})"))

    for first in range(1, datasets + 1, chunk):
        last = min(first + chunk, datasets + 1)
        await db.write(partial(add, first=first, last=last))
    await db.write(set_counters)
