"""A pull file that is damaged anywhere is refused as one, or is as good as whole; it stops nothing else."""

import json
import zipfile
from datetime import date
from pathlib import Path

import pytest

from neuro_assets.ingest.load import ingest_paths
from neuro_assets.sources.google_health.pull_file import MANIFEST, PullFileError, PullReader, is_pull_file
from neuro_assets_tests.google_health.pull_files import Given, minutes, pull_file, steps_of, utc

# Bits of a byte -> every how many bytes: all bits, the lowest (encrypted), what makes LZMA of a deflated member, and
# BZip2, the highest.
FLIPS = {0xFF: 3, 0x01: 3, 0x06: 1, 0x04: 1, 0x80: 3}


def small(folder: Path, day: int = 3) -> Path:
    points = steps_of(minutes(utc(2026, 3, 2, 17), range(20)))
    return pull_file(folder, Given(utc(2026, 3, day, 6), date(2026, 3, 1), date(2026, 3, day), points))


def read(path: Path) -> list[bytes] | str:
    """The pages, or that there are none to be had."""
    is_pull_file(path)
    try:
        reader = PullReader(path)
    except PullFileError:
        return "refused"
    try:
        return [reader.body(page) for person in reader.manifest.people for page in person.pages]
    except PullFileError:
        return "refused"
    finally:
        reader.close()


@pytest.mark.parametrize(("flip", "stride"), FLIPS.items())
def test_a_damaged_byte_is_seen_or_does_no_harm(tmp_path, flip, stride):
    whole = small(tmp_path)
    pages, content = read(whole), whole.read_bytes()
    seen = set()
    for place in range(0, len(content), stride):
        damaged = bytearray(content)
        damaged[place] ^= flip
        whole.write_bytes(damaged)
        found = read(whole)
        assert found in (pages, "refused"), place
        seen.add(found == "refused")
    assert seen == {True, False}


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    whole = small(tmp_path)
    content = whole.read_bytes()
    for length in range(0, len(content), 17):
        whole.write_bytes(content[:length])
        assert read(whole) == "refused"


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_packed_as_no_pull_file_is_is_not_unpacked(tmp_path, way):
    whole = small(tmp_path)
    with zipfile.ZipFile(whole) as archive:
        contents = {n: archive.read(n) for n in archive.namelist()}
    with zipfile.ZipFile(whole, "w", way) as archive:
        for name, body in contents.items():
            archive.writestr(name, body)
    assert read(whole) == "refused"


@pytest.mark.parametrize(("member", "value"), [("zone", "Mars/Olympus"), ("last_sync_at", "2026-03-03T05:00:00")])
def test_a_list_of_contents_with_what_is_no_zone_or_no_moment_is_refused(tmp_path, member, value):
    whole = small(tmp_path)
    with zipfile.ZipFile(whole) as archive:
        contents = {n: archive.read(n) for n in archive.namelist()}
    manifest = json.loads(contents[MANIFEST])
    manifest["people"][0][member] = value
    with zipfile.ZipFile(whole, "w") as archive:
        for name, body in (contents | {MANIFEST: json.dumps(manifest).encode()}).items():
            archive.writestr(name, body)
    assert read(whole) == "refused"


def test_the_next_file_is_taken_after_a_damaged_one(make_job):
    job = make_job(window={"start": "2026-02-25"}, google_health={})
    landing = job.settings.landing / "google_health"
    bad, good = small(landing, 3), small(landing, 4)
    content = bytearray(bad.read_bytes())
    with zipfile.ZipFile(bad) as archive:
        page = archive.infolist()[0]
    # The first byte of what is packed: no such way to pack is known.
    content[page.header_offset + 30 + len(page.filename)] ^= 0xFF
    bad.write_bytes(content)
    outcomes = [(o.outcome, o.line.reason_code) for o in ingest_paths(job, [bad, good])]
    assert outcomes == [("rejected", "damaged_archive"), ("loaded", None), ("unpacked", None)]
    assert not list(job.settings.processing.rglob("*.zip"))
    with job.lake.connect(read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM raw.google_health_steps").fetchone() == (20,)
