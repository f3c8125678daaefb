"""The form of a monitor as values: what was chosen and typed, how it is read from a view, and the draft it means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from pydantic import TypeAdapter

from handlers.message import Json
from handlers.monitors import form_words as words
from handlers.packed import pack, unpack
from handlers.view_state import ViewState
from services.datasets.model import Problem
from services.drift.settings import CompareSettings, Preset
from services.errors import InvalidInput
from services.monitors.model import (
    Baseline,
    BaselineKind,
    Destination,
    Detail,
    MonitorDraft,
    Severity,
)

DAYS, NEWEST = 28, 7
"""First values for days of a time-series dataset: the last week with the four weeks before it."""

TEXTS = (
    "days",
    "newest",
    "name",
    "cron",
    "columns",
    "metrics",
    "thresholds",
    "minimum",
    "rows_change",
    "late",
    "quiet",
)
"""Fields that are typed as words; block ids as well."""

RATES = {"1 of 1": (1, 1), "2 of 2": (2, 2), "2 of 3": (2, 3), "3 of 3": (3, 3), "3 of 5": (3, 5)}
"""N of M as the menu offers it."""

_BLOCKS = {
    "baseline": ("version", "baseline"),
    "compare": ("columns", "thresholds"),
    "late_after": ("late",),
    "destinations": ("channel",),
    "minimum_rows": ("minimum",),
    "timezone": ("timezone",),
    "schedule": ("cron", "schedule"),
    "jitter": ("schedule",),
}


@dataclass(frozen=True, slots=True)
class MonitorForm:
    """draft: what was set when the form was drawn. typed: words of the fields that are shown, by block id.

    monitor_id, revision: of the monitor that is edited; "" and 0 for a new one. latest: the dataset's newest version.
    shows_all: are the rarer settings shown. schedule: the menu's entry.
    """

    draft: MonitorDraft
    latest: int = 1
    monitor_id: str = ""
    revision: int = 0
    shows_all: bool = False
    schedule: str = "daily"
    typed: tuple[tuple[str, str], ...] = ()

    @property
    def is_new(self) -> bool:
        """Not an edit."""
        return not self.monitor_id

    def text(self, field: str) -> str:
        """The words of a field: as typed, else of the draft."""
        return dict(self.typed).get(field, texts_of(self.draft)[field])

    def metadata(self) -> str:
        """All of it, for private_metadata."""
        return pack(
            {
                "draft": _drafts().dump_python(self.draft, mode="json"),
                "latest": self.latest,
                "monitor": self.monitor_id,
                "revision": self.revision,
                "all": self.shows_all,
                "schedule": self.schedule,
                "typed": dict(self.typed),
            }
        )

    def wish(self, me: str, now: datetime) -> tuple[MonitorDraft, tuple[Problem, ...]]:
        """The draft that was filled in, and what cannot be read of it, by block id. me: who fills it in."""
        found: list[Problem] = []
        draft = self.draft
        for read in _READERS:
            try:
                draft = read(self, draft)
            except InvalidInput as error:
                found.append(Problem(error.field or "schedule", error.sentence))
        zone = draft.schedule.timezone
        schedule = words.schedule_of(self.schedule, self.text("cron"), draft.schedule, zone, now)
        destinations = draft.destinations or (Destination(me),)
        return replace(draft, schedule=schedule, destinations=destinations), tuple(found)

    @classmethod
    def of(cls, draft: MonitorDraft, latest: int, *, monitor_id: str = "", revision: int = 0) -> MonitorForm:
        """The form of a draft."""
        return cls(draft, latest, monitor_id, revision, schedule=words.schedule_choice(draft.schedule))

    @classmethod
    def parse(cls, view: Json) -> MonitorForm:
        """Read the form from a view as Slack delivers it. Raises InvalidInput for a form of an older bot."""
        kept = unpack(str(view.get("private_metadata") or ""))
        state = ViewState.of(view)
        try:
            draft = _drafts().validate_python(kept["draft"])
            latest, revision = int(str(kept.get("latest") or 1)), int(str(kept.get("revision") or 0))
        except (KeyError, ValueError):
            raise InvalidInput("This form is from an older version of me. Please close it and try again.") from None
        before = kept.get("typed")
        typed = {key: str(value) for key, value in before.items()} if isinstance(before, dict) else {}
        typed |= {field: state.text(field) for field in TEXTS if state.has(field)}
        return cls(
            draft=_chosen(draft, state),
            latest=latest,
            monitor_id=str(kept.get("monitor") or ""),
            revision=revision,
            shows_all=bool(kept.get("all")),
            schedule=state.choice("schedule") or str(kept.get("schedule") or "daily"),
            typed=tuple(sorted((key, value) for key, value in typed.items() if key in TEXTS)),
        )

    def errors(self, problems: Sequence[Problem], shown: frozenset[str]) -> dict[str, str]:
        """Problems by the block id of a field that is shown, as Slack's `errors`; the first of each field."""
        found: dict[str, str] = {}
        for problem in problems:
            wanted = (*_BLOCKS.get(problem.field, ()), problem.field)
            block = next((each for each in wanted if each in shown), "schedule")
            found.setdefault(block, problem.sentence)
        return found


def texts_of(draft: MonitorDraft) -> dict[str, str]:
    """The words that stand for a draft, by block id."""
    compare = draft.compare
    return {
        "days": str(draft.baseline.days or DAYS),
        "newest": str(draft.baseline.newest or NEWEST),
        "name": draft.name,
        "cron": draft.schedule.cron,
        "columns": words.names_text(compare.columns),
        "metrics": words.pairs_text({name: metric.value for name, metric in compare.metrics.items()}),
        "thresholds": words.pairs_text({name: f"{value:g}" for name, value in compare.thresholds.items()}),
        "minimum": "" if compare.minimum_rows is None else str(compare.minimum_rows),
        "rows_change": words.percent_text(draft.rows_change),
        "late": words.span_text(draft.late_after),
        "quiet": words.quiet_text(draft.quiet),
    }


def rate_text(draft: MonitorDraft) -> str:
    """ "2 of 3"."""
    return f"{draft.needed} of {draft.of}"


def _chosen(draft: MonitorDraft, state: ViewState) -> MonitorDraft:
    """The draft with what menus and boxes say; what is not shown stays."""
    if state.has("baseline"):
        chosen = state.choice("baseline")
        kind = BaselineKind(chosen) if chosen in set(BaselineKind) else BaselineKind.PREVIOUS
        version = state.choice("version")
        pinned = int(version) if version.isdecimal() else draft.baseline.version
        was = draft.baseline
        days, newest = (was.days or DAYS, was.newest or NEWEST) if kind is BaselineKind.WINDOW else (0, 0)
        draft = replace(draft, baseline=Baseline(kind, pinned if kind is BaselineKind.PINNED else 0, days, newest))
    if state.has("new_version"):
        draft = replace(draft, on_new_version=state.ticked("new_version"))
    if state.has("schema"):
        draft = replace(draft, schema=state.ticked("schema"))
    if state.has("channel") or state.has("brief"):
        draft = replace(draft, destinations=_destinations(draft, state))
    if state.has("mention"):
        draft = replace(draft, mention=state.user("mention"))
    if (rate := state.choice("needed")) in RATES:
        draft = replace(draft, needed=RATES[rate][0], of=RATES[rate][1])
    if zone := state.choice("timezone"):
        draft = replace(
            draft,
            schedule=replace(draft.schedule, timezone=zone),
            quiet=replace(draft.quiet, timezone=zone),
        )
    if (except_from := state.choice("except_from")).isdecimal():
        draft = replace(draft, quiet=replace(draft.quiet, except_from=Severity(int(except_from))))
    if preset := state.choice("preset"):
        draft = replace(draft, compare=replace(draft.compare, preset=Preset(preset)))
    return draft


def _destinations(draft: MonitorDraft, state: ViewState) -> tuple[Destination, ...]:
    full, *others = draft.destinations or (Destination(""),)
    first = state.conversation("channel") if state.has("channel") else full.to
    if state.has("brief"):
        brief = state.conversation("brief")
        others = [Destination(brief, Detail.BRIEF)] if brief else []
    kept = [each for each in others if each.to != first]
    return (Destination(first), *kept) if first else tuple(kept)


_Reader = Callable[[MonitorForm, MonitorDraft], MonitorDraft]


def _compare_reader(field: str, read: Callable[[CompareSettings, str], CompareSettings]) -> _Reader:
    def reader(form: MonitorForm, draft: MonitorDraft) -> MonitorDraft:
        return replace(draft, compare=read(draft.compare, form.text(field)))

    return reader


def _days(form: MonitorForm, baseline: Baseline) -> Baseline:
    if baseline.kind is not BaselineKind.WINDOW:
        return baseline
    return replace(
        baseline,
        days=words.read_days(form.text("days"), "days"),
        newest=words.read_days(form.text("newest"), "newest"),
    )


_READERS: tuple[_Reader, ...] = (
    lambda form, draft: replace(draft, baseline=_days(form, draft.baseline)),
    lambda form, draft: replace(draft, name=form.text("name").strip()),
    lambda form, draft: replace(draft, rows_change=words.read_percent(form.text("rows_change"))),
    lambda form, draft: replace(draft, late_after=words.read_span(form.text("late"))),
    lambda form, draft: replace(
        draft, quiet=words.read_quiet(form.text("quiet"), draft.quiet, draft.schedule.timezone)
    ),
    _compare_reader("columns", lambda compare, text: replace(compare, columns=words.read_names(text))),
    _compare_reader("metrics", lambda compare, text: replace(compare, metrics=words.read_metrics(text))),
    _compare_reader("thresholds", lambda compare, text: replace(compare, thresholds=words.read_thresholds(text))),
    _compare_reader("minimum", lambda compare, text: replace(compare, minimum_rows=words.read_rows(text))),
)


@cache
def _drafts() -> TypeAdapter[MonitorDraft]:
    return TypeAdapter(MonitorDraft)


def shown_fields(view: Json) -> frozenset[str]:
    """Block ids of the fields that a view shows."""
    return frozenset(
        str(block.get("block_id") or "") for block in view.get("blocks") or [] if block.get("type") == "input"
    )
