"""The reading screens as people use them, in the running bot on the local Slack: menus, modals, paging."""

from __future__ import annotations

from pathlib import Path

from bot.sandbox.person import Message
from services.datasets.model import DatasetType, DatastoreSource, Definition, FileFormat, Format, RegisterRequest
from tests.scenario.bot_on_local_slack import Stage, stage

CHANNEL = "C0DATA"


async def _silent(_: str) -> None:
    return None


async def registered(on: Stage, name: str, *contents: str) -> None:
    """A dataset with one version for each content."""
    for number, content in enumerate(contents, 1):
        path = f"{name}/{number}.csv"
        file = on.data / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        definition = Definition(
            DatasetType.TABULAR, DatastoreSource("workspaceblobstore", (path,)), Format(FileFormat.DELIMITED)
        )
        request = RegisterRequest(name, definition, "U0ADA", owner="U0ADA", create_new_version=number > 1)
        await on.bot.services.datasets.register(request, registration_id=path, progress=_silent)


async def asked(on: Stage, text: str, answer: str, channel: str = CHANNEL) -> Message:
    """The newest message with this text after Ben typed a command."""
    assert await on.ben.command(channel, "/dataset", text) == {"ok": True}
    return await on.ben.wait_message(channel, answer, timeout=15)


async def test_the_missing_dataset_is_asked_for_and_the_answer_comes_to_the_channel(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await registered(on, "letters", "x,y\n1,2\n")
        await registered(on, "numbers", "x,y\n3,4\n")
        # The bot is no member of C0RANDOM: only the response_url of the command reaches it.
        for channel in (CHANNEL, "C0RANDOM"):
            await on.ben.command(channel, "/dataset", "show")
            view = await on.ben.wait_view("which_dataset")
            offered = await on.ben.suggest(view, "dataset_choice", "lett")
            assert [option["text"]["text"] for option in offered] == ["letters"]
            answer = await on.ben.submit(view, {"dataset": "letters"})
            assert answer["ok"]
            shown = await on.ben.wait_message(channel, "letters:1")
            assert shown.ephemeral
            await on.ben.wait_no_view()


async def test_two_versions_are_asked_for_and_compared(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await registered(on, "letters", "x,y\n1,2\n", "x,y\n1,3\n", "x,y,z\n1,2,3\n")
        versions = await asked(on, "versions letters", "3 versions")
        await on.ben.click(versions, "run:choose")
        view = await on.ben.wait_view("which_versions", contains="letters")
        offered = await on.ben.suggest(view, "version_choice:before", "")
        assert [option["value"] for option in offered] == ["3", "2", "1"]
        refused = await on.ben.submit(view, {"before": "3"})
        assert refused["errors"] == {"after": "Choose two different versions."}
        assert (await on.ben.submit(view, {"before": "1"}))["ok"]
        diff = await on.ben.wait_message(CHANNEL, "letters:1 → letters:3", timeout=15)
        assert "+ z  integer" in diff.shown


async def test_diff_alone_asks_for_the_dataset_then_for_the_versions(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await registered(on, "letters", "x,y\n1,2\n", "x,y\n1,3\n")
        await registered(on, "single", "x\n1\n")
        await on.ben.command(CHANNEL, "/dataset", "diff")
        await on.ben.submit(await on.ben.wait_view("which_dataset"), {"dataset": "letters"})
        await on.ben.submit(await on.ben.wait_view("which_versions"))
        await on.ben.wait_message(CHANNEL, "letters:1 → letters:2", timeout=15)
        await on.ben.command(CHANNEL, "/dataset", "diff")
        await on.ben.submit(await on.ben.wait_view("which_dataset"), {"dataset": "single"})
        await on.ben.wait_message(CHANNEL, "only one version")


async def test_menus_run_commands(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        long = "n" * 255
        await registered(on, "letters", "x,y\n1,2\n", "x,y\n1,3\n")
        await registered(on, long, "x\n1\n")
        listed = await asked(on, "list", "2 datasets")
        await on.ben.click(listed, "pick:open", choose="letters")
        await on.ben.wait_message(CHANNEL, "letters:2")
        name_shown_in_menu = long[:74] + "…"
        await on.ben.click(listed, "pick:open", choose=name_shown_in_menu)
        await on.ben.wait_message(CHANNEL, f"{long}:1")
        versions = await asked(on, "versions letters", "What changed")
        await on.ben.click(versions, "pick:use", choose="Version 1")
        await on.ben.wait_message(CHANNEL, "Use letters:1")


async def test_paging_replaces_the_list_and_counts_on(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        for number in range(12):
            await registered(on, f"part-{number:02}", f"x\n{number}\n")
        first = await asked(on, "list size:5 sort:name", "1–5 of 12")
        await on.ben.click(first, "go:next")
        second = await on.ben.wait_message(CHANNEL, "6–10 of 12")
        assert not [m for m in await on.ben.messages(CHANNEL) if "1–5 of 12" in m.shown]
        await on.ben.click(second, "go:next")
        last = await on.ben.wait_message(CHANNEL, "11–12 of 12")
        assert "part-11" in last.shown
        assert "Next" not in last.shown
        past_the_end = await asked(on, "list size:5 page:9", "11–12 of 12")
        assert past_the_end.ephemeral


async def test_ways_of_using_a_dataset_take_each_others_place(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await registered(on, "letters", "x,y\n1,2\n")
        shown = await asked(on, "use letters", "Use letters:1")
        assert "get_by_name" not in shown.shown
        await on.ben.click(shown, "go:v1")
        replaced = await on.ben.wait_message(CHANNEL, "get_by_name")
        assert replaced.ts == shown.ts


async def test_previews_are_never_shared(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await registered(on, "letters", "secret,y\n1,2\n")
        await on.ada.command(CHANNEL, "/dataset", "preview letters")
        shown = await on.ada.wait_message(CHANNEL, "Only you see this", timeout=15)
        assert shown.ephemeral
        assert "Share in channel" not in shown.shown
        seen_by_ben = await on.ben.messages(CHANNEL)
        assert not any("secret" in message.shown for message in seen_by_ben)


async def test_whoever_has_no_access_is_told_how_to_ask_for_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await registered(on, "letters", "x,y\nsecret,2\n", "x,y\nsecret,3\n")
        refused = await asked(on, "preview letters", "no access to `letters` yet")
        assert refused.ephemeral
        assert "`/dataset access letters`" in refused.shown
        buttons = [each for block in refused.blocks if block["type"] == "actions" for each in block["elements"]]
        assert [(each["action_id"], each["value"]) for each in buttons] == [
            ("run:access", "/dataset access letters"),
            ("run:show", "/dataset show letters"),
        ]
        compared = await asked(on, "diff letters", "The values were not compared")
        assert "Distance" not in compared.shown
        assert not any("secret" in message.shown for message in await on.ben.messages(CHANNEL))


async def test_registering_somebody_elses_files_anew_does_not_show_them(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await registered(on, "letters", "x,y\nsecret,2\n")
        await on.ben.command(CHANNEL, "/dataset", "register mine")
        form = await on.ben.wait_view("register")
        await on.ben.click(form, "register:check", state={"paths": "letters/*"})
        looked = await on.ben.wait_view("register", "2 columns", timeout=20)
        assert "First row" not in looked.shown
        assert (await on.ben.submit(looked, {"name": "mine", "paths": "letters/*"}))["ok"]
        await on.ben.wait_view(contains="is registered", timeout=20)
        refused = await asked(on, "preview mine", "belong to `letters`, which was registered earlier")
        assert "`/dataset access mine`" in refused.shown
        assert not any("secret" in message.shown for message in await on.ben.messages(CHANNEL))
