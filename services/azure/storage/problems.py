"""Why storage refused, in a person's words. Source of the codes:
https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes and .../common-rest-api-error-codes.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.azure.storage.account import ContainerAddress
from services.azure.storage.connection import Answer
from services.datastores.model import DatastoreAccess
from services.errors import NotAllowed, SourceProblem, Unavailable, UserError
from services.reading.display import quoted, visible

TOKEN_REFUSED = "storage_token_refused"  # noqa: S105 - the code of an error
READER_ROLE = "Storage Blob Data Reader"
_NETWORK = frozenset({"AuthorizationFailure", "AuthorizationSourceIPMismatch", "IpAuthorizationFailure"})
_MISMATCH = frozenset(
    {
        "AuthorizationPermissionMismatch",
        "AuthorizationResourceTypeMismatch",
        "AuthorizationServiceMismatch",
        "AuthorizationProtocolMismatch",
        "InsufficientAccountPermissions",
    }
)


def error_code(answer: Answer) -> str:
    """Storage's code of an error, "" if it tells none."""
    named = answer.headers.get("x-ms-error-code")
    if named:
        return named
    return answer.body[:2000].decode("utf-8", "replace").partition("<Code>")[2].partition("</Code>")[0]


@dataclass(frozen=True, slots=True)
class Asked:
    """What storage refused. access: None for anonymous reading; path: the file read, None for a listing."""

    where: ContainerAddress
    access: DatastoreAccess | None
    datastore: str
    path: str | None = None

    @property
    def act(self) -> str:
        """For sentences."""
        return "list" if self.path is None else "read files in"

    @property
    def account(self) -> str:
        """For sentences."""
        return f"The storage account {quoted(self.where.account)}"

    @property
    def owner(self) -> str:
        """For sentences."""
        return f"the datastore {quoted(self.datastore)}"


def refusal(answer: Answer, asked: Asked) -> UserError:
    """The sentence for an unsuccessful answer."""
    status, code = answer.status, error_code(answer)
    if status == 416:
        return changed(asked.path or asked.where.shown)
    if asked.access is None and status in (401, 403, 404, 409) and code not in ("BlobNotFound", "ContainerNotFound"):
        return SourceProblem(
            f"{quoted(asked.where.shown)} is not public, so it cannot be read by its address alone. Register it as a "
            "datastore and use a path in that.",
            code="url_not_allowed",
            field="source",
        )
    if status == 404:
        return _missing(asked, code)
    if status in (401, 403):
        return _closed(asked, code) or _credential(asked, code) or _forbidden(asked, status, code)
    if status in (408, 429) or status >= 500:
        return Unavailable(
            f"{asked.account} is too busy to answer. Try again in a minute.",
            code="storage_busy",
        )
    return SourceProblem(
        f"{asked.account} answers with an error ({visible(code or str(status), 60)}).",
        code="storage_error",
        field="source",
    )


def changed(path: str) -> SourceProblem:
    """The sentence for a file that is another one than was listed."""
    return SourceProblem(
        f"{quoted(path)} changed while it was read. Try again when nothing writes to it.", code="file_changing"
    )


def _missing(asked: Asked, code: str) -> SourceProblem:
    if asked.path is not None and code != "ContainerNotFound":
        return SourceProblem(f"{quoted(asked.path)} vanished while it was read. Try again.", code="file_vanished")
    return SourceProblem(
        f"There is no container {quoted(asked.where.container)} in the storage account {quoted(asked.where.account)}. "
        "It was deleted or renamed: correct the datastore, or restore the container.",
        code="container_not_found",
        field="source",
    )


def _closed(asked: Asked, code: str) -> SourceProblem | None:
    """What no other credential of the same kind would change."""
    if code in _NETWORK:
        return SourceProblem(
            f"{asked.account} refuses the bot's network. Let it in under Networking of the account, or give the "
            "account a private endpoint in the bot's network.",
            code="network_closed",
            field="source",
        )
    if code == "KeyBasedAuthenticationNotPermitted":
        return SourceProblem(
            f"{asked.account} does not allow account keys and signatures any more, and {asked.owner} has one. "
            "Register it again with identity-based access.",
            code="keys_not_allowed",
            field="source",
        )
    return None


def _credential(asked: Asked, code: str) -> SourceProblem | None:
    """A key or signature stored in the datastore that does not open it."""
    if asked.access is DatastoreAccess.ACCOUNT_KEY:
        sentence = f"The account key of {asked.owner} is not valid any more. Store the present key in it."
    elif asked.access is not DatastoreAccess.SAS:
        return None
    elif code in _MISMATCH:
        sentence = (
            f"The shared access signature of {asked.owner} may not {asked.act} {quoted(asked.where.shown)}. "
            "Store one with the permissions Read and List."
        )
    else:
        sentence = f"The shared access signature of {asked.owner} is not valid any more. Store a new one in it."
    return SourceProblem(sentence, code="wrong_credential", field="source")


def _forbidden(asked: Asked, status: int, code: str) -> UserError:
    """An identity that is not let in."""
    if status == 401 or code in ("AuthenticationFailed", "InvalidAuthenticationInfo"):
        return Unavailable(
            f"{asked.account} does not accept the bot's sign-in. Try again in a minute; if it stays so, the bot's "
            "administrator can run dataset-bot check.",
            code=TOKEN_REFUSED,
        )
    who = (
        "The bot's identity" if asked.access is DatastoreAccess.IDENTITY else f"The service principal of {asked.owner}"
    )
    return NotAllowed(
        f"{who} may not {asked.act} {quoted(asked.where.shown)}. Give it the role {READER_ROLE} on that container, and "
        "try again some minutes later.",
        code="storage_permission_missing",
    )
