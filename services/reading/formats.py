"""What kind of file this is: format, compression, encoding, delimiter and header, found by looking at its first bytes.

Everything here is deterministic and works on the first `HEAD_BYTES` of a file; the person who registers sees the
result and can change it.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from io import FileIO
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from services.datasets.model import FileFormat, Format, HeaderMode
from services.errors import InvalidInput, SourceProblem
from services.reading.display import quoted
from services.reading.places import SourceFile

HEAD_BYTES = 256 * 1024
csv.field_size_limit(64 * 1024 * 1024)  # a limit of its own would only hide the reader's, which tells the line
DELIMITERS = (",", ";", "\t", "|")
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", " ": "space"}
# What people and Azure ML (`utf8`, `iso88591`, `windows1252` …) call encodings -> Python's name for the codec.
ENCODINGS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-8-sig": "utf-8-sig",
    "utf8bom": "utf-8-sig",
    "ascii": "ascii",
    "latin-1": "latin-1",
    "latin1": "latin-1",
    "iso-8859-1": "latin-1",
    "iso88591": "latin-1",
    "cp1252": "cp1252",
    "windows-1252": "cp1252",
    "windows1252": "cp1252",
    "utf-16": "utf-16",
    "utf16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "utf-32": "utf-32",
    "utf32": "utf-32",
}
_EXTENSIONS = {
    ".parquet": FileFormat.PARQUET,
    ".pq": FileFormat.PARQUET,
    ".csv": FileFormat.DELIMITED,
    ".tsv": FileFormat.DELIMITED,
    ".tab": FileFormat.DELIMITED,
    ".psv": FileFormat.DELIMITED,
    ".txt": FileFormat.DELIMITED,
    ".jsonl": FileFormat.JSON_LINES,
    ".ndjson": FileFormat.JSON_LINES,
    ".jsonlines": FileFormat.JSON_LINES,
    ".json": FileFormat.JSON_LINES,
}
_MAGIC = (
    (b"PK\x03\x04", "a ZIP archive or an Office file. Unpack it, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Office file. Save it as CSV"),
    (b"%PDF", "a PDF. Tabular data have to be CSV, Parquet or JSON lines"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard. Unpack it first"),
    (b"BZh", "compressed with bzip2. Unpack it, or compress with gzip"),
    (b"\xfd7zXZ\x00", "compressed with xz. Unpack it, or compress with gzip"),
    (b"ORC", "an ORC file. Write it as Parquet"),
    (b"Obj\x01", "an Avro file. Write it as Parquet"),
    (b"ARROW1", "an Arrow IPC file. Write it as Parquet"),
    (b"\x89HDF", "an HDF5 file. Write it as Parquet"),
    (b"\x89PNG", "an image. Register it as a File dataset"),
    (b"\xff\xd8\xff", "an image. Register it as a File dataset"),
    (b"GIF8", "an image. Register it as a File dataset"),
    (b"SQLite format 3", "an SQLite database. Export the table as CSV or Parquet"),
)
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?%?$")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?$")


@dataclass(frozen=True, slots=True)
class Head:
    """The first bytes of a file, decompressed. complete: the file is no longer than this."""

    data: bytes
    complete: bool
    gzipped: bool


def codec(encoding: str) -> str:
    """Python's name of an encoding that can be read. Raises InvalidInput for others."""
    name = ENCODINGS.get(encoding.strip().lower().replace("_", "-"))
    if name is None:
        raise InvalidInput(
            f"The encoding {quoted(encoding)} is not known. "
            "Use utf-8, utf-8-sig, latin-1, cp1252, utf-16, utf-32 or ascii.",
            code="encoding_unknown",
            field="encoding",
        )
    return name


def open_stream(file: SourceFile) -> tuple[BinaryIO, bool]:
    """The file's bytes, decompressed if it is gzip; True in the second place then."""
    stream = file.open(onward=True)
    magic = stream.read(2)
    stream.seek(0)
    if magic == b"\x1f\x8b":
        unpacked = gzip.GzipFile(fileobj=stream, mode="rb")
        unpacked.myfileobj = cast(FileIO, stream)  # so that closing it closes the file too
        return cast(BinaryIO, unpacked), True  # a GzipFile reads like one; typeshed does not say so
    return stream, False


def read_head(file: SourceFile, size: int = HEAD_BYTES) -> Head:
    """The first `size` bytes. Raises SourceProblem for a broken gzip file."""
    stream, gzipped = open_stream(file)
    with stream:
        try:
            data = stream.read(size + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise broken_gzip(file) from None
    return Head(data[:size], len(data) <= size, gzipped)


def broken_gzip(file: SourceFile) -> SourceProblem:
    """The sentence for a damaged gzip file."""
    return SourceProblem(
        f"{quoted(file.path)} is a damaged gzip file, perhaps cut off in transfer. Upload it again.",
        code="gzip_damaged",
        field="source",
    )


def foreign(file: SourceFile, head: bytes) -> SourceProblem | None:
    """The problem if these bytes are plainly of a kind that cannot be read as rows."""
    if re.match(rb"\s*<(!doctype html|html)", head[:200], re.IGNORECASE):
        return SourceProblem(
            f"{quoted(file.path)} is a web page, not data. Use the address of the file itself, often called “raw” or "
            "“download”.",
            code="web_page",
            field="source",
        )
    for magic, what in _MAGIC:
        if head.startswith(magic):
            return SourceProblem(f"{quoted(file.path)} is {what}.", code="format_unreadable", field="format")
    return None


def guess_file_format(file: SourceFile, head: Head) -> FileFormat:
    """Format by magic bytes, then by extension, then by content. Raises SourceProblem for what is none of the three."""
    if head.data.startswith(b"PAR1"):
        return FileFormat.PARQUET
    if problem := foreign(file, head.data):
        raise problem
    text = head.data.lstrip(b"\xef\xbb\xbf \t\r\n")
    extension = _EXTENSIONS.get(_extension(file.path))
    if extension is FileFormat.PARQUET:
        return extension  # not one in truth: reading it says what is wrong
    if text.startswith(b"{") and b":" in text[:4096]:
        return FileFormat.JSON_LINES
    return extension or FileFormat.DELIMITED


def _extension(path: str) -> str:
    name = PurePosixPath(path.split("?", 1)[0].lower()).name
    if name.endswith(".gz"):
        name = name[:-3]
    return PurePosixPath(name).suffix


def guess_encoding(data: bytes, complete: bool) -> str:
    """Encoding of text by byte order mark, else by zeros (UTF-16) or validity (UTF-8), else cp1252 or latin-1."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that one's
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return name
    if b"\x00" in data:
        even, odd = data[0::2].count(0), data[1::2].count(0)
        half = max(len(data) // 2, 1)
        if odd > 0.4 * half and even < 0.1 * half:
            return "utf-16-le"
        if even > 0.4 * half and odd < 0.1 * half:
            return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=complete)
    except UnicodeDecodeError:
        # 0x80 to 0x9f are curly quotes and the euro sign in cp1252 and controls in latin-1.
        undefined = frozenset(b"\x81\x8d\x8f\x90\x9d")
        return "latin-1" if any(byte in undefined for byte in data) else "cp1252"
    return "utf-8"


def decode_head(head: Head, encoding: str) -> str:
    """The head as text in this encoding, replacing what does not fit, without a byte order mark."""
    text = codecs.getincrementaldecoder(codec(encoding))("replace").decode(head.data, final=head.complete)
    return text.removeprefix("\ufeff")


def looks_binary(text: str) -> bool:
    """True if decoded text is full of what no text has."""
    sample = text[:8192]
    odd = sum(1 for character in sample if character == "\ufffd" or (character < " " and character not in "\t\r\n\f"))
    return "\x00" in sample or odd > 0.05 * len(sample)


def sample_records(text: str, delimiter: str, complete: bool, limit: int = 200) -> list[list[str]]:
    """The first records of delimited text. The last one is dropped when it may be cut off. Blank lines do not count."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    records: list[list[str]] = []
    try:
        for record in reader:
            if record:
                records.append(record)
            if len(records) > limit:
                return records[:limit]
    except csv.Error:  # a field beyond csv's own bound: what came before is still worth a look
        return records
    if not complete and len(records) > 1:
        records.pop()
    return records


def guess_delimiter(text: str, complete: bool) -> str:
    """The delimiter whose records are most regular: share of records with the usual number of columns, then columns.

    Text without any of the four is one column, read with a comma.
    """
    best, best_score = ",", 0.0
    for delimiter in DELIMITERS:
        records = sample_records(text, delimiter, complete)
        widths = Counter(len(record) for record in records)
        if not widths:
            continue
        # Of equally frequent widths the larger: more columns are less likely to be chance.
        width, frequency = max(widths.items(), key=lambda item: (item[1], item[0]))
        if width < 2:
            continue
        regularity = frequency / len(records)
        score = regularity**3 * (1 + min(width, 50) / 50)
        if score > best_score + 1e-9:
            best, best_score = delimiter, score
    return best


def guess_header(records: list[list[str]]) -> bool:
    """True if the first record looks like names: filled, distinct, and unlike the values below.

    Any number or date in the first record means data. If all columns are text, a first record whose values come
    back further down is data too; otherwise it is taken for a header, as almost all files have one.
    """
    if not records:
        return False
    first, rest = records[0], records[1:]
    names = [value.strip() for value in first]
    filled = [name for name in names if name]
    if not filled or any(_is_value(name) for name in filled):
        return False
    if not rest:
        return True
    for index in range(len(names)):
        column = [record[index].strip() for record in rest if index < len(record) and record[index].strip()]
        if column and sum(_is_value(value) for value in column) > 0.5 * len(column):
            return True
    if len({name.lower() for name in filled}) < len(filled):
        return False
    return not any(
        names[index] and any(index < len(record) and record[index].strip() == names[index] for record in rest)
        for index in range(len(names))
    )


def _is_value(text: str) -> bool:
    return bool(_NUMBER.match(text) or _DATE.match(text) or text.lower() in ("true", "false"))


def guess_format(file: SourceFile) -> Format:
    """How to read this file. Raises SourceProblem for what is not tabular."""
    head = read_head(file)
    kind = guess_file_format(file, head)
    if kind is FileFormat.PARQUET:
        return Format(kind)
    encoding = guess_encoding(head.data, head.complete)
    text = decode_head(head, encoding)
    if looks_binary(text):
        raise binary_file(file)
    if kind is FileFormat.JSON_LINES:
        return Format(kind, encoding=encoding)
    delimiter = guess_delimiter(text, head.complete)
    records = sample_records(text, delimiter, head.complete)
    header = HeaderMode.ALL_FILES_SAME if guess_header(records) else HeaderMode.NONE
    return Format(kind, delimiter=delimiter, header=header, encoding=encoding)


def binary_file(file: SourceFile) -> SourceProblem:
    """The sentence for a file that is not text."""
    return SourceProblem(
        f"{quoted(file.path)} is not text. Register it as a File dataset, or choose the format it has.",
        code="not_text",
        field="format",
    )
