"""The table of figures that the benchmark prints."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from scripts.bench_requests import Times, median_of


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. reference: the figure it is compared with, the plain echo's unless it says whose.

    goal: text; met: None where there is none.
    """

    what: str
    measured: str
    reference: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None
    others: float | None = None


class Table:
    """Figures as they come, and as a table at the end."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.failed: list[str] = []

    def add(self, figure: Figure) -> None:
        """Take a figure and show it at once."""
        self.figures.append(figure)
        print("  " + " | ".join(filter(None, _cells(figure))), flush=True)

    def must_be_right(self, what: str, *times: Times) -> None:
        """Figures of wrong answers mean nothing: they break the run."""
        for each in times:
            if each.failed:
                self.failed.append(f"{what}: {len(each.failed)} wrong, the first: {each.failed[0]}")

    def text(self) -> str:
        """In Markdown."""
        head = ("what", "measured", "compared with", "ratio", "goal", "met", "others used")
        rows = [head, tuple("---" for _ in head), *(_cells(figure) for figure in self.figures)]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.what,
        figure.measured,
        figure.reference,
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        figure.goal,
        {None: "", True: "yes", False: "no"}[figure.met],
        "" if figure.others is None else f"{figure.others:.0%}",
    )


def milliseconds(times: Times) -> str:
    """Median and 99th percentile."""
    return f"p50 {times.quantile(0.5):.1f} ms, p99 {times.quantile(0.99):.1f} ms"


def load_figures(rounds: list[Times]) -> str:
    """Medians over rounds, and how many a second."""
    rate = statistics.median(each.per_second for each in rounds)
    return f"p50 {median_of(rounds, 0.5):.1f} ms, p99 {median_of(rounds, 0.99):.1f} ms, {rate:,.0f}/s"
