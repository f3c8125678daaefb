"""What Azure keeps as a dataset's definition (MLTable YAML in a dataflow's JSON) and the bot's `Definition`.

Pure. Shapes: read from azureml-dataprep 5.5 (`EnginelessDataflow`) and from what azureml-core 1.61 writes.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

import yaml

from services.datasets.model import (
    ColumnType,
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    Format,
    HeaderMode,
    Source,
    WebSource,
)
from services.errors import InvalidInput

TIMESTAMP_PROPERTY = "_TimeSeries_Column:FineGrainTimestamp_"
DIGEST_KEY = "dataset_bot_data"
"""Key in the YAML's metadata: hash of definition and data. Azure takes a registration whose YAML it has already for a
repetition, so a new version of unchanged paths needs something in the YAML that tells the new data from the old."""

_DATASTORE_URI = re.compile(
    r"azureml://(?:subscriptions/[^/]+/resource[gG]roups/[^/]+/(?:providers/[^/]+/)?workspaces/[^/]+/)?"
    r"datastores/(?P<datastore>[^/]+)/paths/(?P<path>.*)",
    re.DOTALL,
)
_DATASTORE_NAME = re.compile(r"azureml://[^\s\"]*?datastores/([^/\s\"]+)/paths/")
_STORAGE_URI = re.compile(r"(?:wasbs?|abfss?)://(?P<container>[^@/]+)@(?P<host>[^/]+)/(?P<path>.*)", re.DOTALL)
_READERS = {
    "read_delimited": FileFormat.DELIMITED,
    "read_parquet": FileFormat.PARQUET,
    "read_json_lines": FileFormat.JSON_LINES,
}
_HEADERS = {
    "all_files_same_headers": HeaderMode.ALL_FILES_SAME,
    "from_first_file": HeaderMode.FIRST_FILE_ONLY,
    "no_header": HeaderMode.NONE,
}
_SDK_HEADERS = {
    HeaderMode.ALL_FILES_SAME: "ALL_FILES_HAVE_SAME_HEADERS",
    HeaderMode.FIRST_FILE_ONLY: "ONLY_FIRST_FILE_HAS_HEADERS",
    HeaderMode.NONE: "NO_HEADERS",
}
_ENCODINGS = {
    "utf8": "utf-8",
    "iso88591": "iso8859-1",
    "latin1": "iso8859-1",
    "ascii": "ascii",
    "utf16": "utf-16",
    "windows1252": "cp1252",
}
_SDK_ENCODINGS = {
    "utf-8": "utf8",
    "utf-8-sig": "utf8",  # the engine skips a byte order mark by itself
    "iso8859-1": "iso88591",
    "ascii": "ascii",
    "utf-16": "utf16",
    "cp1252": "windows1252",
}
_TYPES = {
    "string": ColumnType.STRING,
    "int": ColumnType.INTEGER,
    "float": ColumnType.DECIMAL,
    "boolean": ColumnType.BOOLEAN,
    "datetime": ColumnType.DATETIME,
    "stream_info": ColumnType.STREAM,
}


@dataclass(frozen=True, slots=True)
class AzureDefinition:
    """A version's definition as read. digest: the bot's mark of definition and data, "" for what others registered."""

    definition: Definition
    digest: str = ""


class _OnlyTheEngineError(Exception):
    """A part of the YAML that `Definition` has no word for."""


def yaml_in(dataflow: str | None) -> str | None:
    """The YAML inside a dataflow's JSON; None for a definition older than that, whose YAML the data service knows."""
    try:
        text = json.loads(dataflow or "")["meta"]["RsDataflow"]
    except (ValueError, KeyError, TypeError):
        return None
    return text if isinstance(text, str) and text else None


def datastore_in(dataflow: str) -> str:
    """Name of the first datastore in a dataflow's JSON, "" for none: without reading the YAML, for long lists."""
    found = _DATASTORE_NAME.search(dataflow)
    return "" if found is None else found[1]


def with_digest(text: str, digest: str) -> str:
    """The YAML with the bot's mark in its metadata."""
    whole = yaml.safe_load(text)
    whole["metadata"] = {**(whole.get("metadata") or {}), DIGEST_KEY: digest}
    return "---\n" + yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=10_000)


def read_definition(kind: str, text: str, properties: Mapping[str, object]) -> AzureDefinition:
    """The definition behind a YAML text. kind: Azure's datasetType; anything but "file" means tabular, as in the SDK.

    What the fields cannot say is kept whole in `Definition.mltable`, with the fields filled as far as they go.
    """
    dataset_type = DatasetType.FILE if kind == "file" else DatasetType.TABULAR
    timestamp = properties.get(TIMESTAMP_PROPERTY)
    bare = Definition(
        dataset_type, DatastoreSource("", ()), timestamp_column=str(timestamp) if timestamp else None, mltable=text
    )
    try:
        whole = yaml.safe_load(text)
    except yaml.YAMLError:
        return AzureDefinition(bare)
    if not isinstance(whole, dict):
        return AzureDefinition(bare)
    digest = str((whole.get("metadata") or {}).get(DIGEST_KEY) or "")
    source, whole_source = _source(whole.get("paths") or [])
    definition = replace(bare, source=source)
    definition, understood = _steps(definition, whole.get("transformations") or [])
    if dataset_type is DatasetType.TABULAR and definition.format is None:
        understood = False
    return AzureDefinition(replace(definition, mltable=None if understood and whole_source else text), digest)


def _source(paths: object) -> tuple[Source, bool]:
    """Where the files are, and whether that is all of it."""
    stores: dict[str, list[str]] = {}
    urls: list[str] = []
    understood = isinstance(paths, list)
    for entry in paths if isinstance(paths, list) else []:
        kind, uri = next(iter(entry.items())) if isinstance(entry, dict) and len(entry) == 1 else ("", "")
        uri = str(uri) + (
            "/**" if kind == "folder" and not str(uri).endswith("/") else "**" if kind == "folder" else ""
        )
        if kind not in {"pattern", "file", "folder"}:
            understood = False
        elif (stored := _DATASTORE_URI.fullmatch(uri)) is not None:
            stores.setdefault(stored["datastore"], []).append(unquote(stored["path"]))
        elif (storage := _STORAGE_URI.fullmatch(uri)) is not None:
            host = storage["host"].replace(".dfs.", ".blob.")
            urls.append(f"https://{host}/{storage['container']}/{storage['path']}")
        elif uri.lower().startswith(("http://", "https://")):
            urls.append(uri)
        else:
            understood = False
    if len(stores) + bool(urls) > 1:
        understood = False
    for datastore, found in stores.items():
        return DatastoreSource(datastore, tuple(found)), understood
    return WebSource(tuple(urls)), understood and bool(urls)


def _steps(definition: Definition, steps: object) -> tuple[Definition, bool]:
    """The definition with what its transformations say, and whether that is all they say."""
    understood = isinstance(steps, list)
    for step in steps if isinstance(steps, list) else []:
        name, arguments = next(iter(step.items())) if isinstance(step, dict) and len(step) == 1 else (str(step), {})
        try:
            definition = _step(definition, str(name), arguments)
        except (_OnlyTheEngineError, AttributeError, KeyError, TypeError):
            understood = False
    return definition, understood


def _step(definition: Definition, name: str, arguments: object) -> Definition:
    if name in _READERS and definition.format is None and definition.type is DatasetType.TABULAR:
        options = arguments if isinstance(arguments, dict) else {}
        if options.get("include_path_column") or options.get("empty_as_string"):
            raise _OnlyTheEngineError
        return replace(definition, format=_format(_READERS[name], options))
    if name == "extract_columns_from_partition_format" and isinstance(arguments, dict):
        return replace(definition, partition_format=str(arguments["partition_format"]))
    if name == "convert_column_types" and isinstance(arguments, list):
        types = tuple(pair for entry in arguments for pair in _column_types(entry))
        return replace(definition, column_types=definition.column_types + types)
    raise _OnlyTheEngineError


def _format(file_format: FileFormat, options: Mapping[str, object]) -> Format:
    if options.get("invalid_lines", "error") != "error":
        raise _OnlyTheEngineError
    encoding = str(options.get("encoding", "utf8")).lower().replace("-", "").replace("_", "")
    if encoding not in _ENCODINGS:
        raise _OnlyTheEngineError
    return Format(
        file_format,
        delimiter=str(options.get("delimiter", ",")),
        header=_HEADERS[str(options.get("header", "all_files_same_headers"))],
        encoding=_ENCODINGS[encoding],
    )


def _column_types(entry: Mapping[str, object]) -> tuple[tuple[str, ColumnType], ...]:
    columns = entry["columns"]
    kind = entry["column_type"]
    if isinstance(kind, dict):
        (kind,) = kind
    found = _TYPES[str(kind)]
    return tuple((str(column), found) for column in (columns if isinstance(columns, list) else [columns]))


@dataclass(frozen=True, slots=True)
class SdkFormat:
    """A `Format` in the words of `Dataset.Tabular.from_delimited_files`."""

    separator: str
    header: str
    encoding: str


def sdk_format(form: Format) -> SdkFormat:
    """Raises InvalidInput for an encoding that Azure's engine does not read."""
    try:
        encoding = _SDK_ENCODINGS[codecs.lookup(form.encoding).name]
    except (LookupError, KeyError):
        raise InvalidInput(
            f"Azure Machine Learning does not read files in {form.encoding}. Convert them to UTF-8 first.",
            code="encoding_not_supported",
            field="encoding",
        ) from None
    return SdkFormat(form.delimiter, _SDK_HEADERS[form.header], encoding)
