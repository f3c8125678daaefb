"""Small JSON values inside the strings that Slack gives back to us: private_metadata and button values.

They carry what a form cannot show (what was typed in fields that are hidden now, where an answer belongs), never a
right: whatever comes back is checked like typed text.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib

from pydantic import JsonValue

METADATA_LIMIT = 3000
"""Characters of private_metadata. https://docs.slack.dev/reference/views/modal-views"""

_UNPACKED_LIMIT = 200_000


def pack(value: JsonValue) -> str:
    """The value as text of URL-safe characters; "" for an empty one."""
    if not value:
        return ""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(zlib.compress(plain, 9)).decode()


def unpack(text: str) -> dict[str, JsonValue]:
    """What `pack` was given when that was an object; an empty object for anything else (an older bot's, say)."""
    if not text:
        return {}
    try:
        inflate = zlib.decompressobj()
        plain = inflate.decompress(base64.urlsafe_b64decode(text.encode()), _UNPACKED_LIMIT)
        value = json.loads(plain.decode("utf-8", "surrogatepass")) if plain else {}
    except (ValueError, binascii.Error, zlib.error):
        return {}
    return value if isinstance(value, dict) else {}
