"""What people do, end to end, with a real Bolt app over signed HTTP and over Socket Mode."""

from bot.sandbox.server import LocalSlack
from tests.sandbox.bolt_app import BoltApp


async def test_command_answer_is_ephemeral_and_mentions_are_escaped(slack: LocalSlack, bolt: BoltApp) -> None:
    ada, ben = slack.person("U0ADA"), slack.person("U0BEN")
    assert await ada.command("C0DATA", "/dataset", "grant @ben #data a&b") == {"ok": True}
    message = await ada.wait_message("C0DATA", "You said")
    assert message.ephemeral
    assert not [m for m in await ben.messages("C0DATA") if "You said" in m.shown]
    body = await bolt.wait("command")
    assert body["text"] == "grant <@U0BEN|ben> <#C0DATA|data> a&amp;b"
    assert body["user_name"] == "ada"
    assert body["channel_name"] == "data"
    assert body["team_domain"] == "northwind"


async def test_register_through_the_modal(slack: LocalSlack, bolt: BoltApp) -> None:
    ada = slack.person("U0ADA")
    assert (await ada.command("C0DATA", "/dataset", "form"))["ok"]
    view = await ada.wait_view("form")
    assert [o["value"] for o in await ada.suggest(view, "store", "la")] == ["lake"]
    refused = await ada.submit(view, {"name": "taken"})
    assert refused["errors"] == {"name": "That name is taken"}
    done = await ada.submit(view, {"name": "sales", "store": "lake", "kind": "Tabular"})
    assert done["ok"]
    assert done["response_action"] is None
    await ada.wait_no_view()
    values = bolt.seen("submission")[1]["view"]["state"]["values"]
    assert values["store"]["store"]["selected_option"]["value"] == "lake"
    assert values["kind"]["kind"]["selected_option"]["value"] == "tabular"
