"""Where and when incidents are told, who may act, how bad things are, what is compared, what a form may hold."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from services.actor import Actor
from services.datasets.model import (
    Column,
    ColumnType,
    Dataset,
    DatasetType,
    DatasetVersion,
    FingerprintCheck,
    FingerprintState,
    VersionStats,
)
from services.drift.settings import CompareSettings
from services.monitors import judge
from services.monitors.drafts import check_draft, known_zone
from services.monitors.incidents import Act, Incident
from services.monitors.model import (
    Baseline,
    BaselineKind,
    Concern,
    Destination,
    Detail,
    Monitor,
    MonitorDraft,
    QuietHours,
    Schedule,
    ScheduleKind,
    Severity,
)
from services.monitors.plan import sides
from services.monitors.routing import destinations, is_quiet, told_from
from services.monitors.rules import may_act, may_change
from tests.datasets.world import files, table
from tests.monitors.samples import NOON, an_incident

DATASET = Dataset("flights", DatasetType.TABULAR, "", (), "U0ADA", 3, NOON, NOON)
LATEST = DatasetVersion(
    "flights",
    3,
    table("flights/*.csv"),
    "",
    (),
    NOON,
    "U0ADA",
    VersionStats(schema=(Column("price", ColumnType.DECIMAL), Column("day", ColumnType.DATETIME))),
)
DRAFT = MonitorDraft("flights", destinations=(Destination("C1"),))
MONITOR = Monitor("m1", replace(DRAFT, mention="U0MIA"), "U0BEN", NOON)


def tagged(value: str) -> Dataset:
    return replace(DATASET, tags=(("alerts", value),))


ROUTES = {
    "the monitor's own": (DRAFT, DATASET, (), ["C1 full"]),
    "the policy before the monitor's own": (DRAFT, DATASET, (Destination("C9"),), ["C9 full"]),
    "the tag before all": (DRAFT, tagged("C7"), (Destination("C9"),), ["C7 full"]),
    "a tag with several": (DRAFT, tagged("C7, U8 ,C7"), (), ["C7 full", "U8 brief"]),
    "a tag that names nothing": (DRAFT, tagged("#data, <C1>"), (), ["C1 full"]),
    "nothing is set": (replace(DRAFT, destinations=()), DATASET, (), ["U0FALL full"]),
    "the dataset is gone": (DRAFT, None, (), ["C1 full"]),
    "the full one is first": (
        replace(DRAFT, destinations=(Destination("C1", Detail.BRIEF), Destination("C2"), Destination("C3"))),
        DATASET,
        (),
        ["C2 full", "C3 brief", "C1 brief"],
    ),
    "only brief ones": (replace(DRAFT, destinations=(Destination("C1", Detail.BRIEF),)), DATASET, (), ["C1 full"]),
}


@pytest.mark.parametrize(("draft", "dataset", "policy", "places"), ROUTES.values(), ids=ROUTES)
def test_where_incidents_go(
    draft: MonitorDraft, dataset: Dataset | None, policy: tuple[Destination, ...], places: list[str]
) -> None:
    found = destinations(draft, dataset, policy, fallback="U0FALL")
    assert [f"{place.to} {place.detail}" for place in found] == places


NIGHT = QuietHours(time(22), time(7), "Europe/Stockholm", Severity.CRITICAL)


@pytest.mark.parametrize(
    ("quiet", "at", "severity", "until"),
    [
        (NIGHT, "2026-03-02T20:59+00:00", Severity.WARNING, None),
        (NIGHT, "2026-03-02T21:00+00:00", Severity.WARNING, "2026-03-03T06:00+00:00"),
        (NIGHT, "2026-03-03T05:59+00:00", Severity.WARNING, "2026-03-03T06:00+00:00"),
        (NIGHT, "2026-03-03T06:00+00:00", Severity.WARNING, None),
        (NIGHT, "2026-03-02T23:00+00:00", Severity.CRITICAL, None),
        (NIGHT, "2026-03-28T23:00+00:00", Severity.NOTICE, "2026-03-29T05:00+00:00"),  # the clock goes forward
        (QuietHours(time(12), time(13), "UTC"), "2026-03-02T12:30+00:00", Severity.WARNING, "2026-03-02T13:00+00:00"),
        (QuietHours(), "2026-03-02T00:00+00:00", Severity.NOTICE, None),
    ],
)
def test_quiet_hours_end_where_they_are(quiet: QuietHours, at: str, severity: Severity, until: str | None) -> None:
    moment = datetime.fromisoformat(at)
    found = told_from(quiet, moment, severity)
    assert is_quiet(quiet, moment, severity) == (until is not None)
    assert (None if found is None else found.astimezone(UTC).isoformat(timespec="minutes")) == until


ADA, BEN, MIA, ADMIN, EVE = (Actor(f"U0{name}") for name in ("ADA", "BEN", "MIA", "ADMIN", "EVE"))


@pytest.mark.parametrize(
    ("actor", "act", "allowed"),
    [
        (EVE, Act.ACKNOWLEDGE, True),
        (EVE, Act.ASSIGN, True),
        (EVE, Act.RESOLVE, False),
        (EVE, Act.SNOOZE, False),
        (Actor("U0ASSIGNED"), Act.RESOLVE, True),
        (Actor("U0ASSIGNED"), Act.ACCEPT, False),
        (MIA, Act.SNOOZE, True),
        (MIA, Act.ACCEPT, False),
        (ADA, Act.ACCEPT, True),
        (BEN, Act.ACCEPT, True),
        (Actor("U0ADMIN", is_admin=True), Act.ACCEPT, True),
        (Actor(""), Act.ACKNOWLEDGE, False),
        (Actor("", is_admin=True), Act.RESOLVE, False),
    ],
)
def test_who_may_act(actor: Actor, act: Act, allowed: bool) -> None:
    incident = an_incident(assignee="U0ASSIGNED")
    permission = may_act(actor, act, incident, MONITOR, DATASET)
    assert permission.allowed is allowed
    assert allowed or "nly" in permission.sentence


def test_without_its_dataset_the_owner_has_no_say() -> None:
    assert not may_change(ADA, MONITOR, None).allowed
    assert may_change(BEN, MONITOR, None).allowed


@pytest.mark.parametrize(
    ("metric", "value", "p_value", "level"),
    [
        ("jensen_shannon", 0.3, None, 0.3),
        ("ks_statistic", 1.0, 0.0, 1.0),
        ("psi", 0.25, None, 0.2),
        ("psi", 9.0, None, 0.9),
        ("wasserstein_normed", 1.0, None, 0.5),
        ("ks_p_value", 1e-5, 1e-5, 0.5),
        ("chi2_p_value", 0.0, 0.0, 1.0),
        (None, None, None, 0.0),
        ("psi", math.inf, None, 0.0),
    ],
)
def test_levels_can_be_compared(metric: str | None, value: float | None, p_value: float | None, level: float) -> None:
    assert judge.level_of(metric, value, p_value) == pytest.approx(level)


def test_lateness_grows_with_time() -> None:
    draft = replace(DRAFT, late_after=timedelta(days=1))
    assert judge.lateness(DRAFT, LATEST, NOON + timedelta(days=99)) is None
    assert judge.lateness(draft, LATEST, NOON + timedelta(days=1)) is None
    found = judge.lateness(draft, LATEST, NOON + timedelta(hours=30))
    assert found is not None
    assert (found.concern, found.severity) == (Concern.LATE, Severity.WARNING)
    assert found.sentence == "No version has come since flights:3, 30 hours ago; one is expected every 24 hours."
    much = judge.lateness(draft, LATEST, NOON + timedelta(days=3))
    assert much is not None
    assert (much.severity, much.level > found.level) == (Severity.CRITICAL, True)


def pinned(version: int, **changes: object) -> Monitor:
    baseline = Baseline(BaselineKind.PINNED, version)
    return replace(MONITOR, draft=replace(DRAFT, baseline=baseline), **changes)  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize(
    ("monitor", "latest", "incident", "found"),
    [
        (MONITOR, 3, None, (2, 3)),
        (MONITOR, 1, None, "one version only"),
        (MONITOR, 5, an_incident(baseline_version=2), (2, 5)),
        (MONITOR, 2, an_incident(baseline_version=2), (1, 2)),
        (replace(MONITOR, accepted=3), 3, None, "accepted"),
        (replace(MONITOR, accepted=3), 4, None, (3, 4)),
        (pinned(1), 4, an_incident(baseline_version=2), (1, 4)),
        (pinned(4), 4, None, "baseline itself"),
        (pinned(6), 4, None, "does not exist"),
    ],
)
def test_which_versions_are_compared(
    monitor: Monitor, latest: int, incident: Incident | None, found: tuple[int, int] | str
) -> None:
    chosen = sides(monitor, latest, incident)
    if isinstance(found, str):
        assert isinstance(chosen, str)
        assert found in chosen
    else:
        assert chosen == found


PROBLEMS = {
    "a baseline that is none": (replace(DRAFT, baseline=Baseline(BaselineKind.PINNED, 9)), "baseline"),
    "a column that is none": (replace(DRAFT, compare=CompareSettings(columns=("nope",))), "compare"),
    "no column": (replace(DRAFT, compare=CompareSettings(columns=())), "compare"),
    "a threshold below 0": (replace(DRAFT, compare=CompareSettings(thresholds={"price": -1})), "compare"),
    "a threshold that is no number": (replace(DRAFT, compare=CompareSettings(thresholds={"*": math.nan})), "compare"),
    "N above M": (replace(DRAFT, needed=3, of=2), "needed"),
    "rows that may not change": (replace(DRAFT, rows_change=0.0), "rows_change"),
    "expected too soon": (replace(DRAFT, late_after=timedelta(minutes=1)), "late_after"),
    "a schedule that is none": (replace(DRAFT, schedule=Schedule(cron="soon")), "schedule"),
    "nothing starts it": (replace(DRAFT, schedule=Schedule(ScheduleKind.NONE), on_new_version=False), "schedule"),
    "too many places": (replace(DRAFT, destinations=(Destination("C1"),) * 11), "destinations"),
    "a zone that is none": (replace(DRAFT, quiet=QuietHours(timezone="Nowhere")), "quiet"),
    "a long name": (replace(DRAFT, name="x" * 81), "name"),
}


@pytest.mark.parametrize(("draft", "field"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_is_wrong_stands_beside_its_field(draft: MonitorDraft, field: str) -> None:
    assert [problem.field for problem in check_draft(draft, DATASET, LATEST, NOON)] == [field]


def test_a_sensible_form_has_no_problem_and_a_file_dataset_has_no_columns() -> None:
    assert check_draft(DRAFT, DATASET, LATEST, NOON) == ()
    stored = replace(LATEST, definition=files("a/*"))
    found = check_draft(DRAFT, replace(DATASET, type=DatasetType.FILE), stored, NOON)
    assert [problem.field for problem in found] == ["dataset"]
    assert known_zone("Nowhere/Land") == "UTC"


def test_files_that_changed_are_told_as_bad_as_they_are() -> None:
    severities = {}
    for state in FingerprintState:
        version = replace(LATEST, check=FingerprintCheck(state, NOON))
        severities[state] = [problem.severity for problem in judge.changed(version)]
    assert severities == {
        FingerprintState.UNCHECKED: [],
        FingerprintState.UNCHANGED: [],
        FingerprintState.UNREACHABLE: [],
        FingerprintState.GROWN: [Severity.WARNING],
        FingerprintState.CHANGED: [Severity.CRITICAL],
        FingerprintState.VANISHED: [Severity.CRITICAL],
    }
