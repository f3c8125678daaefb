"""Profiles of the workspace's dataset versions for the command line, kept in the bot's database like all others."""

from __future__ import annotations

import asyncio
import contextlib

from bot.clock import SystemClock
from bot.opened import OpenedWorkspace, Opening
from bot.opening import open_workspace
from bot.settings import Settings, load_settings
from services.access.model import PersonFacts
from services.access.policy import BUILT_IN
from services.drift.encode import decode, encode
from services.drift.model import Plan, Profile
from services.drift.scan import Progress, absent
from services.store import migrate
from services.store.database import Database


def profile_version(name: str, number: int, plan: Plan | None, progress: Progress | None) -> Profile:
    """The profile of a version of the settings' workspace, counted where the plan says. Raises UserError."""
    return asyncio.run(_profile_version(name, number, plan, progress))


class _Nobody:
    """`services.access.ports.People` of a terminal, where nobody is asked for and no Slack is."""

    async def person(self, user_id: str, *, fresh: bool = False) -> PersonFacts:
        """No member."""
        return PersonFacts(user_id, is_member=False)

    async def group_members(self, group_id: str, *, fresh: bool = False) -> frozenset[str]:
        """Nobody."""
        return frozenset()


async def open_alone(settings: Settings, database: Database, stack: contextlib.AsyncExitStack) -> OpenedWorkspace:
    """The settings' workspace without Slack."""
    return await open_workspace(settings, database, Opening(SystemClock(), _Nobody(), lambda: BUILT_IN, stack))


async def _profile_version(name: str, number: int, plan: Plan | None, progress: Progress | None) -> Profile:
    settings = load_settings()
    await asyncio.to_thread(migrate.upgrade, settings.database_url)
    async with contextlib.AsyncExitStack() as stack:
        database = Database.open(settings.database_url)
        stack.push_async_callback(database.close)
        opened = await open_alone(settings, database, stack)
        card = await opened.datasets.show(name, number)
        kept = await opened.datasets.profiles.profile(card.version, plan=None if plan is None else _carried(plan))
        return decode(kept.data)


def _carried(plan: Plan) -> bytes:
    """A plan in the form in which plans travel: a profile of no rows."""
    return encode(Profile(plan, 0, tuple(absent(column, 0) for column in plan.columns)))
