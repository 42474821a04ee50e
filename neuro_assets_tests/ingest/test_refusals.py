"""The file gate: what is refused, why, and that a refusal leaves no rows behind."""

import json
from datetime import date, datetime
from pathlib import Path

import pytest

from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.study import Window
from neuro_assets_tests.fitabase_files import (
    daily_activity_csv,
    heart_rate_csv,
    hourly_csv,
    sleep_day_csv,
    steps_per_day_csv,
    write,
)
from neuro_assets_tests.tables import load, one, query

STEPS = "Id,ActivityHour,StepTotal\n"
HOUR = "3/20/2016 1:00:00 AM"
GOOD = f"1503960366,{HOUR},5\n"


def days_text(*days: str) -> str:
    return steps_per_day_csv(("1503960366", day, 1000 + n) for n, day in enumerate(days))


def day_first(text: str) -> str:
    """The same table as a European spreadsheet would save it."""
    lines = [line.split(",") for line in text.splitlines()]
    for cells in lines[1:]:
        month, day, year = cells[1].split("/")
        cells[1] = f"{day}/{month}/{year}"
    return "".join(",".join(cells) + "\n" for cells in lines)


REFUSED: dict[str, tuple[str | bytes, str, str]] = {
    "empty": ("", "empty_file", "the file is empty"),
    "blank": (" \n\n", "empty_file", "the file is empty"),
    "other layout": ("a,b\n1,2\n", "unknown_layout", "no known export has any of these columns: a, b"),
    "column missing": ("Id,ActivityHour\n1503960366,x\n", "unknown_layout", "which also has: StepTotal"),
    "column twice": ("Id,Id,StepTotal\n1,2,3\n", "unknown_layout", "columns appear twice: Id"),
    "no header": (GOOD, "unknown_layout", "the file has no header line"),
    "another separator": ((STEPS + GOOD).replace(",", "#"), "unknown_layout", "no known export"),
    "several kinds": (f"user,date,steps\n1503960366,{HOUR},5\n", "ambiguous_layout", "fitabase.hourly_steps"),
    "one column under two names": (
        f"Id,ActivityHour,steps,step_count\n1503960366,{HOUR},5,6\n",
        "ambiguous_layout",
        "'StepTotal' may be the column 'steps' or 'step_count'",
    ),
    "half of a wider kind": (
        days_text("3/20/2016").replace(",Calories", ",Energie"),
        "unknown_layout",
        "looks like Fitabase export dailyActivity_merged without Calories",
    ),
    "values unreadable": (STEPS + GOOD + GOOD.replace(",5", ",#REF!") * 2, "unreadable_values", "2 of 3 rows"),
    "binary": (b"\x7fELF\0\0\0Id,ActivityHour", "unknown_layout", "not a text file"),
    "half a zip": (b"PK\x03\x04\0\0\0Id,ActivityHour", "damaged_archive", "the archive is damaged"),
    "half of UTF-16": ((STEPS + GOOD).encode("utf-16")[:-1], "encoding", "Save it as CSV UTF-8"),
    "Latin-1 in UTF-8": (
        (STEPS + GOOD).encode() + "1503960366,\u00e9,5\n".encode() + b"1503960366,\xe9,5\n",
        "encoding",
        "UTF-8 with 1 damaged places",
    ),
    "Latin-1 header": ("Id,Activit\u00e9\n".encode("latin-1"), "unknown_layout", "does not have: Activit\u00e9"),
    "Latin-1 cell": (STEPS.encode() + b"1503960366,\xe9,5\n", "unreadable_times", "'ActivityHour'"),
    "NUL byte": (STEPS + GOOD + "1503960366,\0,5\n", "unknown_layout", "not a text file"),
    "too many columns": (STEPS + GOOD + f"1503960366,{HOUR},5,6\n" + GOOD, "broken_csv", "line 3"),
    "too few columns": (STEPS + GOOD + "1503960366\n" + GOOD, "broken_csv", "line 3"),
    "unterminated quote": (
        STEPS + GOOD + f'1503960366,"{HOUR},5\n' + GOOD,
        "broken_csv",
        "unterminated quote",
    ),
    "cut in the middle": ((STEPS + GOOD * 3)[:-30], "broken_csv", "line 4"),
    "files of two kinds": (STEPS + GOOD * 2 + f"Id,ActivityHour,Calories\n{GOOD}", "changed_header", "row 3"),
    "remarks": (STEPS + GOOD * 9 + "so,,\nmany,,\n" * 3, "not_records", "6 of 15 lines"),
    "damaged id": (STEPS + GOOD + f"1.46223E+12,{HOUR},5\n", "damaged_ids", "row 2: '1.46223E+12'"),
    "damaged id, comma": (STEPS + GOOD * 3 + f'"1,46E+12",{HOUR},5\n', "damaged_ids", "row 4: '1,46E+12'"),
    "rounded log ids": (
        "Id,Date,WeightKg,WeightPounds,LogId\n" + "1503960366,5/2/2016 11:59:59 PM,52.6,115.9,1.46223E+12\n" * 3,
        "damaged_ids",
        "3 of 3 rows have a damaged 'LogId'",
    ),
    "rounded ids": (STEPS + GOOD.replace("0366", "0000") * 9, "damaged_ids", "ends in 0000"),
    "id of another kind": (STEPS + f"ann@example.org,{HOUR},5\n", "damaged_ids", "looks like 1503960366"),
    "no ids": (STEPS + f",{HOUR},5\n", "no_participant", "nobody knows whose they are"),
    "times unreadable": (
        STEPS + "1503960366,20.03.2016 at 1,5\n",
        "unreadable_times",
        "'20.03.2016 at 1'",
    ),
    "times without AM and PM": (
        STEPS + "".join(f"1503960366,3/20/2016 {h % 12 or 12}:00,5\n" for h in range(24)),
        "lost_am_pm",
        "row 1, '3/20/2016 12:00'",
    ),
    "times without a clock": (STEPS + "1503960366,3/20/2016,5\n", "lost_times", "row 1, '3/20/2016'"),
    "times with a zone": (STEPS + "1503960366,2016-03-20T13:00:00Z,5\n", "zoned_times", "2016-03-20T13:00:00Z"),
    "times blank": (STEPS + "1503960366,,5\n" + GOOD, "unreadable_times", "1 of 2 rows"),
    "sleep not at midnight": (
        sleep_day_csv([("1503960366", "3/20/2016", 1, 2)]).replace("12:00:00 AM", "6:30:00 AM"),
        "unreadable_times",
        "6:30:00 AM",
    ),
    "numbers open": (
        "Id,ActivityMinute,Calories\n" + f'1503960366,{HOUR},"1,234"\n' * 3,
        "number_format",
        "a thousand and more, or one and a bit",
    ),
    "dates of two hands": (days_text("3/20/2016", "20/3/2016"), "date_order", "'20/3/2016'"),
    "day numbers from 1904": (
        days_text(*(str(42449 - 1462 + n) for n in range(5))),
        "dates_of_1904",
        "only counted from 1904",
    ),
    "dates open": (days_text("04/05/2016", "05/05/2016"), "date_order", "'04/05/2016' may be"),
    "dates open, the window fits day first better": (
        days_text("3/4/2016", "4/4/2016"),
        "date_order",
        "of 2 rows fall outside the study window: 0 as day/month/year, 1 as month/day/year",
    ),
    "dates open, the window says day first": (
        day_first(days_text("4/5/2016", "4/9/2016", "4/12/2016")),
        "date_order",
        "3 of 3 rows then fall into the study window",
    ),
}
# What is read for certain, whatever form it has been given: (local time or day, steps) of each row.
DAY, NEXT = datetime(2016, 3, 20), datetime(2016, 3, 21)
HOURS = [(datetime(2016, 3, 20, h), h) for h in (0, 1, 13)]
CLOCKS = [("12:00:00 AM", "0:00"), ("1:00:00 AM", "1:00"), ("1:00:00 PM", "13:00")]
PLAIN = "".join(f"1503960366,3/20/2016 {c},{n}\n" for (_, n), (c, _) in zip(HOURS, CLOCKS, strict=True))
TAKEN: dict[str, tuple[str | bytes, list[tuple]]] = {
    "semicolons": (STEPS.replace(",", ";") + PLAIN.replace(",", ";"), HOURS),
    "UTF-16": ((STEPS + PLAIN).encode("utf-16"), HOURS),
    "Latin-1": (f"Caf\u00e9\n{STEPS}{PLAIN}".encode("latin-1"), HOURS),
    "dots and 24 hours": (
        STEPS + "".join(f"1503960366,20.03.2016 {c},{n}\n" for (_, n), (_, c) in zip(HOURS, CLOCKS, strict=True)),
        HOURS,
    ),
    "24 hours": (
        STEPS + "".join(f"1503960366,3/20/2016 {c},{n}\n" for (_, n), (_, c) in zip(HOURS, CLOCKS, strict=True)),
        HOURS,
    ),
    "two-digit years": (STEPS + PLAIN.replace("/2016", "/16"), HOURS),
    "a total below": (STEPS + PLAIN + "Total,,14\n", [*HOURS, (None, 14)]),
    "the header again": (STEPS + PLAIN + STEPS + GOOD, [*HOURS, (datetime(2016, 3, 20, 1), 5)]),
    "a last line without its end": ((STEPS + PLAIN).rstrip("\n"), [*HOURS[:2], (None, 13)]),
    "grouped ids": (STEPS + PLAIN.replace("1503960366", '"1,503,960,366"'), HOURS),
    "day first": (
        day_first(days_text("3/20/2016", "3/21/2016", "4/5/2016")),
        [(DAY, 1000), (NEXT, 1001), (datetime(2016, 4, 5), 1002)],
    ),
    "day first, one row shows it": (
        days_text("3/4/2016", "4/4/2016", "25/4/2016"),
        [(datetime(2016, 4, d), 1000 + n) for n, d in enumerate((3, 4, 25))],
    ),
    "day first, padded, the days side by side": (
        days_text(*(f"{d:02}/04/2016" for d in range(1, 9))),
        [(datetime(2016, 4, d), 999 + d) for d in range(1, 9)],
    ),
}


@pytest.fixture(scope="module")
def job(make_job) -> Ingest:
    return make_job()


@pytest.fixture(scope="module")
def outcomes(job: Ingest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileOutcome]:
    folder = tmp_path_factory.mktemp("refused")
    paths = [write(folder, f"{name}.csv", text) for name, (text, *_) in REFUSED.items()]
    return dict(zip(REFUSED, load(job, *paths), strict=True))


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_reason_place_and_remedy(job: Ingest, outcomes: dict[str, FileOutcome], name: str):
    _, code, part = REFUSED[name]
    line = outcomes[name].line
    assert (outcomes[name].outcome, line.reason_code) == ("rejected", code)
    assert part in (line.reason or "")
    for secret in (str(job.settings.home), "/tmp", "processing", "read_csv", "auto_detect", "Traceback"):
        assert secret not in (line.reason or "")


@pytest.mark.parametrize("name", REFUSED)
def test_the_bytes_rest_beside_their_reason(job: Ingest, outcomes: dict[str, FileOutcome], name: str):
    text, code, _ = REFUSED[name]
    line = outcomes[name].line
    stored = job.settings.home / line.stored_path
    assert stored.read_bytes() == (text if isinstance(text, bytes) else text.encode())
    reason = json.loads(stored.with_name(f"{stored.name}.reason.json").read_text(encoding="utf-8"))
    assert (reason["code"], reason["file"], reason["file_id"]) == (code, f"{name}.csv", line.file_id)
    assert reason["reason"] == line.reason


def test_nothing_of_a_refused_file_enters_raw(job: Ingest, outcomes: dict[str, FileOutcome]):
    for kind in job.sources.kinds:
        assert one(job.lake, f"SELECT count(*) FROM {kind.raw_table.qualified}") == 0
    for table in ("ops.landing_file_days", "ops.outbox", "ops.quarantine"):
        assert one(job.lake, f"SELECT count(*) FROM {table}") == 0
    assert query(job.lake, "SELECT status, count(*) FROM ops.landing_files GROUP BY 1") == [("rejected", len(REFUSED))]
    assert one(job.lake, "SELECT count(*) FROM ops.landing_arrivals WHERE outcome = 'rejected'") == len(outcomes)


@pytest.fixture(scope="module")
def taken(make_job, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple]]:
    """What each file became: its rows, or the reason why it was refused."""
    job, folder = make_job(), tmp_path_factory.mktemp("taken")
    found: dict[str, list[tuple]] = {}
    outcomes = load(job, *(write(folder, f"{name}.csv", text) for name, (text, _) in TAKEN.items()))
    for name, outcome in zip(TAKEN, outcomes, strict=True):
        when, steps = ("day::TIMESTAMP", "total_steps") if "day first" in name else ("local_ts", "step_total")
        sql = f"SELECT {when}, {steps} FROM {outcome.line.raw_table} WHERE file_id = ? ORDER BY row_number"
        found[name] = query(job.lake, sql, [outcome.file_id]) if outcome.line.raw_table else [(outcome.line.reason,)]
    return found


@pytest.mark.parametrize("name", TAKEN)
def test_a_form_that_leaves_nothing_open_is_read(taken: dict[str, list[tuple]], name: str):
    assert taken[name] == TAKEN[name][1]


def test_a_person_may_say_the_order_and_is_remembered_for_it(make_job, tmp_path: Path):
    """3, 4 and 5 April, written day-first; as month-first they are 4 March, 4 April and 4 May."""
    job = make_job()
    path = write(tmp_path, "daily.csv", days_text("3/4/2016", "4/4/2016", "5/4/2016"))
    (refused,) = load(job, path)
    assert refused.line.reason_code == "date_order"
    (released,) = load(job, path, choice=Choice(date_order="dmy", actor="rosa"))
    assert released.outcome == "loaded"
    assert "declared" in (released.line.date_evidence or "")
    assert "day/month/year" in (released.line.date_evidence or "")
    assert query(job.lake, "SELECT DISTINCT day FROM raw.fitabase_daily_activity ORDER BY 1") == [
        (date(2016, 4, d),) for d in (3, 4, 5)
    ]
    assert query(job.lake, "SELECT actor, action, subject, detail FROM ops.audit") == [
        ("rosa", "date_order=dmy", released.file_id, "daily.csv")
    ]
    assert list(job.settings.rejected.rglob("*.*")) == []
    assert released.line.first_arrived_at == refused.line.first_arrived_at


def test_two_decisions_at_once_are_both_remembered(make_job, tmp_path: Path):
    job = make_job()
    path = write(tmp_path, "daily.csv", days_text("3/4/2016"))
    load(job, path, choice=Choice(date_order="dmy", supersedes=True, actor="rosa"))
    actions = " ".join(row[0] for row in query(job.lake, "SELECT action FROM ops.audit"))
    assert "supersedes" in actions
    assert "date_order=dmy" in actions


@pytest.mark.parametrize("place", ["fitabase", "fitabase.daily_activity"])
def test_the_protocol_may_declare_the_order_of_a_source(make_job, tmp_path: Path, place: str):
    job = make_job(date_orders={place: "dmy"})
    (outcome,) = load(job, write(tmp_path, "daily.csv", days_text("3/4/2016", "25/4/2016")))
    assert (outcome.line.date_order, outcome.line.first_day) == ("dmy", date(2016, 4, 3))


def test_a_wrong_declaration_is_refused_by_the_rows(make_job, tmp_path: Path):
    job = make_job(window=Window(start=date(2016, 3, 1), end=date(2016, 5, 1)))
    path = write(tmp_path, "daily.csv", days_text("3/20/2016", "3/21/2016"))
    (outcome,) = load(job, path, choice=Choice(date_order="dmy"))
    assert (outcome.outcome, outcome.line.reason_code) == ("rejected", "unreadable_times")


def test_a_share_of_unreadable_times_is_let_through_and_told(make_job, tmp_path: Path):
    """5 % of 20 rows is one row; two would be refused (above)."""
    rows = [("1503960366", f"3/{d}/2016 1:00:00 AM", 5) for d in range(12, 31)] + [("1503960366", "soon", 7)]
    job = make_job()
    (outcome,) = load(job, write(tmp_path, "steps.csv", hourly_csv("hourly_steps", rows)))
    assert (outcome.outcome, outcome.line.rows, outcome.line.rows_without_day) == ("loaded", 20, 1)
    assert query(job.lake, "SELECT table_name, row_number, day, rule, column_name, value FROM ops.quarantine") == [
        ("raw.fitabase_hourly_steps", 20, None, "unreadable_time", "ActivityHour", "soon")
    ]


def test_an_infrastructure_failure_is_no_refusal(make_job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A lake that cannot be written must not look like a bad file: the file stays to be taken again."""
    job = make_job()
    first = write(tmp_path, "a.csv", heart_rate_csv([("1503960366", "4/1/2016 1:00:00 AM", 60)]))
    load(job, first)
    second = write(job.settings.landing, "b.csv", daily_activity_csv([("1503960366", "4/1/2016", {})]))
    monkeypatch.setattr("neuro_assets.ingest.manifest.write_lines", _disk_is_full)
    with pytest.raises(OSError, match="No space left"):
        load(job, second)
    monkeypatch.undo()
    (outcome,) = load(job)
    assert (outcome.name, outcome.outcome) == ("b.csv", "loaded")
    assert one(job.lake, "SELECT count(*) FROM raw.fitabase_daily_activity") == 1


def _disk_is_full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")
