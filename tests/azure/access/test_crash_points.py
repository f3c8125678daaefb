"""A bot that is killed at any one of its requests to Azure, and started again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from services.access.model import Assignment, GrantWish
from tests.azure.access.world import WORKSPACE, AccessWorld
from tests.contract.faults import Effect, Fault
from tests.contract.wire import Request

pytestmark = [pytest.mark.azure, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

State = frozenset[tuple[str, str, str]]
Work = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Case:
    """What was there before, what is then done, and how it is done again by a bot that remembers only what was there
    before.
    """

    azure: AccessWorld
    pim: bool
    sales: GrantWish
    costs: GrantWish

    async def before(self, step: str) -> Work:
        """Arrange what a step begins with; returns the step."""
        grants, pair = self.azure.grants, (self.sales, self.costs)
        if step == "first":
            return lambda: self.azure.grants.grant(self.sales, ())
        made: list[tuple[Assignment, ...]] = [await grants.grant(self.sales, ())]
        self.wait()
        if step == "second":
            return lambda: self.azure.grants.grant(self.costs, pair[:1])
        if step == "unrecorded":
            return lambda: self.azure.grants.revoke(self.sales, (), ())
        if step == "last":
            return lambda: self.azure.grants.revoke(self.sales, made[0], ())
        await grants.grant(self.costs, pair[:1])
        self.wait()
        return lambda: self.azure.grants.revoke(self.sales, made[0], pair[1:])

    def wait(self) -> None:
        """PIM changes nothing within five minutes."""
        self.azure.contract.pim.ahead += timedelta(minutes=6)

    def state(self) -> State:
        """Who holds what under which condition."""
        return frozenset(
            (one.scope, one.role_id, str(one.properties.get("condition") or ""))
            for one in self.azure.contract.roles.all()
        )


def afresh(azure: AccessWorld, *, pim: bool) -> Case:
    """An empty Azure."""
    azure.contract.reset(WORKSPACE)
    azure.contract.cloud.storage_groups |= dict.fromkeys(("salesblobs", "saleslake"), "data-group")
    azure.contract.pim.licensed = pim
    azure.restarted()
    return Case(azure, pim, azure.wish("sales/"), azure.wish("costs/"))


async def killed_at(azure: AccessWorld, work: Work, number: int) -> bool:
    """Do it, and be killed while a request to Azure is carried out, which is as before the next. False: there were
    fewer.
    """
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(work())
    dead = threading.Event()
    running.add_done_callback(lambda _: dead.set())

    def kill(_request: Request) -> None:
        loop.call_soon_threadsafe(running.cancel)
        assert dead.wait(10)

    host = "management.azure.com"
    struck = azure.contract.faults.add(Fault(Effect.RUN, host, skip=number, times=1, run=kill))
    await asyncio.gather(running, return_exceptions=True)
    if not struck.hits:
        azure.contract.faults.clear()
        await running
        return False
    assert running.cancelled()
    await azure.made.pop().close()  # its threads have got their answers by then
    azure.contract.faults.clear()
    return True


@pytest.mark.parametrize("step", ["first", "second", "unrecorded", "last", "one of two"])
@pytest.mark.parametrize("pim", [False, True], ids=["plain", "pim"])
async def test_killed_at_any_request_it_comes_to_the_same_state(azure: AccessWorld, step: str, pim: bool) -> None:
    case = afresh(azure, pim=pim)
    await (await case.before(step))()
    expected = case.state()
    number = 0
    while True:
        case = afresh(azure, pim=pim)
        work = await case.before(step)
        if not await killed_at(azure, work, number):
            break
        azure.restarted()
        if pim and step in {"first", "second"}:
            case.wait()
        await work()
        assert case.state() == expected, f"killed at request {number}"
        number += 1
    assert number >= 3
