"""What the screens of monitors and incidents say in the same words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from handlers.text import Mrkdwn, bold, code, count_text, join, lines, md, mention, told, truncate, when
from services.drift.picture_words import METRICS, short
from services.monitors import schedule
from services.monitors.incidents import Incident, Resolution, SnoozeKind, Status, Subject
from services.monitors.model import (
    BaselineKind,
    Cause,
    Concern,
    Monitor,
    MonitorDraft,
    Outcome,
    Problem,
    Run,
    RunState,
    ScheduleKind,
    Severity,
)

NAME_SHOWN = 120
PROBLEMS_SHOWN = 5
MARKS = {
    Severity.CRITICAL: ":red_circle:",
    Severity.WARNING: ":large_orange_circle:",
    Severity.NOTICE: ":large_yellow_circle:",
}
SEVERITIES = {Severity.CRITICAL: "critical", Severity.WARNING: "warning", Severity.NOTICE: "notice"}
OUTCOMES = {Outcome.CLEAN: "no drift", Outcome.DRIFTED: "drift", Outcome.UNKNOWN: "nothing to say"}
CAUSES = {
    Cause.SCHEDULE: "on schedule",
    Cause.VERSION: "a new version",
    Cause.CHANGE: "files changed",
    Cause.PERSON: "asked for",
}
_RESOLUTIONS = {
    Resolution.CLEAN: "the data are back",
    Resolution.PERSON: "closed",
    Resolution.ACCEPTED: "accepted as the new baseline",
    Resolution.ENDED: "the monitor was deleted",
}
_MINUS = {"ks_p_value", "chi2_p_value", "z_p_value"}


def name_of(text: str) -> Mrkdwn:
    """A dataset, version or monitor by name."""
    return bold(truncate(text, NAME_SHOWN))


def mark(incident: Incident) -> Mrkdwn:
    """How bad it is, as a coloured dot; a tick once it is over."""
    if not incident.is_open:
        return Mrkdwn(":white_check_mark:")
    return Mrkdwn(":large_yellow_circle:") if incident.status is Status.SUSPECTED else Mrkdwn(MARKS[incident.severity])


def headline(incident: Incident) -> str:
    """What it is, in three or four words, plain."""
    if not incident.is_open:
        return "Resolved"
    if incident.subject is Subject.RUN:
        return "Monitoring fails"
    concerns = {problem.concern for problem in incident.problems}
    said = next(
        (words for concern, words in _HEADS if concern in concerns),
        "Something changed",
    )
    return f"{said}, suspected" if incident.status is Status.SUSPECTED else said


_HEADS = (
    (Concern.DRIFT, "Drift"),
    (Concern.SCHEMA, "Columns changed"),
    (Concern.ROWS, "Row count changed"),
    (Concern.CHANGED, "Files changed under a version"),
    (Concern.LATE, "Data are late"),
    (Concern.FAILED, "Monitoring fails"),
)


def problem_line(problem: Problem, was: float | None = None) -> Mrkdwn:
    """One problem. was: the value of the run before, where it is known."""
    if problem.concern is not Concern.DRIFT or problem.value is None or problem.threshold is None:
        return md("{} {}", Mrkdwn(MARKS[problem.severity]), told(truncate(problem.sentence, 300)))
    sign = "<" if problem.metric in _MINUS else ">"
    moved = Mrkdwn("")
    if was is not None and short(was) != short(problem.value):
        moved = md(", was {}", short(was))
    return md(
        "{} {} {} *{}* {} {}{}",
        Mrkdwn(MARKS[problem.severity]),
        code(problem.subject, 80),
        METRICS.get(problem.metric, problem.metric),
        short(problem.value),
        sign,
        short(problem.threshold),
        moved,
    )


def problem_lines(problems: Sequence[Problem], before: Sequence[Problem] = (), limit: int = PROBLEMS_SHOWN) -> Mrkdwn:
    """The worst of them, one a line; how many more there are. before: those of the run before, for what changed."""
    was = {(problem.key, problem.metric): problem.value for problem in before}
    shown = [problem_line(problem, was.get((problem.key, problem.metric))) for problem in problems[:limit]]
    if len(problems) > limit:
        shown.append(md("… and {} more", f"{len(problems) - limit:,}"))
    return lines(shown)


def brief_problems(problems: Sequence[Problem], limit: int = 3) -> Mrkdwn:
    """The subjects alone, on one line."""
    subjects = [code(each.subject, 60) if each.subject else Mrkdwn(each.concern.value) for each in problems[:limit]]
    more = f" +{len(problems) - limit}" if len(problems) > limit else ""
    return md("{}{}", join(", ", subjects), more) if subjects else Mrkdwn("nothing")


def compared_phrase(incident: Incident) -> Mrkdwn:
    """Which versions."""
    if not incident.baseline:
        return name_of(incident.target or incident.dataset)
    return md("{} compared with {}", name_of(incident.target), name_of(incident.baseline))


def state_lines(incident: Incident) -> list[Mrkdwn]:
    """Who did what to it."""
    said: list[Mrkdwn] = []
    if incident.acknowledged_by:
        said.append(
            md(":eyes: Acknowledged by {} {}", mention(incident.acknowledged_by), when(incident.acknowledged_at))
        )
    if incident.assignee:
        said.append(md(":bust_in_silhouette: Assigned to {}", mention(incident.assignee)))
    if incident.is_open and incident.snooze is not None:
        said.append(md(":zzz: Snoozed by {}, {}", mention(incident.snooze.by), snooze_phrase(incident)))
    if not incident.is_open:
        who = md(" by {}", mention(incident.resolved_by)) if incident.resolved_by else Mrkdwn("")
        why = _RESOLUTIONS[incident.resolution] if incident.resolution is not None else "over"
        said.append(md(":white_check_mark: Resolved{} {}: {}.", who, when(incident.resolved_at), why))
        if incident.reason:
            said.append(md(">{}", truncate(incident.reason, 500)))
    if incident.reopened:
        said.append(md(":repeat: Came back {}", count_text(incident.reopened, "time")))
    return said


def snooze_phrase(incident: Incident) -> Mrkdwn:
    """Until when."""
    snooze = incident.snooze
    if snooze is None:
        return Mrkdwn("not snoozed")
    if snooze.kind is SnoozeKind.UNTIL:
        return md("until {} or until it is worse than level {}", when(snooze.until), f"{snooze.ceiling:.2f}")
    if snooze.kind is SnoozeKind.NEXT_VERSION:
        return md("until the next version or until it is worse than level {}", f"{snooze.ceiling:.2f}")
    return md("until it is worse than level {}", f"{snooze.ceiling:.2f}")


def baseline_phrase(draft: MonitorDraft) -> str:
    """With what the latest version is compared."""
    if draft.baseline.kind is BaselineKind.PINNED:
        return f"version {draft.baseline.version}"
    if draft.baseline.kind is BaselineKind.WINDOW:
        return f"the {draft.baseline.days} days before its newest {draft.baseline.newest}"
    return "the previous version"


def schedule_phrase(draft: MonitorDraft) -> str:
    """When it runs."""
    by_clock = schedule.words(draft.schedule)
    at_once = draft.on_new_version and draft.schedule.kind is not ScheduleKind.NONE
    return f"{by_clock}, and at once on a new version" if at_once else by_clock


def run_phrase(run: Run | None) -> Mrkdwn:
    """What the last run found."""
    if run is None:
        return Mrkdwn("never ran")
    if run.state in {RunState.WAITING, RunState.RUNNING} or run.result is None:
        return md("{} since {}", run.state.value, when(run.started_at or run.due_at))
    result = run.result
    if run.state is RunState.FAILED or result.error_code:
        return md("failed {}: {}", when(run.ended_at), told(truncate(result.note, 300)))
    if result.outcome is Outcome.UNKNOWN:
        return md("{} {}", told(truncate(result.note or OUTCOMES[result.outcome], 300)), when(run.ended_at))
    found = OUTCOMES[result.outcome]
    if result.outcome is Outcome.DRIFTED:
        found = f"{found}, level {result.level:.2f}"
    return md("{} {} ({} with {})", found, when(run.ended_at), result.target, result.baseline)


def monitor_state(monitor: Monitor) -> Mrkdwn:
    """Paused, in trouble, or when it runs next."""
    if monitor.paused:
        return Mrkdwn(":double_vertical_bar: paused")
    if monitor.next_run_at is None:
        return Mrkdwn("waits for a new version")
    return md("next run {}", when(monitor.next_run_at.astimezone(UTC)))
