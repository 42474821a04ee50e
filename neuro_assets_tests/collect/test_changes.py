"""What follows from samples written by hand."""

from datetime import timedelta, timezone

import pytest

from neuro_assets.collect.changes import Rules, end
from neuro_assets.collect.samples import Reading
from neuro_assets_tests.collect.looks import EIGHT, lines, look, told_by


def test_what_is_in_use_at_the_start_begins_there_and_says_why():
    _, changes = told_by(look(0, app="mail", is_locked=False, is_screen_on=True, idle_s=2.5))
    assert lines(changes) == [
        "08:00 custom kind=collector_started every_s=60"
        " tells={'idle_s': True, 'is_locked': True, 'is_screen_on': True, 'app': True}",
        "08:00:00.000001 screen_on because=started",
        "08:00:00.000002 unlock because=started",
        "08:00:00.000003 app_focus mail because=started",
        "08:00:00.000004 custom kind=user_active idle_s=2.5",
    ]


def test_what_is_unknown_stays_unknown():
    state, changes = told_by(*(look(n) for n in range(10)))
    assert lines(changes)[1:] == []
    assert changes[0].metadata is not None
    assert set(changes[0].metadata["tells"].values()) == {False}
    assert lines(end(state, look(10).at)) == ["08:10 custom kind=collector_stopped because=stopped"]
    assert Reading(app="").untold == ("idle_s", "is_locked", "is_screen_on")


def test_another_program_ends_the_one_before():
    """Nothing is told twice; the desktop in front (no program) ends one and begins none."""
    _, changes = told_by(
        look(0, app="mail"), look(1, app="mail"), look(2, app="web"), look(3, app=""), look(4, app=""),
        look(5, app="web"),
    )  # fmt: skip
    assert lines(changes)[1:] == [
        "08:00:00.000001 app_focus mail because=started",
        "08:02 app_blur mail",
        "08:02:00.000001 app_focus web",
        "08:03 app_blur web",
        "08:05 app_focus web",
    ]


def test_a_locked_session_has_no_program_in_use():
    """X11 still tells the window behind the lock."""
    _, changes = told_by(
        look(0, app="mail", is_locked=False),
        look(1, app="mail", is_locked=True),
        look(2, app="mail", is_locked=True),
        look(3, app="mail", is_locked=False),
    )
    assert lines(changes)[1:] == [
        "08:00:00.000001 unlock because=started",
        "08:00:00.000002 app_focus mail because=started",
        "08:01 app_blur mail",
        "08:01:00.000001 lock",
        "08:03 unlock",
        "08:03:00.000001 app_focus mail",
    ]


def test_a_screen_without_power_has_no_program_in_use():
    _, changes = told_by(
        look(0, app="mail", is_screen_on=True), look(1, app="mail", is_screen_on=False), look(2, is_screen_on=True)
    )
    assert lines(changes)[3:] == ["08:01 app_blur mail", "08:01:00.000001 screen_off", "08:02 screen_on"]


def test_a_session_that_is_locked_at_the_start_was_not_locked_then():
    _, changes = told_by(look(0, is_locked=True, app="mail"), look(1, is_locked=False, app="mail"))
    assert lines(changes)[1:] == ["08:01 unlock", "08:01:00.000001 app_focus mail"]


def test_idle_is_from_the_threshold_on():
    """299 s are none, 300 s are; later samples of the same say nothing more."""
    _, changes = told_by(
        look(0, idle_s=239.0), look(1, idle_s=299.0), look(2, idle_s=300.0), look(3, idle_s=360.0), look(4, idle_s=12.0)
    )
    assert lines(changes)[1:] == [
        "08:00:00.000001 custom kind=user_active idle_s=239",
        "08:02 custom kind=user_idle idle_s=300",
        "08:04 custom kind=user_active idle_s=12",
    ]


def test_what_is_told_no_longer_ended_where_it_was_told_last():
    _, changes = told_by(
        look(0, app="mail", is_locked=False, idle_s=1.0),
        look(1, app="mail", is_locked=False, idle_s=1.0),
        look(2),
        look(3, app="mail", is_locked=False, idle_s=1.0),
    )
    assert lines(changes)[4:] == [
        "08:01 app_blur mail because=not_told",
        "08:01:00.000001 lock because=not_told",
        "08:02 custom kind=user_unknown",
        "08:03 unlock because=told",
        "08:03:00.000001 app_focus mail because=told",
        "08:03:00.000002 custom kind=user_active idle_s=1",
    ]


@pytest.mark.parametrize(
    ("minute", "awake_min", "told"),
    [
        (61, 2, "wall_s=3600 awake_s=60"),  # slept on a machine whose other clock stands still
        (61, 61, "wall_s=3600 awake_s=3600"),  # slept where it goes on, or was held up
        (2.1, 2, "wall_s=66 awake_s=60"),  # more than the slack of 5 s
    ],
)
def test_a_gap_closes_what_was_open_before_it(minute: float, awake_min: float, told: str):
    _, changes = told_by(
        look(0, app="mail", is_locked=False), look(1, app="mail", is_locked=False),
        look(minute, awake_min=awake_min, app="mail", is_locked=False),
    )  # fmt: skip
    after = look(minute).at
    assert [(c.at, c.event_type) for c in changes[3:]] == [
        (EIGHT + timedelta(minutes=1), "app_blur"),
        (EIGHT + timedelta(minutes=1, microseconds=1), "lock"),
        (after, "custom"),
        (after + timedelta(microseconds=1), "unlock"),
        (after + timedelta(microseconds=2), "app_focus"),
    ]
    said = [line.partition(" ")[2] for line in lines(changes[3:])]
    assert said == [
        "app_blur mail because=gap", "lock because=gap", f"custom kind=gap {told}", "unlock because=gap",
        "app_focus mail because=gap",
    ]  # fmt: skip


def test_late_by_less_than_an_interval_is_no_gap():
    """Two intervals and 5 s are allowed: 125 s; here one sample is missing."""
    _, changes = told_by(look(0, app="mail"), look(2, app="mail"), look(4, app="mail"))
    assert len(changes) == 2


def test_a_clock_that_is_set_back_is_a_gap_and_time_goes_on_from_there():
    _, changes = told_by(look(30, app="mail"), look(31, app="mail"), look(2, awake_min=32, app="mail"))
    assert lines(changes)[2:] == [
        "08:31 app_blur mail because=gap",
        "08:02 custom kind=gap wall_s=-1740 awake_s=60",
        "08:02:00.000001 app_focus mail because=gap",
    ]


def test_a_journey_is_no_gap():
    """The machine's offset changes, the instant goes on."""
    there = timezone(timedelta(hours=2))
    second = look(1, app="mail")
    second = type(second)(at=second.at.astimezone(there), awake_s=second.awake_s, app="web")
    _, changes = told_by(look(0, app="mail"), second)
    assert [c.at.isoformat() for c in changes[2:]] == [
        "2026-06-01T14:01:00+02:00", "2026-06-01T14:01:00.000001+02:00"
    ]  # fmt: skip


def test_signs_of_life_every_quarter_of_an_hour():
    """Of 40 minutes there are two; each says how many samples it stands for."""
    _, changes = told_by(*(look(n) for n in range(41)))
    assert lines(changes)[1:] == [
        "08:15 custom kind=collector_alive n_samples=16",
        "08:30 custom kind=collector_alive n_samples=15",
    ]


def test_times_of_all_changes_ascend_at_whatever_pace():
    """What opened with the last sample before a gap is closed after it, not at the same instant."""
    _, changes = told_by(look(0, app="a"), look(1, app="b"), look(60, app="b"), look(61, app="c"), rules=Rules())
    times = [c.at for c in changes]
    assert times == sorted(set(times))
    assert lines(changes)[2:5] == [
        "08:01 app_blur a",
        "08:01:00.000001 app_focus b",
        "08:01:00.000002 app_blur b because=gap",
    ]


def test_the_end_closes_what_is_open_at_the_last_sample():
    state, _ = told_by(look(0, app="mail", is_locked=False), look(1, app="mail", is_locked=False))
    assert lines(end(state, look(1.5).at)) == [
        "08:01 app_blur mail because=stopped",
        "08:01:00.000001 lock because=stopped",
        "08:01:30 custom kind=collector_stopped because=stopped",
    ]
    assert lines(end(state, None, "killed"))[-1] == "08:01:00.000002 custom kind=collector_stopped because=killed"
