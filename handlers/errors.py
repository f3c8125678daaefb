"""Errors in the person's words: known ones as their sentence, unknown ones as a reference that is also in the log."""

from __future__ import annotations

import structlog
from slack_sdk.errors import SlackApiError

from handlers.blockkit import actions, modal, section
from handlers.datasets.naming import command_button, dataset_command, dataset_word
from handlers.message import Json, Message
from handlers.text import code, md, told
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
    blocks = [section(told(sentence))]
    if isinstance(error, NotFound) and error.suggestions:
        blocks.append(actions([_suggestion(error, i) for i in range(min(3, len(error.suggestions)))]))
    return Message(text=sentence, blocks=tuple(blocks))


def _suggestion(error: NotFound, index: int) -> Json:
    """A button that shows what may have been meant."""
    meant = error.suggestions[index]
    command = f"/datastore show {dataset_word(meant)}"
    if error.kind == "dataset":
        name, _, version = meant.rpartition(":")
        is_version = bool(name) and version.isdecimal()
        command = dataset_command("show", name, int(version)) if is_version else dataset_command("show", meant)
    return command_button(f"Show {meant}", f"run:suggestion:{index}", command)


def error_view(error: BaseException, request_id: str, *, title: str = "Dataset Bot") -> Json:
    """The same as a modal, for people who are looking at one."""
    message = error_message(error, request_id)
    blocks = [block for block in message.blocks if block["type"] != "actions"]
    sentence = known(error)
    if sentence is not None:
        blocks[0] = section(md(":warning: {}", told(sentence)))
    return modal("error", title, blocks, close="Back")
