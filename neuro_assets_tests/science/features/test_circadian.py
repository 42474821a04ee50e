"""The circadian family: its known answers, slow loops over random and real days, what is not told, and edges."""

import csv
import time
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_assets.science.features.circadian import CIRCADIAN
from neuro_assets.science.features.cosinor import fit_cosinor
from neuro_assets.science.features.rhythm import (
    Span,
    interdaily_stability_ggir,
    interdaily_stability_pyactigraphy,
    intradaily_variability_ggir,
    intradaily_variability_pyactigraphy,
    phi,
)
from neuro_assets_tests.science.features import slow_circadian as slow
from neuro_assets_tests.science.features.windows import FEATURES, MINUTES, told

VARIANTS = {
    interdaily_stability_pyactigraphy: slow.stability_pyactigraphy,
    interdaily_stability_ggir: slow.stability_ggir,
    intradaily_variability_pyactigraphy: slow.variability_pyactigraphy,
    intradaily_variability_ggir: slow.variability_ggir,
}


@pytest.mark.parametrize(
    "known", [(f.name, k) for f in CIRCADIAN for k in f.known], ids=lambda k: f"{k[0]}: {k[1].told}"
)
def test_definitions_give_their_known_answers(known):
    assert known[1].holds(), known[1].compute()


# --- slow and obvious ----------------------------------------------------------------------------------------------


def hours_apart(one: float, other: float) -> float:
    return (one - other + 12) % 24 - 12


def agree(values: np.ndarray) -> int:
    """Compare everybody with the loops; how many there were to compare."""
    span, compared = Span(values), 0
    found = {name: compute(span) for name, compute in FEATURES.items()}
    fit = fit_cosinor(span, at=1)
    others = {variant: variant(span) for variant in VARIANTS}
    for i, person in enumerate(values):
        cells = slow.cells_of(person)
        if not slow.is_enough(cells, *person.shape):
            assert all(np.isnan(of_people[i]) for of_people in [*found.values(), *others.values()])
            continue
        if len(set(cells.values())) == 1:
            continue
        compared += 1
        for name, expected in slow.all_of(person).items():
            if name != "cosinor_acrophase_h":
                assert found[name][i] == pytest.approx(expected, rel=1e-7, abs=1e-9, nan_ok=True), (i, name)
        for at, peak_h in ((0.5, found["cosinor_acrophase_h"][i]), (1, fit.acrophase_h[i])):
            assert hours_apart(peak_h, slow.cosinor(cells, person.shape[1], at)[2]) == pytest.approx(0, abs=1e-6)
        enough_steps = len(slow.steps(cells, person.shape[1])) >= person.shape[1]
        for variant, compute in VARIANTS.items():
            is_told = enough_steps or "intradaily" not in variant.__name__
            expected = compute(cells, person.shape[1]) if is_told else np.nan
            assert others[variant][i] == pytest.approx(expected, rel=1e-9, nan_ok=True), (i, variant)
        assert found["cosinor_r2"][i] <= found["interdaily_stability"][i] + 1e-12
    return compared


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    days=st.integers(2, 8),
    a_day=st.sampled_from([24, 48]),
    holes=st.sampled_from([0.0, 0.1, 0.3, 0.45]),
    kind=st.sampled_from(["counts", "rates", "rare"]),
)
def test_random_days_with_holes_agree_with_loops(seed, days, a_day, holes, kind):
    random = np.random.default_rng(seed)
    shape = (3, days, a_day)
    values = {
        "counts": lambda: random.poisson(2, shape).astype(float),
        "rates": lambda: random.normal(70, 12, shape),
        "rare": lambda: (random.random(shape) < 0.2).astype(float),  # with many ties
    }[kind]()
    values[random.random(shape) < holes] = np.nan
    agree(values)


def hourly_steps(file: Path) -> np.ndarray:
    """(people, days, 24) of a Fitabase file, which has no hour that the clock skips."""
    with file.open() as lines:
        rows = [
            (r["Id"], datetime.strptime(r["ActivityHour"], "%m/%d/%Y %I:%M:%S %p"), float(r["StepTotal"]))
            for r in csv.DictReader(lines)
        ]
    people = sorted({who for who, _, _ in rows})
    first, last = min(t for _, t, _ in rows).date(), max(t for _, t, _ in rows).date()
    values = np.full((len(people), (last - first).days + 1, 24), np.nan)
    for who, at, steps in rows:
        values[people.index(who), (at.date() - first).days, at.hour] = steps
    return values


def test_hourly_steps_of_real_people_agree_with_loops(fitabase):
    compared = 0
    for file in fitabase["hourly_steps"]:
        values = hourly_steps(file)
        assert np.isnan(values).any()  # people who came later or left
        compared += agree(values[:, :14]) + agree(values)
    assert compared > 50


def test_phi_is_the_most_likely_coefficient():
    """The likelihood again, from the covariance matrix of an AR(1) process instead of sums."""
    from scipy.optimize import minimize_scalar

    random = np.random.default_rng(4)
    values = random.normal(size=(4, 3, 24)).cumsum(axis=1).cumsum(axis=2) + random.normal(size=(4, 3, 24)) * 3
    values[2, 1, 3:9] = np.nan
    values[3] = -np.abs(values[3]) * (-1) ** np.arange(24)

    def loss(coefficient: float, x: np.ndarray) -> float:
        gap = np.abs(np.subtract.outer(np.arange(len(x)), np.arange(len(x))))
        shape = coefficient**gap / (1 - coefficient**2)
        inverse, ones = np.linalg.inv(shape), np.ones(len(x))
        z = x - (ones @ inverse @ x) / (ones @ inverse @ ones)
        return len(x) * np.log(z @ inverse @ z) + np.linalg.slogdet(shape)[1]

    for person, found in zip(values, phi(Span(values)), strict=True):
        observed = person[~np.isnan(person)]
        best: Any = minimize_scalar(
            loss, bounds=(-0.9999, 0.9999), args=(observed,), method="bounded", options={"xatol": 1e-9}
        )
        assert found == pytest.approx(best.x, abs=1e-5)


# --- what is not told, and edges -----------------------------------------------------------------------------------


def random_days(days: int = 4) -> np.ndarray:
    return np.random.default_rng(7).poisson(3, (1, days, 24)).astype(float)


def test_time_of_the_clock_that_was_seen_once_is_too_little():
    values = random_days()
    values[0, :2, 5] = np.nan
    assert not any(np.isnan(v) for v in told(Span(values)).values())
    values[0, 2, 5] = np.nan
    assert all(np.isnan(v) for v in told(Span(values)).values())
    assert np.isnan(phi(Span(values))[0])


def test_half_of_the_window_is_enough_and_one_value_less_is_not():
    values = random_days(6)
    values[0, 3:] = np.nan
    assert not any(np.isnan(v) for v in told(Span(values)).values())
    values[0, 0, 0] = np.nan  # that hour was still seen on two days
    assert all(np.isnan(v) for v in told(Span(values)).values())


def test_days_without_neighbours_have_no_autocorrelation():
    values = random_days(6)
    values[0, 1::2] = np.nan
    assert [name for name, v in told(Span(values)).items() if np.isnan(v)] == ["autocorrelation_24h"]
    values[0, 1, :11] = 1.0  # 11 pairs with the day before, 11 with the day after
    values[0, 1, 0] = 2.0
    assert np.isnan(told(Span(values))["autocorrelation_24h"])
    values[0, 1, 11] = 1.0
    assert not np.isnan(told(Span(values))["autocorrelation_24h"])


def test_hours_without_neighbours_have_no_variability():
    values = random_days(6)
    values[0, ::2, 1::2] = values[0, 1::2, ::2] = np.nan  # of all hours, two at midnight have a neighbour
    missing = {name for name, v in told(Span(values)).items() if np.isnan(v)}
    assert missing == {"intradaily_variability", "autocorrelation_24h"}
    assert np.isnan(intradaily_variability_ggir(Span(values))[0])
    assert np.isnan(intradaily_variability_pyactigraphy(Span(values))[0])


def test_levels_below_zero_have_no_relative_amplitude():
    day = np.repeat([-100.0, 300.0], 12)  # it would be 2
    assert np.isnan(told(Span(np.tile(day, (1, 3, 1))))["relative_amplitude"])


@pytest.mark.parametrize("level", [0.0, 0.1, 70.3])
def test_constant_has_levels_but_neither_variance_nor_hours(level):
    found = told(Span(np.full((1, 5, 24), level)))
    levels = {"l5", "m10", "cosinor_mesor", "cosinor_amplitude"} | ({"relative_amplitude"} if level else set())
    assert {name for name, v in found.items() if not np.isnan(v)} == levels
    assert (found["l5"], found["m10"], found["cosinor_mesor"]) == pytest.approx((level, level, level))
    assert found["cosinor_amplitude"] == 0
    assert np.isnan(phi(Span(np.full((1, 5, 24), level))))


def test_days_that_vary_around_a_flat_mean_day_have_no_hours():
    values = np.repeat([[[1.0], [3.0]]], 24, axis=2)  # one level a day
    found = told(Span(values))
    assert found["interdaily_stability"] == found["cosinor_amplitude"] == found["relative_amplitude"] == 0
    assert {n for n, v in found.items() if np.isnan(v)} == {
        "l5_onset_h",
        "m10_onset_h",
        "cosinor_acrophase_h",
        "autocorrelation_24h",  # both sides of the pairs are constant
    }


@pytest.mark.parametrize("shape", [(2, 3, 24), (2, 1, 24), (0, 3, 24)])
def test_nothing_observed_is_nothing_told_and_no_warning(shape):
    span = Span(np.full(shape, np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for compute in [*FEATURES.values(), *VARIANTS, phi]:
            assert np.isnan(compute(span)).tolist() == [True] * shape[0]


def test_identical_days_are_stable_whatever_is_missing():
    day = np.where(np.arange(24) == 23, 1000.0, 1.0)
    values = np.tile(day, (1, 6, 1))
    values[0, :4, 23] = np.nan  # the one active hour was seen twice only
    found = told(Span(values))
    assert found["interdaily_stability"] == found["autocorrelation_24h"] == 1
    # by hand: mean day about its mean / values about it: N 24 d^2 23/24 / (24 (138 d^2 / 24^2 + 2 d^2 (23 / 24)^2))
    about = 23 / 24**2 * 6 + 2 * (23 / 24) ** 2
    assert interdaily_stability_ggir(Span(values))[0] == pytest.approx(140 * 23 / 24 / (24 * about))


def test_rounding_leaves_values_in_their_range():
    random = np.random.default_rng(3)
    days = np.repeat(random.gamma(0.5, 300, (1_000, 1, 24)), 5, axis=1)
    days[random.random(days.shape) < 0.1] = np.nan
    stability = FEATURES["interdaily_stability"](Span(days))
    assert np.nanmax(stability) == 1
    assert np.nanmin(stability) == pytest.approx(1, abs=1e-12)
    # peaks at midnight, a rounding error before it or after it: 24:00 is 0:00
    cosines = random.gamma(2, 1, (1_000, 1, 1)) * np.cos(2 * np.pi * np.arange(24) / 24) + random.gamma(
        2, 1, (1_000, 1, 1)
    )
    peak_h = fit_cosinor(Span(np.repeat(cosines, 3, axis=1)), at=0).acrophase_h
    assert ((peak_h >= 0) & (peak_h < 24)).all()
    assert np.minimum(peak_h, 24 - peak_h) == pytest.approx(np.zeros(1_000), abs=1e-12)


def test_night_over_midnight_begins_before_it_and_the_earliest_of_equals_counts():
    day = np.full(24, 5.0)
    day[[22, 23, 0, 1, 2]] = 0
    found = told(Span(np.tile(day, (1, 3, 1))))
    assert (found["l5_onset_h"], found["l5"]) == (22, 0)
    assert found["m10_onset_h"] == 3  # 3 to 12 are equal
    day[:] = 1
    day[[4, 5, 6, 7, 8, 9]] = 0.1  # two windows of five: 0.1 is not exact, 4 is the earlier
    assert told(Span(np.tile(day, (1, 3, 1))))["l5_onset_h"] == 4


def test_hours_and_minutes_tell_the_same_peak():
    minutes = 100 + 50 * np.cos(2 * np.pi * (np.arange(MINUTES) + 0.5 - 15.2 * 60) / MINUTES)
    span = Span(np.tile(minutes, (1, 3, 1)))
    for s in (span, span.hourly()):
        assert told(s)["cosinor_acrophase_h"] == pytest.approx(15.2, abs=1e-9)
    begin, end = (fit_cosinor(span.hourly(), at=at).acrophase_h[0] for at in (0, 1))
    assert (begin, end) == pytest.approx((14.7, 15.7), abs=1e-9)
    assert told(span.hourly())["l5_onset_h"] == 1  # 3.2 is the trough; 1 to 5 is nearer to it than 0 to 4


def test_hour_is_the_mean_of_what_was_observed_in_it():
    minutes = np.full((1, 2, MINUTES), np.nan)
    minutes[0, 0, :60] = 4.0
    minutes[0, 0, 60:62] = (1.0, 2.0)
    hours = Span(minutes).hourly().values
    assert hours[0, 0, :2].tolist() == [4.0, 1.5]
    assert np.isnan(hours).sum() == 46


@pytest.mark.parametrize("shape", [(2, 24), (1, 2, 23), (1, 0, 24), (1, 2, 0)])
def test_windows_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="multiple of 24"):
        Span(np.zeros(shape))


def test_values_that_cannot_say_unobserved_or_are_infinite_are_refused():
    with pytest.raises(TypeError, match="float64"):
        Span(np.zeros((1, 2, 24), dtype=np.int64))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="infinite"):
        Span(np.full((1, 2, 24), np.inf))


def test_a_thousand_people_take_well_under_a_second():
    values = np.random.default_rng(1).gamma(0.5, 300, (1_000, 28, 24))
    values[np.random.default_rng(2).random(values.shape) < 0.2] = np.nan
    begin = time.perf_counter()
    found = [compute(Span(values)) for compute in FEATURES.values()]  # nothing shared between them
    took_s = time.perf_counter() - begin
    assert not np.isnan(found).any()
    assert took_s < 2  # 0.15 s on an idle core
