"""The command line `dataset-bot`. Imports are made where they are used, so that `--version` answers at once."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bot import __version__

T = TypeVar("T")


class CommandError(Exception):
    """A command cannot be carried out. Its text is one sentence for the person at the terminal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Every failure is one sentence on standard error."""
    parsed = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = parsed.run
    try:
        return command(parsed)
    except KeyboardInterrupt:
        return 130
    except CommandError as error:
        return _fail(str(error))
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is left to write to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001  # the last door: a sentence for the person, the trace for the log
        return _fail(_explain(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dataset-bot", description="Slack chat-ops for Azure Machine Learning datasets."
    )
    parser.add_argument("--version", action="version", version=f"dataset-bot {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the bot on the Slack that the settings name")
    serve.set_defaults(run=_serve)
    demo = commands.add_parser("demo", help="run the bot with sample data and a local Slack page in the browser")
    demo.add_argument("--directory", type=Path, default=Path("var/demo"), help="where the demo keeps its data")
    demo.set_defaults(run=_demo)
    check = commands.add_parser("check", help="show all settings, test them, and say what to fix")
    check.set_defaults(run=_check)
    manifest = commands.add_parser("manifest", help="print the app manifest to give to Slack")
    transport = manifest.add_mutually_exclusive_group()
    transport.add_argument("--socket", action="store_true", help="for Socket Mode (the default)")
    transport.add_argument("--url", help="for HTTP: the public https address of the bot")
    manifest.set_defaults(run=_manifest)
    _add_policy(commands)
    _add_audit(commands)
    return parser


def _add_policy(commands: Any) -> None:  # argparse's own class for it is private
    policy = commands.add_parser("policy", help="check an access policy file, or print its JSON Schema")
    parts = policy.add_subparsers(required=True, metavar="COMMAND")
    checked = parts.add_parser("check", help="say what is wrong in a file, and which of its rules never match")
    checked.add_argument("file", type=Path)
    checked.set_defaults(run=_policy_check)
    parts.add_parser("schema", help="print the JSON Schema of the file").set_defaults(run=_policy_schema)


def _add_audit(commands: Any) -> None:
    audit = commands.add_parser("audit", help="verify or export the audit of access")
    parts = audit.add_subparsers(required=True, metavar="COMMAND")
    verified = parts.add_parser("verify", help="walk the chain of hashes and name the first entry that is wrong")
    verified.add_argument("--anchor", default="", metavar="NUMBER:HASH", help="a head that was noted earlier")
    verified.add_argument("--workspace", default="", help="one workspace of the database; all by default")
    verified.set_defaults(run=_audit_verify)
    exported = parts.add_parser("export", help="write entries of a time range, oldest first")
    exported.add_argument("--format", choices=("csv", "jsonl"), default="jsonl")
    exported.add_argument("--since", default="", help="first day (2026-03-01, UTC) or moment with time zone")
    exported.add_argument("--until", default="", help="last day, or the moment before which entries end")
    exported.add_argument("--workspace", default="", help="needed when the database holds several")
    exported.add_argument("--output", type=Path, help="a file; standard output by default")
    exported.set_defaults(run=_audit_export)


def _serve(_arguments: argparse.Namespace) -> int:
    from bot.settings import require_transport  # noqa: PLC0415

    settings = _settings()
    require_transport(settings)
    from bot.http import listen  # noqa: PLC0415
    from bot.logs import configure_logs  # noqa: PLC0415
    from bot.process import run  # noqa: PLC0415

    configure_logs(settings.log_level, settings.log_format)
    _run(run(settings, listen(settings.host, settings.port)))
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from bot.demo_data import begin  # noqa: PLC0415

    # The data are written while everything else is imported, which takes about as long.
    directory = arguments.directory.resolve()
    writing = begin(directory / "data")
    if writing is not None:
        print("Writing sample data (first start only) ...", flush=True)
    from bot.demo import run_demo  # noqa: PLC0415

    _run(run_demo(directory, writing))
    return 0


def _check(_arguments: argparse.Namespace) -> int:
    from bot.check import run_check  # noqa: PLC0415

    code: int = _run(run_check(_settings(), print))
    return code


def _manifest(arguments: argparse.Namespace) -> int:
    from bot.manifest import as_yaml, for_http, for_socket_mode, read_manifest  # noqa: PLC0415

    manifest = read_manifest()
    if arguments.url is None:
        print(as_yaml(for_socket_mode(manifest)), end="")
        return 0
    if not arguments.url.startswith("https://"):
        raise CommandError("Slack only sends to https addresses; give --url https://HOST.")
    print(as_yaml(for_http(manifest, arguments.url)), end="")
    return 0


def _policy_check(arguments: argparse.Namespace) -> int:
    from bot.access_check import check_file  # noqa: PLC0415

    return check_file(arguments.file, print)


def _policy_schema(_arguments: argparse.Namespace) -> int:
    from bot.access_check import schema_text  # noqa: PLC0415

    print(schema_text(), end="")
    return 0


def _audit_verify(arguments: argparse.Namespace) -> int:
    from bot.access_audit import verify  # noqa: PLC0415

    code: int = _run(verify(_settings(), arguments.anchor, arguments.workspace, print))
    return code


def _audit_export(arguments: argparse.Namespace) -> int:
    from bot.access_audit import export, read_moment  # noqa: PLC0415

    code: int = _run(
        export(
            _settings(),
            form=arguments.format,
            since=read_moment(arguments.since),
            until=read_moment(arguments.until, end=True),
            workspace=arguments.workspace,
            output=arguments.output,
        )
    )
    return code


def _settings() -> Any:  # Settings, which is imported late
    from bot.settings import load_settings  # noqa: PLC0415

    return load_settings()


def _run(main_coroutine: Coroutine[Any, Any, T]) -> T:
    import asyncio  # noqa: PLC0415

    try:
        import uvloop  # noqa: PLC0415
    except ImportError:  # not on Windows
        return asyncio.run(main_coroutine)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main_coroutine)


def _explain(error: Exception) -> str:
    """The sentence of a failure: known ones say what to do, others give a reference that the log has with the trace."""
    from bot.failures import explain  # noqa: PLC0415

    return explain(error)


def _fail(sentence: str) -> int:
    if "bot.logs" in sys.modules:
        sys.modules["bot.logs"].flush_logs()
    print(f"dataset-bot: {sentence}", file=sys.stderr)
    return 1
