"""Formats, globs and partitions of blobs; what a folder would give, blobs give too."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.datasets.model import Column, ColumnType, DatasetType, Definition
from services.drift.settings import EVERY, CompareSettings, Metric
from services.errors import InvalidInput, SourceProblem
from services.reading import work
from services.reading.limits import DEFAULT_LIMITS
from tests.azure.storage.world import HOST, World, source, tabular
from tests.reading.places import JSON_LINES, PARQUET, delimited, place, write

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.azure]


def parquet(rows: int, *, group: int | None = None, start: int = 0) -> bytes:
    table = pa.table(
        {
            "id": pa.array(range(start, start + rows), pa.int64()),
            "name": [f"row {index}" for index in range(start, start + rows)],
            "value": [index / 7 for index in range(start, start + rows)],
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=group or rows)
    return sink.getvalue()


FILES: dict[str, bytes | str] = {
    "y/2013/01/a.csv": "k,v\n1,x\n2,y\n",
    "y/2013/02/a.csv": "k,v\n3,x\n",
    "y/2014/01/a.csv": "k,v\n4,z\n",
    "y/2014/01/_SUCCESS": "",
    "y/part-10.csv": "k,v\n10,x\n",
    "y/part-2.csv": "k,v\n2,x\n",
    "lines/a.jsonl": '{"k": 1, "v": {"deep": [1, 2]}}\n{"k": 2}\n',
    "lines/b.jsonl.gz": gzip.compress(b'{"k": 3, "v": null}\n'),
    "p/a.parquet": parquet(30_000, group=7_000),
    "p/b.parquet": parquet(10, start=30_000),
    "enc/latin.csv": "name;wert\nJürgen;1,5\n".encode("latin-1"),
    "enc/utf16.csv": "a\tb\n1\tü\n".encode("utf-16"),
    "odd/it's [1] 100%+&#ü.csv": "a\n1\n",
    "odd/it's [1] sub/b.csv": "a\n2\n",
    ".hidden/x.csv": "a\n1\n",
}


@pytest.fixture
def both(world: World, tmp_path: Path) -> Path:
    """The same files in a datastore and in a folder."""
    world.with_files(FILES)
    for name, content in FILES.items():
        write(tmp_path, name, content)
    return tmp_path


@pytest.mark.parametrize(
    "pattern",
    [
        "**",
        "/",
        "y",
        "y/",
        "y/*.csv",
        "y/**/*.csv",
        "y/**",
        "y/201?/01/*.csv",
        "y/201[!3]/**/a.csv",
        "y/*/01",
        "**/a.csv",
        "**/01/*",
        "*/*.parquet",
        "*",
        "y/part-10.csv",
        "y/nothing*",
        "odd/it's ?1] 100%+&#ü.csv",
        "odd/*",
        ".hidden/*",
        "*/x.csv",
    ],
)
async def test_a_glob_matches_what_it_matches_in_a_folder(world: World, both: Path, pattern: str) -> None:
    local = work.list_place(place(both, pattern), 100, DEFAULT_LIMITS)
    assert await world.reader.list_files(source(pattern)) == local


@pytest.mark.parametrize(
    "definition",
    [
        tabular("y/201?/**/*.csv"),
        tabular("y/201?/**/*.csv", partition="/{year}/{month}/a.csv"),
        tabular("y/201?/**/*.csv", partition="/{when:yyyy/MM}/a.csv"),
        tabular("y/*.csv"),
        tabular("lines/*", format=JSON_LINES),
        tabular("p/*.parquet", format=PARQUET),
        tabular("p/a.parquet", "p/b.parquet", format=PARQUET),
        tabular("enc/latin.csv", format=delimited(";", encoding="latin-1")),
        tabular("enc/utf16.csv", format=delimited("\t", encoding="utf-16")),
        Definition(DatasetType.FILE, source("y")),
    ],
)
async def test_a_dataset_reads_as_it_does_from_a_folder(world: World, both: Path, definition: Definition) -> None:
    here = place(both, *definition.source.paths)  # type: ignore[union-attr]  # they are all datastore sources
    seen = await world.reader.inspect(definition)
    assert seen == work.inspect(definition, here, 10, False, DEFAULT_LIMITS)
    if definition.type is DatasetType.TABULAR:
        shown = await world.reader.preview(definition, rows=5, profile_rows=1_000)
        assert shown == work.preview(definition, here, 5, 1_000, DEFAULT_LIMITS)


async def test_blobs_are_profiled_where_they_are(world: World) -> None:
    world.with_files({"old.parquet": parquet(2_000), "new.parquet": parquet(2_000, start=2_000)})
    before = await world.reader.profile(tabular("old.parquet", format=PARQUET), name="old")
    after = await world.reader.profile(tabular("new.parquet", format=PARQUET), plan=before, name="new")
    found = await world.reader.compare(before, after, CompareSettings(metrics={EVERY: Metric.JENSEN_SHANNON}))
    assert {column.name: column.value for column in found.columns}["id"] == pytest.approx(0.81, abs=0.2)
    assert (found.dataset.baseline_rows, found.dataset.target_rows) == (2_000, 2_000)
    again = await world.reader.profile(tabular("old.parquet", format=PARQUET), plan=before)
    same = await world.reader.compare(before, again, CompareSettings(metrics={EVERY: Metric.JENSEN_SHANNON}))
    assert {column.value for column in same.columns} == {0.0}


async def test_partition_columns_have_types(world: World) -> None:
    world.with_files({"s/bonn/2013/05/x.csv": "a\n1\n", "s/kiel/2014/06/x.csv": "a\n2\n"})
    seen = await world.reader.inspect(tabular("s/**/x.csv", partition="/{city}/{month:yyyy/MM}/x.csv"))
    assert [(column.name, column.type) for column in seen.schema] == [
        ("a", ColumnType.INTEGER),
        ("city", ColumnType.STRING),
        ("month", ColumnType.DATETIME),
    ]
    assert seen.rows == (("1", "bonn", "2013-05-01"), ("2", "kiel", "2014-06-01"))
    with pytest.raises(SourceProblem) as mismatch:
        await world.reader.inspect(tabular("s/**/x.csv", partition="/{city}/{year}/y.csv"))
    assert mismatch.value.code == "partition_mismatch"


async def test_folders_of_hierarchical_accounts_are_not_files(world: World) -> None:
    name = world.container({"flights/2013/a.csv": "a\n1\n"})
    world.folder(name, "flights")
    world.folder(name, "flights/2013")
    world.datastore(name, "lake")
    listing = await world.reader.list_files(source("**"))
    assert listing.names == ("flights/2013/a.csv",)
    assert (await world.reader.list_files(source("flights"))).file_count == 1


async def test_a_listing_asks_for_no_more_than_the_literal_part(world: World) -> None:
    world.with_files({f"y/{year}/m{month}/a.csv": "a\n" for year in (2013, 2014) for month in (1, 2)})
    await world.reader.list_files(source("y/2013/m*/a.csv"))
    (asked,) = [entry for entry in world.azure.log.find(host=HOST) if "comp=list" in entry.query]
    assert "prefix=y%2F2013%2Fm&" in f"{asked.query}&" or "prefix=y/2013/m&" in f"{asked.query}&"


async def test_listings_stop_at_a_cap_and_come_in_natural_order(world: World) -> None:
    world.with_files({f"p{number}.csv": "a\n" for number in range(1, 13)})
    listing = await world.reader.list_files(source("*.csv"))
    assert listing.names == tuple(f"p{number}.csv" for number in range(1, 13))
    assert not listing.truncated
    few = await world.reader.list_files(source("*.csv"), limit=5)
    assert (few.file_count, few.truncated) == (5, True)


async def test_paths_that_cannot_be(world: World) -> None:
    world.with_files({"a.csv": "a\n1\n"})
    with pytest.raises(InvalidInput, match="leaves the datastore"):
        await world.reader.list_files(source("../a.csv"))


async def test_schema_of_parquet_without_reading_it_all(world: World) -> None:
    content = parquet(400_000, group=50_000)
    world.with_files({"big.parquet": content})
    seen = await world.reader.inspect(tabular("big.parquet", format=PARQUET))
    assert seen.schema[0] == Column("id", ColumnType.INTEGER)
    assert seen.row_count == 400_000
    ranges = [entry.headers.get("Range") for entry in world.azure.log.find(host=HOST) if entry.headers.get("Range")]
    read = sum(int(last) - int(first) + 1 for first, last in (text[6:].split("-") for text in ranges))
    assert read <= len(content)
    assert len(ranges) < 60
