"""The simulated study in memory, and its making.

Artefacts of an export (two periods, the cut day, duplicated rows) are added by `write`.
"""

from dataclasses import dataclass

import pandas as pd

from neuro_assets.simulate import frames
from neuro_assets.simulate.heart_rate import draw_heart_rate
from neuro_assets.simulate.plan import SimulationPlan
from neuro_assets.simulate.planted import plant
from neuro_assets.simulate.ratings import answers, draw_ratings, ratings_truth
from neuro_assets.simulate.truth import truth_tables


@dataclass(frozen=True)
class SimulatedStudy:
    """A study with the vendor's columns, row order and naive local times; each measurement stands once.

    `daily_activity` holds complete days; `daily_activity_at_cut` the rows of the day of `plan.export_cut` as
    an export taken then saw them. `participants` maps participant_id to the 10-digit vendor_id. `answers` are those
    of the instrument `ratings.INSTRUMENT`. The tables of `truth` are described in `truth.truth_tables` and
    `ratings.ratings_truth`.
    """

    plan: SimulationPlan
    participants: pd.DataFrame
    daily_activity: pd.DataFrame
    daily_activity_at_cut: pd.DataFrame
    sleep_day: pd.DataFrame
    hourly_steps: pd.DataFrame
    hourly_calories: pd.DataFrame
    hourly_intensities: pd.DataFrame
    heartrate: pd.DataFrame
    answers: pd.DataFrame
    truth: dict[str, pd.DataFrame]


def simulate_study(plan: SimulationPlan) -> SimulatedStudy:
    """Simulate the study of a plan. Equal plans give equal studies."""
    planted = plant(plan)
    ratings = draw_ratings(planted)
    truth = truth_tables(planted) | {"ratings": ratings_truth(planted, ratings)}
    return SimulatedStudy(
        plan=plan,
        participants=truth["people"].filter(items=["participant_id", "vendor_id"]),
        daily_activity=frames.daily_activity(planted),
        daily_activity_at_cut=frames.daily_activity_at_cut(planted),
        sleep_day=frames.sleep_day(planted),
        hourly_steps=frames.hourly_steps(planted),
        hourly_calories=frames.hourly_calories(planted),
        hourly_intensities=frames.hourly_intensities(planted),
        heartrate=draw_heart_rate(planted),
        answers=answers(planted, ratings),
        truth=truth,
    )
