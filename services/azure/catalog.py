"""An Azure Machine Learning workspace's registry of datasets: SDK calls in workers, and a local copy beside them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from weakref import WeakValueDictionary

import structlog

from services.azure.errors import THROTTLED
from services.azure.mirror import Copied, Mirror, to_dataset
from services.azure.registration import Registrar
from services.azure.resource import AzureWorkspaceId
from services.azure.sdk import datasets as sdk
from services.azure.sdk.datasets import Change, Found
from services.azure.version_store import VersionStore
from services.azure.workers import AzureWorkers, CallFailedError
from services.datasets.model import (
    Dataset,
    DatasetSummary,
    DatasetVersion,
    Definition,
    Fingerprint,
    RegisterRequest,
)
from services.errors import Conflict, NotFound
from services.store.definitions import identity

log = structlog.get_logger(__name__)

CONFIRMED_SECONDS = 2.0
PATIENCE_SECONDS = 15.0
CHANGE_PAUSES = (0.0, 0.2, 0.6, 1.2)
"""Before each attempt at a change that another writer undoes."""
_PASSING = frozenset(
    {"azure_down", "azure_slow", "azure_timed_out", "azure_busy", "azure_crashed", "azure_interrupted"}
    | {"azure_server_error", "azure_throttled", "network_closed", "azure_wrong_shape"}
)


class AzureCatalog:
    """`Catalog` on an Azure workspace.

    Single datasets are asked of Azure, so that what the studio changed is seen; while Azure does not answer, the local
    copy does. Names, lists and changes always come from the copy. tenant_id: for links to the studio.
    confirmed_seconds: how long an answer is good for the next question of the same command.
    patience_seconds: how long Azure is waited for where the copy could answer.
    """

    def __init__(
        self,
        workspace: AzureWorkspaceId,
        workers: AzureWorkers,
        mirror: Mirror,
        store: VersionStore,
        registrar: Registrar,
        *,
        tenant_id: Callable[[], str] = lambda: "",
        confirmed_seconds: float = CONFIRMED_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._workspace = workspace
        self._workers = workers
        self._mirror = mirror
        self._store = store
        self._registrar = registrar
        self._tenant_id = tenant_id
        self._confirmed_seconds = confirmed_seconds
        self._patience_seconds = patience_seconds
        self._confirmed: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[Found]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(self, name: str) -> Dataset:
        """The dataset; tags in the order of their keys. Raises NotFound."""
        return (await self._copied(name)).dataset

    async def version(self, name: str, version: int | None = None) -> DatasetVersion:
        """One version, the latest without a number. Raises NotFound, also when only the version is unknown."""
        copied = await self._copied(name)
        latest = copied.dataset.latest_version
        number = latest if version is None else version
        if not 0 < number <= latest:
            raise NotFound(f"“{name}” has no version {number}; its latest is {latest}.")
        known = (await self._store.known(copied.azure_id, [number])).get(number)
        if known is None:
            found = await (self._latest_answer(name) if version is None else self._asked(name, number))
            number = found.version.version  # the latest may have become another one meanwhile
            known = (await self._store.known(found.version.azure_id, [number])).get(number)
        if known is None:
            raise NotFound(f"“{name}” has no version {number}; its latest is {latest}.")
        return known.filled(copied.dataset.description, copied.dataset.tags)

    async def versions(self, name: str, *, offset: int = 0, limit: int = 100) -> tuple[DatasetVersion, ...]:
        """Versions, newest first. Raises NotFound."""
        copied = await self._copied(name)
        dataset = copied.dataset
        newest = dataset.latest_version - offset
        wanted = range(newest, max(0, newest - limit), -1)
        known = await self._store.known(copied.azure_id, wanted)
        missing = tuple(number for number in wanted if number not in known)
        if missing:
            work = sdk.versions
            fetched = await self._workers.run(name, work, name, copied.azure_id, dataset.type.value, missing)
            await self._store.keep(name, fetched)
            known = await self._store.known(copied.azure_id, wanted)
        return tuple(known[each].filled(dataset.description, dataset.tags) for each in wanted if each in known)

    async def find_identical(self, definition: Definition, fingerprint: Fingerprint) -> tuple[str, int] | None:
        """(name, version) already registered by the bot with the same definition and data, if any."""
        return await self._store.identical(identity(definition, fingerprint))

    async def register(
        self, request: RegisterRequest, fingerprint: Fingerprint, *, registration_id: str
    ) -> DatasetVersion:
        """Create the dataset or its next version; its description and tags become the dataset's.

        Raises NameTaken, InvalidInput (another type than the dataset has, or an encoding that Azure does not read),
        IdenticalData. registration_id: idempotency key, kept at Azure with the version.
        """
        version = await self._registrar.register(request, fingerprint, registration_id)
        self._changed_by_us(request.name)
        return version

    async def set_description(self, name: str, description: str) -> Dataset:
        """Replace the description. Raises NotFound, Conflict."""
        return await self._change(name, Change(description=description))

    async def change_tags(self, name: str, *, put: Sequence[tuple[str, str]], remove: Sequence[str]) -> Dataset:
        """Remove some tags, then add or replace others, leaving the rest alone. Raises NotFound, Conflict."""
        return await self._change(name, Change(tuple(put), tuple(remove)))

    async def changes(self, cursor: str, limit: int = 1000) -> tuple[tuple[DatasetSummary, ...], str]:
        """Datasets whose copy changed after `cursor`, oldest change first, and the cursor to go on from."""
        return await self._mirror.changes(cursor, limit)

    async def resolve_names(self, prefix: str, limit: int = 5) -> tuple[str, ...]:
        """Existing names that begin with prefix, whatever the case, in order."""
        return await self._mirror.resolve_names(prefix, limit)

    def studio_url(self, name: str, version: int) -> str | None:
        """The page of this version in the studio."""
        return self._workspace.studio_url(name, version, self._tenant_id())

    def linked(self, url: str) -> tuple[str, int | None] | None:
        """The dataset and version of a page in the studio; None for other pages and other workspaces."""
        return self._workspace.linked(url)

    async def _change(self, name: str, what: Change) -> Dataset:
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:  # our own changes never undo one another
            for pause in CHANGE_PAUSES:
                await asyncio.sleep(pause)
                try:
                    changed = await self._workers.attempt(name, sdk.change, name, what)
                except CallFailedError as error:
                    raise await self._told(name, error) from None
                await self._mirror.put(changed.entry)
                self._changed_by_us(name)
                if changed.kept:
                    return to_dataset(changed.entry)
                log.warning("azure_change_was_undone", dataset=name)
        raise Conflict(
            f"Somebody else keeps changing “{name}” at the same time, and the change did not last. "
            "Look at it and try again.",
            code="azure_change_undone",
        )

    async def _copied(self, name: str) -> Copied:
        """The dataset as Azure has it now, or as the copy has it while Azure does not answer. Raises NotFound."""
        if self._is_confirmed(name):
            copied = await self._mirror.get(name)
            if copied is not None:
                return copied
        asking = self._latest(name)
        await asyncio.wait({asking}, timeout=self._patience_seconds)
        if not asking.done():
            copied = await self._mirror.get(name)
            if copied is not None:
                # Azure goes on being asked, and what it says reaches the copy.
                log.info("azure_answered_from_copy", dataset=name, after_seconds=self._patience_seconds)
                self._confirm(name)
                return copied
        try:
            found = await asyncio.shield(asking)
        except CallFailedError as error:
            copied = await self._mirror.get(name) if _is_passing(error) else None
            if copied is None:
                raise await self._told(name, error) from None
            log.info("azure_answered_from_copy", dataset=name)
            return copied
        return Copied(found.entry.azure_id, to_dataset(found.entry), found.entry.digest)

    async def _latest_answer(self, name: str) -> Found:
        """The dataset as Azure has it now, however long that takes."""
        try:
            return await asyncio.shield(self._latest(name))
        except CallFailedError as error:
            raise await self._told(name, error) from None

    def _latest(self, name: str) -> asyncio.Task[Found]:
        """Asks what Azure has now; who asks for the same at the same time gets the same answer. Not to be cancelled."""
        asking = self._asking.get(name)
        if asking is None:
            asking = asyncio.create_task(self._attempted(name, None))
            self._asking[name] = asking

            def answered(task: asyncio.Task[Found]) -> None:
                if self._asking.get(name) is task:
                    del self._asking[name]
                if not task.cancelled():
                    task.exception()  # told to whoever still waits; nobody may

            asking.add_done_callback(answered)
        return asking

    async def _asked(self, name: str, version: int) -> Found:
        try:
            return await self._attempted(name, version)
        except CallFailedError as error:
            if error.is_missing:
                raise NotFound(f"“{name}” has no version {version} any more.") from None
            raise await self._told(name, error) from None

    async def _attempted(self, name: str, version: int | None) -> Found:
        found = await self._workers.attempt(name, sdk.get, name, version)
        await self._store.keep(found.entry.name, [found.version])
        if version is None:
            await self._mirror.put(found.entry)
            self._confirm(name)
        return found

    async def _told(self, name: str, error: CallFailedError) -> Exception:
        """What leaves the catalogue. A dataset that is not there leaves the copy, too."""
        problem = error.problem()
        if isinstance(problem, NotFound):
            await self._mirror.gone([name])
            self._confirmed.pop(name, None)
            return NotFound(f"There is no dataset called “{name}”.")
        return problem

    def _changed_by_us(self, name: str) -> None:
        """From now on, an answer that was on its way before the change is nobody's answer."""
        self._asking.pop(name, None)
        self._confirm(name)

    def _confirm(self, name: str) -> None:
        now = time.monotonic()
        if len(self._confirmed) > 1000:
            self._confirmed = {key: at for key, at in self._confirmed.items() if now - at < self._confirmed_seconds}
        self._confirmed[name] = now

    def _is_confirmed(self, name: str) -> bool:
        return time.monotonic() - self._confirmed.get(name, float("-inf")) < self._confirmed_seconds


def _is_passing(error: CallFailedError) -> bool:
    """Whether Azure could not answer, rather than having answered something that people must know."""
    failure = error.failure
    code = failure.problem.code if failure.problem is not None else ""
    return failure.down or failure.status == THROTTLED or code in _PASSING
