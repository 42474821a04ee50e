"""What must hold of features whatever the data: values that can be, a row for what is there, spans of what was."""

import dagster as dg

from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange
from neuro_assets.science.features.model import Family
from neuro_assets.science.features.trailing import LEAST_SHARE
from neuro_assets.streams.coverage import VALID_DAY
from neuro_assets.streams.episodes import SCREEN_DAY
from neuro_assets.streams.features import FEATURE_CATALOG, trailing_table
from neuro_assets.streams.model import Table
from neuro_assets.streams.series import SERIES_1D
from neuro_assets.streams.surveys import SURVEY_SCORE

POSSIBLE, ONCE = "values_are_possible", "rows_are_there_once"
AS_SEEN, AS_DAYS = "totals_are_of_what_was_seen", "spans_are_of_their_days"
AS_COVERED, AS_EPISODES, AS_SCORED = "days_are_of_coverage", "days_are_of_screen_day", "scores_were_given_by_then"
KNOWN_HOLD = "known_answers_hold"
AS_HOURS, IN_BED, AS_NIGHTS = "levels_are_in_order", "sleep_is_within_bed", "spans_are_of_their_nights"
_KEY = ("participant_id", "day", "segment", "window_days", "stream", "instrument", "score_name", "category")
_TOLD = {
    POSSIBLE: "Every value is within the bounds of its definition.",
    ONCE: "There is one row of a person's day, part of the day and span.",
    AS_SEEN: "What is told of a whole day is of no more minutes than it has, and of no other days than the rollups'.",
    AS_HOURS: "The lowest five hours are not above the highest ten, and spans have no more days than they are long.",
    IN_BED: "Nobody sleeps longer than in bed, or wakes up before falling asleep; stages are within the time in bed.",
    AS_NIGHTS: "Nights and mean sleep of spans are those of the nights in them, computed another way.",
    AS_COVERED: "The days are those of coverage.valid_day, as whole and as valid.",
    AS_EPISODES: "Episodes and minutes of whole days are those of baselines.screen_day, made another way.",
    AS_SCORED: "Every score is one of baselines.survey_score, given on the day or before it.",
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
        ), -1)) > 1e-6 + 1e-9 * abs(coalesce(t.{name}_mean, 0))
    """
    return _result(AS_DAYS, table, _count(connection, sql, days))


def hours_check_result(connection: Connection, table: Table, days: DayRange) -> dg.AssetCheckResult:
    """Whether rhythms are in order: l5 <= m10, and no more days than the span has."""
    sql = f"SELECT count(*) FROM {_rows(table)} WHERE l5 > m10 + 1e-9 * abs(m10) OR days > window_days OR days < 1"
    return _result(AS_HOURS, table, _count(connection, sql, days))


def in_bed_check_result(connection: Connection, table: Table, days: DayRange) -> dg.AssetCheckResult:
    """Whether nights are possible."""
    sql = f"""
        SELECT count(*) FROM {_rows(table)}
        WHERE asleep_min > in_bed_min + 1e-6 OR total_asleep_min > total_in_bed_min + 1e-6
            OR asleep_min > total_asleep_min + 1e-6 OR onset_min > midpoint_min OR until < since
            OR deep_min + light_min + rem_min > in_bed_min + 1e-6 OR agreeing_min > paired_min
    """
    return _result(IN_BED, table, _count(connection, sql, days))


def nights_check_result(connection: Connection, table: Table, nights: Table, days: DayRange) -> dg.AssetCheckResult:
    """Whether spans have the nights, and the mean of their sleep, that are in them."""
    within = (
        f"FROM {nights.qualified} n WHERE n.participant_id = t.participant_id"
        " AND n.day <= t.day AND n.day > t.day - t.window_days"
    )
    sql = f"""
        SELECT count(*) FROM {_rows(table)} t
        WHERE t.n_nights IS DISTINCT FROM (SELECT count(*)::DOUBLE {within})
            OR abs(t.total_asleep_mean_min - (SELECT sum(total_asleep_min) / count(total_asleep_min) {within})) > 1e-6
    """
    return _result(AS_NIGHTS, table, _count(connection, sql, days))


def covered_check_result(connection: Connection, table: Table, days: DayRange) -> dg.AssetCheckResult:
    """Whether days of data yield are those of coverage."""
    columns = "participant_id, day, length_min, is_handed_over"
    told = f"SELECT {columns}, is_valid_day FROM {_rows(table)}"
    there = f"SELECT {columns}, is_valid FROM {_rows(VALID_DAY)}"
    sql = f"SELECT count(*) FROM ((({told}) EXCEPT ({there})) UNION ALL (({there}) EXCEPT ({told})))"
    return _result(AS_COVERED, table, _count(connection, sql, days))


def screen_check_result(connection: Connection, table: Table, days: DayRange) -> dg.AssetCheckResult:
    """Whether the use of whole days is that of the table of daily totals."""
    sql = f"""
        SELECT count(*) FROM (SELECT * FROM {_rows(table)} WHERE segment = 'day' AND episodes > 0) f
        FULL JOIN {_rows(SCREEN_DAY)} d USING (participant_id, day)
        WHERE f.episodes IS DISTINCT FROM d.n_episodes OR abs(f.total_min - d.sum_min) > 1e-6
    """
    return _result(AS_EPISODES, table, _count(connection, sql, days))


def scores_check_result(connection: Connection, table: Table, days: DayRange) -> dg.AssetCheckResult:
    """Whether scores had been given by the day that they are told of."""
    sql = f"""
        SELECT count(*) FROM {_rows(table)} f WHERE f.age_days < 0 OR NOT EXISTS (
            SELECT 1 FROM {SURVEY_SCORE.qualified} s
            WHERE s.participant_id = f.participant_id AND s.instrument = f.instrument AND s.score_name = f.score_name
                AND s.ts = f.answered_ts AND s.day = f.day - f.age_days AND s.score = f.score
        )
    """
    return _result(AS_SCORED, table, _count(connection, sql, days))


def catalog_check_spec() -> dg.AssetCheckSpec:
    """Spec of the check of the catalogue."""
    told = "Every definition gives the answers that are known of it."
    return dg.AssetCheckSpec(KNOWN_HOLD, asset=key_of(FEATURE_CATALOG), description=told)


def catalog_check_result(connection: Connection) -> dg.AssetCheckResult:
    """Whether all known answers hold, of all definitions."""
    wrong = connection.execute(
        f"SELECT family || '.' || feature FROM {FEATURE_CATALOG.qualified}"
        " WHERE known_hold < known_answers ORDER BY ALL"
    ).fetchall()
    return dg.AssetCheckResult(
        check_name=KNOWN_HOLD,
        asset_key=key_of(FEATURE_CATALOG),
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"wrong": ", ".join(name for (name,) in wrong)},
    )


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
