"""Excel workbooks as text: what each kind of cell becomes, and what a damaged or malicious workbook may not do."""

import csv
import io
import shutil
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from neuro_assets.ingest import containers, workbook
from neuro_assets.ingest.containers import container_kind, expand
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets_tests.workbooks import STRINGS, Rows, save, with_part, with_rows


def texts(path: Path) -> dict[str, str]:
    """The members of a workbook: name -> CSV text."""
    assert container_kind(path) == "xlsx"
    return {m.name: m.path.read_bytes().decode() for m in expand(path, path.name, path.parent / "members")}


def text_of(folder: Path, rows: Rows, prepare: Any = lambda _: None) -> str:
    """The CSV text of a workbook of one sheet."""
    return texts(save(folder / "book.xlsx", rows, prepare))["Sheet1.csv"]


def refusal(path: Path) -> FileRefusedError:
    folder = path.parent / "members"
    with pytest.raises(FileRefusedError) as caught:
        expand(path, path.name, folder)
    assert not list(folder.rglob("*"))
    return caught.value


def test_an_hourly_export_saved_in_excel_reads_as_its_csv(tmp_path: Path) -> None:
    rows = [
        ["Id", "ActivityHour", "StepTotal"],
        [1503960366, datetime(2016, 4, 12, 23, 0), 373],
        [1503960366, datetime(2016, 4, 13, 0, 0), 0],
        [1503960366, datetime(2016, 4, 13, 1, 0), 160.5],
    ]
    assert text_of(tmp_path, rows) == (
        "Id,ActivityHour,StepTotal\n"
        "1503960366,2016-04-12 23:00:00,373\n"
        "1503960366,2016-04-13 00:00:00,0\n"
        "1503960366,2016-04-13 01:00:00,160.5\n"
    )


def test_a_column_of_days_has_no_times(tmp_path: Path) -> None:
    rows = [["Id", "ActivityDate"], ["a", date(2016, 4, 12)], ["b", date(2016, 4, 13)]]
    assert text_of(tmp_path, rows) == "Id,ActivityDate\na,2016-04-12\nb,2016-04-13\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1503960366, "1503960366"),
        (-3.0, "-3"),
        (0.1, "0.1"),
        (72.299999999999997, "72.3"),
        (1e-7, "1e-07"),
        (999_999_999_999_999, "999999999999999"),
        (1_000_000_000_000_000, "1.00000000000000E+15"),
        (123_456_789_012_345_678, "1.23456789012346E+17"),
        (True, "TRUE"),
        (False, "FALSE"),
        ("#N/A", "#N/A"),
        ("#DIV/0!", "#DIV/0!"),
        ("=A2+1", "=A2+1"),
        ("00123", "00123"),
        (" P 7 ", " P 7 "),
        ("2016-04-12", "2016-04-12"),
        ("a,b", '"a,b"'),
        ('12" band', '"12"" band"'),
        ("two\nlines", '"two\nlines"'),
        ("Müller ✓", "Müller ✓"),
        (datetime(2016, 4, 12, 10, 30, 5), "2016-04-12 10:30:05"),
        (datetime(2016, 4, 12, 10, 30, 5, 250_000), "2016-04-12 10:30:05.250"),
        (datetime(2016, 4, 12, 10, 30, 4, 999_000), "2016-04-12 10:30:05"),
        (datetime(2016, 4, 12, 10, 30, 5, 2_000), "2016-04-12 10:30:05"),
        (datetime(2016, 12, 31, 23, 59, 59, 999_000), "2017-01-01 00:00:00"),
        (time(7, 45), "07:45:00"),
        (time(0, 0), "00:00:00"),
        (timedelta(hours=7, minutes=45), "07:45:00"),
        (timedelta(hours=30, minutes=5, seconds=2), "30:05:02"),
        (timedelta(hours=23, minutes=59, seconds=59.999), "24:00:00"),
    ],
)
def test_a_cell_becomes_this_text(tmp_path: Path, value: object, text: str) -> None:
    assert text_of(tmp_path, [["x"], [value], ["end"]]) == f"x\n{text}\nend\n"


def test_an_id_of_more_digits_than_excel_keeps_looks_damaged(tmp_path: Path) -> None:
    text = text_of(tmp_path, [["Id"], [4_506_123_456_789_012]])
    assert text == "Id\n4.50612345678901E+15\n"


@pytest.mark.parametrize("epoch", [CALENDAR_MAC_1904, None])
def test_dates_are_the_same_in_both_calendars_of_excel(tmp_path: Path, epoch: Any) -> None:
    def prepare(book: Any) -> None:
        book.epoch = epoch or book.epoch

    rows = [[datetime(2016, 4, 12, 10, 30, 5)], [datetime(2016, 4, 13)], [time(7, 45)], [timedelta(hours=30)]]
    assert text_of(tmp_path, rows, prepare) == "2016-04-12 10:30:05\n2016-04-13 00:00:00\n07:45:00\n30:00:00\n"


def test_dates_stored_as_text_by_the_iso_variant_read_the_same(tmp_path: Path) -> None:
    def prepare(book: Any) -> None:
        book.iso_dates = True

    rows = [[datetime(2016, 4, 12, 10, 30, 5), date(2016, 4, 12), time(7, 45)]]
    assert text_of(tmp_path, rows, prepare) == "2016-04-12 10:30:05,2016-04-12,07:45:00\n"


def test_record_n_is_row_n_with_title_lines_and_blank_rows(tmp_path: Path) -> None:
    rows = [["Study 7, wave 2"], [], [None, "Id", "Steps"], [], [None, "a", 5]]
    assert text_of(tmp_path, rows) == '"Study 7, wave 2",,\n,,\n,Id,Steps\n,,\n,a,5\n'


def test_a_table_that_starts_at_c4_keeps_its_place(tmp_path: Path) -> None:
    rows = [[], [], [], [None, None, "Id", "Steps"], [None, None, "a", 5]]
    assert text_of(tmp_path, rows) == ",,,\n,,,\n,,,\n,,Id,Steps\n,,a,5\n"


def test_a_blank_row_of_a_one_column_sheet_is_a_record(tmp_path: Path) -> None:
    assert text_of(tmp_path, [[], ["Id"], [], ["a"]]) == '""\nId\n""\na\n'


def test_merged_cells_all_have_the_value_of_the_first(tmp_path: Path) -> None:
    def prepare(book: Any) -> None:
        book.active.merge_cells("A1:C1")
        book.active.merge_cells("A3:A5")
        book.active.merge_cells("C4:Z5")

    rows = [["Steps of wave 2"], ["Id", "Day", "Steps"], ["P1", 1, 10], [None, 2, 7], [None, 3], ["P2", 1, 11]]
    assert text_of(tmp_path, rows, prepare) == (
        "Steps of wave 2,Steps of wave 2,Steps of wave 2\nId,Day,Steps\nP1,1,10\nP1,2,7\nP1,3,7\nP2,1,11\n"
    )


def test_every_sheet_with_a_cell_is_a_member_hidden_ones_too(tmp_path: Path) -> None:
    def prepare(book: Any) -> None:
        book["Heart"].sheet_state = "hidden"
        book["codes"].sheet_state = "veryHidden"
        book.create_chartsheet("Chart")

    sheets = {"Steps": [["a"]], "Heart": [["b"]], "blank": [], "codes": [["c"]], "..hid|den": [["d"]]}
    assert texts(save(tmp_path / "book.xlsx", sheets, prepare)) == {
        "Steps.csv": "a\n",
        "Heart.csv": "b\n",
        "codes.csv": "c\n",
        "_.hid_den.csv": "d\n",
    }


def test_sheets_whose_names_differ_by_case_are_two_files(tmp_path: Path) -> None:
    path = save(tmp_path / "book.xlsx", {"steps": [["a"]], "other": [["b"]]})
    with_part(path, lambda xml: xml.replace(b'"other"', b'"STEPS"'), "xl/workbook.xml")
    assert texts(path) == {"steps.csv": "a\n", "STEPS (2).csv": "b\n"}


def test_a_formula_has_its_last_result_and_an_error_is_shown(tmp_path: Path) -> None:
    path = with_rows(
        tmp_path / "book.xlsx",
        '<row r="1"><c r="A1"><f>2*3</f><v>6</v></c><c r="B1" t="str"><f>"a"&amp;"b"</f><v>ab</v></c>'
        '<c r="C1" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="D1" t="str"><f>""</f><v></v></c></row>'
        '<row r="2"><c r="A2"><f>SUM(B2:C2)</f><v/></c><c r="B2" t="inlineStr"><is><t>x</t></is></c></row>',
    )
    assert texts(path) == {"Sheet1.csv": "6,ab,#DIV/0!,\n=SUM(B2:C2),x,,\n"}


def test_formulas_alone_are_a_sheet(tmp_path: Path) -> None:
    path = with_rows(tmp_path / "book.xlsx", '<row r="2"><c r="B2"><f>A1 + 1</f></c><c r="C2"><f>A2</f><v/></c></row>')
    assert texts(path) == {"Sheet1.csv": ",,\n,=A1 + 1,=A2\n"}


def test_errors_beyond_the_last_value_widen_the_sheet(tmp_path: Path) -> None:
    assert text_of(tmp_path, [["#N/A"], [1], [None, None, "#REF!"]]) == "#N/A,,\n1,,\n,,#REF!\n"


def test_a_carriage_return_in_a_cell_does_not_end_the_record(tmp_path: Path) -> None:
    path = with_rows(tmp_path / "book.xlsx", '<row><c t="inlineStr"><is><t>a&#13;b</t></is></c><c><v>1</v></c></row>')
    assert texts(path) == {"Sheet1.csv": '"a\rb",1\n'}


def test_cells_without_references_stand_one_after_the_other(tmp_path: Path) -> None:
    path = with_rows(tmp_path / "book.xlsx", "<row><c><v>1</v></c><c/><c><v>2</v></c></row><row><c><v>3</v></c></row>")
    assert texts(path) == {"Sheet1.csv": "1,,2\n3,,\n"}


def test_formatted_blank_cells_do_not_count(tmp_path: Path) -> None:
    path = with_rows(tmp_path / "book.xlsx", '<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"/></row><row r="1048576"/>')
    assert texts(path) == {"Sheet1.csv": "1\n"}


def test_the_text_comes_in_pieces_of_whole_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "_PIECE_CHARS", 10)
    rows = [[n, n * n] for n in range(100)]
    assert text_of(tmp_path, rows) == "".join(f"{n},{n * n}\n" for n in range(100))


def test_a_workbook_without_a_cell_is_empty(tmp_path: Path) -> None:
    assert refusal(save(tmp_path / "book.xlsx", {"a": [], "b": []})).code == "empty_archive"


# calamine would ask for 550 GB for the first of these and end the process.
BOMBS = {
    "two cells, a sheet apart": '<row><c r="A1"><v>1</v></c></row><row><c r="XFD1048576"><v>1</v></c></row>',
    "counted, not named": f"<row>{'<c/>' * 99}<c><v>1</v></c></row>{'<row/>' * 400_000}<row><c><v>1</v></c></row>",
    "errors only": '<row><c t="e"><v>#N/A</v></c></row><row r="1000000"><c r="ZZ1000000" t="e"><v>#N/A</v></c></row>',
}  # fmt: skip


@pytest.mark.parametrize("rows", BOMBS.values(), ids=BOMBS)
def test_cells_too_far_apart_are_refused(tmp_path: Path, rows: str) -> None:
    error = refusal(with_rows(tmp_path / "book.xlsx", rows))
    assert error.code == "archive_too_large"
    assert "a sheet's cells span" in error.what


def test_cells_far_apart_in_one_column_are_not_too_far(tmp_path: Path) -> None:
    path = with_rows(tmp_path / "book.xlsx", '<row r="200000"><c r="B200000"><v>1</v></c></row>')
    text = texts(path)["Sheet1.csv"]
    assert text.count("\n") == 200_000
    assert text.endswith("\n,\n,1\n")


DAMAGE = {
    "a cell Excel does not have": ('<row><c r="ZZZZ1"><v>1</v></c></row>', "'ZZZZ' is no column"),
    "a column past the last": ('<row><c r="XFE1"><v>1</v></c></row>', "row 1, column 16385"),
    "a row past the last": ('<row r="1048577"><c><v>1</v></c></row>', "row 1048577, column 1"),
    "row nought": ('<row><c r="A0"><v>1</v></c></row>', "row 0, column 1"),
    "a row that is no number": ('<row r="x"><c><v>1</v></c></row>', "'x' should be a number"),
    "a number that is none": ('<row><c r="A1" t="n"><v>12..5</v></c></row>', "Parse float error"),
    "a text that is not there": ('<row><c r="A1" t="s"><v>99</v></c></row>', "not found in shared strings"),
    "a tag not closed": ('<row><c r="A1"><v>1</c></row>', "its XML is damaged (mismatched tag"),
    "entities": ('<row/></sheetData></worksheet><!DOCTYPE x [<!ENTITY e "e">]>', "its XML is damaged"),
}


@pytest.mark.parametrize(("rows", "why"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_sheet_is_refused_with_what_is_wrong(tmp_path: Path, rows: str, why: str) -> None:
    error = refusal(with_rows(tmp_path / "book.xlsx", rows))
    assert error.code == "unreadable_workbook"
    assert why in error.what


def test_xml_that_defines_entities_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "book.xlsx", [["a"]])
    with_part(path, lambda xml: b'<!DOCTYPE worksheet [<!ENTITY e "eeeeeeee">]>' + xml)
    assert "defines entities" in refusal(path).what


def test_merged_ranges_that_overlap_are_refused(tmp_path: Path) -> None:
    merged = "<mergeCells>{}</mergeCells>".format('<mergeCell ref="A1:XFD1048576"/>' * 2)
    path = with_rows(tmp_path / "book.xlsx", "<row><c><v>1</v></c></row>", merged)
    assert "merged cells overlap" in refusal(path).what


def test_a_claim_of_billions_of_texts_is_refused(tmp_path: Path) -> None:
    path = with_rows(tmp_path / "book.xlsx", "<row><c><v>1</v></c></row>")
    with_part(path, lambda _: b'<sst uniqueCount="4294967295"/>', STRINGS)
    assert refusal(path).what == "the workbook is too large: it claims 4294967295 different texts"


def test_a_long_text_shown_by_many_cells_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_SHEET_TEXT", 1_000)
    path = with_rows(tmp_path / "book.xlsx", "<row>" + '<c t="s"><v>0</v></c>' * 11 + "</row>")
    with_part(path, lambda _: b"<sst><si><t>" + b"x" * 100 + b"</t></si></sst>", STRINGS)
    assert refusal(path).what == "the workbook is too large: the texts of a sheet have more than 1000 characters"


def test_a_sheet_of_errors_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_SHEET_ERRORS", 3)
    assert refusal(save(tmp_path / "book.xlsx", [["#N/A"]] * 4)).code == "unreadable_workbook"


def test_a_workbook_of_more_xml_than_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_WORKBOOK_BYTES", 20_000)
    assert refusal(save(tmp_path / "book.xlsx", [["some text"]] * 1_000)).code == "archive_too_large"


def test_a_sheet_that_is_not_in_the_workbook_is_named(tmp_path: Path) -> None:
    path = save(tmp_path / "book.xlsx", {"Steps": [["a"]]})
    with_part(path, lambda xml: xml.replace(b"sheet1.xml", b"sheet7.xml"), "xl/_rels/workbook.xml.rels")
    assert refusal(path).what == "the workbook cannot be read: the sheet 'Steps' is not in it"


def test_a_second_list_of_sheets_elsewhere_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "book.xlsx", {"Steps": [["a"]]})
    assert "no list of sheets, or two" in refusal(with_part(path, lambda _: b"<workbook/>", "xl/x/workbook.xml")).what


def test_two_sheets_of_one_name_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "book.xlsx", {"a": [["1"]], "b": [["2"]]})
    with_part(path, lambda xml: xml.replace(b'name="b"', b'name="a"'), "xl/workbook.xml")
    assert "two of its sheets have the same name" in refusal(path).what


class PanicException(BaseException):
    """What a panic in Rust arrives as."""


@pytest.mark.parametrize(("raised", "seen"), [
    (PanicException("index out of bounds"), FileRefusedError),
    (ValueError("bad"), FileRefusedError),
    (OSError("unexpected end of file"), FileRefusedError),
    (OSError("Input/output error (os error 5)"), OSError),
    (MemoryError(), MemoryError),
    (KeyboardInterrupt(), KeyboardInterrupt),
    (SystemExit(), SystemExit),
    (GeneratorExit(), GeneratorExit),
])  # fmt: skip
def test_only_what_is_the_files_fault_is_a_refusal(raised: BaseException, seen: type[BaseException]) -> None:
    def call() -> None:
        raise raised

    with pytest.raises(seen) as caught:
        workbook._calling(call)
    assert type(caught.value) is seen


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**14), 10**14),
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="=\x7f"), max_size=8),
)


def as_shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    return "" if value is None else str(value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=6))
def test_every_cell_is_in_its_place(tmp_path: Path, rows: list[list[Any]]) -> None:
    """Against Python's own csv reader, with openpyxl as the writer."""
    path = save(tmp_path / "book.xlsx", rows)
    shutil.rmtree(tmp_path / "members", ignore_errors=True)
    used = [(r, c) for r, row in enumerate(rows) for c, v in enumerate(row) if as_shown(v)]
    if not used:
        assert refusal(path).code == "empty_archive"
        return
    height, width = max(r for r, _ in used) + 1, max(c for _, c in used) + 1
    expected = [[as_shown(v) for v in (row + [None] * 4)[:width]] for row in rows[:height]]
    assert list(csv.reader(io.StringIO(texts(path)["Sheet1.csv"], newline=""), strict=True)) == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_xml_with_right_checksums_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = save(tmp_path / "book.xlsx", [["Id", 7], [datetime(2016, 4, 12, 1), "#N/A"]])
    with zipfile.ZipFile(path) as archive:
        part = data.draw(st.sampled_from([n for n in archive.namelist() if n.startswith("xl/")]))

    def change(xml: bytes) -> bytes:
        at = data.draw(st.integers(0, len(xml) - 1))
        cut = data.draw(st.integers(0, 3))
        return xml[:at] + data.draw(st.binary(max_size=3)) + xml[at + cut :]

    folder = tmp_path / "members"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        members = expand(with_part(path, change, part), "book.xlsx", folder)
    except FileRefusedError:
        members = []
    assert sorted(folder.rglob("*")) == [m.path for m in members]


def test_what_openpyxl_calls_the_used_range_is_ours(tmp_path: Path) -> None:
    """A second reader agrees about the extent."""
    path = save(tmp_path / "book.xlsx", [[], [None, None, 1], [None, 2]])
    sheet = openpyxl.load_workbook(path).active
    lines = texts(path)["Sheet1.csv"].splitlines()
    assert (len(lines), lines[0].count(",") + 1) == (sheet.max_row, sheet.max_column) == (3, 3)
