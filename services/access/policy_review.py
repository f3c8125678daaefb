"""What a policy that can be read may still mean otherwise than its author thinks: pure, without asking anybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from services.access.model import Level, SubjectKind
from services.access.policy import Policy, Rule
from services.access.policy_fields import ADMINS, CHANNEL_ID, EVERYONE, GROUP_ID, OWNER
from services.access.policy_index import glob_matcher
from services.access.policy_parts import When

_NOTHING, _MUCH = "", "\x00" * 7
"""What a `*` of a pattern may stand for, at its least and at its most."""


@dataclass(frozen=True, slots=True)
class Remark:
    """rule: its id, "" for the whole file. sentence: what is wrong and what to do. is_fatal: it cannot be meant so."""

    rule: str
    sentence: str
    is_fatal: bool = True


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a policy names: Slack ids, each with the rules (or "defaults", "auditors", …) that do."""

    users: dict[str, tuple[str, ...]]
    groups: dict[str, tuple[str, ...]]
    channels: dict[str, tuple[str, ...]]


def review(policy: Policy) -> tuple[Remark, ...]:
    """Rules that never match, and those by which nobody can ever approve, in the order of the file."""
    return (*_never_matching(policy), *_browser(policy))


def _never_matching(policy: Policy) -> Iterator[Remark]:
    tag = policy.sensitivity_tag
    for number, rule in enumerate(policy.rules):
        # A deny holds wherever it stands, so only another deny leaves it nothing.
        before = (other for other in policy.rules[:number] if rule.deny is None or other.deny is not None)
        earlier = next((other for other in before if covers(other, rule, tag)), None)
        if earlier is not None:
            yield Remark(
                rule.id,
                f"it never matches, since rule “{earlier.id}” before it matches everything that it would; move it up, "
                "or narrow that one.",
            )
            continue
        denies = (other for other in policy.rules[number + 1 :] if other.deny is not None and rule.deny is None)
        later = next((other for other in denies if covers(other, rule, tag)), None)
        if later is not None:
            yield Remark(
                rule.id,
                f"it gives nothing, since rule “{later.id}” refuses everything that it matches, wherever that stands; "
                "narrow that one, or take this out.",
            )


def _browser(policy: Policy) -> Iterator[Remark]:
    sentence = (
        "approve_in_browser is true, but this version of the bot offers no sign-in in the browser: such requests can "
        "be denied, and nobody can approve them; take it out unless that is what you want."
    )
    if policy.defaults.approve_in_browser:
        yield Remark("", f"defaults: {sentence}", is_fatal=False)
    for rule in policy.rules:
        if rule.approve_in_browser:
            yield Remark(rule.id, sentence, is_fatal=False)


def covers(wide: Rule, narrow: Rule, sensitivity_tag: str = "sensitivity") -> bool:
    """Does the first rule match every request that the second one matches? False where it is not certain."""
    one, two = wide.when, narrow.when
    return (
        set(one.levels or Level) >= set(two.levels or Level)
        and set(one.subjects or SubjectKind) >= set(two.subjects or SubjectKind)
        and _all_within(two.datasets, one.datasets)
        and _tags_within(two, one, sensitivity_tag)
        and _datastores_within(narrow, wide)
    )


def _all_within(narrow: Sequence[str], wide: Sequence[str]) -> bool:
    """Is everything that one of the narrow patterns matches matched by one of the wide ones? () matches everything."""
    return not wide or (bool(narrow) and all(any(_within(each, other) for other in wide) for each in narrow))


def _within(narrow: str, wide: str) -> bool:
    if narrow.lower() == wide.lower():
        return True
    matches = glob_matcher(wide)
    return bool(narrow) and all(bool(matches(narrow.lower().replace("*", each))) for each in (_NOTHING, _MUCH))


def _tags_within(narrow: When, wide: When, sensitivity_tag: str) -> bool:
    known = {key.lower(): values for key, values in narrow.tags.items()}
    if narrow.sensitivity:
        known.setdefault(sensitivity_tag.lower(), narrow.sensitivity)
    wanted = [*wide.tags.items(), (sensitivity_tag, wide.sensitivity)]
    return all(_all_within(known.get(key.lower(), ()), values) for key, values in wanted if values)


def _datastores_within(narrow: Rule, wide: Rule) -> bool:
    """A rule that takes people out wants every datastore to match, others any."""
    if wide.takes_people_out and wide.when.datastores and not narrow.takes_people_out:
        return False
    return _all_within(narrow.when.datastores, wide.when.datastores)


def named(policy: Policy) -> Named:
    """Everybody and every channel that the file names."""
    found: dict[str, list[str]] = {}

    def note(where: str, ids: Iterable[str]) -> None:
        for each in ids:
            if each not in {OWNER, ADMINS, EVERYONE, ""} and where not in found.setdefault(each, []):
                found[each].append(where)

    for where, terms in (("defaults", policy.defaults), *((rule.id, rule) for rule in policy.rules)):
        note(where, terms.may_request or ())
        note(where, terms.on_behalf or ())
        note(where, terms.notify or ())
        note(where, (terms.channel or "",))
        for stage in terms.approvers or ():
            note(where, stage.people)
        if terms.escalate is not None:
            note(where, terms.escalate.to)
        if isinstance(terms, Rule) and terms.break_glass is not None:
            note(where, (*terms.break_glass.who, *terms.break_glass.reviewers))
    note("auditors", policy.auditors)
    note("identities", policy.identities)
    return Named(
        users={each: tuple(by) for each, by in found.items() if each[0] in "UW"},
        groups={each: tuple(by) for each, by in found.items() if GROUP_ID.fullmatch(each)},
        channels={each: tuple(by) for each, by in found.items() if CHANNEL_ID.fullmatch(each)},
    )


def needed_of(policy: Policy) -> dict[tuple[str, ...], tuple[int, str]]:
    """Each list of people who decide, with the most that must approve of them, and a rule that says so."""
    found: dict[tuple[str, ...], tuple[int, str]] = {}
    for where, terms in (("defaults", policy.defaults), *((rule.id, rule) for rule in policy.rules)):
        for stage in terms.approvers or ():
            if found.get(stage.people, (0, ""))[0] < stage.needed:
                found[stage.people] = (stage.needed, where)
    return found
