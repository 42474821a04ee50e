"""What has no offset of its own is told by the zone that the account had then, and by that zone's clock."""

import json
from datetime import date, datetime, timedelta

import pytest

from neuro_assets.ingest.load import ingest_paths
from neuro_assets.sources.google_health import chunks
from neuro_assets.sources.google_health.account import decode_devices
from neuro_assets.sources.google_health.around import zone_at
from neuro_assets.sources.google_health.contract import decode_rollup
from neuro_assets.sources.google_health.data_types import BY_NAME
from neuro_assets.sources.google_health.pages import fingerprint
from neuro_assets.sources.google_health.pull_file import ZoneBefore
from neuro_assets.sources.google_health.rows import Around, device_rows, offsets_of, rows_of
from neuro_assets.staging.stage import stage_days
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.google_health.points_of import page_of, steps, told, window, windows_from
from neuro_assets_tests.google_health.pull_files import NEW_YORK, Given, pull_file, utc

# Berlin up to noon of the 2nd, New York up to noon of the 10th, Tokyo since (UTC).
BERLIN_UNTIL = ZoneBefore(utc(2026, 1, 2, 12), "Europe/Berlin")
NEW_YORK_UNTIL = ZoneBefore(utc(2026, 1, 10, 12), NEW_YORK)
PULSE = {"beatsPerMinuteAvg": 70, "beatsPerMinuteMin": 69, "beatsPerMinuteMax": 71}


def hours(begin: datetime, count: int) -> list[dict]:
    """A minute of heart rate an hour, as windows of a roll-up, the newest first."""
    starts = (begin + timedelta(hours=h) for h in reversed(range(count)))
    return [window(f"{s:%Y-%m-%dT%H:%MZ}", heartRate=PULSE) for s in starts]


@pytest.mark.parametrize("zones", [(BERLIN_UNTIL, NEW_YORK_UNTIL), (NEW_YORK_UNTIL, BERLIN_UNTIL)])
def test_windows_and_syncs_are_told_by_the_zone_of_their_moment(zones):
    around = Around("Asia/Tokyo", zones_before=zones)
    times = ("2026-01-02T12:00Z", "2026-01-02T12:01Z", "2026-01-10T12:00Z", "2026-01-10T12:01Z")
    body = json.dumps({"rollupDataPoints": [window(t, heartRate=PULSE) for t in times]}).encode()
    found = rows_of(BY_NAME["heart-rate"], [decode_rollup(body, BY_NAME["heart-rate"])], around).frames["heart_rate"]
    wanted = [("2026-01-02 13:00:00", 60), ("2026-01-02 07:01:00", -300), ("2026-01-10 07:00:00", -300),
              ("2026-01-10 21:01:00", 540)]  # fmt: skip
    assert told(found, "local_time", "written_offset_min") == wanted
    devices = {"pairedDevices": [{"lastSyncTime": t.replace("Z", ":00Z")} for t in times]}
    synced = device_rows([decode_devices(json.dumps(devices).encode())], around).frames["device_sync"]
    assert told(synced, "local_time", "written_offset_min") == wanted
    moments = [datetime.fromisoformat(t) for t in times]
    assert [zone_at(m, "Asia/Tokyo", zones) for m in moments] == ["Europe/Berlin", NEW_YORK, NEW_YORK, "Asia/Tokyo"]


def test_fingerprints_of_days_before_stay_as_they_were():
    body = json.dumps({"rollupDataPoints": hours(utc(2026, 1, 5, 5), 72)}).encode()

    def digests(*zones) -> dict[date, str]:
        return {day: d for f in fingerprint([body], *zones).values() for day, _, d in chunks.chunks_of(f)}

    assert len(before := digests(NEW_YORK)) == 3
    assert digests("Asia/Tokyo", [NEW_YORK_UNTIL]) == before
    assert digests("Asia/Tokyo") != before


def test_the_second_showing_of_an_hour_is_told_by_the_zone_of_then():
    """Only the second pass of 01:00 to 02:00 is there, 1 November 2026 in New York; the account is in Tokyo since."""
    second = [window(f"2026-11-01T{t}Z", heartRate=PULSE) for t in ("06:30", "07:30")]
    frame = windows_from("heart-rate", second, NEW_YORK).frames["heart_rate"]
    before = [ZoneBefore(utc(2026, 11, 2), NEW_YORK)]
    assert chunks.with_folds(frame, NEW_YORK)[chunks.FOLD].to_list() == [1, 0]
    assert chunks.with_folds(frame, "Asia/Tokyo", before)[chunks.FOLD].to_list() == [1, 0]
    assert chunks.with_folds(frame, "Asia/Tokyo")[chunks.FOLD].to_list() == [0, 0]


def test_an_account_that_moves_leaves_its_past_where_it_was(make_job):
    """264 hours lived in New York; then the account is set to Tokyo, and days are read again."""
    job = make_job(window={"start": "2026-02-20"}, google_health={})
    begin = utc(2026, 3, 1, 5)
    lived = hours(begin, 264)
    moved = [ZoneBefore(utc(2026, 3, 12, 10), NEW_YORK)]
    pulls = [(12, NEW_YORK, (), 1, lived), (13, "Asia/Tokyo", moved, 5, lived[: 24 * 8])]
    for day, zone, before, first, windows in pulls:
        given = Given(utc(2026, 3, day, 10), date(2026, 3, first), date(2026, 3, day), {"heart-rate": windows},
                      zone=zone, zones_before=before, reading="rollUp")  # fmt: skip
        list(ingest_paths(job, [pull_file(job.settings.landing / "google_health", given)]))
        stage_days(job, stream("heart_rate"), date(2026, 2, 27), date(2026, 3, 14))
        with job.lake.connect(read_only=True) as connection:
            rows = connection.execute("SELECT epoch(ts)::BIGINT, local_ts::VARCHAR FROM staging.heart_rate"
                                      " ORDER BY ALL").fetchall()  # fmt: skip
        assert [r[0] for r in rows] == [int(begin.timestamp()) + 3600 * h for h in range(264)]
        # The 10th of March at noon of UTC: New York has summer time since the 8th.
        assert rows[223] == (int(utc(2026, 3, 10, 12).timestamp()), "2026-03-10 08:00:00")


ENERGY = ("05:00", "05:59", "06:00", "06:30", "07:20")


def windows_after(offset: str, zone: str) -> list[tuple]:
    """Windows of energy around 06:00 UTC of 1 November 2026; the last point of steps is at 05:30."""
    track = offsets_of([page_of("steps", [steps(f"2026-11-01T05:{m}Z", "1", offset) for m in ("00", "30")])])
    windows = [window(f"2026-11-01T{t}Z", totalCalories={"kcalSum": 1.0}) for t in ENERGY]
    found = windows_from("total-calories", windows, zone, track).frames["calories"]
    return told(chunks.with_folds(found, zone), "local_time", "written_offset_min", chunks.FOLD)


def test_a_near_point_at_home_follows_the_clock_of_the_zone():
    assert windows_after("-14400s", NEW_YORK) == [
        ("2026-11-01 01:00:00", -240, 0),
        ("2026-11-01 01:59:00", -240, 0),
        ("2026-11-01 01:00:00", -300, 1),
        ("2026-11-01 01:30:00", -300, 1),
        ("2026-11-01 02:20:00", -300, 0),
    ]


def test_a_near_point_elsewhere_tells_its_own_offset_through_the_night():
    """In Lima the clock is not set: the account is New York's, its person is not there."""
    assert [row[1] for row in windows_after("-18000s", NEW_YORK)] == [-300] * 5


def test_a_near_point_is_held_to_the_zone_of_its_own_moment():
    """The account moves to Tokyo at 11:00; the point of 10:30 is of New York, and so are the windows near it."""
    track = offsets_of([page_of("steps", [steps("2026-01-10T10:30Z", "1", "-18000s")])])
    around = Around("Asia/Tokyo", offsets=track, zones_before=[ZoneBefore(utc(2026, 1, 10, 11), NEW_YORK)])
    times = ("2026-01-10T11:30Z", "2026-01-10T12:31Z")
    body = json.dumps({"rollupDataPoints": [window(t, heartRate=PULSE) for t in times]}).encode()
    found = rows_of(BY_NAME["heart-rate"], [decode_rollup(body, BY_NAME["heart-rate"])], around).frames["heart_rate"]
    assert found["written_offset_min"].to_list() == [-300, 540]
