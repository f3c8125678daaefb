"""Names with and without a version."""

from __future__ import annotations

import pytest

from services.datasets.curation import split_label


@pytest.mark.parametrize(
    ("label", "expected"),
    [("sales", ("sales", None)), ("sales:3", ("sales", 3)), ("a:b", ("a:b", None)), ("a:²", ("a:²", None))],
)
def test_split_label(label: str, expected: tuple[str, int | None]) -> None:
    assert split_label(label) == expected
