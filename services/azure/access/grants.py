"""Grants on an Azure Machine Learning workspace, made true by role assignments: the `AccessGrants` port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import httpx
import structlog

from services.access.model import (
    Assignment,
    AssignmentKind,
    FoundAssignment,
    GrantPlan,
    GrantWish,
    Level,
    Principal,
    Reach,
)
from services.access.ports import NotYetError
from services.azure.access.calls import CALL_SECONDS, AuthorizationCalls, Sleep
from services.azure.access.conditions import opens, paths_in, same_condition
from services.azure.access.descriptions import mark_of
from services.azure.access.pim import Pim, PimUnusable
from services.azure.access.pim_calls import key_of
from services.azure.access.places import DatastoreLookup, Places, StorageAccounts, Target
from services.azure.access.plan import Planner
from services.azure.access.reach import OwnRights
from services.azure.access.refusals import Refused, told
from services.azure.access.role_assignments import Held, RoleAssignments, as_assignment
from services.azure.access.roles import DATA_ROLE, KNOWN, Role, guid_of, same_scope, subscription_of
from services.azure.identity import TokenSource
from services.azure.resource import AzureWorkspaceId
from services.datasets.model import Source
from services.errors import Conflict, InvalidInput, NotFound, Unavailable

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AccessOptions:
    """workspace_role: given besides to those who cannot use the workspace yet, None: never. use_pim: where licensed.

    call_seconds: the limit of one call with its retries. sleep: waits between tries.
    """

    workspace_role: Role | None
    use_pim: bool = True
    call_seconds: float = CALL_SECONDS
    sleep: Sleep = asyncio.sleep


class AzureAccessGrants:
    """`AccessGrants` by role assignments, with Entra PIM where it can be used. Belongs to one event loop.

    now: UTC. Two grants of one principal must not be executed at once; `AccessStore.claim_grants` sees to it.
    """

    def __init__(
        self,
        workspace: AzureWorkspaceId,
        http: httpx.AsyncClient,
        tokens: TokenSource,
        datastores: DatastoreLookup,
        *,
        now: Callable[[], datetime],
        options: AccessOptions,
    ) -> None:
        mark = mark_of(workspace.key)
        self._scope = workspace.scope
        self._options = options
        self._calls = AuthorizationCalls(
            workspace.subscription_id,
            tokens.token,
            forget_tokens=tokens.forget,
            seconds=options.call_seconds,
            sleep=options.sleep,
        )
        accounts = StorageAccounts(http, tokens, workspace.subscription_id)
        self._places = Places(datastores, accounts, workspace)
        self._assignments = RoleAssignments(self._calls, workspace.key, mark, sleep=options.sleep)
        self._pim = Pim(self._calls, mark, now=now, enabled=options.use_pim, sleep=options.sleep)
        self._own = OwnRights(self._calls, self._assignments, self._places, self._scope)
        self._planner = Planner(self._places, self._scope, options.workspace_role, self._lacks_workspace)

    async def close(self) -> None:
        """End the threads that call Azure."""
        await self._calls.close()

    async def plan(self, sources: Sequence[Source], level: Level, principal: Principal | None) -> GrantPlan:
        """See `AccessGrants.plan`."""
        async with _in_words():
            return await self._planner.plan(sources, level, principal)

    async def grant(self, wish: GrantWish, others: Sequence[GrantWish]) -> tuple[Assignment, ...]:
        """See `AccessGrants.grant`. One assignment after the other; what was done before a failure stays, is found by
        the description and is not done again.
        """
        async with _in_words():
            try:
                targets = await self._targets(wish, (wish, *_others(wish, others)))
                return tuple([await self._ensure(each) for each in targets])
            except NotYetError as early:
                raise Unavailable(early.sentence, code="pim_not_yet") from None
            finally:
                self._own.forget(wish.principal.object_id)

    async def revoke(self, wish: GrantWish, assignments: Sequence[Assignment], others: Sequence[GrantWish]) -> None:
        """See `AccessGrants.revoke`. Without assignments, as after a kill before they were stored, what the wish would
        have made is looked for.
        """
        async with _in_words():
            try:
                remaining = _others(wish, others)
                for each in assignments or await self._unrecorded(wish):
                    if each.kind is not AssignmentKind.FOREIGN:
                        await self._reduce(each, remaining)
            finally:
                self._own.forget(wish.principal.object_id)

    async def missing(
        self, wish: GrantWish, assignments: Sequence[Assignment], *, as_made: bool = False
    ) -> tuple[Assignment, ...]:
        """See `AccessGrants.missing`. Somebody else's assignment that opens as much will do."""
        async with _in_words():
            held: list[Held] = []
            for subscription in dict.fromkeys(subscription_of(each.scope) for each in assignments):
                held += await self._assignments.of_principal(subscription, wish.principal.object_id)
            gone = [each for each in assignments if not await self._holds(each, wish, held)]
            if as_made:
                gone += [each for each in assignments if each not in gone and await self._is_altered(each, held)]
            return tuple(gone)

    async def found(self) -> tuple[FoundAssignment, ...]:
        """See `AccessGrants.found`. What PIM left behind after a lapsed licence is told only where its condition shows
        that it is the bot's; the bot's own records tell of the rest.
        """
        found: list[FoundAssignment] = []
        async with _in_words():
            for subscription in await self._places.subscriptions():
                everything = await self._assignments.everything(subscription)
                plain = [each for each in everything if self._assignments.is_ours(each)]
                for held in plain:
                    said = self._assignments.described(held)
                    assignment = as_assignment(held, AssignmentKind.PLAIN)
                    grants = said.grants if said is not None else ()
                    found.append(FoundAssignment(assignment, grants, self._assignments.is_altered(held)))
                # PIM shows those without it too, and may remember a request of ours for the same role from before.
                known = {key_of(each.scope, each.role_id, each.principal_id) for each in plain}
                for timed, asked in await self._pim.ours(f"/subscriptions/{subscription}"):
                    if timed.key not in known:
                        found.append(FoundAssignment(timed.as_assignment(), asked.grants, asked.seal != timed.seal))
        return tuple(found)

    async def remove(self, found: FoundAssignment) -> None:
        """See `AccessGrants.remove`. Raises Conflict when its description has changed since it was found: a grant may
        stand behind it now.
        """
        assignment = found.assignment
        async with _in_words():
            try:
                if assignment.kind is AssignmentKind.PIM:
                    await self._remove_timed(found)
                else:
                    await self._remove_plain(found)
            finally:
                self._own.forget(assignment.principal_id)

    async def reach(self, principal: Principal, dataset: str, source: Source, level: Level) -> Reach:
        """See `AccessGrants.reach`. By roles alone, of the principal and its groups: what access control lists of a
        data lake, keys and public containers open is not looked at, so some who could read are not known to.
        """
        return await self._own.reach(principal, source, level)

    # What a wish needs

    async def _targets(self, wish: GrantWish, wishes: Sequence[GrantWish]) -> list[Target]:
        found = []
        for container in await self._places.containers(wish.places):
            target = await self._places.target(container.scope, DATA_ROLE[wish.level], wishes)
            if target is None:
                raise Conflict(
                    "The datastore of this access was changed in this moment. Try again.", code="datastore_changed"
                )
            found.append(target)
        role = self._options.workspace_role
        if role is not None and await self._lacks_workspace(wish.principal):
            found.append(Target(self._scope, role, wish.principal, "", tuple(wishes)))
        return found

    async def _lacks_workspace(self, principal: Principal) -> bool:
        """But for what the bot gave, or it would take its own role away from a grant that still needs it."""
        timed = await self._pim.ours(self._scope) if await self._pim.usable(self._scope) else ()
        keys = {each.key for each, _ in timed}

        def is_ours(held: Held) -> bool:
            return self._assignments.is_ours(held) or key_of(held.scope, held.role_id, held.principal_id) in keys

        return await self._own.lacks_workspace(principal, is_ours)

    async def _unrecorded(self, wish: GrantWish) -> list[Assignment]:
        role = self._options.workspace_role
        places = [(self._scope, role)] if role is not None else []
        for place in wish.places:
            try:
                places += [(each.scope, DATA_ROLE[wish.level]) for each in await self._places.containers([place])]
            except (NotFound, InvalidInput, Conflict) as gone:
                log.info("place_of_a_grant_gone", grant=wish.grant_id, code=gone.code)  # `found` still finds it
        made = []
        for scope, each in places:
            plain = await self._plain_of(scope, each.guid, wish.principal.object_id)
            if plain is not None:
                made.append(as_assignment(plain, AssignmentKind.PLAIN))
                continue
            mine = key_of(scope, each.guid, wish.principal.object_id)
            made += [timed.as_assignment() for timed, _ in await self._pim.ours(scope) if timed.key == mine]
        return made

    async def _plain_of(self, scope: str, role_id: str, principal_id: str) -> Held | None:
        """Our assignment without PIM, if it is there."""
        role = KNOWN.get(guid_of(role_id))
        return None if role is None else await self._assignments.get(self._assignments.id_of(scope, role, principal_id))

    # Making it so

    async def _ensure(self, target: Target) -> Assignment:
        ends_at = max(each.ends_at for each in target.wishes)
        plain = await self._plain_of(target.scope, target.role_id, target.principal.object_id)
        if plain is None and await self._pim.usable(target.scope):
            try:
                return await self._pim.ensure(target, ends_at)
            except PimUnusable:
                log.info("pim_not_used", scope=target.scope, role=target.role.name)
        made = await self._assignments.ensure(target, plain)
        if made.kind is AssignmentKind.FOREIGN and paths_in(made.condition) is not None:
            # Nobody else writes such conditions: PIM made it for the bot, and the licence has lapsed since.
            return replace(made, kind=AssignmentKind.PIM)
        return made

    async def _reduce(self, assignment: Assignment, remaining: Sequence[GrantWish]) -> None:
        """Leave of an assignment what the remaining grants need."""
        target = await self._still_needed(assignment, remaining)
        if target is None:
            await self._end(assignment)
        elif assignment.kind is AssignmentKind.PLAIN:
            held = await self._assignments.get(assignment.id)
            if held is not None:
                await self._assignments.ensure(target, held)
        else:
            await self._reduce_timed(assignment, target)

    async def _reduce_timed(self, assignment: Assignment, target: Target) -> None:
        try:
            there = await self._pim.in_place(target.scope, target.role.guid, assignment.principal_id)
            if there is not None and (there.schedule_id == assignment.id or await self._pim.made(there)):
                await self._pim.ensure(target, max(each.ends_at for each in target.wishes))
        except PimUnusable:
            if await self._end(assignment):
                await self._assignments.ensure(target, None)

    async def _still_needed(self, assignment: Assignment, remaining: Sequence[GrantWish]) -> Target | None:
        role = KNOWN.get(guid_of(assignment.role_id))
        if not remaining or role is None:
            return None
        if same_scope(assignment.scope, self._scope):
            return Target(self._scope, role, remaining[0].principal, "", tuple(remaining))
        return await self._places.target(assignment.scope, role, remaining)

    async def _end(self, assignment: Assignment) -> bool:
        """Take it away; False where somebody else's is in its place and was left."""
        if assignment.kind is AssignmentKind.PLAIN:
            await self._assignments.delete(assignment.id)
            return True
        try:
            return await self._pim.end(assignment)
        except PimUnusable:
            return await self._end_lapsed(assignment)

    async def _end_lapsed(self, assignment: Assignment) -> bool:
        """PIM gave it and cannot be asked any more; then it lasts for ever, and has to be deleted as it stands."""
        held = await self._assignments.in_place(assignment.scope, guid_of(assignment.role_id), assignment.principal_id)
        if held is None:
            return True
        if not same_condition(held.condition, assignment.condition) and paths_in(held.condition) is None:
            log.info("assignment_of_others_kept", scope=assignment.scope, role=assignment.role_name)
            return False
        log.info("lapsed_pim_assignment_deleted", scope=assignment.scope, role=assignment.role_name)
        await self._assignments.delete(held.id)
        return True

    # Looking at what is there

    async def _holds(self, assignment: Assignment, wish: GrantWish, held: Sequence[Held]) -> bool:
        """Does something there do what this assignment of a wish's should?"""
        guid = guid_of(assignment.role_id)
        prefixes, _ = await self._places.prefixes_at(assignment.scope, wish)
        there = [each for each in held if each.is_of(assignment.scope, guid, assignment.principal_id)]
        if any(opens(each.condition, prefixes, wish.level) for each in there):
            return assignment.kind is not AssignmentKind.PIM or await self._lasts(assignment, wish.ends_at)
        is_workspace = same_scope(assignment.scope, self._scope)
        return is_workspace and not await self._lacks_workspace(wish.principal)

    async def _is_altered(self, assignment: Assignment, held: Sequence[Held]) -> bool:
        """Is what the bot made there, changed by somebody else?"""
        guid = guid_of(assignment.role_id)
        there = [each for each in held if each.is_of(assignment.scope, guid, assignment.principal_id)]
        if assignment.kind is not AssignmentKind.PIM:
            return any(self._assignments.is_altered(each) for each in there)
        try:
            timed = await self._pim.in_place(assignment.scope, guid, assignment.principal_id)
            return timed is not None and await self._pim.is_altered(timed)
        except PimUnusable:
            return False  # what its request said can be read no more

    async def _lasts(self, assignment: Assignment, ends_at: datetime) -> bool:
        """Does what PIM gave last as long as it should?"""
        try:
            timed = await self._pim.in_place(assignment.scope, guid_of(assignment.role_id), assignment.principal_id)
        except PimUnusable:
            return True  # it is there, and nothing but the bot ends it
        return timed is None or timed.ends_at is None or timed.ends_at >= ends_at or timed.ends_with(ends_at)

    async def _remove_plain(self, found: FoundAssignment) -> None:
        held = await self._assignments.get(found.assignment.id)
        if held is None:
            return
        said = self._assignments.described(held)
        if (said.grants if said is not None else ()) != found.grants:
            raise _changed()
        await self._assignments.delete(held.id)

    async def _remove_timed(self, found: FoundAssignment) -> None:
        assignment = found.assignment
        mine = key_of(assignment.scope, assignment.role_id, assignment.principal_id)
        there = [said for timed, said in await self._pim.ours(assignment.scope) if timed.key == mine]
        if not there:
            return
        plain = await self._plain_of(assignment.scope, assignment.role_id, assignment.principal_id)
        if plain is not None or there[0].grants != found.grants:
            raise _changed()
        await self._end(assignment)


def _changed() -> Conflict:
    return Conflict(
        "The role assignment has changed since it was found; it was left alone and is looked at again.",
        code="assignment_changed",
    )


def _others(wish: GrantWish, others: Sequence[GrantWish]) -> tuple[GrantWish, ...]:
    """The other grants of the same principal."""
    mine = wish.principal.object_id.lower()
    return tuple(each for each in others if each.grant_id != wish.grant_id and each.principal.object_id.lower() == mine)


@contextlib.asynccontextmanager
async def _in_words() -> AsyncIterator[None]:
    """What Azure refuses leaves this package as a sentence."""
    try:
        yield
    except Refused as refused:
        raise told(refused.refusal) from None
