"""Access in Azure for a person and for an Entra group: the form, the card, the roles of both, and giving it back."""

from __future__ import annotations

import socket
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.sandbox.person import Message, Person
from bot.sandbox.server import LocalSlack
from tests.contract import datastore_store
from tests.contract.graph import Group, User
from tests.contract.server import AzureContract
from tests.scenario.bot_on_local_slack import MANIFEST, running, settings_for

pytestmark = [pytest.mark.azure, pytest.mark.slow]

CHANNEL = "C0DATA"
ACCOUNT = "salesblobs"
YAML = "type: mltable\npaths:\n- pattern: 'azureml://datastores/{}/paths/sales/*.parquet'\n"
ANALYSTS = Group(str(uuid.uuid5(uuid.NAMESPACE_DNS, "analysts")), "Growth analysts")
POLICY = "version: 1\nemail_domains: [northwind.example]\n"


@dataclass(frozen=True)
class Stage:
    """A bot on a local Slack and a local Azure with the dataset `sales`, which nobody owns."""

    slack: LocalSlack
    azure: AzureContract
    people: dict[str, User]

    def person(self, name: str) -> Person:
        return self.slack.person(f"U0{name.upper()}")

    def roles(self, object_id: str) -> list[tuple[str, str]]:
        """Kind of principal and condition of each assignment that somebody has."""
        return [
            (str(each.properties["principalType"]), str(each.properties.get("condition", "")))
            for each in self.azure.roles.all()
            if each.principal_id == object_id
        ]


@pytest.fixture
async def on(azure_server: AzureContract, bot_environment: None, tmp_path: Path) -> AsyncIterator[Stage]:
    workspace = azure_server.reset("ml-access-flows")
    workspace.datastores.put(datastore_store.blob("main", ACCOUNT, "exports"))
    workspace.datasets.add("sales", YAML.format("main"))
    azure_server.cloud.storage_groups |= {ACCOUNT: "data-group"}
    people = {}
    for name in ("ada", "ben", "chiara"):
        mail = f"{name}@northwind.example"
        people[name] = User(str(uuid.uuid5(uuid.NAMESPACE_DNS, name)), mail, mail, name.capitalize())
        azure_server.graph.users.append(people[name])
    azure_server.graph.groups.append(ANALYSTS)
    (tmp_path / "policy.yml").write_text(POLICY)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    async with LocalSlack(manifest=MANIFEST, retry_delays=(0.0, 0.2, 0.5)) as slack:
        settings = settings_for(
            slack,
            tmp_path,
            http_port=None,
            workspace=workspace.url,
            azure_credential="service_principal",
            azure_workers=1,
            policy_file=str(tmp_path / "policy.yml"),
        )
        async with running(settings, listener):
            yield Stage(slack, azure_server, people)
    assert azure_server.log.unexpected_hosts() == []


async def told(person: Person, contains: str) -> Message:
    """What a person reads in the conversation with the bot."""
    return await person.wait_message(await person.dm(), contains, timeout=30)


async def test_a_person_and_a_group_get_roles_and_give_them_back(on: Stage) -> None:
    ada, ben = on.person("ada"), on.person("ben")
    await ben.command(CHANNEL, "/dataset", "access sales")
    view = await ben.wait_view("access_request", "Who decides", timeout=40)
    for said in (
        "admins of this bot in the owner's place: <@U0ADA>",
        "sales/",
        "exports",
        "ben@northwind.example",
    ):
        assert said in view.shown
    whom = next(block["element"] for block in view.blocks if block["block_id"] == "whom")
    assert [each["value"] for each in whom["options"]] == ["me", "user", "group", "service_principal"]
    await ben.submit(view, {"reason": "March report"})
    await ben.close(await ben.wait_view("done", timeout=30), is_cleared=True)
    card = await told(ada, "Access request: sales")
    assert "In Entra: Ben (`ben@northwind.example`)" in card.shown
    await ada.click(card, "access:approve")
    granted = await told(ben, "Granted* until")
    kinds = on.roles(on.people["ben"].object_id)
    assert {kind for kind, _ in kinds} == {"User"}
    assert any("sales/" in condition for _, condition in kinds), "the role is limited to the dataset's path"

    # For a group: found as its name is typed, shown by its name, and assigned as a group.
    await ben.command(CHANNEL, "/dataset", "access sales")
    view = await ben.wait_view("access_request", "There already", timeout=30)
    await ben.click(view, "access_form:whom", "group")
    view = await ben.wait_view("access_request", "Type how its name begins", timeout=30)
    found = await ben.suggest(view, "access_form:group", "Growth")
    assert [each["text"]["text"] for each in found] == ["Growth analysts"]
    await ben.click(view, "access_form:group", "Growth analysts")
    view = await ben.wait_view("access_request", "Who decides", timeout=30)
    await ben.submit(view, {"reason": "All of us need it"})
    await ben.close(await ben.wait_view("done", timeout=30), is_cleared=True)
    await ada.click(await told(ada, "the Entra group *Growth analysts*"), "access:approve")
    await told(ben, "for the Entra group *Growth analysts*, for 7 days\n:white_check_mark: *Granted*")
    assert {kind for kind, _ in on.roles(ANALYSTS.object_id)} == {"Group"}

    await ben.click(granted, "access:done")
    await told(ben, "its holder was done")
    assert on.roles(on.people["ben"].object_id) == []
    assert on.roles(ANALYSTS.object_id)
