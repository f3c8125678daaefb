"""Curating datasets and managing datastores through Slack: typed, by form, and refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.faults import Faults
from services.actor import Actor
from tests.scenario.bot_on_local_slack import Stage, stage

CSV = "day,sold\n2024-01-01,3\n"


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Stage]:
    """A bot whose workspace has `sales`, owned by Ada."""
    async with stage(tmp_path) as running:
        (running.data / "sales.csv").write_text(CSV)
        await running.register("sales", "sales.csv")
        await running.ada.close(await running.ada.wait_view("done"))
        yield running


async def test_typed_whole(bot: Stage) -> None:
    await bot.ada.command("C0DATA", "/dataset", 'tag sales team="data platform" tier=gold')
    await bot.ada.wait_message("C0DATA", "team=data platform")
    await bot.ada.command("C0DATA", "/dataset", "tag sales -tier")
    await bot.ada.wait_message("C0DATA", "removed `tier`")
    await bot.ada.command("C0DATA", "/dataset", "describe sales What was sold, by day")
    await bot.ada.wait_message("C0DATA", "What was sold, by day")
    await bot.ben.command("C0DATA", "/dataset", "watch sales")
    await bot.ben.wait_message("C0DATA", "You watch")
    await bot.ada.command("C0DATA", "/dataset", "deprecate sales reason wrong currency")
    await bot.ada.wait_message("C0DATA", "is deprecated")
    news = await bot.ben.wait_message(await bot.ben.dm(), "deprecated")
    assert "wrong currency" in news.shown
    await bot.ada.command("C0DATA", "/dataset", "reinstate sales")
    await bot.ada.wait_message("C0DATA", "no longer deprecated")
    await bot.ben.command("C0DATA", "/dataset", "unwatch sales")
    await bot.ben.wait_message("C0DATA", "do not watch")
    await bot.ada.command("C0DATA", "/dataset", "owner sales @ben")
    await bot.ada.wait_message("C0DATA", "<@U0BEN> owns")
    shown = (await bot.bot.services.datasets.show("sales")).dataset
    assert shown.tags == (("team", "data platform"),)
    assert (shown.description, shown.owner, shown.watchers) == ("What was sold, by day", "U0BEN", ())


async def test_only_the_owner_or_an_admin_changes_it(bot: Stage) -> None:
    await bot.ben.command("C0DATA", "/dataset", "tag sales team=ops")
    await bot.ben.wait_message("C0DATA", "Only the owner")
    for form in ("tag", "describe", "deprecate", "owner"):  # told before anything is typed
        await bot.ben.command("C0DATA", "/dataset", f"{form} sales")
        await bot.ben.close(await bot.ben.wait_view("error", "Only the owner"))


@pytest.mark.parametrize("person", ["U0GUS", "U0DEE", "U0OTHERBOT", "U0NOBODY"])
async def test_owners_are_full_members(bot: Stage, person: str) -> None:
    await bot.ada.command("C0DATA", "/dataset", f"owner sales <@{person}>")
    await bot.ada.wait_message("C0DATA", "full members")


async def test_tags_by_form(bot: Stage) -> None:
    await bot.ada.command("C0DATA", "/dataset", "tag sales")
    view = await bot.ada.wait_view("curate_tags")
    answer = await bot.ada.submit(view, {"tags": "nonsense"})
    assert "is not a tag" in answer["errors"]["tags"]
    await bot.ada.submit(view, {"tags": "team=ops\ntier=gold"})
    await bot.ada.close(await bot.ada.wait_view("done", "team=ops"))
    await bot.ada.wait_no_view()
    await bot.ada.command("C0DATA", "/dataset", "tag sales")
    view = await bot.ada.wait_view("curate_tags", "sales")
    await bot.ada.submit(view, {"tags": "tier=gold"})
    await bot.ada.wait_view("done", "removed `team`")


async def test_a_change_in_between_is_told_and_nothing_is_overwritten(bot: Stage) -> None:
    await bot.ada.command("C0DATA", "/dataset", "describe sales")
    view = await bot.ada.wait_view("curate_describe")
    service = bot.bot.services.datasets
    await service.describe(Actor("U0ADA", is_admin=True), "sales", "Changed elsewhere")
    await bot.ada.submit(view, {"description": "Mine"})
    failed = await bot.ada.wait_view("error", "Somebody changed the description")
    assert "Changed elsewhere" in failed.shown
    await bot.ada.close(failed)
    view = await bot.ada.wait_view("curate_describe")
    values = (await bot.ada.fill(view, {})).values
    assert values["description"]["description_text"]["value"] == "Mine"
    assert (await service.show("sales")).dataset.description == "Changed elsewhere"


async def test_deprecate_and_owner_by_form(bot: Stage) -> None:
    (bot.data / "orders.csv").write_text(CSV.replace("3", "4"))
    await bot.register("orders", "orders.csv")
    await bot.ada.close(await bot.ada.wait_view("done"))
    await bot.ada.command("C0DATA", "/dataset", "deprecate")
    view = await bot.ada.wait_view("which_dataset")
    await bot.ada.submit(view, {"dataset": "sales"})
    view = await bot.ada.wait_view("curate_deprecate")
    await bot.ada.submit(view, {"replaced_by": "orders", "reason": "Better"})
    await bot.ada.close(await bot.ada.wait_view("done", "replaced by `orders`"))
    await bot.ada.command("C0DATA", "/dataset", "owner sales")
    view = await bot.ada.wait_view("curate_owner")
    await bot.ada.submit(view, {"owner": "U0GUS"})
    await bot.ada.close(await bot.ada.wait_view("error", "full members"))
    view = await bot.ada.wait_view("curate_owner")
    await bot.ada.submit(view, {"owner": "U0BEN"})
    await bot.ada.wait_view("done", "<@U0BEN> owns")


async def test_a_dataset_that_is_not_there(bot: Stage) -> None:
    await bot.ada.command("C0DATA", "/dataset", "describe slaes")
    view = await bot.ada.wait_view("error", "no dataset called `slaes`")
    assert "Did you mean `sales`" in view.shown


async def test_datastores(bot: Stage) -> None:
    exports = bot.settings.workspace_directory / "exports"
    exports.mkdir()
    await bot.ben.command("C0DATA", "/datastore", "list")
    shown = await bot.ben.wait_message("C0DATA", "1 datastore")
    assert "default" in shown.shown
    await bot.ben.command("C0DATA", "/datastore", "register")
    await bot.ben.wait_message("C0DATA", "Only an admin")
    await bot.ada.command("C0DATA", "/datastore", "register")
    view = await bot.ada.wait_view("datastore_register")
    answer = await bot.ada.submit(view, {"name": "etc", "folder": "/etc"})
    assert answer["response_action"] == "errors"
    assert "not one that datastores may use" in answer["errors"]["folder"]
    await bot.ada.submit(view, {"name": "exports", "folder": "exports"})
    await bot.ada.close(await bot.ada.wait_view("done", "exports"))
    await bot.ada.command("C0DATA", "/datastore", "default exports")
    question = await bot.ada.wait_message("C0DATA", "become the default")
    await bot.ada.click(question, "datastore:default")
    await bot.ada.wait_message("C0DATA", "is the default datastore now")
    await bot.ada.command("C0DATA", "/dataset", "register more")
    view = await bot.ada.wait_view("register")
    values = (await bot.ada.fill(view, {})).values
    assert values["datastore"]["register:datastore"]["selected_option"]["value"] == "exports"
    offered = await bot.ada.suggest(view, "register:datastore", "work")
    assert [each["value"] for each in offered] == ["workspaceblobstore"]


@pytest.mark.parametrize("slow_ms", [0, 300])
async def test_two_changes_of_one_form_at_once_both_take_effect(bot: Stage, slow_ms: int) -> None:
    # Slow: the second click comes in while Slack still draws what the first one led to.
    bot.slack.faults = Faults(latency_ms={"views.update": slow_ms})
    await bot.ada.command("C0DATA", "/dataset", "register trips")
    view = await bot.ada.wait_view("register")
    # Both clicks are made on the form as it was first drawn, whichever of them is drawn first.
    await bot.ada.click(view, "register:check", state={"paths": "sales.csv"})
    await bot.ada.click(view, "register:format", "delimited", state={"paths": "sales.csv"})
    await bot.ada.wait_view("register", "Delimiter", timeout=20)
    view = await bot.ada.wait_view("register", "1 file", timeout=20)
    assert "Delimiter" in view.shown
    values = (await bot.ada.fill(view, {})).values
    assert values["paths"]["register:paths"]["value"] == "sales.csv"
