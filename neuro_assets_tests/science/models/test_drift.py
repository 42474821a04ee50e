"""Drift against answers by hand and scipy; the rules for learning anew at their limits."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from neuro_assets.science.models.drift import (
    FeatureDrift,
    OutcomeDrift,
    Rules,
    effective_rows,
    feature_drift,
    intraclass_correlation,
    is_drifted,
    ks_test,
    needs_retraining,
    outcome_drift,
    psi,
    psi_by_chance,
)
from neuro_assets_tests.science.models.made import noise


def test_psi_by_hand():
    # Tenths of 1..100; now half of them in the lowest tenth, the rest as before.
    reference = np.arange(1.0, 101)
    now = np.concatenate([np.full(50, 5.0), np.arange(1.0, 51) * 2])
    q = np.array([0.55] + [0.05] * 9)
    expected = np.sum((q - 0.1) * np.log(q / 0.1))
    assert psi(reference, now) == (pytest.approx(expected), 10)
    assert psi(reference, reference) == (0.0, 10)


def test_an_empty_bin_counts_as_half_a_value_or_a_ten_thousandth():
    for rows, least in ((10, 0.05), (100_000, 1e-4)):
        found, bins = psi(np.arange(1.0, 101), np.full(rows, 5.0))
        expected = 0.9 * np.log(10) + 9 * (least - 0.1) * np.log(least / 0.1)
        assert (found, bins) == (pytest.approx(expected), 10)
    assert psi(np.arange(1.0, 101), np.full(1000, 5.0), m=10)[0] == psi(np.arange(1.0, 101), np.full(10, 5.0))[0]


def test_missing_values_are_a_bin_and_equal_values_share_one():
    reference = np.array([0.0] * 50 + [1.0] * 50)
    now = np.array([0.0] * 25 + [1.0] * 50 + [np.nan] * 25)
    expected = (0.25 - 0.5) * np.log(0.5) + (0.25 - 5e-3) * np.log(0.25 / 5e-3)
    assert psi(reference, now) == (pytest.approx(expected), 3)
    assert np.isnan(psi(np.full(3, np.nan), now)[0])


def test_chance_alone_stays_below_its_limit():
    rng = np.random.default_rng(0)
    found = [psi(rng.normal(size=500), rng.normal(size=100))[0] for _ in range(500)]
    # The chi-square is an approximation: .05 is .08 here.
    assert 0.03 < np.mean(np.array(found) > psi_by_chance(10, 500, 100, 0.05)) < 0.11
    # With 50 new rows chance alone makes .25 commonplace.
    assert psi_by_chance(10, 500, 50, 0.05) > 0.35


def test_ks_is_scipys():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=300), rng.normal(0.2, size=200)
    expected = stats.ks_2samp(a, b, method="asymp")
    found = ks_test(np.append(a, np.nan), b)
    assert found[0] == pytest.approx(expected.statistic)
    assert found[1] == pytest.approx(stats.kstwobign.sf(expected.statistic * np.sqrt(300 * 200 / 500)))
    assert ks_test(a, b, 30, 20)[1] > found[1]
    assert np.isnan(ks_test(a, np.array([np.nan]))[0])


def test_likeness_of_a_persons_days_by_hand():
    # Means 1 and 3, each day .5 off: between 2 * 2^2 / 2 = 4, within 4 * .25 / 2 = .5, (4 - .5) / (4 + .5).
    people = np.array([0, 0, 1, 1])
    assert intraclass_correlation(np.array([0.5, 1.5, 2.5, 3.5]), people) == pytest.approx(3.5 / 4.5)
    assert effective_rows(people, 1.0) == 2
    assert effective_rows(people, 0.0) == 4
    assert intraclass_correlation(np.array([1.0, 2.0]), np.array([0, 1])) == 0
    rng, who = np.random.default_rng(2), np.repeat(np.arange(400), 10)
    values = rng.normal(size=4000) + np.sqrt(3) * rng.normal(size=400)[who]
    assert intraclass_correlation(values, who) == pytest.approx(0.75, abs=0.03)


def test_the_same_people_do_not_drift_and_an_injected_shift_does():
    rng = np.random.default_rng(3)
    samples = noise(3, people=40, days=30, features=20, missing=0.1)
    personal = 3 * rng.normal(size=(40, 20))[np.repeat(np.arange(40), 30)]
    samples = replace(samples, values=samples.values + personal)
    of_some = np.isin(samples.people, np.unique(samples.people)[::2])
    quiet = feature_drift(samples.rows(of_some), samples.rows(~of_some))
    assert [f.name for f in quiet if is_drifted(f, Rules())] == []
    # By rows alone people who differ would be taken for drift.
    assert sum(f.psi > psi_by_chance(11, 600, 600, 0.01) for f in quiet) > 10
    shifted = samples.values.copy()
    shifted[~of_some, 4] += 8
    shifted[~of_some, 7] = np.nan
    found = feature_drift(samples.rows(of_some), replace(samples, values=shifted).rows(~of_some))
    assert [f.name for f in found if is_drifted(f, Rules())] == ["f4", "f7"]
    assert found[4].p < 1e-3 < quiet[4].p
    assert (found[7].missing, found[7].missing_before) == (1.0, pytest.approx(0.1, abs=0.03))
    (reason,) = needs_retraining(0, None, found)
    assert reason.told.startswith("2 of 20 features drifted: f")
    with pytest.raises(ValueError, match="the same features"):
        feature_drift(samples, samples.columns(["f1"]))
    with pytest.raises(ValueError, match="rows on either side"):
        feature_drift(samples, samples.rows(np.array([], dtype=int)))


def test_outcomes_against_predictions_by_hand():
    # Four people, sums of two days each: differences of means .5, .5, .0, .0 from .5 predicted.
    outcome = np.array([1, 1, 1, 1, 1, 0, 0, 1])
    found = outcome_drift(outcome.astype(np.int8), np.full(8, 0.5), np.array(list("aabbccdd")))
    assert (found.observed, found.predicted, found.difference) == (0.75, 0.5, 0.25)
    error = np.std([0.5, 0.5, 0, 0], ddof=1) / 2
    assert found.high - 0.25 == pytest.approx(stats.t.ppf(0.975, 3) * error)
    assert found.p == pytest.approx(stats.ttest_1samp([0.5, 0.5, 0, 0], 0).pvalue)
    one = outcome_drift(outcome.astype(np.int8), np.full(8, 0.5), np.zeros(8))
    assert (one.low, one.high, one.p) == (-np.inf, np.inf, 1.0)


STILL = FeatureDrift("steps", 0.249, 0.05, 0.1, 0.2, True, 0, 0)


def test_forty_nine_labels_are_not_fifty():
    assert needs_retraining(49, 0.7, [STILL], None, Rules(least_auc=0.7)) == []
    (found,) = needs_retraining(50, 0.7, [STILL], None, Rules(least_auc=0.7))
    assert (found.kind, found.told) == ("new_labels", "50 new labelled samples (limit 50)")


def test_each_rule_gives_its_reason():
    rules = Rules(least_auc=0.65)
    moved = OutcomeDrift(0.6, 0.4, 0.2, 0.1, 0.3, 0.001, 12)
    drifted = replace(STILL, psi=0.25)
    found = needs_retraining(3, 0.6, [STILL, drifted], moved, rules)
    assert [reason.kind for reason in found] == ["performance", "feature_drift", "outcome_drift"]
    assert [reason.told for reason in found] == [
        "AUC 0.600 is below 0.65",
        "1 of 2 features drifted: steps (PSI 0.25)",
        "60% had the outcome, 40% predicted (12 people)",
    ]
    assert needs_retraining(3, float("nan"), [], replace(moved, difference=0.09), rules) == []
    assert needs_retraining(3, None, [replace(drifted, is_beyond_chance=False)], replace(moved, p=0.02), rules) == []
    assert needs_retraining(0, None, [drifted], None, Rules(drifted_features=2)) == []
