"""The parts that rules of the policy file are made of: what they are for, who decides, reminders, emergencies."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from services.access.model import Level, SubjectKind
from services.access.policy_fields import (
    ADMINS,
    GROUP_ID,
    OWNER,
    USER_ID,
    Deciders,
    Duration,
    Globs,
    Places,
    TagValues,
    TicketPattern,
    Who,
    wrong,
)


class Part(BaseModel):
    """Read strictly: a key that is not known is wrong, and nothing changes once it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _one_or_list(schema: dict[str, Any]) -> None:
    schema["anyOf"] = [schema["items"], {key: schema.pop(key) for key in ("type", "items", "minItems")}]


class When(Part):
    """Which requests a rule is for: all that is said must hold; what is not said holds for everything.

    Upper and lower case do not matter. `*` stands for anything and `?` for one character.
    """

    datasets: Globs = Field((), description="Name patterns; one of them matches.")
    tags: dict[str, TagValues] = Field(
        default_factory=dict,
        description='Tags by key, each with patterns of which one matches; "" stands for datasets without that tag.',
    )
    datastores: Globs = Field(
        (),
        description="Datastore patterns; one datastore of the data matches one of them. A rule with automatic, "
        "self_approval or break_glass matches only when every datastore does.",
    )
    sensitivity: TagValues = Field(
        (), description='Patterns for the value of the tag that sensitivity_tag names; "" for datasets without it.'
    )
    levels: Annotated[tuple[Level, ...], BeforeValidator(_as_list)] = Field(
        (), min_length=1, description="read, write.", json_schema_extra=_one_or_list
    )
    subjects: Annotated[tuple[SubjectKind, ...], BeforeValidator(_as_list)] = Field(
        (),
        min_length=1,
        description="For whom: user, group (an Entra group), service_principal.",
        json_schema_extra=_one_or_list,
    )


class AlertWhen(Part):
    """Which datasets an alert route is for: all that is said must hold; what is not said holds for everything."""

    datasets: Globs = Field((), description="Name patterns; one of them matches.")
    tags: dict[str, TagValues] = Field(
        default_factory=dict,
        description='Tags by key, each with patterns of which one matches; "" stands for datasets without that tag.',
    )
    sensitivity: TagValues = Field(
        (), description='Patterns for the value of the tag that sensitivity_tag names; "" for datasets without it.'
    )

    @property
    def datastores(self) -> tuple[str, ...]:
        """Alerts are about what a dataset is called, not about where it lies."""
        return ()

    @property
    def levels(self) -> tuple[Level, ...]:
        """Alerts know none."""
        return ()

    @property
    def subjects(self) -> tuple[SubjectKind, ...]:
        """Alerts know none."""
        return ()


class AlertRoute(Part):
    """Where incidents of monitors go that `when` names, in the place of what a monitor says itself."""

    when: AlertWhen = Field(default_factory=AlertWhen, description="Which datasets; all of them when left out.")
    to: Places = Field(description="Channel and member ids; the first gets message and thread, the others a line.")

    @property
    def id(self) -> str:
        """Routes have no names."""
        return ""

    @property
    def deny(self) -> str | None:
        """Routes refuse nothing."""
        return None

    @property
    def takes_people_out(self) -> bool:
        """Routes give no access."""
        return False


class Stage(Part):
    """Who decides, and how many of them must approve. Stages follow one another."""

    people: Deciders = Field(alias="from", description="owner, admins, member ids (U…), user group ids (S…).")
    needed: int = Field(1, ge=1, le=20, strict=True, description="How many of them must approve.")
    label: str = Field("", max_length=80, description="What this stage is called on the card.")

    @model_validator(mode="after")
    def _enough_people(self) -> Self:
        can_be_counted = all(USER_ID.fullmatch(each) for each in self.people)
        if can_be_counted and self.needed > len(self.people):
            raise wrong(f"{self.needed} must approve, but {len(self.people)} are named; name more, or lower needed")
        return self


class Ticket(Part):
    """Whether a ticket must be named, and how one looks."""

    required: bool = Field(True, strict=True, description="Whether a request without a ticket is refused.")
    pattern: TicketPattern | None = Field(None, description="Regular expression that all of the ticket matches.")


class Reminders(Part):
    """When those who decide are reminded of a request that waits."""

    after: Duration = Field(description="The first reminder, counted from the request.")
    factor: float = Field(2.0, ge=1, le=10, description="How many times longer each wait is than the one before.")
    at_most: int = Field(3, ge=0, le=10, strict=True, description="How many reminders there are.")


class Escalation(Part):
    """Who may decide too when a request waits for long."""

    after: Duration = Field(description="Counted from the request.")
    to: Deciders = Field(description="owner, admins, member ids (U…), user group ids (S…).")


class BreakGlass(Part):
    """Access at once and without approval, told to everyone concerned and reviewed afterwards."""

    longest: Duration = Field(description="How long it may last at most.")
    who: Who = Field(description="everyone, or ids of users and user groups.")
    reviewers: Deciders = Field((OWNER, ADMINS), description="Who reviews it afterwards; never the one who took it.")


def as_stages(value: object) -> object:
    """`[owner, S012]` is one stage of which one approves."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, (list, tuple)):
        if not value:
            raise wrong("the list is empty; name at least one who decides, such as owner")
        if all(isinstance(each, str) for each in value):
            return ({"from": list(value)},)
        if not all(isinstance(each, (dict, Stage)) for each in value):
            raise wrong("ids and stages are mixed; write only ids, or only stages such as {from: [owner], needed: 1}")
        if len(value) > 5:
            raise wrong(f"there are {len(value)} stages; write at most 5")
    return value


def stages_schema(schema: dict[str, Any]) -> None:
    short = {"type": "string", "pattern": f"^({OWNER}|{ADMINS}|{USER_ID.pattern}|{GROUP_ID.pattern})$"}
    stages = {**next(each for each in schema["anyOf"] if "items" in each), "minItems": 1, "maxItems": 5}
    schema["anyOf"] = [short, {"type": "array", "items": short, "minItems": 1, "uniqueItems": True}, stages]


def as_ticket(value: object) -> object:
    if value in ("required", "optional"):
        return {"required": value == "required"}
    return value


def ticket_schema(schema: dict[str, Any]) -> None:
    schema.setdefault("anyOf", []).insert(0, {"enum": ["required", "optional"]})
