"""Pulls that are killed, and a server that refuses every fifth request: the tables are those of a quiet pull."""

import random
import signal
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from neuro_assets.simulate.google_health import Fault, Faults, GoogleHealthServer, Quota, World
from neuro_assets_tests.command import ran, started
from neuro_assets_tests.google_health.oracle import STREAMS
from neuro_assets_tests.google_health.pull_home import PullHome, environment

pytestmark = [pytest.mark.verify, pytest.mark.timeout(1800)]
DAYS = 8
# Two pull files, so that one may be in the lake when the other is not.
STUDY = {"people_per_file": 2, "workers": 3}
LIMIT = 60


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def world(now) -> World:
    return World(4, (now - timedelta(days=DAYS)).date(), 8, now=now)


def home_of(folder: Path, world: World, server: GoogleHealthServer, **rules: object) -> PullHome:
    """A home of its own with a study.yaml, for processes of their own."""
    study = {
        "id": "t",
        "default_time_zone": "America/New_York",
        "window": {"start": (world.now - timedelta(days=60)).date().isoformat()},
        "auto_enrol": True,
        "google_health": STUDY | rules,
    }
    folder.mkdir(parents=True)
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    return PullHome.make(folder, world, server, window=study["window"], google_health=study["google_health"])


def others(home: PullHome) -> dict[str, str]:
    given = environment(home.job.settings.home, home.server)
    return {k: v for k, v in given.items() if k != "NEURO_HOME"}


def finish_pull(home: PullHome) -> str:
    done = ran(home.job.settings.home, "pull", **others(home))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def span(world: World) -> tuple[date, date]:
    return (world.now - timedelta(days=DAYS + 1)).date(), (world.now + timedelta(days=1)).date()


def tables(home: PullHome) -> dict[str, list[tuple]]:
    """Everything in staging that does not say which file it came in."""
    home.stage(*span(home.world), [*STREAMS, "device_sync"])
    found = {}
    with home.job.lake.connect(read_only=True) as connection:
        for name in (*STREAMS, "device_sync"):
            kept = "* EXCLUDE (file_id, row_number)"
            found[name] = connection.execute(f"SELECT {kept} FROM staging.{name} ORDER BY ALL").fetchall()
    return found


def archived(home: PullHome) -> int:
    """Pull files that are in the lake, or nearly."""
    return len(list(home.job.settings.archive.rglob("*.pull.zip")))


def refuse_watermark_ahead(home: PullHome) -> int:
    """Whatever a pull says is complete has its rows; returns how many (participant, type) that is."""
    with home.job.lake.connect(read_only=True) as connection:
        complete = connection.execute(
            "SELECT DISTINCT participant_id, data_type, points, pull_id FROM ops.pulls WHERE outcome = 'complete'"
        ).fetchall()
        files = dict(connection.execute("SELECT file_id, status FROM ops.landing_files").fetchall())
        claimed = connection.execute(
            "SELECT file_kind, file_id, claim_no, rows FROM ops.pull_claims"
            " WHERE rows > 0 AND data_type <> 'pairedDevices'"
        ).fetchall()
        counts: dict[tuple, int] = {}
        for kind in {c[0] for c in claimed}:
            rows = connection.execute(
                f"SELECT file_id, claim_no, count(*) FROM raw.google_health_{kind} GROUP BY ALL"
            ).fetchall()
            counts |= {(kind, file, claim): n for file, claim, n in rows}
    assert all(files.get(pull) == "unpacked" for *_, pull in complete)
    assert {(k, f, c): n for k, f, c, n in claimed} == counts
    return len(complete)


def test_killed_at_ten_moments_it_ends_with_the_same_tables(tmp_path, world):
    chance = random.Random(9)
    # Slow answers, so that a pull takes some seconds beyond its start.
    faults = Faults([Fault("slow", share=0.5, delay_s=0.15)])
    with GoogleHealthServer(world, faults) as server:
        quiet = home_of(tmp_path / "quiet", world, server)
        finish_pull(quiet)
        wanted = tables(quiet)
        home = home_of(tmp_path / "killed", world, server)
        died, reached = 0, []
        while died < 10:
            sent = len(server.log)
            process = started(home.job.settings.home, "pull", **others(home))
            # Half of them while the first file is being pulled, half of them when some files are in the lake.
            had, is_late = archived(home), died % 2 == 1
            while process.poll() is None:
                if archived(home) > had if is_late else len(server.log) > sent:
                    break
                time.sleep(0.02)
            time.sleep(chance.uniform(0, 2 if is_late else 8))
            process.send_signal(signal.SIGKILL)
            process.wait()
            died += process.returncode == -signal.SIGKILL
            reached.append((len(server.log) - sent, refuse_watermark_ahead(home)))
        print(f"requests before each kill, and types complete by then: {reached}")
        assert len({r for r, _ in reached}) > 3  # they died at different places
        finish_pull(home)
        assert tables(home) == wanted
        home.compare(*span(world))
        assert not list(home.job.settings.landing.rglob("*.pull.zip"))


PLACES = ("pull.asked:30", "pull.written", "pull.planned", "lake.before_commit:2", "ingest.loaded", "ingest.archived")


@pytest.mark.parametrize("place", PLACES)
def test_killed_at_each_place_it_ends_with_the_same_tables(tmp_path, world, place):
    with GoogleHealthServer(world) as server:
        home = home_of(tmp_path / "killed", world, server)
        died = ran(home.job.settings.home, "pull", **others(home), NEURO_FAILPOINT=place)
        assert died.returncode == -signal.SIGKILL, died.stdout + died.stderr
        refuse_watermark_ahead(home)
        finish_pull(home)
        refuse_watermark_ahead(home)
        home.stage(*span(world))
        home.compare(*span(world))


def test_every_fifth_request_refused_makes_no_difference(tmp_path, world):
    """429 and 500 to a fifth of the requests, and a tight quota: the same tables, and the quota is never exceeded."""
    with GoogleHealthServer(world) as server:
        quiet = home_of(tmp_path / "quiet", world, server)
        finish_pull(quiet)
        wanted = tables(quiet)
    faults = Faults([Fault("429", share=0.1, retry_after_s=1), Fault("500", share=0.11)], seed=3)
    quota = Quota(LIMIT, 4 * LIMIT)
    with GoogleHealthServer(world, faults, quota) as server:
        home = home_of(tmp_path / "refused", world, server, quota={"person_minute": LIMIT, "project_minute": 4 * LIMIT})
        for _ in range(4):  # a type that was refused five times is left to the next pull
            told = finish_pull(home)
            refuse_watermark_ahead(home)
        print(told, faults.struck, server.quota.highest)
        assert faults.struck["429"] > 5
        assert faults.struck["500"] > 5
        assert server.quota.refused == 0
        assert server.quota.highest["user_minute"] <= LIMIT
        assert server.quota.highest["project_minute"] <= 4 * LIMIT
        assert tables(home) == wanted
