"""A message before it is sent: text, first-choice blocks and the classic blocks behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handlers.text import Mrkdwn, one_line, truncate_escaped

if TYPE_CHECKING:
    from handlers.picture import Picture

NOTIFICATION_TEXT = 3000
"""Far below Slack's 40,000, as Slack advises: https://docs.slack.dev/reference/methods/chat.postMessage#truncating"""

Json = dict[str, Any]
"""One Slack JSON object. Its shape belongs to Slack; blockkit builders are the only writers."""

CLASSIC_BLOCKS = frozenset(
    {"section", "header", "divider", "image", "actions", "context", "input", "rich_text", "file"}
)
"""Blocks that every Slack client has drawn for years; others may be refused while they are rolled out."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    text: what notifications and screen readers say; escaped when sent, unless it is `Mrkdwn`.
    fallback: used when a block of `blocks` is refused. picture: what a `picture_block` among them shows; only notices
    can have one.
    """

    text: str
    blocks: tuple[Json, ...] = ()
    fallback: tuple[Json, ...] = ()
    metadata: Json | None = field(default=None)
    picture: Picture | None = None

    @property
    def notification(self) -> str:
        """`text` as Slack's top-level text takes it, which is markup: plain text is escaped."""
        return self.text if isinstance(self.text, Mrkdwn) else truncate_escaped(one_line(self.text), NOTIFICATION_TEXT)

    @property
    def new_blocks(self) -> frozenset[str]:
        """Types of blocks that a client or workspace may not know yet."""
        return frozenset(b["type"] for b in self.blocks) - CLASSIC_BLOCKS
