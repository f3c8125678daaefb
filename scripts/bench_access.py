"""Access: how long a decision takes, a request on its way to the approver's screen, and the look at many grants."""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bot.logs import configure_logs
from scripts.bench_access_fill import ASSIGNMENTS, GRANTS, fill
from scripts.bench_decide import measure_decide
from scripts.bench_processes import ROOT, Machine
from scripts.bench_table import Figure, Table
from tests.postgres import fresh_database, running_server
from tests.scenario.access_stage import CHANNEL, access_stage

REQUESTS = 15
SCREEN_SECONDS = 0.5
GRANTS_SECONDS = 5.0
GRANTS_MEGABYTES = 200
RUNS = 3


async def measure_access(table: Table, directory: Path) -> None:
    """All of it."""
    await asyncio.to_thread(measure_decide, table)
    await measure_screen(table, directory)
    await measure_grants(table)


async def measure_screen(table: Table, directory: Path) -> None:
    """From the press of Submit to the card in the approver's conversation: the whole bot and the local Slack together
    in one process, over Socket Mode and HTTP.
    """
    configure_logs("WARNING", "console")
    times: list[float] = []
    async with access_stage(directory) as on:
        slack, machine = on.on.slack, Machine()
        where = slack.world.dm(on.chiara.user).id
        for number in range(REQUESTS):
            name = f"sales-{number}"
            await on.register(name)
            view = await on.form(on.ben, name)
            await asyncio.sleep(1.1)  # Slack takes one message a second in a conversation, and so does the bot
            before = len(slack.world.messages[where])
            pressed = time.perf_counter()
            submitting = asyncio.create_task(on.ben.submit(view, {"reason": "March report"}))
            while not any(name in message.text for message in slack.world.messages[where][before:]):
                if time.perf_counter() - pressed > 30:
                    table.failed.append(f"the request for {name} never reached the approver")
                    return
                await asyncio.sleep(0.001)
            times.append(time.perf_counter() - pressed)
            await submitting
            await on.ben.close(await on.ben.wait_view("done"), is_cleared=True)
            await on.ben.wait_no_view()
    times.sort()
    middle, worst = statistics.median(times) * 1000, times[-1] * 1000
    table.add(
        Figure(
            f"A request on the approver's screen after Submit, {REQUESTS} requests in {CHANNEL}",
            f"median {middle:.0f} ms, worst {worst:.0f} ms",
            goal=f"≤ {SCREEN_SECONDS * 1000:.0f} ms",
            met=worst <= SCREEN_SECONDS * 1000,
            others=machine.others(),
        )
    )


async def measure_grants(table: Table) -> None:
    """On PostgreSQL, in a process of its own: what is due looked for, and all reconciled with what a cloud has."""
    with running_server() as server, fresh_database(server) as url:
        began = time.perf_counter()
        await asyncio.to_thread(fill, url)
        print(f"{GRANTS:,} grants written in {time.perf_counter() - began:.0f} s", flush=True)
        machine, runs, used = Machine(), [], []
        for _ in range(RUNS):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-m", "scripts.bench_access_child", url],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                table.failed.append(f"the sweep of many grants: {done.stderr[-500:]}")
                return
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            runs.append(json.loads(done.stdout.splitlines()[-1]))
    seconds = [run["scan"] + run["sweep"] for run in runs]
    middle, highest = statistics.median(seconds), max(run["mib"] for run in runs)
    table.add(
        Figure(
            f"Due-scan and reconcile of {GRANTS:,} grants behind {ASSIGNMENTS:,} role assignments, PostgreSQL",
            f"median {middle:.1f} s, best {min(seconds):.1f} s of {RUNS}; the whole process used "
            f"{statistics.median(used):.1f} s of a core, its start included",
            goal=f"≤ {GRANTS_SECONDS:.0f} s",
            met=middle <= GRANTS_SECONDS,
            others=machine.others(),
        )
    )
    table.add(
        Figure(
            "… memory at its highest",
            f"{highest:.0f} MiB",
            goal=f"≤ {GRANTS_MEGABYTES} MB",
            met=highest <= GRANTS_MEGABYTES * 1e6 / 2**20,
        )
    )
    table.add(
        Figure(
            "… ending the 100 of them that were over", f"{max(run['due'] for run in runs):.1f} s, with the first run"
        )
    )
