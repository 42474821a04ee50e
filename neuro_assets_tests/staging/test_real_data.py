"""The public Fitabase files: both orders of arrival give the same tables, and pandas the same numbers."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets.staging.stage import StagingReport
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.tables import load, query, read_table, stage

WINDOW = (date(2016, 3, 12), date(2016, 5, 13))
# The streams of the six kinds of file that both orders of arrival are tried with.
STAGED = ("heart_rate", "steps", "calories", "intensity", "daily_activity", "daily_sleep")
Files = dict[str, list[Path]]


def period(fitabase: Files, number: int) -> list[Path]:
    """The six files of a period; the part of a heart-rate export counts with the second."""
    folders = {1: ("period1",), 2: ("period2", "heartrate_partial")}[number]
    return [p for paths in fitabase.values() for p in paths if p.parent.name.startswith(folders)]


def stage_all(job: Ingest) -> dict[str, StagingReport]:
    return {name: stage(job, name, *WINDOW) for name in STAGED}


@pytest.fixture(scope="module")
def forward(make_job: Callable[..., Ingest], fitabase: Files) -> tuple[Ingest, dict[str, StagingReport]]:
    """Period 1, two streams staged; then period 2, everything staged."""
    job = make_job()
    load(job, *period(fitabase, 1))
    for name in ("daily_activity", "steps"):
        stage(job, name, *WINDOW)
    load(job, *period(fitabase, 2))
    return job, stage_all(job)


@pytest.fixture(scope="module")
def backward(make_job: Callable[..., Ingest], fitabase: Files) -> Ingest:
    """Period 2, period 1, and everything once more; staged at the end."""
    job = make_job()
    everything = [*period(fitabase, 2), *period(fitabase, 1)]
    assert [o.outcome for o in load(job, *everything)] == ["loaded"] * 10
    assert [o.outcome for o in load(job, *everything)] == ["duplicate"] * 10
    stage_all(job)
    return job


@pytest.mark.parametrize("name", STAGED)
def test_both_orders_of_arrival_give_the_same_table_down_to_the_origin(forward: tuple, backward: Ingest, name: str):
    target = stream(name)
    order = ", ".join(target.key)
    one = read_table(forward[0].lake, target.qualified, order)
    other = read_table(backward.lake, target.qualified, order)
    assert one.height > 0
    assert {"file_id", "row_number", "source"} <= set(one.columns)
    assert one.equals(other)
    assert one.select(target.key).is_unique().all()


def in_pandas(paths: list[Path], key: list[str]) -> pd.DataFrame:
    """The second computation: where both periods have a row, the later one saw the whole day and stands."""
    frames = [pd.read_csv(p, float_precision="round_trip") for p in paths]
    return pd.concat(frames).drop_duplicates(key, keep="last")


def test_daily_activity_row_for_row(forward: tuple, fitabase: Files):
    frame = in_pandas(fitabase["daily_activity"], ["Id", "ActivityDate"])
    assert len(frame) == 787
    columns = {
        "steps": "TotalSteps",
        "distance_km": "TotalDistance",
        "calories_kcal": "Calories",
        "very_active_min": "VeryActiveMinutes",
        "fairly_active_min": "FairlyActiveMinutes",
        "lightly_active_min": "LightlyActiveMinutes",
        "sedentary_min": "SedentaryMinutes",
    }
    days = pd.to_datetime(frame["ActivityDate"], format="%m/%d/%Y").dt.date
    wanted = sorted(zip(frame["Id"].astype(str), days, *(frame[c] for c in columns.values()), strict=True))
    table = read_table(forward[0].lake, "staging.daily_activity", "participant_id, day")
    assert table.select("participant_id", "day", *columns).rows() == wanted


@pytest.mark.parametrize(
    ("stream", "kind", "column"),
    [
        ("steps", "hourly_steps", "StepTotal"),
        ("calories", "hourly_calories", "Calories"),
        ("intensity", "hourly_intensities", "TotalIntensity"),
    ],
)
def test_hours_row_for_row(forward: tuple, fitabase: Files, stream: str, kind: str, column: str):
    """Wall clock, value and instant; pandas has no time for 2:00 on 13 March: those rows are counted."""
    frame = in_pandas(fitabase[kind], ["Id", "ActivityHour"])
    local = pd.to_datetime(frame["ActivityHour"], format="%m/%d/%Y %I:%M:%S %p")
    instants = local.dt.tz_localize("America/New_York", nonexistent="NaT").dt.tz_convert("UTC")
    table = read_table(forward[0].lake, f"staging.{stream}", "participant_id, local_ts")
    assert table.height == len(frame) == 32_000
    wanted = sorted(zip(frame["Id"].astype(str), local, frame[column], strict=True))
    assert table.select("participant_id", "local_ts", "value").rows() == wanted
    gap = table.filter(pl.col("time_quality") == "dst_gap")
    assert gap.height == instants.isna().sum() == 33
    found = table.filter(pl.col("time_quality") == "ok")["ts"].dt.epoch("s").sort().to_list()
    assert found == sorted(instants.dropna().astype("int64") // 10**9)


def test_sums_of_record_equal_the_sums_of_hours(forward: tuple, fitabase: Files):
    frame = in_pandas(fitabase["hourly_steps"], ["Id", "ActivityHour"])
    (row,) = query(forward[0].lake, "SELECT sum(value), count(*) FROM staging.steps_of_record")
    assert row == (frame["StepTotal"].sum(), 32_000)


def test_sleep_the_row_that_the_file_has_twice_counts_once(forward: tuple, fitabase: Files):
    (path,) = fitabase["sleep_day"]
    frame = pd.read_csv(path)
    assert (len(frame), len(frame.drop_duplicates())) == (140, 139)
    job, reports = forward
    report = reports["daily_sleep"]
    assert [report.total(n) for n in ("rows_in", "rows_staged", "rows_duplicate")] == [140, 139, 1]
    (row,) = query(job.lake, "SELECT count(*), sum(minutes_asleep), sum(minutes_in_bed) FROM staging.daily_sleep")
    unique = frame.drop_duplicates()
    assert row == (139, unique["TotalMinutesAsleep"].sum(), unique["TotalTimeInBed"].sum())


def test_heart_rate_as_the_file_has_it(forward: tuple, fitabase: Files):
    (path,) = fitabase["heartrate_seconds"]
    frame = pd.read_csv(path)
    rows = query(
        forward[0].lake,
        "SELECT participant_id, count(*), sum(value) FROM staging.heart_rate GROUP BY 1 ORDER BY 1",
    )
    sums = frame.groupby(frame["Id"].astype(str))["Value"].agg(["count", "sum"])
    assert rows == [(who, n, total) for who, n, total in sums.itertuples()]


def test_the_day_that_both_periods_have_comes_from_the_one_that_saw_all_of_it(forward: tuple, fitabase: Files):
    """12 April: 8 person-days and 51 hours of period 1 give way."""
    job, reports = forward
    assert {name: r.total("rows_superseded") for name, r in reports.items()} == {
        "heart_rate": 0,
        "steps": 51,
        "calories": 51,
        "intensity": 51,
        "daily_activity": 8,
        "daily_sleep": 0,
    }
    both = pd.read_csv(fitabase["daily_activity"][1]).query("ActivityDate == '4/12/2016'")
    sql = (
        "SELECT participant_id FROM staging.daily_activity s JOIN ops.landing_files f USING (file_id)"
        " WHERE s.day = DATE '2016-04-12' AND f.last_day = DATE '2016-05-12' ORDER BY 1"
    )
    assert [who for (who,) in query(job.lake, sql)] == sorted(both["Id"].astype(str))


def test_nothing_is_held_kept_out_or_unaccounted_for(forward: tuple):
    job, reports = forward
    assert all(r.held == [] for r in reports.values())
    assert query(job.lake, "SELECT count(*) FROM ops.quarantine") == [(0,)]
    sql = (
        "SELECT count(*) FROM ops.staging_days"
        " WHERE rows_in <> rows_staged + rows_duplicate + rows_superseded + rows_quarantined"
    )
    assert query(job.lake, sql) == [(0,)]
    sql = "SELECT sum(rows_in), sum(rows_staged) FROM ops.staging_days"
    # 457 + 338 daily, 140 sleep, 3 x (24,084 + 7,967) hours, 17,666 readings; 8 + 1 + 3 x 51 gave way
    assert query(job.lake, sql) == [(114_754, 114_754 - 162)]
