"""Tiredness, stress and mood of every morning: levels of people's own, what nights and steps add, and who answers.

Tiredness of a day, on a scale without a unit, is

    level + 0.3 (h slept less, the night that ended that day) + 0.9 (h slept less, the night before it)
          + 2.8 (share of steps less, the day before) + stray

each against the person's own mean over the study, whether the device was worn or not. The night before it has most of
the effect because it is known on the day before, which a forecast is made of. Stress has half of each effect. Mood has
none: it is a level and stray. Levels differ more between people than all effects together do from day to day, so a
model that has met a person seems to know more than it does. `CUTS` turn a rating into an answer of 1 to 5. None of
these numbers is from a source.

Who answers is drawn apart from what would be answered: days are missed at random, one person never answers, one stops
after half of the study.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuro_assets.simulate.arrays import Bools, Floats, Instants, Ints
from neuro_assets.simulate.planted import Planted

INSTRUMENT = "ema_mood"
ITEMS = ("mood", "stress", "tiredness")
LAST_NIGHT = {"mood": 0.0, "stress": 0.15, "tiredness": 0.3}
NIGHT_BEFORE = {"mood": 0.0, "stress": 0.45, "tiredness": 0.9}
"""Of each hour slept less."""
DAY_BEFORE = {"mood": 0.0, "stress": 1.4, "tiredness": 2.8}
"""Of a day without any step."""
LEVEL_SD = 1.1
STRAY_SD = {"mood": 0.8, "stress": 0.6, "tiredness": 0.3}
CUTS = (-1.6, -0.6, 0.6, 1.6)
"""An answer is 1 and one more for each of these that the rating is above; of mood, bad answers are low."""
MISSED_SHARE = 0.12
LEAST_PEOPLE = 3
"""In a smaller study nobody is silent."""
PROMPTED_H = (8.0, 10.5)
AFTER_RISING_MIN = 10


@dataclass(frozen=True)
class Ratings:
    """What everybody feels in the mornings, P x D unless said otherwise, and who tells it.

    Attributes:
        short_night_h: hours slept less than on average, the night that ended on the day.
        short_night_before_h: the same of the night before it, 0 on the first day.
        fewer_steps_share: steps of the day before, as a share below the average; 0 on the first day.
        level: item -> (P,) the person's own.
        rating: item -> level, effects and stray.
        answer: item -> 1 to 5, also where nobody was told.
        answered_at: local wall-clock time at which it is told, or would have been.
        is_answered: whether it is told.
    """

    short_night_h: Floats
    short_night_before_h: Floats
    fewer_steps_share: Floats
    level: dict[str, Floats]
    rating: dict[str, Floats]
    answer: dict[str, Ints]
    answered_at: Instants
    is_answered: Bools


def draw_ratings(planted: Planted) -> Ratings:
    """Draw the mornings of a study. They take nothing from the draws of anything else."""
    rng = planted.plan.generator("ratings")
    shape = len(planted.people), len(planted.clock.days)
    asleep_h = planted.nights.asleep_min[:, : shape[1]] / 60
    short_night = asleep_h.mean(axis=1, keepdims=True) - asleep_h
    fewer_steps = 1 - planted.lived_steps / planted.lived_steps.mean(axis=1, keepdims=True)
    before, fewer_before = _of_the_day_before(short_night), _of_the_day_before(fewer_steps)
    level = {item: rng.normal(0, LEVEL_SD, shape[0]) for item in ITEMS}
    rating = {
        item: level[item][:, None]
        + LAST_NIGHT[item] * short_night
        + NIGHT_BEFORE[item] * before
        + DAY_BEFORE[item] * fewer_before
        + rng.normal(0, STRAY_SD[item], shape)
        for item in ITEMS
    }
    answer = {item: 1 + np.searchsorted(CUTS, values).astype(np.int64) for item, values in rating.items()}
    return Ratings(
        short_night, before, fewer_before, level, rating, answer, _times(planted, rng), _is_answered(rng, *shape)
    )


def _of_the_day_before(values: Floats) -> Floats:
    return np.hstack([np.zeros((len(values), 1)), values[:, :-1]])


def _times(planted: Planted, rng: np.random.Generator) -> Instants:
    """An own time of the morning and some delay, in no case before the person is up (P x D)."""
    clock, shape = planted.clock, (len(planted.people), len(planted.clock.days))
    prompted = rng.uniform(*PROMPTED_H, (shape[0], 1)) * 3600 + rng.exponential(15 * 60, shape)
    prompted = clock.days.astype("datetime64[s]") + prompted.astype("timedelta64[s]")
    up_min = planted.nights.in_bed_until_min[:, : shape[1]] + AFTER_RISING_MIN
    slot = np.searchsorted(clock.elapsed_min, up_min, side="right") - 1
    up = clock.local[slot] + (60 * (up_min - clock.elapsed_min[slot])).astype("timedelta64[s]")
    return np.maximum(prompted, up)


def _is_answered(rng: np.random.Generator, people: int, days: int) -> Bools:
    is_answered = rng.random((people, days)) >= MISSED_SHARE
    never, stops = np.split(rng.permutation(people)[: 2 * (people >= LEAST_PEOPLE)], 2)
    is_answered[never] = False
    is_answered[stops, days // 2 :] = False
    return is_answered


def answers(planted: Planted, ratings: Ratings) -> pd.DataFrame:
    """What was answered, in the columns of the codebook's files, by person and time."""
    person, day = np.nonzero(ratings.is_answered)
    columns = {
        "participant_id": planted.people.participant_id[person],
        "answered_at": ratings.answered_at[person, day],
    } | {item: values[person, day] for item, values in ratings.answer.items()}
    return pd.DataFrame(columns).sort_values(["participant_id", "answered_at"], ignore_index=True)


def ratings_truth(planted: Planted, ratings: Ratings) -> pd.DataFrame:
    """The table `ratings`: a row per person and day, whether it was answered or not.

    `<item>_level` and `<item>_rating` are on the scale of the docstring above, `<item>` is the answer.
    """
    people, day_count = planted.people.participant_id, len(planted.clock.days)
    own = {f"{item}_level": np.repeat(values.round(4), day_count) for item, values in ratings.level.items()}
    daily = {
        "short_night_h": ratings.short_night_h.round(4),
        "short_night_before_h": ratings.short_night_before_h.round(4),
        "fewer_steps_share": ratings.fewer_steps_share.round(4),
        **{f"{item}_rating": values.round(4) for item, values in ratings.rating.items()},
        **ratings.answer,
        "answered_at": ratings.answered_at,
        "is_answered": ratings.is_answered,
    }
    key = {"participant_id": np.repeat(people, day_count), "day": np.tile(planted.clock.days, len(people))}
    table = pd.DataFrame(key | own | {name: values.reshape(-1) for name, values in daily.items()})
    return table.sort_values(["participant_id", "day"], ignore_index=True)
