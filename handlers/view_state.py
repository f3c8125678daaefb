"""What a person filled in: `view.state.values` read by block id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.message import Json


@dataclass(frozen=True, slots=True)
class ViewState:
    """The values of a view's inputs. Blocks that the view does not have read as empty."""

    values: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, view: Json) -> ViewState:
        """The state of a view as Slack delivers it."""
        return cls((view.get("state") or {}).get("values") or {})

    def has(self, block_id: str) -> bool:
        """Is there such an input?"""
        return block_id in self.values

    def text(self, block_id: str) -> str:
        """A text field as typed."""
        return str(self._element(block_id).get("value") or "")

    def choice(self, block_id: str) -> str:
        """The value of the chosen option of a drop-down or radio group."""
        return str((self._element(block_id).get("selected_option") or {}).get("value") or "")

    def user(self, block_id: str) -> str:
        """The chosen person's Slack id."""
        return str(self._element(block_id).get("selected_user") or "")

    def conversation(self, block_id: str) -> str:
        """The chosen channel's Slack id."""
        return str(self._element(block_id).get("selected_conversation") or "")

    def ticked(self, block_id: str) -> bool:
        """Is any box of the group ticked?"""
        return bool(self._element(block_id).get("selected_options"))

    def _element(self, block_id: str) -> Mapping[str, Any]:
        # An input block has one element, whatever its action_id.
        return next(iter(self.values.get(block_id, {}).values()), {})
