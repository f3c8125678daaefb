"""Who may do what."""

from __future__ import annotations

import pytest

from services.actor import Actor
from services.datasets.model import Dataset, DatasetType
from services.datasets.rules import may_curate, may_manage_datastores, may_preview, may_take_ownership
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


def test_preview_is_for_members() -> None:
    assert may_preview(BEN, owned_by("U0ADA")).allowed
    assert not may_preview(Actor(""), owned_by("U0ADA")).allowed


def test_datastores_are_for_admins() -> None:
    may_manage_datastores(ADMIN).require()
    with pytest.raises(NotAllowed, match="admin"):
        may_manage_datastores(ADA).require()
