"""Structured logs: one writer, one redaction, the request's context on every line, ours and the libraries'."""

from __future__ import annotations

import atexit
import logging
import os
import random
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Literal

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

request_context: ContextVar[Mapping[str, str]] = ContextVar("request_context", default={})  # noqa: B039  # never mutated
"""What is known of the request being worked on: request_id, user, kind, name. Copied into every task and log line."""

_MAX_WAITING_LINES = 20_000
_BATCH_LINES = 500
_GATHER_SECONDS = 0.25
_URGENT = frozenset({"warning", "error", "critical", "exception", "fatal"})

_SECRETS = re.compile(
    r"xox[a-z](?:\.xox[a-z])?-[\w.-]+"
    r"|xapp-[\w-]+"
    r"|(?<=sig=)[^&\s\"'\\]+"
    r"|(?<=Bearer )[^\s\"'\\,]+"
    r"|(?<=AccountKey=)[^;\s\"'\\]+"
    r"|(?<=hooks\.slack\.com/)[^\s\"'\\]+"
    r"|(?<=/respond/)[^\s\"'\\]+"
    r"|(?<=/socket/)[^\s\"'\\]+"
    r"|(?<=ticket=)[^&\s\"'\\]+",
    re.IGNORECASE,
)

_LIBRARY_LEVELS = {
    # These say at INFO what is said better by our own lines, or repeat a request's body.
    "slack_bolt": logging.WARNING,
    "slack_sdk": logging.WARNING,
    "aiohttp": logging.WARNING,
    "asyncio": logging.WARNING,
    "apscheduler": logging.WARNING,
    "uvicorn": logging.WARNING,
    "alembic": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "azure": logging.WARNING,
    "urllib3": logging.WARNING,
}


_SIGNS_OF_SECRETS = (
    "xox",
    "xapp-",
    "sig=",
    "bearer ",
    "accountkey=",
    "hooks.slack.com/",
    "/respond/",
    "/socket/",
    "ticket=",
)


def redact(text: str) -> str:
    """The text without tokens, signatures, keys and response addresses."""
    lowered = text.lower()
    # Almost no line holds a secret, and a plain search is many times cheaper than the expression.
    if not any(sign in lowered for sign in _SIGNS_OF_SECRETS):
        return text
    return _SECRETS.sub("[redacted]", text)


def new_request_id() -> str:
    """A reference id that a person can read out: 10 characters, no vowels, no look-alikes. It is no secret."""
    return "".join(random.choices(_ID_PAIRS, k=5))  # noqa: S311


_ID_LETTERS = "23456789bcdfghjkmnpqrstvwxz"
_ID_PAIRS = [first + second for first in _ID_LETTERS for second in _ID_LETTERS]


def get_logger(name: str) -> FilteringBoundLogger:
    """A structured logger. Call with an event in words and values as keywords."""
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger


class LineWriter:
    """Writes lines to a file descriptor from a thread of its own, so that a slow reader never delays the event loop.

    Lines gather for a quarter of a second, warnings and errors excepted: whenever a thread wakes, the event loop has to
    hand it the interpreter and waits until it has taken it, on a busy machine for many milliseconds. When more than
    20,000 wait, further ones are dropped and their number is written once there is room.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._closing = False
        self._something = threading.Event()  # a line waits
        self._hurry = threading.Event()  # do not gather further
        self._idle = threading.Event()  # everything taken so far is written
        self._idle.set()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def msg(self, line: str) -> None:
        """Queue one line; redaction happens in the writing thread."""
        if len(self._lines) > _MAX_WAITING_LINES:
            self._dropped += 1
            return
        self._lines.append(line)
        if not self._something.is_set():
            self._idle.clear()
            self._something.set()

    def urgent(self, line: str) -> None:
        """As `msg`, and write all that waits soon."""
        self.msg(line)
        self._hurry.set()

    def flush(self, seconds: float = 2.0) -> None:
        """Wait until everything queued so far is written, seconds at most."""
        if self._thread.is_alive() and self._lines:
            self._hurry.set()
            self._idle.wait(seconds)

    def close(self) -> None:
        """Write what waits and end the thread."""
        self._closing = True
        self._hurry.set()
        self._something.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        while not self._closing:
            self._something.wait()
            self._hurry.wait(_GATHER_SECONDS)
            self._hurry.clear()
            self._something.clear()
            self._write_waiting()
            if not self._something.is_set():
                self._idle.set()
        self._write_waiting()

    def _write_waiting(self) -> None:
        while self._lines:
            batch = [self._lines.popleft() for _ in range(min(len(self._lines), _BATCH_LINES))]
            self._write(batch)
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._write([_to_json(None, "", {"event": "log lines dropped", "count": dropped})])

    def _write(self, batch: list[str]) -> None:
        data = redact("\n".join(batch) + "\n").encode("utf-8", "replace")
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            # Nobody reads the log any more (closed pipe, full disk); there is no other place to say so.
            self._dropped += len(batch)
            self._lines.clear()


class _NamedLogger:
    """What structlog hands the finished line to; remembers which module speaks."""

    __slots__ = ("msg", "name", "urgent")

    def __init__(self, name: str, writer: LineWriter) -> None:
        self.name = name
        self.msg = writer.msg
        self.urgent = writer.urgent

    def __getattr__(self, method: str) -> Callable[[str], None]:
        return self.urgent if method in _URGENT else self.msg


def _add_name(logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if isinstance(logger, _NamedLogger):
        event["logger"] = logger.name
    return event


def _add_context(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in request_context.get().items():
        event.setdefault(key, value)
    return event


def _to_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class _LibraryHandler(logging.Handler):
    """Sends the standard library's log records through the same processors and writer."""

    def __init__(self, processors: list[structlog.typing.Processor], writer: LineWriter) -> None:
        super().__init__()
        self._processors = processors
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        # Bolt gives its loggers the root's level whatever was set for them, so it is checked here again.
        if record.levelno < _LIBRARY_LEVELS.get(record.name.partition(".")[0], 0):
            return
        try:
            event: EventDict = {"event": record.getMessage(), "logger": record.name}
            if record.exc_info:
                event["exc_info"] = record.exc_info
            line: object = event
            for processor in self._processors:
                line = processor(self._writer, record.levelname.lower(), line)  # type: ignore[arg-type]  # last: str
            write = self._writer.urgent if record.levelno >= logging.WARNING else self._writer.msg
            write(str(line))
        except Exception:  # noqa: BLE001  # a record that cannot be shown must not end the caller
            self.handleError(record)


_writers: list[LineWriter] = []


def flush_logs() -> None:
    """Write what waits, so that what is printed next comes after it."""
    for writer in _writers:
        writer.flush()


def configure_logs(
    level: str = "INFO", form: Literal["auto", "json", "console"] = "auto", *, fd: int | None = None
) -> LineWriter:
    """Send all logs of the process to fd (standard error by default). Returns the writer, to be flushed at the end.

    form "auto" means console on a terminal and JSON lines elsewhere.
    """
    target = sys.stderr.fileno() if fd is None else fd
    console = form == "console" or (form == "auto" and os.isatty(target))
    writer = LineWriter(target)
    _writers.append(writer)
    atexit.register(writer.close)
    number = logging.getLevelNamesMapping()[level]
    final: list[structlog.typing.Processor] = (
        [
            structlog.processors.TimeStamper(fmt="%H:%M:%S"),
            structlog.dev.ConsoleRenderer(
                colors=os.isatty(target),
                # Traces without the values of local variables, which may be secrets.
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
        if console
        else [
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _to_json,
        ]
    )
    processors = [_add_name, _add_context, structlog.processors.add_log_level, *final]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *names: _NamedLogger(names[0] if names else "", writer),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _LibraryHandler):
            root.removeHandler(handler)
    root.addHandler(_LibraryHandler(processors, writer))
    root.setLevel(number)
    for name, least in _LIBRARY_LEVELS.items():
        # A library's own DEBUG repeats tokens and bodies; it is never let through.
        logging.getLogger(name).setLevel(max(number, least))
    return writer
