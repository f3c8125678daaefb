"""The embedded workspace's datastores: folders below its directory or below roots that the settings name."""

from __future__ import annotations

import asyncio
import difflib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from services.datastores.model import Datastore, DatastoreKind, DatastoreRequest
from services.datastores.request_check import name_problem
from services.errors import InvalidInput, NameTaken, NotFound, SourceProblem
from services.local.folders import is_inside, resolve_allowed
from services.ports import Clock
from services.store import tables
from services.store.columns import storable
from services.store.database import Database, exclusive, insert_new
from services.store.workspaces import WorkspaceRow

T = TypeVar("T")

DEFAULT_DATASTORE = "workspaceblobstore"
DEFAULT_FOLDER = "data"

_NAMING = 0x73746F7265  # "store": what `exclusive` is told
_THREADS = 2
_workspace = tables.workspace
_datastore = tables.datastore


class LocalDatastores:
    """`DatastoreCatalog` of folders.

    root: the workspace's directory; the default datastore is its folder `data`, made on first use. extra_roots:
    other folders that datastores may be or lie below. reserved: files and folders (the bot's own state) that no
    datastore may be, hold or lie in. File system calls run on two threads of its own, so that a hanging network
    drive starves nothing else; `close` ends them.
    """

    def __init__(
        self,
        db: Database,
        workspace: str,
        root: Path,
        extra_roots: tuple[Path, ...] = (),
        *,
        clock: Clock,
        reserved: tuple[Path, ...] = (),
    ) -> None:
        self._db = db
        self._workspace = WorkspaceRow(db, workspace)
        self._root = root
        self._extra_roots = extra_roots
        self._reserved = reserved
        self._clock = clock
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="folders")
        self._ready_id: int | None = None

    async def all(self) -> tuple[Datastore, ...]:
        """All datastores by name, the default one marked. Datasets count where their latest version lies."""
        workspace_id = await self._ready()
        return await self._db.read(lambda connection: _all(connection, workspace_id))

    async def get(self, name: str) -> Datastore:
        """One datastore, whatever the case of its name. Raises NotFound with suggestions."""
        workspace_id = await self._ready()
        return await self._db.read(lambda connection: _the_datastore(connection, workspace_id, name))

    async def require(self, name: str) -> None:
        """As `get`, without counting datasets. Raises NotFound."""
        workspace_id = await self._ready()
        await self._db.read(lambda connection: _the_row(connection, workspace_id, name))

    async def default(self) -> Datastore:
        """The default datastore."""
        return next(each for each in await self.all() if each.is_default)

    async def register(self, request: DatastoreRequest) -> Datastore:
        """Look at the folder, then register. Raises NameTaken, InvalidInput, SourceProblem.

        The folder is given relative to the workspace's directory, or absolute below it or an extra root. With
        `overwrite` an existing datastore of this name gets the new folder and description.
        """
        problem = name_problem(request.name)
        if problem is not None:
            raise InvalidInput(problem, code="invalid_name", field="name")
        if request.kind is not DatastoreKind.FOLDER:
            raise InvalidInput("This workspace is local: its datastores are folders.", field="kind")
        workspace_id = await self._ready()
        folder = await self._on_thread(lambda: self._check_folder(request.folder))
        now = self._clock.now()

        def work(connection: Connection) -> Datastore:
            exclusive(connection, _NAMING)
            _write(connection, workspace_id, request, folder, now)
            if request.make_default:
                _make_default(connection, workspace_id, request.name)
            return _the_datastore(connection, workspace_id, request.name)

        return await self._db.write(work)

    async def set_default(self, name: str) -> Datastore:
        """Make it the default. Raises NotFound."""
        workspace_id = await self._ready()

        def work(connection: Connection) -> Datastore:
            _the_datastore(connection, workspace_id, name)
            _make_default(connection, workspace_id, name)
            return _the_datastore(connection, workspace_id, name)

        return await self._db.write(work)

    async def folder_of(self, name: str) -> Path:
        """The real folder behind a datastore, checked again now. Raises NotFound, SourceProblem."""
        workspace_id = await self._ready()
        stored = await self._db.read(lambda connection: _the_row(connection, workspace_id, name)["folder"])
        return await self._on_thread(lambda: self._folder_now(name, stored))

    async def close(self) -> None:
        """End the threads. A call that hangs in the file system is left behind."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _ready(self) -> int:
        """The workspace's number; on first use also makes the default datastore with its folder."""
        if self._ready_id is None:
            workspace_id = await self._workspace.id()
            await self._on_thread(lambda: (self._root / DEFAULT_FOLDER).mkdir(parents=True, exist_ok=True))
            now = self._clock.now()
            await self._db.write(lambda connection: _add_first(connection, workspace_id, now))
            self._ready_id = workspace_id
        return self._ready_id

    def _check_folder(self, folder: str) -> str:
        """The folder as it is stored: relative to the workspace's directory where it can be, so that one can move."""
        typed = folder.strip()
        try:
            path = resolve_allowed(self._root, self._extra_roots, typed)
            str(path).encode("utf-8")
        except InvalidInput as error:
            error.field = "folder"
            raise
        except UnicodeEncodeError:
            raise InvalidInput("The folder's name is not valid text (UTF-8).", field="folder") from None
        root = self._root.resolve()
        if path == root:
            raise InvalidInput(
                "The workspace's own directory cannot be a datastore. Choose a folder in it.", field="folder"
            )
        for reserved in self._reserved:
            kept = reserved.resolve()
            if kept.is_relative_to(path) or path.is_relative_to(kept):
                raise InvalidInput("The bot keeps its own state there. Choose another folder.", field="folder")
        _refuse_unusable(path, typed)
        return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)

    def _folder_now(self, name: str, stored: str) -> Path:
        root = self._root.resolve()
        path = (root / stored).resolve()
        if not is_inside(path, [root, *(extra.resolve() for extra in self._extra_roots)]):
            raise SourceProblem(
                f"The folder of the datastore “{name}” is not below the workspace's directory or an allowed root any "
                "more. Ask whoever runs the bot.",
                code="folder_not_allowed",
            )
        _refuse_unusable(path, stored)
        return path


def _refuse_unusable(path: Path, shown: str) -> None:
    """Raises SourceProblem unless the path is a folder that can be listed."""
    try:
        with os.scandir(path):
            return
    except FileNotFoundError:
        problem, code = f"There is no folder “{shown}”. Create it first.", "folder_missing"
    except NotADirectoryError:
        problem, code = f"“{shown}” is a file, not a folder.", "not_a_folder"
    except PermissionError:
        problem, code = f"The bot may not read the folder “{shown}”. Give it read access.", "no_permission"
    except OSError as error:
        problem = f"The folder “{shown}” cannot be read: {error.strerror or 'input/output error'}."
        code = "unreadable"
    raise SourceProblem(problem, code=code, field="folder")


def _all(connection: Connection, workspace_id: int) -> tuple[Datastore, ...]:
    rows = connection.execute(
        select(_datastore).where(_datastore.c.workspace_id == workspace_id).order_by(_datastore.c.folded)
    ).mappings()
    counts = _dataset_counts(connection, workspace_id)
    default = _default_of(connection, workspace_id)
    return tuple(_to_datastore(row, default, counts.get(row["folded"], 0)) for row in rows)


def _dataset_counts(connection: Connection, workspace_id: int) -> dict[str, int]:
    column = tables.dataset.c.datastore
    query = select(column, func.count()).where(tables.dataset.c.workspace_id == workspace_id).group_by(column)
    return {row[0]: row[1] for row in connection.execute(query)}


def _the_row(connection: Connection, workspace_id: int, name: str) -> RowMapping:
    folded = storable(name).casefold()
    mine = _datastore.c.workspace_id == workspace_id
    found = connection.execute(select(_datastore).where(mine, _datastore.c.folded == folded)).mappings().first()
    if found is not None:
        return found
    names = {row.folded: row.name for row in connection.execute(select(_datastore).where(mine))}
    close = difflib.get_close_matches(folded, names, n=3, cutoff=0.5)
    raise NotFound(
        f"There is no datastore called “{name}”.", suggestions=tuple(names[each] for each in close), kind="datastore"
    )


def _the_datastore(connection: Connection, workspace_id: int, name: str) -> Datastore:
    row = _the_row(connection, workspace_id, name)
    held = select(func.count()).where(
        tables.dataset.c.workspace_id == workspace_id, tables.dataset.c.datastore == row["folded"]
    )
    return _to_datastore(row, _default_of(connection, workspace_id), connection.execute(held).scalar_one())


def _default_of(connection: Connection, workspace_id: int) -> str:
    query = select(_workspace.c.default_datastore).where(_workspace.c.id == workspace_id)
    return connection.execute(query).scalar_one()


def _make_default(connection: Connection, workspace_id: int, name: str) -> None:
    connection.execute(
        update(_workspace).where(_workspace.c.id == workspace_id).values(default_datastore=storable(name).casefold())
    )


def _to_datastore(row: RowMapping, default: str, dataset_count: int) -> Datastore:
    return Datastore(
        name=row["name"],
        kind=DatastoreKind(row["kind"]),
        location=row["folder"],
        is_default=row["folded"] == default,
        created_at=row["created_at"],
        created_by=row["created_by"],
        description=row["description"],
        dataset_count=dataset_count,
    )


def _write(connection: Connection, workspace_id: int, request: DatastoreRequest, folder: str, now: datetime) -> None:
    folded = request.name.casefold()
    this = (_datastore.c.workspace_id == workspace_id, _datastore.c.folded == folded)
    found = connection.execute(select(_datastore.c.name).where(*this)).scalar()
    if found is not None and not request.overwrite:
        raise NameTaken(f"A datastore called “{found}” exists already. Choose another name.", field="name")
    if found is not None:
        connection.execute(update(_datastore).where(*this).values(folder=folder, description=request.description))
        return
    connection.execute(
        insert(_datastore).values(
            workspace_id=workspace_id,
            name=request.name,
            folded=folded,
            kind=request.kind.value,
            folder=folder,
            description=request.description,
            created_at=now,
            created_by=request.requested_by,
        )
    )


def _add_first(connection: Connection, workspace_id: int, now: datetime) -> None:
    """The default datastore, unless a start before this one or another replica added it."""
    first = insert_new(connection, _datastore).values(
        workspace_id=workspace_id,
        name=DEFAULT_DATASTORE,
        folded=DEFAULT_DATASTORE,
        kind=DatastoreKind.FOLDER.value,
        folder=DEFAULT_FOLDER,
        description="",
        created_at=now,
        created_by="",
    )
    connection.execute(first)
    connection.execute(
        update(_workspace)
        .where(_workspace.c.id == workspace_id, _workspace.c.default_datastore == "")
        .values(default_datastore=DEFAULT_DATASTORE)
    )
