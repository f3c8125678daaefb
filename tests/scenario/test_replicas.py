"""Two replicas on one PostgreSQL: every delivery and every job is handled once, whichever replica it reaches."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox.faults import Faults
from bot.sandbox.server import LocalSlack
from tests.postgres import fresh_database, running_server
from tests.scenario.access_stage import ADA, AccessStage
from tests.scenario.bot_on_local_slack import MANIFEST, Stage, running, settings_for

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture
def database_url() -> Iterator[str]:
    with running_server() as server, fresh_database(server) as url:
        yield url


async def test_two_replicas_do_everything_once(tmp_path: Path, database_url: str) -> None:
    async with LocalSlack(manifest=MANIFEST, rate_limits=False) as slack:
        first, second = (
            settings_for(
                slack,
                tmp_path,
                http_port=None,
                database_url=database_url,
                index_file=tmp_path / f"index-{number}.sqlite",
                index_refresh_seconds=1,
            )
            for number in (1, 2)
        )
        data = first.workspace_directory / "data"
        data.mkdir(parents=True)
        for number in range(6):
            (data / f"{number}.csv").write_text(f"x,y\n{number},2\n")
        async with running(first) as one, running(second) as two:
            slack.faults = Faults(duplicate_delivery=3)
            people = [slack.person(user) for user in ("U0ADA", "U0BEN", "U0CHIARA")]
            for number in range(6):
                person = people[number % 3]
                await person.command("C0DATA", "/dataset", f"register set-{number}")
                form = await person.wait_view("register")
                answer = await person.submit(form, {"paths": f"{number}.csv"})
                assert answer["ok"], answer
            for number in range(6):
                await people[0].wait_message("C0DATA", f"*set-{number}:1*", timeout=30)
            cards = [m.shown for m in await people[0].messages("C0DATA") if "registered a new dataset" in m.shown]
            assert len(cards) == 6
            for bot in (one, two):
                for _ in range(100):
                    if len(await bot.services.datasets.suggest("set")) == 6:
                        break
                    await asyncio.sleep(0.1)
                assert [(await bot.services.datasets.versions(f"set-{n}")).total for n in range(6)] == [1] * 6
                assert len(await bot.services.datasets.suggest("set")) == 6


async def test_the_answers_of_one_command_come_once(tmp_path: Path, database_url: str) -> None:
    async with LocalSlack(manifest=MANIFEST, rate_limits=False) as slack:
        both = [
            settings_for(
                slack, tmp_path, http_port=None, database_url=database_url, index_file=tmp_path / f"{n}.sqlite"
            )
            for n in (1, 2)
        ]
        async with running(both[0]), running(both[1]):
            slack.faults = Faults(duplicate_delivery=4)
            ada = slack.person("U0ADA")
            for _ in range(10):
                await ada.command("C0DATA", "/dataset", "list")
            await asyncio.sleep(1.5)
            answers = [m for m in await ada.messages("C0DATA") if "no datasets" in m.shown]
            assert len(answers) == 10


async def test_access_is_asked_for_decided_given_and_told_once(tmp_path: Path, database_url: str) -> None:
    async with LocalSlack(manifest=MANIFEST, rate_limits=False) as slack:
        both = [
            settings_for(
                slack, tmp_path, http_port=None, database_url=database_url, index_file=tmp_path / f"{n}.sqlite"
            )
            for n in (1, 2)
        ]
        async with running(both[0]) as one, running(both[1]) as two:
            on = AccessStage(Stage(slack, one, both[0].workspace_directory / "data", both[0]))
            slack.faults = Faults(duplicate_delivery=3)
            names = [f"set-{number}" for number in range(4)]
            for name in names:
                await on.register(name)
            for name in names:
                await on.ben.submit(await on.form(on.ben, name), {"reason": "March report"})
            for name in names:
                await on.chiara.click(await on.card(on.chiara, f"Access request: {name}"), "access:approve")
            for name in names:
                await on.told(on.ben, f"Access to *{name}*: granted")
            cards = [each for each in await on.chiara.messages(await on.chiara.dm()) if "Access request" in each.shown]
            own = [each for each in await on.ben.messages(await on.ben.dm()) if "Your request for" in each.shown]
            assert (len(cards), len(own)) == (4, 4)
            for message in own:
                await on.told(on.ben, "is there, until", under=message)
                assert len(await on.ben.messages(message.channel, message.ts)) == 2, "the copy, and what is told below"
            for bot in (one, two):
                audit = await bot.services.access.audit(ADA, limit=100)
                assert Counter(entry.action for entry in audit) == dict.fromkeys(
                    ("request.submitted", "request.approved", "grant.given"), 4
                )
