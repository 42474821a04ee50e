"""Adherence, the overview and what each rule would keep: counted by hand on 29 days of a few people.

Steps come by the hour, 10 a minute while the device is worn and 0 while it is not, so that a day's wear is whole hours.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import polars as pl
import pytest

from neuro_assets.coverage.people import People, judge_people, write_people
from neuro_assets.ingest.load import Ingest
from neuro_assets.streams.coverage import PEOPLE_TABLES, SURVEY
from neuro_assets_tests.coverage.conftest import FIRST, LAST, Planted, day
from neuro_assets_tests.coverage.test_worklist import contact, hold, on, plant, write
from neuro_assets_tests.tables import query

NOW = datetime(2019, 11, 30, 8, tzinfo=UTC)
# No rows at all on these days: of an outage, held ones, and of a lapse of consent.
OUTAGE, HELD, LAPSED = 24, 20, (26, 27)
Stretch = tuple[str, datetime, datetime, float]

PEOPLE: list[dict[str, object]] = [
    {"participant_id": "full", "enrolled_on": FIRST},
    {"participant_id": "every other day", "enrolled_on": FIRST},
    {"participant_id": "waiting", "enrolled_on": FIRST},
    {"participant_id": "excused", "enrolled_on": FIRST, "consent_lapsed": [{"since": on(26), "until": on(27)}]},
    {"participant_id": "late", "enrolled_on": on(27)},
    {"participant_id": "left", "enrolled_on": FIRST, "withdrawn_on": on(20)},
    {"participant_id": "never", "enrolled_on": on(20)},
    {"participant_id": "today", "enrolled_on": on(30)},
    {"participant_id": "to come", "enrolled_on": date(2019, 12, 5)},
    {"participant_id": "nine hours", "enrolled_on": on(29)},
]


def stretches() -> list[Stretch]:
    """Worn: 10 steps a minute; else 0."""
    end, rows = day(30, 7), []

    def worn(who: str, since: datetime, until: datetime) -> None:
        rows.append((who, since, until, 600))

    def off(who: str, since: datetime, until: datetime) -> None:
        rows.append((who, since, until, 0))

    worn("full", day(1), end)
    for n in range(1, 30):
        hours = 5 if n % 2 else 24
        worn("every other day", day(n), day(n, hours))
        if hours < 24:
            off("every other day", day(n, hours), day(n + 1))
    worn("every other day", day(30), end)
    worn("waiting", day(1), day(26, 6))
    for n in range(1, 29):
        if n not in {OUTAGE, HELD, *LAPSED}:
            worn("excused", day(n), day(n + 1))
    off("excused", day(29), day(30))
    worn("excused", day(30), end)
    worn("late", day(27), end)
    worn("left", day(1), day(21))
    worn("nine hours", day(29), day(29, 9))
    off("nine hours", day(29, 9), day(30))
    worn("nine hours", day(30), end)
    return rows


def nights(who: str, days: range, minutes: int) -> str:
    """A vendor's summaries of nights."""
    return (
        "INSERT INTO staging.daily_sleep BY NAME SELECT"
        f" '{who}' AS participant_id, DATE '2019-11-01' + n - 1 AS day, 1 AS sleep_records,"
        f" {minutes} AS minutes_asleep, {minutes} AS minutes_in_bed, 'test' AS source, 'f' AS file_id,"
        f" 1 AS row_number FROM (SELECT unnest({list(days)}) AS n)"
    )


def log(who: str, start: datetime, minutes: int, asleep: int | None = None) -> str:
    """A log of sleep, counted to the day of waking up."""
    return (
        f"INSERT INTO staging.sleep_session BY NAME SELECT '{who}' AS participant_id, m::DATE AS day,"
        " timezone('UTC', m) AS ts, m AS local_ts, 0 AS fold, 0 AS utc_offset_min, m + to_minutes(d) AS end_local_ts,"
        " (m + to_minutes(d))::DATE AS date_of_sleep, 'stages' AS sleep_type, 60 * d AS duration_s,"
        f" {minutes if asleep is None else asleep} AS minutes_asleep, 0 AS minutes_awake, d AS minutes_in_bed,"
        " 'ok' AS time_quality, 'study' AS tz_source, 'test' AS source, 'f' AS file_id, 1 AS row_number"
        f" FROM (SELECT TIMESTAMP '{start}' AS m, {minutes} AS d)"
    )


SLEEP = [
    # Three nights of five hours; four nights without a record.
    nights("full", range(23, 26), 300),
    nights("every other day", range(23, 25), 300),
    # 8, 7 and 6.5 hours, as logs: the first ends on the day of its start, the last has a nap of an hour beside it.
    log("waiting", day(23, 0.5), 500, 480),
    log("waiting", day(23, 22), 420),
    log("waiting", day(24, 23.5), 330),
    log("waiting", day(25, 14), 60),
    # The night of the 30th is not over by any day that counts, that of the 22nd is before the last seven days.
    log("waiting", day(29, 23), 60),
    log("waiting", day(21, 23), 60),
    # One night told by both: it counts once.
    nights("excused", range(25, 26), 420),
    log("excused", day(24, 23), 120),
    # Two nights before the first day of the person, and two after it.
    nights("late", range(25, 27), 240),
    nights("late", range(28, 30), 420),
]


@pytest.fixture(scope="module")
def study(make_job: Callable[..., Ingest]) -> Iterator[Planted]:
    outage = {"since": datetime(2019, 11, 24, tzinfo=UTC), "until": datetime(2019, 11, 25, tzinfo=UTC)}
    job = make_job(
        window={"start": FIRST, "end": LAST},
        default_time_zone="UTC",
        expected_streams=("steps",),
        people=PEOPLE,
        auto_enrol=False,
        coverage={"outages": [outage], "valid_day": {"thresholds": {"min_worn_min": 540}}},
    )
    with job.lake.connect() as connection:
        study = Planted(job, connection)
        plant(study, "steps", stretches(), step_min=60)
        study.syncs("full", [(day(29, 20), 40), (day(30, 7), None)])
        study.syncs("excused", [(day(29, 20), 40), (day(30, 7), 35)])
        write(study, *SLEEP, *hold("staging.steps", on(HELD)), contact("full", "2019-11-28 10:00"),
              contact("full", "2019-11-27 10:00"), contact("full", "2019-11-30 09:00"))  # fmt: skip
        study.cover(FIRST, LAST, NOW)
        yield study


@pytest.fixture(scope="module")
def found(study: Planted) -> People:
    """Everybody on 30 November, 08:00."""
    return judge_people(study.connection, study.job, NOW)


COUNTS = ("days_expected", "days_handed_over", "days_valid", "days_not_valid", "days_excused", "days_waiting")


def spans(found: People, who: str, *columns: str) -> dict[str, tuple]:
    """Some columns of a person's spans."""
    rows = found.frames["coverage.adherence"].filter(participant_id=who).to_dicts()
    return {row["span"]: tuple(row[c] for c in columns) for row in rows}


@pytest.mark.parametrize(
    ("who", "counts"),
    [
        ("full", {"7d": (7, 7, 7, 0, 0, 0), "14d": (14, 14, 14, 0, 0, 0), "28d": (28, 28, 28, 0, 0, 0),
                  "enrolled": (29, 29, 29, 0, 0, 0)}),
        # 24, 26 and 28 of the days 23 to 29; seven of 16 to 29; 14 of 2 to 29, and of 1 to 29.
        ("every other day", {"7d": (7, 7, 3, 4, 0, 0), "14d": (14, 14, 7, 7, 0, 0), "28d": (28, 28, 14, 14, 0, 0),
                             "enrolled": (29, 29, 14, 15, 0, 0)}),
        # 23 to 25; the 26th is not whole.
        ("waiting", {"7d": (7, 3, 3, 0, 0, 4), "14d": (14, 10, 10, 0, 0, 4), "28d": (28, 24, 24, 0, 0, 4),
                     "enrolled": (29, 25, 25, 0, 0, 4)}),
        # Valid are 23, 25 and 28; not the 29th; the outage and the lapse are excused, and from 14 days on the held day.
        ("excused", {"7d": (7, 7, 3, 1, 3, 0), "14d": (14, 14, 9, 1, 4, 0), "28d": (28, 28, 23, 1, 4, 0),
                     "enrolled": (29, 29, 24, 1, 4, 0)}),
        ("late", dict.fromkeys(("7d", "14d", "28d", "enrolled"), (3, 3, 3, 0, 0, 0))),
        # Of 10 days since enrolment nothing has come.
        ("never", {"7d": (7, 0, 0, 0, 0, 7), "14d": (10, 0, 0, 0, 0, 10), "28d": (10, 0, 0, 0, 0, 10),
                   "enrolled": (10, 0, 0, 0, 0, 10)}),
        ("left", {"7d": (7, 7, 7, 0, 0, 0), "14d": (14, 14, 14, 0, 0, 0), "28d": (20, 20, 20, 0, 0, 0),
                  "enrolled": (20, 20, 20, 0, 0, 0)}),
        ("today", {}),
        ("to come", {}),
    ],
)  # fmt: skip
def test_the_days_of_each_span(found: People, who: str, counts: dict[str, tuple[int, ...]]):
    assert spans(found, who, *COUNTS) == counts


def test_a_span_ends_with_the_last_day_that_counts(found: People):
    ends = ("first_day", "last_day")
    assert spans(found, "full", *ends) == {
        "7d": (on(23), on(29)),
        "14d": (on(16), on(29)),
        "28d": (on(2), on(29)),
        "enrolled": (on(1), on(29)),
    }
    assert set(spans(found, "late", *ends).values()) == {(on(27), on(29))}
    assert spans(found, "left", *ends)["7d"] == (on(14), on(20))


@pytest.mark.parametrize(
    ("who", "adherence"),
    [
        ("full", [1, 1, 1, 1]),
        ("every other day", [3 / 7, 7 / 14, 14 / 28, 14 / 29]),
        ("waiting", [1, 1, 1, 1]),
        ("excused", [3 / 4, 9 / 10, 23 / 24, 24 / 25]),
        ("never", [None] * 4),
    ],
)
def test_neither_waiting_nor_excused_days_are_in_the_denominator(found: People, who: str, adherence: list):
    told = spans(found, who, "adherence")
    assert [told[s][0] for s in ("7d", "14d", "28d", "enrolled")] == [a and pytest.approx(a) for a in adherence]


def test_a_day_without_wear_is_not_excused_because_the_vendors_summaries_are_missing(study: Planted):
    """Of the 23rd 19 hours were not worn; that its two summaries fell to an outage changes nothing of that."""
    connection = study.connection
    connection.execute("BEGIN TRANSACTION")
    try:
        for stream in ("daily_activity", "daily_sleep"):
            connection.execute(
                "INSERT INTO coverage.daily SELECT participant_id, day, ?, 1440, 1440, 0, NULL, 0, 1440,"
                " 'source_failure', 'coverage.outages of the protocol' FROM coverage.daily"
                " WHERE participant_id = 'every other day' AND day = '2019-11-23'",
                [stream],
            )
        counts = spans(judge_people(connection, study.job, NOW), "every other day", *COUNTS)["7d"]
    finally:
        connection.execute("ROLLBACK")
    assert counts == (7, 7, 3, 4, 0, 0)


def test_wear_is_that_of_days_that_were_handed_over(found: People):
    """Three whole days and four of five hours; the six hours of the 26th are not a day yet."""
    worn = {who: spans(found, who, "worn_h_per_day")["7d"][0] for who in ("every other day", "waiting", "never")}
    assert worn == {"every other day": pytest.approx((3 * 24 + 4 * 5) / 7), "waiting": 24, "never": None}


def test_the_main_reason_is_that_of_most_of_what_is_missing(found: People):
    reasons = {who: spans(found, who, "main_reason")["7d"][0] for who in ("full", "every other day", "waiting")}
    assert reasons == {"full": None, "every other day": "not_worn", "waiting": "not_synced"}
    assert spans(found, "excused", "main_reason")["7d"] == ("needs_reconsent",)


def test_what_was_not_yet_known_does_not_count(study: Planted):
    """On 13 November, 08:00, `waiting` has all days; nothing of the later ones is told."""
    then = judge_people(study.connection, study.job, datetime(2019, 11, 13, 8, tzinfo=UTC))
    assert spans(then, "waiting", *COUNTS)["7d"] == (7, 7, 7, 0, 0, 0)
    assert spans(then, "every other day", *COUNTS)["enrolled"] == (12, 12, 6, 6, 0, 0)
    assert spans(then, "late", *COUNTS) == {}
    (row,) = then.frames["coverage.overview"].filter(participant_id="left").to_dicts()
    assert row["status"] == "active"


def overview(found: People, *columns: str) -> dict[str, tuple]:
    """Some columns of everybody."""
    rows = found.frames["coverage.overview"].to_dicts()
    return {row["participant_id"]: tuple(row[c] for c in columns) for row in rows}


def test_who_takes_part_now_and_for_how_long_nothing_has_come(found: People):
    """Of the ten days and eight hours of `never` one day was an outage."""
    assert overview(found, "status", "hours_silent", "handed_over_at") == {
        "full": ("active", 1, datetime(2019, 11, 30, 7, tzinfo=UTC)),
        "every other day": ("active", 1, datetime(2019, 11, 30, 7, tzinfo=UTC)),
        "excused": ("active", 1, datetime(2019, 11, 30, 7, tzinfo=UTC)),
        "late": ("active", 1, datetime(2019, 11, 30, 7, tzinfo=UTC)),
        "nine hours": ("active", 1, datetime(2019, 11, 30, 7, tzinfo=UTC)),
        "waiting": ("inactive", 98, datetime(2019, 11, 26, 6, tzinfo=UTC)),
        "left": ("withdrawn", 9 * 24 + 8 - 24, datetime(2019, 11, 21, tzinfo=UTC)),
        "never": ("nothing_yet", 10 * 24 + 8 - 24, None),
        "today": ("nothing_yet", 8, None),
        "to come": ("not_enrolled", 0, None),
    }


def test_who_wears_the_device_little(found: People):
    columns = ("days_handed_over", "days_valid", "worn_h_per_day", "is_low_wear", "main_reason")
    told = overview(found, *columns)
    assert told["every other day"] == (7, 3, pytest.approx(92 / 7), False, "not_worn")
    assert told["waiting"] == (3, 3, 24, False, "not_synced")
    assert told["nine hours"] == (1, 1, 9, True, "not_worn")
    assert told["never"][:4] == (0, 0, None, None)
    assert told["late"] == (3, 3, 24, False, None)


@pytest.mark.parametrize(
    ("who", "nights", "sleep_h", "is_low"),
    [
        ("full", 3, 5, True),
        ("every other day", 2, 5, None),
        ("waiting", 3, (8 + 7 + 6.5) / 3, False),
        ("excused", 1, 7, None),
        ("never", 0, None, None),
        ("late", 2, 7, None),
    ],
)
def test_who_sleeps_little(found: People, who: str, nights: int, sleep_h: float | None, is_low: bool | None):
    told = overview(found, "nights", "sleep_h_per_night", "is_low_sleep")[who]
    assert told == (nights, sleep_h and pytest.approx(sleep_h), is_low)


def test_the_charge_and_the_last_contact_are_shown(found: People):
    """The last sync of `full` told no charge; the call of 09:00 is still to come."""
    told = overview(found, "battery_pct", "last_contact")
    assert told["excused"] == (35, None)
    assert told["full"][1] == datetime(2019, 11, 28, 10, tzinfo=UTC)
    assert told["never"] == (None, None)


def kept(found: People, who: str) -> dict[str, tuple[int, ...]]:
    """What each rule would do with a person's days."""
    rows = found.frames["coverage.valid_day_sensitivity"].filter(participant_id=who).to_dicts()
    columns = ("days", "days_kept", "days_not_kept", "days_undecided")
    return {row["rule"]: tuple(row[c] for c in columns) for row in rows}


@pytest.mark.parametrize(
    ("who", "rule", "counts"),
    [
        ("every other day", "ten_hours", (29, 14, 15, 0)),
        ("every other day", "sixteen_hours", (29, 14, 15, 0)),
        # From 8 to 20 h; none of the five hours is then.
        ("every other day", "adherent_hours", (29, 14, 15, 0)),
        # 300 minutes of 10 steps.
        ("every other day", "steps_1000", (29, 29, 0, 0)),
        ("every other day", "rapids_minutes", (29, 0, 29, 0)),
        # The vendor's total is not there to compare with; of a night of the 23rd nothing but the length is known.
        ("every other day", "abcd", (29, 0, 14, 15)),
        ("waiting", "ten_hours", (29, 25, 0, 4)),
        # Six hours of steps on the 26th are enough of them already.
        ("waiting", "steps_1000", (29, 26, 0, 3)),
        ("never", "active_day", (10, 0, 0, 10)),
        # By the protocol's 540 minutes; 600 are the rule's own.
        ("nine hours", "ten_hours", (1, 1, 0, 0)),
        ("nine hours", "sixteen_hours", (1, 0, 1, 0)),
        ("to come", "ten_hours", (0, 0, 0, 0)),
    ],
)
def test_what_each_rule_would_keep(found: People, who: str, rule: str, counts: tuple[int, ...]):
    assert kept(found, who)[rule] == counts


def test_the_rules_are_told_with_the_thresholds_that_were_applied(study: Planted, found: People):
    frame = found.frames["coverage.valid_day_sensitivity"].select("rule", "is_protocol_rule", "told").unique()
    told = {rule: (is_protocol, words) for rule, is_protocol, words in frame.iter_rows()}
    assert told["ten_hours"] == (True, "Worn for at least 540 minutes of the day.")
    assert told["sixteen_hours"] == (False, "Worn for at least 960 minutes of the day.")
    assert [rule for rule, (is_protocol, _) in told.items() if is_protocol] == ["ten_hours"]
    sql = "SELECT is_valid, by_ten_hours FROM coverage.valid_day WHERE participant_id = 'nine hours' AND day = ?"
    assert query(study.job.lake, sql, [on(29)]) == [(True, False)]


def test_the_tables_are_what_was_judged_however_often_they_are_written(study: Planted, found: People):
    for _ in range(2):
        write_people(study.connection, study.job, found)
    for table in PEOPLE_TABLES:
        order = table.sort_by
        written = study.connection.execute(f"SELECT * FROM {table.qualified}").pl().sort(order)
        judged = found.frames[table.qualified].select(table.column_names).sort(order)
        assert written.rows() == judged.rows()
        # Nobody is asked to answer anything here: `test_answering.py`.
        assert written.height or table is SURVEY
    assert isinstance(found.frames["coverage.worklist"], pl.DataFrame)
