"""Who acts, as the services see them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A full member whose identity was established at the door. user_id: Slack user id, opaque here."""

    user_id: str
    is_admin: bool = False
