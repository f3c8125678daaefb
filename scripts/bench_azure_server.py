"""The contract server as a process of its own, arranged over its standard input, one JSON object a line.

Run by the benchmark: python -m scripts.bench_azure_server
"""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

from scripts.bench_processes import ROOT
from tests.azure.page_sizes import LIST, give_large_pages
from tests.contract import datastore_store
from tests.contract.server import AzureContract

SEVERAL = 2000
"""Datasets with several versions; all others have one."""

_LATER = """---
type: mltable
paths:
  - pattern: "azureml://datastores/main/paths/tables/{name}/{number}/*.parquet"
transformations:
  - read_parquet:
      path_column: Path
      include_path_column: false
"""

Json = dict[str, Any]
"""Questions and answers of a line: numbers, texts and objects of texts."""


class AzurePeer:
    """The process from outside. environment: what a bot on this Azure needs; workspace: its WORKSPACE."""

    def __init__(self) -> None:
        self.environment: dict[str, str] = {}
        self.workspace = ""
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.bench_azure_server"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        told = self._answer()
        self.environment, self.workspace = told["environment"], told["workspace"]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(30)

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def fill(self, count: int) -> None:
        """Arrange that many datasets, `dataset_name(0)` and so on; the first `SEVERAL` have four versions."""
        self._ask(do="fill", count=count)

    def page(self, latency: float, *, large: bool, datasets: int) -> None:
        """Answer each page of the list that many seconds later, from now on and until `answer_at_once`.

        large: make the list anew, and give as many datasets at once as are asked for, not 100 at most.
        """
        self._ask(do="page", latency=latency, large=large, count=datasets)

    def answer_late(self, seconds: float) -> None:
        """Answer every request on every host that much later, from now on."""
        self._ask(do="late", seconds=seconds)

    def answer_at_once(self) -> None:
        """As usual again; what waits is answered now."""
        self._ask(do="at once")

    def requests(self) -> tuple[int, int]:
        """(requests, those of them that asked for a page of the list of datasets) since `forget`."""
        told = self._ask(do="count")
        return int(told["requests"]), int(told["pages"])

    def forget(self) -> None:
        """Count from zero."""
        self._ask(do="forget")

    def _ask(self, **question: object) -> Json:
        assert self._process is not None
        assert self._process.stdin is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Json:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("bench: the contract server ended.")
        found: Json = json.loads(line)
        return found


def dataset_name(number: int) -> str:
    """The name of one of the datasets that `fill` arranges."""
    return f"table_{number:06d}"


def serve() -> None:
    """Until the standard input ends."""
    with AzureContract() as azure:
        azure.workspace.datastores.put(datastore_store.blob("main", "mlstorage", "data"))
        _tell({"environment": {**azure.variables(), **azure.service_principal()}, "workspace": azure.workspace.url})
        for line in sys.stdin:
            _tell(_done(azure, json.loads(line)))


def _done(azure: AzureContract, question: Json) -> Json:
    match question["do"]:
        case "fill":
            datasets = azure.workspace.datasets
            datasets.fill(question["count"])
            for name in map(dataset_name, range(min(SEVERAL, question["count"]))):
                for number in range(2, 5):
                    datasets.add(name, _LATER.format(name=name, number=number))
        case "page":
            if question["large"]:
                give_large_pages(azure).fill(question["count"])
            azure.faults.latency(question["latency"], path=LIST, method="GET")
        case "late":
            azure.faults.latency(question["seconds"])
        case "at once":
            azure.faults.clear()
        case "count":
            return {"requests": len(azure.log), "pages": len(azure.log.find("GET", "*/datasets"))}
        case "forget":
            azure.log.clear()
        case other:
            raise SystemExit(f"the contract server cannot do {other!r}")
    return {}


def _tell(answer: Json) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
