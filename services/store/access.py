"""`AccessStore` in tables: requests, grants, their audit and their notices, each transition in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    exists,
    func,
    insert,
    literal_column,
    select,
    update,
)

from services.access.model import (
    AccessRequest,
    AuditEntry,
    AuditEvent,
    Grant,
    GrantStatus,
    RequestStatus,
    Subject,
    Vote,
)
from services.access.ports import AccessStanding, Change, GrantOutline
from services.ports import Clock
from services.store import access_audit, access_outlines, access_standing, outbox
from services.store.access_rows import (
    GRANT_COLUMNS,
    REQUEST_COLUMNS,
    grant_values,
    request_values,
    to_grant,
    to_request,
    to_vote,
    vote_values,
)
from services.store.access_tables import access_asked, access_grant, access_request, access_vote
from services.store.database import Database, exclusive, insert_new
from services.store.instances import DEFAULT_LEASE, alive_since
from services.store.workspaces import WorkspaceRow

_CLAIMING = 0x6772616E7473  # "grants": what `exclusive` is told
_UNDER_WAY = [RequestStatus.PENDING.value, RequestStatus.APPROVED.value, RequestStatus.FAILED.value]

_request = access_request.c
_grant = access_grant.c

# The conditions of the partial indexes, in their words, so that these serve.
_PENDING: ColumnElement[bool] = literal_column("access_request.status = 'pending'")
_LIVE: ColumnElement[bool] = literal_column("access_grant.status <> 'ended'")
_ENDED: ColumnElement[bool] = literal_column("access_grant.status = 'ended'")
_REVIEW_OPEN: ColumnElement[bool] = literal_column("access_grant.review = 'open'")


class _ChangedMeanwhile(Exception):
    """Somebody else was first: undo this transaction."""


class SqlAccessStore:
    """`services.access.ports.AccessStore` for one workspace. workspace_key: what tells it apart in this database."""

    def __init__(self, db: Database, workspace_key: str, *, clock: Clock) -> None:
        self._db = db
        self._workspace = WorkspaceRow(db, workspace_key)
        self._clock = clock

    async def apply(self, change: Change) -> bool:
        """See `AccessStore.apply`. Raises ValueError for a later revision without the status it replaces."""
        request, grant = change.request, change.grant
        if request is not None and request.revision > 1 and change.request_was is None:
            raise ValueError("a changed request needs the status it had")
        if grant is not None and grant.revision > 1 and change.grant_was is None:
            raise ValueError("a changed grant needs the status it had")
        workspace_id, now = await self._workspace.id(), self._clock.now()

        def work(connection: Connection) -> None:
            if request is not None:
                _write_request(connection, workspace_id, request, change.request_was)
            if grant is not None:
                _write_grant(connection, workspace_id, grant, change.grant_was)
            outbox.put(connection, change.notices, now)
            access_audit.append(connection, workspace_id, change.audit, now)

        try:
            await self._db.write(work)
        except _ChangedMeanwhile:
            return False
        return True

    async def audit(self, events: Sequence[AuditEvent]) -> None:
        """See `AccessStore.audit`."""
        workspace_id, now = await self._workspace.id(), self._clock.now()
        await self._db.write(lambda connection: access_audit.append(connection, workspace_id, events, now))

    # Requests

    async def request(self, request_id: str) -> AccessRequest | None:
        """The request, None for an id that is none of this workspace."""
        found = await self._requests(lambda query: query.where(_request.id == request_id))
        return found[0] if found else None

    async def pending(self, dataset: str, subject: Subject) -> tuple[AccessRequest, ...]:
        """See `AccessStore.pending`."""
        return await self._requests(
            lambda query: query.where(_about(dataset, subject), _request.status.in_(_UNDER_WAY)).order_by(
                _request.created_at, _request.id
            )
        )

    async def requests_about(self, dataset: str, subject: Subject, limit: int = 10) -> tuple[AccessRequest, ...]:
        """See `AccessStore.requests_about`."""
        return await self._requests(
            lambda query: (
                query.where(_about(dataset, subject))
                .order_by(_request.created_at.desc(), _request.id.desc())
                .limit(limit)
            )
        )

    async def requests_of(self, user_id: str, limit: int = 20) -> tuple[AccessRequest, ...]:
        """See `AccessStore.requests_of`."""
        return await self._requests(
            lambda query: (
                query.where(_request.requester == user_id)
                .order_by(_request.created_at.desc(), _request.id.desc())
                .limit(limit)
            )
        )

    async def waiting_for(self, user_id: str, limit: int = 20) -> tuple[AccessRequest, ...]:
        """See `AccessStore.waiting_for`."""
        has_card = exists().where(access_asked.c.request_id == _request.id, access_asked.c.asked == user_id)
        return await self._requests(
            lambda query: query.where(_PENDING, has_card).order_by(_request.created_at, _request.id).limit(limit)
        )

    async def pending_count(self, requester: str) -> int:
        """See `AccessStore.pending_count`."""
        query = select(func.count()).where(
            _request.workspace_id == await self._workspace.id(), _PENDING, _request.requester == requester
        )
        return await self._db.read(lambda connection: connection.execute(query).scalar_one())

    async def claim_requests(self, now: datetime, limit: int) -> tuple[AccessRequest, ...]:
        """See `AccessStore.claim_requests`; the longest due first."""
        return await self._requests(
            lambda query: query.where(_request.due_at <= now).order_by(_request.due_at).limit(limit)
        )

    # Grants

    async def grant(self, grant_id: str) -> Grant | None:
        """The grant, None for an id that is none of this workspace."""
        found = await self._grants(lambda query: query.where(_grant.id == grant_id))
        return found[0] if found else None

    async def live_grants(self, dataset: str) -> tuple[Grant, ...]:
        """See `AccessStore.live_grants`."""
        return await self._grants(
            lambda query: query.where(_LIVE, _grant.dataset == dataset).order_by(
                _grant.created_at.desc(), _grant.id.desc()
            )
        )

    async def ended_grants(self, dataset: str, limit: int = 20) -> tuple[Grant, ...]:
        """See `AccessStore.ended_grants`."""
        return await self._grants(
            lambda query: query.where(_ENDED, _grant.dataset == dataset).order_by(_grant.ended_at.desc()).limit(limit)
        )

    async def grants_for(self, subject: Subject, limit: int = 50) -> tuple[Grant, ...]:
        """See `AccessStore.grants_for`; those without an end yet come last."""
        return await self._grants(
            lambda query: (
                query.where(_LIVE, _grant.subject_kind == subject.kind.value, _grant.subject_id == subject.id)
                .order_by(_grant.ends_at.is_(None), _grant.ends_at, _grant.id)
                .limit(limit)
            )
        )

    async def grants_of_principal(self, object_id: str) -> tuple[Grant, ...]:
        """See `AccessStore.grants_of_principal`; by id."""
        return await self._grants(
            lambda query: query.where(_LIVE, _grant.principal_id == object_id).order_by(_grant.id)
        )

    async def open_reviews(self, limit: int = 50) -> tuple[Grant, ...]:
        """See `AccessStore.open_reviews`."""
        return await self._grants(
            lambda query: query.where(_REVIEW_OPEN).order_by(_grant.created_at, _grant.id).limit(limit)
        )

    async def holders_to_remind(self, now: datetime, limit: int) -> tuple[Grant, ...]:
        """See `AccessStore.holders_to_remind`; those whose end has passed are not reminded any more."""
        return await self._grants(
            lambda query: (
                query.where(_grant.remind_at <= now, _grant.ends_at > now).order_by(_grant.remind_at).limit(limit)
            )
        )

    async def live_outlines(self, after: str, limit: int) -> tuple[GrantOutline, ...]:
        """See `AccessStore.live_outlines`."""
        workspace_id = await self._workspace.id()
        return await self._db.read(lambda connection: access_outlines.page(connection, workspace_id, after, limit))

    async def holders(self, after: str, limit: int) -> tuple[str, ...]:
        """See `AccessStore.holders`."""
        workspace_id = await self._workspace.id()
        return await self._db.read(lambda connection: access_standing.holders(connection, workspace_id, after, limit))

    async def standing(self) -> AccessStanding:
        """See `AccessStore.standing`."""
        workspace_id, now = await self._workspace.id(), self._clock.now()
        return await self._db.read(lambda connection: access_standing.standing(connection, workspace_id, now))

    async def claim_grants(self, now: datetime, owner: str, lease: timedelta, limit: int) -> tuple[Grant, ...]:
        """See `AccessStore.claim_grants`; the longest due first."""
        workspace_id = await self._workspace.id()

        def work(connection: Connection) -> tuple[Grant, ...]:
            exclusive(connection, _CLAIMING)
            expired = update(access_grant).where(_grant.workspace_id == workspace_id, _grant.claimed_until <= now)
            connection.execute(expired.values(claimed_by="", claimed_until=None))
            chosen = _unclaimed(connection, workspace_id, now, limit)
            if not chosen:
                return ()
            claimed = (
                update(access_grant)
                .where(_grant.id.in_(chosen), _grant.due_at <= now)  # it may have been done since it was chosen
                .values(claimed_by=owner, claimed_until=now + lease)
                .returning(*GRANT_COLUMNS)
            )
            found = {grant.id: grant for grant in map(to_grant, connection.execute(claimed))}
            return tuple(found[grant_id] for grant_id in chosen if grant_id in found)

        return await self._db.write(work)

    async def release(self, grant_id: str, owner: str) -> None:
        """See `AccessStore.release`; a lease that is somebody else's by now stays theirs."""
        given_back = (
            update(access_grant)
            .where(_grant.id == grant_id, _grant.claimed_by == owner)
            .values(claimed_by="", claimed_until=None)
        )
        await self._db.write(lambda connection: connection.execute(given_back))

    async def release_dead(self) -> None:
        """See `AccessStore.release_dead`; an instance that is not registered counts as dead."""
        given_back = (
            update(access_grant)
            .where(
                _grant.claimed_until.is_not(None),
                _grant.claimed_by.not_in(alive_since(self._clock.now() - DEFAULT_LEASE)),
            )
            .values(claimed_by="", claimed_until=None)
        )
        await self._db.write(lambda connection: connection.execute(given_back))

    # Audit

    async def audit_page(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        dataset: str = "",
        person: str = "",
        request_id: str = "",
        before: int | None = None,
        limit: int = 20,
    ) -> tuple[AuditEntry, ...]:
        """See `AccessStore.audit_page`. since is within the range, until is not."""
        workspace_id = await self._workspace.id()
        return await self._db.read(
            lambda connection: access_audit.page(
                connection,
                workspace_id,
                since=since,
                until=until,
                dataset=dataset,
                person=person,
                request_id=request_id,
                before=before,
                limit=limit,
            )
        )

    async def _requests(
        self, narrowed: Callable[[Select[tuple[object, ...]]], Select[tuple[object, ...]]]
    ) -> tuple[AccessRequest, ...]:
        query = narrowed(select(*REQUEST_COLUMNS).where(_request.workspace_id == await self._workspace.id()))
        return await self._db.read(lambda connection: _read_requests(connection, query))

    async def _grants(
        self, narrowed: Callable[[Select[tuple[object, ...]]], Select[tuple[object, ...]]]
    ) -> tuple[Grant, ...]:
        query = narrowed(select(*GRANT_COLUMNS).where(_grant.workspace_id == await self._workspace.id()))
        return await self._db.read(lambda connection: tuple(map(to_grant, connection.execute(query))))


def _about(dataset: str, subject: Subject) -> ColumnElement[bool]:
    return (
        (_request.dataset == dataset)
        & (_request.subject_kind == subject.kind.value)
        & (_request.subject_id == subject.id)
    )


def _write_request(
    connection: Connection, workspace_id: int, request: AccessRequest, was: RequestStatus | None
) -> None:
    values = request_values(request)
    if request.revision == 1:
        added = insert_new(connection, access_request).values(workspace_id=workspace_id, **values)
        if connection.execute(added.returning(_request.id)).first() is None:
            raise _ChangedMeanwhile
    else:
        changed = update(access_request).where(
            _request.id == request.id,
            _request.workspace_id == workspace_id,
            _request.revision == request.revision - 1,
            _request.status == (was.value if was else ""),
        )
        if connection.execute(changed.values(values)).rowcount != 1:
            raise _ChangedMeanwhile
    _add_votes(connection, request)
    if request.asked:
        asked = [
            {"request_id": request.id, "asked": each, "position": place} for place, each in enumerate(request.asked)
        ]
        connection.execute(insert_new(connection, access_asked), asked)


def _add_votes(connection: Connection, request: AccessRequest) -> None:
    """Votes only grow: what is stored is not written again. A second vote in a stage breaks the unique key."""
    if not request.votes:
        return
    stored = select(func.count()).where(access_vote.c.request_id == request.id)
    count = connection.execute(stored).scalar_one()
    new = [vote_values(request.id, place, vote) for place, vote in enumerate(request.votes) if place >= count]
    if new:
        connection.execute(insert(access_vote), new)


def _write_grant(connection: Connection, workspace_id: int, grant: Grant, was: GrantStatus | None) -> None:
    values = grant_values(grant)
    if grant.revision == 1:
        added = insert_new(connection, access_grant).values(workspace_id=workspace_id, **values)
        if connection.execute(added.returning(_grant.id)).first() is None:
            raise _ChangedMeanwhile
        return
    changed = update(access_grant).where(
        _grant.id == grant.id,
        _grant.workspace_id == workspace_id,
        _grant.revision == grant.revision - 1,
        _grant.status == (was.value if was else ""),
    )
    if connection.execute(changed.values(values)).rowcount != 1:
        raise _ChangedMeanwhile


def _read_requests(connection: Connection, query: Select[tuple[object, ...]]) -> tuple[AccessRequest, ...]:
    rows = connection.execute(query).all()
    ids = [row._mapping["id"] for row in rows]
    votes: dict[str, list[Vote]] = defaultdict(list)
    asked: dict[str, list[str]] = defaultdict(list)
    if ids:
        cast_votes = select(access_vote).where(access_vote.c.request_id.in_(ids)).order_by(access_vote.c.position)
        for vote in connection.execute(cast_votes).mappings():
            votes[vote["request_id"]].append(to_vote({str(name): value for name, value in vote.items()}))
        cards = select(access_asked).where(access_asked.c.request_id.in_(ids)).order_by(access_asked.c.position)
        for card in connection.execute(cards):
            asked[card.request_id].append(card.asked)
    return tuple(
        to_request(row, tuple(votes[request_id]), tuple(asked[request_id]))
        for row, request_id in zip(rows, ids, strict=True)
    )


def _unclaimed(connection: Connection, workspace_id: int, now: datetime, limit: int) -> list[str]:
    """Ids of due grants, the longest due first, each of another principal, none of whose grants is claimed."""
    other = access_grant.alias("other")
    taken = exists().where(
        other.c.workspace_id == workspace_id,
        other.c.principal_id == _grant.principal_id,
        other.c.claimed_until.is_not(None),
    )
    query = (
        select(_grant.id, _grant.principal_id)
        .where(_grant.workspace_id == workspace_id, _grant.due_at <= now, ~taken)
        .order_by(_grant.due_at, _grant.id)
        .limit(limit)
    )
    chosen: dict[str, str] = {}  # principal: grant
    while len(chosen) < limit:
        # A principal with many due grants does not hide the others: it is left out of the next look.
        rows = connection.execute(query.where(_grant.principal_id.not_in(list(chosen)))).all()
        for row in rows:
            if len(chosen) < limit:
                chosen.setdefault(row.principal_id, row.id)
        if len(rows) < limit:
            break
    return list(chosen.values())
