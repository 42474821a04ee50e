"""What a data set teaches, and how far that holds: scan for leaks, evaluation, the model of the best pipeline.

Nothing is read or written here, and no other version is known.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neuro_assets.models.artifact import Model
from neuro_assets.models.dataset import Dataset
from neuro_assets.models.errors import ModelError
from neuro_assets.science.models.calibration import calibrated_apart, calibration_of
from neuro_assets.science.models.chance import RESAMPLES, Interval, bootstrap
from neuro_assets.science.models.evaluate import REFITS, Evaluation, Question, evaluate
from neuro_assets.science.models.importance import REPEATS, Importance, importances
from neuro_assets.science.models.leak_kinds import Finding
from neuro_assets.science.models.leaks import scan
from neuro_assets.science.models.metrics import Predictions
from neuro_assets.science.models.pipelines import Learned, fit
from neuro_assets.science.models.samples import Samples
from neuro_assets.science.models.splits import Split, forward, grouped_folds
from neuro_assets.study_models import ModelDeclaration

CALIBRATION = ("brier", "calibration_intercept", "calibration_slope", "calibration_error")


class NotLearnableError(ModelError):
    """Too little is there to learn and judge a model; the message says what."""


@dataclass(frozen=True, eq=False)
class Judged:
    """All that is known of what was learned, before it has a number.

    Attributes:
        dataset: what it learned from.
        split: how samples were held out.
        findings: of the scan for leaks.
        evaluation: of all pipelines.
        model: of the best pipeline, learned from all samples.
        calibrated: metric of `CALIBRATION` -> that of held-out probabilities, calibrated on the other folds.
        importances: of the features, the most important first.
        fingerprint: of all that it follows from; the same one, the same model.
    """

    dataset: Dataset
    split: Split
    findings: tuple[Finding, ...]
    evaluation: Evaluation
    model: Model
    calibrated: Mapping[str, Interval]
    importances: tuple[Importance, ...]
    fingerprint: str

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """Findings that stop it."""
        return tuple(f for f in self.findings if f.is_certain)

    @property
    def held_out(self) -> Predictions:
        """Of the best pipeline, fold after fold."""
        return self.evaluation.scored[self.evaluation.best].predictions


def judge(model: ModelDeclaration, dataset: Dataset) -> Judged:
    """Learn from a data set, and judge it.

    Raises:
        NotLearnableError: too few people, groups, samples or outcomes.
    """
    samples = dataset.samples
    try:
        samples.require_learnable()
        split = split_of(model, samples)
        question = Question(model.pipelines, n_folds=model.n_folds, resamples=RESAMPLES, refits=REFITS, seed=model.seed)
        evaluation = evaluate(samples, split, question)
        learned = fit(evaluation.best, samples, model.seed)
    except ValueError as error:
        raise NotLearnableError(str(error)) from error
    if not isinstance(learned, Learned):
        raise NotLearnableError(f"{evaluation.best} found nothing to learn from: no feature has a value")
    held_out = evaluation.scored[evaluation.best].predictions
    return Judged(
        dataset,
        split,
        tuple(scan(samples, dataset.known)),
        evaluation,
        Model(learned, calibration_of(held_out), samples.prevalence),
        bootstrap(calibrated_apart(held_out, split.fold_of_tested), CALIBRATION, RESAMPLES, model.seed),
        importances(samples, split, evaluation.best, REPEATS, model.seed),
        fingerprint_of(model, samples),
    )


def split_of(model: ModelDeclaration, samples: Samples) -> Split:
    """The honest split that a declaration asks for.

    Raises:
        ValueError: it cannot be had.
    """
    if model.split == "forward":
        return forward(samples, model.cuts, model.gap)
    return grouped_folds(samples, model.n_folds, model.seed)


def fingerprint_of(model: ModelDeclaration, samples: Samples) -> str:
    """Of the declaration as far as learning depends on it, the samples, and what learns."""
    import sklearn

    told = hashlib.sha256(json.dumps([model.learning, samples.names, sklearn.__version__]).encode())
    for array in (samples.values, samples.outcome, samples.day.astype(np.int64), samples.last):
        told.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    told.update("\n".join([*samples.people.tolist(), *samples.groups.tolist()]).encode())
    return told.hexdigest()
