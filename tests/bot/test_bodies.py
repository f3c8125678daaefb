"""Bodies of Slack's requests are read as the standard library reads them, whatever they hold."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.bodies import read_body, read_form

FORM = "application/x-www-form-urlencoded"
PIECES = st.lists(
    st.sampled_from(["a", "payload", "=", "&", "+", "%", "%2F", "%zz", "%E2%82", "%AC", "ä", " ", ";", "\n"])
)


@given(PIECES)
def test_a_form_is_read_as_the_standard_library_reads_it(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert read_form(text) == dict(parse_qsl(text, keep_blank_values=True))


@given(st.binary(), st.text(st.sampled_from("aZ9_.~*-+"), max_size=5))
def test_any_bytes_that_are_escaped_come_back(content: bytes, plain: str) -> None:
    text = "a=" + quote_plus(content) + plain + "".join(f"%{byte:02x}" for byte in content)
    assert read_form(text) == dict(parse_qsl(text, keep_blank_values=True))


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text())))
def test_the_json_in_a_payload_comes_back(value: dict[str, object]) -> None:
    body = urlencode({"payload": json.dumps(value)}).encode()
    assert read_body(body, FORM) == value
    assert read_body(json.dumps(value).encode(), "application/json; charset=utf-8") == value


def test_a_command_may_speak_of_a_payload() -> None:
    body = urlencode({"command": "/dataset", "text": "list payload"}).encode()
    assert read_body(body, FORM) == {"command": "/dataset", "text": "list payload"}


@pytest.mark.parametrize("body", [b"payload=null", b"payload=[1]", b"payload=", b"[1]{", b"{", b"\xff"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    kind = "application/json" if body.startswith(b"[") else FORM
    with pytest.raises(ValueError, match=r"delivery|Expecting|decode|Extra"):
        read_body(body, kind)
