"""The form of the export files: names, headers, spelling, line ends, order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from neuro_assets.simulate.fitabase import write_file

if TYPE_CHECKING:
    from neuro_assets_tests.simulate.conftest import WrittenStudy

REAL_HEADERS = {
    "dailyActivity_merged.csv": (
        "Id,ActivityDate,TotalSteps,TotalDistance,TrackerDistance,LoggedActivitiesDistance,VeryActiveDistance,"
        "ModeratelyActiveDistance,LightActiveDistance,SedentaryActiveDistance,VeryActiveMinutes,"
        "FairlyActiveMinutes,LightlyActiveMinutes,SedentaryMinutes,Calories"
    ),
    "sleepDay_merged.csv": "Id,SleepDay,TotalSleepRecords,TotalMinutesAsleep,TotalTimeInBed",
    "hourlySteps_merged.csv": "Id,ActivityHour,StepTotal",
    "hourlyCalories_merged.csv": "Id,ActivityHour,Calories",
    "hourlyIntensities_merged.csv": "Id,ActivityHour,TotalIntensity,AverageIntensity",
    "heartrate_seconds_merged.csv": "Id,Time,Value",
}
TIME = r"[1-9]\d?/[1-9]\d?/2016 (?:[1-9]|1[0-2]):"
ROW_FORMS = {
    "dailyActivity_merged.csv": r"\d{10},[1-9]\d?/[1-9]\d?/2016,\d+(,(0|\d+(\.\d{1,17})?)){7}(,\d+){5}",
    "sleepDay_merged.csv": rf"\d{{10}},{TIME}00:00 AM,[12],\d{{3}},\d{{3}}",
    "hourlySteps_merged.csv": rf"\d{{10}},{TIME}00:00 [AP]M,\d+",
    "hourlyCalories_merged.csv": rf"\d{{10}},{TIME}00:00 [AP]M,\d+",
    "hourlyIntensities_merged.csv": rf"\d{{10}},{TIME}00:00 [AP]M,\d+,\d(\.\d{{1,6}})?",
    "heartrate_seconds_merged.csv": rf"\d{{10}},{TIME}\d\d:\d\d [AP]M,\d{{2,3}}",
}
BOTH_PERIODS = [f"{period}/{name}" for name in REAL_HEADERS for period in ("period1", "period2")]


def test_six_files_and_the_answers_of_two_periods_are_written(written: WrittenStudy) -> None:
    names = [path.relative_to(written.out / "exports").as_posix() for path in written.exports]
    assert names == [*BOTH_PERIODS, "period1/ema_mood.csv", "period2/ema_mood.csv"]
    assert sum(path.stat().st_size for path in written.exports) < 20e6


@pytest.mark.parametrize("name", BOTH_PERIODS)
def test_header_rows_and_line_ends_are_those_of_real_files(written: WrittenStudy, name: str) -> None:
    content = (written.out / "exports" / name).read_bytes().decode("ascii")
    line_end = "\r\n" if "heartrate" in name else "\n"
    header, *rows = content.removesuffix(line_end).split(line_end)
    kind = Path(name).name
    assert header == REAL_HEADERS[kind]
    form = re.compile(ROW_FORMS[kind])
    assert [row for row in rows if not form.fullmatch(row)][:3] == []


@pytest.mark.parametrize("name", BOTH_PERIODS)
def test_rows_are_ordered_by_id_then_time(written: WrittenStudy, name: str) -> None:
    frame = written.export(name)
    assert frame["Id"].is_monotonic_increasing
    assert frame.groupby("Id")["time"].apply(lambda time: time.is_monotonic_increasing).all()


@pytest.mark.parametrize(
    ("name", "time_column", "form"),
    [
        ("period1_2016-03-12_2016-04-11/dailyActivity_merged.csv", "ActivityDate", "%m/%d/%Y"),
        ("period2_2016-04-12_2016-05-12/dailyActivity_merged.csv", "ActivityDate", "%m/%d/%Y"),
        ("period1_2016-03-12_2016-04-11/hourlyIntensities_merged.csv", "ActivityHour", None),
        ("period2_2016-04-12_2016-05-12/hourlySteps_merged.csv", "ActivityHour", None),
        ("period2_2016-04-12_2016-05-12/hourlyCalories_merged.csv", "ActivityHour", None),
        ("period2_2016-04-12_2016-05-12/sleepDay_merged.csv", "SleepDay", None),
        ("heartrate_partial/heartrate_seconds_merged.csv", "Time", None),
    ],
)
def test_a_real_file_parsed_and_written_again_has_the_same_bytes(
    real_fitabase: Path, tmp_path: Path, name: str, time_column: str, form: str | None
) -> None:
    original = real_fitabase / name
    frame = pd.read_csv(original)
    assert ",".join(frame.columns) == REAL_HEADERS[original.name]
    frame[time_column] = pd.to_datetime(frame[time_column], format=form or "%m/%d/%Y %I:%M:%S %p")
    distances = [column for column in frame.columns if column.endswith("Distance")]
    frame[distances] = frame[distances].astype("float32")
    write_file(frame, tmp_path / original.name)
    expected = original.read_bytes()
    if "heartrate" in name:
        expected = expected.removesuffix(b"\r\n")  # the excerpt ends in an empty line
    assert (tmp_path / original.name).read_bytes() == expected
