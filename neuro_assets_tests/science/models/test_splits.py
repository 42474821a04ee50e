"""What is learned from and what is predicted never share what a split promises to keep apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_assets.science.models.samples import Samples, samples_of
from neuro_assets.science.models.splits import forward, grouped_folds, leave_one_group_out, random_rows
from neuro_assets_tests.science.models.made import START, noise


def constant_by_person(ones: int, zeros: int, days: int = 4) -> Samples:
    people = np.repeat(np.arange(ones + zeros), days)
    return samples_of(np.zeros((len(people), 1)), ["a"], people < ones, people, START + np.arange(len(people)) % days)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), people=st.integers(6, 30), n_folds=st.integers(2, 6))
def test_every_group_is_held_out_once_and_whole(seed, people, n_folds):
    samples = noise(seed, people, 8, 1)
    split = grouped_folds(samples, n_folds, seed)
    held = [set(samples.groups[fold.test]) for fold in split.folds]
    assert sorted(g for group in held for g in group) == sorted(set(samples.groups))
    assert sorted(split.tested) == list(range(len(samples)))
    for fold in split.folds:
        assert not set(samples.groups[fold.train]) & set(samples.groups[fold.test])
        assert len(fold.train) + len(fold.test) == len(samples)
        assert set(samples.outcome[fold.test]) == set(samples.outcome[fold.train]) == {0, 1}


def test_folds_are_alike_in_outcome():
    samples = constant_by_person(10, 20)
    assert [samples.outcome[fold.test].mean() for fold in grouped_folds(samples, 5).folds] == [1 / 3] * 5


def test_the_same_seed_gives_the_same_folds():
    samples = noise(3)
    one, again, other = (grouped_folds(samples, 5, seed) for seed in (1, 1, 2))
    assert one.tested.tolist() == again.tested.tolist() != other.tested.tolist()


def test_fewer_folds_where_a_fold_would_have_one_outcome():
    split = grouped_folds(constant_by_person(3, 20), 5)
    assert len(split.folds) == 3
    assert split.told == ("3 folds instead of 5: with more a fold would have one outcome only",)
    assert grouped_folds(noise(people=3), 5).told == ("3 folds instead of 5: there are 3 groups",)
    with pytest.raises(ValueError, match="21 groups cannot be held out in 2 folds"):
        grouped_folds(constant_by_person(1, 20), 5)
    with pytest.raises(ValueError, match="at least 2 folds"):
        grouped_folds(noise(), 1)


def test_villages_are_held_out_whole():
    samples = noise(people=12, days=5)
    village = np.char.add("v", (np.arange(12) // 3).astype(str))[np.repeat(np.arange(12), 5)]
    samples = samples_of(samples.values, samples.names, samples.outcome, samples.people, samples.day, village)
    split = leave_one_group_out(samples)
    assert [set(samples.groups[fold.test]) for fold in split.folds] == [{"v0"}, {"v1"}, {"v2"}, {"v3"}]
    assert [len(fold.test) for fold in split.folds] == [15] * 4
    assert split.told == ()


def test_leaving_one_out_tells_where_ranks_are_compared_across_folds():
    split = leave_one_group_out(constant_by_person(3, 4))
    assert split.told == ("7 of 7 groups have one outcome only: ranks are compared across folds",)
    with pytest.raises(ValueError, match="without the group '0' only one outcome"):
        leave_one_group_out(constant_by_person(1, 4))


def test_forward_learns_from_what_was_known():
    samples = noise(people=6, days=30)
    split = forward(samples, ["2024-01-16", "2024-01-11"], gap_days=3)
    first, second = split.folds
    day = (samples.day - START).astype(int)
    assert set(day[first.train]) == set(range(7))
    assert set(day[first.test]) == set(range(10, 15))
    assert set(day[second.train]) == set(range(12))
    assert set(day[second.test]) == set(range(15, 30))
    assert split.told[0].startswith("forward in time: 100% of the predicted rows are of people")
    with pytest.raises(ValueError, match="no row from 2024-03-01"):
        forward(samples, ["2024-03-01"], 0)
    with pytest.raises(ValueError, match="more than 10 days before 2024-01-05"):
        forward(samples, ["2024-01-05"], 10)


def test_random_rows_say_that_they_are_not_honest():
    samples = noise()
    split = random_rows(samples)
    assert not split.is_honest
    assert sorted(split.tested) == list(range(len(samples)))
    assert all(set(samples.people[f.train]) == set(samples.people) for f in split.folds)
    assert grouped_folds(samples).is_honest
    assert forward(samples, ["2024-01-20"], 0).is_honest
