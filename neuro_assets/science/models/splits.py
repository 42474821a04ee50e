"""Which rows are learned from and which are predicted. Fitting and scoring belong elsewhere.

Honest splits answer "how well on people it has not seen" or "how well on days to come"; random rows answer neither, and
are here to show how much they would have flattered.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.models.samples import Ints, Samples, codes_of

# Folds are drawn again this often before there are fewer of them.
_DRAWS = 20


@dataclass(frozen=True, eq=False)
class Fold:
    """Positions of the rows to learn from and of those to predict."""

    train: Ints
    test: Ints


@dataclass(frozen=True, eq=False)
class Split:
    """A way to hold rows out; no row is predicted twice.

    Attributes:
        name: of the way.
        is_honest: whether what was learned from knows nothing of those who are predicted, or of days to come.
        folds: one after the other.
        told: what a reader of the results has to know of it.
    """

    name: str
    is_honest: bool
    folds: tuple[Fold, ...]
    told: tuple[str, ...] = ()

    @property
    def tested(self) -> Ints:
        """Positions of all rows that are predicted, fold after fold."""
        return np.concatenate([fold.test for fold in self.folds])

    @property
    def fold_of_tested(self) -> Ints:
        """The fold of each row of `tested`."""
        return np.repeat(np.arange(len(self.folds)), [len(fold.test) for fold in self.folds])


def grouped_folds(samples: Samples, n_folds: int = 5, seed: int = 0) -> Split:
    """Whole groups are held out, each once; folds are as alike in outcome and size as groups allow.

    Groups are dealt out by scikit-learn's `StratifiedGroupKFold`. Every fold has both outcomes in what is learned
    from and in what is predicted. Where this cannot be had, there are fewer folds, and the split tells so.

    Raises:
        ValueError: not even two folds can be had.
    """
    if n_folds < 2:
        raise ValueError(f"at least 2 folds are needed, got {n_folds}")
    n_groups = samples.n_groups
    for count in range(min(n_folds, n_groups), 1, -1):
        for draw in range(_DRAWS):
            folds = _stratified(samples, count, seed + 1000 * draw)
            if all(_has_both(samples, fold.train) and _has_both(samples, fold.test) for fold in folds):
                return Split("grouped", True, folds, _fewer(n_folds, count, n_groups))
    raise ValueError(
        f"{n_groups} groups cannot be held out in 2 folds with both outcomes in each: "
        "more groups are needed, or more of them with the rarer outcome"
    )


def leave_one_group_out(samples: Samples) -> Split:
    """Each group is predicted by what was learned from all others.

    Raises:
        ValueError: fewer than two groups, or the others of a group have one outcome only.
    """
    codes = codes_of(samples.groups)
    if codes.max() < 1:
        raise ValueError("there is one group only: nobody is left to learn from")
    folds = tuple(
        Fold(np.flatnonzero(codes != code), np.flatnonzero(codes == code)) for code in range(int(codes.max()) + 1)
    )
    for fold in folds:
        if not _has_both(samples, fold.train):
            raise ValueError(
                f"without the group {str(samples.groups[fold.test[0]])!r} only one outcome is left to learn"
            )
    alone = sum(not _has_both(samples, fold.test) for fold in folds)
    told = (f"{alone} of {len(folds)} groups have one outcome only: ranks are compared across folds",) if alone else ()
    return Split("leave_one_group_out", True, folds, told)


def forward(samples: Samples, cuts: Sequence[date | np.datetime64 | str], gap_days: int) -> Split:
    """What happened before a cut predicts the days from the cut on, to the day before the next cut.

    Args:
        samples: rows of several days.
        cuts: first days that are predicted; a fold for each.
        gap_days: rows of this many days before a cut are not learned from, since their outcome was not known by then:
            the horizon at least.

    Raises:
        ValueError: no cut, a negative gap, or a cut with one outcome before it or no row from it on.
    """
    if not cuts or gap_days < 0:
        raise ValueError(f"at least one cut and a gap of 0 days or more are needed, got {len(cuts)} and {gap_days}")
    firsts = np.sort(np.array(list(cuts), dtype="datetime64[D]"))
    ends = np.append(firsts[1:], samples.day.max() + np.timedelta64(1, "D"))
    folds = tuple(_forward_folds(samples, firsts, ends, gap_days))
    return Split("forward", True, folds, _forward_told(samples, folds, gap_days))


def _forward_told(samples: Samples, folds: Sequence[Fold], gap_days: int) -> tuple[str, ...]:
    known = sum(np.isin(samples.people[fold.test], samples.people[fold.train]).sum() for fold in folds)
    share = known / sum(len(fold.test) for fold in folds)
    return (
        f"forward in time: {share:.0%} of the predicted rows are of people whose earlier days were learned from",
        f"rows of the last {gap_days} days before a cut are not learned from",
    )


def _forward_folds(
    samples: Samples, firsts: NDArray[np.datetime64], ends: NDArray[np.datetime64], gap_days: int
) -> Iterator[Fold]:
    for first, end in zip(firsts, ends, strict=True):
        train = np.flatnonzero(samples.day < first - np.timedelta64(gap_days, "D"))
        test = np.flatnonzero((samples.day >= first) & (samples.day < end))
        if not len(test):
            raise ValueError(f"no row from {first} to before {end}: choose another cut")
        if not _has_both(samples, train):
            raise ValueError(
                f"the {len(train)} rows more than {gap_days} days before {first} do not have both outcomes"
            )
        yield Fold(train, test)


def random_rows(samples: Samples, n_folds: int = 5, seed: int = 0) -> Split:
    """Rows at random, days of one person on both sides: to show what this would have flattered, for nothing else.

    Raises:
        ValueError: fewer rows of an outcome than folds.
    """
    from sklearn.model_selection import StratifiedKFold

    if np.bincount(samples.outcome, minlength=2).min() < n_folds:
        raise ValueError(f"an outcome has fewer than {n_folds} rows: ask for fewer folds")
    dealer = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    folds = tuple(Fold(train, test) for train, test in dealer.split(samples.outcome, samples.outcome))
    return Split("random_rows", False, folds, ("random rows: the same people are learned from and predicted",))


def _stratified(samples: Samples, n_folds: int, seed: int) -> tuple[Fold, ...]:
    import warnings

    from sklearn.model_selection import StratifiedGroupKFold

    dealer = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Fewer rows of an outcome than folds: folds without it are refused by the caller.
        warnings.filterwarnings("ignore", message="The least populated class")
        try:
            found = list(dealer.split(samples.outcome, samples.outcome, codes_of(samples.groups)))
        except ValueError:  # more folds than rows of either outcome
            return (Fold(np.empty(0, np.int64), np.empty(0, np.int64)),)
    return tuple(Fold(train, test) for train, test in found)


def _has_both(samples: Samples, rows: Ints) -> bool:
    return len(rows) > 0 and 0 < samples.outcome[rows].sum() < len(rows)


def _fewer(asked: int, got: int, n_groups: int) -> tuple[str, ...]:
    if got == asked:
        return ()
    why = f"there are {n_groups} groups" if n_groups <= got else "with more a fold would have one outcome only"
    return (f"{got} folds instead of {asked}: {why}",)
