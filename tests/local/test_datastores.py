"""Datastores are folders below the workspace's directory or a root that the settings name, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.datasets.model import DatastoreSource, WebSource
from services.datastores.model import Datastore, DatastoreKind, DatastoreRequest
from services.errors import InvalidInput, NameTaken, NotFound, SourceProblem
from services.local.catalog import LocalCatalog
from services.local.datastores import LocalDatastores
from services.store.database import Database
from tests.databases import SetClock
from tests.local.requests import CSV, FILES, fingerprint, request


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def extra(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "shared"
    folder.mkdir()
    return folder


@pytest.fixture
async def datastores(db: Database, clock: SetClock, root: Path, extra: Path) -> AsyncIterator[LocalDatastores]:
    made = LocalDatastores(db, "local", root, (extra,), clock=clock, reserved=(root / "state" / "bot.db",))
    yield made
    await made.close()


def folder(name: str, path: str | Path, *, overwrite: bool = False, make_default: bool = False) -> DatastoreRequest:
    return DatastoreRequest(
        name, DatastoreKind.FOLDER, str(path), "U1", description="d", overwrite=overwrite, make_default=make_default
    )


async def test_the_default_datastore_is_made_on_first_use(
    datastores: LocalDatastores, db: Database, root: Path, clock: SetClock
) -> None:
    default = Datastore("workspaceblobstore", DatastoreKind.FOLDER, "data", True, clock.now())
    again = LocalDatastores(db, "local", root, clock=clock)
    assert set(await asyncio.gather(*(each.default() for each in [datastores, again] * 4))) == {default}
    assert (root / "data").is_dir()
    assert await datastores.all() == (default,)
    assert await datastores.get("WorkspaceBlobStore") == default
    assert await datastores.folder_of("workspaceblobstore") == root / "data"
    await again.close()


async def test_a_folder_is_registered_and_found(
    datastores: LocalDatastores, root: Path, extra: Path, clock: SetClock
) -> None:
    (root / "raw" / "eu").mkdir(parents=True)
    made = await datastores.register(folder("Raw_EU", "raw/eu"))
    assert made == Datastore("Raw_EU", DatastoreKind.FOLDER, "raw/eu", False, clock.now(), "U1", "d")
    shared = await datastores.register(folder("shared", extra))
    assert shared.location == str(extra)
    assert [each.name for each in await datastores.all()] == ["Raw_EU", "shared", "workspaceblobstore"]
    assert await datastores.folder_of("raw_eu") == root / "raw" / "eu"
    assert await datastores.folder_of("shared") == extra


async def test_the_default_can_be_another(datastores: LocalDatastores, root: Path) -> None:
    for name in ("one", "two"):
        (root / name).mkdir(parents=True)
    assert (await datastores.register(folder("one", "one", make_default=True))).is_default
    assert (await datastores.default()).name == "one"
    await datastores.register(folder("two", "two"))
    assert (await datastores.set_default("TWO")).is_default
    assert [each.name for each in await datastores.all() if each.is_default] == ["two"]
    with pytest.raises(NotFound):
        await datastores.set_default("three")
    assert (await datastores.default()).name == "two"


async def test_a_taken_name_is_replaced_only_when_asked(datastores: LocalDatastores, root: Path) -> None:
    for name in ("one", "two"):
        (root / name).mkdir(parents=True)
    await datastores.register(folder("store", "one"))
    with pytest.raises(NameTaken, match="“store” exists already"):
        await datastores.register(folder("STORE", "two"))
    assert (await datastores.register(folder("STORE", "two", overwrite=True))).location == "two"
    assert (await datastores.get("store")).name == "store"


async def test_registering_at_once_has_one_winner(datastores: LocalDatastores, root: Path) -> None:
    (root / "one").mkdir(parents=True)
    outcomes = await asyncio.gather(
        *(datastores.register(folder("store", "one")) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Datastore) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, NameTaken) for outcome in outcomes) == 9


async def test_an_unknown_name_is_told_with_suggestions(datastores: LocalDatastores) -> None:
    with pytest.raises(NotFound, match="workspaceblobstor") as told:
        await datastores.get("workspaceblobstor")
    assert told.value.suggestions == ("workspaceblobstore",)
    with pytest.raises(NotFound):
        await datastores.folder_of("\x00")


@pytest.mark.parametrize("name", ["", "a-b", "a b", "ä", "a.b", "a/b", "x" * 256, "<!channel>", "a\n"])
async def test_names_follow_azures_rule(datastores: LocalDatastores, root: Path, name: str) -> None:
    (root / "one").mkdir(parents=True)
    with pytest.raises(InvalidInput) as refused:
        await datastores.register(folder(name, "one"))
    assert refused.value.field == "name"


async def test_other_kinds_are_refused(datastores: LocalDatastores) -> None:
    with pytest.raises(InvalidInput, match="folders") as refused:
        await datastores.register(DatastoreRequest("a", DatastoreKind.BLOB, "data", "U1"))
    assert refused.value.field == "kind"


@pytest.mark.parametrize(
    "path",
    [
        "/etc",
        "/",
        "..",
        "../shared",
        "link",
        "link/deeper",
        "",
        ".",
        "state",
        "state/bot.db",
        "\x00",
        "/root",
        "in\udcff",
    ],
)
async def test_folders_elsewhere_are_refused(
    datastores: LocalDatastores, root: Path, tmp_path: Path, path: str
) -> None:
    (root / "state").mkdir(parents=True)
    (root / "state" / "bot.db").touch()
    (tmp_path / "private" / "deeper").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path / "private")
    with pytest.raises(InvalidInput) as refused:
        await datastores.register(folder("store", path))
    assert refused.value.field == "folder"
    assert [each.name for each in await datastores.all()] == ["workspaceblobstore"]


async def test_the_folder_must_exist_and_be_one(datastores: LocalDatastores, root: Path) -> None:
    (root / "file").touch()
    with pytest.raises(SourceProblem, match="no folder “absent”") as absent:
        await datastores.register(folder("store", "absent"))
    with pytest.raises(SourceProblem, match="is a file"):
        await datastores.register(folder("store", "file"))
    assert absent.value.field == "folder"


async def test_a_folder_that_moved_out_later_is_not_read(
    datastores: LocalDatastores, root: Path, tmp_path: Path
) -> None:
    (root / "one").mkdir(parents=True)
    await datastores.register(folder("store", "one"))
    (root / "one").rmdir()
    with pytest.raises(SourceProblem, match="There is no folder"):
        await datastores.folder_of("store")
    (tmp_path / "private").mkdir()
    (root / "one").symlink_to(tmp_path / "private")
    with pytest.raises(SourceProblem, match="any more"):
        await datastores.folder_of("store")


async def test_a_root_that_is_allowed_no_longer_closes_its_datastores(
    datastores: LocalDatastores, db: Database, root: Path, extra: Path, clock: SetClock
) -> None:
    await datastores.register(folder("shared", extra))
    stricter = LocalDatastores(db, "local", root, clock=clock)
    with pytest.raises(SourceProblem, match="any more"):
        await stricter.folder_of("shared")
    await stricter.close()


async def test_datasets_are_counted_where_their_latest_version_lies(
    datastores: LocalDatastores, db: Database, root: Path, clock: SetClock
) -> None:
    (root / "one").mkdir(parents=True)
    await datastores.register(folder("One", "one"))
    catalog = LocalCatalog(db, "local", clock=clock)
    elsewhere = replace(CSV, source=DatastoreSource("oNE", ("a",)))
    web = replace(FILES, source=WebSource(("https://example.org/a",)))
    for number, (name, definition) in enumerate(
        [("a", CSV), ("b", CSV), ("b", elsewhere), ("c", elsewhere), ("d", web)]
    ):
        await catalog.register(request(name, definition), fingerprint(f"{number}"), registration_id=f"{number}")
    assert {each.name: each.dataset_count for each in await datastores.all()} == {"One": 2, "workspaceblobstore": 1}
    assert (await datastores.get("one")).dataset_count == 2
