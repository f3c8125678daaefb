"""`dataset-bot demo`: a local Slack with its page, the bot connected to it, and sample data, in one process."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import SecretStr

from bot.cli import CommandError
from bot.logs import configure_logs, get_logger
from bot.manifest import read_manifest
from bot.process import run
from bot.sandbox.server import LocalSlack
from bot.settings import Settings, load_settings
from bot.wiring import Bot
from services.datasets.model import (
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    Format,
    RegisterRequest,
)
from services.errors import IdenticalData, NameTaken

log = get_logger("bot.demo")

DATASTORE = "workspaceblobstore"
ADA, BEN, CHIARA = "U0ADA", "U0BEN", "U0CHIARA"


async def run_demo(directory: Path, writing: subprocess.Popen[bytes] | None) -> None:
    """Serve until a signal. directory keeps the workspace and what is registered from one demo to the next.

    writing: the process that writes the sample data below `directory/data`, None when they are there.
    """
    chosen = load_settings()
    configure_logs(chosen.log_level if "log_level" in chosen.model_fields_set else "WARNING", chosen.log_format)
    slack = LocalSlack(port=chosen.port, manifest=read_manifest())
    try:
        await _start(slack, chosen.port)
        await _written(writing, directory / "data")
        await run(_demo_settings(chosen, slack, directory), None, prepare=_fill, ready=_announce(slack))
    finally:
        await slack.stop()
        if writing is not None and writing.poll() is None:
            writing.terminate()


async def _start(slack: LocalSlack, port: int) -> None:
    try:
        await slack.start()
    except OSError as error:
        raise CommandError(
            f"Port {port} is in use ({os.strerror(error.errno or 0)}); "
            f"stop what uses it or choose another, e.g. PORT={port + 1} make demo."
        ) from None


def _demo_settings(chosen: Settings, slack: LocalSlack, directory: Path) -> Settings:
    """The settings in force, with the local Slack for Slack and the demo's directory for the workspace."""
    state = directory / ".bot"
    return chosen.model_copy(
        update={
            "slack_bot_token": SecretStr(slack.bot_token),
            "slack_app_token": SecretStr(slack.app_token),
            "slack_signing_secret": None,
            "slack_api_url": f"{slack.url}/api/",
            "workspace": f"local:{directory}",
            "database_url": f"sqlite:///{state / 'bot.sqlite'}",
            "index_file": state / "index.sqlite",
            "admins": chosen.admins or (ADA,),
        }
    )


async def _written(writing: subprocess.Popen[bytes] | None, directory: Path) -> None:
    """Wait for the process that writes the sample data."""
    if writing is not None and await asyncio.to_thread(writing.wait) != 0:
        raise CommandError(f"The sample data could not be written to {directory}; see above.")


def _announce(slack: LocalSlack) -> Callable[[Bot], None]:
    def ready(_bot: Bot) -> None:
        print(f"\nDataset Bot is ready: {slack.url}\n", flush=True)  # noqa: T201
        print("This is a local Slack, not Slack. Try /dataset list. End with Ctrl+C.", flush=True)  # noqa: T201

    return ready


async def _fill(bot: Bot) -> None:
    """Register the sample datasets on the first start, as Ada and her colleagues would."""
    await bot.index.refresh()
    by_name: dict[str, list[RegisterRequest]] = {}
    for request in _requests():
        by_name.setdefault(request.name, []).append(request)
    await asyncio.gather(*(_register(bot, versions) for versions in by_name.values()))
    await bot.index.refresh()


async def _register(bot: Bot, versions: list[RegisterRequest]) -> None:
    """The versions of one dataset that do not exist yet, one after the other."""
    first_missing = (await bot.services.datasets.check_name(versions[0].name)).next_version
    for number, request in enumerate(versions, start=1):
        if number < first_missing:
            continue
        try:
            await bot.services.datasets.register(
                request, registration_id=f"demo-{request.name}-{number}", progress=_silent
            )
        except (NameTaken, IdenticalData):
            continue  # somebody registered it by hand before


async def _silent(_step: str) -> None:
    """Nobody watches the demo's own registrations."""


def _requests() -> Iterator[RegisterRequest]:
    flights = "All flights that departed from New York City (JFK, LGA, EWR) in 2013, one row a flight."
    january, february = "flights/parquet/2013-01.parquet", "flights/parquet/2013-02.parquet"
    tags = (("domain", "aviation"), ("source", "BTS"))
    yield _tabular("flights", (january,), FileFormat.PARQUET, flights, (*tags, ("quality", "raw")), ADA)
    yield _tabular(
        "flights", (january, february), FileFormat.PARQUET, flights, (*tags, ("quality", "raw")), ADA, again=True
    )
    yield _tabular(
        "weather",
        ("weather/*.csv",),
        FileFormat.DELIMITED,
        "Hourly weather at the three New York airports: temperature, wind, precipitation, visibility.",
        (("domain", "weather"), ("source", "ASOS")),
        BEN,
    )
    yield _tabular(
        "airports",
        ("airports/*.csv",),
        FileFormat.DELIMITED,
        "Airports with code, position and time zone.",
        (("domain", "aviation"), ("source", "FAA")),
        CHIARA,
    )
    yield _tabular(
        "planes",
        ("planes/*.csv",),
        FileFormat.DELIMITED,
        "Planes by tail number: year, manufacturer, model, engines, seats.",
        (("domain", "aviation"), ("source", "FAA")),
        CHIARA,
    )
    yield RegisterRequest(
        name="airline-codes",
        definition=Definition(DatasetType.FILE, DatastoreSource(DATASTORE, ("airlines/*.csv",))),
        requested_by=BEN,
        description="Two-letter carrier codes and the airlines' names, as files.",
        tags=(("domain", "aviation"),),
    )


def _tabular(  # noqa: PLR0917  # reads as a table where it is called
    name: str,
    paths: tuple[str, ...],
    file_format: FileFormat,
    description: str,
    tags: tuple[tuple[str, str], ...],
    owner: str,
    *,
    again: bool = False,
) -> RegisterRequest:
    return RegisterRequest(
        name=name,
        definition=Definition(DatasetType.TABULAR, DatastoreSource(DATASTORE, paths), Format(file_format)),
        requested_by=owner,
        description=description,
        tags=tags,
        create_new_version=again,
    )
