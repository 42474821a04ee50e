"""Days by the valid-day rules: the facts of each, and what every rule says of it."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from neuro_assets.coverage.outdated import LAPSED
from neuro_assets.coverage.task import Task
from neuro_assets.lake.lake import Connection
from neuro_assets.science.valid_days import RULES, TriState, valid_days
from neuro_assets.study import ValidDay

_AS_FACT = {
    "worn_min": "worn_min",
    "worn_min_06_23": "worn_06_23_min",
    "worn_min_08_20": "worn_08_20_min",
    "worn_awake_min": "worn_awake_min",
    "day_length_min": "length_min",
    "rapids_valid_min": "heart_rate_min",
    "rapids_valid_hours": "heart_rate_hours",
    "steps_from_minutes": "steps_from_minutes",
}


def read_facts(connection: Connection, task: Task) -> pl.DataFrame:
    """The facts of everybody's days that are over, from `coverage_facts` and the vendor's totals of the day.

    Wear is known where a row tells it. Where a sleep is known by its length alone, how much of the wear was awake is
    not. `is_empty` are days of which nothing is there, although something later came.
    """
    return connection.execute(
        """
        WITH vendor AS (
            SELECT participant_id, day, coalesce(a.steps, s.steps) AS steps
            FROM (SELECT * FROM staging.daily_activity WHERE day BETWEEN $first AND $last) a
            FULL JOIN (SELECT * FROM staging.daily_steps WHERE day BETWEEN $first AND $last) s
                USING (participant_id, day)
        ), nights AS (
            SELECT participant_id, day FROM staging.daily_sleep WHERE day BETWEEN $first AND $last
        )
        SELECT p.participant_id, p.day, p.rules, f.length_min,
            coalesce(p.until >= make_timestamptz(f.ends_min * 60_000_000), false) AS is_handed_over,
            coalesce(p.came_until >= make_timestamptz(f.ends_min * 60_000_000), false) AND NOT f.has_rows
                AND v.steps IS NULL AND n.day IS NULL AS is_empty,
            CASE WHEN f.tells_wear THEN f.worn_min END AS worn_min,
            CASE WHEN f.tells_wear THEN f.worn_06_23_min END AS worn_06_23_min,
            CASE WHEN f.tells_wear THEN f.worn_08_20_min END AS worn_08_20_min,
            CASE WHEN f.tells_wear AND (f.in_bed_min > 0 OR n.day IS NULL) THEN f.worn_awake_min END AS worn_awake_min,
            CASE WHEN f.tells_wear THEN f.heart_rate_min END AS heart_rate_min,
            CASE WHEN f.tells_wear THEN f.heart_rate_hours END AS heart_rate_hours,
            v.steps::DOUBLE AS steps_daily,
            CASE WHEN NOT isnan(f.steps_from_minutes) THEN f.steps_from_minutes END AS steps_from_minutes
        FROM coverage_people p
        JOIN coverage_facts f USING (participant_id, day)
        LEFT JOIN vendor v USING (participant_id, day)
        LEFT JOIN nights n USING (participant_id, day)
        WHERE make_timestamptz(f.ends_min * 60_000_000) <= $now
        ORDER BY p.day, p.participant_id
        """,
        {"first": task.first, "last": task.last, "now": task.now},
    ).pl()


def judged(days: pl.DataFrame, chosen: ValidDay) -> pl.DataFrame:
    """The facts with a column `by_<rule>` for each rule, and `is_valid` for the protocol's.

    A day that was not handed over to its end may still become valid: what is not valid yet is not known. Of a day
    without anything nothing can be kept. What was measured while consent had lapsed does not count by the protocol.

    Args:
        days: columns of `coverage.valid_day` without those that are added; NaN or null where a fact is not known.
        chosen: the protocol's rule and its thresholds; the others have those of their sources.
    """
    facts = {name: _floats(days, column) for name, column in _AS_FACT.items()}
    daily, minutes = _floats(days, "steps_daily"), facts["steps_from_minutes"]
    is_over, is_empty = days["is_handed_over"].to_numpy(), days["is_empty"]
    verdicts: dict[str, pl.Series] = {}
    for rule in RULES:
        # Only where the vendor's total is asked for, a sum of minutes does not stand in for it.
        steps = daily if "steps_from_minutes" in RULES[rule].needs else np.where(np.isnan(daily), minutes, daily)
        of_rule = facts | {"steps": steps}
        verdicts[f"by_{rule}"] = _column(valid_days(rule, of_rule), is_over)
        if rule == chosen.rule:
            verdicts["is_valid"] = _column(valid_days(rule, of_rule, **chosen.thresholds), is_over)
    is_lapsed = days["rules"].str.ends_with(LAPSED)
    nothing = {name: pl.when(is_empty).then(False).otherwise(v) for name, v in verdicts.items()}
    return days.with_columns(**nothing).with_columns(
        is_valid=pl.when(is_lapsed).then(False).otherwise(pl.col("is_valid"))
    )


def sentence(chosen: ValidDay) -> str:
    """What the protocol asks of a day, in words."""
    return RULES[chosen.rule].describe(**chosen.thresholds)


def _floats(days: pl.DataFrame, column: str) -> NDArray[np.float64]:
    return days[column].cast(pl.Float64).fill_null(np.nan).to_numpy()


def _column(found: TriState, is_over: NDArray[np.bool_]) -> pl.Series:
    unknown = np.ma.getmaskarray(found) | (~found.filled(True) & ~is_over)
    values = pl.Series(found.filled(False), dtype=pl.Boolean)
    return pl.select(pl.when(pl.Series(unknown)).then(None).otherwise(values)).to_series()
