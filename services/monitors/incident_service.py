"""Incidents as people and messages ask for them: the door for handlers, beside `services.monitors.service`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from pydantic import JsonValue

from services.actor import Actor
from services.datasets.model import Dataset
from services.drift.comparison import Comparison
from services.drift.comparison_json import from_json
from services.errors import Conflict, InvalidInput, NotAllowed, NotFound
from services.monitors import notices, schedule
from services.monitors.desk import CONFLICTS, Desk, audit_event
from services.monitors.incident_steps import snooze_of, step
from services.monitors.incidents import Act, Acted, Incident, SnoozeKind, worst_first
from services.monitors.model import Baseline, BaselineKind, DigestPeriod, Monitor, Run
from services.monitors.ports import Change, Comparer
from services.monitors.rules import may_act
from services.monitors.snoozing import what_it_mutes
from services.monitors.telling import Telling, concerned
from services.monitors.views import DigestView, IncidentView, SnoozePreview, SummaryView
from services.outbox import Action, StoredNotice
from services.ports import Catalog

LONGEST_REASON = 1000
MOST_OPEN = 1000
"""So many open incidents, the newest, are looked through for those that concern a person."""

_UNREACHABLE = {
    "is_archived": "the channel is archived",
    "not_in_channel": "I am not in that channel any more",
    "channel_not_found": "the channel is gone, or I am not in it",
    "channel_shared": "the channel is shared with another organisation, which would read along",
}


class IncidentService:
    """See the module. catalog: for the studio's addresses."""

    def __init__(self, desk: Desk, telling: Telling, comparer: Comparer, catalog: Catalog) -> None:
        self._desk = desk
        self._telling = telling
        self._comparer = comparer
        self._catalog = catalog

    async def incident(self, incident_id: str) -> IncidentView:
        """Everything that an incident's message shows."""
        incident = await self._desk.incident(incident_id)
        monitor = await self._desk.monitor(incident.monitor_id, deleted=True)
        run = await self._desk.store.run(incident.run_id)
        kept = await self._that_keeps_numbers(run)
        target = incident.target_version
        return IncidentView(
            incident=incident,
            monitor=monitor,
            run=run,
            comparison=_comparison(kept),
            mention=concerned(incident, monitor, await self._desk.dataset_of(monitor)),
            studio_url=self._catalog.studio_url(incident.dataset, target) if target else None,
        )

    async def open_incidents(self, *, dataset: str = "", limit: int = 100) -> tuple[Incident, ...]:
        """Open incidents, of a dataset or of all, the worst first."""
        return worst_first(await self._desk.store.open_incidents(dataset=dataset, limit=limit))

    async def drifting(self) -> tuple[str, ...]:
        """Names of the datasets with an open incident of their data; runs that fail say nothing of the data."""
        return await self._desk.store.drifting()

    async def concerning(self, actor: Actor, datasets: Collection[str], limit: int = 50) -> tuple[Incident, ...]:
        """Open incidents of these datasets, and those a person took on, the worst first."""
        found = await self._desk.store.open_incidents(limit=MOST_OPEN)
        mine = [each for each in found if each.dataset in datasets or each.assignee == actor.user_id]
        return worst_first(mine)[:limit]

    async def act(
        self,
        actor: Actor,
        incident_id: str,
        act: Act,
        *,
        assignee: str = "",
        reason: str = "",
        snooze: SnoozeKind | None = None,
        until: datetime | None = None,
    ) -> IncidentView:
        """Do something to an incident; see `Acted`. What changes nothing (acknowledged already) returns it as it is.

        Raises NotAllowed, InvalidInput where something is missing, Conflict.
        """
        self._check(act, reason, snooze, until)
        for _ in range(CONFLICTS):
            incident = await self._desk.incident(incident_id)
            monitor = await self._desk.monitor(incident.monitor_id, deleted=True)
            dataset = await self._desk.dataset_of(monitor)
            permission = may_act(actor, act, incident, monitor, dataset)
            await self._desk.require(permission, actor, f"incident.{act}", monitor)
            acted = Acted(self._desk.clock.now(), actor.user_id, act, assignee, reason.strip(), snooze, until)
            if await self._done(actor, incident, acted, monitor, dataset):
                return await self.incident(incident_id)
        raise Conflict("This incident is changing right now. Look at it again.")

    async def snooze_preview(self, incident_id: str, kind: SnoozeKind, until: datetime | None = None) -> SnoozePreview:
        """What a snooze would mute if it began now. until: for UNTIL."""
        incident = await self._desk.incident(incident_id)
        snooze = snooze_of(incident, kind, "", self._desk.clock.now(), until)
        return SnoozePreview(snooze, what_it_mutes(incident, snooze))

    async def details(self, actor: Actor, run_id: str) -> Comparison:
        """All columns with their distributions. Raises NotAllowed for who may not read the data, NotFound."""
        run, comparison = await self._compared(run_id)
        dataset = await self._desk.lookup.dataset(run.dataset)
        if not actor.user_id:
            raise NotAllowed("Only members of this workspace may look into the data.")
        await self._desk.require_reading(actor, dataset)
        return comparison

    async def picture(self, run_id: str, *, dark: bool = False) -> bytes:
        """A PNG of the columns that moved most, for a message. Raises NotFound where nothing was compared."""
        _, comparison = await self._compared(run_id)
        return await self._comparer.draw(comparison, dark=dark)

    async def summary(self, thread: str) -> SummaryView:
        """Incidents that are told under one summary. thread: as in its notice."""
        found = worst_first(await self._desk.store.incidents_in(thread))
        return SummaryView(found[0].places[0].to if found else "", found)

    async def set_digest(self, channel: str, period: DigestPeriod, timezone: str) -> None:
        """A list of a channel's open incidents daily or on Mondays at 09:00, or none. Raises InvalidInput."""
        next_at = schedule.next_digest(period, timezone, self._desk.clock.now())
        await self._desk.store.set_digest(channel, period, timezone, next_at)

    async def digest_of(self, channel: str) -> tuple[DigestPeriod, str]:
        """How often a channel gets one, and in which time zone."""
        return await self._desk.store.digest_of(channel)

    async def digest(self, channel: str, since: datetime) -> DigestView:
        """What a digest shows now. since: as in its notice."""
        period, _ = await self._desk.store.digest_of(channel)
        found = worst_first(await self._desk.store.open_incidents(channel=channel))
        return DigestView(channel, period, found, await self._desk.store.ended_incidents(channel, since), since)

    async def undelivered(self, notice: StoredNotice, error: str) -> None:
        """A notice of an incident can never arrive: the monitor is marked, and a person is told directly.

        See `services.outbox.Undelivered`. It may be called again for the same notice.
        """
        incident = await self._desk.store.incident(str(notice.notice.args.get("incident", "")))
        monitor = None if incident is None else await self._desk.store.monitor(incident.monitor_id)
        if incident is None or monitor is None:
            return
        if notice.notice.action is Action.UPDATE and error not in _UNREACHABLE:
            return  # somebody deleted the message; what comes next stands in the channel
        place = notices.place_of(notice.notice)
        if place not in {each.to for each in incident.places}:
            return  # somebody stands in for it already
        if place != incident.places[0].to and place.startswith(("U", "W")):
            return  # who watches the dataset and takes no messages is nobody's trouble
        owner = concerned(incident, monitor, await self._desk.dataset_of(monitor))
        to = next((each for each in (owner, monitor.created_by) if each and each != place), "")
        if not to:
            return
        marked = replace(monitor, trouble=trouble(error), revision=monitor.revision + 1)
        thread = notices.message_key(incident.id, to) if place == incident.places[0].to else incident.thread
        moved = replace(
            incident, places=notices.moved(incident.places, place, to), thread=thread, revision=incident.revision + 1
        )
        told = notices.could_not_be_told(marked, moved, to, place, error)
        await self._desk.apply(Change(monitor=marked, incidents=(moved,), notices=told))

    async def _done(
        self, actor: Actor, incident: Incident, acted: Acted, monitor: Monitor, dataset: Dataset | None
    ) -> bool:
        """False when the incident or its monitor changed meanwhile."""
        changed = step(incident, acted)
        if changed is None:
            return True
        details: dict[str, JsonValue] = {"reason": acted.reason, "assignee": acted.assignee}
        after, told = await self._telling.of(*changed, monitor, dataset, details=details, by=actor.user_id)
        event = audit_event(actor, f"incident.{acted.act}", monitor, incident=incident.id, **_noted(acted))
        accepted = _accepting(monitor, incident) if acted.act is Act.ACCEPT else None
        done = await self._desk.store.apply(Change(monitor=accepted, incidents=(after,), notices=told, audit=(event,)))
        if done:
            self._desk.wakes.wake()
        return done

    def _check(self, act: Act, reason: str, snooze: SnoozeKind | None, until: datetime | None) -> None:
        if act is Act.RESOLVE and not reason.strip():
            raise InvalidInput("Say in a few words why it is resolved.", field="reason")
        if len(reason) > LONGEST_REASON:
            raise InvalidInput(f"The reason is longer than {LONGEST_REASON:,} characters.", field="reason")
        if act is Act.SNOOZE and snooze is None:
            raise InvalidInput("Choose until when it is snoozed.", field="snooze")
        if snooze is SnoozeKind.UNTIL and (until is None or until <= self._desk.clock.now()):
            raise InvalidInput("Choose a time ahead.", field="until")

    async def _compared(self, run_id: str) -> tuple[Run, Comparison]:
        run = await self._that_keeps_numbers(await self._desk.store.run(run_id))
        comparison = _comparison(run)
        if run is None or comparison is None:
            raise NotFound("This run compared nothing, or its numbers are not kept any more.")
        return run, comparison

    async def _that_keeps_numbers(self, run: Run | None) -> Run | None:
        """The run itself, or the earlier one that saw the same data and keeps what was compared."""
        same_as = run.result.same_as if run is not None and run.result is not None else ""
        return await self._desk.store.run(same_as) if same_as else run


def trouble(error: str) -> str:
    """Why a monitor's messages do not arrive in their place, for people."""
    why = _UNREACHABLE.get(error, f"Slack says “{error}”")
    return f"Its messages do not arrive where they should: {why}. Edit the monitor and choose another place."


def _comparison(run: Run | None) -> Comparison | None:
    if run is None or run.result is None or not run.result.comparison:
        return None
    return from_json(run.result.comparison)


def _noted(acted: Acted) -> dict[str, str]:
    return {
        "reason": acted.reason,
        "assignee": acted.assignee,
        "snooze": acted.snooze or "",
        "until": "" if acted.until is None else acted.until.isoformat(),
    }


def _accepting(monitor: Monitor, incident: Incident) -> Monitor:
    """The monitor with the incident's target as its new baseline."""
    version = incident.target_version
    draft = monitor.draft
    if draft.baseline.kind is BaselineKind.PINNED:
        draft = replace(draft, baseline=Baseline(BaselineKind.PINNED, version=version))
    return replace(monitor, draft=draft, accepted=version, revision=monitor.revision + 1)
