"""The datastore form and the screens of Azure datastores."""

from __future__ import annotations

import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.inputs import initial_state
from bot.sandbox.normal import interactive_elements
from handlers.datastores import datastore_view
from handlers.datastores.register_form import DatastoreForm, register_view
from handlers.message import Json, Message
from handlers.packed import METADATA_LIMIT
from services.datasets.model import Problem
from services.datastores.model import (
    ACCESS_OF,
    AzurePlace,
    Datastore,
    DatastoreAccess,
    DatastoreKind,
    SecretName,
)
from tests.golden import assert_within_limits
from tests.handlers.conftest import Golden

LOCAL = (DatastoreKind.FOLDER,)
AZURE = tuple(ACCESS_OF)
UUID = "0f1e2d3c-0000-4000-8000-00000000abcd"
BLOBS = Datastore(
    "workspaceblobstore",
    DatastoreKind.BLOB,
    "salesdata/azureml-blobstore",
    True,
    None,
    dataset_count=12,
    azure=AzurePlace("salesdata", "azureml-blobstore", DatastoreAccess.ACCOUNT_KEY),
)
LAKE = Datastore(
    "lake",
    DatastoreKind.ADLS_GEN2,
    "lakedata/raw",
    False,
    None,
    identity_based=True,
    azure=AzurePlace("lakedata", "raw", DatastoreAccess.IDENTITY),
)
SQL = Datastore("warehouse", DatastoreKind.OTHER, "AzureSqlDatabase", False, None)
FILLED = DatastoreForm(
    kind=DatastoreKind.ADLS_GEN2,
    access=DatastoreAccess.SERVICE_PRINCIPAL,
    name="lake",
    account="https://lakedata.dfs.core.windows.net/raw",
    vault="team-vault",
    secret="lake-reader",
    client=UUID,
    tenant=UUID,
    overwrite=True,
)
SCREENS: dict[str, Message | Json] = {
    "datastore_register": register_view(DatastoreForm.empty(LOCAL), LOCAL),
    "datastore_register_azure": register_view(DatastoreForm.empty(AZURE), AZURE),
    "datastore_register_principal": register_view(FILLED, AZURE),
    "datastore_register_share": register_view(
        DatastoreForm(kind=DatastoreKind.FILE_SHARE, access=DatastoreAccess.SAS, name="share"), AZURE
    ),
    "datastore_list_azure": datastore_view.list_message((BLOBS, LAKE, SQL), may_manage=True),
    "datastore_show_credential": datastore_view.show_message(BLOBS, may_manage=True),
    "datastore_show_identity": datastore_view.show_message(LAKE, may_manage=True),
    "datastore_show_other": datastore_view.show_message(SQL, may_manage=False),
    "datastore_registered_azure": datastore_view.registered_view(LAKE),
}


@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, golden: Golden) -> None:
    golden(name, SCREENS[name])


def as_submitted(view: Json) -> Json:
    """The view as it comes back when nobody changes anything."""
    return {**view, "state": {"values": initial_state(interactive_elements(view["blocks"]))}}


def typed(length: int) -> st.SearchStrategy[str]:
    return st.text(string.printable, max_size=length).map(str.strip)


FORMS = st.builds(
    DatastoreForm,
    kind=st.sampled_from(AZURE),
    access=st.sampled_from(DatastoreAccess),
    name=typed(255),
    account=typed(300),
    container=typed(63),
    vault=typed(100),
    secret=typed(127),
    client=typed(36),
    tenant=typed(36),
    make_default=st.booleans(),
    overwrite=st.booleans(),
).map(DatastoreForm.fitting)


@given(FORMS)
def test_a_form_comes_back_as_it_was_built(form: DatastoreForm) -> None:
    view = register_view(form, AZURE)
    assert_within_limits(view)
    assert len(view["private_metadata"]) <= METADATA_LIMIT
    assert DatastoreForm.parse(as_submitted(view)) == form


@given(FORMS)
def test_every_problem_finds_a_block_that_is_shown(form: DatastoreForm) -> None:
    fields = ("name", "kind", "access", "account", "container", "something_new")
    shown = {block["block_id"] for block in register_view(form, AZURE)["blocks"] if block["type"] == "input"}
    assert set(form.errors(tuple(Problem(field, "No.") for field in fields))) <= shown


def test_a_folder_form_comes_back() -> None:
    form = DatastoreForm(name="exports", folder="exports/sales", description="Nightly", make_default=True)
    assert DatastoreForm.parse(as_submitted(register_view(form, LOCAL))) == form
    request = form.request("U0ADA")
    assert (request.folder, request.azure, request.make_default) == ("exports/sales", None, True)


def test_the_request_names_the_secret_and_never_holds_one() -> None:
    azure = FILLED.request("U0ADA").azure
    assert azure is not None
    assert azure.place == AzurePlace("lakedata", "raw", DatastoreAccess.SERVICE_PRINCIPAL)
    assert azure.secret == SecretName("team-vault", "lake-reader")
    assert (azure.client_id, azure.tenant_id) == (UUID, UUID)


def test_an_identity_based_datastore_has_no_secret_whatever_was_typed_before() -> None:
    azure = replace(FILLED, access=DatastoreAccess.IDENTITY).request("U0ADA").azure
    assert azure is not None
    assert (azure.secret, azure.client_id, azure.tenant_id) == (None, "", "")


def test_another_kind_takes_over_what_fits() -> None:
    view = as_submitted(register_view(FILLED, AZURE))
    view["state"]["values"]["kind"] = {
        "datastore_register:kind": {"selected_option": {"value": DatastoreKind.FILE_SHARE.value}}
    }
    form = DatastoreForm.parse(view)
    assert (form.kind, form.access) == (DatastoreKind.FILE_SHARE, DatastoreAccess.ACCOUNT_KEY)
    assert (form.vault, form.secret, form.client) == ("team-vault", "lake-reader", UUID)
