"""Who is kept out of access, whose name counts, and what time brings, in Slack."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.access.model import Subject, SubjectKind
from services.access.ports import Change
from tests.scenario.access_stage import CHANNEL, access_stage


async def test_outsiders_and_forged_ids_move_nothing_and_are_in_the_audit(tmp_path: Path) -> None:
    rule = '{id: all, when: {datasets: ["*"]}, channel: C0DATA}'
    async with access_stage(tmp_path, policy=f"version: 1\nrules:\n  - {rule}\n") as on:
        await on.ask(on.ben)
        card = await on.card(on.chiara, channel=CHANNEL)
        # Guests see the channel and its buttons.
        for guest in (on.on.slack.person("U0GUS"), on.on.slack.person("U0MIA")):
            await guest.command(CHANNEL, "/dataset", "access sales")
            await guest.wait_message(CHANNEL, "full members only")
            assert (await guest.click(card, "access:approve"))["ok"]
            assert (await guest.click(card, "access:deny"))["ok"]
            await guest.shortcut("request_access")
            assert "access" not in " ".join(view.callback_id for view in await guest.views())
        stranger = on.on.slack.person("U0SAM")
        await stranger.command("C0SHARED", "/dataset", "grants sales")
        await stranger.wait_message("C0SHARED", "members of its own workspace only")
        # Ben knows no id but can send any: nothing is behind it.
        forged = next(each for block in card.raw["blocks"] for each in block.get("elements", []) if "value" in each)
        forged["value"] = "0" * 32
        on.as_it_was(card)
        await on.ben.click(card, "access:approve")
        assert (await on.ben.wait_message(CHANNEL, "no such request")).ephemeral
        assert not await on.reads(on.ben)
        entries = [entry for entry in await on.audit() if entry.action.endswith(".refused")]
        assert [(entry.actor, entry.action) for entry in entries] == [
            (guest, action)
            for guest in ("U0GUS", "U0MIA")
            for action in ("request.refused", "request.approve.refused", "request.deny.refused", "request.refused")
        ] + [("U0SAM", "grants.read.refused"), ("U0BEN", "request.approve.refused")]
        assert entries[1].request_id == (await on.audit())[0].request_id
        assert entries[-1].request_id == "0" * 32


async def test_an_approver_who_left_does_not_decide(tmp_path: Path) -> None:
    async with access_stage(tmp_path) as on:
        await on.ask(on.ben)
        card = await on.card(on.chiara)
        on.on.slack.world.users["U0CHIARA"].is_restricted = True
        await on.chiara.click(card, "access:approve")
        await on.told(on.chiara, "full members")
        assert [entry.action for entry in await on.audit(dataset="sales")] == ["request.submitted"]
        assert "request.approve.refused" in [entry.action for entry in await on.audit(person="U0CHIARA")]
        # An owner who left before is not asked: the admins decide in their place.
        await on.register("orders", owner="U0DEE")
        view = await on.form(on.ben, "orders")
        assert "admins of this bot in the owner's place: <@U0ADA>" in view.shown
        await on.ben.submit(view, {"reason": "Dee left"})
        await on.ben.wait_view("done")
        await on.ada.click(await on.card(on.ada, "orders"), "access:approve")
        await on.told(on.ben, "Access to *orders*: granted")


async def test_the_audit_is_read_by_auditors(tmp_path: Path) -> None:
    async with access_stage(tmp_path, policy="version: 1\nauditors: [S0OWNERS]\n") as on:
        await on.ask(on.ben)
        await on.ben.command(CHANNEL, "/dataset", "audit sales")
        await on.ben.wait_message(CHANNEL, "for those whom the access policy names as auditors")
        await on.chiara.command(CHANNEL, "/dataset", "audit sales @ben since 2026-01-01")
        page = await on.chiara.wait_message(CHANNEL, "Audit of access")
        assert page.ephemeral
        assert "audit.read.refused" in page.shown
        assert "request.submitted" in page.shown
        await on.chiara.command(CHANNEL, "/dataset", "audit sales until 2020-01-01")
        await on.chiara.wait_message(CHANNEL, "Nothing matches")


async def test_a_workflow_asks_for_whoever_runs_it(tmp_path: Path) -> None:
    async with access_stage(tmp_path) as on:
        inputs = {"requester": {"id": "U0ADA"}, "dataset": "sales", "days": 1, "reason": "Onboarding"}
        done = await on.ben.run_step("request_access", inputs)
        assert done["status"] == "completed", done
        assert done["outputs"]["status"] == "pending"
        assert "The owner must decide" in done["outputs"]["who_decides"]
        card = await on.card(on.chiara, "<@U0BEN> asks for *read* access to *sales*, for 1 day")
        assert "Onboarding" in card.shown
        refused = await on.ben.run_step("request_access", {"dataset": "slaes", "reason": "x"})
        assert refused["status"] == "failed"
        assert "no dataset called" in refused["error"]
        refused = await on.ben.run_step("request_access", {"dataset": "sales", "reason": "x", "level": "own"})
        assert "is no level" in refused["error"]
        refused = await on.on.slack.person("U0GUS").run_step("request_access", inputs)
        assert "full members only" in refused["error"]
        assert [(entry.actor, entry.action) for entry in await on.audit(dataset="sales")] == [
            ("U0BEN", "request.submitted"),
            ("U0GUS", "request.refused"),
        ]


async def test_a_channel_that_others_read_gets_no_card(tmp_path: Path) -> None:
    rule = '{id: all, when: {datasets: ["*"]}, channel: C0SHARED}'
    async with access_stage(tmp_path, policy=f"version: 1\nrules:\n  - {rule}\n") as on:
        await on.ask(on.ben)
        card = await on.card(on.chiara)
        assert await on.on.slack.person("U0SAM").messages("C0SHARED") == []
        await on.chiara.click(card, "access:approve")
        await on.told(on.ben, "Granted* until")
        assert await on.ben.messages("C0SHARED") == []


async def test_what_time_brings_is_told(tmp_path: Path) -> None:
    async with access_stage(tmp_path) as on:
        await on.register("orders")
        store = on.on.bot.services.access.ports.store
        # Ben has orders, which ends in a moment, and waits for sales, of which it is time to remind.
        await on.ask(on.ben, "orders")
        await on.chiara.click(await on.card(on.chiara, "orders"), "access:approve")
        held = await on.told(on.ben, "Access to *orders*: granted")
        await on.ask(on.ben)
        card = await on.card(on.chiara, "sales")
        now = datetime.now(UTC)
        [grant] = await store.grants_for(Subject(SubjectKind.USER, "U0BEN"))
        ends = replace(grant, ends_at=now + timedelta(seconds=1), revision=grant.revision + 1)
        assert await store.apply(Change(grant=ends, grant_was=grant.status))
        [request] = await store.waiting_for("U0CHIARA")
        asked = now - timedelta(hours=30)
        late = replace(request, created_at=asked, next_reminder_at=now, revision=request.revision + 1)
        assert await store.apply(Change(request=late, request_was=request.status))
        # The owner is reminded under the card, and Ben reads that his access is over.
        reminder = await on.told(on.chiara, "Still waiting for a decision", under=card)
        await on.told(on.ben, "its time was over", under=held)
        assert not await on.reads(on.ben, "orders")
        await on.chiara.click(reminder, "access:decide")
        await on.chiara.close(await on.chiara.wait_view("access_decide", "March report"))
        # Nobody decides: the request lapses, and both are told.
        [request] = await store.waiting_for("U0CHIARA")
        over = replace(request, expires_at=datetime.now(UTC), next_reminder_at=None, revision=request.revision + 1)
        assert await store.apply(Change(request=over, request_was=request.status))
        lapsed = await on.told(on.ben, "*Expired.* Nobody decided")
        await on.told(on.ben, "Nobody decided in time", under=lapsed)
        assert "access:approve" not in str((await on.told(on.chiara, "*Expired.*")).blocks)
