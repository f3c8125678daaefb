"""Who may do what with a dataset, as long as the workspace has no access policy: pure functions, told in
sentences.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.actor import Actor
from services.datasets.model import Dataset
from services.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Permission:
    """allowed, or a sentence saying who may."""

    allowed: bool
    sentence: str = ""

    def require(self) -> None:
        """Raises NotAllowed with the sentence."""
        if not self.allowed:
            raise NotAllowed(self.sentence)


ALLOWED = Permission(True)


def may_curate(actor: Actor, dataset: Dataset) -> Permission:
    """Tags, description, deprecation: the owner, an admin, or anybody while nobody owns the dataset."""
    if actor.is_admin or dataset.owner in {"", actor.user_id}:
        return ALLOWED
    return Permission(
        False, f"Only the owner of “{dataset.name}” or an admin of this bot may change it. Ask the owner."
    )


def may_take_ownership(actor: Actor, dataset: Dataset, owner: str) -> Permission:
    """Owner and admins hand a dataset to anybody; one without an owner may be taken by anybody for
    themselves.
    """
    if actor.is_admin or dataset.owner == actor.user_id:
        return ALLOWED
    if dataset.owner:
        return Permission(
            False,
            f"Only the owner of “{dataset.name}” or an admin of this bot may hand it over. Ask the owner.",
        )
    if owner == actor.user_id:
        return ALLOWED
    return Permission(
        False,
        f"Nobody owns “{dataset.name}” yet: you can take it yourself, "
        "but only an admin of this bot may give it to somebody else.",
    )


def may_preview(actor: Actor, dataset: Dataset) -> Permission:
    """In a workspace without an access policy every full member reads the data; others never get as far as
    here.
    """
    if actor.user_id:
        return ALLOWED
    return Permission(False, f"Only members of this workspace may look into “{dataset.name}”.")


def may_manage_datastores(actor: Actor) -> Permission:
    """Registering a datastore and choosing the default one: admins only."""
    if actor.is_admin:
        return ALLOWED
    return Permission(False, "Only an admin of this bot may register datastores or choose the default one.")
