"""One reason for what is missing, and what decides it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets_tests.coverage.conftest import FIRST, LAST, day
from neuro_assets_tests.tables import query, read_table

NIGHTLY = [(day(n, 20), 80 - 15 * (n - 1)) for n in range(1, 6)]


def test_minutes_are_counted_and_a_true_0_while_worn_stays(planted):
    study = planted()
    study.worn("a", day(1), day(2))
    study.minutes("steps", "b", day(1), day(2), 0)
    study.minutes("heart_rate", "b", day(1), day(2), 60)
    study.cover(last=FIRST)
    for who in ("a", "b"):
        assert {told for at, told in study.hours(who).items() if at < day(2)} == {(60, 0, None)}
    sql = "SELECT DISTINCT length_min, expected_min, observed_min, worn_min FROM coverage.hourly WHERE day = ?"
    assert query(study.job.lake, sql, [FIRST]) == [(60, 60, 60, 60)]


def test_rows_without_a_sign_of_wear_are_not_worn(planted):
    study = planted()
    study.worn("a", day(1), day(1, 8))
    study.off("a", day(1, 8), day(1, 12))
    study.worn("a", day(1, 12), day(2))
    study.cover(last=FIRST)
    assert study.reasons("a", day(1, 8), day(1, 12)) == {"not_worn"}
    assert study.reasons("a", day(1, 8), day(1, 12), "heart_rate") == {"not_worn"}
    assert study.reasons("a", day(1), day(1, 8)) == study.reasons("a", day(1, 12), day(2)) == {None}
    assert study.hours("a")[day(1, 9)] == (0, 60, "not_worn")


def test_what_no_sync_has_brought_is_not_synced_and_not_not_worn(planted):
    """Without a history of syncs, what tells is that nothing of the person is there after a moment."""
    study = planted()
    study.worn("a", day(1), day(3, 6))
    study.worn("b", day(1), day(6))
    study.cover(last=date(2019, 11, 5))
    assert study.reasons("a", day(3, 6), day(6)) == {"not_synced"}
    assert study.reasons("a", day(1), day(3, 6)) == {None}
    sql = "SELECT DISTINCT evidence FROM coverage.hourly WHERE participant_id = 'a' AND reason IS NOT NULL"
    (told,) = query(study.job.lake, sql)
    assert told == ("nothing has been handed over since",)


def test_an_hour_of_which_a_part_is_there_has_the_reason_of_the_rest(planted):
    study = planted()
    study.worn("a", day(1), day(1, 10.5))
    study.off("a", day(1, 10.5), day(1, 11))
    study.worn("a", day(1, 11), day(2))
    study.cover(last=FIRST)
    assert study.hours("a")[day(1, 10)] == (30, 30, "not_worn")


def test_a_gap_between_rows_without_syncs_is_unknown(planted):
    study = planted()
    study.worn("a", day(1), day(2))
    study.worn("a", day(3), day(4))
    study.cover(last=date(2019, 11, 3))
    assert study.reasons("a", day(2), day(3)) == {"unknown"}


def test_a_used_up_charge_is_the_battery(planted):
    """15 % a day: 20 % at 20:00 on the fifth are used up after 32 hours; the gap ends four days later."""
    study = planted()
    study.syncs("a", [*NIGHTLY, (day(10, 12), 95)])
    study.worn("a", day(1), day(7, 4))
    study.worn("a", day(10, 10), day(10, 12))
    study.cover(last=date(2019, 11, 10))
    assert study.reasons("a", day(7, 4), day(10, 10)) == {"battery"}
    assert study.reasons("a", day(10, 12), day(11)) == {"not_synced"}


@pytest.mark.verify
def test_a_low_charge_at_the_last_sync_is_the_battery_until_a_later_sync_tells_otherwise(planted):
    """5 % at the last sync are used up at once; but the device had been charged, and hands everything over later."""
    study = planted()
    study.syncs("a", [*NIGHTLY, (day(6, 20), 5)])
    study.worn("a", day(1), day(6, 20))
    study.cover(last=date(2019, 11, 10))
    assert study.reasons("a", day(6, 21), day(9, 20)) == {"battery"}
    assert study.reasons("a", day(10), day(11)) == {"not_synced"}
    study.syncs("a", [(day(12, 20), 60)])
    study.worn("a", day(6, 20), day(12, 20))
    study.cover(date(2019, 11, 12), date(2019, 11, 12))
    assert study.reasons("a", day(6, 20), day(12, 20)) == {None}


def test_a_gap_with_charge_left_is_not_the_battery(planted):
    study = planted()
    study.syncs("a", [*NIGHTLY[:2], (day(3, 20), 50)])
    study.worn("a", day(1), day(3))
    study.worn("a", day(3, 6), day(3, 20))
    study.cover(last=date(2019, 11, 3))
    assert study.reasons("a", day(3), day(3, 6)) == {"unknown"}


def test_what_was_older_than_the_devices_memory_at_the_next_sync_is_lost_and_counts_as_not_synced(planted):
    study = planted()
    study.syncs("a", [(day(1, 20), 90), (day(12, 20), 60)])
    study.worn("a", day(1), day(1, 20))
    study.worn("a", day(5, 20), day(12, 20))
    study.cover(last=date(2019, 11, 12))
    assert study.reasons("a", day(1, 20), day(5, 20)) == {"not_synced"}
    sql = "SELECT DISTINCT basis, evidence FROM coverage.hourly WHERE day = '2019-11-03'"
    assert query(study.job.lake, sql) == [("lost", "handed over nothing so old at the sync of 2019-11-12 20:00 UTC")]


PEOPLE = [
    {"participant_id": "late", "enrolled_on": "2019-11-04"},
    {"participant_id": "left", "enrolled_on": "2019-11-01", "withdrawn_on": "2019-11-03"},
    {"participant_id": "lapsed", "enrolled_on": "2019-11-01",
     "consent_lapsed": [{"since": "2019-11-02", "until": "2019-11-03"}, {"since": "2019-11-06"}]},
    {"participant_id": "never", "enrolled_on": "2019-11-02"},
]  # fmt: skip


def test_enrolment_withdrawal_and_consent_come_from_the_participants_file(planted):
    study = planted(people=PEOPLE, auto_enrol=False)
    for who in ("late", "left", "lapsed"):
        study.worn(who, day(4), day(6))
    study.cover(last=date(2019, 11, 7))
    assert study.reasons("late", day(1), day(4)) == {"not_enrolled"}
    assert study.reasons("late", day(4), day(6)) == {None}
    assert study.reasons("late", day(6), day(8)) == {"not_synced"}
    assert study.reasons("left", day(1), day(4)) == {"not_synced"} or study.reasons("left", day(1), day(4)) == {
        "unknown"
    }
    assert study.reasons("left", day(6), day(8)) == {"withdrawn"}
    assert study.reasons("lapsed", day(1), day(2)) == {"unknown"}
    assert study.reasons("lapsed", day(2), day(4)) == {"needs_reconsent"}
    assert study.reasons("lapsed", day(4), day(6)) == {None}
    assert study.reasons("lapsed", day(6), day(8)) == {"needs_reconsent"}
    assert study.reasons("never", day(2), day(8)) == {"not_synced"}
    sql = "SELECT DISTINCT reason, expected_min FROM coverage.hourly WHERE reason IN ('not_enrolled', 'withdrawn')"
    assert sorted(query(study.job.lake, sql)) == [("not_enrolled", 0), ("withdrawn", 0)]


def test_a_person_enrolled_by_data_counts_from_the_first_day_with_data(planted):
    study = planted()
    study.worn("a", day(3), day(4))
    study.cover(last=date(2019, 11, 4))
    assert study.reasons("a", day(1), day(3)) == set()
    assert study.reasons("a", day(3), day(5)) == {None, "not_synced"}


def test_an_outage_explains_what_is_missing_and_nothing_that_is_there(planted):
    outage = {
        "since": datetime(2019, 11, 2, tzinfo=UTC),
        "until": datetime(2019, 11, 3, tzinfo=UTC),
        "streams": ["steps"],
    }
    study = planted(coverage={"outages": [outage]})
    study.worn("a", day(1), day(2, 6))
    study.worn("a", day(2, 18), day(4))
    study.cover(last=date(2019, 11, 3))
    assert study.reasons("a", day(2, 6), day(2, 18)) == {"source_failure"}
    assert study.reasons("a", day(2, 6), day(2, 18), "heart_rate") == {"unknown"}
    assert study.reasons("a", day(2), day(2, 6)) == study.reasons("a", day(2, 18), day(4)) == {None}


def test_a_held_day_is_held_for_its_stream(planted):
    study = planted()
    study.worn("a", day(1), day(2))
    study.minutes("heart_rate", "a", day(2), day(3), 70)
    study.worn("a", day(3), day(4))
    with study.job.lake.connect() as c, study.job.lake.transaction(c, ["ops.day_holds"]):
        c.execute("INSERT INTO ops.day_holds VALUES ('staging.steps', '2019-11-02', 'bad', 9, 10, now(), NULL)")
    study.cover(last=date(2019, 11, 3))
    assert study.reasons("a", day(2), day(3)) == {"held"}
    assert study.reasons("a", day(2), day(3), "heart_rate") == {None}
    with study.job.lake.connect() as c, study.job.lake.transaction(c, ["ops.day_holds"]):
        c.execute("UPDATE ops.day_holds SET released_at = now()")
    study.cover(last=date(2019, 11, 3))
    assert study.reasons("a", day(2), day(3)) == {"unknown"}


def test_a_day_has_the_reason_of_most_of_its_missing_minutes_and_the_sum_of_its_hours(planted):
    study = planted()
    study.worn("a", day(1), day(1, 6))
    study.off("a", day(1, 6), day(1, 10))
    study.worn("a", day(1, 10), day(1, 12))
    study.cover(last=date(2019, 11, 1))
    sql = "SELECT length_min, expected_min, observed_min, worn_min, valid_min, missing_min, reason FROM coverage.daily"
    found = query(study.job.lake, sql + " WHERE stream = 'steps' AND day = '2019-11-01'")
    assert found == [(1440, 1440, 720, 480, 480, 960, "not_synced")]


def test_hours_that_have_not_begun_are_not_told(planted):
    study = planted()
    study.worn("a", day(1), day(2))
    study.cover(last=LAST, now=datetime(2019, 11, 2, 6, 30, tzinfo=UTC))
    assert max(study.hours("a")) == day(2, 6)


@pytest.mark.parametrize(("zone", "days"), [("Europe/Oslo", {31: 23 * 60})])
def test_a_short_day_expects_its_own_length(planted, zone: str, days: dict[int, int]):
    study = planted(window={"start": "2019-03-08", "end": "2019-04-02"}, default_time_zone=zone)
    study.worn("a", datetime(2019, 3, 7), datetime(2019, 4, 3))
    study.cover(date(2019, 3, 9), date(2019, 4, 1))
    sql = "SELECT day(day), expected_min FROM coverage.daily WHERE expected_min <> 1440 AND month(day) = 3"
    assert dict(query(study.job.lake, sql)) == days


def everything(study) -> dict[str, list[tuple]]:
    """All rows of both tables."""
    orders = {"hourly": "participant_id, stream, ts", "daily": "participant_id, stream, day"}
    return {name: read_table(study.job.lake, f"coverage.{name}", order).rows() for name, order in orders.items()}


@pytest.mark.verify
def test_by_touched_days_in_any_order_it_is_what_all_at_once_gives(planted):
    """Rows and syncs come in three parts; only the days that each touches are asked for."""
    parts = [
        (day(1), day(3, 2), [(day(1, 20), 80), (day(2, 20), 65), (day(3, 2), 61)]),
        (day(3, 2), day(5, 4), []),
        (day(9), day(10), [(day(9, 20), 90), (day(10), 88)]),
    ]

    def put(study, part) -> None:
        since, until, syncs = part
        study.worn("a", since, until - timedelta(hours=1))
        study.off("a", until - timedelta(hours=1), until)
        study.syncs("a", syncs)

    people = [{"participant_id": "a", "enrolled_on": FIRST}]
    whole = planted(people=people)
    for part in parts:
        put(whole, part)
    whole.cover()
    assert set(whole.reasons("a", day(1), day(31))) >= {None, "not_worn", "not_synced"}
    piecewise = planted(people=people)
    piecewise.cover()
    assert set(piecewise.reasons("a", day(1), day(31))) == {"not_synced"}
    for part in parts:
        put(piecewise, part)
        piecewise.cover(part[0].date(), (part[1] - timedelta(minutes=1)).date())
    assert everything(piecewise) == everything(whole)


def test_a_sync_within_a_minute_leaves_nothing_waiting(planted):
    """What waits for a later sync is not written again as long as there is none."""
    study = planted()
    study.syncs("a", [(day(3) + timedelta(seconds=30), 50)])
    study.worn("a", day(1), day(3))
    study.cover(last=date(2019, 11, 10))
    study.worn("a", day(3), day(3, 0.01))
    before = query(study.job.lake, "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')")[0][0]
    study.cover(last=FIRST)
    assert query(study.job.lake, "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')")[0][0] == before + 1


def test_no_expected_samples_no_coverage(make_job):
    job: Ingest = make_job(expected_streams=("daily_activity",))
    from neuro_assets.coverage.compute import cover_days
    from neuro_assets.ingest.load import prepare_lake

    prepare_lake(job.lake, job.tables)
    with job.lake.connect() as connection:
        assert cover_days(connection, job, FIRST, LAST).hours == 0
