"""`python -m tests.contract`: keep a local Azure running and print the variables that lead a shell to it."""

from __future__ import annotations

import shlex
import signal
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from tests.contract import datastore_store
from tests.contract.azurite import Azurite, AzuriteMissing
from tests.contract.ca import CertificateAuthority
from tests.contract.server import AzureContract


def main() -> None:
    """Run until interrupted."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            azurite = stack.enter_context(Azurite(CertificateAuthority(folder)))
        except AzuriteMissing as missing:
            sys.stderr.write(f"{missing} Storage hosts are unknown in this run.\n")
            azurite = None
        azure = stack.enter_context(AzureContract(azurite))
        if azurite is not None:
            azure.storage.put("mlstorage", "data", "sales/january.csv", b"id,amount\n1,20\n2,30\n")
            key = azure.storage.key("mlstorage")
            azure.workspace.datastores.put(datastore_store.blob("main", "mlstorage", "data", key=key))
        for name, value in {**azure.variables(), **azure.service_principal(), "WORKSPACE": azure.workspace.url}.items():
            sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
        sys.stdout.flush()
        ended.wait()
        sys.stderr.writelines(f"{entry}\n" for entry in azure.log)
        for host in azure.log.forgive_hosts():
            sys.stderr.write(f"unknown host refused: {host}\n")


if __name__ == "__main__":
    main()
