"""Roles that Entra PIM ends by itself: where it is licensed, where it refuses, and after the licence has lapsed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.access.model import AssignmentKind, Level
from services.access.ports import NotYetError
from services.azure.access.conditions import condition_for
from services.azure.access.grants import AccessOptions
from services.azure.access.roles import READER
from services.errors import Conflict, NotAllowed, Unavailable
from tests.azure.access.world import ADA, PIM_REQUESTS, WRITES, AccessWorld
from tests.contract.permissions import Permission

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]

READER_ROLE = "Storage Blob Data Reader"
PIM, PLAIN, FOREIGN = AssignmentKind.PIM, AssignmentKind.PLAIN, AssignmentKind.FOREIGN


@pytest.fixture(autouse=True)
def licensed(azure: AccessWorld) -> None:
    azure.contract.pim.licensed = True


def later(azure: AccessWorld, **by: float) -> None:
    azure.contract.pim.ahead += timedelta(**by)
    azure.contract.pim.expire()


async def test_azure_ends_it_though_the_bot_is_dead(azure: AccessWorld) -> None:
    wish = azure.wish("sales/", hours=8)
    made = await azure.grants.grant(wish, ())
    assert {each.kind for each in made} == {PIM}
    assert azure.may("read", "sales/a.csv")
    assert not azure.may("read", "costs/a.csv")
    later(azure, hours=8.1)
    assert not azure.may("read", "sales/a.csv")
    assert azure.at_workspace() == []
    assert await azure.grants.missing(wish, made) == made
    await azure.restarted().revoke(wish, made, ())


async def test_again_is_nothing(azure: AccessWorld) -> None:
    wish = azure.wish()
    first = await azure.grants.grant(wish, ())
    asked = len(azure.contract.pim.requests)
    assert await azure.restarted().grant(wish, ()) == first
    assert len(azure.contract.pim.requests) == asked


async def test_whether_it_can_be_used_is_asked_once(azure: AccessWorld) -> None:
    azure.contract.pim.licensed = False
    for path in ("a/", "b/"):
        assert {each.kind for each in await azure.grants.grant(azure.wish(path), ())} == {PLAIN}
    probes = azure.contract.log.find("GET", "*/roleAssignmentScheduleInstances")
    assert len(probes) == 1


async def test_operators_can_do_without_it(azure: AccessWorld) -> None:
    azure.restarted(AccessOptions(READER, use_pim=False, sleep=azure.naps.sleep))
    assert {each.kind for each in await azure.grants.grant(azure.wish(), ())} == {PLAIN}
    assert azure.contract.pim.requests == []


async def test_what_pim_gave_is_ended_though_it_is_not_wanted_any_more(azure: AccessWorld) -> None:
    wish = azure.wish()
    made = await azure.grants.grant(wish, ())
    later(azure, minutes=6)
    azure.restarted(AccessOptions(READER, use_pim=False, sleep=azure.naps.sleep))
    await azure.grants.revoke(wish, made, ())
    assert azure.held() == []


async def test_a_scope_that_it_does_not_take_is_given_without_it(azure: AccessWorld) -> None:
    azure.contract.pim.closed = "/blobServices/"
    made = await azure.grants.grant(azure.wish(), ())
    assert [each.kind for each in made] == [PLAIN, PIM]


async def test_without_the_right_to_use_it_roles_are_given_without_it(azure: AccessWorld) -> None:
    azure.contract.permissions.only(
        Permission(("*",), ("Microsoft.Authorization/roleAssignmentScheduleRequests/write",), ("*",))
    )
    made = await azure.grants.grant(azure.wish(), ())
    assert {each.kind for each in made} == {PLAIN}


async def test_shorter_than_five_minutes_is_given_without_it(azure: AccessWorld) -> None:
    made = await azure.grants.grant(azure.wish(hours=0.05), ())
    assert {each.kind for each in made} == {PLAIN}


async def test_nothing_is_taken_within_its_first_five_minutes(azure: AccessWorld) -> None:
    wish = azure.wish()
    made = await azure.grants.grant(wish, ())
    with pytest.raises(NotYetError, match="five minutes") as early:
        await azure.grants.revoke(wish, made, ())
    wait = early.value.again_at - azure.now()
    assert timedelta(minutes=4) < wait < timedelta(minutes=6)
    later(azure, seconds=wait.total_seconds())
    await azure.grants.revoke(wish, made, ())
    assert azure.held() == []
    assert azure.at_workspace() == []


async def test_extending_and_sharing(azure: AccessWorld) -> None:
    sales, costs = azure.wish("sales/", hours=8), azure.wish("costs/", hours=24)
    first = await azure.grants.grant(sales, ())
    with pytest.raises(Unavailable, match="five minutes"):
        await azure.grants.grant(costs, (sales,))
    later(azure, minutes=6)
    second = await azure.grants.grant(costs, (sales,))
    assert len(azure.held()) == 1
    assert azure.may("read", "costs/a.csv")
    assert await azure.grants.missing(sales, first) == ()
    ends = {each.ends_at for each in azure.contract.pim.schedules}
    assert ends == {costs.ends_at}
    await azure.grants.revoke(costs, second, (sales,))
    assert not azure.may("read", "costs/a.csv")
    assert azure.may("read", "sales/a.csv")
    assert {each.ends_at for each in azure.contract.pim.schedules} == {sales.ends_at}


async def test_what_somebody_widened_by_hand_is_found_and_made_as_it_was(azure: AccessWorld) -> None:
    wish = azure.wish("sales/")
    made = await azure.grants.grant(wish, ())
    assert [each.altered for each in await azure.grants.found()] == [False, False]
    (held,) = azure.held()
    wide = replace(held, properties={**held.properties, "condition": None})
    azure.contract.roles.keep(wide)
    azure.contract.pim.schedules = [
        replace(each, assignment=wide) if each.assignment.name == held.name else each
        for each in azure.contract.pim.schedules
    ]
    assert azure.may("read", "costs/a.csv")
    assert sum(each.altered for each in await azure.grants.found()) == 1
    assert await azure.grants.missing(wish, made) == ()
    assert await azure.grants.missing(wish, made, as_made=True) == (made[0],)
    later(azure, minutes=6)
    await azure.grants.grant(wish, ())
    assert await azure.grants.missing(wish, made, as_made=True) == ()
    assert not azure.may("read", "costs/a.csv")


async def test_one_that_ends_too_early_is_missing(azure: AccessWorld) -> None:
    wish = azure.wish(hours=8)
    made = await azure.grants.grant(wish, ())
    longer = azure.wish(hours=10)
    assert await azure.grants.missing(longer, made) == made
    later(azure, minutes=6)
    await azure.grants.grant(longer, ())
    assert await azure.grants.missing(longer, made) == ()


async def test_its_settings_are_obeyed_and_told(azure: AccessWorld) -> None:
    azure.contract.pim.longest = timedelta(hours=4)
    with pytest.raises(NotAllowed, match="ExpirationRule"):
        await azure.grants.grant(azure.wish(hours=8), ())
    assert azure.held() == []
    azure.contract.pim.longest = None
    azure.contract.pim.needs_approval = True
    with pytest.raises(NotAllowed, match="waits for somebody's approval"):
        await azure.grants.grant(azure.wish(hours=8), ())


async def test_an_answer_that_is_lost_is_not_asked_for_twice(azure: AccessWorld) -> None:
    azure.contract.faults.lose_answer(path=PIM_REQUESTS, method="PUT", times=1)
    made = await azure.grants.grant(azure.wish(), ())
    assert {each.kind for each in made} == {PIM}
    assert len(azure.held()) == 1


async def test_a_new_principal_is_waited_for(azure: AccessWorld) -> None:
    azure.contract.faults.status(404, "SubjectNotFound", path=PIM_REQUESTS, method="PUT", times=2)
    assert {each.kind for each in await azure.grants.grant(azure.wish(), ())} == {PIM}
    assert sum(azure.naps.seconds) >= 3


async def test_somebody_elses_permanent_role_is_neither_made_to_end_nor_taken(azure: AccessWorld) -> None:
    azure.contract.roles.assign(ADA.object_id, READER_ROLE, azure.scope())
    azure.contract.roles.assign(ADA.object_id, "Reader", azure.workspace_scope)
    wish = azure.wish()
    made = await azure.grants.grant(wish, ())
    assert [each.kind for each in made] == [FOREIGN]
    later(azure, hours=9)
    await azure.grants.revoke(wish, made, ())
    assert azure.may("read", "sales/a.csv")
    assert len(azure.at_workspace()) == 1


async def test_somebody_elses_timed_role(azure: AccessWorld) -> None:
    other = azure.of_another_workspace()
    await other.grant(azure.wish("", hours=8), ())
    wish = azure.wish("sales/", hours=2)
    made = await azure.grants.grant(wish, ())
    assert made[0].kind is FOREIGN
    later(azure, minutes=6)
    await azure.grants.revoke(wish, made, ())
    assert azure.may("read", "sales/a.csv")
    with pytest.raises(Conflict, match="until an end that does not do"):
        await azure.grants.grant(azure.wish("sales/", hours=20), ())


async def test_a_plain_role_of_the_bots_own_stays_plain(azure: AccessWorld) -> None:
    azure.contract.pim.licensed = False
    wish = azure.wish(hours=8)
    await azure.grants.grant(wish, ())
    azure.contract.pim.licensed = True
    longer = azure.wish(hours=24)
    made = await azure.restarted().grant(longer, ())
    assert {each.kind for each in made} == {PLAIN}
    await azure.grants.revoke(longer, made, ())
    assert azure.held() == []


async def test_lost_records_are_rebuilt_from_requests(azure: AccessWorld) -> None:
    wish = azure.wish("sales/")
    made = await azure.grants.grant(wish, ())
    found = await azure.restarted().found()
    assert {each.assignment for each in found} == set(made)
    assert {(grant.grant_id, grant.ends_at) for each in found for grant in each.grants} == {
        (wish.grant_id, wish.ends_at)
    }
    with pytest.raises(NotYetError):
        await azure.grants.remove(found[0])
    later(azure, minutes=6)
    for each in (*found, *found):
        await azure.grants.remove(each)
    assert await azure.grants.found() == ()
    assert azure.held() == []


async def test_what_somebody_gave_after_ours_ended_is_not_ours(azure: AccessWorld) -> None:
    wish = azure.wish("", hours=8)
    made = await azure.grants.grant(wish, ())
    later(azure, hours=9)
    azure.contract.roles.assign(ADA.object_id, READER_ROLE, azure.scope())
    assert await azure.grants.found() == ()
    await azure.grants.revoke(wish, made, ())
    assert azure.may("read", "sales/a.csv")


async def test_an_old_request_makes_no_second_owner_of_a_plain_role(azure: AccessWorld) -> None:
    wish = azure.wish("sales/", hours=1)
    await azure.grants.grant(wish, ())
    later(azure, hours=2)
    azure.restarted(AccessOptions(READER, use_pim=False, sleep=azure.naps.sleep))
    await azure.grants.grant(azure.wish("sales/", hours=3), ())
    assert {each.assignment.kind for each in await azure.grants.found()} == {PLAIN}


async def test_killed_before_the_record_revoking_finds_what_was_given(azure: AccessWorld) -> None:
    wish = azure.wish()
    await azure.grants.grant(wish, ())
    later(azure, minutes=6)
    await azure.restarted().revoke(wish, (), ())
    assert azure.held() == []
    assert azure.at_workspace() == []


class TestLapsed:
    """After the licence has ended, what PIM gave lasts for ever unless the bot ends it."""

    async def test_it_is_ended_at_its_time(self, azure: AccessWorld) -> None:
        wish = azure.wish("sales/", hours=8)
        made = await azure.grants.grant(wish, ())
        azure.contract.pim.lapse()
        later(azure, hours=9)
        assert azure.may("read", "sales/a.csv"), "Azure does not end it"
        await azure.restarted().revoke(wish, made, ())
        assert azure.held() == []
        assert azure.at_workspace() == []

    async def test_it_is_narrowed_to_what_others_need(self, azure: AccessWorld) -> None:
        sales, costs = azure.wish("sales/"), azure.wish("costs/")
        made = await azure.grants.grant(sales, ())
        later(azure, minutes=6)
        await azure.grants.grant(costs, (sales,))
        azure.contract.pim.lapse()
        await azure.restarted().revoke(sales, made, (costs,))
        assert not azure.may("read", "sales/a.csv")
        assert azure.may("read", "costs/a.csv")

    async def test_it_is_extended(self, azure: AccessWorld) -> None:
        wish = azure.wish("sales/", hours=8)
        await azure.grants.grant(wish, ())
        azure.contract.pim.lapse()
        longer = azure.wish("sales/", hours=24)
        made = await azure.restarted().grant(longer, ())
        assert made[0].kind is PIM
        await azure.grants.revoke(longer, made, ())
        assert azure.held() == []

    async def test_somebody_elses_role_in_its_place_is_kept(self, azure: AccessWorld) -> None:
        wish = azure.wish("sales/", hours=8)
        made = await azure.grants.grant(wish, ())
        later(azure, hours=9)
        azure.contract.pim.lapse()
        azure.contract.roles.assign(ADA.object_id, READER_ROLE, azure.scope())
        await azure.restarted().revoke(wish, made, ())
        assert azure.may("read", "sales/a.csv")

    async def test_it_is_not_missing_for_having_no_end(self, azure: AccessWorld) -> None:
        wish = azure.wish("sales/", hours=8)
        made = await azure.grants.grant(wish, ())
        azure.contract.pim.lapse()
        assert await azure.restarted().missing(wish, made) == ()


async def test_a_pim_that_does_not_answer_is_no_missing_licence(azure: AccessWorld) -> None:
    azure.contract.faults.status(503, path="*/roleAssignmentScheduleInstances")
    with pytest.raises(Unavailable, match="status 503"):
        await azure.grants.grant(azure.wish(), ())
    assert azure.held() == []


async def test_conditions_reach_pim_whole(azure: AccessWorld) -> None:
    await azure.grants.grant(azure.wish("sales/", level=Level.WRITE), ())
    assert azure.held()[0].properties["condition"] == condition_for(["sales/"], Level.WRITE)
    assert not azure.contract.log.find("PUT", WRITES)
