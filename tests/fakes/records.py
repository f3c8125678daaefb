"""What the bot remembers, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.datasets.model import (
    Dataset,
    DatasetMark,
    DatasetVersion,
    Deprecation,
    Fingerprint,
    FingerprintCheck,
    FingerprintState,
    VersionStats,
)
from services.outbox import Notice
from services.ports import IsNews

_UNCHECKED = FingerprintCheck(FingerprintState.UNCHECKED, None)


@dataclass
class _VersionRecord:
    registered_by: str
    fingerprint: Fingerprint
    stats: VersionStats
    check: FingerprintCheck = _UNCHECKED
    untold: bool = False

    @property
    def seen_at(self) -> datetime:
        return self.check.checked_at or self.fingerprint.taken_at


class MemoryRecords:
    """A `Records`."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._watchers: dict[str, list[str]] = {}
        self._deprecations: dict[str, Deprecation] = {}
        self._versions: dict[tuple[str, int], _VersionRecord] = {}
        self._changes: dict[str, int] = {}
        self._change = 0
        self.notices: dict[str, Notice] = {}

    async def owner(self, name: str) -> str:
        return self._owners.get(name, "")

    async def set_owner(self, name: str, owner: str) -> None:
        self._owners[name] = owner
        self._touch(name)

    async def watchers(self, name: str) -> tuple[str, ...]:
        return tuple(sorted(self._watchers.get(name, [])))

    async def set_watching(self, name: str, user: str, watching: bool) -> None:
        watchers = self._watchers.setdefault(name, [])
        if watching and user not in watchers:
            watchers.append(user)
        elif not watching and user in watchers:
            watchers.remove(user)

    async def watched_by(self, user: str, limit: int) -> tuple[str, ...]:
        return tuple(sorted(name for name, watchers in self._watchers.items() if user in watchers))[:limit]

    async def set_deprecation(self, name: str, deprecation: Deprecation | None, notices: Sequence[Notice] = ()) -> None:
        self._put(notices)
        self._deprecations.pop(name, None)
        if deprecation is not None:
            self._deprecations[name] = deprecation

    async def record_version(
        self, name: str, version: int, *, registered_by: str, fingerprint: Fingerprint, stats: VersionStats
    ) -> None:
        self._versions[name, version] = _VersionRecord(registered_by, fingerprint, stats)
        self._touch(name)

    async def enrich_dataset(self, dataset: Dataset) -> Dataset:
        return replace(
            dataset,
            owner=await self.owner(dataset.name),
            watchers=await self.watchers(dataset.name),
            deprecation=self._deprecations.get(dataset.name),
        )

    async def enrich_versions(self, versions: Sequence[DatasetVersion]) -> tuple[DatasetVersion, ...]:
        found = []
        for version in versions:
            record = self._versions.get((version.name, version.version))
            found.append(
                version
                if record is None
                else replace(version, registered_by=record.registered_by, stats=record.stats, check=record.check)
            )
        return tuple(found)

    async def fingerprint(self, name: str, version: int) -> Fingerprint | None:
        record = self._versions.get((name, version))
        return None if record is None else record.fingerprint

    async def set_check(
        self, name: str, version: int, check: FingerprintCheck, is_news: IsNews | None = None
    ) -> FingerprintCheck | None:
        record = self._versions.get((name, version))
        if record is None:
            return None
        before = None if record.check.checked_at is None else record.check
        record.check = check
        record.untold = record.untold or (is_news is not None and is_news(before, check))
        self._touch(name)
        return before

    async def told(self, name: str, version: int, notices: Sequence[Notice], at: datetime) -> bool:
        record = self._versions.get((name, version))
        if record is None or not record.untold:
            return False
        record.untold = False
        self._put(notices)
        return True

    async def tell(self, notices: Sequence[Notice], at: datetime) -> None:
        self._put(notices)

    def _put(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            self.notices.setdefault(notice.key, notice)

    async def untold(self, limit: int) -> tuple[tuple[str, int], ...]:
        found = sorted((record.seen_at, key) for key, record in self._versions.items() if record.untold)
        return tuple(key for _, key in found)[:limit]

    async def due_for_check(self, before: datetime, limit: int) -> tuple[tuple[str, int], ...]:
        latest = dict(sorted(self._versions))
        due = [
            (not self._watchers.get(name), record.seen_at, (name, number))
            for (name, number), record in self._versions.items()
            if latest[name] == number and record.seen_at < before
        ]
        return tuple(key for _, _, key in sorted(due))[:limit]

    async def changes(self, cursor: str, limit: int = 1000) -> tuple[tuple[DatasetMark, ...], str]:
        after = int(cursor or 0)
        later = sorted((change, name) for name, change in self._changes.items() if change > after)[:limit]
        marks = tuple(self._mark(name) for _, name in later)
        return marks, str(later[-1][0]) if later else cursor

    def _mark(self, name: str) -> DatasetMark:
        newest = max((key for key in self._versions if key[0] == name), default=None)
        state = FingerprintState.UNCHECKED if newest is None else self._versions[newest].check.state
        return DatasetMark(name, self._owners.get(name, ""), state)

    def _touch(self, name: str) -> None:
        self._change += 1
        self._changes[name] = self._change
