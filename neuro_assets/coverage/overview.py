"""The overview: who takes part now, who has fallen silent, and who wears the device or sleeps little."""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from neuro_assets.coverage.standing import Moment, Standing
from neuro_assets.coverage.why import REASONS_OF_DAYS
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.coverage import OVERVIEW, VALID_DAY
from neuro_assets.study import Study

_MIN_PER_H = 60


def overview(connection: Connection, study: Study, standings: Sequence[Standing], moment: Moment) -> pl.DataFrame:
    """A row for each person, with the columns of `coverage.overview`.

    Wear and sleep are means over the last days that were handed over; a night without a record of sleep is no night
    of no sleep. Nobody is silent for as long as pulls that fail keep everything away.
    """
    rules = study.coverage.overview
    frame = pl.DataFrame(
        [
            {
                "participant_id": s.participant_id,
                "status": status_of(s, study),
                "first_day": s.person.first_day,
                "last_day": s.person.last_day,
                "until": s.known_until,
                "since": s.until - timedelta(days=rules.over_days - 1),
                "handed_over_at": s.handed_over,
                "hours_silent": round(s.silent.total_seconds() / 3600, 1),
                "battery_pct": s.battery_pct,
                "last_contact": s.contacted,
            }
            for s in standings
        ],
        schema={
            "participant_id": pl.String,
            "status": pl.String,
            "first_day": pl.Date,
            "last_day": pl.Date,
            "until": pl.Date,
            "since": pl.Date,
            "handed_over_at": pl.Datetime("us", "UTC"),
            "hours_silent": pl.Float64,
            "battery_pct": pl.Int32,
            "last_contact": pl.Datetime("us", "UTC"),
        },
    )
    connection.register("frame_people", frame.to_arrow())
    try:
        found = connection.execute(
            _SQL,
            {"as_of": moment.at, "low_wear": rules.low_wear_h, "low_sleep": rules.low_sleep_h,
             "nights": rules.least_nights},
        ).pl()  # fmt: skip
    finally:
        connection.unregister("frame_people")
    return found.select(OVERVIEW.column_names)


def status_of(standing: Standing, study: Study) -> str:
    """What a person is at the moment: the status of the overview."""
    person = standing.person
    if standing.until + timedelta(days=1) < person.first_day:
        return "not_enrolled"
    if person.last_day and standing.until >= person.last_day:
        return "withdrawn"
    if standing.handed_over is None:
        return "nothing_yet"
    is_silent = standing.silent >= timedelta(hours=study.coverage.overview.inactive_after_h)
    return "inactive" if is_silent else "active"


_SQL = f"""
WITH nights AS (
    SELECT participant_id, day, minutes_asleep FROM staging.daily_sleep
    UNION ALL
    SELECT participant_id, date_of_sleep, sum(minutes_asleep) FROM staging.sleep_session
    WHERE day >= (SELECT min(since) - 2 FROM frame_people)
        AND (participant_id, date_of_sleep) NOT IN (SELECT (participant_id, day) FROM staging.daily_sleep)
    GROUP BY ALL
), sleep AS (
    SELECT p.participant_id, count(*) AS nights, avg(minutes_asleep) / {_MIN_PER_H} AS sleep_h
    FROM frame_people p
    JOIN nights n
        ON n.participant_id = p.participant_id AND n.day BETWEEN greatest(p.since, p.first_day) AND p.until
    GROUP BY ALL
), wear AS (
    SELECT p.participant_id, count(*) FILTER (v.is_handed_over) AS days,
        count(*) FILTER (v.is_valid) AS days_valid,
        avg(v.worn_min) FILTER (v.is_handed_over) / {_MIN_PER_H} AS worn_h
    FROM frame_people p
    JOIN {VALID_DAY.qualified} v
        ON v.participant_id = p.participant_id AND v.day BETWEEN greatest(p.since, p.first_day) AND p.until
    GROUP BY ALL
), reasons AS (
    SELECT r.participant_id, r.reason, sum(r.minutes) AS minutes
    FROM frame_people p
    JOIN ({REASONS_OF_DAYS}) r
        ON r.participant_id = p.participant_id AND r.day BETWEEN greatest(p.since, p.first_day) AND p.until
    GROUP BY ALL
), most AS (
    SELECT participant_id, arg_max(reason, (minutes, reason)) AS main_reason FROM reasons GROUP BY ALL
)
SELECT p.*, $as_of::TIMESTAMPTZ AS as_of, coalesce(w.days, 0)::INTEGER AS days_handed_over,
    coalesce(w.days_valid, 0)::INTEGER AS days_valid, w.worn_h AS worn_h_per_day, w.worn_h < $low_wear AS is_low_wear,
    coalesce(s.nights, 0)::INTEGER AS nights, s.sleep_h AS sleep_h_per_night,
    CASE WHEN s.nights >= $nights THEN s.sleep_h < $low_sleep END AS is_low_sleep, m.main_reason
FROM frame_people p
LEFT JOIN wear w USING (participant_id)
LEFT JOIN sleep s USING (participant_id)
LEFT JOIN most m USING (participant_id)
ORDER BY participant_id
"""
