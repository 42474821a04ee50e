"""Coverage of 1,000 people: a month at once, and what one more day costs when little or much lies behind it."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import polars as pl
import yaml

from neuro_assets.ingest.load import Ingest
from neuro_assets.simulate.minutes import changed, plant_minutes, scenario
from neuro_assets.simulate.minutes.study import MinuteStudy
from neuro_assets.simulate.minutes.truth import planted_tables
from neuro_assets.simulated_lake import fill_lake
from neuro_assets.streams.coverage import COVERAGE_TABLES
from neuro_assets_tests.benchmarks.homes import new_home
from neuro_assets_tests.benchmarks.memory import GB
from neuro_assets_tests.benchmarks.report import Section, Target
from neuro_assets_tests.benchmarks.timing import Apart, apart
from neuro_assets_tests.tables import one

PEOPLE, DAYS, LITTLE = 1_000, 30, 9
STREAMS = ("steps", "heart_rate", "calories", "intensity")
_COVER = """
from datetime import UTC, date, datetime
from pathlib import Path
from neuro_assets.coverage.compute import cover_days
from neuro_assets_tests.benchmarks.homes import job_of
import os, time
job = job_of(Path(os.environ["NEURO_HOME"]))
started = time.perf_counter()
with job.lake.connect() as connection:
    days = date.fromisoformat("{first}"), date.fromisoformat("{last}")
    cover_days(connection, job, *days, datetime(2030, 1, 1, tzinfo=UTC))
told["seconds"] = time.perf_counter() - started
"""
_COUNT = """
from pathlib import Path
from neuro_assets_tests.benchmarks.homes import job_of
import os, time
job = job_of(Path(os.environ["NEURO_HOME"]))
started = time.perf_counter()
with job.lake.connect() as connection:
    for stream in {streams!r}:
        connection.execute(
            f"CREATE TEMP TABLE counted_{{stream}} AS SELECT participant_id, day, hour(local_ts) AS hour,"
            f" count(DISTINCT date_trunc('minute', ts)) AS minutes FROM staging.{{stream}} GROUP BY ALL"
        )
told["seconds"] = time.perf_counter() - started
"""


def coverage(root: Path) -> Section:
    """A simulated month with every effect, straight in the lake, and the syncs of its devices."""
    plan = changed(
        scenario("full"), participants=PEOPLE, days=DAYS, zones={"America/New_York": 3, "America/Los_Angeles": 1}
    )
    study, first = plant_minutes(plan), plan.start
    with new_home(root) as job:
        expect_streams(job, first, DAYS, STREAMS)
        rows = sum(f.rows for f in fill_lake(job.lake, study, STREAMS))
        put_syncs(job, study)

        def cover(since: int, until: int) -> Apart:
            days = {"first": first + timedelta(days=since), "last": first + timedelta(days=until)}
            return apart(_COVER.format(**days), job.settings.home)

        counted = apart(_COUNT.format(streams=STREAMS), job.settings.home)
        whole = cover(0, DAYS - 1)
        hours = one(job.lake, "SELECT count(*) FROM coverage.hourly")
        with job.lake.connect() as connection, job.lake.transaction(connection, ["coverage"]):
            for table in COVERAGE_TABLES:
                connection.execute(f"DROP TABLE {table.qualified}")
        # Each day is new, and written with the one before it and the one after.
        cover(0, LITTLE)
        early = [cover(day, day) for day in range(LITTLE + 2, LITTLE + 5)]
        cover(LITTLE + 5, DAYS - 6)
        late = [cover(day, day) for day in range(DAYS - 4, DAYS - 1)]
    before, after = (median(m.told["seconds"] for m in days) for days in (early, late))
    lines = [
        (f"{DAYS} days at once", whole.told["seconds"], whole),
        (f"one more day, {LITTLE} days behind it", before, early[0]),
        (f"one more day, {DAYS - 6} days behind it", after, late[0]),
        ("the same rows counted by person, day and hour, by DuckDB alone", counted.told["seconds"], counted),
    ]
    return Section(
        "Coverage",
        f"{PEOPLE:,} simulated people with every effect, {DAYS} days, {len(STREAMS)} streams: {rows:,} minutes become"
        f" {hours:,} hours of the clock with their reasons. A day is written with the two beside it. One run each in a"
        " process of its own; of one more day the median of three days in turn.",
        ("work", "seconds", "memory"),
        [(name, f"{seconds:.1f}", f"{m.peak_bytes / GB:.2f} GB") for name, seconds, m in lines],
        (
            Target(f"{DAYS} days over counting their rows", whole.told["seconds"] / counted.told["seconds"], 6, "x"),
            Target("memory", whole.peak_bytes / GB, 2.5, "GB"),
            Target(f"one more day, {DAYS - 6} days behind it over {LITTLE}", after / before, 1.25, "x"),
        ),
    )


def expect_streams(job: Ingest, first: date, days: int, streams: Sequence[str], **rules: object) -> None:
    """Write the protocol: so many days, and what is expected on them."""
    path = job.settings.study_path
    fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    window = {"start": str(first), "end": str(first + timedelta(days=days - 1))}
    told = fields | {"window": window, "expected_streams": list(streams)} | rules
    path.write_text(yaml.safe_dump(told), encoding="utf-8")


def put_syncs(job: Ingest, study: MinuteStudy) -> None:
    """The history of the devices' syncs as staging has it."""
    syncs: pl.DataFrame = planted_tables(study)["device_sync"]
    with job.lake.connect() as connection, job.lake.transaction(connection, ["staging.device_sync"]):
        connection.register("frame_syncs", syncs.to_arrow())
        connection.execute(
            """
            INSERT INTO staging.device_sync BY NAME
            SELECT participant_id, synced_local::DATE AS day, timezone('UTC', synced_utc) AS ts,
                synced_local AS local_ts, 0 AS fold,
                (epoch(synced_local - synced_utc) / 60)::INTEGER AS utc_offset_min, 'd' || number AS device_id,
                battery_pct::INTEGER AS battery_pct, 'ok' AS time_quality, 'participant' AS tz_source,
                'simulated' AS source, 'f' AS file_id, row_number() OVER () AS row_number
            FROM frame_syncs ORDER BY day, participant_id
            """
        )
