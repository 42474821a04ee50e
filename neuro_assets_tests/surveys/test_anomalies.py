"""What is odd about answers beside all others: planted among simulated households and in a questionnaire."""

import numpy as np
import polars as pl

from neuro_assets.checks.surveys import anomaly_check_results
from neuro_assets.scoring.anomalies import find_anomalies, write_anomalies
from neuro_assets_tests.surveys.conftest import Surveyed
from neuro_assets_tests.surveys.test_answers import SLEEP, table


def judged(study: Surveyed) -> pl.DataFrame:
    """Stage, score, judge and write; what was judged."""
    study.compute()
    with study.job.lake.connect() as connection:
        found = find_anomalies(connection, study.job)
        write_anomalies(connection, study.job, found)
        (check,) = anomaly_check_results(connection)
    assert check.passed
    return found.judged


def test_a_number_far_from_all_others_is_told_with_what_it_was_held_against(surveyed):
    """Hours of sleep of 7 and 8 by turns, and one of 23."""
    study = surveyed(SLEEP)
    lines = [f"p{n},2024-03-02 07:00:00,{n % 3},{n % 3},{7 + n % 2},x" for n in range(60)]
    study.give("diary.csv", table(*lines, "odd,2024-03-02 07:00:00,1,1,23,x", "blank,2024-03-03 07:00:00,1,1,,x"))
    told = judged(study)
    assert study.rows(
        "SELECT participant_id, kind, item, value, expected, far_from, responses FROM baselines.survey_anomaly"
        " WHERE kind = 'item'"
    ) == [("odd", "item", "hours", 23.0, 8.0, 3.5, 61)]
    assert told.rows() == [("sleep_diary", "hours", 61, 1, True), ("sleep_diary", None, 61, 1, True)]
    assert study.rows("SELECT participant_id FROM baselines.survey_anomaly WHERE kind = 'response'") == [("odd",)]
    assert study.rows("SELECT count(*) FROM staging.survey_response") == [(62 * 4,)]


def test_answers_that_do_not_go_together_are_told_and_no_others(surveyed):
    """PHQ-9: 300 people whose nine answers follow one mood, and three who answer 0 and 3 by turns."""
    random = np.random.default_rng(11)
    mood = random.normal(1, 0.9, (300, 1))
    answers = np.clip(np.rint(mood + random.normal(0, 0.35, (300, 9))), 0, 3).astype(int)
    rows = [*answers.tolist(), *([0, 3] * 4 + [0] for _ in range(3))]
    lines = [f"p{n:03},2024-03-02 07:00:00,{','.join(map(str, row))}" for n, row in enumerate(rows)]
    study = surveyed(surveys=("phq9",))
    study.give(
        "phq9.csv", "\n".join(["participant_id,answered_at," + ",".join(f"q{n}" for n in range(1, 10)), *lines, ""])
    )
    told = judged(study)
    assert told.rows() == [("phq9", None, 303, told["far"][0], True)]
    found = [p for (p,) in study.rows("SELECT participant_id FROM baselines.survey_anomaly ORDER BY 1")]
    assert {"p300", "p301", "p302"} <= set(found)
    assert len(found) <= 3 + 6
    again = judged(study)
    assert again.equals(told)
    assert [p for (p,) in study.rows("SELECT participant_id FROM baselines.survey_anomaly ORDER BY 1")] == found


def test_of_a_few_responses_nothing_is_said(surveyed):
    study = surveyed(SLEEP)
    study.give("diary.csv", table("a,2024-03-02 07:00:00,1,1,7,x", "b,2024-03-02 07:00:00,1,1,23,x"))
    assert judged(study).rows() == [("sleep_diary", "hours", 2, 0, False), ("sleep_diary", None, 2, 0, False)]
    assert study.rows("SELECT count(*) FROM baselines.survey_anomaly") == [(0,)]
