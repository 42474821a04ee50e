"""From bytes to text: the encoding of a file, its UTF-8 form, and its first records under each separator."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from neuro_assets.ingest.refusal import FileRefusedError

SEPARATORS = (",", ";", "\t", "|")
SEPARATOR_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_CHUNK = 1 << 20
# Enough for the header of a wide file and some hundred rows; a first line longer than this is no export.
_HEAD = 1 << 20
_RECORDS = 300
# DuckDB leaves out a last line that is longer than its buffer, without a word.
MAX_LINE = 2_000_000
_UTF16_SHARE = 0.3

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_TEXT = "this is not a text file"
_NOT_TEXT_REMEDY = "Send the vendor's export: CSV, Excel (.xlsx), Parquet, JSON lines, or a zip of them"


@dataclass(frozen=True)
class TextFile:
    """A text file that can be read as UTF-8 at `path` (a transcoded copy, where it was written otherwise).

    `has_long_line`: a line is longer than MAX_LINE bytes.
    """

    path: Path
    encoding: str
    has_long_line: bool = False


@dataclass(frozen=True)
class Record:
    """One record of a text file: its cells, the physical line it starts on and the one after its end (from 0)."""

    cells: tuple[str, ...]
    line: int
    next_line: int


def open_text(path: Path, scratch: Path) -> TextFile:
    """Find a file's encoding and give its UTF-8 form.

    Raises:
        FileRefusedError: `empty_file`, `encoding` (bytes that are no text in the encoding found), `unknown_layout`
            (not a text file).
    """
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
    if not head.strip(b" \t\r\n\0\xef\xbb\xbf"):
        raise FileRefusedError("empty_file", "the file is empty", "Export it again")
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return _with_bom(path, encoding, scratch)
    if b"\0" in head:
        return _transcoded(path, _utf16_without_bom(head), scratch)
    good, bad, longest = _survey(path)
    if not bad:
        return TextFile(path, "utf-8", longest > MAX_LINE)
    if good:
        raise FileRefusedError(
            "encoding",
            f"the file is UTF-8 with {bad} damaged places",
            "Something changed its bytes on the way: export or transfer it again",
        )
    return _transcoded(path, "cp1252", scratch)


def _with_bom(path: Path, encoding: str, scratch: Path) -> TextFile:
    if encoding != "utf-8-sig":
        return _transcoded(path, encoding, scratch)
    _, bad, longest = _survey(path)
    if bad:
        raise FileRefusedError(
            "encoding", f"the file says it is UTF-8, but has {bad} damaged places", "Export it again"
        )
    return TextFile(path, encoding, longest > MAX_LINE)


def _utf16_without_bom(head: bytes) -> str:
    """UTF-16 of mostly ASCII text has a NUL in every other byte."""
    half = max(1, len(head) // 2)
    if head[1::2].count(0) / half > _UTF16_SHARE and head[::2].count(0) == 0:
        return "utf-16-le"
    if head[::2].count(0) / half > _UTF16_SHARE and head[1::2].count(0) == 0:
        return "utf-16-be"
    raise FileRefusedError("unknown_layout", _NOT_TEXT, _NOT_TEXT_REMEDY)


class _LongestLine:
    """The longest line of what is read, in bytes; lines inside one chunk do not matter and are not measured."""

    def __init__(self) -> None:
        self.bytes = 0
        self._open = 0

    def read(self, chunk: bytes) -> None:
        """The next chunk."""
        ends = [n for n in (chunk.find(b"\n"), chunk.find(b"\r")) if n >= 0]
        self.bytes = max(self.bytes, self._open + min(ends, default=len(chunk)))
        rest = len(chunk) - 1 - max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        self._open = rest if ends else self._open + len(chunk)


def _survey(path: Path) -> tuple[int, int, int]:
    """How many characters beyond ASCII are good UTF-8, how many places are not, and the longest line.

    Raises:
        FileRefusedError: a NUL byte beyond the head.
    """
    good = bad = 0
    longest = _LongestLine()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            if b"\0" in chunk:
                raise FileRefusedError("unknown_layout", _NOT_TEXT, _NOT_TEXT_REMEDY)
            longest.read(chunk)
            if chunk.isascii() and not decoder.getstate()[0]:
                continue
            text = decoder.decode(chunk)
            broken = text.count("\ufffd")
            bad += broken
            good += sum(1 for c in text if ord(c) > 127) - broken
    bad += decoder.decode(b"", final=True).count("\ufffd")
    return good, bad, longest.bytes


def _transcoded(path: Path, encoding: str, scratch: Path) -> TextFile:
    """A UTF-8 copy in `scratch`, without loading the file as a whole."""
    target = scratch / "text"
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    shown = "Windows-1252" if encoding == "cp1252" else encoding.upper()
    try:
        with path.open("rb") as source, target.open("w", encoding="utf-8", newline="") as out:
            while chunk := source.read(_CHUNK):
                out.write(decoder.decode(chunk))
            out.write(decoder.decode(b"", final=True))
    except (UnicodeDecodeError, UnicodeEncodeError):
        raise FileRefusedError(
            "encoding", f"the file is neither UTF-8 nor whole {shown} text", "Save it as CSV UTF-8, or export it again"
        ) from None
    longest = _LongestLine()
    with target.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            if b"\0" in chunk:
                raise FileRefusedError("unknown_layout", _NOT_TEXT, _NOT_TEXT_REMEDY)
            longest.read(chunk)
    return TextFile(target, encoding, longest.bytes > MAX_LINE)


def first_records(text: TextFile, separator: str) -> list[Record]:
    """The first records under a separator, blank lines left out; what cannot be read as CSV ends the list.

    Raises:
        FileRefusedError: the first line has no end.
    """
    with text.path.open("rb") as handle:
        head = handle.read(_HEAD + 1)
    whole = len(head) <= _HEAD
    body = head.decode("utf-8", "ignore").removeprefix("\ufeff")
    if not whole:
        cut = max(body.rfind("\n"), body.rfind("\r"))
        if cut < 0:
            raise FileRefusedError(
                "broken_csv", f"the first line is longer than {_HEAD:,} bytes", "Export the file again"
            )
        body = body[: cut + 1]
    records: list[Record] = []
    start = 0
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if any(c.strip() for c in cells):
                records.append(Record(tuple(c.strip() for c in cells), start, reader.line_num))
            start = reader.line_num
            if len(records) >= _RECORDS:
                break
    except csv.Error:
        pass  # the full reading says what is wrong, with its line
    return records


def has_plain_head(text: TextFile, header: Record) -> bool:
    """Whether the lines down to the header can be counted by anybody: one kind of line end, and no quote above it."""
    with text.path.open(encoding="utf-8-sig", newline="") as handle:
        lines = list(islice(handle, header.next_line))
    ends = {line[len(line.rstrip("\r\n")) :] for line in lines}
    return header.next_line - header.line == 1 and len(ends) == 1 and '"' not in "".join(lines[: header.line])


def all_records(text: TextFile, separator: str, skip: int) -> Iterator[tuple[int, list[str]]]:
    """Every record after `skip` physical lines as (physical line from 1, cells), blank lines left out.

    Raises:
        FileRefusedError: `broken_csv` with the line.
    """
    with text.path.open(encoding="utf-8-sig", newline="") as handle:
        lines = iter(handle)
        for _ in range(skip):
            next(lines, None)
        reader = csv.reader(lines, delimiter=separator, strict=True)
        start = skip
        try:
            for cells in reader:
                if cells and (len(cells) > 1 or cells[0].strip()):
                    yield start + 1, cells
                start = skip + reader.line_num
        except csv.Error as error:
            raise FileRefusedError(
                "broken_csv",
                f"line {start + 1} cannot be read as CSV ({_csv_cause(error)})",
                "The transfer may have been cut off: export the file again",
            ) from None


def _csv_cause(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "unterminated quote"
    return re.sub(r"\s+", " ", text)[:120]
