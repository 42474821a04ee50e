"""Studies whose models are known: people with steps of each day and an answer of the next, which follows from them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from neuro_assets.study_models import ModelDeclaration
from neuro_assets_tests.models.conftest import Lake, at

# What every model here is declared as; answers are given at nine, about steps of the day before.
STEPS: dict[str, object] = {
    "outcome": {"instrument": "ema_mood", "item": "stress"},
    "positive_at_least": 3,
    "features": ["steps.total", "steps.active_min"],
    "pipelines": ["logistic"],
    "n_folds": 4,
}


@dataclass(frozen=True)
class Diary:
    """People with answers.

    Attributes:
        people: how many.
        days: answered, from the second day of the study on.
        signal: how much the answer follows from the steps; 0 not at all.
        seed: of the draws; a longer diary begins as a shorter one does.
        shift: added to the steps from `shifted_from` on, in standard deviations.
        shifted_from: day.
        weak: active minutes tell a little of it, too.
    """

    people: int = 10
    days: int = 12
    signal: float = 2.0
    seed: int = 1
    shift: float = 0.0
    shifted_from: int = 10**6
    weak: bool = False

    def put(self, lake: Lake, answered: Iterable[tuple[int, int]] | None = None) -> None:
        """Rows of features and of answers; only the answers of these (person, day) where they are said."""
        kept = set(answered) if answered is not None else None
        for person in range(self.people):
            rng = np.random.default_rng([self.seed, person])
            for n in range(self.days + 1):
                steps, active, noise = rng.normal(size=3)
                active = (steps + active) / np.sqrt(2) if self.weak else active
                steps += self.shift * (n >= self.shifted_from)
                who = f"P{person:03d}"
                lake.feature("steps", who, n, total=8000 + 2000 * steps, active_min=200 + 40 * active)
                is_stressed = self.signal * steps + noise > 0
                if n < self.days and (kept is None or (person, n + 1) in kept):
                    lake.answer(who, at(n + 1), "ema_mood", {"stress": 4 if is_stressed else 2})


def with_models(lake: Lake, **models: dict[str, object]) -> Lake:
    """The lake's study with these models declared."""
    declared = {name: ModelDeclaration.model_validate(fields) for name, fields in models.items()}
    return replace(lake, job=replace(lake.job, study=lake.job.study.model_copy(update={"models": declared})))


# One row a person: who walks little has more of a PHQ-9.
BY_PERSON: dict[str, object] = {
    "title": "Low mood & <steps>",
    "outcome": {"instrument": "phq9", "score": "total"},
    "positive_at_least": 10,
    "unit": "participant",
    "summary": {"over_days": 7},
    "features": ["steps.total", "steps.active_min"],
    "pipelines": ["logistic"],
    "n_folds": 4,
}


def put_people(lake: Lake, people: int = 40, silent: int = 5, signal: float = 3.0, seed: int = 2) -> None:
    """People with ten days of steps and an answer on the ninth, the last ones without an answer."""
    rng = np.random.default_rng(seed)
    for person in range(people):
        level, noise = rng.normal(size=2)
        who = f"P{person:03d}"
        for n in range(10):
            lake.feature("steps", who, n, total=8000 + 2000 * level + 300 * rng.normal(), active_min=200 + rng.normal())
        if person < people - silent:
            lake.score(who, at(9), "phq9", "total", 15 if -signal * level + noise > 0 else 4)
