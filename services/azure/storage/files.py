"""Blobs as files: streams over ranges, with reading ahead."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import BinaryIO, cast

from services.azure.storage.ahead import Ahead, Part
from services.azure.storage.container import Blob, Container

READ_SIZE = 256 * 1024
_WINDOW = 8 * 1024 * 1024  # announced ahead of whoever reads one file from front to back
_RUN = 1024 * 1024  # read in one piece before that
_BUFFER = 64 * 1024


@dataclass(frozen=True, slots=True)
class BlobFile:
    """A blob of a listing, a `SourceFile`. path: what a person knows it by."""

    path: str
    blob: Blob
    container: Container = field(compare=False, repr=False)
    ahead: Ahead = field(compare=False, repr=False)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.blob.size

    @property
    def modified(self) -> datetime:
        """Last modified, UTC."""
        return self.blob.modified

    @property
    def hash(self) -> str:
        """MD5 where storage knows it, else the ETag."""
        return self.blob.hash

    @property
    def read_size(self) -> int:
        """A read costs a round trip."""
        return READ_SIZE

    def open(self, *, onward: bool = False) -> BinaryIO:
        """A stream; asks for nothing before the first read."""
        return cast(BinaryIO, io.BufferedReader(_BlobStream(self._part(), self.ahead, onward), _BUFFER))

    def will_read(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Fetch these parts ahead of time."""
        self.ahead.announce(self._part(), ranges)

    def _part(self) -> Part:
        name = f"{self.container.address.url}/{self.blob.name}"
        return Part(name, self.size, partial(self.container.read, self.blob.name, self.path, self.blob.etag))


class _BlobStream(io.RawIOBase):
    """Seekable reading of a blob. onward: whoever reads on from one place gets the next bytes ahead of time."""

    def __init__(self, part: Part, ahead: Ahead, onward: bool) -> None:
        self._part = part
        self._ahead = ahead
        self._onward = onward
        self._position = 0
        self._run_start = 0
        self._last_end = 0
        self._announced = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._part.size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: any buffer
        target = memoryview(buffer).cast("B")
        length = max(min(len(target), self._part.size - self._position), 0)
        if length == 0:
            return 0
        if self._onward:
            self._read_on(length)
        self._ahead.read_into(self._part, self._position, target[:length])
        self._position += length
        self._last_end = self._position
        return length

    def _read_on(self, length: int) -> None:
        if self._position != self._last_end:
            self._run_start, self._announced = self._position, 0
        end = self._position + length
        # Less than that is a look at the beginning.
        if self._position - self._run_start >= _RUN and end + _WINDOW // 2 > self._announced:
            # What is being read too, so that nothing of it is asked for twice.
            self._ahead.announce(self._part, [(self._position, length + _WINDOW)])
            self._announced = end + _WINDOW
