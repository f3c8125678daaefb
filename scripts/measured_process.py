"""`python -I -S scripts/measured_process.py RESULT COMMAND…`: runs a command and writes what it used as JSON to RESULT.

{"wall": seconds, "cpu": seconds with children, "peak": bytes of resident memory at its highest, "status": exit status}.
By itself small on purpose: Linux counts the memory of whoever starts a process to the highest of that process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    """See above."""
    result, *command = sys.argv[1:]
    began = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
    found = {"wall": wall, "cpu": cpu, "peak": peak, "status": process.returncode}
    Path(result).write_text(json.dumps(found), encoding="ascii")


if __name__ == "__main__":
    main()
