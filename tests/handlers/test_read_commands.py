"""How the reading commands read their arguments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.command_table import TABLE
from handlers.datasets.diff import DiffRequest, parse_diff
from handlers.datasets.list_request import ListRequest, parse_list
from handlers.datasets.naming import dataset_key, dataset_word, pick_option, picked_command
from handlers.grammar import DatasetRef, dataset_ref, tokenize
from services.datasets.model import DatasetType
from services.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("", ListRequest()),
        ("daily sales", ListRequest(words="daily sales")),
        ("tag:team=growth tag:pii", ListRequest(tags=(("team", "growth"), ("pii", None)))),
        ("tag:team=“data platform”", ListRequest(tags=(("team", "data platform"),))),
        ("type:Tabular", ListRequest(type=DatasetType.TABULAR)),
        ("owner:<@U012AB3CD|ada>", ListRequest(owner="U012AB3CD")),
        ("owner:me", ListRequest(owner="me")),
        ("mine", ListRequest(owner="me")),
        ("owner:nobody", ListRequest(owner="nobody")),
        ("drifting deprecated", ListRequest(drifting=True, deprecated=True)),
        ('"mine"', ListRequest(words="mine")),
        ('"tag:x"', ListRequest(words="tag:x")),
        ("https://example.org/a", ListRequest(words="https://example.org/a")),
        ("sort:modified page:3 size:10", ListRequest(sort="modified", page=3, size=10)),
    ],
)
def test_list_arguments(text: str, request_: ListRequest) -> None:
    assert parse_list(tokenize(text)) == request_


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("type:tabluar", "Did you mean type:tabular?"),
        ("type:spreadsheet", "Write type:file or type:tabular."),
        ("tpye:file", "Did you mean type:file?"),
        ("colour:blue", "Conditions are tag:"),
        ("tag:", "Write for example tag:team=growth"),
        ("owner:ada", "choose the person"),
        ("page:two", "not a page number"),
        ("size:500", "not a size number"),
        ("sort:date", "Write sort:name"),
        ("x" * 1001, "more than 1,000 characters"),
    ],
)
def test_list_says_what_is_wrong(text: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match=hint.replace("?", r"\?")):
        parse_list(tokenize(text))


_QUOTES = "\"'“”„‟«»″‘’‚‛′ʼ"
WORDS = st.text(st.characters(exclude_categories=("Z", "C"), exclude_characters=_QUOTES), min_size=1, max_size=20)
REQUESTS = st.builds(
    ListRequest,
    words=st.lists(WORDS, max_size=4).map(" ".join),
    tags=st.lists(st.tuples(WORDS.filter(lambda w: "=" not in w), st.none() | WORDS), max_size=3).map(tuple),
    type=st.none() | st.sampled_from(DatasetType),
    owner=st.sampled_from([None, "me", "nobody", "U012AB3CD"]),
    deprecated=st.sampled_from([None, True]),
    drifting=st.booleans(),
    sort=st.sampled_from(["relevance", "name", "modified"]),
    page=st.integers(1, 1_000_000),
    size=st.integers(1, 100),
)


@given(REQUESTS)
def test_the_command_of_a_list_asks_for_the_same_list(request_: ListRequest) -> None:
    command = request_.command()
    assert len(command) <= 2000
    assert parse_list(tokenize(command.removeprefix("/dataset list"))) == request_


@given(WORDS, st.none() | st.integers(1, 2**31 - 1))
def test_a_dataset_word_is_read_as_the_same_dataset(name: str, version: int | None) -> None:
    tokens = tokenize(dataset_word(name, version))
    assert len(tokens) == 1
    assert dataset_ref(tokens[0]) == DatasetRef(name, version)


@pytest.mark.parametrize("name", ["help", "mine", "7", "my data", "<!channel>", "a:3", "<@U012AB3CD>", "o'brien"])
def test_odd_names_survive(name: str) -> None:
    tokens = tokenize("show " + dataset_word(name))
    assert dataset_ref(tokens[1]) == DatasetRef(name)
    assert TABLE.read("/dataset", "show " + dataset_word(name)).run is not None


@given(st.text(min_size=1, max_size=300), st.none() | st.integers(1, 2**31 - 1), st.sampled_from(["", "choose"]))
def test_a_picked_option_says_what_it_stands_for(name: str, version: int | None, rest: str) -> None:
    value = pick_option(name, "deprecate", name, version, rest=rest)["value"]
    assert len(value) <= 150
    assert picked_command(value) == ("deprecate", dataset_key(name), version, rest)


def test_long_names_have_different_keys() -> None:
    assert dataset_key("a" * 255) != dataset_key("a" * 254)
    assert dataset_key("sales") == "sales"


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("sales", DiffRequest(DatasetRef("sales"))),
        ("sales:2", DiffRequest(DatasetRef("sales"), DatasetRef("sales", 2))),
        ("sales 2", DiffRequest(DatasetRef("sales"), DatasetRef("sales", 2))),
        ("sales 1 2", DiffRequest(DatasetRef("sales", 2), DatasetRef("sales", 1))),
        ("sales 1 vs 2", DiffRequest(DatasetRef("sales", 2), DatasetRef("sales", 1))),
        ("sales:1 2", DiffRequest(DatasetRef("sales", 2), DatasetRef("sales", 1))),
        ("sales:1 sales:2", DiffRequest(DatasetRef("sales", 2), DatasetRef("sales", 1))),
        ("sales 1 latest", DiffRequest(DatasetRef("sales"), DatasetRef("sales", 1))),
        ("sales:1 orders:2", DiffRequest(DatasetRef("orders", 2), DatasetRef("sales", 1))),
        ("sales and orders", DiffRequest(DatasetRef("orders"), DatasetRef("sales"))),
        ('"my data" 1 2', DiffRequest(DatasetRef("my data", 2), DatasetRef("my data", 1))),
        ('"my data":1 "my data":2', DiffRequest(DatasetRef("my data", 2), DatasetRef("my data", 1))),
        ("sales 1 2 values", DiffRequest(DatasetRef("sales", 2), DatasetRef("sales", 1), values=True)),
    ],
)
def test_diff_arguments(text: str, request_: DiffRequest) -> None:
    assert parse_diff(tokenize(text)) == request_


@pytest.mark.parametrize("text", ["sales 1 2 3", "sales orders people", "sales:1 2 3"])
def test_diff_takes_two_versions(text: str) -> None:
    with pytest.raises(InvalidInput, match="compare two versions"):
        parse_diff(tokenize(text))


@pytest.mark.parametrize("text", ["show my data", "use my data", "preview my data", "versions my data"])
def test_names_with_spaces_are_asked_for_in_quotes(text: str) -> None:
    message = TABLE.read("/dataset", text).message
    assert message is not None
    assert "in quotes" in message.text


@pytest.mark.parametrize(
    "text", ["show", "versions", "diff", "use", "preview", "ls", "info sales", "compare", "head sales"]
)
def test_what_is_missing_is_asked_not_refused(text: str) -> None:
    bound = TABLE.read("/dataset", text)
    assert bound.message is None
    assert bound.run is not None


@pytest.mark.parametrize("command", TABLE.commands, ids=lambda command: f"{command.slash} {command.name}")
def test_every_example_can_be_read(command: object) -> None:
    from handlers.commands import Command

    assert isinstance(command, Command)
    assert command.examples
    for example in command.examples:
        slash, _, text = example.partition(" ")
        bound = TABLE.read(slash, text)
        assert bound.command is command, example
        assert bound.message is None or "@" in example, example  # Slack replaces @name with the person's id
