"""Each check of the survey tables passes on what was computed, and fails on the row that it is there for."""

import pytest

from neuro_assets.checks.surveys import anomaly_check_results, survey_check_results
from neuro_assets.partitions import DayRange
from neuro_assets.scoring.anomalies import find_anomalies, write_anomalies
from neuro_assets.scoring.compute import wide_table
from neuro_assets.surveys.load import codebooks_of
from neuro_assets_tests.surveys.conftest import FIRST, LAST, Surveyed
from neuro_assets_tests.surveys.test_answers import SLEEP, table

WHOLE = "FROM {} WHERE participant_id = 'p1'"


@pytest.fixture
def study(surveyed) -> Surveyed:
    found = surveyed(SLEEP)
    found.give("diary.csv", table(*(f"p{n},2024-03-02 07:00:00,2,1,7,x" for n in range(5))))
    found.compute()
    return found


def failed(study: Surveyed, *changes: str) -> set[tuple[str, str]]:
    """Table and name of the checks that fail after changes to the lake, which are taken back."""
    wide = [wide_table(c) for c in codebooks_of(study.job.sources)]
    with study.job.lake.connect() as connection:
        connection.execute("BEGIN")
        for change in changes:
            connection.execute(change)
        results = survey_check_results(connection, DayRange(FIRST, LAST), wide)
        connection.execute("ROLLBACK")
    assert len(results) == 4
    return {(r.asset_key.to_user_string(), str(r.check_name)) for r in results if not r.passed}  # pyright: ignore[reportOptionalMemberAccess]


PLANTED = [
    (f"DELETE {WHOLE.format('staging.survey_response')}", {"survey_score", "survey_submission"}),
    ("UPDATE baselines.survey_score SET score = NULL WHERE participant_id = 'p1'", {"survey_score"}),
    ("UPDATE baselines.survey_score SET items_answered = items + 1 WHERE participant_id = 'p1'", {"survey_score"}),
    (f"DELETE {WHOLE.format('baselines.survey_submission')}", {"survey_submission"}),
    (
        "UPDATE staging.survey_response SET duration_s = 5 WHERE participant_id = 'p1' AND item = 'calm'",
        {"survey_wide_sleep_diary"},
    ),
    (
        "INSERT INTO baselines.survey_flag SELECT participant_id, day, instrument, response_id, local_ts, 'odd',"
        " NULL, NULL FROM baselines.survey_score WHERE participant_id < 'p2'",
        {"survey_flag"},
    ),
]


def test_each_planted_row_fails_its_check_and_no_other(study: Surveyed):
    assert failed(study) == set()
    for change, fails in PLANTED:
        assert {table.split("/")[1] for table, _ in failed(study, change)} == fails, change
    assert failed(study) == set()


def test_an_anomaly_of_a_response_that_is_gone_fails(surveyed):
    """Of an answer of 23 hours among 60 of 7 and 8; then it was 8 after all."""
    study = surveyed(SLEEP)
    lines = [f"p{n},2024-03-02 07:00:00,{n % 3},{n % 3},{7 + n % 2},x" for n in range(60)]
    study.give("diary.csv", table(*lines, "p60,2024-03-02 07:00:00,1,1,23,x"))
    study.compute()
    with study.job.lake.connect() as connection:
        write_anomalies(connection, study.job, find_anomalies(connection, study.job))
        (now,) = anomaly_check_results(connection)
        connection.execute("UPDATE staging.survey_response SET value = 8 WHERE value = 23")
        (later,) = anomaly_check_results(connection)
    assert (now.passed, later.passed) == (True, False)
    assert later.metadata["anomalies_without_their_response"].value == 1
