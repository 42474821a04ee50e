"""Smoothing the minutes of 1,000 people, against statsmodels; and a month of theirs in bounded memory."""

import os
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from statsmodels.tsa.statespace.kalman_filter import FILTER_CONVENTIONAL, FILTER_UNIVARIATE
from statsmodels.tsa.statespace.kalman_smoother import (
    SMOOTH_CONVENTIONAL,
    SMOOTH_UNIVARIATE,
    SMOOTHER_STATE,
    SMOOTHER_STATE_COV,
    KalmanSmoother,
)
from statsmodels.tsa.statespace.structural import UnobservedComponents

from neuro_assets.science.imputation.kalman import Autoregressions, smooth
from neuro_assets_tests.benchmarks.report import Section, Target
from neuro_assets_tests.benchmarks.timing import apart, take_turns, timed

PEOPLE, MINUTES, DAYS = 1_000, 1_440, 30
# statsmodels takes one series at a time: so many are measured, and their time is scaled.
MEASURED, ROUNDS = 100, 5
GB = 1e9
PHI, STEP, NOISE, INITIAL = (1.0, 0.9), (0.01, 0.2), 0.5, (5.0, 1.0)
OURS = "this project: all at once"
CONVENTIONAL, UNIVARIATE = "(a) statsmodels KalmanSmoother, conventional", "(a) statsmodels KalmanSmoother, univariate"
COMPONENTS = "(b) statsmodels UnobservedComponents.smooth"


def imputation(root: Path, rounds: int = ROUNDS) -> Section:
    """Two states (a level and an autoregression) and noise; a fifth of the values is missing in gaps."""
    values, model = random_minutes(PEOPLE, MINUTES), two_states(PEOPLE)
    some = values[:MEASURED].astype(np.float64)
    components = [UnobservedComponents(row, "llevel", autoregressive=1) for row in some]
    ways: dict[str, Callable[[], object]] = {
        OURS: lambda: smooth(values, model),
        CONVENTIONAL: lambda: [leanest(row, univariate=False) for row in some],
        UNIVARIATE: lambda: [leanest(row, univariate=True) for row in some],
        COMPONENTS: lambda: [c.smooth([NOISE, STEP[0], STEP[1], PHI[1]]) for c in components],
    }
    # Compiled, and equal: a time for other numbers would be no measurement.
    found = smooth(values, model)
    for n in (0, MEASURED - 1):
        mean, variance = leanest(some[n], univariate=False)
        np.testing.assert_allclose(found.mean[n], mean, atol=1e-5)
        np.testing.assert_allclose(found.variance[n], variance, atol=1e-5)
    times = take_turns(rounds, {name: lambda _, work=work: timed(work) for name, work in ways.items()})
    scale = PEOPLE / MEASURED
    seconds = {name: t.median * (1 if name == OURS else scale) for name, t in times.items()}
    months = [apart(_MONTH, root) for _ in range(3)]
    month, extra = median(m.told["seconds"] for m in months), max(m.told["extra"] for m in months)
    rows = [
        (name, "1 day", f"{PEOPLE if name == OURS else MEASURED:,}", times[name].shown, f"{seconds[name]:.2f} s")
        for name in ways
    ]
    rows.append((OURS, f"{DAYS} days", f"{PEOPLE:,}", f"{month:.2f} s", f"{month:.2f} s"))
    lean = min(seconds[CONVENTIONAL], seconds[UNIVARIATE])
    return Section(
        "Kalman smoothing",
        f"Means and variances of {PEOPLE:,} series of {MINUTES:,} minutes in float32, two states and noise of known"
        f" variances, a fifth of the values missing; {rounds} rounds in one process after a call that compiles, ours on"
        f" {os.cpu_count()} threads. statsmodels takes one series at a time: {MEASURED} are measured and their time is"
        f" multiplied by {scale:g}. Its `KalmanSmoother` is asked for states and their variances alone; the models of"
        f" `UnobservedComponents` are made before the clock runs. {DAYS} days: median of three processes that have"
        " compiled; memory is the most that the kernel saw beyond what was held when the call began, the result and"
        " the work space.",
        ("way", "series of", "series", "median (range)", f"of {PEOPLE:,} series"),
        rows,
        (
            Target("the leaner KalmanSmoother (a) over ours", lean / seconds[OURS], 50, "x", is_floor=True),
            Target("UnobservedComponents (b) over ours", seconds[COMPONENTS] / seconds[OURS], 150, "x", is_floor=True),
            Target(f"memory of {DAYS} days at once, beyond the values", extra / GB, 1.0, "GB"),
        ),
    )


def random_minutes(people: int, length: int) -> np.ndarray:
    """Return (people, length) in float32: a level that drifts, what fades, noise, and gaps of 20 minutes."""
    rng = np.random.default_rng(1)
    values = np.empty((people, length), dtype=np.float32)
    for row in values:
        row[:] = rng.normal(0, STEP[0] ** 0.5, length).cumsum() + rng.normal(0, 1, length)
        row[: length // 20 * 20].reshape(-1, 20)[rng.random(length // 20) < 0.2] = np.nan
    return values


def two_states(people: int) -> Autoregressions:
    """The same variances for everybody."""
    phi, step, initial = (np.tile(of, (people, 1)) for of in (PHI, STEP, INITIAL))
    return Autoregressions(phi, step, np.full(people, NOISE), initial)


def leanest(row: np.ndarray, *, univariate: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the states' sum, and as little else as statsmodels can be asked for."""
    model = KalmanSmoother(
        k_endog=1,
        k_states=2,
        filter_method=FILTER_UNIVARIATE if univariate else FILTER_CONVENTIONAL,
        smooth_method=SMOOTH_UNIVARIATE if univariate else SMOOTH_CONVENTIONAL,
        smoother_output=SMOOTHER_STATE | SMOOTHER_STATE_COV,
    )
    model.bind(row)
    model["design"] = np.ones((1, 2))
    model["transition"] = np.diag(PHI)
    model["selection"] = np.eye(2)
    model["state_cov"] = np.diag(STEP)
    model["obs_cov"] = np.array([[NOISE]])
    model.initialize_known(np.zeros(2), np.diag(INITIAL))
    found = model.smooth()
    return found.smoothed_state.sum(axis=0), found.smoothed_state_cov.sum(axis=(0, 1))


# The kernel forgets the most that was held when it is asked to (proc(5), clear_refs).
_MONTH = f"""
import pathlib, re
from neuro_assets.science.imputation.kalman import smooth
from neuro_assets_tests.benchmarks.imputation import random_minutes, two_states
from neuro_assets_tests.benchmarks.timing import timed
smooth(random_minutes(60, 100), two_states(60))
values, model = random_minutes({PEOPLE}, {DAYS * MINUTES}), two_states({PEOPLE})
pathlib.Path("/proc/self/clear_refs").write_text("5")
def held(what):
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(what + r":\\s+(\\d+)", status)[1]) * 1024
before = held("VmRSS")
found = []
told["seconds"] = timed(lambda: found.append(smooth(values, model)))
told["extra"] = held("VmHWM") - before
assert found[0].mean.dtype == "float32" and found[0].mean.shape == ({PEOPLE}, {DAYS * MINUTES})
"""
