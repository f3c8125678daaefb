"""Text from files in the sentences of the reader."""

from __future__ import annotations

from services.visible import CELL_LIMIT, visible

__all__ = ["CELL_LIMIT", "quoted", "visible"]


def quoted(text: str, limit: int = 120) -> str:
    """A path or value inside a sentence: visible, cut and in quotation marks."""
    return f"“{visible(text, limit)}”"
