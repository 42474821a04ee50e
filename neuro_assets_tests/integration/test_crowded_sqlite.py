"""Ingest, a backfill, dbt and two readers at once on a SQLite catalog: nobody fails, nobody sees half a file."""

import os
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets_tests.integration import crowd
from neuro_assets_tests.tables import load, stage

SECONDS = float(os.environ.get("CROWD_SECONDS", "300"))
FIRST, DAYS = date(2016, 3, 12), 49
pytestmark = [pytest.mark.verify, pytest.mark.timeout(int(SECONDS) + 900)]


@pytest.fixture(scope="module")
def job(make_job: Callable[..., Ingest], fitabase: dict[str, list[Path]]) -> Ingest:
    """A home with daily and hourly files of the public data staged."""
    job = make_job()
    load(job, *fitabase["daily_activity"], *fitabase["sleep_day"], *fitabase["hourly_steps"])
    for name in ("daily_activity", "daily_sleep", "steps"):
        stage(job, name, FIRST, date(2016, 5, 12))
    return job


def test_ingest_backfill_dbt_and_readers_side_by_side(job: Ingest, tmp_path: Path):
    def snapshots() -> int:
        with job.lake.connect(read_only=True) as connection:
            return connection.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchall()[0][0]

    first, started = snapshots(), time.monotonic()
    works = [
        (crowd.ingest_files, (job, SECONDS)),
        (crowd.stage_again, (job, FIRST, DAYS, SECONDS)),
        (crowd.run_dbt, (job.lake, tmp_path, SECONDS, False, True)),
        (crowd.read, (job.lake, 1, SECONDS)),
        (crowd.read, (job.lake, 2, SECONDS)),
    ]
    tallies = crowd.together(works, SECONDS + 600)
    commits = snapshots() - first
    crowd.tell(tallies, commits, time.monotonic() - started)
    assert [f for t in tallies for f in t.failures] == []
    assert min(t.done for t in tallies) > 0
    assert commits >= min(100, SECONDS / 3)
    with job.lake.connect(read_only=True) as connection:
        loaded = connection.execute(
            "SELECT count(*) FROM ops.landing_files WHERE status = 'loaded' AND original_name LIKE '%.csv'"
            " AND original_name SIMILAR TO '[0-9]+[.]csv'"
        ).fetchall()
        (doubles,) = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM staging.steps"
            " GROUP BY participant_id, period_s, local_ts, fold HAVING count(*) > 1)"
        ).fetchall()
    assert loaded == [(next(t.done for t in tallies if t.name == "ingest"),)]
    assert doubles == (0,)
