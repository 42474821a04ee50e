"""Features of energy: calories, metabolic equivalents and the vendor's levels of intensity, by the minute."""

import numpy as np

from neuro_assets.science.features.minutes import Minutes
from neuro_assets.science.features.model import Family, Feature, Floats, Known

_MINUTE = "a minute that counts"
_RAPIDS = "RAPIDS, Vega et al. 2021, Front Digit Health 3:769823"
_WHO = "Bull et al. 2020, Br J Sports Med 54:1451 (WHO guidelines)"
_SBRN = "Tremblay et al. 2017, Int J Behav Nutr Phys Act 14:75"
# MET from which on activity is moderate, and vigorous; up to which a minute is sedentary.
MODERATE, VIGOROUS, SEDENTARY = 3.0, 6.0, 1.5

CALORIES: Family[Minutes, Floats] = Family("calories", Minutes)
METS: Family[Minutes, Floats] = Family("mets", Minutes)
INTENSITY: Family[Minutes, Floats] = Family("intensity", Minutes)


def minutes_of(*values: float) -> Minutes:
    """Minutes of one person, for known answers."""
    return Minutes(np.array([values], dtype=np.float64), np.arange(len(values)))


@CALORIES.define("kcal", "sum", source=_RAPIDS, minimum=_MINUTE, ge=0, bases=("1m", "1h"), rapids=("sumcalories",),
                 is_trailing=True)  # fmt: skip
def total(day: Minutes) -> Floats:
    """Energy of the minutes that count, rest included."""
    return day.told(day.total)


@CALORIES.define("kcal/min", "mean", source=_RAPIDS, minimum=_MINUTE, ge=0, rapids=("avgcalories",))
def mean(day: Minutes) -> Floats:
    """Mean energy a minute."""
    return day.mean


@CALORIES.define("kcal/min", "quantile 0.05, linear between two values", source=_RAPIDS, minimum="60 minutes",
                 ge=0)  # fmt: skip
def p05(day: Minutes) -> Floats:
    """Energy a minute at rest, as the vendor estimates it: the 5 % quantile."""
    return day.told(day.quantile(0.05), 60)


def _add_mets() -> None:
    bands = (
        ("sedentary_min", f"below or at {SEDENTARY:g} MET", _SBRN, lambda d: d.values <= SEDENTARY, "sedentary"),
        ("light_min", f"above {SEDENTARY:g} and below {MODERATE:g} MET", _SBRN,
         lambda d: (d.values > SEDENTARY) & (d.values < MODERATE), "lightlyactive"),
        ("moderate_min", f"from {MODERATE:g} to below {VIGOROUS:g} MET", _WHO,
         lambda d: (d.values >= MODERATE) & (d.values < VIGOROUS), "fairlyactive"),
        ("vigorous_min", f"{VIGOROUS:g} MET or more", _WHO, lambda d: d.values >= VIGOROUS, "veryactive"),
        ("mvpa_min", f"{MODERATE:g} MET or more", _WHO, lambda d: d.values >= MODERATE, "mvpa"),
    )  # fmt: skip
    for name, span, source, chosen, rapids in bands:
        METS.add(
            Feature(
                name,
                "min",
                f"Minutes {span}.",
                f"count of minutes {span}",
                source,
                _MINUTE,
                lambda day, chosen=chosen: day.minutes_with(chosen(day)),
                ge=0,
                le=1500,
                rapids=(f"sumduration{rapids}",),
                differs="RAPIDS takes the vendor's levels, where there are any",
                is_trailing=name in {"sedentary_min", "mvpa_min"},
            )
        )


_add_mets()


@METS.define("MET min", "sum over minutes of 3 MET or more", source=_WHO, minimum=_MINUTE, ge=0, is_trailing=True,
             known=(Known("1, 3 and 7 MET", "by hand", 10, lambda: mvpa_met_min(minutes_of(1, 3, 7))[0]),))  # fmt: skip
def mvpa_met_min(day: Minutes) -> Floats:
    """Volume of moderate and vigorous activity."""
    return day.told(np.where(day.values >= MODERATE, day.filled, 0).sum(axis=1))


@METS.define("MET", "mean", source=_RAPIDS, minimum=_MINUTE, ge=0, rapids=("avgmet",))
def mean_met(day: Minutes) -> Floats:
    """Mean metabolic equivalent."""
    return day.mean


def _add_levels() -> None:
    levels = ("sedentary", "lightly active", "fairly active", "very active")
    for level, told in enumerate(levels):
        INTENSITY.add(
            Feature(
                f"{told.replace(' ', '_')}_min",
                "min",
                f"Minutes that the vendor calls {told}.",
                f"count of minutes of level {level}",
                "the vendor's levels, 0 to 3",
                _MINUTE,
                lambda day, level=level: day.minutes_with(day.values == level),
                ge=0,
                le=1500,
                rapids=(f"sumduration{told.replace(' ', '')}",),
                is_trailing=True,
            )
        )


_add_levels()


@INTENSITY.define("counts", "sum of the levels", source="the vendor's levels, 0 to 3", minimum=_MINUTE, ge=0,
                  bases=("1m", "1h"))  # fmt: skip
def total_intensity(day: Minutes) -> Floats:
    """Sum of the vendor's levels."""
    return day.told(day.total)
