"""The basic structural model of many series at once, gaps allowed: a level with a slope, a season, and noise.

The signal is `level + season`: `level_t = level_(t-1) + slope_(t-1) + step`, the slope is a random walk, and a season
and the `period - 1` before it add up to a step of their own (Harvey 1989, Forecasting, Structural Time Series Models
and the Kalman Filter, 2.3.4). Meant for values of days (period 7), where a weekday is what a season is.

Nothing is known of the states before the first step. The filter is run as if they were 0, and beside it once for each
direction they may lie in; a regression over all observations then says how far (de Jong 1991, Annals of Statistics 19).
So a wide prior costs no digits, however late the first observation is.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from math import log, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.imputation.kalman import Smoothed, compiled

Float64s = NDArray[np.float64]
# The states' variance before the first step, over that of the series.
WIDE = 1e6
_AT_ONCE = 50


@dataclass(frozen=True)
class Structural:
    """The variances of N series, (N,) each.

    Attributes:
        level: of the level's steps.
        slope: of the slope's steps.
        seasonal: of the season's steps.
        noise: of the noise.
        period: steps after which a season comes again, 2 or more.

    Raises:
        ValueError: a variance is negative or not a number, a series does not vary at all, or the period is below 2.
    """

    level: Float64s
    slope: Float64s
    seasonal: Float64s
    noise: Float64s
    period: int

    def __post_init__(self) -> None:
        if self.period < 2:
            raise ValueError(f"a season comes again after 2 steps or more, not {self.period}")
        if not (self.by_series >= 0).all():
            raise ValueError("variances are 0 or more")
        if not (self.level + self.seasonal + self.noise > 0).all():
            raise ValueError("a series needs a level, a season or noise that varies")

    @cached_property
    def by_series(self) -> Float64s:
        """(N, 4): level, slope, seasonal, noise."""
        return np.column_stack([self.level, self.slope, self.seasonal, self.noise]).astype(np.float64)

    @property
    def states(self) -> int:
        """Level, slope, and the seasons of a period but one."""
        return self.period + 1


@dataclass(frozen=True)
class Beginning:
    """What is supposed of the states a step before the first value: normal around a level without slope and season.

    Attributes:
        level: (N,).
        variance: (N,), along each direction.
        directions: (states, directions); level, slope, and the seasons from that step backwards.
    """

    level: Float64s
    variance: Float64s
    directions: Float64s

    @classmethod
    def wide(cls, values: NDArray[np.floating], period: int) -> "Beginning":
        """Every state for itself, `WIDE` times as variable as the series, around its first value."""
        level, size = _first_and_size(values)
        return cls(level, WIDE * size, np.eye(period + 1))


def smooth_structural(
    values: NDArray[np.floating],
    model: Structural,
    beginning: Beginning | None = None,
    *,
    threads: int | None = None,
) -> Smoothed:
    """Mean and variance of level and season together at every step, from all observations of the series.

    Args:
        values: (N, T), NaN where nothing was observed. The result has their precision; it is computed in float64.
        model: of the N series.
        beginning: what is supposed of the first states; nearly nothing by default.
        threads: how many work at once; by default as many as there are processors.

    Returns:
        NaN where a series has no value at all; a season that was never seen has a variance near the beginning's. The
        log-likelihood is the diffuse one: as many factors as the beginning has directions do not depend on how wide it
        is (Durbin & Koopman 2012, 7.2.2).

    Raises:
        ValueError: there are not as many series in the model as there are values of.
    """
    mean, variance = np.empty_like(values), np.empty_like(values)
    return _run(values, model, beginning, mean, variance, threads)


def log_likelihood_structural(
    values: NDArray[np.floating], model: Structural, beginning: Beginning | None = None, *, threads: int | None = None
) -> Float64s:
    """The log-likelihood of each series alone, (N,); arguments as of `smooth_structural`."""
    nothing = np.empty((len(values), 0), dtype=values.dtype)
    return _run(values, model, beginning, nothing, nothing, threads).log_likelihood


def _first_and_size(values: NDArray[np.floating]) -> tuple[Float64s, Float64s]:
    """The first value of each series, and their variance; 0 and 1 where there is none or they do not differ."""
    is_there = ~np.isnan(values)
    count = np.maximum(is_there.sum(axis=1), 1)
    filled = np.where(is_there, values, 0).astype(np.float64)
    mean = filled.sum(axis=1) / count
    size = (np.where(is_there, filled - mean[:, None], 0) ** 2).sum(axis=1) / count
    first = filled[np.arange(len(values)), is_there.argmax(axis=1)] if values.shape[1] else mean
    return first, np.where(size > 0, size, 1.0)


def _run(
    values: NDArray[np.floating],
    model: Structural,
    beginning: Beginning | None,
    mean: NDArray[np.floating],
    variance: NDArray[np.floating],
    threads: int | None,
) -> Smoothed:
    if len(values) != len(model.by_series):
        raise ValueError(f"{len(values)} series, and a model of {len(model.by_series)}")
    start = beginning or Beginning.wide(values, model.period)
    kernel = _kernel()
    found, values = np.empty(len(values)), np.ascontiguousarray(values)
    directions = np.ascontiguousarray(start.directions, dtype=np.float64)
    level, wide = np.asarray(start.level, dtype=np.float64), np.asarray(start.variance, dtype=np.float64)

    def part(begin: int) -> None:
        rows = slice(begin, begin + _AT_ONCE)
        kernel(
            values[rows], model.by_series[rows], level[rows], wide[rows], directions,
            mean[rows], variance[rows], found[rows],
        )  # fmt: skip

    if len(values) <= _AT_ONCE:
        part(0)
    else:
        with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
            list(pool.map(part, range(0, len(values), _AT_ONCE)))
    return Smoothed(mean, variance, found)


@cache
def _kernel() -> Callable[..., None]:  # noqa: C901 - loops that are compiled as one
    """The compiled recursions, kept beside the module; where there is no room for a mean, they end at the likelihood.

    Durbin & Koopman 2012, 4.3 to 4.5 and 4.10, once for the observations and once for each direction. The transition
    and its transpose are written out, because most of the matrix is 0.
    """

    def recursions(  # noqa: C901
        values: Any, sizes: Any, first: Any, wide: Any, directions: Any, mean: Any, variance: Any, likelihood: Any
    ) -> None:
        count, length = values.shape
        states, ways = len(directions), 1 + directions.shape[1]
        gain, precision = np.empty((length, states)), np.empty(length)
        signal, error = np.empty((length, ways)), np.empty((length, ways))
        # The states of each way, and below them their covariance, which is turned from both sides.
        both = np.empty((ways + states, states))
        state, spread = both[:ways], both[ways:]
        weighted, miss = np.empty(states), np.empty(ways)
        square, lower, far = np.empty((ways - 1, ways - 1)), np.empty((ways - 1, ways - 1)), np.empty(ways - 1)
        for n in range(count):
            noise = sizes[n, 3]
            state[:] = 0.0
            state[0, 0] = first[n]
            for c in range(1, ways):
                for i in range(states):
                    state[c, i] = directions[i, c - 1]
            spread[:] = 0.0
            square[:] = 0.0
            far[:] = 0.0
            for j in range(ways - 1):
                square[j, j] = 1.0 / wide[n]
            total, seen = 0.0, 0
            for t in range(length):
                for c in range(ways + 2 * states):
                    if c == ways + states:
                        for i in range(states):
                            for j in range(i):
                                spread[i, j], spread[j, i] = spread[j, i], spread[i, j]
                    x = both[c if c < ways + states else c - states]
                    x[0] += x[1]
                    season = 0.0
                    for i in range(2, states):
                        season -= x[i]
                    for i in range(states - 1, 2, -1):
                        x[i] = x[i - 1]
                    x[2] = season
                for i in range(3):
                    spread[i, i] += sizes[n, i]
                for i in range(states):
                    gain[t, i] = spread[i, 0] + spread[i, 2]
                for c in range(ways):
                    signal[t, c] = state[c, 0] + state[c, 2]
                value = np.float64(values[n, t])
                precision[t] = 0.0
                if np.isnan(value):
                    continue
                each = 1.0 / (gain[t, 0] + gain[t, 2] + noise)
                seen += 1
                precision[t] = each
                for c in range(ways):
                    miss[c] = (value if c == 0 else 0.0) - signal[t, c]
                    error[t, c] = miss[c] * each
                    for i in range(states):
                        state[c, i] += gain[t, i] * error[t, c]
                for j in range(ways - 1):
                    far[j] -= miss[j + 1] * error[t, 0]
                    for k in range(ways - 1):
                        square[j, k] += miss[j + 1] * error[t, k + 1]
                for i in range(states):
                    for j in range(states):
                        spread[i, j] -= gain[t, i] * gain[t, j] * each
                total -= 0.5 * (log(2.0 * pi) - log(each) + miss[0] * error[t, 0])
            # How far the first states lie in each direction; `square` becomes L of its L L' (Cholesky), `lower` 1 / L.
            for i in range(ways - 1):
                for j in range(i + 1):
                    rest = square[i, j]
                    for k in range(j):
                        rest -= square[i, k] * square[j, k]
                    square[i, j] = sqrt(max(rest, 1e-300)) if i == j else rest / square[j, j]
                lower[i, i] = 1.0 / square[i, i]
                for j in range(i):
                    rest = 0.0
                    for k in range(j, i):
                        rest -= square[i, k] * lower[k, j]
                    lower[i, j] = rest * lower[i, i]
                total += log(lower[i, i])
            for i in range(ways - 2, -1, -1):
                rest = 0.0
                for j in range(i + 1):
                    rest += lower[i, j] * far[j]
                far[i] = rest
                total += 0.5 * rest * rest
            for i in range(ways - 1):
                rest = 0.0
                for j in range(i, ways - 1):
                    rest += lower[j, i] * far[j]
                far[i] = rest
            likelihood[n] = total if seen > 0 else 0.0
            if mean.shape[1] < length:
                continue
            if seen == 0:
                mean[n] = np.nan
                variance[n] = np.nan
                continue
            both[:] = 0.0
            for t in range(length - 1, -1, -1):
                for c in range(ways + 2 * states):
                    if c == ways + states:
                        for i in range(states):
                            for j in range(i):
                                spread[i, j], spread[j, i] = spread[j, i], spread[i, j]
                    x = both[c if c < ways + states else c - states]
                    x[1] += x[0]
                    season = x[2]
                    for i in range(2, states - 1):
                        x[i] = x[i + 1] - season
                    x[states - 1] = -season
                each = precision[t]
                if each > 0.0:
                    for c in range(ways):
                        added = error[t, c]
                        for i in range(states):
                            added -= gain[t, i] * state[c, i] * each
                        state[c, 0] += added
                        state[c, 2] += added
                    twice = 0.0
                    for i in range(states):
                        weighted[i] = 0.0
                        for j in range(states):
                            weighted[i] += spread[i, j] * gain[t, j]
                        twice += gain[t, i] * weighted[i]
                    for i in range(states):
                        for k in (0, 2):
                            spread[i, k] -= weighted[i] * each
                            spread[k, i] -= weighted[i] * each
                    for i in (0, 2):
                        for k in (0, 2):
                            spread[i, k] += each + twice * each * each
                kept = gain[t, 0] + gain[t, 2]
                for i in range(states):
                    for j in range(states):
                        kept -= gain[t, i] * spread[i, j] * gain[t, j]
                for c in range(ways):
                    for i in range(states):
                        signal[t, c] += gain[t, i] * state[c, i]
                estimate, kept = signal[t, 0], max(kept, 0.0)
                for j in range(ways - 1):
                    estimate += signal[t, j + 1] * far[j]
                    rest = 0.0
                    for k in range(j + 1):
                        rest += lower[j, k] * signal[t, k + 1]
                    kept += rest * rest
                mean[n, t] = estimate
                variance[n, t] = kept

    return compiled(recursions)


# Variances over that of the series: where a search begins, and how small or large they may be.
_STARTS = tuple(product((1e-3, 1e-2, 1e-1), (1e-9, 1e-5), (1e-5, 1e-3, 1e-1), (1e-3, 1e-1, 0.5)))
_TRIES = 2
_LEAST, _MOST = log(1e-14), log(10.0)
_APART = 1e-4


def fit_structural(values: NDArray[np.floating], period: int) -> Structural:
    """The variances under which each series is most likely.

    All starts are tried on all series in one batch; from the best of a series' own it goes uphill by quasi-Newton steps
    of the variances' logarithms (L-BFGS-B), 9 models a batch for a gradient. A variance that the series has no use for
    ends near 1e-14 of its own, which is to say 0.

    Args:
        values: (N, T), NaN where nothing was observed.
        period: steps after which a season comes again.
    """
    first, size = _first_and_size(values)
    scaled = (values - first[:, None]) / np.sqrt(size)[:, None]
    starts = np.log(_STARTS)
    many = np.repeat(scaled, len(starts), axis=0)
    tried = log_likelihood_structural(many, _of(np.tile(starts, (len(scaled), 1)), period))
    order = np.argsort(-tried.reshape(len(scaled), len(starts)), axis=1, kind="stable")[:, :_TRIES]
    found = np.array([_uphill(row, starts[best], period) for row, best in zip(scaled, order, strict=True)])
    return _of(found.reshape(-1, 4) + np.log(size)[:, None], period)


def _of(logarithms: Float64s, period: int) -> Structural:
    level, slope, seasonal, noise = np.exp(logarithms).T
    return Structural(level, slope, seasonal, noise, period)


def _uphill(row: Float64s, starts: Float64s, period: int) -> Float64s:
    """The best of what is reached from each start, as logarithms (4,)."""
    from scipy.optimize import minimize

    steps = _APART * np.concatenate([np.zeros((1, 4)), np.eye(4), -np.eye(4)])
    rows = np.repeat(row[None], len(steps), axis=0)

    def downhill(place: Float64s) -> tuple[float, Float64s]:
        each = -log_likelihood_structural(rows, _of(place + steps, period))
        return each[0], (each[1:5] - each[5:]) / (2 * _APART)

    reached = [minimize(downhill, s, jac=True, method="L-BFGS-B", bounds=[(_LEAST, _MOST)] * 4) for s in starts]
    return min(reached, key=lambda r: r.fun).x
