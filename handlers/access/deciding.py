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
from handlers.call import Call, call_from
from handlers.message import Json
from handlers.reason_form import ReasonForm, asks_why, does_with_reason
from handlers.text import Mrkdwn, md
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
    app.action(pressed.any_of(buttons.APPROVE))(pressed.does("approve", TITLE, approve))
    app.action(pressed.any_of(buttons.DENY))(asks_why(DENY, about))
    app.action(pressed.any_of(buttons.CANCEL))(pressed.does("cancel request", TITLE, cancel))
    app.action(pressed.any_of(buttons.RETRY))(pressed.does("retry access", TITLE, retry))
    app.action(pressed.any_of(buttons.DECIDE))(on_decide)
    app.view(DENY.callback)(does_with_reason(DENY, "Denying the request", deny))


async def approve(call: Call, request_id: str) -> Mrkdwn:
    """Approve was pressed and confirmed."""
    return approved_text(await call.services.access.approve(call.caller.actor, request_id))


async def about(call: Call, request_id: str) -> Mrkdwn:
    """Which request it is."""
    return wish_phrase((await call.services.access.card(request_id)).request)


async def deny(call: Call, request_id: str, reason: str) -> Mrkdwn:
    """Denied, and why."""
    return denied_text(await call.services.access.deny(call.caller.actor, request_id, reason))


async def cancel(call: Call, request_id: str) -> Mrkdwn:
    """The requester takes it back."""
    request = await call.services.access.cancel(call.caller.actor, request_id)
    return md("You took back the request for access to {}. Nobody is asked any more.", dataset_name(request.dataset))


async def retry(call: Call, request_id: str) -> Mrkdwn:
    """Giving it failed: once more."""
    request = await call.services.access.retry(call.caller.actor, request_id)
    return md("I try again to give access to {}. The message above says how it goes.", dataset_name(request.dataset))


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
