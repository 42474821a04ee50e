"""What people answer to questionnaires: a well-being of their own by day, and answers that follow from it.

Items, their codes and the columns of files are read from the built-in codebooks. Scores are not: see `survey_truth`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from neuro_assets.simulate.arrays import Bools, Floats, Ints
from neuro_assets.simulate.minutes.plan import Survey
from neuro_assets.simulate.minutes.study import MinuteStudy
from neuro_assets.simulate.minutes.wall import MINUTE_MS, Wall
from neuro_assets.surveys.load import BUILT_IN, read_codebook
from neuro_assets.surveys.model import Codebook

ANSWERED_H = (8.0, 21.0)
"""Hours after midnight."""
ILL, DAY_SD, ITEM_SD = -1.2, 0.5, 0.7
"""Well-being is a person's level (standard normal), the logarithm of the trend's factor, `ILL` while ill, and
stray by day; an item adds stray of its own."""
GOOD = {"who5": ("q1", "q2", "q3", "q4", "q5"), "pss10": ("q4", "q5", "q7", "q8"), "ema_mood": ("mood",)}
"""Items that go up with well-being; all others go down."""
NEVER = 2**31


@dataclass(frozen=True)
class Responses:
    """What was due of an instrument from the people of a block (R), by person, then time.

    `answered_ms` is when it was answered, or would have been; `answer` (R x items) the index of the code; `is_blank`
    (R x items); `export` the first that holds it, `NEVER` where none does.
    """

    study: MinuteStudy
    survey: Survey
    codebook: Codebook
    wall: Wall
    row: Ints
    number: Ints
    first_day: Ints
    day: Ints
    answered_ms: Ints
    is_missed: Bools
    is_straight_lined: Bools
    wellbeing: Floats
    answer: Ints
    is_blank: Bools
    export: Ints

    def __len__(self) -> int:
        return len(self.row)

    @property
    def items(self) -> dict[str, list[str]]:
        """Item -> its codes, ascending."""
        return asked_items(self.codebook)

    @property
    def given(self) -> Ints:
        """Which were answered."""
        return np.flatnonzero(~self.is_missed)

    def names(self, at: Ints) -> list[str]:
        """Whose they are."""
        return self.study.cohort.people.participant_id[self.wall.first + self.row[at]].tolist()

    def response_ids(self, at: Ints) -> list[str]:
        """The ids of responses."""
        return [f"{who}-{n}" for who, n in zip(self.names(at), self.number[at].tolist(), strict=True)]

    def values(self, at: Ints, item: int) -> pl.Series:
        """The code of an item as it was given, null where it was left blank."""
        codes = pl.Series(list(self.items.values())[item], dtype=pl.String)
        told = codes.gather(pl.Series(self.answer[at, item]))
        return pl.select(pl.when(pl.Series(~self.is_blank[at, item])).then(told)).to_series()


def asked_items(codebook: Codebook) -> dict[str, list[str]]:
    """The items that every file has, and the codes of each in ascending order."""
    names = [name for name, item in codebook.kept_items.items() if not item.optional]
    return {name: sorted(codebook.codes_of(name), key=float) for name in names}


def responses_of(study: MinuteStudy, first: int, last: int) -> Iterator[Responses]:
    """What people first..last-1 answer, by instrument of the plan. Nobody's depends on who else is in the block."""
    wall = Wall(study.clocks, first, last)
    feels = np.stack([_wellbeing(study, person) for person in range(first, last)])
    for survey in study.plan.surveys:
        codebook = read_codebook(BUILT_IN / f"{survey.instrument}.yaml")
        yield _responses(study, survey, codebook, wall, feels)


def _wellbeing(study: MinuteStudy, person: int) -> Floats:
    """A person's course over the days of the study (D)."""
    rng, calendar = study.plan.generator("wellbeing", person), study.calendar
    level, stray = rng.normal(), rng.normal(0, DAY_SD, study.plan.days)
    day = np.arange(study.plan.days)
    is_ill = (day >= calendar.illness.from_day[person]) & (day < calendar.illness.until_day[person])
    return level + np.log(calendar.trend_factor[person]) + ILL * is_ill + stray


def _responses(study: MinuteStudy, survey: Survey, codebook: Codebook, wall: Wall, feels: Floats) -> Responses:
    items = asked_items(codebook)
    parts = [_of_person(study, survey, items, wall.first + row, feels[row]) for row in range(len(feels))]
    since, day, minute, is_missed, is_line, answer, is_blank = (np.concatenate(c) for c in zip(*parts, strict=True))
    row = np.repeat(np.arange(len(parts)), [len(p[0]) for p in parts])
    begins, ends = wall.day_start_ms[row, day], wall.day_start_ms[row, day + 1]
    # A day that travel cut short may end before the hour at which it would have been answered.
    answered = np.minimum(begins + minute * MINUTE_MS, ends - MINUTE_MS)
    number = np.arange(len(row)) - np.searchsorted(row, row) + 1
    taken = study.exports.taken_min * MINUTE_MS
    export = np.searchsorted(taken, answered)
    export = np.where((export < len(taken)) & ~is_missed, export, NEVER)
    return Responses(
        study, survey, codebook, wall, row, number, since, day, answered, is_missed, is_line, feels[row, day],
        answer, is_blank, export,
    )  # fmt: skip


def _of_person(
    study: MinuteStudy, survey: Survey, items: dict[str, list[str]], person: int, feels: Floats
) -> tuple[np.ndarray, ...]:
    """First day of the period, day and minute of the answer, missed, straight-lined, answers, blanks."""
    from scipy.special import ndtr

    rng, every = study.plan.generator(f"survey {survey.instrument}", person), survey.every_days
    first, last = study.cohort.first_day[person], study.cohort.last_day[person]
    since = np.arange(first, last + 1, every)
    shape = len(since), len(items)
    # All is drawn for everything that is due: no share of the plan changes what the others do.
    waits = rng.geometric(0.6, len(since)) - 1
    day = np.minimum(since + np.minimum(waits, every - 1), last)
    minute = np.floor(60 * rng.uniform(*ANSWERED_H, len(since))).astype(np.int64)
    weeks = (since - first) // 7
    is_missed = rng.random(len(since)) < survey.missed + survey.late_fatigue * weeks
    is_line = rng.random(len(since)) < survey.straight_lined
    good = np.array([1.0 if item in GOOD.get(survey.instrument, ()) else -1.0 for item in items])
    codes = np.array([len(c) for c in items.values()])
    felt = (good * feels[day][:, None] + rng.normal(0, ITEM_SD, shape)) / np.hypot(1, ITEM_SD)
    answer = np.floor(ndtr(felt) * codes).astype(np.int64).clip(0, codes - 1)
    answer[is_line] = np.minimum(answer[is_line][:, :1], codes - 1)
    is_blank = rng.random(shape) < survey.item_missing
    is_blank[is_blank.all(axis=1), 0] = False
    return since, day, minute, is_missed, is_line, answer, is_blank


def rows_of(responses: Responses, export: int) -> tuple[pl.DataFrame, Ints]:
    """The rows of an export's file in the columns of the codebook, and for each a number that no other row has."""
    since = responses.study.exports.since_day[export]
    at = np.flatnonzero((responses.export <= export) & (responses.day >= since))
    local = responses.wall.local(responses.row[at], responses.answered_ms[at])
    codebook = responses.codebook
    columns: dict[str, object] = {
        str(codebook.identity.column): responses.names(at),
        str(codebook.time.column): pl.Series(local).dt.strftime("%Y-%m-%d %H:%M:%S"),
        codebook.response.column: responses.response_ids(at),
    }
    columns |= {item: responses.values(at, n) for n, item in enumerate(responses.items)}
    person = responses.wall.first + responses.row[at]
    return pl.DataFrame(columns), person * responses.study.plan.days + responses.number[at]
