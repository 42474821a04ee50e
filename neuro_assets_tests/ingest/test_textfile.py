"""From bytes to text: encodings, what is no text, and the records of a file with their lines."""

from pathlib import Path

import pytest

from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.textfile import Record, TextFile, all_records, first_records, open_text
from neuro_assets_tests.fitabase_files import write

TEXT = "Id,Größe\n1,Zoë “5” €\n"
ASCII = "Id,Size\n1,5\n"
LARGE = 1 << 21


@pytest.fixture
def opened(tmp_path: Path):
    """`opened(bytes)`: the encoding found and the whole text."""

    def read(content: bytes) -> tuple[str, str]:
        text = open_text(write(tmp_path, "file.csv", content), tmp_path)
        return text.encoding, text.path.read_bytes().decode("utf-8-sig")

    return read


@pytest.fixture
def refused(tmp_path: Path):
    """`refused(bytes)`: code and sentence of the refusal."""

    def read(content: bytes) -> tuple[str, str]:
        with pytest.raises(FileRefusedError) as caught:
            open_text(write(tmp_path, "file.csv", content), tmp_path)
        return caught.value.code, str(caught.value)

    return read


@pytest.mark.parametrize(
    ("content", "encoding", "text"),
    [
        (ASCII.encode(), "utf-8", ASCII),
        (TEXT.encode(), "utf-8", TEXT),
        (TEXT.encode("utf-8-sig"), "utf-8-sig", TEXT),
        (TEXT.encode("utf-16"), "utf-16", TEXT),
        ("\ufeff".encode("utf-16-be") + TEXT.encode("utf-16-be"), "utf-16", TEXT),
        (TEXT.encode("utf-32"), "utf-32", TEXT),
        (ASCII.encode("utf-16-le"), "utf-16-le", ASCII),
        (ASCII.encode("utf-16-be"), "utf-16-be", ASCII),
        (TEXT.encode("utf-16-le"), "utf-16-le", TEXT),
        (TEXT.encode("cp1252"), "cp1252", TEXT),
        ("Id,Größe\r\n".encode("latin-1"), "cp1252", "Id,Größe\r\n"),
    ],
)
def test_every_encoding_gives_the_same_text(opened, content: bytes, encoding: str, text: str):
    assert opened(content) == (encoding, text)


def test_an_encoding_is_found_from_the_whole_file(opened):
    """The one character beyond ASCII is in its third megabyte."""
    rows = "1,5\n" * (LARGE // 4 + 200_000)
    assert opened(f"{rows}ë\n".encode("cp1252")) == ("cp1252", f"{rows}ë\n")
    assert opened(f"{rows}ë\n".encode()) == ("utf-8", f"{rows}ë\n")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
def test_a_character_on_the_border_of_two_pieces_is_whole(opened, encoding: str):
    for length in (LARGE // 2 - 1, LARGE // 2 - 2, LARGE // 4 - 1):
        text = "x" * length + "€uro\n"
        assert opened(text.encode(encoding))[1] == text


@pytest.mark.parametrize(
    ("content", "code", "part"),
    [
        (b"", "empty_file", "the file is empty"),
        (b" \r\n\t\n", "empty_file", "the file is empty"),
        (b"\xef\xbb\xbf", "empty_file", "the file is empty"),
        (b"\0" * 50, "empty_file", "the file is empty"),
        # Good UTF-8 beside broken: the bytes were changed on the way, cp1252 would show nonsense.
        (TEXT.encode() + b"2,Zo\xeb\n", "encoding", "UTF-8 with 1 damaged places"),
        (TEXT.encode() + "Zoë".encode()[:-1], "encoding", "UTF-8 with 1 damaged places"),
        (b"\xef\xbb\xbf" + b"Id,Zo\xeb\n", "encoding", "says it is UTF-8, but has 1 damaged places"),
        (b"Id,Si\x81ze\n", "encoding", "neither UTF-8 nor whole Windows-1252 text"),
        (TEXT.encode("utf-16")[:-1], "encoding", "neither UTF-8 nor whole UTF-16 text"),
        (ASCII.encode() + b"2,\0\n", "unknown_layout", "not a text file"),
        (b"Id,Size\n" * 200_000 + b"1,\0\n", "unknown_layout", "not a text file"),
        ((ASCII + "2,\0\n").encode("utf-16"), "unknown_layout", "not a text file"),
        (bytes(range(256)) * 40, "unknown_layout", "not a text file"),
    ],
    ids=lambda v: v if isinstance(v, str) else len(v),
)
def test_what_is_no_whole_text(refused, content: bytes, code: str, part: str):
    assert refused(content)[0] == code
    assert part in refused(content)[1]


def records(folder: Path, text: str, separator: str = ",") -> list[Record]:
    return first_records(TextFile(write(folder, "records.csv", text), "utf-8"), separator)


def test_first_records_know_their_lines_and_leave_out_blank_ones(tmp_path: Path):
    """Line 0 is a title, 1 and 3 are blank, the record of line 4 ends on line 5."""
    text = 'Export of Ann\n\na, b ,c\r\n,,\n"two\nlines",2,3\nx,y,z\n'
    assert records(tmp_path, text) == [
        Record(("Export of Ann",), 0, 1),
        Record(("a", "b", "c"), 2, 3),
        Record(("two\nlines", "2", "3"), 4, 6),
        Record(("x", "y", "z"), 6, 7),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_first_records_under_a_separator(tmp_path: Path, separator: str):
    text = separator.join("abc") + "\n" + separator.join("123") + "\n"
    assert [r.cells for r in records(tmp_path, text, separator)] == [("a", "b", "c"), ("1", "2", "3")]
    others = {len(r.cells) for s in ",;\t|" if s != separator for r in records(tmp_path, text, s)}
    assert others == {1}


def test_first_records_end_where_the_text_breaks(tmp_path: Path):
    """What is wrong there is said by the full reading."""
    assert [r.cells for r in records(tmp_path, 'a,b\n1,2\n"3,4\n5,6\n')] == [("a", "b"), ("1", "2")]


def test_first_records_are_few_however_long_the_file_is(tmp_path: Path):
    found = records(tmp_path, "a,b\n" + "1,2\n" * LARGE)
    assert 100 < len(found) < 1000
    assert found[-1].line == len(found) - 1


def test_a_first_line_without_an_end_is_refused(tmp_path: Path):
    with pytest.raises(FileRefusedError, match="the first line is longer than"):
        records(tmp_path, "a,b" * LARGE)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path):
    assert records(tmp_path, "\ufeffId,b\n")[0].cells == ("Id", "b")


def lines(folder: Path, text: str, skip: int = 0) -> list[tuple[int, list[str]]]:
    return list(all_records(TextFile(write(folder, "all.csv", text), "utf-8"), ",", skip))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_records_count_physical_lines_from_one(tmp_path: Path, end: str):
    text = end.join(["title", "a,b", "1,2", "", '"x', 'y",3', "  ", "4,5", ""])
    assert lines(tmp_path, text, skip=2) == [(3, ["1", "2"]), (5, [f"x{end}y", "3"]), (8, ["4", "5"])]


def test_all_records_with_line_ends_of_every_kind(tmp_path: Path):
    assert lines(tmp_path, "1,2\r\n3,4\n5,6\r7,8") == [
        (1, ["1", "2"]),
        (2, ["3", "4"]),
        (3, ["5", "6"]),
        (4, ["7", "8"]),
    ]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ('a,b\n1,2\n3,"4\n5,6\n', "line 3", "unterminated quote"),
        ('a,b\n1,"2"x\n', "line 2", "expected after"),
    ],
)
def test_all_records_say_where_a_text_breaks(tmp_path: Path, text: str, line: str, why: str):
    with pytest.raises(FileRefusedError) as caught:
        lines(tmp_path, text)
    assert caught.value.code == "broken_csv"
    assert line in str(caught.value)
    assert why in str(caught.value)
