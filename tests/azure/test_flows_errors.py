"""What goes wrong at Azure, as the person who registers sees it: told where they look, nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.azure.flow_stage import API_HOST, BLOB, BLOB_HOST, CHANNEL, CONTAINER, SOON, FlowStage, flow_stage, until
from tests.contract.server import AzureContract

pytestmark = [pytest.mark.azure, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

REGISTER = "*/datasets"
ONE = "*/datasets/query/*"
READ = "Microsoft.MachineLearningServices/workspaces/datasets/registered/read"
WRITE = "Microsoft.MachineLearningServices/workspaces/datasets/registered/write"
NOTICE_SECONDS = 3.0


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(
    azure_server: AzureContract, bot_environment: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FlowStage]:
    folder: Path = tmp_path_factory.mktemp("flows")
    async with flow_stage(azure_server, folder, workspace="ml-errors") as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def on(stage: FlowStage) -> AsyncIterator[FlowStage]:
    yield stage
    mend(stage)
    await stage.close_all()
    await stage.listen()


def typed(on: FlowStage, name: str, rows: str = "1,2\n", datastore: str = "plain") -> dict[str, str]:
    """A table in storage of its own, and what is typed into the form to mean it."""
    on.storage.put(BLOB, CONTAINER, f"{name}/a.csv", f"{name.replace('-', '_')},b\n{rows}".encode())
    return {"paths": f"{name}/a.csv", "datastore": datastore, "description": f"Said of {name}", "tags": "team=web"}


async def registered(on: FlowStage, name: str) -> None:
    """A dataset with one version, registered while all was well."""
    await on.register(on.ben, name, typed(on, name))
    await on.close_all()


def delete_workspace(on: FlowStage) -> None:
    on.azure.workspace.deleted = True


def no_role_on_storage(on: FlowStage) -> None:
    code = "AuthorizationPermissionMismatch"
    on.azure.faults.status(403, code, host=BLOB_HOST, headers={"x-ms-error-code": code})


def no_container(on: FlowStage) -> None:
    code = "ContainerNotFound"
    on.azure.faults.status(404, code, host=BLOB_HOST, headers={"x-ms-error-code": code})


def storage_closed(on: FlowStage) -> None:
    code = "AuthorizationFailure"
    on.azure.faults.status(403, code, host=BLOB_HOST, headers={"x-ms-error-code": code})


def identity_ended(on: FlowStage) -> None:
    on.azure.entra.revoke_all()
    on.azure.entra.apps.clear()


def mend(on: FlowStage) -> None:
    """All is well again."""
    on.azure.faults.clear()
    on.azure.workspace.deleted = False
    on.azure.entra.reset()


def _is_said(words: str, said: str) -> bool:
    """Are the words there, as beside a field or as above the form, where what they quote is set as code?"""
    return words in said or words.translate(str.maketrans("“”", "``")) in said


def network_closed(on: FlowStage) -> None:
    on.azure.faults.unreachable(API_HOST)  # new connections
    on.azure.faults.reset(host=API_HOST)  # and those that are open already


@dataclass(frozen=True)
class Case:
    """Something that stays wrong until it is mended. said: what the sentence has; sent: POSTs before it is mended."""

    id: str
    arrange: Callable[[FlowStage], object]
    said: tuple[str, ...]
    sent: int = 0


LASTING = [
    Case(
        "no permission to register",
        lambda on: on.azure.faults.forbidden(WRITE, path=REGISTER, method="POST"),
        (WRITE, "AzureML Data Scientist", "try again"),
        sent=1,
    ),
    Case("no role on storage", no_role_on_storage, ("Storage Blob Data Reader", f"{BLOB}/{CONTAINER}", "try again")),
    Case(
        "storage closed", storage_closed, ("refuses the bot's network", "Networking of the account", "private endpoint")
    ),
    Case(
        "sign-in refused",
        lambda on: on.azure.faults.unauthorized(host=API_HOST),
        ("sign-in", "Try again in a minute", "dataset-bot check"),
    ),
    Case(
        "identity ended", identity_ended, ("cannot sign in to Azure", "application is not known", "dataset-bot check")
    ),
    Case(
        "private endpoint only",
        lambda on: on.azure.faults.status(403, "Forbidden", "Public network access is disabled.", path=ONE),
        ("cannot be reached from the bot's network", "private endpoint"),
    ),
    Case(
        "another region",
        lambda on: on.azure.faults.status(404, "UserError", "Workspace is not in this region.", path=ONE),
        ("region", "Restart the bot", "correct WORKSPACE"),
    ),
    Case(
        "resource group gone",
        lambda on: on.azure.faults.status(404, "ResourceGroupNotFound", "no", path=ONE),
        ("resource group in WORKSPACE does not exist", "deleted or renamed", "administrator"),
    ),
    Case("no container", no_container, (f"no container “{CONTAINER}”", BLOB, "correct the datastore")),
    Case(
        "name taken by somebody at the same moment",
        lambda on: on.azure.faults.status(409, "UserError", "It already exists.", path=REGISTER, method="POST"),
        ("exists already", "Choose another name"),
        sent=1,
    ),
    Case(
        "throttled for long",
        lambda on: on.azure.faults.throttled(77, path=REGISTER, method="POST"),
        ("slow down", "in 77 seconds"),
        sent=1,
    ),
    Case("workspace deleted", delete_workspace, ("workspace in WORKSPACE does not exist", "administrator")),
    Case(
        "network closed",
        network_closed,
        ("Azure Machine Learning cannot be reached", "private endpoint", "let the bot"),
    ),
    Case(
        "refused for another reason",
        lambda on: on.azure.faults.status(400, "UserError", "Odd tags.", path=REGISTER, method="POST"),
        ("refuses this", "Odd tags."),
        sent=1,
    ),
    Case(
        "a page instead of an answer",
        lambda on: on.azure.faults.wrong_shape("<html>gateway</html>", path=ONE),
        ("does not understand", "Try again in a minute"),
    ),
    Case(
        "an object of another shape",
        lambda on: on.azure.faults.wrong_shape({"surprise": True}, path=ONE),
        ("does not understand", "Try again in a minute"),
    ),
    Case("service broken", lambda on: on.azure.faults.status(503, path=ONE), ("status 503", "few minutes")),
]


@pytest.mark.parametrize("case", LASTING, ids=lambda case: case.id.replace(" ", "-"))
async def test_told_with_the_next_step_and_the_form_is_kept(on: FlowStage, case: Case) -> None:
    name = "lasting-" + case.id.replace(" ", "-")
    view = await on.form(on.ben, name)
    values = typed(on, name)
    case.arrange(on)
    said = await on.refused(on.ben, view, values)
    for words in case.said:
        assert _is_said(words, said), said
    assert on.versions(name) == 0
    assert len(on.posts(name)) == case.sent
    mend(on)
    view = await on.ben.wait_view("register")
    # What was typed is still in the form, so pressing Register is all there is to do.
    assert (await on.ben.submit(view, values))["response_action"] == "push"
    done = await on.ben.wait_view("done", f"{name}:1", timeout=SOON)
    assert f"Said of {name}" in done.shown
    await on.chiara.wait_message(CHANNEL, f"{name}:1", timeout=10)
    assert on.versions(name) == 1
    assert len(on.posts(name)) == case.sent + 1


PASSING = [
    Case(
        "throttled for a second",
        lambda on: on.azure.faults.throttled(1, path=REGISTER, method="POST", times=1),
        (),
        sent=2,
    ),
    Case("service broken twice", lambda on: on.azure.faults.status(503, path=ONE, times=2), (), sent=1),
    Case("connection reset twice", lambda on: on.azure.faults.reset(path=ONE, times=2), (), sent=1),
    Case("answer cut off", lambda on: on.azure.faults.truncate(20, path=ONE, times=1), (), sent=1),
    Case(
        "storage throttled for a second",
        lambda on: on.azure.faults.throttled(1, host=BLOB_HOST, times=1),
        (),
        sent=1,
    ),
    Case("storage cut off", lambda on: on.azure.faults.truncate(5, host=BLOB_HOST, times=1), (), sent=1),
    Case("tokens expired", lambda on: on.azure.entra.revoke_all(), (), sent=1),
    Case(
        "token expired for the registration",
        lambda on: on.azure.faults.unauthorized(path=REGISTER, method="POST", times=1),
        (),
        sent=1,
    ),
    Case("token expired on storage", lambda on: on.azure.faults.unauthorized(host=BLOB_HOST, times=1), (), sent=1),
    Case("answer lost", lambda on: on.azure.faults.lose_answer(path=REGISTER, method="POST", times=1), (), sent=1),
    Case(
        "answer of the registration cut off",
        lambda on: on.azure.faults.truncate(20, path=REGISTER, method="POST", times=1),
        (),
        sent=1,
    ),
    Case(
        "answer of the registration a page",
        lambda on: on.azure.faults.wrong_shape("<html>", path=REGISTER, method="POST", times=1),
        (),
        sent=1,
    ),
    Case(
        "answer of the registration another object",
        lambda on: on.azure.faults.wrong_shape({}, path=REGISTER, method="POST", times=1),
        (),
        sent=1,
    ),
]


@pytest.mark.parametrize("case", PASSING, ids=lambda case: case.id.replace(" ", "-"))
async def test_finishes_by_itself_with_one_version(on: FlowStage, case: Case) -> None:
    name = "passing-" + case.id.replace(" ", "-")
    view = await on.form(on.ben, name)
    values = typed(on, name)
    case.arrange(on)
    assert (await on.ben.submit(view, values))["response_action"] == "push"
    await on.ben.wait_view("done", f"{name}:1", timeout=SOON)
    await on.chiara.wait_message(CHANNEL, f"{name}:1", timeout=10)
    assert on.versions(name) == 1
    # What is refused for its token did nothing; each worker process may hold an old one.
    assert len([post for post in on.posts(name) if post.status != 401]) == case.sent


@dataclass(frozen=True)
class Asked:
    """A command for a dataset that Azure has, and the copy does not, and what is told of what goes wrong then."""

    id: str
    text: str
    arrange: Callable[[FlowStage], object]
    said: tuple[str, ...]


ASKED = [
    Asked("nobody knows it", "show nobody-{}", lambda on: None, ("There is no dataset called", "nobody-")),
    Asked(
        "may not be read",
        "show {}",
        lambda on: on.azure.faults.forbidden(READ, path=ONE),
        (READ, "AzureML Data Scientist", "try again"),
    ),
    Asked("throttled", "versions {}", lambda on: on.azure.faults.throttled(33, path=ONE), ("slow down", "33 seconds")),
    Asked("service broken", "show {}", lambda on: on.azure.faults.status(500, path=ONE), ("status 500", "few minutes")),
    Asked(
        "may not be changed",
        "tag {} a=b",
        lambda on: on.azure.faults.forbidden(WRITE, path="*/datasets/*", method="PUT"),
        (WRITE, "AzureML Data Scientist"),
    ),
    Asked(
        "changed by somebody else",
        "tag {} a=b",
        lambda on: on.azure.faults.status(409, "UserError", "Conflict", path="*/datasets/*", method="PUT"),
        ("Somebody else is changing", "try again"),
    ),
    Asked(
        "a tag that Azure refuses",
        "tag {} a=b",
        lambda on: on.azure.faults.status(400, "UserError", "Odd tags.", path="*/datasets/*", method="PUT"),
        ("refuses this", "Odd tags."),
    ),
    Asked("cut off again and again", "show {}", lambda on: on.azure.faults.truncate(20, path=ONE), ("not answer",)),
]


@pytest.mark.parametrize("case", ASKED, ids=lambda case: case.id.replace(" ", "-"))
async def test_what_is_asked_is_answered_with_the_next_step(on: FlowStage, case: Asked) -> None:
    name = "asked-" + case.id.replace(" ", "-")
    on.azure.workspace.datasets.add(name, f"type: mltable\npaths:\n- file: https://data.example/{name}.csv\n")
    if case.text.startswith("tag"):  # who may is known from here, so that only the change itself can go wrong
        await on.answered(on.ada, "/dataset", f"show {name}", name)
    case.arrange(on)
    before = (await on.ada.messages(CHANNEL))[-1:]
    await on.ada.command(CHANNEL, "/dataset", case.text.format(name))
    told = await on.ada.wait_message(CHANNEL, case.said[0], after=before[0].ts if before else "", timeout=SOON)
    for words in case.said:
        assert words in told.shown, told.shown


async def test_requests_that_may_have_arrived_are_looked_for_and_not_repeated(on: FlowStage) -> None:
    """A 503 and a reset say nothing of what Azure did; both are told once it is certain that nothing came of them."""
    first = await on.form(on.ben, "maybe-broken")
    second = await on.form(on.chiara, "maybe-reset")
    on.azure.faults.status(503, path=REGISTER, method="POST", times=1)
    on.azure.faults.reset(path=REGISTER, method="POST", times=1, skip=1)
    assert (await on.ben.submit(first, typed(on, "maybe-broken")))["response_action"] == "push"
    await until(lambda: len(on.posts("maybe-broken")) == 1)
    assert (await on.chiara.submit(second, typed(on, "maybe-reset")))["response_action"] == "push"
    told = await asyncio.gather(
        on.ben.wait_view("error", "status 503", timeout=60), on.chiara.wait_view("error", timeout=60)
    )
    assert "Try again in a minute" in told[1].shown or "private endpoint" in told[1].shown
    for person, view, name in zip((on.ben, on.chiara), told, ("maybe-broken", "maybe-reset"), strict=True):
        assert (on.versions(name), len(on.posts(name))) == (0, 1)
        await person.close(view)
        again = await person.wait_view("register")
        assert (await person.submit(again, {}))["response_action"] == "push"
        await person.wait_view("done", f"{name}:1", timeout=SOON)
        assert (on.versions(name), len(on.posts(name))) == (1, 2)


async def test_a_new_version_while_somebody_changes_the_dataset(on: FlowStage) -> None:
    await registered(on, "contested")
    values = typed(on, "contested", "3,4\n")
    view = await on.form(on.ben, "contested")
    on.azure.faults.status(409, "UserError", "Conflict", path=REGISTER, method="POST")
    said = await on.refused(on.ben, view, values)
    assert "Somebody else is changing" in said
    assert on.versions("contested") == 1


async def test_register_pressed_twice_sends_one_request(on: FlowStage) -> None:
    view = await on.form(on.ben, "pressed")
    state = await on.ben.fill(view, typed(on, "pressed"))
    on.azure.faults.latency(0.5, path=REGISTER, method="POST")
    answers = await asyncio.gather(on.ben.submit(view, state), on.ben.submit(view, state))
    assert any(answer.get("response_action") == "push" for answer in answers), answers
    await on.ben.wait_view("done", "pressed:1", timeout=SOON)
    await _idle(on)
    assert on.versions("pressed") == 1
    assert len(on.posts("pressed")) == 1
    cards = [each for each in await on.chiara.messages(CHANNEL) if "pressed:1" in each.shown]
    assert len(cards) == 1


async def _idle(on: FlowStage) -> None:
    """Until no work is under way."""
    await until(lambda: on.bot.jobs.unfinished == 0)


async def test_a_slow_azure_is_told_within_three_seconds_and_its_answer_comes(on: FlowStage) -> None:
    await registered(on, "slowly")
    version = on.made("slowly")
    assert version is not None
    on.azure.workspace.datasets.update(version, "Changed in the studio", {"team": "web"})
    await asyncio.sleep(2.1)  # an answer is good for two seconds
    on.azure.faults.hang(host=API_HOST)
    asked = time.monotonic()
    await on.ben.command(CHANNEL, "/dataset", "show slowly")
    assert time.monotonic() - asked < 1
    told = await on.ben.wait_message(CHANNEL, "is slow to answer", timeout=NOTICE_SECONDS)
    assert told.ephemeral
    assert "Azure Machine Learning" in told.shown
    on.azure.faults.clear()  # the requests that hang are cut off
    answer = await on.ben.wait_message(CHANNEL, "Changed in the studio", timeout=SOON)
    assert "slowly:1" in answer.shown


async def test_a_registration_goes_on_while_azure_hangs(on: FlowStage) -> None:
    """Forms open and are acknowledged; the window says what is going on; all ends well when Azure answers."""
    await registered(on, "hanging-old")
    await asyncio.sleep(2.1)
    on.azure.faults.latency(6.0, host=API_HOST)
    asked = time.monotonic()
    view = await on.form(on.chiara, "hanging-new")
    answer = await on.chiara.submit(view, typed(on, "hanging-new"))
    assert answer["response_action"] == "push"
    await on.chiara.wait_view("working", ":hourglass_flowing_sand:", timeout=1)
    assert time.monotonic() - asked < 2 * NOTICE_SECONDS
    # The next version of a dataset: its form is acknowledged as soon.
    view = await on.form(on.ben, "hanging-new-2")
    values = {**typed(on, "hanging-old", "5,6\n"), "name": "hanging-old", "new_version": ["yes"]}
    state = await on.ben.fill(view, values)
    asked = time.monotonic()
    answer = await on.ben.submit(view, state)
    took = time.monotonic() - asked
    assert answer.get("response_action") == "push", answer
    assert took < NOTICE_SECONDS
    on.azure.faults.clear()
    await on.chiara.wait_view("done", "hanging-new:1", timeout=SOON)
    await on.ben.wait_view("done", "hanging-old:2", timeout=SOON)
    old = on.made("hanging-old")
    assert old is not None
    assert old.description == "Said of hanging-old"
