"""What must hold of imputed series whatever the data: what was observed is as it was, and the rest is marked."""

from collections.abc import Sequence

import dagster as dg

from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange
from neuro_assets.science.imputation.backtest import COMPARATORS, LIMIT
from neuro_assets.science.imputation.model import STACK
from neuro_assets.streams.coverage import HOURLY
from neuro_assets.streams.imputed import BACKTEST, DAILY, GAP, OBSERVED, values_table
from neuro_assets.streams.model import Stream, Table
from neuro_assets.streams.series import SERIES_1H, SERIES_1M

UNALTERED, MARKED, KEPT_APART = "observed_unaltered", "imputed_is_marked", "kept_out_of_coverage"
APART, ADDS_UP, WITHIN_LIMIT = "gaps_hold_nothing_observed", "days_add_up", "default_is_near_the_best"
# Fewer hidden gaps tell nothing of two percent.
LEAST_GAPS = 200

_ALTERED = """
SELECT count(*) FROM (
    SELECT participant_id, ts, observed_value FROM {table}
    WHERE day BETWEEN $first AND $last AND observed_value IS NOT NULL
) v FULL JOIN (
    SELECT participant_id, ts, {value} AS recorded FROM {series}
    WHERE stream = $stream AND day BETWEEN $first AND $last AND {value} IS NOT NULL{whole}
        AND (participant_id, day) IN (SELECT (participant_id, day) FROM {daily}
            WHERE stream = $stream AND resolution = $resolution AND day BETWEEN $first AND $last)
) s USING (participant_id, ts)
WHERE v.observed_value IS DISTINCT FROM s.recorded
"""
_UNMARKED = """
SELECT count(*) FROM {table}
WHERE day BETWEEN $first AND $last AND NOT (
    is_imputed = (method IS NOT NULL) AND is_imputed = (model_version IS NOT NULL)
    AND is_imputed = (minutes_from_edge IS NOT NULL) AND (NOT is_imputed OR (value IS NOT NULL AND gap_id IS NOT NULL))
    AND (is_imputed OR value IS NULL OR (value IS NOT DISTINCT FROM observed_value AND gap_id IS NULL))
    AND (refusal IS NULL OR value IS NULL) AND (gap_id IS NULL OR is_imputed OR refusal IS NOT NULL)
    AND is_imputed = (lower_90 IS NOT NULL) AND is_imputed = (upper_90 IS NOT NULL)
    AND (NOT is_imputed OR lower_90 <= upper_90))
"""
_IN_COVERAGE = f"""
SELECT count(*) FROM {{table}} v JOIN {HOURLY.qualified} h
    ON h.participant_id = v.participant_id AND h.day = v.day AND h.stream = $stream
    AND v.ts >= h.ts AND v.ts < h.ts + to_minutes(h.length_min)
WHERE v.day BETWEEN $first AND $last AND h.day BETWEEN $first AND $last AND v.is_imputed AND h.missing_min = 0
"""
_OVERLAP = f"""
SELECT count(*) FROM {GAP.qualified} g JOIN {OBSERVED.qualified} o
    ON o.participant_id = g.participant_id AND o.stream = g.stream AND o.resolution = g.resolution
    AND o.ts < g.until_ts AND o.until_ts > g.ts
WHERE o.day BETWEEN $first AND $last AND o.state = 'valid' AND g.ts < ($last::DATE + 2)::TIMESTAMPTZ
    AND g.until_ts > ($first::DATE - 1)::TIMESTAMPTZ
"""
_DAYS_APART = """
SELECT count(*) FROM (
    SELECT participant_id, day, $step * count(*) AS minutes, $step * count(*) FILTER (is_imputed) AS imputed_min,
        coalesce(sum(value) FILTER (NOT is_imputed), 0) AS observed_total,
        coalesce(sum(value) FILTER (is_imputed), 0) AS imputed_total
    FROM {table} WHERE day BETWEEN $first AND $last GROUP BY ALL
) v FULL JOIN (
    SELECT * FROM {daily} WHERE day BETWEEN $first AND $last AND stream = $stream AND resolution = $resolution
        AND observed_min + imputed_min + empty_min > 0
) d USING (participant_id, day)
WHERE v.minutes IS DISTINCT FROM d.observed_min + d.imputed_min + d.empty_min
    OR v.imputed_min IS DISTINCT FROM d.imputed_min
    OR abs(v.observed_total - d.observed_total) > 1e-6 OR abs(v.imputed_total - d.imputed_total) > 1e-6
"""


def imputed_check_specs(streams: Sequence[Stream]) -> list[dg.AssetCheckSpec]:
    """Specs of the checks that the imputed assets yield."""
    of_values = {
        UNALTERED: "What was observed is there as the rollups have it, all of it and nothing else.",
        MARKED: "A value was observed, or it is marked as imputed with method, model and gap; or it is empty.",
        KEPT_APART: "No value was imputed where coverage counts an hour as whole.",
    }
    specs = [
        dg.AssetCheckSpec(name, asset=key_of(values_table(s, r)), description=told)
        for s in streams
        for r in ("1m", "1h")
        for name, told in of_values.items()
    ]
    specs.append(dg.AssetCheckSpec(APART, asset=key_of(GAP), description="Within a gap nothing was observed."))
    told = "Minutes observed, imputed and empty are those of the series."
    return [*specs, dg.AssetCheckSpec(ADDS_UP, asset=key_of(DAILY), description=told)]


def imputed_check_results(
    connection: Connection, streams: Sequence[Stream], days: DayRange
) -> list[dg.AssetCheckResult]:
    """The results for days that were just written."""
    bound = {"first": days.start, "last": days.end}
    results, unlike = [], 0
    for stream in streams:
        for resolution, series in (("1m", SERIES_1M), ("1h", SERIES_1H)):
            table = values_table(stream, resolution)
            own = bound | {"stream": stream.name}
            names = {
                "table": table.qualified,
                "daily": DAILY.qualified,
                "series": series.qualified,
                "value": "total" if stream.sampling == "interval" else "mean",
                "whole": "" if resolution == "1m" else " AND observed_share >= 0.999",
            }
            of = own | {"resolution": resolution}
            for name, sql, given in (
                (UNALTERED, _ALTERED, of),
                (MARKED, _UNMARKED, bound),
                (KEPT_APART, _IN_COVERAGE, own),
            ):
                results.append(_result(name, table, _count(connection, sql.format(**names), given)))
            step = 1 if resolution == "1m" else 60
            unlike += _count(connection, _DAYS_APART.format(**names), of | {"step": step})
    results.append(_result(APART, GAP, _count(connection, _OVERLAP, bound)))
    return [*results, _result(ADDS_UP, DAILY, unlike)]


def _count(connection: Connection, sql: str, bound: dict) -> int:
    found = connection.execute(sql, bound).fetchall()
    return found[0][0]


def _result(name: str, table: Table, wrong: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name, asset_key=key_of(table), passed=not wrong, metadata={"rows_that_break_it": wrong}
    )


def backtest_check_spec() -> dg.AssetCheckSpec:
    """Spec of the check of the back-test."""
    return dg.AssetCheckSpec(
        WITHIN_LIMIT,
        asset=key_of(BACKTEST),
        description=f"The default's error is within {LIMIT} of the best comparator's, known only afterwards.",
    )


def backtest_check_result(connection: Connection) -> dg.AssetCheckResult:
    """The result, of lengths with enough hidden gaps."""
    found = connection.execute(
        f"""
        WITH found AS (
            SELECT stream, resolution, pattern, length_min, gaps,
                min(rmse) FILTER (method = '{STACK}') AS own,
                min(rmse) FILTER (list_contains($comparators, method)) AS least
            FROM {BACKTEST.qualified}
            WHERE part_of_day = 'all' AND participant_id IS NULL AND gaps >= {LEAST_GAPS} GROUP BY ALL
        ), best AS (
            -- Where the best one is never wrong, any error is too much.
            SELECT *, CASE WHEN least > 0 THEN own / least WHEN own > 0 THEN 1e9 ELSE 1 END AS ratio FROM found
        )
        SELECT max(ratio), count(*) FILTER (ratio > {LIMIT}), count(*),
            arg_max(concat_ws(' ', stream, resolution, pattern, length_min || ' min'), ratio)
        FROM best
        """,
        {"comparators": list(COMPARATORS)},
    ).fetchall()[0]
    return dg.AssetCheckResult(
        check_name=WITHIN_LIMIT,
        asset_key=key_of(BACKTEST),
        passed=not found[1],
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "worst_ratio": found[0] if found[0] is not None else "nothing was tested",
            "where": found[3] or "",
            "lengths_beyond": found[1],
            "lengths_tested": found[2],
        },
    )
