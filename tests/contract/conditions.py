"""Conditions of role assignments: parsed and evaluated by the rules of Azure's own format, independently of the bot.

Source: learn.microsoft.com, "Azure role assignment condition format and syntax". What the page does not have is
refused, as Azure refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Access", "ConditionError", "allows"]

BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"

_TOKEN = re.compile(
    r"\s*(?:(?P<call>ActionMatches|SubOperationMatches)\s*\{\s*'(?P<argument>[^'\\]*)'\s*\}"
    r"|(?P<attribute>@(?:Resource|Request)\[[A-Za-z./]+:[A-Za-z]+(?:<\$[a-z_]+\$>)?\])"
    r"|(?P<literal>'[^'\\]*')"
    r"|(?P<word>[A-Za-z]+)"
    r"|(?P<mark>&&|\|\||[()!]))"
)
_COMPARE = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringNotEquals": lambda value, wanted: value != wanted,
    "StringStartsWith": lambda value, wanted: value.startswith(wanted),
}


class ConditionError(ValueError):
    """It is no condition."""


@dataclass(frozen=True)
class Access:
    """One thing that somebody wants to do. action: such as "…/blobs/read". prefix: of a listing, None without one."""

    action: str
    path: str | None = None
    prefix: str | None = None
    sub_operation: str = ""
    container: str | None = None

    def attribute(self, name: str) -> str | None:
        """Its value; None where the request has none, and then no comparison is true."""
        values: Mapping[str, str | None] = {
            f"@Resource[{BLOBS}:path]": self.path,
            f"@Request[{BLOBS}:prefix]": self.prefix,
            f"@Resource[{BLOBS.removesuffix('/blobs')}:name]": self.container,
        }
        return values.get(name)


Node: TypeAlias = "tuple[str, tuple[Node | str, ...]]"


def allows(condition: str, access: Access) -> bool:
    """Is it true for this access? Raises ConditionError for what is no condition."""
    return _holds(_Parser(condition).parsed(), access)


def _holds(node: Node, access: Access) -> bool:
    kind, parts = node
    nodes = [part for part in parts if not isinstance(part, str)]
    texts = [part for part in parts if isinstance(part, str)]
    match kind:
        case "or":
            return any(_holds(each, access) for each in nodes)
        case "and":
            return all(_holds(each, access) for each in nodes)
        case "not":
            return not _holds(nodes[0], access)
        case "ActionMatches":
            return re.fullmatch(re.escape(texts[0]).replace(r"\*", ".*"), access.action, re.IGNORECASE) is not None
        case "SubOperationMatches":
            return texts[0].lower() == access.sub_operation.lower()
        case _:
            value = access.attribute(texts[0])
            return value is not None and _COMPARE[kind](value, texts[1])


@dataclass
class _Parser:
    text: str
    tokens: list[tuple[str, str, str]] = field(default_factory=list)

    def parsed(self) -> Node:
        at = 0
        while at < len(self.text.rstrip()):
            found = _TOKEN.match(self.text, at)
            if found is None:
                raise ConditionError(f"nothing of the format stands at {self.text[at : at + 20]!r}")
            self.tokens.append(_token(found))
            at = found.end()
        node = self._or()
        if self.tokens:
            raise ConditionError(f"nothing was expected before {self.tokens[0]}")
        return node

    def _or(self) -> Node:
        parts = [self._and()]
        while self._take("OR", "||"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else ("or", tuple(parts))

    def _and(self) -> Node:
        parts = [self._not()]
        while self._take("AND", "&&"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else ("and", tuple(parts))

    def _not(self) -> Node:
        return ("not", (self._not(),)) if self._take("NOT", "!") else self._one()

    def _one(self) -> Node:
        if self._take("("):
            node = self._or()
            if not self._take(")"):
                raise ConditionError("a parenthesis is open at the end")
            return node
        kind, text, argument = self._next()
        if kind == "call":
            return text, (argument,)
        operator, literal = self._next(), self._next()
        if kind != "attribute" or operator[1] not in _COMPARE or literal[0] != "literal":
            raise ConditionError(f"no comparison: {text} {operator[1]} {literal[1]}")
        return operator[1], (text, literal[1][1:-1])

    def _take(self, *texts: str) -> bool:
        if self.tokens and self.tokens[0][0] in {"word", "mark"} and self.tokens[0][1] in texts:
            self.tokens.pop(0)
            return True
        return False

    def _next(self) -> tuple[str, str, str]:
        if not self.tokens:
            raise ConditionError("the condition ends too early")
        return self.tokens.pop(0)


def _token(found: re.Match[str]) -> tuple[str, str, str]:
    kind = next(name for name in ("call", "attribute", "literal", "word", "mark") if found[name] is not None)
    return kind, found[kind], found["argument"] or ""
