"""What people are told beforehand: what will be assigned where, what that opens, and where no access exists."""

from __future__ import annotations

import pytest

from services.access.model import DataPlace, GrantPlan, Level, Principal
from services.azure.access.grants import AccessOptions
from services.azure.access.plan import CONTAINER_AT_RISK
from services.azure.access.roles import DATA_SCIENTIST
from services.datasets.model import DatastoreSource, Source, WebSource
from services.errors import Unavailable
from tests.azure.access.world import ADA, AccessWorld

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]


async def planned(
    azure: AccessWorld, *sources: Source, level: Level = Level.READ, principal: Principal | None = ADA
) -> GrantPlan:
    plan = await azure.grants.plan(sources, level, principal)
    assert azure.contract.roles.all() == [], "planning changes nothing"
    assert plan.possible is not bool(plan.why_not)
    return plan


async def test_a_path_of_an_identity_based_datastore(azure: AccessWorld) -> None:
    plan = await planned(azure, DatastoreSource("Sales", ("sales/2026/*.csv",)))
    assert [(each.role_name, each.scope) for each in plan.assignments] == [
        ("Storage Blob Data Reader", azure.scope()),
        ("Reader", azure.workspace_scope),
    ]
    assert plan.opens[0] == "Read “sales/2026/” on “sales” (salesblobs/exports)."
    assert plan.takes == "up to ten minutes"
    assert plan.places == (DataPlace("sales", ("sales/2026/",)),)
    assert plan.warnings == ()


async def test_a_level_that_writes_says_what_else_it_opens(azure: AccessWorld) -> None:
    plan = await planned(azure, DatastoreSource("sales", ("sales/",)), level=Level.WRITE)
    assert plan.assignments[0].role_name == "Storage Blob Data Contributor"
    assert plan.opens[0].startswith("Read, change and delete “sales/”")
    assert CONTAINER_AT_RISK in plan.warnings


async def test_everything_is_called_so(azure: AccessWorld) -> None:
    plan = await planned(azure, DatastoreSource("sales", ("*.csv", "a/*.csv")))
    assert plan.opens[0] == "Read everything on “sales” (salesblobs/exports)."


async def test_many_paths_are_counted(azure: AccessWorld) -> None:
    plan = await planned(azure, DatastoreSource("sales", tuple(f"{name}/" for name in "abcde")))
    assert "“a/”, “b/”, “c/” and 2 more paths" in plan.opens[0]


async def test_without_a_principal_roles_it_may_have_are_planned_too(azure: AccessWorld) -> None:
    assert len((await planned(azure, DatastoreSource("sales", ("a/",)), principal=None)).assignments) == 2


async def test_who_can_use_the_workspace_needs_no_second_role(azure: AccessWorld) -> None:
    azure.contract.roles.assign(ADA.object_id, "Contributor", azure.workspace_scope)
    plan = await azure.grants.plan([DatastoreSource("sales", ("a/",))], Level.READ, ADA)
    assert len(plan.assignments) == 1


async def test_the_broad_workspace_role_is_called_broad(azure: AccessWorld) -> None:
    azure.restarted(AccessOptions(DATA_SCIENTIST, sleep=azure.naps.sleep))
    plan = await planned(azure, DatastoreSource("sales", ("a/",)))
    assert any("it is broad" in each for each in plan.warnings)
    assert any("also those that are opened with a stored credential" in each for each in plan.opens)


async def test_a_data_lakes_listings_are_warned_of(azure: AccessWorld) -> None:
    plan = await planned(azure, DatastoreSource("lake", ("raw/",)))
    assert any("may show names" in each for each in plan.warnings)


@pytest.mark.parametrize(
    ("source", "why", "instead"),
    [
        (DatastoreSource("keyed", ("a/",)), "opened with a stored credential", "identity-based datastore"),
        (DatastoreSource("share", ("a/",)), "Azure Files share", "identity-based datastore"),
        (DatastoreSource("gone", ("a/",)), "no datastore “gone”", "Register"),
        (DatastoreSource("sales", ("o'neil/a.csv",)), "apostrophe", "Rename the folder"),
        (WebSource(("https://example.com/a.csv",)), "web address", "Whoever runs that server"),
        (DatastoreSource("sales", tuple(f"{number:03}/" for number in range(200))), "that many paths", ""),
    ],
)
async def test_where_no_access_exists_it_is_said(azure: AccessWorld, source: Source, why: str, instead: str) -> None:
    plan = await planned(azure, DatastoreSource("sales", ("a/",)), source)
    assert not plan.possible
    assert plan.assignments == ()
    assert why in plan.why_not
    assert instead in plan.instead


async def test_no_data_no_access(azure: AccessWorld) -> None:
    assert not (await planned(azure)).possible


async def test_azure_down_is_told(azure: AccessWorld) -> None:
    azure.contract.faults.status(503, host="management.azure.com")
    with pytest.raises(Unavailable):
        await planned(azure, DatastoreSource("sales", ("a/",)))
