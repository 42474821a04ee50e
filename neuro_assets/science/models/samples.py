"""What a model learns from: one row per person and day, its features, its outcome, and what must not be torn apart.

Building the rows from tables belongs elsewhere; so does splitting them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
# With fewer people an interval over people says nothing.
LEAST_PEOPLE = 5


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows to learn from. `samples_of` makes them from anything array-like.

    Attributes:
        values: (n, features), NaN where missing, never infinite.
        names: of the features, each once.
        outcome: (n,) 0 or 1.
        people: (n,) who.
        groups: (n,) what must not be split: the person, or the village or site. A person is in one of them only.
        day: (n,) of the row; a person has one row a day at most.
        score: (n,) the number that the outcome was cut from, NaN where not known; None where there is none.
        last: (n,) the person's outcome before, 0 or 1, that was known when the row's features were; NaN where there is
            none. None where nothing of the kind is among the features, so that no baseline may use it either.
    """

    values: Floats
    names: tuple[str, ...]
    outcome: NDArray[np.int8]
    people: NDArray[np.str_]
    groups: NDArray[np.str_]
    day: NDArray[np.datetime64]
    score: Floats | None = None
    last: Floats | None = None

    def __post_init__(self) -> None:
        """Raise ValueError where the arrays do not fit each other."""
        _check_shapes(self)
        if np.isinf(self.values).any():
            bad = self.names[int(np.isinf(self.values).any(axis=0).argmax())]
            raise ValueError(f"the feature {bad!r} has infinite values: make them missing (NaN) or finite")
        if not np.isin(self.outcome, (0, 1)).all():
            raise ValueError("the outcome must be 0 or 1 in every row: leave rows without an outcome out")
        _check_groups(self)
        _check_days(self)

    def __len__(self) -> int:
        return len(self.outcome)

    @property
    def prevalence(self) -> float:
        """Share of rows with outcome 1."""
        return float(self.outcome.mean())

    @property
    def n_people(self) -> int:
        """How many people."""
        return len(np.unique(self.people))

    @property
    def n_groups(self) -> int:
        """How many groups."""
        return len(np.unique(self.groups))

    def rows(self, chosen: NDArray[np.integer] | Bools) -> "Samples":
        """The rows at these positions, or where a mask is true."""
        return Samples(
            self.values[chosen],
            self.names,
            self.outcome[chosen],
            self.people[chosen],
            self.groups[chosen],
            self.day[chosen],
            None if self.score is None else self.score[chosen],
            None if self.last is None else self.last[chosen],
        )

    def columns(self, names: Sequence[str]) -> "Samples":
        """The features of these names, in this order; ValueError for one that is not there."""
        absent = [name for name in names if name not in self.names]
        if absent:
            raise ValueError(f"no feature {', '.join(absent)} among {', '.join(self.names)}")
        places = [self.names.index(name) for name in names]
        return replace(self, values=self.values[:, places], names=tuple(names))

    def require_learnable(self, least_people: int = LEAST_PEOPLE) -> None:
        """Raise ValueError where nothing can be learnt: too few people, or all rows with the same outcome."""
        if self.n_people < least_people:
            raise ValueError(f"{self.n_people} people have rows, at least {least_people} are needed to judge a model")
        if len(np.unique(self.outcome)) < 2:
            only = int(self.outcome[0])
            raise ValueError(f"all {len(self)} rows have the outcome {only}: both classes are needed")
        for outcome in (0, 1):
            having = np.unique(self.groups[self.outcome == outcome])
            if len(having) < 2:
                raise ValueError(
                    f"only the group {str(having[0])!r} has the outcome {outcome}: "
                    "two groups with it are needed, one to learn from and one to be tested on"
                )


def samples_of(
    values: ArrayLike,
    names: Sequence[str],
    outcome: ArrayLike,
    people: ArrayLike,
    day: ArrayLike,
    groups: ArrayLike | None = None,
    score: ArrayLike | None = None,
) -> Samples:
    """Samples from anything array-like; without groups each person is one.

    Raises:
        ValueError: as `Samples` does, and for an outcome that is not a number.
    """
    given = np.asarray(outcome)
    if given.dtype.kind not in "biuf":
        raise ValueError(f"the outcome must be numbers or booleans, got {given.dtype}")
    if np.isnan(given.astype(np.float64)).any():
        raise ValueError("the outcome is missing in some rows: leave these out")
    who = np.asarray(people).astype(np.str_)
    return Samples(
        np.asarray(values, dtype=np.float64),
        tuple(names),
        np.where(given == 1, 1, np.where(given == 0, 0, -1)).astype(np.int8),
        who,
        who if groups is None else np.asarray(groups).astype(np.str_),
        np.asarray(day).astype("datetime64[D]"),
        None if score is None else np.asarray(score, dtype=np.float64),
    )


def codes_of(labels: NDArray[np.generic]) -> Ints:
    """(n,) labels as whole numbers from 0, in the order of the sorted labels."""
    return np.unique(labels, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _check_shapes(samples: Samples) -> None:
    n = len(samples.outcome)
    if samples.values.ndim != 2 or samples.values.shape != (n, len(samples.names)):
        raise ValueError(
            f"values must have the shape ({n}, {len(samples.names)}): a row per outcome, a column per name; "
            f"got {samples.values.shape}"
        )
    if len(set(samples.names)) < len(samples.names):
        twice = sorted({name for name in samples.names if samples.names.count(name) > 1})
        raise ValueError(f"feature names must differ; more than once: {', '.join(twice)}")
    others = {"people": samples.people, "groups": samples.groups, "day": samples.day}
    others |= {"score": samples.score, "last": samples.last}
    for name, array in others.items():
        if array is not None and array.shape != (n,):
            raise ValueError(f"{name} must have one entry for each of {n} outcomes, got the shape {array.shape}")


def _check_groups(samples: Samples) -> None:
    pairs = np.unique(np.stack([samples.people, samples.groups]), axis=1)
    who, count = np.unique(pairs[0], return_counts=True)
    if (count > 1).any():
        person = who[count > 1][0]
        theirs = ", ".join(pairs[1][pairs[0] == person])
        raise ValueError(f"{str(person)!r} is in several groups ({theirs}): a group must contain whole people")


def _check_days(samples: Samples) -> None:
    if np.isnat(samples.day).any():
        raise ValueError("a row has no day")
    order = np.lexsort((samples.day, samples.people))
    who, day = samples.people[order], samples.day[order]
    is_again = (who[1:] == who[:-1]) & (day[1:] == day[:-1])
    if is_again.any():
        place = int(is_again.argmax())
        raise ValueError(
            f"{str(who[place])!r} has several rows on {day[place]}: one row per person and day is expected"
        )
