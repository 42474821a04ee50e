"""The canonical streams of this project and the ops tables that account for them.

A new stream is a new entry of `STREAMS`; nothing about vendors belongs here.
"""

from neuro_assets.streams.model import Column, Rule, Stream, Table

PROVENANCE = (
    Column("source", "VARCHAR", "Source spec the row came through"),
    Column("file_id", "VARCHAR", "sha256 of the file the row came from"),
    Column("row_number", "BIGINT", "Row of that file, the first data row being 1", ge=1),
)

_DAY = Column("day", "DATE", "The participant's local date: the partition")
_PARTICIPANT = Column("participant_id", "VARCHAR", "Pseudonymous participant")


def _sample_columns(value: Column) -> tuple[Column, ...]:
    return (
        _PARTICIPANT,
        _DAY,
        Column("ts", "TIMESTAMPTZ", "Instant at which the interval starts", "UTC"),
        Column("local_ts", "TIMESTAMP", "The participant's wall clock at ts"),
        Column("fold", "TINYINT", "1 for the second pass of a repeated autumn hour, else 0", ge=0, le=1),
        Column("utc_offset_min", "SMALLINT", "Offset of the wall clock from UTC", "min", ge=-960, le=960),
        Column("period_s", "INTEGER", "Length of the interval the row stands for", "s", ge=1, le=86_400),
        value,
        Column(
            "time_quality",
            "VARCHAR",
            "ok; dst_gap: a wall time that did not occur; dst_overlap: a repeated hour told apart by file order;"
            " dst_ambiguous: a repeated hour given once",
            isin=("ok", "dst_gap", "dst_overlap", "dst_ambiguous"),
        ),
        Column("tz_source", "VARCHAR", "Where the zone comes from", isin=("payload", "participant", "study")),
        *PROVENANCE,
    )


def _day_is_local_date() -> Rule:
    def holds():
        import polars as pl

        return pl.col("local_ts").dt.date() == pl.col("day")

    return Rule("day_is_local_date", ("day", "local_ts"), "the partition is the date of the wall clock", holds)


def _at_most_per_second(limit: float) -> Rule:
    def holds():
        import polars as pl

        return pl.col("value") <= limit * pl.col("period_s")

    return Rule("plausible_rate", ("value", "period_s"), f"no more than {limit:g} a second of the interval", holds)


def _minutes_fit_the_day() -> Rule:
    parts = ("very_active_min", "fairly_active_min", "lightly_active_min", "sedentary_min")

    def holds():
        import polars as pl

        # Vendors give a 23-hour day 24 hours of minutes, so a short day is not held against them.
        return pl.sum_horizontal(*parts) <= pl.max_horizontal(pl.col("day_length_min"), pl.lit(1440))

    return Rule("minutes_fit_the_day", parts, "activity minutes add up to no more than the day has", holds)


def _asleep_within_bed() -> Rule:
    def holds():
        import polars as pl

        return pl.col("minutes_asleep") <= pl.col("minutes_in_bed")

    return Rule("asleep_within_bed", ("minutes_asleep", "minutes_in_bed"), "nobody sleeps longer than in bed", holds)


def _samples(name: str, value: Column, description: str, sampling: str, rules: tuple[Rule, ...] = ()) -> Stream:
    return Stream(
        schema="staging",
        name=name,
        columns=_sample_columns(value),
        description=description,
        partition_by="day",
        sort_by=("participant_id", "local_ts"),
        key=("participant_id", "period_s", "local_ts", "fold"),
        values=("value",),
        sampling=sampling,  # pyright: ignore[reportArgumentType]
        rules=(_day_is_local_date(), *rules),
        unit=value.unit,
    )


def _minutes(name: str, description: str) -> Column:
    return Column(name, "INTEGER", description, "min", ge=0, le=1500)


# Bounds are wide on purpose: they refuse what cannot be, not what is unusual.
# Heart rate: 25 bpm (lowest bradycardia reported for athletes asleep) to 250; 255 is a common "no reading" value.
# Steps: 5 a second is beyond a sprint's cadence. Calories: 25,000 kcal a day is the RECOVER study's upper bound.
STREAMS: tuple[Stream, ...] = (
    _samples(
        "heart_rate",
        Column("value", "DOUBLE", "Heart rate", "bpm", ge=25, le=250),
        "Heart-rate readings.",
        "instant",
    ),
    _samples(
        "steps",
        Column("value", "DOUBLE", "Steps in the interval", "count", ge=0),
        "Steps per interval.",
        "interval",
        (_at_most_per_second(5),),
    ),
    _samples(
        "calories",
        Column("value", "DOUBLE", "Energy spent in the interval", "kcal", ge=0),
        "Energy expenditure per interval.",
        "interval",
        (_at_most_per_second(25_000 / 86_400 * 4),),
    ),
    _samples(
        "intensity",
        Column("value", "DOUBLE", "Intensity counts in the interval (0-3 a minute, summed)", "counts", ge=0),
        "Activity intensity per interval.",
        "interval",
        (_at_most_per_second(3 / 60),),
    ),
    Stream(
        schema="staging",
        name="daily_activity",
        columns=(
            _PARTICIPANT,
            _DAY,
            Column(
                "steps",
                "INTEGER",
                "Steps of the day; 0 is a count, not a missing day",
                "count",
                ge=0,
                le=200_000,
            ),
            Column("distance_km", "DOUBLE", "Distance of the day", "km", ge=0, le=300),
            Column("calories_kcal", "DOUBLE", "Energy of the day", "kcal", ge=0, le=25_000),
            _minutes("very_active_min", "Minutes very active"),
            _minutes("fairly_active_min", "Minutes fairly active"),
            _minutes("lightly_active_min", "Minutes lightly active"),
            _minutes("sedentary_min", "Minutes sedentary, unworn time included by the vendor"),
            *PROVENANCE,
        ),
        description="The vendor's daily activity summary, one row per participant-day.",
        partition_by="day",
        sort_by=("participant_id",),
        key=("participant_id", "day"),
        values=(
            "steps",
            "distance_km",
            "calories_kcal",
            "very_active_min",
            "fairly_active_min",
            "lightly_active_min",
            "sedentary_min",
        ),
        rules=(_minutes_fit_the_day(),),
    ),
    Stream(
        schema="staging",
        name="daily_sleep",
        columns=(
            _PARTICIPANT,
            _DAY,
            Column("sleep_records", "INTEGER", "Sleep periods, naps included", "count", ge=1, le=24),
            Column("minutes_asleep", "INTEGER", "Minutes asleep", "min", ge=0, le=1500),
            Column("minutes_in_bed", "INTEGER", "Minutes in bed", "min", ge=0, le=1500),
            *PROVENANCE,
        ),
        description="The vendor's daily sleep summary, one row per participant-day (dated on the wake day).",
        partition_by="day",
        sort_by=("participant_id",),
        key=("participant_id", "day"),
        values=("sleep_records", "minutes_asleep", "minutes_in_bed"),
        rules=(_asleep_within_bed(),),
    ),
)


def stream(name: str) -> Stream:
    """The stream of that name.

    Raises:
        KeyError: naming the known streams.
    """
    for candidate in STREAMS:
        if candidate.name == name:
            return candidate
    raise KeyError(f"unknown stream '{name}'; known: {', '.join(s.name for s in STREAMS)}")


OPS_TABLES: tuple[Table, ...] = (
    Table(
        "ops",
        "landing_files",
        (
            Column("file_id", "VARCHAR", "sha256 of the bytes"),
            Column("original_name", "VARCHAR", "Name the file had when it first arrived"),
            Column("size_bytes", "BIGINT", "Size", "bytes"),
            Column("status", "VARCHAR", "loaded or rejected", isin=("loaded", "rejected")),
            Column("source", "VARCHAR", "Source spec", nullable=True),
            Column("file_kind", "VARCHAR", "Kind of file within the source", nullable=True),
            Column("raw_table", "VARCHAR", "Raw table the rows went to", nullable=True),
            Column("spec_version", "INTEGER", "Version of the source spec that read it", nullable=True),
            Column("rows", "BIGINT", "Data rows in the file", "count", nullable=True),
            Column("rows_without_day", "BIGINT", "Rows whose time could not be read", "count", nullable=True),
            Column("rows_outside_window", "BIGINT", "Rows outside the study window", "count", nullable=True),
            Column("first_day", "DATE", "First local day in the file", nullable=True),
            Column("last_day", "DATE", "Last local day in the file", nullable=True),
            Column("as_of", "TIMESTAMP", "How far the export had seen (local wall clock)", nullable=True),
            Column("date_order", "VARCHAR", "Order of day, month and year that was decided", nullable=True),
            Column("date_evidence", "VARCHAR", "What decided the date order", nullable=True),
            Column("reason_code", "VARCHAR", "Why it was refused", nullable=True),
            Column("reason", "VARCHAR", "The same in words, with the remedy", nullable=True),
            Column("stored_path", "VARCHAR", "Where the bytes are, relative to the home"),
            Column("first_arrived_at", "TIMESTAMPTZ", "First arrival of these bytes; ties are decided by it"),
            Column("loaded_at", "TIMESTAMPTZ", "Last load or refusal"),
            Column("supersedes_at", "TIMESTAMPTZ", "Set when a person said this file overrides", nullable=True),
        ),
        "One line per distinct file: what it was, what became of it, and why.",
    ),
    Table(
        "ops",
        "landing_arrivals",
        (
            Column("file_id", "VARCHAR", "sha256 of the bytes"),
            Column("name", "VARCHAR", "Name at this arrival"),
            Column("arrived_at", "TIMESTAMPTZ", "When it was taken"),
            Column(
                "outcome",
                "VARCHAR",
                "loaded, duplicate or rejected",
                isin=("loaded", "duplicate", "rejected"),
            ),
        ),
        "Every arrival, repeated ones included.",
    ),
    Table(
        "ops",
        "landing_file_days",
        (
            Column("file_id", "VARCHAR", "sha256 of the bytes"),
            Column("raw_table", "VARCHAR", "Raw table"),
            Column("day", "DATE", "Local day", nullable=True),
            Column("rows", "BIGINT", "Rows of that day", "count"),
            Column("loaded_at", "TIMESTAMPTZ", "When these rows were written"),
        ),
        "Which days a file touched: what to recompute, and what a replay reads.",
    ),
    Table(
        "ops",
        "outbox",
        (
            Column("raw_table", "VARCHAR", "Raw table"),
            Column("day", "DATE", "Touched day"),
            Column("file_id", "VARCHAR", "Cause", nullable=True),
            Column("cause", "VARCHAR", "ingest, replay, study_changed or catch_up"),
            Column("created_at", "TIMESTAMPTZ", "When"),
        ),
        "Touched days not yet reported to Dagster; written with the rows, so that no report is ever lost.",
    ),
    Table(
        "ops",
        "quarantine",
        (
            Column("table_name", "VARCHAR", "Table the row was kept out of"),
            Column("source", "VARCHAR", "Source spec"),
            Column("file_id", "VARCHAR", "sha256 of the file"),
            Column("row_number", "BIGINT", "Row of the file"),
            Column("source_participant_id", "VARCHAR", "Id as the file gives it", nullable=True),
            Column("day", "DATE", "Local day", nullable=True),
            Column("rule", "VARCHAR", "Rule that refused it"),
            Column("column_name", "VARCHAR", "Column at fault", nullable=True),
            Column("value", "VARCHAR", "Value at fault", nullable=True),
        ),
        "Rows kept out, with the rule, the value and the origin.",
    ),
    Table(
        "ops",
        "day_holds",
        (
            Column("table_name", "VARCHAR", "Table"),
            Column("day", "DATE", "Day kept at its previous version"),
            Column("reason", "VARCHAR", "Why"),
            Column("failed_rows", "BIGINT", "Rows that failed", "count"),
            Column("total_rows", "BIGINT", "Rows judged", "count"),
            Column("held_at", "TIMESTAMPTZ", "Since when"),
            Column("released_at", "TIMESTAMPTZ", "When a good version took its place", nullable=True),
        ),
        "Days whose new version was refused; open ones have no released_at.",
    ),
    Table(
        "ops",
        "staging_days",
        (
            Column("table_name", "VARCHAR", "Staging table"),
            Column("day", "DATE", "Day"),
            Column("status", "VARCHAR", "accepted or held", isin=("accepted", "held")),
            Column("rows_in", "BIGINT", "Raw rows considered", "count"),
            Column("rows_staged", "BIGINT", "Rows accepted", "count"),
            Column("participants", "BIGINT", "Participants among them", "count"),
            Column("rows_duplicate", "BIGINT", "Equal rows of the same measurement", "count"),
            Column("rows_superseded", "BIGINT", "Rows that gave way to a better view", "count"),
            Column("rows_quarantined", "BIGINT", "Rows kept out", "count"),
            Column("disagreements", "BIGINT", "Measurements on which complete views differ", "count"),
            Column("raw_version", "VARCHAR", "Version of the raw days that was read"),
            Column("study_version", "VARCHAR", "Version of the protocol that was applied"),
            Column("staged_at", "TIMESTAMPTZ", "When"),
        ),
        "The account of every staged day: rows in = staged + duplicate + superseded + quarantined.",
    ),
    Table(
        "ops",
        "pipeline_runs",
        (
            Column("run_id", "VARCHAR", "Dagster run"),
            Column("job", "VARCHAR", "Job"),
            Column("status", "VARCHAR", "SUCCESS, FAILURE or CANCELED"),
            Column("partition_start", "VARCHAR", "First day of the run", nullable=True),
            Column("partition_end", "VARCHAR", "Last day of the run", nullable=True),
            Column("started_at", "TIMESTAMPTZ", "Start", nullable=True),
            Column("ended_at", "TIMESTAMPTZ", "End", nullable=True),
            Column("duration_ms", "BIGINT", "Duration", "ms", nullable=True),
            Column("error", "VARCHAR", "Error of a failed run, without values", nullable=True),
        ),
        "Finished runs.",
    ),
    Table(
        "ops",
        "study_state",
        (
            Column("subject", "VARCHAR", "window, protocol or participant:<id>"),
            Column("state", "VARCHAR", "What the protocol said of it when rows were last placed"),
        ),
        "The protocol the staged days follow; a difference to study.yaml says what to recompute.",
    ),
    Table(
        "ops",
        "audit",
        (
            Column("decided_at", "TIMESTAMPTZ", "When"),
            Column("actor", "VARCHAR", "Who"),
            Column("action", "VARCHAR", "What was decided"),
            Column("subject", "VARCHAR", "On what"),
            Column("detail", "VARCHAR", "With which reason", nullable=True),
        ),
        "Decisions people took by hand.",
    ),
)

FRAME_TABLES: tuple[Table, ...] = (
    Table(
        "baselines",
        "user_engagement_trend",
        (
            Column("participant_id", "VARCHAR", "Pseudonymous participant"),
            Column(
                "verdict",
                "VARCHAR",
                "Whether activity holds: improving, stable, degrading, or too_little_data to say",
                isin=("improving", "stable", "degrading", "too_little_data"),
            ),
            Column("first_day", "DATE", "First day with activity data"),
            Column("last_day", "DATE", "Last day with activity data"),
            Column("trend_days", "INTEGER", "Worn days after the baseline window", "count", ge=0),
            Column("baseline_steps", "DOUBLE", "The person's baseline", "count", nullable=True),
            Column("slope_steps_per_day", "DOUBLE", "Theil-Sen slope of daily steps", "count/day", nullable=True),
            Column("slope_lower_95", "DOUBLE", "Lower end of its 95 % interval", "count/day", nullable=True),
            Column("slope_upper_95", "DOUBLE", "Upper end of its 95 % interval", "count/day", nullable=True),
            Column(
                "slope_pct_of_baseline_per_week",
                "DOUBLE",
                "Slope relative to the baseline",
                "%/week",
                nullable=True,
            ),
            Column("mann_kendall_p", "DOUBLE", "Two-sided p, corrected for autocorrelation", nullable=True),
            Column("mann_kendall_tau", "DOUBLE", "Kendall's tau-b", nullable=True),
            Column(
                "share_active_7d",
                "DOUBLE",
                "Active share of the last 7 days of the study so far",
                nullable=True,
            ),
            Column(
                "share_active_28d",
                "DOUBLE",
                "Active share of the last 28 days of the study so far",
                nullable=True,
            ),
        ),
        "Is each person's activity holding or degrading against their own baseline?",
        sort_by=("participant_id",),
    ),
)
