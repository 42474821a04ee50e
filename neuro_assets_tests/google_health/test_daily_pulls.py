"""A first pull, and then each day's: whatever happens on the server, staging is what the server has."""

import os
import random
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest

from neuro_assets.simulate.google_health import GoogleHealthServer, World
from neuro_assets.status import digest_text, read_status
from neuro_assets_tests.google_health.pull_home import PullHome

DAY = timedelta(days=1)
# The clocks go back in Berlin on 25 October and in New York on 1 November, and forward in Sydney on 4 October.
START, FIRST_PULL, DAYS = date(2026, 10, 1), datetime(2026, 10, 31, 5, 30, tzinfo=UTC), 16
PEOPLE = int(os.environ.get("NEURO_TEST_PEOPLE", "5"))


FEW = ("steps", "heart-rate", "sleep", "daily-resting-heart-rate")
OF_FEW = ("steps", "heart_rate", "sleep_session", "sleep_stage")


def test_a_pull_has_what_the_server_has_and_another_one_finds_nothing_new(tmp_path):
    world = World(1, START, 5, now=datetime(2026, 10, 3, 6, tzinfo=UTC))
    with GoogleHealthServer(world) as server:
        home = PullHome.make(tmp_path / "home", world, server)
        report = home.pull(types=FEW)
        assert report.outcomes == {("complete", ""): 4}
        home.stage_touched(OF_FEW)
        rows = home.compare(date(2026, 9, 30), date(2026, 10, 4), streams=OF_FEW)
        assert min(rows.values()) > 0
        assert _kept_without_ids(home, world) > 0
        (told,) = read_status(home.job).pulls
        assert (told["outcome"], told["data_types"], told["participants"]) == ("complete", 4, 1)
        assert "pulls complete: 4 data types of 1 participants" in digest_text(read_status(home.job))
        again = home.pull(types=FEW)
        assert (again.outcomes, again.changed_days) == (report.outcomes, 0)
        assert home.stage_touched(OF_FEW) == set()


def _kept_without_ids(home: PullHome, world: World) -> int:
    """Nothing in pull files tells an account or a device; returns how many pages were looked through."""
    secrets = [
        s for p in world.people.values() for s in (p.health_user_id, p.legacy_user_id, p.mac_address, p.email) if s
    ]
    pages = 0
    for file in home.job.settings.archive.rglob("*.pull.zip"):
        with zipfile.ZipFile(file) as archive:
            for member in archive.namelist():
                body = archive.read(member).decode()
                assert not [s for s in secrets if s in body], member
                pages += 1
    return pages


@pytest.mark.verify
def test_a_day_of_two_people(tmp_path):
    world = World(2, START, 5, now=datetime(2026, 10, 3, 6, tzinfo=UTC))
    with GoogleHealthServer(world) as server:
        home = PullHome.make(tmp_path / "home", world, server)
        report = home.pull()
        assert report.outcomes == {("complete", ""): 34}
        home.stage_touched()
        rows = home.compare(date(2026, 9, 30), date(2026, 10, 4))
        assert min(rows[s] for s in ("steps", "calories", "heart_rate", "sleep_stage", "daily_vitals")) > 0
        again = home.pull()
        assert again.changed_days == 0
        assert home.stage_touched() == set()


@pytest.mark.verify
def test_raw_heart_rate_is_read_on_days_that_have_changed_alone(tmp_path):
    """Every sample of the server, and of the next pull only the days whose roll-up is another one."""
    world = World(1, date(2026, 10, 4), 6, now=datetime(2026, 10, 7, 5, tzinfo=UTC), travel=0)
    (who,) = world.people
    with GoogleHealthServer(world) as server:
        home = PullHome.make(tmp_path / "home", world, server, google_health={"heart_rate": "raw", "workers": 2})
        assert home.pull(types=["heart-rate"]).outcomes == {("complete", ""): 2}  # the samples and their fingerprint
        first = _samples(home)
        assert first == _of_world(world, who)
        assert len(first) > 20_000
        begin = datetime(2026, 10, 5, 15, tzinfo=UTC)
        world.delete(who, "heart-rate", begin, begin + timedelta(minutes=5))
        world.advance(world.now + timedelta(seconds=30))
        sent = len(server.log)
        home.pull(types=["heart-rate"])
        asked = [r.query for r in server.log[sent:] if r.path.endswith("heart-rate/dataPoints:reconcile")]
        assert asked
        assert all("2026-10-05" in q or "2026-10-04T10" in q for q in asked)  # of one day, wherever it was lived
        assert _samples(home) == _of_world(world, who)
        assert len(_samples(home)) < len(first)
        sent = len(server.log)
        home.pull(types=["heart-rate"])
        assert not [r for r in server.log[sent:] if r.path.endswith("heart-rate/dataPoints:reconcile")]


def _samples(home: PullHome) -> list[tuple[int, float]]:
    home.stage(date(2026, 10, 2), date(2026, 10, 8), ["heart_rate"])
    with home.job.lake.connect(read_only=True) as connection:
        return connection.execute(
            "SELECT epoch(ts)::BIGINT, value FROM staging.heart_rate WHERE period_s = 1 ORDER BY ALL"
        ).fetchall()


def _of_world(world: World, who: str) -> list[tuple[int, float]]:
    points = world.points(who, "heart-rate")
    return list(zip(points.start_s.tolist(), points.values["bpm"].astype(float).tolist(), strict=True))


@pytest.mark.verify
def test_of_listed_points_the_trackers_stand_and_each_minute_is_there_once(tmp_path):
    world = World(2, START, 5, now=datetime(2026, 10, 3, 6, tzinfo=UTC))
    with GoogleHealthServer(world) as server:
        home = PullHome.make(tmp_path / "home", world, server, google_health={"reading": "list"})
        assert home.pull().outcomes == {("complete", ""): 34}
        home.stage_touched()
        home.compare(date(2026, 9, 30), date(2026, 10, 4))
        with home.job.lake.connect(read_only=True) as connection:
            found = connection.execute(
                "SELECT DISTINCT reading, recording_method IS NOT NULL FROM raw.google_health_steps"
            ).fetchall()
        assert found == [("list", True)]


@pytest.mark.verify
@pytest.mark.timeout(5400)
def test_after_each_day_staging_is_what_the_server_has(tmp_path, capsys):
    """Late syncs, a tracker silent for 12 days, rewritten sleeps, deleted and changed points, nights of the clocks."""
    chance = random.Random(4)
    world = World(PEOPLE, START, 11, now=FIRST_PULL)
    people = list(world.people)
    world.silence(people[0], FIRST_PULL + 2 * DAY, FIRST_PULL + 14 * DAY)
    world.silence(people[1], FIRST_PULL - 3 * DAY, FIRST_PULL + 4 * DAY)
    world.go_flat(people[2], FIRST_PULL + 3 * DAY, FIRST_PULL + 5 * DAY)
    with GoogleHealthServer(world) as server:
        home = PullHome.make(tmp_path / "home", world, server)
        told = []
        for day in range(DAYS):
            sent, deleted = len(server.log), 0
            report = home.pull()
            assert set(report.outcomes) == {("complete", "")}
            requests = sum(r.path.startswith("/v4/") for r in server.log[sent:])
            least = home.least_requests()
            touched = home.stage_touched()
            since = START - DAY if day in {0, DAYS - 1} else world.now.date() - 18 * DAY
            rows = home.compare(since, world.now.date() + DAY)
            told.append((day, requests, least, requests / least, report.changed_days, len(touched), sum(rows.values())))
            assert requests <= 1.3 * least, told[-1]
            for who in chance.sample(people, min(3, len(people))):
                deleted += _meddle(world, who, chance)
            world.advance(world.now + DAY + timedelta(minutes=chance.randrange(-90, 90)))
        _report(capsys, told)
        assert told[0][4] > 20 * PEOPLE  # the first pull had everything to find
        # A silent tracker's days came with its sync, all at once.
        assert any(r[4] > told[5][4] for r in told[13:])


def _meddle(world: World, who: str, chance: random.Random) -> int:
    """Something that a server does behind one's back, within the days that are read again."""
    day = world.now.date() - chance.randrange(1, 8) * DAY
    begin = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=chance.randrange(24))
    name = chance.choice(
        ["steps", "distance", "total-calories", "heart-rate", "sleep", "weight", "exercise", "oxygen-saturation",
         "active-minutes", "heart-rate-variability"]
    )  # fmt: skip
    match chance.randrange(4):
        case 0:
            world.rewrite_sleep(who, day)
        case 1:
            return len(world.delete(who, name, begin, begin + timedelta(hours=chance.randrange(1, 30))))
        case 2:
            return len(world.delete(who, name, begin, begin + timedelta(hours=12), count=3))
        case _:
            world.change_points(who, chance.choice(["steps", "total-calories"]), begin, begin + timedelta(hours=1), 1)
    return 0


def _report(capsys: pytest.CaptureFixture, told: list[tuple]) -> None:
    with capsys.disabled():
        print(f"\n{PEOPLE} participants; day, requests, least, ratio, changed days, staged days, rows compared")
        for row in told:
            print("{:3d} {:7d} {:7d} {:6.2f} {:6d} {:4d} {:9d}".format(*row))
