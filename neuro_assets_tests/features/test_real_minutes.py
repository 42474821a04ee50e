"""Real people's minutes, hours and nights of Fitabase through the lake: features are those of a second computation.

What is read from the files, which minutes count and what they tell is computed once more, with pandas, loops and the
sentences of docs/coverage.md, docs/imputation.md and docs/features.md; nothing of `neuro_assets` computes for it. The
clocks of New York do not change in these weeks.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neuro_assets.coverage.compute import cover_days
from neuro_assets.features.by_minute import ensure_features, tell_days
from neuro_assets.features.by_night import tell_nights
from neuro_assets.features.by_rhythm import tell_rhythms
from neuro_assets.features.by_survey import tell_yield
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Connection
from neuro_assets.science.features.circadian import CIRCADIAN
from neuro_assets.series.rollup import roll_up_days
from neuro_assets.streams.coverage import COVERAGE_TABLES
from neuro_assets.streams.features import CIRCADIAN_SPANS, MINUTE_FAMILIES, MINUTE_TABLES, SLEEP_NIGHT
from neuro_assets.streams.features_use import FEATURES_DATA_YIELD
from neuro_assets.streams.series import SERIES_TABLES
from neuro_assets_tests.conftest import MakeJob
from neuro_assets_tests.features import by_pandas
from neuro_assets_tests.features.by_pandas import Minute
from neuro_assets_tests.features.by_pandas import Told as Numbers
from neuro_assets_tests.science.features import slow_circadian
from neuro_assets_tests.tables import load, stage

pytestmark = [pytest.mark.verify, pytest.mark.timeout(900)]

FIRST, LAST = date(2016, 4, 12), date(2016, 5, 13)
BEGIN = pd.Timestamp(FIRST)
DAYS, DAY_MIN = (LAST - FIRST).days + 1, 1440
FORM = "%m/%d/%Y %I:%M:%S %p"
FOLDER = "period2_2016-04-12_2016-05-12"
KINDS = ("minuteStepsWide", "minuteIntensitiesWide", "hourlySteps", "hourlyCalories", "sleepDay")
# One of them has a heart rate on three days.
WITH_RATE = "8877689391"
EVENING = (1080, 1440)
Values = np.ndarray[Any, np.dtype[np.float64]]
Frame = Any


@dataclass(frozen=True)
class Person:
    """What the files have of somebody, a value a minute of the weeks, NaN where nothing; and what follows from it."""

    steps: Values
    by_hour: Values
    intensity: Values
    calories: Values
    rate: Values

    def day(self, n: int) -> slice:
        """The minutes of the n-th day."""
        return slice(n * DAY_MIN, (n + 1) * DAY_MIN)

    def has_rate(self, n: int) -> bool:
        """Whether the day has any reading of the heart rate: readings tell wear then, else steps."""
        return bool((~np.isnan(self.rate[self.day(n)])).any())

    def worn(self, n: int) -> np.ndarray:
        """Minutes of a day in which the device was worn."""
        if self.has_rate(n):
            return ~np.isnan(self.rate[self.day(n)])
        every = np.where(np.isnan(self.steps), self.by_hour / 60, self.steps)
        found = ~np.isnan(every)
        place = 0
        for is_zero, run in groupby(every, lambda v: v == 0):
            length = len(list(run))
            if is_zero and length >= 60:
                found[place : place + length] = False
            place += length
        own = self.day(n)
        return found[own] & bool(np.nansum(every[own]) > 0)

    def counts(self, n: int) -> np.ndarray:
        """Minutes of a day that count where there is a value."""
        worn = self.worn(n)
        if self.is_by_day(n):
            return np.ones(DAY_MIN, dtype=bool)
        found = worn.copy()
        for a, b in pairwise(np.flatnonzero(worn)):
            if b - a - 1 <= 10:
                found[a:b] = True
        return found

    def hours_count(self, n: int) -> np.ndarray:
        """(24,), hours of a day that count: worn for half of it, or on a day that counts as a whole."""
        return (self.worn(n).reshape(24, 60).sum(axis=1) >= 30) | self.is_by_day(n)

    def is_by_day(self, n: int) -> bool:
        """Still hours look like a device that is off where steps alone tell wear: two worn hours make the day count."""
        return not self.has_rate(n) and int(self.worn(n).sum()) >= 120

    def minutes(self, values: Values, n: int, part: tuple[int, int] = (0, DAY_MIN)) -> list[Minute]:
        """The minutes of a day, or of a part of it, that count."""
        own, counts = values[self.day(n)], self.counts(n)
        return [(m, m, float(own[m])) for m in range(*part) if counts[m] and not np.isnan(own[m])]


def read(path: Path, column: str) -> Frame:
    """A file with who, place (minute of the weeks) and the columns of its values."""
    frame: Frame = pd.read_csv(path, dtype={"Id": str}).rename(columns={"Id": "who"})
    at = pd.to_datetime(frame.pop(column), format=FORM)
    frame["place"] = (at - BEGIN).dt.total_seconds() / 60
    return frame


def put(frame: Frame, every: int) -> dict[str, Values]:
    """Person -> values by the minute of rows of so many minutes; a row of an hour stands on each of its minutes."""
    found: dict[str, Values] = {}
    names = [c for c in frame.columns if c not in {"who", "place"}]
    for who, *rest in frame[["who", "place", *names]].itertuples(index=False):
        place, values = round(rest[0]), rest[1:]
        own = found.setdefault(who, np.full(DAYS * DAY_MIN, np.nan))
        own[place : place + 60] = values if every == 1 else values[0]
    return found


@pytest.fixture(scope="module")
def people(shared_data: Path) -> dict[str, Person]:
    folder = shared_data / "fitabase" / FOLDER
    hourly = {n: put(read(folder / f"hourly{n}_merged.csv", "ActivityHour"), 60) for n in ("Steps", "Calories")}
    wide = {n: put(read(folder / f"minute{n}Wide_merged.csv", "ActivityHour"), 1) for n in ("Steps", "Intensities")}
    rate = read(shared_data / "fitabase/heartrate_partial/heartrate_seconds_merged.csv", "Time")
    rate["place"] = np.floor(rate["place"])
    nothing = np.full(DAYS * DAY_MIN, np.nan)
    found = {}
    for who in wide["Steps"]:
        own = nothing.copy()
        for place, bpm in rate[rate.who == who].groupby("place")["Value"].mean().items():
            own[int(place)] = round(bpm, 9)
        found[who] = Person(
            wide["Steps"][who], hourly["Steps"][who], wide["Intensities"][who], hourly["Calories"][who], own
        )
    return found


@dataclass(frozen=True)
class Real:
    """The files in a lake, and everything told of them."""

    job: Ingest
    connection: Connection

    def rows(self, table: str, where: str = "true") -> dict[tuple[str, int], dict[str, Any]]:
        """Rows by person and place of the day."""
        frame = self.connection.execute(f"SELECT * FROM features.{table} WHERE {where}").pl()
        found = {(r["participant_id"], (r["day"] - FIRST).days): r for r in frame.iter_rows(named=True)}
        assert len(found) == frame.height
        return found


@pytest.fixture(scope="module")
def real(make_job: MakeJob, shared_data: Path) -> Iterator[Real]:
    window = {"start": FIRST, "end": LAST}
    job = make_job(window=window, expected_streams=("steps", "heart_rate"), default_time_zone="America/New_York")
    folder = shared_data / "fitabase"
    paths = [folder / FOLDER / f"{kind}_merged.csv" for kind in KINDS]
    outcomes = load(job, *paths, folder / "heartrate_partial/heartrate_seconds_merged.csv")
    assert {o.outcome for o in outcomes} == {"loaded"}
    for name in ("steps", "intensity", "calories", "heart_rate", "daily_sleep"):
        stage(job, name, FIRST, LAST)
    tables = [t for pair in MINUTE_TABLES.values() for t in pair]
    with ExitStack() as stack:
        connection = stack.enter_context(job.lake.connect())
        made = (*COVERAGE_TABLES, *SERIES_TABLES, *tables, SLEEP_NIGHT, CIRCADIAN_SPANS, FEATURES_DATA_YIELD)
        ensure_features(connection, job, made)
        cover_days(connection, job, FIRST, LAST)
        roll_up_days(connection, job, FIRST, LAST)
        for family in MINUTE_FAMILIES:
            tell_days(connection, job, family, FIRST, LAST)
        tell_rhythms(connection, job, FIRST, LAST)
        tell_nights(connection, job, FIRST, LAST)
        tell_yield(connection, job, FIRST, LAST)
        yield Real(job, connection)


def agree(found: dict[str, Any], expected: Numbers, what: object) -> int:
    """Hold every number of a row against the second computation; how many there are."""
    for name, value in expected.items():
        is_none = value is None or np.isnan(value)
        assert (found[name] is None) == is_none, (what, name, found[name], value)
        assert is_none or found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), (what, name)
    return sum(found[name] is not None for name in expected)


SECOND: dict[str, tuple[str, Callable[[list[Minute]], Numbers]]] = {
    "steps": ("steps", by_pandas.steps_of),
    "intensity": ("intensity", by_pandas.intensity_of),
}


@pytest.mark.parametrize("family", SECOND)
@pytest.mark.parametrize(("segment", "part"), [("day", (0, DAY_MIN)), ("evening", EVENING)])
def test_minutes_of_real_days_are_those_of_a_second_computation(
    real: Real, people: dict[str, Person], family: str, segment: str, part: tuple[int, int]
):
    name, tell = SECOND[family]
    found = real.rows(family, f"segment = '{segment}' AND basis = '1m'")
    compared = numbers = 0
    for who in people:
        values = getattr(people[who], name)
        for n in range(DAYS):
            if np.isnan(values[people[who].day(n)]).all():
                assert (who, n) not in found
                continue
            minutes = people[who].minutes(values, n, part)
            row = found[who, n]
            assert row["observed_min"] == len(minutes), (who, n)
            if minutes:
                numbers += agree(row, tell(minutes), (who, n))
            else:
                assert {row[f.name] for f in next(m for m in MINUTE_FAMILIES if m.name == family)} == {None}
            compared += 1
    print(f"\n{family}, {segment}: {compared} days of {len(people)} people, {numbers} numbers")
    assert compared > 100


def test_heart_rates_of_real_seconds_are_those_of_a_second_computation(real: Real, people: dict[str, Person]):
    found, person = real.rows("heart_rate", "segment = 'day'"), people[WITH_RATE]
    with_rate = [n for n in range(DAYS) if person.has_rate(n)]
    assert {n for who, n in found if who == WITH_RATE} == set(with_rate)
    assert {who for who, _ in found} == {WITH_RATE}
    for n in with_rate:
        own, counts = person.steps[person.day(n)], person.counts(n)
        # A device that lies about counts no step: that is not stillness.
        still = {m: float(v) for m, v in enumerate(own) if v > 0 or (v == 0 and counts[m])}
        numbers = agree(found[WITH_RATE, n], by_pandas.heart_rate_of(person.minutes(person.rate, n), still), n)
        print(f"\n{n}: {found[WITH_RATE, n]['observed_min']} minutes, {numbers} numbers")
    assert len(with_rate) == 3


def test_hours_of_calories_and_steps_are_those_of_a_second_computation(real: Real, people: dict[str, Person]):
    """Calories come by the hour, and so do steps of the first day: sums, and nothing that needs minutes."""
    compared = 0
    for family, value in (("calories", lambda p: p.calories), ("steps", lambda p: p.by_hour / 60)):
        found = real.rows(family, "segment = 'day' AND basis = '1h'")
        days = range(DAYS) if family == "calories" else range(1)
        for who, person in people.items():
            for n in days:
                hours = value(person)[person.day(n)].reshape(24, 60)[:, 0] * (60 if family == "steps" else 1)
                if np.isnan(hours).all():
                    continue
                some = hours[person.hours_count(n) & ~np.isnan(hours)]
                row = found[who, n]
                assert row["observed_min"] == 60 * len(some), (family, who, n)
                assert row["total"] == (pytest.approx(some.sum()) if len(some) else None), (family, who, n)
                assert row["mean"] is None
                compared += 1
    print(f"\n{compared} days by the hour")
    assert compared > 300


def test_the_rhythm_of_real_hours_is_that_of_a_second_computation(real: Real, people: dict[str, Person]):
    names = [f.name for f in CIRCADIAN]
    compared = told = 0
    for window in (7, 14):
        found = real.rows("circadian", f"window_days = {window}")
        for who in people:
            person = people[who]
            hours = np.full((DAYS, 24), np.nan)
            for n in range(DAYS):
                steps = np.where(np.isnan(person.steps), person.by_hour / 60, person.steps)[person.day(n)]
                whole = steps.reshape(24, 60).sum(axis=1)
                hours[n] = np.where(person.hours_count(n), whole, np.nan)
            for n in range(window - 1, DAYS):
                span = hours[n - window + 1 : n + 1]
                cells = slow_circadian.cells_of(span)
                if (who, n) not in found:
                    continue
                is_enough = slow_circadian.is_enough(cells, window, 24)
                expected = slow_circadian.all_of(span) if is_enough else dict.fromkeys(names, np.nan)
                row = found[who, n]
                for name in names:
                    value = expected[name]
                    assert (row[name] is None) == bool(np.isnan(value)), (who, n, window, name)
                    assert row[name] is None or row[name] == pytest.approx(value, rel=1e-7, abs=1e-7), (who, n, name)
                    told += row[name] is not None
                compared += 1
    print(f"\n{compared} spans, {told} numbers")
    assert compared > 150


def test_nights_of_real_totals_are_the_vendor_s(real: Real, shared_data: Path):
    frame: Frame = pd.read_csv(shared_data / "fitabase" / FOLDER / "sleepDay_merged.csv", dtype={"Id": str})
    days = pd.to_datetime(frame["SleepDay"], format=FORM)
    expected = {
        (who, (day.date() - FIRST).days): (asleep, in_bed)
        for who, day, asleep, in_bed in zip(
            frame["Id"], days, frame["TotalMinutesAsleep"], frame["TotalTimeInBed"], strict=True
        )
    }
    found = real.rows("sleep")
    told = {key: (row["total_asleep_min"], row["total_in_bed_min"]) for key, row in found.items()}
    assert told == expected
    assert {row["basis"] for row in found.values()} == {"totals"}
    assert {row[name] for row in found.values() for name in ("onset_min", "waso_min", "until")} == {None}


def test_the_yield_of_a_real_heart_rate_is_that_of_a_second_computation(real: Real, people: dict[str, Person]):
    found, person = real.rows("data_yield"), people[WITH_RATE]
    for n in (n for n in range(DAYS) if person.has_rate(n)):
        readings = ~np.isnan(person.rate[person.day(n)])
        hours = int((readings.reshape(24, 60).sum(axis=1) > 30).sum())
        agree(
            found[WITH_RATE, n],
            {
                "heart_rate_min": float(readings.sum()),
                "heart_rate_min_share": readings.sum() / DAY_MIN,
                "heart_rate_hours": float(hours),
                "heart_rate_hours_share": hours / 24,
                "worn_share": readings.sum() / DAY_MIN,
            },
            n,
        )
    for who in people:
        for n in range(1, 28):
            if not people[who].has_rate(n) and not np.isnan(people[who].steps[people[who].day(n)]).any():
                agree(found[who, n], {"worn_share": people[who].worn(n).sum() / DAY_MIN}, (who, n))
