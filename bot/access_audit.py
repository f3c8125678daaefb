"""`dataset-bot audit verify` and `dataset-bot audit export`: the audit for whoever does not trust the bot's screens."""

from __future__ import annotations

import contextlib
import csv
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TextIO

from bot.settings import Settings
from services.access.audit import Head, content, rfc3339
from services.access.model import AuditEntry
from services.errors import InvalidInput, NotFound
from services.store import migrate
from services.store.access_audit import AuditChains
from services.store.database import Database

COLUMNS = (
    "seq",
    "at",
    "actor",
    "action",
    "dataset",
    "subject",
    "request_id",
    "grant_id",
    "details",
    "previous",
    "hash",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def verify(settings: Settings, anchor: str, workspace: str, say: Callable[[str], None]) -> int:
    """Walk every chain; returns the exit code, 1 when one is broken. anchor: "SEQ:HASH" noted at an earlier time."""
    head = read_anchor(anchor)
    code = 0
    async with _chains(settings) as chains:
        for number, key in await _chosen(chains, workspace):
            found = await chains.verify(number, key, anchor=head)
            if found.broken is None:
                say(f"{key}: {found.count} entries, all in order. Head: {found.head.seq}:{found.head.hash}")
            else:
                code = 1
                say(f"{key}: BROKEN at entry {found.broken.seq} ({found.broken.fault}). {found.broken.sentence}")
                say(f"  The {found.count} entries before it are in order.")
    if code == 0:
        say("Note the heads where the bot cannot write, and give them to --anchor next time.")
    return code


async def export(
    settings: Settings,
    *,
    form: str,
    since: datetime | None = None,
    until: datetime | None = None,
    workspace: str = "",
    output: Path | None = None,
) -> int:
    """Write entries with since ≤ at < until, oldest first, as csv or jsonl, to a file or standard output."""
    async with _chains(settings) as chains:
        chosen = await _chosen(chains, workspace)
        if len(chosen) > 1:
            keys = ", ".join(key for _, key in chosen)
            raise InvalidInput(f"The database holds several workspaces; choose one with --workspace: {keys}")
        with _opened(output) as file:
            write = _csv_writer(file) if form == "csv" else _jsonl_writer(file)
            for number, _ in chosen:
                async for entry in chains.entries(number, since=since, until=until):
                    write(entry)
    return 0


def read_anchor(text: str) -> Head | None:
    """ "SEQ:HASH" as `verify` prints it, None for "". Raises InvalidInput."""
    if not text:
        return None
    seq, _, digest = text.partition(":")
    if not seq.isdecimal() or not digest:
        raise InvalidInput("Write --anchor as an earlier run printed it, NUMBER:HASH.")
    return Head(int(seq), digest.strip())


def read_moment(text: str, *, end: bool = False) -> datetime | None:
    """A day (2026-03-01 in UTC; with `end`, the one after it) or a moment with zone; None for "".

    Raises InvalidInput.
    """
    if not text:
        return None
    try:
        if len(text) == len("2026-03-01"):
            day = date.fromisoformat(text) + timedelta(days=int(end))
            return datetime.combine(day, time(), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{text} is no time; write 2026-03-01 or 2026-03-01T12:00:00+01:00.") from None
    if moment.tzinfo is None:
        raise InvalidInput(f"{text} has no time zone; write Z or an offset such as +01:00 at its end.")
    return moment.astimezone(UTC)


@contextlib.asynccontextmanager
async def _chains(settings: Settings) -> AsyncIterator[AuditChains]:
    """Reads only: a database that is not of this version is left as it is. Raises InvalidInput."""
    if migrate.current(settings.database_url) != migrate.head():
        raise InvalidInput("The database is empty or of another version of the bot; start this one first.")
    database = Database.open(settings.database_url)
    try:
        yield AuditChains(database)
    finally:
        await database.close()


async def _chosen(chains: AuditChains, workspace: str) -> list[tuple[int, str]]:
    found = [each for each in await chains.workspaces() if workspace in ("", each[1])]
    if not found and workspace:
        raise NotFound(f"The database holds no workspace {workspace}.")
    return found


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    with output.open("w", encoding="utf-8", newline="") as file:
        yield file


def _jsonl_writer(file: TextIO) -> Callable[[AuditEntry], None]:
    """What the hash covers, and the hash: whoever has the lines can verify them without the bot."""

    def write(entry: AuditEntry) -> None:
        line = {**content(entry), "hash": entry.hash}
        file.write(f"{json.dumps(line, ensure_ascii=False, sort_keys=True)}\n")

    return write


def _csv_writer(file: TextIO) -> Callable[[AuditEntry], None]:
    """RFC 4180. What a spreadsheet would take for a formula begins with an apostrophe."""
    writer = csv.writer(file)
    writer.writerow(COLUMNS)

    def write(entry: AuditEntry) -> None:
        details = json.dumps(dict(entry.details), ensure_ascii=False)
        values = (
            str(entry.seq),
            rfc3339(entry.at),
            entry.actor,
            entry.action,
            entry.dataset,
            entry.subject,
            entry.request_id,
            entry.grant_id,
            details,
            entry.previous,
            entry.hash,
        )
        writer.writerow([f"'{each}" if each.startswith(_FORMULA) else each for each in values])

    return write
