"""Was the device on the body in this minute? Wear detection from minute steps and heart-rate presence.

Minutes in, worn minutes out. Why a minute is missing (not synced, battery) and which days are valid do not belong here.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

WearMethod = Literal["heart_rate", "zero_steps", "choi_steps", "choi_heart_rate", "combination"]

_Bools = NDArray[np.bool_]
_Steps = NDArray[np.floating]
# People are worked through in blocks of about this many minutes: the temporaries stay in the processor's cache.
_BLOCK_MIN = 1_000_000
_ZERO, _ACTIVE = 1, 2  # states of a minute for `_off_wrist`; 0 is "not known"


@dataclass(frozen=True, slots=True)
class WearParameters:
    """The thresholds of all methods; each method reads its own, by the prefix of the name. All but the last in minutes.

    - heart_rate_bridge_min: a gap between two readings of up to this many minutes counts as worn. 0, because
      RAPIDS, HeartSteps and fitibble count the minutes that have a reading, and a bridged minute is a guess.
    - zero_run_min: Troiano et al. 2008, and Tudor-Locke's setting in RAPIDS.
    - zero_hole_min: up to so many minutes without a row between two zeros are part of their run. 0 in the sources,
      whose records have no holes.
    - choi_window_min, choi_spike_min, choi_quiet_min: Choi et al. 2011.
    - combination_run_min: 1, because fitibble decides each minute by itself.
    - choi_zero_steps [steps]: a minute of up to this many steps counts as zero. 0 is Choi's; fitibble takes 1.
    """

    heart_rate_bridge_min: int = 0
    zero_run_min: int = 60
    zero_hole_min: int = 0
    choi_window_min: int = 90
    choi_spike_min: int = 2
    choi_quiet_min: int = 30
    combination_run_min: int = 1
    choi_zero_steps: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, least = getattr(self, field.name), 1 if field.name in _AT_LEAST_1 else 0
            if value < least:
                raise ValueError(f"{field.name} must be at least {least}, got {value}")


_AT_LEAST_1 = {"zero_run_min", "choi_window_min", "choi_quiet_min", "combination_run_min"}
DEFAULT_PARAMETERS = WearParameters()


@dataclass(frozen=True, slots=True)
class Method:
    """A way to tell worn minutes, the streams it reads, where it comes from, and what it says in plain words."""

    decide: Callable[[_Steps, _Bools, WearParameters], _Bools]
    reads: tuple[str, ...]
    source: str
    sentence: str

    def describe(self, parameters: WearParameters = DEFAULT_PARAMETERS) -> str:
        """Return the sentence for people, with the thresholds filled in."""
        return self.sentence.format(**asdict(parameters))


def worn(
    method: WearMethod,
    steps: _Steps,
    has_heart_rate: _Bools,
    parameters: WearParameters = DEFAULT_PARAMETERS,
) -> _Bools:
    """Return which minutes were worn, shape (people, minutes), by one of `METHODS`.

    steps: steps of each minute of true (elapsed) time, NaN where there is no row; has_heart_rate: at least one
    reading in that minute. Both of shape (people, minutes), each person's minutes without a break.

    A minute that has no row in any of the streams that the method reads is never worn: missing is never 0, and
    False here means "not seen on the body", not "seen off the body". A minute without a steps row ends a run of
    zero steps, since there may have been steps in it, unless `zero_hole_min` says otherwise; so do the first and last
    minute of the record. Of heart rate, "no reading" is itself the zero, so that choi_heart_rate counts silent minutes
    with and without a steps row.
    Pass `context_min` minutes of neighbours on either side where a record is cut into days.

    Raises:
        ValueError: unknown method, different or not two-dimensional shapes, negative steps.
        TypeError: has_heart_rate is not boolean, or steps are integers (which cannot say "no row").
    """
    if method not in METHODS:
        raise ValueError(f"unknown wear method {method!r}: one of {', '.join(METHODS)} is expected")
    if steps.ndim != 2 or steps.shape != has_heart_rate.shape:
        raise ValueError(
            "steps and has_heart_rate must both have the shape (people, minutes), "
            f"got {steps.shape} and {has_heart_rate.shape}"
        )
    if has_heart_rate.dtype != np.bool_ or not np.issubdtype(steps.dtype, np.floating):
        raise TypeError(
            f"steps must be floats with NaN for 'no row' and has_heart_rate booleans, got {steps.dtype} "
            f"and {has_heart_rate.dtype}"
        )
    n_people, n_minutes = steps.shape
    is_worn = np.zeros(steps.shape, dtype=np.bool_)
    people = max(1, _BLOCK_MIN // max(n_minutes, 1))
    for first in range(0, n_people if n_minutes else 0, people):
        block = slice(first, first + people)
        if (steps[block] < 0).any():
            raise ValueError("steps must not be negative: leave a sentinel such as -1 out as NaN before the call")
        is_worn[block] = METHODS[method].decide(steps[block], np.ascontiguousarray(has_heart_rate[block]), parameters)
    return is_worn


def context_min(method: WearMethod, parameters: WearParameters = DEFAULT_PARAMETERS) -> int:
    """Return how many minutes before and after a stretch decide it: with them, it is judged as in the whole record."""
    if method.startswith("choi"):
        return parameters.choi_window_min + parameters.choi_quiet_min + parameters.choi_spike_min
    runs = {
        "heart_rate": parameters.heart_rate_bridge_min,
        "zero_steps": parameters.zero_run_min - 1 + parameters.zero_hole_min,
        "combination": parameters.combination_run_min - 1,
    }
    return runs[method]


def _heart_rate(steps: _Steps, has_heart_rate: _Bools, parameters: WearParameters) -> _Bools:
    if not parameters.heart_rate_bridge_min:
        return has_heart_rate
    runs = _Runs.of(has_heart_rate.view(np.uint8))
    is_bridged = (runs.state == 0) & (runs.length_min <= parameters.heart_rate_bridge_min)
    is_bridged &= ~runs.is_first & ~runs.is_last
    return has_heart_rate | (runs.spread(is_bridged) & ~np.isnan(steps))


def _zero_steps(steps: _Steps, has_heart_rate: _Bools, parameters: WearParameters) -> _Bools:
    zero, active = steps == 0, steps > 0
    still = zero | _holes(zero, active, parameters.zero_hole_min) if parameters.zero_hole_min else zero
    return (zero | active) & ~_off_wrist(still, active, parameters.zero_run_min)


def _holes(zero: _Bools, active: _Bools, longest_min: int) -> _Bools:
    """Return the minutes without a row that lie between two zeros, no more than so many in a row."""
    runs = _Runs.of(zero.view(np.uint8) * np.uint8(_ZERO) + active.view(np.uint8) * np.uint8(_ACTIVE))
    is_zero = runs.state == _ZERO
    after_zero = np.append(False, is_zero[:-1]) & ~runs.is_first
    before_zero = np.append(is_zero[1:], False) & ~runs.is_last
    return runs.spread((runs.state == 0) & (runs.length_min <= longest_min) & after_zero & before_zero)


def _choi_steps(steps: _Steps, has_heart_rate: _Bools, parameters: WearParameters) -> _Bools:
    zero, active = steps <= parameters.choi_zero_steps, steps > parameters.choi_zero_steps
    return (zero | active) & ~_choi(zero, active, parameters)


def _choi_heart_rate(steps: _Steps, has_heart_rate: _Bools, parameters: WearParameters) -> _Bools:
    off = _choi(~has_heart_rate, has_heart_rate, parameters)
    return (has_heart_rate | ~np.isnan(steps)) & ~off


def _combination(steps: _Steps, has_heart_rate: _Bools, parameters: WearParameters) -> _Bools:
    zero, active = (steps == 0) & ~has_heart_rate, (steps > 0) | has_heart_rate
    if parameters.combination_run_min == 1:
        return active
    return (zero | active) & ~_off_wrist(zero, active, parameters.combination_run_min)


def _choi(zero: _Bools, active: _Bools, parameters: WearParameters) -> _Bools:
    return _off_wrist(zero, active, parameters.choi_window_min, parameters.choi_spike_min, parameters.choi_quiet_min)


@dataclass(frozen=True, slots=True)
class _Runs:
    """The runs of equal state of each person, one person after the other."""

    state: NDArray[np.uint8]
    length_min: NDArray[np.int64]
    is_first: _Bools  # of its person
    is_last: _Bools
    shape: tuple[int, int]

    @classmethod
    def of(cls, state: NDArray[np.uint8]) -> "_Runs":
        begins = np.ones(state.shape, dtype=np.bool_)
        np.not_equal(state[:, 1:], state[:, :-1], out=begins[:, 1:])
        start = np.flatnonzero(begins)
        is_first = start % state.shape[1] == 0
        return cls(
            state=state.ravel()[start],
            length_min=np.diff(start, append=state.size),
            is_first=is_first,
            is_last=np.append(is_first[1:], True),
            shape=(state.shape[0], state.shape[1]),
        )

    def spread(self, of_run: _Bools) -> _Bools:
        """Return, for every minute, what `of_run` says of its run."""
        return np.repeat(of_run, self.length_min).reshape(self.shape)


def _off_wrist(zero: _Bools, active: _Bools, run_min: int, spike_min: int = 0, quiet_min: int = 1) -> _Bools:
    """Return the minutes of stretches of at least run_min minutes of zeros, spikes in them included.

    A spike is a run of up to spike_min active minutes between two runs of at least quiet_min zeros. A minute
    that is neither zero nor active is not known, and belongs to no stretch.
    """
    runs = _Runs.of(zero.view(np.uint8) * np.uint8(_ZERO) + active.view(np.uint8) * np.uint8(_ACTIVE))
    is_zero = runs.state == _ZERO
    if not spike_min:
        return runs.spread(is_zero & (runs.length_min >= run_min))
    is_long = is_zero & (runs.length_min >= quiet_min)
    after_long = np.append(False, is_long[:-1]) & ~runs.is_first
    before_long = np.append(is_long[1:], False) & ~runs.is_last
    is_spike = (runs.state == _ACTIVE) & (runs.length_min <= spike_min) & after_long & before_long
    is_quiet = is_zero | is_spike
    begins = is_quiet & (runs.is_first | ~np.append(False, is_quiet[:-1]))
    stretch = np.cumsum(begins)  # 0 before the first stretch
    stretch_min = np.bincount(stretch, weights=runs.length_min * is_quiet)
    return runs.spread(is_quiet & (stretch_min[stretch] >= run_min))


METHODS: dict[str, Method] = {
    "heart_rate": Method(
        _heart_rate,
        ("heart_rate",),
        "RAPIDS data yield (valid minute: at least one row of Fitbit intraday heart rate); HeartSteps (minutes with "
        "a heart rate above 0); fitibble missing_HR",
        "Worn in every minute with a heart-rate reading, and in gaps of up to {heart_rate_bridge_min} minutes between "
        "two readings where the device has a steps row.",
    ),
    "zero_steps": Method(
        _zero_steps,
        ("steps",),
        "Troiano et al. 2008, Med Sci Sports Exerc 40:181-188 (60 min of consecutive zeros), on steps and without its "
        "allowance for 1-2 min of low counts; RAPIDS Fitbit cadence, NONWEAR 60",
        "Not worn while no step was counted for {zero_run_min} minutes or more in a row. Sleep and long sitting look "
        "like a device that is off.",
    ),
    "choi_steps": Method(
        _choi_steps,
        ("steps",),
        "Choi et al. 2011, Med Sci Sports Exerc 43:357-364 (90 min of zeros; 2 min of movement allowed with 30 min of "
        "zeros before and after), on steps as fitibble choi_steps",
        "Not worn while no step was counted for {choi_window_min} minutes or more, not counting movements of up to "
        "{choi_spike_min} minutes with {choi_quiet_min} still minutes before and after. Sleep looks like a device "
        "that is off.",
    ),
    "choi_heart_rate": Method(
        _choi_heart_rate,
        ("heart_rate", "steps"),
        "Choi et al. 2011, Med Sci Sports Exerc 43:357-364, on the presence of heart rate as fitibble choi_HR",
        "Not worn while no heart rate was read for {choi_window_min} minutes or more, not counting readings of up to "
        "{choi_spike_min} minutes with {choi_quiet_min} minutes without one before and after.",
    ),
    "combination": Method(
        _combination,
        ("heart_rate", "steps"),
        "fitibble missing_HR_zero_steps (not worn: no heart rate and no steps, minute by minute)",
        "Not worn while there was neither a heart rate nor a step for {combination_run_min} minutes or more in a row.",
    ),
}
