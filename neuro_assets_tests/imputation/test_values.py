"""Rows of the regular series: observed ones as the rollups have them, imputed ones marked, and the rest empty."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from neuro_assets.imputation.models import BLOCK_DAYS, Span, learn_model, read_model, spans_of
from neuro_assets.science.imputation.series import HOUR, MINUTE, Windows
from neuro_assets.streams.catalogue import stream
from neuro_assets_tests.imputation.conftest import (
    FIRST,
    GAPS_OF_A,
    GAPS_OF_B,
    LAST,
    MON,
    SUN,
    THU,
    TUE,
    WED,
    Planted,
    by_day,
    moment,
    walk,
)
from neuro_assets_tests.series.conftest import ONE_DAY

MARKS = "is_imputed, method, lower_90, upper_90, minutes_from_edge, refusal, model_version"


def within(gap: tuple[datetime, int]) -> list[datetime]:
    """The minutes of a gap."""
    return [gap[0] + timedelta(minutes=n) for n in range(gap[1])]


def test_what_was_observed_is_as_the_rollups_have_it_to_the_last_digit(filled: Planted):
    minutes = 7 * 1440 - sum(length for _, length in GAPS_OF_A) + 2 * 1440 - 15
    hours = 2 * 7 * 24 - sum(length for _, length in GAPS_OF_B) // 60
    for name, rows in (("1m", minutes), ("1h", hours)):
        found = filled.rows(
            f"""
            SELECT count(*), count(*) FILTER (v.observed_value = s.total AND v.value = s.total AND NOT v.is_imputed
                AND v.gap_id IS NULL AND v.local_ts = s.{"local_ts" if name == "1m" else "day + to_hours(s.hour)"})
            FROM imputed.calories_{name} v JOIN imputed.series_{name} s USING (participant_id, ts)
            WHERE v.participant_id IN {"('a', 'd')" if name == "1m" else "('b', 'c')"} AND v.observed_value IS NOT NULL
            """
        )
        assert found == [(rows, rows)]


def test_who_exports_by_the_hour_goes_by_the_hour(filled: Planted):
    """Once each: 7 days of `a`, 2 days of `d`; `b` and `c` by the hour, and `d` on the days before the first value."""
    counts = "SELECT participant_id, count(*), count(DISTINCT ts) FROM imputed.calories_{} GROUP BY 1 ORDER BY 1"
    assert filled.rows(counts.format("1m")) == [("a", 7 * 1440, 7 * 1440), ("d", 2 * 1440, 2 * 1440)]
    assert filled.rows(counts.format("1h")) == [("b", 7 * 24, 7 * 24), ("c", 7 * 24, 7 * 24)]


def test_before_there_is_a_model_and_of_people_who_are_not_in_it_nothing_is_filled_in(filled: Planted):
    """The first model holds from Monday on, and `d` came on Tuesday; Thursday's gap of `b` is two hours."""
    empty = f"SELECT timezone('UTC', ts), value, {MARKS} FROM imputed.calories_1m WHERE gap_id IS NOT NULL AND"
    nothing = (None, False, None, None, None, None, "no_model", None)
    assert filled.rows(f"{empty} participant_id = 'a' AND day < ? ORDER BY ts", MON) == [
        (at, *nothing) for at in within(GAPS_OF_A[0])
    ]
    assert filled.rows(f"{empty} participant_id = 'd' ORDER BY ts") == [
        (at, *nothing) for at in within((moment(TUE, 10), 15))
    ]
    refused = "SELECT hour(local_ts), refusal FROM imputed.calories_1h WHERE gap_id IS NOT NULL AND day < ? ORDER BY 1"
    assert filled.rows(refused, MON) == [(3, "no_model"), (4, "no_model")]


def test_an_imputed_value_says_how_from_what_and_how_sure_it_is(filled: Planted):
    version = filled.rows("SELECT model_version FROM imputed.model WHERE resolution = '1m'")
    gap = GAPS_OF_A[2]
    rows = filled.rows(
        """
        SELECT timezone('UTC', v.ts), v.is_imputed, v.method, v.gap_min, v.minutes_from_edge, v.mode, v.model_version,
            v.observed_value, v.refusal, g.refusal
        FROM imputed.calories_1m v JOIN imputed.gap g USING (gap_id, participant_id)
        WHERE v.ts BETWEEN timezone('UTC', ?) AND timezone('UTC', ?) AND participant_id = 'a' ORDER BY v.ts
        """,
        gap[0],
        within(gap)[-1],
    )
    assert rows == [
        (at, True, "stack", 60, min(n + 1, 60 - n), "past_only", *version[0], None, None, None)
        for n, at in enumerate(within(gap))
    ]
    assert filled.rows("SELECT count(*), count(*) FILTER (lower_90 <= upper_90) FROM imputed.calories_1m"
                       " WHERE is_imputed") == [(5 + 60 + 20 + 30, 5 + 60 + 20 + 30)]  # fmt: skip


@pytest.mark.parametrize(("resolution", "who", "day"), [(MINUTE, "a", MON), (HOUR, "b", TUE)])
def test_it_is_what_the_model_says_of_what_came_by_the_end_of_the_day(filled: Planted, resolution, who, day):
    """The values are laid beside each other once more, from the lists that were written."""
    learned = read_model(filled.connection, "calories", resolution, "past_only", MON)
    assert learned
    step, a_day = resolution.step_min, resolution.a_day
    values = np.array(walk({"a": 1, "b": 2}[who], a_day * 7), dtype=np.float32)
    for at, length in {"a": GAPS_OF_A, "b": GAPS_OF_B}[who]:
        begin = int((at - moment(FIRST)).total_seconds() // 60) // step
        values[begin : begin + length // step] = np.nan
    end = ((day - FIRST).days + 1) * a_day
    place = np.arange(end - a_day - resolution.context, end)
    weekend = np.array([(FIRST + n * ONE_DAY).weekday() >= 5 for n in place // a_day])
    slot = place % a_day * step // resolution.slot_min
    person = np.array([learned.people.index(who)])
    windows = Windows(values[None, place], slot[None], weekend[None], person, resolution)
    expected = learned.model.fill(windows)[0]
    length = windows.gaps.length
    lower, upper = learned.model.around(expected[None], np.maximum(length, 1))
    is_asked = np.isnan(values[place]) & (place >= end - a_day)
    found = filled.rows(
        f"SELECT value, lower_90, upper_90 FROM imputed.calories_{resolution.name} WHERE is_imputed"
        " AND participant_id = ? AND day = ? ORDER BY ts",
        who,
        day,
    )
    assert len(found) == is_asked.sum() > 0
    told = np.array([expected[is_asked], lower[0][is_asked], upper[0][is_asked]]).T
    np.testing.assert_allclose(np.array(found), told, rtol=1e-12)


def test_a_gap_too_long_for_values_has_a_total_and_each_total_lies_in_its_interval(filled: Planted):
    longer = GAPS_OF_A[4]
    refused = "SELECT count(*), count(value), any_value(gap_min) FROM imputed.calories_1m WHERE refusal = 'only_totals'"
    assert filled.rows(refused) == [(121, 0, 121)]
    totals = """
        SELECT timezone('UTC', g.ts), t.day, t.gap_min, t.method, t.mode, t.lower_90 < t.total AND t.total < t.upper_90,
            abs(t.total - coalesce(v.total, t.total)) < 1e-9, round(t.total / t.gap_min)
        FROM imputed.gap_total t JOIN imputed.gap g USING (gap_id)
        LEFT JOIN (SELECT gap_id, sum(value) AS total, count(DISTINCT day) AS days FROM imputed.calories_1m
            WHERE is_imputed GROUP BY 1 HAVING count(DISTINCT day) = 1) v USING (gap_id)
        WHERE t.participant_id = 'a' ORDER BY g.ts
    """
    # The mean of what was written is 60 a minute.
    told = filled.rows(totals)
    assert [(at, day, minutes) for at, day, minutes, *_ in told] == [
        (GAPS_OF_A[1][0], MON, 5), (GAPS_OF_A[2][0], MON, 60), (GAPS_OF_A[3][0], TUE, 20), (longer[0], TUE, 121),
    ]  # fmt: skip
    assert {row[3:7] for row in told} == {("stack", "past_only", True, True)}
    assert all(abs(mean - 60) <= 10 for *_, mean in told)


def test_a_day_adds_up(filled: Planted):
    """What was written, without the gaps; and what was filled in."""
    values = walk(1, 1440 * 7)
    missing = {m for gap in GAPS_OF_A for m in within(gap)}
    found = filled.rows(
        "SELECT day, mode, observed_min, imputed_min, empty_min, observed_total, imputed_total FROM imputed.daily"
        " WHERE participant_id = 'a' ORDER BY day"
    )
    empty = {THU: 20, TUE: 121}
    imputed = {MON: 5 + 60 + 10, TUE: 10, WED: 30}
    sums = dict(filled.rows("SELECT day, sum(value) FROM imputed.calories_1m WHERE is_imputed GROUP BY 1"))
    for n, (day, *told) in enumerate(found):
        own = [values[n * 1440 + m] for m in range(1440) if moment(day) + timedelta(minutes=m) not in missing]
        assert told == [
            "past_only", len(own), imputed.get(day, 0), empty.get(day, 0),
            pytest.approx(sum(own), rel=1e-12), pytest.approx(sums.get(day, 0.0), rel=1e-12),
        ]  # fmt: skip
    assert len(found) == 7


def test_the_same_days_learned_again_make_the_same_model_and_what_is_read_is_what_was_learned(filled: Planted):
    (span,) = spans_of(filled.job.study, "past_only", MON, LAST)
    assert span == Span(MON, FIRST, SUN)
    again = learn_model(filled.connection, filled.job.study, stream("calories"), HOUR, "past_only", span)
    read = read_model(filled.connection, "calories", HOUR, "past_only", MON)
    assert again
    assert read
    assert filled.rows("SELECT model_version, people FROM imputed.model WHERE resolution = '1h'") == [
        (again.version, 2)
    ]
    assert (read.version, read.people, read.model.mode) == (again.version, again.people, "past_only")
    values = np.array([walk(7, 120)], dtype=np.float32).repeat(2, axis=0)
    values[:, 50:56] = np.nan
    weekend = np.arange(120)[None] >= 72
    windows = Windows(values, np.arange(120)[None] % 24, weekend, np.array([0, 1]), HOUR)
    for method in ("stack", "profile_ar", "clock_mean", "weekday_median", "linear"):
        np.testing.assert_array_equal(read.model.fill(windows, method), again.model.fill(windows, method), method)
    estimate, length = read.model.fill(windows), np.full(values.shape, 6)
    np.testing.assert_array_equal(read.model.around(estimate, length), again.model.around(estimate, length))
    totals = np.array([300.0, 400.0]), np.array([6, 7])
    np.testing.assert_array_equal(read.model.around_total(*totals), again.model.around_total(*totals))


def test_another_day_makes_another_model(filled: Planted):
    study, connection = filled.job.study, filled.connection
    told = {
        last: learn_model(connection, study, stream("calories"), HOUR, "past_only", Span(MON, FIRST, last))
        for last in by_day(SUN - ONE_DAY, SUN)
    }
    assert None not in told.values()
    assert len({found.version for found in told.values() if found}) == 2


def test_too_few_days_make_no_model(filled: Planted):
    two = Span(MON, FIRST, FIRST + ONE_DAY)
    assert learn_model(filled.connection, filled.job.study, stream("calories"), HOUR, "past_only", two) is None


def test_of_the_past_models_are_of_weeks_and_of_a_whole_record_of_four_weeks(filled: Planted):
    """By hand: 2019-10-31 is a Thursday."""
    study = filled.job.study.model_copy(update={"window": filled.job.study.window.model_copy(update={"end": None})})
    monday, week = MON, 7 * ONE_DAY
    assert spans_of(study, "past_only", FIRST, SUN) == []
    assert spans_of(study, "past_only", SUN, monday + week) == [
        Span(monday, FIRST, SUN), Span(monday + week, FIRST, SUN + week),
    ]  # fmt: skip
    later = monday + 12 * week
    assert spans_of(study, "past_only", later, later + ONE_DAY) == [Span(later, later - 56 * ONE_DAY, later - ONE_DAY)]
    block = BLOCK_DAYS * ONE_DAY
    end = FIRST + 3 * block
    assert spans_of(study, "whole_record", FIRST + block, end) == [
        Span(FIRST + block, FIRST, end - ONE_DAY),
        Span(FIRST + 2 * block, FIRST + block, end),
        Span(end, FIRST + 2 * block, end),
    ]
