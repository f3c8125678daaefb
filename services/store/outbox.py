"""The outbox: notices that are written with the change they tell of, and given to one instance at a time to deliver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import JsonValue
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Update,
    and_,
    case,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)

from services.outbox import Action, Notice, NoticeState, StoredNotice
from services.ports import Clock
from services.store import access_tables
from services.store.database import Database, exclusive, insert_new
from services.store.instances import DEFAULT_LEASE, alive_since

_CLAIMING = 0x6F7574626F78  # "outbox": what `exclusive` is told
_POSTS_KEPT = timedelta(days=120)
_PICTURES = "outbox:pictures"  # among the args of a POST: {picture's name: file's id}
_PICTURES_KEPT = 4
_outbox = access_tables.outbox
_COLUMNS = tuple(_outbox.c)

# The conditions of the partial indexes, in their words, so that these serve.
_WAITING: ColumnElement[bool] = literal_column("outbox.state = 'waiting'")
_SENDING: ColumnElement[bool] = literal_column("outbox.state = 'sending'")


def put(connection: Connection, notices: Sequence[Notice], at: datetime) -> None:
    """Add notices in this transaction, in their order; one whose key is there already is left out."""
    rows = [
        {
            "key": notice.key,
            "lane": notice.lane,
            "kind": notice.kind,
            "recipient": notice.to,
            "action": notice.action.value,
            "about": notice.of,
            "args": dict(notice.args),
            "not_before": notice.not_before,
            "state": NoticeState.WAITING.value,
            "instance_id": "",
            "attempts": 0,
            "created_at": at,
            "updated_at": at,
            "channel": "",
            "ts": "",
            "error": "",
        }
        for notice in notices
    ]
    if rows:
        connection.execute(insert_new(connection, _outbox), rows)


class Outbox:
    """What is to be told, over all instances. Outcomes are told by the instance that claimed the notice, else ignored.

    lease: see `Instances`; an instance that is not registered counts as dead, and what it was sending as doubtful.
    """

    def __init__(self, db: Database, instance_id: str, *, clock: Clock, lease: timedelta = DEFAULT_LEASE) -> None:
        self._db = db
        self._instance_id = instance_id
        self._clock = clock
        self._lease = lease

    async def add(self, notices: Sequence[Notice]) -> None:
        """Store notices that no change goes with."""
        now = self._clock.now()
        await self._db.write(lambda connection: put(connection, notices, now))

    async def claim(self, limit: int) -> tuple[StoredNotice, ...]:
        """Take notices to deliver now, the oldest first: due, at most one of each lane and the first one there.

        They are SENDING from then on. An UPDATE waits while its POST does, and is DROPPED when its POST never came to
        be or when a newer UPDATE of the same message is due; a POST in a thread waits for the thread's POST.
        """
        now = self._clock.now()

        def work(connection: Connection) -> tuple[StoredNotice, ...]:
            exclusive(connection, _CLAIMING)
            connection.execute(_drop_superseded(now))
            connection.execute(_drop_orphans(now))
            chosen = connection.execute(_ready(now, limit)).scalars().all()
            if not chosen:
                return ()
            taken = (
                update(_outbox)
                .where(_outbox.c.id.in_(chosen))
                .values(
                    state=NoticeState.SENDING.value,
                    instance_id=self._instance_id,
                    attempts=_outbox.c.attempts + 1,
                    updated_at=now,
                )
                .returning(*_COLUMNS)
            )
            return tuple(sorted(map(_stored, connection.execute(taken)), key=lambda notice: notice.id))

        return await self._db.write(work)

    async def sent(self, notice_id: int, channel: str, ts: str) -> bool:
        """It was posted (or changed) there. False if it is not this instance's to say (any more)."""
        return await self._end(notice_id, state=NoticeState.SENT.value, channel=channel, ts=ts, error="")

    async def failed(self, notice_id: int, error: str) -> bool:
        """It can never be delivered."""
        return await self._end(notice_id, state=NoticeState.FAILED.value, error=error)

    async def dropped(self, notice_id: int) -> bool:
        """There is nothing to tell any more."""
        return await self._end(notice_id, state=NoticeState.DROPPED.value)

    async def again(self, notice_id: int, not_before: datetime | None) -> bool:
        """It was certainly not delivered: try again then (None: at once). Its lane waits for it."""
        return await self._end(notice_id, state=NoticeState.WAITING.value, not_before=not_before, instance_id="")

    async def doubtful(self) -> tuple[StoredNotice, ...]:
        """Take over what instances were sending that are alive no more: it may have been posted or not.

        Each is given to one caller, once, and stays SENDING as that one's; its outcome must then be told.
        """
        now = self._clock.now()
        taken = (
            update(_outbox)
            .where(
                _SENDING,
                _outbox.c.instance_id != self._instance_id,
                _outbox.c.instance_id.not_in(alive_since(now - self._lease)),
            )
            .values(instance_id=self._instance_id, updated_at=now)
            .returning(*_COLUMNS)
        )

        def work(connection: Connection) -> tuple[StoredNotice, ...]:
            exclusive(connection, _CLAIMING)
            return tuple(sorted(map(_stored, connection.execute(taken)), key=lambda notice: notice.id))

        return await self._db.write(work)

    async def posted(self, key: str) -> tuple[str, str] | None:
        """Channel and ts of the message that the POST with this key became; None if there is none."""
        query = select(_outbox.c.channel, _outbox.c.ts).where(
            _outbox.c.key == key, _outbox.c.action == Action.POST.value, _outbox.c.state == NoticeState.SENT.value
        )
        row = await self._db.read(lambda connection: connection.execute(query).first())
        return None if row is None else (row.channel, row.ts)

    async def picture(self, key: str, picture: str) -> str:
        """Id of the file that the picture of this name was uploaded as, for the message of this POST; "" for none."""
        query = select(_outbox.c.args).where(_outbox.c.key == key)
        args = await self._db.read(lambda connection: connection.execute(query).scalar())
        return _pictures(args).get(picture, "")

    async def remember_picture(self, key: str, picture: str, file_id: str) -> None:
        """The picture of this name is uploaded. Of a message's earlier pictures, the last few are kept in mind."""
        row = _outbox.c.key == key

        def work(connection: Connection) -> None:
            exclusive(connection, _CLAIMING)
            args = connection.execute(select(_outbox.c.args).where(row)).scalar()
            if args is not None:
                others = [pair for pair in _pictures(args).items() if pair[0] != picture]
                kept = dict([*others[1 - _PICTURES_KEPT :], (picture, file_id)])
                connection.execute(update(_outbox).where(row).values(args={**args, _PICTURES: kept}))

        await self._db.write(work)

    async def oldest_due(self) -> datetime | None:
        """Since when the notice that has waited longest could have been delivered; None when nothing waits.

        One that was put back counts from its beginning.
        """
        now, row = self._clock.now(), _outbox.c
        since = case((and_(row.attempts == 0, row.not_before.is_not(None)), row.not_before), else_=row.created_at)
        query = select(func.min(since)).where(
            literal_column("outbox.state IN ('waiting', 'sending')"), or_(row.attempts > 0, _due(row.not_before, now))
        )
        return await self._db.read(lambda connection: connection.execute(query).scalar())

    async def get(self, key: str) -> StoredNotice | None:
        """The notice with this key and what became of it."""
        query = select(*_COLUMNS).where(_outbox.c.key == key)
        row = await self._db.read(lambda connection: connection.execute(query).first())
        return None if row is None else _stored(row)

    async def sweep(self, keep: timedelta = timedelta(days=7)) -> int:
        """Forget notices that came to their end longer ago than `keep`; returns how many.

        POSTs are kept for 120 days at least: their messages may still be changed, and their keys not be told again.
        """
        now, row = self._clock.now(), _outbox.c
        ended = row.state.not_in([NoticeState.WAITING.value, NoticeState.SENDING.value])
        old = or_(
            and_(row.action == Action.UPDATE.value, row.updated_at < now - keep),
            row.updated_at < now - max(keep, _POSTS_KEPT),
        )
        query = delete(_outbox).where(ended, row.updated_at < now - keep, old)
        return await self._db.write(lambda connection: connection.execute(query).rowcount)

    async def _end(self, notice_id: int, **values: object) -> bool:
        query = (
            update(_outbox)
            .where(
                _outbox.c.id == notice_id,
                _outbox.c.state == NoticeState.SENDING.value,
                _outbox.c.instance_id == self._instance_id,
            )
            .values(updated_at=self._clock.now(), **values)
        )
        return await self._db.write(lambda connection: connection.execute(query).rowcount == 1)


def _due(not_before: ColumnElement[datetime | None], now: datetime) -> ColumnElement[bool]:
    return or_(not_before.is_(None), not_before <= now)


def _drop_superseded(now: datetime) -> Update:
    """Waiting UPDATEs of a message of which a newer UPDATE is due."""
    newer = _outbox.alias("newer")
    superseded = exists().where(
        literal_column("newer.state = 'waiting' AND newer.action = 'update'"),
        newer.c.about == _outbox.c.about,
        newer.c.id > _outbox.c.id,
        _due(newer.c.not_before, now),
    )
    return (
        update(_outbox)
        .where(literal_column("outbox.state = 'waiting' AND outbox.action = 'update'"), superseded)
        .values(state=NoticeState.DROPPED.value, updated_at=now, error="superseded")
    )


def _drop_orphans(now: datetime) -> Update:
    """Waiting UPDATEs of messages that will never be."""
    post = _outbox.alias("post")
    alive = exists().where(
        post.c.key == _outbox.c.about,
        post.c.action == Action.POST.value,
        post.c.state.not_in([NoticeState.FAILED.value, NoticeState.DROPPED.value]),
    )
    return (
        update(_outbox)
        .where(literal_column("outbox.state = 'waiting' AND outbox.action = 'update'"), ~alive)
        .values(state=NoticeState.DROPPED.value, updated_at=now, error="no_message")
    )


def _ready(now: datetime, limit: int) -> Select[tuple[int]]:
    earlier, post = _outbox.alias("earlier"), _outbox.alias("post")
    # Rows of one lane may be committed in another order than that of their ids: what is being sent counts either way.
    waits_in_lane = exists().where(
        literal_column("earlier.state IN ('waiting', 'sending')"),
        earlier.c.lane == _outbox.c.lane,
        earlier.c.id != _outbox.c.id,
        or_(earlier.c.id < _outbox.c.id, earlier.c.state == NoticeState.SENDING.value),
    )
    waits_for_post = exists().where(
        post.c.key == _outbox.c.about,
        post.c.state.in_([NoticeState.WAITING.value, NoticeState.SENDING.value]),
    )
    return (
        select(_outbox.c.id)
        .where(_WAITING, _due(_outbox.c.not_before, now), ~waits_in_lane, ~waits_for_post)
        .order_by(_outbox.c.id)
        .limit(limit)
    )


def _pictures(args: Mapping[str, JsonValue] | None) -> dict[str, str]:
    found = (args or {}).get(_PICTURES)
    return {str(name): str(file) for name, file in found.items()} if isinstance(found, dict) else {}


def _stored(row: Row[tuple[object, ...]]) -> StoredNotice:
    values = row._mapping
    return StoredNotice(
        id=values["id"],
        notice=Notice(
            key=values["key"],
            lane=values["lane"],
            kind=values["kind"],
            to=values["recipient"],
            action=Action(values["action"]),
            of=values["about"],
            args={name: value for name, value in values["args"].items() if name != _PICTURES},
            not_before=values["not_before"],
        ),
        state=NoticeState(values["state"]),
        instance_id=values["instance_id"],
        attempts=values["attempts"],
        created_at=values["created_at"],
        channel=values["channel"],
        ts=values["ts"],
        error=values["error"],
    )
