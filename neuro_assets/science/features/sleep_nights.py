"""From logs of sleep to nights: which logs count, whose day they are, and which is the main sleep.

What is told of a night is in sleep.py, who slept when in sleep_spans.py; what a vendor's file means is in the sources.
"""

from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Any

from neuro_assets.science.local_days import US_PER_MIN, US_PER_S, in_units, in_us

if TYPE_CHECKING:
    import polars as pl

ASLEEP = ("asleep", "light", "deep", "rem")
AWAKE = ("awake", "wake")
STAGES = ("light", "deep", "rem", "wake")
CLASSIC = ("asleep", "restless", "awake")
# Classic logs know whole minutes only: from a minute on, both kinds of log can tell that somebody woke up.
AWAKENING_MIN = 1
# Clocks that are put forward or back differ by an hour at most, in quarters of one.
_TURN_US, _QUARTER_US = 60 * US_PER_MIN, 15 * US_PER_MIN
_LOG, _DAY = ["participant_id", "log_id"], ["participant_id", "day"]
_LOG_MINUTES = ("minutes_asleep", "minutes_awake", "minutes_to_fall_asleep", "minutes_after_wakeup", "efficiency_pct")


@dataclass(frozen=True, slots=True)
class SleepRule:
    """To which day a log belongs, and which logs are one sleep.

    A log belongs to the local day on which it ends by the wall clock; one that ends at or after `day_ends_at` to the
    next day: a nap until eight in the evening is part of the night that follows. Logs of one day that are at most
    `joined_within_min` of true time apart are parts of one sleep. A main sleep with less than `night_at_least_min`
    asleep is a nap on a day whose night is not recorded, as far as `known_spans` is concerned (ABCDscores 7.0.0 asks
    180 min of a main sleep).

    Others do it differently. RAPIDS (SLEEP_SUMMARY_LAST_NIGHT_END, 660) dates a log by its begin: from 11:00 on it is
    of that date, before 11:00 of the date before. So a night has the date of its evening there and that of its morning
    here, and a nap at 14:00 goes with the night after it there, with the night before it here. GGIR looks from noon to
    noon, or from 18:00 to 18:00 for who wakes up after noon, and counts a night to its evening as well.

    Raises:
        ValueError: a negative number of minutes.
    """

    day_ends_at: time = time(18)
    joined_within_min: float = 60
    night_at_least_min: float = 180

    def __post_init__(self) -> None:
        """Refuse what no sleep can have."""
        for name in ("joined_within_min", "night_at_least_min"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")


def night_facts(
    logs: "pl.DataFrame", stages: "pl.DataFrame", totals: "pl.DataFrame", rule: SleepRule
) -> "pl.DataFrame":
    """What is recorded of each night: one row per participant_id and day, sorted. Unknown is null.

    Columns: basis ("logs", or "totals" where there are none). Of the day: n_sleeps, nap_min, all_asleep_min,
    all_in_bed_min, n_logs. Of its main sleep: since, until (UTC); kind ("stages", "classic"; null where its logs have
    no stages or are of both kinds); has_stages (each log has); begin_min, end_min (wall clock, minutes after the
    midnight at the begin of the day); elapsed_min, main_in_bed_min, main_asleep_min, main_awake_min; told_* (the
    vendor's); and where it has stages asleep_after_min, rem_after_min (after the begin), awake_before_min (before the
    end), between_awake_min, n_awakenings, and in_* minutes of each stage.

    Args:
        logs: staging.sleep_session.
        stages: staging.sleep_stage. Rows without a log_id belong to no log.
        totals: staging.daily_sleep.
        rule: of the study.

    Raises:
        ValueError: a column is missing.
    """
    import polars as pl

    counted = counted_logs(logs, stages)
    epochs = log_epochs(counted, stages)
    parts = _in_sleeps(_with_minutes(counted, epochs), rule)
    sleeps = _sleeps(parts)
    main = sleeps.filter("is_main")
    own = epochs.join(parts.select("log", "sleep"), on="log").join(main.select("sleep", "has_stages"), on="sleep")
    facts = main.join(_of_day(sleeps), on=_DAY).join(_of_epochs(own.filter("has_stages")), on="sleep", how="left")
    told = _typed(totals, "totals", _totals_columns()).join(facts, on=_DAY, how="anti")
    told = told.select(
        *_DAY,
        basis=pl.lit("totals"),
        all_asleep_min="minutes_asleep",
        all_in_bed_min="minutes_in_bed",
        n_logs="sleep_records",
    )
    return pl.concat([_in_minutes(facts), told], how="diagonal").sort(_DAY)


def counted_logs(logs: "pl.DataFrame", stages: "pl.DataFrame") -> "pl.DataFrame":
    """The logs that count, in order and without overlap: those given, with log (number), kind and true times.

    A log within another one of the person is left out; of two of the same times the one with stages counts, then the
    classic one, then that with more minutes asleep. Of logs that overlap in part the later one counts from its begin
    on: begin_us and end_us are the log's own true times, until_us is how far it counts. A log without length is none.

    The end is the vendor's wall clock by the offset that holds then. A clock change within the log is known from its
    stages, or else from a length that differs from that of the wall clock: in the night the clocks go forward Fitbit
    counts an hour that did not occur into the length. A jump of more than an hour is a journey: there the length holds.
    """
    import polars as pl

    frame = _timed(_typed(logs, "logs", _logs_columns()), _typed(stages, "stages", _stages_columns()))
    order = ["participant_id", "begin_us", "end_us", "detail", "minutes_asleep", "log_id"]
    frame = frame.filter(pl.col("end_us") > pl.col("begin_us")).with_columns(
        detail=pl.col("kind").replace_strict({"stages": 2, "classic": 1}, default=0, return_dtype=pl.Int8)
    )
    frame = frame.sort(order, descending=[False, False, True, True, True, False], nulls_last=True)
    reached = pl.col("end_us").cum_max().shift().over("participant_id")
    frame = frame.filter((pl.col("end_us") > reached).fill_null(True))
    following = pl.col("begin_us").shift(-1).over("participant_id")
    return frame.with_columns(
        until_us=pl.min_horizontal("end_us", following), log=pl.int_range(pl.len(), dtype=pl.Int64)
    ).drop("detail")


def log_epochs(counted: "pl.DataFrame", stages: "pl.DataFrame") -> "pl.DataFrame":
    """The stages of the logs that count, in true time and without overlap: log, at_us, to_us, stage; in order.

    Of a log that was given in two resolutions the finer one counts. Where stages share an instant or reach out of the
    log, the vendor has counted on by the clock at its begin, through a change of it: so their wall clock is read.
    """
    import polars as pl

    times = counted.select(*_LOG, "log", "begin_us", "end_us", "until_us", began_us=in_us("local_ts"))
    frame = _typed(stages, "stages", _stages_columns()).join(times, on=_LOG)
    frame = frame.filter(pl.col("period_s") == pl.col("period_s").min().over("log")).with_columns(
        at_us=in_us("ts"), length_us=pl.col("period_s") * US_PER_S
    )
    at, to = pl.col("at_us"), pl.col("at_us") + pl.col("length_us")
    fits = (
        (at.n_unique() == pl.len()) & (at.min() >= pl.col("begin_us").first()) & (to.max() <= pl.col("end_us").first())
    )
    by_clock = pl.col("begin_us") + in_us("local_ts") - pl.col("began_us")
    frame = frame.with_columns(fits=fits.over("log"))
    frame = frame.with_columns(at_us=pl.when("fits").then("at_us").otherwise(by_clock)).with_columns(to_us=to)
    inside = (pl.col("at_us") >= pl.col("begin_us")) & (pl.col("to_us") <= pl.col("until_us"))
    return frame.filter(inside).select("log", "at_us", "to_us", "stage").sort("log", "at_us")


def recorded_sleeps(counted: "pl.DataFrame", epochs: "pl.DataFrame", rule: SleepRule) -> "pl.DataFrame":
    """The sleeps of the logs that count: participant_id, day, from_us, to_us, is_main, has_stages, main_asleep_min."""
    return _sleeps(_in_sleeps(_with_minutes(counted, epochs), rule))


def _timed(logs: "pl.DataFrame", stages: "pl.DataFrame") -> "pl.DataFrame":
    """Add to logs kind, begin_us and end_us."""
    import polars as pl

    offset = in_us("local_ts") - in_us("ts")
    kinds = [
        pl.when(pl.col("stage").is_in(list(words)).all()).then(pl.lit(kind))
        for kind, words in (("stages", STAGES), ("classic", CLASSIC))
    ]
    clock = stages.group_by(_LOG).agg(low=offset.min(), high=offset.max(), kind=pl.coalesce(kinds))
    own = pl.col("utc_offset_min") * US_PER_MIN
    beyond = in_us("end_local_ts") - in_us("local_ts") - pl.col("duration_s") * US_PER_S
    by_length = own + (beyond / _QUARTER_US).round().cast(pl.Int64) * _QUARTER_US
    high, low = ((pl.col(c) != own) & ((pl.col(c) - own).abs() <= _TURN_US) for c in ("high", "low"))
    at_end = pl.when(high).then("high").when(low).then("low").otherwise(by_length)
    # Fitbit says 0 of a night in which the clocks changed: of somebody who slept that is no value.
    is_value = (pl.col("efficiency_pct") > 0) | (pl.col("minutes_asleep") == 0)
    return logs.join(clock, on=_LOG, how="left").with_columns(
        begin_us=in_us("ts"),
        end_us=in_us("end_local_ts") - at_end,
        efficiency_pct=pl.when(is_value).then("efficiency_pct"),
    )


def _with_minutes(counted: "pl.DataFrame", epochs: "pl.DataFrame") -> "pl.DataFrame":
    """Add to logs in_bed_min, asleep_min and awake_min: the vendor's, but of a log that counts in part that part."""
    import polars as pl

    seconds = pl.col("to_us") - pl.col("at_us")
    is_asleep = pl.col("stage").is_in(list(ASLEEP))
    told = epochs.group_by("log").agg(
        slept=in_units(US_PER_MIN, seconds.filter(is_asleep).sum()),
        lay=in_units(US_PER_MIN, seconds.filter(~is_asleep).sum()),
    )
    lasted = pl.col("until_us") - pl.col("begin_us")
    share = lasted / (pl.col("end_us") - pl.col("begin_us"))
    is_whole = pl.col("until_us") == pl.col("end_us")

    def part(minutes: str, by_stages: str) -> "pl.Expr":
        cut = pl.when(pl.col("kind").is_not_null()).then(pl.col(by_stages).fill_null(0))
        return pl.when(is_whole).then(minutes).otherwise(cut.otherwise(pl.col(minutes) * share))

    frame = counted.join(told, on="log", how="left").with_columns(
        in_bed_min=in_units(US_PER_MIN, lasted),
        asleep_min=part("minutes_asleep", "slept"),
        awake_min=part("minutes_awake", "lay"),
    )
    # Vendors round: a log may say more minutes than it lasts.
    frame = frame.with_columns(asleep_min=pl.min_horizontal("asleep_min", "in_bed_min"))
    left = pl.col("in_bed_min") - pl.col("asleep_min")
    return frame.with_columns(awake_min=pl.min_horizontal("awake_min", left)).drop("slept", "lay")


def _in_sleeps(parts: "pl.DataFrame", rule: SleepRule) -> "pl.DataFrame":
    """Add to logs day, and sleep: a number that the parts of one sleep share."""
    import polars as pl

    ends = pl.col("end_local_ts")
    late = (ends.dt.time() >= rule.day_ends_at).cast(pl.Int64)
    frame = parts.with_columns(day=ends.dt.date() + pl.duration(days=late)).sort("participant_id", "day", "begin_us")
    apart = pl.col("begin_us") - pl.col("until_us").shift().over(_DAY)
    is_new = (apart > round(rule.joined_within_min * US_PER_MIN)).fill_null(True)
    return frame.with_columns(sleep=is_new.cum_sum().cast(pl.Int64))


def _sleeps(parts: "pl.DataFrame") -> "pl.DataFrame":
    """One row per sleep: of a day's the main one, which has the most minutes asleep (the earlier of equals)."""
    import polars as pl

    kind, told, in_bed = pl.col("kind"), pl.col("efficiency_pct"), pl.col("in_bed_min")
    frame = parts.group_by(*_DAY, "sleep", maintain_order=True).agg(
        from_us=pl.col("begin_us").first(),
        to_us=pl.col("until_us").last(),
        begins=pl.col("local_ts").first(),
        ends=pl.col("end_local_ts").last(),
        kind=pl.when((kind.n_unique() == 1) & (kind.null_count() == 0)).then(kind.first()),
        has_stages=kind.null_count() == 0,
        main_in_bed_min=in_bed.sum(),
        main_asleep_min=pl.col("asleep_min").sum(),
        main_awake_min=pl.col("awake_min").sum(),
        told_to_fall_asleep_min=pl.col("minutes_to_fall_asleep").first(),
        told_after_wakeup_min=pl.col("minutes_after_wakeup").last(),
        told_efficiency_pct=pl.when(told.null_count() == 0).then((told * in_bed).sum() / in_bed.sum()),
        n_parts=pl.len().cast(pl.Int64),
    )
    frame = frame.sort(*_DAY, "main_asleep_min", "from_us", descending=[False, False, True, False])
    return frame.with_columns(is_main=pl.int_range(pl.len()).over(_DAY) == 0)


def _of_day(sleeps: "pl.DataFrame") -> "pl.DataFrame":
    """What all sleeps of a day come to."""
    import polars as pl

    asleep = pl.col("main_asleep_min")
    return sleeps.group_by(_DAY).agg(
        n_sleeps=pl.len().cast(pl.Int64),
        nap_min=asleep.filter(~pl.col("is_main")).sum(),
        all_asleep_min=asleep.sum(),
        all_in_bed_min=pl.col("main_in_bed_min").sum(),
        n_logs=pl.col("n_parts").sum(),
    )


def _of_epochs(epochs: "pl.DataFrame") -> "pl.DataFrame":
    """What the stages tell of each sleep."""
    import polars as pl

    is_asleep, is_awake = (pl.col("stage").is_in(list(s)) for s in (ASLEEP, AWAKE))
    frame = epochs.sort("sleep", "at_us").with_columns(length=pl.col("to_us") - pl.col("at_us"), is_awake=is_awake)
    onset, offset = pl.col("at_us").filter(is_asleep).min(), pl.col("to_us").filter(is_asleep).max()
    between = (pl.col("at_us") >= onset) & (pl.col("to_us") <= offset)
    # All of being awake between two stages of another kind is one awakening, also across a gap.
    frame = frame.with_columns(between=between.over("sleep"), stretch=(~pl.col("is_awake")).cum_sum().over("sleep"))
    woken = frame.filter("is_awake", "between").group_by("sleep", "stretch").agg(pl.col("length").sum())
    times = woken.filter(pl.col("length") >= AWAKENING_MIN * US_PER_MIN).group_by("sleep").agg(times=pl.len())
    asleep = frame.group_by("sleep").agg(
        onset_us=onset,
        offset_us=offset,
        first_rem_us=pl.col("at_us").filter(pl.col("stage") == "rem").min(),
        waso_us=pl.col("length").filter("is_awake", "between").sum(),
        awake_us=pl.col("length").filter("is_awake").sum(),
        **{
            f"{s}_us": pl.col("length").filter(pl.col("stage") == s).sum() for s in ("deep", "light", "rem", "restless")
        },
    )
    return asleep.join(times, on="sleep", how="left")


def _in_minutes(facts: "pl.DataFrame") -> "pl.DataFrame":
    """The columns that `night_facts` names."""
    import polars as pl

    # Unknown in one half is unknown: an asleep_after_min needs that somebody fell asleep.
    slept, midnight = pl.col("onset_us").is_not_null(), in_us("day_at")
    in_stages = {s: pl.col("kind") == "stages" for s in ("deep", "light", "rem")}
    conditions = in_stages | {"restless": pl.col("kind") == "classic", "awake": pl.col("has_stages")}
    minutes = {f"in_{s}_min": pl.when(known).then(f"{s}_us") for s, known in conditions.items()} | {
        "begin_min": in_us("begins") - midnight,
        "end_min": in_us("ends") - midnight,
        "elapsed_min": pl.col("to_us") - pl.col("from_us"),
        "asleep_after_min": pl.col("onset_us") - pl.col("from_us"),
        "rem_after_min": pl.when(in_stages["rem"]).then(pl.col("first_rem_us") - pl.col("from_us")),
        "awake_before_min": pl.col("to_us") - pl.col("offset_us"),
        "between_awake_min": pl.when(slept).then("waso_us"),
    }
    same = [c for c in facts.columns if c.startswith(("told_", "main_", "all_"))]
    return facts.with_columns(day_at=pl.col("day").cast(pl.Datetime("us"))).select(
        *_DAY,
        *same,
        *("kind", "has_stages", "n_sleeps", "nap_min", "n_logs"),
        *(in_units(US_PER_MIN, us).alias(name) for name, us in minutes.items()),
        n_awakenings=pl.when(slept).then(pl.col("times").fill_null(0)).cast(pl.Int64),
        basis=pl.lit("logs"),
        since=pl.col("from_us").cast(pl.Datetime("us", "UTC")),
        until=pl.col("to_us").cast(pl.Datetime("us", "UTC")),
    )


def _typed(frame: "pl.DataFrame", name: str, columns: dict[str, Any]) -> "pl.DataFrame":
    """The named columns of a frame as they are needed.

    Raises:
        ValueError: one is missing.
    """
    import polars as pl

    absent = [c for c in columns if c not in frame.columns]
    if absent:
        raise ValueError(f"{name} have no column {', '.join(absent)}: {', '.join(columns)} are expected")
    return frame.select(pl.col(c).cast(t) for c, t in columns.items())


def _logs_columns() -> dict[str, Any]:
    import polars as pl

    return {
        **{"participant_id": pl.String, "log_id": pl.String, "ts": pl.Datetime("us", "UTC")},
        **{"local_ts": pl.Datetime("us"), "end_local_ts": pl.Datetime("us")},
        **{"utc_offset_min": pl.Int64, "duration_s": pl.Int64},
        **dict.fromkeys(_LOG_MINUTES, pl.Float64),
    }


def _stages_columns() -> dict[str, Any]:
    import polars as pl

    times = {"ts": pl.Datetime("us", "UTC"), "local_ts": pl.Datetime("us")}
    return {"participant_id": pl.String, "log_id": pl.String, **times, "period_s": pl.Int64, "stage": pl.String}


def _totals_columns() -> dict[str, Any]:
    import polars as pl

    minutes = {"minutes_asleep": pl.Float64, "minutes_in_bed": pl.Float64}
    return {"participant_id": pl.String, "day": pl.Date, "sleep_records": pl.Int64, **minutes}
