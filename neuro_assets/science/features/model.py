"""The vocabulary for defining a feature: its name, formula, source and known answers; the features are beside it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from inspect import cleandoc
from math import isclose, isnan
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
NONE = np.nan
Seen = TypeVar("Seen")
Told = TypeVar("Told")


@dataclass(frozen=True)
class Known:
    """What a definition gives for an input that anybody can write down.

    Attributes:
        told: the input, in words.
        source: where the answer is from.
        expected: the answer.
        compute: what the definition gives.
        within: how far apart they may be, absolutely.
    """

    told: str
    source: str
    expected: float
    compute: Callable[[], float]
    within: float = 1e-9

    def holds(self) -> bool:
        """Whether the definition gives the answer."""
        found = float(self.compute())
        return (isnan(found) and isnan(self.expected)) or isclose(found, self.expected, rel_tol=0, abs_tol=self.within)


@dataclass(frozen=True)
class Feature(Generic[Seen, Told]):
    """A feature of a person's day, night or span of days.

    Attributes:
        name: its column.
        unit: of its values; empty for a number without one.
        description: what it tells.
        formula: how it is computed, in words and symbols.
        source: paper, specification or program that the formula is from.
        minimum: what has to be there; with less it is null, never 0.
        compute: what is seen -> a value each, NaN (or null) where it is not told.
        version: counts up with every change of what it gives.
        ge: smallest value that can be.
        le: largest value that can be.
        rapids: the names that RAPIDS has for the same thing.
        differs: from whom the formula differs, and how.
        known: known answers.
        bases: from values how far apart it can be told: `1m` by the minute, `1h` by the hour.
        is_trailing: whether it is told over spans of days as well.
    """

    name: str
    unit: str
    description: str
    formula: str
    source: str
    minimum: str
    compute: Callable[[Seen], Told]
    version: int = 1
    ge: float | None = None
    le: float | None = None
    rapids: tuple[str, ...] = ()
    differs: str = ""
    known: tuple[Known, ...] = ()
    bases: tuple[str, ...] = ("1m",)
    is_trailing: bool = False


@dataclass(frozen=True)
class Family(Generic[Seen, Told]):
    """Features that are computed from the same thing.

    Attributes:
        name: of the family, and of its table.
        seen: what they are computed from.
        features: in the order of the columns.
    """

    name: str
    seen: type[Seen]
    features: list[Feature[Seen, Told]] = field(default_factory=list)

    def __iter__(self) -> Iterator[Feature[Seen, Told]]:
        return iter(self.features)

    def __getitem__(self, name: str) -> Feature[Seen, Told]:
        return next(f for f in self.features if f.name == name)

    def add(self, feature: Feature[Seen, Told]) -> None:
        """Add a feature.

        Raises:
            ValueError: the family has one of this name.
        """
        if any(f.name == feature.name for f in self.features):
            raise ValueError(f"{self.name} has a feature {feature.name} already")
        self.features.append(feature)

    def define(
        self,
        unit: str,
        formula: str,
        *,
        source: str,
        minimum: str,
        version: int = 1,
        ge: float | None = None,
        le: float | None = None,
        rapids: tuple[str, ...] = (),
        differs: str = "",
        known: tuple[Known, ...] = (),
        bases: tuple[str, ...] = ("1m",),
        is_trailing: bool = False,
    ) -> Callable[[Callable[[Seen], Told]], Callable[[Seen], Told]]:
        """Make a feature of a function: it has the function's name, and the first line of its docstring.

        Raises:
            ValueError: the family has a feature of this name.
        """

        def made(compute: Callable[[Seen], Told]) -> Callable[[Seen], Told]:
            self.add(
                Feature(
                    compute.__name__,
                    unit,
                    cleandoc(compute.__doc__ or "").split("\n")[0],
                    formula,
                    source,
                    minimum,
                    compute,
                    version,
                    ge,
                    le,
                    rapids,
                    differs,
                    known,
                    bases,
                    is_trailing,
                )
            )
            return compute

        return made


def ratio(above: Floats | NDArray[np.int64], below: Floats | NDArray[np.int64]) -> Floats:
    """A quotient, null where the divisor is 0 or below it."""
    known = np.asarray(below, dtype=np.float64)
    return np.divide(above, known, out=np.full(known.shape, NONE), where=known > 0)
