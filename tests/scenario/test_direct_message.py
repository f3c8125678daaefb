"""What people write to the bot directly."""

from __future__ import annotations

from pathlib import Path

from tests.scenario.bot_on_local_slack import stage


async def test_words_written_directly_are_read_like_commands(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        (on.data / "a.csv").write_text("x,y\n1,2\n")
        await on.register("letters", "a.csv")
        direct = await on.ben.dm()
        await on.ben.say(direct, "show letters")
        assert "the only version" in (await on.ben.wait_message(direct, "letters:1")).shown

        asked = await on.ben.say(direct, "hello there")
        told = await on.ben.wait_message(direct, "I answer to commands", after=asked.ts)
        await on.ben.click(told, "run:help")
        await on.ben.wait_message(direct, "What /dataset can do")

        asked = await on.ben.say(direct, "register")
        offered = await on.ben.wait_message(direct, "one click", after=asked.ts)
        await on.ben.click(offered, "run:written")
        await on.ben.wait_view("register")


async def test_the_bot_answers_neither_itself_nor_guests_but_with_the_reason(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        gus = on.slack.person("U0GUS")
        direct = await gus.dm()
        await gus.say(direct, "list")
        await on.ben.say(await on.ben.dm(), "list")
        await on.ben.wait_message(await on.ben.dm(), "no datasets yet")
        assert "full members only" in (await gus.wait_message(direct, "full members only")).shown
        assert len(await gus.messages(direct)) == 2
