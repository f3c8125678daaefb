"""What Azure refuses or fails to do, in a person's words and with the next step.

Pure: the exceptions of the SDK, requests and azure-core are told apart by their class names, so that nothing of Azure
is imported here. Source of statuses and codes: azureml-core 1.61 and Azure Resource Manager's error reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from services.azure.identity import no_token
from services.azure.redaction import redact
from services.carried import Carried, pack, unpack
from services.errors import Busy, Conflict, IdenticalData, InvalidInput, NotAllowed, NotFound, Unavailable, UserError

THING = "Azure Machine Learning"
UNAUTHORIZED, FORBIDDEN, MISSING, CONFLICT, THROTTLED = 401, 403, 404, 409, 429
SERVER_ERRORS = range(500, 600)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of Azure that is no success. code, message: from the body, "" where it has none.

    retry_after: seconds that Azure asks to wait, None where it says nothing.
    """

    status: int
    code: str = ""
    message: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call as it leaves the worker process.

    problem: what people are told; None for a fault of ours, told by `trace`. retry_after: as in Refusal.
    maybe_done: Azure may have carried it out all the same, so it must not be repeated blindly.
    down: counts against Azure as not answering.
    """

    problem: Carried | None
    status: int = 0
    retry_after: float | None = None
    maybe_done: bool = False
    down: bool = False
    trace: str = ""

    def error(self) -> Exception:
        """The failure as an exception, ready to be raised in the answering process."""
        return AzureFault(self.trace) if self.problem is None else unpack(self.problem)


class AzureFault(RuntimeError):
    """Something of ours or of the SDK went wrong in a worker process; the text, redacted, is for the log."""


_IDENTICAL = re.compile(r"has been registered as (.+):([0-9]+) \(name:version\)", re.IGNORECASE)
_ACTION = re.compile(r"perform action '([^']+)'")
_SCOPE = re.compile(r"over scope '([^']+)'")
_OBJECT = re.compile(r"object id '([^']+)'")
WORKSPACE_GONE = {
    "SubscriptionNotFound": "The subscription in WORKSPACE does not exist, or the bot's identity may not see it.",
    "InvalidSubscriptionId": "The subscription in WORKSPACE is not one.",
    "ResourceGroupNotFound": "The resource group in WORKSPACE does not exist. It may have been deleted or renamed.",
    "ResourceNotFound": "The workspace in WORKSPACE does not exist. It may have been deleted, or be in another group.",
    "WorkspaceNotFound": "The workspace in WORKSPACE does not exist. It may have been deleted, or be in another group.",
}
_ROLES = (
    ("datastores/listsecrets", "AzureML Data Scientist"),
    ("microsoft.machinelearningservices/workspaces", "AzureML Data Scientist"),
    ("microsoft.storage/storageaccounts/blobservices/containers/blobs/read", "Storage Blob Data Reader"),
    ("microsoft.storage/storageaccounts/blobservices", "Storage Blob Data Contributor"),
    ("microsoft.keyvault/vaults/secrets", "Key Vault Secrets User"),
    ("microsoft.authorization/roleassignments", "Role Based Access Control Administrator"),
)
_PRIVATE = ("private endpoint", "privatelink", "private link", "public network access", "publicnetworkaccess")


def read_refusal(status: int, body: bytes | str, headers: Mapping[str, str]) -> Refusal:
    """What an unsuccessful answer says. Any body is understood: Azure's, a gateway's page, nothing."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    code, message = "", ""
    try:
        error = json.loads(text).get("error") or {}
        code, message = str(error.get("code") or ""), str(error.get("message") or "")
        inner = error.get("innerError") or error.get("innererror")
        while isinstance(inner, dict):
            code = str(inner.get("code") or code)
            inner = inner.get("innerError") or inner.get("innererror")
    except (ValueError, AttributeError):
        pass  # no body of Azure's: the status alone must do
    return Refusal(status, code, redact(message)[:500], retry_after(headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from `Retry-After`, None where there is none or it is a date."""
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        return max(0.0, float(value))
    except ValueError:
        return None


def role_for(action: str) -> str:
    """The built-in role that allows an action, "" where none is known."""
    lowered = action.lower()
    return next((role for part, role in _ROLES if part in lowered), "")


def explained(refusal: Refusal, name: str = "") -> UserError:
    """The sentence for a refusal. name: the dataset or datastore it was about, if any."""
    if refusal.status in SERVER_ERRORS or refusal.status == 408:
        return Unavailable(
            f"{THING} has a problem of its own right now (status {refusal.status}). Try again in a few minutes.",
            code="azure_server_error",
        )
    return _EXPLAINED.get(refusal.status, _refused)(refusal, name)


def _unauthorized(_refusal: Refusal, _name: str) -> UserError:
    return Unavailable(
        f"{THING} does not accept the bot's sign-in any more. Try again in a minute; if it stays so, the bot's "
        "administrator can run dataset-bot check.",
        code="azure_unauthorized",
    )


def _missing(refusal: Refusal, name: str) -> UserError:
    if refusal.code in WORKSPACE_GONE:
        return workspace_gone(refusal.code)
    if re.search(r"\bregion\b", _without(name, refusal.message)):
        return Unavailable(
            f"{THING} does not know the workspace in the region the bot asked. Restart the bot; if the workspace was "
            "moved, correct WORKSPACE.",
            code="azure_wrong_region",
        )
    if not refusal.code and not refusal.message:
        return wrong_shape()  # a gateway's page: Azure says what it does not find
    return NotFound(f"There is nothing called “{name}” in the workspace." if name else "Azure does not find this.")


def workspace_gone(code: str = "WorkspaceNotFound") -> Unavailable:
    """What there is not is the workspace. code: one of `WORKSPACE_GONE`."""
    sentence = f"{WORKSPACE_GONE[code]} The bot's administrator can correct WORKSPACE."
    return Unavailable(sentence, code="azure_workspace_gone")


def _clash(_refusal: Refusal, name: str) -> UserError:
    about = f"“{name}”" if name else "the same thing"
    return Conflict(
        f"Somebody else is changing {about} in the workspace right now. Look at it and try again.",
        code="azure_conflict",
    )


def _throttled(refusal: Refusal, _name: str) -> UserError:
    wait = f"{refusal.retry_after:.0f} seconds" if refusal.retry_after else "a minute"
    return Busy(f"{THING} asks the bot to slow down. Try again in {wait}.", code="azure_throttled")


def _refused(refusal: Refusal, name: str) -> UserError:
    identical = identical_in(refusal.message)
    if identical is not None:
        return identical
    about = f" “{name}”" if name else ""
    said = f" It says: {refusal.message}" if refusal.message else ""
    return InvalidInput(f"{THING} refuses this{about}.{said}", code="azure_refused")


def identical_in(message: str) -> IdenticalData | None:
    """Azure's 400 for a definition that is registered already."""
    found = _IDENTICAL.search(message)
    if found is None:
        return None
    name, version = found[1], int(found[2])
    return IdenticalData(
        f"The same data are registered already as {name}:{version}. Use that version.", name=name, version=version
    )


def _without(name: str, message: str) -> str:
    """What a message says in small letters, but for the name: a dataset may be called after a region."""
    said = message.lower()
    return said.replace(name.lower(), " ") if name else said


def _forbidden(refusal: Refusal, name: str) -> UserError:
    message = refusal.message
    if any(sign in _without(name, message) for sign in _PRIVATE):
        return network_closed()
    action, scope, who = (
        found[1] if found else "" for found in (p.search(message) for p in (_ACTION, _SCOPE, _OBJECT))
    )
    if not action:
        return NotAllowed(
            f"{THING} does not let the bot do this. Its administrator can run dataset-bot check to see which role its "
            "identity lacks.",
            code="azure_forbidden",
        )
    role = role_for(action)
    identity = f" ({who})" if who else ""
    give = f" Give it the role {role}" if role else " Give it a role with that action"
    where = f" on {scope}" if scope else ""
    return NotAllowed(
        f"The bot's identity{identity} may not do this: it lacks {action}.{give}{where}, and try again some minutes "
        "later.",
        code="azure_forbidden",
    )


_EXPLAINED: dict[int, Callable[[Refusal, str], UserError]] = {
    UNAUTHORIZED: _unauthorized,
    FORBIDDEN: _forbidden,
    MISSING: _missing,
    CONFLICT: _clash,
    THROTTLED: _throttled,
}


def network_closed(thing: str = THING) -> Unavailable:
    """Nothing of Azure can be reached from where the bot runs."""
    return Unavailable(
        f"{thing} cannot be reached from the bot's network. If the workspace has a private endpoint or a firewall, "
        "let the bot's network in.",
        code="network_closed",
    )


def did_not_answer() -> Unavailable:
    """A call that found no end in its time."""
    return Unavailable(f"{THING} does not answer in time. Try again in a minute.", code="azure_slow")


def carried(error: UserError) -> Carried:
    """A problem as plain values."""
    return pack(error)


def wrong_shape(thing: str = THING) -> Unavailable:
    """A success that says nothing the bot understands: a proxy's page, a cut body, a changed service."""
    return Unavailable(
        f"{thing} gave an answer that the bot does not understand. Try again in a minute.", code="azure_wrong_shape"
    )


def down() -> Unavailable:
    """The breaker is open."""
    return Unavailable(f"{THING} does not answer. The bot looks again every few seconds.", code="azure_down")


_NETWORK = ("gaierror", "NewConnectionError", "ProxyError", "NameResolutionError", "ConnectTimeout", "SSLError")
_LOST = (
    "ReadTimeout",
    "ReadTimeoutError",
    "ConnectionError",
    "ProtocolError",
    "ChunkedEncodingError",
    "ClientRequestError",
)
_IDENTITY = frozenset({"ClientAuthenticationError", "CredentialUnavailableError", "WrongIdentityError"})
"""What azure-identity and `identity` raise when there is no token."""


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it, also what msrest and the SDK keep in attributes of their own."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = [getattr(each, name, None) for name in ("inner_exception", "_inner_exception")]
        inner += [each.__cause__, each.__context__, *each.args]
        waiting.extend(one for one in inner if isinstance(one, BaseException))


def failure_of(error: BaseException, trace: str, name: str = "") -> Failure:
    """Any exception of a worker as a Failure. trace: its traceback, redacted."""
    chain = tuple(chain_of(error))
    for each in chain:
        told = getattr(each, "failure", None)
        if isinstance(told, Failure):
            return replace(told, trace=trace)
        if isinstance(each, UserError):
            return Failure(pack(each), trace=trace)
    for each in chain:
        response = getattr(each, "response", None)
        status = getattr(response, "status_code", None)
        if response is not None and isinstance(status, int) and status >= 400:
            refusal = read_refusal(status, getattr(response, "content", b"") or b"", dict(response.headers))
            return failure_of_refusal(refusal, name, trace)
    for each in chain:
        if {each_class.__name__ for each_class in type(each).__mro__} & _IDENTITY:
            return Failure(pack(no_token(each)), trace=trace)
    return _by_kind({each_class.__name__ for each in chain for each_class in type(each).__mro__}, trace)


def _by_kind(names: set[str], trace: str) -> Failure:
    """A failure without an answer, by the class names of what was raised."""
    if names & {"WrongShapeError", "DeserializationError"}:
        return Failure(pack(wrong_shape()), maybe_done=True, trace=trace)
    if names & set(_NETWORK):
        # urllib3 calls a connection that broke behind a proxy a proxy that cannot be reached, also after sending.
        broke = bool(names & {"RemoteDisconnected", "ConnectionResetError"})
        return Failure(pack(network_closed()), maybe_done=broke, down=True, trace=trace)
    if names & set(_LOST):
        return Failure(pack(did_not_answer()), maybe_done=True, down=True, trace=trace)
    return Failure(None, maybe_done=True, trace=trace)


def failure_of_refusal(refusal: Refusal, name: str = "", trace: str = "") -> Failure:
    """An unsuccessful answer as a Failure."""
    broken = refusal.status in SERVER_ERRORS or refusal.status == 408
    return Failure(
        pack(explained(refusal, name)),
        status=refusal.status,
        retry_after=refusal.retry_after,
        maybe_done=broken,
        down=broken,
        trace=trace,
    )
