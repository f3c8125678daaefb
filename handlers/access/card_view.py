"""The approver's card: all that is needed to decide, and afterwards what was decided. Also as a modal."""

from __future__ import annotations

from handlers.access.buttons import approve_button, deny_button, retry_button
from handlers.access.durations import duration_text
from handlers.access.phrases import (
    bullets,
    dataset_name,
    held_phrase,
    identity_phrase,
    progress,
    quoted,
    state_phrase,
    wish_phrase,
)
from handlers.blockkit import actions, fields, header, modal, section
from handlers.datasets.naming import command_button, dataset_command
from handlers.datasets.phrases import owner_phrase, tags_phrase
from handlers.message import Json, Message
from handlers.text import Mrkdwn, code, join, lines, md, mention, told, truncate, when
from services.access.model import AccessRequest, RequestStatus, SubjectKind
from services.access.offer import RequestCard

EARLIER_SHOWN = 3
DECIDE_TITLE = "Decide"
NEEDS_BROWSER = Mrkdwn(
    ":lock: The access policy wants this approved in the browser after a sign-in, which this bot does not offer: "
    "it can be denied here, or an admin of the bot changes the policy."
)


def build(card: RequestCard) -> Message:
    """The card as a message: with buttons while it waits, with what was decided afterwards."""
    request = card.request
    blocks = [header(_title(request)), section(state_phrase(request, card.grant)), *facts(card)]
    row = _buttons(card)
    if row:
        blocks.append(actions(row, block_id=f"access:{request.revision}"))
    return Message(text=_text(request), blocks=tuple(blocks))


def decide_view(card: RequestCard) -> Json:
    """The same in a modal, for people who decide from the App Home."""
    request = card.request
    row = _deciding_buttons(card) if request.status is RequestStatus.PENDING else []
    blocks = [section(state_phrase(request, card.grant)), *facts(card)]
    if row:
        blocks.append(actions(row, block_id=f"access:{request.revision}"))
    return modal("access_decide", DECIDE_TITLE, blocks, close="Close", private_metadata=request.id)


def who(request: AccessRequest) -> str:
    """For whom, in a dialog that draws no mentions."""
    if request.subject.kind is SubjectKind.USER:
        return "The requester" if request.subject.id == request.requester else "The colleague named above"
    return request.subject.name or "The principal named above"


def facts(card: RequestCard) -> list[Json]:
    """Who, what, why, how long, what it opens, what is there already, what was asked before, how far it is."""
    request, dataset = card.request, card.dataset
    blocks = [section(wish_phrase(request))]
    pairs: list[tuple[str, str]] = []
    whom = identity_phrase(card.principal, request.subject)
    if whom != mention(request.requester):
        pairs.append(("For", whom))
    pairs += [
        ("Dataset", md("{}, owned by {}", code(request.dataset), owner_phrase(dataset.owner if dataset else ""))),
        ("Level", request.level.value),
        ("For how long", duration_text(request.duration)),
    ]
    if card.sensitivity:
        pairs.append(("Sensitivity", code(card.sensitivity, 100)))
    if dataset is not None and dataset.tags:
        pairs.append(("Tags", tags_phrase(dataset.tags, 6)))
    if request.ticket:
        pairs.append(("Ticket", code(request.ticket, 200)))
    blocks += fields(pairs)
    blocks.append(section(md("*Why*\n{}", quoted(request.reason))))
    if request.emergency:
        blocks.append(
            section(md(":rotating_light: *Emergency access*: taken without asking first, reviewed afterwards."))
        )
    if request.opens:
        blocks.append(section(md("*What it opens*\n{}", bullets(request.opens))))
    waits = request.status is RequestStatus.PENDING
    if card.warnings:
        blocks.append(section(lines(md(":warning: {}", told(truncate(each, 400))) for each in card.warnings[:5])))
    if waits and _needs_browser(card):
        blocks.append(section(NEEDS_BROWSER))
    if waits:
        blocks.append(section(md("*Has now*\n{}", held_phrase(card.has))))
    if waits and card.earlier:
        blocks.append(section(md("*Asked before*\n{}", lines(map(_earlier, card.earlier[:EARLIER_SHOWN])))))
    if not request.emergency:
        blocks.append(section(md("*Approvals*\n{}", progress(request, card.decision))))
    return blocks


def _earlier(request: AccessRequest) -> Mrkdwn:
    said = [md("{} {}", when(request.created_at, "{date_short_pretty}"), request.level.value), request.status.value]
    if request.status is RequestStatus.DENIED and request.decision_reason:
        said.append(md("by {}: {}", mention(request.decided_by), truncate(request.decision_reason, 150)))
    return md("• {}", join(" · ", said))


def _buttons(card: RequestCard) -> list[Json]:
    request = card.request
    if request.status is RequestStatus.PENDING:
        show = command_button("Show dataset", "run:show", dataset_command("show", request.dataset))
        return [*_deciding_buttons(card), show]
    if request.status is RequestStatus.FAILED:
        return [retry_button(request)]
    return []


def _deciding_buttons(card: RequestCard) -> list[Json]:
    """Deny alone where the policy wants more than a click in Slack for a yes."""
    request = card.request
    if _needs_browser(card):
        return [deny_button(request)]
    return [approve_button(request, who(request)), deny_button(request)]


def _needs_browser(card: RequestCard) -> bool:
    return card.decision.terms is not None and card.decision.terms.needs_browser


def _title(request: AccessRequest) -> str:
    kind = "Emergency access" if request.emergency else "Access request"
    return f"{kind}: {truncate(request.dataset, 110)}"


def _text(request: AccessRequest) -> Mrkdwn:
    if request.status is RequestStatus.PENDING:
        return md("{}. You are asked to decide.", wish_phrase(request))
    return md("Access to {}: {}", dataset_name(request.dataset), request.status.value)
