"""The copies of those whom a request is about: who asked, and the colleague for whom somebody else asked."""

from __future__ import annotations

from handlers.access.buttons import (
    ask_button,
    cancel_button,
    done_button,
    extend_button,
    retry_button,
    use_button,
)
from handlers.access.durations import duration_text
from handlers.access.phrases import (
    bullets,
    dataset_name,
    grant_phrase,
    people,
    progress,
    quoted,
    state_phrase,
    subject_phrase,
    takes_phrase,
    who_decides,
)
from handlers.blockkit import actions, context, modal, section
from handlers.message import Json, Message
from handlers.text import Mrkdwn, lines, md, mention
from services.access.model import AccessRequest, GrantStatus, Initiative, RequestStatus, SubjectKind
from services.access.offer import RequestCard

SENT_TITLE = "Access"


def asker_message(card: RequestCard) -> Message:
    """The requester's own copy: the state, what is waited for, and what they can do."""
    request = card.request
    own = request.subject.kind is SubjectKind.USER and request.subject.id == request.requester
    whom = Mrkdwn("") if own else md(" for {}", subject_phrase(request.subject))
    verb = "You give" if request.initiative is Initiative.GIVE else "Your request for"
    head = md(
        "{} *{}* access to {}{}, {}",
        "Your request to keep" if request.extends else verb,
        request.level.value,
        dataset_name(request.dataset),
        whom,
        _length(request),
    )
    return _copy(card, head, _row(card, asks=True, holds=own))


def holder_message(card: RequestCard) -> Message:
    """The copy of a person who did not ask: somebody asked for them, or gives them access."""
    request = card.request
    verb = "gives you" if request.initiative is Initiative.GIVE else "asks, for you, for"
    head = md(
        "{} {} *{}* access to {}, {}",
        mention(request.requester),
        "asks that you keep" if request.extends else verb,
        request.level.value,
        dataset_name(request.dataset),
        _length(request),
    )
    return _copy(card, head, _row(card, asks=False, holds=True))


def sent_blocks(card: RequestCard) -> list[Json]:
    """What happens next, for the form that was just submitted."""
    request = card.request
    blocks = [section(state_phrase(request, card.grant))]
    if request.status is RequestStatus.PENDING:
        blocks.append(section(md("*Who decides*\n{}", who_decides(card.decision))))
        blocks.append(
            section("They are asked now. I tell you in a direct message what they say; there you can also cancel.")
        )
    elif request.status is RequestStatus.APPROVED:
        blocks.append(section("It is being given now. I tell you in a direct message when it works."))
    return blocks


def _copy(card: RequestCard, head: Mrkdwn, row: list[Json]) -> Message:
    request, grant = card.request, card.grant
    blocks = [section(lines([head, state_phrase(request, grant)]))]
    if request.status is RequestStatus.PENDING:
        waits = people(card.decision.approvers, "somebody who may decide")
        blocks.append(section(md("*Waits for* {}\n{}", waits, progress(request, card.decision, with_asked=False))))
    if request.reason:
        blocks.append(section(md("*Why*\n{}", quoted(request.reason, 500))))
    if grant is not None and grant.status is GrantStatus.ACTIVE:
        if grant.opens:
            blocks.append(section(md("*It opens*\n{}", bullets(grant.opens))))
        if takes := takes_phrase(grant):
            blocks.append(context(takes))
    if row:
        blocks.append(actions(row, block_id=f"access:{request.revision}"))
    text = md("Access to {}: {}", dataset_name(request.dataset), _short(card))
    return Message(text=text, blocks=tuple(blocks))


def _short(card: RequestCard) -> Mrkdwn:
    """The state in a word or two, for notifications."""
    if card.request.status is RequestStatus.GRANTED and card.grant is not None:
        return (
            md("granted {}", grant_phrase(card.grant))
            if card.grant.status is GrantStatus.ACTIVE
            else grant_phrase(card.grant)
        )
    return md("{}", card.request.status.value)


def _row(card: RequestCard, *, asks: bool, holds: bool) -> list[Json]:
    request, grant = card.request, card.grant
    match request.status:
        case RequestStatus.PENDING:
            return [cancel_button(request)] if asks else []
        case RequestStatus.FAILED:
            return [retry_button(request), cancel_button(request)] if asks else []
        case RequestStatus.GRANTED if grant is not None and grant.status is GrantStatus.ACTIVE:
            mine = [done_button(grant)] if holds or asks else []
            return [*([use_button(grant.dataset)] if holds else []), extend_button(grant), *mine]
        case RequestStatus.GRANTED if grant is not None and grant.status is not GrantStatus.ENDED:
            return []
        case RequestStatus.APPROVED:
            return []
        case _:
            return [ask_button(request.dataset, "Ask again")] if asks or holds else []


def _length(request: AccessRequest) -> str:
    return f"for {duration_text(request.duration)}{' from now' if request.extends else ''}"


def sent_view(card: RequestCard) -> Json:
    """Closes the form below it."""
    return modal("done", SENT_TITLE, sent_blocks(card), close="Close", clear_on_close=True)
