"""What a model leans on: the column that tells is found, and one that tells nothing is worth nothing."""

import numpy as np
import pytest

from neuro_assets.science.models.importance import importances
from neuro_assets.science.models.samples import Samples, samples_of
from neuro_assets.science.models.splits import grouped_folds


def made(copies: bool = False) -> Samples:
    rng = np.random.default_rng(3)
    people = np.repeat([f"p{n}" for n in range(12)], 20)
    day = np.tile(np.arange(20), 12).astype("datetime64[D]")
    values = rng.normal(size=(240, 3))
    outcome = values[:, 0] + 0.3 * values[:, 1] + 0.5 * rng.normal(size=240) > 0
    if copies:
        values[:, 2] = values[:, 0]
    values[rng.random(values.shape) < 0.05] = np.nan
    return samples_of(values, ["strong", "weak", "nothing"], outcome, people, day)


@pytest.mark.parametrize("pipeline", ["logistic", "boosting"])
def test_columns_are_told_in_the_order_of_what_they_tell(pipeline: str):
    samples = made()
    found = importances(samples, grouped_folds(samples, 4), pipeline, repeats=4)
    assert [each.name for each in found] == ["strong", "weak", "nothing"]
    assert found[0].lost > 0.2
    assert abs(found[2].lost) < 0.02
    assert all(each.low <= each.lost <= each.high for each in found)


def test_the_same_seed_tells_the_same_and_copies_share():
    samples = made(copies=True)
    split = grouped_folds(samples, 4)
    found = importances(samples, split, "logistic", repeats=3, seed=5)
    assert found == importances(samples, split, "logistic", repeats=3, seed=5)
    alone = importances(made(), grouped_folds(made(), 4), "logistic", repeats=3, seed=5)
    lost = {each.name: each.lost for each in found}
    assert lost["strong"] < next(each.lost for each in alone if each.name == "strong")
    assert lost["nothing"] > 0.02
