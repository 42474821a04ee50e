"""The generator itself, on small tables: each step writes what a person's program writes."""

import gzip
import io
import json
import zipfile
from datetime import datetime
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from neuro_assets_tests.resave.export import Export, read_export, render
from neuro_assets_tests.resave.originals import ORIGINALS, Original
from neuro_assets_tests.resave.step import GROUPS
from neuro_assets_tests.resave.variants import PAIRS, STEPS, pairs, share, singles, variant

HOURLY = """Id,ActivityHour,StepTotal
1503960366,4/5/2016 12:00:00 AM,0
1503960366,4/13/2016 1:00:00 PM,1160
4319703577,4/30/2016 12:00:00 PM,52
"""
DAILY = """Id,ActivityDate,TotalSteps,TotalDistance
1503960366,4/5/2016,13162,8.5
1503960366,4/13/2016,985,0.25
"""


@pytest.fixture
def hourly(tmp_path: Path) -> Export:
    return export_of(tmp_path / "hourlySteps_merged.csv", HOURLY)


@pytest.fixture
def daily(tmp_path: Path) -> Export:
    return export_of(tmp_path / "dailyActivity_merged.csv", DAILY)


def export_of(path: Path, text: str) -> Export:
    path.write_text(text)
    return read_export(path)


def text_of(export: Export, *steps: str) -> str:
    return variant(export, *steps).file()[1].decode()


def times(export: Export, *steps: str) -> list[str]:
    """The second cell of the three lines."""
    return [line.split(",")[1] for line in text_of(export, *steps).splitlines()[1:]]


def test_untouched_is_byte_for_byte_the_file(hourly: Export, daily: Export):
    assert render(hourly) == ("hourlySteps_merged.csv", HOURLY.encode())
    assert render(daily) == ("dailyActivity_merged.csv", DAILY.encode())


@pytest.mark.parametrize("original", ORIGINALS, ids=lambda o: o.label)
def test_every_real_file_is_written_as_it_was_read(shared_data: Path, original: Original):
    path = original.path(shared_data)
    wanted = path.read_bytes().replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"
    assert render(read_export(path)) == (path.name, wanted)


@pytest.mark.parametrize("original", ORIGINALS, ids=lambda o: o.label)
def test_cutting_down_keeps_days_on_both_sides_of_the_12th(shared_data: Path, original: Original):
    days = {m.day for m in original.export(shared_data).moments}
    assert min(days) <= 12
    assert max(days) > 12 or original.period == "partial"


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        ("day first, padded", ["05/04/2016 00:00", "13/04/2016 13:00", "30/04/2016 12:00"]),
        ("day first, unpadded", ["5/4/2016 00:00", "13/4/2016 13:00", "30/4/2016 12:00"]),
        ("day first, AM/PM", ["05/04/2016 12:00:00 AM", "13/04/2016 1:00:00 PM", "30/04/2016 12:00:00 PM"]),
        ("two-digit year, month first", ["4/5/16 00:00", "4/13/16 13:00", "4/30/16 12:00"]),
        ("ISO with T", ["2016-04-05T00:00:00", "2016-04-13T13:00:00", "2016-04-30T12:00:00"]),
        ("ISO, midnight bare", ["2016-04-05", "2016-04-13 13:00:00", "2016-04-30 12:00:00"]),
        ("dotted", ["5.4.2016 00:00", "13.4.2016 13:00", "30.4.2016 12:00"]),
        ("month as a short name", ["05-Apr-2016 00:00", "13-Apr-2016 13:00", "30-Apr-2016 12:00"]),
        ("compact with clock", ["20160405T000000", "20160413T130000", "20160430T120000"]),
        ("mixed: every other row ISO", ["2016-04-05 00:00", "4/13/2016 1:00:00 PM", "2016-04-30 12:00"]),
        ("Excel's swap, shown ISO", ["2016-05-04 00:00", "4/13/2016 1:00:00 PM", "4/30/2016 12:00:00 PM"]),
        ("Excel's swap, shown day first", ["04/05/2016 00:00", "4/13/2016 1:00:00 PM", "4/30/2016 12:00:00 PM"]),
        ("AM/PM lost", ["4/5/2016 12:00:00", "4/13/2016 1:00:00", "4/30/2016 12:00:00"]),
        ("time of day lost", ["4/5/2016", "4/13/2016", "4/30/2016"]),
        ("UTC claimed by Z", ["2016-04-05T00:00:00Z", "2016-04-13T13:00:00Z", "2016-04-30T12:00:00Z"]),
        # 2016-04-13 is day 42,473 of Excel's count; 13:00 is 13/24 of a day
        ("Excel serial numbers", ["42465", "42473.5416666667", "42490.5"]),
    ],
)
def test_dates(hourly: Export, step: str, wanted: list[str]):
    assert times(hourly, step) == wanted


def test_a_date_split_from_its_hour(hourly: Export):
    assert text_of(hourly, "split: date and hour").splitlines()[:3] == [
        "Id,Date,Hour,StepTotal",
        "1503960366,4/5/2016,0,0",
        "1503960366,4/13/2016,13,1160",
    ]


def test_numbers_and_ids(daily: Export):
    assert text_of(daily, "decimal comma, semicolons").splitlines()[1] == "1503960366;4/5/2016;13162;8,5"
    assert text_of(daily, "thousands by comma").splitlines()[1] == '1503960366,4/5/2016,"13,162",8.5'
    assert text_of(daily, "ids as 1.50396E+09").splitlines()[1] == "1.50396E+09,4/5/2016,13162,8.5"
    assert text_of(daily, "ids rounded to 1503960000").splitlines()[1] == "1503960000,4/5/2016,13162,8.5"
    assert text_of(daily, "ids as floats").splitlines()[2] == "1503960366.0,4/13/2016,985,0.25"
    german = "German Excel: 1.234 and 0,5 and dd.mm.yyyy"
    assert text_of(daily, german).splitlines()[1] == "1503960366;05.04.2016;13.162;8,5"
    assert (
        text_of(daily, "texts quoted, numbers bare (as R writes)").splitlines()[1]
        == '"1503960366","4/5/2016",13162,8.5'
    )


def test_columns(hourly: Export, daily: Export):
    assert text_of(hourly, "headers in snake_case").startswith("id,activity_hour,step_total\n")
    assert text_of(hourly, "headers with spaces").startswith("Id,Activity Hour,Step Total\n")
    assert text_of(hourly, "columns reversed").splitlines()[1] == "0,4/5/2016 12:00:00 AM,1503960366"
    named = "row index without a name (as pandas writes)"
    assert text_of(hourly, named).splitlines()[:2] == [
        ",Id,ActivityHour,StepTotal",
        "0,1503960366,4/5/2016 12:00:00 AM,0",
    ]
    assert text_of(daily, "three blank columns at the end").splitlines()[1] == "1503960366,4/5/2016,13162,8.5,,,"


def test_lines(daily: Export):
    assert text_of(daily, "title line, padded").splitlines()[0] == '"Fitabase export, study Boston",,,'
    assert text_of(daily, "two title lines and a blank line").splitlines()[2:4] == ["", DAILY.splitlines()[0]]
    assert text_of(daily, "sep= line").splitlines()[:2] == ["sep=;", "Id;ActivityDate;TotalSteps;TotalDistance"]
    assert text_of(daily, "total at the end").splitlines()[-1] == "Total,,14147,8.75"
    assert text_of(daily, "count of rows at the end").splitlines()[-1] == "2 rows"
    assert text_of(daily, "newest first").splitlines()[1].startswith("1503960366,4/13/2016")
    assert text_of(daily, "cut in the middle of a line").splitlines()[-1] == "1503960366,4/13"


def test_a_cut_file_says_which_row_it_lacks(hourly: Export):
    assert variant(hourly, "cut in the middle of a line").result.cut == ("4319703577", datetime(2016, 4, 30, 12))


def test_encodings(hourly: Export):
    marks = {"UTF-8 with BOM": b"\xef\xbb\xbfId", "UTF-16 LE with BOM": b"\xff\xfeI\0", "UTF-16 BE without BOM": b"\0I"}
    for step, start in marks.items():
        assert variant(hourly, step).file()[1].startswith(start)
    content = variant(hourly, "title line with umlauts", "Windows-1252").file()[1]
    assert content.startswith("Études: Schritte für Prüfung\n".encode("cp1252"))


def test_a_workbook_has_numbers_and_real_dates(hourly: Export):
    name, content = variant(hourly, "xlsx, typed").file()
    assert name == "hourlySteps_merged.xlsx"
    rows = list(openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True))
    assert rows[:3] == [
        ("Id", "ActivityHour", "StepTotal"),
        (1503960366, datetime(2016, 4, 5), 0),
        (1503960366, datetime(2016, 4, 13, 13), 1160),
    ]


def test_a_workbook_of_texts_with_a_merged_title(hourly: Export):
    book = openpyxl.load_workbook(io.BytesIO(variant(hourly, "xlsx, all text").file()[1]))
    assert book.active["B3"].value == "4/13/2016 1:00:00 PM"
    book = openpyxl.load_workbook(io.BytesIO(variant(hourly, "xlsx, merged title").file()[1]))
    assert [str(r) for r in book.active.merged_cells.ranges] == ["A1:C1"]
    assert book.active["B4"].value == datetime(2016, 4, 13, 13)


def test_parquet_and_json(hourly: Export):
    table = pl.read_parquet(io.BytesIO(variant(hourly, "Parquet, typed").file()[1]))
    assert [t.base_type() for t in table.dtypes] == [pl.Int64, pl.Datetime, pl.Int64]
    assert table.row(1) == (1503960366, datetime(2016, 4, 13, 13), 1160)
    texts = pl.read_parquet(io.BytesIO(variant(hourly, "Parquet, all text").file()[1]))
    assert texts.row(1) == ("1503960366", "4/13/2016 1:00:00 PM", "1160")
    (_, row, _) = json.loads(variant(hourly, "JSON array, typed").file()[1])
    assert row == {"Id": 1503960366, "ActivityHour": "2016-04-13T13:00:00", "StepTotal": 1160}


def test_archives(hourly: Export):
    name, content = variant(hourly, "gzip").file()
    assert (name, gzip.decompress(content)) == ("hourlySteps_merged.csv.gz", HOURLY.encode())
    name, content = variant(hourly, "zip with __MACOSX").file()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [
            "export/hourlySteps_merged.csv",
            "__MACOSX/export/._hourlySteps_merged.csv",
            "export/.DS_Store",
        ]
        assert archive.read(archive.namelist()[0]) == HOURLY.encode()


def test_steps_of_a_pair_are_applied_in_the_order_a_person_would(hourly: Export):
    for steps in (("tabs", "day first, padded"), ("day first, padded", "tabs")):
        assert text_of(hourly, *steps).splitlines()[2] == "1503960366\t13/04/2016 13:00\t1160"


def test_what_is_harmless_follows_from_the_data(hourly: Export, tmp_path: Path):
    few = export_of(tmp_path / "few.csv", "\n".join(HOURLY.splitlines()[:2]))
    assert variant(hourly, "day first, padded").is_harmless
    assert not variant(few, "day first, padded").is_harmless
    assert not variant(hourly, "tabs", "ids as 1.50396E+09").is_harmless


def test_every_step_has_a_group_and_every_pair_known_steps(hourly: Export):
    assert {s.group for s in STEPS.values()} == set(GROUPS)
    assert {n for sides in PAIRS for side in sides for n in side} <= set(STEPS)
    tried = [v.name for v in (*singles(hourly), *pairs(hourly))]
    assert len(tried) == len(set(tried))


def test_a_share_is_the_same_at_every_call(hourly: Export):
    one, other = (share(pairs(hourly), "hourly", 10) for _ in range(2))
    assert [v.name for v in one] == [v.name for v in other] != []
