"""Runs, problems and incidents for the tests of monitors."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.monitors.incident_steps import opened
from services.monitors.incidents import Incident, Ran, Subject
from services.monitors.model import Concern, Outcome, Problem, Severity

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def moment(hours: float) -> datetime:
    """So many hours after noon of a Monday."""
    return NOON + timedelta(hours=hours)


def moved(column: str = "price", level: float = 0.3) -> Problem:
    """A column that moved."""
    severity = Severity.CRITICAL if level >= 0.5 else Severity.WARNING if level >= 0.2 else Severity.NOTICE
    return Problem(Concern.DRIFT, column, severity, level, f"{column} moved.", "jensen_shannon", level, 0.1)


def ran(hours: float = 0, *problems: Problem, key: str = "", target: int = 2, needed: int = 1, of: int = 1) -> Ran:
    """A run on data of its own: drifted with problems, clean without."""
    return Ran(
        at=moment(hours),
        run_id=f"run-{hours}",
        outcome=Outcome.DRIFTED if problems else Outcome.CLEAN,
        data_key=key or f"data-{hours}",
        problems=problems,
        baseline="flights:1",
        target=f"flights:{target}",
        baseline_version=1,
        target_version=target,
        needed=needed,
        of=of,
    )


def an_incident(level: float = 0.3, **changes: object) -> Incident:
    """A detected incident of one column, opened at noon."""
    step = opened("i1", "m1", "flights", Subject.DATA, ran(0, moved(level=level)))
    assert step is not None
    return replace(step[0], **changes)  # type: ignore[arg-type]  # any field
