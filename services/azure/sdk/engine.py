"""Rows of a dataset read by Azure's own engine, for definitions that only it understands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from services.errors import SourceProblem
from services.reading.display import visible

if TYPE_CHECKING:
    import pyarrow as pa

    from services.azure.sdk.session import Session


Steps = Callable[[Any], Any]
"""Adds steps to the SDK's Dataflow, whose types are not known here."""


def batches(session: Session, mltable: str, steps: Steps) -> Sequence[pa.RecordBatch]:
    """What the engine makes of an MLTable definition with more steps, as Arrow. It needs no pandas, which the SDK has.

    The engine keeps what it learnt of a datastore, its keys too, for the life of its process, so that an overwritten
    datastore would be read where it was before: call this once in a process.
    Raises SourceProblem for what the engine cannot read, and the SDK's errors.
    """
    from azureml.dataprep import EnginelessDataflow  # noqa: PLC0415 - in a worker alone, as everything of the SDK
    from azureml.dataprep.api._datastore_helper import _set_auth_type  # noqa: PLC0415
    from azureml.dataprep.api._rslex_executor import get_rslex_executor  # noqa: PLC0415
    from azureml.dataprep.rslex import Executor  # noqa: PLC0415

    _set_auth_type(session.workspace())
    get_rslex_executor()  # prepares the engine's environment
    try:
        dataflow = steps(EnginelessDataflow(mltable))
        found, _, _ = Executor().execute_dataflow(dataflow._py_rs_dataflow, True, None, False, False, False, "")
    except Exception as error:
        told = _reason(error)
        if told is None:
            raise
        raise SourceProblem(
            f"Azure Machine Learning's engine cannot read this: {told}", code="engine_refused"
        ) from None
    return tuple(found)


def write_rows(session: Session, mltable: str, rows: int, path: str) -> bool:
    """Write the first `rows` rows of an MLTable definition to a new Parquet file; True if there are no more.

    To be called, and raises, as `batches`.
    """
    import pyarrow as pa  # noqa: PLC0415 - as the SDK itself, only in a worker
    import pyarrow.parquet as pq  # noqa: PLC0415

    read = batches(session, mltable, lambda dataflow: dataflow.take(rows + 1))
    table = pa.concat_tables([pa.Table.from_batches([batch]) for batch in read], promote_options="permissive")
    pq.write_table(table.slice(0, rows), path)
    return bool(table.num_rows <= rows)


_REASONS = {
    "NotFound": "there is no file at its path any more.",
    "Authentication": "it is not let into the storage. Check the credential of the datastore.",
    "PermissionDenied": "it is not let into the storage. Check the credential of the datastore.",
    "DatastoreNotFound": "its datastore does not exist any more.",
    "InvalidScript": "the definition is damaged.",
    "DataLoading": "the files are not what the definition says.",
}


def _reason(error: Exception) -> str | None:
    """The engine's reason in words, None for a fault of another kind."""
    kinds = {each.__name__ for each in type(error).__mro__}
    if not kinds & {"DataPrepException", "ExecutionError", "PyErr", "ValidationError"} and "rslex" not in repr(error):
        return None
    text = f"{error!r} {getattr(error, 'error_code', '')}"
    known = next((said for code, said in _REASONS.items() if code in text), None)
    return known or f"{visible(str(error).partition(chr(10))[0], 160)}"
