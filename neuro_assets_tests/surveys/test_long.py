"""Files with one row an answer: of one instrument, or of several that they name."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from neuro_assets.ingest.replay import reconcile_study
from neuro_assets.surveys.load import home_sources
from neuro_assets_tests.surveys.conftest import FIRST, LAST, Surveyed
from neuro_assets_tests.surveys.test_answers import MEANT, SLEEP, table
from neuro_assets_tests.tables import read_table

LONG = "participant_id,answered_at,instrument,item,answer"
MEANING = (
    "SELECT participant_id, ts, local_ts, instrument, version, response_id, item, answer_type, code, label, value,"
    " is_missing, missing_reason FROM staging.survey_response ORDER BY ALL"
)
SCORES = "SELECT * FROM baselines.survey_score ORDER BY ALL"


def long(*lines: str, header: str = LONG) -> str:
    """A file of answers."""
    return "".join(f"{line}\n" for line in (header, *lines))


def melted(wide: str, instrument: str) -> str:
    """The same answers one under the other, by items, so that a response's rows lie apart."""
    frame = pl.read_csv(wide.encode(), infer_schema=False)
    rows = frame.unpivot(index=["participant_id", "answered_at"], variable_name="item", value_name="answer")
    return rows.with_columns(pl.lit(instrument).alias("instrument")).write_csv()


def test_it_gives_what_one_row_a_response_gives(surveyed):
    wide = table(
        "a,2024-03-02 07:00:00,2,Somewhat,7.5,ok",
        "b,2024-03-02 08:00:00, VERY ,1.0,0,",
        "c,2024-03-02 09:00:00,9,-1,Skip,NA",
        "c,2024-03-03 09:00:00,1,7,30,NA",
    )
    one, other = surveyed(SLEEP), surveyed(SLEEP)
    for study, name, text in ((one, "diary.csv", wide), (other, "answers.csv", melted(wide, "Sleep-Diary"))):
        assert study.give(name, text).outcome == "loaded"
        study.compute()
    assert one.rows(MEANING) == other.rows(MEANING) != []
    assert one.rows(SCORES) == other.rows(SCORES) != []
    kept_out = "SELECT rule, column_name, value FROM ops.quarantine ORDER BY ALL"
    assert one.rows(kept_out) == other.rows(kept_out) != []


def test_the_same_response_in_both_forms_is_one(surveyed):
    study = surveyed(SLEEP)
    wide = table("a,2024-03-02 07:00:00,2,1,7.5,ok")
    study.give("diary.csv", wide)
    study.give("answers.csv", melted(wide, "sleep_diary"))
    study.compute()
    assert study.rows("SELECT count(*), count(DISTINCT item) FROM staging.survey_response") == [(4, 4)]
    assert study.quarantined() == []
    assert study.rows("SELECT score FROM baselines.survey_score") == [(3.0,)]


def test_several_instruments_in_one_file_each_by_its_codebook(surveyed):
    """PHQ-4 of 1, 2, 0, 3: total 6 (moderate). WHO-5 of 5, 4, 3, 2, 1: 15 x 4 = 60."""
    study = surveyed(SLEEP, surveys=("phq4", "who5"))
    phq = [f"a,2024-03-02 07:00:00,PHQ-4,q{n},{v}" for n, v in enumerate((1, 2, 0, 3), 1)]
    who = [f"a,2024-03-02 07:00:00,who5,WHO5_{n},{v}" for n, v in enumerate((5, 4, 3, 2, 1), 1)]
    assert study.give("export.csv", long(*(r for pair in zip(who, [*phq, phq[0]], strict=True) for r in pair))
                      ).outcome == "loaded"  # fmt: skip
    study.compute()
    assert study.rows("SELECT instrument, score, band FROM baselines.survey_score WHERE score_name = 'total'"
                      " ORDER BY 1") == [("phq4", 6.0, "moderate"), ("who5", 60.0, "not low")]  # fmt: skip
    assert study.quarantined() == []
    assert study.rows("SELECT rows_in, rows_staged, rows_duplicate FROM ops.staging_days"
                      " WHERE table_name = 'staging.survey_response' AND rows_in > 0") == [(10, 9, 1)]  # fmt: skip


def test_what_no_codebook_knows_is_kept_out_and_its_answer_stays_in_the_file(surveyed):
    study = surveyed(SLEEP)
    lines = [
        "a,2024-03-02 07:00:00,sleep_diary,how rested?,2",
        "a,2024-03-02 07:00:00,mood_diary,calm,my secret",
        "a,2024-03-02 07:00:00,sleep_diary,Phone,0170 5550101",
        "a,2024-03-02 07:00:00,sleep_diary,HOW RESTED,2",
        "a,2024-03-02 07:00:00,,,1",
    ]
    assert study.give("answers.csv", long(*lines)).outcome == "loaded"
    study.compute()
    assert study.quarantined() == [
        (2, "known_instrument", "instrument, item", "mood_diary, calm"),
        (5, "known_instrument", "instrument, item", ", "),
    ]
    assert study.rows("SELECT item, value FROM staging.survey_response") == [("rested", 2.0)]
    raw = read_table(study.job.lake, "raw.survey_answers", "row_number")
    assert raw["answer"].to_list() == ["2", None, "2", None]
    assert raw["item"].to_list() == ["how rested?", "calm", "HOW RESTED", None]


def test_a_question_answered_in_two_ways_at_one_moment_is_not_chosen(surveyed):
    study = surveyed(SLEEP)
    study.give("answers.csv", long(*(f"a,2024-03-02 07:00:00,sleep_diary,calm,{v}" for v in (1, 2))))
    study.compute()
    assert [(row, rule) for row, rule, *_ in study.quarantined()] == [(n, "conflicting_duplicate") for n in (1, 2)]
    assert study.rows("SELECT count(*) FROM staging.survey_response") == [(0,)]


def test_responses_of_one_moment_are_told_apart_by_their_ids(surveyed):
    study = surveyed(SLEEP.replace("repeat: {within: day, keep: last}", ""))
    header = f"{LONG},response_id,duration_s"
    lines = [f"a,2024-03-02 07:00:00,sleep_diary,{i},{v},r{v},{v}0" for v in (1, 2) for i in ("calm", "rested")]
    study.give("answers.csv", long(*lines, header=header))
    study.compute()
    assert study.rows("SELECT response_id, score FROM baselines.survey_score ORDER BY 1") == [("r1", 2.0), ("r2", 4.0)]
    assert study.rows("SELECT response_id, duration_s FROM baselines.survey_submission ORDER BY 1") == [
        ("r1", 10.0),
        ("r2", 20.0),
    ]


@pytest.mark.verify
def test_an_instrument_that_the_study_names_later_finds_its_answers(surveyed):
    study = surveyed(SLEEP)
    lines = [f"a,2024-03-02 07:00:00,phq4,q{n},{n - 1}" for n in range(1, 5)]
    study.give("answers.csv", long(*lines, "a,2024-03-02 07:00:00,sleep_diary,calm,1"))
    reconcile_study(study.job)
    study.compute()
    assert {rule for _, rule, *_ in study.quarantined()} == {"known_instrument"}
    named = study.job.study.model_copy(update={"surveys": ("phq4",)})
    later = replace(study.job, study=named, sources=home_sources(study.job.settings, named))
    assert reconcile_study(later) == {"codebook:phq4"}
    Surveyed(later).compute(FIRST, LAST)
    assert study.quarantined() == []
    assert study.rows("SELECT score FROM baselines.survey_score WHERE instrument = 'phq4' AND score_name = 'total'"
                      ) == [(6.0,)]  # fmt: skip


OWN = SLEEP.replace("choices:\n  how:", "long: {item: {column: frage}, answer: {column: antwort}}\nchoices:\n  how:")


def test_a_codebook_says_that_its_files_have_one_row_an_answer(surveyed):
    study = surveyed(OWN)
    header = "participant_id,answered_at,frage,antwort"
    text = long("a,2024-03-02 07:00:00,How rested,very", "a,2024-03-02 07:00:00,calm,1",
                "a,2024-03-02 07:00:00,phone,0170 5550101", header=header)  # fmt: skip
    assert study.give("sleep_diary_march.csv", text).outcome == "loaded"
    study.compute()
    assert [(r[0], r[4]) for r in study.rows(MEANT.format("a"))] == [("calm", 1.0), ("rested", 2.0)]
    assert study.rows("SELECT score FROM baselines.survey_score") == [(4.0 - 1.0,)]
    raw = read_table(study.job.lake, "raw.survey_sleep_diary", "row_number")
    assert raw["answer"].to_list() == ["very", "1"]
    refused = study.give("march.csv", f"{text}b,2024-03-02 07:00:00,calm,1\n")
    assert (refused.outcome, refused.line.reason_code) == ("rejected", "unknown_layout")


@pytest.mark.parametrize("name", ["answers"])
def test_the_name_of_the_table_of_all_is_taken(surveyed, name: str):
    with pytest.raises(ValueError, match=f"own0.yaml line 2, name: the lake has a raw.survey_{name} of its own"):
        surveyed(SLEEP.replace("name: sleep_diary", f"name: {name}"))


def test_the_answers_of_two_thousand_nhanes_people_one_under_the_other(surveyed, shared_data: Path):
    """The totals of the public file, from the same answers given in both forms."""
    file = pl.read_csv(next((shared_data / "phq9").glob("*.csv")), infer_schema_length=None).head(2_000)
    items = [f"q{n}" for n in range(1, 10)]
    people = file.select(pl.int_range(pl.len()).cast(pl.String).alias("participant_id"), *items)
    wide = people.with_columns(pl.lit("2024-03-02 07:00:00").alias("answered_at"))
    study = surveyed(surveys=("phq9",))
    study.give("export.csv", melted(wide.write_csv(), "PHQ-9"))
    study.compute()
    found = dict(
        study.rows("SELECT participant_id::INTEGER, score FROM baselines.survey_score WHERE score_name = 'total'")
    )
    sums = people.select(pl.sum_horizontal(pl.col(items), ignore_nulls=False).alias("sum"))["sum"].to_list()
    complete = {n: float(total) for n, total in enumerate(sums) if total is not None}
    assert len(complete) > 1_500
    assert {n: found[n] for n in complete} == complete
