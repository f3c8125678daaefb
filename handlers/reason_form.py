"""A modal that asks for one text: why a request is denied, why access is revoked, what a review found."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.blockkit import input_block, modal, section, text_input
from handlers.message import Json
from handlers.packed import pack, unpack
from handlers.text import Mrkdwn
from handlers.view_state import ViewState
from services.access.offer import REASON_LIMIT
from services.datasets.model import Problem

REASON = "reason"


@dataclass(frozen=True, slots=True)
class ReasonForm:
    """Its words. callback: the view's id."""

    callback: str
    title: str
    label: str
    hint: str
    submit: str

    def errors(self, problems: tuple[Problem, ...]) -> dict[str, str]:
        """Every problem stands beside the only field."""
        return {REASON: " ".join(dict.fromkeys(problem.sentence for problem in problems))}


def reason_view(form: ReasonForm, about_id: str, about: Mrkdwn) -> Json:
    """The modal. about_id: of the request or grant. about: what it is about, "" when it was not known in time."""
    text = text_input("reason_text", multiline=True, max_length=REASON_LIMIT, focus=True)
    blocks = [section(about)] if about else []
    blocks.append(input_block(REASON, form.label, text, hint=form.hint))
    return modal(form.callback, form.title, blocks, submit=form.submit, private_metadata=pack({"id": about_id}))


def read_reason(view: Json) -> tuple[str, str]:
    """The id, never trusted, and the text."""
    kept = unpack(str(view.get("private_metadata") or ""))
    return str(kept.get("id") or ""), ViewState.of(view).text(REASON).strip()
