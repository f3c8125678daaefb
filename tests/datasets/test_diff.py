"""What differs between two versions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.datasets.diff import changes_in_short, compare_versions, widened
from services.datasets.model import (
    Column,
    ColumnChange,
    ColumnShift,
    ColumnType,
    DatastoreSource,
    FileFormat,
    Format,
    HeaderMode,
    WebSource,
)
from tests.datasets.samples import fingerprint, stamp, version
from tests.datasets.world import table

T = ColumnType
SALES = table("sales/*.csv")


@pytest.mark.parametrize("before", list(T))
@pytest.mark.parametrize("after", list(T))
def test_widening(before: ColumnType, after: ColumnType) -> None:
    allowed = {
        (T.INTEGER, T.DECIMAL),
        (T.INTEGER, T.STRING),
        (T.DECIMAL, T.STRING),
        (T.BOOLEAN, T.STRING),
        (T.DATETIME, T.STRING),
    }
    assert widened(before, after) == ((before, after) in allowed)


def test_schema() -> None:
    before = version(SALES, columns=(("id", T.INTEGER), ("old", T.STRING), ("x", T.STRING)))
    after = version(SALES, 2, columns=(("id", T.DECIMAL), ("x", T.INTEGER), ("new", T.BOOLEAN)))
    diff = compare_versions(before, after, None, None)
    assert diff.added_columns == (Column("new", T.BOOLEAN),)
    assert diff.removed_columns == (Column("old", T.STRING),)
    assert diff.changed_columns == (
        ColumnChange("id", T.INTEGER, T.DECIMAL, widened=True),
        ColumnChange("x", T.STRING, T.INTEGER, widened=False),
    )


def test_an_unknown_schema_is_not_a_removed_one() -> None:
    before, after = version(SALES, columns=(("id", T.INTEGER),)), version(SALES, 2)
    assert compare_versions(before, after, None, None).removed_columns == ()
    assert compare_versions(after, before, None, None).added_columns == ()


def test_files() -> None:
    before = fingerprint(stamp("a"), stamp("b"), stamp("c"))
    after = fingerprint(stamp("b"), stamp("c", text="sha256:9"), stamp("d"))
    diff = compare_versions(version(SALES), version(SALES, 2), before, after)
    assert (diff.added_files, diff.removed_files) == ((stamp("d"),), (stamp("a"),))
    assert diff.changed_files == ((stamp("c"), stamp("c", text="sha256:9")),)
    assert (diff.unchanged_file_count, diff.files_note) == (1, "")


def test_files_without_a_fingerprint_are_told() -> None:
    diff = compare_versions(version(SALES), version(SALES, 2), None, fingerprint(stamp("a")))
    assert (diff.added_files, diff.removed_files, diff.unchanged_file_count) == ((), (), 0)
    assert "sales:1" in diff.files_note
    assert "sales:2" not in diff.files_note


def test_tags() -> None:
    before = version(SALES, tags=(("a", "1"), ("b", "1"), ("c", "1")))
    after = version(SALES, 2, tags=(("b", "2"), ("c", "1"), ("d", "1")))
    diff = compare_versions(before, after, None, None)
    assert (diff.added_tags, diff.removed_tags, diff.changed_tags) == (
        (("d", "1"),),
        (("a", "1"),),
        (("b", "1", "2"),),
    )


def test_definition() -> None:
    tabs = Format(FileFormat.DELIMITED, "\t", HeaderMode.NONE, "utf-16")
    before = version(SALES)
    after = version(
        replace(
            SALES,
            source=WebSource(("https://example.com/a.csv",)),
            format=tabs,
            timestamp_column="day",
            partition_format="/{year}/a.csv",
            column_types=(("id", T.STRING),),
        ),
        2,
    )
    assert compare_versions(before, after, None, None).definition_changes == (
        ("source", "workspaceblobstore: sales/*.csv", "https://example.com/a.csv"),
        ("delimiter", ",", "tab"),
        ("header", "all files same", "none"),
        ("encoding", "utf-8", "utf-16"),
        ("timestamp column", "", "day"),
        ("partition format", "", "/{year}/a.csv"),
        ("column types", "", "id as string"),
    )


def test_shifts_come_largest_first() -> None:
    shifts = [ColumnShift(name, T.STRING, distance, 0, 0) for name, distance in (("a", 0.1), ("b", None), ("c", 0.4))]
    diff = compare_versions(version(SALES), version(SALES, 2), None, None, shifts=shifts, note="Samples.")
    assert [shift.name for shift in diff.shifts] == ["c", "a", "b"]
    assert diff.shift_note == "Samples."


def test_equal_versions_do_not_differ() -> None:
    one = version(SALES, columns=(("id", T.INTEGER),), tags=(("a", "1"),))
    diff = compare_versions(one, one, fingerprint(stamp("a")), fingerprint(stamp("a")))
    assert diff == replace(diff, unchanged_file_count=1, added_columns=(), changed_files=(), definition_changes=())


def test_changes_in_short() -> None:
    before = version(SALES, columns=(("id", T.INTEGER), ("old", T.STRING)), rows=1000, file_count=5)
    after = version(
        replace(SALES, source=DatastoreSource("workspaceblobstore", ("b.csv",))),
        2,
        columns=(("id", T.STRING), ("new", T.STRING), ("newer", T.STRING)),
        rows=2500,
        file_count=4,
    )
    assert changes_in_short(None, before) == ("first version",)
    assert changes_in_short(before, after) == (
        "schema +2 columns",
        "schema −1 column",
        "1 column retyped",
        "source changed",
        "1 file fewer",
        "1,500 rows more",
    )
    assert changes_in_short(before, replace(before, version=2)) == ("file contents changed",)


def test_long_sources_are_cut() -> None:
    many = table(*(f"{number}.csv" for number in range(10)))
    ((_, _, after),) = compare_versions(version(SALES), version(many, 2), None, None).definition_changes
    assert after == "workspaceblobstore: 0.csv, 1.csv, 2.csv and 7 more"
