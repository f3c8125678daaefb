"""Global shortcuts."""

from __future__ import annotations

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from handlers.access.request import open_request
from handlers.access.request_form import RequestForm
from handlers.call import Call, call_from
from handlers.datasets.register import open_register
from handlers.message import Json
from services.errors import UserError
from services.jobs import Pool

REGISTER, REQUEST_ACCESS = "register_dataset", "request_access"


def attach(app: AsyncApp) -> None:
    """Listen to the shortcuts of the manifest."""
    app.shortcut(REGISTER)(on_register)
    app.shortcut(REQUEST_ACCESS)(on_request_access)


async def on_register(ack: AsyncAck, body: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """ "Register dataset": the form. There is no channel, so the card comes as a direct message."""
    await ack()
    call = call_from(body, context, client)
    try:
        call.start(Pool.SLACK, "register form", open_register)
    except UserError as error:
        await call.tell_soon(error)


async def on_request_access(ack: AsyncAck, body: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """ "Request access": the form, empty."""
    await ack()
    call = call_from(body, context, client)

    async def open_form(call: Call) -> None:
        await open_request(call, RequestForm())

    try:
        call.start(Pool.SLACK, "access form", open_form)
    except UserError as error:
        await call.tell_soon(error)
