"""A series that follows another one: the response against pandas and by hand, and what filling by it is worth."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from neuro_assets.science.imputation.backtest import ALL, Question, backtest, first_days
from neuro_assets.science.imputation.cross import Response, fit_response
from neuro_assets.science.imputation.kalman import Autoregressions
from neuro_assets.science.imputation.masks import Masks, hidden, random_masks
from neuro_assets.science.imputation.methods import cross_stream, is_driven, profile_ar
from neuro_assets.science.imputation.model import Hiding, Mode, learn
from neuro_assets.science.imputation.people import People, learn_people, without_days
from neuro_assets.science.imputation.series import HOUR, MINUTE, Record, Resolution, Windows
from neuro_assets_tests.science.imputation.made import fading, people_of, record_of

NAN = float("nan")
SLOPE, HALF_LIFE = 0.4, 8.0
REST = [0.0] * 20
HALF_LIVES = (0.0, 2.0, 8.0, 32.0)


def steps_of(rng: np.random.Generator, people: int, days: int) -> np.ndarray:
    """Return steps by the minute: bouts of a quarter of an hour with 20 to 120 of them, nothing between."""
    bouts = rng.integers(20, 120, (people, days * 96)) * (rng.random((people, days * 96)) < 0.25)
    found = np.repeat(bouts, 15, axis=1).astype(np.float64)
    return np.where(found > 0, np.maximum(found + rng.normal(0, 10, found.shape), 0), 0).reshape(people, days, 1440)


def lagging(steps: np.ndarray) -> np.ndarray:
    """Return the exponential mean over the past, which begins with the first value."""
    flat = steps.reshape(len(steps), -1)
    return pd.DataFrame(flat.T).ewm(halflife=HALF_LIFE, adjust=False).mean().to_numpy().T.reshape(steps.shape)


def followed(
    seed: int, people: int = 4, days: int = 10, slopes: float | np.ndarray = SLOPE, noise: float = 1.0
) -> Record:
    """Make heart rates that follow steps with a half-life of 8 minutes around a usual day, and a slow deviation."""
    rng = np.random.default_rng(seed)
    steps = steps_of(rng, people, days)
    usual = 65 + 5 * np.cos((np.arange(1440) / 60 - 16) * np.pi / 12) + np.arange(people)[:, None, None]
    slow = np.repeat(rng.normal(0, 2, (people, days, 24)), 60, axis=2)
    bpm = usual + np.reshape(slopes, (-1, 1, 1)) * lagging(steps) + slow + rng.normal(0, noise, steps.shape)
    return replace(record_of(bpm, MINUTE), driver=steps.astype(np.float32))


@cache
def learned() -> tuple[Record, People]:
    record = followed(1)
    return record, learn_people(record, with_simple=False, with_response=True)


@cache
def fresh() -> Record:
    """Make the same people on other days, with holes of an hour and a half that have a middle."""
    return followed(2)


def hidden_hours(length: int = 60, count: int = 60, record: Record | None = None) -> tuple[Windows, np.ndarray]:
    record = record or fresh()
    return hidden(record, random_masks(record, length, count, np.random.default_rng(3)))


def inner(estimate: np.ndarray, length: int = 60) -> np.ndarray:
    return estimate[:, MINUTE.context : MINUTE.context + length]


def rmse(estimate: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((estimate - truth) ** 2)))


def response_of(*coefficients: float, centre: tuple[float, float] = (0.0, 0.0)) -> Response:
    own = np.zeros((1, 8))
    own[0, : len(coefficients)] = coefficients
    return Response(np.array([True]), own, np.array([centre]), np.zeros((1, 2, 288)), fading(1))


def added(response: Response, *driver: float, resolution: Resolution = MINUTE) -> np.ndarray:
    return response.to(np.array([driver], dtype=np.float32), np.array([0]), resolution)[0]


@pytest.mark.parametrize("place", range(8))
def test_each_feature_equals_pandas(place: int):
    # the first four of steps, the others of their roots; the mean of the past begins with the person's mean
    steps = np.random.default_rng(4).integers(0, 180, 300).astype(np.float64)
    centre = (12.0, 2.0)[place // 4]
    driver = steps if place < 4 else np.sqrt(steps)
    past = pd.Series([centre, *driver])
    half_life = HALF_LIVES[place % 4]
    expected = past.ewm(halflife=half_life, adjust=False).mean() if half_life else past
    found = added(response_of(*np.eye(8)[place], centre=(12.0, 2.0)), *steps)
    # of the first minutes what was before is not known
    assert np.isnan(found[:7]).all()
    np.testing.assert_allclose(found[8:], expected.to_numpy()[9:] - centre, rtol=1e-4, atol=1e-4)


def test_a_response_by_hand():
    # half of the way to 100 in 8 minutes, three quarters in 16; 0 steps are seen, and it fades
    response = response_of(0, 0, 1)
    found = added(response, *REST, *[100] * 16, *[0] * 8)[20:]
    assert found[[7, 15, 23]] == pytest.approx([50, 75, 37.5], rel=1e-5)
    # more than 200 steps are no more
    assert added(response_of(1), *REST, 200, 1000)[20:].tolist() == [200, 200]
    # of hours: 6000 steps are 100 a minute
    hourly = Response(np.array([True]), np.array([[1.0, 0, 0, 0]]), np.zeros((1, 2)), np.zeros((1, 2, 24)), fading(1))
    assert added(hourly, 0, 0, 0, 6000, 0, resolution=HOUR)[3:].tolist() == [100, 0]


def test_while_the_driver_is_not_seen_nothing_is_said_and_half_is_forgotten_in_half_an_hour():
    response = response_of(0, 0, 1, centre=(20.0, 0.0))
    found = added(response, *[20] * 20, *[100] * 8, *[NAN] * 30, *[20] * 20)[20:]
    # nor is enough known of the past in the first 8 minutes after that
    assert np.isnan(found[8:45]).all()
    # 80 above the mean: half of it after 8 minutes, half of that after the hole, and 16 minutes at the mean
    assert found[7] == pytest.approx(40, rel=1e-5)
    assert found[38 + 15] == pytest.approx(5, rel=1e-5)
    # one minute that is not seen takes nothing from the others
    found = added(response, *[20] * 20, *[100] * 8, NAN, *[100] * 4)[20:]
    assert np.isnan(found).tolist() == [False] * 8 + [True] + [False] * 4
    # a minute with no steps is not one that was not seen
    still = added(response, *[20] * 20, *[100] * 8, *[0] * 30, 20)[20:]
    assert np.isfinite(still).all()
    assert still[38] < 0


def test_a_known_response_is_found_again():
    record, people = learned()
    response = people.response
    assert response is not None
    assert response.is_known.tolist() == [True] * 4
    assert record.driver is not None
    own = response.to(record.driver.reshape(4, -1), np.arange(4), MINUTE)
    true = SLOPE * lagging(record.driver.astype(np.float64)).reshape(4, -1)
    expected = true - true.mean(axis=1, keepdims=True)
    assert rmse(own[:, 20:], expected[:, 20:]) < 0.08 * true.std()
    # an hour's walk of 100 steps a minute: 40 bpm, half of them after 8 minutes
    walk = np.zeros((4, 200), dtype=np.float32)
    walk[:, 100:] = 100
    more = response.to(walk, np.arange(4), MINUTE)
    more -= more[:, 99:100]
    np.testing.assert_allclose(more[:, [107, 160]], [[20, 40 * (1 - 0.5 ** (61 / 8))]] * 4, atol=1.5)
    # and the usual is what remains of the day, at the person's mean of steps
    expected = 65 + 5 * np.cos((np.arange(288) / 12 - 16) * np.pi / 12) + np.arange(4)[:, None] + true.mean()
    np.testing.assert_allclose(response.usual.mean(axis=1), expected, atol=2)


def test_a_gap_with_steps_is_filled_much_better_than_without():
    _, people = learned()
    for length in (15, 60, 360):
        windows, truth = hidden_hours(length)
        own, other = (rmse(inner(fill(windows, people), length), truth) for fill in (cross_stream, profile_ar))
        assert own < 0.5 * other, length
        # the slow deviation of 2 changes every hour, the noise is 1
        assert own < 3, length


def test_without_a_driver_it_is_the_usual_and_deviations_to_the_last_bit():
    record, people = learned()
    windows, _ = hidden_hours()
    expected = profile_ar(windows, people)
    assert not np.array_equal(cross_stream(windows, people), expected)
    assert windows.driver is not None
    nothing = np.full_like(windows.driver, NAN)
    for same in (
        cross_stream(replace(windows, driver=None), people),
        cross_stream(replace(windows, driver=nothing), people),
        cross_stream(windows, replace(people, response=None)),
        # of some rows alone
        cross_stream(replace(windows, driver=np.where(np.arange(60)[:, None] < 30, nothing, windows.driver)), people)[
            :30
        ],
    ):
        np.testing.assert_array_equal(same, expected[: len(same)])
    assert not is_driven(replace(windows, driver=nothing), people).any()
    assert not is_driven(replace(windows, driver=None), people).any()
    assert not is_driven(windows, replace(people, response=None)).any()
    # a record without one, or one that nobody asked for
    assert learn_people(replace(record, driver=None), with_simple=False, with_response=True).response is None
    assert learn_people(record, with_simple=False).response is None


def test_all_else_is_learned_as_without_a_driver():
    record, people = learned()
    bare = learn_people(replace(record, driver=None), with_simple=False)
    for name in ("mean", "clock", "median", "profile", "root_profile"):
        np.testing.assert_array_equal(getattr(people, name), getattr(bare, name))
    np.testing.assert_array_equal(people.deviation.step, bare.deviation.step)


@pytest.mark.parametrize(("variance", "share"), [(1.0, 1 / 2), (2.5, 1 / 17), (0.25, 16 / 17)])
def test_the_surer_one_counts_more_by_hand(variance: float, share: float):
    # nothing seen: the usual of 10 with a variance of 1 + 0.5; by the driver, one as large, twice or half as large
    response = replace(response_of(0, 0, 1), usual=np.full((1, 2, 288), 40.0), deviation=fading(1, variance=variance))
    people = people_of(np.full((1, 2, 288), 10.0), response=response)
    driver = np.array([[*[40] * 60, *[NAN] * 20]], dtype=np.float32)
    slot = np.arange(80)[None] // 5
    windows = Windows(np.full((1, 80), NAN), slot, slot > 99, np.array([0]), MINUTE, driver=driver)
    found = cross_stream(windows, people)[0]
    at = 20 + 3
    followed = 40 + 40 * (1 - 0.5 ** ((at + 1) / 8))
    assert found[at] == pytest.approx(10 + share * (followed - 10), rel=1e-4)
    np.testing.assert_array_equal(found[60:], 10)


def test_where_the_driver_is_missing_in_a_part_of_the_gap():
    _, people = learned()
    windows, truth = hidden_hours()
    usual = inner(profile_ar(windows, people))
    assert windows.driver is not None
    driver = windows.driver.copy()
    driver[:, MINUTE.context + 20 : MINUTE.context + 40] = NAN
    found = inner(cross_stream(replace(windows, driver=driver), people))
    # and until half of the past is known again, which counts half 8 minutes ago
    np.testing.assert_array_equal(found[:, 20:45], usual[:, 20:45])
    for part in (slice(0, 20), slice(48, 60)):
        assert rmse(found[:, part], truth[:, part]) < 0.6 * rmse(usual[:, part], truth[:, part])
    # which is told of every place
    is_followed = inner(is_driven(replace(windows, driver=driver), people))
    assert is_followed[:, :20].all()
    assert is_followed[:, 48:].all()
    assert not is_followed[:, 20:45].any()
    np.testing.assert_array_equal(found[~is_followed], usual[~is_followed])
    # a driver that is missing is not one of 0
    still = inner(cross_stream(replace(windows, driver=np.nan_to_num(driver)), people))
    assert np.abs(still[:, 20:40] - usual[:, 20:40]).mean() > 1


def test_values_whose_driver_is_missing_are_not_taken_for_deviations_from_rest():
    # the driver is gone for an hour on either side, in which one may have walked
    _, people = learned()
    for length, most in ((5, 1.01), (60, 0.6)):
        windows, truth = hidden_hours(length)
        assert windows.driver is not None
        driver, begin = windows.driver.copy(), MINUTE.context
        driver[:, begin - 60 : begin] = NAN
        driver[:, begin + length : begin + length + 60] = NAN
        found = inner(cross_stream(replace(windows, driver=driver), people), length)
        assert rmse(found, truth) < most * rmse(inner(profile_ar(windows, people), length), truth)


def test_a_hidden_stretch_keeps_its_driver():
    record = fresh()
    masks = random_masks(record, 60, 20, np.random.default_rng(5))
    windows, _ = hidden(record, masks)
    assert record.driver is not None
    assert windows.driver is not None
    flat = record.driver.reshape(4, -1)
    for n, (person, start) in enumerate(zip(masks.person, masks.start, strict=True)):
        np.testing.assert_array_equal(inner(windows.driver)[n], flat[person, start : start + 60])
        around = np.arange(start - MINUTE.context, start + 60 + MINUTE.context)
        is_inside = (around >= 0) & (around < flat.shape[1])
        np.testing.assert_array_equal(windows.driver[n, is_inside], flat[person, around[is_inside]])
        assert np.isnan(windows.driver[n, ~is_inside]).all()
    assert np.isnan(inner(windows.values)).all()


EVENING, MIDNIGHT = 3 * 1440 + 1260, 4 * 1440 - 30


@pytest.mark.parametrize(("begin", "end"), [(EVENING, 4 * 1440), (MIDNIGHT, 5 * 1440)])
def test_the_past_sees_the_driver_up_to_the_end_of_the_day_on_which_the_stretch_ends(begin: int, end: int):
    record, _ = learned()
    masks = Masks(np.array([1]), np.array([begin]), 60)
    windows, _ = hidden(record, masks, past_only=True)
    assert record.driver is not None
    assert windows.driver is not None
    place = begin - MINUTE.context + np.arange(windows.driver.shape[1])
    own = record.driver.reshape(4, -1)[1, place]
    np.testing.assert_array_equal(windows.driver[0], np.where(place < end, own, np.nan))


@pytest.mark.parametrize(
    ("begin", "since", "is_same"),
    [
        # later values are deviations from what their driver says, as far as both are seen
        (EVENING, EVENING + 61, False),
        (EVENING, 4 * 1440, True),
        # of which there are none after midnight; the stretch goes on by its driver
        (MIDNIGHT, MIDNIGHT + 50, False),
        (MIDNIGHT, MIDNIGHT + 60, True),
    ],
)
def test_by_the_past_alone_what_a_later_driver_changes(begin: int, since: int, is_same: bool):
    record, people = learned()
    masks = Masks(np.array([1]), np.array([begin]), 60)
    assert record.driver is not None
    driver = record.driver.copy()
    driver.reshape(4, -1)[:, since:] = 150
    both = (hidden(r, masks, past_only=True)[0] for r in (record, replace(record, driver=driver)))
    one, other = (inner(cross_stream(windows, people)) for windows in both)
    assert np.array_equal(one, other) == is_same
    both = (hidden(r, masks)[0] for r in (record, replace(record, driver=driver)))
    one, other = (inner(cross_stream(windows, people)) for windows in both)
    assert not np.array_equal(one, other)


def test_a_person_without_a_driver_among_others():
    record, _ = learned()
    assert record.driver is not None
    driver = record.driver.copy()
    driver[2] = NAN
    some = replace(record, driver=driver)
    people = learn_people(some, with_simple=False, with_response=True)
    assert people.response is not None
    assert people.response.is_known.tolist() == [True, True, False, True]
    assert people.response.coefficients[2].tolist() == [0] * 8
    # the others' are as if that person were not there
    others = [0, 1, 3]
    alone = fit_response(Record(record.values[others], record.weekend, MINUTE, driver=driver[others]))
    assert alone is not None
    for name in ("coefficients", "usual", "centre"):
        np.testing.assert_allclose(getattr(people.response, name)[others], getattr(alone, name), rtol=1e-6, atol=1e-9)
    # in windows of all of them, even where that person has a driver by now
    windows, truth = hidden_hours()
    found, usual = inner(cross_stream(windows, people)), inner(profile_ar(windows, people))
    own = windows.person == 2
    np.testing.assert_array_equal(found[own], usual[own])
    assert is_driven(windows, people).any(axis=1).tolist() == (~own).tolist()
    assert rmse(found[~own], truth[~own]) < 0.5 * rmse(usual[~own], truth[~own])


def test_who_has_too_little_of_a_driver_has_no_response():
    record, _ = learned()
    assert record.driver is not None
    driver = record.driver.copy()
    # half a day is 720 minutes, after 7 of which nothing is known of what was before
    driver.reshape(4, -1)[0, 720:] = NAN
    driver.reshape(4, -1)[1, 730:] = NAN
    driver[3] = 7
    found = fit_response(replace(record, driver=driver))
    assert found is not None
    assert found.is_known.tolist() == [False, True, True, False]
    # and nobody else's is drawn to theirs
    values = record.values.copy()
    values[[0, 3]] += 100
    other = fit_response(replace(record, values=values, driver=driver))
    assert other is not None
    np.testing.assert_array_equal(other.usual[1:3], found.usual[1:3])
    np.testing.assert_array_equal(other.coefficients, found.coefficients)
    assert fit_response(replace(record, driver=np.full_like(driver, 7))) is None
    assert fit_response(replace(record, driver=np.full_like(driver, NAN))) is None


def test_a_response_is_drawn_to_that_of_all():
    # others gain 0.2 bpm a step, this one 0.8: n days of n + 4 count, and as many as there are of their own
    gains = []
    for days in (1, 4, 16):
        record = followed(6, people=6, days=16, slopes=np.array([0.8, *[0.2] * 5]))
        assert record.driver is not None
        driver = record.driver.copy()
        driver[0, days:] = NAN
        found = fit_response(replace(record, driver=driver))
        assert found is not None
        walk = np.array([[0] * 120 + [100] * 120] * 6, dtype=np.float32)
        more = found.to(walk, np.arange(6), MINUTE)
        gains.append((more[:, -1] - more[:, 119]) / 100)
    own = [g[0] for g in gains]
    assert 0.2 < own[0] < own[1] < own[2] < 0.8
    assert own[1] == pytest.approx(0.5, abs=0.1)
    np.testing.assert_allclose(gains[0][1:], 0.2, atol=0.05)


def test_left_out_days_are_not_in_what_is_usual():
    record, people = learned()
    parts = without_days(people, record, 5)
    changed = record.values.copy()
    changed[:, 2::5] += 40
    others = without_days(people, replace(record, values=changed), 5)
    for part in range(5):
        one, other = parts[part].response, others[part].response
        assert one is not None
        assert other is not None
        is_same = np.allclose(one.usual, other.usual, atol=1e-6)
        assert is_same == (part == 2)
        assert people.response is not None
        np.testing.assert_array_equal(one.coefficients, people.response.coefficients)
    # nor in what is filled in by it
    windows, _ = hidden_hours()
    np.testing.assert_allclose(cross_stream(windows, parts[2]), cross_stream(windows, others[2]), rtol=1e-5)
    assert all(p.response is None for p in without_days(replace(people, response=None), record, 2))


def test_a_response_goes_through_lists_of_each_person():
    _, people = learned()
    response = people.response
    assert response is not None
    names, states = ("is_known", "coefficients", "centre", "usual"), ("phi", "step", "noise", "initial")
    rows = [
        {name: getattr(response, name)[n].tolist() for name in names}
        | {"deviation": {p: getattr(response.deviation, p)[n].tolist() for p in states}}
        for n in range(4)
    ]
    read = json.loads(json.dumps(rows, allow_nan=False))
    again = Response(
        **{name: np.array([r[name] for r in read]) for name in names},
        deviation=Autoregressions(*(np.array([r["deviation"][p] for r in read]) for p in states)),
    )
    windows, _ = hidden_hours()
    expected = cross_stream(windows, people)
    np.testing.assert_array_equal(cross_stream(windows, replace(people, response=again)), expected)
    # and by place: the people in another order
    order = np.array([2, 0, 3, 1])
    turned = replace(
        people,
        mean=people.mean[order],
        profile=people.profile[order],
        deviation=people.deviation.of(order),
        response=response.of(order),
    )
    moved = replace(windows, person=np.argsort(order)[windows.person])
    np.testing.assert_array_equal(cross_stream(moved, turned), expected)


def test_rows_of_windows():
    windows, _ = hidden_hours(count=3)
    some = windows.of(np.array([True, False, True]))
    assert windows.driver is not None
    assert some.driver is not None
    for own, whole in ((some.values, windows.values), (some.driver, windows.driver), (some.slot, windows.slot)):
        np.testing.assert_array_equal(own, whole[[0, 2]])
    # a clock that all rows have in common stays one
    common = replace(windows, slot=windows.slot[:1], is_weekend=windows.is_weekend[:1]).of(
        np.array([False, True, True])
    )
    assert common.slot.shape == (1, windows.values.shape[1])
    assert common.person.tolist() == windows.person[1:].tolist()


def test_days_that_were_not_chosen_have_no_driver():
    record, _ = learned()
    days = first_days(record)
    some = record.of_days(days)
    assert some.driver is not None
    assert np.isnan(some.driver[~days]).all()
    assert np.isfinite(some.driver[days]).all()


def hours(seed: int) -> Record:
    """Make heart rates by the hour that follow its steps."""
    rng = np.random.default_rng(seed)
    steps = rng.gamma(0.5, 1500, (6, 40, 24))
    slow = np.repeat(rng.normal(0, 1, (6, 40, 3)), 8, axis=2)
    bpm = 60 + np.minimum(steps / 60, 200) * 0.5 + slow + rng.normal(0, 1, steps.shape)
    return replace(record_of(bpm, HOUR), driver=steps.astype(np.float32))


@pytest.mark.parametrize("mode", ["whole_record", "past_only"])
def test_a_back_test_tells_of_it_with_intervals_that_hold(mode: Mode):
    question = Question(methods=("cross_stream", "profile_ar"), mode=mode, gaps=300, hiding=Hiding(stretches=400))
    scores = backtest(hours(7), question)
    of = {(s.method, s.length_min): s for s in scores if s.part_of_day == ALL and s.person is None}
    for length_min in HOUR.lengths:
        own = of["cross_stream", length_min]
        assert own.rmse < 0.4 * of["profile_ar", length_min].rmse
        assert 0.84 < own.coverage < 0.96
    # learned as well where no margins are asked for
    bare = backtest(hours(7), replace(question, with_intervals=False))
    again = {(s.method, s.length_min): s for s in bare if s.part_of_day == ALL and s.person is None}
    assert again["cross_stream", 180].rmse == of["cross_stream", 180].rmse


def test_a_model_that_was_learned_fills_by_it():
    record = hours(8)
    model = learn(record, methods=("stack", "cross_stream"), hiding=Hiding(stretches=200))
    assert set(model.certainty) == {"stack", "cross_stream"}
    windows, truth = hidden(hours(9), Masks(np.array([0, 3]), np.array([200, 500]), 6))
    gap = slice(HOUR.context, HOUR.context + 6)
    estimate = model.fill(windows, "cross_stream")
    assert rmse(estimate[:, gap], truth) < 3
    lower, upper = model.around(estimate, np.full(estimate.shape, 6), "cross_stream")
    assert ((lower <= estimate) & (estimate <= upper)).all()
    assert learn(record, hiding=Hiding(stretches=200)).people.response is None
