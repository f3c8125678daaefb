"""Who is shown rows and values of data in Azure: whoever may read them there with roles of their own."""

from __future__ import annotations

from services.access.model import Level
from services.access.ports import AccessGrants, Directory, IdentityProblem
from services.actor import Actor
from services.datasets.model import Source
from services.datasets.rules import ALLOWED, Permission, is_public


class AzureDataAccess:
    """`DataAccess` of an Azure workspace: admins of the bot, everybody what is public, and whoever reaches the data.

    Owner and registrar prove nothing: anybody may register any path that the bot can read, and is both.
    """

    def __init__(self, grants: AccessGrants, directory: Directory) -> None:
        self._grants = grants
        self._directory = directory

    async def may_read(self, actor: Actor, name: str, source: Source) -> Permission:
        """See `DataAccess.may_read`. Raises Unavailable."""
        if not actor.user_id:
            return Permission(False, f"Only members of this workspace may look into “{name}”.")
        if actor.is_admin or is_public(source):
            return ALLOWED
        try:
            principal = await self._directory.of_person(actor.user_id)
        except IdentityProblem as problem:
            return Permission(False, problem.sentence)
        reach = await self._grants.reach(principal, name, source, Level.READ)
        return ALLOWED if reach.is_yes else Permission(False, reach.why)
