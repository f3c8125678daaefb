"""Access as people in the browser get it: asked for, approved by somebody else, used, given back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.person_in_page import SLOW, visitors
from tests.scenario.access_stage import access_stage

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def test_asked_for_approved_used_and_given_back(tmp_path: Path) -> None:
    async with access_stage(tmp_path) as on, visitors(on.on.slack.url) as people:
        ben = await people.come("U0BEN")
        refused = await ben.ask("/dataset preview sales", "You have no access to sales yet")
        await refused.get_by_role("button", name="Request access").click()
        await expect(ben.modal).to_contain_text("the owner: @Chiara Rossi")
        await expect(ben.modal).to_contain_text("Preview and reading through the bot.")
        # What is missing stands beside its field, and what was chosen stays.
        await ben.modal.get_by_role("radio", name=re.compile("^Write")).check()
        await expect(ben.modal).to_contain_text("write opens no more than read")
        await ben.modal.get_by_role("radio", name=re.compile("^Read")).check()
        await expect(ben.modal).not_to_contain_text("write opens no more than read")
        await ben.submit()
        await expect(ben.modal.get_by_test_id("field-error")).to_have_count(1)
        await ben.text_field("Reason").fill("March report")
        await ben.submit()
        await expect(ben.modal).to_contain_text("They are asked now", timeout=SLOW)
        await ben.close_modal()

        chiara = await people.come("U0CHIARA", await on.chiara.dm(), theme="dark", width=390, height=844)
        card = chiara.messages.filter(has_text="Access request: sales")
        await expect(card).to_contain_text("@Ben Lindqvist asks for read access to sales, for 7 days")
        await expect(card).to_contain_text("March report")
        await card.get_by_role("button", name="Approve").click()
        question = chiara.page.get_by_role("alertdialog").or_(chiara.page.get_by_role("dialog"))
        await expect(question).to_contain_text("Approve this access?")
        await question.get_by_role("button", name="Approve").click()
        await expect(card).to_contain_text("Granted until", timeout=SLOW)
        await expect(card.get_by_role("button", name="Approve")).to_have_count(0)

        await ben.ask("/dataset preview sales", "Only you see this", "sales_sold")
        told = await people.come("U0BEN", await on.ben.dm())
        own = told.messages.filter(has_text="Your request for read access to sales")
        await expect(own).to_contain_text("Approved by @Chiara Rossi")
        await own.get_by_role("button", name="I'm done").click()
        await (
            told.page.get_by_role("alertdialog")
            .or_(told.page.get_by_role("dialog"))
            .get_by_role("button", name="I'm done")
            .click()
        )
        await expect(own).to_contain_text("its holder was done", timeout=SLOW)
        await expect(card).to_contain_text("its holder was done", timeout=SLOW)
        await ben.ask("/dataset preview sales", "You have no access to sales yet")
        assert [ben.troubles, chiara.troubles, told.troubles] == [[], [], []]
