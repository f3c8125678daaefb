"""Two approvers in the same instant, on two replicas: one winner each, and the other is told who it was."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from services.access.model import AccessRequest, RequestStatus
from services.access.offer import DecidedAlready
from services.actor import Actor
from services.outbox import Action
from services.store.database import Database
from tests.access.world import ADA, BEN, CHIARA, DAN, OWNERS, World
from tests.databases import SetClock, database_url

__all__ = ["database_url"]  # on each kind of database

ROUNDS = {"sqlite": 1000, "postgresql": 60}
"""Whole clicks, with accounts and facts behind them; `tests.store.test_access_at_once` has a thousand of the writes."""


@pytest.fixture
async def replicas(db: Database, database_url: str, clock: SetClock) -> AsyncIterator[tuple[World, World]]:
    """Two processes of the bot on one database, in one workspace."""
    elsewhere = Database.open(database_url)
    one = World(db, clock)
    two = World(elsewhere, clock, instance="two", cloud=one.cloud, people=one.people, datasets=one.datasets)
    for each in (one, two):
        each.rules({"id": "owners", "approvers": [OWNERS]})
    yield one, two
    await elsewhere.close()


async def click(world: World, who: str, request_id: str, *, deny: bool = False) -> AccessRequest | DecidedAlready:
    """What one click leads to."""
    try:
        if deny:
            return await world.service.deny(Actor(who), request_id, "No.")
        return await world.service.approve(Actor(who), request_id)
    except DecidedAlready as error:
        return error


@pytest.mark.slow
async def test_of_two_clicks_in_the_same_instant_one_wins(replicas: tuple[World, World], database_url: str) -> None:
    rounds = ROUNDS[database_url.split(":", 1)[0]]
    wins: Counter[str] = Counter()
    for number in range(rounds):
        dataset = f"data-{number}"
        replicas[0].datasets.add(dataset, ADA)
        asker = f"U0ASKER{number}"
        replicas[0].people.members.add(asker)
        asked = await replicas[0].ask(f"k{number}", asker, dataset=dataset)
        denies = number % 3 == 2
        clicks = [
            click(replicas[0], CHIARA, asked.id),
            click(replicas[1], DAN, asked.id, deny=denies),
        ]
        outcomes = await asyncio.gather(*(clicks if number % 2 else clicks[::-1]))
        losers = [each for each in outcomes if isinstance(each, DecidedAlready)]
        winners = [each for each in outcomes if isinstance(each, AccessRequest)]
        assert (len(winners), len(losers)) == (1, 1)
        stored = await replicas[0].request(asked.id)
        assert stored == winners[0]
        assert losers[0].by == stored.decided_by
        assert len(stored.votes) == 1
        assert bool(stored.grant_id) == (stored.status is RequestStatus.APPROVED)
        wins[stored.decided_by] += 1
    assert min(wins.values()) > 0, "both were first at times, or nothing was at once"
    decided = await replicas[0].store.audit_page(limit=rounds * 5)
    actions = Counter(each.action for each in decided)
    assert actions["request.approved"] + actions["request.denied"] == rounds
    assert actions["request.approve.refused"] + actions["request.deny.refused"] == rounds


async def test_of_two_that_must_both_approve_neither_is_lost(replicas: tuple[World, World]) -> None:
    for each in replicas:
        each.rules({"id": "both", "approvers": [{"from": [OWNERS], "needed": 2}]})
    asked = await replicas[0].ask()
    await asyncio.gather(click(replicas[0], CHIARA, asked.id), click(replicas[1], DAN, asked.id))
    stored = await replicas[0].request(asked.id)
    assert stored.status is RequestStatus.APPROVED
    assert sorted(vote.approver for vote in stored.votes) == [CHIARA, DAN]


async def test_two_executors_give_once_and_tell_once(replicas: tuple[World, World]) -> None:
    one, two = replicas
    grants = []
    for number in range(12):
        asker = f"U0ASKER{number}"
        one.people.members.add(asker)
        asked = await one.ask(f"k{number}", asker)
        await one.service.approve(Actor(CHIARA), asked.id)
        grants.append(await one.grant_of(asked.id))
    await one.register()
    await two.register()
    await asyncio.gather(one.execute(), two.execute(), one.execute(), two.execute())
    assert Counter(one.cloud.calls) == Counter(f"grant {each.id}" for each in grants)
    posts = [each.notice for each in await one.delivered() if each.notice.action is Action.POST]
    granted = Counter(each.to for each in posts if each.args.get("event") == "granted")
    assert granted == Counter({f"U0ASKER{number}": 1 for number in range(12)})


async def test_calendars_of_two_replicas_remind_once(replicas: tuple[World, World], clock: SetClock) -> None:
    await replicas[0].ask()
    await replicas[0].told()
    clock.advance(days=1)
    await asyncio.gather(*(each.calendar.run_due() for each in (*replicas, *replicas)))
    assert await replicas[0].told() == {CHIARA: ["reminder"], DAN: ["reminder"]}
    clock.advance(days=7)
    await asyncio.gather(*(each.calendar.run_due() for each in (*replicas, *replicas)))
    assert await replicas[0].told() == {BEN: ["lapsed"]}
