"""Files that hold other files: gzip, zip and Excel workbooks, known by their content and unpacked within limits.

How a sheet becomes text is in workbook.py; what a member means is not looked at.
"""

import errno
import gzip
import io
import re
import shutil
import stat
import struct
import unicodedata
import uuid
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Literal, NoReturn

from neuro_assets.ingest import workbook
from neuro_assets.ingest.inbox import clear_empty
from neuro_assets.ingest.refusal import FileRefusedError

ContainerKind = Literal["gzip", "zip", "xlsx"]

# A year of heart rate by the second for 100 people is about 15 GB of CSV.
MAX_EXTRACTED_BYTES = 20 * 1000**3
# The lake, its catalog and the other studies of this disk need room too.
DISK_RESERVE_BYTES = 2 * 1000**3
# CSV of sensors packs 5 to 60 times; what packs 250 times says nothing. Below 50 MB it does no harm either.
MAX_RATIO = 250
RATIO_FLOOR_BYTES = 50 * 1000**2
# An export of every kind for every person of a study is hundreds of files.
MAX_MEMBERS = 2_000
# zipfile reads an archive's list of members at once; 2,000 of the longest names are 2.1 MB.
MAX_DIRECTORY_BYTES = 8 * 1000**2
# File systems end at 255 bytes; files get suffixes such as `.reason.json` on their way.
MAX_NAME_BYTES, MAX_PATH_BYTES = 200, 1_000
# calamine holds a sheet and all texts in memory. A full-height sheet of 20 columns is about 700 MB of XML.
MAX_WORKBOOK_BYTES = 1000**3

_PIECE = 1 << 18
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_GZIP = b"\x1f\x8b"
_IS_JUNK = re.compile(r"(^|/)(\.|__macosx/|~\$[^/]*$|(thumbs\.db|desktop\.ini)$)").search
_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNPACKERS_RAISE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)
_AS_TABLE = "Save it as .xlsx without a password, or as CSV UTF-8, and drop that"
_AS_ZIP = "Unpack it and send a zip of the files, or the files themselves"
_NO_DATA = "Drop the exported table itself, as CSV or .xlsx"
_FOREIGN = (
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file (.xls), or one with a password", _AS_TABLE),
    (0, b"Rar!\x1a\x07", "a RAR archive", _AS_ZIP),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _AS_ZIP),
    (4, b"1AY&SY", "a bzip2 file", _AS_ZIP),
    (0, b"\xfd7zXZ\x00", "an xz file", _AS_ZIP),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard file", _AS_ZIP),
    (257, b"ustar\x00", "a tar archive", _AS_ZIP),
    (257, b"ustar  \x00", "a tar archive", _AS_ZIP),
    (0, b"%PDF-", "a PDF document", _NO_DATA),
    (0, b"\x89PNG\r\n", "a picture (PNG)", _NO_DATA),
    (0, b"\xff\xd8\xff", "a picture (JPEG)", _NO_DATA),
    (0, b"SQLite format 3\x00", "an SQLite database", "Export its tables as CSV, and drop those"),
)
_PACKAGES = (
    ("xl/workbook.bin", "an Excel binary workbook (.xlsb)", _AS_TABLE),
    ("word/document.xml", "a Word document", _NO_DATA),
    ("ppt/presentation.xml", "a PowerPoint presentation", _NO_DATA),
    ("meta-inf/manifest.xml", "an OpenDocument file (.ods, .odt)", _AS_TABLE),
    ("index/document.iwa", "an Apple Numbers, Pages or Keynote document", _AS_TABLE),
)


@dataclass(frozen=True)
class Member:
    """A file that was in a container: its name there, and where its bytes lie now."""

    name: str
    path: Path


def _damaged(why: str) -> FileRefusedError:
    return FileRefusedError(
        "damaged_archive", f"the archive is damaged: {why}", "Pack or export it again and send that"
    )


def container_kind(path: Path) -> ContainerKind | None:
    """What kind of container a file is, by its first bytes and, for a zip, its list of members; None: it is none.

    A damaged zip is a "zip", as are other packages in zip form; `expand` says what is wrong with them.
    """
    with path.open("rb") as handle:
        head = handle.read(4)
    if head.startswith(_GZIP):
        return "gzip"
    if head not in _ZIP:
        return None
    return "xlsx" if {"[content_types].xml", "xl/workbook.xml"} <= _zip_names(path) else "zip"


def refuse_foreign(path: Path, head: bytes) -> None:
    """Refuse a file of a known kind that is no table, by its first 512 bytes; return where it is none of them.

    Raises:
        FileRefusedError: `unsupported_format`.
    """
    for offset, magic, what, remedy in _FOREIGN:
        if head[offset : offset + len(magic)] == magic:
            _refuse_format(what, remedy)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith((b"<!doctype html", b"<html", b"<table")):
        _refuse_format("a web page, perhaps with the extension of a workbook", _AS_TABLE)
    if head[:4] in _ZIP and (package := _package(path)):
        _refuse_format(*package)


def _refuse_format(what: str, remedy: str) -> NoReturn:
    raise FileRefusedError("unsupported_format", f"this is {what}, which cannot be read", remedy)


def _zip_names(path: Path) -> set[str]:
    """What the members of a zip are called, in lower case; nothing where their list cannot be read."""
    try:
        with _open_zip(path) as (archive, _):
            return {info.orig_filename.replace("\\", "/").lower() for info in archive.infolist()}
    except FileRefusedError:
        return set()


def _package(path: Path) -> tuple[str, str] | None:
    """What an archive is that is one document in zip form, and the remedy."""
    names = _zip_names(path)
    return next(((what, remedy) for name, what, remedy in _PACKAGES if name in names), None)


def expand(path: Path, name: str, folder: Path) -> list[Member]:
    """Unpack a container one level deep into `folder`; all members or, on any error, none.

    Names come from the archive, in NFC; each is a relative path without `..`, and no two are equal when case is
    ignored. What operating systems add is left out, and so are hidden files, as in the landing folder.

    Args:
        path: the container.
        name: what the container is called; a gzip's member is called after it.
        folder: where members go; made when missing.

    Raises:
        FileRefusedError: `damaged_archive`, `archive_too_large`, `unsafe_archive`, `encrypted_archive`,
            `nested_archive`, `empty_archive`, `unreadable_workbook` or `unsupported_format`.
        OSError: reading or writing failed, or the disk has no room for the members: not the file's fault.
    """
    kind = container_kind(path)
    with path.open("rb") as handle:
        refuse_foreign(path, handle.read(512))
    folder.mkdir(parents=True, exist_ok=True)
    with _unpacking(path, folder) as output:
        if kind == "gzip":
            _expand_gzip(path, name, output)
        elif kind == "zip":
            _expand_zip(path, output)
        elif kind == "xlsx":
            _expand_workbook(path, output)
        else:
            raise _damaged("it is neither a gzip nor a zip file nor an Excel workbook")
        if not output.parts:
            raise FileRefusedError("empty_archive", "there are no data in the file", "Drop the exported tables")
    return [Member(member, folder / member) for member in output.parts]


class _Source(io.BufferedReader):
    """A container's bytes: counts those read, remembers when the machine failed, and reads no huge piece at once."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self.consumed = 0
        self.failure: OSError | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        bound = MAX_DIRECTORY_BYTES + 1 if size is None or size < 0 else size
        if bound > MAX_DIRECTORY_BYTES + 1:
            raise _too_many()
        try:
            data = super().read(bound)
        except OSError as error:
            self.failure = error
            raise
        self.consumed += len(data)
        return data

    @contextmanager
    def judged(self) -> Iterator[None]:
        """Turn what the unpackers raise over the bytes into a refusal; a machine's failure stays one."""
        try:
            yield
        except _UNPACKERS_RAISE as error:
            if self.failure:
                raise self.failure from None
            raise _damaged(str(error) or type(error).__name__) from error

    def pieces(self, opened: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
        """The unpacked bytes."""
        while True:
            with self.judged():
                piece = opened.read(_PIECE)
            if not piece:
                return
            yield piece


def _too_many() -> FileRefusedError:
    return FileRefusedError("archive_too_large", f"the archive has more than {MAX_MEMBERS} members", "Send it in parts")


class _Budget:
    """What unpacking may bring forth; what an archive says of sizes is not asked."""

    def __init__(self, packed: int, limit: int) -> None:
        self.packed, self.limit, self.total = packed, limit, 0

    def spend(self, size: int, consumed: int) -> None:
        """Count `size` bytes unpacked, all from the first `consumed` bytes of the container."""
        self.total += size
        why = ""
        if self.total > self.limit:
            why = f"unpacked, it has more than {self.limit / 1000**3:g} GB"
        elif self.total > RATIO_FLOOR_BYTES and self.total > MAX_RATIO * min(consumed, self.packed):
            why = f"it unpacks to more than {MAX_RATIO} times its size"
        if why:
            raise FileRefusedError("archive_too_large", f"the archive is too large: {why}", "Send the files in parts")

    def counted(self, pieces: Iterable[bytes], source: _Source | None) -> Iterator[bytes]:
        """The pieces, as long as they are within the budget."""
        for piece in pieces:
            self.spend(len(piece), source.consumed if source else self.packed)
            yield piece


class _Output:
    """Members being written: all of them stay hidden `.part` files until the last one is complete."""

    def __init__(self, folder: Path, budget: _Budget) -> None:
        self.folder, self.budget = folder, budget
        self.room = shutil.disk_usage(folder).free - DISK_RESERVE_BYTES
        self.parts: dict[str, Path] = {}

    def write(self, name: str, pieces: Iterable[bytes], source: _Source | None = None) -> Path:
        """Write one member within the budget; returns where it lies for now."""
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = self.parts[name] = target.with_name(f".{uuid.uuid4().hex}.part")
        with part.open("wb") as handle:
            for piece in self.budget.counted(pieces, source):
                if self.budget.total > self.room:
                    raise OSError(errno.ENOSPC, f"{self.folder} has no room for what the archive holds")
                handle.write(piece)
        return part


@contextmanager
def _unpacking(path: Path, folder: Path) -> Iterator[_Output]:
    output = _Output(folder, _Budget(path.stat().st_size, MAX_EXTRACTED_BYTES))
    written: list[Path] = []
    try:
        yield output
        for name, part in output.parts.items():
            written.append(part.replace(folder / name))
    except BaseException:
        for left in [*output.parts.values(), *written]:
            left.unlink(missing_ok=True)
            clear_empty(left.parent, folder)
        raise


def _expand_gzip(path: Path, name: str, output: _Output) -> None:
    base = PurePosixPath(name).name
    inner = re.sub(r"\.gz(ip)?$", "", base, flags=re.IGNORECASE).strip(".") or "content"
    with _Source(path) as source, gzip.GzipFile(fileobj=source) as opened:
        part = output.write(inner, source.pieces(opened), source)
    with part.open("rb") as handle:
        refuse_foreign(part, handle.read(512))
    if (kind := container_kind(part)) in ("gzip", "zip"):
        raise _nested(inner, kind, "a gzip file")


def _nested(member: str, kind: str | None, outer: str) -> FileRefusedError:
    what = f"'{member}' is a {kind} file within {outer}"
    return FileRefusedError("nested_archive", what, "Unpack it and send one zip of the exported tables")


@contextmanager
def _open_zip(path: Path) -> Iterator[tuple[zipfile.ZipFile, _Source]]:
    with _Source(path) as source:
        with source.judged():
            archive = zipfile.ZipFile(source)
        source.consumed = 0
        with archive:
            yield archive, source


def _member_pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo, source: _Source) -> Iterator[bytes]:
    """A member's bytes; its checksum is verified at their end.

    Raises:
        FileRefusedError: `encrypted_archive`, `unsupported_format` or `damaged_archive`.
    """
    if info.flag_bits & 0x2041:
        remedy = "Pack it without a password, and send it over a channel that is safe"
        raise FileRefusedError("encrypted_archive", "the archive has a password", remedy)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        remedy = "Pack it with the method Deflate (7-Zip can), or send each file as .gz"
        _refuse_format(f"a zip packed with method {info.compress_type}", remedy)
    with source.judged():
        opened = archive.open(info)
    size = 0
    with opened:
        for piece in source.pieces(opened):
            size += len(piece)
            yield piece
    if size != info.file_size:
        raise _damaged(f"'{info.orig_filename}' has {size} bytes and should have {info.file_size}")


def _expand_zip(path: Path, output: _Output) -> None:
    with _open_zip(path) as (archive, source):
        for name, info in _listed(archive).items():
            part = output.write(name, _member_pieces(archive, info, source), source)
            if container_kind(part) == "zip" and not _package(part):
                raise _nested(name, "zip", "a zip file")


def _listed(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The members to unpack, each under its safe name."""
    found: dict[str, zipfile.ZipInfo] = {}
    files: set[str] = set()
    folders: set[str] = set()
    for info in archive.infolist():
        name = _safe_name(info)
        key = name.casefold()
        if info.orig_filename.endswith("/") or _IS_JUNK(key):
            continue
        parents = {str(p) for p in PurePosixPath(key).parents}
        if key in files or key in folders or parents & files:
            raise _unsafe(name, "it is there twice, or is both a file and a folder")
        found[name] = info
        files.add(key)
        folders |= parents
        if len(found) > MAX_MEMBERS:
            raise _too_many()
    return found


def _unsafe(name: str, why: str) -> FileRefusedError:
    remedy = "Pack the files again with an ordinary program; do not unpack this archive by hand"
    return FileRefusedError("unsafe_archive", f"the archive has a member that is not safe: {why}", remedy, value=name)


def _safe_name(info: zipfile.ZipInfo) -> str:
    """A member's name as a relative path; "" for the archive's own root.

    Raises:
        FileRefusedError: `unsafe_archive`.
    """
    name = info.orig_filename
    if not info.flag_bits & 0x800:
        # macOS writes UTF-8 and does not say so.
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()
    name = unicodedata.normalize("NFC", name)
    parts = [p for p in name.split("/") if p not in ("", ".")]
    kind = stat.S_IFMT(info.external_attr >> 16)
    why = ""
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in _BIDI for c in name):
        why = "its name has control characters"
    elif name.startswith("/") or "\\" in name or re.match("[A-Za-z]:", name):
        why = "its name is a path from the root, or one of Windows"
    elif ".." in parts or not (parts or name.endswith("/")):
        why = "its name leads out of the archive, or is none"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        why = "it is a link or a device"
    elif any(len(p.encode()) > MAX_NAME_BYTES for p in parts) or len(name.encode()) > MAX_PATH_BYTES:
        why = "its name is too long"
    if why:
        raise _unsafe(name, why)
    return "/".join(parts)


def _expand_workbook(path: Path, output: _Output) -> None:
    survey = workbook.Survey()
    budget = _Budget(path.stat().st_size, MAX_WORKBOOK_BYTES)
    with _open_zip(path) as (archive, source):
        infos = archive.infolist()
        if len(infos) > MAX_MEMBERS:
            raise _too_many()
        for info in sorted(infos, key=lambda i: not survey.is_strings(i.orig_filename)):
            survey.read(info.orig_filename, budget.counted(_member_pieces(archive, info, source), source))
    for sheet, pieces in workbook.sheet_texts(path, survey):
        output.write(sheet, pieces)
