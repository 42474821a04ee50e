"""Windows of one person, and all that the circadian family tells of them."""

import numpy as np

from neuro_assets.science.features.circadian import CIRCADIAN
from neuro_assets.science.features.rhythm import Span

FEATURES = {f.name: f.compute for f in CIRCADIAN}
MINUTES = 1440


def told(span: Span) -> dict[str, float]:
    """Every feature of the first person."""
    return {name: float(compute(span)[0]) for name, compute in FEATURES.items()}


def span_of(values: np.ndarray, a_day: int = 24, *, begin_h: int = 0) -> Span:
    """One person's values in a row, from an hour of the clock of the first day on, with NaN around them."""
    before = np.full(begin_h * a_day // 24, np.nan)
    after = np.full(-(len(before) + len(values)) % a_day, np.nan)
    return Span(np.concatenate([before, values, after]).reshape(1, -1, a_day))
