"""A workspace as the wiring opens it: its folders in snippets, its own index."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from services.datasets.model import DatasetQuery
from tests.scenario.bot_on_local_slack import stage

CSV = "day,city,sold\n2024-01-01,Oslo,3\n2024-01-02,Bergen,5\n"


async def test_the_pasted_snippet_runs_from_any_directory(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    async with stage(tmp_path / "bot") as bot:
        (bot.data / "sales.csv").write_text(CSV)
        await bot.register("sales", "sales.csv")
        await bot.ada.command("C0DATA", "/dataset", "use sales")
        told = await bot.ada.wait_message("C0DATA", "import pandas")
        assert str(bot.data.resolve()) in told.shown
        code = (await bot.bot.services.datasets.usage("sales")).snippets[0].code
    done = subprocess.run(  # noqa: ASYNC221 - the bot has ended
        [sys.executable, "-c", code], cwd=elsewhere, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Bergen" in done.stdout


async def test_a_new_database_beside_an_old_index_shows_nothing_of_the_old_one(tmp_path: Path) -> None:
    async with stage(tmp_path) as bot:
        (bot.data / "sales.csv").write_text(CSV)
        await bot.register("sales", "sales.csv")
        index = bot.settings.index_path
    for file in tmp_path.glob("bot.sqlite*"):  # noqa: ASYNC240 - no bot runs here
        file.unlink()
    assert index.exists()
    async with stage(tmp_path) as bot:
        datasets = bot.bot.services.datasets
        assert (await datasets.search(DatasetQuery())).total == 0
        assert not (await datasets.check_name("sales")).exists
        await bot.register("sales", "sales.csv")
        assert (await datasets.search(DatasetQuery())).total == 1
    async with stage(tmp_path) as bot:
        assert (await bot.bot.services.datasets.check_name("sales")).exists, "the same database keeps its index"
