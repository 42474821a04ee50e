"""Does a challenger replace the champion? The rule, and nothing of where models are kept."""

from collections.abc import Collection
from dataclasses import dataclass

from neuro_assets.science.models.chance import RESAMPLES, Interval, bootstrap_difference
from neuro_assets.science.models.metrics import Predictions


@dataclass(frozen=True)
class Promotion:
    """What was decided, why, and the difference of AUC (challenger less champion) it was decided from."""

    is_promoted: bool
    told: str
    difference: Interval | None = None


def promote(
    challenger: Predictions,
    champion: Predictions | None,
    *,
    margin: float,
    better_than_baseline: bool,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Promotion:
    """Promote the challenger only if it is better than the baseline, and than the champion by the margin.

    By the margin: the AUC is higher by `margin` at least, and the lower end of the difference's interval, by paired
    bootstrap over people, is above 0. Without a champion it is enough to be better than the baseline.

    Args:
        challenger: predictions of rows that it did not learn from.
        champion: predictions of the same rows in the same order, which it did not learn from either; None if there is
            none. See `require_unseen`.
        margin: of AUC, 0 or more.
        better_than_baseline: of the challenger's evaluation.
        resamples: of people.
        seed: of the draws.

    Raises:
        ValueError: a negative margin, or predictions of different rows.
    """
    if margin < 0:
        raise ValueError(f"the margin must be 0 or more, got {margin}")
    if not better_than_baseline:
        return Promotion(False, "no better than the baseline: never promoted")
    if champion is None:
        return Promotion(True, "better than the baseline, and there is no champion")
    difference = bootstrap_difference(challenger, champion, "auc", resamples=resamples, seed=seed)
    told = f"AUC {difference.told} against the champion on the same {difference.units} people, margin {margin:g}"
    if difference.estimate >= margin and difference.low > 0:
        return Promotion(True, f"better by the margin: {told}", difference)
    return Promotion(False, f"not better by the margin: {told}", difference)


def require_unseen(compared: Collection[str], learned_from: Collection[str], model: str) -> None:
    """Raise ValueError where a model is to be judged on people that it learned from."""
    known = sorted(set(compared) & set(learned_from))
    if known:
        more = f" and {len(known) - 5} more" if len(known) > 5 else ""
        raise ValueError(
            f"{model} learned from {', '.join(known[:5])}{more}: compare models on people neither has seen, "
            "or on held-out predictions of both made with the same folds"
        )
