"""Files that people hand over are put into the default datastore, so that datasets can be made of them."""

from __future__ import annotations

import asyncio
import filecmp
import os
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from services.datasets.model import DatastoreSource
from services.errors import SourceProblem
from services.local.datastores import LocalDatastores
from services.local.folders import resolve_inside

_STRANGE = re.compile(r"[^\w. -]+")
_LONGEST = 60  # characters of a file's name, at most 240 bytes
_SAME_NAME = 100


class LocalFileDrop:
    """`FileDrop` into the folder `FOLDER` of the default datastore. limit: bytes of the largest file."""

    FOLDER = "slack"

    def __init__(self, datastores: LocalDatastores, *, limit: int) -> None:
        self._datastores = datastores
        self.limit = limit

    async def put(self, key: str, name: str, content: AsyncIterator[bytes]) -> DatastoreSource:
        """Write a file to `FOLDER/key/name`; see `services.ports.FileDrop`."""
        datastore = (await self._datastores.default()).name
        top = await self._datastores.folder_of(datastore)
        relative = f"{self.FOLDER}/{_safe(key)}"
        folder = resolve_inside(top, relative)
        written = await self._write(folder, content)
        try:
            placed = await asyncio.to_thread(_place, written, folder, _safe(name))
        finally:
            await asyncio.to_thread(written.unlink, missing_ok=True)
        return DatastoreSource(datastore, (f"{relative}/{placed}",))

    async def _write(self, folder: Path, content: AsyncIterator[bytes]) -> Path:
        """The content in a file of its own beside its place. Raises SourceProblem when it is empty or too large."""
        try:
            path, target = await asyncio.to_thread(_new_file, folder)
        except OSError as error:
            raise _unwritable(error) from error
        size = 0
        try:
            with target:
                async for chunk in content:
                    size += len(chunk)
                    if size > self.limit:
                        raise SourceProblem(
                            f"The file is larger than {self.limit // 1_000_000} MB, which is the most that I copy from "
                            "Slack. Put it into a datastore and register it from there.",
                            code="file_too_large",
                        )
                    await asyncio.to_thread(_append, target, chunk)
            if not size:
                raise SourceProblem("The file is empty.", code="file_empty")
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path


def _append(target: BinaryIO, chunk: bytes) -> None:
    try:
        target.write(chunk)
        target.flush()
    except OSError as error:
        raise _unwritable(error) from error


def _new_file(folder: Path) -> tuple[Path, BinaryIO]:
    folder.mkdir(parents=True, exist_ok=True)
    handle, path = tempfile.mkstemp(prefix=".coming-", dir=folder)
    return Path(path), os.fdopen(handle, "wb")


def _place(written: Path, folder: Path, name: str) -> str:
    """Give the file its name, or the next free one: what a version may point to is never overwritten."""
    stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
    written.chmod(0o644)
    for number in range(1, _SAME_NAME):
        candidate = name if number == 1 else f"{stem}-{number}{dot}{ending}"
        try:
            (folder / candidate).touch(exist_ok=False)
        except FileExistsError:
            if filecmp.cmp(written, folder / candidate, shallow=False):
                return candidate
        else:
            written.replace(folder / candidate)
            return candidate
    raise SourceProblem("This file was changed and registered too often. Upload it again.", code="file_changed")


def _safe(name: str) -> str:
    """A name without what means something in a path or a pattern, its ending kept."""
    plain = _STRANGE.sub("_", name).strip(" .") or "file"
    stem, dot, ending = plain.rpartition(".") if "." in plain else (plain, "", "")
    return f"{stem[: _LONGEST - len(ending[:12]) - 1]}{dot}{ending[:12]}"


def _unwritable(error: OSError) -> SourceProblem:
    return SourceProblem(
        f"The default datastore does not take the file: {error.strerror or 'input/output error'}. "
        "Tell whoever runs the bot.",
        code="datastore_unwritable",
    )
