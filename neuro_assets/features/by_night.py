"""Features of nights: from logs of sleep, their stages, or the vendor's total of a day, to a row a night."""

from collections.abc import Sequence
from datetime import date, time, timedelta

import numpy as np
import polars as pl

from neuro_assets.features.by_minute import FeatureReport
from neuro_assets.features.stretches import days_from, stretches, write_days
from neuro_assets.features.versions import definitions_of, outdated_days
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Connection, look_here_first
from neuro_assets.science.features.sleep import SLEEP, nights
from neuro_assets.science.features.sleep_nights import SleepRule
from neuro_assets.science.features.sleep_regularity import day_before, pair_nights, states_of
from neuro_assets.science.features.sleep_spans import asleep_spans, known_spans
from neuro_assets.science.features.sleep_windows import SLEEP_WINDOWS, sleep_windows
from neuro_assets.science.imputation.series import MINUTE
from neuro_assets.series.clock import tell_clocks
from neuro_assets.series.grid import cells_of
from neuro_assets.streams.features import SLEEP_NIGHT, SLEEP_SPANS
from neuro_assets.study import Study

_DAY = timedelta(days=1)
# A log lasts two days at most, and may be cut by one that begins on the day before or after.
_LONGEST_DAYS = 3
# A night is compared with those of the two days before it.
_COMPARED_DAYS = 2
_BEFORE, _AFTER = 1, _LONGEST_DAYS + _COMPARED_DAYS
# Some 10 million half minutes of stages of 1,000 people at once.
_AT_ONCE = 4


def tell_nights(connection: Connection, job: Ingest, first: date, last: date) -> FeatureReport:
    """Write the nights that rows of sleep of the days `first` to `last` may be of, and those of other definitions.

    Args:
        connection: with the tables of staging there.
        job: the study and the lake.
        first: first local day on which a log that may be new begins.
        last: last local day.
    """
    rule = _rule(job.study)
    definitions = definitions_of([SLEEP], rule)
    look_here_first(connection)
    asked = set(days_from(first, last))
    touched = set(days_from(first - _BEFORE * _DAY, last + _AFTER * _DAY))
    written = touched | set(outdated_days(connection, SLEEP_NIGHT, definitions))
    rows, beside = 0, set[date]()
    for days in stretches(written, _AT_ONCE):
        frame = _nights(connection, job.study, rule, days)
        rows += write_days(connection, job.lake, SLEEP_NIGHT, days, frame.with_columns(definitions=pl.lit(definitions)))
        beside |= set(frame["day"].unique().to_list())
    return FeatureReport({SLEEP_NIGHT.qualified: rows}, frozenset(beside - asked))


def tell_sleep_spans(connection: Connection, job: Ingest, first: date, last: date) -> FeatureReport:
    """Write the spans that end on the days that nights of the days `first` to `last` are in.

    Args:
        connection: with the nights written.
        job: the study and the lake.
        first: first local day that was asked for when nights were written.
        last: last local day.
    """
    windows = job.study.features.windows
    definitions = definitions_of([SLEEP_WINDOWS], [windows, _rule(job.study)])
    asked = set(days_from(first, last))
    reached = set(days_from(first - _BEFORE * _DAY, last + (_AFTER + max(windows)) * _DAY))
    written = reached | set(outdated_days(connection, SLEEP_SPANS, definitions))
    rows, beside = 0, set[date]()
    for days in stretches(written, 31):
        found = connection.execute(
            f"SELECT * FROM {SLEEP_NIGHT.qualified} WHERE day BETWEEN ? AND ?",
            [days[0] - max(windows) * _DAY, days[-1]],
        ).pl()
        with_nights = found.filter(pl.col("day").is_in(days))["day"].unique()
        frames = [_spans(found, with_nights, window) for window in windows]
        frame = pl.concat(frames).with_columns(definitions=pl.lit(definitions))
        rows += write_days(connection, job.lake, SLEEP_SPANS, days, frame)
        beside |= set(with_nights.to_list())
    return FeatureReport({SLEEP_SPANS.qualified: rows}, frozenset(beside - asked))


def _rule(study: Study) -> SleepRule:
    own = study.features.sleep
    return SleepRule(time(own.day_ends_at // 60, own.day_ends_at % 60), own.joined_within_min)


def _nights(connection: Connection, study: Study, rule: SleepRule, days: Sequence[date]) -> pl.DataFrame:
    reach = (_LONGEST_DAYS + _COMPARED_DAYS) * _DAY
    near = f"day BETWEEN DATE '{days[0] - reach}' AND DATE '{days[-1] + _DAY}'"
    logs = connection.execute(f"SELECT * EXCLUDE (source, file_id, row_number) FROM staging.sleep_session WHERE {near}")
    logs = logs.pl()
    stages = connection.execute(
        f"SELECT participant_id, ts, local_ts, log_id, period_s, stage FROM staging.sleep_stage WHERE {near}"
    ).pl()
    totals = connection.execute(f"SELECT * FROM staging.daily_sleep WHERE {near}").pl()
    found = nights(logs, stages, totals, rule)
    pairs = _pairs(connection, study, rule, logs, stages, found)
    return found.join(pairs, on=["participant_id", "day"], how="left").filter(pl.col("day").is_in(days))


def _pairs(
    connection: Connection,
    study: Study,
    rule: SleepRule,
    logs: pl.DataFrame,
    stages: pl.DataFrame,
    found: pl.DataFrame,
) -> pl.DataFrame:
    """participant_id, day, paired_min and agreeing_min of nights with one of the day before; nobody without a zone."""
    schema = {"participant_id": pl.String, "day": pl.Date, "paired_min": pl.Int32, "agreeing_min": pl.Int32}
    is_night = pl.col("asleep_min") >= rule.night_at_least_min
    main = found.filter(pl.col("until").is_not_null(), is_night).sort("participant_id", "day")
    is_next = (pl.col("day") - pl.col("day").shift() == _DAY).over("participant_id")
    previous = pl.when(is_next).then(pl.col("until").shift().over("participant_id"))
    main = main.select("participant_id", "day", "until", previous=previous)
    if main["previous"].is_not_null().sum() == 0:
        return pl.DataFrame(schema=schema)
    asleep, known = asleep_spans(logs, stages), known_spans(logs, stages, rule)
    people = main["participant_id"].unique().sort().to_list()
    begin, end = min(main["day"]) - 2 * _DAY, max(main["day"]) + _DAY
    tell_clocks(connection, study, people, begin, end)
    clocks: dict[int, list[str]] = {}
    for who, clock in connection.execute("SELECT participant_id, clock FROM clock_people ORDER BY 1").fetchall():
        clocks.setdefault(clock, []).append(who)
    frames = [pl.DataFrame(schema=schema)]
    for clock, whose in clocks.items():
        cells = cells_of(connection, clock, MINUTE)
        start = int(cells.start_min[0])
        before = day_before(cells.day, cells.minute)
        for n in range(0, len(whose), 200):
            some = whose[n : n + 200]
            own = main.filter(pl.col("participant_id").is_in(some), pl.col("previous").is_not_null())
            states = states_of(asleep, known, some, start, len(cells.start_min))
            who = own["participant_id"].replace_strict(some, range(len(some)), return_dtype=pl.Int64).to_numpy()
            ends, since = (_minute(own[c]) - start for c in ("until", "previous"))
            agreeing, paired = pair_nights(states, before, who, ends, np.maximum(since, 0))
            told = own.select("participant_id", "day", paired_min=pl.Series(paired), agreeing_min=pl.Series(agreeing))
            frames.append(told.cast(schema))  # pyright: ignore[reportArgumentType]
    return pl.concat(frames)


def _minute(moments: pl.Series) -> np.ndarray:
    """Whole minutes since 1970-01-01 UTC."""
    return moments.dt.epoch("us").to_numpy() // 60_000_000


def _spans(found: pl.DataFrame, days: pl.Series, window: int) -> pl.DataFrame:
    """The spans that end on days on which anybody has a night, of those who have one in them."""
    people = found.select("participant_id").unique()
    wanted = people.join(days.to_frame("day"), how="cross")
    told = sleep_windows(found, wanted, window).filter(pl.col("n_nights") > 0)
    return told.with_columns(pl.col("window_days").cast(pl.Int16))
