"""Ports for servers that tests start as processes of their own."""

from __future__ import annotations

import contextlib
import random
import socket


def free_port() -> int:
    """A port of this machine that nobody listens on, below those that the system gives to outgoing connections.

    So none of these can sit on it before the server does. Raises RuntimeError.
    """
    for _ in range(100):
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port was found")
