"""What is known of the workspace itself, for snippets and sentences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkspaceFacts:
    """Where the datasets live. A local workspace has no subscription: its Azure snippets read config.json
    instead.
    """

    name: str
    subscription_id: str = ""
    resource_group: str = ""

    @property
    def is_local(self) -> bool:
        """True for a workspace that is a folder of this machine."""
        return not self.subscription_id
