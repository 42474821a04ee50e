"""Each planted effect is in the files exactly as its truth table says, found by a computation of its own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.verify

if TYPE_CHECKING:
    from neuro_assets_tests.simulate.conftest import WrittenStudy


def person_days(frame: pd.DataFrame, time: str = "time") -> set[tuple[str, pd.Timestamp]]:
    return set(zip(frame["participant_id"], frame[time].dt.normalize(), strict=True))


def test_daily_totals(written: WrittenStudy) -> None:
    days = written.complete("dailyActivity_merged.csv")
    found = days.set_index(["participant_id", "time"])["TotalSteps"].sort_index()
    truth = written.truth("daily_totals").set_index(["participant_id", "day"])["steps"]
    assert found.index.tolist() == truth.index.tolist()
    assert (found.to_numpy() == truth.to_numpy()).all()


def test_baseline_is_the_median_of_the_first_14_days_with_steps(written: WrittenStudy) -> None:
    days = written.complete("dailyActivity_merged.csv")
    truth = written.truth("baseline").set_index("participant_id")
    assert len(truth) == 20
    for participant_id, own in days.groupby("participant_id"):
        active = [(row.time, row.TotalSteps) for row in own.sort_values("time").itertuples() if row.TotalSteps > 0]
        used = active[:14]
        assert truth.loc[participant_id, "baseline_steps"] == np.median([steps for _, steps in used])
        assert truth.loc[participant_id, "baseline_end_day"] == used[-1][0]
        assert truth.loc[participant_id, "baseline_days"] == 14


def test_slopes_after_the_baseline_are_those_planted(written: WrittenStudy) -> None:
    """Least squares over worn days; its standard error over 28 days is about 0.45 % of the baseline a day."""
    days = written.complete("dailyActivity_merged.csv")
    truth = written.truth("trends").merge(written.truth("baseline"))
    assert truth["pattern"].value_counts().to_dict() == {"stable": 18, "degrading": 1, "improving": 1}
    partly = person_days(written.truth("partial_non_wear"), "day")
    for person in truth.itertuples():
        own = days[(days["participant_id"] == person.participant_id) & (days["TotalSteps"] > 0)]
        own = own[own["time"] > person.baseline_end_day]
        own = own[[(person.participant_id, day) not in partly for day in own["time"]]]
        since = (own["time"] - person.baseline_end_day).dt.days
        slope = np.polyfit(since, own["TotalSteps"], 1)[0]
        assert slope == pytest.approx(person.slope_steps_per_day, abs=0.012 * person.baseline_steps)
        if person.pattern == "degrading":
            assert -0.020 <= person.slope_steps_per_day / person.baseline_steps <= -0.015
            assert slope < -0.01 * person.baseline_steps
            assert own["TotalSteps"].tail(5).mean() < 0.65 * person.baseline_steps
        elif person.pattern == "improving":
            assert slope > 0 < person.slope_steps_per_day
        else:
            assert person.slope_steps_per_day == 0


def test_non_wear_days_have_zero_steps_and_no_heart_rate_and_no_sleep(written: WrittenStudy) -> None:
    truth = written.truth("non_wear")
    unworn = person_days(truth, "day")
    days = written.complete("dailyActivity_merged.csv")
    assert person_days(days[days["TotalSteps"] == 0]) == unworn
    assert 0.04 < len(unworn) / (20 * 45) < 0.12
    rows = days[[key in unworn for key in zip(days["participant_id"], days["time"], strict=True)]]
    spring = rows["time"] == "2016-03-13"
    assert (rows.loc[~spring, "SedentaryMinutes"] == 1440).all()
    assert (rows.loc[spring, "SedentaryMinutes"] == 1380).all()
    assert not unworn & person_days(written.complete("heartrate_seconds_merged.csv"))
    assert not unworn & person_days(written.complete("sleepDay_merged.csv"))


def test_hours_of_partial_non_wear_have_no_steps_and_no_heart_rate(written: WrittenStudy) -> None:
    truth = written.truth("partial_non_wear")
    steps = written.complete("hourlySteps_merged.csv")
    heart_rate = written.complete("heartrate_seconds_merged.csv")
    assert len(truth) > 10
    for span in truth.itertuples():
        for frame, is_empty in ((steps, False), (heart_rate, True)):
            own = frame[frame["participant_id"] == span.participant_id]
            off = own[(own["time"] >= span.off_from) & (own["time"] < span.off_until)]
            hours = (span.off_until - span.off_from) / pd.Timedelta(hours=1)
            assert len(off) == (0 if is_empty else hours)
            assert is_empty or off["StepTotal"].sum() == 0


def test_heart_rate_is_there_on_every_other_day(written: WrittenStudy) -> None:
    """A worn day has a sample on average every 5 minutes: 24 h of it, less the hours of partial non-wear."""
    samples = written.complete("heartrate_seconds_merged.csv")
    per_day = samples.groupby(["participant_id", samples["time"].dt.normalize()]).size()
    days = written.complete("dailyActivity_merged.csv")
    assert set(per_day.index) == person_days(days[days["TotalSteps"] > 0])
    partly = written.truth("partial_non_wear").set_index(["participant_id", "day"])
    spans = (partly["off_until"] - partly["off_from"]) / pd.Timedelta(minutes=5)
    missing = spans.reindex(per_day.index, fill_value=0)
    spring = per_day.index.get_level_values(1) == pd.Timestamp("2016-03-13")
    assert (per_day + missing == np.where(spring, 276, 288)).all()


def test_sleep_only_days_have_a_night_and_nothing_else(written: WrittenStudy) -> None:
    truth = person_days(written.truth("sleep_only_days"), "day")
    sleep = person_days(written.complete("sleepDay_merged.csv"))
    days = person_days(written.complete("dailyActivity_merged.csv"))
    assert 2 <= len(truth) <= 8
    assert sleep - days == truth
    assert not truth & person_days(written.complete("hourlySteps_merged.csv"))
    assert not truth & person_days(written.complete("heartrate_seconds_merged.csv"))


def test_every_other_person_day_has_a_daily_row_and_a_night(written: WrittenStudy) -> None:
    unworn = person_days(written.truth("non_wear"), "day")
    sleep_only = person_days(written.truth("sleep_only_days"), "day")
    days = person_days(written.complete("dailyActivity_merged.csv"))
    assert len(days) + len(sleep_only) == 20 * 45
    assert person_days(written.complete("sleepDay_merged.csv")) == (days | sleep_only) - unworn


def test_duplicates_are_those_of_the_truth_and_no_others(written: WrittenStudy) -> None:
    people = pd.read_csv(written.out / "participants.csv").set_index("participant_id")["alias_fitabase"]
    truth = {
        (row.file, str(people[row.participant_id]), row.local_time): row.copies
        for row in written.truth("duplicates").itertuples()
    }
    found = {}
    for path in written.exports:
        name = path.relative_to(written.out / "exports").as_posix()
        for line, copies in Counter(written.lines(name)).items():
            if copies > 1:
                vendor_id, time = line.split(",")[:2]
                local_time = pd.to_datetime(time, format="%m/%d/%Y %I:%M:%S %p")
                found[name, vendor_id, local_time] = copies
    assert found == truth
    kinds = {name.split("/")[1] for name, _, _ in truth}
    assert kinds == {"sleepDay_merged.csv", "hourlySteps_merged.csv"}
    assert sorted(truth.values()) == [2, 2, 2, 2, 2, 2, 3, 3]


def test_the_shared_day_is_partial_in_export_1_and_complete_in_export_2(written: WrittenStudy) -> None:
    first = written.export("period1/dailyActivity_merged.csv")
    second = written.export("period2/dailyActivity_merged.csv")
    cut_day = pd.Timestamp("2016-03-17")  # the 27th of 45 days
    assert first["time"].max() == second["time"].min() == cut_day
    both = first[first["time"] == cut_day].merge(second[second["time"] == cut_day], on="Id", suffixes=("_partial", ""))
    for value in ("TotalSteps", "TotalDistance", "LightlyActiveMinutes", "SedentaryMinutes", "Calories"):
        assert (both[f"{value}_partial"] <= both[value]).all()
    worn = both[both["TotalSteps"] > 0]
    assert (worn["TotalSteps_partial"] < worn["TotalSteps"]).all()
    assert (both["Calories_partial"] < both["Calories"]).all()
    truth = written.truth("partial_day").set_index("participant_id")
    both = both.set_index("participant_id").sort_index()
    assert (both["TotalSteps_partial"] == truth["steps_at_cut"]).all()
    assert (both["TotalSteps"] == truth["steps_complete"]).all()


@pytest.mark.parametrize("kind", ["hourlySteps", "hourlyCalories", "hourlyIntensities", "heartrate_seconds"])
def test_export_1_stops_at_noon_and_what_both_exports_have_is_equal(written: WrittenStudy, kind: str) -> None:
    noon = pd.Timestamp("2016-03-17 12:00")
    first = written.export(f"period1/{kind}_merged.csv")
    second = written.export(f"period2/{kind}_merged.csv")
    assert noon - pd.Timedelta(hours=1) <= first["time"].max() < noon
    assert second["time"].min().normalize() == noon.normalize()
    shared_1 = first[first["time"] >= noon.normalize()].reset_index(drop=True)
    shared_2 = second[second["time"] < noon].reset_index(drop=True)
    assert len(shared_1) > 0
    pd.testing.assert_frame_equal(shared_1, shared_2)


def test_partial_totals_are_the_sums_of_the_hours_of_export_1(written: WrittenStudy) -> None:
    hours = written.export("period1/hourlySteps_merged.csv")
    hours = hours[hours["time"] >= "2016-03-17"]
    sums = hours.groupby("participant_id")["StepTotal"].sum()
    truth = written.truth("partial_day").set_index("participant_id")["steps_at_cut"]
    pd.testing.assert_series_equal(sums, truth, check_names=False)


def test_weekends_differ_as_the_levels_say(written: WrittenStudy) -> None:
    """Ratios were drawn around 0.75 and 1.25: the side of 1 must show in means over 12 weekend days."""
    days = written.complete("dailyActivity_merged.csv")
    stable = written.truth("trends").query("pattern == 'stable'")["participant_id"]
    partly = person_days(written.truth("partial_non_wear"), "day")
    days = days[days["participant_id"].isin(stable) & (days["TotalSteps"] > 0)]
    days = days[[key not in partly for key in zip(days["participant_id"], days["time"], strict=True)]]
    is_weekend = days["time"].dt.dayofweek >= 5
    mean = days["TotalSteps"].groupby([days["participant_id"], is_weekend]).mean().unstack()
    planted = written.truth("people").set_index("participant_id")["weekend_ratio"].loc[mean.index]
    assert ((mean[True] / mean[False] - planted).abs() < 0.25).all()
    assert np.corrcoef(mean[True] / mean[False], planted)[0, 1] > 0.9
