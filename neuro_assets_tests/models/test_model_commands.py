"""`neuro train`, `neuro model` and `neuro trace` on a home with a planted diary; `neuro run` learns what is due."""

import json
from pathlib import Path

import pytest

from neuro_assets.lake.ddl import ensure_tables
from neuro_assets_tests.command import ran
from neuro_assets_tests.models.conftest import TABLES, Lake
from neuro_assets_tests.models.studies import Diary
from neuro_assets_tests.models.test_model_assets import RULES
from neuro_assets_tests.study_homes import StudyHome, settings_of, write_study

pytestmark = pytest.mark.verify


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model that holds; the other has no answers."""
    folder = tmp_path_factory.mktemp("commands") / "home"
    folder.mkdir()
    write_study(folder, **RULES)
    assert ran(folder, "init").returncode == 0
    job = StudyHome(settings_of(folder), None, None).job  # pyright: ignore[reportArgumentType]
    with job.lake.connect() as connection:
        with job.lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, (*TABLES, *job.tables))
        lake = Lake(job, connection)
        Diary(people=8, days=8).put(lake)
        lake.write()
    return folder


def test_a_model_is_learned_shown_and_traced(home: Path):
    assert "never learned: calm, stress" in ran(home, "model", "list").stdout
    done = ran(home, "train", "stress", "--because", "a look")
    assert done.returncode == 0, done.stderr
    assert "stress version 1 (champion): better than the baseline, and there is no champion" in done.stdout
    assert (home / "models" / "stress" / "v0001" / "report.html").exists()
    told = json.loads(ran(home, "model", "list", "--json").stdout)
    assert [(v["model"], v["alias"], v["trained_for"]) for v in told["versions"]] == [("stress", "champion", "a look")]
    assert [(w["model"], w["is_due"]) for w in told["watch"]] == [("calm", False), ("stress", False)]
    assert "Scan for leaks" in ran(home, "model", "card", "stress").stdout
    traced = ran(home, "trace", "models.prediction", "model=stress", "participant_id=P003", "day=2024-03-13").stdout
    assert "models.registry: stress version 1" in traced
    assert "steps.total" in traced
    again = ran(home, "train", "stress", "--json")
    assert json.loads(again.stdout)["models"][0]["version"] == 1


def test_what_cannot_be_done_is_said(home: Path):
    done = ran(home, "train", "calm")
    assert done.returncode == 1
    assert "error: models__calm: no rows with the outcome survey.ema_mood.mood" in " ".join(done.stderr.split())
    done = ran(home, "train", "strss")
    assert done.returncode == 2
    assert "there is calm, stress" in " ".join(done.stderr.replace("│", " ").split())
    done = ran(home, "model", "rollback", "calm")
    assert done.returncode == 2
    assert "no version of calm predicts" in done.stderr


def test_retired_it_predicts_no_more_and_a_run_learns_what_is_due(home: Path):
    assert ran(home, "model", "retire", "stress").returncode == 0
    counted = ran(home, "sql", "-f", "csv", "select count(*) as n from models.prediction")
    assert counted.stdout.split() == ["n", "0"]
    job = StudyHome(settings_of(home), None, None).job  # pyright: ignore[reportArgumentType]
    with job.lake.connect() as connection:
        lake = Lake(job, connection)
        Diary(people=8, days=16).put(lake)
        lake.write()
    assert ran(home, "run", "--select", 'key:"models/watch" or key:"models/drift"').returncode == 0
    assert "stress is due: 64 new labelled samples (limit 50)" in ran(home, "model", "list").stdout
    assert ran(home, "run", "--no-learn").returncode == 0
    assert len(json.loads(ran(home, "model", "list", "--json").stdout)["versions"]) == 1
    assert ran(home, "run").returncode == 0
    told = json.loads(ran(home, "model", "list", "--json").stdout)
    assert [v["trained_for"] for v in told["versions"]] == ["a look", "64 new labelled samples (limit 50)"]
