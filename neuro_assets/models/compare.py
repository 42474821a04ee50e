"""A challenger against the champion, on the same held-out samples, of which neither has seen the people."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuro_assets.models.predict import keys_of
from neuro_assets.models.registry import Key
from neuro_assets.science.models.metrics import Predictions
from neuro_assets.science.models.pipelines import fit
from neuro_assets.science.models.samples import Ints, Samples
from neuro_assets.science.models.splits import Split


@dataclass(frozen=True, eq=False)
class Compared:
    """Predictions of the same samples in the same order.

    Attributes:
        challenger: by what learned from all samples of the other folds.
        champion: by the champion's way of learning, from those of them that the champion had.
        left_out: held-out samples that are not among them: the champion's features are not there, or what it had of
            the other folds has one outcome only.
    """

    challenger: Predictions
    champion: Predictions
    left_out: int


def compare(
    samples: Samples,
    split: Split,
    challenger: Predictions,
    champion: Samples,
    pipeline: str,
    learned: set[Key],
    seed: int = 0,
) -> Compared | None:
    """Let the champion's way of learning predict what the challenger's did; None where nothing can be compared.

    The champion itself has seen most people by now, so that its own predictions of them prove nothing. What it rests
    on is judged instead: its features, its pipeline and its samples, learned anew in each fold without the people
    (or later days) that are predicted. So newer data is what the challenger has before it.

    Args:
        samples: that the challenger learned from.
        split: of them.
        challenger: its held-out predictions, fold after fold.
        champion: the samples of today by the champion's declaration.
        pipeline: of the champion.
        learned: whose which days the champion learned from.
        seed: of all chance.
    """
    keys = keys_of(samples)
    place = {key: n for n, key in enumerate(keys_of(champion))}
    at = np.array([place.get(key, -1) for key in keys])
    was_there = np.array([key in learned for key in keys]) & (at >= 0)
    chosen: list[Ints] = []
    probabilities, called = [], []
    start = 0
    for fold in split.folds:
        positions = start + np.arange(len(fold.test))
        start += len(fold.test)
        train = champion.rows(at[fold.train[was_there[fold.train]]])
        is_common = at[fold.test] >= 0
        if not 0 < train.outcome.sum() < len(train) or not is_common.any():
            continue
        probability = fit(pipeline, train, seed).probability(champion.rows(at[fold.test[is_common]]))
        chosen.append(positions[is_common])
        probabilities.append(probability)
        called.append(probability > train.prevalence + 1e-9)
    if not chosen:
        return None
    return _aligned(challenger, chosen, np.concatenate(probabilities), np.concatenate(called))


def _aligned(
    challenger: Predictions, chosen: Sequence[Ints], probability: np.ndarray, called: np.ndarray
) -> Compared | None:
    ours = challenger.rows(np.concatenate(chosen))
    if not 0 < ours.outcome.sum() < len(ours):
        return None
    theirs = Predictions(ours.outcome, probability, called, ours.units, ours.fold)
    return Compared(ours, theirs, len(challenger) - len(ours))
