"""Hypothesis strategies for files nobody should send: noise, damaged exports and archives, and names to match."""

import codecs
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hypothesis import strategies as st

from neuro_assets.settings import REPOSITORY
from neuro_assets.sources.load import FileKind, load_sources
from neuro_assets_tests.fitabase_files import shown_day, shown_moment

SOURCES = load_sources([REPOSITORY / "neuro_assets" / "sources"])
FIRST_DAY = date(2016, 3, 12)


@dataclass(frozen=True)
class BrokenFile:
    """One file: its name (a folder of landing/ may come first) and its bytes."""

    name: str
    content: bytes

    def __repr__(self) -> str:
        return f"BrokenFile({self.name[:80]!r}, {len(self.content)} bytes: {self.content[:120]!r})"


Change = Callable[[bytes], bytes]
unit = st.floats(0, 1, exclude_max=True)
some_bytes = st.binary(min_size=1, max_size=12)

NASTY_CELLS = (
    "", " ", "-", "NULL", "null", "NaN", "inf", "-inf", "-0", "+1", "1e309", "-1e308", "1e-400", "1" + "0" * 400,
    "9" * 15, "9007199254740991", "-9007199254740993", "9223372036854775808", "32768", "2147483648", "0x1F", "1_000",
    "=1+1", "=cmd|' /C calc'!A0", "@SUM(A1:A9)", "'1503960366", "1.503960366E+09", "1,5", "1.234", "1.234,5", "12%",
    "٣", "²", "½", "🙂" * 40, "\u202e5\u202c", "\ufeff", "\u2028", "\xa0", "\x00", "\x0b", "\x1a", "\x85", "\r", '"',
    '""', '"a', 'a"b', '"a\nb"', '"a,b"', '"' * 7, "a" * 70_000, "9" * 70_000, " " * 70_000, "$path", "{}", "%s",
    "\\N", "0000-00-00", "2016-02-30", "2016-04-12", "2/29/2015", "2/29/2016", "31/31/2016", "4/12/16", "4/12/2016",
    "12/31/9999 11:59:59 PM", "1/1/0001", "4/12/2016 24:00:00", "4/12/2016 13:00:00 PM", "4/12/2016 0:00:00 AM",
    "4/12/2016 12:00:60 AM", "2016-04-12T10:00:00Z", "12.04.2016 10:00", "20160412", "42472", "42472.99999", "99999",
    "Apr 12 2016", "12-Apr-16", "1:00" + " " * 9_000 + "x", "4/12/2016 10:00:00 AM" + " " * 300,
)  # fmt: skip
NASTY_NAMES = (
    "", " ", "Id", "id", "ID", "Time", "Value", "c0", "row_number", "file_id", "day", "'", '"', '""',
    '"; drop table x --', "'); DROP TABLE ops.landing_files; --", "$path", "$1", "{x}", "{", "%s", "%", "\\", "\\n",
    "a\nb", "a\tb", "🙂", "\u202eId", "x" * 300, "0", "NaN", "select", "*", "a.b", "Id ", "\ufeffId", "É",
)  # fmt: skip
FILE_NAMES = (
    "a b.csv", " lead.csv", "trail .csv ", "...", "..csv", "-rf", "--help", ".hidden", ".x.part", "x.part", "a'b.csv",
    'a"b.csv', "a\nb.csv", "a\tb.csv", "a;b|c$(x)`y`.csv", "a%20b%2e%2e.csv", "..%2f..%2fevil.csv", "C:\\evil.csv",
    "..\\..\\evil.csv", "~", "~root", "*", "*.csv", "[a].csv", "a[1].csv", "?.csv", "{a,b}.csv", "x.csv.gz",
    "x.csv.zst", "x.parquet", "x.json", "x.zip", "x.xlsx", "x.gz", ".gz", "x.reason.json", "catalog.sqlite", "nul",
    "CON.csv", "é.csv", "e\u0301.csv", "\u202egnp.csv", "日本語.csv", "🙂.csv", "n" * 246 + ".csv", "n" * 251 + ".csv",
    "é" * 120 + ".csv", "n" * 255, "x" * 230, "Id=5/x.csv", "c0=5/x.csv", "c2=7/a/x.csv", "day=2016-04-12/x.csv",
    "a/b/c/d/e/f/g/x.csv", ("d" * 200 + "/") * 4 + "x.csv", "\udcff.csv", "x\udce9/\udcfe.csv", "s3:x.csv",
    "http:x.csv", "stdin", "a\\b/c.csv",
)  # fmt: skip


def named(name: str) -> Callable[[bytes], BrokenFile]:
    return lambda content: BrokenFile(name, content)


def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


seeds = st.integers(0, 1 << 30)


# -- valid exports: a few rows of every kind of file ----------------------------------------------------------------


def table_of(kind: FileKind, rows: int, seed: int) -> list[list[str]]:
    """Header and rows of an untouched export, from the source's spec."""
    rng, spec = random.Random(seed), kind.spec
    start = FIRST_DAY + timedelta(days=rng.randrange(55))
    types = {n: c.type for n, c in spec.columns.items()} | dict.fromkeys(
        spec.wide.columns if spec.wide else (), "integer"
    )
    table = [[kind.source.identity.column or "", spec.time.column, *types]]
    step = timedelta(days=1) if spec.time.kind != "datetime" else timedelta(seconds=spec.period_s or 86_400)
    step = timedelta(hours=1) if spec.wide else step
    for n in range(rows):
        at = datetime.combine(start, datetime.min.time()) + step * (n // 2)
        when = shown_day(at.date()) if spec.time.kind == "date" else shown_moment(at)
        who = ("1503960366", "1624580081")[n % 2]
        table.append([who, when, *(str(_value(rng, name, t)) for name, t in types.items())])
    return table


def _value(rng: random.Random, name: str, kind: str) -> object:
    if kind == "number":
        return round(rng.uniform(0, 60), 2)
    return rng.choice(("True", "False")) if kind == "text" and "Manual" in name else rng.randrange(1, 4)


def csv_text(table: list[list[str]], separator: str = ",") -> bytes:
    return "".join(separator.join(line) + "\n" for line in table).encode()


tables = st.builds(table_of, st.sampled_from(SOURCES.kinds), st.integers(0, 12), st.integers(0, 400))
valid = tables.map(csv_text)


# -- damage to bytes ------------------------------------------------------------------------------------------------


def flip(at: float, bit: int) -> Change:
    def change(data: bytes) -> bytes:
        n = int(at * len(data))
        return data[:n] + bytes([data[n] ^ (1 << bit)]) + data[n + 1 :] if data else data

    return change


def splice(at: float, remove: int, put: bytes) -> Change:
    """Delete, insert or overwrite."""
    return lambda data: data[: int(at * len(data))] + put + data[int(at * len(data)) + remove :]


def repeat(at: float, size: int, to: float) -> Change:
    def change(data: bytes) -> bytes:
        piece, n = data[int(at * len(data)) :][:size], int(to * len(data))
        return data[:n] + piece + data[n:]

    return change


def swap(old: bytes, new: bytes) -> Change:
    return lambda data: data.replace(old, new)


def put_cell(row: float, column: float, cell: str) -> Change:
    """Replace one cell, or the column where `row` is below 0.15."""

    def change(data: bytes) -> bytes:
        lines = [line.split(b",") for line in data.split(b"\n")]
        chosen = lines[1:] if row < 0.15 else lines[int(row * len(lines)) :][:1]
        for cells in chosen:
            if len(cells) > 1:
                cells[int(column * len(cells))] = cell.encode("utf-8", "surrogatepass")
        return b"\n".join(b",".join(cells) for cells in lines)

    return change


def put_lines(row: float, lines: bytes) -> Change:
    def change(data: bytes) -> bytes:
        found = data.split(b"\n")
        return b"\n".join([*found[: int(row * len(found))], lines, *found[int(row * len(found)) :]])

    return change


def put_above(lines: bytes, below: bytes | None) -> Change:
    """Lines above the header, and below it a blank row, or the first row once more: where readers miscount."""

    def change(data: bytes) -> bytes:
        header, _, rows = data.partition(b"\n")
        first = rows.partition(b"\n")[0] if below is None else below
        return b"\n".join([lines, header, first, rows] if first else [lines, header, rows])

    return change


def add_column(name: str, cell: str) -> Change:
    """A last column that no vendor has."""

    def change(data: bytes) -> bytes:
        header, *lines = data.decode("utf-8", "replace").split("\n")
        return "\n".join([f"{header},{name}", *(f"{line},{cell}" if line else "" for line in lines)]).encode()

    return change


HUGE = 1 << 40
LINE_ENDS = (b"\n", b"\r\n", b"\r", b"\n\n", b"\n\r", b"\r\r\n", b"\x0b", b"\x85")
SEPARATORS = (b";", b"\t", b"|", b", ", b'","', b":", b",,")
YEARS = (b"/16", b"-2016", b".2016", b"/9999", b"/0000", b"/2017", b"")
LINES = (b"", b" ", b",", b",,", b"Total,1", b'"a\nb"', b"\r", b"Id,Time,Value", b"#", b'","')
FIRST_LINES = (b"\r", b"\r\n\r", b"title\r", b'"a\nb"', b'"a\n\nb"', b"a,b", b"sep=;", b"\n\n", b"\x0b")
PIECES = (b"\0", b'"', b"\r", b"\n", b",", b"\xff", b"\xef\xbb\xbf", b",\n")
head_damage = st.builds(put_above, st.sampled_from(FIRST_LINES), st.sampled_from((b"", b",,", None)))
byte_damage = st.one_of(
    st.builds(flip, unit, st.integers(0, 7)),
    st.builds(splice, unit, st.sampled_from((1, 2, 3, 30, HUGE)), st.just(b"")),
    st.builds(splice, unit, st.integers(0, 4), some_bytes),
    st.builds(splice, unit, st.just(0), st.sampled_from(PIECES)),
    st.builds(repeat, unit, st.integers(1, 300), unit),
)
text_damage = st.one_of(
    byte_damage,
    st.builds(swap, st.just(b","), st.sampled_from(SEPARATORS)),
    st.builds(swap, st.just(b"\n"), st.sampled_from(LINE_ENDS)),
    st.builds(swap, st.just(b"/2016"), st.sampled_from(YEARS)),
    st.builds(put_lines, unit, st.sampled_from(LINES)),
    head_damage,
)
nasty_cells, nasty_names = st.sampled_from(NASTY_CELLS), st.sampled_from(NASTY_NAMES)
cell_damage = st.builds(put_cell, unit, unit, nasty_cells)
header_damage = st.one_of(
    st.builds(lambda column, name: lambda data: put_header(data, column, name), unit, nasty_names),
    st.builds(add_column, nasty_names, nasty_cells),
)


def put_header(data: bytes, column: float, name: str) -> bytes:
    header, _, rest = data.partition(b"\n")
    return put_cell(0.2, column, name)(header) + b"\n" + rest


def damaged(base: st.SearchStrategy[bytes], damage: st.SearchStrategy[Change], most: int = 3, least: int = 1):
    def apply(data: bytes, changes: list[Change]) -> bytes:
        for change in changes:
            data = change(data)
        return data

    return st.builds(apply, base, st.lists(damage, min_size=least, max_size=most))


# -- sizes ----------------------------------------------------------------------------------------------------------

MILLION = 1_000_000
LARGE: tuple[Change, ...] = (
    lambda data: data + b"," * MILLION + b"\n",
    lambda data: data + b"1," * MILLION + b"1\n" + data,
    lambda data: b"," * MILLION + b"\n" + data,
    lambda data: b"a," * MILLION + b"a\n" + data,
    lambda data: b"Id," * 300_000 + b"\n" + data,
    lambda data: ",".join(f"c{n}" for n in range(140_000)).encode() + b"\n" + data,
    lambda data: b"\n" * 100_000 + data,
    lambda data: data + b"\n" * 100_000,
    lambda data: data.replace(b"\n", b"\n" + b"\r\n" * 100_000, 1),
    lambda data: data + b" \n" * 100_000,
    lambda data: data + b",,\n" * 100_000,
    lambda data: b'"' * MILLION,
    lambda data: data + b'"' * MILLION,
    lambda data: data + b'"\n' * 100_001,
    lambda data: put_cell(0.9, 0.0, "9" * MILLION)(data),
    lambda data: put_cell(0.9, 0.4, "1" * MILLION)(data),
    lambda data: put_cell(0.9, 0.99, "9" * MILLION)(data),
    lambda data: put_cell(0.9, 0.4, "1:00" + " " * 120_000 + "x")(data),
    lambda data: put_cell(0.9, 0.4, "1:00 " * 20_000)(data),
    lambda data: data + b"a" * 5 * MILLION,
    lambda data: data + data[data.find(b"\n") + 1 :] * 2_000,
    lambda data: data * 500,
    lambda data: b"x\n" * 200_000 + data,
    lambda data: b"\0" * MILLION,
    lambda data: b"[" * MILLION,
    lambda data: b'{"a":' * 200_000,
    lambda data: b'{"Id":"' + b"9" * 17 * MILLION + b'"}\n',
    lambda data: "\n".join(",".join(f"Col {i} {j}" for i in range(1_990)) for j in range(45)).encode(),
    lambda data: data.split(b"\n")[0] + b"," + ",".join(f"x{n}" for n in range(1_900)).encode() + b"\n",
    lambda data: data + "".join(f"1503960366,{shown_day(FIRST_DAY)} {n},1\n" for n in range(60_000)).encode(),
)  # fmt: skip


# -- encodings and noise --------------------------------------------------------------------------------------------


def encoded(data: bytes, encoding: str, bom: bytes, drop: int, extra: str) -> bytes:
    text = data.decode().replace("\n", f"{extra}\n", 3)
    return bom + text.encode(encoding, "replace")[drop:]


BOMS = (b"", b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF8 * 2)
ENCODINGS = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-8", "cp1252", "latin-1", "utf-7", "cp037", "gb18030")
encodings = st.builds(
    encoded,
    valid,
    st.sampled_from(ENCODINGS),
    st.sampled_from(BOMS),
    st.sampled_from((0, 0, 0, 1, 2, 3)),
    st.sampled_from(("", "", "é", "🙂", "\u2028", "\0")),
)
MAGIC = (
    b"",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"PAR1",
    b"{",
    b"[",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"SQLite",
)
random_bytes = st.one_of(
    st.binary(max_size=4_096),
    st.builds(
        lambda magic, size, seed: magic + noise(size, seed), st.sampled_from(MAGIC), st.integers(0, 4_096), seeds
    ),
)
random_text = st.one_of(
    st.text(max_size=400).map(lambda t: t.encode("utf-8", "surrogatepass")),
    st.text('Id,;\t|"\n\r 0123456789/:.-AMPTime', max_size=300).map(str.encode),
    st.lists(st.sampled_from((*NASTY_CELLS, *NASTY_NAMES)), max_size=20).map(lambda c: ",".join(c).encode()),
    st.lists(st.sampled_from(NASTY_CELLS), max_size=20).map(lambda c: b"Id,Time,Value\n" + "\n".join(c).encode()),
)
