"""Both ways of using Spark, each in a process of its own, for `test_spark`.

`python -m tests.drift.spark_runs classic FOLDER` starts a real local Spark, profiles what is in FOLDER with a classic
session, says so and goes on as a Spark Connect server until its input ends. `… connect FOLDER`, with SPARK_REMOTE set,
does the same through that server and ends.
"""

from __future__ import annotations

import sys
from pathlib import Path

from services.drift.encode import decode, encode
from services.drift.spark import open_session, profile_frame, read_files
from services.errors import SourceProblem

BASELINE, TARGET, PLAN, REFUSED = "baseline", "target", "plan.profile", "refused.txt"
BARE, LACKING = "bare-python", "lacking.txt"
"""A Python without packages, put into FOLDER by the test, and what was told where executors ran it."""

EXECUTORS = "spark.sql.execution.pyspark.python"


def main() -> None:
    """See above."""
    way, folder = sys.argv[1], Path(sys.argv[2])
    session = open_session()
    batches = session.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch")
    plan = decode((folder / PLAN).read_bytes()).plan
    side = BASELINE if way == "classic" else TARGET
    made = profile_frame(
        read_files(session, [str(folder / side)], "parquet", {}), plan=plan, name=side, fingerprint="f1"
    )
    (folder / f"{side}.{way}").write_bytes(encode(made))
    if way == "connect":
        frame = read_files(session, [str(folder / BASELINE)], "parquet", {})
        (folder / "own.connect").write_bytes(encode(profile_frame(frame, name="own")))
        try:
            profile_frame(read_files(session, [str(folder / "nothing")], "parquet", {}), name="nothing")
        except SourceProblem as problem:
            (folder / REFUSED).write_text(problem.sentence)
        session.conf.set(EXECUTORS, str(folder / BARE))
        try:
            profile_frame(frame, plan=plan, name=BASELINE)
        except SourceProblem as problem:
            (folder / LACKING).write_text(problem.sentence)
        session.conf.unset(EXECUTORS)
    assert session.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch") == batches
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if way == "classic":
        sys.stdin.read()
    session.stop()


if __name__ == "__main__":
    main()
