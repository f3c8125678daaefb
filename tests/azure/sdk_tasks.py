"""What tests let a worker process do with the SDK. Runs there, so azureml is imported inside the functions."""

from __future__ import annotations

import copy
import functools
import importlib
import logging
import os
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import httpx

from services.azure.identity import CredentialKind
from services.azure.sdk import datasets as sdk
from services.azure.sdk.session import Session


def process_id(session: Session) -> int:
    """The worker's."""
    return os.getpid()


def has_loaded(session: Session, module: str) -> bool:
    """Whether this worker has imported it."""
    return module in sys.modules


def sleep(session: Session, seconds: float) -> int:
    """Hang, as a call of the SDK may."""
    time.sleep(seconds)
    return os.getpid()


def die(session: Session, text: str) -> None:
    """Crash after a last word."""
    os.write(2, text.encode())
    os._exit(3)


def allocate(session: Session, size: int) -> int:
    """Use that many bytes."""
    return len(bytearray(size))


def fail_with(session: Session, text: str) -> None:
    """A fault whose message holds the text."""
    raise RuntimeError(text)


def print_and_log(session: Session, text: str) -> None:
    """Say it in each of the ways the SDK and its native engine do."""
    print("python", text)  # noqa: T201 - what the SDK does
    os.write(1, f"native {text}\n".encode())
    logging.getLogger("azureml.data").warning("logged %s", text)


def list_of_get_all(session: Session) -> list[str]:
    """The names as the obvious line of code gives them."""
    from azureml.core import Dataset

    return [str(name) for name in list(Dataset.get_all(session.workspace()))]


def tag_of_unregistered(session: Session) -> str:
    """Kind of what add_tags returns for a dataset that is not registered."""
    from azureml.core import Dataset

    made = Dataset.File.from_files("https://example.org/a.png", validate=False)
    return type(made.add_tags({"a": "b"})).__name__


def dead_methods(session: Session) -> list[str]:
    """Those of the SDK's dead methods that datasets have again."""
    from azureml.data import FileDataset, TabularDataset

    names = ("deprecate", "archive", "reactivate", "get_definitions")
    return [name for name in names for kind in (FileDataset, TabularDataset) if hasattr(kind, name)]


def versions_of(session: Session, name: str, wanted: Sequence[int], by_list: bool) -> tuple[sdk.VersionEntry, ...]:
    """Versions by the private list call, or as if the SDK had lost it."""
    found = sdk.get(session, name, None)
    operations = type(session.rest().client.dataset)
    kept = operations.get_all_dataset_definitions
    if not by_list:
        del operations.get_all_dataset_definitions
    try:
        return sdk.versions(session, name, found.entry.azure_id, found.entry.type, wanted)
    finally:
        operations.get_all_dataset_definitions = kept


def missing_names(session: Session, names: Sequence[str]) -> list[str]:
    """Those of `module:a.b` that do not exist."""
    missing = []
    for name in names:
        module, _, path = name.partition(":")
        found: object = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part, None)
        if found is None:
            missing.append(name)
    return missing


def ways_of_asking_a_person(session: Session) -> dict[str, str]:
    """Each way, and what comes of it."""
    import msal
    from azure import identity
    from azureml.core.authentication import InteractiveLoginAuthentication
    from azureml.dataprep.api import _azure_access_token_resolver as resolver

    public = object.__new__(msal.PublicClientApplication)
    del os.environ["AZUREML_OBO_ENABLED"]  # as if the broker were not there
    ways: dict[str, Callable[[], object]] = {
        "browser credential": identity.InteractiveBrowserCredential,
        "device code credential": lambda: identity.DeviceCodeCredential("x"),
        "browser of msal": lambda: public.acquire_token_interactive([]),
        "device code of msal": lambda: public.initiate_device_flow([]),
        "web browser": lambda: webbrowser.open("https://login.microsoftonline.com"),
        "data engine": lambda: resolver._resolve_azure_access_token("https://storage.azure.com/.default", None),
        "SDK": lambda: InteractiveLoginAuthentication(force=True).get_authentication_header(),
    }
    found = {}
    try:
        for name, way in ways.items():
            try:
                found[name] = f"gave {way()!r}"
            except BaseException as error:  # noqa: BLE001 - whatever it is, its kind is the outcome
                kinds = [type(each).__name__ for each in _chain(error)]
                found[name] = "InteractiveSignInError" if "InteractiveSignInError" in kinds else repr(kinds)
    finally:
        os.environ["AZUREML_OBO_ENABLED"] = "True"
    return found


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__ or getattr(error, "inner_exception", None)
    return found


def read_private_file(session: Session, url: str) -> int:
    """Rows of a file that nobody may read without a sign-in."""
    from azureml.core import Dataset

    session.renew()
    made = Dataset.Tabular.from_delimited_files(url, validate=False, infer_column_types=False)
    return len(made.take(1)._dataflow._to_pyrecords())


def token_by_the_sdks_resolver(session: Session, scope: str) -> tuple[str, int]:
    """The token as the data engine gets it, and what a stranger gets at the broker."""
    from azureml.dataprep.api import _azure_access_token_resolver as resolver

    token, _ = resolver._resolve_azure_access_token(scope, None)
    stranger = httpx.get(f"{os.environ['OBO_ENDPOINT']}?resource=https://storage.azure.com/", headers={"secret": "x"})
    return str(token), stranger.status_code


def read_local_rows(session: Session) -> int:
    """Let the engine read something."""
    from azureml.dataprep import EnginelessDataflow

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        path.write_text("a,b\n1,2\n3,4\n")
        text = (
            f"type: mltable\npaths:\n- file: 'file://{path}'\ntransformations:\n- read_delimited:\n    delimiter: ','\n"
        )
        return len(EnginelessDataflow(text)._to_pyrecords())


def open_anew(session: Session) -> str:
    """Sign in and find the workspace as a worker does before its first call; the address of its services."""
    session.renew()
    return str(session.rest().client.config.base_url)


def open_as(session: Session, kind: CredentialKind, environment: dict[str, str], names: Sequence[str]) -> str:
    """As `open_anew`, signed in as `kind` says with this environment alone, of the names that it may set."""
    settings, before = session.settings, {name: os.environ.get(name) for name in names}
    for name in names:
        os.environ.pop(name, None)
    os.environ.update(environment)
    session.settings = replace(settings, credential=kind)
    try:
        return open_anew(session)
    finally:
        session.settings = settings
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        session.renew()


def get_after_opening_anew(session: Session, name: str) -> sdk.Found:
    """A dataset, by a worker that has not opened the workspace yet."""
    session.renew()
    return sdk.get(session, name, None)


def key_as_the_sdk_lists_it(session: Session, name: str) -> str:
    """The account key of a datastore in the SDK's own list."""
    return str(session.workspace().datastores[name].account_key)


OTHERS: tuple[object, ...] = (None, 3, "x", [], {}, [3], {"a": 1}, True)


def reading_broken_answers(session: Session, name: str) -> list[str]:
    """Reads Azure's answer about a dataset with each of its values replaced or left out; what that did but say so."""
    from services.azure.sdk.rest import WrongShapeError

    good = sdk.as_answered(session, name)
    wrong = []
    for path in _places(good):
        for other in (*OTHERS, _places):  # the last one stands for nothing at all
            broken = copy.deepcopy(good)
            *above, last = path
            parent = functools.reduce(lambda found, key: found[key], above, broken)
            if other is _places:
                del parent[last]
            else:
                parent[last] = other
            try:
                sdk._entry(broken)
                sdk._version(session, broken, sdk.object_in(broken, "latest"))
            except WrongShapeError:
                continue
            except Exception as error:  # noqa: BLE001 - all of them are what is looked for
                wrong.append(f"{path} {other!r}: {error!r}")
    return wrong


def _places(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where there is a value in nested objects."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield (*path, key)
            yield from _places(each, (*path, key))
