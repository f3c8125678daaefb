"""Conditions: what they open by Azure's own rules, and that only what the bot writes is understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.access.model import Level
from services.access.places import contains
from services.azure.access.conditions import condition_for, opens, paths_in, same_condition
from services.azure.access.refusals import told
from services.azure.errors import Refusal
from services.errors import InvalidInput
from tests.contract.conditions import BLOBS, Access, ConditionError, allows

LETTERS = 'ab/. äÅ日()@[]{}$%&|!"OR AND'
names = st.text(st.sampled_from(LETTERS), min_size=1, max_size=8).map(lambda text: text.strip("/")).filter(bool)
plain = names.filter(lambda text: not {".", ".."} & set(text.split("/")))
prefixes = st.lists(st.builds("{}{}".format, plain, st.sampled_from(["", "/"])), min_size=1, max_size=4)
levels = st.sampled_from(Level)
CHANGES = ("write", "delete", "add/action", "move/action")


def read(path: str) -> Access:
    return Access(f"{BLOBS}/read", path)


def listing(prefix: str | None) -> Access:
    return Access(f"{BLOBS}/read", prefix=prefix, sub_operation="Blob.List")


@given(prefixes, prefixes, levels)
def test_a_condition_opens_exactly_what_lies_under_its_paths(wanted: list[str], asked: list[str], level: Level) -> None:
    condition = condition_for(wanted, level)
    for path in (*asked, *wanted, *(f"{each}/x" for each in wanted), *(f"{each}x" for each in wanted)):
        inside = any(contains(prefix, path) for prefix in wanted)
        assert allows(condition, read(path)) is inside
        if level is Level.WRITE:
            for action in CHANGES:
                assert allows(condition, Access(f"{BLOBS}/{action}", path)) is inside


@given(prefixes, prefixes, levels)
def test_a_listing_shows_nothing_outside(wanted: list[str], asked: list[str], level: Level) -> None:
    condition = condition_for(wanted, level)
    for prefix in asked:
        if allows(condition, listing(prefix)):
            assert any(prefix.startswith(each.rstrip("/") + "/") for each in wanted)
    assert not allows(condition, listing(None))
    assert not allows(condition, listing(""))


@given(prefixes, levels, st.booleans())
def test_what_is_written_is_understood(wanted: list[str], level: Level, directories: bool) -> None:
    condition = condition_for(wanted, level, directories=directories)
    found = paths_in(condition)
    assert found is not None
    assert found.write is (level is Level.WRITE)
    assert opens(condition, wanted, Level.READ)
    assert opens(condition, wanted, Level.WRITE) is (level is Level.WRITE)
    assert opens("", wanted, level)
    assert not opens(condition, ("",), level)


@given(prefixes, prefixes)
def test_what_is_said_to_be_open_is_open(wanted: list[str], asked: list[str]) -> None:
    condition = condition_for(wanted, Level.READ, directories=True)
    for prefix in asked:
        if opens(condition, (prefix,), Level.READ):
            assert allows(condition, read(prefix))
            assert allows(condition, read(f"{prefix.rstrip('/')}/x"))


@given(prefixes, st.data())
def test_a_changed_condition_is_not_understood(wanted: list[str], data: st.DataObject) -> None:
    condition = condition_for(wanted, Level.READ)
    at = data.draw(st.integers(0, len(condition) - 1))
    changed = condition[:at] + data.draw(st.sampled_from(["", "!", "x", " OR ", "'"])) + condition[at + 1 :]
    found = paths_in(changed)
    if found is None or same_condition(changed, condition):
        return
    for prefix in found.prefixes:  # another condition of ours: what is read of it must be what it opens
        assert allows(changed, read(prefix.rstrip("/") + "/x"))


@pytest.mark.parametrize(
    "foreign",
    [
        "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'exports'",
        "(!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'}))",
        "true",
        "'",
    ],
)
def test_conditions_of_others_prove_nothing(foreign: str) -> None:
    assert paths_in(foreign) is None
    assert not opens(foreign, ("sales/",), Level.READ)


@pytest.mark.parametrize(
    "path", ["o'neil/", "a\\b/", "tab\t/", "line\n", "sep\u2028", "\ud800", "a/../b", "..", "./a", "a/."]
)
def test_paths_that_no_condition_can_name(path: str) -> None:
    with pytest.raises(InvalidInput, match="apostrophe"):
        condition_for(["sales/", path], Level.READ)


def test_an_apostrophe_cannot_end_a_literal_early() -> None:
    with pytest.raises(ConditionError):
        allows("@Resource[x:path] StringStartsWith 'o''neil'", read("o"))


def test_too_many_paths_are_told() -> None:
    with pytest.raises(InvalidInput, match="that many paths"):
        condition_for([f"folder-{number:03}/" for number in range(100)], Level.READ)


def test_the_whole_of_it_needs_none() -> None:
    assert condition_for(["sales/", ""], Level.WRITE) == ""
    assert condition_for(["/"], Level.READ, directories=True) == ""


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (Refusal(409, "ScopeLocked", "locked"), "is locked in Azure"),
        (Refusal(409, "RoleAssignmentLimitExceeded"), "as many role assignments"),
        (Refusal(404, "ResourceNotFound", "gone"), "not there any more"),
        (Refusal(429, retry_after=30), "Try again in 30 seconds"),
        (Refusal(401), "dataset-bot check"),
        (Refusal(503), "status 503"),
        (Refusal(400, "Odd", "The reason."), "It says: The reason."),
    ],
)
def test_refusals_in_words(refusal: Refusal, said: str) -> None:
    assert said in told(refusal).sentence
