"""Block Kit validation: blocks, elements and composition objects against the limits table."""

from dataclasses import dataclass
from typing import Any

from bot.sandbox.state import StoredFile
from bot.sandbox.wire import JsonObject, SlackError


@dataclass(frozen=True)
class BlockError:
    """One thing that Slack would refuse, in the shape of `blocks.validate`."""

    pointer: str
    message: str
    code: str = "failed_constraint"

    def as_json(self) -> JsonObject:
        return {"pointer": self.pointer, "code": self.code, "message": self.message}


def message_errors(
    blocks: Any, attachments: Any, files: dict[str, StoredFile], refused: list[str], root: str = "/blocks"
) -> list[BlockError]:
    return []


def view_errors(
    view: Any, kind: str | None, files: dict[str, StoredFile], refused: list[str], root: str = "/view"
) -> list[BlockError]:
    return []


def validate_message(blocks: Any, attachments: Any, files: dict[str, StoredFile], refused: list[str]) -> None:
    if blocks is not None and not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")


def validate_view(view: Any, kind: str, files: dict[str, StoredFile], refused: list[str]) -> None:
    if not isinstance(view, dict):
        raise SlackError("invalid_arguments")


def check_options(body: Any) -> list[str]:
    return []
