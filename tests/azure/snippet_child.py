"""Runs snippets as a person would who pasted them, after `az login`: a child process of `test_snippets_run`.

Reads from standard input a JSON list of codes, and from the environment the service principal to be signed in as.
Prints a JSON list: what each printed, and the error it ended with, if any.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys

from azureml._base_sdk_common.common import perform_interactive_login


def main() -> None:
    """Sign in by the SDK's own copy of the command line, then run each code in a world of its own."""
    answers, own = sys.stdout, sys.stdin
    sys.stdout = sys.stderr
    perform_interactive_login(
        username=os.environ.pop("AZURE_CLIENT_ID"),
        password=os.environ.pop("AZURE_CLIENT_SECRET"),
        service_principal=True,
        tenant=os.environ.pop("AZURE_TENANT_ID"),
    )
    told = []
    for code in json.load(own):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            try:
                exec(compile(code, "snippet", "exec"), {"__name__": "__main__"})
            except Exception as error:  # noqa: BLE001 - the test reads what it was
                told.append({"error": f"{type(error).__name__}: {error}", "said": said.getvalue()})
                continue
        told.append({"error": "", "said": said.getvalue()})
    json.dump(told, answers)


if __name__ == "__main__":
    main()
