"""Microsoft Entra ID: discovery, client credentials (secret or federated token), managed identity over IMDS."""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.contract.faults import azure_error
from tests.contract.wire import Cut, Json, Request, Response

__all__ = ["BOT_APP", "TENANT", "App", "Caller", "Entra", "Refused"]

TENANT = "11111111-aaaa-4bbb-8ccc-000000000001"
LOGIN_HOST = "login.microsoftonline.com"
IMDS_HOST = "169.254.169.254"


class Refused(Exception):
    """A service answers with an error; carries the answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


@dataclass(frozen=True)
class App:
    """An app registration with its service principal; `federated_token` is what workload identity presents."""

    client_id: str
    object_id: str
    secret: str
    federated_token: str
    name: str


@dataclass(frozen=True)
class Caller:
    """Who a token speaks for."""

    object_id: str
    client_id: str
    audience: str


BOT_APP = App(
    client_id="11111111-aaaa-4bbb-8ccc-0000000000a1",
    object_id="11111111-aaaa-4bbb-8ccc-0000000000b1",
    secret="contract-bot-secret-7Qd~not-real",
    federated_token="contract-federated-token-not-real",
    name="dataset-bot",
)


@dataclass
class Entra:
    """The tenant. Tokens are signed JWTs; every other service checks that they are ours, in time and for it.

    token_seconds: how long tokens issued from now on are valid.
    managed_identity: what IMDS gives; None: no managed identity, the address does not answer.
    certificates: public keys of the apps' certificates, by client id.
    """

    tenant_id: str = TENANT
    token_seconds: int = 3600
    managed_identity: App | None = None
    apps: dict[str, App] = field(default_factory=lambda: {BOT_APP.client_id: BOT_APP})
    certificates: dict[str, RSAPublicKey] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)
    _valid_from: float = 0.0
    _key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048), repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def reset(self) -> None:
        """Back to the start: one app, tokens of an hour, nothing revoked."""
        self.token_seconds, self.managed_identity, self._valid_from = 3600, None, 0.0
        self.apps = {BOT_APP.client_id: BOT_APP}
        self.certificates.clear()
        self.issued.clear()

    def revoke_all(self) -> None:
        """Refuse every token issued so far with 401, as after a key roll-over or a sign-out everywhere."""
        self._valid_from = time.time()

    def token(self, app: App = BOT_APP, audience: str = "https://management.azure.com/", *, seconds: int = 0) -> str:
        """A token as the token endpoint gives it, for requests that a test makes itself."""
        now = time.time()
        lifetime = seconds or self.token_seconds
        claims: dict[str, Json] = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{self.tenant_id}/",
            "iat": int(now),
            "nbf": int(now) - 5,
            "exp": int(now) + lifetime,
            "issued": now,
            "appid": app.client_id,
            "idtyp": "app",
            "oid": app.object_id,
            "sub": app.object_id,
            "tid": self.tenant_id,
            "uti": uuid.uuid4().hex,
            "ver": "1.0",
        }
        head = _base64url(json.dumps({"typ": "JWT", "alg": "RS256", "kid": "contract"}).encode())
        body = _base64url(json.dumps(claims).encode())
        signature = self._key.sign(f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
        token = f"{head}.{body}.{_base64url(signature)}"
        with self._lock:
            self.issued.append(token)
        return token

    def caller(self, request: Request, *audiences: str) -> Caller:
        """Who asks. Raises Refused with 401 when the token is missing, not ours, expired, revoked or not for us."""
        if request.bearer is None:
            raise Refused(
                _unauthorized("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
            )
        try:
            head, body, signature = request.bearer.split(".")
            claims = json.loads(_from_base64url(body))
            self._key.public_key().verify(
                _from_base64url(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except Exception as error:
            raise Refused(_unauthorized("InvalidAuthenticationToken", "The access token is invalid.")) from error
        if claims["exp"] < time.time() or claims["issued"] < self._valid_from:
            raise Refused(
                _unauthorized(
                    "ExpiredAuthenticationToken",
                    "The access token expiry UTC time is earlier than current UTC time.",
                )
            )
        audience = str(claims["aud"])
        if audience.rstrip("/") not in {allowed.rstrip("/") for allowed in audiences}:
            raise Refused(
                _unauthorized(
                    "InvalidAuthenticationTokenAudience",
                    f"The access token has been obtained for wrong audience or resource '{audience}'.",
                )
            )
        return Caller(str(claims["oid"]), str(claims["appid"]), audience)

    def serves(self, host: str) -> bool:
        return host in (LOGIN_HOST, IMDS_HOST)

    async def answer(self, request: Request) -> Response:
        if request.host == IMDS_HOST:
            return self._imds(request)
        path = request.path.lower()
        if path == "/common/discovery/instance":
            return Response.json(
                {
                    "tenant_discovery_endpoint": self._url("v2.0/.well-known/openid-configuration"),
                    "api-version": "1.1",
                    "metadata": [
                        {
                            "preferred_network": LOGIN_HOST,
                            "preferred_cache": "login.windows.net",
                            "aliases": [LOGIN_HOST, "login.windows.net", "login.microsoft.com", "sts.windows.net"],
                        }
                    ],
                }
            )
        if path.endswith("/.well-known/openid-configuration"):
            return Response.json(
                {
                    "token_endpoint": self._url("oauth2/v2.0/token"),
                    "authorization_endpoint": self._url("oauth2/v2.0/authorize"),
                    "device_authorization_endpoint": self._url("oauth2/v2.0/devicecode"),
                    "issuer": f"https://{LOGIN_HOST}/{self.tenant_id}/v2.0",
                    "jwks_uri": self._url("discovery/v2.0/keys"),
                }
            )
        if request.method == "POST" and path.endswith(("/oauth2/v2.0/token", "/oauth2/token")):
            return self._token(request)
        if path.endswith(("/devicecode", "/authorize")):
            return _oauth_error("unauthorized_client", 7000218, "Nobody signs in interactively at the contract server.")
        return azure_error(404, "NotFound", f"{LOGIN_HOST} has no {request.path}")

    def _url(self, rest: str) -> str:
        return f"https://{LOGIN_HOST}/{self.tenant_id}/{rest}"

    def _token(self, request: Request) -> Response:
        form = request.form
        tenant = request.path.strip("/").partition("/")[0]
        if tenant != self.tenant_id:
            return _oauth_error("invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            return _oauth_error("unsupported_grant_type", 70003, "The contract server gives only app tokens.")
        app = self.apps.get(form.get("client_id", ""))
        if app is None:
            return _oauth_error(
                "unauthorized_client",
                700016,
                f"Application with identifier '{form.get('client_id')}' was not found in the directory 'Contract'.",
            )
        presented = form.get("client_secret") or form.get("client_assertion")
        if presented not in (app.secret, app.federated_token) and not self._is_signed(form):
            return _oauth_error(
                "invalid_client", 7000215, f"Invalid client secret provided for app '{app.client_id}'.", status=401
            )
        audience = form.get("resource") or form.get("scope", "").split(" ")[0].removesuffix("/.default")
        return Response.json(
            {
                "token_type": "Bearer",
                "expires_in": self.token_seconds,
                "ext_expires_in": self.token_seconds,
                "expires_on": str(int(time.time()) + self.token_seconds),
                "resource": audience,
                "access_token": self.token(app, audience),
            }
        )

    def _is_signed(self, form: Mapping[str, str]) -> bool:
        """Whether the assertion is signed with the app's certificate, for this tenant."""
        client, assertion = form.get("client_id", ""), form.get("client_assertion", "")
        key = self.certificates.get(client)
        if key is None or not assertion:
            return False
        claims = jwt.decode(assertion, key, ["RS256", "PS256"], audience=self._url("oauth2/v2.0/token"))
        return bool(claims["iss"] == claims["sub"] == client)

    def _imds(self, request: Request) -> Response:
        if self.managed_identity is None:
            raise Cut  # a machine without managed identity has nothing at this address
        if request.headers.get("Metadata").lower() != "true":
            return Response.json({"error": "invalid_request", "error_description": "Required metadata header"}, 400)
        query = request.query
        wanted = query.get("client_id") or query.get("object_id")
        app = self.managed_identity
        if wanted not in (None, app.client_id, app.object_id):
            return Response.json({"error": "invalid_request", "error_description": "Identity not found"}, 400)
        audience = query.get("resource", "")
        return Response.json(
            {
                "access_token": self.token(app, audience),
                "client_id": app.client_id,
                "expires_in": str(self.token_seconds),
                "expires_on": str(int(time.time()) + self.token_seconds),
                "ext_expires_in": str(self.token_seconds),
                "not_before": str(int(time.time())),
                "resource": audience,
                "token_type": "Bearer",
            }
        )


def _unauthorized(code: str, message: str) -> Response:
    challenge = f'Bearer authorization_uri="https://{LOGIN_HOST}/{TENANT}", error="invalid_token"'
    return azure_error(401, code, message, {"WWW-Authenticate": challenge})


def _oauth_error(error: str, code: int, description: str, status: int = 400) -> Response:
    return Response.json(
        {
            "error": error,
            "error_description": f"AADSTS{code}: {description} Trace ID: 0 Correlation ID: 0",
            "error_codes": [code],
            "error_uri": f"https://{LOGIN_HOST}/error?code={code}",
        },
        status,
    )


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
