"""What a model leans on: how much worse held-out rows are ordered when a feature is taken from other rows."""

from dataclasses import dataclass, replace

import numpy as np

from neuro_assets.science.models.metrics import Predictions, auc
from neuro_assets.science.models.pipelines import Fitted, fit
from neuro_assets.science.models.samples import Floats, Samples, codes_of
from neuro_assets.science.models.splits import Split

REPEATS = 10


@dataclass(frozen=True)
class Importance:
    """AUC that is lost without what a feature tells.

    Attributes:
        name: of the feature.
        lost: AUC less the mean of it with the feature's values exchanged; about 0, or below, for what tells nothing.
        low: least of the repeats.
        high: most of them.
    """

    name: str
    lost: float
    low: float
    high: float


def importances(
    samples: Samples, split: Split, pipeline: str, repeats: int = REPEATS, seed: int = 0
) -> tuple[Importance, ...]:
    """Of each feature, the most important first (Breiman 2001, Machine Learning 45:5-32; on held-out rows only).

    Values are exchanged between the held-out rows of a fold, missing ones with the others. Features that tell the same
    (steps and distance) share their importance: each alone can be done without.
    """
    rng = np.random.default_rng(seed)
    parts = [(fit(pipeline, samples.rows(f.train), seed), samples.rows(f.test)) for f in split.folds]
    whole = _auc([model.probability(test) for model, test in parts], parts)
    found = []
    for place, name in enumerate(samples.names):
        without = np.array([_auc([_exchanged(m, t, place, rng) for m, t in parts], parts) for _ in range(repeats)])
        lost = whole - without
        found.append(Importance(name, float(lost.mean()), float(lost.min()), float(lost.max())))
    return tuple(sorted(found, key=lambda each: -each.lost))


def _exchanged(model: Fitted, test: Samples, place: int, rng: np.random.Generator) -> Floats:
    values = test.values.copy()
    values[:, place] = values[rng.permutation(len(test)), place]
    return model.probability(replace(test, values=values))


def _auc(probabilities: list[Floats], parts: list[tuple[Fitted, Samples]]) -> float:
    """Rows are ranked within folds; folds of one outcome tell nothing."""
    tests = [test for _, test in parts]
    predictions = Predictions(
        np.concatenate([t.outcome for t in tests]),
        np.concatenate(probabilities),
        np.zeros(sum(map(len, tests)), dtype=bool),
        codes_of(np.concatenate([t.people for t in tests])),
        np.repeat(np.arange(len(tests)), [len(t) for t in tests]),
    )
    return float(auc(predictions, np.ones((1, len(predictions))))[0])
