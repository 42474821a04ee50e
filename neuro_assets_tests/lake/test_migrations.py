"""A lake that the first version made (`home_of_layout_1.zip`: its README.md says how) becomes one of today."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from neuro_assets import failpoints
from neuro_assets.backup.check import check_backup
from neuro_assets.cli.context import open_home
from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets.lake.ddl import existing_columns
from neuro_assets.lake.lake import Lake
from neuro_assets.lake.layout import LAYOUT, LakeLayoutError
from neuro_assets.lake.migrations import MIGRATIONS, migrate, pending_migrations
from neuro_assets.settings import Settings
from neuro_assets.status import read_status
from neuro_assets.streams.catalogue import OPS_TABLES
from neuro_assets_tests.command import neuro
from neuro_assets_tests.old_homes import content, differing, job_of, settings_of, unpack
from neuro_assets_tests.tables import load

# When something happened differs from home to home, and with it the version of a day.
TIMES = {"loaded_at", "first_arrived_at", "arrived_at", "created_at", "staged_at", "raw_version", "made_at"}
# Not recorded by layout 1, or told in other words then.
NOT_TOLD_THEN = {"rows_left_out", "reading", "container_id", "date_evidence", "reason"}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The old home and the files it was given."""
    folder = tmp_path_factory.mktemp("old")
    unpack(folder)
    return folder


@pytest.fixture
def old(unpacked: Path, tmp_path: Path) -> Settings:
    """An old home of this test's own."""
    shutil.copytree(unpacked / "home", tmp_path / "home")
    return settings_of(tmp_path / "home")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[Settings], Ingest]:
    """`opened(settings)`: the home as a command opens it."""

    def open_it(settings: Settings) -> Ingest:
        monkeypatch.setenv("DAGSTER_HOME", "")
        monkeypatch.setenv("NEURO_HOME", str(settings.home))
        return open_home()

    return open_it


def facts(settings: Settings) -> list[tuple]:
    with Lake.from_settings(settings).connect(read_only=True) as connection:
        return connection.execute("SELECT layout FROM ops.lake_layout ORDER BY made_at").fetchall()


def test_every_layout_after_the_first_has_its_step():
    assert [m.layout for m in MIGRATIONS] == list(range(2, LAYOUT + 1))


def test_a_new_lake_has_the_layout_of_the_program(home: Settings):
    lake = Lake.from_settings(home)
    prepare_lake(lake, OPS_TABLES)
    prepare_lake(lake, OPS_TABLES)
    assert facts(home) == [(LAYOUT,)]
    assert pending_migrations(lake) == migrate(lake, OPS_TABLES) == []


def job_of_new(settings: Settings) -> Ingest:
    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / "study.yaml").write_text("{id: t, window: {start: 2016-02-20, end: 2016-02-24}}")
    return job_of(settings)


def test_an_older_lake_is_refused_by_what_opens_it_and_by_what_writes_it(old: Settings, opened: Callable):
    job = job_of(old)
    for attempt in (lambda: opened(old), lambda: prepare_lake(job.lake, job.tables), lambda: load(job)):
        with pytest.raises(LakeLayoutError, match=r"this lake has layout 1 .* layout 2: `neuro migrate`"):
            attempt()
    with job.lake.connect(read_only=True) as connection:
        assert not set(existing_columns(connection)) & {"ops.lake_layout", "staging.weight"}


def test_a_newer_lake_is_refused_and_not_migrated(home: Settings, opened: Callable):
    job = job_of_new(home)
    prepare_lake(job.lake, OPS_TABLES)
    with job.lake.connect() as connection:
        connection.execute("INSERT INTO ops.lake_layout VALUES (?, '9.9', now())", [LAYOUT + 1])
    attempts = (
        lambda: opened(home),
        lambda: prepare_lake(job.lake, OPS_TABLES),
        lambda: migrate(job.lake, OPS_TABLES),
        lambda: pending_migrations(job.lake),
    )
    for attempt in attempts:
        with pytest.raises(LakeLayoutError, match=f"has layout {LAYOUT + 1}: it was made by a newer version"):
            attempt()


@pytest.mark.verify
def test_a_migration_adds_what_is_new_and_changes_no_row_and_twice_is_the_same_as_once(old: Settings, opened: Callable):
    before, job = content(old), job_of(old)
    assert [m.layout for m in migrate(job.lake, job.tables)] == [2]
    after = content(old)
    for name, frame in before.items():
        assert after[name].select(frame.columns).equals(frame), name
    added = set(after["ops.landing_files"].columns) - set(before["ops.landing_files"].columns)
    assert added == {"rows_left_out", "reading", "container_id"}
    assert {len(after[name]) for name in after.keys() - before.keys() - {"ops.lake_layout"}} == {0}
    assert migrate(job.lake, job.tables) == []
    assert facts(old) == [(2,)]
    status = read_status(opened(old))
    assert status.files == {"loaded": 3, "rejected": 1, "arrivals": 4}


def test_a_migration_that_fails_in_the_middle_has_changed_nothing(old: Settings, monkeypatch: pytest.MonkeyPatch):
    job, before = job_of(old), content(old)
    monkeypatch.setattr(failpoints, "ARMED", failpoints.parse("migrate.step=error"))
    with pytest.raises(failpoints.FailpointError):
        migrate(job.lake, OPS_TABLES)
    assert differing(content(old), before) == []
    assert [m.layout for m in migrate(job.lake, OPS_TABLES)] == [2]


@pytest.mark.verify
def test_a_lake_of_today_made_before_layouts_were_recorded_is_told_by_its_columns(home: Settings, opened: Callable):
    """Tables that the program has gained since are made when it is opened, so that its status is not an empty one."""
    job = job_of_new(home)
    prepare_lake(job.lake, OPS_TABLES)
    with job.lake.connect() as connection:
        connection.execute("DROP TABLE ops.lake_layout")
        connection.execute("INSERT INTO ops.landing_arrivals VALUES ('f', 'n', now(), 'loaded')")
    assert pending_migrations(job.lake) == []
    assert read_status(opened(home)).files == {"arrivals": 1}
    assert facts(home) == [(LAYOUT,)]


def comparable(frame: pl.DataFrame) -> pl.DataFrame:
    kept = frame.select(c for c in frame.columns if c not in TIMES | NOT_TOLD_THEN)
    return kept.sort(kept.columns)


@pytest.mark.verify
@pytest.mark.timeout(900)
def test_a_migrated_home_goes_on_as_one_that_was_always_new(old: Settings, unpacked: Path, tmp_path: Path):
    """Killed in the middle, migrated, given one more file, run: every row is that of a home that was never old.

    Apart from TIMES and NOT_TOLD_THEN, the runs themselves, and the account of days without rows, which is kept where a
    range of days was staged: the two homes stage other ranges.
    """
    new, given = settings_of(tmp_path / "new"), unpacked / "given"
    new.home.mkdir()
    for name in ("study.yaml", "participants.csv"):
        shutil.copy(old.home / name, new.home)
    assert neuro(old.home, "migrate", failpoint="migrate.step") == -signal.SIGKILL
    assert neuro(old.home, "migrate", "--backup", str(tmp_path / "backup")) == 0
    early = [str(given / f"{n}.csv") for n in ("daily_first", "sleep", "hourly_steps", "of_a_stranger")]
    assert neuro(new.home, "ingest", *early, refused=True) == 1
    assert neuro(old.home, "ingest", str(given / "daily_first.csv")) == 0  # a duplicate
    for home in (old.home, new.home):
        assert neuro(home, "ingest", str(given / "daily_second.csv")) == 0
        assert neuro(home, "run") == 0
    mine, theirs = content(old), content(new)
    mine["ops.landing_arrivals"] = mine["ops.landing_arrivals"].filter(pl.col("outcome") != "duplicate")
    for tables in (mine, theirs):
        tables["ops.staging_days"] = tables["ops.staging_days"].filter(pl.col("rows_in") > 0)
    assert mine.keys() == theirs.keys()
    names = theirs.keys() - {"ops.pipeline_runs"}
    assert [n for n in sorted(names) if not comparable(mine[n]).equals(comparable(theirs[n]))] == []
    assert len(theirs["staging.daily_activity"]) == len(theirs["baselines.user_daily_activity"]) == 9
    assert len(check_backup(tmp_path / "backup").tables) < len(mine)
