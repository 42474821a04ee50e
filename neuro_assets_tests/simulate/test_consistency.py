"""Files of one study agree with each other, stay plausible, and are the same for the same plan."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import yaml

from neuro_assets.models.references import resolve, vocabulary_of
from neuro_assets.simulate import SimulationPlan, simulate_study, write_study
from neuro_assets.study import load_study
from neuro_assets.surveys.load import BUILT_IN, read_codebook

if TYPE_CHECKING:
    from neuro_assets_tests.simulate.conftest import WrittenStudy

ACTIVE_MINUTES = ["VeryActiveMinutes", "FairlyActiveMinutes", "LightlyActiveMinutes"]
SMALL = SimulationPlan(participants=4, days=20, seed=7)


def digests(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_equal_plans_give_equal_bytes_also_in_another_process(tmp_path: Path) -> None:
    write_study(simulate_study(SMALL), tmp_path / "here")
    code = (
        "import sys; from pathlib import Path; from neuro_assets.simulate import *; "
        "write_study(simulate_study(SimulationPlan(participants=4, days=20, seed=7)), Path(sys.argv[1]))"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there")], check=True, cwd=root)
    here = digests(tmp_path / "here")
    assert here == digests(tmp_path / "there")
    assert len(here) == 14 + 11 + 2
    write_study(simulate_study(replace(SMALL, seed=8)), tmp_path / "other")
    assert (
        digests(tmp_path / "other")["exports/period1/hourlySteps_merged.csv"]
        != (here["exports/period1/hourlySteps_merged.csv"])
    )


@pytest.mark.parametrize(
    ("file", "value", "daily"),
    [
        ("hourlySteps_merged.csv", "StepTotal", "TotalSteps"),
        ("hourlyCalories_merged.csv", "Calories", "Calories"),
    ],
)
@pytest.mark.parametrize("season", ["written", "autumn"])
def test_daily_totals_are_sums_of_hours(
    request: pytest.FixtureRequest, season: str, file: str, value: str, daily: str
) -> None:
    study: WrittenStudy = request.getfixturevalue(season)
    days = study.complete("dailyActivity_merged.csv").set_index(["Id", "time"])[daily]
    # The vendor's frames, not the files: dropping equal rows would also drop a true second 1:00 AM.
    frame = study.study.hourly_steps if value == "StepTotal" else study.study.hourly_calories
    sums = frame.groupby(["Id", frame["ActivityHour"].dt.normalize()])[value].sum()
    assert len(sums) == len(days) > 0
    assert (days.to_numpy() == sums.reindex(days.index).to_numpy()).all()


def test_files_hold_the_frames_apart_from_planted_duplicates(written: WrittenStudy) -> None:
    frame = written.study.hourly_steps.rename(columns={"ActivityHour": "time"})
    read = written.complete("hourlySteps_merged.csv")[["Id", "time", "StepTotal"]]
    pd.testing.assert_frame_equal(
        read.sort_values(["Id", "time"], ignore_index=True),
        frame.sort_values(["Id", "time"], ignore_index=True),
        check_dtype=False,
    )


@pytest.mark.parametrize("season", ["written", "autumn"])
def test_minutes_of_a_day_and_its_night_fit_the_true_length(request: pytest.FixtureRequest, season: str) -> None:
    study: WrittenStudy = request.getfixturevalue(season)
    days = study.complete("dailyActivity_merged.csv").set_index(["participant_id", "time"])
    minutes = days[[*ACTIVE_MINUTES, "SedentaryMinutes"]].sum(axis=1)
    length = 60 * study.truth("day_length").set_index("day")["hours"].reindex(minutes.index.get_level_values("time"))
    assert (days[[*ACTIVE_MINUTES, "SedentaryMinutes"]] >= 0).all(axis=None)
    assert (minutes.to_numpy() <= length.to_numpy()).all()
    non_wear = study.truth("non_wear").set_index(["participant_id", "day"]).index
    is_unworn = days.index.isin(non_wear)
    assert (days["SedentaryMinutes"].to_numpy() == length.to_numpy())[is_unworn].all()


def test_values_are_plausible(written: WrittenStudy) -> None:
    days = written.complete("dailyActivity_merged.csv")
    partly = written.truth("partial_non_wear").set_index(["participant_id", "day"]).index
    unworn = written.truth("non_wear").set_index(["participant_id", "day"]).index
    key = pd.MultiIndex.from_frame(days[["participant_id", "time"]])
    worn = days[~key.isin(partly) & ~key.isin(unworn)]
    assert worn["TotalSteps"].between(2_000, 16_000).all()
    assert days["Calories"].between(1_400, 3_500).all()
    assert written.complete("heartrate_seconds_merged.csv")["Value"].between(45, 170).all()
    sleep = written.complete("sleepDay_merged.csv")
    assert sleep["TotalMinutesAsleep"].between(300, 540).all()
    assert (sleep["TotalTimeInBed"] >= sleep["TotalMinutesAsleep"]).all()
    intensity = written.complete("hourlyIntensities_merged.csv")
    assert (intensity["AverageIntensity"] - intensity["TotalIntensity"] / 60).abs().max() < 1e-6


def test_parts_of_the_distance_add_up_to_it(written: WrittenStudy) -> None:
    days = written.complete("dailyActivity_merged.csv")
    parts = days[["VeryActiveDistance", "ModeratelyActiveDistance", "LightActiveDistance"]]
    assert (parts >= 0).all(axis=None)
    assert np.abs(parts.sum(axis=1) - days["TotalDistance"]).max() < 0.02


def test_people_move_by_day_and_rest_by_night(written: WrittenStudy) -> None:
    steps = written.complete("hourlySteps_merged.csv")
    by_hour = steps.groupby(steps["time"].dt.hour)["StepTotal"].mean()
    assert by_hour.loc[1:4].max() < 20 < 250 < by_hour.loc[8:19].min()
    heart_rate = written.complete("heartrate_seconds_merged.csv")
    by_hour = heart_rate.groupby(heart_rate["time"].dt.hour)["Value"].mean()
    assert by_hour.loc[17] - by_hour.loc[3] > 10


def test_heart_rate_comes_every_five_minutes_at_irregular_seconds(written: WrittenStudy) -> None:
    times = written.complete("heartrate_seconds_merged.csv").groupby("Id")["time"]
    gaps = times.diff().dt.total_seconds().dropna()
    assert gaps.median() == pytest.approx(300, abs=10)
    assert gaps.min() >= 1
    assert gaps[gaps < 600].std() > 60


def test_protocol_and_participants(written: WrittenStudy) -> None:
    text = (written.out / "study.yaml").read_text()
    assert "window: {start: 2016-02-20, end: 2016-04-04}\n" in text
    protocol = yaml.safe_load(text)
    models = protocol.pop("models")
    assert protocol == {
        "id": "simulated",
        "name": "Simulated study",
        "default_time_zone": "America/New_York",
        "window": {"start": pd.Timestamp("2016-02-20").date(), "end": pd.Timestamp("2016-04-04").date()},
        "participants": "participants.csv",
        "auto_enrol": False,
        "expected_streams": ["daily_activity", "daily_sleep", "steps", "calories", "intensity", "heart_rate"],
        "surveys": ["ema_mood"],
    }
    assert {name: (told["outcome"]["item"], told["horizon_days"]) for name, told in models.items()} == {
        "tiredness": ("tiredness", 1),
        "mood": ("mood", 1),
    }
    assert models["tiredness"]["features"] == models["mood"]["features"]
    study = load_study(written.out / "study.yaml")
    vocabulary = vocabulary_of(study, [read_codebook(BUILT_IN / "ema_mood.yaml")])
    for model in study.models.values():
        assert [f.name for f in resolve(model, vocabulary).features] == models["mood"]["features"]
    people = pd.read_csv(written.out / "participants.csv")
    assert list(people.columns) == [
        "participant_id", "enrolled_on", "withdrawn_on", "time_zone", "alias_fitabase",
    ]  # fmt: skip
    assert people["participant_id"].tolist() == [f"P{number:03d}" for number in range(1, 21)]
    assert set(people["alias_fitabase"]) == set(written.export("period1/hourlySteps_merged.csv")["Id"])


@pytest.mark.parametrize(("participants", "days"), [(1, 2), (2, 3), (3, 15)])
def test_small_studies_work_and_plant_no_trend_without_time_for_one(
    tmp_path: Path, participants: int, days: int
) -> None:
    study = simulate_study(SimulationPlan(participants=participants, days=days))
    assert len(write_study(study, tmp_path)) == 14
    late = study.truth["baseline"]["baseline_end_day"] == pd.Timestamp(study.plan.last_day)
    too_short = set(study.truth["baseline"].loc[late | (days < 14), "participant_id"])
    trends = study.truth["trends"].set_index("participant_id")
    assert (trends.loc[sorted(too_short), "slope_steps_per_day"] == 0).all()
    assert (study.truth["baseline"]["baseline_days"] <= min(days, 14)).all()


def test_a_plan_that_cannot_be_exported_is_refused() -> None:
    with pytest.raises(ValueError, match="days is 1"):
        SimulationPlan(days=1)
    with pytest.raises(ValueError, match="participants is 0"):
        SimulationPlan(participants=0)
