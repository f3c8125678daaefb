"""What a Web API method is: a function of the workspace and its arguments, giving the answer without `ok`."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, TypeVar

from bot.sandbox.state import Channel
from bot.sandbox.wire import Args, JsonObject, SlackError
from bot.sandbox.workspace import Workspace

Method: TypeAlias = Callable[[Workspace, Args], Awaitable[JsonObject]]
T = TypeVar("T")


def invalid_arguments(*messages: str) -> SlackError:
    """`invalid_arguments` with the messages Slack puts into `response_metadata`."""
    return SlackError(
        "invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}" for message in messages]}
    )


def need_scope(ws: Workspace, needed: str) -> None:
    """Refuse with `missing_scope` unless the manifest asks for this scope."""
    granted = ws.manifest.bot_scopes
    if needed not in granted:
        raise SlackError("missing_scope", needed=needed, provided=",".join(sorted(granted)))


def writable(channel: Channel) -> Channel:
    """The channel if anything may be posted there, else SlackError `is_archived`."""
    if channel.is_archived:
        raise SlackError("is_archived")
    return channel


def page_of(items: Sequence[T], args: Args, *, default: int = 100, most: int = 1000) -> tuple[list[T], str]:
    """One page of a cursor-paged list and the cursor of the next (empty at the end).

    Raises SlackError `invalid_limit` or `invalid_cursor`.
    """
    limit = args.integer("limit", default)
    if limit == 0:
        limit = default
    if not 1 <= limit <= most:
        raise SlackError("invalid_limit")
    start = 0
    if cursor := args.text("cursor"):
        try:
            start = int(base64.b64decode(cursor, validate=True).removeprefix(b"offset:"))
        except (ValueError, binascii.Error):
            raise SlackError("invalid_cursor") from None
    end = start + limit
    following = base64.b64encode(b"offset:%d" % end).decode() if end < len(items) else ""
    return list(items[start:end]), following
