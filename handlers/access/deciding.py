"""Approve, Deny, Cancel and Retry: what is pressed under a request. The service says who may.

The copies of a request are drawn anew by what the change itself writes down, so a press is answered with a sentence
for the person who pressed, and nothing here touches the message.
"""

from __future__ import annotations

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from handlers import pressed
from handlers.access import buttons, card_view
from handlers.access.phrases import dataset_name, subject_phrase, wish_phrase
from handlers.blockkit import section
from handlers.call import Call, call_from
from handlers.message import Json
from handlers.reason_form import ReasonForm, read_reason, reason_view
from handlers.text import Mrkdwn, md
from handlers.working import done_view, work_over_form
from services.access.model import AccessRequest, RequestStatus
from services.jobs import Pool

DENY = ReasonForm(
    callback="access_deny",
    title="Deny",
    label="Why not?",
    hint="The requester reads this. Say what they could ask for instead.",
    submit="Deny",
)
TITLE = "Access"


def attach(app: AsyncApp) -> None:
    """Listen to the buttons and the form of Deny."""
    app.action(pressed.any_of(buttons.APPROVE))(on_approve)
    app.action(pressed.any_of(buttons.DENY))(on_deny)
    app.action(pressed.any_of(buttons.CANCEL))(on_cancel)
    app.action(pressed.any_of(buttons.RETRY))(on_retry)
    app.action(pressed.any_of(buttons.DECIDE))(on_decide)
    app.view(DENY.callback)(on_deny_submitted)


async def on_approve(
    ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient
) -> None:
    """Approve was pressed and confirmed."""
    await ack()

    async def run(call: Call) -> None:
        request = await call.services.access.approve(call.caller.actor, pressed.value_of(action))
        await pressed.tell_done(call, body, approved_text(request), TITLE)
        await pressed.refresh_home(call, body)

    await pressed.start(call_from(body, context, client), body, Pool.CATALOG, "approve", run, title=TITLE)


async def on_deny(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Deny was pressed: ask for the reason."""
    await ack()
    request_id = pressed.value_of(action)

    async def run(call: Call) -> None:
        card = await pressed.soon(call.services.access.card(request_id))
        about = wish_phrase(card.request) if card is not None else Mrkdwn("")
        await call.open_view(reason_view(DENY, request_id, about))

    await pressed.start(call_from(body, context, client), body, Pool.SLACK, "deny form", run, title=TITLE)


async def on_deny_submitted(
    ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient
) -> None:
    """The reason was given."""
    call = call_from(body, context, client)
    request_id, reason = read_reason(view)

    async def work() -> Json:
        request = await call.services.access.deny(call.caller.actor, request_id, reason)
        await pressed.refresh_home(call, body)
        return done_view(DENY.title, [section(denied_text(request))])

    await work_over_form(
        call,
        ack,
        pool=Pool.CATALOG,
        name="deny",
        title=DENY.title,
        sentence="Denying the request",
        work=work,
        errors=DENY.errors,
    )


async def on_cancel(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """The requester takes it back."""
    await ack()

    async def run(call: Call) -> None:
        request = await call.services.access.cancel(call.caller.actor, pressed.value_of(action))
        said = md(
            "You took back the request for access to {}. Nobody is asked any more.", dataset_name(request.dataset)
        )
        await pressed.tell_done(call, body, said, TITLE)
        await pressed.refresh_home(call, body)

    await pressed.start(call_from(body, context, client), body, Pool.CATALOG, "cancel request", run, title=TITLE)


async def on_retry(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Giving it failed: once more."""
    await ack()

    async def run(call: Call) -> None:
        request = await call.services.access.retry(call.caller.actor, pressed.value_of(action))
        said = md(
            "I try again to give access to {}. The message above says how it goes.", dataset_name(request.dataset)
        )
        await pressed.tell_done(call, body, said, TITLE)
        await pressed.refresh_home(call, body)

    await pressed.start(call_from(body, context, client), body, Pool.CATALOG, "retry access", run, title=TITLE)


async def on_decide(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """ "Decide…" in the Home: the card as a modal."""
    await ack()

    async def run(call: Call) -> None:
        card = await call.services.access.card(pressed.value_of(action))
        await call.open_view(card_view.decide_view(card))

    await pressed.start(call_from(body, context, client), body, Pool.SLACK, "decide", run, title=TITLE)


def approved_text(request: AccessRequest) -> Mrkdwn:
    """What an approval led to."""
    whom, name = subject_phrase(request.subject), dataset_name(request.dataset)
    if request.status is RequestStatus.PENDING:
        return md(":ballot_box_with_check: Your approval counts. {} gets {} once others approve too.", whom, name)
    return md(":white_check_mark: Approved: {} gets access to {}. The requester is told.", whom, name)


def denied_text(request: AccessRequest) -> Mrkdwn:
    """What a denial led to."""
    whom, name = subject_phrase(request.subject), dataset_name(request.dataset)
    return md(":no_entry: Denied: {} gets no access to {}. The requester is told why.", whom, name)
