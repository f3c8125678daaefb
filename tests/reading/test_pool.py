"""Worker processes: bounded in time and memory, replaceable, and gone when idle."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.carried import WorkError
from services.errors import Busy, IdenticalData, InvalidInput, NotFound, SourceProblem, TimedOut, Unavailable
from services.reading.limits import MIB, Limits
from services.reading.pool import WorkerPool
from tests.reading import tasks

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def pool() -> AsyncIterator[WorkerPool]:
    made = WorkerPool(2, Limits(worker_bytes=600 * MIB, waiting=3))
    yield made
    await made.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie waits to be collected: it runs no more.
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def children_of(pid: int) -> list[int]:
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def is_worker(pid: int) -> bool:
    return b"multiprocessing.spawn" in Path(f"/proc/{pid}/cmdline").read_bytes()


async def both(pool: WorkerPool) -> set[int]:
    """The ids of both workers, once both have started."""
    while len(found := set(await asyncio.gather(*(pool.run(10, tasks.sleep, 0.3) for _ in range(2))))) < 2:
        pass
    return found


async def until_gone(pid: int) -> None:
    for _ in range(100):
        if not alive(pid):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"process {pid} still runs")


async def test_work_runs_in_another_process(pool: WorkerPool) -> None:
    assert await pool.run(10, tasks.add, 2, 3) == 5
    assert await pool.run(10, tasks.process_id) != os.getpid()


async def test_pandas_is_not_loaded_though_it_is_installed(pool: WorkerPool) -> None:
    assert importlib.util.find_spec("pandas") is not None
    assert await pool.run(10, tasks.made_an_array_without_pandas)


async def test_two_at_a_time(pool: WorkerPool) -> None:
    await both(pool)
    ids = await asyncio.gather(*(pool.run(10, tasks.sleep, 0.3) for _ in range(4)))
    assert len(set(ids)) == 2


async def test_a_task_is_stopped_at_its_time_limit_and_the_pool_goes_on(pool: WorkerPool) -> None:
    started = time.monotonic()
    with pytest.raises(TimedOut, match="longer than 1 seconds"):
        await pool.run(1, tasks.sleep, 60)
    assert time.monotonic() - started < 5
    assert await pool.run(10, tasks.add, 1, 1) == 2


async def test_a_crash_is_told_and_the_pool_goes_on(pool: WorkerPool) -> None:
    other = asyncio.create_task(pool.run(10, tasks.sleep, 0.5))
    with pytest.raises(Unavailable, match="stopped unexpectedly"):
        await pool.run(10, tasks.die)
    await other
    assert await pool.run(10, tasks.add, 1, 1) == 2


async def test_a_worker_killed_while_idle_is_replaced(pool: WorkerPool) -> None:
    os.kill(await pool.run(10, tasks.process_id), signal.SIGKILL)
    await asyncio.sleep(0.5)
    assert await pool.run(10, tasks.add, 1, 1) == 2


@pytest.mark.parametrize("work", [tasks.allocate, tasks.allocate_arrow])
async def test_memory_is_bounded(pool: WorkerPool, work: object) -> None:
    assert callable(work)
    with pytest.raises(SourceProblem, match="more memory") as caught:
        await pool.run(10, work, 900 * MIB)
    assert caught.value.code == "out_of_memory"
    assert await pool.run(10, work, 10 * MIB) == 10 * MIB


async def test_errors_arrive_whole(pool: WorkerPool) -> None:
    with pytest.raises(NotFound, match=r"There is no x\.") as missing:
        await pool.run(10, tasks.raise_not_found)
    assert (missing.value.suggestions, missing.value.field) == (("y", "z"), "name")
    with pytest.raises(IdenticalData) as identical:
        await pool.run(10, tasks.raise_identical)
    assert (identical.value.name, identical.value.version) == ("x", 3)
    with pytest.raises(SourceProblem) as problem:
        await pool.run(10, tasks.raise_problem)
    assert (problem.value.sentence, problem.value.code, problem.value.field) == ("Mixed.", "mixed_schemas", "source")
    with pytest.raises(InvalidInput) as own:
        await pool.run(10, tasks.raise_own)
    assert own.value.code == "own"


async def test_faults_keep_their_traceback_for_the_log(pool: WorkerPool) -> None:
    with pytest.raises(WorkError, match=r"raise_fault(.|\n)*a fault with a traceback"):
        await pool.run(10, tasks.raise_fault)
    with pytest.raises(WorkError, match="pickle"):
        await pool.run(10, tasks.unpicklable)
    assert await pool.run(10, tasks.add, 1, 1) == 2


async def test_who_gives_up_frees_the_worker(pool: WorkerPool, tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    waiting = asyncio.create_task(pool.run(60, tasks.mark_and_sleep, str(marker), 60))
    while not (marker.exists() and marker.read_text()):  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until_gone(int(marker.read_text()))


async def test_who_gives_up_while_waiting_costs_no_worker(pool: WorkerPool) -> None:
    before = await both(pool)
    busy = [asyncio.create_task(pool.run(10, tasks.sleep, 0.5)) for _ in range(2)]
    await asyncio.sleep(0.1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pool.run(10, tasks.sleep, 30), 0.1)
    assert set(await asyncio.gather(*busy)) == before
    await asyncio.sleep(0.3)  # time for a worker that took it to be killed
    assert await both(pool) == before


async def test_who_gives_up_while_a_worker_starts_leaves_it_alive() -> None:
    pool = WorkerPool(1, Limits(worker_bytes=600 * MIB, waiting=3))
    try:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pool.run(10, tasks.sleep, 0.5), 0.05)
        started = [pid for pid in children_of(os.getpid()) if is_worker(pid)]
        assert await pool.run(20, tasks.process_id) in started
    finally:
        await pool.close()


async def test_too_much_waiting_is_refused_at_once(pool: WorkerPool) -> None:
    waiting = [asyncio.create_task(pool.run(10, tasks.sleep, 0.3)) for _ in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await pool.run(10, tasks.add, 1, 1)
    await asyncio.gather(*waiting)


async def test_idle_workers_go_and_come_back() -> None:
    pool = WorkerPool(1, Limits(idle_seconds=0.2))
    assert not pool.started()
    first = await pool.run(10, tasks.process_id)
    assert pool.started()
    await until_gone(first)
    assert not pool.started()
    second = await pool.run(10, tasks.process_id)
    assert second != first
    await pool.close()
    assert not alive(second)


async def test_closing_interrupts_what_runs() -> None:
    pool = WorkerPool(1)
    running = asyncio.create_task(pool.run(60, tasks.sleep, 60))
    await asyncio.sleep(0.3)
    await pool.close()
    with pytest.raises(Unavailable, match="interrupted"):
        await running
    with pytest.raises(Unavailable, match="shutting down"):
        await pool.run(10, tasks.add, 1, 1)


PARENT = """
import asyncio, sys
from services.reading.pool import WorkerPool
from tests.reading import tasks

async def main():
    pool = WorkerPool(1)
    print(await pool.run(10, tasks.process_id), flush=True)
    await pool.run(60, tasks.sleep, 2)

if __name__ == "__main__":
    asyncio.run(main())
"""


async def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(  # noqa: ASYNC220 - killed below, and read one line from
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"PYTHONPATH": str(root)}
    )
    assert parent.stdout is not None
    with parent.stdout:
        worker = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    await until_gone(worker)


def notes_in(folder: Path) -> dict[int, int]:
    """How often each process was warmed, by its id."""
    return {int(note.name): note.stat().st_size for note in folder.iterdir()}


async def test_every_worker_is_warmed_once_and_in_the_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARMED", str(tmp_path))
    made = WorkerPool(2, Limits(idle_seconds=1.0))
    began = time.monotonic()
    made.warm(tasks.note_once)
    made.warm(tasks.note_once)
    assert time.monotonic() - began < 0.1
    assert not made.started()
    for _ in range(200):
        if sum(notes_in(tmp_path).values()) == 2:
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    made.warm(tasks.note_once)
    await asyncio.sleep(0.2)
    notes = notes_in(tmp_path)
    assert sum(notes.values()) == 2, "warm workers are not warmed again"
    assert os.getpid() not in notes
    for pid in notes:
        await until_gone(pid)
    await made.close()


async def test_closing_ends_warming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMED", str(tmp_path))
    made = WorkerPool(1)
    made.warm(tasks.note_once)
    await asyncio.sleep(0.01)
    await asyncio.wait_for(made.close(), 20)
    made.warm(tasks.note_once)
    assert not made.started()
