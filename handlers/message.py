"""A message before it is sent: text, first-choice blocks and the classic blocks behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
"""One Slack JSON object. Its shape belongs to Slack; blockkit builders are the only writers."""

CLASSIC_BLOCKS = frozenset(
    {"section", "header", "divider", "image", "actions", "context", "input", "rich_text", "file"}
)
"""Blocks that every Slack client has drawn for years; others may be refused while they are rolled out."""


@dataclass(frozen=True, slots=True)
class Message:
    """text: what notifications and screen readers say (plain). fallback: used when a block of `blocks` is refused."""

    text: str
    blocks: tuple[Json, ...] = ()
    fallback: tuple[Json, ...] = ()
    metadata: Json | None = field(default=None)

    @property
    def new_blocks(self) -> frozenset[str]:
        """Types of blocks that a client or workspace may not know yet."""
        return frozenset(b["type"] for b in self.blocks) - CLASSIC_BLOCKS
