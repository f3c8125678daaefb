"""A workspace with its people, data and cloud, and access on a real database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from services.access.calendar import Calendar
from services.access.executing import Executor
from services.access.model import AccessRequest, AuditEntry, Grant, Level, RequestStatus, Subject, SubjectKind
from services.access.offer import Wish
from services.access.policy import BUILT_IN, Policy
from services.access.service import AccessService
from services.access.sweeping import Sweep, Swept
from services.actor import Actor
from services.outbox import Action, StoredNotice
from services.ports import Clock
from services.store.access import SqlAccessStore
from services.store.database import Database
from services.store.instances import Instances
from services.store.outbox import Outbox
from tests.databases import SetClock
from tests.fakes.access import FakeCloud, FakeDatasets, FakeDirectory, FakePeople

ADA, BEN, CHIARA, DAN, EVE = "U0ADA", "U0BEN", "U0CHIARA", "U0DAN", "U0EVE"
"""Ada owns, Ben asks, Chiara and Dan are of the owners' group, Eve is an admin."""
GUEST = "U0GUEST"
OWNERS = "S0OWNERS"
WEEK = timedelta(days=7)


@dataclass
class Woken:
    """How often something was woken."""

    times: int = 0

    def wake(self) -> None:
        self.times += 1

    def __call__(self) -> None:
        self.times += 1


@dataclass
class World:
    """Everything, with the parts that a test changes."""

    db: Database
    clock: SetClock
    policy: Policy = BUILT_IN
    instance: str = "one"
    store_type: type[SqlAccessStore] = SqlAccessStore
    people: FakePeople = field(
        default_factory=lambda: FakePeople(ADA, BEN, CHIARA, DAN, EVE, groups={OWNERS: frozenset({CHIARA, DAN})})
    )
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    datasets: FakeDatasets = field(default_factory=FakeDatasets)
    cloud: FakeCloud = field(default_factory=FakeCloud)
    outbox_woken: Woken = field(default_factory=Woken)
    executor_woken: Callable[[], None] = field(default_factory=Woken)

    def __post_init__(self) -> None:
        self.datasets.add("sales", ADA)
        self.store = self.store_type(self.db, "w", clock=self.clock)
        self.outbox = Outbox(self.db, self.instance, clock=self.clock)
        self.service = self.another(self.clock)
        ports = self.service.ports
        self.executor = Executor(ports, self.instance)
        self.calendar = Calendar(ports)
        self.sweeper = Sweep(ports)

    def another(self, clock: Clock) -> AccessService:
        """One more door to the same."""
        return AccessService(
            store=self.store,
            policy=lambda: self.policy,
            people=self.people,
            directory=self.directory,
            grants=self.cloud,
            datasets=self.datasets,
            admins=frozenset({EVE}),
            clock=clock,
            wakes=self.outbox_woken,
            wake_executor=self.executor_woken,
        )

    async def register(self) -> None:
        """Say that this process is alive, so that its leases hold."""
        await Instances(self.db, clock=self.clock).register(self.instance)

    def rules(self, *rules: Mapping[str, object], **more: object) -> None:
        """Another policy."""
        self.policy = Policy.model_validate({"version": 1, "rules": list(rules), **more})

    async def ask(self, key: str = "k", who: str = BEN, **changes: object) -> AccessRequest:
        """Ben asks to read sales for a week."""
        return await self.service.submit(Actor(who), wish(who, **changes), key=key)

    async def execute(self) -> int:
        """All that is due."""
        await self.register()
        moved = 0
        while done := await self.executor.run_due():
            moved += done
        return moved

    async def given(self, key: str = "k", who: str = BEN, by: str = ADA, **changes: object) -> Grant:
        """Asked for, approved and executed."""
        request = await self.ask(key, who, **changes)
        if request.status is RequestStatus.PENDING:
            await self.service.approve(Actor(by), request.id)
        await self.execute()
        return await self.grant_of(request.id)

    async def request(self, request_id: str) -> AccessRequest:
        """As it is stored."""
        found = await self.store.request(request_id)
        assert found is not None
        return found

    async def grant_of(self, request_id: str) -> Grant:
        """The grant that a request led to, as it is stored."""
        return await self.service.grant((await self.request(request_id)).grant_id)

    async def sweep(self) -> Swept:
        """One sweep, and what the executor makes of it."""
        swept = await self.sweeper.run()
        await self.execute()
        return swept

    async def audited(self, action: str = "") -> list[AuditEntry]:
        """Entries, oldest first, of one action or all."""
        entries = await self.store.audit_page(limit=10_000)
        return [each for each in reversed(entries) if action in ("", each.action)]

    async def delivered(self) -> list[StoredNotice]:
        """Everything that waits to be told, told: as a pump would that nothing goes wrong for."""
        told: list[StoredNotice] = []
        while claimed := await self.outbox.claim(500):
            for each in claimed:
                assert await self.outbox.sent(each.id, f"D{each.notice.to}", f"{each.id}.0")
            told += claimed
        return told

    async def told(self) -> dict[str, list[str]]:
        """New messages by person or channel: kinds of cards, and events beside them."""
        found: dict[str, list[str]] = {}
        for each in await self.delivered():
            if each.notice.action is Action.POST:
                what = each.notice.args.get("event") or each.notice.kind.removeprefix("access.")
                found.setdefault(each.notice.to, []).append(str(what))
        return found


def wish(who: str = BEN, **changes: object) -> Wish:
    """To read sales for a week, for oneself."""
    values: dict[str, object] = {
        "dataset": "sales",
        "level": Level.READ,
        "subject": Subject(SubjectKind.USER, who),
        "duration": WEEK,
        "reason": "Forecast",
    }
    return Wish(**(values | changes))  # type: ignore[arg-type]  # any field
