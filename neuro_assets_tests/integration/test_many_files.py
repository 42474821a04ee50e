"""10,000 small files dropped at once: the sensor stays quick, its batches bounded, and every file is loaded once."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from neuro_assets.automation.landing import build_landing_sensor
from neuro_assets_tests.benchmarks.small_files import DAYS, write_small_files
from neuro_assets_tests.study_homes import QUIET, StudyHome
from neuro_assets_tests.tables import load, one, query

pytestmark = [pytest.mark.verify, pytest.mark.timeout(3600)]

FILES, TICK_S, MOST_AT_ONCE = 10_000, 10.0, 500
RAW = "raw.fitabase_hourly_steps"


def test_ten_thousand_files(
    make_home: Callable[..., StudyHome], make_job: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    home = make_home(window={"start": "2016-03-12", "end": "2016-07-12"})
    paths = write_small_files(home.settings.landing, FILES)
    long_ago = time.time() - 60
    for path in paths:
        os.utime(path, (long_ago, long_ago))
    sensor, job = build_landing_sensor(home.settings), home.definitions.resolve_job_def("ingest")
    cursor, ticks, batches, started = None, [], [], time.monotonic()
    while True:
        tick = time.monotonic()
        told = sensor.evaluate_tick(dg.build_sensor_context(home.instance, cursor))
        ticks.append(time.monotonic() - tick)
        cursor = told.cursor if told.cursor is not None else cursor
        if told.skip_message == "landing/ is empty":
            break
        for request in told.run_requests or []:
            batches.append(len(request.run_config["ops"]["ingest_files"]["config"]["names"]))
            assert job.execute_in_process(instance=home.instance, run_config=request.run_config | QUIET).success
    many = time.monotonic() - started
    lake = home.lake
    assert query(lake, "SELECT status, count(*), sum(rows)::BIGINT FROM ops.landing_files GROUP BY status") == [
        ("loaded", FILES, FILES * 24)
    ]
    assert one(lake, f"SELECT count(*) FROM {RAW}") == FILES * 24
    assert one(lake, f"SELECT count(DISTINCT (source_participant_id, local_ts)) FROM {RAW}") == FILES * 24
    assert one(lake, f"SELECT count(DISTINCT day) FROM {RAW}") == DAYS
    assert one(lake, "SELECT count(*) FROM ops.outbox") == 0

    single = make_job()
    whole = tmp_path / "hourlySteps_merged.csv"
    lines = [
        line for path in sorted(home.settings.archive.rglob("*.csv")) for line in path.read_text().splitlines()[1:]
    ]
    whole.write_text("Id,ActivityHour,StepTotal\n" + "\n".join(lines) + "\n")
    started = time.monotonic()
    (outcome,) = load(single, whole)
    alone = time.monotonic() - started
    assert outcome.line.rows == FILES * 24
    with capsys.disabled():
        print(
            f"\n{FILES:,} files in {len(batches)} runs of at most {max(batches)}: {many:.0f} s,"
            f" {many / FILES * 1e3:.0f} ms a file; longest tick {max(ticks):.2f} s;"
            f" one file with the same {FILES * 24:,} rows: {alone:.1f} s"
        )
    assert sum(batches) == FILES
    assert max(batches) <= MOST_AT_ONCE
    assert max(ticks) < TICK_S
