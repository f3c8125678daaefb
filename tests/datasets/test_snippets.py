"""Snippets run as pasted: they compile, say what they should, and the local one is executed."""

from __future__ import annotations

import ast
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.datasets.model import (
    ColumnType,
    DatasetType,
    Definition,
    FileFormat,
    Format,
    HeaderMode,
    UsageGuide,
    WebSource,
)
from services.datasets.snippets import usage_guide
from services.datasets.workspace import WorkspaceFacts
from services.datastores.model import Datastore, DatastoreKind
from tests.datasets.samples import NOON, version
from tests.datasets.world import files, table

AZURE = WorkspaceFacts("ml-prod", "11111111-2222-3333-4444-555555555555", "rg-data")
LOCAL = WorkspaceFacts("local")
NASTY = 'it\'s "q" $(rm -rf /) `x` \\ \n'
BLOBS = Datastore("workspaceblobstore", DatastoreKind.BLOB, "account/container", is_default=True, created_at=NOON)


def codes(guide: UsageGuide, language: str) -> list[str]:
    return [snippet.code for snippet in guide.snippets if snippet.language == language]


def strings(code: str) -> set[str]:
    """All string literals of Python code."""
    nodes = ast.walk(ast.parse(code))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.parametrize("definition", [table("a/*.csv"), files("a/*")])
@pytest.mark.parametrize("name", ["sales", NASTY])
@pytest.mark.parametrize("workspace", [AZURE, replace(AZURE, name=NASTY, resource_group=NASTY)])
def test_azure_snippets_are_whole_and_escaped(definition: Definition, name: str, workspace: WorkspaceFacts) -> None:
    guide = usage_guide(version(definition, 3, name=name), workspace=workspace, datastore=BLOBS)
    assert guide.label == f"{name}:3"
    for snippet in guide.snippets:
        if snippet.language != "python" or "train.py of that run" in snippet.title:
            continue  # the script of a run is told its input by the run
        found = strings(snippet.code)
        assert name in found
        assert {workspace.subscription_id, workspace.resource_group, workspace.name} <= found
    (shell,) = codes(guide, "bash")
    assert shlex.split(shell.replace("\\\n", " ")) == [
        *("az", "ml", "data", "show", "--name", name, "--version", "3"),
        *("--subscription", workspace.subscription_id),
        *("--resource-group", workspace.resource_group),
        *("--workspace-name", workspace.name),
    ]


def test_what_a_type_can_do() -> None:
    tabular = usage_guide(version(table("a")), workspace=AZURE, datastore=BLOBS)
    everything = "\n".join(codes(tabular, "python"))
    assert "to_pandas_dataframe()" in everything
    assert "to_spark_dataframe()" in everything
    assert ".mount()" not in everything
    file = usage_guide(version(files("a")), workspace=AZURE, datastore=BLOBS)
    everything = "\n".join(codes(file, "python"))
    assert ".mount()" in everything
    assert ".download(target_path='./sales'" in everything
    assert "pandas" not in everything


def test_latest_and_pinned() -> None:
    guide = usage_guide(version(table("a"), 7), workspace=AZURE, datastore=BLOBS)
    latest, pinned = guide.snippets[:2]
    assert "get_by_name(workspace, name='sales')" in latest.code
    assert "get_by_name(workspace, name='sales', version=7)" in pinned.code
    assert "7" in pinned.title


def test_the_snippets_call_what_sdk_v1_has() -> None:
    """Names of methods and arguments, checked against the installed azureml-core's own source."""
    import importlib.util

    spec = importlib.util.find_spec("azureml")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    root = Path(next(iter(spec.submodule_search_locations)))
    defined: dict[str, set[str]] = {}
    for file in (
        *("data/abstract_dataset.py", "data/tabular_dataset.py", "data/file_dataset.py", "core/workspace.py"),
        *(
            "core/experiment.py",
            "core/run.py",
            "core/script_run_config.py",
            "core/_portal.py",
            "data/dataset_consumption_config.py",
        ),
    ):
        for node in ast.walk(ast.parse((root / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                arguments = {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}
                defined.setdefault(node.name, set()).update(arguments)
    for definition in (table("a"), files("a")):
        guide = usage_guide(version(definition), workspace=AZURE, datastore=BLOBS)
        for snippet in guide.snippets:
            if not snippet.title.startswith("SDK v1"):
                continue
            for node in ast.walk(ast.parse(snippet.code)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    if node.func.attr in {"head", "show", "listdir", "index"}:
                        continue  # of pandas, Spark, os and lists
                    assert {each.arg for each in node.keywords} <= defined[node.func.attr], node.func.attr
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id[0].isupper():
                    assert {each.arg for each in node.keywords} <= defined["__init__"]


def test_access_is_told_in_words() -> None:
    one = version(table("a"))
    identity = replace(BLOBS, identity_based=True)
    assert (
        "Storage Blob Data Reader on account/container"
        in usage_guide(one, workspace=AZURE, datastore=identity).access_note
    )
    assert "credential" in usage_guide(one, workspace=AZURE, datastore=BLOBS).access_note
    assert "does not exist any more" in usage_guide(one, workspace=AZURE).access_note
    web = version(Definition(DatasetType.FILE, WebSource(("https://example.com/a.csv",))))
    assert "web" in usage_guide(web, workspace=AZURE).access_note


def folder(path: Path) -> Datastore:
    return Datastore("workspaceblobstore", DatastoreKind.FOLDER, str(path), is_default=True, created_at=NOON)


def run_local(definition: Definition, place: Path, ending: str) -> str:
    """Run the first snippet of a local workspace, as pasted, in a new interpreter; returns what `ending` prints."""
    guide = usage_guide(version(definition), workspace=LOCAL, datastore=folder(place))
    code = guide.snippets[0].code + "\n" + ending
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A datastore's folder with glob characters in its own name."""
    made = tmp_path / "data [1] *it's*"
    (made / "sales" / "deep").mkdir(parents=True)
    return made


SHAPE = "print(frame.shape, list(frame.columns), list(map(str, frame.dtypes)))"


def test_delimited_files_are_read(place: Path) -> None:
    (place / "sales" / "a.csv").write_text("id;day;code\n1;2024-01-01;007\n")
    (place / "sales" / "deep" / "b.csv").write_text("id;day;code\n2;2024-01-02;008\n")
    definition = replace(
        table("sales/**/*.csv", how=Format(FileFormat.DELIMITED, ";")),
        column_types=(("code", ColumnType.STRING), ("day", ColumnType.DATETIME)),
    )
    printed = run_local(definition, place, SHAPE + "; print(list(frame.code), frame.day.dt.year.sum())")
    assert printed == "['007', '008'] 4048"


def test_a_header_in_the_first_file_only(place: Path) -> None:
    (place / "sales" / "a.csv").write_text("id,x\n1,2\n")
    (place / "sales" / "b.csv").write_text("3,4\n")
    how = Format(FileFormat.DELIMITED, header=HeaderMode.FIRST_FILE_ONLY)
    assert run_local(table("sales", how=how), place, "print(frame.id.tolist())") == "[1, 3]"


def test_no_header(place: Path) -> None:
    (place / "sales" / "a.csv").write_text("1,2\n3,4\n")
    how = Format(FileFormat.DELIMITED, header=HeaderMode.NONE)
    assert run_local(table("sales/a.csv", how=how), place, "print(frame.shape)") == "(2, 2)"


def test_parquet_is_read(place: Path) -> None:
    for number in (1, 2):
        frame = pa.table({"id": [number], "day": [f"2024-01-0{number}"]})
        pq.write_table(frame, place / "sales" / f"{number}.parquet")
    definition = replace(
        table("sales/*.parquet", how=Format(FileFormat.PARQUET)), column_types=(("day", ColumnType.DATETIME),)
    )
    assert run_local(definition, place, "print(frame.id.tolist(), frame.day.dt.day.tolist())") == "[1, 2] [1, 2]"


def test_json_lines_are_read(place: Path) -> None:
    (place / "sales" / "a.jsonl").write_text('{"id": 1, "x": "a"}\n{"id": 2, "x": null}\n')
    definition = table("sales/*.jsonl", how=Format(FileFormat.JSON_LINES))
    assert run_local(definition, place, "print(frame.shape)") == "(2, 2)"


def test_files_are_listed(place: Path) -> None:
    for name in ("a.png", "deep/b.png", "deep/c.txt"):
        (place / "sales" / name).write_text("x")
    printed = run_local(files("sales/**/*.png"), place, "print([os.path.relpath(path, folder) for path in files])")
    assert printed == "['sales/a.png', 'sales/deep/b.png']"


def test_a_datastore_that_is_gone_has_no_local_snippet() -> None:
    guide = usage_guide(version(table("a")), workspace=LOCAL, datastore=None)
    assert guide.snippets[0].title.startswith("SDK v1")
    assert "Workspace.from_config()" in guide.snippets[0].code
