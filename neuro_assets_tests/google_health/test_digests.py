"""The digest of a day is of that day's rows: what other days of the frame have changes none."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_assets.ingest.load import ingest_paths
from neuro_assets.sources.google_health.chunks import chunks_of
from neuro_assets_tests.google_health.pull_files import Given, pull_file, utc

BEGIN = datetime(2026, 3, 1)
SCHEMA = {"local_time": pl.Datetime("us"), "device": pl.String, "steps": pl.Int64, "km": pl.Float64,
          "is_main": pl.Boolean, "chunk_day": pl.Date}  # fmt: skip
ROWS = st.tuples(
    st.integers(0, 3),
    st.sampled_from([None, "", "a", "b"]),
    st.sampled_from([None, 0, 1]),
    st.sampled_from([None, 0.0, 1.5]),
    st.sampled_from([None, False, True]),
)
DAYS = st.lists(st.lists(ROWS, min_size=1, max_size=4), min_size=1, max_size=4)


def frame_of(days: dict[int, list[tuple]]) -> pl.DataFrame:
    rows = [(BEGIN + timedelta(days=n, minutes=r[0]), *r[1:], date(2026, 3, 1 + n)) for n, d in days.items() for r in d]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def digests(days: dict[int, list[tuple]]) -> dict[date, str]:
    return {day: digest for day, _, digest in chunks_of(frame_of(days))}


@given(DAYS)
def test_a_day_has_one_digest_alone_and_beside_others(days):
    together = digests(dict(enumerate(days)))
    assert together == {day: d for n, rows in enumerate(days) for day, d in digests({n: rows}).items()}


@given(DAYS, DAYS)
def test_two_days_have_one_digest_only_if_they_have_the_same_rows(one, other):
    def same(rows: list[tuple]) -> list[str]:
        return sorted(map(repr, rows))

    (a,), (b,) = digests({0: one[0]}).values(), digests({0: other[0]}).values()
    assert (a == b) == (same(one[0]) == same(other[0]))


def test_a_text_that_all_rows_share_is_told_with_how_many_they_are():
    names = pl.DataFrame({"device": ["a", "a", "a"], "chunk_day": [date(2026, 3, n) for n in (1, 1, 2)]})
    assert len({digest for _, _, digest in chunks_of(names)}) == 2


@pytest.mark.verify
def test_a_pull_whose_days_have_moved_on_finds_the_others_as_they_were(make_job):
    """The exercise of the 1st has no distance; once the pull begins on the 2nd, all that it finds have one."""
    job = make_job(window={"start": "2026-02-25"}, google_health={})

    def exercise(day: int) -> dict:
        span = {"startTime": f"2026-03-{day:02}T17:00:00Z", "startUtcOffset": "-18000s",
                "endTime": f"2026-03-{day:02}T17:30:00Z", "endUtcOffset": "-18000s"}  # fmt: skip
        sums = {"caloriesKcal": 100.0} | ({} if day == 1 else {"distanceMillimeters": 1e6})
        own = {"interval": span, "exerciseType": "RUNNING", "metricsSummary": sums}
        return {"dataPointName": f"users/me/dataTypes/exercise/dataPoints/{day}", "exercise": own}

    for n, first in enumerate((1, 2)):
        points = [exercise(day) for day in range(7, first - 1, -1)]
        pulled = Given(utc(2026, 3, 9 + n, 10), date(2026, 3, first), date(2026, 3, 9), {"exercise": points})
        list(ingest_paths(job, [pull_file(job.settings.landing / "google_health", pulled)]))
    with job.lake.connect(read_only=True) as connection:
        assert connection.execute("SELECT changed_days FROM ops.pulls ORDER BY fetched_at").fetchall() == [(7,), (0,)]
        assert connection.execute("SELECT count(*) FROM raw.google_health_exercise").fetchone() == (7,)
