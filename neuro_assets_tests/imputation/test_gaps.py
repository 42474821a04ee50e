"""Gaps of minutes written by hand: where each begins and ends, why it is there, and why it is not filled in.

The days are before the first model, so that nothing has to be learned.
"""

from datetime import date, datetime

import pytest

from neuro_assets_tests.imputation.conftest import MakePlanted, Planted, by_day, gaps, moment
from neuro_assets_tests.series.conftest import ONE_DAY, minutes

# What is learned holds from the second Monday on. On the Sunday the clocks of New York go forward.
FIRST, LAST = date(2016, 3, 10), date(2016, 3, 13)
THU, FRI, SAT, SUN = by_day(FIRST, LAST)
NEW_YORK, KOLKATA = "America/New_York", "Asia/Kolkata"
WHERE = "timezone('UTC', ts), timezone('UTC', until_ts), gap_min"
WHY = "gap_min, reason, refusal"


def person(who: str, since: date = THU, until: date | None = None, **more: object) -> dict[str, object]:
    return {"participant_id": who, "enrolled_on": since, "withdrawn_on": until} | more


PEOPLE = [
    person("lengths", THU, SAT),
    person("end", THU),
    person("ties", THU, THU),
    person("unties", THU, THU),
    person("outage", SAT, SAT),
    person("silent", THU, SAT),
    person("empty", THU, SAT),
    person("still", THU, THU),
    person("hardly", THU, FRI),
    person("rate", THU, THU),
    person("late", FRI, SAT),
    person("left", THU, FRI),
    person("lapsed", THU, SAT, consent_lapsed=[{"since": FRI, "until": FRI}]),
    person("spring", SAT, SUN, zones=[{"zone": NEW_YORK}]),
    person("half", THU, FRI, zones=[{"zone": KOLKATA}]),
    # Never there; by the end of coverage nothing has come.
    person("never", SAT),
]


def walked(study: Planted, who: str, since: datetime, until: datetime, offset_min: int = 0, **more: int) -> None:
    """10 steps in each minute of a half-open stretch of the wall clock."""
    study.put("steps", who, since, [10.0] * int((until - since).total_seconds() // 60), offset_min=offset_min, **more)


def put_all(it: Planted) -> None:
    for since, until in (
        (moment(THU), moment(THU, 3)), (moment(THU, 3, 20), moment(THU, 9)), (moment(THU, 10), moment(THU, 13)),
        (moment(THU, 14, 1), moment(THU, 16)), (moment(THU, 22), moment(THU, 23, 50)),
        (moment(FRI, 0, 10), moment(FRI, 9)), (moment(FRI, 15, 1), moment(FRI, 18)), (moment(SAT, 21), moment(SAT, 24)),
    ):  # fmt: skip
        walked(it, "lengths", since, until)
    walked(it, "end", moment(THU), moment(SUN, 23, 30))
    # Not worn for 20 minutes, and no row for 20, or 21.
    for who, begin in (("ties", 20), ("unties", 21)):
        it.put("heart_rate", who, moment(THU), [60.0] * 480, period_s=1, every_s=60)
        walked(it, who, moment(THU), moment(THU, 8))
        it.put("steps", who, moment(THU, 8, begin), [0.0] * 20)
        walked(it, who, moment(THU, 8, begin + 20), moment(FRI))
        it.put("heart_rate", who, moment(THU, 8, begin + 20), [60.0] * 900, period_s=1, every_s=60)
        it.put("heart_rate", who, moment(THU, 20), minutes([60.0], 4), period_s=1, every_s=60)
    walked(it, "outage", moment(SAT), moment(SAT, 13, 45))
    walked(it, "outage", moment(SAT, 14, 30), moment(SUN))
    it.syncs("silent", [(moment(FRI, 12), 90)])
    walked(it, "silent", moment(THU), moment(FRI, 12))
    # A charge that fell by 2 an hour would have been used up at 10:00; the next sync is after charging.
    it.syncs("empty", [(moment(THU, h), 60 - 2 * h) for h in (0, 6, 12, 18)] + [(moment(FRI, 14), 95)])
    walked(it, "empty", moment(THU), moment(FRI, 2))
    walked(it, "empty", moment(FRI, 13), moment(SUN))
    # Steps alone tell wear: two hours of zeros of a day that was worn, and all of one that hardly was (119 minutes).
    walked(it, "still", moment(THU), moment(THU, 10))
    it.put("steps", "still", moment(THU, 10), [0.0] * 120)
    walked(it, "still", moment(THU, 12), moment(FRI))
    it.put("steps", "hardly", moment(THU), [0.0] * 600)
    walked(it, "hardly", moment(THU, 10), moment(THU, 11, 59))
    it.put("steps", "hardly", moment(THU, 11, 59), [0.0] * (12 * 60 + 1))
    walked(it, "hardly", moment(FRI), moment(SAT))
    # The same two hours without a heart rate that is there before and after; then 10 minutes without a row.
    walked(it, "rate", moment(THU), moment(THU, 10))
    it.put("steps", "rate", moment(THU, 10), [0.0] * 120)
    walked(it, "rate", moment(THU, 12, 10), moment(FRI))
    it.put("heart_rate", "rate", moment(THU), minutes([70.0], 10), period_s=1, every_s=60)
    it.put("heart_rate", "rate", moment(THU, 12, 10), [70.0] * 710, period_s=1, every_s=60)
    walked(it, "late", moment(FRI, 8), moment(SUN))
    walked(it, "left", moment(THU), moment(FRI, 23, 30))
    walked(it, "lapsed", moment(THU), moment(FRI, 8))
    walked(it, "lapsed", moment(FRI, 8, 15), moment(SUN))
    # In New York 01:30 to 03:30 is an hour.
    walked(it, "spring", moment(SAT), moment(SAT, 23, 45), -300)
    walked(it, "spring", moment(SUN, 0, 15), moment(SUN, 1, 30), -300)
    walked(it, "spring", moment(SUN, 3, 30), moment(SUN, 24), -240)
    walked(it, "half", moment(THU), moment(THU, 23, 40), 330)
    walked(it, "half", moment(FRI, 0, 20), moment(FRI, 24), 330)


@pytest.fixture(scope="module")
def study(make_planted: MakePlanted) -> Planted:
    it = make_planted(
        window={"start": FIRST, "end": LAST},
        people=PEOPLE,
        coverage={"outages": [{"since": f"{SAT}T14:00Z", "until": f"{SAT}T15:00Z"}]},
        imputation={"mode": "past_only"},
    )
    put_all(it)
    it.everything(FIRST, LAST)
    return it


def test_a_gap_goes_from_the_last_value_before_it_to_the_first_one_after_it(study: Planted):
    assert gaps(study, "lengths", columns=WHERE) == [
        (moment(THU, 3), moment(THU, 3, 20), 20),
        (moment(THU, 9), moment(THU, 10), 60),
        (moment(THU, 13), moment(THU, 14, 1), 61),
        (moment(THU, 16), moment(THU, 22), 360),
        (moment(THU, 23, 50), moment(FRI, 0, 10), 20),
        (moment(FRI, 9), moment(FRI, 15, 1), 361),
        (moment(FRI, 18), moment(SAT, 21), 27 * 60),
    ]


def test_its_day_and_part_of_the_day_are_those_of_its_beginning_and_its_middle(study: Planted):
    assert gaps(study, "lengths", columns="day, part_of_day") == [
        (THU, "night"),
        (THU, "morning"),
        (THU, "afternoon"),
        (THU, "evening"),
        (THU, "night"),
        (FRI, "afternoon"),
        # 18:00 to 21:00 of the next day: 07:30.
        (FRI, "morning"),
    ]


def test_by_its_length_values_are_filled_in_or_a_total_is_told_or_nothing(study: Planted):
    assert gaps(study, "lengths", columns="gap_min, is_allowed, refusal") == [
        (20, True, None),
        (60, True, None),
        (61, False, "only_totals"),
        (360, False, "only_totals"),
        (20, True, None),
        (361, False, "too_long"),
        (27 * 60, False, "too_long"),
    ]


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        # As many minutes unworn as without a row: what comes first among the reasons of coverage.
        ("ties", [(40, "not_worn", "not_allowed")]),
        ("unties", [(41, "unknown", None)]),
        # 15 minutes before the outage, 30 within it.
        ("outage", [(45, "source_failure", None)]),
        ("empty", [(660, "battery", "too_long")]),
        ("lapsed", [(15, "needs_reconsent", "not_allowed")]),
        ("late", [(480, "unknown", "too_long")]),
    ],
)
def test_the_reason_is_that_of_most_of_its_minutes(study: Planted, who: str, expected: list[tuple]):
    assert gaps(study, who, columns=WHY) == expected


def test_zeros_are_values_where_steps_alone_tell_wear_unless_the_day_hardly_was_worn(study: Planted):
    """The same two hours of zeros; 119 minutes of wear are too few to tell still hours from a device that is off."""
    assert gaps(study, "still") == []
    assert gaps(study, "hardly", columns=f"{WHERE}, reason, refusal") == [
        (moment(THU), moment(THU, 10), 600, "not_worn", "not_allowed"),
        (moment(THU, 11, 59), moment(FRI), 721, "not_worn", "not_allowed"),
    ]


def test_with_a_heart_rate_zeros_without_it_are_not_worn_and_go_on_with_the_minutes_without_a_row(study: Planted):
    assert gaps(study, "rate", columns=f"{WHERE}, reason, refusal") == [
        (moment(THU, 10), moment(THU, 12, 10), 130, "not_worn", "not_allowed")
    ]


def test_zeros_that_are_not_worn_are_no_values_and_are_kept(study: Planted):
    """120 minutes of zeros and 10 without a row; 1321 minutes of zeros on the day that hardly was worn."""
    kept = """
        SELECT participant_id, count(*), count(value), count(observed_value), sum(observed_value), bool_or(is_imputed)
        FROM imputed.steps_1m WHERE refusal = 'not_allowed' AND participant_id IN ('rate', 'hardly')
        GROUP BY 1 ORDER BY 1
    """
    assert study.rows(kept) == [("hardly", 1321, 0, 1321, 0, False), ("rate", 130, 0, 120, 0, False)]
    # Those that are worn are: the same two hours.
    zeros = (
        "SELECT count(*), sum(value), count(gap_id) FROM imputed.steps_1m WHERE participant_id = 'still' AND value = 0"
    )
    assert study.rows(zeros) == [(120, 0, 0)]


def test_before_enrolment_and_after_withdrawal_nothing_is_missing(study: Planted):
    assert gaps(study, "late", columns=WHERE) == [(moment(FRI), moment(FRI, 8), 480)]
    assert gaps(study, "left", columns=WHERE) == [(moment(FRI, 23, 30), moment(SAT), 30)]


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("end", [(moment(SUN, 23, 30), 30, False, "not_over")]),
        ("never", [(moment(SAT), 2880, False, "not_over")]),
        # Nothing was observed after them: hours in which nothing is expected any more tell of no end.
        ("left", [(moment(FRI, 23, 30), 30, False, "not_over")]),
        ("silent", [(moment(FRI, 12), 2160, False, "not_over")]),
    ],
)
def test_a_gap_after_which_nothing_was_observed_is_not_over(study: Planted, who: str, expected: list[tuple]):
    assert gaps(study, who, columns="timezone('UTC', ts), gap_min, is_over, refusal") == expected


def test_the_hour_that_a_clock_skips_is_missing_of_nothing(study: Planted):
    """23:45 to 00:15 of the next day, and 01:30 to 03:30, which is an hour."""
    assert gaps(study, "spring", columns=f"day, {WHERE}, part_of_day") == [
        (SAT, moment(SUN, 4, 45), moment(SUN, 5, 15), 30, "night"),
        (SUN, moment(SUN, 6, 30), moment(SUN, 7, 30), 60, "night"),
    ]


def test_over_midnight_of_a_clock_of_half_hours(study: Planted):
    """23:40 to 00:20 in India."""
    assert gaps(study, "half", columns=f"day, {WHERE}, part_of_day") == [
        (THU, moment(THU, 18, 10), moment(THU, 18, 50), 40, "night")
    ]


def test_each_minute_that_is_expected_is_there_once_with_its_wall_clock(study: Planted):
    """By hand: 60 minutes of each hour of which a row is expected, 23 hours of a day in spring."""
    rows = study.rows("SELECT participant_id, count(*), count(DISTINCT ts) FROM imputed.steps_1m GROUP BY 1 ORDER BY 1")
    days = {p["participant_id"]: ((p["withdrawn_on"] or SUN) - p["enrolled_on"]).days + 1 for p in PEOPLE}
    assert rows == [
        (w, 1440 * n - 60 * (w == "spring"), 1440 * n - 60 * (w == "spring")) for w, n in sorted(days.items())
    ]
    apart = study.rows(
        """
        SELECT participant_id, count(*) FROM imputed.steps_1m v JOIN imputed.series_1m s USING (participant_id, ts)
        WHERE s.stream = 'steps'
            AND (v.local_ts, v.fold, v.day, v.observed_value) IS DISTINCT FROM (s.local_ts, s.fold, s.day, s.total)
        GROUP BY 1
        """
    )
    assert apart == []


@pytest.mark.verify
def test_the_hour_that_a_clock_shows_twice_is_missing_twice(make_planted: MakePlanted):
    """2016-11-06 in New York: 00:30 to 02:30 is three hours; the evening before 23:45 to 00:15."""
    day = date(2016, 11, 6)
    it = make_planted(window={"start": day - ONE_DAY, "end": day}, default_time_zone=NEW_YORK, auto_enrol=True)
    walked(it, "a", moment(day - ONE_DAY), moment(day - ONE_DAY, 23, 45), -240)
    walked(it, "a", moment(day, 0, 15), moment(day, 0, 30), -240)
    walked(it, "a", moment(day, 2, 30), moment(day, 24), -300)
    it.everything(day - ONE_DAY, day)
    assert gaps(it, "a", columns=f"day, {WHERE}, refusal") == [
        (day - ONE_DAY, moment(day, 3, 45), moment(day, 4, 15), 30, None),
        (day, moment(day, 4, 30), moment(day, 7, 30), 180, "only_totals"),
    ]
    by_hour = """
        SELECT hour(local_ts), fold, count(*), count(gap_id) FROM imputed.steps_1m
        WHERE day = ? AND hour(local_ts) < 3 GROUP BY ALL ORDER BY min(ts)
    """
    assert it.rows(by_hour, day) == [(0, 0, 60, 45), (1, 0, 60, 60), (1, 1, 60, 60), (2, 0, 60, 30)]
    assert it.rows("SELECT observed_min, imputed_min, empty_min FROM imputed.daily WHERE day = ?", day) == [
        (1500 - 195, 0, 195)
    ]


@pytest.mark.verify
def test_a_gap_of_days_that_a_late_file_splits_in_two(make_planted: MakePlanted):
    """Hours from Thursday 06:00 to Sunday 18:00 are missing; a file brings Friday 12:00 to Saturday 12:00."""
    it = make_planted(
        window={"start": THU, "end": SUN}, expected_streams=("calories",), imputation={"mode": "past_only"}
    )
    it.put("calories", "a", moment(THU), [50.0] * 6, period_s=3600)
    it.put("calories", "a", moment(SUN, 18), [50.0] * 6, period_s=3600)
    it.everything(THU, SUN)
    where = f"gap_id, {WHERE}"
    (whole,) = gaps(it, "a", "calories", columns=where)
    assert whole[1:] == (moment(THU, 6), moment(SUN, 18), 84 * 60)
    it.put("calories", "a", moment(FRI, 12), [50.0] * 24, period_s=3600)
    it.prepare(FRI, SAT)
    report = it.impute(FRI, SAT)
    first, second = gaps(it, "a", "calories", columns=where)
    assert first[1:] == (moment(THU, 6), moment(FRI, 12), 30 * 60)
    assert second[1:] == (moment(SAT, 12), moment(SUN, 18), 30 * 60)
    # It begins where it began: it is the same gap, of another length.
    assert first[0] == whole[0] != second[0]
    # What Thursday knew of it by its end is what it was.
    assert report.days_beside == {SUN}
    named = "SELECT DISTINCT day, gap_id, gap_min FROM imputed.calories_1h WHERE gap_id IS NOT NULL ORDER BY ALL"
    assert it.rows(named) == [
        (THU, first[0], 18 * 60), (FRI, first[0], 30 * 60), (SAT, second[0], 12 * 60), (SUN, second[0], 30 * 60),
    ]  # fmt: skip
    before = it.imputed()
    it.impute(THU, SUN)
    assert it.imputed() == before
