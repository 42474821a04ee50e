"""Heart rate samples at irregular seconds. Present while the device is worn, absent otherwise."""

import numpy as np
import pandas as pd

from neuro_assets.simulate.arrays import Floats
from neuro_assets.simulate.planted import Planted

SAMPLE_EVERY_S = 300
"""One sample at a random second of each of these spans; a slot holds a whole number of them."""
HEART_RATE_BPM = (45, 170)


def draw_heart_rate(planted: Planted) -> pd.DataFrame:
    """Samples as `Id, Time, Value` in order of vendor id and true time. `Time` is local wall-clock time."""
    clock, people = planted.clock, planted.people
    rng = planted.plan.generator("heart_rate")
    per_slot = clock.length_min * 60 // SAMPLE_EVERY_S
    slot_of_span = np.repeat(np.arange(len(per_slot)), per_slot)
    nth_in_slot = np.arange(len(slot_of_span)) - np.repeat(np.cumsum(per_slot) - per_slot, per_slot)

    person, span = np.nonzero(planted.wear.is_worn[:, slot_of_span])
    slot = slot_of_span[span]
    second = nth_in_slot[span] * SAMPLE_EVERY_S + rng.integers(0, SAMPLE_EVERY_S, len(span))
    bpm = _expected_bpm(planted)[person, slot] + rng.normal(0, 4.5, len(span)) + rng.exponential(2.5, len(span))
    return pd.DataFrame(
        {
            "Id": people.vendor_id[person],
            "Time": clock.local[slot] + second.astype("timedelta64[s]"),
            "Value": np.rint(bpm).clip(*HEART_RATE_BPM).astype(np.int64),
        }
    )


def _expected_bpm(planted: Planted) -> Floats:
    """Own resting level, a daily swing peaking at 16:00, the load of walking, the fall in bed (P x S)."""
    clock, people = planted.clock, planted.people
    swing = 4.0 * np.cos((clock.local_hour - 16.0 - people.clock_shift_h[:, None]) * 2 * np.pi / 24)
    walking = 0.7 * planted.hours.steps / clock.length_min
    in_bed = -7.0 * planted.in_bed_min / clock.length_min
    return people.resting_heart_rate_bpm[:, None] + 8.0 + swing + walking + in_bed
