"""`/dataset register`: opening the form, changing it while it is filled, and its submission."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from uuid import uuid4

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from handlers.blockkit import OPTION_VALUE, option
from handlers.call import Call, Run, call_from
from handlers.datasets.column_types import ColumnTypes
from handlers.datasets.open_forms import OpenForms
from handlers.datasets.register_current import completed, existing_soon, next_version_of, own_default, settled
from handlers.datasets.register_form import RegisterForm
from handlers.datasets.register_job import register_payload, start_register
from handlers.datasets.register_view import CALLBACK, TITLE, action_of, found_lines, register_view
from handlers.errors import error_message, error_view
from handlers.grammar import Token, dataset_ref
from handlers.message import Json
from handlers.packed import unpack
from handlers.text import md, told
from handlers.working import working_view
from services.errors import UserError
from services.jobs import Pool

CHANGES = re.compile(r"^register:(name|type|source|open_dataset|format|delimiter)$")
AGAIN = "register:again"
CHECK_SECONDS = 120.0


def bind_register(tokens: Sequence[Token]) -> Run:
    """`/dataset register [name]`. Whatever was typed is put into the form, where its problem is told."""
    typed = dataset_ref(tokens[0]).name if len(tokens) == 1 else " ".join(token.text for token in tokens)
    return partial(open_register, name=typed)


async def open_register(call: Call, name: str = "", form: RegisterForm | None = None) -> None:
    """Open the form, with a name or with all that was typed before.

    The name of an existing dataset fills in all of its latest version: registering what is there now is two clicks.
    """
    datasets = call.services.datasets
    datasets.expect_reading()
    if form is None:
        default, card = await asyncio.gather(_default_datastore(call), existing_soon(datasets, name))
        form = RegisterForm(
            name=name.strip(),
            owner=call.caller.user_id,
            filled=own_default(call.caller.user_id),
            datastore=default,
            channel=call.reply.channel_id,
            thread_ts=call.reply.thread_ts or "",
        )
        if card is not None:
            form = next_version_of(card, form)
    form, check = await settled(datasets, replace(form, in_azure=not datasets.workspace.is_local))
    await call.open_view(register_view(form, check))


async def _default_datastore(call: Call) -> str:
    stores = await call.services.datastores.soon("", 1)
    return next((each.name for each in stores if each.is_default and len(each.name) <= OPTION_VALUE), "")


class RegisterForms:
    """The listeners of the form. They share what is open now."""

    def __init__(self) -> None:
        self._open = OpenForms()
        self._columns = ColumnTypes(self._open)

    def attach(self, app: AsyncApp) -> None:
        """Listen to the form."""
        app.action(CHANGES)(self.on_change)
        app.action(action_of("check"))(self.on_check)
        app.action(AGAIN)(on_again)
        app.options(action_of("datastore"))(on_suggest_datastore)
        app.view(CALLBACK)(on_submit)
        self._columns.attach(app)

    async def on_change(self, ack: AsyncAck, body: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
        """A choice that changes which fields there are, or Enter in the name: draw the form anew."""
        await ack()
        call, view_id, form = self._seen(body, context, client)

        async def draw(call: Call) -> None:
            await self._open.change(client, call.services.datasets, view_id, lambda each: each, form)

        await start_or_tell(call, Pool.SLACK, "register form", draw)

    async def on_check(self, ack: AsyncAck, body: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
        """ "Check what it matches": look at the source, say so in the form, then say what was found."""
        await ack()
        call, view_id, form = self._seen(body, context, client)
        datasets = call.services.datasets
        change = partial(self._open.change, client, datasets, view_id, fallback=form)

        async def look(call: Call) -> None:
            await change(lambda each: replace(each, checking=True))
            definition = form.definition()
            found = found_lines(
                form, await datasets.inspect(definition, guess=definition.format is None, actor=call.caller.actor)
            )
            await change(lambda each: replace(each, checking=False, checked=found))

        async def failed(error: BaseException) -> None:
            found = md(":warning: {}", told(error_message(error, call.origin.request_id).text))
            await change(lambda each: replace(each, checking=False, checked=found))

        try:
            call.services.jobs.start(
                Pool.DATA,
                "check source",
                partial(look, call),
                origin=call.origin,
                on_error=failed,
                seconds=CHECK_SECONDS,
            )
        except UserError as error:
            await failed(error)

    def _seen(self, body: Json, context: AsyncBoltContext, client: AsyncWebClient) -> tuple[Call, str, RegisterForm]:
        view = body["view"]
        form = RegisterForm.parse(view)
        self._open.saw(view["id"], view["hash"], form)
        return call_from(body, context, client), view["id"], form


async def start_or_tell(call: Call, pool: Pool, name: str, run: Run) -> None:
    """Run in the background; when there is no room, tell the person so."""
    try:
        call.start(pool, name, run)
    except UserError as error:
        await call.tell_soon(error)


async def on_submit(ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """The form submitted: check the fields, acknowledge, register in the background."""
    call = call_from(body, context, client)
    form = RegisterForm.parse(view)
    request, unreadable = (await completed(call.services.datasets, form)).read(call.caller.user_id)
    problems = (*unreadable, *await call.services.datasets.problems(request))
    if not problems:
        problems = await call.services.datasets.seen_problems(request)
    if problems:
        await ack(response_action="errors", errors=form.errors(problems))
        return
    external_id = f"register-{hashlib.sha256((call.origin.delivery or uuid4().hex).encode()).hexdigest()[:40]}"
    origin = replace(call.origin, channel_id=form.channel, summary=f"registering “{request.name}”")
    try:
        await start_register(
            call.services.jobs, register_payload(request, form, external_id, view_id=view["id"]), origin
        )
    except UserError as error:
        await ack(response_action="push", view=error_view(error, call.origin.request_id, title=TITLE))
        return
    await ack(response_action="push", view=working_view(TITLE, f"Registering “{request.name}”", external_id))


async def on_again(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """ "Try again" under a registration that failed after its form was closed: the form, filled as it was."""
    await ack()
    call = call_from(body, context, client)
    me = call.caller.user_id
    form = replace(
        RegisterForm.from_values(unpack(str(action.get("value") or ""))), owner=me, filled=own_default(me), fills=0
    )
    await start_or_tell(call, Pool.SLACK, "register form", partial(open_register, form=form))


async def on_suggest_datastore(ack: AsyncAck, body: Json, context: AsyncBoltContext) -> None:
    """Type-ahead over the datastores."""
    stores = await context["services"].datastores.soon(str(body.get("value") or ""))
    await ack(
        options=[
            option(each.name, each.name, f"{'default · ' if each.is_default else ''}{each.location}")
            for each in stores
            if len(each.name) <= OPTION_VALUE
        ]
    )
