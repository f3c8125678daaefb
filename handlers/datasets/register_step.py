""" "Register a dataset" as a step of Workflow Builder: no form, no person who waits, an outcome for the next step.

Who registers is the `user_context` of the workflow, which Slack fills in and no builder can set; they must be a full
member.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from pydantic import JsonValue
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.context import Services
from handlers.datasets.owners import require_member
from handlers.datasets.register_current import completed
from handlers.datasets.register_file import likely_type
from handlers.datasets.register_form import RegisterForm
from handlers.errors import error_message
from handlers.message import Json
from services.datasets.model import RegisterRequest
from services.errors import IdenticalData, InvalidInput, UserError
from services.jobs import DurableJob, Origin, Pool

log = structlog.get_logger(__name__)

REGISTER_STEP = "register_dataset"
KIND = "register_dataset_step"
SECONDS = 1800.0
INPUTS = ("name", "paths", "datastore", "description", "tags", "registrar")
_ENDED = frozenset({"function_execution_not_in_running_state", "function_execution_not_found"})


def attach(app: AsyncApp) -> None:
    """Listen to workflows that reach the step."""
    app.function(REGISTER_STEP, auto_acknowledge=False)(on_step)


async def on_step(ack: AsyncAck, event: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """A workflow reached the step: store the work, acknowledge; the workflow waits until it is completed."""
    inputs, execution = event.get("inputs") or {}, str(event["function_execution_id"])
    payload: dict[str, JsonValue] = {key: str(inputs.get(key) or "").strip() for key in INPUTS}
    who = inputs.get("registrar")
    payload["registrar"] = str(who.get("id") or "") if isinstance(who, Mapping) else ""
    origin = Origin(
        user_id=str(payload["registrar"]),
        channel_id="",
        summary="the workflow step “Register a dataset”",
        request_id=str(context["request_id"]),
        delivery=str(context.get("delivery_key") or ""),
    )
    services: Services = context["services"]
    try:
        await services.jobs.start_durable(
            Pool.DATA, KIND, {**payload, "execution": execution}, origin=origin, seconds=SECONDS
        )
    except UserError as error:
        await client.functions_completeError(function_execution_id=execution, error=error.sentence)
    await ack()


def attach_jobs(services: Services, client: AsyncWebClient) -> None:
    """Name the durable work of this step, while wiring."""
    work = StepWork(services, client)
    services.jobs.register(KIND, work.run, work.failed)


@dataclass(frozen=True, slots=True)
class StepWork:
    """Registers and completes the step. Everything it does may be done again after a kill, with the same outcome."""

    services: Services
    client: AsyncWebClient

    async def run(self, job: DurableJob) -> None:
        """Register the next version; data that are registered already are no failure, and said."""
        datasets = self.services.datasets
        request = await self._request(job.payload)
        try:
            registered = await datasets.register(request, registration_id=job.id, progress=_silent)
        except IdenticalData as error:
            await self._complete(job, error.name, error.version, is_new=False)
            return
        await self._complete(job, registered.version.name, registered.version.version, is_new=True)

    async def failed(self, job: DurableJob, error: BaseException) -> None:
        """The error's sentence, for whoever the workflow tells."""
        told = error_message(error, job.origin.request_id).text
        try:
            await self.client.functions_completeError(function_execution_id=str(job.payload["execution"]), error=told)
        except SlackApiError as refused:
            _unless_ended(refused)

    async def _request(self, inputs: Mapping[str, JsonValue]) -> RegisterRequest:
        """What the inputs mean. Raises InvalidInput with all that is wrong."""
        datasets = self.services.datasets
        typed = {key: str(inputs[key]) for key in INPUTS}
        registrar = typed.pop("registrar")
        if not registrar:
            raise InvalidInput("Slack did not say who runs this workflow.")
        await require_member(self.client, registrar)
        check = await datasets.check_name(typed["name"])
        kind = check.type or likely_type(typed["paths"].splitlines())
        form = RegisterForm(
            name=typed["name"],
            new_version=True,
            type=kind,
            datastore=typed["datastore"] or (await self.services.datastores.all())[0].name,
            paths=typed["paths"],
            description=typed["description"],
            tags=typed["tags"],
        )
        request, unreadable = (await completed(datasets, form)).read(registrar)
        problems = (*unreadable, *await datasets.problems(request))
        if problems:
            raise InvalidInput(" ".join(dict.fromkeys(problem.sentence for problem in problems)))
        return request

    async def _complete(self, job: DurableJob, name: str, version: int, *, is_new: bool) -> None:
        outputs: Json = {"dataset": f"{name}:{version}", "name": name, "version": version, "is_new": is_new}
        try:
            await self.client.functions_completeSuccess(
                function_execution_id=str(job.payload["execution"]), outputs=outputs
            )
        except SlackApiError as refused:
            _unless_ended(refused)


def _unless_ended(refused: SlackApiError) -> None:
    """A step that was completed before a kill, or cancelled, needs no second ending."""
    if refused.response["error"] not in _ENDED:
        raise refused
    log.info("step_ended_before", error=refused.response["error"])


async def _silent(_step: str) -> None:
    """Nobody watches a workflow's step."""
