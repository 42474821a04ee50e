"""Every real file in every kind of re-save: the rows of the original or a reason, and no third outcome."""

from collections.abc import Callable
from pathlib import Path

import pytest

from neuro_assets_tests.resave.account import Result, loaded_share, table, wrong
from neuro_assets_tests.resave.originals import ORIGINALS, Original
from neuro_assets_tests.resave.trial import Frames, Trials
from neuro_assets_tests.resave.variants import STEPS, Variant, pairs, share, singles

pytestmark = [pytest.mark.verify, pytest.mark.timeout(3600)]
Results = Callable[[Original], list[Result]]


def chosen(shared_data: Path) -> dict[str, list[Variant]]:
    """The variants of each file: its share of the steps alone and of the pairs; every step alone somewhere."""
    exports = {o.label: o.export(shared_data) for o in ORIGINALS}
    variants = {o.label: share(singles(exports[o.label]), o.label, o.alone_one_in) for o in ORIGINALS}
    for step in STEPS.values():
        if not any(v.steps == (step,) for some in variants.values() for v in some):
            label = next(label for label, export in exports.items() if step.fits(export))
            variants[label].append(Variant(exports[label], (step,)))
    for o in ORIGINALS:
        variants[o.label] += share(pairs(exports[o.label]), o.label, o.pairs_one_in)
    return variants


@pytest.fixture(scope="module")
def results(trials: Trials, expected: Callable[[Original], Frames], shared_data: Path) -> Results:
    """`results(original)`: what became of its variants; tried once."""
    variants = chosen(shared_data)
    known: dict[str, list[Result]] = {}

    def of(original: Original) -> list[Result]:
        if original.label not in known:
            rows = expected(original)
            known[original.label] = [Result(original.label, v, trials.of(v, rows)) for v in variants[original.label]]
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
