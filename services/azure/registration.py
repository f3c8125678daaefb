"""Registering at Azure so that one wish makes one version, whatever crashes, hangs or is clicked twice.

Azure has no idempotency key. So the version carries the registration's id as a property; that a request is about to be
sent is written down before; and a request whose outcome is not known is looked for at Azure before another is sent. The
definition also carries a mark of the data, by which Azure itself takes a repetition for what it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakValueDictionary

import structlog

from services.azure.errors import CONFLICT, THROTTLED
from services.azure.sdk import datasets as sdk
from services.azure.sdk.datasets import Found, Registration
from services.azure.sdk.prepare import Prepared, prepare
from services.azure.version_store import KnownVersion, Mark, VersionStore
from services.azure.workers import AzureWorkers, CallFailedError
from services.datasets.model import DatasetType, DatasetVersion, Definition, Fingerprint, RegisterRequest
from services.errors import IdenticalData, InvalidInput, NameTaken
from services.ports import Clock
from services.store.definitions import identity

log = structlog.get_logger(__name__)

PREPARE_SECONDS = 40.0
LONGEST_WAIT = 20.0
THROTTLED_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Patience:
    """settle_seconds: how long after it was sent a request without an answer may still be carried out by Azure.

    pauses: between looking for it.
    """

    settle_seconds: float = 20.0
    pauses: Sequence[float] = (0.5, 1.0, 2.0, 4.0)


DEFAULT_PATIENCE = Patience()


class Registrar:
    """Registers definitions. infer: let the SDK's engine find the column types of text files."""

    def __init__(
        self,
        workers: AzureWorkers,
        store: VersionStore,
        *,
        clock: Clock,
        infer: bool = True,
        patience: Patience = DEFAULT_PATIENCE,
    ) -> None:
        self._workers = workers
        self._store = store
        self._clock = clock
        self._infer = infer
        self._patience = patience
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def register(
        self, request: RegisterRequest, fingerprint: Fingerprint, registration_id: str
    ) -> DatasetVersion:
        """See `Catalog.register`."""
        mark = Mark(
            registration_id,
            identity(request.definition, fingerprint),
            request.definition,
            request.description,
            tuple(sorted(dict(request.tags).items())),
        )
        lock = self._locks.setdefault(registration_id, asyncio.Lock())
        async with lock:
            made = await self._store.made_by(registration_id)
            if made is None:
                made = await self._resumed(request.name, mark) or await self._new(request, mark)
        return made.filled(request.description, mark.tags)

    async def _resumed(self, name: str, mark: Mark) -> KnownVersion | None:
        """What an earlier attempt of the same registration has made, if it sent its request."""
        sent_at = await self._store.sent_at(mark.registration_id)
        if sent_at is None:
            return None
        try:
            found = await self._settled(name, mark.registration_id, sent_at)
        except CallFailedError as error:
            raise error.problem() from None
        log.info("registration_resumed", dataset=name, arrived=found is not None)
        return None if found is None else await self._store.made(found, mark)

    async def _new(self, request: RegisterRequest, mark: Mark) -> KnownVersion:
        name = request.name
        present = await self._present(name)
        if present is not None:
            if present.version.registration == mark.registration_id:
                return await self._store.made(present, mark)
            _refuse_clash(request, DatasetType(present.entry.type), present.entry.version)
            if present.version.digest == mark.identity:
                raise _identical(name, present.version.version)
        same = await self._store.identical(mark.identity)
        if same is not None and await self._still_there(*same, mark.identity):
            raise _identical(*same)
        prepared = await self._prepared(name, request.definition)
        what = Registration(
            name=name,
            type=request.definition.type.value,
            yaml=prepared.yaml,
            timestamp_column=request.definition.timestamp_column or "",
            description=request.description,
            tags=mark.tags,
            digest=mark.identity,
            registration_id=mark.registration_id,
            # A first version is sent as one, so that whoever else takes the name meanwhile is not made a version of.
            new_version=request.create_new_version and present is not None,
        )
        found = await self._sent(what)
        if found.version.registration != mark.registration_id:
            # Azure answers a definition it has with the version that has it.
            await self._store.not_made(mark.registration_id)
            raise _identical(found.entry.name, found.version.version)
        return await self._store.made(found, mark)

    async def _sent(self, what: Registration) -> Found:
        """The one request. Raises UserErrors; NameTaken when the name was taken meanwhile."""
        for attempt in range(1, THROTTLED_ATTEMPTS + 1):
            now = self._clock.now()
            await self._store.about_to_send(what.registration_id, what.name, now)
            try:
                return await self._workers.attempt(what.name, sdk.register, what)
            except CallFailedError as error:
                failure = error.failure
                if failure.maybe_done:
                    return await self._looked_for(what, now, error)
                await self._store.not_made(what.registration_id)
                wait = 1.0 if failure.retry_after is None else failure.retry_after
                if failure.status == THROTTLED and wait <= LONGEST_WAIT and attempt < THROTTLED_ATTEMPTS:
                    await asyncio.sleep(wait)  # refused before anything was done: it may be sent again
                    continue
                if failure.status == CONFLICT and not what.new_version:
                    raise _name_taken(what.name) from None
                raise error.problem() from None
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _looked_for(self, what: Registration, sent_at: datetime, error: CallFailedError) -> Found:
        """The version that a request without an answer has made all the same. Raises the problem when there is none."""
        try:
            found = await self._settled(what.name, what.registration_id, sent_at)
        except CallFailedError:
            found = None  # still unreachable: the next attempt looks again, since the intent stays
        if found is None:
            raise error.problem() from None
        log.info("registration_found_after_lost_answer", dataset=what.name, version=found.version.version)
        return found

    async def _settled(self, name: str, registration_id: str, sent_at: datetime) -> Found | None:
        """What came of a request: looked for until it is found, or too old to be still under way."""
        pauses = iter(self._patience.pauses)
        pause = 0.0
        while True:
            found = await self._workers.attempt(name, sdk.registered, name, registration_id)
            age = (self._clock.now() - sent_at).total_seconds()
            if found is not None or age > self._patience.settle_seconds:
                return found
            pause = next(pauses, pause) or 1.0
            await asyncio.sleep(pause)

    async def _present(self, name: str) -> Found | None:
        try:
            return await self._workers.attempt(name, sdk.get, name, None)
        except CallFailedError as error:
            if error.is_missing:
                return None
            raise error.problem() from None

    async def _still_there(self, name: str, version: int, digest: str) -> bool:
        """Whether a version that the bot remembers exists: it may have been unregistered in the studio."""
        try:
            found = await self._workers.attempt(name, sdk.get, name, version)
        except CallFailedError as error:
            if error.is_missing:
                return False
            raise error.problem() from None
        return found.version.digest == digest

    async def _prepared(self, name: str, definition: Definition) -> Prepared:
        if self._infer:
            try:
                prepared = await self._workers.attempt(name, prepare, definition, True, seconds=PREPARE_SECONDS)
            except CallFailedError as error:
                problem = error.failure.problem
                if problem is not None and problem.kind == "InvalidInput":
                    raise error.problem() from None
                log.warning("column_types_not_inferred", dataset=name, reason=str(error)[:300])
            else:
                if prepared.untyped:
                    log.warning("column_types_not_inferred", dataset=name, reason=prepared.untyped)
                return prepared
        return await self._workers.run(name, prepare, definition, False)


def _name_taken(name: str, version: int | None = None) -> NameTaken:
    at = f", at version {version}" if version is not None else ""
    return NameTaken(
        f"A dataset called “{name}” exists already{at}. Choose another name, or create a new version of it.",
        field="name",
    )


def _identical(name: str, version: int) -> IdenticalData:
    return IdenticalData(
        f"The same data are registered already as {name}:{version}. Use that version.", name=name, version=version
    )


def _refuse_clash(request: RegisterRequest, present: DatasetType, latest: int) -> None:
    """Raises what is wrong when the name exists and the request does not fit it."""
    if not request.create_new_version:
        raise _name_taken(request.name, latest)
    wanted = request.definition.type
    if present is not wanted:
        raise InvalidInput(
            f"“{request.name}” is a {present.value.capitalize()} dataset, so a new version cannot be "
            f"{wanted.value.capitalize()}. Register it under another name, or as {present.value.capitalize()}.",
            code="type_is_fixed",
            field="definition",
        )
