"""Whether the process can do its work right now, part by part."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

PROBE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Part:
    """One thing the process needs. detail: a short phrase for people, without secrets."""

    ok: bool
    detail: str = ""


Probe = Callable[[], Awaitable[Part]]


class Health:
    """Readiness as the sum of its parts."""

    def __init__(self) -> None:
        self._probes: dict[str, Probe] = {}
        self.draining = False

    def add(self, name: str, probe: Probe) -> None:
        """Ask probe whenever readiness is asked for. One that fails or takes two seconds counts as not ready."""
        self._probes[name] = probe

    async def check(self) -> dict[str, Part]:
        """All parts by name, asked at the same time."""
        answers = await asyncio.gather(*(self._ask(probe) for probe in self._probes.values()))
        parts = dict(zip(self._probes, answers, strict=True))
        parts["taking_work"] = Part(not self.draining, "draining" if self.draining else "")
        return parts

    async def _ask(self, probe: Probe) -> Part:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return await probe()
        except TimeoutError:
            return Part(False, "does not answer")
        except Exception as error:  # noqa: BLE001  # any failure of a part means: not ready
            return Part(False, type(error).__name__)
