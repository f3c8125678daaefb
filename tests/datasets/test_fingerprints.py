"""One comparison of what files were and are: what it notices and how it tells it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.datasets.fingerprints import as_registered, compare, same_content
from services.datasets.model import FileStamp, Fingerprint, FingerprintCheck
from services.datasets.model import FingerprintState as S
from services.reading.fingerprint import fingerprint_of
from tests.datasets.samples import NOON, stamp

LATER = NOON + timedelta(hours=1)


def hashed(path: str, content: str = "x") -> FileStamp:
    return stamp(path, text=f"sha256:{content}")


def taken(*stamps: FileStamp, at: datetime = NOON) -> Fingerprint:
    return fingerprint_of(stamps, at)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (stamp("a", text="sha256:1"), stamp("a", text="sha256:1", modified=None), True),
        (stamp("a", text="sha256:1"), stamp("a", text="sha256:2"), False),
        (stamp("a", text="sha256:1"), stamp("a", text="etag"), True),
        (stamp("a", text="sha256:1"), stamp("a", text="etag", modified=NOON + timedelta(1)), False),
        (stamp("a", text=None), stamp("a", text=None), True),
        (stamp("a", text=None), stamp("a", 2, text=None), False),
        (stamp("a", text='"x"'), stamp("a", text='"y"'), False),
        (stamp("a", text="etag:1"), stamp("a", 0, text="etag:1"), True),  # a web server need not tell the size
        (stamp("a", text="etag:1"), stamp("a", 2, text="etag:1"), False),
        (stamp("a", text="etag:1"), stamp("a", text="sha256:1", modified=None), False),
    ],
)
def test_same_content(before: FileStamp, after: FileStamp, same: bool) -> None:
    assert same_content(before, after) is same


@pytest.mark.parametrize(
    ("after", "state", "counts", "detail"),
    [
        ("ax bx", S.UNCHANGED, (0, 0, 0), "All 2 files are as they were when this version was registered."),
        ("ax bx cx", S.GROWN, (1, 0, 0), "1 file is new: c."),
        ("ax bx cx dx", S.GROWN, (2, 0, 0), "2 files are new: c, d."),
        ("ax", S.VANISHED, (0, 1, 0), "1 file is gone: b."),
        ("", S.VANISHED, (0, 2, 0), "2 files are gone: a, b."),
        ("ax by", S.CHANGED, (0, 0, 1), "1 file changed: b."),
        ("ax by cx", S.CHANGED, (1, 0, 1), "1 file changed, 1 is new: b, c."),
        ("ax cx", S.CHANGED, (1, 1, 0), "1 file is gone, 1 is new: b, c."),
        ("by cx", S.CHANGED, (1, 1, 1), "1 file changed, 1 is gone, 1 is new: b, a, c."),
        ("ay ix jx kx lx", S.CHANGED, (4, 1, 1), "1 file changed, 1 is gone, 4 are new: a, b, i and 3 more."),
    ],
)
def test_compare(after: str, state: S, counts: tuple[int, int, int], detail: str) -> None:
    now = taken(*(hashed(word[0], word[1]) for word in after.split()), at=LATER)
    found = compare(taken(hashed("a"), hashed("b")), now)
    assert found == FingerprintCheck(state, LATER, *counts, detail)


def test_one_file_is_told_as_one() -> None:
    assert as_registered(taken(hashed("a"))).detail == "The file is as it was when this version was registered."


def test_without_hashes_of_one_kind_size_and_time_decide() -> None:
    etag = stamp("a", text='etag:"1"')
    assert compare(taken(hashed("a")), taken(etag)).state is S.UNCHANGED
    bare, touched = stamp("a", text=None), stamp("a", text=None, modified=LATER)
    assert compare(taken(bare), taken(touched)).state is S.CHANGED
    assert compare(taken(etag), taken(stamp("a", text='etag:"2"'))).changed == 1


def test_a_file_that_was_only_touched_is_unchanged() -> None:
    touched = stamp("a", text="sha256:x", modified=LATER)
    assert compare(taken(hashed("a")), taken(touched)).state is S.UNCHANGED


def test_names_that_would_break_a_sentence_are_made_visible() -> None:
    found = compare(taken(hashed("a")), taken(hashed("a"), hashed("b\n\u202ec" + "d" * 200)))
    assert "b\\n\\u202ec" in found.detail
    assert len(found.detail) < 120


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("xyz")),
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("xyz")),
)
def test_compare_counts_every_file_once(before: dict[str, str], after: dict[str, str]) -> None:
    found = compare(
        taken(*(hashed(*each) for each in before.items())), taken(*(hashed(*each) for each in after.items()))
    )
    assert found.added == len(after.keys() - before.keys())
    assert found.removed == len(before.keys() - after.keys())
    assert found.changed == sum(before[path] != after[path] for path in before.keys() & after.keys())
    assert (found.state is S.UNCHANGED) == (before == after)
