"""A month of everything that features are told from, its rows as frames that a test may alter, and all that is told."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from math import isclose
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from neuro_assets.coverage.compute import cover_days
from neuro_assets.features.by_minute import ensure_features, tell_days
from neuro_assets.features.by_night import tell_nights, tell_sleep_spans
from neuro_assets.features.by_rhythm import tell_rhythms
from neuro_assets.features.by_survey import tell_survey, tell_yield
from neuro_assets.features.trailing import tell_spans
from neuro_assets.features.use import tell_use
from neuro_assets.ingest.load import Ingest, prepare_tables
from neuro_assets.lake.lake import Connection
from neuro_assets.science.features.sleep import SLEEP
from neuro_assets.science.features.use import USE_FAMILIES
from neuro_assets.science.features.yields import YIELD
from neuro_assets.scoring.compute import score_days
from neuro_assets.series.rollup import roll_up_days
from neuro_assets.sessions.compute import sessionise_days
from neuro_assets.streams.coverage import COVERAGE_TABLES
from neuro_assets.streams.episodes import EPISODE_TABLES
from neuro_assets.streams.features import FEATURE_CATALOG, FEATURE_TABLES, MINUTE_FAMILIES, MINUTE_TABLES, SLEEP_NIGHT
from neuro_assets.streams.features import trailing_table as spans_of
from neuro_assets.streams.features_use import FEATURES_DATA_YIELD, FEATURES_SURVEY, USE_TABLES
from neuro_assets.streams.model import Table
from neuro_assets.streams.series import SERIES_TABLES
from neuro_assets.streams.surveys import SURVEY_TABLES
from neuro_assets.surveys.load import home_sources
from neuro_assets_tests.conftest import MakeJob
from neuro_assets_tests.science.features.sleep_records import Log, by_hand, log_frame, stage_frame

ZONE = "America/New_York"
FIRST, LAST = date(2019, 10, 18), date(2019, 11, 16)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
# The clock goes back in the night after this day, at 02:00 of the next.
CLOCK_CHANGES = date(2019, 11, 2)
USE_SPANS = {f.name: spans_of(f) for f in USE_FAMILIES if any(each.is_trailing for each in f)}
TABLES: tuple[Table, ...] = (
    *(t for t in FEATURE_TABLES if t is not FEATURE_CATALOG),
    *USE_TABLES.values(),
    *USE_SPANS.values(),
    FEATURES_DATA_YIELD,
    spans_of(YIELD),
    FEATURES_SURVEY,
)
STUDY: dict[str, object] = {
    "window": {"start": FIRST, "end": LAST},
    "default_time_zone": ZONE,
    "expected_streams": ("steps", "heart_rate", "sleep_session"),
    "events": {"categories": {"chat": "social", "video": "fun"}, "distracting": ["fun"]},
    "features": {"circadian_streams": ["steps", "heart_rate"]},
    "surveys": (),
}
# What counts of several responses, each way that an instrument may say it.
REPEATS = {"each": ("moment", "last"), "last_of_day": ("day", "last"), "first_of_day": ("day", "first")}
REPEATS |= {"one_of_day": ("day", "none"), "last_of_all": ("study", "last"), "first_of_all": ("study", "first")}
REPEATS |= {"one_of_all": ("study", "none")}
_CODEBOOK = """
name: {name}
version: 1
title: Mood
choices:
  how: {{0: low, 1: middling, 2: high, 3: very high}}
items:
  now: {{text: mood now, choices: how}}
scores:
  total: {{items: [now]}}
repeat: {{within: {within}, keep: {keep}}}
"""
_CLOCKED = {"time_quality": "ok", "tz_source": "participant"}
_ORIGIN = {"source": "test", "file_id": "f", "row_number": 1}
Frames = dict[str, pl.DataFrame]
Row = dict[str, object]


def clocked(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with what the wall clock showed at its `ts`."""
    local = pl.col("ts").dt.convert_time_zone(ZONE)
    shown = local.dt.replace_time_zone(None)
    offset = (shown - pl.col("ts").dt.replace_time_zone(None)).dt.total_minutes()
    again = (shown.dt.date() == CLOCK_CHANGES + timedelta(days=1)) & (shown.dt.hour() == 1) & (offset == -300)
    return frame.with_columns(local_ts=shown, utc_offset_min=offset, fold=again.cast(pl.Int8), day=shown.dt.date())


def clock_at(day: date, minute: float) -> datetime:
    """The moment, UTC, that is so many true minutes after the local midnight at the begin of a day."""
    begin = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    return begin + timedelta(minutes=minute)


def made_up(seed: int = 0) -> Frames:
    """Rows of staging by table.

    `a` wears a device by the minute and has stages of sleep; `b` has hours and classic logs; `c` steps alone, on some
    days few, and totals of sleep; `d` has a phone and surveys only, as `a` and `c` have too.
    """
    rng = np.random.default_rng(seed)
    frames = _samples(rng) | _nights(rng) | {"staging.event": _events(rng), "staging.survey_response": _answers(rng)}
    some = [(who, day) for who in "abc" for day in DAYS if rng.random() < 0.8]
    syncs = pl.DataFrame(
        [(who, clock_at(day, float(rng.uniform(400, 1400))), 60) for who, day in some],
        ["participant_id", "ts", "battery_pct"],
        orient="row",
    ).with_columns(device_id=pl.lit("w"))
    steps = [(who, day, int(rng.integers(2000, 12000))) for who, day in some]
    frames["staging.device_sync"] = clocked(syncs)
    frames["staging.daily_steps"] = pl.DataFrame(steps, ["participant_id", "day", "steps"], orient="row")
    edges = {"fat_burn": 95, "cardio": 120, "peak": 145}
    zones = [("a", day, zone, 10, bpm + rng.integers(3)) for day in DAYS if day.day % 3 for zone, bpm in edges.items()]
    frames["staging.heart_rate_zones"] = pl.DataFrame(
        zones, ["participant_id", "day", "zone", "minutes", "min_bpm"], orient="row"
    )
    return frames


def _samples(rng: np.random.Generator) -> Frames:
    begin, end = clock_at(FIRST, 0), clock_at(LAST + timedelta(days=1), 0)
    minutes = round((end - begin).total_seconds()) // 60
    moments = pl.datetime_range(begin, end, "1m", closed="left", eager=True).dt.replace_time_zone("UTC")
    clock = clocked(moments.to_frame("ts"))["local_ts"].dt.hour().to_numpy()
    awake = np.where((clock >= 7) & (clock < 23), 0.3, 0.1)

    def walks() -> np.ndarray:
        bouts = np.repeat(rng.random(minutes // 10 + 1), 10)[:minutes] < awake
        return np.where(bouts, rng.integers(0, 130, minutes), 0).astype(float)

    def holed(values: np.ndarray, holes: int, longest: int) -> np.ndarray:
        found = values.copy()
        for since in rng.integers(0, minutes, holes):
            found[since : since + rng.integers(10, longest)] = np.nan
        return found

    def rows(who: str, values: np.ndarray, period_s: int = 60) -> pl.DataFrame:
        frame = pl.DataFrame({"ts": moments, "value": values}).gather_every(period_s // 60)
        told = frame.filter(pl.col("value").is_not_nan()).with_columns(participant_id=pl.lit(who), period_s=period_s)
        return clocked(told)

    few = walks()
    few[(np.arange(minutes) % 4320 > 300) & (np.arange(minutes) % 4320 < 2600)] = 0
    steps = holed(walks(), 20, 400)
    hours = np.where(rng.random(minutes) < 0.9, rng.integers(0, 900, minutes), np.nan)
    rate = holed(np.round(70 + 25 * np.sin(np.arange(minutes) / 700) + rng.normal(0, 6, minutes)), 60, 300)
    every = {"calories": rng.gamma(2, 1, minutes), "mets": rng.choice([1.0, 1.4, 2.5, 4.0, 7.0], minutes)}
    every |= {"intensity": rng.integers(0, 4, minutes).astype(float)}
    found = {f"staging.{name}": rows("a", holed(values, 10, 300)) for name, values in every.items()}
    found["staging.steps"] = pl.concat([rows("a", steps), rows("b", hours, 3600), rows("c", holed(few, 8, 1500))])
    return found | {"staging.heart_rate": rows("a", rate)}


def _nights(rng: np.random.Generator) -> Frames:
    logs: list[Log] = []
    for day in DAYS:
        for who, stages in (("a", ("light", "deep", "rem", "wake")), ("b", ("asleep", "restless", "awake"))):
            for since, least, most in ((1350, 3, 7), (rng.integers(720, 1300), 1, 2), (1290, 1, 1)):
                if rng.random() < (0.9 if least == 3 else 0.25):
                    at = datetime.combine(day, datetime.min.time()) + timedelta(minutes=int(since + rng.integers(90)))
                    runs = [
                        (str(rng.choice(stages)), int(rng.integers(20, 70)))
                        for _ in range(rng.integers(least, most + 1))
                    ]
                    text = ", ".join(f"{stage} {length}" for stage, length in runs)
                    until = clock_end(at, sum(length for _, length in runs))
                    logs.append(by_hand(str(at), str(until), text, person=who, log_id=str(len(logs)), zone=ZONE))
    sessions = clocked(log_frame(logs)).with_columns(date_of_sleep=pl.col("end_local_ts").dt.date())
    totals = [("c", day, 1, int(n), int(n + 30)) for day in DAYS if (n := rng.integers(200, 500)) % 5]
    names = ["participant_id", "day", "sleep_records", "minutes_asleep", "minutes_in_bed"]
    return {
        "staging.sleep_session": sessions,
        "staging.sleep_stage": clocked(stage_frame(logs)),
        "staging.daily_sleep": pl.DataFrame(totals, names, orient="row"),
    }


def clock_end(at: datetime, minutes: float) -> datetime:
    """What the wall clock shows so many true minutes after it showed something else."""
    begin = at.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    return (begin + timedelta(minutes=minutes)).astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)


KINDS = ("unlock", "screen_off", "lock", "app_focus", "app_blur", "notification", "focus_start", "focus_stop")


def _events(rng: np.random.Generator) -> pl.DataFrame:
    rows: list[tuple[object, ...]] = []
    for who in "acd":
        at = 0.0
        while at < len(DAYS) * 1440:
            # Half an hour on average, now and then a night.
            at += float(rng.exponential(30)) if rng.random() < 0.98 else float(rng.uniform(300, 900))
            kind = str(rng.choice(KINDS, p=[0.25, 0.2, 0.05, 0.2, 0.05, 0.15, 0.05, 0.05]))
            app = str(rng.choice(["chat", "video", "game"])) if kind.startswith(("app", "not")) else None
            details = '{"planned_min": 25}' if kind == "focus_start" else None
            rows.append((who, clock_at(FIRST, at), kind, app, str(rng.choice(["p", "t"])), details, f"e{len(rows)}"))
    names = ["participant_id", "ts", "event_type", "app", "device_id", "details", "event_id"]
    frame = pl.DataFrame(
        rows, names, orient="row", schema_overrides={"app": pl.String, "details": pl.String}, infer_schema_length=None
    )
    return clocked(frame).with_columns(schema_version=1).filter(pl.col("day") <= LAST)


def _answers(rng: np.random.Generator) -> pl.DataFrame:
    rows = [
        (who, clock_at(day, float(rng.uniform(1, 1379))), instrument, int(rng.integers(4)))
        for who in "acd"
        for instrument in REPEATS
        for day in DAYS
        for _ in range(rng.choice([0, 1, 2], p=[0.6, 0.25, 0.15]))
        if not instrument.endswith("all") or rng.random() < 0.25
    ]
    frame = pl.DataFrame(rows, ["participant_id", "ts", "instrument", "value"], orient="row")
    return answered(clocked(frame.with_columns(pl.col("value").cast(pl.Float64))))


def answered(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with all that staging says of answers of its `value`."""
    code = pl.col("value").cast(pl.Int8).cast(pl.String)
    fixed = {"version": 1, "response_id": "#1", "time_precision": "moment", "item": "now", "answer_type": "choice"}
    return frame.with_columns(answer=code, code=code, is_missing=False, **{k: pl.lit(v) for k, v in fixed.items()})


@dataclass(frozen=True)
class Told:
    """A lake in which everything has been told of some rows."""

    job: Ingest
    connection: Connection

    def rows(self, table: Table, until: date = LAST) -> dict[tuple[object, ...], Row]:
        """Rows of a table of features up to a day, by what tells them apart."""
        keys = table.sort_by
        frame = self.connection.execute(f"SELECT * FROM {table.qualified} WHERE day <= ?", [until]).pl()
        found = {tuple(row[k] for k in keys): row for row in frame.iter_rows(named=True)}
        assert len(found) == frame.height
        return found


@contextmanager
def told_of(make_job: MakeJob, frames: Mapping[str, pl.DataFrame], last: date = LAST) -> Iterator[Told]:
    """A lake of its own with these rows in staging, and all features of the days up to `last`."""
    job = make_job(**STUDY)
    folder = job.settings.home / "surveys"
    folder.mkdir(exist_ok=True)
    for name, (within, keep) in REPEATS.items():
        (folder / f"{name}.yaml").write_text(_CODEBOOK.format(name=name, within=within, keep=keep), encoding="utf-8")
    job = replace(job, sources=home_sources(job.settings, job.study))
    with ExitStack() as stack:
        connection = stack.enter_context(job.lake.connect())
        prepare_tables(job.lake, connection, job.tables)
        ensure_features(connection, job, (*COVERAGE_TABLES, *SERIES_TABLES, *EPISODE_TABLES, *SURVEY_TABLES, *TABLES))
        for name, frame in frames.items():
            _put(job, connection, name, frame)
        _tell(job, connection, last)
        yield Told(job, connection)


def _put(job: Ingest, connection: Connection, name: str, frame: pl.DataFrame) -> None:
    fixed = _ORIGIN | (_CLOCKED if "ts" in frame.columns else {})
    with job.lake.transaction(connection, [name]):
        connection.register("frame_put", frame.with_columns(**{k: pl.lit(v) for k, v in fixed.items()}).to_arrow())
        connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM frame_put")
        connection.unregister("frame_put")


def _tell(job: Ingest, connection: Connection, last: date) -> None:
    """Everything that features follow from, and all of them, as the assets do it."""
    cover_days(connection, job, FIRST, last)
    roll_up_days(connection, job, FIRST, last)
    sessionise_days(connection, job, FIRST, last)
    score_days(connection, job, FIRST, last)
    for family in MINUTE_FAMILIES:
        tell_days(connection, job, family, FIRST, last)
        tell_spans(connection, job, family, MINUTE_TABLES[family.name][0], FIRST, last)
    tell_rhythms(connection, job, FIRST, last)
    tell_yield(connection, job, FIRST, last)
    tell_spans(connection, job, YIELD, FEATURES_DATA_YIELD, FIRST, last)
    tell_nights(connection, job, FIRST, last)
    tell_spans(connection, job, SLEEP, SLEEP_NIGHT, FIRST, last)
    tell_sleep_spans(connection, job, FIRST, last)
    tell_use(connection, job, FIRST, last)
    for family in USE_FAMILIES:
        if family.name in USE_SPANS:
            tell_spans(connection, job, family, USE_TABLES[family.name], FIRST, last)
    tell_survey(connection, job, FIRST, last)


def apart(
    before: Mapping[tuple[object, ...], Row], after: Mapping[tuple[object, ...], Row], rel: float = 0
) -> dict[str, list[tuple]]:
    """Columns in which two tables differ, with the rows' keys; rows that only one has under the name `row`."""
    found: dict[str, list[tuple]] = {}
    for key in before.keys() | after.keys():
        if key not in before or key not in after:
            found.setdefault("row", []).append(key)
            continue
        for name, value in before[key].items():
            other = after[key][name]
            is_near = isinstance(value, float) and isinstance(other, float) and isclose(value, other, rel_tol=rel)
            if value != other and not is_near:
                found.setdefault(name, []).append(key)
    return found
