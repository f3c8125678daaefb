"""Who has access to a dataset, until when and by whom; also as a modal for revoking."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.access.buttons import ask_button, done_button, give_button, revoke_button
from handlers.access.phrases import bullets, dataset_name, ended_phrase, grant_phrase, people, subject_phrase
from handlers.blockkit import actions, button, context, header, modal, section
from handlers.datasets.naming import dataset_command
from handlers.message import Json, Message
from handlers.tables import collapsible
from handlers.text import Mrkdwn, count_text, lines, md, mention, truncate, when
from services.access.model import Grant, GrantStatus, SubjectKind
from services.access.offer import GrantList

PAGE = 15
ENDED_SHOWN = 8
IN_MODAL = 40
REVOKE_TITLE = "Revoke access"


def build(found: GrantList, viewer: str, page: int = 1) -> Message:
    """A page of the list. viewer: Slack id of who reads it."""
    name = found.dataset.name
    first = (page - 1) * PAGE
    shown = found.live[first : first + PAGE]
    top: list[Json] = [header(f"Access to {truncate(name, 120)}"), context(_scope(found))]
    for number, grant in enumerate(shown):
        top.append(_row(grant, number, viewer, may_manage=found.may_manage))
    bottom = [actions(_buttons(found, page))]
    text = md("Access to {}: {}", name, _count(found.live))
    ended = [_ended(grant) for grant in found.ended[:ENDED_SHOWN]]
    if not ended:
        return Message(text=text, blocks=(*top, *bottom))
    title = f"Ended: the last {len(ended)}"
    return Message(
        text=text,
        blocks=(*top, collapsible(title, [section(each) for each in ended]), *bottom),
        fallback=(*top, section(lines([md("*{}*", title), *ended])), *bottom),
    )


def revoke_view(found: GrantList, person: str) -> Json:
    """Several grants of one person: choose which to revoke."""
    held = held_by(found.live, person)[:IN_MODAL]
    blocks = [section(md("{} has {} for {}.", mention(person), _count(held), dataset_name(found.dataset.name)))]
    blocks += [_row(grant, number, "", may_manage=True) for number, grant in enumerate(held)]
    return modal("access_revoke_which", REVOKE_TITLE, blocks, close="Close")


def held_by(grants: Sequence[Grant], person: str) -> tuple[Grant, ...]:
    """The grants that a person holds."""
    return tuple(each for each in grants if each.subject.kind is SubjectKind.USER and each.subject.id == person)


def _scope(found: GrantList) -> str:
    if found.may_manage:
        count = _count(found.live) if found.live else "Nobody has access through me"
        return f"{count}. What people have outside of Dataset Bot is not listed here."
    mine = f"{_count(found.live)}, your own" if found.live else "You have no access through me"
    return f"{mine}. The owner and admins see everybody's."


def _count(grants: Sequence[Grant]) -> str:
    return count_text(len(grants), "grant") if grants else "nobody"


def _row(grant: Grant, number: int, viewer: str, *, may_manage: bool) -> Json:
    mark = ":rotating_light: " if grant.emergency else ""
    said = [md("{}{} · *{}* · {}", Mrkdwn(mark), subject_phrase(grant.subject), grant.level.value, grant_phrase(grant))]
    given = (
        md(
            "given {} by {}",
            when(grant.granted_at),
            people(grant.approved_by, "nobody, as an emergency" if grant.emergency else "the policy"),
        )
        if grant.granted_at
        else Mrkdwn("")
    )
    asked = md("asked by {}", mention(grant.requested_by)) if grant.requested_by != grant.subject.id else Mrkdwn("")
    small = [each for each in (given, asked) if each]
    if small:
        said.append(Mrkdwn(" · ".join(small)))
    if grant.opens:
        said.append(bullets(grant.opens, 2))
    if grant.failure and grant.status is not GrantStatus.FAILED:
        said.append(md(":warning: {}", truncate(grant.failure, 300)))
    live = grant.status in {GrantStatus.ACTIVE, GrantStatus.GRANTING, GrantStatus.FAILED}
    holds = grant.subject.kind is SubjectKind.USER and grant.subject.id == viewer
    end = None
    if live and holds and grant.status is GrantStatus.ACTIVE:
        end = done_button(grant, number)
    elif live and may_manage:
        end = revoke_button(grant, number)
    return section(lines(said), accessory=end)


def _ended(grant: Grant) -> Mrkdwn:
    return md("{} · {} · {}", subject_phrase(grant.subject), grant.level.value, ended_phrase(grant))


def _buttons(found: GrantList, page: int) -> list[Json]:
    name, pages = found.dataset.name, -(-len(found.live) // PAGE)
    row = []
    if page > 1:
        row.append(button("Previous", "go:previous", dataset_command("grants", name, None, f"page:{page - 1}")))
    if page < pages:
        row.append(button("Next", "go:next", dataset_command("grants", name, None, f"page:{page + 1}")))
    return [*row, give_button(name) if found.may_manage else ask_button(name)]
