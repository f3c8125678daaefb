"""I'm done, Extend, Revoke and Review: what is pressed under access that was given. The service says who may."""

from __future__ import annotations

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from handlers import pressed
from handlers.access import buttons
from handlers.access.phrases import dataset_name, grant_phrase, quoted, subject_phrase
from handlers.access.request import open_extension
from handlers.blockkit import section
from handlers.call import Call, call_from
from handlers.message import Json
from handlers.reason_form import ReasonForm, read_reason, reason_view
from handlers.text import Mrkdwn, md
from handlers.working import done_view, work_over_form
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
    app.action(pressed.any_of(buttons.DONE))(on_done)
    app.action(pressed.any_of(buttons.EXTEND))(on_extend)
    app.action(pressed.any_of(buttons.REVOKE))(asks_why(REVOKE))
    app.action(pressed.any_of(buttons.REVIEW))(asks_why(REVIEW))
    app.view(REVOKE.callback)(on_revoke_submitted)
    app.view(REVIEW.callback)(on_review_submitted)


async def on_done(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """The holder needs it no more."""
    await ack()

    async def run(call: Call) -> None:
        grant = await call.services.access.done(call.caller.actor, pressed.value_of(action))
        said = md("Thank you. The {} access to {} ends now.", grant.level.value, dataset_name(grant.dataset))
        await pressed.tell_done(call, body, said, TITLE)
        await pressed.refresh_home(call, body)

    await pressed.start(call_from(body, context, client), body, Pool.CATALOG, "done with access", run, title=TITLE)


async def on_extend(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Keep it for longer: the form, whose request is decided like any other."""
    await ack()

    async def run(call: Call) -> None:
        await open_extension(call, await call.services.access.grant(pressed.value_of(action)))

    await pressed.start(call_from(body, context, client), body, Pool.SLACK, "extend form", run, title=TITLE)


def asks_why(form: ReasonForm) -> pressed.Listener:
    """A listener for a button that acts on a grant with a reason: asks for the reason."""

    async def on_press(
        ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        await ack()
        grant_id = pressed.value_of(action)

        async def run(call: Call) -> None:
            grant = await pressed.soon(call.services.access.grant(grant_id))
            await call.open_view(reason_view(form, grant_id, about_text(grant) if grant else Mrkdwn("")))

        await pressed.start(call_from(body, context, client), body, Pool.SLACK, form.title, run, title=form.title)

    return on_press


async def on_revoke_submitted(
    ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient
) -> None:
    """The reason was given."""
    call = call_from(body, context, client)
    grant_id, reason = read_reason(view)

    async def work() -> Json:
        grant = await call.services.access.revoke(call.caller.actor, grant_id, reason)
        await pressed.refresh_home(call, body)
        return done_view(REVOKE.title, [section(revoked_text(grant))])

    await work_over_form(
        call,
        ack,
        pool=Pool.CATALOG,
        name="revoke access",
        title=REVOKE.title,
        sentence="Revoking the access",
        work=work,
        errors=REVOKE.errors,
    )


async def on_review_submitted(
    ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient
) -> None:
    """What was found was given."""
    call = call_from(body, context, client)
    grant_id, note = read_reason(view)

    async def work() -> Json:
        grant = await call.services.access.review(call.caller.actor, grant_id, note)
        await pressed.refresh_home(call, body)
        said = md("The review of the emergency access to {} is closed.", dataset_name(grant.dataset))
        return done_view(REVIEW.title, [section(said)])

    await work_over_form(
        call,
        ack,
        pool=Pool.CATALOG,
        name="review access",
        title=REVIEW.title,
        sentence="Closing the review",
        work=work,
        errors=REVIEW.errors,
    )


def about_text(grant: Grant) -> Mrkdwn:
    """Which access it is."""
    whom, name = subject_phrase(grant.subject), dataset_name(grant.dataset)
    return md("{} has *{}* access to {}, {}.", whom, grant.level.value, name, grant_phrase(grant))


def revoked_text(grant: Grant) -> Mrkdwn:
    """What revoking led to."""
    whom, name = subject_phrase(grant.subject), dataset_name(grant.dataset)
    now = "has no access any more" if grant.status is GrantStatus.ENDED else "loses the access now"
    return md(":checkered_flag: {} {} to {}. They are told why.\n{}", whom, now, name, quoted(grant.end_note))
