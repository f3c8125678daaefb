"""Files that are handed over: where they lie, and that nothing there is ever overwritten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.errors import InvalidInput, SourceProblem
from services.local.datastores import LocalDatastores
from services.local.drop import LocalFileDrop
from services.store.database import Database
from tests.databases import SetClock


@pytest.fixture
async def datastores(db: Database, clock: SetClock, tmp_path: Path) -> AsyncIterator[LocalDatastores]:
    (tmp_path / "workspace").mkdir()
    made = LocalDatastores(db, "local", tmp_path / "workspace", clock=clock)
    yield made
    await made.close()


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


async def broken() -> AsyncIterator[bytes]:
    yield b"begun"
    raise ConnectionResetError("gone")


async def test_the_same_content_is_found_again_and_other_content_gets_its_own_name(datastores: LocalDatastores) -> None:
    drop = LocalFileDrop(datastores, limit=100)
    first = await drop.put("F1", "sales.csv", pieces(b"a,b\n", b"1,2\n"))
    again = await drop.put("F1", "sales.csv", pieces(b"a,b\n1,2\n"))
    changed = await drop.put("F1", "sales.csv", pieces(b"a,b\n3,4\n"))
    assert (first.datastore, first.paths) == ("workspaceblobstore", ("slack/F1/sales.csv",))
    assert again == first
    assert changed.paths == ("slack/F1/sales-2.csv",)
    folder = await datastores.folder_of("workspaceblobstore")
    assert (folder / "slack/F1/sales.csv").read_bytes() == b"a,b\n1,2\n"
    assert sorted(each.name for each in (folder / "slack/F1").iterdir()) == ["sales-2.csv", "sales.csv"]


@pytest.mark.parametrize(
    ("name", "placed"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a*b?[c].csv", "a_b_c_.csv"),
        (".hidden", "hidden"),
        ("..", "file"),
        ("", "file"),
        ("año nuevo.csv", "año nuevo.csv"),
        ("x" * 300 + ".parquet", "x" * 52 + ".parquet"),
    ],
)
async def test_names_mean_nothing_in_a_path_or_a_pattern(datastores: LocalDatastores, name: str, placed: str) -> None:
    drop = LocalFileDrop(datastores, limit=100)
    assert (await drop.put("F/2", name, pieces(b"x"))).paths == (f"slack/F_2/{placed}",)


async def test_what_is_too_large_empty_or_broken_off_leaves_nothing(datastores: LocalDatastores) -> None:
    drop = LocalFileDrop(datastores, limit=1_000_000)
    with pytest.raises(SourceProblem, match="larger than 1 MB"):
        await drop.put("F3", "large.csv", pieces(b"x" * 600_000, b"x" * 600_000))
    with pytest.raises(SourceProblem, match="empty"):
        await drop.put("F3", "empty.csv", pieces())
    with pytest.raises(ConnectionResetError):
        await drop.put("F3", "broken.csv", broken())
    folder = await datastores.folder_of("workspaceblobstore")
    assert list((folder / "slack/F3").iterdir()) == []


async def test_a_link_in_the_datastore_leads_nowhere(
    datastores: LocalDatastores, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (await datastores.folder_of("workspaceblobstore") / "slack").symlink_to(outside)
    with pytest.raises(InvalidInput, match="leads out of its folder"):
        await LocalFileDrop(datastores, limit=100).put("F4", "sales.csv", pieces(b"x"))
    assert list(outside.iterdir()) == []
