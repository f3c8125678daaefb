"""Guests, strangers and deactivated people get nothing, whichever way they come."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.sandbox.person import Message
from tests.scenario.bot_on_local_slack import Stage, stage

OUTSIDERS = {"U0GUS": "C0DATA", "U0MIA": "C0DATA", "U0SAM": "C0SHARED"}
"""Outsiders who can still type in Slack, and a channel where they can. Deactivated people are tested on the caller."""


@pytest.fixture(params=["socket", "http"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def _prepared(on: Stage) -> Message:
    """A dataset and its card with buttons in #data."""
    (on.data / "a.csv").write_text("secret,y\n1,2\n")
    return await on.register("letters", "a.csv")


async def test_no_entry_point_serves_an_outsider(tmp_path: Path, transport: str) -> None:
    async with stage(tmp_path, transport=transport) as on:
        card = await _prepared(on)
        for user, channel in OUTSIDERS.items():
            person = on.slack.person(user)
            await person.command(channel, "/dataset", "show letters")
            await person.command(channel, "/dataset", "preview letters")
            await person.command(channel, "/dataset", "register stolen")
            await person.command(channel, "/datastore", "list")
            await person.shortcut("register_dataset")
            await person.open_home()
            if channel == card.channel:
                await person.click(card, "run:show")
            await person.wait_message(channel, "Dataset Bot serves")
            told = " ".join(m.shown for m in await person.messages(channel) if m.ephemeral)
            views = " ".join(view.shown for view in await person.views())
            home = await person.home()
            everything = told + views + (home.shown if home else "")
            assert "letters" not in everything
            assert "workspaceblobstore" not in everything
        assert [found.name for found in await on.bot.services.datasets.suggest("")] == ["letters"]


async def test_an_outsider_is_told_why(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        gus = on.slack.person("U0GUS")
        await gus.command("C0DATA", "/dataset", "list")
        assert (await gus.wait_message("C0DATA", "full members only")).ephemeral
        sam = on.slack.person("U0SAM")
        await sam.command("C0SHARED", "/dataset", "list")
        assert (await sam.wait_message("C0SHARED", "members of its own workspace only")).ephemeral


async def test_only_admins_register_datastores(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.ben.command("C0DATA", "/datastore", "register")
        told = await on.ben.wait_message("C0DATA", "admin")
        assert told.ephemeral
        assert await on.ben.view() is None
