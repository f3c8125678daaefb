"""What lets the event loop answer quickly while threads and a large heap lie behind it."""

import gc
import sys

SWITCH_SECONDS = 0.001


def keep_loop_responsive() -> None:
    """Call once everything is imported and built.

    What exists by then lives as long as the process, so it is taken out of the collector's sight: a full collection
    over all those modules stops the loop for 50 to 100 ms, several times a second under load. And threads (database,
    index, log) hand the interpreter over after 1 ms instead of 5.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    sys.setswitchinterval(SWITCH_SECONDS)
