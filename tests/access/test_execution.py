"""Executing what was decided when it does not work at once: tried again, given up, taken up again, nothing left."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.access.facts import grant_id_of
from services.access.model import (
    EndReason,
    GrantStatus,
    RequestStatus,
)
from services.access.ports import NotYetError
from services.actor import Actor
from services.errors import Conflict, NotAllowed, Unavailable
from tests.access.world import ADA, BEN, CHIARA, EVE, OWNERS, World

TWO_STAGES = {"id": "two", "approvers": [{"from": ["owner"]}, {"from": [OWNERS], "needed": 2}]}


async def test_giving_is_tried_again_and_given_up_and_taken_up_again(world: World) -> None:
    asked = await world.ask()
    await world.service.approve(Actor(ADA), asked.id)
    world.cloud.failures = [Unavailable("Azure does not answer.")] * 8
    for _ in range(8):
        await world.execute()
        world.clock.advance(minutes=31)
    failed = await world.request(asked.id)
    assert (failed.status, failed.failure) == (RequestStatus.FAILED, "Azure does not answer.")
    assert (await world.grant_of(asked.id)).status is GrantStatus.FAILED
    told = await world.told()
    assert told == {ADA: ["request", "failed"], BEN: ["asker", "failed"]}
    with pytest.raises(NotAllowed):
        await world.service.retry(Actor(CHIARA), asked.id)
    assert (await world.service.retry(Actor(BEN), asked.id)).status is RequestStatus.APPROVED
    with pytest.raises(Conflict):
        await world.service.retry(Actor(ADA), asked.id)
    await world.execute()
    assert world.cloud.opens(BEN)
    assert await world.told() == {BEN: ["granted"]}


async def test_what_can_never_work_fails_at_once_and_can_be_cancelled(world: World) -> None:
    asked = await world.ask()
    await world.service.approve(Actor(ADA), asked.id)
    world.cloud.failures = [NotAllowed("The bot lacks the role User Access Administrator on the container.")]
    await world.execute()
    assert (await world.request(asked.id)).status is RequestStatus.FAILED
    await world.service.cancel(Actor(BEN), asked.id)
    await world.execute()
    assert (await world.grant_of(asked.id)).status is GrantStatus.ENDED
    assert (await world.request(asked.id)).status is RequestStatus.CANCELLED


async def test_giving_up_leaves_nothing_behind(world: World) -> None:
    asked = await world.ask()
    await world.service.approve(Actor(ADA), asked.id)
    world.cloud.after = [NotAllowed("The second of two roles may not be given.")]
    await world.execute()
    assert (await world.grant_of(asked.id)).status is GrantStatus.FAILED
    assert world.cloud.calls == [f"grant {grant_id_of(asked.id)}", f"revoke {grant_id_of(asked.id)}"]
    assert not world.cloud.there


async def test_or_the_sweep_takes_it_away(world: World) -> None:
    asked = await world.ask()
    await world.service.approve(Actor(ADA), asked.id)
    world.cloud.after = [NotAllowed("The second of two roles may not be given.")]
    world.cloud.revocations = [Unavailable("Azure does not answer.")]
    await world.execute()
    assert (await world.grant_of(asked.id)).status is GrantStatus.FAILED
    assert world.cloud.opens(BEN)
    assert (await world.sweep()).removed == 1
    assert not world.cloud.there
    await world.service.retry(Actor(BEN), asked.id)
    await world.execute()
    assert world.cloud.opens(BEN)


async def test_ending_is_tried_for_ever_and_told_once_when_it_takes_long(world: World) -> None:
    grant = await world.given()
    await world.told()
    world.clock.advance(days=7)
    world.cloud.failures = [NotAllowed("The bot may not.")] * 12
    for _ in range(12):
        await world.execute()
        world.clock.advance(minutes=31)
    stuck = await world.service.grant(grant.id)
    assert (stuck.status, stuck.end_reason, stuck.attempts) == (GrantStatus.ENDING, EndReason.EXPIRED, 12)
    assert await world.told() == {ADA: ["failed"], EVE: ["failed"]}
    await world.execute()
    assert (await world.service.grant(grant.id)).status is GrantStatus.ENDED
    assert not world.cloud.opens(BEN)


async def test_the_other_side_says_when(world: World) -> None:
    grant = await world.given()
    await world.service.done(Actor(BEN), grant.id)
    later = world.clock.now() + timedelta(minutes=5)
    world.cloud.failures = [NotYetError("PIM takes five minutes.", later)]
    await world.execute()
    waits = await world.service.grant(grant.id)
    assert (waits.status, waits.next_try_at, waits.attempts) == (GrantStatus.ENDING, later, 0)
    assert await world.execute() == 0
    world.clock.advance(minutes=5)
    await world.execute()
    assert (await world.service.grant(grant.id)).status is GrantStatus.ENDED


async def test_a_fault_of_ours_is_no_end(world: World) -> None:
    asked = await world.ask()
    await world.service.approve(Actor(ADA), asked.id)
    world.cloud.failures = [KeyError("surprise")]
    assert await world.execute() == 0
    waits = await world.grant_of(asked.id)
    assert (waits.status, waits.attempts) == (GrantStatus.GRANTING, 1)
    world.clock.advance(seconds=10)
    await world.execute()
    assert world.cloud.opens(BEN)
