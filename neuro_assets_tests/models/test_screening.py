"""Screening: people who were held out, people who did not answer, and a page that says what holds."""

from collections.abc import Callable

import polars as pl
import pytest

from neuro_assets.checks import models as checks
from neuro_assets.models import judge
from neuro_assets.models.predict import predict_all
from neuro_assets.models.registry import ensure_models, retire
from neuro_assets.models.screening import agreement_of, screening_page, tell_screening
from neuro_assets.models.train import train
from neuro_assets.streams.models import MODEL_TABLES
from neuro_assets_tests.models.conftest import Lake
from neuro_assets_tests.models.studies import BY_PERSON, put_people, with_models

pytestmark = pytest.mark.verify


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"REFITS": 0, "RESAMPLES": 200, "REPEATS": 1}.items():
        monkeypatch.setattr(judge, name, value)


@pytest.fixture
def study(lake: Lake) -> Callable[..., Lake]:
    def made(**options: float) -> Lake:
        found = with_models(lake, low_mood=BY_PERSON)
        ensure_models(found.connection, found.job)
        with found.job.lake.transaction(found.connection, [t.qualified for t in MODEL_TABLES]):
            for table in MODEL_TABLES:
                found.connection.execute(f"DELETE FROM {table.qualified}")
        found.rows.clear()
        put_people(found, **options)  # pyright: ignore[reportArgumentType]
        found.write()
        train(found.connection, found.job, "low_mood", actor="somebody")
        predict_all(found.connection, found.job)
        return found

    return made


def test_everybody_is_told_once_by_what_did_not_know_them(study: Callable[..., Lake]):
    lake = study()
    found = tell_screening(lake.connection, lake.job)
    assert found.height == 40
    assert dict(found.group_by("basis").len().iter_rows()) == {"held_out": 35, "predicted": 5}
    silent = found.filter(pl.col("basis") == "predicted")
    assert silent["participant_id"].to_list() == [f"P{n:03d}" for n in range(35, 40)]
    assert silent["is_positive"].null_count() == 5
    assert silent["probability"].null_count() == 0
    held = found.filter(pl.col("basis") == "held_out")
    agreed = agreement_of(found)
    calls = list(zip(held["is_positive"].to_list(), held["is_called"].to_list(), strict=True))
    assert agreed.true_positive == calls.count((True, True)) > 8
    assert agreed.false_positive == calls.count((False, True))
    assert agreed.false_negative == calls.count((True, False))
    assert agreed.true_negative == calls.count((False, False)) > 8
    stored = lake.connection.execute("FROM analytics.screening ORDER BY participant_id").pl()
    assert stored.equals(found)
    assert all(r.passed for r in checks.screening_check_results(lake.connection))


def test_the_page_says_what_holds_and_escapes_what_people_write(study: Callable[..., Lake]):
    lake = study()
    page = screening_page(lake.connection, lake.job, tell_screening(lake.connection, lake.job))
    assert "Low mood &amp; &lt;steps&gt;" in page
    assert "Better than the baseline on people it has not seen." in page
    assert "no diagnosis" in page
    assert page.count("<td>P0") == 5
    assert "of 35 people are" in page


def test_nobody_has_a_probability_where_nothing_stands_up(study: Callable[..., Lake]):
    lake = study(signal=0.0)
    found = tell_screening(lake.connection, lake.job)
    assert set(found["basis"]) == {"answered"}
    assert found["probability"].null_count() == found.height == 35
    page = screening_page(lake.connection, lake.job, found)
    assert "No better than the baseline." in page
    assert "No version predicts, so nobody has a probability here." in page


def test_a_champion_that_was_retired_says_nothing(study: Callable[..., Lake]):
    lake = study()
    retire(lake.connection, lake.job, "low_mood", actor="somebody")
    assert tell_screening(lake.connection, lake.job)["probability"].null_count() == 35


def test_checks_fail_on_what_cannot_be(study: Callable[..., Lake]):
    lake = study()
    tell_screening(lake.connection, lake.job)
    with lake.job.lake.transaction(lake.connection, ["analytics.screening"]):
        lake.connection.execute("UPDATE analytics.screening SET basis = 'predicted' WHERE participant_id = 'P001'")
    assert [r.check_name for r in checks.screening_check_results(lake.connection) if not r.passed] == [
        checks.HELD_APART
    ]
    with lake.job.lake.transaction(lake.connection, ["analytics.screening"]):
        lake.connection.execute("UPDATE analytics.screening SET participant_id = 'P001', basis = 'held_out'")
    assert [r.check_name for r in checks.screening_check_results(lake.connection) if not r.passed] == [checks.ONCE]
