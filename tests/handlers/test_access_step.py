"""What a workflow sends to the step that asks for access."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from handlers.access.step import StepInputs
from services.access.model import Level, Subject, SubjectKind
from services.access.offer import Wish
from services.errors import InvalidInput

BEN = {"requester": {"id": "U0BEN", "secret": "x"}, "dataset": " sales ", "reason": "Why"}


@pytest.mark.parametrize(
    ("inputs", "level", "days"),
    [
        (BEN, Level.READ, 7),
        (BEN | {"level": "Write", "days": 3}, Level.WRITE, 3),
        (BEN | {"level": None, "days": "14"}, Level.READ, 14),
        (BEN | {"days": 2.0}, Level.READ, 2),
    ],
)
def test_inputs(inputs: dict[str, Any], level: Level, days: int) -> None:
    assert StepInputs.of(inputs).wish() == Wish(
        "sales", level, Subject(SubjectKind.USER, "U0BEN"), timedelta(days=days), "Why"
    )


@pytest.mark.parametrize("wrong", [{"level": "own"}, {"days": "soon"}, {"days": -1}, {"days": "٣"}, {"days": 99999}])
def test_what_cannot_be_asked(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        StepInputs.of(BEN | wrong).wish()


@pytest.mark.parametrize("requester", [None, "U0ADA", {}, {"id": None}])
def test_nobody_asks_where_slack_names_nobody(requester: object) -> None:
    assert StepInputs.of(BEN | {"requester": requester}).requester == ""
