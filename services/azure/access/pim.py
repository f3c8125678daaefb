"""Roles that Entra Privileged Identity Management (PIM) ends by itself, where the tenant has the licence.

Source of error codes: learn.microsoft.com/rest/api/authorization/includes/privileged-role-common-errors documents
RoleAssignmentExists and RoleAssignmentRequestPolicyValidationFailed; Microsoft Graph's reference of
governanceRoleAssignmentRequest documents RoleAssignmentDoesNotExist and PendingRoleAssignmentRequest.
ActiveDurationTooShort, AadPremiumLicenseRequired and TenantNotOnboarded are what public clients report of the live
service. The codes of `_NOT_HERE` besides are from clients too; none was tried against a real tenant. Unknown ones are
told as they are, never taken for a success.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from services.access.model import Assignment, AssignmentKind
from services.access.ports import NotYetError
from services.azure.access import pim_calls
from services.azure.access.calls import AuthorizationCalls, Sleep
from services.azure.access.conditions import paths_in
from services.azure.access.descriptions import Description, describe, read_description
from services.azure.access.pim_calls import Timed, is_at
from services.azure.access.places import Target
from services.azure.access.refusals import Refused
from services.azure.access.role_assignments import EXISTS, READ_BACK_WAITS, WAITS, in_the_way
from services.azure.access.roles import guid_of, object_guid
from services.azure.errors import CONFLICT, FORBIDDEN, MISSING, SERVER_ERRORS
from services.errors import Conflict, NotAllowed, Unavailable

PROBE_SECONDS = 24 * 3600.0
"""Whether PIM can be used is asked again after so long."""

SHORTEST = timedelta(minutes=5)
"""PIM neither assigns for less nor removes earlier (learn.microsoft.com, "Assign Azure resource roles in PIM")."""

JUSTIFICATION = 480
"""How long our description in a request's justification may be; PIM's own limit is not documented."""

_UNLICENSED = frozenset({"AadPremiumLicenseRequired", "TenantNotOnboarded", "TenantNotLicensed", "PimLicenseRequired"})
_NOT_HERE = frozenset({"ResourceNotOnboarded", "InvalidResourceType", "InvalidResource", "InvalidScope"})
_GONE = frozenset({"RoleAssignmentDoesNotExist", "RoleAssignmentScheduleNotFound", "SubjectNotFound"})
_FAILED = frozenset({"denied", "failed", "canceled", "timedout", "invalid", "admindenied", "failedasresourceislocked"})
_WAITING = frozenset({"pendingapproval", "pendingapprovalprovisioning", "pendingadmindecision"})

log = structlog.get_logger(__name__)


class PimUnusable(Exception):
    """PIM does not work in this tenant, at this scope, for this length or for the bot's identity, or what is assigned
    there is not PIM's: the bot ends the access itself.
    """


class Pim:
    """Schedule requests. mark: of the workspace's bot. now: UTC. Methods raise Refused and Unavailable.

    enabled: False where the bot's operators want no PIM; then nothing is given by it any more, and what was is ended.
    """

    def __init__(
        self,
        calls: AuthorizationCalls,
        mark: str,
        *,
        now: Callable[[], datetime],
        enabled: bool = True,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._calls = calls
        self._mark = mark
        self._now = now
        self._enabled = enabled
        self._clock = clock
        self._sleep = sleep
        self._probed_at: float | None = None
        self._works = False
        self._closed_scopes: set[str] = set()

    async def usable(self, scope: str) -> bool:
        """Can roles be given by PIM at this scope? Asked once a day. Raises Unavailable when it cannot be known now."""
        if not self._enabled:
            return False
        if self._probed_at is None or self._clock() - self._probed_at > PROBE_SECONDS:
            self._closed_scopes.clear()
            try:
                await self._calls.run(pim_calls.instances(scope, "atScope()"))
            except Refused as refused:
                if refused.code in _NOT_HERE:
                    self._closed_scopes.add(scope.lower())  # says nothing of other scopes
                    return False
                if not _unusable(refused):
                    raise
                self._note(False, refused.code or str(refused.refusal.status))
            else:
                self._note(True, "")
        return self._works and scope.lower() not in self._closed_scopes

    async def in_place(self, scope: str, role: str, principal_id: str) -> Timed | None:
        """What PIM shows as active for these, whoever made it. Raises PimUnusable."""
        try:
            found = await self._calls.run(
                pim_calls.instances(scope, f"principalId eq '{object_guid(principal_id)}'"),
            )
        except Refused as refused:
            if _unusable(refused):
                raise PimUnusable from refused
            raise
        return next((each for each in found if is_at(each, scope, role, principal_id)), None)

    async def ensure(self, target: Target, ends_at: datetime) -> Assignment:
        """Make it active until then, with this condition, and read it back.

        Raises PimUnusable, NotAllowed (PIM's policy for the role), NotYetError, Conflict.
        """
        there = await self.in_place(target.scope, target.role.guid, target.principal.object_id)
        if there is None:
            if ends_at - self._now() < SHORTEST:
                raise PimUnusable
            await self._ask(target, None, ends_at)
        elif there.ends_at is None:
            raise PimUnusable  # not PIM's, or not any more
        else:
            said = await self._said_of(there)
            if said is None:
                return _foreign(there, target, ends_at)
            wanted = describe(self._mark, target.seal, target.wishes, JUSTIFICATION)
            if not there.agrees(target, ends_at):
                await self._ask(target, there, ends_at)
            elif said[1] != wanted:
                await self._describe(target, there, ends_at)
        return (await self._read_back(target, ends_at)).as_assignment()

    async def made(self, there: Timed) -> bool:
        """Did the bot ask for it?"""
        return await self._said_of(there) is not None

    async def is_altered(self, there: Timed) -> bool:
        """Has somebody changed what the bot asked for?"""
        said = await self._said_of(there)
        return said is not None and said[0].seal != there.seal

    async def end(self, assignment: Assignment) -> bool:
        """Remove what was given by PIM and read back; False where somebody else's in its place was left alone.

        Raises NotYetError within its first five minutes, and PimUnusable.
        """
        guid = guid_of(assignment.role_id)
        there = await self.in_place(assignment.scope, guid, assignment.principal_id)
        if there is None:
            return True
        if there.schedule_id.lower() != assignment.id.lower() and not await self.made(there):
            log.info("pim_assignment_of_others_kept", scope=assignment.scope, role=assignment.role_name)
            return False
        try:
            await self._calls.run(pim_calls.remove(str(uuid.uuid4()), there))
        except Refused as refused:
            if refused.code in _GONE or refused.missing:
                return True
            self._judge(refused, assignment.scope, there)
            raise
        for wait in (*READ_BACK_WAITS, None):
            if await self.in_place(assignment.scope, guid, assignment.principal_id) is None:
                return True
            if wait is not None:
                await self._sleep(wait)
        raise Unavailable(
            "Entra PIM has not removed the role yet. The bot tries again in a minute.", code="assignment_not_gone"
        )

    async def ours(self, scope: str) -> tuple[tuple[Timed, Description], ...]:
        """What PIM holds active at a scope and below because the bot asked for it, with what its request says."""
        try:
            said = await self._said(scope)
            held = await self._calls.run(pim_calls.instances(scope, None)) if said else ()
        except Refused as refused:
            if _unusable(refused):
                return ()
            raise
        return tuple(
            (each, said[each.key][0]) for each in held if each.key in said and _is_what_was_asked(each, said[each.key])
        )

    async def _said(self, scope: str) -> dict[pim_calls.Key, tuple[Description, str]]:
        """What the newest request of ours says of each assignment, read and as text."""
        found: dict[pim_calls.Key, tuple[Description, str]] = {}
        for each in sorted(await self._calls.run(pim_calls.requests(scope)), key=lambda one: one.order):
            description = read_description(each.justification, self._mark)
            if description is not None:
                found[each.key] = description, each.justification
        return found

    async def _said_of(self, there: Timed) -> tuple[Description, str] | None:
        """What our request says of it, None when it is not ours."""
        said = (await self._said(there.scope)).get(there.key)
        return said if said is not None and _is_what_was_asked(there, said) else None

    async def _describe(self, target: Target, there: Timed, ends_at: datetime) -> None:
        """Have the newest request name all grants. It opens nothing, so that a refusal for now is no failure."""
        try:
            await self._ask(target, there, ends_at)
        except NotYetError as early:
            log.info("pim_description_waits", again_at=early.again_at.isoformat())

    async def _ask(self, target: Target, there: Timed | None, ends_at: datetime) -> None:
        description = describe(self._mark, target.seal, target.wishes, JUSTIFICATION)
        starts_at = there.started_at if there is not None and there.started_at is not None else self._now()
        request = pim_calls.assign(
            str(uuid.uuid4()), target, there, starts_at=starts_at, ends_at=ends_at, description=description
        )
        for wait in (*WAITS, None):
            try:
                status = await self._calls.run(request)
            except Refused as refused:
                if refused.code == "PendingRoleAssignmentRequest":
                    return  # asked before and not done yet: what is read back decides
                exists = refused.code == EXISTS or refused.refusal.status == CONFLICT
                if exists and await self._is_there(target, ends_at):
                    return  # the answer to our own request was lost
                if refused.code not in {"PrincipalNotFound", "SubjectNotFound"} or wait is None:
                    self._judge(refused, target.scope, there)
                    raise
                await self._sleep(wait)
            else:
                _require_given(status, target)
                return

    async def _is_there(self, target: Target, ends_at: datetime) -> bool:
        there = await self.in_place(target.scope, target.role.guid, target.principal.object_id)
        return there is not None and there.agrees(target, ends_at)

    def _judge(self, refused: Refused, scope: str, there: Timed | None) -> None:
        """Raise what a refusal means, if it means something special."""
        code = refused.code
        if code in _UNLICENSED or refused.refusal.status == FORBIDDEN:
            self._note(False, code)
            raise PimUnusable from refused
        if code in _NOT_HERE:
            self._closed_scopes.add(scope.lower())
            log.info("pim_scope_refused", code=code)
            raise PimUnusable from refused
        if code == EXISTS:
            raise PimUnusable from refused  # one that is not PIM's
        if code == "ActiveDurationTooShort":
            if there is None:
                raise PimUnusable from refused
            started = there.started_at or self._now()
            again = max(started + SHORTEST, self._now()) + timedelta(seconds=5)
            raise NotYetError(
                "Entra PIM changes a role only five minutes after it was given. The bot does it then.", again
            ) from None
        if code == "RoleAssignmentRequestPolicyValidationFailed":
            raise NotAllowed(
                "Entra PIM's settings for this role do not allow this access. "
                f"{refused.refusal.message} An ExpirationRule is the longest time that they allow.",
                code="pim_policy",
            ) from None

    def _note(self, works: bool, code: str) -> None:
        if works != self._works or self._probed_at is None:
            log.info("pim_probed", works=works, code=code)
        self._works, self._probed_at = works, self._clock()

    async def _read_back(self, target: Target, ends_at: datetime) -> Timed:
        for wait in (*READ_BACK_WAITS, None):
            there = await self.in_place(target.scope, target.role.guid, target.principal.object_id)
            if there is not None and there.agrees(target, ends_at):
                return there
            if wait is not None:
                await self._sleep(wait)
        if there is None:
            raise Unavailable(
                "Entra PIM took the role but does not show it yet. The bot tries again in a minute.",
                code="assignment_not_shown",
            )
        raise Conflict(
            "Entra PIM shows another assignment than the one that the bot asked for; somebody may be changing it. Look "
            "there, then retry.",
            code="assignment_differs",
        )


def _unusable(refused: Refused) -> bool:
    if refused.refusal.status in SERVER_ERRORS:
        return False
    return refused.code in _UNLICENSED | _NOT_HERE or refused.refusal.status in (FORBIDDEN, MISSING)


def _is_what_was_asked(there: Timed, said: tuple[Description, str]) -> bool:
    """Does it end when our request said?

    Requests stay after what they made has ended, and somebody else may have given the same role since. One that has no
    end is ours, after a lapsed licence, only if its condition is one that nobody else writes.
    """
    if there.ends_at is None:
        return paths_in(there.condition) is not None
    return there.ends_with(said[0].until)


def _foreign(there: Timed, target: Target, ends_at: datetime) -> Assignment:
    """Somebody else's time-bound assignment in the place of the wanted one. Raises Conflict when it opens less."""
    if there.ends_at is None or there.ends_at < ends_at or not target.is_opened_by(there.condition):
        raise in_the_way(target)
    return there.as_assignment(AssignmentKind.FOREIGN)


def _require_given(status: str, target: Target) -> None:
    if status not in _FAILED and status not in _WAITING:
        return
    what = "waits for somebody's approval there" if status in _WAITING else f"ended as “{status}”"
    raise NotAllowed(
        f"Entra PIM did not give the role {target.role.name}: the request {what}. Its settings for this "
        "role are under Privileged Identity Management, Azure resources.",
        code="pim_not_given",
    )
