"""From a new version in Slack to an alert with its picture, and back: the whole bot, real data, real workers."""

from __future__ import annotations

import random
from pathlib import Path

from bot.sandbox.faults import Faults
from services.actor import Actor
from services.monitors.incidents import Act
from tests.scenario.bot_on_local_slack import Stage, stage

ADA = Actor("U0ADA", is_admin=True)


def flights(path: Path, shift: float) -> None:
    """A month of flights; shift: how many minutes later they are."""
    rng = random.Random(7)
    rows = [
        f"{rng.gauss(5 + shift, 20):.1f},{rng.choice(['EWR', 'JFK', 'LGA'])},{rng.randrange(50, 400)}"
        for _ in range(2000)
    ]
    path.write_text("delay,origin,air_time\n" + "\n".join(rows) + "\n")


async def next_version(on: Stage, number: int, shift: float) -> None:
    """Another month, registered through the form as the next version."""
    flights(on.data / f"month-{number}.csv", shift)
    await on.register("flights", f"month-{number}.csv")


async def test_a_month_that_moved_is_told_with_a_picture_and_its_return_too(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        ada, services = on.ada, on.bot.services
        await next_version(on, 1, 0)
        filled = await services.monitors.form(ADA, "flights", channel="C0DRIFT", timezone="Europe/Stockholm")
        await services.monitors.create(ADA, filled.draft)
        await next_version(on, 2, 40)
        alert = await ada.wait_message("C0DRIFT", "flights:2", timeout=20)
        assert "delay" in alert.shown
        assert "<@U0ADA>" in alert.shown
        (image,) = [block for block in alert.blocks if block["type"] == "image"]
        file = on.slack.world.files[image["slack_file"]["id"]]
        assert file.content.startswith(b"\x89PNG")
        assert any(block["type"] == "data_visualization" for block in alert.blocks)

        (incident,) = await services.incidents.open_incidents()
        await services.incidents.act(Actor("U0BEN"), incident.id, Act.ACKNOWLEDGE)
        await ada.wait_message("C0DRIFT", "<@U0BEN> looks at it", thread_ts=alert.ts, timeout=10)
        await next_version(on, 3, 80)
        await ada.wait_message("C0DRIFT", "Worse", thread_ts=alert.ts, timeout=20)
        await next_version(on, 4, 0)
        await ada.wait_message("C0DRIFT", "the data are back", thread_ts=alert.ts, timeout=20)
        edited = await ada.wait_message("C0DRIFT", "the data are back", timeout=10)
        assert edited.ts == alert.ts
        assert [m.ts for m in on.slack.world.messages["C0DRIFT"] if not m.thread_ts] == [alert.ts]


async def test_a_workspace_without_the_new_blocks_and_a_channel_that_was_archived(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        services = on.bot.services
        on.slack.faults = Faults(invalid_blocks=["data_visualization"])
        await next_version(on, 1, 0)
        filled = await services.monitors.form(ADA, "flights", channel="C0OLD", timezone="Europe/Stockholm")
        monitor = await services.monitors.create(ADA, filled.draft)
        await next_version(on, 2, 40)
        direct = await on.ada.dm()
        told = await on.ada.wait_message(direct, "cannot post in", timeout=20)
        assert "the channel is archived" in told.shown
        alert = await on.ada.wait_message(direct, "compared with", timeout=20)
        assert [block["type"] for block in alert.blocks if block["type"] in {"image", "data_visualization"}] == [
            "image"
        ]
        assert (await services.monitors.monitor(ADA, monitor.id)).monitor.trouble
