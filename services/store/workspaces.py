"""The number by which rows belong to a workspace."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from services.store import tables
from services.store.database import Database, exclusive

_ADDING = 0x776F726B  # "work": what `exclusive` is told


class WorkspaceRow:
    """Finds a workspace's number once, adding the workspace when it is new.

    key: what tells workspaces in this database apart, e.g. "local" or an Azure resource id.
    """

    def __init__(self, db: Database, key: str) -> None:
        self._db = db
        self._key = key
        self._id: int | None = None

    async def id(self) -> int:
        """The workspace's number."""
        if self._id is None:
            self._id = await self._db.read(self._find)
        if self._id is None:
            self._id = await self._db.write(self._add)
        return self._id

    async def uid(self) -> str:
        """What tells this workspace's rows from those of any other database, also of one made later in its place."""
        query = select(tables.workspace.c.uid).where(tables.workspace.c.id == await self.id())
        return await self._db.read(lambda connection: connection.execute(query).scalar_one())

    def _find(self, connection: Connection) -> int | None:
        return connection.execute(select(tables.workspace.c.id).where(tables.workspace.c.key == self._key)).scalar()

    def _add(self, connection: Connection) -> int:
        exclusive(connection, _ADDING)
        found = self._find(connection)
        if found is not None:
            return found
        added = insert(tables.workspace).values(key=self._key, uid=uuid4().hex).returning(tables.workspace.c.id)
        return connection.execute(added).scalar_one()


def next_change(connection: Connection, workspace_id: int, count: int = 1) -> int:
    """The number of a change to the registry, or of the last of `count` changes made at once.

    Other changes of this workspace wait until the transaction ends.
    """
    column = tables.workspace.c.change_seq
    return connection.execute(
        update(tables.workspace)
        .where(tables.workspace.c.id == workspace_id)
        .values(change_seq=column + count)
        .returning(column)
    ).scalar_one()


def next_record(connection: Connection, workspace_id: int) -> int:
    """As `next_change`, for the bot's own notes."""
    column = tables.workspace.c.record_seq
    return connection.execute(
        update(tables.workspace)
        .where(tables.workspace.c.id == workspace_id)
        .values(record_seq=column + 1)
        .returning(column)
    ).scalar_one()


def cursor_number(cursor: str) -> int:
    """The change number in a cursor; 0, before all changes, for "". Raises ValueError for what is no cursor."""
    return int(cursor) if cursor else 0
