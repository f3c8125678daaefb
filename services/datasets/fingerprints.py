"""What became of a version's files: one comparison of fingerprints for version truth, diffs and the reader.

Pure functions over what was recorded; taking fingerprints is the reader's work.
"""

from __future__ import annotations

from services.datasets.model import FileStamp, Fingerprint, FingerprintCheck, FingerprintState
from services.datasets.wording import count
from services.visible import visible

EXAMPLES = 3
_NAME_SHOWN = 80
_KINDS = ("sha256:", "md5:", "etag:", "modified:")


def same_content(before: FileStamp, after: FileStamp) -> bool:
    """Do two stamps of one path tell of the same bytes?

    Hashes of one kind decide, unless both sizes are known and differ. Without such hashes size and modified time
    must both agree. A size of 0 may mean that a web server does not tell it.
    """
    if before.size != after.size and before.size and after.size:
        return False
    if before.hash and after.hash and _kind(before.hash) == _kind(after.hash):
        return before.hash == after.hash
    return (before.size, before.modified) == (after.size, after.modified)


def _kind(content: str) -> str:
    return next((kind for kind in _KINDS if content.startswith(kind)), "")


def as_registered(fingerprint: Fingerprint) -> FingerprintCheck:
    """The outcome of a check that found these very files, at the moment the fingerprint was taken."""
    return FingerprintCheck(
        FingerprintState.UNCHANGED, fingerprint.taken_at, detail=_all_as_registered(fingerprint.file_count)
    )


def compare(recorded: Fingerprint, now: Fingerprint) -> FingerprintCheck:
    """What happened to the files since they were recorded; checked_at is when `now` was taken.

    Changed content weighs most, then vanished files, then new ones: the state names the worst, the counts and the
    sentence tell all of it. Files that went while others came are a change, not a loss.
    """
    if recorded.digest == now.digest:
        return as_registered(now)
    old = {stamp.path: stamp for stamp in recorded.files}
    new = {stamp.path: stamp for stamp in now.files}
    added = [path for path in new if path not in old]
    removed = [path for path in old if path not in new]
    changed = [path for path, stamp in new.items() if path in old and not same_content(old[path], stamp)]
    if not (added or removed or changed):  # e.g. touched, or an ETag where there was a hash
        return as_registered(now)
    if changed or (removed and added):
        state = FingerprintState.CHANGED
    elif removed:
        state = FingerprintState.VANISHED
    else:
        state = FingerprintState.GROWN
    return FingerprintCheck(
        state,
        now.taken_at,
        added=len(added),
        removed=len(removed),
        changed=len(changed),
        detail=_detail(changed, removed, added),
    )


def _all_as_registered(files: int) -> str:
    if files == 1:
        return "The file is as it was when this version was registered."
    return f"All {count(files, 'file')} are as they were when this version was registered."


def _detail(changed: list[str], removed: list[str], added: list[str]) -> str:
    """ "1 file changed, 2 are gone, 1 is new: a.csv, b.csv, c.csv and 1 more." """
    kinds = ((changed, "changed", "changed"), (removed, "is gone", "are gone"), (added, "is new", "are new"))
    told: list[str] = []
    for paths, one, several in kinds:
        if paths:
            number = f"{len(paths):,}" if told else count(len(paths), "file")
            told.append(f"{number} {one if len(paths) == 1 else several}")
    shown = [path for paths, _, _ in kinds for path in paths[:EXAMPLES]][:EXAMPLES]
    names = ", ".join(visible(path, _NAME_SHOWN) for path in shown)
    more = len(changed) + len(removed) + len(added) - len(shown)
    return f"{', '.join(told)}: {names}{f' and {more:,} more' if more else ''}."
