"""Paths that people type stay inside the folder they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from services.errors import InvalidInput

_DRIVE = re.compile(r"[A-Za-z]:")


def resolve_inside(root: Path, relative: str) -> Path:
    """The real path of `relative` (parts separated by `/`, "" for the root itself) below `root`; it need not exist.

    Raises InvalidInput for `..`, absolute paths, drive letters, backslashes, NUL, and symbolic links that leave.
    What it returns was inside at this moment: open it without following links where others may write meanwhile.
    """
    problem = _spelling_problem(relative)
    if problem is not None:
        raise InvalidInput(problem, code="path_not_allowed")
    real_root = root.resolve()
    path = _resolved(real_root / relative)
    if not is_inside(path, [real_root]):
        raise InvalidInput(
            "The path leads out of its folder through a link. Choose one that stays inside.",
            code="path_not_allowed",
        )
    return path


def resolve_allowed(root: Path, extra_roots: Iterable[Path], folder: str) -> Path:
    """The real path of a folder given relative to `root`, or absolute below `root` or an extra root.

    Raises InvalidInput for all others, in the same words whether they exist or not.
    """
    if not folder.startswith("/"):
        return resolve_inside(root, folder)
    problem = _spelling_problem(folder.lstrip("/"))
    if problem is not None:
        raise InvalidInput(problem, code="path_not_allowed")
    path = _resolved(Path(folder))
    if not is_inside(path, [root.resolve(), *(extra.resolve() for extra in extra_roots)]):
        raise InvalidInput(
            "This folder is not one that datastores may use. Choose one below the workspace's directory or a root "
            "that the settings name.",
            code="path_not_allowed",
        )
    return path


def is_inside(path: Path, roots: Iterable[Path]) -> bool:
    """Is this real path one of the real roots or below one?"""
    return any(path.is_relative_to(root) for root in roots)


def _spelling_problem(relative: str) -> str | None:
    if "\x00" in relative:
        return "A path cannot hold the NUL character."
    if "\\" in relative:
        return "Write / between folders, not \\."
    if relative.startswith("/"):
        return "The path begins with /. Give it relative to its folder."
    if _DRIVE.match(relative):
        return "The path begins with a drive letter. Give it relative to its folder."
    if ".." in relative.split("/"):
        return "The path has “..” in it. Give one that goes down only."
    return None


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        # Too long, a loop of links, or characters that no file name can have.
        raise InvalidInput("This path cannot be a folder or file.", code="path_not_allowed") from None
