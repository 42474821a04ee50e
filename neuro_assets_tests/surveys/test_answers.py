"""From a file of answers to what each of them means: by the codebook, or kept out with the reason."""

from collections import Counter
from dataclasses import replace
from itertools import permutations

import pytest

from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.replay import reconcile_study
from neuro_assets.scoring.compute import score_days
from neuro_assets.surveys.load import home_sources
from neuro_assets.trace import trace
from neuro_assets_tests.surveys.conftest import FIRST, LAST

SLEEP = """
name: sleep_diary
version: 3
title: Sleep diary
choices:
  how: {0: not at all, 1: somewhat, 2: very}
missing: {-1: refused, skip: not_asked}
items:
  rested: {text: how rested, choices: how, missing: {9: do_not_know}, also: [how_rested]}
  calm: {text: how calm, choices: how}
  hours: {text: hours slept, type: number, min: 0, max: 24, unit: h}
  remark: {text: remark, type: text, optional: true}
  phone: {text: phone number, type: text, optional: true, sensitive: drop}
scores:
  total: {items: [rested, calm], bands: {0: low, 3: high}}
repeat: {within: day, keep: last}
"""
HEADER = "participant_id,answered_at,rested,calm,hours,remark"
MEANT = (
    "SELECT item, answer_type, code, label, value, missing_reason FROM staging.survey_response"
    " WHERE participant_id = '{}' ORDER BY item"
)


def table(*lines: str) -> str:
    """A file of sleep diaries."""
    return "".join(f"{line}\n" for line in (HEADER, *lines))


def test_an_answer_is_what_its_codebook_says(surveyed):
    study = surveyed(SLEEP)
    lines = [
        "a,2024-03-02 07:00:00,2,Somewhat,7.5,ok",
        "b,2024-03-02 08:00:00, VERY ,1.0,0,",
        "c,2024-03-02 09:00:00,9,-1,Skip,NA",
    ]
    assert study.give("diary.csv", table(*lines)).outcome == "loaded"
    study.compute()
    assert study.rows(MEANT.format("a")) == [
        ("calm", "choice", "1", "somewhat", 1.0, None),
        ("hours", "number", None, None, 7.5, None),
        ("remark", "text", None, None, None, None),
        ("rested", "choice", "2", "very", 2.0, None),
    ]
    assert [row[1:5:3] for row in study.rows(MEANT.format("b"))] == [
        ("choice", 1.0), ("number", 0.0), ("missing", None), ("choice", 2.0),
    ]  # fmt: skip
    assert [row[5] for row in study.rows(MEANT.format("c"))] == ["refused", "not_asked", "blank", "do_not_know"]
    assert study.rows("SELECT DISTINCT version, is_missing = (missing_reason IS NOT NULL) FROM staging.survey_response"
                      ) == [(3, True)]  # fmt: skip
    assert study.rows("SELECT participant_id, score, band, unscored_reason FROM baselines.survey_score ORDER BY 1") == [
        ("a", 3.0, "high", None),
        ("b", 3.0, "high", None),
        ("c", None, None, "item_missing"),
    ]
    assert study.quarantined() == []


def test_what_cannot_be_an_answer_is_kept_out_by_itself(surveyed):
    """The other answers of the response stay, and its score says what it lacks."""
    study = surveyed(SLEEP)
    lines = [
        "a,2024-03-02 07:00:00,3,1,7.5,x",
        "b,2024-03-02 07:00:00,1,1,25,x",
        "c,2024-03-02 07:00:00,1,1,a while,x",
        'd,2024-03-02 07:00:00,1,1,"7,5",x',
        "e,2024-03-02 07:00:00,1,1,inf,x",
    ]
    study.give("diary.csv", table(*lines))
    study.compute()
    assert study.quarantined() == [
        (1, "is_a_choice", "item, answer", "rested, 3"),
        (2, "within_range", "item, answer", "hours, 25"),
        (3, "is_a_number", "item, answer", "hours, a while"),
        (4, "is_a_number", "item, answer", "hours, 7,5"),
        (5, "is_a_number", "item, answer", "hours, inf"),
    ]
    assert study.rows("SELECT count(*) FROM staging.survey_response") == [(5 * 4 - 5,)]
    assert Counter(study.rows("SELECT score, unscored_reason FROM baselines.survey_score")) == {
        (None, "item_missing"): 1,
        (2.0, None): 4,
    }


def test_rows_in_are_rows_staged_kept_out_or_given_twice(surveyed):
    study = surveyed(SLEEP)
    first = "a,2024-03-02 07:00:00,2,1,7.5,ok\nb,2024-03-02 08:00:00,7,1,7,ok"
    study.give("one.csv", table(first))
    study.give("two.csv", table(first, "c,2024-03-03 08:00:00,1,1,7,ok"))
    study.compute()
    (account,) = study.rows(
        "SELECT sum(rows_in), sum(rows_staged), sum(rows_quarantined), sum(rows_duplicate), sum(rows_superseded)"
        " FROM ops.staging_days WHERE table_name = 'staging.survey_response'"
    )
    assert account[0] == sum(account[1:]) == 5 * 4
    assert study.rows("SELECT count(*) FROM staging.survey_response") == [(account[1],)] == [(11,)]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffremark;calm;hours;how_rested;answered_at;participant_id\nok;1;7.5;2;2024-03-02 07:00:00;a\n",
        "Sleep diary 2024\n\nparticipant_id\tanswered_at\trested\tcalm\thours\tremark\na\t2024-03-02 07:00:00\t2\t1"
        "\t7.5\tok\n",
        '[{"participant_id": "a", "answered_at": "2024-03-02 07:00:00", "rested": 2, "calm": 1, "hours": 7.5,'
        ' "remark": "ok"}]',
        '{"participant_id": "a", "answered_at": "2024-03-02 07:00:00", "rested": "very", "calm": "somewhat",'
        ' "hours": 7.5, "remark": "ok"}\n',
    ],
    ids=["bom_and_order", "tabs_and_title", "json", "jsonl"],
)
def test_the_same_answers_in_another_form(surveyed, text: str):
    study = surveyed(SLEEP)
    assert study.give("diary.txt", text).outcome == "loaded"
    study.compute()
    assert [row[4] for row in study.rows(MEANT.format("a"))] == [1.0, 7.5, None, 2.0]


def test_a_column_that_is_there_twice_is_refused(surveyed):
    study = surveyed(SLEEP)
    outcome = study.give("diary.csv", f"{HEADER},calm\na,2024-03-02 07:00:00,2,1,7.5,ok,2\n")
    assert (outcome.outcome, outcome.line.reason_code) == ("rejected", "unknown_layout")
    assert "calm" in str(outcome.line.reason)


@pytest.mark.verify
def test_what_is_sensitive_never_enters_the_lake(surveyed):
    study = surveyed(SLEEP)
    study.give("diary.csv", f"{HEADER},phone\na,2024-03-02 07:00:00,2,1,7.5,ok,0171-5550\n")
    study.compute()
    tables = study.rows("SELECT DISTINCT table_schema || '.' || table_name FROM information_schema.tables"
                        " WHERE table_schema IN ('raw', 'staging', 'ops', 'baselines')")  # fmt: skip
    for (name,) in tables:
        assert "5550" not in str(study.rows(f"FROM {name}")), name


ANY = """
name: mood_short
version: 1
title: Mood
items:
  q1: {text: sad, choices: {0: 'no', 1: 'yes'}}
  q2: {text: calm, choices: {0: 'no', 1: 'yes'}}
"""
ANSWERS = "participant_id,answered_at,q1,q2\na,2024-03-02 07:00:00,1,0\n"


def test_columns_that_any_instrument_could_have_do_not_tell_which_it_is(surveyed):
    study = surveyed(ANY)
    outcome = study.give("answers.csv", ANSWERS)
    assert (outcome.outcome, outcome.line.reason_code) == ("rejected", "unknown_layout")
    assert outcome.line.reason == (
        "its columns could be any instrument's, and its name does not say which: survey_mood_short.responses. Call the"
        " file after its instrument, or say which it is: `neuro ingest --kind survey_mood_short.responses FILE`"
    )
    assert study.give("answers.csv", ANSWERS, Choice(kind="survey_mood_short.responses")).outcome == "loaded"
    assert study.give("Mood short March.csv", ANSWERS + "b,2024-03-03 07:00:00,1,0\n").outcome == "loaded"


def test_of_several_submissions_of_a_day_one_counts_and_all_are_kept(surveyed):
    study = surveyed(SLEEP)
    lines = [
        "a,2024-03-02 07:00:00,0,0,7,first",
        "a,2024-03-02 21:00:00,2,2,7,last",
        "a,2024-03-02 21:00:00,1,1,7,same minute",
        "a,2024-03-03 07:00:00,1,0,7,next day",
    ]
    study.give("diary.csv", table(*lines))
    study.compute()
    sql = "SELECT local_ts::VARCHAR, response_id, score, is_of_record FROM baselines.survey_score ORDER BY ALL"
    assert study.rows(sql) == [
        ("2024-03-02 07:00:00", "#1", 0.0, False),
        ("2024-03-02 21:00:00", "#1", 4.0, False),
        ("2024-03-02 21:00:00", "#2", 2.0, True),
        ("2024-03-03 07:00:00", "#1", 1.0, True),
    ]
    assert study.rows("SELECT flag, detail, count(*) FROM baselines.survey_flag GROUP BY ALL") == [
        ("repeated_response", "3 responses in one day", 3)
    ]


@pytest.mark.verify
def test_any_order_of_files_gives_the_same_tables(surveyed):
    texts = {
        "one.csv": "a,2024-03-02 07:00:00,2,1,7.5,ok\nb,2024-03-02 08:00:00,7,1,7,ok",
        "two.csv": "a,2024-03-02 07:00:00,2,1,7.5,ok\na,2024-03-02 08:00:00,0,1,7,ok\nc,2024-03-05 08:00:00,1,1,7,ok",
        "three.csv": "c,2024-03-05 08:00:00,1,1,7,ok\nc,2024-03-05 09:00:00,1,,7,ok",
    }
    found = set()
    for order in permutations(texts):
        study = surveyed(SLEEP)
        for name in order:
            study.give(name, table(texts[name]))
            study.compute()
        study.give(order[0], table(texts[order[0]]))
        study.compute()
        names = ("baselines.survey_score", "baselines.survey_flag")
        answers = study.table("staging.survey_response").drop("file_id", "row_number")
        found.add(str([answers.rows(), *(study.table(n).rows() for n in names)]))
    assert len(found) == 1


@pytest.mark.verify
def test_a_changed_codebook_is_followed(surveyed):
    """An item more, and a code that means otherwise: the archived files are read again."""
    study = surveyed(SLEEP)
    study.give("diary.csv", f"{HEADER},dreams\na,2024-03-02 07:00:00,2,7,7.5,ok,1\n")
    reconcile_study(study.job)
    study.compute()
    assert study.quarantined() == [(1, "is_a_choice", "item, answer", "calm, 7")]
    path = study.job.settings.home / "surveys" / "own0.yaml"
    more = "  dreams: {text: dreamt, choices: {0: 'no', 1: 'yes'}, optional: true}\nscores:"
    path.write_text(SLEEP.replace("2: very}", "2: very, 7: beyond}").replace("scores:", more), encoding="utf-8")
    changed = replace(study, job=replace(study.job, sources=home_sources(study.job.settings, study.job.study)))
    assert reconcile_study(changed.job) == {"codebook:sleep_diary"}
    changed.compute()
    assert changed.quarantined() == []
    assert changed.rows("SELECT item, value FROM staging.survey_response WHERE item IN ('calm', 'dreams') ORDER BY 1"
                        ) == [("calm", 7.0), ("dreams", 1.0)]  # fmt: skip
    assert changed.rows("SELECT dreams FROM staging.survey_wide_sleep_diary") == [(1.0,)]


@pytest.mark.verify
def test_only_the_touched_day_is_scored(surveyed):
    study = surveyed(SLEEP)
    study.give("diary.csv", f"{HEADER}\na,2024-03-02 07:00:00,2,1,7,x\na,2024-03-04 07:00:00,2,1,7,x\n")
    study.compute(FIRST, FIRST)
    assert study.rows("SELECT count(*) FROM baselines.survey_score") == [(0,)]
    study.compute(LAST.replace(day=4), LAST.replace(day=4))
    assert study.rows("SELECT day::VARCHAR FROM baselines.survey_score") == [("2024-03-04",)]


@pytest.mark.verify
def test_of_several_submissions_of_a_study_none_counts_whenever_they_come(surveyed):
    """The first day is not asked for again when the second comes, and when that is gone the first counts again."""
    study = surveyed(SLEEP.replace("within: day, keep: last", "within: study, keep: none"))
    study.give("one.csv", table("a,2024-03-02 07:00:00,1,1,7,x", "b,2024-03-02 07:00:00,1,1,7,x"))
    study.compute(FIRST, LAST)
    study.give("two.csv", table("a,2024-03-09 07:00:00,2,2,7,x"))
    study.compute(FIRST.replace(day=9), FIRST.replace(day=9))
    sql = "SELECT participant_id, day::VARCHAR, is_of_record FROM baselines.survey_score ORDER BY ALL"
    assert study.rows(sql) == [("a", "2024-03-02", False), ("a", "2024-03-09", False), ("b", "2024-03-02", True)]
    assert study.rows("SELECT participant_id, day::VARCHAR, flag FROM baselines.survey_flag ORDER BY ALL") == [
        ("a", "2024-03-02", "repeated_response"),
        ("a", "2024-03-09", "repeated_response"),
    ]
    with study.job.lake.connect() as connection, study.job.lake.transaction(connection, ["staging.survey_response"]):
        connection.execute("DELETE FROM staging.survey_response WHERE day = DATE '2024-03-09'")
    with study.job.lake.connect() as connection:
        score_days(connection, study.job, FIRST.replace(day=9), FIRST.replace(day=9))
    assert study.rows(sql) == [("a", "2024-03-02", True), ("b", "2024-03-02", True)]
    assert study.rows("FROM baselines.survey_flag") == []


def test_a_score_is_traced_to_its_answers_and_their_lines(surveyed):
    study = surveyed(SLEEP)
    study.give("diary.csv", table("a,2024-03-02 07:00:00,2,Somewhat,7,x", "b,2024-03-02 07:00:00,9,1,7,x"))
    study.compute()
    told = trace(study.job, "baselines.survey_score", {"participant_id": "b"})
    (row,) = told.children
    assert [(n.title, n.facts["answer"], n.facts.get("missing"), n.facts["line"]) for n in row.children] == [
        ("answer to rested", "9", "do_not_know", 3),
        ("answer to calm", "1", None, 3),
    ]
