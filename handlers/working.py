"""Modals for work that takes longer than an acknowledgement: a view pushed over the form shows how it goes.

The form stays below with everything that was typed, in Slack's own memory. When the work fails, closing the pushed
view ("Back") returns to it; when it succeeds, closing the pushed view closes the form as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import structlog
from aiohttp import ClientError
from slack_bolt.async_app import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.blockkit import context, modal, section
from handlers.call import Call
from handlers.errors import error_view
from handlers.message import Json
from handlers.text import md, told
from services.datasets.model import Problem
from services.errors import UserError
from services.jobs import Pool

log = structlog.get_logger(__name__)

UPDATE_SECONDS = 1.0
AT_ONCE_SECONDS = 0.7
APPEAR_SECONDS = 3.0
PROGRESS_SECONDS = 5.0
NOT_TOLD = (SlackApiError, ClientError, TimeoutError, OSError)
"""What it raises when Slack does not take what is said, or cannot be reached."""
GONE = frozenset({"not_found", "view_not_found", "view_expired"})


def working_view(title: str, sentence: str, external_id: str = "") -> Json:
    """What is being done right now."""
    blocks = [
        section(md(":hourglass_flowing_sand: {} …", told(sentence))),
        context("You can close this window; the work goes on and you will be told."),
    ]
    return modal("working", title, blocks, close="Hide", external_id=external_id or None, clear_on_close=True)


def done_view(title: str, blocks: Sequence[Json]) -> Json:
    """The outcome; closing it closes the form below."""
    return modal("done", title, blocks, close="Close", clear_on_close=True)


@dataclass(slots=True)
class WorkingView:
    """A pushed view found again by its external id, also by another process than the one that pushed it.

    pushed: its push may still be on its way to Slack, so that "not found" is asked again for a moment.
    """

    client: AsyncWebClient
    external_id: str
    title: str
    pushed: bool = True
    _seen: bool = False
    _gone: bool = False
    _last: float = field(default=float("-inf"))
    _news: str = ""
    _telling: asyncio.Task[None] | None = None
    _updating: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def progress(self, sentence: str) -> None:
        """Say what is being done, at most once a second and always the newest; returns at once.

        A Slack that does not take it, or not soon, stops nothing: the work matters, this does not.
        """
        self._news = sentence
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell(), name="tell progress")

    async def end(self) -> None:
        """Tell no more of the progress: what is told of it now would come after the outcome."""
        self._news = ""
        async with self._updating:  # what is on its way to Slack has to arrive before what follows
            if self._telling is not None:
                self._telling.cancel()

    async def _tell(self) -> None:
        while self._news:
            await asyncio.sleep(self._last + UPDATE_SECONDS - time.monotonic())
            async with self._updating:
                sentence, self._news = self._news, ""
                if not sentence:
                    return
                self._last = time.monotonic()
                try:
                    async with asyncio.timeout(PROGRESS_SECONDS):
                        await self._put(working_view(self.title, sentence, self.external_id))
                except NOT_TOLD as error:
                    log.warning("progress_not_shown", error=repr(error))

    async def show(self, view: Json) -> bool:
        """Replace the view by the outcome; False when the person closed it. Raises SlackApiError for anything else."""
        await self.end()
        return await self._put(view)

    async def _put(self, view: Json) -> bool:
        deadline = time.monotonic() + APPEAR_SECONDS
        while not self._gone:
            try:
                await self.client.views_update(
                    external_id=self.external_id, view={**view, "external_id": self.external_id}
                )
            except SlackApiError as error:
                if error.response["error"] not in GONE:
                    raise
                if self._seen or not self.pushed or time.monotonic() > deadline:
                    self._gone = True
                else:
                    await asyncio.sleep(0.2)
            else:
                self._seen = True
                return True
        return False


def new_external_id() -> str:
    """A name for a view that nobody else has."""
    return f"working-{uuid4().hex}"


Outcome = Callable[[], Awaitable[Json]]
"""Does the work and returns the view that tells the outcome."""


async def work_over_form(
    call: Call,
    ack: AsyncAck,
    *,
    pool: Pool,
    name: str,
    title: str,
    sentence: str,
    work: Outcome,
    errors: Callable[[tuple[Problem, ...]], dict[str, str]] | None = None,
) -> None:
    """Answer a submission: push a working view, do the work, show its outcome or its error with a way back.

    A person who closed the view in the meantime is told the error directly; a success needs no message.
    errors: how problems stand beside the fields of the form; a mistake of a field that shows at once is told there.
    """
    view = WorkingView(call.client, new_external_id(), title)
    at_once: asyncio.Future[UserError | None] = asyncio.get_running_loop().create_future()

    async def run() -> None:
        outcome = await work()
        if not at_once.done():
            at_once.set_result(None)
        await view.show(outcome)

    async def failed(error: BaseException) -> None:
        if not at_once.done():
            beside_field = isinstance(error, UserError) and error.field is not None
            at_once.set_result(error if isinstance(error, UserError) and beside_field else None)
            if beside_field:
                return
        if not await view.show(error_view(error, call.origin.request_id, title=title)):
            await call.tell_error(error)

    try:
        call.services.jobs.start(pool, name, run, origin=call.origin, on_error=failed)
    except UserError as error:
        await ack(response_action="push", view=error_view(error, call.origin.request_id, title=title))
        return
    if errors is not None:
        await asyncio.wait({at_once}, timeout=AT_ONCE_SECONDS)
        mistake = at_once.result() if at_once.done() else None
        if mistake is not None and mistake.field is not None:
            await ack(response_action="errors", errors=errors((Problem(mistake.field, mistake.sentence),)))
            return
    if not at_once.done():
        at_once.set_result(None)  # from here on the view tells everything
    await ack(response_action="push", view=working_view(title, sentence, view.external_id))
