"""Who may do what with a dataset, as long as the workspace has no access policy: pure functions, told in
sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from services.actor import Actor
from services.datasets.model import Dataset, Source, WebSource
from services.datasets.open_datasets import PUBLIC_HOSTS
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


def may_preview(actor: Actor, name: str, source: Source, *, in_azure: bool) -> Permission:
    """Rows and values are shown to people whose own access lets them read the data.

    In a local workspace every full member reads the data; others never get as far as here. In Azure access is the
    storage's: the bot reads with its own identity, and as long as it does not know who a Slack person is in Azure, it
    cannot tell what they may read. Owner and registrar prove nothing: anybody may register any path that the bot can
    read and becomes both. So rows go to the bot's admins, whom the bot's operators named, and to everybody only where
    everybody may read: Azure Open Datasets.
    """
    if not actor.user_id:
        return Permission(False, f"Only members of this workspace may look into “{name}”.")
    if not in_azure or actor.is_admin or _is_public(source):
        return ALLOWED
    return Permission(
        False,
        f"I cannot tell what you may read in Azure yet, so I show rows of “{name}” to admins of this bot only. "
        "With access of your own, the code of “Use” shows them to you.",
    )


def _is_public(source: Source) -> bool:
    """Does everybody on the internet read this? Other addresses may be reachable from the bot's network alone."""
    return isinstance(source, WebSource) and {urlsplit(url).hostname for url in source.urls} <= PUBLIC_HOSTS


def may_manage_datastores(actor: Actor) -> Permission:
    """Registering a datastore and choosing the default one: admins only."""
    if actor.is_admin:
        return ALLOWED
    return Permission(False, "Only an admin of this bot may register datastores or choose the default one.")
