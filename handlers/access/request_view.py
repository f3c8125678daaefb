"""The request form as Slack shows it: what to choose, and what follows from it before anything is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from handlers.access.durations import duration_text
from handlers.access.phrases import KINDS, bullets, dataset_name, held_phrase, people, subject_phrase, who_decides
from handlers.access.request_form import RequestForm, Whom
from handlers.blockkit import (
    checkboxes,
    context,
    divider,
    input_block,
    modal,
    option,
    radio,
    section,
    select,
    text_input,
    type_ahead,
    user_select,
)
from handlers.message import Json
from handlers.text import Mrkdwn, code, lines, md, mention, told, truncate, when
from services.access.decide import Outcome, Terms
from services.access.model import Initiative, Level, SubjectKind
from services.access.offer import REASON_LIMIT, TICKET_LIMIT, Offer

CALLBACK = "access_request"
DATASET, GROUP, PRINCIPAL = "access_form:dataset", "access_form:group", "access_form:principal"
CHANGES = r"^access_form:(dataset|level|whom|colleague|group|principal|emergency)$"
TITLES = {Initiative.ASK: "Request access", Initiative.GIVE: "Give access"}
EXTEND_TITLE = "Extend access"
USUAL = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
_LONGEST_NAME = 300


@dataclass(frozen=True, slots=True)
class Offered:
    """What the service says of the form as it is now. problem: a sentence instead. loading: not known yet.

    kinds: for whom access can be asked here.
    """

    kinds: tuple[SubjectKind, ...]
    offer: Offer | None = None
    problem: str = ""
    loading: bool = False


def title_of(form: RequestForm) -> str:
    """What the modal is called."""
    return EXTEND_TITLE if form.is_fixed else TITLES[form.initiative]


def request_view(form: RequestForm, offered: Offered, me: str) -> Json:
    """The form. me: who fills it."""
    terms = offered.offer.decision.terms if offered.offer else None
    blocks = _fixed(form, me) if form.is_fixed else _choices(form, offered.kinds)
    blocks += [*_offer_blocks(form, offered), divider()]
    presets = presets_of(form, offered)
    blocks.append(_duration(form, presets, terms))
    blocks.append(_reason(form, terms))
    if form.ticket or (terms is not None and terms.ticket_required):
        ticket = text_input("ticket_text", initial=form.ticket, placeholder="OPS-123", max_length=TICKET_LIMIT)
        required = terms is not None and terms.ticket_required
        blocks.append(input_block("ticket", "Ticket", ticket, optional=not required))
    blocks += _emergency(form, terms)
    shown = frozenset(str(block["block_id"]).partition(":")[0] for block in blocks if block["type"] == "input")
    return modal(
        CALLBACK,
        title_of(form),
        blocks,
        submit="Give" if form.initiative is Initiative.GIVE else "Request",
        private_metadata=form.metadata(shown),
    )


def presets_of(form: RequestForm, offered: Offered) -> tuple[timedelta, ...]:
    """The durations to choose from, shortest first: the policy's, and the one that was typed where it is allowed."""
    offer = offered.offer
    presets = set(offer.presets if offer is not None and offer.presets else USUAL)
    longest = max(presets)
    terms = offer.decision.terms if offer is not None else None
    if terms is not None:
        longest = (form.emergency and terms.emergency_longest) or terms.longest
    fitting = {each for each in presets if each <= longest} or {longest}
    if form.seconds and (form.duration <= longest or offer is None):
        fitting.add(form.duration)
    return tuple(sorted(fitting))


def chosen_duration(form: RequestForm, presets: Sequence[timedelta]) -> timedelta:
    """What the menu stands on: what was chosen, else the longest that is not longer; a week for nothing chosen."""
    wanted = form.duration if form.seconds else timedelta(days=7)
    return max((each for each in presets if each <= wanted), default=presets[0])


def duration_block(presets: Sequence[timedelta]) -> str:
    """Another block for other choices, since Slack keeps what was chosen in a kept one."""
    text = " ".join(str(int(each.total_seconds())) for each in presets)
    return f"seconds:{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _duration(form: RequestForm, presets: tuple[timedelta, ...], terms: Terms | None) -> Json:
    options = [option(duration_text(each), str(int(each.total_seconds()))) for each in presets]
    chosen = options[presets.index(chosen_duration(form, presets))]
    longest = ((form.emergency and terms.emergency_longest) or terms.longest) if terms is not None else None
    hint = None if longest is None else f"At most {duration_text(longest)}. It ends by itself; you are reminded before."
    label = "For how long, from when it is approved" if form.is_fixed else "For how long"
    return input_block(duration_block(presets), label, select("seconds", options, initial=chosen), hint=hint)


def _reason(form: RequestForm, terms: Terms | None) -> Json:
    required = form.emergency or terms is None or terms.reason_required
    element = text_input(
        "reason_text",
        initial=form.reason,
        multiline=True,
        max_length=REASON_LIMIT,
        placeholder=f"What for? Whoever {'reviews it' if form.emergency else 'decides'} reads this.",
    )
    label = "Motive of the emergency" if form.emergency else "Reason"
    return input_block("reason", label, element, optional=not required)


def _choices(form: RequestForm, kinds: tuple[SubjectKind, ...]) -> list[Json]:
    initial = option(form.dataset_label or form.dataset, form.dataset) if form.dataset else None
    dataset = type_ahead(DATASET, initial=initial, placeholder="Type a part of its name")
    levels = [
        option("Read", Level.READ.value, "See and copy the data"),
        option("Write", Level.WRITE.value, "Also change and delete it"),
    ]
    level = radio("access_form:level", levels, initial=levels[0 if form.level is Level.READ else 1])
    blocks = [
        input_block("dataset", "Dataset", dataset, dispatch=True),
        input_block("level", "Level", level, dispatch=True),
    ]
    whom = [option("Me", Whom.ME.value)] if form.initiative is Initiative.ASK or form.whom is Whom.ME else []
    whom += [option(_capital(KINDS[kind]), kind.value) for kind in kinds]
    values = [each["value"] for each in whom]
    picked = whom[values.index(form.whom)] if form.whom in values else whom[0]
    blocks.append(input_block("whom", "For whom", radio("access_form:whom", whom, initial=picked), dispatch=True))
    match Whom(picked["value"]):
        case Whom.USER:
            person = user_select("access_form:colleague", initial=form.colleague, placeholder="Choose a person")
            blocks.append(input_block("colleague", "Colleague", person, dispatch=True))
        case Whom.GROUP:
            blocks.append(_principal("group", "Entra group", GROUP, form.group, form.group_name))
        case Whom.SERVICE_PRINCIPAL:
            label = "Service principal or managed identity"
            blocks.append(_principal("principal", label, PRINCIPAL, form.principal, form.principal_name))
        case Whom.ME:
            pass
    return blocks


def _principal(block: str, label: str, action: str, chosen: str, name: str) -> Json:
    initial = option(name or chosen, chosen) if chosen else None
    element = type_ahead(action, initial=initial, placeholder="Type how its name begins", min_query=2)
    return input_block(block, label, element, dispatch=True)


def _fixed(form: RequestForm, me: str) -> list[Json]:
    subject = form.subject(me)
    whom = md(" of {}", subject_phrase(subject)) if subject is not None else Mrkdwn("")
    said = md("Keep the *{}* access{} to {} for longer.", form.level.value, whom, dataset_name(form.dataset_label))
    return [section(said)]


def _emergency(form: RequestForm, terms: Terms | None) -> list[Json]:
    if form.is_fixed or not (form.emergency or (terms is not None and terms.emergency_longest is not None)):
        return []
    box = option(
        "This is an emergency: give it now, without asking",
        "emergency",
        "Everyone concerned is told at once; it is reviewed.",
    )
    blocks = [
        input_block(
            "emergency",
            "Emergency",
            checkboxes("access_form:emergency", [box], initial=[box] if form.emergency else ()),
            optional=True,
            dispatch=True,
        )
    ]
    if form.emergency:
        typed = text_input("typed_name_text", initial=form.typed_name, max_length=_LONGEST_NAME)
        blocks.append(
            input_block(
                "typed_name",
                "Type the dataset's name to confirm",
                typed,
                hint=truncate(form.dataset_label, 300) or None,
            )
        )
    return blocks


def _offer_blocks(form: RequestForm, offered: Offered) -> list[Json]:
    """What would happen: who decides, what it opens, what is there already."""
    if offered.loading:
        return [context("Looking up who decides and what it opens …")]
    if offered.problem:
        return [section(md(":warning: {}", told(truncate(offered.problem, 1000))))]
    offer = offered.offer
    if offer is None:
        return [context("Choose the dataset and for whom, and you see here who decides and what it opens.")]
    blocks = _deciders(form, offer)
    blocks += _plan(offer)
    if offer.identity_problem:
        blocks.append(section(md(":warning: {}", told(truncate(offer.identity_problem, 1000)))))
    elif offer.principal is not None and offer.principal.login:
        login = code(offer.principal.login, 200)
        blocks.append(context(md("Entra identity: {} ({})", truncate(offer.principal.name, 200), login)))
    if offer.has:
        blocks.append(section(md("*There already*\n{}", held_phrase(offer.has))))
    elif offer.reach is not None and offer.reach.is_yes:
        blocks.append(section(md(":information_source: {}", truncate(offer.reach.why, 400))))
    if offer.pending is not None:
        since = md("There is an open request already, by {}", mention(offer.pending.requester))
        blocks.append(section(md(":hourglass_flowing_sand: {}, {}.", since, when(offer.pending.created_at))))
    return blocks


def _deciders(form: RequestForm, offer: Offer) -> list[Json]:
    """Who decides, or why nobody will."""
    decision = offer.decision
    if decision.outcome is Outcome.REFUSE:
        return [section(md(":no_entry: {}", told(truncate(decision.explanation, 1000))))]
    if not offer.plan.possible:
        return []  # nobody is asked for what does not exist
    if form.emergency:
        reviewers = people(decision.terms.reviewers if decision.terms else (), "the admins of this bot")
        said = md(":rotating_light: *Given at once.* Told now, and asked to review it afterwards: {}", reviewers)
        return [section(said)]
    return [section(md("*Who decides*\n{}", who_decides(decision)))]


def _plan(offer: Offer) -> list[Json]:
    plan = offer.plan
    if not plan.possible:
        said = [md(":no_entry: {}", told(truncate(plan.why_not, 1000)))]
        if plan.instead:
            said.append(md("Instead: {}", told(truncate(plan.instead, 1000))))
        return [section(lines(said))]
    blocks = [section(md("*What it opens*\n{}", bullets(plan.opens)))] if plan.opens else []
    if plan.warnings:
        blocks.append(section(lines(md(":warning: {}", told(truncate(each, 400))) for each in plan.warnings[:5])))
    if plan.takes:
        blocks.append(context(f"It takes {plan.takes} until it works everywhere."))
    return blocks


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
