"""Several people, replicas and writers at the same instant: one winner each, no gap, nothing done twice."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from services.access.audit import first_broken
from services.access.model import AccessRequest, GrantStatus, Principal, RequestStatus, SubjectKind, Verdict, Vote
from services.access.ports import Change
from services.store.access import SqlAccessStore
from services.store.access_audit import AuditChains
from services.store.database import Database
from services.store.outbox import Outbox
from tests.databases import SetClock
from tests.store.access_samples import NOON, active, event, grant, post, request

ROUNDS = 1000
LEASE = timedelta(seconds=30)


@pytest.fixture
async def stores(db: Database, database_url: str, clock: SetClock) -> AsyncIterator[tuple[SqlAccessStore, ...]]:
    """Two replicas' stores of one workspace, each with its own database."""
    elsewhere = Database.open(database_url)
    yield SqlAccessStore(db, "w", clock=clock), SqlAccessStore(elsewhere, "w", clock=clock)
    await elsewhere.close()


def approved(asked: AccessRequest, approver: str) -> Change:
    """What a click on Approve writes."""
    decided = replace(
        asked,
        revision=2,
        status=RequestStatus.APPROVED,
        votes=(Vote(approver, 0, Verdict.APPROVE, NOON),),
        decided_by=approver,
        grant_id=f"{asked.id}-{approver}",
    )
    return Change(
        request=decided,
        request_was=RequestStatus.PENDING,
        grant=grant(decided.grant_id),
        audit=(event("request.approved", actor=approver, request_id=asked.id),),
        notices=(post(f"approved:{asked.id}"),),
    )


@pytest.mark.slow
async def test_of_two_approvers_in_the_same_instant_one_wins(
    stores: tuple[SqlAccessStore, ...], db: Database, clock: SetClock
) -> None:
    approvers = ("U2", "U3")
    wins: Counter[str] = Counter()
    for turn in range(ROUNDS):
        asked = request(f"r{turn}", asked=approvers)
        assert await stores[0].apply(Change(request=asked))

        first, second = (turn % 2, 1 - turn % 2)
        outcomes = await asyncio.gather(
            stores[first].apply(approved(asked, approvers[first])),
            stores[second].apply(approved(asked, approvers[second])),
        )
        assert sorted(outcomes) == [False, True]
        winner, loser = (first, second) if outcomes[0] else (second, first)
        wins[approvers[winner]] += 1
        stored = await stores[loser].request(asked.id)
        assert stored is not None
        assert stored.decided_by == approvers[winner]
        assert [vote.approver for vote in stored.votes] == [approvers[winner]]
        assert await stores[0].grant(f"r{turn}-{approvers[loser]}") is None
    entries = await stores[0].audit_page(limit=ROUNDS * 2)
    assert [entry.seq for entry in entries] == list(range(ROUNDS, 0, -1))
    assert len({entry.request_id for entry in entries}) == ROUNDS
    assert min(wins.values()) > 0, "both were first at times, or nothing was at once"
    told = await Outbox(db, "one", clock=clock).claim(ROUNDS * 2)
    assert len(told) == ROUNDS


async def test_two_claimers_never_get_the_same_grant_or_principal(stores: tuple[SqlAccessStore, ...]) -> None:
    for number in range(60):
        principal = Principal(SubjectKind.USER, f"p{number % 12}", "")
        await stores[0].apply(Change(grant=grant(f"g{number:02}", principal=principal)))
    busy: set[str] = set()
    done: list[str] = []

    async def work(name: str, store: SqlAccessStore) -> None:
        while len(done) < 60:
            claimed = await store.claim_grants(NOON, name, LEASE, 4)
            principals = {each.principal.object_id for each in claimed}
            assert len(principals) == len(claimed)
            assert not principals & busy
            busy.update(principals)
            for each in claimed:
                await asyncio.sleep(0)
                given = replace(each, revision=2, status=GrantStatus.ACTIVE, ends_at=NOON + timedelta(days=1))
                assert await store.apply(Change(grant=given, grant_was=GrantStatus.GRANTING))
                done.append(each.id)
                busy.remove(each.principal.object_id)
                await store.release(each.id, name)

    await asyncio.wait_for(asyncio.gather(*(work(f"i{turn}", stores[turn % 2]) for turn in range(6))), 60)
    assert sorted(done) == [f"g{number:02}" for number in range(60)]


async def test_a_claim_ends_with_its_lease_or_its_release(stores: tuple[SqlAccessStore, ...]) -> None:
    one, two = stores
    await one.apply(Change(grant=grant("g1")))
    await one.apply(Change(grant=grant("g2", created_at=NOON + timedelta(seconds=1))))
    now = NOON + timedelta(minutes=1)

    async def claim(store: SqlAccessStore, name: str, after: timedelta = timedelta()) -> list[str]:
        return [each.id for each in await store.claim_grants(now + after, name, LEASE, 9)]

    assert await claim(one, "one") == ["g1"], "the other one is of the same principal"
    assert await claim(two, "two") == []
    await two.release("g1", "two")
    assert await claim(two, "two", LEASE - timedelta(seconds=1)) == [], "it was not theirs to give back"
    assert await claim(two, "two", LEASE) == ["g1"], "whoever had it is dead"
    await one.release("g1", "one")
    assert await claim(one, "one", LEASE) == []
    done = replace(grant("g1"), revision=2, status=GrantStatus.ACTIVE, ends_at=NOON + timedelta(days=1))
    assert await two.apply(Change(grant=done, grant_was=GrantStatus.GRANTING)), "a lease is outside the revision"
    await two.release("g1", "two")
    assert await claim(one, "one", LEASE) == ["g2"]


async def test_what_is_due_to_be_executed(stores: tuple[SqlAccessStore, ...]) -> None:
    store = stores[0]

    def principal(number: int) -> Principal:
        return Principal(SubjectKind.USER, f"p{number}", "")

    for number, each in enumerate(
        (
            active("past", NOON + timedelta(hours=2)),
            active("later", NOON + timedelta(hours=9)),
            grant("granting", created_at=NOON),
            grant("again", next_try_at=NOON + timedelta(hours=3), attempts=1),
            grant("ending", status=GrantStatus.ENDING, created_at=NOON - timedelta(days=1)),
            grant("failed", status=GrantStatus.FAILED),
            grant("ended", status=GrantStatus.ENDED),
        )
    ):
        await store.apply(Change(grant=replace(each, principal=principal(number))))

    async def due(hours: float, limit: int = 9) -> list[str]:
        now = NOON + timedelta(hours=hours)
        claimed = [each.id for each in await store.claim_grants(now, "one", LEASE, limit)]
        for each in claimed:
            await store.release(each, "one")
        return claimed

    assert await due(0) == ["ending", "granting"]
    assert await due(3) == ["ending", "granting", "past", "again"]
    assert await due(3, 2) == ["ending", "granting"]
    assert await due(9) == ["ending", "granting", "past", "again", "later"]


async def test_a_principal_with_many_due_grants_does_not_hide_the_others(stores: tuple[SqlAccessStore, ...]) -> None:
    for number in range(30):
        await stores[0].apply(Change(grant=grant(f"a{number:02}", created_at=NOON - timedelta(days=1))))
    for number in range(4):
        principal = Principal(SubjectKind.USER, f"p{number}", "")
        await stores[0].apply(Change(grant=grant(f"b{number}", principal=principal)))
    claimed = await stores[0].claim_grants(NOON, "one", LEASE, 4)
    assert [each.id for each in claimed] == ["a00", "b0", "b1", "b2"]
    assert [each.id for each in await stores[1].claim_grants(NOON, "two", LEASE, 4)] == ["b3"]


async def test_eight_writers_leave_no_gap_in_the_audit(stores: tuple[SqlAccessStore, ...], db: Database) -> None:
    async def write(writer: int) -> None:
        for turn in range(25):
            named = [event(f"{writer}.{turn}.{part}", actor=f"U{writer}") for part in range(turn % 3 + 1)]
            await stores[writer % 2].audit(named)

    await asyncio.gather(*(write(writer) for writer in range(8)))
    entries = (await stores[0].audit_page(limit=9999))[::-1]
    assert len(entries) == 8 * sum(turn % 3 + 1 for turn in range(25))
    assert first_broken(entries) is None
    for writer in range(8):
        own = [tuple(map(int, entry.action.split("."))) for entry in entries if entry.actor == f"U{writer}"]
        assert own == sorted(own)
    ((number, key),) = await AuditChains(db).workspaces()
    verified = await AuditChains(db).verify(number, key)
    assert (verified.broken, verified.count) == (None, len(entries))


async def test_a_killed_writer_leaves_nothing_and_holds_up_nobody(
    stores: tuple[SqlAccessStore, ...], database_url: str
) -> None:
    """The writer is killed by its own signal 9 inside the transaction, when everything but the head is written."""
    known = request()
    await stores[0].apply(Change(request=known, audit=(event(),)))
    child = [sys.executable, "-m", "tests.store.killed_writer", database_url]
    done = await asyncio.to_thread(subprocess.run, child, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout == "killing\n"
    assert await stores[0].request("r1") == known
    assert await stores[0].grant("g1") is None
    assert len(await stores[0].audit_page()) == 1
    cancelled = replace(known, revision=2, status=RequestStatus.CANCELLED)
    change = Change(request=cancelled, request_was=RequestStatus.PENDING, audit=(event("request.cancelled"),))
    assert await asyncio.wait_for(stores[1].apply(change), 20)
