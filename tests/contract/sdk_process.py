"""The test's side of the child process that runs the SDKs: started, asked, and killed when it takes too long."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from tests.contract.wire import Json

__all__ = ["SdkError", "SdkProcess"]

_ROOT = Path(__file__).parents[2]


class SdkError(Exception):
    """The SDK raised: `kind` is the name of its exception's type."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text


class SdkProcess:
    """One child process with the SDKs imported; use it with `with`. Calls are those of `sdk_calls`."""

    def __init__(self, environment: Mapping[str, str], *, seconds: float = 40) -> None:
        """seconds: how long a call may take."""
        self._seconds = seconds
        self._environment = dict(environment)
        self._process: subprocess.Popen[str] | None = None
        self._noise: IO[str] | None = None

    def __enter__(self) -> Self:
        self._noise = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            # -W: the SDK's own deprecations are no matter of these tests.
            [sys.executable, "-W", "ignore", "-m", "tests.contract.sdk_child"],
            env=self._environment,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
            text=True,
        )
        try:
            self._answer(60)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        if self._noise is not None:
            self._noise.close()

    @property
    def noise(self) -> str:
        """What the SDKs printed and logged so far."""
        assert self._noise is not None
        self._noise.seek(0)
        return self._noise.read()

    def call(self, function: str, /, **arguments: Json) -> Json:
        """Have the child call a function. Raises SdkError with what the SDK raised, TimeoutError when it hangs."""
        self.send(function, **arguments)
        return self._answer(self._seconds)

    def send(self, function: str, /, **arguments: Json) -> None:
        """Start a call without waiting for its answer; the process is then good for nothing but its end."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"name": function, "arguments": arguments}) + "\n")
        self._process.stdin.flush()

    def _answer(self, seconds: float) -> Json:
        assert self._process is not None
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            raise TimeoutError(f"the SDK did not answer within {seconds} s:\n{self.noise[-2000:]}")
        line = self._process.stdout.readline()
        if not line:
            raise SdkError("ProcessEnded", self.noise[-4000:])
        answer = json.loads(line)
        if "error" in answer:
            raise SdkError(answer["error"], answer["text"])
        return cast(Json, answer["value"])
