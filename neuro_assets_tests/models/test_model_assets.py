"""Models in the graph: what they follow, that they learn when they are due, and checks that fail."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from neuro_assets.automation.retraining import Asked, learning_config, plan_learning
from neuro_assets.checks import models as checks
from neuro_assets.keys import key_of, table_name
from neuro_assets.lake.ddl import ensure_tables
from neuro_assets.models import judge
from neuro_assets.models.registry import ensure_models
from neuro_assets.streams.models import MODEL_TABLES
from neuro_assets.study import StudyError
from neuro_assets_tests.models.conftest import FIRST, TABLES, Lake, on
from neuro_assets_tests.models.studies import STEPS, Diary
from neuro_assets_tests.study_homes import QUIET, StudyHome, checks_of, new_graph, settings_of

WATCH = ("models.watch", "models.drift")
VERSIONS = ("models.registry", "models.evaluation", "models.sample", "models.leak")
RULES: dict[str, Any] = {
    "window": {"start": str(FIRST), "end": str(on(120))},
    "default_time_zone": "UTC",
    "expected_streams": ["steps"],
    "surveys": ["ema_mood"],
    "models": {"stress": STEPS, "calm": STEPS | {"outcome": {"instrument": "ema_mood", "item": "mood"}}},
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"REFITS": 0, "RESAMPLES": 200, "REPEATS": 1}.items():
        monkeypatch.setattr(judge, name, value)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, new_instance: Callable[[], dg.DagsterInstance]) -> StudyHome:
    folder = tmp_path_factory.mktemp("models") / "home"
    return StudyHome(settings_of(folder), new_graph(folder, **RULES), new_instance())


def put(home: StudyHome, diary: Diary, labels: int | None = None) -> None:
    """The lake has a diary; of its answers only the first ones where a number is given."""
    every = [(person, day) for day in range(1, diary.days + 1) for person in range(diary.people)]
    with home.lake.connect() as connection:
        with home.lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, (*TABLES, *home.job.tables))
        lake = Lake(home.job, connection)
        diary.put(lake, answered=every[:labels])
        lake.write()


def sensed(home: StudyHome) -> list[dg.RunRequest]:
    """What the sensor asks for now."""
    sensor = home.definitions.resolve_sensor_def("retraining")
    with dg.build_sensor_context(
        instance=home.instance, repository_def=home.definitions.get_repository_def()
    ) as context:
        return list(sensor.evaluate_tick(context).run_requests or [])


def learn(home: StudyHome, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """Run what the sensor asked for, and what follows."""
    job = home.definitions.resolve_job_def("learn_models")
    done = job.execute_in_process(
        instance=home.instance,
        asset_selection=list(request.asset_selection or []),
        run_config=QUIET | dict(request.run_config),
        tags=dict(request.tags),
    )
    assert done.success
    assert home.run([*VERSIONS, "models.prediction", *WATCH]).success
    return done


def test_each_model_is_an_asset_that_follows_what_it_reads(home: StudyHome):
    graph = home.definitions.resolve_asset_graph()
    above = {table_name(k) for k in graph.get(dg.AssetKey(["models", "stress"])).parent_keys}
    assert above == {"features.steps", "staging.survey_response"}
    every = {table_name(k) for k in graph.get_all_asset_keys() if k.path[0] == "models"}
    assert every == {"models.stress", "models.calm", *(t.qualified for t in MODEL_TABLES)}
    checked = {table_name(key.asset_key) for key in graph.asset_check_keys}
    assert every <= checked
    assert graph.get(dg.AssetKey(["models", "stress"])).automation_condition is None
    assert graph.get(key_of(MODEL_TABLES[0])).automation_condition is not None


def test_a_feature_that_there_is_not_is_told_when_the_study_is_loaded(tmp_path: Path):
    wrong = RULES | {"models": {"stress": STEPS | {"features": ["steps.totl"]}}}
    with pytest.raises(StudyError, match=r"study\.yaml: models\.stress: .*did you mean 'total'"):
        new_graph(tmp_path / "home", **wrong)


def test_who_is_due_is_asked_for_once():
    due = {"stress": {"state": "1/90/50", "reasons": ["50 new labels"]}, "gone": {"state": "1/1/1", "reasons": ["?"]}}
    asked = plan_learning(due, ["stress", "calm"])
    assert asked == [Asked("stress", "stress/1/90/50", ("50 new labels",))]
    assert plan_learning({}, ["stress"]) == []
    config = learning_config({"stress": ["a"]}, "sensor")
    assert config == {"ops": {"models__stress": {"config": {"reasons": ["a"], "actor": "sensor"}}}}


@pytest.mark.verify
def test_the_drill(home: StudyHome):
    """49 labels: nothing. 50: a version, its predictions. New ones, drift, going back; all of it is on record."""
    put(home, Diary(people=10, days=30), labels=49)
    assert home.run(WATCH).success
    assert home.rows("SELECT is_due, new_labels FROM models.watch WHERE model = 'stress'") == [(False, 49)]
    assert sensed(home) == []
    put(home, Diary(people=10, days=30), labels=50)
    assert home.run(WATCH).success
    (request,) = sensed(home)
    assert list(request.asset_selection or []) == [dg.AssetKey(["models", "stress"])]
    done = learn(home, request)
    assert all(check.passed for check in checks_of(done, "models.stress").values())
    assert home.rows("SELECT version, alias, trained_for FROM models.registry") == [
        (1, "champion", "50 new labelled samples (limit 50)")
    ]
    assert home.rows("SELECT count(*), min(day) FROM models.prediction") == [(260, on(6))]
    assert home.rows("SELECT is_due, new_labels FROM models.watch WHERE model = 'stress'") == [(False, 0)]
    assert sensed(home) == []
    put(home, Diary(people=10, days=30), labels=99)
    assert home.run(WATCH).success
    assert sensed(home) == []
    put(home, Diary(people=10, days=30), labels=100)
    assert home.run(WATCH).success
    learn(home, sensed(home)[0])
    # Another way of asking: the champion is compared with on the same held-out samples.
    assert home.rows("SELECT version, compared_with, rows FROM models.registry ORDER BY 1") == [
        (1, None, 50),
        (2, 1, 100),
    ]
    put(home, Diary(people=10, days=60, shift=2.5, shifted_from=12), labels=105)
    assert home.run(WATCH).success
    (request,) = sensed(home)
    assert "features drifted: steps.total" in request.tags["neuro/learns_because"]
    audited = home.rows("SELECT action, actor FROM ops.audit ORDER BY decided_at, action")
    assert audited[:2] == [("model learned", "retraining sensor"), ("model promoted", "retraining sensor")]
    records = home.instance.get_run_records(dg.RunsFilter(job_name="learn_models"))
    assert [r.dagster_run.status for r in records] == [dg.DagsterRunStatus.SUCCESS] * 2


@pytest.mark.verify
def test_each_check_fails_on_what_cannot_be(home: StudyHome):
    put(home, Diary(people=10, days=10))
    with home.lake.connect() as connection:
        ensure_models(connection, home.job)
    config = learning_config({"stress": []}, "test")
    asked = dg.RunRequest(asset_selection=[dg.AssetKey(["models", "stress"])], run_config=config)
    learn(home, asked)
    assert failing(home) == set()
    last = home.rows("SELECT max(version) FROM models.registry")[0][0]
    of_last = f"model = 'stress' AND version = {last}"
    file = home.settings.models / f"stress/v{last:04d}/model.skops"
    whole = file.read_bytes()
    file.write_bytes(b"something else")
    home.write(f"UPDATE models.registry SET alias = 'champion' WHERE {of_last}")
    assert checks.FILES in failing(home)
    file.write_bytes(whole)
    broken = {
        checks.TOLD: f"UPDATE models.registry SET leaks = 5 WHERE {of_last}",
        checks.NO_LEAKS: f"INSERT INTO models.leak VALUES ('stress', {last}, 'leak_list', true, 'x', 0, 'x')",
        checks.APART: f"UPDATE models.sample SET fold = 9 WHERE {of_last} AND day = DATE '{on(3)}'",
        checks.EVERY_ROW: f"DELETE FROM models.sample WHERE {of_last} AND day = DATE '{on(4)}'",
        checks.WITHIN: f"UPDATE models.evaluation SET lower_95 = 2, upper_95 = 1 WHERE {of_last}",
        checks.BY_CHAMPION: "UPDATE models.prediction SET version = 77",
        checks.ACCOUNTED: "UPDATE models.watch SET new_labels = samples + 1",
        checks.OF_LAST: "INSERT INTO models.drift VALUES ('stress', 99, 'x', 0, 0, 0, 0, 0, 0, false)",
    }
    for name, statement in broken.items():
        assert name not in failing(home), name
        home.write(statement)
        assert name in failing(home), name
    home.write(f"UPDATE models.prediction SET version = {last}, day = DATE '{on(5)}'")
    assert checks.UNSEEN in failing(home)
    home.write("UPDATE models.registry SET alias = 'champion', leaks = 0, is_better_than_baseline = false")
    assert checks.ONE_CHAMPION in failing(home)


def failing(home: StudyHome) -> set[str]:
    """Checks that do not pass now."""
    with home.lake.connect() as connection:
        last = connection.execute("SELECT max(version) FROM models.registry").fetchall()[0][0]
        found = [
            *checks.model_check_results(connection, dg.AssetKey(["models", "stress"]), last),
            *checks.registry_check_results(connection, home.settings.models, ["stress"]),
            *checks.prediction_check_results(connection),
            *checks.watch_check_results(connection),
        ]
    return {r.check_name for r in found if not r.passed and r.check_name}
