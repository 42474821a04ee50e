"""Pipelines: what they learn, that they are the same each time, and that nothing of the test side enters."""

from dataclasses import replace

import numpy as np
import pytest

from neuro_assets.science.models.pipelines import BASELINES, PIPELINES, baselines_of, fit
from neuro_assets.science.models.samples import Samples, samples_of
from neuro_assets.science.models.splits import grouped_folds
from neuro_assets_tests.science.models.made import START, noise, with_signal


def four_days() -> Samples:
    outcome = [1, 1, 1, 0, 0, 0, 0, 1]
    return samples_of(np.zeros((8, 1)), ["a"], outcome, list("xxxxyyyy"), START + np.tile(np.arange(4), 2))


def test_the_dummy_says_the_prevalence():
    samples = four_days()
    assert fit("dummy", samples).probability(samples.rows(np.arange(3))).tolist() == [0.5] * 3


def test_a_persons_mean_is_shrunk_and_strangers_get_the_overall_mean():
    samples = four_days()
    model = fit("person_mean", samples)
    # x: 3 of 4 days; with 5 days of .5 added (3 + 2.5) / 9.
    assert model.probability(samples)[[0, 4]] == pytest.approx([5.5 / 9, 3.5 / 9])
    stranger = samples_of([[0.0]], ["a"], [1], ["z"], [START])
    assert model.probability(stranger).tolist() == [0.5]


def test_the_last_outcome_says_what_happened_after_such_a_one():
    days = replace(four_days(), last=np.array([np.nan, 1, 1, 1, np.nan, 0, 0, 0]))
    # After a 1: 1, 1, 0; after a 0: 0, 0, 1; of the first days one of two; 5 days of .5 are added to each.
    shares = fit("last_outcome", days).probability(days)[[1, 5, 0]]
    assert shares == pytest.approx([4.5 / 8, 3.5 / 8, 3.5 / 7])
    assert baselines_of(days) == BASELINES
    assert baselines_of(four_days()) == ("dummy", "person_mean")
    with pytest.raises(ValueError, match=r"last_outcome needs .*Samples\.last"):
        fit("last_outcome", four_days())


@pytest.mark.parametrize("name", ["logistic", "boosting"])
def test_what_is_there_to_learn_is_learned(name):
    from sklearn.metrics import roc_auc_score

    samples = with_signal(0)
    model = fit(name, samples)
    fresh = with_signal(1)
    p = model.probability(fresh)
    truth = 1 / (1 + np.exp(-1.5 * fresh.values[:, 0]))
    assert roc_auc_score(fresh.outcome, p) > roc_auc_score(fresh.outcome, truth) - 0.03
    assert np.corrcoef(p, truth)[0, 1] > 0.9
    assert np.abs(p - truth).mean() < 0.1  # probabilities, not scores


@pytest.mark.parametrize("name", list(PIPELINES))
def test_the_same_seed_gives_the_same_model(name):
    samples = noise(5, missing=0.2)
    samples = replace(samples, last=np.roll(samples.outcome, 1).astype(np.float64))
    one, again = fit(name, samples, 3), fit(name, samples, 3)
    assert one.probability(samples).tolist() == again.probability(samples).tolist()
    for key, value in one.parameters().items():
        assert np.array_equal(value, again.parameters()[key], equal_nan=True), key


@pytest.mark.parametrize("name", ["logistic", "boosting"])
def test_empty_and_constant_columns_do_no_harm(name):
    samples = with_signal(2, people=12, days=15)
    values = np.column_stack([samples.values, np.full(len(samples), np.nan), np.full(len(samples), 7.0)])
    names = (*samples.names, "empty", "constant")
    odd = samples_of(values, names, samples.outcome, samples.people, samples.day)
    model = fit(name, odd)
    plain = model.probability(odd)
    # Values where there were none, and missing where there were: nothing was learned from either.
    values = values.copy()
    values[:, -2], values[:, -1] = 1e6, np.nan
    assert model.probability(samples_of(values, names, odd.outcome, odd.people, odd.day)) == pytest.approx(plain)
    nothing = samples_of(np.full((len(odd), 2), np.nan), "ab", odd.outcome, odd.people, odd.day)
    assert np.ptp(fit(name, nothing).probability(nothing)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", list(PIPELINES))
def test_nothing_of_those_who_are_tested_enters_what_is_fitted(name):
    """Rows of held-out people are altered wildly: every fitted number stays the same to the last bit."""
    samples, rng = noise(6, people=15, days=12, missing=0.1), np.random.default_rng(0)
    samples = replace(samples, last=np.roll(samples.outcome, 1).astype(np.float64))
    for fold in grouped_folds(samples, 5).folds:
        values, outcome = samples.values.copy(), samples.outcome.copy()
        values[fold.test] = rng.normal(scale=1e9, size=values[fold.test].shape)
        outcome[fold.test] = 1 - outcome[fold.test]
        last = np.where(np.isin(np.arange(len(samples)), fold.test), np.nan, samples.last)
        altered = replace(samples, values=values, outcome=outcome, last=last)
        before = fit(name, samples.rows(fold.train)).parameters()
        after = fit(name, altered.rows(fold.train)).parameters()
        assert before.keys() == after.keys()
        assert all(np.array_equal(before[key], after[key], equal_nan=True) for key in before)


def test_the_parameters_would_show_it():
    # The proof above rests on parameters() telling all: one altered training row changes them.
    samples = noise(6, people=15, days=12)
    values = samples.values.copy()
    values[0] += 1e3
    altered = samples_of(values, samples.names, samples.outcome, samples.people, samples.day)
    for name in set(PIPELINES) - set(BASELINES):
        before, after = fit(name, samples).parameters(), fit(name, altered).parameters()
        assert any(not np.array_equal(before[key], after[key]) for key in before), name
    expected = {"strength", "impute.statistics_", "scale.mean_", "scale.scale_", "classify.coef_"}
    assert expected <= fit("logistic", samples).parameters().keys()
    assert {"classify.trees.num_threshold", "classify.trees.value"} <= fit("boosting", samples).parameters().keys()


def test_the_penalty_is_chosen_on_groups_held_out():
    assert fit("logistic", noise(7, person_sd=1.0)).parameters()["strength"][0] == 4.0
    assert fit("logistic", with_signal(7)).parameters()["strength"][0] > 4.0
    with_few = noise(0, people=3, days=10).rows(np.arange(30))
    outcome = np.where(with_few.people == "p000", 1, 0)
    few = samples_of(with_few.values, with_few.names, outcome, with_few.people, with_few.day)
    assert fit("logistic", few).parameters()["strength"][0] == 20.0  # no inner split with both outcomes


def test_what_cannot_be_is_refused():
    samples = noise()
    with pytest.raises(ValueError, match="unknown pipeline 'forest'"):
        fit("forest", samples)
    with pytest.raises(ValueError, match="do not have both outcomes"):
        fit("logistic", samples.rows(samples.outcome == 1))
    with pytest.raises(ValueError, match="without a feature"):
        fit("boosting", samples.columns([]))
    with pytest.raises(ValueError, match="the same in the same order"):
        fit("boosting", samples).probability(samples.columns(samples.names[::-1]))
