"""Monitors, runs and incidents as rows, and rows as them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from services.monitors.incidents import Incident
from services.monitors.model import Cause, Monitor, MonitorDraft, Run, RunResult, RunState
from services.store.monitor_tables import monitor, monitor_run

_DRAFT = TypeAdapter(MonitorDraft)
_RESULT = TypeAdapter(RunResult)
_INCIDENT = TypeAdapter(Incident)

MONITOR_COLUMNS = tuple(column for column in monitor.c if column.name not in {"workspace_id", "on_new_version"})
RUN_COLUMNS = tuple(column for column in monitor_run.c if column.name != "workspace_id")
BRIEF_RUN_COLUMNS = tuple(column for column in RUN_COLUMNS if column.name != "comparison")
"""What `to_run` needs for a run without its comparison."""


def monitor_values(found: Monitor) -> dict[str, Any]:
    """A row of `monitor`, all but its workspace."""
    return {
        "id": found.id,
        "dataset": found.dataset,
        "draft": _DRAFT.dump_python(found.draft, mode="json"),
        "created_by": found.created_by,
        "created_at": found.created_at,
        "revision": found.revision,
        "paused": found.paused,
        "deleted": found.deleted,
        "on_new_version": found.draft.on_new_version,
        "next_slot": found.next_slot,
        "next_run_at": found.next_run_at,
        "trouble": found.trouble,
        "accepted": found.accepted,
    }


def to_monitor(row: Mapping[str, Any]) -> Monitor:
    """Of `MONITOR_COLUMNS`."""
    values = {name: value for name, value in row.items() if name != "dataset"}
    return Monitor(**(values | {"draft": _DRAFT.validate_python(values["draft"])}))


def run_values(run: Run) -> dict[str, Any]:
    """A row of `monitor_run`, all but its workspace. Nothing is written down twice: the comparison is apart."""
    result = run.result
    return {
        "id": run.id,
        "monitor_id": run.monitor_id,
        "dataset": run.dataset,
        "cause": run.cause.value,
        "slot": run.slot,
        "due_at": run.due_at,
        "state": run.state.value,
        "attempts": run.attempts,
        "instance_id": run.instance,
        "asked_by": run.by,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "result": None if result is None else _RESULT.dump_python(replace(result, comparison={}), mode="json"),
        "comparison": dict(result.comparison) if result is not None and result.comparison else None,
    }


def to_run(row: Mapping[str, Any]) -> Run:
    """Of `RUN_COLUMNS` or `BRIEF_RUN_COLUMNS`."""
    result = None if row["result"] is None else _RESULT.validate_python(row["result"])
    if result is not None and row.get("comparison"):
        result = replace(result, comparison=row["comparison"])
    return Run(
        id=row["id"],
        monitor_id=row["monitor_id"],
        dataset=row["dataset"],
        cause=Cause(row["cause"]),
        slot=row["slot"],
        due_at=row["due_at"],
        state=RunState(row["state"]),
        attempts=row["attempts"],
        instance=row["instance_id"],
        by=row["asked_by"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        result=result,
    )


def incident_values(found: Incident) -> dict[str, Any]:
    """A row of `incident`, all but its workspace."""
    snooze = found.snooze
    return {
        "id": found.id,
        "monitor_id": found.monitor_id,
        "dataset": found.dataset,
        "subject": found.subject.value,
        "status": found.status.value,
        "opened_at": found.opened_at,
        "resolved_at": found.resolved_at,
        "snoozed_until": snooze.until if snooze is not None and found.is_open else None,
        "revision": found.revision,
        "place": found.places[0].to if found.places else "",
        "thread": found.thread,
        "state": _INCIDENT.dump_python(found, mode="json"),
    }


def to_incident(state: object) -> Incident:
    """Of the column `state`."""
    return _INCIDENT.validate_python(state)
