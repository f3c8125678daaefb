"""What is told of requests and grants beside their cards: reminders, ends, emergencies, what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from pydantic import JsonValue

from handlers.access.buttons import (
    ask_button,
    cancel_button,
    decide_button,
    done_button,
    extend_button,
    retry_button,
    review_button,
    revoke_button,
    use_button,
)
from handlers.access.phrases import (
    bullets,
    dataset_name,
    ended_phrase,
    grant_phrase,
    people,
    quoted,
    subject_phrase,
    takes_phrase,
    who_decides,
    wish_phrase,
)
from handlers.blockkit import actions, context, section
from handlers.message import Json, Message
from handlers.text import Mrkdwn, code, lines, md, mention, told, truncate, when
from services.access.model import AccessRequest, Grant, GrantStatus, RequestStatus, Review, SubjectKind
from services.access.offer import RequestCard

Args: TypeAlias = Mapping[str, JsonValue]
"""What a notice carries beside what it is about."""

STRAY_OUTCOMES = {
    "reported": "I left it as it is. If nobody needs it, remove it in the Azure portal.",
    "altered": "I left it as it is. Put it back in the Azure portal, or end the access and give it anew.",
    "removed": "I removed it.",
    "rebuilt": "I rebuilt its record from its description, so that it ends when it should.",
}


def request_told(event: str, card: RequestCard, args: Args) -> Message | None:
    """An event of a request; None when it is over before it could be told."""
    draw = OF_REQUEST.get(event)
    if draw is not None:
        return draw(card, args)
    request = card.request
    name = dataset_name(request.dataset)
    return _message(md(":information_source: {}: {}", name, request.status.value), [wish_phrase(request)], [])


def _reminder(card: RequestCard, _: Args) -> Message | None:
    request = card.request
    if request.status is not RequestStatus.PENDING:
        return None
    said = md(":bell: Still waiting for a decision: {}.", wish_phrase(request))
    until = md("It lapses {} if nobody decides.", when(request.expires_at))
    return _message(said, [until], [decide_button(request)])


def _escalated(card: RequestCard, _: Args) -> Message | None:
    request = card.request
    if request.status is not RequestStatus.PENDING:
        return None
    said = md(":arrow_up: Nobody decided yet, so others may decide too now: {}.", wish_phrase(request))
    asked = md("Asked now: {}", people(card.decision.approvers))
    return _message(said, [asked], [decide_button(request)])


def _asked(card: RequestCard, _: Args) -> Message:
    """For those whom the policy tells without asking them."""
    request = card.request
    said = md(":information_source: For your information: {}.", wish_phrase(request))
    why = [md("*Why*\n{}", quoted(request.reason, 500))] if request.reason else []
    return _message(said, [*why, md("*Who decides*\n{}", who_decides(card.decision))], [])


def _denied(card: RequestCard, _: Args) -> Message:
    request = card.request
    said = md(":no_entry: {} denied *{}* access to {}{}.", *_decided(request))
    why = md("*Why*\n{}", quoted(request.decision_reason))
    return _message(said, [why], [ask_button(request.dataset, "Ask again")])


def _refused(card: RequestCard, _: Args) -> Message:
    request = card.request
    _by, level, name, whom = _decided(request)
    said = md(":no_entry: *{}* access to {}{} is refused.", level, name, whom)
    return _message(said, [told(truncate(request.decision_reason, 1000))], [ask_button(request.dataset, "Ask again")])


def _decided(request: AccessRequest) -> tuple[Mrkdwn, str, Mrkdwn, Mrkdwn]:
    """Who decided, level, dataset, and for whom where that is not who asked."""
    own = request.subject.kind is SubjectKind.USER and request.subject.id == request.requester
    whom = Mrkdwn("") if own else md(" for {}", subject_phrase(request.subject))
    return mention(request.decided_by), request.level.value, dataset_name(request.dataset), whom


def _lapsed(card: RequestCard, _: Args) -> Message:
    request = card.request
    said = md(":zzz: Nobody decided in time: {}. The request is over.", wish_phrase(request))
    return _message(said, [], [ask_button(request.dataset, "Ask again")])


def _emergency_asked(card: RequestCard, _: Args) -> Message:
    request, grant = card.request, card.grant
    said = md(":rotating_light: *Emergency access.* {}.", wish_phrase(request))
    details = [md("*Motive*\n{}", quoted(request.reason))]
    if request.opens:
        details.append(md("*It opens*\n{}", bullets(request.opens)))
    details.append(Mrkdwn("Nobody was asked first. It is short, and it is reviewed afterwards."))
    return _message(said, details, [revoke_button(grant)] if grant is not None and _is_live(grant) else [])


def _not_given(card: RequestCard, args: Args) -> Message | None:
    request = card.request
    if request.status is not RequestStatus.FAILED:
        return None
    whom, name = subject_phrase(request.subject), dataset_name(request.dataset)
    said = md(":x: *{}* access of {} to {} was approved, but could not be given.", request.level.value, whom, name)
    return _message(said, [_missing(request.failure, args)], [retry_button(request), cancel_button(request)])


OF_REQUEST: Mapping[str, Callable[[RequestCard, Args], Message | None]] = {
    "asked": _asked,
    "denied": _denied,
    "refused": _refused,
    "reminder": _reminder,
    "escalated": _escalated,
    "lapsed": _lapsed,
    "emergency": _emergency_asked,
    "failed": _not_given,
    "review": lambda card, args: _review(card.grant, args) if card.grant is not None else None,
}


def grant_told(event: str, grant: Grant, args: Args) -> Message | None:
    """An event of a grant; None when it is over before it could be told."""
    draw = OF_GRANT.get(event)
    if draw is not None:
        return draw(grant, args)
    whom, name = subject_phrase(grant.subject), dataset_name(grant.dataset)
    return _message(md(":information_source: The access of {} to {} is {}.", whom, name, grant_phrase(grant)), [], [])


def _which(grant: Grant) -> Mrkdwn:
    """ "*read* access of @ben to *flights*"."""
    return md("*{}* access of {} to {}", grant.level.value, subject_phrase(grant.subject), dataset_name(grant.dataset))


def _given(grant: Grant, _: Args) -> Message | None:
    if grant.status is not GrantStatus.ACTIVE:
        return None
    said = md(":white_check_mark: The {} is there, {}.", _which(grant), grant_phrase(grant))
    takes = takes_phrase(grant)
    return _message(said, [md("{}", takes)] if takes else [], [use_button(grant.dataset)])


def _extended(grant: Grant, _: Args) -> Message | None:
    if grant.status is not GrantStatus.ACTIVE:
        return None
    return _message(md(":white_check_mark: The {} lasts longer now: {}.", _which(grant), grant_phrase(grant)), [], [])


def _ends_soon(grant: Grant, _: Args) -> Message | None:
    if grant.status is not GrantStatus.ACTIVE:
        return None
    said = md(":hourglass: The {} ends {}.", _which(grant), when(grant.ends_at))
    more = Mrkdwn("Extend it if it is still needed; the request is decided like any other.")
    return _message(said, [more], [extend_button(grant), done_button(grant), use_button(grant.dataset)])


def _ended(grant: Grant, _: Args) -> Message:
    said = md(":checkered_flag: The {} {}.", _which(grant), ended_phrase(grant))
    return _message(said, [], [ask_button(grant.dataset, "Ask again")])


def _revoked(grant: Grant, args: Args) -> Message:
    said = md(":no_entry: {} revoked the {}.", mention(grant.ended_by or _text(args, "by")), _which(grant))
    note = grant.end_note or _text(args, "note")
    details = [md("*Why*\n{}", quoted(note))] if note else []
    return _message(said, details, [ask_button(grant.dataset, "Ask again")])


def _lost(grant: Grant, args: Args) -> Message:
    said = md(":warning: The {} was taken away outside of me.", _which(grant))
    more = md("What I had assigned is not there any more, so I ended it in my records too.{}", _note(args))
    return _message(said, [more], [ask_button(grant.dataset, "Ask again")])


def _restored(grant: Grant, args: Args) -> Message:
    said = md(":wrench: The {} had been taken away or changed outside of me.", _which(grant))
    more = md("It was granted {}, so I gave it again as it was.{}", grant_phrase(grant), _note(args))
    return _message(said, [more], [revoke_button(grant)])


def _left(grant: Grant, _: Args) -> Message | None:
    if not _is_live(grant):
        return None
    said = md(":wave: {} is no active member of this Slack workspace any more.", subject_phrase(grant.subject))
    still = md("The {} stands all the same: {}. Revoke it if it is not needed.", _which(grant), grant_phrase(grant))
    return _message(said, [still], [revoke_button(grant)])


def _emergency_given(grant: Grant, _: Args) -> Message:
    said = md(":rotating_light: *Emergency access*: the {}, {}.", _which(grant), grant_phrase(grant))
    opens = [md("*It opens*\n{}", bullets(grant.opens))] if grant.opens else []
    return _message(said, opens, [revoke_button(grant)] if _is_live(grant) else [])


def _review(grant: Grant, _: Args) -> Message | None:
    if grant.review is not Review.OPEN:
        return None
    said = md(":mag: Please review the emergency: {}.", _which(grant))
    taken = md("Taken by {}, {}.", mention(grant.requested_by), grant_phrase(grant))
    return _message(said, [md("{} This stays open until somebody looked at it.", taken)], [review_button(grant)])


def _not_done(grant: Grant, args: Args) -> Message | None:
    if grant.status is GrantStatus.ENDED:
        return None
    ending = grant.status is GrantStatus.ENDING
    said = md(":x: The {} could not be {}.", _which(grant), "ended" if ending else "given")
    again = [Mrkdwn("I go on trying.")] if ending else []
    return _message(said, [_missing(grant.failure, args), *again], [])


OF_GRANT: Mapping[str, Callable[[Grant, Args], Message | None]] = {
    "granted": _given,
    "extended": _extended,
    "ends_soon": _ends_soon,
    "ended": _ended,
    "revoked": _revoked,
    "lost": _lost,
    "left": _left,
    "restored": _restored,
    "emergency": _emergency_given,
    "review": _review,
    "failed": _not_done,
}


def stray_told(args: Args) -> Message:
    """An assignment of ours that no grant stands behind, or that somebody changed."""
    said = md(":detective: I found an access assignment that I made, without a record of it.")
    if _text(args, "outcome") == "altered":
        said = md(":detective: Somebody has changed an access assignment that I made, or its description.")
    details = lines(
        [
            md("*Role* {}", code(_text(args, "role"))),
            md("*For* {}", code(_text(args, "principal_id"))),
            md("*On* {}", code(_text(args, "scope"))),
        ]
    )
    outcome = STRAY_OUTCOMES.get(_text(args, "outcome"), "")
    assignment = context(md("Assignment: {}", code(_text(args, "assignment_id"))))
    message = _message(said, [details, *([Mrkdwn(outcome)] if outcome else [])], [])
    return Message(text=message.text, blocks=(*message.blocks, assignment))


def _message(said: Mrkdwn, details: list[Mrkdwn], row: list[Json]) -> Message:
    blocks = [section(said), *(section(detail) for detail in details)]
    if row:
        blocks.append(actions(row))
    return Message(text=said, blocks=tuple(blocks))


def _is_live(grant: Grant) -> bool:
    return grant.status in {GrantStatus.GRANTING, GrantStatus.ACTIVE, GrantStatus.FAILED}


def _missing(failure: str, args: Args) -> Mrkdwn:
    """What went wrong, as it is known now or as it was known then."""
    return md("What is missing: {}", told(truncate(failure or _text(args, "sentence"), 1000)))


def _text(args: Args, key: str) -> str:
    value = args.get(key)
    return value if isinstance(value, str) else ""


def _note(args: Args) -> Mrkdwn:
    note = _text(args, "note") or _text(args, "sentence")
    return md(" {}", told(truncate(note, 400))) if note else Mrkdwn("")
