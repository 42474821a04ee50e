"""How a person's deviations from the usual hold on: a sum of up to three autoregressions and noise, by moments.

Their timescales are fixed and their variances are those that fit the autocovariance best (non-negative least squares),
so that a person costs half a millisecond and gaps do no harm; a likelihood is maximised for the two simple models.
"""

import numpy as np
from numpy.typing import NDArray

from neuro_assets.science.imputation.kalman import Autoregressions, log_likelihood
from neuro_assets.science.imputation.series import Float32s, Resolution

Float64s = NDArray[np.float64]
STATES = 3
# Minutes until a deviation has faded to 1/e.
_SCALES = {1: (2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 800.0), 60: (60.0, 120.0, 240.0, 480.0, 960.0, 1920.0)}
_LAGS = {
    1: (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512),
    60: (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24),
}
# A person's own days against so many of the pool: of how deviations hold on, and of how large they are.
_SHAPE_DAYS, _SIZE_DAYS = 8.0, 2.0
_LEAST_NOISE = 1e-3


def autocovariance(values: Float32s, lags: tuple[int, ...]) -> tuple[Float64s, Float64s]:
    """Sums of products of values `lags` apart, and how many there are: (series, lags) each; NaN is left out."""
    is_there = ~np.isnan(values)
    there, filled = is_there.astype(np.float32), np.where(is_there, values, np.float32(0))
    length = values.shape[1]
    total, count = np.zeros((len(values), len(lags))), np.zeros((len(values), len(lags)))
    for n, lag in enumerate(lags):
        if lag < length:
            total[:, n] = np.einsum("ij,ij->i", filled[:, : length - lag], filled[:, lag:], dtype=np.float64)
            count[:, n] = np.einsum("ij,ij->i", there[:, : length - lag], there[:, lag:], dtype=np.float64)
    return total, count


def fit_autoregressions(deviations: Float32s, days: NDArray[np.integer], resolution: Resolution) -> Autoregressions:
    """The parameters of each person, (people,).

    Args:
        deviations: (people, values) from the profile, NaN where there is none.
        days: (people,), days with values.
        resolution: of the values.
    """
    lags = _LAGS[resolution.step_min]
    total, count = autocovariance(deviations, lags)
    pooled = total.sum(axis=0) / np.maximum(count.sum(axis=0), 1)
    size_of_all = max(pooled[0], 1e-12)
    size = (total[:, 0] + _SIZE_DAYS * resolution.a_day * size_of_all) / (count[:, 0] + _SIZE_DAYS * resolution.a_day)
    own = total / np.maximum(count, 1)
    has_own = (own[:, :1] > 0) & (count > 0)
    shape_of_all = pooled / size_of_all
    shape = np.where(has_own, own / np.where(own[:, :1] > 0, own[:, :1], 1), shape_of_all)
    weight = (days / (days + _SHAPE_DAYS))[:, None]
    return _fitted(weight * shape + (1 - weight) * shape_of_all, size, resolution)


def _fitted(shape: Float64s, size: Float64s, resolution: Resolution) -> Autoregressions:
    """The timescales that explain most of each autocorrelation, (people, lags), and their variances."""
    from scipy.optimize import nnls

    lags, scales = np.array(_LAGS[resolution.step_min]), np.array(_SCALES[resolution.step_min])
    phi_of = np.exp(-resolution.step_min / scales)
    weight = 1 / np.sqrt(1 + lags)
    basis = np.column_stack([phi_of[None] ** lags[:, None], lags == 0]) * weight[:, None]
    people = len(shape)
    phi, variance, noise = np.full((people, STATES), 0.5), np.full((people, STATES), 1e-9), np.empty(people)
    for n, wanted in enumerate(shape * weight):
        found, _ = nnls(basis, wanted)
        chosen = np.argsort(found[:-1])[::-1][:STATES]
        chosen = chosen[found[chosen] > 0]
        if len(chosen):
            found, _ = nnls(basis[:, np.append(chosen, len(scales))], wanted)
            phi[n, : len(chosen)], variance[n, : len(chosen)] = phi_of[chosen], np.maximum(found[:-1], 1e-9)
        noise[n] = max(found[-1], _LEAST_NOISE)
    return Autoregressions.stationary(phi, variance * size[:, None], noise * size)


_PHI = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998)
_SHARE = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
_STEP = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4, 0.8, 2.0)
_NOISE = (0.1, 0.2, 0.4, 0.7, 1.0)
_DIFFUSE = 5.0


def fit_ar1(deviations: Float32s, variance: Float64s) -> Autoregressions:
    """One autoregression and noise for each person, the most likely of a grid; `variance` (people,) is kept."""
    grid = [(phi, share, 1 - share) for phi in _PHI for share in _SHARE]
    return _most_likely(deviations, variance, grid, stationary=True)


def fit_level(deviations: Float32s, variance: Float64s) -> Autoregressions:
    """A random walk and noise (the local level) for each person, the most likely of a grid."""
    grid = [(1.0, step * noise, noise) for step in _STEP for noise in _NOISE]
    return _most_likely(deviations, variance, grid, stationary=False)


def _most_likely(
    deviations: Float32s, variance: Float64s, grid: list[tuple[float, float, float]], *, stationary: bool
) -> Autoregressions:
    people = len(deviations)
    size = np.where(variance > 0, variance, 1.0)
    scaled = (deviations / np.sqrt(size)[:, None]).astype(np.float32)
    best, chosen = np.full(people, -np.inf), np.zeros(people, dtype=np.intp)

    def model(phi: Float64s, first: Float64s, noise: Float64s) -> Autoregressions:
        if stationary:
            return Autoregressions.stationary(phi[:, None], first[:, None], noise)
        return Autoregressions(phi[:, None], first[:, None], noise, np.full((people, 1), _DIFFUSE))

    for n, parameters in enumerate(grid):
        found = log_likelihood(scaled, model(*(np.full(people, p) for p in parameters)))
        better = found > best
        best[better], chosen[better] = found[better], n
    phi, first, noise = np.array(grid)[chosen].T
    unit = model(phi, first, noise)
    return Autoregressions(unit.phi, unit.step * size[:, None], unit.noise * size, unit.initial * size[:, None])
