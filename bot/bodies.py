"""The body of an HTTP request of Slack as the value it holds."""

from __future__ import annotations

import json
import re
from binascii import a2b_qp
from typing import Any
from urllib.parse import unquote_plus


def read_body(body: bytes, content_type: str) -> dict[str, Any]:
    """The delivery in a body: JSON (events), a form that holds JSON (interactions), or a form (commands).

    The same value that Bolt's own reading gives, without its detour over lists and headers, which takes longer than
    all else that an acknowledgement reads. Raises ValueError when the body is none of these, RecursionError when it is
    nested without end.
    """
    text = body.decode("utf-8")
    if content_type.partition(";")[0].strip() == "application/json" or text.startswith("{"):
        return _object(text)
    fields = read_form(text)
    return _object(fields["payload"]) if "payload" in fields else fields


def read_form(text: str) -> dict[str, Any]:
    """The fields of a form; of a field that stands twice, the last. Equals `dict(parse_qsl(text, True))`."""
    fields: dict[str, Any] = {}
    for pair in text.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if "%" in pair or "+" in pair:
            name, value = _decoded(name), _decoded(value)
        fields[name] = value
    return fields


_WELL_FORMED = re.compile(r"[A-Za-z0-9_.~*+-]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9_.~*+-]*)*")


def _decoded(text: str) -> str:
    """As `unquote_plus`, which takes its time with every escape, and JSON in a form is mostly escapes.

    Where all of them are whole and nothing stands for itself that has a meaning in quoted-printable text, decoding
    that, which is written in C, is the same but for its sign.
    """
    if _WELL_FORMED.fullmatch(text) is None:
        return unquote_plus(text)
    return a2b_qp(text.replace("+", " ").replace("%", "=")).decode("utf-8", "replace")


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("a delivery is a JSON object")
    return value
