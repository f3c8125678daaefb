"""A change stands even when the index cannot be brought up to date."""

from __future__ import annotations

from structlog.testing import capture_logs

from services.datasets.lookup import Lookup
from services.search.index import SqliteIndex
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import ManualClock
from tests.fakes.records import MemoryRecords


class FullDisk(SqliteIndex):
    """An index that cannot be written to."""

    async def refresh(self) -> int:
        raise OSError("No space left on device")


async def test_an_index_that_cannot_be_refreshed_is_logged_and_left() -> None:
    clock = ManualClock()
    catalog, records = MemoryCatalog(clock), MemoryRecords()
    index = FullDisk(":memory:", catalog, records, clock=clock)
    await index.open()
    with capture_logs() as logs:
        await Lookup(catalog, records, index).refresh_index()
    assert [entry["event"] for entry in logs] == ["index_refresh_failed"]
    await index.close()
