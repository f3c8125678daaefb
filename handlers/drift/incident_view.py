"""An incident's message, the one line of it for other places, and the summary and digest of many."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import islice

from handlers.blockkit import actions, button, context, fields, section
from handlers.drift.chart_view import chart_blocks
from handlers.message import Json, Message
from handlers.picture import Picture, picture_block
from handlers.text import Mrkdwn, bold, code, count_text, join, lines, md, mention, told, truncate, when
from services.drift.picture_words import METRICS, short
from services.monitors.incidents import Incident, Resolution, Snooze, SnoozeKind, Status, Subject
from services.monitors.model import DigestPeriod, Problem, Severity
from services.monitors.views import DigestView, IncidentView, SummaryView

PROBLEMS = 8
LISTED = 20
SENTENCE = 300

MARKS = {
    Severity.CRITICAL: ":red_circle:",
    Severity.WARNING: ":large_orange_circle:",
    Severity.NOTICE: ":large_yellow_circle:",
}
_ENDINGS = {
    Resolution.CLEAN: "The data are back",
    Resolution.PERSON: "Resolved by {}",
    Resolution.ACCEPTED: "Accepted as the new baseline by {}",
    Resolution.ENDED: "The monitor was deleted by {}",
}

Draw = Callable[[], Awaitable[bytes]]


def incident_message(view: IncidentView, draw: Draw | None, *, mentioned: str = "") -> Message:
    """The message as it should look now. draw: its picture, None where nothing was compared.

    mentioned: whom the message itself mentions, when it opens.
    """
    incident = view.incident
    comparison = view.comparison if incident.is_open else None
    picture = None
    top = [section(_headline(view, mentioned)), *_facts(view), section(_problems(incident))]
    shown: list[Json] = []
    charts: tuple[Json, ...] = ()
    if comparison is not None and draw is not None:
        alt = _alt(incident)
        picture = Picture(f"run:{incident.run_id}", f"{_file_name(incident)}.png", alt, draw)
        shown = [picture_block(alt)]
        charts = chart_blocks(comparison)
    end = [*_buttons(view), context(*_small_print(view))]
    return Message(
        text=headline_text(incident),
        blocks=(*top, *shown, *charts, *end),
        fallback=(*top, *shown, *end) if charts else (),
        picture=picture,
    )


def brief_message(view: IncidentView) -> Message:
    """The one line for places that want no more."""
    incident = view.incident
    return Message(text=headline_text(incident), blocks=(section(_line(incident)),))


def summary_message(view: SummaryView) -> Message:
    """Many incidents at once, the worst first; each has its message in the thread."""
    total, still = len(view.incidents), view.open_count
    head = f"{count_text(total, 'more dataset')} drifted at the same time; {still:,} still open."
    shown = [_line(incident) for incident in islice(view.incidents, LISTED)]
    if total > LISTED:
        shown.append(md("… and {} more, in the thread.", f"{total - LISTED:,}"))
    blocks = (section(md("*{}* Each has its message in the thread.", head)), section(lines(shown)))
    return Message(text=head, blocks=blocks)


def digest_message(view: DigestView) -> Message | None:
    """A channel's open incidents; None when there is nothing to tell."""
    if not view.open and not view.ended:
        return None
    word = "week" if view.period is DigestPeriod.WEEKLY else "day"
    head = f"{count_text(len(view.open), 'open incident')}; {len(view.ended):,} resolved in the last {word}."
    shown = [_line(incident) for incident in islice((*view.open, *view.ended), LISTED)]
    return Message(text=head, blocks=(section(md("*{}*", head)), section(lines(shown))))


def headline_text(incident: Incident) -> str:
    """The incident in a few words, for notifications."""
    if incident.subject is Subject.RUN:
        return f"The monitor of {incident.dataset} {'fails' if incident.is_open else 'works again'}"
    if not incident.is_open:
        return f"{incident.dataset}: resolved ({incident.target})"
    word = "may have drifted" if incident.status is Status.SUSPECTED else "drifted"
    count = count_text(len(incident.problems), "problem")
    return f"{incident.dataset} {word}: {incident.target or incident.dataset}, {count}"


def snooze_text(snooze: Snooze) -> Mrkdwn:
    """Until when it is snoozed, and by whom."""
    if snooze.kind is SnoozeKind.NEXT_VERSION:
        until: Mrkdwn = Mrkdwn("until the next version")
    elif snooze.kind is SnoozeKind.WORSE:
        until = Mrkdwn("until it is worse than now")
    else:
        until = md("until {}", when(snooze.until))
    return md(":zzz: Snoozed {} by {}, up to level {}", until, mention(snooze.by), f"{snooze.ceiling:.2f}")


def problem_line(problem: Problem, before: Problem | None = None) -> Mrkdwn:
    """One problem. before: the same one in the run before."""
    mark = MARKS[problem.severity]
    if not problem.metric or problem.value is None:
        return md("{} {}", Mrkdwn(mark), told(truncate(problem.sentence, SENTENCE)))
    parts = [md("{} {}", METRICS.get(problem.metric, problem.metric), short(problem.value))]
    if problem.threshold is not None:
        parts.append(md("threshold {}", short(problem.threshold)))
    if before is not None and before.value is not None and before.metric == problem.metric:
        change = problem.value - before.value
        parts.append(
            Mrkdwn("as before")
            if not change
            else md("{}{} since the last run", "+" if change > 0 else "−", short(abs(change)))
        )
    return md("{} {} · {}", Mrkdwn(mark), code(problem.subject, 80), join(" · ", parts))


def _headline(view: IncidentView, mentioned: str) -> Mrkdwn:
    incident = view.incident
    name = bold(view.monitor.label)
    if not incident.is_open:
        ending = _ENDINGS[incident.resolution or Resolution.CLEAN]
        return md(
            ":white_check_mark: {} {}",
            name,
            md(f"{ending}.", *([mention(incident.resolved_by)] if "{}" in ending else [])),
        )
    mark = Mrkdwn(MARKS[incident.severity])
    if incident.subject is Subject.RUN:
        head = md("{} The monitor of {} cannot run.", mark, name)
    elif incident.baseline:
        word = "may have drifted" if incident.status is Status.SUSPECTED else "drifted"
        head = md("{} {} {}: {} differs from {}.", mark, name, word, code(incident.target), code(incident.baseline))
    else:
        head = md("{} {} needs a look.", mark, name)
    return md("{} {}", head, mention(mentioned)) if mentioned else head


def _facts(view: IncidentView) -> list[Json]:
    incident, result = view.incident, view.run.result if view.run is not None else None
    pairs: list[tuple[str, str]] = [("Since", when(incident.opened_at))]
    if incident.subject is Subject.DATA:
        pairs.append(("Level", f"{incident.level:.2f} (worst {incident.worst:.2f})"))
        if result is not None and result.baseline_rows:
            pairs.append(("Rows", f"{result.target_rows:,} (baseline {result.baseline_rows:,})"))
        if result is not None and result.columns:
            moved = sum(1 for problem in incident.problems if problem.concern == "drift")
            pairs.append(("Columns that moved", f"{moved:,} of {result.columns:,}"))
    pairs.append(("Owner", mention(view.mention)))
    if incident.assignee:
        pairs.append(("Assigned to", mention(incident.assignee)))
    return fields(pairs)


def _problems(incident: Incident) -> Mrkdwn:
    earlier = {problem.key: problem for problem in incident.before}
    shown = [problem_line(problem, earlier.get(problem.key)) for problem in islice(incident.problems, PROBLEMS)]
    if len(incident.problems) > PROBLEMS:
        shown.append(md("… and {} more", f"{len(incident.problems) - PROBLEMS:,}"))
    return lines(shown)


def _buttons(view: IncidentView) -> list[Json]:
    if view.studio_url is None:
        return []
    return [actions([button("Open in studio", "link:studio", url=view.studio_url)])]


def _small_print(view: IncidentView) -> list[str]:
    incident = view.incident
    said: list[str] = []
    if incident.status is Status.SUSPECTED:
        said.append(
            md(
                "Suspected: {} of the last {} runs drifted; {} are needed.",
                str(sum(incident.outcomes)),
                str(len(incident.outcomes)),
                str(view.monitor.draft.needed),
            )
        )
    if incident.acknowledged_by:
        said.append(
            md(":eyes: Acknowledged by {} {}", mention(incident.acknowledged_by), when(incident.acknowledged_at))
        )
    if incident.snooze is not None:
        said.append(snooze_text(incident.snooze))
    if incident.reason:
        said.append(md("Reason: {}", truncate(incident.reason, SENTENCE)))
    if incident.note:
        said.append(told(truncate(incident.note, SENTENCE)))
    said.append(md("Changed {}", when(incident.changed_at)))
    return said


def _line(incident: Incident) -> Mrkdwn:
    mark = Mrkdwn(MARKS[incident.severity] if incident.is_open else ":white_check_mark:")
    return md(
        "{} {} · level {} · since {}",
        mark,
        bold(headline_text(incident)),
        f"{incident.level:.2f}",
        when(incident.opened_at),
    )


def _alt(incident: Incident) -> str:
    moved = [
        f"{problem.subject} {short(problem.value)}"
        for problem in incident.problems[:PROBLEMS]
        if problem.value is not None
    ]
    return f"{incident.target} compared with {incident.baseline}: {', '.join(moved) or 'no column moved'}"


def _file_name(incident: Incident) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in f"{incident.target}-drift")[:100]
