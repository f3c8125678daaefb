"""What time alone brings: reminders, escalation, lapse, ends; and what changed while a request waited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.access.model import EndReason, GrantStatus, RequestStatus, Review
from services.access.offer import DecidedAlready
from services.access.ports import IdentityProblem
from services.actor import Actor
from services.errors import NotAllowed, Unavailable
from services.store.database import Database
from tests.access.world import ADA, BEN, CHIARA, DAN, EVE, OWNERS, WEEK, World, wish
from tests.databases import SetClock

REMINDED = {
    "id": "reminded",
    "remind": {"after": "4h", "factor": 2, "at_most": 3},
    "escalate": {"after": "2d", "to": [OWNERS]},
    "expires": "7d",
}


async def test_reminders_back_off_then_others_may_decide_then_it_lapses(world: World) -> None:
    world.rules(REMINDED)
    asked = await world.ask()
    await world.told()
    reminded: list[float] = []
    for hour in range(1, 47):
        world.clock.advance(hours=1)
        await world.calendar.run_due()
        for events in (await world.told()).values():
            reminded += [hour for each in events if each == "reminder"]
    assert reminded == [4, 12, 28], "each wait is twice the one before"

    with pytest.raises(NotAllowed):
        await world.service.approve(Actor(CHIARA), asked.id)
    world.clock.advance(hours=2)
    await world.calendar.run_due()
    await world.calendar.run_due()
    assert await world.told() == {
        ADA: ["escalated"],
        BEN: ["escalated"],
        CHIARA: ["request"],
        DAN: ["request"],
    }
    assert (await world.request(asked.id)).asked == (ADA, CHIARA, DAN)

    world.clock.advance(days=5)
    await world.calendar.run_due()
    assert (await world.request(asked.id)).status is RequestStatus.EXPIRED
    assert await world.told() == {BEN: ["lapsed"]}
    with pytest.raises(DecidedAlready):
        await world.service.approve(Actor(CHIARA), asked.id)
    actions = [each.action for each in await world.audited()]
    assert actions.count("request.reminded") == 3
    assert actions[-3:] == ["request.escalated", "request.expired", "request.approve.refused"]


async def test_whom_it_was_escalated_to_may_decide(world: World) -> None:
    world.rules(REMINDED)
    asked = await world.ask()
    world.clock.advance(days=2)
    await world.calendar.run_due()
    assert (await world.service.approve(Actor(CHIARA), asked.id)).status is RequestStatus.APPROVED
    await world.execute()
    assert world.cloud.opens(BEN), "the decision at execution knows that it was escalated"


async def test_a_bot_that_was_down_for_days_makes_up_for_nothing_but_the_last(world: World) -> None:
    world.rules(REMINDED)
    await world.ask()
    await world.told()
    world.clock.advance(hours=40)
    await world.calendar.run_due()
    assert await world.told() == {ADA: ["reminder"]}
    world.clock.advance(days=30)
    assert await world.calendar.run_due() == 1
    assert await world.told() == {BEN: ["lapsed"]}


async def test_a_late_click_on_what_has_lapsed_moves_nothing(world: World) -> None:
    asked = await world.ask()
    world.clock.advance(days=7)
    with pytest.raises(DecidedAlready) as caught:
        await world.service.approve(Actor(ADA), asked.id)
    assert caught.value.status is RequestStatus.EXPIRED


async def test_a_policy_that_denies_now_refuses_what_waits_and_no_click_passes_it(world: World) -> None:
    asked = await world.ask()
    world.rules({"id": "hold", "deny": "Legal hold."})
    with pytest.raises(NotAllowed) as caught:
        await world.service.approve(Actor(ADA), asked.id)
    assert "Legal hold." in caught.value.sentence
    assert (await world.request(asked.id)).status is RequestStatus.PENDING
    world.clock.advance(days=1)
    await world.calendar.run_due()
    refused = await world.request(asked.id)
    assert (refused.status, refused.reason_code) == (RequestStatus.REFUSED, "denied_by_rule")
    assert (await world.told())[BEN] == ["asker", "refused"]


async def test_a_policy_that_needs_more_asks_those_too(world: World) -> None:
    asked = await world.ask()
    world.rules({"id": "more", "approvers": [{"from": ["owner", OWNERS], "needed": 2}]})
    waits = await world.service.approve(Actor(ADA), asked.id)
    assert (waits.status, waits.asked) == (RequestStatus.PENDING, (ADA, CHIARA, DAN))
    assert (await world.service.approve(Actor(DAN), asked.id)).status is RequestStatus.APPROVED


async def test_a_policy_that_needs_nobody_gives_what_waits(world: World) -> None:
    asked = await world.ask()
    world.rules({"id": "open", "automatic": True})
    with pytest.raises(NotAllowed):
        await world.service.approve(Actor(ADA), asked.id)
    world.clock.advance(days=1)
    await world.calendar.run_due()
    await world.execute()
    assert (await world.request(asked.id)).status is RequestStatus.GRANTED
    assert world.cloud.opens(BEN)


async def test_a_policy_changed_between_the_approval_and_its_execution(world: World) -> None:
    asked = await world.ask()
    await world.service.approve(Actor(ADA), asked.id)
    world.rules({"id": "hold", "deny": "Legal hold."})
    await world.execute()
    refused = await world.request(asked.id)
    assert (refused.status, refused.reason_code) == (RequestStatus.REFUSED, "denied_by_rule")
    grant = await world.grant_of(asked.id)
    assert (grant.status, grant.end_reason) == (GrantStatus.ENDED, EndReason.POLICY)
    assert not world.cloud.there
    assert await world.told() == {ADA: ["request"], BEN: ["asker", "refused"]}


async def test_an_approver_deactivated_before_the_execution_does_not_count(world: World) -> None:
    world.rules({"id": "one", "approvers": [OWNERS]})
    asked = await world.ask()
    await world.service.approve(Actor(CHIARA), asked.id)
    world.people.members.remove(CHIARA)
    await world.execute()
    assert (await world.request(asked.id)).status is RequestStatus.REFUSED
    assert not world.cloud.there


async def test_an_approver_deactivated_before_the_click_moves_nothing(world: World) -> None:
    asked = await world.ask()
    world.people.members.remove(ADA)
    with pytest.raises(NotAllowed) as caught:
        await world.service.approve(Actor(ADA), asked.id)
    assert caught.value.code == "not_a_member"
    world.clock.advance(days=1)
    await world.calendar.run_due()
    assert (await world.request(asked.id)).asked == (ADA, EVE), "the admins decide in the owner's place"
    assert (await world.service.approve(Actor(EVE), asked.id)).status is RequestStatus.APPROVED


async def test_who_asked_was_deactivated_before_the_execution(world: World) -> None:
    asked = await world.ask()
    await world.service.approve(Actor(ADA), asked.id)
    world.people.members.remove(BEN)
    await world.execute()
    assert (await world.request(asked.id)).reason_code == "requester_not_member"
    assert not world.cloud.there


async def test_what_cannot_be_found_out_decides_nothing(world: World) -> None:
    asked = await world.ask()
    world.people.is_away = True
    with pytest.raises(Unavailable):
        await world.service.approve(Actor(ADA), asked.id)
    world.people.is_away = False
    await world.service.approve(Actor(ADA), asked.id)
    world.cloud.reach_unknown = True
    await world.execute()
    waits = await world.grant_of(asked.id)
    assert (waits.status, waits.attempts) == (GrantStatus.GRANTING, 1), "the owner's own access is in doubt"
    assert (await world.request(asked.id)).status is RequestStatus.APPROVED
    world.cloud.reach_unknown = False
    world.clock.advance(seconds=10)
    await world.execute()
    assert world.cloud.opens(BEN)


async def test_a_waiting_request_is_not_settled_in_doubt(world: World) -> None:
    asked = await world.ask()
    world.cloud.reach_unknown = True
    world.people.members.remove(EVE)  # so that nobody could decide in the owner's place
    world.clock.advance(days=1)
    await world.calendar.run_due()
    assert (await world.request(asked.id)).status is RequestStatus.PENDING
    world.people.is_away = True
    world.clock.advance(minutes=5)
    await world.calendar.run_due()
    world.people.is_away = world.cloud.reach_unknown = False
    world.clock.advance(minutes=5)
    await world.calendar.run_due()
    assert (await world.told())[ADA] == ["request", "reminder"]


async def test_an_owner_without_access_gives_none(world: World) -> None:
    world.cloud.stranger_reach.add(f"object-of-{ADA}")
    asked = await world.ask()
    assert asked.asked == (EVE,)
    with pytest.raises(NotAllowed):
        await world.service.approve(Actor(ADA), asked.id)


async def test_reviews_are_reminded_of_by_another_process_too(world: World, db: Database, clock: SetClock) -> None:
    world.rules({"id": "oncall", "break_glass": {"longest": "4h", "who": "everyone"}})
    request = await world.ask(emergency=True, duration=timedelta(hours=1))
    await world.execute()
    await world.told()
    clock.advance(days=1)
    await world.calendar.run_due()
    other = World(db, clock, policy=world.policy, instance="two")
    await other.calendar.run_due()
    assert await world.told() == {ADA: ["review"], EVE: ["review"]}
    assert (await world.grant_of(request.id)).review is Review.OPEN


async def test_one_request_that_cannot_be_looked_at_does_not_keep_the_others(world: World) -> None:
    world.datasets.add("weather", ADA)
    first = await world.ask()
    second = await world.ask("2", dataset="weather")
    await world.told()
    del world.datasets.known["sales"]
    world.clock.advance(days=1)
    await world.calendar.run_due()
    assert (await world.request(first.id)).reason_code == "unknown_dataset"
    assert (await world.request(second.id)).reminders == 1
    assert await world.told() == {ADA: ["reminder"], BEN: ["refused"]}


@pytest.mark.parametrize(
    "change",
    [datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)],
    ids=["spring", "autumn"],
)
async def test_an_end_across_daylight_saving_is_exact_in_seconds(world: World, change: datetime) -> None:
    """Half an hour before clocks in Stockholm are changed, a day is given."""
    world.clock.time = change
    grant = await world.given(duration=timedelta(days=1))
    assert grant.ends_at == change + timedelta(hours=24)
    local = ZoneInfo("Europe/Stockholm")
    assert change.astimezone(local).utcoffset() != grant.ends_at.astimezone(local).utcoffset()
    world.clock.advance(hours=23, minutes=59, seconds=59)
    await world.execute()
    assert world.cloud.opens(BEN)
    world.clock.advance(seconds=1)
    await world.execute()
    assert not world.cloud.opens(BEN)


async def test_an_undeliverable_channel_card_goes_to_those_who_decide(world: World) -> None:
    world.rules({"id": "channel", "channel": "C0GONE", "approvers": [OWNERS]})
    asked = await world.ask()
    assert asked.asked == ("C0GONE",)
    claimed = await world.outbox.claim(10)
    card = next(each for each in claimed if each.notice.to == "C0GONE")
    await world.service.undelivered(card, "is_archived")
    await world.service.undelivered(card, "is_archived")
    assert await world.outbox.failed(card.id, "is_archived")
    assert (await world.request(asked.id)).asked == ("C0GONE", CHIARA, DAN)
    told = await world.told()
    assert (told[CHIARA], told[DAN]) == (["request"], ["request"])


async def test_an_identity_that_is_gone_at_the_click(world: World) -> None:
    asked = await world.ask()
    world.directory.gone.add(BEN)
    with pytest.raises(IdentityProblem):
        await world.service.approve(Actor(ADA), asked.id)
    assert (await world.request(asked.id)).status is RequestStatus.PENDING
    assert (await world.service.card(asked.id)).warnings == ("There is no Entra user with this address.",)


async def test_a_card_tells_all_there_is_to_know(world: World) -> None:
    world.datasets.add("sales", ADA, sensitivity="personal")
    await world.given("first", duration=timedelta(days=1))
    world.clock.advance(days=2)
    await world.execute()
    asked = await world.ask("second", duration=WEEK)
    card = await world.service.card(asked.id)
    assert (card.sensitivity, card.principal and card.principal.object_id) == ("personal", f"object-of-{BEN}")
    assert [each.status for each in card.earlier] == [RequestStatus.GRANTED]
    assert card.decision.approvers == {ADA}
    assert card.has == ()
    offer = await world.service.offer(Actor(BEN), wish())
    assert offer.pending == asked
