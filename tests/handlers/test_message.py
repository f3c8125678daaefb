"""What is sent beside the blocks: notification text, acknowledgements, error messages."""

from __future__ import annotations

import pytest

from handlers.command_table import TABLE
from handlers.errors import error_message
from handlers.listeners import ack_body
from handlers.message import Message
from handlers.text import md
from services.errors import NotFound, UserError

NASTY = "<!channel> & <@U0ADA>"


def test_notification_text_is_escaped_and_markup_is_left_alone() -> None:
    assert Message(text=NASTY).notification == "&lt;!channel&gt; &amp; &lt;@U0ADA&gt;"
    assert Message(text=md("*{}*", NASTY)).notification == "*&lt;!channel&gt; &amp; &lt;@U0ADA&gt;*"


def test_an_error_that_quotes_a_name_cannot_mention_anybody() -> None:
    message = error_message(UserError(f"There is no dataset called “{NASTY}”."), "ref")
    assert "<!channel>" not in ack_body(message)["text"]
    assert message.blocks[0]["text"]["text"] == "There is no dataset called `&lt;!channel&gt; &amp; &lt;@U0ADA&gt;`."


@pytest.mark.parametrize(
    ("error", "command"),
    [
        (NotFound("no", suggestions=("sales",)), "/dataset show sales"),
        (NotFound("no", suggestions=("sales:3",)), "/dataset show sales:3"),
        (NotFound("no", suggestions=("my sales",)), '/dataset show "my sales"'),
        (NotFound("no", suggestions=("<!channel>",)), '/dataset show "&lt;!channel&gt;"'),
        (NotFound("no", suggestions=("archive",), kind="datastore"), "/datastore show archive"),
    ],
)
def test_what_may_have_been_meant_is_one_click_away(error: NotFound, command: str) -> None:
    (row,) = (block for block in error_message(error, "ref").blocks if block["type"] == "actions")
    assert row["elements"][0]["value"] == command


def test_a_mistyped_command_keeps_what_followed_it() -> None:
    message = TABLE.read("/dataset", 'shwo sales:3 "a b" &lt;x&gt;').message
    assert message is not None
    (row,) = (block for block in message.blocks if block["type"] == "actions")
    assert row["elements"][0]["value"] == '/dataset show sales:3 "a b" &lt;x&gt;'


def test_an_unknown_error_shows_a_reference_and_not_its_text() -> None:
    message = error_message(RuntimeError("password=hunter2"), "abc123")
    assert "abc123" in message.text
    assert "hunter2" not in str(message)
