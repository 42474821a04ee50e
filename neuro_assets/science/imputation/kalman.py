"""The batched Kalman filter and smoother of sums of autoregressions: many series at once, gaps allowed.

A series is `y_t = a_1t + ... + a_kt + noise_t` with `a_jt = phi_j * a_j(t-1) + step_jt`: a random walk where `phi_j`
is 1 (the local level), a disturbance that fades where it is below. Recursions: Durbin & Koopman, Time Series Analysis
by State Space Methods, 2nd ed., 4.3 to 4.5 and 4.10 (missing values). Only the sum of the states is smoothed, so of
each step no more is kept than its gain.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from math import log, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]
MOST_STATES = 3
# Series that a thread takes at a time: its work space stays in the processor's cache.
_AT_ONCE = 50


@dataclass(frozen=True)
class Autoregressions:
    """The parameters of N series, each a sum of k autoregressions of order 1 and noise.

    Attributes:
        phi: (N, k), from 0 to 1.
        step: (N, k), variances of the steps.
        noise: (N,), variances of the noise.
        initial: (N, k), variances of the states before the first step, whose means are 0.
    """

    phi: Float64s
    step: Float64s
    noise: Float64s
    initial: Float64s

    def __post_init__(self) -> None:
        if not 1 <= self.phi.shape[1] <= MOST_STATES:
            raise ValueError(f"from 1 to {MOST_STATES} autoregressions, not {self.phi.shape[1]}")

    @classmethod
    def stationary(cls, phi: Float64s, variance: Float64s, noise: Float64s) -> "Autoregressions":
        """States that vary by `variance` (N, k) around 0 for ever, phi below 1."""
        return cls(phi, variance * (1 - phi**2), noise, variance)

    def of(self, rows: slice | NDArray[np.intp]) -> "Autoregressions":
        """The parameters of some of the series."""
        return Autoregressions(self.phi[rows], self.step[rows], self.noise[rows], self.initial[rows])


@dataclass(frozen=True)
class Smoothed:
    """What the observations say of the sum of the states; the noise is no part of it.

    Attributes:
        mean: (N, T).
        variance: (N, T).
        log_likelihood: (N,), of the observed values.
    """

    mean: Float32s
    variance: Float32s
    log_likelihood: Float64s


def smooth(values: NDArray[np.floating], model: Autoregressions, *, threads: int | None = None) -> Smoothed:
    """Mean and variance of the states' sum at every step, from all observations of the series.

    Args:
        values: (N, T), NaN where nothing was observed. The result has their precision; it is computed in float64.
        model: of the N series.
        threads: how many work at once; by default as many as there are processors.
    """
    mean, variance = np.empty_like(values), np.empty_like(values)
    return _run(_kernel(model.phi.shape[1], True), values, model, mean, variance, threads)


def log_likelihood(values: NDArray[np.floating], model: Autoregressions, *, threads: int | None = None) -> Float64s:
    """The log-likelihood of each series (N,); 0 where nothing was observed."""
    nothing = np.empty((len(values), 0), dtype=values.dtype)
    return _run(_kernel(model.phi.shape[1], False), values, model, nothing, nothing, threads).log_likelihood


def _run(
    kernel: Callable[..., None],
    values: NDArray[np.floating],
    model: Autoregressions,
    mean: NDArray[np.floating],
    variance: NDArray[np.floating],
    threads: int | None,
) -> Smoothed:
    if len(model.noise) != len(values):
        raise ValueError(f"{len(values)} series, and the parameters of {len(model.noise)}")
    found = np.empty(len(values))
    values = np.ascontiguousarray(values)

    def part(begin: int) -> None:
        rows = slice(begin, begin + _AT_ONCE)
        some = model.of(rows)
        kernel(
            values[rows], some.phi, some.step, some.noise, some.initial, mean[rows], variance[rows], found[rows]
        )  # fmt: skip

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        list(pool.map(part, range(0, len(values), _AT_ONCE)))
    return Smoothed(mean, variance, found)


def compiled(recursions: Callable[..., None]) -> Callable[..., None]:
    """A function compiled for threads; kept beside the module, or in NUMBA_CACHE_DIR, where that can be written to."""
    import numba

    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(recursions, cache=True, **options)
    except RuntimeError:  # nowhere to keep it: it is compiled again by the next process
        return numba.njit(recursions, **options)


@cache
def _kernel(states: int, is_smoothed: bool) -> Callable[..., None]:  # noqa: C901 - one loop over time, compiled
    """The compiled recursions for so many states."""

    def recursions(  # noqa: C901
        values: Any, phi: Any, step: Any, noise: Any, initial: Any, mean: Any, variance: Any, likelihood: Any
    ) -> None:
        count, length = values.shape
        gain, error, precision = np.empty((length, states)), np.empty(length), np.empty(length)
        level = np.empty(length)
        state, sums, backward = np.empty(states), np.empty(states), np.empty(states)
        weighted = np.empty(states)
        spread, back_spread = np.empty((states, states)), np.empty((states, states))
        for n in range(count):
            for i in range(states):
                state[i] = 0.0
                for j in range(states):
                    spread[i, j] = initial[n, i] if i == j else 0.0
            total = 0.0
            for t in range(length):
                predicted, unsure = 0.0, 0.0
                for i in range(states):
                    sums[i] = 0.0
                    for j in range(states):
                        sums[i] += spread[i, j]
                    predicted += state[i]
                    unsure += sums[i]
                if is_smoothed:
                    level[t] = predicted
                    for i in range(states):
                        gain[t, i] = sums[i]
                value = np.float64(values[n, t])
                precision[t] = 0.0
                if not np.isnan(value):
                    each = 1.0 / (unsure + noise[n])
                    miss = value - predicted
                    precision[t], error[t] = each, miss * each
                    total -= 0.5 * (log(2.0 * pi) - log(each) + miss * miss * each)
                    for i in range(states):
                        state[i] += sums[i] * miss * each
                        for j in range(states):
                            spread[i, j] -= sums[i] * sums[j] * each
                for i in range(states):
                    state[i] *= phi[n, i]
                    for j in range(states):
                        spread[i, j] *= phi[n, i] * phi[n, j]
                    spread[i, i] += step[n, i]
            likelihood[n] = total
            if not is_smoothed:
                continue
            for i in range(states):
                backward[i] = 0.0
                for j in range(states):
                    back_spread[i, j] = 0.0
            for t in range(length - 1, -1, -1):
                for i in range(states):
                    backward[i] *= phi[n, i]
                    for j in range(states):
                        back_spread[i, j] *= phi[n, i] * phi[n, j]
                each = precision[t]
                if each > 0.0:
                    along, twice = 0.0, 0.0
                    for i in range(states):
                        along += gain[t, i] * backward[i]
                        weighted[i] = 0.0
                        for j in range(states):
                            weighted[i] += back_spread[i, j] * gain[t, j]
                        twice += gain[t, i] * weighted[i]
                    added = error[t] - along * each
                    squared = each + twice * each * each
                    for i in range(states):
                        backward[i] += added
                        for j in range(states):
                            back_spread[i, j] += squared - (weighted[i] + weighted[j]) * each
                shift, kept = 0.0, 0.0
                for i in range(states):
                    shift += gain[t, i] * backward[i]
                    kept += gain[t, i]
                    for j in range(states):
                        kept -= gain[t, i] * back_spread[i, j] * gain[t, j]
                mean[n, t] = level[t] + shift
                variance[n, t] = max(kept, 0.0)

    return compiled(recursions)
