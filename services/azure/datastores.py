"""The workspace's datastores: listed without secrets, tested before they are registered."""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog
from pydantic import SecretStr

from services.azure.connection_test import ConnectionTest
from services.azure.key_vault import KeyVaults
from services.azure.sdk import datastores as calls
from services.azure.sdk.datastores import DatastoreEntry, access_of, kind_of
from services.azure.workers import AzureWorkers, CallFailedError
from services.datastores.model import (
    PUBLIC_ENDPOINT,
    AzurePlace,
    Datastore,
    DatastoreAccess,
    DatastoreKind,
    DatastoreRequest,
)
from services.datastores.request_check import problems
from services.errors import InvalidInput, NotFound, UserError

KINDS = (DatastoreKind.BLOB, DatastoreKind.ADLS_GEN2, DatastoreKind.FILE_SHARE)
"""What can be registered, in the order of the form."""

FRESH_SECONDS = 30.0
"""What was read so long ago is answered without asking Azure; older, it is answered and read anew behind."""

Counts = Callable[[], Awaitable[Mapping[str, int]]]
"""How many datasets point to each datastore, by its name in small letters."""

log = structlog.get_logger(__name__)


class AzureDatastores:
    """`DatastoreCatalog` of an Azure Machine Learning workspace. Belongs to one event loop.

    counts: see `Counts`; without it no datastore has datasets.
    """

    def __init__(
        self,
        workers: AzureWorkers,
        vaults: KeyVaults,
        connection: ConnectionTest,
        *,
        counts: Counts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workers = workers
        self._vaults = vaults
        self._connection = connection
        self._counts = counts
        self._clock = clock
        self._known: calls.Datastores | None = None
        self._read_at = 0.0
        self._reading: asyncio.Task[calls.Datastores] | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def all(self) -> tuple[Datastore, ...]:
        """All datastores by name, the default one marked; as they were a moment ago. Raises Unavailable the first time
        when Azure does not answer.
        """
        known = self._known
        if known is None:
            known = await self._read()
        elif self._clock() - self._read_at > FRESH_SECONDS:
            self._read_behind()
        counts = {} if self._counts is None else await self._counts()
        made = (_datastore(each, known.default, counts) for each in known.entries)
        return tuple(sorted(made, key=lambda each: each.name.casefold()))

    async def require(self, name: str) -> None:
        """As `get`, which asks nobody while the datastores are known. Raises NotFound."""
        await self.get(name)

    async def get(self, name: str) -> Datastore:
        """One datastore, whatever the case of its name. Raises NotFound with suggestions."""
        wanted = name.casefold()
        found = await self._find(wanted)
        if found is None:
            await self._read()  # it may have been made elsewhere a moment ago
            found = await self._find(wanted)
        if found is None:
            names = {each.name.casefold(): each.name for each in await self.all()}
            near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
            raise NotFound(
                f"There is no datastore called “{name}”.",
                suggestions=tuple(names[each] for each in near),
                kind="datastore",
            )
        return found

    async def default(self) -> Datastore:
        """The default datastore. Raises NotFound when the workspace has none."""
        found = next((each for each in await self.all() if each.is_default), None)
        if found is None:
            raise NotFound("The workspace has no default datastore. Choose one.", kind="datastore")
        return found

    async def register(self, request: DatastoreRequest) -> Datastore:
        """Read the secret, list and read the storage with it, then register; the secret is held no longer than that.

        Raises NameTaken, InvalidInput, SourceProblem, NotAllowed, Unavailable.
        """
        for problem in problems(request, KINDS):
            raise InvalidInput(problem.sentence, field=problem.field)
        details = request.azure
        if details is None:
            raise InvalidInput("Name the storage account.", field="account")
        name = request.name.lower()  # as Azure would make it
        await self._read()
        if not request.overwrite and await self._find(name) is not None:
            raise calls.name_taken(name)
        secret = None if details.secret is None else await self._vaults.read(details.secret, details.place.endpoint)
        await self._connection.run(request.kind, details, secret)
        await self._register(calls.Wanted(name, request.kind, details, request.overwrite), secret)
        if request.overwrite and (self._renewing is None or self._renewing.done()):
            # The SDK's data engine goes on with the old key as long as its process lives.
            self._renewing = asyncio.create_task(self._workers.renew(), name="new processes for a new key")
            self._renewing.add_done_callback(_renewed)
        if request.make_default:
            await self._workers.run(name, calls.set_default, name)
        await self._read()
        return await self.get(name)

    async def set_default(self, name: str) -> Datastore:
        """Make it the default. Raises NotFound."""
        found = await self.get(name)
        await self._workers.run(found.name, calls.set_default, found.name)
        await self._read()
        return await self.get(name)

    async def refresh(self) -> None:
        """Ask Azure now. Raises Unavailable."""
        await self._read()

    async def keep_fresh(self) -> None:
        """Ask Azure now, for whoever asks next; what fails is logged."""
        try:
            await self._read()
        except UserError as error:
            log.info("datastores_not_read", code=error.code)

    async def close(self) -> None:
        """Stop reading behind."""
        for task in (self._reading, self._renewing):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _register(self, wanted: calls.Wanted, secret: SecretStr | None) -> None:
        try:
            await self._workers.attempt(wanted.name, calls.register, wanted, secret)
        except CallFailedError as error:
            if not error.failure.maybe_done:
                raise error.problem() from None
            # The answer was lost: what is there now tells whether it was done. Where something was overwritten it
            # cannot tell, because an old secret looks like a new one.
            there = await self._read()
            made = next((each for each in there.entries if each.name.casefold() == wanted.name), None)
            if made is None or wanted.overwrite or not _is_at(made, wanted.kind, wanted.details.place):
                raise error.problem() from None

    async def _find(self, wanted: str) -> Datastore | None:
        return next((each for each in await self.all() if each.name.casefold() == wanted), None)

    async def _read(self) -> calls.Datastores:
        """What Azure has from this moment on; several who ask meanwhile share one call.

        A call that is under way already may have been answered before what the caller just wrote, or by a refusal
        that is over: it is waited for, not believed.
        """
        under_way = self._reading
        if under_way is not None and not under_way.done():
            await asyncio.wait([under_way])
        if self._reading is None or self._reading is under_way:
            self._reading = asyncio.create_task(self._ask())
        return await asyncio.shield(self._reading)

    def _read_behind(self) -> None:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._ask())
            self._reading.add_done_callback(_told)

    async def _ask(self) -> calls.Datastores:
        found = await self._workers.run("", calls.list_all)
        self._known, self._read_at = found, self._clock()
        return found


def _told(reading: asyncio.Task[calls.Datastores]) -> None:
    """Nobody waits for a reading behind: what fails is logged, and the next question tries again."""
    error = None if reading.cancelled() else reading.exception()
    if isinstance(error, UserError):
        log.info("datastores_not_read", code=error.code)
    elif error is not None:
        log.error("datastores_not_read", error=repr(error))


def _renewed(renewing: asyncio.Task[None]) -> None:
    """Old processes are replaced within the hour all the same."""
    error = None if renewing.cancelled() else renewing.exception()
    if error is not None:
        log.warning("workers_not_renewed", error=repr(error))


def _is_at(entry: DatastoreEntry, kind: DatastoreKind, place: AzurePlace) -> bool:
    found = _place(entry)
    same = (found.account, found.container, found.access) == (place.account, place.container, place.access)
    return same and kind_of(entry) is kind


def _place(entry: DatastoreEntry) -> AzurePlace:
    return AzurePlace(
        account=entry.account,
        container=entry.container,
        access=access_of(entry),
        endpoint=entry.endpoint or PUBLIC_ENDPOINT,
        subscription_id=entry.subscription_id,
        resource_group=entry.resource_group,
    )


def _datastore(entry: DatastoreEntry, default: str, counts: Mapping[str, int]) -> Datastore:
    kind = kind_of(entry)
    place = None if kind is DatastoreKind.OTHER else _place(entry)
    made = Datastore(
        name=entry.name,
        kind=kind,
        location=entry.type or "unknown",
        is_default=entry.name.casefold() == default.casefold(),
        created_at=None,
        dataset_count=counts.get(entry.name.casefold(), 0),
    )
    if place is None:
        return made
    return replace(
        made,
        location=f"{place.account}/{place.container}",
        identity_based=place.access is DatastoreAccess.IDENTITY,
        azure=place,
    )
