"""The beginning of a stored profile, readable without numpy: what it is, and which plan it was made with."""

from __future__ import annotations

MAGIC = b"DBDP"
VERSION = 1
PLAN_BYTES = 16
HEAD = len(MAGIC) + 1 + PLAN_BYTES
"""Bytes before what is packed: the magic, the format's version, the plan's id."""


class NotAProfileError(ValueError):
    """The bytes are no profile, or one of a version that this program does not know; the text says which."""


def is_profile(data: bytes) -> bool:
    """Do the first bytes say that this is a profile?"""
    return data[: len(MAGIC)] == MAGIC and len(data) > len(MAGIC)


def plan_id_of(data: bytes) -> str:
    """The id of the plan that an encoded profile was made with. Raises NotAProfileError."""
    check_head(data)
    return data[len(MAGIC) + 1 : HEAD].hex()


def check_head(data: bytes) -> None:
    """Raises NotAProfileError for what is no profile, or one of another format."""
    if not is_profile(data):
        raise NotAProfileError("this is not a stored profile")
    found = data[len(MAGIC)]
    if found != VERSION:
        raise NotAProfileError(
            f"this profile has format {found}, and this program reads format {VERSION}; make it again"
        )
    if len(data) < HEAD:
        raise NotAProfileError("the stored profile is cut off")
