"""Access in Azure from the request in Slack to its end, through the whole bot: Entra, roles, and rows that open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from bot.sandbox.person import Message, Person, View
from services.access.model import DataPlace, GrantWish, Level, Principal, Subject, SubjectKind
from services.access.offer import Wish
from services.access.sweeping import Sweep
from services.actor import Actor
from services.azure.access.grants import AccessOptions, AzureAccessGrants
from services.azure.access.roles import container_scope
from services.azure.identity import TokenSource
from services.azure.resource import AzureWorkspaceId
from services.datasets.model import DatasetType, DatastoreSource, Definition, FileFormat, Format, RegisterRequest
from tests.azure.access.world import KnownDatastores, blob
from tests.azure.flow_stage import BLOB, CHANNEL, CONTAINER, LAKE, SOON, FlowStage, flow_stage, until
from tests.contract.cloud import RESOURCE_GROUP, SUBSCRIPTION
from tests.contract.conditions import BLOBS, Access
from tests.contract.graph import Group, User
from tests.contract.permissions import Permission
from tests.contract.roles import Assignment
from tests.contract.server import AzureContract

pytestmark = [pytest.mark.azure, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ADA = Actor("U0ADA", is_admin=True)
IDS = {name: f"bbbbbbbb-0000-4000-8000-00000000000{number}" for number, name in enumerate(("ada", "ben", "chiara"))}
ROWS = b"day,sold\n2024-01-01,3\n2024-01-02,5\n"
EVERYTHING = Permission(("*",), (), ("*",))


@dataclass(frozen=True)
class AccessFlows:
    """Ada is the bot's admin and decides on what nobody owns; Ben and Chiara want it. Each case has its own dataset."""

    on: FlowStage

    @property
    def ben(self) -> Person:
        return self.on.ben

    @property
    def ada(self) -> Person:
        return self.on.ada

    async def dataset(self, name: str, datastore: str = "plain", owner: str = "") -> None:
        """A dataset of one file, which nobody owns unless it is said."""
        self.on.storage.put(BLOB if datastore != "lake" else LAKE, CONTAINER, f"{name}/a.csv", ROWS)
        source = DatastoreSource(datastore, (f"{name}/a.csv",))
        definition = Definition(DatasetType.TABULAR, source, Format(FileFormat.DELIMITED))
        request = RegisterRequest(name, definition, owner or "U0ADA", owner=owner)
        await self.on.bot.services.datasets.register(request, registration_id=name, progress=_silent)
        if not owner:
            await self.on.bot.services.datasets.set_owner(ADA, name, "")

    def held(self, person: str) -> list[Assignment]:
        """What somebody holds at the container."""
        scope = container_scope(SUBSCRIPTION, RESOURCE_GROUP, BLOB, CONTAINER).lower()
        return [
            one for one in self.on.azure.roles.all() if one.principal_id == IDS[person] and one.scope.lower() == scope
        ]

    def may_read(self, person: str, path: str) -> bool:
        """By what Azure holds."""
        scope = container_scope(SUBSCRIPTION, RESOURCE_GROUP, BLOB, CONTAINER)
        return self.on.azure.roles.may(IDS[person], scope, Access(f"{BLOBS}/read", path))

    async def form(self, person: Person, name: str) -> View:
        """The request form once it shows what follows."""
        await person.command(CHANNEL, "/dataset", f"access {name}")
        return await person.wait_view("access_request", "What it opens", timeout=SOON)

    async def ask(self, person: Person, name: str) -> None:
        """Ask for reading."""
        view = await self.form(person, name)
        answer = await person.submit(view, {"reason": "March report"})
        assert answer.get("response_action") != "errors", answer
        await person.close(await person.wait_view("done", timeout=SOON), is_cleared=True)

    async def approved(self, name: str) -> Message:
        """Ada approves the request for a dataset; returns her card."""
        card = await self.ada.wait_message(await self.ada.dm(), f"*{name}*", timeout=SOON)
        assert (await self.ada.click(card, "access:approve"))["ok"]
        return card

    async def told(self, person: Person, contains: str, *, under: Message | None = None) -> Message:
        """What a person reads in their conversation with the bot."""
        thread = under.ts if under is not None else ""
        return await person.wait_message(await person.dm(), contains, thread_ts=thread, timeout=SOON)

    async def wish(self, name: str, seconds: float) -> None:
        """Ben asks for less time than a form offers."""
        wish = Wish(
            name, Level.READ, Subject(SubjectKind.USER, "U0BEN"), timedelta(seconds=seconds), "A quick look", ""
        )
        await self.on.bot.services.access.submit(Actor("U0BEN"), wish, key=f"{name}-{seconds}")


async def _silent(_: str) -> None:
    return None


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(
    azure_server: AzureContract, bot_environment: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FlowStage]:
    folder: Path = tmp_path_factory.mktemp("access-flows")
    async with flow_stage(azure_server, folder, workspace="ml-access-flows") as on:
        azure_server.cloud.storage_groups |= dict.fromkeys((BLOB, LAKE), RESOURCE_GROUP)
        for name, object_id in IDS.items():
            mail = f"{name}@northwind.example"
            azure_server.graph.users.append(User(object_id, mail, mail, name.title()))
        azure_server.graph.groups.append(Group(f"{IDS['ada'][:-1]}9", "Analysts"))
        yield on


@pytest_asyncio.fixture(loop_scope="module")
async def flows(stage: FlowStage) -> AsyncIterator[AccessFlows]:
    yield AccessFlows(stage)
    stage.azure.faults.clear()
    stage.azure.permissions.grants = [("*", "/", EVERYTHING)]
    await stage.close_all()


async def test_from_a_refused_preview_to_a_role_in_azure_and_its_revoking(flows: AccessFlows) -> None:
    await flows.dataset("sales")
    refused = await flows.on.answered(flows.ben, "/dataset", "preview sales", "No role of Ben lets them read")
    assert "2024-01-02" not in refused.shown
    view = await flows.form(flows.ben, "sales")
    for said in ("Read `sales/a.csv` on `plain`", "up to ten minutes", "ben@northwind.example"):
        assert said in view.shown
    await flows.ben.close(view, is_cleared=True)
    await flows.ask(flows.ben, "sales")
    await flows.approved("sales")
    granted = await flows.told(flows.ben, "Granted* until")
    await flows.told(flows.ben, "up to ten minutes", under=granted)
    assert [each.properties["principalType"] for each in flows.held("ben")] == ["User"]
    assert flows.may_read("ben", "sales/a.csv")
    assert not flows.may_read("ben", "sales/b.csv")
    await flows.on.answered(flows.ben, "/dataset", "preview sales", "2024-01-02")

    grant = (await flows.on.bot.services.access.mine(Actor("U0BEN"))).grants[0]
    await flows.on.bot.services.access.revoke(ADA, grant.id, "The report is done")
    await flows.told(flows.ben, "The report is done")
    assert flows.held("ben") == []
    await flows.on.answered(flows.ben, "/dataset", "preview sales", "No role of Ben lets them read")


async def test_it_ends_by_itself(flows: AccessFlows) -> None:
    await flows.dataset("brief")
    await flows.wish("brief", 4)
    await flows.approved("brief")
    await until(lambda: flows.may_read("ben", "brief/a.csv"))
    await until(lambda: not flows.may_read("ben", "brief/a.csv"), 20)
    assert flows.held("ben") == []
    await flows.told(flows.ben, "*brief*")


async def test_azure_refusing_in_the_middle_is_failed_with_what_is_missing_and_tried_again(flows: AccessFlows) -> None:
    await flows.dataset("costs")
    flows.on.azure.permissions.only(Permission(("*",), ("Microsoft.Authorization/roleAssignments/write",), ("*",)))
    await flows.ask(flows.ben, "costs")
    card = await flows.approved("costs")
    failed = await flows.told(flows.ada, "roleAssignments/write")
    assert "Role Based Access Control Administrator" in failed.shown
    assert flows.held("ben") == []
    flows.on.azure.permissions.grants = [("*", "/", EVERYTHING)]
    again = next(each for each in await flows.ada.messages(card.channel) if each.ts == card.ts)
    assert (await flows.ada.click(again, "access:retry"))["ok"]
    await until(lambda: flows.may_read("ben", "costs/a.csv"))
    await flows.told(flows.ben, "*costs*")


async def test_a_lost_answer_and_a_late_principal_are_nobodys_trouble(flows: AccessFlows) -> None:
    await flows.dataset("lost")
    flows.on.azure.faults.lose_answer(path="*/roleAssignments/*", method="PUT", times=1)
    flows.on.azure.faults.status(400, "PrincipalNotFound", path="*/roleAssignments/*", method="PUT", times=1)
    await flows.ask(flows.ben, "lost")
    await flows.approved("lost")
    await until(lambda: flows.may_read("ben", "lost/a.csv"))
    assert len(flows.held("ben")) == 1, "costs and lost share the one assignment that Azure keeps"
    assert flows.may_read("ben", "costs/a.csv")


async def test_where_the_datastore_keeps_a_credential_nothing_is_pretended(flows: AccessFlows) -> None:
    await flows.dataset("keyed-sales", "keyed")
    await flows.ben.command(CHANNEL, "/dataset", "access keyed-sales")
    view = await flows.ben.wait_view("access_request", "stored credential", timeout=SOON)
    assert "no access to single datasets" in view.shown
    assert "identity-based datastore" in view.shown
    await flows.ben.submit(view, {"reason": "March report"})
    told = await flows.ben.wait_view("error", "stored credential", timeout=SOON)
    await flows.ben.close(told, is_cleared=True)
    audit = await flows.on.bot.services.access.audit(ADA, dataset="keyed-sales")
    assert [entry.action for entry in audit] == ["request.refused"]


async def test_an_owner_decides_only_on_what_their_own_roles_reach(flows: AccessFlows) -> None:
    scope = container_scope(SUBSCRIPTION, RESOURCE_GROUP, BLOB, CONTAINER)
    flows.on.azure.roles.assign(IDS["chiara"], "Storage Blob Data Reader", scope)
    for name, datastore, decides in (("reached", "plain", "<@U0CHIARA>"), ("unreached", "lake", "<@U0ADA>")):
        await flows.dataset(name, datastore, owner="U0CHIARA")
        view = await flows.form(flows.ben, name)
        assert decides in view.shown
        await flows.ben.close(view, is_cleared=True)


async def test_records_that_were_lost_are_rebuilt_and_end_at_their_time(
    flows: AccessFlows, signed_in: tuple[httpx.AsyncClient, TokenSource]
) -> None:
    await flows.dataset("restored")
    workspace = AzureWorkspaceId.parse(flows.on.azure.workspace.url)
    datastores = KnownDatastores()
    datastores.put(blob("plain", BLOB, CONTAINER))
    of_before = AzureAccessGrants(
        workspace, *signed_in, datastores, now=lambda: datetime.now(UTC), options=AccessOptions(None)
    )
    ends_at = datetime.now(UTC) + timedelta(seconds=8)
    chiara = Principal(SubjectKind.USER, IDS["chiara"], "Chiara")
    places = (DataPlace("plain", ("restored/",)),)
    wish = GrantWish("lost-1", "asked-1", "restored", Level.WRITE, chiara, places, ends_at, "U0CHIARA")
    await of_before.grant(wish, ())
    await of_before.close()

    swept = await Sweep(flows.on.bot.services.access.ports).run()
    assert (swept.rebuilt, swept.removed) == (1, 0)
    mine = (await flows.on.bot.services.access.mine(Actor("U0CHIARA"))).grants
    assert [(each.id, each.dataset, each.level) for each in mine] == [("lost-1", "restored", Level.WRITE)]
    role = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    await until(lambda: not [each for each in flows.held("chiara") if each.role_id.endswith(role)], 30)
