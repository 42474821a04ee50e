"""Hypothesis strategies for archives, workbooks, Parquet and JSON that are damaged, lie, or lead elsewhere."""

import gzip
import io
import json
import random
import re
import struct
import warnings
import zipfile
from datetime import date, datetime, timedelta
from functools import lru_cache

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from hypothesis import strategies as st
from openpyxl import Workbook

from neuro_assets_tests.ingest.broken_files import (
    MILLION,
    NASTY_CELLS,
    NASTY_NAMES,
    SOURCES,
    byte_damage,
    csv_text,
    damaged,
    flip,
    noise,
    seeds,
    table_of,
    tables,
    text_damage,
    unit,
    valid,
)

# -- containers -----------------------------------------------------------------------------------------------------


def zipped(members: dict[str, bytes] | list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name twice is what is wanted
        for name, content in members.items() if isinstance(members, dict) else members:
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, method
            archive.writestr(info, content)
    return out.getvalue()


MEMBER_NAMES = (
    "a.csv", "b/a.csv", "../evil.csv", "../../../../evil.csv", "/evil.csv", "/tmp/neuro_fuzz_evil.csv",
    "a/../../evil.csv", "C:/evil.csv", "..\\evil.csv", "a\nb.csv", "", ".", "..", "./a.csv", "A.CSV", "a.csv/b.csv",
    ".hidden", "__MACOSX/a.csv", "x" * 240, "🙂.csv", "\u202ea.csv", "a" * 70 + "/" + "b" * 70 + "/c.csv", "a.zip",
    "landing/a.csv", "c0=3/a.csv", "a.csv.gz", "~$a.xlsx", "xl/workbook.xml", "[Content_Types].xml",
    "word/document.xml", "a'b\".csv", "a[1]*.csv",
)  # fmt: skip


@lru_cache
def _many_members() -> bytes:
    return zipped([(f"{n}.csv", b"") for n in range(10_000)], zipfile.ZIP_STORED)


def _lie(data: bytes, size: int) -> bytes:
    """The declared size of the first member, in the list at the end."""
    at = data.rfind(b"PK\x01\x02") + 24
    return data[:at] + struct.pack("<I", size) + data[at + 4 :]


member_bytes = st.one_of(valid, damaged(valid, text_damage), st.binary(max_size=200), valid.map(gzip.compress))
members = st.lists(st.tuples(st.sampled_from(MEMBER_NAMES), member_bytes), max_size=3)
zips = st.one_of(
    members.map(zipped),
    damaged(members.map(zipped), byte_damage, 2),
    st.builds(lambda table, n: zipped({"a.csv": csv_text(table)}, n), tables, st.sampled_from((0, 12, 14))),
    st.builds(lambda content, size: _lie(zipped({"a.csv": content}), size), valid, st.sampled_from((0, 1, 1 << 31))),
    members.map(lambda m: zipped({"b.zip": zipped(m), "a.csv": b"Id\n"})),
    st.integers(0, 1).map(lambda n: _many_members()[n:]),
    st.just(zipped({"zeros.csv": bytes(60 * MILLION)})),
)
gzips = st.one_of(
    damaged(valid.map(gzip.compress), byte_damage, 2),
    st.builds(lambda a, b: gzip.compress(a) + b, valid, st.one_of(st.binary(max_size=20), valid.map(gzip.compress))),
    member_bytes.map(gzip.compress).map(gzip.compress),
    members.map(zipped).map(gzip.compress),
    st.builds(noise, st.integers(0, 200), seeds).map(lambda tail: b"\x1f\x8b\x08" + tail),
    st.just(gzip.compress(bytes(60 * MILLION))),
)


# -- workbooks ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=400)
def _workbook(kind: int, rows: int, seed: int) -> bytes:
    book, rng = Workbook(), random.Random(seed)
    sheet = book.active
    assert sheet is not None
    for cells in table_of(SOURCES.kinds[kind], rows, seed):
        sheet.append([float(c) if re.fullmatch(r"\d{1,5}(\.\d+)?", c) else c for c in cells])
    if seed % 3 == 0:
        sheet["B2"] = rng.choice(
            (datetime(2016, 4, 12, 10), date(2016, 4, 12), "=1+1", "#N/A", True, 42472.5, timedelta(1))
        )
    if seed % 5 == 0:
        sheet.merge_cells("A2:B3")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


XML_SWAPS = (
    (rb"<v>[^<]*</v>", b"<v>1e999</v>"), (rb"<v>[^<]*</v>", b"<v></v>"), (rb"<v>[^<]*</v>", b"<v>-1</v>"),
    (rb' r="B2"', b""), (rb"<v>[^<]*</v>", b"<f>A1+1</f>"), (rb'r="A2"', b'r="XFD1048576"'),
    (rb'r="A2"', b'r="A99999999999"'), (rb't="n"', b't="d"'), (rb't="n"', b't="s"'), (rb't="s"', b't="e"'),
    (rb't="s"', b't="zz"'), (rb'<row r="2"', b'<row r="1"'), (rb"</sheetData>", b""),
    (rb"<worksheet", b'<!DOCTYPE a [<!ENTITY b "c">]><worksheet'), (rb'ref="[^"]*"', b'ref="A1:XFD1048576"'),
    (rb'r:id="rId1"', b""), (rb'name="Sheet"', b'name="../../evil"'), (rb'name="Sheet"', b'name=""'),
    (rb'count="\d+"', b'count="4294967295"'), (rb"</c>", b"</c><c/>"), (rb"numFmtId=\"0\"", b'numFmtId="14"'),
    (rb"<t>[^<]*</t>", b"<t>&#0;</t>"), (rb"1503960366", b"1.5E+09"),
    (rb"uniqueCount=\"\d+\"", b'uniqueCount="99999999"'), (rb"sheet1.xml", b"sheet9.xml"),
    (rb"<sheetData>", b"<sheetData/><x>"),
)  # fmt: skip


def swap_in_xml(book: bytes, pair: tuple[bytes, bytes], count: int, drop: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = [(i.filename, re.sub(pair[0], pair[1], archive.read(i), count=count)) for i in archive.infolist()]
    return zipped(parts[:drop] + parts[drop + 1 :])


books = st.builds(_workbook, st.integers(0, len(SOURCES.kinds) - 1), st.integers(0, 6), st.integers(0, 15))
xlsx = st.one_of(
    books,
    damaged(books, byte_damage, 2),
    st.builds(swap_in_xml, books, st.sampled_from(XML_SWAPS), st.sampled_from((0, 1)), st.just(99)),
    st.builds(swap_in_xml, books, st.sampled_from(XML_SWAPS), st.just(1), st.integers(0, 12)),
)


# -- Parquet and JSON -----------------------------------------------------------------------------------------------


def parquet_of(table: list[list[str]], typed: bool, compression: str, extra: str) -> bytes:
    if typed and len(table) > 1:
        frame = pa_csv.read_csv(io.BytesIO(csv_text(table)))
    else:
        frame = pa.table({n: pa.array([row[i] for row in table[1:]], pa.string()) for i, n in enumerate(table[0])})
    frame = frame.append_column(extra, pa.array([[{"a": b"\xff", "b": None}]] * len(frame)))
    out = io.BytesIO()
    pq.write_table(frame, out, compression=compression)
    return out.getvalue()


parquets = st.builds(
    parquet_of, tables, st.booleans(), st.sampled_from(("none", "snappy", "zstd", "gzip")), st.sampled_from(NASTY_NAMES)
)
parquet = st.one_of(
    parquets,
    damaged(parquets, byte_damage, 2),
    damaged(parquets, st.builds(flip, unit, st.integers(0, 7)), 12),
    st.builds(noise, st.integers(0, 300), seeds).map(lambda data: b"PAR1" + data + b"PAR1"),
)


def json_of(table: list[list[str]], as_array: bool, odd: dict[str, object]) -> bytes:
    rows = [dict(zip(table[0], row, strict=True)) | odd for row in table[1:]]
    return (json.dumps(rows) if as_array else "".join(json.dumps(r) + "\n" for r in rows)).encode()


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(NASTY_CELLS),
    st.just(10**400),
    st.just([[{}]]),
)
odd_entries = st.dictionaries(
    st.sampled_from((*NASTY_NAMES, "ActivityHour", "StepTotal", "a\0b", "\ud800")), scalars, max_size=3
)
jsons = st.builds(json_of, tables, st.booleans(), odd_entries)
JSON_CASES = (
    "[" * 10_000 + "]" * 10_000, '{"Id":' * 10_000 + "1" + "}" * 10_000, '{"Id":"1","Id":"2"}', '{"Id":"1","ID":"2"}',
    "[[1,2],[3]]", "[1]", "{}", "[]", "[{}]", "{", "[", '{"Id":', "[null]", '[{"Id":1},7]', '{"Id":1}\n5\n"x"\n',
    '{"":1}', "[{]}", "{'Id':1}", '{"Id":NaN}', '{"Id":1}{"Id":2}', '{"Id":"\\ud800"}', '{"Id":"\\u0000"}', "[],[]",
    '{"Id":1e999}', '{"Id":' + "9" * 5_000 + "}",
)  # fmt: skip
json_cases = st.sampled_from(JSON_CASES).map(str.encode)
json_files = st.one_of(jsons, jsons, damaged(jsons, byte_damage, 2), json_cases, damaged(json_cases, byte_damage))
