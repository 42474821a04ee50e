"""How a probability is learned: two baselines, a linear model, boosted trees. Splitting and scoring are elsewhere.

Everything that is estimated (medians, scales, coefficients, hyperparameters) is estimated from the samples handed to
`fit`, and from nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.models.samples import Floats, Samples
from neuro_assets.science.models.splits import grouped_folds

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline
    from threadpoolctl import ThreadpoolController

BASELINES = ("dummy", "person_mean", "last_outcome")
# A person's mean counts as if that many more days had been the mean of everybody: with a handful of days it says
# little about the person, with a month nearly all.
SHRINK_DAYS = 5.0
# Half lasso, half ridge: correlated features (steps, distance, calories) come and go together.
L1_RATIO = 0.5
# Penalties, as C * n: from "only a feature with a correlation above .3 enters" to "hardly any".
STRENGTHS = (4.0, 20.0, 100.0)
# Without an inner split the middle one.
DEFAULT_STRENGTH = 20.0
_INNER_FOLDS = 3
_LEAST_P = 1e-6


class Fitted(Protocol):
    """A model that has learned."""

    def probability(self, samples: Samples) -> Floats:
        """(n,) probability of outcome 1."""
        ...

    def parameters(self) -> Mapping[str, NDArray[np.generic]]:
        """All that was estimated, by name."""
        ...


@dataclass(frozen=True)
class Prevalence:
    """Everybody gets the share of outcome 1 among the rows that were learned from."""

    prevalence: float

    def probability(self, samples: Samples) -> Floats:
        """(n,) the same for all."""
        return np.full(len(samples), self.prevalence)

    def parameters(self) -> Mapping[str, NDArray[np.generic]]:
        """The prevalence."""
        return {"prevalence": np.array([self.prevalence])}


@dataclass(frozen=True)
class PersonMean:
    """Each person gets the own mean, shrunk to that of everybody; an unseen person gets that of everybody."""

    prevalence: float
    means: Mapping[str, float] = field(default_factory=dict)

    def probability(self, samples: Samples) -> Floats:
        """(n,) by who it is; features are not looked at."""
        return np.array([self.means.get(str(who), self.prevalence) for who in samples.people], dtype=np.float64)

    def parameters(self) -> Mapping[str, NDArray[np.generic]]:
        """The means, of people in the order of their names."""
        means = np.array([self.means[who] for who in sorted(self.means)])
        return {"prevalence": np.array([self.prevalence]), "means": means}


@dataclass(frozen=True)
class LastOutcome:
    """As it was the last time: the share of outcome 1 after a 0, after a 1, and where nothing is known before.

    What a model that is told a person's earlier answers has to be better than.
    """

    after_zero: float
    after_one: float
    unknown: float

    def probability(self, samples: Samples) -> Floats:
        """(n,) by the person's outcome before."""
        last = _last_of(samples)
        return np.where(np.isnan(last), self.unknown, np.where(last == 1, self.after_one, self.after_zero))

    def parameters(self) -> Mapping[str, NDArray[np.generic]]:
        """The three shares."""
        return {"shares": np.array([self.after_zero, self.after_one, self.unknown])}


@dataclass(frozen=True, eq=False)
class Learned:
    """A scikit-learn pipeline that has learned.

    Attributes:
        model: takes (n, features) with NaN.
        names: of the features, in the order it was taught.
        chosen: hyperparameters that were not fixed beforehand.
    """

    model: "Pipeline"
    names: tuple[str, ...]
    chosen: Mapping[str, float] = field(default_factory=dict)

    def probability(self, samples: Samples) -> Floats:
        """(n,) probability of outcome 1; ValueError where the features are others than the model was taught."""
        if samples.names != self.names:
            raise ValueError(
                f"the model was taught {len(self.names)} features ({', '.join(self.names[:5])} …), and got "
                f"{len(samples.names)} ({', '.join(samples.names[:5])} …): the same in the same order are needed"
            )
        with _threads().limit(limits=1):
            found = np.asarray(self.model.predict_proba(samples.values), dtype=np.float64)[:, 1]
        return np.clip(found, _LEAST_P, 1 - _LEAST_P)

    def parameters(self) -> Mapping[str, NDArray[np.generic]]:
        """Arrays that scikit-learn estimated, by step and attribute."""
        found: dict[str, NDArray[np.generic]] = {name: np.array([value]) for name, value in self.chosen.items()}
        for step, estimator in self.model.named_steps.items():
            found |= {f"{step}.{name}": value for name, value in _arrays(estimator).items()}
        return found


def baselines_of(samples: Samples) -> tuple[str, ...]:
    """The baselines that samples can have: the last outcome only where features tell of it."""
    return tuple(name for name in BASELINES if name != "last_outcome" or samples.last is not None)


def fit(name: str, samples: Samples, seed: int = 0) -> Fitted:
    """Let the pipeline of this name (see `PIPELINES`) learn from samples, on one thread; the same seed, the same model.

    Raises:
        ValueError: unknown name, no feature, or one outcome only.
    """
    if name not in PIPELINES:
        raise ValueError(f"unknown pipeline {name!r}: one of {', '.join(PIPELINES)} is expected")
    if not 0 < samples.outcome.sum() < len(samples):
        raise ValueError(f"{name} cannot learn from {len(samples)} rows that do not have both outcomes")
    if name not in BASELINES and not samples.names:
        raise ValueError(f"{name} cannot learn without a feature")
    with _threads().limit(limits=1):
        return PIPELINES[name](samples, seed)


@cache
def _threads() -> "ThreadpoolController":
    """Of all libraries that models use. With small data more than one thread only wait for each other."""
    import sklearn.ensemble  # noqa: F401  (loads them)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _fit_dummy(samples: Samples, seed: int) -> Fitted:
    del seed
    return Prevalence(samples.prevalence)


def _fit_person_mean(samples: Samples, seed: int) -> Fitted:
    del seed
    overall = samples.prevalence
    who, place = np.unique(samples.people, return_inverse=True)
    total, count = np.bincount(place, samples.outcome), np.bincount(place)
    means = (total + SHRINK_DAYS * overall) / (count + SHRINK_DAYS)
    return PersonMean(overall, {str(w): float(m) for w, m in zip(who, means, strict=True)})


def _fit_last_outcome(samples: Samples, seed: int) -> Fitted:
    del seed
    overall, last = samples.prevalence, _last_of(samples)

    def share(chosen: NDArray[np.bool_]) -> float:
        return float((samples.outcome[chosen].sum() + SHRINK_DAYS * overall) / (chosen.sum() + SHRINK_DAYS))

    return LastOutcome(share(last == 0), share(last == 1), share(np.isnan(last)))


def _last_of(samples: Samples) -> Floats:
    if samples.last is None:
        raise ValueError("last_outcome needs samples that tell the outcome before: `Samples.last`")
    return samples.last


def _fit_logistic(samples: Samples, seed: int) -> Fitted:
    strength = _best_strength(samples, seed)
    return Learned(_taught_logistic(samples, strength, seed), samples.names, {"strength": strength})


def _best_strength(samples: Samples, seed: int) -> float:
    """The penalty with the least log loss on groups held out within the samples; the stronger of two equals."""
    try:
        inner = grouped_folds(samples, _INNER_FOLDS, seed)
    except ValueError:  # too few groups with either outcome
        return DEFAULT_STRENGTH
    losses = []
    for strength in STRENGTHS:
        loss = 0.0
        for fold in inner.folds:
            train, test = samples.rows(fold.train), samples.rows(fold.test)
            p = Learned(_taught_logistic(train, strength, seed), train.names).probability(test)
            loss -= float(np.log(np.where(test.outcome == 1, p, 1 - p)).sum())
        losses.append(loss)
    return STRENGTHS[int(np.argmin(losses))]


def _taught_logistic(samples: Samples, strength: float, seed: int) -> "Pipeline":
    """Median, missing indicators, scale, elastic net (Zou and Hastie 2005, JRSS B 67:301-320).

    Classes are not weighted: that would make scores of probabilities.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    model = Pipeline(
        [
            # A column without any value becomes one of zeros, to which the penalty gives no weight.
            ("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
            ("scale", StandardScaler()),
            (
                "classify",
                LogisticRegression(
                    solver="saga",
                    l1_ratio=L1_RATIO,
                    C=strength / len(samples),
                    tol=1e-3,
                    max_iter=3000,
                    random_state=seed,
                ),
            ),
        ]
    )
    return model.fit(samples.values, samples.outcome)


def _fit_boosting(samples: Samples, seed: int) -> Fitted:
    """Histogram gradient boosting (Friedman 2001; Ke et al. 2017), missing values as they are.

    Fixed for hundreds to thousands of rows of tens of people: small trees, a slow rate, leaves of at least a twentieth
    of the rows (5 to 40). No early stopping: scikit-learn's holds random rows out, on which people are known.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline

    # Columns without any value are left out: scikit-learn 1.9 cannot find bins for them.
    used = np.flatnonzero(~np.isnan(samples.values).all(axis=0))
    if not len(used):
        return Prevalence(samples.prevalence)
    model = HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=100,
        max_leaf_nodes=8,
        min_samples_leaf=int(np.clip(len(samples) // 20, 5, 40)),
        l2_regularization=1.0,
        max_features=0.5,
        early_stopping=False,  # pyright: ignore[reportArgumentType]  (its stubs know "auto" only)
        random_state=seed,
    )
    steps = [("choose", ColumnTransformer([("used", "passthrough", used)])), ("classify", model)]
    return Learned(Pipeline(steps).fit(samples.values, samples.outcome), samples.names)


def _arrays(estimator: object) -> dict[str, NDArray[np.generic]]:
    found: dict[str, NDArray[np.generic]] = {}
    for name in ("statistics_", "mean_", "scale_", "coef_", "intercept_"):
        value = getattr(estimator, name, None)
        if value is not None:
            found[name] = np.asarray(value)
    if hasattr(estimator, "_predictors"):
        trees = [tree for level in estimator._predictors for tree in level]  # pyright: ignore[reportAttributeAccessIssue]
        for field_name in ("feature_idx", "num_threshold", "value"):
            found[f"trees.{field_name}"] = np.concatenate([tree.nodes[field_name] for tree in trees])
    return found


PIPELINES: dict[str, Callable[[Samples, int], Fitted]] = {
    "dummy": _fit_dummy,
    "person_mean": _fit_person_mean,
    "last_outcome": _fit_last_outcome,
    "logistic": _fit_logistic,
    "boosting": _fit_boosting,
}
