"""The words of Azure Machine Learning's datasets as plain values.

Names and meanings follow SDK v1 (`azureml.core.Dataset`): a dataset has a type and integer versions from 1;
a version is a pointer (a definition) to data that may change under it, which is why the bot keeps a fingerprint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class DatasetType(StrEnum):
    """`file`: streams as they are. `tabular`: rows and typed columns."""

    FILE = "file"
    TABULAR = "tabular"


class FileFormat(StrEnum):
    """How a Tabular dataset's files are read."""

    DELIMITED = "delimited"
    PARQUET = "parquet"
    JSON_LINES = "json_lines"


class ColumnType(StrEnum):
    """Column types as SDK v1's `DataType` names them."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    STREAM = "stream"
    OTHER = "other"  # nested or binary: shown, never convertible


class HeaderMode(StrEnum):
    """SDK v1's `PromoteHeadersBehavior`, as far as one can choose it by a look at the files."""

    ALL_FILES_SAME = "all_files_same"
    FIRST_FILE_ONLY = "first_file_only"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class DatastoreSource:
    """Files of one datastore. paths: relative paths or globs (`*`, `**`, `?`), at least one, `/` separated."""

    datastore: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WebSource:
    """Files behind http(s) URLs, each one file."""

    urls: tuple[str, ...]


Source = DatastoreSource | WebSource


@dataclass(frozen=True, slots=True)
class Format:
    """How rows are read from a Tabular dataset's files. The delimited fields mean nothing for other formats."""

    file_format: FileFormat
    delimiter: str = ","
    header: HeaderMode = HeaderMode.ALL_FILES_SAME
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a version points to and how it is read: the part that makes two versions identical or not."""

    type: DatasetType
    source: Source
    format: Format | None = None  # None exactly for File datasets
    timestamp_column: str | None = None
    partition_format: str | None = None  # e.g. "/{year}/{month}/data.parquet", as SDK v1
    column_types: tuple[tuple[str, ColumnType], ...] = ()  # overrides chosen by the registrar
    # The MLTable text of a definition made elsewhere that the fields above cannot say; then only Azure's own engine
    # reads it as it is meant, and the fields tell what they can.
    mltable: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a schema. nullable: a null was seen or the file says so."""

    name: str
    type: ColumnType
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class FileStamp:
    """One file as it was seen. size in bytes; modified: last modified, UTC; hash: e.g. "sha256:…" or an ETag."""

    path: str
    size: int
    modified: datetime | None
    hash: str | None


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a version's files were. digest: hex sha256 over sorted (path, size, hash or modified)."""

    digest: str
    files: tuple[FileStamp, ...]
    taken_at: datetime

    @property
    def file_count(self) -> int:
        """Number of files."""
        return len(self.files)

    @property
    def total_bytes(self) -> int:
        """Sum of sizes in bytes."""
        return sum(file.size for file in self.files)


class FingerprintState(StrEnum):
    """What a re-check found. GROWN: only new files; VANISHED: files are gone; CHANGED: contents differ."""

    UNCHECKED = "unchecked"
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    GROWN = "grown"
    VANISHED = "vanished"
    UNREACHABLE = "unreachable"


DRIFTING = frozenset({FingerprintState.CHANGED, FingerprintState.GROWN, FingerprintState.VANISHED})
"""The files are not what they were when the version was registered."""


@dataclass(frozen=True, slots=True)
class FingerprintCheck:
    """The latest comparison of a version's recorded fingerprint with its files now. detail: plain sentence."""

    state: FingerprintState
    checked_at: datetime | None
    added: int = 0
    removed: int = 0
    changed: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source matches. names: the first few paths; truncated when the listing stopped at a cap."""

    file_count: int
    total_bytes: int
    names: tuple[str, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Inspection:
    """A source looked at before registering: files, and for tabular data the schema and first rows of a sample.

    rows: strings for display, one tuple a row, cells in the order of `schema`; at most `sample_rows`.
    format: the format used (guessed where none was given). row_count: None when counting would need a full scan.
    notes: plain sentences worth telling beside them (repeated column names, a doubtful delimiter, files left out).
    """

    listing: Listing
    format: Format | None = None
    schema: tuple[Column, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    row_count: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """Profile of one column over a sample. Numbers are None where they mean nothing for the type."""

    name: str
    type: ColumnType
    count: int
    nulls: int
    distinct: int
    minimum: str | None = None
    maximum: str | None = None
    mean: float | None = None
    top: tuple[tuple[str, int], ...] = ()  # most frequent values with counts


@dataclass(frozen=True, slots=True)
class Preview:
    """First rows and a column profile. profiled_rows: rows the profile covers; complete: the whole data were read.

    notes: plain sentences about how the data were read, as in `Inspection`.
    """

    schema: tuple[Column, ...]
    rows: tuple[tuple[str | None, ...], ...]
    profile: tuple[ColumnProfile, ...]
    profiled_rows: int
    complete: bool
    files: tuple[FileStamp, ...] = ()  # for File datasets: the first files instead of rows
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionStats:
    """What the bot learnt of a version's data when it was registered. None: not known (yet)."""

    schema: tuple[Column, ...] = ()
    row_count: int | None = None
    file_count: int | None = None
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """name:version with all that is known of it.

    description and tags: as they were registered with this version. registered_by: Slack user id, "" when unknown.
    """

    name: str
    version: int
    definition: Definition
    description: str
    tags: tuple[tuple[str, str], ...]
    created_at: datetime
    registered_by: str
    stats: VersionStats = VersionStats()
    check: FingerprintCheck = FingerprintCheck(FingerprintState.UNCHECKED, None)

    @property
    def label(self) -> str:
        """`name:version`."""
        return f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class Deprecation:
    """A dataset that should not be used any more, and what replaces it (name or name:version, "" if nothing)."""

    replaced_by: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Dataset:
    """A registered name with its current description, tags and owner (Slack user id, "" when nobody answers for it)."""

    name: str
    type: DatasetType
    description: str
    tags: tuple[tuple[str, str], ...]
    owner: str
    latest_version: int
    created_at: datetime
    modified_at: datetime
    deprecation: Deprecation | None = None
    watchers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """One row of a list, from the local index."""

    name: str
    type: DatasetType
    description: str
    tags: tuple[tuple[str, str], ...]
    owner: str
    latest_version: int
    modified_at: datetime
    deprecated: bool
    state: FingerprintState = FingerprintState.UNCHECKED


@dataclass(frozen=True, slots=True)
class DatasetMark:
    """What the bot itself knows of a dataset, for the index. state: the last check of its newest recorded version."""

    name: str
    owner: str
    state: FingerprintState


@dataclass(frozen=True, slots=True)
class DatasetQuery:
    """`/dataset list …` as values. words: free text, typos forgiven. All given conditions must hold.

    drifting: only datasets whose files changed under their newest version, and those named in `with_incidents`.
    """

    words: str = ""
    tags: tuple[tuple[str, str | None], ...] = ()  # (key, value) or (key, None) for any value
    type: DatasetType | None = None
    owner: str | None = None
    deprecated: bool | None = None  # None: both, deprecated last
    drifting: bool = False
    with_incidents: tuple[str, ...] = ()
    sort: str = "relevance"  # relevance | name | modified
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class DatasetPage:
    """A page of a list. total: all matches. corrected: words the search read otherwise, (typed, read as).

    index_age: seconds since the index last agreed with the workspace. note: a plain sentence about the list as a whole.
    """

    items: tuple[DatasetSummary, ...]
    total: int
    offset: int
    corrected: tuple[tuple[str, str], ...] = ()
    index_age: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """All that `show` tells of one version of a dataset."""

    dataset: Dataset
    version: DatasetVersion
    versions: int
    studio_url: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column whose type differs between two versions. widened: every old value fits the new type."""

    name: str
    before: ColumnType
    after: ColumnType
    widened: bool


@dataclass(frozen=True, slots=True)
class ColumnShift:
    """Quick comparison of one column over samples of two versions. distance: Jensen-Shannon, 0 to 1, base 2."""

    name: str
    type: ColumnType
    distance: float | None
    nulls_before: float  # share 0 to 1
    nulls_after: float


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """What differs from `before` to `after`. Sequences are empty where nothing differs."""

    before: DatasetVersion
    after: DatasetVersion
    added_columns: tuple[Column, ...] = ()
    removed_columns: tuple[Column, ...] = ()
    changed_columns: tuple[ColumnChange, ...] = ()
    added_files: tuple[FileStamp, ...] = ()
    removed_files: tuple[FileStamp, ...] = ()
    changed_files: tuple[tuple[FileStamp, FileStamp], ...] = ()
    unchanged_file_count: int = 0
    added_tags: tuple[tuple[str, str], ...] = ()
    removed_tags: tuple[tuple[str, str], ...] = ()
    changed_tags: tuple[tuple[str, str, str], ...] = ()  # key, before, after
    definition_changes: tuple[tuple[str, str, str], ...] = ()  # what ("source", "delimiter" …), before, after
    shifts: tuple[ColumnShift, ...] = ()  # largest distance first
    shift_note: str = ""  # what the quick comparison covers, or why there is none
    files_note: str = ""  # why files could not be compared, empty when they were


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code that runs as pasted. language: "python", "bash" or "yaml"."""

    title: str
    language: str
    code: str


@dataclass(frozen=True, slots=True)
class UsageGuide:
    """`use`: snippets and, in words, the access they need."""

    label: str
    snippets: tuple[Snippet, ...]
    access_note: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with one field of a form. field: a name of `RegisterRequest` or `DatastoreRequest`."""

    field: str
    sentence: str


@dataclass(frozen=True, slots=True)
class RegisterRequest:
    """Everything a person filled in to register a dataset."""

    name: str
    definition: Definition
    requested_by: str
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    owner: str = ""  # "" means the registrar
    create_new_version: bool = False


@dataclass(frozen=True, slots=True)
class Registered:
    """The outcome of registering. notes: plain sentences about how the data were read, as in `Inspection`.

    changes: what it changed against its predecessor, short phrases; empty for a first version.
    """

    version: DatasetVersion
    dataset: Dataset
    fingerprint: Fingerprint = field(repr=False)
    notes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NameCheck:
    """What would happen to a name: problem (a sentence) if Azure's rules refuse it, else the next version number."""

    name: str
    problem: str | None
    exists: bool
    next_version: int
    type: DatasetType | None = None  # type of the existing dataset
