"""What cells become: types, unreadable text, row numbers, origins."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Lake
from neuro_assets.settings import load_settings
from neuro_assets.sources.load import load_sources
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.fitabase_files import (
    daily_activity_csv,
    heart_rate_csv,
    hourly_csv,
    write,
)
from neuro_assets_tests.tables import load, one, query, read_table, stage

WHO = "1503960366"
# Cell of an integer column -> the number it is; None where it is none.
INTEGERS = {
    "12": 12,
    " 12 ": 12,
    "12.0": 12,
    "1e3": 1000,
    "-5": -5,
    "9007199254740991": 9007199254740991,
    "9007199254740993": None,
    "12.7": None,
    "inf": None,
    "-inf": None,
    "1_000": None,
    '"1,000"': 1000,
    "1 000": 1000,
    '"10,00"': None,
    "10 00": None,
    "0x10": None,
    "true": None,
    "#N/A": None,
    "--": None,
}
NUMBERS = {
    "3.5": 3.5,
    "1e-2": 0.01,
    "-0.5": -0.5,
    "inf": None,
    "3_5": None,
    '"3,5"': None,
}
BLANK = ["", "   ", '""', "NA", "n/a", "nan", "NaN", "NULL", "None"]


@pytest.fixture(scope="module")
def cells(make_job, tmp_path_factory: pytest.TempPathFactory) -> Ingest:
    """One dailyActivity file: integers in TotalSteps and numbers in TotalDistance, in the order above."""
    planted = [{"TotalSteps": c} for c in INTEGERS] + [{"TotalDistance": c} for c in NUMBERS]
    planted += [{"TotalSteps": c, "TotalDistance": c} for c in BLANK]
    # Ordinary days below: a file most of whose rows cannot be read is refused.
    planted += [{}] * (len(INTEGERS) + len(NUMBERS))
    job = make_job()
    text = daily_activity_csv((WHO, date(2016, 3, 12) + timedelta(n), row) for n, row in enumerate(planted))
    (outcome,) = load(job, write(tmp_path_factory.mktemp("cells"), "daily.csv", text))
    assert outcome.outcome == "loaded"
    return job


def raw_cells(job: Ingest) -> list[tuple]:
    columns = "total_steps, total_distance_km, unreadable"
    return query(job.lake, f"SELECT {columns} FROM raw.fitabase_daily_activity ORDER BY row_number")


def shown(cell: str) -> str:
    return cell.strip().strip('"')


def test_an_integer_is_whole_finite_and_exact_or_it_keeps_its_text(cells: Ingest):
    for (cell, number), (steps, _, unreadable) in zip(INTEGERS.items(), raw_cells(cells), strict=False):
        kept = json.loads(unreadable) if unreadable else None
        assert (cell, steps, kept) == (cell, number, {"TotalSteps": shown(cell)} if number is None else None)


def test_a_number_is_finite_or_it_keeps_its_text(cells: Ingest):
    for (cell, number), (_, km, unreadable) in zip(NUMBERS.items(), raw_cells(cells)[len(INTEGERS) :], strict=False):
        kept = json.loads(unreadable) if unreadable else None
        assert (cell, km, kept) == (cell, number, {"TotalDistance": shown(cell)} if number is None else None)


def test_a_blank_cell_is_missing_not_unreadable(cells: Ingest):
    first = len(INTEGERS) + len(NUMBERS)
    assert raw_cells(cells)[first : first + len(BLANK)] == [(None, None, None)] * len(BLANK)


@pytest.fixture(scope="module")
def staged(cells: Ingest) -> Ingest:
    stage(cells, "daily_activity", date(2016, 3, 12), date(2016, 5, 13))
    return cells


def test_staging_tells_unreadable_from_missing_and_shows_the_text(staged: Ingest):
    rows = query(
        staged.lake,
        "SELECT row_number, rule, column_name, value FROM ops.quarantine"
        " WHERE table_name = 'staging.daily_activity' ORDER BY ALL",
    )
    found = {(n, column): (rule, value) for n, rule, column, value in rows}
    wanted = {(n, "steps"): c for n, (c, v) in enumerate(INTEGERS.items(), 1) if v is None}
    wanted |= {(n, "distance_km"): c for n, (c, v) in enumerate(NUMBERS.items(), len(INTEGERS) + 1) if v is None}
    for key, cell in wanted.items():
        assert found[key] == ("unreadable_value", shown(cell))
    last = len(INTEGERS) + len(NUMBERS)
    for n in range(last + 1, last + len(BLANK) + 1):
        assert found[n, "steps"] == ("steps_missing", None)
        assert found[n, "distance_km"] == ("distance_km_missing", None)


def test_a_count_too_large_for_its_stream_is_quarantined_with_its_value(staged: Ingest):
    """2^53 - 1 is a whole number, but no number of steps: it does not fit the staged INTEGER."""
    row = list(INTEGERS).index("9007199254740991") + 1
    sql = "SELECT rule, value FROM ops.quarantine WHERE table_name = 'staging.daily_activity' AND row_number = ?"
    assert query(staged.lake, sql, [row]) == [("unreadable_value", "9007199254740991")]


SMALL = hourly_csv("hourly_steps", [(WHO, f"3/20/2016 {h}:00:00 AM", h) for h in range(1, 6)])
SMALL_LINES = SMALL.splitlines()


def with_column(name: str, cell: str) -> str:
    """The small table with one more column at its end."""
    return "".join(f"{line},{cell if n else name}\n" for n, line in enumerate(SMALL_LINES))


VARIANTS = {
    "as it is": SMALL.encode(),
    "byte-order mark": b"\xef\xbb\xbf" + SMALL.encode(),
    "CRLF": SMALL.replace("\n", "\r\n").encode(),
    "old Macintosh": SMALL.replace("\n", "\r").encode(),
    "semicolons": SMALL.replace(",", ";").encode(),
    "tabs": SMALL.replace(",", "\t").encode(),
    "pipes": SMALL.replace(",", "|").encode(),
    "UTF-16": SMALL.encode("utf-16"),
    "UTF-16 without its mark": SMALL.encode("utf-16-le"),
    "Windows-1252": with_column("Größe", "“è”").encode("cp1252"),
    "a column more": with_column("Note", "well").encode(),
    "a title above": f"Export of Ann\n\n{SMALL}".encode(),
    "longer lines, of blanks": with_column(" ", " ").replace("StepTotal, ", "StepTotal").encode(),
    "line ends of two kinds": SMALL.replace("\n", "\r\n", 3).encode(),
    "day first": SMALL.replace("3/20/2016", "20.03.2016").encode(),
    "two-digit years": SMALL.replace("/2016", "/16").encode(),
    "day numbers": "".join(
        line.replace(f"3/20/2016 {n}:00:00 AM", f"{42449 + n / 24:.10f}") + "\n" for n, line in enumerate(SMALL_LINES)
    ).encode(),
    "names in other words": SMALL.replace("Id,ActivityHour,StepTotal", "user id,activity hour,Steps").encode(),
    "ids as a spreadsheet shows them": SMALL.replace(WHO, '"1,503,960,366"').encode(),
    "blank line at the end": (SMALL + "\n").encode(),
    "quoted": "".join(",".join(f'"{c}"' for c in line.split(",")) + "\n" for line in SMALL_LINES).encode(),
    "columns turned round": "".join(",".join(line.split(",")[::-1]) + "\n" for line in SMALL_LINES).encode(),
    "blanks around": SMALL.replace(",", " , ").encode(),
}


def test_one_table_in_many_dresses_gives_the_same_rows(make_job, tmp_path: Path):
    job = make_job()
    paths = [write(tmp_path, f"{n}.csv", data) for n, data in enumerate(VARIANTS.values())]
    outcomes = load(job, *paths)
    assert {name: o.line.reason for name, o in zip(VARIANTS, outcomes, strict=True) if o.outcome != "loaded"} == {}
    columns = "row_number, source_participant_id, local_ts, step_total, unreadable, as_of"
    wanted = [(h, WHO, datetime(2016, 3, 20, h), h, None, datetime(2016, 3, 20, 5)) for h in range(1, 6)]
    for name, outcome in zip(VARIANTS, outcomes, strict=True):
        sql = f"SELECT {columns} FROM raw.fitabase_hourly_steps WHERE file_id = ? ORDER BY row_number"
        assert (name, query(job.lake, sql, [outcome.file_id])) == (name, wanted)


def test_a_header_alone_is_loaded_as_nothing(make_job, tmp_path: Path):
    (outcome,) = load(make_job(), write(tmp_path, "a.csv", "Id,ActivityHour,StepTotal\n"))
    assert (outcome.outcome, outcome.line.rows, outcome.touched_days, outcome.line.as_of) == (
        "loaded",
        0,
        0,
        None,
    )


def test_row_numbers_are_lines_of_the_file_however_large_it_is(make_job, tmp_path: Path):
    """Row n is on line n + 1. Padding makes the file larger than one read buffer: it is read in parallel."""
    count, start, pad = 100_000, datetime(2016, 4, 1), " " * 350
    lines = ["Id,Time,Value"]
    clock = [
        f"{(h % 12) or 12}:{m:02}:{s:02} {'AM' if h < 12 else 'PM'}"
        for h in range(24)
        for m in range(60)
        for s in range(60)
    ]
    for n in range(count):
        day, second = divmod(n, 86_400)
        lines.append(f"{WHO},4/{1 + day}/2016 {clock[second]},{pad}{40 + n % 150}")
    path = write(tmp_path, "heart.csv", "\n".join(lines) + "\n")
    assert path.stat().st_size > 36_000_000
    job = make_job()
    (outcome,) = load(job, path)
    assert (outcome.line.rows, outcome.touched_days) == (count, 2)
    table = read_table(job.lake, "raw.fitabase_heartrate_seconds", "local_ts")
    assert table["row_number"].to_list() == list(range(1, count + 1))
    assert table["local_ts"][-1] == start + timedelta(seconds=count - 1)
    assert lines[93_456] == f"{WHO},4/2/2016 {clock[93_455 - 86_400]},{pad}{table['heart_rate_bpm'][93_455]}"


def test_how_far_an_export_saw_is_capped_at_the_end_of_the_rows_own_day(make_job, tmp_path: Path):
    job = make_job()
    times = ["3/20/2016 8:00:00 AM", "3/21/2016 9:30:00 PM", "3/22/2016 6:15:00 AM"]
    load(job, write(tmp_path, "heart.csv", heart_rate_csv((WHO, t, 60) for t in times)))
    assert query(job.lake, "SELECT as_of FROM raw.fitabase_heartrate_seconds ORDER BY row_number") == [
        (datetime(2016, 3, 21),),
        (datetime(2016, 3, 22),),
        (datetime(2016, 3, 22, 6, 15),),
    ]


ODD_SPEC = {
    "name": "odd",
    "version": 1,
    "title": "Odd vendor",
    "identity": {"column": 'user "id"', "pattern": "[a-z]+", "example": "ann"},
    "date_order": "ymd",
    "files": {
        "hourly": {
            "name_hint": "hourly",
            "time": {"column": "it's when", "kind": "datetime"},
            "period_s": 3600,
            "columns": {"day's steps {n}": {"name": "step_count", "type": "integer"}},
            "streams": {"steps": {"value": "step_count"}},
        }
    },
}


@pytest.mark.parametrize("column", ["day's steps {n}", "$steps", "/steps"])
def test_a_vendors_odd_column_names_are_no_sql_and_no_json_path(tmp_path: Path, column: str):
    spec = json.loads(json.dumps(ODD_SPEC).replace("day's steps {n}", column))
    settings = load_settings({"NEURO_HOME": str(tmp_path / "home")})
    write(settings.home / "sources", "odd.yaml", yaml.safe_dump(spec))
    sources = load_sources(settings.source_dirs)
    job = Ingest(settings, Lake.from_settings(settings), study_of(gates={"max_failed_share": 1}), sources)
    rows = "ann,2016-03-20 01:00:00,7\nann,2016-03-20 02:00:00,seven\n"
    (outcome,) = load(job, write(tmp_path, "odd.csv", f'"user ""id""",it\'s when,{column}\n{rows}'))
    assert outcome.outcome == "loaded"
    stage(job, "steps", date(2016, 3, 20))
    assert query(job.lake, "SELECT participant_id, value, source FROM staging.steps") == [("ann", 7.0, "odd")]
    assert query(job.lake, "SELECT rule, value FROM ops.quarantine") == [("unreadable_value", "seven")]
    assert one(job.lake, "SELECT unreadable FROM raw.odd_hourly WHERE row_number = 2") == json.dumps(
        {column: "seven"}, separators=(",", ":")
    )
