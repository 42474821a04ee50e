"""What features of a day are computed from: the minutes, or hours, of people whose clocks show the same."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.features.model import NONE, Bools, Floats, ratio


@dataclass(frozen=True, eq=False)
class Minutes:
    """The values of a local day, or of a segment of it.

    Attributes:
        values: (people, minutes), NaN where there is none that counts. A column is `step_min` minutes.
        minute: (minutes,), of the wall clock, in true order: an hour that the clock shows twice is there twice.
        step_min: 1, or 60 for values of hours.
    """

    values: Floats
    minute: NDArray[np.int64]
    step_min: int = 1

    def __post_init__(self) -> None:
        # A person's minutes side by side: they add up to the same then, whoever else is there.
        object.__setattr__(self, "values", np.ascontiguousarray(self.values))

    def of(self, columns: Bools) -> Self:
        """Some of the minutes, (minutes,).

        Where they are not side by side an empty column is put between them, so that nothing bridges it.
        """
        place = np.flatnonzero(columns)
        breaks = np.flatnonzero(np.diff(place) > 1) + 1
        minutes = len(self.minute)
        cut: dict[str, NDArray] = {}
        for name in (f.name for f in fields(self)):
            whole = getattr(self, name)
            if isinstance(whole, np.ndarray) and whole.shape[-1] == minutes:
                empty = NONE if np.issubdtype(whole.dtype, np.floating) else -1
                part = whole[..., place]
                cut[name] = np.insert(part, breaks, empty, axis=-1) if len(breaks) else part
        return replace(self, **cut)

    @cached_property
    def is_there(self) -> Bools:
        """(people, minutes), where there is a value."""
        return ~np.isnan(self.values)

    @cached_property
    def n(self) -> NDArray[np.int64]:
        """(people,), values that are there."""
        return self.is_there.sum(axis=1)

    @cached_property
    def filled(self) -> Floats:
        """The values with 0 where there is none: for sums alone."""
        return np.where(self.is_there, self.values, 0.0)

    @cached_property
    def total(self) -> Floats:
        """(people,), their sum; 0 without a value."""
        return self.filled.sum(axis=1)

    @cached_property
    def ordered(self) -> Floats:
        """Each person's values from the smallest to the greatest; NaN come last."""
        return np.sort(self.values, axis=1)

    @cached_property
    def mean(self) -> Floats:
        """(people,), their mean."""
        return ratio(self.total, self.n)

    @cached_property
    def sd(self) -> Floats:
        """(people,), their standard deviation with n - 1."""
        apart = np.where(self.is_there, self.values - self.mean[:, None], 0.0)
        return np.sqrt(ratio((apart**2).sum(axis=1), self.n - 1))

    def minutes_with(self, chosen: Bools) -> Floats:
        """(people,), minutes of the chosen values [min]; null without any value."""
        return self.told((chosen & self.is_there).sum(axis=1) * float(self.step_min))

    def told(self, values: Floats, least: int = 1) -> Floats:
        """(people,), values of those who have at least so many; null for the others."""
        return np.where(self.n >= least, values, NONE)

    def quantile(self, share: float) -> Floats:
        """(people,), a quantile of the values there, linear between two of them."""
        if not self.values.shape[1]:
            return np.full(len(self.values), NONE)
        place = share * (np.maximum(self.n, 1) - 1)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(self.n - 1, 0))
        at = np.arange(len(self.values))
        below, above = self.ordered[at, low], self.ordered[at, high]
        return self.told(below + (place - low) * (above - below))
