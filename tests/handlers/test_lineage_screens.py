"""The screens of lineage and labels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.datasets import labels_view, lineage_view
from handlers.message import Message
from services.datasets.labels import LabelCount, LabelCounts, LabelingProject, LabelReport
from services.datasets.lineage import Lineage, NewerVersion
from services.datasets.model import VersionStats
from tests.golden import assert_within_limits
from tests.handlers import samples
from tests.handlers.conftest import Golden

NEWER = tuple(NewerVersion(samples.version(n), ("schema +1 column", "2 files more")) for n in (2, 3))
RICH = Lineage(
    dataset=samples.dataset(latest_version=14, deprecation=samples.DEPRECATION),
    version=samples.version(1),
    newer=NEWER,
    newer_count=13,
    origins=("timetable:4", "carriers"),
    derived=("delays", "monthly-delays"),
    replaced=("flights-old",),
    used_by=("delay model", "Tuesday report"),
    in_azure=True,
)
BARE = Lineage(
    dataset=samples.dataset(watchers=()),
    version=samples.version(2, definition=samples.PHOTOS, stats=VersionStats(), registered_by=""),
    open_title="NOAA surface weather",
)
COUNTS = LabelCounts(
    "label", "Classification", (LabelCount("cat", 1204), LabelCount("dog", 401), LabelCount("<!channel>", 1)), 1606, 394
)
PROJECT = LabelingProject("p1", "Pets 2026", "Running", 2000, 1606, 40, ("cat", "dog", "neither"))
OTHER = LabelingProject("p2", "Birds", "Completed", 0, 0, 0)
SCREENS: dict[str, Message] = {
    "lineage": lineage_view.build(RICH),
    "lineage_shared": lineage_view.build(RICH, shared=True),
    "lineage_bare": lineage_view.build(BARE),
    "labels": labels_view.build("pets", LabelReport("pets:3", COUNTS, (PROJECT,))),
    "labels_elsewhere": labels_view.build("pets", LabelReport("pets:3", None, (), (PROJECT, OTHER))),
    "labels_none": labels_view.build(
        "pets", LabelReport("pets:3", None, note="This workspace is a folder and has no labelling projects.")
    ),
}


@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, golden: Golden) -> None:
    golden(name, SCREENS[name])


TEXT = st.one_of(st.sampled_from(["<!channel>", "*b* `c` <@U0ADA>", "x" * 3000, "```", "\n\n"]), st.text(max_size=300))


@given(TEXT, TEXT, st.lists(TEXT, max_size=60))
def test_untrusted_text_stays_within_limits(name: str, text: str, many: list[str]) -> None:
    name = name.strip()[:255] or "x"
    version = samples.version(1, name)
    dataset = samples.dataset(name, watchers=tuple(many))
    newer = tuple(NewerVersion(version, (text, *many)) for _ in range(10))
    whole = tuple(many)
    screens = [
        lineage_view.build(Lineage(dataset, version, newer, 99, whole, text, whole, whole, whole, in_azure=True)),
        labels_view.build(
            name,
            LabelReport(
                f"{name}:1",
                LabelCounts(text, text, tuple(LabelCount(each, 1) for each in many), len(many), 0),
                tuple(LabelingProject(each, each, text, 1, 1, 1, whole) for each in many),
                note=text,
            ),
        ),
    ]
    for screen in screens:
        assert_within_limits(screen)
