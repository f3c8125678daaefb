"""Column types seen in a sample and changed by hand: a view pushed over the register form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from pydantic import JsonValue
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.blockkit import context, input_block, modal, option, section, select
from handlers.call import Call, call_from
from handlers.datasets.open_forms import OpenForms
from handlers.datasets.register_form import ROOM_IN_FORM, RegisterForm
from handlers.datasets.register_view import action_of
from handlers.errors import error_view
from handlers.message import Json
from handlers.packed import METADATA_LIMIT, pack, unpack
from handlers.text import code, count_text, md
from handlers.view_state import ViewState
from handlers.working import GONE
from services.datasets.model import Column, ColumnType, DatasetType
from services.errors import InvalidInput, UserError
from services.jobs import Pool

CALLBACK = "register_columns"
TITLE = "Column types"
PAGE = 40
INSPECT_SECONDS = 120.0

CHOICES = (ColumnType.STRING, ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.BOOLEAN, ColumnType.DATETIME)
_FIXED = frozenset({ColumnType.OTHER, ColumnType.STREAM})


@dataclass(frozen=True, slots=True)
class ColumnPage:
    """One page of columns as the view remembers it. columns: name and the type seen, in the order shown.

    first: number of the page's first column. more: other columns follow. form: the register form below, without the
    long texts that Slack keeps in it.
    """

    root: str
    form: RegisterForm
    columns: tuple[tuple[str, ColumnType], ...]
    first: int
    more: bool

    @property
    def metadata(self) -> str:
        """For private_metadata."""
        value: dict[str, JsonValue] = {
            "root": self.root,
            "form": self.form.values(),
            "columns": [[name, kind.value] for name, kind in self.columns],
            "first": self.first,
            "more": self.more,
        }
        return pack(value)

    @classmethod
    def read(cls, view: Json) -> ColumnPage:
        """From a submitted view. Raises InvalidInput for one of an older bot."""
        value = unpack(str(view.get("private_metadata") or ""))
        form, columns, first = value.get("form"), value.get("columns"), value.get("first")
        if not isinstance(columns, list) or not isinstance(form, dict) or not isinstance(first, int):
            raise InvalidInput("This form belongs to an older version of the bot. Go back and open it again.")
        pairs = tuple((str(each[0]), ColumnType(str(each[1]))) for each in columns if isinstance(each, list))
        return cls(str(value.get("root")), RegisterForm.from_values(form), pairs, first, bool(value.get("more")))

    def chosen(self, view: Json) -> tuple[tuple[str, ColumnType], ...]:
        """All types chosen by the person: those of earlier pages, then this one's that differ from what was seen."""
        state = ViewState.of(view)
        here = {name for name, _ in self.columns}
        found = [pair for pair in self.form.column_types if pair[0] not in here]
        for number, (name, seen) in enumerate(self.columns):
            choice = state.choice(block_of(number))
            if choice and choice != seen:
                found.append((name, ColumnType(choice)))
        return tuple(found)


def block_of(number: int) -> str:
    """Block id of a column's field on its page."""
    return f"column:{number}"


def page_of(root: str, form: RegisterForm, schema: Sequence[Column], first: int) -> ColumnPage:
    """As many columns as fit one view and what it can remember."""
    changeable = [(column.name, column.type) for column in schema if column.type not in _FIXED]
    slim = replace(form, description="", tags="", checked="", checking=False)
    count = min(PAGE, len(changeable) - first)
    while count:
        page = _page(root, slim, changeable, first, count)
        if len(page.metadata) <= METADATA_LIMIT:
            return page
        count //= 2
    # The paths leave no room beside them. Slack keeps them in the form below; only a next page would miss them.
    bare = replace(slim, paths="", urls="")
    count = min(PAGE, len(changeable) - first)
    while count and len(_page(root, bare, changeable, first, count).metadata) > METADATA_LIMIT:
        count //= 2
    return replace(_page(root, bare, changeable, first, count), more=False)


def _page(
    root: str, form: RegisterForm, columns: Sequence[tuple[str, ColumnType]], first: int, count: int
) -> ColumnPage:
    return ColumnPage(root, form, tuple(columns[first : first + count]), first, first + count < len(columns))


def columns_view(page: ColumnPage, schema: Sequence[Column]) -> Json:
    """A drop-down for each column of the page, set to what was chosen before or seen in the sample."""
    before = dict(page.form.column_types)
    changeable = [column for column in schema if column.type not in _FIXED]
    total = count_text(len(changeable), "column")
    if not page.columns:
        sentence = "These columns cannot be changed here: their names are too long for Slack’s forms."
        return modal("error", TITLE, [section(sentence)], close="Back")
    shown = f"{page.first + 1} to {page.first + len(page.columns)} of {total}" if len(changeable) > PAGE else total
    blocks = [
        context(md("{}, with the types seen in a sample of the files. Change what should be read otherwise.", shown))
    ]
    for number, (name, seen) in enumerate(page.columns):
        choices = [option(f"{kind.value} (seen)" if kind is seen else kind.value, kind.value) for kind in CHOICES]
        initial = next(each for each in choices if each["value"] == before.get(name, seen))
        element = select(f"{CALLBACK}:{number}", choices, initial=initial)
        blocks.append(input_block(block_of(number), name.strip() or "(a column without a name)", element))
    fixed = [column.name for column in schema if column.type in _FIXED]
    if fixed:
        blocks.append(context(md("Nested or binary, read as they are: {}", code(", ".join(fixed), 500))))
    return modal(
        CALLBACK,
        TITLE,
        blocks,
        submit="Next columns" if page.more else "Use these types",
        close="Back",
        private_metadata=page.metadata,
    )


def looking_view() -> Json:
    """While the sample is read."""
    return modal(
        "register_columns_looking", TITLE, [section(md(":hourglass_flowing_sand: Reading a sample …"))], close="Back"
    )


class ColumnTypes:
    """The listeners of the view."""

    def __init__(self, open_forms: OpenForms) -> None:
        self._open = open_forms

    def attach(self, app: AsyncApp) -> None:
        """Listen to the button and the view."""
        app.action(action_of("columns"))(self.on_open)
        app.view(CALLBACK)(self.on_submit)

    async def on_open(self, ack: AsyncAck, body: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
        """The button: a view at once, then the columns."""
        await ack()
        call = call_from(body, context, client)
        root, form = body["view"]["id"], RegisterForm.parse(body["view"])
        self._open.saw(root, body["view"]["hash"], form)

        async def push(call: Call) -> None:
            pushed = await client.views_push(trigger_id=call.trigger_id, view=looking_view())
            self._show_page(call, str(pushed["view"]["id"]), root, form, 0)

        try:
            call.start(Pool.SLACK, "column types", push)
        except UserError as error:
            await call.tell_soon(error)

    def _show_page(self, call: Call, view_id: str, root: str, form: RegisterForm, first: int) -> None:
        """Read the schema in the background and show a page of it. Raises Busy."""

        async def show() -> None:
            definition = replace(form.definition(), type=DatasetType.TABULAR, column_types=())
            inspection = await call.services.datasets.inspect(definition, guess=definition.format is None)
            if not inspection.schema:
                raise InvalidInput("No columns were found. Check the source and the file format.")
            page = page_of(root, form, inspection.schema, first)
            await update_view(call.client, view_id, columns_view(page, inspection.schema))

        async def failed(error: BaseException) -> None:
            await update_view(call.client, view_id, error_view(error, call.origin.request_id, title=TITLE))

        call.services.jobs.start(
            Pool.DATA, "column types", show, origin=call.origin, on_error=failed, seconds=INSPECT_SECONDS
        )

    async def on_submit(
        self, ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """The page submitted: show the next one, or take the types into the form below."""
        call = call_from(body, context, client)
        try:
            page = ColumnPage.read(view)
        except UserError as error:
            await ack(response_action="errors", errors={block_of(0): error.sentence})
            return
        chosen = page.chosen(view)
        if len(pack([[name, kind.value] for name, kind in chosen])) > ROOM_IN_FORM:
            sentence = "These are more changes than the form can hold. Change fewer columns."
            await ack(response_action="errors", errors={block_of(0): sentence})
            return
        form = replace(page.form, column_types=chosen)
        try:
            if page.more:
                self._show_page(call, view["id"], page.root, form, page.first + len(page.columns))
                await ack(response_action="update", view=looking_view())
                return

            async def take(call: Call) -> None:
                change = partial(replace, column_types=chosen)
                await self._open.change(client, call.services.datasets, page.root, change, form)

            call.start(Pool.SLACK, "column types", take)
        except UserError as error:
            await ack(response_action="errors", errors={block_of(0): error.sentence})
            return
        await ack()


async def update_view(client: AsyncWebClient, view_id: str, view: Json) -> None:
    """Replace a view; one that was closed in the meantime is left alone."""
    try:
        await client.views_update(view_id=view_id, view=view)
    except SlackApiError as error:
        if error.response["error"] not in GONE:
            raise
