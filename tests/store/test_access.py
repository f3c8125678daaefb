"""Requests and grants come back as they were written, and a transition is written whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError

from services.access.model import (
    AccessRequest,
    EndReason,
    Grant,
    GrantStatus,
    RequestStatus,
    Review,
    Subject,
    SubjectKind,
    Verdict,
    Vote,
    reminder_lead,
)
from services.access.ports import AccessStore, Change, GrantOutline
from services.store.access import SqlAccessStore
from services.store.database import Database
from services.store.outbox import Outbox
from tests.databases import SetClock
from tests.store.access_samples import (
    ADA,
    NOON,
    TEAM,
    active,
    full_grant,
    full_request,
    grant,
    post,
    request,
)
from tests.store.access_samples import event as audit_event


@pytest.fixture
def store(db: Database, clock: SetClock) -> SqlAccessStore:
    checked: AccessStore = SqlAccessStore(db, "w", clock=clock)
    assert isinstance(checked, SqlAccessStore)
    return checked


def next_of(known: AccessRequest, status: RequestStatus = RequestStatus.PENDING, **changes: object) -> Change:
    """The change of a request to its next revision."""
    changed = replace(known, revision=known.revision + 1, status=status, **changes)  # type: ignore[arg-type]
    return Change(request=changed, request_was=known.status)


async def counts(db: Database) -> dict[str, int]:
    names = ("access_request", "access_vote", "access_asked", "access_grant", "access_audit", "outbox")

    def work(connection: Connection) -> dict[str, int]:
        return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}

    return await db.read(work)


async def test_every_field_comes_back(store: SqlAccessStore) -> None:
    assert await store.request("r1") is None
    assert await store.grant("g1") is None
    assert await store.apply(Change(request=full_request(), grant=full_grant()))
    assert await store.request("r1") == full_request()
    assert await store.grant("g1") == full_grant()
    assert await store.apply(Change(request=request("r2"), grant=grant("g2")))
    assert await store.request("r2") == request("r2")
    assert await store.grant("g2") == grant("g2")


async def test_what_no_database_stores_is_replaced(store: SqlAccessStore) -> None:
    typed = request(reason="a\x00b\ud800")
    assert await store.apply(Change(request=typed, audit=(audit_event(details=(("reason", "a\x00b"),)),)))
    stored = await store.request("r1")
    assert stored is not None
    assert stored.reason == "a\ufffdb\ufffd"
    (entry,) = await store.audit_page()
    assert entry.details == (("reason", "a\ufffdb"),)


async def test_an_id_is_inserted_once(store: SqlAccessStore, db: Database) -> None:
    first = Change(request=request(), audit=(audit_event(),), notices=(post("n1"),))
    assert await store.apply(first)
    before = await counts(db)
    assert not await store.apply(replace(first, request=request(reason="again"), notices=(post("n2"),)))
    assert not await store.apply(Change(grant=grant(), request=request(), audit=(audit_event(),)))
    assert await counts(db) == before
    assert await store.grant("g1") is None


async def test_a_transition_needs_the_revision_and_the_status_before_it(store: SqlAccessStore) -> None:
    known = request()
    await store.apply(Change(request=known))
    assert not await store.apply(next_of(replace(known, revision=2)))
    assert not await store.apply(next_of(replace(known, status=RequestStatus.FAILED), RequestStatus.CANCELLED))
    assert await store.apply(next_of(known, RequestStatus.APPROVED, decided_by="U2"))
    assert not await store.apply(next_of(known, RequestStatus.DENIED, decided_by="U3")), "somebody was first"
    stored = await store.request("r1")
    assert stored is not None
    assert (stored.status, stored.decided_by, stored.revision) == (RequestStatus.APPROVED, "U2", 2)
    with pytest.raises(ValueError, match="the status it had"):
        await store.apply(Change(request=replace(known, revision=2)))
    with pytest.raises(ValueError, match="the status it had"):
        await store.apply(Change(grant=grant(revision=2)))


async def test_nothing_is_written_when_only_one_of_two_rows_is_as_expected(store: SqlAccessStore, db: Database) -> None:
    known, given = request(), grant()
    await store.apply(Change(request=known, grant=given))
    before = await counts(db)
    granted = replace(
        next_of(known, RequestStatus.APPROVED, asked=("U2", "C9", "U7")),
        grant=replace(given, revision=3, status=GrantStatus.ACTIVE),
        grant_was=GrantStatus.GRANTING,
        audit=(audit_event(),),
        notices=(post("n1"),),
    )
    assert not await store.apply(granted)
    assert await counts(db) == before
    assert await store.request("r1") == known
    right = replace(granted, grant=replace(given, revision=2, status=GrantStatus.ACTIVE))
    assert await store.apply(right)
    assert await store.grant("g1") == right.grant


async def test_votes_and_cards_grow(store: SqlAccessStore) -> None:
    known = request()
    await store.apply(Change(request=known))
    first = Vote("U3", 0, Verdict.APPROVE, NOON)
    second = Vote("U2", 0, Verdict.DENY, NOON - timedelta(seconds=1), "No")
    change = next_of(known, votes=(first,), asked=("U2", "C9", "U1"))
    assert await store.apply(change)
    assert change.request is not None
    last = next_of(change.request, RequestStatus.DENIED, votes=(first, second))
    assert await store.apply(last)
    assert await store.request("r1") == last.request


async def test_nobody_votes_twice_in_a_stage(store: SqlAccessStore, db: Database) -> None:
    vote = Vote("U3", 0, Verdict.APPROVE, NOON)
    known = request(votes=(vote,))
    await store.apply(Change(request=known))
    before = await counts(db)
    with pytest.raises(IntegrityError):
        await store.apply(next_of(known, votes=(vote, replace(vote, verdict=Verdict.DENY))))
    assert await store.apply(next_of(known, votes=(vote, replace(vote, stage=1))))
    assert await counts(db) == before | {"access_vote": 2}


async def test_a_key_that_is_there_is_left_alone(store: SqlAccessStore, db: Database, clock: SetClock) -> None:
    await store.apply(Change(notices=(post("n1", to="U1"),)))
    await store.apply(Change(notices=(post("n1", to="U2"), post("n2"))))
    claimed = await Outbox(db, "one", clock=clock).claim(9)
    assert [(each.notice.key, each.notice.to) for each in claimed] == [("n1", "U1"), ("n2", "U1")]


async def test_workspaces_do_not_see_each_other(store: SqlAccessStore, db: Database, clock: SetClock) -> None:
    other = SqlAccessStore(db, "another workspace", clock=clock)
    known, given = request(), grant()
    await store.apply(Change(request=known, grant=given, audit=(audit_event(),)))
    assert await other.request("r1") is None
    assert await other.grant("g1") is None
    assert await other.audit_page() == ()
    assert not await other.apply(next_of(known, RequestStatus.CANCELLED))
    assert not await other.apply(Change(grant=replace(given, revision=2), grant_was=given.status))
    assert not await other.apply(Change(request=known)), "ids are unique over all workspaces"
    late = NOON + timedelta(days=99)
    for nothing in (
        await other.pending("sales", ADA),
        await other.waiting_for("U2"),
        await other.live_grants("sales"),
        await other.claim_requests(late, 9),
        await other.claim_grants(late, "one", timedelta(minutes=1), 9),
        await other.live_outlines("", 9),
    ):
        assert nothing == ()
    await other.audit([audit_event()])
    assert [entry.seq for entry in await other.audit_page()] == [1]


async def test_requests_are_found_by_what_they_are_about(store: SqlAccessStore) -> None:
    made = [
        request("r1"),
        request("r2", created_at=NOON + timedelta(hours=1), status=RequestStatus.FAILED),
        request("r3", created_at=NOON + timedelta(hours=2), status=RequestStatus.DENIED),
        request("r4", created_at=NOON - timedelta(hours=1), status=RequestStatus.APPROVED, asked=("U8",)),
        request("r5", dataset="Sales"),
        request("r6", subject=TEAM),
        request("r7", subject=Subject(SubjectKind.GROUP, "U1")),
        request("r8", requester="U9", created_at=NOON + timedelta(hours=3), asked=("U2",)),
    ]
    for each in made:
        assert await store.apply(Change(request=each))

    def ids(found: tuple[AccessRequest, ...]) -> list[str]:
        return [each.id for each in found]

    assert ids(await store.pending("sales", ADA)) == ["r4", "r1", "r2", "r8"]
    assert ids(await store.pending("sales", replace(TEAM, name="renamed"))) == ["r6"]
    assert ids(await store.requests_about("sales", ADA)) == ["r8", "r3", "r2", "r1", "r4"]
    assert ids(await store.requests_about("sales", ADA, 2)) == ["r8", "r3"]
    assert ids(await store.requests_of("U9")) == ["r8"]
    assert ids(await store.requests_of("U1", 3)) == ["r3", "r2", "r7"]
    assert ids(await store.waiting_for("U2")) == ["r1", "r5", "r6", "r7", "r8"]
    assert ids(await store.waiting_for("U2", 1)) == ["r1"]
    assert ids(await store.waiting_for("U8")) == [], "decided already"
    assert await store.pending_count("U1") == 4
    assert await store.pending_count("U2") == 0
    assert await store.pending("sales", ADA) == (made[3], made[0], made[1], made[7]), "with their votes and cards"


async def test_grants_are_found_by_what_they_are_about(store: SqlAccessStore) -> None:
    for each in (
        grant("g1"),
        active("g2", NOON + timedelta(days=2), created_at=NOON + timedelta(hours=1)),
        active(
            "g3", NOON + timedelta(days=1), created_at=NOON - timedelta(hours=1), emergency=True, review=Review.OPEN
        ),
        grant("g4", status=GrantStatus.FAILED, dataset="other", emergency=True, review=Review.OPEN),
        replace(full_grant("g5"), review=Review.OPEN, created_at=NOON - timedelta(days=1)),
        replace(full_grant("g6"), ended_at=NOON + timedelta(days=5), end_reason=EndReason.EXPIRED),
        active("g7", subject=TEAM, principal=full_grant().principal),
    ):
        assert await store.apply(Change(grant=each))

    def ids(found: Sequence[Grant | GrantOutline]) -> list[str]:
        return [each.id for each in found]

    assert ids(await store.live_grants("sales")) == ["g2", "g7", "g1", "g3"]
    assert ids(await store.ended_grants("sales")) == ["g6", "g5"]
    assert ids(await store.ended_grants("sales", 1)) == ["g6"]
    assert ids(await store.grants_for(ADA)) == ["g3", "g2", "g1", "g4"]
    assert ids(await store.grants_for(ADA, 1)) == ["g3"]
    assert ids(await store.grants_of_principal("g-1")) == ["g7"]
    assert ids(await store.open_reviews()) == ["g5", "g3", "g4"]
    assert ids(await store.live_outlines("", 3)) == ["g1", "g2", "g3"]
    assert ids(await store.live_outlines("g3", 3)) == ["g4", "g7"]
    assert ids(await store.live_outlines("g7", 3)) == []


@pytest.mark.parametrize("step", ["access_vote", "access_asked", "access_grant", "outbox", "access_audit_head"])
async def test_a_crash_in_the_middle_leaves_nothing(
    step: str, store: SqlAccessStore, db: Database, database_url: str, clock: SetClock
) -> None:
    await store.apply(Change(request=request(), audit=(audit_event(),)))
    before = await counts(db)
    crashing = Database.open(database_url)

    def crash(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith((f"INSERT INTO {step} ", f"UPDATE {step} ")):
            raise ConnectionAbortedError(step)

    event.listen(crashing._engine, "before_cursor_execute", crash)
    change = replace(
        next_of(request(), RequestStatus.APPROVED, votes=(Vote("U2", 0, Verdict.APPROVE, NOON),), asked=("U8",)),
        grant=grant(),
        audit=(audit_event("request.approved"),),
        notices=(post("n1"),),
    )
    with pytest.raises(ConnectionAbortedError, match=step):
        await SqlAccessStore(crashing, "w", clock=clock).apply(change)
    await crashing.close()
    assert await counts(db) == before
    assert await store.apply(change), "and it can be done again"


async def test_requests_that_time_moves(store: SqlAccessStore) -> None:
    for each in (
        request("lapses", expires_at=NOON + timedelta(hours=3)),
        request("reminds", next_reminder_at=NOON + timedelta(hours=1)),
        request("approved", status=RequestStatus.APPROVED, decided_at=NOON + timedelta(hours=2)),
        request("granting", status=RequestStatus.APPROVED, decided_at=NOON, grant_id="g1"),
        request("failed", status=RequestStatus.FAILED, next_reminder_at=NOON),
        request("later"),
    ):
        await store.apply(Change(request=each))

    async def due(hours: float, limit: int = 9) -> list[str]:
        return [each.id for each in await store.claim_requests(NOON + timedelta(hours=hours), limit)]

    assert await due(0.9) == []
    assert await due(1) == ["reminds"]
    assert await due(3) == ["reminds", "approved", "lapses"]
    assert await due(3, 2) == ["reminds", "approved"]
    assert await due(24 * 7) == ["reminds", "approved", "lapses", "later"]


async def test_holders_are_reminded_within_the_lead_and_until_the_end(store: SqlAccessStore) -> None:
    lead = reminder_lead(timedelta(days=30))
    assert lead == timedelta(days=3)
    for each in (
        active("due"),
        active("reminded", reminded_at=NOON),
        active("short", NOON + timedelta(minutes=50), duration=timedelta(minutes=50)),
        grant("granting"),
        active("sooner", NOON + timedelta(days=10)),
    ):
        await store.apply(Change(grant=each))

    async def due(days: float, limit: int = 9) -> list[str]:
        return [each.id for each in await store.holders_to_remind(NOON + timedelta(days=days), limit)]

    assert await due(0.02) == []
    assert await due(7) == ["sooner"]
    assert await due(26.99) == [], "its end has passed"
    assert await due(27) == ["due"]
    assert await due(29.99) == ["due"]
    assert await due(30) == []


@pytest.mark.parametrize(
    ("hours", "lead_minutes"), [(0.99, None), (1, 15), (2, 24), (24, 288), (24 * 15, 3 * 1440), (24 * 365, 3 * 1440)]
)
def test_how_long_before_the_end_holders_are_reminded(hours: float, lead_minutes: float | None) -> None:
    expected = None if lead_minutes is None else timedelta(minutes=lead_minutes)
    assert reminder_lead(timedelta(hours=hours)) == expected
