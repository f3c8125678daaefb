"""What is told of incidents, and under which keys: each thing once, whatever is killed.

An incident has one message in each of its places, redrawn with every revision. The first place also gets a reply in
the thread for each loud effect. Many incidents at once share a summary, in whose thread their messages are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import JsonValue

from services.monitors.incidents import Effect, Incident, News
from services.monitors.model import Destination, Detail, Monitor
from services.monitors.ports import Digest
from services.outbox import Action, Notice

INCIDENT = "monitor.incident"
BRIEF = "monitor.brief"
REPLY = "monitor.reply"
SUMMARY = "monitor.summary"
DIGEST = "monitor.digest"
TOLD = "monitor.told"

KINDS = (INCIDENT, BRIEF, REPLY, SUMMARY, DIGEST, TOLD)
"""Every kind of notice that handlers draw; see docs/drift.md for their arguments."""


def message_key(incident_id: str, to: str) -> str:
    """Key of the message of an incident in one of its places."""
    return f"incident:{incident_id}:{to}"


def summary_key(channel: str, began: datetime) -> str:
    """Key of the summary of many incidents that were opened in a channel from a moment on."""
    return f"incidents:{channel}:{int(began.timestamp())}"


def told(
    incident: Incident,
    effect: Effect,
    *,
    mention: str,
    not_before: datetime | None = None,
    details: Mapping[str, JsonValue] | None = None,
) -> tuple[Notice, ...]:
    """All that an effect of an incident puts before people. incident: as it is after it, its places decided.

    mention: whom to mention if the effect asks for it. details: facts of this news that the incident may lose.
    """
    first = not _has_message(incident, effect)
    notices = []
    for place in incident.places:
        key, kind = message_key(incident.id, place.to), INCIDENT if place.detail is Detail.FULL else BRIEF
        args: dict[str, JsonValue] = {"incident": incident.id}
        if first:
            if effect.mention and mention and place.detail is Detail.FULL:
                args["mention"] = mention
            of = incident.thread if incident.thread != key and place == incident.places[0] else ""
            notices.append(Notice(key, key, kind, to=place.to, of=of, args=args, not_before=not_before))
        else:
            edit = f"{key}:{incident.revision}"
            notices.append(Notice(edit, key, kind, action=Action.UPDATE, of=key, args=args, not_before=not_before))
    if not first and effect.loud and incident.places:
        notices.append(_reply(incident, effect, mention, not_before, details or {}))
    if incident.thread.startswith("incidents:"):
        notices.append(_summary_redrawn(incident))
    return tuple(notices)


def summary(incident: Incident, key: str) -> Notice:
    """The summary's own message; a second one of the same key is not told."""
    return Notice(key, key, SUMMARY, to=incident.places[0].to, args={"thread": key})


def digest(due: Digest) -> Notice:
    """A channel's list of open incidents."""
    key = f"digest:{due.channel}:{int(due.slot.timestamp())}"
    return Notice(key, key, DIGEST, to=due.channel, args={"channel": due.channel, "since": due.since.isoformat()})


def place_of(notice: Notice) -> str:
    """The conversation or person that a notice of monitors is for; of an update, where its message stands."""
    if notice.to:
        return notice.to
    return notice.of.split(":")[1] if notice.of.startswith("incidents:") else notice.of.rpartition(":")[2]


def could_not_be_told(monitor: Monitor, incident: Incident, to: str, place: str, error: str) -> tuple[Notice, ...]:
    """A person is told that a monitor's messages do not arrive in a place, and of the incident itself.

    incident: with its places as they are now, that person's among them. Whom it is told already is not told again.
    """
    key = f"monitor:{monitor.id}:{place}:{error}:{monitor.revision}"
    args: dict[str, JsonValue] = {"event": "undelivered", "monitor": monitor.id, "place": place, "error": error}
    own = message_key(incident.id, to)
    kind = INCIDENT if to == incident.places[0].to else BRIEF
    return (
        Notice(key, key, TOLD, to=to, args=args),
        Notice(own, own, kind, to=to, args={"incident": incident.id}),
    )


def moved(places: Sequence[Destination], gone: str, to: str) -> tuple[Destination, ...]:
    """An incident's places when one of them takes no messages any more and a person stands in for it."""
    names = dict.fromkeys(to if place.to == gone else place.to for place in places)
    return tuple(Destination(name, Detail.BRIEF if number else Detail.FULL) for number, name in enumerate(names))


def _has_message(incident: Incident, effect: Effect) -> bool:
    return effect.news not in {News.SUSPECTED, News.DETECTED} or incident.revision > 1


def _reply(
    incident: Incident, effect: Effect, mention: str, not_before: datetime | None, details: Mapping[str, JsonValue]
) -> Notice:
    to = incident.places[0].to
    args: dict[str, JsonValue] = {
        "incident": incident.id,
        "news": effect.news.value,
        "run": incident.run_id,
        "revision": incident.revision,
        "baseline": incident.baseline,
        "target": incident.target,
        "level": round(incident.level, 4),
        **details,
    }
    if effect.mention and mention:
        args["mention"] = mention
    key = f"incident:{incident.id}:news:{incident.revision}"
    return Notice(key, message_key(incident.id, to), REPLY, to=to, of=incident.thread, args=args, not_before=not_before)


def _summary_redrawn(incident: Incident) -> Notice:
    key = f"{incident.thread}:{incident.id}:{incident.revision}"
    return Notice(
        key, incident.thread, SUMMARY, action=Action.UPDATE, of=incident.thread, args={"thread": incident.thread}
    )
