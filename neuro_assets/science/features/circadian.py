"""The circadian family: how daily activity repeats, breaks up and swings, of a trailing window of days.

How each is computed beyond a line or two is in `rhythm` and `cosinor`; which window, and of which stream, is elsewhere.
"""

from math import pi, sin

import numpy as np

from neuro_assets.science.features.cosinor import fit_cosinor
from neuro_assets.science.features.model import Family, Floats, Known, ratio
from neuro_assets.science.features.rhythm import (
    LEAST_DAYS_PAIRED,
    LEAST_DAYS_SEEN,
    LEAST_SHARE_SEEN,
    Span,
    correlation_of_days,
    extreme_hours,
    interdaily_stability_ggir,
    interdaily_stability_pyactigraphy,
    intradaily_variability_pyactigraphy,
    squared_steps,
)

CIRCADIAN: Family[Span, Floats] = Family("circadian", Span)

_SAME_UNIT = "unit of the values"
_ENOUGH = (
    f"every time of the clock observed on at least {LEAST_DAYS_SEEN} days, "
    f"and {LEAST_SHARE_SEEN:.0%} of the window's values"
)
_PAIRED = f"{LEAST_DAYS_PAIRED} day's worth of pairs"
_VAN_SOMEREN_1999 = "Van Someren et al. 1999, Chronobiol Int 16:505-518"
_VAN_SOMEREN_1997 = "Van Someren et al. 1997, J Biol Rhythms 12:146-156"
_CORNELISSEN = "Cornelissen 2014, Theor Biol Med Model 11:16"
_BY_HAND = "by hand"
_BASES = ("1m", "1h")


def _two_days() -> Span:
    """Two days of hours: 0 until noon, then 1 on the first day and 3 on the second."""
    return Span(np.repeat([[[0.0, 1.0], [0.0, 3.0]]], 12, axis=2))


def _sine() -> Span:
    """A week of hours of 100 + 50 sin, whose top is at 6:00; of each the value at its middle."""
    hour = 100 + 50 * np.sin(2 * np.pi * (np.arange(24) + 0.5) / 24)
    return Span(np.tile(hour, (1, 7, 1)))


def _one_person(found: Floats) -> float:
    return float(found[0])


_TWO_DAYS, _SINE = "two days of hours: 0 until noon, then 1 and 3", "a week of 100 + 50 sin(2 pi t / 24 h), by the hour"


@CIRCADIAN.define(
    "",
    "sum over the values of (mean of its time of the clock - mean)^2 / sum over the values of (value - mean)^2",
    source=f"{_VAN_SOMEREN_1999} (variance of the mean day over the variance of the values, both with divisor N)",
    minimum=f"{_ENOUGH}; null for a constant, which has no variance to explain",
    bases=_BASES,
    ge=0,
    le=1,
    differs="With holes, a time of the clock weighs as often as it was observed, so that identical days give 1 and "
    "nothing gives more; GGIR weighs all alike, and is equal without holes. pyActigraphy's divisors n - 1 give "
    "p / (p - 1) * (N - 1) / N times this, 1.037 for a week of hours, and it binarizes unless told not to.",
    known=(
        Known(_TWO_DAYS, _BY_HAND, 2 / 3, lambda: _one_person(interdaily_stability(_two_days()))),
        Known(_SINE, "pyActigraphy test_rar: 1", 1, lambda: _one_person(interdaily_stability(_sine()))),
        Known(f"{_TWO_DAYS}; GGIR", _BY_HAND, 2 / 3, lambda: _one_person(interdaily_stability_ggir(_two_days()))),
        Known(
            f"{_TWO_DAYS}; pyActigraphy",
            "by hand: 2 / 3 * 24 / 23 * 47 / 48",
            2 / 3 * 24 / 23 * 47 / 48,
            lambda: _one_person(interdaily_stability_pyactigraphy(_two_days())),
        ),
    ),
)
def interdaily_stability(span: Span) -> Floats:
    """How alike the days are: 1 when all are the same, near 1 / days when they have nothing in common."""
    return span.told(np.minimum(ratio(span.squares_between, span.squares), 1), where=~span.is_flat)


@CIRCADIAN.define(
    "",
    "mean squared difference of neighbouring values / variance of the values (divisor N)",
    source=_VAN_SOMEREN_1999,
    minimum=f"{_ENOUGH}; {_PAIRED} of observed neighbours; null for a constant",
    bases=_BASES,
    ge=0,
    differs="Depends on the length of a step: the classic one is of hours. With holes, GGIR divides the differences "
    "that there are by the number of values - 1, and is lower; it is equal without. pyActigraphy's divisor n - 1 "
    "gives (N - 1) / N times this.",
    known=(
        Known(_TWO_DAYS, _BY_HAND, 22 / 141, lambda: _one_person(intradaily_variability(_two_days()))),
        Known(
            f"{_TWO_DAYS}; pyActigraphy",
            "by hand: 22 / 141 * 47 / 48",
            22 / 144,
            lambda: _one_person(intradaily_variability_pyactigraphy(_two_days())),
        ),
    ),
)
def intradaily_variability(span: Span) -> Floats:
    """How often and how much activity changes within the day: near 0 for a sine, near 2 for noise."""
    steps, pairs = squared_steps(span)
    is_told = ~span.is_flat & (pairs >= LEAST_DAYS_PAIRED * span.values_a_day)
    return span.told(ratio(ratio(steps, pairs) * span.n, span.squares), where=is_told)


@CIRCADIAN.define(
    "",
    "(m10 - l5) / (m10 + l5)",
    source=_VAN_SOMEREN_1997,
    minimum=f"{_ENOUGH}; null where the mean day is 0 for 24 h, or l5 is negative",
    bases=_BASES,
    ge=0,
    le=1,
    differs="pyActigraphy binarizes the values unless told not to.",
    known=(Known(_TWO_DAYS, _BY_HAND, 1, lambda: _one_person(relative_amplitude(_two_days()))),),
)
def relative_amplitude(span: Span) -> Floats:
    """How far the most active 10 hours of the mean day are from the least active 5."""
    low, high = extreme_hours(span, 5, lowest=True)[1], extreme_hours(span, 10, lowest=False)[1]
    return span.told(ratio(high - low, high + low), where=low >= 0)


@CIRCADIAN.define(
    _SAME_UNIT,
    "mean of the 5 hours in a row of the mean day whose mean is lowest; they may go on beyond midnight",
    source=_VAN_SOMEREN_1997,
    minimum=_ENOUGH,
    bases=_BASES,
    differs="GGIR tells it of each day too; the mean of those is lower.",
    known=(Known(_TWO_DAYS, _BY_HAND, 0, lambda: _one_person(l5(_two_days()))),),
)
def l5(span: Span) -> Floats:
    """Mean of the least active 5 hours of the mean day."""
    return extreme_hours(span, 5, lowest=True)[1]


@CIRCADIAN.define(
    "h",
    "hour of the clock at which the hours of l5 begin; of several that are equal, the first after 00:00",
    source=_VAN_SOMEREN_1997,
    minimum=f"{_ENOUGH}; null where the mean day is the same at all hours",
    bases=_BASES,
    ge=0,
    le=24,
    known=(Known(_TWO_DAYS, f"{_BY_HAND}; 0 to 7 are equal", 0, lambda: _one_person(l5_onset_h(_two_days()))),),
)
def l5_onset_h(span: Span) -> Floats:
    """When the least active 5 hours of the mean day begin."""
    return extreme_hours(span, 5, lowest=True)[0]


@CIRCADIAN.define(
    _SAME_UNIT,
    "mean of the 10 hours in a row of the mean day whose mean is highest; they may go on beyond midnight",
    source=_VAN_SOMEREN_1997,
    minimum=_ENOUGH,
    bases=_BASES,
    differs="GGIR tells it of each day too; the mean of those is higher.",
    known=(Known(_TWO_DAYS, _BY_HAND, 2, lambda: _one_person(m10(_two_days()))),),
)
def m10(span: Span) -> Floats:
    """Mean of the most active 10 hours of the mean day."""
    return extreme_hours(span, 10, lowest=False)[1]


@CIRCADIAN.define(
    "h",
    "hour of the clock at which the hours of m10 begin; of several that are equal, the first after 00:00",
    source=_VAN_SOMEREN_1997,
    minimum=f"{_ENOUGH}; null where the mean day is the same at all hours",
    bases=_BASES,
    ge=0,
    le=24,
    known=(Known(_TWO_DAYS, f"{_BY_HAND}; 12 to 14 are equal", 12, lambda: _one_person(m10_onset_h(_two_days()))),),
)
def m10_onset_h(span: Span) -> Floats:
    """When the most active 10 hours of the mean day begin."""
    return extreme_hours(span, 10, lowest=False)[0]


@CIRCADIAN.define(
    _SAME_UNIT,
    "M of the least-squares fit of M + A cos(2 pi (t - acrophase) / 24 h) to the observed values",
    source=_CORNELISSEN,
    minimum=_ENOUGH,
    bases=_BASES,
    differs="GGIR fits log(1 + mg) of minutes; pass the logarithm for the same.",
    known=(Known(_SINE, _BY_HAND, 100, lambda: _one_person(cosinor_mesor(_sine()))),),
)
def cosinor_mesor(span: Span) -> Floats:
    """Middle of the cosine of 24 hours through the values."""
    return fit_cosinor(span).mesor


@CIRCADIAN.define(
    _SAME_UNIT,
    "A of the same fit, at least 0",
    source=_CORNELISSEN,
    minimum=_ENOUGH,
    bases=_BASES,
    ge=0,
    differs="As cosinor_mesor.",
    known=(
        Known(_SINE, _BY_HAND, 50, lambda: _one_person(cosinor_amplitude(_sine()))),
        Known(
            _TWO_DAYS,
            "by hand: (1 / 6) / sin(pi / 24)",
            1 / 6 / sin(pi / 24),
            lambda: _one_person(cosinor_amplitude(_two_days())),
        ),
    ),
)
def cosinor_amplitude(span: Span) -> Floats:
    """How far the peak of the cosine is above its middle."""
    return fit_cosinor(span).amplitude


@CIRCADIAN.define(
    "h",
    "acrophase of the same fit, hour of the clock; a value stands for the middle of its hour or minute",
    source=_CORNELISSEN,
    minimum=f"{_ENOUGH}; null where the amplitude is 0",
    bases=_BASES,
    ge=0,
    le=24,
    differs="ActCR, and GGIR through it, put a value at the end of its step, pyActigraphy at the begin: half a step "
    "later and earlier, which is 30 minutes with hours.",
    known=(
        Known(_SINE, _BY_HAND, 6, lambda: _one_person(cosinor_acrophase_h(_sine()))),
        Known(_TWO_DAYS, _BY_HAND, 18, lambda: _one_person(cosinor_acrophase_h(_two_days()))),
    ),
)
def cosinor_acrophase_h(span: Span) -> Floats:
    """When the cosine has its peak."""
    return fit_cosinor(span).acrophase_h


@CIRCADIAN.define(
    "",
    "1 - sum of squared distances from the cosine / sum of squared distances from the mean",
    source=_CORNELISSEN,
    minimum=f"{_ENOUGH}; null for a constant",
    bases=_BASES,
    ge=0,
    le=1,
    known=(Known(_SINE, _BY_HAND, 1, lambda: _one_person(cosinor_r2(_sine()))),),
)
def cosinor_r2(span: Span) -> Floats:
    """How much of the variance of the values the cosine explains; never more than interdaily stability."""
    return fit_cosinor(span).r2


@CIRCADIAN.define(
    "",
    "Pearson correlation of the pairs of values 24 h apart that are both observed",
    source="The autocorrelation at a lag of 24 h (Box and Jenkins 1976), over pairs",
    minimum=f"{_ENOUGH}; {_PAIRED}; null where either side of the pairs is constant",
    bases=_BASES,
    ge=-1,
    le=1,
    differs="The textbook's has one mean and one variance of all values, and fewer products than squares: for n "
    "identical days it is 1 - 1 / n, and this is 1.",
    known=(Known(_TWO_DAYS, _BY_HAND, 1, lambda: _one_person(autocorrelation_24h(_two_days()))),),
)
def autocorrelation_24h(span: Span) -> Floats:
    """How much an hour is like the same hour of the day before."""
    return correlation_of_days(span)
