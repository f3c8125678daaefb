"""What the bot knows and does about datastores."""

from __future__ import annotations

import asyncio

from services.actor import Actor
from services.datasets.model import Problem
from services.datasets.rules import may_manage_datastores
from services.datastores import request_check
from services.datastores.model import Datastore, DatastoreKind, DatastoreRequest
from services.errors import UserError
from services.ports import DatastoreCatalog

SOON_SECONDS = 1.0
"""Slack gives a form three seconds to open and a type-ahead three to answer."""


class DatastoreService:
    """Datastores as people ask for them. kinds: what can be registered in this workspace."""

    def __init__(
        self, *, catalog: DatastoreCatalog, kinds: tuple[DatastoreKind, ...] = (DatastoreKind.FOLDER,)
    ) -> None:
        self._catalog = catalog
        self.kinds = kinds

    async def all(self) -> tuple[Datastore, ...]:
        """All datastores, the default one first, then by name."""
        found = await self._catalog.all()
        return tuple(sorted(found, key=lambda each: (not each.is_default, each.name)))

    async def show(self, name: str) -> Datastore:
        """One datastore. Raises NotFound with suggestions."""
        return await self._catalog.get(name)

    async def soon(self, text: str = "", limit: int = 100) -> tuple[Datastore, ...]:
        """`suggest` for a form that a person waits for: none when the workspace does not tell at once."""
        try:
            async with asyncio.timeout(SOON_SECONDS):
                return await self.suggest(text, limit)
        except (TimeoutError, UserError):
            return ()

    async def suggest(self, text: str, limit: int = 100) -> tuple[Datastore, ...]:
        """Datastores for a type-ahead: those that begin with the text, then those that have it anywhere."""
        wanted = text.strip().casefold()
        found = [each for each in await self.all() if wanted in each.name.casefold()]
        found.sort(key=lambda each: not each.name.casefold().startswith(wanted))
        return tuple(found[:limit])

    def problems(self, request: DatastoreRequest) -> tuple[Problem, ...]:
        """What is wrong with the fields of a form: fast, reads nothing."""
        return request_check.problems(request, self.kinds)

    async def register(self, actor: Actor, request: DatastoreRequest) -> Datastore:
        """Admins only. Raises NotAllowed, NameTaken, InvalidInput, SourceProblem."""
        may_manage_datastores(actor).require()
        return await self._catalog.register(request)

    async def set_default(self, actor: Actor, name: str) -> Datastore:
        """Admins only. Raises NotAllowed, NotFound."""
        may_manage_datastores(actor).require()
        return await self._catalog.set_default(name)
