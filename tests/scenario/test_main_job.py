"""The main job as a person does it, over both transports: register, list, show, versions, diff, use, preview."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.scenario.bot_on_local_slack import stage

JANUARY = "day,region,amount\n2026-01-01,north,10\n2026-01-02,south,12.5\n"
FEBRUARY = "day,region,amount,currency\n2026-02-01,north,11,EUR\n2026-02-02,west,99.5,EUR\n"


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_a_csv_becomes_a_dataset_and_is_compared_and_used(tmp_path: Path, transport: str) -> None:
    async with stage(tmp_path, transport=transport) as on:
        sales = on.data / "sales"
        sales.mkdir()
        (sales / "2026-01.csv").write_text(JANUARY)
        card = await on.register("sales", "sales/2026-01.csv")
        assert "*sales:1*" in card.shown
        assert "2 rows · 3 columns · 1 file" in card.shown
        assert not card.ephemeral

        (sales / "2026-02.csv").write_text(FEBRUARY)
        await on.ben.command("C0DATA", "/dataset", "register sales")
        form = await on.ben.wait_view("register")
        assert "become version 2" in form.shown or "version 2" in form.shown
        answer = await on.ben.submit(form, {"paths": "sales/2026-02.csv"})
        assert answer["ok"]
        await on.ben.wait_view(contains="*sales:2* is registered", timeout=20)

        async def ask(text: str, answer: str) -> str:
            before = (await on.ben.messages("C0DATA"))[-1].ts
            assert await on.ben.command("C0DATA", "/dataset", text) == {"ok": True}
            message = await on.ben.wait_message("C0DATA", answer, after=before, timeout=15)
            assert message.ephemeral
            return message.shown

        assert "sales" in await ask("list slaes", "I read `slaes` as `sales`")
        assert "the latest of 2 versions" in await ask("show sales", "sales:2")
        assert "first version" in await ask("versions sales", "2 versions of sales")
        diff = await ask("diff sales:1 sales:2", "currency")
        assert "2026-02.csv" in diff
        assert "Dataset.get_by_name" in await ask("use sales v1", "Use sales:2")
        assert "no access to `sales` yet" in await ask("preview sales", "no access")
        for text, value in (("preview sales", "currency"), ("preview sales:1", "south")):
            await on.ada.command("C0DATA", "/dataset", text)
            shown = await on.ada.wait_message("C0DATA", value, timeout=15)
            assert "Preview of sales" in shown.shown
            assert shown.ephemeral


async def test_an_answer_shared_in_the_channel_is_seen_by_the_others(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        (on.data / "a.csv").write_text("x,y\n1,2\n")
        await on.register("letters", "a.csv")
        await on.ben.command("C0DATA", "/dataset", "show letters")
        card = await on.ben.wait_message("C0DATA", "the only version")
        assert not [m for m in await on.ada.messages("C0DATA") if m.ts == card.ts]
        await on.ben.click(card, "share:answer")
        await on.ben.click(card, "share:answer")  # an impatient finger
        shared = await on.ada.wait_message("C0DATA", "Shared by <@U0BEN>")
        await on.ben.command("C0DATA", "/dataset", "list")
        await on.ben.wait_message("C0DATA", "1 dataset")
        assert sum("Shared by" in message.shown for message in await on.ada.messages("C0DATA")) == 1
        assert not shared.ephemeral
        assert "letters:1" in shared.shown


async def test_nothing_is_shared_with_another_organisation(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        (on.data / "a.csv").write_text("x,y\n1,2\n")
        await on.register("letters", "a.csv")
        await on.ada.command("C0SHARED", "/dataset", "show letters")
        card = await on.ada.wait_message("C0SHARED", "the only version")
        before = [m.ts for m in await on.slack.person("U0BEN").messages("C0DATA")]
        await on.ada.click(card, "share:answer")
        told = await on.ada.wait_message("C0SHARED", "shared with another organisation")
        assert told.ephemeral
        assert before == [m.ts for m in await on.ben.messages("C0DATA")]
        seen = await on.slack.person("U0SAM").messages("C0SHARED")
        assert not any("letters" in message.shown for message in seen)


async def test_the_bot_is_no_member_of_the_channel_and_still_answers(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.ada.command("C0RANDOM", "/dataset", "list")
        assert (await on.ada.wait_message("C0RANDOM", "There are no datasets yet")).ephemeral


async def test_files_that_change_under_a_version_are_told(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        file = on.data / "a.csv"
        file.write_text("x,y\n1,2\n")
        await on.register("letters", "a.csv")
        file.write_text("x,y\n1,2\n3,4\n")
        before, now = await on.bot.services.datasets.recheck("letters")
        assert now.state == "changed"
        await on.ben.command("C0DATA", "/dataset", "show letters")
        shown = (await on.ben.wait_message("C0DATA", "the only version")).shown
        assert "1 file changed: a.csv" in shown
        await on.ben.command("C0DATA", "/dataset", "versions letters")
        assert "changed" in (await on.ben.wait_message("C0DATA", "1 version")).shown
        assert before is None or before.state in {"unchanged", "unchecked"}


async def test_values_are_compared_after_the_files_were_overwritten(tmp_path: Path) -> None:
    """They are counted in the background once a version is registered, after the card."""
    async with stage(tmp_path) as on:
        file, datasets = on.data / "a.csv", on.bot.services.datasets

        async def counted(version: int, plan: bytes | None = None) -> bytes:
            async with asyncio.timeout(20):
                while True:
                    kept = await datasets.profiles.kept((await datasets.show("letters", version)).version, plan=plan)
                    if kept is not None:
                        return kept.data
                    await asyncio.sleep(0.05)

        file.write_text("day,city\n" + "1,Oslo\n2,Bergen\n" * 30)
        await on.register("letters", "a.csv")
        baseline = await counted(1)
        file.write_text("day,city\n" + "3,Bergen\n4,Bergen\n" * 30)
        await on.ben.command("C0DATA", "/dataset", "register letters")
        await on.ben.submit(await on.ben.wait_view("register"), {"paths": "a.csv"})
        await on.ben.wait_view(contains="*letters:2* is registered", timeout=20)
        await counted(2, plan=baseline)
        await on.ada.command("C0DATA", "/dataset", "diff letters:1 letters:2 values")
        shown = (await on.ada.wait_message("C0DATA", "Distance (0–1)", timeout=15)).shown
        assert "Compared 60 rows of letters:1 with 60 rows of letters:2, by Jensen-Shannon distance." in shown
        assert "of today" not in shown
