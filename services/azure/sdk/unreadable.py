"""Values that Azure's engine cannot read as the type of their column: it makes them empty and says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from services.azure.sdk import engine

if TYPE_CHECKING:
    from services.azure.sdk.session import Session


class Unreadable(NamedTuple):
    """A column with such values. values: how many, of those rows that were read."""

    column: str
    values: int


class Written(NamedTuple):
    """Rows in a file. complete: there are no more; rows: how many these are."""

    complete: bool
    rows: int
    unreadable: tuple[Unreadable, ...]


def write_rows(session: Session, mltable: str, rows: int, path: str) -> Written:
    """As `engine.write_rows`, and which of the empty values there are empty because the engine could not read them."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - as the SDK itself, only in a worker

    complete = engine.write_rows(session, mltable, rows, path)
    table = pq.read_table(path)
    empty = any(column.null_count for column in table.columns)
    # The engine reads once more only where something is empty.
    return Written(complete, table.num_rows, _unreadable(mltable, rows) if empty else ())


def _unreadable(mltable: str, rows: int) -> tuple[Unreadable, ...]:
    from azureml.dataprep import EnginelessDataflow  # noqa: PLC0415
    from azureml.dataprep.rslex import Executor  # noqa: PLC0415

    records = Executor().execute_dataflow_to_pyrecords(EnginelessDataflow(mltable).take(rows)._py_rs_dataflow, "")
    found: dict[str, int] = {}
    for record in records:
        for name, value in record.items():
            if type(value).__name__ == "PyErrorValue":  # of the engine's native module, which does not export it
                found[name] = found.get(name, 0) + 1
    return tuple(Unreadable(str(name), count) for name, count in found.items())
