"""What `/dataset list` is asked for: words and conditions, read from a command and written back as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from handlers.datasets.naming import is_plain_word
from handlers.grammar import Token, closest, number
from handlers.text import escape
from services.datasets.model import DatasetQuery, DatasetType
from services.errors import InvalidInput

PAGE = 100
LONGEST = 1000
SORTS = ("name", "modified", "relevance")
CONDITIONS = ("tag", "type", "owner", "sort", "page", "size")
FLAGS = ("mine", "drifting", "deprecated")
NOBODY = "nobody"
ME = "me"
_OFFERED = "tag:, type:, owner:, sort: and page:"


@dataclass(frozen=True, slots=True)
class ListRequest:
    """What was asked for. owner: a Slack user id, "me", "nobody" or None for anybody. page counts from 1."""

    words: str = ""
    tags: tuple[tuple[str, str | None], ...] = ()
    type: DatasetType | None = None
    owner: str | None = None
    deprecated: bool | None = None
    drifting: bool = False
    sort: str = "relevance"
    page: int = 1
    size: int = PAGE

    def query(self, user_id: str, with_incidents: tuple[str, ...] = ()) -> DatasetQuery:
        """The query for the index, "me" being the person who asks. with_incidents: names that count as drifting."""
        return DatasetQuery(
            words=self.words,
            tags=self.tags,
            type=self.type,
            owner={ME: user_id, NOBODY: ""}.get(self.owner, self.owner) if self.owner is not None else None,
            deprecated=self.deprecated,
            drifting=self.drifting,
            with_incidents=with_incidents,
            sort=self.sort,
            offset=(self.page - 1) * self.size,
            limit=self.size,
        )

    def command(self, page: int | None = None, size: int | None = None) -> str:
        """The command that asks for the same, another page of it when one is given."""
        asked = replace(self, page=page or self.page, size=size or self.size)
        parts = ["/dataset list", *(_quoted(word) for word in asked.words.split())]
        parts += [f"tag:{_quoted(key if value is None else f'{key}={value}')}" for key, value in asked.tags]
        parts += [f"type:{asked.type.value}"] if asked.type else []
        parts += [f"owner:{_owner_word(asked.owner)}"] if asked.owner is not None else []
        parts += ["drifting"] if asked.drifting else []
        parts += ["deprecated"] if asked.deprecated else []
        parts += [f"sort:{asked.sort}"] if asked.sort != "relevance" else []
        parts += [f"page:{asked.page}"] if asked.page > 1 else []
        parts += [f"size:{asked.size}"] if asked.size != PAGE else []
        return " ".join(parts)


def parse_list(tokens: Sequence[Token]) -> ListRequest:
    """Words and conditions as a request. Raises InvalidInput for a condition that does not exist or cannot be read."""
    if sum(len(token.text) for token in tokens) > LONGEST:
        raise InvalidInput(f"That is more than {LONGEST:,} characters to search for. Name fewer words.")
    request, words = ListRequest(), []
    for token in tokens:
        key, colon, value = token.text.partition(":")
        if token.quoted or token.text.startswith(("http://", "https://")):
            words.append(token.text)
        elif colon and key:
            request = _with_condition(request, key.lower(), value, token.text)
        elif token.text.lower() in FLAGS:
            request = _with_flag(request, token.text.lower())
        else:
            words.append(token.text)
    return replace(request, words=" ".join(words))


def _with_flag(request: ListRequest, flag: str) -> ListRequest:
    if flag == "mine":
        return replace(request, owner=ME)
    return replace(request, drifting=True) if flag == "drifting" else replace(request, deprecated=True)


def _with_condition(request: ListRequest, key: str, value: str, typed: str) -> ListRequest:
    if key not in CONDITIONS:
        near = closest(key, CONDITIONS)
        hint = f"Did you mean {near[0]}:{value}?" if near else f"Conditions are {_OFFERED}."
        raise InvalidInput(
            f"“{key}:” is not a condition of the list. {hint} To search for the words, put them in quotes.",
            code="unknown_condition",
        )
    value = value.strip()
    if not value:
        raise InvalidInput(f"“{typed}” has nothing after the colon. Write for example {_EXAMPLES[key]}.")
    match key:
        case "tag":
            name, equals, wanted = value.partition("=")
            return replace(request, tags=(*request.tags, (name.strip(), wanted.strip() if equals else None)))
        case "type":
            return replace(request, type=DatasetType(_one_of("type", value, tuple(DatasetType))))
        case "owner":
            return replace(request, owner=_owner(value))
        case "sort":
            return replace(request, sort=_one_of("sort", value, SORTS))
        case "page":
            return replace(request, page=number("page", value))
        case _:
            return replace(request, size=number("size", value, PAGE))


_EXAMPLES = {
    "tag": "tag:team=growth",
    "type": "type:tabular",
    "owner": "owner:@name",
    "sort": "sort:modified",
    "page": "page:2",
    "size": "size:10",
}


def _one_of(key: str, value: str, choices: Sequence[str]) -> str:
    typed = value.lower()
    if typed in choices:
        return typed
    near = closest(typed, tuple(choices))
    hint = f"Did you mean {key}:{near[0]}?" if near else f"Write {' or '.join(f'{key}:{c}' for c in choices)}."
    raise InvalidInput(f"“{value}” is not a {key} of the list. {hint}", code="unknown_value")


def _owner(value: str) -> str:
    if value.lower() in {ME, "mine", "@me"}:
        return ME
    if value.lower() in {NOBODY, "none"}:
        return NOBODY
    user_id = Token(value).user_id
    if user_id is None:
        raise InvalidInput(
            f"“{value}” is not a person I can resolve. Type owner:@ and choose the person from the list that Slack "
            "offers, or write owner:me or owner:nobody.",
            code="bad_user",
        )
    return user_id


def _owner_word(owner: str) -> str:
    return owner if owner in {ME, NOBODY} else f"<@{owner}>"


def _quoted(text: str) -> str:
    """Free text as one word that is neither a flag nor a condition."""
    return text if is_plain_word(text) else '"' + escape(text.replace('"', "'")) + '"'
