"""The circadian family once more, slowly: a person's values in a dict by day and step, and loops over it."""

from collections.abc import Iterable
from fractions import Fraction
from math import atan2, cos, hypot, pi, sin, sqrt

import numpy as np

Cells = dict[tuple[int, int], float]
NONE = float("nan")


def cells_of(values: np.ndarray) -> Cells:
    """(days, values_a_day) -> the observed values."""
    return {(d, s): float(v) for d, day in enumerate(values) for s, v in enumerate(day) if v == v}


def mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)


def is_enough(cells: Cells, days: int, a_day: int) -> bool:
    return 2 * len(cells) >= days * a_day and all(sum((d, s) in cells for d in range(days)) >= 2 for s in range(a_day))


def mean_day(cells: Cells, a_day: int) -> list[float]:
    return [mean(v for (_, s), v in cells.items() if s == step) for step in range(a_day)]


def stability(cells: Cells, a_day: int) -> float:
    centre, day = mean(cells.values()), mean_day(cells, a_day)
    explained = mean((day[s] - centre) ** 2 for _, s in cells)
    return explained / mean((v - centre) ** 2 for v in cells.values())


def stability_pyactigraphy(cells: Cells, a_day: int) -> float:
    day, values = mean_day(cells, a_day), list(cells.values())
    return float(np.var(day, ddof=1) / np.var(values, ddof=1))


def stability_ggir(cells: Cells, a_day: int) -> float:
    day = mean_day(cells, a_day)
    centre = mean(day)
    above = len(cells) * sum((x - centre) ** 2 for x in day)
    return above / (a_day * sum((v - centre) ** 2 for v in cells.values()))


def steps(cells: Cells, a_day: int) -> list[float]:
    """Squared differences of values in a row; the step after the last of a day is the first of the next."""
    after = {(d, s): (d, s + 1) if s + 1 < a_day else (d + 1, 0) for d, s in cells}
    return [(cells[after[c]] - v) ** 2 for c, v in cells.items() if after[c] in cells]


def variability(cells: Cells, a_day: int) -> float:
    centre = mean(cells.values())
    return mean(steps(cells, a_day)) / mean((v - centre) ** 2 for v in cells.values())


def variability_pyactigraphy(cells: Cells, a_day: int) -> float:
    return mean(steps(cells, a_day)) / float(np.var(list(cells.values()), ddof=1))


def variability_ggir(cells: Cells, a_day: int) -> float:
    n, centre = len(cells), mean(mean_day(cells, a_day))
    return sum(steps(cells, a_day)) * n / ((n - 1) * sum((v - centre) ** 2 for v in cells.values()))


def extreme(cells: Cells, a_day: int, hours: int, sign: int) -> tuple[float, float]:
    """Begin and mean of the window with the least sign * mean, in exact fractions: equal is equal."""
    day = [
        sum((Fraction(v) for (_, s), v in cells.items() if s == step), Fraction(0)) / sum(s == step for _, s in cells)
        for step in range(a_day)
    ]
    width = hours * a_day // 24
    means = [sum(day[(begin + k) % a_day] for k in range(width)) / width for begin in range(a_day)]
    begin = min(range(a_day), key=lambda b: (sign * means[b], b))
    return (begin * 24 / a_day if len(set(means)) > 1 else NONE), float(means[begin])


def cosinor(cells: Cells, a_day: int, at: float) -> tuple[float, float, float, float]:
    """Mesor, amplitude, acrophase and r2 by Cramer's rule on the sums over the values."""
    rows = [(1.0, cos(2 * pi * (s + at) / a_day), sin(2 * pi * (s + at) / a_day), v) for (_, s), v in cells.items()]
    sums = [[sum(r[i] * r[j] for r in rows) for j in range(4)] for i in range(3)]

    def determinant(swapped: int | None) -> float:
        m = [[row[3] if j == swapped else row[j] for j in range(3)] for row in sums]
        return sum(
            m[0][i] * (m[1][(i + 1) % 3] * m[2][(i + 2) % 3] - m[1][(i + 2) % 3] * m[2][(i + 1) % 3]) for i in range(3)
        )

    mesor, of_cos, of_sin = (determinant(k) / determinant(None) for k in range(3))
    centre = mean(v for *_, v in rows)
    missed = sum((v - mesor - of_cos * c - of_sin * s) ** 2 for _, c, s, v in rows)
    r2 = 1 - missed / sum((v - centre) ** 2 for *_, v in rows)
    return mesor, hypot(of_cos, of_sin), atan2(of_sin, of_cos) * 12 / pi % 24, r2


def correlation(cells: Cells, a_day: int) -> float:
    pairs = [(v, cells[d + 1, s]) for (d, s), v in cells.items() if (d + 1, s) in cells]
    if len(pairs) < a_day or 1 in {len(set(side)) for side in zip(*pairs, strict=True)}:
        return NONE
    x, y = mean(a for a, _ in pairs), mean(b for _, b in pairs)
    spread = sqrt(sum((a - x) ** 2 for a, _ in pairs) * sum((b - y) ** 2 for _, b in pairs))
    return sum((a - x) * (b - y) for a, b in pairs) / spread


def all_of(values: np.ndarray) -> dict[str, float]:
    """Every feature of one person who is neither constant nor too little observed; (days, values_a_day)."""
    a_day, cells = values.shape[1], cells_of(values)
    low, high = extreme(cells, a_day, 5, 1), extreme(cells, a_day, 10, -1)
    mesor, amplitude, acrophase_h, r2 = cosinor(cells, a_day, 0.5)
    return {
        "interdaily_stability": stability(cells, a_day),
        "intradaily_variability": variability(cells, a_day) if len(steps(cells, a_day)) >= a_day else NONE,
        "relative_amplitude": (high[1] - low[1]) / (high[1] + low[1]) if low[1] >= 0 and high[1] > 0 else NONE,
        "l5": low[1],
        "l5_onset_h": low[0],
        "m10": high[1],
        "m10_onset_h": high[0],
        "cosinor_mesor": mesor,
        "cosinor_amplitude": amplitude,
        "cosinor_acrophase_h": acrophase_h,
        "cosinor_r2": r2,
        "autocorrelation_24h": correlation(cells, a_day),
    }
