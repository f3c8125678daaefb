"""`/dataset access` and `/dataset grant`: opening the form, drawing what follows from it, and its submission."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.access.own_view import sent_view
from handlers.access.request_form import RequestForm, for_subject, shown_blocks
from handlers.access.request_view import CALLBACK, CHANGES, DATASET, GROUP, PRINCIPAL, Offered, request_view, title_of
from handlers.access.request_words import read_wish
from handlers.blockkit import OPTIONS, option
from handlers.call import Call, Run, call_from
from handlers.context import Services
from handlers.datasets.naming import dataset_key, name_of_key
from handlers.datasets.refs import REFINE, dataset_options
from handlers.grammar import Token
from handlers.message import Json
from handlers.working import GONE, work_over_form
from services.access.model import Grant, Initiative, SubjectKind
from services.access.offer import Wish
from services.datasets.model import Problem
from services.errors import InvalidInput, NotFound, Unavailable, UserError
from services.jobs import Pool

log = structlog.get_logger(__name__)

AT_ONCE_SECONDS = 0.7
"""How long opening waits for the offer; a form without it fills itself a moment later."""

PROBLEMS_SECONDS = 1.2
"""How long a submission waits to tell problems beside their fields; Slack waits three seconds."""

SUGGEST_SECONDS = 2.0
"""How long a type-ahead over Entra waits; Slack waits three seconds."""

FORMS = 500

Suggest = Callable[[AsyncAck, Json, AsyncBoltContext], Awaitable[None]]
"""Answers a type-ahead. Bolt passes arguments by their names: ack, body, context."""


def bind_access(tokens: Sequence[Token]) -> Run:
    """`[NAME] [@who] [read|write] [7d]`: the form, filled in with what was typed."""
    return partial(open_request, form=read_wish(tokens, Initiative.ASK))


def bind_grant(tokens: Sequence[Token]) -> Run:
    """`[NAME] [@who] [read|write] [7d]`: the same form for giving access."""
    return partial(open_request, form=read_wish(tokens, Initiative.GIVE))


async def open_request(call: Call, form: RequestForm) -> None:
    """Open the form at once; what takes longer than a moment to find out is drawn into it later.

    Raises NotFound for a dataset that does not exist, with names that may have been meant.
    """
    form = replace(form, channel=form.channel or call.reply.channel_id)
    offered = await _offered_soon(call, form)
    me = call.caller.user_id
    view = await call.opened_view(request_view(form, offered, me))
    if offered.loading:
        call.start(
            Pool.CATALOG, "access offer", partial(_draw_offer, view_id=view["id"], view_hash=view["hash"], form=form)
        )


async def open_extension(call: Call, grant: Grant) -> None:
    """The form for keeping what is there for longer."""
    form = RequestForm(
        dataset=dataset_key(grant.dataset),
        dataset_label=grant.dataset,
        level=grant.level,
        seconds=int(grant.duration.total_seconds()),
        extends=grant.id,
    )
    await open_request(call, for_subject(form, grant.subject, call.caller.user_id))


async def _offered_soon(call: Call, form: RequestForm) -> Offered:
    try:
        async with asyncio.timeout(AT_ONCE_SECONDS):
            return await offered_for(call, form, tell_missing=True)
    except TimeoutError:
        return Offered(call.services.access.subject_kinds, loading=True)


async def offered_for(call: Call, form: RequestForm, *, tell_missing: bool = False) -> Offered:
    """What the service offers for the form as it is, or why it cannot. tell_missing: raise NotFound."""
    access = call.services.access
    kinds = access.subject_kinds
    try:
        wish = await wish_of(call, form)
        if wish is None:
            return Offered(kinds)
        # However long: what is chosen now may not be offered once the terms are known.
        return Offered(kinds, await access.offer(call.caller.actor, replace(wish, duration=timedelta())))
    except NotFound as error:
        if tell_missing:
            raise
        return Offered(kinds, problem=error.sentence)
    except UserError as error:
        return Offered(kinds, problem=error.sentence)


async def wish_of(call: Call, form: RequestForm) -> Wish | None:
    """What the form means; None while it misses dataset or subject. Raises UserError when the dataset is gone."""
    if not form.dataset or form.dataset == REFINE:
        return None
    return form.wish(call.caller.user_id, await name_of_key(form.dataset, call.services.datasets))


async def _draw_offer(call: Call, view_id: str, view_hash: str, form: RequestForm) -> None:
    """Into a form that was opened without it; one that was changed meanwhile is drawn by that change."""
    await _update(call, view_id, view_hash, form)


async def _update(call: Call, view_id: str, view_hash: str, form: RequestForm) -> bool:
    """Draw the form with its offer. False when it changed in between; a closed one is left alone."""
    view = request_view(form, await offered_for(call, form), call.caller.user_id)
    try:
        await call.client.views_update(view_id=view_id, hash=view_hash or None, view=view)
    except SlackApiError as error:
        code = error.response["error"]
        if code == "hash_conflict":
            return False
        if code not in GONE:
            raise
    return True


@dataclass(slots=True)
class _Open:
    """A form that is being changed: how often it was, and one drawing at a time."""

    changes: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RequestForms:
    """The listeners of the form. They share which change of a form is its newest."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Open] = OrderedDict()

    def attach(self, app: AsyncApp) -> None:
        """Listen to the form."""
        app.action(re.compile(CHANGES))(self.on_change)
        app.options(DATASET)(on_suggest_dataset)
        app.options(GROUP)(suggests(SubjectKind.GROUP))
        app.options(PRINCIPAL)(suggests(SubjectKind.SERVICE_PRINCIPAL))
        app.view(CALLBACK)(on_submit)

    async def on_change(self, ack: AsyncAck, body: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
        """Another dataset, level or subject: who decides and what it opens may be different now."""
        await ack()
        call, view = call_from(body, context, client), body["view"]
        form, known = RequestForm.parse(view), self._known(view["id"])
        known.changes += 1
        change = known.changes

        async def draw(call: Call) -> None:
            async with known.lock:
                if change != known.changes:
                    return  # a newer change draws it
                if not await _update(call, view["id"], str(view.get("hash") or ""), form) and change == known.changes:
                    # Drawn for an earlier click after this one was made; this one knows all that was typed.
                    log.info("request_form_hash_conflict", view=view["id"])
                    await _update(call, view["id"], "", form)

        try:
            call.start(Pool.CATALOG, "access form", draw)
        except UserError as error:
            await call.tell_soon(error)

    def _known(self, view_id: str) -> _Open:
        known = self._open.setdefault(view_id, _Open())
        self._open.move_to_end(view_id)
        while len(self._open) > FORMS:
            self._open.popitem(last=False)
        return known


async def on_submit(ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """The form submitted: problems beside their fields, else ask in the background and say what happens next."""
    call = call_from(body, context, client)
    form, shown = RequestForm.parse(view), shown_blocks(view)
    duration = next((block for block in shown if block.startswith("seconds:")), "reason")

    def errors(problems: tuple[Problem, ...]) -> dict[str, str]:
        return form.errors(problems, shown, duration)

    problems = await _problems(call, form)
    if problems:
        await ack(response_action="errors", errors=errors(problems))
        return
    key = submission_key(view["id"], form)
    access = call.services.access

    async def work() -> Json:
        wish = await wish_of(call, form)
        if wish is None:
            raise InvalidInput("Choose a dataset and for whom the access is.", field="dataset")
        request = await access.submit(call.caller.actor, wish, key=key)
        return sent_view(await access.card(request.id))

    await work_over_form(
        call,
        ack,
        pool=Pool.CATALOG,
        name="request access",
        title=title_of(form),
        sentence=f"Asking for access to “{form.dataset_label}”"
        if form.initiative is Initiative.ASK
        else "Giving access",
        work=work,
        errors=errors,
    )


def submission_key(view_id: str, form: RequestForm) -> str:
    """The same for one submission delivered twice; another one for another form or other content."""
    content = json.dumps([view_id, form.values()], sort_keys=True)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:40]


async def _problems(call: Call, form: RequestForm) -> tuple[Problem, ...]:
    """What can be told at once beside the fields. What takes longer is found when it is asked."""
    if not form.dataset or form.dataset == REFINE:
        return (Problem("dataset", "Type more of the name and choose a dataset."),)
    found: list[Problem] = []
    if form.subject(call.caller.user_id) is None:
        found.append(Problem("subject", "Choose for whom the access is."))
    try:
        name = await name_of_key(form.dataset, call.services.datasets)
        if form.emergency and form.typed_name.strip() != name:
            found.append(Problem("emergency", f"Type the name of the dataset, “{name}”, to confirm the emergency."))
        wish = form.wish(call.caller.user_id, name)
        if wish is not None:
            async with asyncio.timeout(PROBLEMS_SECONDS):
                found += await call.services.access.problems(call.caller.actor, wish)
    except TimeoutError:
        log.info("access_problems_late")
    except NotFound as error:
        found.append(Problem("dataset", error.sentence))
    except Unavailable as error:
        log.info("access_problems_unknown", code=error.code)  # submitting tells it, with a way back to the form
    except UserError as error:
        found.append(Problem(error.field or "dataset", error.sentence))
    return tuple(found)


async def on_suggest_dataset(ack: AsyncAck, body: Json, context: AsyncBoltContext) -> None:
    """Type-ahead over the datasets, from the local index."""
    await ack(options=await dataset_options(context["services"], str(body.get("value") or "")))


def suggests(kind: SubjectKind) -> Suggest:
    """Type-ahead over Entra's groups, or its service principals."""

    async def on_suggest(ack: AsyncAck, body: Json, context: AsyncBoltContext) -> None:
        services: Services = context["services"]
        words = str(body.get("value") or "").strip()
        options: list[Json] = []
        try:
            async with asyncio.timeout(SUGGEST_SECONDS):
                found = await services.access.search_principals(kind, words)
            options = [option(each.name or each.object_id, each.object_id, each.login or None) for each in found]
        except (UserError, TimeoutError) as error:
            # The menu says that nothing matches; there is no place for more.
            log.warning("principals_not_searched", kind=kind.value, error=repr(error))
        await ack(options=options[:OPTIONS])

    return on_suggest
