"""Numbers and sources as the sentences of this package say them. Plain text, never markup."""

from __future__ import annotations

from services.datasets.model import DatastoreSource, Source

_SHOWN_PATHS = 3


def count(number: int, singular: str, plural: str | None = None) -> str:
    """ "1 file", "3 files", "1,200 files"."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def size(number: int) -> str:
    """Bytes for a reader: "0 bytes", "12.4 MB" (decimal units, as storage accounts are billed)."""
    amount = float(number)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if abs(amount) < 1000 or unit == "TB":
            return f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:,.1f} {unit}"
        amount /= 1000
    raise AssertionError("unreachable: the last unit takes everything")


def source_text(source: Source) -> str:
    """A source in one line: "workspaceblobstore: sales/*.csv" or its URLs; long ones are cut with a count."""
    if isinstance(source, DatastoreSource):
        return f"{source.datastore}: {_some(source.paths)}"
    return _some(source.urls)


def _some(items: tuple[str, ...]) -> str:
    shown = ", ".join(items[:_SHOWN_PATHS])
    return shown if len(items) <= _SHOWN_PATHS else f"{shown} and {count(len(items) - _SHOWN_PATHS, 'more', 'more')}"
