"""The access policy in force: read at the start, read again when its file changes, the last good one kept meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.health import Part
from bot.logs import get_logger
from bot.settings import SettingsError
from services.access.policy import BUILT_IN, Policy, PolicyError, load_policy

log = get_logger("bot.access")

LOOK_SECONDS = 5.0
"""How often it is looked whether the file changed."""


class PolicyInForce:
    """Returns the policy when called. path: None for the built-in policy."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._policy = BUILT_IN
        self._seen: tuple[int, int, int] | None = None
        self.problem = ""
        """The sentences of a file that cannot be used, "" while the file in place is the one in force."""

    def __call__(self) -> Policy:
        """The policy in force now."""
        return self._policy

    async def probe(self) -> Part:
        """For readiness: a policy is always in force, but perhaps not the one in the file."""
        return Part(True, "the file cannot be used, the one before is in force" if self.problem else "")

    async def open(self) -> None:
        """Read the file for the first time. Raises SettingsError: without its policy the bot does not start."""
        try:
            await asyncio.to_thread(self._read)
        except PolicyError as error:
            raise SettingsError(tuple(f"POLICY_FILE: {sentence}" for sentence in error.sentences)) from None

    async def refresh(self) -> None:
        """Take a changed file over. One that cannot be used is told in the log; what was in force stays."""
        if self._path is None:
            return
        try:
            before = self._policy.digest
            if not await asyncio.to_thread(self._read):
                return
        except PolicyError as error:
            problem = " ".join(error.sentences)
            if problem != self.problem:
                log.error("the access policy cannot be used; the one before stays in force", problems=error.sentences)
            self.problem = problem
            return
        self.problem = ""
        if self._policy.digest != before:
            log.info("the access policy changed", digest=self._policy.digest, rules=len(self._policy.rules))

    def _read(self) -> bool:
        """False when the file is the one that was read last."""
        if self._path is None:
            return False
        try:
            status = self._path.stat()
        except OSError as error:
            self._seen = None
            raise PolicyError((f"{self._path} cannot be read ({error.strerror}).",)) from None
        seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        if seen == self._seen:
            if self.problem:
                raise PolicyError((self.problem,))
            return False
        self._seen = seen
        policy = load_policy(self._path)
        policy.index, policy.digest  # noqa: B018  # made here, where nobody waits for them
        self._policy = policy
        return True
