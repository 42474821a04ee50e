"""Made-up samples whose answers are known."""

import numpy as np

from neuro_assets.science.models.metrics import Predictions
from neuro_assets.science.models.samples import Samples, samples_of

START = np.datetime64("2024-01-01")


def noise(
    seed: int = 0, people: int = 20, days: int = 30, features: int = 8, person_sd: float = 0.0, missing: float = 0.0
) -> Samples:
    """Features and outcomes that know nothing of each other; outcomes differ by person with `person_sd` (log-odds)."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), days)
    values = rng.normal(size=(people * days, features))
    values[rng.random(values.shape) < missing] = np.nan
    score = rng.normal(size=len(who)) + (person_sd * rng.normal(size=people))[who]
    return samples_of(
        values,
        [f"f{i}" for i in range(features)],
        score > 0,
        [f"p{i:03d}" for i in who],
        START + np.tile(np.arange(days), people),
        score=score,
    )


def with_signal(seed: int = 0, people: int = 30, days: int = 30, strength: float = 1.5) -> Samples:
    """The outcome's log-odds are `strength` times the first of five features; people do not differ."""
    rng = np.random.default_rng(seed)
    found = noise(seed, people, days, 5)
    outcome = rng.random(len(found)) < 1 / (1 + np.exp(-strength * found.values[:, 0]))
    return samples_of(found.values, found.names, outcome, found.people, found.day)


def who_they_are(seed: int = 0, people: int = 20, days: int = 40) -> Samples:
    """The outcome differs by person only; features tell people apart, and nothing else."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), days)
    share = rng.permutation(np.linspace(0.05, 0.95, people))
    place = rng.normal(size=(people, 4))
    values = place[who] + 0.05 * rng.normal(size=(len(who), 4))
    outcome = rng.random(len(who)) < share[who]
    return samples_of(values, "abcd", outcome, [f"p{i:03d}" for i in who], START + np.tile(np.arange(days), people))


def predictions(
    outcome: list[int] | np.ndarray,
    probability: list[float] | np.ndarray,
    threshold: float = 0.5,
    units: np.ndarray | None = None,
    fold: np.ndarray | None = None,
) -> Predictions:
    """Predictions of one fold and a unit a row, unless told otherwise."""
    y, p = np.asarray(outcome, dtype=np.int8), np.asarray(probability, dtype=np.float64)
    return Predictions(
        y,
        p,
        p > threshold,
        np.arange(len(y)) if units is None else np.asarray(units),
        np.zeros(len(y), dtype=np.int64) if fold is None else np.asarray(fold),
    )
