"""What the tests of screens share: golden files and their refresh."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from handlers.message import Json, Message
from tests.golden import check

Golden = Callable[[str, Message | Json], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--refresh-golden", action="store_true", help="write tests/golden/*.json anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """golden(name, message_or_view): compare with tests/golden/name.json."""
    refresh = bool(request.config.getoption("--refresh-golden", default=False))

    def compare(name: str, screen: Message | Json) -> None:
        check(name, screen, refresh)

    return compare
