"""A model learns: what is written, when nothing is, which version predicts, and going back."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from neuro_assets.checks.models import ANSWERED, watch_check_results
from neuro_assets.models import judge
from neuro_assets.models.artifact import ArtifactError
from neuro_assets.models.judge import NotLearnableError
from neuro_assets.models.predict import predict_all
from neuro_assets.models.registry import (
    NoSuchVersionError,
    ensure_models,
    open_model,
    read_versions,
    retire,
    roll_back,
)
from neuro_assets.models.train import Trained, train
from neuro_assets.models.watch import watch, write_watch
from neuro_assets.streams.models import MODEL_TABLES, RESERVED
from neuro_assets.study_models import RESERVED as RESERVED_NAMES
from neuro_assets_tests.models.conftest import Lake, at
from neuro_assets_tests.models.studies import STEPS, Diary, with_models

SMALL = Diary(people=8, days=10)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much chance as these tests need; how well it is told is proven elsewhere."""
    for name, value in {"REFITS": 0, "RESAMPLES": 200, "REPEATS": 1}.items():
        monkeypatch.setattr(judge, name, value)


@pytest.fixture
def study(lake: Lake) -> Callable[..., Lake]:
    """The lake of a diary and of models, by default of one that learns stress from steps."""

    def made(diary: Diary = SMALL, **models: dict[str, object]) -> Lake:
        found = with_models(lake, **(models or {"stress": STEPS}))
        ensure_models(found.connection, found.job)
        with found.job.lake.transaction(found.connection, [t.qualified for t in MODEL_TABLES]):
            for table in MODEL_TABLES:
                found.connection.execute(f"DELETE FROM {table.qualified}")
        fill(found, diary)
        return found

    return made


def fill(lake: Lake, diary: Diary, **options: object) -> None:
    """Put a diary in the place of what is there."""
    lake.rows.clear()
    diary.put(lake, **options)  # pyright: ignore[reportArgumentType]
    lake.write()


def learn(lake: Lake, name: str = "stress", *reasons: str) -> Trained:
    return train(lake.connection, lake.job, name, reasons=reasons, actor="somebody")


def aliases(lake: Lake, name: str = "stress") -> list[str]:
    return [v.alias for v in read_versions(lake.connection, name)]


def rows(lake: Lake, sql: str) -> list[tuple]:
    return lake.connection.execute(sql).fetchall()


def test_tables_of_models_are_no_names_of_models():
    assert set(RESERVED_NAMES) == RESERVED


def test_a_version_is_written_whole_and_predicts_what_it_did_not_learn_from(study: Callable[..., Lake]):
    lake = study()
    trained = learn(lake, "stress", "a reason")
    assert trained.facts is not None
    samples = trained.facts.judged.dataset.samples
    (line,) = lake.connection.execute("FROM models.registry").pl().rows(named=True)
    assert (line["alias"], line["version"], line["rows"], line["people"]) == ("champion", 1, 80, 8)
    assert line["trained_for"] == "a reason"
    kept = rows(
        lake, "SELECT participant_id, day, is_positive, fold, held_out_probability FROM models.sample ORDER BY ALL"
    )
    assert [(who, positive) for who, _, positive, _, _ in kept] == [
        (who, y == 1) for who, y in zip(samples.people.tolist(), samples.outcome.tolist(), strict=True)
    ]
    assert all(fold is not None and 0 < p < 1 for *_, fold, p in kept)
    assert rows(lake, "SELECT count(*) FROM models.evaluation WHERE split = 'grouped' AND metric = 'auc'") == [(3,)]
    assert rows(lake, "SELECT action, subject FROM ops.audit WHERE actor = 'somebody' ORDER BY ALL")[-2:] == [
        ("model learned", "stress version 1"),
        ("model promoted", "stress version 1"),
    ]
    assert predict_all(lake.connection, lake.job) == {"stress": 8}
    said = rows(lake, "SELECT participant_id, day, probability, is_positive, is_known_person FROM models.prediction")
    assert {(who, positive, known) for who, _, _, positive, known in said} == {
        (f"P{n:03d}", None, True) for n in range(8)
    }
    assert {day for _, day, *_ in said} == {at(11).date()}


@pytest.mark.verify
def test_the_file_says_what_was_learned(study: Callable[..., Lake]):
    lake = study()
    trained = learn(lake)
    assert trained.facts is not None
    samples, own = trained.facts.judged.dataset.samples, trained.facts.judged.model
    found = open_model(lake.job.settings.models, trained.version)
    assert np.array_equal(found.learned.probability(samples), own.learned.probability(samples))
    assert found.calibration == own.calibration
    folder = lake.job.settings.models / "stress" / "v0001"
    assert {p.name for p in folder.iterdir()} == {"model.skops", "card.md", "report.html"}
    card = (folder / "card.md").read_text(encoding="utf-8")
    assert "AUC under random rows" in card
    assert "steps.total" in card
    assert rows(lake, "SELECT card FROM models.registry") == [(card,)]


@pytest.mark.verify
def test_a_file_that_was_changed_is_not_opened(study: Callable[..., Lake]):
    lake = study()
    version = learn(lake).version
    file = lake.job.settings.models / version.file
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ArtifactError, match="sha256 differs"):
        open_model(lake.job.settings.models, version)
    with pytest.raises(ArtifactError, match="sha256 differs"):
        predict_all(lake.connection, lake.job)
    file.unlink()
    with pytest.raises(ArtifactError, match=r"v0001/model\.skops cannot be read"):
        open_model(lake.job.settings.models, version)


@pytest.mark.verify
def test_a_model_that_says_something_else_is_not_opened(study: Callable[..., Lake]):
    lake = study()
    version = learn(lake).version
    body = dict(version.body) | {"proof": [p + 1e-6 for p in version.body["proof"]]}
    with pytest.raises(ArtifactError, match="says something else than when it was learned with scikit-learn"):
        judge_opened(lake, version.file, version.sha256, body)


def judge_opened(lake: Lake, file: str, sha256: str, body: dict[str, Any]) -> None:
    from neuro_assets.models.artifact import read_model

    read_model(lake.job.settings.models / file, sha256, body)


@pytest.mark.verify
def test_learning_from_the_same_again_writes_nothing(study: Callable[..., Lake]):
    lake = study()
    first = learn(lake)
    assert learn(lake, "stress", "again").facts is None
    assert len(read_versions(lake.connection, "stress")) == 1
    (lake.job.settings.models / first.version.file).unlink()
    # A file that got lost is made again, as another version.
    assert learn(lake).facts is not None
    assert len(read_versions(lake.connection, "stress")) == 2


@pytest.mark.verify
def test_what_is_no_better_than_the_baseline_never_predicts(study: Callable[..., Lake]):
    lake = study(Diary(people=8, days=10, signal=0.0))
    trained = learn(lake)
    assert trained.facts is not None
    assert not trained.facts.promotion.is_promoted
    assert aliases(lake) == ["challenger"]
    assert "No better than the baseline" in rows(lake, "SELECT card FROM models.registry")[0][0]
    assert predict_all(lake.connection, lake.job) == {"stress": 0}


@pytest.mark.verify
def test_a_challenger_needs_the_margin_and_champions_are_kept(study: Callable[..., Lake]):
    lake = study()
    learn(lake)
    fill(lake, Diary(people=8, days=14))
    second = learn(lake)
    assert second.facts is not None
    # The same signal: more days of it are no better by the margin.
    assert second.facts.champion == 1
    assert "not better by the margin" in second.facts.promotion.told
    assert aliases(lake) == ["champion", "challenger"]


@pytest.mark.verify
def test_a_better_one_takes_over_and_one_command_goes_back(study: Callable[..., Lake]):
    # The first is declared to learn from the wrong column, with a little of the right one in the second diary.
    lake = study(Diary(people=12, days=12, weak=True), stress=STEPS | {"features": ["steps.active_min"]})
    learn(lake)
    assert aliases(lake) == ["champion"]
    better = with_models(lake, stress=STEPS)
    second = learn(better)
    assert second.facts is not None
    assert "better by the margin" in second.facts.promotion.told
    assert aliases(better) == ["archived", "champion"]
    predict_all(better.connection, better.job)
    assert {v for (v,) in rows(better, "SELECT DISTINCT version FROM models.prediction")} == {2}
    assert roll_back(better.connection, better.job, "stress", to=None, actor="somebody") == (2, 1)
    assert aliases(better) == ["champion", "archived"]
    predict_all(better.connection, better.job)
    assert {v for (v,) in rows(better, "SELECT DISTINCT version FROM models.prediction")} == {1}
    with pytest.raises(NoSuchVersionError, match="of before: 2; version 1 is the champion"):
        roll_back(better.connection, better.job, "stress", to=None, actor="somebody")
    assert roll_back(better.connection, better.job, "stress", to=2, actor="somebody") == (1, 2)
    assert retire(better.connection, better.job, "stress", actor="somebody") == 2
    assert predict_all(better.connection, better.job) == {"stress": 0}
    said = rows(better, "SELECT action, subject FROM ops.audit WHERE action LIKE 'model r%' ORDER BY decided_at DESC")
    assert said[:3] == [
        ("model retired", "stress version 2"),
        ("model rolled back", "stress version 2"),
        ("model rolled back", "stress version 1"),
    ]


@pytest.mark.verify
def test_nobody_goes_back_to_a_lost_file(study: Callable[..., Lake]):
    lake = study(Diary(people=12, days=12, weak=True), stress=STEPS | {"features": ["steps.active_min"]})
    first = learn(lake)
    better = with_models(lake, stress=STEPS)
    learn(better)
    (lake.job.settings.models / first.version.file).unlink()
    with pytest.raises(ArtifactError):
        roll_back(better.connection, better.job, "stress", to=None, actor="somebody")
    assert aliases(better) == ["archived", "champion"]


@pytest.mark.verify
def test_the_answer_among_the_features_is_never_promoted(study: Callable[..., Lake]):
    lake = study(Diary(people=10, days=10, signal=50.0), stress=STEPS)
    trained = learn(lake)
    assert trained.facts is not None
    assert [f.kind for f in trained.facts.judged.leaks] == ["single_column"]
    assert aliases(lake) == ["challenger"]
    assert "The answer is among the features" in rows(lake, "SELECT card FROM models.registry")[0][0]
    assert rows(lake, "SELECT kind, is_certain, columns FROM models.leak") == [("single_column", True, "steps.total")]


def test_too_little_to_learn_from_is_said(study: Callable[..., Lake]):
    lake = study(Diary(people=4, days=10))
    with pytest.raises(NotLearnableError, match="4 people have rows, at least 5 are needed"):
        learn(lake)
    fill(lake, Diary(people=0))
    with pytest.raises(NotLearnableError, match="no rows with the outcome"):
        learn(lake)
    assert aliases(lake) == []


@pytest.mark.verify
@pytest.mark.parametrize(("labels", "is_due"), [(49, False), (50, True)])
def test_fifty_new_labels_are_a_reason_and_forty_nine_are_none(study: Callable[..., Lake], labels: int, is_due: bool):
    lake = study()
    (before,) = watch(lake.connection, lake.job)
    assert (before.version, before.new_labels, before.is_due) == (None, 80, True)
    learn(lake)
    (after,) = watch(lake.connection, lake.job)
    assert (after.new_labels, after.reasons) == (0, {})
    every = [(person, day) for day in range(1, 21) for person in range(8)]
    fill(lake, Diary(people=8, days=20), answered=every[: 80 + labels])
    (found,) = watch(lake.connection, lake.job)
    assert (found.new_labels, found.is_due) == (labels, is_due)
    assert dict(found.reasons) == ({"new_labels": "50 new labelled samples (limit 50)"} if is_due else {})
    # What was not promoted has learned from them all the same: it is not due again.
    if is_due:
        learn(lake, "stress", *found.reasons.values())
        assert not watch(lake.connection, lake.job)[0].is_due


@pytest.mark.verify
def test_drift_of_features_is_a_reason_and_needs_a_new_label_to_learn_from(study: Callable[..., Lake]):
    lake = study(Diary(people=12, days=30))
    learn(lake)
    every = [(person, day) for day in range(1, 31) for person in range(12)]
    fill(lake, Diary(people=12, days=60), answered=every)
    assert watch(lake.connection, lake.job)[0].reasons == {}
    drifted = Diary(people=12, days=60, shift=2.0, shifted_from=32)
    fill(lake, drifted, answered=every)
    (found,) = watch(lake.connection, lake.job)
    assert list(found.reasons) == ["feature_drift"]
    assert not found.is_due
    assert found.problem == "nothing new to learn from since version 1: new outcomes are needed"
    write_watch(lake.connection, lake.job, [found])
    assert [r.check_name for r in watch_check_results(lake.connection) if not r.passed] == [ANSWERED]
    fill(lake, drifted, answered=[*every, (0, 45)])
    (found,) = watch(lake.connection, lake.job)
    assert (list(found.reasons), found.new_labels, found.is_due) == (["feature_drift"], 1, True)
    assert "1 of 2 features drifted: steps.total" in found.reasons["feature_drift"]
    write_watch(lake.connection, lake.job, [found])
    assert rows(lake, "SELECT feature, is_drifted FROM models.drift ORDER BY feature") == [
        ("steps.active_min", False),
        ("steps.total", True),
    ]
    assert rows(lake, "SELECT is_due, drifted_features, kinds FROM models.watch") == [(True, 1, "feature_drift")]


@pytest.mark.verify
def test_age_and_another_declaration_are_reasons(study: Callable[..., Lake]):
    lake = study(SMALL, stress=STEPS | {"retraining": {"every_days": 30}})
    learn(lake)
    now = datetime.now(UTC)
    assert watch(lake.connection, lake.job, now + timedelta(days=29))[0].reasons == {}
    assert list(watch(lake.connection, lake.job, now + timedelta(days=31))[0].reasons) == ["age"]
    other = with_models(lake, stress=STEPS | {"features": ["steps.total"]})
    assert list(watch(other.connection, other.job)[0].reasons) == ["declaration"]
    # A title, a margin or a rule of retraining changes nothing that is learned.
    same = with_models(lake, stress=STEPS | {"title": "Stress", "margin": 0.1})
    assert watch(same.connection, same.job)[0].reasons == {}


@pytest.mark.verify
def test_a_champion_that_predicts_something_else_by_now_is_not_compared(study: Callable[..., Lake]):
    lake = study()
    learn(lake)
    other = with_models(
        lake, stress={k: v for k, v in STEPS.items() if k != "positive_at_least"} | {"positive_at_most": 2}
    )
    second = learn(other)
    assert second.facts is not None
    assert second.facts.champion is None
    assert "not compared with version 1: it predicts something else" in second.facts.promotion.told
    assert aliases(other) == ["archived", "champion"]


@pytest.mark.verify
def test_the_declaration_of_a_version_is_read_as_it_was_written(study: Callable[..., Lake]):
    lake = study()
    version = learn(lake).version
    assert version.declaration == lake.job.study.models["stress"]
    assert json.loads(rows(lake, "SELECT declaration FROM models.registry")[0][0])["n_folds"] == 4


@pytest.mark.verify
def test_what_only_repeats_the_last_answer_says_so(study: Callable[..., Lake]):
    declared: dict[str, object] = STEPS | {"features": ["survey.ema_mood.stress", "steps.total"]}
    lake = study(Diary(people=12, days=25, signal=0.0), stress=declared)
    lake.rows.clear()
    rng = np.random.default_rng(3)
    for person in range(12):
        answer = 4
        for n in range(25):
            lake.feature("steps", f"P{person:03d}", n, total=8000 + 2000 * rng.normal())
            answer = 6 - answer if rng.random() < 0.15 else answer
            lake.answer(f"P{person:03d}", at(n + 1), "ema_mood", {"stress": answer})
    lake.write()
    trained = learn(lake)
    assert trained.facts is not None
    evaluation = trained.facts.judged.evaluation
    assert evaluation.scored[evaluation.best].metrics["auc"].estimate > 0.7
    assert evaluation.baseline == "last_outcome"
    assert aliases(lake) == ["challenger"]
    assert "the person's outcome before tells as well" in rows(lake, "SELECT card FROM models.registry")[0][0]
