"""The bot's own notes on datasets: one record a name and version, seen by the index through `changes`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from services.datasets.model import (
    Column,
    ColumnType,
    Dataset,
    DatasetMark,
    DatasetType,
    DatasetVersion,
    Definition,
    Deprecation,
    FileStamp,
    Fingerprint,
    FingerprintCheck,
    FingerprintState,
    VersionStats,
    WebSource,
)
from services.outbox import Notice
from services.store.database import Database
from services.store.outbox import Outbox
from services.store.records import SqlRecords
from tests.fakes.clock import ManualClock

NOON = datetime(2026, 3, 1, 12, 0, 0, 654321, tzinfo=UTC)
STATS = VersionStats(
    (Column("käse", ColumnType.INTEGER, nullable=False), Column("at", ColumnType.DATETIME)), 12, None, 2**40
)
UNCHECKED = FingerprintState.UNCHECKED


def fingerprint(taken_at: datetime = NOON, files: int = 3) -> Fingerprint:
    stamps = tuple(
        FileStamp(f"a/ü \ud800 {number}.csv", 2**33 + number, NOON if number else None, f"sha256:{number}")
        for number in range(files)
    )
    return Fingerprint("d1", (*stamps, FileStamp("last", 0, None, None)), taken_at)


def dataset(name: str = "sales") -> Dataset:
    return Dataset(name, DatasetType.FILE, "d", (("k", "v"),), "", 2, NOON, NOON)


def version(name: str, number: int) -> DatasetVersion:
    definition = Definition(DatasetType.FILE, WebSource(("https://example.org/a.csv",)))
    return DatasetVersion(name, number, definition, "", (), NOON, "")


def check(state: FingerprintState, at: datetime) -> FingerprintCheck:
    return FingerprintCheck(state, at, added=1, removed=2, changed=3, detail="grew \x00 a 'bit'")


async def record(records: SqlRecords, name: str, number: int, at: datetime = NOON) -> None:
    await records.record_version(name, number, registered_by=f"U{number}", fingerprint=fingerprint(at), stats=STATS)


async def test_nothing_is_known_of_a_dataset_nobody_touched(db: Database) -> None:
    records = SqlRecords(db, "w")
    assert await records.owner("sales") == ""
    assert await records.watchers("sales") == ()
    assert await records.fingerprint("sales", 1) is None
    assert await records.enrich_dataset(dataset()) == dataset()
    assert await records.enrich_versions([version("sales", 1)]) == (version("sales", 1),)
    assert await records.enrich_versions([]) == ()
    assert await records.set_check("sales", 1, check(FingerprintState.GROWN, NOON)) is None
    assert await records.changes("") == ((), "")


async def test_owner_watchers_and_deprecation_enrich_a_dataset(db: Database) -> None:
    records = SqlRecords(db, "w")
    deprecation = Deprecation("sales2:3", "old", "U9", NOON)
    await records.set_owner("sales", "U1")
    await records.set_owner("sales", "U2")
    await records.set_deprecation("sales", deprecation)
    await asyncio.gather(*(records.set_watching("sales", user, True) for user in ("U7", "U3", "U7", "U7")))
    assert await records.owner("sales") == "U2"
    assert await records.enrich_dataset(dataset()) == replace(
        dataset(), owner="U2", watchers=("U3", "U7"), deprecation=deprecation
    )
    await records.set_deprecation("sales", None)
    await records.set_watching("sales", "U3", False)
    await records.set_watching("sales", "U3", False)
    assert await records.enrich_dataset(dataset()) == replace(dataset(), owner="U2", watchers=("U7",))


async def test_workspaces_do_not_see_each_other(db: Database) -> None:
    ours, theirs = SqlRecords(db, "w"), SqlRecords(db, "W")
    await ours.set_owner("sales", "U1")
    await ours.set_watching("sales", "U1", True)
    await record(ours, "sales", 1)
    assert await theirs.enrich_dataset(dataset()) == dataset()
    assert await theirs.fingerprint("sales", 1) is None
    assert await theirs.changes("") == ((), "")
    assert await theirs.due_for_check(NOON + timedelta(days=1), 9) == ()


async def test_a_fingerprint_comes_back_as_it_was(db: Database) -> None:
    records = SqlRecords(db, "w")
    await record(records, "sales", 1)
    assert await records.fingerprint("sales", 1) == fingerprint()
    again = Fingerprint("d2", (), NOON)
    await records.record_version("sales", 1, registered_by="U5", fingerprint=again, stats=VersionStats())
    assert await records.fingerprint("sales", 1) == again
    (known,) = await records.enrich_versions([version("sales", 1)])
    assert (known.registered_by, known.stats) == ("U5", VersionStats())


async def test_versions_are_enriched_in_the_order_given(db: Database) -> None:
    records = SqlRecords(db, "w")
    await record(records, "sales", 1)
    await record(records, "sales", 2)
    await record(records, "other", 1)
    seen = replace(check(FingerprintState.GROWN, NOON), detail="grew \ufffd a 'bit'")
    await records.set_check("sales", 1, check(FingerprintState.GROWN, NOON))
    wanted = [version("other", 1), version("sales", 3), version("sales", 1), version("sales", 2)]
    assert await records.enrich_versions(wanted) == (
        replace(wanted[0], registered_by="U1", stats=STATS),
        wanted[1],
        replace(wanted[2], registered_by="U1", stats=STATS, check=seen),
        replace(wanted[3], registered_by="U2", stats=STATS),
    )


async def test_a_check_returns_the_one_before_it(db: Database) -> None:
    records = SqlRecords(db, "w")
    await record(records, "sales", 1)
    first = FingerprintCheck(FingerprintState.UNCHANGED, NOON)
    second = FingerprintCheck(FingerprintState.VANISHED, NOON + timedelta(hours=1), removed=3, detail="gone")
    assert await records.set_check("sales", 1, first) is None
    assert await records.set_check("sales", 1, second) == first
    assert await records.set_check("sales", 1, first) == second
    await record(records, "sales", 1)  # replaced, so unchecked again
    assert await records.set_check("sales", 1, first) is None


async def test_checks_at_once_hand_each_other_on(db: Database) -> None:
    records = SqlRecords(db, "w")
    await record(records, "sales", 1)
    states = [check(FingerprintState.CHANGED, NOON + timedelta(seconds=turn)) for turn in range(12)]
    before = await asyncio.gather(*(records.set_check("sales", 1, state) for state in states))
    assert before.count(None) == 1
    assert len({known.checked_at for known in before if known is not None}) == 11


async def test_newest_versions_are_due_watched_ones_first_then_oldest_first(db: Database) -> None:
    records = SqlRecords(db, "w")
    for position, name in enumerate(["c", "a", "b", "young"]):
        at = NOON + timedelta(hours=10 * (name == "young"), minutes=position)
        await record(records, name, 1, at - timedelta(days=1))
        await record(records, name, 2, at)
    await record(records, "a", 1, NOON - timedelta(days=2))  # recorded again: still not the newest
    await records.set_watching("b", "U1", True)
    await records.set_watching("b", "U2", True)
    await records.set_watching("young", "U1", True)
    soon = NOON + timedelta(hours=1)
    assert await records.due_for_check(soon, 9) == (("b", 2), ("c", 2), ("a", 2))
    assert await records.due_for_check(soon, 2) == (("b", 2), ("c", 2))
    assert await records.due_for_check(soon, 1) == (("b", 2),)
    await records.set_check("c", 2, FingerprintCheck(FingerprintState.UNCHANGED, soon))
    await records.set_check("b", 2, FingerprintCheck(FingerprintState.UNREACHABLE, soon))
    assert await records.due_for_check(soon, 9) == (("a", 2),)


async def test_what_a_person_watches(db: Database) -> None:
    records, elsewhere = SqlRecords(db, "w"), SqlRecords(db, "another workspace")
    for name in ("c", "a", "b"):
        await records.set_watching(name, "U1", True)
    await records.set_watching("a", "U2", True)
    await elsewhere.set_watching("z", "U1", True)
    await records.set_watching("b", "U1", False)
    assert await records.watched_by("U1", 9) == ("a", "c")
    assert await records.watched_by("U1", 1) == ("a",)
    assert await records.watched_by("U3", 9) == ()


NEWS = (Notice("news:sales:U1", "sales:U1", "dataset.files", to="U1"),)


def always(before: FingerprintCheck | None, now: FingerprintCheck) -> bool:
    return True


async def test_news_wait_until_they_are_told(db: Database) -> None:
    records = SqlRecords(db, "w")
    for position, name in enumerate(("late", "early")):
        await record(records, name, 1, NOON - timedelta(hours=position))
        await records.set_check(name, 1, check(FingerprintState.GROWN, NOON - timedelta(hours=position)), always)
    await records.set_check("never recorded", 1, check(FingerprintState.GROWN, NOON), always)
    assert await records.untold(9) == (("early", 1), ("late", 1))
    assert await records.untold(1) == (("early", 1),)
    assert await records.told("early", 1, NEWS, NOON)
    assert await records.untold(9) == (("late", 1),)
    await records.set_check("early", 1, check(FingerprintState.GROWN, NOON), lambda before, _: before is None)
    assert await records.untold(9) == (("late", 1),), "what is no news is not told"
    await record(records, "late", 1)
    assert await records.untold(9) == (), "recorded anew, there is nothing to tell"


async def test_news_are_taken_by_one_of_several_replicas(db: Database) -> None:
    replicas = [SqlRecords(db, "w") for _ in range(6)]
    await record(replicas[0], "sales", 1)
    await replicas[0].set_check("sales", 1, check(FingerprintState.GROWN, NOON), always)
    told = await asyncio.gather(*(replica.told("sales", 1, NEWS, NOON) for replica in replicas))
    assert sorted(told) == [False] * 5 + [True]
    assert not await replicas[0].told("never recorded", 1, NEWS, NOON)
    outbox = Outbox(db, "one", clock=ManualClock(NOON))
    (stored,) = await outbox.claim(9)
    assert stored.notice == NEWS[0]
    await replicas[0].tell(NEWS, NOON)
    assert await outbox.claim(9) == (), "one key is told once"


async def test_changes_tell_every_owner_and_newest_check_once_and_in_order(db: Database) -> None:
    records = SqlRecords(db, "w")
    for name in ("a", "b", "c"):
        await record(records, name, 1)
    await records.set_owner("a", "U1")
    marks, cursor = await records.changes("", 2)
    assert marks == (DatasetMark("b", "", UNCHECKED), DatasetMark("c", "", UNCHECKED))
    marks, cursor = await records.changes(cursor, 2)
    assert marks == (DatasetMark("a", "U1", UNCHECKED),)
    assert await records.changes(cursor) == ((), cursor)

    await records.set_check("b", 1, check(FingerprintState.CHANGED, NOON))
    marks, cursor = await records.changes(cursor)
    assert marks == (DatasetMark("b", "", FingerprintState.CHANGED),)
    await record(records, "b", 2)  # a new newest version, not checked yet
    await records.set_check("b", 1, check(FingerprintState.VANISHED, NOON))
    marks, cursor = await records.changes(cursor)
    assert marks == (DatasetMark("b", "", UNCHECKED),)
    await records.set_watching("c", "U1", True)
    assert await records.changes(cursor) == ((), cursor)
    await records.set_owner("never recorded", "U4")
    assert (await records.changes(cursor))[0] == (DatasetMark("never recorded", "U4", UNCHECKED),)
    with pytest.raises(ValueError, match="invalid literal"):
        await records.changes("yesterday")


async def test_a_reader_of_changes_misses_none_while_they_are_made(db: Database, database_url: str) -> None:
    records, elsewhere = SqlRecords(db, "w"), Database.open(database_url)
    other = SqlRecords(elsewhere, "w")
    seen: dict[str, str] = {}

    async def follow() -> None:
        cursor = ""
        while seen.get("last") != "U":
            marks, cursor = await other.changes(cursor, 7)
            seen.update({mark.name: mark.owner for mark in marks})

    following = asyncio.create_task(follow())
    await asyncio.gather(*((records, other)[turn % 2].set_owner(f"d{turn}", f"U{turn}") for turn in range(60)))
    await records.set_owner("last", "U")
    await asyncio.wait_for(following, 20)
    assert seen == {"last": "U"} | {f"d{turn}": f"U{turn}" for turn in range(60)}
    await elsewhere.close()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            "name FROM version_record WHERE workspace_id = 1 AND version_record.is_latest AND seen_at < 5",
            "ix_version_record_due",
        ),
        (
            "name FROM version_record WHERE workspace_id = 1 AND version_record.untold ORDER BY seen_at",
            "ix_version_record_untold",
        ),
        (
            "name FROM watcher WHERE workspace_id = 1 AND user_id = 'U1' ORDER BY name",
            "ix_watcher_workspace_id_user_id_name",
        ),
    ],
)
async def test_frequent_queries_use_their_index(db: Database, query: str, index: str) -> None:
    postgres = db.dialect == "postgresql"
    explain = f"EXPLAIN {'' if postgres else 'QUERY PLAN '}SELECT {query}"
    # So few rows are faster read whole.
    settings = "SET LOCAL enable_seqscan = off" if postgres else "PRAGMA temp_store"

    def plan(connection: Connection) -> str:
        connection.execute(text(settings))
        return " ".join(str(row) for row in connection.execute(text(explain)))

    assert index in await db.read(plan)
