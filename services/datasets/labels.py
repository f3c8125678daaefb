"""Labelled datasets and labelling projects as plain values, and what belongs together."""

from __future__ import annotations

from dataclasses import dataclass

from services.datasets.model import Dataset

VALUES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many rows have one label."""

    label: str
    rows: int


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """The labels of one version. column: where they stand. kind: e.g. "Classification", "" when not told.

    counts: most frequent first. For several labels a row (lists), each label counts once for each row that has it, so
    that the counts may add up to more than `labelled`.
    """

    column: str
    kind: str
    counts: tuple[LabelCount, ...]
    labelled: int
    unlabelled: int

    @property
    def total(self) -> int:
        """All rows."""
        return self.labelled + self.unlabelled


@dataclass(frozen=True, slots=True)
class LabelingProject:
    """A labelling project as Azure Machine Learning tells of it. Counts are data points.

    refreshed: when Azure last looked for new data, as it says it, "" when it does not.
    """

    id: str
    name: str
    status: str
    total: int
    completed: int
    skipped: int
    classes: tuple[str, ...] = ()
    refreshed: str = ""

    @property
    def open(self) -> int:
        """Neither labelled nor skipped."""
        return max(0, self.total - self.completed - self.skipped)


@dataclass(frozen=True, slots=True)
class LabelReport:
    """`labels` of a dataset. counts: None when it is not a labelled dataset. projects: those that seem to belong to it,
    else all others in `elsewhere`. note: what could not be told and why, "" when all was.
    """

    label: str
    counts: LabelCounts | None
    projects: tuple[LabelingProject, ...] = ()
    elsewhere: tuple[LabelingProject, ...] = ()
    note: str = ""


def belongs(project: LabelingProject, dataset: Dataset) -> bool:
    """Does a dataset look like an export of this project? Its name begins with the project's, or a tag names it.

    Azure Machine Learning keeps no reference between the two, so this is a likeness and told as one.
    """
    folded = _folded(project.name)
    if folded and _folded(dataset.name).startswith(folded):
        return True
    return any(value in (project.id, project.name) for _, value in dataset.tags)


def _folded(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def report(
    dataset: Dataset,
    label: str,
    counts: LabelCounts | None,
    projects: tuple[LabelingProject, ...],
    note: str = "",
) -> LabelReport:
    """What is told of a dataset's labels."""
    mine = tuple(project for project in projects if belongs(project, dataset))
    others = tuple(project for project in projects if project not in mine)
    return LabelReport(label, counts, mine, () if mine else others, note)
