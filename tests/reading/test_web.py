"""Web files from a real server: what is recorded, downloaded and refused."""

from __future__ import annotations

import asyncio
import gzip
import os
import zlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from services.errors import InvalidInput, SourceProblem
from services.reading.limits import MIB, Limits
from services.reading.places import LocalFile
from services.reading.web import WebFiles

CONTENT = b"a,b\n1,2\n"
BOMB = zlib.compress(b"\x00" * (50 * MIB))


class Site:
    """A server on a free port. seen: method and path of every request."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.seen.append((request.method, path))
        match path.strip("/").split("/"):
            case ["etag.csv"]:
                return web.Response(
                    body=CONTENT, headers={"ETag": '"v1"', "Last-Modified": "Wed, 02 Jan 2013 03:04:05 GMT"}
                )
            case ["modified.csv"]:
                return web.Response(body=CONTENT, headers={"Last-Modified": "Wed, 02 Jan 2013 03:04:05 GMT"})
            case ["plain.csv"]:
                return web.Response(body=CONTENT)
            case ["no-head.csv"] if request.method == "HEAD":
                return web.Response(status=405)
            case ["no-head.csv"]:
                return web.Response(body=CONTENT, headers={"ETag": '"v2"'})
            case ["status", status]:
                return web.Response(status=int(status))
            case ["loop"]:
                return web.Response(status=302, headers={"Location": "/loop"})
            case ["hops", count]:
                step = int(count)
                where = f"/hops/{step - 1}" if step > 1 else "/etag.csv"
                return web.Response(status=307, headers={"Location": where})
            case ["to-signed"]:
                return web.Response(status=302, headers={"Location": "/etag.csv?sig=for-this-hop"})
            case ["to-metadata"]:
                return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest/"})
            case ["to-file"]:
                return web.Response(status=302, headers={"Location": "file:///etc/passwd"})
            case ["to-user"]:
                return web.Response(
                    status=302, headers={"Location": f"http://u:hunter2@127.0.0.1:{self.port}/etag.csv"}
                )
            case ["to-nonsense"]:
                return web.Response(status=302, headers={"Location": "http://["})
            case ["endless"]:
                response = web.StreamResponse()
                await response.prepare(request)
                try:
                    while True:
                        await response.write(b"x" * 65536)
                except ConnectionError:
                    return response
            case ["broken"]:
                response = web.StreamResponse(headers={"Content-Length": "1000"})
                await response.prepare(request)
                await response.write(b"x")
                assert request.transport is not None
                request.transport.close()
                return response
            case ["slow"]:
                await asyncio.sleep(5)
                return web.Response()
            case ["packed.csv"]:
                return web.Response(body=gzip.compress(CONTENT), headers={"Content-Encoding": "gzip"})
            case ["cut.csv"]:
                return web.Response(body=gzip.compress(CONTENT)[:-12], headers={"Content-Encoding": "gzip"})
            case ["bomb"]:
                return web.Response(body=BOMB, headers={"Content-Encoding": "deflate"})
            case ["brotli"]:
                return web.Response(body=CONTENT, headers={"Content-Encoding": "br"})
            case _:
                return web.Response(status=404)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[WebFiles]:
    made = WebFiles(
        tmp_path / "scratch", allow_private=True, limits=Limits(download_bytes=4 * MIB, download_seconds=1.0)
    )
    yield made
    await made.close()


async def test_stamps(site: Site, files: WebFiles) -> None:
    etag, modified, plain, no_head = await files.stamps(
        [site.url(f"/{name}.csv") for name in ("etag", "modified", "plain", "no-head")]
    )
    moment = datetime(2013, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (etag.size, etag.modified, etag.hash) == (len(CONTENT), moment, 'etag:"v1"')
    assert (modified.modified, modified.hash) == (moment, None)
    assert (plain.modified, plain.hash, plain.size) == (None, None, len(CONTENT))
    assert no_head.hash == 'etag:"v2"'
    assert ("GET", "/etag.csv") not in site.seen
    assert site.seen.count(("GET", "/no-head.csv")) == 1


async def test_downloads_are_removed_afterwards(site: Site, files: WebFiles, tmp_path: Path) -> None:
    async with files.downloaded([site.url("/plain.csv"), site.url("/packed.csv")]) as (plain, packed):
        assert content(plain) == content(packed) == CONTENT
        assert plain.path == site.url("/plain.csv")
        assert plain.size == packed.size == len(CONTENT)
    assert list((tmp_path / "scratch").iterdir()) == []


async def test_what_a_killed_process_left_behind_is_removed(site: Site, files: WebFiles, tmp_path: Path) -> None:
    recent, forgotten = tmp_path / "scratch" / "download-recent", tmp_path / "scratch" / "download-forgotten"
    for folder in (recent, forgotten):
        folder.mkdir(parents=True)
        (folder / "0").write_bytes(CONTENT)
    os.utime(forgotten, (0, 0))
    async with files.downloaded([site.url("/plain.csv")]):
        pass
    assert list((tmp_path / "scratch").iterdir()) == [recent]


def content(file: LocalFile) -> bytes:
    return Path(file.local).read_bytes()


async def problem(files: WebFiles, url: str) -> SourceProblem:
    with pytest.raises(SourceProblem) as caught:
        async with files.downloaded([url]):
            pass
    assert caught.value.field == "source"
    return caught.value


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/status/404", "url_not_found"),
        ("/status/410", "url_not_found"),
        ("/status/401", "url_not_allowed"),
        ("/status/403", "url_not_allowed"),
        ("/status/429", "url_unavailable"),
        ("/status/503", "url_unavailable"),
        ("/status/418", "url_unexpected"),
        ("/loop", "redirect_loop"),
        ("/hops/6", "redirect_loop"),
        ("/to-metadata", "url_private"),
        ("/to-file", "redirect_refused"),
        ("/to-user", "redirect_refused"),
        ("/to-nonsense", "redirect_refused"),
        ("/endless", "url_too_large"),
        ("/bomb", "url_too_large"),
        ("/broken", "url_unreachable"),
        ("/cut.csv", "url_damaged"),
        ("/brotli", "url_encoding"),
        ("/slow", "url_timeout"),
    ],
)
async def test_problems(site: Site, files: WebFiles, tmp_path: Path, path: str, code: str) -> None:
    caught = await problem(files, site.url(path))
    assert caught.code == code
    assert "hunter2" not in caught.sentence
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("path", ["/hops/5", "/to-signed"])
async def test_redirects_are_followed(site: Site, files: WebFiles, path: str) -> None:
    async with files.downloaded([site.url(path)]) as (file,):
        assert content(file) == CONTENT
        assert file.path == site.url(path)


async def test_a_bomb_is_cut_while_it_unpacks(site: Site, files: WebFiles) -> None:
    assert len(BOMB) < 100_000
    assert "larger than 4.0 MiB" in (await problem(files, site.url("/bomb"))).sentence


async def test_nobody_listens(files: WebFiles) -> None:
    caught = await problem(files, "http://127.0.0.1:9/x.csv")
    assert caught.code == "url_unreachable"


async def test_all_files_share_the_limit(site: Site, tmp_path: Path) -> None:
    small = WebFiles(tmp_path / "s", allow_private=True, limits=Limits(download_bytes=2 * len(CONTENT) - 1))
    async with small.downloaded([site.url("/plain.csv")]):
        pass
    with pytest.raises(SourceProblem, match="larger than"):
        async with small.downloaded([site.url("/plain.csv"), site.url("/etag.csv")]):
            pass
    await small.close()


async def test_too_many_or_no_addresses(files: WebFiles) -> None:
    with pytest.raises(SourceProblem, match="200 addresses at most"):
        await files.stamps(["http://example.com/x"] * 201)
    with pytest.raises(InvalidInput):
        await files.stamps([])


class Names:
    """A resolver whose answers change from one question to the next."""

    def __init__(self, *answers: Sequence[str] | OSError) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return answer


async def guarded(tmp_path: Path, names: Names, url: str) -> str:
    files = WebFiles(tmp_path / "g", allow_private=False, resolve=names)
    try:
        return (await problem(files, url)).code
    finally:
        await files.close()


async def test_names_of_private_addresses_are_refused_without_a_connection(site: Site, tmp_path: Path) -> None:
    for address in ("127.0.0.1", "10.1.2.3", "::ffff:127.0.0.1", "169.254.169.254", "::1"):
        assert await guarded(tmp_path, Names([address]), site.url("/etag.csv", "data.example.com")) == "url_private"
    assert site.seen == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"])
async def test_private_literals_are_refused_unresolved(site: Site, tmp_path: Path, host: str) -> None:
    names = Names(["8.8.8.8"])
    assert await guarded(tmp_path, names, site.url("/etag.csv", host)) == "url_private"
    assert names.asked == []
    assert site.seen == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost", "0177.0.0.1"])
async def test_other_spellings_of_loopback(site: Site, tmp_path: Path, host: str) -> None:
    """With the system's own resolver, which understands them."""
    files = WebFiles(tmp_path / "g", allow_private=False)
    assert (await problem(files, site.url("/etag.csv", host))).code in ("url_private", "url_unreachable")
    await files.close()
    assert site.seen == []


async def test_a_name_that_changes_to_a_private_address_is_refused_when_it_does(site: Site, tmp_path: Path) -> None:
    """DNS rebinding: the first look-up is harmless, the one for the next connection is not.

    Every connection resolves anew and connects only to what was just checked.
    """
    opened = Names(["127.0.0.1"], ["169.254.169.254"])
    files = WebFiles(tmp_path / "g", allow_private=True, resolve=opened)
    async with files.downloaded([site.url("/plain.csv", "rebind.example.com")]):
        pass
    await files.close()  # the connection is gone, so the name is asked for again
    assert (await problem(files, site.url("/plain.csv", "rebind.example.com"))).code == "url_private"
    assert opened.asked == ["rebind.example.com"] * 2
    assert site.seen == [("GET", "/plain.csv")]
    await files.close()


async def test_a_redirect_to_a_name_inside_is_refused(site: Site, tmp_path: Path) -> None:
    """The first hop is let through by a resolver that says where it really is; the second is a refused literal."""
    files = WebFiles(tmp_path / "g", allow_private=True, resolve=Names(["127.0.0.1"]))
    caught = await problem(files, site.url("/to-metadata", "public.example.com"))
    assert caught.code == "url_private"
    assert "169.254.169.254" in caught.sentence
    await files.close()


async def test_an_unknown_name(tmp_path: Path) -> None:
    files = WebFiles(tmp_path / "g", allow_private=False, resolve=Names(OSError("Name or service not known")))
    caught = await problem(files, "https://no-such-host.example/x.csv")
    assert caught.code == "url_unreachable"
    assert "There is no host “no-such-host.example”" in caught.sentence
    await files.close()
