"""The local copy of an Azure workspace's datasets: what lists, type-ahead and the index read instead of Azure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from services.azure.sdk.datasets import Entry
from services.datasets.model import Dataset, DatasetSummary, DatasetType
from services.datasets.names import DEPRECATED_TAG
from services.ports import Clock
from services.store import tables
from services.store.columns import storable
from services.store.database import Database, exclusive
from services.store.workspaces import WorkspaceRow, cursor_number, next_change

Tags = tuple[tuple[str, str], ...]

_dataset = tables.azure_dataset
_sweep = tables.azure_sweep
_AFTER_ALL_TEXT = "\U0010ffff"
_COPYING = 0x636F7079  # "copy": what `exclusive` is told, since rows are compared before they are written


@dataclass(frozen=True, slots=True)
class Copied:
    """A dataset as the copy has it. identity: the mark of its latest version, or ""."""

    azure_id: str
    dataset: Dataset
    identity: str


@dataclass(frozen=True, slots=True)
class SweepState:
    """How far the copying of the whole workspace is. complete_at: when the last whole sweep began, None before it."""

    number: int
    token: str
    seen: int
    started_at: datetime
    finished_at: datetime | None
    complete_at: datetime | None
    complete_seconds: int


class Mirror:
    """The copy of one workspace. workspace: its row in the bot's database."""

    def __init__(self, db: Database, workspace: WorkspaceRow, *, clock: Clock) -> None:
        self._db = db
        self._workspace = workspace
        self._clock = clock

    # Reading

    async def get(self, name: str) -> Copied | None:
        """A dataset that is registered as far as is known."""
        workspace_id = await self._workspace.id()
        query = select(_dataset).where(_dataset.c.workspace_id == workspace_id, _dataset.c.name == name)

        def work(connection: Connection) -> Copied | None:
            row = connection.execute(query).mappings().first()
            return None if row is None or row["latest_version"] == 0 else _to_copied(row)

        return await self._db.read(work)

    async def changes(self, cursor: str, limit: int = 1000) -> tuple[tuple[DatasetSummary, ...], str]:
        """See `Catalog.changes`. Raises ValueError for a foreign cursor."""
        query = (
            select(_dataset)
            .where(
                _dataset.c.workspace_id == await self._workspace.id(),
                _dataset.c.change_seq > cursor_number(cursor),
            )
            .order_by(_dataset.c.change_seq)
            .limit(limit)
        )

        def work(connection: Connection) -> tuple[tuple[DatasetSummary, ...], str]:
            rows = connection.execute(query).mappings().all()
            return tuple(map(_to_summary, rows)), (str(rows[-1]["change_seq"]) if rows else cursor)

        return await self._db.read(work)

    async def resolve_names(self, prefix: str, limit: int = 5) -> tuple[str, ...]:
        """Registered names that begin with prefix, whatever the case, in order."""
        folded = storable(prefix).casefold()
        query = (
            select(_dataset.c.name)
            .where(
                _dataset.c.workspace_id == await self._workspace.id(),
                _dataset.c.latest_version > 0,
                _dataset.c.folded >= folded,
                _dataset.c.folded < folded + _AFTER_ALL_TEXT,
            )
            .order_by(_dataset.c.folded, _dataset.c.name)
            .limit(limit)
        )
        return await self._db.read(lambda connection: tuple(connection.execute(query).scalars()))

    async def count(self) -> int:
        """How many datasets are registered as far as is known."""
        query = select(func.count()).where(
            _dataset.c.workspace_id == await self._workspace.id(), _dataset.c.latest_version > 0
        )
        return await self._db.read(lambda connection: int(connection.execute(query).scalar_one()))

    async def datastore_counts(self) -> dict[str, int]:
        """How many registered datasets point to each datastore in their latest version, by folded name."""
        query = (
            select(_dataset.c.datastore, func.count())
            .where(_dataset.c.workspace_id == await self._workspace.id(), _dataset.c.latest_version > 0)
            .group_by(_dataset.c.datastore)
        )
        return await self._db.read(
            lambda connection: {row[0]: int(row[1]) for row in connection.execute(query) if row[0]}
        )

    # Writing what was learnt of single datasets

    async def put(self, entry: Entry) -> None:
        """A dataset as Azure just told it."""
        workspace_id = await self._workspace.id()
        await self._db.write(lambda connection: put_entry(connection, workspace_id, entry))

    async def gone(self, names: Sequence[str]) -> int:
        """These are not registered any more; returns how many were, as far as was known."""
        workspace_id = await self._workspace.id()

        def work(connection: Connection) -> int:
            exclusive(connection, _COPYING)
            known = _by_name(connection, workspace_id, names)
            there = [row for row in known.values() if row["latest_version"] > 0]
            if not there:
                return 0
            first = next_change(connection, workspace_id, len(there)) - len(there) + 1
            for change, row in enumerate(there, first):
                connection.execute(
                    update(_dataset)
                    .where(_dataset.c.workspace_id == workspace_id, _dataset.c.name == row["name"])
                    .values(latest_version=0, change_seq=change, modified_at=self._clock.now())
                )
            return len(there)

        return await self._db.write(work)

    # Sweeping

    async def sweep_state(self) -> SweepState | None:
        """How far the last sweep is; None before the first."""
        query = select(_sweep).where(_sweep.c.workspace_id == await self._workspace.id())

        def work(connection: Connection) -> SweepState | None:
            row = connection.execute(query).mappings().first()
            return None if row is None else _to_state(row)

        return await self._db.read(work)

    async def begin_sweep(self) -> SweepState:
        """Begin a new sweep from the first dataset on."""
        workspace_id = await self._workspace.id()
        now = self._clock.now()

        def work(connection: Connection) -> SweepState:
            exclusive(connection, _COPYING)
            row = connection.execute(select(_sweep).where(_sweep.c.workspace_id == workspace_id)).mappings().first()
            values = {"token": "", "seen": 0, "started_at": now, "finished_at": None}
            if row is None:
                connection.execute(insert(_sweep).values(workspace_id=workspace_id, number=1, **values))
            else:
                changed = update(_sweep).where(_sweep.c.workspace_id == workspace_id)
                connection.execute(changed.values(number=row["number"] + 1, **values))
            made = connection.execute(select(_sweep).where(_sweep.c.workspace_id == workspace_id)).mappings().one()
            return _to_state(made)

        return await self._db.write(work)

    async def put_page(self, state: SweepState, entries: Sequence[Entry], token: str) -> bool:
        """Store a page and where the sweep goes on; False if somebody else carried this sweep on meanwhile.

        state: the sweep with the token that this page was asked with.
        """
        workspace_id = await self._workspace.id()

        def work(connection: Connection) -> bool:
            mine = (
                update(_sweep)
                .where(
                    _sweep.c.workspace_id == workspace_id,
                    _sweep.c.number == state.number,
                    _sweep.c.token == state.token,
                )
                .values(token=token, seen=state.seen + len(entries))
            )
            if connection.execute(mine).rowcount == 0:
                return False
            _put_entries(connection, workspace_id, entries, state.number)
            return True

        return await self._db.write(work)

    async def unseen(self, number: int, limit: int) -> tuple[str, ...]:
        """Names that a whole sweep did not meet."""
        query = (
            select(_dataset.c.name)
            .where(
                _dataset.c.workspace_id == await self._workspace.id(),
                _dataset.c.sweep < number,
                _dataset.c.latest_version > 0,
            )
            .order_by(_dataset.c.name)
            .limit(limit)
        )
        return await self._db.read(lambda connection: tuple(connection.execute(query).scalars()))

    async def end_sweep(self, number: int) -> None:
        """The sweep has met every dataset."""
        workspace_id = await self._workspace.id()
        now = self._clock.now()

        def work(connection: Connection) -> None:
            row = connection.execute(select(_sweep).where(_sweep.c.workspace_id == workspace_id)).mappings().one()
            if row["number"] != number:
                return
            seconds = max(0, int((now - row["started_at"]).total_seconds()))
            connection.execute(
                update(_sweep)
                .where(_sweep.c.workspace_id == workspace_id)
                .values(finished_at=now, token="", complete_at=row["started_at"], complete_seconds=seconds)
            )

        await self._db.write(work)


def put_entry(connection: Connection, workspace_id: int, entry: Entry) -> None:
    """Within a transaction: a dataset as Azure told it outside of a sweep, so that the present sweep has seen it."""
    number = connection.execute(select(_sweep.c.number).where(_sweep.c.workspace_id == workspace_id)).scalar() or 0
    _put_entries(connection, workspace_id, [entry], number)


def _put_entries(connection: Connection, workspace_id: int, entries: Sequence[Entry], sweep: int) -> None:
    exclusive(connection, _COPYING)
    unique = {storable(entry.name): entry for entry in entries}
    known = _by_name(connection, workspace_id, unique)
    changed: list[Entry] = []
    same: list[str] = []
    for name, entry in unique.items():
        row = known.get(name)
        # What we changed ourselves while a page was on its way is newer than the page.
        older = row is not None and row["latest_version"] > 0 and row["modified_at"] > entry.modified
        if row is not None and (older or _values(entry) == {key: row[key] for key in _values(entry)}):
            same.append(name)
        else:
            changed.append(entry)
    _note_seen(connection, workspace_id, same, sweep)
    if not changed:
        return
    first = next_change(connection, workspace_id, len(changed)) - len(changed) + 1
    names = [storable(entry.name) for entry in changed if storable(entry.name) in known]
    for some in _parts(names):
        connection.execute(delete(_dataset).where(_dataset.c.workspace_id == workspace_id, _dataset.c.name.in_(some)))
    rows = [
        {
            "workspace_id": workspace_id,
            "name": storable(entry.name),
            "folded": storable(entry.name).casefold(),
            "change_seq": change,
            "sweep": sweep,
            **_values(entry),
        }
        for change, entry in enumerate(changed, first)
    ]
    connection.execute(insert(_dataset), rows)


def _note_seen(connection: Connection, workspace_id: int, names: Sequence[str], sweep: int) -> None:
    for some in _parts(names):
        connection.execute(
            update(_dataset)
            .where(_dataset.c.workspace_id == workspace_id, _dataset.c.name.in_(some), _dataset.c.sweep < sweep)
            .values(sweep=sweep)
        )


def _parts(names: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))


def _by_name(connection: Connection, workspace_id: int, names: Iterable[str]) -> dict[str, RowMapping]:
    found: dict[str, RowMapping] = {}
    for some in _parts(list(names)):
        query = select(_dataset).where(_dataset.c.workspace_id == workspace_id, _dataset.c.name.in_(some))
        found |= {row["name"]: row for row in connection.execute(query).mappings()}
    return found


def _values(entry: Entry) -> dict[str, object]:
    return {
        "azure_id": entry.azure_id,
        "type": entry.type,
        "description": storable(entry.description),
        "tags": [[key, value] for key, value in entry.tags],
        "latest_version": entry.version,
        "datastore": storable(entry.datastore).casefold(),
        "identity": entry.digest,
        "created_at": entry.created,
        "modified_at": entry.modified,
    }


def _tags(row: RowMapping) -> Tags:
    return tuple((str(key), str(value)) for key, value in row["tags"])


def to_dataset(entry: Entry) -> Dataset:
    """A dataset as Azure told it; owner and the rest are the bot's own knowledge."""
    return Dataset(
        name=entry.name,
        type=DatasetType(entry.type),
        description=entry.description,
        tags=entry.tags,
        owner="",
        latest_version=entry.version,
        created_at=entry.created,
        modified_at=entry.modified,
    )


def _to_copied(row: RowMapping) -> Copied:
    dataset = Dataset(
        name=row["name"],
        type=DatasetType(row["type"]),
        description=row["description"],
        tags=_tags(row),
        owner="",
        latest_version=row["latest_version"],
        created_at=row["created_at"],
        modified_at=row["modified_at"],
    )
    return Copied(row["azure_id"], dataset, row["identity"])


def _to_summary(row: RowMapping) -> DatasetSummary:
    tags = _tags(row)
    return DatasetSummary(
        name=row["name"],
        type=DatasetType(row["type"]),
        description=row["description"],
        tags=tags,
        owner="",
        latest_version=row["latest_version"],
        modified_at=row["modified_at"],
        deprecated=DEPRECATED_TAG in tags,
    )


def _to_state(row: RowMapping) -> SweepState:
    return SweepState(
        row["number"],
        row["token"],
        row["seen"],
        row["started_at"],
        row["finished_at"],
        row["complete_at"],
        row["complete_seconds"],
    )
