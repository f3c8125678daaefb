"""Data for measuring the drift engine: `python -m scripts.drift_data ROWS FOLDER` writes baseline and target.

20 columns: 12 numbers of different shapes (nulls 0 to 20 %), 6 texts of 5 to 5,000 categories, a timestamp and a
boolean. The target drifts in n01 n02 n05 n07 n08 n11, in c2 c3 c5 c6, in flag and ts, and in the share of nulls of n03;
n03 n04 n06 n09 n10 n12, c1 and c4 have the same distribution on both sides. Wider data repeat the columns under other
names with other values. The same rows come of the same arguments, whatever machine writes them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

GROUP = 250_000
"""Rows of a row group."""

COLUMNS = 20
SIDES = ("baseline", "target")
_CATEGORIES = {"c1": 5, "c2": 12, "c3": 50, "c4": 300, "c5": 2_000, "c6": 5_000}
_DRIFTING_TEXTS = {"c2": 0.05, "c3": 0.08, "c5": 0.06, "c6": 0.1}
_START = 1_704_067_200_000_000  # 2024-01-01 UTC, microseconds
_DAY = 86_400_000_000

Rng = np.random.Generator
Floats = NDArray[np.float64]
_Numbers = Callable[[Rng, int, bool], NDArray[np.generic]]


def _bimodal(rng: Rng, rows: int, moved: bool) -> Floats:
    right = rng.random(rows) < (0.45 if moved else 0.35)
    return np.where(right, rng.normal(4, 0.7, rows), rng.normal(-2, 1, rows))


def _zero_inflated(rng: Rng, rows: int, moved: bool) -> Floats:
    return np.where(rng.random(rows) < (0.55 if moved else 0.7), 0.0, rng.exponential(20, rows))


_NUMBERS: dict[str, tuple[float, _Numbers]] = {
    # name: (share of nulls, values of (rng, rows, is this the drifted side))
    "n01_normal": (0.0, lambda rng, rows, moved: rng.normal(50 + 1.5 * moved, 10, rows)),
    "n02_lognorm": (0.02, lambda rng, rows, moved: rng.lognormal(3 + 0.2 * moved, 1, rows)),
    "n03_expo": (0.05, lambda rng, rows, moved: rng.exponential(7, rows)),
    "n04_uniform": (0.0, lambda rng, rows, moved: rng.uniform(-1, 1, rows)),
    "n05_gamma": (0.01, lambda rng, rows, moved: rng.gamma(2.3 if moved else 2.0, 3, rows)),
    "n06_beta": (0.0, lambda rng, rows, moved: rng.beta(2, 5, rows)),
    "n07_bimodal": (0.1, _bimodal),
    "n08_poisson": (0.0, lambda rng, rows, moved: rng.poisson(5 if moved else 4, rows).astype(np.int32)),
    "n09_int64": (0.0, lambda rng, rows, moved: rng.integers(0, 1_000_000_000, rows)),
    "n10_heavy": (0.2, lambda rng, rows, moved: rng.standard_t(2, rows)),
    "n11_zeros": (0.0, _zero_inflated),
    "n12_price": (0.03, lambda rng, rows, moved: np.round(rng.lognormal(2.5, 0.6, rows), 2)),
}


def write(rows: int, folder: Path, *, columns: int = COLUMNS, seed: int = 7) -> tuple[Path, Path]:
    """`baseline.parquet` and `target.parquet` of so many rows each. columns: a multiple of 20."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for side in SIDES:
        path = folder / f"{side}.parquet"
        unfinished = path.with_suffix(".part")
        writer: pq.ParquetWriter | None = None
        for table in tables(rows, side, columns=columns, seed=seed):
            writer = writer or pq.ParquetWriter(unfinished, table.schema, compression="zstd")
            writer.write_table(table, row_group_size=GROUP)
        assert writer is not None
        writer.close()
        unfinished.replace(path)
        paths.append(path)
    return paths[0], paths[1]


def tables(rows: int, side: str, *, columns: int = COLUMNS, seed: int = 7) -> Iterator[pa.Table]:
    """The rows of one side, a row group at a time."""
    for index, start in enumerate(range(0, rows, GROUP)):
        count = min(GROUP, rows - start)
        names: list[str] = []
        arrays: list[pa.Array] = []
        for copy in range(columns // COLUMNS):
            rng = np.random.default_rng([seed, SIDES.index(side), copy, index])
            made = _block(rng, count, moved=side == "target", first=start, rows=rows)
            names += [name if copy == 0 else f"{name}_{copy + 1}" for name in made]
            arrays += made.values()
        yield pa.table(arrays, names=names)


def _block(rng: Rng, count: int, *, moved: bool, first: int, rows: int) -> dict[str, pa.Array]:
    made: dict[str, pa.Array] = {}
    for name, (nulls, draw) in _NUMBERS.items():
        share = 0.08 if moved and name.startswith("n03") else nulls
        values = draw(rng, count, moved)
        made[name] = pa.array(values, mask=rng.random(count) < share if share else None)
    for name, distinct in _CATEGORIES.items():
        made[name] = _texts(rng, count, name, distinct, _DRIFTING_TEXTS.get(name, 0.0) if moved else 0.0)
    spread = (first + rng.random(count) * count) / rows * 90 * _DAY
    made["ts"] = pa.array((_START + (90 * _DAY if moved else 0) + spread).astype(np.int64), pa.timestamp("us"))
    made["flag"] = pa.array(rng.random(count) < (0.35 if moved else 0.3))
    return made


def _texts(rng: Rng, count: int, name: str, distinct: int, moved: float) -> pa.Array:
    """Categories by Zipf's law; of the drifted side a share is drawn evenly over all categories instead."""
    weights = 1 / np.arange(1, distinct + 1) ** 0.8
    steps = np.cumsum(weights / weights.sum())
    codes = np.minimum(np.searchsorted(steps, rng.random(count)), distinct - 1)
    evenly = rng.random(count) < moved
    codes = np.where(evenly, rng.integers(0, distinct, count), codes)
    words = pa.array([f"{name}_{code:05d}" for code in range(distinct)])
    return words.take(pa.array(codes))


def main() -> None:
    """Write the data, tell where they are."""
    parser = argparse.ArgumentParser(description="Write baseline.parquet and target.parquet for measuring drift.")
    parser.add_argument("rows", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--columns", type=int, default=COLUMNS, help="a multiple of 20")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    for path in write(asked.rows, asked.folder, columns=asked.columns, seed=asked.seed):
        print(f"{path}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
