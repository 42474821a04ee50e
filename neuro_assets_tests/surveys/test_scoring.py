"""Scores of the built-in instruments equal examples worked out by hand from their published scoring."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from neuro_assets.sources.load import spec_files
from neuro_assets.surveys.load import BUILT_IN, read_codebook
from neuro_assets.surveys.scoring import scores_of

EXAMPLES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "worked_examples.yaml").read_text(encoding="utf-8")
)
INSTRUMENTS = [read_codebook(p) for p in spec_files(BUILT_IN)]


def test_every_instrument_with_scores_has_examples():
    told = {e["instrument"] for e in EXAMPLES}
    assert told == {c.name for c in INSTRUMENTS if c.scores}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e["instrument"])
def test_a_worked_example(example: dict[str, Any]):
    codebook = next(c for c in INSTRUMENTS if c.name == example["instrument"])
    types = {name: pl.Float64 if kind == "number" else pl.String for name, kind in codebook.types.items()}
    assert set(example["answers"]) <= set(types)
    answered = {i: a for i, a in example["answers"].items() if str(a) not in codebook.missing_of(i)}
    frame = pl.DataFrame([{"id": 1} | dict.fromkeys(types) | answered], schema={"id": pl.Int64} | types)
    found = {row["score_name"]: row for row in scores_of(codebook, frame, ["id"]).iter_rows(named=True)}
    for name, wanted in example["scores"].items():
        told = found[name]
        assert (told["score"] is None) == (wanted["score"] is None)
        assert told["score"] is None or told["score"] == pytest.approx(wanted["score"], abs=1e-9)
        for key, column in (("band", "band"), ("answered", "items_answered"), ("prorated", "is_prorated")):
            if key in wanted:
                assert told[column] == wanted[key], key
