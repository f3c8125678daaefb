"""Holders who were deactivated or became guests: told to who answers for the data, or ended, as the policy says."""

from __future__ import annotations

import pytest

from services.access.leaving import AT_A_TIME, Departures
from services.access.model import EndReason, GrantStatus, RequestStatus
from services.actor import Actor
from services.store.database import Database
from tests.access.world import ADA, BEN, CHIARA, DAN, EVE, World
from tests.databases import database_url

__all__ = ["database_url"]  # on each kind of database


@pytest.fixture
def departures(world: World) -> Departures:
    return Departures(world.service.ports)


async def test_who_stays_is_left_alone(world: World, departures: Departures) -> None:
    await world.given()
    await world.told()
    assert await departures.run() == 0
    assert await world.told() == {}


async def test_who_left_is_told_to_owner_and_admins_once(world: World, departures: Departures) -> None:
    grant = await world.given()
    await world.told()
    world.people.members.remove(BEN)
    assert await departures.run() == 1
    assert await world.told() == {ADA: ["left"], EVE: ["left"]}
    (entry,) = await world.audited("grant.holder_left")
    assert (entry.grant_id, dict(entry.details)["outcome"]) == (grant.id, "reported")
    assert await departures.run() == 0
    await Departures(world.service.ports).run()  # another process
    assert await world.told() == {}
    assert world.cloud.opens(BEN)


async def test_or_their_access_ends_where_the_policy_says_so(world: World, departures: Departures) -> None:
    grant = await world.given()
    await world.told()
    world.rules(departed_holders="revoke")
    world.people.members.remove(BEN)
    assert await departures.run() == 1
    await world.execute()
    ended = await world.service.grant(grant.id)
    assert (ended.status, ended.end_reason) == (GrantStatus.ENDED, EndReason.LEFT)
    assert not world.cloud.opens(BEN)
    assert await world.told() == {ADA: ["ended"]}
    assert await departures.run() == 0


async def test_a_silent_slack_ends_nothing(world: World, departures: Departures) -> None:
    await world.given()
    world.rules(departed_holders="revoke")
    world.people.members.remove(BEN)
    world.people.is_away = True
    assert await departures.run() == 0
    world.people.is_away = False
    assert await departures.run() == 1


async def test_all_are_looked_at_in_turn(world: World, departures: Departures, db: Database) -> None:
    users = [f"U0M{number:03}" for number in range(AT_A_TIME + 1)]
    world.people.members.update(users)
    for user in users:
        await world.given(user, user)
    world.people.members.remove(users[-1])
    assert await departures.run() == 0
    assert await departures.run() == 1
    world.people.members.remove(users[0])
    assert await departures.run() == 1, "round again"


async def test_where_all_approvers_left_those_come_in_who_would_later(world: World) -> None:
    world.rules({"id": "one", "approvers": [CHIARA], "escalate": {"after": "5d", "to": [DAN]}})
    asked = await world.ask()
    assert asked.asked == (CHIARA,)
    await world.told()
    world.people.members.remove(CHIARA)
    world.clock.advance(days=1)  # the first reminder
    await world.calendar.run_due()
    waits = await world.request(asked.id)
    assert (waits.asked, waits.escalated_at) == ((CHIARA, DAN), world.clock.now())
    assert await world.told() == {BEN: ["escalated"], CHIARA: ["escalated"], DAN: ["request"]}
    assert (await world.service.approve(Actor(DAN), asked.id)).status is RequestStatus.APPROVED


async def test_where_nobody_is_left_at_all_the_request_waits_until_it_lapses(world: World) -> None:
    world.rules({"id": "one", "approvers": [CHIARA]})
    asked = await world.ask()
    world.people.members.remove(CHIARA)
    world.clock.advance(days=1)
    await world.calendar.run_due()
    assert (await world.request(asked.id)).status is RequestStatus.PENDING
    world.people.members.add(CHIARA)
    assert (await world.service.approve(Actor(CHIARA), asked.id)).status is RequestStatus.APPROVED
