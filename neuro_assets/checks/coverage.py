"""What must hold of coverage whatever the data: minutes and days add up, and what is missing has one reason."""

from typing import TYPE_CHECKING

import dagster as dg

from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange
from neuro_assets.streams.coverage import ADHERENCE, DAILY, HOURLY, NOT_WORN, WEAR
from neuro_assets.streams.model import Table

if TYPE_CHECKING:
    import polars as pl

ADDS_UP, DAYS_ADD_UP = "minutes_add_up", "days_add_up"
_WRONG = """
SELECT count(*) FROM {table}
WHERE day BETWEEN $first AND $last AND NOT (
    valid_min + missing_min = length_min AND valid_min <= observed_min AND valid_min <= worn_min
    AND observed_min <= length_min AND worn_min <= length_min AND expected_min <= length_min
    AND (reason IS NULL) = (missing_min = 0))
"""
_APART = f"""
SELECT count(*) FROM (
    SELECT participant_id, day, stream, sum(length_min) AS length_min, sum(valid_min) AS valid_min
    FROM {HOURLY.qualified} WHERE day BETWEEN $first AND $last GROUP BY ALL
) h
FULL JOIN (
    -- Streams with a row a day have no hours, and tell no wear.
    SELECT * FROM {DAILY.qualified} WHERE day BETWEEN $first AND $last AND worn_min IS NOT NULL
) d
    USING (participant_id, day, stream)
WHERE h.length_min IS DISTINCT FROM d.length_min OR h.valid_min IS DISTINCT FROM d.valid_min
"""
# Worn minutes up to a moment are the stretches that begin before it, without what the last one has after it. Where no
# stream has hours there is nothing to compare with.
_WEAR_APART = f"""
WITH wear AS (
    SELECT *, sum(worn_min) OVER (PARTITION BY participant_id, day ORDER BY ts) AS until_now,
        lead(ts) OVER (PARTITION BY participant_id, day ORDER BY ts) AS next_ts
    FROM {WEAR.qualified} WHERE day BETWEEN $first AND $last
), hours AS (
    SELECT DISTINCT participant_id, day, hour, fold, ts AS begins, ts + to_minutes(length_min) AS ends, worn_min
    FROM {HOURLY.qualified} WHERE day BETWEEN $first AND $last
), edges AS (
    SELECT *, unnest([begins, ends]) AS at, unnest([-1, 1]) AS sign FROM hours
), told AS (
    SELECT e.participant_id, e.day, e.hour, e.fold, e.worn_min,
        sum(e.sign * (coalesce(w.until_now, 0)
            - greatest(coalesce(date_diff('minute', e.at, w.until_ts), 0), 0))) AS in_stretches
    FROM edges e ASOF LEFT JOIN wear w
        ON e.participant_id = w.participant_id AND e.day = w.day AND e.at >= w.ts
    GROUP BY ALL
), days AS (
    SELECT participant_id, day, sum(worn_min) AS worn_min FROM hours GROUP BY ALL
), stretches AS (
    SELECT participant_id, day, sum(worn_min) AS worn_min FROM wear
    WHERE EXISTS (SELECT 1 FROM hours) GROUP BY ALL
)
SELECT (SELECT count(*) FROM told WHERE in_stretches <> worn_min)
    + (SELECT count(*) FROM days d FULL JOIN stretches s USING (participant_id, day)
        WHERE coalesce(d.worn_min, 0) <> coalesce(s.worn_min, 0))
    + (SELECT count(*) FROM wear WHERE worn_min <> date_diff('minute', ts, until_ts) OR until_ts >= next_ts)
"""
_BOTH_WAYS = f"""
WITH stretches AS (
    SELECT participant_id, ts, until_ts, not_worn_min AS minutes, true AS is_off FROM {NOT_WORN.qualified}
    WHERE day BETWEEN $first AND $last
    UNION ALL
    SELECT participant_id, ts, until_ts, worn_min, false FROM {WEAR.qualified} WHERE day BETWEEN $first AND $last
), beside AS (
    SELECT *, lead(ts) OVER (PARTITION BY participant_id ORDER BY ts) AS next_ts FROM stretches
)
SELECT count(*) FROM beside WHERE until_ts > next_ts OR (is_off AND minutes <> date_diff('minute', ts, until_ts))
"""


def coverage_check_specs() -> list[dg.AssetCheckSpec]:
    """Specs of the checks that the coverage assets yield."""
    told = {
        HOURLY: "Valid and missing minutes make the hour, and minutes are missing for one reason or none are.",
        DAILY: "The same of days, each of which is the sum of its hours.",
        WEAR: "Stretches are apart from one another, and have as many minutes of each hour as it was worn.",
        NOT_WORN: "Stretches are apart from one another and from those of wear.",
    }
    return [dg.AssetCheckSpec(ADDS_UP, asset=key_of(t), description=d) for t, d in told.items()]


def coverage_check_results(connection: Connection, days: DayRange) -> list[dg.AssetCheckResult]:
    """The results for days that were just written."""
    bound = {"first": days.start, "last": days.end}
    results = []
    for table in (HOURLY, DAILY):
        queries = [_WRONG.format(table=table.qualified), *([_APART] if table is DAILY else [])]
        wrong = sum(row[0] for q in queries for row in connection.execute(q, bound).fetchall())
        results.append(_result(ADDS_UP, table, wrong))
    wrong = connection.execute(_WEAR_APART, bound).fetchall()[0][0]
    both = connection.execute(_BOTH_WAYS, bound).fetchall()[0][0]
    return [*results, _result(ADDS_UP, WEAR, wrong), _result(ADDS_UP, NOT_WORN, both)]


def people_check_specs() -> list[dg.AssetCheckSpec]:
    """Specs of the checks that the tables of people yield."""
    told = "Days that are valid, not valid, excused and waiting make the days that were asked for."
    return [dg.AssetCheckSpec(DAYS_ADD_UP, asset=key_of(ADHERENCE), description=told)]


def people_check_results(adherence: "pl.DataFrame") -> list[dg.AssetCheckResult]:
    """The results for a table that is about to be written."""
    wrong = sum(
        min(valid, not_valid, excused, waiting) < 0 or valid + not_valid + excused + waiting != expected
        for expected, valid, not_valid, excused, waiting in adherence.select(
            "days_expected", "days_valid", "days_not_valid", "days_excused", "days_waiting"
        ).iter_rows()
    )
    return [_result(DAYS_ADD_UP, ADHERENCE, wrong)]


def _result(name: str, table: Table, wrong: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=key_of(table),
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{wrong} rows do not add up" if wrong else "all rows add up",
        metadata={"rows_wrong": int(wrong)},
    )
