"""What our drift engine is measured beside, each in a process of its own; run by `bench_drift` with an environment's
own python, so it imports nothing of this project.

`scan FILE`: every column read with pyarrow alone, by as many threads as there are processors, and dropped.
`scipy BASELINE TARGET`: a careful script with pandas and scipy. `evidently BASELINE TARGET`: its DataDriftPreset.
Each prints one JSON line of what it found.
"""
# ruff: noqa: PLC0415 - each peer is installed in an environment of its own

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor


def scan(path: str) -> dict[str, object]:
    """One column after the other by as many threads as there are processors, in batches of 131,072 rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)
    metadata = pq.read_metadata(path)

    def read(column: str) -> int:
        texts = [column] if column.startswith("c") else []
        file = pq.ParquetFile(path, metadata=metadata, read_dictionary=texts, buffer_size=256 * 1024)
        return sum(
            batch.num_rows for batch in file.iter_batches(batch_size=131_072, columns=[column], use_threads=False)
        )

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        rows = list(pool.map(read, pq.read_schema(path).names))
    return {"rows": rows[0]}


def scipy(baseline: str, target: str) -> dict[str, object]:
    """Column by column: KS, Wasserstein, Jensen-Shannon; Jensen-Shannon and chi-squared of categories."""
    import numpy as np
    import pandas as pd
    from scipy import stats
    from scipy.spatial.distance import jensenshannon

    left, right = pd.read_parquet(baseline), pd.read_parquet(target)
    found: dict[str, object] = {}
    for name in left.columns:
        a, b = left[name].dropna(), right[name].dropna()
        if name.startswith("n"):
            x, y = a.to_numpy(), b.to_numpy()
            edges = np.histogram_bin_edges(np.concatenate((x, y)), "sturges")
            p, q = (np.histogram(side, edges)[0] / len(side) for side in (x, y))
            found[name] = [
                float(stats.ks_2samp(x, y, method="asymp").statistic),
                float(stats.wasserstein_distance(x, y) / max(float(np.std(x)), 0.001)),
                float(jensenshannon(p, q)),
            ]
        elif name != "ts":
            counts = pd.concat([a.value_counts(), b.value_counts()], axis=1).fillna(0).to_numpy()
            expected = np.maximum(counts[:, 0], 1e-9) / counts[:, 0].sum() * counts[:, 1].sum()
            statistic = float(((counts[:, 1] - expected) ** 2 / expected).sum())
            found[name] = [float(jensenshannon(counts[:, 0], counts[:, 1])), statistic]
    return {"columns": found}


def evidently(baseline: str, target: str) -> dict[str, object]:
    """The preset on two data frames, to a dictionary; dates are left out, which it refuses."""
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    left, right = (pd.read_parquet(path).drop(columns="ts") for path in (baseline, target))
    result = Report([DataDriftPreset()]).run(current_data=right, reference_data=left)
    first = result.dict()["metrics"][0]
    return {"drifted": first["value"]["count"]}


def main() -> None:
    """See above."""
    what, *paths = sys.argv[1:]
    print(json.dumps({"scan": scan, "scipy": scipy, "evidently": evidently}[what](*paths)))


if __name__ == "__main__":
    main()
