"""Who may do what with monitors and incidents: pure functions, told in sentences."""

from __future__ import annotations

from services.actor import Actor
from services.datasets.model import Dataset
from services.datasets.rules import ALLOWED, Permission
from services.monitors.incidents import Act, Incident
from services.monitors.model import Monitor

_FOR_EVERYBODY = frozenset({Act.ACKNOWLEDGE, Act.ASSIGN})
"""Taking notice of an incident and taking it on is open to every member; ending or muting it is not."""


def may_change(actor: Actor, monitor: Monitor, dataset: Dataset | None) -> Permission:
    """Edit, pause, delete, run: who made the monitor, who owns the dataset, or an admin. dataset: None if gone."""
    if not actor.user_id:
        return Permission(False, "Only members of this workspace may change monitors.")
    owner = dataset.owner if dataset is not None else ""
    if actor.is_admin or actor.user_id in {monitor.created_by, owner}:
        return ALLOWED
    return Permission(
        False, f"Only who made this monitor, the owner of “{monitor.dataset}” or an admin of this bot may do that."
    )


def may_act(actor: Actor, act: Act, incident: Incident, monitor: Monitor, dataset: Dataset | None) -> Permission:
    """Acknowledge and assign: every member. The rest: who may change the monitor, is mentioned by it or assigned."""
    if actor.user_id and act in _FOR_EVERYBODY:
        return ALLOWED
    if actor.user_id and act is not Act.ACCEPT and actor.user_id in {incident.assignee, monitor.draft.mention}:
        return ALLOWED
    permission = may_change(actor, monitor, dataset)
    if permission.allowed or not actor.user_id:
        return permission
    return Permission(
        False,
        f"Only who made the monitor, the owner of “{monitor.dataset}” or an admin may do that"
        + ("." if act is Act.ACCEPT else ", or to whom the incident is assigned: assign it to yourself first."),
    )
