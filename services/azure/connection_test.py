"""Can a storage account be listed and read with the credential that a datastore will use? Asked before registering.

One listing of at most one entry, then one byte of the first file: the two things that every reader of a dataset
needs. Source of the calls and codes: https://learn.microsoft.com/rest/api/storageservices/ (List Blobs, Path List,
List Directories and Files, Authorize with Shared Key, Status and error codes).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Protocol
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import httpx
from pydantic import SecretStr

from services.azure.errors import wrong_shape
from services.azure.transport import Tokens, error_codes, json_object, send
from services.datastores.model import PUBLIC_ENDPOINT, AzureDetails, AzurePlace, DatastoreAccess, DatastoreKind
from services.errors import SourceProblem

STORAGE_VERSION = "2021-08-06"
STORAGE_SCOPE = "https://storage.azure.com/.default"
READER_ROLE = "Storage Blob Data Reader"
AUTHORITIES = {
    PUBLIC_ENDPOINT: "login.microsoftonline.com",
    "core.chinacloudapi.cn": "login.partner.microsoftonline.cn",
    "core.usgovcloudapi.net": "login.microsoftonline.us",
}


class Signer(Protocol):
    """Puts a credential on a GET request: the address and headers to send."""

    def sign(self, url: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]: ...


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token of an identity."""

    token: SecretStr

    def sign(self, url: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """With the token in its header."""
        return url, {**headers, "Authorization": f"Bearer {self.token.get_secret_value()}"}


@dataclass(frozen=True, slots=True)
class Sas:
    """A shared access signature, with or without its question mark."""

    signature: SecretStr

    def sign(self, url: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """With the signature in the query."""
        joint = "&" if "?" in url else "?"
        return f"{url}{joint}{self.signature.get_secret_value().lstrip('?')}", dict(headers)


@dataclass(frozen=True, slots=True)
class SharedKey:
    """An account key, base64."""

    account: str
    key: SecretStr

    def sign(self, url: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """With a Shared Key signature. Raises SourceProblem when the key is no base64."""
        try:
            key = base64.b64decode(self.key.get_secret_value(), validate=True)
        except ValueError:
            sentence = "The secret is no account key: a key is 88 characters of base64. Store the key itself."
            raise SourceProblem(sentence, code="wrong_credential", field="secret") from None
        parts = urlsplit(url)
        named = sorted((name.lower(), value) for name, value in headers.items() if name.lower().startswith("x-ms-"))
        query = sorted(parse_qsl(parts.query, keep_blank_values=True))
        lines = [
            "GET",
            *[""] * 10,
            headers.get("Range", ""),
            *(f"{name}:{value}" for name, value in named),
            f"/{self.account}{parts.path}",
            *(f"{name.lower()}:{value}" for name, value in query),
        ]
        # Eleven standard headers stand between the method and the x-ms- ones; of them a GET sends only the last, Range.
        digest = hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).digest()
        return url, {**headers, "Authorization": f"SharedKey {self.account}:{base64.b64encode(digest).decode()}"}


@dataclass(frozen=True, slots=True)
class ConnectionTest:
    """Tests places. tokens: of the bot's own identity."""

    http: httpx.AsyncClient
    tokens: Tokens

    async def run(self, kind: DatastoreKind, details: AzureDetails, secret: SecretStr | None) -> None:
        """List and read with the credential of the datastore. Raises SourceProblem, Unavailable."""
        place = details.place
        signer = await self._signer(details, secret)
        thing = f"The storage account “{place.account}”"
        listed = await self._get(_listing_url(kind, place), signer, thing)
        if listed.status_code == httpx.codes.UNAUTHORIZED and place.access is DatastoreAccess.IDENTITY:
            self.tokens.forget()  # revoked, perhaps: once more with a new one
            signer = await self._signer(details, secret)
            listed = await self._get(_listing_url(kind, place), signer, thing)
        if listed.status_code != httpx.codes.OK:
            raise refusal(listed, kind, details, reading=False)
        first = _first_file(kind, listed, thing)
        if first is not None:
            path = f"{_base(kind, place)}/{quote(first)}"
            read = await self._get(path, signer, thing, {"Range": "bytes=0-0"})
            # 416: the first file is empty, and it could be read.
            if read.status_code not in (200, 206, 416):
                raise refusal(read, kind, details, reading=True)

    async def _signer(self, details: AzureDetails, secret: SecretStr | None) -> Signer:
        access = details.place.access
        if access is DatastoreAccess.IDENTITY:
            return Bearer(SecretStr(await self.tokens.token(STORAGE_SCOPE)))
        if secret is None:
            raise SourceProblem("This access needs a secret in a key vault.", field="secret")
        if access is DatastoreAccess.ACCOUNT_KEY:
            return SharedKey(details.place.account, secret)
        if access is DatastoreAccess.SAS:
            check_sas(secret, datetime.now(UTC))
            return Sas(secret)
        return Bearer(await self._service_principal(details, secret))

    async def _service_principal(self, details: AzureDetails, secret: SecretStr) -> SecretStr:
        authority = AUTHORITIES[details.place.endpoint]
        form = {
            "grant_type": "client_credentials",
            "client_id": details.client_id,
            "client_secret": secret.get_secret_value(),
            "scope": STORAGE_SCOPE,
        }
        url = f"https://{authority}/{details.tenant_id}/oauth2/v2.0/token"
        answer = await send(self.http, "POST", url, "Microsoft Entra ID", form=form)
        if answer.status_code == httpx.codes.OK:
            token = json_object(answer, "Microsoft Entra ID").get("access_token")
            if not isinstance(token, str):
                raise wrong_shape("Microsoft Entra ID")
            return SecretStr(token)
        raise _sign_in_refused(answer)

    async def _get(self, url: str, signer: Signer, thing: str, more: Mapping[str, str] | None = None) -> httpx.Response:
        date = format_datetime(datetime.now(UTC), usegmt=True)
        signed, headers = signer.sign(url, {"x-ms-date": date, "x-ms-version": STORAGE_VERSION, **(more or {})})
        return await send(self.http, "GET", signed, thing, headers=headers)


def check_sas(secret: SecretStr, now: datetime) -> None:
    """Refuse a signature that says itself that it cannot be used. Raises SourceProblem.

    Source: https://learn.microsoft.com/rest/api/storageservices/create-account-sas (sp: permissions, se: end).
    """
    query = parse_qs(secret.get_secret_value().lstrip("?"), keep_blank_values=True)
    if "sig" not in query:
        sentence = "The secret is no shared access signature: it has no “sig=”. Store the SAS token itself."
        raise SourceProblem(sentence, code="wrong_credential", field="secret")
    if "se" in query and (ends := _moment(query["se"][0])) is not None and ends <= now:
        sentence = f"The shared access signature ended on {ends:%Y-%m-%d}. Store a new one in the key vault."
        raise SourceProblem(sentence, code="secret_expired", field="secret")
    missing = [word for letter, word in (("r", "Read"), ("l", "List")) if letter not in query.get("sp", ["rl"])[0]]
    if missing:
        sentence = f"The shared access signature lacks the permission {' and '.join(missing)}. Make one with it."
        raise SourceProblem(sentence, code="permission_missing", field="secret")


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None  # The storage service judges it.
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


_HOSTS = {DatastoreKind.BLOB: "blob", DatastoreKind.ADLS_GEN2: "dfs", DatastoreKind.FILE_SHARE: "file"}
_LISTINGS = {
    DatastoreKind.BLOB: {"restype": "container", "comp": "list", "maxresults": "1"},
    DatastoreKind.ADLS_GEN2: {"resource": "filesystem", "recursive": "false", "maxResults": "1"},
    DatastoreKind.FILE_SHARE: {"restype": "directory", "comp": "list", "maxresults": "1"},
}


def _base(kind: DatastoreKind, place: AzurePlace) -> str:
    return f"https://{place.account}.{_HOSTS[kind]}.{place.endpoint}/{quote(place.container)}"


def _listing_url(kind: DatastoreKind, place: AzurePlace) -> str:
    return f"{_base(kind, place)}?{urlencode(_LISTINGS[kind])}"


def _first_file(kind: DatastoreKind, listed: httpx.Response, thing: str) -> str | None:
    """The path of the first file of a listing of one entry, None if that entry is a folder or there is none."""
    if kind is DatastoreKind.ADLS_GEN2:
        paths = json_object(listed, thing).get("paths") or []
        if not isinstance(paths, list) or not all(isinstance(each, dict) and each.get("name") for each in paths):
            raise wrong_shape(thing)
        return next((str(each["name"]) for each in paths if str(each.get("isDirectory")).lower() != "true"), None)
    tag = "Blob" if kind is DatastoreKind.BLOB else "File"
    return _name_in(listed.text, tag)


def _name_in(xml: str, tag: str) -> str | None:
    """The text of `<tag><Name>…</Name>`. Read by position: an answer of one entry needs no parser of untrusted XML."""
    _, found, rest = xml.partition(f"<{tag}>")
    name = rest.partition("<Name>")[2].partition("</Name>")[0]
    if not found or not name:
        return None
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        name = name.replace(entity, character)
    return name


def refusal(response: httpx.Response, kind: DatastoreKind, details: AzureDetails, *, reading: bool) -> SourceProblem:
    """Why the storage refused, and what to do. reading: the listing worked, the first file could not be read."""
    codes, place = set(error_codes(response)), details.place
    account = f"the storage account “{place.account}”"
    word = {DatastoreKind.BLOB: "container", DatastoreKind.ADLS_GEN2: "filesystem", DatastoreKind.FILE_SHARE: "share"}
    if response.status_code == httpx.codes.NOT_FOUND and not reading:
        sentence = f"There is no {word[kind]} “{place.container}” in {account}. Check the name, or create it first."
        return SourceProblem(sentence, code="container_not_found", field="container")
    if codes & {"AuthorizationFailure", "AuthorizationSourceIPMismatch", "IpAuthorizationFailure"}:
        sentence = (
            f"{_upper(account)} refuses the bot's network. Let it in under Networking of the account, "
            "or give the account a private endpoint in the bot's network."
        )
        return SourceProblem(sentence, code="network_closed", field="account")
    if "KeyBasedAuthenticationNotPermitted" in codes:
        sentence = f"{_upper(account)} does not allow account keys and signatures. Use identity-based access."
        return SourceProblem(sentence, code="keys_not_allowed", field="access")
    if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return _no_permission(codes, details, reading=reading)
    if response.status_code in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
        return SourceProblem(f"{_upper(account)} is busy. Try again in a minute.", code="storage_busy")
    said = next(iter(error_codes(response)), str(response.status_code))
    return SourceProblem(f"{_upper(account)} answered with an error ({said}).", code="storage_error", field="account")


def _no_permission(codes: set[str], details: AzureDetails, *, reading: bool) -> SourceProblem:
    place = details.place
    act = "read files in" if reading else "list"
    where = f"“{place.account}/{place.container}”"
    if place.access is DatastoreAccess.IDENTITY:
        sentence = f"The bot's identity may not {act} {where}. Give it the role {READER_ROLE} on that container."
        return SourceProblem(sentence, code="permission_missing", field="container")
    if place.access is DatastoreAccess.SERVICE_PRINCIPAL:
        sentence = (
            f"The service principal {details.client_id} may not {act} {where}. "
            f"Give it the role {READER_ROLE} on that filesystem."
        )
        return SourceProblem(sentence, code="permission_missing", field="client")
    if place.access is DatastoreAccess.ACCOUNT_KEY:
        sentence = f"“{place.account}” does not accept the account key in the secret. Store its present key there."
        return SourceProblem(sentence, code="wrong_credential", field="secret")
    if codes & {"AuthorizationPermissionMismatch", "AuthorizationResourceTypeMismatch", "AuthorizationServiceMismatch"}:
        sentence = f"The shared access signature may not {act} {where}. Make one with Read and List for containers."
        return SourceProblem(sentence, code="permission_missing", field="secret")
    sentence = f"“{place.account}” does not accept the shared access signature in the secret. Store a valid one there."
    return SourceProblem(sentence, code="wrong_credential", field="secret")


def _sign_in_refused(answer: httpx.Response) -> SourceProblem:
    """Why a service principal could not sign in. Source: Entra's AADSTS error codes."""
    try:
        codes = set(answer.json().get("error_codes") or [])
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
        codes = set()
    if codes & {7000215, 7000222}:
        sentence = "The secret does not belong to the service principal, or it has ended. Store a new one."
        return SourceProblem(sentence, code="wrong_credential", field="secret")
    if codes & {90002, 900023}:
        return SourceProblem("There is no such tenant.", code="wrong_tenant", field="tenant")
    if codes & {700016}:
        sentence = "The tenant has no such application. Check the client ID."
        return SourceProblem(sentence, code="wrong_client", field="client")
    sentence = f"The service principal cannot sign in (Entra answers {answer.status_code})."
    return SourceProblem(sentence, code="sign_in_failed", field="client")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
