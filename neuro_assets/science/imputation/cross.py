"""How a series follows another one that was recorded in the same minutes, its driver: heart rate follows steps.

What belongs here is the response of each person and what it makes of a driver; deviations from that are smoothed in
`methods`. A driver of 0 was recorded; where it is NaN it was not, and says nothing of that place.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.imputation.autoregression import fit_autoregressions
from neuro_assets.science.imputation.kalman import Autoregressions, compiled
from neuro_assets.science.imputation.profile import ClockSums, profiles
from neuro_assets.science.imputation.series import Bools, Float32s, Record, Resolution

Float64s = NDArray[np.float64]
# Minutes in which half of what a minute of the driver does fades; 0 is that minute alone.
_HALF_LIVES = {1: (0.0, 2.0, 8.0, 32.0), 60: (0.0, 120.0)}
# More steps a minute than these are no more effort.
_MOST_A_MIN = 200.0
# While the driver is not seen, half of what it was like before is forgotten in so many minutes.
_FORGOTTEN_MIN = 30.0
# The share of the past, which counts half so many minutes ago, of which the driver must be known.
_REMEMBERED_MIN, _LEAST_KNOWN = {1: 8.0, 60: 120.0}, 0.5
# The driver itself, and its square root.
_TRANSFORMS = 2
# Days with both series that a person needs, own days against so many of the pool, and a share of the squares.
_LEAST_DAYS, _POOL_DAYS, _RIDGE = 0.5, 4.0, 1e-4
# Values of people whose features are in memory at a time.
_AT_ONCE = 500_000


@dataclass(frozen=True)
class Response:
    """Of people; the first axis is theirs.

    Attributes:
        is_known: (people,), whether enough of the driver was seen; if not, coefficients are 0.
        coefficients: (people, features).
        centre: (people, 2), the mean of the driver, capped, and of its square root; features are told around it.
        usual: (people, 2, slots), by kind of day: the usual value when the driver is at its mean.
        deviation: how deviations from what is expected hold on.
    """

    is_known: Bools
    coefficients: Float64s
    centre: Float64s
    usual: Float64s
    deviation: Autoregressions

    def of(self, person: slice | NDArray[np.intp]) -> "Response":
        """Those of some of the people."""
        arrays = (self.is_known[person], self.coefficients[person], self.centre[person], self.usual[person])
        return Response(*arrays, self.deviation.of(person))

    def to(self, driver: Float32s, person: NDArray[np.intp], resolution: Resolution) -> Float64s:
        """What a driver (N, T) adds to the usual of each row's person (N,).

        NaN where it was not recorded, and in the minutes after a hole until half of what was before is known again.
        """
        return _added(driver, self.coefficients[person], self.centre[person], resolution)


def fit_response(record: Record) -> Response | None:
    """How each person's values follow the driver of the record; None where nobody has enough of one.

    A ridge regression on features of the driver within each hour of the clock (hours are partialled out: Frisch & Waugh
    1933), drawn to that of all people; then, by the clock, the usual of what remains.
    """
    if record.driver is None:
        return None
    resolution, driver = record.resolution, _flat(record.driver)
    centre = _centres(driver, resolution)
    count = _TRANSFORMS * len(_HALF_LIVES[resolution.step_min])
    square, aim = np.zeros((len(driver), count, count)), np.zeros((len(driver), count))
    seen = np.zeros(len(driver))
    for rows in _chunks(driver):
        features, values = _features(driver[rows], centre[rows], resolution), record.flat[rows, :, None]
        is_both = ~np.isnan(features[:, :, 0]) & ~np.isnan(values[:, :, 0])
        around, wanted = (_within_hours(each, is_both, resolution) for each in (features, values))
        turned = around.transpose(0, 2, 1)
        square[rows], aim[rows] = turned @ around, (turned @ wanted)[:, :, 0]
        seen[rows] = is_both.sum(axis=1) / resolution.a_day
    is_known = (seen >= _LEAST_DAYS) & (square[:, 0, 0] > 0)
    if not is_known.any():
        return None
    coefficients = _coefficients(square, aim, seen, is_known)
    rest = _rest(record, is_known, _added(driver, coefficients, centre, resolution))
    usual = profiles(ClockSums.of(rest), resolution.slot_min)
    deviations = (rest.flat - rest.by_clock(usual)).astype(np.float32)
    return Response(is_known, coefficients, centre, usual, fit_autoregressions(deviations, rest.days, resolution))


def responses_without_days(response: Response, record: Record, parts: int) -> list[Response]:
    """The responses as if the usual of each `parts`-th day had not been seen; see `people.without_days`."""
    if record.driver is None:
        raise ValueError("the record has no driver: the response is of another one")
    driver = _flat(record.driver)
    added = response.to(driver, np.arange(len(driver)), record.resolution)
    rest = _rest(record, response.is_known, added)
    sums = ClockSums.of(rest)
    found = []
    for part in range(parts):
        left_out = np.arange(record.values.shape[1]) % parts == part
        others = sums.without(ClockSums.of(rest, days=left_out))
        found.append(replace(response, usual=profiles(others, record.resolution.slot_min)))
    return found


def _flat(series: Float32s) -> Float32s:
    return series.reshape(len(series), -1)


def _chunks(driver: Float32s) -> Iterator[slice]:
    at_once = max(1, _AT_ONCE // max(driver.shape[1], 1))
    return (slice(begin, begin + at_once) for begin in range(0, len(driver), at_once))


def _rest(record: Record, is_known: Bools, added: Float64s) -> Record:
    """What the driver leaves of the values; NaN where it was not recorded, and of people without a response."""
    rest = np.where(is_known[:, None], record.flat - added, np.nan).astype(np.float32)
    return Record(rest.reshape(record.values.shape), record.weekend, record.resolution)


def _transformed(driver: Float32s, resolution: Resolution) -> tuple[Float32s, Float32s]:
    """The driver by the minute, capped, and its square root; NaN stays."""
    capped = np.clip(driver / np.float32(resolution.step_min), 0, _MOST_A_MIN).astype(np.float32)
    return capped, np.sqrt(capped)


def _centres(driver: Float32s, resolution: Resolution) -> Float64s:
    """Means of what is made of it, (people, 2), drawn to those of all by a day."""
    count = (~np.isnan(driver)).sum(axis=1)
    found = []
    for each in _transformed(driver, resolution):
        total = np.nansum(each, axis=1, dtype=np.float64)
        of_all = total.sum() / max(count.sum(), 1)
        found.append((total + resolution.a_day * of_all) / (count + resolution.a_day))
    return np.stack(found, axis=1)


def _features(driver: Float32s, centre: Float64s, resolution: Resolution) -> Float32s:
    """Means over the past of what is made of the driver, around its centre: (N, T, features).

    NaN where the driver is missing, and until enough of what was before is known again.
    """
    step = resolution.step_min
    half_lives = np.array(_HALF_LIVES[step])
    keep = np.where(half_lives > 0, 0.5 ** (step / np.maximum(half_lives, 1e-9)), 0.0)
    remember, forget = 0.5 ** (step / _REMEMBERED_MIN[step]), 0.5 ** (step / _FORGOTTEN_MIN)
    found = np.empty((*driver.shape, _TRANSFORMS * len(keep)), dtype=np.float32)
    for n, each in enumerate(_transformed(driver, resolution)):
        own = slice(n * len(keep), (n + 1) * len(keep))
        _kernel()(each, centre[:, n], keep, remember, _LEAST_KNOWN, forget, found[:, :, own])
    return found


@cache
def _kernel() -> Callable[..., None]:
    def means(driver: Any, centre: Any, keep: Any, remember: Any, least: Any, forget: Any, found: Any) -> None:
        rows, length = driver.shape
        state = np.empty(len(keep))
        for n in range(rows):
            for k in range(len(keep)):
                state[k] = 0.0
            known = 0.0
            for t in range(length):
                value = driver[n, t]
                known *= remember
                if np.isnan(value):
                    for k in range(len(keep)):
                        state[k] *= forget
                        found[n, t, k] = np.nan
                    continue
                known += 1.0 - remember
                for k in range(len(keep)):
                    state[k] = keep[k] * state[k] + (1.0 - keep[k]) * (value - centre[n])
                    found[n, t, k] = state[k] if known >= least else np.nan

    return compiled(means)


def _added(driver: Float32s, coefficients: Float64s, centre: Float64s, resolution: Resolution) -> Float64s:
    found = np.empty(driver.shape)
    for rows in _chunks(driver):
        features = _features(driver[rows], centre[rows], resolution)
        found[rows] = (features @ coefficients[rows].astype(np.float32)[:, :, None])[:, :, 0]
    return found


def _within_hours(series: Float32s, is_there: Bools, resolution: Resolution) -> Float64s:
    """Series (people, values, k) around their mean of each hour of the clock; 0 where not all is there."""
    people, length, count = series.shape
    by_hour = (people, length // resolution.a_day, 24, resolution.a_day // 24)
    there = is_there.reshape(*by_hour, 1)
    values = np.where(there, series.reshape(*by_hour, count), 0).astype(np.float64)
    mean = values.sum(axis=(1, 3), keepdims=True) / np.maximum(there.sum(axis=(1, 3), keepdims=True), 1)
    return np.where(there, values - mean, 0).reshape(people, length, count)


def _coefficients(square: Float64s, aim: Float64s, days: Float64s, is_known: Bools) -> Float64s:
    """(people, features), drawn to those of all by so many days of the pool; 0 for who has none."""
    found = np.zeros(aim.shape)
    square, aim, seen = square[is_known], aim[is_known], days[is_known].sum()
    a_day = square.sum(axis=0) / seen
    a_day += np.diag(_RIDGE * np.diag(a_day) + 1e-12)
    of_all = np.linalg.solve(a_day, aim.sum(axis=0) / seen)
    own = np.linalg.solve(square + _POOL_DAYS * a_day, (aim + _POOL_DAYS * a_day @ of_all)[:, :, None])
    found[is_known] = own[:, :, 0]
    return found
