"""The pictures of README and guide: `python -m scripts.screenshots`.

Starts the demo with a workspace of its own, does in Chromium what a newcomer would do, and writes `docs/images/*.png`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import expect

from tests.browser.person_in_page import SLOW, Visitor, visitors
from tests.ports import free_port

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
LARGEST = 300_000
"""Bytes of a picture: a README that loads at once."""
PATTERN = "flights/parquet/2013-0*.parquet"
DESCRIPTION = "All flights that departed from New York City (JFK, LGA, EWR) in 2013, one row a flight."


@asynccontextmanager
async def demo() -> AsyncIterator[str]:
    """`dataset-bot demo` with fresh sample data on a free port; its address."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "demo", "--directory", directory),
            env={**os.environ, "PORT": str(port), "TZ": "UTC"},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(60):
                while b"is ready" not in (line := await process.stdout.readline()):
                    if not line:
                        raise SystemExit("The demo did not start; see above.")
            yield f"http://127.0.0.1:{port}"
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def fill(ada: Visitor) -> None:
    """The register form for a third version of flights, checked."""
    await ada.send("/dataset register flights")
    await ada.text_field("Path or pattern").fill(PATTERN)
    await ada.text_field("Description").fill(DESCRIPTION)
    await ada.text_field("Tags").fill("domain=aviation, source=BTS")
    await ada.modal.get_by_role("button", name="Check what the source matches").click()
    await expect(ada.modal).to_contain_text("9 files", timeout=SLOW)


async def take(url: str) -> None:
    """Register and compare, with a picture of each."""
    async with visitors(url) as people:
        ada = await people.come("U0ADA", width=1330, height=880, scale=1.4)
        await fill(ada)
        await ada.modal.get_by_text("Datastore", exact=True).evaluate("node => node.scrollIntoView()")
        await ada.page.screenshot(path=IMAGES / "register.png")
        await ada.submit()
        await expect(ada.modal).to_contain_text("is registered", timeout=SLOW)
        await ada.close_modal()
        await ada.ask("/dataset versions flights", "3 versions")
        await ada.page.get_by_test_id("composer").blur()
        await ada.page.mouse.move(0, 0)
        await ada.page.screenshot(path=IMAGES / "card.png")


async def take_access(url: str) -> None:
    """Ben asks for access, and Ada's card of it."""
    async with visitors(url) as people:
        ben = await people.come("U0BEN")
        await ben.send("/dataset access flights 7d")
        await expect(ben.modal).to_contain_text("Who decides", timeout=SLOW)
        await ben.text_field("Reason").fill("Delay model for the March report. Only carrier and delay are read.")
        await ben.submit()
        await expect(ben.modal).to_contain_text("They are asked now", timeout=SLOW)
        ada = await people.come("U0ADA", width=1330, height=880, scale=1.2)
        await ada.page.get_by_text("Dataset Bot", exact=True).first.click()
        await ada.page.get_by_role("tab", name="Messages").click()
        card = ada.messages.filter(has_text="Access request: flights")
        await expect(card.get_by_role("button", name="Approve")).to_be_visible(timeout=SLOW)
        await ada.page.get_by_test_id("composer").blur()
        await ada.page.mouse.move(0, 0)
        await ada.page.screenshot(path=IMAGES / "access.png")


async def main() -> None:
    """Write the pictures; fails when one is too large."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    async with demo() as url:
        await take(url)
        await take_access(url)
    for image in sorted(IMAGES.glob("*.png")):
        size = image.stat().st_size
        print(f"{image.relative_to(IMAGES.parents[1])}  {size // 1000} kB")
        if size > LARGEST:
            raise SystemExit(f"{image.name} is larger than {LARGEST // 1000} kB.")


if __name__ == "__main__":
    asyncio.run(main())
