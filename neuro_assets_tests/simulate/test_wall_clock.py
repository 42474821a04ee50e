"""Days and hours follow the true local clock of the zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_assets.simulate import SimulationPlan, simulate_study, write_study
from neuro_assets.simulate.wall_clock import wall_clock

if TYPE_CHECKING:
    from neuro_assets_tests.simulate.conftest import WrittenStudy

MIDNIGHT_TO_THREE = ["12:00:00 AM", "1:00:00 AM", "2:00:00 AM", "3:00:00 AM"]


def hours_of_a_person(study: WrittenStudy, name: str, day: str) -> list[str]:
    vendor_id = study.lines(name)[0].split(",")[0]
    start = f"{vendor_id},{day} "
    return [line.split(",")[1].removeprefix(f"{day} ") for line in study.lines(name) if line.startswith(start)]


@pytest.mark.parametrize("kind", ["hourlyCalories", "hourlyIntensities"])
def test_spring_day_of_new_york_has_23_rows_and_no_two_oclock(written: WrittenStudy, kind: str) -> None:
    hours = hours_of_a_person(written, f"period1/{kind}_merged.csv", "3/13/2016")
    assert len(hours) == 23
    assert hours[:3] == ["12:00:00 AM", "1:00:00 AM", "3:00:00 AM"]
    assert len(hours_of_a_person(written, f"period1/{kind}_merged.csv", "3/12/2016")) == 24


@pytest.mark.parametrize("kind", ["hourlyCalories", "hourlyIntensities"])
def test_autumn_day_of_new_york_has_25_rows_and_one_oclock_twice(autumn: WrittenStudy, kind: str) -> None:
    hours = hours_of_a_person(autumn, f"period1/{kind}_merged.csv", "11/6/2016")
    assert len(hours) == 25
    assert hours[:4] == ["12:00:00 AM", "1:00:00 AM", "1:00:00 AM", "2:00:00 AM"]


def test_truth_says_23_and_25_hours(written: WrittenStudy, autumn: WrittenStudy) -> None:
    spring = written.truth("day_length").set_index("day")["hours"]
    assert spring.pop(pd.Timestamp("2016-03-13")) == 23
    assert (spring == 24).all()
    fall = autumn.truth("day_length").set_index("day")["hours"]
    assert fall.pop(pd.Timestamp("2016-11-06")) == 25
    assert (fall == 24).all()


def test_no_heart_rate_in_the_hour_that_does_not_exist(written: WrittenStudy) -> None:
    times = written.complete("heartrate_seconds_merged.csv")["time"]
    gap = (times >= "2016-03-13 02:00") & (times < "2016-03-13 03:00")
    around = (times >= "2016-03-13 01:00") & (times < "2016-03-13 04:00")
    assert gap.sum() == 0
    assert around.sum() > 0


@pytest.mark.parametrize(
    ("zone", "day", "hours", "labels"),
    [
        ("Australia/Lord_Howe", "2016-04-03", 24.5, ["00:00", "01:00", "01:30", "02:00"]),
        ("Australia/Lord_Howe", "2016-10-02", 23.5, ["00:00", "01:00", "02:30", "03:00"]),
        ("America/Sao_Paulo", "2016-10-16", 23.0, ["01:00", "02:00", "03:00", "04:00"]),
        ("America/Havana", "2016-11-06", 25.0, ["00:00", "00:00", "01:00", "02:00"]),
        ("Asia/Kathmandu", "2016-11-06", 24.0, ["00:00", "01:00", "02:00", "03:00"]),
    ],
)
def test_unusual_shifts(tmp_path: Path, zone: str, day: str, hours: float, labels: list[str]) -> None:
    before = date.fromisoformat(day) - timedelta(days=1)
    study = simulate_study(SimulationPlan(participants=3, days=4, start=before, zone=zone))
    lengths = study.truth["day_length"].set_index("day")["hours"]
    assert lengths[pd.Timestamp(day)] == hours
    steps = study.hourly_steps
    first_hours = steps[
        (steps["Id"] == steps["Id"].iloc[0]) & (steps["ActivityHour"].dt.normalize() == pd.Timestamp(day))
    ]["ActivityHour"]
    assert first_hours.dt.strftime("%H:%M").tolist()[:4] == labels
    assert len(write_study(study, tmp_path)) == 14


def test_a_day_the_zone_skipped_is_absent() -> None:
    days = wall_clock(SimulationPlan(days=3, start=date(2011, 12, 29), zone="Pacific/Apia")).days
    assert days.astype(str).tolist() == ["2011-12-29", "2011-12-31"]


@given(
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    start=st.dates(date(2010, 1, 1), date(2030, 1, 1)),
)
@settings(max_examples=60, deadline=None)
def test_day_length_is_the_distance_between_true_midnights(zone: str, start: date) -> None:
    clock = wall_clock(SimulationPlan(days=5, start=start, zone=zone))
    tz = ZoneInfo(zone)
    midnights = [datetime.combine(start + timedelta(days=nth), time(), tzinfo=tz).astimezone(UTC) for nth in range(6)]
    minutes = [round((after - before).total_seconds() / 60) for before, after in pairwise(midnights)]
    assert clock.day_length_min.tolist() == minutes
    assert np.array_equal(np.diff(clock.elapsed_min), clock.length_min[:-1])
