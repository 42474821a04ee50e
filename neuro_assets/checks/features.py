"""What must hold of features whatever the data: values that can be, a row for what is there, spans of what was."""

import dagster as dg

from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange
from neuro_assets.science.features.model import Family
from neuro_assets.science.features.trailing import LEAST_SHARE
from neuro_assets.streams.features import trailing_table
from neuro_assets.streams.model import Table
from neuro_assets.streams.series import SERIES_1D

POSSIBLE, ONCE = "values_are_possible", "rows_are_there_once"
AS_SEEN, AS_DAYS = "totals_are_of_what_was_seen", "spans_are_of_their_days"
_KEY = ("participant_id", "day", "segment", "window_days", "stream", "instrument", "score_name", "category")
_TOLD = {
    POSSIBLE: "Every value is within the bounds of its definition.",
    ONCE: "There is one row of a person's day, part of the day and span.",
    AS_SEEN: "What is told of a whole day is of no more minutes than it has, and of no other days than the rollups'.",
    AS_DAYS: "Means of spans are those of the days in them, computed another way.",
}


def feature_check_specs(table: Table, *besides: str) -> list[dg.AssetCheckSpec]:
    """Specs of the checks of a table of features: those of all of them, and those named."""
    return [
        dg.AssetCheckSpec(name, asset=key_of(table), description=_TOLD[name]) for name in (POSSIBLE, ONCE, *besides)
    ]


def table_check_results(connection: Connection, table: Table, days: DayRange) -> list[dg.AssetCheckResult]:
    """The checks that every table of features has."""
    bounds = [
        f"({c.name} < {c.ge if c.ge is not None else '-inf'} OR {c.name} > {c.le if c.le is not None else 'inf'})"
        for c in table.columns
        if c.ge is not None or c.le is not None
    ]
    beyond = " OR ".join(bounds).replace("-inf", "'-inf'::DOUBLE").replace("> inf", "> 'inf'::DOUBLE") or "false"
    key = ", ".join(c for c in _KEY if c in table.column_names)
    return [
        _result(POSSIBLE, table, _count(connection, f"SELECT count(*) FROM {_rows(table)} WHERE {beyond}", days)),
        _result(
            ONCE, table, _count(connection, f"SELECT count(*) - count(DISTINCT ({key})) FROM {_rows(table)}", days)
        ),
    ]


def seen_check_result(connection: Connection, table: Table, days: DayRange) -> dg.AssetCheckResult:
    """Whether whole days are those of the rollups, with no more minutes and no greater sum than there are."""
    total = "OR m.total > s.total * (1 + 1e-9) + 1e-6" if "total" in table.column_names else ""
    sql = f"""
        SELECT count(*) FROM (SELECT * FROM {_rows(table)} WHERE segment = 'day') m
        LEFT JOIN {SERIES_1D.qualified} s ON s.participant_id = m.participant_id AND s.day = m.day
            AND s.stream = '{table.name}' AND s.finest = m.basis AND s.day BETWEEN $first AND $last
        WHERE s.participant_id IS NULL OR m.length_min IS DISTINCT FROM s.length_min
            OR m.observed_min > m.length_min {total}
    """
    return _result(AS_SEEN, table, _count(connection, sql, days))


def spans_check_result(connection: Connection, family: Family, base: Table, days: DayRange) -> dg.AssetCheckResult:
    """Whether the means of a family's first trailing feature are those of its days."""
    table = trailing_table(family)
    name = next(f.name for f in family if f.is_trailing)
    whole = "segment = 'day'" if "segment" in base.column_names else "true"
    sql = f"""
        SELECT count(*) FROM {_rows(table)} t
        WHERE t.days IS DISTINCT FROM (
            SELECT count(*) FROM {base.qualified} d WHERE {whole} AND d.participant_id = t.participant_id
                AND d.day <= t.day AND d.day > t.day - t.window_days
        ) OR abs(coalesce(t.{name}_mean, -1) - coalesce((
            SELECT CASE WHEN {LEAST_SHARE[1]} * count({name}) >= {LEAST_SHARE[0]} * t.window_days
                THEN sum({name}) / count({name}) END
            FROM {base.qualified} d WHERE {whole} AND d.participant_id = t.participant_id
                AND d.day <= t.day AND d.day > t.day - t.window_days
        ), -1)) > 1e-6 + 1e-9 * abs(t.{name}_mean)
    """
    return _result(AS_DAYS, table, _count(connection, sql, days))


def _rows(table: Table) -> str:
    return f"(SELECT * FROM {table.qualified} WHERE day BETWEEN $first AND $last)"


def _count(connection: Connection, sql: str, days: DayRange) -> int:
    return int(connection.execute(sql, {"first": days.start, "last": days.end}).fetchall()[0][0])


def _result(name: str, table: Table, wrong: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=key_of(table),
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"rows_wrong": wrong},
    )
