"""What a draft calls things: names in the lake, and the common form of ids."""

import re

import pytest

from neuro_assets.ingest.draft import snake
from neuro_assets.ingest.whose import pattern_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TotalSteps", "total_steps"),
        ("Heart Rate (bpm)", "heart_rate_bpm"),
        ("Größe", "grosse"),
        ("2nd value", "c_2nd_value"),
        ("day", "day_of_file"),
        ("order", "order_of_file"),
        ("no", "no_of_file"),
        ("%", "pct"),
        ("心拍", "unnamed"),
    ],
)
def test_names_in_the_lake(name: str, expected: str):
    assert snake(name) == expected


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["U001", "U017"], r"U\d{3}"),
        (["U1", "U17"], r"U\d+"),
        (["1503960366"], r"\d{10}"),
        (["7"], r"\d+"),
        (["ab-1", "cd-2"], r"[a-z]+-\d+"),
        (["A.1", "A.2"], r"A\.\d+"),
        (["A1", "7B"], r"[A-Za-z0-9_-]+"),
        (["a 1", "b/2"], r".+"),
    ],
)
def test_the_pattern_of_ids(ids: list[str], expected: str):
    assert pattern_of(ids) == expected
    assert all(re.fullmatch(expected, i) for i in ids)
