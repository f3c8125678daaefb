"""The measured processes, from outside: started, asked, weighed, ended; and how busy the machine was meanwhile."""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from scripts.bench_requests import SECRET, Connection
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
_START_SECONDS = 600.0
_TICKS = os.sysconf("SC_CLK_TCK")


class BotProcess:
    """`python -m bot serve` with its state in a directory. Times are seconds from the start of the process."""

    def __init__(self, directory: Path, slack_url: str, more: Mapping[str, str] | None = None) -> None:
        """more: environment variables beside the usual ones, or in their place."""
        self._directory = directory
        self.port = free_port()
        self.log = directory / "bot.log"
        settings = {
            "SLACK_BOT_TOKEN": "xoxb-bench-token",
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_API_URL": f"{slack_url}/api/",
            "DATABASE_URL": f"sqlite:///{directory / 'bot.sqlite'}",
            "WORKSPACE": f"local:{directory / 'workspace'}",
            "PORT": str(self.port),
            "ALLOW_PRIVATE_URLS": "true",
            "JOBS_DATA": "20",
        }
        inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
        self._environment = inherited | settings | {"PYTHONPATH": str(ROOT)} | dict(more or {})
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> float:
        """Start it; how long until /readyz said 200."""
        began = time.perf_counter()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220  # as short as starting it can be timed
                [sys.executable, "-m", "bot", "serve"],
                cwd=self._directory, env=self._environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        while time.perf_counter() - began < _START_SECONDS:
            if self._process.poll() is not None:
                raise SystemExit(f"bench: the bot ended at its start:\n{self.log.read_text()[-2000:]}")
            if await _is_ready(self.port):
                return time.perf_counter() - began
            await asyncio.sleep(0.01)
        raise SystemExit("bench: the bot does not become ready.")

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """End it as a service manager does."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End it without a warning, as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


async def _is_ready(port: int) -> bool:
    try:
        return (await _page(port, "/readyz")).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


async def jobs_running(port: int, pool: str) -> int:
    """How many jobs of a pool run now, by the bot's own metrics."""
    return int(await metric(port, f'dataset_bot_jobs_running{{pool="{pool}"}}', missing=None))


async def metric(port: int, name: str, *, missing: float | None = 0.0) -> float:
    """One of the bot's own metrics, with its labels as /metrics shows them. missing: for one not counted yet."""
    for line in (await _page(port, "/metrics")).decode().splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    if missing is None:
        raise SystemExit(f"bench: the bot's metrics do not tell {name}.")
    return missing


async def _page(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode())
        return await reader.read(-1)
    finally:
        writer.close()


@contextmanager
def plain_echo() -> Iterator[tuple[int, int]]:
    """The yardstick's process: (port, process id)."""
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.bench_plain"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process.pid
    finally:
        process.kill()
        process.wait()


async def can_connect(port: int) -> None:
    """Wait until the port is served."""
    for _ in range(500):
        try:
            await (await Connection.open(port)).close()
        except OSError:
            await asyncio.sleep(0.02)
        else:
            return
    raise SystemExit("bench: the plain echo does not start.")


# Memory


def resident(pid: int, field: str = "VmRSS") -> float:
    """Resident memory of a process in MiB. field: VmRSS now, VmHWM at its highest."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def descendants(pid: int) -> list[int]:
    """Processes that the process started, and theirs."""
    found = []
    try:
        children = [
            int(child) for each in Path(f"/proc/{pid}/task").glob("*/children") for child in each.read_text().split()
        ]
    except OSError:  # it ended meanwhile
        return []
    for child in children:
        found += [child, *descendants(child)]
    return found


# The machine


class Machine:
    """What else the machine did while something was measured."""

    def __init__(self, *pids: int) -> None:
        """pids: processes that belong to the measurement, beside this one."""
        self._pids = (os.getpid(), *pids)
        self._best = min(_loop() for _ in range(20))
        self._began = self._now()

    def others(self) -> float:
        """Share of the processors' time since the start that went to processes not ours, 0 to 1."""
        busy, ours, total = (now - then for now, then in zip(self._now(), self._began, strict=True))
        return max(0.0, (busy - ours) / total) if total else 0.0

    @property
    def loop_ms(self) -> float:
        """Best time of a fixed loop just before: how fast the processor was."""
        return self._best * 1000

    def _now(self) -> tuple[int, int, int]:
        """(busy, ours, all) in clock ticks."""
        fields = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        idle = fields[3] + fields[4]
        ours = {*self._pids, *(child for pid in self._pids for child in descendants(pid))}
        return sum(fields) - idle, sum(map(_ticks, ours)), sum(fields)


def _ticks(pid: int) -> int:
    """Processor time of a process and of its ended children."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))


def processor_seconds(pid: int) -> float:
    """Processor time of all threads of a process so far; what else the machine does hardly counts."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in tasks) / 1e9


def _loop() -> float:
    began = time.perf_counter()
    total = 0
    for number in range(50_000):
        total += number & 7
    return time.perf_counter() - began


def description() -> str:
    """The machine in a line."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model}, {os.cpu_count()} processors, {memory:.0f} GiB; {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )
