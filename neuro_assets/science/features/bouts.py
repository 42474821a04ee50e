"""Bouts: stretches of minutes side by side in one state, and what is told of their lengths."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.features.model import NONE, Bools, Floats, ratio


@dataclass(frozen=True)
class Bouts:
    """The bouts of people; an entry each, those of a person side by side.

    Attributes:
        person: whose, their place among `people`.
        length: minutes.
        people: how many people there are, with bouts or without.
        has_any: (people,), whose minutes are known at all.
    """

    person: NDArray[np.intp]
    length: NDArray[np.int64]
    people: int
    has_any: Bools

    @classmethod
    def of(cls, state: Bools, is_known: Bools) -> "Bouts":
        """The bouts of minutes in a state; a minute of which it is not known ends a bout.

        Args:
            state: (people, minutes).
            is_known: (people, minutes).
        """
        people, minutes = state.shape
        held = np.zeros((people, minutes + 2), dtype=np.int8)
        held[:, 1:-1] = state & is_known
        change = np.diff(held, axis=1).ravel()
        begin, end = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
        return cls(begin // (minutes + 1), end - begin, people, np.asarray(is_known.any(axis=1)))

    def told(self, values: Floats) -> Floats:
        """(people,), values of those of whom any minute is known."""
        return np.where(self.has_any, values, NONE)

    @property
    def count(self) -> Floats:
        """(people,), how many."""
        return self.told(np.bincount(self.person, minlength=self.people).astype(np.float64))

    @property
    def total(self) -> Floats:
        """(people,), minutes in all of them."""
        return self.told(np.asarray(np.bincount(self.person, self.length, minlength=self.people), dtype=np.float64))

    @property
    def mean(self) -> Floats:
        """(people,), mean length; null without a bout."""
        return ratio(self.total, self.count)

    @property
    def longest(self) -> Floats:
        """(people,), the longest; null without a bout."""
        found = np.full(self.people, NONE)
        np.fmax.at(found, self.person, self.length.astype(np.float64))
        return found

    @property
    def sd(self) -> Floats:
        """(people,), standard deviation of the lengths with n - 1."""
        apart = (self.length - self.mean[self.person]) ** 2
        return np.sqrt(ratio(np.bincount(self.person, apart, minlength=self.people), self.count - 1))

    @property
    def gini(self) -> Floats:
        """(people,), Gini index of the lengths, corrected for their number; null with less than two bouts."""
        order = np.lexsort((self.length, self.person))
        person, length = self.person[order], self.length[order]
        n = np.bincount(person, minlength=self.people)
        rank = np.arange(len(person)) - (np.cumsum(n) - n)[person] + 1
        weighted = np.bincount(person, rank * length, minlength=self.people)
        total = np.bincount(person, length, minlength=self.people).astype(np.float64)
        plain = ratio(2 * weighted, n * total) - ratio((n + 1).astype(np.float64), n)
        return np.where(n >= 2, plain * ratio(n, n - 1), NONE)
