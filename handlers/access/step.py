"""The custom workflow step "Request access": what Workflow Builder sends, as a request like any other.

Who asks is the `user_context` of the workflow, which Slack fills in and no builder can set. The step ends once it was
asked; what becomes of the request is told to whoever asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from pydantic import JsonValue
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.access.turned_away import Attempt, note_attempt
from handlers.caller import CallerDirectory
from handlers.context import Services
from handlers.errors import known
from handlers.message import Json
from services.access.model import Level, Subject, SubjectKind
from services.access.offer import Wish
from services.errors import InvalidInput, UserError
from services.jobs import DurableJob, Origin, Pool

log = structlog.get_logger(__name__)

CALLBACK = "request_access"
KIND = "request_access_step"
_OVER = frozenset({"function_execution_not_in_running_state", "function_execution_not_found"})
"""Slack's words for a step that was ended before, by this very work before it was cut, or by the workflow."""


@dataclass(frozen=True, slots=True)
class StepInputs:
    """What the workflow filled in, as strings; see `functions` in manifest.yml."""

    requester: str
    dataset: str
    level: str
    days: str
    reason: str
    ticket: str

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> StepInputs:
        """Read from an event, where nothing is certain."""
        requester = inputs.get("requester")
        return cls(
            requester=str(requester.get("id") or "") if isinstance(requester, Mapping) else "",
            dataset=_text(inputs, "dataset"),
            level=_text(inputs, "level"),
            days=_text(inputs, "days"),
            reason=_text(inputs, "reason"),
            ticket=_text(inputs, "ticket"),
        )

    def wish(self) -> Wish:
        """What is asked for. Raises InvalidInput."""
        try:
            level = Level(self.level.lower() or Level.READ)
        except ValueError:
            raise InvalidInput(f"“{self.level}” is no level. Write read or write.") from None
        days = self.days.removesuffix(".0") or "7"
        if not (days.isascii() and days.isdecimal() and len(days) < 5):
            raise InvalidInput(f"“{self.days}” is no number of days.")
        return Wish(
            dataset=self.dataset,
            level=level,
            subject=Subject(SubjectKind.USER, self.requester),
            duration=timedelta(days=int(days)),
            reason=self.reason,
            ticket=self.ticket,
        )


class RequestAccessStep:
    """Listens to the step and does its durable work."""

    def __init__(self, services: Services, client: AsyncWebClient, directory: CallerDirectory) -> None:
        self._services = services
        self._client = client
        self._directory = directory

    def attach(self, app: AsyncApp) -> None:
        """Listen, and name the work."""
        app.function(CALLBACK, auto_acknowledge=False)(self.on_step)
        self._services.jobs.register(KIND, self.run, self.failed)

    async def on_step(self, ack: AsyncAck, body: Json, context: AsyncBoltContext) -> None:
        """A workflow runs the step: stored, then acknowledged."""
        event: Json = body["event"]
        inputs = StepInputs.of(event.get("inputs") or {})
        execution = str(event.get("function_execution_id") or "")
        origin = Origin(
            user_id=inputs.requester,
            channel_id="",
            summary="the workflow step “Request access”",
            request_id=context["request_id"],
            delivery=context.get("delivery_key", ""),
        )
        fields: dict[str, JsonValue] = {name: getattr(inputs, name) for name in StepInputs.__slots__}
        payload: dict[str, JsonValue] = {"execution": execution, "inputs": fields}
        try:
            await self._services.jobs.start_durable(Pool.CATALOG, KIND, payload, origin=origin, seconds=120.0)
        except UserError as error:
            await self._end(execution, error=error.sentence)
        await ack()

    async def run(self, job: DurableJob) -> None:
        """Ask, then end the step. The execution's id makes one request however often it is tried."""
        execution, inputs = _read(job)
        try:
            caller = await self._directory.caller(self._client, inputs.requester)
        except UserError as error:
            await note_attempt(self._services, Attempt("request", dataset=inputs.dataset), inputs.requester, error)
            raise
        access = self._services.access
        request = await access.submit(caller.actor, inputs.wish(), key=f"step:{execution}")
        card = await access.card(request.id)
        outputs = {"request_id": request.id, "status": request.status.value, "who_decides": card.decision.explanation}
        await self._end(execution, outputs=outputs)

    async def failed(self, job: DurableJob, error: BaseException) -> None:
        """The workflow shows the sentence to whoever looks at its run."""
        execution, _ = _read(job)
        sentence = known(error)
        if sentence is None:
            reference = job.origin.request_id
            log.error("unexpected_error", reference=reference, exc_info=error)
            sentence = f"Something went wrong. Tell your platform team this reference: {reference}"
        await self._end(execution, error=sentence)

    async def _end(self, execution: str, *, outputs: Mapping[str, str] | None = None, error: str = "") -> None:
        try:
            if outputs is not None:
                await self._client.functions_completeSuccess(function_execution_id=execution, outputs=dict(outputs))
            else:
                await self._client.functions_completeError(function_execution_id=execution, error=error)
        except SlackApiError as failure:
            if failure.response["error"] not in _OVER:
                raise
            log.info("step_ended_before", execution=execution)


def _read(job: DurableJob) -> tuple[str, StepInputs]:
    inputs = job.payload["inputs"]
    assert isinstance(inputs, dict)
    return str(job.payload["execution"]), StepInputs(**{name: str(value) for name, value in inputs.items()})


def _text(inputs: Mapping[str, Any], name: str) -> str:
    value = inputs.get(name)
    return "" if value is None else str(value).strip()
