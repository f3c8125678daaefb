"""Access in the App Home: what waits for my decision, what I have to review, what I have and what I asked for."""

from __future__ import annotations

from handlers.access.buttons import (
    cancel_button,
    decide_button,
    done_button,
    extend_button,
    retry_button,
    review_button,
    use_button,
)
from handlers.access.phrases import dataset_name, grant_phrase, subject_phrase, wish_phrase
from handlers.blockkit import actions, context, divider, section
from handlers.message import Json
from handlers.text import lines, md, truncate, when
from services.access.model import AccessRequest, Grant, GrantStatus, RequestStatus
from services.access.offer import MyAccess

WAITING, REVIEWS, HELD, ASKED = 8, 5, 8, 5
_OPEN = frozenset({RequestStatus.PENDING, RequestStatus.APPROVED, RequestStatus.FAILED})


def access_blocks(mine: MyAccess) -> list[Json]:
    """Nothing for a person whom access does not concern."""
    asked = [each for each in mine.requests if each.status in _OPEN]
    blocks: list[Json] = []
    if mine.waiting:
        blocks += [divider(), section(md("*Waits for my decision*"))]
        blocks += [_waiting(each, number) for number, each in enumerate(mine.waiting[:WAITING])]
        blocks += _more(len(mine.waiting) - WAITING)
    if mine.reviews:
        blocks += [divider(), section(md("*Emergencies to review*"))]
        blocks += [_review(each, number) for number, each in enumerate(mine.reviews[:REVIEWS])]
        blocks += _more(len(mine.reviews) - REVIEWS)
    if mine.grants or asked:
        blocks += [divider(), section(md("*My access*"))]
        for number, grant in enumerate(mine.grants[:HELD]):
            blocks += _held(grant, number)
        blocks += _more(len(mine.grants) - HELD)
        for number, each in enumerate(asked[:ASKED]):
            blocks += _asked(each, number)
        blocks += _more(len(asked) - ASKED)
    return blocks


def _waiting(request: AccessRequest, number: int) -> Json:
    said = [wish_phrase(request)]
    if request.reason:
        said.append(md("{}", truncate(request.reason, 150)))
    said.append(md("Asked {}, lapses {}", when(request.created_at), when(request.expires_at)))
    return section(lines(said), accessory=decide_button(request, number))


def _review(grant: Grant, number: int) -> Json:
    whom, name = subject_phrase(grant.subject), dataset_name(grant.dataset)
    said = md(":rotating_light: {} · {} · *{}* · {}", whom, name, grant.level.value, grant_phrase(grant))
    return section(said, accessory=review_button(grant, number))


def _held(grant: Grant, number: int) -> list[Json]:
    said = section(md("{} · *{}* · {}", dataset_name(grant.dataset), grant.level.value, grant_phrase(grant)))
    if grant.status is not GrantStatus.ACTIVE:
        return [said]
    use = use_button(grant.dataset)
    row = [{**use, "action_id": f"run:use:{number}"}, extend_button(grant, number), done_button(grant, number)]
    return [said, actions(row, block_id=f"home:access:{number}")]


def _asked(request: AccessRequest, number: int) -> list[Json]:
    name, level, asked = dataset_name(request.dataset), request.level.value, when(request.created_at)
    match request.status:
        case RequestStatus.FAILED:
            said = md(":x: {} · *{}* · asked {}, could not be given", name, level, asked)
            row = [retry_button(request, number), cancel_button(request, number)]
            return [section(said), actions(row, block_id=f"home:asked:{number}")]
        case RequestStatus.APPROVED:
            return [section(md(":gear: {} · *{}* · asked {}, being given", name, level, asked))]
        case _:
            said = md(":hourglass_flowing_sand: {} · *{}* · asked {}, waits for a decision", name, level, asked)
            return [section(said, accessory=cancel_button(request, number))]


def _more(count: int) -> list[Json]:
    return [context(f"and {count:,} more")] if count > 0 else []
