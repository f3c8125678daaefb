"""Who may be named as an owner: full members, looked up when they are named."""

from __future__ import annotations

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.message import Json
from services.errors import InvalidInput, Unavailable


async def require_member(client: AsyncWebClient, user_id: str) -> None:
    """Raises InvalidInput (field "owner") when the person is no full member, Unavailable when Slack does not tell."""
    try:
        user: Json = (await client.users_info(user=user_id))["user"]
    except SlackApiError as error:
        if error.response["error"] in {"user_not_found", "user_not_visible"}:
            raise _refused() from error
        raise Unavailable("Slack did not tell me who that is. Please try again.") from error
    outside = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
    if user_id == "USLACKBOT" or any(user.get(mark) for mark in outside):
        raise _refused()


def _refused() -> InvalidInput:
    return InvalidInput(
        "Only active full members of this workspace can own a dataset: no guests, apps or people of other "
        "organisations. Choose somebody else.",
        code="bad_owner",
        field="owner",
    )
