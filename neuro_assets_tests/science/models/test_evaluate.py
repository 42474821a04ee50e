"""An evaluation says "better" where there is something, "no better" where there is not, and what random rows hide."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from neuro_assets.science.models.evaluate import Evaluation, Question, evaluate, predict_held_out, refit_p
from neuro_assets.science.models.samples import samples_of
from neuro_assets.science.models.splits import forward, grouped_folds, leave_one_group_out, random_rows
from neuro_assets_tests.science.models.made import noise, who_they_are, with_signal

pytestmark = pytest.mark.verify

QUICK = Question(resamples=400, permutations=199, refits=0)


@cache
def of_signal() -> Evaluation:
    return evaluate(with_signal(0, people=24, days=20), question=QUICK)


@cache
def of_who() -> Evaluation:
    return evaluate(who_they_are(), question=QUICK)


def test_a_signal_is_better_than_the_baseline():
    found = of_signal()
    assert found.better_than_baseline
    assert found.p == 1 / 200
    assert found.scored[found.best].to_baseline.low > 0.2
    assert found.verdict.startswith(f"{found.best} is better than the baseline (dummy): AUC 0.8")
    # People do not differ: random rows flatter nobody.
    assert abs(found.flattery) < 0.04
    assert (found.split, found.people, found.rows, found.told) == ("grouped", 24, 480, ())


def test_the_baselines_know_nothing_of_people_they_have_not_seen():
    found = of_signal()
    for name in ("dummy", "person_mean"):
        auc = found.scored[name].metrics["auc"]
        assert (auc.estimate, auc.low, auc.high) == (0.5, 0.5, 0.5)
        assert found.scored[name].metrics["mcc"].estimate == 0
        assert found.scored[name].to_baseline is None


def test_noise_is_no_better_than_the_baseline():
    claims = 0
    for seed in range(4):
        samples = noise(seed, people=15, days=8, person_sd=1.0)
        found = evaluate(samples, question=Question(resamples=200, permutations=99, refits=0, with_random_rows=False))
        claims += found.better_than_baseline
        assert ("no better than the baseline" in found.verdict) != found.better_than_baseline
        assert found.random_rows == {}
        assert found.flattery is None
        assert found.told == ("15 groups are few: intervals are too narrow with less than about 20",)
    assert claims <= 1


def test_random_rows_flatter_where_features_tell_who_it_is():
    found = of_who()
    assert not found.better_than_baseline
    assert found.scored["boosting"].metrics["auc"].estimate < 0.65
    assert found.random_rows["boosting"]["auc"].low > 0.65
    assert found.flattery > 0.1
    # The same in one number that needs no model: who somebody is is enough.
    assert found.random_rows["person_mean"]["auc"].estimate > 0.75
    assert found.scored["person_mean"].metrics["auc"].estimate == 0.5


def test_both_the_interval_and_p_have_to_say_so():
    found = of_signal()
    assert not replace(found, p=0.05).better_than_baseline
    best = found.scored[found.best]
    touching = replace(best, to_baseline=replace(best.to_baseline, low=0.0))
    assert not replace(found, scored={**found.scored, found.best: touching}).better_than_baseline


def test_left_out_one_by_one_a_dummy_below_chance_counts_as_chance():
    # One row a person: the prevalence of the others ranks everybody backwards. AUC 0, yet nothing to be better than.
    rng = np.random.default_rng(0)
    outcome = np.arange(24) % 2
    samples = samples_of(rng.normal(size=(24, 3)), "abc", outcome, np.arange(24), ["2024-01-01"] * 24)
    split = leave_one_group_out(samples)
    question = Question(("logistic",), resamples=200, permutations=99, refits=0, with_random_rows=False)
    found = evaluate(samples, split, question)
    assert found.scored["dummy"].metrics["auc"].estimate == 0.0
    own = found.scored["logistic"]
    assert own.to_baseline.estimate == pytest.approx(own.metrics["auc"].estimate - 0.5)
    assert not found.better_than_baseline
    assert "rows are ranked across folds, since some have one outcome only" in found.told


def test_what_only_repeats_the_last_outcome_is_no_better_than_that():
    """Outcomes that stay as they were for some days, and a feature that tells the one before."""
    rng = np.random.default_rng(4)
    samples = noise(4, people=24, days=25)
    stays = np.where(rng.random(len(samples)) < 0.85, 0, 1).reshape(24, 25)
    outcome = (np.cumsum(stays, axis=1) + rng.integers(0, 2, (24, 1))) % 2
    last = np.concatenate([np.full((24, 1), np.nan), outcome[:, :-1]], axis=1).ravel()
    values = samples.values.copy()
    values[:, 0] = last
    told = replace(samples, outcome=outcome.ravel().astype(np.int8), values=values)
    naive = evaluate(told, question=QUICK)
    assert naive.better_than_baseline
    assert naive.scored[naive.best].metrics["auc"].estimate > 0.75
    honest = evaluate(replace(told, last=last), question=QUICK)
    assert honest.baseline == "last_outcome"
    assert not honest.better_than_baseline


def test_forward_in_time_a_persons_mean_is_the_baseline_to_beat():
    samples = noise(1, people=12, days=40, person_sd=2.0)
    question = Question(("logistic",), resamples=200, permutations=99, refits=0, with_random_rows=False)
    found = evaluate(samples, forward(samples, ["2024-01-22"], 1), question)
    assert found.baseline == "person_mean"
    assert found.scored["person_mean"].metrics["auc"].low > 0.6
    assert not found.better_than_baseline
    assert found.rows == 12 * 19
    assert found.told[0].startswith("forward in time: 100%")


def test_the_threshold_is_the_prevalence_of_what_was_learned_from():
    samples = with_signal(3, people=10, days=10)
    split = grouped_folds(samples, 2)
    found = predict_held_out(samples, split, "logistic")
    shares = [samples.outcome[fold.train].mean() for fold in split.folds]
    expected = found.probability > np.repeat(shares, [len(fold.test) for fold in split.folds])
    assert found.is_called.tolist() == expected.tolist()
    assert found.outcome.tolist() == samples.outcome[split.tested].tolist()


def test_villages_are_resampled_whole():
    samples = noise(0, people=12, days=4)
    village = (np.arange(12) // 2)[np.repeat(np.arange(12), 4)]
    samples = samples_of(samples.values, samples.names, samples.outcome, samples.people, samples.day, village)
    found = predict_held_out(samples, grouped_folds(samples, 3), "dummy")
    assert len(np.unique(found.units)) == 6


def test_learning_anew_agrees():
    signal = with_signal(0, people=12, days=10)
    assert refit_p(signal, grouped_folds(signal, 2), ["boosting"], 9) == 1 / 10
    nothing = noise(1, people=12, days=10)
    assert refit_p(nothing, grouped_folds(nothing, 2), ["boosting"], 9) > 0.1
    assert refit_p(signal, forward(signal, ["2024-01-06"], 0), ["boosting"], 9) == 1 / 10


@pytest.mark.verify
def test_a_small_p_has_to_be_confirmed_by_learning_anew():
    question = Question(("boosting",), 2, resamples=50, permutations=99, refits=24, with_random_rows=False)
    assert evaluate(with_signal(0, people=12, days=10), question=question).p == 1 / 25
    assert evaluate(with_signal(0, people=12, days=10), question=replace(question, refits=0)).p == 1 / 100
    # People differ, features tell who it is, and folds are right together by chance: only learning anew sees that.
    by_chance, question = who_they_are(26, 20, 8), replace(question, n_folds=3, refits=9, seed=26)
    assert evaluate(by_chance, question=replace(question, refits=0)).p < 0.05
    assert evaluate(by_chance, question=question).p > 0.1


def test_the_same_seed_gives_the_same_evaluation():
    samples = noise(2, people=8, days=8)
    question = Question(("logistic",), resamples=50, permutations=19)
    assert evaluate(samples, question=question).verdict == evaluate(samples, question=question).verdict


def test_what_cannot_be_judged_is_refused():
    samples = noise()
    with pytest.raises(ValueError, match="not honest"):
        evaluate(samples, random_rows(samples))
    with pytest.raises(ValueError, match="other than baselines"):
        evaluate(samples, question=Question(("dummy",)))
    with pytest.raises(ValueError, match="forest"):
        evaluate(samples, question=Question(("forest",)))
    with pytest.raises(ValueError, match="4 people have rows"):
        evaluate(noise(people=4))
