"""The register modal and what follows it: pure functions from values to views."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.blockkit import (
    actions,
    button,
    checkboxes,
    context,
    input_block,
    modal,
    option,
    radio,
    section,
    select,
    text_input,
    type_ahead,
    user_select,
)
from handlers.datasets.register_form import (
    DELIMITERS,
    FIELD_LIMIT,
    GUESS,
    NEW_VERSION,
    NEXT_VERSION,
    OTHER,
    RegisterForm,
    SourceKind,
)
from handlers.message import Json
from handlers.text import Mrkdwn, bold, bytes_text, code, count_text, join, lines, md, told, truncate
from services.datasets.form_check import ENCODINGS
from services.datasets.model import (
    DatasetType,
    DatastoreSource,
    FileFormat,
    Format,
    HeaderMode,
    Inspection,
    NameCheck,
)
from services.datasets.names import NAME_LIMIT
from services.datasets.open_datasets import CATALOGUE

CALLBACK = "register"
TITLE = "Register a dataset"

TYPES = {
    DatasetType.TABULAR: ("Tabular", "Rows and typed columns, read as a table"),
    DatasetType.FILE: ("File", "Files as they are: images, models, anything"),
}
SOURCES = {
    SourceKind.DATASTORE: ("Files in a datastore", "A path or a pattern such as sales/*.csv"),
    SourceKind.WEB: ("Web addresses", "Files behind http or https"),
    SourceKind.OPEN: ("Azure Open Datasets", "Public data that Microsoft hosts"),
}
FORMATS = {
    GUESS: "Find out from the files",
    FileFormat.DELIMITED.value: "Delimited text (CSV, TSV …)",
    FileFormat.PARQUET.value: "Parquet",
    FileFormat.JSON_LINES.value: "JSON lines",
}
DELIMITER_LABELS = {
    "comma": "Comma ,",
    "semicolon": "Semicolon ;",
    "tab": "Tab",
    "pipe": "Pipe |",
    "space": "Space",
    OTHER: "Another character …",
}
HEADERS = {
    HeaderMode.ALL_FILES_SAME: "Every file begins with column names",
    HeaderMode.FIRST_FILE_ONLY: "Only the first file has column names",
    HeaderMode.NONE: "No column names in the files",
}

assert set(DELIMITER_LABELS) == {*DELIMITERS, OTHER}


def action_of(field: str) -> str:
    """The action_id of a field's element."""
    return f"register:{field}"


def register_view(form: RegisterForm, name: NameCheck | None = None) -> Json:
    """The form. name: what would happen to the name, when one was typed and looked up."""
    shown = form.inputs
    blocks = _identity(form, name)
    blocks += _place(form, shown)
    if "format" in shown:
        blocks += _reading(form, shown)
    blocks += _look(form)
    if form.source is not SourceKind.OPEN:
        blocks += _columns(form)
    blocks += _curation(form)
    return modal(CALLBACK, TITLE, blocks, submit="Register", private_metadata=form.metadata)


def _identity(form: RegisterForm, name: NameCheck | None) -> list[Json]:
    element = text_input(
        action_of("name"),
        initial=form.name,
        placeholder="flights-2013",
        max_length=NAME_LIMIT,
        focus=not form.name,
        dispatch_on=("on_enter_pressed",),
    )
    hint = "Letters, digits, “-” and “_”. Press Enter to check it."
    blocks = [input_block("name", "Name", element, hint=hint, dispatch=True)]
    exists = name is not None and name.problem is None and name.exists
    if name is not None and (note := name_note(name)):
        blocks.append(context(note))
    # A kept block keeps what was ticked, so the box that is ticked for the person is another block.
    if exists and name is not None:
        box = option(f"Make this version {name.next_version}", "yes")
        ticked = [box]
    else:
        box = option("If the name exists already, make this its next version", "yes")
        ticked = [box] if form.new_version else []
    group = checkboxes(action_of(NEW_VERSION), [box], initial=ticked)
    blocks.append(input_block(NEXT_VERSION if exists else NEW_VERSION, "Versions", group, optional=True))
    if form.source is not SourceKind.OPEN:
        kinds = [option(text, kind.value, more) for kind, (text, more) in TYPES.items()]
        chosen = next(each for each in kinds if each["value"] == form.type)
        blocks.append(input_block("type", "Type", radio(action_of("type"), kinds, initial=chosen), dispatch=True))
    return blocks


def name_note(name: NameCheck) -> Mrkdwn | None:
    """What will become of the name, below its field."""
    if not name.name:
        return None
    if name.problem is not None:
        return md(":warning: {}", told(name.problem))
    if name.exists:
        more = "The dataset takes over the description and tags below."
        return md(
            ":information_source: This will become version {} of {}. {}", str(name.next_version), bold(name.name), more
        )
    return md(":white_check_mark: {} is free. This will become its version 1.", bold(name.name))


def _place(form: RegisterForm, shown: frozenset[str]) -> list[Json]:
    offered = [kind for kind in SOURCES if kind is not SourceKind.OPEN or form.in_azure or form.source is kind]
    kinds = [option(SOURCES[kind][0], kind.value, SOURCES[kind][1]) for kind in offered]
    chosen = next(each for each in kinds if each["value"] == form.source)
    blocks = [input_block("source", "Source", radio(action_of("source"), kinds, initial=chosen), dispatch=True)]
    on_datastore = form.source is SourceKind.DATASTORE
    if "datastore" in shown:
        label = "Datastore" if on_datastore else "Datastore (not used for web addresses)"
        initial = option(form.datastore, form.datastore) if form.datastore else None
        element = type_ahead(action_of("datastore"), initial=initial, placeholder="Type to search")
        blocks.append(input_block("datastore", label, element, optional=not on_datastore))
    if "paths" in shown:
        label = "Path or pattern" if on_datastore else "Path or pattern (not used for web addresses)"
        element = text_input(
            action_of("paths"),
            initial=form.paths,
            placeholder="flights/2013/*.csv",
            multiline=True,
            max_length=FIELD_LIMIT,
        )
        hint = "One a line, from the datastore’s top folder. * matches within a folder, ** also below it."
        blocks.append(input_block("paths", label, element, hint=hint, optional=not on_datastore))
    if "urls" in shown:
        label = "Addresses (not used for a datastore)" if on_datastore else "Addresses"
        element = text_input(
            action_of("urls"),
            initial=form.urls,
            placeholder="https://example.com/sales.csv",
            multiline=True,
            max_length=FIELD_LIMIT,
        )
        blocks.append(
            input_block("urls", label, element, hint="One a line.", optional=form.source is not SourceKind.WEB)
        )
    if "open_dataset" in shown:
        blocks += _open(form)
    return blocks


def _open(form: RegisterForm) -> list[Json]:
    choices = [option(each.title, each.id) for each in CATALOGUE]
    initial = next((each for each in choices if each["value"] == form.open_dataset), None)
    element = select(action_of("open_dataset"), choices, initial=initial, placeholder="Choose one")
    blocks = [input_block("open_dataset", "Open dataset", element, dispatch=True)]
    if (opened := form.opened) is not None:
        definition = opened.definition
        how = format_text(definition.format) if definition.format is not None else "files as they are"
        said = md("{} dataset, {}, at {}", definition.type.value.capitalize(), how, code(opened.url, 200))
        blocks.append(context(said, md("It gets the tag {}.", code("=".join(opened.tag)))))
    return blocks


def _reading(form: RegisterForm, shown: frozenset[str]) -> list[Json]:
    formats = [option(text, value) for value, text in FORMATS.items()]
    chosen = next(each for each in formats if each["value"] == form.format)
    element = select(action_of("format"), formats, initial=chosen)
    blocks = [input_block("format", "File format", element, dispatch=True)]
    if "delimiter" in shown:
        choices = [option(text, value) for value, text in DELIMITER_LABELS.items()]
        chosen = next(each for each in choices if each["value"] == form.delimiter)
        element = select(action_of("delimiter"), choices, initial=chosen)
        blocks.append(input_block("delimiter", "Delimiter", element, dispatch=True))
    if "other_delimiter" in shown:
        element = text_input(action_of("other_delimiter"), initial=form.other_delimiter, max_length=10)
        blocks.append(input_block("other_delimiter", "The character between values", element))
    if "header" in shown:
        choices = [option(text, value.value) for value, text in HEADERS.items()]
        chosen = next(each for each in choices if each["value"] == form.header)
        blocks.append(input_block("header", "Column names", select(action_of("header"), choices, initial=chosen)))
    if "encoding" in shown:
        names = ENCODINGS if form.encoding in ENCODINGS else (*ENCODINGS, form.encoding)
        choices = [option(name, name) for name in names]
        chosen = next(each for each in choices if each["value"] == form.encoding)
        blocks.append(input_block("encoding", "Encoding", select(action_of("encoding"), choices, initial=chosen)))
    return blocks


def _look(form: RegisterForm) -> list[Json]:
    row = [button("Check what it matches", action_of("check"), label="Check what the source matches")]
    if form.type is DatasetType.TABULAR and form.source is not SourceKind.OPEN:
        row.append(button("Column types …", action_of("columns"), label="See and change the column types"))
    blocks = [actions(row, block_id="look")]
    if form.checking:
        blocks.append(context(md(":hourglass_flowing_sand: Looking at the files …")))
    elif form.checked:
        blocks.append(section(lines(map(Mrkdwn, form.checked.splitlines())), block_id="checked"))
    if form.column_types and form.type is DatasetType.TABULAR and form.source is not SourceKind.OPEN:
        some = ", ".join(f"{name}: {kind.value}" for name, kind in form.column_types)
        count = count_text(len(form.column_types), "column type")
        blocks.append(context(md("{} chosen by you: {}", count, code(truncate(some, 250)))))
    return blocks


def _columns(form: RegisterForm) -> list[Json]:
    blocks = []
    if form.type is DatasetType.TABULAR:
        element = text_input(action_of("timestamp_column"), initial=form.timestamp_column, max_length=255)
        hint = "The column that says when a row happened. Drift over time needs it."
        blocks.append(input_block("timestamp_column", "Timestamp column", element, hint=hint, optional=True))
    element = text_input(
        action_of("partition_format"),
        initial=form.partition_format,
        placeholder="/{year}/{month}/data.parquet",
        max_length=500,
    )
    hint = "Only if folder names carry values: /{region}/{day:yyyy/MM/dd}/sales.csv"
    blocks.append(input_block("partition_format", "Partition format", element, hint=hint, optional=True))
    return blocks


def _curation(form: RegisterForm) -> list[Json]:
    description = text_input(
        action_of("description"),
        initial=form.description,
        placeholder="What is in it, where it comes from, what to know before using it",
        multiline=True,
        max_length=FIELD_LIMIT,
    )
    tags = text_input(
        action_of("tags"),
        initial=form.tags,
        placeholder="team=ops, sensitivity=internal",
        multiline=True,
        max_length=FIELD_LIMIT,
    )
    hint = "key=value, one a line or separated by commas"
    return [
        input_block(form.block_id("description"), "Description", description, optional=True),
        input_block(form.block_id("tags"), "Tags", tags, hint=hint, optional=True),
        input_block(
            form.block_id("owner"),
            "Owner",
            user_select(action_of("owner"), initial=form.owner),
            hint="Answers for the dataset and hears when its files change. Left empty, a new dataset is yours.",
            optional=True,
        ),
    ]


SHOWN_FILES = 3
SHOWN_COLUMNS = 8
SHOWN_ROWS = 2
SHOWN_CELLS = 6
SHOWN_NOTES = 4
ROW_SHOWN = 160
NOTE_SHOWN = 300


def found_lines(form: RegisterForm, found: Inspection) -> Mrkdwn:
    """What a look at the source found: files, how they are read, columns."""
    definition = form.definition()
    source, tabular = definition.source, definition.type is DatasetType.TABULAR
    items = source.paths if isinstance(source, DatastoreSource) else source.urls
    what = code(", ".join(items), 100)
    listing = found.listing
    if listing.file_count == 0:
        return md(":warning: {} matches nothing. Check the path and the pattern.", what)
    more = "more than " if listing.truncated else ""
    # A web server need not say how long a file is.
    size = bytes_text(listing.total_bytes) if listing.total_bytes or isinstance(source, DatastoreSource) else ""
    count = f"{more}{count_text(listing.file_count, 'file')}"
    names = join(", ", [code(name, 80) for name in listing.names[:SHOWN_FILES]])
    rest = listing.file_count - SHOWN_FILES
    said = [md(":white_check_mark: {} matches *{}*{}", what, count, f", {size}" if size else "")]
    said.append(md("{}{}", names, f" and {rest:,} more" if rest > 0 else ""))
    if found.format is not None and tabular:
        said.append(md("Read as {}", format_text(found.format)))
    if found.schema and tabular:
        some = [code(f"{column.name}: {column.type.value}", 60) for column in found.schema[:SHOWN_COLUMNS]]
        hidden = len(found.schema) - SHOWN_COLUMNS
        said.append(
            md(
                "{}: {}{}",
                count_text(len(found.schema), "column"),
                join(", ", some),
                f" and {hidden:,} more" if hidden > 0 else "",
            )
        )
        if rows := [code(_row_text(row), ROW_SHOWN) for row in found.rows[:SHOWN_ROWS]]:
            said += [Mrkdwn("First row:" if len(rows) == 1 else "First rows:"), *rows]
        said += note_lines(found.notes)
    return lines(said)


def _row_text(row: tuple[str | None, ...]) -> str:
    """The first values of a row, with a dash where there is none."""
    cells = [truncate("—" if cell is None else " ".join(cell.split()), 40) for cell in row[:SHOWN_CELLS]]
    return " | ".join([*cells, *(["…"] if len(row) > SHOWN_CELLS else [])])


def note_lines(notes: Sequence[str]) -> list[Mrkdwn]:
    """What is worth telling of how the files are read, one line each."""
    said = [md(":information_source: {}", told(truncate(note, NOTE_SHOWN))) for note in notes[:SHOWN_NOTES]]
    rest = len(notes) - SHOWN_NOTES
    return [*said, md("and {}.", count_text(rest, "more note", "more notes"))] if rest > 0 else said


def format_text(how: Format) -> str:
    """ "delimited text, semicolon, names in every file, utf-8"."""
    if how.file_format is FileFormat.PARQUET:
        return "Parquet"
    if how.file_format is FileFormat.JSON_LINES:
        return "JSON lines"
    names = {character: name for name, character in DELIMITERS.items()}
    header = {
        HeaderMode.ALL_FILES_SAME: "column names in every file",
        HeaderMode.FIRST_FILE_ONLY: "column names in the first file",
        HeaderMode.NONE: "no column names",
    }[how.header]
    return f"delimited text: {names.get(how.delimiter, how.delimiter)}, {header}, {how.encoding}"
