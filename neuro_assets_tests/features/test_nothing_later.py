"""Whatever is recorded after a day has ended, or of another person: the features of the day are the same."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl
import pytest

from neuro_assets.lake.ddl import ensure_tables
from neuro_assets.models.references import DECLARED
from neuro_assets.science.features.yields import YIELD
from neuro_assets.science.models.evaluate import predict_held_out
from neuro_assets.science.models.pipelines import PIPELINES, Fitted, fit
from neuro_assets.science.models.samples import Samples
from neuro_assets.science.models.splits import Split, grouped_folds, leave_one_group_out
from neuro_assets.streams.features import FEATURE_CATALOG, trailing_table
from neuro_assets.streams.features_use import FEATURES_DATA_YIELD, FEATURES_SURVEY, USE_TABLES
from neuro_assets_tests.conftest import MakeJob
from neuro_assets_tests.features.recorded import (
    CLOCK_CHANGES,
    DAYS,
    FIRST,
    KINDS,
    LAST,
    TABLES,
    USE_SPANS,
    ZONE,
    Frames,
    Told,
    answered,
    apart,
    clock_at,
    clocked,
    made_up,
    told_of,
)
from neuro_assets_tests.models.conftest import TABLES as MODEL_TABLES
from neuro_assets_tests.models.conftest import Lake, on
from neuro_assets_tests.models.test_point_in_time import MODELS, model_of, put_made_up
from neuro_assets_tests.models.test_point_in_time import told as samples_told
from neuro_assets_tests.science.models.made import noise

pytestmark = [pytest.mark.verify, pytest.mark.timeout(900)]

DAY, HOUR, NOON = timedelta(days=1), timedelta(hours=1), timedelta(hours=12)
TABLE = {t.name: t for t in TABLES}
OF_USE = {t.name for t in (*USE_TABLES.values(), *USE_SPANS.values())}
# Of use, what is known the moment it happens.
COUNTED_AT_ONCE = ("unlocks", "opened", "programs", "begun", "received")
_NUMBERS = ("value", "minutes_asleep", "minutes_awake", "minutes_in_bed", "min_bpm", "steps", "battery_pct")
_KEYS = ("participant_id", "instrument", "log_id", "zone", "period_s", "device_id", "event_id", "local_ts", "fold")


def midnight_after(day: date) -> datetime:
    """The wall time at which a day ends."""
    return datetime.combine(day + DAY, time())


def is_later(frame: pl.DataFrame, cut: datetime) -> pl.Expr:
    """Rows that were recorded at a wall time or later: of a sleep when it ended, of a total when its day had."""
    if "end_local_ts" in frame.columns:
        return pl.col("end_local_ts") > cut
    return pl.col("local_ts") >= cut if "ts" in frame.columns else pl.col("day") >= cut.date()


def altered(frames: Frames, cut: datetime, seed: int, who: str | None = None) -> Frames:
    """The rows with every later one changed, taken away, or beside another that was not there."""
    rng = np.random.default_rng(seed)
    found: Frames = {}
    for name, frame in frames.items():
        later = is_later(frame, cut) & (pl.col("participant_id") == who if who else pl.lit(value=True))
        own = frame.filter(later)
        left = _scaled(name, own.filter(pl.Series(rng.random(own.height) < 0.7)), rng)
        found[name] = pl.concat([frame.filter(~later), left], how="vertical")
        more = _moved(frame, own.filter(pl.Series(rng.random(own.height) < 0.3)), rng)
        keys = [k for k in (*_KEYS, "day") if k in frame.columns]
        more = more.filter(is_later(frame, cut), pl.col("day") <= LAST).unique(keys, maintain_order=True)
        found[name] = pl.concat([found[name], more.join(found[name], on=keys, how="anti", nulls_equal=True)])
    return found


def _scaled(name: str, frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Every number is another one; so are the kinds of events and stages of sleep."""
    if name == "staging.survey_response":
        return answered(frame.with_columns(value=3 - pl.col("value"))).select(frame.columns)
    if name == "staging.event":
        return frame.with_columns(event_type=pl.Series(rng.choice(KINDS, frame.height), dtype=pl.String))
    if name == "staging.sleep_stage":
        turned = {"light": "wake", "wake": "deep", "asleep": "awake", "awake": "asleep"}
        return frame.with_columns(pl.col("stage").replace(turned))
    if name == "staging.intensity":
        return frame.with_columns(value=3 - pl.col("value"))
    factor = pl.Series(rng.choice([0.5, 2.0, 3.0], frame.height))
    numbers = [n for n in _NUMBERS if n in frame.columns]
    return frame.with_columns((pl.col(n) * factor).cast(frame.schema[n]) for n in numbers)


def _moved(frame: pl.DataFrame, rows: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The rows at other times, some hours before or after their own."""
    if "ts" not in frame.columns:
        return rows.with_columns(day=pl.col("day") + DAY)
    by = pl.Series(rng.integers(-8, 30, rows.height) * 3_600_000_000).cast(pl.Duration("us"))
    names = [n for n in ("local_ts", "end_local_ts") if n in frame.columns]
    moved = rows.with_columns(*(pl.col(n) + by for n in names), fold=pl.lit(0, frame.schema["fold"]))
    if "log_id" in frame.columns:
        moved = moved.with_columns(log_id=pl.col("log_id") + "-again")
    ts = pl.col("local_ts").dt.replace_time_zone(ZONE, ambiguous="earliest", non_existent="null")
    moved = moved.with_columns(ts=ts.dt.convert_time_zone("UTC"), day=pl.col("local_ts").dt.date())
    offset = (pl.col("local_ts") - pl.col("ts").dt.replace_time_zone(None)).dt.total_minutes()
    return moved.with_columns(offset.cast(frame.schema["utc_offset_min"]).alias("utc_offset_min"))


@pytest.fixture(scope="module")
def frames() -> Frames:
    return made_up()


Tell = Callable[[Frames], Told]


@pytest.fixture(scope="module")
def tell(make_job: MakeJob) -> Iterator[Tell]:
    with ExitStack() as stack:
        yield lambda frames: stack.enter_context(told_of(make_job, frames))


@pytest.fixture(scope="module")
def made_up_lake(make_job: MakeJob) -> Iterator[Lake]:
    """Features and answers of the made-up study of the tests of models."""
    job = make_job(window={"start": on(0), "end": on(120)}, default_time_zone="UTC")
    with job.lake.connect() as connection:
        ensure_tables(connection, MODEL_TABLES)
        yield Lake(job, connection)


@pytest.fixture(scope="module")
def told(tell: Tell, frames: Frames) -> Told:
    return tell(frames)


def differences(told: Told, other: Told, until: date, rel: float = 0) -> dict[str, dict[str, list[tuple]]]:
    """Table -> columns in which rows up to a day differ -> the rows' keys."""
    found = {t.name: apart(told.rows(t, until), other.rows(t, until), rel) for t in TABLES}
    return {name: columns for name, columns in found.items() if columns}


def last_day(frames: Frames, who: str, until: date) -> date:
    """The last day up to one of which there is an event, an answer or a sample of a person."""
    names = ("staging.event", "staging.survey_response", "staging.steps", "staging.heart_rate")
    days = pl.concat([frames[n].filter(participant_id=who).select("day") for n in names])["day"]
    found = days.filter(days <= until).max()
    assert isinstance(found, date)
    return found


def random_days(seed: int, n: int) -> list[date]:
    """Days with spans before and rows after them, and the one in whose night the clock goes back."""
    others = [day for day in DAYS[8:26] if day != CLOCK_CHANGES]
    return [CLOCK_CHANGES, *(others[n] for n in np.random.default_rng(seed).permutation(len(others))[:n])]


def test_all_tables_that_models_may_name_are_here():
    assert {t.qualified for t in DECLARED} - {FEATURE_CATALOG.qualified} <= {t.qualified for t in TABLES}
    assert set(COUNTED_AT_ONCE) <= {name for t in USE_TABLES.values() for name in t.column_names}


@pytest.mark.parametrize("day", random_days(1, 2), ids=str)
def test_what_is_recorded_after_noon_of_the_next_day_changes_nothing(told: Told, tell: Tell, frames: Frames, day: date):
    other = tell(altered(frames, midnight_after(day) + NOON, day.toordinal()))
    assert differences(told, other, day) == {}


@pytest.mark.parametrize("day", random_days(2, 2), ids=str)
def test_from_an_hour_after_midnight_on_only_use_that_went_on_at_midnight_changes(
    told: Told, tell: Tell, frames: Frames, day: date
):
    other = tell(altered(frames, midnight_after(day) + HOUR, day.toordinal()))
    found = differences(told, other, day)
    assert set(found) <= OF_USE
    for name, columns in found.items():
        assert {key[-1] for keys in columns.values() for key in keys} == {day}, name
        assert not columns.keys() & {"row", *COUNTED_AT_ONCE}, name


@pytest.mark.parametrize("day", random_days(3, 1), ids=str)
def test_without_anything_later_features_are_what_they_stay(told: Told, tell: Tell, frames: Frames, day: date):
    """As on the evening of the day: beside what goes on at midnight, only what asks whether a day is whole is open."""
    other = tell({name: frame.filter(~is_later(frame, midnight_after(day))) for name, frame in frames.items()})
    found = differences(told, other, day)
    waiting = {
        (who, on) for (who, on), row in other.rows(FEATURES_DATA_YIELD, day).items() if not row["is_handed_over"]
    }
    assert waiting
    for name, columns in found.items():
        if name in OF_USE:
            continue
        names = TABLE[name].sort_by
        who = {(key[names.index("participant_id")], key[-1]) for keys in columns.values() for key in keys}
        if name == FEATURES_SURVEY.name:  # a score is told up to the last day of which there is anything
            assert columns.keys() == {"row"}
            assert all(on > last_day(frames, str(person), day) for person, on in who)
        elif name == trailing_table(YIELD).name:
            assert {person for person, _ in who} <= {person for person, _ in waiting}
        else:
            assert who <= waiting, name
            assert name == FEATURES_DATA_YIELD.name or columns.keys() == {"is_valid_day"}, name


def test_a_row_of_the_day_itself_changes_every_table(told: Told, tell: Tell, frames: Frames):
    """What holds of later rows could not fail if features did not follow from the rows that are altered."""
    day = DAYS[20]
    other = tell(altered(frames, midnight_after(day - DAY), 5))
    found = differences(told, other, day)
    assert set(found) == set(TABLE)
    assert differences(told, other, day - 2 * DAY) == {}


def test_still_minutes_before_midnight_are_worn_or_not_by_the_hour_after_it(tell: Tell):
    """Where steps alone tell wear, a device that lies still for an hour is off: for less than one after midnight."""
    day = DAYS[7]

    def steps(*runs: tuple[int, int]) -> Frames:
        """Runs of minutes with so many steps each, from 10:00 on."""
        values = [float(steps) for length, steps in runs for _ in range(length)]
        rows = [("s", clock_at(day, 600 + n), 60, value) for n, value in enumerate(values)]
        return {
            "staging.steps": clocked(pl.DataFrame(rows, ["participant_id", "ts", "period_s", "value"], orient="row"))
        }

    evening = ((300, 20), (400, 30), (100, 20), (40, 0))
    up, asleep = tell(steps(*evening, (5, 0), (300, 20))), tell(steps(*evening, (300, 0), (300, 20)))
    assert {name: set(c) for name, c in differences(up, asleep, day).items()} == {"data_yield": {"worn_share"}}
    late = tell(steps(*evening, (60, 0), (300, 90)))
    assert differences(asleep, late, day) == {}


def test_nothing_of_another_person_is_in_anybody_s_features(told: Told, tell: Tell, frames: Frames):
    other = tell(altered(frames, datetime.combine(FIRST, time()), 9, who="a"))
    # The cosines of people are fitted side by side: how many there are decides the last digit.
    for name, columns in differences(told, other, LAST, rel=1e-9).items():
        place = TABLE[name].sort_by.index("participant_id")
        assert {key[place] for keys in columns.values() for key in keys} == {"a"}, name


@pytest.mark.parametrize("name", MODELS)
def test_nothing_of_another_person_is_in_anybody_s_rows_of_a_model(made_up_lake: Lake, name: str):
    made_up_lake.rows.clear()
    put_made_up(made_up_lake)
    made_up_lake.write()
    before = samples_told(made_up_lake.build(model_of(name)))
    rng = np.random.default_rng(4)
    for rows in made_up_lake.rows.values():
        for row in rows:
            if row["participant_id"] == "d":
                row |= {k: 1e6 * rng.random() for k, v in row.items() if isinstance(v, float)}
    made_up_lake.write()
    after = samples_told(made_up_lake.build(model_of(name)))
    assert {key for key in before if key[0] != "d"}
    assert {key: row for key, row in before.items() if key[0] != "d"} == {
        key: row for key, row in after.items() if key[0] != "d"
    }
    assert {key: row for key, row in before.items() if key[0] == "d"} != {
        key: row for key, row in after.items() if key[0] == "d"
    }


@pytest.mark.parametrize("name", list(PIPELINES))
@pytest.mark.parametrize("make_split", [grouped_folds, leave_one_group_out], ids=["grouped", "left_out"])
def test_what_an_evaluation_learns_knows_nothing_of_whom_it_predicts(
    monkeypatch: pytest.MonkeyPatch, name: str, make_split: Callable[[Samples], Split]
):
    """The models of `predict_held_out` themselves, fold by fold, by every number that they estimated."""
    samples = noise(6, people=12, days=12, missing=0.1)
    samples = replace(samples, last=np.roll(samples.outcome, 1).astype(np.float64))
    split = make_split(samples)
    learned: list[dict[str, np.ndarray]] = []

    def told_fit(*asked: object) -> Fitted:
        model = fit(*asked)  # type: ignore[arg-type]
        learned.append(dict(model.parameters()))
        return model

    monkeypatch.setattr("neuro_assets.science.models.evaluate.fit", told_fit)
    predict_held_out(samples, split, name)
    before, rng = learned.copy(), np.random.default_rng(0)
    for place, fold in enumerate(split.folds):
        values, outcome = samples.values.copy(), samples.outcome.copy()
        values[fold.test] = rng.normal(scale=1e9, size=values[fold.test].shape)
        outcome[fold.test] = 1
        others = replace(samples, values=values, outcome=outcome)
        learned.clear()
        predict_held_out(others, split, name)
        same = [same_numbers(a, b) for a, b in zip(before, learned, strict=True)]
        assert same[place]
        assert not any(same[:place] + same[place + 1 :])  # all others learned from the altered rows


def same_numbers(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k], equal_nan=True) for k in one)
