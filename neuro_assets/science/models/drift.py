"""Has the world moved away from what a model learned? Features against a reference, outcomes against predictions.

Facts, and the reasons they give for learning anew. Learning anew, schedules and people's wishes belong elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.models.samples import Floats, Ints, Samples, codes_of

N_BINS = 10
# A bin without a value counts as half a value, or as this share if that is more: PSI is infinite otherwise.
LEAST_SHARE = 1e-4
# How seldom chance may say that any of the features drifted.
ALPHA = 0.01


@dataclass(frozen=True)
class FeatureDrift:
    """How a feature differs from the reference.

    Attributes:
        name: of the feature.
        psi: population stability index; NaN where the reference has no value.
        psi_by_chance: what `psi` stays below without a drift, by chance; depends on how much data there is.
        ks: Kolmogorov-Smirnov statistic, of what is there; NaN where nothing is.
        p: of `ks`.
        is_beyond_chance: whether chance explains neither `psi` nor `ks`, all features being looked at together.
        missing: share of missing values now.
        missing_before: the same of the reference.
    """

    name: str
    psi: float
    psi_by_chance: float
    ks: float
    p: float
    is_beyond_chance: bool
    missing: float
    missing_before: float


@dataclass(frozen=True)
class OutcomeDrift:
    """Whether as much happened as was predicted (calibration in the large).

    Attributes:
        observed: share of outcome 1.
        predicted: mean probability.
        difference: observed less predicted.
        low: lower end of its 95 % interval, over people.
        high: upper end.
        p: of a difference of 0.
        people: of how many.
    """

    observed: float
    predicted: float
    difference: float
    low: float
    high: float
    p: float
    people: int


@dataclass(frozen=True)
class Rules:
    """When a model learns anew.

    Attributes:
        new_labels: that many samples with an outcome came since it learned.
        least_auc: its AUC on people it had not seen fell below; None for no such rule.
        psi: of a feature, from which on it counts as drifted if chance does not explain it. From .25 on the rule of
            thumb calls for action (Yurdakul and Naranjo 2020, who show that it knows nothing of chance).
        drifted_features: that many drifted.
        calibration: outcomes differ that much from predictions, and by more than chance.
    """

    new_labels: int = 50
    least_auc: float | None = None
    psi: float = 0.25
    drifted_features: int = 1
    calibration: float = 0.1


@dataclass(frozen=True)
class Reason:
    """Why a model has to learn anew: the rule and, in words, the facts."""

    kind: Literal["new_labels", "performance", "feature_drift", "outcome_drift", "age", "declaration"]
    told: str


def needs_retraining(
    new_labels: int,
    auc: float | None,
    features: Sequence[FeatureDrift],
    outcome: OutcomeDrift | None = None,
    rules: Rules | None = None,
) -> list[Reason]:
    """The reasons to learn anew; none of them: an empty list.

    Args:
        new_labels: samples with an outcome that came since the model learned.
        auc: of the model on new samples; None or NaN where not known, which is no reason.
        features: drift of each feature it uses.
        outcome: drift of the outcome; None where nothing was predicted.
        rules: of the protocol.
    """
    rules = rules or Rules()
    found: list[Reason] = []
    if new_labels >= rules.new_labels:
        found.append(Reason("new_labels", f"{new_labels} new labelled samples (limit {rules.new_labels})"))
    if rules.least_auc is not None and auc is not None and auc < rules.least_auc:
        found.append(Reason("performance", f"AUC {auc:.3f} is below {rules.least_auc:g}"))
    drifted = [feature for feature in features if is_drifted(feature, rules)]
    if drifted and len(drifted) >= rules.drifted_features:
        worst = sorted(drifted, key=lambda feature: -feature.psi)[:3]
        told = ", ".join(f"{feature.name} (PSI {feature.psi:.2f})" for feature in worst)
        found.append(Reason("feature_drift", f"{len(drifted)} of {len(features)} features drifted: {told}"))
    if outcome is not None and abs(outcome.difference) >= rules.calibration and outcome.p < ALPHA:
        told = f"{outcome.observed:.0%} had the outcome, {outcome.predicted:.0%} predicted ({outcome.people} people)"
        found.append(Reason("outcome_drift", told))
    return found


def is_drifted(feature: FeatureDrift, rules: Rules) -> bool:
    """Whether the PSI is at the limit, and chance does not explain the difference."""
    return feature.psi >= rules.psi and feature.is_beyond_chance


def feature_drift(reference: Samples, now: Samples) -> list[FeatureDrift]:
    """Each feature's drift from the reference.

    Days of one person are alike, so that rows count for less than they are: each side's are divided by the design
    effect 1 + (rows per person - 1) * ICC (Kish 1965), with the intraclass correlation of the feature in the reference.

    Raises:
        ValueError: not the same features, or no rows.
    """
    if reference.names != now.names:
        raise ValueError("drift needs the same features in the same order on either side")
    if not len(reference) or not len(now):
        raise ValueError(f"drift needs rows on either side, got {len(reference)} and {len(now)}")
    people, people_now = codes_of(reference.people), codes_of(now.people)
    found = []
    for place, name in enumerate(reference.names):
        before, after = reference.values[:, place], now.values[:, place]
        icc = intraclass_correlation(before, people)
        n, m = effective_rows(people, icc), effective_rows(people_now, icc)
        statistic, p = ks_test(before, after, n, m)
        index, bins = psi(before, after, n, m)
        # PSI sees missing values and tails; with few people KS sees a shift much better.
        alpha = ALPHA / (2 * len(reference.names))
        limit = psi_by_chance(bins, n, m, alpha)
        is_beyond = index > limit or p < alpha
        missing, missing_before = float(np.isnan(after).mean()), float(np.isnan(before).mean())
        found.append(FeatureDrift(name, index, limit, statistic, p, is_beyond, missing, missing_before))
    return found


def psi(reference: Floats, now: Floats, n: float | None = None, m: float | None = None) -> tuple[float, int]:
    """The population stability index, and the number of bins: sum over bins of (q - p) ln(q / p).

    p and q are shares of the reference and of now in the tenths of the reference; equal values share a bin, and missing
    values are a bin of their own where there are any (Siddiqi 2006). A bin has half a value's share at least, and 1e-4:
    with the usual 1e-4 alone, one bin of ten that is empty by chance among 50 rows would make a PSI of .7.

    Args:
        reference: (rows,) of a feature.
        now: (rows,) of it.
        n: how many independent rows the reference is worth; all of them by default.
        m: the same of now.

    Returns:
        NaN where the reference has no value.
    """
    there = reference[~np.isnan(reference)]
    if not len(there) or not len(now):
        return float("nan"), 0
    edges = np.unique(np.quantile(there, np.arange(1, N_BINS) / N_BINS, method="inverted_cdf"))
    size = len(edges) + 2

    def shares(values: Floats) -> Floats:
        place = np.where(np.isnan(values), size - 1, np.searchsorted(edges, values, side="left"))
        return np.bincount(place, minlength=size) / len(values)

    p, q = shares(reference), shares(now)
    used = (p > 0) | (q > 0)
    p = np.maximum(p[used], max(LEAST_SHARE, 0.5 / (n or len(reference))))
    q = np.maximum(q[used], max(LEAST_SHARE, 0.5 / (m or len(now))))
    return float(np.sum((q - p) * np.log(q / p))), int(used.sum())


def psi_by_chance(bins: int, n: float, m: float, alpha: float) -> float:
    """The PSI that is exceeded with probability alpha without a drift: (1/n + 1/m) times chi2 with bins - 1 degrees.

    Yurdakul and Naranjo 2020 (J Risk Model Validation). With 50 rows and ten bins a PSI of .25 is nothing.
    Simulated with 500 and 50 to 100 rows, it is exceeded in .02 of cases for an alpha of .01, .003 for .001.
    """
    from scipy.stats import chi2

    return float((1 / n + 1 / m) * chi2.ppf(1 - alpha, bins - 1)) if bins > 1 else 0.0


def ks_test(reference: Floats, now: Floats, n: float | None = None, m: float | None = None) -> tuple[float, float]:
    """The two-sample Kolmogorov-Smirnov statistic of what is there, and its asymptotic p.

    n and m: independent values in either, where they are fewer than the values. NaN without a value on a side.
    """
    from scipy.stats import kstwobign

    a, b = np.sort(reference[~np.isnan(reference)]), np.sort(now[~np.isnan(now)])
    if not len(a) or not len(b):
        return float("nan"), float("nan")
    both = np.concatenate([a, b])
    apart = np.searchsorted(a, both, side="right") / len(a) - np.searchsorted(b, both, side="right") / len(b)
    statistic = float(np.abs(apart).max())
    n, m = min(n or np.inf, len(a)), min(m or np.inf, len(b))
    return statistic, float(kstwobign.sf(statistic * np.sqrt(n * m / (n + m))))


def intraclass_correlation(values: Floats, people: Ints) -> float:
    """How much alike values of one person are, 0 to 1, by one-way analysis of variance (Fisher 1925).

    0 where people have one value each, or all values are the same: nothing is known of it then.
    """
    is_there = ~np.isnan(values)
    y, who = values[is_there], codes_of(people[is_there])
    if not len(y) or who.max() < 1 or len(y) == who.max() + 1 or np.ptp(y) == 0:
        return 0.0
    count = np.bincount(who)
    mean = np.bincount(who, y) / count
    k, n = len(count), len(y)
    between = float(np.sum(count * (mean - y.mean()) ** 2)) / (k - 1)
    within = float(np.sum((y - mean[who]) ** 2)) / (n - k)
    typical = (n - float(np.sum(count**2)) / n) / (k - 1)
    return float(np.clip((between - within) / (between + (typical - 1) * within), 0, 1))


def effective_rows(people: Ints, icc: float) -> float:
    """How many independent rows those of these people are worth."""
    count = np.bincount(codes_of(people))
    mean_size = float(np.sum(count**2)) / len(people)  # of the person of a row at random
    return len(people) / (1 + (mean_size - 1) * icc)


def outcome_drift(outcome: NDArray[np.int8], probability: Floats, people: NDArray[np.generic]) -> OutcomeDrift:
    """Outcomes against predictions, (n,) each, with an interval that counts people and not rows.

    The variance of the mean difference is that of sums over people (Liang and Zeger 1986), with Student's t of
    people - 1 degrees. Fewer than two people have an interval without ends.
    """
    from scipy.stats import t

    who = codes_of(people)
    apart = outcome - probability
    difference, count = float(apart.mean()), int(who.max()) + 1
    low, high, p = -np.inf, np.inf, 1.0
    if count > 1:
        sums = np.bincount(who, apart - difference)
        error = float(np.sqrt(count / (count - 1) * np.sum(sums**2)) / len(apart))
        reach = float(t.ppf(0.975, count - 1)) * error
        low, high = difference - reach, difference + reach
        p = float(difference == 0) if error == 0 else float(2 * t.sf(abs(difference) / error, count - 1))
    return OutcomeDrift(float(outcome.mean()), float(probability.mean()), difference, low, high, p, count)
