"""What every screen of access says in the same words: for whom, what it opens, who decides, what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from handlers.access.durations import duration_text
from handlers.text import Mrkdwn, bold, code, join, lines, md, mention, told, truncate, when
from services.access.decide import Decision
from services.access.model import (
    AccessRequest,
    AssignmentKind,
    EndReason,
    Grant,
    GrantStatus,
    Initiative,
    Principal,
    RequestStatus,
    Subject,
    SubjectKind,
    Verdict,
)

REASON_SHOWN = 1200
NAME_SHOWN = 120
SENTENCE_SHOWN = 400
PEOPLE_SHOWN = 8
PROPAGATION = "It can take up to ten minutes until it works everywhere."

KINDS = {
    SubjectKind.USER: "a colleague",
    SubjectKind.GROUP: "an Entra group",
    SubjectKind.SERVICE_PRINCIPAL: "a service principal or managed identity",
}
_KIND_WORDS = {SubjectKind.GROUP: "the Entra group", SubjectKind.SERVICE_PRINCIPAL: "the service principal"}
_ENDED = {
    EndReason.EXPIRED: "its time was over",
    EndReason.DONE: "its holder was done",
    EndReason.REVOKED: "it was revoked",
    EndReason.POLICY: "the policy does not allow it any more",
    EndReason.LOST: "it was taken away outside of Dataset Bot",
    EndReason.LEFT: "its holder is no active member of this Slack workspace any more",
}


def dataset_name(name: str) -> Mrkdwn:
    """A dataset by name."""
    return bold(truncate(name, NAME_SHOWN))


def subject_phrase(subject: Subject) -> Mrkdwn:
    """For whom: a person as a mention, anything else by kind and name."""
    if subject.kind is SubjectKind.USER:
        return mention(subject.id)
    return md("{} {}", _KIND_WORDS[subject.kind], bold(truncate(subject.name or subject.id, NAME_SHOWN)))


def identity_phrase(principal: Principal | None, subject: Subject) -> Mrkdwn:
    """For whom, with the Entra identity that gets the access; the mention alone where the workspace has no other."""
    who = subject_phrase(subject)
    if principal is None or (principal.object_id == subject.id and subject.kind is SubjectKind.USER):
        return who
    login = truncate(principal.login or principal.object_id, NAME_SHOWN)
    return md("{}\nIn Entra: {} ({})", who, truncate(principal.name, NAME_SHOWN), code(login))


def bullets(sentences: Iterable[str], shown: int = 8) -> Mrkdwn:
    """One sentence a line; what does not fit is counted."""
    every = list(sentences)
    said = [md("• {}", told(truncate(each, SENTENCE_SHOWN))) for each in every[:shown]]
    if len(every) > shown:
        said.append(md("• and {} more", f"{len(every) - shown:,}"))
    return lines(said)


def quoted(text: str, limit: int = REASON_SHOWN) -> Mrkdwn:
    """Somebody's words as a quotation."""
    said = truncate(text.strip(), limit)
    return lines(md(">{}", line) for line in said.splitlines()) if said else Mrkdwn(">—")


def people(ids: Iterable[str], nobody: str = "nobody") -> Mrkdwn:
    """Persons as mentions, in a stable order; those who do not fit are counted."""
    every = sorted(ids)
    if not every:
        return Mrkdwn(nobody)
    named = join(", ", [mention(each) for each in every[:PEOPLE_SHOWN]])
    return named if len(every) <= PEOPLE_SHOWN else md("{} and {} more", named, f"{len(every) - PEOPLE_SHOWN:,}")


def who_decides(decision: Decision) -> Mrkdwn:
    """Every stage with who decides and why they, or why nobody needs to."""
    terms = decision.terms
    if terms is None:
        return told(decision.explanation)
    if terms.automatic and not decision.needed:
        return told(decision.explanation)
    said = []
    for number, stage in enumerate(terms.stages, 1):
        first = f"{number}. " if len(terms.stages) > 1 else ""
        count = f"{stage.needed} of " if stage.needed > 1 or len(stage.approvers) > 1 else ""
        said.append(md("{}{}{}: {}", first, count, told(truncate(stage.label, NAME_SHOWN)), people(stage.approvers)))
    return lines(said) if said else told(decision.explanation)


def progress(request: AccessRequest, decision: Decision, *, with_asked: bool = True) -> Mrkdwn:
    """How far the approvals are: "1 of 2 approvals: @ada", stage by stage. with_asked: and who may give the next."""
    terms = decision.terms
    given = [vote for vote in request.votes if vote.verdict is Verdict.APPROVE]
    if terms is None or not terms.stages:
        return md("Approved so far by {}", people(vote.approver for vote in given))
    said = []
    for number, stage in enumerate(terms.stages):
        yes = tuple(dict.fromkeys(vote.approver for vote in given if vote.stage == number))
        waiting = request.status is RequestStatus.PENDING and number == request.stage
        mark = ":white_check_mark:" if len(yes) >= stage.needed or number < request.stage else ":white_circle:"
        mark = ":hourglass_flowing_sand:" if waiting else mark
        names = md(": {}", join(", ", [mention(each) for each in yes])) if yes else Mrkdwn("")
        ask = md(" · asked: {}", people(decision.approvers)) if waiting and with_asked else Mrkdwn("")
        said.append(
            md(
                "{} {} of {} from {}{}{}",
                Mrkdwn(mark),
                str(min(len(yes), stage.needed)),
                f"{stage.needed} approval{'s' * (stage.needed != 1)}",
                told(truncate(stage.label, NAME_SHOWN)),
                names,
                ask,
            )
        )
    return lines(said)


def wish_phrase(request: AccessRequest) -> Mrkdwn:
    """ "@ben asks for *read* access to *flights*, for 7 days"; who gets it where that is somebody else."""
    subject, level = request.subject, Mrkdwn(f"*{request.level.value}*")
    name, length = dataset_name(request.dataset), duration_text(request.duration)
    asker, own = mention(request.requester), subject.kind is SubjectKind.USER and subject.id == request.requester
    whom = Mrkdwn("") if own else md(" for {}", subject_phrase(subject))
    if request.extends:
        return md("{} asks to keep {} access to {}{}, for {} from now", asker, level, name, whom, length)
    if request.initiative is Initiative.GIVE:
        return md("{} gives {} {} access to {}, for {}", asker, subject_phrase(subject), level, name, length)
    if request.emergency:
        return md("{} takes emergency {} access to {}{}, for {}", asker, level, name, whom, length)
    return md("{} asks for {} access to {}{}, for {}", asker, level, name, whom, length)


def grant_phrase(grant: Grant) -> Mrkdwn:
    """What a grant is now: "until tomorrow", "being given", "ended, because it was revoked by @ada"."""
    match grant.status:
        case GrantStatus.GRANTING:
            return Mrkdwn("being given")
        case GrantStatus.ACTIVE:
            return md("until {}", when(grant.ends_at))
        case GrantStatus.ENDING:
            return md("being ended ({})", _ENDED.get(grant.end_reason or EndReason.EXPIRED, "its time was over"))
        case GrantStatus.ENDED:
            return ended_phrase(grant)
        case GrantStatus.FAILED:
            return md("failed: {}", truncate(grant.failure, SENTENCE_SHOWN))


def ended_phrase(grant: Grant) -> Mrkdwn:
    """When and why a grant ended, by whom, with what they said."""
    why = _ENDED.get(grant.end_reason, "it was ended") if grant.end_reason else "it was ended"
    by = md(" by {}", mention(grant.ended_by)) if grant.end_reason is EndReason.REVOKED and grant.ended_by else ""
    said = md(": {}", truncate(grant.end_note, SENTENCE_SHOWN)) if grant.end_note else Mrkdwn("")
    return md("ended {}, because {}{}{}", when(grant.ended_at), why, Mrkdwn(by), said)


def state_phrase(request: AccessRequest, grant: Grant | None) -> Mrkdwn:
    """What became of a request, as everybody who has a copy of it reads it."""
    match request.status:
        case RequestStatus.PENDING:
            said = md(":hourglass_flowing_sand: *Waiting* for a decision, until {}.", when(request.expires_at))
        case RequestStatus.APPROVED:
            said = md(":gear: *Granting …* {}{}.", how_decided(request), _at(request.decided_at))
        case RequestStatus.GRANTED:
            said = _granted(request, grant)
        case RequestStatus.DENIED:
            why = md("\n{}", quoted(request.decision_reason)) if request.decision_reason else Mrkdwn("")
            said = md(":no_entry: *Denied* by {}{}.{}", mention(request.decided_by), _at(request.decided_at), why)
        case RequestStatus.CANCELLED:
            by = request.decided_by or request.requester
            said = md(":heavy_minus_sign: *Cancelled* by {}{}.", mention(by), _at(request.decided_at))
        case RequestStatus.EXPIRED:
            said = md(":zzz: *Expired.* Nobody decided before {}.", when(request.expires_at))
        case RequestStatus.REFUSED:
            said = md(":no_entry: *Refused.* {}", told(truncate(request.decision_reason, REASON_SHOWN)))
        case RequestStatus.FAILED:
            missing = request.failure or (grant.failure if grant else "")
            how = md(":x: *Failed.* {}, but it could not be given:", how_decided(request))
            said = md("{} {}", how, told(truncate(missing, REASON_SHOWN)))
    return said


def _granted(request: AccessRequest, grant: Grant | None) -> Mrkdwn:
    if grant is None or grant.status is GrantStatus.ACTIVE:
        ends = when(grant.ends_at) if grant else Mrkdwn("its end")
        return md(":white_check_mark: *Granted* until {}. {}.", ends, how_decided(request))
    if grant.status is GrantStatus.ENDED:
        return md(":checkered_flag: *Ended.* The access {}.", ended_phrase(grant))
    return md(":gear: The access is {}.", grant_phrase(grant))


def how_decided(request: AccessRequest) -> Mrkdwn:
    """ "Approved by @ada and @cleo", "Approved by the policy", "Taken as an emergency"."""
    if request.emergency:
        return Mrkdwn("Taken as an emergency")
    voters = dict.fromkeys(vote.approver for vote in request.votes if vote.verdict is Verdict.APPROVE)
    if voters:
        return md("Approved by {}", join(" and ", [mention(each) for each in voters]))
    if request.decided_by and request.decided_by != "bot":
        return md("Approved by {}", mention(request.decided_by))
    return Mrkdwn("Approved by the policy")


def takes_phrase(grant: Grant) -> str:
    """How long until it works everywhere; "" where it works at once."""
    return PROPAGATION if any(each.kind is not AssignmentKind.LOCAL for each in grant.assignments) else ""


def held_phrase(grants: Sequence[Grant]) -> Mrkdwn:
    """What somebody has on a dataset now."""
    if not grants:
        return Mrkdwn("nothing through Dataset Bot")
    return lines(md("*{}*, {}", grant.level.value, grant_phrase(grant)) for grant in grants[:5])


def _at(moment: datetime | None) -> Mrkdwn:
    return md(" {}", when(moment)) if moment else Mrkdwn("")
