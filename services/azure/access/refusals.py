"""What Azure refuses when access is given, in a person's words, naming the role that the bot's identity lacks."""

from __future__ import annotations

import re
from collections.abc import Callable

from services.azure.access.roles import ADMINISTRATOR
from services.azure.errors import FORBIDDEN, MISSING, SERVER_ERRORS, THROTTLED, UNAUTHORIZED, Refusal
from services.errors import Busy, Conflict, InvalidInput, NotAllowed, Unavailable, UserError

THING = "Azure Resource Manager"

_ACTION = re.compile(r"perform action '([^']+)'")
_SCOPE = re.compile(r"over scope '([^']+)'")
_OBJECT = re.compile(r"object id '([^']+)'")


class Refused(Exception):
    """Azure said no; inside this package the code decides what to do, outside people are told the sentence."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.status} {refusal.code}")
        self.refusal = refusal

    @property
    def code(self) -> str:
        """Azure's error code, "" where it gave none."""
        return self.refusal.code

    @property
    def missing(self) -> bool:
        """There is no such thing (any more)."""
        return self.refusal.status == MISSING


def told(refusal: Refusal) -> UserError:
    """The sentence for a refusal."""
    status = refusal.status
    if status in SERVER_ERRORS or status == 408:
        return Unavailable(
            f"{THING} has a problem of its own right now (status {status}). Try again in a few minutes.",
            code="azure_server_error",
        )
    by_code = _BY_CODE.get(refusal.code)
    if by_code is not None:
        return by_code()
    return _BY_STATUS.get(status, _other)(refusal)


def _throttled(refusal: Refusal) -> UserError:
    wait = f"{refusal.retry_after:.0f} seconds" if refusal.retry_after else "a minute"
    return Busy(f"{THING} asks the bot to slow down. Try again in {wait}.", code="azure_throttled")


def _unauthorized(_refusal: Refusal) -> UserError:
    return Unavailable(
        f"{THING} does not accept the bot's sign-in any more. Try again in a minute; if it stays so, the bot's "
        "administrator can run dataset-bot check.",
        code="azure_unauthorized",
    )


def _gone(refusal: Refusal) -> UserError:
    return Conflict(
        "The storage account, the container or the workspace is not there any more, so no access to it can be "
        f"given.{_said(refusal)}",
        code="azure_missing",
    )


def _other(refusal: Refusal) -> UserError:
    return InvalidInput(f"{THING} refuses this.{_said(refusal)}", code="azure_refused")


def _locked() -> UserError:
    return Conflict(
        "The storage account, the workspace or what holds it is locked in Azure, so that roles on it cannot be "
        "changed. Remove the lock, then retry.",
        code="azure_locked",
    )


def _limit() -> UserError:
    return Unavailable(
        "The Azure subscription has as many role assignments as it can have. Remove some, then retry.",
        code="role_assignment_limit",
    )


def _said(refusal: Refusal) -> str:
    said = refusal.message or refusal.code
    return f" It says: {said}" if said else ""


def _forbidden(refusal: Refusal) -> NotAllowed:
    action, scope, who = (
        found[1] if found else "" for found in (each.search(refusal.message) for each in (_ACTION, _SCOPE, _OBJECT))
    )
    identity = f" ({who})" if who else ""
    where = f" on {scope}" if scope else " on the storage accounts and the workspace"
    if "abac" in refusal.message.lower() or refusal.code == "RoleAssignmentNotPermitted":
        return NotAllowed(
            f"The bot's identity{identity} may give roles only under a condition, which does not allow this one. "
            f"Allow it in the condition of its role {ADMINISTRATOR}{where}.",
            code="azure_forbidden",
        )
    lacks = f"it lacks {action}" if action else "it lacks the right to give roles"
    role = "Reader" if action.lower().endswith("/read") else ADMINISTRATOR
    return NotAllowed(
        f"The bot's identity{identity} may not do this: {lacks}. Give it the role {role}{where}, and try again some "
        "minutes later.",
        code="azure_forbidden",
    )


_BY_CODE: dict[str, Callable[[], UserError]] = {
    "ScopeLocked": _locked,
    "ReadOnlyDisabledSubscription": _locked,
    "RoleAssignmentLimitExceeded": _limit,
}
_BY_STATUS: dict[int, Callable[[Refusal], UserError]] = {
    UNAUTHORIZED: _unauthorized,
    FORBIDDEN: _forbidden,
    MISSING: _gone,
    THROTTLED: _throttled,
}


def silent() -> Unavailable:
    """No answer in time, or none at all."""
    return Unavailable(f"{THING} does not answer. Try again in a minute.", code="azure_slow")


def misunderstood() -> Unavailable:
    """A success that says nothing that the client understands."""
    return Unavailable(
        f"{THING} gave an answer that the bot does not understand. Try again in a minute.", code="azure_wrong_shape"
    )
