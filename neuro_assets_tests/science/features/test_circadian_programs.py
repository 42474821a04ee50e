"""The circadian family on the inputs of other programs' tests: GGIR, pyActigraphy and LightLogR."""

import numpy as np
import pytest

from neuro_assets.science.features.cosinor import fit_cosinor
from neuro_assets.science.features.rhythm import (
    Span,
    interdaily_stability_ggir,
    interdaily_stability_pyactigraphy,
    intradaily_variability_ggir,
    intradaily_variability_pyactigraphy,
    phi,
)
from neuro_assets_tests.science.features.r_random import r_normal, r_sample
from neuro_assets_tests.science.features.windows import FEATURES, MINUTES, span_of, told


def test_normals_and_samples_are_those_of_r():
    # set.seed(1234); rnorm(4) and set.seed(1); sample(1:1000, 4), as every R since 3.6 prints them
    assert r_normal(1234, 4) == pytest.approx([-1.2070657, 0.2774292, 1.0844412, -2.3456977], abs=5e-8)
    assert r_sample(1, 1000, 4).tolist() == [836, 679, 129, 930]


def ggir_noise(*, is_same_days: bool, is_missing: bool) -> Span:
    """Minutes of GGIR's tests/testthat/test_g.IVIS.R (388064b): days of the same noise, or each day a number."""
    noise = r_normal(1234, MINUTES)
    noise = np.abs(noise) if is_missing else noise * 1000
    minutes = np.tile(noise, 7) if is_same_days else np.repeat(np.arange(8.0), MINUTES)
    if is_missing:
        minutes[MINUTES : 2 * MINUTES] = np.nan
    return span_of(minutes, MINUTES).hourly()


@pytest.mark.parametrize(
    ("is_same_days", "is_missing", "stability", "variability", "coefficient"),
    [
        (True, False, 1, 2.244335, -0.1453851),
        (False, False, 0, 0, 0.9982517),
        (True, True, 1, 2.51238, -0.2577584),
        (False, True, 0, 0, 0.9972666),
    ],
)
def test_stability_variability_and_phi_of_ggirs_noise(is_same_days, is_missing, stability, variability, coefficient):
    span = ggir_noise(is_same_days=is_same_days, is_missing=is_missing)
    found = told(span)
    # GGIR's own tolerances: 0.01, 0.05 and 0.001; its zeros are 0.0070 and 0.0060, from the seven steps at midnight
    assert found["interdaily_stability"] == pytest.approx(stability, abs=1e-12)
    assert interdaily_stability_ggir(span)[0] == pytest.approx(stability, abs=1e-12)
    assert intradaily_variability_ggir(span)[0] == pytest.approx(variability, rel=1e-6, abs=0.01)
    assert phi(span)[0] == pytest.approx(coefficient, abs=1e-4)
    # ours divides by the differences that there are: a day without values has 23 + 1 fewer, the closed-up record 1
    pairs_per_n = 143 / 142 if is_missing and is_same_days else 1
    assert found["intradaily_variability"] == pytest.approx(variability * pairs_per_n, rel=1e-6, abs=0.01)


@pytest.mark.parametrize("begin_h", [0, 15, 7])
def test_cosinor_and_variability_of_ggirs_sine(begin_h):
    # tests/testthat/test_cosinor.R (388064b): 1000 (sin + 1) mg from a minute after midnight on; from 9 and 17 h before
    # midnight on as well, where the first day is filled up. It fits log(mg + 1), each minute at its end.
    first = 1 / MINUTES - (24 - begin_h) % 24 / 24
    mg = 1000 * (np.sin(2 * np.pi * (first + np.arange(7 * MINUTES) / MINUTES)) + 1)
    fit = fit_cosinor(span_of(np.log(mg + 1), MINUTES, begin_h=begin_h), at=1)
    assert fit.mesor[0] == pytest.approx(6.259326, abs=1e-6)
    assert fit.amplitude[0] == pytest.approx(1.912535, abs=1e-6)
    assert fit.acrophase_h[0] == pytest.approx(6, abs=1e-9)
    found = told(span_of(mg, MINUTES, begin_h=begin_h).hourly())
    assert found["interdaily_stability"] == pytest.approx(1, abs=1e-9)
    assert found["intradaily_variability"] == pytest.approx(0.06774028, abs=1e-8 if begin_h == 0 else 1e-3)


def test_missing_day_leaves_ggirs_sine_as_it_is():
    mg = 1000 * (np.sin(2 * np.pi * np.arange(1, 7 * MINUTES + 1) / MINUTES) + 1)
    mg[MINUTES - 1 : 2 * MINUTES] = np.nan  # test_cosinor.R, "handling of missing data"; its tolerance is 0.1
    fit = fit_cosinor(span_of(np.log(mg + 1), MINUTES), at=1)
    # exact but for the minute at midnight, which is missing twice
    assert [fit.mesor[0], fit.amplitude[0], fit.acrophase_h[0]] == pytest.approx([6.259326, 1.912535, 6], abs=1e-3)


# pyActigraphy (e9e5e64) tests/test_rar.py and generate_dataset.py: 20160 minutes from 8:00 on.
FORTNIGHT, FROM_H = 20160, 8
SINE = 100 * np.sin(2 * np.pi / 86400 * 60 * np.arange(FORTNIGHT))


def test_noise_is_as_stable_as_its_days_are_many_and_varies_by_two():
    span = span_of(np.random.default_rng(0).normal(100, 10, FORTNIGHT), MINUTES, begin_h=FROM_H)
    found = told(span)
    assert interdaily_stability_pyactigraphy(span)[0] == pytest.approx(1 / 14, rel=0.1)
    assert found["interdaily_stability"] == pytest.approx(1 / 14, rel=0.1)
    assert intradaily_variability_pyactigraphy(span)[0] == pytest.approx(2, rel=0.01)
    assert found["intradaily_variability"] == pytest.approx(2, rel=0.01)


def test_sine_is_wholly_stable_and_hardly_varies_by_the_minute():
    span = span_of(SINE, MINUTES, begin_h=FROM_H)
    found = told(span)
    assert found["interdaily_stability"] == pytest.approx(1, abs=1e-12)
    # by the identity, 1440 / 1439 * 20159 / 20160: pyActigraphy's test allows 0.01
    assert interdaily_stability_pyactigraphy(span)[0] == pytest.approx(1440 / 1439 * 20159 / 20160, abs=1e-12)
    # 2 (1 - cos of a step) is what it tends to
    assert found["intradaily_variability"] == pytest.approx(2 * (1 - np.cos(2 * np.pi / 1440)), rel=1e-3)
    assert intradaily_variability_pyactigraphy(span)[0] == pytest.approx(0, abs=0.001)


def test_eight_masked_hours_leave_a_sine_stable():
    masked = SINE + 100  # tests/test_mask.py: the third day from 6:00 to 14:00 is not observed
    begin = 2 * MINUTES - 2 * 60
    masked[begin : begin + 8 * 60 + 1] = np.nan
    span = span_of(masked, MINUTES, begin_h=FROM_H)
    assert told(span)["interdaily_stability"] == pytest.approx(1, abs=1e-12)
    assert interdaily_stability_pyactigraphy(span)[0] == pytest.approx(1, abs=0.01)
    assert interdaily_stability_ggir(span)[0] != pytest.approx(1, abs=1e-3)  # each time weighs the same there


def test_square_wave_has_its_two_levels_and_full_amplitude():
    square = 100 * np.sign(SINE / 100)
    found = told(span_of(square, MINUTES, begin_h=FROM_H))
    assert (found["l5"], found["m10"]) == (-100, 100)
    assert np.isnan(found["relative_amplitude"])  # of amounts only
    binary = (square > 4).astype(float)  # what its RA does unless told not to
    assert told(span_of(binary, MINUTES, begin_h=FROM_H))["relative_amplitude"] == 1


def test_noisy_sine_has_its_peak_six_hours_after_its_begin():
    # tests/test_cosinor.py: numpy's seed 0, 100 + 100 sin with noise of variance 100 from 8:00 on; -pi / 2 +- 0.05
    noisy = 100 + SINE[:10080] + np.random.RandomState(0).normal(scale=10, size=10080)
    span = span_of(noisy, MINUTES, begin_h=8)
    fit = fit_cosinor(span, at=0)
    assert fit.acrophase_h[0] == pytest.approx(14, abs=0.05 * 12 / np.pi)
    assert fit.amplitude[0] == pytest.approx(100, rel=0.05)
    assert fit.mesor[0] == pytest.approx(100, rel=0.05)
    # the noise has a variance of 100, the sine one of 5000
    assert fit.r2[0] == pytest.approx(5000 / 5100, abs=0.003)


def test_samples_of_lightlogr_have_its_printed_values():
    # The examples of its pages interdaily_stability and intradaily_variability, two values an hour, to three digits.
    # They are those of pyActigraphy's divisors.
    week = span_of(r_sample(1, 1000, 24 * 7 * 2), 48).hourly()
    assert round(float(interdaily_stability_pyactigraphy(week)[0]), 3) == 0.153
    days = span_of(r_sample(1, 1000, 24 * 2 * 2), 48).hourly()
    assert round(float(intradaily_variability_pyactigraphy(days)[0]), 2) == 1.71


@pytest.mark.parametrize(("days", "a_day"), [(7, 24), (28, 24), (3, 48)])
def test_divisors_of_pyactigraphy_are_a_factor_without_holes(days, a_day):
    values = np.random.default_rng(days).gamma(0.5, 300, (20, days, a_day))
    span, n = Span(values), days * a_day
    factor = a_day / (a_day - 1) * (n - 1) / n
    assert interdaily_stability_pyactigraphy(span) == pytest.approx(factor * FEATURES["interdaily_stability"](span))
    assert interdaily_stability_ggir(span) == pytest.approx(FEATURES["interdaily_stability"](span))
    assert intradaily_variability_ggir(span) == pytest.approx(FEATURES["intradaily_variability"](span))
    if (days, a_day) == (7, 24):  # 0.8652 for 0.8341, in the notes on pyActigraphy and Van Someren
        assert factor == pytest.approx(0.8652 / 0.8341, abs=1e-4)
