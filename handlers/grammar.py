"""The grammar of the slash commands: words, quotes, mentions, `name:version` and `key:value` conditions.

People type commands on phones and in a hurry. Smart quotes, no-break spaces, doubled spaces, Slack's own escapes
and Slack's mention and link marks are all read as what was meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from handlers.text import unescape
from services.errors import InvalidInput

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»″", '"') | dict.fromkeys("‘’‚‛′", "'"))
_SPACES = re.compile(r"[\s\u00a0\u2000-\u200b\u202f\u205f\u3000\ufeff]+")
_MENTION = re.compile(r"^@?<@([UW][A-Z0-9]+)(?:\|[^>]*)?>$")
_CHANNEL = re.compile(r"^<#([CGD][A-Z0-9]+)(?:\|[^>]*)?>$")
_LINK = re.compile(r"<((?:https?|mailto):[^|>]+)(?:\|([^>]*))?>")
_TOKEN = re.compile(r"""(?:[^\s"']+|"[^"]*"?|'[^']*'?|["'])+""")
_QUOTED = re.compile(r"""^(?P<quote>["'])(?P<inner>.+?)(?:(?P=quote)(?P<rest>.*)|(?P<open>$))""")
_QUOTED_VALUE = re.compile(r"""(?<=[:=])(["'])(.*)\1$""")
_APOSTROPHE_IN_WORD = re.compile(r"(?<=\w)'(?=\w)")


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a command. quoted: it was in quotes, so it is never a keyword or a condition."""

    text: str
    quoted: bool = False

    @property
    def user_id(self) -> str | None:
        """The Slack id when the word is a mention of a person."""
        found = _MENTION.match(self.text)
        return found.group(1) if found else None


@dataclass(frozen=True, slots=True)
class DatasetRef:
    """`name` or `name:version` as typed. version None: the latest."""

    name: str
    version: int | None = None


def tokenize(text: str) -> tuple[Token, ...]:
    """Words of a command's text as Slack delivers it (escaped, with marks for people, channels and links)."""
    flat = _SPACES.sub(" ", text.translate(_QUOTES)).strip()
    flat = _LINK.sub(lambda m: m.group(2) if m.group(1).startswith("mailto:") else m.group(1), flat)
    flat = _APOSTROPHE_IN_WORD.sub("ʼ", flat)
    tokens = []
    for raw in _TOKEN.findall(flat):
        if not raw.strip("\"'"):
            continue  # nothing between quotes, or a quote alone
        whole = _QUOTED.match(raw)
        quoted = bool(whole and not whole["rest"])
        word = (whole["inner"] + (whole["rest"] or "")) if whole else _QUOTED_VALUE.sub(r"\2", raw)
        word = word.replace("ʼ", "'")
        tokens.append(Token(word if _MENTION.match(word) or _CHANNEL.match(word) else unescape(word), quoted))
    return tuple(token for token in tokens if token.text)


def dataset_ref(token: Token) -> DatasetRef:
    """`sales`, `sales:3`, `sales:v3`, `sales:latest`, `"my data":3`, `"my data:3"`, `"a: b"`.

    Raises InvalidInput for a version that is no number; in quotes it is taken as part of the name.
    """
    name, colon, version = token.text.rpartition(":")
    if not colon or not name:
        return DatasetRef(token.text.strip(":"))
    if version.lower() in {"latest", ""}:
        return DatasetRef(name)
    digits = version[1:] if version[:1] in {"v", "V"} else version
    if digits.isdecimal() and len(digits) < 11 and 0 < int(digits) < 2**31:
        return DatasetRef(name, int(digits))
    if token.quoted:
        return DatasetRef(token.text)
    raise InvalidInput(
        f"“{version}” is not a version number. Write a number as in {name}:2, or {name} for the latest version.",
        code="bad_version",
    )


def number(key: str, value: str, largest: int = 1_000_000) -> int:
    """The number of a condition such as `page:2`, 1 to largest. Raises InvalidInput."""
    if value.isdecimal() and len(value) < 9 and 1 <= int(value) <= largest:
        return int(value)
    raise InvalidInput(f"“{value}” is not a {key} number. Write for example {key}:2.", code="bad_number")


def user_ref(token: Token) -> str:
    """A mentioned person's id. Raises InvalidInput when the word is no mention."""
    if token.user_id:
        return token.user_id
    raise InvalidInput(
        f"“{token.text}” is not a person I can resolve. Type @ and choose the person from the list Slack offers.",
        code="bad_user",
    )


def closest(word: str, choices: tuple[str, ...], limit: int = 2) -> tuple[str, ...]:
    """What a mistyped word may have meant: near in letters or beginning alike, best first."""
    typed = word.lower()
    scored = sorted((OSA.distance(typed, choice), choice) for choice in choices)
    near = [choice for distance, choice in scored if distance <= max(1, min(len(typed), len(choice)) // 3)]
    begins = [choice for choice in choices if len(typed) >= 2 and choice.startswith(typed)]
    return tuple(dict.fromkeys(near + begins))[:limit]
