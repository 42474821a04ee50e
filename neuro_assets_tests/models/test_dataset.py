"""Which rows a model has, what of the lake is in them, and what of it is not."""

from datetime import date, timedelta

import numpy as np
import pytest

from neuro_assets.models.dataset import NoRowsError
from neuro_assets.science.models.leaks import scan
from neuro_assets.science.models.samples import Samples
from neuro_assets_tests.models.conftest import Lake, at, declared, on


def column(samples: Samples, name: str) -> list[float | None]:
    """The values of a feature, None where there is none."""
    return [None if np.isnan(v) else float(v) for v in samples.values[:, samples.names.index(name)]]


def put_steps(lake: Lake, who: str = "a", days: int = 12) -> None:
    """100 steps on day 0, 101 on day 1, and so on."""
    for n in range(days):
        lake.feature("steps", who, n, total=100.0 + n)


@pytest.mark.parametrize(("horizon", "expected"), [(0, [107, 109]), (1, [106, 108]), (7, [100, 102])])
def test_features_are_of_the_horizon_before_the_outcomes_day(lake: Lake, horizon: int, expected: list[float]):
    put_steps(lake)
    for n, score in ((7, 12.0), (9, 3.0)):
        lake.score("a", at(n), "phq9", "total", score)
    lake.write()
    found = lake.build(declared(horizon_days=horizon, association=horizon == 0))
    assert column(found.samples, "steps.total") == expected
    assert found.samples.outcome.tolist() == [1, 0]
    assert found.samples.day.tolist() == [on(7), on(9)]
    assert found.samples.score is not None
    assert found.samples.score.tolist() == [12, 3]
    assert found.response_id.tolist() == ["a 03-11 09:00", "a 03-13 09:00"]
    assert found.outcome_at.tolist() == [at(7).replace(tzinfo=None), at(9).replace(tzinfo=None)]
    ends = [at(n - horizon + 1, 0).replace(tzinfo=None) for n in (7, 9)]
    assert found.known.known_at["steps.total"].tolist() == ends
    late = [f for f in scan(found.samples, found.known) if f.kind == "dated_after_outcome"]
    assert bool(late) == (horizon == 0)
    assert any("association" in told for told in found.told) == (horizon == 0)


@pytest.mark.parametrize(("horizon", "expected"), [(1, [None, 1, 0, 0]), (2, [None, None, 1, 0])])
def test_the_outcome_before_is_told_where_earlier_answers_are_features(
    lake: Lake, horizon: int, expected: list[float | None]
):
    put_steps(lake)
    for n, stress in ((3, 4), (4, 2), (5, 2), (8, 4)):
        lake.answer("a", at(n), "ema_mood", {"stress": stress, "mood": 3})
    lake.write()
    asked = {"outcome": {"instrument": "ema_mood", "item": "stress"}, "positive_at_least": 3, "horizon_days": horizon}
    found = lake.build(declared(**asked, features=["steps.total", "survey.ema_mood.mood"]))
    assert found.samples.outcome.tolist() == [1, 0, 0, 1]
    assert found.samples.last is not None
    assert [None if np.isnan(v) else v for v in found.samples.last.tolist()] == expected
    assert any("last_outcome" in told for told in found.told)
    # Steps alone tell nothing of earlier answers: no baseline may use them.
    assert lake.build(declared(**asked)).samples.last is None


def test_what_is_not_there_stays_missing_and_rows_without_anything_are_dropped_and_counted(lake: Lake):
    for n in (1, 2):
        lake.feature("steps", "a", n, total=50.0 if n == 1 else None, mean=None if n == 1 else 2.0)
    for n in (2, 3, 4):
        lake.score("a", at(n), "phq9", "total", 12.0)
    lake.score("a", at(5), "phq9", "total", None)
    lake.score("a", at(2, 7), "phq9", "total", 3.0)
    lake.score("a", at(3, 7), "phq9", "total", 3.0, is_of_record=False)
    lake.write()
    found = lake.build(declared(features=["steps.total", "steps.mean"]))
    assert column(found.samples, "steps.total") == [50, None]
    assert column(found.samples, "steps.mean") == [None, 2]
    assert found.dropped == {"not_of_record": 1, "no_outcome": 1, "another_of_the_day": 1, "no_feature": 1}
    assert found.definitions == {"features.steps": ("v1",), "phq9": ()}


@pytest.mark.parametrize(
    ("of_day", "score", "hour", "whose"),
    [("first", 4, 8, ["08:00"]), ("last", 14, 20, ["20:00"]), ("mean", 9, 20, ["08:00", "20:00"])],
)
def test_one_of_several_answers_of_a_day_counts(lake: Lake, of_day: str, score: float, hour: int, whose: list[str]):
    put_steps(lake)
    for when, value in ((20, 14.0), (8, 4.0)):
        lake.score("a", at(3, when), "phq9", "total", value)
    lake.write()
    found = lake.build(declared(outcome={"instrument": "phq9", "score": "total", "of_day": of_day}))
    assert found.samples.score is not None
    assert found.samples.score.tolist() == [score]
    assert found.outcome_at.tolist() == [at(3, hour).replace(tzinfo=None)]
    assert found.response_id.tolist() == [", ".join(f"a 03-07 {clock}" for clock in whose)]


def test_the_night_counts_where_it_ended_before_the_answer(lake: Lake):
    put_steps(lake)
    ends = {2: at(2, 7), 3: at(3, 10), 4: None}
    for n, until in ends.items():
        lake.night("a", n, until, efficiency=0.9 + n / 100, naps=float(n))
        lake.score("a", at(n, 9), "phq9", "total", 12.0)
    lake.write()
    features = ["steps.total", "sleep.efficiency", "sleep.naps"]
    found = lake.build(declared(features=features, same_morning_sleep=True))
    assert column(found.samples, "sleep.efficiency") == [0.92, None, None]
    # Naps of a day are not over in the morning: they are of the day before, as steps are.
    assert column(found.samples, "sleep.naps") == [None, 2, 3]
    assert found.known.known_at["sleep.efficiency"].tolist() == [at(2, 7).replace(tzinfo=None), None, None]
    assert any("2 nights are left out" in told for told in found.told)
    assert not [f for f in scan(found.samples, found.known) if f.kind == "dated_after_outcome"]
    before = lake.build(declared(features=features))
    assert column(before.samples, "sleep.efficiency") == [None, 0.92, 0.93]


def test_the_own_median_is_of_earlier_days_only(lake: Lake):
    put_steps(lake)
    scores = [5, 3, 4, 4, 6, 1, 4]
    for n, score in enumerate(scores, start=1):
        lake.score("a", at(n), "phq9", "total", float(score))
    lake.write()
    model = declared(positive_above_own_median=True, least_earlier=3)
    found = lake.build(model)
    # Medians before: of 5 3 4: 4, of 5 3 4 4: 4, of 5 3 4 4 6: 4, with 1: 4.
    assert found.samples.outcome.tolist() == [0, 1, 0, 0]
    assert found.dropped == {"too_few_earlier": 3}
    below = lake.build(declared(positive_below_own_median=True, least_earlier=3))
    assert below.samples.outcome.tolist() == [0, 0, 1, 0]
    for n in range(5, 8):
        lake.rows["baselines.survey_score"][n - 1]["score"] = 27.0
    lake.write()
    assert lake.build(model).samples.outcome.tolist()[:1] == [0]


def test_as_of_a_moment_nothing_later_plays_a_part(lake: Lake):
    put_steps(lake)
    for n in (3, 4):
        lake.score("a", at(n), "phq9", "total", 12.0)
    lake.write()
    model = declared(horizon_days=0, association=True, features=["steps.total", "steps.total:7d.mean"])
    lake.feature("steps_trailing", "a", 3, window_days=7, total_mean=1.0)
    lake.write()
    assert len(lake.build(model, at(4)).samples) == 1  # day 4 is not over, and so not known
    assert column(lake.build(model, at(4, 24)).samples, "steps.total") == [103, 104]
    assert column(lake.build(model, on(3)).samples, "steps.total") == [103]
    assert lake.build(model, at(4)).dropped == {"no_feature": 1}
    assert lake.build(model, on(3)).dropped == {"after_as_of": 1}
    with pytest.raises(ValueError, match="has no zone"):
        lake.build(model, at(4).replace(tzinfo=None))


def test_a_person_is_summarised_over_the_days_before_the_outcome(lake: Lake):
    put_steps(lake, days=15)
    for n in (8, 12):
        lake.feature("circadian", "a", n, window_days=14, l5=float(n))
    for n in (10, 14):
        lake.score("a", at(n), "phq9", "total", 12.0)
    lake.write()
    fields = {"unit": "participant", "features": ["steps.total", "circadian.l5:14d"]}
    first = {"over_days": 7, "statistics": ["mean", "sd"], "answer": "first"}
    found = lake.build(declared(**fields, summary=first))
    assert found.samples.names == ("mean(steps.total)", "sd(steps.total)", "circadian.l5:14d")
    # Days 3 to 9: 103 ... 109; n - 1 = 6, sum of squares 28.
    np.testing.assert_allclose(found.samples.values, [[106, (28 / 6) ** 0.5, 8]])
    assert found.samples.day.tolist() == [on(10)]
    assert found.dropped == {"another_of_the_person": 1}
    assert found.known.known_at["mean(steps.total)"].tolist() == [at(10, 0).replace(tzinfo=None)]
    last = lake.build(declared(**fields, summary={"over_days": 3}))
    np.testing.assert_allclose(last.samples.values, [[112, 12]])
    # Three sevenths of 28 days are 12: 14 days have a value; of 35 they are 15.
    assert column(lake.build(declared(**fields, summary={"over_days": 28})).samples, "mean(steps.total)") == [106.5]
    assert column(lake.build(declared(**fields, summary={"over_days": 35})).samples, "mean(steps.total)") == [None]


def test_answers_are_those_of_the_last_response_before_the_row(lake: Lake):
    put_steps(lake)
    lake.answer("a", at(2), "ema_mood", {"mood": 2.0, "stress": 4.0})
    lake.answer("a", at(4), "ema_mood", {"mood": 5.0, "stress": None})
    for n in (2, 3, 5, 6):
        lake.score("a", at(n), "phq9", "total", 12.0)
        lake.feature("survey", "a", n, instrument="gad7", score_name="total", score=float(n), answered_ts=at(1))
    lake.write()
    asked = ["survey.ema_mood.mood", "survey.ema_mood.stress", "survey.gad7.total", "steps.total"]
    found = lake.build(declared(features=asked))
    assert column(found.samples, "survey.ema_mood.mood") == [None, 2, 5, 5]
    assert column(found.samples, "survey.ema_mood.stress") == [None, 4, None, None]
    assert column(found.samples, "survey.gad7.total") == [None, 2, None, 5]
    told = [None, *(at(n).replace(tzinfo=None) for n in (2, 4, 4))]
    assert found.known.known_at["survey.ema_mood.mood"].tolist() == told
    assert found.definitions["ema_mood"] == ("1",)


def test_a_second_interview_takes_the_first_one_away_only_once_it_is_there(lake: Lake):
    # Of households one interview counts, and none once there are two.
    put_steps(lake)
    for n, rooms in ((2, 3.0), (6, 4.0)):
        lake.answer("a", at(n), "household", {"rooms": rooms}, is_of_record=False)
        lake.score("a", at(n), "household", "asset_count", rooms, is_of_record=False)
    for n in (2, 3, 6, 7):
        lake.score("a", at(n), "phq9", "total", 12.0)
    lake.write()
    found = lake.build(declared(features=["survey.household.rooms", "steps.total"]))
    assert column(found.samples, "survey.household.rooms") == [None, 3, 3, None]
    model = declared(outcome={"instrument": "household", "score": "asset_count"}, positive_at_least=3)
    assert lake.build(model, on(5)).samples.day.tolist() == [on(2)]
    for as_of in (None, on(6)):
        with pytest.raises(NoRowsError, match="not_of_record 2"):
            lake.build(model, as_of)


def test_the_first_of_a_day_counts_before_the_second_is_there(lake: Lake):
    put_steps(lake)
    for hour, fatigue, is_of_record in ((7, 1.0, True), (20, 5.0, False)):
        lake.answer("a", at(3, hour), "pmsys_wellness", {"fatigue": fatigue}, is_of_record=is_of_record)
    lake.write()
    model = declared(outcome={"instrument": "pmsys_wellness", "item": "fatigue"}, positive_at_most=2)
    for as_of in (None, on(3), at(3, 8)):
        assert lake.build(model, as_of).samples.score == [1]


def test_households_are_grouped_by_village_and_their_income_is_withheld(lake: Lake):
    answers = {"rooms": 2.0, "income_wages": 300.0, "adults": 2.0}
    for n, who in enumerate(("h1", "h2", "h3")):
        village = {"village": float(1 + n % 2)} if who != "h3" else {}
        lake.answer(who, at(n), "household", answers | village | {"rooms": 1.0 + n})
        lake.score(who, at(n), "household", "daily_income_per_person", 2.0 + n)
        own = {"instrument": "household", "answered_ts": at(n)}
        lake.feature("survey", who, n, score_name="asset_count", score=3.0 * n, **own)
        lake.feature("survey", who, n, score_name="monthly_income", score=100.0, **own)
    lake.write()
    found = lake.build(declared(use="household_vulnerability"))
    assert found.samples.groups.tolist() == ["1", "2"]
    assert found.dropped == {"no_group": 1}
    assert found.samples.outcome.tolist() == [1, 1]
    assert column(found.samples, "survey.household.rooms") == [1, 2]
    assert column(found.samples, "survey.household.asset_count") == [0, 3]
    for name in ("income_wages", "adults", "monthly_income", "village", "daily_income_per_person"):
        assert f"survey.household.{name}" not in found.samples.names
    assert found.known.withheld["survey.household.income_wages"].tolist() == [300, 300]
    assert found.known.withheld["survey.household.monthly_income"].tolist() == [100, 100]
    assert not [f for f in scan(found.samples, found.known) if f.kind == "dated_after_outcome"]


def test_an_outcome_may_be_a_column_of_a_table(lake: Lake):
    put_steps(lake)
    for n in (3, 4):
        lake.night("a", n, at(n, 7), efficiency=n / 4)
        lake.feature("steps", "a", n, segment="evening", total=7.0)
    lake.write()
    sleep = {"table": "features.sleep", "column": "efficiency"}
    found = lake.build(declared(outcome=sleep, positive_at_most=0.75))
    assert found.samples.outcome.tolist() == [1, 0]
    # A night has no moment of its own here: it is known when the day is over.
    assert found.outcome_at.tolist() == [at(4, 0).replace(tzinfo=None), at(5, 0).replace(tzinfo=None)]
    evening = {"table": "features.steps", "column": "total", "where": {"segment": "evening"}}
    assert lake.build(declared(outcome=evening)).samples.day.tolist() == [on(3), on(4)]
    for outcome, told in (
        ({"table": "features.slep", "column": "efficiency"}, "did you mean 'features.sleep'"),
        ({"table": "features.sleep", "column": "eficiency"}, "did you mean 'efficiency'"),
        ({"table": "features.sleep", "column": "basis"}, "basis is no number; these are: .*efficiency"),
        ({"table": "features.steps", "column": "total"}, "several rows of a on"),
        ({"table": "features.steps", "column": "total", "where": {"segmnt": "day"}}, "did you mean 'segment'"),
    ):
        with pytest.raises(ValueError, match=told):
            lake.build(declared(outcome=outcome))


def test_nothing_to_learn_from_is_told_with_what_became_of_the_answers(lake: Lake):
    put_steps(lake)
    lake.score("a", at(3), "phq9", "total", None)
    lake.score("a", at(30), "phq9", "total", 4.0)
    lake.write()
    with pytest.raises(NoRowsError, match=r"survey\.phq9\.total \(no_outcome 1, no_feature 1\)"):
        lake.build(declared())
    with pytest.raises(NoRowsError, match="there are none"):
        lake.build(declared(outcome={"instrument": "gad7", "score": "total"}))


def test_the_version_of_the_lake_is_told(lake: Lake):
    put_steps(lake)
    lake.score("a", at(3), "phq9", "total", 12.0)
    lake.write()
    (now,) = lake.connection.execute("SELECT max(snapshot_id) FROM lake.snapshots()").fetchone() or (None,)
    assert lake.build(declared()).snapshot_id == now


def test_local_days_end_by_the_wall_clock_of_the_answer(lake: Lake):
    lake.feature("steps", "a", 2, total=5.0)
    local = at(3, 9).replace(tzinfo=None) + timedelta(hours=2)
    lake.score("a", at(3, 9), "phq9", "total", 12.0, local_ts=local)
    lake.write()
    found = lake.build(declared())
    assert found.known.known_at["steps.total"].tolist() == [at(2, 22).replace(tzinfo=None)]
    assert isinstance(found.samples.day.tolist()[0], date)
