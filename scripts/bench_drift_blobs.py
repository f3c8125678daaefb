"""One profile of a Parquet file, from this machine or from blob storage, as a process to be measured.

`python -m scripts.bench_drift_blobs local FILE` or `… blob CONTAINER_URL SAS NAME`, with SSL_CERT_FILE for Azurite.
"""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from services.azure.connection_test import Sas
from services.azure.storage.account import ContainerAddress
from services.azure.storage.ahead import Ahead
from services.azure.storage.blobs import BlobSource
from services.azure.storage.container import Container
from services.datastores.model import DatastoreAccess
from services.drift.encode import encode
from services.drift.parquet_rows import ParquetRows
from services.drift.scan import plan_for, scan
from services.reading.limits import DEFAULT_LIMITS
from services.reading.places import LocalFile, SourceFile


@dataclass(frozen=True)
class _Elsewhere(ContainerAddress):
    """A container of an emulator, whose accounts are in the path."""

    at: str = ""

    @property
    def url(self) -> str:
        """The emulator's."""
        return self.at


def _profile(files: tuple[SourceFile, ...]) -> str:
    rows = ParquetRows("data", files, DEFAULT_LIMITS)
    made = scan(rows, plan_for(rows))
    return f"{made.rows} {len(encode(made))}"


def main() -> None:
    """See above."""
    if sys.argv[1] == "local":
        path = Path(sys.argv[2]).resolve()
        print(_profile((LocalFile(path.name, str(path), path.stat().st_size, None),)))
        return
    url, signature, name = sys.argv[2:]
    address = _Elsewhere("mlstorage", "bench", at=url)
    container = Container(address, Sas(SecretStr(signature)), DatastoreAccess.SAS)
    with closing(Ahead()) as ahead:
        print(_profile(BlobSource(container, (name,), ahead).find(10, DEFAULT_LIMITS).files))


if __name__ == "__main__":
    main()
