"""What Azure refuses, loses, delays and shows late when access is given or taken, as a person is told it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.access.model import Level
from services.azure.access.conditions import condition_for
from services.azure.access.grants import AccessOptions
from services.azure.access.roles import READER
from services.errors import Busy, Conflict, InvalidInput, NotAllowed, Unavailable, UserError
from tests.azure.access.world import ADA, WRITES, AccessWorld, blob
from tests.contract.entra import BOT_APP
from tests.contract.permissions import Permission
from tests.contract.wire import Request

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]

AUTHORIZATION = "Microsoft.Authorization"


def only_without(azure: AccessWorld, *actions: str) -> None:
    azure.contract.permissions.only(Permission(("*",), actions, ("*",)))


async def test_without_the_right_to_give_roles_the_missing_one_is_named(azure: AccessWorld) -> None:
    only_without(azure, f"{AUTHORIZATION}/roleAssignments/write")
    with pytest.raises(NotAllowed) as told:
        await azure.grants.grant(azure.wish(), ())
    for part in (
        BOT_APP.object_id,
        f"{AUTHORIZATION}/roleAssignments/write",
        "Role Based Access Control Administrator",
        azure.scope(),
    ):
        assert part in told.value.sentence
    assert azure.contract.roles.all() == []
    azure.contract.permissions.only(Permission(("*",)))
    assert len(await azure.grants.grant(azure.wish(), ())) == 2


async def test_without_the_right_to_take_roles(azure: AccessWorld) -> None:
    wish = azure.wish()
    made = await azure.grants.grant(wish, ())
    only_without(azure, f"{AUTHORIZATION}/roleAssignments/delete")
    with pytest.raises(NotAllowed, match="roleAssignments/delete"):
        await azure.grants.revoke(wish, made, ())
    assert azure.may("read", "sales/a.csv")
    azure.contract.permissions.only(Permission(("*",)))
    await azure.grants.revoke(wish, made, ())
    assert not azure.may("read", "sales/a.csv")


async def test_a_role_that_the_bots_own_condition_does_not_allow(azure: AccessWorld) -> None:
    azure.contract.roles.assignable = {"acdd72a7-3385-48ef-bd42-f606fba81ae7"}
    with pytest.raises(NotAllowed, match=r"only under a condition.*Allow it in the condition of its role Role Based"):
        await azure.grants.grant(azure.wish(), ())


async def test_without_the_right_to_see_storage_accounts(azure: AccessWorld) -> None:
    only_without(azure, "Microsoft.Storage/storageAccounts/read")
    with pytest.raises(NotAllowed, match=r"storageAccounts/read.*role Reader"):
        await azure.grants.grant(azure.wish(), ())


async def test_a_storage_account_of_an_unknown_subscription(azure: AccessWorld) -> None:
    azure.contract.cloud.storage_groups.clear()
    with pytest.raises(Conflict, match=r"“salesblobs”.*Reader"):
        await azure.grants.grant(azure.wish(), ())
    elsewhere = azure.datastores.entries["sales"]
    assert elsewhere.azure is not None
    place = replace(elsewhere.azure, subscription_id="33333333-aaaa-4bbb-8ccc-000000000001", resource_group="there")
    azure.datastores.put(replace(elsewhere, azure=place))
    made = await azure.grants.grant(azure.wish(), ())
    assert "/33333333-aaaa-4bbb-8ccc-000000000001/resourceGroups/there/" in made[0].scope
    assert made[0].id in {each.assignment.id for each in await azure.grants.found()}


async def test_a_new_principal_is_waited_for(azure: AccessWorld) -> None:
    azure.contract.faults.status(400, "PrincipalNotFound", path=WRITES, method="PUT", times=3)
    await azure.grants.grant(azure.wish(), ())
    assert azure.may("read", "sales/a.csv")
    assert azure.naps.seconds == [1.0, 2.0, 4.0]


async def test_a_principal_that_stays_unknown_is_told(azure: AccessWorld) -> None:
    azure.contract.roles.unknown.add(ADA.object_id)
    with pytest.raises(Unavailable, match="does not know Ada yet"):
        await azure.grants.grant(azure.wish(), ())
    assert 55 < sum(azure.naps.seconds) < 65


async def test_what_is_shown_late_is_looked_for_again(azure: AccessWorld) -> None:
    late = azure.contract.faults.status(
        404, "RoleAssignmentNotFound", path=f"{azure.scope()}{WRITES}", method="GET", times=3
    )
    await azure.grants.grant(azure.wish(), ())
    assert late.hits == 3
    assert azure.naps.seconds == [0.3, 1.0]


async def test_what_is_never_shown_is_no_success(azure: AccessWorld) -> None:
    azure.contract.faults.status(404, "RoleAssignmentNotFound", path=WRITES, method="GET")
    with pytest.raises(Unavailable, match="does not show it yet"):
        await azure.grants.grant(azure.wish(), ())
    azure.contract.faults.clear()
    await azure.grants.grant(azure.wish(), ())
    assert len(azure.held()) == 1


async def test_somebody_who_changes_it_at_once_is_told(azure: AccessWorld) -> None:
    def narrow(_request: Request) -> None:
        for held in azure.held():
            properties = {**held.properties, "condition": condition_for(["else/"], Level.READ)}
            azure.contract.roles.keep(replace(held, properties=properties))

    azure.contract.faults.before(narrow, path=WRITES, method="GET", times=None)
    with pytest.raises(Conflict, match="another role assignment than the one that the bot made"):
        await azure.grants.grant(azure.wish(), ())


async def test_what_is_still_shown_after_it_was_taken_is_no_success(azure: AccessWorld) -> None:
    wish = azure.wish()
    made = await azure.grants.grant(wish, ())
    kept = azure.held()[0]

    def restore(_request: Request) -> None:
        azure.contract.roles.keep(kept)

    azure.contract.faults.before(restore, path=WRITES, method="GET", times=None)
    with pytest.raises(Unavailable, match="has not removed the role yet"):
        await azure.grants.revoke(wish, made, ())
    azure.contract.faults.clear()
    await azure.grants.revoke(wish, made, ())
    assert azure.held() == []


@pytest.mark.parametrize("method", ["PUT", "GET"])
async def test_a_lost_answer_is_asked_for_again(azure: AccessWorld, method: str) -> None:
    lost = azure.contract.faults.lose_answer(path=WRITES, method=method, times=2)
    await azure.grants.grant(azure.wish(), ())
    assert lost.hits == 2
    assert len(azure.held()) == 1


async def test_a_lost_answer_to_taking_away(azure: AccessWorld) -> None:
    wish = azure.wish()
    made = await azure.grants.grant(wish, ())
    azure.contract.faults.lose_answer(path=WRITES, method="DELETE", times=1)
    await azure.grants.revoke(wish, made, ())
    assert azure.held() == []


async def test_throttled_for_a_moment_is_waited_for_and_for_longer_is_told(azure: AccessWorld) -> None:
    azure.contract.faults.throttled(3, path=WRITES, method="PUT", times=1)
    await azure.grants.grant(azure.wish(), ())
    assert azure.naps.seconds == [3.0]
    azure.contract.faults.throttled(120, path=WRITES, method="PUT")
    with pytest.raises(Busy, match="Try again in 120 seconds"):
        await azure.grants.grant(azure.wish("costs/"), ())
    assert azure.naps.seconds == [3.0]


async def test_an_error_of_azures_own_is_tried_again_and_then_told(azure: AccessWorld) -> None:
    azure.contract.faults.status(503, path=WRITES, method="PUT", times=2)
    await azure.grants.grant(azure.wish(), ())
    azure.contract.faults.status(500, path=WRITES, method="PUT")
    with pytest.raises(Unavailable, match="status 500"):
        await azure.grants.grant(azure.wish("costs/"), ())


async def test_a_token_that_is_refused_is_renewed_once(azure: AccessWorld) -> None:
    await azure.grants.grant(azure.wish(), ())
    azure.contract.entra.revoke_all()
    await azure.grants.grant(azure.wish("costs/"), ())
    azure.contract.faults.unauthorized(host="management.azure.com")
    with pytest.raises(Unavailable, match="does not accept the bot's sign-in"):
        await azure.grants.grant(azure.wish("raw/"), ())


async def test_hung_is_cut_at_its_limit(azure: AccessWorld) -> None:
    azure.restarted(AccessOptions(READER, call_seconds=0.3, sleep=azure.naps.sleep))
    azure.contract.faults.hang(path=WRITES, method="PUT")
    with pytest.raises(Unavailable, match="does not answer"):
        await azure.grants.grant(azure.wish(), ())


@pytest.mark.parametrize("body", ["<html>gateway</html>", {"value": 7}, {}, {"properties": []}])
async def test_an_answer_of_another_shape_is_no_success(azure: AccessWorld, body: object) -> None:
    azure.contract.faults.wrong_shape(body, path="*/roleAssignments*", method="GET")  # type: ignore[arg-type]
    with pytest.raises(UserError):
        await azure.grants.grant(azure.wish(), ())


async def test_a_lock_is_told(azure: AccessWorld) -> None:
    wish = azure.wish()
    made = await azure.grants.grant(wish, ())
    azure.contract.faults.status(409, "ScopeLocked", path=WRITES, method="DELETE")
    with pytest.raises(Conflict, match="is locked in Azure"):
        await azure.grants.revoke(wish, made, ())


async def test_more_than_one_condition_can_hold(azure: AccessWorld) -> None:
    others = [azure.wish(f"{'long-name-' * 8}{number}/") for number in range(60)]
    with pytest.raises(InvalidInput, match="that many paths"):
        await azure.grants.grant(azure.wish(), others)
    assert azure.held() == []


async def test_names_that_end_a_literal_are_refused(azure: AccessWorld) -> None:
    with pytest.raises(InvalidInput, match="apostrophe"):
        await azure.grants.grant(azure.wish("x' OR 'a' StringEquals 'a"), ())
    assert azure.contract.roles.all() == []


async def test_no_object_id_of_entra(azure: AccessWorld) -> None:
    with pytest.raises(InvalidInput, match="no object id"):
        await azure.grants.grant(azure.wish(principal=replace(ADA, object_id="x' or '1' eq '1")), ())


async def test_looking_for_what_is_missing_fails_aloud(azure: AccessWorld) -> None:
    wish = azure.wish()
    made = await azure.grants.grant(wish, ())
    only_without(azure, f"{AUTHORIZATION}/roleAssignments/read")
    with pytest.raises(NotAllowed, match="roleAssignments/read"):
        await azure.grants.missing(wish, made)
    with pytest.raises(NotAllowed, match="roleAssignments/read"):
        await azure.grants.found()


async def test_a_datastore_that_came_to_keep_a_credential(azure: AccessWorld) -> None:
    azure.datastores.put(blob("sales", "salesblobs", "exports", azure.datastores.entries["keyed"].azure.access))  # type: ignore[union-attr]
    with pytest.raises(InvalidInput, match="stored credential"):
        await azure.grants.grant(azure.wish(level=Level.WRITE), ())
