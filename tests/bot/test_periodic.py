"""Work that comes round again, and the sign of life."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.periodic import Heartbeat, Periodic
from tests.bot.conftest import Store


async def test_work_comes_round_again_also_after_it_failed_and_never_twice_at_once() -> None:
    periodic, runs, at_once, most = Periodic("Europe/Stockholm"), 0, 0, 0
    enough = asyncio.Event()

    async def work() -> None:
        nonlocal runs, at_once, most
        runs += 1
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.12)
        at_once -= 1
        if runs == 1:
            raise RuntimeError("fault")
        if runs >= 3:
            enough.set()

    periodic.every(0.05, "work", work, first=0)
    periodic.start()
    await asyncio.wait_for(enough.wait(), 5)
    await periodic.stop()
    assert most == 1
    seen = runs
    await asyncio.sleep(0.2)
    assert runs == seen


async def test_work_that_is_cut_off_at_the_end_is_over_then_and_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    periodic, begun, over = Periodic("UTC"), asyncio.Event(), False

    async def work() -> None:
        nonlocal over
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            over = True

    periodic.every(60, "work", work, first=0)
    periodic.start()
    await asyncio.wait_for(begun.wait(), 5)
    await periodic.stop()
    assert over
    await asyncio.sleep(0.05)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_an_instance_is_alive_from_start_to_stop(store: Store) -> None:
    heartbeat = Heartbeat(store.instances, "beating", seconds=0.02)
    await heartbeat.start()
    await asyncio.sleep(0.5)
    # Within a lease far shorter than the time since the start: only a beat can be that fresh.
    assert "beating" in await store.instances.alive(lease=timedelta(seconds=0.3))
    await heartbeat.stop()
    assert "beating" not in await store.instances.alive()


async def test_a_database_that_takes_no_writes_is_noticed(store: Store) -> None:
    heartbeat = Heartbeat(store.instances, "unheard", seconds=0.05)
    await heartbeat.start()
    await asyncio.sleep(0.3)
    assert heartbeat.is_heard()
    await store.database.write(lambda connection: connection.execute(text("ALTER TABLE instance RENAME TO gone")))
    for _ in range(100):
        if not heartbeat.is_heard():
            break
        await asyncio.sleep(0.05)
    assert not heartbeat.is_heard()
    await store.database.write(lambda connection: connection.execute(text("ALTER TABLE gone RENAME TO instance")))
    for _ in range(100):
        if heartbeat.is_heard():
            break
        await asyncio.sleep(0.05)
    assert heartbeat.is_heard()
    await heartbeat.stop()
