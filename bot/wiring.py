"""The one place that builds real things and ties them together."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from starlette.types import ASGIApp

from bot import access_policy
from bot.access_policy import PolicyInForce
from bot.access_work import AccessWatch, AccessWork, Wake
from bot.app import BotApp, Workspace, answer_the_unknown
from bot.clock import SystemClock
from bot.health import Health, Part
from bot.http import build_web_app
from bot.interrupted import tell_interrupted
from bot.jobs import JobRunner, PoolLimits
from bot.logs import get_logger
from bot.metrics import Metrics
from bot.middleware import Deliveries
from bot.monitor_runner import MonitorRunner
from bot.monitor_wiring import open_monitoring
from bot.open_deliveries import OpenDeliveries
from bot.opened import OpenedWorkspace, Opening
from bot.opening import open_workspace
from bot.outbox import OutboxPump
from bot.periodic import Heartbeat, Periodic
from bot.settings import Settings
from bot.slack_client import SlackClient, open_session
from bot.socket_mode import SocketMode
from handlers.access.notices import DRAWINGS as ACCESS_DRAWINGS
from handlers.access.people import SlackPeople
from handlers.caller import CallerDirectory
from handlers.context import Services
from handlers.datasets import register_step
from handlers.datasets.notices import DRAWINGS as DATASET_DRAWINGS
from handlers.datasets.register_job import attach_jobs
from handlers.drawing import Drawings
from handlers.internal_only import InternalOnly
from handlers.listeners import register_listeners
from handlers.message import Message
from handlers.monitors.notices import DRAWINGS as MONITOR_DRAWINGS
from handlers.posting import BlockSupport
from handlers.sharing import SharedChannels
from services.access.calendar import Calendar
from services.access.executing import Executor
from services.access.service import AccessService
from services.jobs import Pool
from services.outbox import StoredNotice
from services.search.index import SqliteIndex
from services.store import migrate
from services.store.database import Database
from services.store.inbox import Inbox
from services.store.instances import Instances
from services.store.job_store import JobStore
from services.store.outbox import Outbox

log = get_logger("bot.wiring")

TAKE_OVER_SECONDS = 10.0
KEEPALIVE_SECONDS = 60.0
SWEEP_SECONDS = 600.0
RECHECK_BATCH = 20
FOLLOWING = 100
"""So many people at once are told how a run that they asked for goes; following one is a look now and then."""

PROFILES_KEPT = timedelta(days=180)
"""How long after its last use a profile is kept; a new one costs a scan, if the files are still there."""


@dataclass(frozen=True, slots=True)
class Bot:
    """A bot that is built and not started: no transport is open, no periodic work runs."""

    settings: Settings
    instance_id: str
    app: BotApp
    client: SlackClient
    services: Services
    jobs: JobRunner
    outbox: OutboxPump
    access: AccessWork
    runner: MonitorRunner
    index: SqliteIndex
    web: ASGIApp
    sockets: SocketMode | None
    periodic: Periodic
    health: Health
    metrics: Metrics


class _IndexUpkeep:
    """Refreshes the index and remembers when that last succeeded."""

    def __init__(self, index: SqliteIndex) -> None:
        self._index = index
        self._agreed_at: float | None = None

    async def refresh(self) -> None:
        """Bring the index up to date."""
        await self._index.refresh()
        self._agreed_at = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since it last agreed with the workspace; infinite before the first time."""
        return math.inf if self._agreed_at is None else time.monotonic() - self._agreed_at


@dataclass(frozen=True, slots=True)
class _Store:
    """What the bot remembers, and who else writes there."""

    database: Database
    inbox: Inbox
    jobs: JobStore
    heartbeat: Heartbeat
    outbox: Outbox


@contextlib.asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Bot]:
    """A bot from its settings; everything is closed in order at the end.

    Raises SlackApiError when Slack refuses the bot token. A Slack that cannot be reached is asked again later.
    """
    async with contextlib.AsyncExitStack() as stack:
        clock, metrics, health = SystemClock(), Metrics(), Health()
        instance_id = f"{os.uname().nodename}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        store = await _open_store(settings, instance_id, clock, stack)
        session = await stack.enter_async_context(open_session())
        client = SlackClient(session=session, base_url=settings.slack_api_url, metrics=metrics)
        workspace, drawings = Workspace(client), Drawings()
        policy, people = PolicyInForce(settings.policy_file), SlackPeople(client, workspace.installation)
        await policy.open()
        context = Opening(clock, people, policy, stack)
        opened = await open_workspace(settings, store.database, context)

        deliveries = OpenDeliveries(store.inbox.done)
        jobs = JobRunner(
            store=store.jobs,
            inbox=store.inbox,
            deliveries=deliveries,
            instance_id=instance_id,
            limits=_limits(settings),
            metrics=metrics,
            tell_interrupted=partial(tell_interrupted, client),
        )
        drawings.add(DATASET_DRAWINGS)
        drawings.add(ACCESS_DRAWINGS)
        drawings.add(MONITOR_DRAWINGS)
        internal = InternalOnly(drawings, client, SharedChannels())

        async def draw(stored: StoredNotice) -> Message | None:
            return await internal.draw(services, stored)

        pump = OutboxPump(store.outbox, client, draw, support=BlockSupport(), metrics=metrics, clock=clock)
        stack.push_async_callback(pump.stop, 0)
        wake = Wake()
        access = _access(settings, opened, context, pump, wake)
        monitoring = open_monitoring(
            opened,
            store.database,
            instance_id,
            pump,
            clock=clock,
            metrics=metrics,
            at_once=settings.jobs_data,
            policy=policy,
        )
        stack.push_async_callback(monitoring.runner.stop)
        services = Services(
            datasets=opened.datasets,
            datastores=opened.datastores,
            access=access,
            monitors=monitoring.monitors,
            incidents=monitoring.incidents,
            jobs=jobs,
            waits_for=opened.waits_for,
            drop=opened.drop,
        )
        work = AccessWork(Executor(access.ports, instance_id), Calendar(access.ports), wake)
        stack.push_async_callback(work.stop)
        token = settings.slack_bot_token
        app = BotApp(
            client=client,
            token=token.get_secret_value() if token is not None else "",
            workspace=workspace,
            deliveries=Deliveries(store.inbox, deliveries, metrics),
        )
        register_listeners(app, services, CallerDirectory(workspace.installation, frozenset(settings.admins)))
        attach_jobs(services, client)
        register_step.attach_jobs(services, client)
        answer_the_unknown(app)
        await _greet_slack(workspace)

        upkeep = _IndexUpkeep(opened.index)
        sockets = _sockets(settings, app, client, metrics)
        periodic = _periodic_work(
            settings=settings,
            store=store,
            workspace=workspace,
            services=services,
            jobs=jobs,
            upkeep=upkeep,
        )
        periodic.every(access_policy.LOOK_SECONDS, "access policy", policy.refresh)
        AccessWatch(access.ports, metrics).attend(periodic, settings.access_sweep_minutes * 60)
        opened.attend(periodic, upkeep.refresh)
        monitoring.attend(periodic)
        stack.push_async_callback(periodic.stop)
        _add_probes(health, workspace, store, upkeep, sockets)
        health.add("outbox", pump.probe)
        health.add("monitors", monitoring.runner.probe)
        health.add("access policy", policy.probe)
        metrics.watch_index_age(lambda: upkeep.age)
        yield Bot(
            settings=settings,
            instance_id=instance_id,
            app=app,
            client=client,
            services=services,
            jobs=jobs,
            outbox=pump,
            access=work,
            runner=monitoring.runner,
            index=opened.index,
            web=_web(settings, app, health, metrics),
            sockets=sockets,
            periodic=periodic,
            health=health,
            metrics=metrics,
        )
        await jobs.drain(0)


def _access(
    settings: Settings, opened: OpenedWorkspace, context: Opening, pump: OutboxPump, wake: Wake
) -> AccessService:
    access = AccessService(
        policy=context.policy,
        people=context.people,
        directory=opened.access.directory,
        store=opened.access.store,
        grants=opened.access.grants,
        datasets=opened.access.datasets,
        admins=frozenset(settings.admins),
        clock=context.clock,
        wakes=pump,
        wake_executor=wake,
    )
    pump.on_undelivered("access.", access.undelivered)
    return access


def _web(settings: Settings, app: BotApp, health: Health, metrics: Metrics) -> ASGIApp:
    secret = settings.slack_signing_secret
    return build_web_app(
        health=health,
        metrics=metrics,
        slack=app if secret is not None else None,
        signing_secret=secret.get_secret_value() if secret is not None else None,
    )


async def _open_store(
    settings: Settings, instance_id: str, clock: SystemClock, stack: contextlib.AsyncExitStack
) -> _Store:
    await asyncio.to_thread(migrate.upgrade, settings.database_url)
    database = Database.open(settings.database_url)
    stack.push_async_callback(database.close)
    heartbeat = Heartbeat(Instances(database, clock=clock), instance_id)
    await heartbeat.start()
    stack.push_async_callback(heartbeat.stop)
    ttl = timedelta(seconds=settings.delivery_ttl_seconds)
    inbox = Inbox(database, instance_id, ttl=ttl, clock=clock)
    stack.push_async_callback(inbox.close)
    outbox = Outbox(database, instance_id, clock=clock)
    return _Store(database, inbox, JobStore(database, clock=clock), heartbeat, outbox)


def _limits(settings: Settings) -> dict[Pool, PoolLimits]:
    return {
        Pool.SLACK: PoolLimits(settings.jobs_slack, settings.jobs_waiting),
        Pool.CATALOG: PoolLimits(settings.jobs_catalog, settings.jobs_waiting),
        Pool.DATA: PoolLimits(settings.jobs_data, settings.jobs_waiting),
        Pool.FOLLOW: PoolLimits(FOLLOWING, settings.jobs_waiting),
    }


def _sockets(settings: Settings, app: BotApp, client: SlackClient, metrics: Metrics) -> SocketMode | None:
    if settings.slack_app_token is None:
        return None
    return SocketMode(
        app,
        app_token=settings.slack_app_token.get_secret_value(),
        web_client=client,
        metrics=metrics,
        connections=settings.socket_connections,
        stale_seconds=settings.socket_stale_seconds,
    )


async def _greet_slack(workspace: Workspace) -> None:
    """Ask whose token this is, so that the first delivery need not wait for it."""
    try:
        async with asyncio.timeout(5):
            await workspace.refresh()
    except (TimeoutError, ClientError, OSError) as error:
        log.warning("Slack cannot be reached yet", error=repr(error))
    except SlackApiError as error:
        if error.response.get("error") in {"invalid_auth", "not_authed", "account_inactive", "token_revoked"}:
            raise
        log.warning("Slack does not say who I am yet", error=str(error.response.get("error")))


def _periodic_work(
    *,
    settings: Settings,
    store: _Store,
    workspace: Workspace,
    services: Services,
    jobs: JobRunner,
    upkeep: _IndexUpkeep,
) -> Periodic:
    periodic = Periodic(settings.timezone)

    async def sweep() -> None:
        await store.inbox.sweep()
        await store.jobs.sweep()
        await store.outbox.sweep()
        await services.datasets.profiles.forget(SystemClock().now() - PROFILES_KEPT)

    async def recheck() -> None:
        for news in await services.datasets.recheck_due(RECHECK_BATCH):
            changed = news.version
            await services.monitors.version_changed(changed.name, changed.version, news.now.checked_at)

    periodic.every(settings.index_refresh_seconds, "index refresh", upkeep.refresh, first=0)
    periodic.every(TAKE_OVER_SECONDS, "take over", jobs.take_over, first=0)
    periodic.every(KEEPALIVE_SECONDS, "keepalive", workspace.refresh)
    periodic.every(SWEEP_SECONDS, "sweep", sweep)
    periodic.every(min(60.0, settings.fingerprint_check_minutes * 60), "fingerprint check", recheck)
    return periodic


def _add_probes(
    health: Health, workspace: Workspace, store: _Store, upkeep: _IndexUpkeep, sockets: SocketMode | None
) -> None:
    async def slack() -> Part:
        return Part(workspace.is_known, "" if workspace.is_known else "Slack has not accepted the token yet")

    async def database() -> Part:
        await store.database.ping()
        return Part(store.heartbeat.is_heard(), "" if store.heartbeat.is_heard() else "it answers but takes no writes")

    async def search() -> Part:
        built = math.isfinite(upkeep.age)
        return Part(built, f"{upkeep.age:.0f} s old" if built else "not built yet")

    health.add("slack", slack)
    health.add("database", database)
    health.add("index", search)
    if sockets is not None:
        health.add("sockets", sockets.probe)
