"""Calls of azure-mgmt-authorization: synchronous, in a few threads of their own, each with a time limit."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from services.azure.access.refusals import Refused, misunderstood, silent
from services.azure.errors import SERVER_ERRORS, THROTTLED, UNAUTHORIZED, read_refusal
from services.azure.identity import ARM_SCOPE
from services.azure.transport import Token
from services.errors import Unavailable

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.mgmt.authorization.v2020_10_01 import AuthorizationManagementClient as PimClient
    from azure.mgmt.authorization.v2022_04_01 import AuthorizationManagementClient as RolesClient

T = TypeVar("T")

THREADS = 4
ANSWER_SECONDS = 20
"""One answer is waited for so long."""
CALL_SECONDS = 60.0
"""One call with its retries; the rest of a listing's pages counts too."""
RETRY_WAITS = (0.3, 1.5)
"""Seconds before asking again for what was lost or refused for a moment. Every call may be repeated without harm."""
PATIENCE = 10.0
"""Azure is obeyed when it asks to wait so many seconds; when it asks for more, people are told."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Clients:
    """The two versions of Azure's API that are needed: roles, and Entra PIM."""

    roles: RolesClient
    pim: PimClient


class _Lost(Exception):
    """There was no answer."""


class _HeldToken:
    """The token that the event loop fetched before the call. It is told as about to expire, so it is never kept."""

    def __init__(self) -> None:
        self.token = ""

    def get_token(self, *_scopes: str, **_more: object) -> AccessToken:
        from azure.core.credentials import AccessToken  # noqa: PLC0415 - not before Azure is used

        return AccessToken(self.token, int(time.time()) + 60)


class AuthorizationCalls:
    """Runs work with the clients off the event loop. Belongs to one event loop.

    token: as `TokenSource.token`. forget_tokens: as `TokenSource.forget`. seconds: the limit of one call.
    """

    def __init__(
        self,
        subscription_id: str,
        token: Token,
        *,
        forget_tokens: Callable[[], None],
        seconds: float = CALL_SECONDS,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._subscription_id = subscription_id
        self._token = token
        self._forget_tokens = forget_tokens
        self._seconds = seconds
        self._sleep = sleep
        self._held = _HeldToken()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="azure-access")
        self._made: Clients | None = None
        self._making = threading.Lock()

    async def run(self, work: Callable[[Clients], T]) -> T:
        """What the work returns. It is done again after what passes by itself, so doing it twice must do no harm.

        Raises Refused, Unavailable.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await self._persist(work)
        except TimeoutError:
            raise silent() from None

    async def _persist(self, work: Callable[[Clients], T]) -> T:
        signed_in_anew = False
        waits = list(RETRY_WAITS)
        while True:
            try:
                return await self._once(work)
            except Refused as refused:
                if refused.refusal.status == UNAUTHORIZED and not signed_in_anew:
                    signed_in_anew = True
                    self._forget_tokens()
                    continue
                wait = _wait_after(refused, waits)
                if wait is None:
                    raise
            except _Lost:
                if not waits:
                    raise silent() from None
                wait = waits.pop(0)
            await self._sleep(wait)

    async def _once(self, work: Callable[[Clients], T]) -> T:
        self._held.token = await self._token(ARM_SCOPE)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._do, work)

    async def close(self) -> None:
        """End the threads and close the connections."""
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
        if self._made is not None:
            self._made.roles.close()
            self._made.pim.close()

    def _do(self, work: Callable[[Clients], T]) -> T:
        from azure.core import exceptions  # noqa: PLC0415 - not before Azure is used

        try:
            return work(self._clients())
        except exceptions.DecodeError:
            raise misunderstood() from None
        except exceptions.HttpResponseError as error:
            raise _refused(error) from None
        except exceptions.AzureError:
            raise _Lost from None
        except (AttributeError, TypeError, ValueError, KeyError) as error:
            # A success of another shape (a gateway's page): the client fails on it in its own ways.
            if "azure" in _module_raised_in(error):
                raise misunderstood() from None
            raise

    def _clients(self) -> Clients:
        with self._making:
            if self._made is None:
                from azure.mgmt.authorization.v2020_10_01 import (  # noqa: PLC0415 - a second's import
                    AuthorizationManagementClient as PimClient,
                )
                from azure.mgmt.authorization.v2022_04_01 import (  # noqa: PLC0415 - as above
                    AuthorizationManagementClient as RolesClient,
                )

                options: dict[str, Any] = {
                    # The client would sleep in its thread for as long as Azure asks, an hour if need be.
                    "retry_total": 0,
                    "connection_timeout": 10,
                    "read_timeout": ANSWER_SECONDS,
                }
                self._made = Clients(
                    RolesClient(self._held, self._subscription_id, **options),
                    PimClient(self._held, **options),
                )
            return self._made


def _wait_after(refused: Refused, waits: list[float]) -> float | None:
    """Seconds until a refused call is made again, None when it is not; takes one of the waits."""
    refusal = refused.refusal
    passing = refusal.status in SERVER_ERRORS or refusal.status in {408, THROTTLED}
    if not passing or not waits or (refusal.retry_after or 0) > PATIENCE:
        return None
    return max(waits.pop(0), refusal.retry_after or 0)


def _refused(error: object) -> Refused | Unavailable | _Lost:
    status = getattr(error, "status_code", None)
    response = getattr(error, "response", None)
    if not isinstance(status, int) or response is None:
        return _Lost()
    if status < 400:
        return misunderstood()
    refusal = read_refusal(status, response.text(), dict(response.headers))
    return Refused(refusal)


def _module_raised_in(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", ""))
