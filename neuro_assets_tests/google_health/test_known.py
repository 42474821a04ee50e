"""What a pull knows from those before: from when on to ask, whose account it was, and in which zone."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from neuro_assets.connectors.google_health.known import read_fingerprints, read_states, read_zones
from neuro_assets.connectors.google_health.windows import TypeState, delta
from neuro_assets.ingest.load import prepare_lake
from neuro_assets.lake.frames import insert_frame
from neuro_assets.sources.google_health.chunks import EMPTY
from neuro_assets.sources.google_health.data_types import BY_NAME, FINGERPRINT
from neuro_assets.streams.pulls import PULL_CLAIMS, PULLS
from neuro_assets.study_google_health import GoogleHealthRules

NOW = datetime(2026, 11, 20, 5, 30, tzinfo=UTC)
DAY = timedelta(days=1)
ALWAYS = (date(2026, 1, 1), None)


@pytest.fixture
def job(make_job):
    job = make_job(window={"start": "2026-01-01"}, google_health={})
    prepare_lake(job.lake, job.tables)
    return job


def line(at: datetime, **others) -> dict:
    """A complete delta of steps, the tracker synced an hour before."""
    known = {
        "participant_id": "P1", "source": "google_health", "data_type": "steps", "fetched_at": at,
        "outcome": "complete", "is_delta": True, "first_day": (at - 100 * DAY).date(), "last_day": at.date(),
        "last_sync_at": at - DAY / 24, "tracker_syncs": (at - DAY / 24).isoformat(), "zone": "America/New_York",
        "reading": "reconcile", "requests": 1, "points": 0, "changed_days": 0, "pull_id": f"{at:%s}",
    }  # fmt: skip
    return known | others


def claim(day: date, at: datetime, digest: str, data_type: str = "steps") -> dict:
    return {
        "participant_id": "P1", "source": "google_health", "data_type": data_type, "file_kind": data_type,
        "chunk_day": day, "fetched_at": at, "digest": digest, "rows": 0, "file_id": "f", "claim_no": 1,
    }  # fmt: skip


def known(job, *lines: dict, claims: tuple[dict, ...] = (), since: dict[str, datetime] | None = None):
    """What is read of P1 in a lake of these lines."""
    with job.lake.connect() as connection:
        insert_frame(connection, PULLS, pl.DataFrame(list(lines), infer_schema_length=None))
        if claims:
            insert_frame(connection, PULL_CLAIMS, pl.DataFrame(list(claims)))
        states = read_states(connection, ["P1"], NOW, since or {})["P1"]
        zones = [(z.until, z.zone) for z in read_zones(connection, ["P1"], since or {})["P1"]]
        return states, zones, read_fingerprints(connection, ["P1"], since or {})


def first(state: TypeState, *syncs: datetime) -> date:
    days = delta(BY_NAME["steps"], state, NOW, "America/New_York", GoogleHealthRules(), ALWAYS, syncs)
    assert days is not None
    return days.first


def test_days_that_somebody_names_move_no_watermark_also_where_today_is_among_them(job):
    ago = NOW - 20 * DAY
    states, _, _ = known(job, line(ago), line(NOW - DAY, is_delta=False, first_day=NOW.date() - DAY))
    assert states["steps"].fetched_at == ago
    assert states["steps"].tried_at == NOW - DAY
    assert first(states["steps"], NOW) == date(2026, 10, 29)  # the sync of then, less 36 hours


def test_who_was_only_asked_for_named_days_has_the_first_pull_before_them(job):
    states, _, _ = known(job, line(NOW - DAY, is_delta=False))
    assert first(states["steps"]) == date(2026, 11, 20) - timedelta(days=90)


def test_days_before_those_that_were_ever_asked_for_are(job):
    """A pull file of yesterday is all that the lake has, or the person was enrolled earlier than the study knew."""
    states, _, _ = known(job, line(NOW - DAY, first_day=date(2026, 11, 10)), line(NOW - 2 * DAY, is_delta=False))
    assert states["steps"].first_day == date(2026, 11, 10)
    assert first(states["steps"]) == date(2026, 11, 20) - timedelta(days=90)
    states, _, _ = known(job, line(NOW - DAY / 2, first_day=date(2026, 8, 22)))
    assert first(states["steps"]) == date(2026, 11, 12)


def test_a_line_of_before_there_were_deltas_is_none(job):
    states, _, _ = known(job, line(NOW - DAY, is_delta=None))
    assert states["steps"].fetched_at is None


def test_what_was_asked_of_somebody_who_had_left_counts(job):
    states, _, _ = known(job, line(NOW - DAY, last_day=NOW.date() - 4 * DAY))
    assert states["steps"].fetched_at == NOW - DAY


def test_a_tracker_that_is_gone_leaves_no_watermark_of_its_own(job):
    gone = line(NOW - DAY, tracker_syncs=None, last_sync_at=None)
    states, _, _ = known(job, line(NOW - 40 * DAY), gone, claims=(claim(date(2026, 11, 18), NOW - DAY, "x"),))
    assert states["steps"].syncs == ()
    assert first(states["steps"]) == date(2026, 11, 12)  # as always, and not since the last sync of all


def test_without_a_sync_the_last_day_with_something_on_it_is_known(job):
    """A tracker that was silent for twelve days, of a person who does not let syncs be read."""
    silent = line(NOW - DAY, tracker_syncs=None, last_sync_at=None)
    claims = (
        claim(date(2026, 11, 8), NOW - 10 * DAY, "x"),
        claim(date(2026, 11, 10), NOW - 10 * DAY, "y"),
        claim(date(2026, 11, 10), NOW - 5 * DAY, EMPTY),  # deleted since
        claim(date(2026, 11, 19), NOW - DAY, "z", data_type="weight"),
    )
    states, _, _ = known(job, silent, claims=claims)
    assert states["steps"].newest_day == date(2026, 11, 8)
    assert first(states["steps"]) == date(2026, 11, 6)


def test_what_was_pulled_of_an_account_that_is_forgotten_is_not_known(job):
    lines = (line(NOW - 2 * DAY), line(NOW - DAY, data_type="sleep"))
    marks = (claim(date(2026, 11, 8), NOW - 2 * DAY, "x", data_type=FINGERPRINT),)
    states, zones, looks = known(job, *lines, claims=marks, since={"P1": NOW - 1.5 * DAY})
    assert set(states) == {"sleep"}
    assert [z for _, z in zones] == ["America/New_York"]
    assert looks == {}
    with job.lake.connect(read_only=True) as connection:
        assert read_fingerprints(connection, ["P1"], {}) == {"P1": {date(2026, 11, 8): "x"}}


def test_zones_are_known_in_their_order(job):
    told = ["America/New_York", "America/New_York", "Asia/Tokyo", "America/New_York", None, "America/New_York"]
    lines = [line(NOW - (6 - n) * DAY, zone=zone) for n, zone in enumerate(told)]
    lines.append(line(NOW - 2.5 * DAY, zone="UTC", outcome="failed"))  # its settings could not be read
    _, zones, _ = known(job, *lines)
    assert zones == [
        (NOW - 5 * DAY, "America/New_York"),
        (NOW - 4 * DAY, "Asia/Tokyo"),
        (NOW - DAY, "America/New_York"),
    ]
