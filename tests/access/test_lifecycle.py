"""From the request to the end: what is written, what is there, and who is told what, each once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.access.model import (
    EndReason,
    GrantStatus,
    Initiative,
    Level,
    Principal,
    RequestStatus,
    Review,
    Subject,
    SubjectKind,
)
from services.access.offer import DecidedAlready, OpenAlready
from services.access.ports import IdentityProblem
from services.actor import Actor
from services.errors import Conflict, InvalidInput, NotAllowed, NotFound, Unavailable
from tests.access.world import ADA, BEN, CHIARA, DAN, EVE, GUEST, OWNERS, WEEK, World, wish

TWO_STAGES = {"id": "two", "approvers": [{"from": ["owner"]}, {"from": [OWNERS], "needed": 2}]}


async def test_asked_approved_given_and_ended_by_its_time(world: World) -> None:
    asked = await world.ask()
    assert (asked.status, asked.asked, asked.opens) == (RequestStatus.PENDING, (ADA,), ("read lake/sales/",))
    assert await world.told() == {ADA: ["request"], BEN: ["asker"]}

    approved = await world.service.approve(Actor(ADA), asked.id)
    assert approved.status is RequestStatus.APPROVED
    assert not world.cloud.opens(BEN), "what is decided is not yet executed"
    begun = await world.grant_of(asked.id)
    assert (begun.status, begun.ends_at, begun.approved_by) == (GrantStatus.GRANTING, None, (ADA,))

    world.clock.advance(minutes=1)
    await world.execute()
    given = await world.grant_of(asked.id)
    assert world.cloud.opens(BEN)
    assert given.status is GrantStatus.ACTIVE
    assert given.ends_at == world.clock.now() + WEEK
    assert (await world.request(asked.id)).status is RequestStatus.GRANTED
    assert await world.told() == {BEN: ["granted"]}

    world.clock.advance(days=6)
    await world.calendar.run_due()
    await world.calendar.run_due()
    assert await world.told() == {BEN: ["ends_soon"]}

    world.clock.advance(days=1)
    await world.execute()
    ended = await world.grant_of(asked.id)
    assert not world.cloud.opens(BEN)
    assert (ended.status, ended.end_reason, ended.ended_at) == (
        GrantStatus.ENDED,
        EndReason.EXPIRED,
        world.clock.now(),
    )
    assert await world.told() == {BEN: ["ended"]}
    assert [each.action for each in await world.audited()] == [
        "request.submitted",
        "request.approved",
        "grant.given",
        "grant.reminded",
        "grant.ended",
    ]


async def test_a_submission_delivered_twice_is_one_request(world: World) -> None:
    first, second = await world.ask(), await world.ask()
    assert first == second
    assert await world.told() == {ADA: ["request"], BEN: ["asker"]}
    with pytest.raises(NotAllowed) as caught:
        await world.service.submit(Actor(CHIARA), wish(CHIARA), key="k")
    assert caught.value.code == "not_the_requester"


async def test_the_same_cannot_be_asked_twice(world: World) -> None:
    asked = await world.ask()
    with pytest.raises(OpenAlready) as caught:
        await world.ask("again")
    assert caught.value.request_id == asked.id
    await world.service.approve(Actor(ADA), asked.id)
    await world.execute()
    with pytest.raises(OpenAlready) as held:
        await world.ask("once more")
    assert held.value.grant_id == (await world.request(asked.id)).grant_id
    assert (await world.ask("more", level=Level.WRITE)).status is RequestStatus.PENDING


async def test_denied_with_a_reason(world: World) -> None:
    asked = await world.ask()
    with pytest.raises(InvalidInput):
        await world.service.deny(Actor(ADA), asked.id, "  ")
    denied = await world.service.deny(Actor(ADA), asked.id, "Use the sample.")
    assert (denied.status, denied.decided_by, denied.decision_reason) == (
        RequestStatus.DENIED,
        ADA,
        "Use the sample.",
    )
    assert await world.told() == {ADA: ["request"], BEN: ["asker", "denied"]}
    with pytest.raises(DecidedAlready) as caught:
        await world.service.approve(Actor(EVE, is_admin=True), asked.id)
    assert (caught.value.by, caught.value.status) == (ADA, RequestStatus.DENIED)
    assert await world.execute() == 0
    assert not world.cloud.there


async def test_stages_and_numbers_are_counted(world: World) -> None:
    world.rules(TWO_STAGES)
    asked = await world.ask()
    assert asked.asked == (ADA,)
    waits = await world.service.approve(Actor(ADA), asked.id)
    assert (waits.status, waits.stage, waits.asked) == (RequestStatus.PENDING, 1, (ADA, CHIARA, DAN))
    with pytest.raises(NotAllowed) as caught:
        await world.service.approve(Actor(ADA), asked.id)
    assert caught.value.code == "not_an_approver"
    assert (await world.service.approve(Actor(CHIARA), asked.id)).status is RequestStatus.PENDING
    with pytest.raises(NotAllowed) as again:
        await world.service.approve(Actor(CHIARA), asked.id)
    assert again.value.code == "already_voted"
    done = await world.service.approve(Actor(DAN), asked.id)
    assert done.status is RequestStatus.APPROVED
    assert (await world.grant_of(asked.id)).approved_by == (ADA, CHIARA, DAN)


async def test_cancelled_by_who_asked_alone(world: World) -> None:
    asked = await world.ask()
    with pytest.raises(NotAllowed):
        await world.service.cancel(Actor(ADA), asked.id)
    assert (await world.service.cancel(Actor(BEN), asked.id)).status is RequestStatus.CANCELLED
    with pytest.raises(DecidedAlready):
        await world.service.cancel(Actor(BEN), asked.id)
    with pytest.raises(DecidedAlready):
        await world.service.approve(Actor(ADA), asked.id)
    assert [each.action for each in await world.audited()] == [
        "request.submitted",
        "request.cancel.refused",
        "request.cancelled",
        "request.cancel.refused",
        "request.approve.refused",
    ]


async def test_given_by_the_owner_without_asking(world: World) -> None:
    request = await world.ask("g", ADA, subject=Subject(SubjectKind.USER, BEN), initiative=Initiative.GIVE)
    assert request.status is RequestStatus.APPROVED
    await world.execute()
    assert world.cloud.opens(BEN)
    assert await world.told() == {ADA: ["asker", "granted"], BEN: ["holder", "granted"]}
    with pytest.raises(NotAllowed) as caught:
        await world.ask("g2", CHIARA, subject=Subject(SubjectKind.USER, DAN), initiative=Initiative.GIVE)
    assert caught.value.code == "may_not_give"


async def test_the_owners_own_request_goes_to_the_admins(world: World) -> None:
    asked = await world.ask(who=ADA)
    assert asked.asked == (EVE,)
    with pytest.raises(NotAllowed) as caught:
        await world.service.approve(Actor(ADA), asked.id)
    assert caught.value.code == "own_request"


async def test_emergency_is_loud_and_stays_open_until_somebody_else_looked(world: World) -> None:
    world.rules({"id": "oncall", "break_glass": {"longest": "4h", "who": "everyone", "reviewers": [OWNERS]}})
    with pytest.raises(NotAllowed) as caught:
        await world.ask(emergency=True, reason="Outage")
    assert caught.value.code == "emergency_too_long"
    request = await world.ask(emergency=True, reason="Outage", duration=timedelta(hours=4))
    assert request.status is RequestStatus.APPROVED
    told = await world.told()
    assert {ADA, CHIARA, DAN, EVE} <= {to for to, events in told.items() if "emergency" in events}
    await world.execute()
    grant = await world.grant_of(request.id)
    assert (grant.review, grant.emergency) == (Review.OPEN, True)
    assert {CHIARA, DAN, EVE} <= {to for to, events in (await world.told()).items() if "review" in events}

    world.clock.advance(hours=5)
    await world.execute()
    assert not world.cloud.opens(BEN)
    world.clock.advance(days=2)
    await world.calendar.run_due()
    await world.calendar.run_due()
    assert (await world.told()).get(CHIARA) == ["review"], "once a day, not more"

    with pytest.raises(NotAllowed):
        await world.service.review(Actor(BEN), grant.id, "It was me.")
    reviewed = await world.service.review(Actor(CHIARA), grant.id, "Real.")
    assert (reviewed.review, reviewed.reviewed_by) == (Review.DONE, CHIARA)
    with pytest.raises(Conflict):
        await world.service.review(Actor(DAN), grant.id, "Me too.")
    world.clock.advance(days=2)
    await world.calendar.run_due()
    assert await world.told() == {}


async def test_prolonged_by_the_same_path(world: World) -> None:
    first = await world.given()
    assert first.ends_at is not None
    await world.told()
    world.clock.advance(days=5)
    more = await world.ask("more", extends=first.id, duration=WEEK)
    assert (more.status, more.asked) == (RequestStatus.PENDING, (ADA,))
    await world.service.approve(Actor(ADA), more.id)
    assert (await world.service.grant(first.id)).ends_at == first.ends_at, "until it is executed"
    await world.execute()
    longer = await world.service.grant(first.id)
    assert longer.ends_at == world.clock.now() + WEEK
    assert longer.status is GrantStatus.ACTIVE
    assert (await world.request(more.id)).status is RequestStatus.GRANTED
    assert await world.told() == {ADA: ["request"], BEN: ["asker", "extended"]}
    world.clock.advance(days=3)
    assert await world.execute() == 0, "the first end is over and nothing ends"
    world.clock.advance(days=4)
    await world.execute()
    assert not world.cloud.opens(BEN)


async def test_prolonging_what_was_revoked_meanwhile_gives_nothing(world: World) -> None:
    first = await world.given()
    world.clock.advance(days=5)
    more = await world.ask("more", extends=first.id)
    await world.service.approve(Actor(ADA), more.id)
    await world.service.revoke(Actor(ADA), first.id, "A mistake.")
    await world.execute()
    assert (await world.service.grant(first.id)).status is GrantStatus.ENDED
    assert (await world.request(more.id)).status is RequestStatus.CANCELLED
    assert not world.cloud.opens(BEN)


async def test_prolonging_that_fails_until_the_end_gives_it_anew_later(world: World) -> None:
    first = await world.given()
    world.clock.advance(days=6, hours=23, minutes=59, seconds=59)
    more = await world.ask("more", extends=first.id)
    await world.service.approve(Actor(ADA), more.id)
    world.cloud.failures = [Unavailable("Azure does not answer.")] * 2
    for _ in range(3):
        await world.execute()
        world.clock.advance(seconds=30)
    assert (await world.service.grant(first.id)).status is GrantStatus.ENDED
    await world.execute()
    anew = await world.grant_of(more.id)
    assert anew.id != first.id
    assert anew.status is GrantStatus.ACTIVE
    assert world.cloud.opens(BEN)


async def test_given_back_and_taken_away(world: World) -> None:
    grant = await world.given()
    await world.told()
    with pytest.raises(NotAllowed):
        await world.service.done(Actor(ADA), grant.id)
    assert (await world.service.done(Actor(BEN), grant.id)).status is GrantStatus.ENDING
    with pytest.raises(Conflict):
        await world.service.done(Actor(BEN), grant.id)
    await world.execute()
    assert await world.told() == {BEN: ["ended"]}

    again = await world.given("again")
    await world.told()
    with pytest.raises(NotAllowed):
        await world.service.revoke(Actor(CHIARA), again.id, "No.")
    with pytest.raises(InvalidInput):
        await world.service.revoke(Actor(ADA), again.id, "")
    await world.service.revoke(Actor(ADA), again.id, "The project is over.")
    await world.execute()
    ended = await world.service.grant(again.id)
    assert (ended.end_reason, ended.end_note, ended.ended_by) == (EndReason.REVOKED, "The project is over.", ADA)
    assert not world.cloud.opens(BEN)
    assert await world.told() == {BEN: ["revoked"]}


async def test_revoked_before_it_was_executed(world: World) -> None:
    asked = await world.ask()
    await world.service.approve(Actor(ADA), asked.id)
    grant = await world.grant_of(asked.id)
    await world.service.revoke(Actor(ADA), grant.id, "Wrong dataset.")
    await world.execute()
    assert (await world.service.grant(grant.id)).status is GrantStatus.ENDED
    assert (await world.request(asked.id)).status is RequestStatus.CANCELLED
    assert "grant.given" not in {each.action for each in await world.audited()}


async def test_who_holds_what_is_for_the_owner_and_admins(world: World) -> None:
    grant = await world.given()
    assert (await world.service.grants(Actor(ADA), "sales")).live == (grant,)
    assert (await world.service.grants(Actor(EVE, is_admin=True), "sales")).may_manage
    assert (await world.service.grants(Actor(BEN), "sales")).live == (grant,)
    assert (await world.service.grants(Actor(CHIARA), "sales")).live == ()
    mine = await world.service.mine(Actor(BEN))
    assert (mine.grants, [each.id for each in mine.requests]) == ((grant,), [grant.request_id])


async def test_another_that_is_still_held_keeps_what_both_open(world: World) -> None:
    world.datasets.add("weather", ADA)
    await world.given("one", dataset="sales")
    short = await world.given("two", dataset="weather", duration=timedelta(days=1))
    world.clock.advance(days=1)
    await world.execute()
    assert (await world.service.grant(short.id)).status is GrantStatus.ENDED
    assert world.cloud.opens(BEN), "the first one needs it still"
    world.clock.advance(days=6)
    await world.execute()
    assert not world.cloud.opens(BEN)


async def test_nothing_is_given_where_access_of_this_kind_does_not_exist(world: World) -> None:
    world.cloud.impossible = "This datastore uses an account key, so there is no access to a single dataset."
    with pytest.raises(NotAllowed) as caught:
        await world.ask()
    assert caught.value.code == "no_such_access"
    assert "Ask for the whole datastore." in caught.value.sentence
    world.cloud.impossible = ""
    asked = await world.ask()
    world.cloud.impossible = "It was moved."
    with pytest.raises(NotAllowed):
        await world.service.approve(Actor(ADA), asked.id)
    assert (await world.request(asked.id)).status is RequestStatus.PENDING


async def test_what_it_opens_is_what_the_card_says(world: World) -> None:
    asked = await world.ask()
    world.datasets.add("sales", ADA, paths=("payroll/",))
    with pytest.raises(Conflict):
        await world.service.approve(Actor(ADA), asked.id)
    assert (await world.request(asked.id)).status is RequestStatus.PENDING


async def test_whom_the_directory_does_not_know_gets_nothing(world: World) -> None:
    world.directory.gone.add(BEN)
    with pytest.raises(IdentityProblem) as caught:
        await world.ask()
    assert caught.value.field == "subject"
    assert await world.store.pending_count(BEN) == 0


async def test_for_a_group_is_known_by_what_the_directory_says(world: World) -> None:

    world.directory.objects["g-1"] = Principal(SubjectKind.GROUP, "g-1", "Forecasting")
    asked = await world.ask(subject=Subject(SubjectKind.GROUP, "g-1", "Something else"))
    assert asked.subject.name == "Forecasting"
    await world.service.approve(Actor(ADA), asked.id)
    await world.execute()
    assert (await world.told())[BEN] == ["asker", "granted"]
    grant = await world.grant_of(asked.id)
    assert (await world.service.done(Actor(BEN), grant.id)).status is GrantStatus.ENDING


async def test_unknown_requests_and_guests_move_nothing_and_are_in_the_audit(world: World) -> None:
    asked = await world.ask()
    with pytest.raises(NotFound):
        await world.service.approve(Actor(ADA), "0" * 32)
    with pytest.raises(NotAllowed) as caught:
        await world.service.approve(Actor(GUEST), asked.id)
    assert caught.value.code == "not_a_member"
    with pytest.raises(NotAllowed):
        await world.service.approve(Actor(BEN), asked.id)
    with pytest.raises(NotFound):
        await world.service.revoke(Actor(ADA), "nothing", "Because.")
    with pytest.raises(NotAllowed):
        await world.service.submit(Actor(GUEST), wish(GUEST), key="guest")
    assert (await world.request(asked.id)).status is RequestStatus.PENDING
    entries = (await world.audited())[1:]
    refusals = [(each.actor, each.action, dict(each.details)["code"]) for each in entries]
    assert refusals == [
        (ADA, "request.approve.refused", "not_found"),
        (GUEST, "request.approve.refused", "not_a_member"),
        (BEN, "request.approve.refused", "own_request"),
        (ADA, "grant.revoke.refused", "not_found"),
        (GUEST, "request.refused", "not_a_member"),
    ]


async def test_the_audit_is_for_auditors(world: World) -> None:
    world.rules(auditors=[OWNERS])
    await world.ask()

    async def read(actor: Actor) -> int:
        return len(await world.service.audit(actor, person=BEN))

    assert await read(Actor(CHIARA)) == 1
    assert await read(Actor(EVE, is_admin=True)) == 1
    with pytest.raises(NotAllowed):
        await read(Actor(ADA))
    assert (await world.audited())[-1].action == "audit.read.refused"


async def test_approving_in_the_browser_is_not_done_by_a_click(world: World) -> None:
    world.rules({"id": "secret", "approve_in_browser": True})
    asked = await world.ask()
    with pytest.raises(NotAllowed) as caught:
        await world.service.approve(Actor(ADA), asked.id)
    assert caught.value.code == "needs_browser"
    assert (await world.service.deny(Actor(ADA), asked.id, "No.")).status is RequestStatus.DENIED
