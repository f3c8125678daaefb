"""What fields of the policy file hold: durations, people, patterns. Each error says what to write instead."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

EVERYONE = "everyone"
OWNER = "owner"
ADMINS = "admins"
USER_ID = re.compile(r"[UW][A-Z0-9]{2,20}")
GROUP_ID = re.compile(r"S[A-Z0-9]{2,20}")
CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{2,20}")
RULE_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
ENTRA_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[^@\s]{1,113}@[^@\s]{1,150}")
LONGEST_DURATION = timedelta(days=3650)
LONGEST_TICKET = 64
"""Characters of a ticket; with the limits of a pattern it bounds how long matching one takes."""

_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhdw])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_GLOB = re.compile(r"[^\[\]\s](?:[^\[\]\n]{0,253}[^\[\]\s])?")


def wrong(sentence: str) -> PydanticCustomError:
    """An error of the policy file. sentence: what is wrong and, after a semicolon, what to write instead."""
    return PydanticCustomError("policy", "{sentence}", {"sentence": sentence})


def shown(value: object) -> str:
    """A value of the file as it stands in a sentence, cut when it is long."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"“{text}”" if len(text) <= 60 else f"“{text[:59]}…”"


def read_duration(value: object) -> timedelta:
    """`30m`, `12h`, `30d`, `1w`. Raises PydanticCustomError."""
    if isinstance(value, timedelta):
        found = value
    else:
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise wrong(f"{shown(value)} is no duration; write a number and m, h, d or w, such as 30d or 12h")
        found = int(match[1]) * _UNITS[match[2]]
    if not timedelta(0) < found <= LONGEST_DURATION:
        raise wrong(f"{shown(value)} is too long; write at most 3650d")
    return found


def written_duration(value: timedelta) -> str:
    """As `read_duration` reads it, in the largest unit that is exact; whole minutes."""
    for unit in ("w", "d", "h"):
        if not value % _UNITS[unit]:
            return f"{value // _UNITS[unit]}{unit}"
    return f"{value // _UNITS['m']}m"


def spoken_duration(value: timedelta) -> str:
    """In words: "30 days", "1 hour", "90 minutes"."""
    for unit, word in (("d", "day"), ("h", "hour")):
        if not value % _UNITS[unit]:
            number = value // _UNITS[unit]
            return f"{number} {word}" if number == 1 else f"{number} {word}s"
    number = value // _UNITS["m"]
    return f"{number} minute" if number == 1 else f"{number} minutes"


def _words(value: object) -> tuple[object, ...]:
    """A list as it is, a single word as a list of one."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (list, tuple)):
        return tuple(value)
    raise wrong(f"{shown(value)} is no list; write ids in brackets, such as [U012AB3CD, S045EF6GH]")


def _distinct(words: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(words)) != len(words):
        twice = next(word for word in words if words.count(word) > 1)
        raise wrong(f"{shown(twice)} stands in it twice; take one out")
    return words


def _read(value: object, patterns: tuple[re.Pattern[str], ...], names: frozenset[str], write: str) -> tuple[str, ...]:
    found = []
    for word in _words(value):
        known = isinstance(word, str) and (word in names or any(pattern.fullmatch(word) for pattern in patterns))
        if not known:
            raise wrong(f"{shown(word)} is nobody a rule can name; write {write}")
        found.append(str(word))
    return _distinct(tuple(found))


_USERS_OR_GROUPS = "a member id (U…) or a user group id (S…) as Slack's “Copy ID” gives it"


def _who(value: object) -> tuple[str, ...]:
    """everyone, or user and user group ids."""
    if value in (EVERYONE, (EVERYONE,), [EVERYONE]):
        return (EVERYONE,)
    found = _read(value, (USER_ID, GROUP_ID), frozenset(), f"everyone alone, or {_USERS_OR_GROUPS}")
    if not found:
        raise wrong("the list is empty; write everyone, or ids of users and user groups")
    return found


def _who_or_nobody(value: object) -> tuple[str, ...]:
    return () if value in ("nobody", ()) else _who(value)


def _deciders(value: object) -> tuple[str, ...]:
    found = _read(value, (USER_ID, GROUP_ID), frozenset({OWNER, ADMINS}), f"owner, admins, {_USERS_OR_GROUPS}")
    if not found:
        raise wrong("the list is empty; name at least one who decides, such as owner")
    return found


def _told(value: object) -> tuple[str, ...]:
    return _read(
        value,
        (USER_ID, GROUP_ID, CHANNEL_ID),
        frozenset({OWNER, ADMINS}),
        "owner, admins, a member id (U…), a user group id (S…) or a channel id (C…)",
    )


def _places(value: object) -> tuple[str, ...]:
    found = _read(value, (USER_ID, CHANNEL_ID), frozenset(), "a channel id (C…) or a member id (U…)")
    if not found:
        raise wrong("the list is empty; name at least one channel or person")
    return found


def _auditors(value: object) -> tuple[str, ...]:
    return _read(value, (USER_ID, GROUP_ID), frozenset(), _USERS_OR_GROUPS)


def _patterns(value: object) -> tuple[object, ...]:
    if isinstance(value, (bool, int, float)):
        raise wrong(f"{shown(value)} is no text; write it in quotes")
    found = _words(value)
    if not found:
        raise wrong("the list is empty; write at least one, or take the key out when all are meant")
    return found


def _globs(value: object) -> tuple[str, ...]:
    found = []
    for word in _patterns(value):
        if not isinstance(word, str) or not _GLOB.fullmatch(word):
            raise wrong(f"{shown(word)} is no pattern; write a name in which * stands for anything, in quotes")
        found.append(word)
    return _distinct(tuple(found))


def _tag_values(value: object) -> tuple[str, ...]:
    found = []
    for word in _patterns(value):
        if not isinstance(word, str) or (word and not _GLOB.fullmatch(word)):
            raise wrong(f'{shown(word)} is no value of a tag; write it in quotes, or "" for datasets without that tag')
        found.append(word)
    return _distinct(tuple(found))


def _channel(value: object) -> str:
    if not isinstance(value, str) or (value and not CHANNEL_ID.fullmatch(value)):
        raise wrong(f"{shown(value)} is no channel; write its id (C…) from the channel's details, not its name")
    return value


def _user(value: object) -> str:
    if not isinstance(value, str) or not USER_ID.fullmatch(value):
        raise wrong(f"{shown(value)} is no member id; write it as Slack's “Copy member ID” gives it")
    return value


def _entra(value: object) -> str:
    if not isinstance(value, str) or not ENTRA_ID.fullmatch(value):
        raise wrong(f"{shown(value)} is no Entra object id and no user principal name; write one of these in quotes")
    return value


def _domain(value: object) -> str:
    if not isinstance(value, str) or not DOMAIN.fullmatch(value):
        raise wrong(f"{shown(value)} is no domain; write it in small letters, such as contoso.com")
    return value


def _rule_id(value: object) -> str:
    if not isinstance(value, str) or not RULE_ID.fullmatch(value):
        raise wrong(f"{shown(value)} is no id of a rule; write small letters, digits and dashes, such as finance-data")
    if value == UNMATCHED:
        raise wrong(f"{shown(value)} is what the bot calls data that no rule matches; write another id")
    return value


UNMATCHED = "unmatched"
"""What stands for a rule's id where none matched."""


def check_ticket_pattern(value: object) -> str:
    """A regular expression whose matching cannot take long. Raises PydanticCustomError.

    Python's matcher backtracks: a repeated group may take exponential time, and n repeats of single characters
    LONGEST_TICKET to the power of n steps. So groups may not be repeated, and at most three repeats are allowed.
    """
    if not isinstance(value, str) or not 0 < len(value) <= 100:
        raise wrong(f"{shown(value)} is no pattern; write a regular expression of at most 100 characters in quotes")
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError):
        raise wrong(f"{shown(value)} is no regular expression; write one such as [A-Z]+-[0-9]+") from None
    plain = re.sub(r"\[\^?\]?(?:\\.|[^\]\\])*\]", "x", re.sub(r"\\.", "x", value))
    if re.search(r"\)[*+{]", plain) or len(re.findall(r"[*+]|\{", plain)) > 3:
        raise wrong(
            f"{shown(value)} may take too long to match; repeat no group, and repeat at most three times, "
            "such as [A-Z]+-[0-9]+"
        )
    return value


def _list_of(pattern: str, *, words: tuple[str, ...] = (), least: int = 0) -> dict[str, Any]:
    item: dict[str, Any] = {"type": "string", "pattern": pattern}
    if words:
        item = {"anyOf": [{"enum": list(words)}, item]}
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": least, "uniqueItems": True}]}


_IDS = "^[UW][A-Z0-9]{2,20}$|^S[A-Z0-9]{2,20}$"
_WHO: dict[str, Any] = {"anyOf": [{"const": EVERYONE}, _list_of(_IDS, least=1)]}
_GLOB_SCHEMA = r"^[^\[\]\s]([^\[\]\n]{0,253}[^\[\]\s])?$"

Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    PlainSerializer(written_duration, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,4}[mhdw]$", "examples": ["30d", "12h", "1w"]}),
]
Who = Annotated[tuple[str, ...], BeforeValidator(_who), WithJsonSchema(_WHO)]
"""("everyone",), or user and user group ids."""
WhoOrNobody = Annotated[
    tuple[str, ...],
    BeforeValidator(_who_or_nobody),
    WithJsonSchema({"anyOf": [{"const": "nobody"}, *_WHO["anyOf"]]}),
]
Deciders = Annotated[
    tuple[str, ...],
    BeforeValidator(_deciders),
    WithJsonSchema(_list_of(_IDS, words=(OWNER, ADMINS), least=1)),
]
"""owner, admins, user and user group ids."""
Told = Annotated[
    tuple[str, ...],
    BeforeValidator(_told),
    WithJsonSchema(_list_of(f"{_IDS}|^[CG][A-Z0-9]{{2,20}}$", words=(OWNER, ADMINS))),
]
Places = Annotated[
    tuple[str, ...],
    BeforeValidator(_places),
    WithJsonSchema(_list_of(r"^[UW][A-Z0-9]{2,20}$|^[CG][A-Z0-9]{2,20}$", least=1)),
]
"""Channels and people."""
Auditors = Annotated[tuple[str, ...], BeforeValidator(_auditors), WithJsonSchema(_list_of(_IDS))]
Globs = Annotated[tuple[str, ...], BeforeValidator(_globs), WithJsonSchema(_list_of(_GLOB_SCHEMA, least=1))]
TagValues = Annotated[
    tuple[str, ...], BeforeValidator(_tag_values), WithJsonSchema(_list_of(f"^$|{_GLOB_SCHEMA}", least=1))
]
Channel = Annotated[
    str, BeforeValidator(_channel), WithJsonSchema({"type": "string", "pattern": "^$|^[CG][A-Z0-9]{2,20}$"})
]
RuleId = Annotated[
    str, BeforeValidator(_rule_id), WithJsonSchema({"type": "string", "pattern": f"^{RULE_ID.pattern}$"})
]
TicketPattern = Annotated[
    str, BeforeValidator(check_ticket_pattern), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 100})
]
UserId = Annotated[str, BeforeValidator(_user), WithJsonSchema({"type": "string", "pattern": f"^{USER_ID.pattern}$"})]
EntraId = Annotated[
    str, BeforeValidator(_entra), WithJsonSchema({"type": "string", "pattern": f"^({ENTRA_ID.pattern})$"})
]
Domain = Annotated[str, BeforeValidator(_domain), WithJsonSchema({"type": "string", "pattern": f"^{DOMAIN.pattern}$"})]
