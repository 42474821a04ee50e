"""The default: a weighted sum of a few methods, whose weights are learned by hiding what was observed.

Weights are pooled over people, for each length of gap and distance from its edge, and drawn to `profile_ar`: choosing
by a person's own few gaps does worse than any single method.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.imputation.methods import METHODS, Estimate, day_profile, root_ar
from neuro_assets.science.imputation.people import People
from neuro_assets.science.imputation.series import Float32s, Resolution, Windows

Float64s = NDArray[np.float64]
PARTS = {
    "profile_ar": METHODS["profile_ar"].fill,
    "root_ar": root_ar,
    "day_profile": day_profile,
    "linear": METHODS["linear"].fill,
}
_CENTRE = np.array([1.0, 0.0, 0.0, 0.0])
# So many hidden stretches weigh as much as the centre.
_RIDGE = 100.0
# Weights add up to 1, as nearly as this makes them: parts that are right about totals together are right then.
_TO_ONE = 1e3
# Distances to the edge are told apart up to these, in values.
_DISTANCES = np.array([2, 4, 8, 16, 32, 64, 128])


@dataclass(frozen=True)
class Weights:
    """What each part counts: (lengths, distances, parts)."""

    by_length: Float64s

    def at(self, place: NDArray[np.integer], distance: NDArray[np.integer]) -> Float64s:
        """The weights at each value, given which length its gap has and how far its edge is: (..., parts)."""
        return self.by_length[place, np.searchsorted(_DISTANCES, distance)]


def length_place(length: NDArray[np.integer], resolution: Resolution) -> NDArray[np.intp]:
    """Which of the resolution's lengths a gap of so many values is nearest to, by ratio."""
    known = np.array(resolution.lengths) / resolution.step_min
    return np.searchsorted(np.sqrt(known[1:] * known[:-1]), length)


def parts_of(windows: Windows, people: People) -> list[Estimate]:
    """The estimates of all parts, in order; where one has none, the usual."""
    usual = windows.by_clock(people.profile)
    found = []
    for fill in PARTS.values():
        estimate = fill(windows, people)
        found.append(np.where(np.isnan(estimate), usual, estimate).astype(np.float32))
    return found


def combine(parts: list[Estimate], weights: Weights, windows: Windows) -> Estimate:
    """The weighted sum at every place, (N, T)."""
    gaps = windows.gaps
    own = weights.at(length_place(gaps.length, windows.resolution), gaps.distance)
    found = np.zeros(windows.values.shape)
    for n, part in enumerate(parts):
        found += own[..., n] * part
    return found


def learn_weights(
    examples: Mapping[int, tuple[Float32s, Float32s, NDArray[np.integer]]], resolution: Resolution
) -> Weights:
    """The weights that fill hidden stretches best.

    Args:
        examples: place of the length -> estimates (parts, N, length), what was hidden (N, length), distances (length,).
        resolution: of the values.
    """
    from scipy.optimize import nnls

    by_length = np.tile(_CENTRE, (len(resolution.lengths), len(_DISTANCES) + 1, 1))
    for place, (estimates, truth, distance) in examples.items():
        is_seen = ~np.isnan(truth)
        band = np.searchsorted(_DISTANCES, distance)
        for n in np.unique(band):
            chosen = is_seen & (band == n)[None]
            if not chosen.any():
                continue
            parts, wanted = estimates[:, chosen].astype(np.float64), truth[chosen].astype(np.float64)
            # As weights add up to 1 the fit is the same around the centre, and the pull knows nothing of the level.
            wanted, parts = wanted - parts[0], parts - parts[0]
            size = len(wanted) * max(float(np.mean(wanted**2)), 1e-12)
            square = parts @ parts.T / size
            pull = _RIDGE / chosen.any(axis=1).sum() * np.trace(square) / len(parts)
            square += (pull + 1e-9) * np.eye(len(parts))
            aim = parts @ wanted / size + pull * _CENTRE
            lower = np.linalg.cholesky(square)
            to_one = _TO_ONE * np.sqrt(np.trace(square))
            found, _ = nnls(
                np.vstack([lower.T, np.full(len(parts), to_one)]), np.append(np.linalg.solve(lower, aim), to_one)
            )
            by_length[place, n] = found / found.sum()
        # Distances that no stretch of this length has are weighted as the nearest one.
        seen = np.unique(band)
        for n in range(len(_DISTANCES) + 1):
            by_length[place, n] = by_length[place, seen[np.argmin(np.abs(seen - n))]]
    return Weights(by_length)
