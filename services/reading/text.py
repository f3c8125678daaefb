"""Text files in windows of whole records, so that a file of any size is read in bounded memory."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from services.errors import SourceProblem
from services.reading.display import quoted
from services.reading.formats import binary_file, broken_gzip, codec, guess_encoding, open_stream, read_head
from services.reading.limits import Limits, human_bytes
from services.reading.places import SourceFile

_SEEKABLE = frozenset({"utf-8", "utf-8-sig", "ascii", "latin-1", "cp1252"})


@dataclass(frozen=True, slots=True)
class Window:
    """Whole records as UTF-8. first_line: number of the first line in the file from 1, None when it is not known."""

    data: bytes
    first_line: int | None


def can_seek(file: SourceFile, encoding: str) -> bool:
    """True if reading may begin in the middle: not compressed, and a newline is one byte."""
    if codec(encoding) not in _SEEKABLE:
        return False
    stream, gzipped = open_stream(file)
    stream.close()
    return not gzipped


def windows(
    file: SourceFile, encoding: str, limits: Limits, *, quotes: bool, start: int = 0, length: int | None = None
) -> Iterator[Window]:
    """The file's text from byte `start` (then from the next line on), about `length` bytes of it (None: all).

    quotes: a newline between quotation marks does not end a record (delimited text).
    Raises SourceProblem for bytes that are not text in this encoding, records longer than the limit, damaged gzip.
    """
    stream, _ = open_stream(file)
    with stream:
        if start:
            stream.seek(start - 1)
            if not stream.readline(limits.row_bytes).endswith(b"\n"):
                return
        yield from _Cutter(stream, file, encoding, limits, quotes, None if start else 1).windows(length)


@dataclass(slots=True)
class _Cutter:
    """Cuts a stream into windows. line: number of the next window's first line; carry: text after the last window."""

    stream: BinaryIO
    file: SourceFile
    encoding: str
    limits: Limits
    quotes: bool
    line: int | None
    carry: bytes = b""

    def windows(self, length: int | None) -> Iterator[Window]:
        decoder = codecs.getincrementaldecoder(codec(self.encoding))()
        left = length
        first = self.line == 1
        while True:
            want = self.limits.window_bytes if left is None else min(left, self.limits.window_bytes)
            raw = _read(self.stream, want, self.file)
            file_ends = len(raw) < want
            left = None if left is None else left - len(raw)
            try:
                text = decoder.decode(raw, final=file_ends)
            except UnicodeDecodeError as error:
                raise _undecodable(self.file, self.encoding, error, self.carry, self.line) from None
            if first and text:
                text, first = text.removeprefix("\ufeff"), False
            if "\x00" in text:
                raise binary_file(self.file)
            data = self.carry + text.encode("utf-8", "surrogatepass")
            end = len(data) if file_ends else _whole_records(data, self.quotes)
            if data[:end].strip(b"\r\n"):
                yield Window(data[:end], self.line)
            if file_ends or left == 0:
                return
            if self.line is not None:
                self.line += data.count(b"\n", 0, end)
            self.carry = data[end:]
            if len(self.carry) > self.limits.row_bytes:
                raise self._row_too_long()

    def _row_too_long(self) -> SourceProblem:
        where = f" from line {self.line:,} on" if self.line is not None else ""
        unclosed = self.quotes and self.carry.count(b'"') % 2
        return SourceProblem(
            f"{quoted(self.file.path)} has a row longer than {human_bytes(self.limits.row_bytes)}{where}."
            f"{' Often a quotation mark is never closed.' if unclosed else ''} "
            "Check that the file has one record a line and the format is the right one.",
            code="row_too_long",
            field="format",
        )


def _read(stream: BinaryIO, size: int, file: SourceFile) -> bytes:
    try:
        return stream.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise broken_gzip(file) from None
    except OSError as error:
        raise SourceProblem(
            f"{quoted(file.path)} cannot be read: {error.strerror or 'input/output error'}.", code="unreadable"
        ) from None


def _whole_records(data: bytes, quotes: bool) -> int:
    """Length of the longest beginning that ends with a record's newline."""
    end = data.rfind(b"\n") + 1
    if not quotes or end == 0:
        return end
    before = data.count(b'"', 0, end)
    while end and before % 2:
        earlier = data.rfind(b"\n", 0, end - 1) + 1
        before -= data.count(b'"', earlier, end)
        end = earlier
    return end


def _undecodable(
    file: SourceFile, encoding: str, error: UnicodeDecodeError, carry: bytes, line: int | None
) -> SourceProblem:
    where = ""
    if line is not None and isinstance(error.object, bytes):
        number = line + carry.count(b"\n") + error.object.count(b"\n", 0, error.start)
        where = f" (line {number:,})"
    return wrong_encoding(file, encoding, where)


def wrong_encoding(file: SourceFile, encoding: str, where: str = "") -> SourceProblem:
    """The sentence for text in another encoding, naming the likely one. where: e.g. " (line 3)"."""
    head = read_head(file)
    # What comes after the head may be the first that is no UTF-8: then only the single-byte encodings are left.
    likely = guess_encoding(head.data, head.complete)
    if likely in (codec(encoding), "utf-8"):
        likely = "cp1252"
    return SourceProblem(
        f"{quoted(file.path)} is not written in {encoding}{where}. Choose another encoding, probably {likely}.",
        code="encoding_wrong",
        field="encoding",
    )
