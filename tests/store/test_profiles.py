"""Profiles in tables: found by what was counted, and forgotten when nobody asks for them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.drift.stored import MAGIC, VERSION, NotAProfileError, plan_id_of
from services.store.database import Database
from services.store.profiles import SqlProfiles
from tests.databases import SetClock

A, B = "aa" * 16, "bb" * 16


def profile(plan: str, content: bytes = b"") -> bytes:
    """Bytes that say which plan they were made with; a table looks no further."""
    return MAGIC + bytes([VERSION]) + bytes.fromhex(plan) + content


async def days(profiles: SqlProfiles, plan: str, first: str, last: str, column: str = "at") -> tuple[bytes, ...] | None:
    return await profiles.days("sales", 1, "f1", plan, column=column, first=first, last=last)


@pytest.fixture
def profiles(db: Database, clock: SetClock) -> SqlProfiles:
    return SqlProfiles(db, "local", clock=clock)


async def test_a_profile_is_found_by_its_data_and_plan(profiles: SqlProfiles) -> None:
    await profiles.put("sales", 1, "f1", profile(A, b"own"), own=True)
    await profiles.put("sales", 1, "f1", profile(B, b"as target"), own=False)
    assert await profiles.own("sales", 1, "f1") == profile(A, b"own")
    assert await profiles.get("sales", 1, "f1", A) == profile(A, b"own")
    assert await profiles.get("sales", 1, "f1", B) == profile(B, b"as target")
    for name, version, fingerprint in (("sale", 1, "f1"), ("sales", 2, "f1"), ("sales", 1, "f2")):
        assert await profiles.own(name, version, fingerprint) is None
        assert await profiles.get(name, version, fingerprint, A) is None


async def test_the_same_again_takes_its_place(profiles: SqlProfiles, clock: SetClock) -> None:
    await profiles.put("sales", 1, "f1", profile(A, b"old"), own=True)
    clock.advance(seconds=1)
    await profiles.put("sales", 1, "f1", profile(A, b"new"), own=True)
    assert await profiles.own("sales", 1, "f1") == profile(A, b"new")
    clock.advance(seconds=1)
    await profiles.put("sales", 1, "f1", profile(B, b"newest plan"), own=True)
    assert await profiles.own("sales", 1, "f1") == profile(B, b"newest plan")


async def test_days_are_kept_beside_the_whole(profiles: SqlProfiles) -> None:
    await profiles.put("sales", 1, "f1", profile(A, b"all"), own=True)
    for day in ("2026-01-02", "2026-01-01", "2026-01-04"):
        await profiles.put("sales", 1, "f1", profile(A, day.encode()), own=False, day=("at", day))
    assert await days(profiles, A, "2026-01-01", "2026-01-03") is None, "perhaps not to the end"
    await profiles.put("sales", 1, "f1", profile(A, b"without a time"), own=False, day=("at", "none"))
    assert await days(profiles, A, "2026-01-01", "2026-01-03") == (
        profile(A, b"2026-01-01"),
        profile(A, b"2026-01-02"),
    )
    assert await days(profiles, A, "2026-02-01", "2026-02-03") == ()
    assert await days(profiles, B, "2026-01-01", "2026-01-03") is None
    assert await days(profiles, A, "2026-01-01", "2026-01-03", "other") is None
    assert await profiles.get("sales", 1, "f1", A) == profile(A, b"all")


async def test_workspaces_do_not_see_one_another(db: Database, profiles: SqlProfiles, clock: SetClock) -> None:
    await profiles.put("sales", 1, "f1", profile(A), own=True)
    other = SqlProfiles(db, "azure", clock=clock)
    assert await other.own("sales", 1, "f1") is None
    clock.advance(days=100)
    assert await other.sweep(clock.now()) == 0


async def test_what_is_used_stays(profiles: SqlProfiles, clock: SetClock) -> None:
    await profiles.put("sales", 1, "f1", profile(A), own=True)
    await profiles.put("sales", 2, "f2", profile(A), own=True)
    clock.advance(days=60)
    assert await profiles.own("sales", 1, "f1") is not None
    clock.advance(days=60)
    assert await profiles.sweep(clock.now() - timedelta(days=90)) == 1
    assert await profiles.own("sales", 1, "f1") is not None
    assert await profiles.own("sales", 2, "f2") is None


async def test_what_is_no_profile_is_not_kept(profiles: SqlProfiles) -> None:
    for odd in (b"", b"PAR1", MAGIC, profile(A)[:-1]):
        with pytest.raises(NotAProfileError):
            await profiles.put("sales", 1, "f1", odd, own=True)
    assert plan_id_of(profile(A)) == A
    with pytest.raises(NotAProfileError, match="format 9"):
        plan_id_of(MAGIC + bytes([9]) + bytes(16))
