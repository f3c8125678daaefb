"""The worker processes that read data."""

from __future__ import annotations

import os
import resource

from services.carried import Carried
from services.errors import Busy, TimedOut, Unavailable
from services.reading.lean import without_pandas
from services.reading.limits import DEFAULT_LIMITS, Limits
from services.workers import Wording, WorkerPolicy, Workers

_OUT_OF_MEMORY = Carried(
    "SourceProblem",
    "Reading this needs more memory than one reader may use. Use fewer or smaller files, or smaller row groups.",
    "out_of_memory",
)

_WORDING = Wording(
    closed=lambda: Unavailable("The bot is shutting down. Try again in a minute.", code="reader_closed"),
    busy=lambda: Busy("The bot is reading as many datasets as it can. Try again in a minute.", code="reader_busy"),
    timed_out=lambda seconds: TimedOut(
        f"Reading took longer than {seconds:.0f} seconds and was stopped. Try fewer or smaller files.",
        code="reading_timed_out",
    ),
    crashed=lambda: Unavailable(
        "The process that read the data stopped unexpectedly, perhaps for lack of memory. "
        "Try again, or with fewer or smaller files.",
        code="reader_crashed",
    ),
    interrupted=lambda: Unavailable("Reading was interrupted. Try again in a moment.", code="reader_interrupted"),
)


def start_reader(memory_bytes: int) -> None:
    """First thing in a new worker process."""
    # The system allocator gives memory back and reserves no large arenas that would count against the limit.
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    without_pandas()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class WorkerPool(Workers):
    """Workers that read data within `limits`."""

    def __init__(self, workers: int, limits: Limits = DEFAULT_LIMITS) -> None:
        policy = WorkerPolicy(
            workers=workers,
            waiting=limits.waiting,
            tasks=limits.worker_tasks,
            idle_seconds=limits.idle_seconds,
            start=start_reader,
            start_arguments=(limits.worker_bytes,),
            out_of_memory=_OUT_OF_MEMORY,
            wording=_WORDING,
        )
        super().__init__(policy)
