"""The access policy's part of `dataset-bot check`, and `dataset-bot policy check`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.access.people import SlackPeople
from handlers.caller import Installation
from services.access.policy import BUILT_IN, Policy, PolicyError, json_schema, load_policy
from services.access.policy_fields import ADMINS, OWNER
from services.access.policy_review import named, needed_of, review
from services.errors import Unavailable


@dataclass(frozen=True, slots=True)
class PolicyFinding:
    """As `bot.check.Finding`."""

    name: str
    ok: bool | None
    detail: str
    fix: str = ""


def check_file(path: Path, say: Callable[[str], None]) -> int:
    """`dataset-bot policy check FILE`: everything that can be told of a file alone; returns the exit code."""
    try:
        policy = load_policy(path)
    except PolicyError as error:
        for sentence in error.sentences:
            say(sentence)
        return 1
    remarks = review(policy)
    for remark in remarks:
        say(f"Rule “{remark.rule}”: {remark.sentence}" if remark.rule else remark.sentence)
    say(f"{len(policy.rules)} rules, digest {policy.digest[:12]}.")
    return 1 if any(remark.is_fatal for remark in remarks) else 0


def schema_text() -> str:
    """`dataset-bot policy schema`: the JSON Schema of the file, for editors and CI."""
    return f"{json.dumps(json_schema(), indent=2, ensure_ascii=False)}\n"


def file_findings(path: Path | None) -> tuple[Policy | None, list[PolicyFinding]]:
    """The policy, None when it cannot be used, and what is to be said of the file alone."""
    if path is None:
        detail = "none: the owner of a dataset decides, with a reason, for 30 days at most"
        return BUILT_IN, [PolicyFinding("access policy", None, detail)]
    try:
        policy = load_policy(path)
    except PolicyError as error:
        fix = "Correct the file; docs/policy.example.yml shows what can be written."
        return None, [PolicyFinding("access policy", False, sentence, fix) for sentence in error.sentences]
    found = [PolicyFinding("access policy", True, f"{len(policy.rules)} rules, digest {policy.digest[:12]}")]
    for remark in review(policy):
        name = f"rule {remark.rule}" if remark.rule else "access policy"
        first, _, rest = remark.sentence.partition("; ")
        found.append(PolicyFinding(name, False if remark.is_fatal else None, first, f"{rest[:1].upper()}{rest[1:]}"))
    return policy, found


async def people_findings(
    policy: Policy, admins: tuple[str, ...], client: AsyncWebClient, installation: Installation
) -> AsyncIterator[PolicyFinding]:
    """Every user, user group and channel that the policy names, asked of Slack; and lists of too few who decide."""

    async def ours() -> Installation:
        return installation

    people = SlackPeople(client, ours)
    found = named(policy)
    members: set[str] = set()
    groups: dict[str, frozenset[str]] = {}
    try:
        for user in sorted({*found.users, *admins}):
            if (await people.person(user)).is_member:
                members.add(user)
            elif user in found.users:
                yield _missing("user", user, found.users[user], "not a full, active member of this workspace")
        for group, by in found.groups.items():
            groups[group] = await people.group_members(group)
            active = {each for each in groups[group] if (await people.person(each)).is_member}
            members |= active
            if not active:
                yield _missing("user group", group, by, "unknown, disabled or without active members")
    except Unavailable as error:
        yield PolicyFinding("policy people", False, error.sentence, "Check the scopes users:read and usergroups:read.")
        return
    for channel, by in found.channels.items():
        if problem := await _channel_problem(client, channel):
            yield _missing("channel", channel, by, problem)
    for deciders, (needed, rule) in needed_of(policy).items():
        # An owner who has left, or asks for themselves, is replaced by the admins.
        named_ones = {each for each in deciders if each in members}
        of_groups = {each for group in deciders for each in groups.get(group, ()) if each in members}
        of_admins = {each for each in admins if each in members} if {OWNER, ADMINS} & set(deciders) else set()
        can = named_ones | of_groups | of_admins
        if len(can) + (OWNER in deciders) < needed:
            detail = f"{needed} must approve, but only {len(can)} of {', '.join(deciders)} can"
            yield PolicyFinding(f"rule {rule}", False, detail, "Name more people, or lower needed.")
    if not admins:
        fix = "Name Slack user ids in ADMINS."
        yield PolicyFinding("admins", False, "nobody decides where a dataset's owner cannot", fix)
    total = len(found.users) + len(found.groups) + len(found.channels)
    yield PolicyFinding("policy people", True, f"{total} users, user groups and channels were looked up")


def _missing(kind: str, name: str, by: tuple[str, ...], why: str) -> PolicyFinding:
    where = ", ".join(by[:5])
    return PolicyFinding(f"{kind} {name}", False, why, f"Correct or take it out of {where}.")


async def _channel_problem(client: AsyncWebClient, channel: str) -> str:
    try:
        found = (await client.conversations_info(channel=channel))["channel"]
    except SlackApiError as error:
        return f"Slack says {error.response.get('error')}; it may be private, and the bot not in it"
    except (ClientError, TimeoutError, OSError) as error:
        return f"Slack cannot be reached ({error})"
    if found.get("is_archived"):
        return "it is archived"
    if found.get("is_ext_shared"):
        return "it is shared with another organisation, whose people would read who asks for what"
    return "" if found.get("is_member") else "the bot is not in it; invite it there"
