"""What can be told of a registration form without reading a file: one sentence for each field that will not
do.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from services.datasets.model import (
    ColumnType,
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    Format,
    NameCheck,
    Problem,
    RegisterRequest,
)
from services.datasets.names import DESCRIPTION_LIMIT, reserved_tag_problem, tags_problem
from services.datasets.wording import count

PATHS_LIMIT = 100
PATH_LENGTH_LIMIT = 1024

ENCODINGS = ("utf-8", "iso8859-1", "ascii", "utf-16", "utf-32", "utf-8-sig", "cp1252")
"""Python's names of the encodings that SDK v1's `from_delimited_files` reads (its parameter `encoding`)."""


_SDK_NAMES = {"utf8bom": "utf-8-sig", "iso88591": "latin-1", "windows1252": "cp1252"}  # unknown to Python


def form_problems(request: RegisterRequest, name: NameCheck, owner: str = "") -> tuple[Problem, ...]:
    """Everything wrong with the fields, in the order of the form.

    name: what `check_name` says of request.name. owner: the present owner of an existing dataset, "" for
    none.
    """
    definition = request.definition
    return (
        *_name(request, name),
        *_source(definition),
        *_format(definition.type, definition.format),
        *_columns(definition),
        *_curation(request, owner),
    )


def _name(request: RegisterRequest, name: NameCheck) -> Iterator[Problem]:
    if name.problem is not None:
        yield Problem("name", name.problem)
    elif name.exists and not request.create_new_version:
        versions = count(name.next_version - 1, "version")
        yield Problem(
            "name",
            f"“{name.name}” exists already, with {versions}. "
            f"Choose “create a new version” to make this version {name.next_version}, or take another name.",
        )
    if name.exists and name.type is not None and name.type is not request.definition.type:
        yield Problem(
            "type",
            f"“{name.name}” is a {name.type.value} dataset, and its versions stay of that type. "
            f"Choose {name.type.value}, or take another name.",
        )


def _source(definition: Definition) -> Iterator[Problem]:
    source = definition.source
    if isinstance(source, DatastoreSource):
        if not source.datastore:
            yield Problem("datastore", "Choose the datastore that holds the files.")
        if not source.paths:
            yield Problem("paths", "Give at least one path in the datastore, such as sales/*.csv.")
        problem = _too_many(source.paths, "paths") or next(filter(None, map(path_problem, source.paths)), None)
        if problem is not None:
            yield Problem("paths", problem)
        return
    if not source.urls:
        yield Problem("urls", "Give at least one address, such as https://example.com/sales.csv.")
    problem = _too_many(source.urls, "addresses") or next(filter(None, map(url_problem, source.urls)), None)
    if problem is not None:
        yield Problem("urls", problem)


def _too_many(items: tuple[str, ...], noun: str) -> str | None:
    if len(items) <= PATHS_LIMIT:
        return None
    return f"There are {len(items)} {noun}; {PATHS_LIMIT} is the most. Use a pattern such as sales/*.csv."


def path_problem(path: str) -> str | None:  # noqa: PLR0911 - one return for each rule
    """Why a path cannot name files of a datastore, as a sentence, or None."""
    shown = path if len(path) <= 60 else path[:59] + "…"
    if not path.strip():
        return "One of the paths is empty. Write one path a line."
    if len(path) > PATH_LENGTH_LIMIT:
        return f"The path “{shown}” has {len(path)} characters; {PATH_LENGTH_LIMIT} is the most."
    if not path.isprintable():
        return "One of the paths has invisible characters in it. Type it again."
    if "\\" in path:
        return f"Write “{path.replace(chr(92), '/')[:60]}”: paths in a datastore use “/”."
    if path.startswith(("/", "~")) or re.match(r"[A-Za-z][A-Za-z0-9+.-]*://|[A-Za-z]:/", path):
        return f"“{shown}” is not a path in the datastore. Begin at the datastore's own top folder: sales/*.csv."
    if ".." in path.split("/"):
        return f"“{shown}” leads out of the datastore. Paths cannot have “..” in them."
    return None


def url_problem(url: str) -> str | None:
    """Why an address cannot be a source, as a sentence, or None. Whether it may be reached the reader
    decides.
    """
    shown = url if len(url) <= 60 else url[:59] + "…"
    try:
        parts = urlsplit(url)
        host, secret = parts.hostname, parts.username or parts.password
        _ = parts.port
    except ValueError:
        return f"“{shown}” is not an address. It should look like https://example.com/sales.csv."
    if parts.scheme not in {"http", "https"} or not host or not url.isprintable() or " " in url:
        return f"“{shown}” is not a web address. It should look like https://example.com/sales.csv."
    if secret:
        return f"The address at {host} has a name or password in it. Anybody could read that here: leave it out."
    if "sig" in parse_qs(parts.query):
        return (
            f"The address at {host} has a signature (SAS) in it, which opens it to everybody. Use a datastore instead."
        )
    return None


def _format(kind: DatasetType, how: Format | None) -> Iterator[Problem]:
    if kind is DatasetType.FILE or how is None or how.file_format is not FileFormat.DELIMITED:
        return
    if len(how.delimiter) != 1 or how.delimiter in '"\r\n\0':
        yield Problem("delimiter", "A delimiter is one character, such as a comma, a semicolon or a tab.")
    if encoding_name(how.encoding) is None:
        yield Problem(
            "encoding",
            f"“{how.encoding[:40]}” is not an encoding that can be read. Use one of {', '.join(ENCODINGS)}.",
        )


def encoding_name(encoding: str) -> str | None:
    """Python's name of an encoding that datasets can have, None for any other."""
    try:
        name = codecs.lookup(_SDK_NAMES.get(encoding, encoding)).name
    except (LookupError, ValueError):
        return None
    return name if name in ENCODINGS else None


def _columns(definition: Definition) -> Iterator[Problem]:
    chosen = dict(definition.column_types)
    if definition.type is DatasetType.FILE:
        if definition.timestamp_column or chosen:
            field = "timestamp_column" if definition.timestamp_column else "column_types"
            yield Problem(field, "A file dataset has no columns. Leave this empty, or choose tabular.")
    else:
        kind = chosen.get(definition.timestamp_column or "")
        if kind not in {None, ColumnType.DATETIME}:
            yield Problem(
                "timestamp_column",
                f"“{definition.timestamp_column}” is set to {kind}; a timestamp column must be datetime.",
            )
    if definition.partition_format and (problem := partition_format_problem(definition.partition_format)):
        yield Problem("partition_format", problem)
    if len(chosen) < len(definition.column_types):
        yield Problem("column_types", "A column is listed twice. Give each column one type.")
    if ColumnType.OTHER in chosen.values():
        yield Problem("column_types", "A column can be read as string, integer, decimal, boolean or datetime.")


def partition_format_problem(text: str) -> str | None:  # noqa: PLR0911 - one return for each rule
    """Why SDK v1 would refuse a partition format, as a sentence, or None.

    The rules are `validate_partition_format` of azureml-core (azureml/data/_partition_format.py): at least
    one {column}, pairs of braces that do not nest, at most one date as {column:yyyy/MM/dd}, which needs
    yyyy.
    """
    bare = re.sub(r"{{|}}", "", text)
    parts = re.findall(r"{[^{}]*}", bare)
    rest = re.sub(r"{[^{}]*}", "", bare)
    if not parts:
        return "Name at least one column in braces, such as /{year}/{month}/data.parquet."
    if "{" in rest or "}" in rest:
        return "A brace is missing or braces are nested. Write {column}, such as /{year}/{month}/data.parquet."
    names = [part[1:-1].partition(":") for part in parts]
    dates = [form for _, colon, form in names if colon]
    if any(not name.strip() for name, _, _ in names):
        return "One pair of braces has no column name in it."
    if len(dates) > 1:
        return "Only one column can be a date, such as {day:yyyy/MM/dd}."
    if dates and "yyyy" not in dates[0]:
        return "A date column needs at least the year: {day:yyyy/MM/dd}."
    if len({name for name, _, _ in names}) < len(names):
        return "Each column name can stand only once."
    return None


def _curation(request: RegisterRequest, owner: str) -> Iterator[Problem]:
    if len(request.description) > DESCRIPTION_LIMIT:
        length = f"{len(request.description):,} characters; {DESCRIPTION_LIMIT:,} is the most"
        yield Problem("description", f"The description has {length}. Shorten it.")
    if problem := tags_problem(request.tags) or reserved_tag_problem(request.tags):
        yield Problem("tags", problem)
    if owner and request.owner not in {"", owner} and request.requested_by != owner:
        yield Problem(
            "owner",
            f"“{request.name}” belongs to somebody else, who alone can hand it over. "
            "Leave this empty to keep the owner.",
        )
