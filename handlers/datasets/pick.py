"""Menus that stand for commands: choose a row or an entry, and the command runs.

See `naming.pick_option` for what an option's value holds. It is read like typed text and authorised like it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from handlers import commands
from handlers.call import call_from
from handlers.commands import CommandTable
from handlers.datasets.naming import dataset_word, name_of_key, picked_command
from handlers.message import Json
from services.errors import UserError

ACTION = re.compile(r"^pick(:|$)")


def attach_to(table: CommandTable) -> Callable[[AsyncApp], None]:
    """Listen to the menus; what they stand for is read by the table."""

    async def on_pick(
        ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Somebody chose an entry of a menu."""
        await ack()
        call = call_from(body, context, client)
        try:
            picked = picked_command(str((action.get("selected_option") or {}).get("value") or ""))
            if picked is None:
                raise UserError(
                    "This menu belongs to an older message. Please type the command again.", code="old_menu"
                )
            verb, key, version, rest = picked
            name = await name_of_key(key, call.services.datasets)
            bound = table.read("/dataset", f"{verb} {dataset_word(name, version)} {rest}".rstrip())
            if bound.message is not None:
                await call.answer_soon(bound.message)
            else:
                commands.start(call, bound)
        except UserError as error:
            await call.tell_soon(error)

    def attach(app: AsyncApp) -> None:
        app.action(ACTION)(on_pick)

    return attach
