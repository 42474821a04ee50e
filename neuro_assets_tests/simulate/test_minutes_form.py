"""The form of the files of a study by the minute: headers, spelling, line ends, order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from neuro_assets_tests.simulate.test_fitabase_form import REAL_HEADERS

if TYPE_CHECKING:
    from neuro_assets_tests.simulate.conftest import WrittenMinutes

TIME = r"[1-9]\d?/[1-9]\d?/2016 (?:[1-9]|1[0-2]):"
HEADERS = REAL_HEADERS | {
    "minuteStepsNarrow_merged.csv": "Id,ActivityMinute,Steps",
    "minuteCaloriesNarrow_merged.csv": "Id,ActivityMinute,Calories",
    "minuteIntensitiesNarrow_merged.csv": "Id,ActivityMinute,Intensity",
    "minuteSleep_merged.csv": "Id,date,value,logId",
}
ROWS = {
    "dailyActivity_merged.csv": r"\d{10},[1-9]\d?/[1-9]\d?/2016,\d+(,(0|\d+(\.\d{1,17})?)){7}(,\d+){5}",
    "sleepDay_merged.csv": rf"\d{{10}},{TIME}00:00 AM,\d,\d+,\d+",
    "hourlySteps_merged.csv": rf"\d{{10}},{TIME}00:00 [AP]M,\d+",
    "hourlyCalories_merged.csv": rf"\d{{10}},{TIME}00:00 [AP]M,\d+",
    "hourlyIntensities_merged.csv": rf"\d{{10}},{TIME}00:00 [AP]M,\d+,\d(\.\d{{1,6}})?",
    "heartrate_seconds_merged.csv": rf"\d{{10}},{TIME}\d\d:\d\d [AP]M,\d{{2,3}}",
    "minuteStepsNarrow_merged.csv": rf"\d{{10}},{TIME}\d\d:00 [AP]M,\d{{1,3}}",
    "minuteCaloriesNarrow_merged.csv": rf"\d{{10}},{TIME}\d\d:00 [AP]M,\d+\.\d{{1,15}}",
    "minuteIntensitiesNarrow_merged.csv": rf"\d{{10}},{TIME}\d\d:00 [AP]M,[0-3]",
    "minuteSleep_merged.csv": rf"\d{{10}},{TIME}\d\d:[03]0 [AP]M,[123],\d{{11}}",
}


@pytest.mark.parametrize("name", ROWS)
def test_headers_rows_and_line_ends_are_the_vendors(field: WrittenMinutes, name: str) -> None:
    for export in ("export1", "export2"):
        content = (field.out / "exports" / export / name).read_bytes().decode("ascii")
        line_end = "\r\n" if "heartrate" in name else "\n"
        header, *rows = content.removesuffix(line_end).split(line_end)
        assert header == HEADERS[name]
        form = re.compile(ROWS[name])
        assert [row for row in rows if not form.fullmatch(row)][:3] == []


@pytest.mark.parametrize("name", ROWS)
def test_rows_of_a_device_are_together_and_in_order_of_time(field: WrittenMinutes, name: str) -> None:
    rows = field.rows(name.removesuffix("_merged.csv"), 2)
    runs = rows.select((rows["Id"] != rows["Id"].shift(1)).fill_null(value=True).sum()).item()
    assert runs == rows["Id"].n_unique()
    assert all(part["time"].is_sorted() for part in rows.partition_by("Id"))


def test_heart_rate_comes_as_often_as_the_plan_says(tmp_path) -> None:
    from neuro_assets.simulate.minutes import MinutePlan
    from neuro_assets_tests.simulate.conftest import written_minutes

    plan = MinutePlan.model_validate({"participants": 1, "days": 2, "heart_rate_every_s": 5, "exports": {"count": 1}})
    readings = written_minutes(plan, tmp_path).rows("heartrate_seconds", 1)
    assert len(readings) == 2 * 86_400 / 5
    assert readings["time"].dt.truncate("5s").is_unique().all()
    gaps = readings["time"].diff().dt.total_seconds().drop_nulls()
    assert (gaps.min(), gaps.max()) == (1, 9)
