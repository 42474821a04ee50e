"""`kill -9` at every failpoint and at random moments: the next start needs no manual step, and nothing is different.

The tables are those of an undisturbed home, the archive is what the manifest says, no run is left as started, and
after maintenance no data file is there that no table has.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import yaml

from neuro_assets.lake.lake import Lake
from neuro_assets.lake.maintenance import maintain
from neuro_assets.settings import Settings, load_settings
from neuro_assets_tests.command import neuro, started
from neuro_assets_tests.study_homes import PROTOCOL
from neuro_assets_tests.tables import query, read_table

pytestmark = [pytest.mark.verify, pytest.mark.timeout(1200)]

KINDS = ("dailyActivity", "dailySteps", "sleepDay", "hourlySteps")
# When something happened differs from home to home.
TIMES = {
    "loaded_at", "first_arrived_at", "arrived_at", "created_at", "staged_at", "raw_version", "at", "supersedes_at",
    "held_at", "released_at", "observed_at", "recorded_at",
}  # fmt: skip
BOOKS = ("ops.landing_files", "ops.landing_file_days", "ops.quarantine", "ops.staging_days", "ops.day_holds")
INGEST = [
    *("ingest.taken:1", "ingest.taken:3", "ingest.loaded:1", "ingest.loaded:2", "ingest.archived:4"),
    *(
        "ingest.unpacked",
        "report.emitted",
        "lake.before_commit:1",
        "lake.before_commit:3",
        "lake.after_commit:1",
        "lake.after_commit:4",
    ),
]
RUN = [
    *("stage.computed:1", "stage.computed:3", "lake.before_commit:1", "lake.before_commit:4"),
    *("lake.after_commit:2", "dbt.ran"),
]
Command = Callable[..., int]


def killed_at(home: Path, seconds: float, *arguments: str) -> bool:
    """Start the command and kill it after a while, it alone and not its children; whether it was still running."""
    process = started(home, *arguments)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    # A child that outlives it holds its pipes open.
    process.wait()
    return process.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """A home whose landing/ holds real files, one of them in a zip."""
    home = tmp_path_factory.mktemp("landed") / "home"
    (home / "landing").mkdir(parents=True)
    (home / "study.yaml").write_text(yaml.safe_dump(PROTOCOL))
    paths = [p for p in sorted((shared_data / "fitabase").rglob("*.csv")) if p.name.startswith(KINDS)]
    assert len(paths) == 6
    for n, path in enumerate(paths[1:]):
        shutil.copy(path, home / "landing" / f"{n} {path.name}")
    with zipfile.ZipFile(home / "landing" / "export.zip", "w") as packed:
        packed.write(paths[0], paths[0].name)
    return home


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """`copied(home)`: another home with the same content."""

    def copy(home: Path) -> Path:
        place = tmp_path_factory.mktemp("home") / "home"
        shutil.copytree(home, place)
        return place

    return copy


@pytest.fixture(scope="module")
def ingested(landed: Path, copied: Callable[[Path], Path]) -> Path:
    """An undisturbed home after `neuro ingest`."""
    home = copied(landed)
    assert neuro(home, "ingest") == 0
    return home


@pytest.fixture(scope="module")
def done(ingested: Path, copied: Callable[[Path], Path]) -> Path:
    """An undisturbed home after `neuro run`."""
    home = copied(ingested)
    assert neuro(home, "run") == 0
    return home


def settings_of(home: Path) -> Settings:
    return load_settings({"NEURO_HOME": str(home)})


def content(home: Path, *schemas: str) -> dict[str, pl.DataFrame]:
    """Every table of some schemas and the books, without the times at which things happened, in a fixed order."""
    lake = Lake.from_settings(settings_of(home))
    names = query(lake, "SELECT table_schema || '.' || table_name FROM information_schema.tables ORDER BY 1")
    tables = {}
    for (name,) in names:
        if name.split(".")[0] in schemas or name in BOOKS:
            frame = read_table(lake, name, "1")
            frame = frame.select(c for c in frame.columns if c not in TIMES)
            tables[name] = frame.sort(frame.columns)
    return tables


def assert_same(home: Path, other: Path, *schemas: str) -> None:
    mine, wanted = content(home, *schemas), content(other, *schemas)
    assert mine.keys() == wanted.keys()
    assert [name for name in mine if not mine[name].equals(wanted[name])] == []


def assert_settled(home: Path) -> None:
    """landing/ and processing/ are empty, and archive/ holds what the manifest says, byte for byte of that size."""
    for folder in ("landing", "processing"):
        assert [p for p in (home / folder).rglob("*") if p.is_file()] == []
    lines = query(Lake.from_settings(settings_of(home)), "SELECT stored_path, size_bytes FROM ops.landing_files")
    stored = {p.relative_to(home).as_posix(): p.stat().st_size for p in (home / "archive").rglob("*") if p.is_file()}
    assert stored == dict(lines)


@pytest.mark.parametrize("failpoint", INGEST)
def test_an_ingest(landed: Path, ingested: Path, copied: Callable[[Path], Path], failpoint: str):
    home = copied(landed)
    assert neuro(home, "ingest", failpoint=failpoint) == -signal.SIGKILL
    assert neuro(home, "ingest") == 0
    assert_settled(home)
    assert_same(home, ingested, "raw")


@pytest.mark.parametrize("failpoint", RUN)
def test_a_run(ingested: Path, done: Path, copied: Callable[[Path], Path], failpoint: str):
    home = copied(ingested)
    assert neuro(home, "run", failpoint=failpoint) == -signal.SIGKILL
    assert neuro(home, "run") == 0
    assert_settled(home)
    assert_same(home, done, "raw", "staging", "baselines")
    assert started_runs(home) == []


def started_runs(home: Path) -> list[str]:
    """Runs that Dagster believes to be under way."""
    script = (
        "import dagster as dg, json\n"
        "from neuro_assets.automation.runs import IN_PROGRESS\n"
        "with dg.DagsterInstance.get() as instance:\n"
        "    runs = instance.get_runs(dg.RunsFilter(statuses=list(IN_PROGRESS)))\n"
        "    print(json.dumps([r.run_id for r in runs]))\n"
    )
    environment = os.environ | {"DAGSTER_HOME": str(home / "dagster")}
    told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return json.loads(told.stdout.splitlines()[-1])


@pytest.mark.parametrize("failpoint", ["maintain.merged", "maintain.expired"])
def test_maintenance(done: Path, copied: Callable[[Path], Path], failpoint: str):
    home = copied(done)
    assert neuro(home, "maintain", failpoint=failpoint) == -signal.SIGKILL
    assert neuro(home, "maintain") == 0
    assert_same(home, done, "raw", "staging", "baselines")


def assert_no_orphans(home: Path) -> None:
    """After maintenance that waits for nobody, the data folder holds the files that tables have, and no others."""
    lake = Lake.from_settings(settings_of(home))
    maintain(lake, keep_days=0, grace_hours=0)
    with lake.connect(read_only=True) as connection:
        files = connection.execute(
            "SELECT path FROM __ducklake_metadata_lake.ducklake_data_file"
            " UNION ALL SELECT path FROM __ducklake_metadata_lake.ducklake_delete_file"
        ).fetchall()
    there = sorted(p.name for p in (home / "lake" / "data").rglob("*") if p.is_file())
    assert there == sorted(Path(path).name for (path,) in files)


# -- random moments, all files -----------------------------------------------------------------------------------

MOMENTS = random.Random(20_161).sample([n / 100 for n in range(3, 98)], 20)
Undisturbed = tuple[Path, float]


@pytest.fixture(scope="module")
def all_landed(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """A home whose landing/ holds every real file."""
    home = tmp_path_factory.mktemp("all") / "home"
    (home / "landing").mkdir(parents=True)
    (home / "study.yaml").write_text(yaml.safe_dump(PROTOCOL))
    paths = sorted((shared_data / "fitabase").rglob("*.csv"))
    assert len(paths) >= 17
    for n, path in enumerate(paths):
        shutil.copy(path, home / "landing" / f"{n:02} {path.name}")
    return home


@pytest.fixture(scope="module")
def all_ingested(all_landed: Path, copied: Callable[[Path], Path]) -> Undisturbed:
    """An undisturbed home after `neuro ingest` of every file, and how long that took."""
    home = copied(all_landed)
    return home, seconds_of(home, "ingest")


@pytest.fixture(scope="module")
def all_done(all_ingested: Undisturbed, copied: Callable[[Path], Path]) -> Undisturbed:
    """The same after `neuro run`."""
    home = copied(all_ingested[0])
    return home, seconds_of(home, "run")


@pytest.fixture(scope="module")
def all_maintained(all_done: Undisturbed, copied: Callable[[Path], Path]) -> Undisturbed:
    """The same after `neuro maintain`."""
    home = copied(all_done[0])
    return home, seconds_of(home, "maintain")


def seconds_of(home: Path, *arguments: str) -> float:
    start = time.monotonic()
    assert neuro(home, *arguments) == 0
    return time.monotonic() - start


@pytest.mark.parametrize("moment", MOMENTS[:8])
def test_an_ingest_at_a_random_moment(
    all_landed: Path, all_ingested: Undisturbed, copied: Callable[[Path], Path], moment: float
):
    home, (wanted, seconds) = copied(all_landed), all_ingested
    assert killed_at(home, moment * seconds, "ingest") or moment > 0.8
    assert neuro(home, "ingest") == 0
    assert_settled(home)
    assert_same(home, wanted, "raw")
    assert_no_orphans(home)
    assert_same(home, wanted, "raw")


@pytest.mark.parametrize("moment", MOMENTS[8:16])
def test_a_run_at_a_random_moment(
    all_ingested: Undisturbed, all_done: Undisturbed, copied: Callable[[Path], Path], moment: float
):
    home, (wanted, seconds) = copied(all_ingested[0]), all_done
    assert killed_at(home, moment * seconds, "run") or moment > 0.8
    assert neuro(home, "run") == 0
    assert started_runs(home) == []
    assert_settled(home)
    assert_same(home, wanted, "raw", "staging", "baselines")
    assert_no_orphans(home)
    assert_same(home, wanted, "raw", "staging", "baselines")


@pytest.mark.parametrize("moment", MOMENTS[16:])
def test_maintenance_at_a_random_moment(
    all_done: Undisturbed, all_maintained: Undisturbed, copied: Callable[[Path], Path], moment: float
):
    home, (wanted, seconds) = copied(all_done[0]), all_maintained
    assert killed_at(home, moment * seconds, "maintain") or moment > 0.8
    assert neuro(home, "maintain") == 0
    assert_same(home, wanted, "raw", "staging", "baselines")
    assert_no_orphans(home)
    assert_same(home, wanted, "raw", "staging", "baselines")
