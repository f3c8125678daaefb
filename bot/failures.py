"""Failures that end a command, as sentences for the person at the terminal."""

from __future__ import annotations

import errno
import os
import sys

from bot.logs import configure_logs, get_logger, new_request_id
from bot.settings import SettingsError

_NO_PLACE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENAMETOOLONG})
"""Why a file or directory cannot be made where the settings say."""


def explain(error: Exception) -> str:
    """One sentence that says what to do. An unknown error's trace goes to the log, under the sentence's reference."""
    if isinstance(error, SettingsError):
        return "\ndataset-bot: ".join(error.sentences)
    known = _known(error)
    if known is not None:
        return known
    reference = new_request_id()
    writer = configure_logs("INFO", "json" if not sys.stderr.isatty() else "auto")
    get_logger("bot.cli").error("unexpected error", request_id=reference, exc_info=error)
    writer.flush()
    return f"Something went wrong that nobody foresaw; the log has it under the reference {reference}."


def _known(error: Exception) -> str | None:  # noqa: PLR0911  # one for each kind
    from slack_sdk.errors import SlackApiError  # noqa: PLC0415  # not needed for settings that are wrong
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415

    from bot.http import PortTakenError  # noqa: PLC0415
    from services.errors import UserError  # noqa: PLC0415
    from services.store.migrate import SchemaTooNewError  # noqa: PLC0415

    match error:
        case PortTakenError():
            return str(error)
        case SchemaTooNewError():
            return (
                "The database was used by a newer version of the bot; start that one, or set DATABASE_URL to another."
            )
        case OperationalError():
            return "The database of DATABASE_URL cannot be opened; run dataset-bot check to see why."
        case SlackApiError():
            code = error.response.get("error")
            return f"Slack refused the bot token ({code}); run dataset-bot check to see what to fix."
        case UserError():
            return error.sentence
        case PermissionError():
            return f"The bot may not write to {error.filename}; allow it, or set WORKSPACE or DATABASE_URL elsewhere."
        case FileNotFoundError() if error.filename is None:
            return str(error)
        case OSError() if error.filename is not None and error.errno in _NO_PLACE:
            reason = os.strerror(error.errno)
            return (
                f"The bot cannot keep its files at {error.filename} ({reason}); make room or choose another place "
                "with WORKSPACE, DATABASE_URL or INDEX_FILE."
            )
        case OSError() if error.errno == errno.ENOSPC:
            return "The disk is full; make room, or set WORKSPACE, DATABASE_URL or INDEX_FILE to another place."
    return None
