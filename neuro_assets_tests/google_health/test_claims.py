"""What a pull no longer finds is gone from staging, in whatever order pull files come."""

import itertools
import random
from datetime import date, timedelta

import pytest

from neuro_assets.ingest.load import Ingest, ingest_paths
from neuro_assets.ingest.replay import replay_days
from neuro_assets.staging.stage import stage_days
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.google_health.pull_files import Given, Minute, minutes, pull_file, steps_of, utc

NOON = utc(2026, 3, 2, 17)
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 4)
STEPS = stream("steps")


@pytest.fixture
def job(make_job) -> Ingest:
    return make_job(window={"start": "2026-02-25"}, google_health={})


def given(day: int, points: list[Minute], participant: str = "P1", **others) -> Given:
    """What an account had at six in the morning of a day in March."""
    return Given(utc(2026, 3, day, 6), FIRST, LAST, steps_of(points), participant, **others)


def load(job: Ingest, *people: Given) -> list[str]:
    file = pull_file(job.settings.landing / "google_health", *people)
    return [o.outcome for o in ingest_paths(job, [file])]


def staged(job: Ingest) -> list[tuple]:
    stage_days(job, STEPS, FIRST, LAST)
    with job.lake.connect(read_only=True) as connection:
        return connection.execute(
            "SELECT participant_id, epoch(ts)::BIGINT, value::INTEGER, fold, utc_offset_min, period_s, tz_source"
            " FROM staging.steps ORDER BY ALL"
        ).fetchall()


def rows_of(points: list[Minute], participant: str = "P1") -> list[tuple]:
    return sorted((participant, int(m.at.timestamp()), m.steps, 0, m.offset_s // 60, 60, "payload") for m in points)


def account(job: Ingest) -> dict[str, int]:
    return stage_days(job, STEPS, FIRST, LAST).totals()


def test_what_is_deleted_goes_and_what_is_rewritten_changes(job):
    was = minutes(NOON, range(60))
    load(job, given(3, was))
    assert staged(job) == rows_of(was)
    now = [*was[:10], *(Minute(m.at, m.steps + 100) for m in was[10:20]), *was[30:]]
    load(job, given(4, now))
    assert staged(job) == rows_of(now)
    told = account(job)
    assert (told["rows_in"], told["rows_staged"], told["rows_superseded"]) == (60 + 50, 50, 60)


def test_a_day_that_is_emptied_is_empty_and_comes_back(job):
    was = minutes(NOON, [1, 0, 2])
    load(job, given(3, was), given(3, was, "P2"))
    load(job, given(4, []), given(4, was, "P2"))
    assert staged(job) == rows_of(was, "P2")
    with job.lake.connect(read_only=True) as connection:
        touched = connection.execute(
            "SELECT DISTINCT day FROM ops.outbox WHERE created_at >= (SELECT max(created_at) FROM ops.outbox)"
        ).fetchall()
    assert touched == [(date(2026, 3, 2),)]
    load(job, given(5, was))
    assert staged(job) == sorted(rows_of(was) + rows_of(was, "P2"))


def test_what_is_found_as_before_leaves_nothing(job):
    was = minutes(NOON, range(5))
    load(job, given(3, was))
    assert load(job, given(4, was)) == ["unpacked"]
    with job.lake.connect(read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM raw.google_health_steps").fetchone() == (5,)
        assert connection.execute("SELECT changed_days FROM ops.pulls ORDER BY fetched_at").fetchall() == [(1,), (0,)]


def test_zero_is_a_count_and_absence_is_none(job):
    load(job, given(3, minutes(NOON, [0, 0, 3])))
    assert [row[2] for row in staged(job)] == [0, 0, 3]


def test_the_hour_set_back_is_there_twice(job):
    """New York, 1 November 2026: 01:00 to 02:00 on the wall clock, first at -4 h and then at -5 h."""
    first = minutes(utc(2026, 11, 1, 5), [1] * 60, -14_400)
    second = minutes(utc(2026, 11, 1, 6), [2] * 60, -18_000)
    night = Given(utc(2026, 11, 2, 6), date(2026, 11, 1), date(2026, 11, 1), steps_of(first + second))
    load(job, night)
    told = stage_days(job, STEPS, date(2026, 11, 1), date(2026, 11, 1)).totals()
    assert (told["rows_staged"], told["rows_quarantined"]) == (120, 0)
    with job.lake.connect(read_only=True) as connection:
        rows = connection.execute(
            "SELECT fold, utc_offset_min, count(*), min(local_ts)::VARCHAR, sum(value)::INTEGER FROM staging.steps"
            " WHERE day = DATE '2026-11-01' GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert rows == [(0, -240, 60, "2026-11-01 01:00:00", 60), (1, -300, 60, "2026-11-01 01:00:00", 120)]


@pytest.mark.verify
def test_only_the_second_pass_is_the_second_pass(job):
    second = minutes(utc(2026, 11, 1, 6), [2] * 3, -18_000)
    load(job, Given(utc(2026, 11, 2, 6), date(2026, 11, 1), date(2026, 11, 1), steps_of(second)))
    stage_days(job, STEPS, date(2026, 11, 1), date(2026, 11, 1))
    with job.lake.connect(read_only=True) as connection:
        assert connection.execute("SELECT DISTINCT fold FROM staging.steps").fetchall() == [(1,)]


@pytest.mark.verify
def test_who_flies_west_lives_some_hours_twice(job):
    """The same local hour in New York and, three hours later, in Los Angeles: no measurement repeats another."""
    east = minutes(utc(2026, 3, 2, 17), [1] * 30, -18_000)
    west = minutes(utc(2026, 3, 2, 20), [2] * 30, -28_800)
    load(job, given(3, east + west))
    told = account(job)
    assert (told["rows_staged"], told["rows_quarantined"]) == (60, 0)


@pytest.mark.verify
def test_a_part_of_a_pull_is_refused_alone(job, tmp_path):
    load(job, given(3, minutes(NOON, range(3))))
    part = next((job.settings.archive).rglob("google_health.steps.parquet"))
    other = tmp_path / part.name
    other.write_bytes(part.read_bytes() + b"")
    assert [o.outcome for o in ingest_paths(job, [other])] == ["duplicate"]
    import polars as pl

    pl.read_parquet(part).head(2).write_parquet(other)
    (outcome,) = ingest_paths(job, [other])
    assert (outcome.outcome, outcome.line.reason_code) == ("rejected", "part_of_a_pull")


def test_a_pull_file_that_is_not_whole_is_refused_and_kept(job):
    file = pull_file(job.settings.landing / "google_health", given(3, minutes(NOON, range(3))))
    import zipfile

    with zipfile.ZipFile(file) as whole:
        told = whole.read("pull.json")
    with zipfile.ZipFile(file, "w") as broken:
        broken.writestr("pull.json", told)
    (outcome,) = ingest_paths(job, [file])
    assert (outcome.outcome, outcome.line.reason_code) == ("rejected", "damaged_archive")
    assert (job.settings.home / outcome.line.stored_path).exists()
    with job.lake.connect(read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM ops.pulls").fetchone() == (0,)


@pytest.mark.verify
def test_the_same_file_twice_and_a_replay_change_nothing(job):
    was = minutes(NOON, range(20))
    load(job, given(3, was))
    load(job, given(4, was[5:]))
    before = staged(job)
    file = pull_file(job.settings.landing / "google_health", given(4, was[5:]))
    assert [o.outcome for o in ingest_paths(job, [file])] == ["duplicate"]
    kind = job.sources.by_raw_table("raw.google_health_steps")
    assert len(replay_days(job, kind, FIRST, LAST)) == 2
    assert staged(job) == before == rows_of(was[5:])


@pytest.mark.verify
@pytest.mark.parametrize("seed", range(6))
def test_in_whatever_order_files_come_the_latest_pull_holds(make_job, seed):
    """Five pulls of a changing account, taken in several orders: staging is what the last one found."""
    chance = random.Random(seed)
    whole = minutes(NOON, (chance.randrange(9) for _ in range(40)))
    whole += minutes(NOON + timedelta(days=1), (chance.randrange(9) for _ in range(40)))
    states = [[], whole, whole[::2], whole[20:]]
    found = [chance.choice(states) for _ in range(5)]
    orders = list(itertools.permutations(range(5)))
    for order in chance.sample(orders, 5):
        job = make_job(window={"start": "2026-02-25"}, google_health={})
        for place in order:
            load(job, Given(utc(2026, 3, 4 + place, 6), FIRST, LAST, steps_of(found[place])))
            if chance.random() < 0.3:
                staged(job)
        assert staged(job) == rows_of(found[-1]), (order, [len(f) for f in found])
