"""Tables of answers that look right and are not: rows above the header, names twice, answers where names should be."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neuro_assets_tests.surveys.conftest import Surveyed
from neuro_assets_tests.surveys.test_answers import HEADER, SLEEP

ROWS = ["a,2024-03-02 07:00:00,2,1,7.5,ok", "b,2024-03-02 08:00:00,1,1,7,ok", "c,2024-03-02 09:00:00,1,0,8,ok"]
NAMES = HEADER.split(",")
SECRET = "0171-5550"


def lines(*rows: str) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


def parquet(names: list[str], cells: list[str]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array([cell]) for cell in cells], names=names), out)
    return out.getvalue()


def refusal(study: Surveyed, name: str, content: bytes) -> str:
    """Why a file is refused; nothing of it is in the lake."""
    outcome = study.give(name, content)
    assert (outcome.outcome, outcome.line.reason_code) in {
        ("rejected", "unknown_layout"),
        ("rejected", "ambiguous_layout"),
    }
    assert study.rows("SELECT count(*) FROM raw.survey_sleep_diary") == [(0,)]
    return str(outcome.line.reason)


def test_rows_above_the_header_are_not_taken_for_titles(surveyed):
    """A sheet that was sorted with its header in it."""
    told = refusal(surveyed(SLEEP), "diary.csv", lines("Diary of 2024-03-02", ROWS[0], ROWS[1], HEADER, ROWS[2]))
    assert told.startswith("line 2 is a row, and stands above the names of the columns.")


def test_titles_above_the_header_are(surveyed):
    study = surveyed(SLEEP)
    assert study.give("diary.csv", lines("Diary of 2024-03-02", "2024-03-02", "", HEADER, *ROWS)).outcome == "loaded"
    study.compute()
    assert study.rows("SELECT count(*) FROM staging.survey_response") == [(12,)]


ONCE = dict(zip(NAMES, ROWS[0].split(","), strict=True))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("d.jsonl", (json.dumps(ONCE)[:-1] + ', "calm": "2"}\n').encode(), "columns appear twice: calm"),
        ("d.parquet", parquet([*NAMES, "calm"], [*ROWS[0].split(","), "2"]), "columns appear twice: calm"),
        ("d.parquet", parquet([*NAMES, "Calm"], [*ROWS[0].split(","), "2"]), "columns appear twice: calm"),
        ("d.csv", lines(f"{HEADER},CALM", f"{ROWS[0]},2"), "'calm' may be the column 'calm' or 'CALM'"),
        ("d.csv", lines(f"{HEADER},how_rested", f"{ROWS[0]},2"), "'rested' may be the column 'rested' or 'how_rested'"),
    ],
)
def test_a_name_that_is_there_twice_is_refused_in_every_form(surveyed, name: str, content: bytes, told: str):
    assert refusal(surveyed(SLEEP), name, content).startswith(told)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.parquet", parquet([*ROWS[0].split(","), SECRET], [*ROWS[1].split(","), "x"])),
        ("d.csv", lines(f"a,yesterday,2,1,7.5,ok,{SECRET}")),
    ],
)
def test_a_reason_repeats_no_answers_for_names(surveyed, name: str, content: bytes):
    told = refusal(surveyed(SLEEP), name, content)
    assert told == "the file has no header line. Put the names of the columns above the first row"


def test_what_programs_write_for_nothing_is_no_person(surveyed):
    study = surveyed(SLEEP)
    study.give("diary.csv", lines(HEADER, ROWS[0], ROWS[1], ROWS[2].replace("c,", "NA,", 1)))
    study.compute()
    assert study.rows("SELECT DISTINCT participant_id FROM staging.survey_response ORDER BY 1") == [("a",), ("b",)]
    assert {(row, rule) for row, rule, *_ in study.quarantined()} == {(3, "missing_participant")}
