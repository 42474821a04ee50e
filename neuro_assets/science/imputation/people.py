"""What is learned of each person before anything of theirs is filled in."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.imputation.autoregression import fit_ar1, fit_autoregressions, fit_level
from neuro_assets.science.imputation.cross import Response, fit_response, responses_without_days
from neuro_assets.science.imputation.kalman import Autoregressions
from neuro_assets.science.imputation.profile import ClockSums, Float64s, medians, profiles
from neuro_assets.science.imputation.series import Float32s, Record, Resolution

# The simple models are fitted to no more than so many of the last days.
_LIKELIHOOD_DAYS = 14


@dataclass(frozen=True)
class People:
    """Of people in one stream and resolution; the first axis is theirs.

    Attributes:
        resolution: of the series.
        days: (people,), days that were learned from.
        mean: (people,).
        clock: (people, slots), bare means by the clock.
        median: (people, 2, slots), by kind of day; NaN where nothing was seen.
        profile: (people, 2, slots), the usual value.
        deviation: how deviations from the profile hold on.
        root_profile: the usual square root.
        root_deviation: how deviations from that hold on.
        ar1: of deviations from the mean; None where nobody asked for it.
        level: the same as a random walk and noise.
        response: to the driver; None where nobody asked for it, or there is none.
    """

    resolution: Resolution
    days: NDArray[np.int64]
    mean: Float64s
    clock: Float64s
    median: Float64s
    profile: Float64s
    deviation: Autoregressions
    root_profile: Float64s
    root_deviation: Autoregressions
    ar1: Autoregressions | None
    level: Autoregressions | None
    response: Response | None = None


def _root(values: Float64s) -> Float64s:
    return np.sqrt(np.maximum(values, 0))


def learn_people(record: Record, *, with_simple: bool = True, with_response: bool = False) -> People:
    """What a record says of each of its people.

    Args:
        record: of all people.
        with_simple: the simple models as well, whose likelihoods take time to maximise.
        with_response: how they follow the record's driver as well.
    """
    resolution, slot_min = record.resolution, record.resolution.slot_min
    sums, roots = ClockSums.of(record), ClockSums.of(record, _root)
    profile, root_profile = profiles(sums, slot_min), profiles(roots, slot_min)
    mean = sums.mean
    recent = (_last_days(record) - mean[:, None]).astype(np.float32)
    count = np.maximum((~np.isnan(record.flat)).sum(axis=1), 1)
    variance = np.nansum((record.flat - mean[:, None]) ** 2, axis=1) / count
    return People(
        resolution=resolution,
        days=record.days,
        mean=mean,
        clock=sums.by_slot(),
        median=medians(record),
        profile=profile,
        deviation=fit_autoregressions(_deviations(record, record.flat, profile), record.days, resolution),
        root_profile=root_profile,
        root_deviation=fit_autoregressions(
            _deviations(record, np.sqrt(np.maximum(record.flat, 0)), root_profile), record.days, resolution
        ),
        ar1=fit_ar1(recent, variance) if with_simple else None,
        level=fit_level(recent, variance) if with_simple else None,
        response=fit_response(record) if with_response else None,
    )


def _last_days(record: Record) -> Float32s:
    """Each person's last days with a value, in order; (people, values)."""
    is_there = (~np.isnan(record.values)).any(axis=2)
    # A stable sort puts days without a value first and leaves the others in order.
    order = np.argsort(is_there, axis=1, kind="stable")[:, -_LIKELIHOOD_DAYS:]
    return np.take_along_axis(record.values, order[:, :, None], axis=1).reshape(len(record.values), -1)


def _deviations(record: Record, values: Float32s, profile: Float64s) -> Float32s:
    """(people, values)."""
    return (values - record.by_clock(profile)).astype(np.float32)


def without_days(people: People, record: Record, parts: int) -> list[People]:
    """The people as if each `parts`-th day had not been seen: part n leaves out the days n, n + parts, ...

    Means and profiles are those of the other days; how deviations hold on is hardly moved by a few days and stays.
    """
    sums, roots = ClockSums.of(record), ClockSums.of(record, _root)
    found = []
    responses = [None] * parts if people.response is None else responses_without_days(people.response, record, parts)
    for part in range(parts):
        left_out = np.arange(record.values.shape[1]) % parts == part
        rest = sums.without(ClockSums.of(record, days=left_out))
        rest_roots = roots.without(ClockSums.of(record, _root, left_out))
        found.append(
            replace(
                people,
                mean=rest.mean,
                clock=rest.by_slot(),
                profile=profiles(rest, record.resolution.slot_min),
                root_profile=profiles(rest_roots, record.resolution.slot_min),
                response=responses[part],
            )
        )
    return found
