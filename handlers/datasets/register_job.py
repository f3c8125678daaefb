"""Registering in the background: a durable job, its progress, the card, and every way it can fail."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import structlog
from pydantic import JsonValue, TypeAdapter
from slack_sdk.web.async_client import AsyncWebClient

from handlers.context import Services
from handlers.datasets import profile_job
from handlers.datasets.outcome_view import card_message, failed_message, identical_view, registered_view
from handlers.datasets.owners import require_member
from handlers.datasets.profile_job import ProfileWork, start_profile
from handlers.datasets.register_form import RegisterForm
from handlers.datasets.register_view import TITLE
from handlers.errors import error_view
from handlers.message import Message
from handlers.packed import pack
from handlers.reply import BlockSupport, Reply
from handlers.sharing import SharedChannels
from handlers.working import NOT_TOLD, WorkingView
from services.datasets.model import RegisterRequest
from services.errors import IdenticalData, NotFound, UserError
from services.jobs import DurableJob, Jobs, Origin, Pool

log = structlog.get_logger(__name__)

KIND = "register_dataset"
SECONDS = 1800.0
REMEMBERED = 500

_REQUEST: TypeAdapter[RegisterRequest] = TypeAdapter(RegisterRequest)


def register_payload(
    request: RegisterRequest, form: RegisterForm, external_id: str, *, view_id: str = ""
) -> dict[str, JsonValue]:
    """What is stored of a submitted form.

    view_id: the form's own. The same form submitted again unchanged is the same wish, so that a button pressed twice,
    or once more after an error that hid a success, makes one version. "" where every submission is a wish of its own.
    """
    values = _REQUEST.dump_python(request, mode="json")
    wish = f"{view_id}-{_digest(values)}" if view_id else ""
    return {
        "request": values,
        "channel": form.channel,
        "thread_ts": form.thread_ts,
        "external_id": external_id,
        "wish": wish,
    }


def read_payload(payload: Mapping[str, JsonValue]) -> tuple[RegisterRequest, RegisterForm, str]:
    """The request, the form that means it, and the working view's external id."""
    request = _REQUEST.validate_python(payload["request"])
    form = RegisterForm.from_request(request, channel=str(payload["channel"]), thread_ts=str(payload["thread_ts"]))
    return request, form, str(payload["external_id"])


def _digest(values: JsonValue) -> str:
    """The same for the same values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:40]


async def start_register(jobs: Jobs, payload: dict[str, JsonValue], origin: Origin) -> None:
    """Store the work, then begin it. Raises Busy."""
    await jobs.start_durable(Pool.DATA, KIND, payload, origin=origin, seconds=SECONDS)


def attach_jobs(services: Services, client: AsyncWebClient) -> None:
    """Name the durable work of this subject, while wiring."""
    work = RegisterWork(services, client, BlockSupport(), SharedChannels())
    services.jobs.register(KIND, work.run, work.failed)
    profiles = ProfileWork(services)
    services.jobs.register(profile_job.KIND, profiles.run, profiles.failed)


@dataclass(frozen=True, slots=True)
class RegisterWork:
    """Registers and tells. Everything it does may be done again after a kill, with the same outcome."""

    services: Services
    client: AsyncWebClient
    support: BlockSupport
    shared_channels: SharedChannels
    _told: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """Where the card of a wish is, for the last few hundred of this process."""

    async def run(self, job: DurableJob) -> None:
        """Register; show how it goes in the modal; then the card, in the channel and in the modal."""
        request, form, external_id = read_payload(job.payload)
        view = WorkingView(self.client, external_id, TITLE, pushed=job.attempt == 1)
        if request.owner and request.owner != request.requested_by:
            await require_member(self.client, request.owner)
        wish = str(job.payload.get("wish") or job.id)
        try:
            registered = await self.services.datasets.register(request, registration_id=wish, progress=view.progress)
        finally:
            await view.end()
        await self.services.monitors.version_registered(registered.version.name, registered.version.version)
        card = card_message(registered)
        told = self._told.get(wish)
        if told is not None:  # pressed twice: one version, one card
            await view.show(registered_view(TITLE, registered, told))
            return
        self._told[wish] = "The card is on its way."
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        if job.attempt > 1:
            # The person saw no end of it, and the channel may have its card already.
            where = await self._direct(card_message(registered, resumed=True), job, form)
        else:
            where = await self._post(card, job, form)
        self._told[wish] = where
        try:
            await view.show(registered_view(TITLE, registered, where))
        except NOT_TOLD as error:
            # It is registered: what Slack does not take of the telling must not be told as a failure of that.
            log.warning("outcome_not_shown", name=request.name, error=repr(error))
        await start_profile(self.services.jobs, registered, job.origin)

    async def failed(self, job: DurableJob, error: BaseException) -> None:
        """The error in the modal, above the form; when that was closed, directly, with a way to open it again."""
        request, form, external_id = read_payload(job.payload)
        view = error_view(error, job.origin.request_id, title=TITLE)
        if isinstance(error, IdenticalData):
            try:
                existing = await self.services.datasets.show(error.name, error.version)
            except NotFound:
                log.warning("identical_dataset_gone", name=error.name, version=error.version)
            else:
                view = identical_view(TITLE, error.sentence, existing)
        if await WorkingView(self.client, external_id, TITLE, pushed=job.attempt == 1).show(view):
            return
        again = pack(replace(form, owner="").values())
        await self._reply(job, form).direct(failed_message(error, job.origin.request_id, request.name, again))

    async def _post(self, card: Message, job: DurableJob, form: RegisterForm) -> str:
        """The card where the command came from, else to the person; returns a sentence that says where."""
        if form.channel:
            try:
                await self.shared_channels.require_internal(self.client, form.channel)
                await self.client.chat_postMessage(
                    channel=form.channel,
                    text=card.notification,
                    blocks=list(card.blocks),
                    thread_ts=form.thread_ts or None,
                    unfurl_links=False,
                    unfurl_media=False,
                )
            except (UserError, *NOT_TOLD) as error:
                log.info("card_not_posted", channel=form.channel, reason=str(error))
            else:
                return "The card is in the channel you came from."
        return await self._direct(card, job, form)

    async def _direct(self, card: Message, job: DurableJob, form: RegisterForm) -> str:
        """The card to the person; returns a sentence that says so, or that Slack did not take it."""
        try:
            await self._reply(job, form).direct(card)
        except NOT_TOLD as error:
            log.warning("card_not_sent", user=job.origin.user_id, error=repr(error))
            return "Slack did not take the card."
        return "I sent you the card in a direct message."

    def _reply(self, job: DurableJob, form: RegisterForm) -> Reply:
        return Reply(self.client, self.support, job.origin.user_id, form.channel)
