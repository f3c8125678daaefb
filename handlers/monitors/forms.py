"""Listeners of the form of a monitor: opening it, redrawing it, previewing it, and its submission."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers import pressed
from handlers.blockkit import actions, section
from handlers.call import Call, call_from
from handlers.datasets.naming import name_of_key
from handlers.datasets.owners import require_member
from handlers.datasets.refs import REFINE, chosen_key, dataset_options
from handlers.errors import error_view
from handlers.message import Json
from handlers.monitors import buttons
from handlers.monitors.form import MonitorForm, shown_fields
from handlers.monitors.form_view import (
    BACKTEST_TITLE,
    CALLBACK,
    CHANGES,
    COPY_CALLBACK,
    COPY_DATASET,
    MORE,
    PREVIEW,
    TIMEZONE,
    TITLES,
    backtest_view,
    copy_view,
    form_view,
    zone_options,
)
from handlers.monitors.phrases import baseline_phrase, name_of, schedule_phrase
from handlers.sharing import CHANNEL_SHARED
from handlers.text import channel_mention, lines, md, mention
from handlers.working import GONE, WorkingView, done_view, new_external_id, work_over_form, working_view
from services.datasets.model import Problem
from services.errors import InvalidInput, NotAllowed
from services.jobs import Pool
from services.monitors.drafts import explained
from services.monitors.model import Monitor, MonitorDraft

_DATA_SECONDS = 600.0
_SHARED = "This channel is shared with another organisation, which would read what your data look like. Choose another."
_UNSEEN = "I cannot see this channel. Type /invite in it and name me, or choose another one."


def attach(app: AsyncApp) -> None:
    """Listen to the form."""
    app.action(pressed.any_of(buttons.CREATE))(on_create)
    app.action(pressed.any_of(buttons.EDIT))(on_edit)
    app.action(pressed.any_of(buttons.COPY))(on_copy)
    app.action(re.compile(CHANGES))(on_change)
    app.action(PREVIEW)(on_preview)
    app.options(TIMEZONE)(on_suggest_timezone)
    app.options(COPY_DATASET)(on_suggest_dataset)
    app.view(CALLBACK)(on_submit)
    app.view(COPY_CALLBACK)(on_copy_submitted)


async def open_new(call: Call, dataset: str) -> None:
    """The form of a new monitor, filled in with what is sensible. Raises NotFound."""
    channel = call.reply.channel_id

    async def made() -> Json:
        filled = await call.services.monitors.form(
            call.caller.actor, dataset, channel=channel if channel[:1] in {"C", "G"} else "", timezone=call.caller.tz
        )
        latest = (await call.services.datasets.show(filled.draft.dataset)).version.version
        return form_view(MonitorForm.of(filled.draft, latest), filled.explained)

    await pressed.open_made(call, TITLES[True], made)


async def on_create(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """New monitor was pressed."""
    await ack()

    async def run(call: Call) -> None:
        await open_new(call, await name_of_key(pressed.value_of(action), call.services.datasets))

    await pressed.start(call_from(body, context, client), body, Pool.SLACK, "monitor form", run, title=TITLES[True])


async def on_edit(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Edit was pressed."""
    await ack()

    async def run(call: Call) -> None:
        async def made() -> Json:
            monitor = (await call.services.monitors.monitor(call.caller.actor, pressed.value_of(action))).monitor
            latest = (await call.services.datasets.show(monitor.dataset)).version.version
            form = MonitorForm.of(monitor.draft, latest, monitor_id=monitor.id, revision=monitor.revision)
            return form_view(replace(form, shows_all=True), {})

        await pressed.open_made(call, TITLES[False], made)

    await pressed.start(call_from(body, context, client), body, Pool.SLACK, "monitor form", run, title=TITLES[False])


async def on_copy(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Duplicate was pressed: to which dataset?"""
    await ack()

    async def run(call: Call) -> None:
        async def made() -> Json:
            card = await call.services.monitors.monitor(call.caller.actor, pressed.value_of(action))
            return copy_view(card.monitor.id, card.monitor.label)

        await pressed.open_made(call, "Duplicate monitor", made)

    await pressed.start(call_from(body, context, client), body, Pool.SLACK, "copy of a monitor", run, title="Duplicate")


async def on_change(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """A choice that shows or hides fields, or More settings: the form drawn anew with all that was typed."""
    await ack()
    view = body["view"]

    async def run(call: Call) -> None:
        form = MonitorForm.parse(view)
        if action["action_id"] == MORE:
            form = replace(form, shows_all=True)
        await _redraw(call, view, form)

    await pressed.start(call_from(body, context, client), body, Pool.SLACK, "monitor form", run, title=TITLES[True])


async def on_preview(ack: AsyncAck, body: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """What the monitor would have done, over the form."""
    await ack()
    form = MonitorForm.parse(body["view"])

    async def run(call: Call) -> None:
        shown = WorkingView(call.client, new_external_id(), BACKTEST_TITLE, pushed=False)
        sentence = f"Comparing the versions of “{form.draft.dataset}”"
        await call.open_view({**working_view(BACKTEST_TITLE, sentence, shown.external_id), "clear_on_close": False})

        async def work() -> None:
            draft = _read(form, call)
            result = await call.services.monitors.preview(call.caller.actor, draft, shown.progress)
            await shown.show(backtest_view(form.draft.dataset, result))

        async def failed(error: BaseException) -> None:
            if not await shown.show(error_view(error, call.origin.request_id, title=BACKTEST_TITLE)):
                await call.tell_error(error)

        call.services.jobs.start(
            Pool.DATA, "backtest of a monitor", work, origin=call.origin, on_error=failed, seconds=_DATA_SECONDS
        )

    await pressed.start(call_from(body, context, client), body, Pool.SLACK, "backtest", run, title=BACKTEST_TITLE)


async def on_submit(ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """The form submitted: problems beside their fields, else save it and say what happens next."""
    call, shown = call_from(body, context, client), shown_fields(view)
    try:
        form = MonitorForm.parse(view)
    except InvalidInput as error:
        await ack(response_action="errors", errors={"schedule": error.sentence})
        return
    draft, found = form.wish(call.caller.user_id, datetime.now(UTC))
    problems: Sequence[Problem] = found
    if problems:
        await ack(response_action="errors", errors=form.errors(problems, shown))
        return

    async def work() -> Json:
        monitors = call.services.monitors
        await _check_people_and_places(call, draft)
        if form.is_new:
            monitor = await monitors.create(call.caller.actor, draft)
        else:
            monitor = await monitors.edit(call.caller.actor, form.monitor_id, draft, form.revision)
        return saved_view(monitor, form.is_new)

    await work_over_form(
        call,
        ack,
        pool=Pool.CATALOG,
        name="save a monitor",
        title=TITLES[form.is_new],
        sentence=f"Saving the monitor of “{draft.dataset}”",
        work=work,
        errors=lambda found: form.errors(found, shown),
    )


async def on_copy_submitted(
    ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient
) -> None:
    """The dataset to duplicate to was chosen."""
    call = call_from(body, context, client)
    key, monitor_id = chosen_key(view, "dataset", COPY_DATASET), str(view.get("private_metadata") or "")
    if not key or key == REFINE:
        await ack(response_action="errors", errors={"dataset": "Type more of the name and choose a dataset."})
        return

    async def work() -> Json:
        name = await name_of_key(key, call.services.datasets)
        return saved_view(await call.services.monitors.duplicate(call.caller.actor, monitor_id, name), True)

    await work_over_form(
        call,
        ack,
        pool=Pool.CATALOG,
        name="duplicate a monitor",
        title="Duplicate monitor",
        sentence="Duplicating the monitor",
        work=work,
        errors=lambda found: {"dataset": " ".join(problem.sentence for problem in found)},
    )


async def on_suggest_timezone(ack: AsyncAck, body: Json) -> None:
    """Type-ahead over time zones."""
    await ack(options=zone_options(str(body.get("value") or "")))


async def on_suggest_dataset(ack: AsyncAck, body: Json, context: AsyncBoltContext) -> None:
    """Type-ahead over the datasets, from the local index."""
    await ack(options=await dataset_options(context["services"], str(body.get("value") or "")))


def saved_view(monitor: Monitor, is_new: bool) -> Json:
    """What was saved, and what comes of it."""
    draft = monitor.draft
    first = draft.destinations[0].to if draft.destinations else ""
    where = channel_mention(first) if first[:1] in {"C", "G", "D"} else md("a direct message to {}", mention(first))
    head = "It watches {} now." if is_new else "The monitor of {} is changed."
    said = lines(
        [
            md(":satellite_antenna: " + head, name_of(monitor.label)),
            md("The latest version is compared with {}.", baseline_phrase(draft)),
            md("It runs {}.", schedule_phrase(draft)),
            md("What moves is told in {}.", where),
        ]
    )
    row = [button for button in buttons.monitor_buttons(monitor) if button["action_id"] in {buttons.RUN, buttons.EDIT}]
    return done_view(TITLES[is_new], [section(said), actions(row)])


async def _check_people_and_places(call: Call, draft: MonitorDraft) -> None:
    """Raises InvalidInput for a place that I cannot see or that strangers read, and for somebody who is no member."""
    if draft.mention:
        await require_member(call.client, draft.mention, to="be mentioned by a monitor", field="mention")
    for number, place in enumerate(draft.destinations):
        if place.to.startswith(("C", "G")):
            try:
                await call.shared_channels.require_internal(call.client, place.to)
            except NotAllowed as error:
                shared = error.code == CHANNEL_SHARED
                raise InvalidInput(_SHARED if shared else _UNSEEN, field="brief" if number else "channel") from error


def _read(form: MonitorForm, call: Call) -> MonitorDraft:
    draft, problems = form.wish(call.caller.user_id, datetime.now(UTC))
    for problem in problems:
        raise InvalidInput(problem.sentence, field=problem.field)
    return draft


async def _redraw(call: Call, view: Json, form: MonitorForm) -> None:
    """Draw the form again; one that changed in between is drawn by that change, a closed one is left alone."""
    try:
        await call.client.views_update(
            view_id=view["id"],
            hash=view.get("hash"),
            view=form_view(form, explained(form.draft) if form.is_new else {}),
        )
    except SlackApiError as error:
        if error.response["error"] not in GONE | {"hash_conflict"}:
            raise
