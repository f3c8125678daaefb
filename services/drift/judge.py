"""The verdict on each column: what is measured, against which threshold, and what more is worth knowing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.drift.comparison import ColumnDrift
from services.drift.facts import most_frequent, named_counts, shared_edges, shifts, side_facts
from services.drift.measures import NOTHING, ORDERED, Known, Pair, nearly_all_different, null_evidence
from services.drift.model import ColumnProfile, Kind
from services.drift.p_values import benjamini_hochberg
from services.drift.presets import RULES, Rules, metric_of
from services.drift.settings import CompareSettings, Correction, Metric, Preset
from services.drift.steps import Interval
from services.errors import InvalidInput

_NAMES = {
    Metric.JENSEN_SHANNON: "Jensen-Shannon distance",
    Metric.PSI: "PSI",
    Metric.HELLINGER: "Hellinger distance",
    Metric.L_INFINITY: "largest change of a share",
    Metric.KS_STATISTIC: "Kolmogorov-Smirnov statistic",
    Metric.KS_P_VALUE: "Kolmogorov-Smirnov p-value",
    Metric.WASSERSTEIN: "Wasserstein distance",
    Metric.WASSERSTEIN_NORMED: "normed Wasserstein distance",
    Metric.CHI2_P_VALUE: "chi-squared p-value",
    Metric.Z_P_VALUE: "z-test p-value",
    Metric.NULL_RATE: "change of the share of missing values",
}


@dataclass(slots=True)
class Measured:
    """A column on its way to its verdict. evidence: p-values that correction sees together, by what they speak of."""

    baseline: ColumnProfile
    target: ColumnProfile
    metric: Metric | None = None
    interval: Interval | None = None
    p_value: float | None = None
    threshold: float | None = None
    evidence: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    enough: bool = True

    @property
    def null_rate_change(self) -> float:
        """Target minus baseline."""
        return missing_rate(self.target) - missing_rate(self.baseline)


def judge(
    pairs: Sequence[tuple[ColumnProfile, ColumnProfile]], settings: CompareSettings, known: Mapping[str, Known]
) -> tuple[ColumnDrift, ...]:
    """The verdict on every pair, p-values corrected over all of them together. Raises InvalidInput."""
    measured = [_measured(mine, theirs, settings, known.get(mine.name, NOTHING)) for mine, theirs in pairs]
    correction = settings.correction or RULES[settings.preset].correction
    if correction is Correction.BENJAMINI_HOCHBERG:
        places = [(each, name) for each in measured for name in each.evidence]
        adjusted = benjamini_hochberg([each.evidence[name] for each, name in places])
        for (each, name), p in zip(places, adjusted, strict=True):
            each.evidence[name] = p
    return tuple(_verdict(each, settings) for each in measured)


def undecided(column: ColumnDrift, settings: CompareSettings) -> bool:
    """Does the verdict depend on where in its interval the exact value lies?"""
    if column.lower is None or column.upper is None or column.threshold is None or column.metric not in ORDERED:
        return False
    if Metric(column.metric).is_p_value:
        return column.lower < column.threshold <= column.upper
    if RULES[settings.preset].inclusive:
        return column.lower < column.threshold <= column.upper
    return column.lower <= column.threshold < column.upper


def missing_rate(column: ColumnProfile) -> float:
    """Share of rows that hold null or NaN; 0 without a row."""
    return (column.nulls + column.nan) / column.rows if column.rows else 0.0


def _measured(baseline: ColumnProfile, target: ColumnProfile, settings: CompareSettings, known: Known) -> Measured:
    rules = RULES[settings.preset]
    found = Measured(baseline, target)
    found.notes += _what_they_are(baseline, target)
    asked = settings.metric_for(baseline.name)
    if _null_rate_limit(settings, rules) is not None and min(baseline.rows, target.rows) >= _minimum(settings, rules):
        found.evidence["nulls"] = null_evidence(baseline, target)
    if asked is Metric.NULL_RATE:
        change = abs(found.null_rate_change)
        found.metric, found.interval = asked, Interval(change, change)
        found.p_value = null_evidence(baseline, target)
        found.threshold = settings.threshold_for(baseline.name)
        if found.threshold is None:
            found.threshold = rules.share if settings.null_rate is None else settings.null_rate
        found.evidence = {"value": found.p_value}
        return found
    if not baseline.present or not target.present or baseline.kind is Kind.EMPTY:
        return found
    if not any(side.categories or (side.numbers and side.numbers.total) for side in (baseline, target)):
        found.notes.append("Its values have no distribution; only how often it is present is compared.")
        return found
    if baseline.numbers is not None and (not baseline.numbers.total or not (target.numbers and target.numbers.total)):
        return found
    _measure(found, Pair(baseline, target, settings.preset, known), settings, rules, asked)
    return found


def _measure(found: Measured, pair: Pair, settings: CompareSettings, rules: Rules, asked: Metric | None) -> None:
    name = pair.baseline.name
    if asked is not None and not pair.applies(asked):
        if name in settings.metrics:
            raise InvalidInput(
                f"The {_NAMES[asked]} cannot be taken of the column {name!r} ({pair.baseline.arrow_type}).",
                code="metric_unfit",
            )
        asked = None
    if nearly_all_different(pair.baseline) and nearly_all_different(pair.target):
        found.notes.append("Nearly every text is different, as in an identifier.")
    metric = asked if asked is not None else metric_of(pair)
    if settings.all_metrics:
        found.metrics = {
            each.value: value
            for each in Metric
            if pair.applies(each) and each is not Metric.Z_P_VALUE
            if math.isfinite(value := pair.measure(each).lower if not each.is_p_value else pair.measure(each).upper)
        }
    if metric is None:
        if pair.baseline.kind is Kind.TIME:
            found.notes.append("Times move on by themselves: told by range and freshness, not compared.")
        return
    interval = pair.measure(metric)
    if not (math.isfinite(interval.lower) and math.isfinite(interval.upper)):
        found.notes.append("Its numbers are too large to be added up.")
        return
    found.metric, found.interval = metric, interval
    found.enough = min(pair.baseline.present, pair.target.present) >= _minimum(settings, rules)
    if not found.enough:
        found.notes.append(f"Fewer than {_minimum(settings, rules)} values on a side: too few for a verdict.")
    found.threshold = _threshold(pair, metric, settings, rules)
    found.p_value = pair.evidence(metric)
    if (metric.is_p_value or _significance(settings, rules)) and found.enough:
        found.evidence["value"] = found.p_value
    if pair.baseline.categories is not None and pair.binned.coarse:
        found.notes.append("Very many different texts: rare ones are counted together, by hash.")
    if pair.is_estimated(metric):
        found.notes.append("Estimated between counted edges; exact with the data at hand.")


def _threshold(pair: Pair, metric: Metric, settings: CompareSettings, rules: Rules) -> float | None:
    """As asked, or the preset's; in ours raised by what equal data of these sizes would show."""
    asked = settings.threshold_for(pair.baseline.name)
    plain = asked if asked is not None else rules.threshold(metric)
    if metric.has_unit and asked is None:
        return None
    if settings.preset is not Preset.DEFAULT or asked is not None or metric.is_p_value:
        return plain
    noise = pair.noise(metric)
    return plain + noise if metric is Metric.PSI else math.sqrt(plain**2 + noise)


def _verdict(found: Measured, settings: CompareSettings) -> ColumnDrift:
    rules = RULES[settings.preset]
    reasons: list[str] = []
    if _exceeds(found, settings, rules):
        reasons.append(_reason(found))
    if _nulls_exceed(found, settings, rules):
        before, after = missing_rate(found.baseline), missing_rate(found.target)
        reasons.append(f"Missing values went from {before:.1%} to {after:.1%} of the rows.")
    edges = shared_edges(found.baseline, found.target)
    mine, theirs = found.baseline.numbers, found.target.numbers
    drift = ColumnDrift(
        name=found.baseline.name,
        type=found.baseline.arrow_type,
        kind=found.baseline.kind.value,
        metric=None if found.metric is None else found.metric.value,
        value=None if found.interval is None else _value(found),
        lower=None if found.interval is None else found.interval.lower,
        upper=None if found.interval is None else found.interval.upper,
        p_value=found.p_value,
        threshold=found.threshold,
        drifted=bool(reasons),
        baseline=side_facts(found.baseline, edges),
        target=side_facts(found.target, edges),
        metrics=found.metrics,
        shifts={} if mine is None or theirs is None or not (mine.total and theirs.total) else shifts(mine, theirs),
        null_rate_change=found.null_rate_change,
        reasons=tuple(reasons),
        notes=tuple(found.notes),
    )
    if undecided(drift, settings):
        drift = replace(drift, notes=(*drift.notes, "The threshold lies where the exact value may be: look closer."))
    return _with_categories(drift, found)


def _exceeds(found: Measured, settings: CompareSettings, rules: Rules) -> bool:
    if found.metric is None or found.interval is None or found.threshold is None or not found.enough:
        return False
    if found.metric.is_p_value:
        return found.evidence.get("value", 1.0) < found.threshold
    value = found.interval.value
    if not (value >= found.threshold if rules.inclusive else value > found.threshold):
        return False
    level = _significance(settings, rules)
    return not level or found.evidence.get("value", 1.0) < level


def _nulls_exceed(found: Measured, settings: CompareSettings, rules: Rules) -> bool:
    limit = _null_rate_limit(settings, rules)
    if limit is None or "nulls" not in found.evidence or abs(found.null_rate_change) <= limit:
        return False
    level = _significance(settings, rules)
    return not level or found.evidence["nulls"] < level


def _value(found: Measured) -> float:
    assert found.interval is not None
    assert found.metric is not None
    return found.interval.upper if found.metric.is_p_value else found.interval.value


def _reason(found: Measured) -> str:
    assert found.metric is not None
    word = "below" if found.metric.is_p_value else "above"
    return f"The {_NAMES[found.metric]} is {_value(found):.3g}, {word} {found.threshold:.3g}."


def _with_categories(drift: ColumnDrift, found: Measured) -> ColumnDrift:
    mine, theirs = found.baseline.categories, found.target.categories
    if mine is None or theirs is None:
        return drift
    before, after = named_counts(mine), named_counts(theirs)
    new = {text: rows for text, rows in after.items() if text not in before} if mine.counts is not None else {}
    gone = {text: rows for text, rows in before.items() if text not in after}
    if theirs.counts is None and mine.counts is not None:  # only the plan's texts are known by name
        gone = {text: rows for text, rows in gone.items() if text in mine.pinned}
    return replace(drift, new_categories=most_frequent(new), gone_categories=most_frequent(gone))


def _what_they_are(baseline: ColumnProfile, target: ColumnProfile) -> list[str]:
    """Sentences for columns that hold nothing, or always the same."""
    notes = []
    for side, column in (("baseline", baseline), ("target", target)):
        if not column.rows:
            notes.append(f"The {side} has no rows.")
        elif not column.present:
            what = "null" if column.nulls == column.rows else "missing or infinite"
            notes.append(f"Every value of the {side} is {what}.")
        elif column.numbers is not None and column.numbers.total and column.numbers.minimum == column.numbers.maximum:
            notes.append(f"Every value of the {side} is the same, {column.numbers.minimum:g}.")
        elif column.categories is not None and column.categories.counts is not None:
            present = [text for text, rows in column.categories.counts.items() if rows]
            if len(present) == 1:
                notes.append(f"Every value of the {side} is the same, {present[0][:60]!r}.")
        infinite = column.plus_infinite + column.minus_infinite
        if infinite and column.present:
            notes.append(f"{infinite:,} infinite values of the {side} are in no distribution.")
    return notes


def _minimum(settings: CompareSettings, rules: Rules) -> int:
    return rules.minimum_rows if settings.minimum_rows is None else settings.minimum_rows


def _significance(settings: CompareSettings, rules: Rules) -> float:
    return rules.significance if settings.significance is None else settings.significance


def _null_rate_limit(settings: CompareSettings, rules: Rules) -> float | None:
    return rules.null_rate if settings.null_rate is None else settings.null_rate
