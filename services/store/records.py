"""What the bot itself remembers about datasets, in its own database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Table,
    and_,
    delete,
    exists,
    insert,
    literal_column,
    select,
    update,
)

from services.datasets.model import (
    Dataset,
    DatasetMark,
    DatasetVersion,
    Deprecation,
    Fingerprint,
    FingerprintCheck,
    FingerprintState,
    VersionStats,
)
from services.outbox import Notice
from services.ports import IsNews
from services.store import outbox, tables
from services.store.columns import storable
from services.store.database import Database, insert_new
from services.store.fingerprints import pack_files, stats_from_json, stats_to_json, unpack_files
from services.store.workspaces import WorkspaceRow, cursor_number, next_record

_dataset = tables.dataset_record
_version = tables.version_record
_watcher = tables.watcher
_IS_LATEST: ColumnElement[bool] = literal_column(
    "version_record.is_latest"
)  # written as in the partial index, so that it is used

_IS_UNTOLD: ColumnElement[bool] = literal_column("version_record.untold")  # likewise


class SqlRecords:
    """`Records` in tables. workspace_key: tells workspaces apart; names are unique within one.

    A user id or name that was never recorded is no error: it has no owner, no watchers, no fingerprint.
    """

    def __init__(self, db: Database, workspace_key: str) -> None:
        self._db = db
        self._workspace = WorkspaceRow(db, workspace_key)

    async def owner(self, name: str) -> str:
        """Slack user id, "" when nobody answers for the dataset."""
        query = select(_dataset.c.owner).where(self._is(_dataset, await self._workspace.id(), name))
        return await self._db.read(lambda connection: connection.execute(query).scalar()) or ""

    async def set_owner(self, name: str, owner: str) -> None:
        """Make a Slack user the owner, "" for nobody."""
        await self._change_dataset(name, {"owner": owner})

    async def watchers(self, name: str) -> tuple[str, ...]:
        """Slack user ids, sorted."""
        query = self._watchers_query(await self._workspace.id(), name)
        return await self._db.read(lambda connection: tuple(connection.execute(query).scalars()))

    async def set_watching(self, name: str, user: str, watching: bool) -> None:
        """Add or remove a watcher; repeating it changes nothing."""
        workspace_id = await self._workspace.id()
        this = and_(self._is(_watcher, workspace_id, name), _watcher.c.user_id == user)

        def work(connection: Connection) -> None:
            if not watching:
                connection.execute(delete(_watcher).where(this))
                return
            added = insert_new(connection, _watcher)
            connection.execute(added, {"workspace_id": workspace_id, "name": name, "user_id": user})

        await self._db.write(work)

    async def watched_by(self, user: str, limit: int) -> tuple[str, ...]:
        """Names of datasets that a person watches, in the order of names."""
        query = (
            select(_watcher.c.name)
            .where(_watcher.c.workspace_id == await self._workspace.id(), _watcher.c.user_id == user)
            .order_by(_watcher.c.name)
            .limit(limit)
        )
        return await self._db.read(lambda connection: tuple(connection.execute(query).scalars()))

    async def set_deprecation(self, name: str, deprecation: Deprecation | None, notices: Sequence[Notice] = ()) -> None:
        """Remember who deprecated the dataset, when, why and for what; None takes it back."""
        values = {
            "deprecated_at": None if deprecation is None else deprecation.at,
            "deprecated_by": "" if deprecation is None else deprecation.by,
            "replaced_by": "" if deprecation is None else deprecation.replaced_by,
            "reason": "" if deprecation is None else deprecation.reason,
        }
        workspace_id = await self._workspace.id()

        def work(connection: Connection) -> None:
            self._touch(connection, workspace_id, name, values)
            if deprecation is not None:
                outbox.put(connection, notices, deprecation.at)

        await self._db.write(work)

    async def record_version(
        self, name: str, version: int, *, registered_by: str, fingerprint: Fingerprint, stats: VersionStats
    ) -> None:
        """Remember a registered version. Repeating it replaces the record, and the version is unchecked again."""
        workspace_id = await self._workspace.id()
        files = await asyncio.to_thread(pack_files, fingerprint.files)
        this = and_(self._is(_version, workspace_id, name), _version.c.version == version)
        newer = exists().where(self._is(_version, workspace_id, name), _version.c.version > version)

        def work(connection: Connection) -> None:
            self._touch(connection, workspace_id, name, {})  # also makes changes to this dataset wait for one another
            connection.execute(delete(_version).where(this))
            is_latest = not connection.execute(select(newer)).scalar_one()
            if is_latest:
                older = self._is(_version, workspace_id, name)
                connection.execute(update(_version).where(older, _version.c.is_latest).values(is_latest=False))
            connection.execute(
                insert(_version).values(
                    workspace_id=workspace_id,
                    name=name,
                    version=version,
                    is_latest=is_latest,
                    registered_by=registered_by,
                    stats=stats_to_json(stats),
                    digest=fingerprint.digest,
                    file_count=fingerprint.file_count,
                    total_bytes=fingerprint.total_bytes,
                    taken_at=fingerprint.taken_at,
                    files=files,
                    check_state=FingerprintState.UNCHECKED.value,
                    seen_at=fingerprint.taken_at,
                )
            )

        await self._db.write(work)

    async def enrich_dataset(self, dataset: Dataset) -> Dataset:
        """The same dataset with owner, watchers and deprecation filled in."""
        workspace_id = await self._workspace.id()
        record_query = select(_dataset).where(self._is(_dataset, workspace_id, dataset.name))
        watchers_query = self._watchers_query(workspace_id, dataset.name)

        def work(connection: Connection) -> Dataset:
            found = connection.execute(record_query).mappings().first()
            watchers = tuple(connection.execute(watchers_query).scalars())
            if found is None:
                return replace(dataset, watchers=watchers)
            deprecation = None
            if found["deprecated_at"] is not None:
                deprecation = Deprecation(
                    found["replaced_by"], found["reason"], found["deprecated_by"], found["deprecated_at"]
                )
            return replace(dataset, owner=found["owner"], watchers=watchers, deprecation=deprecation)

        return await self._db.read(work)

    async def enrich_versions(self, versions: Sequence[DatasetVersion]) -> tuple[DatasetVersion, ...]:
        """The same versions with registrar, stats and last fingerprint check filled in, in one query."""
        if not versions:
            return ()
        wanted = [(storable(version.name), version.version) for version in versions]
        query = select(*(column for column in _version.c if column.name != "files")).where(
            _version.c.workspace_id == await self._workspace.id(),
            # Not pairs: SQLite reads the whole table for those. What this finds too much is left aside below.
            _version.c.name.in_(sorted({name for name, _ in wanted})),
            _version.c.version.in_(sorted({version for _, version in wanted})),
        )

        def work(connection: Connection) -> tuple[DatasetVersion, ...]:
            found = {(row["name"], row["version"]): row for row in connection.execute(query).mappings()}
            return tuple(_enriched(version, found.get(key)) for version, key in zip(versions, wanted, strict=True))

        return await self._db.read(work)

    async def fingerprint(self, name: str, version: int) -> Fingerprint | None:
        """The fingerprint recorded with the version, None if there is none."""
        query = select(_version.c.digest, _version.c.files, _version.c.taken_at).where(
            self._is(_version, await self._workspace.id(), name), _version.c.version == version
        )

        def work(connection: Connection) -> Fingerprint | None:
            found = connection.execute(query).first()
            return None if found is None else Fingerprint(found.digest, unpack_files(found.files), found.taken_at)

        return await self._db.read(work)

    async def set_check(
        self, name: str, version: int, check: FingerprintCheck, is_news: IsNews | None = None
    ) -> FingerprintCheck | None:
        """Store the outcome of a re-check; returns the one before it, None for the first.

        is_news: see `Records.set_check`. Of a version that was never recorded nothing is stored.
        """
        workspace_id = await self._workspace.id()
        this = and_(self._is(_version, workspace_id, name), _version.c.version == version)
        checks = [column for column in _version.c if column.name.startswith("check")]

        def work(connection: Connection) -> FingerprintCheck | None:
            found = connection.execute(select(_version.c.is_latest, *checks).where(this)).mappings().first()
            if found is None:
                return None
            if found["is_latest"]:
                self._touch(connection, workspace_id, name, {})
                # Only now do other changes of this workspace wait: look again at what they left.
                found = connection.execute(select(*checks).where(this)).mappings().one()
            values = {
                "check_state": check.state.value,
                "checked_at": check.checked_at,
                "check_added": check.added,
                "check_removed": check.removed,
                "check_changed": check.changed,
                "check_detail": check.detail,
            }
            if check.checked_at is not None:
                values["seen_at"] = check.checked_at
            before = None if found["checked_at"] is None else _check(found)
            if is_news is not None and is_news(before, check):
                values["untold"] = True
            connection.execute(update(_version).where(this).values(values))
            return before

        return await self._db.write(work)

    async def told(self, name: str, version: int, notices: Sequence[Notice], at: datetime) -> bool:
        """Tell the news of an untold version; of several replicas that do, one returns True."""
        this = and_(self._is(_version, await self._workspace.id(), name), _version.c.version == version)
        change = update(_version).where(this, _version.c.untold).values(untold=False)

        def work(connection: Connection) -> bool:
            if connection.execute(change).rowcount == 0:
                return False
            outbox.put(connection, notices, at)
            return True

        return await self._db.write(work)

    async def tell(self, notices: Sequence[Notice], at: datetime) -> None:
        """Put notices into the outbox."""
        if notices:
            await self._db.write(lambda connection: outbox.put(connection, notices, at))

    async def untold(self, limit: int) -> tuple[tuple[str, int], ...]:
        """(name, version) whose last check is news that nobody was told of yet, oldest check first."""
        query = (
            select(_version.c.name, _version.c.version)
            .where(_version.c.workspace_id == await self._workspace.id(), _IS_UNTOLD)
            .order_by(_version.c.seen_at, _version.c.name, _version.c.version)
            .limit(limit)
        )

        def work(connection: Connection) -> tuple[tuple[str, int], ...]:
            return tuple((row.name, row.version) for row in connection.execute(query))

        return await self._db.read(work)

    async def due_for_check(self, before: datetime, limit: int) -> tuple[tuple[str, int], ...]:
        """(name, version) of newest versions last looked at before `before`: watched ones first, then oldest first.

        A version that was never checked was last looked at when its fingerprint was taken.
        """
        workspace_id = await self._workspace.id()
        is_watched = exists().where(_watcher.c.workspace_id == workspace_id, _watcher.c.name == _version.c.name)
        due = (
            select(_version.c.name, _version.c.version)
            .where(_version.c.workspace_id == workspace_id, _IS_LATEST, _version.c.seen_at < before)
            .order_by(_version.c.seen_at, _version.c.name)
        )

        def work(connection: Connection) -> tuple[tuple[str, int], ...]:
            watched = connection.execute(due.where(is_watched).limit(limit)).all()
            others = connection.execute(due.where(~is_watched).limit(limit - len(watched))).all()
            return tuple((row.name, row.version) for row in (*watched, *others))

        return await self._db.read(work)

    async def changes(self, cursor: str, limit: int = 1000) -> tuple[tuple[DatasetMark, ...], str]:
        """Datasets whose owner or newest version's check changed after `cursor`, oldest first, and the next cursor.

        Raises ValueError for a cursor that does not come from here.
        """
        query = (
            select(_dataset.c.name, _dataset.c.owner, _dataset.c.record_seq, _version.c.check_state)
            .select_from(
                _dataset.outerjoin(
                    _version,
                    and_(
                        _version.c.workspace_id == _dataset.c.workspace_id,
                        _version.c.name == _dataset.c.name,
                        _IS_LATEST,
                    ),
                )
            )
            .where(
                _dataset.c.workspace_id == await self._workspace.id(),
                _dataset.c.record_seq > cursor_number(cursor),
            )
            .order_by(_dataset.c.record_seq)
            .limit(limit)
        )

        def work(connection: Connection) -> tuple[tuple[DatasetMark, ...], str]:
            rows = connection.execute(query).all()
            marks = tuple(
                DatasetMark(row.name, row.owner, FingerprintState(row.check_state or FingerprintState.UNCHECKED))
                for row in rows
            )
            return marks, str(rows[-1].record_seq) if rows else cursor

        return await self._db.read(work)

    async def _change_dataset(self, name: str, values: Mapping[str, str | datetime | None]) -> None:
        workspace_id = await self._workspace.id()
        await self._db.write(lambda connection: self._touch(connection, workspace_id, name, values))

    def _touch(
        self, connection: Connection, workspace_id: int, name: str, values: Mapping[str, str | datetime | None]
    ) -> None:
        """Set values of the dataset's record, making it if need be, under the next change number."""
        numbered = {**values, "record_seq": next_record(connection, workspace_id)}
        this = self._is(_dataset, workspace_id, name)
        if connection.execute(update(_dataset).where(this).values(numbered)).rowcount == 0:
            connection.execute(insert(_dataset).values(workspace_id=workspace_id, name=name, **numbered))

    @staticmethod
    def _is(table: Table, workspace_id: int, name: str) -> ColumnElement[bool]:
        return and_(table.c.workspace_id == workspace_id, table.c.name == name)

    @staticmethod
    def _watchers_query(workspace_id: int, name: str) -> Select[str]:
        this = SqlRecords._is(_watcher, workspace_id, name)
        return select(_watcher.c.user_id).where(this).order_by(_watcher.c.user_id)


def _check(row: RowMapping) -> FingerprintCheck:
    return FingerprintCheck(
        state=FingerprintState(row["check_state"]),
        checked_at=row["checked_at"],
        added=row["check_added"],
        removed=row["check_removed"],
        changed=row["check_changed"],
        detail=row["check_detail"],
    )


def _enriched(version: DatasetVersion, row: RowMapping | None) -> DatasetVersion:
    if row is None:
        return version
    return replace(
        version,
        registered_by=row["registered_by"],
        stats=stats_from_json(row["stats"]),
        check=_check(row),
    )
