"""What an error of a Slack call means for the message that was to be sent.

Sources: the errors of https://docs.slack.dev/reference/methods/chat.postMessage and chat.update.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import aiohttp
from slack_sdk.errors import SlackApiError

from handlers.posting import error_code


class Meaning(StrEnum):
    """NOT_SENT: Slack was not reached. DOUBTFUL: it may have been sent. RATE_LIMITED: not sent, later it will be.

    NOT_ALLOWED: the token or the app's installation is at fault; heals by configuration, for all messages alike.
    HOPELESS: this message can never arrive. REFUSED: Slack's reason is not one of those known here.
    """

    NOT_SENT = "not_sent"
    DOUBTFUL = "doubtful"
    RATE_LIMITED = "rate_limited"
    NOT_ALLOWED = "not_allowed"
    HOPELESS = "hopeless"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Trouble:
    """code: Slack's name for it, or the error's type. wait: seconds that Slack asks for, 0 if it does not."""

    meaning: Meaning
    code: str
    wait: float = 0.0


_NOT_ALLOWED = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",  # the bot's own account, or the workspace: not the reader's
        "not_allowed_token_type",
        "missing_scope",
        "org_login_required",
        "team_access_not_granted",
        "team_added_to_org",
        "accesslimited",
    }
)
_MAY_HAVE_HAPPENED = frozenset({"internal_error", "fatal_error", "service_unavailable", "no_json"})
_CUT_ON_THE_WAY = frozenset({"request_timeout"})  # Slack's word for a body that came incomplete
_HOPELESS = frozenset(
    {
        "cannot_dm_bot",
        "cant_update_message",
        "channel_not_found",
        "edit_window_closed",
        "is_archived",
        "is_inactive",
        "message_not_found",
        "messages_tab_disabled",
        "not_in_channel",
        "restricted_action",
        "user_disabled",
        "user_not_found",
        "user_not_visible",
    }
)
NO_THREAD = frozenset({"thread_not_found", "cannot_reply_to_message"})
"""The message whose thread it was to go to is gone."""

_NEVER_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.ConnectionTimeoutError)

Unreached = aiohttp.ClientError | TimeoutError | OSError
CALL_ERRORS = (SlackApiError, aiohttp.ClientError, TimeoutError, OSError)
"""What a call of the Web API raises."""


def trouble(error: SlackApiError | Unreached) -> Trouble:
    """What the error means."""
    if isinstance(error, SlackApiError):
        return _refusal(error)
    meaning = Meaning.NOT_SENT if isinstance(error, _NEVER_CONNECTED) else Meaning.DOUBTFUL
    return Trouble(meaning, type(error).__name__)


def _refusal(error: SlackApiError) -> Trouble:
    code, status = error_code(error), _status(error)
    if status == 429 or code in {"ratelimited", "rate_limited"}:
        return Trouble(Meaning.RATE_LIMITED, "ratelimited", _retry_after(error))
    if status >= 500 or code in _MAY_HAVE_HAPPENED:
        return Trouble(Meaning.DOUBTFUL, code)
    if code in _CUT_ON_THE_WAY or code.startswith("http_"):
        return Trouble(Meaning.NOT_SENT, code)  # something on the way to Slack answered in its place
    for meaning, codes in ((Meaning.NOT_ALLOWED, _NOT_ALLOWED), (Meaning.HOPELESS, _HOPELESS)):
        if code in codes:
            return Trouble(meaning, code)
    return Trouble(Meaning.REFUSED, code)


def _status(error: SlackApiError) -> int:
    status = getattr(error.response, "status_code", getattr(error.response, "status", None))
    return status if isinstance(status, int) else 200


def _retry_after(error: SlackApiError) -> float:
    headers = getattr(error.response, "headers", None) or {}
    asked = next((value for name, value in headers.items() if name.lower() == "retry-after"), "1")
    return max(1.0, float(asked)) if str(asked).isdigit() else 1.0
