"""The catalogue tells of every column of every table of features, and of answers that do not hold."""

import dataclasses
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from neuro_assets.checks.features import catalog_check_result
from neuro_assets.cli.app import app
from neuro_assets.features import catalog as catalogue
from neuro_assets.features.by_minute import ensure_features
from neuro_assets.features.catalog import FAMILIES, catalog, catalog_page, write_catalog
from neuro_assets.science.features.steps import STEPS
from neuro_assets.settings import REPOSITORY
from neuro_assets.streams.features import FEATURE_CATALOG, FEATURE_TABLES
from neuro_assets.streams.features_use import FEATURES_DATA_YIELD, FEATURES_SURVEY, USE_TABLES
from neuro_assets_tests.features.conftest import MakePlanted

ALL_TABLES = (*FEATURE_TABLES, *USE_TABLES.values(), FEATURES_DATA_YIELD, FEATURES_SURVEY)
# What tells of a row, and is no feature.
_OF_ROWS = {
    "participant_id", "day", "segment", "category", "basis", "kind", "since", "until", "stream", "window_days", "days",
    "length_min", "observed_min", "is_valid_day", "is_handed_over", "definitions", "instrument", "score_name",
    "age_days", "answered_ts", "paired_min", "agreeing_min",
}  # fmt: skip


def test_every_column_of_a_table_of_features_is_in_it():
    found = catalog()
    told = set(found.select("family", "feature").rows())
    tables = [t for t in ALL_TABLES if t is not FEATURE_CATALOG and not t.name.endswith("_trailing")]
    assert told == {(t.name, c) for t in tables for c in t.column_names if c not in _OF_ROWS}
    assert set(FAMILIES) | {"survey"} == {t.name for t in tables}
    assert found.height > 130


def test_what_it_says_is_complete_and_holds():
    found = catalog()
    for column in ("description", "formula", "source", "minimum"):
        assert found.filter(found[column].str.strip_chars() == "").height == 0
    assert found["known_answers"].sum() > 60
    assert found.filter(found["known_hold"] != found["known_answers"]).height == 0


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> str:
    """A known answer that is another one."""
    total = STEPS["total"]
    known = dataclasses.replace(total.known[0], expected=99)
    family = dataclasses.replace(
        STEPS, features=[dataclasses.replace(f, known=(known,)) if f is total else f for f in STEPS]
    )
    monkeypatch.setitem(catalogue.FAMILIES, "steps", family)
    return "steps.total"


def test_an_answer_that_does_not_hold_fails_the_check(make_features: MakePlanted, wrong: str):
    study = make_features()
    ensure_features(study.connection, study.job, (FEATURE_CATALOG,))
    write_catalog(study.connection, study.job.lake, catalog())
    check = catalog_check_result(study.connection)
    assert not check.passed
    assert check.metadata["wrong"].value == wrong


def test_the_table_is_written_whole_and_passes(make_features: MakePlanted):
    study = make_features()
    ensure_features(study.connection, study.job, (FEATURE_CATALOG,))
    for _ in range(2):
        write_catalog(study.connection, study.job.lake, catalog())
    assert study.rows("SELECT count(*) FROM features.catalog") == [(catalog().height,)]
    assert catalog_check_result(study.connection).passed


def test_the_command_lists_features_and_writes_a_page(tmp_path: Path):
    page = tmp_path / "features.html"
    result = CliRunner().invoke(app, ["features", "--family", "circadian", "-o", str(page)])
    assert result.exit_code == 0, result.output
    assert "interdaily_stability" in result.output
    text = page.read_text("utf-8")
    assert text.count("<article>") == catalog().height
    assert "pyActigraphy test_rar: 1" in text
    assert CliRunner().invoke(app, ["features", "--family", "nonsense"]).exit_code == 2


def test_the_command_fails_where_an_answer_does_not_hold(wrong: str):
    result = CliRunner().invoke(app, ["features", "--family", "steps"])
    assert result.exit_code == 1
    assert wrong in result.output


def test_a_page_shows_formulas_as_they_are(wrong: str):
    page = catalog_page(catalog())
    assert "<dd class=fails>" in page
    assert not re.search(r"<dd[^>]*>[^<]*<(?!/dd>)", page)


def test_docs_tell_of_every_family():
    text = (REPOSITORY / "docs" / "features.md").read_text("utf-8")
    assert [t.name for t in ALL_TABLES if f"`features.{t.name}`" not in text and not t.name.endswith("_trailing")] == []
