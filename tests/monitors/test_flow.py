"""Monitors from their form to the end of an incident, over real tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest

from services.actor import Actor
from services.datasets.model import FingerprintState
from services.drift.comparison import ChangeKind, SchemaChange
from services.errors import Conflict, InvalidInput, NotAllowed, NotFound, SourceProblem, Unavailable
from services.monitors.incidents import Act, News, Resolution, SnoozeKind, Status
from services.monitors.model import (
    Baseline,
    BaselineKind,
    Concern,
    Destination,
    Detail,
    DigestPeriod,
    Outcome,
    QuietHours,
    RunState,
    Schedule,
    ScheduleKind,
    Severity,
)
from services.monitors.ports import Change
from services.outbox import Action
from services.store.access_audit import AuditChains
from tests.datasets.world import ADA, ADMIN, BEN
from tests.monitors.world import CHANNEL, MonitorWorld


async def test_the_unchanged_form_makes_a_useful_monitor(world: MonitorWorld) -> None:
    await world.version()
    filled = await world.monitors.form(BEN, "flights", channel="C0DATA", timezone="Europe/Stockholm")
    draft = filled.draft
    assert draft.baseline == Baseline(BaselineKind.PREVIOUS)
    assert draft.compare.columns is None
    assert draft.on_new_version
    assert (draft.schedule.cron, draft.schedule.timezone) == ("0 7 * * *", "Europe/Stockholm")
    assert draft.destinations == (Destination("C0DATA"),)
    assert {"baseline", "schedule", "needed", "mention"} <= filled.explained.keys()
    assert await world.monitors.problems(draft) == ()
    monitor = await world.monitors.create(ADA, draft)
    assert monitor.next_slot is not None
    assert monitor.next_slot.isoformat() == "2026-01-16T06:00:00+00:00"
    assert monitor.next_run_at is not None
    assert timedelta(0) <= monitor.next_run_at - monitor.next_slot <= timedelta(seconds=60)
    assert await world.monitors.monitor(ADA, monitor.id) == (await world.monitors.monitors_of(ADA, "flights"))[0]


async def test_a_new_version_that_moved_is_told_at_once_and_the_next_run_goes_to_its_thread(
    world: MonitorWorld,
) -> None:
    await world.version()
    monitor = await world.monitor()
    await world.version(price=0.3)
    (result,) = await world.run_due()
    assert (result.outcome, result.baseline, result.target) == (Outcome.DRIFTED, "flights:1", "flights:2")
    (message,) = await world.told()
    (incident,) = await world.open()
    assert (message.notice.kind, message.notice.to) == ("monitor.incident", CHANNEL)
    assert message.notice.args == {"incident": incident.id, "mention": "U0ADA"}
    assert await world.run_due() == [], "the version is compared once"

    await world.version(price=0.65)
    (result,) = await world.run_due()
    assert result.baseline == "flights:1", "the baseline stays while the incident is open"
    edit, reply = await world.told()
    assert (edit.notice.action, edit.notice.of) == (Action.UPDATE, message.notice.key)
    assert (reply.notice.of, reply.notice.args["news"]) == (message.notice.key, "worse")
    view = await world.incidents.incident(incident.id)
    assert view.run is not None
    assert view.comparison is not None
    assert view.comparison.target == "flights:3"
    assert (view.mention, view.monitor.id, view.incident.worst) == ("U0ADA", monitor.id, 0.65)

    await world.version()
    await world.run_due()
    assert await world.news() == ["edit", "resolved"]
    assert await world.open() == ()
    history = await world.monitors.history(monitor.id)
    assert [run.result.target for run in history.runs if run.result is not None] == [
        "flights:4",
        "flights:3",
        "flights:2",
    ]


async def test_a_day_without_news_tells_nothing_and_keeps_no_second_copy(world: MonitorWorld) -> None:
    await world.version()
    monitor = await world.monitor()
    await world.version(price=0.3)
    await world.run_due()
    await world.told()
    for _ in range(3):
        world.clock.advance(days=1)
        (result,) = await world.run_due()
        assert result.data_key
        assert await world.told() == []
    runs = (await world.monitors.history(monitor.id)).runs
    assert len({run.result.same_as for run in runs[:3] if run.result is not None}) == 1
    (incident,) = await world.open()
    assert (await world.incidents.details(ADA, runs[0].id)).target == "flights:2"
    assert incident.run_id == runs[3].id
    later = replace(incident, run_id=runs[0].id, revision=incident.revision + 1)
    assert await world.store.apply(Change(incidents=(later,)))
    view = await world.incidents.incident(incident.id)
    assert view.comparison is not None, "the numbers are kept by the first of the runs that saw them"
    assert view.comparison.target == "flights:2"


async def test_accepting_as_baseline_ends_the_incident_and_compares_with_it_from_then_on(world: MonitorWorld) -> None:
    await world.version()
    monitor = await world.monitor()
    await world.version(price=0.3)
    await world.run_due()
    (incident,) = await world.open()
    with pytest.raises(NotAllowed, match="Only who made"):
        await world.incidents.act(BEN, incident.id, Act.ACCEPT)
    view = await world.incidents.act(ADA, incident.id, Act.ACCEPT, reason="New supplier")
    assert (view.incident.resolution, view.incident.resolved_by) == (Resolution.ACCEPTED, "U0ADA")
    run = await world.monitors.run_now(ADA, monitor.id)
    await world.run_due()
    result = (await world.monitors.run(run.id)).result
    assert result is not None
    assert "accepted" in result.note
    await world.version(price=0.32)
    (result,) = await world.run_due()
    assert (result.outcome, result.baseline) == (Outcome.CLEAN, "flights:2")
    assert await world.open() == ()


async def test_a_pinned_baseline_moves_only_when_another_is_accepted(world: MonitorWorld) -> None:
    await world.version()
    monitor = await world.monitor(baseline=Baseline(BaselineKind.PINNED, 1))
    await world.version(price=0.3)
    await world.version(price=0.3)
    assert [result.baseline for result in await world.run_due()] == ["flights:1"] * 2
    (incident,) = await world.open()
    await world.incidents.act(ADA, incident.id, Act.ACCEPT)
    assert (await world.monitors.monitor(ADA, monitor.id)).monitor.draft.baseline.version == 3


async def test_people_act_and_everybody_sees_who_did_what(world: MonitorWorld) -> None:
    await world.version()
    await world.monitor()
    await world.version(price=0.3)
    await world.run_due()
    (incident,) = await world.open()
    await world.told()
    await world.incidents.act(BEN, incident.id, Act.ACKNOWLEDGE)
    await world.incidents.act(BEN, incident.id, Act.ACKNOWLEDGE)
    with pytest.raises(NotAllowed, match="assign it to yourself"):
        await world.incidents.act(BEN, incident.id, Act.RESOLVE, reason="known")
    await world.incidents.act(BEN, incident.id, Act.ASSIGN, assignee="U0BEN")
    with pytest.raises(InvalidInput, match="few words"):
        await world.incidents.act(BEN, incident.id, Act.RESOLVE, reason="  ")
    view = await world.incidents.act(BEN, incident.id, Act.RESOLVE, reason="known")
    assert (view.incident.acknowledged_by, view.incident.assignee, view.incident.reason) == ("U0BEN", "U0BEN", "known")
    replies = [each.notice for each in await world.told() if each.notice.kind == "monitor.reply"]
    assert [(reply.args["news"], reply.args["by"]) for reply in replies] == [
        ("acknowledged", "U0BEN"),
        ("assigned", "U0BEN"),
        ("resolved", "U0BEN"),
    ]
    assert await audited(world) == [
        ("monitor.created", "U0ADA"),
        ("incident.acknowledge", "U0BEN"),
        ("incident.resolve.refused", "U0BEN"),
        ("incident.assign", "U0BEN"),
        ("incident.resolve", "U0BEN"),
    ]


async def audited(world: MonitorWorld) -> list[tuple[str, str]]:
    chains = AuditChains(world.db)
    ((number, _),) = await chains.workspaces()
    assert (await chains.verify(number, "local")).broken is None
    return [(entry.action, entry.actor) async for entry in chains.entries(number)]


async def test_a_snooze_shows_what_it_mutes_and_ends_by_time(world: MonitorWorld) -> None:
    await world.version()
    await world.monitor()
    await world.version(price=0.3)
    await world.run_due()
    (incident,) = await world.open()
    until = world.clock.now() + timedelta(days=1)
    preview = await world.incidents.snooze_preview(incident.id, SnoozeKind.UNTIL, until)
    assert preview.snooze.ceiling == pytest.approx(0.4)
    assert "level 0.40" in preview.sentences[0]
    with pytest.raises(InvalidInput, match="ahead"):
        await world.incidents.act(ADA, incident.id, Act.SNOOZE, snooze=SnoozeKind.UNTIL, until=world.clock.now())
    await world.incidents.act(ADA, incident.id, Act.SNOOZE, snooze=SnoozeKind.UNTIL, until=until)
    await world.version(price=0.35)
    await world.run_due()
    assert await world.news() == ["incident", "snoozed", "edit"]
    assert await world.running.tick() == 0
    world.clock.advance(days=1)
    assert await world.running.tick() == 1
    assert await world.running.tick() == 0
    assert await world.news() == ["edit", "woken"]


async def test_schema_rows_and_changed_files_are_problems_of_the_same_incident(world: MonitorWorld) -> None:
    await world.version()
    await world.monitor()
    world.comparer.schema[2] = (SchemaChange(ChangeKind.REMOVED, "delay", "int64", ""),)
    world.comparer.rows[2] = 100
    await world.version(price=0.2)
    await world.run_due()
    (incident,) = await world.open()
    assert [(problem.concern, problem.severity) for problem in incident.problems] == [
        (Concern.SCHEMA, Severity.CRITICAL),
        (Concern.ROWS, Severity.WARNING),
        (Concern.DRIFT, Severity.WARNING),
    ]
    assert incident.problems[0].sentence == "The column delay (int64) is gone."
    assert incident.problems[1].sentence == "100 rows instead of 1,000 (-90%)."
    await world.told()
    await world.changed("flights", 2, FingerprintState.CHANGED)
    await world.run_due()
    (incident,) = await world.open()
    assert {problem.concern for problem in incident.problems} >= {Concern.CHANGED}
    assert await world.news() == ["edit", "changed"]


async def test_a_new_type_weighs_less_where_the_values_can_still_be_compared(world: MonitorWorld) -> None:
    await world.version()
    await world.monitor()
    world.comparer.schema[2] = (
        SchemaChange(ChangeKind.RETYPED, "price", "double", "float"),
        SchemaChange(ChangeKind.RETYPED, "delay", "int64", "string"),
    )
    await world.version()
    await world.run_due()
    (incident,) = await world.open()
    assert [(problem.subject, problem.severity) for problem in incident.problems] == [
        ("delay", Severity.CRITICAL),
        ("price", Severity.WARNING),
    ]


async def test_data_that_are_late_are_told_and_their_coming_ends_it(world: MonitorWorld) -> None:
    await world.version()
    await world.monitor(late_after=timedelta(days=2))
    world.clock.advance(days=1)
    await world.run_due()
    assert await world.open() == ()
    world.clock.advance(days=2)
    await world.run_due()
    (incident,) = await world.open()
    assert incident.problems[0].concern is Concern.LATE
    assert incident.problems[0].sentence.startswith("No version has come since flights:1, 3 days ago")
    await world.version()
    await world.run_due()
    assert await world.news() == ["incident", "edit", "resolved"]


async def test_a_failed_run_is_told_once_with_its_reason_and_its_end(world: MonitorWorld) -> None:
    await world.version()
    monitor = await world.monitor()
    world.comparer.failing = SourceProblem(
        "The files of flights:2 cannot be read: no permission.", code="no_permission"
    )
    await world.version(price=0.3)
    (result,) = await world.run_due()
    assert (result.error_code, result.outcome) == ("no_permission", Outcome.UNKNOWN)
    world.clock.advance(days=1)
    await world.run_due()
    assert await world.news() == ["incident"]
    (incident,) = await world.open()
    assert incident.problems[0].sentence == "The files of flights:2 cannot be read: no permission."
    assert (await world.monitors.monitor(ADA, monitor.id)).latest is not None
    world.comparer.failing = None
    world.clock.advance(days=1)
    await world.run_due()
    assert sorted(await world.news()) == ["edit", "incident", "resolved"]


async def test_what_may_pass_is_tried_again_before_it_is_told(world: MonitorWorld) -> None:
    await world.version()
    await world.monitor()
    world.comparer.failing = Unavailable("Azure does not answer.")
    await world.version(price=0.3)
    assert await world.run_due() == []
    assert await world.told() == []
    world.clock.advance(minutes=3)
    assert await world.run_due() == []
    world.clock.advance(minutes=5)
    (result,) = await world.run_due()
    assert result.error_code == "unavailable"
    assert await world.news() == ["incident"]


async def test_a_fault_of_ours_is_told_without_its_text(world: MonitorWorld) -> None:
    await world.version()
    monitor = await world.monitor()
    world.comparer.failing = RuntimeError("secret: hunter2")
    await world.version(price=0.3)
    (result,) = await world.run_due()
    assert "hunter2" not in result.note
    assert result.error_code == "RuntimeError"
    (run,) = (await world.monitors.history(monitor.id)).runs
    assert run.state is RunState.FAILED
    assert run.id in result.note


async def test_two_of_three_runs_make_it_certain(world: MonitorWorld) -> None:
    await world.version()
    await world.monitor(baseline=Baseline(BaselineKind.PINNED, 1), needed=2, of=3)
    for level in (0.3, 0.0, 0.3):
        await world.version(price=level)
        await world.run_due()
    (incident,) = await world.open()
    assert incident.status is Status.DETECTED
    assert await world.news() == ["incident", "edit", "detected"]


async def test_many_at_once_share_a_summary(world: MonitorWorld) -> None:
    names = [f"set-{number}" for number in range(6)]
    for name in names:
        await world.version(name)
        await world.monitor(name)
    world.comparer.moved[2] = {}
    for number, name in enumerate(names):
        await world.version(name, price=0.3 + number / 10)
    world.comparer.moved[2] = {"price": 0.3}
    world.clock.advance(minutes=1)
    await world.run_due()
    told = await world.told()
    kinds = [each.notice.kind for each in told if each.notice.action is Action.POST]
    assert kinds.count("monitor.summary") == 1
    assert kinds.count("monitor.incident") == 6
    (summary,) = [each.notice for each in told if each.notice.kind == "monitor.summary" and each.notice.to]
    alone = [each.notice for each in told if each.notice.kind == "monitor.incident" and not each.notice.of]
    assert len(alone) == 3
    view = await world.incidents.summary(summary.key)
    assert view.channel == CHANNEL
    assert (len(view.incidents), view.open_count) == (3, 3)
    await world.incidents.act(ADA, view.incidents[0].id, Act.ACKNOWLEDGE)
    after = await world.told()
    assert sorted(each.notice.kind for each in after) == ["monitor.incident", "monitor.reply", "monitor.summary"]
    assert {each.notice.of for each in after if each.notice.kind == "monitor.reply"} == {summary.key}


async def test_several_places_get_what_is_meant_for_them(world: MonitorWorld) -> None:
    await world.version(tags=(("alerts", "C0TAGGED, U0BEN"),))
    await world.monitor()
    await world.version(price=0.3, tags=(("alerts", "C0TAGGED, U0BEN"),))
    await world.run_due()
    assert [(each.notice.to, each.notice.kind) for each in await world.told()] == [
        ("C0TAGGED", "monitor.incident"),
        ("U0BEN", "monitor.brief"),
    ]
    (incident,) = await world.open()
    assert incident.places == (Destination("C0TAGGED"), Destination("U0BEN", Detail.BRIEF))


async def test_quiet_hours_hold_back_all_but_the_worst(world: MonitorWorld) -> None:
    await world.version()
    quiet = QuietHours(time(20), time(7), "UTC", except_from=Severity.CRITICAL)
    await world.monitor(quiet=quiet, schedule=Schedule(ScheduleKind.NONE))
    world.clock.advance(hours=12)
    await world.version(price=0.25)
    await world.run_due()
    assert await world.told() == [], "it is 23:00"
    await world.version(price=0.9)
    await world.run_due()
    assert await world.news() == ["incident", "edit", "worse"], "the first message is told now, too"
    await world.version(price=0.3)
    await world.run_due()
    assert await world.told() == []
    world.clock.advance(hours=6)
    assert await world.news() == ["edit", "better"]


async def test_who_may_not_read_the_data_makes_no_monitor_of_them(world: MonitorWorld) -> None:
    await world.version()
    draft = await world.draft()
    with pytest.raises(NotAllowed, match="/dataset access flights"):
        await world.monitors.create(BEN, draft)
    with pytest.raises(NotAllowed):
        await world.monitors.preview(BEN, draft)
    monitor = await world.monitor()
    for change in (
        world.monitors.pause(BEN, monitor.id, paused=True),
        world.monitors.delete(BEN, monitor.id),
        world.monitors.run_now(BEN, monitor.id),
        world.monitors.edit(BEN, monitor.id, draft, 1),
    ):
        with pytest.raises(NotAllowed, match="Only who made this monitor"):
            await change
    assert (await world.monitors.pause(ADMIN, monitor.id, paused=True)).paused
    with pytest.raises(NotAllowed):
        await world.monitors.pause(Actor(""), monitor.id, paused=False)


async def test_edit_duplicate_pause_and_delete(world: MonitorWorld) -> None:
    await world.version()
    await world.version("other")
    monitor = await world.monitor(baseline=Baseline(BaselineKind.PINNED, 1))
    edited = await world.monitors.edit(ADA, monitor.id, await world.draft(needed=2, of=3), 1)
    assert (edited.revision, edited.draft.needed) == (2, 2)
    with pytest.raises(Conflict, match="meanwhile"):
        await world.monitors.edit(ADA, monitor.id, await world.draft(), 1)
    twin = await world.monitors.duplicate(ADA, monitor.id, "other")
    assert (twin.dataset, twin.draft.needed, twin.draft.baseline.kind) == ("other", 2, BaselineKind.PREVIOUS)
    paused = await world.monitors.pause(ADA, monitor.id, paused=True)
    assert paused.next_run_at is None
    await world.version(price=0.9)
    assert await world.run_due() == []
    resumed = await world.monitors.pause(ADA, monitor.id, paused=False)
    assert resumed.next_run_at is not None
    await world.version(price=0.9)
    await world.version(price=0.2)
    await world.run_due()
    assert [incident.status for incident in await world.open()] == [Status.SUSPECTED]
    await world.monitors.delete(ADA, monitor.id)
    assert await world.open() == ()
    with pytest.raises(NotFound):
        await world.monitors.monitor(ADA, monitor.id)
    assert [card.monitor.id for card in await world.monitors.monitors_of(ADA, "other")] == [twin.id]


async def test_a_backtest_says_what_it_would_have_done(world: MonitorWorld) -> None:
    for level in (0.0, 0.0, 0.4, 0.4, 0.0, 0.05):
        await world.version(price=level)
    backtest = await world.monitors.preview(ADA, await world.draft())
    assert [line.news for line in backtest.lines] == [None, None, News.DETECTED, News.STILL, News.RESOLVED, None]
    assert backtest.alerts == 1
    assert backtest.sentence == (
        "Of the 5 comparisons of past versions, 2 would have drifted, and there would have been 1 alert."
    )
    assert await world.open() == ()
    assert await world.told() == []


async def test_digests_are_given_out_once(world: MonitorWorld) -> None:
    await world.incidents.set_digest(CHANNEL, DigestPeriod.DAILY, "Europe/Stockholm")
    assert await world.incidents.digest_of(CHANNEL) == (DigestPeriod.DAILY, "Europe/Stockholm")
    assert await world.running.send_digests() == 0
    world.clock.advance(days=1)
    assert await world.running.send_digests() == 1
    assert await world.running.send_digests() == 0
    (notice,) = await world.told()
    assert (notice.notice.kind, notice.notice.to) == ("monitor.digest", CHANNEL)
    await world.incidents.set_digest(CHANNEL, DigestPeriod.NONE, "Europe/Stockholm")
    world.clock.advance(days=2)
    assert await world.running.send_digests() == 0


async def test_a_channel_that_takes_nothing_any_more_is_told_to_the_owner(world: MonitorWorld) -> None:
    await world.version()
    monitor = await world.monitor()
    await world.version(price=0.3)
    await world.run_due()
    (claimed,) = await world.outbox.claim(10)
    for _ in range(2):
        await world.incidents.undelivered(claimed, "is_archived")
    await world.outbox.failed(claimed.id, "is_archived")
    told = await world.told()
    assert [(each.notice.kind, each.notice.to) for each in told] == [
        ("monitor.told", "U0ADA"),
        ("monitor.incident", "U0ADA"),
    ]
    assert "archived" in (await world.monitors.monitor(ADA, monitor.id)).monitor.trouble
    await world.version(price=0.7)
    await world.run_due()
    after = [(each.notice.kind, each.notice.of) for each in await world.told()]
    assert after[0] == ("monitor.incident", told[1].notice.key)


async def test_where_only_a_brief_line_cannot_stand_the_message_stays_where_it_is(world: MonitorWorld) -> None:
    await world.version()
    await world.monitor(destinations=(Destination(CHANNEL), Destination("C0BRIEF", Detail.BRIEF)))
    await world.version(price=0.3)
    await world.run_due()
    full, brief = await world.outbox.claim(10)
    await world.outbox.sent(full.id, CHANNEL, "1.0")
    await world.incidents.undelivered(brief, "channel_shared")
    await world.outbox.failed(brief.id, "channel_shared")
    assert [(each.notice.kind, each.notice.to) for each in await world.told()] == [
        ("monitor.told", "U0ADA"),
        ("monitor.brief", "U0ADA"),
    ]
    (incident,) = await world.open()
    assert incident.places == (Destination(CHANNEL), Destination("U0ADA", Detail.BRIEF))
    assert incident.thread == full.notice.key
    view = await world.incidents.act(ADA, incident.id, Act.ACKNOWLEDGE)
    reply = next(each.notice for each in await world.told() if each.notice.kind == "monitor.reply")
    assert (reply.to, reply.of) == (CHANNEL, full.notice.key)
    assert "shared with another organisation" in view.monitor.trouble


async def test_who_watches_the_dataset_gets_a_line_that_follows_the_incident(world: MonitorWorld) -> None:
    await world.version()
    monitor = await world.monitor()
    for watcher in ("U0ADA", "U0BEN", "U0GONE"):
        await world.records.set_watching("flights", watcher, True)
    await world.version(price=0.3)
    await world.run_due()
    claimed = await world.outbox.claim(10)
    assert [(each.notice.kind, each.notice.to) for each in claimed] == [
        ("monitor.incident", CHANNEL),  # Ada, who owns it, is mentioned here
        ("monitor.brief", "U0BEN"),
        ("monitor.brief", "U0GONE"),
    ]
    for each in claimed[:2]:
        await world.outbox.sent(each.id, each.notice.to, f"{each.id}.0")
    await world.incidents.undelivered(claimed[2], "user_disabled")
    await world.outbox.failed(claimed[2].id, "user_disabled")
    assert (await world.monitors.monitor(ADA, monitor.id)).monitor.trouble == ""
    await world.version()
    await world.run_due()
    assert sorted((each.notice.kind, each.notice.of) for each in await world.told()) == [
        ("monitor.brief", claimed[1].notice.key),
        ("monitor.incident", claimed[0].notice.key),
        ("monitor.reply", claimed[0].notice.key),
    ]
