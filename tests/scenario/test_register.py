"""Registering through the form: from the command to the card, over both transports, and every way it can fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.person import View
from handlers.blockkit import section
from handlers.datasets.register_form import RegisterForm
from handlers.datasets.register_job import KIND, RegisterWork, register_payload
from handlers.reply import BlockSupport
from handlers.sharing import SharedChannels
from handlers.working import UPDATE_SECONDS, WorkingView, done_view
from services.jobs import DurableJob, Origin
from tests.scenario.bot_on_local_slack import Stage, stage
from tests.scenario.slow_file import SlowFile

CSV = "day,city,sold\n2024-01-01,Oslo,3\n2024-01-02,Bergen,5\n"


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as running:
        (running.data / "sales").mkdir()
        (running.data / "sales" / "jan.csv").write_text(CSV)
        (running.data / "sales" / "feb.csv").write_text(CSV.replace("Oslo", "Tromsø"))
        yield running


async def opened(bot: Stage, text: str = "register") -> View:
    assert (await bot.ada.command("C0DATA", "/dataset", text))["ok"]
    return await bot.ada.wait_view("register")


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_from_command_to_card(tmp_path: Path, transport: str) -> None:
    async with stage(tmp_path, transport=transport) as bot:
        (bot.data / "sales.csv").write_text(CSV)
        view = await opened(bot, "register sales")
        assert "sales* is free" in view.shown
        answer = await bot.ada.submit(
            view, {"paths": "sales.csv", "description": "What was sold", "tags": 'team="data platform", tier=gold'}
        )
        assert answer["response_action"] == "push"
        done = await bot.ada.wait_view("done", "sales:1", timeout=20)
        assert "What was sold" in done.shown
        # Everybody in the channel sees the card.
        card = await bot.ben.wait_message("C0DATA", "sales:1")
        assert not card.ephemeral
        for expected in ("<@U0ADA>", "What was sold", "team=data platform", "sales.csv", "3 columns"):
            assert expected in card.shown
        # Closing the last view closes the form below it as well.
        await bot.ada.close(done)
        await bot.ada.wait_no_view()
        await bot.ben.click(card, "run:use")
        await bot.ben.wait_message("C0DATA", "import pandas")


async def test_second_version_is_announced_and_offered_in_the_form(bot: Stage) -> None:
    await bot.register("sales", "sales/jan.csv")
    await bot.ada.close(await bot.ada.wait_view("done"))
    assert (await bot.ben.command("C0DATA", "/dataset", "watch sales"))["ok"]
    await bot.ben.wait_message("C0DATA", "You watch")
    view = await opened(bot)
    await bot.ada.click(view, "register:name", state={"name": "sales"})
    view = await bot.ada.wait_view("register", "This will become version 2")
    await bot.ada.submit(view, {"paths": "sales/*.csv"})
    done = await bot.ada.wait_view("done", "sales:2", timeout=20)
    assert "2 files" in done.shown
    notice = await bot.ben.wait_message(await bot.ben.dm(), "sales:2")
    assert "You own or watch this dataset" in notice.shown


async def test_problems_are_told_beside_their_fields(bot: Stage) -> None:
    await bot.register("sales", "sales/jan.csv")
    await bot.ada.close(await bot.ada.wait_view("done"))
    view = await opened(bot)
    answer = await bot.ada.submit(view, {"name": "sales", "paths": "../secrets", "tags": "nonsense"})
    assert answer["response_action"] == "errors"
    assert answer["errors"].keys() == {"name", "paths", "tags"}
    assert "exists already" in answer["errors"]["name"]
    assert "leads out of the datastore" in answer["errors"]["paths"]


async def test_what_was_typed_survives_every_change_of_the_form(bot: Stage) -> None:
    view = await opened(bot)
    typed = {"name": "trips", "paths": "sales/*.csv", "description": "From a <!channel>", "tags": "a=b"}
    await bot.ada.click(view, "register:source", "web", state=typed)
    view = await bot.ada.wait_view("register", "Addresses")
    assert "paths" not in {block["block_id"] for block in view.blocks}
    await bot.ada.click(view, "register:format", "delimited", state={"urls": "https://example.com/a.csv"})
    view = await bot.ada.wait_view("register", "Delimiter")
    await bot.ada.click(view, "register:source", "datastore")
    view = await bot.ada.wait_view("register", "Path or pattern")
    values = (await bot.ada.fill(view, {})).values
    assert values["paths"]["register:paths"]["value"] == "sales/*.csv"
    assert values["description"]["register:description"]["value"] == "From a <!channel>"
    await bot.ada.click(view, "register:source", "web")
    view = await bot.ada.wait_view("register", "Addresses")
    values = (await bot.ada.fill(view, {})).values
    assert values["urls"]["register:urls"]["value"] == "https://example.com/a.csv"


async def test_check_tells_what_the_source_matches(bot: Stage) -> None:
    view = await opened(bot)
    await bot.ada.click(view, "register:check", state={"paths": "sales/*.csv"})
    view = await bot.ada.wait_view("register", "2 files", timeout=20)
    assert "sales/feb.csv" in view.shown
    assert "delimited text: comma" in view.shown
    await bot.ada.click(view, "register:check", state={"paths": "nothing/*.csv"})
    await bot.ada.wait_view("register", "matches nothing", timeout=20)


async def test_what_is_odd_about_the_files_is_told_before_and_after(bot: Stage) -> None:
    (bot.data / "odd.csv").write_text("id,id,day\n1,2,01/02/2024\n3,4,03/04/2024\n")
    view = await opened(bot, "register odd")
    await bot.ada.click(view, "register:check", state={"paths": "odd.csv"})
    view = await bot.ada.wait_view("register", "First rows", timeout=20)
    assert "1 | 2 | " in view.shown
    assert "Column names have to differ" in view.shown
    await bot.ada.submit(view)
    done = await bot.ada.wait_view("done", "odd:1", timeout=20)
    assert "Column names have to differ" in done.shown


async def test_column_types_are_seen_and_changed(bot: Stage) -> None:
    view = await opened(bot)
    await bot.ada.click(view, "register:columns", state={"name": "sales", "paths": "sales/jan.csv"})
    columns = await bot.ada.wait_view("register_columns", timeout=20)
    assert "3 columns" in columns.shown
    await bot.ada.submit(columns, {"column:2": "decimal"})
    view = await bot.ada.wait_view("register", "1 column type chosen by you")
    await bot.ada.submit(view)
    await bot.ada.wait_view("done", "sales:1", timeout=20)
    card = await bot.bot.services.datasets.show("sales")
    assert {column.name: column.type.value for column in card.version.stats.schema}["sold"] == "decimal"


async def test_a_mistake_seen_at_once_stands_beside_its_field(bot: Stage) -> None:
    (bot.data / "empty.csv").write_text("")
    (bot.data / "broken.parquet").write_bytes(b"PAR1 and then nothing")
    (bot.data / "sales" / "other.csv").write_text("name,age\nann,3\n")
    await bot.register("warm", "sales/jan.csv")  # the readers run
    await bot.ada.close(await bot.ada.wait_view("done"), is_cleared=True)
    view = await opened(bot)
    for paths, sentence in (
        ("ghosts/*.csv", "matches nothing"),
        ("empty.csv", "empty"),
        ("broken.parquet", "cut off"),
        ("sales/*.csv", "columns"),
    ):
        answer = await bot.ada.submit(view, {"name": "ghosts", "paths": paths, "description": "Not there yet"})
        assert answer["response_action"] == "errors", (paths, answer)
        assert sentence in answer["errors"]["paths"], (paths, answer)
    values = (await bot.ada.fill(await bot.ada.wait_view("register"), {})).values
    assert "name" in values


@asynccontextmanager
async def failing_late(tmp_path: Path) -> AsyncIterator[tuple[Stage, SlowFile]]:
    """A source whose mistake shows only after the form was acknowledged."""
    slow = SlowFile(body=b"")
    async with slow.served(), stage(tmp_path, allow_private_urls=True) as on:
        view = await opened(on)
        await on.ada.click(view, "register:source", "web")
        view = await on.ada.wait_view("register", "example.com")
        values = {"name": "ghosts", "urls": slow.url, "description": "Not there yet"}
        assert (await on.ada.submit(view, values))["response_action"] == "push"
        yield on, slow


async def test_registering_waits_for_the_look_that_the_form_began(tmp_path: Path) -> None:
    async with failing_late(tmp_path) as (on, slow):
        await on.ada.wait_view("working", "Looking at the files")
        assert slow.asked_at_once == 1
        slow.release.set()
        await on.ada.wait_view("error", "empty", timeout=20)


async def test_the_newest_progress_is_told_and_none_after_the_outcome(tmp_path: Path) -> None:
    async with failing_late(tmp_path) as (on, _):
        pushed = await on.ada.wait_view("working", "Looking at the files")
        view = WorkingView(on.bot.client, pushed.raw["external_id"], "Registering")
        await view.progress("First")
        await on.ada.wait_view("working", "First")
        await view.progress("Second")
        await view.progress("Third")
        await on.ada.wait_view("working", "Third")
        await view.progress("Fourth")
        await view.show(done_view("Registering", [section("Well done.")]))
        await asyncio.sleep(UPDATE_SECONDS * 1.2)
        await on.ada.wait_view("done", "Well done")


async def test_a_failure_leads_back_to_the_filled_form(tmp_path: Path) -> None:
    async with failing_late(tmp_path) as (on, slow):
        slow.release.set()
        await on.ada.close(await on.ada.wait_view("error", "empty", timeout=20))
        view = await on.ada.wait_view("register")
        values = (await on.ada.fill(view, {})).values
        assert values["description"]["register:description"]["value"] == "Not there yet"


async def test_a_failure_after_the_form_was_closed_offers_it_again(tmp_path: Path) -> None:
    async with failing_late(tmp_path) as (on, slow):
        await on.ada.close(await on.ada.wait_view("working"), is_cleared=True)
        slow.release.set()
        told = await on.ada.wait_message(await on.ada.dm(), "empty", timeout=20)
        await on.ada.click(told, "register:again")
        view = await on.ada.wait_view("register")
        values = (await on.ada.fill(view, {})).values
        assert values["name"]["register:name"]["value"] == "ghosts"
        assert values["urls"]["register:urls"]["value"] == slow.url
        assert values["description"]["register:description"]["value"] == "Not there yet"


async def test_identical_data_names_the_version_that_has_them(bot: Stage) -> None:
    await bot.register("sales", "sales/jan.csv")
    await bot.ada.close(await bot.ada.wait_view("done"))
    view = await opened(bot, "register revenue")
    await bot.ada.submit(view, {"paths": "sales/jan.csv"})
    told = await bot.ada.wait_view("error", "sales:1", timeout=20)
    await bot.ada.click(told, "run:show")
    await bot.ada.wait_message(await bot.ada.dm(), "sales:1")


async def test_details_are_not_posted_to_another_organisation(bot: Stage) -> None:
    assert (await bot.ada.command("C0SHARED", "/dataset", "register sales"))["ok"]
    view = await bot.ada.wait_view("register")
    await bot.ada.submit(view, {"paths": "sales/jan.csv"})
    await bot.ada.wait_view("done", "direct message", timeout=20)
    await bot.ada.wait_message(await bot.ada.dm(), "sales:1")
    assert not [m for m in await bot.ada.messages("C0SHARED") if "sales:1" in m.shown]


async def test_home_lists_what_a_person_watches_and_what_changed_of_it(bot: Stage) -> None:
    await bot.register("sales", "sales/*.csv")
    await bot.ben.open_home()
    home = await bot.ben.wait_home("You watch no dataset yet")
    await bot.ben.command("C0DATA", "/dataset", "watch sales")
    await bot.ben.wait_message("C0DATA", "You watch")
    (bot.data / "sales" / "mar.csv").write_text(CSV)
    await bot.bot.services.datasets.recheck("sales")
    await bot.ben.click(home, "home:refresh")
    home = await bot.ben.wait_home("Changed since")
    assert "new files" in home.shown
    await bot.ben.click(home, "home:show:watched:0")
    await bot.ben.wait_view("done", "1 file is new: sales/mar.csv")


async def test_shortcut_and_home_lead_to_the_form(bot: Stage) -> None:
    assert (await bot.ada.shortcut("register_dataset"))["ok"]
    view = await bot.ada.wait_view("register")
    await bot.ada.submit(view, {"name": "sales", "paths": "sales/jan.csv"})
    await bot.ada.close(await bot.ada.wait_view("done", timeout=20))
    await bot.ada.open_home()
    home = await bot.ada.wait_home("sales:1")
    await bot.ada.click(home, "home:show:mine:0")
    await bot.ada.close(await bot.ada.wait_view("done", "sales:1"))
    await bot.ada.click(home, "home:find", state={"home_find": "unicorns"})
    home = await bot.ada.wait_home("Nothing matches")
    await bot.ada.click(home, "run:register")
    await bot.ada.wait_view("register")


async def test_work_resumed_after_a_kill_ends_in_one_version_and_a_direct_message(bot: Stage) -> None:
    form = RegisterForm(name="sales", datastore="workspaceblobstore", paths="sales/jan.csv", channel="C0DATA")
    request, problems = form.read("U0ADA")
    assert not problems
    origin = Origin("U0ADA", "C0DATA", "registering “sales”", "request-1")
    job = DurableJob("job-1", KIND, register_payload(request, form, "closed-long-ago"), origin)
    work = RegisterWork(bot.bot.services, bot.bot.client, BlockSupport(), SharedChannels())
    await bot.bot.services.datasets.register(request, registration_id=job.id, progress=_quiet)
    await work.run(replace(job, attempt=2))
    told = await bot.ada.wait_message(await bot.ada.dm(), "sales:1")
    assert "I was restarted" in told.shown
    assert not await bot.ada.messages("C0DATA")
    assert (await bot.bot.services.datasets.show("sales")).versions == 1


async def _quiet(_: str) -> None:
    """Progress that nobody looks at."""


async def _registered(bot: Stage) -> None:
    view = await opened(bot, "register sales")
    await bot.ada.submit(view, {"paths": "sales/*.csv", "description": "What was sold", "tags": "team=ops, tier=gold"})
    await bot.ada.close(await bot.ada.wait_view("done", "sales:1", timeout=20))


async def test_grown_data_become_the_next_version_in_two_clicks(bot: Stage) -> None:
    await _registered(bot)
    (bot.data / "sales" / "mar.csv").write_text(CSV.replace("Oslo", "Hamar"))
    await bot.ben.command("C0DATA", "/dataset", "show sales")
    card = await bot.ben.wait_message("C0DATA", "New version")
    await bot.ben.click(card, "run:register")
    view = await bot.ben.wait_view("register", "This will become version 2")
    assert (await bot.ben.submit(view))["response_action"] == "push"
    done = await bot.ben.wait_view("done", "sales:2", timeout=20)
    assert "3 files" in done.shown
    card_now = await bot.bot.services.datasets.show("sales")
    assert card_now.version.registered_by == "U0BEN"
    assert (card_now.dataset.description, card_now.dataset.owner) == ("What was sold", "U0ADA")
    assert card_now.dataset.tags == (("team", "ops"), ("tier", "gold"))
    first = await bot.bot.services.datasets.show("sales", 1)
    assert card_now.version.definition == first.version.definition


async def test_the_name_of_a_dataset_fills_in_what_nobody_typed(bot: Stage) -> None:
    await _registered(bot)
    view = await opened(bot)
    await bot.ada.click(view, "register:name", state={"name": "sales", "description": "My own words"})
    view = await bot.ada.wait_view("register", "This will become version 2")
    form = RegisterForm.parse(await _state(bot, view))
    assert (form.description, form.tags) == ("My own words", "team=ops\ntier=gold")
    await bot.ada.click(view, "register:name", state={"name": "trips"})
    view = await bot.ada.wait_view("register", "trips* is free")
    form = RegisterForm.parse(await _state(bot, view))
    assert (form.description, form.tags) == ("My own words", "")


async def test_a_name_that_was_never_looked_up_keeps_description_and_tags(bot: Stage) -> None:
    await _registered(bot)
    (bot.data / "sales" / "mar.csv").write_text(CSV)
    view = await opened(bot)
    answer = await bot.ada.submit(
        view, {"name": "sales", "paths": "sales/*.csv", "new_version": ["yes"], "tags": "tier=silver"}
    )
    assert answer["response_action"] == "push"
    await bot.ada.wait_view("done", "sales:2", timeout=20)
    dataset = (await bot.bot.services.datasets.show("sales")).dataset
    assert (dataset.description, dataset.tags) == ("What was sold", (("tier", "silver"),))


async def _state(bot: Stage, view: View) -> dict[str, object]:
    """The view with its values, as a submission brings it."""
    return {**view.raw, "state": {"values": (await bot.ada.fill(view, {})).values}}
