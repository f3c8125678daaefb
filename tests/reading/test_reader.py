"""The reader as the rest of the bot uses it, with its worker processes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from services.datasets.model import DatasetType, DatastoreSource, Definition, Source, WebSource
from services.drift.encode import decode
from services.drift.settings import CompareSettings
from services.drift.stored import plan_id_of
from services.errors import InvalidInput, NotFound, SourceProblem
from services.ports import DataReader
from services.reading.limits import Limits
from services.reading.reader import Reader
from tests.reading.places import FixedClock, Folders, delimited, tabular, write

pytestmark = pytest.mark.asyncio(loop_scope="module")
FOLDERS = Folders()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def reader(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reader]:
    made = Reader(
        FOLDERS,
        allow_private_urls=True,
        scratch=tmp_path_factory.mktemp("scratch"),
        clock=FixedClock(),
        limits=Limits(fingerprint_files=50, hash_batch_files=10),
    )
    as_port: DataReader = made
    assert as_port is made
    yield made
    await made.close()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    FOLDERS.by_name = {"store": tmp_path}
    return tmp_path


def source(*paths: str) -> DatastoreSource:
    return DatastoreSource("store", paths)


async def test_list_files(reader: Reader, store: Path) -> None:
    for index in range(3):
        write(store, f"{index}.csv", "x" * 10)
    listing = await reader.list_files(source("*.csv"))
    assert (listing.file_count, listing.total_bytes, listing.names) == (3, 30, ("0.csv", "1.csv", "2.csv"))
    assert (await reader.list_files(source("*.csv"), limit=2)).truncated
    assert (await reader.list_files(source("*.txt"))).file_count == 0
    with pytest.raises(InvalidInput, match="leaves the datastore"):
        await reader.list_files(source("../x"))
    with pytest.raises(NotFound):
        await reader.list_files(DatastoreSource("other", ("*",)))


async def test_fingerprint_with_progress(reader: Reader, store: Path) -> None:
    for index in range(25):
        write(store, f"{index}.csv", f"a\n{index}\n")
    told: list[str] = []

    async def progress(sentence: str) -> None:
        told.append(sentence)

    fingerprint = await reader.fingerprint(source("*.csv"), progress)
    assert fingerprint.file_count == 25
    assert len(told) == 3
    assert told[1].startswith("Reading files: 10 of 25 files, ")
    assert all(stamp.hash is not None and stamp.hash.startswith("sha256:") for stamp in fingerprint.files)
    again = await reader.fingerprint(source("*.csv"), progress, previous=fingerprint)
    assert again == fingerprint
    assert len(told) == 3  # nothing was read again
    write(store, "3.csv", "a\nother\n")
    changed = await reader.fingerprint(source("*.csv"), previous=fingerprint)
    assert changed.digest != fingerprint.digest
    assert changed == await reader.fingerprint(source("*.csv"))


async def test_fingerprint_problems(reader: Reader, store: Path) -> None:
    with pytest.raises(SourceProblem, match="matches nothing"):
        await reader.fingerprint(source("*.csv"))
    for index in range(51):
        write(store, f"{index}.csv", "a")
    with pytest.raises(SourceProblem, match="more than 50 files"):
        await reader.fingerprint(source("*.csv"))


async def test_inspect_and_preview(reader: Reader, store: Path) -> None:
    write(store, "1.csv", "a;b\n1;x\n2;y\n")
    write(store, "2.csv", "a;b\n1;x\n2;y\n")
    seen = await reader.inspect(tabular("*.csv", format=None), guess=True, sample_rows=1)
    assert seen.format is not None
    assert seen.format.delimiter == ";"
    assert (seen.rows, seen.row_count, seen.listing.file_count) == ((("1", "x"),), 4, 2)
    shown = await reader.preview(tabular("*.csv", format=seen.format), rows=3)
    assert len(shown.rows) == 3
    assert shown.profile[0].mean == 1.5
    with pytest.raises(SourceProblem) as caught:
        await reader.inspect(tabular("3.csv", format=seen.format))
    assert (caught.value.code, caught.value.field) == ("nothing_matches", "source")


async def test_profile_compare_and_draw(reader: Reader, store: Path) -> None:
    write(store, "1.csv", "a;b\n" + "".join(f"{n};{'xy'[n % 2]}\n" for n in range(100)))
    write(store, "2.csv", "a;b\n" + "".join(f"{n + 90};x\n" for n in range(100)))
    told: list[str] = []

    async def progress(sentence: str) -> None:
        told.append(sentence)

    definitions = [tabular(name, format=delimited(";")) for name in ("1.csv", "2.csv")]
    before = await reader.profile(definitions[0], name="one", fingerprint="f1", progress=progress)
    after = await reader.profile(definitions[1], name="two", plan=before)
    assert plan_id_of(after) == plan_id_of(before)
    kept = decode(before)
    assert (kept.rows, kept.source, kept.fingerprint) == (100, "one", "f1")
    assert [file.path for file in kept.files] == ["1.csv"]
    found = await reader.compare(before, after, CompareSettings())
    assert (found.baseline, found.target) == ("one", "two")
    assert {column.name: column.drifted for column in found.columns} == {"a": True, "b": True}
    both = decode(await reader.add_up([before, after, after]))
    assert (both.rows, both.columns[0].rows) == (300, 300)
    for dark in (False, True):
        assert (await reader.draw(found, dark=dark)).startswith(b"\x89PNG")


async def test_profile_by_days(reader: Reader, store: Path) -> None:
    write(store, "1.csv", "at,n\n2026-01-01T23:00:00,1\n2026-01-02T01:00:00,2\n2026-01-02T02:00:00,3\n,4\n")
    whole = await reader.profile(tabular("1.csv"))
    days = await reader.profile_days(tabular("1.csv"), "at", plan=whole, name="one")
    assert [(day, decode(data).rows) for day, data in days] == [("2026-01-01", 1), ("2026-01-02", 2), ("none", 1)]
    assert decode(await reader.add_up([data for _, data in days])).rows == 4


async def test_what_cannot_be_profiled_or_compared(reader: Reader, store: Path) -> None:
    write(store, "1.csv", "a\n1\n")
    with pytest.raises(InvalidInput, match="Only Tabular"):
        await reader.profile(Definition(DatasetType.FILE, source("1.csv")))
    with pytest.raises(SourceProblem, match="matches nothing"):
        await reader.profile(tabular("9.csv"))
    made = await reader.profile(tabular("1.csv"))
    with pytest.raises(SourceProblem, match="cut off") as caught:
        await reader.compare(made, made[:40], CompareSettings())
    assert caught.value.code == "profile_damaged"
    write(store, "2.csv", "b\nx\n")
    other = await reader.profile(tabular("2.csv"))
    with pytest.raises(SourceProblem, match="different plans"):
        await reader.add_up([made, other])


@pytest_asyncio.fixture(loop_scope="module")
async def site() -> AsyncIterator[str]:
    """Serves versions of a file; the answer has an ETag only below /etag/."""
    rows = {"now": "a,b\n1,2\n"}

    async def answer(request: web.Request) -> web.Response:
        if request.method == "PUT":
            rows["now"] = await request.text()
        headers = {"ETag": f'"{len(rows["now"])}"'} if request.path.startswith("/etag/") else {}
        return web.Response(text=rows["now"], headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_web_files(reader: Reader, site: str) -> None:
    url = f"{site}/etag/data.csv"
    where: Source = WebSource((url,))
    listing = await reader.list_files(where)
    assert (listing.file_count, listing.total_bytes, listing.names) == (1, 8, (url,))
    (stamp,) = (await reader.fingerprint(where)).files
    assert (stamp.path, stamp.hash) == (url, 'etag:"8"')
    (hashed,) = (await reader.fingerprint(WebSource((f"{site}/data.csv",)))).files
    assert hashed.hash is not None
    assert hashed.hash.startswith("sha256:")
    assert hashed.modified is None
    definition = Definition(DatasetType.TABULAR, where)
    seen = await reader.inspect(definition, guess=True)
    assert seen.rows == (("1", "2"),)
    assert seen.listing.names == (url,)
    files = Definition(DatasetType.FILE, where)
    assert (await reader.inspect(files)).listing == listing
    assert (await reader.preview(files)).files == (stamp,)


async def test_private_addresses_are_refused_by_default(store: Path, tmp_path: Path, site: str) -> None:
    guarded = Reader(FOLDERS, allow_private_urls=False, scratch=tmp_path / "scratch", clock=FixedClock())
    with pytest.raises(SourceProblem, match="private network"):
        await guarded.list_files(WebSource((f"{site}/data.csv",)))
    await guarded.close()


async def test_a_long_read_leaves_a_worker_free(reader: Reader, store: Path) -> None:
    write(store, "big.bin", b"\x00" * 60_000_000)
    hashing = [asyncio.create_task(reader.fingerprint(source("big.bin"))) for _ in range(4)]
    await asyncio.sleep(0.05)
    assert (await reader.list_files(source("*"))).file_count == 1
    assert not all(task.done() for task in hashing)
    assert len({task.digest for task in await asyncio.gather(*hashing)}) == 1


async def test_the_answering_process_stays_light() -> None:
    heavy = "{'pyarrow', 'numpy', 'pandas'} & set(sys.modules)"
    code = f"import sys, services.reading.reader; sys.exit(1 if {heavy} else 0)"
    root = Path(__file__).parents[2]
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], cwd=root, check=False)
    assert done.returncode == 0


async def test_a_warm_reader_reads_at_once(tmp_path: Path) -> None:
    folders = Folders()
    folders.by_name = {"store": tmp_path}
    write(tmp_path, "a.csv", "a,b\n1,2\n")
    made = Reader(folders, allow_private_urls=False, scratch=tmp_path / "s", clock=FixedClock())
    try:
        began = time.perf_counter()
        await made.inspect(tabular("a.csv"))
        cold = time.perf_counter() - began
        await made.close()
        made = Reader(folders, allow_private_urls=False, scratch=tmp_path / "s", clock=FixedClock())
        made.warm()
        for _ in range(600):
            if made.is_warm:
                break
            await asyncio.sleep(0.1)
        began = time.perf_counter()
        await made.inspect(tabular("a.csv"))
        assert time.perf_counter() - began < cold / 3
    finally:
        await made.close()
