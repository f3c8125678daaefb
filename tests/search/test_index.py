"""What the index answers."""

from __future__ import annotations

import pytest

from services.datasets.model import DatasetQuery, DatasetSummary, DatasetType, FingerprintState
from tests.search.conftest import Shelf, entry


def names(items: tuple[DatasetSummary, ...]) -> list[str]:
    return [item.name for item in items]


async def found(shelf: Shelf, words: str = "", **conditions: object) -> list[str]:
    page = await shelf.index.search(DatasetQuery(words=words, **conditions))  # type: ignore[arg-type] # forwarded
    assert page.total == len(page.items)
    return names(page.items)


async def test_an_entry_comes_back_as_it_was(shelf: Shelf) -> None:
    told = entry("sales", "Tills & <b>shops</b>", tags=(("team", "growth"), ("pii", "no")), version=3)
    await shelf.put(told)
    await shelf.mark("sales", "U1", FingerprintState.GROWN)
    known = await shelf.index.get("sales")
    assert known is not None
    assert (known.owner, known.state) == ("U1", FingerprintState.GROWN)
    assert (known.name, known.description, known.tags, known.latest_version) == (
        told.name,
        told.description,
        told.tags,
        told.latest_version,
    )
    assert known.modified_at == told.modified_at
    assert await shelf.index.get("Sales") is None


async def test_ranking_exact_then_beginning_then_name_then_rest_with_deprecated_last(shelf: Shelf) -> None:
    await shelf.put(
        entry("sales-old", deprecated=True),
        entry("weather", "explains sales"),
        entry("emea-sales"),
        entry("sales-eu"),
        entry("sales"),
        entry("tickets", tags=(("topic", "sales"),)),
        entry("buses", "nothing of the kind"),
    )
    assert await found(shelf, "sales") == ["sales", "sales-eu", "emea-sales", "tickets", "weather", "sales-old"]


async def test_an_exact_name_comes_first_even_when_deprecated(shelf: Shelf) -> None:
    await shelf.put(entry("sales", deprecated=True), entry("sales-eu"))
    assert await found(shelf, "SALES") == ["sales", "sales-eu"]


@pytest.mark.parametrize("typed", ["slaes", "sale s", "salse", "aales", "sals", "SALLES", "sálès"])
async def test_typing_errors_are_forgiven(shelf: Shelf, typed: str) -> None:
    await shelf.put(entry("sales-eu"), entry("flights"), entry("s"))
    assert "sales-eu" in await found(shelf, typed)


async def test_corrected_tells_what_was_read_as_what(shelf: Shelf) -> None:
    await shelf.put(entry("customer-orders", "by week"), entry("flights"))
    page = await shelf.index.search(DatasetQuery(words="cusotmer weke"))
    assert names(page.items) == ["customer-orders"]
    assert page.corrected == (("cusotmer", "customer"), ("weke", "week"))
    page = await shelf.index.search(DatasetQuery(words="customer"))
    assert page.corrected == ()


async def test_words_that_are_there_are_never_corrected(shelf: Shelf) -> None:
    await shelf.put(entry("trips"), entry("strips"))
    page = await shelf.index.search(DatasetQuery(words="trips"))
    assert (names(page.items), page.corrected) == (["trips"], ())


async def test_numbers_are_not_corrected(shelf: Shelf) -> None:
    await shelf.put(entry("sales-2024"))
    assert await found(shelf, "2023") == []
    assert await found(shelf, "x2024") == []
    assert await found(shelf, "sales 2024") == ["sales-2024"]


async def test_a_word_near_to_nothing_finds_nothing(shelf: Shelf) -> None:
    await shelf.put(entry("sales"))
    assert await found(shelf, "xylophones") == []
    assert await found(shelf, "sales xylophones") == []
    assert await found(shelf, "!!!") == []


@pytest.mark.parametrize("typed", ["salesq3", "sales-q3", "SalesQ3", "q3", "sales 3"])
async def test_parts_of_names(shelf: Shelf, typed: str) -> None:
    await shelf.put(entry("sales-q3"), entry("flights"))
    assert await found(shelf, typed) == ["sales-q3"]


async def test_datasets_with_incidents_count_as_drifting(shelf: Shelf) -> None:
    await shelf.put(entry("sales", "tills"), entry("sales-2024", "tills"), entry("weather"), entry("stock", "tills"))
    await shelf.mark("stock", "U1", FingerprintState.CHANGED)
    named = ("sales", "gone")
    assert sorted(await found(shelf, drifting=True, with_incidents=named)) == ["sales", "stock"]
    assert sorted(await found(shelf, "tills", drifting=True, with_incidents=named)) == ["sales", "stock"]
    assert await found(shelf, "sales", drifting=True, with_incidents=named) == ["sales"], "and no other name like it"
    assert await found(shelf, drifting=True, with_incidents=named, owner="U1") == ["stock"]
    assert sorted(await found(shelf, with_incidents=named)) == ["sales", "sales-2024", "stock", "weather"]
    await shelf.put(entry("sales", "shops"))
    assert await found(shelf, "shops", drifting=True, with_incidents=named) == ["sales"], "also once it changed"
    many = tuple(f"set-{number}" for number in range(10_000))
    assert sorted(await found(shelf, drifting=True, with_incidents=(*many, "weather"))) == ["stock", "weather"]


@pytest.mark.parametrize(
    "typed", ['"', "sales OR 1=1", "name:sales", "sales*", "(", "NEAR(a b)", "'; DROP TABLE", "\0"]
)
async def test_query_syntax_is_only_text(shelf: Shelf, typed: str) -> None:
    await shelf.put(entry("sales"), entry("weather"))
    page = await shelf.index.search(DatasetQuery(words=typed))
    assert page.total <= 1
    await shelf.index.suggest(typed)
    await shelf.index.closest(typed)


async def test_filters_all_hold(shelf: Shelf) -> None:
    await shelf.put(
        entry("a", "tills", tags=(("Team", "Growth"),)),
        entry("b", "tills", tags=(("team", "risk"),), kind=DatasetType.FILE),
        entry("c", "tills", deprecated=True),
    )
    await shelf.mark("b", "U1", FingerprintState.CHANGED)
    await shelf.mark("c", "U1", FingerprintState.UNREACHABLE)
    assert await found(shelf, tags=(("team", "growth"),)) == ["a"]
    assert sorted(await found(shelf, tags=(("team", None),))) == ["a", "b"]
    assert await found(shelf, tags=(("team", None), ("team", "risk"))) == ["b"]
    assert await found(shelf, type=DatasetType.FILE) == ["b"]
    assert await found(shelf, owner="U1") == ["b", "c"]
    assert await found(shelf, owner="") == ["a"]
    assert await found(shelf, drifting=True) == ["b"]
    assert await found(shelf, deprecated=True) == ["c"]
    assert sorted(await found(shelf, deprecated=False)) == ["a", "b"]
    assert await found(shelf, "tills", owner="U1", deprecated=False) == ["b"]
    assert await found(shelf, "tills", drifting=True) == ["b"]
    assert await found(shelf, "tills", deprecated=True) == ["c"]
    assert await found(shelf, "weather", owner="U1") == []


async def test_facets_cannot_be_typed(shelf: Shelf) -> None:
    await shelf.put(entry("a", deprecated=True), entry("b", kind=DatasetType.FILE))
    assert await found(shelf, "xdeprecated") == []
    assert await found(shelf, "xtypefile") == []


async def test_sorting(shelf: Shelf) -> None:
    await shelf.put(
        entry("b", "x", day=3), entry("a", "x", day=1), entry("C", "x", day=2), entry("0", "x", deprecated=True, day=9)
    )
    for words in ("", "x"):
        assert await found(shelf, words, sort="name") == ["a", "b", "C", "0"]
        assert await found(shelf, words, sort="modified") == ["b", "C", "a", "0"]
    assert await found(shelf, "", sort="relevance") == ["b", "C", "a", "0"]


@pytest.mark.parametrize("sort", ["relevance", "name", "modified"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("words", ["", "sales", "sales-3", "sales shop"])
async def test_pages_put_together_are_the_whole_list(shelf: Shelf, sort: str, limit: int, words: str) -> None:
    await shelf.put(
        *(entry(f"sales-{number}", "shop") for number in range(6)),
        *(entry(f"shop-sales-{number}") for number in range(5)),
        *(entry(f"weather-{number}", "shop sales") for number in range(4)),
        *(entry(f"sales-old-{number}", "shop", deprecated=True) for number in range(3)),
        entry("other"),
    )
    whole = await shelf.index.search(DatasetQuery(words=words, sort=sort, limit=1000))
    assert whole.total == len(whole.items) > 0
    collected: list[str] = []
    for offset in range(0, whole.total + limit, limit):
        page = await shelf.index.search(DatasetQuery(words=words, sort=sort, offset=offset, limit=limit))
        assert page.total == whole.total
        collected += names(page.items)
    assert collected == names(whole.items)
    assert len(set(collected)) == len(collected)


async def test_suggest_prefix_then_words_then_typing_errors(shelf: Shelf) -> None:
    await shelf.put(
        entry("sales"),
        entry("sales-eu"),
        entry("emea-sales"),
        entry("weather", "sales, rain"),
        entry("salty", deprecated=True),
    )
    assert names(await shelf.index.suggest("sal")) == ["sales", "sales-eu", "emea-sales", "salty"]
    assert names(await shelf.index.suggest("SALES-E"))[0] == "sales-eu"
    assert names(await shelf.index.suggest("slaes")) == ["emea-sales", "sales-eu", "sales"]
    assert names(await shelf.index.suggest("waeth")) == ["weather"]
    assert names(await shelf.index.suggest("sal", limit=2)) == ["sales", "sales-eu"]
    assert names(await shelf.index.suggest("rain")) == ["weather"]
    assert names(await shelf.index.suggest("zzz")) == []


async def test_suggest_of_nothing_is_what_changed_last(shelf: Shelf) -> None:
    await shelf.put(entry("old", day=1), entry("new", day=5), entry("gone", day=9, deprecated=True))
    assert names(await shelf.index.suggest(" ")) == ["new", "old", "gone"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("slaes", "sales"),
        ("Sales", "sales"),
        ("wether", "weather-hourly"),
        ("weather-horuly", "weather-hourly"),
        ("customer_orders", "customer-orders"),
        ("ales", "sales"),
        ("custmoer-orders", "customer-orders"),
        ("flights-v3a097", "flights-v3097"),
        ("fligths-v30a97", "flights-v3097"),
    ],
)
async def test_closest(shelf: Shelf, typed: str, expected: str) -> None:
    await shelf.put(entry("sales"), entry("weather-hourly"), entry("customer-orders"), entry("flights-v3097"))
    assert (await shelf.index.closest(typed))[:1] == (expected,)


async def test_closest_offers_nothing_far_fetched(shelf: Shelf) -> None:
    await shelf.put(entry("sales"), entry("weather"))
    assert await shelf.index.closest("qqqqqqq") == ()
    assert await shelf.index.closest("") == ()


async def test_changes_replace_entries_and_their_words(shelf: Shelf) -> None:
    await shelf.put(entry("sales", "tills"))
    await shelf.put(entry("sales", "shops", version=2))
    assert await found(shelf, "tills") == []
    assert await found(shelf, "shops") == ["sales"]
    page = await shelf.index.search(DatasetQuery(words="tlils"))
    assert (page.total, page.corrected) == (0, ()), "words that nobody uses any more are not offered"


async def test_an_unregistered_dataset_goes(shelf: Shelf) -> None:
    await shelf.put(entry("sales"), entry("weather"))
    await shelf.put(entry("sales", version=0))
    assert await found(shelf) == ["weather"]
    assert await shelf.index.closest("slaes") == ()


async def test_marks_may_come_before_and_after_the_entry(shelf: Shelf) -> None:
    await shelf.mark("sales", "U1")
    assert await found(shelf, owner="U1") == []
    await shelf.put(entry("sales"))
    assert await found(shelf, owner="U1") == ["sales"]
    await shelf.mark("sales", "U2", FingerprintState.VANISHED)
    assert await found(shelf, owner="U1") == []
    assert await found(shelf, owner="U2", drifting=True) == ["sales"]
    await shelf.put(entry("sales", version=2))
    assert await found(shelf, owner="U2", drifting=True) == ["sales"], "a new version keeps the mark"
    assert await found(shelf, "u2") == ["sales"], "the owner is a word as well"


async def test_age_counts_from_the_last_agreement(shelf: Shelf) -> None:
    await shelf.put(entry("sales"))
    shelf.clock.advance(seconds=42)
    assert (await shelf.index.search(DatasetQuery())).index_age == 42.0
    await shelf.index.refresh()
    assert (await shelf.index.search(DatasetQuery())).index_age == 0.0


async def test_refresh_counts_what_changed(shelf: Shelf) -> None:
    shelf.catalog.entries += [entry("a"), entry("b")]
    assert await shelf.index.refresh() == 2
    assert await shelf.index.refresh() == 0
