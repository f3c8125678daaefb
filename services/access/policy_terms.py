"""The terms that hold for a request: what the rule says, else what `defaults` says, else what the bot says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from services.access.policy_fields import EVERYONE, UNMATCHED

if TYPE_CHECKING:
    from services.access.policy import Defaults, Rule
    from services.access.policy_parts import BreakGlass, Escalation, Reminders, Stage, Ticket

T = TypeVar("T")

LONGEST = timedelta(days=30)
PRESETS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
EXPIRES = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """All that a rule settles, before it is known who the people are. presets: none longer than `longest`."""

    rule: str
    may_request: tuple[str, ...]
    on_behalf: tuple[str, ...]
    stages: tuple[Stage, ...]
    longest: timedelta
    presets: tuple[timedelta, ...]
    reason_required: bool
    ticket: Ticket
    automatic: bool
    self_approval: bool
    break_glass: BreakGlass | None
    notify: tuple[str, ...]
    channel: str
    remind: Reminders
    escalate: Escalation | None
    expires: timedelta
    approve_in_browser: bool


@dataclass(frozen=True, slots=True)
class BotTerms:
    """What the bot says where neither the rule nor the defaults do."""

    stages: tuple[Stage, ...]
    ticket: Ticket
    remind: Reminders


def terms_of(rule: Rule | None, defaults: Defaults, bot: BotTerms) -> RuleTerms:
    """rule: None for data that no rule matches; then the owner decides on the default terms.

    What takes people out of the decision comes from the rule alone.
    """
    says: Defaults = defaults if rule is None else rule
    longest = _first(says.longest, defaults.longest, LONGEST)
    presets = tuple(each for each in _first(says.presets, defaults.presets, PRESETS) if each <= longest)
    return RuleTerms(
        rule=UNMATCHED if rule is None else rule.id,
        may_request=_first(says.may_request, defaults.may_request, (EVERYONE,)),
        on_behalf=_first(says.on_behalf, defaults.on_behalf, (EVERYONE,)),
        stages=bot.stages if rule is None else _first(rule.approvers, defaults.approvers, bot.stages),
        longest=longest,
        presets=presets or (longest,),
        reason_required=_first(says.reason, defaults.reason, "required") == "required",
        ticket=_first(says.ticket, defaults.ticket, bot.ticket),
        automatic=rule is not None and rule.automatic,
        self_approval=rule is not None and rule.self_approval,
        break_glass=None if rule is None else rule.break_glass,
        notify=_first(says.notify, defaults.notify, ()),
        channel=_first(says.channel, defaults.channel, ""),
        remind=_first(says.remind, defaults.remind, bot.remind),
        escalate=says.escalate or defaults.escalate,
        expires=_first(says.expires, defaults.expires, EXPIRES),
        approve_in_browser=_first(says.approve_in_browser, defaults.approve_in_browser, False),
    )


def _first(said: T | None, default: T | None, otherwise: T) -> T:
    if said is not None:
        return said
    return otherwise if default is None else default
