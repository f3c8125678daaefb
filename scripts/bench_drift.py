"""The drift engine beside what it is compared with: whole processes, from their start to their end.

Ratios come from pairs run in turns, each side first in every other pair, so that what else the machine does hits both,
and with the files in the page cache. Data and the peers' environments are made once, under var/bench/.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.storage.blob import AccountSasPermissions, BlobServiceClient, ResourceTypes, generate_account_sas

from scripts.bench_processes import ROOT, Machine
from scripts.bench_table import Figure, Table
from scripts.drift_data import COLUMNS, write
from tests.contract.azurite import ACCOUNTS, Azurite
from tests.contract.ca import CertificateAuthority

FOLDER = ROOT / "var" / "bench"
FEW = 2_000
SMALL = 1_000_000
LARGE = 10_000_000
LARGEST_COPIES = 5
WIDE = 200
PEERS = {
    # With the newest pandas none of them starts; see docs/benchmarks.md.
    "evidently": ("evidently==0.7.23", "pandas<3", "pyarrow"),
    "scipy": ("pandas<3", "scipy", "pyarrow"),
}
MB = 1e6
_ACCOUNT = "mlstorage"
_WELL = (0, 1)  # 1: the data drifted


@dataclass(frozen=True, slots=True)
class Run:
    """A process from start to end. Seconds, and megabytes of resident memory at its highest."""

    wall: float
    cpu: float
    peak: float

    def text(self) -> str:
        """For the table."""
        return f"{self.wall:.2f} s, cpu {self.cpu:.2f} s, {self.peak:.0f} MB"


def run(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> Run:
    """Run a command to its end. Raises SystemExit with what it said when it fails."""
    with tempfile.TemporaryFile() as said, tempfile.NamedTemporaryFile() as result:
        subprocess.run(
            [sys.executable, "-I", "-S", "scripts/measured_process.py", result.name, *map(str, command)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env={**os.environ, **(environment or {})},
            check=True,
        )
        used = json.loads(Path(result.name).read_bytes())
        if used["status"] not in _WELL:
            said.seek(0)
            words = " ".join(map(str, command))
            raise SystemExit(f"bench: {words} failed: {said.read()[-2000:].decode(errors='replace')}")
    return Run(used["wall"], used["cpu"], used["peak"] / MB)


@dataclass(frozen=True, slots=True)
class Pairs:
    """The same number of runs of both sides, in turns."""

    ours: tuple[Run, ...]
    theirs: tuple[Run, ...]

    def ratio(self, of: Callable[[Run], float]) -> float:
        """Theirs to ours: the median over the pairs."""
        return statistics.median(of(b) / of(a) for a, b in zip(self.ours, self.theirs, strict=True))


def in_turns(
    ours: Sequence[str | Path],
    theirs: Sequence[str | Path],
    times: int,
    environment: dict[str, str] | None = None,
    *,
    ours_each: int = 1,
) -> Pairs:
    """Both commands so often, each first in every other pair; the files that they name are in the page cache.

    ours_each: runs of ours in each pair, of which the one with the median wall time counts: where ours takes a second
    and theirs a hundred, whatever else the machine does in that second would decide the ratio.
    """
    for file in {Path(part) for part in (*ours, *theirs) if Path(part).is_file()}:
        _warm(file)

    def one_of_ours() -> Run:
        runs = sorted((run(ours, environment) for _ in range(ours_each)), key=lambda each: each.wall)
        return runs[len(runs) // 2]

    mine: list[Run] = []
    other: list[Run] = []
    for turn in range(times):
        if turn % 2:
            other.append(run(theirs, environment))
            mine.append(one_of_ours())
        else:
            mine.append(one_of_ours())
            other.append(run(theirs, environment))
    return Pairs(tuple(mine), tuple(other))


def _warm(file: Path) -> None:
    """Read a file through, so that nobody who reads it waits for the disk."""
    with file.open("rb") as stream:
        while stream.read(1 << 24):
            pass


def median(runs: Sequence[Run]) -> Run:
    """Each figure's own median; the highest memory."""
    return Run(
        statistics.median(each.wall for each in runs),
        statistics.median(each.cpu for each in runs),
        max(each.peak for each in runs),
    )


def data(rows: int, columns: int = COLUMNS) -> tuple[Path, Path]:
    """Baseline and target of so many rows, written when they are not there."""
    folder = FOLDER / f"drift-{rows}x{columns}"
    sides = folder / "baseline.parquet", folder / "target.parquet"
    if not all(side.exists() for side in sides):
        print(f"  writing {rows:,} rows x {columns} columns, twice", flush=True)
        write(rows, folder, columns=columns)
    return sides


def copies(file: Path, count: int) -> Path:
    """A folder with the same file several times, without using its room again."""
    folder = file.parent / f"{file.stem}-x{count}"
    folder.mkdir(exist_ok=True)
    for number in range(count):
        link = folder / f"{number}.parquet"
        if not link.exists():
            link.hardlink_to(file)
    return folder


def peer(name: str) -> list[str | Path]:
    """The command of a peer, installed when it is not there."""
    folder = FOLDER / name
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        print(f"  installing {name} into {folder.relative_to(ROOT)}", flush=True)
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "-q", "--clear", "-p", sys.executable, folder], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", python, *PEERS[name]], check=True)
        done.touch()
    return [python, "scripts/bench_drift_peers.py", name]


def compare(baseline: Path, target: Path, *options: str) -> list[str | Path]:
    """Our command line."""
    return [sys.executable, "-m", "bot", "drift", "compare", baseline, target, "--json", *options]


def profile(source: Path, into: Path, *options: str) -> list[str | Path]:
    """Our command line."""
    return [sys.executable, "-m", "bot", "drift", "profile", source, "-o", into, *options]


def scan(file: Path) -> list[str | Path]:
    """Reading the same columns with pyarrow and nothing else."""
    return [sys.executable, "scripts/bench_drift_peers.py", "scan", file]


def measure_drift(table: Table, *, rounds: int, full: bool) -> None:
    """A million rows; full: everything of the documentation's table, which takes half an hour."""
    _evidently(table, SMALL, rounds=3 if full else 1)
    _scipy(table, LARGE if full else SMALL, rounds=1 if full else rounds)
    for rows in (SMALL, LARGE) if full else (SMALL,):
        _stored(table, rows, rounds)
    _blobs(table, SMALL, rounds)
    if full:
        _growth(table, rounds)
        _wide(table, rounds)


def _evidently(table: Table, rows: int, rounds: int) -> None:
    baseline, target = data(rows)
    for command in (compare(*data(FEW)), [*peer("evidently"), *data(FEW)]):
        run(command)  # so that the code of both is in the page cache, too
    machine = Machine()
    found = in_turns(compare(baseline, target), [*peer("evidently"), baseline, target], rounds, ours_each=3)
    ours, theirs = median(found.ours), median(found.theirs)
    cpu, wall = found.ratio(lambda each: each.cpu), found.ratio(lambda each: each.wall)
    table.add(
        Figure(
            f"Drift: {rows:,} rows x {COLUMNS} on both sides, no profile stored",
            ours.text(),
            f"Evidently's DataDriftPreset: {theirs.text()}",
            min(cpu, wall),
            f"cpu and wall ≥ 40 × less (cpu {cpu:.1f}, wall {wall:.1f}), ≤ 200 MB",
            min(cpu, wall) >= 40 and ours.peak <= 200,
            machine.others(),
        )
    )


def _scipy(table: Table, rows: int, rounds: int) -> None:
    baseline, target = data(rows)
    machine = Machine()
    found = in_turns(compare(baseline, target), [*peer("scipy"), baseline, target], rounds)
    ours, theirs = median(found.ours), median(found.theirs)
    cpu, peak = found.ratio(lambda each: each.cpu), theirs.peak / ours.peak
    at_full_size = rows >= LARGE
    table.add(
        Figure(
            f"Drift: {rows:,} rows x {COLUMNS} on both sides, no profile stored",
            ours.text(),
            f"pandas and scipy: {theirs.text()}",
            cpu,
            f"cpu ≥ 10 ×, memory ≥ 35 × less ({peak:.1f}), ≤ 150 MB" if at_full_size else f"memory {peak:.1f} × less",
            cpu >= 10 and peak >= 35 and ours.peak <= 150 if at_full_size else None,
            machine.others(),
        )
    )


def _stored(table: Table, rows: int, rounds: int) -> None:
    baseline, target = data(rows)
    machine = Machine()
    with _scratch() as folder:
        kept = folder / "baseline.profile"
        run(profile(baseline, kept))
        found = in_turns(scan(target), compare(kept, target), rounds)
        size = kept.stat().st_size / MB
    reading, ours = median(found.ours), median(found.theirs)
    cpu = found.ratio(lambda each: each.cpu)
    table.add(
        Figure(
            f"Drift: {rows:,} rows against a stored baseline ({size:.2f} MB)",
            ours.text(),
            f"bare pyarrow scan: {reading.text()}",
            cpu,
            "cpu ≤ 3 × (goal 2 ×), ≤ 130 MB" if rows >= LARGE else "",
            cpu <= 3 and ours.peak <= 130 if rows >= LARGE else None,
            machine.others(),
        )
    )


def _growth(table: Table, rounds: int) -> None:
    small, (_, large) = data(SMALL)[1], data(LARGE)
    largest = copies(large, LARGEST_COPIES)
    machine = Machine()
    with _scratch() as folder:
        kept = folder / "baseline.profile"
        run(profile(data(SMALL)[0], kept))
        sizes = {SMALL: small, LARGE: large, LARGE * LARGEST_COPIES: largest}
        runs = {rows: median([run(compare(kept, source)) for _ in range(rounds)]) for rows, source in sizes.items()}
    first, middle, last = runs.values()
    memory = last.peak / first.peak
    table.add(
        Figure(
            f"Drift: {LARGE * LARGEST_COPIES:,} rows against a stored baseline",
            last.text(),
            f"{SMALL:,} rows: {first.text()}; {LARGE:,} rows: {middle.text()}",
            last.cpu / middle.cpu,
            f"memory ± 15 % ({memory:.2f}), cpu {LARGEST_COPIES} × that of {LARGE:,} ± 5 %",
            abs(memory - 1) <= 0.15 and last.cpu <= LARGEST_COPIES * middle.cpu * 1.05,
            machine.others(),
        )
    )


def _wide(table: Table, rounds: int) -> None:
    machine = Machine()
    found = in_turns(compare(*data(SMALL)), compare(*data(SMALL, WIDE)), rounds)
    narrow, wide = median(found.ours), median(found.theirs)
    ratio = found.ratio(lambda each: each.cpu)
    table.add(
        Figure(
            f"Drift: {SMALL:,} rows x {WIDE} on both sides",
            wide.text(),
            f"x {COLUMNS}: {narrow.text()}",
            ratio,
            "time ≤ 10 ×",
            ratio <= WIDE / COLUMNS,
            machine.others(),
        )
    )


def _blobs(table: Table, rows: int, rounds: int) -> None:
    file = data(rows)[1]
    machine = Machine()
    with _scratch() as folder, _served(file, folder) as (url, signature, environment):
        ours = [sys.executable, "-m", "scripts.bench_drift_blobs"]
        found = in_turns([*ours, "local", file], [*ours, "blob", url, signature, file.name], rounds, environment)
    local, blob = median(found.ours), median(found.theirs)
    wall = found.ratio(lambda each: each.wall)
    table.add(
        Figure(
            f"Drift: profile of {rows:,} rows from blobs (Azurite on the same machine)",
            blob.text(),
            f"the same file from disk: {local.text()}",
            wall,
            "time ≤ 2 ×",
            wall <= 2,
            machine.others(),
        )
    )


@contextmanager
def _served(file: Path, folder: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(URL of a container with the file, a signature that reads it, environment that trusts its certificate)."""
    authority = CertificateAuthority(folder / "ca")
    key = ACCOUNTS[_ACCOUNT]
    with Azurite(authority) as azurite:
        account = f"https://127.0.0.1:{azurite.port}/{_ACCOUNT}"
        client = BlobServiceClient(
            account,
            credential={"account_name": _ACCOUNT, "account_key": key},
            connection_verify=str(authority.root_file),
        )
        with client, file.open("rb") as content:
            client.create_container("bench").upload_blob(file.name, content)
        signature = generate_account_sas(
            _ACCOUNT,
            key,
            ResourceTypes(service=True, container=True, object=True),
            AccountSasPermissions(read=True, list=True),
            datetime.now(UTC) + timedelta(hours=2),
        )
        yield f"{account}/bench", signature, {"SSL_CERT_FILE": str(authority.root_file), "NO_PROXY": "127.0.0.1"}


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="dataset-bot-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
