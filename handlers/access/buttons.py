"""The buttons of access. Each carries an id alone; what it means and who may press it is asked when it is pressed."""

from __future__ import annotations

from handlers.blockkit import button, confirm, numbered
from handlers.datasets.naming import command_button, dataset_command
from handlers.message import Json
from handlers.text import Mrkdwn, join, md, truncate
from services.access.model import AccessRequest, Grant

APPROVE, DENY, CANCEL, RETRY, DECIDE = (
    "access:approve",
    "access:deny",
    "access:cancel",
    "access:retry",
    "access:decide",
)
DONE, EXTEND, REVOKE, REVIEW = "access:done", "access:extend", "access:revoke", "access:review"


def approve_button(request: AccessRequest, who: str) -> Json:
    """Approve, asked once more with what it opens. who: for whom, as plain text."""
    opens = join(" ", [truncate(each, 120) for each in request.opens[:2]]) or Mrkdwn("")
    told = md(
        "{} gets *{}* access to {} for the time asked. {}",
        truncate(who, 60),
        request.level.value,
        truncate(request.dataset, 60),
        opens,
    )
    asked = confirm("Approve this access?", told, "Approve")
    return button("Approve", APPROVE, request.id, style="primary", confirm=asked, label="Approve the request")


def deny_button(request: AccessRequest) -> Json:
    """Deny; the reason is asked in a form."""
    return button("Deny…", DENY, request.id, style="danger", label="Deny the request, with a reason")


def decide_button(request: AccessRequest, number: int | None = None) -> Json:
    """Look at a request and decide, where its card is not in sight."""
    return button("Decide…", numbered(DECIDE, number), request.id, label=f"Decide about {request.dataset}")


def cancel_button(request: AccessRequest, number: int | None = None) -> Json:
    """Take a request back."""
    asked = confirm(
        "Cancel this request?", "Nobody is asked any more. You can ask again at any time.", "Cancel it", "Keep"
    )
    return button("Cancel request", numbered(CANCEL, number), request.id, confirm=asked)


def retry_button(request: AccessRequest, number: int | None = None) -> Json:
    """Try to give it once more."""
    label = f"Retry to give access to {request.dataset}"
    return button("Retry", numbered(RETRY, number), request.id, style="primary", label=label)


def done_button(grant: Grant, number: int | None = None) -> Json:
    """The holder needs it no more."""
    asked = confirm(
        "Give this access back?",
        md("{} access to {} ends now.", grant.level.value, truncate(grant.dataset, 100)),
        "I'm done",
        "Keep",
    )
    return button("I'm done", numbered(DONE, number), grant.id, confirm=asked, label=f"I'm done with {grant.dataset}")


def extend_button(grant: Grant, number: int | None = None) -> Json:
    """Ask to keep it for longer."""
    return button("Extend…", numbered(EXTEND, number), grant.id, label=f"Extend access to {grant.dataset}")


def revoke_button(grant: Grant, number: int | None = None) -> Json:
    """Take it away; the reason is asked in a form."""
    return button("Revoke…", numbered(REVOKE, number), grant.id, style="danger", label=f"Revoke {grant.dataset}")


def review_button(grant: Grant, number: int | None = None) -> Json:
    """Say that emergency access was looked at."""
    return button("Review…", numbered(REVIEW, number), grant.id, style="primary", label=f"Review {grant.dataset}")


def use_button(dataset: str) -> Json:
    """How to read it now."""
    return command_button("Use", "run:use", dataset_command("use", dataset))


def give_button(dataset: str) -> Json:
    """The form for giving access, for those who decide."""
    return command_button("Give access…", "run:grant", dataset_command("grant", dataset))


def ask_button(dataset: str, text: str = "Request access", *, style: str | None = None) -> Json:
    """The request form, for a dataset."""
    return command_button(text, "run:access", dataset_command("access", dataset), style=style)
