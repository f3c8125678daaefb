"""From an incident and its effect to the notices that tell it: where, when, alone or under a summary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from services.datasets.model import Dataset
from services.monitors import notices
from services.monitors.incidents import Effect, Incident
from services.monitors.model import Destination, Detail, Monitor
from services.monitors.ports import MonitorStore
from services.monitors.routing import destinations, told_from
from services.outbox import Notice

TOGETHER = timedelta(minutes=10)
"""Incidents of a channel that open within the same ten minutes of the clock share a summary."""

ALONE = 3
"""So many of them have a message of their own first."""

MOST_WATCHERS = 50
"""So many of those who watch a dataset are told of an incident directly."""

Policy = Callable[[Dataset], Sequence[Destination]]
"""Where the installation's rules send a dataset's incidents; nothing where they say nothing."""


def no_policy(_: Dataset) -> Sequence[Destination]:
    """Rules that say nothing."""
    return ()


class Telling:
    """Decides for each effect what is told where."""

    def __init__(self, store: MonitorStore, policy: Policy = no_policy) -> None:
        self._store = store
        self._policy = policy

    async def of(
        self,
        incident: Incident,
        effect: Effect,
        monitor: Monitor,
        dataset: Dataset | None,
        *,
        details: Mapping[str, JsonValue] | None = None,
        by: str = "",
    ) -> tuple[Incident, tuple[Notice, ...]]:
        """The incident with its places, and what is told. by: a person who did it; quiet hours do not keep that back.

        details: facts of this news beside it.
        """
        summary: tuple[Notice, ...] = ()
        if not incident.places:
            incident, summary = await self._placed(incident, monitor, dataset)
        moment = incident.changed_at
        not_before = None if by else told_from(monitor.draft.quiet, moment, incident.severity)
        told = notices.told(
            incident,
            effect,
            mention=concerned(incident, monitor, dataset),
            not_before=not_before,
            details={**(details or {}), "by": by} if by else details,
        )
        return incident, (*summary, *told)

    async def _placed(
        self, incident: Incident, monitor: Monitor, dataset: Dataset | None
    ) -> tuple[Incident, tuple[Notice, ...]]:
        policy = self._policy(dataset) if dataset is not None else ()
        places = destinations(monitor.draft, dataset, policy, fallback=monitor.created_by)
        if not places:
            return incident, ()
        places = (*places, *_watching(dataset, {concerned(incident, monitor, dataset), *(each.to for each in places)}))
        channel, began = places[0].to, _began(incident.opened_at)
        own = notices.message_key(incident.id, channel)
        if channel.startswith(("U", "W")) or await self._store.openings(channel, began) < ALONE:
            return replace(incident, places=places, thread=own), ()
        key = notices.summary_key(channel, began)
        placed = replace(incident, places=places, thread=key)
        return placed, (notices.summary(placed, key),)


def concerned(incident: Incident, monitor: Monitor, dataset: Dataset | None) -> str:
    """Whom an incident concerns: who took it on, else whom the monitor names, else the dataset's owner."""
    owner = dataset.owner if dataset is not None else ""
    return incident.assignee or monitor.draft.mention or owner


def _watching(dataset: Dataset | None, told: set[str]) -> tuple[Destination, ...]:
    """Who watches the dataset and is not told already: a line that follows the incident, in a direct message."""
    watchers = [] if dataset is None else [each for each in dataset.watchers if each not in told]
    return tuple(Destination(each, Detail.BRIEF) for each in watchers[:MOST_WATCHERS])


def _began(moment: datetime) -> datetime:
    seconds = int(TOGETHER.total_seconds())
    return datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, UTC)
