"""Labels of a dataset that a labelling project exported, counted by the SDK's own engine. Runs in a worker.

Such a dataset is Tabular with an image address and a label in each row; its properties say which column is which. Only
the label column is read, never an image. Source: azureml-core 1.61, `azureml/data/constants.py`, `_DATASET_PROP_LABEL`.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from services.azure.sdk import datasets, engine
from services.datasets.labels import LabelCount, LabelCounts

if TYPE_CHECKING:
    from services.azure.sdk.session import Session

LABEL_PROPERTY = "_Label_Column:Label_"


class LabelColumn(NamedTuple):
    """Which column holds the labels, and of what kind they are."""

    name: str
    kind: str


def counts(session: Session, name: str, version: int) -> LabelCounts | None:
    """The labels of a version, None when it is no labelled dataset. Raises RefusedError, the SDK's errors.

    Call it once in a process, as `engine.batches`.
    """
    latest = datasets.object_in(datasets.as_answered(session, name, version), "latest")
    properties = latest.get("properties")
    column = label_column(properties if isinstance(properties, dict) else {})
    if column is None:
        return None
    read = engine.batches(session, datasets.yaml_of(session, latest), lambda rows: rows.keep_columns([column.name]))
    return counted(column, (value for batch in read for each in batch.columns for value in each.to_pylist()))


def label_column(properties: Mapping[str, Any]) -> LabelColumn | None:
    """What a dataset's properties say. The value is an object, or the JSON text of one."""
    value = properties.get(LABEL_PROPERTY)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if not isinstance(value, dict) or not value.get("Column"):
        return None
    return LabelColumn(str(value["Column"]), str(value.get("Type") or ""))


def counted(column: LabelColumn, values: Iterable[object]) -> LabelCounts:
    """How often each label occurs, most frequent first, equally frequent ones by name."""
    found: Counter[str] = Counter()
    labelled = unlabelled = 0
    for value in values:
        labels = labels_in(value)
        found.update(labels)
        labelled += bool(labels)
        unlabelled += not labels
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return LabelCounts(
        column.name, column.kind, tuple(LabelCount(label, rows) for label, rows in ordered), labelled, unlabelled
    )


def labels_in(value: object) -> set[str]:
    """The labels of one row: a text; a list of texts (several labels) or of boxes with a label (object detection).

    No label: nothing, not a number, an empty text or list. Lists may come as their JSON text.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        with contextlib.suppress(ValueError):  # a label may begin with a bracket
            value = json.loads(value)
    if isinstance(value, dict):
        return labels_in(value.get("label"))
    if isinstance(value, (list, tuple)):
        return set().union(*(labels_in(each) for each in value))
    if value is None or value != value:  # not a number: pandas' missing value  # noqa: PLR0124
        return set()
    text = str(value).strip()
    return {text} if text else set()
