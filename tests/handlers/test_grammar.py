"""The grammar of commands, by table."""

from __future__ import annotations

import pytest

from handlers.grammar import DatasetRef, Token, closest, dataset_ref, number, tokenize, user_ref
from services.errors import InvalidInput

NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("   \t ", []),
        ("list sales", ["list", "sales"]),
        (f"list{NBSP}{NBSP}sales\u200b data", ["list", "sales", "data"]),
        ("show “my data”", ["show", "my data"]),
        ("show «my data»:3", ["show", "my data:3"]),
        ("show „my data“", ["show", "my data"]),
        ("show 'my data'", ["show", "my data"]),
        ("show ‘my data’", ["show", "my data"]),
        ("show o'brien’s", ["show", "o'brien's"]),
        ('show "unclosed name', ["show", "unclosed name"]),
        ("list tag:team=“data platform”", ["list", "tag:team=data platform"]),
        ("owner sales <@U012AB3CD|ada>", ["owner", "sales", "<@U012AB3CD|ada>"]),
        ("list owner:<@U012AB3CD|ada>", ["list", "owner:<@U012AB3CD|ada>"]),
        ("register <https://example.org/a.csv>", ["register", "https://example.org/a.csv"]),
        ("register <http://example.org|example.org>", ["register", "http://example.org"]),
        ("show <mailto:a@b.se|a@b.se>", ["show", "a@b.se"]),
        ("show &lt;!channel&gt;", ["show", "<!channel>"]),
        ("show a&amp;b", ["show", "a&b"]),
        ('show ""', ["show"]),
        ("show “”  x", ["show", "x"]),
    ],
)
def test_tokenize(text: str, words: list[str]) -> None:
    assert [token.text for token in tokenize(text)] == words


def test_quoted_words_are_no_keywords() -> None:
    assert tokenize('list "mine" mine') == (Token("list"), Token("mine", quoted=True), Token("mine"))


@pytest.mark.parametrize(
    ("typed", "ref"),
    [
        ("sales", DatasetRef("sales")),
        ("sales:3", DatasetRef("sales", 3)),
        ("sales:v3", DatasetRef("sales", 3)),
        ("sales:V12", DatasetRef("sales", 12)),
        ("sales:latest", DatasetRef("sales")),
        ("sales:", DatasetRef("sales")),
        (":sales", DatasetRef("sales")),
        ('"my data":2', DatasetRef("my data", 2)),
        ('"my data:2"', DatasetRef("my data", 2)),
        ('"a: b"', DatasetRef("a: b")),
        ('"a:3":latest', DatasetRef("a:3")),
        ("2013", DatasetRef("2013")),
    ],
)
def test_dataset_ref(typed: str, ref: DatasetRef) -> None:
    (token,) = tokenize(typed)
    assert dataset_ref(token) == ref


@pytest.mark.parametrize(
    "typed", ["sales:three", "sales:0", "sales:-1", "sales:1.5", "sales:99999999999", "sales:" + "9" * 5000]
)
def test_bad_version_says_what_to_write(typed: str) -> None:
    with pytest.raises(InvalidInput, match="not a version number"):
        dataset_ref(Token(typed))


@pytest.mark.parametrize(("typed", "value"), [("1", 1), ("007", 7), ("1000000", 1_000_000)])
def test_number(typed: str, value: int) -> None:
    assert number("page", typed) == value


@pytest.mark.parametrize("typed", ["", "0", "-1", "two", "1.0", "1000001", "9" * 30])
def test_bad_number(typed: str) -> None:
    with pytest.raises(InvalidInput, match="not a page number"):
        number("page", typed)


def test_user_ref_takes_mentions_only() -> None:
    assert user_ref(Token("<@U012AB3CD|ada>")) == "U012AB3CD"
    assert user_ref(Token("<@W012AB3CD>")) == "W012AB3CD"
    with pytest.raises(InvalidInput, match="not a person"):
        user_ref(Token("@ada"))


@pytest.mark.parametrize(
    ("word", "expected"), [("lst", "list"), ("verisons", "versions"), ("ver", "versions"), ("xyzzy", None)]
)
def test_closest(word: str, expected: str | None) -> None:
    near = closest(word, ("list", "show", "versions"))
    assert (near[0] if near else None) == expected
