"""What `/dataset audit` is asked for, read from a command and written back as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from handlers.datasets.naming import dataset_word
from handlers.grammar import Token, dataset_ref, number
from services.errors import InvalidInput

PAGE = 50
_LARGEST = 99_999_999


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """What was asked for. since, until: days, both included, in UTC. before: entries with a smaller number."""

    dataset: str = ""
    person: str = ""
    since: date | None = None
    until: date | None = None
    before: int | None = None

    def command(self, before: int | None) -> str:
        """The command that asks for the same from another entry on."""
        parts = ["/dataset audit", *([dataset_word(self.dataset)] if self.dataset else [])]
        parts += [f"<@{self.person}>"] if self.person else []
        parts += [f"since:{self.since.isoformat()}"] if self.since else []
        parts += [f"until:{self.until.isoformat()}"] if self.until else []
        parts += [f"before:{before}"] if before else []
        return " ".join(parts)


def read_audit(tokens: Sequence[Token]) -> AuditRequest:
    """`[NAME] [@who] [since 2026-01-01] [until 2026-01-31] [before:N]`. Raises InvalidInput."""
    request, rest = AuditRequest(), list(tokens)
    while rest:
        token = rest.pop(0)
        key, colon, value = token.text.partition(":")
        word = "" if token.quoted else key.lower()
        if token.user_id:
            request = replace(request, person=token.user_id)
        elif word in {"since", "from", "until", "to"} and not (colon and not value):
            if not colon:
                if not rest:
                    raise InvalidInput(f"Which day? Write for example {word} 2026-01-31.")
                value = rest.pop(0).text
            day = _day(value)
            request = replace(request, since=day) if word in {"since", "from"} else replace(request, until=day)
        elif word == "before" and colon:
            request = replace(request, before=number("entry", value, _LARGEST))
        elif request.dataset:
            raise InvalidInput(
                f"I expected one dataset and read “{token.text}” too. A name with spaces belongs in quotes."
            )
        else:
            request = replace(request, dataset=dataset_ref(token).name)
    return request


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.max
    if not 2000 <= day.year < 3000:
        raise InvalidInput(f"“{text}” is not a day. Write it as 2026-01-31.", code="bad_day")
    return day
