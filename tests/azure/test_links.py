"""Pages of the studio: which dataset of which workspace they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.azure.resource import AzureWorkspaceId

SUBSCRIPTION = "0a1b2c3d-0000-4000-8000-000000000000"
OURS = AzureWorkspaceId.parse(f"azureml://subscriptions/{SUBSCRIPTION}/resourceGroups/Data-rg/workspaces/ml-Prod")
WSID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/Data-rg/workspaces/ml-Prod"


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.integers(1, 10**9), st.sampled_from(["", "t1"])
)
def test_what_a_link_was_made_of_comes_back(name: str, version: int, tenant: str) -> None:
    assert OURS.linked(OURS.studio_url(name, version, tenant)) == (name, version)


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        (f"https://ml.azure.com/data/sales/3/details?wsid={WSID}", ("sales", 3)),
        (f"https://ml.azure.com/data/sales/3?wsid={WSID.upper()}&tid=x", ("sales", 3)),
        (f"https://ml.azure.com/dataset/sales/latest/details?wsid={WSID}", ("sales", None)),
        (f"https://ml.azure.com/data/sales?wsid={WSID}", ("sales", None)),
        (f"https://ml.azure.com/data/sales/three?wsid={WSID}", None),
        (f"https://ml.azure.com/data?wsid={WSID}", None),
        (f"https://ml.azure.com/runs/sales?wsid={WSID}", None),
        (f"https://ml.azure.com/data/sales/3?wsid={WSID}-2", None),
        ("https://ml.azure.com/data/sales/3", None),
        (f"http://ml.azure.com/data/sales/3?wsid={WSID}", None),
        (f"https://ml.azure.com.evil.example/data/sales/3?wsid={WSID}", None),
        ("https://[broken", None),
        ("", None),
    ],
)
def test_which_links_lead_to_a_dataset_of_ours(url: str, meant: tuple[str, int | None] | None) -> None:
    assert OURS.linked(url) == meant
