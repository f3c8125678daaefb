"""One worker process and its workspace: environment, sign-in, captured output. Nothing in it can ask a person.

`start` is the first thing in a new worker, `call` runs each task there.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import sys
import threading
import time
import traceback
import warnings
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar, TypeVarTuple

from services.azure.errors import Failure, failure_of, network_closed, workspace_gone
from services.azure.identity import CredentialKind, get_token, make_credential
from services.azure.redaction import redact
from services.azure.resource import AzureWorkspaceId
from services.azure.sdk.broker import TokenBroker
from services.carried import pack
from services.errors import UserError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azureml.core import Workspace

    from services.azure.sdk.rest import DatasetRest

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

OUTPUT_LIMIT = 4_000  # characters of what a call printed that are kept, the last ones
OUTPUT_FILE_LIMIT = 256 * 1024  # bytes after which a worker's output file is emptied


class InteractiveSignInError(UserError):
    """Something in the SDK wanted a person to sign in. It never may."""

    code = "interactive_sign_in"


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How workers are made. scratch: a folder of this bot's own. memory_bytes: private memory of one worker.

    answer_seconds: how long one HTTP request may wait for its answer.
    """

    workspace: AzureWorkspaceId
    credential: CredentialKind
    scratch: str
    memory_bytes: int
    answer_seconds: float

    @property
    def output_folder(self) -> Path:
        """Where each worker's output goes, in a file named by its process id."""
        return Path(self.scratch, "output")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """How a call went. value means something only where failure is None. output: what it printed and logged, redacted.

    seconds: how long it took in the worker.
    """

    value: T | None
    failure: Failure | None
    output: str
    seconds: float


class Session:
    """The workspace and the identity of one worker process."""

    def __init__(self, settings: SessionSettings) -> None:
        self.settings = settings
        self._credential: TokenCredential | None = None
        self._workspace: Workspace | None = None
        self._rest: DatasetRest | None = None
        self._opening = threading.RLock()  # `open_early` and a first call may come at the same time
        self.broker = TokenBroker(self.token)

    def credential(self) -> TokenCredential:
        """The bot's identity."""
        with self._opening:
            if self._credential is None:
                self._credential = make_credential(self.settings.credential)
            return self._credential

    def token(self, scope: str) -> tuple[str, int]:
        """A token for a scope and when it expires, in seconds since 1970. azure-identity keeps it until then."""
        try:
            found = get_token(self.credential(), scope)
        except Exception:
            self.renew_token()  # MSAL would repeat Entra's refusal from memory for a minute
            raise
        return found.token, found.expires_on

    def arm_token(self) -> str:
        """What the workspace's services take."""
        return self.token("https://management.azure.com/.default")[0]

    def workspace(self) -> Workspace:
        """The workspace as the SDK knows it; asks Resource Manager once. Raises the SDK's errors, Unavailable."""
        with self._opening:
            if self._workspace is None:
                self._workspace = self._opened()
            return self._workspace

    def _opened(self) -> Workspace:
        from azureml.core import Workspace  # noqa: PLC0415 - imported by `start` already

        from services.azure.sdk.sign_in import BotAuthentication  # noqa: PLC0415

        where = self.settings.workspace
        auth = BotAuthentication(self.token, where.subscription_id)
        with _not_the_dataset():
            opened = Workspace(where.subscription_id, where.resource_group, where.name, auth=auth)
            # The SDK swallows a Resource Manager that cannot be reached and goes on with nothing.
            if opened._workspace_autorest_object is None:
                raise network_closed("Azure Resource Manager")
            return opened

    def rest(self) -> DatasetRest:
        """The SDK's client of the workspace's services."""
        with self._opening:
            if self._rest is None:
                from services.azure.sdk.rest import DatasetRest  # noqa: PLC0415

                workspace = self.workspace()
                with _not_the_dataset():
                    self._rest = DatasetRest(self, workspace)
            return self._rest

    def open_early(self) -> None:
        """Sign in and find the workspace before anybody waits for it. What fails here is told by the first call."""
        with contextlib.suppress(Exception):
            self.rest()

    def renew_token(self) -> None:
        """Get a new token for the next request: azure-identity would keep one that was revoked."""
        self._credential = None

    def renew(self) -> None:
        """Sign in anew and ask again where the workspace is, from the next call on."""
        self._credential = self._workspace = self._rest = None
        with contextlib.suppress(FileNotFoundError):  # what the SDK's own data engine found out
            Path.home().joinpath(".azureml", ".discovery").unlink()


class OpeningFailedError(Exception):
    """The workspace cannot be opened. Told by `failure`, as `failure_of` looks for it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__("the workspace cannot be opened")
        self.failure = failure


@contextlib.contextmanager
def _not_the_dataset() -> Iterator[None]:
    """What fails within it has nothing to do with what was asked: a 404 is the workspace's, nothing was sent yet."""
    try:
        yield
    except Exception as error:
        failure = failure_of(error, _trace())
        problem = failure.problem
        if problem is not None and problem.kind == "NotFound":
            problem = pack(workspace_gone())
        unreached = problem is not None and problem.code in {"network_closed", "storage_unreachable"}
        told = replace(failure, problem=problem, maybe_done=False, down=failure.down or unreached)
        raise OpeningFailedError(told) from error


_session: Session | None = None
_output: Path | None = None
_import_trace = ""


def current() -> Session:
    """This worker's session."""
    if _session is None:
        raise RuntimeError("this process was not made by `start`")
    return _session


def start(settings: SessionSettings) -> None:
    """Make this process a worker: output caught, memory bounded, sign-in only by the bot's identity, SDK imported."""
    global _session, _output, _import_trace  # noqa: PLW0603 - one session is what a worker process is
    _output = settings.output_folder / f"{os.getpid()}.txt"
    _catch_output(_output)
    # A worker that is told to end ends: it has nothing to tidy up, and native code may keep Python's handlers waiting.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_DATA, (settings.memory_bytes, settings.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _session = Session(settings)
    os.environ.update(_environment(settings, _session.broker))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "AZUREML_IDENTITY_USE_DEVICE_CODE"):
        os.environ.pop(name, None)
    try:
        _forbid_sign_in()
        import azureml.core  # noqa: PLC0415 - takes seconds: here, where nobody waits
        import azureml.dataprep  # noqa: F401, PLC0415
    except Exception:  # noqa: BLE001 - told by the first call, which can carry it
        _import_trace = traceback.format_exc()
    else:
        threading.Thread(target=_session.open_early, name="open-early", daemon=True).start()


def call(name: str, work: Callable[[Session, *Ts], T], *arguments: *Ts) -> Answer[T]:
    """One task in this worker. name: the dataset it is about, "" for none. MemoryError leaves as it is."""
    began = time.monotonic()
    value: T | None = None
    failure: Failure | None = None
    try:
        if _import_trace:
            raise RuntimeError(f"the SDK cannot be imported\n{_import_trace}")
        value = work(current(), *arguments)
    except MemoryError:
        raise
    except (KeyboardInterrupt, SystemExit) as error:
        failure = failure_of(RuntimeError(f"the SDK ended with {type(error).__name__}"), _trace())
    except BaseException as error:  # noqa: BLE001 - the engine's panics are no Exception
        failure = failure_of(error, _trace(), name)
        if failure.status == 401:
            current().renew()
    return Answer(value, failure, _said(), time.monotonic() - began)


def ready() -> None:
    """Does nothing: that it is done tells that the worker has imported the SDK."""


def output_left_by(settings: SessionSettings, pid: int) -> str:
    """What a worker that is gone printed last, redacted; its file is removed."""
    path = settings.output_folder / f"{pid}.txt"
    try:
        text = path.read_text("utf-8", "replace")[-OUTPUT_LIMIT:]
        path.unlink()
    except OSError:
        return ""
    return redact(text, _secrets())


def _secrets() -> tuple[str, ...]:
    """Values of this process that must appear nowhere, however they are written."""
    names = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "MSI_SECRET", "IDENTITY_HEADER")
    return tuple(os.environ[name] for name in names if os.environ.get(name))


def _trace() -> str:
    return redact(traceback.format_exc(), _secrets())


def _catch_output(path: Path) -> None:
    """Everything written to standard output and error from now on, by Python or by native code, goes to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o600)
    for standard in (1, 2):
        os.dup2(fd, standard)
    os.close(fd)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
    # What these say at lower levels repeats request bodies, which hold keys.
    for noisy in ("azureml", "azure", "msal", "msrest", "urllib3", "requests", "adal"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    warnings.simplefilter("ignore")


def _said() -> str:
    """What was printed since the last call, redacted; the file is emptied."""
    sys.stdout.flush()
    sys.stderr.flush()
    if _output is None:
        return ""
    try:
        size = _output.stat().st_size
        if size == 0:
            return ""
        with _output.open("rb") as file:
            file.seek(max(0, size - OUTPUT_FILE_LIMIT))
            text = file.read().decode("utf-8", "replace")
        os.truncate(_output, 0)
    except OSError:
        return ""
    return redact(text, _secrets())[-OUTPUT_LIMIT:].strip()


def _environment(settings: SessionSettings, broker: TokenBroker) -> dict[str, str]:
    """What the SDK reads. Its data engine gets tokens from the broker, as a job on Azure's own compute would."""
    home = Path(settings.scratch, "home")
    home.mkdir(parents=True, exist_ok=True)
    real_home = os.environ.get("HOME", "")
    config = os.environ.get("AZURE_CONFIG_DIR")
    if config is None:
        # The developer's own sign-in is kept there; everything else needs no more than a place to write.
        cli = settings.credential in {CredentialKind.DEVELOPER_CLI, CredentialKind.DEFAULT} and real_home
        config = str(Path(real_home, ".azure")) if cli else str(home / ".azure")
    direct = ",".join(_direct_hosts())
    return {
        "HOME": str(home),
        "AZURE_CONFIG_DIR": config,
        "AZUREML_CURRENT_CLOUD": os.environ.get("AZUREML_CURRENT_CLOUD", "AzureCloud"),
        "AZUREML_DATA_ACCESS_INTERACT_TIMEOUT": "1",
        "AZUREML_OBO_ENABLED": "True",
        "OBO_ENDPOINT": broker.start(),
        "MSI_SECRET": os.environ.get("MSI_SECRET") or broker.secret,
        "NO_PROXY": direct,
        "no_proxy": direct,
        "BROWSER": "/bin/false",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def _direct_hosts() -> tuple[str, ...]:
    """Hosts that no proxy is asked for, this machine among them. No IPv6: the data engine panics on it."""
    given = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    hosts = [host.strip() for host in given.split(",") if host.strip() and ":" not in host.strip("[]").rstrip(":")]
    return tuple(dict.fromkeys((*hosts, "localhost", "127.0.0.1")))


def _forbid_sign_in() -> None:
    """Make every way of asking a person raise, in case the SDK finds one past the broker (it is known to)."""
    import msal  # noqa: PLC0415 - only in a worker
    from azure import identity  # noqa: PLC0415

    def refuse(*_arguments: object, **_options: object) -> NoReturn:
        raise InteractiveSignInError(
            "Azure asks for a sign-in by a person, which a bot cannot do. Its identity lacks access to this; its "
            "administrator can run dataset-bot check."
        )

    for name in ("InteractiveBrowserCredential", "DeviceCodeCredential", "UsernamePasswordCredential"):
        setattr(identity, name, refuse)
    for name in ("__init__", "acquire_token_interactive", "initiate_device_flow", "acquire_token_by_device_flow"):
        setattr(msal.PublicClientApplication, name, refuse)
    webbrowser.open = webbrowser.open_new = webbrowser.open_new_tab = refuse
