"""What a comparison means for a monitor: its problems, each with how bad it is. Pure functions."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from services.datasets.model import DRIFTING, DatasetVersion, FingerprintState
from services.drift.comparison import ChangeKind, ColumnDrift, Comparison, SchemaChange
from services.drift.settings import Metric
from services.monitors.model import BaselineKind, Concern, MonitorDraft, Outcome, Problem, RunResult, Severity

CRITICAL_LEVEL = 0.5
WARNING_LEVEL = 0.2
"""Levels from which a moved column is that severe; below, it is a notice."""

_UNBOUNDED = frozenset({Metric.PSI, Metric.WASSERSTEIN, Metric.WASSERSTEIN_NORMED})
_SCHEMA_SEVERITY = {
    ChangeKind.REMOVED: (Severity.CRITICAL, 1.0),
    ChangeKind.RETYPED: (Severity.CRITICAL, 0.8),
    ChangeKind.WIDENED: (Severity.NOTICE, 0.1),
    ChangeKind.ADDED: (Severity.NOTICE, 0.1),
}


def judged(
    draft: MonitorDraft,
    comparison: Comparison,
    *,
    baseline: DatasetVersion,
    target: DatasetVersion,
    data_key: str,
    late: Problem | None,
) -> RunResult:
    """What a run found. late: see `lateness`."""
    kinds = {column.name: column.kind for column in comparison.columns}
    problems = [
        *(_moved(column) for column in comparison.columns if column.drifted),
        *(_schema(change, kinds) for change in comparison.dataset.schema if draft.schema),
        *_rows(draft, comparison),
        *changed(target, grows=draft.baseline.kind is BaselineKind.WINDOW),
        *((late,) if late is not None else ()),
    ]
    found = tuple(sorted(problems, key=lambda each: (-each.severity, -each.level, each.key)))
    return RunResult(
        outcome=Outcome.DRIFTED if found else Outcome.CLEAN,
        baseline=comparison.baseline or baseline.label,
        target=comparison.target or target.label,
        baseline_version=baseline.version,
        target_version=target.version,
        data_key=data_key,
        problems=found,
        magnitude=comparison.dataset.magnitude,
        baseline_rows=comparison.dataset.baseline_rows,
        target_rows=comparison.dataset.target_rows,
        columns=len(comparison.columns),
        note=" ".join(comparison.notes),
    )


def level_of(metric: str | None, value: float | None, p_value: float | None) -> float:
    """How far a column is from right, 0 to 1, comparable between metrics.

    Distances that end at 1 stand for themselves; unbounded ones go towards 1 as value / (1 + value); a test's p-value
    counts by its smallness, 10 powers of ten being all.
    """
    if metric is None or value is None or not math.isfinite(value):
        return 0.0
    if Metric(metric).is_p_value:
        p = value if p_value is None else p_value
        return 1.0 if p <= 0 else min(1.0, -math.log10(p) / 10)
    if metric in _UNBOUNDED:
        return value / (1 + value) if value > 0 else 0.0
    return min(max(value, 0.0), 1.0)


def lateness(draft: MonitorDraft, latest: DatasetVersion, now: datetime) -> Problem | None:
    """Is a newer version overdue? None when none is expected yet, or ever."""
    if draft.late_after is None:
        return None
    waited = now - latest.created_at
    if waited <= draft.late_after:
        return None
    excess = waited / draft.late_after if draft.late_after > timedelta(0) else 2.0
    severity = Severity.CRITICAL if excess >= 2 else Severity.WARNING
    sentence = (
        f"No version has come since {latest.label}, {_span(waited)} ago; "
        f"one is expected every {_span(draft.late_after)}."
    )
    return Problem(Concern.LATE, "", severity, min(1.0, 1 - 1 / excess), sentence)


def failed(sentence: str, code: str) -> RunResult:
    """The result of a run that could not be made: why, and what to do."""
    problem = Problem(Concern.FAILED, code, Severity.WARNING, 0.5, sentence)
    return RunResult(
        Outcome.UNKNOWN, problems=(problem,), data_key=_digest([code, sentence]), note=sentence, error_code=code
    )


def nothing_to_compare(sentence: str, target: DatasetVersion | None = None) -> RunResult:
    """The result of a run that had nothing to compare, which is no failure."""
    label, version = ("", 0) if target is None else (target.label, target.version)
    return RunResult(Outcome.UNKNOWN, target=label, target_version=version, note=sentence)


def only_late(target: DatasetVersion, late: Problem, sentence: str) -> RunResult:
    """The result of a run that had nothing to compare and found that something newer is overdue."""
    return RunResult(
        Outcome.DRIFTED,
        target=target.label,
        target_version=target.version,
        data_key=_digest([target.label, "late", late.severity]),
        problems=(late,),
        note=sentence,
    )


def data_key(
    baseline: DatasetVersion,
    target: DatasetVersion,
    digests: Sequence[str],
    draft: MonitorDraft,
    late: Problem | None,
) -> str:
    """The same when the same data are judged in the same way, so that a run that saw nothing new is recognised.

    digests: of the files that were compared.
    """
    return _digest(
        [
            baseline.label,
            target.label,
            *digests,
            draft.compare.to_json(),
            draft.rows_change,
            draft.schema,
            target.check.state in DRIFTING,
            0 if late is None else late.severity,
        ]
    )


def _digest(values: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:24]


def _severity(level: float) -> Severity:
    if level >= CRITICAL_LEVEL:
        return Severity.CRITICAL
    return Severity.WARNING if level >= WARNING_LEVEL else Severity.NOTICE


def _moved(column: ColumnDrift) -> Problem:
    level = level_of(column.metric, column.value, column.p_value)
    nulls = abs(column.null_rate_change)
    level = max(level, nulls)
    sentence = " ".join(column.reasons) or f"{column.name} moved."
    return Problem(
        Concern.DRIFT,
        column.name,
        _severity(level),
        level,
        sentence,
        metric=column.metric or "",
        value=column.value,
        threshold=column.threshold,
    )


def _schema(change: SchemaChange, compared: Mapping[str, str]) -> Problem:
    """compared: see `SchemaChange.breaks`."""
    severity, level = _SCHEMA_SEVERITY[change.kind]
    if change.kind is ChangeKind.RETYPED and not change.breaks(compared):
        severity, level = Severity.WARNING, 0.3
    now = f"The column {change.column} was {change.before} and is {change.after} now"
    sentences = {
        ChangeKind.ADDED: f"The column {change.column} ({change.after}) is new.",
        ChangeKind.REMOVED: f"The column {change.column} ({change.before}) is gone.",
        ChangeKind.RETYPED: f"{now}.",
        ChangeKind.WIDENED: f"{now}, which holds everything it held.",
    }
    return Problem(Concern.SCHEMA, change.column, severity, level, sentences[change.kind])


def _rows(draft: MonitorDraft, comparison: Comparison) -> tuple[Problem, ...]:
    before, now = comparison.dataset.baseline_rows, comparison.dataset.target_rows
    if draft.rows_change is None or before == now:
        return ()
    change = (now - before) / before if before else math.inf
    if abs(change) <= draft.rows_change:
        return ()
    level = min(1.0, abs(change)) if change < 0 else (1.0 if before == 0 else 1 - before / now)
    severity = Severity.CRITICAL if now == 0 else Severity.WARNING
    share = "" if before == 0 else f" ({change:+.0%})"
    return (Problem(Concern.ROWS, "", severity, level, f"{now:,} rows instead of {before:,}{share}."),)


def changed(version: DatasetVersion, *, grows: bool = False) -> tuple[Problem, ...]:
    """Files that are not those the version was registered with. grows: new files are what is expected of it."""
    state = version.check.state
    if state not in DRIFTING or (grows and state is FingerprintState.GROWN):
        return ()
    severity = Severity.WARNING if state is FingerprintState.GROWN else Severity.CRITICAL
    detail = version.check.detail or f"The files of {version.label} are not those it was registered with."
    return (Problem(Concern.CHANGED, version.label, severity, 0.3 if state is FingerprintState.GROWN else 0.6, detail),)


def _span(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    if hours < 1:
        return f"{max(1, round(hours * 60))} minutes"
    return f"{round(hours)} hours" if hours < 48 else f"{round(hours / 24)} days"
