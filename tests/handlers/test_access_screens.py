"""Every screen of access as the JSON that Slack gets."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from handlers.access import audit_view, card_view, grants_view, notices_view, own_view
from handlers.access.audit_request import PAGE, AuditRequest
from handlers.access.deciding import DENY
from handlers.access.holding import REVIEW, REVOKE, about_text
from handlers.access.home_part import access_blocks
from handlers.access.phrases import wish_phrase
from handlers.access.request_form import RequestForm, Whom
from handlers.access.request_view import Offered, request_view
from handlers.blockkit import home
from handlers.message import Json, Message
from handlers.reason_form import reason_view
from services.access.decide import Outcome, ReasonCode
from services.access.model import (
    EndReason,
    GrantStatus,
    Initiative,
    Level,
    Reach,
    ReachKind,
    RequestStatus,
    Review,
    SubjectKind,
)
from tests.handlers import access_samples as access
from tests.handlers.conftest import Golden
from tests.handlers.samples import NOON

ROOT = Path(__file__).parents[2]
EVERY = tuple(SubjectKind)
FORM = RequestForm(dataset="flights", dataset_label="flights", reason="Delay model", channel="C0DATA")
PENDING = access.request()
TWO = access.decision(terms=access.TWO_STAGES, stage=1, approvers=frozenset({"U0CHIARA", "U0DAN"}), needed=2)


def drawn(message: Message | None) -> Message:
    assert message is not None
    return message


def form(form: RequestForm, offered: Offered) -> Json:
    return request_view(form, offered, "U0BEN")


SCREENS: dict[str, Message | Json] = {
    "access_form": form(FORM, Offered(EVERY, access.offer())),
    "access_form_empty": form(RequestForm(), Offered((SubjectKind.USER,))),
    "access_form_loading": form(FORM, Offered(EVERY, loading=True)),
    "access_form_problem": form(FORM, Offered(EVERY, problem="Azure Machine Learning does not answer. Try again.")),
    "access_form_group": form(
        replace(FORM, whom=Whom.GROUP, group=access.TEAM.id, group_name=access.TEAM.name, level=Level.WRITE),
        Offered(
            EVERY,
            access.offer(
                decision=access.decision(terms=access.TWO_STAGES),
                has=(access.grant(subject=access.TEAM),),
                reach=None,
                pending=access.request(requester="U0CHIARA"),
            ),
        ),
    ),
    "access_form_refused": form(
        replace(FORM, whom=Whom.USER, colleague="U0GUS"),
        Offered(
            EVERY,
            access.offer(
                decision=access.decision(
                    outcome=Outcome.REFUSE,
                    code=ReasonCode.SUBJECT_NOT_MEMBER,
                    explanation="Access is for full members only. Ask for somebody else, or ask user U0ADA.",
                    terms=None,
                    approvers=frozenset(),
                ),
                plan=access.plan(
                    possible=False,
                    why_not="The datastore “archive” is opened with an account key, so nobody has access of their own.",
                    instead="Ask an admin to move it to identity-based access.",
                ),
                identity_problem="No Entra user has the address of this Slack account.",
                principal=None,
            ),
        ),
    ),
    "access_form_emergency": form(
        replace(FORM, emergency=True, seconds=4 * 3600, ticket="OPS-1"),
        Offered(EVERY, access.offer(decision=access.decision(terms=access.TWO_STAGES), presets=(timedelta(hours=4),))),
    ),
    "access_form_automatic": form(
        FORM,
        Offered(
            EVERY,
            access.offer(
                decision=access.decision(
                    outcome=Outcome.GRANT,
                    code=ReasonCode.AUTOMATIC,
                    explanation="The access policy gives this at once; nobody needs to decide.",
                    terms=access.terms(automatic=True),
                    approvers=frozenset(),
                    needed=0,
                ),
                reach=Reach(ReachKind.YES, "Your role Storage Blob Data Reader covers it already."),
            ),
        ),
    ),
    "access_form_extend": form(
        replace(FORM, extends="g1", seconds=7 * 86400),
        Offered(EVERY, access.offer(has=(access.grant(),))),
    ),
    "access_form_give": form(
        replace(FORM, initiative=Initiative.GIVE, whom=Whom.USER, colleague="U0CHIARA"),
        Offered((SubjectKind.USER,), access.offer()),
    ),
    "access_sent": own_view.sent_view(access.card()),
    "access_sent_automatic": own_view.sent_view(access.card(access.request(status=RequestStatus.APPROVED))),
    "access_card": card_view.build(access.card()),
    "access_card_two_stages": card_view.build(
        access.card(
            access.request(votes=(access.approve("U0ADA"),), stage=1, ticket="OPS-1", subject=access.TEAM),
            decision=TWO,
            principal=None,
        )
    ),
    "access_card_browser": card_view.build(
        access.card(decision=access.decision(terms=access.terms(needs_browser=True)))
    ),
    "access_card_approved": card_view.build(
        access.card(access.request(status=RequestStatus.APPROVED, votes=(access.approve("U0ADA"),), decided_at=NOON))
    ),
    "access_card_granted": card_view.build(access.GRANTED_CARD),
    "access_card_ended": card_view.build(replace(access.GRANTED_CARD, grant=access.ENDED, has=())),
    "access_card_denied": card_view.build(
        access.card(
            access.request(
                status=RequestStatus.DENIED, decided_by="U0ADA", decided_at=NOON, decision_reason="Ask for the sample."
            )
        )
    ),
    "access_card_cancelled": card_view.build(
        access.card(access.request(status=RequestStatus.CANCELLED, decided_by="U0BEN", decided_at=NOON))
    ),
    "access_card_expired": card_view.build(access.card(access.request(status=RequestStatus.EXPIRED))),
    "access_card_refused": card_view.build(
        access.card(access.request(status=RequestStatus.REFUSED, decision_reason="The access policy refuses this."))
    ),
    "access_card_failed": card_view.build(
        access.card(
            access.request(
                status=RequestStatus.FAILED,
                votes=(access.approve("U0ADA"),),
                failure="The bot may not assign roles on “northwind”. It needs User Access Administrator there.",
            )
        )
    ),
    "access_card_emergency": card_view.build(
        access.card(access.request(status=RequestStatus.GRANTED, emergency=True), grant=access.grant(emergency=True))
    ),
    "access_decide": card_view.decide_view(access.card()),
    "access_decide_over": card_view.decide_view(access.GRANTED_CARD),
    "access_asker": own_view.asker_message(access.card()),
    "access_asker_granted": own_view.asker_message(access.GRANTED_CARD),
    "access_asker_failed": own_view.asker_message(
        access.card(access.request(status=RequestStatus.FAILED, failure="The storage account is locked."))
    ),
    "access_asker_denied": own_view.asker_message(
        access.card(access.request(status=RequestStatus.DENIED, decided_by="U0ADA", decision_reason="Not now."))
    ),
    "access_asker_extends": own_view.asker_message(access.card(access.request(extends="g1"))),
    "access_asker_gives": own_view.asker_message(
        access.card(access.request(initiative=Initiative.GIVE, requester="U0ADA", status=RequestStatus.APPROVED))
    ),
    "access_holder": own_view.holder_message(access.card(access.request(requester="U0CHIARA"))),
    "access_holder_granted": own_view.holder_message(
        replace(access.GRANTED_CARD, request=replace(access.GRANTED, requester="U0ADA", initiative=Initiative.GIVE))
    ),
    "access_deny": reason_view(DENY, PENDING.id, wish_phrase(PENDING)),
    "access_revoke": reason_view(REVOKE, "g1", about_text(access.grant())),
    "access_review": reason_view(REVIEW, "g1", about_text(access.grant(emergency=True))),
    "access_grants": grants_view.build(access.grant_list(), "U0ADA"),
    "access_grants_own": grants_view.build(
        access.grant_list(live=(access.grant(),), ended=(), may_manage=False), "U0BEN"
    ),
    "access_grants_none": grants_view.build(access.grant_list(live=(), ended=()), "U0ADA"),
    "access_grants_page": grants_view.build(
        access.grant_list(live=tuple(access.grant(id=f"g{i}") for i in range(40))), "U0ADA", 2
    ),
    "access_revoke_which": grants_view.revoke_view(
        access.grant_list(live=(access.grant(), access.grant(id="g2", level=Level.WRITE))), "U0BEN"
    ),
    "access_audit": audit_view.build(access.ENTRIES, AuditRequest()),
    "access_audit_page": audit_view.build(
        [access.entry(400 - n) for n in range(PAGE + 1)],
        AuditRequest("flights", "U0BEN", date(2026, 3, 1), date(2026, 3, 31), before=401),
    ),
    "access_audit_nothing": audit_view.build((), AuditRequest("flights")),
    "access_home": home(access_blocks(access.MINE)),
    "told_reminder": drawn(notices_view.request_told("reminder", access.card(), {})),
    "told_escalated": drawn(notices_view.request_told("escalated", access.card(), {})),
    "told_asked": drawn(notices_view.request_told("asked", access.card(), {})),
    "told_denied": drawn(
        notices_view.request_told(
            "denied",
            access.card(
                access.request(status=RequestStatus.DENIED, decided_by="U0ADA", decision_reason="Not before May.")
            ),
            {},
        )
    ),
    "told_refused": drawn(
        notices_view.request_told(
            "refused",
            access.card(
                access.request(
                    status=RequestStatus.REFUSED,
                    subject=access.TEAM,
                    decision_reason="It was approved, but the access policy changed before it was given.",
                )
            ),
            {},
        )
    ),
    "told_granted": drawn(notices_view.grant_told("granted", access.grant(), {})),
    "told_extended": drawn(notices_view.grant_told("extended", access.grant(), {})),
    "told_lapsed": drawn(
        notices_view.request_told("lapsed", access.card(access.request(status=RequestStatus.EXPIRED)), {})
    ),
    "told_emergency": drawn(
        notices_view.request_told("emergency", access.card(access.request(emergency=True), grant=access.grant()), {})
    ),
    "told_request_failed": drawn(
        notices_view.request_told(
            "failed", access.card(access.request(status=RequestStatus.FAILED, failure="Azure said no.")), {}
        )
    ),
    "told_ends_soon": drawn(notices_view.grant_told("ends_soon", access.grant(), {})),
    "told_ended": drawn(
        notices_view.grant_told("ended", replace(access.ENDED, end_reason=EndReason.EXPIRED, end_note=""), {})
    ),
    "told_revoked": drawn(notices_view.grant_told("revoked", access.ENDED, {})),
    "told_lost": drawn(notices_view.grant_told("lost", replace(access.ENDED, end_reason=EndReason.LOST), {})),
    "told_restored": drawn(notices_view.grant_told("restored", access.grant(), {})),
    "told_left": drawn(notices_view.grant_told("left", access.grant(), {})),
    "told_review": drawn(notices_view.grant_told("review", access.grant(emergency=True, review=Review.OPEN), {})),
    "told_not_ended": drawn(
        notices_view.grant_told("failed", access.grant(status=GrantStatus.ENDING, failure="Azure is down."), {})
    ),
    "told_altered": notices_view.stray_told(
        {
            "outcome": "altered",
            "assignment_id": "/subscriptions/s/a",
            "scope": "/subscriptions/s",
            "role": "Storage Blob Data Reader",
            "principal_id": "1a0e2c1a",
        }
    ),
    "told_stray": notices_view.stray_told(
        {
            "outcome": "removed",
            "assignment_id": "/subscriptions/s/a",
            "scope": "/subscriptions/s",
            "role": "Storage Blob Data Reader",
            "principal_id": "1a0e2c1a",
        }
    ),
}


@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, golden: Golden) -> None:
    golden(name, SCREENS[name])


OVER = {
    "reminder": access.request(status=RequestStatus.DENIED),
    "escalated": access.request(status=RequestStatus.GRANTED),
    "failed": access.request(status=RequestStatus.GRANTED),
}


@pytest.mark.parametrize("event", OVER)
def test_what_is_over_is_not_told_of_a_request(event: str) -> None:
    assert notices_view.request_told(event, access.card(OVER[event]), {}) is None


@pytest.mark.parametrize("event", ["granted", "extended", "ends_soon", "left", "review", "failed"])
def test_what_is_over_is_not_told_of_a_grant(event: str) -> None:
    assert notices_view.grant_told(event, access.ENDED, {}) is None


def test_every_event_that_is_told_is_drawn() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "services" / "access").glob("*.py"))
    told = set(re.findall(r'told_of_(request|grant)\(\s*"(\w+)"', sources))
    told |= {("grant", event) for event in ("revoked", "lost", "ended")}  # named by `notices.ended`
    assert len(told) >= 16
    drawn_ = {("request", event) for event in notices_view.OF_REQUEST}
    drawn_ |= {("grant", event) for event in notices_view.OF_GRANT}
    assert told <= drawn_, told - drawn_


def buttons(screen: Message | Json) -> list[str]:
    """Action ids of a screen, without what stands behind them."""
    blocks = screen.blocks if isinstance(screen, Message) else screen["blocks"]
    rows = [block["elements"] for block in blocks if block["type"] == "actions"]
    rows += [[block["accessory"]] for block in blocks if "accessory" in block]
    return [element["action_id"] for row in rows for element in row]


WAITING = {"access_card", "access_card_two_stages", "access_card_browser"}


def test_nothing_is_left_to_press_where_all_is_decided() -> None:
    for name, screen in SCREENS.items():
        if name.startswith("access_card") and name not in WAITING:
            pressable = {"access:retry"} if name == "access_card_failed" else set()
            assert set(buttons(screen)) == pressable, name


def test_buttons_carry_ids_alone() -> None:
    ids = {access.request().id, access.grant().id}
    for screen in (SCREENS["access_card"], SCREENS["access_asker"], SCREENS["access_asker_granted"]):
        assert isinstance(screen, Message)
        for block in screen.blocks:
            for element in block.get("elements", []):
                if str(element.get("action_id")).startswith("access:"):
                    assert element["value"] in ids
