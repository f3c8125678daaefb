"""Lineage and labels through Slack: typed, by menu, shared."""

from __future__ import annotations

from pathlib import Path

from tests.scenario.bot_on_local_slack import stage

CHANNEL = "C0DATA"


async def test_lineage_is_told_and_shared(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        (on.data / "orders.csv").write_text("id,price\n1,2\n")
        (on.data / "daily.csv").write_text("day,sum\n1,2\n")
        await on.register("orders", "orders.csv")
        await on.ada.close(await on.ada.wait_view("done"))
        await on.register("daily", "daily.csv", who=on.ben)
        await on.ben.close(await on.ben.wait_view("done"))
        await on.ben.command(CHANNEL, "/dataset", "tag daily derived_from=orders:1 used_by=report")
        await on.ben.wait_message(CHANNEL, "derived_from=orders:1")

        await on.ben.command(CHANNEL, "/dataset", "watch orders")
        await on.ben.wait_message(CHANNEL, "You watch")
        await on.ada.command(CHANNEL, "/dataset", "lineage orders")
        told = await on.ada.wait_message(CHANNEL, "orders:1, lineage")
        assert "<@U0ADA>" in told.shown
        assert "orders.csv" in told.shown
        assert "daily" in told.shown
        assert "Watched by <@U0BEN>" in told.shown
        assert told.ephemeral
        await on.ada.click(told, "share:answer")
        shared = await on.ben.wait_message(CHANNEL, "orders:1, lineage")
        assert not shared.ephemeral
        assert "Watched by 1 person" in shared.shown

        await on.ada.command(CHANNEL, "/dataset", "lineage daily:1")
        told = await on.ada.wait_message(CHANNEL, "daily:1, lineage")
        assert "orders:1" in told.shown
        assert "report" in told.shown

        await on.ben.command(CHANNEL, "/dataset", "lineage")
        view = await on.ben.wait_view("which_dataset")
        assert (await on.ben.submit(view, {"dataset": "daily"}))["ok"]
        await on.ben.wait_message(CHANNEL, "daily:1, lineage")


async def test_a_local_workspace_says_that_it_has_no_labels(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        (on.data / "orders.csv").write_text("id,price\n1,2\n")
        await on.register("orders", "orders.csv")
        await on.ben.command(CHANNEL, "/dataset", "labels orders")
        told = await on.ben.wait_message(CHANNEL, "orders:1, labels")
        assert "no labelling projects" in told.shown
