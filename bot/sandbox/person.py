"""A person at the keyboard, for tests: acts over HTTP on the routes that the page uses."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import aiohttp

from bot.sandbox.inputs import initial_state
from bot.sandbox.normal import interactive_elements
from bot.sandbox.typing_in import choose
from bot.sandbox.wire import JsonObject

_POLL_SECONDS = 0.02


class SandboxError(AssertionError):
    """The local Slack refused what the person did, or what was waited for did not appear."""


@dataclass(frozen=True)
class Message:
    """A message as this person sees it."""

    raw: JsonObject

    @property
    def ts(self) -> str:
        """Time stamp, unique in the channel."""
        return str(self.raw["ts"])

    @property
    def channel(self) -> str:
        """Channel id."""
        return str(self.raw["channel"])

    @property
    def blocks(self) -> list[JsonObject]:
        """Blocks, those of attachments after the message's own."""
        own: list[JsonObject] = list(self.raw.get("blocks") or [])
        for item in self.raw.get("attachments") or []:
            own += item.get("blocks") or []
        return own

    @property
    def ephemeral(self) -> bool:
        """Visible to this person only."""
        return bool(self.raw.get("ephemeral"))

    @property
    def text(self) -> str:
        """The top-level text (what a notification shows)."""
        return str(self.raw.get("text", ""))

    @property
    def shown(self) -> str:
        """All text in it, top-level text first, one piece a line."""
        return "\n".join([self.text, *_texts(self.blocks)])

    @property
    def container(self) -> JsonObject:
        """How the page names it."""
        return {"type": "message", "channel": self.channel, "ts": self.ts, "ephemeral": self.ephemeral}


@dataclass(frozen=True)
class View:
    """A modal or App Home as this person sees it."""

    raw: JsonObject

    @property
    def id(self) -> str:
        """View id."""
        return str(self.raw["id"])

    @property
    def callback_id(self) -> str:
        """The app's name for it."""
        return str(self.raw["callback_id"])

    @property
    def title(self) -> str:
        """Title text, empty for App Home."""
        return str((self.raw.get("title") or {}).get("text", ""))

    @property
    def blocks(self) -> list[JsonObject]:
        """Its blocks."""
        return list(self.raw["blocks"])

    @property
    def shown(self) -> str:
        """All text in it, one piece a line."""
        return "\n".join([self.title, *_texts(self.blocks)])

    @property
    def container(self) -> JsonObject:
        """How the page names it."""
        return {"type": "view", "view_id": self.id}


@dataclass(frozen=True)
class State:
    """`state.values` as `Person.fill` made it."""

    values: JsonObject


Place: TypeAlias = Message | View
Values: TypeAlias = State | Mapping[str, object] | None


class Person:
    """Acts as one person. Every method that does something returns the server's answer as it came."""

    def __init__(self, url: str, user: str, session: aiohttp.ClientSession) -> None:
        self.user = user
        self._url = url
        self._session = session

    async def command(self, channel: str, command: str, text: str = "") -> JsonObject:
        """Run a slash command; returns after the app's acknowledgement."""
        return await self.call("command", channel=channel, command=command, text=text)

    async def say(self, channel: str, text: str, thread_ts: str = "", file_ids: list[str] | None = None) -> Message:
        """Post a message."""
        answer = await self.call("message", channel=channel, text=text, thread_ts=thread_ts, file_ids=file_ids or [])
        return Message(_expect(answer)["message"])

    async def messages(self, channel: str, thread_ts: str = "") -> list[Message]:
        """Messages of a channel or thread, oldest first, with this person's ephemeral ones."""
        query = {"channel": channel, "ephemeral": "1"} | ({"thread_ts": thread_ts} if thread_ts else {})
        return [Message(raw) for raw in _expect(await self.read("history", **query))["messages"]]

    async def wait_message(
        self,
        channel: str,
        contains: str = "",
        *,
        thread_ts: str = "",
        after: str = "",
        timeout: float = 5,  # noqa: ASYNC109 (a wait, not a deadline on the caller's work)
    ) -> Message:
        """The newest message containing this text and posted after the time stamp `after`.

        Raises SandboxError with what is there when it does not come within `timeout` seconds.
        """
        found: list[Message] = []
        async for _ in _polls(timeout):
            found = await self.messages(channel, thread_ts)
            for message in reversed(found):
                if contains in message.shown and (not after or float(message.ts) > float(after)):
                    return message
        there = "\n---\n".join(message.shown for message in found[-5:])
        raise SandboxError(f"no message with {contains!r} in {channel} within {timeout} s; last:\n{there}")

    async def views(self) -> list[View]:
        """Open modals, top last."""
        return [View(raw) for raw in _expect(await self.read("views"))["stack"]]

    async def view(self) -> View | None:
        """The modal on top."""
        stack = await self.views()
        return stack[-1] if stack else None

    async def home(self) -> View | None:
        """The App Home last published for this person."""
        raw = _expect(await self.read("views"))["home"]
        return View(raw) if raw else None

    async def wait_view(self, callback_id: str = "", contains: str = "", timeout: float = 5) -> View:  # noqa: ASYNC109
        """The modal on top once it has this callback id and text, else SandboxError after `timeout` seconds."""
        top: View | None = None
        async for _ in _polls(timeout):
            top = await self.view()
            if top and callback_id in {"", top.callback_id} and contains in top.shown:
                return top
        shown = f"{top.callback_id}: {top.shown}" if top else "no modal"
        raise SandboxError(f"no modal {callback_id!r} with {contains!r} within {timeout} s; on top: {shown}")

    async def wait_no_view(self, timeout: float = 5) -> None:  # noqa: ASYNC109
        """Until every modal is closed, else SandboxError."""
        async for _ in _polls(timeout):
            if not await self.views():
                return
        raise SandboxError(f"modals are still open after {timeout} s")

    async def wait_home(self, contains: str = "", timeout: float = 5) -> View:  # noqa: ASYNC109
        """The App Home once it contains this text, else SandboxError."""
        shown = "nothing published"
        async for _ in _polls(timeout):
            view = await self.home()
            if view and contains in view.shown:
                return view
            shown = view.shown if view else shown
        raise SandboxError(f"App Home has no {contains!r} within {timeout} s: {shown}")

    async def fill(self, view: Place, values: Mapping[str, object]) -> State:
        """State of all inputs with these values by block_id; the others keep their presets.

        A value is what a person would say: text, an option's value or label, a list of those, a date
        `YYYY-MM-DD`, a user or channel id, a list of file ids, or None for nothing. For an external
        select the app is asked for its options. Raises SandboxError for a value that is not offered.
        """
        elements = interactive_elements(view.blocks)
        state = initial_state(elements)
        for block_id, actions in (view.raw.get("state") or {}).get("values", {}).items():
            state.setdefault(block_id, {}).update(actions)
        by_block = dict(reversed(elements))
        for block_id, value in values.items():
            if block_id not in by_block:
                raise SandboxError(f"no block {block_id!r}; there are {sorted(by_block)}")
            element = by_block[block_id]
            entry = await self._entry(view, block_id, element, value)
            state.setdefault(block_id, {})[element["action_id"]] = {"type": element["type"], **entry}
        return State(state)

    async def submit(self, view: View, values: Values = None) -> JsonObject:
        """Press submit; the answer has `response_action` and `errors` like the page gets them."""
        state = values if isinstance(values, State) else await self.fill(view, values or {})
        return await self.call("submit", view_id=view.id, state={"values": state.values})

    async def click(
        self,
        place: Place,
        action_id: str,
        choose: object = None,
        *,
        block_id: str = "",
        state: Values = None,
    ) -> JsonObject:
        """Press a button, or choose in a select, in a message or view. `choose` is as in `fill`."""
        block, element = self._find(place, action_id, block_id)
        chosen: JsonObject = {}
        if choose is not None:
            chosen = await self._entry(place, block, element, choose)
        filled = state if isinstance(state, State) else await self.fill(place, state or {})
        values = filled.values
        if chosen and element["type"] not in {"button", "overflow", "feedback_buttons"}:
            values.setdefault(block, {})[element["action_id"]] = {"type": element["type"], **chosen}
        return await self.call(
            "action",
            container=place.container,
            block_id=block,
            action_id=element["action_id"],
            action=chosen,
            state={"values": values},
        )

    async def suggest(self, place: Place, action_id: str, text: str, *, block_id: str = "") -> list[JsonObject]:
        """Type into an external select: the options shown, those of groups in order."""
        block, element = self._find(place, action_id, block_id)
        answer = _expect(
            await self.call(
                "suggest",
                container=place.container,
                block_id=block,
                action_id=element["action_id"],
                value=text,
            )
        )
        options: list[JsonObject] = list(answer.get("options") or [])
        for group in answer.get("option_groups") or []:
            options += group["options"]
        return options

    async def close(self, view: View, *, is_cleared: bool = False) -> JsonObject:
        """Press cancel, or with `is_cleared` the cross that closes the whole stack."""
        return await self.call("close", view_id=view.id, is_cleared=is_cleared)

    async def shortcut(self, callback_id: str, message: Message | None = None) -> JsonObject:
        """Run a global shortcut, or a message shortcut when a message is given."""
        if message is None:
            return await self.call("shortcut", callback_id=callback_id, type="global")
        return await self.call(
            "shortcut", callback_id=callback_id, type="message", channel=message.channel, ts=message.ts
        )

    async def run_step(self, callback_id: str, inputs: JsonObject, timeout: float = 5) -> JsonObject:  # noqa: ASYNC109
        """Run a custom workflow step: its `outputs` or `error` once the app has completed it."""
        execution = _expect(await self.call("step", callback_id=callback_id, inputs=inputs))["execution"]
        async for _ in _polls(timeout):
            state = await self.call("step_state", execution=execution)
            if state["status"] != "running":
                return state
        raise SandboxError(f"the step {callback_id!r} was not completed within {timeout} s")

    async def open_home(self, tab: str = "home") -> JsonObject:
        """Open the app's Home (or Messages) tab."""
        return await self.call("home", tab=tab)

    async def dm(self, other: str = "U0BOT") -> str:
        """The id of the DM with the app or another person."""
        return str(_expect(await self.call("dm", other=other))["channel"]["id"])

    async def invite(self, channel: str, other: str = "") -> JsonObject:
        """Join a channel, or bring somebody else into it."""
        return await self.call("invite", channel=channel, other=other)

    async def upload(self, name: str, content: bytes, channel: str = "") -> str:
        """Upload a file, shared in `channel` when it is given; returns the file's id."""
        query = {"user": self.user, "name": name}
        if channel:
            query |= {"channel": channel, "share": "true"}
        async with self._session.post(f"{self._url}/client/upload", params=query, data=io.BytesIO(content)) as response:
            return str(_expect(await response.json())["file"]["id"])

    async def boot(self) -> JsonObject:
        """What the page gets when it starts."""
        return await self.read("boot")

    async def _entry(self, place: Place, block: str, element: JsonObject, value: object) -> JsonObject:
        options: list[JsonObject] = []
        if "external" in element["type"] and value is not None:
            wanted = value if isinstance(value, list | tuple) else [value]
            for text in wanted:
                if isinstance(text, str):
                    options += await self.suggest(place, element["action_id"], text, block_id=block)
        try:
            return choose(element, value, options)
        except ValueError as error:
            raise SandboxError(f"{block}: {error}") from None

    def _find(self, place: Place, action_id: str, block_id: str) -> tuple[str, JsonObject]:
        elements = interactive_elements(place.blocks)
        for block, element in elements:
            if element["action_id"] == action_id and block_id in {"", block}:
                return block, element
        there = [element["action_id"] for _, element in elements]
        raise SandboxError(f"no element {action_id!r} (block {block_id or 'any'}); there are {there}")

    async def call(self, route: str, **body: object) -> JsonObject:
        """POST one of the page's routes (`message`, `action` …) as this person."""
        url = f"{self._url}/client/{route}"
        async with self._session.post(url, json={"user": self.user, **body}) as response:
            answer: JsonObject = await response.json()
            return answer

    async def read(self, route: str, **query: str) -> JsonObject:
        """GET one of the page's routes (`history`, `boot` …) as this person."""
        url = f"{self._url}/client/{route}"
        async with self._session.get(url, params={"user": self.user, **query}) as response:
            answer: JsonObject = await response.json()
            return answer


async def _polls(seconds: float) -> AsyncIterator[None]:
    """One look at once, then one every 20 ms until the time is over."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    yield
    while loop.time() < end:
        await asyncio.sleep(_POLL_SECONDS)
        yield


def _expect(answer: JsonObject) -> JsonObject:
    if answer.get("ok") is False:
        raise SandboxError(f"the local Slack refused: {answer}")
    return answer


def _texts(value: object) -> list[str]:
    """Every piece of text in blocks, in order; option lists are left out, they are not shown."""
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if not isinstance(value, dict):
        return []
    found = []
    for key, item in value.items():
        if key in {"text", "alt_text", "caption", "title", "url"} and isinstance(item, str):
            found.append(item)
        elif key == "value" and isinstance(item, int | float):
            found.append(str(item))
        elif key not in {"options", "option_groups"}:
            found += _texts(item)
    return found
