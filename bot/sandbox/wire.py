"""What travels on the wire: JSON objects, request arguments in any of Slack's encodings, refusals."""

import json
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

# JSON that the app or the page made; its shape is known only after validation, hence Any.
JsonObject: TypeAlias = dict[str, Any]

_STRUCTURED = frozenset(
    {"attachments", "blocks", "error", "files", "message", "metadata", "outputs", "source", "unfurls", "view"}
)


class SlackError(Exception):
    """A refusal with Slack's error code; `extra` is merged into the answer beside `ok` and `error`."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    def body(self) -> JsonObject:
        """The JSON answer of a Web API method that refuses."""
        return {"ok": False, "error": self.code, **self.extra}


def decode_body(raw: bytes, content_type: str) -> JsonObject:
    """Arguments of a request body, whatever its content type claims.

    slack_sdk sends form bodies under a JSON content type, so the first character decides.
    Raises SlackError `invalid_json` or `json_not_object` for a broken JSON body.
    """
    text = raw.decode("utf-8", errors="replace").strip()
    if not text:
        return {}
    if text[0] in "{[" or (content_type.startswith("application/json") and "=" not in text):
        try:
            value = json.loads(text)
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(value, dict):
            raise SlackError("json_not_object")
        return value
    return dict(parse_qsl(text, keep_blank_values=True))


@dataclass(frozen=True)
class Args:
    """Arguments of one Web API call; a form's strings and JSON's values read the same way."""

    values: JsonObject = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """A string argument; numbers become strings, absence and null the default."""
        value = self.values.get(name)
        return default if value is None else str(value)

    def required(self, name: str, error: str = "invalid_arguments") -> str:
        """A string argument that must be present and not empty, else SlackError with `error`."""
        value = self.text(name)
        if not value:
            if error == "invalid_arguments":
                message = f"[ERROR] missing required field: {name}"
                raise SlackError(error, response_metadata={"messages": [message]})
            raise SlackError(error)
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean argument: JSON true or the strings true and 1."""
        value = self.values.get(name)
        return default if value is None else str(value).lower() in {"true", "1"}

    def integer(self, name: str, default: int) -> int:
        """A whole number, else SlackError `invalid_arguments`."""
        value = self.values.get(name)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise SlackError(
                "invalid_arguments", response_metadata={"messages": [f"[ERROR] must be an integer: {name}"]}
            ) from None

    def names(self, name: str) -> list[str]:
        """A list given as JSON array or as a comma separated string."""
        value = self.values.get(name)
        if isinstance(value, list):
            return [str(item) for item in value]
        return [part.strip() for part in str(value or "").split(",") if part.strip()]

    def structure(self, name: str) -> Any:
        """A JSON array or object, parsed when a form sent it as a string; None when absent or empty."""
        value = self.values.get(name)
        if isinstance(value, str) and name in _STRUCTURED:
            if not value:
                return None
            try:
                return json.loads(value)
            except ValueError:
                return value
        return value
