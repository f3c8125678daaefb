"""The request form as values: what was typed, how it is read from a view, and the wish that it means."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import timedelta
from enum import StrEnum
from functools import cache

from pydantic import JsonValue, TypeAdapter

from handlers.message import Json
from handlers.packed import pack, unpack
from handlers.view_state import ViewState
from services.access.model import Initiative, Level, Subject, SubjectKind
from services.access.offer import Wish
from services.datasets.model import Problem


class Whom(StrEnum):
    """For whom: the person who fills the form, or one of the kinds of subject."""

    ME = "me"
    USER = "user"
    GROUP = "group"
    SERVICE_PRINCIPAL = "service_principal"


@dataclass(frozen=True, slots=True)
class RequestForm:
    """Everything typed, as typed. The names of most fields are their block ids as well.

    dataset: key of the dataset (see `handlers.datasets.naming`), "" for none; dataset_label as the menu shows it.
    colleague: Slack id. group, principal: Entra object ids, with their names as the menus show them. seconds: the
    duration, 0 for the policy's own. typed_name: the dataset's name, typed to confirm an emergency. extends: id of the
    grant it prolongs; then dataset, level and subject are fixed. channel: where the command came from.
    """

    dataset: str = ""
    dataset_label: str = ""
    level: Level = Level.READ
    whom: Whom = Whom.ME
    colleague: str = ""
    group: str = ""
    group_name: str = ""
    principal: str = ""
    principal_name: str = ""
    seconds: int = 0
    reason: str = ""
    ticket: str = ""
    emergency: bool = False
    typed_name: str = ""
    initiative: Initiative = Initiative.ASK
    extends: str = ""
    channel: str = ""

    @property
    def is_fixed(self) -> bool:
        """An extension: of what is there, for who has it."""
        return bool(self.extends)

    @property
    def duration(self) -> timedelta:
        """How long; nothing for the policy's own."""
        return timedelta(seconds=self.seconds)

    def subject(self, me: str) -> Subject | None:
        """For whom, None while nobody is chosen. me: who fills the form."""
        match self.whom:
            case Whom.ME:
                return Subject(SubjectKind.USER, me)
            case Whom.USER:
                return Subject(SubjectKind.USER, self.colleague) if self.colleague else None
            case Whom.GROUP:
                return Subject(SubjectKind.GROUP, self.group, self.group_name) if self.group else None
            case Whom.SERVICE_PRINCIPAL:
                chosen = Subject(SubjectKind.SERVICE_PRINCIPAL, self.principal, self.principal_name)
                return chosen if self.principal else None

    def wish(self, me: str, dataset: str) -> Wish | None:
        """What is asked for. dataset: the name behind the key. None while dataset or subject are not chosen."""
        subject = self.subject(me)
        if subject is None or not dataset:
            return None
        return Wish(
            dataset=dataset,
            level=self.level,
            subject=subject,
            duration=self.duration,
            reason=self.reason.strip(),
            ticket=self.ticket.strip(),
            emergency=self.emergency,
            initiative=self.initiative,
            extends=self.extends,
            channel=self.channel,
        )

    @property
    def inputs(self) -> frozenset[str]:
        """The fields that can be seen whatever the policy says; ticket and emergency depend on it."""
        shown = {"reason"}
        if not self.is_fixed:
            shown |= {"dataset", "level", "whom", *_CHOICE_OF.get(self.whom, ())}
        return frozenset(shown)

    def metadata(self, shown: frozenset[str]) -> str:
        """What the form must remember beside its visible fields, for private_metadata."""
        labels = {label for field, label in _LABELS.items() if field in shown}
        return pack({key: value for key, value in self.values().items() if key not in shown | labels})

    def values(self) -> dict[str, JsonValue]:
        """The fields that are not at their default, as JSON."""
        mine = {field.name: getattr(self, field.name) for field in _FIELDS}
        return {key: value for key, value in mine.items() if value != _DEFAULTS[key]}

    @classmethod
    def from_values(cls, values: dict[str, JsonValue]) -> RequestForm:
        """The reverse of `values`; unknown fields and values that do not fit are left at their default."""
        try:
            return _adapter().validate_python({k: v for k, v in values.items() if k in _DEFAULTS})
        except ValueError:
            return cls()

    @classmethod
    def parse(cls, view: Json) -> RequestForm:
        """Read the form from a view as Slack delivers it: what is shown, and what the view remembers."""
        state = ViewState.of(view)
        kept = unpack(str(view.get("private_metadata") or ""))
        typed: dict[str, JsonValue] = dict(kept)
        for field in ("reason", "ticket", "typed_name"):
            if state.has(field):
                typed[field] = state.text(field)
        for field in ("level", "whom"):
            if choice := state.choice(field):
                typed[field] = choice
        if state.has("colleague"):
            typed["colleague"] = state.user("colleague")
        for field, label in _LABELS.items():
            if state.has(field):
                typed[field], typed[label] = state.choice(field), _label(state, field)
        if state.has("emergency"):
            typed["emergency"] = state.ticked("emergency")
        duration = next((block for block in state.values if block.startswith("seconds:")), "")
        if (chosen := state.choice(duration)).isdecimal():
            typed["seconds"] = int(chosen[:9])
        return cls.from_values(typed)

    def errors(self, problems: tuple[Problem, ...], shown: frozenset[str], duration_block: str) -> dict[str, str]:
        """Problems by the block id of a field that the form shows, as Slack's `errors`; the first of each field.

        shown: block ids of the view that was submitted.
        """
        found: dict[str, str] = {}
        subject = next(iter(_CHOICE_OF.get(self.whom, ())), "whom")
        for problem in problems:
            wanted = {
                "subject": (subject, "whom"),
                "duration": (duration_block,),
                "emergency": ("typed_name", "emergency"),
            }.get(problem.field, (problem.field,))
            block = next((each for each in wanted if each in shown), "reason")
            found.setdefault(block, problem.sentence)
        return found


_CHOICE_OF: dict[Whom, tuple[str, ...]] = {
    Whom.USER: ("colleague",),
    Whom.GROUP: ("group",),
    Whom.SERVICE_PRINCIPAL: ("principal",),
}
_LABELS = {"dataset": "dataset_label", "group": "group_name", "principal": "principal_name"}


def _label(state: ViewState, block_id: str) -> str:
    element: Json = next(iter(state.values.get(block_id, {}).values()), {})
    text = ((element.get("selected_option") or {}).get("text") or {}).get("text")
    return str(text or "")


def shown_blocks(view: Json) -> frozenset[str]:
    """Block ids of the fields that a view shows."""
    return frozenset(
        str(block.get("block_id") or "") for block in view.get("blocks") or [] if block.get("type") == "input"
    )


def for_subject(form: RequestForm, subject: Subject, me: str) -> RequestForm:
    """The form with this subject chosen. me: who fills it."""
    match subject.kind:
        case SubjectKind.USER if subject.id == me and form.initiative is Initiative.ASK:
            return replace(form, whom=Whom.ME)
        case SubjectKind.USER:
            return replace(form, whom=Whom.USER, colleague=subject.id)
        case SubjectKind.GROUP:
            return replace(form, whom=Whom.GROUP, group=subject.id, group_name=subject.name)
        case SubjectKind.SERVICE_PRINCIPAL:
            return replace(form, whom=Whom.SERVICE_PRINCIPAL, principal=subject.id, principal_name=subject.name)


@cache
def _adapter() -> TypeAdapter[RequestForm]:
    return TypeAdapter(RequestForm)


_FIELDS = fields(RequestForm)
_DEFAULTS: dict[str, JsonValue] = {field.name: getattr(RequestForm(), field.name) for field in _FIELDS}
