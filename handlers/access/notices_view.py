"""What is told of requests and grants beside their cards: reminders, ends, emergencies, what went wrong."""

from __future__ import annotations

from collections.abc import Mapping

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
    wish_phrase,
)
from handlers.blockkit import actions, context, section
from handlers.message import Json, Message
from handlers.text import Mrkdwn, code, lines, md, mention, truncate, when
from services.access.model import Grant, GrantStatus, RequestStatus, Review
from services.access.offer import RequestCard

STRAY_OUTCOMES = {
    "reported": "I left it as it is. If nobody needs it, remove it in the Azure portal.",
    "removed": "I removed it.",
    "rebuilt": "I rebuilt its record from its description, so that it ends when it should.",
}


def request_told(event: str, card: RequestCard, args: Mapping[str, JsonValue]) -> Message | None:
    """An event of a request; None when it is over before it could be told."""
    request = card.request
    name, waits = dataset_name(request.dataset), request.status is RequestStatus.PENDING
    match event:
        case "reminder":
            if not waits:
                return None
            said = md(":bell: Still waiting for a decision: {}.", wish_phrase(request))
            until = md("It lapses {} if nobody decides.", when(request.expires_at))
            return _message(said, [until], [decide_button(request)])
        case "escalated":
            if not waits:
                return None
            said = md(":arrow_up: Nobody decided yet, so others may decide too now: {}.", wish_phrase(request))
            asked = md("Asked now: {}", people(card.decision.approvers))
            return _message(said, [asked], [decide_button(request)])
        case "lapsed":
            said = md(":zzz: Nobody decided in time: {}. The request is over.", wish_phrase(request))
            return _message(said, [], [ask_button(request.dataset, "Ask again")])
        case "emergency":
            said = md(":rotating_light: *Emergency access.* {}.", wish_phrase(request))
            details = [md("*Motive*\n{}", quoted(request.reason))]
            if request.opens:
                details.append(md("*It opens*\n{}", bullets(request.opens)))
            details.append(Mrkdwn("Nobody was asked first. It is short, and it is reviewed afterwards."))
            live = card.grant is not None and card.grant.status is not GrantStatus.ENDED
            row = [revoke_button(card.grant)] if live and card.grant is not None else []
            return _message(said, details, row)
        case "review" if card.grant is not None:
            return grant_told("review", card.grant, args)
        case "failed":
            if request.status is not RequestStatus.FAILED:
                return None
            said = md(
                ":x: {} {} access to {} was approved, but could not be given.",
                subject_phrase(request.subject),
                request.level.value,
                name,
            )
            why = md("What is missing: {}", truncate(request.failure or _text(args, "sentence"), 1000))
            return _message(said, [why], [retry_button(request), cancel_button(request)])
        case _:
            return _message(md(":information_source: {}: {}", name, request.status.value), [wish_phrase(request)], [])


def grant_told(event: str, grant: Grant, args: Mapping[str, JsonValue]) -> Message | None:
    """An event of a grant; None when it is over before it could be told."""
    name, whom, level = dataset_name(grant.dataset), subject_phrase(grant.subject), grant.level.value
    match event:
        case "ends_soon":
            if grant.status is not GrantStatus.ACTIVE:
                return None
            said = md(":hourglass: The *{}* access of {} to {} ends {}.", level, whom, name, when(grant.ends_at))
            more = Mrkdwn("Extend it if it is still needed; the request is decided like any other.")
            return _message(said, [more], [extend_button(grant), done_button(grant), use_button(grant.dataset)])
        case "ended":
            said = md(":checkered_flag: The *{}* access of {} to {} {}.", level, whom, name, ended_phrase(grant))
            return _message(said, [], [ask_button(grant.dataset, "Ask again")])
        case "revoked":
            by = mention(grant.ended_by or _text(args, "by"))
            said = md(":no_entry: {} revoked the *{}* access of {} to {}.", by, level, whom, name)
            note = grant.end_note or _text(args, "note")
            details = [md("*Why*\n{}", quoted(note))] if note else []
            return _message(said, details, [ask_button(grant.dataset, "Ask again")])
        case "lost":
            said = md(":warning: The *{}* access of {} to {} was taken away outside of me.", level, whom, name)
            more = md("What I had assigned is not there any more, so I ended it in my records too.{}", _note(args))
            return _message(said, [more], [ask_button(grant.dataset, "Ask again")])
        case "restored":
            said = md(":wrench: The *{}* access of {} to {} had been taken away outside of me.", level, whom, name)
            more = md("It was granted {}, so I gave it again.{}", grant_phrase(grant), _note(args))
            return _message(said, [more], [revoke_button(grant)])
        case "emergency":
            said = md(
                ":rotating_light: *Emergency access*: {} has *{}* access to {}, {}.",
                whom,
                level,
                name,
                grant_phrase(grant),
            )
            opens = [md("*It opens*\n{}", bullets(grant.opens))] if grant.opens else []
            live = grant.status is not GrantStatus.ENDED
            return _message(said, opens, [revoke_button(grant)] if live else [])
        case "review":
            if grant.review is not Review.OPEN:
                return None
            said = md(":mag: Please review the emergency *{}* access of {} to {}.", level, whom, name)
            more = md(
                "Taken by {}, {}. This stays open until somebody looked at it.",
                mention(grant.requested_by),
                grant_phrase(grant),
            )
            return _message(said, [more], [review_button(grant)])
        case "failed":
            if grant.status is GrantStatus.ENDED:
                return None
            doing = "ended" if grant.status is GrantStatus.ENDING else "given"
            said = md(":x: The *{}* access of {} to {} could not be {}.", level, whom, name, doing)
            why = md("What is missing: {}", truncate(grant.failure or _text(args, "sentence"), 1000))
            again = [Mrkdwn("I go on trying.")] if grant.status is GrantStatus.ENDING else []
            return _message(said, [why, *again], [])
        case _:
            return _message(
                md(":information_source: The access of {} to {} is {}.", whom, name, grant_phrase(grant)), [], []
            )


def stray_told(args: Mapping[str, JsonValue]) -> Message:
    """An assignment of ours that no grant stands behind."""
    said = md(":detective: I found an access assignment that I made, without a record of it.")
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


def _text(args: Mapping[str, JsonValue], key: str) -> str:
    value = args.get(key)
    return value if isinstance(value, str) else ""


def _note(args: Mapping[str, JsonValue]) -> Mrkdwn:
    note = _text(args, "note") or _text(args, "sentence")
    return md(" {}", truncate(note, 400)) if note else Mrkdwn("")
