"""The audit as a paged table, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.access.audit_request import PAGE, AuditRequest
from handlers.blockkit import actions, button, context, header, section
from handlers.message import Json, Message
from handlers.tables import Cell, data_table, number_cell, person_cell, time_cell
from handlers.text import Mrkdwn, lines, md, mention, truncate, when
from services.access.model import AuditEntry

CLASSIC = 15
_DETAIL = 160


def build(entries: Sequence[AuditEntry], request: AuditRequest) -> Message:
    """One page. entries: at most `PAGE` and one, which says that there is more."""
    shown, more = entries[:PAGE], len(entries) > PAGE
    top: tuple[Json, ...] = (header("Audit of access"), context(_scope(request, len(shown))))
    if not shown:
        return Message(
            text="Audit of access: nothing", blocks=(*top, section("Nothing matches."), *_buttons(request, None))
        )
    text = f"Audit of access: entries {shown[-1].seq:,} to {shown[0].seq:,}"
    classic = shown[:CLASSIC]
    rest = len(classic) < len(shown) or more
    return Message(
        text=text,
        blocks=(
            *top,
            data_table("Audit of access, newest first", _rows(shown)),
            *_buttons(request, shown[-1].seq if more else None),
        ),
        fallback=(
            *top,
            *(section(_line(each)) for each in classic),
            *_buttons(request, classic[-1].seq if rest else None),
        ),
    )


def _rows(entries: Sequence[AuditEntry]) -> list[list[Cell]]:
    return [["#", "When", "Who", "What", "Dataset", "For", "Details"], *map(_cells, entries)]


def _cells(entry: AuditEntry) -> list[Cell]:
    return [
        number_cell(entry.seq, str(entry.seq)),
        time_cell(entry.at),
        person_cell(entry.actor, "bot"),
        entry.action,
        entry.dataset or None,
        person_cell(entry.subject, "—"),
        truncate(_details(entry), _DETAIL) or None,
    ]


def _line(entry: AuditEntry) -> Mrkdwn:
    about = [md("*{}* {}", truncate(entry.action, 80), truncate(entry.dataset, 120))]
    about.append(md("{} · {} · by {}", f"{entry.seq:,}", when(entry.at), mention(entry.actor)))
    if entry.subject:
        about.append(md("for {}", mention(entry.subject)))
    if details := _details(entry):
        about.append(md("{}", truncate(details, 300)))
    return lines(about)


def _details(entry: AuditEntry) -> str:
    return " · ".join(f"{key}: {value}" for key, value in entry.details)


def _scope(request: AuditRequest, count: int) -> str:
    parts = [f"{count:,} entries" if count != 1 else "1 entry"]
    if request.dataset:
        parts.append(f"dataset {truncate(request.dataset, 120)}")
    if request.since:
        parts.append(f"since {request.since.isoformat()}")
    if request.until:
        parts.append(f"until {request.until.isoformat()}")
    scope = md("{}", ", ".join(parts))
    return md("{}, about {}", scope, mention(request.person)) if request.person else scope


def _buttons(request: AuditRequest, last: int | None) -> tuple[Json, ...]:
    row = []
    if request.before is not None:
        row.append(button("Newest", "go:newest", request.command(None)))
    if last is not None:
        row.append(button("Older", "go:older", request.command(last)))
    return (actions(row),) if row else ()
