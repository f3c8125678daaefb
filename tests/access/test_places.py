"""Which part of a datastore a source covers, and what lies within what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.access.model import DataPlace
from services.access.places import contains, covers, overlap, places_of, prefix_of
from services.datasets.model import DatastoreSource, Source, WebSource

paths = st.lists(st.sampled_from(["a", "b", "ab", "a.csv"]), max_size=3).flatmap(
    lambda parts: st.sampled_from(["/".join(parts), f"{'/'.join(parts)}/" if parts else ""])
)


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("sales/2024/*.csv", "sales/2024/"),
        ("/sales/2024/part-?.csv", "sales/2024/"),
        ("sales/**/part.csv", "sales/"),
        ("sales-*/x.csv", ""),
        ("*.csv", ""),
        ("sales/a.csv", "sales/a.csv"),
        ("sales/", "sales/"),
    ],
)
def test_the_part_before_the_first_wildcard(path: str, prefix: str) -> None:
    assert prefix_of(path) == prefix


def test_places_of_several_sources() -> None:
    sources: list[Source] = [
        DatastoreSource("Lake", ("sales/*.csv", "sales/eu/*.csv", "more.csv")),
        DatastoreSource("lake", ("hr/",)),
        DatastoreSource("vault", ("x/", "*")),
        WebSource(("https://example.com/a.csv",)),
    ]
    assert places_of(sources) == (DataPlace("lake", ("hr/", "more.csv", "sales/")), DataPlace("vault", ("",)))


def test_a_folder_is_not_what_begins_like_it() -> None:
    assert contains("sales/", "sales/eu/")
    assert contains("sales", "sales/eu.csv")
    assert not contains("sales", "sales-eu/")
    assert not contains("sales/", "sales")
    assert not contains("sales/eu/", "sales/")
    sales, all_of_it = (DataPlace("lake", ("sales/",)),), (DataPlace("lake", ("",)),)
    assert covers(all_of_it, sales)
    assert not covers(sales, all_of_it)
    assert overlap(sales, all_of_it)
    assert not overlap(sales, (DataPlace("vault", ("sales/",)),))


@given(paths, paths, paths)
def test_containing_is_an_order(one: str, two: str, three: str) -> None:
    assert contains(one, one)
    assert contains("", one)
    if contains(one, two) and contains(two, three):
        assert contains(one, three)
    if contains(one, two) and contains(two, one):
        assert one == two
