"""A definition as Azure takes it, made by the SDK's own factories. Runs in a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from services.azure.definitions import sdk_format, yaml_in
from services.azure.redaction import redact
from services.datasets.model import ColumnType, DatasetType, Definition, FileFormat, WebSource

if TYPE_CHECKING:
    from services.azure.sdk.session import Session

DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y/%m/%d",
)
"""Without formats the SDK reads the data to find them; these leave no doubt which number is the month."""


class Prepared(NamedTuple):
    """A definition as Azure takes it. untyped: why the columns of text files stay strings, "" when they do not."""

    yaml: str
    untyped: str = ""


def prepare(session: Session, definition: Definition, infer: bool) -> Prepared:
    """The YAML of a definition, made by the SDK's own factory.

    infer: let the SDK's engine look at the first 200 rows for column types, as it does for everybody; when it cannot
    read them, the columns stay strings. Raises InvalidInput for what the SDK cannot express.
    """
    from azureml.data.dataset_error_handling import DatasetValidationError  # noqa: PLC0415 - as in _made

    if infer and definition.format is not None and definition.format.file_format is FileFormat.DELIMITED:
        try:
            return Prepared(_made(session, definition, infer=True))
        except DatasetValidationError as error:
            return Prepared(_made(session, definition, infer=False), untyped=redact(str(error))[:500])
    return Prepared(_made(session, definition, infer=False))


def _made(session: Session, definition: Definition, *, infer: bool) -> str:
    from azureml.core import Dataset  # noqa: PLC0415 - imported by the worker's start
    from azureml.data.azure_storage_datastore import AzureBlobDatastore  # noqa: PLC0415

    workspace = session.workspace()
    source = definition.source
    if isinstance(source, WebSource):
        path: list[Any] = list(source.urls)
    else:
        # Made here, not fetched: a definition holds no more of a datastore than its name, and fetching would bring
        # its key.
        datastore = AzureBlobDatastore(workspace, source.datastore, container_name="-", account_name="-")
        path = [(datastore, each) for each in source.paths]
    partition = definition.partition_format or None
    if definition.type is DatasetType.FILE:
        made = Dataset.File.from_files(path, validate=False, partition_format=partition)
    else:
        made = _tabular(definition, path, partition, infer)
    return str(yaml_in(made._dataflow.to_json()))


def _tabular(definition: Definition, path: list[Any], partition: str | None, infer: bool) -> Any:
    from azureml.core import Dataset  # noqa: PLC0415

    form = definition.format
    types = {name: _data_type(kind) for name, kind in definition.column_types if kind is not ColumnType.OTHER}
    common: dict[str, Any] = {"path": path, "validate": False, "partition_format": partition}
    if types:
        common["set_column_types"] = types
    factory = Dataset.Tabular
    if form is None or form.file_format is FileFormat.PARQUET:
        return factory.from_parquet_files(**common)
    if form.file_format is FileFormat.JSON_LINES:
        return factory.from_json_lines_files(encoding=sdk_format(form).encoding, **common)
    said = sdk_format(form)
    return factory.from_delimited_files(
        separator=said.separator,
        header=said.header,
        encoding=said.encoding,
        infer_column_types=infer,
        support_multi_line=True,  # a line break within quotes is part of the value, as the bot's own reader has it
        **common,
    )


def _data_type(kind: ColumnType) -> Any:
    from azureml.data import DataType  # noqa: PLC0415

    match kind:
        case ColumnType.INTEGER:
            return DataType.to_long()
        case ColumnType.DECIMAL:
            return DataType.to_float()
        case ColumnType.BOOLEAN:
            return DataType.to_bool()
        case ColumnType.DATETIME:
            return DataType.to_datetime(list(DATE_FORMATS))
        case _:
            return DataType.to_string()
