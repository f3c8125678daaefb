"""Monitors, runs and incidents survive the way into tables and back, on both databases; nobody does a thing twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest

from services.access.model import AuditEvent
from services.drift.settings import CompareSettings, Metric, Preset
from services.monitors.incidents import Resolution, Snooze, SnoozeKind, Status, Subject
from services.monitors.model import (
    Baseline,
    BaselineKind,
    Cause,
    Concern,
    Destination,
    Detail,
    DigestPeriod,
    Monitor,
    MonitorDraft,
    Outcome,
    Problem,
    QuietHours,
    Run,
    RunResult,
    RunState,
    Schedule,
    ScheduleKind,
    Severity,
)
from services.monitors.notices import digest
from services.monitors.ports import Change
from services.monitors.schedule import next_digest, next_time
from services.store.database import Database
from services.store.instances import Instances
from services.store.monitor_runs import SqlMonitorStore
from services.store.outbox import Outbox
from tests.databases import SetClock
from tests.monitors.samples import an_incident
from tests.store.access_samples import post


@pytest.fixture
async def store(db: Database, clock: SetClock) -> SqlMonitorStore:
    await Instances(db, clock=clock).register("one")
    return SqlMonitorStore(db, "local", "one", clock=clock)


def full_draft(clock: SetClock) -> MonitorDraft:
    """A draft in which no field has its default."""
    return MonitorDraft(
        dataset="flights",
        name="nightly “ü”",
        baseline=Baseline(BaselineKind.PINNED, 3),
        compare=CompareSettings(
            preset=Preset.EVIDENTLY,
            columns=("a", "b"),
            metrics={"a": Metric.PSI},
            thresholds={"*": 0.2},
            minimum_rows=50,
            null_rate=0.1,
        ),
        needed=2,
        of=3,
        rows_change=None,
        late_after=timedelta(days=1, hours=2),
        schema=False,
        schedule=Schedule(
            ScheduleKind.INTERVAL, every=timedelta(hours=6), start=clock.now(), timezone="Asia/Tokyo", jitter=9
        ),
        on_new_version=False,
        destinations=(Destination("C1"), Destination("U2", Detail.BRIEF)),
        mention="U3",
        quiet=QuietHours(time(20, 30), time(7), "Asia/Tokyo", Severity.WARNING),
    )


def made(monitor_id: str, clock: SetClock, dataset: str = "flights", **changes: object) -> Monitor:
    plain = Monitor(monitor_id, MonitorDraft(dataset), "U1", clock.now())
    return replace(plain, **changes)  # type: ignore[arg-type]  # any field


def waiting(run_id: str, monitor: Monitor, clock: SetClock, slot: str = "", **changes: object) -> Run:
    plain = Run(run_id, monitor.id, monitor.dataset, Cause.VERSION, slot or run_id, clock.now())
    return replace(plain, **changes)  # type: ignore[arg-type]  # any field


async def test_a_monitor_comes_back_as_it_was_and_changes_by_its_revision(
    store: SqlMonitorStore, clock: SetClock
) -> None:
    monitor = Monitor("m1", full_draft(clock), "U1", clock.now(), next_slot=clock.now(), next_run_at=clock.now())
    assert await store.apply(Change(monitor=monitor))
    assert await store.monitor("m1") == monitor
    assert await store.monitor("m2") is None
    assert not await store.apply(Change(monitor=monitor)), "it is there already"
    changed = replace(
        monitor, revision=2, paused=True, trouble="archived", accepted=4, next_slot=None, next_run_at=None
    )
    assert await store.apply(Change(monitor=changed))
    assert await store.monitor("m1") == changed
    assert not await store.apply(Change(monitor=replace(changed, paused=False))), "somebody else was first"
    assert await store.monitors_of("flights") == (changed,)
    assert await store.watched(["flights"]) == ()
    assert await store.count() == 1
    gone = replace(changed, revision=3, deleted=True)
    assert await store.apply(Change(monitor=gone))
    assert await store.monitors_of("flights") == ()
    assert not await store.apply(Change(monitor=replace(gone, revision=4))), "what is deleted stays so"


async def test_an_incident_comes_back_as_it_was(store: SqlMonitorStore, clock: SetClock) -> None:
    await store.apply(Change(monitor=made("m1", clock)))
    now = clock.now()
    incident = an_incident(
        acknowledged_by="U2",
        acknowledged_at=now,
        assignee="U3",
        snooze=Snooze(SnoozeKind.UNTIL, "U2", now, 0.4, frozenset({"drift:price"}), now + timedelta(days=1), 2),
        places=(Destination("C1"), Destination("U9", Detail.BRIEF)),
        thread="incident:i1:C1",
        outcomes=(True, False),
        reopened=2,
        note="ü",
    )
    assert await store.apply(Change(incidents=(incident,)))
    assert await store.incident("i1") == incident
    assert await store.latest_incident("m1", Subject.DATA) == incident
    assert await store.latest_incident("m1", Subject.RUN) is None
    assert await store.open_incidents(monitor_id="m1") == (incident,)
    assert await store.open_incidents(dataset="flights", channel="C1") == (incident,)
    assert await store.open_incidents(dataset="other") == ()
    assert await store.drifting() == ("flights",)
    assert await store.incidents_in("incident:i1:C1") == (incident,)
    assert await store.openings("C1", incident.opened_at) == 1
    assert await store.openings("C1", incident.opened_at + timedelta(seconds=1)) == 0
    assert await store.snoozes_over(now + timedelta(hours=23), 10) == ()
    assert await store.snoozes_over(now + timedelta(days=1), 10) == (incident,)
    over = replace(
        incident,
        revision=2,
        status=Status.RESOLVED,
        resolved_at=now,
        resolution=Resolution.PERSON,
        resolved_by="U2",
        snooze=None,
    )
    assert await store.apply(Change(incidents=(over,)))
    assert await store.open_incidents() == ()
    assert await store.drifting() == ()
    assert await store.ended_incidents("C1", now) == (over,)
    assert await store.snoozes_over(now + timedelta(days=9), 10) == ()


async def test_one_incident_of_a_kind_is_open_for_a_monitor(store: SqlMonitorStore, clock: SetClock) -> None:
    await store.apply(Change(monitor=made("m1", clock)))
    assert await store.apply(Change(incidents=(an_incident(),)))
    assert not await store.apply(Change(incidents=(replace(an_incident(), id="i2"),)))
    assert await store.apply(Change(incidents=(replace(an_incident(), id="i3", subject=Subject.RUN),)))
    await store.apply(Change(monitor=made("m2", clock, dataset="sales")))
    failing = replace(an_incident(), id="i4", monitor_id="m2", dataset="sales", subject=Subject.RUN)
    assert await store.apply(Change(incidents=(failing,)))
    assert await store.drifting() == ("flights",), "a run that fails says nothing of the data"


async def test_a_change_is_stored_whole_or_not_at_all(db: Database, store: SqlMonitorStore, clock: SetClock) -> None:
    outbox = Outbox(db, "one", clock=clock)
    await store.apply(Change(monitor=made("m1", clock)))
    event = AuditEvent("U1", "incident.resolve", dataset="flights")
    stale = replace(an_incident(), revision=5)
    assert not await store.apply(Change(incidents=(stale,), notices=(post("never"),), audit=(event,)))
    assert await outbox.get("never") is None
    assert await store.apply(Change(incidents=(an_incident(),), notices=(post("told"),), audit=(event,)))
    assert await outbox.get("told") is not None


async def test_missed_times_are_caught_up_once(store: SqlMonitorStore, clock: SetClock) -> None:
    draft = MonitorDraft("flights", schedule=Schedule(cron="0 7 * * *"))
    slot, begins = clock.now(), clock.now() + timedelta(seconds=5)
    await store.apply(Change(monitor=made("m1", clock, draft=draft, next_slot=slot, next_run_at=begins)))
    assert await store.next_due() == begins
    assert await store.enqueue_due(clock.now(), next_time, 10) == 0
    clock.advance(days=7)
    assert await store.enqueue_due(clock.now(), next_time, 10) == 1
    assert await store.enqueue_due(clock.now(), next_time, 10) == 0
    (run,) = await store.claim_runs(clock.now(), 10)
    assert (run.slot, run.due_at, run.attempts, run.state) == (f"at:{slot.isoformat()}", begins, 1, RunState.RUNNING)
    monitor = await store.monitor("m1")
    assert monitor is not None
    assert monitor.next_slot is not None
    assert monitor.next_slot.isoformat() == "2026-03-09T07:00:00+00:00"
    assert await store.claim_runs(clock.now(), 10) == ()


async def test_runs_are_claimed_once_one_of_a_dataset_and_people_first(store: SqlMonitorStore, clock: SetClock) -> None:
    one, two, other = made("m1", clock), made("m2", clock), made("m3", clock, "other")
    for monitor in (one, two, other):
        await store.apply(Change(monitor=monitor))
    runs = (
        waiting("r1", one, clock),
        waiting("r2", two, clock),
        waiting("r3", other, clock, cause=Cause.PERSON, by="U1"),
        waiting("r4", other, clock, due_at=clock.now() + timedelta(hours=1)),
        waiting("r5", one, clock, slot="r1"),
    )
    assert await store.apply(Change(runs=runs))
    assert await store.run("r5") is None, "its slot is taken"
    assert await store.unfinished("m3") == runs[2]
    assert [run.id for run in await store.claim_runs(clock.now(), 1)] == ["r3"]
    assert [run.id for run in await store.claim_runs(clock.now(), 9)] == ["r1"]
    assert await store.claim_runs(clock.now(), 9) == ()
    done = RunResult(Outcome.CLEAN, data_key="k")
    claimed = await store.run("r1")
    assert claimed is not None
    ended = replace(claimed, state=RunState.DONE, ended_at=clock.now(), result=done)
    assert not await store.apply(Change(finished=replace(ended, instance="another")))
    assert await store.apply(Change(finished=ended))
    assert not await store.apply(Change(finished=ended))
    assert [run.id for run in await store.claim_runs(clock.now(), 9)] == ["r2"]
    assert await store.put_back("r2", clock.now() + timedelta(minutes=1))
    assert not await store.put_back("r2", clock.now())
    clock.advance(minutes=1)
    assert [(run.id, run.attempts) for run in await store.claim_runs(clock.now(), 9)] == [("r2", 2)]


async def test_a_run_whose_instance_is_gone_is_taken_over(
    db: Database, store: SqlMonitorStore, clock: SetClock
) -> None:
    monitor = made("m1", clock)
    await store.apply(Change(monitor=monitor))
    await store.apply(Change(runs=(waiting("r1", monitor, clock),)))
    (run,) = await store.claim_runs(clock.now(), 1)
    other = SqlMonitorStore(db, "local", "two", clock=clock)
    await Instances(db, clock=clock).register("two")
    assert await other.claim_runs(clock.now(), 1) == ()
    clock.advance(seconds=16)
    await Instances(db, clock=clock).heartbeat("two")
    (taken,) = await other.claim_runs(clock.now(), 1)
    assert (taken.id, taken.instance, taken.attempts) == ("r1", "two", 2)
    late = replace(run, state=RunState.DONE, ended_at=clock.now(), result=RunResult(Outcome.CLEAN))
    assert not await store.apply(Change(finished=late)), "it is not the first one's any more"


async def test_a_result_comes_back_with_its_comparison_and_lists_leave_that_out(
    store: SqlMonitorStore, clock: SetClock
) -> None:
    monitor = made("m1", clock)
    await store.apply(Change(monitor=monitor))
    problem = Problem(Concern.DRIFT, "price", Severity.WARNING, 0.3, "price moved.", "psi", 0.3, 0.1)
    result = RunResult(
        Outcome.DRIFTED, "flights:1", "flights:2", 1, 2, "key", (problem,), 0.3, 10, 20, 5, "n", comparison={"a": [1]}
    )
    for number in range(4):
        await store.apply(Change(runs=(waiting(f"r{number}", monitor, clock),)))
        (run,) = await store.claim_runs(clock.now(), 1)
        ended = replace(run, state=RunState.DONE, ended_at=clock.now(), result=result)
        assert await store.apply(Change(finished=ended))
        assert await store.run(run.id) == ended
        clock.advance(days=1)
    brief = await store.runs_of("m1", None, 10)
    assert [run.id for run in brief] == ["r3", "r2", "r1", "r0"]
    assert brief[0].result == replace(result, comparison={})
    assert [run.id for run in await store.runs_of("m1", brief[1].ended_at, 1)] == ["r1"]
    assert await store.forget_runs(clock.now() - timedelta(days=9), keep=0) == 0
    assert await store.forget_runs(clock.now(), keep=2) == 1
    assert [run.id for run in await store.runs_of("m1", None, 10)] == ["r3", "r2", "r1"]


async def test_the_run_whose_numbers_later_ones_share_is_not_forgotten(store: SqlMonitorStore, clock: SetClock) -> None:
    numbers = RunResult(Outcome.CLEAN, data_key="k", comparison={"a": [1]})
    results = [numbers, RunResult(Outcome.UNKNOWN), *[replace(numbers, comparison={}, same_as="m1-0")] * 4]
    for name, dataset in (("m1", "flights"), ("m2", "sales")):
        monitor = made(name, clock, dataset=dataset)
        await store.apply(Change(monitor=monitor))
        for number, result in enumerate(results):
            await store.apply(Change(runs=(waiting(f"{name}-{number}", monitor, clock),)))
            (run,) = await store.claim_runs(clock.now(), 1)
            await store.apply(Change(finished=replace(run, state=RunState.DONE, ended_at=clock.now(), result=result)))
            clock.advance(days=1)
    assert await store.forget_runs(clock.now(), keep=2) == 2 * 3
    for name in ("m1", "m2"):
        assert [run.id for run in await store.runs_of(name, None, 10)] == [f"{name}-5", f"{name}-4", f"{name}-0"]
    kept = await store.run("m1-0")
    assert kept is not None
    assert kept.result == numbers


async def test_digests_and_the_feed_s_cursor(db: Database, store: SqlMonitorStore, clock: SetClock) -> None:
    outbox = Outbox(db, "one", clock=clock)
    await store.set_digest("C1", DigestPeriod.DAILY, "UTC", clock.now() + timedelta(hours=1))
    assert await store.digest_of("C1") == (DigestPeriod.DAILY, "UTC")
    assert await store.send_digests(clock.now(), next_digest, digest, 10) == 0
    began = clock.now()
    clock.advance(days=3)
    assert await store.send_digests(clock.now(), next_digest, digest, 10) == 1
    assert await store.send_digests(clock.now(), next_digest, digest, 10) == 0
    (notice,) = await outbox.claim(10)
    assert notice.notice.args == {"channel": "C1", "since": began.isoformat()}
    await store.set_digest("C1", DigestPeriod.NONE, "UTC", None)
    assert await store.digest_of("C1") == (DigestPeriod.NONE, "UTC")
    assert await store.cursor() is None
    for cursor in ("7", "9"):
        await store.set_cursor(cursor)
        assert await store.cursor() == cursor


async def test_what_is_urgent_takes_along_what_waits_before_it(
    db: Database, store: SqlMonitorStore, clock: SetClock
) -> None:
    outbox = Outbox(db, "one", clock=clock)
    later = clock.now() + timedelta(hours=6)
    await store.apply(Change(notices=(post("card", not_before=later), post("elsewhere", not_before=later))))
    assert await outbox.claim(10) == ()
    await store.apply(Change(notices=(post("urgent", lane="card"),)))
    assert [each.notice.key for each in await outbox.claim(10)] == ["card"]
