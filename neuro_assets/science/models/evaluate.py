"""How well an outcome is predicted for people who were not learned from, and whether that is better than a baseline.

Every estimate is made within a fold, of the rows it learns from. Keeping, promoting and telling belong elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from neuro_assets.science.models.chance import (
    PERMUTATIONS,
    RESAMPLES,
    Blocks,
    Interval,
    bootstrap,
    bootstrap_difference,
    permutation_p,
)
from neuro_assets.science.models.metrics import METRICS, Predictions, measure
from neuro_assets.science.models.pipelines import BASELINES, PIPELINES, baselines_of, fit
from neuro_assets.science.models.samples import Samples, codes_of
from neuro_assets.science.models.splits import Split, grouped_folds, random_rows

# What anybody has without a model. A baseline below it counts as it.
CHANCE_AUC = 0.5
ALPHA = 0.05
FEW_GROUPS = 20
# The least p is then .01; each takes as long as the evaluation's own predictions.
REFITS = 99


@dataclass(frozen=True)
class Question:
    """What an evaluation asks.

    Attributes:
        pipelines: names of `PIPELINES`; the baselines are added.
        n_folds: of grouped folds and of random rows.
        resamples: of people, for intervals.
        permutations: of outcomes, with predictions as they are.
        refits: permutations with learning anew, done only where the others give p < .05; 0 for none.
        seed: of all chance.
        with_random_rows: whether random rows are reported beside the honest split.
    """

    pipelines: tuple[str, ...] = ("logistic", "boosting")
    n_folds: int = 5
    resamples: int = RESAMPLES
    permutations: int = PERMUTATIONS
    refits: int = REFITS
    seed: int = 0
    with_random_rows: bool = True


@dataclass(frozen=True, eq=False)
class Scored:
    """How a pipeline did.

    Attributes:
        pipeline: its name.
        predictions: held-out rows, fold after fold.
        metrics: by name, with intervals over people.
        to_baseline: AUC less that of the better baseline (which counts as .5 at least); None of a baseline itself.
    """

    pipeline: str
    predictions: Predictions
    metrics: Mapping[str, Interval]
    to_baseline: Interval | None = None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What is known of an outcome's predictability.

    Attributes:
        split: the honest one.
        scored: pipeline -> how it did.
        baseline: the baseline with the higher AUC.
        best: the pipeline, other than a baseline, with the highest AUC.
        p: of the best, by permutation; the choice of the best is allowed for.
        random_rows: pipeline -> metrics under random rows; empty where they were not asked for.
        people: how many people were predicted.
        rows: how many rows of theirs.
        prevalence: share of outcome 1 among them.
        told: what a reader has to know besides.
    """

    split: str
    scored: Mapping[str, Scored]
    baseline: str
    best: str
    p: float
    random_rows: Mapping[str, Mapping[str, Interval]]
    people: int
    rows: int
    prevalence: float
    told: tuple[str, ...] = ()

    @property
    def better_than_baseline(self) -> bool:
        """Whether the best is better for certain: the difference's interval is above 0, and p < .05."""
        to_baseline = self.scored[self.best].to_baseline
        return to_baseline is not None and to_baseline.low > 0 and self.p < ALPHA

    @property
    def verdict(self) -> str:
        """In plain words."""
        best, base = self.scored[self.best], self.scored[self.baseline]
        to_baseline = best.to_baseline
        claim = "better than the baseline" if self.better_than_baseline else "no better than the baseline"
        return (
            f"{self.best} is {claim} ({self.baseline}): AUC {best.metrics['auc'].told} against "
            f"{base.metrics['auc'].estimate:.3f}, difference {to_baseline.told if to_baseline else 'not defined'}, "
            f"p = {self.p:.3f}, {self.rows} rows of {self.people} people"
        )

    @property
    def flattery(self) -> float | None:
        """How much higher the best's AUC would have looked under random rows; None where they were not asked for."""
        if self.best not in self.random_rows:
            return None
        return self.random_rows[self.best]["auc"].estimate - self.scored[self.best].metrics["auc"].estimate


def evaluate(samples: Samples, split: Split | None = None, question: Question | None = None) -> Evaluation:
    """Predict held-out rows with every pipeline, and compare the best with the better baseline.

    Args:
        samples: all rows.
        split: an honest one; grouped folds by default.
        question: what is asked.

    Raises:
        ValueError: too few people, one outcome only, a split that is not honest, or an unknown pipeline.
    """
    question = question or Question()
    samples.require_learnable()
    unknown = [name for name in question.pipelines if name not in PIPELINES]
    if unknown or all(name in BASELINES for name in question.pipelines):
        raise ValueError(
            f"pipelines other than baselines are needed, of {', '.join(PIPELINES)}; got {unknown or 'none'}"
        )
    split = split or grouped_folds(samples, question.n_folds, question.seed)
    if not split.is_honest:
        raise ValueError(f"the split {split.name!r} is not honest: it is for comparison only")
    baselines = baselines_of(samples)
    names = tuple(dict.fromkeys((*baselines, *question.pipelines)))
    predicted = {name: predict_held_out(samples, split, name, question.seed) for name in names}
    baseline = max(baselines, key=lambda name: _auc(predicted[name]))
    candidates = [name for name in names if name not in BASELINES]
    best = max(candidates, key=lambda name: _auc(predicted[name]))
    tested = samples.rows(split.tested)
    return Evaluation(
        split=split.name,
        scored={name: _scored(name, predicted, baseline, question) for name in names},
        baseline=baseline,
        best=best,
        p=_p(samples, split, predicted, candidates, question),
        random_rows=_under_random_rows(samples, names, question) if question.with_random_rows else {},
        people=tested.n_people,
        rows=len(tested),
        prevalence=tested.prevalence,
        told=(*split.told, *_told(samples, split)),
    )


def predict_held_out(samples: Samples, split: Split, pipeline: str, seed: int = 0) -> Predictions:
    """Predictions of every held-out row by a model that learned from the other side of its fold.

    What is resampled and permuted is the group. Rows are ranked within folds, unless a fold has one outcome only.
    """
    probabilities, called = [], []
    for fold in split.folds:
        train, test = samples.rows(fold.train), samples.rows(fold.test)
        probability = fit(pipeline, train, seed).probability(test)
        probabilities.append(probability)
        # A baseline that says the prevalence calls nobody, whatever the last digit.
        called.append(probability > train.prevalence + 1e-9)
    tested = split.tested
    return Predictions(
        samples.outcome[tested],
        np.concatenate(probabilities),
        np.concatenate(called),
        codes_of(samples.groups)[tested],
        split.fold_of_tested if _ranks_within(samples, split) else np.zeros(len(tested), dtype=np.int64),
    )


def refit_p(
    samples: Samples, split: Split, pipelines: Sequence[str], permutations: int = REFITS, seed: int = 0
) -> float:
    """The p of the best AUC of pipelines, with all of them learning anew from each permutation's outcomes.

    The null of `chance.permutation_p`, and the whole procedure under it (Ojala and Garriga 2010, JMLR 11:1833-1863).
    Outcomes are exchanged within folds, so that these stay alike in outcome; where a fold is a group by itself, or not
    every row is held out, between all people. Slow: a cross-validation for each permutation.
    """
    rng, tested = np.random.default_rng(seed), split.tested
    fold = np.zeros(len(samples), dtype=np.int64)
    if len(tested) == len(samples) and _groups_per_fold(samples, split) > 1:
        fold[tested] = split.fold_of_tested
    blocks = Blocks.of(codes_of(samples.groups), fold, samples.day, codes_of(samples.people))

    def best(of: Samples) -> float:
        return max(_auc(predict_held_out(of, split, name, seed)) for name in pipelines)

    observed, as_good = best(samples), 0
    for _ in range(permutations):
        permuted = replace(samples, outcome=samples.outcome[blocks.shuffled(rng)])
        is_learnable = all(0 < permuted.outcome[fold.train].sum() < len(fold.train) for fold in split.folds)
        as_good += int(not is_learnable or not best(permuted) < observed - 1e-12)
    return (1 + as_good) / (1 + permutations)


def _p(
    samples: Samples, split: Split, predicted: Mapping[str, Predictions], candidates: Sequence[str], question: Question
) -> float:
    """The p with predictions as they are; where it is small, that of learning anew if it is larger."""
    tested = split.tested
    fold = predicted[candidates[0]].fold
    units, people = codes_of(samples.groups)[tested], codes_of(samples.people)[tested]
    if _groups_per_fold(samples, split) == 1 and fold.any():
        units = people  # ranked within one village: its people are exchanged
    blocks = Blocks.of(units, fold, samples.day[tested], people)
    p = permutation_p([predicted[name] for name in candidates], blocks, question.permutations, question.seed)
    if not p < ALPHA or not question.refits:
        return p
    return max(p, refit_p(samples, split, candidates, question.refits, question.seed))


def _groups_per_fold(samples: Samples, split: Split) -> int:
    return min(len(np.unique(samples.groups[fold.test])) for fold in split.folds)


def _scored(name: str, predicted: Mapping[str, Predictions], baseline: str, question: Question) -> Scored:
    own = predicted[name]
    to_baseline = None
    if name not in BASELINES:
        to_baseline = bootstrap_difference(
            own, predicted[baseline], "auc", CHANCE_AUC, question.resamples, question.seed
        )
    return Scored(name, own, bootstrap(own, tuple(METRICS), question.resamples, question.seed), to_baseline)


def _under_random_rows(
    samples: Samples, names: Sequence[str], question: Question
) -> Mapping[str, Mapping[str, Interval]]:
    split = random_rows(samples, question.n_folds, question.seed)
    return {
        name: bootstrap(
            predict_held_out(samples, split, name, question.seed), ("auc",), question.resamples, question.seed
        )
        for name in names
    }


def _auc(predictions: Predictions) -> float:
    return measure(predictions)["auc"]


def _ranks_within(samples: Samples, split: Split) -> bool:
    return all(0 < samples.outcome[fold.test].sum() < len(fold.test) for fold in split.folds)


def _told(samples: Samples, split: Split) -> tuple[str, ...]:
    found = []
    groups = len(np.unique(samples.groups[split.tested]))
    if groups < FEW_GROUPS:
        found.append(f"{groups} groups are few: intervals are too narrow with less than about {FEW_GROUPS}")
    if not _ranks_within(samples, split):
        found.append("rows are ranked across folds, since some have one outcome only")
    return tuple(found)
