"""How fast the whole bot is, as real processes over signed HTTP, beside a plain Bolt echo measured in the same run.

Run: python -m scripts.bench [--datasets 100000] [--rounds 5] [--only ack,start,azure,access,monitors,drift,…] [--full]
"""

from __future__ import annotations

import argparse
import asyncio
import compileall
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop

from scripts.bench_access import measure_access
from scripts.bench_azure import measure_azure
from scripts.bench_catalogue import REAL, fill, hanging_name
from scripts.bench_drift import measure_drift
from scripts.bench_monitors import measure_monitors
from scripts.bench_processes import (
    ROOT,
    BotProcess,
    Machine,
    can_connect,
    descendants,
    description,
    jobs_running,
    plain_echo,
    processor_seconds,
    resident,
)
from scripts.bench_requests import Connection, Habit, Times, click, command, median_of, people, refused_form, typing
from scripts.bench_slack import StandIn
from scripts.bench_table import Figure, Table, load_figures, milliseconds
from tests.fakes.big_catalog import big_name

CLIENTS = 32
SAME = "the same help, beside a plain app that answers with the same blocks"
HANGING = 20
HANG_SECONDS = 30.0


class Words:
    """What people look for: names and parts of names of the catalogue, some mistyped, the same in every run."""

    def __init__(self, datasets: int, seed: int = 7) -> None:
        self._datasets = datasets
        self._chance = random.Random(seed)
        self._typed: list[str] = []

    def name(self) -> str:
        """A dataset's name."""
        return big_name(self._chance.randrange(self._datasets))

    def words(self) -> str:
        """One or two words of a name; one in five mistyped."""
        name = self.name().replace("_", "-")
        found = [part for part in name.split("-") if part.isalpha()] or [name]
        words = self._chance.sample(found, k=min(len(found), self._chance.choice((1, 1, 2))))
        if self._chance.random() < 0.2 and len(words[0]) > 4:
            place = self._chance.randrange(1, len(words[0]) - 2)
            words[0] = words[0][:place] + words[0][place + 1] + words[0][place] + words[0][place + 2 :]
        return " ".join(words)

    def keystroke(self) -> str:
        """What a menu's field holds after the next key: names are typed letter by letter, up to twelve letters."""
        if not self._typed:
            name = self.name() if self._chance.random() < 0.5 else self.words()
            self._typed = [name[:length] for length in range(1, min(len(name), 12) + 1)][::-1]
        return self._typed.pop()


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that measurements share."""

    table: Table
    slack: StandIn
    directory: Path
    datasets: int
    rounds: int
    words: Words


# Start


async def measure_start(stage: Stage, bot: BotProcess) -> None:
    """From the start of the process to ready: empty workspace, index to be built, index present."""
    table, times = stage.table, []
    empty = stage.directory / "empty"
    empty.mkdir()
    machine = Machine()
    for _ in range(5):
        with BotProcess(empty, stage.slack.url) as fresh:
            times.append(await fresh.start())
    table.add(_started("Ready after start, empty workspace", times, machine))
    machine, times = Machine(), []
    for _ in range(5):
        times.append(await bot.start())
        bot.stop()
    table.add(_started(f"Ready after start, {stage.datasets:,} datasets, index present", times, machine))


def _started(what: str, times: list[float], machine: Machine) -> Figure:
    middle = statistics.median(times)
    measured = f"median {middle:.2f} s, best {min(times):.2f} s, worst {max(times):.2f} s of {len(times)}"
    return Figure(what, measured, goal="≤ 2 s", met=middle <= 2, others=machine.others())


# Acknowledgements


async def measure_acks(stage: Stage, bot: BotProcess) -> None:
    """At 32 clients, in rounds that alternate with the plain echo's."""
    words, table = stage.words, stage.table
    help_ = Habit(command("help"), b"blocks")
    habits = {
        "/dataset help": help_,
        SAME: help_,
        "form with an inline error": Habit(refused_form(words.name), b"leads out of the datastore"),
        "/dataset list sales": Habit(command("list sales"), answers=True),
        "click on Next ›": Habit(click("go:next", "/dataset list sales page:2"), answers=True),
    }
    plain_habit = Habit(command("echo"), b"ok")
    with plain_echo() as (plain, plain_pid):
        await can_connect(plain)
        for port, habit in ((plain, plain_habit), *((bot.port, each) for each in habits.values())):
            await people(port, habit, clients=CLIENTS, seconds=1.5, response_url=stage.slack.response_url)  # warm-up
        for what, habit in habits.items():
            machine = Machine(bot.pid, plain_pid)
            compared = help_ if what == SAME else plain_habit
            own: list[Times] = []
            reference: list[Times] = []
            answers: list[Times] = []
            spent: dict[int, list[float]] = {plain_pid: [], bot.pid: []}
            for _ in range(stage.rounds):
                for port, pid, kept, each in (
                    (plain, plain_pid, reference, compared),
                    (bot.port, bot.pid, own, habit),
                ):
                    before = processor_seconds(pid)
                    acks, answered = await people(
                        port, each, clients=CLIENTS, seconds=2.0, response_url=stage.slack.response_url
                    )
                    spent[pid].append((processor_seconds(pid) - before) / len(acks.seconds) * 1000)
                    table.must_be_right(what, acks, answered)
                    kept.append(acks)
                    if each.answers:
                        answers.append(answered)
            ratio = statistics.median(a.quantile(0.99) / b.quantile(0.99) for a, b in zip(own, reference, strict=True))
            is_echo = what == "/dataset help"
            table.add(
                Figure(
                    f"Acknowledgement at {CLIENTS} clients: {what}",
                    load_figures(own),
                    load_figures(reference),
                    ratio,
                    "p99 ratio ≤ 1.5" if is_echo else "",
                    ratio <= 1.5 if is_echo else None,
                    machine.others(),
                )
            )
            table.add(_processor_time(spent[bot.pid], spent[plain_pid]))
            if answers:
                figures = f"p50 {median_of(answers, 0.5):.0f} ms, p99 {median_of(answers, 0.99):.0f} ms"
                table.add(Figure(f"… its answer, {CLIENTS} people who ask again at once", figures))


def _processor_time(own: list[float], reference: list[float]) -> Figure:
    """Milliseconds of processor time for a delivery, round by round."""
    ratio = statistics.median(a / b for a, b in zip(own, reference, strict=True))
    measured, compared = (f"{statistics.median(each):.2f} ms" for each in (own, reference))
    return Figure("… processor time of a delivery", measured, compared, ratio)


# A large catalogue


async def measure_search(stage: Stage, bot: BotProcess) -> None:
    """Type-ahead, list and versions of eight people at work."""
    words, table, size = stage.words, stage.table, f"{stage.datasets:,} datasets"
    asked = Habit(command(lambda: f"list {words.words()}"), pause=0.3, answers=True)
    versions = Habit(command(lambda: f"versions {words.name()}"), pause=0.3, answers=True)
    plans = (
        ("Type-ahead", Habit(typing(words.keystroke), b'"options"', pause=0.15), 50.0),
        ("/dataset list words, until the answer", asked, 150.0),
        ("/dataset versions NAME, until the answer", versions, 100.0),
    )
    for what, habit, goal in plans:
        for clients, seconds in ((1, 6.0), (8, 12.0)):
            await people(bot.port, habit, clients=clients, seconds=1.0, response_url=stage.slack.response_url)
            machine = Machine(bot.pid)
            acks, answers = await people(
                bot.port, habit, clients=clients, seconds=seconds, response_url=stage.slack.response_url
            )
            table.must_be_right(what, acks, answers)
            times = answers if habit.answers else acks
            table.add(
                Figure(
                    f"{what}, {size}, {clients} {'person' if clients == 1 else 'people'}",
                    f"{milliseconds(times)}, {len(times.seconds)} measured",
                    goal=f"p99 ≤ {goal:.0f} ms",
                    met=times.quantile(0.99) <= goal,
                    others=machine.others(),
                )
            )


async def measure_hanging(stage: Stage, bot: BotProcess) -> None:
    """Twenty previews whose web server hangs, while 24 people go on asking."""
    words, table, slack = stage.words, stage.table, stage.slack
    connection = await Connection.open(bot.port)
    for number in range(HANGING):
        await connection.send(command(f"preview {hanging_name(number)}")("U0001BENCH", slack.response_url()[0]))
    await connection.close()
    hung = 0
    for _ in range(100):
        hung = await jobs_running(bot.port, "data")
        if hung >= HANGING:
            break
        await asyncio.sleep(0.05)
    habits = {
        "help": (Habit(command("help"), b"blocks", 0.4), 4),
        "list": (Habit(command(lambda: f"list {words.words()}"), pause=0.4, answers=True), 4),
        "versions": (Habit(command(lambda: f"versions {words.name()}"), pause=0.4, answers=True), 4),
        "type-ahead": (Habit(typing(words.keystroke), b'"options"', 0.2), 4),
        "click": (Habit(click("go:next", "/dataset list sales page:2"), pause=0.4, answers=True), 4),
        "form with an error": (Habit(refused_form(words.name), b"leads out", 0.4), 4),
    }
    machine, seconds = Machine(bot.pid), HANG_SECONDS - 4
    outcomes = await asyncio.gather(
        *(
            people(bot.port, habit, clients=clients, seconds=seconds, response_url=slack.response_url)
            for habit, clients in habits.values()
        )
    )
    still = await jobs_running(bot.port, "data")
    everything = Times()
    for what, (acks, answers) in zip(habits, outcomes, strict=True):
        table.must_be_right(what, acks, answers)
        everything.add(acks)
    if hung < HANGING or still < HANGING or not slack.hanging:
        table.failed.append(f"only {hung} jobs hung at the beginning and {still} at the end")
    worst = max(everything.seconds)
    table.add(
        Figure(
            f"Longest of {len(everything.seconds):,} acknowledgements to 24 people while {HANGING} jobs hang",
            f"{worst * 1000:.0f} ms ({milliseconds(everything)})",
            goal="≤ 1 s",
            met=worst <= 1,
            others=machine.others(),
        )
    )
    for what, (_, answers) in zip(habits, outcomes, strict=True):
        if answers.seconds:
            table.add(Figure(f"… answers to {what} meanwhile", milliseconds(answers)))


async def measure_memory(stage: Stage, bot: BotProcess) -> None:
    """After all that, and after a preview of a real file, which starts worker processes."""
    url, answered = stage.slack.response_url()
    connection = await Connection.open(bot.port)
    sent = time.perf_counter()
    await connection.send(command(f"preview {REAL}")("U0001BENCH", url))
    await connection.close()
    stage.table.add(Figure("First preview of a small file, worker process started", f"{await answered - sent:.2f} s"))
    now, highest = resident(bot.pid), resident(bot.pid, "VmHWM")
    stage.table.add(
        Figure(
            "Resident memory of the bot after the load",
            f"{now:.0f} MiB (highest {highest:.0f} MiB)",
            goal="≤ 250 MB",
            met=now <= 250e6 / 2**20,
        )
    )
    children = descendants(bot.pid)
    sizes = ", ".join(f"{resident(child):.0f} MiB" for child in children)
    stage.table.add(Figure("… of its reading processes, which end when idle", sizes or "none run"))


PARTS = {"ack": measure_acks, "search": measure_search, "hang": measure_hanging, "memory": measure_memory}
AZURE, ACCESS, MONITORS, DRIFT = "azure", "access", "monitors", "drift"

# The run


async def measure(arguments: argparse.Namespace, directory: Path) -> Table:
    """Everything asked for."""
    table, only = Table(), set(arguments.only.split(","))
    async with StandIn(HANG_SECONDS) as slack:
        stage = Stage(table, slack, directory, arguments.datasets, arguments.rounds, Words(arguments.datasets))
        if only - {AZURE, ACCESS, MONITORS, DRIFT}:
            await _measure_local(stage, only)
        if AZURE in only:
            await measure_azure(table, slack, directory, arguments.datasets, arguments.rounds)
        if ACCESS in only:
            await measure_access(table, directory)
    if MONITORS in only:
        await measure_monitors(table)
    if DRIFT in only:
        await asyncio.to_thread(measure_drift, table, rounds=arguments.rounds, full=arguments.full)
    return table


async def _measure_local(stage: Stage, only: set[str]) -> None:
    """On a local workspace, in one catalogue."""
    table, directory = stage.table, stage.directory
    await _prepare(stage, stage.datasets)
    with BotProcess(directory, stage.slack.url) as bot:
        machine = Machine()
        ready = await bot.start()
        table.add(
            Figure(
                f"Index of {stage.datasets:,} datasets built, start included", f"{ready:.1f} s", others=machine.others()
            )
        )
        table.add(Figure("… the bot's memory then", f"{resident(bot.pid):.0f} MiB"))
        bot.stop()
        if "start" in only:
            await measure_start(stage, bot)
        await bot.start()
        for part, measuring in PARTS.items():
            if part in only:
                await measuring(stage, bot)


async def _prepare(stage: Stage, datasets: int) -> None:
    began = time.perf_counter()
    await asyncio.to_thread(
        fill, stage.directory / "bot.sqlite", stage.directory / "workspace",
        datasets=datasets, hanging=HANGING, web=stage.slack.url,
    )  # fmt: skip
    size = (stage.directory / "bot.sqlite").stat().st_size / 2**20
    seconds = time.perf_counter() - began
    print(f"{datasets:,} datasets with five versions each written in {seconds:.0f} s ({size:,.0f} MiB)", flush=True)


def main() -> int:
    """Measure, print the table; 1 only if something broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    every = ("start", *PARTS, AZURE, ACCESS, MONITORS, DRIFT)
    parser.add_argument("--only", default=",".join(every), help="some of " + ", ".join(every))
    parser.add_argument("--full", action="store_true", help="drift: 10 and 50 million rows too, half an hour")
    arguments = parser.parse_args()
    unknown = set(arguments.only.split(",")) - set(every)
    if unknown:
        parser.error(f"there is no measurement called {', '.join(sorted(unknown))}")
    for package in ("bot", "handlers", "services"):
        compileall.compile_dir(ROOT / package, quiet=1)
    directory = Path(tempfile.mkdtemp(prefix="dataset-bot-bench-"))
    print(f"{description()}; load {os.getloadavg()[0]:.1f}")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            table = runner.run(measure(arguments, directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(f"\n{table.text()}\n")
    for sentence in table.failed:
        print(f"bench: {sentence}", file=sys.stderr)
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
