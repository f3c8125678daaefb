"""What a monitor would have done on the versions that exist, told before it is saved."""

from __future__ import annotations

from datetime import datetime

from services.datasets.lookup import Lookup
from services.datasets.model import Dataset, DatasetVersion
from services.errors import UserError
from services.monitors import judge
from services.monitors.incident_steps import opened, step, takes_up
from services.monitors.incidents import Incident, News, Ran, Subject
from services.monitors.model import Monitor, MonitorDraft, Outcome, RunResult
from services.monitors.plan import sides
from services.monitors.running import Running
from services.monitors.views import Backtest, BacktestLine
from services.ports import Clock, Progress

MOST_VERSIONS = 12
"""So many of the newest versions are looked at."""


class Backtesting:
    """Runs a draft over past versions with the judge and the state machine of real runs; stores only profiles."""

    def __init__(self, running: Running, lookup: Lookup, clock: Clock) -> None:
        self._running = running
        self._lookup = lookup
        self._clock = clock

    async def run(self, draft: MonitorDraft, dataset: Dataset, progress: Progress | None = None) -> Backtest:
        """Each version as it came. A version that cannot be read says so in its line. Lateness is not looked at."""
        monitor = Monitor("backtest", draft, "", self._clock.now())
        first = max(1, dataset.latest_version - MOST_VERSIONS + 1)
        incident: Incident | None = None
        lines: list[BacktestLine] = []
        for number in range(first, dataset.latest_version + 1):
            target = await self._lookup.version(dataset, number)
            chosen = sides(monitor, number, incident)
            if isinstance(chosen, str):
                result = judge.nothing_to_compare(chosen, target)
            else:
                if progress is not None:
                    await progress(f"Comparing {dataset.name}:{chosen[0]} with {target.label}")
                result = await self._compared(monitor, dataset, chosen[0], target)
            incident, news = _after(monitor, incident, result, target.created_at)
            lines.append(BacktestLine(target.created_at, result, news))
        alerts = sum(1 for line in lines if line.news in {News.DETECTED, News.REOPENED})
        return Backtest(tuple(lines), first - 1, alerts, _sentence(lines, alerts))

    async def _compared(self, monitor: Monitor, dataset: Dataset, baseline: int, target: DatasetVersion) -> RunResult:
        try:
            before = await self._lookup.version(dataset, baseline)
            return await self._running.compared(monitor, before, target)
        except UserError as error:
            return judge.failed(error.sentence, error.code)


def _after(
    monitor: Monitor, incident: Incident | None, result: RunResult, at: datetime
) -> tuple[Incident | None, News | None]:
    if result.error_code:
        return incident, None
    ran = Ran(
        at=at,
        run_id="",
        outcome=result.outcome,
        data_key=result.data_key,
        problems=result.problems,
        baseline=result.baseline,
        target=result.target,
        baseline_version=result.baseline_version,
        target_version=result.target_version,
        needed=monitor.draft.needed,
        of=monitor.draft.of,
    )
    if incident is not None and takes_up(incident, at):
        changed = step(incident, ran)
    else:
        changed = opened("backtest", monitor.id, monitor.dataset, Subject.DATA, ran)
    return (incident, None) if changed is None else (changed[0], changed[1].news)


def _sentence(lines: list[BacktestLine], alerts: int) -> str:
    compared = [line for line in lines if line.result.outcome is not Outcome.UNKNOWN]
    failed = sum(1 for line in lines if line.result.error_code)
    if not compared:
        return "There was nothing to compare yet." if not failed else "None of the versions could be compared."
    drifted = sum(1 for line in compared if line.result.outcome is Outcome.DRIFTED)
    versions = "the 1 comparison" if len(compared) == 1 else f"the {len(compared)} comparisons"
    told = "no alert" if alerts == 0 else "1 alert" if alerts == 1 else f"{alerts} alerts"
    more = f" {failed} could not be read." if failed else ""
    return f"Of {versions} of past versions, {drifted} would have drifted, and there would have been {told}.{more}"
