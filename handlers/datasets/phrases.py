"""What every screen says of a dataset in the same words: badges, types, tags, owners, shape."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.text import Mrkdwn, bytes_text, code, count_text, join, md, mention, when
from services.datasets.model import (
    DatasetType,
    DatasetVersion,
    DatastoreSource,
    Definition,
    FileFormat,
    FingerprintCheck,
    FingerprintState,
    Source,
    VersionStats,
)

BADGES = {
    FingerprintState.UNCHECKED: "○ not checked",
    FingerprintState.UNCHANGED: "✓ unchanged",
    FingerprintState.CHANGED: "⚠ changed",
    FingerprintState.GROWN: "⚠ new files",
    FingerprintState.VANISHED: "✕ files gone",
    FingerprintState.UNREACHABLE: "? unreachable",
}
"""A version's files against what they were when it was registered."""

_EMOJI = {
    FingerprintState.UNCHECKED: ":white_circle:",
    FingerprintState.UNCHANGED: ":large_green_circle:",
    FingerprintState.CHANGED: ":warning:",
    FingerprintState.GROWN: ":warning:",
    FingerprintState.VANISHED: ":red_circle:",
    FingerprintState.UNREACHABLE: ":grey_question:",
}
_SENTENCES = {
    FingerprintState.UNCHECKED: "The files were not looked at again since this version was registered.",
    FingerprintState.UNCHANGED: "The files are as they were when this version was registered.",
    FingerprintState.CHANGED: "Files changed under this version.",
    FingerprintState.GROWN: "New files appeared under this version.",
    FingerprintState.VANISHED: "Files of this version are gone.",
    FingerprintState.UNREACHABLE: "The files cannot be reached.",
}
_FORMATS = {
    FileFormat.DELIMITED: "delimited",
    FileFormat.PARQUET: "Parquet",
    FileFormat.JSON_LINES: "JSON lines",
}
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}


def badge_sentence(check: FingerprintCheck) -> Mrkdwn:
    """The badge with what it means and when the files were last looked at."""
    sentence = check.detail or _SENTENCES[check.state]
    text = md("{} {}", Mrkdwn(_EMOJI[check.state]), sentence)
    return md("{} Last look: {}.", text, when(check.checked_at)) if check.checked_at else text


def type_text(definition: Definition) -> str:
    """ "tabular, delimited by comma, utf-8", "tabular, Parquet", "file"."""
    how = definition.format
    if definition.type is DatasetType.FILE or how is None:
        return definition.type.value
    text = f"{definition.type.value}, {_FORMATS[how.file_format]}"
    if how.file_format is FileFormat.DELIMITED:
        text += f" by {_DELIMITERS.get(how.delimiter, how.delimiter)}, {how.encoding}"
    return text


def source_phrase(source: Source, shown: int = 3) -> Mrkdwn:
    """Where the data lies: datastore and paths, or URLs, as code."""
    if isinstance(source, DatastoreSource):
        return md("{} in datastore {}", _some(source.paths, shown), code(source.datastore))
    return _some(source.urls, shown)


def tags_phrase(tags: Sequence[tuple[str, str]], shown: int = 12) -> Mrkdwn:
    """Tags as code spans, "none" without any."""
    return _some([tag_text(tag, 80) for tag in tags], shown, "  ") if tags else Mrkdwn("none")


def tag_text(tag: tuple[str, str], limit: int = 60) -> str:
    """ "team=growth"; plain text."""
    key, value = tag
    text = f"{key}={value}" if value else key
    return text if len(text) <= limit else text[: limit - 1] + "…"


def owner_phrase(owner: str) -> Mrkdwn:
    """The owner as a mention."""
    return mention(owner)


def shape_text(stats: VersionStats) -> str:
    """ "336,776 rows · 19 columns · 12 files · 31.2 MB", whatever of it is known."""
    parts = []
    if stats.row_count is not None:
        parts.append(count_text(stats.row_count, "row"))
    if stats.schema:
        parts.append(count_text(len(stats.schema), "column"))
    if stats.file_count is not None:
        parts.append(count_text(stats.file_count, "file"))
    if stats.total_bytes is not None:
        parts.append(bytes_text(stats.total_bytes))
    return " · ".join(parts) or "not known"


def registered_phrase(version: DatasetVersion) -> Mrkdwn:
    """When and by whom."""
    by = mention(version.registered_by) if version.registered_by else Mrkdwn("somebody outside Slack")
    return md("{} by {}", when(version.created_at), by)


def _some(items: Sequence[str], shown: int, separator: str = ", ") -> Mrkdwn:
    text = join(separator, [code(item, 200) for item in items[:shown]])
    return text if len(items) <= shown else md("{} and {} more", text, f"{len(items) - shown:,}")
