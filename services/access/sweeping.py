"""The reconcile sweep: what is recorded against what is there, whoever or whatever made them differ.

Finds assignments of ours without a record (a restored database, a record that was lost), records whose assignment has
vanished, assignments that somebody narrowed or widened by hand, and access past its end (the bot was down for days, a
licence lapsed, an assignment came back). What a record says is repaired by the executor, under its lease for each
principal; the sweep only points at it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from services.access.facts import AccessPorts, short_id
from services.access.gate import BOT, About, about_grant, event
from services.access.model import (
    DataPlace,
    DescribedGrant,
    FoundAssignment,
    Grant,
    GrantStatus,
    Principal,
    Subject,
    SubjectKind,
)
from services.access.notices import stray
from services.access.places import places_of
from services.access.policy import MissingAssignments, StrayAssignments
from services.access.ports import Change, IdentityProblem, NotYetError
from services.errors import NotFound, UserError
from services.outbox import Notice

log = structlog.get_logger(__name__)

_PAGE = 2000
SETTLES = timedelta(minutes=5)
"""A grant that was given or ended so short a time ago is not judged: the other side may still show it otherwise."""


_ONCE = frozenset({"reported", "altered"})
"""Outcomes that change nothing, so that every sweep comes to them again."""
LOOKED_AT_EVERY = timedelta(days=1)
LOOKS = 50
"""So many grants, those verified longest ago, are looked at one by one in each sweep."""


@dataclass(slots=True)
class Swept:
    """What a sweep met. doubted: grants whose assignment is not there, or not as it was made, which the executor looks
    at now. looked_at:
    those it looks at because nobody did for long.
    """

    grants: int = 0
    assignments: int = 0
    doubted: int = 0
    looked_at: int = 0
    rebuilt: int = 0
    removed: int = 0
    reported: int = 0
    failed: int = 0


@dataclass(slots=True)
class _Recorded:
    """Live grants as far as the sweep needs them. backed: ids, in small letters, of the assignments that they name,
    whether these were found or not.
    """

    ids: set[str] = field(default_factory=set)
    backed: set[str] = field(default_factory=set)


class Sweep:
    """Compares and puts right. May run in several processes: what each does twice is the same."""

    def __init__(self, ports: AccessPorts) -> None:
        self._ports = ports
        self._told: set[str] = set()  # strays that are in the audit already, since this process began

    async def run(self) -> Swept:
        """One sweep. Raises Unavailable when the other side cannot be listed: then nothing is concluded."""
        swept, began = Swept(), self._ports.clock.now()
        # What is there is listed before what is recorded: a record is written before anything is executed.
        found = {each.assignment.id.lower(): each for each in await self._ports.grants.found()}
        swept.assignments = len(found)
        recorded = await self._compare(found, swept, began)
        for key, each in found.items():
            lost = [one for one in each.grants if one.grant_id not in recorded.ids]
            if each.altered and key in recorded.backed and self._only_reports:
                await self._tell(each, "altered", "somebody changed it by hand")
                swept.reported += 1
            if lost or key not in recorded.backed:
                await self._apart(each, lost, key in recorded.backed, swept, began)
        if swept.doubted or swept.looked_at or swept.rebuilt:
            self._ports.wake_executor()
        log.info("access_swept", **{name: getattr(swept, name) for name in Swept.__slots__})
        return swept

    async def _compare(self, found: dict[str, FoundAssignment], swept: Swept, began: datetime) -> _Recorded:
        """Walk the live grants. Those in force whose assignment is not there are pointed out to the executor, and some
        that nobody looked at for long: an assignment that is there may open less than it should.
        """
        recorded, after = _Recorded(), ""
        settled, long_ago = began - SETTLES, began - LOOKED_AT_EVERY
        altered = set() if self._only_reports else {key for key, each in found.items() if each.altered}
        oldest: list[tuple[datetime, str]] = []
        while page := await self._ports.store.live_outlines(after, _PAGE):
            swept.grants += len(page)
            for grant in page:
                if grant.status is GrantStatus.FAILED:
                    continue  # nothing should be there
                recorded.ids.add(grant.id)
                recorded.backed.update(grant.listed)
                if grant.status is not GrantStatus.ACTIVE or grant.tries:
                    continue
                verified_at = grant.verified_at
                if verified_at is not None and verified_at > settled:
                    continue
                if not all(each in found for each in grant.listed):
                    swept.doubted += await self._doubt(grant.id)
                elif altered and not altered.isdisjoint(grant.listed):
                    altered.difference_update(grant.listed)  # one of its grants is enough to put it right
                    swept.doubted += await self._doubt(grant.id)
                elif grant.is_outside and verified_at is not None and verified_at <= long_ago:
                    oldest.append((verified_at, grant.id))
            oldest = heapq.nsmallest(LOOKS, oldest)
            after = page[-1].id
        for _, grant_id in oldest:
            swept.looked_at += await self._doubt(grant_id)
        return recorded

    @property
    def _only_reports(self) -> bool:
        return self._ports.policy().missing_assignments is MissingAssignments.REPORT

    async def _doubt(self, grant_id: str) -> bool:
        """Let the executor look at a grant in force, unless it has something to do with it anyway."""
        grant = await self._ports.store.grant(grant_id)
        if grant is None or grant.status is not GrantStatus.ACTIVE or grant.next_try_at is not None:
            return False
        doubted = replace(grant, next_try_at=self._ports.clock.now(), attempts=0, revision=grant.revision + 1)
        return await self._ports.apply(Change(grant=doubted, grant_was=grant.status))

    async def _apart(
        self, found: FoundAssignment, lost: list[DescribedGrant], is_backed: bool, swept: Swept, began: datetime
    ) -> None:
        try:
            await self._settle(found, lost, is_backed, swept, began)
        except (UserError, NotYetError) as error:
            swept.failed += 1
            log.warning("access_not_reconciled", assignment=found.assignment.id, reason=error.sentence)

    async def _settle(
        self, found: FoundAssignment, lost: list[DescribedGrant], is_backed: bool, swept: Swept, began: datetime
    ) -> None:
        """An assignment of ours of which not everything is recorded as in force."""
        now = self._ports.clock.now()
        stands = is_backed or len(lost) < len(found.grants)
        over = bool(found.grants)
        for described in lost:
            known = await self._ports.store.grant(described.grant_id)
            if known is None and described.ends_at > now:
                await self._rebuild(found, described, swept)
                stands = True
            elif known is not None and not _is_over(known, began):
                stands = True  # it was begun, or ended, while this sweep was running
        if stands:
            return
        live = await self._ports.store.grants_of_principal(found.assignment.principal_id)
        if any(each.status is GrantStatus.GRANTING for each in live):
            return  # the same assignment may be given anew at this moment; the next sweep sees
        if not over and self._ports.policy().stray_assignments is StrayAssignments.REPORT:
            await self._tell(found, "reported", "no grant stands behind it")
            swept.reported += 1
            return
        await self._ports.grants.remove(found)
        await self._tell(found, "removed", "access past its end" if over else "no grant stands behind it")
        swept.removed += 1
        for each in live:
            if each.status is GrantStatus.ACTIVE:
                swept.doubted += await self._doubt(each.id)

    async def _rebuild(self, found: FoundAssignment, described: DescribedGrant, swept: Swept) -> None:
        """Write the record of a grant that is there, so that it ends when it should."""
        principal = await self._principal(found, described)
        now = self._ports.clock.now()
        is_person = principal.kind is SubjectKind.USER
        subject = (
            Subject(principal.kind, described.slack_id, "")
            if is_person
            else Subject(principal.kind, principal.object_id, principal.name)
        )
        grant = Grant(
            id=described.grant_id,
            request_id=described.request_id,
            dataset=described.dataset,
            level=described.level,
            subject=subject,
            principal=principal,
            requested_by=described.slack_id,
            approved_by=(),
            duration=described.ends_at - now,
            created_at=now,
            places=await self._places(described.dataset),
            status=GrantStatus.ACTIVE,
            granted_at=now,
            ends_at=described.ends_at,
            assignments=(found.assignment,),
            verified_at=now,
        )
        entry = event(BOT, "grant.rebuilt", about_grant(grant), assignment=found.assignment.id)
        if await self._ports.apply(Change(grant=grant, audit=(entry,), notices=self._notices(found, "rebuilt"))):
            swept.rebuilt += 1
        else:
            await self._add_assignment(described.grant_id, found)

    async def _add_assignment(self, grant_id: str, found: FoundAssignment) -> None:
        """A grant of several assignments, rebuilt from another of them a moment ago."""
        grant = await self._ports.store.grant(grant_id)
        if grant is None or grant.status is not GrantStatus.ACTIVE or found.assignment in grant.assignments:
            return
        whole = replace(grant, assignments=(*grant.assignments, found.assignment), revision=grant.revision + 1)
        await self._ports.apply(Change(grant=whole, grant_was=grant.status))

    async def _principal(self, found: FoundAssignment, described: DescribedGrant) -> Principal:
        """Who it is for. A person who left stays a person, under the object id that was assigned."""
        object_id = found.assignment.principal_id
        if described.slack_id:
            return Principal(SubjectKind.USER, object_id, described.slack_id)
        for kind in (SubjectKind.GROUP, SubjectKind.SERVICE_PRINCIPAL):
            try:
                return await self._ports.directory.get(kind, object_id)
            except IdentityProblem:
                continue
        return Principal(SubjectKind.GROUP, object_id, object_id)

    async def _places(self, dataset: str) -> tuple[DataPlace, ...]:
        try:
            return places_of(await self._ports.datasets.sources(dataset))
        except NotFound:
            return ()

    async def _tell(self, found: FoundAssignment, outcome: str, why: str) -> None:
        """To the audit and the admins, once for each assignment and outcome."""
        key = f"{found.assignment.id}:{outcome}"
        if outcome == "altered":
            key += found.assignment.condition  # another change is told again
        if outcome in _ONCE and key in self._told:
            return
        self._told.add(key)
        about = About(subject=found.assignment.principal_id, dataset=_dataset_of(found.grants))
        entry = event(
            BOT,
            f"assignment.{outcome}",
            about,
            assignment=found.assignment.id,
            role=found.assignment.role_name,
            scope=found.assignment.scope,
            why=why,
        )
        await self._ports.apply(Change(audit=(entry,), notices=self._notices(found, outcome)))

    def _notices(self, found: FoundAssignment, outcome: str) -> tuple[Notice, ...]:
        day = self._ports.clock.now().date().isoformat()
        again = "" if outcome in _ONCE else day  # one that came back is told again
        if outcome == "altered":
            again = found.assignment.condition
        key = short_id(f"{found.assignment.id}{again}")
        return stray(found.assignment, key, sorted(self._ports.admins), outcome)


def _is_over(grant: Grant, began: datetime) -> bool:
    """Was it over, or given up, before the sweep began to look?"""
    if grant.status is GrantStatus.FAILED:
        return True
    return grant.status is GrantStatus.ENDED and (grant.ended_at is None or grant.ended_at <= began - SETTLES)


def _dataset_of(grants: Iterable[DescribedGrant]) -> str:
    return next((each.dataset for each in grants), "")
