"""The demo's verdict: each planted effect beside what the tables say, in words a newcomer understands."""

from dataclasses import dataclass
from pathlib import Path

from neuro_assets.lake.lake import Connection


@dataclass(frozen=True)
class Finding:
    """One planted effect and what became of it."""

    question: str
    planted: str
    found: str
    is_as_expected: bool
    is_undecided: bool = False

    @property
    def verdict(self) -> str:
        """The last column."""
        if self.is_undecided:
            return "undecided, the truth is in the interval"
        return "as planted" if self.is_as_expected else "DIFFERENT"


def compare_with_truth(connection: Connection, truth: Path) -> list[Finding]:
    """Hold the tables against the simulation's truth files."""
    for path in truth.glob("*.csv"):
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE truth_{path.stem} AS SELECT * FROM read_csv(?, header = true)", [str(path)]
        )
    return [
        _daily_totals(connection),
        _partial_day(connection),
        _duplicates(connection),
        _short_day(connection),
        _sleep_only(connection),
        _baselines(connection),
        _answers(connection),
        *_trends(connection),
    ]


def _row(connection: Connection, sql: str) -> tuple:
    row = connection.execute(sql).fetchone()
    if row is None:
        raise AssertionError("an aggregate returned no row")
    return row


def _daily_totals(connection: Connection) -> Finding:
    planted, equal, extra = _row(
        connection,
        """
        SELECT count(t.participant_id), count(*) FILTER (s.steps = t.steps), count(*) FILTER (t.participant_id IS NULL)
        FROM truth_daily_totals t
        FULL JOIN staging.daily_activity s ON s.participant_id = t.participant_id AND s.day = t.day
        """,
    )
    return Finding(
        "daily steps of every person-day",
        f"{planted} person-days",
        f"{equal} equal, {extra} too many",
        equal == planted and not extra,
    )


def _partial_day(connection: Connection) -> Finding:
    planted, complete, partial = _row(
        connection,
        """
        SELECT count(*), count(*) FILTER (s.steps = t.steps_complete),
               count(*) FILTER (s.steps = t.steps_at_cut AND t.steps_at_cut <> t.steps_complete)
        FROM truth_partial_day t
        JOIN staging.daily_activity s ON s.participant_id = t.participant_id AND s.day = t.cut_at::DATE
        """,
    )
    return Finding(
        "the day on which the first export was cut off",
        f"{planted} people have half a day, then a whole one",
        f"{complete} whole, {partial} half",
        complete == planted and not partial,
    )


def _duplicates(connection: Connection) -> Finding:
    (planted,) = _row(connection, "SELECT sum(copies - 1) FROM truth_duplicates")
    # An answer that both exports hold is left out once as well; those stand once in each file.
    (removed,) = _row(
        connection, "SELECT sum(rows_duplicate) FROM ops.staging_days WHERE table_name <> 'staging.survey_response'"
    )
    return Finding(
        "rows that stand twice in a file",
        f"{int(planted)} repeats",
        f"{int(removed)} repeats left out, each value counted once",
        int(removed) == int(planted),
    )


def _short_day(connection: Connection) -> Finding:
    day, hours, least, most = _row(
        connection,
        """
        SELECT t.day, t.hours::INTEGER, min(s.n), max(s.n)
        FROM (SELECT * FROM truth_day_length WHERE hours <> 24 LIMIT 1) t
        JOIN (SELECT day, participant_id, count(*) AS n FROM staging.steps_of_record GROUP BY ALL) s ON s.day = t.day
        GROUP BY ALL
        """,
    )
    return Finding(
        f"the night the clocks changed ({day})",
        f"a day of {hours} hours",
        f"{least} to {most} hours a person",
        least == most == hours,
    )


def _sleep_only(connection: Connection) -> Finding:
    planted, kept = _row(
        connection,
        """
        SELECT count(*), count(*) FILTER (d.has_sleep AND NOT d.has_activity)
        FROM truth_sleep_only_days t
        LEFT JOIN baselines.daily_user_summary d ON d.participant_id = t.participant_id AND d.day = t.day
        """,
    )
    return Finding("days with sleep but no activity", f"{planted} days", f"{kept} kept", kept == planted)


def _baselines(connection: Connection) -> Finding:
    planted, equal = _row(
        connection,
        """
        SELECT count(*), count(*) FILTER (
            b.baseline_steps = t.baseline_steps AND b.baseline_days = t.baseline_days
            AND b.baseline_last_day = t.baseline_end_day)
        FROM truth_baseline t
        LEFT JOIN baselines.user_baseline_activity b USING (participant_id)
        """,
    )
    return Finding("everybody's own baseline", f"{planted} people", f"{equal} equal", equal == planted)


def _answers(connection: Connection) -> Finding:
    planted, equal, extra = _row(
        connection,
        """
        WITH planted AS (
            UNPIVOT (FROM truth_ratings WHERE is_answered) ON mood, stress, tiredness INTO NAME item VALUE answer
        )
        SELECT count(t.item), count(*) FILTER (s.value = t.answer AND s.local_ts = t.answered_at),
               count(*) FILTER (t.item IS NULL)
        FROM planted t
        FULL JOIN (FROM staging.survey_response WHERE instrument = 'ema_mood') s
            ON s.participant_id = t.participant_id AND s.day = t.day AND s.item = t.item
        """,
    )
    return Finding(
        "how tired, stressed and well people were of mornings",
        f"{planted} answers",
        f"{equal} equal, {extra} too many",
        equal == planted and not extra,
    )


def _trends(connection: Connection) -> list[Finding]:
    rows = connection.execute(
        """
        SELECT t.participant_id, t.pattern, t.slope_steps_per_day, v.verdict, v.slope_steps_per_day,
               v.slope_lower_95, v.slope_upper_95
        FROM truth_trends t
        LEFT JOIN baselines.user_engagement_trend v USING (participant_id)
        ORDER BY t.participant_id
        """
    ).fetchall()
    told = [
        Finding(
            f"is {person} holding?",
            f"{pattern}, {slope:+.0f} steps a day",
            f"{verdict}, {found:+.0f} steps a day (95 %: {low:+.0f} to {high:+.0f})",
            # A month of days may leave a mild trend honestly undecided; then the truth must lie in the interval.
            is_as_expected=verdict == pattern or (verdict == "stable" and low <= slope <= high),
            is_undecided=verdict == "stable" and low <= slope <= high,
        )
        for person, pattern, slope, verdict, found, low, high in rows
        if pattern != "stable"
    ]
    steady = [r for r in rows if r[1] == "stable"]
    held = sum(r[3] == "stable" for r in steady)
    told.append(
        Finding(
            "and the others?",
            f"{len(steady)} people hold their level",
            f"{held} told as stable",
            held >= 0.8 * len(steady),
        )
    )
    return told
