"""A heart rate in whose gaps steps were recorded: when it is filled in by them, and when by what else there is."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from neuro_assets.imputation.backtest import run_backtest
from neuro_assets.imputation.fill import fill_day
from neuro_assets.imputation.models import Learned, learn_all, learn_model, methods_of, read_model, spans_of
from neuro_assets.imputation.rules import driver_of
from neuro_assets.science.imputation.backtest import ALL, COMPARATORS
from neuro_assets.science.imputation.rules import Rule
from neuro_assets.science.imputation.series import MINUTE, Windows
from neuro_assets.series.grid import Grid, read_grids
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.imputation.conftest import (
    FIRST,
    LAST,
    MON,
    TUE,
    WED,
    MakePlanted,
    Planted,
    cut,
    gaps,
    moment,
)
from neuro_assets_tests.series.conftest import ONE_DAY

pytestmark = pytest.mark.verify

HEART_RATE = stream("heart_rate")
# Bpm for each step a minute, after long; half of it comes within two minutes.
SLOPE, HALF_LIFE_MIN, REST, WALK = 0.4, 2.0, 60.0, 110.0
# Of the heart rate alone, of both, and of the heart rate alone for less than five minutes and for more than dropouts.
WITH, WITHOUT, SHORT, LONG = (moment(MON, 10), 8), (moment(MON, 15), 8), (moment(MON, 18), 4), (moment(TUE, 10), 40)
RATE = "FROM imputed.heart_rate_1m WHERE participant_id = ? AND local_ts >= ? AND local_ts < ?"


def _grids(planted: Planted, people: list[str], first: date, last: date) -> Iterator[Grid]:
    study = planted.job.study
    driver = driver_of(study, HEART_RATE, MINUTE)
    return read_grids(planted.connection, study, HEART_RATE, MINUTE, people, first, last, driver=driver)


def place(at: datetime) -> int:
    return int((at - moment(FIRST)).total_seconds() // 60)


def cells(gap: tuple[datetime, int]) -> slice:
    return slice(place(gap[0]), place(gap[0]) + gap[1])


def walked() -> np.ndarray:
    """Return a week of steps: bouts of a quarter of an hour, and walks that begin with each gap."""
    rng = np.random.default_rng(11)
    bouts = rng.integers(20, 120, 96 * 7) * (rng.random(96 * 7) < 0.25)
    steps = np.repeat(bouts, 15).astype(np.float64)
    for gap in (WITH, WITHOUT, SHORT, LONG):
        begin = place(gap[0])
        steps[begin - 35 : begin + gap[1] + 35] = 40
        steps[begin - 20 : begin + gap[1] + 20] = 0
        steps[begin : begin + (40 if gap == LONG else 4)] = WALK
    return steps


def response() -> np.ndarray:
    """Return what the steps lead to, by hand: each minute the way to it becomes shorter by the same share."""
    keep, found, state = 0.5 ** (1 / HALF_LIFE_MIN), [], 0.0
    for step in walked():
        state = keep * state + (1 - keep) * step
        found.append(REST + SLOPE * state)
    return np.array(found)


def beaten(seed: int) -> list[float]:
    return np.round(response() + np.random.default_rng(seed).normal(0, 1, 1440 * 7), 2).tolist()


def put(it: Planted, *, with_steps: bool = True) -> None:
    """`a` with steps and `b` without."""
    for n, who in enumerate("ab"):
        for part in cut(moment(FIRST), beaten(n), 1, (WITH, WITHOUT, SHORT, LONG)):
            it.put("heart_rate", who, *part, period_s=1, every_s=60)
    for part in cut(moment(FIRST), walked().tolist(), 1, (WITHOUT,)) if with_steps else ():
        it.put("steps", "a", *part)


RULES = {"window": {"start": FIRST, "end": LAST}, "expected_streams": ("heart_rate",)}


@pytest.fixture(scope="module")
def moved(make_planted: MakePlanted) -> Planted:
    """Tests do not change it."""
    it = make_planted(**RULES, imputation={"mode": "past_only"})
    put(it)
    it.everything(FIRST, LAST)
    return it


def told(study: Planted, gap: tuple[datetime, int], who: str = "a", columns: str = "value, method") -> list[tuple]:
    around = gap[0], gap[0] + timedelta(minutes=gap[1])
    return study.rows(f"SELECT {columns} {RATE} ORDER BY ts", who, *around)


def methods(study: Planted, gap: tuple[datetime, int], who: str = "a") -> list[str | None]:
    return [method for _, method in told(study, gap, who)]


def rmse(values: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((values - truth) ** 2)))


def test_a_dropout_while_steps_were_recorded_is_filled_in_by_them(moved: Planted):
    """Four minutes of 110 steps are 33 bpm more, of which 8 are left four minutes later."""
    truth = response()
    begin = place(WITH[0])
    assert truth[begin + np.array([3, 7])] == pytest.approx([REST + 33, REST + 8.25], abs=0.1)
    line = np.interp(np.arange(8), [-1, 8], truth[[begin - 1, begin + 8]])
    found = told(moved, WITH, columns="value, method, lower_90, upper_90, is_imputed, gap_min, refusal")
    assert {row[1] for row in found} == {"cross_stream"}
    assert {row[4:] for row in found} == {(True, 8, None)}
    own, other = rmse(np.array([row[0] for row in found]), truth[cells(WITH)]), rmse(line, truth[cells(WITH)])
    assert other > 15
    assert own < 0.3 * other
    # By margins of its own.
    learned = read_model(moved.connection, "heart_rate", MINUTE, "past_only", MON)
    assert learned
    values = np.array([[row[0] for row in found]])
    lower, upper = learned.model.around(values, np.full(values.shape, 8), "cross_stream")
    np.testing.assert_allclose([row[2:4] for row in found], np.array([lower[0], upper[0]]).T, rtol=1e-12)
    assert not np.allclose(lower, learned.model.around(values, np.full(values.shape, 8))[0])
    # Up to five minutes, too, where a straight line is the default.
    assert methods(moved, SHORT) == ["cross_stream"] * 4


@pytest.mark.verify
def test_the_same_dropout_without_steps_is_filled_in_by_the_default(moved: Planted):
    """None were recorded in the gap, or of the person."""
    assert methods(moved, WITHOUT) == ["stack"] * 8
    assert methods(moved, WITH, "b") == ["stack"] * 8
    assert methods(moved, SHORT, "b") == ["linear"] * 4
    values = np.array([value for value, _ in told(moved, WITHOUT)])
    assert rmse(values, response()[cells(WITHOUT)]) > 10


def windows_of(learned: Learned) -> Windows:
    """Everything of `a` up to the end of Monday that a model sees of it, from the lists that were written."""
    rate, steps = np.array(beaten(0), dtype=np.float32), walked().astype(np.float32)
    for gap in (WITH, WITHOUT, SHORT):
        rate[cells(gap)] = np.nan
    steps[cells(WITHOUT)] = np.nan
    end = place(moment(TUE))
    at = np.arange(end - 1440 - MINUTE.context, end)
    weekend = np.array([(FIRST + n * ONE_DAY).weekday() >= 5 for n in at // 1440])
    who = np.array([learned.people.index("a")])
    return Windows(rate[None, at], (at % 1440 // 5)[None], weekend[None], who, MINUTE, steps[None, at])


@pytest.mark.verify
def test_a_model_goes_through_the_lake_and_back_and_gives_the_same_rows(moved: Planted):
    (span,) = spans_of(moved.job.study, "past_only", MON, LAST)
    again = learn_model(moved.connection, moved.job.study, HEART_RATE, MINUTE, "past_only", span)
    read = read_model(moved.connection, "heart_rate", MINUTE, "past_only", MON)
    assert again
    assert read
    assert (read.version, read.people) == (again.version, again.people) == (again.version, ["a", "b"])
    one, other = again.model.people.response, read.model.people.response
    assert one is not None
    assert other is not None
    assert other.is_known.tolist() == [True, False]
    for name in ("is_known", "coefficients", "centre", "usual"):
        np.testing.assert_array_equal(getattr(other, name), getattr(one, name), name)
        assert getattr(other, name).dtype == getattr(one, name).dtype
    for name in ("phi", "step", "noise", "initial"):
        np.testing.assert_array_equal(getattr(other.deviation, name), getattr(one.deviation, name), name)
    windows = windows_of(again)
    expected = again.model.fill(windows, "cross_stream")[0]
    np.testing.assert_array_equal(read.model.fill(windows, "cross_stream")[0], expected)
    begin = place(moment(TUE)) - 1440 - MINUTE.context
    for gap in (WITH, SHORT):
        since = place(gap[0]) - begin
        values = [value for value, _ in told(moved, gap)]
        np.testing.assert_allclose(values, expected[since : since + gap[1]], rtol=1e-12)


@pytest.mark.verify
def test_other_steps_make_another_model(moved: Planted):
    (span,) = spans_of(moved.job.study, "past_only", MON, LAST)
    version = moved.rows("SELECT model_version FROM imputed.model WHERE stream = 'heart_rate' AND resolution = '1m'")
    with moved.tried(f"UPDATE imputed.series_1m SET total = total + 1 WHERE stream = 'steps' AND day = '{FIRST}'"):
        other = learn_model(moved.connection, moved.job.study, HEART_RATE, MINUTE, "past_only", span)
    assert other
    assert version != [(other.version,)]


@pytest.mark.parametrize("own", [{"method": "linear"}, pytest.param({"method": "stack"}, marks=pytest.mark.verify)])
def test_a_method_of_ones_own_switches_it_off(moved: Planted, copied, own: dict):
    study = copied(moved, imputation={"mode": "past_only", "streams": {"heart_rate": own}})
    study.impute(MON)
    assert methods(study, WITH) == [own["method"]] * 8
    assert methods(study, SHORT) == [own["method"]] * 4
    if own["method"] == "linear":
        rate, begin = beaten(0), place(WITH[0])
        line = np.interp(np.arange(8), [-1, 8], [rate[begin - 1], rate[begin + 8]])
        np.testing.assert_allclose([value for value, _ in told(study, WITH)], line, rtol=1e-6)
    # Nor are steps read.
    grids = _grids(study, ["a"], MON, MON)
    assert [grid.driver for grid in grids] == [None]


@pytest.mark.verify
def test_of_the_past_later_steps_change_nothing(moved: Planted, copied):
    """Those of later days are others; and of an hour before a gap, which does change it."""
    study = copied(moved)
    day = f"SELECT * FROM imputed.heart_rate_1m WHERE day = '{MON}' ORDER BY participant_id, ts"
    expected = study.rows(day)
    assert [row for row in expected if "cross_stream" in row]
    study.write(f"UPDATE staging.steps SET value = 150 - value WHERE day > '{MON}'")
    study.everything(TUE, LAST)
    study.impute(MON)
    assert study.rows(day) == expected
    before = told(study, WITH)
    study.write(
        f"UPDATE staging.steps SET value = value / 2 WHERE local_ts >= '{WITH[0]}'"
        f" AND local_ts < '{WITH[0] + timedelta(minutes=4)}'"
    )
    study.everything(MON)
    after = told(study, WITH)
    assert {method for _, method in after} == {"cross_stream"}
    # 17 bpm more instead of 33.
    assert before[3][0] - after[3][0] == pytest.approx(16.5, abs=4)


@pytest.mark.verify
def test_of_a_device_off_the_wrist_steps_count_and_zeros_do_not(moved: Planted, copied):
    """By the heart rate it was off for 40 minutes, in the last ten of which it counted nothing."""
    assert gaps(moved, "a", "heart_rate", "gap_min, reason, refusal")[-1] == (40, "not_worn", "not_allowed")
    study = copied(moved, imputation={"mode": "past_only", "reasons": ("not_worn", "unknown")})
    still = LONG[0] + timedelta(minutes=30)
    study.write(
        "UPDATE staging.steps SET value = 0 WHERE participant_id = 'a'"
        f" AND local_ts >= '{still}' AND local_ts < '{LONG[0] + timedelta(minutes=40)}'"
    )
    study.everything(TUE)
    (grid,) = _grids(study, ["a"], FIRST, LAST)
    steps = walked()
    steps[cells(WITHOUT)] = np.nan
    steps[cells((still, 10))] = np.nan
    assert grid.driver is not None
    np.testing.assert_array_equal(grid.driver[0], steps.astype(np.float32))
    assert methods(study, LONG) == ["cross_stream"] * 30 + ["stack"] * 10


@pytest.mark.verify
def test_where_steps_tell_wear_a_longer_gap_is_filled_in_by_them(moved: Planted, copied):
    """The walk goes on for the 40 minutes; and no longer than the protocol says."""
    wear = {"coverage": {"wear": {"method": "zero_steps"}}}
    study = copied(moved, **wear)
    study.everything(TUE)
    assert gaps(study, "a", "heart_rate", "gap_min, reason, refusal")[-1] == (40, "unknown", None)
    assert methods(study, LONG) == ["cross_stream"] * 40
    values, truth = np.array([value for value, _ in told(study, LONG)]), response()[cells(LONG)]
    assert rmse(values, truth) < 4
    # The line goes from rest to where the walk was left, 39 bpm above.
    assert truth[-1] - REST == pytest.approx(44, abs=0.1)
    assert rmse(np.linspace(REST, truth[-1], 40), truth) > 10
    for longest, expected in ((40, ["cross_stream"] * 40), (39, [None] * 40)):
        own = {"mode": "past_only", "streams": {"heart_rate": {"method": "cross_stream", "longest_min": longest}}}
        study = copied(study, imputation=own)
        study.impute(TUE)
        assert methods(study, LONG) == expected


@pytest.mark.verify
@pytest.mark.parametrize(("driven_min", "method"), [(8, "cross_stream"), (7, "stack"), (0, "stack")])
def test_a_gap_no_longer_than_the_rule_says(moved: Planted, driven_min: int, method: str):
    learned = read_model(moved.connection, "heart_rate", MINUTE, "past_only", MON)
    (grid,) = _grids(moved, ["a", "b"], MON - ONE_DAY, MON)
    rule = Rule(((120, "stack"),), 0, driven_min)
    found = fill_day(grid, MINUTE, "past_only", rule, learned, MON)
    assert found is not None
    own = found.cells.filter(pl.col("participant_id") == "a", pl.col("minute").is_between(600, 607))
    assert own["method"].to_list() == [method] * 8


@pytest.mark.verify
def test_a_whole_record_is_filled_in_by_steps_too(moved: Planted, copied):
    study = copied(moved, imputation={"mode": "whole_record"})
    study.impute(MON)
    assert methods(study, WITH) == ["cross_stream"] * 8
    assert methods(study, WITHOUT) == ["stack"] * 8
    assert rmse(np.array([v for v, _ in told(study, WITH)]), response()[cells(WITH)]) < 5


@pytest.mark.verify
def test_where_nobody_has_steps_a_model_is_learned_once_and_does_without(make_planted: MakePlanted):
    it = make_planted(**RULES, imputation={"mode": "past_only"})
    put(it, with_steps=False)
    it.everything(FIRST, LAST)
    learned = read_model(it.connection, "heart_rate", MINUTE, "past_only", MON)
    assert learned
    assert learned.model.people.response is None
    assert methods(it, WITH) == methods(it, WITH, "b") == ["stack"] * 8
    assert methods(it, SHORT) == ["linear"] * 4
    assert [*learn_all(it.connection, it.job, [HEART_RATE], "past_only", MON, WED, anew=False)] == []


@pytest.mark.verify
def test_a_model_that_was_kept_before_there_was_a_response_is_read_and_learned_anew(moved: Planted, copied):
    study = copied(moved)
    of = "stream = 'heart_rate' AND resolution = '1m'"
    ((version, body),) = study.rows(f"SELECT model_version, body FROM imputed.model WHERE {of}")
    bare = json.loads(body)
    del bare["certainty"]["cross_stream"]
    changes = [f"UPDATE imputed.model SET body = '{json.dumps(bare)}', model_version = 'old' WHERE {of}"]
    for who, person in study.rows(
        "SELECT participant_id, body FROM imputed.model_person WHERE model_version = ?", version
    ):
        own = {name: told for name, told in json.loads(person).items() if name != "response"}
        changes.append(
            f"UPDATE imputed.model_person SET body = '{json.dumps(own)}', model_version = 'old'"
            f" WHERE participant_id = '{who}' AND model_version = '{version}'"
        )
    study.write(*changes, f"UPDATE imputed.model_clock SET model_version = 'old' WHERE model_version = '{version}'")
    old = read_model(study.connection, "heart_rate", MINUTE, "past_only", MON)
    assert old
    assert (old.version, old.model.people.response) == ("old", None)
    # It does for a protocol that names other methods.
    plain = copied(study, imputation={"mode": "past_only", "streams": {"heart_rate": {"method": "linear"}}})
    assert methods_of(plain.job.study, "heart_rate", MINUTE) == ("stack", "linear")
    plain.impute(MON)
    assert told(plain, WITH, columns="DISTINCT model_version, method") == [("old", "linear")]
    study.impute(MON)
    assert told(study, WITH, columns="DISTINCT model_version, method") == [(version, "cross_stream")]


@pytest.mark.verify
def test_a_back_test_tells_of_it_though_the_protocol_has_another_method(moved: Planted, copied):
    own = {"mode": "past_only", "streams": {"heart_rate": {"method": "linear"}}}
    study = copied(moved, imputation=own)
    found = run_backtest(study.connection, study.job, gaps=100)
    assert {t.stream for t in found} == {"heart_rate"}
    overall = {(s.person, s.length_min, s.method): s.rmse for t in found[:1] for s in t.scores if s.part_of_day == ALL}
    assert {method for _, _, method in overall} == {"stack", "cross_stream", *COMPARATORS}
    person = found[0].people.index("a")
    for length in (15, 60):
        assert overall[person, length, "cross_stream"] < 0.5 * overall[person, length, "stack"]
    # Without anybody's steps there is nothing to tell.
    with study.tried("DELETE FROM imputed.series_1m WHERE stream = 'steps'"):
        bare = run_backtest(study.connection, study.job, gaps=20)
    assert {s.method for t in bare for s in t.scores} == {"stack", *COMPARATORS}
