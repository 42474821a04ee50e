"""One person under two ids: rows that agree to rounding, on the same days or all of them so many days apart."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from neuro_assets.science.models.leak_kinds import Finding
from neuro_assets.science.models.samples import Bools, Floats, Ints, Samples, codes_of

# Cells agree when one is the other rounded to this many digits.
DIGITS = 3
# Of LifeSnaps' people two strangers agree in at most 3 % of cells, and a person in 63 % with the own data rounded to
# whole numbers (minutes stay what they are, ratios do not).
LEAST_SHARE, CERTAIN_SHARE = 0.5, 0.75
# The same of few cells, and of one row a person, where as much could be chance.
LEAST_SHARE_OF_FEW = 0.9
# A column in which two rows agree by chance more often than this says nothing of who it is.
MOST_BY_CHANCE = 0.2
LEAST_CELLS, FEW_CELLS, LEAST_CELLS_OF_ONE_ROW = 20, 60, 8
LEAST_DAYS = 3
# A value that so many rows share is nobody's.
_MOST_SHARING = 6
_LEAST_VOTES = 4
# The fullest columns vote; all are compared.
_MOST_VOTING = 30


def twins(samples: Samples) -> list[Finding]:
    """Pairs of people who agree in most cells that both have; in nine of ten where they have few.

    Cells are rounded to three digits and hashed by column. Rare values that rows of two people share vote for the pair
    and for the days between the rows; only pairs with votes are compared cell by cell, so the effort grows with rows
    and not with pairs of people. Columns that never change within a person (age, sex), that agree often by chance, and
    the commonest value of a column (0 steps) say nothing and are left out.
    """
    people, day = codes_of(samples.people), samples.day.astype(np.int64)
    values = samples.values[:, _telling(samples.values, people)]
    if not values.shape[1]:
        return []
    values = _without_commonest(values)
    has_many_days = bool(np.bincount(people).max() > 1)
    who = np.unique(samples.people)
    found: dict[tuple[int, int], Finding] = {}
    for (one, other, shift), _ in _votes(values, people, day, has_many_days).most_common():
        if (one, other) in found:
            continue
        ours, theirs = _aligned(people, day, one, other, shift, has_many_days)
        agree, both = _agreement(values[ours], values[theirs])
        if not _is_enough(agree, both, len(ours), has_many_days):
            continue
        apart = f", {shift} days apart" if has_many_days and shift else ""
        told = f"{who[one]} and {who[other]} agree in {agree} of {both} cells on {len(ours)} rows{apart}"
        pair = (str(who[one]), str(who[other]))
        found[one, other] = Finding("same_person_twice", (), pair, told, agree >= CERTAIN_SHARE * both)
    return list(found.values())


def _is_enough(agree: int, both: int, rows: int, has_many_days: bool) -> bool:
    if has_many_days:
        share = LEAST_SHARE if both >= FEW_CELLS else LEAST_SHARE_OF_FEW
        return rows >= LEAST_DAYS and both >= LEAST_CELLS and agree >= share * both
    return both >= LEAST_CELLS_OF_ONE_ROW and agree >= LEAST_SHARE_OF_FEW * both


def _telling(values: Floats, people: Ints) -> Bools:
    """(features,) columns that change within people, where people have several rows, and seldom agree by chance."""
    several = np.bincount(people)[people] > 1
    found = np.zeros(values.shape[1], dtype=np.bool_)
    for place in range(values.shape[1]):
        column = values[:, place]
        is_there = ~np.isnan(column)
        if is_there.sum() < 2:
            continue
        share = np.unique(_rounded(column[is_there]), return_counts=True)[1] / is_there.sum()
        found[place] = float((share**2).sum()) <= MOST_BY_CHANCE
        if several.any() and found[place]:
            found[place] = _changes_within(column, people, is_there & several)
    return found


def _changes_within(column: Floats, people: Ints, rows: Bools) -> bool:
    """Whether neighbouring rows of a person mostly differ."""
    order = np.flatnonzero(rows)[np.argsort(people[rows], kind="stable")]
    is_same_person = people[order][1:] == people[order][:-1]
    if not is_same_person.any():
        return False
    return bool(np.mean((np.diff(column[order]) != 0)[is_same_person]) > 0.5)


def _without_commonest(values: Floats) -> Floats:
    found = values.copy()
    for place in range(values.shape[1]):
        there = _rounded(values[:, place])
        unique, count = np.unique(there[~np.isnan(there)], return_counts=True)
        if count.max() > max(_MOST_SHARING, 0.05 * count.sum()):
            found[there == unique[count.argmax()], place] = np.nan
    return found


def _votes(values: Floats, people: Ints, day: Ints, has_many_days: bool) -> Counter[tuple[int, int, int]]:
    """(person, other, days from one to other) -> rare cells in common; those with enough of them only."""
    found: Counter[tuple[int, int, int]] = Counter()
    fullest = np.argsort(np.isnan(values).sum(axis=0), kind="stable")[:_MOST_VOTING]
    for rows, codes in _cells(values[:, np.sort(fullest)]):
        for ones, others in _sharing(codes):
            a, b = rows[ones], rows[others]
            is_turned = people[a] > people[b]
            a, b = np.where(is_turned, b, a), np.where(is_turned, a, b)
            differ = people[a] != people[b]
            a, b = a[differ], b[differ]
            shift = day[b] - day[a] if has_many_days else np.zeros(len(a), dtype=np.int64)
            found.update(zip(people[a].tolist(), people[b].tolist(), shift.tolist(), strict=True))
    return Counter({key: count for key, count in found.items() if count >= _LEAST_VOTES})


def _cells(values: Floats) -> Iterator[tuple[Ints, Ints]]:
    """Rows and a code for what is in them: of each column, and of each two neighbours, rare in large data as well."""
    codes = np.full(values.shape, -1, dtype=np.int64)
    for place in range(values.shape[1]):
        rows = np.flatnonzero(~np.isnan(values[:, place]))
        codes[rows, place] = codes_of(_rounded(values[rows, place]))
        yield rows, codes[rows, place]
    for place in range(1, values.shape[1]):
        rows = np.flatnonzero((codes[:, place - 1] >= 0) & (codes[:, place] >= 0))
        yield rows, codes[rows, place - 1] * (codes[:, place].max() + 1) + codes[rows, place]


def _sharing(codes: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Positions of pairs with the same code, of codes that few share."""
    order = np.argsort(codes, kind="stable")
    _, start, count = np.unique(codes[order], return_index=True, return_counts=True)
    for size in range(2, _MOST_SHARING + 1):
        begin = start[count == size]
        for i in range(size):
            for j in range(i + 1, size):
                yield order[begin + i], order[begin + j]


def _aligned(people: Ints, day: Ints, one: int, other: int, shift: int, has_many_days: bool) -> tuple[Ints, Ints]:
    """Rows of the one and of the other that are so many days apart."""
    ours, theirs = np.flatnonzero(people == one), np.flatnonzero(people == other)
    if not has_many_days:
        return ours, theirs
    _, i, j = np.intersect1d(day[ours] + shift, day[theirs], assume_unique=True, return_indices=True)
    return ours[i], theirs[j]


def _agreement(ours: Floats, theirs: Floats) -> tuple[int, int]:
    """Cells that agree, and cells that both have."""
    both = ~np.isnan(ours) & ~np.isnan(theirs)
    half_digit = _last_digit(np.maximum(np.abs(ours), np.abs(theirs))) / 2
    with np.errstate(invalid="ignore"):
        agree = both & (np.abs(ours - theirs) <= 1.001 * half_digit)
    return int(agree.sum()), int(both.sum())


def _rounded(values: Floats) -> Floats:
    """Values with three significant digits; NaN stays."""
    digit = _last_digit(values)
    return np.round(values / digit) * digit


def _last_digit(values: Floats) -> Floats:
    """What the last of three significant digits is worth."""
    size = np.floor(np.log10(np.where((values == 0) | np.isnan(values), 1.0, np.abs(values))))
    return 10.0 ** (size - DIGITS + 1)
