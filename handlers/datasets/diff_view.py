"""What differs between two versions as a message."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.blockkit import HEADER_TEXT, actions, context, fields, header, preformatted, section
from handlers.datasets.naming import command_button, dataset_command, dataset_word
from handlers.message import Json, Message
from handlers.tables import Cell, aligned_text, table
from handlers.text import Mrkdwn, bytes_text, code, count_text, lines, md, truncate
from services.datasets.model import ColumnShift, DatasetVersion, VersionDiff

SHIFTS = 10
_FILES_NAMED = 5
_LINES = 40
_NOTHING = "Nothing differs"


def command(diff: VersionDiff, *rest: str) -> str:
    """The command that compares the same two versions."""
    after = dataset_word(diff.after.name, diff.after.version)
    return dataset_command("diff", diff.before.name, diff.before.version, after, *rest)


def build(diff: VersionDiff, *, values_missing: bool = False) -> Message:
    """The difference. values_missing: the values were not compared yet, since that takes longer."""
    top = (header(_title(diff)), section(_summary(diff)), *_numbers(diff), *_schema(diff), *_definition(diff))
    top = (*top, *_files(diff), *_tags(diff))
    bottom = (*_note(diff, values_missing), _actions(diff, values_missing))
    text = md("{}: {}", _title(diff), _summary(diff))
    if not diff.shifts:
        return Message(text=text, blocks=(*top, *bottom))
    title = section(md("*Values*, columns that moved most first"))
    rows = _shift_rows(diff.shifts)
    return Message(
        text=text,
        blocks=(*top, title, table(rows, right=(2, 3, 4)), *bottom),
        fallback=(*top, title, preformatted(aligned_text(_plain_shift_rows(diff.shifts))), *bottom),
    )


def only_version(version: DatasetVersion) -> Message:
    """There is no previous version."""
    return Message(
        text=md("{} has only one version", version.name),
        blocks=(
            section(md("{} has only one version, so there is nothing to compare yet.", code(version.name))),
            actions(
                [
                    command_button("Show it", "run:show", dataset_command("show", version.name)),
                    command_button("Register a new version", "run:register", dataset_command("register", version.name)),
                ]
            ),
        ),
    )


def working(before: str, after: str) -> Message:
    """The comparison of values has begun."""
    names = code(before) if before == after else md("{} and {}", code(before), code(after))
    return Message(
        text="Comparing the values",
        blocks=(
            context(md(":hourglass_flowing_sand: Comparing the values of {}; this can take some minutes.", names)),
        ),
    )


def _title(diff: VersionDiff) -> str:
    room = HEADER_TEXT // 2 - 8
    before, after = (f"{truncate(v.name, room - 12)}:{v.version}" for v in (diff.before, diff.after))
    return f"{before} → {after}"


def _summary(diff: VersionDiff) -> Mrkdwn:
    """One sentence."""
    parts = [
        f"{count_text(number, noun)} {what}"
        for number, noun, what in (
            (len(diff.added_columns), "column", "added"),
            (len(diff.removed_columns), "column", "removed"),
            (len(diff.changed_columns), "column", "retyped"),
            (len(diff.added_files), "file", "added"),
            (len(diff.removed_files), "file", "removed"),
            (len(diff.changed_files), "file", "changed"),
            (len(diff.added_tags) + len(diff.removed_tags) + len(diff.changed_tags), "tag", "changed"),
        )
        if number
    ]
    parts += [f"{what} changed" for what, _, _ in diff.definition_changes]
    if parts:
        return md("{}.", ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1])
    if diff.before.label == diff.after.label:
        return Mrkdwn(f"{_NOTHING}: this is one and the same version.")
    if diff.files_note:
        return Mrkdwn(f"{_NOTHING} in schema, definition and tags.")
    return Mrkdwn(f"{_NOTHING}: same schema, definition, files and tags.")


def _numbers(diff: VersionDiff) -> list[Json]:
    old, new = diff.before.stats, diff.after.stats
    pairs: list[tuple[str, str]] = []
    for label, before, after in (("Rows", old.row_count, new.row_count), ("Files", old.file_count, new.file_count)):
        if before is not None and after is not None:
            pairs.append((label, _from_to(f"{before:,}", f"{after:,}", f"{after - before:+,}", _share(before, after))))
    before, after = old.total_bytes, new.total_bytes
    if before is not None and after is not None:
        pairs.append(("Size", _from_to(bytes_text(before), bytes_text(after), "", _share(before, after))))
    return fields(pairs)


def _share(before: int, after: int) -> str:
    return f"{(after - before) / before:+.1%}" if before and after != before else ""


def _from_to(before: str, after: str, change: str, share: str) -> str:
    """ "1,200 → 1,500 (+300, +25.0%)"."""
    if before == after and not share:
        return f"{after}, as before"
    told = ", ".join(part for part in (change, share) if part)
    return f"{before} → {after}" + (f" ({told})" if told else "")


def _schema(diff: VersionDiff) -> list[Json]:
    rows = [f"+ {column.name}  {column.type.value}" for column in diff.added_columns]
    rows += [f"− {column.name}  {column.type.value}" for column in diff.removed_columns]
    rows += [
        f"~ {change.name}  {change.before.value} → {change.after.value}"
        + ("  (every old value fits)" if change.widened else "  (old values may not fit)")
        for change in diff.changed_columns
    ]
    return [section(md("*Schema*")), preformatted(_some_lines(rows))] if rows else []


def _definition(diff: VersionDiff) -> list[Json]:
    if not diff.definition_changes:
        return []
    rows = [
        md("• {}: {} → {}", what, code(before or "none", 200), code(after or "none", 200))
        for what, before, after in diff.definition_changes
    ]
    return [section(lines([md("*Definition*"), *rows]))]


def _files(diff: VersionDiff) -> list[Json]:
    if diff.files_note:
        return [context(diff.files_note)]
    rows: list[str] = []
    for sign, files in (
        ("+", [f"{file.path}  {bytes_text(file.size)}" for file in diff.added_files]),
        ("−", [f"{file.path}  {bytes_text(file.size)}" for file in diff.removed_files]),
        ("~", [f"{new.path}  {bytes_text(old.size)} → {bytes_text(new.size)}" for old, new in diff.changed_files]),
    ):
        rows += [f"{sign} {file}" for file in files[:_FILES_NAMED]]
        if len(files) > _FILES_NAMED:
            rows.append(f"{sign} … and {len(files) - _FILES_NAMED:,} more")
    if not rows:
        return []
    same = f", {count_text(diff.unchanged_file_count, 'file')} unchanged" if diff.unchanged_file_count else ""
    return [section(md("*Files*{}", same)), preformatted(_some_lines(rows))]


def _tags(diff: VersionDiff) -> list[Json]:
    rows = [md("• added {}", code(f"{key}={value}", 150)) for key, value in diff.added_tags]
    rows += [md("• removed {}", code(f"{key}={value}", 150)) for key, value in diff.removed_tags]
    rows += [
        md("• {}: {} → {}", code(key, 80), code(before, 100), code(after, 100))
        for key, before, after in diff.changed_tags
    ]
    if not rows:
        return []
    shown = rows[:8] + ([Mrkdwn(f"• and {len(rows) - 8:,} more")] if len(rows) > 8 else [])
    return [section(lines([md("*Tags*"), *shown]))]


def _some_lines(rows: Sequence[str]) -> str:
    kept = [truncate(row.replace("\n", " "), 120) for row in rows[:_LINES]]
    return "\n".join(kept + ([f"… and {len(rows) - _LINES:,} more"] if len(rows) > _LINES else []))[:2900]


def _shift_rows(shifts: Sequence[ColumnShift]) -> list[list[Cell]]:
    return [[*row] for row in _plain_shift_rows(shifts)]


def _plain_shift_rows(shifts: Sequence[ColumnShift]) -> list[list[str | float | None]]:
    head: list[str | float | None] = ["Column", "Type", "Distance (0–1)", "Nulls before", "Nulls after"]
    rows: list[list[str | float | None]] = [
        [
            shift.name,
            shift.type.value,
            None if shift.distance is None else round(shift.distance, 3),
            f"{shift.nulls_before:.1%}",
            f"{shift.nulls_after:.1%}",
        ]
        for shift in shifts[:SHIFTS]
    ]
    return [head, *rows]


def _note(diff: VersionDiff, values_missing: bool) -> tuple[Json, ...]:
    notes: list[str] = []
    if len(diff.shifts) > SHIFTS:
        notes.append(f"{SHIFTS} of {count_text(len(diff.shifts), 'column')} shown.")
    if diff.shifts:
        notes.append("Distance: 0 means equal, 1 means nothing in common.")
    if diff.shift_note:
        notes.append(diff.shift_note)
    if values_missing:
        notes.append("The values were not compared: that takes longer than a moment.")
    return (context(*notes),) if notes else ()


def _actions(diff: VersionDiff, values_missing: bool) -> Json:
    before, after = diff.before, diff.after
    elements = []
    if values_missing:
        elements.append(command_button("Compare values", "run:values", command(diff, "values"), style="primary"))
    elements += [
        command_button(f"Show {_short(before)}", "run:before", dataset_command("show", before.name, before.version)),
        command_button(f"Show {_short(after)}", "run:after", dataset_command("show", after.name, after.version)),
        command_button("Versions", "run:versions", dataset_command("versions", after.name)),
        command_button("Compare others…", "run:choose", dataset_command("diff", after.name, None, "choose")),
    ]
    return actions(elements)


def _short(version: DatasetVersion) -> str:
    return f"{truncate(version.name, 50)}:{version.version}"
