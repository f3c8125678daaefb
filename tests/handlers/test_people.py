"""Accounts and user groups as decisions see them, asked of the local Slack through the real client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.faults import Faults, ServerFault
from bot.sandbox.server import LocalSlack
from handlers.access.people import CACHE_SECONDS, GROUP_SECONDS, SlackPeople
from handlers.caller import Installation
from services.access.model import PersonFacts
from services.errors import Unavailable


@dataclass
class Stage:
    slack: LocalSlack
    people: SlackPeople = field(init=False)
    now: float = 0.0

    def __post_init__(self) -> None:
        client = AsyncWebClient(token=self.slack.bot_token, base_url=f"{self.slack.url}/api/", retry_handlers=[])
        self.people = SlackPeople(client, self.installation, lambda: self.now)

    async def installation(self) -> Installation:
        return Installation(self.slack.world.team_id)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with LocalSlack() as slack:
        yield Stage(slack)


async def test_a_member_with_a_confirmed_address(stage: Stage) -> None:
    ada = await stage.people.person("U0ADA")
    assert ada == PersonFacts("U0ADA", is_member=True, name=ada.name, tz=ada.tz, email=ada.email)
    assert ada.name.startswith("Ada")
    assert ada.email.startswith("ada@")


@pytest.mark.parametrize("user", ["U0GUS", "U0MIA", "U0SAM", "U0DEE", "U0OTHERBOT", "U0NOBODY"])
async def test_nobody_else_is_a_member(stage: Stage, user: str) -> None:
    assert not (await stage.people.person(user)).is_member


async def test_what_is_remembered_ends_and_fresh_asks_now(stage: Stage) -> None:
    assert (await stage.people.person("U0BEN")).is_member
    stage.slack.world.users["U0BEN"].deleted = True
    assert (await stage.people.person("U0BEN")).is_member
    assert not (await stage.people.person("U0BEN", fresh=True)).is_member
    assert not (await stage.people.person("U0BEN")).is_member
    stage.slack.world.users["U0BEN"].deleted = False
    stage.now += CACHE_SECONDS
    assert (await stage.people.person("U0BEN")).is_member


async def test_groups(stage: Stage) -> None:
    assert await stage.people.group_members("S0OWNERS") == {"U0ADA", "U0CHIARA"}
    assert await stage.people.group_members("S0NONE") == frozenset()
    stage.slack.world.usergroups["S0OWNERS"].users.remove("U0ADA")
    stage.now += GROUP_SECONDS - 1
    assert "U0ADA" in await stage.people.group_members("S0OWNERS", fresh=True)
    stage.now += 1
    assert await stage.people.group_members("S0OWNERS", fresh=True) == {"U0CHIARA"}


async def test_a_busy_minute_of_decisions_keeps_within_slacks_limit(stage: Stage) -> None:
    for _ in range(60):
        await stage.people.group_members("S0OWNERS", fresh=True)
        stage.now += 1
    asked = [entry for entry in stage.slack.traffic.entries() if "usergroups.users.list" in str(entry.as_json())]
    assert len(asked) == 20


async def test_a_missing_scope_is_named() -> None:
    async with LocalSlack(manifest={"oauth_config": {"scopes": {"bot": ["users:read"]}}}) as slack:
        people = Stage(slack).people
        with pytest.raises(Unavailable, match="usergroups:read"):
            await people.group_members("S0OWNERS")
        ada = await people.person("U0ADA")
        assert (ada.is_member, ada.email) == (True, "")


async def test_a_slack_that_does_not_answer_is_no_answer(stage: Stage) -> None:
    stage.slack.faults = Faults(server_error={"*": ServerFault(times=9)})
    with pytest.raises(Unavailable):
        await stage.people.person("U0ADA")
    with pytest.raises(Unavailable):
        await stage.people.group_members("S0OWNERS")
