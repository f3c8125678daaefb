"""Version truth from listings: what changed, vanished or grew is found without downloading anything."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import pytest

from services.azure.storage.container import parse_page
from services.datasets.fingerprints import compare
from services.datasets.model import FingerprintState
from services.errors import SourceProblem
from tests.azure.storage.world import HOST, World, source

pytestmark = pytest.mark.azure
in_module_loop = pytest.mark.asyncio(loop_scope="module")


@in_module_loop
async def test_a_fingerprint_is_one_listing(world: World) -> None:
    container = world.with_files({"d/a.csv": "one", "d/b.csv": "two", "other.csv": "three"})
    first = await world.reader.fingerprint(source("d/*.csv"))
    assert [(stamp.path, stamp.size) for stamp in first.files] == [("d/a.csv", 3), ("d/b.csv", 3)]
    md5 = base64.b64encode(hashlib.md5(b"one").digest()).decode()
    assert first.files[0].hash == f"md5:{md5}"
    assert first.files[0].modified is not None
    assert first.files[0].modified.tzinfo is UTC
    world.azure.log.clear()
    again = await world.reader.fingerprint(source("d/*.csv"), previous=first)
    assert again == first
    asked = world.azure.log.find(host=HOST)
    assert ["comp=list" in entry.query for entry in asked] == [True]
    assert container in asked[0].path


@in_module_loop
async def test_the_same_bytes_again_are_no_change(world: World) -> None:
    container = world.with_files({"a.csv": "one"})
    first = await world.reader.fingerprint(source("*.csv"))
    world.put(container, "a.csv", "one")
    second = await world.reader.fingerprint(source("*.csv"), previous=first)
    assert second.digest == first.digest
    assert compare(first, second).state is FingerprintState.UNCHANGED


@in_module_loop
async def test_changed_vanished_and_grown(world: World) -> None:
    container = world.with_files({"a.csv": "one", "b.csv": "two"})
    first = await world.reader.fingerprint(source("*.csv"))
    world.put(container, "c.csv", "new")
    grown = compare(first, await world.reader.fingerprint(source("*.csv"), previous=first))
    assert (grown.state, grown.added) == (FingerprintState.GROWN, 1)
    world.put(container, "a.csv", "eno")
    changed = compare(first, await world.reader.fingerprint(source("*.csv"), previous=first))
    assert (changed.state, changed.changed) == (FingerprintState.CHANGED, 1)
    for name in ("a.csv", "c.csv"):
        world.storage.delete("mlstorage", container, name)
    vanished = compare(first, await world.reader.fingerprint(source("*.csv"), previous=first))
    assert (vanished.state, vanished.removed) == (FingerprintState.VANISHED, 1)
    world.storage.delete("mlstorage", container, "b.csv")
    with pytest.raises(SourceProblem, match="matches nothing"):
        await world.reader.fingerprint(source("*.csv"), previous=first)


def listed(properties: str, name: str = "<Name>a.csv</Name>", more: str = "") -> bytes:
    """An answer of List Blobs in the words of Azure's reference."""
    return (
        '\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://x/" '
        f'ContainerName="c"><Blobs><Blob>{name}<Properties><Last-Modified>Wed, 09 Sep 2009 09:20:02 GMT'
        f"</Last-Modified><Content-Length>4</Content-Length>{properties}</Properties>{more}</Blob></Blobs>"
        "<NextMarker>2!68!next</NextMarker></EnumerationResults>"
    ).encode()


MD5 = "<Etag>0x8CB1</Etag><Content-MD5>QUJD</Content-MD5>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (listed(f"{MD5}<BlobType>BlockBlob</BlobType>"), "md5:QUJD"),
        (listed("<Etag>0x8CB1</Etag><BlobType>BlockBlob</BlobType>"), "etag:0x8CB1"),
        (listed('<Etag>"0x8CB1"</Etag><Content-MD5 /><BlobType>BlockBlob</BlobType>'), "etag:0x8CB1"),
        # Appending and writing pages keep the MD5 of what was there before.
        (listed(f"{MD5}<BlobType>AppendBlob</BlobType>"), "etag:0x8CB1"),
        (listed(f"{MD5}<BlobType>PageBlob</BlobType>"), "etag:0x8CB1"),
    ],
)
def test_what_tells_the_content(body: bytes, expected: str) -> None:
    page = parse_page(body)
    (blob,) = page.blobs
    assert (blob.hash, blob.etag, blob.size) == (expected, "0x8CB1", 4)
    assert blob.modified == datetime(2009, 9, 9, 9, 20, 2, tzinfo=UTC)
    assert page.following == "2!68!next"


def test_names_that_xml_cannot_hold_and_folders() -> None:
    (blob,) = parse_page(listed(MD5, '<Name Encoded="true">a%01b%2Fc</Name>')).blobs
    assert blob.name == "a\x01b/c"
    assert not parse_page(listed(MD5, more="<Metadata><hdi_isfolder>true</hdi_isfolder></Metadata>")).blobs
    assert not parse_page(listed(f"{MD5}<ResourceType>directory</ResourceType>")).blobs
