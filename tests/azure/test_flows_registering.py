"""Registering on Azure from Slack: modal, SDK and storage, card; each kind of source with each kind of data."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import pytest_asyncio

from tests.azure.flow_stage import BLOB, BLOB_HOST, CHANNEL, CONTAINER, LAKE, PUBLIC, FlowStage, bearer_of, flow_stage
from tests.contract.entra import BOT_APP
from tests.contract.server import AzureContract
from tests.scenario.slow_file import SlowFile

pytestmark = [pytest.mark.azure, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

DAYS = ["2024-01-01", "2024-01-02", "2024-01-03"]


def parquet(seed: str) -> bytes:
    """Three rows that differ with the seed."""
    to = io.BytesIO()
    pq.write_table(pa.table({"seed": [seed] * 3, "day": DAYS}), to)
    return to.getvalue()


@dataclass(frozen=True)
class Kind:
    """A kind of data. choices: what is chosen in the form; shown: what the card says of it; engine: in its MLTable."""

    id: str
    file: str
    choices: tuple[tuple[str, str], ...]
    shown: str
    engine: str

    def content(self, seed: str) -> bytes:
        """A file of this kind, another one for each seed."""
        match self.id:
            case "csv":
                return f"seed,day\n{seed},{DAYS[0]}\n{seed},{DAYS[1]}\n{seed},{DAYS[2]}\n".encode()
            case "parquet":
                return parquet(seed)
            case "json":
                return "".join(f'{{"seed": "{seed}", "day": "{day}"}}\n' for day in DAYS).encode()
            case _:
                return f"\x89PNG {seed}".encode("latin-1")


KINDS = [
    Kind("file", "a.png", (("type", "file"),), "file", "type: mltable"),
    Kind("csv", "a.csv", (), "delimited by comma", "read_delimited"),
    Kind("parquet", "a.parquet", (("format", "parquet"),), "tabular, Parquet", "read_parquet"),
    Kind("json", "a.jsonl", (("format", "json_lines"),), "tabular, JSON lines", "read_json_lines"),
]


@dataclass(frozen=True)
class Place:
    """Where data lie. datastore: "" for the web."""

    id: str
    datastore: str
    account: str = BLOB


PLACES = [
    Place("key", "keyed"),
    Place("identity", "plain"),
    Place("sas", "signed"),
    Place("gen2", "lake", LAKE),
    Place("web", ""),
]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(
    azure_server: AzureContract, bot_environment: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FlowStage]:
    folder: Path = tmp_path_factory.mktemp("flows")
    async with flow_stage(azure_server, folder, workspace="ml-registering") as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def on(stage: FlowStage) -> AsyncIterator[FlowStage]:
    yield stage
    stage.azure.faults.clear()
    await stage.close_all()
    await stage.listen()


def put(on: FlowStage, place: Place, folder: str, kind: Kind, seed: str) -> dict[str, str]:
    """A file in its place, and what is typed into the form to mean it."""
    path = f"{folder}/{kind.file}"
    if not place.datastore:
        on.storage.put(place.account, PUBLIC, path, kind.content(seed))
        return {"urls": f"https://{BLOB_HOST}/{PUBLIC}/{path}"}
    on.storage.put(place.account, CONTAINER, path, kind.content(seed))
    return {"paths": path, "datastore": place.datastore}


def choices_of(place: Place, kind: Kind) -> dict[str, str]:
    """What is chosen in the form before anything is typed."""
    return dict(kind.choices) | ({} if place.datastore else {"source": "web"})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.id)
async def test_from_the_form_to_the_card(on: FlowStage, place: Place, kind: Kind) -> None:
    name = f"{place.id}-{kind.id}"
    typed = put(on, place, name, kind, name)
    more = {"description": f"Said of {name}", "tags": "team=web"}
    done = await on.register(on.ben, name, {**typed, **more}, choices_of(place, kind))
    card = await on.chiara.wait_message(CHANNEL, f"{name}:1", timeout=10)
    assert not card.ephemeral
    for said in ("<@U0BEN>", f"Said of {name}", "team=web", kind.shown, kind.file):
        assert said in card.shown
        assert said in done.shown or said == "<@U0BEN>"
    made = on.made(name)
    assert made is not None
    assert (made.description, made.tags["team"], len(made.versions)) == (f"Said of {name}", "web", 1)
    dataflow = made.versions[0].dataflow
    assert kind.engine in dataflow
    # The SDK writes the https address of a blob as one in its container.
    root = f"/datastores/{place.datastore}/paths" if place.datastore else f"wasbs://{PUBLIC}@{BLOB_HOST}"
    where = f"{root}/{name}/{kind.file}"
    assert where in dataflow
    assert [post.status for post in on.posts(name)] == [200]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.id)
async def test_a_new_version_and_the_same_data_again(on: FlowStage, place: Place) -> None:
    name, kind = f"next-{place.id}", KINDS[1]
    typed = put(on, place, name, kind, f"{name} one")
    await on.register(on.ben, name, {**typed, "description": "First words"}, choices_of(place, kind))
    await on.close_all()
    # Its name fills in all of the latest version; the data are the same, so there is nothing to register.
    view = await on.form(on.ben, name)
    assert "This will become version 2" in view.shown
    said = await on.refused(on.ben, view, {})
    assert f"registered already as {name}:1" in said
    await on.close_all()
    view = await on.form(on.ben, f"{name}-copy", choices_of(place, kind))
    assert f"registered already as {name}:1" in await on.refused(on.ben, view, typed)
    assert on.made(f"{name}-copy") is None
    await on.close_all()
    put(on, place, name, kind, f"{name} two")
    view = await on.form(on.ben, name)
    assert (await on.ben.submit(view, {}))["response_action"] == "push"
    await on.ben.wait_view("done", f"{name}:2", timeout=30)
    made = on.made(name)
    assert made is not None
    assert (made.description, len(made.versions)) == ("First words", 2)
    assert [post.status for post in on.posts(name)] == [200, 200]
    card = await on.chiara.wait_message(CHANNEL, f"{name}:2", timeout=10)
    assert "a new version" in card.shown


async def test_a_name_that_is_taken_stands_beside_its_field(on: FlowStage) -> None:
    kind, place = KINDS[1], PLACES[1]
    typed = put(on, place, "taken", kind, "taken")
    await on.register(on.ben, "taken", typed)
    await on.close_all()
    view = await on.form(on.chiara, "free")
    answer = await on.chiara.submit(view, {**put(on, place, "taken-2", kind, "other"), "name": "taken"})
    assert "exists already" in answer["errors"]["name"]
    assert on.versions("taken") == 1


async def test_a_name_taken_in_the_studio_meanwhile(on: FlowStage) -> None:
    """The copy does not know it yet, so Azure refuses it after the form was acknowledged."""
    typed = put(on, PLACES[1], "studio", KINDS[1], "studio")
    view = await on.form(on.chiara, "studio")
    on.azure.workspace.datasets.add("studio", "type: mltable\npaths:\n- file: https://data.example/x.csv\n")
    said = await on.refused(on.chiara, view, typed)
    assert "`studio` exists already, at version 1" in said
    view = await on.chiara.wait_view("register")
    assert (await on.chiara.submit(view, {**typed, "name": "not-in-studio"}))["response_action"] == "push"
    await on.chiara.wait_view("done", "not-in-studio:1", timeout=30)
    assert on.versions("studio") == 1


async def test_an_azure_open_dataset(on: FlowStage) -> None:
    on.storage.create_container("azureopendatastorage", "holidaydatacontainer", public=True)
    on.storage.put("azureopendatastorage", "holidaydatacontainer", "Processed/part.parquet", _holidays())
    view = await on.form(on.ben, "holidays", {"source": "open", "open_dataset": "public_holidays"})
    assert (await on.ben.submit(view, {}))["response_action"] == "push"
    done = await on.ben.wait_view("done", "holidays:1", timeout=30)
    assert "opendatasets=public_holidays" in done.shown
    await on.ben.close(done)
    await on.chiara.wait_message(CHANNEL, "holidays:1", timeout=10)
    view = await on.form(on.ben, "feast-days", {"source": "open", "open_dataset": "public_holidays"})
    assert "registered already as holidays:1" in await on.refused(on.ben, view, {})
    assert [post.status for post in on.posts("holidays")] == [200]
    # The public account is read by its address alone: the bot's identity is nobody's business there.
    asked = on.azure.log.find(host="azureopendatastorage.blob.core.windows.net")
    assert asked
    assert not any(entry.headers.get("Authorization") for entry in asked)


async def test_an_address_of_any_other_web_server(on: FlowStage) -> None:
    served = SlowFile(body=KINDS[1].content("elsewhere"))
    served.release.set()
    async with served.served():
        done = await on.register(on.ben, "elsewhere", {"urls": served.url}, {"source": "web"})
        assert served.url in done.shown
    made = on.made("elsewhere")
    assert made is not None
    assert served.url in made.versions[0].dataflow
    assert [post.status for post in on.posts("elsewhere")] == [200]


async def test_the_search_for_secrets_at_the_end_finds_what_is_planted(on: FlowStage) -> None:
    signature = parse_qs(on.sas)["sig"][0]
    token = next(filter(None, map(bearer_of, on.azure.log)))
    for secret in (on.storage.key(BLOB), BOT_APP.secret, signature, token):
        planted = on.folder / "planted.txt"
        planted.write_text(f"some words {secret} and more")
        found = on.leaks()
        planted.unlink()
        assert len(found) == 1
        assert found[0].endswith("in planted.txt")
        on.heard.slack.append(secret)
        found = on.leaks()
        on.heard.slack.remove(secret)
        assert len(found) == 1
        assert found[0].endswith("in Slack")


def _holidays() -> bytes:
    to = io.BytesIO()
    days = pa.array([0, 86_400_000], pa.timestamp("ms"))
    pq.write_table(pa.table({"countryOrRegion": ["Norway", "Sweden"], "date": days}), to)
    return to.getvalue()
