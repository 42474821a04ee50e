"""The study's people, measure by measure: how many, how much of them there is, centre, spread and weekends."""

from typing import Any

import numpy as np
import polars as pl

from neuro_assets.analytics.measures import VALUES, measure_of
from neuro_assets.analytics.write import frame_of
from neuro_assets.lake.ddl import existing_columns
from neuro_assets.lake.lake import Connection
from neuro_assets.science.population import mean_of_people, spread_of
from neuro_assets.streams.analytics import POPULATION_SUMMARY
from neuro_assets.streams.coverage import VALID_DAY

LEAST_WEEKEND_DAYS, LEAST_OTHER_DAYS = 2, 5

# Sums in the order of days: the same whatever the order of the rows.
_PEOPLE = f"""
WITH told AS (
    SELECT *, isodow(day) >= 6 AS is_weekend,
        fsum(value ORDER BY day) OVER (PARTITION BY measure, participant_id) / count(*) OVER (
            PARTITION BY measure, participant_id) AS own_mean
    FROM {VALUES}
)
SELECT measure, participant_id, count(*) AS days, any_value(own_mean) AS mean,
    fsum((value - own_mean) ** 2 ORDER BY day) AS squares, min(day) AS first_day, max(day) AS last_day,
    count(*) FILTER (is_expected) AS days_there, count(*) FILTER (is_weekend) AS weekend_days,
    fsum(value ORDER BY day) FILTER (is_weekend) / nullif(count(*) FILTER (is_weekend), 0)
    - fsum(value ORDER BY day) FILTER (NOT is_weekend) / nullif(count(*) FILTER (NOT is_weekend), 0) AS weekend
FROM told GROUP BY ALL ORDER BY measure, participant_id
"""


def summarise(connection: Connection) -> pl.DataFrame:
    """The rows of `analytics.population_summary`; the connection has the table of values."""
    people = connection.execute(_PEOPLE).pl()
    expected: dict[str, int] = {}
    if VALID_DAY.qualified in existing_columns(connection):
        sql = f"SELECT participant_id, count(*) FROM {VALID_DAY.qualified} GROUP BY 1"
        expected = dict(connection.execute(sql).fetchall())
    rows = [
        _row(str(name), own.sort("participant_id"), expected)
        for (name,), own in people.group_by(["measure"], maintain_order=True)
    ]
    return frame_of(POPULATION_SUMMARY, rows)


def _row(name: str, people: pl.DataFrame, expected: dict[str, int]) -> dict[str, Any]:
    measure, means = measure_of(name), people["mean"].to_numpy()
    spread = spread_of(people["days"].to_numpy(), means, people["squares"].to_numpy())
    mean, lower, upper = mean_of_people(means)
    quartiles = np.quantile(means, (0.25, 0.5, 0.75))
    has_weekend = (pl.col("weekend_days") >= LEAST_WEEKEND_DAYS) & (
        pl.col("days") - pl.col("weekend_days") >= LEAST_OTHER_DAYS
    )
    weekends = people.filter(has_weekend)["weekend"].to_numpy()
    weekend, weekend_lower, weekend_upper = mean_of_people(weekends)
    days = None if name.startswith("survey.") else sum(expected.get(who, 0) for who in people["participant_id"])
    return {
        "measure": name,
        "unit": measure.unit,
        "description": measure.description,
        "people": people.height,
        "days": int(people["days"].sum()),
        "first_day": people["first_day"].min(),
        "last_day": people["last_day"].max(),
        "days_per_person": people["days"].median(),
        "days_expected": days or None,
        "missing_share": 1 - int(people["days_there"].sum()) / days if days else None,
        "mean": mean,
        "mean_lower": lower,
        "mean_upper": upper,
        "sd_between": spread.between,
        "sd_within": spread.within,
        "icc": spread.icc,
        "q25": quartiles[0],
        "median": quartiles[1],
        "q75": quartiles[2],
        "weekend_people": len(weekends),
        "weekend_difference": weekend,
        "weekend_lower": weekend_lower,
        "weekend_upper": weekend_upper,
    }
