"""A file that somebody shared becomes a dataset: the message shortcut, from the copy to the card."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.person import Message, Person
from tests.scenario.bot_on_local_slack import Stage, stage

CSV = b"day,city,sold\n2024-01-01,Oslo,3\n2024-01-02,Bergen,5\n"


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path, slack_file_mb=1) as running:
        yield running


async def shared(person: Person, *files: tuple[str, bytes], channel: str = "C0DATA") -> Message:
    """A message with files."""
    ids = [await person.upload(name, content) for name, content in files]
    return await person.say(channel, "the latest figures", file_ids=ids)


async def test_a_shared_csv_is_copied_and_registered(bot: Stage) -> None:
    message = await shared(bot.ben, ("Sold in Oslo & co [v2].csv", CSV))
    assert (await bot.ada.shortcut("register_file", message))["ok"]
    view = await bot.ada.wait_view("register", "Path or pattern", timeout=20)
    values = (await bot.ada.fill(view, {})).values
    assert values["name"]["register:name"]["value"] == "Sold-in-Oslo-co-v2"
    path = str(values["paths"]["register:paths"]["value"])
    assert path.startswith("slack/F")
    assert path.endswith("/Sold in Oslo _ co _v2_.csv")
    assert (bot.data / path).read_bytes() == CSV
    await bot.ada.submit(view, {"description": "From Ben"})
    done = await bot.ada.wait_view("done", "Sold-in-Oslo-co-v2:1", timeout=20)
    assert "3 columns" in done.shown
    card = await bot.ben.wait_message("C0DATA", "registered a new dataset")
    assert "From Ben" in card.shown

    # Once more: the copy is found again, and so is the version that was made of it.
    assert (await bot.ben.shortcut("register_file", message))["ok"]
    view = await bot.ben.wait_view("register", "Path or pattern", timeout=20)
    again = (await bot.ben.fill(view, {})).values
    assert again["paths"]["register:paths"]["value"] == path
    await bot.ben.submit(view, {"name": "mine"})
    await bot.ben.wait_view("error", "Sold-in-Oslo-co-v2:1", timeout=20)
    assert len(list((bot.data / "slack").rglob("*.csv"))) == 1


async def test_several_files_make_one_dataset_of_their_kind(bot: Stage) -> None:
    message = await shared(bot.ada, ("a.png", b"\x89PNG one"), ("b.png", b"\x89PNG two"))
    assert (await bot.ada.shortcut("register_file", message))["ok"]
    view = await bot.ada.wait_view("register", "Path or pattern", timeout=20)
    values = (await bot.ada.fill(view, {})).values
    assert values["type"]["register:type"]["selected_option"]["value"] == "file"
    await bot.ada.submit(view, {"name": "pictures"})
    await bot.ada.wait_view("done", "2 files", timeout=20)


async def test_what_cannot_be_copied_is_told(bot: Stage) -> None:
    empty_handed = await bot.ada.say("C0DATA", "no file here")
    assert (await bot.ada.shortcut("register_file", empty_handed))["ok"]
    await bot.ada.wait_message("C0DATA", "There is no file in this message")

    large = await shared(bot.ada, ("large.csv", b"a,b\n" * 300_000))
    assert (await bot.ada.shortcut("register_file", large))["ok"]
    told = await bot.ada.wait_view("error", "1.2 MB", timeout=20)
    assert "1.0 MB is the most" in told.shown
    await bot.ada.close(told)

    # A conversation that the bot is not in: Slack tells it nothing of the file.
    message = await shared(bot.ada, ("hidden.csv", CSV), channel="C0RANDOM")
    assert (await bot.ada.shortcut("register_file", message))["ok"]
    await bot.ada.wait_view("error", "Invite me", timeout=20)
    assert not list((bot.data / "slack").rglob("*.csv"))


async def test_a_guest_copies_nothing(bot: Stage) -> None:
    message = await shared(bot.ada, ("sales.csv", CSV))
    guest = bot.slack.person("U0MIA")
    assert (await guest.shortcut("register_file", message))["ok"]
    await guest.wait_view("refusal", "guest")
    assert not (bot.data / "slack").exists()


async def test_switched_off_it_says_what_to_do_instead(tmp_path: Path) -> None:
    async with stage(tmp_path, slack_file_mb=0) as bot:
        message = await shared(bot.ada, ("sales.csv", CSV))
        assert (await bot.ada.shortcut("register_file", message))["ok"]
        await bot.ada.wait_message("C0DATA", "/dataset register")
