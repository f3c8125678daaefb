"""Drift as people live it in Slack: a monitor, an alert with its picture, what is done about it, and its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from bot.sandbox.person import Message, Person
from services.datasets.model import (
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    Format,
    RegisterRequest,
    Source,
    WebSource,
)
from tests.scenario.bot_on_local_slack import Stage, stage
from tests.scenario.slow_file import SlowFile

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("monitors")]

CHANNEL = "C0DATA"
SOON = 40.0


@dataclass
class Drifting:
    """The running bot, and versions of a dataset whose prices a test tells. Chiara owns what is registered."""

    on: Stage

    @property
    def ada(self) -> Person:
        return self.on.ada

    @property
    def ben(self) -> Person:
        return self.on.ben

    @property
    def chiara(self) -> Person:
        return self.on.slack.person("U0CHIARA")

    async def version(self, name: str, number: int, price: float, *, rows: int = 400) -> None:
        """Register a version whose prices lie around this one."""
        random = Random(f"{name} {number}")
        lines = [f"{random.gauss(price, 1):.4f},{random.choice(['north', 'south'])}" for _ in range(rows)]
        path = f"{name}/{number}.csv"
        file = self.on.data / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("price,region\n" + "\n".join(lines) + "\n")
        await self.register(name, number, DatastoreSource("workspaceblobstore", (path,)))

    async def register(self, name: str, number: int, source: Source) -> None:
        """Register a version of what lies there."""
        definition = Definition(DatasetType.TABULAR, source, Format(FileFormat.DELIMITED))
        request = RegisterRequest(name, definition, "U0CHIARA", owner="U0CHIARA", create_new_version=True)
        await self.on.bot.services.datasets.register(request, registration_id=f"{name}{number}", progress=_silent)

    async def watch(self, person: Person, name: str, **changes: object) -> None:
        """Make a monitor through its form, with nothing changed but these fields."""
        told = await self.asked(person, f"drift {name}", name)
        await person.click(told, "monitor:create")
        view = await person.wait_view("monitor_form", "Compare the latest", timeout=SOON)
        answer = await person.submit(view, changes)
        assert answer.get("response_action") == "push", answer
        done = await person.wait_view("done", "watches", timeout=SOON)
        await person.close(done, is_cleared=True)

    async def asked(self, person: Person, text: str, contains: str) -> Message:
        """A command's answer."""
        before = (await person.messages(CHANNEL))[-1:]
        await person.command(CHANNEL, "/dataset", text)
        after = before[0].ts if before else ""
        return await person.wait_message(CHANNEL, contains, after=after, timeout=SOON)

    async def changed(self, message: Message, contains: str) -> Message:
        """The same message once it says this."""
        found = await self.ben.wait_message(CHANNEL, contains, timeout=SOON)
        assert found.ts == message.ts, found.shown
        return found


async def _silent(_: str) -> None:
    pass


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def drifting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Drifting]:
    directory: Path = tmp_path_factory.mktemp("monitors")
    async with stage(directory, allow_private_urls=True) as on:
        yield Drifting(on)


async def test_from_an_unchanged_form_to_an_alert_and_its_end(drifting: Drifting) -> None:
    await drifting.version("sales", 1, price=10)
    await drifting.watch(drifting.chiara, "sales")
    await drifting.version("sales", 2, price=14)
    alert = await drifting.ben.wait_message(CHANNEL, "Drift: sales", timeout=SOON)
    assert "sales:2 compared with sales:1" in alert.shown.replace("*", "")
    assert "<@U0CHIARA>, this concerns you" in alert.shown
    picture = next(block for block in alert.blocks if block["type"] == "image")
    stored = drifting.on.slack.workspace.world.files[picture["slack_file"]["id"]]
    assert stored.content.startswith(b"\x89PNG")
    assert "price" in picture["alt_text"]
    assert any(block["type"] == "data_visualization" for block in alert.blocks)

    await drifting.ben.click(alert, "incident:acknowledge")
    alert = await drifting.changed(alert, "Acknowledged by <@U0BEN>")
    await drifting.ben.wait_message(CHANNEL, "<@U0BEN> looks at it", thread_ts=alert.ts, timeout=SOON)

    await drifting.version("sales", 3, price=14.1)
    still = await drifting.ben.wait_message(CHANNEL, "About the same", thread_ts=alert.ts, timeout=SOON)
    assert "sales:3" in still.shown
    assert "sales:1" in still.shown, "while an incident is open its baseline stays"

    listed = await drifting.asked(drifting.ben, "list drifting", "open drift incident")
    assert "drift incident · ✓ unchanged" in listed.shown

    alert = await drifting.changed(alert, "sales:3")  # buttons of the message as it was are not there any more
    await drifting.ben.click(alert, "incident:details")
    refused = await drifting.ben.wait_view("error", "no access to", timeout=SOON)
    await drifting.ben.close(refused)
    await drifting.chiara.click(alert, "incident:details")
    details = await drifting.chiara.wait_view("incident_details", timeout=SOON)
    assert "price" in details.shown
    await drifting.chiara.close(details)

    await drifting.chiara.click(alert, "incident:accept")
    alert = await drifting.changed(alert, "accepted as the new baseline")
    assert "Resolved: sales" in alert.shown
    await drifting.ben.wait_message(CHANNEL, "Resolved", thread_ts=alert.ts, timeout=SOON)
    rows = [block["elements"] for block in alert.blocks if block["type"] == "actions"]
    assert [each["action_id"] for each in rows[0]] == ["incident:details", "incident:reopen"]
    await drifting.asked(drifting.ben, "list drifting", "No dataset with an open drift incident or changed files.")


async def test_what_one_may_not_do_is_told_and_nothing_moves(drifting: Drifting) -> None:
    await drifting.version("stock", 1, price=10)
    await drifting.watch(drifting.chiara, "stock", schedule="none")
    await drifting.version("stock", 2, price=20)
    alert = await drifting.ben.wait_message(CHANNEL, "Drift: stock", timeout=SOON)

    await drifting.ben.click(alert, "incident:resolve")
    form = await drifting.ben.wait_view("incident_resolve", timeout=SOON)
    answer = await drifting.ben.submit(form, {"reason": "I do not like it"})
    if answer.get("response_action") != "errors":
        refused = await drifting.ben.wait_view("error", "Only who made the monitor", timeout=SOON)
        await drifting.ben.close(refused)
    await drifting.ben.close(form)

    guest = drifting.on.slack.person("U0MIA")
    for action in ("incident:acknowledge", "incident:accept"):
        await guest.click(alert, action)
    await guest.wait_message(CHANNEL, "full members", timeout=SOON)
    shown = next(each for each in await drifting.ben.messages(CHANNEL) if each.ts == alert.ts)
    assert shown.shown == alert.shown

    await drifting.ben.click(alert, "incident:assign")
    form = await drifting.ben.wait_view("incident_assign", timeout=SOON)
    answer = await drifting.ben.submit(form, {"assignee": "U0MIA"})
    assert "can take on an incident" in answer["errors"]["assignee"]
    await drifting.ben.submit(form, {"assignee": "U0BEN"})
    alert = await drifting.changed(alert, "Assigned to <@U0BEN>")
    done = await drifting.ben.wait_view("done", timeout=SOON)
    await drifting.ben.close(done, is_cleared=True)

    await drifting.ben.click(alert, "incident:snooze")
    form = await drifting.ben.wait_view("incident_snooze", "Mutes new messages", timeout=SOON)
    await drifting.ben.click(form, "incident_snooze:kind", "version")
    form = await drifting.ben.wait_view("incident_snooze", "It ends with the next version", timeout=SOON)
    await drifting.ben.submit(form, {"kind": "version"})
    alert = await drifting.changed(alert, "Snoozed by <@U0BEN>")
    done = await drifting.ben.wait_view("done", timeout=SOON)
    await drifting.ben.close(done, is_cleared=True)

    await drifting.ben.click(alert, "incident:resolve")
    form = await drifting.ben.wait_view("incident_resolve", timeout=SOON)
    await drifting.ben.submit(form, {"reason": "The shop moved <!channel>"})
    alert = await drifting.changed(alert, "The shop moved")
    assert "<!channel>" not in alert.shown
    done = await drifting.ben.wait_view("done", timeout=SOON)
    await drifting.ben.close(done, is_cleared=True)


async def test_what_data_look_like_is_not_told_where_another_organisation_reads(drifting: Drifting) -> None:
    await drifting.version("loans", 1, price=10)
    told = await drifting.asked(drifting.chiara, "drift loans", "loans")
    await drifting.chiara.click(told, "monitor:create")
    form = await drifting.chiara.wait_view("monitor_form", "Compare the latest", timeout=SOON)
    answer = await drifting.chiara.submit(form, {"channel": "C0SHARED"})
    assert "shared with another organisation" in answer["errors"]["channel"]
    answer = await drifting.chiara.submit(form, {"channel": "G0OWNERS"})
    assert answer.get("response_action") == "push", answer
    done = await drifting.chiara.wait_view("done", "watches", timeout=SOON)
    await drifting.chiara.close(done, is_cleared=True)

    drifting.on.slack.workspace.world.channels["G0OWNERS"].is_ext_shared = True
    await drifting.version("loans", 2, price=20)
    direct = await drifting.chiara.dm()
    told = await drifting.chiara.wait_message(direct, "cannot post in", timeout=SOON)
    assert "shared with another organisation" in told.shown
    await drifting.chiara.wait_message(direct, "Drift: loans", timeout=SOON)
    assert not drifting.on.slack.workspace.world.messages["G0OWNERS"]


async def test_a_monitor_is_edited_previewed_paused_copied_and_deleted(drifting: Drifting) -> None:
    for number, price in ((1, 10.0), (2, 10.0), (3, 30.0)):
        await drifting.version("prices", number, price=price)
    await drifting.version("other", 1, price=10)
    await drifting.watch(drifting.chiara, "prices")
    listed = await drifting.asked(drifting.chiara, "drift prices", "Monitors of prices")

    await drifting.chiara.click(listed, "monitor:edit:0")
    form = await drifting.chiara.wait_view("monitor_form", "Quiet hours", timeout=SOON)
    answer = await drifting.chiara.submit(form, {"thresholds": "price=lots", "columns": "nowhere"})
    assert set(answer["errors"]) == {"thresholds"}
    answer = await drifting.chiara.submit(form, {"columns": "nowhere"})
    assert "no column" in answer["errors"]["columns"]
    await drifting.chiara.click(form, "monitor_form:preview")
    shown = await drifting.chiara.wait_view("monitor_backtest", "Nothing is saved", timeout=SOON)
    assert "would have alerted" in shown.shown
    await drifting.chiara.close(shown)
    form = await drifting.chiara.wait_view("monitor_form", timeout=SOON)
    await drifting.chiara.submit(form, {"name": "strict", "needed": "2 of 3", "quiet": "22-7"})
    done = await drifting.chiara.wait_view("done", "is changed", timeout=SOON)
    await drifting.chiara.close(done, is_cleared=True)
    listed = await drifting.asked(drifting.chiara, "drift prices", "strict")

    await drifting.ben.click(await drifting.asked(drifting.ben, "drift prices", "strict"), "run:show")
    await drifting.chiara.click(listed, "monitor:run:0")
    await drifting.chiara.wait_message(CHANNEL, "prices:3 with prices:2", timeout=SOON)
    suspected = await drifting.ben.wait_message(CHANNEL, "Drift, suspected: prices", timeout=SOON)
    assert "2 of 3 runs" in suspected.shown
    await drifting.chiara.click(listed, "monitor:history:0")
    history = await drifting.chiara.wait_message(CHANNEL, "History of prices", timeout=SOON)
    assert "price" in history.shown

    await drifting.chiara.click(listed, "monitor:copy:0")
    form = await drifting.chiara.wait_view("monitor_copy", timeout=SOON)
    await drifting.chiara.submit(form, {"dataset": "other"})
    done = await drifting.chiara.wait_view("done", "watches", timeout=SOON)
    await drifting.chiara.close(done, is_cleared=True)
    assert "strict" in (await drifting.asked(drifting.chiara, "drift other", "Monitors of other")).shown

    await drifting.chiara.click(listed, "monitor:pause:0")
    await drifting.chiara.wait_message(CHANNEL, "is paused", timeout=SOON)
    assert "Resume" in (await drifting.asked(drifting.chiara, "drift prices", "Monitors of prices")).shown
    await drifting.chiara.click(listed, "monitor:delete:0")
    await drifting.chiara.wait_message(CHANNEL, "is deleted", timeout=SOON)
    await drifting.changed(suspected, "the monitor was deleted")
    await drifting.asked(drifting.chiara, "drift prices", "Nothing watches")


async def test_a_run_that_takes_its_time_says_so_and_then_what_it_found(drifting: Drifting) -> None:
    slow = SlowFile()
    async with slow.served():
        slow.release.set()
        for number in (1, 2):
            await drifting.register("slow", number, WebSource((f"{slow.url}?version={number}",)))
        slow.release.clear()
        await drifting.watch(drifting.chiara, "slow", schedule="none")
        listed = await drifting.asked(drifting.chiara, "drift slow", "Monitors of slow")
        await drifting.chiara.click(listed, "monitor:run:0")
        await drifting.chiara.wait_message(CHANNEL, "Comparing the versions of", timeout=SOON)
        slow.release.set()
        found = await drifting.chiara.wait_message(CHANNEL, "slow:2 with slow:1", timeout=SOON)
        assert "no drift" in found.shown


async def test_a_digest_is_set_where_it_is_wanted(drifting: Drifting) -> None:
    await drifting.asked(drifting.ben, "digest", "gets no digest")
    await drifting.asked(drifting.ben, "digest weekly", "on Mondays at 09:00")
    await drifting.asked(drifting.ben, "digest hourly", "daily, weekly or off")
    await drifting.asked(drifting.ben, "digest off", "gets no digest")
