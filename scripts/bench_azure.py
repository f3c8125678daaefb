"""The bot on an Azure Machine Learning workspace: its first copy of it, and people who ask while Azure hangs.

Azure is the contract server of the tests, in a process of its own: the bot and its SDK workers meet it under Azure's
host names. The benchmark's other measurements are in `scripts/bench.py`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.bench_azure_calls import measure_overhead
from scripts.bench_azure_server import SEVERAL, AzurePeer, dataset_name
from scripts.bench_processes import BotProcess, Machine, descendants, resident
from scripts.bench_requests import Connection, Habit, Times, command, people, typing
from scripts.bench_slack import Arrival, StandIn
from scripts.bench_table import Figure, Table, load_figures, milliseconds

CLIENTS = 32
LATE_SECONDS = 30.0
WAITING = 6
"""People who wait for Azure in every round: twice as many as there are workers."""
LIFTED_AFTER = 6.0
SYNC_SECONDS = 60.0
SYNC_BYTES = 200e6
PAGE = 100  # datasets, as Azure's own SDK asks for them
CALL_PAGES = 10  # of them, which one call of the sync brings
PAGE_LATENCY = 0.1
MIB = 2**20


@dataclass(frozen=True, slots=True)
class AzureStage:
    """What the measurements share. datasets: in the workspace; chance: the same in every run."""

    table: Table
    slack: StandIn
    peer: AzurePeer
    directory: Path
    datasets: int
    rounds: int
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    _fresh: Iterator[int] = field(default_factory=itertools.count)

    def bot(self, name: str) -> BotProcess:
        """A bot with a state of its own, empty at first."""
        state = self.directory / name
        state.mkdir(exist_ok=True)
        azure = {"WORKSPACE": self.peer.workspace, "AZURE_CREDENTIAL": "service_principal"}
        azure |= {"TMPDIR": str(self.directory)}  # what a killed bot leaves is removed with everything else
        return BotProcess(state, self.slack.url, self.peer.environment | azure)

    def name(self) -> str:
        """Any dataset."""
        return dataset_name(self.chance.randrange(self.datasets))

    def fresh(self) -> str:
        """A dataset of several versions that nobody has asked for yet."""
        return dataset_name(next(self._fresh) % min(SEVERAL, self.datasets))


async def measure_azure(table: Table, slack: StandIn, directory: Path, datasets: int, rounds: int) -> None:
    """All of it, on one workspace."""
    with AzurePeer() as peer:
        stage = AzureStage(table, slack, peer, directory, datasets, rounds)
        with stage.bot("empty") as bot:
            await bot.start()
            await _logged(bot, "azure_sweep_done")
            before = sum(_sizes(bot).values())
        peer.fill(datasets)
        await _measure_restart(stage)
        with stage.bot("whole") as bot:
            await _measure_sync(stage, bot, before)
            await _measure_acks(stage, bot)
            await _measure_waiting(stage, bot)
        measure_overhead(table, peer, directory)
        await _measure_latency(stage)  # last, for it arranges another list of datasets


# The first copy


async def _measure_sync(stage: AzureStage, bot: BotProcess, before: float) -> None:
    """From a bot that takes deliveries to a list that is whole. before: MiB of a bot on an empty workspace."""
    stage.peer.forget()
    await bot.start()
    began, machine = time.perf_counter(), Machine(bot.pid, stage.peer.pid)
    peaks: dict[int, float] = {}
    highest = 0.0
    shown: list[int] = []
    while (seen := await _copied(stage, bot)) is not None:
        shown.append(seen)
        until = time.perf_counter() + 1
        while time.perf_counter() < until:
            sizes = _sizes(bot)
            highest = max(highest, sum(sizes.values()))
            peaks |= {pid: max(size, peaks.get(pid, 0.0)) for pid, size in sizes.items()}
            await asyncio.sleep(0.1)
        if time.perf_counter() - began > 20 * SYNC_SECONDS:
            raise SystemExit(f"bench: the workspace is not copied:\n{bot.log.read_text()[-2000:]}")
    seconds = time.perf_counter() - began
    stage.table.add(
        Figure(
            f"Azure: first copy of {stage.datasets:,} datasets, until /dataset list is whole",
            f"{seconds:.1f} s, {stage.peer.requests()[0]:,} requests",
            goal=f"≤ {SYNC_SECONDS:.0f} s",
            met=seconds <= SYNC_SECONDS,
            others=machine.others(),
        )
    )
    added, (_, *workers) = highest - before, sorted((pid == bot.pid, size) for pid, size in peaks.items())[::-1]
    sizes_told = ", ".join(f"{size:.0f}" for _, size in workers)
    stage.table.add(
        Figure(
            "… resident memory of the bot and its workers, more than on an empty workspace",
            f"{added:.0f} MiB (highest {highest:.0f} MiB in all: bot {peaks[bot.pid]:.0f}, workers {sizes_told})",
            goal=f"≤ {SYNC_BYTES / 1e6:.0f} MB",
            met=added * MIB <= SYNC_BYTES,
        )
    )
    rising = shown == sorted(shown) and len(set(shown)) > 2
    stage.table.add(
        Figure(
            "… what /dataset list told of it meanwhile",
            f"{len(shown)} asked; datasets read: {', '.join(f'{each:,}' for each in _some(sorted(set(shown))))}",
            goal="it rises",
            met=rising,
        )
    )


async def _measure_latency(stage: AzureStage) -> None:
    """The first copy with a network between: by a service that gives 100 datasets at once, and one that gives more."""
    for large, what in ((False, "a page of 100 at most"), (True, "a page of as many as asked for")):
        with stage.bot(f"latency-{large}") as bot:
            stage.peer.page(PAGE_LATENCY, large=large, datasets=stage.datasets)
            stage.peer.forget()
            await bot.start()
            began, machine = time.perf_counter(), Machine(bot.pid, stage.peer.pid)
            await _until(stage, bot, lambda: False)
            seconds, pages = time.perf_counter() - began, stage.peer.requests()[1]
        stage.table.add(
            Figure(
                f"Azure: first copy, each page {PAGE_LATENCY * 1000:.0f} ms late, {stage.datasets:,} datasets, {what}",
                f"{seconds:.1f} s, {pages:,} pages",
                goal=f"≤ {SYNC_SECONDS:.0f} s",
                met=seconds <= SYNC_SECONDS,
                others=machine.others(),
            )
        )
    stage.peer.answer_at_once()


async def _measure_restart(stage: AzureStage) -> None:
    """Killed in the middle of its first copy; how much is asked for again."""
    with stage.bot("killed") as bot:
        stage.peer.forget()
        await bot.start()
        await _until(stage, bot, lambda: stage.peer.requests()[1] * PAGE >= stage.datasets * 0.4)
        bot.kill()
        await asyncio.sleep(0.5)
        first = stage.peer.requests()[1]
        await bot.start()
        began = time.perf_counter()
        at_first = await _copied(stage, bot)
        await _until(stage, bot, lambda: False)
        seconds = time.perf_counter() - began
    whole = -(-stage.datasets // PAGE)
    again = stage.peer.requests()[1] - whole
    # What was under way when it was killed: one call that was asked, and one whose answer was being stored.
    stage.table.add(
        Figure(
            f"Azure: killed after {first:,} of {whole:,} pages of its first copy, started again",
            f"{seconds:.1f} s for the rest, {again} pages asked for again; told at once: {at_first or 0:,} read",
            goal=f"≤ {2 * CALL_PAGES} pages again",
            met=again <= 2 * CALL_PAGES,
        )
    )


_READ = re.compile(r"for the first time: ([\d,]+) datasets")


async def _copied(stage: AzureStage, bot: BotProcess) -> int | None:
    """How many datasets the bot says it has read, None once the list is whole."""
    arrival = await _first(stage, bot, "list")
    found = _READ.search(arrival.content)
    if found is not None:
        return int(found[1].replace(",", ""))
    total = re.search(r"([\d,]+) datasets", arrival.content)
    listed = int(total[1].replace(",", "")) if total is not None else 0
    return None if listed >= stage.datasets else listed  # more: those that another measurement registered


async def _first(stage: AzureStage, bot: BotProcess, text: str) -> Arrival:
    """What comes first when somebody asks."""
    arrivals = await _ask(stage, bot, text)
    async with asyncio.timeout(20):
        return await arrivals.get()


async def _ask(stage: AzureStage, bot: BotProcess, text: str, user: str = "U0001BENCH") -> asyncio.Queue[Arrival]:
    url, arrivals = stage.slack.follow()
    connection = await Connection.open(bot.port)
    status, answer = await connection.send(command(text)(user, url))
    await connection.close()
    if status != 200:
        raise SystemExit(f"bench: {text!r} was refused: {status} {answer!r}")
    return arrivals


def _sizes(bot: BotProcess) -> dict[int, float]:
    """MiB resident of the bot and of its children, by process id."""
    return {pid: resident(pid) for pid in (bot.pid, *descendants(bot.pid)) if Path(f"/proc/{pid}/status").exists()}


async def _until(stage: AzureStage, bot: BotProcess, enough: Callable[[], bool]) -> None:
    """Wait until it is enough, or the copy is whole."""
    for _ in range(int(20 * SYNC_SECONDS)):
        if enough() or await _copied(stage, bot) is None:
            return
        await asyncio.sleep(0.3)
    raise SystemExit(f"bench: the workspace is not copied:\n{bot.log.read_text()[-2000:]}")


async def _logged(bot: BotProcess, event: str) -> None:
    for _ in range(600):
        if event in bot.log.read_text():
            return
        await asyncio.sleep(0.1)
    raise SystemExit(f"bench: the bot does not log {event}:\n{bot.log.read_text()[-2000:]}")


def _some(numbers: list[int], count: int = 8) -> list[int]:
    return numbers if len(numbers) <= count else [numbers[each * len(numbers) // count] for each in range(count)]


# While Azure hangs


@dataclass(frozen=True, slots=True)
class _Plan:
    """So many people with one habit for so many seconds a round."""

    what: str
    habit: Habit
    clients: int
    seconds: float


@contextmanager
def _late(stage: AzureStage) -> Iterator[None]:
    stage.peer.answer_late(LATE_SECONDS)
    try:
        yield
    finally:
        stage.peer.answer_at_once()


async def _measure_acks(stage: AzureStage, bot: BotProcess) -> None:
    """The same rounds with Azure as usual and with Azure hung, in turns."""
    asked = command(lambda: f"list {stage.name().removeprefix('table_')}")
    plans = (
        _Plan("acknowledgement at 32 clients, /dataset help", Habit(command("help"), b"blocks"), CLIENTS, 2.0),
        _Plan("type-ahead, 8 people", Habit(typing(_keystrokes(stage)), b'"options"', 0.15), 8, 4.0),
        _Plan("/dataset list words, until the answer, 8 people", Habit(asked, pause=0.3, answers=True), 8, 4.0),
    )
    for plan in plans:
        machine = Machine(bot.pid, stage.peer.pid)
        usual: list[Times] = []
        hung: list[Times] = []
        for each in range(-1, stage.rounds):
            usual.append(await _round(stage, bot, plan))
            with _late(stage):
                hung.append(await _round(stage, bot, plan))
            await asyncio.sleep(0.5)  # those who waited are answered
            if each < 0:  # the first ones warm up
                usual, hung = [], []
        ratio = statistics.median(b.quantile(0.99) / a.quantile(0.99) for a, b in zip(usual, hung, strict=True))
        is_ack = plan.clients == CLIENTS
        stage.table.add(
            Figure(
                f"Azure hung: {plan.what}",
                load_figures(hung),
                f"Azure as usual: {load_figures(usual)}",
                ratio,
                "p99 ratio ≤ 1.2" if is_ack else "",
                ratio <= 1.2 if is_ack else None,
                machine.others(),
            )
        )


async def _round(stage: AzureStage, bot: BotProcess, plan: _Plan) -> Times:
    waiting = [
        await _ask(stage, bot, f"{'versions' if each % 2 else 'show'} {stage.fresh()}", f"U{each:04d}WAITS")
        for each in range(WAITING)
    ]
    await asyncio.sleep(0.5)
    acks, answers = await people(
        bot.port, plan.habit, clients=plan.clients, seconds=plan.seconds, response_url=stage.slack.response_url
    )
    stage.table.must_be_right(plan.what, acks, answers)
    stage.peer.answer_at_once()
    for each in waiting:
        await _answer(each)
    return answers if plan.habit.answers else acks


def _keystrokes(stage: AzureStage) -> Callable[[], str]:
    def typed() -> str:
        return stage.name()[: stage.chance.randrange(1, 13)]

    return typed


async def _measure_waiting(stage: AzureStage, bot: BotProcess) -> None:
    """People who ask for what only Azure knows: when they are told to wait, and that the answer comes."""
    for what in ("show", "versions"):
        notices, rest, whole = Times(), Times(), Times()
        wrong_before = len(stage.table.failed)
        for _ in range(stage.rounds):
            with _late(stage):
                asked = time.perf_counter()
                arrivals = await _ask(stage, bot, f"{what} {stage.fresh()}")
                notices.seconds.append(await _notice(stage, arrivals) - asked)
                await asyncio.sleep(max(0.0, asked + LIFTED_AFTER - time.perf_counter()))
            lifted = time.perf_counter()
            rest.seconds.append(await _answer(arrivals, stage.table, what) - lifted)
        with _late(stage):
            asked = time.perf_counter()
            arrivals = await _ask(stage, bot, f"{what} {stage.fresh()}")
            await _notice(stage, arrivals)
            whole.seconds.append(await _answer(arrivals, stage.table, what) - asked)
        longest = max(notices.seconds)
        stage.table.add(
            Figure(
                f"Azure hung: /dataset {what} NAME says that Azure is slow",
                f"after {statistics.median(notices.seconds):.2f} s, at the latest {longest:.2f} s",
                goal="≤ 3 s",
                met=longest <= 3,
            )
        )
        stage.table.add(
            Figure(
                f"… its answer after Azure answers again; with Azure {LATE_SECONDS:.0f} s late throughout",
                f"{milliseconds(rest)}; {whole.seconds[0]:.1f} s",
                goal="it comes",
                met=len(stage.table.failed) == wrong_before,
            )
        )


async def _notice(stage: AzureStage, arrivals: asyncio.Queue[Arrival]) -> float:
    async with asyncio.timeout(LATE_SECONDS):
        arrival = await arrivals.get()
    if "slow to answer" not in arrival.content:
        stage.table.failed.append(f"not told that Azure is slow, but {arrival.content[:300]}")
    return arrival.at


async def _answer(arrivals: asyncio.Queue[Arrival], table: Table | None = None, what: str = "") -> float:
    """When the answer came, whatever was told before. With a table, one that is wrong or missing breaks the run."""
    try:
        async with asyncio.timeout(4 * LATE_SECONDS):
            arrival = await arrivals.get()
            while "slow to answer" in arrival.content:
                arrival = await arrivals.get()
    except TimeoutError:
        if table is None:
            raise
        table.failed.append(f"{what} while Azure hung: no answer came")
        return time.perf_counter()
    if table is not None and "table_" not in json.loads(arrival.content).get("text", ""):
        table.failed.append(f"{what} while Azure hung: {arrival.content[:300]}")
    return arrival.at
