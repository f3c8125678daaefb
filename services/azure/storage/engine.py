"""Definitions that only Azure's own engine understands: its first rows, read by the SDK in a worker of its own.

The rows go through a file on disk, so that everything that reads a Parquet file reads them too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from services.azure.identity import CredentialKind
from services.azure.resource import AzureWorkspaceId
from services.azure.scratch import Scratch, remove_left
from services.azure.sdk import unreadable
from services.azure.sdk.unreadable import Unreadable
from services.azure.workers import AzureWorkers, WorkerLimits
from services.datasets.model import DatasetType, DatastoreSource, Definition, FileFormat, Format
from services.reading.display import visible
from services.reading.listing import FilesPlace
from services.reading.places import LocalFile

ENGINE_ROWS = 10_000
_SHOWN_AS = "the dataset's rows"
_PREFIX = "engine-"
_COLUMNS_NAMED = 5


@dataclass(frozen=True, slots=True)
class EngineRows:
    """The first rows of a dataset on disk. definition: how to read them; complete: there are no more.

    notes: what a person should know about them.
    """

    definition: Definition
    place: FilesPlace
    complete: bool
    notes: tuple[str, ...]


def engine_workers(workspace: AzureWorkspaceId, credential: CredentialKind) -> AzureWorkers:
    """Workers for the engine alone. One process for each read: it never forgets a datastore that it has seen.

    The next process gets ready while nobody waits for it. `close` them at the end.
    """
    return AzureWorkers(workspace, credential, limits=WorkerLimits(workers=1, waiting=8, tasks=1))


def needs_engine(definition: Definition) -> bool:
    """True for a Tabular definition with more in it than the bot can read by itself."""
    return definition.mltable is not None and definition.type is DatasetType.TABULAR


@dataclass(frozen=True, slots=True)
class Engine:
    """Asks the SDK's workers (see `engine_workers`) for rows. scratch: folder for them."""

    sdk: AzureWorkers
    scratch: Path

    @asynccontextmanager
    async def rows(self, definition: Definition, limit: int) -> AsyncIterator[EngineRows]:
        """The first `limit` rows, there as long as the block lasts. Raises SourceProblem and what the SDK raises."""
        assert definition.mltable is not None
        made = await asyncio.to_thread(self._new_folder)
        folder = Path(made.path)
        try:
            path = folder / "rows.parquet"
            written = await self.sdk.run("", unreadable.write_rows, definition.mltable, limit, str(path))
            size = (await asyncio.to_thread(path.stat)).st_size
            place = FilesPlace((LocalFile(_SHOWN_AS, str(path.resolve()), size, None),))
            plain = replace(
                definition,
                # A name of its own, so that two of them are told apart.
                source=DatastoreSource(folder.name, (_SHOWN_AS,)),
                format=Format(FileFormat.PARQUET),
                partition_format=None,
                column_types=(),
                mltable=None,
            )
            how_much = "all rows" if written.complete else f"the first {limit:,} rows"
            note = (
                "This definition has steps that only Azure Machine Learning's own engine knows, so that engine read "
                f"{how_much}."
            )
            yield EngineRows(plain, place, written.complete, (note, *_told(written.unreadable, written.rows)))
        finally:
            await asyncio.to_thread(made.remove)

    def _new_folder(self) -> Scratch:
        """A folder for rows. Those that a killed bot left behind are removed."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        remove_left(_PREFIX, self.scratch)
        return Scratch(_PREFIX, self.scratch)


def _told(columns: tuple[Unreadable, ...], rows: int) -> tuple[str, ...]:
    """That values are missing which the files have. No values: schemas are shown to people who may not see rows."""
    if not columns:
        return ()
    named = [f"{each.values:,} in “{visible(each.column, 60)}”" for each in columns[:_COLUMNS_NAMED]]
    more = len(columns) - len(named)
    if more:
        named.append(f"more in {more:,} other column{'' if more == 1 else 's'}")
    return (
        f"Of these {rows:,} rows, values that do not fit the type of their column are shown as empty, as "
        f"to_pandas_dataframe() has them: {', '.join(named)}.",
    )
