"""`/datastore list`, `show`, `register`, `default`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.call import Call, Run, call_from
from handlers.datastores.datastore_view import (
    DEFAULT_ACTION,
    ask_default_message,
    default_set_message,
    list_message,
    registered_view,
    show_message,
)
from handlers.datastores.register_form import CALLBACK, REDRAWS, TITLE, DatastoreForm, register_view
from handlers.grammar import Token
from handlers.message import Json
from handlers.working import GONE, work_over_form
from services.datasets.rules import may_manage_datastores
from services.datastores.model import DatastoreKind
from services.errors import InvalidInput, UserError
from services.jobs import Pool


def bind_list(tokens: Sequence[Token]) -> Run:
    """All of them, or those whose name has the words."""
    return partial(list_datastores, text=" ".join(token.text for token in tokens))


def bind_show(tokens: Sequence[Token]) -> Run:
    """One datastore; without a name all of them."""
    name = one_name(tokens)
    return partial(show_datastore, name=name) if name else partial(list_datastores, text="")


def bind_register(tokens: Sequence[Token]) -> Run:
    """The form. Raises InvalidInput for words after the command."""
    if tokens:
        raise InvalidInput("Everything about the datastore is asked in a form: type /datastore register alone.")
    return open_register


def bind_default(tokens: Sequence[Token]) -> Run:
    """Asks whether the named one becomes the default; without a name shows the present one."""
    return partial(ask_default, name=one_name(tokens))


def one_name(tokens: Sequence[Token]) -> str:
    """The only argument, "" without one. Raises InvalidInput for more."""
    if len(tokens) > 1:
        raise InvalidInput("I expected one datastore. A name with spaces belongs in quotes.")
    return tokens[0].text if tokens else ""


async def list_datastores(call: Call, text: str) -> None:
    """The table."""
    stores = await call.services.datastores.suggest(text, 1000) if text else await call.services.datastores.all()
    share = f"/datastore list {text}".strip()
    await call.answer(list_message(stores, may_manage=manages(call)), share=share)


async def show_datastore(call: Call, name: str) -> None:
    """The card."""
    store = await call.services.datastores.show(name)
    await call.answer(show_message(store, may_manage=manages(call)))


async def open_register(call: Call) -> None:
    """The form, for those who may use it. Raises NotAllowed with who may."""
    may_manage_datastores(call.caller.actor).require()
    kinds = call.services.datastores.kinds
    await call.open_view(register_view(DatastoreForm.empty(kinds), kinds))


async def ask_default(call: Call, name: str) -> None:
    """The question, with a button that acts; or the present default."""
    stores = await call.services.datastores.all()
    present = next((each for each in stores if each.is_default), None)
    if name:
        may_manage_datastores(call.caller.actor).require()
        await call.answer(ask_default_message(await call.services.datastores.show(name), present))
    elif present is not None:
        await call.answer(show_message(present, may_manage=manages(call)))
    else:
        await call.answer(list_message(stores, may_manage=manages(call)))


def manages(call: Call) -> bool:
    """May the caller change datastores? Decides which buttons are shown; the service decides what is done."""
    return may_manage_datastores(call.caller.actor).allowed


def attach(app: AsyncApp) -> None:
    """Listen to the form and to the button that sets the default."""
    app.view(CALLBACK)(on_register)
    for action in REDRAWS:
        app.action(action)(on_redraw)
    app.action(DEFAULT_ACTION)(on_default)


async def on_redraw(ack: AsyncAck, body: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Another kind of storage or way to read it was chosen: draw the fields that it needs."""
    await ack()
    call, view = call_from(body, context, client), body["view"]
    form, kinds = DatastoreForm.parse(view), call.services.datastores.kinds

    async def draw(call: Call) -> None:
        try:
            await client.views_update(view_id=view["id"], hash=view["hash"], view=register_view(form, kinds))
        except SlackApiError as error:
            # Closed, or chosen again in the meantime: that choice draws the form itself.
            if error.response["error"] not in {*GONE, "hash_conflict"}:
                raise

    try:
        call.start(Pool.SLACK, "datastore form", draw)
    except UserError as error:
        await call.tell_soon(error)


async def on_register(ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """The form submitted: check the fields, then test the connection and register in the background."""
    call = call_from(body, context, client)
    form = DatastoreForm.parse(view)
    request = form.request(call.caller.user_id)
    if problems := call.services.datastores.problems(request):
        await ack(response_action="errors", errors=form.errors(problems))
        return

    async def work() -> Json:
        return registered_view(await call.services.datastores.register(call.caller.actor, request))

    sentence = f"Testing and registering “{request.name}”"
    await work_over_form(
        call,
        ack,
        pool=Pool.CATALOG,
        name="register datastore",
        title=TITLE,
        sentence=sentence,
        work=work,
        # A folder is looked at within a moment; Azure is not.
        errors=form.errors if request.kind is DatastoreKind.FOLDER else None,
    )


async def on_default(
    ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient
) -> None:
    """The button was confirmed."""
    await ack()
    call = call_from(body, context, client)
    name = str(action.get("value") or "")

    async def set_default(call: Call) -> None:
        store = await call.services.datastores.set_default(call.caller.actor, name)
        await call.answer(default_set_message(store))

    try:
        call.start(Pool.CATALOG, "default datastore", set_default)
    except UserError as error:
        await call.tell_soon(error)
