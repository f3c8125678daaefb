"""The folder that the worker processes of one bot write to, and those of bots that were killed.

A folder belongs to the process that holds the lock on a file in it, which the system takes back whatever ends that
process, also in another container that shares the folder for temporary files. An id of a process would not do: it is
given out again, and means another process in another container.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

PREFIX = "dataset-bot-azure-"
LOCK = "owner.lock"


class Scratch:
    """A new folder for as long as this process lives, or until `remove`. path: pid and start are in its name.

    within: an existing folder, by default that for temporary files.
    """

    def __init__(self, prefix: str = PREFIX, within: Path | None = None) -> None:
        began = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        # Only a folder that is locked gets the name by which others look for what was left.
        made = tempfile.mkdtemp(prefix=f".{prefix}", dir=within)
        self._lock: int | None = os.open(Path(made, LOCK), os.O_CREAT | os.O_RDWR, 0o600)
        with contextlib.suppress(OSError):  # a file system without locks: nobody can take it, so nobody removes it
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unique = Path(made).name.removeprefix(f".{prefix}")
        self.path = str(Path(made).rename(Path(made).with_name(f"{prefix}{os.getpid()}-{began}-{unique}")))

    def remove(self) -> None:
        """The folder and all that is in it. May be called twice."""
        shutil.rmtree(self.path, ignore_errors=True)
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


def remove_left(prefix: str = PREFIX, within: Path | None = None) -> int:
    """Remove the folders of this user's bots that are gone, e.g. killed; returns how many they were."""
    removed = 0
    for folder in (within or Path(tempfile.gettempdir())).glob(f"{prefix}*"):
        with contextlib.suppress(OSError):  # its owner just removed it, it is of another kind, or it has no locks
            if _is_left(folder):
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    if removed:
        log.info("azure_scratch_removed", folders=removed, prefix=prefix)
    return removed


def _is_left(folder: Path) -> bool:
    """True for a folder of ours whose owner does not hold its lock any more. Raises OSError."""
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid():
        return False
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(lock)
    return True
