"""What is typed after `access`, `grant` and `revoke`, as a form that is filled in with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from handlers.access.durations import read_duration
from handlers.access.request_form import RequestForm, Whom
from handlers.datasets.naming import dataset_key
from handlers.grammar import Token, dataset_ref, user_ref
from services.access.model import Initiative, Level
from services.errors import InvalidInput

_LEVELS = {
    "read": Level.READ,
    "reader": Level.READ,
    "write": Level.WRITE,
    "writer": Level.WRITE,
    "contribute": Level.WRITE,
}
_FILLERS = frozenset({"for", "to", "as", "access"})
_EXAMPLE = "Write for example sales @ada read 7d; what you leave out is asked in the form."


def read_wish(tokens: Sequence[Token], initiative: Initiative) -> RequestForm:
    """`NAME [@who] [read|write] [7d]` in any order after the name. Raises InvalidInput for any other word.

    The version of a name is left aside: access is to a dataset. Given access is for somebody else unless it says.
    """
    form = RequestForm(initiative=initiative, whom=Whom.USER if initiative is Initiative.GIVE else Whom.ME)
    if not tokens:
        return form
    name = dataset_ref(tokens[0]).name
    form = replace(form, dataset=dataset_key(name), dataset_label=name)
    for token in tokens[1:]:
        word = token.text.lower()
        if not token.quoted and word in _FILLERS:
            continue
        if token.user_id:
            form = replace(form, whom=Whom.USER, colleague=token.user_id)
        elif not token.quoted and word in _LEVELS:
            form = replace(form, level=_LEVELS[word])
        elif not token.quoted and (duration := read_duration(word)) is not None:
            form = replace(form, seconds=int(duration.total_seconds()))
        elif not token.quoted and word == "me" and initiative is Initiative.ASK:
            form = replace(form, whom=Whom.ME)
        elif word.startswith("@"):
            user_ref(token)  # raises with what to type
        else:
            raise InvalidInput(f"“{token.text}” is no person, level or duration. {_EXAMPLE}", code="bad_access_word")
    return form
