"""The catalogue on an Azure workspace, through the real SDK in worker processes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from services.azure.sdk import datasets as sdk
from services.datasets.model import (
    ColumnType,
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    Format,
    HeaderMode,
    WebSource,
)
from services.errors import IdenticalData, InvalidInput, NameTaken, NotFound
from tests.azure.catalog_world import CSV, FILES, AzureWorld, fingerprint, request

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]


async def test_a_registered_dataset_is_shown_listed_and_indexed(world: AzureWorld) -> None:
    made = await world.catalog.register(request(), fingerprint(), registration_id="r1")
    assert (made.label, made.definition, made.description, made.tags) == (
        "sales:1",
        CSV,
        "All sales",
        (("team", "web"),),
    )
    dataset = await world.catalog.get("sales")
    assert (dataset.type, dataset.description, dataset.tags, dataset.latest_version) == (
        DatasetType.TABULAR,
        "All sales",
        (("team", "web"),),
        1,
    )
    assert await world.catalog.version("sales") == made
    assert await world.catalog.versions("sales") == (made,)
    entries, cursor = await world.catalog.changes("")
    assert [(entry.name, entry.latest_version, entry.tags) for entry in entries] == [("sales", 1, (("team", "web"),))]
    assert await world.catalog.changes(cursor) == ((), cursor)
    assert await world.catalog.resolve_names("SA") == ("sales",)
    assert len(world.registrations()) == 1


async def test_what_was_registered_elsewhere_is_read_as_well(world: AzureWorld) -> None:
    yaml = (
        "type: mltable\npaths:\n- pattern: 'azureml://datastores/main/paths/b%20dir/*.parquet'\n"
        "transformations:\n- read_parquet:\n    include_path_column: false\n"
    )
    world.azure.workspace.datasets.add("theirs", yaml, tags={"by": "studio"}, description="Made in the studio")
    found = await world.catalog.version("theirs")
    assert found.definition == Definition(
        DatasetType.TABULAR, DatastoreSource("main", ("b dir/*.parquet",)), Format(FileFormat.PARQUET)
    )
    assert (found.description, found.tags) == ("Made in the studio", (("by", "studio"),))


async def test_a_new_version_of_the_same_paths_with_other_data(world: AzureWorld) -> None:
    await world.catalog.register(request(), fingerprint("monday"), registration_id="r1")
    second = await world.catalog.register(
        request(description="More", tags=(("team", "risk"),), new_version=True),
        fingerprint("tuesday"),
        registration_id="r2",
    )
    assert second.version == 2
    versions = await world.catalog.versions("sales")
    assert [(each.version, each.description, each.tags) for each in versions] == [
        (2, "More", (("team", "risk"),)),
        (1, "All sales", (("team", "web"),)),
    ]
    assert await world.catalog.versions("sales", offset=1, limit=1) == (versions[1],)
    assert (await world.catalog.get("sales")).latest_version == 2


async def test_identical_data_are_refused_under_any_name(world: AzureWorld) -> None:
    await world.catalog.register(request(), fingerprint(), registration_id="r1")
    for wanted in (request(new_version=True), request("sales_copy")):
        with pytest.raises(IdenticalData, match="sales:1") as caught:
            await world.catalog.register(wanted, fingerprint(), registration_id="r2")
        assert (caught.value.name, caught.value.version) == ("sales", 1)
    assert await world.catalog.find_identical(CSV, fingerprint()) == ("sales", 1)
    assert await world.catalog.find_identical(CSV, fingerprint("other")) is None
    assert len(world.registrations()) == 1


async def test_identical_data_of_a_dataset_that_was_unregistered_may_be_registered_again(world: AzureWorld) -> None:
    await world.catalog.register(request(), fingerprint(), registration_id="r1")
    world.azure.workspace.datasets.remove("sales")
    made = await world.catalog.register(request("again"), fingerprint(), registration_id="r2")
    assert made.label == "again:1"


async def test_a_name_that_is_taken_and_a_type_that_is_fixed(world: AzureWorld) -> None:
    await world.catalog.register(request(), fingerprint(), registration_id="r1")
    with pytest.raises(NameTaken, match="at version 1") as taken:
        await world.catalog.register(request(), fingerprint("other"), registration_id="r2")
    assert taken.value.field == "name"
    with pytest.raises(InvalidInput, match="is a Tabular dataset") as fixed:
        await world.catalog.register(
            request(definition=FILES, new_version=True), fingerprint("other"), registration_id="r3"
        )
    assert fixed.value.code == "type_is_fixed"
    assert len(world.registrations()) == 1


async def test_unknown_names_and_versions(world: AzureWorld) -> None:
    for ask in (world.catalog.get("none"), world.catalog.version("none"), world.catalog.versions("none")):
        with pytest.raises(NotFound, match="no dataset called “none”"):
            await ask
    with pytest.raises(NotFound, match="no dataset called “none”"):
        await world.catalog.set_description("none", "x")
    await world.catalog.register(request(), fingerprint(), registration_id="r1")
    for number in (0, 2, -1):
        with pytest.raises(NotFound, match="its latest is 1"):
            await world.catalog.version("sales", number)


async def test_tags_and_description_change_and_nothing_else(world: AzureWorld) -> None:
    before = await world.catalog.register(request(), fingerprint(), registration_id="r1")
    changed = await world.catalog.change_tags("sales", put=[("a", "1"), ("team", "ops")], remove=["none"])
    assert changed.tags == (("a", "1"), ("team", "ops"))
    changed = await world.catalog.change_tags("sales", put=[("a", "2")], remove=["a", "team"])
    assert changed.tags == (("a", "2"),)
    described = await world.catalog.set_description("sales", "")
    assert (described.description, described.tags) == ("", (("a", "2"),))
    assert (await world.catalog.version("sales")).definition == before.definition
    stored = world.azure.workspace.datasets.get("sales")
    assert stored is not None
    assert len(stored.versions) == 1
    entries, _ = await world.catalog.changes("")
    assert [(entry.description, entry.tags) for entry in entries] == [("", (("a", "2"),))]


DEFINITIONS = [
    replace(CSV, partition_format="/{region}/{when:yyyy/MM/dd}/data.csv"),
    replace(CSV, timestamp_column="when", column_types=(("when", ColumnType.DATETIME), ("n", ColumnType.INTEGER))),
    replace(
        CSV,
        source=DatastoreSource("main", ("a b/#1.txt", "ü/*.txt")),
        format=Format(FileFormat.DELIMITED, delimiter=";", header=HeaderMode.FIRST_FILE_ONLY, encoding="cp1252"),
        column_types=(
            ("s", ColumnType.STRING),
            ("d", ColumnType.DECIMAL),
            ("b", ColumnType.BOOLEAN),
        ),
    ),
    replace(CSV, format=Format(FileFormat.DELIMITED, delimiter="\t", header=HeaderMode.NONE, encoding="utf-16")),
    replace(CSV, source=DatastoreSource("main", ("x/*.parquet",)), format=Format(FileFormat.PARQUET)),
    replace(CSV, source=DatastoreSource("main", ("x/*.jsonl",)), format=Format(FileFormat.JSON_LINES)),
    replace(CSV, source=WebSource(("https://example.org/a.csv", "https://example.org/b.csv"))),
    FILES,
    replace(FILES, partition_format="/{label}/{name}.png"),
]


@pytest.mark.parametrize("definition", DEFINITIONS)
async def test_every_kind_of_definition_comes_back_as_it_was(world: AzureWorld, definition: Definition) -> None:
    await world.catalog.register(request(definition=definition), fingerprint(), registration_id="r1")
    found = await world.workers.run("sales", sdk.get, "sales", None)
    assert found.version.definition == definition


async def test_a_definition_that_only_azures_engine_reads_is_kept_whole(world: AzureWorld) -> None:
    yaml = (
        "type: mltable\npaths:\n- folder: 'azureml://datastores/main/paths/x/'\ntransformations:\n"
        "- read_delimited:\n    delimiter: ';'\n- filter: 'col(\"a\") > 3'\n- take: 10\n"
    )
    world.azure.workspace.datasets.add("theirs", yaml)
    definition = (await world.catalog.version("theirs")).definition
    assert definition.mltable == yaml
    assert definition.source == DatastoreSource("main", ("x/**",))
    assert definition.format is not None
    assert definition.format.delimiter == ";"


async def test_an_encoding_that_azure_does_not_read_is_told_before_anything_is_sent(world: AzureWorld) -> None:
    definition = replace(CSV, format=Format(FileFormat.DELIMITED, encoding="utf-32"))
    with pytest.raises(InvalidInput, match="does not read files in utf-32"):
        await world.catalog.register(request(definition=definition), fingerprint(), registration_id="r1")
    assert world.registrations() == []


@pytest.mark.parametrize("order", ["oldest", "newest"])
async def test_versions_come_newest_first_in_whatever_order_azure_lists_them(world: AzureWorld, order: str) -> None:
    store = world.azure.workspace.datasets
    store.definitions_order = "oldest" if order == "oldest" else "newest"
    yaml = (
        "type: mltable\npaths:\n- pattern: 'azureml://datastores/main/paths/{}/*.parquet'\n"
        "transformations:\n- read_parquet:\n    include_path_column: false\n"
    )
    for number in range(1, 251):
        store.add("many", yaml.format(number))
    page = await world.catalog.versions("many", offset=40, limit=20)
    assert [each.version for each in page] == list(range(210, 190, -1))
    assert page[0].definition.source == DatastoreSource("main", ("210/*.parquet",))
    asked = len(world.azure.log)
    assert (await world.catalog.versions("many", offset=40, limit=20)) == page
    assert len(world.azure.log) == asked + 1, "versions seen once are not fetched again"


async def test_a_name_used_again_after_unregistering_begins_at_version_one(world: AzureWorld) -> None:
    await world.catalog.register(request(), fingerprint("old"), registration_id="r1")
    world.azure.workspace.datasets.remove("sales")
    with pytest.raises(NotFound):
        await world.catalog.get("sales")
    entries, cursor = await world.catalog.changes("")
    assert [(entry.name, entry.latest_version) for entry in entries] == [("sales", 0)]
    made = await world.catalog.register(request(definition=FILES), fingerprint("new"), registration_id="r2")
    assert (made.version, made.definition) == (1, FILES)
    assert await world.catalog.version("sales", 1) == made
    entries, _ = await world.catalog.changes(cursor)
    assert [(entry.name, entry.latest_version) for entry in entries] == [("sales", 1)]


async def test_who_asks_at_the_same_time_shares_one_call(world: AzureWorld) -> None:
    await world.catalog.register(request(), fingerprint(), registration_id="r1")
    world.azure.faults.latency(0.3)
    asked = len(world.azure.log)
    giving_up = asyncio.create_task(world.catalog.get("sales"))
    await asyncio.sleep(0.1)
    waiting = [asyncio.create_task(world.catalog.get("sales")) for _ in range(5)]
    await asyncio.sleep(0)
    giving_up.cancel()
    assert {each.latest_version for each in await asyncio.gather(*waiting)} == {1}
    assert len(world.azure.log) == asked + 1
    old = asyncio.create_task(world.catalog.get("sales"))
    await asyncio.sleep(0.05)
    await world.catalog.change_tags("sales", put=[("new", "1")], remove=[])
    assert ("new", "1") in (await world.catalog.get("sales")).tags
    await old


async def test_the_studio_page_of_a_version(world: AzureWorld) -> None:
    url = world.catalog.studio_url("a b", 3)
    where = world.azure.workspace
    assert url == (
        "https://ml.azure.com/data/a%20b/3/details?wsid="
        f"/subscriptions/{where.subscription_id}/resourceGroups/{where.resource_group}/workspaces/{where.name}"
    )


async def test_names_with_spaces_and_slashes(world: AzureWorld) -> None:
    yaml = "type: mltable\npaths:\n- file: https://example.org/a.png\n"
    for name in ("diabetes dataset", "ümlaut", "a+b&c=d?e#f%20g"):
        world.azure.workspace.datasets.add(name, yaml, kind="file")
        assert (await world.catalog.get(name)).name == name
        assert (await world.catalog.change_tags(name, put=[("k", name)], remove=[])).tags == (("k", name),)


async def test_what_is_sent_is_what_the_sdk_sends(world: AzureWorld) -> None:
    await world.catalog.register(request(), fingerprint(), registration_id="r1")
    (sent,) = world.registrations()
    body = json.loads(sent.text)
    assert set(body) == {"name", "datasetType", "latest", "description", "tags", "isVisible"}
    assert body["latest"]["properties"] == {
        sdk.REGISTRATION_PROPERTY: "r1",
        sdk.DIGEST_PROPERTY: body["latest"]["properties"][sdk.DIGEST_PROPERTY],
    }
    assert "ifExistsOk=false" in sent.query
