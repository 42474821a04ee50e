"""A study that began with the vendor's earlier interface goes on here, and the day on which it did is told."""

import json
from datetime import date, timedelta

from neuro_assets.checks.google_health import break_check_result
from neuro_assets.coverage.source_breaks import source_breaks
from neuro_assets.ingest.load import ingest_paths
from neuro_assets.staging.stage import stage_days
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.google_health.pull_files import Given, minutes, pull_file, steps_of, utc

DAY = timedelta(days=1)


def of_fitbit(folder, participant: str, day: date) -> None:
    """A day's answer of the earlier interface."""
    path = folder / participant / f"steps_{day}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset = [{"time": f"10:{m:02d}:00", "value": m} for m in range(30)]
    path.write_text(
        json.dumps(
            {
                "activities-steps": [{"dateTime": f"{day}", "value": "435"}],
                "activities-steps-intraday": {"dataset": dataset, "datasetInterval": 1, "datasetType": "minute"},
            }
        )
    )


def test_the_first_day_of_the_new_source_is_told(make_job):
    job = make_job(window={"start": "2026-02-01"}, google_health={})
    for participant, days in {"P1": (1, 2, 3), "P2": (1,), "P3": ()}.items():
        for day in days:
            of_fitbit(job.settings.landing, participant, date(2026, 2, day))
    began = {"P1": 4, "P2": 20, "P3": 4, "P4": 4}
    span = (date(2026, 2, 1), date(2026, 2, 25))
    given = [
        Given(utc(2026, 2, 25, 6), *span, steps_of(minutes(utc(2026, 2, d, 17), [5])), who) for who, d in began.items()
    ]
    pull_file(job.settings.landing / "google_health", *given)
    found = [o.outcome for o in ingest_paths(job, sorted(job.settings.landing.rglob("*.*")))]
    assert "rejected" not in found
    stage_days(job, stream("steps"), date(2026, 2, 1), date(2026, 2, 25))
    stage_days(job, stream("daily_steps"), date(2026, 2, 1), date(2026, 2, 25))
    with job.lake.connect(read_only=True) as connection:
        breaks = source_breaks(connection, job)
    assert breaks.rows() == [
        ("P1", "steps", date(2026, 2, 4), "google_health", "fitbit_web_api", date(2026, 2, 3), 0),
        ("P2", "steps", date(2026, 2, 20), "google_health", "fitbit_web_api", date(2026, 2, 1), 18),
    ]
    result = break_check_result(breaks)
    assert not result.passed
    assert result.metadata["examples"].value == "P2 steps: 18 days"
    assert break_check_result(breaks.head(1)).passed
