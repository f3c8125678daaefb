"""What goes wrong between Slack and the bot, and what the person sees of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.sandbox.faults import Faults, RateFault, ServerFault
from tests.scenario.bot_on_local_slack import Stage, stage
from tests.scenario.slow_file import SlowFile


async def _registered(on: Stage, name: str) -> int:
    """How many versions of a dataset exist."""
    return (await on.bot.services.datasets.versions(name)).total


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_a_delivery_that_comes_three_times_is_handled_once(tmp_path: Path, transport: str) -> None:
    async with stage(tmp_path, transport=transport) as on:
        (on.data / "a.csv").write_text("x,y\n1,2\n")
        on.slack.faults = Faults(duplicate_delivery=2)
        await on.register("letters", "a.csv")
        await on.ada.command("C0DATA", "/dataset", "versions letters")
        await on.ada.wait_message("C0DATA", "1 version")
        await asyncio.sleep(0.5)
        shown = [message.shown for message in await on.ada.messages("C0DATA")]
        assert sum("registered a new dataset" in text for text in shown) == 1
        assert sum("1 version of letters" in text for text in shown) == 1
        assert await _registered(on, "letters") == 1


async def test_a_form_that_slack_no_longer_opens_is_explained(tmp_path: Path) -> None:
    async with stage(tmp_path, transport="http") as on:
        on.slack.faults = Faults(latency_ms={"views.open": 3200})
        await on.ada.command("C0DATA", "/dataset", "register letters")
        told = await on.ada.wait_message("C0DATA", "took too long", timeout=8)
        assert told.ephemeral


async def test_a_storm_of_rate_limits_delays_the_card_and_loses_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        (on.data / "a.csv").write_text("x,y\n1,2\n")
        on.slack.faults = Faults(
            rate_limited={
                "chat.postMessage": RateFault(times=2, retry_after=1),
                "views.update": RateFault(times=2, retry_after=1),
            }
        )
        card = await on.register("letters", "a.csv")
        assert "*letters:1*" in card.shown


@pytest.mark.parametrize("fault", ["server_error", "rate_limited"])
async def test_progress_that_slack_does_not_take_stops_no_registration(tmp_path: Path, fault: str) -> None:
    async with stage(tmp_path) as on:
        (on.data / "a.csv").write_text("x,y\n1,2\n")
        await on.ada.command("C0DATA", "/dataset", "register letters")
        form = await on.ada.wait_view("register")
        broken = ServerFault(times=99) if fault == "server_error" else RateFault(times=99, retry_after=30)
        on.slack.faults = Faults.model_validate({fault: {"views.update": broken}})
        await on.ada.submit(form, {"paths": "a.csv"})
        assert "*letters:1*" in (await on.ada.wait_message("C0DATA", "letters:1", timeout=30)).shown
        on.slack.faults = Faults()
        assert (await on.bot.services.datasets.show("letters")).versions == 1


async def test_a_card_that_slack_does_not_take_is_no_failed_registration(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        (on.data / "a.csv").write_text("x,y\n1,2\n")
        await on.ada.command("C0DATA", "/dataset", "register letters")
        form = await on.ada.wait_view("register")
        on.slack.faults = Faults(server_error={"chat.postMessage": ServerFault(times=99)})
        await on.ada.submit(form, {"paths": "a.csv"})
        done = await on.ada.wait_view("done", "*letters:1* is registered", timeout=30)
        assert "Slack did not take the card." in done.shown


async def test_slack_failing_for_a_moment_is_tried_again(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        (on.data / "a.csv").write_text("x,y\n1,2\n")
        on.slack.faults = Faults(server_error={"chat.postMessage": ServerFault(times=1, status=503)})
        assert "*letters:1*" in (await on.register("letters", "a.csv")).shown


async def test_sockets_that_drop_in_the_middle_come_back(tmp_path: Path) -> None:
    async with stage(tmp_path, socket_stale_seconds=2) as on:
        (on.data / "a.csv").write_text("x,y\n1,2\n")
        await on.ada.command("C0DATA", "/dataset", "register letters")
        form = await on.ada.wait_view("register")
        await on.ada.submit(form, {"paths": "a.csv"})
        on.slack.faults = Faults(drop_sockets=True)
        # The work goes on without a socket: the card is posted over HTTP.
        await on.ada.wait_message("C0DATA", "*letters:1*", timeout=20)
        on.slack.faults = Faults()
        for _ in range(300):
            if (await on.ada.command("C0DATA", "/dataset", "versions letters"))["ok"]:
                break
            await asyncio.sleep(0.1)
        await on.ada.wait_message("C0DATA", "1 version of letters", timeout=10)
        assert await _registered(on, "letters") == 1


async def test_blocks_that_slack_does_not_know_yet_are_replaced_and_remembered(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        (on.data / "a.csv").write_text("x,y\n1,2\n")
        await on.register("letters", "a.csv")
        on.slack.faults = Faults(invalid_blocks=["data_table", "table", "container", "card"])
        await on.ada.command("C0DATA", "/dataset", "list")
        listed = await on.ada.wait_message("C0DATA", "1 dataset")
        assert {block["type"] for block in listed.blocks} <= {"section", "header", "context", "actions", "divider"}
        assert "letters" in listed.shown
        tries = [e for e in on.slack.traffic.entries() if e.kind == "response_url"]
        await on.ada.command("C0DATA", "/dataset", "list letters")
        await on.ada.wait_message("C0DATA", "matching `letters`")
        later = [e for e in on.slack.traffic.entries() if e.kind == "response_url"]
        assert len(later) - len(tries) == 1


async def test_two_people_registering_the_same_name_at_once_get_two_versions(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        (on.data / "a.csv").write_text("x,y\n1,2\n")
        (on.data / "b.csv").write_text("x,y\n3,4\n")
        (on.data / "c.csv").write_text("x,y\n5,6\n")
        await on.register("letters", "a.csv")
        forms = []
        for person in (on.ada, on.ben):
            await person.command("C0DATA", "/dataset", "register letters")
            forms.append(await person.wait_view("register"))
        await asyncio.gather(
            on.ada.submit(forms[0], {"paths": "b.csv"}),
            on.ben.submit(forms[1], {"paths": "c.csv"}),
        )
        for person in (on.ada, on.ben):
            await person.wait_view(contains="is registered", timeout=20)
        assert await _registered(on, "letters") == 3


async def test_a_slow_answer_is_announced_and_then_comes(tmp_path: Path) -> None:
    slow = SlowFile()
    async with slow.served(), stage(tmp_path, allow_private_urls=True) as on:
        slow.release.set()
        await on.ada.command("C0DATA", "/dataset", "register letters")
        form = await on.ada.wait_view("register")
        await on.ada.click(form, "register:source", "web")
        form = await on.ada.wait_view("register", "example.com")
        await on.ada.submit(form, {"urls": slow.url})
        await on.ada.wait_view(contains="is registered", timeout=20)
        slow.release.clear()
        await on.ada.command("C0DATA", "/dataset", "preview letters")
        await on.ada.wait_message("C0DATA", "takes a little longer", timeout=5)
        slow.release.set()
        await on.ada.wait_message("C0DATA", "Preview of letters", timeout=10)
