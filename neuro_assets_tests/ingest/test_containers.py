"""Containers: what is unpacked under which name, and what each kind of bad archive is refused for."""

import bz2
import errno
import gzip
import io
import lzma
import os
import shutil
import stat
import struct
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuro_assets.ingest import containers
from neuro_assets.ingest.containers import Member, container_kind, expand, refuse_foreign
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets_tests.workbooks import save

STEPS = b"Id,ActivityHour,StepTotal\n1503960366,4/12/2016 1:00:00 AM,160\n"
Entry = str | zipfile.ZipInfo


def zip_of(path: Path, entries: dict[str, bytes] | list[tuple[Entry, bytes]], **options: Any) -> Path:
    with zipfile.ZipFile(path, "w", **({"compression": zipfile.ZIP_DEFLATED} | options)) as archive:
        for entry, data in entries.items() if isinstance(entries, dict) else entries:
            archive.writestr(entry, data)
    return path


def zipped(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("steps.csv")
        info.size = len(STEPS)
        archive.addfile(info, io.BytesIO(STEPS))
    return buffer.getvalue()


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def contents(path: Path, name: str = "") -> dict[str, bytes]:
    """What `expand` gives: name -> bytes."""
    return {m.name: m.path.read_bytes() for m in expand(path, name or path.name, path.parent / "members")}


def refusal(path: Path, name: str = "") -> FileRefusedError:
    """The refusal, after making sure that it left nothing, neither in the members' folder nor beside it."""
    before = sorted(path.parent.iterdir())
    with pytest.raises(FileRefusedError) as caught:
        expand(path, name or path.name, path.parent / "members")
    assert not list((path.parent / "members").rglob("*"))
    assert sorted(p for p in path.parent.iterdir() if p.name != "members") == before
    assert caught.value.remedy
    return caught.value


# What is unpacked.


def test_a_zip_gives_its_members_by_their_paths(tmp_path: Path) -> None:
    path = zip_of(
        tmp_path / "export.zip", {"period1/hourlySteps_merged.csv": STEPS, "./notes/./a.txt": b"", "b.csv": b"x"}
    )
    assert container_kind(path) == "zip"
    folder = tmp_path / "members"
    assert expand(path, "export.zip", folder) == [
        Member("period1/hourlySteps_merged.csv", folder / "period1/hourlySteps_merged.csv"),
        Member("notes/a.txt", folder / "notes/a.txt"),
        Member("b.csv", folder / "b.csv"),
    ]
    assert (folder / "period1/hourlySteps_merged.csv").read_bytes() == STEPS
    assert sorted(p.name for p in folder.rglob("*") if p.is_file()) == ["a.txt", "b.csv", "hourlySteps_merged.csv"]


def test_what_operating_systems_add_is_left_out(tmp_path: Path) -> None:
    junk = ["__MACOSX/._a.csv", "d/.DS_Store", "Thumbs.db", "d/desktop.ini", "d/~$a.xlsx", "d/", ".hidden/a.csv"]
    path = zip_of(tmp_path / "a.zip", dict.fromkeys(junk, b"junk") | {"d/a~$.csv": STEPS})
    assert contents(path) == {"d/a~$.csv": STEPS}


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("hourlySteps_merged.csv.gz", "hourlySteps_merged.csv"),
        ("period1/a.csv.GZ", "a.csv"),
        ("a.gzip", "a"),
        ("a.csv", "a.csv"),
        (".gz", "content"),
        ("..", "content"),
    ],
)
def test_a_gzip_gives_one_member_called_after_it(tmp_path: Path, name: str, member: str) -> None:
    path = put(tmp_path / "x", gzip.compress(STEPS))
    assert container_kind(path) == "gzip"
    assert contents(path, name) == {member: STEPS}


def test_gzip_members_one_after_the_other_are_one_file(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv.gz", gzip.compress(STEPS) + gzip.compress(b"x") + gzip.compress(b"") + b"\0" * 512)
    assert contents(path) == {"a.csv": STEPS + b"x"}


def test_an_empty_gzip_gives_an_empty_file(tmp_path: Path) -> None:
    assert contents(put(tmp_path / "a.csv.gz", gzip.compress(b""))) == {"a.csv": b""}


def test_gzip_and_workbooks_within_a_zip_are_extracted_for_the_next_step(tmp_path: Path) -> None:
    book = save(tmp_path / "book.xlsx", [["Id"]])
    packed = gzip.compress(STEPS)
    path = zip_of(tmp_path / "a.zip", {"a.csv.gz": packed, "book.xlsx": book.read_bytes()})
    members = expand(path, "a.zip", tmp_path / "members")
    assert [container_kind(m.path) for m in members] == ["gzip", "xlsx"]
    assert contents(members[0].path) == {"a.csv": STEPS}
    assert contents(members[1].path) == {"Sheet1.csv": b"Id\n"}


def test_a_document_within_a_zip_is_for_the_next_step_to_refuse(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"codebook.docx": zipped({"word/document.xml": b"<w/>"}), "a.csv": STEPS})
    document = expand(path, "a.zip", tmp_path / "members")[0]
    assert refusal(document.path).what == "this is a Word document, which cannot be read"


def test_names_are_nfc_and_those_of_a_mac_are_utf8(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"Ma\u0308rz/Schritte.csv": b"1", "plain.csv": b"2"})
    unsaid = path.read_bytes().replace(b"\x00\x08\x08\x00", b"\x00\x00\x08\x00")  # the flag that says UTF-8
    assert unsaid != path.read_bytes()
    assert list(contents(path)) == ["M\u00e4rz/Schritte.csv", "plain.csv"]
    assert list(contents(put(path, unsaid))) == ["M\u00e4rz/Schritte.csv", "plain.csv"]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", None),
        (b"P", None),
        (STEPS, None),
        (b"PK,1,2\n", None),
        (b"\x1f", None),
        (b"\x1f\x8b", "gzip"),
        (b"PK\x03\x04 and no more", "zip"),
        (zipped({}), "zip"),
        (zipped({"xl/workbook.xml": b""}), "zip"),
        (zipped({"XL\\Workbook.xml": b"", "[Content_Types].xml": b""}), "xlsx"),
    ],
)
def test_the_kind_is_in_the_bytes(tmp_path: Path, data: bytes, kind: str | None) -> None:
    assert container_kind(put(tmp_path / "a.csv", data)) == kind


# Damage.


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


PACKED = gzip.compress(os.urandom(3_000).hex().encode())
ARCHIVE = zipped({"a.csv": STEPS})


@pytest.mark.parametrize(
    "data",
    [
        PACKED[:-1],
        PACKED[:9],
        PACKED[:1000],
        flipped(PACKED, -8),
        flipped(PACKED, -4),
        flipped(PACKED, 1500),
        PACKED + b"garbage",
        b"\x1f\x8b\x07" + PACKED[3:],
        ARCHIVE[:-1],
        ARCHIVE[:60],
        ARCHIVE[: ARCHIVE.index(b"PK\x01\x02")],
        flipped(ARCHIVE, ARCHIVE.index(b"1503960366")),
        flipped(ARCHIVE, ARCHIVE.index(b"a.csv")),
        ARCHIVE + b"x" * 70_000,
        STEPS,
        b"",
    ],
    ids=range(16),
)
def test_a_damaged_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    assert refusal(put(tmp_path / "a.csv.gz", data)).code == "damaged_archive"


def with_declared_size(data: bytes, size: int, declared: int) -> bytes:
    return data.replace(struct.pack("<I", size), struct.pack("<I", declared))


@pytest.mark.parametrize("declared", [len(STEPS) - 1, len(STEPS) + 1])
def test_a_member_of_another_size_than_declared_is_damaged(tmp_path: Path, declared: int) -> None:
    data = zip_of(tmp_path / "a.zip", {"a.csv": STEPS}).read_bytes()
    assert refusal(put(tmp_path / "a.zip", with_declared_size(data, len(STEPS), declared))).code == "damaged_archive"


def test_a_refusal_at_the_last_member_leaves_none_of_the_others(tmp_path: Path) -> None:
    data = zipped({f"d{n}/a.csv": STEPS + str(n).encode() for n in range(20)})
    path = put(tmp_path / "a.zip", flipped(data, data.index(b"160\n19")))
    assert refusal(path).what == "the archive is damaged: Bad CRC-32 for file 'd19/a.csv'"


def test_what_was_in_the_folder_stays_when_an_archive_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "a.csv", b"before")
    with pytest.raises(FileRefusedError):
        expand(put(tmp_path / "a.csv.gz", PACKED[:-1]), "a.csv.gz", tmp_path)
    assert (tmp_path / "a.csv").read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 2


# Bombs.


def zeros(gigabytes: float) -> Iterator[bytes]:
    piece = bytes(1 << 20)
    for _ in range(round(gigabytes * 1000**3 / len(piece))):
        yield piece


@pytest.fixture(scope="module")
def gzip_bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10 GB of zeros: 100 MB of them, packed once and then repeated as gzip allows."""
    packed = gzip.compress(b"".join(zeros(0.1)), compresslevel=9)
    return put(tmp_path_factory.mktemp("bomb") / "a.csv.gz", packed * 100)


@pytest.fixture(scope="module")
def zip_bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip whose one member claims 100 bytes and has 400 MB."""
    path = tmp_path_factory.mktemp("bomb") / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as member:
        for piece in zeros(0.4):
            member.write(piece)
    return path


def written(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Counts what the budget let through."""
    budgets: list[Any] = []
    original = containers._Budget.__init__

    def init(self: Any, *args: Any) -> None:
        original(self, *args)
        budgets.append(self)

    monkeypatch.setattr(containers._Budget, "__init__", init)
    return lambda: max(b.total for b in budgets)


@pytest.mark.parametrize("bomb", ["gzip_bomb", "zip_bomb"])
def test_a_bomb_is_refused_soon(bomb: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    path, total = request.getfixturevalue(bomb), written(monkeypatch)
    start = time.monotonic()
    error = refusal(path)
    assert time.monotonic() - start < 10
    assert error.code == "archive_too_large"
    assert "it unpacks to more than 250 times its size" in error.what
    assert 50_000_000 < total() < 100_000_000


def test_a_declared_size_is_not_believed(tmp_path: Path, zip_bomb: Path) -> None:
    with zipfile.ZipFile(zip_bomb) as archive:
        size = archive.infolist()[0].file_size
    path = put(tmp_path / "a.zip", with_declared_size(zip_bomb.read_bytes(), size, 100))
    assert refusal(path).code == "damaged_archive"


def test_a_member_listed_a_thousand_times_is_refused(tmp_path: Path) -> None:
    data = zip_of(tmp_path / "a.zip", {"0000.csv": bytes(20_000_000)}).read_bytes()
    at, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entries = data[at:end] * 1_000
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1_000, 1_000, len(entries), at, 0)
    assert refusal(put(tmp_path / "a.zip", data[:at] + entries + tail)).code == "unsafe_archive"


def test_the_total_of_all_members_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_EXTRACTED_BYTES", 10_000)
    assert len(contents(zip_of(tmp_path / "a.zip", {f"{n}.csv": bytes(1_000) for n in range(10)}))) == 10
    shutil.rmtree(tmp_path / "members")
    error = refusal(zip_of(tmp_path / "a.zip", {f"{n}.csv": bytes(1_000) for n in range(11)}))
    assert (error.code, error.what) == (
        "archive_too_large",
        "the archive is too large: unpacked, it has more than 1e-05 GB",
    )


def test_a_table_that_packs_well_is_no_bomb(tmp_path: Path) -> None:
    """Minutes without a step, 60 MB of them."""
    rows = (
        f"1503960366,4/{d}/2016 {h}:{m:02}:00 AM,0\n" for d in range(1, 31) for h in range(1, 13) for m in range(60)
    )
    table = "".join(rows).encode() * 80
    packed = gzip.compress(table, compresslevel=1)
    assert len(table) > containers.RATIO_FLOOR_BYTES
    assert 10 < len(table) / len(packed) < 100
    assert contents(put(tmp_path / "a.csv.gz", packed)) == {"a.csv": table}


def test_a_full_disk_is_not_the_files_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "DISK_RESERVE_BYTES", shutil.disk_usage(tmp_path).free)
    path = zip_of(tmp_path / "a.zip", {"a.csv": b"x" * 100_000_000}, compression=zipfile.ZIP_STORED)
    with pytest.raises(OSError, match="no room") as caught:
        expand(path, "a.zip", tmp_path / "members")
    assert caught.value.errno == errno.ENOSPC
    assert not list((tmp_path / "members").iterdir())


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file here whose reading fails")
def test_a_disk_that_fails_is_not_the_files_fault() -> None:
    """The first page of a process's memory is a file that opens and cannot be read."""
    source = containers._Source(Path("/proc/self/mem"))
    with gzip.GzipFile(fileobj=source) as opened, pytest.raises(OSError, match="Input/output error") as caught:
        list(source.pieces(opened))
    assert caught.value.errno == errno.EIO


@pytest.mark.parametrize(("count", "is_refused"), [(2_000, False), (2_001, True)])
def test_the_number_of_members_is_limited(tmp_path: Path, count: int, is_refused: bool) -> None:
    path = zip_of(tmp_path / "a.zip", {f"{n}.csv": b"" for n in range(count)})
    if is_refused:
        assert refusal(path).what == "the archive has more than 2000 members"
    else:
        assert len(contents(path)) == 2_000


def test_a_list_of_members_without_end_is_not_read(tmp_path: Path) -> None:
    entry = zipped({"a.csv": b""})
    at, end = entry.index(b"PK\x01\x02"), entry.index(b"PK\x05\x06")
    entries = entry[at:end] * 200_000
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0, 0, len(entries), at, 0)
    start = time.monotonic()
    assert refusal(put(tmp_path / "a.zip", entry[:at] + entries + tail)).code == "archive_too_large"
    assert time.monotonic() - start < 2


# Names.


def linked(kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("link.csv")
    info.external_attr = (kind | 0o777) << 16
    return info


UNSAFE: dict[str, tuple[list[Entry], str]] = {
    "up": (["../evil.csv"], "leads out of the archive"),
    "up, later": (["a/../../evil.csv"], "leads out of the archive"),
    "up and back": (["a/../a.csv"], "leads out of the archive"),
    "a folder up": (["../"], "leads out of the archive"),
    "junk up": (["__MACOSX/../../evil.csv"], "leads out of the archive"),
    "no name": (["."], "leads out of the archive, or is none"),
    "from the root": (["/tmp/evil.csv"], "a path from the root"),
    "network": (["//host/evil.csv"], "a path from the root"),
    "drive": (["C:/evil.csv"], "one of Windows"),
    "drive, relative": (["c:evil.csv"], "one of Windows"),
    "backslash": (["..\\evil.csv"], "one of Windows"),
    "backslash, inside": (["a\\b.csv"], "one of Windows"),
    "newline": (["a\n.csv"], "control characters"),
    "escape": (["a\x1b[2J.csv"], "control characters"),
    "reversed": (["a\u202evsc.exe"], "control characters"),
    "symbolic link": ([linked(stat.S_IFLNK)], "a link or a device"),
    "pipe": ([linked(stat.S_IFIFO)], "a link or a device"),
    "device": ([linked(stat.S_IFCHR)], "a link or a device"),
    "long": (["x" * 201 + ".csv"], "too long"),
    "deep": (["d/" * 500 + "a.csv"], "too long"),
    "long in bytes": (["ä" * 101], "too long"),
    "twice": (["a.csv", "a.csv"], "there twice"),
    "twice, by case": (["Steps.csv", "d/x.csv", "STEPS.CSV"], "there twice"),
    "twice, by folder's case": (["d/a.csv", "D/A.csv"], "there twice"),
    "twice, sharp s": (["stra\u00dfe.csv", "STRASSE.csv"], "there twice"),
    "twice, composed": (["\u00e4.csv", "a\u0308.csv"], "there twice"),
    "twice, by dots": (["a.csv", "./a.csv"], "there twice"),
    "file, then folder": (["a", "A/b.csv"], "both a file and a folder"),
    "folder, then file": (["a/b/c.csv", "a"], "both a file and a folder"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("entries", "why"), UNSAFE.values(), ids=UNSAFE)
def test_an_unsafe_name_is_refused_and_nothing_is_written(tmp_path: Path, entries: list[Entry], why: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    path = zip_of(inner / "a.zip", [("good.csv", STEPS), *((e, b"evil") for e in entries)])
    error = refusal(path)
    assert (error.code, why in error.what) == ("unsafe_archive", True)
    assert list(tmp_path.iterdir()) == [inner]


def test_a_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "a.zip", zipped({"aXb.csv": STEPS}).replace(b"aXb", b"a\0b"))
    assert refusal(path).what == "the archive has a member that is not safe: its name has control characters"


def test_the_refusal_shows_the_name(tmp_path: Path) -> None:
    error = refusal(zip_of(tmp_path / "a.zip", {"../../etc/passwd": b""}))
    assert error.as_dict()["where"] == {"value": "../../etc/passwd"}


# Other refusals.


def test_a_password_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.csv": STEPS}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    error = refusal(put(tmp_path / "a.zip", bytes(data)))
    assert (error.code, error.what) == ("encrypted_archive", "the archive has a password")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_rare_method_of_packing_is_refused(tmp_path: Path, method: int) -> None:
    error = refusal(zip_of(tmp_path / "a.zip", {"a.csv": STEPS}, compression=method))
    assert (error.code, error.what) == (
        "unsupported_format",
        f"this is a zip packed with method {method}, which cannot be read",
    )


@pytest.mark.parametrize(
    "data",
    [
        zipped({"a.csv": STEPS, "more/inner.zip": zipped({"b.csv": STEPS})}),
        zipped({"a.csv": zipped({})}),
        gzip.compress(zipped({"a.csv": STEPS})),
        gzip.compress(gzip.compress(STEPS)),
    ],
)
def test_an_archive_within_an_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    assert refusal(put(tmp_path / "a.zip", data)).code == "nested_archive"


@pytest.mark.parametrize("entries", [{}, {"d/": b""}, {"__MACOSX/._a.csv": b"x", ".DS_Store": b"x"}])
def test_nothing_but_junk_is_empty(tmp_path: Path, entries: dict[str, bytes]) -> None:
    assert refusal(zip_of(tmp_path / "a.zip", entries)).code == "empty_archive"


FOREIGN: dict[str, tuple[bytes, str]] = {
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "an old Office file (.xls), or one with a password"),
    "pdf": (b"%PDF-1.7\n", "a PDF document"),
    "png": (b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
    "jpeg": (b"\xff\xd8\xff\xe0", "a picture (JPEG)"),
    "rar": (b"Rar!\x1a\x07\x01\x00", "a RAR archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c\x00", "a 7z archive"),
    "bzip2": (bz2.compress(STEPS), "a bzip2 file"),
    "xz": (lzma.compress(STEPS), "an xz file"),
    "tar": (tarred(), "a tar archive"),
    "tar.gz": (gzip.compress(tarred()), "a tar archive"),
    "pdf.gz": (gzip.compress(b"%PDF-1.7\n"), "a PDF document"),
    "sqlite": (b"SQLite format 3\x00", "an SQLite database"),
    "web page": (
        b"\xef\xbb\xbf\n <!DOCTYPE HTML><html><table>",
        "a web page, perhaps with the extension of a workbook",
    ),
    "table of a web page": (b"<table><tr><td>1", "a web page, perhaps with the extension of a workbook"),
    "docx": (zipped({"word/document.xml": b""}), "a Word document"),
    "pptx": (zipped({"ppt/presentation.xml": b""}), "a PowerPoint presentation"),
    "xlsb": (zipped({"xl/workbook.bin": b""}), "an Excel binary workbook (.xlsb)"),
    "ods": (zipped({"mimetype": b"", "META-INF/manifest.xml": b""}), "an OpenDocument file (.ods, .odt)"),
    "numbers": (zipped({"Index/Document.iwa": b""}), "an Apple Numbers, Pages or Keynote document"),
}


@pytest.mark.parametrize(("data", "what"), FOREIGN.values(), ids=FOREIGN)
def test_a_known_format_that_is_no_table_is_named(tmp_path: Path, data: bytes, what: str) -> None:
    error = refusal(put(tmp_path / "a.csv", data))
    assert (error.code, error.what) == ("unsupported_format", f"this is {what}, which cannot be read")


@pytest.mark.parametrize("data", [b"", STEPS, b"PAR1,5\n", b"BZhours,5\n", b"PDF\n", b"<5,6\n", b"x" * 257 + b"ustar,"])
def test_a_table_is_not_foreign(tmp_path: Path, data: bytes) -> None:
    refuse_foreign(put(tmp_path / "a.csv", data), data[:512])
    assert container_kind(tmp_path / "a.csv") is None


# Whatever the bytes are.


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("samples")
    book = save(folder / "a.xlsx", [["Id", "Hour"], [1503960366, datetime(2016, 4, 12, 1)]]).read_bytes()
    several = zip_of(folder / "a.zip", {"a.csv": STEPS * 20, "d/b.csv.gz": gzip.compress(STEPS), "c.csv": b""})
    return [several.read_bytes(), zipped({"a.csv": STEPS}), gzip.compress(STEPS * 20), book, b"PK\x03\x04", b""]


CODES = {
    "damaged_archive",
    "archive_too_large",
    "unsafe_archive",
    "encrypted_archive",
    "nested_archive",
    "empty_archive",
    "unreadable_workbook",
    "unsupported_format",
}


def mutated(data: st.DataObject, sample: bytes) -> bytes:
    changed = bytearray(sample)
    for _ in range(data.draw(st.integers(0, 3))):
        if changed:
            changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.one_of(st.just(len(changed)), st.integers(0, len(changed))))
    return bytes(changed[:cut]) + data.draw(st.binary(max_size=30))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_are_unpacked_or_refused(tmp_path: Path, samples: list[bytes], data: st.DataObject) -> None:
    folder = tmp_path / "inner" / "members"
    shutil.rmtree(tmp_path / "inner", ignore_errors=True)
    folder.mkdir(parents=True)
    content = mutated(data, data.draw(st.sampled_from(samples)))
    path = put(tmp_path / "inner" / "a.csv.gz", content)
    members, code = [], "empty_archive"
    try:
        members = expand(path, path.name, folder)
    except FileRefusedError as error:
        code = error.code
    assert code in CODES
    assert sorted(p for p in folder.rglob("*") if p.is_file()) == sorted(m.path for m in members)
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file() and folder not in p.parents) == [path]
