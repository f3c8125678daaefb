"""Profiles in memory."""

from __future__ import annotations

from datetime import datetime

from services.drift.stored import plan_id_of


class MemoryProfiles:
    """`Profiles` in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int, str, str], tuple[bytes, bool]] = {}

    async def own(self, name: str, version: int, fingerprint: str) -> bytes | None:
        found = [data for key, (data, own) in self.kept.items() if key[:3] == (name, version, fingerprint) and own]
        return found[-1] if found else None

    async def get(self, name: str, version: int, fingerprint: str, plan: str) -> bytes | None:
        found = self.kept.get((name, version, fingerprint, plan))
        return None if found is None else found[0]

    async def sweep(self, unused_since: datetime) -> int:
        """Tests are over before a profile is old."""
        return 0

    async def put(self, name: str, version: int, fingerprint: str, data: bytes, *, own: bool) -> None:
        self.kept[name, version, fingerprint, plan_id_of(data)] = (data, own)
