"""Open incidents in the App Home: of datasets that the person owns or watches, and those they took on."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.blockkit import context, divider, section
from handlers.datasets.naming import command_button, dataset_command
from handlers.message import Json
from handlers.monitors.phrases import brief_problems, headline, mark, name_of
from handlers.text import lines, md, mention, when
from services.monitors.incidents import Incident

SHOWN = 6


def incident_blocks(incidents: Sequence[Incident]) -> list[Json]:
    """The worst first; nothing for a person whom no incident concerns."""
    if not incidents:
        return []
    blocks = [divider(), section(md("*Open incidents*"))]
    blocks += [_incident(each, number) for number, each in enumerate(incidents[:SHOWN])]
    if len(incidents) > SHOWN:
        blocks.append(context(f"and {len(incidents) - SHOWN:,} more"))
    return blocks


def _incident(incident: Incident, number: int) -> Json:
    head = md("{} {} · {}", mark(incident), name_of(incident.target or incident.dataset), headline(incident).lower())
    said = [head, brief_problems(incident.problems)]
    since = md("Since {}", when(incident.opened_at))
    said.append(md("{}, assigned to {}", since, mention(incident.assignee)) if incident.assignee else since)
    command = dataset_command("drift", incident.dataset)
    return section(lines(said), accessory=command_button("Open", f"run:drift:{number}", command))
