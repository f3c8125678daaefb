"""Requests, grants and their like whose every text is meant to break out."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from handlers.access.request_form import RequestForm, Whom
from services.access.decide import Decision, Outcome, ReasonCode, StageTerms, Terms
from services.access.model import (
    AccessRequest,
    AuditEntry,
    EndReason,
    Grant,
    GrantPlan,
    GrantStatus,
    Initiative,
    Level,
    Principal,
    Reach,
    ReachKind,
    RequestStatus,
    Review,
    Subject,
    SubjectKind,
    Verdict,
    Vote,
)
from services.access.offer import GrantList, MyAccess, Offer, RequestCard
from tests.handlers.access_samples import terms
from tests.handlers.nasty import World


class AccessWorld(World):
    """Makes access out of the given texts. What the database holds for sure (kinds, ids, moments) is well-formed."""

    def __init__(self, texts: list[str], seed: int) -> None:
        super().__init__(texts, seed)
        self.random = Random(seed + 1)

    def length(self) -> timedelta:
        return self.random.choice([timedelta(minutes=1), timedelta(hours=5), timedelta(days=3660)])

    def subject(self) -> Subject:
        return Subject(self.random.choice(list(SubjectKind)), self.text()[:64] or "U0BEN", self.text())

    def sentences(self) -> tuple[str, ...]:
        return self.some(self.text, 12)

    def stage(self) -> StageTerms:
        return StageTerms(self.text(), frozenset(self.some(self.text, 12)), self.random.randint(1, 9))

    def terms(self) -> Terms:
        lengths = (timedelta(hours=1), timedelta(days=30))
        return terms(
            stages=self.some(self.stage, 5) or (self.stage(),),
            automatic=self.flag(),
            ticket_required=self.flag(),
            emergency_longest=self.maybe(lambda: lengths[0]),
            presets=lengths,
        )

    def decision(self) -> Decision:
        return Decision(
            self.random.choice(list(Outcome)),
            self.random.choice(list(ReasonCode)),
            self.text(),
            self.maybe(self.terms),
            self.random.randint(0, 2),
            frozenset(self.some(self.text, 60)),
            self.random.randint(0, 3),
        )

    def vote(self) -> Vote:
        return Vote(self.text(), self.random.randint(0, 3), self.random.choice(list(Verdict)), self.moment())

    def request(self) -> AccessRequest:
        return AccessRequest(
            id="7b0ad5f23a0e5d1c9f536a3f0f6f2c11",
            dataset=self.name(),
            level=self.random.choice(list(Level)),
            subject=self.subject(),
            requester=self.text(),
            duration=self.length(),
            reason=self.text()[:1000],
            created_at=self.moment(),
            expires_at=self.moment(),
            ticket=self.text()[:200],
            initiative=self.random.choice(list(Initiative)),
            emergency=self.flag(),
            extends=self.random.choice(["", "g1"]),
            opens=self.sentences(),
            status=self.random.choice(list(RequestStatus)),
            votes=self.some(self.vote, 9),
            decided_at=self.maybe(self.moment),
            decided_by=self.text(),
            decision_reason=self.text(),
            failure=self.text(),
        )

    def grant(self) -> Grant:
        return Grant(
            id="c0ffee5f3a0e5d1c9f536a3f0f6f2c11",
            request_id="7b0ad5f23a0e5d1c9f536a3f0f6f2c11",
            dataset=self.name(),
            level=self.random.choice(list(Level)),
            subject=self.subject(),
            principal=self.principal(),
            requested_by=self.text(),
            approved_by=self.some(self.text, 12),
            duration=self.length(),
            created_at=self.moment(),
            places=(),
            opens=self.sentences(),
            status=self.random.choice(list(GrantStatus)),
            granted_at=self.maybe(self.moment),
            ends_at=self.maybe(self.moment),
            ended_at=self.maybe(self.moment),
            end_reason=self.maybe(lambda: self.random.choice(list(EndReason))),
            ended_by=self.text(),
            end_note=self.text()[:1000],
            emergency=self.flag(),
            review=self.random.choice(list(Review)),
            failure=self.text(),
        )

    def principal(self) -> Principal:
        return Principal(self.random.choice(list(SubjectKind)), self.text()[:64], self.text(), self.text())

    def request_card(self) -> RequestCard:
        return RequestCard(
            request=self.request(),
            dataset=self.maybe(self.dataset),
            decision=self.decision(),
            principal=self.maybe(self.principal),
            has=self.some(self.grant, 9),
            earlier=self.some(self.request, 9),
            grant=self.maybe(self.grant),
            warnings=self.sentences(),
            sensitivity=self.text(),
        )

    def offer(self) -> Offer:
        return Offer(
            dataset=self.dataset(),
            decision=self.decision(),
            plan=GrantPlan(self.flag(), (), self.sentences(), self.sentences(), self.text(), self.text(), self.text()),
            has=self.some(self.grant, 9),
            reach=self.maybe(lambda: Reach(self.random.choice(list(ReachKind)), self.text())),
            pending=self.maybe(self.request),
            presets=self.random.choice([(), (timedelta(days=1), timedelta(days=7))]),
            principal=self.maybe(self.principal),
            identity_problem=self.text(),
        )

    def request_form(self) -> RequestForm:
        label = self.text()[:75]
        return RequestForm(
            dataset=self.random.choice(["", "sales"]),
            dataset_label=label,
            level=self.random.choice(list(Level)),
            whom=self.random.choice(list(Whom)),
            colleague=self.random.choice(["", "U0ADA"]),
            group=self.random.choice(["", "6f0e2c1a"]),
            group_name=self.text()[:75],
            principal=self.random.choice(["", "6f0e2c1a"]),
            principal_name=self.text()[:75],
            seconds=self.random.choice([0, 3600, 10**8]),
            reason=self.text()[:1000],
            ticket=self.text()[:200],
            emergency=self.flag(),
            initiative=self.random.choice(list(Initiative)),
            extends=self.random.choice(["", "g1"]),
        )

    def grant_list(self) -> GrantList:
        return GrantList(self.dataset(), self.some(self.grant, 40), self.some(self.grant, 20), self.flag())

    def mine(self) -> MyAccess:
        return MyAccess(
            self.some(self.grant, 20),
            self.some(self.request, 20),
            self.some(self.request, 20),
            self.some(self.grant, 9),
        )

    def entry(self, seq: int, at: datetime) -> AuditEntry:
        details = self.some(lambda: (self.text()[:30], self.text()), 9)
        return AuditEntry(seq, at, self.text(), self.text()[:60], self.name(), self.text(), "r", "g", details, "p", "h")

    def entries(self) -> tuple[AuditEntry, ...]:
        return tuple(self.entry(100 - n, self.moment()) for n in range(self.random.choice([0, 1, 51])))
