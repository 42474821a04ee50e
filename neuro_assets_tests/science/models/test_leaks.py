"""Planted leaks are caught, each by the scan that is for it; in clean data of many kinds nothing is found."""

import time
from dataclasses import replace

import numpy as np
import pytest

from neuro_assets.science.models.leak_combinations import combinations
from neuro_assets.science.models.leak_people import twins
from neuro_assets.science.models.leaks import Known, group_markers, scan, single_columns
from neuro_assets.science.models.samples import Samples, samples_of
from neuro_assets_tests.science.models.made import START, noise


def planted(samples: Samples, **columns: np.ndarray) -> Samples:
    """The samples with more features."""
    values = np.column_stack([samples.values, *columns.values()])
    return replace(samples, values=values, names=(*samples.names, *columns))


def one_row_each(seed: int, people: int, features: int, values: int | None = None) -> Samples:
    """A survey: answers from 0 to `values` - 1 of one row a person, or numbers."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(people, features)) if values is None else rng.integers(0, values, (people, features)) * 1.0
    score = rng.normal(size=people)
    return samples_of(
        x, [f"f{i}" for i in range(features)], score > 0, np.arange(people), [START] * people, score=score
    )


def clean(seed: int) -> Samples:
    """Unrelated data of one of five kinds: daily, with people that differ, of few people, and surveys."""
    kinds = (
        lambda: noise(seed, 20, 30, 40, missing=0.2),
        lambda: noise(seed, 30, 25, 40, person_sd=1.5, missing=0.4),
        lambda: noise(seed, 8, 30, 60, person_sd=6.0),
        lambda: one_row_each(seed, 60, 100),
        lambda: one_row_each(seed, 300, 30, values=4),
    )
    return kinds[seed % 5]()


@pytest.mark.verify
def test_in_clean_data_nothing_is_found():
    false_alarms = [(seed, finding) for seed in range(50) for finding in scan(clean(seed))]
    assert false_alarms == []


# --- a column alone ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
def test_a_column_that_orders_the_outcome(sign):
    samples = noise(1)
    rng = np.random.default_rng(0)
    leak = sign * np.exp(samples.score + 0.01 * rng.normal(size=len(samples)))
    leak[rng.random(len(leak)) < 0.3] = np.nan
    (found,) = scan(planted(samples, leak=leak))
    assert (found.kind, found.columns, found.is_certain) == ("single_column", ("leak",), True)
    assert "leak alone orders the outcome: AUC 0.99" in found.told or "AUC 1.000" in found.told


def test_a_strong_but_honest_column_is_none():
    samples = noise(1)
    rng = np.random.default_rng(0)
    assert scan(planted(samples, strong=samples.outcome + 0.5 * rng.normal(size=len(samples)))) == []


def test_a_code_whose_values_have_one_outcome_each():
    samples, rng = noise(2), np.random.default_rng(0)
    code = np.where(
        samples.outcome == 1, rng.choice([2.0, 5.0], len(samples)), rng.choice([1.0, 4.0, 9.0], len(samples))
    )
    (found,) = scan(planted(samples, code=code))
    assert found.told.startswith("each value of code (missing is one) has one outcome only")


def test_a_column_that_is_there_only_with_the_outcome():
    samples, rng = noise(3), np.random.default_rng(0)
    follow_up = np.where(samples.outcome == 1, rng.normal(size=len(samples)), np.nan)
    (found,) = scan(planted(samples, follow_up=follow_up))
    assert found.told.startswith("whether follow_up is missing tells the outcome")


def of_people(people: int, days: int) -> Samples:
    who = np.repeat(np.arange(people), days)
    rng = np.random.default_rng(0)
    return samples_of(
        rng.normal(size=(len(who), 3)), "abc", who % 2, [f"p{i:02d}" for i in who], START + np.arange(len(who)) % days
    )


def test_people_count_and_not_their_days():
    # The outcome is one a person. A column of them that parts 6 people does so by chance; of 40 it does not.
    few, many = of_people(6, 50), of_people(40, 8)
    for samples, expected in ((few, []), (many, [("marker",)])):
        rank = {p: i % 2 * 100 + i for i, p in enumerate(np.unique(samples.people))}
        marked = planted(samples, marker=np.array([float(rank[p]) for p in samples.people]))
        assert [finding.columns for finding in single_columns(marked)] == expected
        assert len(np.unique(marked.outcome[marked.people == marked.people[0]])) == 1


# --- columns together ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("people", [8, 20])
def test_the_outcome_is_the_sum_of_two_columns(people):
    samples, rng = noise(4, people, features=30), np.random.default_rng(0)
    part = rng.normal(size=len(samples))
    (found,) = scan(planted(samples, one=part, two=samples.score - part))
    assert (found.kind, found.columns) == ("combination", ("one", "two"))
    assert "R2" in found.told


def test_two_columns_that_are_nearly_alike_and_often_missing():
    # Time in bed less time asleep: either says next to nothing alone. Half of each is missing.
    samples, rng = noise(5, features=30), np.random.default_rng(0)
    part = 50 * rng.normal(size=len(samples))
    columns = {"in_bed": part, "asleep": part - samples.score}
    columns = {name: np.where(rng.random(len(samples)) < 0.5, np.nan, values) for name, values in columns.items()}
    (found,) = scan(planted(samples, **columns))
    assert found.columns == ("asleep", "in_bed")


def test_nine_items_and_their_sum():
    rng = np.random.default_rng(1)
    items = rng.integers(0, 4, (200, 9)).astype(float)
    other = rng.normal(size=(200, 40))
    samples = samples_of(
        np.column_stack([other, items]),
        [*(f"f{i}" for i in range(40)), *(f"q{i}" for i in range(1, 10))],
        items.sum(axis=1) >= 14,
        np.arange(200),
        [START] * 200,
        score=items.sum(axis=1),
    )
    (found,) = scan(samples)
    assert found.columns == tuple(f"q{i}" for i in range(1, 10))
    assert "q1 + q2 + q3" in found.told


def test_without_the_score_columns_are_caught_by_the_outcome_they_order():
    samples, rng = noise(6, people=40, features=20), np.random.default_rng(0)
    part = rng.normal(size=len(samples))
    (found,) = scan(replace(planted(samples, one=part, two=samples.score - part), score=None))
    assert (found.kind, found.columns) == ("combination", ("one", "two"))
    assert "AUC" in found.told


def test_a_fit_through_few_people_is_no_combination():
    samples = one_row_each(0, 24, 300)
    assert combinations(samples) == []


@pytest.mark.verify
def test_three_hundred_columns_of_five_thousand_rows_in_five_seconds():
    samples, rng = noise(7, 100, 50, 300, missing=0.1), np.random.default_rng(0)
    part = rng.normal(size=len(samples))
    samples = planted(samples, one=part, two=samples.score - part)
    begin = time.process_time()
    found = scan(samples)
    assert time.process_time() - begin < 5
    assert [finding.columns for finding in found] == [("one", "two")]


# --- dates ---------------------------------------------------------------------------------------------------


def test_a_feature_computed_after_the_outcome():
    samples = noise(8)
    at = samples.day.astype("datetime64[s]") + np.timedelta64(20, "h")
    after = np.where(samples.people == "p003", at + np.timedelta64(1, "s"), at)
    known = Known(known_at={"f1": after, "f2": at}, outcome_at=at)
    (found,) = scan(samples, known)
    assert (found.kind, found.columns, found.people) == ("dated_after_outcome", ("f1",), ("p003",))
    assert "in 30 of 600 rows" in found.told
    with pytest.raises(ValueError, match="known_at needs outcome_at"):
        scan(samples, Known(known_at={"f1": after}))
    with pytest.raises(ValueError, match="one moment for each of 600 rows"):
        scan(samples, Known(known_at={"f1": after[:5]}, outcome_at=at))


def test_a_window_that_reaches_beyond_the_horizon():
    samples = noise(8)
    days = {"f1": 0, "f2": 1, "f3": 2, "f4": -3}
    (found,) = scan(samples, Known(known_after_days=days, outcome_after_days=1))
    assert found.columns == ("f3",)
    assert "days up to 2 after the row's, the outcome is known 1 after it" in found.told


# --- one person under two ids --------------------------------------------------------------------------------


def with_twin(samples: Samples, shift: int, digits: int | None, lost: float) -> Samples:
    """Person p003 again as x, so many days later, to so many digits, and with some cells missing or changed."""
    rng = np.random.default_rng(0)
    rows = samples.people == "p003"
    values = samples.values[rows].copy()
    if digits is not None:
        values = np.array([[float(f"{v:.{digits}g}") for v in row] for row in values])
    values[rng.random(values.shape) < lost] = np.nan
    values[rng.random(values.shape) < lost / 4] += 1.0
    return samples_of(
        np.vstack([samples.values, values]),
        samples.names,
        np.append(samples.outcome, samples.outcome[rows]),
        np.append(samples.people, ["x"] * rows.sum()),
        np.append(samples.day, samples.day[rows] + shift),
        score=None if samples.score is None else np.append(samples.score, samples.score[rows]),
    )


@pytest.mark.parametrize(("shift", "digits", "lost"), [(0, None, 0.0), (0, 3, 0.2), (37, None, 0.1), (-365, 4, 0.0)])
def test_one_person_under_two_ids(shift, digits, lost):
    samples = noise(9, missing=0.2)
    (found,) = scan(with_twin(samples, shift, digits, lost))
    assert (found.kind, found.people) == ("same_person_twice", ("p003", "x"))
    assert (f"{shift} days apart" in found.told) == (shift != 0)
    assert found.is_certain


def test_one_person_twice_in_a_survey():
    samples = one_row_each(1, 80, 20)
    rows = np.append(np.arange(80), 7)
    twice = samples_of(
        samples.values[rows],
        samples.names,
        samples.outcome[rows],
        np.append(samples.people, ["again"]),
        samples.day[rows],
    )
    (found,) = scan(twice)
    assert (found.people, found.is_certain) == (("7", "again"), True)


def test_people_who_answer_alike_are_not_one():
    # Half of all say "never" to everything, and everybody is of one of four ages.
    rng = np.random.default_rng(0)
    answers = rng.integers(0, 4, (200, 20)) * (rng.random((200, 1)) < 0.5)
    samples = samples_of(answers, [f"q{i}" for i in range(20)], rng.random(200) < 0.3, np.arange(200), [START] * 200)
    assert twins(samples) == []


def test_unworn_days_make_nobody_the_same():
    samples = noise(10, people=30, days=30)
    values = np.where(np.random.default_rng(0).random((len(samples), 1)) < 0.6, 0.0, samples.values)
    ages = np.repeat(np.arange(30) % 4, 30).astype(float)
    assert twins(planted(replace(samples, values=values), age=ages)) == []


def test_twins_in_fifty_thousand_rows_take_seconds():
    samples = with_twin(noise(11, 500, 100, 20), 12, 3, 0.1)
    begin = time.process_time()
    assert [finding.people for finding in twins(samples)] == [("p003", "x")]
    assert time.process_time() - begin < 20


# --- the leak list and markers of groups ---------------------------------------------------------------------


def test_listed_columns_and_what_is_nearly_one():
    samples, rng = noise(12), np.random.default_rng(0)
    income = rng.normal(size=len(samples))
    samples = planted(samples, income=income, income_usd=1.1 * income + 3, wealth=income + 0.2 * rng.normal(size=600))
    found = scan(samples, Known(leak_list=("income",)))
    assert [(f.kind, f.columns) for f in found] == [("leak_list", ("income",)), ("leak_list", ("income_usd", "income"))]
    without = samples.columns([name for name in samples.names if name != "income"])
    (found,) = scan(without, Known(leak_list=("income",), withheld={"income": income}))
    assert found.columns == ("income_usd", "income")
    with pytest.raises(ValueError, match="must have 600 values"):
        scan(without, Known(withheld={"income": income[:3]}))


def test_a_marker_of_groups_is_a_warning():
    samples = of_people(30, 10)
    marked = planted(samples, birthday=np.repeat(np.random.default_rng(0).random(30), 10))
    (found,) = group_markers(marked)
    assert (found.kind, found.columns, found.is_certain) == ("identifies_groups", ("birthday",), False)
    assert scan(marked) == [found]
    # Outcomes that change from day to day are not given away by it.
    days = noise(13)
    assert group_markers(planted(days, birthday=np.repeat(np.arange(20.0), 30))) == []
