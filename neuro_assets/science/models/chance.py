"""How far chance alone carries a metric: intervals over people, and permutation tests. The metrics are in `metrics`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.models.metrics import METRICS, Metric, Predictions, auc_of
from neuro_assets.science.models.samples import Floats, Ints, codes_of

RESAMPLES = 2000
PERMUTATIONS = 999
CONFIDENCE = 0.95
_CHUNK_CELLS = 1_000_000


@dataclass(frozen=True)
class Interval:
    """An estimate, and the range that people at random give it.

    Attributes:
        estimate: with the people as they are; NaN where undefined.
        low: lower end; NaN where hardly a resample is defined.
        high: upper end.
        undefined: resamples without a value, of one outcome only as a rule. They are left out.
        resamples: all of them.
        units: how many people (or groups) were drawn from.
    """

    estimate: float
    low: float
    high: float
    undefined: int
    resamples: int
    units: int

    @property
    def told(self) -> str:
        """For people."""
        if np.isnan(self.estimate):
            return "not defined"
        more = f", {self.undefined} of {self.resamples} resamples undefined" if self.undefined else ""
        return f"{self.estimate:.3f} ({self.low:.3f} to {self.high:.3f}{more})"


def bootstrap(
    predictions: Predictions,
    metrics: Sequence[str] = tuple(METRICS),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval]:
    """Percentile intervals of metrics over people, not rows: a person is drawn with all rows or not at all.

    Cluster bootstrap, Field and Welsh 2007 (JRSS B 69:369-390); models are not fitted anew. With fewer than about 20
    people such intervals are too narrow.
    """
    found = _resampled([predictions], [METRICS[name] for name in metrics], resamples, seed)
    whole = np.ones((1, len(predictions)))
    return {
        name: _interval(float(METRICS[name](predictions, whole)[0]), found[0, place], len(np.unique(predictions.units)))
        for place, name in enumerate(metrics)
    }


def bootstrap_difference(
    ours: Predictions,
    theirs: Predictions,
    metric: str = "auc",
    least: float = -np.inf,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """The interval of metric(ours) - metric(theirs), both on the same people in every resample.

    Args:
        ours: of the one.
        theirs: of the other, on the same rows in the same order.
        metric: of `METRICS`.
        least: theirs counts as this where it is lower; .5 for an AUC, which anybody has without a model.
        resamples: how many.
        seed: of the draws.

    Raises:
        ValueError: not the same rows.
    """
    if not (np.array_equal(ours.outcome, theirs.outcome) and np.array_equal(ours.units, theirs.units)):
        raise ValueError("two models are compared on the same rows of the same people only")
    found = _resampled([ours, theirs], [METRICS[metric]], resamples, seed)[:, 0]
    whole = np.ones((1, len(ours)))
    of_ours, of_theirs = (float(METRICS[metric](p, whole)[0]) for p in (ours, theirs))
    difference = found[0] - np.maximum(found[1], least)
    return _interval(of_ours - float(np.maximum(of_theirs, least)), difference, len(np.unique(ours.units)))


def permutation_p(
    candidates: Sequence[Predictions], blocks: "Blocks", permutations: int = PERMUTATIONS, seed: int = 0
) -> float:
    """The p of the best AUC among candidates, if predictions told nothing of outcomes; predictions stay as they are.

    The null: within a fold, the outcome series of people are exchangeable, and so is where in time each of them begins.
    A permutation gives each person the outcomes of another of the same fold (or the own), as a block in the order of
    days, begun at a random day and continued from its start at its end, repeated or cut to the length. So the outcomes
    of a person stay together, with their mean and their likeness from day to day, and a prediction that knows who
    somebody is, but not how they are, gains nothing. Blocks: Winkler et al. 2015 (NeuroImage 123:253-268). Only within
    a fold, since what was learned for a fold knows the outcomes of all others, but none of its own.

    The best of several candidates is compared with the best of the same candidates (Westfall and Young 1993).
    p = (1 + times as good or better) / (1 + permutations): Phipson and Smyth 2010 (Stat Appl Genet Mol Biol 9:39).

    It is right for predictions that were made without these outcomes. Out-of-fold predictions were not: each fold's
    outcomes taught the models of the others, so that folds are right or wrong together, and p is too small where people
    differ. `evaluate` confirms a small p by `refit_p`, which learns anew each time.

    Args:
        candidates: predictions of the same rows.
        blocks: of these rows.
        permutations: how many.
        seed: of the permutations.

    Returns:
        NaN where no AUC is defined.
    """
    first, rng = candidates[0], np.random.default_rng(seed)
    observed = _best_auc(candidates, first.outcome[None, :])[0]
    if np.isnan(observed):
        return float("nan")
    as_good = 0
    step = max(1, _CHUNK_CELLS // len(first))
    for begin in range(0, permutations, step):
        count = min(step, permutations - begin)
        labels = np.stack([first.outcome[blocks.shuffled(rng)] for _ in range(count)])
        # A permutation without both outcomes in any fold is no evidence against the null.
        as_good += int(np.sum(np.nan_to_num(_best_auc(candidates, labels), nan=np.inf) >= observed - 1e-12))
    return (1 + as_good) / (1 + permutations)


@dataclass(frozen=True, eq=False)
class Blocks:
    """Rows as series of days, one for each person (or village or site) in a fold.

    Attributes:
        order: (n,) row positions, block after block, by person and day within a block.
        block: (n,) of each place in `order`.
        place: (n,) within the block.
        start: (blocks,) where in `order` a block begins.
        length: (blocks,) rows.
        fold: (blocks,) ascending.
    """

    order: Ints
    block: Ints
    place: Ints
    start: Ints
    length: Ints
    fold: Ints

    @classmethod
    def of(cls, units: Ints, fold: Ints, day: NDArray[np.datetime64], people: Ints | None = None) -> "Blocks":
        """The blocks of (n,) rows; `people` where a unit holds several of them."""
        order = np.lexsort((day, units if people is None else people, units, fold))
        pair = fold[order] * (int(units.max()) + 1) + units[order]
        block = codes_of(pair)
        length = np.bincount(block)
        start = np.cumsum(length) - length
        return cls(order, block, np.arange(len(order)) - start[block], start, length, fold[order][start])

    def shuffled(self, rng: np.random.Generator) -> Ints:
        """(n,) for each row the row whose outcome it gets."""
        source = np.lexsort((rng.random(len(self.fold)), self.fold))[self.block]
        begin = np.floor(rng.random(len(self.fold)) * self.length).astype(np.int64)[source]
        taken = self.start[source] + (self.place + begin) % self.length[source]
        found = np.empty(len(self.order), dtype=np.int64)
        found[self.order] = self.order[taken]
        return found


def _best_auc(candidates: Sequence[Predictions], labels: NDArray[np.int8]) -> Floats:
    ones = labels.astype(np.float64)
    return np.max([auc_of(candidate, ones, 1 - ones) for candidate in candidates], axis=0)


def _resampled(candidates: Sequence[Predictions], metrics: Sequence[Metric], resamples: int, seed: int) -> Floats:
    """(candidates, metrics, resamples), the same people drawn for all candidates."""
    rng, units = np.random.default_rng(seed), codes_of(candidates[0].units)
    count, n = int(units.max()) + 1, len(units)
    found = np.empty((len(candidates), len(metrics), resamples))
    step = max(1, _CHUNK_CELLS // n)
    for begin in range(0, resamples, step):
        size = min(step, resamples - begin)
        weights = rng.multinomial(count, np.full(count, 1 / count), size=size)[:, units].astype(np.float64)
        for i, candidate in enumerate(candidates):
            for j, metric in enumerate(metrics):
                found[i, j, begin : begin + size] = metric(candidate, weights)
    return found


def _interval(estimate: float, values: Floats, units: int) -> Interval:
    defined = values[~np.isnan(values)]
    low = high = float("nan")
    # From less than half of the resamples the ends would be those of a different question.
    if len(defined) > len(values) / 2:
        low, high = (float(v) for v in np.quantile(defined, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)))
    return Interval(estimate, low, high, int(len(values) - len(defined)), len(values), units)
