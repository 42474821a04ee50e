"""A machine that fails: each fault is told in a sentence, nothing is lost, and once it is mended the work goes on."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from neuro_assets.lake import extensions
from neuro_assets.lake.lake import Lake
from neuro_assets.settings import load_settings
from neuro_assets_tests.command import ran
from neuro_assets_tests.fitabase_files import steps_per_day_csv, write
from neuro_assets_tests.study_homes import PROTOCOL
from neuro_assets_tests.tables import query

pytestmark = [pytest.mark.verify, pytest.mark.timeout(600)]

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
PEOPLE = [str(n) for n in range(1001, 1021)]


def assert_told(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """A sentence, not a traceback, and not success."""
    assert done.returncode not in {0, None}, done.stdout
    assert "Traceback" not in done.stderr, done.stderr
    told = " ".join(done.stderr.split())
    assert [w for w in words if w not in told] == [], told


def drop(home: Path, name: str, days: range, steps: int = 1000) -> None:
    """A file of everybody's daily steps in landing/."""
    rows = [(who, f"4/{day}/2016", steps + day) for who in PEOPLE for day in days]
    write(home / "landing", name, steps_per_day_csv(rows))


def staged(home: Path) -> list[tuple]:
    lake = Lake.from_settings(load_settings({"NEURO_HOME": str(home)}))
    return query(lake, "SELECT participant_id, day, steps FROM staging.daily_activity ORDER BY ALL")


def expected(days: range, steps: int = 1000) -> list[tuple]:
    return sorted((who, day, steps + day) for who in PEOPLE for day in days)


def by_day(rows: list[tuple]) -> list[tuple]:
    return [(who, day.day, int(steps)) for who, day, steps in rows]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return made(tmp_path / "home")


def made(home: Path) -> Path:
    (home / "landing").mkdir(parents=True)
    (home / "study.yaml").write_text(yaml.safe_dump(PROTOCOL))
    return home


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A file system of this size, gone at the end."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def remount(place: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(place)], check=True)


def test_a_full_disk(tmp_path: Path):
    with small_disk(tmp_path / "disk", "60m") as disk:
        home = made(disk / "home")
        drop(home, "first.csv", range(1, 4))
        assert ran(home, "ingest").returncode == 0
        drop(home, "second.csv", range(4, 8))
        ballast = disk / "ballast"
        with pytest.raises(OSError, match="No space left"):
            ballast.write_bytes(os.urandom(64 << 20))
        assert_told(ran(home, "ingest"), "space")
        there = [p.name for p in home.rglob("second.csv")]
        assert there == ["second.csv"]
        ballast.unlink()
        assert ran(home, "ingest").returncode == 0
        assert (
            ran(
                home, "run", "--select", "staging/daily_activity", "--since", "2016-04-01", "--until", "2016-04-07"
            ).returncode
            == 0
        )
        assert by_day(staged(home)) == expected(range(1, 8))


def test_a_read_only_lake(tmp_path: Path):
    with small_disk(tmp_path / "disk", "200m") as disk:
        home = made(tmp_path / "home")
        shutil.copytree(home, disk / "unused", dirs_exist_ok=True)
        (home / "lake").symlink_to(disk)
        drop(home, "first.csv", range(1, 4))
        assert ran(home, "ingest").returncode == 0
        remount(disk, "ro")
        drop(home, "second.csv", range(4, 8))
        assert_told(ran(home, "ingest"), "read-only")
        assert [p.name for p in home.rglob("second.csv")] == ["second.csv"]
        remount(disk, "rw")
        assert ran(home, "ingest").returncode == 0
        assert len(query(Lake.from_settings(load_settings({"NEURO_HOME": str(home)})), "FROM ops.landing_files")) == 2


def test_a_missing_extension(home: Path, monkeypatch: pytest.MonkeyPatch):
    drop(home, "first.csv", range(1, 4))
    monkeypatch.setattr(extensions, "packaged_path", lambda _: None)
    lake = Lake.from_settings(load_settings({"NEURO_HOME": str(home)}))
    with pytest.raises(extensions.ExtensionMissingError, match=r"duckdb-extension-\w+==\d"), lake.connect():
        pass
    assert [p.name for p in (home / "landing").iterdir()] == ["first.csv"]


def test_a_wrong_key(home: Path):
    drop(home, "first.csv", range(1, 4))
    assert ran(home, "ingest").returncode == 0
    catalog = home / "lake" / "catalog.sqlite"
    shutil.copy(catalog, home / "right.sqlite")
    with sqlite3.connect(catalog) as session:
        session.execute("UPDATE ducklake_data_file SET encryption_key = 'MDEyMzQ1Njc4OWFiY2RlZg=='")
    session.close()
    drop(home, "second.csv", range(4, 8))
    assert_told(ran(home, "ingest"), "key")
    assert_told(ran(home, "sql", "SELECT * FROM raw.fitabase_daily_activity"), "key")
    assert [p.name for p in home.rglob("second.csv")] == ["second.csv"]
    shutil.copy(home / "right.sqlite", catalog)
    assert ran(home, "ingest").returncode == 0
    lake = Lake.from_settings(load_settings({"NEURO_HOME": str(home)}))
    assert query(lake, "SELECT count(*) FROM raw.fitabase_daily_activity") == [(len(PEOPLE) * 7,)]


def test_a_catalog_that_a_foreign_process_has_locked(home: Path):
    drop(home, "first.csv", range(1, 4))
    assert ran(home, "ingest").returncode == 0
    drop(home, "second.csv", range(4, 8))
    session = sqlite3.connect(home / "lake" / "catalog.sqlite", isolation_level=None)
    session.execute("BEGIN EXCLUSIVE")
    try:
        assert_told(ran(home, "ingest"), "another program", "locked")
    finally:
        session.execute("ROLLBACK")
        session.close()
    assert [p.name for p in home.rglob("second.csv")] == ["second.csv"]
    assert ran(home, "ingest").returncode == 0
    lake = Lake.from_settings(load_settings({"NEURO_HOME": str(home)}))
    assert query(lake, "SELECT count(*) FROM raw.fitabase_daily_activity") == [(len(PEOPLE) * 7,)]


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")
def test_a_clock_that_jumps_back_an_hour(tmp_path: Path, home: Path):
    """The files come in the order in which they came, whatever the clock says, and what they touch is recomputed."""
    back = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "-1h"}
    run: Callable[..., None] = lambda place, **clock: _ok(  # noqa: E731
        ran(place, "run", "--since", "2016-04-01", "--until", "2016-04-07", **clock)
    )
    other = made(tmp_path / "steady")
    for place, clock in ((home, back), (other, {})):
        drop(place, "first.csv", range(1, 8))
        _ok(ran(place, "ingest"))
        run(place)
        drop(place, "second.csv", range(1, 8), steps=2000)
        _ok(ran(place, "ingest", **clock))
        run(place, **clock)
    assert by_day(staged(home)) == expected(range(1, 8), steps=2000)
    assert staged(home) == staged(other)
    sql = "SELECT original_name FROM ops.landing_files ORDER BY first_arrived_at"
    assert query(Lake.from_settings(load_settings({"NEURO_HOME": str(home)})), sql) == [("first.csv",), ("second.csv",)]


def _ok(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
