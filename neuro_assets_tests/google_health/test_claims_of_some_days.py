"""A pull that asks for some of its days alone says nothing of the others, in whatever order pull files come."""

import itertools
from datetime import date, datetime, timedelta

import pytest

from neuro_assets.ingest.load import Ingest, ingest_paths
from neuro_assets.staging.stage import stage_days
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.google_health.pull_files import Given, pull_file, utc

pytestmark = pytest.mark.verify
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 5)
NOON = utc(2026, 3, 2, 17)


def beats(begin: datetime, bpm: int, count: int = 5) -> list[dict]:
    moments = (begin + timedelta(seconds=n) for n in range(count))
    times = ({"physicalTime": f"{m:%Y-%m-%dT%H:%M:%SZ}", "utcOffset": "-18000s"} for m in moments)
    return [{"heartRate": {"beatsPerMinute": str(bpm), "sampleTime": t}} for t in times]


def given(day: int, only: list[int], points: list[dict]) -> Given:
    days = [date(2026, 3, d) for d in only]
    return Given(utc(2026, 3, day, 10), FIRST, LAST, {"heart-rate": points[::-1]}, only=days)


def staged(job: Ingest, *pulls: Given) -> list[tuple]:
    for one in pulls:
        *_, last = ingest_paths(job, [pull_file(job.settings.landing / "google_health", one)])
        assert last.outcome == "unpacked"
    stage_days(job, stream("heart_rate"), FIRST, LAST)
    with job.lake.connect(read_only=True) as connection:
        return connection.execute("SELECT day, value::INTEGER, count(*) FROM staging.heart_rate GROUP BY ALL"
                                  " ORDER BY ALL").fetchall()  # fmt: skip


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::3])
def test_days_that_were_not_asked_for_stay(make_job, order):
    """The 2nd is read once, the 3rd is read, rewritten and emptied, the last pull asks for no samples at all."""
    second, third = beats(NOON, 70), beats(NOON + timedelta(days=1), 71, 3)
    pulls = [
        given(4, [2, 3], second + third),
        given(5, [3], beats(NOON + timedelta(days=1), 72, 4)),
        given(6, [3, 4], beats(NOON + timedelta(days=2), 73, 2)),
        given(7, [], []),
    ]
    job = make_job(window={"start": "2026-02-25"}, google_health={"heart_rate": "raw"})
    assert staged(job, *(pulls[n] for n in order)) == [(date(2026, 3, 2), 70, 5), (date(2026, 3, 4), 73, 2)]
