"""The register form as values: what was typed, how it is read from a view, and the request that it means."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import cache

from pydantic import JsonValue, TypeAdapter

from handlers.message import Json
from handlers.packed import METADATA_LIMIT, pack, unpack
from handlers.view_state import ViewState
from services.datasets.model import (
    ColumnType,
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    Format,
    HeaderMode,
    Problem,
    RegisterRequest,
    WebSource,
)
from services.datasets.names import parse_tags
from services.datasets.open_datasets import OpenDataset, open_dataset
from services.errors import InvalidInput

FIELD_LIMIT = 3000
"""Characters that a text field of a modal holds. https://docs.slack.dev/reference/block-kit/block-elements"""

ROOM_IN_FORM = 1800
"""Characters of the form's metadata that chosen column types may take."""

FILLED = frozenset({"description", "tags", "owner"})
"""Fields that an existing dataset fills in; see `handlers.datasets.register_current`."""

GUESS = "guess"
OTHER = "other"

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}


class SourceKind(StrEnum):
    """Where the files are."""

    DATASTORE = "datastore"
    WEB = "web"
    OPEN = "open"


_PLACES = {
    SourceKind.DATASTORE: frozenset({"datastore", "paths"}),
    SourceKind.WEB: frozenset({"urls"}),
    SourceKind.OPEN: frozenset({"open_dataset"}),
}


@dataclass(frozen=True, slots=True)
class RegisterForm:
    """Everything typed, as typed. The names of most fields are their block ids as well.

    format: "guess" or a FileFormat. delimiter: a name in DELIMITERS or "other". paths, urls: one a line.
    open_dataset: the id of an Azure Open Dataset, which brings its own type and format.
    checked: what the last look at the source found, one fact a line. checking: a look is under way.
    channel, thread_ts: where the command came from.
    filled_from: mark of the dataset whose description, tags and owner were filled in, "" for none. filled: marks of
    these texts by field. fills: how often that happened; Slack shows a new text only in a block of another id.
    in_azure: the workspace is in Azure, where Azure Open Datasets are offered.
    """

    name: str = ""
    new_version: bool = False
    type: DatasetType = DatasetType.TABULAR
    source: SourceKind = SourceKind.DATASTORE
    datastore: str = ""
    paths: str = ""
    urls: str = ""
    open_dataset: str = ""
    format: str = GUESS
    delimiter: str = "comma"
    other_delimiter: str = ""
    header: HeaderMode = HeaderMode.ALL_FILES_SAME
    encoding: str = "utf-8"
    timestamp_column: str = ""
    partition_format: str = ""
    column_types: tuple[tuple[str, ColumnType], ...] = ()
    description: str = ""
    tags: str = ""
    owner: str = ""
    checked: str = ""
    checking: bool = False
    channel: str = ""
    thread_ts: str = ""
    filled_from: str = ""
    filled: tuple[tuple[str, str], ...] = ()
    fills: int = 0
    in_azure: bool = False

    def block_id(self, field: str) -> str:
        """The block id of a field."""
        return f"{field}:{self.fills}" if self.fills and field in FILLED else field

    @property
    def inputs(self) -> frozenset[str]:
        """The fields that this form shows."""
        shown = {"name", "new_version", "source", "description", "tags", "owner", *_PLACES[self.source]}
        if self.source is not SourceKind.OPEN:
            shown |= {"type", "partition_format"}
        if self.type is DatasetType.TABULAR and self.source is not SourceKind.OPEN:
            shown |= {"format", "timestamp_column"}
            if self.format == FileFormat.DELIMITED:
                shown |= {"delimiter", "header", "encoding"}
                if self.delimiter == OTHER:
                    shown.add("other_delimiter")
        if len(pack(self._kept(frozenset(shown)))) > METADATA_LIMIT:
            # What no longer fits behind the form stays in sight rather than being lost.
            shown |= {field for field in ("datastore", "paths", "urls") if getattr(self, field)}
        return frozenset(shown)

    @property
    def metadata(self) -> str:
        """What the form must remember beside its visible fields, for private_metadata."""
        shown = self.inputs
        packed = pack(self._kept(shown))
        if len(packed) > METADATA_LIMIT:
            packed = pack(replace(self, checked="")._kept(shown))
        return packed

    def _kept(self, shown: frozenset[str]) -> dict[str, JsonValue]:
        return {key: value for key, value in self.values().items() if key not in shown and key != "checking"}

    def values(self) -> dict[str, JsonValue]:
        """The fields that are not at their default, as JSON."""
        mine = {field.name: getattr(self, field.name) for field in _FIELDS}
        return {
            key: [list(pair) for pair in value] if key in {"column_types", "filled"} else value
            for key, value in mine.items()
            if value != _DEFAULTS[key]
        }

    @classmethod
    def from_values(cls, values: dict[str, JsonValue]) -> RegisterForm:
        """The reverse of `values`; unknown fields and values that do not fit are left at their default."""
        try:
            return _adapter().validate_python({k: v for k, v in values.items() if k in _DEFAULTS})
        except ValueError:
            return cls()

    @classmethod
    def parse(cls, view: Json) -> RegisterForm:
        """Read the form from a view as Slack delivers it: what is shown, and what the view remembers."""
        state = ViewState.of(view)
        values = cls.from_values(unpack(str(view.get("private_metadata") or "")))
        texts = (
            "name",
            "paths",
            "urls",
            "other_delimiter",
            "timestamp_column",
            "partition_format",
            "description",
            "tags",
        )
        typed: dict[str, JsonValue] = {
            field: state.text(values.block_id(field)) for field in texts if state.has(values.block_id(field))
        }
        for field in ("type", "source", "datastore", "open_dataset", "format", "delimiter", "header", "encoding"):
            if state.has(field) and (choice := state.choice(field)):
                typed[field] = choice
        if state.has(values.block_id("owner")):
            typed["owner"] = state.user(values.block_id("owner"))
        for block_id in (NEW_VERSION, NEXT_VERSION):
            if state.has(block_id):
                typed["new_version"] = state.ticked(block_id)
        return cls.from_values({**values.values(), **typed})

    def read(self, requested_by: str) -> tuple[RegisterRequest, tuple[Problem, ...]]:
        """The request that the form means, and the fields that cannot be read at all."""
        problems: list[Problem] = []
        tags: tuple[tuple[str, str], ...] = ()
        try:
            tags = parse_tags(self.tags)
        except InvalidInput as error:
            problems.append(Problem("tags", error.sentence))
        opened = self.opened
        if opened is not None and opened.tag[0] not in dict(tags):
            tags = (*tags, opened.tag)
        request = RegisterRequest(
            name=self.name.strip(),
            definition=self.definition(),
            requested_by=requested_by,
            description=self.description.strip(),
            tags=tags,
            owner=self.owner,
            create_new_version=self.new_version,
        )
        return request, tuple(problems)

    def definition(self) -> Definition:
        """Where the data are and how they are read. What belongs to the other type or source does not count."""
        if self.source is SourceKind.OPEN:
            opened = self.opened
            return opened.definition if opened is not None else Definition(self.type, WebSource(()))
        source: DatastoreSource | WebSource
        if self.source is SourceKind.DATASTORE:
            source = DatastoreSource(self.datastore, tuple(filter(None, map(str.strip, self.paths.splitlines()))))
        else:
            source = WebSource(tuple(self.urls.split()))
        tabular = self.type is DatasetType.TABULAR
        return Definition(
            type=self.type,
            source=source,
            format=self._format() if tabular else None,
            timestamp_column=(self.timestamp_column.strip() or None) if tabular else None,
            partition_format=self.partition_format.strip() or None,
            column_types=self.column_types if tabular else (),
        )

    @property
    def opened(self) -> OpenDataset | None:
        """The Azure Open Dataset that was chosen as the source."""
        return open_dataset(self.open_dataset) if self.source is SourceKind.OPEN else None

    def _format(self) -> Format | None:
        if self.format == GUESS:
            return None
        if self.format != FileFormat.DELIMITED:
            return Format(FileFormat(self.format))
        return Format(FileFormat.DELIMITED, self._delimiter(), self.header, self.encoding)

    def _delimiter(self) -> str:
        if self.delimiter != OTHER:
            return DELIMITERS.get(self.delimiter, ",")
        typed = self.other_delimiter
        return DELIMITERS.get(typed.strip().lower(), {"\\t": "\t"}.get(typed, typed))

    @classmethod
    def from_request(cls, request: RegisterRequest, *, channel: str = "", thread_ts: str = "") -> RegisterForm:
        """The form that means this request, for going back to it."""
        definition = request.definition
        source, form = definition.source, definition.format or Format(FileFormat.DELIMITED)
        names = {character: name for name, character in DELIMITERS.items()}
        delimiter = names.get(form.delimiter, OTHER)
        on_datastore = isinstance(source, DatastoreSource)
        return cls(
            name=request.name,
            new_version=request.create_new_version,
            type=definition.type,
            source=SourceKind.DATASTORE if on_datastore else SourceKind.WEB,
            datastore=source.datastore if isinstance(source, DatastoreSource) else "",
            paths="\n".join(source.paths) if isinstance(source, DatastoreSource) else "",
            urls="\n".join(source.urls) if isinstance(source, WebSource) else "",
            format=form.file_format.value if definition.format else GUESS,
            delimiter=delimiter,
            other_delimiter=form.delimiter if delimiter == OTHER else "",
            header=form.header,
            encoding=form.encoding,
            timestamp_column=definition.timestamp_column or "",
            partition_format=definition.partition_format or "",
            column_types=definition.column_types,
            description=request.description,
            tags=tags_text(request.tags),
            owner=request.owner,
            channel=channel,
            thread_ts=thread_ts,
        )

    def errors(self, problems: tuple[Problem, ...]) -> dict[str, str]:
        """Problems by the block id of a field that the form shows, as Slack's `errors`; the first of each field."""
        found: dict[str, str] = {}
        for problem in problems:
            found.setdefault(self._block_of(problem.field), problem.sentence)
        return found

    def _block_of(self, field: str) -> str:
        candidates = {
            "delimiter": ("other_delimiter", "delimiter", "format"),
            "header": ("header", "format"),
            "column_types": ("format",),
            "folder": ("datastore", "paths"),
            "paths": ("paths", "urls", "open_dataset"),
            "urls": ("urls", "open_dataset", "paths"),
            "type": ("type", "open_dataset"),
            "encoding": ("encoding", "format"),
        }.get(field, (field,))
        shown = self.inputs
        return self.block_id(next((block for block in candidates if block in shown), "name"))


@cache
def _adapter() -> TypeAdapter[RegisterForm]:
    """What reads a form; making it takes longer than everything else that a submission waits for."""
    return TypeAdapter(RegisterForm)


_FIELDS = fields(RegisterForm)
_DEFAULTS: dict[str, JsonValue] = {field.name: getattr(RegisterForm(), field.name) for field in _FIELDS}

NEW_VERSION = "new_version"
NEXT_VERSION = "next_version"
"""The same box once the name is known to exist: another block id, for Slack keeps what was ticked in a kept block."""


def tags_text(tags: tuple[tuple[str, str], ...]) -> str:
    """Tags as one types them, one a line, quoted where a blank or separator would end the value."""
    return "\n".join(_typed(key, value) for key, value in tags)


def _typed(key: str, value: str) -> str:
    def quoted(text: str) -> str:
        if text and not any(c.isspace() or c in ",;=\"'“”„«»‘’" for c in text):
            return text
        return f"'{text}'" if '"' in text else f'"{text}"'

    return f"{quoted(key)}={quoted(value)}"
