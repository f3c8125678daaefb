"""A modal that asks for one text: why a request is denied, why access is revoked, what a review found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from slack_bolt.async_app import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from handlers import pressed
from handlers.blockkit import input_block, modal, section, text_input
from handlers.call import Call, call_from
from handlers.message import Json
from handlers.packed import pack, unpack
from handlers.text import Mrkdwn
from handlers.view_state import ViewState
from handlers.working import done_view, work_over_form
from services.access.offer import REASON_LIMIT
from services.datasets.model import Problem
from services.jobs import Pool

REASON = "reason"

About = Callable[[Call, str], Awaitable[Mrkdwn]]
"""What a form is about, by its id."""

DoWithReason = Callable[[Call, str, str], Awaitable[Mrkdwn]]
"""Does it to the thing of this id, with the reason; returns what is told of it."""


@dataclass(frozen=True, slots=True)
class ReasonForm:
    """Its words. callback: the view's id."""

    callback: str
    title: str
    label: str
    hint: str
    submit: str

    def errors(self, problems: tuple[Problem, ...]) -> dict[str, str]:
        """Every problem stands beside the only field."""
        return {REASON: " ".join(dict.fromkeys(problem.sentence for problem in problems))}


def reason_view(form: ReasonForm, about_id: str, about: Mrkdwn) -> Json:
    """The modal. about_id: of the request or grant. about: what it is about, "" when it was not known in time."""
    text = text_input("reason_text", multiline=True, max_length=REASON_LIMIT, focus=True)
    blocks = [section(about)] if about else []
    blocks.append(input_block(REASON, form.label, text, hint=form.hint))
    return modal(form.callback, form.title, blocks, submit=form.submit, private_metadata=pack({"id": about_id}))


def read_reason(view: Json) -> tuple[str, str]:
    """The id, never trusted, and the text."""
    kept = unpack(str(view.get("private_metadata") or ""))
    return str(kept.get("id") or ""), ViewState.of(view).text(REASON).strip()


def asks_why(form: ReasonForm, about: About) -> pressed.Listener:
    """A listener for the button that opens the form; what it is about stands above where that is known in time."""

    async def on_press(
        ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        await ack()
        about_id = pressed.value_of(action)

        async def run(call: Call) -> None:
            known = await pressed.soon(about(call, about_id))
            await call.open_view(reason_view(form, about_id, known or Mrkdwn("")))

        await pressed.start(call_from(body, context, client), body, Pool.SLACK, form.title, run, title=form.title)

    return on_press


def does_with_reason(form: ReasonForm, sentence: str, do: DoWithReason) -> pressed.Listener:
    """A listener for the form, submitted. sentence: what is being done."""

    async def on_submit(
        ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        call = call_from(body, context, client)
        about_id, reason = read_reason(view)

        async def work() -> Json:
            said = await do(call, about_id, reason)
            await pressed.refresh_home(call, body)
            return done_view(form.title, [section(said)])

        await work_over_form(
            call,
            ack,
            pool=Pool.CATALOG,
            name=form.title,
            title=form.title,
            sentence=sentence,
            work=work,
            errors=form.errors,
        )

    return on_submit
