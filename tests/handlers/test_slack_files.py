"""The bot's token goes to Slack's own hosts alone."""

from __future__ import annotations

import pytest

from handlers.slack_files import is_slacks

SLACK, LOCAL = "https://slack.com/api/", "http://127.0.0.1:3000/api/"


@pytest.mark.parametrize(
    ("url", "api", "allowed"),
    [
        ("https://files.slack.com/files-pri/T1-F1/download/a.csv", SLACK, True),
        ("https://files.slack-gov.com/files-pri/a.csv", SLACK, True),
        ("http://127.0.0.1:3000/files/F1/a.csv", LOCAL, True),
        ("http://127.0.0.1:3001/files/F1/a.csv", LOCAL, False),
        ("http://files.slack.com/files-pri/a.csv", SLACK, False),
        ("https://files.slack.com:8443/a.csv", SLACK, False),
        ("https://files.slack.com@evil.example/a.csv", SLACK, False),
        ("https://slack.com.evil.example/a.csv", SLACK, False),
        ("https://evilslack.com/a.csv", SLACK, False),
        ("https://drive.google.com/a.csv", SLACK, False),
        ("file:///etc/passwd", SLACK, False),
        ("/files/a.csv", SLACK, False),
        ("", SLACK, False),
    ],
)
def test_where_the_token_may_go(url: str, api: str, allowed: bool) -> None:
    assert is_slacks(url, api) is allowed
