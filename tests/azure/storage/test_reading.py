"""Datastores read straight from storage, by every kind of credential and in every format."""

from __future__ import annotations

import asyncio

import pytest

from services.datasets.model import DatasetType, DatastoreSource, Definition
from services.errors import NotFound, SourceProblem
from services.ports import DataReader
from tests.azure.storage.world import ACCOUNT, HOST, World, source, tabular
from tests.contract.entra import BOT_APP
from tests.reading.places import JSON_LINES

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.azure]
ROWS = "city,year,price\nBonn,2013,1.5\nKiel,2014,2.5\n"


@pytest.mark.parametrize("access", ["identity", "key", "sas", "lake", "principal"])
async def test_every_kind_of_credential(world: World, access: str) -> None:
    world.with_files({"a/1.csv": ROWS, "a/2.csv": ROWS, "b/3.csv": ROWS}, access)
    listing = await world.reader.list_files(source("a/*.csv"))
    assert (listing.file_count, listing.total_bytes, listing.names) == (2, 2 * len(ROWS), ("a/1.csv", "a/2.csv"))
    seen = await world.reader.inspect(tabular("**/*.csv"), sample_rows=1)
    assert (seen.rows, seen.row_count) == ((("Bonn", "2013", "1.5"),), 6)
    as_port: DataReader = world.reader
    assert as_port is world.reader


async def test_formats_are_guessed(world: World) -> None:
    world.with_files({"a.csv": "x;y\n1;2\n", "b.jsonl": '{"x": 1}\n{"x": 2}\n'})
    csv = await world.reader.inspect(tabular("a.csv", format=None), guess=True)
    assert csv.format is not None
    assert csv.format.delimiter == ";"
    lines = await world.reader.preview(tabular("b.jsonl", format=JSON_LINES))
    assert lines.rows == (("1",), ("2",))
    assert lines.profile[0].mean == 1.5
    files = await world.reader.preview(Definition(DatasetType.FILE, source("**")))
    assert [stamp.path for stamp in files.files] == ["a.csv", "b.jsonl"]


async def test_problems_have_the_nearest_thing(world: World) -> None:
    world.with_files({"flights/2013.csv": ROWS, "readme.txt": "hello"})
    with pytest.raises(SourceProblem, match=r"flights/2014\.csv” matches nothing .*folder “flights” has “2013\.csv”"):
        await world.reader.inspect(tabular("flights/2014.csv"))
    with pytest.raises(NotFound, match="no datastore “other”") as missing:
        await world.reader.list_files(DatastoreSource("other", ("*",)))
    assert missing.value.kind == "datastore"


@pytest.mark.parametrize("access", ["key", "sas", "principal"])
async def test_secrets_go_only_where_they_belong(world: World, access: str) -> None:
    world.with_files({"a.csv": ROWS}, access)
    await world.reader.inspect(tabular("a.csv"))
    log, key = world.azure.log, world.storage.key(ACCOUNT)
    assert log.find("GET", host=HOST)
    assert not log.places_of(key)
    assert not log.places_of("sig=", allowed=lambda entry: entry.host == HOST)
    assert not log.places_of(BOT_APP.secret, allowed=lambda entry: entry.path.endswith("/token"))
    assert {entry.method for entry in log.find(host=HOST)} == {"GET"}


async def test_the_readers_get_ready_in_the_background(world: World) -> None:
    world.reader.warm()
    async with asyncio.timeout(60):
        while not world.reader.is_warm:  # noqa: ASYNC110 - a property of the pool, with nothing to wait on
            await asyncio.sleep(0.05)
    assert not list(world.azure.log)
