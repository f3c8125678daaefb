"""Who may do what with a dataset, as long as the workspace has no access policy: pure functions, told in
sentences.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.actor import Actor
from services.datasets.model import Dataset, Source, WebSource
from services.datasets.open_datasets import PUBLIC_HOSTS
from services.errors import NotAllowed

NO_ACCESS = "no_access"
"""Code of the NotAllowed that a person can change by asking for access."""

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


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


def is_public(source: Source) -> bool:
    """Does everybody on the internet read this? Other addresses may be reachable from the bot's network alone."""
    return isinstance(source, WebSource) and {urlsplit(url).hostname for url in source.urls} <= PUBLIC_HOSTS


def ask_for_access(name: str) -> str:
    """The sentence that names the command with which somebody asks for access to a dataset."""
    word = name if _PLAIN_NAME.fullmatch(name) else '"' + name.replace('"', "'") + '"'
    return f"Ask for access with “/dataset access {word}”."


def may_manage_datastores(actor: Actor) -> Permission:
    """Registering a datastore and choosing the default one: admins only."""
    if actor.is_admin:
        return ALLOWED
    return Permission(False, "Only an admin of this bot may register datastores or choose the default one.")
