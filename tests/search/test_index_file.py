"""The index file: kept, resumed, and thrown away when it is of no use."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from services.datasets.model import DatasetMark, DatasetQuery, DatasetSummary
from services.errors import Unavailable
from services.search.index import SqliteIndex
from tests.fakes.big_catalog import BigCatalog, BigRecords, big_name
from tests.fakes.clock import ManualClock
from tests.search.conftest import Feed, entry


class Workspace:
    """Feeds and a file, from which an index can be opened again and again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.catalog = Feed[DatasetSummary]([entry("sales"), entry("weather")])
        self.records = Feed[DatasetMark]()
        self.clock = ManualClock()

    async def opened(self, belongs_to: str = "") -> SqliteIndex:
        index = SqliteIndex(self.path, self.catalog, self.records, clock=self.clock, belongs_to=belongs_to)
        await index.open()
        return index

    async def filled(self) -> None:
        index = await self.opened()
        await index.refresh()
        await index.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "deep" / "index.sqlite")


async def total(index: SqliteIndex) -> int:
    return (await index.search(DatasetQuery())).total


async def test_an_index_is_there_at_once_after_a_restart(workspace: Workspace) -> None:
    await workspace.filled()
    workspace.clock.advance(hours=1)
    index = await workspace.opened()
    calls = workspace.catalog.calls
    assert await total(index) == 2
    assert workspace.catalog.calls == calls, "nothing was read again to answer"
    assert (await index.search(DatasetQuery())).index_age == 3600.0
    assert await index.refresh() == 0
    await index.close()


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 500, b"SQLite format 3\0" + b"\xff" * 5000])
async def test_a_broken_file_is_replaced(workspace: Workspace, content: bytes) -> None:
    workspace.path.parent.mkdir(parents=True)
    workspace.path.write_bytes(content)
    index = await workspace.opened()
    assert await total(index) == 0
    assert await index.refresh() == 2
    await index.close()


async def test_another_format_is_replaced(workspace: Workspace) -> None:
    await workspace.filled()
    with closing(sqlite3.connect(workspace.path)) as connection:
        connection.execute("PRAGMA user_version = 999")
    index = await workspace.opened()
    assert await total(index) == 0
    await index.close()


async def test_the_index_of_another_catalogue_is_replaced(workspace: Workspace) -> None:
    await workspace.filled()
    index = await workspace.opened(belongs_to="another database")
    assert await total(index) == 0
    await index.close()


async def test_damage_while_running_is_told_and_repaired_by_the_next_refresh(workspace: Workspace) -> None:
    await workspace.filled()
    index = await workspace.opened()
    with workspace.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (workspace.path.stat().st_size - 4096))
    with pytest.raises(Unavailable, match="being rebuilt"):
        await index.suggest("sal")
    assert await index.refresh() == 2
    assert await total(index) == 2
    assert await asyncio.gather(*(index.closest("slaes") for _ in range(8))) == [("sales",)] * 8
    await index.close()


async def test_damage_found_while_writing_is_repaired_in_the_same_refresh(workspace: Workspace) -> None:
    await workspace.filled()
    index = await workspace.opened()
    with workspace.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (workspace.path.stat().st_size - 4096))
    workspace.catalog.entries.append(entry("flights"))
    assert await index.refresh() == 3
    assert await total(index) == 3
    await index.close()


class StoppingCatalog(BigCatalog):
    """Fails once after some pages, as a catalogue that goes away."""

    async def changes(self, cursor: str, limit: int = 1000) -> tuple[tuple[DatasetSummary, ...], str]:
        if self.pages == 3:
            self.pages += 1
            raise ConnectionError("gone")
        return await super().changes(cursor, limit)


async def test_a_first_build_goes_on_where_it_stopped(tmp_path: Path) -> None:
    catalog = StoppingCatalog(4500)
    index = SqliteIndex(tmp_path / "index.sqlite", catalog, BigRecords(4500), clock=ManualClock())
    await index.open()
    with pytest.raises(ConnectionError):
        await index.refresh()
    assert await total(index) == 3000
    assert await index.refresh() == 1500
    assert await total(index) == 4500
    await index.close()


async def test_answers_come_while_the_index_is_being_written(tmp_path: Path) -> None:
    index = SqliteIndex(tmp_path / "index.sqlite", BigCatalog(4000), BigRecords(4000), clock=ManualClock())
    await index.open()
    building = asyncio.create_task(index.refresh())
    seen = []
    while not building.done():
        seen.append(await total(index))
        await index.suggest("sal")
    assert await building == 4000
    assert seen == sorted(seen)
    assert any(0 < number < 4000 for number in seen), "pages show up before the whole is there"
    assert (await index.suggest(big_name(7)))[0].name == big_name(7)
    await index.close()
