"""What a plot of one person's series is made of: values, gaps, and the stretches that lines are drawn through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal, cast

import duckdb
import polars as pl

from neuro_assets.lake.errors import LakeError
from neuro_assets.lake.lake import Connection
from neuro_assets.science.imputation.rules import DEFAULTS
from neuro_assets.science.imputation.series import RESOLUTIONS
from neuro_assets.streams.catalogue import stream as stream_of
from neuro_assets.streams.imputed import DAILY, GAP, GAP_TOTAL, values_table
from neuro_assets.streams.model import Stream

Kind = Literal["observed", "imputed", "not_worn", "empty"]
DAYS_SHOWN = 7
LONGEST_BY_MINUTE = 2
# Points of a line, but for stretches that are shorter than a point: two weeks of tens of minutes.
_POINTS = 2_016
_BINS_MIN = (10, 30, 60, 180, 360, 720, 1440)
_DAY = timedelta(days=1)


class PlotError(LakeError):
    """There is nothing to draw."""


@dataclass(frozen=True)
class PlotData:
    """One person's stream over some days.

    Attributes:
        participant: pseudonymous id.
        stream: what is drawn.
        since: first local day.
        until: last local day.
        points: columns of the stream's tables of values, with `step_min`, in order of time; a row each minute or hour.
        gaps: those that reach into the days: `gap_id`, `begins` and `ends` by the person's clock, `shown_from` and
            `shown_to` as far as they are in the days, `gap_min`, `reason`, `refusal`; `total`, `lower_90`, `upper_90`.
    """

    participant: str
    stream: Stream
    since: date
    until: date
    points: pl.DataFrame
    gaps: pl.DataFrame

    @property
    def days(self) -> int:
        """How many days."""
        return (self.until - self.since).days + 1

    @property
    def adds_up(self) -> bool:
        """True for counts, False for readings."""
        return self.stream.sampling == "interval"

    @property
    def steps_min(self) -> list[int]:
        """How many minutes values stand for: those of all days, least first."""
        return sorted(self.points["step_min"].unique())

    @property
    def bin_min(self) -> int:
        """How many minutes a point of the picture stands for; hours are never cut."""
        finest = self.steps_min[0]
        if finest == 1 and self.days <= LONGEST_BY_MINUTE:
            return 1
        fitting = (b for b in _BINS_MIN if b >= finest and self.days * 1440 // b <= _POINTS)
        return next(fitting, _BINS_MIN[-1])

    @property
    def counted(self) -> str:
        """What amounts of the stream are told in."""
        return self.stream.name if self.stream.unit in {"count", "counts"} else self.stream.unit

    @property
    def unit(self) -> str:
        """Of what is drawn. Counts are told as rates, so that days by the minute and by the hour have one scale."""
        return f"{self.counted} per {'minute' if self.steps_min[0] == 1 else 'hour'}" if self.adds_up else self.counted

    def of_kind(self, kind: Kind) -> pl.DataFrame:
        """The points of a kind; what was recorded while the device was not worn is imputed or empty as well."""
        return self.points.filter(_KINDS[kind])

    def minutes(self, kind: Kind) -> int:
        """How many minutes of the days are of a kind."""
        return int(self.of_kind(kind)["step_min"].sum())


_KINDS: dict[Kind, pl.Expr] = {
    "observed": pl.col("value").is_not_null() & ~pl.col("is_imputed"),
    "imputed": pl.col("value").is_not_null() & pl.col("is_imputed"),
    "not_worn": pl.col("observed_value").is_not_null() & (pl.col("value").is_null() | pl.col("is_imputed")),
    "empty": pl.col("value").is_null(),
}


def read_series_of(
    connection: Connection, participant: str, stream: str, since: date | None = None, until: date | None = None
) -> PlotData:
    """A person's filled-in series over local days, both ends included, with the gaps that reach into them.

    Args:
        connection: on the lake.
        participant: pseudonymous id.
        stream: name of a stream.
        since: first day; else six days before the last one.
        until: last day; else the last one on which something was observed.

    Raises:
        PlotError: there is nothing of that; it says what there is, or what to run.
    """
    if stream not in DEFAULTS:
        raise PlotError(f"gaps of '{stream}' are never filled in; there are series of {', '.join(DEFAULTS)}")
    kind = stream_of(stream)
    try:
        days = _days_of(connection, participant, stream)
        first, last = _range(days, since, until)
        names = days.filter(pl.col("day").is_between(first, last))["resolution"].unique().sort().to_list()
        bound = {"who": participant, "since": first, "until": last}
        frames = [_points(connection, kind, name, bound) for name in names]
        points = pl.concat(frames).sort("ts") if frames else pl.DataFrame()
        if points.is_empty():
            there = f"{days['day'].min()} to {days['day'].max()}"
            raise PlotError(
                f"no {stream} of {participant} from {first} to {last}: there are days from {there}; `neuro run` adds"
                " those that are new"
            )
        gaps = pl.concat([_gaps(connection, participant, kind, name, points) for name in names]).sort("begins")
    except duckdb.CatalogException:
        raise PlotError("there are no filled-in series yet; `neuro run` writes them") from None
    return PlotData(participant, kind, first, last, points, _clipped(gaps, first, last))


def _days_of(connection: Connection, participant: str, stream: str) -> pl.DataFrame:
    """Every day of a person's stream, its resolution, and how much of it was observed."""
    found = connection.execute(
        f"SELECT stream, day, resolution, observed_min FROM {DAILY.qualified} WHERE participant_id = ? ORDER BY day",
        [participant],
    ).pl()
    days = found.filter(pl.col("stream") == stream)
    if days.is_empty():
        others = ", ".join(found["stream"].unique().sort().to_list())
        there = f"there is {others}" if others else "there is nothing of that person"
        raise PlotError(
            f"no {stream} of {participant}: {there}; `neuro status` tells what is there, and `neuro run` fills in what"
            " the protocol expects"
        )
    return days


def _range(days: pl.DataFrame, since: date | None, until: date | None) -> tuple[date, date]:
    observed = days.filter(pl.col("observed_min") > 0)
    last = until or cast("date", (observed if observed.height else days)["day"].max())
    first = since or last - (DAYS_SHOWN - 1) * _DAY
    if last < first:
        raise PlotError(f"the range ends on {last}, before it begins on {first}: give an earlier first day")
    return first, last


def _points(connection: Connection, stream: Stream, resolution: str, bound: Mapping[str, object]) -> pl.DataFrame:
    step = RESOLUTIONS[resolution].step_min
    return connection.execute(
        f"SELECT ts, local_ts, fold, {step} AS step_min, value, observed_value, is_imputed, lower_90, upper_90, gap_id,"
        f" refusal, mode FROM {values_table(stream, resolution).qualified}"
        " WHERE participant_id = $who AND day BETWEEN $since AND $until ORDER BY ts",
        bound,
    ).pl()


def _gaps(
    connection: Connection, participant: str, stream: Stream, resolution: str, points: pl.DataFrame
) -> pl.DataFrame:
    """Gaps that reach into the points, with the person's clock at both ends: a gap may begin before the days."""
    first, last = points["ts"][0], points["ts"][-1] + timedelta(minutes=points["step_min"][-1])
    return connection.execute(
        f"""
        WITH found AS (
            SELECT gap_id, ts, until_ts, gap_min, reason, refusal FROM {GAP.qualified}
            WHERE participant_id = $who AND stream = $stream AND resolution = $resolution
                AND ts < $last AND until_ts > $first
        ), near AS (
            SELECT DISTINCT unnest([ts::DATE - 1, ts::DATE, until_ts::DATE - 1, until_ts::DATE]) AS day FROM found
        ), clock AS (
            SELECT ts, local_ts FROM {values_table(stream, resolution).qualified} SEMI JOIN near USING (day)
            WHERE participant_id = $who
        ), total AS (
            SELECT gap_id, unnest(arg_max(struct_pack(total, lower_90, upper_90), day)) FROM {GAP_TOTAL.qualified}
            WHERE participant_id = $who AND stream = $stream GROUP BY gap_id
        )
        SELECT f.gap_id, b.local_ts + (f.ts - b.ts) AS begins, e.local_ts + (f.until_ts - e.ts) AS ends,
            f.gap_min, f.reason, f.refusal, t.total, t.lower_90, t.upper_90
        FROM found f ASOF JOIN clock b ON f.ts >= b.ts ASOF JOIN clock e ON f.until_ts > e.ts
        LEFT JOIN total t USING (gap_id)
        """,
        {"who": participant, "stream": stream.name, "resolution": resolution, "first": first, "last": last},
    ).pl()


def _clipped(gaps: pl.DataFrame, since: date, until: date) -> pl.DataFrame:
    """Gaps with `shown_from` and `shown_to`: as far as they are within the days."""
    first, after = datetime.combine(since, time()), datetime.combine(until + _DAY, time())
    # Where the clock is put back within a gap, it may end before it begins.
    ends = pl.when(pl.col("ends") > pl.col("begins")).then(pl.col("ends"))
    return gaps.with_columns(
        shown_from=pl.max_horizontal("begins", pl.lit(first)),
        shown_to=pl.min_horizontal(ends.otherwise(pl.col("begins") + pl.duration(minutes="gap_min")), pl.lit(after)),
    ).filter(pl.col("shown_from") < pl.col("shown_to"))


def segments(data: PlotData, kind: Kind) -> list[pl.DataFrame]:
    """Stretches of one kind without a minute of another between them, of one gap and by one clock.

    Each has a row for each point that is drawn: `begins` and `ends` by the person's clock, `gap_id`, the mean `value`,
    and the mean ends of the intervals, in the unit of the picture. A point takes in no minutes of another kind.
    """
    what = "observed_value" if kind == "not_worn" else "value"
    length = pl.duration(minutes="step_min")
    jump = pl.col("local_ts") - pl.col("local_ts").shift() - length.shift()
    follows = (
        (pl.col("ts") == pl.col("ts").shift() + length.shift())
        # No line runs back where the clock is put back, nor over what a journey skips; over the hour of spring it does.
        & jump.is_between(timedelta(), timedelta(hours=1))
        & (pl.col("step_min") == pl.col("step_min").shift())
        & pl.col("gap_id").eq_missing(pl.col("gap_id").shift())
    )
    scale = pl.col("step_min") / data.steps_min[0] if data.adds_up else pl.lit(1)
    binned = (
        data.of_kind(kind)
        .with_columns(run=(~follows.fill_null(value=False)).cum_sum(), ends=pl.col("local_ts") + length)
        .group_by("run", pl.col("local_ts").dt.truncate(f"{data.bin_min}m").alias("bin"), maintain_order=True)
        .agg(
            pl.col("local_ts").first().alias("begins"),
            pl.col("ends").last(),
            pl.col("gap_id").first(),
            (pl.col(what) / scale).mean().alias("value"),
            (pl.col("lower_90") / scale).mean(),
            (pl.col("upper_90") / scale).mean(),
        )
    )
    return [run.drop("run", "bin") for run in binned.partition_by("run", maintain_order=True)]


def fates(data: PlotData) -> dict[str, tuple[int, int, list[str]]]:
    """Gap -> its minutes within the days that were filled in, those left empty, and the refusals of these."""
    found = (
        data.points.filter(pl.col("gap_id").is_not_null())
        .group_by("gap_id")
        .agg(
            pl.col("step_min").filter(_KINDS["imputed"]).sum().alias("imputed"),
            pl.col("step_min").filter(_KINDS["empty"]).sum().alias("empty"),
            pl.col("refusal").drop_nulls().unique().sort(),
        )
    )
    return {gap: (imputed, empty, refusals) for gap, imputed, empty, refusals in found.iter_rows()}


def refusals_of(data: PlotData) -> Sequence[str]:
    """Why minutes of the days were left empty."""
    return data.points["refusal"].drop_nulls().unique().sort().to_list()
