"""Is the answer among the features? A scan for columns and people that make a model look better than it can be.

Findings only: what to do about them is decided elsewhere. Combinations of columns are sought in `leak_combinations`,
people under two ids in `leak_people`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import lgamma, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.models.leak_combinations import combinations
from neuro_assets.science.models.leak_kinds import Finding
from neuro_assets.science.models.leak_people import twins
from neuro_assets.science.models.samples import Bools, Floats, Ints, Samples, codes_of

LEAST_AUC = 0.99
LEAST_R = 0.999
# How often chance alone may name any column of a data set.
FALSE_ALARMS = 1e-3
# A column with more values than this is not a code.
MOST_VALUES = 20
_LEAST_UNITS = 6


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of the features beside their values.

    Attributes:
        leak_list: columns that must not be features: the outcome is made of them, or they of the outcome.
        withheld: column of the leak list that is no feature -> its (n,) values; features are compared with them.
        known_at: feature -> (n,) when the latest of what it was computed from was recorded.
        outcome_at: (n,) when the outcome was recorded; needed with `known_at`.
        known_after_days: feature -> days from the row's day to the last day it was computed from (0 or less for a
            trailing window).
        outcome_after_days: days from the row's day to the outcome's: the horizon.
    """

    leak_list: tuple[str, ...] = ()
    withheld: Mapping[str, Floats] = field(default_factory=dict)
    known_at: Mapping[str, NDArray[np.datetime64]] = field(default_factory=dict)
    outcome_at: NDArray[np.datetime64] | None = None
    known_after_days: Mapping[str, int] = field(default_factory=dict)
    outcome_after_days: int = 0


def scan(samples: Samples, known: Known | None = None) -> list[Finding]:
    """All findings, those that are certain first.

    Raises:
        ValueError: `known_at` without `outcome_at`, or arrays of another length than the rows.
    """
    known = known or Known()
    listed = on_leak_list(samples, known.leak_list, known.withheld)
    alone = single_columns(samples)
    found = [
        *alone,
        *combinations(samples, apart_from={name for finding in alone for name in finding.columns}),
        *dated_after(samples, known),
        *twins(samples),
        *listed,
        *group_markers(samples),
    ]
    return sorted(found, key=lambda finding: not finding.is_certain)


def single_columns(samples: Samples) -> list[Finding]:
    """Columns that alone order the outcome (AUC >= .99 either way), or whose few values each have one outcome.

    What counts is how many independent units say so: people where the column or the outcome is the same on all days of
    a person, else rows. Few units can agree by chance; a column is named where chance would do so for any of the
    columns less than once in a thousand data sets.
    """
    found = []
    most = log(FALSE_ALARMS / max(2 * len(samples.names), 1))
    people = codes_of(samples.people)
    for place, name in enumerate(samples.names):
        column = samples.values[:, place]
        units, outcome = _units(column, samples.outcome, people)
        if _log_chance(outcome, 2) >= most:
            continue
        if (area := _either_way(units, outcome)) >= LEAST_AUC and _log_chance_of_order(units, outcome, area) < most:
            told = f"{name} alone orders the outcome: AUC {area:.3f} over {len(units)} of its independent values"
            found.append(Finding("single_column", (name,), (), told))
        elif _is_code(units, outcome, most):
            told = f"each value of {name} (missing is one) has one outcome only, in {len(units)} independent values"
            found.append(Finding("single_column", (name,), (), told))
        elif _is_code(np.isnan(units).astype(np.float64), outcome, most):
            told = f"whether {name} is missing tells the outcome, in {len(units)} independent values"
            found.append(Finding("single_column", (name,), (), told))
    return found


def dated_after(samples: Samples, known: Known) -> list[Finding]:
    """Features computed from something that was recorded after the outcome. At the same moment is not after."""
    found = []
    for name, days in known.known_after_days.items():
        if name in samples.names and days > known.outcome_after_days:
            told = (
                f"{name} is computed from days up to {days} after the row's, "
                f"the outcome is known {known.outcome_after_days} after it"
            )
            found.append(Finding("dated_after_outcome", (name,), (), told))
    if known.known_at and known.outcome_at is None:
        raise ValueError("known_at needs outcome_at: when each row's outcome was recorded")
    for name, when in known.known_at.items():
        if name not in samples.names or known.outcome_at is None:
            continue
        if when.shape != (len(samples),) or known.outcome_at.shape != (len(samples),):
            raise ValueError(f"known_at of {name} and outcome_at must have one moment for each of {len(samples)} rows")
        # What is not there was computed from nothing.
        is_late = (when > known.outcome_at) & ~np.isnan(samples.values[:, samples.names.index(name)])
        if is_late.any():
            who = tuple(np.unique(samples.people[is_late]).tolist())
            told = f"{name} was known only after the outcome in {int(is_late.sum())} of {len(samples)} rows"
            found.append(Finding("dated_after_outcome", (name,), who, told))
    return found


def on_leak_list(samples: Samples, leak_list: Sequence[str], withheld: Mapping[str, Floats]) -> list[Finding]:
    """Features on the leak list, and those that are nearly one that is (|r| >= .999)."""
    found = [
        Finding("leak_list", (name,), (), f"{name} is on the leak list, and among the features")
        for name in leak_list
        if name in samples.names
    ]
    columns = {name: samples.values[:, samples.names.index(name)] for name in leak_list if name in samples.names}
    columns |= {name: np.asarray(values, dtype=np.float64) for name, values in withheld.items()}
    for listed, values in columns.items():
        if values.shape != (len(samples),):
            raise ValueError(f"the withheld column {listed} must have {len(samples)} values, got {values.shape}")
        for place, name in enumerate(samples.names):
            if name in columns or name in leak_list:
                continue
            r = _correlation(samples.values[:, place], values, samples, len(samples.names) * len(columns))
            if abs(r) >= LEAST_R:
                found.append(
                    Finding("leak_list", (name, listed), (), f"{name} is {listed}, which is listed: r {r:.4f}")
                )
    return found


def group_markers(samples: Samples) -> list[Finding]:
    """Columns that are the same on all rows of a group and differ between groups, where outcomes do not change within.

    A warning: under a split by group they do no harm, under any other they give the outcome away.
    """
    groups = codes_of(samples.groups)
    count = np.bincount(groups)
    ones = np.bincount(groups, samples.outcome)
    several = count > 1
    if several.sum() < _LEAST_UNITS or np.mean(((ones == 0) | (ones == count))[several]) < 0.9:
        return []
    found = []
    for place, name in enumerate(samples.names):
        values, is_constant = _per_group(samples.values[:, place], groups)
        there = values[several & ~np.isnan(values)]
        if (
            len(there) >= _LEAST_UNITS
            and is_constant[several].mean() >= 0.9
            and len(np.unique(there)) >= 0.9 * len(there)
        ):
            told = f"{name} tells groups apart, and the outcome hardly changes within a group"
            found.append(Finding("identifies_groups", (name,), (), told, is_certain=False))
    return found


def _units(column: Floats, outcome: NDArray[np.int8], people: Ints) -> tuple[Floats, NDArray[np.int8]]:
    """The independent values of a column with their outcomes: people's where either hardly changes within people."""
    ones, count = np.bincount(people, outcome), np.bincount(people)
    is_one_outcome = (ones == 0) | (ones == count)
    values, is_constant = _per_group(column, people)
    if (count > 1).any() and (is_one_outcome[count > 1].mean() >= 0.9 or is_constant[count > 1].mean() >= 0.9):
        return values, (ones > count / 2).astype(np.int8)
    return column, outcome


def _per_group(column: Floats, codes: Ints) -> tuple[Floats, Bools]:
    """(groups,) mean of what is there, and whether all of a group is the same, missing being a value."""
    is_there = ~np.isnan(column)
    filled = np.where(is_there, column, 0.0)
    size = int(codes.max()) + 1
    count, rows = np.bincount(codes, is_there, size), np.bincount(codes, minlength=size)
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, codes[is_there], filled[is_there])
    np.maximum.at(high, codes[is_there], filled[is_there])
    is_same = (count == 0) | ((count == rows) & (low == high))
    mean = np.divide(np.bincount(codes, filled, size), count, out=np.full(size, np.nan), where=count > 0)
    return np.where(is_same & (count > 0), low, mean), is_same


def _either_way(values: Floats, outcome: NDArray[np.int8]) -> float:
    """AUC or 1 - AUC, the larger, of what is there; 0 without both outcomes."""
    from scipy.stats import rankdata

    is_there = ~np.isnan(values)
    y = outcome[is_there]
    ones = int(y.sum())
    if not 0 < ones < len(y):
        return 0.0
    ranks = rankdata(values[is_there])
    area = (ranks[y == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(y) - ones))
    return float(max(area, 1 - area))


def _log_chance(outcome: NDArray[np.int8], ways: float) -> float:
    """Log of the chance that one of so many divisions of units happens to be that by outcome."""
    n, k = len(outcome), int(outcome.sum())
    return log(ways) - (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1))


def _log_chance_of_order(values: Floats, outcome: NDArray[np.int8], area: float) -> float:
    """As `_log_chance`, of an order that is perfect but for a few pairs."""
    y = outcome[~np.isnan(values)]
    ones, zeros = int(y.sum()), int(len(y) - y.sum())
    # Orders with u wrong pairs are at most as many as the partitions of u, which are fewer than exp(pi sqrt(2u / 3)).
    wrong = round((1 - area) * ones * zeros)
    return _log_chance(y, 2.0) + log(wrong + 1) + pi * sqrt(2 * wrong / 3)


def _is_code(values: Floats, outcome: NDArray[np.int8], most: float) -> bool:
    """Whether each of few values has one outcome only, and chance hardly ever does that."""
    codes = np.unique(values, return_inverse=True)[1].reshape(-1)  # NaN are one value
    size = int(codes.max()) + 1
    if not 2 <= size <= MOST_VALUES:
        return False
    ones, count = np.bincount(codes, outcome), np.bincount(codes)
    is_pure = bool(np.all((ones == 0) | (ones == count)))
    return is_pure and _log_chance(outcome, 2.0**size) < most


def _correlation(ours: Floats, theirs: Floats, samples: Samples, comparisons: int) -> float:
    """Pearson's r over people where either is constant within people, else over rows; 0 where chance can be so."""
    people = codes_of(samples.people)
    by_person = [_per_group(column, people) for column in (ours, theirs)]
    is_personal = np.bincount(people).max() > 1 and any(same.mean() >= 0.9 for _, same in by_person)
    a, b = (by_person[0][0], by_person[1][0]) if is_personal else (ours, theirs)
    is_there = ~np.isnan(a) & ~np.isnan(b)
    a, b = a[is_there], b[is_there]
    if len(a) < _LEAST_UNITS or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    rarest = (a == np.unique(a)[0]).astype(np.int8)
    if len(np.unique(a)) == 2 and _log_chance(rarest, 2.0) >= log(FALSE_ALARMS / comparisons):
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
