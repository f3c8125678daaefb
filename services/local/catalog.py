"""The embedded workspace's registry of datasets, with Azure Machine Learning's meanings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, Select, delete, insert, select, update

from services.datasets.model import (
    Dataset,
    DatasetSummary,
    DatasetType,
    DatasetVersion,
    Definition,
    Fingerprint,
    RegisterRequest,
)
from services.datasets.names import DEPRECATED_TAG
from services.errors import IdenticalData, InvalidInput, NameTaken, NotFound
from services.ports import Clock
from services.store import tables
from services.store.columns import storable
from services.store.database import Database
from services.store.definitions import definition_from_json, definition_to_json, identity, source_datastore
from services.store.workspaces import WorkspaceRow, cursor_number, next_change

Tags = tuple[tuple[str, str], ...]

_dataset = tables.dataset
_version = tables.dataset_version
_tag = tables.dataset_tag
_AFTER_ALL_TEXT = "\U0010ffff"


class LocalCatalog:
    """`Catalog` in tables. workspace: tells workspaces in one database apart, e.g. "local"."""

    def __init__(self, db: Database, workspace: str, *, clock: Clock) -> None:
        self._db = db
        self._workspace = WorkspaceRow(db, workspace)
        self._clock = clock

    async def get(self, name: str) -> Dataset:
        """The dataset; tags in the order of their keys. Raises NotFound."""
        workspace_id = await self._workspace.id()
        return await self._db.read(lambda connection: _the_dataset(connection, workspace_id, name))

    async def version(self, name: str, version: int | None = None) -> DatasetVersion:
        """One version, the latest without a number. Raises NotFound, also when only the version is unknown."""
        workspace_id = await self._workspace.id()

        def work(connection: Connection) -> DatasetVersion:
            dataset = _the_row(connection, workspace_id, name)
            number = dataset["latest_version"] if version is None else version
            query = _versions_of(dataset["id"]).where(_version.c.version == number)
            found = connection.execute(query).mappings().first() if 0 < number <= dataset["latest_version"] else None
            if found is None:
                raise NotFound(f"“{name}” has no version {number}; its latest is {dataset['latest_version']}.")
            return _to_version(dataset["name"], found)

        return await self._db.read(work)

    async def versions(self, name: str, *, offset: int = 0, limit: int = 100) -> tuple[DatasetVersion, ...]:
        """Versions, newest first. Raises NotFound."""
        workspace_id = await self._workspace.id()

        def work(connection: Connection) -> tuple[DatasetVersion, ...]:
            dataset = _the_row(connection, workspace_id, name)
            page = _versions_of(dataset["id"]).order_by(_version.c.version.desc()).offset(offset).limit(limit)
            return tuple(_to_version(dataset["name"], row) for row in connection.execute(page).mappings())

        return await self._db.read(work)

    async def find_identical(self, definition: Definition, fingerprint: Fingerprint) -> tuple[str, int] | None:
        """(name, version) already registered with the same definition and data, if any."""
        workspace_id = await self._workspace.id()
        wanted = identity(definition, fingerprint)
        return await self._db.read(lambda connection: _identical(connection, workspace_id, wanted))

    async def register(
        self, request: RegisterRequest, fingerprint: Fingerprint, *, registration_id: str
    ) -> DatasetVersion:
        """Create the dataset or its next version; its description and tags become the dataset's.

        Raises NameTaken, InvalidInput (another type than the dataset has), IdenticalData.
        registration_id: idempotency key; a repeated call with the same key returns the version made the first time.
        """
        workspace_id = await self._workspace.id()
        now = self._clock.now()
        digest = identity(request.definition, fingerprint)

        def work(connection: Connection) -> DatasetVersion:
            change = next_change(connection, workspace_id)  # from here on registrations wait for one another
            earlier = _registered_by(connection, workspace_id, registration_id)
            if earlier is not None:
                return earlier
            found = connection.execute(_row_query(workspace_id, request.name)).mappings().first()
            _refuse_clash(request, found)
            same = _identical(connection, workspace_id, digest)
            if same is not None:
                name, number = same
                raise IdenticalData(
                    f"The same data are registered already as {name}:{number}. Use that version.",
                    name=name,
                    version=number,
                )
            dataset_id, number = _write_dataset(connection, workspace_id, request, found, change=change, now=now)
            connection.execute(
                insert(_version).values(
                    workspace_id=workspace_id,
                    dataset_id=dataset_id,
                    version=number,
                    definition=definition_to_json(request.definition),
                    description=request.description,
                    tags=[list(pair) for pair in request.tags],
                    identity=digest,
                    registration_id=registration_id,
                    created_at=now,
                )
            )
            _replace_tags(connection, dataset_id, dict(request.tags))
            made = _registered_by(connection, workspace_id, registration_id)
            assert made is not None
            return made

        return await self._db.write(work)

    async def set_description(self, name: str, description: str) -> Dataset:
        """Replace the description; versions keep theirs. Raises NotFound."""
        workspace_id = await self._workspace.id()
        now = self._clock.now()

        def work(connection: Connection) -> Dataset:
            change = next_change(connection, workspace_id)
            dataset_id = _the_row(connection, workspace_id, name)["id"]
            _mark_changed(connection, dataset_id, change, now, description=description)
            return _the_dataset(connection, workspace_id, name)

        return await self._db.write(work)

    async def change_tags(self, name: str, *, put: Sequence[tuple[str, str]], remove: Sequence[str]) -> Dataset:
        """Remove some tags, then add or replace others, leaving the rest alone. Raises NotFound."""
        workspace_id = await self._workspace.id()
        now = self._clock.now()

        def work(connection: Connection) -> Dataset:
            change = next_change(connection, workspace_id)
            dataset_id = _the_row(connection, workspace_id, name)["id"]
            present = dict(_tags(connection, [dataset_id])[dataset_id])
            gone = {storable(key) for key in remove}
            kept = {key: value for key, value in present.items() if key not in gone}
            _replace_tags(connection, dataset_id, kept | dict(put))
            _mark_changed(connection, dataset_id, change, now)
            return _the_dataset(connection, workspace_id, name)

        return await self._db.write(work)

    async def changes(self, cursor: str, limit: int = 1000) -> tuple[tuple[DatasetSummary, ...], str]:
        """Datasets changed after `cursor` ("" for all), oldest change first, and the cursor to go on from.

        A dataset changed several times comes once, at its last change. Raises ValueError for a foreign cursor.
        """
        query = (
            select(_dataset)
            .where(
                _dataset.c.workspace_id == await self._workspace.id(),
                _dataset.c.change_seq > cursor_number(cursor),
            )
            .order_by(_dataset.c.change_seq)
            .limit(limit)
        )

        def work(connection: Connection) -> tuple[tuple[DatasetSummary, ...], str]:
            rows = connection.execute(query).mappings().all()
            if not rows:
                return (), cursor
            tags = _tags(connection, [row["id"] for row in rows])
            return tuple(_to_summary(row, tags[row["id"]]) for row in rows), str(rows[-1]["change_seq"])

        return await self._db.read(work)

    async def resolve_names(self, prefix: str, limit: int = 5) -> tuple[str, ...]:
        """Existing names that begin with prefix, whatever the case, in order."""
        folded = storable(prefix).casefold()
        query = (
            select(_dataset.c.name)
            .where(
                _dataset.c.workspace_id == await self._workspace.id(),
                _dataset.c.folded >= folded,
                _dataset.c.folded < folded + _AFTER_ALL_TEXT,
            )
            .order_by(_dataset.c.folded, _dataset.c.name)
            .limit(limit)
        )
        return await self._db.read(lambda connection: tuple(connection.execute(query).scalars()))

    def studio_url(self, name: str, version: int) -> str | None:
        """None: an embedded workspace has no studio."""
        return None

    def linked(self, url: str) -> tuple[str, int | None] | None:
        """None, for the same reason."""
        return None


def _row_query(workspace_id: int, name: str) -> Select[*tuple[object, ...]]:
    return select(_dataset).where(_dataset.c.workspace_id == workspace_id, _dataset.c.name == name)


def _the_row(connection: Connection, workspace_id: int, name: str) -> RowMapping:
    found = connection.execute(_row_query(workspace_id, name)).mappings().first()
    if found is None:
        raise NotFound(f"There is no dataset called “{name}”.")
    return found


def _the_dataset(connection: Connection, workspace_id: int, name: str) -> Dataset:
    row = _the_row(connection, workspace_id, name)
    return Dataset(
        name=row["name"],
        type=DatasetType(row["type"]),
        description=row["description"],
        tags=_tags(connection, [row["id"]])[row["id"]],
        owner="",
        latest_version=row["latest_version"],
        created_at=row["created_at"],
        modified_at=row["modified_at"],
    )


def _tags(connection: Connection, dataset_ids: Iterable[int]) -> Mapping[int, Tags]:
    """Tags by dataset, in the order of their keys."""
    query = select(_tag).where(_tag.c.dataset_id.in_(dataset_ids)).order_by(_tag.c.dataset_id, _tag.c.key)
    found: defaultdict[int, Tags] = defaultdict(tuple)
    for row in connection.execute(query):
        found[row.dataset_id] += ((row.key, row.value),)
    return found


def _versions_of(dataset_id: int) -> Select[*tuple[object, ...]]:
    return select(
        _version.c.version, _version.c.definition, _version.c.description, _version.c.tags, _version.c.created_at
    ).where(_version.c.dataset_id == dataset_id)


def _to_version(name: str, row: RowMapping) -> DatasetVersion:
    return DatasetVersion(
        name=name,
        version=row["version"],
        definition=definition_from_json(row["definition"]),
        description=row["description"],
        tags=tuple((key, value) for key, value in row["tags"]),
        created_at=row["created_at"],
        registered_by="",
    )


def _to_summary(row: RowMapping, tags: Tags) -> DatasetSummary:
    return DatasetSummary(
        name=row["name"],
        type=DatasetType(row["type"]),
        description=row["description"],
        tags=tags,
        owner="",
        latest_version=row["latest_version"],
        modified_at=row["modified_at"],
        deprecated=DEPRECATED_TAG in tags,
    )


def _registered_by(connection: Connection, workspace_id: int, registration_id: str) -> DatasetVersion | None:
    query = (
        select(_dataset.c.name, _version)
        .join(_version, _version.c.dataset_id == _dataset.c.id)
        .where(_version.c.workspace_id == workspace_id, _version.c.registration_id == registration_id)
    )
    found = connection.execute(query).mappings().first()
    return None if found is None else _to_version(found["name"], found)


def _identical(connection: Connection, workspace_id: int, wanted: str) -> tuple[str, int] | None:
    query = (
        select(_dataset.c.name, _version.c.version)
        .join(_version, _version.c.dataset_id == _dataset.c.id)
        .where(_version.c.workspace_id == workspace_id, _version.c.identity == wanted)
    )
    found = connection.execute(query).first()
    return None if found is None else (found.name, found.version)


def _refuse_clash(request: RegisterRequest, found: RowMapping | None) -> None:
    """Raises what Azure answers when the name exists and the request does not fit it."""
    if found is None:
        return
    if not request.create_new_version:
        raise NameTaken(
            f"A dataset called “{found['name']}” exists already, at version {found['latest_version']}. "
            "Choose another name, or create a new version of it.",
            field="name",
        )
    wanted = request.definition.type
    if found["type"] != wanted.value:
        raise InvalidInput(
            f"“{found['name']}” is a {found['type'].capitalize()} dataset, so a new version cannot be "
            f"{wanted.value.capitalize()}. Register it under another name, or as {found['type'].capitalize()}.",
            code="type_is_fixed",
            field="definition",
        )


def _write_dataset(
    connection: Connection,
    workspace_id: int,
    request: RegisterRequest,
    found: RowMapping | None,
    *,
    change: int,
    now: datetime,
) -> tuple[int, int]:
    """Add the dataset or raise its latest version; returns its number and the version's."""
    number = 1 if found is None else found["latest_version"] + 1
    values = {
        "description": request.description,
        "latest_version": number,
        "datastore": source_datastore(request.definition),
        "modified_at": now,
        "change_seq": change,
    }
    if found is not None:
        connection.execute(update(_dataset).where(_dataset.c.id == found["id"]).values(values))
        return found["id"], number
    added = (
        insert(_dataset)
        .values(
            workspace_id=workspace_id,
            name=request.name,
            folded=storable(request.name).casefold(),
            type=request.definition.type.value,
            created_at=now,
            **values,
        )
        .returning(_dataset.c.id)
    )
    return connection.execute(added).scalar_one(), number


def _mark_changed(connection: Connection, dataset_id: int, change: int, now: datetime, **values: str) -> None:
    query = update(_dataset).where(_dataset.c.id == dataset_id)
    connection.execute(query.values(change_seq=change, modified_at=now, **values))


def _replace_tags(connection: Connection, dataset_id: int, tags: Mapping[str, str]) -> None:
    connection.execute(delete(_tag).where(_tag.c.dataset_id == dataset_id))
    stored = {storable(key): value for key, value in tags.items()}
    if stored:
        rows = [{"dataset_id": dataset_id, "key": key, "value": value} for key, value in stored.items()]
        connection.execute(insert(_tag), rows)
