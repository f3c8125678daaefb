"""The modal that asks which two versions of a dataset to compare."""

from __future__ import annotations

import re
from collections.abc import Callable

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from handlers import commands
from handlers.blockkit import OPTIONS, input_block, modal, option, section, type_ahead
from handlers.call import Call, Run, call_from
from handlers.commands import CommandTable
from handlers.context import Services
from handlers.datasets.naming import dataset_word
from handlers.datasets.refs import ReturnAddress, chosen_key, return_address
from handlers.message import Json, Message
from handlers.text import code, md
from services.datasets.service import DatasetService
from services.errors import NotFound, UserError

CALLBACK = "which_versions"
BEFORE = "before"
AFTER = "after"
CHOICE = "version_choice"
_CHOICES = re.compile(rf"^{CHOICE}:")


def ask_for_versions(name: str) -> Run:
    """A run that asks for two versions of the dataset, then compares them."""

    async def run(call: Call) -> None:
        latest = await latest_version(call.services.datasets, name)
        if latest == 1:
            sentence = md("{} has only one version, so there is nothing to compare yet.", code(name))
            await call.answer(Message(text="Only one version", blocks=(section(sentence),)))
            return
        await call.open_view(build(ReturnAddress.of(call, "diff", name), latest))

    return run


async def latest_version(datasets: DatasetService, name: str) -> int:
    """The newest version's number, from the local index. Raises NotFound."""
    check = await datasets.check_name(name)
    if not check.exists:
        raise NotFound(f"There is no dataset called “{name}”. List the datasets to see what there is.")
    return check.next_version - 1


def build(address: ReturnAddress, latest: int) -> Json:
    """The modal, the latest two chosen."""
    return modal(
        CALLBACK,
        "Compare versions",
        [
            section(md("Two versions of {}", code(address.name))),
            input_block(BEFORE, "From", _choice(BEFORE, latest - 1, latest)),
            input_block(AFTER, "To", _choice(AFTER, latest, latest)),
        ],
        submit="Compare",
        private_metadata=address.model_dump_json(exclude_defaults=True),
    )


def _choice(block: str, number: int, latest: int) -> Json:
    return type_ahead(f"{CHOICE}:{block}", initial=version_option(number, latest), placeholder="Type its number")


def version_option(number: int, latest: int) -> Json:
    """A version as a choice of a menu."""
    return option(f"Version {number}{' (latest)' if number == latest else ''}", str(number))


def version_options(typed: str, latest: int) -> list[Json]:
    """Versions whose number begins as typed, newest first."""
    digits = "".join(character for character in typed if character.isascii() and character.isdigit())
    if not digits:
        numbers = list(range(latest, max(latest - OPTIONS, 0), -1))
    else:
        numbers = [int(digits)] if 1 <= int(digits) <= latest and digits[0] != "0" else []
        span, low = 10, int(digits) * 10
        while numbers and low <= latest and len(numbers) < OPTIONS:
            high = min(low + span - 1, latest)
            numbers += range(high, low - 1, -1)
            span, low = span * 10, low * 10
    return [version_option(number, latest) for number in numbers[:OPTIONS]]


def attach_to(table: CommandTable) -> Callable[[AsyncApp], None]:
    """Listen to the modal."""

    async def on_options(ack: AsyncAck, body: Json, context: AsyncBoltContext) -> None:
        """Type-ahead for version numbers, from the local index."""
        services: Services = context["services"]
        try:
            name = return_address(body["view"]).name
            latest = await latest_version(services.datasets, name)
        except UserError:
            await ack(options=[])  # a type-ahead has no room for a sentence; submitting tells it
            return
        await ack(options=version_options(str(body.get("value") or ""), latest))

    async def on_submit(
        ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Both versions were chosen: run the comparison as if it were typed."""
        before, after = (chosen_key(view, block, f"{CHOICE}:{block}") for block in (BEFORE, AFTER))
        if before == after:
            await ack(response_action="errors", errors={AFTER: "Choose two different versions."})
            return
        call = call_from(body, context, client)
        try:
            address = return_address(view)
            bound = table.read("/dataset", f"diff {dataset_word(address.name)} {before} {after}")
            call = address.redirect(call)
            if bound.message is None:
                commands.start(call, bound)
        except UserError as error:
            await ack(response_action="errors", errors={AFTER: error.sentence})
            return
        await ack()
        if bound.message is not None:
            await call.answer_soon(bound.message)

    def attach(app: AsyncApp) -> None:
        app.options(_CHOICES)(on_options)
        app.view(CALLBACK)(on_submit)

    return attach
