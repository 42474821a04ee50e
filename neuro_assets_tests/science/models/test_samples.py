"""Samples refuse what would make a result meaningless, and say what it is."""

import numpy as np
import pytest

from neuro_assets.science.models.samples import samples_of
from neuro_assets_tests.science.models.made import START, noise


def made(**changed):
    given = {
        "values": np.arange(12.0).reshape(6, 2),
        "names": ["a", "b"],
        "outcome": [0, 1, 0, 1, 0, 1],
        "people": ["x", "x", "y", "y", "z", "z"],
        "day": START + np.array([0, 1, 0, 1, 0, 1]),
    }
    return samples_of(**(given | changed))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"values": np.zeros((6, 3))}, r"shape \(6, 2\)"),
        ({"names": ["a", "a"]}, "more than once: a"),
        ({"values": np.full((6, 2), np.inf)}, "'a' has infinite values"),
        ({"outcome": [0, 1, 0, 1, 0, 2]}, "must be 0 or 1"),
        ({"outcome": [0, 1, 0, 1, 0, np.nan]}, "missing in some rows"),
        ({"outcome": list("010101")}, "numbers or booleans"),
        ({"people": ["x"] * 5}, "people must have one entry"),
        ({"groups": ["v", "w", "v", "v", "v", "v"]}, r"'x' is in several groups \(v, w\)"),
        ({"day": START + np.array([0, 0, 0, 1, 0, 1])}, "'x' has several rows on 2024-01-01"),
        ({"day": np.full(6, np.datetime64("NaT"))}, "no day"),
        ({"score": np.zeros(5)}, "score must have one entry"),
    ],
)
def test_what_does_not_fit_is_refused(changed, told):
    with pytest.raises(ValueError, match=told):
        made(**changed)


def test_rows_and_columns_are_taken_together():
    found = made(score=np.arange(6.0)).rows(np.array([5, 0])).columns(["b"])
    assert found.values.tolist() == [[11.0], [1.0]]
    assert (found.names, found.people.tolist(), found.score.tolist()) == (("b",), ["z", "x"], [5.0, 0.0])
    assert made().rows(made().people == "y").outcome.tolist() == [0, 1]
    with pytest.raises(ValueError, match="no feature c among a, b"):
        made().columns(["c"])


def test_without_groups_each_person_is_one():
    assert made().n_groups == made().n_people == 3
    assert made(groups=["v", "v", "w", "w", "w", "w"]).n_groups == 2


def test_what_cannot_be_learned_is_refused():
    with pytest.raises(ValueError, match="3 people have rows, at least 5"):
        made().require_learnable()
    found = noise(people=6)
    found.require_learnable()
    with pytest.raises(ValueError, match="have the outcome 1: both"):
        found.rows(found.outcome == 1).require_learnable()
    of_one = found.rows((found.outcome == 0) | (found.people == "p002"))
    with pytest.raises(ValueError, match="only the group 'p002' has the outcome 1"):
        of_one.require_learnable()
