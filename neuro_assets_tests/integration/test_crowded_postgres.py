"""Many processes on one PostgreSQL catalog: nobody fails; with the server restarted under them, nothing is torn."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Lake
from neuro_assets.lake.maintenance import maintain
from neuro_assets_tests.integration import crowd
from neuro_assets_tests.servers import Postgres
from neuro_assets_tests.tables import load, stage

SECONDS = float(os.environ.get("CROWD_SECONDS", "300"))
WRITERS = 4
FIRST, LAST = date(2016, 3, 12), date(2016, 5, 12)
OF_THE_CROWD = "status = 'loaded' AND original_name SIMILAR TO '[0-9]+[.]csv'"
pytestmark = [pytest.mark.verify, pytest.mark.timeout(int(SECONDS) + 900)]


@pytest.fixture(scope="module")
def job(postgres: Postgres, make_job: Callable[..., Ingest], fitabase: dict[str, list[Path]]) -> Ingest:
    """A lake on PostgreSQL with the daily and hourly files of the public data, the daily ones staged."""
    other = make_job()
    catalog = f"postgres:{postgres.new_database('crowded')}"
    job = replace(other, lake=replace(other.lake, catalog=catalog))
    load(job, *fitabase["daily_activity"], *fitabase["sleep_day"], *fitabase["hourly_steps"])
    for name in ("daily_activity", "daily_sleep"):
        stage(job, name, FIRST, LAST)
    return job


def rows(lake: Lake, sql: str) -> list[tuple]:
    """On a connection of its own: a kept one would not outlive a restart."""
    with lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def snapshots(lake: Lake) -> int:
    return rows(lake, "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')")[0][0]


def by_day(lake: Lake) -> list[tuple]:
    """Day, rows, people and a sum that a lost or doubled row changes."""
    return rows(
        lake,
        "SELECT day, count(*), count(DISTINCT participant_id), sum(steps)::BIGINT"
        f" FROM {crowd.TABLE} GROUP BY 1 ORDER BY 1",
    )


def single_files(lake: Lake) -> int:
    """Files that the crowd has loaded, each with all its rows and none more."""
    found = rows(
        lake,
        "SELECT count(*), sum(f.rows)::BIGINT, (SELECT count(*) FROM raw.fitabase_hourly_steps r SEMI JOIN"
        f" ops.landing_files l ON l.file_id = r.file_id AND {OF_THE_CROWD})"
        f" FROM ops.landing_files f WHERE {OF_THE_CROWD}",
    )
    ((files, told, there),) = found
    assert (told or 0) == there
    return files


def assert_a_crowd_changes_nothing(
    job: Ingest, folder: Path, *, is_disturbed: bool, meanwhile: Callable[[], None] | None = None
) -> None:
    """The proof; everything that can be told afterwards is held against what was there before."""
    lake = job.lake
    before, first = by_day(lake), snapshots(lake)
    days = [day for day, *_ in before][:12]
    works = [(crowd.rewrite_days, (lake, n, days, SECONDS, is_disturbed)) for n in range(WRITERS)]
    works.append((crowd.run_dbt, (lake, folder, SECONDS, is_disturbed)))
    works.append((crowd.ingest_files, (job, SECONDS, is_disturbed)))
    works.append((crowd.read, (lake, 1, SECONDS, is_disturbed)))
    loaded = single_files(lake)
    started = time.monotonic()
    tallies = crowd.together(works, SECONDS + 600, meanwhile)
    commits = snapshots(lake) - first
    crowd.tell(tallies, commits, time.monotonic() - started)
    assert [f for t in tallies for f in t.failures] == []
    assert min(t.done for t in tallies) > 0
    assert is_disturbed or commits >= sum(t.done for t in tallies if not t.name.startswith("reader"))
    assert by_day(lake) == before
    # The second proof's ingest begins at the first file again: what is there already is not loaded twice.
    ingested = next(t.done for t in tallies if t.name == "ingest")
    assert single_files(lake) == max(loaded, ingested)
    marks = rows(lake, f"SELECT day, min(row_number), max(row_number) FROM {crowd.TABLE} GROUP BY 1 ORDER BY 1")
    rewritten = [(low, high) for _, low, high in marks if high >= crowd.MARK]
    assert rewritten
    assert [pair for pair in rewritten if pair[0] != pair[1]] == []


def test_nobody_fails_and_every_day_is_wholly_of_one_writer(job: Ingest, tmp_path: Path):
    assert_a_crowd_changes_nothing(job, tmp_path, is_disturbed=False)


def test_a_restarted_server_tears_nothing(job: Ingest, tmp_path: Path, postgres: Postgres):
    def restart_twice() -> None:
        for mode in ("immediate", "fast"):
            time.sleep(SECONDS / 3)
            postgres.restart(mode)

    assert_a_crowd_changes_nothing(job, tmp_path, is_disturbed=True, meanwhile=restart_twice)


def test_maintenance_beside_writers_changes_nothing(job: Ingest, tmp_path: Path):
    """Merging, rewriting and forgetting everything past, with the least grace a reader needs, while four write."""
    reports = []

    def maintain_again_and_again() -> None:
        until = time.monotonic() + SECONDS / 2
        while time.monotonic() < until:
            reports.append(maintain(job.lake, keep_days=0, grace_hours=20 / 3600))

    crowded_for = until_maintained(job.lake, tmp_path, maintain_again_and_again)
    print(
        f"  {len(reports)} maintenances, {sum(r.files_removed for r in reports)} files removed in {crowded_for:.0f} s"
    )
    assert sum(r.files_removed for r in reports) > 0


def until_maintained(lake: Lake, folder: Path, meanwhile: Callable[[], None]) -> float:
    """Writers and dbt beside `meanwhile`; how long it took."""
    before = by_day(lake)
    days = [day for day, *_ in before][:12]
    started = time.monotonic()
    works = [(crowd.rewrite_days, (lake, n, days, SECONDS / 2, False)) for n in range(WRITERS)]
    works.append((crowd.run_dbt, (lake, folder, SECONDS / 2, False)))
    tallies = crowd.together(works, SECONDS + 600, meanwhile)
    crowd.tell(tallies, sum(t.done for t in tallies), time.monotonic() - started)
    assert [f for t in tallies for f in t.failures] == []
    assert by_day(lake) == before
    return time.monotonic() - started
