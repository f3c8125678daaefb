"""What the services need from the outside, as protocols. Adapters under `services/` implement them.

Every method is safe to call from the event loop: adapters move blocking work elsewhere. All raise `UserError`s
for what a person can act on and anything else for faults.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from services.actor import Actor
from services.datasets.labels import LabelCounts, LabelingProject
from services.datasets.model import (
    Dataset,
    DatasetMark,
    DatasetPage,
    DatasetQuery,
    DatasetSummary,
    DatasetVersion,
    DatastoreSource,
    Definition,
    Deprecation,
    Fingerprint,
    FingerprintCheck,
    Inspection,
    Listing,
    Preview,
    RegisterRequest,
    Source,
    VersionStats,
)
from services.datasets.rules import Permission
from services.datastores.model import Datastore, DatastoreRequest
from services.drift.comparison import Comparison
from services.drift.settings import CompareSettings
from services.outbox import Notice

Progress = Callable[[str], Awaitable[None]]
"""Called with a short sentence whenever a long piece of work enters a new step."""


class Clock(Protocol):
    """Time as an input."""

    def now(self) -> datetime:
        """The present moment, timezone-aware, UTC."""
        ...


class Catalog(Protocol):
    """The workspace's registry of datasets: what Azure Machine Learning itself keeps.

    A `Dataset` or `DatasetVersion` from here carries only that (no owner, watchers, fingerprint or stats).
    """

    async def get(self, name: str) -> Dataset:
        """The dataset. Raises NotFound."""
        ...

    async def version(self, name: str, version: int | None = None) -> DatasetVersion:
        """One version, the latest without a number. Raises NotFound."""
        ...

    async def versions(self, name: str, *, offset: int = 0, limit: int = 100) -> tuple[DatasetVersion, ...]:
        """Versions, newest first. Raises NotFound."""
        ...

    async def find_identical(self, definition: Definition, fingerprint: Fingerprint) -> tuple[str, int] | None:
        """(name, version) already registered with the same definition and data, if any."""
        ...

    async def register(
        self, request: RegisterRequest, fingerprint: Fingerprint, *, registration_id: str
    ) -> DatasetVersion:
        """Create the dataset or its next version. Raises NameTaken, IdenticalData.

        registration_id: idempotency key; a repeated call with the same key returns the version made the first time.
        """
        ...

    async def set_description(self, name: str, description: str) -> Dataset:
        """Replace the description. Raises NotFound."""
        ...

    async def change_tags(self, name: str, *, put: Sequence[tuple[str, str]], remove: Sequence[str]) -> Dataset:
        """Add or replace some tags and remove others, leaving the rest alone. Raises NotFound."""
        ...

    async def changes(self, cursor: str, limit: int = 1000) -> tuple[tuple[DatasetSummary, ...], str]:
        """Datasets changed after `cursor` ("" for all), oldest change first, and the cursor to go on from.

        A dataset that is not registered any more comes once with latest_version 0.
        """
        ...

    async def resolve_names(self, prefix: str, limit: int = 5) -> tuple[str, ...]:
        """Existing names that begin with prefix, for "did you mean"."""
        ...

    def studio_url(self, name: str, version: int) -> str | None:
        """The page of this version in the studio, None where there is no studio."""
        ...

    def linked(self, url: str) -> tuple[str, int | None] | None:
        """The dataset of this workspace, and the version or None for the latest, whose page in the studio this is."""
        ...


class DatastoreCatalog(Protocol):
    """The workspace's datastores."""

    async def all(self) -> tuple[Datastore, ...]:
        """All datastores by name, the default one marked."""
        ...

    async def get(self, name: str) -> Datastore:
        """One datastore. Raises NotFound with suggestions."""
        ...

    async def require(self, name: str) -> None:
        """As `get`, for an acknowledgement that waits for nothing but whether there is one. Raises NotFound."""
        ...

    async def default(self) -> Datastore:
        """The default datastore."""
        ...

    async def register(self, request: DatastoreRequest) -> Datastore:
        """Test the connection, then register. Raises NameTaken, InvalidInput, SourceProblem."""
        ...

    async def set_default(self, name: str) -> Datastore:
        """Make it the default. Raises NotFound."""
        ...


class FileDrop(Protocol):
    """Where files that people hand over are put, so that datasets can be made of them. limit: bytes of the largest."""

    limit: int

    async def put(self, key: str, name: str, content: AsyncIterator[bytes]) -> DatastoreSource:
        """Put a file into the default datastore; where it lies there.

        key: what is the same for the same file. What lies there already is never overwritten: the same content is
        found again, other content gets a name of its own. Raises SourceProblem, also for an empty or too large file.
        """
        ...


class Labels(Protocol):
    """Labelled datasets and labelling projects. A workspace that has none offers no such port."""

    async def counts(self, name: str, version: int) -> LabelCounts | None:
        """The labels of a version, None when it is not a labelled dataset. Raises NotFound, SourceProblem."""
        ...

    async def projects(self) -> tuple[LabelingProject, ...]:
        """The workspace's labelling projects and how far they are. Raises NotAllowed, Unavailable."""
        ...


IsNews = Callable[[FingerprintCheck | None, FingerprintCheck], bool]
"""Is a check news to owner and watchers, after the one before it?"""


class Records(Protocol):
    """What the bot itself remembers about datasets, whatever the workspace behind them."""

    async def owner(self, name: str) -> str: ...

    async def set_owner(self, name: str, owner: str) -> None: ...

    async def watchers(self, name: str) -> tuple[str, ...]: ...

    async def set_watching(self, name: str, user: str, watching: bool) -> None: ...

    async def watched_by(self, user: str, limit: int) -> tuple[str, ...]:
        """Names of datasets that a person watches, in the order of names."""
        ...

    async def set_deprecation(self, name: str, deprecation: Deprecation | None, notices: Sequence[Notice] = ()) -> None:
        """Deprecate, or take it back (None), and tell of it in the same transaction."""
        ...

    async def record_version(
        self, name: str, version: int, *, registered_by: str, fingerprint: Fingerprint, stats: VersionStats
    ) -> None:
        """Remember a registered version. Repeating it replaces the record."""
        ...

    async def enrich_dataset(self, dataset: Dataset) -> Dataset:
        """The same dataset with owner, watchers and deprecation filled in."""
        ...

    async def enrich_versions(self, versions: Sequence[DatasetVersion]) -> tuple[DatasetVersion, ...]:
        """The same versions with registrar, stats and last fingerprint check filled in, in one query."""
        ...

    async def fingerprint(self, name: str, version: int) -> Fingerprint | None: ...

    async def set_check(
        self, name: str, version: int, check: FingerprintCheck, is_news: IsNews | None = None
    ) -> FingerprintCheck | None:
        """Store the outcome of a re-check; returns the one before it.

        is_news: of the check before and this one; where it is, the version is noted as `untold` with it.
        """
        ...

    async def told(self, name: str, version: int, notices: Sequence[Notice], at: datetime) -> bool:
        """Tell the news of an untold version, and note that it is told, in one transaction.

        Returns False, and tells nothing, where another has told it.
        """
        ...

    async def tell(self, notices: Sequence[Notice], at: datetime) -> None:
        """Tell what has happened; a notice whose key was told is left out."""
        ...

    async def untold(self, limit: int) -> tuple[tuple[str, int], ...]:
        """(name, version) whose last check is news that nobody was told of yet, oldest check first."""
        ...

    async def due_for_check(self, before: datetime, limit: int) -> tuple[tuple[str, int], ...]:
        """(name, version) whose last check is older than `before`, oldest first; latest and watched ones first."""
        ...

    async def changes(self, cursor: str, limit: int = 1000) -> tuple[tuple[DatasetMark, ...], str]:
        """Datasets whose owner or newest version's check changed after `cursor` ("" for all), oldest change first.

        The second value is the cursor to go on from; it is unchanged when nothing changed. A name may come again
        (the latest mark counts), and may come before the catalogue tells of the dataset. This is what lets the
        index show owners and badges without asking about each dataset: every set_owner, record_version and
        set_check of a dataset's newest recorded version must show up here once it is committed.
        """
        ...


class DataReader(Protocol):
    """Reads the data behind a definition, outside the acknowledging process, bounded in time and memory."""

    def warm(self) -> None:
        """Somebody will want to read data soon: get ready in the background, returning at once."""
        ...

    async def list_files(self, source: Source, *, limit: int = 10_000) -> Listing:
        """What the source matches. Raises SourceProblem when a datastore or URL cannot be reached or is not allowed."""
        ...

    async def fingerprint(
        self, source: Source, progress: Progress | None = None, *, previous: Fingerprint | None = None
    ) -> Fingerprint:
        """Every file with size, last modified and content hash (or ETag). Raises SourceProblem.

        previous: an earlier fingerprint of the same source; files whose size and time are as then need not be read.
        """
        ...

    async def inspect(self, definition: Definition, *, sample_rows: int = 10, guess: bool = False) -> Inspection:
        """Files, and for Tabular the schema and first rows. guess: find out delimiter, header, encoding, format."""
        ...

    async def preview(self, definition: Definition, *, rows: int = 10, profile_rows: int = 100_000) -> Preview:
        """First rows and a column profile over at most profile_rows rows."""
        ...

    async def profile(
        self,
        definition: Definition,
        *,
        plan: bytes | None = None,
        name: str = "",
        fingerprint: str = "",
        progress: Progress | None = None,
    ) -> bytes:
        """Everything that drift needs to know of a Tabular definition, counted in one scan; see services.drift.encode.

        plan: an encoded profile that this one is to be compared with or added to; it is counted where that one was.
        name: how a person calls the data; fingerprint: digest of their files. Raises SourceProblem.
        """
        ...

    async def profile_days(
        self,
        definition: Definition,
        column: str,
        *,
        plan: bytes | None = None,
        name: str = "",
        fingerprint: str = "",
        progress: Progress | None = None,
    ) -> tuple[tuple[str, bytes], ...]:
        """As `profile`, but (day in UTC as 2026-01-31, encoded profile of its rows), in one scan.

        column: of dates or times. The last one, "none", has the rows without a time. Raises SourceProblem.
        """
        ...

    async def compare(self, baseline: bytes, target: bytes, settings: CompareSettings) -> Comparison:
        """Two encoded profiles, the target's made with the baseline's as its plan; reads no data."""
        ...

    async def compare_again(
        self, baseline: tuple[bytes, Definition], target: tuple[bytes, Definition], settings: CompareSettings
    ) -> Comparison:
        """As `compare`, but reads the data again for columns whose verdict depends on it, in bounded memory.

        The definitions must still give the data that the profiles are of. Raises SourceProblem.
        """
        ...

    async def add_up(self, profiles: Sequence[bytes]) -> bytes:
        """The encoded profile of the data of several, all made with one plan: a window of days is a sum."""
        ...

    async def draw(self, comparison: Comparison, *, dark: bool = False) -> bytes:
        """A PNG of the columns that moved most."""
        ...


class Profiles(Protocol):
    """Profiles that were made, so that no data are counted twice. fingerprint: digest of the files they are of."""

    async def own(self, name: str, version: int, fingerprint: str) -> bytes | None:
        """The profile of these data with the plan that was made for them, None if there is none."""
        ...

    async def get(self, name: str, version: int, fingerprint: str, plan: str) -> bytes | None:
        """The profile of these data with the plan of this id."""
        ...

    async def put(
        self, name: str, version: int, fingerprint: str, data: bytes, *, own: bool, day: tuple[str, str] = ("", "")
    ) -> None:
        """Keep an encoded profile. own: its plan was made for these data.

        day: (column of times, day as 2026-01-31 or "none") if it is of this day's rows alone.
        """
        ...

    async def days(
        self, name: str, version: int, fingerprint: str, plan: str, *, column: str, first: str, last: str
    ) -> tuple[bytes, ...] | None:
        """Profiles of the days from first to last that have rows, in their order.

        None where the days by this column were not counted to the end, which "none", kept last, tells.
        """
        ...

    async def sweep(self, unused_since: datetime) -> int:
        """Forget what nobody has looked up since then; returns how many profiles that were."""
        ...


class DataAccess(Protocol):
    """Who may see what data hold: rows, values and what is computed from them."""

    async def may_read(self, actor: Actor, name: str, source: Source) -> Permission:
        """Does this person's own access let them read these data? Fails closed.

        name: the dataset whose version points to the source, "" for a source that is not registered. Raises
        Unavailable when it cannot be found out now.
        """
        ...


class DatasetIndex(Protocol):
    """The local index of the workspace: lists and type-ahead never wait for anything else."""

    async def search(self, query: DatasetQuery) -> DatasetPage: ...

    async def suggest(self, text: str, *, limit: int = 100) -> tuple[DatasetSummary, ...]:
        """Names for a type-ahead: prefix first, then word prefix, then typo-tolerant. Empty text: recently changed."""
        ...

    async def get(self, name: str) -> DatasetSummary | None: ...

    async def get_many(self, names: Sequence[str]) -> tuple[DatasetSummary, ...]:
        """The entries of these names, last changed first; unknown names are left out."""
        ...

    async def closest(self, name: str, limit: int = 3) -> tuple[str, ...]:
        """Existing names nearest to a mistyped one, best first."""
        ...

    async def refresh(self) -> int:
        """Bring the index up to date with the catalogue; returns how many entries changed."""
        ...
