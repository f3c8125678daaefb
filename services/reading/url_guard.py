"""Which web addresses the bot may read: only public ones, without secrets in them.

Anybody who may register a dataset can make the bot fetch an address, so it must not become a way into the network the
bot runs in. An address is checked three times: as typed, as resolved, and at the moment a socket is made for it, so
that a name which resolves to something else the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import parse_qsl

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from services.errors import InvalidInput, SourceProblem
from services.reading.display import quoted

MAX_URL_LENGTH = 2048
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port -> IP addresses as text. Raises OSError if the name is not known."""

_IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Answer with credentials to whoever asks from inside a cloud; never opened, whatever the settings say.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, Google Cloud, Oracle and most others
        "169.254.170.2",  # AWS containers
        "168.63.129.16",  # Azure's host, a public-looking address
        "100.100.100.200",  # Alibaba Cloud
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # AWS over IPv6
        "fd20:ce::254",  # Google Cloud over IPv6
    )
)
# IPv6 that carries an IPv4 address inside: a public look around a private address.
_WRAPPING = tuple(
    ipaddress.ip_network(text)
    for text in (
        "::/96",  # IPv4-compatible, deprecated; has the loopback and unspecified addresses in it
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64, local use
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
    )
)
_PRIVATE_USE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "::1/128", "fc00::/7")
)
_SECRET_NAMES = frozenset(
    {
        "sig", "signature", "token", "access_token", "accesstoken", "auth", "auth_token", "authorization", "id_token",
        "refresh_token", "key", "api_key", "apikey", "api-key", "x-api-key", "subscription-key", "password", "passwd",
        "pwd", "secret", "client_secret", "sas", "sastoken", "sas_token", "credential", "credentials",
        "awsaccesskeyid", "x-amz-signature", "x-amz-credential", "x-amz-security-token", "x-goog-signature",
        "x-goog-credential", "x-oss-signature", "ossaccesskeyid", "jwt", "session", "sessionid", "private_token",
    }
)  # fmt: skip
_USUAL_PORTS = frozenset({80, 443})


class RefusedError(OSError):
    """An address behind a name may not be reached. An OSError, which is what a connector expects of a failure."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(f"{host} is at {address}, which may not be reached")
        self.host = host
        self.address = address


def shown_url(url: URL) -> str:
    """An address for a sentence: without user, password, query and fragment, which may hold secrets."""
    plain = url.with_user(None).with_query(None).with_fragment(None) if url.host else url.with_query(None)
    return plain.human_repr()


def check_url(text: str) -> URL:
    """Parse an address that a person typed. Raises InvalidInput, never repeating what may be secret."""
    typed = text.strip()
    if not typed:
        raise InvalidInput(
            "Type the address of a file, like https://example.com/data.csv.", code="url_empty", field="source"
        )
    if len(typed) > MAX_URL_LENGTH:
        raise InvalidInput(
            f"An address may have {MAX_URL_LENGTH:,} characters at most.", code="url_too_long", field="source"
        )
    if any(character.isspace() or ord(character) < 32 for character in typed):
        raise InvalidInput(
            "The address contains a space or line break. Write %20 for a space, and one address a line.",
            code="url_space",
            field="source",
        )
    try:
        url = URL(typed)
        port = url.port
    except ValueError:
        raise _not_an_address() from None
    if url.scheme not in ("http", "https"):
        raise InvalidInput(
            "Only http and https addresses can be read. For storage, register a datastore and use a path in it.",
            code="url_scheme",
            field="source",
        )
    if not url.host or port is None:
        raise _not_an_address()
    if url.user is not None or url.password is not None:
        raise InvalidInput(
            "The address contains a user name or password. Everybody who sees the dataset would see it: never put "
            "secrets in an address. Change that password, and register the storage as a datastore instead.",
            code="url_credentials",
            field="source",
        )
    if _has_secret(url):
        raise InvalidInput(
            "The address contains a signature, token or key. Everybody who sees the dataset could use it, and it stops "
            "working when it expires. Register the storage as a datastore and use a path in it instead.",
            code="url_secret",
            field="source",
        )
    return url


def _has_secret(url: URL) -> bool:
    names = {name.strip().lower() for name, _ in parse_qsl(url.raw_query_string, keep_blank_values=True)}
    # A fragment is never sent, but it is kept with the dataset like the rest.
    names |= {name.strip().lower() for name, _ in parse_qsl(url.raw_fragment, keep_blank_values=True)}
    return bool(names & _SECRET_NAMES)


def _not_an_address() -> InvalidInput:
    return InvalidInput(
        "This is not a web address. Type one like https://example.com/data.csv.", code="url_invalid", field="source"
    )


def allowed_address(text: str, *, allow_private: bool) -> bool:
    """True if the bot may connect to this IP address (text, perhaps with a zone).

    allow_private: private-use networks and loopback too; cloud metadata and link-local addresses never.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if address in _METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if allow_private and any(address in network for network in _PRIVATE_USE):
        return True
    if isinstance(address, ipaddress.IPv6Address) and any(address in network for network in _WRAPPING):
        return False
    return address.is_global and not address.is_reserved


def check_hop(url: URL, *, allow_private: bool) -> None:
    """Check what can be told of an address before connecting, on every hop of a redirect. Raises SourceProblem."""
    if url.scheme not in ("http", "https") or not url.host or url.user is not None or url.password is not None:
        raise SourceProblem(
            "The address leads on to one that cannot be read. Use the address of the file itself.",
            code="redirect_refused",
            field="source",
        )
    if _is_ip(url.host) and not allowed_address(url.host, allow_private=allow_private):
        raise refused_host(url.host)
    port = url.port or 0
    if not allow_private and port not in _USUAL_PORTS and port < 1024:
        raise SourceProblem(
            f"Port {port} is not one that web servers use. Use an address with the usual port.",
            code="url_port",
            field="source",
        )


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def refused_host(host: str) -> SourceProblem:
    """The sentence for a host that is not public."""
    return SourceProblem(
        f"{quoted(host)} is inside a private network, and the bot reads only public addresses. "
        "Copy the file to a datastore, or ask whoever runs the bot.",
        code="url_private",
        field="source",
    )


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """Addresses of a host by the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(item[4][0]) for item in found))


class GuardedResolver(AbstractResolver):
    """Resolves names for aiohttp and refuses those with any address that may not be reached.

    aiohttp connects to the very addresses returned here, so there is no second look-up that could differ.
    """

    def __init__(self, *, allow_private: bool, resolve: Resolve = system_resolve) -> None:
        self._allow_private = allow_private
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Checked addresses of a host. Raises RefusedError, OSError."""
        addresses = await self._resolve(host, port)
        if not addresses:
            raise OSError(f"no address for {host}")
        for address in addresses:
            if not allowed_address(address, allow_private=self._allow_private):
                raise RefusedError(host, address)
        results: list[ResolveResult] = []
        for address in addresses:
            version = socket.AF_INET6 if ":" in address else socket.AF_INET
            if family in (socket.AF_UNSPEC, version):
                results.append(
                    ResolveResult(
                        hostname=host,
                        host=address,
                        port=port,
                        family=version,
                        proto=socket.IPPROTO_TCP,
                        flags=socket.AI_NUMERICHOST,
                    )
                )
        if not results:
            raise OSError(f"no address of this family for {host}")
        return results

    async def close(self) -> None:
        """Nothing to close."""


def guarded_socket(address: tuple[int, int, int, str, tuple[object, ...]], *, allow_private: bool) -> socket.socket:
    """Make the socket for one resolved address, the last moment to refuse it. Raises RefusedError."""
    family, kind, protocol, _, where = address
    if not allowed_address(str(where[0]), allow_private=allow_private):
        raise RefusedError(str(where[0]), str(where[0]))
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setblocking(False)
    return made
