"""Features of the heart rate by the minute: level, spread, distribution, rest and zones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.features.minutes import Minutes
from neuro_assets.science.features.model import NONE, Bools, Family, Feature, Floats, Known

ZONES = ("out_of_range", "fat_burn", "cardio", "peak")
# Without a step for so long, a person is at rest.
AT_REST_AFTER_MIN = 12
_RAPIDS = "RAPIDS, Vega et al. 2021, Front Digit Health 3:769823"
_REST = "Mishra et al. 2020, Nat Biomed Eng 4:1208"
_SHANNON = "Shannon 1948, Bell Syst Tech J 27:379"
_READING = "a minute with a reading"
# Minutes with a reading from which on a distribution is told of.
LEAST_FOR_DISTRIBUTION = 60
_HIGHEST_BPM = 256


@dataclass(frozen=True, eq=False)
class HeartRate(Minutes):
    """Minutes of heart rate [bpm].

    Attributes:
        steps: (people, minutes), steps of the same minutes, NaN where they are not known; None: not read.
        zones: (people, 3), where the zones fat burn, cardio and peak begin [bpm], NaN where nobody says; or None.
    """

    steps: NDArray[np.float32] | None = None
    zones: Floats | None = None

    @property
    def at_rest(self) -> Bools:
        """(people, minutes), readings in minutes without a step whose minutes before had none either."""
        if self.steps is None:
            return np.zeros(self.values.shape, dtype=np.bool_)
        moves = np.cumsum(~(self.steps == 0), axis=1, dtype=np.int32)
        before = np.zeros_like(moves)
        before[:, AT_REST_AFTER_MIN:] = moves[:, :-AT_REST_AFTER_MIN]
        is_long = np.arange(moves.shape[1]) >= AT_REST_AFTER_MIN - 1
        return self.is_there & (moves == before) & is_long

    @property
    def bins(self) -> NDArray[np.int64]:
        """(people, bpm), minutes at each whole bpm."""
        people = len(self.values)
        bpm = np.clip(np.rint(self.filled), 0, _HIGHEST_BPM - 1).astype(np.int64)
        place = (np.arange(people)[:, None] * _HIGHEST_BPM + bpm)[self.is_there]
        return np.bincount(place, minlength=people * _HIGHEST_BPM).reshape(people, _HIGHEST_BPM)


HEART_RATE: Family[HeartRate, Floats] = Family("heart_rate", HeartRate)


def readings(*bpm: float) -> HeartRate:
    """Readings of one person, a minute each, for known answers."""
    return HeartRate(np.array([bpm], dtype=np.float64), np.arange(len(bpm)))


@HEART_RATE.define("bpm", "mean", source=_RAPIDS, minimum=_READING, ge=25, le=250, rapids=("avghr",), is_trailing=True)
def mean(day: HeartRate) -> Floats:
    """Mean heart rate."""
    return day.mean


@HEART_RATE.define("bpm", "standard deviation with n - 1", source=_RAPIDS, minimum="two minutes with a reading", ge=0,
                   rapids=("stdhr",), is_trailing=True)  # fmt: skip
def sd(day: HeartRate) -> Floats:
    """Spread of the heart rate."""
    return day.sd


def _add_quantiles() -> None:
    for name, share, rapids in (
        ("min", 0.0, ("minhr",)),
        ("p05", 0.05, ()),
        ("median", 0.5, ("medianhr",)),
        ("p95", 0.95, ()),
        ("max", 1.0, ("maxhr",)),
    ):
        extreme = {"min": "Lowest", "max": "Highest", "median": "Median"}.get(name)
        HEART_RATE.add(
            Feature(
                name,
                "bpm",
                f"{extreme or f'{100 * share:.0f} % quantile of the'} heart rate.",
                f"quantile {share:g}, linear between two values",
                _RAPIDS,
                _READING,
                lambda day, share=share: day.quantile(share),
                ge=25,
                le=250,
                rapids=rapids,
                is_trailing=name in {"p05", "median"},
            )
        )


_add_quantiles()


@HEART_RATE.define(
    "bpm",
    "most frequent whole bpm; the lowest of several",
    source=_RAPIDS,
    minimum=_READING,
    ge=25,
    le=250,
    rapids=("modehr",),
    known=(Known("60, 62, 62 and 61 bpm", "by hand", 62, lambda: mode(readings(60, 62, 62, 61))[0]),),
)
def mode(day: HeartRate) -> Floats:
    """Most frequent heart rate."""
    return day.told(day.bins.argmax(axis=1).astype(np.float64))


@HEART_RATE.define(
    "nat",
    "-sum p ln p, p: share of the minutes at each whole bpm",
    source=_SHANNON,
    minimum=f"{LEAST_FOR_DISTRIBUTION} minutes with a reading",
    ge=0,
    differs="RAPIDS' entropyhr takes the readings themselves for shares: entropy_of_values is that one",
    is_trailing=True,
    known=(
        Known("an hour at 60 and an hour at 70 bpm", "ln 2", float(np.log(2)),
              lambda: entropy(readings(*[60] * 60, *[70] * 60))[0], 1e-12),
    ),
)  # fmt: skip
def entropy(day: HeartRate) -> Floats:
    """How much the heart rate varies: entropy of its distribution."""
    share = day.bins / np.maximum(day.n, 1)[:, None]
    logs = np.log(share, out=np.zeros_like(share), where=share > 0)
    return day.told(-(share * logs).sum(axis=1) + 0.0, LEAST_FOR_DISTRIBUTION)


@HEART_RATE.define(
    "nat",
    "-sum q ln q, q: each reading over the sum of all",
    source=_RAPIDS,
    minimum=_READING,
    ge=0,
    rapids=("entropyhr",),
    differs="grows with the number of readings: for comparison with results of RAPIDS alone",
    known=(
        Known("4 equal readings", "ln 4", float(np.log(4)), lambda: entropy_of_values(readings(*[60] * 4))[0], 1e-6),
    ),
)
def entropy_of_values(day: HeartRate) -> Floats:
    """Entropy of the readings themselves, as RAPIDS has it."""
    share = day.filled / np.maximum(day.total, 1)[:, None]
    logs = np.log(share, out=np.zeros_like(share), where=share > 0)
    return day.told(-(share * logs).sum(axis=1))


@HEART_RATE.define(
    "bpm",
    f"median of readings in minutes that are, with the {AT_REST_AFTER_MIN - 1} before, without a step",
    source=_REST,
    minimum="30 such minutes; steps by the minute",
    ge=25,
    le=250,
    is_trailing=True,
)
def resting(day: HeartRate) -> Floats:
    """Heart rate at rest, awake or asleep."""
    still = Minutes(np.where(day.at_rest, day.values, NONE), day.minute)
    return still.told(still.quantile(0.5), 30)


@HEART_RATE.define("min", "count of minutes at rest with a reading", source=_REST, minimum="steps by the minute", ge=0)
def resting_min(day: HeartRate) -> Floats:
    """Minutes that the heart rate at rest rests on."""
    if day.steps is None:
        return np.full(len(day.values), NONE)
    known = ~np.isnan(day.steps).all(axis=1) if day.steps.shape[1] else np.zeros(len(day.values), dtype=np.bool_)
    return np.where(known, day.told(day.at_rest.sum(axis=1).astype(np.float64)), NONE)


def _in_zone(day: HeartRate, zone: int) -> Floats:
    if day.zones is None:
        return np.full(len(day.values), NONE)
    edges = np.concatenate([np.zeros((len(day.values), 1)), day.zones, np.full((len(day.values), 1), np.inf)], axis=1)
    within = (day.values >= edges[:, zone, None]) & (day.values < edges[:, zone + 1, None])
    return np.where(np.isnan(day.zones).any(axis=1), NONE, day.minutes_with(within))


def _add_zones() -> None:
    for place, zone in enumerate(ZONES):
        HEART_RATE.add(
            Feature(
                f"{zone}_min",
                "min",
                f"Minutes with a reading in the zone {zone.replace('_', ' ')}.",
                "count of minutes from the lower edge of the zone up to the next one",
                _RAPIDS,
                "edges of the zones: the vendor's of the day, or those of the protocol",
                lambda day, place=place: _in_zone(day, place),
                ge=0,
                le=1500,
                rapids=(f"minuteson{zone.replace('_', '')}zone",),
                differs="RAPIDS divides rows by the mean number of rows a minute",
            )
        )


_add_zones()
