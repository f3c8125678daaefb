"""Access from request to end in Slack, several people at once."""

from __future__ import annotations

from pathlib import Path

import pytest

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
