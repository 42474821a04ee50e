"""Intervals and permutation tests count people, not rows: shown on simulated studies with known answers."""

import time

import numpy as np
import pytest

from neuro_assets.science.models.chance import Blocks, bootstrap, bootstrap_difference, permutation_p
from neuro_assets.science.models.metrics import Predictions
from neuro_assets_tests.science.models.made import START, predictions

pytestmark = pytest.mark.verify


def study(seed: int, people: int, days: int, between: float, skill: float, knows_who: float):
    """Outcomes that differ by person; predictions with skill by day, and know who it is, to no avail."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), days)
    outcome = rng.random(len(who)) < 1 / (1 + np.exp(-between * rng.normal(size=people)[who]))
    p = skill * outcome + rng.normal(size=len(who)) + knows_who * rng.normal(size=people)[who]
    return predictions(outcome, 1 / (1 + np.exp(-p)), units=who, fold=who % 3), START + np.tile(np.arange(days), people)


def test_rows_of_a_person_are_drawn_together():
    # With one person a resample is always the same: no width. With rows as units there is some.
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 60), rng.random(60)
    found = bootstrap(predictions(y, p, units=np.zeros(60, dtype=int)), ["auc"], 100)["auc"]
    assert found.low == found.high == found.estimate
    by_row = bootstrap(predictions(y, p), ["auc"], 500)["auc"]
    assert by_row.low < by_row.estimate - 0.05
    # Every row five times is no more people: the same interval, where five times the people give a narrower one.
    five = np.tile(np.arange(60), 5)
    copied = bootstrap(predictions(y[five], p[five], units=five), ["auc"], 500)["auc"]
    more = bootstrap(predictions(y[five], p[five]), ["auc"], 500)["auc"]
    assert (copied.low, copied.high) == pytest.approx((by_row.low, by_row.high))
    assert more.high - more.low < 0.6 * (copied.high - copied.low)


def test_the_interval_of_a_mean_is_the_textbooks():
    # Brier of p = 0 is the share of outcome 1: 30 of 100, standard error .0458.
    rows = predictions([1] * 30 + [0] * 70, [0.0] * 100)
    found = bootstrap(rows, ["brier"], 4000)["brier"]
    assert found.estimate == pytest.approx(0.3)
    assert (found.low, found.high) == pytest.approx((0.3 - 1.96 * 0.0458, 0.3 + 1.96 * 0.0458), abs=0.012)


def test_resamples_of_one_outcome_are_counted_and_told():
    # One person of five has all outcomes 1: absent from (4/5)^5 = 33 % of resamples, alone in few.
    units = np.repeat(np.arange(5), 4)
    rng = np.random.default_rng(1)
    found = bootstrap(predictions((units == 0).astype(int), rng.random(20), units=units), ["auc"], 2000)["auc"]
    assert found.undefined / 2000 == pytest.approx(0.8**5 + 0.2**5, abs=0.03)
    assert f"{found.undefined} of 2000 resamples undefined" in found.told
    none = bootstrap(predictions([1, 1], [0.2, 0.4]), ["auc"], 50)["auc"]
    assert (none.undefined, none.told) == (50, "not defined")


def test_five_thousand_rows_take_less_than_two_seconds():
    rows, _ = study(0, 100, 50, 1, 1, 0)
    begin = time.process_time()
    found = bootstrap(rows, ["auc"], 2000)["auc"]
    assert time.process_time() - begin < 2
    assert found.low < found.estimate < found.high


def test_the_intervals_cover_what_they_should():
    # Truth: skill .7 of unit normals, AUC = Phi(.7 / sqrt 2) = .6897. 40 people, 95 % intervals, 150 studies.
    covered = 0
    for seed in range(150):
        rows, _ = study(seed, 40, 10, 0.5, 0.7, 0)
        found = bootstrap(rows, ["auc"], 300, seed)["auc"]
        covered += found.low <= 0.6897 <= found.high
    assert 0.88 <= covered / 150 <= 0.99


def test_differences_are_paired():
    rows, _ = study(2, 30, 10, 1, 0.5, 0)
    same = bootstrap_difference(rows, rows, resamples=200)
    assert (same.low, same.estimate, same.high) == (0, 0, 0)
    dummy = predictions(rows.outcome, np.full(len(rows), 0.4), units=rows.units, fold=rows.fold)
    to_dummy = bootstrap_difference(rows, dummy, resamples=500)
    own = bootstrap(rows, ["auc"], 500)["auc"]
    assert (to_dummy.low, to_dummy.high) == pytest.approx((own.low - 0.5, own.high - 0.5))
    # Worse than chance is no baseline to be proud of beating.
    wrong = predictions(rows.outcome, 1 - rows.outcome * 1.0, units=rows.units, fold=rows.fold)
    assert bootstrap_difference(rows, wrong, resamples=200).estimate == pytest.approx(own.estimate)
    least = bootstrap_difference(rows, wrong, least=0.5, resamples=200)
    assert least.estimate == pytest.approx(own.estimate - 0.5)
    with pytest.raises(ValueError, match="same rows"):
        bootstrap_difference(rows, rows.rows(np.arange(5)))


def test_a_permutation_moves_whole_people_within_folds():
    units, fold = np.array([5, 5, 5, 7, 7, 7, 9, 9]), np.array([0, 0, 0, 0, 0, 0, 1, 1])
    day = START + np.array([2, 0, 1, 0, 1, 2, 0, 1])
    outcome = np.array([30, 10, 20, 1, 2, 3, 8, 9])  # by day: 10 20 30 | 1 2 3 | 8 9
    blocks, rng = Blocks.of(units, fold, day), np.random.default_rng(0)
    by_day = np.argsort(day[:3])
    seen = {
        (tuple(found[:3][by_day].tolist()), tuple(found[3:6].tolist()), tuple(found[6:].tolist()))
        for found in (outcome[blocks.shuffled(rng)] for _ in range(2000))
    }
    turns = {tuple(np.roll([10, 20, 30], k).tolist()) for k in range(3)}
    other = {tuple(np.roll([1, 2, 3], k).tolist()) for k in range(3)}
    assert {s[2] for s in seen} == {(8, 9), (9, 8)}
    assert {s[0] for s in seen} == {s[1] for s in seen} == turns | other
    assert all((s[0] in turns) != (s[1] in turns) for s in seen)
    assert len(seen) == 2 * 3 * 3 * 2


def test_a_longer_series_is_cut_and_a_shorter_one_repeated():
    units, day = np.array([0, 0, 0, 1]), START + np.array([0, 1, 2, 0])
    blocks, rng = Blocks.of(units, np.zeros(4, dtype=int), day), np.random.default_rng(0)
    seen = {tuple(np.array([1, 2, 3, 9])[blocks.shuffled(rng)].tolist()) for _ in range(500)}
    swapped = {(9, 9, 9, k) for k in (1, 2, 3)}
    assert seen == swapped | {(1, 2, 3, 9), (2, 3, 1, 9), (3, 1, 2, 9)}


def p_of(candidates: list[Predictions], day: np.ndarray, permutations: int, seed: int = 0) -> float:
    """With people of a fold as blocks."""
    return permutation_p(candidates, Blocks.of(candidates[0].units, candidates[0].fold, day), permutations, seed)


def rejected(seeds: int, **study_of: float) -> float:
    """How often p < .05."""
    count = 0
    for seed in range(seeds):
        rows, day = study(seed, 15, 12, **study_of)
        count += p_of([rows], day, 99, seed) < 0.05
    return count / seeds


def row_by_row(seeds: int, **study_of: float) -> float:
    """The same with rows exchanged one by one, as it must not be done."""
    count = 0
    for seed in range(seeds):
        rows, day = study(seed, 15, 12, **study_of)
        alone = predictions(rows.outcome, rows.probability, fold=rows.fold)
        count += p_of([alone], day, 99, seed) < 0.05
    return count / seeds


def wandering(rng: np.random.Generator, length: np.ndarray) -> np.ndarray:
    """AR(1) of .8 for each person, about a mean of the own."""
    found = []
    for n in length:
        series = [rng.normal() * 1.67]
        for _ in range(n - 1):
            series.append(0.8 * series[-1] + rng.normal())
        found.append(np.array(series) + rng.normal())
    return np.concatenate(found)


def test_false_positives_are_as_rare_as_promised():
    # Outcomes that do not differ by person, and that do, with predictions that know who somebody is.
    assert rejected(200, between=0, skill=0, knows_who=0) <= 0.09
    assert rejected(200, between=2, skill=0, knows_who=2) <= 0.09
    assert row_by_row(200, between=2, skill=0, knows_who=2) > 0.12


def test_neither_moods_that_last_nor_unequal_diligence_fool_it():
    # Outcome and prediction wander from day to day, each for itself; people have 3 to 40 days. Rows are worth nothing.
    blocks = rows_alone = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        length = rng.integers(3, 41, 15)
        who = np.repeat(np.arange(15), length)
        day = START + np.concatenate([np.arange(n) for n in length])
        outcome, p = wandering(rng, length) > 0, wandering(rng, length)
        rows = predictions(outcome, 1 / (1 + np.exp(-p)), units=who, fold=who % 3)
        blocks += p_of([rows], day, 99, seed) < 0.05
        alone = predictions(rows.outcome, rows.probability, fold=rows.fold)
        rows_alone += p_of([alone], day, 99, seed) < 0.05
    assert blocks / 200 <= 0.09
    assert rows_alone / 200 > 0.15


def test_skill_is_found():
    assert rejected(40, between=1, skill=1.0, knows_who=0) > 0.9


def test_the_smallest_p_is_one_in_all():
    rows, day = study(0, 15, 12, 0, 4, 0)
    assert p_of([rows], day, 99) == 1 / 100
    worst = predictions(rows.outcome, 1 - rows.probability, units=rows.units, fold=rows.fold)
    assert p_of([worst], day, 99) == 1.0
    assert p_of([worst, rows], day, 99) == 1 / 100
    assert np.isnan(p_of([predictions([1, 1], [0.1, 0.2])], START + np.arange(2), 9))


def test_the_choice_of_the_best_is_allowed_for():
    # The best of twenty worthless predictions: alone it is often below .05, as the best of twenty seldom.
    alone, allowed = 0, 0
    for seed in range(40):
        rows, day = study(seed, 15, 12, 0, 0, 0)
        rng = np.random.default_rng(seed)
        tried = [predictions(rows.outcome, rng.random(len(rows)), units=rows.units, fold=rows.fold) for _ in range(20)]
        ps = [p_of([one], day, 99, seed) for one in tried]
        alone += min(ps) < 0.05
        allowed += p_of(tried, day, 99, seed) < 0.05
    assert alone > 15
    assert allowed <= 6
