"""The evaluator of conditions against an example of Microsoft's own, and what it takes for no condition."""

from __future__ import annotations

import pytest

from tests.contract.conditions import BLOBS, Access, ConditionError, allows

CONTAINERS = BLOBS.removesuffix("/blobs")
EXAMPLE = f"""
(
 (
  !(ActionMatches{{'{BLOBS}/read'}} AND NOT SubOperationMatches{{'Blob.List'}})
 )
 OR
 (
  @Resource[{CONTAINERS}:name] StringEquals 'blobs-example-container'
  AND
  @Resource[{BLOBS}:path] StringStartsWith 'readonly/'
 )
)
AND
(
 (
  !(ActionMatches{{'{BLOBS}/read'}} AND SubOperationMatches{{'Blob.List'}})
 )
 OR
 (
  @Resource[{CONTAINERS}:name] StringEquals 'blobs-example-container'
  AND
  @Request[{BLOBS}:prefix] StringStartsWith 'readonly/'
 )
)
"""
"""learn.microsoft.com, "Example Azure role assignment conditions for Blob Storage", "Read or list blobs in named
containers with a path".
"""


@pytest.mark.parametrize(
    ("access", "allowed"),
    [
        (Access(f"{BLOBS}/read", "readonly/a.csv", container="blobs-example-container"), True),
        (Access(f"{BLOBS}/read", "readonly/a.csv", container="other"), False),
        (Access(f"{BLOBS}/read", "other/a.csv", container="blobs-example-container"), False),
        (Access(f"{BLOBS}/read", None, "readonly/", "Blob.List", "blobs-example-container"), True),
        (Access(f"{BLOBS}/read", None, "", "Blob.List", "blobs-example-container"), False),
        (Access(f"{BLOBS}/read", None, None, "Blob.List", "blobs-example-container"), False),
        (Access(f"{BLOBS}/write", "other/a.csv", container="other"), True),
    ],
)
def test_microsofts_example(access: Access, allowed: bool) -> None:
    assert allows(EXAMPLE, access) is allowed


def test_and_binds_more_than_or() -> None:
    true, false = "ActionMatches{'a'}", "ActionMatches{'b'}"
    assert allows(f"{true} OR {true} AND {false}", Access("a"))
    assert not allows(f"({true} || {true}) && {false}", Access("a"))
    assert allows("ActionMatches{'x/*'}", Access("x/y/z"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(",
        "true",
        "ActionMatches{'a'} OR",
        "ActionMatches{'a'} ActionMatches{'b'}",
        "@Resource[x:path] StringMatches 'a'",
        "@Resource[x:path] StringEquals 'a''b'",
        "'a' StringEquals 'a'",
    ],
)
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(ConditionError):
        allows(text, Access("a"))
