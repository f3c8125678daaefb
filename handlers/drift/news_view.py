"""What happened to an incident, as a reply in its thread."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from handlers.blockkit import section
from handlers.drift.incident_view import PROBLEMS, problem_line, snooze_text
from handlers.message import Message
from handlers.text import Mrkdwn, channel_mention, lines, md, mention, told, truncate
from services.monitors.incidents import News, Resolution, Subject
from services.monitors.model import Monitor
from services.monitors.views import IncidentView

REASON = 1000


def news_message(view: IncidentView, args: Mapping[str, JsonValue]) -> Message:
    """One piece of news. args: those of a `monitor.reply` notice."""
    news = News(str(args["news"]))
    by = str(args.get("by", ""))
    head = _sentence(view, news, by, args)
    mentioned = str(args.get("mention", ""))
    said = [md("{} {}", head, mention(mentioned)) if mentioned else head]
    if news in _WITH_PROBLEMS and view.incident.problems:
        earlier = {problem.key: problem for problem in view.incident.before}
        said += [problem_line(each, earlier.get(each.key)) for each in view.incident.problems[:PROBLEMS]]
    if reason := str(args.get("reason", "")):
        said.append(md("> {}", truncate(reason, REASON)))
    return Message(text=f"{view.incident.dataset}: {_WORDS[news]}", blocks=(section(lines(said)),))


def undelivered_message(monitor: Monitor, place: str, error: str) -> Message:
    """A person is told directly that a monitor's messages do not arrive."""
    where = channel_mention(place) if place[:1] in {"C", "G"} else mention(place)
    said = [
        md(":warning: Messages of the monitor of {} do not reach {} any more ({}).", monitor.label, where, error),
        told(monitor.trouble),
    ]
    text = f"Messages of the monitor of {monitor.label} do not arrive"
    return Message(text=text, blocks=(section(lines([line for line in said if line])),))


_WORDS = {
    News.SUSPECTED: "suspected",
    News.DETECTED: "drifted",
    News.WORSE: "worse",
    News.BETTER: "better",
    News.CHANGED: "changed",
    News.STILL: "still drifted",
    News.REOPENED: "open again",
    News.RESOLVED: "resolved",
    News.ACKNOWLEDGED: "acknowledged",
    News.ASSIGNED: "assigned",
    News.SNOOZED: "snoozed",
    News.WOKEN: "no longer snoozed",
    News.MUTED: "muted",
}
_WITH_PROBLEMS = frozenset(
    {News.DETECTED, News.WORSE, News.BETTER, News.CHANGED, News.STILL, News.REOPENED, News.WOKEN}
)


def _sentence(view: IncidentView, news: News, by: str, args: Mapping[str, JsonValue]) -> Mrkdwn:
    incident = view.incident
    target = str(args.get("target", incident.target))
    if by:
        return _by_person(view, news, by, str(args.get("assignee", "")))
    if incident.subject is Subject.RUN:
        return Mrkdwn(
            ":white_check_mark: It runs again." if news is News.RESOLVED else ":warning: It still cannot run."
        )
    if news is News.RESOLVED and incident.resolution is Resolution.CLEAN:
        return md(
            ":white_check_mark: The data are back: {} does not differ from {}.", incident.target, incident.baseline
        )
    level = f"{incident.level:.2f}"
    return {
        News.DETECTED: md(":rotating_light: It is certain now: {} drifted.", target),
        News.WORSE: md(":chart_with_upwards_trend: Worse: level {} in {}.", level, target),
        News.BETTER: md(":chart_with_downwards_trend: Better: level {} in {}.", level, target),
        News.CHANGED: md("Other problems than before in {}, level {}.", target, level),
        News.STILL: md("Still so in {}, level {}.", target, level),
        News.REOPENED: md(":rotating_light: It is back in {}, level {}.", target, level),
        News.WOKEN: md(":alarm_clock: No longer snoozed: level {} in {}.", level, target),
    }.get(news, md("{} ({})", _WORDS[news].capitalize(), target))


def _by_person(view: IncidentView, news: News, by: str, assignee: str) -> Mrkdwn:
    who, incident = mention(by), view.incident
    if news is News.ASSIGNED:
        return (
            md("{} assigned it to {}.", who, mention(assignee)) if assignee else md("{} took the assignment back.", who)
        )
    if news is News.SNOOZED and incident.snooze is not None:
        return snooze_text(incident.snooze)
    if news is News.RESOLVED and incident.resolution is Resolution.ACCEPTED:
        return md("{} accepted {} as the new baseline.", who, incident.target)
    verb = {
        News.ACKNOWLEDGED: "acknowledged it",
        News.SNOOZED: "snoozed it",
        News.WOKEN: "ended the snooze",
        News.RESOLVED: "resolved it",
        News.REOPENED: "opened it again",
    }.get(news, _WORDS[news])
    return md("{} {}.", who, verb)
