"""What is told of labels, and rows in Azure that only people with known access see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from services.datasets.labels import LabelCount, LabelCounts, LabelingProject, belongs
from services.datasets.model import Dataset, DatasetType
from services.datasets.workspace import WorkspaceFacts
from services.errors import NotAllowed, Unavailable, UserError
from tests.datasets.samples import NOON
from tests.datasets.world import ADA, ADMIN, World, memory_world, request, table

AZURE = WorkspaceFacts("ml", "22222222-aaaa-4bbb-8ccc-000000000001", "ml-group")
COUNTS = LabelCounts("label", "Classification", (LabelCount("cat", 3), LabelCount("dog", 1)), 4, 2)
CATS = LabelingProject("p1", "Cat photos", "Running", 10, 4, 1)
BIRDS = LabelingProject("p2", "Birds", "Paused", 5, 5, 1)


@dataclass
class MemoryLabels:
    """`Labels` that hold what they are given; refusing: raised instead."""

    labelled: dict[str, LabelCounts] = field(default_factory=dict)
    known: tuple[LabelingProject, ...] = (CATS, BIRDS)
    refusing: UserError | None = None

    async def counts(self, name: str, version: int) -> LabelCounts | None:
        return self.labelled.get(f"{name}:{version}")

    async def projects(self) -> tuple[LabelingProject, ...]:
        if self.refusing is not None:
            raise self.refusing
        return self.known


@pytest.fixture
def labels() -> MemoryLabels:
    return MemoryLabels({"cat-photos-2026:1": COUNTS})


@pytest.fixture
async def azure(labels: MemoryLabels) -> AsyncIterator[World]:
    """A workspace in Azure with one dataset."""
    async with memory_world(workspace=AZURE, labels=labels) as made:
        made.storage.write("cat-photos-2026/a.csv", "image_url,label\nx,cat\n")
        await made.register(request("cat-photos-2026"))
        yield made


async def test_counts_and_the_project_that_it_was_exported_from(azure: World) -> None:
    found = await azure.service.labels("cat-photos-2026")
    assert (found.label, found.counts) == ("cat-photos-2026:1", COUNTS)
    assert (found.projects, found.elsewhere, found.note) == ((CATS,), (), "")
    assert COUNTS.total == 6


async def test_without_a_likely_project_all_are_told(azure: World) -> None:
    azure.storage.write("sales/a.csv", "id\n1\n")
    await azure.register(request("sales"))
    found = await azure.service.labels("sales")
    assert (found.counts, found.projects, found.elsewhere) == (None, (), (CATS, BIRDS))


async def test_what_cannot_be_asked_is_said_and_the_rest_stands(azure: World, labels: MemoryLabels) -> None:
    labels.refusing = Unavailable("Azure does not answer.")
    found = await azure.service.labels("cat-photos-2026")
    assert found.counts == COUNTS
    assert found.note == "Labelling projects could not be asked. Azure does not answer."


async def test_a_local_workspace_has_none() -> None:
    async with memory_world() as local:
        local.storage.write("sales/a.csv", "id\n1\n")
        await local.register(request("sales"))
        found = await local.service.labels("sales")
        assert (found.counts, found.projects, found.elsewhere) == (None, (), ())
        assert "no labelling projects" in found.note


def test_open_data_points_are_never_negative() -> None:
    assert (CATS.open, BIRDS.open) == (5, 0)


@pytest.mark.parametrize(
    ("name", "tags", "expected"),
    [
        ("cat_photos_20261122", (), True),
        ("CatPhotos", (), True),
        ("photos-of-cats", (), False),
        ("export", (("project", "p1"),), True),
        ("export", (("project", "p2"),), False),
    ],
)
def test_belongs(name: str, tags: tuple[tuple[str, str], ...], expected: bool) -> None:
    dataset = Dataset(name, DatasetType.TABULAR, "", tags, "", 1, NOON, NOON)
    assert belongs(CATS, dataset) is expected
    assert not belongs(replace(CATS, name="", id="p9"), dataset)


async def test_preview_in_azure_says_what_to_ask_for(azure: World) -> None:
    with pytest.raises(NotAllowed, match=r"No role of yours covers this data.*AzureML Data Scientist"):
        await azure.service.preview(ADA, "cat-photos-2026")
    assert len((await azure.service.preview(ADMIN, "cat-photos-2026")).rows) == 1


async def test_a_look_before_registering_shows_rows_to_admins_only(azure: World) -> None:
    source = table("cat-photos-2026/*.csv")
    for actor, rows in ((ADA, 0), (None, 0), (ADMIN, 1)):
        found = await azure.service.inspect(source, actor=actor)
        assert (len(found.rows), len(found.schema)) == (rows, 2)
