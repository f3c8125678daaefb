"""Which dataset is meant: read from the words of a command, or asked in a modal when it is missing.

The modal's choices come from the local index while the person types. Submitting runs the same command; the answer
goes where the command was typed, which the modal carries along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pydantic import BaseModel, ValidationError
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from handlers import commands
from handlers.blockkit import OPTIONS, input_block, modal, option, type_ahead
from handlers.call import Call, OpensForm, Run, call_from
from handlers.commands import CommandTable
from handlers.context import Services
from handlers.datasets.naming import dataset_key, dataset_word, name_of_key
from handlers.grammar import DatasetRef, Token, dataset_ref
from handlers.message import Json
from services.datasets.model import DatasetSummary
from services.errors import InvalidInput, UserError

CALLBACK = "which_dataset"
BLOCK = "dataset"
ACTION = "dataset_choice"
REFINE = "refine " * 20
"""Value of the last choice when more datasets match than a menu shows; longer than any key of a dataset."""


class ReturnAddress(BaseModel):
    """Where a modal's answer goes and what it completes. Carried in private_metadata.

    command: what runs, with `{}` where the dataset's name belongs. response_url reaches channels that the bot is not
    a member of.
    """

    command: str
    channel_id: str = ""
    thread_ts: str = ""
    response_url: str = ""
    name: str = ""

    @classmethod
    def of(cls, call: Call, command: str, name: str = "") -> ReturnAddress:
        """The address of a call. name: the dataset, where it is known already."""
        return cls(
            command=command,
            channel_id=call.reply.channel_id,
            thread_ts=call.reply.thread_ts or "",
            response_url=call.reply.response_url or "",
            name=name,
        )

    def redirect(self, call: Call) -> Call:
        """The submission's call, answering where the command was typed."""
        reply = replace(
            call.reply,
            channel_id=self.channel_id,
            thread_ts=self.thread_ts or None,
            response_url=self.response_url or None,
        )
        return replace(call, reply=reply, origin=replace(call.origin, channel_id=self.channel_id))


def return_address(view: Json) -> ReturnAddress:
    """Read from a view. Raises UserError for a view of an older version of the bot."""
    try:
        return ReturnAddress.model_validate_json(view.get("private_metadata") or "")
    except ValidationError as error:
        raise UserError("This form is from an older version of me. Please close it and try again.") from error


def single_ref(tokens: Sequence[Token]) -> DatasetRef | None:
    """The only argument as a reference, None without one. Raises InvalidInput for more."""
    if not tokens:
        return None
    if len(tokens) > 1:
        whole = " ".join(token.text for token in tokens)
        raise InvalidInput(
            f"I expected one dataset and read {len(tokens)} words. A name with spaces belongs in quotes: “{whole}”.",
            code="too_many_words",
        )
    return dataset_ref(tokens[0])


def ask_for_dataset(verb: str, *rest: str, title: str = "Which dataset?") -> Run:
    """A run that asks for the dataset, then runs `/dataset verb NAME rest…`."""
    command = " ".join((verb, "{}", *rest))

    return OpensForm(lambda call: build(ReturnAddress.of(call, command), title))


def build(address: ReturnAddress, title: str = "Which dataset?") -> Json:
    """The modal."""
    choice = type_ahead(ACTION, placeholder="Type a part of its name")
    return modal(
        CALLBACK,
        title,
        [input_block(BLOCK, "Dataset", choice)],
        submit="Continue",
        private_metadata=address.model_dump_json(exclude_defaults=True),
    )


def chosen_key(view: Json, block: str = BLOCK, action: str = ACTION) -> str:
    """The chosen value of a dataset menu, "" for none."""
    chosen = view["state"]["values"].get(block, {}).get(action, {}).get("selected_option") or {}
    return str(chosen.get("value") or "")


async def dataset_options(services: Services, text: str) -> list[Json]:
    """Choices for a menu of datasets, best first; the last one says so when there are more."""
    found = await services.datasets.suggest(text.strip(), OPTIONS + 1)
    options = [dataset_option(item) for item in found[:OPTIONS]]
    if len(found) > OPTIONS:
        options[-1] = option("… more match: type more to refine", REFINE)
    return options


def dataset_option(item: DatasetSummary) -> Json:
    """One dataset as a choice of a menu."""
    parts = [item.type.value, f"version {item.latest_version}", *(["deprecated"] if item.deprecated else [])]
    return option(
        item.name, dataset_key(item.name), " · ".join(parts + ([item.description] if item.description else []))
    )


def attach_to(table: CommandTable) -> Callable[[AsyncApp], None]:
    """Listen to the modal and to every menu of datasets; what was asked for is read by the table."""

    async def on_options(ack: AsyncAck, body: Json, context: AsyncBoltContext) -> None:
        """Type-ahead: answered at once from the local index."""
        services: Services = context["services"]
        await ack(options=await dataset_options(services, str(body.get("value") or "")))

    async def on_submit(
        ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """The dataset was chosen: run the command that asked for it."""
        call = call_from(body, context, client)
        try:
            address = return_address(view)
            key = chosen_key(view)
            if not key or key == REFINE:
                raise InvalidInput("Type more of the name and choose a dataset.")
            name = await name_of_key(key, call.services.datasets)
            bound = table.read("/dataset", address.command.replace("{}", dataset_word(name)))
            call = address.redirect(call)
            if bound.message is None:
                commands.start(call, bound)
        except UserError as error:
            await ack(response_action="errors", errors={BLOCK: error.sentence})
            return
        await ack()
        if bound.message is not None:
            await call.answer_soon(bound.message)

    def attach(app: AsyncApp) -> None:
        app.options(ACTION)(on_options)
        app.view(CALLBACK)(on_submit)

    return attach
