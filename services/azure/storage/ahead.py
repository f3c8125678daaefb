"""Parts of blobs in memory: what was read lately, and what was announced, fetched ahead in few large requests.

The memory is bounded whatever the files' size: at most `CACHE_BYTES` of parts and `AHEAD_BYTES` of parts fetched
before anybody read them, some of which are the same.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

BLOCK = 64 * 1024
PIECE_BLOCKS = 64  # 4 MiB in one request
GAP_BLOCKS = 2  # a gap as small as this is fetched along, to save a request
CACHE_BYTES = 64 * 1024 * 1024
AHEAD_BYTES = 32 * 1024 * 1024
FETCHES = 6

Fetch = Callable[[int, int], bytes]
"""First byte and length -> bytes."""
_Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Part:
    """A blob as parts are kept of it. name tells it apart from others; size in bytes."""

    name: str
    size: int
    fetch: Fetch


@dataclass(slots=True)
class _Piece:
    """Blocks to be fetched by one request."""

    part: Part
    first: int
    last: int


@dataclass(slots=True)
class _State:
    blocks: OrderedDict[_Key, memoryview] = field(default_factory=OrderedDict)
    coming: dict[_Key, Future[None]] = field(default_factory=dict)
    unread: set[_Key] = field(default_factory=set)
    queue: deque[_Piece] = field(default_factory=deque)


class Ahead:
    """Shared by the files of one container; thread-safe. `close` it at the end."""

    def __init__(self, *, cache_bytes: int = CACHE_BYTES, ahead_bytes: int = AHEAD_BYTES) -> None:
        self._room = max(cache_bytes // BLOCK, 2 * PIECE_BLOCKS)  # what one request brings has to fit
        self._ahead = max(ahead_bytes // BLOCK, 1)
        self._lock = threading.Lock()
        self._state = _State()
        self._threads = ThreadPoolExecutor(FETCHES, thread_name_prefix="blob-ahead")
        self._closed = False

    def close(self) -> None:
        """Forget everything; requests under way end by themselves."""
        with self._lock:
            self._closed = True
            self._state = _State()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def read_into(self, part: Part, start: int, target: memoryview) -> None:
        """Fill `target` with the bytes from `start` on, all inside the blob. Raises what `fetch` raises."""
        position, end = start, start + len(target)
        while position < end:
            block = position // BLOCK
            view = self._block(part, block, (end - 1) // BLOCK)
            offset = position - block * BLOCK
            taken = min(len(view) - offset, end - position)
            target[position - start : position - start + taken] = view[offset : offset + taken]
            position += taken

    def announce(self, part: Part, ranges: Sequence[tuple[int, int]]) -> None:
        """(First byte, length) that will be read soon, in this order; replaces what was announced of this blob."""
        pieces = [_Piece(part, first, last) for first, last in _runs(ranges, part.size)]
        with self._lock:
            if self._closed:
                return
            state = self._state
            state.queue = deque(piece for piece in state.queue if piece.part.name != part.name)
            state.unread = {key for key in state.unread if key[0] != part.name}
            state.queue.extend(pieces)
            self._pump()

    def _block(self, part: Part, block: int, last_wanted: int) -> memoryview:
        """A block; blocks up to `last_wanted` that are missing too come with the same request."""
        key = (part.name, block)
        while True:
            with self._lock:
                state = self._state
                view = state.blocks.get(key)
                if view is not None:
                    state.blocks.move_to_end(key)
                    if key in state.unread:
                        state.unread.discard(key)
                        self._pump()
                    return view
                coming = state.coming.get(key)
                if coming is None:
                    last = block
                    while (
                        last < last_wanted and last - block < PIECE_BLOCKS - 1 and self._missing((part.name, last + 1))
                    ):
                        last += 1
                    coming = self._expect(part, block, last)
                    mine: _Piece | None = _Piece(part, block, last)
                else:
                    mine = None
            if mine is not None:
                self._fetch(mine, coming, ahead=False)
            coming.result()

    def _missing(self, key: _Key) -> bool:
        return key not in self._state.blocks and key not in self._state.coming

    def _expect(self, part: Part, first: int, last: int) -> Future[None]:
        coming: Future[None] = Future()
        for block in range(first, last + 1):
            self._state.coming[part.name, block] = coming
        return coming

    def _pump(self) -> None:
        """Start requests for what is announced, as far as there is room. Called with the lock held."""
        state = self._state
        while state.queue and not self._closed:
            piece = state.queue[0]
            while piece.first <= piece.last and not self._missing((piece.part.name, piece.first)):
                piece.first += 1
            if piece.first > piece.last:
                state.queue.popleft()
                continue
            if len(state.unread) >= self._ahead:
                return
            last = piece.first
            while (
                last < piece.last
                and last - piece.first < PIECE_BLOCKS - 1
                and self._missing((piece.part.name, last + 1))
            ):
                last += 1
            coming = self._expect(piece.part, piece.first, last)
            state.unread.update((piece.part.name, block) for block in range(piece.first, last + 1))
            self._threads.submit(self._fetch, _Piece(piece.part, piece.first, last), coming)
            piece.first = last + 1

    def _fetch(self, piece: _Piece, coming: Future[None], ahead: bool = True) -> None:
        start = piece.first * BLOCK
        length = min((piece.last + 1) * BLOCK, piece.part.size) - start
        keys = [(piece.part.name, block) for block in range(piece.first, piece.last + 1)]
        try:
            data = memoryview(piece.part.fetch(start, length))
        except BaseException as error:  # noqa: BLE001 - whoever waits for these bytes gets it
            with self._lock:
                for key in keys:
                    self._state.coming.pop(key, None)
                    self._state.unread.discard(key)
            coming.set_exception(error)
            return
        with self._lock:
            state = self._state
            for index, key in enumerate(keys):
                state.coming.pop(key, None)
                state.blocks[key] = data[index * BLOCK : (index + 1) * BLOCK]
            while len(state.blocks) > self._room:
                # What was read and not asked for again for longest; never what is still to be read, if there is other.
                old = next((key for key in state.blocks if key not in state.unread), None) or next(iter(state.blocks))
                del state.blocks[old]
                state.unread.discard(old)
        coming.set_result(None)


def _runs(ranges: Sequence[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Ranges of bytes as (first, last) block, neighbours joined, in the same order."""
    pending: tuple[int, int] | None = None
    for start, length in ranges:
        stop = min(start + length, size)
        if stop <= start:
            continue
        first, last = start // BLOCK, (stop - 1) // BLOCK
        if pending is not None and pending[0] <= first <= pending[1] + 1 + GAP_BLOCKS:
            pending = (pending[0], max(pending[1], last))
            continue
        if pending is not None:
            yield pending
        pending = (first, last)
    if pending is not None:
        yield pending
