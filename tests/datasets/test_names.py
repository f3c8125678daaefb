"""Names and tags as people type them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.datasets.names import (
    check_name,
    name_problem,
    parse_tags,
    proposed_name,
    reserved_tag_problem,
    tags_problem,
)
from services.errors import InvalidInput


@pytest.mark.parametrize("name", ["a", "7", "sales_2024-Q3", "a" * 255, "A-"])
def test_names_that_will_do(name: str) -> None:
    assert name_problem(name) is None
    assert check_name(f"  {name}\n") == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "Give the dataset a name"),
        ("a" * 256, "256 characters; 255 is the most"),
        ("_sales", "not with “_”"),
        ("-sales", "not with “-”"),
        ("sales report", "a space.*“sales-report” would do"),
        ("sales.csv", "“.”.*“sales-csv” would do"),
        ("Verkäufe", "“ä”.*“Verkaufe” would do"),
        ("<!channel>", "not with “<”"),
        ("a\u202eb", "right-to-left override"),
        ("a\0b", r"the character u\+0000"),
        ("продажи", "not with “п”"),
        ("sales:1", "“:”"),
    ],
)
def test_names_that_will_not(name: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as error:
        check_name(name)
    assert error.value.field == "name"


@given(st.text())
def test_the_rule_is_azures(name: str) -> None:
    assert (name_problem(name) is None) == bool(re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}", name))


@given(st.text())
def test_a_proposed_name_is_allowed(name: str) -> None:
    assert name_problem(proposed_name(name)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("  \n", ()),
        ("team=growth", (("team", "growth"),)),
        ("team=growth, pii=no;a=b\nc=d", (("team", "growth"), ("pii", "no"), ("a", "b"), ("c", "d"))),
        ('team="data platform"', (("team", "data platform"),)),
        ("team=“data platform” x=1", (("team", "data platform"), ("x", "1"))),
        ("team='a, b; c'", (("team", "a, b; c"),)),
        ('"team=data platform"', (("team", "data platform"),)),
        ('"cost centre"="12 34"', (("cost centre", "12 34"),)),
        ("formula=a=b", (("formula", "a=b"),)),
        ("said=it's", (("said", "it's"),)),
        ("a=1 a=1", (("a", "1"),)),
    ],
)
def test_tags_as_typed(text: str, expected: tuple[tuple[str, str], ...]) -> None:
    assert parse_tags(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("growth", "“growth” is not a tag"),
        ("team=data platform", "“platform” is not a tag"),
        ("=x", "“=x” has no key"),
        ("team=", "“team=” has no value"),
        ('team=""', "has no value"),
        ("a=1 a=2", "“a” is there twice"),
        ('team="open', "never closed"),
        ("k" * 101 + "=v", "101 characters; 100"),
        ("k=" + "v" * 1001, "1001 characters; 1000"),
        (" ".join(f"k{number}=v" for number in range(51)), "51 tags; 50"),
        ("k=a\u202eb", "right-to-left override"),
    ],
)
def test_bad_tags_are_named(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as error:
        parse_tags(text)
    assert error.value.field == "tags"


@given(st.text(alphabet=st.sampled_from("ab=\"' ,;“”\n"), max_size=30))
def test_any_text_is_tags_or_a_sentence(text: str) -> None:
    try:
        tags = parse_tags(text)
    except InvalidInput:
        return
    assert tags_problem(tags) is None


_words = st.text(alphabet=st.characters(categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=20)


@given(st.dictionaries(_words, st.lists(_words, min_size=1, max_size=3).map(" ".join), max_size=10))
def test_quoted_tags_come_back(tags: dict[str, str]) -> None:
    assert dict(parse_tags(" ".join(f'{key}="{value}"' for key, value in tags.items()))) == tags


def test_reserved_tags() -> None:
    assert reserved_tag_problem([("status", "draft"), ("team", "x")]) is None
    assert reserved_tag_problem([("status", "deprecated")]) is not None
    assert reserved_tag_problem([("replaced_by", "x")]) is not None
