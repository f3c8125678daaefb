"""The contract server itself: hosts, tokens, faults and the log, by plain HTTP."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from tests.contract.server import AzureContract, UnexpectedHost
from tests.contract.wire import Request

pytestmark = [pytest.mark.azure, pytest.mark.slow]

ARM = "https://management.azure.com"


def bearer(azure: AzureContract) -> dict[str, str]:
    return {"Authorization": f"Bearer {azure.entra.token()}"}


def workspace_url(azure: AzureContract) -> str:
    return f"{ARM}{azure.workspace.scope}?api-version=2022-05-01"


def test_unknown_host_is_refused_and_fails_the_run() -> None:
    def visit() -> None:
        with AzureContract() as azure, httpx.Client(proxy=azure.proxy_url, trust_env=False) as client:
            with pytest.raises(httpx.ProxyError):
                client.get("https://evil.example.net/")
            assert azure.log.unexpected_hosts() == ["evil.example.net:443"]

    with pytest.raises(UnexpectedHost, match=r"evil\.example\.net:443"):
        visit()


def test_unknown_plain_host_is_refused(azure: AzureContract, web: httpx.Client) -> None:
    assert web.get("http://evil.example.net/x").status_code == 502
    assert azure.log.forgive_hosts() == ["evil.example.net"]


def test_telemetry_is_refused_and_tolerated(azure: AzureContract, web: httpx.Client) -> None:
    with pytest.raises(httpx.ProxyError):
        web.get("https://dc.services.visualstudio.com/v2/track")
    assert azure.log.telemetry() == ["dc.services.visualstudio.com:443"]
    assert azure.log.unexpected_hosts() == []


def test_unreachable_host_gives_no_answer(azure: AzureContract, web: httpx.Client) -> None:
    azure.faults.unreachable("management.*")
    with pytest.raises(httpx.TransportError):
        web.get(workspace_url(azure), headers=bearer(azure))


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, "AuthenticationFailed"), ({"Authorization": "Bearer nonsense"}, "InvalidAuthenticationToken")],
)
def test_no_answer_without_our_token(
    azure: AzureContract, web: httpx.Client, headers: dict[str, str], code: str
) -> None:
    answer = web.get(workspace_url(azure), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)


def test_tokens_for_another_service_are_refused(azure: AzureContract, web: httpx.Client) -> None:
    token = azure.entra.token(audience="https://vault.azure.net")
    answer = web.get(workspace_url(azure), headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["error"]["code"] == "InvalidAuthenticationTokenAudience"


def test_expired_and_revoked_tokens_are_refused(azure: AzureContract, web: httpx.Client) -> None:
    old = {"Authorization": f"Bearer {azure.entra.token(seconds=-10)}"}
    assert web.get(workspace_url(azure), headers=old).status_code == 401
    good = bearer(azure)
    assert web.get(workspace_url(azure), headers=good).status_code == 200
    azure.entra.revoke_all()
    assert web.get(workspace_url(azure), headers=good).json()["error"]["code"] == "ExpiredAuthenticationToken"
    assert web.get(workspace_url(azure), headers=bearer(azure)).status_code == 200


def test_missing_workspace_and_group_read_like_azure(azure: AzureContract, web: httpx.Client) -> None:
    missing = workspace_url(azure).replace(azure.workspace.name, "nowhere")
    assert web.get(missing, headers=bearer(azure)).json()["error"]["code"] == "ResourceNotFound"
    missing = workspace_url(azure).replace(azure.workspace.resource_group, "no-group")
    assert web.get(missing, headers=bearer(azure)).json()["error"]["code"] == "ResourceGroupNotFound"
    azure.workspace.deleted = True
    assert web.get(workspace_url(azure), headers=bearer(azure)).status_code == 404


def test_latency_delays_the_true_answer(azure: AzureContract, web: httpx.Client) -> None:
    fault = azure.faults.latency(0.3, host="management.azure.com", times=1)
    started = time.monotonic()
    assert web.get(workspace_url(azure), headers=bearer(azure)).status_code == 200
    assert time.monotonic() - started >= 0.3
    started = time.monotonic()
    web.get(workspace_url(azure), headers=bearer(azure))
    assert time.monotonic() - started < 0.3
    assert fault.hits == 1


def test_hang_ends_when_faults_are_cleared(azure: AzureContract, web: httpx.Client) -> None:
    azure.faults.hang(60, path="*workspaces*")
    timer = threading.Timer(0.2, azure.faults.clear)
    timer.start()
    started = time.monotonic()
    with pytest.raises(httpx.TransportError):
        web.get(workspace_url(azure), headers=bearer(azure))
    timer.join()
    assert 0.1 < time.monotonic() - started < 5
    assert web.get(workspace_url(azure), headers=bearer(azure)).status_code == 200


def test_reset_connection_changes_nothing_and_lost_answer_does(azure: AzureContract, web: httpx.Client) -> None:
    url = f"https://{azure.workspace.api_host}/datastore/v1.0{azure.workspace.scope}/datastores"
    body = {"name": "main", "dataStoreType": "AzureBlob", "azureStorageSection": {"accountName": "a"}}
    azure.faults.reset(method="POST", times=1)
    with pytest.raises(httpx.TransportError):
        web.post(url, json=body, headers=bearer(azure))
    assert azure.workspace.datastores.names() == []
    azure.faults.lose_answer(method="POST", times=1)
    with pytest.raises(httpx.TransportError):
        web.post(url, json=body, headers=bearer(azure))
    assert azure.workspace.datastores.names() == ["main"]
    assert [entry.status for entry in azure.log.posts("/datastores")] == [0, 0]


def test_truncated_body(azure: AzureContract, web: httpx.Client) -> None:
    azure.faults.truncate(20, host="management.azure.com")
    with pytest.raises(httpx.RemoteProtocolError):
        web.get(workspace_url(azure), headers=bearer(azure))


def test_wrong_shape_replaces_the_answer(azure: AzureContract, web: httpx.Client) -> None:
    azure.faults.wrong_shape("<html>Bad gateway</html>", times=1)
    answer = web.get(workspace_url(azure), headers=bearer(azure))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")
    azure.faults.wrong_shape({"value": 7}, times=1)
    assert web.get(workspace_url(azure), headers=bearer(azure)).json() == {"value": 7}


def test_throttling_names_the_seconds(azure: AzureContract, web: httpx.Client) -> None:
    azure.faults.throttled(3, times=1)
    answer = web.get(workspace_url(azure), headers=bearer(azure))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert web.get(workspace_url(azure), headers=bearer(azure)).status_code == 200


@pytest.mark.parametrize("status", [404, 409, 412, 500, 503])
def test_any_status_with_azures_error_body(azure: AzureContract, web: httpx.Client, status: int) -> None:
    fault = azure.faults.status(status, "Some", "Some text.", skip=1, times=1)
    seen = [web.get(workspace_url(azure), headers=bearer(azure)).status_code for _ in range(3)]
    assert seen == [200, status, 200]
    assert fault.hits == 1


def test_run_before_lets_somebody_else_come_first(azure: AzureContract, web: httpx.Client) -> None:
    def delete(request: Request) -> None:
        azure.workspace.deleted = True

    azure.faults.before(delete, path="*workspaces*")
    assert web.get(workspace_url(azure), headers=bearer(azure)).status_code == 404


def test_log_tells_where_a_secret_went(azure: AzureContract, web: httpx.Client) -> None:
    url = f"https://{azure.workspace.api_host}/datastore/v1.0{azure.workspace.scope}/datastores"
    section = {"accountName": "a", "credentialType": "AccountKey", "credential": "s3cret"}
    web.post(
        url, json={"name": "m", "dataStoreType": "AzureBlob", "azureStorageSection": section}, headers=bearer(azure)
    )
    web.get(f"{url}?note=s3cret", headers=bearer(azure))
    web.get(url, headers={**bearer(azure), "X-Note": "s3cret"})
    places = azure.log.places_of("s3cret", allowed=lambda entry: entry.method == "POST")
    assert [place.rpartition(" -> ")[2] for place in places] == ["200 address", "200 header X-Note"]
    assert len(azure.log.places_of("s3cret")) == 3


def test_log_waits_for_requests(azure: AzureContract, web: httpx.Client) -> None:
    with pytest.raises(TimeoutError, match="no 1 requests GET"):
        azure.log.wait_for(1, "GET", seconds=0.1)
    web.get(workspace_url(azure), headers=bearer(azure))
    azure.log.wait_for(1, "GET", "*/workspaces/*")


def test_permissions_decide_and_are_told(azure: AzureContract, web: httpx.Client) -> None:
    from tests.contract.permissions import Permission

    url = f"{ARM}{azure.workspace.scope}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
    allowed = Permission(("Microsoft.MachineLearningServices/workspaces/*/read",), ("*/datastores/read",))
    azure.permissions.only(allowed, scope=azure.workspace.scope)
    assert web.get(url, headers=bearer(azure)).json()["value"] == [allowed.dto()]
    answer = web.get(
        f"https://{azure.workspace.api_host}/datastore/v1.0{azure.workspace.scope}/datastores", headers=bearer(azure)
    )
    assert answer.status_code == 403
    assert "'Microsoft.MachineLearningServices/workspaces/datastores/read'" in answer.json()["error"]["message"]


def test_labelling_progress(azure: AzureContract, web: httpx.Client) -> None:
    from tests.contract.workspace import LabelingJob

    azure.workspace.labeling_jobs.append(LabelingJob("p1", "Cats", 100, 40, 5, ("cat", "dog")))
    url = f"{ARM}{azure.workspace.scope}/labelingJobs"
    query = {"api-version": "2024-01-01-preview", "includeLabelCategories": "true"}
    listed = web.get(url, params=query, headers=bearer(azure)).json()["value"]
    assert listed[0]["properties"]["progressMetrics"]["completedDatapointCount"] == 40
    one = web.get(f"{url}/p1", params=query, headers=bearer(azure)).json()
    assert set(one["properties"]["labelCategories"]["label"]["classes"]) == {"cat", "dog"}
    assert web.get(f"{url}/p2", params=query, headers=bearer(azure)).status_code == 404


def test_web_files_have_ranges_and_tags(azure: AzureContract, web: httpx.Client) -> None:
    url = azure.web.put("files.example.com", "/a.csv", b"0123456789")
    whole = web.get(url)
    assert (whole.status_code, whole.content) == (200, b"0123456789")
    part = web.get(url, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert web.get(url, headers={"Range": "bytes=-3"}).content == b"789"
    assert web.head(url).headers["content-length"] == "10"
    assert web.get(url, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    assert web.get("https://files.example.com/b.csv").status_code == 404
    assert web.get("http://files.example.com/a.csv").content == b"0123456789"


def test_hundred_thousand_datasets_are_cheap_to_page(azure: AzureContract, web: httpx.Client) -> None:
    store = azure.workspace.datasets
    store.fill(100_000)
    url = f"https://{azure.workspace.api_host}/dataset/v1.0{azure.workspace.scope}/datasets"
    query = {"pageSize": "100", "includeLatestDefinition": "true"}
    token, names = "", []
    for _ in range(20):
        page = web.get(url, params={**query, "continuationToken": token}, headers=bearer(azure)).json()
        names += [one["name"] for one in page["value"]]
        token = page["continuationToken"]
    assert names == [f"table_{number:06d}" for number in range(2000)]
    known = store.get("table_099999")
    assert known is not None
    store.update(known, "changed", {"a": "b"})
    assert store.remove("table_000001")
    assert len(store) == 99_999
    changed = web.get(f"{url}/query/name=table_099999", headers=bearer(azure)).json()
    assert (changed["description"], changed["tags"]) == ("changed", {"a": "b"})
    assert web.get(f"{url}/query/name=table_000001", headers=bearer(azure)).status_code == 404
    assert web.get(f"{url}/{changed['datasetId']}/definitions", headers=bearer(azure)).json()["value"]
