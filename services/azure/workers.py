"""Calls of the SDK, each in a worker process that can be killed, behind a circuit breaker.

The process that acknowledges never imports azureml. What the SDK prints and logs is caught, redacted and logged here.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

import structlog

from services.azure import errors
from services.azure.breaker import Breaker, BreakerState
from services.azure.identity import CredentialKind
from services.azure.resource import AzureWorkspaceId
from services.azure.scratch import Scratch, remove_left
from services.azure.sdk import session
from services.carried import Carried
from services.errors import Busy, TimedOut, Unavailable, UserError
from services.workers import Wording, WorkerPolicy, Workers

if TYPE_CHECKING:
    from services.azure.errors import Failure
    from services.azure.sdk.session import Answer, Session

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MIB = 1024 * 1024
WARM_SECONDS = 120.0

log = structlog.get_logger(__name__)

_OUT_OF_MEMORY = Carried(
    "Unavailable",
    "This call to Azure Machine Learning needs more memory than the bot gives it. Ask for less at once.",
    "azure_out_of_memory",
)
_TIMED_OUT = "azure_timed_out"
_WORDING = Wording(
    closed=lambda: Unavailable("The bot is shutting down. Try again in a minute.", code="azure_closed"),
    busy=lambda: Busy(
        "The bot is asking Azure Machine Learning as much as it can. Try again in a minute.", code="azure_busy"
    ),
    timed_out=lambda seconds: TimedOut(
        f"{errors.THING} did not answer within {seconds:.0f} seconds. Try again in a minute.", code=_TIMED_OUT
    ),
    crashed=lambda: Unavailable(
        "The process that talks to Azure Machine Learning stopped unexpectedly. Try again.", code="azure_crashed"
    ),
    interrupted=lambda: Unavailable(
        "The call to Azure Machine Learning was interrupted. Try again in a moment.", code="azure_interrupted"
    ),
)


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """Bounds of the SDK's workers. Sizes in bytes, times in seconds.

    answer_seconds: one HTTP request; call_seconds: one call, which may make several.
    """

    workers: int = 3
    waiting: int = 100
    tasks: int = 5_000
    memory_bytes: int = 2048 * MIB
    answer_seconds: float = 75.0
    call_seconds: float = 200.0


DEFAULT_LIMITS = WorkerLimits()


async def _until(true: Callable[[], bool], seconds: float) -> None:
    """Look twenty times a second. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.05)


class CallFailedError(Exception):
    """A call that did not succeed, with what the caller may need to decide what to do. Told by `problem()`."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.problem.sentence if failure.problem is not None else failure.trace)
        self.failure = failure

    def problem(self) -> Exception:
        """What leaves the adapter."""
        return self.failure.error()

    @property
    def is_missing(self) -> bool:
        """True if what was asked for does not exist; a workspace that does not exist is something else."""
        return self.failure.problem is not None and self.failure.problem.kind == "NotFound"


@dataclass(slots=True)
class Spent:
    """How much was asked of Azure, for metrics. seconds: in the workers."""

    calls: int = 0
    failures: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Parts:
    settings: session.SessionSettings
    limits: WorkerLimits
    breaker: Breaker
    spent: Spent = field(default_factory=Spent)


class AzureWorkers:
    """Runs functions of `services.azure.sdk` on one workspace. Belongs to one event loop."""

    def __init__(
        self,
        workspace: AzureWorkspaceId,
        credential: CredentialKind,
        *,
        limits: WorkerLimits = DEFAULT_LIMITS,
        breaker: Breaker | None = None,
    ) -> None:
        self._scratch = Scratch()
        # What a killed bot left may be large: not on the event loop.
        threading.Thread(target=remove_left, name="remove-left-scratch", daemon=True).start()
        settings = session.SessionSettings(
            workspace, credential, self._scratch.path, limits.memory_bytes, answer_seconds=limits.answer_seconds
        )
        self._parts = _Parts(settings, limits, breaker or Breaker())
        self._policy = WorkerPolicy(
            workers=limits.workers,
            waiting=limits.waiting,
            tasks=limits.tasks,
            idle_seconds=None,
            start=session.start,
            start_arguments=(settings,),
            out_of_memory=_OUT_OF_MEMORY,
            wording=_WORDING,
            crashed=self._crashed,
        )
        self._pool = Workers(self._policy)
        self._renewing = asyncio.Lock()

    @property
    def state(self) -> BreakerState:
        """Whether Azure answers."""
        return self._parts.breaker.state

    @property
    def spent(self) -> Spent:
        """What was asked so far."""
        return self._parts.spent

    @property
    def is_warm(self) -> bool:
        """True once every worker has imported the SDK."""
        return self._pool.is_warm

    def warm(self) -> None:
        """Start the workers in the background, with the SDK imported; returns at once."""
        self._pool.warm(session.ready)

    async def renew(self) -> None:
        """Put new processes in the place of these, which finish what they have begun.

        The SDK's data engine keeps the credentials of datastores and storage tokens as long as its process lives, so
        a key that was changed is only noticed by a new one. Calls go on being answered meanwhile.
        """
        async with self._renewing:
            fresh = Workers(self._policy)
            try:
                fresh.warm(session.ready)
                await _until(lambda: fresh.is_warm, WARM_SECONDS)
            except BaseException:
                await fresh.close()
                raise
            old, self._pool = self._pool, fresh
            try:
                with contextlib.suppress(TimeoutError):
                    await _until(lambda: not old.running, self._parts.limits.call_seconds)
            finally:
                await old.close()

    async def run(
        self, name: str, work: Callable[[Session, *Ts], T], *arguments: *Ts, seconds: float | None = None
    ) -> T:
        """`work(session, *arguments)` in a worker; both must pickle. name: the dataset it is about, "" for none.

        seconds: limit from its start in the worker. Raises UserErrors, and AzureFault for a fault.
        """
        try:
            return await self.attempt(name, work, *arguments, seconds=seconds)
        except CallFailedError as error:
            raise error.problem() from None

    async def attempt(
        self, name: str, work: Callable[[Session, *Ts], T], *arguments: *Ts, seconds: float | None = None
    ) -> T:
        """As `run`, but what fails is told by CallFailedError, also a time-out and a crash."""
        parts = self._parts
        if not parts.breaker.admits():
            raise CallFailedError(errors.Failure(errors.carried(errors.down()), down=True))
        limit = parts.limits.call_seconds if seconds is None else seconds
        began, done = time.monotonic(), False
        try:
            answer: Answer[Any] = await self._pool.run(limit, session.call, name, work, *arguments)
            failure, done = answer.failure, True
        except UserError as error:
            # The request may have reached Azure before its worker ended.
            lost = error.code in {_TIMED_OUT, "azure_crashed", "azure_interrupted"}
            failure, done = errors.Failure(errors.carried(error), maybe_done=lost, down=error.code == _TIMED_OUT), True
            answer = session.Answer(None, failure, "", time.monotonic() - began)
        finally:
            if not done:
                parts.breaker.gave_up()
        self._count(work.__name__, name, answer)
        if failure is not None:
            raise CallFailedError(failure)
        return answer.value  # type: ignore[return-value]  # what `work` returned: T

    async def close(self) -> None:
        """Stop the workers and remove their files."""
        await self._pool.close()
        await asyncio.to_thread(self._scratch.remove)

    def _count(self, what: str, name: str, answer: Answer[Any]) -> None:
        parts, failure = self._parts, answer.failure
        parts.spent.calls += 1
        parts.spent.seconds += answer.seconds
        if failure is None or not failure.down:
            parts.breaker.succeeded()
        else:
            parts.breaker.failed()
        if answer.output:
            log.debug("azure_sdk_said", call=what, output=answer.output)
        if failure is not None:
            parts.spent.failures += 1
            told = failure.problem is not None
            log.log(
                20 if told else 40,
                "azure_call_failed",
                call=what,
                dataset=name,
                status=failure.status,
                code=failure.problem.code if failure.problem is not None else "fault",
                seconds=round(answer.seconds, 3),
                trace="" if told else failure.trace,
            )

    def _crashed(self, pid: int) -> None:
        log.error("azure_worker_crashed", pid=pid, output=session.output_left_by(self._parts.settings, pid))
