"""Filling gaps of a range of days: which values, gaps and totals are written, and which days beside them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial

import polars as pl

from neuro_assets.imputation.fill import Filled, fill_day
from neuro_assets.imputation.gaps import tell_gaps
from neuro_assets.imputation.models import Learned, learn_all, mode_of, read_model, spans_of
from neuro_assets.imputation.resolutions import DayPeople, resolutions_of
from neuro_assets.imputation.rules import driver_of, imputed_streams, rule_for
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables, missing_tables
from neuro_assets.lake.lake import Connection, gather_by_day, look_here_first
from neuro_assets.science.imputation.model import Mode
from neuro_assets.science.imputation.rules import Rule
from neuro_assets.science.imputation.series import RESOLUTIONS, Resolution
from neuro_assets.series.grid import read_grids
from neuro_assets.streams.coverage import COVERAGE_TABLES, HOURLY
from neuro_assets.streams.imputed import DAILY, DROPOUT, GAP, GAP_TOTAL, MODEL_TABLES, OBSERVED, values_table
from neuro_assets.streams.model import Stream, Table
from neuro_assets.streams.series import SERIES_TABLES
from neuro_assets.study import Study

_DAY = timedelta(days=1)
# What is held in memory at once: a week of everybody, or more days of few people.
_DAYS_AT_ONCE, _CELLS_AT_ONCE = 7, 2_000_000


@dataclass(frozen=True)
class ImputationReport:
    """What was written.

    Attributes:
        rows: table -> rows.
        imputed: values that were filled in.
        days_beside: days that were not asked for, written because what decides them is new.
    """

    rows: dict[str, int]
    imputed: int
    days_beside: frozenset[date]


@dataclass(frozen=True)
class _Task:
    """One stream of people whose values are equally far apart."""

    study: Study
    stream: Stream
    resolution: Resolution
    mode: Mode
    rule: Rule
    read: Callable[[date], Learned | None]

    @property
    def table(self) -> Table:
        return values_table(self.stream, self.resolution.name)

    @property
    def reach(self) -> int:
        """How many days away what is seen may decide a day."""
        # A day may have 23 hours.
        return -(-(self.resolution.context_min + 60) // 1440)

    def model_of(self, day: date) -> Learned | None:
        """The model that holds on a day."""
        spans = spans_of(self.study, self.mode, day, day)
        return self.read(spans[0].valid_from) if spans else None


def imputation_tables(study: Study) -> tuple[Table, ...]:
    """Every table that imputation writes under a protocol."""
    values = [values_table(s, r) for s in imputed_streams(study) for r in RESOLUTIONS]
    return (*MODEL_TABLES, OBSERVED, GAP, GAP_TOTAL, DAILY, *values)


def ensure_imputation(connection: Connection, job: Ingest) -> None:
    """Make the tables that imputation reads and writes, where they are missing."""
    tables = (*imputation_tables(job.study), *COVERAGE_TABLES, *SERIES_TABLES)
    if missing_tables(connection, tables):
        with job.lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, tables)


def impute_days(
    connection: Connection, job: Ingest, first: date, last: date, now: datetime | None = None
) -> ImputationReport:
    """Write observed stretches, gaps, totals and regular series of the days `first` to `last`.

    What is seen around a day decides it, so days beside are written again where it changes them, for those people whom
    it concerns. Models that are missing are learned first; those that are there are left as they are, so that a late
    file changes the days it touches and no others.

    Args:
        connection: with the tables of staging, coverage and the rollups there.
        job: the study and the lake.
        first: first local day.
        last: last local day.
        now: the clock.
    """
    study, tables = job.study, imputation_tables(job.study)
    ensure_imputation(connection, job)
    look_here_first(connection)
    streams, mode = imputed_streams(study), mode_of(study, (now or datetime.now(UTC)).date())
    for _ in learn_all(connection, job, streams, mode, first, last, anew=False):
        pass
    rows = dict.fromkeys((t.qualified for t in tables if t not in MODEL_TABLES), 0)
    imputed, beside = 0, set[date]()
    for stream in streams:
        _leave_uncovered(connection, job, stream, first, last)
        places, left = resolutions_of(connection, stream, first, last)
        for name, resolution in RESOLUTIONS.items():
            if not (places.get(name) or left.get(name)):
                continue
            read = cache(partial(read_model, connection, stream.name, resolution, mode))
            task = _Task(study, stream, resolution, mode, rule_for(study, stream.name, name), read)
            made = _impute(connection, job, task, places.get(name, {}), left.get(name, {}))
            for table, count in made.rows.items():
                rows[table] += count
            imputed += made.imputed
            beside |= made.days
    return ImputationReport(rows, imputed, frozenset(day for day in beside if not first <= day <= last))


def _leave_uncovered(connection: Connection, job: Ingest, stream: Stream, first: date, last: date) -> None:
    """Take away what the days asked for have of people of whom coverage tells nothing on them any more."""
    bound = {"stream": stream.name, "first": first, "last": last}
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE left_days AS
        SELECT DISTINCT participant_id, day FROM {DAILY.qualified}
        WHERE stream = $stream AND day BETWEEN $first AND $last AND (participant_id, day) NOT IN (
            SELECT (participant_id, day) FROM {HOURLY.qualified}
            WHERE stream = $stream AND day BETWEEN $first AND $last)
        """,
        bound,
    )
    if not connection.execute("SELECT 1 FROM left_days LIMIT 1").fetchone():
        return
    values = [values_table(stream, name) for name in RESOLUTIONS]
    gone = (*values, OBSERVED, GAP, GAP_TOTAL, DAILY)
    with job.lake.transaction(connection, [t.qualified for t in gone]):
        for table in gone:
            connection.execute(
                f"DELETE FROM {table.qualified} t USING left_days d WHERE t.participant_id = d.participant_id"
                f" AND t.day = d.day{'' if table in values else ' AND t.stream = $stream'}",
                {} if table in values else {"stream": stream.name},
            )


@dataclass(frozen=True)
class _Made:
    """One stream and resolution: table -> rows, values that were filled in, and the days that were written."""

    rows: dict[str, int]
    imputed: int
    days: frozenset[date]


def _impute(connection: Connection, job: Ingest, task: _Task, asked: DayPeople, left: DayPeople) -> _Made:
    _prepare(connection)
    _make(connection, task, asked, "asked")
    _note_days(connection, left, "left")
    tell_gaps(connection, task.study, task.stream, task.resolution, task.rule, task.mode)
    # Days beside, of those of whom a gap reaches there or is another one now; with all gaps that they have.
    beside = _beside(connection, task, min((*asked, *left)), max((*asked, *left)))
    if beside:
        _make(connection, task, beside, "beside")
        tell_gaps(connection, task.study, task.stream, task.resolution, task.rule, task.mode)
    _finish(connection, task)
    return _write(connection, job, task)


def _prepare(connection: Connection) -> None:
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE made_observed (participant_id VARCHAR, day DATE, ts TIMESTAMPTZ,"
        " until_ts TIMESTAMPTZ, state VARCHAR)"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE made_cells (participant_id VARCHAR, day DATE, start_min BIGINT, minute SMALLINT,"
        " fold TINYINT, observed_value DOUBLE, counts BOOLEAN, is_off BOOLEAN, estimate DOUBLE, lower_90 DOUBLE,"
        " upper_90 DOUBLE, method VARCHAR, minutes_from_edge INTEGER, refusal VARCHAR, model_version VARCHAR)"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE made_totals (participant_id VARCHAR, day DATE, ts TIMESTAMPTZ,"
        " until_ts TIMESTAMPTZ, total DOUBLE, lower_90 DOUBLE, upper_90 DOUBLE, method VARCHAR, model_version VARCHAR)"
    )
    connection.execute("CREATE OR REPLACE TEMP TABLE made_days (participant_id VARCHAR, day DATE, kind VARCHAR)")


def _make(connection: Connection, task: _Task, whose: DayPeople, kind: str) -> None:
    """Estimate days of some people into the temporary tables."""
    driver = driver_of(task.study, task.stream, task.resolution)
    most = max((len(who) for who in whose.values()), default=1)
    at_once = max(_DAYS_AT_ONCE, _CELLS_AT_ONCE // (most * task.resolution.a_day))
    for days in contiguous_days(whose, at_once):
        people = sorted(frozenset().union(*(whose[day] for day in days)))
        after = task.reach if task.mode == "whole_record" else 0
        around = days[0] - task.reach * _DAY, days[-1] + after * _DAY
        for grid in read_grids(connection, task.study, task.stream, task.resolution, people, *around, driver=driver):
            made: list[Filled] = []
            for day in days:
                filled = fill_day(grid, task.resolution, task.mode, task.rule, task.model_of(day), day)
                if filled is not None:
                    made.append(filled.of(whose[day]))
            _keep(connection, made, kind)


def _note_days(connection: Connection, whose: DayPeople, kind: str) -> None:
    told = [(who, day, kind) for day, people in whose.items() for who in sorted(people)]
    if told:
        connection.executemany("INSERT INTO made_days VALUES (?, ?, ?)", told)


def contiguous_days(days: Iterable[date], at_once: int) -> list[list[date]]:
    """Days side by side together, no more than so many."""
    found: list[list[date]] = []
    for day in sorted(days):
        if found and day - found[-1][-1] == _DAY and len(found[-1]) < at_once:
            found[-1].append(day)
        else:
            found.append([day])
    return found


def _keep(connection: Connection, made: Sequence[Filled], kind: str) -> None:
    # Stretches of days beside are there.
    for name in ("cells", "totals", "days", *(("observed",) if kind == "asked" else ())):
        frames = [frame for filled in made if (frame := getattr(filled, name)).height]
        if frames:
            frame = pl.concat(frames)
            told = frame.with_columns(kind=pl.lit(kind)) if name == "days" else frame
            connection.register("frame_made", told.to_arrow())
            connection.execute(f"INSERT INTO made_{name} BY NAME SELECT * FROM frame_made")
            connection.unregister("frame_made")


_BESIDE = f"""
WITH old AS (
    SELECT g.participant_id, g.ts, g.until_ts, g.reason, g.is_over, g.refusal FROM {GAP.qualified} g
    JOIN gap_span s ON s.participant_id = g.participant_id AND g.ts >= s.since AND g.ts < s.until
    WHERE g.stream = $stream AND g.resolution = $resolution
), new AS (SELECT participant_id, ts, until_ts, reason, is_over, refusal FROM made_gap
), changed AS ((FROM old EXCEPT FROM new) UNION ALL (FROM new EXCEPT FROM old)
), days AS (
    SELECT DISTINCT h.participant_id, h.day FROM {HOURLY.qualified} h
    JOIN changed c ON c.participant_id = h.participant_id AND h.ts < c.until_ts
        AND h.ts + to_minutes(h.length_min) > c.ts
    WHERE h.stream = $stream
    UNION
    -- What is seen near the edge of the days decides gaps beside it.
    SELECT participant_id, unnest(generate_series(
        greatest($first - $before, ts::DATE - 1), least($last + $after, until_ts::DATE + 1), INTERVAL 1 DAY
    ))::DATE AS day
    FROM {GAP.qualified} SEMI JOIN gap_span USING (participant_id)
    WHERE stream = $stream AND resolution = $resolution
        AND ts < ($last + $after + 2)::TIMESTAMPTZ AND until_ts > ($first - $before - 1)::TIMESTAMPTZ
)
SELECT day, list(DISTINCT participant_id) FROM days
SEMI JOIN (
    SELECT participant_id, day FROM {DAILY.qualified} WHERE stream = $stream AND resolution = $resolution
) USING (participant_id, day)
ANTI JOIN told_days USING (participant_id, day) GROUP BY day
"""


def _beside(connection: Connection, task: _Task, first: date, last: date) -> DayPeople:
    """Days that are not told anew, and the people of whom they may be others now."""
    found = connection.execute(
        _BESIDE,
        {
            "stream": task.stream.name,
            "resolution": task.resolution.name,
            "first": first,
            "last": last,
            "before": task.reach if task.mode == "whole_record" else 0,
            "after": task.reach,
        },
    ).fetchall()
    return {day: frozenset(whose) for day, whose in found}


# Most cells were observed: they are in no gap, and need not be looked for in any.
_VALUES = f"""
CREATE OR REPLACE TEMP TABLE made_values AS
WITH missing AS (
    SELECT c.*, make_timestamptz(start_min * 60_000_000) AS ts FROM made_cells c WHERE NOT counts
), placed AS (
    SELECT c.*, g.gap_id, g.gap_min, c.ts < g.until_ts AS is_within,
        coalesce(g.refusal,
            CASE WHEN c.is_off AND NOT $not_worn AND g.reason <> '{DROPOUT}' THEN 'not_allowed' END, c.refusal) AS why
    FROM missing c ASOF LEFT JOIN made_gap_day g
        ON g.participant_id = c.participant_id AND g.day = c.day AND c.ts >= g.ts
), told AS (
    SELECT *, is_within AND estimate IS NOT NULL AND why IS NULL AS is_imputed FROM placed
    -- Outside of what the protocol asks for nothing is missing.
    WHERE is_within OR observed_value IS NOT NULL
)
SELECT participant_id, day, make_timestamptz(start_min * 60_000_000) AS ts,
    day + to_minutes(minute::BIGINT) AS local_ts, fold, observed_value AS value, observed_value,
    false AS is_imputed, NULL::VARCHAR AS method,
    NULL::DOUBLE AS lower_90, NULL::DOUBLE AS upper_90, NULL::VARCHAR AS gap_id, NULL::INTEGER AS gap_min,
    NULL::INTEGER AS minutes_from_edge, NULL::VARCHAR AS refusal, $mode AS mode, NULL::VARCHAR AS model_version
FROM made_cells WHERE counts
UNION ALL
SELECT participant_id, day, ts, day + to_minutes(minute::BIGINT), fold, CASE WHEN is_imputed THEN estimate END,
    observed_value, coalesce(is_imputed, false), CASE WHEN is_imputed THEN method END,
    CASE WHEN is_imputed THEN lower_90 END, CASE WHEN is_imputed THEN upper_90 END,
    CASE WHEN is_within THEN gap_id END, CASE WHEN is_within THEN gap_min END,
    CASE WHEN is_imputed THEN minutes_from_edge END,
    CASE WHEN is_within AND NOT is_imputed THEN coalesce(why, 'no_estimate') END, $mode,
    CASE WHEN is_imputed THEN model_version END
FROM told
"""
# What was not done off the wrist adds up to nothing.
_TOTALS = f"""
CREATE OR REPLACE TEMP TABLE made_gap_total AS
SELECT t.participant_id, t.day, $stream AS stream, $resolution AS resolution,
    g.gap_id, g.gap_min, t.total, t.lower_90, t.upper_90, t.method, $mode AS mode, t.model_version
FROM made_totals t JOIN made_gap g USING (participant_id, ts, until_ts)
WHERE (g.refusal IS NULL OR g.refusal = 'only_totals')
    AND (g.unworn_min = 0 OR $not_worn OR g.reason = '{DROPOUT}')
"""


def _finish(connection: Connection, task: _Task) -> None:
    """Make `made_values` and `made_gap_total`: the rows as they are written."""
    told = {"mode": task.mode, "not_worn": "not_worn" in task.study.imputation.reasons}
    connection.execute(_VALUES, told)
    connection.execute(_TOTALS, told | {"stream": task.stream.name, "resolution": task.resolution.name})


_DAILY = """
CREATE OR REPLACE TEMP TABLE made_daily AS
SELECT d.participant_id, d.day, $stream AS stream, $resolution AS resolution, $mode AS mode,
    coalesce($step * count(*) FILTER (value IS NOT NULL AND NOT is_imputed), 0)::INTEGER AS observed_min,
    coalesce($step * count(*) FILTER (is_imputed), 0)::INTEGER AS imputed_min,
    coalesce($step * count(*) FILTER (v.participant_id IS NOT NULL AND value IS NULL), 0)::INTEGER AS empty_min,
    CASE WHEN $adds_up AND count(value) > 0
        THEN round(coalesce(sum(value) FILTER (NOT is_imputed), 0), 9) END AS observed_total,
    CASE WHEN $adds_up AND count(value) > 0
        THEN round(coalesce(sum(value) FILTER (is_imputed), 0), 9) END AS imputed_total
FROM (SELECT participant_id, day FROM made_days WHERE kind <> 'left') d
LEFT JOIN made_values v USING (participant_id, day) GROUP BY ALL
"""


def _write(connection: Connection, job: Ingest, task: _Task) -> _Made:
    table, stream, resolution = task.table, task.stream, task.resolution
    own = {"stream": stream.name, "resolution": resolution.name}
    connection.execute(
        _DAILY,
        own | {"mode": task.mode, "step": resolution.step_min, "adds_up": stream.sampling == "interval"},
    )
    _leave_unchanged(connection, table, own)
    written = "SEMI JOIN written_days USING (participant_id, day)"
    rows = {
        OBSERVED: f"SELECT *, '{stream.name}' AS stream, '{resolution.name}' AS resolution FROM made_observed",
        GAP: "SELECT * EXCLUDE (n, unworn_min) FROM made_gap",
        GAP_TOTAL: f"SELECT * FROM made_gap_total {written}",
        DAILY: f"SELECT * FROM made_daily {written}",
        table: f"SELECT * FROM made_values {written}",
    }
    others = [values_table(stream, name) for name in RESOLUTIONS]
    with job.lake.transaction(connection, [t.qualified for t in (*rows, *others)]):
        connection.execute(
            f"DELETE FROM {GAP.qualified} g USING gap_span s WHERE s.participant_id = g.participant_id"
            " AND g.stream = $stream AND g.resolution = $resolution AND g.ts >= s.since AND g.ts < s.until",
            own,
        )
        for gone in (OBSERVED, GAP_TOTAL, DAILY, *others):
            connection.execute(
                f"DELETE FROM {gone.qualified} t USING written_days d WHERE t.participant_id = d.participant_id"
                f" AND t.day = d.day{' AND d.is_asked' if gone is OBSERVED else ''}"
                f"{'' if gone in others else ' AND t.stream = $stream'}",
                {} if gone in others else {"stream": stream.name},
            )
        days = connection.execute("SELECT DISTINCT day FROM written_days").fetchall()
        gather_by_day(connection, len(days))
        counts = {t.qualified: _insert(connection, t, sql) for t, sql in rows.items()}
    imputed = connection.execute(f"SELECT count(*) FROM ({rows[table]}) WHERE is_imputed").fetchall()[0][0]
    return _Made(counts, imputed, frozenset(day for (day,) in days))


def _leave_unchanged(connection: Connection, table: Table, own: Mapping[str, str]) -> None:
    """Make `written_days`: those asked for, and of those beside the ones that change."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE beside AS"
        " SELECT DISTINCT participant_id, day FROM made_days WHERE kind = 'beside'"
    )
    connection.execute("CREATE OR REPLACE TEMP TABLE changed_days AS SELECT * FROM beside LIMIT 0")
    for made, there in (("made_values", table), ("made_gap_total", GAP_TOTAL), ("made_daily", DAILY)):
        columns = ", ".join(there.column_names)
        whose = "" if there is table else "stream = $stream AND resolution = $resolution AND "
        connection.execute(
            f"""
            INSERT INTO changed_days
            WITH new AS (SELECT {columns} FROM {made} SEMI JOIN beside USING (participant_id, day)),
            old AS (SELECT {columns} FROM {there.qualified} SEMI JOIN beside USING (participant_id, day)
                WHERE {whose}day IN (SELECT day FROM beside))
            SELECT DISTINCT participant_id, day
            FROM ((FROM new EXCEPT FROM old) UNION ALL (FROM old EXCEPT FROM new))
            """,
            dict(own) if whose else {},
        )
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE written_days AS
        SELECT DISTINCT participant_id, day, true AS is_asked FROM made_days WHERE kind = 'asked'
        UNION ALL SELECT DISTINCT participant_id, day, false FROM changed_days
        """
    )


def _insert(connection: Connection, table: Table, rows: str) -> int:
    order = ", ".join((*((table.partition_by,) if table.partition_by else ()), *table.sort_by))
    found = connection.execute(f"INSERT INTO {table.qualified} BY NAME {rows} ORDER BY {order}").fetchall()
    return found[0][0]
