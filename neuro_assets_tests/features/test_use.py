"""Use of phones by the parts of the day: by hand, what is 0 and what is not known, and which days are told again."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from statistics import stdev

import pytest

from neuro_assets.features.use import tell_use
from neuro_assets.ingest.load import Ingest
from neuro_assets.science.features.use import USE_FAMILIES
from neuro_assets_tests.features.use_log import DAY, FIRST, SEGMENTS, STUDY, Planted, planted
from neuro_assets_tests.sessions.conftest import Event, log

MakePlanted = Callable[..., Planted]


@pytest.fixture(scope="module")
def make_use(make_job: Callable[..., Ingest]) -> Iterator[MakePlanted]:
    """`make_use(**study)`: an empty study in New York."""
    with ExitStack() as stack:
        yield lambda **overrides: planted(make_job(**(STUDY | overrides)), stack)


@pytest.mark.parametrize(
    "known", [pytest.param(k, id=f"{f.name}.{x.name}") for f in USE_FAMILIES for x in f for k in x.known]
)
def test_known_answers(known):
    assert known.holds(), (known.told, known.compute())


def test_a_day_by_hand(make_use: MakePlanted):
    study = make_use()
    study.put(log(
        "2020-06-01T09:50 unlock",  # 05:50 EDT, to 06:20: 10 min of the night and 20 of the morning
        "2020-06-01T10:20 screen_off",
        "2020-06-01T14:00 unlock",  # 10:00, 40 min
        "2020-06-01T14:40 screen_off",
        "2020-06-01T16:00 unlock",  # 12:00, 400 min: over the cap
        "2020-06-01T22:40 screen_off",
        "2020-06-01T23:30 unlock",  # 19:30, to the end of which nothing comes
        "2020-06-02T03:00 unlock",  # 23:00, over midnight: 60 and 30 min
        "2020-06-02T04:30 screen_off",
    ))  # fmt: skip
    report = study.tell(date(2020, 6, 1))
    assert report.rows == {"features.screen": 10, "features.app": 0, "features.focus": 0, "features.notification": 0}
    assert report.days_beside == {date(2020, 6, 2)}
    columns = "episodes, unlocks, total_min, max_min, min_min, first_use_min, last_use_min, longest_pause_min"
    found = dict(zip(SEGMENTS, study.of("screen", columns, "day = '2020-06-01'"), strict=True))
    assert found == {
        # The longest pause: from 06:20 to 10:00, to 12:00, from 18:40 to 19:30, from 19:30 to 23:00.
        "day": (3, 5, 30 + 40 + 60, 60, 30, 350, 1380, 220),
        "night": (1, 1, 10, 10, 10, 350, 350, None),
        "morning": (2, 1, 60, 40, 20, 360, 600, 220),
        "afternoon": (0, 1, 0, None, None, None, None, None),
        "evening": (1, 2, 60, 60, 60, 1380, 1380, 210),
    }
    next_day = study.of("screen", "segment, episodes, unlocks, total_min, first_use_min", "day = '2020-06-02'")
    assert next_day[:3] == [("day", 1, 0, 30, 0), ("night", 1, 0, 30, 0), ("morning", 0, 0, 0, None)]
    spread = study.of("screen", "mean_min, sd_min", "segment = 'day' AND day = '2020-06-01'")
    assert spread == [(pytest.approx(130 / 3), pytest.approx(stdev([30, 40, 60])))]


def test_programs_by_category_and_their_share_of_the_screen(make_use: MakePlanted):
    study = make_use()
    study.put(log(
        "2020-06-01T14:00 unlock",
        "2020-06-01T14:00 app_focus chat",  # 10 min
        "2020-06-01T14:10 app_focus mail",  # 20 min
        "2020-06-01T14:30 app_focus game",  # 5 min, of no category
        "2020-06-01T14:35 app_focus chat",  # 5 min
        "2020-06-01T14:40 screen_off",
        "2020-06-01T20:00 app_focus chat",  # nothing follows
    ))  # fmt: skip
    study.tell(date(2020, 6, 1))
    columns = "category, opened, total_min, mean_min, programs, share_of_screen"
    where = "day = '2020-06-01' AND segment = '{}'"
    assert sorted(study.of("app", columns, where.format("day"))) == [
        ("all", 5, 40, 10, 3, 1),
        ("fun", 0, 0, None, 0, 0),
        ("other", 1, 5, 5, 1, 5 / 40),
        ("social", 3, 15, 7.5, 1, 15 / 40),
        ("work", 1, 20, 20, 1, 0.5),
    ]
    afternoon = study.of("app", columns, where.format("afternoon") + " AND category IN ('all', 'work')")
    assert sorted(afternoon) == [("all", 1, 0, None, 1, None), ("work", 0, 0, None, 0, None)]


def test_focus_sessions_and_notifications(make_use: MakePlanted):
    study = make_use()
    sessions = log(
        "2020-06-01T14:00 focus_start",
        "2020-06-01T14:10 unlock",
        "2020-06-01T14:11 app_focus video",
        "2020-06-01T14:12 app_blur video",
        "2020-06-01T14:25 focus_stop",
        "2020-06-01T15:50 focus_start",  # 11:50 to 12:05: not as long as planned, and half of it after noon
        "2020-06-01T16:05 focus_stop",
        "2020-06-01T17:00 focus_start",
    )
    planned = [replace(e, details='{"planned_min": 25}') if e.kind == "focus_start" else e for e in sessions]
    study.put(planned)
    study.put(log(
        "2020-06-01T20:00 notification chat",
        "2020-06-01T20:00:30 app_focus chat",
        "2020-06-01T21:00 notification chat",
        "2020-06-01T21:05 unlock",
        "2020-06-01T21:10 notification chat",
        who="q",
    ))  # fmt: skip
    study.tell(date(2020, 6, 1))
    columns = "begun, total_min, completed_share, mean_length_min, distractions_per_hour, unlocks_per_hour"
    found = study.of("focus", columns, "segment IN ('day', 'morning', 'afternoon')")
    # 40 minutes of sessions with an end, and one distraction and one unlock in them.
    assert found == [(3, 40, 0.5, 20, 1.5, 1.5), (2, 35, 0.5, 20, 1.5, 1.5), (1, 5, None, None, None, None)]
    columns = "received, answered_share, response_median_s, response_mean_s, answered_within_60_s_share"
    found = study.of("notification", columns, "segment IN ('day', 'morning') AND participant_id = 'q'")
    assert found == [(3, pytest.approx(2 / 3), 165, 165, pytest.approx(1 / 3)), (0, None, None, None, None)]
    assert study.rows("SELECT DISTINCT participant_id FROM features.focus") == [("p",)]


@pytest.mark.verify
def test_on_the_days_when_the_clock_changes_time_is_true_and_parts_are_by_the_wall_clock(make_use: MakePlanted):
    study = make_use(features={"segments": {"first": {"start": 0, "end": 90}, "then": {"start": 90, "end": 240}}})
    study.put(log(
        "2020-03-08T06:20 unlock",  # 01:20 EST to 03:20 EDT: an hour
        "2020-03-08T07:20 screen_off",
        "2020-11-01T05:20 unlock",  # 01:20 EDT to 01:40 EST: 80 minutes, 01:30 to 02:00 once and 01:00 to 01:30 twice
        "2020-11-01T06:40 screen_off",
    ))  # fmt: skip
    study.tell(date(2020, 3, 8))
    study.tell(date(2020, 11, 1))
    found = study.rows(
        "SELECT day, segment, episodes, unlocks, total_min, first_use_min FROM features.screen ORDER BY day, segment"
    )
    spring, autumn = date(2020, 3, 8), date(2020, 11, 1)
    assert found == [
        (spring, "day", 1, 1, 60, 80),
        (spring, "first", 1, 1, 10, 80),
        (spring, "then", 1, 0, 50, 90),
        (autumn, "day", 1, 1, 80, 80),
        # 01:20 to 01:30 EDT and 01:00 to 01:30 EST are one episode of this part.
        (autumn, "first", 1, 1, 40, 80),
        (autumn, "then", 1, 0, 40, 90),
    ]


def test_no_use_is_0_where_the_device_tells_of_it_and_else_not_known(make_use: MakePlanted):
    study = make_use()
    began = datetime(2020, 6, 1, 16, tzinfo=UTC)
    study.put([
        Event("p", began, "unlock", id="a"),
        Event("p", began + timedelta(minutes=5), "lock", id="b"),
        # A sign of life without any use, for as long as a use is remembered and a day longer.
        *(Event("p", began + n * DAY, "custom", id=f"c{n}") for n in (1, 2, 27, 28)),
        # A computer that tells of programs alone.
        Event("q", began, "app_focus", "mail", id="d"),
        Event("q", began + timedelta(minutes=5), "app_blur", "mail", id="e"),
    ])  # fmt: skip
    study.tell(date(2020, 6, 1), date(2020, 6, 30))
    days = "participant_id, strftime(day, '%m-%d'), episodes, total_min"
    assert study.of("screen", days, "segment = 'day'") == [
        ("p", "06-01", 1, 5),
        ("p", "06-02", 0, 0),
        ("p", "06-03", 0, 0),
        ("p", "06-28", 0, 0),
    ]
    assert study.of("app", "participant_id, opened, share_of_screen", "segment = 'day' AND category = 'all'") == [
        ("q", 1, None)
    ]
    assert study.of("notification", "count(*)", "true GROUP BY day, segment") == []


@pytest.mark.verify
def test_late_events_change_their_days_and_make_later_ones_known(make_use: MakePlanted):
    study = make_use()
    began = datetime(2020, 6, 10, 16, tzinfo=UTC)
    study.put([Event("p", began + n * DAY, "custom", id=f"c{n}") for n in (0, 5, 30)])
    for day in (10, 15):
        assert study.tell(date(2020, 6, day)).rows["features.screen"] == 0
    study.put([Event("p", began, "unlock", id="a"), Event("p", began + timedelta(minutes=5), "lock", id="b")])
    report = study.tell(date(2020, 6, 10))
    assert report.rows["features.screen"] == 10
    assert report.days_beside == {date(2020, 6, 15)}
    before = study.features()
    later = began + 20 * DAY
    study.put([Event("p", later, "unlock", id="x"), Event("p", later + timedelta(minutes=5), "lock", id="y")])
    assert study.tell(date(2020, 6, 30)).rows["features.screen"] == 10
    after = study.features()["screen"]
    # Nothing that is dated before changes by it, and nothing is written twice.
    assert [r for r in after if r[1] < date(2020, 6, 30)] == before["screen"]
    again = tell_use(study.connection, study.job, date(2020, 6, 8), date(2020, 7, 1))
    assert (again.rows, again.days_beside) == (dict.fromkeys(report.rows, 0), frozenset())


@pytest.mark.verify
def test_other_parts_of_the_day_make_every_day_anew(make_use: MakePlanted):
    study = make_use()
    study.put(
        log("2020-06-01T14:00 unlock", "2020-06-01T14:40 lock", "2020-06-20T14:00 unlock", "2020-06-20T14:40 lock")
    )
    for day in (1, 20):
        study.tell(date(2020, 6, day))
    rules = study.job.study.model_dump(exclude={"people"}) | {
        "features": {"segments": {"work": {"start": "09:00", "end": "17:00"}}}
    }
    other = type(study.job.study).model_validate(rules)
    report = tell_use(study.connection, replace(study.job, study=other), date(2020, 6, 20), date(2020, 6, 20))
    assert report.days_beside == {date(2020, 6, 1)}
    assert study.rows("SELECT day, segment, total_min FROM features.screen ORDER BY ALL") == [
        (date(2020, 6, n), segment, 40) for n in (1, 20) for segment in ("day", "work")
    ]


@pytest.mark.verify
def test_what_is_taken_away_takes_its_days_and_what_was_known_from_it_with_it(make_use: MakePlanted):
    study = make_use()
    began = datetime(2020, 6, 10, 16, tzinfo=UTC)
    study.put([Event("p", began, "unlock", id="a"), Event("p", began + timedelta(minutes=5), "lock", id="b")])
    study.put([Event("p", began + 9 * DAY, "custom", id="c")])
    study.tell(date(2020, 6, 10))
    assert study.of("screen", "day, unlocks", "segment = 'day'") == [(date(2020, 6, 10), 1), (date(2020, 6, 19), 0)]
    with study.job.lake.transaction(study.connection, ["staging.event"]):
        study.connection.execute("DELETE FROM staging.event WHERE event_id <> 'c'")
    report = study.tell(date(2020, 6, 10))
    assert report.days_beside == {date(2020, 6, 19)}
    assert study.rows("FROM features.screen") == []


@pytest.mark.verify
def test_without_events_there_is_nothing_and_no_commit(make_use: MakePlanted):
    study = make_use()
    asked = "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')"
    before = study.rows(asked)
    report = tell_use(study.connection, study.job, FIRST, FIRST + 40 * DAY)
    assert set(report.rows.values()) == {0}
    assert report.days_beside == frozenset()
    assert study.rows(asked) == before
