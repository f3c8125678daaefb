"""Datasets whose every text is meant to break out: built from a few texts and a seed, so that failures shrink."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import TypeVar

from services.datasets.model import (
    Column,
    ColumnChange,
    ColumnProfile,
    ColumnShift,
    ColumnType,
    Dataset,
    DatasetCard,
    DatasetPage,
    DatasetSummary,
    DatasetType,
    DatasetVersion,
    DatastoreSource,
    Definition,
    Deprecation,
    FileFormat,
    FileStamp,
    FingerprintCheck,
    FingerprintState,
    Format,
    Preview,
    Snippet,
    Source,
    UsageGuide,
    VersionDiff,
    VersionStats,
    WebSource,
)
from services.datasets.service import VersionLine, VersionPage

T = TypeVar("T")

TEXTS = [
    "<!channel>",
    "<!here>",
    "<@U0ADA>",
    "<#C0DATA|x>",
    "<https://evil.example|bank>",
    "*bold*",
    "_italic_",
    "`tick`",
    "```fence```",
    "a&b",
    "&lt;!channel&gt;",
    "@here",
    ":boom:",
    "one\ntwo",
    "| pipe |",
    "\u202eltr",
    "\x00\x07",
    "",
    " ",
    "<" * 300,
    "&" * 255,
    "`" * 255,
    "x" * 255,
    "é" * 3000,
    "<!date^1^{date}|x>",
    "{}",
    "7",
    "help",
    "https://example.org/a|b>c",
]
"""What people, files and other systems may call things."""


class World:
    """Makes datasets out of the given texts."""

    def __init__(self, texts: list[str], seed: int) -> None:
        self._texts = texts
        self._random = Random(seed)

    def text(self) -> str:
        return self._random.choice(self._texts)

    def name(self) -> str:
        return self.text()[:255] or "n"

    def some(self, make: Callable[[], T], most: int) -> tuple[T, ...]:
        count = self._random.choice([0, 1, 2, 3, most])
        return tuple(make() for _ in range(min(count, most)))

    def maybe(self, make: Callable[[], T]) -> T | None:
        return self._random.choice([None, make()])

    def number(self) -> int:
        return self._random.choice([0, 1, 12, 5_000, 2**50])

    def version_number(self) -> int:
        return self._random.choice([1, 2, 2**31 - 1])

    def flag(self) -> bool:
        return self._random.random() < 0.5

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self._random.randrange(0, 4 * 10**9), UTC)

    def tags(self) -> tuple[tuple[str, str], ...]:
        return self.some(lambda: (self.text()[:100], self.text()[:1000]), 50)

    def column(self) -> Column:
        return Column(self.text(), self._random.choice(list(ColumnType)), self.flag())

    def file(self) -> FileStamp:
        return FileStamp(self.text(), self.number(), self.maybe(self.moment), self.maybe(self.text))

    def source(self) -> Source:
        texts = self.some(self.text, 6) or ("x",)
        return DatastoreSource(self.text(), texts) if self.flag() else WebSource(texts)

    def definition(self) -> Definition:
        how = Format(self._random.choice(list(FileFormat)), delimiter=self.text(), encoding=self.text())
        return Definition(
            self._random.choice(list(DatasetType)),
            self.source(),
            self.maybe(lambda: how),
            timestamp_column=self.maybe(self.text),
            partition_format=self.maybe(self.text),
        )

    def version(self) -> DatasetVersion:
        return DatasetVersion(
            name=self.name(),
            version=self.version_number(),
            definition=self.definition(),
            description=self.text(),
            tags=self.tags(),
            created_at=self.moment(),
            registered_by=self.text(),
            stats=VersionStats(
                self.some(self.column, 400), self.maybe(self.number), self.maybe(self.number), self.maybe(self.number)
            ),
            check=FingerprintCheck(
                self._random.choice(list(FingerprintState)), self.maybe(self.moment), detail=self.text()
            ),
        )

    def dataset(self) -> Dataset:
        return Dataset(
            name=self.name(),
            type=self._random.choice(list(DatasetType)),
            description=self.text(),
            tags=self.tags(),
            owner=self.text(),
            latest_version=self.version_number(),
            created_at=self.moment(),
            modified_at=self.moment(),
            deprecation=self.maybe(lambda: Deprecation(self.text(), self.text(), self.text(), self.moment())),
            watchers=self.some(self.text, 9),
        )

    def card(self) -> DatasetCard:
        return DatasetCard(self.dataset(), self.version(), 3, self.maybe(self.text))

    def summary(self) -> DatasetSummary:
        return DatasetSummary(
            name=self.name(),
            type=self._random.choice(list(DatasetType)),
            description=self.text(),
            tags=self.tags(),
            owner=self.text(),
            latest_version=self.version_number(),
            modified_at=self.moment(),
            deprecated=self.flag(),
            state=self._random.choice(list(FingerprintState)),
        )

    def page(self) -> DatasetPage:
        unique = {item.name: item for item in self.some(self.summary, 100)}
        items = tuple(unique.values())
        corrected = self.some(lambda: (self.text(), self.text()), 9)
        return DatasetPage(items, len(items) * 3, len(items), corrected, self._random.choice([0.0, 1e6]))

    def version_page(self) -> VersionPage:
        found = self.some(self.version, 40) or (self.version(),)
        items = tuple(
            VersionLine(replace(version, version=9_000 - number), self.some(self.text, 5) or ("x",))
            for number, version in enumerate(found)
        )
        return VersionPage(self.dataset(), items, 9_000, 40)

    def diff(self) -> VersionDiff:
        kinds = list(ColumnType)
        return VersionDiff(
            before=self.version(),
            after=self.version(),
            added_columns=self.some(self.column, 90),
            removed_columns=self.some(self.column, 90),
            changed_columns=self.some(
                lambda: ColumnChange(self.text(), self._random.choice(kinds), self._random.choice(kinds), self.flag()),
                90,
            ),
            added_files=self.some(self.file, 60),
            removed_files=self.some(self.file, 60),
            changed_files=self.some(lambda: (self.file(), self.file()), 60),
            unchanged_file_count=self.number(),
            added_tags=self.tags(),
            removed_tags=self.tags(),
            changed_tags=self.some(lambda: (self.text(), self.text(), self.text()), 50),
            definition_changes=self.some(lambda: (self.text(), self.text(), self.text()), 9),
            shifts=self.some(
                lambda: ColumnShift(self.text(), self._random.choice(kinds), self.maybe(self._random.random), 0.0, 1.0),
                30,
            ),
            shift_note=self.text(),
            files_note=self.text(),
        )

    def preview(self) -> Preview:
        def profile() -> ColumnProfile:
            return ColumnProfile(
                self.text(),
                self._random.choice(list(ColumnType)),
                self.number(),
                self.number(),
                self.number(),
                self.maybe(self.text),
                self.maybe(self.text),
                self.maybe(lambda: self._random.uniform(-1e300, 1e300)),
                self.some(lambda: (self.text(), self.number()), 9),
            )

        schema = self.some(self.column, 30)
        rows = self.some(lambda: tuple(self.maybe(self.text) for _ in schema), 10)
        return Preview(schema, rows, self.some(profile, 90), self.number(), self.flag(), self.some(self.file, 90))

    def guide(self) -> UsageGuide:
        snippets = self.some(lambda: Snippet(self.text() or "x", self.text(), self.text()), 8)
        return UsageGuide(self.text(), snippets or (Snippet("SDK v2", "python", "x" * 9_000),), self.text())
