"""Roles given, shared, narrowed and taken away by the unmodified azure-mgmt-authorization, with a bot that may stop
anywhere.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.access.model import AssignmentKind, FoundAssignment, Level, SubjectKind
from services.azure.access.conditions import condition_for
from services.azure.access.grants import AccessOptions
from services.azure.access.roles import DATA_SCIENTIST
from services.errors import Conflict
from tests.azure.access.world import ADA, BEN, ROBOT, TEAM, AccessWorld

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]

READER_ROLE, WRITER_ROLE = "Storage Blob Data Reader", "Storage Blob Data Contributor"


async def test_a_grant_opens_its_path_and_nothing_beside_it(azure: AccessWorld) -> None:
    made = await azure.grants.grant(azure.wish("sales/"), ())
    assert [(each.kind, each.role_name) for each in made] == [
        (AssignmentKind.PLAIN, READER_ROLE),
        (AssignmentKind.PLAIN, "Reader"),
    ]
    assert azure.may("read", "sales/2026/a.csv")
    assert azure.may("read", "", prefix="sales/")
    assert not azure.may("read", "salaries/a.csv")
    assert not azure.may("read", "", prefix="")
    assert not azure.may("write", "sales/2026/a.csv")
    assert not azure.may("read", "sales/a.csv", datastore="more")
    assert not azure.may("read", "sales/a.csv", principal=BEN)
    assert azure.held()[0].properties["description"].startswith("dataset-bot/1 ")  # type: ignore[union-attr]


async def test_write_changes_under_its_path_only(azure: AccessWorld) -> None:
    await azure.grants.grant(azure.wish("sales/", level=Level.WRITE), ())
    for action in ("read", "write", "delete", "add/action", "move/action"):
        assert azure.may(action, "sales/a.csv")
        assert not azure.may(action, "salaries/a.csv")


async def test_a_file_does_not_open_its_neighbours(azure: AccessWorld) -> None:
    await azure.grants.grant(azure.wish("sales/a.csv"), ())
    assert azure.may("read", "sales/a.csv")
    assert azure.may("read", "sales/a.csv/part-0")
    assert not azure.may("read", "sales/a.csv.old")
    assert not azure.may("read", "sales/b.csv")


async def test_the_whole_container_needs_no_condition(azure: AccessWorld) -> None:
    made = await azure.grants.grant(azure.wish(""), ())
    assert made[0].condition == ""
    assert azure.may("read", "anything")
    assert azure.may("read", "", prefix="")


@pytest.mark.parametrize("principal", [ADA, TEAM, ROBOT])
async def test_the_kind_of_a_principal_is_always_said(azure: AccessWorld, principal: object) -> None:
    assert principal in (ADA, TEAM, ROBOT)
    wish = azure.wish("sales/", principal=principal)  # type: ignore[arg-type]
    await azure.grants.grant(wish, ())
    kinds = {SubjectKind.USER: "User", SubjectKind.GROUP: "Group", SubjectKind.SERVICE_PRINCIPAL: "ServicePrincipal"}
    assert [each.properties["principalType"] for each in azure.held(wish.principal)] == [kinds[wish.principal.kind]]


async def test_again_is_nothing(azure: AccessWorld) -> None:
    wish = azure.wish()
    first = await azure.grants.grant(wish, ())
    writes = azure.writes()
    again = await azure.restarted().grant(wish, ())
    assert again == first
    assert azure.writes() == writes
    assert len(azure.held()) == 1


async def test_two_grants_share_the_one_assignment_that_azure_keeps(azure: AccessWorld) -> None:
    sales, costs = azure.wish("sales/"), azure.wish("costs/")
    first = await azure.grants.grant(sales, ())
    second = await azure.grants.grant(costs, (sales,))
    assert second[0].id == first[0].id
    assert len(azure.held()) == 1
    assert azure.may("read", "sales/a.csv")
    assert azure.may("read", "costs/a.csv")
    assert await azure.grants.missing(sales, first) == ()

    await azure.grants.revoke(sales, first, (costs,))
    assert not azure.may("read", "sales/a.csv")
    assert azure.may("read", "costs/a.csv")
    assert len(azure.at_workspace()) == 1
    await azure.grants.revoke(costs, second, ())
    assert azure.held() == []
    assert azure.at_workspace() == []


async def test_read_and_write_are_two_roles(azure: AccessWorld) -> None:
    read, write = azure.wish("sales/"), azure.wish("costs/", level=Level.WRITE)
    await azure.grants.grant(read, ())
    made = await azure.grants.grant(write, (read,))
    assert len(azure.held()) == 2
    assert not azure.may("write", "sales/a.csv")
    await azure.grants.revoke(write, made, (read,))
    assert not azure.may("read", "costs/a.csv")
    assert azure.may("read", "sales/a.csv")


async def test_others_of_other_people_open_nothing(azure: AccessWorld) -> None:
    theirs = azure.wish("costs/", principal=BEN)
    await azure.grants.grant(azure.wish("sales/"), (theirs,))
    assert not azure.may("read", "costs/a.csv")


async def test_a_datastore_beside_on_the_same_container_shares_too(azure: AccessWorld) -> None:
    azure.datastores.put(replace(azure.datastores.entries["sales"], name="twin"))
    sales, twin = azure.wish("sales/"), azure.wish("costs/", datastore="twin")
    await azure.grants.grant(sales, ())
    await azure.grants.grant(twin, (sales,))
    assert len(azure.held()) == 1
    assert azure.may("read", "sales/a.csv")
    assert azure.may("read", "costs/a.csv")


async def test_revoking_twice_and_what_never_was(azure: AccessWorld) -> None:
    wish = azure.wish()
    made = await azure.grants.grant(wish, ())
    for _ in range(2):
        await azure.grants.revoke(wish, made, ())
    assert azure.held() == []
    await azure.grants.revoke(azure.wish("never/"), (), ())


async def test_killed_before_the_record_revoking_finds_what_was_given(azure: AccessWorld) -> None:
    wish = azure.wish()
    await azure.grants.grant(wish, ())
    await azure.restarted().revoke(wish, (), ())
    assert azure.held() == []
    assert azure.at_workspace() == []


async def test_killed_between_two_roles_granting_goes_on(azure: AccessWorld) -> None:
    wish = azure.wish()
    fault = azure.contract.faults.reset(path=f"{azure.workspace_scope}*", method="PUT")
    with pytest.raises(Exception, match="does not answer"):
        await azure.grants.grant(wish, ())
    assert len(azure.held()) == 1
    assert azure.at_workspace() == []
    azure.contract.faults.clear()
    assert fault.hits
    made = await azure.restarted().grant(wish, ())
    assert len(made) == 2
    assert len(azure.at_workspace()) == 1


async def test_extending_changes_no_condition_and_tells_the_new_end(azure: AccessWorld) -> None:
    wish = azure.wish(hours=8)
    first = await azure.grants.grant(wish, ())
    longer = azure.wish(hours=24)
    assert await azure.grants.grant(longer, ()) == first
    found = await azure.grants.found()
    assert {grant.ends_at for each in found for grant in each.grants} == {longer.ends_at}


async def test_a_workspace_role_of_their_own_is_left_alone(azure: AccessWorld) -> None:
    azure.contract.roles.assign(ADA.object_id, "AzureML Data Scientist", azure.workspace_scope)
    wish = azure.wish()
    made = await azure.grants.grant(wish, ())
    assert [each.role_name for each in made] == [READER_ROLE]
    await azure.grants.revoke(wish, made, ())
    assert len(azure.at_workspace()) == 1


async def test_a_workspace_role_through_a_group_is_enough(azure: AccessWorld) -> None:
    azure.contract.roles.groups[ADA.object_id] = {TEAM.object_id}
    azure.contract.roles.assign(TEAM.object_id, "Reader", azure.workspace_scope, principal_type="Group")
    assert [each.role_name for each in await azure.grants.grant(azure.wish(), ())] == [READER_ROLE]


async def test_which_workspace_role_is_given_is_a_choice(azure: AccessWorld) -> None:
    azure.restarted(AccessOptions(DATA_SCIENTIST, sleep=azure.naps.sleep))
    made = await azure.grants.grant(azure.wish(), ())
    assert made[1].role_name == "AzureML Data Scientist"
    azure.restarted(AccessOptions(None, sleep=azure.naps.sleep))
    assert len(await azure.grants.grant(azure.wish(principal=BEN), ())) == 1


async def test_somebody_elses_assignment_that_opens_as_much_is_accepted_and_never_taken(azure: AccessWorld) -> None:
    azure.contract.roles.assign(ADA.object_id, READER_ROLE, azure.scope())
    wish = azure.wish()
    made = await azure.grants.grant(wish, ())
    assert made[0].kind is AssignmentKind.FOREIGN
    assert await azure.grants.missing(wish, made) == ()
    await azure.grants.revoke(wish, made, ())
    assert azure.may("read", "sales/a.csv")


async def test_somebody_elses_narrower_assignment_is_in_the_way_and_told(azure: AccessWorld) -> None:
    azure.contract.roles.assign(
        ADA.object_id, READER_ROLE, azure.scope(), condition=condition_for(["costs/"], Level.READ)
    )
    with pytest.raises(Conflict, match=r"Ada the role Storage Blob Data Reader there already.*containers/exports"):
        await azure.grants.grant(azure.wish("sales/"), ())
    assert not azure.may("read", "sales/a.csv")
    assert azure.may("read", "costs/a.csv")


async def test_what_is_missing(azure: AccessWorld) -> None:
    wish = azure.wish("sales/")
    made = await azure.grants.grant(wish, ())
    assert await azure.grants.missing(wish, made) == ()
    name = azure.held()[0].name
    narrow = {**azure.held()[0].properties, "condition": condition_for(["sales/2026/"], Level.READ)}
    azure.contract.roles.keep(replace(azure.held()[0], properties=narrow))
    assert await azure.grants.missing(wish, made) == (made[0],)
    azure.contract.roles.remove(name)
    azure.contract.roles.remove(azure.at_workspace()[0].name)
    assert await azure.grants.missing(wish, made) == made
    assert await azure.grants.grant(wish, ()) == made, "restored as it was"


@pytest.mark.parametrize("changed", [["sales/2026/"], ["sales/", "costs/"], None])
async def test_what_somebody_narrowed_or_widened_by_hand_is_found_and_made_as_it_was(
    azure: AccessWorld, changed: list[str] | None
) -> None:
    wish = azure.wish("sales/")
    made = await azure.grants.grant(wish, ())
    assert [each.altered for each in await azure.grants.found()] == [False, False]
    (held,) = azure.held()
    condition = condition_for(changed, Level.READ) if changed else ""
    azure.contract.roles.keep(replace(held, properties={**held.properties, "condition": condition or None}))
    assert azure.may("read", "costs/a.csv") is (changed is None or "costs/" in changed)
    assert {each.assignment.id: each.altered for each in await azure.grants.found()} == {
        made[0].id: True,
        made[1].id: False,
    }
    assert await azure.grants.missing(wish, made, as_made=True) == (made[0],)
    assert await azure.grants.grant(wish, ()) == made
    assert [each.altered for each in await azure.grants.found()] == [False, False]
    assert not azure.may("read", "costs/a.csv")
    assert azure.may("read", "sales/2025/a.csv")


async def test_a_description_that_somebody_erased_is_written_again(azure: AccessWorld) -> None:
    wish = azure.wish("sales/")
    made = await azure.grants.grant(wish, ())
    (held,) = azure.held()
    azure.contract.roles.keep(replace(held, properties={**held.properties, "description": "ours"}))
    assert (await azure.grants.missing(wish, made), await azure.grants.missing(wish, made, as_made=True)) == (
        (),
        (made[0],),
    )
    await azure.grants.grant(wish, ())
    assert await azure.grants.missing(wish, made, as_made=True) == ()


async def test_a_role_for_which_the_description_was_copied_is_no_copy_of_ours(azure: AccessWorld) -> None:
    await azure.grants.grant(azure.wish("sales/"), ())
    (held,) = azure.held()
    other = azure.contract.roles.assign(ADA.object_id, "Storage Blob Data Contributor", azure.scope())
    azure.contract.roles.keep(
        replace(other, properties={**other.properties, "description": held.properties["description"]})
    )
    found = {each.assignment.role_name: each.altered for each in await azure.grants.found()}
    assert found["Storage Blob Data Contributor"]
    assert not found[READER_ROLE]


async def test_a_workspace_role_that_was_replaced_by_another_is_not_missing(azure: AccessWorld) -> None:
    wish = azure.wish()
    made = await azure.grants.grant(wish, ())
    azure.contract.roles.remove(azure.at_workspace()[0].name)
    azure.contract.roles.assign(ADA.object_id, "Contributor", azure.workspace_scope)
    assert await azure.grants.missing(wish, made) == ()


async def test_lost_records_are_rebuilt_from_what_stands_in_azure(azure: AccessWorld) -> None:
    sales, costs = azure.wish("sales/", hours=8), azure.wish("costs/", hours=9)
    made = await azure.grants.grant(sales, ())
    await azure.grants.grant(costs, (sales,))
    azure.contract.roles.assign(BEN.object_id, READER_ROLE, azure.scope())
    azure.contract.roles.page = 1
    found = {each.assignment.id: each for each in await azure.restarted().found()}
    assert set(found) == {each.id for each in made}
    described = found[made[0].id].grants
    assert [(each.grant_id, each.request_id, each.dataset, each.level) for each in described] == [
        (wish.grant_id, wish.request_id, wish.dataset, wish.level) for wish in (costs, sales)
    ]
    assert [each.ends_at for each in described] == [costs.ends_at, sales.ends_at]
    assert {each.slack_id for each in described} == {"U0ADA"}


async def test_an_edited_description_is_still_found_by_its_name(azure: AccessWorld) -> None:
    await azure.grants.grant(azure.wish(), ())
    held = azure.held()[0]
    azure.contract.roles.keep(replace(held, properties={**held.properties, "description": "do not touch"}))
    found = [each for each in await azure.grants.found() if each.assignment.scope == azure.scope()]
    assert [each.grants for each in found] == [()]
    await azure.grants.remove(found[0])
    assert azure.held() == []


async def test_another_workspaces_assignments_are_not_ours(azure: AccessWorld) -> None:
    other = azure.of_another_workspace()
    await other.grant(azure.wish(principal=BEN), ())
    await azure.grants.grant(azure.wish(), ())
    assert {each.assignment.principal_id for each in await azure.grants.found()} == {ADA.object_id}
    assert {each.assignment.principal_id for each in await other.found()} == {BEN.object_id}


async def test_what_no_grant_stands_behind_is_removed_once(azure: AccessWorld) -> None:
    await azure.grants.grant(azure.wish(), ())
    found = await azure.grants.found()
    for each in (*found, *found):
        await azure.grants.remove(each)
    assert azure.held() == []
    assert await azure.grants.found() == ()


async def test_what_a_new_grant_came_to_stand_behind_meanwhile_is_not_removed(azure: AccessWorld) -> None:
    await azure.grants.grant(azure.wish("sales/"), ())
    stray: FoundAssignment = next(each for each in await azure.grants.found() if each.assignment.condition)
    await azure.grants.grant(azure.wish("costs/"), ())
    with pytest.raises(Conflict, match="has changed since"):
        await azure.grants.remove(stray)
    assert azure.may("read", "costs/a.csv")


async def test_a_datastore_that_is_gone_does_not_keep_access_alive(azure: AccessWorld) -> None:
    sales, lake = azure.wish("sales/"), azure.wish("raw/", datastore="lake")
    made = await azure.grants.grant(sales, ())
    await azure.grants.grant(lake, (sales,))
    del azure.datastores.entries["sales"]
    del azure.datastores.entries["lake"]
    azure.contract.cloud.storage_groups.clear()
    await azure.grants.revoke(sales, made, (lake,))
    assert not [each for each in azure.contract.roles.all() if "exports" in each.scope]


async def test_directories_of_a_data_lake_can_be_looked_at_by_their_names(azure: AccessWorld) -> None:
    await azure.grants.grant(azure.wish("raw/2026/", datastore="lake"), ())
    assert azure.may("read", "raw/2026", datastore="lake")
    assert azure.may("read", "raw/2026/a.csv", datastore="lake")
    assert azure.may("read", "", datastore="lake", prefix="raw/2026")
    assert not azure.may("read", "raw/2027/a.csv", datastore="lake")
