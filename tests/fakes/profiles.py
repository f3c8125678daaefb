"""Profiles in memory."""

from __future__ import annotations

from datetime import datetime

from services.drift.stored import plan_id_of


class MemoryProfiles:
    """`Profiles` in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int, str, str], tuple[bytes, bool]] = {}
        self.by_day: dict[tuple[str, int, str, str, str], dict[str, bytes]] = {}

    async def own(self, name: str, version: int, fingerprint: str) -> bytes | None:
        found = [data for key, (data, own) in self.kept.items() if key[:3] == (name, version, fingerprint) and own]
        return found[-1] if found else None

    async def get(self, name: str, version: int, fingerprint: str, plan: str) -> bytes | None:
        found = self.kept.get((name, version, fingerprint, plan))
        return None if found is None else found[0]

    async def sweep(self, unused_since: datetime) -> int:
        """Tests are over before a profile is old."""
        return 0

    async def put(
        self, name: str, version: int, fingerprint: str, data: bytes, *, own: bool, day: tuple[str, str] = ("", "")
    ) -> None:
        if day[1]:
            self.by_day.setdefault((name, version, fingerprint, plan_id_of(data), day[0]), {})[day[1]] = data
        else:
            self.kept[name, version, fingerprint, plan_id_of(data)] = (data, own)

    async def days(
        self, name: str, version: int, fingerprint: str, plan: str, *, column: str, first: str, last: str
    ) -> tuple[bytes, ...] | None:
        days = self.by_day.get((name, version, fingerprint, plan, column))
        if days is None:
            return None
        return tuple(days[day] for day in sorted(days) if first <= day <= last)
