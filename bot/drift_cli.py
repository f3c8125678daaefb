"""`dataset-bot drift`: profile data and compare them from a terminal.

Exit status: 0 no drift, 1 drift, 2 error. What counts (numpy, pyarrow) and what knows workspaces is imported when a
command needs it.
"""
# ruff: noqa: PLC0415 - see above

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.drift.settings import EVERY, CompareSettings, Correction, Metric, Preset
from services.drift.stored import MAGIC

if TYPE_CHECKING:
    from services.drift.comparison import ColumnDrift, Comparison
    from services.drift.model import Plan, Profile
    from services.drift.run import Side
    from services.drift.scan import Progress

NO_DRIFT, DRIFT, ERROR = 0, 1, 2
ALL = "all"
_VERSION = re.compile(r"(?P<name>[^/\\*?\[]+):(?P<version>\d+)")
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_TOLD_EVERY = 0.2  # seconds
_WIDTH = 28


class DriftError(Exception):
    """The command cannot be carried out; its text is one sentence."""


def add_drift_command(commands: Any) -> None:  # argparse's subparsers, a private type
    """Add `drift` with its two commands."""
    drift = commands.add_parser("drift", help="profile data and compare them for drift")
    actions = drift.add_subparsers(required=True, metavar="ACTION")
    profile = actions.add_parser(
        "profile", help="count data once, to compare them many times", description="Count data once into a small file."
    )
    profile.add_argument("source", metavar="SOURCE", help="a file, glob or folder, or name:version of the workspace")
    profile.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="where the profile goes")
    profile.add_argument(
        "--edges-from", metavar="PROFILE", type=Path, help="count where this profile was counted, so that both add up"
    )
    _add_engine(profile)
    profile.set_defaults(run=lambda arguments: _guarded(_profile, arguments))
    compare = actions.add_parser(
        "compare",
        help="tell whether data have drifted",
        description="Compare a target with a baseline. Exit status 0: no drift, 1: drift, 2: error.",
    )
    compare.add_argument("baseline", metavar="BASELINE", help="a profile, a file, glob or folder, or name:version")
    compare.add_argument("target", metavar="TARGET", help="the same")
    compare.add_argument("--columns", metavar="A,B", action="append", help="compare only these")
    compare.add_argument(
        "--metric",
        metavar="COLUMN=METRIC",
        action="append",
        default=[],
        help=f"by column, or one for all; {ALL} tells every metric. One of: {', '.join(Metric)}",
    )
    compare.add_argument(
        "--threshold", metavar="[COLUMN=]NUMBER", action="append", default=[], help="by column, or one for all"
    )
    compare.add_argument("--preset", choices=[each.value for each in Preset], default=Preset.DEFAULT.value)
    compare.add_argument("--correction", choices=[each.value for each in Correction], help="for many p-values")
    compare.add_argument("--minimum-rows", metavar="N", type=int, help="values that each side needs for a verdict")
    compare.add_argument("--exact", action="store_true", help="look at the data again until every distance is exact")
    compare.add_argument(
        "--calibrate", action="store_true", help="thresholds from how much the files of the baseline differ"
    )
    compare.add_argument("--json", action="store_true", help="print JSON, see docs/drift.schema.json")
    compare.add_argument("--chart", metavar="FILE.png", type=Path, help="draw the columns that moved most")
    _add_engine(compare)
    compare.set_defaults(run=lambda arguments: _guarded(_compare, arguments))


def _add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine",
        choices=("local", "spark", "auto"),
        default="auto",
        help="where data are counted: here, or in the Spark cluster of SPARK_REMOTE",
    )


def _guarded(command: Any, arguments: argparse.Namespace) -> int:
    """Run a command; every failure is one sentence and exit status 2."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each column has a thread; more would only take memory
    from services.errors import UserError

    try:
        code: int = command(arguments)
        sys.stdout.flush()
        return code
    except (DriftError, UserError) as error:
        return _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    except MemoryError:
        return _fail("There is not enough memory for these data.")
    except Exception as error:  # noqa: BLE001  # the last door: a sentence for the person, the trace for the log
        from bot.failures import explain

        return _fail(explain(error))


def _fail(sentence: str) -> int:
    print(f"dataset-bot: {sentence}", file=sys.stderr)
    return ERROR


def _profile(arguments: argparse.Namespace) -> int:
    from services.drift.encode import encode

    plan = None if arguments.edges_from is None else _stored(arguments.edges_from).plan
    side = _side(arguments.source, arguments.engine, "profile")
    profile = side.counted(plan)
    if plan is not None and profile.plan.id != plan.id:
        raise DriftError(f"{arguments.source} is a profile already, counted at other edges.")
    _write(arguments.output, encode(profile))
    print(f"{profile.rows:,} rows of {len(profile.columns)} columns are counted in {arguments.output}.")
    return NO_DRIFT


def _compare(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    from dataclasses import replace

    from services.drift.run import compared

    baseline = _side(arguments.baseline, arguments.engine, "baseline")
    target = _side(arguments.target, arguments.engine, "target")
    if arguments.calibrate:
        baseline, thresholds = _calibrated(baseline, settings)
        settings = replace(settings, thresholds={**thresholds, **settings.thresholds})
    comparison, _ = compared(baseline, target, settings)
    comparison = replace(comparison, baseline=arguments.baseline, target=arguments.target)
    if arguments.chart is not None:
        from services.drift.picture import png

        _write(arguments.chart, png(comparison, dark=False))
    if arguments.json:
        from services.drift.comparison_json import to_json

        print(json.dumps(to_json(comparison), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(as_text(comparison)))
    return DRIFT if comparison.dataset.drifted else NO_DRIFT


def settings_of(arguments: argparse.Namespace) -> CompareSettings:
    """What the options ask for. Raises DriftError for a metric or threshold that cannot be read."""
    metrics: dict[str, Metric] = {}
    thresholds: dict[str, float] = {}
    for text in arguments.metric:
        column, _, name = text.rpartition("=")
        if not column and name == ALL:
            continue
        try:
            metrics[column or EVERY] = Metric(name)
        except ValueError:
            raise DriftError(f"There is no metric {name!r}. There are: {', '.join(Metric)}, {ALL}.") from None
    for text in arguments.threshold:
        column, _, number = text.rpartition("=")
        try:
            thresholds[column or EVERY] = float(number)
        except ValueError:
            raise DriftError(f"The threshold {text!r} is no number; write COLUMN=0.2 or 0.2.") from None
    chosen = [name for part in arguments.columns or () for name in part.split(",") if name]
    return CompareSettings(
        preset=Preset(arguments.preset),
        columns=tuple(chosen) if arguments.columns else None,
        metrics=metrics,
        thresholds=thresholds,
        all_metrics=ALL in arguments.metric,
        minimum_rows=arguments.minimum_rows,
        correction=None if arguments.correction is None else Correction(arguments.correction),
        exact=arguments.exact,
    )


def as_text(comparison: Comparison) -> list[str]:
    """The comparison as lines for a terminal."""
    dataset = comparison.dataset
    lines = [
        f"{'column':{_WIDTH}} {'type':12} {'metric':19} {'value':>10} {'threshold':>10}  verdict",
        *(_line(column) for column in comparison.columns),
        "",
    ]
    for column in comparison.columns:
        told = (*column.reasons, *column.notes)
        lines += [f"{_shown(column.name)}: {' '.join(told)}"] if told else []
    lines += [
        f"{_shown(change.column)}: {change.kind.value}{' (' if change.before or change.after else ''}"
        f"{' → '.join(filter(None, (change.before, change.after)))}{')' if change.before or change.after else ''}"
        for change in dataset.schema
    ]
    lines += [
        f"{each.side}: counted twice, same content: {', '.join(map(_shown, each.paths))}"
        for each in dataset.duplicate_files
    ]
    lines += comparison.notes
    count = sum(column.drifted for column in comparison.columns)
    lines.append(
        f"{'DRIFT' if dataset.drifted else 'No drift'}: {count} of {len(comparison.columns)} columns, "
        f"magnitude {dataset.magnitude:.3f}, {dataset.baseline_rows:,} rows against {dataset.target_rows:,}."
    )
    return lines


def _shown(text: str, limit: int = 200) -> str:
    """Without what would move a terminal's cursor."""
    from services.visible import visible

    return visible(text, limit)


def _line(column: ColumnDrift) -> str:
    name = _shown(column.name, _WIDTH)
    value = "" if column.value is None else f"{column.value:.4g}"
    threshold = "" if column.threshold is None else f"{column.threshold:.4g}"
    verdict = "DRIFT" if column.drifted else "" if column.metric is None else "ok"
    return f"{name:{_WIDTH}} {column.type[:12]:12} {column.metric or '':19} {value:>10} {threshold:>10}  {verdict}"


def _side(source: str, engine: str, what: str) -> Side:
    """What a SOURCE is. Raises DriftError when it is nothing."""
    from services.drift.run import Side

    path = Path(source)
    if path.is_file() and _begins_as_profile(path):
        return Side(profile=_stored(path))
    version = _VERSION.fullmatch(source)
    if version is not None and not path.exists():
        from bot.drift_workspace import profile_version

        name, number = version["name"], int(version["version"])
        return Side(count=lambda plan: profile_version(name, number, plan, _progress(what)))
    if _REMOTE.match(source):
        if engine == "local":
            raise DriftError(f"{source} is read by Spark alone: use --engine spark.")
        return Side(count=lambda plan: _with_spark(source, [source], _spark_format(source), plan))
    return _file_side(source, engine, what)


def _file_side(source: str, engine: str, what: str) -> Side:
    from services.drift.local_files import find_files, open_files, spark_format
    from services.drift.run import Side
    from services.drift.spark import chosen_engine

    files = find_files(source)
    if not files:
        raise DriftError(f"Nothing is at {source}: give a file, a glob, a folder, or name:version of the workspace.")
    if chosen_engine(engine, sum(file.size for file in files)) == "spark":
        paths = [file.local for file in files if file.size]
        return Side(count=lambda plan: _with_spark(source, paths, spark_format(files), plan))
    _limit_threads()
    return Side(rows=open_files(source, files), progress=_progress(what))


def _with_spark(source: str, paths: list[str], format_: tuple[str, dict[str, str]], plan: Plan | None) -> Profile:
    from services.drift.spark import REMOTE, open_session, profile_frame, read_files

    if not os.environ.get(REMOTE):  # Spark on this machine is to use this program's Python, which has what it needs
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return profile_frame(read_files(open_session(), paths, *format_), plan=plan, name=source)


def _spark_format(source: str) -> tuple[str, dict[str, str]]:
    """Of files that only Spark sees, by their ending: (its name for the format, options)."""
    ending = source.rpartition(".")[2].lower()
    separators = {"csv": ",", "tsv": "\t"}
    if ending in separators:
        return "csv", {"header": "true", "sep": separators[ending], "inferSchema": "true"}
    return ("json" if ending in ("json", "jsonl") else "parquet"), {}


def _calibrated(baseline: Side, settings: CompareSettings) -> tuple[Side, dict[str, float]]:
    """The baseline counted file by file, and thresholds from how much its files differ."""
    from dataclasses import replace

    from services.drift.calibrate import calibrated_thresholds
    from services.drift.local_files import files_of, open_files
    from services.drift.profile import merge_all
    from services.drift.run import counted

    if baseline.rows is None:
        raise DriftError("--calibrate needs the files of the baseline, at least three of them.")
    chunks: list[Profile] = []
    sample_plan: Plan | None = None
    for file in files_of(baseline.rows):
        if sample_plan is None:
            from services.drift.scan import plan_for

            sample_plan = plan_for(baseline.rows)
        chunks.append(counted(open_files(file.path, [file]), sample_plan, progress=_progress(file.path)))
    return replace(baseline, profile=merge_all(chunks)), calibrated_thresholds(chunks, settings)


def _stored(path: Path) -> Profile:
    from services.drift.encode import NotAProfileError, decode

    try:
        return decode(path.read_bytes())
    except NotAProfileError as error:
        raise DriftError(f"{path}: {error}.") from None
    except OSError as error:
        raise DriftError(f"{path} cannot be read: {error.strerror}.") from None


def _begins_as_profile(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise DriftError(f"{path} cannot be read: {error.strerror}.") from None


def _write(path: Path, data: bytes) -> None:
    """All of it or nothing: beside the file first, then in its place."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise DriftError(f"{path} cannot be written: {error.strerror}.") from None


def _progress(what: str) -> Progress | None:
    """Tells on a terminal how many rows were read."""
    if not sys.stderr.isatty():
        return None
    last = 0.0

    def tell(rows: int) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= _TOLD_EVERY:
            last = now
            print(f"\r\x1b[K{what}: {rows:,} rows", end="\r", file=sys.stderr, flush=True)

    return tell


def _limit_threads() -> None:
    """Columns are counted by threads of this program; Arrow's own would only add to them."""
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
