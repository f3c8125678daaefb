"""Acknowledgements under load: our app with everything around its listeners against a plain Bolt echo.

Both servers run as processes of their own in the same run and are measured in alternating rounds, so that whatever
else the machine does weighs on both. Run: python -m scripts.bench_ack [--clients 32] [--seconds 2] [--rounds 5]
"""

# ruff: noqa: PLC0415  # each server loads only what it serves with
from __future__ import annotations

import argparse
import asyncio
import contextlib
import hmac
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

SECRET = "0123456789abcdef0123456789abcdef"
GOAL = 1.5


@dataclass(frozen=True, slots=True)
class Round:
    """One round of load. seconds: one entry for each answered request; refused: answers other than 200."""

    seconds: list[float]
    duration: float
    refused: int

    def quantile(self, share: float) -> float:
        """In milliseconds."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.duration


# The client


def signed_command(counter: int, user: str, port: int) -> bytes:
    """One `/echo` command as Slack sends it, with a trigger id of its own, so that it counts as new."""
    body = (
        f"token=x&team_id=T0LOCAL&team_domain=northwind&channel_id=C0DATA&channel_name=data&user_id={user}"
        f"&user_name=ada&command=%2Fecho&text=list+sales&api_app_id=A0LOCAL&is_enterprise_install=false"
        f"&response_url=http%3A%2F%2F127.0.0.1%2Frespond%2Fx&trigger_id={counter}.{time.time_ns()}.{os.getpid()}"
    ).encode()
    stamp = str(int(time.time())).encode()
    mac = hmac.new(SECRET.encode(), b"v0:" + stamp + b":" + body, sha256).hexdigest().encode()
    return (
        b"POST /slack/events HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nuser-agent: Slackbot 1.0\r\naccept: */*\r\n"
        b"content-type: application/x-www-form-urlencoded\r\nx-slack-request-timestamp: %s\r\n"
        b"x-slack-signature: v0=%s\r\ncontent-length: %d\r\n\r\n%s"
    ) % (port, stamp, mac, len(body), body)


async def one_client(port: int, until: float, seconds: list[float], refused: list[int]) -> None:
    """Ask, wait for the answer, ask again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    counter = id(writer)
    try:
        while time.perf_counter() < until:
            counter += 1
            request = signed_command(counter, "U0ADA", port)
            started = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            lowered = head.lower()
            place = lowered.index(b"content-length:") + 15
            await reader.readexactly(int(lowered[place : lowered.index(b"\r", place)]))
            seconds.append(time.perf_counter() - started)
            if not head.startswith(b"HTTP/1.1 200"):
                refused.append(int(head[9:12]))
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def load(port: int, clients: int, duration: float) -> Round:
    """Load from so many clients at once."""
    seconds: list[float] = []
    refused: list[int] = []
    started = time.perf_counter()
    await asyncio.gather(*(one_client(port, started + duration, seconds, refused) for _ in range(clients)))
    return Round(seconds, time.perf_counter() - started, len(refused))


# The servers, each in a process of its own


async def serve_plain() -> None:
    """What the Bolt documentation shows: AsyncApp behind its Starlette adapter on uvicorn."""
    import uvicorn
    from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
    from slack_bolt.async_app import AsyncApp
    from slack_bolt.authorization import AuthorizeResult
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from bot.http import listen

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T0LOCAL", bot_id="B", bot_user_id="U", bot_token="xoxb-x")

    app = AsyncApp(signing_secret=SECRET, authorize=authorize, process_before_response=True)
    app.command("/echo")(echo)
    handler = AsyncSlackRequestHandler(app)

    async def endpoint(request: Request) -> Response:
        return await handler.handle(request)

    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(
        Starlette(routes=[Route("/slack/events", endpoint, methods=["POST"])]),
        loop="none", http="httptools", log_level="warning", access_log=False,
    )  # fmt: skip
    print(listener.getsockname()[1], flush=True)
    await uvicorn.Server(config).serve([listener])


async def serve_ours(directory: Path) -> None:
    """Guard, once-only inbox, logs, metrics, caller: all that surrounds a listener in production."""
    from bot.app import BotApp, Workspace, answer_the_unknown
    from bot.health import Health
    from bot.http import WebServer, build_web_app, listen
    from bot.logs import configure_logs
    from bot.metrics import Metrics
    from bot.middleware import Deliveries
    from bot.open_deliveries import OpenDeliveries
    from bot.responsive import keep_loop_responsive
    from bot.sandbox.server import LocalSlack
    from bot.slack_client import SlackClient, open_session
    from handlers.caller import CallerDirectory, establish_caller
    from services.store import migrate
    from services.store.database import Database
    from services.store.inbox import Inbox
    from services.store.instances import Instances

    class WallClock:
        def now(self) -> datetime:
            return datetime.now(UTC)

    configure_logs("INFO", "json", fd=os.open(directory / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    url = f"sqlite:///{directory}/bot.sqlite"
    migrate.upgrade(url)
    database, metrics = Database.open(url), Metrics()
    await Instances(database, clock=WallClock()).register("bench")
    inbox = Inbox(database, "bench", clock=WallClock())
    async with LocalSlack() as slack, open_session() as session:
        client = SlackClient(session=session, base_url=f"{slack.url}/api/", metrics=metrics)
        workspace = Workspace(client)
        deliveries = Deliveries(inbox, OpenDeliveries(inbox.done), metrics)
        app = BotApp(client=client, token=slack.bot_token, workspace=workspace, deliveries=deliveries)
        await workspace.refresh()
        app.use(establish_caller(CallerDirectory(workspace.installation, frozenset())))
        app.command("/echo")(echo)
        answer_the_unknown(app)
        web = build_web_app(health=Health(), metrics=metrics, slack=app, signing_secret=SECRET)
        listener = listen("127.0.0.1", 0)
        print(listener.getsockname()[1], flush=True)
        await WebServer(web, listener).start()
        keep_loop_responsive()
        await asyncio.Event().wait()


async def echo(ack) -> None:  # type: ignore[no-untyped-def]  # Bolt finds arguments by name
    """Only acknowledge."""
    await ack(text="ok")


# The comparison


@contextlib.contextmanager
def server(which: str, directory: Path):  # type: ignore[no-untyped-def]  # yields its port
    """A server process and the port it listens on."""
    command = [sys.executable, "-m", "scripts.bench_ack", "--serve", which, "--directory", str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


async def compare(clients: int, seconds: float, rounds: int) -> float:
    """Measure both in turn and print; returns the ratio of the p99s."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        directory = Path(folder)
        ports = {which: stack.enter_context(server(which, directory)) for which in ("plain", "ours")}
        for port in ports.values():
            await load(port, clients, 1.0)  # warm-up
        results: dict[str, list[Round]] = {which: [] for which in ports}
        for _ in range(rounds):
            for which, port in ports.items():
                results[which].append(await load(port, clients, seconds))
    if any(measured.refused for rounds_ in results.values() for measured in rounds_):
        raise SystemExit("bench_ack: a server refused requests; the figures mean nothing.")
    medians = {}
    for which, measured in results.items():
        figures = [statistics.median(each.quantile(q) for each in measured) for q in (0.5, 0.99)]
        rate = statistics.median(each.per_second for each in measured)
        medians[which] = (*figures, rate)
        print(f"{which:6} clients={clients}  p50 {figures[0]:6.2f} ms  p99 {figures[1]:6.2f} ms  {rate:6.0f} a second")
    (p50, p99, rate), (own50, own99, own_rate) = medians["plain"], medians["ours"]
    print(f"ratio  p50 {own50 / p50:.2f}  p99 {own99 / p99:.2f}  rate {own_rate / rate:.2f}  (goal: p99 <= {GOAL})")
    return own99 / p99


def main() -> int:
    """Serve or compare, as the arguments say."""
    import uvloop

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", choices=["plain", "ours"])
    parser.add_argument("--directory", type=Path)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if arguments.serve == "plain":
            runner.run(serve_plain())
        elif arguments.serve == "ours":
            runner.run(serve_ours(arguments.directory))
        else:
            ratio = runner.run(compare(arguments.clients, arguments.seconds, arguments.rounds))
            return 0 if ratio <= GOAL else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
