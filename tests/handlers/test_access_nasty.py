"""Whatever a reason, name, note or sentence holds, it stays text, and every screen of access stays within limits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.access import audit_view, card_view, grants_view, notices_view, own_view
from handlers.access.audit_request import AuditRequest
from handlers.access.deciding import DENY
from handlers.access.holding import about_text
from handlers.access.home_part import access_blocks
from handlers.access.request_form import RequestForm
from handlers.access.request_view import Offered, request_view
from handlers.blockkit import home
from handlers.message import Json, Message
from handlers.reason_form import reason_view
from services.access.model import SubjectKind
from tests.golden import assert_within_limits
from tests.handlers.nasty import TEXTS
from tests.handlers.nasty_access import AccessWorld
from tests.handlers.test_nasty_text import assert_stays_text

WORLDS = st.builds(
    AccessWorld, st.lists(st.sampled_from(TEXTS) | st.text(max_size=60), min_size=1, max_size=5), st.integers(0, 2**32)
)
ARGS = {"sentence": "<!channel>", "note": "*x*", "by": "<@U0ADA>"}

SCREENS: dict[str, Callable[[AccessWorld], Message | Json | None]] = {
    "card": lambda world: card_view.build(world.request_card()),
    "decide": lambda world: card_view.decide_view(world.request_card()),
    "asker": lambda world: own_view.asker_message(world.request_card()),
    "holder": lambda world: own_view.holder_message(world.request_card()),
    "sent": lambda world: own_view.sent_view(world.request_card()),
    "form": lambda world: request_view(world.request_form(), Offered(tuple(SubjectKind), world.offer()), "U0BEN"),
    "reason": lambda world: reason_view(DENY, "r1", about_text(world.grant())),
    "grants": lambda world: grants_view.build(world.grant_list(), world.text(), 1),
    "which": lambda world: grants_view.revoke_view(world.grant_list(), world.text()),
    "home": lambda world: home(access_blocks(world.mine())),
    "audit": lambda world: audit_view.build(world.entries(), AuditRequest(world.name(), world.name())),
    **{
        f"request {event}": lambda world, event=event: notices_view.request_told(event, world.request_card(), ARGS)  # type: ignore[misc]
        for event in notices_view.OF_REQUEST
    },
    **{
        f"grant {event}": lambda world, event=event: notices_view.grant_told(event, world.grant(), ARGS)  # type: ignore[misc]
        for event in (*notices_view.OF_GRANT, "another")
    },
}


@pytest.mark.parametrize("name", SCREENS)
@settings(max_examples=25, deadline=None)
@given(world=WORLDS)
def test_screens(name: str, world: AccessWorld) -> None:
    screen = SCREENS[name](world)
    if screen is not None:
        assert_within_limits(screen)
        assert_stays_text(screen)


@settings(max_examples=25, deadline=None)
@given(world=WORLDS)
def test_a_form_remembers_what_it_does_not_show(world: AccessWorld) -> None:
    form = world.request_form()
    view = request_view(form, Offered(tuple(SubjectKind), world.offer()), "U0BEN")
    assert len(view["private_metadata"]) <= 3000
    kept = RequestForm.parse({**view, "state": {"values": {}}})
    assert (kept.initiative, kept.extends, kept.channel) == (form.initiative, form.extends, form.channel)
