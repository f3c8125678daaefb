"""A workflow registers a dataset: the step's inputs, its outputs, and every way it can fail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import JsonValue

from bot.sandbox.wire import JsonObject
from handlers.datasets.register_step import INPUTS, KIND, StepWork
from services.actor import Actor
from services.errors import InvalidInput
from services.jobs import DurableJob, Origin
from tests.scenario.bot_on_local_slack import Stage, stage

STEP = "register_dataset"
CSV = "day,city,sold\n2024-01-01,Oslo,3\n2024-01-02,Bergen,5\n"


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as running:
        (running.data / "sales").mkdir()
        (running.data / "sales" / "jan.csv").write_text(CSV)
        yield running


async def run(bot: Stage, who: str = "U0BEN", **inputs: str) -> JsonObject:
    """Run the step as a person, with these inputs beside the usual ones."""
    usual = {"name": "sales", "paths": "sales/*.csv"}
    return await bot.slack.person(who).run_step(STEP, {**usual, **inputs}, timeout=20)


async def test_a_workflow_registers_version_after_version(bot: Stage) -> None:
    first = await run(bot, description="What was sold", tags="team=growth, tier=gold")
    assert first["outputs"] == {"dataset": "sales:1", "name": "sales", "version": 1, "is_new": True}
    same = await run(bot)
    assert same["outputs"] == {"dataset": "sales:1", "name": "sales", "version": 1, "is_new": False}
    await bot.bot.services.datasets.watch(Actor("U0ADA", is_admin=False), "sales", watching=True)
    (bot.data / "sales" / "feb.csv").write_text(CSV.replace("Oslo", "Tromsø"))
    second = await run(bot, "U0CHIARA", registrar="U0ADA")  # a workflow cannot say that somebody else does it
    assert second["outputs"]["dataset"] == "sales:2"
    card = await bot.bot.services.datasets.show("sales")
    assert (card.version.registered_by, card.dataset.owner) == ("U0CHIARA", "U0BEN")
    assert card.dataset.description == "What was sold"  # kept, as the second run said nothing of it
    assert dict(card.dataset.tags) == {"team": "growth", "tier": "gold"}
    notice = await bot.ada.wait_message(await bot.ada.dm(), "sales:2")
    assert "watch" in notice.shown


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"paths": "nothing/*.csv"}, "matches nothing"),
        ({"paths": "../../etc/passwd"}, "leads out of the datastore"),
        ({"paths": " "}, "Give at least one path"),
        ({"name": "not a name!"}, "A name has only letters"),
        ({"tags": "nonsense"}, "is not a tag"),
        ({"datastore": "elsewhere"}, "no datastore called"),
        ({"who": "U0GUS"}, "full members"),
    ],
)
async def test_a_step_that_cannot_be_done_says_why(bot: Stage, inputs: dict[str, str], sentence: str) -> None:
    failed = await run(bot, **inputs)
    assert failed["status"] == "failed"
    assert sentence in failed["error"]
    assert (await bot.bot.services.datasets.check_name("sales")).exists is False


async def test_files_that_are_no_table_make_a_file_dataset(bot: Stage) -> None:
    (bot.data / "cat.png").write_bytes(b"\x89PNG")
    assert (await run(bot, name="pictures", paths="*.png"))["outputs"]["dataset"] == "pictures:1"
    assert (await bot.bot.services.datasets.show("pictures")).dataset.type.value == "file"


async def test_a_step_that_ended_already_is_left_as_it_is(bot: Stage) -> None:
    inputs = {"name": "sales", "paths": "sales/*.csv", "registrar": "U0BEN"}
    done = await bot.ben.run_step(STEP, {"name": "sales", "paths": "sales/*.csv"}, timeout=20)
    execution = next(iter(bot.slack.workspace.world.executions))
    payload: dict[str, JsonValue] = {**dict.fromkeys(INPUTS, ""), **inputs, "execution": execution}
    job = DurableJob("again", KIND, payload, Origin("U0BEN", "", "a step", "r1", ""))
    work = StepWork(bot.bot.services, bot.bot.client)
    await work.run(job)
    await work.failed(job, InvalidInput("too late"))
    assert bot.slack.workspace.world.executions[execution]["outputs"] == done["outputs"]
    assert bot.slack.workspace.world.executions[execution]["status"] == "completed"
