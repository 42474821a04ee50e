"""The champion stays unless the challenger is better for certain, by the margin, on the same people."""

import numpy as np
import pytest

from neuro_assets.science.models.promotion import promote, require_unseen
from neuro_assets_tests.science.models.made import predictions


def two(seed: int, people: int, ours: float, theirs: float):
    """Predictions of the same rows, of these skills."""
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(people), 10)
    outcome = rng.integers(0, 2, len(units))
    shared = rng.normal(size=len(units))
    made = (skill * outcome + shared + 0.5 * rng.normal(size=len(units)) for skill in (ours, theirs))
    return tuple(predictions(outcome, 1 / (1 + np.exp(-x)), units=units) for x in made)


def test_much_better_replaces_the_champion():
    challenger, champion = two(0, 40, 2.0, 0.5)
    found = promote(challenger, champion, margin=0.02, better_than_baseline=True)
    assert found.is_promoted
    assert found.difference.low > 0.02
    assert found.told.startswith("better by the margin: AUC 0.")
    assert "on the same 40 people, margin 0.02" in found.told


def test_better_by_less_than_the_margin_does_not():
    challenger, champion = two(0, 40, 2.0, 0.5)
    difference = promote(challenger, champion, margin=0, better_than_baseline=True).difference.estimate
    assert promote(challenger, champion, margin=difference - 1e-9, better_than_baseline=True).is_promoted
    assert not promote(challenger, champion, margin=difference + 1e-9, better_than_baseline=True).is_promoted


def test_better_by_chance_does_not():
    challenger, champion = two(1, 6, 0.6, 0.5)
    found = promote(challenger, champion, margin=0, better_than_baseline=True)
    assert found.difference.low < 0
    assert not found.is_promoted
    same = promote(champion, champion, margin=0, better_than_baseline=True)
    assert not same.is_promoted


def test_no_better_than_the_baseline_is_never_promoted():
    challenger, champion = two(0, 40, 2.0, 0.5)
    for other in (champion, None):
        found = promote(challenger, other, margin=0, better_than_baseline=False)
        assert (found.is_promoted, found.difference) == (False, None)
        assert found.told == "no better than the baseline: never promoted"


def test_the_first_model_needs_no_champion():
    challenger, _ = two(0, 40, 2.0, 0.5)
    assert promote(challenger, None, margin=0.02, better_than_baseline=True).is_promoted
    with pytest.raises(ValueError, match="0 or more"):
        promote(challenger, None, margin=-0.1, better_than_baseline=True)


def test_equal_models_are_seldom_taken_for_better():
    promoted = 0
    for seed in range(100):
        challenger, champion = two(seed, 25, 0.8, 0.8)
        promoted += promote(challenger, champion, margin=0, better_than_baseline=True, resamples=300).is_promoted
    assert promoted <= 7


def test_whom_a_model_learned_from_cannot_judge_it():
    require_unseen(["a", "b"], ["c"], "champion 3")
    with pytest.raises(ValueError, match="champion 3 learned from a, b: compare"):
        require_unseen(["a", "b", "d"], ["b", "a"], "champion 3")
