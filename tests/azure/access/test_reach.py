"""Whether somebody's own roles let them at data: proven or not, and every doubt is a no."""

from __future__ import annotations

import pytest

from services.access.model import Level, Principal, ReachKind
from services.azure.access.conditions import condition_for
from services.datasets.model import DatastoreSource, Source, WebSource
from tests.azure.access.world import ADA, BEN, ROBOT, TEAM, AccessWorld
from tests.contract.permissions import Permission
from tests.contract.roles import Denied, Role

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]

READER_ROLE, WRITER_ROLE = "Storage Blob Data Reader", "Storage Blob Data Contributor"
BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
SALES = DatastoreSource("sales", ("sales/*.csv",))
YES, NO, UNKNOWN = ReachKind.YES, ReachKind.NO, ReachKind.UNKNOWN
EVERYONE = "00000000-0000-0000-0000-000000000000"


async def reached(
    azure: AccessWorld, source: Source = SALES, level: Level = Level.READ, principal: Principal = ADA
) -> ReachKind:
    reach = await azure.grants.reach(principal, "", source, level)
    assert reach.why.endswith(".")
    return reach.kind


def above(azure: AccessWorld, where: str) -> str:
    scope = azure.scope()
    return {
        "container": scope,
        "account": scope.partition("/blobServices")[0],
        "group": scope.partition("/providers")[0],
        "subscription": scope.partition("/resourceGroups")[0],
    }[where]


async def test_nobody_reaches_anything_at_first(azure: AccessWorld) -> None:
    assert await reached(azure) is NO
    assert await reached(azure, DatastoreSource("keyed", ("a/",))) is NO
    assert await reached(azure, DatastoreSource("gone", ("a/",))) is UNKNOWN
    assert await reached(azure, WebSource(("https://example.com/a.csv",))) is UNKNOWN


@pytest.mark.parametrize("where", ["container", "account", "group", "subscription"])
async def test_a_role_on_it_or_above_it(azure: AccessWorld, where: str) -> None:
    azure.contract.roles.assign(ADA.object_id, READER_ROLE, above(azure, where))
    reach = await azure.grants.reach(ADA, "", SALES, Level.READ)
    assert (reach.kind, reach.why) == (YES, "The role Storage Blob Data Reader of Ada covers it.")
    assert await reached(azure, level=Level.WRITE) is NO
    assert await reached(azure, principal=BEN) is NO


async def test_a_role_beside_it_is_none(azure: AccessWorld) -> None:
    azure.contract.roles.assign(ADA.object_id, WRITER_ROLE, azure.scope("more"))
    azure.contract.roles.assign(ADA.object_id, WRITER_ROLE, f"{azure.scope()}s")
    assert await reached(azure) is NO


@pytest.mark.parametrize("role", ["Owner", "Contributor", "Reader", "AzureML Data Scientist"])
async def test_roles_that_manage_open_no_data(azure: AccessWorld, role: str) -> None:
    azure.contract.roles.assign(ADA.object_id, role, above(azure, "subscription"))
    assert await reached(azure) is NO


async def test_through_a_group(azure: AccessWorld) -> None:
    azure.contract.roles.assign(TEAM.object_id, READER_ROLE, azure.scope(), principal_type="Group")
    assert await reached(azure) is NO
    assert await reached(azure, principal=TEAM) is YES
    azure.contract.roles.groups[BEN.object_id] = {TEAM.object_id}
    assert await reached(azure, principal=BEN) is YES


async def test_what_the_bot_gave_counts_at_once_and_no_longer_than_it_is_there(azure: AccessWorld) -> None:
    assert await reached(azure) is NO
    wish = azure.wish("sales/", level=Level.WRITE)
    made = await azure.grants.grant(wish, ())
    assert await reached(azure) is YES
    assert await reached(azure, level=Level.WRITE) is YES
    assert await reached(azure, DatastoreSource("sales", ("sales/2026/*",))) is YES
    assert await reached(azure, DatastoreSource("sales", ("costs/*",))) is UNKNOWN
    assert await reached(azure, DatastoreSource("sales", ("sales/*", "costs/*"))) is UNKNOWN
    assert await reached(azure, DatastoreSource("sales", ("*.csv",))) is UNKNOWN
    await azure.grants.revoke(wish, made, ())
    assert await reached(azure) is NO


@pytest.mark.parametrize(
    "path", ["sales/../salaries/*.csv", "../other/a.csv", "sales/./a.csv", "sales\\..\\a.csv", ".."]
)
async def test_nobody_climbs_out_of_what_is_open_to_them(azure: AccessWorld, path: str) -> None:
    azure.contract.roles.assign(ADA.object_id, READER_ROLE, above(azure, "subscription"))
    assert await reached(azure, DatastoreSource("sales", (path,))) is UNKNOWN
    azure.contract.roles.assign(ADA.object_id, "Contributor", azure.workspace_scope)
    assert await reached(azure, DatastoreSource("keyed", (path,))) is UNKNOWN


async def test_two_roles_cover_two_paths(azure: AccessWorld) -> None:
    azure.contract.roles.assign(ADA.object_id, READER_ROLE, azure.scope(), condition=condition_for(["a/"], Level.READ))
    azure.contract.roles.assign(ADA.object_id, WRITER_ROLE, azure.scope(), condition=condition_for(["b/"], Level.WRITE))
    assert await reached(azure, DatastoreSource("sales", ("a/*", "b/*"))) is YES
    assert await reached(azure, DatastoreSource("sales", ("a/*", "b/*")), Level.WRITE) is UNKNOWN


async def test_a_condition_of_others_proves_nothing(azure: AccessWorld) -> None:
    condition = f"(!(ActionMatches{{'{BLOBS}/delete'}}))"
    azure.contract.roles.assign(ADA.object_id, READER_ROLE, azure.scope(), condition=condition)
    reach = await azure.grants.reach(ADA, "", SALES, Level.READ)
    assert reach.kind is UNKNOWN
    assert "does not provably cover" in reach.why


async def test_custom_roles_by_what_they_give(azure: AccessWorld) -> None:
    guid = "99999999-0000-4000-8000-000000000001"
    azure.contract.roles.custom = [
        Role(guid, "All but reading", Permission((), (), (f"{BLOBS}/*",), (f"{BLOBS}/read",)))
    ]
    azure.contract.roles.assign(ADA.object_id, "All but reading", azure.scope())
    assert await reached(azure) is NO
    azure.contract.roles.custom.append(Role(guid[:-1] + "2", "All", Permission((), (), (f"{BLOBS}/*",))))
    azure.contract.roles.assign(BEN.object_id, "All", azure.scope())
    assert await reached(azure, level=Level.WRITE, principal=BEN) is YES


async def test_a_role_that_was_deleted_gives_nothing(azure: AccessWorld) -> None:
    azure.contract.roles.custom = [Role("99999999-0000-4000-8000-000000000003", "Gone", Permission((), (), ("*",)))]
    azure.contract.roles.assign(ADA.object_id, "Gone", azure.scope())
    azure.contract.roles.custom.clear()
    assert await reached(azure) is NO


@pytest.mark.parametrize(
    ("principals", "excluded", "expected"),
    [
        (((EVERYONE, "SystemDefined"),), (), UNKNOWN),
        (((EVERYONE, "SystemDefined"),), (ADA.object_id,), YES),
        (((ADA.object_id, "User"),), (), UNKNOWN),
        (((BEN.object_id, "User"),), (), YES),
        (((TEAM.object_id, "Group"),), (), UNKNOWN),
    ],
)
async def test_deny_assignments_win(
    azure: AccessWorld, principals: tuple[tuple[str, str], ...], excluded: tuple[str, ...], expected: ReachKind
) -> None:
    azure.contract.roles.assign(ADA.object_id, READER_ROLE, azure.scope())
    azure.contract.roles.denied.append(
        Denied(above(azure, "group"), "frozen", principals, Permission((), (), (f"{BLOBS}/read",)), excluded)
    )
    assert await reached(azure) is expected


async def test_a_deny_assignment_of_something_else_takes_nothing(azure: AccessWorld) -> None:
    azure.contract.roles.assign(ADA.object_id, READER_ROLE, azure.scope())
    everybody = ((EVERYONE, "SystemDefined"),)
    azure.contract.roles.denied.append(
        Denied(above(azure, "group"), "no deleting", everybody, Permission(("*/delete",), (), (f"{BLOBS}/delete",)))
    )
    assert await reached(azure) is YES


@pytest.mark.parametrize("role", ["AzureML Data Scientist", "Contributor", "Owner"])
async def test_who_may_use_the_credential_reaches_a_datastore_that_keeps_one(azure: AccessWorld, role: str) -> None:
    azure.contract.roles.assign(ADA.object_id, role, azure.workspace_scope)
    keyed = DatastoreSource("keyed", ("a/",))
    assert await reached(azure, keyed) is YES
    assert await reached(azure, keyed, Level.WRITE) is YES
    assert await reached(azure, keyed, principal=ROBOT) is NO


async def test_readers_of_the_workspace_do_not_reach_one_that_keeps_a_credential(azure: AccessWorld) -> None:
    azure.contract.roles.assign(ADA.object_id, "Reader", azure.workspace_scope)
    assert await reached(azure, DatastoreSource("keyed", ("a/",))) is NO


async def test_what_cannot_be_asked_is_unknown_with_the_reason(azure: AccessWorld) -> None:
    azure.contract.roles.assign(ADA.object_id, READER_ROLE, azure.scope())
    azure.contract.permissions.only(Permission(("*",), ("Microsoft.Authorization/denyAssignments/read",)))
    reach = await azure.grants.reach(ADA, "", SALES, Level.READ)
    assert reach.kind is UNKNOWN
    assert "denyAssignments/read" in reach.why
    azure.contract.permissions.only(Permission(("*",)))
    azure.contract.faults.status(503, host="management.azure.com")
    assert await reached(azure) is UNKNOWN
    azure.contract.faults.clear()
    assert await reached(azure) is YES, "a failure is not remembered"


async def test_what_is_known_is_asked_once(azure: AccessWorld) -> None:
    azure.contract.roles.assign(ADA.object_id, READER_ROLE, azure.scope())
    assert await reached(azure) is YES
    asked = len(list(azure.contract.log))
    assert await reached(azure, DatastoreSource("sales", ("other/*",))) is YES
    assert len(list(azure.contract.log)) == asked
