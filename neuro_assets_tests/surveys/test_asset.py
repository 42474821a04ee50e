"""The assets of surveys in one run, as automation makes them: every table tells its rows and its checks."""

from neuro_assets.streams.surveys import SURVEY_ANOMALY, SURVEY_TABLES
from neuro_assets_tests.study_homes import StudyHome, checks_of, new_graph, settings_of
from neuro_assets_tests.surveys.conftest import FIRST, LAST
from neuro_assets_tests.surveys.test_answers import SLEEP, table


def test_scores_then_anomalies(new_instance, tmp_path):
    """Sixty who sleep 7 or 8 hours and one who says 23: one score each, one odd number, one odd response."""
    folder = tmp_path / "home"
    (folder / "surveys").mkdir(parents=True)
    (folder / "surveys" / "own.yaml").write_text(SLEEP)
    graph = new_graph(folder, window={"start": FIRST, "end": LAST})
    home = StudyHome(settings_of(folder), graph, new_instance())
    lines = [f"p{n},2024-03-02 07:00:00,{n % 3},{n % 3},{7 + n % 2},x" for n in range(60)]
    path = tmp_path / "diary.csv"
    path.write_text(table(*lines, "odd,2024-03-02 07:00:00,1,1,23,x"))
    assert [o.outcome for o in home.load(path)] == ["loaded"]
    wide = "staging.survey_wide_sleep_diary"
    scored = home.run(["staging.survey_response", *(t.qualified for t in SURVEY_TABLES), wide], FIRST, LAST)
    found = home.run([SURVEY_ANOMALY.qualified])
    assert scored.success
    assert found.success
    assert home.rows("SELECT count(score) FROM baselines.survey_score") == [(61,)]
    assert home.rows("SELECT participant_id, kind FROM baselines.survey_anomaly ORDER BY ALL") == [
        ("odd", "item"),
        ("odd", "response"),
    ]
    checks = [checks_of(scored, t.qualified) for t in SURVEY_TABLES] + [checks_of(found, SURVEY_ANOMALY.qualified)]
    assert all(checks)
    assert all(c.passed for by_name in checks for c in by_name.values())
    (told,) = found.asset_materializations_for_node("survey_anomalies")
    assert str(told.metadata["judged"].value).splitlines()[2:] == [
        "| sleep_diary | hours | 61 | 1 | True |",
        "| sleep_diary | None | 61 | 1 | True |",
    ]
