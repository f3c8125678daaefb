"""What the page makes of blocks and texts: exactly what Slack would show, and never markup of its own."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from tests.browser.block_samples import (
    BROKEN,
    DRAWN,
    HOSTILE,
    LINE,
    MRKDWN,
    hostile_blocks,
    number,
    plain,
    raw,
    rich,
    section,
)
from tests.browser.page_stage import Json, Stage, open_stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[Stage]:
    async with open_stage() as stage:
        yield stage


@pytest.fixture
def stage(opened: Stage) -> Stage:
    opened.forget()
    return opened


@pytest.mark.parametrize(("source", "text", "inside"), MRKDWN, ids=[case[0] for case in MRKDWN])
async def test_mrkdwn(stage: Stage, source: str, text: str, inside: dict[str, str]) -> None:
    body = (await stage.show(section(source))).locator(".section-text")
    assert (await body.inner_text()).strip() == text
    for selector, held in inside.items():
        assert await body.locator(selector).inner_text() == held
    if not inside:
        assert await body.locator("a, button, strong, em, s, code, time, [data-mention]").count() == 0


@pytest.mark.parametrize("range_", ["here", "channel", "everyone"])
async def test_broadcast_is_loud(stage: Stage, range_: str) -> None:
    message = await stage.show(section(f"hello <!{range_}>"), text="x")
    await expect(message.get_by_test_id("broadcast")).to_have_text(f"@{range_}")
    assert await message.locator("[data-testid=broadcast]").evaluate("n => getComputedStyle(n).outlineStyle") == "solid"


async def test_escaped_and_plain_broadcasts_stay_text(stage: Stage) -> None:
    message = await stage.show(
        section("&lt;!channel&gt;"),
        {"type": "header", "text": plain("<!channel> *b* <@U0BEN>")},
        rich({"type": "text", "text": "<!channel> *b*"}),
        {"type": "table", "rows": [[raw("<!channel>")], [raw("*b*")]]},
    )
    assert await message.locator(".message-body").locator("[data-mention], strong").count() == 0
    assert await message.locator("h3").inner_text() == "<!channel> *b* <@U0BEN>"


async def test_emoji_in_plain_text_unless_switched_off(stage: Stage) -> None:
    text = {"type": "plain_text", "text": ":warning: :no_such_emoji:"}
    message = await stage.show({"type": "header", "text": text}, {"type": "header", "text": {**text, "emoji": False}})
    first, second = message.locator("h3").first, message.locator("h3").nth(1)
    assert await first.locator("[data-emoji=warning]").count() == 1
    assert ":no_such_emoji:" in await first.inner_text()
    assert await second.inner_text() == ":warning: :no_such_emoji:"


async def _nothing_came_alive(stage: Stage, node: Locator) -> None:
    assert await stage.page.evaluate("typeof hacked") == "undefined"
    assert await node.locator("script, img[onerror], img[src='x'], [data-mention]").count() == 0


async def test_hostile_text_stays_text_everywhere(stage: Stage) -> None:
    file = {"id": "F1", "name": HOSTILE, "title": HOSTILE, "mimetype": HOSTILE, "size": 1, "url": "/files/F1/x"}
    attachment = {"title": HOSTILE, "footer": HOSTILE, "color": HOSTILE}
    blocks = hostile_blocks()
    message = await stage.show(*blocks, username=HOSTILE, files=[file], attachments=[attachment])
    assert await message.locator("[data-block-type]").count() >= len(blocks)
    shown = await message.inner_text()
    assert shown.count(HOSTILE) >= len(blocks), shown
    assert await message.locator("[data-testid=broken-block]").count() == 1, "only the unknown type"
    await _nothing_came_alive(stage, message)


async def test_hostile_text_stays_text_in_a_modal_and_home(stage: Stage) -> None:
    text = plain(HOSTILE)
    field = {"type": "plain_text_input", "action_id": "v", "placeholder": text, "initial_value": HOSTILE}
    modal = await stage.open(
        {"type": "input", "block_id": "name", "label": text, "hint": text, "element": field},
        {"type": "alert", "text": text, "level": "warning"},
        title=text,
        submit=text,
        close=text,
    )
    stage.answers["submit"] = {"ok": True, "response_action": "errors", "errors": {"name": HOSTILE}}
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.get_by_test_id("field-error")).to_have_text(HOSTILE)
    assert (await modal.inner_text()).count(HOSTILE) >= 6
    await _nothing_came_alive(stage, modal)
    await stage.close()
    view = {**stage.view({"type": "header", "text": text}), "type": "home"}
    await stage.tell(type="home", view=view)
    await stage.page.get_by_test_id("app-home").click()
    home = stage.page.get_by_test_id("home")
    await expect(home.locator("h3")).to_have_text(HOSTILE)
    await _nothing_came_alive(stage, home)
    await stage.page.get_by_test_id("channel-data").click()


@pytest.mark.parametrize(("block", "reason"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
async def test_what_slack_would_not_show_is_a_visible_error(stage: Stage, block: Json, reason: str) -> None:
    message = await stage.show(block, section("and the rest is still here"))
    box = message.get_by_test_id("broken-block")
    await expect(box).to_be_visible()
    await expect(box).to_have_attribute("role", "alert")
    assert reason in await box.inner_text()
    assert str(block.get("type", "no type")) in await box.inner_text()
    await expect(message.get_by_text("and the rest is still here")).to_be_visible()


async def test_a_broken_child_does_not_take_its_container_along(stage: Stage) -> None:
    message = await stage.show({"type": "container", "title": plain("Frame"), "child_blocks": [{"type": "hologram"}]})
    await expect(message.get_by_text("Frame")).to_be_visible()
    await expect(message.get_by_test_id("broken-block")).to_be_visible()


@pytest.mark.parametrize(
    ("block", "selector"), DRAWN, ids=lambda value: value if isinstance(value, str) else value["type"]
)
async def test_block_is_drawn(stage: Stage, block: Json, selector: str) -> None:
    message = await stage.show(block)
    node = message.locator("[data-block-id=b0]")
    await expect(node.locator(selector).first).to_be_attached()
    assert await message.get_by_test_id("broken-block").count() == 0


async def test_chart_numbers_reach_screen_readers(stage: Stage) -> None:
    message = await stage.show({"type": "data_visualization", "title": "Rows", "chart": LINE})
    await expect(message.get_by_role("img", name="Rows")).to_be_visible()
    assert re.sub(r"\s+", " ", await message.locator("table.sr-only").inner_text()) == "Rows Category s Mon 1 Tue 2.5"


async def test_collapsed_container_opens(stage: Stage) -> None:
    block = {"type": "container", "title": plain("Schema"), "is_collapsible": True, "default_collapsed": True}
    message = await stage.show({**block, "child_blocks": [section("inside")]})
    await expect(message.get_by_text("inside")).to_be_hidden()
    await message.get_by_role("button", name="Schema").click()
    await expect(message.get_by_text("inside")).to_be_visible()


async def test_data_table_pages_sorts_and_filters(stage: Stage) -> None:
    names = ["delta", "alpha", "echo", "bravo", "charlie"]
    rows: list[list[Any]] = [[raw("Name"), raw("Rows")]]
    rows += [[rich({"type": "text", "text": name}), number(10**position)] for position, name in enumerate(names)]
    message = await stage.show({"type": "data_table", "caption": "All of it", "page_size": 3, "rows": rows})

    async def shown() -> list[str]:
        return await message.locator("tbody th").all_inner_texts()

    assert await shown() == names[:3]
    await message.get_by_role("button", name="Next").click()
    assert await shown() == names[3:]
    await message.get_by_role("button", name="Name").click()
    assert await shown() == ["alpha", "bravo", "charlie"]
    await message.get_by_role("button", name="Rows").click()
    await message.get_by_role("button", name="Rows").click()
    assert await shown() == ["charlie", "bravo", "echo"], "numbers sort as numbers, largest first"
    await message.get_by_label("Filter All of it").fill("ALP")
    await expect(message.locator("tbody th")).to_have_text(["alpha"])
    await expect(message.locator("caption")).to_have_text("All of it")


async def test_only_this_server_is_asked_for_anything(stage: Stage) -> None:
    await stage.show(*hostile_blocks(), text="https://a.example/picture.png")
    assert {url.split("/", 3)[2] for url in stage.requests if url.startswith("http")} == {stage.url.split("/")[2]}
    assert stage.console == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_colours_have_enough_contrast(stage: Stage, theme: str) -> None:
    """WCAG 2.2 AA: 4.5 between each text colour and each ground that it stands on."""
    if await stage.page.evaluate("document.documentElement.dataset.theme") != theme:
        await stage.page.get_by_test_id("theme-toggle").click()
    grounds = ["bg", "bg-soft", "sidebar", "raised", "you-soft"]
    pairs = [(ink, ground) for ink in ("ink", "ink-2", "ink-3", "link", "danger", "accent-text") for ground in grounds]
    pairs += [("accent-ink", "accent"), ("current-ink", "current"), ("warn", "warn-soft"), ("link", "info-soft")]
    pairs += [("danger", "danger-soft"), ("accent-text", "accent-soft"), ("code", "code-bg"), ("good", "good-soft")]
    ratios = await stage.page.evaluate(
        """pairs => {
            const style = getComputedStyle(document.documentElement);
            const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
            const light = name => {
                const hex = style.getPropertyValue(`--${name}`).trim().slice(1);
                const [r, g, b] = [0, 2, 4].map(at => channel(parseInt(hex.slice(at, at + 2), 16)));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            return pairs.map(pair => {
                const [low, high] = pair.map(light).sort((a, b) => a - b);
                return (high + 0.05) / (low + 0.05);
            });
        }""",
        pairs,
    )
    assert {pair: round(ratio, 2) for pair, ratio in zip(pairs, ratios, strict=True) if ratio < 4.5} == {}
