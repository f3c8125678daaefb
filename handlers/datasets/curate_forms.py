"""The forms of curation: opened with what is there, submitted with what should be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.blockkit import section
from handlers.call import Call, call_from
from handlers.datasets.curate_view import (
    DEPRECATE_FORM,
    DESCRIBE_FORM,
    DESCRIPTION,
    OWNER,
    OWNER_FORM,
    REASON,
    REPLACED_BY,
    TAGS,
    TAGS_FORM,
    TITLES,
    deprecate_form,
    deprecated_text,
    describe_form,
    described_text,
    digest,
    editable_tags,
    loading_view,
    owner_form,
    owner_text,
    tags_changed_text,
    tags_digest,
    tags_form,
)
from handlers.datasets.naming import name_of_key
from handlers.datasets.owners import require_member
from handlers.datasets.refs import REFINE
from handlers.errors import error_view
from handlers.message import Json
from handlers.packed import unpack
from handlers.text import Mrkdwn
from handlers.view_state import ViewState
from handlers.working import GONE, done_view, work_over_form
from services.actor import Actor
from services.datasets.model import Dataset, DatasetCard
from services.datasets.names import parse_tags
from services.datasets.rules import Permission, may_curate, may_take_ownership
from services.errors import Conflict, InvalidInput, UserError
from services.jobs import Pool


async def open_tags(call: Call, name: str) -> None:
    """All tags of a dataset as text."""
    await open_with(call, name, TITLES[TAGS_FORM], tags_form)


async def open_describe(call: Call, name: str) -> None:
    """The description."""
    await open_with(call, name, TITLES[DESCRIBE_FORM], describe_form)


async def open_deprecate(call: Call, name: str) -> None:
    """What replaces it, and why."""
    await open_with(call, name, TITLES[DEPRECATE_FORM], deprecate_form)


async def open_owner(call: Call, name: str) -> None:
    """Who answers for it."""

    def allowed(actor: Actor, dataset: Dataset) -> Permission:
        return may_take_ownership(actor, dataset, actor.user_id)  # themselves at least

    await open_with(call, name, TITLES[OWNER_FORM], owner_form, allowed)


async def open_with(
    call: Call,
    name: str,
    title: str,
    build: Callable[[Dataset], Json],
    allowed: Callable[[Actor, Dataset], Permission] = may_curate,
) -> None:
    """Open at once, then show the form for the dataset, or what kept it from being shown.

    allowed: whoever may not save it is told so before typing anything.
    """

    def form(card: DatasetCard) -> Json:
        allowed(call.caller.actor, card.dataset).require()
        return build(card.dataset)

    await open_with_card(call, name, title, form)


async def open_with_card(call: Call, name: str, title: str, build: Callable[[DatasetCard], Json]) -> None:
    """The same for views that tell of the latest version as well."""
    view_id = await call.open_view(loading_view(title))
    try:
        view = build(await call.services.datasets.show(name))
    except UserError as error:
        view = error_view(error, call.origin.request_id, title=title)
    try:
        await call.client.views_update(view_id=view_id, view=view)
    except SlackApiError as error:
        if error.response["error"] not in GONE:
            raise


def attach(app: AsyncApp) -> None:
    """Listen to the forms."""
    app.view(TAGS_FORM)(on_tags)
    app.view(DESCRIBE_FORM)(on_describe)
    app.view(DEPRECATE_FORM)(on_deprecate)
    app.view(OWNER_FORM)(on_owner)


async def on_tags(ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Tags submitted: those that differ from what was shown are set or removed."""
    call = call_from(body, context, client)
    name, seen = remembered(view)
    try:
        typed = dict(parse_tags(ViewState.of(view).text(TAGS)))
    except InvalidInput as error:
        await ack(response_action="errors", errors={TAGS: error.sentence})
        return

    async def change() -> Mrkdwn:
        datasets = call.services.datasets
        present = (await datasets.show(name)).dataset
        if tags_digest(present) != seen:
            raise _changed_meanwhile(name, "tags", ", ".join(f"{k}={v}" for k, v in present.tags))
        shown = dict(editable_tags(present))
        put = tuple((key, value) for key, value in typed.items() if shown.get(key) != value)
        remove = tuple(key for key in shown if key not in typed)
        if put or remove:
            present = await datasets.change_tags(call.caller.actor, name, put, remove)
        return tags_changed_text(present, put, remove)

    await _save(call, ack, TITLES[TAGS_FORM], f"Changing the tags of “{name}”", change)


async def on_describe(ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """A description submitted."""
    call = call_from(body, context, client)
    name, seen = remembered(view)
    text = ViewState.of(view).text(DESCRIPTION).strip()

    async def change() -> Mrkdwn:
        datasets = call.services.datasets
        present = (await datasets.show(name)).dataset
        if digest(present.description) != seen:
            raise _changed_meanwhile(name, "description", present.description)
        return described_text(await datasets.describe(call.caller.actor, name, text))

    await _save(call, ack, TITLES[DESCRIBE_FORM], f"Describing “{name}”", change)


async def on_deprecate(
    ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient
) -> None:
    """A deprecation submitted."""
    call = call_from(body, context, client)
    name, _ = remembered(view)
    state = ViewState.of(view)
    key, reason = state.choice(REPLACED_BY), state.text(REASON).strip()
    if key == REFINE:
        await ack(response_action="errors", errors={REPLACED_BY: "Type more of the name and choose a dataset."})
        return

    async def change() -> Mrkdwn:
        datasets, actor = call.services.datasets, call.caller.actor
        replacement = await name_of_key(key, datasets) if key else ""
        dataset = await datasets.deprecate(actor, name, replacement, reason)
        return deprecated_text(dataset)

    await _save(call, ack, TITLES[DEPRECATE_FORM], f"Deprecating “{name}”", change)


async def on_owner(ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """An owner submitted."""
    call = call_from(body, context, client)
    name, seen = remembered(view)
    owner = ViewState.of(view).user(OWNER)

    async def change() -> Mrkdwn:
        datasets = call.services.datasets
        present = (await datasets.show(name)).dataset
        if present.owner != seen:
            raise Conflict(
                f"Somebody changed the owner of “{name}” while the form was open. "
                "Close it and open it again to see who it is now."
            )
        if owner and owner != call.caller.user_id:
            await require_member(call.client, owner)
        return owner_text(await datasets.set_owner(call.caller.actor, name, owner))

    await _save(call, ack, TITLES[OWNER_FORM], f"Changing the owner of “{name}”", change)


def remembered(view: Json) -> tuple[str, str]:
    """The dataset's name and a digest of what the form showed."""
    value = unpack(str(view.get("private_metadata") or ""))
    return str(value.get("name") or ""), str(value.get("seen") or "")


async def _save(call: Call, ack: AsyncAck, title: str, sentence: str, change: Callable[[], Awaitable[Mrkdwn]]) -> None:
    async def work() -> Json:
        return done_view(title, [section(await change())])

    await work_over_form(call, ack, pool=Pool.CATALOG, name=title, title=title, sentence=sentence, work=work)


def _changed_meanwhile(name: str, what: str, now: str) -> Conflict:
    cut = now if len(now) <= 300 else now[:299] + "…"
    said = f"Now there is: {cut}" if now else "Now there is nothing."
    return Conflict(
        f"Somebody changed the {what} of “{name}” while the form was open. {said} "
        "Copy what you typed, close the form and open it again."
    )
