"""Do the streams of a day fit together? What does not is for a person to explain: a wrong clock, a second device."""

from datetime import datetime

from neuro_assets.lake.lake import Connection
from neuro_assets.streams.coverage import CROSS_STREAM, VALID_DAY

# Vendors correct their totals later than their minutes; a difference up to this share of the total is usual.
_SHARE_OF_TOTAL = 0.05
# Of a small total that share is less than a walk across a room.
_LEAST_STEPS = 100
# A day of which so much has rows is whole enough to add up.
_WHOLE = 0.95
# An optical sensor misses some minutes of brisk movement.
_WITHOUT_HEART_RATE = 0.2
_LEAST_MOVING_MIN = 30
_LEAST_ASLEEP_MIN = 60
# Steps a minute; a night has some of them on the way to the bathroom, which are not recorded as sleep.
_STEPS_ASLEEP = 1.0


def insert_cross_stream(connection: Connection, now: datetime) -> None:
    """Write `coverage.cross_stream` of the days in `coverage_facts` that are over, from it and `coverage.valid_day`."""
    connection.execute(
        f"""
        INSERT INTO {CROSS_STREAM.qualified} BY NAME
        SELECT f.participant_id, f.day, v.steps_daily, v.steps_from_minutes, f.steps_observed_min,
            CASE WHEN v.steps_daily IS NOT NULL AND f.steps_observed_min >= {_WHOLE} * f.length_min
                THEN abs(v.steps_from_minutes - v.steps_daily)
                    <= greatest({_SHARE_OF_TOTAL} * v.steps_daily, {_LEAST_STEPS}) END AS do_totals_agree,
            f.moving_min, f.moving_without_heart_rate_min,
            CASE WHEN f.moving_min >= {_LEAST_MOVING_MIN} AND v.heart_rate_min > 0
                THEN f.moving_without_heart_rate_min <= {_WITHOUT_HEART_RATE} * f.moving_min
                END AS has_heart_rate_while_moving,
            f.asleep_min, f.steps_asleep,
            CASE WHEN f.asleep_min >= {_LEAST_ASLEEP_MIN} THEN f.steps_asleep <= {_STEPS_ASLEEP} * f.asleep_min
                END AS is_still_while_asleep
        FROM coverage_facts f
        JOIN {VALID_DAY.qualified} v USING (participant_id, day)
        WHERE make_timestamptz(f.ends_min * 60_000_000) <= ? AND (f.has_rows OR v.steps_daily IS NOT NULL)
        ORDER BY f.day, f.participant_id
        """,
        [now],
    )
