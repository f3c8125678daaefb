"""The SDK's own client of the workspace's services, with retries that are ours.

Why not the SDK's public methods: `register` repeats its POST after a 5xx, which makes versions twice; `get_by_name`
asks twice and hides what failed; `add_tags` returns some errors. Addresses, models and transport stay the SDK's.
Every private name used is in `rest_names.PRIVATE_NAMES`, which a test checks against the pinned SDK.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from azureml._restclient.rest_client import RestClient
from msrest.authentication import Authentication
from requests import Session as HttpSession
from requests.exceptions import ChunkedEncodingError, Timeout
from requests.exceptions import ConnectionError as RequestsConnectionError
from urllib3.util.retry import Retry

from services.azure.discovery import service_address
from services.azure.errors import chain_of, failure_of_refusal, read_refusal

if TYPE_CHECKING:
    from azureml.core import Workspace

    from services.azure.errors import Refusal
    from services.azure.sdk.session import Session

CONNECT_SECONDS = 10
ATTEMPTS = 3
LONGEST_PAUSE = 10.0
OK, UNAUTHORIZED, THROTTLED = 200, 401, 429
_CUT = (RequestsConnectionError, ChunkedEncodingError)
"""What requests raises for a connection that broke, before the answer or within it."""

Json = dict[str, Any]
"""A JSON object as Azure sends it: its values are of any kind until they are read."""


class RefusedError(Exception):
    """Azure answered with something else than success."""

    def __init__(self, refusal: Refusal, name: str) -> None:
        super().__init__(f"{refusal.status} {refusal.code} {refusal.message}")
        self.refusal = refusal
        self.failure = failure_of_refusal(refusal, name)


class WrongShapeError(Exception):
    """Azure answered with success and something that is not what it promises."""


class _Bearer(Authentication):
    """A fresh token on every request."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def signed_session(self, session: HttpSession | None = None) -> HttpSession:
        signed: HttpSession = super().signed_session(session)
        signed.headers["Authorization"] = f"Bearer {self._session.arm_token()}"
        return signed


@dataclass(frozen=True, slots=True)
class _Ask:
    """One request. template: an address of the SDK with places for `path`. name: the dataset it is about."""

    method: str
    template: str
    query: Mapping[str, Any]
    body: Json | None
    name: str
    path: Mapping[str, str]


class DatasetRest:
    """Requests to the dataset and data services of one workspace."""

    def __init__(self, session: Session, workspace: Workspace) -> None:
        self._session = session
        where = session.settings.workspace
        host = service_address(workspace.discovery_url)
        self.client = RestClient(credentials=_Bearer(session), base_url=host)
        connection = self.client.config.connection
        connection.timeout = (CONNECT_SECONDS, session.settings.answer_seconds)
        # No retries below ours: msrest would repeat a POST whose answer was lost. The connection holds the policy that
        # was there when it was made, so that one is changed and not replaced.
        policy: Retry = self.client.config.retry_policy.policy
        policy.total = policy.connect = 0
        policy.read = False
        policy.status_forcelist = ()  # an answer is an answer, also a 503: its body says more than "too many errors"
        self._http = self.client.dataset._client
        self._path = {
            "subscriptionId": where.subscription_id,
            "resourceGroupName": where.resource_group,
            "workspaceName": workspace.name,
        }

    def get(self, template: str, *, query: Mapping[str, Any] | None = None, name: str = "", **path: str) -> Json:
        """The JSON object at an address. Repeated a few times when Azure fails. Raises RefusedError."""
        return self._repeated(_Ask("GET", template, query or {}, None, name, path))

    def put(self, template: str, body: Json, *, query: Mapping[str, Any], name: str = "", **path: str) -> Json:
        """Replace what is at an address: to do it twice changes nothing. Raises RefusedError."""
        return self._repeated(_Ask("PUT", template, query, body, name, path))

    def post(self, template: str, body: Json, *, query: Mapping[str, Any], name: str = "") -> Json:
        """Send once, whatever comes, but for a token that was refused and so did nothing.

        Raises RefusedError, and requests' errors when the answer is lost.
        """
        ask = _Ask("POST", template, query, body, name, {})
        try:
            return self._once(ask)
        except RefusedError as error:
            if error.refusal.status != UNAUTHORIZED:
                raise
        self._session.renew_token()
        return self._once(ask)

    def _repeated(self, ask: _Ask) -> Json:
        pause = 0.2
        for attempt in range(1, ATTEMPTS + 1):
            wait = pause
            try:
                return self._once(ask)
            except RefusedError as error:
                refusal = error.refusal
                if refusal.status == UNAUTHORIZED and attempt == 1:
                    self._session.renew_token()
                    continue
                passing = refusal.status == THROTTLED or refusal.status >= 500
                wait = refusal.retry_after if refusal.retry_after is not None else pause
                if not passing or attempt == ATTEMPTS or wait > LONGEST_PAUSE:
                    raise
            except Exception as error:
                # A time-out is not tried again: the person has waited long enough.
                kinds = tuple(chain_of(error))
                lost = any(isinstance(each, _CUT) for each in kinds)
                if not lost or any(isinstance(each, Timeout) for each in kinds) or attempt == ATTEMPTS:
                    raise
            time.sleep(wait)
            pause *= 3
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _once(self, ask: _Ask) -> Json:
        url = self._http.format_url(ask.template, **self._path, **ask.path)
        request = getattr(self._http, ask.method.lower())(url, _texts(ask.query))
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if ask.body is not None:
            headers["Content-Type"] = "application/json-patch+json; charset=utf-8"
        response = self._http.send(request, headers, ask.body, stream=False)
        if response.status_code != OK:
            raise RefusedError(read_refusal(response.status_code, response.content, response.headers), ask.name)
        try:
            found = orjson.loads(response.content)
        except ValueError as error:
            raise WrongShapeError(f"{ask.method}: {len(response.content)} bytes that are no JSON") from error
        if not isinstance(found, dict):
            raise WrongShapeError(f"{ask.method}: a {type(found).__name__}, not an object")
        return found


def _texts(query: Mapping[str, Any]) -> dict[str, str]:
    """A query as the SDK writes it."""
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in query.items()
        if value is not None
    }
