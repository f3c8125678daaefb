"""Large files: bounded memory, bounded traffic, and many requests at once."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import pytest_asyncio

from services.azure.resource import AzureWorkspaceId
from services.azure.storage.ahead import BLOCK, Ahead, Part
from services.azure.storage.place import DatastorePlace, Tokens, warm
from services.datasets.model import Definition
from services.reading import work
from services.reading.limits import DEFAULT_LIMITS, MIB
from services.reading.places import Place
from services.reading.pool import WorkerPool
from tests.azure.storage.world import HOST, World, tabular
from tests.reading.places import CSV, PARQUET

pytestmark = [pytest.mark.azure]
in_module_loop = pytest.mark.asyncio(loop_scope="module")
ROWS = 1_300_000


def peak_memory() -> int:
    """The most bytes this process ever had in memory."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """110 MB of Parquet in one row group, less of it in many, and CSV."""
    folder = tmp_path_factory.mktemp("large")
    random = np.random.default_rng(7)
    table = pa.table(
        {
            **{f"c{index}": random.random(ROWS) for index in range(9)},
            "k": random.integers(0, 1000, ROWS),
            "s": pa.array(np.array(["a", "bb", "ccc"])[random.integers(0, 3, ROWS)]),
        }
    )
    pq.write_table(table, folder / "one.parquet", row_group_size=ROWS, use_dictionary=False, compression="none")
    pq.write_table(table.slice(0, ROWS // 4), folder / "many.parquet", row_group_size=60_000)
    pa_csv.write_csv(table.slice(0, ROWS // 10), folder / "rows.csv")
    yield folder
    for file in folder.iterdir():
        file.unlink()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stored(module_world: World, large: Path) -> str:
    return module_world.container(await asyncio.to_thread(contents, large))


def contents(folder: Path) -> dict[str, bytes | str]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@in_module_loop
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "megabytes", "memory"), [("many.parquet", 60, 256), ("one.parquet", 60, 256), ("rows.csv", 60, 320)]
)
async def test_large_files(world: World, large: Path, stored: str, name: str, megabytes: int, memory: int) -> None:
    """megabytes: that may be fetched for a preview; memory: MiB that the worker may need for it."""
    world.datastore(stored, "key")
    definition = tabular(name, format=CSV if name.endswith("csv") else PARQUET)
    tokens = Tokens(world.azure.entra.token(), world.azure.entra.token(audience="https://storage.azure.com"))
    place = DatastorePlace(AzureWorkspaceId.parse(world.azure.workspace.url), "store", (name,), tokens)
    world.azure.log.clear()
    grown = await _preview(definition, place)
    ranges = [entry.headers.get("Range") for entry in world.azure.log.find(host=HOST) if "Range" in entry.headers]
    fetched = sum(int(last) - int(first) + 1 for first, last in (text[6:].split("-") for text in ranges))
    assert (large / name).stat().st_size > 15e6
    assert grown < memory * MIB
    assert fetched < megabytes * 1e6
    assert len(ranges) < 40, "few large requests, not many small ones"


async def _preview(definition: Definition, place: Place) -> int:
    """By how many bytes the memory of a worker that is ready grew at the peak of a preview."""
    pool = WorkerPool(1)
    try:
        await pool.run(60, warm)
        before = await pool.run(60, peak_memory)
        shown = await pool.run(120, work.preview, definition, place, 10, 100_000, DEFAULT_LIMITS)
        assert shown.profiled_rows > 90_000
        assert len(shown.profile) == 11
        return await pool.run(60, peak_memory) - before
    finally:
        await pool.close()


@in_module_loop
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "parquet"])
async def test_many_small_files_are_not_waited_for_one_by_one(world: World, kind: str) -> None:
    files = 80
    content = b"a,b\n1,x\n" if kind == "csv" else _small_parquet()
    world.with_files({f"f/{number}.{kind}": content for number in range(files)})
    definition = tabular("f/*", format=CSV if kind == "csv" else PARQUET)
    # Both workers have imported what they need after that.
    await asyncio.gather(*(world.reader.inspect(definition) for _ in range(2)))
    world.azure.log.clear()
    world.azure.faults.latency(0.06, host=HOST)
    seen = await world.reader.inspect(definition)
    assert seen.row_count == files
    asked = sorted(world.azure.log.find(host=HOST, path="*/f/*"), key=lambda entry: entry.started)
    assert len(asked) <= files + 5
    # How many others were under way when each was asked: none, if they were waited for one by one.
    at_once = [
        sum(other.started <= entry.started < other.started + (other.seconds or 0) for other in asked) for entry in asked
    ]
    assert max(at_once) >= 4


def _small_parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), sink)
    return sink.getvalue()


def test_parts_are_fetched_once_and_memory_is_bounded() -> None:
    content = bytes(np.random.default_rng(1).integers(0, 256, 40 * MIB, dtype=np.uint8))
    asked: list[tuple[int, int]] = []

    def fetch(start: int, length: int) -> bytes:
        asked.append((start, length))
        return content[start : start + length]

    ahead = Ahead(cache_bytes=16 * MIB, ahead_bytes=8 * MIB)
    part = Part("x", len(content), fetch)
    ahead.announce(part, [(0, len(content))])
    for start in range(0, len(content), 3 * MIB + 17):
        target = bytearray(min(3 * MIB + 17, len(content) - start))
        ahead.read_into(part, start, memoryview(target))
        assert target == content[start : start + len(target)]
        assert len(ahead._state.blocks) * BLOCK <= 16 * MIB
    ahead.close()
    assert sum(length for _, length in asked) == len(content)
    assert max(length for _, length in asked) == 4 * MIB


def test_a_failure_reaches_whoever_reads() -> None:
    def fetch(start: int, length: int) -> bytes:
        raise PermissionError(f"{start} {length}")

    ahead = Ahead()
    part = Part("x", 3 * MIB, fetch)
    ahead.announce(part, [(0, MIB)])
    for start in (0, 2 * MIB):
        with pytest.raises(PermissionError):
            ahead.read_into(part, start, memoryview(bytearray(10)))
    ahead.close()
