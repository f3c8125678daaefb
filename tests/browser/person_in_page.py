"""A person at the page of the local Slack: what they type, click and see. Nothing here knows how the page is built
beyond its roles, labels and test ids."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

from playwright.async_api import Browser, Dialog, Locator, Page, async_playwright, expect

from tests.browser.page_stage import CHROMIUM_FLAGS, chromium

SLOW: Final = 20_000
"""Milliseconds for what the bot does in a worker process, on a machine that does much else."""


def _begins(label: str) -> re.Pattern[str]:
    return re.compile(f"^{re.escape(label)}")


@dataclass
class Visitor:
    """One tab, acting as one person, in one channel. troubles: script errors and dialogs, which must not be."""

    page: Page
    troubles: list[str] = field(default_factory=list)

    @property
    def modal(self) -> Locator:
        """The open modal."""
        return self.page.get_by_test_id("modal")

    @property
    def messages(self) -> Locator:
        """All messages of the open channel, oldest first."""
        return self.page.get_by_test_id("message")

    def text_field(self, label: str) -> Locator:
        """A text field of the modal by the beginning of its label."""
        return self.modal.get_by_role("textbox", name=_begins(label))

    def error_of(self, label: str) -> Locator:
        """What stands below a field as its error."""
        block = self.modal.locator("[data-block-id]", has=self.page.get_by_role("textbox", name=_begins(label)))
        return block.get_by_test_id("field-error")

    async def send(self, text: str) -> None:
        """Type into the message box and press Enter."""
        box = self.page.get_by_test_id("composer")
        await box.fill(text)
        await box.press("Enter")

    async def ask(self, command: str, *parts: str) -> Locator:
        """Send a command; the private answer that follows and holds all of `parts`."""
        private = self.page.locator("[data-testid=message][data-ephemeral=true]")  # cards of others may come between
        seen = await private.count()
        await self.send(command)
        answer = private.nth(seen)
        await expect(answer).to_have_attribute("data-ephemeral", "true", timeout=SLOW)
        for part in parts:
            await expect(answer).to_contain_text(part)
        return answer

    async def submit(self) -> None:
        """Press the modal's main button."""
        await self.modal.get_by_test_id("modal-submit").click()

    async def close_modal(self) -> None:
        """Close everything that is open."""
        await self.modal.get_by_test_id("modal-close").click()
        await expect(self.modal).to_be_hidden()

    async def register(self, name: str, path: str, **texts: str) -> Locator:
        """Fill the register form and wait for the end; the card in the channel. texts: further fields by label."""
        await self.send(f"/dataset register {name}")
        await self.text_field("Path or pattern").fill(path)
        for label, text in texts.items():
            await self.text_field(label).fill(text)
        await self.submit()
        await expect(self.modal).to_contain_text("is registered", timeout=SLOW)
        await self.close_modal()
        return self.messages.filter(
            has_text=re.compile(rf"registered a new (dataset|version): {re.escape(name)}:")
        ).last


@dataclass(frozen=True)
class Visitors:
    """A browser that people come to."""

    browser: Browser
    url: str

    async def come(
        self,
        user: str,
        channel: str = "C0DATA",
        *,
        width: int = 1280,
        height: int = 900,
        theme: Literal["light", "dark"] = "light",
        scale: float = 1.0,
    ) -> Visitor:
        """A person opens the page in a browser profile of their own. scale: screen dots to a CSS pixel."""
        context = await self.browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, device_scale_factor=scale
        )
        page = await context.new_page()
        page.set_default_timeout(8000)
        visitor = Visitor(page)
        page.on("pageerror", lambda error: visitor.troubles.append(str(error)))

        async def dismiss(dialog: Dialog) -> None:
            visitor.troubles.append(f"dialog: {dialog.message}")
            await dialog.dismiss()

        page.on("dialog", dismiss)
        await page.goto(f"{self.url}/?user={user}&channel={channel}")
        await page.wait_for_selector("[data-ready=true]")
        return visitor

    async def leave(self) -> None:
        """Close every tab."""
        for context in self.browser.contexts:
            await context.close()


@asynccontextmanager
async def visitors(url: str) -> AsyncIterator[Visitors]:
    """A Chromium for the page at `url`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        yield Visitors(browser, url)
        await browser.close()
