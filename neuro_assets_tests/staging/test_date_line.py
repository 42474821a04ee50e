"""A sleep over the date line ends on an earlier local day than it began; what is deleted of it is gone all the same."""

from datetime import date, datetime

import pytest

from neuro_assets.ingest.load import Ingest, ingest_paths
from neuro_assets.staging.stage import stage_days
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.google_health.pull_files import Given, pull_file, utc
from neuro_assets_tests.streams.test_gate import failures
from neuro_assets_tests.tables import query

NINTH, TENTH = date(2026, 3, 9), date(2026, 3, 10)
STREAMS = ("sleep_session", "sleep_stage")
# From Tokyo, at 01:00 of the tenth, to Los Angeles, where it is 16:00 of the ninth when seven hours are over.
FLIGHT = {
    "startTime": "2026-03-09T16:00:00Z",
    "startUtcOffset": "32400s",
    "endTime": "2026-03-09T23:00:00Z",
    "endUtcOffset": "-25200s",
}
SLEEP = {
    "dataPointName": "users/me/dataTypes/sleep/dataPoints/s1",
    "sleep": {
        "interval": FLIGHT,
        "type": "STAGES",
        "stages": [{**FLIGHT, "type": "LIGHT"}],
        "metadata": {"processed": True},
        "summary": {"minutesInSleepPeriod": "420", "minutesAsleep": "400", "minutesAwake": "20"},
    },
}


@pytest.fixture
def job(make_job) -> Ingest:
    return make_job(window={"start": "2026-03-01"}, google_health={})


def load(job: Ingest, at_day: int, points: list[dict]) -> None:
    """What the account had at ten in the morning of a day in March."""
    given = Given(utc(2026, 3, at_day, 10), date(2026, 3, 5), date(2026, 3, 11), {"sleep": points})
    found = [o.outcome for o in ingest_paths(job, [pull_file(job.settings.landing / "google_health", given)])]
    assert "rejected" not in found


def staged(job: Ingest, first: date, last: date) -> dict[str, list[tuple]]:
    """Stream -> days with rows, and how many, once a range is staged; nothing may be refused."""
    for name in STREAMS:
        told = stage_days(job, stream(name), first, last).totals()
        assert (told["rows_quarantined"], told["days_held"]) == (0, 0), name
    return {
        name: query(job.lake, f"SELECT day, count(*) FROM staging.{name} GROUP BY 1 ORDER BY 1") for name in STREAMS
    }


@pytest.mark.parametrize("first", [NINTH, TENTH])
def test_it_is_staged_and_once_it_is_deleted_it_is_gone_whichever_days_are_staged(job: Ingest, first: date):
    load(job, 10, [SLEEP])
    # Seven hours of half minutes.
    assert staged(job, first, TENTH) == {"sleep_session": [(TENTH, 1)], "sleep_stage": [(TENTH, 840)]}
    sql = "SELECT end_local_ts::VARCHAR, date_of_sleep, duration_s FROM staging.sleep_session"
    assert query(job.lake, sql) == [("2026-03-09 16:00:00", NINTH, 25_200)]
    load(job, 11, [])
    assert staged(job, first, TENTH) == {"sleep_session": [], "sleep_stage": []}


def test_the_day_on_which_it_began_is_staged_again_once_it_is_deleted(job: Ingest):
    load(job, 10, [SLEEP])
    with job.lake.connect() as connection, job.lake.transaction(connection, ["ops.outbox"]):
        connection.execute("DELETE FROM ops.outbox")
    load(job, 11, [])
    found = query(job.lake, "SELECT DISTINCT raw_table, day FROM ops.outbox ORDER BY 1")
    assert found == [(f"raw.google_health_{name}", TENTH) for name in STREAMS]


@pytest.mark.parametrize(
    ("row", "is_refused"),
    [
        # 12:00 and seven hours and a half, set back by 16 hours and by 26, as far as offsets are apart.
        ({"end_local_ts": datetime(2016, 4, 1, 3, 30)}, False),
        ({"end_local_ts": datetime(2016, 3, 31, 17, 30)}, False),
        ({"end_local_ts": datetime(2016, 3, 31, 17, 29, 59)}, True),
        ({"end_local_ts": datetime(2016, 4, 1, 3, 30), "duration_s": 0}, True),
        # Nothing says where it was: the date may as well be wrong.
        ({"end_local_ts": datetime(2016, 4, 1, 3, 30), "tz_source": "participant"}, True),
    ],
)
def test_how_far_a_clock_can_be_set_back(row: dict[str, object], *, is_refused: bool):
    found = failures(stream("sleep_session"), {}, {"tz_source": "payload", "duration_s": 27_000} | row)
    assert [rule for _, rule, *_ in found] == (["ends_after_it_begins"] if is_refused else [])
