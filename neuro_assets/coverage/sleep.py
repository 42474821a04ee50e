"""Which minutes of people were asleep, and which in bed, as far as their sleep is recorded."""

from dataclasses import dataclass

import numpy as np

from neuro_assets.coverage.minutes import Bools, spread_rows
from neuro_assets.lake.lake import Connection

ASLEEP = ("asleep", "light", "deep", "rem")


@dataclass(frozen=True)
class SleepGrid:
    """Minutes of people, shape (people, minutes) each: recorded as sleep of some kind, and within a log of sleep."""

    asleep: Bools
    in_bed: Bools


def read_sleep(connection: Connection, shape: tuple[int, int], start_min: int) -> SleepGrid:
    """The minutes from `start_min` on of the people in `coverage_block`, which `read_minutes` has made.

    A minute is asleep where any of its half minutes is. Where a log has no stages it tells the time in bed alone.
    """
    asleep, in_bed = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    minutes = shape[1]
    for sql in (_STAGES, _SESSIONS):
        found = connection.execute(sql, {"start": start_min, "minutes": minutes}).fetchnumpy()
        place, at, length = (np.asarray(found[n], dtype=np.int64) for n in ("place", "minute", "length"))
        is_asleep = np.repeat(np.asarray(found["is_asleep"], dtype=np.bool_), length)
        who, each = np.repeat(place, length), spread_rows(at, length)
        inside = (each >= 0) & (each < minutes)
        in_bed[who[inside], each[inside]] = True
        asleep[who[inside & is_asleep], each[inside & is_asleep]] = True
    return SleepGrid(asleep, in_bed)


# A log lasts two days at most, and local days reach into the days of UTC beside them.
_NEAR = """
    s.day BETWEEN make_timestamp(($start::BIGINT - 4320) * 60_000_000)::DATE
        AND make_timestamp(($start::BIGINT + $minutes + 1440) * 60_000_000)::DATE
"""
_STAGES = f"""
SELECT b.place::BIGINT AS place, epoch_us(s.ts) // 60_000_000 - $start AS minute,
    greatest(s.period_s // 60, 1)::BIGINT AS length, s.stage IN {ASLEEP} AS is_asleep
FROM staging.sleep_stage s JOIN coverage_block b USING (participant_id)
WHERE {_NEAR}
"""
_SESSIONS = f"""
SELECT b.place::BIGINT AS place, epoch_us(s.ts) // 60_000_000 - $start AS minute,
    (s.duration_s // 60)::BIGINT AS length, false AS is_asleep
FROM staging.sleep_session s JOIN coverage_block b USING (participant_id)
WHERE {_NEAR}
"""
