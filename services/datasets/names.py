"""What a dataset may be called and how tags are written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from services.errors import InvalidInput

NAME_LIMIT = 255
TAG_LIMIT = 50
TAG_KEY_LIMIT = 100
TAG_VALUE_LIMIT = 1000
DESCRIPTION_LIMIT = 5000

DEPRECATED_TAG = ("status", "deprecated")
REPLACED_BY_TAG = "replaced_by"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_SMART_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'"})
_SHOWN = 60  # characters of a bad part that a sentence repeats


def name_problem(name: str) -> str | None:
    """Why Azure Machine Learning would refuse this name for a new dataset, as a sentence; None if it would
    not.

    The rule is the one of data assets, `^[a-zA-Z0-9][a-zA-Z0-9\\-_]{0,254}$` (parameter `name` of
    DataContainers_CreateOrUpdate in the REST specification of Microsoft.MachineLearningServices). The
    service behind SDK v1 also takes spaces (Microsoft's own courses register "diabetes dataset"), but such
    a name cannot become a data asset of SDK v2, so a new one is refused here. Names that exist already are
    read and versioned as they are.
    """
    if not name:
        return "Give the dataset a name."
    if len(name) > NAME_LIMIT:
        return f"The name has {len(name)} characters; {NAME_LIMIT} is the most. Shorten it."
    if not (name[0].isascii() and name[0].isalnum()):
        return f"A name begins with a letter (a to z) or a digit, not with {describe_character(name[0])}."
    if _NAME.fullmatch(name) is None:
        bad = next(character for character in name if _NAME.fullmatch("a" + character) is None)
        return (
            f"A name has only letters (a to z), digits, “-” and “_”; this one has {describe_character(bad)}. "
            f"“{proposed_name(name)}” would do."
        )
    return None


def check_name(name: str) -> str:
    """The name without surrounding blanks. Raises InvalidInput (field "name") where `name_problem` finds
    one.
    """
    trimmed = name.strip()
    problem = name_problem(trimmed)
    if problem is not None:
        raise InvalidInput(problem, code="invalid_name", field="name")
    return trimmed


def proposed_name(name: str) -> str:
    """The nearest name that the rule allows; "dataset" when nothing of it is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-_")[:NAME_LIMIT] or "dataset"


def describe_character(character: str) -> str:
    """A character as a sentence can show it: blanks and invisible ones by name."""
    if character == " ":
        return "a space"
    if character.isprintable() and not character.isspace():
        return f"“{character}”"
    return unicodedata.name(character, f"the character U+{ord(character):04X}").lower()


def parse_tags(text: str) -> tuple[tuple[str, str], ...]:
    """Tags as typed: `key=value` separated by blanks, commas, semicolons or new lines, in the order typed.

    Quotes, straight or curly, keep blanks and separators: `team="data platform"`. The same pair twice
    counts once. Raises InvalidInput (field "tags") naming the part that cannot be read.
    """
    tags: dict[str, str] = {}
    for part in _parts(text.translate(_SMART_QUOTES)):
        key, separator, value = _split_pair(part)
        shown = part if len(part) <= _SHOWN else part[: _SHOWN - 1] + "…"
        if not separator:
            raise _bad_tag(
                f'“{shown}” is not a tag. Write key=value, and quotes around a value with spaces: team="data platform".'
            )
        if not key or not value:
            missing = "key before" if not key else "value after"
            raise _bad_tag(f"“{shown}” has no {missing} the equals sign. Write key=value.")
        if tags.get(key, value) != value:
            raise _bad_tag(f"The tag “{key}” is there twice with different values. Keep one of them.")
        tags[key] = value
    pairs = tuple(tags.items())
    if problem := tags_problem(pairs):
        raise _bad_tag(problem)
    return pairs


def tags_problem(tags: Sequence[tuple[str, str]]) -> str | None:
    """Why these tags would be refused, as a sentence, or None.

    Limits: those that Microsoft publishes for tags of runs (50 tags, keys of 100 and values of 1,000
    characters; "Manage and increase quotas and limits" of Azure Machine Learning); none are published for
    datasets.
    """
    if len(tags) > TAG_LIMIT:
        return f"There are {len(tags)} tags; {TAG_LIMIT} is the most."
    for key, value in tags:
        if not key.strip():
            return "A tag needs a key before the equals sign."
        if len(key) > TAG_KEY_LIMIT:
            return f"The tag key “{key[:_SHOWN]}…” has {len(key)} characters; {TAG_KEY_LIMIT} is the most."
        if len(value) > TAG_VALUE_LIMIT:
            return f"The value of the tag “{key}” has {len(value)} characters; {TAG_VALUE_LIMIT} is the most."
        if unprintable := next((each for each in key + value if not each.isprintable()), None):
            return f"The tag “{_printable(key)}” has {describe_character(unprintable)} in it. Take it out."
    return None


def reserved_tag_problem(tags: Sequence[tuple[str, str]]) -> str | None:
    """Tags that only deprecating a dataset sets, so that a replacement is always named with them."""
    for key, value in tags:
        if (key, value) == DEPRECATED_TAG or key == REPLACED_BY_TAG:
            return f"The tag {key}={value} is set by deprecating a dataset. Deprecate it instead."
    return None


def _bad_tag(sentence: str) -> InvalidInput:
    return InvalidInput(sentence, code="invalid_tags", field="tags")


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "�" for each in text)


def _parts(text: str) -> Iterator[str]:
    """Split at separators outside quotes; the quotes stay in the parts."""
    part, quote = "", ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
            part += character
        elif character in "\"'" and (not part or part[-1] == "="):
            quote = character
            part += character
        elif character.isspace() or character in ",;":
            if part:
                yield part
            part = ""
        else:
            part += character
    if quote:
        raise _bad_tag(f"The quote in “{part[:_SHOWN]}” is never closed. Add the closing quote.")
    if part:
        yield part


def _split_pair(part: str) -> tuple[str, str, str]:
    """Key, "=" or "", value, without quotes. Quotes may stand around the key, the value or the whole pair."""
    whole = _unquote(part)
    if part[0] in "\"'" and whole == part[1:-1] and "=" in whole:
        part = whole
    elif part[0] in "\"'":
        end = part.index(part[0], 1)
        key, rest = part[1:end], part[end + 1 :]
        return key.strip(), rest[:1] if rest.startswith("=") else "", _unquote(rest[1:]).strip()
    key, separator, value = part.partition("=")
    return key.strip(), separator, _unquote(value).strip()


def _unquote(text: str) -> str:
    quoted = len(text) > 1 and text[0] in "\"'" and text[-1] == text[0] and text.count(text[0]) == 2
    return text[1:-1] if quoted else text
