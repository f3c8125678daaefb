"""Who reaches what in a local workspace: owners, holders of grants, and nobody by registering a path anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.access.model import (
    AssignmentKind,
    Grant,
    GrantStatus,
    GrantWish,
    Level,
    PersonFacts,
    Principal,
    ReachKind,
    Subject,
    SubjectKind,
)
from services.access.places import places_of
from services.access.ports import IdentityProblem
from services.actor import Actor
from services.datasets.model import DatasetType, DatastoreSource, Definition, FileFormat, Format, Source, WebSource
from services.datastores.model import DatastoreKind, DatastoreRequest
from services.local.access import NO_WRITING, LocalAccessGrants, LocalDataAccess, LocalDirectory
from services.local.catalog import LocalCatalog
from services.local.datastores import LocalDatastores
from services.local.places import RegisteredPlaces
from services.store.database import Database
from services.store.records import SqlRecords
from tests.fakes.clock import ManualClock
from tests.local.requests import fill, fingerprint, request

ADA, BEN, CHIARA = "U0ADA", "U0BEN", "U0CHIARA"
STORE = "workspaceblobstore"


class Held:
    """Grants that are there now."""

    def __init__(self) -> None:
        self.grants: list[Grant] = []

    async def live_grants(self, dataset: str) -> tuple[Grant, ...]:
        return tuple(each for each in self.grants if each.dataset == dataset)


class Place:
    """A local workspace with its catalogue, owners and grants."""

    def __init__(self, db: Database, root: Path, clock: ManualClock) -> None:
        self.clock = clock
        self.held = Held()
        self.catalog = LocalCatalog(db, "local", clock=clock)
        self.records = SqlRecords(db, "local")
        self.datastores = LocalDatastores(db, "local", root, clock=clock)
        self.grants = LocalAccessGrants(self.held, RegisteredPlaces(db, "local", root), clock=clock)
        self.access = LocalDataAccess(self.grants)

    async def register(self, name: str, owner: str, *paths: str, store: str = STORE) -> Source:
        """A version an hour after what was before; a new dataset gets the owner."""
        self.clock.advance(hours=1)
        source = source_of(*paths, store=store)
        definition = Definition(DatasetType.TABULAR, source, Format(FileFormat.DELIMITED))
        version = await self.catalog.register(
            request(name, definition), fingerprint(f"{name}{paths}"), registration_id=f"{name}-{self.clock.now()}"
        )
        if version.version == 1:
            await self.records.set_owner(name, owner)
        return source

    def give(self, user: str, dataset: str, level: Level = Level.READ) -> Grant:
        """An active grant of an hour."""
        made = Grant(
            id=f"g{len(self.held.grants)}",
            request_id="r1",
            dataset=dataset,
            level=level,
            subject=Subject(SubjectKind.USER, user),
            principal=person(user),
            requested_by=user,
            approved_by=(ADA,),
            duration=timedelta(hours=1),
            created_at=self.clock.now(),
            places=(),
            status=GrantStatus.ACTIVE,
            ends_at=self.clock.now() + timedelta(hours=1),
        )
        self.held.grants.append(made)
        return made

    async def reaches(self, user: str, dataset: str, source: Source, level: Level = Level.READ) -> bool:
        reach = await self.grants.reach(person(user), dataset, source, level)
        assert reach.why.endswith(".")
        return reach.kind is ReachKind.YES


def person(user: str) -> Principal:
    return Principal(SubjectKind.USER, user, user)


def source_of(*paths: str, store: str = STORE) -> Source:
    if paths[0].startswith("https://"):
        return WebSource(paths)
    return DatastoreSource(store, paths)


@pytest.fixture
def place(db: Database, tmp_path: Path, clock: ManualClock) -> Place:
    return Place(db, tmp_path / "workspace", clock)


async def test_owner_holder_and_nobody_else(place: Place) -> None:
    source = await place.register("sales", ADA, "sales/*.csv")
    assert await place.reaches(ADA, "sales", source)
    assert not await place.reaches(BEN, "sales", source)
    place.give(BEN, "sales")
    assert await place.reaches(BEN, "sales", source)
    assert not await place.reaches(CHIARA, "sales", source)


@pytest.mark.parametrize("status", [each for each in GrantStatus if each is not GrantStatus.ACTIVE])
async def test_only_an_active_grant_counts(place: Place, status: GrantStatus) -> None:
    source = await place.register("sales", ADA, "sales/*.csv")
    place.held.grants = [replace(place.give(BEN, "sales"), status=status)]
    assert not await place.reaches(BEN, "sales", source)


async def test_a_grant_past_its_end_opens_nothing_though_nobody_ended_it_yet(place: Place) -> None:
    source = await place.register("sales", ADA, "sales/*.csv")
    place.give(BEN, "sales")
    place.clock.advance(minutes=59)
    assert await place.reaches(BEN, "sales", source)
    place.clock.advance(minutes=1)
    assert not await place.reaches(BEN, "sales", source)


async def test_levels(place: Place) -> None:
    source = await place.register("sales", ADA, "sales/*.csv")
    place.give(BEN, "sales", Level.READ)
    place.give(CHIARA, "sales", Level.WRITE)
    assert not await place.reaches(BEN, "sales", source, Level.WRITE)
    assert await place.reaches(CHIARA, "sales", source, Level.WRITE)
    assert await place.reaches(CHIARA, "sales", source)


async def test_what_nobody_owns_is_everybodys(place: Place) -> None:
    assert await place.reaches(BEN, "sales", await place.register("sales", "", "sales/*.csv"))


@pytest.mark.parametrize(
    "path",
    ["sales/*.csv", "sales/", "sales", "sales/2026/a.csv", "sales//2026/./a.csv", "**/*.csv", "*", "sales/2026/*"],
)
async def test_registering_a_path_anew_gives_no_access(place: Place, path: str) -> None:
    older = await place.register("sales", ADA, "sales/2026/*.csv")
    source = await place.register("mine", BEN, path)
    reach = await place.grants.reach(person(BEN), "mine", source, Level.READ)
    assert reach.kind is ReachKind.NO
    assert "“sales”, which was registered earlier" in reach.why
    assert await place.reaches(ADA, "sales", older), "a newer dataset takes nothing from an older one"
    place.give(BEN, "sales")
    assert await place.reaches(BEN, "mine", source)


@pytest.mark.parametrize("path", ["sales2/*.csv", "sale", "other/sales/*.csv", "sales.csv"])
async def test_neighbours_are_not_guarded(place: Place, path: str) -> None:
    await place.register("sales", ADA, "sales/*.csv")
    assert await place.reaches(BEN, "mine", await place.register("mine", BEN, path))


async def test_an_old_dataset_turned_to_newer_data_gives_no_access(place: Place) -> None:
    await place.register("junk", BEN, "junk/*.csv")
    guarded = await place.register("sales", ADA, "sales/*.csv")
    turned = await place.register("junk", BEN, "sales/*.csv")
    assert not await place.reaches(BEN, "junk", turned)
    assert await place.reaches(ADA, "sales", guarded)


async def test_a_holder_of_the_newer_dataset_needs_the_older_one_of_another_owner(place: Place) -> None:
    await place.register("sales", ADA, "sales/*.csv")
    source = await place.register("copy", BEN, "sales/*")
    place.give(CHIARA, "copy")
    assert not await place.reaches(CHIARA, "copy", source)
    await place.records.set_owner("copy", ADA)
    assert await place.reaches(CHIARA, "copy", source), "who owns both opened the files"


async def test_an_unowned_dataset_opens_nothing_of_an_owned_one(place: Place) -> None:
    await place.register("sales", ADA, "sales/*.csv")
    assert not await place.reaches(BEN, "loose", await place.register("loose", "", "sales/*"))


async def test_two_datastores_of_one_folder_are_one_place(place: Place, tmp_path: Path) -> None:
    (tmp_path / "workspace" / "data" / "sales").mkdir(parents=True)
    for name, folder in (("Again", "data"), ("inner", "data/sales")):
        await place.datastores.register(DatastoreRequest(name, DatastoreKind.FOLDER, folder, requested_by=ADA))
    await place.register("sales", ADA, "sales/*.csv", store="WorkspaceBlobStore")
    for name, path, store in (("one", "sales/x*.csv", "again"), ("two", "*", "inner"), ("three", "*", "Again")):
        assert not await place.reaches(BEN, name, await place.register(name, BEN, path, store=store)), name
    outer = await place.register("outer", BEN, "*.csv", store="inner")
    assert not await place.reaches(BEN, "outer", outer)
    await place.datastores.close()


async def test_web_addresses_are_compared_whole(place: Place) -> None:
    await place.register("rates", ADA, "https://Data.example/a.csv?day=1")
    assert not await place.reaches(BEN, "mine", await place.register("mine", BEN, "https://data.example/./a.csv"))
    assert await place.reaches(BEN, "other", await place.register("other", BEN, "https://data.example/b.csv"))


async def test_a_source_that_is_not_registered(place: Place) -> None:
    assert await place.reaches(BEN, "", source_of("sales/*.csv"))
    await place.register("sales", ADA, "sales/*.csv")
    assert not await place.reaches(BEN, "", source_of("sales/*.csv"))
    assert await place.reaches(ADA, "", source_of("sales/*.csv"))
    assert await place.reaches(BEN, "", source_of("other/*.csv"))


async def test_admins_read_everything_and_nobody_nothing(place: Place) -> None:
    source = await place.register("sales", ADA, "sales/*.csv")
    assert (await place.access.may_read(Actor(CHIARA, is_admin=True), "sales", source)).allowed
    assert not (await place.access.may_read(Actor("", is_admin=True), "sales", source)).allowed
    refused = await place.access.may_read(Actor(BEN), "sales", source)
    assert (refused.allowed, refused.sentence) == (False, "You have no access to “sales” yet.")


async def test_groups_reach_nothing(place: Place) -> None:
    source = await place.register("sales", "", "sales/*.csv")
    group = Principal(SubjectKind.GROUP, "11111111-0000-0000-0000-000000000001", "Analysts")
    assert (await place.grants.reach(group, "sales", source, Level.READ)).kind is ReachKind.NO
    plan = await place.grants.plan((source,), Level.READ, group)
    assert not plan.possible
    assert plan.why_not


async def test_granting_is_what_the_database_says(place: Place) -> None:
    source = await place.register("sales", ADA, "sales/*.csv")
    plan = await place.grants.plan((source,), Level.WRITE, person(BEN))
    assert plan.possible
    assert plan.opens == ("Preview and reading through the bot.",)
    assert plan.warnings == (NO_WRITING,)
    assert plan.places == places_of((source,))
    assert (await place.grants.plan((source,), Level.READ, None)).warnings == ()
    wish = GrantWish("g1", "r1", "sales", Level.READ, person(BEN), plan.places, place.clock.now(), BEN)
    (made,) = await place.grants.grant(wish, ())
    assert (made.kind, made.principal_id, made.scope) == (AssignmentKind.LOCAL, BEN, "dataset:sales")
    await place.grants.revoke(wish, (made,), ())
    assert await place.grants.missing(wish, (made,)) == ()
    assert await place.grants.found() == ()


async def test_what_another_process_registers_is_seen(db: Database, place: Place, tmp_path: Path) -> None:
    other = Place(db, tmp_path / "workspace", place.clock)
    await fill(db, "local", datasets=3, versions=2)
    assert await place.reaches(BEN, "", source_of("wanted/*.csv"))
    await other.register("wanted", ADA, "old/*.csv")
    assert await place.reaches(BEN, "", source_of("wanted/*.csv"))
    await other.register("wanted", ADA, "wanted/*.csv")
    assert not await place.reaches(BEN, "", source_of("wanted/*.csv"))
    assert not await place.reaches(BEN, "", source_of("old/*.csv")), "older versions guard their files too"


class Known:
    """`People` of two: Ada, and Gus who is no member."""

    async def person(self, user_id: str, *, fresh: bool = False) -> PersonFacts:
        return PersonFacts(user_id, is_member=user_id == ADA, name="Ada Okafor" if user_id == ADA else "")

    async def group_members(self, group_id: str, *, fresh: bool = False) -> frozenset[str]:
        return frozenset()


async def test_the_directory_knows_members(place: Place) -> None:
    directory = LocalDirectory(Known())
    assert directory.kinds == (SubjectKind.USER,)
    assert await directory.of_person(ADA) == Principal(SubjectKind.USER, ADA, "Ada Okafor")
    assert await directory.get(SubjectKind.USER, ADA) == await directory.of_person(ADA)
    with pytest.raises(IdentityProblem, match="no full, active member"):
        await directory.of_person("U0GUS")
    with pytest.raises(IdentityProblem, match="people only"):
        await directory.get(SubjectKind.GROUP, ADA)
    assert await directory.search(SubjectKind.USER, "Ada") == ()
