"""The life of the process: start the transports, wait for a signal, stop taking work, finish it, end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator

from bot.http import WebServer
from bot.logs import get_logger
from bot.responsive import keep_loop_responsive
from bot.settings import Settings
from bot.wiring import Bot, build

log = get_logger("bot.process")

OUTBOX_SECONDS = 5.0
"""How long a message that is being sent may take at the end; what is cut off is looked up by the next process."""


async def run(
    settings: Settings,
    listener: socket.socket | None,
    *,
    prepare: Callable[[Bot], Awaitable[None]] | None = None,
    ready: Callable[[Bot], None] = lambda _bot: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, or until stop is set, then drain. A second signal ends the draining.

    listener: an open socket for the web server, None for none. prepare runs before any transport is open. ready is
    called once deliveries are taken.
    """
    stopping, hurry = stop or asyncio.Event(), asyncio.Event()
    with _signals(stopping, hurry):
        async with build(settings) as bot:
            if prepare is not None:
                await prepare(bot)
            server = WebServer(bot.web, listener) if listener is not None else None
            if server is not None:
                await server.start()
            if bot.sockets is not None:
                await bot.sockets.start()
            await bot.outbox.start()
            bot.access.start()
            await bot.runner.start()
            bot.periodic.start()
            keep_loop_responsive()
            log.info("started", instance=bot.instance_id)
            ready(bot)
            await stopping.wait()
            await _stop(bot, server, hurry, settings.drain_seconds)
        log.info("stopped")


async def _stop(bot: Bot, server: WebServer | None, hurry: asyncio.Event, seconds: float) -> None:
    """Readiness off, transports closed with everything acknowledged, then the running work is finished."""
    log.info("stopping", unfinished=bot.jobs.unfinished, seconds=seconds)
    bot.health.draining = True
    await bot.periodic.stop()
    await bot.access.stop()
    await bot.runner.stop()
    if bot.sockets is not None:
        await bot.sockets.stop()
    if server is not None:
        await server.stop()
    draining = asyncio.create_task(bot.jobs.drain(seconds))
    hurrying = asyncio.create_task(hurry.wait())
    await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
    hurrying.cancel()
    if not draining.done():
        draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)
        cut = await bot.jobs.drain(0)
    else:
        cut = draining.result()
    cut += await bot.outbox.stop(0 if hurry.is_set() else OUTBOX_SECONDS)
    if cut:
        log.warning("work was cut off", pieces=cut)


@contextlib.contextmanager
def _signals(stopping: asyncio.Event, hurry: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def heard() -> None:
        (hurry if stopping.is_set() else stopping).set()

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, heard)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
