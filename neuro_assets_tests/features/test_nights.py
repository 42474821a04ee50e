"""Nights in the lake: those of the pure functions over the whole record, in whatever pieces days come."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from neuro_assets.features.by_minute import ensure_features
from neuro_assets.features.by_night import tell_nights, tell_sleep_spans
from neuro_assets.features.trailing import tell_spans
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Connection
from neuro_assets.science.features.sleep import SLEEP, nights
from neuro_assets.science.features.sleep_nights import SleepRule
from neuro_assets.science.features.sleep_spans import asleep_spans, known_spans
from neuro_assets.staging.stage import stage_days_on
from neuro_assets.streams.catalogue import stream
from neuro_assets.streams.features import SLEEP_NIGHT, SLEEP_SPANS, trailing_table
from neuro_assets_tests.tables import load, query

TABLES = (SLEEP_NIGHT, trailing_table(SLEEP), SLEEP_SPANS)
FIRST, LAST = date(2019, 11, 1), date(2020, 3, 31)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Slept:
    """Somebody's record of sleep in staging."""

    job: Ingest
    connection: Connection

    def tell(self, first: date, last: date) -> None:
        ensure_features(self.connection, self.job, TABLES)
        report = tell_nights(self.connection, self.job, first, last)
        tell_sleep_spans(self.connection, self.job, first, last)
        tell_spans(self.connection, self.job, SLEEP, SLEEP_NIGHT, first, last, report.days_beside)

    def tables(self) -> dict[str, list[tuple]]:
        return {t.name: query(self.job.lake, f"SELECT * FROM {t.qualified} ORDER BY ALL") for t in TABLES}

    def staged(self, name: str) -> pl.DataFrame:
        return self.connection.execute(f"SELECT * FROM staging.{name}").pl()


def stage(job: Ingest, connection: Connection, first: date, last: date) -> None:
    for name in ("sleep_session", "sleep_stage"):
        stage_days_on(connection, job, stream(name), first, last)


@pytest.fixture(scope="module")
def slept(make_job, shared_data: Path) -> Iterator[Slept]:
    """Five months of one person of PMData."""
    job = make_job(
        window={"start": FIRST, "end": LAST}, default_time_zone="Europe/Oslo", expected_streams=("sleep_session",)
    )
    folder = job.settings.landing / "p01"
    folder.mkdir(parents=True)
    path = folder / "sleep.json"
    path.write_bytes((shared_data / "pmdata/p01/fitbit/sleep.json").read_bytes())
    assert {o.outcome for o in load(job, path)} == {"loaded", "unpacked"}
    with ExitStack() as stack:
        connection = stack.enter_context(job.lake.connect())
        stage(job, connection, FIRST, LAST)
        it = Slept(job, connection)
        it.tell(FIRST, LAST)
        yield it


@pytest.mark.verify
def test_nights_are_those_of_the_whole_record(slept: Slept):
    whole = nights(slept.staged("sleep_session"), slept.staged("sleep_stage"), slept.staged("daily_sleep"))
    found = slept.connection.execute("SELECT * FROM features.sleep ORDER BY participant_id, day").pl()
    assert whole.height == found.height > 100
    told = found.select(whole.columns)
    for name in whole.columns:
        assert told[name].to_list() == whole[name].to_list(), name


@pytest.mark.verify
def test_pairs_of_nights_are_those_of_minutes_in_dictionaries(slept: Slept):
    logs, stages = slept.staged("sleep_session"), slept.staged("sleep_stage")
    oslo = ZoneInfo("Europe/Oslo")
    minute, half = timedelta(minutes=1), timedelta(seconds=30)

    def minutes_of(spans: pl.DataFrame) -> Iterator[datetime]:
        """Minutes of which half or more is within a span."""
        for _, since, until in spans.iter_rows():
            at = since.replace(second=0)
            while at < until:
                if min(until, at + minute) - max(since, at) >= half:
                    yield at
                at += minute

    asleep = set(minutes_of(asleep_spans(logs, stages)))
    by_minute: dict[datetime, tuple[date, int]] = {}
    states: dict[tuple[date, int], bool] = {}
    for at in sorted(set(minutes_of(known_spans(logs, stages, SleepRule())))):
        local = at.astimezone(oslo)
        by_minute[at] = local.date(), local.hour * 60 + local.minute
        states.setdefault(by_minute[at], at in asleep)
    rows = query(
        slept.job.lake,
        "SELECT day, timezone('UTC', until), asleep_min, paired_min, agreeing_min FROM features.sleep ORDER BY day",
    )
    ends = {day: until.replace(second=0, tzinfo=UTC) for day, until, asleep_min, *_ in rows if asleep_min >= 180}
    compared = 0
    for day, _, _, *found in rows:
        if day not in ends or day - ONE_DAY not in ends:
            assert found == [None, None], day
            continue
        at, both = ends[day - ONE_DAY], []
        while at < ends[day]:
            on, of_clock = by_minute.get(at, (None, 0))
            if on and (on - ONE_DAY, of_clock) in states:
                both.append((at in asleep) == states[on - ONE_DAY, of_clock])
            at += minute
        assert found == [len(both), sum(both)], day
        compared += 1
    assert compared > 100


@pytest.mark.verify
def test_in_pieces_in_any_order_and_twice_it_is_the_same(slept: Slept, make_job):
    expected = slept.tables()
    job = make_job(slept.job.study)
    with job.lake.connect() as connection:
        other = Slept(job, connection)
        for name in ("sleep_session", "sleep_stage"):
            rows = slept.staged(name)
            with job.lake.transaction(connection, [f"staging.{name}"]):
                connection.register("frame_rows", rows.to_arrow())
                connection.execute(f"INSERT INTO staging.{name} BY NAME SELECT * FROM frame_rows")
        order = np.random.default_rng(2).permutation(22)
        for n in (*order, 3, 11):
            first = FIRST + int(n) * 7 * ONE_DAY
            other.tell(first, min(first + 6 * ONE_DAY, LAST))
        assert other.tables() == expected


@pytest.mark.verify
def test_a_night_that_comes_late_changes_the_days_it_may_be_part_of_and_spans_after_it(slept: Slept, make_job):
    job = make_job(slept.job.study)
    day = date(2019, 11, 20)
    with job.lake.connect() as connection:
        other = Slept(job, connection)
        rows = {name: slept.staged(name) for name in ("sleep_session", "sleep_stage")}

        def put(name: str, frame: pl.DataFrame) -> None:
            with job.lake.transaction(connection, [f"staging.{name}"]):
                connection.register("frame_rows", frame.to_arrow())
                connection.execute(f"INSERT INTO staging.{name} BY NAME SELECT * FROM frame_rows")

        early = {name: frame.filter(pl.col("day") < date(2019, 12, 31)) for name, frame in rows.items()}
        for name, frame in early.items():
            put(name, frame.filter(~pl.col("day").is_between(day - ONE_DAY, day)))
        other.tell(FIRST, date(2019, 12, 31))
        before = other.tables()
        for name, frame in early.items():
            put(name, frame.filter(pl.col("day").is_between(day - ONE_DAY, day)))
        other.tell(day - ONE_DAY, day)
        after = other.tables()
        changed = {name: {row[1] for row in set(before[name]) ^ set(after[name])} for name in after}
        assert min(min(days) for days in changed.values()) >= day - ONE_DAY
        assert max(changed["sleep"]) <= day + 3 * ONE_DAY
        other.tell(FIRST, date(2019, 12, 31))
        assert other.tables() == after


def test_totals_of_a_day_are_told_without_times(make_job):
    job = make_job(window={"start": FIRST, "end": LAST}, default_time_zone="Europe/Oslo")
    with job.lake.connect() as connection:
        with job.lake.transaction(connection, ["staging.daily_sleep"]):
            connection.execute(
                "INSERT INTO staging.daily_sleep BY NAME SELECT 'a' AS participant_id, DATE '2019-11-05' AS day,"
                " 1 AS sleep_records, 400 AS minutes_asleep, 440 AS minutes_in_bed, 'x' AS source, 'f' AS file_id,"
                " 1 AS row_number"
            )
        Slept(job, connection).tell(date(2019, 11, 5), date(2019, 11, 5))
        (row,) = query(job.lake, "SELECT basis, total_asleep_min, onset_min, paired_min, until FROM features.sleep")
    assert row == ("totals", 400, None, None, None)
