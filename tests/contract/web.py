"""Public web servers under made-up names, for datasets that are read from https addresses."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from dataclasses import dataclass, field
from email.utils import formatdate

from tests.contract.wire import Request, Response

__all__ = ["WebFiles"]

_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


@dataclass
class WebFiles:
    """Files by host and path, with ETag, Last-Modified and byte ranges. A host exists once it has a file."""

    _files: dict[str, dict[str, tuple[bytes, float]]] = field(default_factory=dict)

    def put(self, host: str, path: str, data: bytes, *, modified: float = 1_767_225_600.0) -> str:
        """Serve these bytes; `modified` is seconds since 1970. Returns the address."""
        self._files.setdefault(host.lower(), {})[path] = (data, modified)
        return f"https://{host}{path}"

    def reset(self) -> None:
        """Forget all hosts."""
        self._files.clear()

    def remove(self, host: str, path: str) -> None:
        """Answer 404 there from now on."""
        self._files[host.lower()].pop(path, None)

    def serves(self, host: str) -> bool:
        return host in self._files

    async def answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return Response.text("only GET and HEAD", 405)
        file = self._files[request.host].get(request.path)
        if file is None:
            return Response.text("not found", 404)
        data, modified = file
        etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Type": mimetypes.guess_type(request.path)[0] or "application/octet-stream",
            "ETag": etag,
            "Last-Modified": formatdate(modified, usegmt=True),
        }
        if request.headers.get("If-None-Match") == etag:
            return Response(304, headers)
        part = _RANGE.match(request.headers.get("Range"))
        if part is None:
            return Response(200, {**headers, "Content-Length": str(len(data))}, data)
        start, end = _span(part[1], part[2], len(data))
        if start >= len(data):
            return Response(416, {**headers, "Content-Range": f"bytes */{len(data)}"})
        piece = data[start : end + 1]
        headers |= {"Content-Range": f"bytes {start}-{end}/{len(data)}", "Content-Length": str(len(piece))}
        return Response(206, headers, piece)


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    """First and last byte of a range; "-5" are the last five."""
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last) if last else size - 1, size - 1)
