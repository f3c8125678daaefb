"""How many datasets a service gives at once: the contract server's own gives 100 at most, others are arranged here."""

from __future__ import annotations

from dataclasses import dataclass

from tests.contract.dataset_store import DatasetStore, Registered
from tests.contract.faults import Effect, Fault, azure_error
from tests.contract.server import AzureContract
from tests.contract.wire import Request

LIST = "*/datasets"
USUAL = 100


@dataclass
class LargePages(DatasetStore):
    """Gives as many as are asked for, up to `largest`, once `give_large_pages` has put it in its place."""

    largest: int = 1000
    asked: int = USUAL

    def page(self, after: int, count: int) -> tuple[list[Registered], int | None]:
        """As in the contract server, which hands no more than 100 down as `count`."""
        return super().page(after, max(count, min(self.asked, self.largest)))

    def listen(self, request: Request) -> None:
        """Note what is asked for."""
        self.asked = _size(request)


def give_large_pages(azure: AzureContract, largest: int = 1000) -> LargePages:
    """A workspace without datasets whose service gives pages of up to `largest`, until the faults are cleared."""
    store = LargePages(largest=largest)
    azure.workspace.datasets = store
    azure.faults.before(store.listen, path=LIST, method="GET", times=None)
    return store


class _LargePage(Fault):
    """Strikes only requests for more than the usual page."""

    def matches(self, request: Request) -> bool:
        return super().matches(request) and _size(request) > USUAL


def refuse_large_pages(azure: AzureContract, status: int = 400) -> Fault:
    """Pages of more than 100 are refused."""
    answer = azure_error(status, "UserError", "The page size must be between 1 and 100.")
    return azure.faults.add(_LargePage(Effect.ANSWER, path=LIST, method="GET", answer=answer))


def hang_on_large_pages(azure: AzureContract, seconds: float) -> Fault:
    """Pages of more than 100 take this long, and come to nothing."""
    return azure.faults.add(_LargePage(Effect.HANG, path=LIST, method="GET", seconds=seconds))


def _size(request: Request) -> int:
    return int(request.query.get("pageSize") or USUAL)
