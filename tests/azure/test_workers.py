"""The SDK's worker processes: killed on time, replaced after a crash, bounded in memory, behind a breaker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from services.azure.breaker import Breaker, BreakerState
from services.azure.errors import AzureFault
from services.azure.identity import CredentialKind
from services.azure.resource import AzureWorkspaceId
from services.azure.scratch import PREFIX, remove_left
from services.azure.sdk import datasets as sdk
from services.azure.workers import MIB, AzureWorkers, CallFailedError, WorkerLimits
from services.errors import Busy, TimedOut, Unavailable
from tests.azure import sdk_tasks
from tests.azure.catalog_world import WORKSPACE
from tests.contract.server import AzureContract

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def workers(azure_server: AzureContract, bot_environment: None) -> AsyncIterator[AzureWorkers]:
    azure_server.reset(WORKSPACE)
    made = AzureWorkers(
        AzureWorkspaceId.parse(azure_server.workspace.url),
        CredentialKind.SERVICE_PRINCIPAL,
        limits=WorkerLimits(workers=1, waiting=2, memory_bytes=700 * MIB),
        breaker=Breaker(failures=2, rest_seconds=0.5),
    )
    yield made
    await made.close()


async def test_warming_takes_none_of_the_answering_processs_time(workers: AzureWorkers) -> None:
    began = time.monotonic()
    workers.warm()
    assert time.monotonic() - began < 1
    longest = 0.0
    while not workers.is_warm:
        before = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - before)
    assert longest < 1.5, "importing the SDK takes longer"
    assert await workers.run("", sdk_tasks.process_id) != os.getpid()


async def test_a_call_that_hangs_is_killed_at_its_limit(workers: AzureWorkers) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut, match="within 1 seconds"):
        await workers.run("", sdk_tasks.sleep, 60, seconds=1)
    assert time.monotonic() - began < 4
    assert await workers.run("", sdk_tasks.process_id) > 0


async def test_a_crash_is_told_and_what_it_said_is_logged_without_secrets(workers: AzureWorkers) -> None:
    with structlog.testing.capture_logs() as lines, pytest.raises(Unavailable, match="stopped unexpectedly"):
        await workers.run("", sdk_tasks.die, "thread panicked, AccountKey=abcdef0123456789;")
    (crash,) = [line for line in lines if line["event"] == "azure_worker_crashed"]
    assert "thread panicked" in crash["output"]
    assert "abcdef0123456789" not in str(lines)
    assert await workers.run("", sdk_tasks.process_id) > 0


async def test_memory_is_bounded(workers: AzureWorkers) -> None:
    with pytest.raises(Unavailable, match="more memory"):
        await workers.run("", sdk_tasks.allocate, 1500 * MIB)
    assert await workers.run("", sdk_tasks.allocate, 10 * MIB) == 10 * MIB


async def test_a_fault_is_for_the_log_with_its_trace(workers: AzureWorkers) -> None:
    with structlog.testing.capture_logs() as lines, pytest.raises(AzureFault, match="fail_with"):
        await workers.run("x", sdk_tasks.fail_with, "odd")
    (failed,) = [line for line in lines if line["event"] == "azure_call_failed"]
    assert (failed["log_level"], failed["dataset"], failed["call"]) == ("error", "x", "fail_with")


async def test_too_much_at_once_is_refused(workers: AzureWorkers) -> None:
    waiting = [asyncio.create_task(workers.run("", sdk_tasks.sleep, 0.3)) for _ in range(3)]
    await asyncio.sleep(0.1)
    with pytest.raises(Busy):
        await workers.run("", sdk_tasks.process_id)
    await asyncio.gather(*waiting)


async def test_while_azure_is_down_calls_are_answered_at_once_and_it_is_noticed_when_it_is_back(
    workers: AzureWorkers, azure_server: AzureContract
) -> None:
    azure_server.workspace.datasets.add("x", "type: mltable\npaths:\n- file: https://example.org/a.png\n", kind="file")
    await workers.run("x", sdk.get, "x", None)
    azure_server.faults.unreachable("*.api.azureml.ms")
    for _ in range(2):
        with pytest.raises(Unavailable):
            await workers.run("x", sdk.get, "x", None)
    assert str(workers.state) == "open"
    asked = len(azure_server.log)
    with pytest.raises(Unavailable, match="looks again every few seconds"):
        await workers.run("x", sdk.get, "x", None)
    assert len(azure_server.log) == asked
    azure_server.faults.clear()
    await asyncio.sleep(0.6)
    assert (await workers.run("x", sdk.get, "x", None)).entry.name == "x"
    assert workers.state is BreakerState.CLOSED


async def test_a_missing_dataset_does_not_count_as_down(workers: AzureWorkers) -> None:
    for _ in range(4):
        with pytest.raises(CallFailedError) as missing:
            await workers.attempt("none", sdk.get, "none", None)
        assert missing.value.is_missing
    assert workers.state is BreakerState.CLOSED


async def test_who_gives_up_waiting_leaves_the_breaker_as_it_was(workers: AzureWorkers) -> None:
    waiting = asyncio.create_task(workers.run("", sdk_tasks.sleep, 30))
    await asyncio.sleep(0.2)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await workers.run("", sdk_tasks.process_id) > 0
    assert workers.state is BreakerState.CLOSED


ROOT = Path(__file__).parents[2]
OWNER = """
import asyncio, sys
from services.azure.identity import CredentialKind
from services.azure.resource import AzureWorkspaceId
from services.azure.workers import AzureWorkers, WorkerLimits
from tests.azure import sdk_tasks

async def main():
    limits = WorkerLimits(workers=1)
    workers = AzureWorkers(AzureWorkspaceId.parse(sys.argv[1]), CredentialKind.SERVICE_PRINCIPAL, limits=limits)
    print(await workers.run("", sdk_tasks.process_id), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await workers.close()

if __name__ == "__main__":
    asyncio.run(main())
"""
"""A bot as far as its worker processes go: prints the id of one, and ends when its standard input does."""


def owner(azure: AzureContract, folder: Path) -> tuple[subprocess.Popen[str], int]:
    """The process, with `folder` for its temporary files, and the id of its worker."""
    script = folder.parent / "owner.py"
    script.write_text(OWNER)
    environment = {**azure.env(), "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    pipe = subprocess.PIPE
    made = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script), azure.workspace.url],
        env=environment,
        text=True,
        stdin=pipe,
        stdout=pipe,
    )
    assert made.stdout is not None
    return made, int(next(line for line in made.stdout if line.strip().isdigit()))


def end(process: subprocess.Popen[str]) -> None:
    """As a bot that is told to stop."""
    process.communicate(timeout=30)


async def gone(pid: int) -> None:
    """Until there is no such process. Raises TimeoutError."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ProcessLookupError):
            while True:
                os.kill(pid, 0)
                await asyncio.sleep(0.1)


async def test_what_a_killed_bot_left_is_removed_by_the_next_and_what_is_in_use_is_not(
    azure_server: AzureContract, tmp_path: Path
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    other = folder / f"{PREFIX}of-something-else"
    other.mkdir()
    (folder / f"{PREFIX}link").symlink_to(tmp_path)
    strange = set(folder.iterdir())
    killed, its_worker = owner(azure_server, folder)
    living, _ = owner(azure_server, folder)
    try:
        (left,) = [path for path in folder.glob(f"{PREFIX}{killed.pid}-*") if path.is_dir()]
        (used,) = [path for path in folder.glob(f"{PREFIX}{living.pid}-*") if path.is_dir()]
        assert (left / "home").is_dir()
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=10)
        await gone(its_worker)  # a worker does not outlive its bot
        assert left.is_dir()
        following, _ = owner(azure_server, folder)
        try:
            assert not left.exists()
            assert (used / "home").is_dir()
        finally:
            end(following)
    finally:
        end(living)
    assert set(folder.glob(f"{PREFIX}*")) == strange
    assert remove_left(within=folder) == 0
