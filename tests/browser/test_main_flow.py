"""The main job as a person in the browser does it: real Chromium, the local Slack's page, the whole bot behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.browser.person_in_page import SLOW, Visitor, Visitors, visitors
from tests.scenario.bot_on_local_slack import Stage, stage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("main-flow"),
]

JANUARY = "day,region,amount\n2026-01-01,north,10\n2026-01-02,south,12.5\n"
FEBRUARY = "day,region,amount,currency\n2026-02-01,north,11,EUR\n2026-02-02,west,99.5,EUR\n"
NASTY = "<!channel> *b* <script>alert(1)</script> <https://evil|good>"
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))


@dataclass(frozen=True)
class Scene:
    """The bot on its Slack, and the browser."""

    on: Stage
    visitors: Visitors

    def write(self, name: str, text: str) -> str:
        """A file in the default datastore; its path there."""
        file = self.on.data / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    directory: Path = tmp_path_factory.mktemp("main-flow")
    async with stage(directory) as on, visitors(on.slack.url) as people:
        yield Scene(on, people)


@pytest_asyncio.fixture(loop_scope="module")
async def scene(opened: Scene) -> AsyncIterator[Scene]:
    yield opened
    await opened.visitors.leave()


async def test_a_form_with_mistakes_becomes_a_dataset(scene: Scene) -> None:
    scene.write("shop/2026-01.csv", JANUARY)
    ada = await scene.visitors.come("U0ADA")
    box = ada.page.get_by_test_id("composer")
    await box.press_sequentially("/dat")
    await expect(ada.page.get_by_role("option", name="/dataset ")).to_be_visible()
    await box.press("Tab")
    await expect(box).to_have_value("/dataset ")
    await box.press_sequentially("register")
    await box.press("Enter")

    filled = {
        "Name": "shop sales!",
        "Path or pattern": "../shop/*.csv",
        "Description": "Orders of the shops, *daily*.",
        "Tags": "team=growth, sensitivity=internal",
    }
    for label, text in filled.items():
        await ada.text_field(label).fill(text)
    await ada.submit()
    await expect(ada.error_of("Name")).to_contain_text("“shop-sales” would do")
    await expect(ada.error_of("Path or pattern")).to_contain_text("leads out of the datastore")
    await expect(ada.text_field("Name")).to_be_focused()
    for label, text in filled.items():
        await expect(ada.text_field(label)).to_have_value(text)

    filled |= {"Name": "shop-sales", "Path or pattern": "shop/*.parquet"}
    await ada.text_field("Name").fill(filled["Name"])
    await ada.text_field("Path or pattern").fill(filled["Path or pattern"])
    check = ada.modal.get_by_role("button", name="Check what the source matches")
    await check.click()
    await expect(ada.modal).to_contain_text("The path shop/*.parquet matches nothing", timeout=SLOW)
    await ada.text_field("Path or pattern").fill("shop/*.csv")
    await check.click()
    await expect(ada.modal).to_contain_text("shop/*.csv matches 1 file, 60 B", timeout=SLOW)
    await expect(ada.modal).to_contain_text("amount: decimal")
    filled["Path or pattern"] = "shop/*.csv"
    for label, text in filled.items():
        await expect(ada.text_field(label)).to_have_value(text)

    await ada.submit()
    await expect(ada.modal).to_contain_text("shop-sales:1 is registered. The card is in the channel", timeout=SLOW)
    await ada.close_modal()
    card = ada.messages.filter(has_text="@Ada Okafor registered a new dataset: shop-sales:1")
    await expect(card).to_contain_text("2 rows · 3 columns · 1 file")
    await expect(card).to_contain_text("Orders of the shops, *daily*.")
    await expect(card).to_contain_text("sensitivity=internal")
    assert await card.get_attribute("data-ephemeral") is None
    assert ada.troubles == []


async def test_a_csv_attached_to_a_message_becomes_a_dataset(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "Harvest 2026.csv").write_text("farm,tons\nnorth,3.5\nsouth,8\n")
    ada = await scene.visitors.come("U0ADA")
    await ada.page.get_by_test_id("composer-file").set_input_files(tmp_path / "Harvest 2026.csv")
    await expect(ada.page.locator(".composer")).to_contain_text("Harvest 2026.csv")
    await ada.send("what we brought in")
    message = ada.messages.filter(has_text="what we brought in")
    await message.hover()
    await message.get_by_test_id("message-shortcuts").click()
    await ada.page.get_by_role("menuitem", name="Register this file").click()
    await expect(ada.text_field("Name")).to_have_value("Harvest-2026", timeout=SLOW)
    await ada.submit()
    await expect(ada.modal).to_contain_text("Harvest-2026:1 is registered", timeout=SLOW)
    await ada.close_modal()
    await expect(ada.messages.last).to_contain_text("2 rows · 2 columns · 1 file")
    assert ada.troubles == []


async def test_a_path_that_matches_nothing_is_told_and_the_form_is_kept(scene: Scene) -> None:
    ada = await scene.visitors.come("U0ADA")
    await ada.send("/dataset register nothing-there")
    await ada.text_field("Path or pattern").fill("nowhere/*.csv")
    await ada.text_field("Description").fill("Kept")
    await ada.submit()
    await expect(ada.error_of("Path or pattern")).to_contain_text("matches nothing in the datastore", timeout=SLOW)
    await expect(ada.text_field("Path or pattern")).to_have_value("nowhere/*.csv")
    await expect(ada.text_field("Description")).to_have_value("Kept")
    await ada.close_modal()
    assert ada.troubles == []


async def test_versions_are_listed_compared_used_and_previewed(scene: Scene) -> None:
    first, second = scene.write("till/01.csv", JANUARY), scene.write("till/02.csv", FEBRUARY)
    ada = await scene.visitors.come("U0ADA")
    await ada.register("till", first)
    card = await ada.register("till", second)
    await expect(card).to_contain_text("2 rows · 4 columns")

    listed = await ada.ask("/dataset list tlil", "I read tlil as till")
    await expect(listed.get_by_role("row").nth(1)).to_contain_text("till")
    await listed.get_by_placeholder("Open a dataset…").click()
    shown = ada.messages.nth(await ada.messages.count())
    await ada.page.get_by_test_id("option").filter(has_text="till").click()
    await expect(shown).to_contain_text("the latest of 2 versions")
    await shown.get_by_text("Schema: 4 columns").click()
    await expect(shown.get_by_role("row", name="currency string")).to_be_visible()

    versions = await ada.ask("/dataset versions till", "2 versions", "first version")
    await expect(versions.get_by_role("row").nth(1)).to_contain_text("✓ unchanged")
    diff = await ada.ask("/dataset diff till:1 till:2", "till:1 → till:2", "1 column added")
    await expect(diff).to_contain_text("+ currency  string")
    await expect(diff).to_contain_text("till/02.csv")
    use = await ada.ask("/dataset use till", "Use till:2", "pd.read_csv")
    await use.get_by_role("button", name="Show SDK v1").click()
    await expect(use).to_contain_text("Dataset.get_by_name")
    preview = await ada.ask("/dataset preview till", "Preview of till", "First rows · 4 columns")
    await expect(preview.get_by_role("row", name="2026-02-02 west 99.5 EUR")).to_be_visible()
    assert ada.troubles == []


async def test_which_dataset_is_asked_with_type_ahead(scene: Scene) -> None:
    ada = await scene.visitors.come("U0ADA")
    await ada.register("harbour", scene.write("harbour.csv", JANUARY))
    await ada.send("/dataset show")
    choice = ada.modal.get_by_role("combobox", name="Dataset")
    await choice.press_sequentially("harb")
    await expect(ada.modal.get_by_test_id("option")).to_contain_text(["harbour"])
    await choice.press("Enter")
    await ada.submit()
    await expect(ada.modal).to_be_hidden()
    await expect(ada.messages.last).to_contain_text("harbour:1")
    await expect(ada.messages.last).to_contain_text("the only version")
    assert ada.troubles == []


async def test_home_shows_what_is_mine(scene: Scene) -> None:
    ada = await scene.visitors.come("U0ADA")
    await ada.register("lighthouse", scene.write("lighthouse.csv", "lamp,hours\n1,12\n"))
    await ada.page.get_by_test_id("app-home").click()
    home = ada.page.get_by_test_id("home")
    show = home.get_by_role("button", name="Show lighthouse").first
    await show.click()
    await expect(ada.modal).to_contain_text("lighthouse:1, the latest version")
    assert ada.troubles == []


async def test_others_see_the_card_and_not_the_private_answers(scene: Scene) -> None:
    ben = await scene.visitors.come("U0BEN")
    ada = await scene.visitors.come("U0ADA")
    await ada.register("quay", scene.write("quay.csv", JANUARY))
    await expect(ben.messages.last).to_contain_text("@Ada Okafor registered a new dataset: quay:1")
    there = await ben.messages.count()
    private = await ada.ask("/dataset show quay", "the only version")
    await expect(private).to_contain_text("Only visible to you")
    await private.get_by_role("button", name="Share in channel").click()
    await expect(ben.messages.nth(there)).to_contain_text("Shared by @Ada Okafor")
    await expect(ben.messages).to_have_count(there + 1)
    assert await ben.page.get_by_text("Only visible to you").count() == 0
    await ben.messages.nth(there).get_by_role("button", name="Versions").click()
    await expect(ben.messages.nth(there + 1)).to_contain_text("1 version")
    await expect(ben.messages.nth(there + 1)).to_contain_text("Only visible to you")
    await expect(ada.messages.filter(has_text="Shared by @Ada Okafor").last).to_be_visible()
    assert ada.troubles + ben.troubles == []


async def test_a_guest_is_refused(scene: Scene) -> None:
    guest = await scene.visitors.come("U0GUS", channel="C0DATA")
    await guest.ask("/dataset list", "guest")
    assert await guest.page.get_by_role("table").count() == 0
    await guest.ask("/dataset register mine", "guest")
    await expect(guest.modal).to_be_hidden()
    assert guest.troubles == []


async def _stays_text(page: Page, place: Locator, *shown: str, formatted: bool = False) -> None:
    """The nasty text is there to read, and nothing of it was obeyed.

    formatted: Slack's formatting marks count here (they have no escape), so that `*b*` may be bold.
    """
    said = (await place.inner_text()).translate(INVISIBLE)
    for text in shown:
        assert text in said
    assert await page.locator("body script, [href*=evil], img[src=x]").count() == 0
    assert await page.get_by_test_id("broadcast").count() == 0
    assert await page.get_by_test_id("broken-block").count() == 0
    if not formatted:
        assert "b" not in await place.locator("strong, b").all_inner_texts()


async def test_nasty_text_stays_text(scene: Scene) -> None:
    names = ["<!channel>", "*b*", "<script>alert(1)</script>", "<https://evil|good>"]
    rows = [",".join([*names, "n"]), "<@U0BEN>,_i_,<img src=x onerror=alert(2)>,&lt;b&gt;,1", ",".join([*names, "2"])]
    path = scene.write("nasty.csv", "\n".join(rows) + "\n")
    ada = await scene.visitors.come("U0ADA")
    page = ada.page
    card = await ada.register("nasty", path, Description=NASTY, Tags=f'note="{NASTY}"')
    await _stays_text(page, card, NASTY, f"note={NASTY}")
    shown = await ada.ask("/dataset show nasty", "the only version")
    await shown.get_by_text("Schema: 5 columns").click()
    await _stays_text(page, shown, NASTY, *names)
    await _stays_text(
        page, await ada.ask("/dataset preview nasty", "Preview of nasty"), *names, "<@U0BEN>", "&lt;b&gt;"
    )
    await _stays_text(page, await ada.ask("/dataset list nasty", "1 dataset"), "<!channel>")
    await _stays_text(page, await ada.ask("/dataset use nasty", "Use nasty:1"))
    scene.write("nasty2.csv", JANUARY)
    await ada.register("nasty", "nasty2.csv")
    await _stays_text(page, await ada.ask("/dataset diff nasty:1 nasty:2", "nasty:1 → nasty:2"), *names)
    await ada.send("/dataset describe nasty:1")
    await expect(ada.modal).to_contain_text("nasty")
    await _stays_text(page, ada.modal)
    await ada.close_modal()
    await page.get_by_test_id("app-home").click()
    home = page.get_by_test_id("home")
    await expect(home).to_contain_text("nasty:2")
    await _stays_text(page, home, formatted=True)
    assert ada.troubles == []


async def _fits(visitor: Visitor) -> None:
    """Nothing makes the page itself scroll sideways."""
    over = await visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert over <= 0


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_on_a_phone(scene: Scene, theme: str) -> None:
    ben = await scene.visitors.come("U0BEN", width=390, height=844, theme="dark" if theme == "dark" else "light")
    await expect(ben.page.locator("html")).to_have_attribute("data-theme", theme)
    await ben.register(f"pocket-{theme}", scene.write(f"pocket-{theme}.csv", JANUARY.replace("10", str(len(theme)))))
    await _fits(ben)
    shown = await ben.ask(f"/dataset show pocket-{theme}", "the only version")
    await expect(shown.get_by_role("button", name="Share in channel")).to_be_in_viewport()
    await _fits(ben)
    await ben.ask("/dataset list", "datasets")
    await _fits(ben)
    await ben.page.get_by_test_id("menu-toggle").click()
    await ben.page.get_by_test_id("app-home").click()
    await expect(ben.page.get_by_test_id("home")).to_contain_text(f"pocket-{theme}:1")
    await _fits(ben)
    assert await ben.page.locator(".emoji-name").count() == 0
    assert ben.troubles == []
