"""Who was asked to answer, who did, and who is to be contacted for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from neuro_assets.coverage.people import judge_people
from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets.streams.coverage import COVERAGE_TABLES
from neuro_assets.study import Participant
from neuro_assets.surveys.load import home_sources
from neuro_assets_tests.surveys.conftest import FIRST, LAST, Surveyed

DIARY = """
name: diary
version: 1
title: Evening diary
items:
  calm: {text: calm, choices: {0: 'no', 1: 'yes'}}
  busy: {text: busy, choices: {0: 'no', 1: 'yes'}}
schedule: {every_days: 1}
"""
FORTNIGHT = DIARY.replace("name: diary", "name: fortnight").replace("calm:", "low:").replace("busy:", "high:")
FORTNIGHT = FORTNIGHT.replace("Evening diary", "Mood of two weeks").replace("every_days: 1", "every_days: 14")


@pytest.fixture
def asked(make_job: Callable[..., Ingest]) -> Callable[..., Surveyed]:
    """A study that is all answers: a diary every evening, and another instrument every two weeks."""

    def make(*people: dict[str, object], **study: object) -> Surveyed:
        job = make_job(**({"window": {"start": FIRST, "end": LAST}, "surveys": ("phq9",)} | study))
        (job.settings.home / "surveys").mkdir(exist_ok=True)
        for name, text in (("diary", DIARY), ("fortnight", FORTNIGHT)):
            (job.settings.home / "surveys" / f"{name}.yaml").write_text(text, encoding="utf-8")
        protocol = job.study.model_copy(update={"people": tuple(Participant.model_validate(p) for p in people)})
        job = replace(job, study=protocol, sources=home_sources(job.settings, protocol))
        prepare_lake(job.lake, (*job.tables, *COVERAGE_TABLES))
        return Surveyed(job)

    return make


def diary(who: str, *days: int) -> str:
    rows = (f"{who},2024-03-{day:02d} 20:00:00,1,{day % 2}\n" for day in days)
    return "".join(["participant_id,answered_at,calm,busy\n", *rows])


def people_at(study: Surveyed, day: int, hour: int = 17) -> dict[str, list[dict]]:
    with study.job.lake.connect() as connection:
        found = judge_people(connection, study.job, datetime(2024, 3, day, hour, tzinfo=UTC))
    return {name.removeprefix("coverage."): frame.to_dicts() for name, frame in found.frames.items()}


def periods(found: dict[str, list[dict]], who: str, instrument: str) -> list[tuple]:
    return [
        (p["first_day"].day, p["last_day"].day, p["times_answered"], p["is_over"], p["reason"])
        for p in found["survey"]
        if (p["participant_id"], p["instrument"]) == (who, instrument)
    ]


@pytest.mark.verify
def test_a_day_without_an_answer_is_not_answered_once_it_is_over(asked):
    study = asked({"participant_id": "a", "enrolled_on": date(2024, 3, 4)})
    study.give("diary.csv", diary("a", 4, 6, 6))
    study.compute()
    assert periods(people_at(study, 7), "a", "diary") == [
        (4, 4, 1, True, None),
        (5, 5, 0, True, "not_answered"),
        (6, 6, 1, True, None),
        (7, 7, 0, False, None),
    ]


@pytest.mark.verify
def test_a_period_of_two_weeks_begins_with_the_person_and_waits_until_its_end(asked):
    study = asked({"participant_id": "a", "enrolled_on": date(2024, 3, 4)})
    study.compute()
    assert periods(people_at(study, 17), "a", "fortnight") == [(4, 17, 0, False, None)]
    assert periods(people_at(study, 18, 12), "a", "fortnight") == [
        (4, 17, 0, True, "not_answered"),
        (18, 31, 0, False, None),
    ]


@pytest.mark.verify
def test_an_item_that_is_blank_is_no_answer(asked):
    study = asked({"participant_id": "a", "enrolled_on": date(2024, 3, 4)})
    study.give("diary.csv", "participant_id,answered_at,calm,busy\na,2024-03-04 20:00:00,,\na,2024-03-05 20:00:00,1,\n")
    study.compute()
    assert [p[2:] for p in periods(people_at(study, 6), "a", "diary")][:2] == [
        (0, True, "not_answered"),
        (1, True, None),
    ]


def test_who_is_excused_is_told_by_the_protocol(asked):
    outage = {"since": "2024-03-04T00:00:00Z", "until": "2024-03-06T06:00:00Z"}
    study = asked(
        {"participant_id": "a", "consent_lapsed": [{"since": date(2024, 3, 1), "until": date(2024, 3, 2)}]},
        {"participant_id": "b", "withdrawn_on": date(2024, 3, 3)},
        coverage={"outages": [outage]},
    )
    study.compute()
    found = people_at(study, 7)
    lapsed, gone = "needs_reconsent", "not_answered"
    assert [p[-1] for p in periods(found, "a", "diary")] == [
        *(lapsed, lapsed, gone, "source_failure", "source_failure", gone, None)
    ]
    assert [p[-1] for p in periods(found, "b", "diary")] == [gone] * 3
    assert [p[-1] for p in periods(people_at(study, 31), "b", "fortnight")] == ["withdrawn"]


@pytest.mark.verify
def test_the_worklist_asks_who_has_not_answered_for_days_and_nobody_else(asked):
    study = asked(
        {"participant_id": "a", "enrolled_on": FIRST},
        {"participant_id": "b", "enrolled_on": FIRST},
        {"participant_id": "c", "enrolled_on": FIRST},
    )
    for who, days in {"a": range(1, 10), "b": range(1, 7), "c": range(1, 8)}.items():
        study.give(f"{who}.csv", diary(who, *days))
    study.compute()
    (row,) = people_at(study, 10)["worklist"]
    assert (row["participant_id"], row["reason"], row["since"], row["days"]) == (
        "b",
        "not_answered",
        date(2024, 3, 7),
        3,
    )
    assert row["told"] == (
        "No answer to 'Evening diary' since 2024-03-07 (3 days). Ask whether the person still gets it, and whether"
        " something keeps the person from answering."
    )


@pytest.mark.verify
def test_in_a_study_of_answers_alone_nobody_is_silent_who_answers(asked):
    study = asked({"participant_id": "a", "enrolled_on": FIRST}, {"participant_id": "b", "enrolled_on": FIRST})
    study.give("a.csv", diary("a", *range(1, 10)))
    study.compute()
    status = {row["participant_id"]: row["status"] for row in people_at(study, 10)["overview"]}
    assert status == {"a": "active", "b": "nothing_yet"}


@pytest.mark.verify
def test_a_device_that_is_silent_is_asked_about_before_answers(asked):
    study = asked({"participant_id": "a", "enrolled_on": FIRST}, expected_streams=("steps",))
    study.compute()
    (row,) = people_at(study, 10)["worklist"]
    assert row["reason"] == "nothing_yet"


@pytest.mark.verify
def test_who_answers_without_being_listed_counts_from_the_first_answer(asked):
    study = asked()
    study.give("x.csv", diary("x", 5))
    study.compute()
    assert periods(people_at(study, 6), "x", "diary")[0] == (5, 5, 1, True, None)
