"""The datasets of one workspace with their versions, as the dataset service keeps them; cheap for 100,000 of them."""

from __future__ import annotations

import json
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from tests.contract.wire import Json

__all__ = ["DatasetKind", "DatasetStore", "Registered", "Version", "dataflow_of", "yaml_of"]

DatasetKind: TypeAlias = Literal["file", "tabular"]

_EPOCH = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Version:
    """One version; `dataflow` is the JSON text that the SDK sent, with the definition's YAML inside."""

    number: int
    saved_id: str
    dataflow: str
    properties: dict[str, Json]
    created: datetime


@dataclass
class Registered:
    """A registered dataset; description and tags belong to the dataset, not to a version."""

    sequence: int
    dataset_id: str
    name: str
    kind: str
    description: str | None
    tags: dict[str, str]
    versions: list[Version]
    modified: datetime
    visible: bool = True

    def definition(self, version: Version) -> dict[str, Json]:
        """A DatasetDefinitionDto."""
        return {
            "datasetId": self.dataset_id,
            "versionId": str(version.number),
            "datasetDefinitionState": {"state": "active", "etag": None},
            "dataflow": version.dataflow,
            "properties": version.properties,
            "savedDatasetId": version.saved_id,
            "notes": None,
            "createdTime": _iso(version.created),
            "modifiedTime": _iso(version.created),
        }

    def dto(self, version: Version | None = None, *, definition: bool = True) -> dict[str, Json]:
        """A DatasetDto whose `latest` is this version (default: the newest)."""
        return {
            "datasetId": self.dataset_id,
            "name": self.name,
            "datasetType": self.kind,
            "datasetState": {"state": "active", "etag": None},
            "description": self.description,
            "tags": dict(self.tags),
            "isVisible": self.visible,
            "latest": self.definition(version or self.versions[-1]) if definition else None,
            "createdTime": _iso(self.versions[0].created),
            "modifiedTime": _iso(self.modified),
            "etag": f'"{self.modified.timestamp():.6f}"',
        }


@dataclass
class DatasetStore:
    """All datasets by name. `fill` makes any number that exist only as a rule until somebody changes them.

    definitions_order: in which order all versions are listed; the real order is not documented, so try both.
    identical: what registering the same definition again under the same name as a new version does. "existing"
        answers with the version that is there (what users report since late 2020), "refuse" says 400 (before).
    """

    definitions_order: Literal["oldest", "newest"] = "newest"
    identical: Literal["existing", "refuse"] = "existing"
    _made: dict[str, Registered] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)  # dataset id or saved id to name
    _order: dict[int, str] = field(default_factory=dict)
    _gone: set[int] = field(default_factory=set)
    _rule: tuple[int, int, str, str] = (0, 0, "", "")  # first sequence, count, prefix, datastore address
    _next: int = 0
    _assets: dict[tuple[str, str], dict[str, Json]] = field(default_factory=dict)
    _saved: dict[str, dict[str, Json]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def add(
        self,
        name: str,
        yaml: str,
        kind: DatasetKind = "tabular",
        *,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        properties: dict[str, Json] | None = None,
    ) -> Registered:
        """Arrange a dataset, or its next version, with this MLTable definition; nothing is compared or refused."""
        with self.lock:
            known = self.get(name)
            if known is None:
                return self.create(name, kind, description, tags or {}, dataflow_of(yaml), properties or {})
            self.add_version(known, dataflow_of(yaml), properties or {})
            if tags is not None:
                self.update(known, description if description is not None else known.description, tags)
            return known

    def fill(self, count: int, *, prefix: str = "table_", uri: str = "azureml://datastores/main/paths/tables/") -> None:
        """Arrange `count` tabular datasets prefix000000, prefix000001, ... of one version each. Once per store."""
        with self.lock:
            if self._rule[1]:
                raise ValueError("this store is filled already")
            self._rule = (self._next, count, prefix, uri)
            self._next += count

    def __len__(self) -> int:
        with self.lock:
            first, count, _, _ = self._rule
            changed = sum(1 for sequence in self._order if first <= sequence < first + count)
            untouched = count - changed - sum(1 for sequence in self._gone if first <= sequence < first + count)
            return len(self._made) + untouched

    def get(self, name: str) -> Registered | None:
        """The dataset of this name (case counts)."""
        with self.lock:
            return self._made.get(name) or self._ruled(name)

    def by_id(self, any_id: str) -> Registered | None:
        """The dataset with this id, or with a version of this saved id."""
        with self.lock:
            if any_id in self._names:
                return self.get(self._names[any_id])
            for stem in (_RULED_ID, _RULED_SAVED):
                if any_id.startswith(stem):
                    return self._at(int(any_id[len(stem) :]))
            return None

    def create(
        self,
        name: str,
        kind: str,
        description: str | None,
        tags: dict[str, str],
        dataflow: str,
        properties: dict[str, Json],
    ) -> Registered:
        """Register a new name with version 1."""
        with self.lock:
            now = datetime.now(UTC)
            version = Version(1, str(uuid.uuid4()), dataflow, properties, now)
            made = Registered(self._next, str(uuid.uuid4()), name, kind, description, dict(tags), [version], now)
            self._next += 1
            self._keep(made)
            return made

    def add_version(self, dataset: Registered, dataflow: str, properties: dict[str, Json]) -> Version:
        """Add the next version to a dataset."""
        with self.lock:
            now = datetime.now(UTC)
            version = Version(dataset.versions[-1].number + 1, str(uuid.uuid4()), dataflow, properties, now)
            dataset.versions.append(version)
            dataset.modified = now
            self._keep(dataset)
            return version

    def update(self, dataset: Registered, description: str | None, tags: dict[str, str]) -> None:
        """Replace description and tags: the last writer wins, nothing is merged."""
        with self.lock:
            dataset.description, dataset.tags = description, dict(tags)
            dataset.modified = datetime.now(UTC)
            self._keep(dataset)

    def remove(self, name: str) -> bool:
        """Unregister all versions of a name."""
        with self.lock:
            known = self.get(name)
            if known is None:
                return False
            self._made.pop(name, None)
            self._order.pop(known.sequence, None)
            self._gone.add(known.sequence)
            for version in known.versions:
                self._names.pop(version.saved_id, None)
            self._names.pop(known.dataset_id, None)
            return True

    def page(self, after: int, count: int) -> tuple[list[Registered], int | None]:
        """Up to `count` datasets whose sequence number is at least `after`, and where the next page starts."""
        with self.lock:
            found: list[Registered] = []
            for sequence in range(after, self._next):
                if sequence in self._gone:
                    continue
                if len(found) == count:
                    return found, sequence
                name = self._order.get(sequence)
                dataset = self._made[name] if name is not None else self._at(sequence)
                if dataset is not None:
                    found.append(dataset)
            return found, None

    def identical_to(self, dataset: Registered, dataflow: str) -> Version | None:
        """The version with the same definition, spacing aside."""
        wanted = yaml_of(dataflow).split()
        return next((one for one in reversed(dataset.versions) if yaml_of(one.dataflow).split() == wanted), None)

    def saved_definition(self, saved_id: str) -> str | None:
        """The YAML of one version, or of a dataset that was saved without a name."""
        with self.lock:
            if saved_id in self._saved:
                return yaml_of(str(self._saved[saved_id]["dataflowJson"]))
            dataset = self.by_id(saved_id)
            for version in dataset.versions if dataset is not None else []:
                if version.saved_id == saved_id:
                    return yaml_of(version.dataflow)
            return None

    def save(self, dto: dict[str, Json]) -> dict[str, Json]:
        """Keep a definition without a name (the service's "saved dataset") and give it an id."""
        with self.lock:
            kept: dict[str, Json] = {**dto, "id": dto.get("id") or str(uuid.uuid4())}
            self._saved[str(kept["id"])] = kept
            return kept

    def saved(self, saved_id: str) -> dict[str, Json] | None:
        with self.lock:
            return self._saved.get(saved_id)

    def add_asset(self, name: str, version: str, data_uri: str, data_type: str = "uri_folder") -> None:
        """Arrange a data asset of the SDK's second generation, which v1 finds when no dataset has the name."""
        with self.lock:
            self._assets[name, version] = {"dataUri": data_uri, "dataType": data_type, "versionId": version}

    def asset(self, name: str, version: str) -> dict[str, Json] | None:
        """One version of a data asset; version "None" is what the SDK asks when it wants the newest."""
        with self.lock:
            versions = [asset for (known, _), asset in self._assets.items() if known == name]
            if version == "None":
                return versions[-1] if versions else None
            return self._assets.get((name, version))

    def _keep(self, dataset: Registered) -> None:
        self._made[dataset.name] = dataset
        self._order[dataset.sequence] = dataset.name
        self._names[dataset.dataset_id] = dataset.name
        for version in dataset.versions:
            self._names[version.saved_id] = dataset.name

    def _ruled(self, name: str) -> Registered | None:
        first, _, prefix, _ = self._rule
        digits = name[len(prefix) :]
        if not (self._rule[1] and name.startswith(prefix) and len(digits) == 6 and digits.isdigit()):
            return None
        return self._at(first + int(digits))

    def _at(self, sequence: int) -> Registered | None:
        first, count, prefix, uri = self._rule
        number = sequence - first
        if not 0 <= number < count or sequence in self._gone:
            return None
        if sequence in self._order:
            return self._made[self._order[sequence]]
        name = f"{prefix}{number:06d}"
        created = _EPOCH + timedelta(seconds=number)
        yaml = _RULED_YAML.format(path=f"{uri}{name}/*.parquet")
        version = Version(1, f"{_RULED_SAVED}{sequence:012d}", dataflow_of(yaml), {}, created)
        tags = {"owner": f"U{number % 50:08d}", "team": ("sales", "risk", "ops", "web")[number % 4]}
        return Registered(
            sequence,
            f"{_RULED_ID}{sequence:012d}",
            name,
            "tabular",
            f"Table number {number}",
            tags,
            [version],
            created,
        )


_RULED_YAML = """---
type: mltable
paths:
  - pattern: "{path}"
transformations:
  - read_parquet:
      path_column: Path
      include_path_column: false
metadata:
  infer_column_types: "False"
"""
_RULED_ID = "00000000-0000-4000-8000-"
_RULED_SAVED = "00000000-0000-4000-9000-"


def dataflow_of(yaml: str) -> str:
    """The JSON text in which the SDK wraps a definition's YAML."""
    return json.dumps({"blocks": [], "meta": {"RsDataflow": yaml}})


def yaml_of(dataflow: str) -> str:
    """The YAML inside, the empty text when there is none."""
    try:
        return str(json.loads(dataflow)["meta"]["RsDataflow"])
    except (ValueError, KeyError, TypeError):
        return ""


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
