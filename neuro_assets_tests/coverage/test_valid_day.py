"""What valid-day rules judge by, whether streams fit together, and which days are written again: counted by hand."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from neuro_assets.coverage.compute import cover_days
from neuro_assets.coverage.outdated import rules_of
from neuro_assets.ingest.load import Ingest
from neuro_assets.streams.coverage import COVERAGE_TABLES
from neuro_assets.study import CoverageRules, Participant
from neuro_assets_tests.coverage.conftest import FIRST, LAST, Planted, day
from neuro_assets_tests.coverage.test_people import log, nights
from neuro_assets_tests.coverage.test_worklist import hold, on, plant, write
from neuro_assets_tests.tables import query, read_table

NOW = datetime(2019, 11, 3, 8, tzinfo=UTC)
Stretch = tuple[str, datetime, datetime, float]


def activity(who: str, steps: int, n: int = 1) -> str:
    """The vendor's summary of a day."""
    return (
        f"INSERT INTO staging.daily_activity BY NAME SELECT '{who}' AS participant_id, DATE '{on(n)}' AS day,"
        f" {steps} AS steps, 'test' AS source, 'f' AS file_id, 1 AS row_number"
    )


def stage(who: str, since: datetime, until: datetime, stage: str = "light") -> str:
    """A stretch of sleep in one row."""
    return (
        f"INSERT INTO staging.sleep_stage BY NAME SELECT '{who}' AS participant_id, m::DATE AS day,"
        f" timezone('UTC', m) AS ts, m AS local_ts, 0 AS fold, 0 AS utc_offset_min,"
        f" {int((until - since).total_seconds())} AS period_s, '{stage}' AS stage, 'ok' AS time_quality,"
        " 'study' AS tz_source, 'test' AS source, 'f' AS file_id, 1 AS row_number"
        f" FROM (SELECT TIMESTAMP '{since}' AS m)"
    )


PEOPLE: list[dict[str, object]] = [
    *(
        {"participant_id": who, "enrolled_on": on(1), "consent_lapsed": [{"since": on(1), "until": on(1)}]}
        for who in ("lapsed", "lapsed and worn")
    ),
    {"participant_id": "late", "enrolled_on": on(2)},
    {"participant_id": "left", "enrolled_on": on(1), "withdrawn_on": on(1)},
    *(
        {"participant_id": who, "enrolled_on": on(1)}
        for who in (
            "facts", "short", "so far", "so far little", "nothing", "total alone", "whole", "until midnight",
            "not quite", "unworn", "unworn at night", "worn at night", "not the total", "hours short", "few steps",
            "hardly moving", "no heart rate", "a walk", "a walk without", "still", "one step too many", "nap", "awake",
        )
    ),
]  # fmt: skip


def planted_rows() -> tuple[list[Stretch], list[Stretch], list[str]]:
    """Steps, heart rates and statements, all of 1 November."""
    steps: list[Stretch] = []
    rates: list[Stretch] = []
    rest: list[str] = []

    def walks(who: str, since: float, until: float, each: float) -> None:
        steps.append((who, day(1, since), day(1, until), each))

    def beats(who: str, since: float, until: float) -> None:
        rates.append((who, day(1, since), day(1, until), 70))

    # 150, 750 and 60 minutes; an hour of sleep in the morning, and in bed from 22:45 on.
    for since, until in ((5, 7.5), (8.5, 21), (22.5, 23.5)):
        beats("facts", since, until)
    walks("facts", 9, 10, 5)
    rest += [stage("facts", day(1, 5), day(1, 6)), log("facts", day(1, 22.75), 435), activity("facts", 320)]
    beats("short", 10, 20 - 1 / 60)
    # Of the first nothing, but an hour of the second.
    beats("nothing", 24, 25)
    beats("so far", 0, 11)
    walks("so far", 0, 11, 10)
    beats("so far little", 0, 5)
    walks("so far little", 0, 5, 1)
    rest.append(activity("total alone", 8000))
    # The vendor's total is 600 steps more, of the 14,400 that minutes tell.
    beats("whole", 0, 24)
    walks("whole", 0, 24, 10)
    rest += [activity("whole", 15_000), nights("whole", range(1, 2), 400)]
    for who in ("until midnight", "not quite"):
        beats(who, 0, 5)
    for who in ("unworn", "unworn at night", "worn at night"):
        walks(who, 0, 24, 0)
    beats("unworn at night", 8, 24)
    beats("worn at night", 0, 8)
    for who in ("late", "left", "lapsed and worn"):
        beats(who, 0, 24)

    walks("not the total", 0, 24, 10)
    rest.append(activity("not the total", 15_200))
    walks("hours short", 0, 22, 10)
    rest.append(activity("hours short", 30_000))
    walks("few steps", 0, 6.5, 1)
    walks("few steps", 6.5, 24, 0)
    rest.append(activity("few steps", 300))

    for who, moving_min, with_rate_min in (("hardly moving", 29, 0), ("a walk", 100, 80), ("a walk without", 100, 79)):
        walks(who, 10, 10 + moving_min / 60, 50)
        beats(who, 10, 10 + with_rate_min / 60)
        beats(who, 20, 21)
    walks("no heart rate", 10, 12, 50)

    for who, minutes, kind in (("still", 120, "light"), ("one step too many", 120, "rem"), ("nap", 59, "deep"),
                               ("awake", 120, "wake")):  # fmt: skip
        walks(who, 0, 119 / 60, 1)
        walks(who, 119 / 60, 2, 2 if who == "one step too many" else 1)
        rest.append(stage(who, day(1), day(1, minutes / 60), kind))
    return steps, rates, rest


# Of the logs of sleep alone.
OUTAGE = {
    "since": datetime(2019, 11, 1, tzinfo=UTC),
    "until": datetime(2019, 11, 2, tzinfo=UTC),
    "streams": ["sleep_session"],
}


@pytest.fixture(scope="module")
def study(make_job: Callable[..., Ingest]) -> Iterator[Planted]:
    """1 and 2 November are over; the summaries of the second are held."""
    job = make_job(
        window={"start": FIRST, "end": LAST},
        default_time_zone="UTC",
        expected_streams=("steps", "heart_rate", "daily_activity", "daily_sleep", "sleep_session"),
        people=PEOPLE,
        auto_enrol=False,
        coverage={"outages": [OUTAGE]},
    )
    steps, rates, rest = planted_rows()
    with job.lake.connect() as connection:
        study = Planted(job, connection)
        plant(study, "steps", steps)
        plant(study, "heart_rate", rates)
        write(study, *rest, activity("whole", 0, 2), *hold("staging.daily_activity", on(2)))
        last = {who: day(3, 6) for who in (str(p["participant_id"]) for p in PEOPLE)}
        last |= {"until midnight": day(2), "not quite": day(2) - timedelta(seconds=1)}
        with job.lake.transaction(connection, ["staging.device_sync"]):
            for who, at in last.items():
                if not who.startswith("so far"):
                    connection.execute(
                        "INSERT INTO staging.device_sync BY NAME SELECT $who AS participant_id, $at::DATE AS day,"
                        " timezone('UTC', $at) AS ts, $at AS local_ts, 'd' AS device_id, 50 AS battery_pct,"
                        " 'test' AS source, 'f' AS file_id, 1 AS row_number",
                        {"who": who, "at": at},
                    )
        study.cover(on(1), on(2), NOW)
        yield study


def of_day(study: Planted, table: str, who: str, *columns: str, n: int = 1) -> tuple:
    """Columns of a person's day."""
    sql = f"SELECT {', '.join(columns)} FROM {table} WHERE participant_id = ? AND day = ?"
    rows = query(study.job.lake, sql, [who, on(n)])
    assert len(rows) == 1
    return rows[0]


FACTS = (
    "is_handed_over", "worn_min", "worn_06_23_min", "worn_08_20_min", "worn_awake_min", "heart_rate_min",
    "heart_rate_hours", "steps_daily", "steps_from_minutes",
)  # fmt: skip


@pytest.mark.parametrize(
    ("who", "facts"),
    [
        # 06:00 to 07:30, 08:30 to 21:00, 22:30 to 23:00; 08:30 to 20:00; without the hour asleep and 45 minutes in bed.
        # An hour counts with more than 30 minutes: 5, 6, and 9 to 20.
        ("facts", (True, 960, 870, 690, 855, 960, 14, 320, 300)),
        ("short", (True, 599, 599, 599, 599, 599, 10, None, None)),
        ("so far", (False, 660, 300, 180, 660, 660, 11, None, 6600)),
        # Something later came, and nothing of the day.
        ("nothing", (True, *[None] * 8)),
        # Something of the day came, and no minutes of it.
        ("total alone", (True, None, None, None, None, None, None, 8000, None)),
        # Of the night the length is known, and not when it was.
        ("whole", (True, 1440, 1020, 720, None, 1440, 24, 15_000, 14_400)),
        ("until midnight", (True, 300, 0, 0, 300, 300, 5, None, None)),
        ("not quite", (False, 300, 0, 0, 300, 300, 5, None, None)),
        ("unworn", (True, 0, 0, 0, 0, 0, 0, None, 0)),
    ],
)
def test_what_rules_judge_by(study: Planted, who: str, facts: tuple):
    assert of_day(study, "coverage.valid_day", who, *FACTS) == facts


VERDICTS = (
    "is_valid", "by_ten_hours", "by_sixteen_hours", "by_rapids_minutes", "by_rapids_hours", "by_heartsteps",
    "by_adherent_hours", "by_abcd", "by_steps_1000", "by_active_day",
)  # fmt: skip


@pytest.mark.parametrize(
    ("who", "verdicts"),
    [
        # 300 steps are more than 0.8 of the vendor's 320, and fewer than 1,000.
        ("facts", (True, True, True, True, True, True, True, True, False, True)),
        # A minute too few for ten hours; nothing is known of steps, but abcd is ruled out by its minutes.
        ("short", (False, False, False, False, False, True, False, False, None, None)),
        # What may still come is not refused.
        ("so far", (True, True, None, None, None, None, None, None, True, True)),
        ("so far little", (None, None, None, None, None, None, None, None, None, True)),
        ("nothing", (False,) * 10),
        ("total alone", (None, None, None, None, None, None, None, None, True, True)),
        ("whole", (True, True, True, True, True, True, True, None, True, True)),
        ("until midnight", (False, False, False, False, False, False, False, False, None, None)),
        ("not quite", (None, None, None, None, None, None, None, None, None, None)),
        ("unworn", (False, False, False, False, False, False, False, False, False, False)),
    ],
)
def test_what_each_rule_says(study: Planted, who: str, verdicts: tuple):
    assert of_day(study, "coverage.valid_day", who, *VERDICTS) == verdicts


def test_a_day_of_which_nothing_has_come_yet_is_not_refused(study: Planted):
    assert of_day(study, "coverage.valid_day", "so far", *FACTS[:2], *VERDICTS, n=2) == (False, None, *[None] * 10)


def test_days_from_enrolment_on_that_are_over_are_told(study: Planted):
    sql = "SELECT participant_id, list(day ORDER BY day) FROM coverage.valid_day GROUP BY 1"
    days = dict(query(study.job.lake, sql))
    assert (days["facts"], days["late"], days["left"]) == ([on(1), on(2)], [on(2)], [on(1)])
    assert len(days) == len(PEOPLE)


@pytest.mark.parametrize(
    ("who", "flag"),
    [
        # 5 % of 15,000 are 750 steps, and 600 are missing; of 15,200 they are 760, and 800 are.
        ("whole", True),
        ("not the total", False),
        # 22 hours are less than 95 % of the day.
        ("hours short", None),
        # 90 steps are a third of the total, and less than 100.
        ("few steps", True),
        ("facts", None),
        ("unworn", None),
    ],
)
def test_do_minutes_add_up_to_the_total(study: Planted, who: str, flag: bool | None):
    assert of_day(study, "coverage.cross_stream", who, "do_totals_agree") == (flag,)


@pytest.mark.parametrize(
    ("who", "counts"),
    [
        ("a walk", (100, 20, True)),
        ("a walk without", (100, 21, False)),
        ("hardly moving", (29, 29, None)),
        ("no heart rate", (120, 120, None)),
        ("facts", (60, 0, True)),
    ],
)
def test_is_there_a_heart_rate_while_somebody_moves(study: Planted, who: str, counts: tuple):
    columns = ("moving_min", "moving_without_heart_rate_min", "has_heart_rate_while_moving")
    assert of_day(study, "coverage.cross_stream", who, *columns) == counts


@pytest.mark.parametrize(
    ("who", "counts"),
    [
        ("still", (120, 120, True)),
        ("one step too many", (120, 121, False)),
        ("nap", (59, 59, None)),
        # Awake in bed.
        ("awake", (0, 0, None)),
    ],
)
def test_is_somebody_still_while_asleep(study: Planted, who: str, counts: tuple):
    columns = ("asleep_min", "steps_asleep", "is_still_while_asleep")
    assert of_day(study, "coverage.cross_stream", who, *columns) == counts


def test_where_nothing_is_there_nothing_is_compared(study: Planted):
    sql = (
        "SELECT participant_id FROM coverage.cross_stream WHERE day = ?"
        " AND participant_id IN ('nothing', 'total alone', 'late')"
    )
    assert query(study.job.lake, sql, [on(1)]) == [("total alone",)]


PRESENT, WORN = (1440, 0, None, None), "worn, and other streams have rows"


@pytest.mark.parametrize(
    ("who", "stream", "n", "told"),
    [
        ("whole", "daily_activity", 1, PRESENT),
        ("whole", "daily_sleep", 1, PRESENT),
        # A log of the evening is that of the night's day of waking up.
        ("facts", "sleep_session", 2, PRESENT),
        ("facts", "daily_sleep", 1, (0, 1440, "unknown", "no rows, and no sync tells why")),
        ("unworn", "daily_activity", 1, (0, 1440, "not_worn", "rows are there, without a sign of wear")),
        ("unworn", "daily_sleep", 1, (0, 1440, "not_worn", "rows are there, without a sign of wear")),
        ("unworn at night", "daily_activity", 1, (0, 1440, "unknown", WORN)),
        ("unworn at night", "daily_sleep", 1, (0, 1440, "not_worn", "rows are there, without a sign of wear")),
        ("worn at night", "daily_activity", 1, (0, 1440, "not_worn", "rows are there, without a sign of wear")),
        ("worn at night", "daily_sleep", 1, (0, 1440, "unknown", WORN)),
        ("so far", "daily_activity", 1, (0, 1440, "not_synced", "nothing has been handed over since")),
        ("so far", "daily_sleep", 1, (0, 1440, "unknown", WORN)),
        ("so far", "daily_sleep", 2, (0, 1440, "not_synced", "nothing has been handed over since")),
        ("lapsed", "daily_sleep", 1, (0, 1440, "needs_reconsent", "consent_lapsed of the participant")),
        # The day is held: what is missing may be in it, but not of who has left, and of nights nothing is held.
        ("unworn", "daily_activity", 2, (0, 1440, "held", "ops.day_holds")),
        ("whole", "daily_activity", 2, PRESENT),
        ("left", "daily_activity", 2, (0, 1440, "withdrawn", "withdrawn_on of the participant")),
    ],
)  # fmt: skip
def test_a_row_of_the_day_is_there_or_the_hours_tell_why_not(study: Planted, who: str, stream: str, n: int, told):
    sql = (
        "SELECT observed_min, valid_min, missing_min, worn_min, length_min, reason, evidence FROM coverage.daily"
        " WHERE participant_id = ? AND stream = ? AND day = ?"
    )
    (row,) = query(study.job.lake, sql, [who, stream, on(n)])
    valid, missing, reason, evidence = told
    assert row == (valid, valid, missing, None, 1440, reason, evidence)


@pytest.mark.parametrize(
    ("who", "stream", "told"),
    [
        ("late", "daily_activity", "not_enrolled"),
        ("lapsed and worn", "daily_activity", "needs_reconsent"),
        ("whole", "sleep_session", "source_failure"),
    ],
)
def test_what_the_protocol_says_goes_before_what_is_not_known(study: Planted, who: str, stream: str, told: str):
    """The device was worn all day, and the row of the day is missing."""
    sql = "SELECT reason FROM coverage.daily WHERE participant_id = ? AND stream = ? AND day = ?"
    assert query(study.job.lake, sql, [who, stream, on(1)]) == [(told,)]


def test_nothing_is_expected_of_who_is_not_there(study: Planted):
    sql = (
        "SELECT participant_id, day, expected_min FROM coverage.daily WHERE stream = 'daily_activity'"
        " AND participant_id IN ('late', 'left') ORDER BY ALL"
    )
    both = [row for row in query(study.job.lake, sql) if row[1] < on(3)]
    assert both == [("late", on(1), 0), ("late", on(2), 1440), ("left", on(1), 1440), ("left", on(2), 0)]


FALL_BACK = date(2018, 11, 4)
MIDNIGHT = {"New York": datetime(2018, 11, 4, 4), "Sao Paulo": datetime(2018, 11, 4, 3)}
ZONES = {"New York": "America/New_York", "Sao Paulo": "America/Sao_Paulo"}
COUNTED = {"New York": (749, 750, 751), "Sao Paulo": (689, 690, 691)}


@pytest.fixture(scope="module")
def changing(make_job: Callable[..., Ingest]) -> Iterator[Planted]:
    """4 November 2018 has 25 hours in New York, and 23 in Sao Paulo, where it begins at 1 o'clock.

    Heart rates are there from its beginning on, and a later one.
    """
    people = [
        {"participant_id": f"{place} {n}", "zones": [{"zone": ZONES[place]}], "enrolled_on": FALL_BACK}
        for place, counts in COUNTED.items()
        for n in counts
    ]
    job = make_job(
        window={"start": "2018-11-01", "end": "2018-11-30"},
        default_time_zone="UTC",
        expected_streams=("heart_rate",),
        people=people,
        auto_enrol=False,
    )
    with job.lake.connect() as connection:
        study = Planted(job, connection)
        for place, midnight in MIDNIGHT.items():
            later = midnight + timedelta(hours=30)
            rows = [(f"{place} {n}", midnight, midnight + timedelta(minutes=n), 70) for n in COUNTED[place]]
            rows += [(who, later, later + timedelta(minutes=1), 70) for who, *_ in rows]
            plant(study, "heart_rate", rows, zone=ZONES[place])
        study.cover(FALL_BACK, FALL_BACK)
        yield study


@pytest.mark.parametrize(
    ("who", "told"),
    [
        # Half of 1,500 minutes are 750, and half of 25 hours 12.5; the repeated hour from 1 to 2 is two hours. The
        # last of the minutes are in an hour that has 29, 30 and 31 of them. 6 o'clock is the 7th hour after midnight.
        ("New York 749", (1500, 749, 12, 329, 209, False, False)),
        ("New York 750", (1500, 750, 12, 330, 210, True, False)),
        ("New York 751", (1500, 751, 13, 331, 211, True, True)),
        # Half of 1,380 minutes are 690, and half of 23 hours 11.5; 6 o'clock is five hours after midnight.
        ("Sao Paulo 689", (1380, 689, 11, 389, 269, False, False)),
        ("Sao Paulo 690", (1380, 690, 11, 390, 270, True, False)),
        ("Sao Paulo 691", (1380, 691, 12, 391, 271, True, True)),
    ],
)
def test_days_of_25_and_of_23_hours_are_judged_by_their_length(changing: Planted, who: str, told: tuple):
    columns = ("length_min", "heart_rate_min", "heart_rate_hours", "worn_06_23_min", "worn_08_20_min",
               "by_rapids_minutes", "by_rapids_hours")  # fmt: skip
    sql = f"SELECT {', '.join(columns)} FROM coverage.valid_day WHERE participant_id = ? AND day = ?"
    assert query(changing.job.lake, sql, [who, FALL_BACK]) == [told]


Change = dict[str, object]
SPAN, FIRST_DAY = (on(1), on(4)), (on(1), on(1))


def two_people() -> list[dict[str, object]]:
    """And a third one who is not in the participants file yet."""
    return [{"participant_id": "a", "enrolled_on": on(1)}, {"participant_id": "b", "enrolled_on": on(2)}]


@dataclass(frozen=True)
class Twins:
    """The same study twice: one is covered by single days, the other all anew."""

    by_day: Planted
    anew: Planted

    def under(self, people: list[dict[str, object]], rules: Change) -> "Twins":
        """Both under another protocol."""

        def changed(study: Planted) -> Planted:
            protocol = study.job.study.model_copy(
                update={
                    "people": tuple(Participant.model_validate(p) for p in people),
                    "coverage": CoverageRules.model_validate(rules),
                }
            )
            return replace(study, job=replace(study.job, study=protocol))

        return Twins(changed(self.by_day), changed(self.anew))


def tables(study: Planted) -> dict[str, list[tuple]]:
    """All rows of all tables."""
    return {t.name: read_table(study.job.lake, t.qualified, "ALL").rows() for t in COVERAGE_TABLES}


@pytest.fixture(scope="module")
def twins(make_job: Callable[..., Ingest]) -> Iterator[Twins]:
    """Hours with and without steps, single hours of zeros, and a day and a half without any row."""

    def make(stack: ExitStack) -> Planted:
        job = make_job(
            window={"start": SPAN[0], "end": SPAN[1]},
            default_time_zone="UTC",
            expected_streams=("steps", "daily_activity"),
            people=two_people(),
            auto_enrol=False,
        )
        study = Planted(job, stack.enter_context(job.lake.connect()))
        rows: list[Stretch] = []
        for who in ("a", "b", "c"):
            rows += [
                (who, day(1), day(1, 9), 600),
                (who, day(1, 9), day(1, 10), 0),
                (who, day(1, 10), day(2, 2), 600),
                (who, day(3, 12), day(4, 3), 600),
                (who, day(4, 3), day(5), 0),
            ]
        plant(study, "steps", rows, step_min=60)
        write(study, activity("a", 9000, 1), activity("b", 0, 4))
        study.syncs("a", [(day(1, 20), 60), (day(3, 20), 40), (day(5), 20)])
        return study

    with ExitStack() as stack:
        found = Twins(make(stack), make(stack))
        found.by_day.cover(*SPAN)
        yield found


LAPSE: Change = {"consent_lapsed": [{"since": "2019-11-03"}]}


def roster(**changed: Change) -> list[dict[str, object]]:
    """The two people with other fields, and others."""
    people = {str(p["participant_id"]): p for p in two_people()}
    return [{"participant_id": who, **people.get(who, {}), **changed.get(who, {})} for who in people | changed]


THREE: dict[str, Change] = {"a": LAPSE | {"withdrawn_on": "2019-11-03"}, "b": {"enrolled_on": "2019-11-01"}, "c": {}}


# One after the other. Of each person one thing changes; days that are no more theirs have no rules that could differ.
@pytest.mark.parametrize(
    ("people", "rules"),
    [
        pytest.param(roster(a=LAPSE, b={"enrolled_on": "2019-11-04"}), {}, marks=pytest.mark.verify),
        (roster(**THREE), {}),
        pytest.param(
            roster(**THREE),
            {"outages": [{"since": "2019-11-03T02:00:00Z", "until": "2019-11-03T10:00:00Z"}]},
            marks=pytest.mark.verify,
        ),
        (roster(**THREE), {"valid_day": {"thresholds": {"min_worn_min": 1400}}, "wear": {"method": "choi_steps"}}),
    ],
    ids=["less", "more", "outage", "rules"],
)
@pytest.mark.verify
def test_after_a_change_one_day_brings_all_days_up_to_date(
    twins: Twins, people: list[dict[str, object]], rules: Change
):
    before = tables(twins.by_day)
    changed = twins.under(people, rules)
    changed.by_day.cover(*FIRST_DAY)
    changed.anew.cover(SPAN[0], SPAN[1])
    found = tables(changed.by_day)
    assert found == tables(changed.anew)
    assert found != before


def versions(**rules: object) -> list[str]:
    """The versions of the rules of four days."""
    return list(rules_of(CoverageRules.model_validate(rules), frozenset(), SPAN[0], SPAN[1]).values())


@pytest.mark.parametrize(
    "rules",
    [
        {"wear": {"method": "zero_steps"}},
        {"wear": {"zero_run_min": 90}},
        {"wear": {"heart_rate_bridge_min": 1}},
        {"valid_day": {"rule": "sixteen_hours"}},
        {"valid_day": {"thresholds": {"min_worn_min": 601}}},
        {"device_memory_days": 6},
        {"low_battery_pct": 19},
        {"empty_battery_pct": 4},
    ],
)
def test_whatever_decides_a_day_is_of_its_rules(rules: Change):
    assert all(a != b for a, b in zip(versions(), versions(**rules), strict=True))


def test_the_rules_of_a_day_are_those_of_outages_around_it():
    """A local day reaches back to 10:00 of the day of UTC before it, and non-wear reaches over midnight."""
    outage = {"since": "2019-10-30T12:00:00Z", "until": "2019-10-30T13:00:00Z"}
    assert [a != b for a, b in zip(versions(), versions(outages=[outage]), strict=True)] == [True, False, False, False]
    assert versions(outages=[outage]) == versions(outages=[outage | {"note": "told later"}])


@pytest.mark.verify
def test_nothing_is_written_again_where_nothing_changed(twins: Twins):
    """The overview and the worklist are of no day. One day is asked for, with that beside it: that is one snapshot."""
    people = roster(c={})
    twins.under(people, {}).by_day.cover(*SPAN)
    study = twins.under(people, {"overview": {"low_wear_h": 9}, "worklist": {"not_worn_days": 5}}).by_day
    before = tables(study), snapshots(study)
    report = cover_days(study.connection, study.job, on(1), on(1))
    assert (tables(study), snapshots(study)) == (before[0], before[1] + 1)
    assert (report.days, report.hours) == (2, 2 * 24 * 3)


@pytest.mark.verify
def test_nothing_stays_of_who_is_no_participant_any_more(twins: Twins):
    """Of `c`, say an id that was mistyped, nothing is in a table once any day is covered."""
    twins.under(roster(c={}), {}).by_day.cover(*SPAN)
    changed = twins.under(roster(), {})
    changed.by_day.cover(*FIRST_DAY)
    assert {row[0] for row in tables(changed.by_day)["daily"]} == {"a", "b"}


def snapshots(study: Planted) -> int:
    """The number of the last one."""
    return query(study.job.lake, "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')")[0][0]
