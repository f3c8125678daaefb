"""What the bot knows and does about datasets: the one door for handlers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from services.actor import Actor
from services.datasets.curation import Curation
from services.datasets.diff import changes_in_short, compare_versions
from services.datasets.labels import LabelCounts, LabelingProject, LabelReport
from services.datasets.labels import report as label_report
from services.datasets.lineage import Lineage, LineageTrace
from services.datasets.lookup import Lookup
from services.datasets.model import (
    DRIFTING,
    ColumnShift,
    Dataset,
    DatasetCard,
    DatasetPage,
    DatasetQuery,
    DatasetSummary,
    DatasetType,
    DatasetVersion,
    DatastoreSource,
    Definition,
    Fingerprint,
    FingerprintCheck,
    Inspection,
    NameCheck,
    Preview,
    Problem,
    Registered,
    RegisterRequest,
    UsageGuide,
    VersionDiff,
)
from services.datasets.quick_drift import QuickDrift
from services.datasets.registering import Registering
from services.datasets.rules import NO_ACCESS, Permission, ask_for_access
from services.datasets.snippets import access_note, usage_guide
from services.datasets.version_truth import Recheck, VersionTruth
from services.datasets.workspace import WorkspaceFacts
from services.datastores.model import Datastore
from services.drift.shelf import ProfileShelf
from services.errors import NotAllowed, NotFound, SourceProblem, UserError
from services.ports import (
    Catalog,
    Clock,
    DataAccess,
    DataReader,
    DatasetIndex,
    DatastoreCatalog,
    Labels,
    Progress,
    Records,
)

WATCHED_LIMIT = 1000
"""Datasets of one person's that are looked at; nobody reads news of more."""

FolderOf = Callable[[str], Awaitable[Path]]
"""The absolute folder behind a datastore of a local workspace. Raises NotFound, SourceProblem."""


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One version in a list. changes: what it changed against its predecessor, short phrases, never empty."""

    version: DatasetVersion
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VersionPage:
    """A page of a dataset's versions, newest first. total: all versions."""

    dataset: Dataset
    items: tuple[VersionLine, ...]
    total: int
    offset: int


class DatasetService:
    """Datasets as people ask for them. Raises the errors of `services.errors` with sentences for the reader.

    access: who may see what data hold; without it nothing is shown. profiles: what was counted of versions' data.
    folder_of: for a local workspace, where a datastore's files are on this machine (for `usage`).
    recheck_after: how old the last look at a version's files may be. preview_rows, profile_rows: what a
    preview reads. look_seconds: how long `seen_problems` may look.
    labels: labelled datasets and labelling projects, None where the workspace has none.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        records: Records,
        reader: DataReader,
        index: DatasetIndex,
        datastores: DatastoreCatalog,
        profiles: ProfileShelf,
        access: DataAccess,
        clock: Clock,
        workspace: WorkspaceFacts,
        recheck_after: timedelta = timedelta(hours=6),
        folder_of: FolderOf | None = None,
        preview_rows: int = 10,
        profile_rows: int = 100_000,
        labels: Labels | None = None,
        look_seconds: float = 0.7,
    ) -> None:
        self._catalog = catalog
        self._records = records
        self._reader = reader
        self._index = index
        self._datastores = datastores
        self._access = access
        self.workspace = workspace
        self.profiles = profiles
        self._quick_drift = QuickDrift(reader=reader, shelf=profiles)
        self._labels = labels
        self._recheck_after = recheck_after
        self._look_seconds = look_seconds
        self._folder_of = folder_of
        self._preview_rows = preview_rows
        self._profile_rows = profile_rows
        self._lookup = Lookup(catalog, records, index)
        self._truth = VersionTruth(catalog=catalog, records=records, reader=reader, lookup=self._lookup, clock=clock)
        self._curation = Curation(catalog=catalog, records=records, lookup=self._lookup, clock=clock)
        self._lineage = LineageTrace(
            lookup=self._lookup, catalog=catalog, records=records, index=index, in_azure=not workspace.is_local
        )
        self._registering = Registering(
            catalog=catalog,
            records=records,
            reader=reader,
            index=index,
            datastores=datastores,
            lookup=self._lookup,
            clock=clock,
        )

    # Registering

    async def check_name(self, name: str) -> NameCheck:
        """What would happen to a name, from the local index."""
        return await self._registering.check_name(name)

    async def problems(self, request: RegisterRequest) -> tuple[Problem, ...]:
        """What is wrong with the fields of a form: fast, reads no file."""
        return await self._registering.problems(request)

    async def seen_problems(self, request: RegisterRequest) -> tuple[Problem, ...]:
        """What a short look at the files shows to be wrong, as far as it can be told within look_seconds."""
        return await self._registering.seen_problems(request, within=self._look_seconds)

    def expect_reading(self) -> None:
        """Somebody will want to look at data soon: the readers get ready in the background."""
        self._reader.warm()

    async def inspect(self, definition: Definition, *, guess: bool = False, actor: Actor | None = None) -> Inspection:
        """Files, schema and first rows of a source before registering. Raises SourceProblem.

        actor: who looks; rows are only for somebody who may read what lies there.
        """
        found = await self._registering.inspect(definition, guess=guess)
        if not found.rows:
            return found
        allowed = actor is not None and (await self._may_look(actor, "", definition)).allowed
        return found if allowed else replace(found, rows=())

    async def register(self, request: RegisterRequest, *, registration_id: str, progress: Progress) -> Registered:
        """Register once every check has passed; idempotent by registration_id. See `Registering.register`."""
        return await self._registering.register(request, registration_id=registration_id, progress=progress)

    # Finding

    async def search(self, query: DatasetQuery) -> DatasetPage:
        """A page of a list, from the local index."""
        return await self._index.search(query)

    async def suggest(self, text: str, limit: int = 100) -> tuple[DatasetSummary, ...]:
        """Datasets for a type-ahead, from the local index."""
        return await self._index.suggest(text, limit=limit)

    async def watched_by(self, actor: Actor, limit: int = 100) -> DatasetPage:
        """What a person watches, last changed first; total: all of it, up to a thousand."""
        watched = await self._watched_by(actor)
        return DatasetPage(watched[:limit], total=len(watched), offset=0)

    async def changed_for(self, actor: Actor, limit: int = 100) -> DatasetPage:
        """Datasets whose files changed under their latest version: the person's own first, then what they watch."""
        mine = DatasetQuery(owner=actor.user_id, drifting=True, sort="modified", limit=limit)
        own, watched = await asyncio.gather(self._index.search(mine), self._watched_by(actor))
        others = [each for each in watched if each.state in DRIFTING and each.owner != actor.user_id]
        return DatasetPage((*own.items, *others)[:limit], total=own.total + len(others), offset=0)

    async def _watched_by(self, actor: Actor) -> tuple[DatasetSummary, ...]:
        return await self._index.get_many(await self._records.watched_by(actor.user_id, WATCHED_LIMIT))

    def linked(self, url: str) -> tuple[str, int | None] | None:
        """The dataset and version (None: the latest) whose page in the studio this is, None for anything else."""
        return self._catalog.linked(url)

    async def dataset(self, name: str) -> Dataset:
        """What is recorded of a dataset itself, without its versions. Raises NotFound."""
        return await self._lookup.dataset(name)

    async def show(self, name: str, version: int | None = None) -> DatasetCard:
        """All that is recorded of one version, the latest without a number; reads no file. Raises NotFound."""
        dataset = await self._lookup.dataset(name)
        found = await self._lookup.version(dataset, version)
        url = self._catalog.studio_url(name, found.version)
        return DatasetCard(dataset, found, versions=dataset.latest_version, studio_url=url)

    async def versions(self, name: str, offset: int = 0, limit: int = 100) -> VersionPage:
        """Versions, newest first, each with what it changed. Raises NotFound."""
        # One more than asked for: the predecessor of the page's last version.
        dataset, found = await asyncio.gather(
            self._lookup.dataset(name),
            self._catalog.versions(name, offset=offset, limit=limit + 1),
            return_exceptions=True,
        )
        if isinstance(dataset, BaseException):
            raise dataset  # it knows what may have been meant
        if isinstance(found, BaseException):
            raise found
        known = await self._records.enrich_versions(found)
        older = [*known[1:], None] if known else []
        items = tuple(
            VersionLine(version, changes_in_short(before, version))
            for version, before in zip(known, older, strict=True)
        )
        return VersionPage(dataset, items[:limit], total=dataset.latest_version, offset=offset)

    # Comparing, using, looking into

    async def diff(
        self,
        name_a: str,
        version_a: int | None,
        name_b: str,
        version_b: int | None,
        *,
        values_for: Actor | None = None,
    ) -> VersionDiff:
        """What differs from the first version to the second, the latest where no number is given.

        values_for: also compare the values, for this person, who must be allowed to read both. When that cannot be
        done, the rest stands and shift_note says why. Raises NotFound.
        """
        before = await self._lookup.version(await self._lookup.dataset(name_a), version_a)
        after = await self._lookup.version(await self._lookup.dataset(name_b), version_b)
        old, new = await asyncio.gather(
            self._records.fingerprint(before.name, before.version),
            self._records.fingerprint(after.name, after.version),
        )
        shifts, note = await self._shifts(values_for, before, after, old, new) if values_for is not None else ((), "")
        return compare_versions(before, after, old, new, shifts=shifts, note=note)

    async def _shifts(
        self,
        actor: Actor,
        before: DatasetVersion,
        after: DatasetVersion,
        old: Fingerprint | None,
        new: Fingerprint | None,
    ) -> tuple[tuple[ColumnShift, ...], str]:
        for version in (before, after):
            if version.definition.type is not DatasetType.TABULAR:
                return (), f"{version.label} is a file dataset: there are no columns whose values could be compared."
        for version in (before, after):
            permission = await self._may_look(actor, version.name, version.definition)
            if not permission.allowed:
                return (), f"The values were not compared. {permission.sentence} {ask_for_access(version.name)}"
        try:
            return await self._quick_drift.between(before, after, old, new)
        except UserError as error:
            return (), f"The values were not compared. {error.sentence}"

    async def keep_profile(self, name: str, version: int, progress: Progress | None = None) -> None:
        """Count what drift compares a Tabular version by, also as it is compared with the version before.

        Raises NotFound, SourceProblem. Repeating it changes nothing.
        """
        dataset = await self._lookup.dataset(name)
        found = await self._lookup.version(dataset, version)
        if found.definition.type is not DatasetType.TABULAR:
            return
        await self.profiles.profile(found, progress=progress)
        if version > 1:
            before = await self.profiles.kept(await self._lookup.version(dataset, version - 1))
            if before is not None:
                await self.profiles.profile(found, plan=before.data, progress=progress)

    async def usage(self, name: str, version: int | None = None) -> UsageGuide:
        """Snippets that read the dataset, and the access they need. Raises NotFound."""
        dataset = await self._lookup.dataset(name)
        found = await self._lookup.version(dataset, version)
        return usage_guide(found, workspace=self.workspace, datastore=await self._datastore_of(found))

    async def _datastore_of(self, version: DatasetVersion) -> Datastore | None:
        """The datastore a version points to, None for web addresses and when it is gone."""
        source = version.definition.source
        if not isinstance(source, DatastoreSource):
            return None
        try:
            datastore = await self._datastores.get(source.datastore)
            if self._folder_of is not None:
                datastore = replace(datastore, location=str(await self._folder_of(datastore.name)))
        except (NotFound, SourceProblem):
            return None  # what is told of it says that it is gone
        return datastore

    async def preview(self, actor: Actor, name: str, version: int | None = None) -> Preview:
        """First rows and a profile of the data as they are now. Raises NotFound, NotAllowed, SourceProblem."""
        dataset = await self._lookup.dataset(name)
        found = await self._lookup.version(dataset, version)
        if not actor.user_id:
            raise NotAllowed(f"Only members of this workspace may look into “{name}”.")
        permission = await self._access.may_read(actor, dataset.name, found.definition.source)
        if not permission.allowed:
            raise NotAllowed(await self._what_to_ask_for(permission, found), code=NO_ACCESS)
        return await self._reader.preview(found.definition, rows=self._preview_rows, profile_rows=self._profile_rows)

    async def _what_to_ask_for(self, permission: Permission, version: DatasetVersion) -> str:
        """Why somebody may not look into a version, and how they come to access."""
        said = [permission.sentence]
        if not self.workspace.is_local:
            said.append(access_note(version, self.workspace, await self._datastore_of(version)))
        return " ".join([*said, ask_for_access(version.name)])

    async def _may_look(self, actor: Actor, name: str, definition: Definition) -> Permission:
        """As `DataAccess.may_read`, where something else than the data is left to show."""
        try:
            return await self._access.may_read(actor, name, definition.source)
        except UserError as error:
            return Permission(False, error.sentence)

    async def lineage(self, name: str, version: int | None = None) -> Lineage:
        """Where a version comes from, what came after and what is known of its use. Raises NotFound."""
        return await self._lineage.of(name, version)

    async def labels(self, name: str) -> LabelReport:
        """Label counts of the latest version and progress of labelling projects. Raises NotFound."""
        dataset = await self._lookup.dataset(name)
        label = f"{dataset.name}:{dataset.latest_version}"
        if self._labels is None:
            note = "This workspace is a folder and has no labelling projects; they belong to Azure Machine Learning."
            return label_report(dataset, label, None, (), note)
        counts: LabelCounts | None = None
        projects: tuple[LabelingProject, ...] = ()
        notes = []
        try:
            counts = await self._labels.counts(dataset.name, dataset.latest_version)
        except UserError as error:
            notes.append(f"The labels were not counted. {error.sentence}")
        try:
            projects = await self._labels.projects()
        except UserError as error:
            notes.append(f"Labelling projects could not be asked. {error.sentence}")
        return label_report(dataset, label, counts, projects, " ".join(notes))

    # Curating

    async def change_tags(
        self, actor: Actor, name: str, put: Sequence[tuple[str, str]], remove: Sequence[str]
    ) -> Dataset:
        """Add or replace some tags and remove others. Raises NotFound, NotAllowed, InvalidInput."""
        return await self._curation.change_tags(actor, name, put, remove)

    async def describe(self, actor: Actor, name: str, description: str) -> Dataset:
        """Replace the description. Raises NotFound, NotAllowed, InvalidInput."""
        return await self._curation.describe(actor, name, description)

    async def deprecate(self, actor: Actor, name: str, replaced_by: str, reason: str) -> Dataset:
        """Say that it should not be used any more, and what to use instead ("" for nothing)."""
        return await self._curation.deprecate(actor, name, replaced_by, reason)

    async def reinstate(self, actor: Actor, name: str) -> Dataset:
        """Take a deprecation back. Raises NotFound, NotAllowed, InvalidInput."""
        return await self._curation.reinstate(actor, name)

    async def set_owner(self, actor: Actor, name: str, owner: str) -> Dataset:
        """Hand a dataset over ("" for nobody). Raises NotFound, NotAllowed."""
        return await self._curation.set_owner(actor, name, owner)

    async def watch(self, actor: Actor, name: str, watching: bool) -> Dataset:
        """Begin or end watching it for oneself. Raises NotFound."""
        return await self._curation.watch(actor, name, watching)

    # Version truth

    async def recheck(self, name: str, version: int | None = None) -> tuple[FingerprintCheck | None, FingerprintCheck]:
        """Compare a version's files with its fingerprint now: (the check before, this one)."""
        return await self._truth.recheck(name, version)

    async def recheck_due(self, limit: int = 20) -> tuple[Recheck, ...]:
        """Re-check what is due; returns what is news for owners and watchers."""
        return await self._truth.recheck_due(older_than=self._recheck_after, limit=limit)
