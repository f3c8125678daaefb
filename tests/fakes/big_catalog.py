"""A workspace of any size, the same every time, streamed: nothing of it is held in memory but a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from services.datasets.model import DatasetMark, DatasetSummary, DatasetType, FingerprintState


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_SUBJECTS = _listed(
    """
    sales customers orders invoices payments shipments inventory products suppliers returns clicks sessions
    visits searches campaigns leads churn retention tickets calls surveys reviews sensors telemetry weather
    flights routes vehicles trips fares stations claims policies loans transactions accounts cards fraud
    patients admissions prescriptions images documents contracts employees payroll applicants courses grades
    energy meters readings outages turbines emissions harvests prices auctions bids impressions conversions
    """
)
_QUALIFIERS = _listed(
    """
    raw clean curated daily weekly monthly hourly training validation test holdout labelled features
    embeddings aggregated deduplicated anonymised sampled full legacy experimental gold silver bronze
    snapshot archive
    """
)
_REGIONS = _listed(
    """
    emea apac nordics dach iberia benelux latam northamerica uk france germany japan india
    """
)
_TEAMS = _listed(
    """
    growth pricing risk logistics marketing finance research platform operations support quality
    """
)
_VERBS = _listed(
    """
    collected exported merged cleaned joined measured reported derived extracted simulated
    """
)
_STYLES = ("{s}-{q}-{r}-{n}", "{s}_{q}_{n}", "{S}{Q}{n}", "{r}-{s}-{q}-v{n}", "{t}_{s}_{r}_{q}_{n}")
_STATES = (FingerprintState.UNCHANGED,) * 46 + (
    FingerprintState.CHANGED,
    FingerprintState.GROWN,
    FingerprintState.VANISHED,
    FingerprintState.UNREACHABLE,
)
_SYLLABLES = _listed(
    """
    ba co da fi ga hu ka lo ma ni po qua ra si to ve wi xa yo zu ster ling ton berg
    """
)
OWNERS = tuple(f"U{number:04d}OWNER" for number in range(400))


def big_name(number: int) -> str:
    """The name of dataset `number`."""
    chance = random.Random(number)
    subject, qualifier = chance.choice(_SUBJECTS), chance.choice(_QUALIFIERS)
    parts = {"s": subject, "q": qualifier, "S": subject.title(), "Q": qualifier.title()}
    style = chance.choice(_STYLES)
    return style.format(n=number, r=chance.choice(_REGIONS), t=chance.choice(_TEAMS), **parts)


def big_dataset(number: int) -> DatasetSummary:
    """Dataset `number` with a long name, tags and a description of some forty words, a few of them rare."""
    chance = random.Random(number + 1_000_003)
    team, region = chance.choice(_TEAMS), chance.choice(_REGIONS)
    rare = "".join(chance.choices(_SYLLABLES, k=3))
    sentences = [
        f"{chance.choice(_SUBJECTS).title()} and {chance.choice(_SUBJECTS)} {chance.choice(_VERBS)} from"
        f" {chance.choice(_REGIONS)} by the {chance.choice(_TEAMS)} team for {chance.choice(_QUALIFIERS)} use."
        for _ in range(3)
    ]
    return DatasetSummary(
        name=big_name(number),
        type=DatasetType.FILE if number % 5 == 0 else DatasetType.TABULAR,
        description=" ".join(sentences) + f" Contact {rare}.",
        tags=(("team", team), ("region", region), ("pii", "yes" if number % 7 == 0 else "no")),
        owner="",
        latest_version=5,
        modified_at=datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
        deprecated=number % 40 == 0,
    )


def big_mark(number: int) -> DatasetMark:
    """Owner and state of dataset `number`; eight in a hundred are not as registered."""
    return DatasetMark(big_name(number), OWNERS[number % len(OWNERS)], _STATES[number % len(_STATES)])


def big_datasets(count: int) -> Iterator[DatasetSummary]:
    """The first `count` datasets, one at a time, oldest change first."""
    return (big_dataset(number) for number in range(count))


class BigCatalog:
    """The feed of a catalogue with `count` datasets: what the index asks a `Catalog` for."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.pages = 0
        """Pages handed out so far."""

    async def changes(self, cursor: str, limit: int = 1000) -> tuple[tuple[DatasetSummary, ...], str]:
        self.pages += 1
        start = int(cursor or 0)
        numbers: Sequence[int] = range(start, min(self.count, start + limit))
        return tuple(big_dataset(number) for number in numbers), str(start + len(numbers))


class BigRecords:
    """The feed of the records of the same datasets."""

    def __init__(self, count: int) -> None:
        self.count = count

    async def changes(self, cursor: str, limit: int = 1000) -> tuple[tuple[DatasetMark, ...], str]:
        start = int(cursor or 0)
        numbers: Sequence[int] = range(start, min(self.count, start + limit))
        return tuple(big_mark(number) for number in numbers), str(start + len(numbers))
