"""Text from files made fit to be shown: bounded length, nothing invisible."""

from __future__ import annotations

import unicodedata

CELL_LIMIT = 200
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Cc control, Cf format (bidi overrides, zero width), Co/Cs/Cn private, lone surrogates, unassigned, Zl/Zp separators
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


def visible(text: str, limit: int = CELL_LIMIT) -> str:
    """`text` with invisible characters written as escapes, cut to `limit` characters with an ellipsis."""
    cut = text[: limit + 1]
    if not cut.isprintable():
        cut = "".join(_shown(character) for character in cut)
    if len(text) > limit or len(cut) > limit:
        return cut[: limit - 1] + "…"
    return cut


def _shown(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if unicodedata.category(character) not in _INVISIBLE:
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
