"""Which addresses may be read, and that secrets are neither taken nor repeated."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from services.errors import InvalidInput, SourceProblem
from services.reading.url_guard import (
    GuardedResolver,
    RefusedError,
    allowed_address,
    check_hop,
    check_url,
    guarded_socket,
    shown_url,
)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "url_empty"),
        ("example.com/data.csv", "url_scheme"),
        ("ftp://example.com/data.csv", "url_scheme"),
        ("file:///etc/passwd", "url_scheme"),
        ("gopher://example.com", "url_scheme"),
        ("javascript:alert(1)", "url_scheme"),
        ("data:text/csv,a", "url_scheme"),
        ("http://", "url_invalid"),
        ("http:///data.csv", "url_invalid"),
        ("http://example.com:99999/", "url_invalid"),
        ("https://example.com/a b.csv", "url_space"),
        ("https://example.com/a\r\nHost: x", "url_space"),
        ("https://example.com/" + "a" * 3000, "url_too_long"),
        ("https://user:hunter2@example.com/d.csv", "url_credentials"),
        ("https://hunter2@example.com/d.csv", "url_credentials"),
        ("https://a.blob.core.windows.net/c/d.csv?sv=2024&sig=hunter2", "url_secret"),
        ("https://example.com/d.csv?Token=hunter2", "url_secret"),
        ("https://example.com/d.csv?a=1&api%5Fkey=hunter2", "url_secret"),
        ("https://s3.amazonaws.com/b/d.csv?X-Amz-Signature=hunter2", "url_secret"),
        ("https://example.com/d.csv#access_token=hunter2", "url_secret"),
        ("https://example.com/d.csv?key=hunter2", "url_secret"),
    ],
)
def test_addresses_that_are_refused(typed: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_url(typed)
    assert caught.value.code == code
    assert caught.value.field == "source"
    assert "hunter2" not in caught.value.sentence
    assert "hunter2" not in repr(caught.value.__cause__)


@pytest.mark.parametrize("code", ["url_credentials", "url_secret"])
def test_secrets_are_refused_with_what_to_do_instead(code: str) -> None:
    typed = {"url_credentials": "https://u:p@example.com/d", "url_secret": "https://example.com/d?sig=x"}[code]
    with pytest.raises(InvalidInput, match=r"[Rr]egister the storage as a datastore"):
        check_url(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "https://example.com/data.csv",
        " http://example.com/data.csv ",
        "https://example.com/d?version=2&signal=x",
        "https://bücher.example/d.csv",
        "https://example.com:8443/d.csv",
    ],
)
def test_plain_addresses_pass(typed: str) -> None:
    assert check_url(typed).host


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    shown = shown_url(URL("https://user:hunter2@example.com/d.csv?sig=hunter2#hunter2"))
    assert shown == "https://example.com/d.csv"


PRIVATE = ["127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "::1", "fc00::1", "fd12::1"]
NEVER = [
    "0.0.0.0",
    "::",
    "169.254.169.254",
    "169.254.0.1",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "240.0.0.1",
    "100.64.0.1",
    "198.18.0.1",
    "192.0.2.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "not an address",
    "",
]


@pytest.mark.parametrize("address", PRIVATE + NEVER)
def test_only_public_addresses(address: str) -> None:
    assert not allowed_address(address, allow_private=False)


@pytest.mark.parametrize("address", NEVER)
def test_some_are_never_allowed(address: str) -> None:
    assert not allowed_address(address, allow_private=True)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_networks_can_be_opened(address: str) -> None:
    assert allowed_address(address, allow_private=True)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "20.60.1.1"])
def test_public_addresses(address: str) -> None:
    assert allowed_address(address, allow_private=False)


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_in_ipv6_opens_nothing(address: ipaddress.IPv4Address) -> None:
    for prefix in ("::ffff:", "64:ff9b::", "::"):
        assert not allowed_address(f"{prefix}{address}", allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://[::1]/x",
        "http://[::ffff:169.254.169.254]/x",
        "http://169.254.169.254/latest/meta-data",
        "ftp://example.com/x",
        "http://user:pw@example.com/x",
        "http://example.com:22/x",
        "http://example.com:25/x",
    ],
)
def test_hops_that_are_refused(url: str) -> None:
    with pytest.raises(SourceProblem) as caught:
        check_hop(URL(url), allow_private=False)
    assert "pw" not in caught.value.sentence


def answering(*addresses: str) -> GuardedResolver:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return GuardedResolver(allow_private=False, resolve=resolve)


async def test_the_resolver_gives_exactly_the_checked_addresses() -> None:
    results = await answering("8.8.8.8", "2606:4700::1111").resolve("example.com", 443)
    assert [(result["host"], result["port"], result["family"]) for result in results] == [
        ("8.8.8.8", 443, socket.AF_INET),
        ("2606:4700::1111", 443, socket.AF_INET6),
    ]
    assert all(result["flags"] & socket.AI_NUMERICHOST for result in results)


async def test_one_private_address_among_others_refuses_the_name() -> None:
    with pytest.raises(RefusedError):
        await answering("8.8.8.8", "10.0.0.1").resolve("example.com", 443)


async def test_a_name_without_addresses() -> None:
    with pytest.raises(OSError, match="no address"):
        await answering().resolve("example.com", 443)
    with pytest.raises(OSError, match="no address"):
        await answering("8.8.8.8").resolve("example.com", 443, socket.AF_INET6)


def test_no_socket_is_made_for_a_refused_address() -> None:
    with pytest.raises(RefusedError):
        guarded_socket(
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("10.0.0.1", 80)), allow_private=False
        )
    made = guarded_socket(
        (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("10.0.0.1", 80)), allow_private=True
    )
    with made:
        assert not made.getblocking()
