"""When people were asleep, and when it is known whether they were: what the regularity of sleep is computed from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from neuro_assets.science.features.sleep_nights import (
    ASLEEP,
    CLASSIC,
    STAGES,
    SleepRule,
    counted_logs,
    log_epochs,
    recorded_sleeps,
)

if TYPE_CHECKING:
    import polars as pl


def asleep_spans(logs: "pl.DataFrame", stages: "pl.DataFrame") -> "pl.DataFrame":
    """When people were asleep: participant_id, since, until (UTC, half-open), sorted, neither overlapping nor touching.

    From the stages of logs that count. A log without stages tells nothing of a minute: see `known_spans`.
    """
    counted = counted_logs(logs, stages)
    asleep = _spans_of(log_epochs(counted, stages), counted, ASLEEP)
    return _swept({"asleep": asleep}, {"asleep": True})


def known_spans(logs: "pl.DataFrame", stages: "pl.DataFrame", rule: SleepRule) -> "pl.DataFrame":
    """When it is known whether people slept; columns as of `asleep_spans`.

    A minute between two nights is known where both are recorded: from the begin of the main sleep of a day to the end
    of that of the next day, if both have stages and enough sleep (`SleepRule.night_at_least_min`): beside a mere nap
    the night may be missing. A night with no such night beside it is known in itself. What is not asleep in there was
    awake: a watch that was worn in both nights is taken to have seen the naps between. Time of a log without a stage
    stays unknown.
    """
    import polars as pl

    counted = counted_logs(logs, stages)
    epochs = log_epochs(counted, stages)
    is_night = pl.col("main_asleep_min") >= rule.night_at_least_min
    main = (
        recorded_sleeps(counted, epochs, rule).filter("is_main", "has_stages", is_night).sort("participant_id", "day")
    )
    is_next = (pl.col("day").shift(-1) - pl.col("day") == pl.duration(days=1)).over("participant_id")
    following = pl.col("to_us").shift(-1).over("participant_id")
    known = main.select("participant_id", at_us="from_us", to_us=pl.when(is_next).then(following).otherwise("to_us"))
    layers = {
        "known": known,
        "log": counted.select("participant_id", at_us="begin_us", to_us="until_us"),
        "stage": _spans_of(epochs, counted, (*STAGES, *CLASSIC)),
    }
    # What is in a log has to have a stage.
    return pl.concat(
        [_swept(layers, {"known": True, "log": False}), _swept(layers, {"known": True, "stage": True})]
    ).pipe(_merged)


def _spans_of(epochs: "pl.DataFrame", counted: "pl.DataFrame", stages: Sequence[str]) -> "pl.DataFrame":
    """The time in one of these stages, a span for each run of them: participant_id, at_us, to_us."""
    import polars as pl

    own = epochs.filter(pl.col("stage").is_in(list(stages))).sort("log", "at_us")
    is_new = (pl.col("at_us") != pl.col("to_us").shift()).over("log").fill_null(True)
    runs = (
        own.with_columns(run=is_new.cum_sum()).group_by("log", "run").agg(pl.col("at_us").min(), pl.col("to_us").max())
    )
    return runs.join(counted.select("log", "participant_id"), on="log").select("participant_id", "at_us", "to_us")


def _swept(layers: "dict[str, pl.DataFrame]", where: dict[str, bool]) -> "pl.DataFrame":
    """The time that is (or is not) in spans of these layers: participant_id, since, until; merged."""
    import polars as pl

    edges = [
        layers[name].select("participant_id", pl.col(column).alias("at_us"), pl.lit(step).alias(name))
        for name in where
        for column, step in (("at_us", 1), ("to_us", -1))
    ]
    line = pl.concat(edges, how="diagonal").group_by("participant_id", "at_us").agg(pl.col(*where).sum())
    line = line.sort("participant_id", "at_us").with_columns(
        pl.col(*where).cum_sum().over("participant_id"), to_us=pl.col("at_us").shift(-1).over("participant_id")
    )
    holds = [(pl.col(name) > 0) == is_in for name, is_in in where.items()]
    found = line.filter(pl.col("to_us").is_not_null(), *holds)
    return _merged(
        found.select(
            "participant_id",
            since=pl.col("at_us").cast(pl.Datetime("us", "UTC")),
            until=pl.col("to_us").cast(pl.Datetime("us", "UTC")),
        )
    )


def _merged(spans: "pl.DataFrame") -> "pl.DataFrame":
    """Spans that touch become one; none overlap."""
    import polars as pl

    frame = spans.sort("participant_id", "since")
    is_new = (pl.col("since") != pl.col("until").shift()).over("participant_id").fill_null(True)
    frame = frame.with_columns(span=is_new.cum_sum())
    frame = frame.group_by("participant_id", "span", maintain_order=True).agg(
        since=pl.col("since").first(), until=pl.col("until").last()
    )
    return frame.drop("span")
