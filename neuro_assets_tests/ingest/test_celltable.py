"""Files of any format as tables of text cells: the strict scan, the patient one, JSON and Parquet."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from neuro_assets.ingest.celltable import (
    CellTable,
    csv_table,
    json_table,
    parquet_table,
    run,
    sql_list,
    sql_text,
    starts_as_sampled,
    tokenised,
)
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.textfile import MAX_LINE, first_records, open_text
from neuro_assets.lake.lake import Connection
from neuro_assets_tests.fitabase_files import write

Cells = list[tuple[int, list[str]]]


@pytest.fixture
def cells(memory: Connection) -> Callable[[CellTable], Cells]:
    """`cells(table)`: row number and cells of every row; a blank cell is ''."""

    def read(table: CellTable) -> Cells:
        names = ", ".join(f"c{n}" for n in range(table.width))
        sql = f"SELECT row_number, {names} FROM {table.relation} ORDER BY 1"
        return [(n, [c or "" for c in row]) for n, *row in run(memory, sql, {"path": str(table.path)}).fetchall()]

    return read


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., CellTable]:
    """`table(text)`: a CSV as a table, its header being the record `at`."""

    def of(text: str | bytes, separator: str = ",", at: int = 0) -> CellTable:
        opened = open_text(write(tmp_path, "file.csv", text), tmp_path)
        return csv_table(opened, separator, first_records(opened, separator), at)

    return of


def no_remarks(_: list[str]) -> bool:
    return False


GOOD = {
    "plain": "a,b,c\n1,2,3\n4,5,6\n",
    "no rows": "a,b,c\n",
    "CRLF": "a,b,c\r\n1,2,3\r\n4,5,6\r\n",
    "no last line end": "a,b,c\n1,2,3\n4,5,6",
    "quoted": '"a","b","c"\n"1","2","3"\n"4","5","6"\n',
    "separators and quotes in cells": 'a,b,c\n"1,5","say ""no""",3\n,"","""\n',
    "line ends in cells": 'a,b,c\n1,"two\nlines",3\n4,"and\r\nfour",6\n',
    "blanks in cells": "a, b ,c\n 1 ,  ,\t3\n4,5, 6\n",
    "blank cells": "a,b,c\n,,\n1,,3\n,,\n",
    "blank lines": "a,b,c\n1,2,3\n\n4,5,6\n\n\n",
    "beyond ASCII": "a,ü,c\nZoë,5 €,\u00a0\n漢,🙂,é\n",
    "a quote inside": 'a,b,c\n1,5" tall,3\n',
    "byte-order mark": "\ufeffa,b,c\n1,2,3\n",
}
GOOD["separators and quotes in cells"] = 'a,b,c\n"1,5","say ""no""",3\n,"",""""\n'


@pytest.mark.parametrize("name", GOOD)
def test_the_strict_and_the_patient_scan_read_the_same(cells, table, tmp_path: Path, name: str):
    scanned = table(GOOD[name])
    patient = tokenised(scanned, tmp_path, no_remarks)
    assert cells(patient) == cells(scanned)
    assert [n for n, _ in cells(scanned)] == list(range(1, len(cells(scanned)) + 1))
    assert (patient.header, patient.header_line, patient.format) == (scanned.header, 1, "csv")


def test_what_they_read(cells, table):
    """The numbers above are of rows, not of lines: blank lines have none, blank records have one."""
    assert cells(table(GOOD["separators and quotes in cells"])) == [
        (1, ["1,5", 'say "no"', "3"]),
        (2, ["", "", '"']),
    ]
    assert cells(table(GOOD["blank lines"])) == [(1, ["1", "2", "3"]), (2, ["4", "5", "6"])]
    assert cells(table(GOOD["blank cells"])) == [(1, ["", "", ""]), (2, ["1", "", "3"]), (3, ["", "", ""])]
    assert cells(table(GOOD["line ends in cells"])) == [(1, ["1", "two\nlines", "3"]), (2, ["4", "and\r\nfour", "6"])]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_separator(cells, table, separator: str):
    text = "\n".join(separator.join(line) for line in ("abc", "123", "456")) + "\n"
    scanned = table(text, separator)
    assert (scanned.header, scanned.separator) == (("a", "b", "c"), separator)
    assert cells(scanned) == [(1, ["1", "2", "3"]), (2, ["4", "5", "6"])]


def test_lines_above_the_header_are_skipped(cells, table, memory: Connection):
    scanned = table("Export of Ann\n\na,b\n1,2\n3,4\n", at=1)
    assert (scanned.header, scanned.header_line, scanned.sample) == (("a", "b"), 3, (("1", "2"), ("3", "4")))
    assert cells(scanned) == [(1, ["1", "2"]), (2, ["3", "4"])]
    assert starts_as_sampled(memory, scanned)


def test_a_header_of_two_lines_is_read_by_the_patient_scan(cells, table, memory: Connection, tmp_path: Path):
    """The engine counts lines to skip in its own way; where that differs from ours, it is found out."""
    scanned = table('Export of Ann\n\n"a\nb",c\n1,2\n3,4\n', at=1)
    assert (scanned.header, scanned.header_line, scanned.skip) == (("a\nb", "c"), 3, 4)
    assert cells(tokenised(scanned, tmp_path, no_remarks)) == [(1, ["1", "2"]), (2, ["3", "4"])]
    assert starts_as_sampled(memory, scanned) is (cells(scanned) == [(1, ["1", "2"]), (2, ["3", "4"])])


@pytest.mark.parametrize("text", ["a,b\n", "a,b\n,\n1,2\n", "a,b\n\n1, 2\n", 'a,b\n"1",2\n'])
def test_a_good_file_starts_as_its_sample(table, memory: Connection, text: str):
    assert starts_as_sampled(memory, table(text))


def test_the_sample_is_the_first_rows(table):
    scanned = table("a,b\n" + "".join(f"{n}, x \n" for n in range(1000)))
    assert scanned.sample[:2] == (("0", "x"), ("1", "x"))
    assert len(scanned.sample) < 1000


def test_a_utf16_file_is_scanned_as_its_copy(cells, table):
    scanned = table("a,ü\nZoë,5 €\n".encode("utf-16"))
    assert (scanned.encoding, scanned.header) == ("utf-16", ("a", "ü"))
    assert cells(scanned) == [(1, ["Zoë", "5 €"])]


class TestRagged:
    """Lines of another length than the header: only what is surely no data may differ."""

    def test_cells_too_many_are_left_out_when_they_are_blank(self, cells, table, tmp_path: Path):
        scanned = tokenised(table("a,b\n1,2,, \n3,4\n"), tmp_path, no_remarks)
        assert cells(scanned) == [(1, ["1", "2"]), (2, ["3", "4"])]

    def test_a_short_line_that_is_a_remark_stays_a_row_of_its_own(self, cells, table, tmp_path: Path):
        scanned = tokenised(table("a,b,c\n1,2,3\nTotal\n4,5,6\n"), tmp_path, lambda cells: cells[0] == "Total")
        assert cells(scanned) == [(1, ["1", "2", "3"]), (2, ["Total", "", ""]), (3, ["4", "5", "6"])]

    @pytest.mark.parametrize(
        ("text", "line", "found"),
        [
            ("a,b\n1,2\n3,4,5\n", 3, 3),
            ("a,b\n1,2\n\n3,4, ,5\n", 4, 4),
            ("a,b,c\n1,2,3\n4,5\n", 3, 2),
            ('a,b,c\n1,"x\ny",3\n4\n', 4, 1),
        ],
    )
    def test_any_other_is_refused_with_its_line(self, table, tmp_path: Path, text: str, line: int, found: int):
        with pytest.raises(FileRefusedError) as caught:
            tokenised(table(text), tmp_path, no_remarks)
        assert caught.value.code == "broken_csv"
        assert f"line {line} cannot be read as CSV" in str(caught.value)
        assert f"Found: {found})" in str(caught.value)

    @pytest.mark.parametrize("text", ["a,b\n1,2\n3,4,5\n", "a,b,c\n1,2,3\n4,5\n", 'a,b\n1,"2\n3,4\n'])
    def test_the_strict_scan_refuses_all_of_them(self, cells, table, text: str):
        with pytest.raises(FileRefusedError) as caught:
            cells(table(text))
        assert caught.value.code == "broken_csv"
        assert "/" not in str(caught.value)

    def test_many_rows_keep_their_numbers(self, cells, table, tmp_path: Path):
        """More than one batch of the patient scan; every third line ends in another way."""
        lines = [f"{n},{n * 2}" + ("\r\n" if n % 3 else "\n") for n in range(1, 50_101)]
        found = cells(tokenised(table("a,b\n" + "".join(lines)), tmp_path, no_remarks))
        assert found == [(n, [str(n), str(n * 2)]) for n in range(1, 50_101)]


ROWS = [{"Id": 1, "Day": "2016-04-05", "Steps": 12.0}, {"Day": "x", "Id": "2", "Note": None}]


class TestJson:
    """Objects are rows, their keys the columns in the order of their first appearance."""

    @pytest.fixture
    def opened(self, memory: Connection, tmp_path: Path) -> Callable[[str], CellTable]:
        def of(text: str) -> CellTable:
            path = write(tmp_path, "file.json", text)
            return json_table(memory, path, is_array=text.lstrip().startswith("["))

        return of

    @pytest.mark.parametrize(
        "text",
        [
            "".join(json.dumps(row) + "\n" for row in ROWS),
            "\n".join(json.dumps(row) for row in ROWS),
            "\n\n".join(json.dumps(row) for row in ROWS),
            json.dumps(ROWS),
            json.dumps(ROWS, indent=2),
        ],
        ids=["lines", "no last line end", "blank lines", "array", "indented array"],
    )
    def test_lines_and_arrays(self, cells, opened, text: str):
        found = opened(text)
        assert (found.format, set(found.header)) == ("json", {"Id", "Day", "Steps", "Note"})
        rows = [dict(zip(found.header, row, strict=True)) for _, row in cells(found)]
        assert rows == [
            {"Id": "1", "Day": "2016-04-05", "Steps": "12.0", "Note": ""},
            {"Id": "2", "Day": "x", "Steps": "", "Note": ""},
        ]
        assert [n for n, _ in cells(found)] == [1, 2]

    def test_numbers_keep_all_their_digits(self, cells, opened):
        assert cells(opened('{"Id": 15039603661503960366}\n')) == [(1, ["15039603661503960366"])]
        assert float(cells(opened('{"x": 0.797300010919571}\n'))[0][1][0]) == 0.797300010919571

    def test_odd_names_are_no_sql(self, cells, opened):
        names = ["it's", 'a "b"', "$x", "a.b", "c0"]
        assert cells(opened(json.dumps(dict.fromkeys(names, 5)))) == [(1, ["5"] * len(names))]

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ('{"Id": 1}\n{"Id": \n', "damaged_file"),
            ('[{"Id": 1}, {"Id"]', "damaged_file"),
            ('[{"Id": 1}', "damaged_file"),
            ("[]", "unknown_layout"),
            ("[1, 2]", "unknown_layout"),
            ("{}\n{}\n", "unknown_layout"),
            (json.dumps({f"k{n}": n for n in range(2001)}), "unknown_layout"),
        ],
    )
    def test_what_is_no_table(self, opened, text: str, code: str):
        with pytest.raises(FileRefusedError) as caught:
            opened(text)
        assert caught.value.code == code
        assert "/tmp" not in str(caught.value)

    def test_nested_values_are_text_and_never_columns(self, cells, opened):
        """What no number can be made of goes to quarantine with its text."""
        (row,) = cells(opened('{"Id": 1, "steps": {"value": 5}}\n'))
        assert json.loads(row[1][1]) == {"value": 5}


class TestParquet:
    """Columns of any type are text, as DuckDB writes them."""

    @pytest.fixture
    def opened(self, memory: Connection, tmp_path: Path) -> Callable[[str], CellTable]:
        def of(select: str) -> CellTable:
            path = tmp_path / "file.parquet"
            memory.execute(f"COPY ({select}) TO '{path}'")
            return parquet_table(memory, path)

        return of

    def test_typed_columns(self, cells, opened):
        found = opened(
            "SELECT 1503960366::BIGINT AS id, 1503960366::DOUBLE AS \"an 'id'\", DATE '2016-04-05' AS d,"
            " TIMESTAMP '2016-04-05 13:00:00' AS t, 0.7973 AS n, true AS b, NULL::INTEGER AS x"
        )
        assert (found.format, found.header[1], found.separator) == ("parquet", "an 'id'", None)
        assert cells(found) == [
            (1, ["1503960366", "1503960366.0", "2016-04-05", "2016-04-05 13:00:00", "0.7973", "true", ""])
        ]

    def test_text_columns(self, cells, opened):
        assert cells(opened("SELECT n::VARCHAR AS n FROM range(3) t(n)")) == [(n, [str(n - 1)]) for n in (1, 2, 3)]

    def test_row_groups_are_numbered_through(self, cells, memory: Connection, tmp_path: Path):
        path = tmp_path / "groups.parquet"
        memory.execute(f"COPY (SELECT n FROM range(10000) t(n)) TO '{path}' (ROW_GROUP_SIZE 2048)")
        assert cells(parquet_table(memory, path)) == [(n, [str(n - 1)]) for n in range(1, 10_001)]

    def test_a_damaged_one(self, memory: Connection, tmp_path: Path):
        with pytest.raises(FileRefusedError, match="looks like Parquet but cannot be read") as caught:
            parquet_table(memory, write(tmp_path, "file.parquet", b"PAR1" + b"x" * 99 + b"PAR1"))
        assert caught.value.code == "damaged_file"


def test_sql_literals_keep_quotes(memory: Connection):
    names = ["it's", "a''b", "\\", 'x"y']
    assert memory.execute(f"SELECT {sql_list(names)}, {sql_text(names[0])}").fetchall() == [(names, "it's")]


def test_only_text_files_are_tokenised(table, tmp_path: Path):
    with pytest.raises(AssertionError):
        tokenised(replace(table("a,b\n"), text=None), tmp_path, no_remarks)


LONG = MAX_LINE + 10


@pytest.mark.parametrize("end", ["", "\n", "\r\n3,4\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_line_that_the_strict_scan_would_lose_is_refused(table, end: str, encoding: str):
    """DuckDB leaves out a last line that its buffer cannot hold, and says nothing."""
    with pytest.raises(FileRefusedError, match="a line is longer than 2,000,000 bytes"):
        table(f"a,b\n1,é\n{'x' * LONG}{end}".encode(encoding))


def test_the_longest_line_that_is_read(cells, table):
    """It crosses the pieces in which a file is surveyed."""
    last = "x" * (MAX_LINE - 2)
    assert cells(table(f"a,b\n1,2\n3,{last}")) == [(1, ["1", "2"]), (2, ["3", last])]


@pytest.mark.verify
def test_many_short_lines_are_no_long_one(cells, table):
    rows = MAX_LINE // 3
    assert len(cells(table("a,b\n" + "1,2\n" * rows))) == rows


@pytest.mark.parametrize("end", ['"', '"\n5,6\n', ""])
def test_a_quoted_text_that_the_strict_scan_cannot_hold_is_refused(cells, table, end: str):
    with pytest.raises(FileRefusedError) as caught:
        cells(table("a,b\n" + "3,4\n" * 50_000 + '3,"' + "x,99\n" * MAX_LINE + end))
    assert caught.value.code == "broken_csv"
