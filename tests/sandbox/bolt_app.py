"""A small, real Bolt app with one of everything, served over signed HTTP or Socket Mode."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.server import LocalSlack

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def modal(callback_id: str = "form", title: str = "Form", **more: Any) -> Json:
    """A modal with a name, a type-ahead and a kind."""
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title),
        "submit": plain("Save"),
        "close": plain("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": "name",
                "label": plain("Name"),
                "element": {"type": "plain_text_input", "action_id": "value", "max_length": 20},
            },
            {
                "type": "input",
                "block_id": "store",
                "optional": True,
                "label": plain("Datastore"),
                "element": {"type": "external_select", "action_id": "store", "min_query_length": 0},
            },
            {
                "type": "input",
                "block_id": "kind",
                "optional": True,
                "dispatch_action": True,
                "label": plain("Kind"),
                "element": {
                    "type": "static_select",
                    "action_id": "kind",
                    "options": [{"text": plain(name.title()), "value": name} for name in ("file", "tabular")],
                },
            },
        ],
        **more,
    }


def card(text: str) -> list[Json]:
    """A section and an actions row with one button."""
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": text}},
        {
            "type": "actions",
            "block_id": "row",
            "elements": [
                {"type": "button", "action_id": "approve", "text": plain("Approve"), "value": "r1"},
                {"type": "button", "action_id": "open", "text": plain("Open"), "value": "o1"},
            ],
        },
    ]


@dataclass
class BoltApp:
    """The app and every body it received, by the listener's name."""

    app: AsyncApp
    bodies: list[tuple[str, Json]] = field(default_factory=list)

    def seen(self, name: str) -> list[Json]:
        return [body for seen, body in self.bodies if seen == name]

    async def wait(self, name: str, count: int = 1) -> Json:
        """The `count`-th body of this name, within two seconds."""
        for _ in range(200):
            if len(self.seen(name)) >= count:
                return self.seen(name)[count - 1]
            await asyncio.sleep(0.01)
        raise AssertionError(f"no {name}; there were {[seen for seen, _ in self.bodies]}")


def make_app(slack: LocalSlack) -> BoltApp:
    client = AsyncWebClient(token=slack.bot_token, base_url=f"{slack.url}/api/")
    app = AsyncApp(client=client, signing_secret=slack.signing_secret, process_before_response=True)
    bolt = BoltApp(app)

    @app.command("/dataset")
    async def dataset(ack: AsyncAck, body: Json, client: AsyncWebClient, respond: AsyncRespond) -> None:
        bolt.bodies.append(("command", body))
        verb = body.get("text", "").split(" ")[0]
        if verb == "form":
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=modal())
        elif verb == "card":
            await ack()
            await client.chat_postMessage(channel=body["channel_id"], text="card", blocks=card("Please decide"))
        elif verb == "hidden":
            await ack()
            await respond(text="only you", blocks=card("Only you"))
        elif verb == "slow":
            await asyncio.sleep(1)
            await ack()
        elif verb == "share":
            await ack(text="shared", response_type="in_channel")
        else:
            await ack(f"You said {body.get('text', '')}")

    @app.action("approve")
    async def approve(ack: AsyncAck, body: Json, respond: AsyncRespond) -> None:
        bolt.bodies.append(("action", body))
        await ack()
        await respond(text="approved", replace_original=True)

    @app.action("open")
    async def open_(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        bolt.bodies.append(("action", body))
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal())

    @app.action("kind")
    async def kind(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        bolt.bodies.append(("action", body))
        await ack()
        view = modal(title="Changed")
        await client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=view)

    @app.options("store")
    async def store(ack: AsyncAck, body: Json) -> None:
        bolt.bodies.append(("options", body))
        if body["value"] == "toomany":
            await ack(options=[{"text": plain(f"o{n}"), "value": f"o{n}"} for n in range(101)])
        elif body["value"] == "toolong":
            await ack(options=[{"text": plain("o"), "value": "v" * 151}])
        else:
            names = [name for name in ("blobs", "lake") if body["value"] in name]
            await ack(options=[{"text": plain(name), "value": name} for name in names])

    @app.view("form")
    async def form(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        bolt.bodies.append(("submission", body))
        name = body["view"]["state"]["values"]["name"]["value"]["value"]
        if name == "taken":
            await ack(response_action="errors", errors={"name": "That name is taken"})
        elif name == "stray":
            await ack(response_action="errors", errors={"nowhere": "No such block"})
        elif name == "update":
            await ack(response_action="update", view=modal("working", "Working"))
        elif name == "badview":
            await ack(response_action="update", view=modal("working", "A title longer than 24 letters"))
        elif name == "push":
            await ack(response_action="push", view=modal("form", "Again"))
        elif name == "clear":
            await ack(response_action="clear")
        elif name == "open":
            await client.views_open(trigger_id=body["trigger_id"], view=modal(title="Other"))
            await ack()
        elif name == "crash":
            raise RuntimeError("listener failed")
        else:
            await ack()

    @app.view_closed("form")
    async def closed(ack: AsyncAck, body: Json) -> None:
        bolt.bodies.append(("closed", body))
        await ack()

    @app.shortcut("register")
    async def register(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        bolt.bodies.append(("shortcut", body))
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal())

    for name in (
        "app_home_opened",
        "app_mention",
        "file_shared",
        "link_shared",
        "member_joined_channel",
        "message",
    ):

        @app.event(name)
        async def event(body: Json, client: AsyncWebClient) -> None:
            kind = body["event"]["type"]
            bolt.bodies.append((kind, body))
            if kind == "app_home_opened":
                home: Json = {"type": "home", "blocks": card("Welcome")}
                await client.views_publish(user_id=body["event"]["user"], view=home)

    return bolt


@asynccontextmanager
async def http_app(slack: LocalSlack) -> AsyncIterator[BoltApp]:
    """The app behind signed HTTP; the local Slack knows its address."""
    bolt = make_app(slack)

    async def receive(request: web.Request) -> web.Response:
        headers: dict[str, str | Sequence[str]] = dict(request.headers)
        answer = await bolt.app.async_dispatch(AsyncBoltRequest(body=await request.text(), headers=headers))
        return web.Response(status=answer.status, body=answer.body, headers=answer.first_headers())

    server = web.Application()
    server.router.add_post("/slack/events", receive)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        yield bolt
    finally:
        slack.request_url = None
        await runner.cleanup()


@asynccontextmanager
async def socket_app(slack: LocalSlack) -> AsyncIterator[BoltApp]:
    """The app over Socket Mode."""
    bolt = make_app(slack)
    handler = AsyncSocketModeHandler(bolt.app, slack.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]  # slack_bolt leaves it untyped
    try:
        yield bolt
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]  # slack_bolt leaves it untyped
