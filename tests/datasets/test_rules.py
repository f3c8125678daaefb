"""Who may do what."""

from __future__ import annotations

import pytest

from services.actor import Actor
from services.datasets.model import Dataset, DatasetType, DatastoreSource, Source, WebSource
from services.datasets.rules import (
    ask_for_access,
    is_public,
    may_curate,
    may_manage_datastores,
    may_take_ownership,
)
from services.errors import NotAllowed
from tests.datasets.samples import NOON
from tests.datasets.world import ADA, ADMIN, BEN


def owned_by(owner: str) -> Dataset:
    return Dataset("sales", DatasetType.FILE, "", (), owner, 1, NOON, NOON)


@pytest.mark.parametrize(
    ("actor", "owner", "allowed"),
    [(ADA, "U0ADA", True), (BEN, "U0ADA", False), (ADMIN, "U0ADA", True), (BEN, "", True)],
)
def test_may_curate(actor: Actor, owner: str, allowed: bool) -> None:
    assert may_curate(actor, owned_by(owner)).allowed is allowed


@pytest.mark.parametrize(
    ("actor", "owner", "to", "allowed"),
    [
        (ADA, "U0ADA", "U0BEN", True),
        (ADA, "U0ADA", "", True),
        (BEN, "U0ADA", "U0BEN", False),
        (ADMIN, "U0ADA", "U0BEN", True),
        (BEN, "", "U0BEN", True),
        (BEN, "", "U0ADA", False),
        (ADMIN, "", "U0ADA", True),
    ],
)
def test_may_take_ownership(actor: Actor, owner: str, to: str, allowed: bool) -> None:
    permission = may_take_ownership(actor, owned_by(owner), to)
    assert permission.allowed is allowed
    assert bool(permission.sentence) is not allowed


LAKE = DatastoreSource("lake", ("sales/*.csv",))
PUBLIC = WebSource(("https://azureopendatastorage.blob.core.windows.net/mnist/*.gz",))
INSIDE = WebSource(("https://files.corp.example/salaries.csv",))
MIXED = WebSource((*PUBLIC.urls, *INSIDE.urls))


@pytest.mark.parametrize(("source", "expected"), [(LAKE, False), (PUBLIC, True), (INSIDE, False), (MIXED, False)])
def test_what_everybody_on_the_internet_reads(source: Source, expected: bool) -> None:
    assert is_public(source) is expected


@pytest.mark.parametrize(
    ("name", "word"), [("sales", "sales"), ("my data", '"my data"'), ('a"b', '"a\'b"'), ("2026", '"2026"')]
)
def test_access_is_asked_for_with_a_command_that_can_be_typed(name: str, word: str) -> None:
    assert ask_for_access(name) == f"Ask for access with “/dataset access {word}”."


def test_datastores_are_for_admins() -> None:
    may_manage_datastores(ADMIN).require()
    with pytest.raises(NotAllowed, match="admin"):
        may_manage_datastores(ADA).require()
