"""The access policy: who may ask for which data, who decides, for how long. A file in git, checked when it is read.

A rule says for which requests it holds (`when`) and on which terms. The first rule in file order that holds gives the
terms; what it leaves out comes from `defaults`, then from the bot. Three things come from nowhere but the very rule,
since they take people out of the decision: `automatic`, `self_approval` and `break_glass`. A rule with `deny` refuses
wherever it stands.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from services.access.decide_facts import DatasetFacts
from services.access.policy_fields import (
    OWNER,
    Auditors,
    Channel,
    Domain,
    Duration,
    EntraId,
    RuleId,
    Told,
    UserId,
    Who,
    WhoOrNobody,
    wrong,
)
from services.access.policy_file import PolicyError, read_policy_file
from services.access.policy_index import RuleIndex
from services.access.policy_parts import (
    AlertRoute,
    BreakGlass,
    Escalation,
    Part,
    Reminders,
    Stage,
    Ticket,
    When,
    as_stages,
    as_ticket,
    stages_schema,
    ticket_schema,
)
from services.access.policy_terms import BotTerms, RuleTerms, terms_of

__all__ = [
    "BUILT_IN",
    "Defaults",
    "MissingAssignments",
    "Policy",
    "PolicyError",
    "Rule",
    "StrayAssignments",
    "Unmatched",
    "json_schema",
    "load_policy",
]


class Defaults(Part):
    """Terms that every rule may say for itself."""

    may_request: Who | None = Field(None, description="Who may ask: everyone (full members), or ids.")
    on_behalf: WhoOrNobody | None = Field(
        None, description="Who of them may ask for others, groups and service principals: everyone, nobody, or ids."
    )
    approvers: Annotated[
        tuple[Stage, ...] | None, BeforeValidator(as_stages), Field(json_schema_extra=stages_schema)
    ] = Field(None, description="Who decides: ids of whom one approves, or stages, one after the other.")
    longest: Duration | None = Field(None, description="How long access may last at most.")
    presets: tuple[Duration, ...] | None = Field(
        None, min_length=1, max_length=10, description="Durations that the form offers."
    )
    reason: Literal["required", "optional"] | None = Field(None, description="Whether a reason must be given.")
    ticket: Annotated[Ticket | None, BeforeValidator(as_ticket), Field(json_schema_extra=ticket_schema)] = Field(
        None, description="required, optional, or how a ticket looks."
    )
    notify: Told | None = Field(None, description="Who is told of requests and grants without deciding.")
    channel: Channel | None = Field(None, description='Channel id where cards go; "" for direct messages.')
    remind: Reminders | None = Field(None, description="Reminders to those who decide.")
    escalate: Escalation | None = Field(None, description="Who may decide too when a request waits for long.")
    expires: Duration | None = Field(None, description="After how long an unanswered request lapses.")
    approve_in_browser: bool | None = Field(
        None, strict=True, description="Whether approving takes a sign-in in the browser instead of a click in Slack."
    )

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        if self.longest is not None and any(each > self.longest for each in self.presets or ()):
            raise wrong("presets has a duration longer than longest; take it out, or raise longest")
        if self.escalate is not None and self.expires is not None and self.escalate.after >= self.expires:
            raise wrong("a request lapses before it is escalated; make expires longer than the after of escalate")
        return self


class Rule(Defaults):
    """What holds for the requests that `when` names."""

    id: RuleId = Field(description="Name of the rule, as the audit shows it.")
    when: When = Field(default_factory=When, description="Which requests it is for; all of them when left out.")
    deny: str | None = Field(
        None, min_length=1, max_length=300, description="Refuse these requests; the sentence is shown as the reason."
    )
    automatic: bool = Field(False, strict=True, description="Whether access is given without anybody deciding.")
    self_approval: bool = Field(
        False, strict=True, description="Whether one who may decide may decide on their own request."
    )
    break_glass: BreakGlass | None = Field(None, description="Emergency access without approval.")

    @model_validator(mode="after")
    def _deny_says_nothing_else(self) -> Self:
        more = sorted(self.model_fields_set - {"id", "when", "deny"})
        if self.deny is not None and more:
            raise wrong(f"a rule with deny refuses and says nothing else; take out {', '.join(more)}, or deny")
        return self

    @property
    def takes_people_out(self) -> bool:
        """Does it let access through without somebody else's approval?"""
        return self.automatic or self.self_approval or self.break_glass is not None


class Unmatched(StrEnum):
    """What holds for data that no rule matches: its owner decides on the default terms, or nobody gets access."""

    OWNER = "owner"
    REFUSE = "refuse"


class StrayAssignments(StrEnum):
    """What is done with an assignment of the bot's that no grant stands behind."""

    REPORT = "report"
    REMOVE = "remove"


class MissingAssignments(StrEnum):
    """What is done when a grant's assignment has vanished, or when somebody has changed it by hand."""

    RESTORE = "restore"
    REPORT = "report"


class DepartedHolders(StrEnum):
    """What is done with grants of a person who is no active full member of the Slack workspace any more."""

    REPORT = "report"
    REVOKE = "revoke"


class Policy(Part):
    """The whole policy file."""

    version: Literal[1] = Field(description="Version of this format: 1.")
    defaults: Defaults = Field(default_factory=Defaults, description="Terms of rules that do not say them.")
    rules: tuple[Rule, ...] = Field((), max_length=5000, description="The first that matches holds.")
    unmatched: Unmatched = Field(
        Unmatched.OWNER, description="Data that no rule matches: the owner decides on the default terms, or refuse."
    )
    alerts: tuple[AlertRoute, ...] = Field(
        (), max_length=1000, description="Where incidents of drift monitors go; the first that matches holds."
    )
    auditors: Auditors = Field((), description="Who may read the audit besides admins: ids of users and groups.")
    identities: dict[UserId, EntraId] = Field(
        default_factory=dict, description="Member id → Entra object id or user principal name, where e-mail misleads."
    )
    email_domains: tuple[Domain, ...] | None = Field(
        None, description="Domains whose confirmed e-mail addresses may be looked up in Entra; all when left out."
    )
    sensitivity_tag: str = Field(
        "sensitivity", min_length=1, max_length=100, description="Key of the tag that tells how sensitive data are."
    )
    stray_assignments: StrayAssignments = Field(
        StrayAssignments.REPORT, description="Assignments of the bot's without a grant: report or remove."
    )
    missing_assignments: MissingAssignments = Field(
        MissingAssignments.RESTORE,
        description="Grants whose assignment vanished or was changed by hand: restore or report.",
    )
    departed_holders: DepartedHolders = Field(
        DepartedHolders.REPORT,
        description="Grants of people who were deactivated or became guests in Slack: report or revoke.",
    )

    @model_validator(mode="after")
    def _ids_are_distinct(self) -> Self:
        if len({rule.id for rule in self.rules}) < len(self.rules):
            raise PydanticCustomError("same_id", "two rules have the same id")
        return self

    @cached_property
    def digest(self) -> str:
        """Hex sha256 over what the policy says; the same for files that differ in layout and comments only."""
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()

    @cached_property
    def index(self) -> RuleIndex[Rule]:
        """Finds the rules that hold for a request. Made once, at the first use."""
        return RuleIndex(self.rules, self.sensitivity_tag)

    @cached_property
    def _alert_index(self) -> RuleIndex[AlertRoute]:
        return RuleIndex(self.alerts, self.sensitivity_tag)

    def alerts_to(self, dataset: DatasetFacts) -> tuple[str, ...]:
        """Where incidents of a dataset go; nothing where no route names it."""
        return next((route.to for route in self._alert_index.holds_for(dataset)), ())

    @cached_property
    def unmatched_terms(self) -> RuleTerms | None:
        """The terms of data that no rule matches; None when they are refused."""
        return None if self.unmatched is Unmatched.REFUSE else terms_of(None, self.defaults, _BOT_TERMS)

    def terms_of(self, rule: Rule) -> RuleTerms:
        """The terms of one of this policy's rules, without `deny`."""
        return self._rule_terms[rule.id]

    @cached_property
    def _rule_terms(self) -> dict[str, RuleTerms]:
        return {rule.id: terms_of(rule, self.defaults, _BOT_TERMS) for rule in self.rules if rule.deny is None}


_BOT_TERMS = BotTerms(
    stages=(Stage.model_validate({"from": [OWNER]}),),
    ticket=Ticket(required=False),
    remind=Reminders(after=timedelta(days=1)),
)

BUILT_IN = Policy(version=1)
"""What holds without a policy file: any full member may ask, with a reason; the owner decides; 30 days at most."""


def load_policy(path: Path) -> Policy:
    """The policy of a file. Raises PolicyError with one sentence for each problem, naming line, rule and field."""
    return read_policy_file(path, Policy)


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the file, for editors."""
    schema = Policy.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Access policy of Dataset Bot",
        **{key: _without_null(value) for key, value in schema.items() if key != "title"},
    }


def _without_null(schema: Any) -> Any:  # JSON of any shape
    """The file leaves a key out where the model has None."""
    if isinstance(schema, list):
        return [_without_null(each) for each in schema if each != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    found = {
        key: _without_null(value)
        for key, value in schema.items()
        if not (key == "default" and value is None) and not (key == "title" and isinstance(value, str))
    }
    if len(found.get("anyOf", ())) == 1:
        found.update(found.pop("anyOf")[0])
    return found
