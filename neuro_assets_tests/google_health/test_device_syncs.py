"""A device's sync is one row, however often and in which company it is found again."""

from datetime import date, timedelta

from neuro_assets.ingest.load import Ingest, ingest_paths
from neuro_assets.sources.google_health.pull_file import ZoneBefore
from neuro_assets.staging.stage import stage_days
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.google_health.pull_files import NEW_YORK, Given, minutes, pull_file, steps_of, utc

SCALE = {"name": "users/me/pairedDevices/2", "deviceType": "SCALE", "deviceVersion": "Aria",
         "lastSyncTime": "2026-02-01T12:00:00Z"}  # fmt: skip


def tracker(sync: str) -> dict:
    return {"name": "users/me/pairedDevices/1", "deviceType": "TRACKER", "deviceVersion": "Charge 6",
            "batteryLevel": 80, "lastSyncTime": sync}  # fmt: skip


def load(job: Ingest, day: int, devices: list[dict], hour: int = 10, **more) -> None:
    at = utc(2026, 3, day, hour)
    days = (date(2026, 3, day - 8), date(2026, 3, day))
    pages = steps_of(minutes(utc(2026, 3, day, 6), [1]))
    given = Given(at, *days, pages, synced=at - timedelta(hours=1), devices=devices, **more)
    *_, last = ingest_paths(job, [pull_file(job.settings.landing / "google_health", given)])
    assert last.outcome == "unpacked"


def rows(job: Ingest, sql: str) -> list[tuple]:
    with job.lake.connect(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def syncs(job: Ingest) -> list[tuple]:
    return rows(job, "SELECT device, day, count(*) FROM raw.google_health_device_sync GROUP BY ALL ORDER BY ALL")


def test_a_device_that_synced_long_ago_is_stored_once(make_job):
    job = make_job(window={"start": "2026-01-01"}, google_health={})
    for day in range(20, 24):
        load(job, day, [tracker("2026-03-20T08:00:00Z"), SCALE])
    assert syncs(job) == [("Aria", date(2026, 2, 1), 1), ("Charge 6", date(2026, 3, 20), 1)]
    touched = rows(job, "SELECT count(*) FROM ops.outbox WHERE day = DATE '2026-02-01'")
    assert touched == rows(job, "SELECT count(*) FROM ops.outbox WHERE day = DATE '2026-03-20' AND raw_table LIKE"
                                " '%device_sync'") == [(1,)]  # fmt: skip


def test_devices_that_sync_on_one_day_do_not_repeat_each_other(make_job):
    """The scale's sync of the 20th is found beside a sync of the tracker, beside a later one, and alone."""
    job = make_job(window={"start": "2026-01-01"}, google_health={})
    scale = SCALE | {"lastSyncTime": "2026-03-20T07:00:00Z"}
    for day, hour, sync in ((20, 10, "20T08:00:00Z"), (20, 22, "20T21:00:00Z"), (21, 10, "21T09:00:00Z")):
        load(job, day, [tracker(f"2026-03-{sync}"), scale], hour)
    assert syncs(job) == [("Aria", date(2026, 3, 20), 1), ("Charge 6", date(2026, 3, 20), 2),
                          ("Charge 6", date(2026, 3, 21), 1)]  # fmt: skip


def test_a_sync_stays_on_its_day_when_the_account_moves_to_another_zone(make_job):
    """18:00 UTC is the 10th in New York and the 11th in Tokyo."""
    job = make_job(window={"start": "2026-01-01"}, google_health={})
    device = tracker("2026-03-10T18:00:00Z")
    load(job, 10, [device], 20)
    before = [ZoneBefore(utc(2026, 3, 10, 20), NEW_YORK)]
    load(job, 11, [device], zone="Asia/Tokyo", zones_before=before)
    stage_days(job, stream("device_sync"), date(2026, 3, 9), date(2026, 3, 12))
    assert rows(job, "SELECT local_ts::VARCHAR, day FROM staging.device_sync") == [
        ("2026-03-10 14:00:00", date(2026, 3, 10))
    ]
