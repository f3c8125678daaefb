"""Nothing that anybody types leads out of a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.errors import InvalidInput
from services.local.folders import resolve_allowed, resolve_inside


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """root/ with folders, files and links of all kinds, beside secret/."""
    top = tmp_path_factory.mktemp("tree")
    root = top / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "file.csv").write_text("x")
    (top / "secret").mkdir()
    (top / "secret" / "key").write_text("s")
    (top / "root-but-longer").mkdir()
    (root / "out").symlink_to(top / "secret")
    (root / "up").symlink_to("..")
    (root / "in").symlink_to("a/b")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to(top / "secret" / "absent")
    return root


@pytest.mark.parametrize(
    ("typed", "real"),
    [
        ("", ""),
        (".", ""),
        ("a", "a"),
        ("a/b", "a/b"),
        ("./a//b/", "a/b"),
        ("in", "a/b"),
        ("in/new.csv", "a/b/new.csv"),
        ("absent/yet", "absent/yet"),
        ("..a/b..", "..a/b.."),
        ("a/*.csv", "a/*.csv"),
        ("a/10:30.csv", "a/10:30.csv"),
        ("~", "~"),
    ],
)
def test_what_is_inside_is_resolved(tree: Path, typed: str, real: str) -> None:
    assert resolve_inside(tree, typed) == tree.resolve() / real


@pytest.mark.parametrize(
    "typed",
    [
        "..",
        "../secret",
        "a/../../secret",
        "a/..",
        "/etc",
        "//server/share",
        "C:",
        "c:/windows",
        "C:\\windows",
        "a\\..\\..\\secret",
        "..\\secret",
        "a\x00b",
        "out",
        "out/key",
        "up",
        "up/secret/key",
        "up/root-but-longer",
        "dangling",
        "loop/x",
        "x" * 5000 + "/\udfff\ud800",
    ],
)
def test_what_leads_out_is_refused(tree: Path, typed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        resolve_inside(tree, typed)
    assert refused.value.code == "path_not_allowed"


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    typed=st.one_of(
        st.text(max_size=40),
        st.lists(
            st.sampled_from(
                ["..", ".", "", "a", "b", "in", "out", "up", "loop", "key", "secret", "\\", "C:", "\x00", "…", "root"]
            ),
            max_size=8,
        ).map("/".join),
    )
)
def test_the_outcome_is_inside_or_refused(tree: Path, typed: str) -> None:
    try:
        path = resolve_inside(tree, typed)
    except InvalidInput:
        return
    root = os.path.realpath(tree)
    assert os.path.commonpath([root, os.path.realpath(path)]) == root
    assert str(path) == os.path.realpath(path)


def test_absolute_folders_need_an_allowed_root(tree: Path) -> None:
    outside = tree.parent / "secret"
    assert resolve_allowed(tree, (), "a/b") == tree.resolve() / "a" / "b"
    assert resolve_allowed(tree, (), str(tree / "a")) == tree.resolve() / "a"
    assert resolve_allowed(tree, (outside,), str(outside)) == outside.resolve()
    assert resolve_allowed(tree, (outside,), str(tree / "out" / "deeper")) == outside.resolve() / "deeper"
    words = set()
    for typed in (outside, outside / "absent", "/etc", "/root", "/no/such/folder", tree.parent / "root-but-longer"):
        with pytest.raises(InvalidInput) as refused:
            resolve_allowed(tree, (), str(typed))
        words.add(refused.value.sentence)
    assert len(words) == 1
    for typed in (f"{outside}/../root/a", "/\x00", "//..", f"{tree}/a/.."):
        with pytest.raises(InvalidInput):
            resolve_allowed(tree, (outside,), typed)
