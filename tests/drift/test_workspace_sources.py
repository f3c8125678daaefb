"""`name:version` of the workspace as a side of a comparison, from the command line."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bot.cli import main
from bot.drift_workspace import open_alone
from bot.settings import load_settings
from services.datasets.model import (
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    Format,
    RegisterRequest,
)
from services.store import migrate
from services.store.database import Database


async def _silent(_text: str) -> None:
    pass


async def _register() -> None:
    """Two versions of `sales`, of two files."""
    settings = load_settings()
    await asyncio.to_thread(migrate.upgrade, settings.database_url)
    async with contextlib.AsyncExitStack() as stack:
        database = Database.open(settings.database_url)
        stack.push_async_callback(database.close)
        opened = await open_alone(settings, database, stack)
        for number in (1, 2):
            source = DatastoreSource("workspaceblobstore", (f"{number}.parquet",))
            definition = Definition(DatasetType.TABULAR, source, Format(FileFormat.PARQUET))
            request = RegisterRequest("sales", definition, "U0ADA", create_new_version=number > 1)
            await opened.datasets.register(request, registration_id=f"sales-{number}", progress=_silent)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local workspace with two versions of one dataset, the second of which has drifted."""
    directory = tmp_path / "workspace"
    (directory / "data").mkdir(parents=True)
    for number, mean in ((1, 0.0), (2, 1.0)):
        amounts = np.random.default_rng(number).normal(mean, 1, 3000)
        pq.write_table(pa.table({"amount": amounts}), directory / "data" / f"{number}.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKSPACE", f"local:{directory}")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'bot.sqlite'}")
    monkeypatch.setenv("INDEX_FILE", str(tmp_path / "index.sqlite"))
    asyncio.run(_register())
    return directory


def test_versions_are_compared_with_each_other_and_with_files(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["drift", "compare", "sales:1", "sales:2", "--json"])
    by_version = json.loads(capsys.readouterr().out)
    assert code == 1
    assert (by_version["baseline"], by_version["target"]) == ("sales:1", "sales:2")
    files = [str(workspace / "data" / f"{number}.parquet") for number in (1, 2)]
    assert main(["drift", "compare", *files, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["columns"] == by_version["columns"]
    assert main(["drift", "compare", "sales:1", files[0]]) == 0
    capsys.readouterr()
    assert main(["drift", "compare", "sales:1", "sales:7"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("dataset-bot: ")
    assert "sales" in told
