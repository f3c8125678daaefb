"""Access from request to end in Slack, several people at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.sandbox.faults import Faults
from bot.sandbox.person import Person
from tests.scenario.access_stage import CHANNEL, access_stage


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_from_a_refused_preview_to_im_done(tmp_path: Path, transport: str) -> None:
    async with access_stage(tmp_path, transport=transport) as on:
        # Ben may not look, and the refusal offers to ask.
        await on.ben.command(CHANNEL, "/dataset", "preview sales")
        refused = await on.ben.wait_message(CHANNEL, "no access to `sales` yet")
        await on.ben.click(refused, "run:access")
        view = await on.ben.wait_view("access_request", "Who decides")
        assert "the owner: <@U0CHIARA>" in view.shown
        assert "What it opens" in view.shown
        assert "Entra group" not in view.shown
        # A reason is asked for beside its field.
        answer = await on.ben.submit(view, {"reason": " "})
        assert set(answer["errors"]) == {"reason"}
        answer = await on.ben.submit(view, {"reason": "March report", "level": "read"})
        assert answer["ok"], answer
        sent = await on.ben.wait_view("done", "Who decides")
        assert "<@U0CHIARA>" in sent.shown
        await on.ben.close(sent, is_cleared=True)

        # Chiara is asked, with all she needs.
        card = await on.card(on.chiara)
        for said in ("<@U0BEN> asks for *read* access to *sales*, for 7 days", "March report", "What it opens"):
            assert said in card.shown
        waiting = await on.told(on.ben, "Waits for")
        assert "<@U0CHIARA>" in waiting.shown
        assert (await on.chiara.click(card, "access:approve"))["ok"]

        # Both copies tell it, Ben reads, and his Home and the dataset's card know until when.
        await on.told(on.chiara, "Granted* until")
        granted = await on.told(on.ben, "Granted* until")
        assert granted.ts == waiting.ts
        assert "Approved by <@U0CHIARA>" in granted.shown
        await on.told(on.ben, "is there, until", under=granted)
        assert await on.reads(on.ben)
        await on.ben.open_home()
        await on.ben.wait_home("My access")
        await on.ben.command(CHANNEL, "/dataset", "show sales")
        await on.ben.wait_message(CHANNEL, "*Your access*\n*read*, until")

        # He gives it back.
        assert (await on.ben.click(granted, "access:done"))["ok"]
        await on.told(on.ben, "its holder was done")
        await on.told(on.chiara, "its holder was done")
        assert not await on.reads(on.ben)
        actions = [entry.action for entry in await on.audit(dataset="sales")]
        assert actions == ["request.submitted", "request.approved", "grant.given", "grant.done", "grant.ended"]


async def test_a_slow_slack_gets_the_form_at_once_and_what_follows_later(tmp_path: Path) -> None:
    async with access_stage(tmp_path) as on:
        # Whoever owns the data is looked up in Slack, which takes longer than the form waits.
        await on.ben.command(CHANNEL, "/dataset", "list")
        await on.ben.wait_message(CHANNEL, "sales")
        on.on.slack.faults = Faults(latency_ms={"users.info": 1200})
        await on.ben.command(CHANNEL, "/dataset", "access sales")
        early = await on.ben.wait_view("access_request", "Looking up who decides")
        late = await on.ben.wait_view("access_request", "the owner: <@U0CHIARA>", timeout=10)
        assert late.id == early.id
        # Submitting does not wait for what is not known in time, and asks all the same.
        await on.ben.submit(late, {"reason": "March report"})
        await on.ben.wait_view("done", "They are asked now", timeout=20)
        await on.card(on.chiara)


async def test_deliveries_that_come_several_times_do_it_once(tmp_path: Path) -> None:
    async with access_stage(tmp_path) as on:
        on.on.slack.faults = Faults(duplicate_delivery=3)
        await on.ask(on.ben)
        await on.chiara.click(await on.card(on.chiara), "access:approve")
        granted = await on.told(on.ben, "Granted* until")
        await on.told(on.ben, "is there, until", under=granted)
        assert [entry.action for entry in await on.audit()] == ["request.submitted", "request.approved", "grant.given"]
        assert len([each for each in await on.ben.messages(granted.channel) if "*read* access" in each.shown]) == 1


TWO_OF_THE_OWNERS = """
version: 1
rules:
  - id: all
    when: {datasets: ["*"]}
    channel: C0DATA
    approvers:
      - {from: [S0OWNERS, U0BEN], needed: 2, label: the data owners}
    notify: [U0ADA]
"""


async def test_two_approvers_in_a_channel_and_a_third_who_comes_late(tmp_path: Path) -> None:
    async with access_stage(tmp_path, policy=TWO_OF_THE_OWNERS) as on:
        await on.register("orders")
        ada, ben, chiara = on.ada, on.ben, on.chiara
        view = await on.form(chiara, "orders write 1d")
        assert "2 of the data owners" in view.shown
        await chiara.submit(view, {"reason": "Fix the currency"})
        await chiara.close(await chiara.wait_view("done"), is_cleared=True)
        card = await on.card(ben, channel=CHANNEL)
        assert "0 of 2 approvals" in card.shown
        # Whoever asks does not decide, and it counts once for each.
        await chiara.click(card, "access:approve")
        assert (await chiara.wait_message(CHANNEL, "cannot decide on your own access")).ephemeral
        await ben.open_home()
        await ben.wait_home("Waits for my decision")
        await ben.click(card, "access:approve")
        await ben.wait_message(CHANNEL, "Your approval counts")
        await ben.open_home()
        await without(ben, "Waits for my decision")
        counted = await ben.wait_message(CHANNEL, "1 of 2 approvals")
        await ben.click(counted, "access:approve")
        await ben.wait_message(CHANNEL, "You approved this already")
        await ada.click(counted, "access:approve")
        await ada.wait_message(CHANNEL, "Approved: <@U0CHIARA> gets access")
        over = await ada.wait_message(CHANNEL, "Granted* until")
        assert over.ts == card.ts
        assert not [block for block in over.blocks if block["type"] == "actions"]
        # A click on a card that was not drawn anew yet moves nothing, and says who was first.
        on.as_it_was(card)
        await ben.click(card, "access:approve")
        late = await ben.wait_message(CHANNEL, "approved already by <@U0ADA>, and given")
        assert late.ephemeral
        assert [entry.action for entry in await on.audit(dataset="orders")] == [
            "request.submitted",
            "request.approve.refused",
            "request.voted",
            "request.approve.refused",
            "request.approved",
            "grant.given",
            "request.approve.refused",
        ]


async def test_two_click_in_the_same_instant_and_one_is_first(tmp_path: Path) -> None:
    rule = '{id: all, when: {datasets: ["*"]}, channel: C0DATA, approvers: [U0ADA, U0CHIARA]}'
    policy = f"version: 1\nrules:\n  - {rule}\n"
    async with access_stage(tmp_path, policy=policy) as on:
        for number in range(3):
            name = f"part-{number}"
            await on.register(name, owner="")
            await on.ask(on.ben, name)
            card = await on.card(on.ada, name, channel=CHANNEL)
            first, second = (on.ada, on.chiara) if number % 2 else (on.chiara, on.ada)
            await asyncio.gather(first.click(card, "access:approve"), second.click(card, "access:approve"))
            await on.card(on.ben, f"Access to *{name}*: granted", channel=CHANNEL)
            told = []
            for person in (first, second):
                said = await person.wait_message(CHANNEL, "pproved", after=card.ts)
                told.append(said.shown)
            assert sum("Approved: " in said for said in told) == 1
            assert sum("approved already by" in said for said in told) == 1
            actions = [entry.action for entry in await on.audit(dataset=name)]
            assert actions.count("request.approved") == 1
            assert actions.count("request.approve.refused") == 1
            assert actions.count("grant.given") == 1


async def without(person: Person, text: str) -> None:
    """Until a person's Home does not say this any more."""
    for _ in range(200):
        if text not in (await person.wait_home()).shown:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"the Home still says {text!r}")


async def test_denied_with_a_reason_and_asked_again(tmp_path: Path) -> None:
    async with access_stage(tmp_path) as on:
        await on.ask(on.ben, "sales write")
        card = await on.card(on.chiara)
        await on.chiara.click(card, "access:deny")
        form = await on.chiara.wait_view("access_deny", "*write* access")
        answer = await on.chiara.submit(form, {"reason": "  "})
        assert set(answer["errors"]) == {"reason"}
        await on.chiara.submit(form, {"reason": "Read is enough for a report."})
        await on.chiara.close(await on.chiara.wait_view("done", "Denied"), is_cleared=True)
        denied = await on.told(on.ben, "Denied* by <@U0CHIARA>")
        assert "Read is enough for a report." in denied.shown
        await on.told(on.ben, "<@U0CHIARA> denied *write* access to *sales*", under=denied)
        await on.told(on.chiara, "Denied* by")
        await on.ben.click(denied, "run:access")
        view = await on.ben.wait_view("access_request", "Who decides")
        await on.ben.submit(view, {"reason": "Read, then", "level": "read"})
        again = await on.card(on.chiara, "*read*")
        assert "Read is enough for a report." in again.shown, "the card tells what was asked before"


async def test_taken_back_and_nobody_is_asked_twice(tmp_path: Path) -> None:
    async with access_stage(tmp_path) as on:
        await on.ask(on.ben)
        card = await on.card(on.chiara)
        view = await on.form(on.ben)
        assert "There is an open request already" in view.shown
        answer = await on.ben.submit(view, {"reason": "Again"})
        assert "asked for already" in answer["errors"]["dataset"]
        await on.ben.close(view)
        await on.ben.open_home()
        home = await on.ben.wait_home("waits for a decision")
        await on.ben.click(home, "access:cancel:0")
        await on.told(on.chiara, "Cancelled* by <@U0BEN>")
        await on.told(on.ben, "You took back the request")
        on.as_it_was(card)
        await on.chiara.click(card, "access:approve")
        await on.told(on.chiara, "cancelled by <@U0BEN>")
        assert not await on.reads(on.ben)


async def test_from_the_home_decided_extended_and_revoked(tmp_path: Path) -> None:
    async with access_stage(tmp_path) as on:
        await on.ask(on.ben, "sales 1d")
        await on.chiara.open_home()
        home = await on.chiara.wait_home("Waits for my decision")
        await on.chiara.click(home, "access:decide:0")
        decide = await on.chiara.wait_view("access_decide", "March report")
        await on.chiara.click(decide, "access:approve")
        await on.chiara.close(await on.chiara.wait_view("done", "Approved"))
        granted = await on.told(on.ben, "Granted* until")
        # Ben keeps it for longer: the same people decide.
        await on.ben.click(granted, "access:extend")
        view = await on.ben.wait_view("access_request", "Keep the *read* access")
        assert "<@U0CHIARA>" in view.shown
        duration = next(block["block_id"] for block in view.blocks if str(block["block_id"]).startswith("seconds"))
        await on.ben.submit(view, {"reason": "April too", duration: "30 days"})
        await on.ben.close(await on.ben.wait_view("done"), is_cleared=True)
        card = await on.card(on.chiara, "asks to keep *read* access")
        await on.chiara.click(card, "access:approve")
        longer = await on.told(on.ben, "Your request to keep *read* access to *sales*, for 30 days from now")
        await on.told(on.ben, "lasts longer now", under=longer)
        # Chiara takes it away by name.
        await on.chiara.command(CHANNEL, "/dataset", "grants sales")
        listed = await on.chiara.wait_message(CHANNEL, "<@U0BEN> · *read* · until")
        assert listed.ephemeral
        await on.chiara.command(CHANNEL, "/dataset", "revoke sales @ben")
        form = await on.chiara.wait_view("access_revoke", "<@U0BEN> has *read* access")
        await on.chiara.submit(form, {"reason": "The report is out."})
        await on.chiara.close(await on.chiara.wait_view("done", "loses the access now"), is_cleared=True)
        revoked = await on.told(on.ben, "it was revoked by <@U0CHIARA>")
        await on.told(on.ben, "<@U0CHIARA> revoked the *read* access", under=granted)
        assert "The report is out." in revoked.shown
        assert not await on.reads(on.ben)
        # Nobody revokes what is not theirs to revoke.
        await on.ben.command(CHANNEL, "/dataset", "revoke sales @chiara")
        await on.ben.wait_view("error", "no access to `sales` through me")


async def test_given_without_being_asked_for(tmp_path: Path) -> None:
    async with access_stage(tmp_path) as on:
        view = await on.form(on.chiara, "sales @ben write 1d", verb="grant")
        assert view.title == "Give access"
        await on.chiara.submit(view, {"reason": "You take over the import"})
        await on.chiara.close(await on.chiara.wait_view("done", timeout=15), is_cleared=True)
        await on.told(on.ben, "<@U0CHIARA> gives you *write* access to *sales*")
        given = await on.told(on.ben, "Granted* until")
        assert await on.reads(on.ben)
        # Ben does not decide on sales, so he can give it to nobody.
        await on.ben.command(CHANNEL, "/dataset", "grant sales @ada")
        view = await on.ben.wait_view("access_request", "Only those who decide on this data")
        answer = await on.ben.submit(view, {"reason": "So that she can look"})
        assert set(answer["errors"]) == {"colleague"}
        await on.ben.close(view)
        await on.ben.click(given, "access:done")
        await on.told(on.ben, "its holder was done")


async def test_for_a_colleague(tmp_path: Path) -> None:
    async with access_stage(tmp_path) as on:
        view = await on.form(on.ada)
        await on.ada.click(view, "access_form:whom", "user")
        view = await on.ada.wait_view("access_request", "Colleague")
        answer = await on.ada.submit(view, {"reason": "For the report"})
        assert set(answer["errors"]) == {"colleague"}
        view = await on.ada.wait_view("access_request", "Colleague")
        await on.ada.click(view, "access_form:colleague", "U0GUS", state={"reason": "For the report"})
        view = await on.ada.wait_view("access_request", ":no_entry:")
        await on.ada.click(view, "access_form:colleague", "U0BEN")
        view = await on.ada.wait_view("access_request", "Who decides")
        assert (await on.ada.fill(view, {})).values["reason"]["reason_text"]["value"] == "For the report"
        await on.ada.submit(view, {})
        await on.ada.close(await on.ada.wait_view("done"), is_cleared=True)
        await on.told(on.ben, "<@U0ADA> asks, for you, for *read* access to *sales*")
        await on.chiara.click(await on.card(on.chiara), "access:approve")
        await on.told(on.ada, "Granted* until")
        await on.told(on.ben, "Granted* until")
        assert await on.reads(on.ben)


async def test_from_the_shortcut_with_nothing_chosen_yet(tmp_path: Path) -> None:
    async with access_stage(tmp_path) as on:
        await on.register("orders")
        await on.ben.shortcut("request_access")
        view = await on.ben.wait_view("access_request", "Choose the dataset and for whom")
        answer = await on.ben.submit(view, {"reason": "March report"})
        assert set(answer["errors"]) == {"dataset"}
        offered = await on.ben.suggest(view, "access_form:dataset", "ordres")
        assert [each["value"] for each in offered] == ["orders"]
        await on.ben.click(view, "access_form:dataset", "orders", state={"reason": "March report"})
        view = await on.ben.wait_view("access_request", "the owner: <@U0CHIARA>")
        await on.ben.click(view, "access_form:level", "write")
        view = await on.ben.wait_view("access_request", "write opens no more than read")
        await on.ben.submit(view)
        await on.ben.close(await on.ben.wait_view("done"), is_cleared=True)
        await on.card(on.chiara, "<@U0BEN> asks for *write* access to *orders*")


EMERGENCY = """
version: 1
sensitivity_tag: sensitivity
rules:
  - id: secret
    when: {sensitivity: secret}
    approvers: [owner]
    longest: 7d
    ticket: {required: true, pattern: "OPS-[0-9]+"}
    break_glass: {longest: 4h, who: [U0BEN], reviewers: [S0OWNERS]}
"""


async def test_an_emergency_is_short_loud_and_reviewed(tmp_path: Path) -> None:
    async with access_stage(tmp_path, policy=EMERGENCY) as on:
        await on.register("pay", tags=(("sensitivity", "secret"),))
        view = await on.form(on.ben, "pay")
        answer = await on.ben.submit(view, {"reason": "x", "ticket": "17"})
        assert set(answer["errors"]) == {"ticket"}
        # He asked in peace and waits; an emergency does not.
        await on.ben.submit(view, {"reason": "x", "ticket": "OPS-16"})
        await on.ben.close(await on.ben.wait_view("done"), is_cleared=True)
        view = await on.form(on.ben, "pay")
        await on.ben.click(view, "access_form:emergency", ["emergency"])
        view = await on.ben.wait_view("access_request", "Type the dataset's name to confirm")
        assert "Given at once" in view.shown
        values = {"reason": "Payroll fails tonight", "ticket": "OPS-17", "typed_name": "sales"}
        answer = await on.ben.submit(view, values)
        assert set(answer["errors"]) == {"typed_name"}
        answer = await on.ben.submit(view, values | {"typed_name": "pay"})
        assert answer.get("response_action") != "errors", answer
        await on.ben.close(await on.ben.wait_view("done", timeout=15), is_cleared=True)
        for person in (on.ada, on.chiara):
            loud = await on.told(person, "Emergency access")
            assert "Payroll fails tonight" in loud.shown
        assert await on.reads(on.ben, "pay")
        # The task stays until somebody else than Ben did it.
        await on.ben.open_home()
        assert "to review" not in (await on.ben.wait_home("My access")).shown
        await on.chiara.open_home()
        home = await on.chiara.wait_home("Emergencies to review")
        await on.chiara.click(home, "access:review:0")
        form = await on.chiara.wait_view("access_review", "*read* access to *pay*")
        await on.chiara.submit(form, {"reason": "Real; one file was read."})
        await on.chiara.close(await on.chiara.wait_view("done", "is closed"), is_cleared=True)
        await on.chiara.open_home()
        await without(on.chiara, "to review")
        entries = await on.audit(dataset="pay")
        assert [entry.action for entry in entries][-1] == "grant.reviewed"
