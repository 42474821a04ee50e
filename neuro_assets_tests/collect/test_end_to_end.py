"""A day of samples, through spool, landing folder, ingest and staging, to episodes; numbers are worked out by hand."""

from datetime import date, timedelta
from pathlib import Path

from neuro_assets.collect.collector import Collector
from neuro_assets.collect.identity import Identity
from neuro_assets.collect.samples import Sample
from neuro_assets.collect.spool import Spool
from neuro_assets.events.counts import batch_counts
from neuro_assets.ingest.load import Ingest
from neuro_assets.sessions.compute import sessionise_days
from neuro_assets.study import Window
from neuro_assets_tests.collect.looks import RULES, look
from neuro_assets_tests.conftest import MakeJob
from neuro_assets_tests.tables import load, query, stage

DAY = date(2026, 6, 1)


def morning() -> list[list[Sample]]:
    """Two runs, in minutes after eight; the first one is killed after 208, the second stopped at 240.

    A sample a minute: mail until 09:00, web until 10:00, locked until 10:30 (idle from 10:05), web until 10:50, where
    the machine sleeps until 11:20 with the session unlocked, web again until the kill after 11:28. From 11:30 on mail.
    """
    first = []
    for minute in [*range(171), *range(200, 209)]:
        app = "mail" if minute < 60 else "web"
        is_locked = 120 <= minute < 150
        idle_s = 60.0 * (minute - 120) if is_locked else 0.0
        awake_min = minute if minute <= 170 else minute - 29
        first.append(look(minute, awake_min=awake_min, app=app, is_locked=is_locked, idle_s=idle_s))
    second = [look(minute, app="mail", is_locked=False, idle_s=0.0) for minute in range(210, 241)]
    return [first, second]


def run(job: Ingest, spool: Spool, samples: list[Sample], *, is_killed: bool) -> Collector:
    collector = Collector(spool, Identity("P1", "d1"), job.settings.landing, RULES, batch_s=7_200)
    collector.recover()
    for sample in samples:
        collector.take(sample)
    if not is_killed:
        collector.stop(samples[-1].at + timedelta(seconds=30))
    return collector


def test_a_morning_of_samples_becomes_the_episodes_that_were_scripted(make_job: MakeJob, tmp_path: Path):
    job = make_job(window=Window(start=date(2026, 5, 1), end=date(2026, 6, 30)))
    job.settings.landing.mkdir(exist_ok=True)
    spool = Spool(tmp_path / "spool")
    with spool.held():
        first, second = morning()
        run(job, spool, first, is_killed=True)
        run(job, Spool(tmp_path / "spool"), second, is_killed=False)
    files = sorted(job.settings.landing.glob("*.jsonl"))
    n_lines = sum(f.read_text().count("\n") for f in files)
    contents = {f.name: f.read_bytes() for f in files}
    # 08:00 to 10:00, 10:30 to the kill, the second run
    assert len(files) == 3
    outcomes = load(job, *files)
    assert {o.outcome for o in outcomes} == {"loaded"}
    stage(job, "event", DAY)
    with job.lake.connect(read_only=True) as connection:
        counts = [batch_counts(connection, o.file_id) for o in outcomes]
    assert sum(c.received for c in counts) == sum(c.staged for c in counts) == n_lines
    assert query(job.lake, "SELECT count(*) FROM ops.quarantine") == [(0,)]
    found = query(
        job.lake,
        "SELECT coalesce(json_extract_string(details, '$.kind'), event_type), count(*) FROM staging.event"
        " GROUP BY ALL ORDER BY ALL",
    )
    assert found == [
        # mail, web, after the lock, after the gap, second run: as many ends
        ("app_blur", 5),
        ("app_focus", 5),
        # 08:15 to 10:45: 11; after the gap none was due; 11:45 and 12:00
        ("collector_alive", 13),
        ("collector_started", 2),
        ("collector_stopped", 2),
        ("gap", 1),
        # at 10:00, before the gap, after the kill, at the end
        ("lock", 4),
        ("unlock", 4),
        # both starts, at 10:30, after the gap
        ("user_active", 4),
        ("user_idle", 1),
    ]
    assert n_lines == 41
    with job.lake.connect() as connection:
        sessionise_days(connection, job, DAY, DAY)
    minutes = "round(date_diff('microsecond', ts, ts + to_microseconds((duration_s * 1e6)::BIGINT)) / 6e7, 3)"
    episodes = "SELECT {0}strftime(local_ts, '%H:%M'), {1}, status FROM staging.{2} ORDER BY ts"
    assert query(job.lake, episodes.format("app, ", minutes, "app_episode")) == [
        ("mail", "08:00", 60.0, "closed"),
        ("web", "09:00", 60.0, "closed"),
        ("web", "10:30", 20.0, "closed"),
        ("web", "11:20", 8.0, "closed"),
        ("mail", "11:30", 30.0, "closed"),
    ]
    assert query(job.lake, episodes.format("", minutes, "screen_episode")) == [
        ("08:00", 120.0, "closed"),
        ("10:30", 20.0, "closed"),
        ("11:20", 8.0, "closed"),
        ("11:30", 30.0, "closed"),
    ]
    # A collector that was killed before it forgot a batch sends it again.
    for file in files:
        file.write_bytes(contents[file.name])
    assert {o.outcome for o in load(job, *files)} == {"duplicate"}
