"""Champion against challenger: the same samples, and neither knows the people."""

from dataclasses import replace
from datetime import date

import numpy as np

from neuro_assets.models.compare import Compared, compare
from neuro_assets.models.predict import keys_of
from neuro_assets.science.models.evaluate import predict_held_out
from neuro_assets.science.models.samples import Samples
from neuro_assets.science.models.splits import grouped_folds
from neuro_assets_tests.science.models.made import with_signal

SAMPLES = with_signal(people=12, days=12)
SPLIT = grouped_folds(SAMPLES, 4)
OURS = predict_held_out(SAMPLES, SPLIT, "logistic")
EARLY = {(who, day) for who, day in keys_of(SAMPLES) if day < date(2024, 1, 9)}


def against(champion: Samples, learned: set[tuple[str, date]] = EARLY) -> Compared | None:
    return compare(SAMPLES, SPLIT, OURS, champion, "logistic", learned)


def test_with_the_same_samples_the_champion_says_what_the_challenger_says():
    found = against(SAMPLES, set(keys_of(SAMPLES)))
    assert found is not None
    assert found.left_out == 0
    assert np.array_equal(found.champion.probability, OURS.probability)
    assert np.array_equal(found.champion.is_called, OURS.is_called)
    assert np.array_equal(found.challenger.outcome, SAMPLES.outcome[SPLIT.tested])


def test_the_champion_learns_from_what_it_had_of_other_people_and_nothing_else():
    found = against(SAMPLES)
    assert found is not None
    assert not np.array_equal(found.champion.probability, OURS.probability)
    had = np.array([key in EARLY for key in keys_of(SAMPLES)])
    # What came later, the answers of those who are predicted: the champion knows neither.
    for unknown in (~had, np.isin(np.arange(len(SAMPLES)), SPLIT.folds[0].test)):
        turned = replace(SAMPLES, outcome=np.where(unknown, 1 - SAMPLES.outcome, SAMPLES.outcome).astype(np.int8))
        again = against(turned)
        assert again is not None
        first = SPLIT.fold_of_tested == 0
        assert np.array_equal(found.champion.probability[first], again.champion.probability[first])
    known = had & ~np.isin(np.arange(len(SAMPLES)), SPLIT.folds[0].test)
    turned = replace(SAMPLES, outcome=np.where(known, 1 - SAMPLES.outcome, SAMPLES.outcome).astype(np.int8))
    again = against(turned)
    assert again is not None
    assert not np.array_equal(found.champion.probability, again.champion.probability)


def test_features_and_rows_of_its_own_are_compared_on_what_both_have():
    kept = np.flatnonzero(SAMPLES.day > np.datetime64("2024-01-02"))
    own = SAMPLES.columns(["f3", "f0"]).rows(kept)
    found = against(own)
    assert found is not None
    assert found.left_out == len(SAMPLES) - len(kept) == 24
    assert len(found.challenger) == len(found.champion) == len(kept)
    place = SPLIT.tested[np.isin(SPLIT.tested, kept)]
    assert np.array_equal(found.champion.outcome, SAMPLES.outcome[place])


def test_nothing_is_compared_where_the_champion_has_nothing_to_learn_from():
    assert against(SAMPLES, set()) is None
    nobody = SAMPLES.rows(np.flatnonzero(SAMPLES.people == "p000"))
    assert against(nobody) is None
