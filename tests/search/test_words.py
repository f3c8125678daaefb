"""Names and texts become words."""

import pytest

from services.search.words import Chunk, chunks, fold, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sales-2024_q3.eu west", ["sales", "2024", "q3", "q", "3", "eu", "west"]),
        ("CustomerOrdersV2", ["customerordersv2", "customer", "orders", "v", "2"]),
        ("HTTPServerLogs", ["httpserverlogs", "http", "server", "logs"]),
        ("a/b//c", ["a", "b", "c"]),
        ("Ünïcode Straße", ["unicode", "strasse"]),
        ("ｆｕｌｌ ﬁle", ["full", "file"]),
        ("売上データ", ["売上データ"]),
        ("продажи2024", ["продажи2024", "продажи", "2024"]),
        ("--- !!! ", []),
        ("<!channel>", ["channel"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    # Accents are dropped by decomposing, so a voiced Japanese sign loses its mark like any accent.
    assert list(words(text)) == [fold(word) for word in expected]


def test_a_chunk_keeps_its_whole_and_its_parts() -> None:
    assert chunks("salesQ3") == [Chunk("salesq3", ("sales", "q", "3"))]


def test_very_long_words_are_found_by_their_beginning() -> None:
    (chunk,) = chunks("f" * 300)
    assert chunk.whole == "f" * 64


def test_fold_makes_spellings_equal() -> None:
    assert fold("CAFÉ") == fold("cafe\u0301") == "cafe"
