"""The form of a monitor as Slack shows it: what most people choose first, the rarer settings behind one button."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import available_timezones

from handlers.blockkit import (
    OPTIONS,
    actions,
    button,
    channel_select,
    checkboxes,
    context,
    divider,
    input_block,
    modal,
    option,
    radio,
    section,
    select,
    text_input,
    type_ahead,
    user_select,
)
from handlers.message import Json
from handlers.monitors.form import RATES, MonitorForm, rate_text
from handlers.monitors.form_words import CUSTOM, SCHEDULES
from handlers.monitors.phrases import name_of
from handlers.text import Mrkdwn, lines, md, told, truncate, when
from services.drift.settings import Preset
from services.monitors.incidents import News
from services.monitors.model import BaselineKind, Detail, Severity
from services.monitors.views import Backtest, BacktestLine

CALLBACK, COPY_CALLBACK = "monitor_form", "monitor_copy"
CHANGES = r"^monitor_form:(baseline|schedule|more)$"
MORE, PREVIEW, TIMEZONE, COPY_DATASET = (
    "monitor_form:more",
    "monitor_form:preview",
    "monitor_form:timezone",
    "monitor_copy:dataset",
)
TITLES = {True: "New drift monitor", False: "Edit drift monitor"}
BACKTEST_TITLE = "What it would have done"
_PRESETS = (
    ("Dataset Bot's: quiet on equal data of any size", Preset.DEFAULT),
    ("Evidently's metrics and thresholds", Preset.EVIDENTLY),
    ("Azure ML model monitoring's", Preset.AZUREML),
)
_LONGEST = 2000


def form_view(form: MonitorForm, explained: Mapping[str, str]) -> Json:
    """The form. explained: why each first value is a sensible one, by field of the draft; empty for an edit."""
    draft = form.draft
    blocks: list[Json] = [section(_lead(form))]
    blocks += _baseline(form, explained)
    blocks += _when(form, explained)
    full = next((each.to for each in draft.destinations if each.detail is Detail.FULL), "")
    blocks.append(
        input_block(
            "channel",
            "Tell it in",
            channel_select("monitor_channel", initial=full if full[:1] in {"C", "G"} else None),
            hint="Left empty, I tell you in a direct message. Invite me to a private channel first.",
            optional=True,
        )
    )
    if form.shows_all:
        blocks += [divider(), *_rare(form, explained)]
    row = [button("Preview on past versions", PREVIEW, label="What it would have done on the versions that exist")]
    if not form.shows_all:
        row.append(button("More settings", MORE, label="Columns, metrics, thresholds, rows, quiet hours and more"))
    blocks.append(actions(row, block_id="monitor_row"))
    return modal(
        CALLBACK,
        TITLES[form.is_new],
        blocks,
        submit="Create" if form.is_new else "Save",
        private_metadata=form.metadata(),
    )


def copy_view(monitor_id: str, label: str) -> Json:
    """To which dataset a monitor is duplicated."""
    choice = type_ahead(COPY_DATASET, placeholder="Type a part of its name")
    return modal(
        COPY_CALLBACK,
        "Duplicate monitor",
        [
            section(md("The monitor of {} with all its settings, on another dataset.", name_of(label))),
            input_block("dataset", "Dataset", choice),
        ],
        submit="Duplicate",
        private_metadata=monitor_id,
    )


def backtest_view(label: str, backtest: Backtest) -> Json:
    """What a draft would have done, over the form."""
    blocks = [section(lines([name_of(label), told(backtest.sentence)]))]
    blocks += [
        section(lines(_line(each) for each in backtest.lines[i : i + 10])) for i in range(0, len(backtest.lines), 10)
    ]
    if backtest.skipped:
        blocks.append(context(f"The {backtest.skipped:,} versions before these were not looked at."))
    blocks.append(context("Nothing is saved yet. Close this to go back to the form."))
    return modal("monitor_backtest", BACKTEST_TITLE, blocks, close="Back")


def zone_options(words: str) -> list[Json]:
    """Time zones for the type-ahead."""
    wanted = words.strip().lower().replace(" ", "_")
    found = [name for name in ("UTC", *sorted(available_timezones() - {"UTC"})) if wanted in name.lower()]
    cities = [name for name in found if "/" in name or name == "UTC"]
    cities.sort(key=lambda name: not name.rpartition("/")[2].lower().startswith(wanted))
    return [option(name, name) for name in cities[:OPTIONS]]


def _lead(form: MonitorForm) -> Mrkdwn:
    name = name_of(form.draft.dataset)
    if not form.is_new:
        return md("What is compared, when and where it is told, for {}.", name)
    return md("Watches {} and tells you when its data move. As it stands this is a useful monitor: press Create.", name)


def _baseline(form: MonitorForm, explained: Mapping[str, str]) -> list[Json]:
    choices = [
        option("The version before it", BaselineKind.PREVIOUS.value, "Each new version against the previous one"),
        option("One version that stays", BaselineKind.PINNED.value, "Every new version against the same one"),
        option("Days before its newest ones", BaselineKind.WINDOW.value, "For data with a timestamp column"),
    ]
    kind = form.draft.baseline.kind
    chosen = next(each for each in choices if each["value"] == kind.value)
    blocks = [
        input_block(
            "baseline",
            "Compare the latest version with",
            radio("monitor_form:baseline", choices, initial=chosen),
            hint=explained.get("baseline"),
            dispatch=True,
        )
    ]
    if kind is BaselineKind.WINDOW:
        blocks += [
            _days(form, "newest", "Newest days", "So many days up to the newest row are looked at."),
            _days(form, "days", "Days before them", "They are compared with so many days right before."),
        ]
    if kind is BaselineKind.PINNED:
        newest = form.latest
        numbers = list(range(newest, max(0, newest - OPTIONS), -1))
        wanted = form.draft.baseline.version or newest
        if wanted not in numbers:
            numbers[-1] = wanted
        options = [option(f"Version {number}", str(number)) for number in numbers]
        initial = options[numbers.index(wanted)]
        blocks.append(input_block("version", "Version", select("monitor_version", options, initial=initial)))
    return blocks


def _when(form: MonitorForm, explained: Mapping[str, str]) -> list[Json]:
    options = [option(words, value) for value, (words, _) in SCHEDULES.items()]
    chosen = next(each for each in options if each["value"] == form.schedule)
    zone = form.draft.schedule.timezone
    blocks = [
        input_block(
            "schedule",
            "Look",
            select("monitor_form:schedule", options, initial=chosen),
            hint=f"Times are those of {zone}." + (" Change it under More settings." if not form.shows_all else ""),
            dispatch=True,
        )
    ]
    if form.schedule == CUSTOM:
        cron = text_input("monitor_cron", initial=form.text("cron"), placeholder="30 6 * * 1-5", max_length=100)
        hint = "Minute, hour, day, month, weekday: 30 6 * * 1-5 is 06:30 on working days."
        blocks.append(input_block("cron", "When", cron, hint=hint))
    box = option("At once on every new version", "yes")
    blocks.append(
        input_block(
            "new_version",
            "New versions",
            checkboxes("monitor_new_version", [box], initial=[box] if form.draft.on_new_version else ()),
            hint=explained.get("on_new_version"),
            optional=True,
        )
    )
    return blocks


def _rare(form: MonitorForm, explained: Mapping[str, str]) -> list[Json]:
    draft = form.draft
    presets = [option(text, preset.value) for text, preset in _PRESETS]
    preset = next(each for each in presets if each["value"] == draft.compare.preset.value)
    rates = {*RATES, rate_text(draft)}
    rate_options = [option(_rate_words(each), each) for each in sorted(rates, key=lambda each: (each[-1], each))]
    rate = next(each for each in rate_options if each["value"] == rate_text(draft))
    schema = option("Columns that come, go or change their type", "yes")
    severities = [
        option("Critical", str(int(Severity.CRITICAL))),
        option("Warning and worse", str(int(Severity.WARNING))),
        option("Everything", str(int(Severity.NOTICE))),
    ]
    severity = next(each for each in severities if each["value"] == str(int(draft.quiet.except_from)))
    brief = next((each.to for each in draft.destinations if each.detail is Detail.BRIEF), "")
    zone = draft.schedule.timezone
    return [
        _words(form, "columns", "Columns", "All of them", "Names separated by commas; left empty, all are compared."),
        input_block(
            "preset",
            "Metrics",
            select("monitor_preset", presets, initial=preset),
            hint=explained.get("compare") or "A metric and a threshold for each type of column.",
        ),
        _words(form, "metrics", "Other metrics for single columns", "price=psi, *=wasserstein_normed", None),
        _words(form, "thresholds", "Other thresholds", "price=0.2, *=0.1", "* stands for every other column."),
        _words(form, "minimum", "Smallest sample", "30", explained.get("minimum_rows")),
        input_block(
            "needed",
            "Alert after",
            select("monitor_needed", rate_options, initial=rate),
            hint=explained.get("needed") or "Drifted runs on different data; before that it is only suspected.",
        ),
        _words(form, "rows_change", "Row count may change by, %", "50", explained.get("rows_change")),
        _words(form, "late", "A new version is expected within", "2 days", "Left empty, lateness is not told."),
        input_block(
            "schema",
            "Schema",
            checkboxes("monitor_schema", [schema], initial=[schema] if draft.schema else ()),
            optional=True,
        ),
        _words(form, "name", "Name of this monitor", "weekly, strict", "Where a dataset has several."),
        input_block(
            "timezone",
            "Time zone",
            type_ahead(TIMEZONE, initial=option(zone, zone), placeholder="Europe/Berlin", min_query=2),
        ),
        input_block(
            "mention",
            "Mention",
            user_select("monitor_mention", initial=draft.mention or None, placeholder="The dataset's owner"),
            hint=explained.get("mention") or "Left empty, the dataset's owner is mentioned.",
            optional=True,
        ),
        input_block(
            "brief",
            "Also tell in one line in",
            channel_select("monitor_brief", initial=brief if brief[:1] in {"C", "G"} else None),
            optional=True,
        ),
        _words(form, "quiet", "Quiet hours", "22:00-07:00", "Nothing is told then, but what is let through below."),
        input_block("except_from", "Let through", select("monitor_except", severities, initial=severity)),
    ]


def _days(form: MonitorForm, field: str, label: str, hint: str) -> Json:
    return input_block(field, label, text_input(f"monitor_{field}", initial=form.text(field), max_length=4), hint=hint)


def _words(form: MonitorForm, field: str, label: str, placeholder: str, hint: str | None) -> Json:
    element = text_input(f"monitor_{field}", initial=form.text(field), placeholder=placeholder, max_length=_LONGEST)
    return input_block(field, label, element, hint=hint, optional=True)


def _rate_words(rate: str) -> str:
    needed, _, of = rate.partition(" of ")
    return "The first drifted run" if rate == "1 of 1" else f"{needed} drifted runs of {of}"


def _line(line: BacktestLine) -> Mrkdwn:
    result = line.result
    if result.error_code:
        return md(":grey_question: {} could not be compared: {}", result.target, told(truncate(result.note, 200)))
    if not result.baseline:
        return md("○ {}: {}", result.target, told(truncate(result.note, 200)))
    head = md("{} with {} {}", result.target, result.baseline, when(line.at, "{date_short_pretty}"))
    if line.news in {News.DETECTED, News.REOPENED}:
        return md(":rotating_light: {}: *would have alerted*, level {}", head, f"{result.level:.2f}")
    if result.problems:
        return md(":large_yellow_circle: {}: drift, told in the thread, level {}", head, f"{result.level:.2f}")
    return md(":white_check_mark: {}: no drift", head)
