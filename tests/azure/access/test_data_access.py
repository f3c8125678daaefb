"""Rows are shown to whoever may read the data in Azure, and to nobody for having registered them."""

from __future__ import annotations

import pytest

from services.access.model import PersonFacts
from services.actor import Actor
from services.azure.access.data_access import AzureDataAccess
from services.azure.directory import GraphDirectory
from services.datasets.model import DatastoreSource, Source, WebSource
from services.errors import Unavailable
from tests.azure.access.world import ADA, BEN, AccessWorld
from tests.contract.graph import User

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]

SALES = DatastoreSource("sales", ("sales/*.csv",))
OPEN = WebSource(("https://azureopendatastorage.blob.core.windows.net/mnist/*.gz",))
INSIDE = WebSource(("https://files.corp.example/salaries.csv",))


class Accounts:
    """`People`: a member's address begins with their id."""

    async def person(self, user_id: str, *, fresh: bool = False) -> PersonFacts:
        return PersonFacts(user_id, True, user_id, email=f"{user_id.lower()}@contoso.com")

    async def group_members(self, group_id: str, *, fresh: bool = False) -> frozenset[str]:
        return frozenset()


def access_of(azure: AccessWorld) -> AzureDataAccess:
    for user_id, principal in (("u0ada", ADA), ("u0ben", BEN)):
        mail = f"{user_id}@contoso.com"
        azure.contract.graph.users.append(User(principal.object_id, mail, mail, principal.name))
    directory = GraphDirectory(
        azure.http,
        azure.tokens,
        Accounts(),
        identities=dict[str, str],
        domains=frozenset[str],
    )
    return AzureDataAccess(azure.grants, directory)


async def sees(access: AzureDataAccess, user_id: str, source: Source = SALES, *, admin: bool = False) -> bool:
    permission = await access.may_read(Actor(user_id, is_admin=admin), "sales", source)
    assert permission.allowed is not bool(permission.sentence)
    return permission.allowed


async def test_a_role_of_ones_own_decides(azure: AccessWorld) -> None:
    access = access_of(azure)
    assert not await sees(access, "U0ADA")
    made = await azure.grants.grant(azure.wish("sales/"), ())
    assert await sees(access, "U0ADA")
    assert not await sees(access, "U0BEN")
    await azure.grants.revoke(azure.wish("sales/"), made, ())
    assert not await sees(access, "U0ADA")


async def test_admins_and_what_is_public(azure: AccessWorld) -> None:
    access = access_of(azure)
    assert await sees(access, "U0BEN", admin=True)
    assert await sees(access, "U0BEN", OPEN)
    assert not await sees(access, "U0BEN", INSIDE)
    assert not await sees(access, "", OPEN)
    assert not await sees(access, "", admin=True)


async def test_who_cannot_be_found_in_entra_sees_nothing_and_is_told_why(azure: AccessWorld) -> None:
    permission = await access_of(azure).may_read(Actor("U0EVE"), "sales", SALES)
    assert not permission.allowed
    assert "Microsoft Entra has no user with the address u0eve@contoso.com" in permission.sentence


async def test_a_graph_that_cannot_be_asked_decides_nothing(azure: AccessWorld) -> None:
    access = access_of(azure)
    azure.contract.graph.denied = True
    with pytest.raises(Unavailable, match=r"User\.Read\.All"):
        await sees(access, "U0ADA")


async def test_nobody_is_somebody_elses_principal(azure: AccessWorld) -> None:
    access = access_of(azure)
    mail = "u0ada@contoso.com"
    azure.contract.graph.users.append(User("another", "x@contoso.com", mail, "Impostor"))
    permission = await access.may_read(Actor("U0ADA"), "sales", SALES)
    assert "2 users with the address" in permission.sentence
