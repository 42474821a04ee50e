"""What each night and the day before it have in common with those 24 hours earlier, told when the night is over."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

UNKNOWN, AWAKE, ASLEEP = -1, 0, 1
_DAY_MIN = 1440


def states_of(
    asleep: "pl.DataFrame", known: "pl.DataFrame", people: list[str], start_min: int, minutes: int
) -> NDArray[np.int8]:
    """Who was asleep in which minute: (people, minutes) of ASLEEP, AWAKE and UNKNOWN.

    A minute is asleep where half of it or more is.

    Args:
        asleep: spans as `sleep_spans.asleep_spans` gives them.
        known: spans as `sleep_spans.known_spans` gives them.
        people: whose.
        start_min: the first minute, since 1970-01-01 UTC.
        minutes: how many.
    """
    import polars as pl

    found = np.full((len(people), minutes), UNKNOWN, dtype=np.int8)
    for spans, state in ((known, AWAKE), (asleep, ASLEEP)):
        own = spans.filter(spans["participant_id"].is_in(people))
        who = own["participant_id"].replace_strict(people, range(len(people)), return_dtype=pl.Int64).to_numpy()
        # In half minutes: the first minute of which half is within, and the first one of which less is.
        half = {c: own[c].dt.epoch("us").to_numpy() // 30_000_000 for c in ("since", "until")}
        since = np.clip(half["since"] // 2 - start_min, 0, minutes)
        until = np.clip((half["until"] + 1) // 2 - start_min, 0, minutes)
        change = np.zeros((len(people), minutes + 1), dtype=np.int16)
        np.add.at(change, (who, since), 1)
        np.add.at(change, (who, until), -1)
        is_in = np.cumsum(change, axis=1)[:, :-1] > 0
        found[is_in if state == AWAKE else is_in & (found != UNKNOWN)] = state
    return found


def day_before(day: NDArray[np.datetime64], minute: NDArray[np.int64]) -> NDArray[np.int64]:
    """(minutes,), the place of the same minute of the clock a day before; -1 where it did not occur or is not there.

    Args:
        day: local day of each minute, in true order.
        minute: of the wall clock. One that is shown twice is the first one, from the day after.
    """
    number = day.astype("datetime64[D]").astype(np.int64)
    clock = (number - number[0]) * _DAY_MIN + minute
    first = np.full(int(clock.max()) + 1, -1, dtype=np.int64)
    first[clock[::-1]] = np.arange(len(clock))[::-1]
    earlier = clock - _DAY_MIN
    return np.where(earlier >= 0, first[np.maximum(earlier, 0)], -1)


def pair_nights(
    states: NDArray[np.int8],
    before: NDArray[np.int64],
    person: NDArray[np.int64],
    ends: NDArray[np.int64],
    previous: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Minutes from the end of the night before to that of each night: those known here and a day earlier.

    Args:
        states: of `states_of`.
        before: of `day_before`.
        person: (nights,), whose.
        ends: (nights,), the place of the minute at which the night's main sleep ends.
        previous: (nights,), the same of the night before; -1 where that is not recorded.

    Returns:
        Those in the same state, and all of them, (nights,) each; 0 where the night before is not recorded.
    """
    earlier = np.where(before >= 0, states[:, np.maximum(before, 0)], UNKNOWN)
    is_paired = (states != UNKNOWN) & (earlier != UNKNOWN)

    def between(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        sums = np.zeros((len(states), states.shape[1] + 1), dtype=np.int32)
        np.cumsum(chosen, axis=1, out=sums[:, 1:])
        found = sums[person, np.maximum(ends, 0)] - sums[person, np.maximum(previous, 0)]
        return np.where(previous >= 0, found, 0).astype(np.int64)

    return between(is_paired & (states == earlier)), between(is_paired)
