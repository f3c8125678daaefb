"""Profiles made inside an existing Spark cluster, by the kernel that counts locally; only counts leave the cluster.

Through Spark Connect (`SPARK_REMOTE=sc://host:port`) or a classic session. Executors need numpy and pyarrow, which
`mapInArrow` asks for anyway; the kernel is sent to them. pyspark is imported here alone, when it is used.
"""
# ruff: noqa: PLC0415 - see above: pyspark is an optional extra

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from services.drift.columns import kind_of, type_name
from services.drift.encode import decode, encode
from services.drift.model import ColumnPlan, Kind, Plan, Profile
from services.drift.numbers import BLOCK
from services.drift.plan import make_plan, plan_of
from services.drift.profile import merge_all
from services.drift.scan import SAMPLE_ROWS, absent, fits
from services.drift.spark_kernel import PARTIAL, adding, counting, sampling
from services.errors import InvalidInput, SourceProblem
from services.reading.display import quoted, visible
from services.reading.limits import GIB

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

REMOTE = "SPARK_REMOTE"
AUTO_BYTES = 64 * GIB
"""Files larger than this together are left to Spark where there is one: one machine reads them in some ten minutes."""

_REACHED = 5  # seconds in which a server has to take a connection
_LACKING = re.compile(r"(?:No module named '|PACKAGE_NOT_INSTALLED\] )([\w.]+)")
_OTHER_PYTHON = "PYTHON_VERSION_MISMATCH"
_ROWS_PER_BATCH = "spark.sql.execution.arrow.maxRecordsPerBatch"
_PLACE = "c{}"
_AS_TEXT = ("void", "variant", "interval")  # types that Arrow has no word for
_SHIPPED = (
    "__init__", "buffers", "categories", "columns", "encode", "model", "numbers", "plan", "profile", "spark_kernel",
    "stored",
)  # fmt: skip


def is_available() -> bool:
    """Is the optional extra installed? Imports nothing."""
    return find_spec("pyspark") is not None


def chosen_engine(asked: str, size: int | None) -> str:
    """ "local" or "spark". asked: one of them, or "auto": by the size of the files in bytes, None where not known.

    Raises InvalidInput when Spark is asked for and not installed.
    """
    if asked == "spark" and not is_available():
        raise InvalidInput(
            "The engine “spark” needs pyspark: install dataset-bot[spark].", code="spark_missing", field="engine"
        )
    if asked != "auto":
        return asked
    large = size is not None and size > AUTO_BYTES
    return "spark" if large and is_available() and os.environ.get(REMOTE) else "local"


def open_session() -> SparkSession:
    """The session of SPARK_REMOTE, else the classic one of this machine's Spark settings. Raises SourceProblem."""
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    remote = os.environ.get(REMOTE)
    try:
        with _quiet():
            if remote:
                _reach(remote)
            builder = SparkSession.builder.appName("dataset-bot drift")
            return (builder.remote(remote) if remote else builder).getOrCreate()
    except (PySparkException, RuntimeError, OSError) as error:
        if not remote:
            raise SourceProblem(
                f"Spark does not start on this machine: {_first_line(error)} Install Java 17 or newer, or set {REMOTE} "
                "to a Spark Connect server (sc://host:port).",
                code="spark_unreachable",
                field="engine",
            ) from None
        raise _unreachable(remote, f"does not answer: {_first_line(error)}") from None


def _reach(remote: str) -> None:
    """Raises SourceProblem where nobody listens, which pyspark would try for ten minutes."""
    from grpc import FutureTimeoutError, channel_ready_future
    from pyspark.sql.connect.client import DefaultChannelBuilder

    channel = DefaultChannelBuilder(remote).toChannel()
    try:
        channel_ready_future(channel).result(timeout=_REACHED)
    except FutureTimeoutError:
        raise _unreachable(remote, f"did not answer within {_REACHED} seconds.") from None
    finally:
        channel.close()


def _unreachable(remote: str, what: str) -> SourceProblem:
    """Without what follows the address, which may hold a token."""
    return SourceProblem(
        f"Spark at {visible(remote.partition(';')[0], 100)} {what} {REMOTE} has to name a running Spark Connect server "
        "(sc://host:port) that this machine may connect to; with --engine local data are counted here.",
        code="spark_unreachable",
        field="engine",
    )


def read_files(session: SparkSession, paths: Sequence[str], format_: str, options: dict[str, str]) -> DataFrame:
    """Files as Spark finds them, in its own words for formats and options ("parquet", "csv" with "header", "json")."""
    return session.read.format(format_).options(**options).load(list(paths))


def profile_frame(frame: DataFrame, *, plan: Plan | None = None, name: str = "", fingerprint: str = "") -> Profile:
    """The profile of a DataFrame, as `services.drift.scan.scan` makes one. plan: the baseline's, for a target.

    Raises SourceProblem naming what Spark says; the session and its settings are left as they were.
    """
    from pyspark.errors import PySparkException

    try:
        with _quiet(), _large_batches(frame.sparkSession):
            ship(frame.sparkSession)
            return _profile(frame, plan, name, fingerprint)
    except PySparkException as error:
        raise _failed(name, error) from None


def _failed(name: str, error: Exception) -> SourceProblem:
    """What Spark says, and for what an administrator has to do also that."""
    lacking = _LACKING.search(str(error))
    if lacking is not None:
        return SourceProblem(
            f"The Python of Spark's executors has no {visible(lacking[1].partition('.')[0], 60)}. Install numpy and "
            "pyarrow there, or let spark.pyspark.python name a Python that has both; with --engine local data are "
            "counted here.",
            code="spark_lacks_packages",
            field="engine",
        )
    if _OTHER_PYTHON in str(error):
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        return SourceProblem(
            f"Spark's executors run another Python than this machine, which has {here}: let spark.pyspark.python name "
            f"a Python {here}, or run this command with theirs.",
            code="spark_other_python",
            field="engine",
        )
    return SourceProblem(
        f"Spark could not read {quoted(name or 'the data')}: {_first_line(error)}", code="spark_failed"
    )


def _profile(frame: DataFrame, plan: Plan | None, name: str, fingerprint: str) -> Profile:
    names = list(frame.columns)
    readable = _readable(frame)
    here = {each: field.type for each, field in zip(names, _arrow_schema(readable), strict=True)}
    for each in frame.schema.fields:  # a column without any value has no type of its own
        if each.dataType.typeName() == "void":
            here[each.name] = pa.null()
    if plan is None:
        plan = _retyped(plan_of(_sample(readable).rename_columns(names)), here)
    known = [each for each in plan.columns if each.name in here and fits(each, here[each.name])]
    places = [_PLACE.format(names.index(each.name)) for each in known]
    counted = _count(readable.select(*places), make_plan(known)) if known else None
    found = {each.name: each for each in counted.columns} if counted is not None else {}
    rows = counted.rows if counted is not None else int(readable.count())
    counted_names = {each.name for each in known}
    return Profile(
        plan=plan,
        rows=rows,
        columns=tuple(
            replace(found[each.name], arrow_type=type_name(here[each.name]))
            if each.name in found
            else absent(each, rows)
            for each in plan.columns
        ),
        others=tuple((field, type_name(kind)) for field, kind in here.items() if field not in counted_names),
        missing=tuple(each.name for each in plan.columns if each.name not in counted_names),
        source=name,
        fingerprint=fingerprint,
    )


def _count(frame: DataFrame, plan: Plan) -> Profile | None:
    """Each partition is counted where it is, the counts added up by as few tasks as Spark sees fit."""
    empty = encode(Profile(plan, 0, tuple(absent(each, 0) for each in plan.columns)))
    schema = f"{PARTIAL} binary"
    parts = frame.mapInArrow(counting(empty), schema)
    merged = parts.repartition(PARTIAL).mapInArrow(adding(), schema).collect()
    return merge_all(decode(bytes(row[0])) for row in merged) if merged else None


def _sample(frame: DataFrame) -> pa.Table:
    """Rows from the beginning of every partition, as many from each; the rest is not read."""
    from pyspark.sql import functions as f

    partitions = frame.select(f.spark_partition_id().alias("p")).distinct().count()
    quota = max(SAMPLE_ROWS // max(partitions, 1), 64)
    found: pa.Table = frame.mapInArrow(sampling(quota), frame.schema).limit(2 * SAMPLE_ROWS).toArrow()
    return found


def _retyped(plan: Plan, here: dict[str, pa.DataType]) -> Plan:
    """The plan with columns that Spark says are of no type as such; they were read as text."""
    return make_plan(
        [
            ColumnPlan(each.name, Kind.EMPTY, "null") if kind_of(here[each.name]) is Kind.EMPTY else each
            for each in plan.columns
        ]
    )


def _readable(frame: DataFrame) -> DataFrame:
    """The frame with columns called by their place, whatever is in their names, and as text where Arrow has no type."""
    places = [_PLACE.format(index) for index in range(len(frame.columns))]
    renamed = frame.toDF(*places)
    as_text = [field.dataType.typeName().startswith(_AS_TEXT) for field in frame.schema.fields]
    if not any(as_text):
        return renamed
    return renamed.select(
        *(
            renamed[place].cast("string").alias(place) if odd else renamed[place]
            for place, odd in zip(places, as_text, strict=True)
        )
    )


def _arrow_schema(frame: DataFrame) -> pa.Schema:
    """The types that executors will see."""
    found: pa.Schema = frame.limit(0).toArrow().schema
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Without pyspark's warning that it was not tested with this pandas, of which nothing here makes use."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield


@contextmanager
def _large_batches(session: SparkSession) -> Iterator[None]:
    """Executors get rows in blocks that the kernel counts at once."""
    before = session.conf.get(_ROWS_PER_BATCH)
    session.conf.set(_ROWS_PER_BATCH, str(BLOCK))
    try:
        yield
    finally:
        session.conf.set(_ROWS_PER_BATCH, str(before))


_shipped: set[int] = set()  # ids of sessions that have the kernel


def ship(session: SparkSession) -> None:
    """Send the kernel to the executors of a session, once."""
    if id(session) in _shipped:
        return
    packed = pack_kernel()
    # Executors keep what they got by its name: another kernel needs another one.
    name = f"dataset_bot_drift_{hashlib.sha256(packed).hexdigest()[:16]}.zip"
    path = Path(tempfile.mkdtemp(prefix="dataset-bot-"), name)
    path.write_bytes(packed)
    add_artifacts: Any = session.addArtifacts
    add_artifacts(str(path), pyfile=True)
    _shipped.add(id(session))


def pack_kernel() -> bytes:
    """The modules that executors import, as a zip that Python imports from; the same modules give the same bytes."""
    made = io.BytesIO()
    folder = Path(__file__).parent
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(zipfile.ZipInfo("services/__init__.py"), "")
        for module in _SHIPPED:
            text = (folder / f"{module}.py").read_bytes()
            packed.writestr(zipfile.ZipInfo(f"services/drift/{module}.py"), text, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _first_line(error: BaseException) -> str:
    return visible(str(error).strip().partition("\n")[0], 300)
