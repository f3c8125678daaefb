"""Datastores as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DatastoreKind(StrEnum):
    """Storage behind a datastore. FOLDER exists only in the local workspace."""

    FOLDER = "folder"
    BLOB = "azure_blob"
    ADLS_GEN2 = "azure_data_lake_gen2"
    FILE_SHARE = "azure_file"


@dataclass(frozen=True, slots=True)
class Datastore:
    """A named place for data. location: what a person may see of where it is (a folder, account/container).

    identity_based: read with the reader's own identity (Azure), so that access can be given per path.
    """

    name: str
    kind: DatastoreKind
    location: str
    is_default: bool
    created_at: datetime
    created_by: str = ""
    description: str = ""
    identity_based: bool = False
    dataset_count: int = 0


@dataclass(frozen=True, slots=True)
class DatastoreRequest:
    """A datastore to register. folder: path under the workspace or an allowed root (local workspace)."""

    name: str
    kind: DatastoreKind
    folder: str
    requested_by: str
    description: str = ""
    overwrite: bool = False
    make_default: bool = False
