"""What is known to go wrong with azureml-core 1.61, each with a test that it does not go wrong here."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
import structlog

from services.azure.sdk import datastores as sdk_datastores
from services.azure.sdk.rest_names import PRIVATE_NAMES
from services.errors import Conflict, NotAllowed, NotFound, Unavailable
from tests.azure import sdk_tasks
from tests.azure.catalog_world import AzureWorld, fingerprint, request
from tests.contract.datastore_store import blob
from tests.contract.entra import BOT_APP

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]

ROOT = Path(__file__).parents[2]
YAML = (
    "type: mltable\npaths:\n- pattern: 'azureml://datastores/main/paths/x/*.parquet'\n"
    "transformations:\n- read_parquet:\n    include_path_column: false\n"
)
BY_NAME = "*/datasets/query/name=*"
UPDATE = "*/datasets/*-*"


async def test_the_first_list_of_get_all_is_empty_and_ours_is_not(world: AzureWorld) -> None:
    world.azure.workspace.datasets.fill(250)
    assert await world.workers.run("", sdk_tasks.list_of_get_all) == [], "the trap is still there"
    await world.sweeper.run()
    assert await world.mirror.count() == 250


async def test_an_exception_returned_instead_of_raised(world: AzureWorld) -> None:
    assert await world.workers.run("", sdk_tasks.tag_of_unregistered) == "UserErrorException", "the trap is still there"
    with pytest.raises(NotFound):
        await world.catalog.change_tags("sales", put=[("a", "b")], remove=[])
    with pytest.raises(NotFound):
        await world.catalog.set_description("sales", "words")


async def test_datastores_are_listed_with_their_secrets_by_the_sdk_and_not_by_us(world: AzureWorld) -> None:
    key = "c2VjcmV0LW9mLXRoZS1kYXRhc3RvcmU="
    world.azure.workspace.datastores.put(blob("main", "mlstorage", "data", key=key))
    assert await world.workers.run("", sdk_tasks.key_as_the_sdk_lists_it, "main") == key, "the trap is still there"
    assert any("includeSecret=true" in entry.query for entry in world.azure.log.find("GET", "*/datastores"))
    world.azure.log.clear()
    listed = await world.workers.run("", sdk_datastores.list_all)
    assert listed.entries[0].name == "main"
    assert key not in repr(listed)
    assert all("includeSecret=false" in entry.query for entry in world.azure.log.find("GET", "*/datastores"))


async def test_answers_of_any_other_shape_are_no_fault_of_ours(world: AzureWorld) -> None:
    """Each value of Azure's answer in turn is another thing, or is not there."""
    world.azure.workspace.datasets.add("sales", YAML, tags={"team": "web"}, description="All sales")
    assert await world.workers.run("", sdk_tasks.reading_broken_answers, "sales") == []


def installed() -> dict[str, str]:
    """What a bot's machine has, by requirements.lock."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return dict(line.split(" ")[0].split("==") for line in lines if "==" in line.split(" ")[0])


async def test_the_packages_that_spoil_the_sdk_are_not_installed() -> None:
    """azure-ai-ml takes over how v1 signs in, opendatasets and datadrift need an old pandas, telemetry posts."""
    names = installed().keys()
    unwanted = {
        "azure-ai-ml",
        "azureml-opendatasets",
        "azureml-datadrift",
        "azureml-telemetry",
        "azureml-contrib-dataset",
    }
    assert not unwanted & names
    assert {"azureml-core", "azureml-dataprep", "azure-identity"} <= names


async def test_a_newer_azure_identity_would_bring_an_older_engine() -> None:
    """dataprep 5.5 needs azure-identity 1.17 or older; with a newer one the installer falls back to dataprep 5.3."""
    found = installed()
    assert found["azureml-core"].startswith("1.61.")
    assert tuple(map(int, found["azureml-dataprep"].split("."))) >= (5, 5, 0)
    assert tuple(map(int, found["azure-identity"].split("."))) <= (1, 17, 0)


async def test_the_dead_methods_are_not_used(world: AzureWorld) -> None:
    assert await world.workers.run("", sdk_tasks.dead_methods) == []


async def test_versions_come_by_the_private_call_and_without_it(world: AzureWorld) -> None:
    for number in range(1, 4):
        world.azure.workspace.datasets.add("x", YAML.replace("/x/", f"/{number}/"))
    by_list = await world.workers.run("x", sdk_tasks.versions_of, "x", (1, 2, 3), True)
    one_by_one = await world.workers.run("x", sdk_tasks.versions_of, "x", (1, 2, 3), False)
    assert sorted(by_list) == sorted(one_by_one)
    assert len(by_list) == 3
    assert len(world.azure.log.find("GET", "*/definitions")) == 1


async def test_private_names_of_the_pinned_sdk(world: AzureWorld) -> None:
    missing = await world.workers.run("", sdk_tasks.missing_names, PRIVATE_NAMES)
    assert missing == []
    assert await world.workers.run("", sdk_tasks.missing_names, ("azureml.core:Workspace._nonsense",)) != []


async def test_a_lost_tag_update_is_noticed_and_made_again(world: AzureWorld) -> None:
    await world.catalog.register(request(), fingerprint(), registration_id="r1")
    store = world.azure.workspace.datasets
    undone: list[str] = []

    def undo(_: object) -> None:
        """Somebody who read before our change writes after it."""
        stored = store.get("sales")
        assert stored is not None
        if not undone and "mine" in stored.tags:
            undone.append("once")
            store.update(stored, stored.description, {"team": "web", "theirs": "1"})

    world.azure.faults.before(undo, path=BY_NAME, times=None)
    changed = await world.catalog.change_tags("sales", put=[("mine", "1")], remove=[])
    assert undone == ["once"]
    assert changed.tags == (("mine", "1"), ("team", "web"), ("theirs", "1"))


async def test_a_tag_update_that_is_lost_again_and_again_is_a_conflict(world: AzureWorld) -> None:
    await world.catalog.register(request(), fingerprint(), registration_id="r1")
    store = world.azure.workspace.datasets

    def undo(_: object) -> None:
        stored = store.get("sales")
        assert stored is not None
        store.update(stored, stored.description, {"team": "web"})

    world.azure.faults.before(undo, path=BY_NAME, times=None)
    with pytest.raises(Conflict, match="keeps changing “sales”"):
        await world.catalog.change_tags("sales", put=[("mine", "1")], remove=[])


async def test_our_own_changes_at_the_same_time_do_not_undo_one_another(world: AzureWorld) -> None:
    await world.catalog.register(request(tags=()), fingerprint(), registration_id="r1")
    await asyncio.gather(*(world.catalog.change_tags("sales", put=[(f"k{n}", str(n))], remove=[]) for n in range(6)))
    assert (await world.catalog.get("sales")).tags == tuple((f"k{n}", str(n)) for n in range(6))


async def test_a_definition_that_fails_to_be_fetched_is_azures_failure_not_an_old_sdk(world: AzureWorld) -> None:
    """The SDK says "no longer supported, downgrade" when the service that translates definitions answers 503."""
    stored = world.azure.workspace.datasets.add("old", YAML)
    version = stored.versions[0]
    old_fashioned = type(version)(1, version.saved_id, '{"blocks": [1]}', {}, version.created)
    stored.versions[0] = old_fashioned
    world.azure.faults.status(503, path="*/dataversion/*")
    with pytest.raises(Unavailable, match="problem of its own"):
        await world.catalog.version("old")


async def test_a_denied_look_is_asked_once_and_names_the_permission(world: AzureWorld) -> None:
    action = "Microsoft.MachineLearningServices/workspaces/datasets/registered/read"
    world.azure.faults.forbidden(action, path=BY_NAME)
    with pytest.raises(NotAllowed, match="AzureML Data Scientist") as denied:
        await world.catalog.get("sales")
    assert action in denied.value.sentence
    assert len(world.azure.log.find("GET", BY_NAME)) == 1
    assert world.azure.log.find("GET", "*/dataversion/*") == []


async def test_what_the_sdk_prints_stays_out_of_the_bots_output(
    world: AzureWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    with structlog.testing.capture_logs() as lines:
        await world.workers.run("", sdk_tasks.print_and_log, "hello from the engine")
    said = [line["output"] for line in lines if line["event"] == "azure_sdk_said"]
    assert said
    assert all(text in said[0] for text in ("python hello", "native hello", "logged hello"))
    printed = capfd.readouterr()
    assert "hello" not in printed.out + printed.err


async def test_no_secret_leaves_a_worker(world: AzureWorld) -> None:
    key = "A" * 86 + "=="
    secrets = [BOT_APP.secret, key, "sv=2021&sig=abc%2Fdef", "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln"]
    text = (
        f'{{"credential": "{key}", "clientSecret": "{BOT_APP.secret}"}} AccountKey={key};x '
        f"https://a.blob.core.windows.net/c?{secrets[2]} Authorization: Bearer {secrets[3]} "
        f"client_secret={BOT_APP.secret} and all by itself {BOT_APP.secret}"
    )
    with structlog.testing.capture_logs() as lines:
        await world.workers.run("", sdk_tasks.print_and_log, text)
        with pytest.raises(Exception, match="a fault") as fault:
            await world.workers.run("", sdk_tasks.fail_with, f"a fault with {text}")
    told = str(lines) + str(fault.value) + repr(fault.value)
    assert "[redacted]" in told
    for secret in (BOT_APP.secret, key, "abc%2Fdef", "eyJhIjoxfQ"):
        assert secret not in told


async def test_the_token_of_a_bot_whose_sign_in_was_revoked_is_renewed(world: AzureWorld) -> None:
    await world.catalog.register(request(), fingerprint(), registration_id="r1")
    world.azure.entra.revoke_all()
    assert (await world.catalog.get("sales")).latest_version == 1
    world.azure.entra.revoke_all()
    assert (await world.catalog.register(request("b"), fingerprint("b"), registration_id="r2")).label == "b:1"


async def test_nothing_signs_in_interactively_when_data_are_out_of_reach(world: AzureWorld) -> None:
    """The SDK's data engine asks a person by browser or device code when it has no credential for storage."""
    tried = await world.workers.run("", sdk_tasks.ways_of_asking_a_person)
    assert tried == dict.fromkeys(tried, "InteractiveSignInError")
    assert len(tried) >= 6
    world.azure.entra.apps.clear()  # not even the bot gets a token now
    with pytest.raises(Exception):  # noqa: B017, PT011 - the engine asks the broker again and again, until it is killed
        await world.workers.run(
            "", sdk_tasks.read_private_file, "https://mlstorage.blob.core.windows.net/private/a.csv", seconds=8
        )
    # The same read without the bot's worker, in tests/contract/test_storage.py, does sign somebody in.
    assert world.azure.log.sign_ins() == []
    assert world.azure.browser_openings() == []
    world.azure.entra.reset()


async def test_the_engine_gets_its_tokens_from_the_broker(world: AzureWorld) -> None:
    token, refused = await world.workers.run(
        "", sdk_tasks.token_by_the_sdks_resolver, "https://storage.azure.com/.default"
    )
    assert token.count(".") == 2
    assert refused == 403, "who does not know the secret gets no token"


async def test_telemetry_that_is_refused_stops_nothing(world: AzureWorld) -> None:
    assert await world.workers.run("", sdk_tasks.read_local_rows) == 2
    assert all(host.startswith("dc.services.visualstudio.com") for host in world.azure.log.telemetry())


async def test_the_answering_process_imports_nothing_of_azureml() -> None:
    code = (
        "import sys, services.azure.catalog, services.azure.sweep, services.azure.workers;"
        "print([m for m in sys.modules if m.partition('.')[0] in ('azureml', 'azure', 'msal', 'msrest')])"
    )
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    said, _ = await child.communicate()
    assert said.decode().strip() == "[]"
