"""The catalogue of Azure Open Datasets."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from services.datasets.form_check import url_problem
from services.datasets.model import DatasetType, WebSource
from services.datasets.names import parse_tags
from services.datasets.open_datasets import CATALOGUE, PUBLIC_HOSTS, OpenDataset, open_dataset


def test_ids_are_unique_and_found() -> None:
    assert len({each.id for each in CATALOGUE}) == len(CATALOGUE)
    assert all(open_dataset(each.id) is each for each in CATALOGUE)
    assert open_dataset("nothing") is None


@pytest.mark.parametrize("each", CATALOGUE, ids=lambda each: each.id)
def test_each_is_an_address_that_a_form_takes_and_everybody_may_read(each: OpenDataset) -> None:
    source = each.definition.source
    assert isinstance(source, WebSource)
    assert [url_problem(url) for url in source.urls] == [None]
    assert {urlsplit(url).hostname for url in source.urls} <= PUBLIC_HOSTS
    assert (each.definition.format is None) == (each.definition.type is DatasetType.FILE)
    assert parse_tags("=".join(each.tag)) == (each.tag,)
