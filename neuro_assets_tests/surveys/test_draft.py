"""A draft of a codebook from a file alone: what is found, what is marked as a guess, and what never gets into it."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from neuro_assets.cli.survey import draft_of
from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.surveys.draft import suspected_codes
from neuro_assets.surveys.load import read_codebook
from neuro_assets.surveys.model import Codebook
from neuro_assets_tests.surveys.conftest import Surveyed
from neuro_assets_tests.tables import load
from neuro_assets_tests.workbooks import save

START = datetime(2024, 3, 4, 7, 0)
KIND = Choice(kind="survey_diary.responses")


def table(columns: dict[str, list[object]], separator: str = ",", people: int = 3) -> str:
    """A file with `pid`, `submitdate` and these columns; each day every person answers once, at a time of their own."""
    count = len(next(iter(columns.values())))
    rows = [["pid", "submitdate", *columns]]
    for n in range(count):
        moment = START + timedelta(days=n // people, minutes=n % people)
        rows.append([f"P{n % people + 1:02d}", str(moment), *(str(values[n]) for values in columns.values())])
    return "".join(separator.join(row) + "\n" for row in rows)


@pytest.fixture
def drafted(tmp_path: Path) -> Callable[..., tuple[Codebook, str]]:
    """`drafted(text, name="diary.csv")`: the draft as a codebook, and as text. It is always a valid one."""

    def make(text: str | bytes, name: str = "diary.csv") -> tuple[Codebook, str]:
        path = tmp_path / "given" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        _, draft = draft_of(path, "diary")
        target = tmp_path / "draft.yaml"
        target.write_text(draft, encoding="utf-8")
        return read_codebook(target), draft

    return make


TWICE = ["spare", *"ababababacab"]


def remark(text: str, item: str) -> str:
    """The remark on an item: behind it, or in the line above."""
    lines = text.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith(f"  {item}: "))
    return lines[at].partition("# check: ")[2] or lines[at - 1].partition("# check: ")[2]


MIXED = table(
    {
        "mood_1": [1, 2, 3, 4, 1, 2, 3, 4, 9, 1, 2, 3],
        "mood_2": [4, 3, 2, 2, 3, 4, 3, 2, 2, 3, 9, 3],
        "mood_3": [1, 1, 2, 2, 7, 1, 2, 1, 2, 1, 2, 1],
        "how_often": ["Never", "sometimes", "Often", "often", "never", "refused"] * 2,
        "tired_often": ["often", "sometimes", "never", "always", "never", "often"] * 2,
        "where": ["home", "work", "home", "work", "home", "work"] * 2,
        "hours": ["7,5", "6", "8", "7", "5,25", "9"] * 2,
        "weight (kg)": ["70", "81", "66", "70", "999", "66"] * 2,
        "nap": ["yes", "no"] * 6,
        "remark": [f"thought number {n} of Anna" for n in range(12)],
        "contact_email": [f"p{n % 3}@clinic.org" for n in range(12)],
        "record_status": ["complete"] * 12,
        "mood_total": [7, 7, 8, 9, 11, 8, 9, 8, 13, 6, 13, 8],
        "unused": [""] * 12,
    },
    ";",
)


def test_a_file_of_every_sort_of_answer(drafted: Callable[..., tuple[Codebook, str]]):
    codebook, text = drafted(MIXED)
    assert (codebook.identity.column, codebook.identity.pattern) == ("pid", r"P\d{2}")
    assert (codebook.time.column, codebook.time.kind, codebook.time.format) == (
        "submitdate",
        "datetime",
        "%Y-%m-%d %H:%M:%S",
    )
    assert codebook.decimal == "comma"
    scale = {"1": "1", "2": "2", "3": "3", "4": "4"}
    assert codebook.choices == {
        "scale_1_4": scale,
        "of_never_to_always": {"0": "never", "1": "sometimes", "2": "often", "3": "always"},
    }
    assert [codebook.items[f"mood_{n}"].choices for n in (1, 2, 3)] == ["scale_1_4"] * 3
    assert [codebook.items[f"mood_{n}"].missing for n in (1, 2, 3)] == [
        {"9": "not_answered"},
        {"9": "not_answered"},
        {"7": "refused"},
    ]
    assert codebook.codes_of("where_of_file") == {"home": "home", "work": "work"}
    assert codebook.codes_of("nap") == {"0": "no", "1": "yes"}
    assert codebook.items["how_often"].missing == {"refused": "refused"}
    hours, weight = codebook.items["hours"], codebook.items["weight_kg"]
    assert (hours.type, hours.min, hours.max) == ("number", 5, 9)
    assert (weight.min, weight.max, weight.unit, weight.missing) == (66, 81, "kg", {"999": "not_answered"})
    assert codebook.items["remark"].type == "text"
    assert codebook.items["contact_email"].sensitive == "drop"
    assert list(codebook.items)[-2:] == ["remark", "contact_email"]
    for line in (
        "'record_status' is kept by the program, and nobody's answer: left out",
        "'mood_total' seems to be a score, and nobody's answer: left out",
        "'unused' is empty in this file: left out",
        "scores: {total: {method: sum, items: [mood_1, mood_2, mood_3]}}",
    ):
        assert f"# {line}" in text


def test_every_guess_has_its_reason_and_suspected_codes_their_counts(drafted: Callable[..., tuple[Codebook, str]]):
    codebook, text = drafted(MIXED)
    assert (
        remark(text, "weight_kg")
        == "66 to 81 seen. What else can be answered? 999 (2 times) may stand for a missing answer"
    )
    assert "9 (once) may stand for a missing answer" in remark(text, "mood_1")
    assert "5.25 to 9 seen" in remark(text, "hours")
    assert all(remark(text, item) for item in codebook.items)


def test_what_somebody_wrote_is_nowhere_in_it(drafted: Callable[..., tuple[Codebook, str]]):
    """Free text, names, addresses, phone numbers, dates of birth; also short ones, and words of one person alone."""
    secret = {
        "who_helped": ["Tom", "Tom", "Tom", "Maria", "Jan", "Jan", "Tom", "Eva", "Jan", "Tom", "Kim", "Jan"],
        "doctor": ["Dr Weber", "Dr Weber", "Dr Weber"] * 4,
        "practice": ["Dr Lang", "Dr Lang", "Dr Lang", "Dr Busch", "Dr Busch", "Dr Busch"] * 2,
        "other_answer": [
            "home",
            "home",
            "home",
            "home",
            "home",
            "home",
            "home",
            "home",
            "home",
            "home",
            "home",
            "Oslo",
        ],
        "therapist": ["weber", "weber", "weber", "lang", "lang", "lang"] * 2,
        "phone_no": [f"01705550{n:03d}" for n in range(12)],
        "mobile_reached": [f"4917{n:07d}" for n in range(12)],
        "caller": [f"4915{n:07d}" for n in range(12)],
        "date_of_birth": [f"1971-0{n % 9 + 1}-17" for n in range(12)],
        "zip": [f"0{n % 9 + 1}123" for n in range(12)],
        "q": [0, 1, 2] * 4,
    }
    codebook, text = drafted(table(secret))
    words = {str(v) for name, values in secret.items() if name != "q" for v in values} - {"home"}
    assert [w for w in words if w in text] == []
    assert "home" not in text
    assert codebook.items["caller"].type == "text"
    dropped = {n for n, item in codebook.items.items() if item.sensitive}
    assert dropped == {"doctor", "phone_no", "mobile_reached", "date_of_birth", "zip"}


def test_ids_that_are_names_are_told_and_not_copied(drafted: Callable[..., tuple[Codebook, str]]):
    text = table({"q1": [0, 1, 2] * 3}).replace("P01", "Anna Berg").replace("P02", "Jan Moe").replace("P03", "Eva Lie")
    codebook, draft = drafted(text)
    assert (codebook.identity.column, codebook.identity.example) == ("pid", "P001")
    assert "names or e-mail addresses, which do not belong here" in draft
    assert not any(name in draft for name in ("Anna", "Berg", "Moe", "Lie"))


def test_columns_that_are_there_twice_are_told_and_left_out(drafted: Callable[..., tuple[Codebook, str]]):
    rows = [f"P0{n % 3 + 1},2024-03-0{n // 3 + 4} 07:00:00,{n % 3},{n % 2},{n % 4}" for n in range(12)]
    codebook, draft = drafted("\n".join(["pid,submitdate,sleep,mood,sleep", *rows]) + "\n")
    assert list(codebook.items) == ["mood"]
    assert "# 'sleep' is there twice; give each a name of its own: left out." in draft


def test_a_file_with_texts_of_questions_below_its_header(drafted: Callable[..., tuple[Codebook, str]]):
    """As Qualtrics exports it: three lines of names, of which the first counts."""
    head = "ResponseId,RecordedDate,PID,Duration (in seconds),Q1,Q2\n"
    below = "Response ID,Recorded Date,Your id,Duration,How are you?,And yesterday?\n"
    rows = [f"R_{n}x,2024-03-{n + 4:02d} 09:00:00,S{n % 4 + 1},{40 + n},{n % 5},{n % 3}\n" for n in range(20)]
    codebook, draft = drafted(head + below + "".join(rows))
    assert "# 1 rows without a time were left out" in draft
    assert (codebook.identity.column, codebook.time.column) == ("PID", "RecordedDate")
    assert (codebook.response.column, codebook.duration.column) == ("ResponseId", "Duration (in seconds)")
    assert codebook.codes_of("q1") == {str(n): str(n) for n in range(5)}


def test_one_row_a_person_without_any_other_id(drafted: Callable[..., tuple[Codebook, str]]):
    """As REDCap exports it: `record_id` is who it is, `…_timestamp` and `…_complete` are nobody's answers."""
    head = "record_id,redcap_event_name,visit_date,phq_1,phq_2,phq_complete\n"
    rows = [f"{n + 1},baseline,2024-03-{n + 4:02d},{n % 4},{n % 3},2\n" for n in range(20)]
    codebook, _ = drafted(head + "".join(rows))
    assert (codebook.identity.column, codebook.time.column, codebook.time.kind) == ("record_id", "visit_date", "date")
    assert list(codebook.items) == ["phq_1", "phq_2"]


def test_times_in_utc_and_the_person_in_the_files_name(drafted: Callable[..., tuple[Codebook, str]]):
    rows = [f"2024-03-{n + 1:02d}T06:30:15.{n:03d}Z,{n % 5}" for n in range(20)]
    codebook, _ = drafted("\n".join(["submitted_at,mood", *rows]) + "\n", "P07.csv")
    assert (codebook.time.format, codebook.time.clock) == ("%Y-%m-%dT%H:%M:%S.%fZ", "utc")
    assert codebook.identity.example == "P07"


def test_a_clock_that_is_answered_is_no_time_of_the_response(drafted: Callable[..., tuple[Codebook, str]]):
    rows = [f"P{n % 3},{n + 4:02d}.03.2024,23:{n % 6}0,{n % 4}" for n in range(20)]
    codebook, _ = drafted("\n".join(["pid,date,bedtime,mood", *rows]) + "\n")
    assert (codebook.time.column, codebook.time.kind, codebook.date_order) == ("date", "date", "dmy")
    assert codebook.items["bedtime"].type == "text"


def test_names_that_the_lake_has_taken_are_called_otherwise(drafted: Callable[..., tuple[Codebook, str]]):
    columns = [
        "ts",
        "version_no",
        "item",
        "answer",
        "Select",
        "in",
        "How did you sleep last night, all in all, honestly?",
    ]
    codebook, _ = drafted(table({c: [0, 1, 2] * 4 for c in columns}, ";"))
    question = codebook.items[list(codebook.items)[-1]]
    assert list(codebook.items)[:-1] == ["ts_answer", "version_no", "item_answer", "answer_answer", "select_of_file",
                                         "in_of_file"]  # fmt: skip
    assert question.also == (columns[-1],)


def test_the_form_of_a_file_makes_no_difference(drafted: Callable[..., tuple[Codebook, str]]):
    rows = [line.split(";") for line in MIXED.splitlines()]
    content = json.dumps([dict(zip(rows[0], row, strict=True)) for row in rows[1:]])
    assert drafted(content, "diary.json")[0] == drafted(MIXED)[0]


def test_a_workbook_is_drafted_and_loaded(
    drafted: Callable[..., tuple[Codebook, str]], surveyed: Callable[..., Surveyed], tmp_path: Path
):
    rows = [line.split(";") for line in MIXED.splitlines()]
    content = save(tmp_path / "book.xlsx", {"answers": rows}).read_bytes()
    codebook, draft = drafted(content, "diary.xlsx")
    study = surveyed(draft)
    outcomes = load(study.job, study.file("diary.xlsx", content), choice=KIND)
    assert {o.outcome for o in outcomes} == {"loaded", "unpacked"}
    assert study.rows("SELECT count(*) FROM raw.survey_diary") == [(12 * len(codebook.kept_items),)]


def test_the_draft_is_enough_to_load_and_stage_its_file(
    drafted: Callable[..., tuple[Codebook, str]], surveyed: Callable[..., Surveyed]
):
    """Nothing of it was changed by hand; every answer is staged, and none kept out. The text has a column twice."""
    content = "".join(f"{line};{end};{end}\n" for line, end in zip(MIXED.splitlines(), TWICE, strict=True))
    codebook, draft = drafted(content)
    study = surveyed(draft)
    assert study.give("diary.csv", content, KIND).outcome == "loaded"
    study.compute()
    assert study.quarantined() == []
    assert study.rows("SELECT count(*) FROM staging.survey_response") == [(12 * len(codebook.kept_items),)]
    # 7 once as `mood_3`, refused twice as `how_often`
    assert study.rows("SELECT count(*) FROM staging.survey_response WHERE missing_reason = 'refused'") == [(3,)]


def test_codes_with_leading_zeros_and_words_of_yaml_stay_what_they_are(drafted: Callable[..., tuple[Codebook, str]]):
    codebook, _ = drafted(
        table({"site": ["01"] * 3 + ["02"] * 9, "agrees": ["YES"] * 12, "colour": ["null", "a: b", "'c'"] * 4})
    )
    assert codebook.codes_of("site") == {"01": "01", "02": "02"}
    assert codebook.codes_of("agrees") == {"0": "no", "1": "yes"}
    assert codebook.items["colour"].type == "text"  # each by one person only


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        ([0, 1, 2, 3, 7, 9], [7, 9]),
        ([0, 1, 2, 3, 4, 5, 6, 7, 9], [9]),
        (list(range(11)), []),
        ([0, 1, 2, 3, 5, 8], []),
        ([1, 2, 3, 4, 88, 99], [88, 99]),
        ([18, 25, 31, 44, 60, 71, 99], [99]),
        ([60, 70, 80, 90, 99], []),
        ([420, 450, 465, 480, 999], [999]),
        ([0, 1, 2, -1], [-1]),
        ([-9, 0, 1, 2, -1], [-9, -1]),
        ([-3, -2, -1, 0, 1], []),
        ([9], []),
        ([7, 8, 9], []),
        ([0.5, 1.5, 99], [99]),
        ([-5, 0.1, 999], [999]),
        ([-5, 999], [999]),
    ],
)
def test_codes_that_lie_away_from_the_other_values(numbers: list[float], found: list[int]):
    assert suspected_codes(numbers) == found


def test_a_file_without_dates_or_answers_cannot_be_drafted(drafted: Callable[..., tuple[Codebook, str]]):
    with pytest.raises(FileRefusedError, match=r"no column holds dates or times; there are: pid, q1, wave.*time\.days"):
        drafted("pid,q1,wave\nA1,3,one\nA2,4,two\n")
    with pytest.raises(FileRefusedError, match="no column holds answers"):
        drafted(table({"total": [1, 2, 3] * 3}))


LONG = """participant,submitted_at,{columns},nr
P01,2024-03-04 07:00:00,how was it?,good,1
P01,2024-03-04 07:00:00,hours slept,7.5,2
P02,2024-03-04 07:05:00,hours slept,6.5,3
P02,2024-03-04 07:05:00,how was it?,bad,4
P01,2024-03-05 07:00:00,how was it?,bad,5
P01,2024-03-05 07:00:00,hours slept,8.5,6
"""


def test_a_file_with_one_row_an_answer_is_drafted_by_its_questions(
    drafted: Callable[..., tuple[Codebook, str]], surveyed: Callable[..., Surveyed]
):
    """Three responses to two items; the number of the row is nobody's answer."""
    codebook, text = drafted(LONG.format(columns="question,answer"))
    assert text.startswith("# Draft of a codebook by `neuro survey new`, from 3 responses.")
    assert {name: item.type for name, item in codebook.items.items()} == {
        "how_was_it": "choice",
        "hours_slept": "number",
    }
    assert codebook.long is not None
    assert (codebook.long.item.column, codebook.long.answer.column) == ("question", "answer")
    study = surveyed(text)
    study.give("diary.csv", LONG.format(columns="question,answer"))
    study.compute()
    assert study.rows("SELECT item, value, code FROM staging.survey_response ORDER BY ALL")[:3] == [
        ("hours_slept", 6.5, None),
        ("hours_slept", 7.5, None),
        ("hours_slept", 8.5, None),
    ]
    assert study.quarantined() == []


def test_a_file_that_names_its_instrument_needs_no_word_on_its_form(drafted: Callable[..., tuple[Codebook, str]]):
    named = LONG.format(columns="question,answer").replace("nr\n", "nr,form\n")
    named = "".join(f"{line}{'' if line.endswith('form') else ',diary'}\n" for line in named.splitlines())
    codebook, _ = drafted(named)
    assert codebook.long is None
    assert list(codebook.items) == ["how_was_it", "hours_slept"]
    with pytest.raises(FileRefusedError, match="the answers to 2 instruments: diary, mood"):
        drafted(named.replace("6,diary", "6,mood"))
