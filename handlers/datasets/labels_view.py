"""Labels of a dataset and progress of labelling projects, as a message."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.blockkit import HEADER_TEXT, actions, context, header, preformatted, section
from handlers.datasets.naming import command_button, dataset_command
from handlers.message import Json, Message
from handlers.tables import Cell, aligned_text, table
from handlers.text import bold, code, count_text, join, lines, md, truncate
from services.datasets.labels import VALUES_SHOWN, LabelCounts, LabelingProject, LabelReport

PROJECTS_SHOWN = 10
CLASSES_SHOWN = 20
CLASSIC_ROWS = 30


def build(name: str, found: LabelReport) -> Message:
    """The counts of the latest version, its project, and what could not be told."""
    top = header(f"{truncate(found.label, HEADER_TEXT - 24)}, labels")
    tail = (*_projects(found), *((context(found.note),) if found.note else ()), _buttons(name))
    text = md("Labels of {}", found.label)
    if found.counts is None:
        return Message(text=text, blocks=(top, *_none(found), *tail))
    said = section(_summary(found.counts))
    rows = _rows(found.counts)
    if not found.counts.counts:
        return Message(text=text, blocks=(top, said, *tail))
    return Message(
        text=text,
        blocks=(top, said, table(rows, right=(1, 2)), *_more(found.counts), *tail),
        fallback=(top, said, preformatted(aligned_text(_plain(rows))), *_more(found.counts), *tail),
    )


def _none(found: LabelReport) -> tuple[Json, ...]:
    if found.note:
        return (section("No labels are known of this dataset."),)
    return (
        section(
            "This is no labelled dataset. Export a labelling project as a dataset in Azure Machine Learning studio, "
            "and its labels are counted here."
        ),
    )


def _summary(counts: LabelCounts) -> str:
    kind = f", {counts.kind}" if counts.kind else ""
    share = counts.labelled / counts.total if counts.total else 0.0
    return md(
        "{} of {} labelled ({}), {} not. Column {}{}.",
        bold(f"{counts.labelled:,}"),
        count_text(counts.total, "row"),
        f"{share:.0%}",
        f"{counts.unlabelled:,}",
        code(counts.column, 100),
        truncate(kind, 100),
    )


def _rows(counts: LabelCounts) -> list[list[Cell]]:
    head: list[Cell] = ["Label", "Rows", "Share"]
    shown: list[list[Cell]] = [
        [truncate(each.label, 100), each.rows, f"{each.rows / counts.labelled:.1%}" if counts.labelled else "—"]
        for each in counts.counts[:VALUES_SHOWN]
    ]
    return [head, *shown]


def _plain(rows: Sequence[Sequence[Cell]]) -> list[list[str | int | float | None]]:
    return [[value for value in row if not isinstance(value, dict)] for row in rows[: CLASSIC_ROWS + 1]]


def _more(counts: LabelCounts) -> tuple[Json, ...]:
    rest = len(counts.counts) - VALUES_SHOWN
    return (context(f"and {count_text(rest, 'more label')}"),) if rest > 0 else ()


def _projects(found: LabelReport) -> tuple[Json, ...]:
    if found.projects:
        said = [section(_project(each)) for each in found.projects[:PROJECTS_SHOWN]]
        return (*said, context("Matched by name or tag: Azure keeps no link from a dataset to its project."))
    if not found.elsewhere:
        return ()
    title = "*Labelling projects of this workspace*; none of them is known to be this dataset’s."
    return (section(md(title)), *(section(_project(each)) for each in found.elsewhere[:PROJECTS_SHOWN]))


def _project(project: LabelingProject) -> str:
    share = (project.completed + project.skipped) / project.total if project.total else 0.0
    said = [
        md(
            "Project {}, {}: {} done",
            bold(truncate(project.name, 200)),
            truncate(project.status.lower(), 40) or "state not told",
            f"{share:.0%}",
        ),
        md(
            "{} labelled, {} skipped, {} open of {}",
            f"{project.completed:,}",
            f"{project.skipped:,}",
            f"{project.open:,}",
            count_text(project.total, "data point"),
        ),
    ]
    if project.classes:
        shown = join(", ", [code(each, 60) for each in project.classes[:CLASSES_SHOWN]])
        rest = len(project.classes) - CLASSES_SHOWN
        said.append(md("Labels to choose from: {}{}", shown, f" and {rest:,} more" if rest > 0 else ""))
    return lines(said)


def _buttons(name: str) -> Json:
    return actions(
        [
            command_button("Show", "run:show", dataset_command("show", name)),
            command_button("Lineage", "run:lineage", dataset_command("lineage", name)),
        ]
    )
