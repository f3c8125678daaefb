"""One HTTP request to an Azure host, and why it did not get there, in a person's words."""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Protocol

import httpx

from services.azure.errors import wrong_shape
from services.errors import Unavailable

Token = Callable[[str], Awaitable[str]]
"""An access token of the bot's identity for a scope such as "https://vault.azure.net/.default"."""

SECONDS = 20.0


class Tokens(Protocol):
    """The bot's identity."""

    async def token(self, scope: str) -> str:
        """As `Token`. Raises Unavailable."""
        ...

    def forget(self) -> None:
        """Ask for new tokens from now on."""
        ...


async def send(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    thing: str,
    *,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
) -> httpx.Response:
    """The answer, whatever its status; redirects are not followed. thing: what is asked, for the sentence.

    Raises Unavailable when there is no answer: the name does not exist, the network is closed, no answer in time.
    """
    try:
        return await http.request(method, url, headers=headers, data=form, timeout=SECONDS)
    except httpx.TimeoutException:
        sentence = f"{thing} does not answer. If it has a firewall or a private endpoint, let the bot's network in."
        raise Unavailable(sentence, code="network_closed") from None
    except httpx.TransportError as error:
        # No chaining: the address may carry a SAS token.
        raise Unavailable(_why(error, thing), code="network_closed") from None


async def send_as(
    http: httpx.AsyncClient,
    tokens: Tokens,
    scope: str,
    url: str,
    thing: str,
    *,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """As `send`, a GET with a token of the bot's identity; one that is refused is renewed, once.

    A token may be revoked, and azure-identity would go on giving it until it expires. Raises Unavailable.
    """
    for renewed in (False, True):
        given = {**(headers or {}), "Authorization": f"Bearer {await tokens.token(scope)}"}
        answer = await send(http, "GET", url, thing, headers=given)
        if answer.status_code != httpx.codes.UNAUTHORIZED or renewed:
            break
        tokens.forget()
    return answer


def json_object(response: httpx.Response, thing: str) -> dict[str, Any]:
    """The object of an answer. Raises Unavailable for anything else: a proxy's page, a body of another shape."""
    try:
        found = response.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise wrong_shape(thing)
    return found


def _why(error: httpx.TransportError, thing: str) -> str:
    if any(isinstance(each, socket.gaierror) for each in _chain(error)):
        return f"{thing} was not found by its name. Check the spelling; a private one must be in the bot's DNS."
    if isinstance(error, httpx.RemoteProtocolError) and "complete message body" in str(error):
        return f"{thing} broke off its answer. Try again in a minute."
    if isinstance(error, httpx.ProxyError):
        return f"{thing} cannot be reached through the proxy of the bot's network. Check its name first."
    return f"{thing} cannot be reached. If it has a firewall or a private endpoint, let the bot's network in."


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def error_codes(response: httpx.Response) -> tuple[str, ...]:
    """The codes of an Azure error, outermost first: header, JSON body with inner errors, or storage's XML."""
    found = [response.headers.get("x-ms-error-code", "")]
    try:
        node: Any = response.json().get("error")
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
        text = response.text
        found.append(text.partition("<Code>")[2].partition("</Code>")[0])
        node = None
    while isinstance(node, dict):
        found.append(str(node.get("code") or ""))
        node = node.get("innererror")
    return tuple(dict.fromkeys(code for code in found if code))
