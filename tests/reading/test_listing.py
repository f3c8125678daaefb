"""What paths and globs match, and what they never reach."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import InvalidInput, SourceProblem
from services.reading.limits import Limits
from services.reading.listing import data_files, find, nothing_matches
from services.reading.patterns import natural_key, pattern_parts
from tests.reading.places import place, write


@pytest.fixture
def store(tmp_path: Path) -> Path:
    root = tmp_path / "store"
    for name in (
        "flights/2013-01.parquet",
        "flights/2013-02.parquet",
        "flights/2013-10.parquet",
        "flights/old/2012-12.parquet",
        "flights/_SUCCESS",
        "flights/.hidden.parquet",
        "readme.txt",
        "a/b/c/deep.csv",
    ):
        write(root, name, b"" if name.endswith("_SUCCESS") else b"x" * len(name))
    return root


def names(root: Path, *patterns: str, limit: int = 1000) -> list[str]:
    return [file.path for file in find(place(root, *patterns), limit).files]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("readme.txt", ["readme.txt"]),
        ("./readme.txt", ["readme.txt"]),
        ("flights/2013-*.parquet", ["flights/2013-01.parquet", "flights/2013-02.parquet", "flights/2013-10.parquet"]),
        ("flights/2013-0?.parquet", ["flights/2013-01.parquet", "flights/2013-02.parquet"]),
        ("flights/2013-[0]2.parquet", ["flights/2013-02.parquet"]),
        ("flights/2013-[!0]*.parquet", ["flights/2013-10.parquet"]),
        ("flights/old", ["flights/old/2012-12.parquet"]),
        ("flights/old/", ["flights/old/2012-12.parquet"]),
        ("**/*.csv", ["a/b/c/deep.csv"]),
        ("a/**/deep.csv", ["a/b/c/deep.csv"]),
        ("a/**/b/**/*.csv", ["a/b/c/deep.csv"]),
        ("*/b/*/deep.csv", ["a/b/c/deep.csv"]),
        ("*", ["readme.txt"]),  # a star does not mean the files below a folder it matches, as in Azure ML
        ("nothing", []),
        ("readme.txt/more", []),
        ("FLIGHTS/*", []),
    ],
)
def test_patterns(store: Path, pattern: str, expected: list[str]) -> None:
    assert names(store, pattern) == expected


def test_everything_has_no_hidden_files(store: Path) -> None:
    assert len(names(store, "**")) == len(names(store, "/")) == 8
    assert "flights/.hidden.parquet" in names(store, "flights/*.parquet")


def test_overlapping_patterns_list_a_file_once(store: Path) -> None:
    assert names(store, "flights/2013-01.parquet", "flights/*.parquet", "flights").count("flights/2013-01.parquet") == 1


def test_empty_markers_are_not_data_but_other_empty_files_are(store: Path) -> None:
    write(store, "flights/empty.csv", b"")
    files = data_files(find(place(store, "flights"), 100).files)
    assert "flights/_SUCCESS" not in {file.path for file in files}
    assert "flights/empty.csv" in {file.path for file in files}


def test_sizes_and_times(store: Path) -> None:
    (file,) = find(place(store, "readme.txt"), 10).files
    assert file.size == len("readme.txt")
    assert file.modified is not None
    assert file.modified.timestamp() == pytest.approx((store / "readme.txt").stat().st_mtime)


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("../secret", "path_escapes"),
        ("flights/../../secret", "path_escapes"),
        ("flights/..", "path_escapes"),
        ("/etc/passwd", "path_absolute"),
        ("~/x", "path_absolute"),
        ("C:\\data", "path_backslash"),
        ("C:/data", "path_backslash"),
        ("flights\\2013", "path_backslash"),
        ("a\x00b", "path_control"),
        ("a\nb", "path_control"),
        ("", "path_empty"),
        ("   ", "path_empty"),
        ("https://example.com/x.csv", "path_is_url"),
        ("x" * 2000, "path_too_long"),
        ("a/" * 100, "path_too_deep"),
    ],
)
def test_paths_that_are_refused(store: Path, pattern: str, code: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        find(place(store, pattern), 10)
    assert problem.value.code == code
    assert problem.value.field == "source"
    assert problem.value.sentence.isprintable()


def test_absolute_path_suggests_the_relative_one() -> None:
    with pytest.raises(InvalidInput, match="“flights/2013”"):
        pattern_parts("/flights/2013")


def test_links_never_leave_the_datastore(store: Path, tmp_path: Path) -> None:
    secret = write(tmp_path, "outside/secret.csv", "a,b\n1,2\n")
    (store / "link.csv").symlink_to(secret)
    (store / "folder").symlink_to(tmp_path / "outside")
    (store / "broken").symlink_to(store / "gone")
    assert len(names(store, "**")) == 8
    for pattern in ("link.csv", "folder", "folder/secret.csv", "folder/*"):
        with pytest.raises(SourceProblem) as problem:
            names(store, pattern)
        assert problem.value.code == "path_escapes"
    assert names(store, "*/secret.csv") == []


def test_a_sibling_folder_with_the_same_beginning_is_outside(tmp_path: Path) -> None:
    root = tmp_path / "store"
    root.mkdir()
    write(tmp_path, "store-other/secret.csv", "x")
    (root / "link").symlink_to(tmp_path / "store-other" / "secret.csv")
    assert names(root, "**") == []


def test_links_within_the_datastore_are_followed_without_circles(store: Path) -> None:
    (store / "again").symlink_to(store / "a")
    (store / "a" / "up").symlink_to(store)
    found = names(store, "again/**/deep.csv")
    assert "again/b/c/deep.csv" in found
    assert len(names(store, "**", limit=1000)) < 1000


def test_pipes_are_no_files(store: Path) -> None:
    os.mkfifo(store / "pipe.csv")
    assert names(store, "pipe.csv") == names(store, "pipe*") == []


def test_the_cap_tells_that_there_is_more(store: Path) -> None:
    for index in range(30):
        write(store, f"many/part-{index}.csv", "x")
    found = find(place(store, "many"), 5)
    assert found.truncated
    assert [file.path for file in found.files] == [f"many/part-{index}.csv" for index in range(5)]
    listing = found.listing()
    assert (listing.file_count, listing.truncated) == (5, True)
    assert not find(place(store, "many"), 30).truncated


def test_a_scan_ends_at_its_bound(store: Path) -> None:
    for index in range(50):
        write(store, f"many/part-{index}.csv", "x")
    assert find(place(store, "many"), 1000, Limits(scan_entries=20)).truncated


def test_a_missing_datastore_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceProblem, match="The folder behind the datastore “store” is not there"):
        find(place(tmp_path / "gone", "**"), 10)


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("flihgts/*.parquet", "There is no “flihgts” there; the datastore “store” has “a/”, “flights/”, “readme.txt”"),
        ("flights/*.csv", "The folder “flights” has “2013-01.parquet”"),
        ("a/b/x/y.csv", "There is no “x” there; the folder “a/b” has “c/”"),
    ],
)
def test_nothing_matches_tells_what_is_there(store: Path, pattern: str, told: str) -> None:
    problem = nothing_matches(place(store, pattern))
    assert told in problem.sentence
    assert problem.code == "nothing_matches"


def test_names_with_control_characters_are_shown_visibly(tmp_path: Path) -> None:
    write(tmp_path, "a\u202eb\n.csv", "x")
    (shown,) = find(place(tmp_path, "*.csv"), 10).listing().names
    assert shown == "a\\u202eb\\n.csv"


def test_natural_order() -> None:
    assert sorted(["p10", "p9", "p1", "q", "p"], key=natural_key) == ["p", "p1", "p9", "p10", "q"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=12), max_size=8))
def test_natural_order_compares_any_names(texts: list[str]) -> None:
    ordered = sorted(texts, key=natural_key)
    assert all(natural_key(a) <= natural_key(b) for a, b in pairwise(ordered))


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60))
def test_no_pattern_gets_out(text: str) -> None:
    try:
        parts = pattern_parts(text)
    except InvalidInput:
        return
    assert ".." not in parts
    assert not any("/" in part or part == "" for part in parts)


def test_a_link_that_leads_to_itself_is_passed_over(store: Path) -> None:
    (store / "flights" / "loop").symlink_to("loop")
    assert "flights/2013-01.parquet" in names(store, "flights/*")
    assert "flights/loop" not in names(store, "flights/**")
    assert names(store, "flights/l*") == []
