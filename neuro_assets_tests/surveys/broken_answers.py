"""Malformed files of answers that hypothesis makes up: tables that conform to `CODEBOOK`, damaged, and written."""

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

CODEBOOK = """
name: fuzz_diary
version: 1
title: Fuzz diary
choices:
  how: {0: not at all, 1: somewhat, 2: very}
missing: {-1: refused, skip: not_asked}
items:
  rested: {text: how rested, choices: how, missing: {9: do_not_know}, also: [how_rested]}
  calm: {text: how calm, choices: how}
  napped: {text: napped, choices: {0: 'no', 1: 'yes'}}
  hours: {text: hours slept, type: number, min: 0, max: 24, unit: h}
  steps: {text: steps, type: number}
  remark: {text: remark, type: text, optional: true}
  phone: {text: phone number, type: text, optional: true, sensitive: drop}
"""
ITEMS = ("rested", "calm", "napped", "hours", "steps", "remark")
# `@@` in a cell becomes the number of the case.
GOOD: dict[str, tuple[str | None, ...]] = {
    "rested": ("0", "1", "2", "very", "Somewhat", "9", "1.0", ""),
    "calm": ("0", "1", "2", " NOT AT ALL ", "+1", "-1"),
    "napped": ("0", "1", "yes", "No", "NA"),
    "hours": ("7.5", "0", "24", "+8", "skip", "1e1"),
    "steps": ("0", "12000", "-3.5", "1e6", None),
    "remark": ("ok", "", "a, b; c|d", 'said "no"', "Zoë 🙂", "two\nlines"),
    "phone": ("SECRET-@@-0171", ""),
}
NASTY = (
    "", " ", "NA", "n/a", "NaN", "NULL", "-", "0.5", "1,5", "7", "3", "-1", "+2", "02", "1.00", "maybe", "yes", "true",
    "very much", "24.01", "-0.1", "1e13", "1e400", "9" * 400, "inf", "-Infinity", "0x1F", "1_000", "٣", "½", "12%",
    "=1+1", "'1", '"', '"1"', "a\tb", "\ufeff1", "\xa01", "\x0b", "🙂" * 40, "x" * 5_000, "2024-03-05", "$path", "{}",
)  # fmt: skip
TIMES = (
    "", "yesterday", "2024-02-30 07:00:00", "2024-03-05 25:00:00", "2024-03-05", "2024-03-10 02:30:00", "0000-00-00",
    "2023-03-05 07:00:00", "2031-01-01 00:00:00", "2024-04-01 00:00:00", "2024-03-31 23:59:59", "05/03/2024 07:00:00",
    "3/25/2024 07:00:00", "25.03.2024 07:00", "2024-03-05T07:00:00", "45356.3", "NA", "07:00", "2024-03-05 07:00",
)  # fmt: skip
IDS = (None, "", " ", "K@@x", "K@@b", "'K@@a", "K@@ a", "K@@a;--", "1.50E+09", "é@@", " K@@a ", "-")
NAMES = ("", "calm", "CALM ", "how_rested", "kalm", "participant_id", "answer", "item", "phone", "x" * 300, "a\nb", "É")
LONG_NAMES = ("How rested?", "CALM", "kalm", "Phone", "phone ", "PHO-NE", "phoone", "", None, "steps;", "'", "é")
INSTRUMENTS = ("Fuzz-Diary", "fuzz diary", "FUZZDIARY", "phq9", "", None, "'; DROP TABLE x --")


Row = list[Any]  # texts, None where there is nothing


@dataclass
class Table:
    """A table of answers before it is written."""

    header: Row
    rows: list[Row]
    is_long: bool
    above: list[Row] = field(default_factory=list)

    def at(self, name: str) -> int:
        """Place of a column, or of the first if it is gone."""
        return self.header.index(name) if name in self.header else 0

    def put(self, rng: Random, name: str, value: str | None) -> None:
        """Write into a cell of the column."""
        row, at = rng.choice(self.rows), self.at(name)
        row[at : at + 1] = [value]


def _put(name: str, values: tuple[str | None, ...]) -> Callable[[Table, Random], None]:
    return lambda table, rng: table.put(rng, name, rng.choice(values))


def wrong_answer(table: Table, rng: Random) -> None:
    table.put(rng, "answer" if table.is_long else rng.choice(ITEMS), rng.choice(NASTY))


def wrong_question(table: Table, rng: Random) -> None:
    if not table.is_long:
        wrong_answer(table, rng)
    else:
        table.put(rng, "instrument", rng.choice(INSTRUMENTS))
        for _ in range(3):
            table.put(rng, "item", rng.choice(LONG_NAMES))


def mixed_answers(table: Table, rng: Random) -> None:
    for row in table.rows:
        at = table.at("answer" if table.is_long else "napped")
        row[at : at + 1] = [rng.choice(("yes", "no", "0.5", "1", None))]


def column_twice(table: Table, rng: Random) -> None:
    at = rng.randrange(len(table.header))
    for row in (table.header, *table.rows):
        row += row[at : at + 1]


def column_renamed(table: Table, rng: Random) -> None:
    table.header[rng.randrange(len(table.header))] = rng.choice(NAMES)


def column_gone(table: Table, rng: Random) -> None:
    at = rng.randrange(len(table.header))
    for row in (table.header, *table.rows):
        del row[at : at + 1]


def columns_moved(table: Table, rng: Random) -> None:
    order = list(range(len(table.header)))
    rng.shuffle(order)
    for row in (table.header, *table.rows):
        row[:] = [row[n] if n < len(row) else None for n in order]


def row_twice(table: Table, rng: Random) -> None:
    table.rows.insert(rng.randrange(len(table.rows) + 1), list(rng.choice(table.rows)))


def row_told_otherwise(table: Table, rng: Random) -> None:
    row_twice(table, rng)
    wrong_answer(table, rng)


def with_ids_of_responses(table: Table, rng: Random) -> None:
    table.header += ["response_id", "duration_s"]
    for row in table.rows:
        row += [rng.choice(("r1", "r1", "r2", "", None)), rng.choice(("41", "", "-3", "soon", "1e400"))]


def row_between(table: Table, rng: Random) -> None:
    width = len(table.header)
    row = rng.choice(([""] * width, list(table.header), table.header[::-1], ["Total", *[""] * (width - 1)], [" "]))
    table.rows.insert(rng.randrange(len(table.rows) + 1), list(row))


def cells_too_many(table: Table, rng: Random) -> None:
    rng.choice(table.rows).append(rng.choice(("", " ", "more")))


def cells_too_few(table: Table, rng: Random) -> None:
    del rng.choice(table.rows)[-1:]


def title(table: Table, rng: Random) -> None:
    table.above += rng.choice(([["Fuzz diary"], [""]], [["made", "2024-03-31"]], [["", "", "Diary"]]))


def sent_twice(table: Table, rng: Random) -> None:
    """By a program that numbers responses; sometimes one was changed in between."""
    at = table.header.index("response_id") if "response_id" in table.header else len(table.header)
    if at == len(table.header):
        table.header.append("response_id")
    for number, row in enumerate(table.rows):
        row[at:] = [*[None] * (at - len(row)), f"r{number}", *row[at + 1 :]]
    table.rows += [list(rng.choice(table.rows)) for _ in range(rng.randrange(1, 4))]
    if rng.random() < 0.4:
        wrong_answer(table, rng)


def header_gone(table: Table, rng: Random) -> None:
    """A row takes its place, and no other line is one."""
    table.rows = [r for r in table.rows if r[::-1] != table.header != r] or [[""]]
    table.header[:] = [cell or "" for cell in table.rows.pop(rng.randrange(len(table.rows)))] or [""]
    table.header[:] = [cell for cell in table.header if "SECRET" not in cell] or [""]


DAMAGES = (
    wrong_answer, wrong_answer, wrong_answer, wrong_question, wrong_question, wrong_question, wrong_question,
    mixed_answers, column_twice, column_renamed, column_gone, columns_moved, row_twice, row_told_otherwise, sent_twice,
    sent_twice, with_ids_of_responses, row_between, cells_too_many, cells_too_few, title, header_gone,
    _put("answered_at", TIMES), _put("answered_at", TIMES), _put("participant_id", IDS), _put("participant_id", IDS),
)  # fmt: skip


# -- writing ----------------------------------------------------------------------------------------------------------


def as_csv(table: Table, rng: Random) -> bytes:
    out = io.StringIO()
    separator, end = rng.choice(",,,;\t|"), rng.choice(("\n", "\n", "\r\n", "\r"))
    # Where lines end with CR alone, the writer leaves an LF bare.
    quoting = csv.QUOTE_ALL if end == "\r" else rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    csv.writer(out, delimiter=separator, quoting=quoting, lineterminator=end).writerows(
        [*table.above, table.header, *table.rows]
    )
    text = out.getvalue()[: rng.choice((None, None, None, -len(end)))]
    return text.encode(rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252")), "replace")


def _member(name: str, cell: str | None, *, is_typed: bool) -> str:
    is_number = is_typed and re.fullmatch(r"-?(0|[1-9][0-9]{0,8})(\.[0-9]+)?(e[0-9])?", cell or "")
    return f"{json.dumps(name)}: {cell if is_number else json.dumps(cell)}"


def as_json(table: Table, rng: Random) -> bytes:
    is_lines, is_typed = rng.random() < 0.5, rng.random() < 0.5
    records = [dict(zip(table.header, row, strict=False)) for row in table.rows]
    rows = ["{" + ", ".join(_member(n, c, is_typed=is_typed) for n, c in r.items()) + "}" for r in records]
    return "".join(f"{r}\n" for r in rows).encode() if is_lines else f"[{', '.join(rows)}]".encode()


def as_parquet(table: Table, _: Random) -> bytes:
    names = list(dict.fromkeys(table.header))
    rows = [dict(zip(table.header, row, strict=False)) for row in table.rows]
    out = io.BytesIO()
    arrays = [pa.array([row.get(n) for row in rows], pa.string()) for n in names]
    pq.write_table(pa.Table.from_arrays(arrays, names=names), out)
    return out.getvalue()


def as_xlsx(table: Table, rng: Random) -> bytes:
    book, is_typed = openpyxl.Workbook(), rng.random() < 0.5
    sheet: Any = book.active
    for row in [*table.above, table.header, *table.rows]:
        sheet.append([_cell_of(re.sub(r"[\x00-\x08\x0b-\x1f]", "", c or ""), is_typed=is_typed) for c in row])
    if table.above:
        sheet.merge_cells("A1:D1")
    if rng.random() < 0.3:
        book.create_sheet("Notes").append(["exported by nobody"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell_of(text: str, *, is_typed: bool) -> object:
    if is_typed and re.fullmatch(r"-?[0-9]{1,6}(\.[0-9]+)?", text):
        return float(text)
    if is_typed and re.fullmatch(r"2024-03-\d\d [01]\d:\d\d:\d\d", text):
        return datetime.fromisoformat(text)
    return text if not text.startswith("=") else f" {text}"


WRITERS: dict[str, Callable[[Table, Random], bytes]] = {
    "csv": as_csv, "json": as_json, "parquet": as_parquet, "xlsx": as_xlsx,
}  # fmt: skip
FORMS = ("csv", "csv", "csv", "csv", "json", "json", "parquet", "xlsx")
PIECES = (b'"', b"\x00", b"\r", b"\n", b"\xff", b",", b"{", b"]", b"\xe2\x82", b"\\", b"'", b"\x1a")


def spliced(content: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return rng.choice((content[:at], content[:at] + rng.choice(PIECES) + content[at:]))


@dataclass(frozen=True)
class Case:
    """A file that nobody should send."""

    name: str
    content: bytes
    is_cut: bool
    """Whether bytes were changed after it was written."""
    table: Table


@st.composite
def tables(draw: st.DrawFn) -> tuple[Table, Random]:
    """A table that conforms to the codebook, and 0 to 4 damages of it."""
    rng = draw(st.randoms(use_true_random=True))
    is_long, count = draw(st.booleans()), draw(st.integers(1, 12))
    names = (*ITEMS, "phone")
    head = ["participant_id", "answered_at", *(("instrument", "item", "answer") if is_long else names)]
    table = Table(head, [], is_long)
    for _ in range(count):
        when = datetime(2024, 3, draw(st.integers(1, 31)), draw(st.integers(0, 23)), draw(st.integers(0, 59)))
        own: Row = [draw(st.sampled_from(("K@@a", "K@@b"))), str(when)]
        answers = {name: draw(st.sampled_from(GOOD[name])) for name in names}
        if is_long:
            table.rows += [[*own, "fuzz_diary", name, answer] for name, answer in answers.items()]
        else:
            table.rows.append([*own, *answers.values()])
    for damage in draw(st.lists(st.sampled_from(DAMAGES), max_size=4)):
        if table.rows and table.header:
            damage(table, rng)
    return table, rng


def cases(count: int) -> list[Case]:
    """Cases that hypothesis makes up, each with people of its own: loading them together takes minutes less."""
    made: list[Case] = []

    @examples(max_examples=count, phases=[Phase.generate], database=None, derandomize=True, deadline=None,
              suppress_health_check=tuple(HealthCheck))  # pyright: ignore[reportArgumentType]  # fmt: skip
    @given(tables(), st.sampled_from(FORMS), st.integers(0, 5))
    def make(drawn: tuple[Table, Random], form: str, cut: int) -> None:
        (table, rng), number = drawn, f"{len(made):04}"
        for row in (table.header, *table.rows):
            row[:] = [cell and cell.replace("@@", number) for cell in row]
        content = WRITERS[form](table, rng)
        made.append(Case(f"c{number}.{form}", content if cut else spliced(content, rng), not cut, table))

    make()
    return made
