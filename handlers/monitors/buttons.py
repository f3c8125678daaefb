"""The buttons of monitors and incidents. Each carries an id alone; who may press it is asked when it is pressed."""

from __future__ import annotations

from handlers.blockkit import BUTTON_VALUE, button, confirm, numbered
from handlers.datasets.naming import dataset_key
from handlers.message import Json
from handlers.text import md, truncate
from services.monitors.incidents import Incident, Subject
from services.monitors.model import Monitor

CREATE, EDIT, COPY, HISTORY = "monitor:create", "monitor:edit", "monitor:copy", "monitor:history"
RUN, PAUSE, RESUME, DELETE = "monitor:run", "monitor:pause", "monitor:resume", "monitor:delete"
ACKNOWLEDGE, ASSIGN, SNOOZE, WAKE = "incident:acknowledge", "incident:assign", "incident:snooze", "incident:wake"
RESOLVE, ACCEPT, REOPEN, DETAILS = "incident:resolve", "incident:accept", "incident:reopen", "incident:details"
RUN_AGAIN, STUDIO = "incident:run", "incident:studio"


def create_button(dataset: str, text: str = "New monitor", *, style: str | None = None) -> Json:
    """Open the form of a new monitor."""
    return button(text, CREATE, dataset_key(dataset)[:BUTTON_VALUE], style=style, label=f"New monitor of {dataset}")


def monitor_buttons(monitor: Monitor, number: int | None = None) -> list[Json]:
    """What can be done with a monitor."""
    label = truncate(monitor.label, 40)
    gone = confirm(
        "Delete this monitor?",
        md("{} is not watched by it any more, and its open incidents end.", truncate(monitor.label, 150)),
        "Delete",
        danger=True,
    )
    turn = (
        button("Resume", numbered(RESUME, number), monitor.id, label=f"Resume {label}")
        if monitor.paused
        else button("Pause", numbered(PAUSE, number), monitor.id, label=f"Pause {label}")
    )
    return [
        button("Run now", numbered(RUN, number), monitor.id, label=f"Run {label} now"),
        button("History", numbered(HISTORY, number), monitor.id, label=f"History of {label}"),
        button("Edit", numbered(EDIT, number), monitor.id, label=f"Edit {label}"),
        turn,
        button("Duplicate", numbered(COPY, number), monitor.id, label=f"Duplicate {label} to another dataset"),
        button("Delete", numbered(DELETE, number), monitor.id, style="danger", confirm=gone, label=f"Delete {label}"),
    ]


def incident_buttons(incident: Incident, studio_url: str | None) -> list[Json]:
    """What can be done with an incident as it is now."""
    if not incident.is_open:
        return [
            button("Details", DETAILS, incident.id, label="Details of the comparison"),
            button("Reopen", REOPEN, incident.id, label="Reopen the incident"),
            *_studio(studio_url),
        ]
    row = []
    if not incident.acknowledged_by:
        row.append(button("Acknowledge", ACKNOWLEDGE, incident.id, style="primary", label="Acknowledge the incident"))
    row.append(button("Assign…", ASSIGN, incident.id, label="Assign the incident"))
    if incident.snooze is None:
        row.append(button("Snooze…", SNOOZE, incident.id, label="Snooze the incident"))
    else:
        row.append(button("Wake up", WAKE, incident.id, label="End the snooze"))
    row.append(button("Resolve…", RESOLVE, incident.id, label="Resolve the incident, with a reason"))
    if incident.subject is Subject.DATA:
        if incident.target_version:
            row.append(_accept_button(incident))
        row.append(button("Details", DETAILS, incident.id, label="All columns with their distributions"))
    row.append(button("Run again", RUN_AGAIN, incident.id, label="Compare again now"))
    return [*row, *_studio(studio_url)]


def _accept_button(incident: Incident) -> Json:
    asked = confirm(
        "Accept as new baseline?",
        md(
            "{} becomes what is normal. The incident ends, and later versions are compared with what follows it.",
            truncate(incident.target, 100),
        ),
        "Accept",
    )
    return button("Accept as baseline", ACCEPT, incident.id, confirm=asked, label="Accept as the new baseline")


def _studio(url: str | None) -> list[Json]:
    return [button("Open in studio", STUDIO, url=url, label="Open the version in the studio")] if url else []
