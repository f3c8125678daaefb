"""What a person does in the page, and what the page then sends: elements, modals, the message box."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import FilePayload, Locator, Route, expect

from tests.browser.block_samples import plain
from tests.browser.page_stage import Json, Stage, open_stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[Stage]:
    async with open_stage() as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def stage(opened: Stage) -> AsyncIterator[Stage]:
    opened.forget()
    yield opened
    if opened.stack:
        await opened.close()
    assert opened.console == []


A_CSV: FilePayload = {"name": "a.csv", "mimeType": "text/csv", "buffer": b"a,b\n"}


def option(name: str) -> Json:
    return {"text": plain(name.title()), "value": name}


def field(block_id: str, element: Json, **more: object) -> Json:
    return {"type": "input", "block_id": block_id, "label": plain(block_id.title()), "element": element, **more}


def text_field(block_id: str = "name", **more: object) -> Json:
    return field(block_id, {"type": "plain_text_input", "action_id": "v", **more})


async def _click(node: Locator) -> None:
    await node.click()


async def _pick_second(node: Locator) -> None:
    await node.click()
    await node.page.get_by_test_id("option").nth(1).click()


async def _check(node: Locator) -> None:
    await node.locator("input").nth(1).check()


async def _menu(node: Locator) -> None:
    await node.click()
    await node.page.get_by_role("menuitem", name="Two").click()


def _fill(value: str) -> Callable[[Locator], Awaitable[None]]:
    async def fill(node: Locator) -> None:
        await node.fill(value)
        await node.dispatch_event("change")

    return fill


async def _enter(node: Locator) -> None:
    await node.fill("typed")
    await node.press("Enter")


OPTIONS: Final[Json] = {"options": [option("one"), option("two")]}
ACTS: Final[list[tuple[Json, Callable[[Locator], Awaitable[None]], Json]]] = [
    ({"type": "button", "text": plain("Go"), "value": "v1"}, _click, {"value": "v1", "text": plain("Go")}),
    ({"type": "overflow", **OPTIONS}, _menu, {"selected_option": option("two")}),
    ({"type": "static_select", **OPTIONS}, _pick_second, {"selected_option": option("two")}),
    (
        {"type": "multi_static_select", "initial_options": [option("one")], **OPTIONS},
        _pick_second,
        {"selected_options": [option("one"), option("two")]},
    ),
    ({"type": "users_select"}, _pick_second, {"selected_user": "U0BEN"}),
    ({"type": "multi_users_select"}, _pick_second, {"selected_users": ["U0BEN"]}),
    ({"type": "channels_select"}, _pick_second, {"selected_channel": "C0DRIFT"}),
    (
        {"type": "conversations_select", "filter": {"include": ["public"]}},
        _pick_second,
        {"selected_conversation": "C0DRIFT"},
    ),
    (
        {"type": "checkboxes", "initial_options": [option("one")], **OPTIONS},
        _check,
        {"selected_options": [option("one"), option("two")]},
    ),
    ({"type": "radio_buttons", **OPTIONS}, _check, {"selected_option": option("two")}),
    ({"type": "datepicker"}, _fill("2026-11-22"), {"selected_date": "2026-11-22"}),
    ({"type": "timepicker"}, _fill("09:30"), {"selected_time": "09:30"}),
    ({"type": "datetimepicker"}, _fill("2026-11-22T09:30"), {"selected_date_time": 1_795_307_400}),
    ({"type": "plain_text_input"}, _enter, {"value": "typed"}),
    ({"type": "icon_button", "icon": "trash", "text": plain("Delete"), "value": "x"}, _click, {"value": "x"}),
]


@pytest.mark.parametrize(("element", "do", "sent"), ACTS, ids=[case[0]["type"] for case in ACTS])
async def test_element_tells_the_app(
    stage: Stage, element: Json, do: Callable[[Locator], Awaitable[None]], sent: Json
) -> None:
    message = await stage.show({"type": "actions", "elements": [{"action_id": "it", **element}]})
    await do(message.locator("[data-action-id=it]"))
    body = await stage.last("action")
    assert (body["block_id"], body["action_id"], body["user"]) == ("b0", "it", "U0ADA")
    assert body["container"]["type"] == "message"
    assert {key: body["action"].get(key) for key in sent} == sent
    if element["type"] not in {"button", "overflow", "icon_button"}:
        state = body["state"]["values"]["b0"]["it"]
        assert state["type"] == element["type"]
        assert {key: state.get(key) for key in sent} == sent


async def test_feedback_and_link_buttons(stage: Stage) -> None:
    thumbs: Json = {"type": "feedback_buttons", "action_id": "fb"}
    thumbs |= {"positive_button": {"text": plain("Good"), "value": "up"}}
    thumbs |= {"negative_button": {"text": plain("Bad"), "value": "down"}}
    message = await stage.show({"type": "context_actions", "elements": [thumbs]})
    await message.get_by_role("button", name="Bad").click()
    assert (await stage.last("action"))["action"]["value"] == "down"
    bad = {"type": "button", "action_id": "x", "text": plain("Go"), "url": "javascript:hacked=1"}
    message = await stage.show({"type": "actions", "elements": [bad]})
    await expect(message.get_by_test_id("broken-block")).to_contain_text("not a web address")


async def test_confirm_is_asked_first(stage: Stage) -> None:
    confirm = {"title": plain("Sure?"), "text": plain("*really*"), "confirm": plain("Do"), "deny": plain("Stop")}
    pick = {"type": "static_select", "action_id": "it", "confirm": confirm, "initial_option": option("one"), **OPTIONS}
    message = await stage.show({"type": "actions", "elements": [pick]})
    node = message.locator("[data-action-id=it]")
    await _pick_second(node)
    await expect(stage.page.get_by_test_id("confirm")).to_contain_text("*really*")
    await stage.page.get_by_test_id("confirm-no").click()
    await expect(node).to_have_value("One")
    assert stage.calls == []
    await _pick_second(node)
    await stage.page.get_by_test_id("confirm-yes").click()
    assert (await stage.last("action"))["action"]["selected_option"] == option("two")


async def test_type_ahead_asks_the_app(stage: Stage) -> None:
    select = {"type": "external_select", "action_id": "ds", "min_query_length": 2}
    modal = await stage.open(field("store", select))
    node, note = modal.locator("[data-action-id=ds]"), modal.get_by_test_id("select-note")
    await node.click()
    await expect(note).to_have_text("Type at least 2 characters to search")
    stage.answers["suggest"] = {"ok": True, "option_groups": [{"label": plain("Blob"), "options": [option("archive")]}]}
    await node.press_sequentially("arch", delay=10)
    await expect(modal.get_by_role("group", name="Blob").get_by_test_id("option")).to_have_text("Archive")
    asked = [call.body["value"] for call in stage.calls if call.name == "suggest"]
    assert asked == ["arch"], "asked once, when typing paused"
    await node.press("Enter")
    await expect(node).to_have_value("Archive")
    stage.answers["suggest"] = {"ok": True, "options": []}
    await node.fill("zz")
    await expect(note).to_have_text("No results")
    stage.answers["suggest"] = {"ok": False, "error": "operation_timeout"}
    await node.fill("zzz")
    await expect(note).to_have_text("Could not load options (operation_timeout)")
    await node.press("Escape")
    await expect(node).to_have_value("Archive")
    await expect(modal).to_be_visible()
    await modal.get_by_test_id("modal-submit").click()
    sent = (await stage.last("submit"))["state"]["values"]["store"]["ds"]
    assert sent == {"type": "external_select", "selected_option": option("archive")}


async def test_update_keeps_what_was_typed_where_ids_stay(stage: Stage) -> None:
    modal = await stage.open(text_field("name", initial_value="first"), text_field("path", initial_value="p"))
    node = modal.locator("[data-block-id=name] [data-action-id=v]")
    await node.fill("typed by hand")
    await modal.locator("[data-block-id=path] [data-action-id=v]").fill("also typed")
    await node.focus()
    hint = {"hint": plain("now with a hint")}
    await stage.update({**text_field("name", initial_value="other"), **hint}, text_field("path2", initial_value="new"))
    await expect(node).to_have_value("typed by hand")
    await expect(node).to_be_focused()
    await expect(modal.locator("[data-block-id=path2] [data-action-id=v]")).to_have_value("new")
    await modal.get_by_test_id("modal-submit").click()
    values = (await stage.last("submit"))["state"]["values"]
    assert set(values) == {"name", "path2"}
    assert values["name"]["v"] == {"type": "plain_text_input", "value": "typed by hand"}


async def test_errors_stand_under_their_fields_and_the_first_has_focus(stage: Stage) -> None:
    stage.answers["submit"] = {"ok": True, "response_action": "errors", "errors": {"b": "no <b>", "a": "*bad*"}}
    modal = await stage.open(text_field("a", initial_value="x"), text_field("b", initial_value="y"))
    await modal.get_by_test_id("modal-submit").click()
    error = modal.locator("[data-block-id=a]").get_by_role("alert")
    await expect(error).to_have_text("*bad*")
    await expect(modal.locator("[data-block-id=b]").get_by_test_id("field-error")).to_have_text("no <b>")
    node = modal.locator("[data-block-id=a] [data-action-id=v]")
    await expect(node).to_be_focused()
    await expect(node).to_have_attribute("aria-invalid", "true")
    assert (await error.get_attribute("id") or "no id") in (await node.get_attribute("aria-describedby") or "")
    await expect(node).to_have_value("x")


@pytest.mark.parametrize(
    ("element", "typed", "message"),
    [
        ({"type": "plain_text_input"}, "", "Please complete this required field."),
        ({"type": "plain_text_input", "min_length": 3}, "ab", "Enter at least 3 characters."),
        ({"type": "number_input", "is_decimal_allowed": False}, "1.5", "Please enter a whole number."),
        ({"type": "number_input", "is_decimal_allowed": True, "max_value": "2"}, "3", "at most 2"),
        ({"type": "email_text_input"}, "nobody", "valid email"),
        ({"type": "url_text_input"}, "ftp:x", "valid URL"),
    ],
)
async def test_the_client_checks_before_the_app_hears(stage: Stage, element: Json, typed: str, message: str) -> None:
    modal = await stage.open(field("it", {"action_id": "v", **element}))
    await modal.locator("[data-action-id=v]").fill(typed)
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.get_by_test_id("field-error")).to_contain_text(message)
    assert stage.calls == []


@pytest.mark.parametrize("answer", [{"ok": False, "error": "operation_timeout"}, {"status": 500}])
async def test_trouble_keeps_the_modal_and_its_input(stage: Stage, answer: Json) -> None:
    stage.answers["submit"] = answer
    modal = await stage.open(text_field())
    await modal.locator("[data-action-id=v]").fill("precious")
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.get_by_test_id("modal-error")).to_have_text("We had some trouble connecting. Try again?")
    await expect(modal.locator("[data-action-id=v]")).to_have_value("precious")
    stage.answers["submit"] = {"ok": True, "response_action": None}
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal).to_be_hidden()


async def test_submitted_state_has_every_kind_of_value(stage: Stage) -> None:
    modal = await stage.open(
        text_field("empty"),
        field("static", {"type": "static_select", "action_id": "s", "initial_option": option("one"), **OPTIONS}),
        field("boxes", {"type": "checkboxes", "action_id": "c", **OPTIONS}),
        field("date", {"type": "datepicker", "action_id": "d", "initial_date": "2026-01-02"}),
        field("who", {"type": "multi_users_select", "action_id": "u", "initial_users": ["U0BEN"]}),
        field("rich", {"type": "rich_text_input", "action_id": "r"}),
    )
    for block in ("empty", "boxes", "rich"):
        await stage.update(
            *[{**b, "optional": b["block_id"] == block or b.get("optional", False)} for b in stage.stack[-1]["blocks"]]
        )
    await modal.get_by_label("Rich").fill("line")
    await modal.get_by_test_id("modal-submit").click()
    values = (await stage.last("submit"))["state"]["values"]
    assert values["empty"]["v"]["value"] is None
    assert values["static"]["s"]["selected_option"] == option("one")
    assert values["boxes"]["c"]["selected_options"] == []
    assert values["date"]["d"]["selected_date"] == "2026-01-02"
    assert values["who"]["u"]["selected_users"] == ["U0BEN"]
    assert values["rich"]["r"]["rich_text_value"]["elements"][0]["elements"] == [{"type": "text", "text": "line"}]


async def test_dispatch_on_every_character(stage: Stage) -> None:
    config = {"dispatch_action_config": {"trigger_actions_on": ["on_character_entered"]}}
    modal = await stage.open({**text_field("name", **config), "dispatch_action": True}, text_field("other"))
    await modal.locator("[data-block-id=other] input").fill("silent")
    await modal.locator("[data-block-id=name] input").press_sequentially("abc", delay=5)
    body = await stage.last("action")
    assert body["container"] == {"type": "view", "view_id": stage.stack[-1]["id"]}
    assert body["action"]["value"] == "abc"
    assert body["state"]["values"]["other"]["v"]["value"] == "silent"


async def test_file_input_uploads_and_sends_the_file(stage: Stage) -> None:
    file = {"id": "F1", "name": "a.csv"}
    stage.answers["upload"] = {"ok": True, "file": file}
    modal = await stage.open(field("file", {"type": "file_input", "action_id": "f", "filetypes": ["csv"]}))
    chosen = modal.locator("[data-action-id=f]")
    await chosen.set_input_files(A_CSV)
    await expect(modal.get_by_role("listitem")).to_contain_text("a.csv")
    await modal.get_by_test_id("modal-submit").click()
    assert (await stage.last("submit"))["state"]["values"]["file"]["f"] == {"type": "file_input", "files": [file]}


@asynccontextmanager
async def uploads_that_wait(stage: Stage) -> AsyncIterator[asyncio.Event]:
    """Files do not arrive before the event is set."""
    release = asyncio.Event()

    async def held(route: Route) -> None:
        await release.wait()
        await route.continue_()

    await stage.page.route("**/client/upload*", held)
    try:
        yield release
    finally:
        release.set()
        await stage.page.unroute("**/client/upload*")


async def test_a_form_waits_for_its_file(stage: Stage) -> None:
    file = {"id": "F1", "name": "a.csv"}
    stage.answers["upload"] = {"ok": True, "file": file}
    modal = await stage.open(field("file", {"type": "file_input", "action_id": "f", "filetypes": ["csv"]}))
    async with uploads_that_wait(stage) as release:
        await modal.locator("[data-action-id=f]").set_input_files(A_CSV)
        await expect(modal.get_by_role("listitem")).to_contain_text("Uploading a.csv")
        await modal.get_by_test_id("modal-submit").click()
        await modal.get_by_test_id("modal-submit").click()
        assert not [call for call in stage.calls if call.name == "submit"]
        release.set()
        assert (await stage.last("submit"))["state"]["values"]["file"]["f"]["files"] == [file]
    assert len([call for call in stage.calls if call.name == "submit"]) == 1


async def test_a_message_waits_for_its_file_and_stays_when_that_fails(stage: Stage) -> None:
    box = stage.page.get_by_test_id("composer")
    for answer in ({"ok": False, "error": "file_too_large"}, {"ok": True, "file": {"id": "F1", "name": "a.csv"}}):
        stage.answers["upload"] = answer
        async with uploads_that_wait(stage) as release:
            await stage.page.get_by_test_id("composer-file").set_input_files(A_CSV)
            await expect(stage.page.locator(".composer-files")).to_contain_text("Uploading a.csv")
            await box.fill("here it is")
            await box.press("Enter")
            release.set()
            await expect(stage.page.locator(".composer-files")).not_to_contain_text("Uploading")
        if not answer["ok"]:
            await expect(box).to_have_value("here it is")
            told = stage.page.get_by_test_id("notice").filter(has_text="a.csv could not be uploaded")
            await told.get_by_role("button").click()
            assert not [call for call in stage.calls if call.name == "message"]
    assert (await stage.last("message"))["file_ids"] == ["F1"]


async def test_a_stack_goes_back_step_by_step(stage: Stage) -> None:
    modal = await stage.open(text_field())
    await modal.locator("[data-action-id=v]").fill("kept")
    below, above = stage.stack[0], stage.view(title=plain("Above"))
    stage.stack = [below, above]
    await stage.tell(type="view_pushed", view=above, stack=stage.stack)
    await expect(stage.page.locator(".modal-title").first).to_have_text("Above")
    await stage.page.keyboard.press("Escape")
    assert (await stage.last("close"))["view_id"] == above["id"]
    await expect(modal.locator("[data-action-id=v]")).to_have_value("kept")
    stage.stack = [below]


async def test_tab_stays_in_the_modal(stage: Stage) -> None:
    modal = await stage.open(text_field())
    await expect(modal.locator("[data-action-id=v]")).to_be_focused()
    for _ in range(8):
        await stage.page.keyboard.press("Tab")
        assert await modal.evaluate("node => node.contains(document.activeElement)")


async def test_commands_complete_and_run(stage: Stage) -> None:
    box = stage.page.get_by_test_id("composer")
    await box.fill("/da")
    await expect(stage.page.get_by_test_id("completion")).to_contain_text("register | list")
    await box.press("Tab")
    await expect(box).to_have_value("/dataset ")
    await box.press_sequentially("list @be")
    await box.press("Enter")
    await expect(box).to_have_value("/dataset list @ben ")
    await box.press("Enter")
    assert await stage.last("command") == {
        "user": "U0ADA",
        "channel": "C0DATA",
        "command": "/dataset",
        "text": "list @ben",
    }
    await expect(box).to_have_value("")


async def test_enter_sends_and_shift_enter_breaks_the_line(stage: Stage) -> None:
    box = stage.page.get_by_test_id("composer")
    await box.press_sequentially("one")
    await box.press("Shift+Enter")
    await box.press_sequentially("<two>")
    await box.press("Enter")
    assert (await stage.last("message"))["text"] == "one\n<two>"


async def test_a_message_that_did_not_go_stays_in_the_box(stage: Stage) -> None:
    stage.answers["message"] = {"status": 500}
    box = stage.page.get_by_test_id("composer")
    await box.fill("precious")
    await box.press("Enter")
    await expect(stage.page.get_by_test_id("notice").last).to_contain_text("does not answer")
    await expect(box).to_have_value("precious")
    await box.fill("")


async def test_ephemeral_messages_say_so_and_can_be_dismissed(stage: Stage) -> None:
    message = await stage.show(text="only you", ephemeral=True)
    await expect(message).to_contain_text("Only visible to you")
    await message.get_by_test_id("dismiss").click()
    await expect(message).to_have_count(0)


async def test_shortcuts_and_threads(stage: Stage) -> None:
    message = await stage.show(text="about a file")
    await message.hover()
    await message.get_by_test_id("message-shortcuts").click()
    await stage.page.get_by_role("menuitem", name="Register this file").click()
    body = await stage.last("shortcut")
    assert (body["type"], body["callback_id"], body["ts"]) == (
        "message",
        "register_file",
        await message.get_attribute("data-ts"),
    )
    await message.hover()
    await message.get_by_test_id("reply").click()
    reply = stage.page.get_by_test_id("thread-composer")
    await reply.fill("/dataset list")
    await reply.press("Enter")
    await reply.fill("answer")
    await reply.press("Enter")
    assert (await stage.last("message"))["thread_ts"] == await message.get_attribute("data-ts")
    assert not [call for call in stage.calls if call.name == "command"], "no commands in threads, as in Slack"
    await stage.page.get_by_test_id("panel-close").click()


async def test_archived_channel_cannot_be_written_to(stage: Stage) -> None:
    await stage.page.get_by_test_id("channel-old").click()
    await expect(stage.page.get_by_test_id("composer-closed")).to_contain_text("archived")
    await stage.page.get_by_test_id("channel-data").click()


async def test_phone_width_has_a_drawer(stage: Stage) -> None:
    await stage.page.set_viewport_size({"width": 390, "height": 844})
    try:
        await expect(stage.page.get_by_test_id("channel-drift")).to_be_hidden()
        await stage.page.get_by_test_id("menu-toggle").click()
        await stage.page.get_by_test_id("channel-drift").click()
        await expect(stage.page.get_by_role("heading", name="drift", exact=True)).to_be_visible()
        await expect(stage.page.get_by_test_id("banner")).to_be_visible()
        assert await stage.page.evaluate("document.documentElement.scrollWidth") <= 390
    finally:
        await stage.page.set_viewport_size({"width": 1280, "height": 900})
        await stage.page.get_by_test_id("channel-data").click()
