"""Stretches of true time that belong to people or devices, and their masks over a grid of minutes."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from neuro_assets.simulate.arrays import Bools, Ints


@dataclass(frozen=True)
class Intervals:
    """Half-open stretches [start, until) in minutes of the grid; `who` is the index of a person or a device."""

    who: Ints
    start: Ints
    until: Ints

    @classmethod
    def none(cls) -> "Intervals":
        """No stretch at all."""
        return cls(*(np.zeros(0, dtype=np.int64) for _ in range(3)))

    @classmethod
    def joined(cls, parts: Iterable["Intervals"]) -> "Intervals":
        """All stretches of all parts."""
        parts = [cls.none(), *parts]
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("who", "start", "until")))

    def __len__(self) -> int:
        return len(self.who)

    def within(self, start: Ints, until: Ints) -> "Intervals":
        """Cut to [start, until) of each one's owner; what is empty then is left out."""
        begin, end = np.maximum(self.start, start[self.who]), np.minimum(self.until, until[self.who])
        is_left = begin < end
        return Intervals(self.who[is_left], begin[is_left], end[is_left])

    def mask(self, first: int, last: int, minutes: int) -> Bools:
        """Whether a minute lies in a stretch, for owners first..last-1 ((last - first) x minutes)."""
        is_here = (self.who >= first) & (self.who < last)
        marks = np.zeros((last - first, minutes + 1), dtype=np.int16)
        who = self.who[is_here] - first
        np.add.at(marks, (who, self.start[is_here].clip(0, minutes)), 1)
        np.add.at(marks, (who, self.until[is_here].clip(0, minutes)), -1)
        return np.cumsum(marks[:, :-1], axis=1, dtype=np.int16) > 0
