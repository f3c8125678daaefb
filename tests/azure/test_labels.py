"""Labels of an Azure workspace: counted by the real engine, projects asked of Resource Manager."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.azure.labels import CLASSES_OF, AzureLabels
from services.azure.resource_manager import ResourceManager
from services.azure.sdk.labels import LABEL_PROPERTY, LabelColumn, counted, label_column, labels_in
from services.datasets.labels import LabelCount
from services.errors import NotAllowed, NotFound
from tests.azure import sdk_tasks
from tests.azure.peers import Peers, azure_peers
from tests.contract.permissions import Permission
from tests.contract.wire import Json
from tests.contract.workspace import LabelingJob

pytestmark = [pytest.mark.azure, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CSV = b"image_url,label\na.jpg,cat\nb.jpg,dog\nc.jpg,cat\nd.jpg,\n"
JSON_LINES = (
    'type: mltable\npaths:\n- file: "{url}"\ntransformations:\n- read_json_lines:\n    encoding: utf8\n'
    "    include_path_column: false\n    invalid_lines: error\n"
)
COLUMN: Json = {"Column": "label", "Type": "Classification"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Peers, AzureLabels]]:
    async with azure_peers(tmp_path_factory.mktemp("scratch")) as running:
        yield running, AzureLabels(running.workers, ResourceManager(running.http, running.tokens), running.workspace)


@pytest_asyncio.fixture(loop_scope="module")
async def azure(peers: tuple[Peers, AzureLabels]) -> tuple[Peers, AzureLabels]:
    peers[0].afresh()
    return peers


def exported(peers: Peers, name: str, properties: dict[str, Json]) -> None:
    """A dataset as a labelling project exports it, over a CSV behind an https address."""
    url = peers.contract.web.put("data.example", f"/{name}.csv", CSV)
    yaml = (
        f'type: mltable\npaths:\n- file: "{url}"\ntransformations:\n- read_delimited:\n    delimiter: ","\n'
        "    encoding: utf8\n    header: all_files_same_headers\n    include_path_column: false\n"
    )
    peers.contract.workspace.datasets.add(name, yaml, properties=properties)


@pytest.mark.parametrize("value", [COLUMN, json.dumps(COLUMN)], ids=["object", "text"])
async def test_labels_are_counted(azure: tuple[Peers, AzureLabels], value: Json) -> None:
    peers, labels = azure
    exported(peers, "pets", {LABEL_PROPERTY: value})
    found = await labels.counts("pets", 1)
    assert found is not None
    assert (found.column, found.kind, found.labelled, found.unlabelled) == ("label", "Classification", 3, 1)
    assert found.counts == (LabelCount("cat", 2), LabelCount("dog", 1))


async def test_lists_of_labels_and_boxes_under_any_name(azure: tuple[Peers, AzureLabels]) -> None:
    peers, labels = azure
    rows = b'{"image_url": "a", "label": ["cat", "dog"]}\n{"image_url": "b", "label": ["cat"]}\n{"image_url": "c"}\n'
    boxes = b'{"label": [{"label": "car", "topX": 0.5}, {"label": "car", "topX": 0.7}]}\n{"label": []}\n'
    for name, body in (("pets & more, № 1", rows), ("a+b&c=d?e#f%20g", boxes)):
        url = peers.contract.web.put("data.example", f"/{len(name)}.jsonl", body)
        peers.contract.workspace.datasets.add(name, JSON_LINES.format(url=url), properties={LABEL_PROPERTY: COLUMN})
    several = await labels.counts("pets & more, № 1", 1)
    assert several is not None
    assert (several.counts, several.labelled, several.unlabelled) == (
        (LabelCount("cat", 2), LabelCount("dog", 1)),
        2,
        1,
    )
    found = await labels.counts("a+b&c=d?e#f%20g", 1)
    assert found is not None
    assert (found.counts, found.labelled, found.unlabelled) == ((LabelCount("car", 1),), 1, 1)


async def test_counting_loads_no_pandas_which_the_sdk_does_not_ask_for(azure: tuple[Peers, AzureLabels]) -> None:
    peers, labels = azure
    exported(peers, "pets", {LABEL_PROPERTY: COLUMN})
    assert await labels.counts("pets", 1) is not None
    assert not await peers.workers.run("", sdk_tasks.has_loaded, "pandas")
    assert await peers.workers.run("", sdk_tasks.has_loaded, "azureml.dataprep.rslex")


async def test_other_datasets_have_none_and_are_not_read(azure: tuple[Peers, AzureLabels]) -> None:
    peers, labels = azure
    exported(peers, "sales", {})
    assert await labels.counts("sales", 1) is None
    assert peers.contract.log.find(host="data.example") == []
    with pytest.raises(NotFound):
        await labels.counts("nothing", 1)


async def test_projects_and_how_far_they_are(azure: tuple[Peers, AzureLabels]) -> None:
    peers, labels = azure
    jobs = [LabelingJob(f"p{n}", f"Project {n}", 100, n, 1, ("cat", "dog")) for n in range(CLASSES_OF + 2)]
    peers.contract.workspace.labeling_jobs.extend(jobs)
    found = await labels.projects()
    assert [(each.id, each.name, each.completed, each.open) for each in found][3] == ("p3", "Project 3", 3, 96)
    assert [bool(each.classes) for each in found] == [True] * CLASSES_OF + [False, False]
    assert found[0].classes == ("cat", "dog")


async def test_a_missing_right_is_named(azure: tuple[Peers, AzureLabels]) -> None:
    peers, labels = azure
    peers.contract.permissions.only(Permission(("Microsoft.MachineLearningServices/workspaces/read",)))
    with pytest.raises(NotAllowed, match=r"labeling/projects/read.*AzureML Data Scientist"):
        await labels.projects()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("cat", {"cat"}),
        (" cat ", {"cat"}),
        (3, {"3"}),
        (True, {"True"}),
        (None, set()),
        (float("nan"), set()),
        ("", set()),
        ([], set()),
        (["cat", "dog", "cat"], {"cat", "dog"}),
        ('["cat", "dog"]', {"cat", "dog"}),
        ("[not json", {"[not json"}),
        ([{"label": "cat", "topX": 0.1}, {"label": "cat", "topX": 0.7}], {"cat"}),
        ({"topX": 1}, set()),
    ],
)
async def test_labels_in_a_row(value: object, expected: set[str]) -> None:
    assert labels_in(value) == expected


async def test_a_row_with_several_labels_counts_for_each() -> None:
    found = counted(LabelColumn("label", ""), [["a", "b"], ["b"], [], None])
    assert found.counts == (LabelCount("b", 2), LabelCount("a", 1))
    assert (found.labelled, found.unlabelled, found.total) == (2, 2, 4)


@pytest.mark.parametrize("properties", [{}, {LABEL_PROPERTY: "no json"}, {LABEL_PROPERTY: {}}, {LABEL_PROPERTY: "[1]"}])
async def test_properties_that_name_no_label_column(properties: dict[str, object]) -> None:
    assert label_column(properties) is None
