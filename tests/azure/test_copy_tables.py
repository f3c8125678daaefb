"""The local copy's tables on both databases: changes in order, nothing lost between replicas."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from services.azure.mirror import Mirror
from services.azure.sdk.datasets import Entry, Found, VersionEntry
from services.azure.version_store import Mark, VersionStore
from services.store.database import Database
from services.store.workspaces import WorkspaceRow
from tests.azure.catalog_world import CSV, FILES
from tests.databases import SetClock, clock, database_url, db, empty_url, migrated_postgres, postgres_server

__all__ = ["clock", "database_url", "db", "empty_url", "migrated_postgres", "postgres_server"]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(name: str, version: int = 1, *, azure_id: str = "", minutes: int = 0, digest: str = "") -> Entry:
    return Entry(
        azure_id or f"id-{name}",
        name,
        "tabular",
        "words",
        (("k", "v"),),
        version,
        "Main",
        digest,
        "",
        NOON,
        NOON + timedelta(minutes=minutes),
    )


def version(name: str, number: int, digest: str = "", registration: str = "") -> VersionEntry:
    return VersionEntry(f"id-{name}", f"saved-{name}-{number}", number, CSV, digest, registration, NOON)


async def names(mirror: Mirror, cursor: str = "") -> list[tuple[str, int]]:
    return [(each.name, each.latest_version) for each in (await mirror.changes(cursor))[0]]


async def test_changes_come_once_in_order_and_only_when_something_changed(db: Database, clock: SetClock) -> None:
    mirror = Mirror(db, WorkspaceRow(db, "azureml://one"), clock=clock)
    state = await mirror.begin_sweep()
    assert await mirror.put_page(state, [entry(name) for name in "cab"], "next")
    assert not await mirror.put_page(state, [entry("z")], "next"), "another went on from here already"
    _, cursor = await mirror.changes("")
    await mirror.put(entry("a"))
    assert await names(mirror, cursor) == []
    await mirror.put(entry("b", 2, minutes=1))
    await mirror.put(entry("b", 1))
    assert await names(mirror, cursor) == [("b", 2)], "what is older is not put in the place of what is newer"
    assert await mirror.gone(["a", "unknown"]) == 1
    assert await mirror.gone(["a"]) == 0
    assert await names(mirror, cursor) == [("b", 2), ("a", 0)]
    assert await names(mirror) == [("c", 1), ("b", 2), ("a", 0)]
    assert await mirror.get("a") is None
    assert await mirror.datastore_counts() == {"main": 2}
    await mirror.put(entry("a", azure_id="another"))
    assert (await names(mirror))[-1] == ("a", 1)


async def test_replicas_that_write_at_once_lose_nothing(db: Database, clock: SetClock) -> None:
    one = Mirror(db, WorkspaceRow(db, "azureml://one"), clock=clock)
    other = Mirror(db, WorkspaceRow(db, "azureml://one"), clock=clock)
    await asyncio.gather(
        *(mirror.put(entry(f"d{n}", minutes=n)) for n in range(20) for mirror in (one, other)),
        one.gone(["d1"]),
        other.begin_sweep(),
    )
    found, _ = await one.changes("")
    assert {each.name for each in found} == {f"d{n}" for n in range(20)}


async def test_workspaces_do_not_see_one_another(db: Database, clock: SetClock) -> None:
    one = Mirror(db, WorkspaceRow(db, "azureml://one"), clock=clock)
    other = Mirror(db, WorkspaceRow(db, "azureml://two"), clock=clock)
    await one.put(entry("a"))
    assert await names(other) == []
    assert await other.gone(["a"]) == 0
    assert await names(one) == [("a", 1)]


async def test_what_a_registration_made_is_found_by_its_id_and_its_data(db: Database, clock: SetClock) -> None:
    row = WorkspaceRow(db, "azureml://one")
    store, mirror = VersionStore(db, row), Mirror(db, row, clock=clock)
    assert await store.made_by("r1") is None
    await store.about_to_send("r1", "a", NOON)
    await store.about_to_send("r1", "a", NOON + timedelta(seconds=1))
    assert await store.sent_at("r1") == NOON + timedelta(seconds=1)
    mark = Mark("r1", "digest", FILES, "mine", (("x", "y"),))
    made = await store.made(Found(entry("a", digest="digest"), version("a", 1, "digest", "r1")), mark)
    assert (made.definition, made.description, made.tags) == (FILES, "mine", (("x", "y"),))
    assert await store.made_by("r1") == made
    assert await store.sent_at("r1") is None
    assert await store.identical("digest") == ("a", 1)
    await store.keep("a", [version("a", 1), version("a", 2)])
    known = await store.known("id-a", [1, 2, 3])
    assert (known[1], known[2].description, sorted(known)) == (made, None, [1, 2])
    assert known[2].filled("present", ()).description == "present"
    await mirror.gone(["a"])
    assert await store.identical("digest") is None
    await store.about_to_send("r2", "a", NOON)
    await store.not_made("r2")
    assert await store.sent_at("r2") is None
