"""A made-up study: its rows are those of a second computation, and what is later plays no part in earlier ones."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from neuro_assets.models.dataset import Dataset
from neuro_assets.models.reading import AFTER_THE_NIGHT
from neuro_assets.study_models import ModelDeclaration
from neuro_assets_tests.models import by_hand
from neuro_assets_tests.models.conftest import Lake, at, declared, on

pytestmark = pytest.mark.verify

DAYS, PEOPLE = 40, ("a", "b", "c", "d")
NAMES = [
    *(
        "steps.total",
        "steps.total[evening]",
        "steps.total:7d.mean",
        "sleep.efficiency",
        "sleep.asleep_min",
        "sleep.naps",
    ),
    *("circadian.l5:14d", "survey.gad7.total", "survey.ema_mood.mood", "survey.ema_mood.stress"),
]
MODELS: dict[str, dict[str, Any]] = {
    "next_day": {},
    "in_a_week": {"horizon_days": 7},
    "same_day": {"horizon_days": 0, "association": True},
    "same_morning": {"same_morning_sleep": True},
    "own_median": {"positive_above_own_median": True},
    "first_of_person": {"unit": "participant", "summary": {"over_days": 10, "answer": "first"}},
    "last_of_person": {"unit": "participant", "summary": {"over_days": 10, "statistics": ["mean", "sd"]}},
}


def put_made_up(lake: Lake, seed: int = 0) -> None:
    """Days of features, nights that end before and after answers, answers with gaps and several a day."""
    rng = np.random.default_rng(seed)

    def some(share: float) -> float | None:
        return round(float(rng.normal(50, 10)), 3) if rng.random() < share else None

    for who in PEOPLE:
        for n in range(DAYS):
            if rng.random() < 0.8:
                lake.feature("steps", who, n, total=some(0.9))
                lake.feature("steps", who, n, total=some(0.9), segment="evening")
                lake.feature("steps_trailing", who, n, total_mean=some(0.9), window_days=7)
                lake.feature("steps_trailing", who, n, total_mean=some(0.9), window_days=14)
                lake.feature("circadian", who, n, l5=some(0.9), window_days=14)
            if rng.random() < 0.8:
                until = at(n, float(rng.uniform(5, 11))) if rng.random() < 0.9 else None
                lake.night(who, n, until, efficiency=some(0.9), asleep_min=some(1), naps=some(1))
            if n >= 5 and rng.random() < 0.7:  # with days before them that a person's can be told from
                for hour in sorted(rng.uniform(7, 22, rng.integers(1, 3))):
                    lake.score(who, at(n, hour), "phq9", "total", some(0.9), is_of_record=bool(rng.random() < 0.9))
            if rng.random() < 0.3:
                lake.answer(who, at(n, float(rng.uniform(7, 22))), "ema_mood", {"mood": some(1), "stress": some(0.5)})
            if rng.random() < 0.7:
                when = at(n - int(rng.integers(0, 5)), float(rng.uniform(7, 22)))
                own = {"instrument": "gad7", "score_name": "total", "answered_ts": when}
                lake.feature("survey", who, n, score=some(1), **own)


def model_of(name: str) -> ModelDeclaration:
    limit = {} if name == "own_median" else {"positive_at_least": 50}
    return declared(features=NAMES, **limit, **MODELS[name])


def told(found: Dataset, before: date | None = None) -> dict[tuple[str, date], tuple]:
    """Everything that is said of each row, up to the day before one."""
    samples = found.samples
    assert samples.score is not None
    rows = zip(
        samples.people.tolist(),
        samples.day.tolist(),
        samples.outcome.tolist(),
        samples.score.tolist(),
        found.response_id.tolist(),
        found.outcome_at.tolist(),
        np.where(np.isnan(samples.values), np.array(None), samples.values).tolist(),
        np.stack([found.known.known_at[c.name] for c in found.columns], axis=1).tolist(),
        strict=True,
    )
    return {(who, day): (*rest,) for who, day, *rest in rows if before is None or day < before}


@pytest.mark.parametrize("name", ["next_day", "in_a_week", "same_morning", "own_median"])
def test_rows_are_those_of_a_second_computation(lake: Lake, name: str):
    put_made_up(lake)
    lake.write()
    found, model = lake.build(model_of(name)), model_of(name)
    judge = by_hand.above_own_median if name == "own_median" else lambda score, _: score >= 50
    expected = {}
    for outcome in by_hand.outcomes(lake.rows, judge):
        values = [by_hand.value(lake.rows, n, outcome, model.horizon_days, model.same_morning_sleep) for n in NAMES]
        if any(v is not None for v in values):
            key = (outcome["participant_id"], outcome["day"])
            at_utc = outcome["ts"].replace(tzinfo=None)
            expected[key] = (int(outcome["is_positive"]), outcome["score"], outcome["response_id"], at_utc, values)
    assert len(expected) > 60
    assert found.samples.names == tuple(NAMES)
    assert {key: row[:5] for key, row in told(found).items()} == expected


@pytest.mark.parametrize("name", ["first_of_person", "last_of_person"])
def test_people_are_those_of_a_second_computation(lake: Lake, name: str):
    put_made_up(lake)
    lake.write()
    found = lake.build(model_of(name))
    outcomes = by_hand.outcomes(lake.rows, lambda score, _: score >= 50)
    n = 0 if name == "first_of_person" else -1
    chosen = [[o for o in outcomes if o["participant_id"] == who][n] for who in PEOPLE]
    rows = []
    for outcome in chosen:
        row = []
        for column in found.columns:
            feature = column.feature.name
            if feature.startswith("survey.ema_mood"):
                continue
            value = by_hand.summary(lake.rows, feature, outcome, 1, 10, column.statistic)
            row.append(np.nan if value is None else value)
        if not np.isnan(row).all():
            rows.append((outcome["participant_id"], row))
    kept = [i for i, c in enumerate(found.columns) if not c.feature.name.startswith("survey.ema_mood")]
    by_person = dict(zip(found.samples.people.tolist(), found.samples.values[:, kept], strict=True))
    for who, row in rows:
        np.testing.assert_allclose(by_person[who], row, err_msg=who)
    assert len(rows) >= 2


def alter(rng: np.random.Generator, lake: Lake, is_later: Callable[[str, dict[str, Any]], bool | str]) -> None:
    """Change every number of later rows, or take the row away; and add outcomes at the end."""
    for table, rows in lake.rows.items():
        kept = []
        for row in rows:
            verdict = is_later(table, row)
            if not verdict:
                kept.append(row)
            elif verdict == "after the night":
                kept.append(row | dict.fromkeys(AFTER_THE_NIGHT & row.keys(), 1e6))
            elif rng.random() < 0.7:
                kept.append({k: 1e6 * rng.random() if isinstance(v, float) else v for k, v in row.items()})
        lake.rows[table] = kept
    for who in PEOPLE:
        lake.score(who, at(DAYS + 1), "phq9", "total", 1e6)


def later_than_day(cut: date) -> Callable[[str, dict[str, Any]], bool]:
    return lambda _, row: row["day"] > cut


def later_than(moment: datetime) -> Callable[[str, dict[str, Any]], bool | str]:
    """A row of features is later if its day is not over; a night if it has not ended."""

    def is_later(table: str, row: dict[str, Any]) -> bool | str:
        is_over = datetime.combine(row["day"] + timedelta(days=1), datetime.min.time(), moment.tzinfo) <= moment
        if not table.startswith("features."):
            return row["ts"] > moment
        if is_over or table != "features.sleep" or row["until"] is None or row["until"] > moment:
            return not is_over
        return "after the night"

    return is_later


def check_cut(lake: Lake, seed: int, cut: date, names: Sequence[str]) -> None:
    """Rows before a day, or a moment, are the same whatever is later; with `as_of` the whole data set is."""
    lake.rows.clear()
    put_made_up(lake, seed)
    lake.write()
    before = {name: lake.build(model_of(name)) for name in names if name != "last_of_person"}
    as_of = {name: told(lake.build(model_of(name), cut)) for name in names}
    alter(np.random.default_rng(seed), lake, later_than(cut) if isinstance(cut, datetime) else later_than_day(cut))
    lake.write()
    first_later = cut.date() if isinstance(cut, datetime) else cut + timedelta(days=1)
    for name, own in before.items():
        earlier, again = told(own, first_later), told(lake.build(model_of(name)), first_later)
        if name == "first_of_person":  # who has none before the cut may have another first one now
            again = {key: again[key] for key in earlier}
        assert again == earlier, (seed, cut, name)
    for name, own in as_of.items():
        assert own, (seed, cut, name)
        assert told(lake.build(model_of(name), cut)) == own, (seed, cut, name)


def random_day(rng: np.random.Generator) -> date:
    return on(int(rng.integers(16, DAYS)))


def random_moment(rng: np.random.Generator) -> datetime:
    return at(int(rng.integers(16, DAYS)), float(rng.uniform(0, 24)))


@pytest.mark.parametrize("draw", [random_day, pytest.param(random_moment, marks=pytest.mark.verify)])
def test_what_is_later_changes_nothing(lake: Lake, draw: Callable[[np.random.Generator], date]):
    names = ("same_morning", "own_median", "last_of_person")
    check_cut(lake, 1, draw(np.random.default_rng(1)), names)


@pytest.mark.verify
@pytest.mark.parametrize("draw", [random_day, random_moment])
@pytest.mark.parametrize("seed", range(100, 112))
def test_what_is_later_changes_nothing_whatever_the_cut(
    lake: Lake, draw: Callable[[np.random.Generator], date], seed: int
):
    check_cut(lake, seed, draw(np.random.default_rng(seed)), [*MODELS])


@pytest.mark.verify
def test_nothing_is_known_after_the_outcome_but_in_an_association(lake: Lake):
    put_made_up(lake)
    lake.write()
    of_day = {n for n in NAMES if not n.startswith("survey")}
    for name in MODELS:
        found = lake.build(model_of(name))
        is_late = {n: bool((known > found.outcome_at).any()) for n, known in found.known.known_at.items()}
        assert {n for n, late in is_late.items() if late} == (of_day if name == "same_day" else set()), name
