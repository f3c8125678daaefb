"""Who may be named as an owner, or for an incident: full members, looked up when they are named."""

from __future__ import annotations

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.message import Json
from services.errors import InvalidInput, Unavailable


async def require_member(
    client: AsyncWebClient, user_id: str, *, to: str = "own a dataset", field: str = "owner"
) -> None:
    """Raises InvalidInput when the person is no full member, Unavailable when Slack does not tell.

    to: what only members can do. field: of the form.
    """
    try:
        user: Json = (await client.users_info(user=user_id))["user"]
    except SlackApiError as error:
        if error.response["error"] in {"user_not_found", "user_not_visible"}:
            raise _refused(to, field) from error
        raise Unavailable("Slack did not tell me who that is. Please try again.") from error
    outside = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
    if user_id == "USLACKBOT" or any(user.get(mark) for mark in outside):
        raise _refused(to, field)


def _refused(to: str, field: str) -> InvalidInput:
    return InvalidInput(
        f"Only active full members of this workspace can {to}: no guests, apps or people of other "
        "organisations. Choose somebody else.",
        code="bad_owner",
        field=field,
    )
