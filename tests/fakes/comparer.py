"""A `Comparer` whose data are told by a test: for each version, how far each column is from version 1."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from services.datasets.model import DatasetVersion
from services.drift.comparison import ColumnDrift, Comparison, DatasetDrift, SchemaChange, SideFacts
from services.drift.settings import CompareSettings
from services.errors import UserError
from services.monitors.ports import Compared
from services.ports import Progress

THRESHOLD = 0.1


class ScriptedComparer:
    """The distance of two versions in a column is the difference of what they are set to (0 where nothing is set)."""

    def __init__(self) -> None:
        self.moved: dict[int, dict[str, float]] = {}
        self.rows: dict[int, int] = {}
        self.schema: dict[int, tuple[SchemaChange, ...]] = {}
        self.failing: UserError | Exception | None = None
        self.gate: asyncio.Event | None = None
        self.compared: list[tuple[str, str]] = []
        self.most_at_once = 0
        self._now = 0

    async def compare(
        self,
        baseline: DatasetVersion,
        target: DatasetVersion,
        settings: CompareSettings,
        progress: Progress | None = None,
    ) -> Compared:
        self.compared.append((baseline.label, target.label))
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            if progress is not None:
                await progress(f"Reading: {target.label}")
            if self.gate is not None:
                await self.gate.wait()
            if self.failing is not None:
                raise self.failing
        finally:
            self._now -= 1
        return Compared(self._comparison(baseline, target), (baseline.label, target.label))

    async def compare_days(
        self,
        version: DatasetVersion,
        days: int,
        newest: int,
        settings: CompareSettings,
        progress: Progress | None = None,
    ) -> Compared:
        """What the version is set to, compared with nothing moved."""
        before, after = f"{version.label}, {days} days", f"{version.label}, newest {newest}"
        self.compared.append((before, after))
        found = self._comparison(replace(version, version=0), version)
        return Compared(replace(found, baseline=before, target=after), (before, after))

    async def draw(self, comparison: Comparison, *, dark: bool = False) -> bytes:
        return b"\x89PNG\r\n\x1a\n" + comparison.target.encode() + (b" dark" if dark else b"")

    def _comparison(self, baseline: DatasetVersion, target: DatasetVersion) -> Comparison:
        before, now = self.moved.get(baseline.version, {}), self.moved.get(target.version, {})
        rows = self.rows.get(baseline.version, 1000), self.rows.get(target.version, 1000)
        columns = tuple(_column(name, before, now, rows) for name in sorted({"price", "weight", *before, *now}))
        drifted = [column for column in columns if column.drifted]
        return Comparison(
            baseline.label,
            target.label,
            "default",
            columns,
            DatasetDrift(
                drifted=bool(drifted),
                share=len(drifted) / len(columns),
                magnitude=max((column.value or 0.0 for column in columns), default=0.0),
                contributions=(),
                baseline_rows=rows[0],
                target_rows=rows[1],
                schema=self.schema.get(target.version, ()),
            ),
        )


def _column(name: str, before: Mapping[str, float], now: Mapping[str, float], rows: tuple[int, int]) -> ColumnDrift:
    value = abs(now.get(name, 0.0) - before.get(name, 0.0))
    return ColumnDrift(
        name=name,
        type="double",
        kind="number",
        metric="jensen_shannon",
        value=value,
        lower=value,
        upper=value,
        p_value=None,
        threshold=THRESHOLD,
        drifted=value > THRESHOLD,
        baseline=SideFacts(rows[0], 0),
        target=SideFacts(rows[1], 0),
        reasons=(f"{name} moved by {value:.2f}.",) if value > THRESHOLD else (),
    )
