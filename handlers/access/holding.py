"""I'm done, Extend, Revoke and Review: what is pressed under access that was given. The service says who may."""

from __future__ import annotations

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from handlers import pressed
from handlers.access import buttons
from handlers.access.phrases import dataset_name, grant_phrase, quoted, subject_phrase
from handlers.access.request import open_extension
from handlers.call import Call, call_from
from handlers.message import Json
from handlers.reason_form import ReasonForm, asks_why, does_with_reason
from handlers.text import Mrkdwn, md
from services.access.model import Grant, GrantStatus
from services.jobs import Pool

REVOKE = ReasonForm(
    callback="access_revoke",
    title="Revoke access",
    label="Why?",
    hint="The holder reads this.",
    submit="Revoke",
)
REVIEW = ReasonForm(
    callback="access_review",
    title="Review",
    label="What did you find?",
    hint="Was the emergency real, and what was done with the access? It goes into the audit.",
    submit="Close the review",
)
TITLE = "Access"


def attach(app: AsyncApp) -> None:
    """Listen to the buttons and the forms of Revoke and Review."""
    app.action(pressed.any_of(buttons.DONE))(pressed.does("done with access", TITLE, done))
    app.action(pressed.any_of(buttons.EXTEND))(on_extend)
    app.action(pressed.any_of(buttons.REVOKE))(asks_why(REVOKE, about))
    app.action(pressed.any_of(buttons.REVIEW))(asks_why(REVIEW, about))
    app.view(REVOKE.callback)(does_with_reason(REVOKE, "Revoking the access", revoke))
    app.view(REVIEW.callback)(does_with_reason(REVIEW, "Closing the review", review))


async def done(call: Call, grant_id: str) -> Mrkdwn:
    """The holder needs it no more."""
    grant = await call.services.access.done(call.caller.actor, grant_id)
    return md("Thank you. The {} access to {} ends now.", grant.level.value, dataset_name(grant.dataset))


async def on_extend(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Keep it for longer: the form, whose request is decided like any other."""
    await ack()

    async def run(call: Call) -> None:
        await open_extension(call, await call.services.access.grant(pressed.value_of(action)))

    await pressed.start(call_from(body, context, client), body, Pool.SLACK, "extend form", run, title=TITLE)


async def about(call: Call, grant_id: str) -> Mrkdwn:
    """Which access it is."""
    return about_text(await call.services.access.grant(grant_id))


async def revoke(call: Call, grant_id: str, reason: str) -> Mrkdwn:
    """Revoked, and why."""
    return revoked_text(await call.services.access.revoke(call.caller.actor, grant_id, reason))


async def review(call: Call, grant_id: str, note: str) -> Mrkdwn:
    """What was found was given."""
    grant = await call.services.access.review(call.caller.actor, grant_id, note)
    return md("The review of the emergency access to {} is closed.", dataset_name(grant.dataset))


def about_text(grant: Grant) -> Mrkdwn:
    """Which access it is."""
    whom, name = subject_phrase(grant.subject), dataset_name(grant.dataset)
    return md("{} has *{}* access to {}, {}.", whom, grant.level.value, name, grant_phrase(grant))


def revoked_text(grant: Grant) -> Mrkdwn:
    """What revoking led to."""
    whom, name = subject_phrase(grant.subject), dataset_name(grant.dataset)
    now = "has no access any more" if grant.status is GrantStatus.ENDED else "loses the access now"
    return md(":checkered_flag: {} {} to {}. They are told why.\n{}", whom, now, name, quoted(grant.end_note))
