"""Files of a study by the minute through ingest and staging: the staged rows are the recorded truth, row for row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from neuro_assets.study import load_study
from neuro_assets_tests.tables import load, query, stage

pytestmark = pytest.mark.verify

if TYPE_CHECKING:
    from neuro_assets.ingest.load import Ingest
    from neuro_assets.staging.stage import StagingReport
    from neuro_assets_tests.conftest import MakeJob
    from neuro_assets_tests.simulate.conftest import WrittenMinutes

STREAMS = ("steps", "heart_rate", "sleep_stage", "daily_activity")
KEY = ["participant_id", "ts_utc"]


@pytest.fixture(scope="module")
def staged(field: WrittenMinutes, make_job: MakeJob) -> tuple[Ingest, dict[str, StagingReport]]:
    """The study's exports in the order in which they were taken, and what staging says of four streams."""
    job = make_job(load_study(field.out / "study.yaml"))
    kinds = ("minuteStepsNarrow", "heartrate_seconds", "minuteSleep", "dailyActivity")
    files = [path for path in field.exports if path.name.startswith(kinds)]
    assert [outcome.outcome for outcome in load(job, *files)] == ["loaded"] * 8
    plan = field.study.plan
    return job, {name: stage(job, name, plan.start, plan.last_day) for name in STREAMS}


def frame(job: Ingest, sql: str) -> pl.DataFrame:
    with job.lake.connect(read_only=True) as connection:
        return connection.execute(sql).pl()


def overlap(field: WrittenMinutes) -> pl.DataFrame:
    """Person and stretch of two devices at once."""
    devices = field.truth("device_history").sort("participant_id", "number")
    following = devices.with_columns(begins=pl.col("from_utc").shift(-1).over("participant_id"))
    both = following.filter(pl.col("begins") < pl.col("until_utc"))
    assert len(both) >= 1
    return both.select("participant_id", "begins", ends="until_utc")


def without_overlap(rows: pl.DataFrame, field: WrittenMinutes) -> pl.DataFrame:
    marked = rows.join(overlap(field), on="participant_id", how="left")
    is_both = (pl.col("ts_utc") >= pl.col("begins")) & (pl.col("ts_utc") < pl.col("ends"))
    return marked.filter(~is_both.fill_null(value=False)).drop("begins", "ends").sort(KEY)


def test_staged_steps_are_the_recorded_minutes(
    field: WrittenMinutes, staged: tuple[Ingest, dict[str, StagingReport]]
) -> None:
    """In UTC and local time, with offset and value; travel, the date line and the skipped spring hour included."""
    job, _ = staged
    rows = frame(
        job,
        "SELECT participant_id, ts AT TIME ZONE 'UTC' AS ts_utc, utc_offset_min AS offset_min, fold, time_quality,"
        " tz_source, value::SMALLINT AS recorded_steps FROM staging.steps",
    )
    assert set(rows.select("fold", "time_quality", "tz_source").unique().rows()) == {(0, "ok", "participant")}
    columns = [*KEY, "offset_min", "recorded_steps"]
    truth = field.minutes().filter(pl.col("recorded_steps").is_not_null()).select(columns)
    assert_frame_equal(without_overlap(rows.select(columns), field), without_overlap(truth, field))
    assert len(rows) > 50_000


def test_staged_heart_rate_is_there_exactly_while_worn(
    field: WrittenMinutes, staged: tuple[Ingest, dict[str, StagingReport]]
) -> None:
    job, _ = staged
    rows = frame(
        job,
        "SELECT participant_id, date_trunc('minute', ts) AT TIME ZONE 'UTC' AS ts_utc,"
        " value::SMALLINT AS recorded_heart_rate_bpm FROM staging.heart_rate",
    )
    columns = [*KEY, "recorded_heart_rate_bpm"]
    truth = field.minutes().filter(pl.col("recorded_heart_rate_bpm").is_not_null()).select(columns)
    assert_frame_equal(without_overlap(rows, field), without_overlap(truth, field))


def test_staged_sleep_is_the_truth_of_the_logs(
    field: WrittenMinutes, staged: tuple[Ingest, dict[str, StagingReport]]
) -> None:
    """Rows of every second log begin on the half minute."""
    job, _ = staged
    rows = frame(
        job,
        "SELECT participant_id, date_trunc('minute', ts) AT TIME ZONE 'UTC' AS ts_utc, stage, log_id"
        " FROM staging.sleep_stage",
    )
    names = pl.DataFrame({"sleep_stage": [1, 2, 3], "told": ["asleep", "restless", "awake"]})
    truth = field.minutes().join(names, on="sleep_stage").select(*KEY, "told")
    joined = rows.join(truth, on=KEY, how="left")
    assert len(rows) > 10_000
    assert (joined["stage"] == joined["told"]).all()


def test_two_devices_that_count_differently_are_told_and_not_chosen_from(
    field: WrittenMinutes, staged: tuple[Ingest, dict[str, StagingReport]]
) -> None:
    """On the day of two devices, minutes with equal counts are staged once, the others wait in quarantine."""
    job, reports = staged
    both = field.union("minuteStepsNarrow").group_by(KEY).agg(pl.col("Steps").n_unique(), pl.col("number").n_unique())
    differ = both.filter((pl.col("number") == 2) & (pl.col("Steps") == 2))
    told = query(
        job.lake,
        "SELECT count(DISTINCT (source_participant_id, row_number)), count(DISTINCT rule) FROM ops.quarantine"
        " WHERE table_name = 'staging.steps' AND rule = 'conflicting_duplicate'",
    )
    assert len(differ) > 20
    assert told[0][0] >= 2 * len(differ)
    total = reports["steps"].totals()
    held = field.minutes()["recorded_steps"].count()
    assert total["rows_staged"] == held - len(differ)
    assert total["days_held"] == 0


def test_staged_days_are_the_recorded_totals(
    field: WrittenMinutes, staged: tuple[Ingest, dict[str, StagingReport]]
) -> None:
    """Apart from days of two devices, whose two totals conflict, and the days that such a conflict holds."""
    job, reports = staged
    rows = frame(job, "SELECT participant_id, day, steps::BIGINT AS staged FROM staging.daily_activity")
    truth = field.truth("daily").filter(pl.col("recorded_min") + pl.col("not_worn_min") > 0)
    both = truth.join(rows, on=["participant_id", "day"], how="left")
    is_there = pl.col("staged").is_not_null()
    assert both.filter(is_there).select((pl.col("recorded_steps") == pl.col("staged")).all()).item()
    held, people_of_two = reports["daily_activity"].held, set(overlap(field)["participant_id"])
    absent = both.filter(~is_there).select("participant_id", "day").rows()
    assert len(absent) < len(both) / 4
    assert all(day in held or person in people_of_two for person, day in absent)
