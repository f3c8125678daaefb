"""Every reading screen as the JSON that Slack gets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.datasets import (
    compare_form,
    diff_view,
    list_view,
    preview_view,
    refs,
    show_view,
    use_view,
    versions_view,
)
from handlers.datasets.list_request import ListRequest, parse_list
from handlers.grammar import tokenize
from handlers.message import Json, Message
from handlers.sharing import for_everybody, with_share_button
from services.datasets.model import (
    Column,
    ColumnType,
    FingerprintCheck,
    FingerprintState,
    Preview,
    VersionDiff,
    VersionStats,
)
from services.monitors.views import Watching
from tests.handlers import samples
from tests.handlers.conftest import Golden
from tests.monitors.samples import an_incident

ADDRESS = refs.ReturnAddress(command="show {}", channel_id="C0DATA", response_url="https://hooks.slack.example/x")


def request(text: str) -> ListRequest:
    return parse_list(tokenize(text))


SCREENS: dict[str, Message | Json] = {
    "list": list_view.build(samples.page(12), ListRequest()),
    "list_middle_page": list_view.build(
        samples.page(100, total=2304, offset=100, corrected=(("slaes", "sales"),), index_age=4000.0),
        request("slaes tag:team=growth type:tabular owner:<@U0BEN> drifting page:2"),
    ),
    "list_drifting": list_view.build(
        samples.page(4), request("drifting"), drifting=frozenset(item.name for item in samples.page(4).items[:2])
    ),
    "list_shared": list_view.build(samples.page(3), ListRequest(), shared=True),
    "list_nothing_matches": list_view.build(samples.page(0), request("unicorns mine")),
    "list_empty": list_view.build(samples.page(0), ListRequest()),
    "list_first_copy": list_view.build(
        replace(samples.page(0), note="The workspace is listed for the first time: 12,000 datasets so far."),
        ListRequest(),
    ),
    "show": show_view.build(samples.card(), "U0ADA"),
    "show_drifting": show_view.build(
        samples.card(), "", watching=Watching(2, (an_incident(0.6), an_incident(0.2, id="i2", monitor_id="m2")))
    ),
    "show_watched": show_view.build(samples.card(), "U0BEN"),
    "show_deprecated": show_view.build(
        samples.card(dataset=samples.dataset(deprecation=samples.DEPRECATION, latest_version=5)), ""
    ),
    "show_bare": show_view.build(
        samples.card(
            dataset=samples.dataset("photos", description="", tags=(), owner="", latest_version=1, watchers=()),
            version=samples.version(
                1,
                "photos",
                definition=samples.PHOTOS,
                stats=VersionStats(),
                registered_by="",
                check=FingerprintCheck(FingerprintState.UNCHECKED, None),
            ),
            studio_url=None,
        ),
        "U0ADA",
    ),
    "versions": versions_view.build(samples.version_page(3), 1),
    "versions_middle_page": versions_view.build(samples.version_page(40, total=120, offset=40), 2),
    "diff": diff_view.build(samples.DIFF),
    "diff_nothing": diff_view.build(samples.SAME),
    "diff_values_missing": diff_view.build(
        VersionDiff(before=samples.version(1), after=samples.version(2), files_note="Files are not compared."),
        values_missing=True,
    ),
    "diff_only_version": diff_view.only_version(samples.version(1)),
    "diff_working": diff_view.working("flights", "flights-2014"),
    "use": use_view.build(samples.GUIDE, use_view.Shown("flights", None, "files")),
    "use_v1": use_view.build(samples.GUIDE, use_view.Shown("flights", 2, "v1")),
    "preview": preview_view.build("flights", None, samples.PREVIEW),
    "preview_files": preview_view.build("photos", 1, samples.FILE_PREVIEW),
    "preview_empty": preview_view.build("photos", 1, Preview((), (), (), 0, complete=True)),
    "which_dataset": refs.build(ADDRESS),
    "which_versions": compare_form.build(refs.ReturnAddress(command="diff", name="flights"), 7),
}


@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, golden: Golden) -> None:
    golden(name, SCREENS[name])


def test_share_button_goes_into_the_last_row() -> None:
    shared = with_share_button(SCREENS["show"], "/dataset show flights")  # type: ignore[arg-type]  # a message
    row = shared.blocks[-1]["elements"]
    assert row[-1]["action_id"] == "share:answer"
    assert row[-1]["value"] == "/dataset show flights"
    assert shared.fallback[-1]["elements"][-1] == row[-1]


def test_shared_message_says_who_shared_it_and_pages_below() -> None:
    message = SCREENS["list_middle_page"]
    assert isinstance(message, Message)
    seen = for_everybody(message, "U0BEN")
    assert seen.blocks[-1]["elements"][0]["text"] == "Shared by <@U0BEN>"
    ids = [element["action_id"] for element in seen.blocks[-2]["elements"]]
    assert ids == ["pick:open", "run:go:previous", "run:go:next"]
    assert "go:next" in [element["action_id"] for element in message.blocks[-1]["elements"]]


def test_fallback_pages_by_ten_from_where_the_page_begins() -> None:
    message = list_view.build(samples.page(100, total=2304, offset=100), request("sales page:2"))
    values = [element["value"] for element in message.fallback[-1]["elements"]]
    assert values == ["/dataset list sales page:10 size:10", "/dataset list sales page:12 size:10"]


def test_wide_schema_keeps_within_one_table() -> None:
    schema = tuple(Column(f"c{i}", ColumnType.STRING) for i in range(500))
    message = show_view.build(samples.card(version=samples.version(stats=VersionStats(schema))), "")
    container = next(block for block in message.blocks if block["type"] == "container")
    assert container["child_blocks"][-1]["elements"][0]["text"] == "and 401 more columns"


@pytest.mark.parametrize(
    ("typed", "latest", "expected"),
    [
        ("", 3, [3, 2, 1]),
        ("1", 12, [1, 12, 11, 10]),
        ("v2", 25, [2, 25, 24, 23, 22, 21, 20]),
        ("9", 3, []),
        ("0", 3, []),
        ("x", 2, [2, 1]),
    ],
)
def test_version_options(typed: str, latest: int, expected: list[int]) -> None:
    assert [int(option["value"]) for option in compare_form.version_options(typed, latest)] == expected


def test_version_options_are_at_most_a_hundred() -> None:
    assert len(compare_form.version_options("", 100_000)) == 100
    assert len(compare_form.version_options("1", 100_000)) == 100
