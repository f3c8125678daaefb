"""An incident's message, its line in other places, the news in its thread, summaries and digests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from pydantic import JsonValue

from handlers.blockkit import actions, context, divider, fields, header, section
from handlers.drift.chart_view import chart_blocks
from handlers.message import Json, Message
from handlers.monitors.buttons import incident_buttons
from handlers.monitors.phrases import (
    SEVERITIES,
    brief_problems,
    compared_phrase,
    headline,
    mark,
    name_of,
    problem_lines,
    snooze_phrase,
    state_lines,
)
from handlers.picture import Picture, picture_block
from handlers.text import Mrkdwn, bold, channel_mention, count_text, join, lines, md, mention, told, truncate, when
from services.drift.comparison import Comparison
from services.drift.moved import most_moved
from services.drift.picture_words import verdict
from services.monitors.incidents import Incident, News, Status, Subject
from services.monitors.views import DigestView, IncidentView, SummaryView

Draw = Callable[[], Awaitable[bytes]]
SUMMARY_LINES = 15
_ALT_COLUMNS = 6


def incident_message(view: IncidentView, draw: Draw | None, mentioned: str = "") -> Message:
    """The message of its first place. draw: makes the picture, None where there is none. mentioned: whom it calls."""
    incident = view.incident
    title = f"{headline(incident)}: {incident.dataset}"
    top: list[Json] = [header(title), section(_what(view, mentioned))]
    if incident.problems:
        top.append(section(lines([Mrkdwn("*What moved*"), problem_lines(incident.problems, incident.before)])))
    facts = fields(_facts(view))
    pictures = _picture(view, draw)
    state = state_lines(incident)
    end: list[Json] = [section(lines(state))] if state else []
    end.append(context(_next(view)))
    end.append(actions(incident_buttons(incident, view.studio_url)))
    charts = chart_blocks(view.comparison)[:1] if view.comparison is not None and incident.is_open else ()
    picture = pictures[0] if pictures else None
    shown = [pictures[1]] if pictures else []
    return Message(
        text=_notification(incident, mentioned),
        blocks=(*top, *facts, *shown, *charts, *end),
        fallback=(*top, *facts, *shown, *end),
        picture=picture,
    )


def brief_message(view: IncidentView) -> Message:
    """One line that follows it elsewhere."""
    incident = view.incident
    said = md(
        "{} {}: {}. {}",
        mark(incident),
        bold(headline(incident)),
        compared_phrase(incident),
        brief_problems(incident.problems) if incident.is_open else Mrkdwn(""),
    )
    state = state_lines(incident)
    small = [context(join(" · ", state[:3]))] if state else []
    return Message(text=_notification(incident, ""), blocks=(section(said), *small))


def reply_message(view: IncidentView, news: News, args: Mapping[str, JsonValue]) -> Message:
    """News in its thread."""
    incident = _as_it_was(view.incident, args)
    calls = _text(args, "mention")
    said = _NEWS[news](incident, args)
    if calls:
        said = md("{} {}", mention(calls), said)
    blocks = [section(said)]
    if news in _WITH_PROBLEMS and incident.problems:
        blocks.append(section(problem_lines(incident.problems, incident.before)))
    return Message(text=said, blocks=tuple(blocks))


def _as_it_was(incident: Incident, args: Mapping[str, JsonValue]) -> Incident:
    """The incident with what the news was of: by the time they are drawn, another run may have ended."""
    level = args.get("level")
    return replace(
        incident,
        target=_text(args, "target") or incident.target,
        baseline=_text(args, "baseline") or incident.baseline,
        level=float(level) if isinstance(level, int | float) else incident.level,
    )


def summary_message(view: SummaryView) -> Message:
    """Many incidents that opened together: counts, and the worst first; each is in the thread."""
    total, still = len(view.incidents), view.open_count
    head = f"{count_text(total, 'more incident')} in a short time"
    counts = md("{} open, {} over. Each has its message in this thread.", f"{still:,}", f"{total - still:,}")
    shown = [_line(each) for each in view.incidents[:SUMMARY_LINES]]
    if total > SUMMARY_LINES:
        shown.append(md("… and {} more", f"{total - SUMMARY_LINES:,}"))
    return Message(
        text=md("{}: {} open", head, f"{still:,}"),
        blocks=(header(head), section(counts), section(lines(shown or [Mrkdwn("Nothing is open any more.")]))),
    )


def digest_message(view: DigestView) -> Message | None:
    """What is open in a channel, and what ended since the last digest; None when there is nothing to tell."""
    if not view.open and not view.ended:
        return None
    head = f"{view.period.value.capitalize()} digest of drift"
    open_lines = [_line(each) for each in view.open[:SUMMARY_LINES]]
    ended = [_line(each) for each in view.ended[:SUMMARY_LINES]]
    if len(view.open) > SUMMARY_LINES:
        open_lines.append(md("… and {} more", f"{len(view.open) - SUMMARY_LINES:,}"))
    blocks = [
        header(head),
        section(lines([bold(f"Open: {len(view.open):,}"), *(open_lines or [Mrkdwn("Nothing. All is calm.")])])),
    ]
    if ended:
        blocks += [divider(), section(lines([bold(f"Ended since then: {len(view.ended):,}"), *ended]))]
    blocks.append(context(md("Since {}. Change it with /dataset digest.", when(view.since))))
    return Message(text=f"{head}: {len(view.open):,} open", blocks=tuple(blocks))


def undelivered_message(view_name: str, place: str, sentence: str, buttons: Sequence[Json]) -> Message:
    """To a person: a monitor's messages do not arrive. place: where they should. sentence: why, and what to do."""
    said = md(":mailbox: The monitor of {} cannot post in {}.", name_of(view_name), _place(place))
    return Message(
        text=said,
        blocks=(
            section(said),
            section(told(truncate(sentence, 500))),
            context("Until then I tell you here."),
            actions(list(buttons)),
        ),
    )


def _what(view: IncidentView, mentioned: str) -> Mrkdwn:
    incident = view.incident
    said = [md("{} {}", mark(incident), compared_phrase(incident))]
    if mentioned:
        said.append(md("{}, this concerns you.", mention(mentioned)))
    if incident.note and incident.subject is Subject.RUN:
        said.append(told(truncate(incident.note, 500)))
    return lines(said)


def _facts(view: IncidentView) -> list[tuple[str, str]]:
    incident = view.incident
    pairs: list[tuple[str, str]] = [("Since", when(incident.opened_at))]
    result = view.run.result if view.run is not None else None
    if result is not None and (result.baseline_rows or result.target_rows):
        pairs.append(("Rows", f"{result.baseline_rows:,} → {result.target_rows:,}"))
    if incident.is_open:
        pairs.append(("Severity", f"{SEVERITIES[incident.severity]}, level {incident.level:.2f}{_trend(incident)}"))
    else:
        pairs.append(("At its worst", f"level {incident.worst:.2f}"))
    pairs.append(("Owner", mention(view.mention) if view.mention else Mrkdwn("nobody")))
    if view.monitor.draft.name:
        pairs.append(("Monitor", view.monitor.draft.name))
    return pairs


def _trend(incident: Incident) -> str:
    if incident.worst - incident.level >= 0.01:
        return f", {incident.worst:.2f} at its worst"
    return ""


def _picture(view: IncidentView, draw: Draw | None) -> tuple[Picture, Json] | None:
    comparison, run = view.comparison, view.run
    if comparison is None or run is None or draw is None or not view.incident.is_open:
        return None
    alt = _alt(comparison)
    result = run.result
    shown_run = result.same_as or run.id if result is not None else run.id
    return Picture(f"drift:{shown_run}", "drift.png", alt, draw), picture_block(alt)


def _alt(comparison: Comparison) -> str:
    moved = [f"{column.name}: {verdict(column)}" for column in most_moved(comparison, _ALT_COLUMNS)]
    return f"{comparison.target} beside {comparison.baseline}. " + "; ".join(moved)


def _next(view: IncidentView) -> str:
    incident = view.incident
    if not incident.is_open:
        return "If it comes back within a week, this incident opens again."
    if incident.subject is Subject.RUN:
        return "Next: mend what the sentence above names, then press Run again. I go on trying on schedule."
    if incident.status is Status.SUSPECTED:
        needed, of = view.monitor.draft.needed, view.monitor.draft.of
        return f"Suspected: it counts once {needed} of {of} runs on different data drifted."
    if incident.snooze is not None:
        return "Snoozed: worse or other problems are told all the same."
    return "Next: look at Details, then acknowledge, accept what is normal now, or resolve it with a reason."


def _notification(incident: Incident, mentioned: str) -> Mrkdwn:
    calls = md("{} ", mention(mentioned)) if mentioned else Mrkdwn("")
    return md("{}{} {}: {}", calls, headline(incident), incident.dataset, brief_problems(incident.problems))


def _line(incident: Incident) -> Mrkdwn:
    state = Mrkdwn("")
    if incident.is_open and incident.snooze is not None:
        state = md(" · snoozed {}", snooze_phrase(incident))
    elif incident.is_open and incident.acknowledged_by:
        state = md(" · acknowledged by {}", mention(incident.acknowledged_by))
    level = f"level {incident.level:.2f}"
    return md(
        "{} {} {}, {}: {}{}",
        mark(incident),
        name_of(incident.target or incident.dataset),
        headline(incident).lower(),
        level,
        brief_problems(incident.problems),
        state,
    )


def _place(place: str) -> Mrkdwn:
    return mention(place) if place.startswith(("U", "W")) else channel_mention(place)


def _text(args: Mapping[str, JsonValue], key: str) -> str:
    value = args.get(key)
    return value if isinstance(value, str) else ""


Args = Mapping[str, JsonValue]


def _told_suspected(incident: Incident, _: Args) -> Mrkdwn:
    return md(":large_yellow_circle: {}: suspected again.", compared_phrase(incident))


def _told_detected(incident: Incident, _: Args) -> Mrkdwn:
    return md("{} {}: it is certain now, level {}.", mark(incident), compared_phrase(incident), f"{incident.level:.2f}")


def _told_worse(incident: Incident, _: Args) -> Mrkdwn:
    return md(":chart_with_upwards_trend: *Worse*: {}, level {}.", compared_phrase(incident), f"{incident.level:.2f}")


def _told_better(incident: Incident, _: Args) -> Mrkdwn:
    return md(
        ":chart_with_downwards_trend: *Better*: {}, level {}.", compared_phrase(incident), f"{incident.level:.2f}"
    )


def _told_changed(incident: Incident, _: Args) -> Mrkdwn:
    return md(
        ":arrows_counterclockwise: *Other problems than before*: {}, level {}.",
        compared_phrase(incident),
        f"{incident.level:.2f}",
    )


def _told_still(incident: Incident, _: Args) -> Mrkdwn:
    return md(":heavy_minus_sign: About the same: {}, level {}.", compared_phrase(incident), f"{incident.level:.2f}")


def _told_reopened(incident: Incident, args: Args) -> Mrkdwn:
    by = _text(args, "by")
    who = md(" by {}", mention(by)) if by else Mrkdwn("")
    return md(":repeat: *Open again*{}: {}, level {}.", who, compared_phrase(incident), f"{incident.level:.2f}")


def _told_resolved(incident: Incident, _: Args) -> Mrkdwn:
    return lines([state for state in state_lines(incident) if "Acknowledged" not in state]) or Mrkdwn("Resolved.")


def _told_acknowledged(incident: Incident, _: Args) -> Mrkdwn:
    return md(":eyes: {} looks at it.", mention(incident.acknowledged_by))


def _told_assigned(incident: Incident, args: Args) -> Mrkdwn:
    by = _text(args, "by")
    if not incident.assignee:
        return md(":bust_in_silhouette: {} took the assignment back. It is nobody's now.", mention(by))
    if by == incident.assignee:
        return md(":bust_in_silhouette: {} takes it.", mention(by))
    return md(":bust_in_silhouette: {} assigned it to {}.", mention(by), mention(incident.assignee))


def _told_snoozed(incident: Incident, _: Args) -> Mrkdwn:
    by = incident.snooze.by if incident.snooze is not None else ""
    return md(":zzz: {} snoozed it {}.", mention(by), snooze_phrase(incident))


def _told_woken(incident: Incident, args: Args) -> Mrkdwn:
    by = _text(args, "by")
    if by:
        return md(":alarm_clock: {} ended the snooze. It is open.", mention(by))
    return md(":alarm_clock: The snooze is over, and it is still open, level {}.", f"{incident.level:.2f}")


def _told_muted(incident: Incident, _: Args) -> Mrkdwn:
    return md(":zzz: Still so while it is snoozed: {}.", compared_phrase(incident))


_NEWS: Mapping[News, Callable[[Incident, Args], Mrkdwn]] = {
    News.SUSPECTED: _told_suspected,
    News.DETECTED: _told_detected,
    News.WORSE: _told_worse,
    News.BETTER: _told_better,
    News.CHANGED: _told_changed,
    News.STILL: _told_still,
    News.REOPENED: _told_reopened,
    News.RESOLVED: _told_resolved,
    News.ACKNOWLEDGED: _told_acknowledged,
    News.ASSIGNED: _told_assigned,
    News.SNOOZED: _told_snoozed,
    News.WOKEN: _told_woken,
    News.MUTED: _told_muted,
}
_WITH_PROBLEMS = frozenset(
    {News.DETECTED, News.WORSE, News.BETTER, News.CHANGED, News.STILL, News.REOPENED, News.SUSPECTED}
)
