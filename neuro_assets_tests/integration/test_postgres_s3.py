"""The whole way on PostgreSQL and S3, by itself: dropped files become the tables that an embedded home gives."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import psycopg2
import pytest
import yaml

from neuro_assets.lake.lake import Lake, LakeError
from neuro_assets.settings import load_settings
from neuro_assets_tests.command import NEURO
from neuro_assets_tests.integration.test_killed import TIMES
from neuro_assets_tests.servers import Postgres, Store, free_port
from neuro_assets_tests.study_homes import PROTOCOL

pytestmark = [pytest.mark.verify, pytest.mark.timeout(3600)]
PREFIX = "fitabase study"
# Longer than two looks of the sensors that start runs by themselves.
QUIET_S = 75.0
WAIT_S = 1500.0


@dataclass(frozen=True)
class Home:
    """A home and the environment that its commands are started in."""

    folder: Path
    environment: dict[str, str]

    @property
    def lake(self) -> Lake:
        """Its lake."""
        return Lake.from_settings(load_settings(self.environment))

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A `neuro` command; its output goes to a file in the home."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{arguments[0]}.out").open("ab") as out:
            return subprocess.Popen([NEURO, *arguments], env=self.environment, stdout=out, stderr=out, cwd=self.folder)

    def run(self, *arguments: str) -> None:
        """A command, to its end."""
        code = self.start(*arguments).wait(900)
        assert code == 0, (self.folder / f"{arguments[0]}.out").read_text()[-4000:]

    def rows(self, sql: str) -> list[tuple]:
        """The rows of a query."""
        with self.lake.connect(read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def tables(self) -> dict[str, pl.DataFrame]:
        """Staging, baselines and raw as they are, without the times at which things happened, in a fixed order."""
        with self.lake.connect(read_only=True) as connection:
            names = connection.execute(
                "SELECT table_schema || '.' || table_name FROM information_schema.tables"
                " WHERE table_schema IN ('raw', 'staging', 'baselines') ORDER BY 1"
            ).fetchall()
            frames = {name: connection.execute(f"SELECT * FROM {name}").pl() for (name,) in names}
        kept = {name: f.select(c for c in f.columns if c not in TIMES) for name, f in frames.items()}
        return {name: f.sort(f.columns) for name, f in kept.items()}

    def drop(self, files: list[Path]) -> None:
        """Put copies of files into landing/."""
        for path in files:
            shutil.copy(path, self.folder / "landing" / f"{path.parent.name}_{path.name}")


def new_home(folder: Path, **environment: str) -> Home:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NEURO_", "DAGSTER_", "AWS_"))}
    folder.mkdir(parents=True)
    (folder / "landing").mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump(PROTOCOL))
    return Home(folder, clean | {"NEURO_HOME": str(folder), "NEURO_SETTLE_S": "1", **environment})


@pytest.fixture(scope="module")
def files(shared_data: Path) -> list[Path]:
    """The five kinds of file that both periods have."""
    first, second = sorted((shared_data / "fitabase").glob("period*"))
    found = [folder / p.name for p in sorted(first.glob("*.csv")) for folder in (first, second)]
    found = [p for p in found if p.exists()]
    assert len(found) == 10
    return found


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory, files: list[Path]) -> Home:
    """The same files in a home that needs no server, loaded by hand."""
    home = new_home(tmp_path_factory.mktemp("embedded") / "home")
    home.drop(files)
    home.run("ingest")
    home.run("run")
    return home


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, store: Store) -> Iterator[Home]:
    """A home with its catalog and Dagster's records in PostgreSQL and its data files in S3."""
    postgres.new_database("catalog")
    postgres.new_database("dagster")
    home = new_home(
        tmp_path_factory.mktemp("served") / "home",
        NEURO_CATALOG=f"postgres:{postgres.url('catalog')}",
        NEURO_DATA=f"s3://{store.bucket}/{PREFIX}",
        NEURO_DAGSTER_STORAGE=postgres.url("dagster"),
        **store.environment,
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in store.environment.items():
            patch.setenv(name, value)
        yield home


@pytest.fixture(scope="module")
def dev(served: Home) -> Iterator[subprocess.Popen[bytes]]:
    """`neuro dev` on the home; stopped as a person stops it."""
    process = served.start("dev", "--port", str(free_port()))
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def wait_until(is_so: Callable[[], bool], what: str, process: subprocess.Popen[bytes]) -> None:
    """Look every two seconds."""
    until = time.monotonic() + WAIT_S
    while not is_so():
        assert process.poll() is None, "neuro dev has ended"
        assert time.monotonic() < until, what
        time.sleep(2)


def runs(postgres: Postgres) -> list[tuple[str, str]]:
    """Job and status of every run."""
    try:
        return postgres.sql("SELECT pipeline_name, status FROM runs ORDER BY id", "dagster")
    except psycopg2.errors.UndefinedTable:
        return []


def are_quiet(postgres: Postgres, for_s: float) -> bool:
    """Whether no run was under way or was added for so long."""
    before, until = runs(postgres), time.monotonic() + for_s
    while time.monotonic() < until:
        time.sleep(3)
        if runs(postgres) != before or any(status not in {"SUCCESS", "FAILURE"} for _, status in before):
            return False
    return True


def arrivals(home: Home) -> dict[str, int]:
    """Outcome -> arrivals; none as long as there is no lake and no table."""
    try:
        return dict(home.rows("SELECT outcome, count(*) FROM ops.landing_arrivals GROUP BY 1"))
    except (LakeError, duckdb.CatalogException):
        return {}


def test_dropped_files_become_the_same_tables_by_themselves(
    served: Home,
    embedded: Home,
    dev: subprocess.Popen[bytes],
    files: list[Path],
    postgres: Postgres,
    store: Store,
):
    wait_until(lambda: bool(runs(postgres)) or (served.folder / "dagster").exists(), "neuro dev did not start", dev)
    started = time.monotonic()
    served.drop(files)
    wait_until(lambda: arrivals(served).get("loaded") == len(files), "the files were not loaded", dev)
    loaded_s = time.monotonic() - started
    wait_until(lambda: are_quiet(postgres, QUIET_S), "runs did not come to an end", dev)
    settled_s = time.monotonic() - started - QUIET_S
    assert {status for _, status in runs(postgres)} == {"SUCCESS"}
    assert arrivals(served) == {"loaded": len(files)}
    mine, wanted = served.tables(), embedded.tables()
    assert mine.keys() == wanted.keys()
    assert [name for name in mine if not mine[name].equals(wanted[name])] == []
    assert min(len(mine[f"baselines.{name}"]) for name in ("user_baseline_activity", "user_engagement_trend")) > 30
    assert_daily_activity_is_what_pandas_reads(served, files)
    jobs = [job for job, _ in runs(postgres)]
    print(
        f"\n{len(files)} files loaded after {loaded_s:.0f} s, {len(mine)} tables, {sum(map(len, mine.values()))} rows"
        f" equal to the embedded home's after {settled_s:.0f} s; {jobs.count('ingest')} ingests, {len(jobs)} runs;"
        f" {len(store.names(PREFIX))} objects in the store"
    )

    served.drop(files)
    wait_until(lambda: arrivals(served).get("duplicate") == len(files), "the copies were not taken", dev)
    wait_until(lambda: are_quiet(postgres, QUIET_S), "runs did not come to an end", dev)
    assert arrivals(served) == {"loaded": len(files), "duplicate": len(files)}
    again = [job for job, _ in runs(postgres)][len(jobs) :]
    assert set(again) == {"ingest"}
    assert {name: frame.height for name, frame in served.tables().items()} == {n: f.height for n, f in mine.items()}

    assert postgres.sql("SELECT DISTINCT value FROM run_tags WHERE key = 'neuro/host'", "dagster") == [
        (socket.gethostname(),)
    ]
    stop(dev)
    assert_nobody_is_left(served)
    assert_no_secret_is_kept(served, postgres, store)
    assert_data_files_are_encrypted_and_nowhere_else(served, store)


def assert_daily_activity_is_what_pandas_reads(home: Home, files: list[Path]) -> None:
    """Both periods have 12 April: the second one, which saw the whole of that day, stands."""
    parts = [pd.read_csv(p) for p in files if p.name.startswith("dailyActivity")]
    wanted = pd.concat(parts).drop_duplicates(["Id", "ActivityDate"], keep="last")
    assert 700 < len(wanted) < sum(map(len, parts))
    expected = sorted(
        (str(i), d.date(), int(s), round(float(k), 6), int(c))
        for i, d, s, k, c in zip(
            wanted["Id"],
            pd.to_datetime(wanted["ActivityDate"], format="%m/%d/%Y"),
            wanted["TotalSteps"],
            wanted["TotalDistance"],
            wanted["Calories"],
            strict=True,
        )
    )
    found = home.rows("SELECT participant_id, day, steps, distance_km, calories_kcal FROM staging.daily_activity")
    assert sorted((i, d, int(s), round(float(k), 6), int(c)) for i, d, s, k, c in found) == expected


def assert_nobody_is_left(home: Home) -> None:
    """No process of this machine has the home in its environment."""
    mark = f"NEURO_HOME={home.folder}".encode()
    until = time.monotonic() + 60
    while left := [p for p in Path("/proc").glob("[0-9]*") if is_of(p, mark)]:
        assert time.monotonic() < until, [p.name for p in left]
        time.sleep(1)


def is_of(process: Path, mark: bytes) -> bool:
    try:
        return mark in (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def assert_no_secret_is_kept(home: Home, postgres: Postgres, store: Store) -> None:
    """Neither in the home's files, nor in what Dagster wrote down, nor in dbt's logs."""
    secrets = [postgres.password, store.secret]
    for secret in secrets:
        assert [p for p in home.folder.rglob("*") if p.is_file() and secret.encode() in p.read_bytes()] == []
        for table, column in (("event_logs", "event"), ("runs", "run_body"), ("job_ticks", "tick_body")):
            told = postgres.sql(f"SELECT count(*) FROM {table} WHERE {column} LIKE '%{secret}%'", "dagster")
            assert told == [(0,)], table
    logs = Path(__file__).parents[2] / "dbt_project"
    assert [p for p in logs.rglob("*.log") if any(s.encode() in p.read_bytes() for s in secrets)] == []


def assert_data_files_are_encrypted_and_nowhere_else(home: Home, store: Store) -> None:
    names = store.names(PREFIX)
    assert len(names) > 100
    assert [n for n in names if n.startswith(f"{PREFIX}/staging/daily_activity/")] != []
    assert all(store.body(n)[:4] == b"PARE" for n in names[:20])
    assert list(home.folder.rglob("*.parquet")) == []
