"""What people whom the bot does not serve tried to do with access: refused at the door, and in the audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from handlers.context import Services
from handlers.grammar import tokenize
from services.errors import UserError

log = structlog.get_logger(__name__)

COMMANDS = {
    "access": "request",
    "request": "request",
    "grant": "request",
    "give": "request",
    "revoke": "grant.revoke",
    "grants": "grants.read",
    "audit": "audit.read",
}
"""What the commands of access begin, by all of their names."""

REQUEST_BUTTONS = frozenset({"approve", "deny", "cancel", "retry", "decide"})
GRANT_BUTTONS = frozenset({"done", "extend", "revoke", "review"})
FORMS = {
    "access_request": "request",
    "access_deny": "request.deny",
    "access_revoke": "grant.revoke",
    "access_review": "grant.review",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried. The ids and the name are as they were sent, which proves nothing."""

    action: str
    dataset: str = ""
    request_id: str = ""
    grant_id: str = ""


def attempt_of(body: Mapping[str, Any]) -> Attempt | None:
    """What a delivery would have done with access; None when it has nothing to do with it."""
    if "command" in body:
        return _typed(str(body.get("text") or ""))
    match body.get("type"):
        case "block_actions":
            return _pressed(next(iter(body.get("actions") or ()), {}))
        case "view_submission":
            action = FORMS.get(str((body.get("view") or {}).get("callback_id") or ""))
            return Attempt(action) if action else None
        case "shortcut" if body.get("callback_id") == "request_access":
            return Attempt("request")
        case _:
            return None


async def note_refusal(services: Services, body: Mapping[str, Any], user_id: str, error: UserError) -> None:
    """Into the audit, where it concerns access. A database that does not take it changes nothing of the refusal."""
    attempt = attempt_of(body)
    if attempt is not None:
        await note_attempt(services, attempt, user_id, error)


async def note_attempt(services: Services, attempt: Attempt, user_id: str, error: UserError) -> None:
    """The same for an attempt that is known."""
    try:
        await services.access.turned_away(
            user_id,
            attempt.action,
            error,
            dataset=attempt.dataset,
            request_id=attempt.request_id,
            grant_id=attempt.grant_id,
        )
    except Exception as failure:  # whatever the database raises: the person is refused all the same
        log.error("refusal_not_in_audit", user=user_id, action=attempt.action, exc_info=failure)


def _typed(text: str) -> Attempt | None:
    words = tokenize(text)
    action = COMMANDS.get(words[0].text.lower()) if words else None
    return Attempt(action, dataset=words[1].text if len(words) > 1 else "") if action else None


def _pressed(action: Mapping[str, Any]) -> Attempt | None:
    kind, _, rest = str(action.get("action_id") or "").partition(":")
    value = str(action.get("value") or "")
    if kind in {"run", "go", "share"}:
        return _typed(value.partition(" ")[2])
    verb = rest.partition(":")[0]
    if kind != "access":
        return None
    if verb in REQUEST_BUTTONS:
        return Attempt(f"request.{verb}", request_id=value)
    return Attempt(f"grant.{verb}", grant_id=value) if verb in GRANT_BUTTONS else None
