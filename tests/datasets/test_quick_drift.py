"""Which data a quick comparison of two versions reads, and what it says when they are not the versions' own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.datasets.model import ColumnType, DatastoreSource, FileStamp, FingerprintCheck, FingerprintState
from services.datasets.quick_drift import MOST_FILES, today_note, values_to_compare
from tests.datasets.samples import NOON, fingerprint, stamp, version
from tests.datasets.world import ADA, World, files, request, table

SALES = table("sales/*.csv")
OLD, NEW = version(SALES), replace(version(SALES, 2), created_at=NOON + timedelta(hours=1))
A, B, C = stamp("sales/a.csv"), stamp("sales/b.csv"), stamp("sales/c.csv")


def test_other_places_are_read_as_they_are() -> None:
    other = version(table("other.csv"), 2)
    assert values_to_compare(OLD, other, None, None) == (SALES, other.definition)


def test_grown_data_are_read_apart() -> None:
    found = values_to_compare(OLD, NEW, fingerprint(A, B), fingerprint(A, B, C))
    assert not isinstance(found, str)
    assert [each.source for each in found] == [
        DatastoreSource("workspaceblobstore", ("sales/a.csv", "sales/b.csv")),
        DatastoreSource("workspaceblobstore", ("sales/a.csv", "sales/b.csv", "sales/c.csv")),
    ]
    assert values_to_compare(NEW, OLD, fingerprint(A, B, C), fingerprint(A, B)) == (found[1], found[0])


@pytest.mark.parametrize("now", [(stamp("sales/a.csv", text="sha256:9"), B, C), (B, C), (C,)])
def test_what_is_not_kept_is_not_compared(now: tuple[FileStamp, ...]) -> None:
    told = values_to_compare(OLD, NEW, fingerprint(A, B), fingerprint(*now))
    assert isinstance(told, str)
    assert "of sales:1 changed or went before sales:2 was registered" in told


def test_too_many_files_or_names_like_patterns_cannot_be_read_apart() -> None:
    many = [stamp(f"sales/{number}.csv") for number in range(MOST_FILES + 1)]
    for listed in (many, [stamp("sales/[1].csv")]):
        told = values_to_compare(OLD, NEW, fingerprint(*listed), fingerprint(*listed, C))
        assert isinstance(told, str)
        assert "cannot" not in told
        assert "read apart" in told


def test_without_a_fingerprint_one_place_holds_one_data() -> None:
    told = values_to_compare(OLD, NEW, None, fingerprint(A))
    assert told == "sales:1 and sales:2 point to the same files, so their values today are the same."


def test_a_version_that_is_read_as_it_is_today_is_named() -> None:
    grown = replace(OLD, check=FingerprintCheck(FingerprintState.GROWN, NOON, added=1))
    changed = replace(NEW, check=FingerprintCheck(FingerprintState.CHANGED, NOON, changed=1))
    assert today_note() == ""
    assert today_note(OLD).startswith("Files changed under sales:1 since"), "not looked at since"
    assert today_note(grown, changed) == (
        "New files came to sales:1 since it was registered, so its values are those of today. "
        "Files changed under sales:2 since it was registered, so its values are those of today."
    )


async def test_values_of_grown_data_are_compared_as_registered(world: World) -> None:
    world.storage.write("sales/a.csv", "id,city\n1,Oslo\n2,Oslo\n")
    await world.register(request())
    world.clock.advance(hours=1)
    world.storage.write("sales/b.csv", "id,city\n3,Bergen\n4,Bergen\n")
    made = await world.register(request(new_version=True))
    assert made.changes == ("1 file more", "2 rows more")
    diff = await world.service.diff("sales", 1, "sales", 2, values_for=ADA)
    distances = {shift.name: shift.distance for shift in diff.shifts}
    assert distances["city"] is not None
    assert 0.3 < distances["city"] < 1
    assert "today" not in diff.shift_note


async def test_a_new_version_tells_what_became_of_older_ones_in_its_place(world: World) -> None:
    world.storage.write("sales/a.csv", "id\n1\n")
    await world.register(request())
    world.clock.advance(hours=1)
    world.storage.write("sales/b.csv", "id\n2\n")
    await world.register(request(new_version=True))
    world.clock.advance(hours=1)
    world.storage.write("sales/a.csv", "id\n9\n")
    await world.register(request(new_version=True))
    states = [line.version.check.state for line in (await world.service.versions("sales")).items]
    assert states == [FingerprintState.UNCHANGED, FingerprintState.CHANGED, FingerprintState.CHANGED]
    assert await world.service.recheck_due() == (), "owner and watchers hear of the new version"
    told = (await world.service.diff("sales", 2, "sales", 3, values_for=ADA)).shift_note
    assert "1 file of sales:2 changed or went before sales:3 was registered" in told


async def test_what_was_counted_when_it_was_registered_is_compared_after_its_files_are_gone(world: World) -> None:
    world.storage.write("sales/a.csv", "id,city\n1,Oslo\n2,Bergen\n")
    await world.register(request())
    await world.service.keep_profile("sales", 1)
    world.clock.advance(hours=1)
    world.storage.write("sales/a.csv", "id,city\n3,Bergen\n4,Bergen\n")
    await world.register(request(new_version=True))
    await world.service.keep_profile("sales", 2)
    world.storage.go_away()
    diff = await world.service.diff("sales", 1, "sales", 2, values_for=ADA)
    assert {shift.name: shift.type for shift in diff.shifts} == {"id": ColumnType.INTEGER, "city": ColumnType.STRING}
    assert all(shift.distance is not None and 0.3 < shift.distance <= 1 for shift in diff.shifts)
    assert diff.shift_note == "Compared 2 rows of sales:1 with 2 rows of sales:2, by Jensen-Shannon distance."


async def test_keeping_profiles_again_reads_nothing(world: World) -> None:
    world.storage.write("sales/a.csv", "id\n1\n")
    await world.register(request())
    await world.service.keep_profile("sales", 1)
    kept = await world.service.profiles.kept((await world.service.show("sales")).version)
    assert kept is not None
    world.storage.go_away()
    await world.service.keep_profile("sales", 1)


async def test_file_datasets_have_no_profile_to_keep(world: World) -> None:
    world.storage.write("raw/a.csv", "id\n1\n")
    await world.register(request("raw", files("raw/*.csv")))
    await world.service.keep_profile("raw", 1)
    assert await world.service.profiles.kept((await world.service.show("raw")).version) is None
