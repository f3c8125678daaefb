"""Every form and its outcome as the JSON that Slack gets, and how forms are read back."""

from __future__ import annotations

import random
import string
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.inputs import initial_state
from bot.sandbox.normal import interactive_elements
from handlers.datasets import column_types, curate_view, notices_view, outcome_view
from handlers.datasets.curate import free_text, read_deprecation, read_tag_changes
from handlers.datasets.register_form import DELIMITERS, OTHER, RegisterForm, SourceKind, tags_text
from handlers.datasets.register_view import found_lines, register_view
from handlers.datastores import datastore_view
from handlers.grammar import tokenize
from handlers.home_view import HomeContent, home_view, show_view
from handlers.message import Json, Message
from handlers.packed import METADATA_LIMIT, pack, unpack
from handlers.working import working_view
from services.datasets.form_check import ENCODINGS
from services.datasets.model import (
    Column,
    ColumnType,
    DatasetType,
    FileFormat,
    Fingerprint,
    FingerprintCheck,
    FingerprintState,
    Format,
    HeaderMode,
    Inspection,
    Listing,
    NameCheck,
    Problem,
    Registered,
    RegisterRequest,
)
from services.datasets.names import parse_tags
from services.datasets.notices import people
from services.datastores.model import Datastore, DatastoreKind
from services.errors import InvalidInput, SourceProblem
from tests.golden import assert_within_limits, texts
from tests.handlers import samples
from tests.handlers.conftest import Golden

REGISTERED = Registered(
    samples.version(), samples.dataset(), Fingerprint("0", (), samples.NOON), changes=("1 file more", "24 rows more")
)
FIRST = Registered(samples.version(1), samples.dataset(latest_version=1), Fingerprint("0", (), samples.NOON))
FILLED = RegisterForm(
    name="sales",
    datastore="workspaceblobstore",
    paths="sales/*.csv",
    format=FileFormat.DELIMITED.value,
    delimiter=OTHER,
    other_delimiter="~",
    timestamp_column="day",
    partition_format="/{region}/{day:yyyy/MM/dd}/sales.csv",
    column_types=(("sold", ColumnType.DECIMAL),),
    description="What was sold.",
    tags="team=ops",
    owner="U0ADA",
    channel="C0DATA",
)
INSPECTION = Inspection(
    Listing(12, 5_600_000, ("sales/01.csv", "sales/02.csv", "sales/03.csv")),
    Format(FileFormat.DELIMITED, ";"),
    samples.SCHEMA,
    rows=(("2013-01-01 05:00:00", "UA", "2", None), ("2013-01-01 06:00:00", "B6", None, "944.0")),
    notes=("The column “dep_delay” stands twice; the second is read as “dep_delay_2”.",),
)
STORES = (
    Datastore("workspaceblobstore", DatastoreKind.FOLDER, "data", True, samples.NOON, dataset_count=3),
    Datastore("exports", DatastoreKind.FOLDER, "/srv/exports", False, samples.NOON, "U0ADA", "Nightly exports"),
)
HOME = HomeContent(
    samples.page(2), samples.page(2, total=40), samples.page(1), samples.page(12, total=230), samples.NOON
)
NOTHING = samples.page(0)
PAGE = column_types.page_of("V1", FILLED, samples.SCHEMA, 0)

SCREENS: dict[str, Message | Json] = {
    "register_new": register_view(RegisterForm(owner="U0ADA", datastore="workspaceblobstore", channel="C0DATA")),
    "register_next_version": register_view(FILLED, NameCheck("sales", None, True, 4, DatasetType.TABULAR)),
    "register_bad_name": register_view(replace(FILLED, name="a b"), NameCheck("a b", "No spaces.", False, 1)),
    "register_file_from_web": register_view(
        RegisterForm(name="photos", type=DatasetType.FILE, source=SourceKind.WEB, urls="https://example.com/a.zip")
    ),
    "register_checked": register_view(replace(FILLED, checked=found_lines(FILLED, INSPECTION))),
    "register_checking": register_view(replace(FILLED, checking=True)),
    "register_open_dataset": register_view(
        RegisterForm(name="weather", source=SourceKind.OPEN, open_dataset="isd", in_azure=True)
    ),
    "register_columns": column_types.columns_view(PAGE, samples.SCHEMA),
    "register_working": working_view("Register a dataset", "Taking the fingerprint of 12 files", "register-1"),
    "register_done_noted": outcome_view.registered_view(
        "Register a dataset", replace(REGISTERED, notes=INSPECTION.notes), "The card is in the channel."
    ),
    "register_done": outcome_view.registered_view("Register a dataset", REGISTERED, "The card is in the channel."),
    "register_identical": outcome_view.identical_view("Register a dataset", "It is flights:2 already.", samples.card()),
    "register_failed": outcome_view.failed_message(
        SourceProblem("Nothing matches."), "ref1", "sales", pack({"name": "x"})
    ),
    "register_card": outcome_view.card_message(REGISTERED),
    "register_card_first": outcome_view.card_message(FIRST),
    "register_card_resumed": outcome_view.card_message(REGISTERED, resumed=True),
    "curate_tags": curate_view.tags_form(samples.dataset(tags=(("team", "data platform"), ("smart", "“x”")))),
    "curate_describe": curate_view.describe_form(samples.dataset()),
    "curate_deprecate": curate_view.deprecate_form(samples.dataset()),
    "curate_deprecate_again": curate_view.deprecate_form(samples.dataset(deprecation=samples.DEPRECATION)),
    "curate_owner": curate_view.owner_form(samples.dataset()),
    "curate_tags_changed": curate_view.outcome_message(
        curate_view.tags_changed_text(samples.dataset(), (("tier", "gold"),), ("draft",)), samples.dataset()
    ),
    "curate_deprecated": curate_view.outcome_message(
        curate_view.deprecated_text(samples.dataset(deprecation=samples.DEPRECATION)), samples.dataset()
    ),
    "notice_registered": notices_view.registered_notice(
        REGISTERED.version, REGISTERED.dataset.owner, REGISTERED.changes
    ),
    "notice_changed": notices_view.changed_notice(
        samples.version(),
        FingerprintCheck(FingerprintState.VANISHED, samples.NOON, removed=2, detail="2 files are gone."),
    ),
    "notice_unreachable": notices_view.changed_notice(
        samples.version(), FingerprintCheck(FingerprintState.UNREACHABLE, samples.NOON, detail="The folder is gone.")
    ),
    "notice_deprecated": notices_view.deprecated_notice(samples.dataset(), samples.DEPRECATION),
    "datastore_list": datastore_view.list_message(STORES, may_manage=True),
    "datastore_show": datastore_view.show_message(STORES[1], may_manage=True),
    "datastore_show_member": datastore_view.show_message(STORES[0], may_manage=False),
    "datastore_default": datastore_view.ask_default_message(STORES[1], STORES[0]),
    "datastore_registered": datastore_view.registered_view(STORES[1]),
    "home": home_view(HOME),
    "home_empty": home_view(HomeContent(NOTHING, NOTHING, NOTHING, NOTHING, samples.NOON)),
    "home_found": home_view(replace(HOME, words="unicorns", found=samples.page(0))),
    "home_show": show_view(samples.card(dataset=samples.dataset(deprecation=samples.DEPRECATION))),
}


@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, golden: Golden) -> None:
    golden(name, SCREENS[name])


NASTY = st.one_of(
    st.sampled_from(
        [
            "<!channel>",
            "*bold* `code` <@U0ADA>",
            "a" * 3000,
            "&lt;!here&gt;",
            "\n\n",
            "```",
            "<https://evil|x>",
            "\u202e",
        ]
    ),
    st.text(max_size=300),
)
PLACES = st.text(alphabet=string.ascii_letters + "/*.<>&`", min_size=1, max_size=60)
TAGS = st.lists(
    st.tuples(
        st.text(string.printable.strip(), min_size=1, max_size=20), st.text(string.printable.strip(), min_size=1)
    ),
    max_size=5,
    unique_by=lambda tag: tag[0],
)
COLUMNS = st.lists(
    st.tuples(st.text(min_size=1, max_size=40), st.sampled_from(column_types.CHOICES)),
    max_size=8,
    unique_by=lambda c: c[0],
)
FORMS = st.builds(
    RegisterForm,
    name=NASTY.map(lambda text: text[:255]),
    new_version=st.booleans(),
    type=st.sampled_from(DatasetType),
    source=st.sampled_from(SourceKind),
    datastore=st.text(max_size=75),
    paths=NASTY,
    urls=NASTY,
    open_dataset=st.sampled_from(["", "isd", "mnist"]),
    in_azure=st.booleans(),
    format=st.sampled_from(["guess", *FileFormat]).map(str),
    delimiter=st.sampled_from([*DELIMITERS, OTHER]),
    other_delimiter=st.text(max_size=10),
    header=st.sampled_from(HeaderMode),
    encoding=st.sampled_from(ENCODINGS),
    timestamp_column=st.text(max_size=100),
    partition_format=st.text(max_size=100),
    column_types=COLUMNS.map(tuple),
    description=NASTY,
    tags=NASTY,
    owner=st.sampled_from(["", "U0ADA"]),
    channel=st.sampled_from(["", "C0DATA"]),
    filled_from=st.sampled_from(["", "0123abcd"]),
    filled=st.sampled_from([(), (("tags", "0123abcd"), ("owner", ""))]),
    fills=st.integers(0, 2),
)


def as_submitted(view: Json) -> Json:
    """The view as it comes back when nobody changes anything."""
    return {**view, "state": {"values": initial_state(interactive_elements(view["blocks"]))}}


@given(FORMS, st.sampled_from([None, NameCheck("sales", None, False, 1)]))
def test_a_form_comes_back_as_it_was_built(form: RegisterForm, name: NameCheck | None) -> None:
    view = register_view(form, name)
    assert_within_limits(view)
    assert len(view["private_metadata"]) <= METADATA_LIMIT
    again = RegisterForm.parse(as_submitted(view))
    assert again == form
    assert register_view(again, name) == view


def test_what_does_not_fit_behind_the_form_stays_in_sight() -> None:
    letters = random.Random(7).choices([chr(code) for code in range(0x4E00, 0x9FFF)], k=3000)
    form = RegisterForm(source=SourceKind.WEB, paths="".join(letters), urls="https://example.com/a.csv")
    view = register_view(form)
    assert "paths" in {block.get("block_id") for block in view["blocks"]}
    assert RegisterForm.parse(as_submitted(view)) == form


@given(FORMS, st.booleans())
def test_a_request_leads_back_to_a_form_that_means_the_same(form: RegisterForm, tagged: bool) -> None:
    request, problems = replace(form, tags='team="data platform", tier=gold' if tagged else "").read("U0BEN")
    assert not problems
    assert RegisterForm.from_request(request, channel=form.channel).read("U0BEN") == (request, ())


@given(TAGS)
def test_tags_that_a_form_shows_are_read_back_the_same(tags: list[tuple[str, str]]) -> None:
    shown = curate_view.editable_tags(samples.dataset(tags=tuple(tags)))
    assert parse_tags(tags_text(shown)) == shown


@given(NASTY, NASTY, NASTY, NASTY)
def test_untrusted_text_stays_text_and_within_limits(name: str, description: str, path: str, tag: str) -> None:
    name = name.strip()[:255] or "x"
    dataset = samples.dataset(name, description=description, tags=((tag[:100] or "k", tag[:1000]),), owner=path[:20])
    version = samples.version(2, name, description=description, tags=dataset.tags, registered_by=tag[:20])
    registered = Registered(version, dataset, Fingerprint("0", (), samples.NOON))
    found = Inspection(
        Listing(3, 10, (path[:200], name)),
        None,
        tuple(Column(f"{tag[:50]}{number}", ColumnType.STRING) for number in range(9)),
        rows=(((tag, None, path) * 3), (description,)),
        notes=(description, path, tag, name, "more"),
    )
    gone = replace(samples.DEPRECATION, reason=description, replaced_by=name)
    screens: list[Message | Json] = [
        outcome_view.card_message(registered),
        outcome_view.registered_view("Register", replace(registered, notes=found.notes), "Done."),
        outcome_view.failed_message(SourceProblem(description[:500] or "x"), "ref", name, ""),
        register_view(replace(FILLED, paths=path, checked=found_lines(replace(FILLED, paths=path), found))),
        notices_view.deprecated_notice(dataset, gone),
        curate_view.outcome_message(curate_view.described_text(dataset), dataset),
        curate_view.outcome_message(curate_view.tags_changed_text(dataset, dataset.tags, (tag[:50],)), dataset),
        home_view(
            replace(
                HOME,
                words=name[:200],
                mine=replace(samples.page(1), items=(samples.summary(1, name=name, description=description),)),
            )
        ),
        datastore_view.list_message((replace(STORES[1], name=name, location=path),), may_manage=True),
    ]
    for screen in screens:
        assert_within_limits(screen)
        whole = screen.blocks if isinstance(screen, Message) else screen["blocks"]
        for markup in _markup(whole):
            assert "<!channel>" not in markup
            assert "<https://evil" not in markup


def _markup(value: Any) -> list[str]:
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            return [str(value["text"])]
        return [text for item in value.values() for text in _markup(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _markup(item)]
    return []


@given(st.lists(st.text(min_size=1, max_size=400), min_size=1, max_size=300, unique=True))
def test_columns_are_all_reached_page_by_page(names: list[str]) -> None:
    schema = tuple(Column(name, ColumnType.STRING) for name in names)
    first, seen = 0, []
    while True:
        page = column_types.page_of("V1", FILLED, schema, first)
        view = column_types.columns_view(page, schema)
        assert_within_limits(view)
        read = column_types.ColumnPage.read(view)
        assert read.columns == page.columns
        assert page.columns
        seen += [name for name, _ in page.columns]
        if not page.more:
            break
        first += len(page.columns)
    assert seen == names


def test_only_types_that_differ_from_the_sample_are_chosen() -> None:
    view = as_submitted(SCREENS["register_columns"])  # type: ignore[arg-type]  # this one is a view
    option = {"value": "integer"}
    view["state"]["values"]["column:1"] = {"register_columns:1": {"selected_option": option}}
    assert PAGE.chosen(view) == (("sold", ColumnType.DECIMAL), ("carrier", ColumnType.INTEGER))


def test_every_problem_finds_a_field_that_is_shown() -> None:
    fields = [*(each.name for each in dataclass_fields(RegisterRequest)), "type", "datastore", "paths", "urls"]
    fields += ["delimiter", "encoding", "timestamp_column", "partition_format", "column_types", "something_new"]
    for form in (FILLED, RegisterForm(type=DatasetType.FILE, source=SourceKind.WEB)):
        inputs = {block["block_id"] for block in register_view(form)["blocks"] if block["type"] == "input"}
        assert set(form.errors(tuple(Problem(field, "No.") for field in fields))) <= inputs


@pytest.mark.parametrize(
    ("field", "beside"),
    [("delimiter", "format"), ("header", "format"), ("encoding", "format"), ("folder", "datastore"), ("urls", "paths")],
)
def test_a_problem_stands_beside_the_field_that_decides_it(field: str, beside: str) -> None:
    form = RegisterForm()  # the format is found out, so delimiter, header and encoding are not asked for
    assert [block.partition(":")[0] for block in form.errors((Problem(field, "No."),))] == [beside]


@given(st.binary(max_size=200))
def test_metadata_of_another_bot_is_read_as_nothing(junk: bytes) -> None:
    assert isinstance(unpack(junk.decode("latin-1")), dict)
    assert RegisterForm.parse({"private_metadata": junk.decode("latin-1"), "state": {"values": {}}}) == RegisterForm()


def test_metadata_that_swells_is_refused() -> None:
    assert unpack(pack({"a": "x" * 1_000_000})) == {}


@pytest.mark.parametrize(
    ("typed", "put", "remove"),
    [
        ("team=ops -draft", (("team", "ops"),), ("draft",)),
        ('team="data platform" tier=gold', (("team", "data platform"), ("tier", "gold")), ()),
        ("–old —older", (), ("old", "older")),
        ("url=https://x?a=b", (("url", "https://x?a=b"),), ()),
    ],
)
def test_tag_changes(typed: str, put: tuple[tuple[str, str], ...], remove: tuple[str, ...]) -> None:
    assert read_tag_changes(tokenize(typed)) == (put, remove)


@pytest.mark.parametrize("typed", ["team", "team=", "=ops", "-", "a=1 a=2"])
def test_words_that_are_no_change_of_a_tag(typed: str) -> None:
    with pytest.raises(InvalidInput):
        read_tag_changes(tokenize(typed))


@pytest.mark.parametrize(
    ("typed", "replaced_by", "reason"),
    [
        ("replaced-by orders reason wrong currency", "orders", "wrong currency"),
        ("replaced-by orders:3", "orders:3", ""),
        ("reason the feed ended", "", "the feed ended"),
        ("wrong currency", "", "wrong currency"),
        ("replaced-by: orders because wrong", "orders", "wrong"),
    ],
)
def test_deprecation_words(typed: str, replaced_by: str, reason: str) -> None:
    assert read_deprecation(tokenize(typed)) == (replaced_by, reason)


def test_free_text_keeps_quotes_and_names_people() -> None:
    assert free_text(tokenize('The "best" set, ask <@U0ADA|ada>')) == "The “best” set, ask @ada"


def test_news_go_to_owner_and_watchers_once_and_not_to_the_one_who_made_them() -> None:
    assert people("U1", ("U2", "U1", "U3"), "U3") == ("U1", "U2")
    assert people("", ("U2",), "U2") == ()


def test_no_golden_text_is_empty() -> None:
    assert all(text for name in SCREENS for key, text in texts(SCREENS[name]) if key == "text")
