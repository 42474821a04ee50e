"""Columns that together make up the outcome's score: pairs one and all, larger sets greedily."""

from collections.abc import Collection

import numpy as np

from neuro_assets.science.models.leak_kinds import Finding
from neuro_assets.science.models.samples import Bools, Floats, Ints, Samples, codes_of

LEAST_R2 = 0.999
LEAST_AUC = 0.99
# Items of the longest questionnaires whose sum is used as an outcome.
MOST_COLUMNS = 25
_LEAST_ROWS = 20
_LEAST_PEOPLE = 4
# Few people are put in order by chance, where the outcome is theirs and not the day's.
_LEAST_PEOPLE_TO_ORDER = 10
# Two columns more alike than this (1 - r^2) are one to a regression.
_LEAST_APART = 1e-7


def combinations(samples: Samples, apart_from: Collection[str] = ()) -> list[Finding]:
    """Sets of columns whose linear combination is the score (R2 >= .999) or orders the outcome (AUC >= .99).

    Every pair is tried, in closed form on the rows that have both. Larger sets are grown by orthogonal matching pursuit
    (Pati, Rezaiifar and Krishnaprasad 1993) with missing values at their mean, and cut back to the columns that are
    needed. A set is named only if what it says of one half of the people holds, with the same coefficients, for the
    other, both ways: a fit through few people is no leak. Scores that are a sum of a few columns each missing in most
    rows can be overlooked.

    Args:
        samples: with `score`, or the outcome stands for it.
        apart_from: columns that are leaks by themselves.
    """
    places = np.array([i for i, name in enumerate(samples.names) if name not in apart_from], dtype=np.int64)
    target = samples.outcome.astype(np.float64) if samples.score is None else samples.score
    rows = ~np.isnan(target)
    halves = _halves(samples)
    if rows.sum() < _LEAST_ROWS or samples.n_people < _LEAST_PEOPLE or len(places) < 2 or np.ptp(target[rows]) == 0:
        return []
    x, usable = _standardised(samples.values[rows][:, places])
    y = (target[rows] - target[rows].mean()) / target[rows].std()
    places, x = places[usable], x[:, usable]
    if len(places) < 2:
        return []
    values, outcome, half = samples.values[rows][:, places], samples.outcome[rows], halves[rows]
    for chosen in (_best_pair(x, y), _pursuit(x, y)):
        if _holds_r2(values[:, chosen], target[rows], half):
            kept = _cut_back(values, target[rows], half, chosen)
            return [_finding(samples, places[kept], "their linear combination is the outcome's score: R2 >= .999")]
    for chosen in (_best_pair(x, y), _pursuit(x, y)[:4]):
        if samples.n_people >= _LEAST_PEOPLE_TO_ORDER and _holds_auc(values[:, chosen], outcome, half):
            return [_finding(samples, places[chosen], "their linear combination orders the outcome: AUC >= .99")]
    return []


def _finding(samples: Samples, places: Ints, told: str) -> Finding:
    names = tuple(sorted(samples.names[place] for place in places))
    return Finding("combination", names, (), f"{' + '.join(names)}: {told}, on people it was not fitted on as well")


def _halves(samples: Samples) -> Bools:
    """(n,) whether a row's person is of the one half: people by turns, in the order of their names, of each outcome."""
    people = codes_of(samples.people)
    share = np.bincount(people, samples.outcome) / np.bincount(people)
    turn = np.argsort(np.argsort(share, kind="stable"))
    return turn[people] % 2 == 0


def _standardised(values: Floats) -> tuple[Floats, Bools]:
    """Columns with mean 0 and standard deviation 1, NaN where missing; and which of them vary at all."""
    is_there = ~np.isnan(values)
    count = is_there.sum(axis=0)
    filled = np.where(is_there, values, 0.0)
    mean = np.divide(filled.sum(axis=0), count, out=np.zeros(values.shape[1]), where=count > 0)
    centred = np.where(is_there, values - mean, 0.0)
    deviation = np.sqrt(np.divide((centred**2).sum(axis=0), count, out=np.zeros_like(mean), where=count > 0))
    usable = (count >= _LEAST_ROWS) & (deviation > 1e-12 * (1 + np.abs(mean)))
    return np.where(is_there, centred / np.where(usable, deviation, 1), np.nan), usable


def _best_pair(x: Floats, y: Floats) -> Ints:
    """The pair of columns with the highest R2 on the rows that have both.

    R2 = (r1^2 + r2^2 - 2 r1 r2 r12) / (1 - r12^2), with sums over pairwise complete rows as products of matrices.
    """
    there = (~np.isnan(x)).astype(np.float64)
    filled = np.where(np.isnan(x), 0.0, x)
    n = there.T @ there
    safe = np.maximum(n, 1)
    mean = filled.T @ there / safe  # [i, j]: mean of i where j is there as well
    var = (filled**2).T @ there / safe - mean**2
    cov = filled.T @ filled / safe - mean * mean.T
    weighted = there * y[:, None]
    y_mean, y_square = there.T @ weighted / safe, there.T @ (weighted * y[:, None]) / safe
    y_var = np.maximum(y_square - y_mean**2, 1e-12)
    with_y = (filled * y[:, None]).T @ there / safe - mean * y_mean
    deviation = np.sqrt(np.maximum(var, 1e-12))
    r = np.clip(with_y / (deviation * np.sqrt(y_var)), -1, 1)
    between = np.clip(cov / (deviation * deviation.T), -1, 1)
    apart = 1 - between**2
    r2 = np.where(apart > _LEAST_APART, (r**2 + r.T**2 - 2 * r * r.T * between) / np.maximum(apart, _LEAST_APART), 0)
    r2 = np.where((n >= _LEAST_ROWS) & (var > 1e-9) & (var.T > 1e-9) & (r2 <= 1 + 1e-6), r2, 0)
    np.fill_diagonal(r2, 0)
    return np.array(np.unravel_index(int(r2.argmax()), r2.shape), dtype=np.int64)


def _pursuit(x: Floats, y: Floats) -> Ints:
    """Columns in the order in which they explain most of what is left, missing values at the mean."""
    filled = np.where(np.isnan(x), 0.0, x)
    norms = np.linalg.norm(filled, axis=0)
    left, chosen = y.copy(), []
    basis = np.empty((len(y), 0))
    for _ in range(min(MOST_COLUMNS, filled.shape[1], len(y) // 4)):
        gain = np.abs(filled.T @ left) / norms
        gain[chosen] = -1
        place = int(gain.argmax())
        direction = filled[:, place] - basis @ (basis.T @ filled[:, place])
        direction -= basis @ (basis.T @ direction)
        length = float(np.linalg.norm(direction))
        chosen.append(place)
        if length > 1e-6 * norms[place]:
            basis = np.column_stack([basis, direction / length])
            left = left - basis[:, -1] * float(basis[:, -1] @ left)
        if left @ left < 1e-8 * (y @ y):
            break
    return np.array(chosen, dtype=np.int64)


def _complete(values: Floats, half: Bools) -> tuple[Bools, bool]:
    """Rows that have all columns, and whether either half has enough of them."""
    rows: Bools = np.all(~np.isnan(values), axis=1)
    least = max(_LEAST_ROWS // 2, values.shape[1] + 3)
    return rows, bool((rows & half).sum() >= least and (rows & ~half).sum() >= least)


def _fitted(values: Floats, target: Floats, rows: Bools) -> Floats:
    """(n,) what a regression on the chosen rows says of all rows."""
    mean, spread = values[rows].mean(axis=0), values[rows].std(axis=0)
    design = np.column_stack([np.ones(len(values)), (values - mean) / np.where(spread > 0, spread, 1)])
    return design @ np.linalg.lstsq(design[rows], target[rows], rcond=None)[0]


def _holds_r2(values: Floats, target: Floats, half: Bools) -> bool:
    rows, is_enough = _complete(values, half)
    if not is_enough:
        return False
    for one in (half, ~half):
        other = rows & ~one
        total = float(((target[other] - target[other].mean()) ** 2).sum())
        apart = float(((target[other] - _fitted(np.nan_to_num(values), target, rows & one)[other]) ** 2).sum())
        if total == 0 or 1 - apart / total < LEAST_R2:
            return False
    return True


def _holds_auc(values: Floats, outcome: np.ndarray, half: Bools) -> bool:
    from scipy.stats import rankdata

    rows, is_enough = _complete(values, half)
    if not is_enough:
        return False
    for one in (half, ~half):
        other = rows & ~one
        y = outcome[other]
        ones = int(y.sum())
        # A handful of rows of one outcome is in order by chance.
        if min(ones, len(y) - ones) < _LEAST_ROWS // 2:
            return False
        said = rankdata(_fitted(np.nan_to_num(values), outcome.astype(np.float64), rows & one)[other])
        if (said[y == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(y) - ones)) < LEAST_AUC:
            return False
    return True


def _cut_back(values: Floats, target: Floats, half: Bools, chosen: Ints) -> Ints:
    """The columns without any of which the score is no longer told."""
    kept = list(chosen)
    for place in reversed(list(chosen)):
        fewer = [other for other in kept if other != place]
        if fewer and _holds_r2(values[:, fewer], target, half):
            kept = fewer
    return np.array(kept, dtype=np.int64)
