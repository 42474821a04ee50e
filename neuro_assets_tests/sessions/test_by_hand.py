"""A hand-checked log over midnight and both clock changes, the account of it, and whose clock counts."""

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from neuro_assets.sessions import compute
from neuro_assets.study import EventRules
from neuro_assets_tests.sessions.conftest import FIRST, LAST, log

LOG = (
    "2020-03-08T04:30 unlock",  # Sat 7 Mar 23:30 EST
    "2020-03-08T05:20 screen_off",  # Sun 8 Mar 00:20 EST: 30 + 20 min
    "2020-03-08T05:21 lock",  # the screen was off before: repeated
    "2020-03-08T06:50 unlock",  # 01:50 EST
    "2020-03-08T07:15 screen_off",  # 03:15 EDT: 25 min, of which the clock skips an hour
    "2020-03-09T03:40 unlock",  # 23:40 EDT
    "2020-03-09T04:10 screen_off",  # Mon 00:10 EDT: 20 + 10 min
    "2020-03-09T16:10:00.000001 screen_off",  # more than 12 hours later: nothing was open
    "2020-11-01T03:50 unlock",  # Sat 31 Oct 23:50 EDT
    "2020-11-01T04:05 screen_off",  # Sun 1 Nov 00:05 EDT: 10 + 5 min
    "2020-11-01T05:40 unlock",  # 01:40 EDT
    "2020-11-01T06:20 screen_off",  # 01:20 EST: 40 min
    "2020-11-01T15:00 unlock",  # 10:00 EST
    "2020-11-01T21:30 screen_off",  # 390 min: over the cap
    "2020-11-02T04:30 unlock",  # 23:30 EST
    "2020-11-02T05:45 screen_off",  # Mon 00:45 EST: 30 + 45 min
    "2020-11-02T15:00 unlock",
    "2020-11-02T15:00 lock",  # 10:00 EST: 0 min
    "2020-11-02T19:58 unlock",  # told twice: no end is known of the first
    "2020-11-02T20:00 unlock",  # nothing for 12 hours: unclosed
    "2020-11-03T08:00:00.000001 lock",
)
DAYS = [
    # day, n, sum, max, min, first use
    (date(2020, 3, 7), 1, 30, 30, 30, 1410),
    (date(2020, 3, 8), 3, 65, 25, 20, 0),
    (date(2020, 3, 9), 1, 10, 10, 10, 0),
    (date(2020, 10, 31), 1, 10, 10, 10, 1430),
    (date(2020, 11, 1), 3, 75, 40, 5, 0),
    (date(2020, 11, 2), 2, 45, 45, 0, 0),
]


def test_days_over_midnight_and_both_clock_changes_add_up_to_all_use(planted):
    study = planted()
    study.put(log(*LOG))
    study.sessionise(FIRST, LAST)
    totals = "day, n_episodes, sum_min, max_min, min_min, first_use_min"
    assert study.rows(f"SELECT {totals} FROM baselines.screen_day ORDER BY day") == DAYS
    # 50 + 25 + 30 + 15 + 40 + 75 + 0
    assert study.rows("SELECT sum(sum_min) FROM baselines.screen_day") == [(235,)]
    assert study.rows("SELECT std_min FROM baselines.screen_day WHERE day = '2020-11-02'") == [
        (pytest.approx(1012.5**0.5),)
    ]
    pieces = study.rows(
        "SELECT day, piece, strftime(local_ts, '%H:%M'), utc_offset_min, duration_s / 60, episode_s / 60, status"
        " FROM staging.screen_episode WHERE day >= '2020-11-01' ORDER BY ts"
    )
    assert pieces == [
        (date(2020, 11, 1), 1, "00:00", -240, 5, 15, "closed"),
        (date(2020, 11, 1), 0, "01:40", -240, 40, 40, "closed"),
        (date(2020, 11, 1), 0, "10:00", -300, 390, 390, "closed"),
        (date(2020, 11, 1), 0, "23:30", -300, 30, 75, "closed"),
        (date(2020, 11, 2), 1, "00:00", -300, 45, 75, "closed"),
        (date(2020, 11, 2), 0, "10:00", -300, 0, 0, "closed"),
        (date(2020, 11, 2), 0, "14:58", -300, None, None, "repeated"),
        (date(2020, 11, 2), 0, "15:00", -300, None, None, "unclosed"),
    ]


def test_the_account_says_what_became_of_every_event(planted):
    study = planted()
    study.put(log(*LOG))
    study.sessionise(FIRST, LAST)
    account = "SELECT rule, sum(n) FROM staging.episode_account WHERE episodes = 'screen' GROUP BY 1"
    assert dict(study.rows(account)) == {
        "openings_used": 8,
        "openings_repeated": 1,
        "openings_unclosed": 1,
        "closings_used": 8,
        "closings_repeated": 1,
        "closings_unmatched": 2,
        "ended_by_screen_off": 7,
        "ended_by_lock": 1,
        "episodes_over_cap": 1,
        "episodes_zero_length": 1,
    }
    # by the day of the event: on Monday 9 March the closing after midnight, and the one that closes nothing
    of_day = "SELECT rule, n FROM staging.episode_account WHERE day = '2020-03-09' AND episodes = 'screen' ORDER BY 1"
    assert study.rows(of_day) == [("closings_unmatched", 1), ("closings_used", 1)]


def test_apps_focus_sessions_and_answers_follow_the_protocol(planted):
    rules = {
        "categories": {"chat": "social", "mail": "work"},
        "distracting": ["social"],
        "response_within_min": 10,
        "app_cap_min": 20,
    }
    study = planted(events=rules)
    study.put(
        [
            *log("2020-06-01T14:00 focus_start", details='{"planned_min": 25}'),
            *log(
                "2020-06-01T14:05 notification chat",
                "2020-06-01T14:06 unlock",
                "2020-06-01T14:07 app_focus chat",
                "2020-06-01T14:09 app_focus mail",
                "2020-06-01T14:30 focus_stop",
                "2020-06-01T14:35 screen_off",
                "2020-06-01T15:00 notification mail",
                "2020-06-01T15:10:00.000001 unlock",
            ),
        ]
    )
    study.sessionise(date(2020, 6, 1), date(2020, 6, 1))
    assert study.rows(
        "SELECT app, category, duration_s, is_over_cap, ended_by FROM staging.app_episode ORDER BY ts"
    ) == [
        ("chat", "social", 120, False, "app_focus"),
        ("mail", "work", 26 * 60, True, "screen_off"),
    ]
    focus = "duration_s, planned_min, n_unlocks, n_notifications, n_distracting"
    assert study.rows(f"SELECT {focus} FROM staging.focus_session") == [(1800, 25, 1, 1, 1)]
    answers = "SELECT app, category, response_s, response_type FROM staging.notification_response ORDER BY ts"
    assert study.rows(answers) == [("chat", "social", 60, "unlock"), ("mail", "work", None, None)]
    account = "SELECT rule, n FROM staging.episode_account WHERE episodes = 'notification' ORDER BY 1"
    assert study.rows(account) == [("notifications_answered_by_unlock", 1), ("notifications_unanswered", 1)]


def test_people_without_a_zone_go_by_the_offset_of_their_events(planted):
    """At UTC+5:30 midnight is at 18:30; the protocol knows of a zone for one of them from 3 June on."""
    people = [
        {"participant_id": "free"},
        {"participant_id": "later", "zones": [{"since": date(2020, 6, 3), "zone": "Europe/London"}]},
    ]
    study = planted(default_time_zone=None, auto_enrol=False, people=people)
    for who in ("free", "later"):
        lines = ("2020-06-01T18:00 unlock", "2020-06-01T19:00 lock", "2020-06-03T18:00 unlock", "2020-06-03T19:00 lock")
        study.put(log(*lines, who=who, clock=330))
    study.sessionise(date(2020, 6, 1), date(2020, 6, 4))
    found = "SELECT participant_id, day, zone, duration_s / 60 FROM staging.screen_episode ORDER BY participant_id, ts"
    assert study.rows(found) == [
        ("free", date(2020, 6, 1), "UTC+05:30", 30),
        ("free", date(2020, 6, 2), "UTC+05:30", 30),
        ("free", date(2020, 6, 3), "UTC+05:30", 30),
        ("free", date(2020, 6, 4), "UTC+05:30", 30),
        ("later", date(2020, 6, 1), "UTC+05:30", 30),
        ("later", date(2020, 6, 2), "UTC+05:30", 30),
        ("later", date(2020, 6, 3), "Europe/London", 60),
    ]


def test_a_journey_of_the_protocol_cuts_at_midnight_of_the_zone_that_is_left(planted):
    zones = [{"zone": "Asia/Tokyo"}, {"since": date(2020, 1, 10), "zone": "Pacific/Honolulu"}]
    study = planted(people=[{"participant_id": "p", "zones": zones}])
    # midnight of Tokyo is 15:00 UTC; then it is 05:00 of the 9th in Honolulu
    study.put(log("2020-01-09T14:30 unlock", "2020-01-09T15:30 lock", clock="Asia/Tokyo"))
    study.sessionise(date(2020, 1, 9), date(2020, 1, 9))
    found = "SELECT day, zone, local_ts, duration_s / 60 FROM staging.screen_episode ORDER BY ts"
    assert study.rows(found) == [
        (date(2020, 1, 9), "Asia/Tokyo", datetime(2020, 1, 9, 23, 30), 30),
        (date(2020, 1, 9), "Pacific/Honolulu", datetime(2020, 1, 9, 5), 30),
    ]
    assert study.rows("SELECT n_episodes, sum_min FROM baselines.screen_day") == [(1, 60)]


def test_events_taken_away_and_other_rules_take_their_episodes_with_them(planted):
    study = planted()
    study.put(log(*LOG))
    study.sessionise(FIRST, LAST)
    with study.job.lake.transaction(study.connection, ["staging.event"]):
        study.connection.execute("DELETE FROM staging.event WHERE day = '2020-03-07'")
    study.sessionise(date(2020, 3, 7), date(2020, 3, 7))
    days = "SELECT day, sum_min FROM baselines.screen_day WHERE day < '2020-06-01' ORDER BY 1"
    assert study.rows(days) == [(date(2020, 3, 8), 45), (date(2020, 3, 9), 10)]


def test_events_that_are_staged_while_a_run_reads_are_read_again(planted, monkeypatch):
    """Else the run would write days as they were over those that a faster run had made of newer events."""
    study = planted()
    study.put(log("2020-06-01T14:00 unlock"))
    real, calls = compute._make, []

    def make(*given: object) -> int:
        events = real(*given)  # type: ignore[arg-type]
        if not calls:
            study.put(log("2020-06-01T14:10 lock"))
            with study.job.lake.transaction(study.connection, ["ops.staging_days"]):
                study.connection.execute(
                    "INSERT INTO ops.staging_days BY NAME SELECT 'staging.event' AS table_name,"
                    " DATE '2020-06-01' AS day, 'v2' AS raw_version, now() AS staged_at"
                )
        calls.append(events)
        return events

    monkeypatch.setattr(compute, "_make", make)
    study.sessionise(date(2020, 6, 1), date(2020, 6, 1))
    assert calls == [1, 2]
    assert study.rows("SELECT sum_min FROM baselines.screen_day") == [(10,)]


@pytest.mark.verify
def test_people_are_taken_in_blocks(planted, monkeypatch):
    """Of 30 events each of the five is a block, of a million all are one."""
    study, other = planted(), planted()
    monkeypatch.setattr(compute, "_EVENTS_AT_ONCE", 30)
    for one in (study, other):
        for who in "abcde":
            one.put(log(*LOG, who=who))
        one.sessionise(FIRST, LAST)
        monkeypatch.setattr(compute, "_EVENTS_AT_ONCE", 1_000_000)
    assert study.tables() == other.tables()
    assert study.rows("SELECT count(DISTINCT participant_id) FROM baselines.screen_day") == [(5,)]


def test_what_lies_more_than_twelve_hours_apart_is_not_linked(planted):
    study = planted()
    study.put(log("2020-06-01T10:00 unlock", "2020-06-01T22:00 lock", "2020-06-03T10:00 unlock"))
    study.put(log("2020-06-03T22:00:00.000001 lock"))
    study.sessionise(date(2020, 6, 1), date(2020, 6, 3))
    found = "SELECT began_ts, status, is_over_cap FROM staging.screen_episode WHERE piece = 0 ORDER BY ts"
    assert study.rows(found) == [
        (datetime(2020, 6, 1, 10, tzinfo=UTC), "closed", True),
        (datetime(2020, 6, 3, 10, tzinfo=UTC), "unclosed", None),
    ]


@pytest.mark.parametrize(
    "wrong",
    [{"screen_cap_min": 721}, {"app_cap_min": 0}, {"distracting": ["socail"], "categories": {"chat": "social"}}],
)
def test_rules_that_cannot_be_are_refused(wrong: dict):
    with pytest.raises(ValidationError):
        EventRules.model_validate(wrong)
