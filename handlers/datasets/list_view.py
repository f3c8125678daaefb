"""The list of datasets as a message."""

from __future__ import annotations

from handlers.blockkit import actions, button, context, section, select
from handlers.datasets.list_request import ME, NOBODY, ListRequest
from handlers.datasets.naming import command_button, dataset_command, pick_option
from handlers.datasets.phrases import BADGES, owner_phrase, tag_text
from handlers.message import Json, Message
from handlers.tables import Cell, data_table, person_cell, time_cell
from handlers.text import Mrkdwn, bold, code, count_text, italic, join, lines, md, told, truncate, when
from services.datasets.model import DatasetPage, DatasetSummary

CLASSIC_ROWS = 10
STALE_SECONDS = 60.0
_TAGS_SHOWN = 4


def build(
    page: DatasetPage, request: ListRequest, *, shared: bool = False, drifting: frozenset[str] = frozenset()
) -> Message:
    """A page of the list. shared: for everybody in a channel, so owners are not shown (a mention would call them).

    drifting: names of datasets with an open incident, to be marked.
    """
    if not page.items:
        return _nothing(page, request)
    first, last = page.offset + 1, page.offset + len(page.items)
    headline = section(md("*{}*{}", _plural(page.total), _conditions_suffix(request)))
    return Message(
        text=md("{}, {}–{} shown", _plural(page.total), f"{first:,}", f"{last:,}"),
        blocks=(
            headline,
            *_notes(page, first, last),
            data_table("Datasets", [_head(shared), *(_row(item, shared, drifting) for item in page.items)]),
            actions(_navigation(page, request)),
        ),
        fallback=_classic(page, request, headline, shared, drifting),
    )


def _head(shared: bool) -> list[Cell]:
    return ["Name", "Type", "Version", "Files", *([] if shared else ["Owner"]), "Changed", "Tags"]


def _row(item: DatasetSummary, shared: bool, drifting: frozenset[str]) -> list[Cell]:
    return [
        item.name,
        item.type.value,
        item.latest_version,
        _badge(item, drifting),
        *([] if shared else [person_cell(item.owner, "—")]),
        time_cell(item.modified_at, "{date_num}"),
        _tags(item) or "—",
    ]


def _tags(item: DatasetSummary) -> str:
    shown = ", ".join(tag_text(tag, 30) for tag in item.tags[:_TAGS_SHOWN])
    return shown + (f" +{len(item.tags) - _TAGS_SHOWN}" if len(item.tags) > _TAGS_SHOWN else "")


def _badge(item: DatasetSummary, drifting: frozenset[str]) -> str:
    said = ["deprecated"] if item.deprecated else []
    said += ["drift incident"] if item.name in drifting else []
    return " · ".join([*said, BADGES[item.state]])


def _navigation(page: DatasetPage, request: ListRequest) -> list[Json]:
    elements: list[Json] = [
        select(
            "pick:open",
            [pick_option(item.name, "show", item.name) for item in page.items],
            placeholder="Open a dataset…",
        )
    ]
    return elements + _turning(request, request.page, request.size, page.total)


def _turning(request: ListRequest, number: int, size: int, total: int) -> list[Json]:
    """Buttons to the pages around page `number`, named by what they hold: the table has a "Next" of its own."""
    elements = []
    if number > 1:
        span = f"{(number - 2) * size + 1:,}–{(number - 1) * size:,}"
        command = request.command(number - 1, size)
        elements.append(command_button(f"‹ {span}", "go:previous", command, label=f"Datasets {span}"))
    if number * size < total:
        span = f"{number * size + 1:,}–{min((number + 1) * size, total):,}"
        command = request.command(number + 1, size)
        elements.append(command_button(f"{span} ›", "go:next", command, label=f"Datasets {span}"))
    return elements


def _classic(
    page: DatasetPage, request: ListRequest, headline: Json, shared: bool, drifting: frozenset[str]
) -> tuple[Json, ...]:
    """Ten of the page's rows as sections; its own buttons page by ten."""
    items = page.items[:CLASSIC_ROWS]
    first, last = page.offset + 1, page.offset + len(items)
    number = page.offset // CLASSIC_ROWS + 1
    rows = [_classic_row(i, item, shared, drifting) for i, item in enumerate(items)]
    turning = _turning(request, number, CLASSIC_ROWS, page.total)
    notes = _notes(page, first, last)
    return (headline, *notes, *rows, *([actions(turning)] if turning else []))


def _classic_row(index: int, item: DatasetSummary, shared: bool, drifting: frozenset[str]) -> Json:
    show = dataset_command("show", item.name)
    opening = command_button("Open", f"run:open:{index}", show, label=f"Open {item.name}")
    return section(lines([bold(truncate(item.name, 200)), _details(item, shared, drifting)]), accessory=opening)


def _details(item: DatasetSummary, shared: bool, drifting: frozenset[str]) -> Mrkdwn:
    parts: list[str] = [f"{item.type.value}, version {item.latest_version}"]
    if item.owner and not shared:
        parts.append(md("owner {}", owner_phrase(item.owner)))
    parts += [code(tag_text(tag)) for tag in item.tags[:_TAGS_SHOWN]]
    parts += [md("changed {}", when(item.modified_at, "{date_short_pretty}")), _badge(item, drifting)]
    return join(" · ", parts)


def _notes(page: DatasetPage, first: int, last: int) -> tuple[Json, ...]:
    notes: list[str] = [] if last - first + 1 == page.total else [f"{first:,}–{last:,} of {page.total:,}"]
    notes += [md("I read {} as {}", code(typed), code(read)) for typed, read in page.corrected[:5]]
    if page.index_age > STALE_SECONDS:
        notes.append(f"as of {_age(page.index_age)} ago")
    if page.note:
        notes.append(told(page.note))
    return (context(*notes),) if notes else ()


def _age(seconds: float) -> str:
    minutes = int(seconds // 60)
    return count_text(minutes, "minute") if minutes < 120 else count_text(minutes // 60, "hour")


def _plural(total: int) -> str:
    return count_text(total, "dataset")


def conditions(request: ListRequest) -> tuple[Mrkdwn, ...]:
    """What the list is limited to, in words; empty for all datasets."""
    parts: list[Mrkdwn] = []
    if request.words:
        parts.append(md("matching {}", code(request.words, 200)))
    parts += [
        md("with tag {}", code(key if value is None else f"{key}={value}", 100)) for key, value in request.tags[:10]
    ]
    if request.type:
        parts.append(md("of type {}", request.type.value))
    if request.owner is not None:
        owner = {ME: Mrkdwn("you"), NOBODY: Mrkdwn("nobody")}.get(request.owner) or owner_phrase(request.owner)
        parts.append(md("owned by {}", owner))
    if request.drifting:
        parts.append(Mrkdwn("with an open drift incident or changed files"))
    if request.deprecated:
        parts.append(Mrkdwn("that are deprecated"))
    return tuple(parts)


def _conditions_suffix(request: ListRequest) -> Mrkdwn:
    parts = conditions(request)
    return md(" {}", join(", ", parts)) if parts else Mrkdwn("")


def _nothing(page: DatasetPage, request: ListRequest) -> Message:
    register = button("Register a dataset", "run:register", "/dataset register", style="primary")
    note = (context(told(page.note)),) if page.note else ()
    if not conditions(request):
        # While the workspace is listed for the first time, nothing seen is not nothing there.
        sentence = "I see no datasets yet." if page.note else "There are no datasets yet. Register the first one."
        return Message(text=sentence, blocks=(section(sentence), *note, actions([register])))
    blocks: list[Json] = [section(md("No dataset {}.", join(", ", conditions(request))))]
    if page.corrected:
        blocks.append(context(*(md("I read {} as {}", code(t), code(r)) for t, r in page.corrected[:5])))
    elif request.words:
        blocks.append(context(italic("I look at names, descriptions, tags and owners, and forgive typos.")))
    blocks += note
    blocks.append(actions([button("All datasets", "go:all", "/dataset list"), register]))
    return Message(text="No dataset matches.", blocks=tuple(blocks))
