"""Columns and rules that several streams share. The streams themselves are in catalogue.py."""

from neuro_assets.streams.model import Column, Rule

PROVENANCE = (
    Column("source", "VARCHAR", "Source spec the row came through"),
    Column("file_id", "VARCHAR", "sha256 of the file the row came from"),
    Column("row_number", "BIGINT", "Row of that file, the first data row being 1", ge=1),
)
PARTICIPANT = Column("participant_id", "VARCHAR", "Pseudonymous participant")
DAY = Column("day", "DATE", "The participant's local date: the partition")
LOG_ID = Column("log_id", "VARCHAR", "The vendor's log that the row belongs to", nullable=True)

_PERIOD = Column("period_s", "INTEGER", "Length of the interval the row stands for", "s", ge=1, le=86_400)


def sample_columns(*own: Column, has_period: bool = True) -> tuple[Column, ...]:
    """The columns of a stream of moments around its own ones."""
    return (
        PARTICIPANT,
        DAY,
        Column("ts", "TIMESTAMPTZ", "Instant at which the interval starts" if has_period else "Instant", "UTC"),
        Column("local_ts", "TIMESTAMP", "The participant's wall clock at ts"),
        Column("fold", "TINYINT", "1 for the second pass of a repeated autumn hour, else 0", ge=0, le=1),
        Column("utc_offset_min", "SMALLINT", "Offset of the wall clock from UTC", "min", ge=-960, le=960),
        *((_PERIOD,) if has_period else ()),
        *own,
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


def minutes(name: str, description: str) -> Column:
    """Minutes of a local day; the longest day has 25 hours."""
    return Column(name, "INTEGER", description, "min", ge=0, le=1500)


def activity_minutes() -> tuple[Column, ...]:
    """The vendor's four classes of activity, which add up to the day."""
    return (
        minutes("very_active_min", "Minutes very active"),
        minutes("fairly_active_min", "Minutes fairly active"),
        minutes("lightly_active_min", "Minutes lightly active"),
        minutes("sedentary_min", "Minutes sedentary, unworn time included by the vendor"),
    )


def day_is_local_date() -> Rule:
    """The partition follows from the wall clock."""

    def holds():
        import polars as pl

        return pl.col("local_ts").dt.date() == pl.col("day")

    told = "the partition is the date of the wall clock"
    return Rule("day_is_local_date", ("day", "local_ts"), told, holds, alike=("day", "local_ts::DATE"))


def at_most_per_second(limit: float) -> Rule:
    """An upper bound that grows with the interval."""

    def holds():
        import polars as pl

        return pl.col("value") <= limit * pl.col("period_s")

    return Rule("plausible_rate", ("value", "period_s"), f"no more than {limit:g} a second of the interval", holds)


def nobody_below_rest() -> Rule:
    """Less than half of the resting rate is no living body's: a value divided by ten twice, for instance."""

    def holds():
        import polars as pl

        return (pl.col("value") == 0) | (pl.col("value") >= 0.5)

    return Rule("nobody_below_rest", ("value",), "0 where there is no estimate, else at least half a MET", holds)


def minutes_fit_the_day() -> Rule:
    """The four classes of activity leave no room for a 25th hour."""
    parts = tuple(c.name for c in activity_minutes())

    def holds():
        import polars as pl

        # Vendors give a 23-hour day 24 hours of minutes, so a short day is not held against them.
        return pl.sum_horizontal(*parts) <= pl.max_horizontal(pl.col("day_length_min"), pl.lit(1440))

    told = "activity minutes add up to no more than the day has"
    return Rule("minutes_fit_the_day", parts, told, holds, besides=("day_length_min",))


def asleep_within_bed() -> Rule:
    """Asleep is a part of in bed."""

    def holds():
        import polars as pl

        return pl.col("minutes_asleep") <= pl.col("minutes_in_bed")

    return Rule("asleep_within_bed", ("minutes_asleep", "minutes_in_bed"), "nobody sleeps longer than in bed", holds)


def log_id_is_whole() -> Rule:
    """A log id that a spreadsheet has rounded belongs to no log, or to several."""

    def holds():
        import polars as pl

        return ~pl.col("log_id").str.contains(r"^\s*[-+]?\d+([.,]\d+)?[eE][-+]?\d+\s*$")

    return Rule("log_id_is_whole", ("log_id",), "the id is not a number that a spreadsheet has rounded", holds)
