"""The child process in which the SDKs run: one call a line on standard input, one answer a line on standard output."""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    """Answer calls until standard input ends. What the SDKs print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    from tests.contract import sdk_calls

    answers.write(json.dumps({"value": "ready"}) + "\n")
    for line in sys.stdin:
        call = json.loads(line)
        try:
            answer = {"value": getattr(sdk_calls, call["name"])(**call["arguments"])}
        except Exception as error:  # noqa: BLE001 - the test is told whatever the SDK raised
            answer = {"error": type(error).__name__, "text": str(error)}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
