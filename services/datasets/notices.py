"""What owners and watchers are told of a dataset, and under which keys: each thing once, whatever is killed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from services.datasets.model import Dataset, DatasetVersion, Deprecation, FingerprintCheck
from services.outbox import Notice

NEW_VERSION = "dataset.version"
FILES = "dataset.files"
DEPRECATED = "dataset.deprecated"


def people(owner: str, watchers: Iterable[str], by: str = "") -> tuple[str, ...]:
    """Owner first, then watchers, each once, without the person who did it."""
    return tuple(person for person in dict.fromkeys((owner, *watchers)) if person and person != by)


def registered(
    version: DatasetVersion, dataset: Dataset, changes: tuple[str, ...], *, by: str, registration_id: str
) -> tuple[Notice, ...]:
    """A new version. The first one has nobody to tell: only its owner, if another.

    registration_id: a registration that is done again after a kill tells nothing again.
    """
    args: dict[str, JsonValue] = {"name": version.name, "version": version.version, "changes": list(changes)}
    return _each(NEW_VERSION, version.name, registration_id, people(dataset.owner, dataset.watchers, by), args)


def files(version: DatasetVersion, check: FingerprintCheck, dataset: Dataset) -> tuple[Notice, ...]:
    """What became of a version's files, also that they are back as they were."""
    at = "" if check.checked_at is None else check.checked_at.isoformat()
    args: dict[str, JsonValue] = {
        "name": version.name,
        "version": version.version,
        "state": check.state.value,
        "at": at,
        "added": check.added,
        "removed": check.removed,
        "changed": check.changed,
        "detail": check.detail,
    }
    what = f"{version.version} {at}"
    return _each(FILES, version.name, what, people(dataset.owner, dataset.watchers), args)


def deprecated(dataset: Dataset, deprecation: Deprecation) -> tuple[Notice, ...]:
    """A dataset should not be used any more."""
    to = people(dataset.owner, dataset.watchers, deprecation.by)
    return _each(DEPRECATED, dataset.name, deprecation.at.isoformat(), to, {"name": dataset.name})


def _each(kind: str, name: str, what: str, to: tuple[str, ...], args: Mapping[str, JsonValue]) -> tuple[Notice, ...]:
    """One for each person, told in the order of what happens to the dataset."""
    about = hashlib.sha256(json.dumps([name, what]).encode()).hexdigest()[:32]
    lane = hashlib.sha256(name.encode()).hexdigest()[:32]
    return tuple(
        Notice(f"{kind}:{about}:{person}", f"dataset:{lane}:{person}", kind, to=person, args=args) for person in to
    )
