"""The buttons of incidents: acknowledge, assign, snooze, resolve, accept, reopen, details, run again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers import pressed
from handlers.blockkit import context as small_print
from handlers.blockkit import input_block, modal, option, radio, section, user_select
from handlers.call import Call, call_from
from handlers.datasets.owners import require_member
from handlers.message import Json
from handlers.monitors import buttons
from handlers.monitors.actions import RUN_SECONDS, follow
from handlers.monitors.details_view import TITLE as DETAILS_TITLE
from handlers.monitors.details_view import details_view
from handlers.monitors.phrases import compared_phrase, headline, name_of, snooze_phrase
from handlers.packed import pack, unpack
from handlers.reason_form import ReasonForm, read_reason, reason_view
from handlers.text import Mrkdwn, lines, md, mention
from handlers.view_state import ViewState
from handlers.working import GONE, done_view, work_over_form
from services.datasets.model import Problem
from services.errors import NotFound
from services.jobs import Pool
from services.monitors.incidents import Act, Incident, SnoozeKind
from services.monitors.views import IncidentView, SnoozePreview

TITLE = "Incident"
ASSIGN_FORM, SNOOZE_FORM, SNOOZE_KIND = "incident_assign", "incident_snooze", "incident_snooze:kind"
RESOLVE = ReasonForm(
    callback="incident_resolve",
    title="Resolve incident",
    label="Why is it resolved?",
    hint="Stands in the incident's message. If the data drift again, a new run opens it again.",
    submit="Resolve",
)
AT_ONCE = {
    buttons.ACKNOWLEDGE: Act.ACKNOWLEDGE,
    buttons.WAKE: Act.WAKE,
    buttons.ACCEPT: Act.ACCEPT,
    buttons.REOPEN: Act.REOPEN,
}
"""Buttons that do one thing without asking further."""

SNOOZES = {
    "1d": ("For a day", SnoozeKind.UNTIL, timedelta(days=1)),
    "7d": ("For seven days", SnoozeKind.UNTIL, timedelta(days=7)),
    "version": ("Until the next version", SnoozeKind.NEXT_VERSION, None),
    "worse": ("Until it is worse than now", SnoozeKind.WORSE, None),
}


def attach(app: AsyncApp) -> None:
    """Listen to the buttons and their forms."""
    for action_id, act in AT_ONCE.items():
        app.action(action_id)(acts(act))
    app.action(buttons.ASSIGN)(on_assign)
    app.action(buttons.SNOOZE)(on_snooze)
    app.action(SNOOZE_KIND)(on_snooze_kind)
    app.action(buttons.RESOLVE)(on_resolve)
    app.action(buttons.DETAILS)(on_details)
    app.action(buttons.RUN_AGAIN)(on_run_again)
    app.action(buttons.STUDIO)(on_link)
    app.view(ASSIGN_FORM)(on_assigned)
    app.view(SNOOZE_FORM)(on_snoozed)
    app.view(RESOLVE.callback)(on_resolved)


def acts(act: Act) -> pressed.Listener:
    """A listener for a button that does one thing at once; the incident's message tells of it."""

    async def on_press(
        ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        await ack()

        async def run(call: Call) -> None:
            await call.services.incidents.act(call.caller.actor, pressed.value_of(action), act)
            await pressed.refresh_home(call, body)

        await pressed.start(call_from(body, context, client), body, Pool.CATALOG, f"{act} incident", run, title=TITLE)

    return on_press


async def on_link(ack: AsyncAck) -> None:
    """A button that is a link: Slack opens it by itself and tells us all the same."""
    await ack()


async def on_assign(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Assign was pressed: to whom?"""
    await ack()
    incident_id = pressed.value_of(action)

    async def run(call: Call) -> None:
        found = await pressed.soon(call.services.incidents.incident(incident_id))
        await call.open_view(assign_view(incident_id, found.incident if found else None, call.caller.user_id))

    await pressed.start(call_from(body, context, client), body, Pool.SLACK, "assign form", run, title=TITLE)


async def on_assigned(ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """The person was chosen."""
    call = call_from(body, context, client)
    incident_id, assignee = _about(view), ViewState.of(view).user("assignee")

    async def work() -> Json:
        if assignee:
            await require_member(call.client, assignee, to="take on an incident", field="assignee")
        found = await call.services.incidents.act(call.caller.actor, incident_id, Act.ASSIGN, assignee=assignee)
        said = (
            md("{} is assigned to {}.", name_of(found.incident.dataset), mention(assignee))
            if assignee
            else md("{} is assigned to nobody now.", name_of(found.incident.dataset))
        )
        return done_view("Assign incident", [section(said)])

    await work_over_form(
        call,
        ack,
        pool=Pool.CATALOG,
        name="assign incident",
        title="Assign incident",
        sentence="Assigning the incident",
        work=work,
        errors=lambda problems: {"assignee": _sentences(problems)},
    )


async def on_snooze(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Snooze was pressed: until when, with what each would mute."""
    await ack()
    incident_id = pressed.value_of(action)

    async def run(call: Call) -> None:
        preview = await pressed.soon(_preview(call, incident_id, "1d"))
        await call.open_view(snooze_view(incident_id, "1d", preview))

    await pressed.start(call_from(body, context, client), body, Pool.SLACK, "snooze form", run, title=TITLE)


async def on_snooze_kind(ack: AsyncAck, body: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Another choice: what it would mute."""
    await ack()
    view = body["view"]
    incident_id, choice = _about(view), _choice(view)

    async def run(call: Call) -> None:
        shown = snooze_view(incident_id, choice, await _preview(call, incident_id, choice))
        try:
            await call.client.views_update(view_id=view["id"], hash=view.get("hash"), view=shown)
        except SlackApiError as error:
            if error.response["error"] not in GONE | {"hash_conflict"}:
                raise

    await pressed.start(call_from(body, context, client), body, Pool.CATALOG, "snooze form", run, title=TITLE)


async def on_snoozed(ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Until when was chosen."""
    call = call_from(body, context, client)
    incident_id, (_, kind, span) = _about(view), SNOOZES[_choice(view)]

    async def work() -> Json:
        until = None if span is None else datetime.now(UTC) + span
        found = await call.services.incidents.act(call.caller.actor, incident_id, Act.SNOOZE, snooze=kind, until=until)
        said = md(":zzz: {} is snoozed {}.", name_of(found.incident.dataset), snooze_phrase(found.incident))
        return done_view("Snooze incident", [section(said)])

    await work_over_form(
        call,
        ack,
        pool=Pool.CATALOG,
        name="snooze incident",
        title="Snooze incident",
        sentence="Snoozing the incident",
        work=work,
        errors=lambda problems: {"kind": _sentences(problems)},
    )


async def on_resolve(
    ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient
) -> None:
    """Resolve was pressed: why?"""
    await ack()
    incident_id = pressed.value_of(action)

    async def run(call: Call) -> None:
        found = await pressed.soon(call.services.incidents.incident(incident_id))
        await call.open_view(reason_view(RESOLVE, incident_id, _which(found)))

    await pressed.start(call_from(body, context, client), body, Pool.SLACK, "resolve form", run, title=TITLE)


async def on_resolved(ack: AsyncAck, body: Json, view: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """The reason was given."""
    call = call_from(body, context, client)
    incident_id, reason = read_reason(view)

    async def work() -> Json:
        found = await call.services.incidents.act(call.caller.actor, incident_id, Act.RESOLVE, reason=reason)
        await pressed.refresh_home(call, body)
        said = md(":white_check_mark: The incident of {} is resolved.", name_of(found.incident.dataset))
        return done_view(RESOLVE.title, [section(said)])

    await work_over_form(
        call,
        ack,
        pool=Pool.CATALOG,
        name="resolve incident",
        title=RESOLVE.title,
        sentence="Resolving the incident",
        work=work,
        errors=RESOLVE.errors,
    )


async def on_details(
    ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient
) -> None:
    """All columns with their distributions, for who may read the data."""
    await ack()

    async def run(call: Call) -> None:
        async def made() -> Json:
            incidents = call.services.incidents
            run_id = (await incidents.incident(pressed.value_of(action))).incident.run_id
            return details_view(await incidents.details(call.caller.actor, run_id))

        await pressed.open_made(call, DETAILS_TITLE, made)

    await pressed.start(call_from(body, context, client), body, Pool.SLACK, "details", run, title=DETAILS_TITLE)


async def on_run_again(
    ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient
) -> None:
    """Compare again now."""
    await ack()

    async def run(call: Call) -> None:
        found = await call.services.incidents.incident(pressed.value_of(action))
        if found.monitor.deleted:
            raise NotFound("The monitor of this incident was deleted.")
        await follow(call, body, await call.services.monitors.run_now(call.caller.actor, found.monitor.id))

    call = call_from(body, context, client)
    await pressed.start(call, body, Pool.SLACK, "run again", run, title=TITLE, seconds=RUN_SECONDS)


def assign_view(incident_id: str, incident: Incident | None, me: str) -> Json:
    """To whom. me: who asks, chosen first while nobody has it."""
    chosen = incident.assignee if incident is not None and incident.assignee else me
    who = user_select("incident_assignee", initial=chosen, placeholder="Choose a person")
    blocks = [section(_what(incident))] if incident is not None else []
    blocks.append(
        input_block("assignee", "Who takes it", who, hint="Left empty, nobody has it any more.", optional=True)
    )
    return modal(ASSIGN_FORM, "Assign incident", blocks, submit="Assign", private_metadata=pack({"id": incident_id}))


def snooze_view(incident_id: str, choice: str, preview: SnoozePreview | None) -> Json:
    """Until when, and what that would mute."""
    options = [option(words, value) for value, (words, _, _) in SNOOZES.items()]
    initial = next(each for each in options if each["value"] == choice)
    kinds = radio(SNOOZE_KIND, options, initial=initial)
    blocks = [input_block("kind", "Snooze", kinds, dispatch=True)]
    if preview is not None:
        blocks.append(section(lines(preview.sentences)))
    else:
        blocks.append(small_print("Worse or other problems are told all the same."))
    return modal(SNOOZE_FORM, "Snooze incident", blocks, submit="Snooze", private_metadata=pack({"id": incident_id}))


async def _preview(call: Call, incident_id: str, choice: str) -> SnoozePreview:
    _, kind, span = SNOOZES[choice]
    until = None if span is None else datetime.now(UTC) + span
    return await call.services.incidents.snooze_preview(incident_id, kind, until)


def _choice(view: Json) -> str:
    choice = ViewState.of(view).choice("kind")
    return choice if choice in SNOOZES else "1d"


def _about(view: Json) -> str:
    return str(unpack(str(view.get("private_metadata") or "")).get("id") or "")


def _which(found: IncidentView | None) -> Mrkdwn:
    return Mrkdwn("") if found is None else _what(found.incident)


def _what(incident: Incident) -> Mrkdwn:
    return md("*{}*: {}", headline(incident), compared_phrase(incident))


def _sentences(problems: tuple[Problem, ...]) -> str:
    return " ".join(dict.fromkeys(problem.sentence for problem in problems))
