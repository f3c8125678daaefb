"""Every screen of monitors and incidents as the JSON that Slack gets, and what untrusted text does in them: nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.home_view import HomeContent, home_view
from handlers.message import Json, Message
from handlers.monitors import incident_view
from handlers.monitors.buttons import monitor_buttons
from handlers.monitors.details_view import details_view
from handlers.monitors.form import MonitorForm
from handlers.monitors.form_view import backtest_view, copy_view, form_view
from handlers.monitors.forms import saved_view
from handlers.monitors.incident_actions import assign_view, snooze_view
from handlers.monitors.list_view import history_message, monitors_message, open_incidents_message
from services.actor import Actor
from services.drift.comparison import Comparison
from services.monitors.drafts import explained, sensible
from services.monitors.incident_steps import snooze_of
from services.monitors.incidents import Incident, News, Resolution, SnoozeKind, Status, Subject
from services.monitors.judge import failed, nothing_to_compare
from services.monitors.model import (
    Baseline,
    BaselineKind,
    Cause,
    Concern,
    Destination,
    Detail,
    DigestPeriod,
    Monitor,
    Outcome,
    Problem,
    Run,
    RunResult,
    RunState,
    Schedule,
    ScheduleKind,
    Severity,
)
from services.monitors.snoozing import what_it_mutes
from services.monitors.views import (
    Backtest,
    BacktestLine,
    DigestView,
    History,
    IncidentView,
    MonitorCard,
    SnoozePreview,
    SummaryView,
)
from tests.drift.comparison_samples import FLIGHTS
from tests.golden import assert_within_limits
from tests.handlers import samples
from tests.handlers.conftest import Golden
from tests.handlers.nasty import TEXTS
from tests.handlers.test_nasty_text import assert_stays_text
from tests.monitors.samples import an_incident, moment, moved

DRAFT = sensible("flights", Actor("U0ADA", is_admin=False), channel="C0DATA", timezone="Europe/Stockholm")
MONITOR = Monitor("m1", DRAFT, "U0ADA", moment(-48), next_slot=moment(19), next_run_at=moment(19))
PROBLEMS = (
    moved("carrier", 0.6),
    moved("air_time", 0.3),
    Problem(Concern.SCHEMA, "gate", Severity.CRITICAL, 0.8, "The column “gate” was removed."),
    Problem(Concern.ROWS, "", Severity.WARNING, 0.4, "51,955 rows instead of 27,004 (+92%)."),
)
RESULT = RunResult(
    Outcome.DRIFTED,
    baseline="flights:1",
    target="flights:2",
    baseline_version=1,
    target_version=2,
    problems=PROBLEMS,
    magnitude=0.2,
    baseline_rows=27_004,
    target_rows=51_955,
    columns=19,
)
RUN = Run(
    "r1", "m1", "flights", Cause.VERSION, "version:2", moment(0), RunState.DONE, ended_at=moment(0), result=RESULT
)
CLEAN = replace(RUN, id="r2", ended_at=moment(-24), result=replace(RESULT, outcome=Outcome.CLEAN, problems=()))
FAILED = replace(
    RUN, id="r3", state=RunState.FAILED, ended_at=moment(-30), result=failed("The files of flights:2 are gone.", "gone")
)
OPEN = replace(
    an_incident(level=0.6),
    problems=PROBLEMS,
    places=(Destination("C0DATA"), Destination("C0OWNERS", Detail.BRIEF)),
)


async def _draw() -> bytes:
    return b"png"


def seen(incident: Incident, *, comparison: Comparison | None = FLIGHTS, run: Run | None = RUN) -> IncidentView:
    url = "https://ml.azure.com/data/flights/2/details"
    return IncidentView(incident, MONITOR, run, comparison, "U0CHIARA", url)


def there(message: Message | None) -> Message:
    assert message is not None
    return message


def message(incident: Incident, mentioned: str = "") -> Message:
    return incident_view.incident_message(seen(incident), _draw, mentioned)


def preview(incident: Incident, kind: SnoozeKind) -> SnoozePreview:
    until = moment(24) if kind is SnoozeKind.UNTIL else None
    snooze = snooze_of(incident, kind, "U0BEN", moment(1), until)
    return SnoozePreview(snooze, what_it_mutes(incident, snooze))


SNOOZED = replace(
    OPEN, snooze=preview(OPEN, SnoozeKind.UNTIL).snooze, acknowledged_by="U0BEN", acknowledged_at=moment(1)
)
RESOLVED = replace(
    OPEN,
    status=Status.RESOLVED,
    resolution=Resolution.PERSON,
    resolved_by="U0BEN",
    resolved_at=moment(2),
    reason="A storm closed the airport.\nIt is over.",
    reopened=1,
)
BROKEN = replace(
    OPEN,
    subject=Subject.RUN,
    problems=FAILED.result.problems if FAILED.result else (),
    note="The files of flights:2 are gone. Bring them back, or register the next version.",
    baseline="",
)
FORM = MonitorForm.of(DRAFT, 2)
CARD = MonitorCard(MONITOR, "U0CHIARA", RUN, None, (OPEN,), may_change=True)
BACKTEST = Backtest(
    (
        BacktestLine(moment(-48), nothing_to_compare("flights has one version only."), None),
        BacktestLine(moment(-24), replace(RESULT, outcome=Outcome.CLEAN, problems=()), None),
        BacktestLine(moment(0), RESULT, News.DETECTED),
        BacktestLine(moment(1), failed("The files are gone.", "gone"), None),
    ),
    3,
    1,
    "Of the 2 comparisons of past versions, 1 would have drifted.",
)

SCREENS: dict[str, Message | Json | None] = {
    "monitor_form": form_view(FORM, explained(DRAFT)),
    "home_incidents": home_view(
        HomeContent(
            samples.page(1),
            samples.page(0),
            samples.page(0),
            samples.page(1),
            samples.NOON,
            incidents=(replace(OPEN, assignee="U0BEN"), *(replace(BROKEN, id=f"i{n}") for n in range(7))),
        )
    ),
    "monitor_form_days": form_view(
        MonitorForm.of(replace(DRAFT, baseline=Baseline(BaselineKind.WINDOW, days=28, newest=7)), 2), explained(DRAFT)
    ),
    "monitor_form_all": form_view(
        replace(
            MonitorForm.of(
                replace(
                    DRAFT,
                    baseline=Baseline(BaselineKind.PINNED, 1),
                    schedule=Schedule(cron="30 6 * * 1-5", timezone="Europe/Stockholm"),
                    destinations=(Destination("C0DATA"), Destination("C0OWNERS", Detail.BRIEF)),
                    needed=3,
                    of=4,
                    late_after=timedelta(hours=36),
                ),
                2,
                monitor_id="m1",
                revision=3,
            ),
            shows_all=True,
        ),
        {},
    ),
    "monitor_saved": saved_view(MONITOR, True),
    "monitor_copy": copy_view("m1", MONITOR.label),
    "monitor_backtest": backtest_view("flights", BACKTEST),
    "monitor_none": monitors_message("flights", ()),
    "monitor_list": monitors_message(
        "flights",
        (
            CARD,
            replace(
                CARD,
                monitor=replace(
                    MONITOR,
                    id="m2",
                    draft=replace(DRAFT, name="strict", schedule=Schedule(ScheduleKind.NONE)),
                    paused=True,
                    trouble="Its messages do not arrive where they should: the channel is archived.",
                ),
                latest=FAILED,
                running=replace(RUN, state=RunState.RUNNING, started_at=moment(0), result=None),
                open=(),
                may_change=False,
            ),
        ),
    ),
    "monitor_open": open_incidents_message((OPEN, SNOOZED)),
    "monitor_history": history_message(History(MONITOR, (RUN, CLEAN, FAILED), more=True)),
    "incident": message(OPEN, "U0CHIARA"),
    "incident_suspected": message(replace(OPEN, status=Status.SUSPECTED, outcomes=(True,))),
    "incident_snoozed": message(SNOOZED),
    "incident_resolved": message(RESOLVED),
    "incident_broken": incident_view.incident_message(seen(BROKEN, comparison=None, run=FAILED), None),
    "incident_brief": incident_view.brief_message(seen(SNOOZED)),
    "incident_details": details_view(FLIGHTS),
    "incident_assign": assign_view("i1", OPEN, "U0BEN"),
    "incident_snooze": snooze_view("i1", "1d", preview(OPEN, SnoozeKind.UNTIL)),
    "incident_snooze_unknown": snooze_view("i1", "worse", None),
    "incident_summary": incident_view.summary_message(
        SummaryView("C0DATA", tuple(replace(OPEN, id=f"i{n}", dataset=f"flights-{n}") for n in range(20)))
    ),
    "incident_digest": there(
        incident_view.digest_message(
            DigestView("C0DATA", DigestPeriod.WEEKLY, (OPEN, SNOOZED), (RESOLVED,), moment(-168))
        )
    ),
    "incident_undelivered": incident_view.undelivered_message(
        "flights", "C0DATA", "Its messages do not arrive where they should.", monitor_buttons(MONITOR)[2:4]
    ),
}


@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, golden: Golden) -> None:
    screen = SCREENS[name]
    assert screen is not None
    golden(name, screen)


def test_a_digest_of_nothing_is_not_sent() -> None:
    assert incident_view.digest_message(DigestView("C0DATA", DigestPeriod.DAILY, (), (), moment(-24))) is None


@pytest.mark.parametrize("news", News)
def test_news_in_the_thread(news: News) -> None:
    incident = RESOLVED if news is News.RESOLVED else SNOOZED
    told = incident_view.reply_message(seen(incident), news, {"by": "U0BEN", "mention": "U0CHIARA"})
    assert_within_limits(told)
    assert "<@U0CHIARA>" in told.text


@pytest.mark.parametrize("incident", [OPEN, SNOOZED, RESOLVED, BROKEN, replace(OPEN, status=Status.SUSPECTED)])
def test_an_incident_offers_only_what_can_be_done(incident: Incident) -> None:
    offered = {
        element["action_id"]
        for block in message(incident).blocks
        if block["type"] == "actions"
        for element in block["elements"]
    }
    assert ("incident:resolve" in offered) is incident.is_open
    assert ("incident:reopen" in offered) is not incident.is_open
    assert ("incident:acknowledge" in offered) is (incident.is_open and not incident.acknowledged_by)
    assert ("incident:wake" in offered) is (incident.snooze is not None)
    assert ("incident:accept" in offered) is (incident.is_open and incident.subject is Subject.DATA)


def test_the_picture_is_of_the_run_that_kept_its_numbers() -> None:
    shown = message(OPEN).picture
    assert shown is not None
    assert shown.key == "drift:r1"
    same = incident_view.incident_message(
        seen(OPEN, run=replace(RUN, id="r9", result=replace(RESULT, same_as="r1"))), _draw
    ).picture
    assert same is not None
    assert same.key == shown.key


NASTY: dict[str, Callable[[str], Message | Json]] = {
    "incident": lambda text: message(_nasty(OPEN, text)),
    "resolved": lambda text: message(_nasty(RESOLVED, text)),
    "broken": lambda text: message(_nasty(BROKEN, text)),
    "brief": lambda text: incident_view.brief_message(seen(_nasty(OPEN, text))),
    "worse": lambda text: incident_view.reply_message(seen(_nasty(OPEN, text)), News.WORSE, {}),
    "summary": lambda text: incident_view.summary_message(SummaryView("C0DATA", (_nasty(OPEN, text),))),
    "monitors": lambda text: monitors_message(text, (_nasty_card(text),)),
    "history": lambda text: history_message(History(_nasty_card(text).monitor, (RUN,), more=False)),
    "form": lambda text: form_view(
        replace(MonitorForm.of(replace(DRAFT, dataset=text, name=text[:80]), 2), shows_all=True), {}
    ),
    "backtest": lambda text: backtest_view(
        text, replace(BACKTEST, lines=(BacktestLine(moment(0), replace(RESULT, target=text, baseline=text), None),))
    ),
    "details": lambda text: details_view(
        replace(FLIGHTS, baseline=text, columns=tuple(replace(each, name=text) for each in FLIGHTS.columns))
    ),
}


def _nasty(incident: Incident, text: str) -> Incident:
    problems = tuple(replace(each, subject=text, sentence=text) for each in incident.problems)
    return replace(
        incident,
        dataset=text,
        target=text,
        baseline=text,
        reason=text,
        note=text,
        problems=problems,
    )


def _nasty_card(text: str) -> MonitorCard:
    monitor = replace(MONITOR, draft=replace(DRAFT, dataset=text, name=text), trouble=text)
    result = replace(RESULT, baseline=text, target=text, note=text, problems=_nasty(OPEN, text).problems)
    return replace(CARD, monitor=monitor, latest=replace(RUN, result=result), open=(_nasty(OPEN, text),))


@settings(max_examples=25, deadline=None)
@given(text=st.sampled_from(TEXTS) | st.text(min_size=1, max_size=400))
@pytest.mark.parametrize("name", NASTY)
def test_untrusted_text_stays_text_and_within_limits(name: str, text: str) -> None:
    screen = NASTY[name](text or "x")
    assert_within_limits(screen)
    assert_stays_text(screen)
