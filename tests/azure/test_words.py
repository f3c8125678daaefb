"""What Azure refuses, in a person's words; secrets taken out; the workspace's address; the breaker."""

from __future__ import annotations

import json

import pytest

from services.azure.breaker import Breaker, BreakerState
from services.azure.errors import chain_of, explained, failure_of, read_refusal, role_for
from services.azure.redaction import redact
from services.azure.resource import AzureWorkspaceId, WrongWorkspaceError
from services.errors import Busy, Conflict, IdenticalData, InvalidInput, NotAllowed, NotFound, Unavailable, UserError

SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


def told(status: int, code: str = "", message: str = "", name: str = "sales", **headers: str) -> UserError:
    body = json.dumps({"error": {"code": code, "message": message}})
    return explained(read_refusal(status, body, headers), name)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "words"),
    [
        (400, "UserError", "The name is odd.", InvalidInput, ["refuses this “sales”", "The name is odd."]),
        (401, "ExpiredAuthenticationToken", "", Unavailable, ["sign-in", "dataset-bot check"]),
        (404, "UserError", "No dataset", NotFound, ["“sales”"]),
        (404, "SubscriptionNotFound", "", Unavailable, ["subscription in WORKSPACE"]),
        (404, "ResourceGroupNotFound", "", Unavailable, ["resource group in WORKSPACE", "renamed"]),
        (404, "ResourceNotFound", "", Unavailable, ["workspace in WORKSPACE", "deleted"]),
        (404, "UserError", "Workspace w is not in this region.", Unavailable, ["region", "Restart"]),
        (409, "UserError", "Conflict", Conflict, ["changing “sales”", "try again"]),
        (429, "TooManyRequests", "", Busy, ["slow down", "a minute"]),
        (500, "InternalError", "", Unavailable, ["status 500", "few minutes"]),
        (503, "", "", Unavailable, ["status 503"]),
    ],
)
def test_each_refusal_says_what_to_do(
    status: int, code: str, message: str, kind: type[UserError], words: list[str]
) -> None:
    error = told(status, code, message)
    assert type(error) is kind
    for word in words:
        assert word in error.sentence
    assert error.sentence.endswith(".")


def test_throttled_says_how_long() -> None:
    error = told(429, **{"Retry-After": "17"})
    assert "in 17 seconds" in error.sentence


def test_forbidden_says_which_permission_for_whom_and_which_role() -> None:
    action = "Microsoft.MachineLearningServices/workspaces/datasets/registered/write"
    error = told(
        403,
        "AuthorizationFailed",
        f"The client 'c' with object id 'o-1' does not have authorization to perform action '{action}' over scope "
        f"'{SCOPE}' or the scope is invalid.",
    )
    assert isinstance(error, NotAllowed)
    for word in ("o-1", action, SCOPE, "AzureML Data Scientist"):
        assert word in error.sentence


def test_forbidden_without_details_and_from_a_closed_network() -> None:
    assert "dataset-bot check" in told(403).sentence
    closed = told(403, "Forbidden", "Public network access is disabled; use a private endpoint.")
    assert closed.code == "network_closed"
    assert "private endpoint" in closed.sentence


@pytest.mark.parametrize("name", ["region", "sales-by-region", "the region of sales"])
def test_a_dataset_named_like_what_is_looked_for_is_just_missing(name: str) -> None:
    error = told(404, "UserError", f'Cannot find dataset registered with name "{name}".', name=name)
    assert isinstance(error, NotFound)
    denied = told(403, "Forbidden", "No: private endpoint list.", name="private endpoint list")
    assert denied.code == "azure_forbidden"


def test_a_404_that_says_nothing_is_not_azures() -> None:
    assert told(404, "", "").code == "azure_wrong_shape"
    assert explained(read_refusal(404, "<html>not found</html>", {}), "sales").code == "azure_wrong_shape"


def test_identical_data_as_azure_words_it() -> None:
    error = told(400, "UserError", "The dataset 1-2-3 has been registered as my data:12 (name:version).")
    assert isinstance(error, IdenticalData)
    assert (error.name, error.version) == ("my data", 12)


@pytest.mark.parametrize(
    ("action", "role"),
    [
        ("Microsoft.MachineLearningServices/workspaces/datastores/listsecrets/action", "AzureML Data Scientist"),
        (
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
            "Storage Blob Data Reader",
        ),
        ("Microsoft.KeyVault/vaults/secrets/getSecret/action", "Key Vault Secrets User"),
        ("Microsoft.Compute/virtualMachines/read", ""),
    ],
)
def test_the_role_that_gives_an_action(action: str, role: str) -> None:
    assert role_for(action) == role


@pytest.mark.parametrize("body", ["", "<html>Bad gateway</html>", "[]", "null", '{"error": "text"}', b"\xff\xfe"])
def test_any_body_is_understood(body: str | bytes) -> None:
    assert isinstance(explained(read_refusal(502, body, {})), Unavailable)


def test_a_cause_is_found_however_it_is_wrapped() -> None:
    class Wrapper(Exception):
        def __init__(self, inner: BaseException) -> None:
            super().__init__("wrapped")
            self.inner_exception = inner

    cause = InvalidInput("Wrong.", code="x")
    failure = failure_of(Wrapper(RuntimeError(cause)), "")
    assert failure.problem is not None
    assert failure.problem.sentence == "Wrong."
    loop = RuntimeError("a")
    loop.__cause__ = loop
    assert list(chain_of(loop)) == [loop]


SECRETS = [
    ('{"credential": "%s"}', "abcDEF123456"),
    ('{\\"credential\\": \\"%s\\"}', "abcDEF123456"),
    ("{'clientSecret': '%s'}", "abc~DEF.123456"),
    ("AccountName=a;AccountKey=%s;EndpointSuffix=core", "Zm9vYmFyZm9vYmFy+/=="),
    ("https://a.blob.core.windows.net/c/f?sv=2021&sig=%s&se=x", "ab%2Fcd%3D"),
    ("Authorization: Bearer %s", "abc.def"),
    ("token eyJ%s", "hbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJl"),
    ("client_id=x&client_secret=%s&grant_type=y", "s3cr3t~value"),
    ("postgresql://bot:%s@host/db", "hunter2hunter2"),
    ("key %s end", "A" * 86 + "=="),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_secrets_are_taken_out_and_the_rest_stays(text: str, secret: str) -> None:
    shown = redact(text % secret)
    assert secret not in shown
    assert "[redacted]" in shown
    assert shown.startswith(text.partition("%s")[0].removesuffix("eyJ"))


def test_ordinary_text_stays_as_it_is() -> None:
    text = "Cannot find dataset 'sales' (version: 3) in /subscriptions/1/x; a signal, secretly"
    assert redact(text) == text
    assert redact("pw is hunter2hunter2", ("hunter2hunter2",)) == "pw is [redacted]"


PLACE = "azureml://subscriptions/12345678-1234-1234-1234-123456789ABC/resourceGroups/my.group-1/workspaces/My_ws"


def test_an_address_is_read_whatever_the_case_of_its_keys() -> None:
    found = AzureWorkspaceId.parse(PLACE)
    assert (found.resource_group, found.name) == ("my.group-1", "My_ws")
    other = AzureWorkspaceId.parse(PLACE.replace("resourceGroups", "resourcegroups").replace("My_ws", "my_WS") + "/")
    assert other.key == found.key


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("local:x", "must begin with azureml://"),
        ("azureml://", "“subscriptions” is missing"),
        (PLACE.replace("/workspaces/My_ws", ""), "“workspaces” is missing"),
        (PLACE + "/datastores/x", "another order"),
        (PLACE.replace("My_ws", "a b"), "letters, digits"),
        (PLACE.replace("my.group-1", "group."), "resource group"),
    ],
)
def test_a_wrong_address_is_told(text: str, words: str) -> None:
    with pytest.raises(WrongWorkspaceError, match=words):
        AzureWorkspaceId.parse(text)


def test_the_breaker_opens_probes_and_closes() -> None:
    now = [0.0]
    breaker = Breaker(failures=2, rest_seconds=10, clock=lambda: now[0])
    for _ in range(2):
        assert breaker.admits()
        breaker.failed()
    assert not breaker.admits()
    now[0] = 11
    assert breaker.state is BreakerState.PROBING
    assert breaker.admits()
    assert not breaker.admits(), "one probe at a time"
    breaker.failed()
    assert not breaker.admits()
    now[0] = 22
    assert breaker.admits()
    breaker.gave_up()
    assert breaker.admits()
    breaker.succeeded()
    assert str(breaker.state) == "closed"
    breaker.failed()
    assert breaker.admits(), "failures count in a row"
