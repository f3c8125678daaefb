"""The reconcile sweep: lost records, vanished assignments, access past its end, and what is being done meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from services.access.model import DescribedGrant, EndReason, GrantStatus, Level, Principal, Subject, SubjectKind
from services.actor import Actor
from services.errors import NotAllowed, Unavailable
from services.store.access_tables import access_grant, access_request
from services.store.database import Database
from tests.access.world import ADA, BEN, EVE, World


async def lose_records(db: Database) -> None:
    """As a database that was restored from before."""
    await db.write(lambda connection: connection.execute(delete(access_grant)))
    await db.write(lambda connection: connection.execute(delete(access_request)))


async def test_where_all_is_in_order_nothing_is_done(world: World) -> None:
    await world.given()
    await world.told()
    world.clock.advance(hours=1)
    before = len(await world.audited())
    swept = await world.sweep()
    assert (swept.grants, swept.assignments) == (1, 1)
    assert (swept.doubted, swept.rebuilt, swept.removed, swept.reported) == (0, 0, 0, 0)
    assert len(await world.audited()) == before
    assert await world.told() == {}


async def test_a_vanished_assignment_is_given_again(world: World) -> None:
    grant = await world.given()
    await world.told()
    world.clock.advance(hours=1)
    world.cloud.there.clear()
    assert (await world.sweep()).doubted == 1
    assert world.cloud.opens(BEN)
    restored = await world.service.grant(grant.id)
    assert (restored.status, restored.ends_at) == (GrantStatus.ACTIVE, grant.ends_at)
    assert await world.told() == {ADA: ["restored"], BEN: ["restored"], EVE: ["restored"]}
    assert (await world.audited())[-1].action == "grant.restored"


async def test_an_assignment_that_opens_less_is_found_within_a_day(world: World) -> None:
    await world.given()
    await world.told()
    world.cloud.narrowed.update(world.cloud.there)
    world.clock.advance(hours=23)
    assert (await world.sweep()).looked_at == 0
    world.clock.advance(hours=2)
    assert (await world.sweep()).looked_at == 1
    assert not world.cloud.narrowed
    assert (await world.told())[BEN] == ["restored"]
    assert (await world.sweep()).looked_at == 0, "it was verified a moment ago"


def altered(world: World) -> None:
    """Somebody widens all that is there by hand."""
    for key, found in world.cloud.there.items():
        widened = replace(found.assignment, condition="@Resource[…:path] StringStartsWith 'all/'")
        world.cloud.there[key] = replace(found, assignment=widened, altered=True)


async def test_an_assignment_that_somebody_changed_is_made_as_it_was(world: World) -> None:
    world.datasets.add("weather", ADA)
    grant, other = await world.given("1"), await world.given("2", dataset="weather")
    await world.told()
    altered(world)
    world.clock.advance(hours=1)
    assert (await world.sweep()).doubted == 1, "one of the two grants behind it is enough"
    ((_, found),) = world.cloud.there.items()
    assert (found.altered, found.assignment.condition) == (False, "")
    assert {each.grant_id for each in found.grants} == {grant.id, other.id}
    assert (await world.told())[BEN] == ["restored"]
    assert (await world.audited())[-1].action == "grant.restored"
    assert (await world.sweep()).doubted == 0


async def test_or_is_reported_once_for_each_change_where_the_policy_says_so(world: World) -> None:
    grant = await world.given()
    await world.told()
    world.rules(missing_assignments="report")
    altered(world)
    world.clock.advance(days=2)
    swept = await world.sweep()
    assert (swept.reported, swept.doubted, swept.looked_at) == (1, 0, 1)
    assert (await world.service.grant(grant.id)).status is GrantStatus.ACTIVE
    assert await world.told() == {EVE: ["stray"]}
    assert (await world.audited())[-1].action == "assignment.altered"
    assert (await world.sweep()).reported == 1
    assert await world.told() == {}
    ((key, found),) = world.cloud.there.items()
    world.cloud.there[key] = replace(found, assignment=replace(found.assignment, condition="other"))
    await world.sweep()
    assert await world.told() == {EVE: ["stray"]}
    assert len(await world.audited("assignment.altered")) == 2


async def test_or_its_grant_ends_where_the_policy_only_reports(world: World) -> None:
    grant = await world.given()
    await world.told()
    world.rules(missing_assignments="report")
    world.clock.advance(hours=1)
    world.cloud.there.clear()
    await world.sweep()
    lost = await world.service.grant(grant.id)
    assert (lost.status, lost.end_reason) == (GrantStatus.ENDED, EndReason.LOST)
    assert not world.cloud.there
    assert await world.told() == {BEN: ["lost"], ADA: ["lost"]}


async def test_a_doubt_that_is_unfounded_changes_nothing_but_when_it_was_verified(world: World) -> None:
    grant = await world.given()
    await world.told()
    world.clock.advance(hours=1)
    there = dict(world.cloud.there)
    world.cloud.there.clear()
    await world.sweeper.run()
    world.cloud.there.update(there)  # the list was late
    await world.execute()
    calm = await world.service.grant(grant.id)
    assert (calm.status, calm.next_try_at, calm.verified_at) == (GrantStatus.ACTIVE, None, world.clock.now())
    assert await world.told() == {}


async def test_a_repair_that_is_refused_is_told_and_not_tried_for_ever(world: World) -> None:
    grant = await world.given()
    await world.told()
    world.clock.advance(hours=1)
    world.cloud.there.clear()
    await world.sweeper.run()
    world.cloud.failures = [NotAllowed("The bot may not read role assignments.")]
    await world.execute()
    assert (await world.service.grant(grant.id)).status is GrantStatus.ACTIVE
    assert await world.told() == {ADA: ["failed"], EVE: ["failed"]}


async def test_lost_records_are_rebuilt_and_end_when_they_should(world: World, db: Database) -> None:
    grant = await world.given()
    await world.told()
    await lose_records(db)
    world.clock.advance(hours=1)
    assert (await world.sweep()).rebuilt == 1
    rebuilt = await world.service.grant(grant.id)
    assert (rebuilt.status, rebuilt.subject, rebuilt.principal.object_id) == (
        GrantStatus.ACTIVE,
        grant.subject,
        grant.principal.object_id,
    )
    assert grant.ends_at is not None
    assert rebuilt.ends_at == grant.ends_at.replace(microsecond=0)
    assert (rebuilt.dataset, rebuilt.level, rebuilt.places) == (grant.dataset, grant.level, grant.places)
    assert await world.told() == {EVE: ["stray"]}
    assert (await world.sweep()).rebuilt == 0
    assert (await world.service.mine(Actor(BEN))).grants == (rebuilt,)
    world.clock.advance(days=7)
    await world.execute()
    assert not world.cloud.opens(BEN)


async def test_a_service_principal_is_looked_up_again(world: World, db: Database) -> None:

    world.directory.objects["g-1"] = Principal(SubjectKind.SERVICE_PRINCIPAL, "g-1", "pipeline")
    grant = await world.given(subject=Subject(SubjectKind.SERVICE_PRINCIPAL, "g-1"))
    await lose_records(db)
    world.clock.advance(hours=1)
    await world.sweep()
    assert (await world.service.grant(grant.id)).principal == grant.principal


async def test_access_past_its_end_is_taken_away_whatever_the_policy_says(world: World, db: Database) -> None:
    """The bot was down for days and its database is lost."""
    await world.given()
    await lose_records(db)
    world.clock.advance(days=9)
    await world.told()
    assert (await world.sweep()).removed == 1
    assert not world.cloud.there
    assert await world.told() == {EVE: ["stray"]}
    assert (await world.audited())[-1].action == "assignment.removed"


async def test_an_ended_grant_whose_assignment_came_back(world: World) -> None:
    grant = await world.given()
    there = dict(world.cloud.there)
    await world.service.revoke(Actor(ADA), grant.id, "Enough.")
    await world.execute()
    world.cloud.there.update(there)
    assert (await world.sweep()).removed == 0, "it ended only now: the list may be late"
    world.clock.advance(minutes=6)
    assert (await world.sweep()).removed == 1
    assert not world.cloud.there


async def test_a_stray_that_nobody_can_read_is_reported_once_or_removed(world: World) -> None:
    world.cloud.stray("object-of-somebody")
    assert (await world.sweep()).reported == 1
    assert (await world.sweep()).reported == 1
    assert await world.told() == {EVE: ["stray"]}
    assert len(await world.audited("assignment.reported")) == 1
    assert world.cloud.there
    world.rules(stray_assignments="remove")
    assert (await world.sweep()).removed == 1
    assert not world.cloud.there
    assert await world.told() == {EVE: ["stray"]}


async def test_what_is_being_given_is_no_stray(world: World) -> None:
    """The assignment is made, the record says granting: the bot was killed in between."""
    asked = await world.ask()
    await world.service.approve(Actor(ADA), asked.id)
    world.cloud.after = [KeyError("killed")]
    await world.register()
    await world.executor.run_due()
    assert world.cloud.opens(BEN)
    swept = await world.sweeper.run()
    assert (swept.removed, swept.reported, swept.rebuilt) == (0, 0, 0)
    world.clock.advance(seconds=10)
    await world.execute()
    assert (await world.grant_of(asked.id)).status is GrantStatus.ACTIVE


async def test_one_of_two_behind_an_assignment_was_lost(world: World, db: Database) -> None:
    world.datasets.add("weather", ADA)
    first, second = await world.given("1"), await world.given("2", dataset="weather")
    await db.write(lambda connection: connection.execute(delete(access_grant).where(access_grant.c.id == first.id)))
    world.clock.advance(hours=1)
    assert (await world.sweep()).rebuilt == 1
    assert (await world.service.grant(first.id)).status is GrantStatus.ACTIVE
    assert (await world.service.grant(second.id)).status is GrantStatus.ACTIVE


async def test_due_ends_after_days_without_the_bot(world: World) -> None:
    for number in range(6):
        world.people.members.add(f"U0{number:03}")
        await world.given(f"k{number}", f"U0{number:03}")
    world.clock.advance(days=30)
    await world.execute()
    assert not world.cloud.there
    live = await world.store.live_grants("sales")
    assert live == ()


async def test_a_removal_that_fails_is_tried_by_the_next_sweep(world: World) -> None:
    over = world.clock.now() - timedelta(days=1)
    world.cloud.stray("object-of-x", DescribedGrant("g", "r", "sales", Level.READ, over, "U0X"))
    world.cloud.stray("object-of-y", DescribedGrant("h", "r", "sales", Level.READ, over, "U0Y"))
    world.cloud.removals = [Unavailable("Azure does not answer.")]
    swept = await world.sweep()
    assert (swept.removed, swept.failed) == (1, 1)
    assert len(world.cloud.there) == 1
    assert (await world.sweep()).removed == 1


async def test_a_list_that_cannot_be_had_concludes_nothing(world: World) -> None:
    grant = await world.given()
    world.clock.advance(hours=1)
    world.cloud.failures = [Unavailable("Azure does not answer.")]
    with pytest.raises(Unavailable):
        await world.sweeper.run()
    assert (await world.service.grant(grant.id)).next_try_at is None


async def test_what_was_given_a_moment_ago_is_not_judged(world: World, db: Database) -> None:
    grant = await world.given()
    world.clock.advance(minutes=1)
    world.cloud.there.clear()
    assert (await world.sweeper.run()).doubted == 0, "it was given a minute ago: the list may be late"
    late = update(access_grant).values(verified_at=None)
    await db.write(lambda connection: connection.execute(late))
    assert (await world.sweeper.run()).doubted == 1
    await world.execute()
    assert (await world.service.grant(grant.id)).status is GrantStatus.ACTIVE
