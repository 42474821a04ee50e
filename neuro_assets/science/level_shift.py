"""Is there one level, or a change of it, or a stretch with a level of its own? Tests on days that are alike.

The series is one of scores with variance 1; where they are from, and what becomes of what is found, is in
change_points.py.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# Of the chance of a false alarm the first part goes to one change, the second to a stretch that ends again.
_SHARES = (2 / 3, 1 / 3)
_HALF_WINDOW = 7
_LEAST_PAIRS = 8
_NOTHING = 1e-9
_MAX_PHI = 0.9
# Gauss and Hermite's points for three values of a normal distribution, and their weights.
_NODES = ((-math.sqrt(3), 1 / 6), (0.0, 2 / 3), (math.sqrt(3), 1 / 6))
_SD_OF_MEDIAN = math.sqrt(math.pi / 2)
_POWER_80 = 0.8416212335729143
# Places at which stretches begin and end that are tried at most: more of them find nothing more.
_MOST_PLACES = 250


def likeness(days: Ints, scores: Floats) -> tuple[float, float]:
    """Correlation of a day with the day before within levels, and how far it may be off (standard error).

    The correlation of neighbouring deviations from running means over 15 days, which is less than phi by an amount that
    follows from phi and is undone. Unlike the correlation of the values, it is hardly raised by changes of level.

    Args:
        days: (n,) ascending whole day numbers.
        scores: (n,) without NaN.

    Returns:
        phi from 0 to 0.9 and its standard error; 0 and 0.3 with fewer than eight pairs of neighbouring days.
    """
    begin, end = np.searchsorted(days, days - _HALF_WINDOW), np.searchsorted(days, days + _HALF_WINDOW, side="right")
    before = np.append(0.0, np.cumsum(scores))
    rest = scores - (before[end] - before[begin]) / (end - begin)
    pairs = np.flatnonzero(np.diff(days) == 1)
    if len(pairs) < _LEAST_PAIRS or np.abs(rest).max() < _NOTHING:
        return 0.0, 0.3
    rho = float(np.mean(rest[pairs] * rest[pairs + 1]) / np.mean(rest**2))
    grid, of_rest = _rho_of_rest()
    phi = float(np.interp(rho, of_rest, grid))
    slope = float(np.interp(phi, grid, np.gradient(of_rest, grid)))
    return phi, math.sqrt((1 - rho**2) / len(pairs)) / slope


def p_of_step(z: float, n: int, least_days: int) -> float:
    """Chance that the greatest |z| over all days of a change is as great, without a change.

    The tail of the greatest standardised Brownian bridge: Vostrikova 1981, Theory Probab Appl 26:356; Csorgo and
    Horvath 1997, Limit Theorems in Change-Point Analysis. 1 for z <= 1.
    """
    if z <= 1:
        return 1.0
    trimmed = 2 * math.log(n / least_days - 1)
    tail = z * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return min(1.0, tail * ((1 - z**-2) * trimmed + 4 / z**2))


def p_of_stretch(z: float, n: int, least_days: int, phi: float) -> float:
    """Chance that the greatest |z| over all stretches of days is as great, without one that differs.

    Siegmund 1988, Ann Probab 16:487, as Olshen et al. 2004 (Biostatistics 5:557) use it for independent values. That
    days are alike makes the jumps of z from one stretch to the next smaller, by the square root of
    (1 - phi) / (1 + phi); this is our own, and holds in simulations. 1 for z <= 2.
    """
    if z <= 2:
        return 1.0
    share = np.linspace(least_days / n, 1 - least_days / n, 200)
    jump = z * math.sqrt((1 - phi) / (1 + phi)) / np.sqrt(n * share * (1 - share))
    rate = np.exp(-0.583 * jump) ** 2 / (share**2 * (1 - share))
    area = float(np.sum((rate[1:] + rate[:-1]) / 2 * np.diff(share)))
    return min(1.0, z**3 * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) / 2 * area)


@dataclass(frozen=True, slots=True)
class Test:
    """The better of one change and of a stretch between two: p, and the places at which the level changes."""

    p: float
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Design:
    """Sums of whitened scores over what follows each place, for generalised least squares.

    With a the whitened constant, x_k the whitened step at place k and w the whitened scores: w·w, a·a and a·w, and for
    each place k >= 1 x_k·w, x_k·x_k and x_k·a. For i < j, x_i·x_j is x_j·a.
    """

    ww: float
    aa: float
    aw: float
    xw: Floats
    xx: Floats
    xa: Floats

    @classmethod
    def of(cls, days: Ints, scores: Floats, phi: float) -> "Design":
        """Of (n,) scores at ascending whole day numbers, whitened by phi to the power of the days between."""
        carried = phi ** np.diff(days)
        rest = np.sqrt(1 - carried**2)
        w, a = scores.copy(), np.ones(len(days))
        w[1:] = (scores[1:] - carried * scores[:-1]) / rest
        a[1:] = (1 - carried) / rest
        from_aa, from_aw = (np.cumsum(v[::-1])[::-1] for v in (a * a, a * w))
        return cls(
            float(w @ w),
            float(from_aa[0]),
            float(from_aw[0]),
            w[1:] / rest + from_aw[1:] - a[1:] * w[1:],
            1 / rest**2 + from_aa[1:] - a[1:] ** 2,
            a[1:] / rest + from_aa[1:] - a[1:] ** 2,
        )

    def step(self, places: Ints) -> tuple[Floats, Floats]:
        """Z of a change at each place, and the information of its size."""
        k = places - 1
        return self._z(self.xw[k], self.xx[k], self.xa[k])

    def stretch(self, begin: Ints, end: Ints) -> Floats:
        """Z of a level of its own from each begin up to its end."""
        i, j = begin - 1, end - 1
        return self._z(self.xw[i] - self.xw[j], self.xx[i] + self.xx[j] - 2 * self.xa[j], self.xa[i] - self.xa[j])[0]

    def _z(self, xw: Floats, xx: Floats, xa: Floats) -> tuple[Floats, Floats]:
        n, information = len(self.xw) + 1, xx - xa**2 / self.aa
        explained = (xw - xa * self.aw / self.aa) ** 2 / information
        left = np.maximum(self.ww - self.aw**2 / self.aa - explained, 1e-12)
        # t as a normal deviate: Wallace 1959, Ann Math Stat 30:1121.
        df = n - 3
        return np.sqrt(df * np.log1p(explained / left)) * (8 * df + 1) / (8 * df + 3), information


@dataclass(frozen=True, slots=True)
class Scan:
    """A person's scores, and what is known of how alike the days are."""

    days: Ints
    scores: Floats
    phi: float
    spread: float
    least_days: int

    def test(self, begin: int, end: int) -> Test:
        """The test of one level from a place up to another."""
        n, least = end - begin, self.least_days
        steps = np.arange(least, n - least + 1)
        if not len(steps):
            return Test(1.0, ())
        pairs = _stretches(n, least)
        p_step = p_stretch = 0.0
        places: dict[str, tuple[int, ...]] = {}
        for node, weight in _NODES:
            phi = min(max(self.phi + node * self.spread, 0.0), _MAX_PHI)
            design = Design.of(self.days[begin:end], self.scores[begin:end], phi)
            z = design.step(steps)[0]
            p_step += weight * p_of_step(float(z.max()), n, least)
            of_pairs = design.stretch(*pairs) if len(pairs[0]) else np.zeros(1)
            p_stretch += weight * p_of_stretch(float(of_pairs.max()), n, least, phi)
            if node == 0:
                places["step"] = (begin + int(steps[z.argmax()]),)
                best = int(of_pairs.argmax())
                places["stretch"] = tuple(begin + int(pair[best]) for pair in pairs) if len(pairs[0]) else ()
        p_step, p_stretch = p_step / _SHARES[0], p_stretch / _SHARES[1]
        which = "step" if p_step <= p_stretch else "stretch"
        return Test(min(1.0, p_step, p_stretch), places[which])

    def best_step(self, begin: int, end: int) -> tuple[int, float]:
        """Where one change fits best between two places, and its z."""
        steps = np.arange(self.least_days, end - begin - self.least_days + 1)
        z = Design.of(self.days[begin:end], self.scores[begin:end], self.phi).step(steps)[0]
        return begin + int(steps[z.argmax()]), float(z.max())

    def reach(self, begin: int, place: int, end: int, alpha: float) -> float:
        """Half the interval of the difference at a place [SD], for all places at once: of whichever was chosen."""
        phi = min(self.phi + self.spread, _MAX_PHI)
        design = Design.of(self.days[begin:end], self.scores[begin:end], phi)
        information = design.step(np.array([place - begin]))[1]
        return _z_of_step(alpha, end - begin, self.least_days) * _SD_OF_MEDIAN / math.sqrt(float(information[0]))

    def detectable(self, alpha: float) -> float:
        """The change in the middle of the record that is seen in four of five [SD]."""
        n, phi = len(self.days), min(self.phi + self.spread, _MAX_PHI)
        information = Design.of(self.days, self.scores, phi).step(np.array([n // 2]))[1]
        z, df = _z_of_step(alpha * _SHARES[0], n, self.least_days) + _POWER_80, n - 3
        t = math.sqrt(df * math.expm1((z * (8 * df + 3) / (8 * df + 1)) ** 2 / df))
        return t / math.sqrt(float(information[0]))


def _stretches(n: int, least: int) -> tuple[Ints, Ints]:
    """Begins and ends of the stretches that are searched, with enough days in, before and after them."""
    places = np.arange(least, n - least + 1, -(-n // _MOST_PLACES))
    begin, end = (places[v] for v in np.triu_indices(len(places), 1))
    is_enough = end - begin >= least
    return begin[is_enough], end[is_enough]


@cache
def _z_of_step(p: float, n: int, least_days: int) -> float:
    """The z whose `p_of_step` is p, by halving."""
    low, high = 1.0, 20.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if p_of_step(middle, n, least_days) > p else (low, middle)
    return high


@cache
def _rho_of_rest() -> tuple[Floats, Floats]:
    """phi, and the correlation of neighbouring deviations from running means that an autoregression of it has."""
    grid = np.linspace(0, _MAX_PHI, 91)
    width = 2 * _HALF_WINDOW + 1
    weights = -np.full(width, 1 / width)
    weights[_HALF_WINDOW] += 1
    apart = np.abs(np.subtract.outer(np.arange(width), np.arange(width)))
    next_day = np.abs(np.subtract.outer(np.arange(width), np.arange(width) + 1))
    return grid, np.array([weights @ phi**next_day @ weights / (weights @ phi**apart @ weights) for phi in grid])
