"""`dataset-bot check`: all settings with what is in force, then a test of each thing the bot depends on."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from sqlalchemy.exc import DBAPIError

from bot.access_check import PolicyFinding, file_findings, people_findings
from bot.manifest import bot_scopes, read_manifest
from bot.metrics import Metrics
from bot.settings import Settings, require_transport, shown_value
from bot.settings import SettingsError as WrongSettings
from bot.slack_client import SlackClient, open_session
from handlers.caller import Installation
from services.access.policy import Policy
from services.azure.resource import AzureWorkspaceId
from services.errors import UserError
from services.store import migrate

LARGEST_SKEW_SECONDS = 60
"""Slack's signatures are refused when the clocks are five minutes apart; worth a word long before."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One test. ok None: not tested, because it does not apply. fix: what to do when it failed."""

    name: str
    ok: bool | None
    detail: str
    fix: str = ""


async def run_check(settings: Settings, say: Callable[[str], None]) -> int:
    """Print the table and the findings; returns the exit code, 1 when anything failed."""
    width = max(len(name) for name in Settings.model_fields)
    say("Settings")
    for name, field in Settings.model_fields.items():
        say(f"  {name.upper():{width}}  {shown_value(settings, name)}")
        say(f"  {'':{width}}  {field.description}")
    say("")
    say("Tests")
    failed = 0
    async for finding in findings(settings):
        mark = "-" if finding.ok is None else "ok" if finding.ok else "FAIL"
        say(f"  {mark:4}  {finding.name}: {finding.detail}")
        if finding.ok is False:
            failed += 1
            say(f"        {finding.fix}")
    say("")
    say("Everything is in order." if not failed else f"{failed} to fix.")
    return 1 if failed else 0


async def findings(settings: Settings) -> AsyncIterator[Finding]:
    """Every test in turn; none raises."""
    try:
        require_transport(settings)
        yield Finding("transport", True, _transport(settings))
    except WrongSettings as error:
        yield Finding("transport", False, "Slack cannot reach the bot", " ".join(error.sentences))
    policy, said = await asyncio.to_thread(file_findings, settings.policy_file)
    for each in said:
        yield _of_policy(each)
    async with open_session() as session:
        client = SlackClient(session=session, base_url=settings.slack_api_url, metrics=Metrics())
        async for finding in _slack_findings(settings, client, policy):
            yield finding
    yield await asyncio.to_thread(_database, settings)
    if settings.azure_workspace is None:
        yield await asyncio.to_thread(_writable, "workspace", settings.workspace_directory, "WORKSPACE")
    else:
        async for finding in _azure(settings, settings.azure_workspace):
            yield finding
    yield await asyncio.to_thread(_writable, "search index", settings.index_path.resolve().parent, "INDEX_FILE")
    zone = ZoneInfo(settings.timezone)
    yield Finding("time zone", True, f"{settings.timezone}, where it is {datetime.now(zone):%Y-%m-%d %H:%M %Z}")


def _transport(settings: Settings) -> str:
    ways = []
    if settings.slack_app_token is not None:
        ways.append(f"Socket Mode, {settings.socket_connections} connections")
    if settings.slack_signing_secret is not None:
        ways.append(f"HTTP on {settings.host}:{settings.port}/slack/events")
    return " and ".join(ways)


def _of_policy(found: PolicyFinding) -> Finding:
    return Finding(found.name, found.ok, found.detail, found.fix)


async def _slack_findings(settings: Settings, client: SlackClient, policy: Policy | None) -> AsyncIterator[Finding]:
    if settings.slack_bot_token is None:
        yield Finding("bot token", None, "not set, so nothing of Slack was tested")
        return
    client.token = settings.slack_bot_token.get_secret_value()
    try:
        async with asyncio.timeout(15):
            answer = await client.auth_test()
    except (SlackApiError, ClientError, TimeoutError, OSError) as error:
        fix = "Copy the Bot User OAuth Token from the app's OAuth page into SLACK_BOT_TOKEN, or check the network."
        yield Finding("bot token", False, _said(error), fix)
        return
    headers = {name.lower(): value for name, value in answer.headers.items()}
    yield Finding("bot token", True, f"{answer.get('user')} in {answer.get('team')}")
    yield _scopes(headers.get("x-oauth-scopes", ""))
    yield _clock(headers.get("date", ""))
    if settings.slack_app_token is None:
        yield Finding("app token", None, "not set, so there is no Socket Mode")
    else:
        yield await _app_token(client, settings.slack_app_token.get_secret_value())
    if not settings.admins:
        yield Finding(
            "admins",
            None,
            "nobody may register datastores or decides where an owner cannot; name Slack user ids in ADMINS",
        )
    for user in settings.admins:
        yield await _admin(client, user)
    if policy is not None and settings.policy_file is not None:
        ours = Installation(str(answer.get("team_id") or ""), str(answer.get("enterprise_id") or ""))
        async for each in people_findings(policy, settings.admins, client, ours):
            yield _of_policy(each)


def _scopes(granted: str) -> Finding:
    wanted = set(bot_scopes(read_manifest()))
    missing = sorted(wanted - {scope.strip() for scope in granted.split(",")})
    if missing:
        fix = "Update the app with the output of dataset-bot manifest and install it to the workspace again."
        return Finding("scopes", False, f"missing {', '.join(missing)}", fix)
    return Finding("scopes", True, f"all {len(wanted)} of the manifest are granted")


def _clock(date: str) -> Finding:
    try:
        skew = abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds())
    except (TypeError, ValueError):
        return Finding("clock", None, "Slack did not say what time it is")
    if skew > LARGEST_SKEW_SECONDS:
        return Finding("clock", False, f"{skew:.0f} seconds off Slack's", "Turn on time synchronisation (NTP).")
    return Finding("clock", True, "agrees with Slack's")


async def _app_token(client: SlackClient, token: str) -> Finding:
    try:
        async with asyncio.timeout(15):
            await client.apps_connections_open(app_token=token)
    except (SlackApiError, ClientError, TimeoutError, OSError) as error:
        fix = "Make an app-level token with connections:write, put it into SLACK_APP_TOKEN, and turn Socket Mode on."
        return Finding("app token", False, _said(error), fix)
    return Finding("app token", True, "Socket Mode connections can be opened")


async def _admin(client: SlackClient, user: str) -> Finding:
    name = f"admin {user}"
    try:
        async with asyncio.timeout(15):
            found = (await client.users_info(user=user))["user"]
    except (SlackApiError, ClientError, TimeoutError, OSError) as error:
        return Finding(name, False, _said(error), "Take it out of ADMINS or correct it (profile, Copy member ID).")
    if found.get("deleted") or found.get("is_bot") or found.get("is_restricted"):
        return Finding(name, False, "not a full member", "Take it out of ADMINS; the bot serves full members only.")
    return Finding(name, True, str(found.get("real_name") or found.get("name")))


async def _azure(settings: Settings, workspace: AzureWorkspaceId) -> AsyncIterator[Finding]:
    from bot.azure_check import azure_findings  # noqa: PLC0415 - a local bot loads nothing of Azure

    async for found in azure_findings(settings, workspace):
        yield Finding(found.name, found.ok, found.detail, found.fix)


def _database(settings: Settings) -> Finding:
    try:
        found = migrate.current(settings.database_url)
    except (DBAPIError, UserError, OSError, ValueError) as error:
        fix = "Start the database, or correct DATABASE_URL."
        return Finding("database", False, f"cannot be opened ({type(error).__name__})", fix)
    if found is None:
        return Finding("database", True, "empty; its tables are made at the start")
    if found == migrate.head():
        return Finding("database", True, "reachable and up to date")
    if found > migrate.head():
        fix = "Start the newer version of the bot, or set DATABASE_URL to another database."
        return Finding("database", False, f"was used by a newer version ({found})", fix)
    return Finding("database", True, f"reachable; it is migrated from {found} at the start")


def _writable(name: str, directory: Path, variable: str) -> Finding:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        fix = f"Give the bot the right to write there, or set {variable} to another place."
        return Finding(name, False, f"{directory} cannot be written to ({error.strerror})", fix)
    return Finding(name, True, str(directory))


def _said(error: BaseException) -> str:
    if isinstance(error, SlackApiError):
        return f"Slack says {error.response.get('error')}"
    return "Slack does not answer" if isinstance(error, TimeoutError) else f"Slack cannot be reached ({error})"
