"""The bot's own identity at Azure: one azure-identity credential for everything, never one that asks a person.

Interactive credentials (browser, device code) are not named anywhere here, so they cannot be chosen.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from services.azure.redaction import redact
from services.errors import Unavailable

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

ARM_SCOPE = "https://management.azure.com/.default"
STORAGE_SCOPE = "https://storage.azure.com/.default"
VAULT_SCOPE = "https://vault.azure.net/.default"
GRAPH_SCOPE = "https://graph.microsoft.com/.default"

REFRESH_SECONDS = 300
"""A token is renewed this long before it expires."""

TOKEN_SECONDS = 30.0
RUN_CHECK = "Its administrator can run dataset-bot check."
"""What people are told of a bot without a working identity."""
ANSWER_SECONDS = 10.0
"""How long Entra is waited for, twice. azure-identity itself waits five minutes for an answer, ten times."""


class CredentialKind(StrEnum):
    """Values of AZURE_CREDENTIAL. DEFAULT: those of the others that the environment speaks of, in this order."""

    DEFAULT = "default"
    SERVICE_PRINCIPAL = "service_principal"
    WORKLOAD_IDENTITY = "workload_identity"
    MANAGED_IDENTITY = "managed_identity"
    DEVELOPER_CLI = "developer_cli"


class WrongIdentityError(ValueError):
    """The environment lacks what the chosen credential needs, or has what cannot be used; the sentence names it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class IdentityFacts:
    """Who a token speaks for, from its own claims. Empty where the token does not say."""

    kind: str
    object_id: str
    app_id: str
    tenant_id: str
    name: str = ""


def kinds_available(environment: Mapping[str, str] = os.environ) -> tuple[CredentialKind, ...]:
    """Which credentials DEFAULT tries, in order."""
    found = []
    if _has(environment, "AZURE_CLIENT_ID", "AZURE_TENANT_ID") and (
        _has(environment, "AZURE_CLIENT_SECRET") or _has(environment, "AZURE_CLIENT_CERTIFICATE_PATH")
    ):
        found.append(CredentialKind.SERVICE_PRINCIPAL)
    if _has(environment, "AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"):
        found.append(CredentialKind.WORKLOAD_IDENTITY)
    return (*found, CredentialKind.MANAGED_IDENTITY, CredentialKind.DEVELOPER_CLI)


def make_credential(
    kind: CredentialKind, environment: Mapping[str, str] = os.environ, *, answer_seconds: float = ANSWER_SECONDS
) -> TokenCredential:
    """The credential; asks nobody for anything yet. Imports azure-identity, so call it off the event loop.

    Raises WrongIdentityError.
    """
    from azure.identity import ChainedTokenCredential  # noqa: PLC0415 - half a second, only where it is needed

    try:
        if kind is not CredentialKind.DEFAULT:
            return _one(kind, environment, answer_seconds)
        return ChainedTokenCredential(
            *(_one(each, environment, answer_seconds) for each in kinds_available(environment))
        )
    except WrongIdentityError:
        raise
    except OSError as error:
        raise _unreadable(error) from None
    except ValueError as error:  # a tenant that is none, a certificate that is none or has another password
        raise WrongIdentityError(f"What the environment says of it cannot be used: {_first_line(error)}") from None


def get_token(credential: TokenCredential, scope: str) -> AccessToken:
    """A token for a scope, at once where the credential has one. Raises WrongIdentityError, azure-core's errors."""
    try:
        return credential.get_token(scope)
    except OSError as error:  # the federated token is read from its file each time
        raise _unreadable(error) from None


def _unreadable(error: OSError) -> WrongIdentityError:
    return WrongIdentityError(f"{error.filename or 'A file of it'} cannot be read ({error.strerror or error}).")


def _first_line(error: BaseException) -> str:
    """Why, in the library's words: one line that ends as a sentence does. A chain tells its last try at its end."""
    lines = redact(str(error)).strip().splitlines()
    tries = [line for line in lines if line.startswith("\t")]
    line = (tries[-1] if tries else lines[0])[:200].strip() if lines else type(error).__name__
    return line if line.endswith((".", "!", "?")) else f"{line}."


def _one(kind: CredentialKind, environment: Mapping[str, str], answer_seconds: float) -> TokenCredential:
    from azure import identity  # noqa: PLC0415 - as above

    patience = {"connection_timeout": answer_seconds / 2, "read_timeout": answer_seconds, "retry_total": 1}
    # On this machine, and busy at times.
    near = {"connection_timeout": answer_seconds / 5, "read_timeout": answer_seconds / 2, "retry_total": 3}

    client = environment.get("AZURE_CLIENT_ID") or None
    match kind:
        case CredentialKind.SERVICE_PRINCIPAL:
            _require(kind, environment, "AZURE_TENANT_ID", "AZURE_CLIENT_ID")
            tenant = environment["AZURE_TENANT_ID"]
            certificate = environment.get("AZURE_CLIENT_CERTIFICATE_PATH")
            if certificate:
                password = environment.get("AZURE_CLIENT_CERTIFICATE_PASSWORD") or None
                return identity.CertificateCredential(tenant, str(client), certificate, password=password, **patience)
            _require(kind, environment, "AZURE_CLIENT_SECRET")
            secret = environment["AZURE_CLIENT_SECRET"]
            return identity.ClientSecretCredential(tenant, str(client), secret, **patience)
        case CredentialKind.WORKLOAD_IDENTITY:
            _require(kind, environment, "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE")
            return identity.WorkloadIdentityCredential(
                tenant_id=environment["AZURE_TENANT_ID"],
                client_id=client,
                token_file_path=environment["AZURE_FEDERATED_TOKEN_FILE"],
                **patience,
            )
        case CredentialKind.MANAGED_IDENTITY:
            return identity.ManagedIdentityCredential(client_id=client, **near)
        case CredentialKind.DEVELOPER_CLI:
            return identity.AzureCliCredential()
        case CredentialKind.DEFAULT:
            raise AssertionError("the default is a chain of the others")


def _has(environment: Mapping[str, str], *names: str) -> bool:
    return all(environment.get(name) for name in names)


def _require(kind: CredentialKind, environment: Mapping[str, str], *names: str) -> None:
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise WrongIdentityError(f"AZURE_CREDENTIAL is {kind}, which needs {' and '.join(missing)}.")


def facts_of(kind: CredentialKind, token: str) -> IdentityFacts:
    """Who a token speaks for. A token that is no JWT tells nothing."""
    claims = claims_of(token)

    def claim(*names: str) -> str:
        return next((str(claims[name]) for name in names if claims.get(name)), "")

    return IdentityFacts(
        kind=str(kind),
        object_id=claim("oid"),
        app_id=claim("appid", "azp"),
        tenant_id=claim("tid"),
        name=claim("app_displayname", "upn", "unique_name"),
    )


def claims_of(token: str) -> Mapping[str, object]:
    """The claims of a JWT, unverified: only Azure can and does verify it."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


class TokenSource:
    """Access tokens of the bot's identity, kept until shortly before they expire. Belongs to one event loop.

    The credential itself is synchronous and works in threads; at most one request for a scope is under way.
    """

    def __init__(
        self,
        kind: CredentialKind,
        *,
        clock: Callable[[], float] = time.time,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.kind = kind
        self._clock = clock
        self._answer_seconds = answer_seconds
        self._credential: TokenCredential | None = None
        self._tokens: dict[str, AccessToken] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def token(self, scope: str) -> str:
        """A token for a scope such as `ARM_SCOPE`. Raises Unavailable with what the identity lacks."""
        async with self._locks.setdefault(scope, asyncio.Lock()):
            held = self._tokens.get(scope)
            if held is None or held.expires_on - self._clock() < REFRESH_SECONDS:
                held = await self._fetch(scope)
                self._tokens[scope] = held
            return held.token

    async def facts(self, scope: str = ARM_SCOPE) -> IdentityFacts:
        """Who the bot is at Azure. Raises Unavailable."""
        return facts_of(self.kind, await self.token(scope))

    def forget(self) -> None:
        """Ask for new tokens from now on, e.g. after a 401.

        The credential goes too: it keeps tokens of its own and would give the refused one again.
        """
        self._tokens.clear()
        self._credential = None

    async def close(self) -> None:
        """Close the credential's connections."""
        close = getattr(self._credential, "close", None)
        if close is not None:
            await asyncio.to_thread(close)

    async def _fetch(self, scope: str) -> AccessToken:
        try:
            async with asyncio.timeout(TOKEN_SECONDS):
                return await asyncio.to_thread(self._get, scope)
        except TimeoutError:
            raise Unavailable(
                "Microsoft Entra does not give the bot a token in time. Try again in a minute.", code="entra_slow"
            ) from None

    def _get(self, scope: str) -> AccessToken:
        from azure.core.exceptions import AzureError  # noqa: PLC0415 - not before Azure is used

        try:
            if self._credential is None:
                self._credential = make_credential(self.kind, answer_seconds=self._answer_seconds)
            return get_token(self._credential, scope)
        except (AzureError, WrongIdentityError) as error:
            self._credential = None  # MSAL would repeat Entra's refusal from memory for a minute
            raise no_token(error) from None


def no_token(error: BaseException) -> Unavailable:
    """What a person is told when the bot's identity gets no token, with the reason as far as it is known."""
    if isinstance(error, WrongIdentityError):
        return Unavailable(f"The bot has no identity at Azure. {error.sentence}", code="azure_identity")
    text = str(error)
    reasons = dict.fromkeys(said for sign, said in _ENTRA.items() if sign in text)
    causes = (error, error.__cause__, error.__context__)
    unreached = {kind.__name__ for each in causes for kind in type(each).__mro__} & _UNREACHED
    if unreached and not reasons:
        return Unavailable(
            "Microsoft Entra cannot be reached from the bot's network. Let the bot through to "
            "login.microsoftonline.com, and try again in a minute.",
            code="entra_unreachable",
        )
    return Unavailable(
        f"The bot cannot sign in to Azure: {'; '.join(reasons) + '.' if reasons else _first_line(error)} {RUN_CHECK}",
        code="azure_identity",
    )


_UNREACHED = frozenset({"ServiceRequestError", "ServiceResponseError"})
"""What azure-core raises when a request was not sent or not answered."""

_ENTRA = {
    "AADSTS7000215": "its client secret is wrong",
    "AADSTS7000222": "its client secret has expired",
    "AADSTS700016": "its application is not known in this tenant",
    "AADSTS90002": "the tenant does not exist",
    "AADSTS700024": "its federated token has expired",
    "AADSTS70021": "no federated credential matches its token",
    "AADSTS700027": "its certificate is not the registered one",
    "no response from the IMDS endpoint": "this machine has no managed identity",
    "No identity has been assigned": "this machine has no managed identity",
    "requested identity has not been assigned": "the managed identity of AZURE_CLIENT_ID is not this machine's",
    "Azure CLI not found": "the Azure CLI is not installed",
    "Please run 'az login'": "nobody has signed in with az login",
}
"""What an administrator can act on. Sources: learn.microsoft.com, "Microsoft Entra authentication and authorization
error codes"; azure-identity 1.17, `_credentials/imds.py` and `azure_cli.py`."""
