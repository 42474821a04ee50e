"""The ways to fill gaps, by name.

Each takes windows and what is known of their people, and gives an estimate (N, T) for every place, of which those in
gaps are meant; NaN where the method has none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.imputation.kalman import Autoregressions, smooth
from neuro_assets.science.imputation.people import People
from neuro_assets.science.imputation.series import Bools, Float32s, Windows

Estimate = NDArray[np.floating]
_ARIMA_ORDER = (5, 1, 0)
# The day's own values against so many hours of the usual.
_DAY_SCALE_HOURS = 1.0
# Two estimates that err alike: the weights that serve them best are steeper than their precisions.
_SURER = 4.0


@dataclass(frozen=True)
class Method:
    """A way to fill gaps.

    Attributes:
        fill: windows and people -> estimates.
        told: in plain words.
        source: where it is from.
        is_kalman: whether a state space model is behind it.
    """

    fill: Callable[[Windows, People], Estimate]
    told: str
    source: str
    is_kalman: bool = False


def _beside(windows: Windows) -> tuple[Estimate, Estimate]:
    """The last value before each place and the next one after it; NaN where there is none."""
    gaps = windows.gaps
    last = windows.values.shape[1] - 1
    before = windows.values[windows.rows, np.maximum(gaps.before, 0)]
    after = windows.values[windows.rows, np.minimum(gaps.after, last)]
    return np.where(gaps.before < 0, np.nan, before), np.where(gaps.after > last, np.nan, after)


def _along(windows: Windows) -> Estimate:
    """How far each place is on the way over its gap, above 0 and below 1; a half where one side is open."""
    gaps = windows.gaps
    length = windows.values.shape[1]
    place = np.arange(length)[None]
    along = (place - gaps.before) / np.maximum(gaps.after - gaps.before, 1)
    return np.where((gaps.before < 0) | (gaps.after >= length), 0.5, along)


def _between(before: Estimate, after: Estimate, along: Estimate) -> Estimate:
    """A straight line; of one side alone, its value."""
    before, after = np.where(np.isnan(before), after, before), np.where(np.isnan(after), before, after)
    return before * (1 - along) + after * along


def ffill(windows: Windows, people: People) -> Estimate:
    """The last value before the gap."""
    return _beside(windows)[0]


def linear(windows: Windows, people: People) -> Estimate:
    """A straight line from edge to edge; from one edge alone, its value."""
    return _between(*_beside(windows), _along(windows))


def edge_mean(windows: Windows, people: People, values: int) -> Estimate:
    """A straight line between the means of so many values on either side."""
    gaps = windows.gaps
    length = windows.values.shape[1]
    is_there = ~gaps.is_missing
    zero = np.zeros((len(windows.values), 1))
    total = np.concatenate([zero, np.cumsum(np.where(is_there, windows.values, 0), axis=1, dtype=np.float64)], axis=1)
    count = np.concatenate([zero, np.cumsum(is_there, axis=1)], axis=1)

    def mean(first: NDArray[np.integer], end: NDArray[np.integer]) -> Estimate:
        first, end = np.clip(first, 0, length), np.clip(end, 0, length)
        seen = count[windows.rows, end] - count[windows.rows, first]
        return np.where(seen > 0, (total[windows.rows, end] - total[windows.rows, first]) / np.maximum(seen, 1), np.nan)

    before, after = gaps.before + 1, gaps.after
    return _between(mean(before - values, before), mean(after, after + values), _along(windows))


def clock_mean(windows: Windows, people: People) -> Estimate:
    """The person's mean at that time of day."""
    return windows.by_clock(people.clock)


def weekday_median(windows: Windows, people: People) -> Estimate:
    """The person's median at that time on working days or at weekends; where nothing was seen then, the mean."""
    found = windows.by_clock(people.median)
    return np.where(np.isnan(found), windows.by_clock(people.clock), found)


def profile(windows: Windows, people: People) -> Estimate:
    """What is usual for the person at that time."""
    return windows.by_clock(people.profile)


def day_profile(windows: Windows, people: People) -> Estimate:
    """The usual, times how much more or less than that there is around the gap."""
    usual = profile(windows, people)
    is_there = ~windows.gaps.is_missing
    prior = _DAY_SCALE_HOURS * 60 / windows.resolution.step_min * np.abs(people.mean[windows.person])
    seen = np.where(is_there, windows.values, 0).sum(axis=1) + prior
    expected = np.where(is_there, usual, 0).sum(axis=1) + prior
    ratio = np.where(expected > 0, seen / np.where(expected > 0, expected, 1), 1.0)
    return usual * ratio[:, None]


def _smoothed(values: Estimate, model: Autoregressions) -> tuple[Float32s, Float32s]:
    found = smooth(values.astype(np.float32), model)
    return found.mean, found.variance


def _learned(model: Autoregressions | None) -> Autoregressions:
    if model is None:
        raise ValueError("the simple models were not learned: learn with_simple")
    return model


def kalman_level(windows: Windows, people: People) -> Estimate:
    """A random walk and noise."""
    mean = people.mean[windows.person][:, None]
    return mean + _smoothed(windows.values - mean, _learned(people.level).of(windows.person))[0]


def kalman_ar(windows: Windows, people: People) -> Estimate:
    """An autoregression around the person's mean, and noise."""
    mean = people.mean[windows.person][:, None]
    return mean + _smoothed(windows.values - mean, _learned(people.ar1).of(windows.person))[0]


def profile_ar(windows: Windows, people: People) -> Estimate:
    """The usual, and up to three autoregressions around it."""
    usual = profile(windows, people)
    return usual + _smoothed(windows.values - usual, people.deviation.of(windows.person))[0]


def cross_stream(windows: Windows, people: People) -> Estimate:
    """What the driver leads to expect and autoregressions around it, beside `profile_ar`: the surer one counts more.

    Where no driver was recorded, and for people without a response, `profile_ar` alone.
    """
    response, driver = people.response, windows.driver
    found, unsure = _around(windows, profile(windows, people), people.deviation)
    if response is None or driver is None:
        return found
    rows = response.is_known[windows.person] & ~np.isnan(driver).all(axis=1)
    if not rows.any():
        return found
    driven = windows.of(rows)
    added = response.to(driver[rows], driven.person, windows.resolution)
    # A value of which the driver says nothing is not known to be more or less than was to be expected.
    followed, unsure_too = _around(driven, driven.by_clock(response.usual) + added, response.deviation)
    share = 1 / (1 + (unsure_too / unsure[rows]) ** _SURER)
    usual = found[rows]
    found[rows] = np.where(np.isnan(added), usual, usual + share * (followed - usual))
    return found


def is_driven(windows: Windows, people: People) -> Bools:
    """Where `cross_stream` follows the driver, (N, T); elsewhere it is `profile_ar`, and less sure."""
    response, driver = people.response, windows.driver
    if response is None or driver is None:
        return np.zeros(windows.values.shape, dtype=np.bool_)
    added = response.to(driver, windows.person, windows.resolution)
    return response.is_known[windows.person][:, None] & ~np.isnan(added)


def _around(windows: Windows, expected: Estimate, model: Autoregressions) -> tuple[Estimate, Estimate]:
    """What is expected and how deviations from it hold on, and the variance of a value around that."""
    own = model.of(windows.person)
    mean, variance = _smoothed(windows.values - expected, own)
    return expected + mean, variance + own.noise[:, None]


def root_ar(windows: Windows, people: People) -> Estimate:
    """The same of square roots, which bursts do not pull as far; turned back to the mean."""
    usual = windows.by_clock(people.root_profile)
    model = people.root_deviation.of(windows.person)
    mean, variance = _smoothed(np.sqrt(np.maximum(windows.values, 0)) - usual, model)
    return np.maximum(usual + mean, 0) ** 2 + variance + model.noise[:, None]


def arima(windows: Windows, people: People) -> Estimate:
    """ARIMA(5,1,0) of the values before each gap, carried on; the last value where it cannot be fitted."""
    import warnings

    from statsmodels.tsa.arima.model import ARIMA

    found = ffill(windows, people).copy()
    gaps = windows.gaps
    for n, row in enumerate(windows.values):
        starts = np.flatnonzero(gaps.is_missing[n] & ~np.append(False, gaps.is_missing[n, :-1]))
        for start in starts[starts > 0]:
            end = int(gaps.after[n, start])
            history = row[:start].astype(np.float64)
            if np.isfinite(history).sum() < 5 * sum(_ARIMA_ORDER):
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    ahead = ARIMA(history, order=_ARIMA_ORDER).fit().forecast(int(end - start))
                except np.linalg.LinAlgError:
                    continue
            # On short histories a fit can run away.
            low, high = np.nanmin(history), np.nanmax(history)
            if np.isfinite(ahead).all() and (ahead >= low - (high - low)).all() and (ahead <= 2 * high - low).all():
                found[n, start:end] = ahead
    return found


METHODS: Mapping[str, Method] = {
    "ffill": Method(ffill, "the last value before the gap", "last observation carried forward"),
    "linear": Method(linear, "a straight line from edge to edge", "imputeTS na_interpolation"),
    "clock_mean": Method(clock_mean, "the person's mean at that time of day", "GGIR's rule for time not worn"),
    "weekday_median": Method(
        weekday_median, "the person's median at that time, working days and weekends apart", "common in cohort studies"
    ),
    "arima": Method(arima, "ARIMA(5,1,0) of what was before", "statsmodels"),
    "kalman_level": Method(kalman_level, "a random walk and noise, smoothed", "Durbin & Koopman 2012, ch. 2", True),
    "kalman_ar": Method(
        kalman_ar, "an autoregression around the person's mean, smoothed", "Durbin & Koopman 2012", True
    ),
    "profile_ar": Method(profile_ar, "the usual day, and how deviations from it hold on", "docs/imputation.md", True),
    "cross_stream": Method(
        cross_stream,
        "the usual day, what another stream of the same minutes says, and how deviations from both hold on",
        "docs/imputation.md",
        is_kalman=True,
    ),
}
