"""Calls of azure-mgmt-authorization: synchronous, in a few threads of their own, each with a time limit."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from services.azure.access.refusals import Refused, misunderstood, silent
from services.azure.errors import read_refusal
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
"""One answer is waited for so long; what is lost or refused for a moment is asked for again up to RETRIES times."""
RETRIES = 3
CALL_SECONDS = 60.0
"""One call with its retries; the rest of a listing's pages counts too."""


@dataclass(frozen=True, slots=True)
class Clients:
    """The two versions of Azure's API that are needed: roles, and Entra PIM."""

    roles: RolesClient
    pim: PimClient


class _HeldToken:
    """The token that the event loop fetched before the call. It is told as about to expire, so it is never kept."""

    def __init__(self) -> None:
        self.token = ""

    def get_token(self, *_scopes: str, **_more: object) -> AccessToken:
        from azure.core.credentials import AccessToken  # noqa: PLC0415 - not before Azure is used

        return AccessToken(self.token, int(time.time()) + 60)


class AuthorizationCalls:
    """Runs work with the clients off the event loop. Belongs to one event loop.

    token: as `TokenSource.token`. seconds: the limit of one call.
    """

    def __init__(self, subscription_id: str, token: Token, *, seconds: float = CALL_SECONDS) -> None:
        self._subscription_id = subscription_id
        self._token = token
        self._seconds = seconds
        self._held = _HeldToken()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="azure-access")
        self._made: Clients | None = None
        self._making = threading.Lock()

    async def run(self, work: Callable[[Clients], T]) -> T:
        """What the work returns. Raises Refused, Unavailable."""
        self._held.token = await self._token(ARM_SCOPE)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds):
                return await loop.run_in_executor(self._threads, self._do, work)
        except TimeoutError:
            raise silent() from None

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
            raise silent() from None
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
                    "retry_total": RETRIES,
                    "retry_backoff_factor": 0.3,
                    "retry_backoff_max": 5,
                    "connection_timeout": 10,
                    "read_timeout": ANSWER_SECONDS,
                    "timeout": int(self._seconds),
                }
                self._made = Clients(
                    RolesClient(self._held, self._subscription_id, **options),
                    PimClient(self._held, self._subscription_id, **options),
                )
            return self._made


def _refused(error: object) -> Refused | Unavailable:
    status = getattr(error, "status_code", None)
    response = getattr(error, "response", None)
    if not isinstance(status, int) or response is None:
        return silent()
    if status < 400:
        return misunderstood()
    refusal = read_refusal(status, response.text(), dict(response.headers))
    return Refused(refusal)


def _module_raised_in(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", ""))
