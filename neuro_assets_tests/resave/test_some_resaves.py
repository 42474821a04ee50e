"""A few re-saves of three files, for every run; all of them are in test_all_resaves.py."""

from collections.abc import Callable
from pathlib import Path

import pytest

from neuro_assets_tests.resave.originals import ORIGINALS, Original
from neuro_assets_tests.resave.trial import Frames, Trials, Verdict
from neuro_assets_tests.resave.variants import variant

pytestmark = pytest.mark.verify

FILES = {o.label: o for o in ORIGINALS if o.label in {"dailySteps-p2", "hourlySteps-p2", "sleepDay-p2"}}
HARMLESS = [
    ("dailySteps-p2", "day first, padded"),
    ("dailySteps-p2", "title line, padded", "semicolons"),
    ("dailySteps-p2", "total at the end", "lines of commas at the end"),
    ("dailySteps-p2", "xlsx, merged title"),
    ("hourlySteps-p2", "split: date and hour", "columns reversed"),
    ("sleepDay-p2", "UTF-16 LE with BOM"),
    ("sleepDay-p2", "two-digit year, day first", "headers in snake_case"),
    ("sleepDay-p2", "JSON lines, all text"),
    ("sleepDay-p2", "zip with __MACOSX"),
]
# What cannot be undone: these are refused.
LOSSY = [
    ("dailySteps-p2", "ids as 1.50396E+09"),
    ("dailySteps-p2", "mixed: every other row day first"),
    ("hourlySteps-p2", "time of day lost"),
    ("sleepDay-p2", "header line dropped"),
    ("sleepDay-p2", "gzip cut off"),
]
# What leaves a trace: these are right or refused.
DOUBTFUL = [
    ("hourlySteps-p2", "Excel's swap, real dates", "xlsx, typed"),
    ("sleepDay-p2", "Excel's swap, shown ISO"),
]


def _id(case: tuple[str, ...]) -> str:
    return ", ".join(case)


@pytest.fixture
def verdict(
    trials: Trials, expected: Callable[[Original], Frames], shared_data: Path, case: tuple[str, ...]
) -> Verdict:
    """What became of the case: a file, and the steps of its re-save."""
    original = FILES[case[0]]
    return trials.of(variant(original.export(shared_data), *case[1:]), expected(original))


# All of them together are `make verify`'s, in full.
@pytest.mark.parametrize(
    "case", [c if n % 2 else pytest.param(c, marks=pytest.mark.verify) for n, c in enumerate(HARMLESS)], ids=_id
)
def test_a_harmless_re_save_gives_the_rows_of_the_original(verdict: Verdict):
    assert verdict == Verdict("loaded")


@pytest.mark.parametrize("case", LOSSY, ids=_id)
def test_a_lossy_re_save_is_refused_with_a_reason(verdict: Verdict):
    assert verdict.outcome == "refused", verdict


@pytest.mark.parametrize("case", DOUBTFUL, ids=_id)
def test_a_doubtful_re_save_is_right_or_refused(verdict: Verdict):
    assert verdict.outcome in {"loaded", "refused"}, verdict
