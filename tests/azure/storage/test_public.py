"""Public blobs by their addresses, as Azure Open Datasets are; other web files stay with the guard."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.azure.storage.account import blob_url
from services.datasets.model import DatasetType, Definition, WebSource
from services.errors import InvalidInput, SourceProblem
from tests.azure.storage.test_formats import parquet
from tests.azure.storage.world import HOST, World
from tests.reading.places import CSV, PARQUET

pytestmark = pytest.mark.azure
in_module_loop = pytest.mark.asyncio(loop_scope="module")
ROWS = "k,v\n1,x\n2,y\n"


def address(container: str, path: str) -> str:
    return f"https://{HOST}/{container}/{path}"


@in_module_loop
async def test_a_glob_over_a_public_container(world: World) -> None:
    name = world.container(
        {"Processed/a.parquet": parquet(10), "Processed/b.parquet": parquet(10), "x.csv": ROWS}, public=True
    )
    url = address(name, "Processed/*.parquet")
    definition = Definition(DatasetType.TABULAR, WebSource((url,)), PARQUET)
    seen = await world.reader.inspect(definition)
    assert (seen.row_count, seen.listing.file_count) == (20, 2)
    assert seen.listing.names[0] == address(name, "Processed/a.parquet")
    fingerprint = await world.reader.fingerprint(WebSource((url, address(name, "x.csv"))))
    assert [stamp.path.rpartition("/")[2] for stamp in fingerprint.files] == ["a.parquet", "b.parquet", "x.csv"]
    assert all(stamp.hash and stamp.hash.startswith("md5:") for stamp in fingerprint.files)
    # Nobody's credential goes along, and no file is asked for whole.
    asked = world.azure.log.find(host=HOST)
    assert all("authorization" not in {name.lower() for name, _ in entry.headers.items()} for entry in asked)


@in_module_loop
async def test_partitions_in_addresses(world: World) -> None:
    name = world.container({"y/2013/a.csv": ROWS, "y/2014/a.csv": ROWS}, public=True)
    source = WebSource((address(name, "y/**/a.csv"),))
    seen = await world.reader.inspect(Definition(DatasetType.TABULAR, source, CSV, partition_format="/{year}/a.csv"))
    assert [column.name for column in seen.schema] == ["k", "v", "year"]
    assert seen.rows[-1] == ("2", "y", "2014")


@in_module_loop
async def test_what_is_not_public(world: World) -> None:
    private = world.container({"a.csv": ROWS})
    for path in ("a.csv", "*.csv"):
        with pytest.raises(SourceProblem, match="is not public"):
            await world.reader.list_files(WebSource((address(private, path),)))
    with pytest.raises(SourceProblem, match=r"is not public|no container"):
        await world.reader.list_files(WebSource((address("no-such-container", "a.csv"),)))
    public = world.container({"a.csv": ROWS}, public=True)
    with pytest.raises(SourceProblem, match=r"b\.csv” matches nothing in the container.*has “a\.csv”"):
        await world.reader.inspect(Definition(DatasetType.TABULAR, WebSource((address(public, "b.csv"),)), CSV))


@in_module_loop
async def test_signed_addresses_are_refused(world: World) -> None:
    name = world.container({"a.csv": ROWS})
    signature = world.storage.sas("mlstorage")
    with pytest.raises(InvalidInput, match="signature, token or key"):
        await world.reader.list_files(WebSource((f"{address(name, 'a.csv')}?{signature}",)))
    assert not world.azure.log.find(host=HOST)


@in_module_loop
async def test_private_networks_stay_closed(world: World, tmp_path: Path) -> None:
    with pytest.raises(SourceProblem, match="private network"):
        await world.reader.list_files(WebSource(("http://127.0.0.1:1/a.csv",)))


@pytest.mark.parametrize(
    ("url", "container", "path"),
    [
        ("https://a123.blob.core.windows.net/data/x/*.csv", "data", "x/*.csv"),
        ("https://a123.dfs.core.windows.net/data/x%20y/a.csv", "data", "x y/a.csv"),
        ("https://A123.Blob.core.windows.net/data/x", "data", "x"),
        ("https://a123.z12.blob.storage.azure.net/data/x", "data", "x"),
        ("https://a123.blob.core.chinacloudapi.cn/data/x", "data", "x"),
    ],
)
def test_addresses_of_blobs(url: str, container: str, path: str) -> None:
    found = blob_url(url)
    assert found is not None
    assert (found[0].container, found[1]) == (container, path)
    assert found[0].url.startswith("https://a123.")


@pytest.mark.parametrize(
    "url",
    [
        "https://a123.blob.core.windows.net.evil.example/data/x",
        "https://evil.example/a123.blob.core.windows.net/data/x",
        "https://a123.blob.core.windows.net@evil.example/data/x",
        "https://a123.file.core.windows.net/data/x",
        "https://a123.blob.core.windows.net/data",
        "https://a123.blob.core.windows.net/data/x?sig=1",
        "https://a123.blob.core.windows.net:8080/data/x",
        "https://a-b.blob.core.windows.net/data/x",
        "ftp://a123.blob.core.windows.net/data/x",
        "https://example.com/x.csv",
        "",
    ],
)
def test_other_addresses(url: str) -> None:
    assert blob_url(url) is None
