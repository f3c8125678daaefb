"""Calls on the workspace's datasets. Each runs in a worker, takes and returns plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from services.azure.definitions import (
    TIMESTAMP_PROPERTY,
    AzureDefinition,
    datastore_in,
    read_definition,
    with_digest,
    yaml_in,
)
from services.azure.errors import WORKSPACE_GONE
from services.datasets.model import DatasetType, Definition

if TYPE_CHECKING:
    from services.azure.sdk.rest import Json
    from services.azure.sdk.session import Session

REGISTRATION_PROPERTY = "dataset_bot_registration"
DIGEST_PROPERTY = "dataset_bot_data"
PAGE_SIZE = 100
"""What the SDK asks for, so what the service is known to take."""
LARGE_PAGE_SIZE = 500
"""`page_size` is a parameter of the SDK's own list call, without a bound that is written down. See `page`."""
_PAGE_TOO_LARGE = frozenset({400, 413, 422, 500, 504})
"""Answers to a page that may be too large: they are no answer to the question before a usual page fails too."""
LOOK_BACK = 50  # versions that others may have added since a registration whose outcome is sought


class Entry(NamedTuple):
    """A dataset in a list. version: the latest. digest, registration: the bot's marks on that version, or "".

    datastore: the first one that the definition names, "" for web addresses.
    """

    azure_id: str
    name: str
    type: str
    description: str
    tags: tuple[tuple[str, str], ...]
    version: int
    datastore: str
    digest: str
    registration: str
    created: datetime
    modified: datetime


class VersionEntry(NamedTuple):
    """One version with its definition."""

    azure_id: str
    saved_id: str
    version: int
    definition: Definition
    digest: str
    registration: str
    created: datetime


class Found(NamedTuple):
    """A dataset as it is now, and one version of it."""

    entry: Entry
    version: VersionEntry


class Page(NamedTuple):
    """Part of the list of all datasets. token: where to go on, "" at the end. size: the page size that was taken."""

    entries: tuple[Entry, ...]
    token: str
    size: int


def page(session: Session, token: str, size: int, datasets: int) -> Page:
    """The next datasets of all, with token "" the first ones: some `datasets`, in pages of `size`.

    Every page names the place of the next, so pages cannot be asked for at once: the larger they are, the less of the
    copy is waiting. A service that takes only so many at a time either gives fewer, and the rest with the next page,
    or refuses; then pages of the usual size are asked for.
    """
    rest = session.rest()
    template = rest.client.dataset.list.metadata["url"]
    entries: list[Entry] = []
    for _ in range(max(1, datasets // PAGE_SIZE)):
        query = {
            "includeInvisible": False,
            "continuationToken": token or None,
            "pageSize": size,
            "includeLatestDefinition": True,
        }
        try:
            found = rest.get(template, query=query)
        except Exception as error:
            if size <= PAGE_SIZE or _refused_with(error) not in _PAGE_TOO_LARGE:
                raise
            size = PAGE_SIZE
            found = rest.get(template, query={**query, "pageSize": size})
        entries.extend(_entry(each) for each in list_in(found, "value"))
        token = str(found.get("continuationToken") or "")
        if not token or len(entries) >= datasets:
            break
    return Page(tuple(entries), token, size)


def _refused_with(error: Exception) -> int:
    """The status that Azure answered, 0 for anything else."""
    from services.azure.sdk.rest import RefusedError  # noqa: PLC0415 - imports azureml

    return error.refusal.status if isinstance(error, RefusedError) else 0


def get(session: Session, name: str, version: int | None) -> Found:
    """A dataset with one version, the latest for None. Raises RefusedError, 404 for an unknown one."""
    dto = as_answered(session, name, version)
    return Found(_entry(dto), _version(session, dto, object_in(dto, "latest")))


def as_answered(session: Session, name: str, version: int | None = None) -> Json:
    """As `get`, in Azure's own words."""
    rest = session.rest()
    return rest.get(
        rest.client.dataset.get_dataset_by_name.metadata["url"],
        query={"versionId": version, "includeLatestDefinition": True},
        name=name,
        datasetName=quote(name, safe=""),
    )


def versions(session: Session, name: str, azure_id: str, kind: str, wanted: Sequence[int]) -> tuple[VersionEntry, ...]:
    """These versions, in any order. kind: the dataset's, which Azure does not repeat with its versions.

    One list call where the SDK still has it, else one call for each version."""
    rest = session.rest()
    operation = getattr(rest.client.dataset, "get_all_dataset_definitions", None)
    if operation is None:  # the only call that is neither public nor used by the SDK itself
        return tuple(get(session, name, number).version for number in wanted)
    missing = set(wanted)
    found: list[VersionEntry] = []
    token = ""
    dto = {"datasetId": azure_id, "datasetType": kind}
    while missing:
        answer = rest.get(
            operation.metadata["url"],
            query={"continuationToken": token or None, "pageSize": PAGE_SIZE},
            name=name,
            datasetId=azure_id,
        )
        for each in list_in(answer, "value"):
            if int(each.get("versionId") or 0) in missing:
                missing.discard(int(each["versionId"]))
                found.append(_version(session, dto, each))
        token = str(answer.get("continuationToken") or "")
        if not token:
            break
    return tuple(found)


class Registration(NamedTuple):
    """What is registered. yaml: from `prepare`; digest: the mark of definition and data."""

    name: str
    type: str
    yaml: str
    timestamp_column: str
    description: str
    tags: tuple[tuple[str, str], ...]
    digest: str
    registration_id: str
    new_version: bool


def register(session: Session, what: Registration) -> Found:
    """One POST, never repeated here. What comes back may be an older version with the same YAML: its marks tell.

    Raises RefusedError (409: the name is taken, 400: identical), or requests' errors when the answer is lost.
    """
    from azureml.data import FileDataset, TabularDataset  # noqa: PLC0415
    from azureml.data._dataset_rest_helper import _dataset_to_dto  # noqa: PLC0415 - see rest_names
    from azureml.dataprep import EnginelessDataflow  # noqa: PLC0415

    kind = FileDataset if what.type == DatasetType.FILE.value else TabularDataset
    properties = {REGISTRATION_PROPERTY: what.registration_id, DIGEST_PROPERTY: what.digest}
    if what.timestamp_column:
        properties[TIMESTAMP_PROPERTY] = what.timestamp_column
    dataset = kind._create(EnginelessDataflow(with_digest(what.yaml, what.digest)), properties)
    dto = _dataset_to_dto(dataset, what.name, what.description, dict(what.tags), create_new_version=what.new_version)
    rest = session.rest()
    answer = rest.post(
        rest.client.dataset.register.metadata["url"],
        rest.client.dataset._serialize.body(dto, "DatasetDto"),
        query={
            "registerAsPending": False,
            "ifExistsOk": what.new_version,
            "updateDefinitionIfExists": what.new_version,
            "withDataHash": False,
        },
        name=what.name,
    )
    return Found(_entry(answer), _version(session, answer, object_in(answer, "latest")))


def registered(session: Session, name: str, registration_id: str) -> Found | None:
    """The version that carries this registration's mark, if there is one under this name: did a lost POST arrive?"""
    from services.azure.sdk.rest import RefusedError  # noqa: PLC0415 - imports azureml

    try:
        latest = get(session, name, None)
    except RefusedError as error:
        if error.refusal.status == 404 and error.refusal.code not in WORKSPACE_GONE:
            return None
        raise
    if latest.version.registration == registration_id:
        return latest
    older = range(latest.entry.version - 1, max(0, latest.entry.version - LOOK_BACK), -1)
    found = versions(session, name, latest.entry.azure_id, latest.entry.type, tuple(older)) if older else ()
    mine = next((each for each in found if each.registration == registration_id), None)
    return None if mine is None else Found(latest.entry, mine)


class Change(NamedTuple):
    """What to change of a dataset. description None: leave it."""

    put: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()
    description: str | None = None


class Changed(NamedTuple):
    """A dataset after a change. kept: the change was there when it was read again after writing."""

    entry: Entry
    kept: bool


def change(session: Session, name: str, what: Change) -> Changed:
    """Read, write the whole dataset as the SDK does, read again: Azure has no ETag, so another writer may undo it."""
    rest = session.rest()
    before = as_answered(session, name)
    entry = _entry(before)
    tags = _changed_tags(_tags(before), what)
    description = before.get("description") if what.description is None else what.description
    if tags == _tags(before) and description == before.get("description"):
        return Changed(entry, True)
    old = object_in(before, "latest")
    body: Json = {
        "datasetId": entry.azure_id,
        "name": entry.name,
        "datasetType": before.get("datasetType"),
        "description": description,
        "tags": tags,
        "isVisible": True,
        "latest": {
            "datasetDefinitionState": {},
            **{key: old.get(key) for key in ("versionId", "savedDatasetId", "dataflow", "properties")},
        },
    }
    template = rest.client.dataset.update_dataset.metadata["url"]
    rest.put(template, body, query={"forceUpdate": False}, name=name, datasetId=entry.azure_id)
    after = as_answered(session, name)
    written = _entry(after)
    there = _tags(after)
    kept = (
        all(there.get(key) == value for key, value in what.put)
        and not any(key in there for key in what.remove if key not in dict(what.put))
        and (what.description is None or (after.get("description") or "") == what.description)
    )
    return Changed(written, kept)


def _changed_tags(present: Mapping[str, str], what: Change) -> dict[str, str]:
    kept = {key: value for key, value in present.items() if key not in what.remove}
    return {**kept, **dict(what.put)}


# Reading what Azure answers


def list_in(answer: Json, key: str) -> list[Json]:
    """The objects under a key of an answer. Raises WrongShapeError."""
    from services.azure.sdk.rest import WrongShapeError  # noqa: PLC0415 - imports azureml

    found = answer.get(key)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise WrongShapeError(f"the answer has no list {key!r}")
    return found


def object_in(answer: Json, key: str) -> Json:
    """The object under a key of an answer. Raises WrongShapeError."""
    from services.azure.sdk.rest import WrongShapeError  # noqa: PLC0415 - imports azureml

    found = answer.get(key)
    if not isinstance(found, dict):
        raise WrongShapeError(f"the answer has no object {key!r}")
    return found


def _tags(dto: Json) -> dict[str, str]:
    return {str(key): str(value) for key, value in (dto.get("tags") or {}).items()}


def _entry(dto: Json) -> Entry:
    from services.azure.sdk.rest import WrongShapeError  # noqa: PLC0415 - imports azureml

    try:
        return _read_entry(dto)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WrongShapeError(f"a dataset that cannot be read: {type(error).__name__}") from error


def _read_entry(dto: Json) -> Entry:
    latest = object_in(dto, "latest")
    properties = latest.get("properties") or {}
    return Entry(
        azure_id=str(dto["datasetId"]),
        name=str(dto["name"]),
        type=_kind(dto),
        description=str(dto.get("description") or ""),
        tags=tuple(sorted(_tags(dto).items())),
        version=int(latest.get("versionId") or 0),
        datastore=datastore_in(str(latest.get("dataflow") or "")),
        digest=str(properties.get(DIGEST_PROPERTY) or ""),
        registration=str(properties.get(REGISTRATION_PROPERTY) or ""),
        created=_moment(dto.get("createdTime")),
        modified=_moment(dto.get("modifiedTime")),
    )


def _kind(dto: Json) -> str:
    return DatasetType.FILE.value if dto.get("datasetType") == "file" else DatasetType.TABULAR.value


def yaml_of(session: Session, latest: Json) -> str:
    """The definition of a version. That of an SDK of before 2023 is translated by the data service."""
    found = yaml_in(latest.get("dataflow"))
    return _translated(session, str(latest.get("savedDatasetId") or "")) if found is None else found


def _version(session: Session, dto: Json, latest: Json) -> VersionEntry:
    from services.azure.sdk.rest import WrongShapeError  # noqa: PLC0415 - imports azureml

    text = yaml_of(session, latest)
    try:
        return _read_version(dto, latest, text)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WrongShapeError(f"a version that cannot be read: {type(error).__name__}") from error


def _read_version(dto: Json, latest: Json, text: str) -> VersionEntry:
    properties = latest.get("properties") or {}
    read: AzureDefinition = read_definition(_kind(dto), text, properties)
    return VersionEntry(
        azure_id=str(dto["datasetId"]),
        saved_id=str(latest.get("savedDatasetId") or ""),
        version=int(latest.get("versionId") or 0),
        definition=read.definition,
        digest=str(properties.get(DIGEST_PROPERTY) or read.digest),
        registration=str(properties.get(REGISTRATION_PROPERTY) or ""),
        created=_moment(latest.get("createdTime")),
    )


def _translated(session: Session, saved_id: str) -> str:
    """The YAML of an old definition. Unlike in the SDK's own fetch, a failing service is a failing service."""
    from azureml.data._dataset_rest_helper import _FETCH_DATASET_URL  # noqa: PLC0415 - see rest_names

    from services.azure.sdk.rest import RefusedError, WrongShapeError  # noqa: PLC0415 - imports azureml

    where = session.settings.workspace
    path = _FETCH_DATASET_URL.format(
        where.subscription_id, where.resource_group, where.name, f"unregistered-{saved_id}", "1"
    )
    template, _, query = path.partition("?")
    try:
        found = session.rest().get("/" + template, query=dict(pair.split("=", 1) for pair in query.split("&")))
    except RefusedError as error:
        if error.refusal.status != 404:
            raise
        # The dataset is there, so this is no missing dataset.
        raise WrongShapeError("a version that the data service does not know") from error
    return str(found.get("legacyDataflow") or "")


def _moment(text: object) -> datetime:
    """A time as Azure writes it, with up to seven decimals; 1970 where there is none."""
    if not isinstance(text, str) or not text:
        return datetime.fromtimestamp(0, UTC)
    whole, dot, rest = text.partition(".")
    digits = ""
    while rest and rest[0].isdigit():
        digits, rest = digits + rest[0], rest[1:]
    found = datetime.fromisoformat(f"{whole}{dot}{digits[:6]}{rest}".replace("Z", "+00:00"))
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
