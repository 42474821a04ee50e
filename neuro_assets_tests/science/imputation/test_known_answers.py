"""Published numbers: imputation errors of the airline series, and likelihoods of the Nile's flow."""

import numpy as np
import pytest
from statsmodels.datasets import nile

from neuro_assets.science.imputation.kalman import Autoregressions, log_likelihood, smooth
from neuro_assets.science.imputation.methods import METHODS
from neuro_assets.science.imputation.series import HOUR, Windows
from neuro_assets.science.imputation.structural import (
    Beginning,
    Structural,
    fit_structural,
    log_likelihood_structural,
    smooth_structural,
)
from neuro_assets_tests.science.imputation.known_series import AIRLINE_MISSING, airline

MONTHS = 12
MISSING = list(AIRLINE_MISSING)


def rmse(estimate: np.ndarray) -> float:
    """Return the error at the 13 places, thousands of passengers."""
    return float(np.sqrt(np.mean((estimate - airline()[1])[MISSING] ** 2)))


def structural(level: float, slope: float, seasonal: float, noise: float) -> Structural:
    return Structural(np.array([level]), np.array([slope]), np.array([seasonal]), np.array([noise]), MONTHS)


def test_the_airline_series_has_the_gaps_that_imputets_describes():
    # statsNA(tsAirgap): 144 values, 13 missing in 11 gaps, the longest of 3
    with_gaps, complete = airline()
    missing = np.isnan(with_gaps)
    runs = "".join("x" if m else " " for m in missing).split()
    assert (len(complete), missing.sum(), len(runs), max(map(len, runs))) == (144, 13, 11, 3)


@pytest.mark.parametrize(("method", "published"), [("ffill", 35.46), ("linear", 20.26)])
def test_the_error_of_simple_methods_on_airline_passengers(method: str, published: float):
    """What `na_locf` and `na_interpolation` of imputeTS do to its series tsAirgap (Moritz & Bartz-Beielstein 2017, The
    R Journal 9/1, 207-218): RMSE 35.5 and 20.3.
    """
    clock = np.zeros((1, 144), dtype=np.intp)
    windows = Windows(airline()[0][None], clock, clock > 0, np.array([0]), HOUR)
    # neither of them asks anything about people
    found = METHODS[method].fill(windows, None)[0]  # pyright: ignore[reportArgumentType]
    assert rmse(found) == pytest.approx(published, abs=0.005)


def test_linear_has_the_mean_that_imputets_reports():
    # mean(na_interpolation(tsAirgap)), imputeTS' own tests: 280.7
    clock = np.zeros((1, 144), dtype=np.intp)
    windows = Windows(airline()[0][None], clock, clock > 0, np.array([0]), HOUR)
    filled = np.where(windows.gaps.is_missing, METHODS["linear"].fill(windows, None), windows.values)  # pyright: ignore[reportArgumentType]
    assert filled.mean() == pytest.approx(280.7, abs=0.05)


def test_structural_smoothing_of_logarithms_has_the_published_error():
    """RMSE 6.4 on tsAirgap: the basic structural model of logarithms (Harvey 1989, whose example the complete series
    is), with the variances that are most likely.
    """
    found = smooth_structural(np.log(airline()[0])[None], structural(6.875e-4, 0, 5.156e-5, 1.958e-4))
    assert rmse(np.exp(found.mean[0])) == pytest.approx(6.445, abs=0.001)
    # exact diffuse log-likelihood, statsmodels 0.15: UnobservedComponents(use_exact_diffuse=True)
    assert found.log_likelihood[0] == pytest.approx(188.5176, abs=1e-4)


def test_our_own_fit_has_the_published_error_and_is_likelier_than_the_published_variances():
    logarithms = np.log(airline()[0])[None]
    fitted = fit_structural(logarithms, MONTHS)
    published = log_likelihood_structural(logarithms, structural(6.875e-4, 0, 5.156e-5, 1.958e-4))
    assert log_likelihood_structural(logarithms, fitted) >= published
    assert rmse(np.exp(smooth_structural(logarithms, fitted).mean[0])) == pytest.approx(6.4, abs=0.1)
    assert fitted.level[0] == pytest.approx(6.875e-4, rel=0.02)
    assert fitted.slope[0] < 1e-9
    assert fitted.seasonal[0] == pytest.approx(5.156e-5, rel=0.02)
    assert fitted.noise[0] == pytest.approx(1.958e-4, rel=0.02)


def test_what_r_fills_in_is_filled_in_with_the_prior_of_r():
    """`na_kalman(tsAirgap)` of imputeTS, as R prints it: StructTS on the raw scale, variances 22.4444, 0, 168.7009, 0.

    R supposes that all states lie on one line: every entry of their covariance is 1e6 times a hundredth of the series'
    variance (stats:::makeBSM), around the first value.
    """
    printed = np.array(
        [
            *(123.5734, 132.7833, 157.1427, 130.8971, 260.8078, 312.6060, 311.6160, 311.0830),
            *(414.6160, 298.6147, 382.6912, 390.9089, 452.5683),
        ]
    )
    values = airline()[0][None]
    of_r = Beginning(values[:, 0], 1e6 * np.nanvar(values, axis=1, ddof=1) / 100, np.ones((MONTHS + 1, 1)))
    found = smooth_structural(values, structural(22.4444, 0, 168.7009, 0), of_r).mean[0, MISSING]
    np.testing.assert_allclose(found, printed, atol=2e-4)


NOISE, STEP = 15099.0, 1469.1


def local_level(initial: float) -> Autoregressions:
    return Autoregressions(np.array([[1.0]]), np.array([[STEP]]), np.array([NOISE]), np.array([[initial]]))


def test_the_likelihood_of_the_nile():
    """The local level of the Nile's flow at Aswan, 1871 to 1970 (Durbin & Koopman 2012, 2.2.5: variances 15099 and
    1469.1, a_1 = 0, P_1 = 1e7).
    """
    flow = nile.load_pandas().data["volume"].to_numpy(dtype=np.float64)[None]
    assert log_likelihood(flow, local_level(1e7))[0] == pytest.approx(-641.5856, abs=5e-5)
    found = smooth(flow, local_level(1e7))
    assert found.log_likelihood[0] == pytest.approx(-641.5856, abs=5e-5)
    # In the middle the filter is steady: P = s x with x^2 = q (x + 1), q = step / noise, s = noise (their 2.11), and of
    # an innovation 1 / (1 + x) = L is left a year later. Then N = 1 / F / (1 - L^2), and V = P - P N P (their 2.43).
    q = STEP / NOISE
    x = (q + np.sqrt(q**2 + 4 * q)) / 2
    steady = NOISE * x * (1 - x / (1 + x) / (1 - (1 + x) ** -2))
    assert found.variance[0, 50] == pytest.approx(steady, rel=1e-6)
