"""What people are told of access, and under which keys: each thing once, whatever is killed.

A card is posted once for each who gets it and redrawn with every revision of its request, and of the grant that came
of it. All else is told beside the card, in its thread where there is one.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import JsonValue

from services.access.decide import Decision, Terms
from services.access.model import AccessRequest, Assignment, EndReason, Grant, SubjectKind, Vote
from services.outbox import Action, Notice

REQUEST = "access.request"
ASKER = "access.asker"
HOLDER = "access.holder"
TOLD = "access.told"
ASKED_AT_ONCE = 50
"""People who get a card of one request together; the others may decide all the same."""


def card_key(request_id: str, to: str) -> str:
    """Key of the card of a request that one approver or channel got."""
    return f"request:{request_id}:{to}"


def asker_key(request_id: str) -> str:
    """Key of the requester's own copy."""
    return f"asker:{request_id}"


def holder_key(request_id: str) -> str:
    """Key of the copy of a person for whom somebody else asked."""
    return f"holder:{request_id}"


def holder_of(request: AccessRequest) -> str:
    """Who will hold it without having asked; "" when nobody in Slack."""
    is_other = request.subject.kind is SubjectKind.USER and request.subject.id != request.requester
    return request.subject.id if is_other else ""


def keeper_of(grant: Grant) -> str:
    """Who is told of a grant and may give it back: the person who holds it, else who asked for it."""
    return grant.subject.id if grant.subject.kind is SubjectKind.USER else grant.requested_by


def opened(request: AccessRequest) -> tuple[Notice, ...]:
    """The first cards of a new request: to everyone asked, the requester, and the person it is for."""
    args: dict[str, JsonValue] = {"request_id": request.id}
    asker = asker_key(request.id)
    told = [*cards(request, request.asked), Notice(asker, asker, ASKER, to=request.requester, args=args)]
    if holder := holder_of(request):
        key = holder_key(request.id)
        told.append(Notice(key, key, HOLDER, to=holder, args=args))
    return tuple(told)


def cards(request: AccessRequest, to: Iterable[str]) -> tuple[Notice, ...]:
    """The card for people and channels who have none yet."""
    keys = ((each, card_key(request.id, each)) for each in to)
    return tuple(Notice(key, key, REQUEST, to=each, args={"request_id": request.id}) for each, key in keys)


def redrawn(request: AccessRequest, *, had: Iterable[str], mark: str = "") -> tuple[Notice, ...]:
    """All copies of a request drawn anew. had: whose cards were posted before. mark: what makes this time unlike
    others, the request's revision when not given.
    """
    mark = mark or str(request.revision)
    keys = [(card_key(request.id, each), REQUEST) for each in had]
    keys.append((asker_key(request.id), ASKER))
    if holder_of(request):
        keys.append((holder_key(request.id), HOLDER))
    return tuple(
        Notice(f"{key}:{mark}", key, kind, action=Action.UPDATE, of=key, args={"request_id": request.id})
        for key, kind in keys
    )


def redrawn_for(grant: Grant, request: AccessRequest | None) -> tuple[Notice, ...]:
    """All copies of the request behind a grant, after the grant changed."""
    return () if request is None else redrawn(request, had=request.asked, mark=f"g{grant.revision}")


def told_of_request(
    event: str, request: AccessRequest, to: Iterable[str], *, nth: int | None = None, **more: JsonValue
) -> tuple[Notice, ...]:
    """Something told of a request to people and channels, in the thread of the card that each has."""
    end = "" if nth is None else f":{nth}"
    args: dict[str, JsonValue] = {"event": event, "request_id": request.id, **more}
    return tuple(
        _in_thread(f"{event}:{request.id}:{each}{end}", each, _post_of(request, each), args) for each in _once(to)
    )


def told_of_grant(
    event: str,
    grant: Grant,
    to: Iterable[str],
    request: AccessRequest | None = None,
    *,
    nth: int | None = None,
    **more: JsonValue,
) -> tuple[Notice, ...]:
    """Something told of a grant. request: the one behind it, for the thread of the card that each has."""
    end = "" if nth is None else f":{nth}"
    args: dict[str, JsonValue] = {"event": event, "grant_id": grant.id, **more}
    return tuple(
        _in_thread(f"{event}:{grant.id}:{each}{end}", each, "" if request is None else _post_of(request, each), args)
        for each in _once(to)
    )


def ended(grant: Grant, request: AccessRequest | None, owner: str) -> tuple[Notice, ...]:
    """A grant has ended: its copies are redrawn, and who kept it is told; a loss is told to the owner too,
    and to the owner alone what ended since its holder left.

    Who never got access is told nothing here: their request says why.
    """
    redraw = redrawn_for(grant, request)
    if grant.granted_at is None:
        return redraw
    match grant.end_reason:
        case EndReason.REVOKED:
            event, to = "revoked", [keeper_of(grant), grant.requested_by]
        case EndReason.LOST:
            event, to = "lost", [keeper_of(grant), owner]
        case EndReason.LEFT:  # who left reads nothing any more
            event, to = "ended", [owner]
        case _:
            event, to = "ended", [keeper_of(grant)]
    told = told_of_grant(
        event, grant, to, request, reason=str(grant.end_reason), by=grant.ended_by, note=grant.end_note
    )
    return (*redraw, *told)


def stray(assignment: Assignment, key: str, to: Iterable[str], outcome: str) -> tuple[Notice, ...]:
    """An assignment of ours that no grant stands behind. key: short and the same for this assignment. outcome:
    "reported", "removed", "rebuilt"; or "altered" for one that somebody changed by hand.
    """
    args: dict[str, JsonValue] = {
        "event": "stray",
        "outcome": outcome,
        "assignment_id": assignment.id,
        "scope": assignment.scope,
        "role": assignment.role_name,
        "principal_id": assignment.principal_id,
    }
    return tuple(_in_thread(f"stray:{key}:{each}:{outcome}", each, "", args) for each in _once(to))


def _post_of(request: AccessRequest, to: str) -> str:
    """Key of the message about a request that somebody has, "" when they have none."""
    if to in request.asked:
        return card_key(request.id, to)
    if to == request.requester:
        return asker_key(request.id)
    return holder_key(request.id) if to == holder_of(request) else ""


def _in_thread(key: str, to: str, of: str, args: dict[str, JsonValue]) -> Notice:
    return Notice(key, of or key, TOLD, to=to, of=of, args=args)


def _once(to: Iterable[str]) -> tuple[str, ...]:
    return tuple(each for each in dict.fromkeys(to) if each)


def destinations(decision: Decision, votes: Iterable[Vote] = ()) -> tuple[str, ...]:
    """Who gets a card: the channel that the policy names, else each who may vote now and has not; the first fifty."""
    voted = {vote.approver for vote in votes if vote.stage == decision.stage}
    return channel_or(decision.terms, sorted(decision.approvers - voted)[:ASKED_AT_ONCE])


def channel_or(terms: Terms | None, people: Iterable[str]) -> tuple[str, ...]:
    """The channel that the policy names, else these people."""
    return (terms.channel,) if terms is not None and terms.channel else tuple(people)
