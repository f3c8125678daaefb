"""Slack accounts and user groups as decisions on access need them: `users.info` and `usergroups.users.list`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.caller import Installation, refusal
from services.access.model import PersonFacts
from services.errors import Unavailable

CACHE_SECONDS = 300.0
LOOKUP_SECONDS = 5.0
GROUP_SECONDS = 3.0
"""How old a fresh answer about a user group may be: Slack answers twenty such questions a minute, for all groups."""
ENTRIES = 20_000
_NO_ACCOUNT = frozenset({"user_not_found", "user_not_visible"})
_NO_GROUP = frozenset({"no_such_subteam", "subteam_not_found", "invalid_arguments"})
_NO_SCOPE = (
    "I may not look into user groups of Slack, which the access policy names: the app lacks the scope usergroups:read. "
    "Tell your platform team to install it again with the manifest of this version."
)
_T = TypeVar("_T")


class SlackPeople:
    """`services.access.ports.People`. Who `handlers.caller` would not serve is no member.

    An account or group that Slack does not know is nobody; a Slack that does not answer is Unavailable, so that
    nothing is decided.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        installation: Callable[[], Awaitable[Installation]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._installation = installation
        self._persons: _Remembered[PersonFacts] = _Remembered(self._look_up, monotonic)
        self._groups: _Remembered[frozenset[str]] = _Remembered(self._look_up_group, monotonic, GROUP_SECONDS)

    async def person(self, user_id: str, *, fresh: bool = False) -> PersonFacts:
        """Facts of an account. Raises Unavailable."""
        return await self._persons.get(user_id, fresh=fresh)

    async def group_members(self, group_id: str, *, fresh: bool = False) -> frozenset[str]:
        """User ids of a user group that is enabled. fresh: at most `GROUP_SECONDS` old. Raises Unavailable."""
        return await self._groups.get(group_id, fresh=fresh)

    async def _look_up(self, user_id: str) -> PersonFacts:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                installation = await self._installation()
                user: Mapping[str, Any] = (await self._client.users_info(user=user_id))["user"]
        except SlackApiError as error:
            if error.response["error"] in _NO_ACCOUNT:
                return PersonFacts(user_id, is_member=False)
            raise _silent() from error
        except (TimeoutError, ClientError, OSError) as error:
            raise _silent() from error
        return facts_of(user, installation)

    async def _look_up_group(self, group_id: str) -> frozenset[str]:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                answer = await self._client.usergroups_users_list(usergroup=group_id, include_disabled=False)
        except SlackApiError as error:
            code = error.response["error"]
            if code in _NO_GROUP:
                return frozenset()
            if code == "missing_scope":
                raise Unavailable(_NO_SCOPE, code="missing_scope") from error
            raise _silent() from error
        except (TimeoutError, ClientError, OSError) as error:
            raise _silent() from error
        users: list[str] = answer["users"]
        return frozenset(users)


def facts_of(user: Mapping[str, Any], installation: Installation) -> PersonFacts:
    """A user of `users.info`. The e-mail counts only when it is confirmed; it takes the scope users:read.email."""
    profile = user.get("profile") or {}
    is_confirmed = user.get("is_email_confirmed") is True
    return PersonFacts(
        user_id=str(user.get("id") or ""),
        is_member=refusal(user, installation) is None,
        name=str(profile.get("real_name") or user.get("real_name") or user.get("name") or ""),
        tz=str(user.get("tz") or "UTC"),
        email=str(profile.get("email") or "") if is_confirmed else "",
    )


class _Remembered(Generic[_T]):
    """Answers behind a cache; look-ups of the same thing that are made together are one.

    fresh_for: how many seconds ago a fresh answer may have been asked for.
    """

    def __init__(
        self, look: Callable[[str], Awaitable[_T]], monotonic: Callable[[], float], fresh_for: float = 0.0
    ) -> None:
        self._look = look
        self._now = monotonic
        self._fresh_for = fresh_for
        self._known: dict[str, tuple[float, _T]] = {}  # when it was asked for, and the answer
        self._looking: dict[str, asyncio.Future[_T]] = {}

    async def get(self, key: str, *, fresh: bool) -> _T:
        """The answer, asked anew when fresh or old. A fresh one never comes from a look-up that began before."""
        known = self._known.get(key)
        most = self._fresh_for if fresh else CACHE_SECONDS
        if known is not None and self._now() - known[0] < most:
            return known[1]
        if fresh:
            return await self._ask(key)
        looking = self._looking.get(key)
        if looking is None:
            looking = asyncio.ensure_future(self._ask(key))
            self._looking[key] = looking
            looking.add_done_callback(lambda _: self._looking.pop(key, None))
        return await asyncio.shield(looking)

    async def _ask(self, key: str) -> _T:
        asked_at = self._now()
        answer = await self._look(key)
        self._known.pop(key, None)
        if len(self._known) >= ENTRIES:
            self._known.pop(next(iter(self._known)))
        self._known[key] = (asked_at, answer)
        return answer


def _silent() -> Unavailable:
    return Unavailable("Slack did not tell in time who may decide here, so nothing was done. Please try again.")
