"""Registering datasets: what is refused, what is recorded, and that a repeated call changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from services.datasets.model import (
    ColumnType,
    DatasetQuery,
    DatasetType,
    DatasetVersion,
    DatastoreSource,
    Definition,
    FileFormat,
    Fingerprint,
    FingerprintState,
    NameCheck,
    VersionStats,
)
from services.errors import IdenticalData, InvalidInput, NameTaken, SourceProblem, UserError
from tests.datasets.world import ADA, ADMIN, BEN, World, files, memory_world, request, table
from tests.fakes.records import MemoryRecords


async def test_a_table_becomes_a_dataset(world: World) -> None:
    world.storage.write("sales/a.csv", "id,price\n1,2.5\n2,3.5\n")
    world.storage.write("sales/b.csv", "id,price\n3,4.5\n")
    made = await world.register(request(description="Tills", tags=(("team", "growth"),)))
    assert made.version.label == "sales:1"
    assert made.version.registered_by == ADA.user_id
    assert made.version.stats.row_count in {3, None}
    assert (made.version.stats.file_count, made.version.stats.total_bytes) == (2, 36)
    assert [(column.name, column.type) for column in made.version.stats.schema] == [
        ("id", ColumnType.INTEGER),
        ("price", ColumnType.DECIMAL),
    ]
    assert (made.dataset.owner, made.dataset.description) == (ADA.user_id, "Tills")
    assert [file.path for file in made.fingerprint.files] == ["sales/a.csv", "sales/b.csv"]
    assert len(world.steps) >= 3
    page = await world.service.search(DatasetQuery(words="tills"))
    assert [(item.name, item.owner, item.state) for item in page.items] == [
        ("sales", ADA.user_id, FingerprintState.UNCHANGED)
    ]


async def test_files_of_any_kind_become_a_file_dataset(world: World) -> None:
    world.storage.write("photos/a.png", "not really")
    made = await world.register(request("photos", files("photos/*.png")))
    assert (made.version.definition.type, made.version.stats.schema) == (DatasetType.FILE, ())


async def test_the_format_is_found_out_where_none_is_given(world: World) -> None:
    world.storage.write("sales/a.csv", "id;price\n1;2\n3;4\n")
    made = await world.register(request(definition=table("sales/*.csv", how=None)))
    how = made.version.definition.format
    assert how is not None
    assert (how.file_format, how.delimiter) == (FileFormat.DELIMITED, ";")


async def test_versions_count_up_and_keep_their_owner(world: World) -> None:
    world.storage.write("sales/a.csv", "id\n1\n")
    await world.register(request())
    world.storage.write("sales/b.csv", "id\n2\n")
    made = await world.register(request(by=BEN, new_version=True))
    assert made.version.label == "sales:2"
    assert (made.version.registered_by, made.dataset.owner) == (BEN.user_id, ADA.user_id)
    assert made.dataset.latest_version == 2


async def test_a_named_owner_gets_the_first_version(world: World) -> None:
    world.storage.write("sales/a.csv", "id\n1\n")
    made = await world.register(request(owner=BEN.user_id))
    assert made.dataset.owner == BEN.user_id


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, r"No file|[Nn]othing"), ("", "empty")],
)
async def test_what_cannot_be_used_is_told_before_anything_is_registered(
    world: World, content: str | None, message: str
) -> None:
    if content is not None:
        world.storage.write("sales/a.csv", content)
    with pytest.raises(SourceProblem, match=message):
        await world.register(request())
    assert (await world.service.check_name("sales")).exists is False
    assert (await world.service.search(DatasetQuery())).total == 0


async def test_a_timestamp_column_must_be_there_and_hold_dates(world: World) -> None:
    world.storage.write("sales/a.csv", "id,day\n1,2024-01-01\n2,2024-01-02\n")
    with pytest.raises(UserError, match="“dya”"):
        await world.register(request(definition=table("sales/*.csv", timestamp_column="dya")))
    with pytest.raises(UserError, match="“id”"):
        await world.register(request(definition=table("sales/*.csv", timestamp_column="id")))
    assert (await world.service.search(DatasetQuery())).total == 0
    made = await world.register(request(definition=table("sales/*.csv", timestamp_column="day")))
    assert made.version.definition.timestamp_column == "day"


async def test_a_taken_name_needs_a_new_version(world: World) -> None:
    world.storage.write("sales/a.csv", "id\n1\n")
    await world.register(request())
    world.storage.write("sales/b.csv", "id\n2\n")
    with pytest.raises(NameTaken):
        await world.register(request())
    (problem,) = await world.service.problems(request())
    assert problem.field == "name"
    assert "version 2" in problem.sentence
    assert await world.service.problems(request(new_version=True)) == ()


async def test_the_type_of_a_dataset_stays(world: World) -> None:
    world.storage.write("sales/a.csv", "id\n1\n")
    await world.register(request())
    wanted = request(definition=files("sales/*.csv"), new_version=True)
    assert [problem.field for problem in await world.service.problems(wanted)] == ["type"]
    with pytest.raises(InvalidInput, match="tabular"):
        await world.register(wanted)


async def test_identical_data_are_told_with_name_and_version(world: World) -> None:
    world.storage.write("sales/a.csv", "id\n1\n")
    await world.register(request())
    for again in (request(new_version=True), request("copy", table("sales/*.csv"))):
        with pytest.raises(IdenticalData) as error:
            await world.register(again)
        assert (error.value.name, error.value.version) == ("sales", 1)


async def test_a_repeated_registration_ends_in_the_same_version(world: World) -> None:
    world.storage.write("sales/a.csv", "id\n1\n")
    first = await world.register(request(), "job-1")
    again = await world.register(request(), "job-1")
    assert again.version == first.version
    assert again.dataset == first.dataset
    assert (await world.service.versions("sales")).total == 1


class _Stop(Exception):
    """The process ends."""


class StoppingRecords(MemoryRecords):
    """Records before whose calls the process ends, each once."""

    def __init__(self, *stops: str) -> None:
        super().__init__()
        self._stops = list(stops)

    def _maybe_stop(self, call: str) -> None:
        if self._stops and self._stops[0] == call:
            self._stops.pop(0)
            raise _Stop(call)

    async def set_owner(self, name: str, owner: str) -> None:
        self._maybe_stop("set_owner")
        await super().set_owner(name, owner)

    async def record_version(
        self, name: str, version: int, *, registered_by: str, fingerprint: Fingerprint, stats: VersionStats
    ) -> None:
        self._maybe_stop("record_version")
        await super().record_version(name, version, registered_by=registered_by, fingerprint=fingerprint, stats=stats)

    async def enrich_versions(self, versions: Sequence[DatasetVersion]) -> tuple[DatasetVersion, ...]:
        self._maybe_stop("enrich_versions")
        return await super().enrich_versions(versions)


@pytest.mark.parametrize(
    "stops",
    [
        ("record_version",),
        ("set_owner",),
        ("enrich_versions",),
        ("record_version", "set_owner", "enrich_versions"),
    ],
)
async def test_a_registration_killed_anywhere_ends_in_one_version_with_its_record(stops: tuple[str, ...]) -> None:
    async with memory_world(StoppingRecords(*stops)) as world:
        world.storage.write("sales/a.csv", "id\n1\n")
        for _ in stops:
            with pytest.raises(_Stop):
                await world.register(request(owner=BEN.user_id), "job-1")
        made = await world.register(request(owner=BEN.user_id), "job-1")
        assert made.version.label == "sales:1"
        assert (made.version.registered_by, made.version.stats.file_count) == (ADA.user_id, 1)
        assert made.dataset.owner == BEN.user_id
        assert (await world.service.versions("sales")).total == 1


@pytest.mark.parametrize("step", [0, 1, 2, 3])
async def test_a_registration_killed_at_any_step_can_be_repeated(world: World, step: int) -> None:
    world.storage.write("sales/a.csv", "id\n1\n")
    steps: list[str] = []

    async def progress(sentence: str) -> None:
        steps.append(sentence)
        if len(steps) == step + 1:
            raise _Stop(sentence)

    try:
        await world.service.register(request(), registration_id="job-1", progress=progress)
    except _Stop:
        assert len(steps) == step + 1
    made = await world.register(request(), "job-1")
    assert made.version.label == "sales:1"
    assert (await world.service.versions("sales")).total == 1


async def test_a_new_version_of_a_deprecated_dataset_stays_deprecated(world: World) -> None:
    world.storage.write("old/a.csv", "id\n1\n")
    world.storage.write("new/a.csv", "id\n2\n")
    await world.register(request("old"))
    await world.register(request("new"))
    await world.service.deprecate(ADMIN, "old", "new", "moved")
    world.storage.write("old/b.csv", "id\n3\n")
    made = await world.register(request("old", new_version=True, tags=(("team", "growth"),)))
    assert made.dataset.deprecation is not None
    assert made.dataset.deprecation.replaced_by == "new"
    assert dict(made.dataset.tags)["team"] == "growth"
    page = await world.service.search(DatasetQuery(deprecated=True))
    assert [item.name for item in page.items] == ["old"]


@pytest.mark.parametrize("name", ["", "two words", "-x", "<!channel>", "a" * 256, "sales:1"])
async def test_names_that_azure_refuses(world: World, name: str) -> None:
    check = await world.service.check_name(name)
    assert check.problem
    assert [problem.field for problem in await world.service.problems(request(name, table("sales/*.csv")))] == ["name"]
    with pytest.raises(InvalidInput):
        await world.register(request(name, table("sales/*.csv")))


async def test_check_name_tells_the_next_version(world: World) -> None:
    assert await world.service.check_name(" sales ") == NameCheck("sales", None, exists=False, next_version=1)
    world.storage.write("sales/a.csv", "id\n1\n")
    await world.register(request())
    assert await world.service.check_name("sales") == NameCheck(
        "sales", None, exists=True, next_version=2, type=DatasetType.TABULAR
    )


async def test_an_unknown_datastore_is_a_problem_of_its_field(world: World) -> None:
    definition = Definition(DatasetType.FILE, DatastoreSource("warehouse", ("a.csv",)))
    (problem,) = await world.service.problems(request(definition=definition))
    assert problem.field == "datastore"
    assert "warehouse" in problem.sentence


async def test_an_owner_cannot_be_replaced_by_a_registrar(world: World) -> None:
    world.storage.write("sales/a.csv", "id\n1\n")
    await world.register(request())
    again = request(by=BEN, owner=BEN.user_id, new_version=True)
    assert [problem.field for problem in await world.service.problems(again)] == ["owner"]
