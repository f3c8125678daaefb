"""Garbage collection that does not stop the event loop for long."""

import gc


def settle() -> None:
    """Call once everything is imported and built.

    What exists by then lives as long as the process, so it is taken out of the collector's sight: a full collection
    over a heap of all those modules stops the loop for 50 to 100 ms, several times a second under load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
