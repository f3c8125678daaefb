"""Errors in the person's words: known ones as their sentence, unknown ones as a reference that is also in the log."""

from __future__ import annotations

import structlog
from slack_sdk.errors import SlackApiError

from handlers.blockkit import actions, button, context, modal, section
from handlers.message import Json, Message
from handlers.text import code, md
from services.errors import NotFound, UserError

log = structlog.get_logger(__name__)

SLACK_SENTENCES = {
    "expired_trigger_id": "That took too long for Slack to open the form. Please try again.",
    "exchanged_trigger_id": "That form was opened already. Please try again.",
    "not_in_channel": "I am not in this channel. Invite me with /invite, or ask me in a direct message.",
    "channel_not_found": "I cannot see this channel. Invite me with /invite, or ask me in a direct message.",
    "is_archived": "This channel is archived, so nothing can be posted here.",
    "ratelimited": "Slack asks me to slow down. Please try again in a minute.",
    "view_too_large": "There is too much to show in one form. Please narrow it down.",
}


def known(error: BaseException) -> str | None:
    """The sentence of an error that a person can act on, else None."""
    if isinstance(error, UserError):
        return error.sentence
    if isinstance(error, SlackApiError):
        return SLACK_SENTENCES.get(str(error.response.get("error")))
    return None


def error_message(error: BaseException, request_id: str) -> Message:
    """The message for an error; an unknown one is logged with the reference that the message shows."""
    sentence = known(error)
    if sentence is None:
        log.error("unexpected_error", reference=request_id, exc_info=error)
        return Message(
            text=f"Something went wrong. Reference: {request_id}",
            blocks=(
                section(
                    md(
                        ":warning: Something went wrong on my side; nothing was changed unless I said so. "
                        "If it happens again, tell your platform team this reference: {}",
                        code(request_id),
                    )
                ),
            ),
        )
    log.info("told_error", code=getattr(error, "code", "slack"), reference=request_id)
    blocks = [section(sentence)]
    if isinstance(error, NotFound) and error.suggestions:
        blocks.append(
            actions(
                [
                    button(f"Show {name}", f"run:suggestion:{i}", f"/dataset show {quote(name)}")
                    for i, name in enumerate(error.suggestions[:3])
                ]
            )
        )
    return Message(text=sentence, blocks=tuple(blocks))


def error_view(error: BaseException, request_id: str, *, title: str = "Dataset Bot") -> Json:
    """The same as a modal, for people who are looking at one."""
    message = error_message(error, request_id)
    return modal("error", title, [b for b in message.blocks if b["type"] != "actions"], close="Back")


def quote(name: str) -> str:
    """A dataset name as a word of a command: quoted when it holds anything but plain name characters."""
    if name and all(c.isalnum() or c in "-_." for c in name):
        return name
    return '"' + name.replace('"', "'") + '"'


def small_print(request_id: str) -> Json:
    """The reference under an answer that may be asked about."""
    return context(md("Reference {}", code(request_id)))
