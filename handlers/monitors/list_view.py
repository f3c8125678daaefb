"""A dataset's monitors as a message, and a monitor's history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from handlers.blockkit import actions, context, divider, header, section
from handlers.datasets.naming import command_button, dataset_command
from handlers.message import Json, Message
from handlers.monitors.buttons import create_button, monitor_buttons
from handlers.monitors.phrases import (
    CAUSES,
    NAME_SHOWN,
    OUTCOMES,
    baseline_phrase,
    brief_problems,
    compared_phrase,
    headline,
    mark,
    monitor_state,
    name_of,
    run_phrase,
    schedule_phrase,
)
from handlers.tables import Cell, data_table, time_cell
from handlers.text import Mrkdwn, bold, code, count_text, lines, md, mention, truncate, when
from services.monitors.incidents import Incident
from services.monitors.model import Outcome, Run
from services.monitors.views import History, MonitorCard

SHOWN = 12
HISTORY = 20
TREND = 20
_LABEL = 20
_BARS = "▁▂▃▄▅▆▇█"


def monitors_message(dataset: str, cards: Sequence[MonitorCard]) -> Message:
    """All monitors of a dataset with what is going on."""
    if not cards:
        said = md("Nothing watches {} yet.", name_of(dataset))
        return Message(
            text=said,
            blocks=(
                section(said),
                context("A monitor compares each new version with the one before and tells you what moved."),
                actions([create_button(dataset, "Create a monitor", style="primary"), _show(dataset)]),
            ),
        )
    blocks: list[Json] = [header(f"Monitors of {dataset}")]
    for number, card in enumerate(cards[:SHOWN]):
        blocks += [*_card(card, number), divider()]
    if len(cards) > SHOWN:
        blocks.append(context(f"{len(cards) - SHOWN:,} more are not shown."))
    blocks.append(actions([create_button(dataset), _show(dataset)]))
    return Message(text=md("{} of {}", count_text(len(cards), "monitor"), name_of(dataset)), blocks=tuple(blocks))


def open_incidents_message(incidents: Sequence[Incident]) -> Message:
    """What is open in the whole workspace, the worst first."""
    if not incidents:
        said = "No incident is open. All is calm."
        return Message(text=said, blocks=(section(said), context("Watch a dataset with /dataset drift NAME.")))
    shown = [
        md("{} {}: {}, {}", mark(each), name_of(each.dataset), headline(each).lower(), brief_problems(each.problems))
        for each in incidents[:SHOWN]
    ]
    if len(incidents) > SHOWN:
        shown.append(md("… and {} more", f"{len(incidents) - SHOWN:,}"))
    buttons = [
        command_button(f"Show {truncate(name, 40)}", f"run:drift:{number}", dataset_command("drift", name))
        for number, name in enumerate(list(dict.fromkeys(each.dataset for each in incidents))[:5])
    ]
    head = count_text(len(incidents), "open incident")
    return Message(text=head, blocks=(header(head), section(lines(shown)), actions(buttons)))


def history_message(history: History) -> Message:
    """A monitor's runs, newest first, with their trend."""
    runs = history.runs[:HISTORY]
    title = f"History of {history.monitor.label}"
    top: tuple[Json, ...] = (header(title),)
    text = md("History of {}", truncate(history.monitor.label, NAME_SHOWN))
    if not runs:
        return Message(text=text, blocks=(*top, section("It has not run yet."), _row(history)))
    rows: list[list[Cell]] = [["When", "Found", "Level", "Compared", "Moved", "Why it ran"]]
    rows += [_history_row(run) for run in runs]
    end: list[Json] = [context("Older runs exist.")] if history.more else []
    trend = _trend(runs)
    classic = [
        *_trend_in_words(runs),
        *(section(lines(_history_line(run) for run in runs[i : i + 10])) for i in range(0, len(runs), 10)),
    ]
    return Message(
        text=text,
        blocks=(*top, *trend, data_table(title, rows), *end, _row(history)),
        fallback=(*top, *classic, *end, _row(history)),
    )


def _card(card: MonitorCard, number: int) -> list[Json]:
    monitor, draft = card.monitor, card.monitor.draft
    said = [
        md("{} · {}", bold(draft.name or "Monitor"), monitor_state(monitor)),
        md("Compares the latest version with {}; runs {}.", baseline_phrase(draft), schedule_phrase(draft)),
        md("Last: {}", run_phrase(card.latest)),
    ]
    if card.running is not None:
        said.append(md(":hourglass_flowing_sand: {}", run_phrase(card.running)))
    said += [
        md("{} *{}*: {}, {}", mark(each), headline(each), compared_phrase(each), brief_problems(each.problems))
        for each in card.open[:3]
    ]
    if monitor.trouble:
        said.append(md(":warning: {}", monitor.trouble))
    blocks = [section(lines(said)), context(md("Made by {} {}", mention(monitor.created_by), when(monitor.created_at)))]
    if card.may_change:
        blocks.append(actions(monitor_buttons(monitor, number)))
    return blocks


def _row(history: History) -> Json:
    return actions(
        [*monitor_buttons(history.monitor)[:1], _monitors(history.monitor.dataset), _show(history.monitor.dataset)]
    )


def _show(dataset: str) -> Json:
    return command_button("Show dataset", "run:show", dataset_command("show", dataset))


def _monitors(dataset: str) -> Json:
    return command_button("All monitors", "run:drift", dataset_command("drift", dataset))


def _history_row(run: Run) -> list[Cell]:
    result = run.result
    if result is None:
        return [time_cell(run.ended_at), "—", None, "—", "—", CAUSES[run.cause]]
    found = "failed" if result.error_code else OUTCOMES[result.outcome]
    level = round(result.level, 2) if result.outcome is not Outcome.UNKNOWN else None
    subjects = [problem.subject or problem.concern.value for problem in result.problems[:4]]
    more = f" +{len(result.problems) - 4}" if len(result.problems) > 4 else ""
    compared = f"{result.target} with {result.baseline}" if result.baseline else result.target or "—"
    moved = ", ".join(subjects) + more if subjects else truncate(result.note, 100) or "—"
    return [time_cell(run.ended_at), found, level, compared, moved, CAUSES[run.cause]]


def _history_line(run: Run) -> Mrkdwn:
    return md("{} · {}", run_phrase(run), CAUSES[run.cause])


def _points(runs: Sequence[Run]) -> dict[str, float]:
    """The level of each run that found something out, the oldest first, by when it ended; none for fewer than two."""
    points: dict[str, float] = {}
    for run in reversed(runs[:TREND]):
        result = run.result
        if result is None or result.outcome is Outcome.UNKNOWN or run.ended_at is None:
            continue
        points[run.ended_at.astimezone(UTC).strftime("%m-%d %H:%M:%S")[:_LABEL]] = round(result.level, 4)
    return points if len(points) > 1 else {}


def _trend_in_words(runs: Sequence[Run]) -> tuple[Json, ...]:
    """The same as bars of text, for a workspace that draws no charts."""
    points = list(_points(runs).values())
    if not points:
        return ()
    bars = "".join(_BARS[min(int(level * len(_BARS)), len(_BARS) - 1)] for level in points)
    return (section(md("Level, the oldest first: {} {} now", code(bars), f"{points[-1]:.2f}")),)


def _trend(runs: Sequence[Run]) -> tuple[Json, ...]:
    """The level over time as Slack's own chart."""
    points = _points(runs)
    if not points:
        return ()
    names = list(points)
    series = [{"name": "Level", "data": [{"label": name, "value": points[name]} for name in names]}]
    return (
        {
            "type": "data_visualization",
            "title": "Level of drift over the last runs",
            "chart": {
                "type": "line",
                "series": series,
                "axis_config": {"categories": names, "x_label": "Run (UTC)", "y_label": "Level, 0 to 1"},
            },
        },
    )
