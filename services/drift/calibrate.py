"""Thresholds from the baseline's own noise: how far parts of it lie from the rest without anything having drifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from services.drift.compare import compare
from services.drift.model import Profile
from services.drift.profile import merge_all
from services.drift.settings import CompareSettings, Metric
from services.errors import InvalidInput

LEAST_CHUNKS = 3
_SIGMAS = 3.0


def calibrated_thresholds(chunks: Sequence[Profile], settings: CompareSettings) -> dict[str, float]:
    """Thresholds by column, for `CompareSettings.thresholds`.

    chunks: profiles of days, files or partitions of the baseline, made with one plan. Each is compared with all the
    others together; the threshold is the mean of the metric plus three standard deviations, as NannyML takes it, and
    never less than the largest seen, so that no part of the baseline itself alarms. p-values stay as they are.
    Raises InvalidInput for fewer than three chunks.
    """
    if len(chunks) < LEAST_CHUNKS:
        raise InvalidInput(
            f"Thresholds are calibrated on at least {LEAST_CHUNKS} parts of the baseline, and it has {len(chunks)}.",
            code="too_few_chunks",
        )
    seen: dict[str, list[float]] = {}
    plain = replace(settings, thresholds={}, all_metrics=False, exact=False)
    for place, chunk in enumerate(chunks):
        rest = merge_all([*chunks[:place], *chunks[place + 1 :]])
        for column in compare(rest, chunk, plain).columns:
            if column.metric is not None and column.upper is not None and not Metric(column.metric).is_p_value:
                seen.setdefault(column.name, []).append(column.upper)
    return {
        name: max(float(np.mean(values) + _SIGMAS * np.std(values)), *values)
        for name, values in seen.items()
        if len(values) >= LEAST_CHUNKS
    }
