"""Every real file in every kind of re-save: the rows of the original or a reason, and no third outcome."""

from collections.abc import Callable
from pathlib import Path

import pytest

from neuro_assets_tests.resave.account import Result, loaded_share, table, wrong
from neuro_assets_tests.resave.originals import ORIGINALS, Original
from neuro_assets_tests.resave.trial import Frames, Trials
from neuro_assets_tests.resave.variants import Variant, pairs, share, singles

pytestmark = [pytest.mark.verify, pytest.mark.timeout(3600)]
Results = Callable[[Original], list[Result]]


def chosen(original: Original, shared_data: Path) -> list[Variant]:
    """The variants of a file: single steps, and its share of the pairs."""
    export = original.export(shared_data)
    return [
        *share(singles(export), original.label, original.alone_one_in),
        *share(pairs(export), original.label, original.pairs_one_in),
    ]


@pytest.fixture(scope="module")
def results(trials: Trials, expected: Callable[[Original], Frames], shared_data: Path) -> Results:
    """`results(original)`: what became of its variants; tried once."""
    known: dict[str, list[Result]] = {}

    def of(original: Original) -> list[Result]:
        if original.label not in known:
            rows = expected(original)
            variants = chosen(original, shared_data)
            known[original.label] = [Result(original.label, v, trials.of(v, rows)) for v in variants]
        return known[original.label]

    return of


@pytest.mark.parametrize("original", ORIGINALS, ids=lambda o: o.label)
def test_each_variant_gives_the_rows_of_the_original_or_a_reason(results: Results, original: Original):
    found = results(original)
    assert found
    assert wrong(found) == ""


def test_of_the_harmless_ones_four_in_five_load(results: Results, capsys: pytest.CaptureFixture[str]):
    everything = [r for o in ORIGINALS for r in results(o)]
    with capsys.disabled():
        print(table(everything))
    assert len(everything) >= 400
    assert loaded_share(everything) >= 0.8
