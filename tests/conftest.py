"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

# Time belongs in benchmarks: a property does not fail because the machine is busy.
settings.register_profile("project", deadline=None)
settings.load_profile("project")


WHOLE_BOT = ("scenario", "azure", "contract", "browser")
"""Folders whose tests start a bot, an SDK or a browser: left out of the quick loop."""

ROOT = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts whole programs as slow, and begin with files that have slow tests.

    So the quick ones are left for the end, when one process would else work on a long file and the others wait.
    """
    for item in items:
        if item.path.relative_to(ROOT).parts[0] in WHOLE_BOT:
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command line run in this process sets what is logged; the next test hears what it would have heard alone."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
