"""Features of steps: amounts, cadence, bouts and how fragmented they are.

Steps of a minute are its cadence. A minute of which it is not known, or in which the device was not worn, is in none of
them: it ends a bout and is no zero.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.features.bouts import Bouts
from neuro_assets.science.features.minutes import Minutes
from neuro_assets.science.features.model import NONE, Family, Feature, Floats, Known, ratio

# Fewer steps a minute are sedentary: the default of RAPIDS.
ACTIVE_FROM = 10
BANDS = ((0, 0), (1, 19), (20, 39), (40, 59), (60, 79), (80, 99), (100, 119), (120, np.inf))
_RAPIDS = "RAPIDS, Vega et al. 2021, Front Digit Health 3:769823"
_PEAK = "Tudor-Locke et al. 2012, Prev Med 55:285"
_BANDS = "Tudor-Locke et al. 2011, Prev Med 53:178"
_DI = "Di et al. 2017, bioRxiv 182337"
_SKDH = "tests of scikit-digital-health, tests/utility/test_fragmentation_endpoints.py"
_MINUTE = "a minute that counts"


class Steps(Minutes):
    """Minutes of steps; each value is a cadence [steps/min]."""

    @cached_property
    def active(self) -> Bouts:
        """Bouts of minutes with ten steps or more."""
        return Bouts.of(self.values >= ACTIVE_FROM, self.is_there)

    @cached_property
    def sedentary(self) -> Bouts:
        """Bouts of minutes with less than ten steps."""
        return Bouts.of(self.values < ACTIVE_FROM, self.is_there)

    def highest(self, minutes: int) -> Floats:
        """(people,), mean of so many minutes with most steps, wherever they are; null with fewer."""
        if self.values.shape[1] < minutes:
            return np.full(len(self.values), NONE)
        # NaN are no candidates; as the least of all they are taken by those alone who have too few minutes.
        lowest = np.where(self.is_there, self.values, -1.0)
        top = np.partition(lowest, -minutes, axis=1)[:, -minutes:]
        return self.told(top.mean(axis=1), minutes)

    def best(self, minutes: int) -> Floats:
        """(people,), greatest mean of so many minutes side by side, all of them there; null without such."""
        if self.values.shape[1] < minutes:
            return np.full(len(self.values), NONE)
        before = np.zeros((len(self.values), self.values.shape[1] + 1))
        np.cumsum(self.filled, axis=1, out=before[:, 1:])
        seen = np.zeros(before.shape, dtype=np.int32)
        np.cumsum(self.is_there, axis=1, dtype=np.int32, out=seen[:, 1:])
        whole = seen[:, minutes:] - seen[:, :-minutes] == minutes
        sums = np.where(whole, before[:, minutes:] - before[:, :-minutes], -1.0)
        found = sums.max(axis=1)
        return np.where(found >= 0, found / minutes, NONE)

    def clock_of(self, place: NDArray[np.intp], is_any: NDArray[np.bool_] | np.bool_) -> Floats:
        """(people,), the wall clock [min] at a place; null where there is none."""
        return np.where(is_any, self.minute[place].astype(np.float64), NONE)


STEPS: Family[Steps, Floats] = Family("steps", Steps)


def day_of(*steps: float) -> Steps:
    """Minutes of one person from midnight on, for known answers."""
    return Steps(np.array([steps], dtype=np.float64), np.arange(len(steps)))


@STEPS.define(
    "count",
    "sum of the steps",
    source=_RAPIDS,
    minimum=_MINUTE,
    ge=0,
    bases=("1m", "1h"),
    rapids=("sumsteps",),
    differs="RAPIDS counts minutes in which the device was not worn as zeros",
    is_trailing=True,
    known=(Known("0, 10 and 90 steps", "by hand", 100, lambda: total(day_of(0, 10, 90))[0]),),
)
def total(day: Steps) -> Floats:
    """Steps."""
    return day.told(day.total)


@STEPS.define(
    "count/min",
    "sum of the steps / minutes that count",
    source=_RAPIDS,
    minimum=_MINUTE,
    ge=0,
    rapids=("avgsteps", "meancadence"),
    is_trailing=True,
)
def mean(day: Steps) -> Floats:
    """Mean steps a minute, minutes without a step included."""
    return day.mean


@STEPS.define(
    "count/min", "standard deviation with n - 1", source=_RAPIDS, minimum="two minutes", ge=0, rapids=("stdsteps",)
)
def sd(day: Steps) -> Floats:
    """Standard deviation of the steps a minute."""
    return day.sd


@STEPS.define("min", "wall clock of the first minute with a step, after 00:00", source=_RAPIDS, minimum="a step", ge=0,
              le=1439, rapids=("firststeptime",), is_trailing=True)  # fmt: skip
def first_step_min(day: Steps) -> Floats:
    """When the first step was."""
    walks = day.is_there & (day.values > 0)
    return day.clock_of(walks.argmax(axis=1), walks.any(axis=1)) if walks.shape[1] else day.total * NONE


@STEPS.define("min", "wall clock of the last minute with a step, after 00:00", source=_RAPIDS, minimum="a step", ge=0,
              le=1439, rapids=("laststeptime",), is_trailing=True)  # fmt: skip
def last_step_min(day: Steps) -> Floats:
    """When the last step was."""
    walks = day.is_there & (day.values > 0)
    if not walks.shape[1]:
        return day.total * NONE
    return day.clock_of(walks.shape[1] - 1 - walks[:, ::-1].argmax(axis=1), walks.any(axis=1))


@STEPS.define(
    "count/min",
    "steps / minutes with a step",
    source=_BANDS,
    minimum="a minute with a step",
    ge=1,
    rapids=("meancadence uncensored",),
    is_trailing=True,
    known=(Known("0, 10 and 90 steps", "by hand", 50, lambda: cadence_walking(day_of(0, 10, 90))[0]),),
)
def cadence_walking(day: Steps) -> Floats:
    """Mean cadence of the minutes with a step."""
    return ratio(day.total, (day.is_there & (day.values > 0)).sum(axis=1))


def _add_peaks() -> None:
    """Peaks of minutes wherever they are, and of minutes side by side."""
    for minutes in (1, 30, 60):
        STEPS.add(
            Feature(
                f"peak_{minutes}_min",
                "count/min",
                f"Peak cadence: mean of the {minutes} minutes with most steps, wherever they are."
                if minutes > 1
                else "Peak cadence: steps of the minute with most of them.",
                f"mean of the {minutes} greatest values" if minutes > 1 else "greatest value",
                _PEAK,
                f"{minutes} minutes that count" if minutes > 1 else _MINUTE,
                lambda day, minutes=minutes: day.highest(minutes),
                ge=0,
                rapids=(f"peak{minutes}cadence",),
                is_trailing=minutes == 30,
            )
        )
    for minutes in (5, 20, 30, 60):
        STEPS.add(
            Feature(
                f"best_{minutes}_min",
                "count/min",
                f"Greatest mean cadence of {minutes} minutes side by side.",
                f"greatest mean of {minutes} successive values, all of them there",
                _PEAK,
                f"{minutes} minutes side by side",
                lambda day, minutes=minutes: day.best(minutes),
                ge=0,
                rapids=(f"max{minutes}cadence",),
            )
        )


def _within(low: int, high: float) -> Callable[[Steps], Floats]:
    # A value of an aggregated minute need not be whole: a band reaches up to the next one.
    return lambda day: day.minutes_with((day.values >= low) & (day.values < high + 1))


def _add_bands() -> None:
    """Minutes by cadence."""
    for low, high in BANDS:
        name, span, rapids = f"cadence_{low}_{high:g}_min", f"with {low} to {high:g} steps", f"{low}to{high:g}"
        if not high:
            name, span = "zero_min", "without a step"
        elif high == np.inf:
            name, span, rapids = f"cadence_{low}_up_min", f"with {low} steps or more", f"above{low - 1}"
        STEPS.add(
            Feature(
                name,
                "min",
                f"Minutes {span}.",
                f"count of minutes {span}",
                _BANDS,
                _MINUTE,
                _within(low, high),
                ge=0,
                le=1500,
                rapids=(f"totalminutes{rapids}cadence",),
                differs="RAPIDS' bands overlap at their ends (pandas 1.1.5 closes both)",
                is_trailing=low == 100,
            )
        )


@dataclass(frozen=True)
class _OfBouts:
    name: str
    unit: str
    description: str
    formula: str
    minimum: str
    rapids: str
    compute: Callable[[Bouts], Floats]


_OF_BOUTS = (
    _OfBouts("bouts", "count", "Bouts", "their number", _MINUTE, "countepisode", lambda b: b.count),
    _OfBouts("min", "min", "Minutes in bouts", "sum of their lengths", _MINUTE, "sumduration", lambda b: b.total),
    _OfBouts("bout_mean_min", "min", "Mean length of bouts", "mean of their lengths", "a bout", "avgduration",
             lambda b: b.mean),
    _OfBouts("bout_max_min", "min", "Longest of the bouts", "greatest of their lengths", "a bout", "maxduration",
             lambda b: b.longest),
    _OfBouts("bout_sd_min", "min", "Spread of the lengths of bouts", "standard deviation of their lengths, n - 1",
             "two bouts", "stdduration", lambda b: b.sd),
    _OfBouts("bout_gini", "", "How unequal the lengths of bouts are", "Gini index of their lengths times n / (n - 1)",
             "two bouts", "gini", lambda b: b.gini),
)  # fmt: skip


def _add_bouts() -> None:
    """What is told of active and of sedentary bouts."""
    for kind, state in (("active", "ten steps or more"), ("sedentary", "less than ten steps")):
        for told in _OF_BOUTS:
            name = f"{kind}_{told.name}"
            STEPS.add(
                Feature(
                    name,
                    told.unit,
                    f"{told.description} of minutes with {state}.",
                    f"bouts: minutes side by side with {state}; {told.formula}",
                    _DI if told.name == "bout_gini" else _RAPIDS,
                    told.minimum,
                    lambda day, kind=kind, told=told: told.compute(getattr(day, kind)),
                    ge=0,
                    rapids=(f"{told.rapids}{kind}bout",),
                    differs="RAPIDS counts rows: it bridges minutes that are not there",
                    known=_KNOWN_OF_BOUTS.get(name, ()),
                    is_trailing=told.name in {"min", "bout_mean_min"},
                )
            )


def _as_skdh(name: str) -> float:
    """A feature of the half hour that scikit-digital-health is tested with: 1 is active."""
    lengths = ((3, 0), (7, 50), (2, 0), (3, 50), (5, 0), (3, 50), (7, 0))
    return STEPS[name].compute(day_of(*(steps for length, steps in lengths for _ in range(length))))[0]


def _known_of_skdh(name: str, expected: float, within: float = 1e-7) -> tuple[Known, ...]:
    told = "bouts of 3, 2, 5, 7 sedentary and 7, 3, 3 active minutes in turns"
    return (Known(told, _SKDH, expected, lambda: _as_skdh(name), within),)


_KNOWN_OF_BOUTS = {
    "active_bout_mean_min": _known_of_skdh("active_bout_mean_min", 13 / 3),
    "active_bout_gini": _known_of_skdh("active_bout_gini", 0.3076923),
    "sedentary_bout_mean_min": _known_of_skdh("sedentary_bout_mean_min", 17 / 4),
    "sedentary_bout_gini": _known_of_skdh("sedentary_bout_gini", 1 / 3),
}
_add_peaks()
_add_bands()
_add_bouts()


@STEPS.define(
    "1/min",
    "1 / mean length of the active bouts",
    source=_DI,
    minimum="an active bout",
    ge=0,
    le=1,
    rapids=("astp",),
    known=_known_of_skdh("active_to_sedentary", 3 / 13),
    is_trailing=True,
)
def active_to_sedentary(day: Steps) -> Floats:
    """Chance that an active minute is the last of its bout: how fragmented activity is."""
    return ratio(day.active.count, day.active.total)


@STEPS.define(
    "1/min",
    "1 / mean length of the sedentary bouts",
    source=_DI,
    minimum="a sedentary bout",
    ge=0,
    le=1,
    known=_known_of_skdh("sedentary_to_active", 4 / 17),
)
def sedentary_to_active(day: Steps) -> Floats:
    """Chance that a sedentary minute is the last of its bout."""
    return ratio(day.sedentary.count, day.sedentary.total)
