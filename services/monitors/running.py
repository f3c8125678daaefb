"""Making a run: compare, judge, and record result, incidents and what is told of them in one transaction."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from services.datasets.lookup import Lookup
from services.datasets.model import Dataset, DatasetType, DatasetVersion
from services.drift.comparison_json import to_json
from services.errors import Busy, InvalidInput, NotFound, TimedOut, Unavailable, UserError
from services.monitors import judge
from services.monitors.incident_steps import Step, opened, step, takes_up
from services.monitors.incidents import Incident, Ran, Subject, Ticked
from services.monitors.model import BaselineKind, Cause, Monitor, Outcome, Problem, Run, RunResult, RunState
from services.monitors.notices import digest
from services.monitors.plan import sides
from services.monitors.ports import Change, Comparer, MonitorStore
from services.monitors.schedule import next_digest
from services.monitors.telling import Telling
from services.outbox import Notice, Wakes
from services.ports import Clock, Progress

_log = structlog.get_logger(__name__)

TRIES = 3
"""How often a run is begun before its failure is told, where waiting may help."""

RETRY = timedelta(minutes=2)
CONFLICTS = 10
_MAY_PASS = (Unavailable, TimedOut, Busy)


class Running:
    """Makes runs that were claimed. new_id: see `uuid4`."""

    def __init__(
        self,
        *,
        store: MonitorStore,
        lookup: Lookup,
        comparer: Comparer,
        telling: Telling,
        wakes: Wakes,
        clock: Clock,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._store = store
        self._lookup = lookup
        self._comparer = comparer
        self._telling = telling
        self._wakes = wakes
        self._clock = clock
        self._new_id = new_id

    async def make(self, run: Run, *, seconds: float, progress: Progress | None = None) -> RunResult | None:
        """Make a claimed run and record what came of it; None when it was put back or is somebody else's by now.

        seconds: it is stopped after so long.

        What it finds wrong with itself is recorded as a failed run; only a store that does not answer raises.
        """
        monitor = await self._store.monitor(run.monitor_id)
        if monitor is None or monitor.deleted or (monitor.paused and run.cause is not Cause.PERSON):
            result = judge.nothing_to_compare("The monitor was paused or deleted before this run began.")
            await self._record_quietly(run, result)
            return result
        try:
            result = await self._within(seconds, monitor, progress)
        except _MAY_PASS as error:
            if run.attempts < TRIES and await self._store.put_back(run.id, self._clock.now() + RETRY * run.attempts):
                _log.info("a run is tried again later", code=error.code, attempt=run.attempts)
                return None
            result = judge.failed(error.sentence, error.code)
        except UserError as error:
            result = judge.failed(error.sentence, error.code)
        except Exception as error:  # noqa: BLE001  # whatever a run meets is told, and the next run may go well
            _log.exception("a run failed", run=run.id)
            kind = type(error).__name__
            sentence = f"The run stopped with an unexpected error ({kind}). The log has it as run {run.id}."
            result = judge.failed(sentence, kind)
        return result if await self._record(monitor, run, result) else None

    async def _within(self, seconds: float, monitor: Monitor, progress: Progress | None) -> RunResult:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await self.result(monitor, progress)
        except TimeoutError:
            if not limit.expired():
                raise
            raise TimedOut(f"The run took longer than {round(seconds / 60)} minutes and was stopped.") from None

    async def result(self, monitor: Monitor, progress: Progress | None = None) -> RunResult:
        """What comparing now finds. Raises UserErrors and whatever reading raises."""
        dataset = await self._lookup.dataset(monitor.dataset)
        incident = await self._store.latest_incident(monitor.id, Subject.DATA)
        chosen = sides(monitor, dataset.latest_version, incident)
        latest = await self._lookup.version(dataset)
        late = judge.lateness(monitor.draft, latest, self._clock.now())
        if isinstance(chosen, str):
            return judge.nothing_to_compare(chosen, latest) if late is None else judge.only_late(latest, late, chosen)
        baseline = await self._lookup.version(dataset, chosen[0])
        return await self.compared(monitor, baseline, latest, late=late, progress=progress)

    async def compared(
        self,
        monitor: Monitor,
        baseline: DatasetVersion,
        target: DatasetVersion,
        *,
        late: Problem | None = None,
        progress: Progress | None = None,
    ) -> RunResult:
        """What comparing these two versions finds."""
        for version in (baseline, target):
            if version.definition.type is not DatasetType.TABULAR:
                raise InvalidInput(
                    f"{version.label} is a file dataset: there are no columns to compare. "
                    "Register it as a tabular dataset to monitor it.",
                    code="not_tabular",
                )
        side = monitor.draft.baseline
        if side.kind is BaselineKind.WINDOW:
            compared = await self._comparer.compare_days(
                target, side.days, side.newest, monitor.draft.compare, progress
            )
        else:
            compared = await self._comparer.compare(baseline, target, monitor.draft.compare, progress)
        key = judge.data_key(baseline, target, compared.digests, monitor.draft, late)
        result = judge.judged(
            monitor.draft, compared.comparison, baseline=baseline, target=target, data_key=key, late=late
        )
        return replace(result, comparison=to_json(compared.comparison))

    async def tick(self, limit: int = 100) -> int:
        """Tell of incidents whose snooze ended by time; returns how many."""
        now, told = self._clock.now(), 0
        for incident in await self._store.snoozes_over(now, limit):
            changed = step(incident, Ticked(now))
            monitor = await self._store.monitor(incident.monitor_id)
            if changed is None or monitor is None:
                continue
            after, notices = await self._telling.of(*changed, monitor, await self._dataset(monitor))
            if await self._store.apply(Change(incidents=(after,), notices=notices)):
                self._wakes.wake()
                told += 1
        return told

    async def send_digests(self, limit: int = 20) -> int:
        """Tell channels their open incidents where that is due; returns how many."""
        sent = await self._store.send_digests(self._clock.now(), next_digest, digest, limit)
        if sent:
            self._wakes.wake()
        return sent

    async def _record_quietly(self, run: Run, result: RunResult) -> None:
        ended = replace(run, state=RunState.DONE, ended_at=self._clock.now(), result=result)
        await self._store.apply(Change(finished=ended))

    async def _record(self, monitor: Monitor, run: Run, result: RunResult) -> bool:
        """Store result, incidents and notices together, for as long as others change the same incidents."""
        result = await self._without_repetition(monitor, result)
        state = RunState.FAILED if result.error_code else RunState.DONE
        ended = replace(run, state=state, ended_at=self._clock.now(), result=result)
        dataset = await self._dataset(monitor)
        for _ in range(CONFLICTS):
            now = self._clock.now()
            incidents: list[Incident] = []
            notices: list[Notice] = []
            for subject, ran in _events(monitor, ended, now):
                changed = await self._changed(monitor, subject, ran)
                if changed is not None:
                    after, told = await self._telling.of(*changed, monitor, dataset)
                    incidents.append(after)
                    notices.extend(told)
            if await self._store.apply(Change(finished=ended, incidents=tuple(incidents), notices=tuple(notices))):
                if notices:
                    self._wakes.wake()
                return True
            stored = await self._store.run(run.id)
            if stored is None or stored.state is not RunState.RUNNING or stored.instance != run.instance:
                return False  # another instance took it over and told of it
        raise RuntimeError(f"run {run.id} could not be recorded: its incidents changed {CONFLICTS} times meanwhile")

    async def _without_repetition(self, monitor: Monitor, result: RunResult) -> RunResult:
        """A result that the last run had, too, points to it instead of holding its comparison again."""
        last = await self._store.runs_of(monitor.id, None, 1)
        before = last[0].result if last else None
        if not result.data_key or before is None or before.data_key != result.data_key:
            return result
        return replace(result, comparison={}, same_as=before.same_as or last[0].id)

    async def _changed(self, monitor: Monitor, subject: Subject, ran: Ran) -> Step:
        latest = await self._store.latest_incident(monitor.id, subject)
        if latest is not None and takes_up(latest, ran.at):
            return step(latest, ran)
        if latest is not None and latest.data_key and latest.data_key == ran.data_key:
            return None  # what was accepted, or resolved long ago, is no news while the data are the same
        return opened(self._new_id(), monitor.id, monitor.dataset, subject, ran)

    async def _dataset(self, monitor: Monitor) -> Dataset | None:
        """The dataset for its owner and tags; None when it is gone or cannot be asked: then who made it is told."""
        try:
            return await self._lookup.dataset(monitor.dataset)
        except (NotFound, Unavailable) as error:
            _log.info("an incident is told without its dataset", code=error.code)
            return None


def _events(monitor: Monitor, run: Run, at: datetime) -> Sequence[tuple[Subject, Ran]]:
    """What a run's end is for the incidents of its monitor: those of the data, and those of the run itself."""
    result = run.result
    assert result is not None, "a run that ended has a result"
    draft = monitor.draft
    if result.error_code:
        told = Ran(at, run.id, Outcome.DRIFTED, result.data_key, result.problems, note=result.note)
        return ((Subject.RUN, told),)
    data = Ran(
        at=at,
        run_id=run.id,
        outcome=result.outcome,
        data_key=result.data_key,
        problems=result.problems,
        baseline=result.baseline,
        target=result.target,
        baseline_version=result.baseline_version,
        target_version=result.target_version,
        needed=draft.needed,
        of=draft.of,
        note=result.note,
    )
    return (Subject.RUN, Ran(at, run.id, Outcome.CLEAN)), (Subject.DATA, data)
