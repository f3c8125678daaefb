"""Who people, groups and service principals are in Entra, asked of Microsoft Graph: exactly one, or nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from services.access.model import PersonFacts, Principal, SubjectKind
from services.access.ports import IdentityProblem
from services.azure.directory import GraphDirectory
from services.errors import Unavailable
from tests.azure.access.world import AccessWorld
from tests.contract.graph import Graph, Group, ServicePrincipal, User

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]

ANN, GUID = "U0ANN", "aaaaaaaa-0000-4000-8000-{:012}"
USERS = "*/v1.0/users*"


@dataclass
class Accounts:
    """`People` of a Slack workspace."""

    emails: dict[str, str] = field(default_factory=dict)
    guests: set[str] = field(default_factory=set)

    async def person(self, user_id: str, *, fresh: bool = False) -> PersonFacts:
        return PersonFacts(user_id, user_id not in self.guests, "Ann", email=self.emails.get(user_id, ""))

    async def group_members(self, group_id: str, *, fresh: bool = False) -> frozenset[str]:
        return frozenset()


@dataclass
class Place:
    """A directory, Slack's accounts, Graph, and a clock of seconds."""

    graph: Graph
    world: AccessWorld
    accounts: Accounts = field(default_factory=Accounts)
    identities: dict[str, str] = field(default_factory=dict)
    domains: frozenset[str] = frozenset()
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.directory = GraphDirectory(
            self.world.http,
            self.world.tokens,
            self.accounts,
            identities=self._identities,
            domains=lambda: self.domains,
            monotonic=lambda: self.seconds,
        )

    def _identities(self) -> Mapping[str, str]:
        return self.identities

    def user(self, mail: str, number: int = 1, *, name: str = "", enabled: bool = True, kind: str = "Member") -> User:
        """Somebody in Entra."""
        made = User(GUID.format(number), mail, name or mail, "Ann Lee", enabled, kind)
        self.graph.users.append(made)
        return made

    async def refused(self, user_id: str = ANN) -> str:
        """The code with which somebody is not found."""
        with pytest.raises(IdentityProblem) as told:
            await self.directory.of_person(user_id)
        assert told.value.sentence.endswith(".")
        return told.value.code


@pytest_asyncio.fixture(loop_scope="module")
async def place(azure: AccessWorld) -> Place:
    made = Place(azure.contract.graph, azure)
    made.accounts.emails[ANN] = "ann@contoso.com"
    return made


async def test_by_the_confirmed_address(place: Place) -> None:
    place.user("ann@contoso.com", name="a.lee@contoso.onmicrosoft.com")
    place.user("ben@contoso.com", 2)
    expected = Principal(SubjectKind.USER, GUID.format(1), "Ann Lee", "a.lee@contoso.onmicrosoft.com")
    assert await place.directory.of_person(ANN) == expected


async def test_by_the_user_principal_name_whatever_its_case(place: Place) -> None:
    place.accounts.emails[ANN] = "Ann@Contoso.com"
    place.user("", name="ann@contoso.com")
    assert (await place.directory.of_person(ANN)).object_id == GUID.format(1)


async def test_an_apostrophe_is_part_of_an_address(place: Place) -> None:
    place.accounts.emails[ANN] = "ann.o'neil@contoso.com"
    place.user("ann.o'neil@contoso.com")
    assert (await place.directory.of_person(ANN)).login == "ann.o'neil@contoso.com"


async def test_nobody(place: Place) -> None:
    assert await place.refused() == "unknown_user"


async def test_no_other_domain_is_tried(place: Place) -> None:
    place.user("ann@contoso.net")
    assert await place.refused() == "unknown_user"


async def test_two_people_with_one_address_are_nobody(place: Place) -> None:
    place.user("ann@contoso.com", 1, name="first@contoso.com")
    place.user("other@contoso.com", 2, name="ann@contoso.com")
    assert await place.refused() == "ambiguous"


async def test_of_two_the_enabled_one(place: Place) -> None:
    place.user("ann@contoso.com", 1, name="old@contoso.com", enabled=False)
    place.user("ann@contoso.com", 2, name="new@contoso.com")
    assert (await place.directory.of_person(ANN)).object_id == GUID.format(2)


async def test_disabled_and_guests(place: Place) -> None:
    place.user("ann@contoso.com", enabled=False)
    assert await place.refused() == "disabled"
    place.accounts.emails["U0GUEST"] = "guest@contoso.com"
    place.user("guest@contoso.com", 2, kind="Guest")
    assert await place.refused("U0GUEST") == "guest"


async def test_people_that_slack_does_not_vouch_for(place: Place) -> None:
    place.user("ann@contoso.com")
    place.accounts.guests.add(ANN)
    assert await place.refused() == "identity_problem"
    assert await place.refused("U0MAILLESS") == "no_email"
    assert not place.world.contract.log.find("GET", USERS)


async def test_only_the_domains_that_may_be_looked_up(place: Place) -> None:
    place.domains = frozenset({"contoso.com"})
    place.user("ann@contoso.com")
    await place.directory.of_person(ANN)
    place.accounts.emails["U0ELSE"] = "eve@sub.contoso.com"
    assert await place.refused("U0ELSE") == "foreign_domain"


@pytest.mark.parametrize("named", [GUID.format(7), "ann.admin@contoso.com"])
async def test_the_operators_word_wins(place: Place, named: str) -> None:
    place.user("ann@contoso.com")
    place.user("x@contoso.com", 7, name="ann.admin@contoso.com", kind="Guest")
    place.identities[ANN] = named
    assert (await place.directory.of_person(ANN)).object_id == GUID.format(7)


async def test_the_operators_word_for_nobody_or_for_a_disabled_account(place: Place) -> None:
    place.user("ann@contoso.com")
    place.identities[ANN] = GUID.format(8)
    assert await place.refused() == "override_unknown"
    place.user("gone@contoso.com", 9, enabled=False)
    place.identities[ANN] = "gone@contoso.com"
    assert await place.refused() == "disabled"


async def test_groups_and_service_principals_by_their_ids(place: Place) -> None:
    place.graph.groups.append(Group(GUID.format(20), "Analysts"))
    place.graph.service_principals.append(
        ServicePrincipal(GUID.format(30), "trainer", GUID.format(31), "ManagedIdentity")
    )
    assert await place.directory.get(SubjectKind.GROUP, GUID.format(20)) == Principal(
        SubjectKind.GROUP, GUID.format(20), "Analysts"
    )
    found = await place.directory.get(SubjectKind.SERVICE_PRINCIPAL, GUID.format(30))
    assert (found.name, found.login) == ("trainer", GUID.format(31))


@pytest.mark.parametrize(
    ("kind", "number", "code"),
    [
        (SubjectKind.GROUP, 99, "gone"),
        (SubjectKind.GROUP, 21, "unfit"),
        (SubjectKind.SERVICE_PRINCIPAL, 32, "unfit"),
        (SubjectKind.SERVICE_PRINCIPAL, 33, "unfit"),
        (SubjectKind.USER, 1, "unfit"),
    ],
)
async def test_what_can_be_given_no_role(place: Place, kind: SubjectKind, number: int, code: str) -> None:
    place.user("ann@contoso.com", enabled=False)
    place.graph.groups.append(Group(GUID.format(21), "Newsletter", security_enabled=False))
    place.graph.service_principals += [
        ServicePrincipal(GUID.format(32), "legacy", "a", "Legacy"),
        ServicePrincipal(GUID.format(33), "off", "b", enabled=False),
    ]
    with pytest.raises(IdentityProblem) as told:
        await place.directory.get(kind, GUID.format(number))
    assert told.value.code == code


async def test_an_id_that_is_none_is_not_asked_for(place: Place) -> None:
    with pytest.raises(IdentityProblem, match="no object id"):
        await place.directory.get(SubjectKind.GROUP, "../users/x")
    assert not place.world.contract.log.find("GET", "*/v1.0/*")


async def test_search_by_words(place: Place) -> None:
    place.graph.groups += [
        Group(GUID.format(40), "Sales analysts"),
        Group(GUID.format(41), "Analysts of costs"),
        Group(GUID.format(42), "Analysts' newsletter", security_enabled=False),
        Group(GUID.format(43), "Others"),
    ]
    found = await place.directory.search(SubjectKind.GROUP, "  analysts ")
    assert [each.name for each in found] == ["Analysts of costs", "Sales analysts"]
    assert await place.directory.search(SubjectKind.GROUP, "") == ()
    assert await place.directory.search(SubjectKind.USER, "ann") == ()
    assert await place.directory.search(SubjectKind.GROUP, 'a" OR "displayName:') == ()


async def test_search_reads_further_pages_and_stops(place: Place) -> None:
    place.graph.page = 5
    place.graph.groups += [Group(GUID.format(100 + number), f"Team {number:02}") for number in range(40)]
    assert len(await place.directory.search(SubjectKind.GROUP, "team", limit=12)) == 12
    assert len(place.world.contract.log.find("GET", "*/v1.0/groups")) == 3


async def test_service_principals_by_application_or_object_id(place: Place) -> None:
    place.graph.service_principals += [
        ServicePrincipal(GUID.format(50), "trainer", GUID.format(51)),
        ServicePrincipal(GUID.format(52), "trainer-old", GUID.format(53), "Legacy"),
    ]
    for words in ("train", GUID.format(50), GUID.format(51)):
        found = await place.directory.search(SubjectKind.SERVICE_PRINCIPAL, words)
        assert [each.object_id for each in found] == [GUID.format(50)]


@pytest.mark.parametrize(
    ("collection", "kind", "permission"),
    [
        ("users", SubjectKind.USER, "User.Read.All"),
        ("groups", SubjectKind.GROUP, "GroupMember.Read.All"),
        ("servicePrincipals", SubjectKind.SERVICE_PRINCIPAL, "Application.Read.All"),
    ],
)
async def test_the_missing_permission_is_named(
    place: Place, collection: str, kind: SubjectKind, permission: str
) -> None:
    place.graph.denied_collections.add(collection)
    with pytest.raises(Unavailable, match=f"{permission} of Microsoft Graph"):
        await place.directory.get(kind, GUID.format(1))


async def test_asked_too_much_it_is_left_alone_for_as_long_as_it_wants(place: Place) -> None:
    place.user("ann@contoso.com")
    throttled = place.world.contract.faults.throttled(30, path=USERS, times=1)
    for _ in range(3):
        with pytest.raises(Unavailable, match="30 seconds"):
            await place.directory.of_person(ANN)
    assert throttled.hits == 1
    place.seconds = 31
    await place.directory.of_person(ANN)


async def test_a_token_that_is_refused_is_renewed_once(place: Place) -> None:
    place.user("ann@contoso.com")
    place.world.contract.faults.unauthorized(path=USERS, times=1)
    await place.directory.of_person(ANN)
    place.seconds = 1000
    place.world.contract.faults.unauthorized(path=USERS)
    with pytest.raises(Unavailable, match="does not accept"):
        await place.directory.of_person(ANN)


async def test_what_was_found_is_asked_again_after_five_minutes(place: Place) -> None:
    place.user("ann@contoso.com")
    for at, asked in ((0, 1), (299, 1), (301, 2)):
        place.seconds = at
        await place.directory.of_person(ANN)
        assert len(place.world.contract.log.find("GET", USERS)) == asked


@pytest.mark.parametrize("body", ["<html>", {"value": None}, {"value": ["x"]}, []])
async def test_an_answer_of_another_shape_finds_nobody(place: Place, body: object) -> None:
    place.user("ann@contoso.com")
    place.world.contract.faults.wrong_shape(body, path=USERS)  # type: ignore[arg-type]
    with pytest.raises((IdentityProblem, Unavailable)):
        await place.directory.of_person(ANN)


async def test_a_next_page_elsewhere_gets_no_token(place: Place) -> None:
    place.user("ann@contoso.com")
    place.world.contract.faults.wrong_shape(
        {"value": [], "@odata.nextLink": "https://graph.microsoft.com.evil.example/v1.0/users"}, path=USERS
    )
    assert await place.refused() == "unknown_user"
    assert place.world.contract.log.unexpected_hosts() == []


async def test_no_answer_and_errors_of_its_own(place: Place) -> None:
    place.world.contract.faults.status(503, "serviceNotAvailable", path=USERS, times=1)
    with pytest.raises(Unavailable, match="serviceNotAvailable"):
        await place.directory.of_person(ANN)
    place.world.contract.faults.reset(path=USERS)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await place.directory.of_person(ANN)
