"""`/dataset drift [NAME]` and `/dataset digest`: a dataset's monitors, what is open, and a channel's digest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from handlers.blockkit import section
from handlers.call import Call, Run
from handlers.datasets.naming import dataset_command
from handlers.datasets.refs import single_ref
from handlers.grammar import Token
from handlers.message import Message
from handlers.monitors.list_view import monitors_message, open_incidents_message
from handlers.text import md
from services.errors import InvalidInput
from services.monitors.model import DigestPeriod

_PERIODS = {"daily": DigestPeriod.DAILY, "weekly": DigestPeriod.WEEKLY, "off": DigestPeriod.NONE}
_TOLD = {
    DigestPeriod.DAILY: "This channel gets a digest of its open incidents daily at 09:00 ({}).",
    DigestPeriod.WEEKLY: "This channel gets a digest of its open incidents on Mondays at 09:00 ({}).",
    DigestPeriod.NONE: "This channel gets no digest.",
}


def bind_drift(tokens: Sequence[Token]) -> Run:
    """`[NAME]`: its monitors; without a name what is open in the workspace."""
    ref = single_ref(tokens)
    return list_open if ref is None else partial(list_monitors, name=ref.name)


async def list_monitors(call: Call, name: str) -> None:
    """Answer with a dataset's monitors. Raises NotFound."""
    cards = await call.services.monitors.monitors_of(call.caller.actor, name)
    found = cards[0].monitor.dataset if cards else name
    await call.answer(monitors_message(found, cards), share=dataset_command("drift", found) if cards else "")


async def list_open(call: Call) -> None:
    """Answer with what is open."""
    await call.answer(open_incidents_message(await call.services.incidents.open_incidents()))


def bind_digest(tokens: Sequence[Token]) -> Run:
    """`[daily|weekly|off]`: set, or say what is set."""
    if len(tokens) > 1 or (tokens and tokens[0].text.lower() not in _PERIODS):
        raise InvalidInput("Write daily, weekly or off, as in /dataset digest daily.")
    return partial(digest, period=_PERIODS[tokens[0].text.lower()] if tokens else None)


async def digest(call: Call, period: DigestPeriod | None) -> None:
    """Set how often the channel where this was typed gets a digest, or say how often it does."""
    channel = call.reply.channel_id
    incidents = call.services.incidents
    if period is None:
        found, zone = await incidents.digest_of(channel)
    else:
        found, zone = period, call.caller.tz
        if period is not DigestPeriod.NONE:
            await call.shared_channels.require_internal(call.client, channel)
        await incidents.set_digest(channel, period, zone)
    said = md(_TOLD[found], zone) if found is not DigestPeriod.NONE else md(_TOLD[found])
    await call.answer(Message(text=said, blocks=(section(said),)))
