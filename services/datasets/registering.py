"""Registering a dataset: look, check, take the fingerprint, register, remember. Repeating it changes
nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from services.datasets import notices
from services.datasets.diff import changes_in_short
from services.datasets.fingerprints import as_registered, compare
from services.datasets.form_check import form_problems
from services.datasets.lookup import Lookup
from services.datasets.model import (
    ColumnType,
    Dataset,
    DatasetSummary,
    DatasetType,
    DatasetVersion,
    DatastoreSource,
    Definition,
    Fingerprint,
    Inspection,
    NameCheck,
    Problem,
    Registered,
    RegisterRequest,
    VersionStats,
    WebSource,
)
from services.datasets.names import DEPRECATED_TAG, REPLACED_BY_TAG, name_problem
from services.datasets.wording import count, source_text
from services.errors import Busy, InvalidInput, NotFound, SourceProblem, TimedOut, Unavailable, UserError
from services.ports import Catalog, Clock, DataReader, DatasetIndex, DatastoreCatalog, Progress, Records

LOOKED_BACK_AT = 5
"""Older versions whose files are compared with those of a new version."""


class Registering:
    """The way of a dataset into the workspace."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        records: Records,
        reader: DataReader,
        index: DatasetIndex,
        datastores: DatastoreCatalog,
        lookup: Lookup,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._records = records
        self._reader = reader
        self._index = index
        self._datastores = datastores
        self._lookup = lookup
        self._clock = clock
        self._looks: dict[Definition, asyncio.Task[tuple[Definition, Inspection]]] = {}

    async def check_name(self, name: str) -> NameCheck:
        """What would happen to a name, from the local index (fast enough for an inline check)."""
        trimmed = name.strip()
        return _name_check(trimmed, await self._index.get(trimmed) if trimmed else None)

    async def problems(self, request: RegisterRequest) -> tuple[Problem, ...]:
        """What is wrong with the fields of a form, without reading files; see `form_problems`."""
        name = request.name.strip()
        known, missing = await asyncio.gather(self._index.get(name), self._missing_datastore(request.definition))
        found = form_problems(request, _name_check(name, known), known.owner if known is not None else "")
        return (*found, *([missing] if missing is not None else []))

    async def seen_problems(self, request: RegisterRequest, *, within: float) -> tuple[Problem, ...]:
        """What a look at the files shows to be wrong, as far as it can be told within so many seconds.

        Nothing where that is too short: registering waits for the same look, as long as it takes.
        """
        definition = request.definition
        try:
            async with asyncio.timeout(within):
                refuse_unusable(*await self._look(definition))
        except (TimeoutError, Busy, TimedOut, Unavailable):
            return ()
        except UserError as error:
            field = error.field or "source"
            if field in {"source", "paths", "urls"}:
                field = "urls" if isinstance(definition.source, WebSource) else "paths"
            return (Problem(field, error.sentence),)
        return ()

    async def _look(self, definition: Definition) -> tuple[Definition, Inspection]:
        """`_looked_at`, where a look that is under way already will do. It goes on when its caller gives up."""
        look = self._looks.get(definition)
        if look is None:
            look = self._looks[definition] = asyncio.create_task(self._looked_at(definition), name="look at files")
            look.add_done_callback(lambda done: self._looked(definition, done))
        return await asyncio.shield(look)

    def _looked(self, definition: Definition, look: asyncio.Task[tuple[Definition, Inspection]]) -> None:
        del self._looks[definition]
        if not look.cancelled():
            look.exception()  # known to whoever waits; where nobody does any more it is not lost, but not wanted

    async def _looked_at(self, definition: Definition) -> tuple[Definition, Inspection]:
        """The definition, its format found out where none was given, and what its files show."""
        guess = definition.type is DatasetType.TABULAR and definition.format is None
        inspection = await self._reader.inspect(definition, guess=guess)
        return (replace(definition, format=inspection.format) if guess else definition), inspection

    async def _missing_datastore(self, definition: Definition) -> Problem | None:
        if not isinstance(definition.source, DatastoreSource) or not definition.source.datastore:
            return None
        try:
            await self._datastores.require(definition.source.datastore)
        except NotFound as error:
            return Problem("datastore", error.sentence)
        return None

    async def inspect(self, definition: Definition, *, guess: bool = False) -> Inspection:
        """Files, schema and first rows of a source. Raises SourceProblem."""
        return await self._reader.inspect(definition, guess=guess)

    async def register(self, request: RegisterRequest, *, registration_id: str, progress: Progress) -> Registered:
        """Register a new dataset or version once every check has passed.

        registration_id: idempotency key; a repeated call (also after a crash anywhere in between) ends in
        the same one version with its record. Raises InvalidInput, SourceProblem, NotFound (datastore),
        NameTaken and IdenticalData, all before anything is registered.
        """
        # Names and identical data are left to the registry, which alone knows whether an existing version was
        # made by this very registration before a crash.
        request = replace(request, name=request.name.strip())
        await self._refuse_bad_fields(request)
        await progress("Looking at the files")
        definition, inspection = await self._look(request.definition)
        request = replace(request, definition=definition)
        refuse_unusable(definition, inspection)
        files = count(inspection.listing.file_count, "file")
        await progress(f"Taking the fingerprint of {files}")
        fingerprint = await self._reader.fingerprint(definition.source, progress)
        if not fingerprint.files:
            raise SourceProblem("The files went away while they were being read. Try again once they are back.")
        await progress("Registering")
        before = await self._before(request.name)
        version = await self._catalog.register(request, fingerprint, registration_id=registration_id)
        await self._stay_deprecated(before, version)
        stats = VersionStats(
            schema=inspection.schema,
            row_count=inspection.row_count,
            file_count=fingerprint.file_count,
            total_bytes=fingerprint.total_bytes,
        )
        await self._records.record_version(
            version.name,
            version.version,
            registered_by=request.requested_by,
            fingerprint=fingerprint,
            stats=stats,
        )
        # The files have just been looked at: nobody should read "not checked" of a new version.
        await self._records.set_check(version.name, version.version, as_registered(fingerprint))
        await self._give_owner(request, version.version)
        older = await self._older(version)
        await self._look_back(version, fingerprint, older)
        await self._lookup.refresh_index()
        dataset = await self._lookup.dataset(version.name)
        (recorded,) = await self._records.enrich_versions([version])
        changes = changes_in_short(older[0], recorded) if older else ()
        # The same for a repeated call, after a kill in between too: nobody is told twice.
        told = notices.registered(recorded, dataset, changes, by=request.requested_by, registration_id=registration_id)
        await self._records.tell(told, self._clock.now())
        return Registered(recorded, dataset, fingerprint, inspection.notes, changes)

    async def _older(self, version: DatasetVersion) -> tuple[DatasetVersion, ...]:
        """A few versions before this one, newest first, with what is recorded of them."""
        if version.version == 1:
            return ()
        newest = (await self._catalog.get(version.name)).latest_version
        found = await self._catalog.versions(
            version.name, offset=max(0, newest - version.version + 1), limit=LOOKED_BACK_AT
        )
        return await self._records.enrich_versions(found)

    async def _look_back(
        self, version: DatasetVersion, fingerprint: Fingerprint, older: tuple[DatasetVersion, ...]
    ) -> None:
        """The files just seen are those of older versions of the same place as well: say what became of them.

        That is no news to anybody: owner and watchers hear of the new version.
        """
        for each in older:
            if each.definition.source == version.definition.source:
                recorded = await self._records.fingerprint(each.name, each.version)
                if recorded is not None:
                    await self._records.set_check(each.name, each.version, compare(recorded, fingerprint))

    async def _before(self, name: str) -> Dataset | None:
        try:
            return await self._catalog.get(name)
        except NotFound:
            return None

    async def _stay_deprecated(self, before: Dataset | None, version: DatasetVersion) -> None:
        """A new version's tags become the dataset's; put back those that say that the dataset is deprecated."""
        if before is None:
            return
        recorded = (await self._records.enrich_dataset(before)).deprecation
        # A version that was there before the call was made by this registration before a crash: its tags may
        # have replaced the old ones already, and what was recorded is what is left of them.
        resumed = version.version <= before.latest_version
        if DEPRECATED_TAG in before.tags:
            put = [pair for pair in before.tags if pair == DEPRECATED_TAG or pair[0] == REPLACED_BY_TAG]
        elif resumed and recorded is not None:
            put = [DEPRECATED_TAG]
            if recorded.replaced_by:
                put.append((REPLACED_BY_TAG, recorded.replaced_by))
        else:
            return
        await self._catalog.change_tags(version.name, put=put, remove=())

    async def _refuse_bad_fields(self, request: RegisterRequest) -> None:
        known = await self._index.get(request.name)
        # An existing name is no problem here: it may be what this registration made before a crash.
        problems = form_problems(
            replace(request, create_new_version=True),
            await self.check_name(request.name),
            known.owner if known is not None else "",
        )
        if problems:
            raise InvalidInput(problems[0].sentence, field=problems[0].field)

    async def _give_owner(self, request: RegisterRequest, version: int) -> None:
        """The first version's registrar owns it, or whom they named; later versions only fill or hand over."""
        present = await self._records.owner(request.name)
        wanted = request.owner or (request.requested_by if version == 1 else "")
        if wanted and wanted != present and present in {"", request.requested_by}:
            await self._records.set_owner(request.name, wanted)


def _name_check(name: str, known: DatasetSummary | None) -> NameCheck:
    """known: what the index has under this very name."""
    if known is None:
        return NameCheck(name, name_problem(name), exists=False, next_version=1)
    return NameCheck(name, None, exists=True, next_version=known.latest_version + 1, type=known.type)


def refuse_unusable(definition: Definition, inspection: Inspection) -> None:
    """Raises SourceProblem or InvalidInput when what was seen cannot become a dataset."""
    if inspection.listing.file_count == 0:
        raise SourceProblem(
            f"No file matches {source_text(definition.source)}. Check the path and the pattern.", field="paths"
        )
    if definition.type is DatasetType.FILE:
        return
    if inspection.listing.total_bytes == 0:
        raise SourceProblem("The files are empty, so there are no columns to read. Choose other files.")
    columns = {column.name: column.type for column in inspection.schema}
    if not columns:
        raise SourceProblem("No columns were found in the files. Check the file format and the delimiter.")
    some = ", ".join(list(columns)[:8]) + (" …" if len(columns) > 8 else "")
    unknown = [name for name, _ in definition.column_types if name not in columns]
    if unknown:
        raise InvalidInput(f"There is no column “{unknown[0]}” in the files. They have: {some}.", field="column_types")
    timestamp = definition.timestamp_column
    if timestamp and timestamp not in columns:
        raise InvalidInput(
            f"There is no column “{timestamp}” in the files. They have: {some}.", field="timestamp_column"
        )
    if timestamp and columns[timestamp] is not ColumnType.DATETIME:
        raise InvalidInput(
            f"The column “{timestamp}” holds {columns[timestamp].value} values, not dates. "
            "Choose another timestamp column, or set its type to datetime.",
            field="timestamp_column",
        )
