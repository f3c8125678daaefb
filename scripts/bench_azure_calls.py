"""The same calls by the bot's catalogue and by the bare SDK, each in a process of its own that times them.

Run by the benchmark: python -m scripts.bench_azure_calls ours|bare WORKSPACE DATABASE
Each line of input is one call, `get NAME`, `register NAME` or `tags NAME`; its seconds are the answer.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import uvloop

from scripts.bench_azure_server import SEVERAL, AzurePeer, dataset_name
from scripts.bench_processes import ROOT, Machine
from scripts.bench_requests import Times
from scripts.bench_table import Figure, Table, milliseconds

CALLS = ("get", "register", "tags")
ROUNDS = 40
OVERHEAD_MS = 20.0

# The process that measures


class Caller:
    """A process that makes calls one after the other. whose: ours or bare."""

    def __init__(self, whose: str, peer: AzurePeer, database: Path) -> None:
        inherited = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self._environment: Mapping[str, str] = inherited | peer.environment
        self._arguments = [whose, peer.workspace, str(database)]
        self._log = database.with_suffix(f".{whose}.log")
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "scripts.bench_azure_calls", *self._arguments],
                cwd=ROOT, env=self._environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(30)

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def call(self, what: str, name: str) -> float:
        """Seconds that it took."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(what, name, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"bench: the process that calls Azure ended:\n{self._log.read_text()[-2000:]}")
        return float(line)


def measure_overhead(table: Table, peer: AzurePeer, directory: Path) -> None:
    """Every call by both, in turns, on datasets that neither has met before."""
    with Caller("bare", peer, directory / "calls") as bare, Caller("ours", peer, directory / "calls.sqlite") as ours:
        callers = {"bare": bare, "ours": ours}
        times = {(whose, what): Times() for whose in callers for what in CALLS}
        requests = dict.fromkeys(times, 0)
        for whose, caller in callers.items():
            for number, what in enumerate(CALLS * 3):
                caller.call(what, _name(what, whose, ROUNDS + number))
        machine = Machine(bare.pid, ours.pid, peer.pid)
        for number in range(ROUNDS):
            for what in CALLS:
                for whose, caller in callers.items():
                    peer.forget()
                    times[whose, what].seconds.append(caller.call(what, _name(what, whose, number)))
                    requests[whose, what] += peer.requests()[0]
        others = machine.others()
    for what in CALLS:
        own, reference = times["ours", what], times["bare", what]
        overhead = own.quantile(0.5) - reference.quantile(0.5)
        table.add(
            Figure(
                f"Azure: {_told(what)}, beside the bare SDK",
                f"{milliseconds(own)}, {_each(requests['ours', what])}: {overhead:+.1f} ms",
                f"bare SDK: {milliseconds(reference)}, {_each(requests['bare', what])}",
                goal=f"p50 ≤ +{OVERHEAD_MS:.0f} ms",
                met=overhead <= OVERHEAD_MS,
                others=others,
            )
        )


def _told(what: str) -> str:
    return {"get": "one dataset by its name", "register": "a first version registered", "tags": "a tag added"}[what]


def _each(requests: int) -> str:
    return f"{requests / ROUNDS:.3g} request{'' if requests == ROUNDS else 's'}"


def _name(what: str, whose: str, number: int) -> str:
    """Of a dataset that is there, but for what is registered."""
    if what == "register":
        return f"made_{whose}_{number}"
    return dataset_name(SEVERAL + number * 4 + {"get": 0, "tags": 2}[what] + (whose == "ours"))


# The processes that are measured


def _bare(workspace: str) -> Callable[[str, str], Awaitable[None]]:
    """As the SDK's documentation has it; the workspace and the datastore are opened once."""
    from azureml.core import Dataset, Datastore, Workspace  # noqa: PLC0415 - not in the other process
    from azureml.core.authentication import ServicePrincipalAuthentication  # noqa: PLC0415

    parts = workspace.removeprefix("azureml://").split("/")
    auth = ServicePrincipalAuthentication(
        os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"]
    )
    opened = Workspace(parts[1], parts[3], parts[5], auth=auth)
    store = Datastore.get(opened, "main")

    async def call(what: str, name: str) -> None:
        match what:
            case "get":
                Dataset.get_by_name(opened, name)
            case "register":
                made = Dataset.Tabular.from_parquet_files((store, f"{name}/*.parquet"), validate=False)
                made.register(opened, name, description="Sales by day", tags={"team": "growth"})
            case _:
                Dataset.get_by_name(opened, name).add_tags({"reviewed": "yes"})

    return call


def _ours(workspace: str, database: str) -> Callable[[str, str], Awaitable[None]]:
    """The catalogue as `bot/azure_wiring.py` builds it."""
    from bot.clock import SystemClock  # noqa: PLC0415 - not in the other process
    from services.azure.catalog import AzureCatalog  # noqa: PLC0415
    from services.azure.identity import CredentialKind  # noqa: PLC0415
    from services.azure.mirror import Mirror  # noqa: PLC0415
    from services.azure.registration import Registrar  # noqa: PLC0415
    from services.azure.resource import AzureWorkspaceId  # noqa: PLC0415
    from services.azure.version_store import VersionStore  # noqa: PLC0415
    from services.azure.workers import AzureWorkers, WorkerLimits  # noqa: PLC0415
    from services.datasets.model import (  # noqa: PLC0415
        DatasetType,
        DatastoreSource,
        Definition,
        FileFormat,
        FileStamp,
        Fingerprint,
        Format,
        RegisterRequest,
    )
    from services.store import migrate  # noqa: PLC0415
    from services.store.database import Database  # noqa: PLC0415
    from services.store.workspaces import WorkspaceRow  # noqa: PLC0415

    migrate.upgrade(f"sqlite:///{database}")
    place, clock = AzureWorkspaceId.parse(workspace), SystemClock()
    db = Database.open(f"sqlite:///{database}")
    row = WorkspaceRow(db, place.key)
    workers = AzureWorkers(place, CredentialKind.SERVICE_PRINCIPAL, limits=WorkerLimits(workers=1))
    store = VersionStore(db, row)
    catalog = AzureCatalog(place, workers, Mirror(db, row, clock=clock), store, Registrar(workers, store, clock=clock))

    async def call(what: str, name: str) -> None:
        match what:
            case "get":
                await catalog.get(name)
            case "register":
                source = DatastoreSource("main", (f"{name}/*.parquet",))
                await catalog.register(
                    RegisterRequest(
                        name,
                        Definition(DatasetType.TABULAR, source, Format(FileFormat.PARQUET)),
                        "U0001BENCH",
                        description="Sales by day",
                        tags=(("team", "growth"),),
                    ),
                    Fingerprint(name, (FileStamp("a.parquet", 3, None, name),), datetime.now(UTC)),
                    registration_id=name,
                )
            case "end":
                await workers.close()
                await db.close()
            case _:
                await catalog.change_tags(name, put=[("reviewed", "yes")], remove=[])

    return call


async def _serve(whose: str, workspace: str, database: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the SDK prints; answers are for the one who asks
    call = _ours(workspace, database) if whose == "ours" else _bare(workspace)
    while line := await asyncio.to_thread(sys.stdin.readline):
        what, name = line.split()
        began = time.perf_counter()
        await call(what, name)
        print(time.perf_counter() - began, file=answers, flush=True)
    if whose == "ours":
        await call("end", "")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(*sys.argv[1:]))
