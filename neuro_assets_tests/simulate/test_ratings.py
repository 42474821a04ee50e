"""What people say of their mornings: the truth is what is written, effects are as documented, silence means nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from neuro_assets.science.models.evaluate import Question, evaluate
from neuro_assets.science.models.samples import Samples
from neuro_assets.simulate import SimulationPlan, ratings, simulate_study, write_study
from neuro_assets.simulate.planted import plant

if TYPE_CHECKING:
    from neuro_assets_tests.simulate.conftest import WrittenStudy

ITEMS = ["mood", "stress", "tiredness"]
EFFECTS = ["short_night_h", "short_night_before_h", "fewer_steps_share"]
CUT = pd.Timestamp("2016-03-17")  # the 27th of 45 days


def truth_of(study: WrittenStudy) -> pd.DataFrame:
    table = study.truth("ratings")
    table["answered_at"] = pd.to_datetime(table["answered_at"])
    return table


def answers_of(study: WrittenStudy, period: str) -> pd.DataFrame:
    return pd.read_csv(study.out / "exports" / period / "ema_mood.csv", parse_dates=["answered_at"])


def test_files_hold_the_answers_of_the_truth_and_share_the_morning_of_the_cut(written: WrittenStudy) -> None:
    truth = truth_of(written)
    given = truth.loc[truth["is_answered"], ["participant_id", "answered_at", *ITEMS]]
    at = given["answered_at"]
    parts = {"period1": given[at < CUT + pd.Timedelta(hours=12)], "period2": given[at >= CUT]}
    for period, expected in parts.items():
        pd.testing.assert_frame_equal(answers_of(written, period), expected.reset_index(drop=True))
    shared = answers_of(written, "period1").merge(answers_of(written, "period2"))
    assert len(shared) == len(parts["period1"]) + len(parts["period2"]) - len(given) > 10
    assert (shared["answered_at"].dt.normalize() == CUT).all()
    assert (at.dt.normalize() == truth.loc[truth["is_answered"], "day"]).all()


def test_truth_has_every_person_day(written: WrittenStudy) -> None:
    truth = truth_of(written)
    days = pd.date_range("2016-02-20", "2016-04-04")
    names = [f"P{number:03d}" for number in range(1, 21)]
    assert list(zip(truth["participant_id"], truth["day"], strict=True)) == [(n, d) for n in names for d in days]
    assert set(np.unique(truth[ITEMS])) == {1, 2, 3, 4, 5}


def test_effects_are_those_that_the_page_of_the_simulator_tells(written: WrittenStudy) -> None:
    """Least squares over 900 person-days: standard errors are at most .05 (sleep) and .15 (steps), of mood."""
    truth = truth_of(written)
    told = {"tiredness": (0.3, 0.9, 2.8), "stress": (0.15, 0.45, 1.4), "mood": (0, 0, 0)}
    for item, expected in told.items():
        daily = truth[f"{item}_rating"] - truth[f"{item}_level"]
        found, *_ = np.linalg.lstsq(truth[EFFECTS], daily, rcond=None)
        assert found == pytest.approx(expected, abs=0.45)
        assert found[:2] == pytest.approx(expected[:2], abs=0.15)
        stray = daily - truth[EFFECTS] @ np.array(expected)
        assert abs(stray.mean()) < 0.1
        assert truth.groupby("participant_id")[f"{item}_level"].nunique().eq(1).all()
        cuts = np.array([-1.6, -0.6, 0.6, 1.6])
        above = (truth[f"{item}_rating"].to_numpy()[:, None] > cuts).sum(axis=1)
        assert (truth[item] == 1 + above).all()


def test_people_differ_more_than_their_days_do(written: WrittenStudy) -> None:
    truth = truth_of(written)
    effect = truth[EFFECTS] @ np.array([0.3, 0.9, 2.8])
    level = truth.groupby("participant_id")["tiredness_level"].first()
    assert effect.std() < level.std()


def test_what_ratings_follow_from_is_what_the_files_have(written: WrittenStudy) -> None:
    """Own means also count days that no file has: differences and ratios of days of a person do not need them."""
    truth = truth_of(written).set_index(["participant_id", "day"])
    sleep = written.complete("sleepDay_merged.csv").set_index(["participant_id", "time"])["TotalMinutesAsleep"]
    known = sleep / 60 + truth["short_night_h"].reindex(sleep.index)
    own_mean = known.groupby("participant_id").agg(["min", "max"])
    assert len(sleep) > 800
    assert (own_mean["max"] - own_mean["min"]).max() < 0.0002

    partly = written.truth("partial_non_wear").set_index(["participant_id", "day"]).index
    steps = written.complete("dailyActivity_merged.csv").set_index(["participant_id", "time"])["TotalSteps"]
    steps = steps[(steps > 0) & ~steps.index.isin(partly)]
    day_after = truth["fewer_steps_share"].groupby("participant_id").shift(-1).reindex(steps.index).dropna()
    ratio = steps.reindex(day_after.index) / (1 - day_after)
    within = ratio.groupby("participant_id").agg(lambda of_person: of_person.max() / of_person.min())
    assert len(ratio) > 700
    assert within.max() < 1.01

    before = truth["short_night_h"].groupby("participant_id").shift(1)
    assert before.fillna(0).tolist() == truth["short_night_before_h"].tolist()


def test_one_person_never_answers_one_stops_and_the_others_miss_days(written: WrittenStudy) -> None:
    truth = truth_of(written)
    share = truth.groupby("participant_id")["is_answered"].mean().sort_values()
    assert share.iloc[0] == 0
    assert 0.35 < share.iloc[1] < 0.5 < 0.7 < share.iloc[2]
    stops = truth[truth["participant_id"] == share.index[1]]["is_answered"].tolist()
    assert sum(stops[22:]) == 0 < stops[:22].count(False) < 10
    others = truth[truth["participant_id"].isin(share.index[2:])]["is_answered"]
    assert others.mean() == pytest.approx(0.88, abs=0.035)  # 3 standard errors of 810 days


@pytest.mark.verify
def test_silence_says_nothing_of_what_would_have_been_said() -> None:
    """Of people who answer, the mean rating of silent days less that of others, in own terms: 4 standard errors."""
    truth = simulate_study(SimulationPlan(participants=300, days=20)).truth["ratings"]
    talks = truth.groupby("participant_id")["is_answered"].transform("mean") > 0.55
    for item in ITEMS:
        own = truth[f"{item}_rating"] - truth.groupby("participant_id")[f"{item}_rating"].transform("mean")
        silent, told = own[talks & ~truth["is_answered"]], own[talks & truth["is_answered"]]
        error = own.std() * np.sqrt(1 / len(silent) + 1 / len(told))
        assert abs(silent.mean() - told.mean()) < 4 * error < 0.2


@pytest.mark.verify
def test_of_people_not_met_before_tiredness_can_be_told_and_mood_cannot(written: WrittenStudy) -> None:
    """By what of the effects is known the day before, without gaps: what no model of the files can do better than."""
    truth = truth_of(written)
    told = truth[truth["is_answered"]]
    people = told["participant_id"].to_numpy().astype(np.str_)
    known = told[["short_night_before_h", "fewer_steps_share"]].to_numpy()
    days = told["day"].to_numpy().astype("datetime64[D]")
    found = {}
    for item, outcome in {"tiredness": told["tiredness"] >= 4, "mood": told["mood"] <= 2}.items():
        positive = outcome.to_numpy().astype(np.int8)
        samples = Samples(known, ("short_night_before_h", "fewer_steps_share"), positive, people, people, days)
        found[item] = evaluate(samples, question=Question(pipelines=("logistic",), refits=0))
        own = found[item].random_rows["person_mean"]["auc"].low, found[item].scored["person_mean"].metrics["auc"].high
        assert own[0] > 0.65 > own[1] == 0.5
    assert found["tiredness"].better_than_baseline
    assert 0.7 < found["tiredness"].scored["logistic"].metrics["auc"].estimate < 0.85
    assert not found["mood"].better_than_baseline


@pytest.mark.parametrize("season", ["written", "autumn"])
def test_people_are_up_when_they_answer(request: pytest.FixtureRequest, season: str) -> None:
    study: WrittenStudy = request.getfixturevalue(season)
    truth = truth_of(study)
    hour = (truth["answered_at"] - truth["day"]) / pd.Timedelta(hours=1)
    assert hour.between(8, 14).all()
    planted = plant(study.study.plan)
    start = pd.Timestamp(study.study.plan.start, tz="America/New_York")
    up = start + pd.to_timedelta(planted.nights.in_bed_until_min[:, :-1].reshape(-1), unit="min")
    key = pd.MultiIndex.from_product([planted.people.participant_id, pd.DatetimeIndex(planted.clock.days)])
    awake_min = (truth.set_index(["participant_id", "day"])["answered_at"].reindex(key) - up.tz_localize(None)) / (
        pd.Timedelta(minutes=1)
    )
    assert awake_min.min() >= 10
    assert (awake_min > 10).mean() > 0.9


def test_ratings_change_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = SimulationPlan(participants=4, days=20, seed=7)
    write_study(simulate_study(plan), tmp_path / "as_it_is")
    monkeypatch.setitem(ratings.LAST_NIGHT, "mood", 3.0)
    monkeypatch.setattr(ratings, "MISSED_SHARE", 0.5)
    write_study(simulate_study(plan), tmp_path / "changed")
    changed = {
        path.relative_to(tmp_path / "changed").as_posix()
        for path in (tmp_path / "changed").rglob("*")
        if path.is_file()
        and hashlib.sha256(path.read_bytes()).digest()
        != hashlib.sha256((tmp_path / "as_it_is" / path.relative_to(tmp_path / "changed")).read_bytes()).digest()
    }
    assert changed == {"exports/period1/ema_mood.csv", "exports/period2/ema_mood.csv", "truth/ratings.csv"}
