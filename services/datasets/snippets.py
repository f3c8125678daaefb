"""Code that reads a dataset, ready to paste: pure text, every name escaped for the language it stands in."""

from __future__ import annotations

import shlex
from textwrap import dedent

from services.datasets.model import (
    ColumnType,
    DatasetType,
    DatasetVersion,
    DatastoreSource,
    FileFormat,
    Format,
    HeaderMode,
    Snippet,
    UsageGuide,
)
from services.datasets.workspace import WorkspaceFacts
from services.datastores.model import Datastore, DatastoreKind

_PANDAS_TYPES = {
    ColumnType.STRING: "string",
    ColumnType.INTEGER: "Int64",
    ColumnType.DECIMAL: "float64",
    ColumnType.BOOLEAN: "boolean",
}


def usage_guide(
    version: DatasetVersion, *, workspace: WorkspaceFacts, datastore: Datastore | None = None
) -> UsageGuide:
    """Snippets for one version, the likeliest first, and the access they need.

    datastore: the one the version points to, None for web URLs or when it is gone. A local workspace gets a
    snippet that reads the files themselves; its Azure snippets take the workspace from `config.json`.
    """
    snippets = []
    if workspace.is_local and (direct := files_directly(version, datastore)) is not None:
        snippets.append(direct)
    snippets += sdk_v1(version, workspace)
    snippets += [sdk_v2(version, workspace), cli_v2(version, workspace)]
    return UsageGuide(version.label, tuple(snippets), access_note(version, workspace, datastore))


def access_note(version: DatasetVersion, workspace: WorkspaceFacts, datastore: Datastore | None) -> str:
    """What somebody needs to run the snippets, in plain words."""
    source = version.definition.source
    if not isinstance(source, DatastoreSource):
        return "The files are read from the web: the machine that runs this must reach those addresses."
    if datastore is None:
        return f"The datastore “{source.datastore}” does not exist any more, so these snippets cannot read data."
    if workspace.is_local:
        return (
            "The first snippet runs on the machine that holds this workspace, with leave to read its folder. "
            "The others run in an Azure Machine Learning workspace that has this dataset, whose config.json "
            "lies beside the code."
        )
    if datastore.identity_based:
        return (
            f"The datastore “{datastore.name}” is read as yourself: you need the role Storage Blob Data Reader "
            f"on {datastore.location}."
        )
    return (
        f"The datastore “{datastore.name}” keeps its own credential: everybody with the role AzureML Data "
        f"Scientist in the workspace “{workspace.name}” can read it."
    )


def sdk_v1(version: DatasetVersion, workspace: WorkspaceFacts) -> list[Snippet]:
    """`azureml.core.Dataset`: the latest version, this one pinned, and what one does with its type."""
    opening = f"from azureml.core import Dataset, Workspace\n\n{_workspace_v1(workspace)}\n"
    latest = f"dataset = Dataset.get_by_name(workspace, name={version.name!r})"
    pinned = f"dataset = Dataset.get_by_name(workspace, name={version.name!r}, version={version.version})"
    if version.definition.type is DatasetType.TABULAR:
        uses = (
            ("SDK v1: to pandas", "frame = dataset.to_pandas_dataframe()\nprint(frame.head())"),
            ("SDK v1: to Spark", "frame = dataset.to_spark_dataframe()\nframe.show(5)"),
        )
    else:
        target = "./" + version.name
        uses = (
            (
                "SDK v1: mount (Linux)",
                "import os\n\nwith dataset.mount() as mounted:\n    print(os.listdir(mounted.mount_point))",
            ),
            (
                "SDK v1: download",
                f"paths = dataset.download(target_path={target!r}, overwrite=False)\nprint(paths)",
            ),
        )
    return [
        Snippet("SDK v1: always the latest version", "python", f"{opening}{latest}"),
        Snippet(f"SDK v1: pinned to version {version.version}", "python", f"{opening}{pinned}"),
        *(Snippet(title, "python", f"{opening}{pinned}\n{code}") for title, code in uses),
        *_in_a_run(version, workspace, pinned),
    ]


def _in_a_run(version: DatasetVersion, workspace: WorkspaceFacts, pinned: str) -> list[Snippet]:
    """Submitting a script that gets the dataset as its input "data", and what that script does with it."""
    tabular = version.definition.type is DatasetType.TABULAR
    given = 'dataset.as_named_input("data")' + ("" if tabular else ".as_mount()")
    submit = (
        "from azureml.core import Dataset, Experiment, ScriptRunConfig, Workspace\n\n"
        f"{_workspace_v1(workspace)}\n{pinned}\n"
        "# Put the name of your compute cluster here, and train.py beside this file.\n"
        "config = ScriptRunConfig(\n"
        '    source_directory=".",\n'
        '    script="train.py",\n'
        f'    arguments=["--data", {given}],\n'
        '    compute_target="cpu-cluster",\n'
        ")\n"
        'run = Experiment(workspace, "train").submit(config)\n'
        "print(run.get_portal_url())"
    )
    if tabular:
        script = (
            "from azureml.core import Run\n\n"
            'dataset = Run.get_context().input_datasets["data"]\n'
            "frame = dataset.to_pandas_dataframe()\nprint(frame.head())"
        )
    else:
        script = 'import os\nimport sys\n\nfolder = sys.argv[sys.argv.index("--data") + 1]\nprint(os.listdir(folder))'
    return [
        Snippet("SDK v1: in a submitted run", "python", submit),
        Snippet("SDK v1: train.py of that run", "python", script),
    ]


def sdk_v2(version: DatasetVersion, workspace: WorkspaceFacts) -> Snippet:
    """`azure.ai.ml`: the data asset, and its rows where it is a table (datasets of SDK v1 appear as
    mltable).
    """
    if workspace.is_local:
        client = "client = MLClient.from_config(DefaultAzureCredential())"
    else:
        client = (
            "client = MLClient(\n"
            "    DefaultAzureCredential(),\n"
            f"    subscription_id={workspace.subscription_id!r},\n"
            f"    resource_group_name={workspace.resource_group!r},\n"
            f"    workspace_name={workspace.name!r},\n"
            ")"
        )
    lines = ["from azure.ai.ml import MLClient", "from azure.identity import DefaultAzureCredential"]
    tabular = version.definition.type is DatasetType.TABULAR
    if tabular:
        lines.insert(0, "import mltable")
    lines += ["", client, f"data = client.data.get(name={version.name!r}, version={str(version.version)!r})"]
    if tabular:
        lines += [
            'table = mltable.load(f"azureml:/{data.id}")',
            "frame = table.to_pandas_dataframe()",
            "print(frame.head())",
        ]
    else:
        lines.append("print(data.path)")
    return Snippet("SDK v2", "python", "\n".join(lines))


def cli_v2(version: DatasetVersion, workspace: WorkspaceFacts) -> Snippet:
    """`az ml data show`; a local workspace leaves the place to `az configure --defaults`."""
    arguments = ["az ml data show", f"--name {shlex.quote(version.name)}", f"--version {version.version}"]
    if not workspace.is_local:
        arguments += [
            f"--subscription {shlex.quote(workspace.subscription_id)}",
            f"--resource-group {shlex.quote(workspace.resource_group)}",
            f"--workspace-name {shlex.quote(workspace.name)}",
        ]
    return Snippet("CLI v2", "bash", " \\\n  ".join(arguments))


def _workspace_v1(workspace: WorkspaceFacts) -> str:
    if workspace.is_local:
        return "workspace = Workspace.from_config()"
    return (
        "workspace = Workspace(\n"
        f"    subscription_id={workspace.subscription_id!r},\n"
        f"    resource_group={workspace.resource_group!r},\n"
        f"    workspace_name={workspace.name!r},\n"
        ")"
    )


_MATCHING_FILES = dedent(
    """\
    import glob
    import os

    folder = {folder!r}
    patterns = {patterns!r}
    matches = []
    for pattern in patterns:
        for path in glob.glob(os.path.join(glob.escape(folder), pattern), recursive=True):
            everything_below = os.path.join(glob.escape(path), "**")
            matches += glob.glob(everything_below, recursive=True) if os.path.isdir(path) else [path]
    files = sorted(path for path in set(matches) if os.path.isfile(path))
    """
)


def files_directly(version: DatasetVersion, datastore: Datastore | None) -> Snippet | None:
    """Reads the files of a local workspace without Azure; None when the datastore is not a folder (any more).

    Needs pandas, and pyarrow for Parquet. Columns of a partition format are not made from the paths.
    """
    source = version.definition.source
    if isinstance(source, DatastoreSource):
        if datastore is None or datastore.kind is not DatastoreKind.FOLDER:
            return None
        files = _MATCHING_FILES.format(folder=datastore.location, patterns=list(source.paths))
    else:
        files = f"files = {list(source.urls)!r}\n"
    if version.definition.format is None:
        return Snippet("The files themselves", "python", f"{files}print(files)")
    reading = _pandas_reading(version.definition.format, dict(version.definition.column_types))
    return Snippet(
        "The files themselves, with pandas",
        "python",
        f"{files}\nimport pandas as pd\n\n{reading}\nprint(frame.head())",
    )


def _pandas_reading(how: Format, chosen: dict[str, ColumnType]) -> str:
    types = {name: _PANDAS_TYPES[kind] for name, kind in chosen.items() if kind in _PANDAS_TYPES}
    dates = [name for name, kind in chosen.items() if kind is ColumnType.DATETIME]
    one_by_one = "frame = pd.concat([{read} for path in files], ignore_index=True)"
    if how.file_format is FileFormat.DELIMITED:
        options = f"sep={how.delimiter!r}, encoding={how.encoding!r}"
        if types:
            options += f", dtype={types!r}"
        if dates:
            options += f", parse_dates={dates!r}"
        if how.header is HeaderMode.FIRST_FILE_ONLY:
            rest = f"pd.read_csv(path, {options}, header=None, names=list(first.columns))"
            return (
                f"first = pd.read_csv(files[0], {options})\n"
                f"rest = [{rest} for path in files[1:]]\n"
                "frame = pd.concat([first, *rest], ignore_index=True)"
            )
        if how.header is HeaderMode.NONE:
            # Types are chosen by the names the dataset shows, which files without a header do not have.
            return one_by_one.format(
                read=f"pd.read_csv(path, sep={how.delimiter!r}, encoding={how.encoding!r}, header=None)"
            )
        return one_by_one.format(read=f"pd.read_csv(path, {options})")
    if how.file_format is FileFormat.PARQUET:
        text = one_by_one.format(read="pd.read_parquet(path)")
    else:
        text = one_by_one.format(read="pd.read_json(path, lines=True)")
    if types:
        text += f"\nframe = frame.astype({types!r})"
    for name in dates:
        text += f"\nframe[{name!r}] = pd.to_datetime(frame[{name!r}])"
    return text
