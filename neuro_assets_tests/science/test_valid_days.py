"""Valid-day rules at their thresholds and with facts unknown; RAPIDS' data yield on days of 23, 24 and 25 hours."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_assets.science.local_time import day_length_min
from neuro_assets.science.valid_days import FACTS, RULES, data_yield, valid_days

UNKNOWN = None
NAN = float("nan")


def decided(rule: str, thresholds: dict[str, float] | None = None, **facts: float | list[float]) -> list[bool | None]:
    """Return True, False or None of each day; a fact given as one number holds for all days."""
    n = max(np.size(v) for v in facts.values())
    given_facts = {name: np.broadcast_to(np.asarray(v, dtype=float), n) for name, v in facts.items()}
    return valid_days(rule, given_facts, **thresholds or {}).tolist()


def lived_hours(zone: str, day: date) -> np.ndarray:
    """Return the local hour of each true minute of a local day, minute by minute from zoneinfo."""
    info = ZoneInfo(zone)
    utc = datetime.combine(day, time.min, tzinfo=UTC) - timedelta(hours=30)
    locals_ = ((utc + timedelta(minutes=i)).astimezone(info) for i in range(4 * 1440))
    return np.array([moment.hour for moment in locals_ if moment.date() == day])


# --- rules ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "fact", "least"),
    [
        ("ten_hours", "worn_min", 600),
        ("sixteen_hours", "worn_min", 960),
        ("heartsteps", "worn_min_06_23", 480),
        ("adherent_hours", "worn_min_08_20", 600),
        ("steps_1000", "steps", 1000),
        ("active_day", "steps", 1),
    ],
)
def test_a_rule_on_one_fact_turns_at_its_threshold(rule: str, fact: str, least: float):
    facts: dict[str, float | list[float]] = {fact: [0, least - 1, least, least + 1, NAN]}
    assert decided(rule, **facts) == [False, False, True, True, UNKNOWN]


def test_rapids_minutes_are_a_share_of_the_true_day():
    # half of 1380 is 690, of 1440 720, of 1500 750
    facts = {
        "day_length_min": [1380, 1380, 1440, 1440, 1500, 1500, 1440, NAN],
        "rapids_valid_min": [689, 690, 719, 720, 749, 750, NAN, 720],
    }
    expected = [False, True, False, True, False, True, UNKNOWN, UNKNOWN]
    assert decided("rapids_minutes", None, **facts) == expected
    # 0.8 of 1440 is 1152
    two = {"day_length_min": 1440.0, "rapids_valid_min": [1151.0, 1152.0]}
    assert decided("rapids_minutes", {"min_ratio": 0.8}, **two) == [False, True]


def test_rapids_hours_are_a_share_of_the_true_day():
    # 23 h: 11.5 are needed, so 12 whole ones; 24 h: 12; 25 h: 12.5, so 13
    facts = {
        "day_length_min": [1380.0, 1380, 1440, 1440, 1500, 1500],
        "rapids_valid_hours": [11.0, 12, 11, 12, 12, 13],
    }
    assert decided("rapids_hours", None, **facts) == [False, True, False, True, False, True]


def test_a_day_that_the_date_line_skipped_is_not_decided():
    assert decided("rapids_minutes", day_length_min=0.0, rapids_valid_min=[0.0, 5.0]) == [UNKNOWN, UNKNOWN]


def test_abcd_wants_both_and_one_known_failure_is_enough():
    # worn awake: enough, too few, unknown; steps of the minutes: 4000 of 5000 = 0.8 enough, 3999 too few, unknown
    worn_awake, steps = [600.0, 599.0, NAN], [4000.0, 3999.0, NAN]
    pairs = list(product(worn_awake, steps))
    got = decided("abcd", steps=5000.0, worn_awake_min=[w for w, _ in pairs], steps_from_minutes=[s for _, s in pairs])
    assert got == [
        *(True, False, UNKNOWN),  # worn enough
        *(False, False, False),  # worn too little: whatever the steps
        *(UNKNOWN, False, UNKNOWN),  # worn unknown: too few steps decide
    ]


def test_abcd_is_not_decided_by_a_vendor_total_of_zero_or_none():
    facts = {"worn_awake_min": [700.0, 700, 100], "steps_from_minutes": [0.0, 4000, 0], "steps": [0.0, NAN, 0]}
    assert decided("abcd", None, **facts) == [UNKNOWN, UNKNOWN, False]


def test_four_fifths_of_a_whole_number_of_steps_is_exact():
    fives = np.arange(5.0, 100_000, 5)
    facts = {"worn_awake_min": np.full(fives.size, 600.0), "steps": fives, "steps_from_minutes": fives / 5 * 4}
    assert valid_days("abcd", facts).filled(False).all()
    assert not valid_days("abcd", {**facts, "steps_from_minutes": fives / 5 * 4 - 1}).filled(True).any()


@pytest.mark.parametrize("rule", RULES)
def test_nothing_known_is_unknown_and_never_false(rule: str):
    nothing = {name: np.array([NAN, NAN]) for name in RULES[rule].needs}
    result = valid_days(rule, nothing)
    assert result.tolist() == [UNKNOWN, UNKNOWN]
    assert result.filled().tolist() == [False, False]  # numpy would say True


@pytest.mark.parametrize("rule", RULES)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_decided_day_stays_so_whatever_its_unknown_facts_turn_out_to_be(rule: str, data: st.DataObject):
    value = st.sampled_from([0.0, 1.0, 12.0, 599.0, 600.0, 1000.0, 1440.0])
    facts = {name: data.draw(value | st.just(NAN)) for name in RULES[rule].needs}
    (before,) = valid_days(rule, {k: np.array([v]) for k, v in facts.items()}).tolist()
    learnt = {k: data.draw(value) if v != v else v for k, v in facts.items()}
    (after,) = valid_days(rule, {k: np.array([v]) for k, v in learnt.items()}).tolist()
    assert before is UNKNOWN or before == after


def test_masked_facts_are_unknown_and_stay_as_they_were():
    # as duckdb's fetchnumpy returns a column with NULLs
    steps = np.ma.MaskedArray([0, 5, 5], mask=[False, False, True])
    assert valid_days("active_day", {"steps": steps, "participant_id": np.array(["a", "b", "c"])}).tolist() == [
        False,
        True,
        UNKNOWN,
    ]
    assert steps.tolist() == [0, 5, None]


def test_thresholds_can_be_set_and_the_sentence_says_them():
    assert decided("ten_hours", {"min_worn_min": 480}, worn_min=[479.0, 480.0]) == [False, True]
    assert RULES["ten_hours"].describe(min_worn_min=480) == "Worn for at least 480 minutes of the day."
    assert "at least 80% of the steps" in RULES["abcd"].describe()


def test_every_rule_says_what_it_needs_and_where_it_comes_from():
    for name, rule in RULES.items():
        assert rule.needs, name
        assert set(rule.needs) <= set(FACTS), name
        assert rule.source, name
        assert "{" not in rule.describe(), name
    assert {need for rule in RULES.values() for need in rule.needs} == set(FACTS)


def test_what_cannot_be_decided_is_refused():
    with pytest.raises(ValueError, match=r"'nine_hours'.*ten_hours"):
        valid_days("nine_hours", {})
    with pytest.raises(ValueError, match="needs steps_from_minutes, steps"):
        valid_days("abcd", {"worn_awake_min": [1.0]})
    with pytest.raises(ValueError, match=r"'min_hours' is no threshold of this rule: min_worn_min"):
        valid_days("ten_hours", {"worn_min": [1.0]}, min_hours=10)
    with pytest.raises(ValueError, match="min_worn_min must be from 0 to inf, got nan"):
        valid_days("ten_hours", {"worn_min": [1.0]}, min_worn_min=NAN)
    with pytest.raises(ValueError, match="min_ratio must be from 0 to 1, got 50"):  # per cent meant
        valid_days("rapids_minutes", {"day_length_min": [1440.0], "rapids_valid_min": [1.0]}, min_ratio=50)
    with pytest.raises(ValueError, match="worn_min of person-day 1 is -1"):
        valid_days("ten_hours", {"worn_min": [1.0, -1.0]})
    with pytest.raises(ValueError, match="one value per person-day"):
        valid_days("rapids_minutes", {"day_length_min": [1440.0], "rapids_valid_min": [1.0, 2.0]})


# --- RAPIDS data yield ---------------------------------------------------------------------------------------------


def day_with(minutes_by_hour: dict[int, int], n_hours: int) -> np.ndarray:
    """Return one day of which the k-th hour lived has rows in its first so many minutes."""
    has_row = np.zeros((1, n_hours * 60), dtype=bool)
    for k, n in minutes_by_hour.items():
        has_row[0, k * 60 : k * 60 + n] = True
    return has_row


def test_an_hour_is_valid_with_31_minutes_and_not_with_30():
    hours = np.repeat(np.arange(24), 60)
    got = data_yield(day_with({0: 30, 1: 31, 2: 60}, 24), hours)
    # 121 of 1440 minutes, 2 of 24 hours
    assert (got.valid_min.tolist(), got.valid_hours.tolist()) == ([121], [2.0])
    assert (got.ratio_valid_min[0], got.ratio_valid_hours[0]) == (121 / 1440, 2 / 24)


def test_the_23_hour_day_by_hand():
    hours = lived_hours("America/New_York", date(2016, 3, 13))  # no 02:00 to 03:00
    assert hours.size == 1380
    assert 2 not in hours
    # 12 hours of 31 minutes are valid, 11 of 30 are not: 372 + 330 = 702 minutes
    got = data_yield(day_with({k: 31 if k < 12 else 30 for k in range(23)}, 23), hours)
    assert (got.day_length_min, got.valid_min[0], got.valid_hours[0]) == (1380, 702, 12)
    assert (got.ratio_valid_min[0], got.ratio_valid_hours[0]) == (702 / 1380, 12 / 23)


def test_the_25_hour_day_by_hand():
    hours = lived_hours("America/New_York", date(2016, 11, 6))  # 01:00 to 02:00 twice
    assert hours.size == 1500
    assert (hours == 1).sum() == 120
    # The first 1 o'clock has 31 minutes, the second 29. As one hour they would be 60 of 120 (not valid) or 60 of 60;
    # as two, the first is valid and the second is not.
    got = data_yield(day_with({1: 31, 2: 29}, 25), hours)
    assert (got.day_length_min, got.valid_min[0], got.valid_hours[0]) == (1500, 60, 1)
    assert (got.ratio_valid_min[0], got.ratio_valid_hours[0]) == (60 / 1500, 1 / 25)


def test_an_hour_cut_short_counts_for_its_part():
    # Lord Howe goes from 02:00 to 02:30: a day of 1410 minutes whose 2 o'clock has 30
    hours = lived_hours("Australia/Lord_Howe", date(2016, 10, 2))
    assert (hours == 2).sum() == 30
    has_row = np.zeros((3, 1410), dtype=bool)
    has_row[0, hours == 2] = True  # 30 of 30 minutes: half an hour
    has_row[1, np.flatnonzero(hours == 2)[:15]] = True  # 15 of 30: not more than half
    has_row[2] = True
    got = data_yield(has_row, hours)
    assert got.valid_hours.tolist() == [0.5, 0, 23.5]
    assert got.ratio_valid_hours.tolist() == [0.5 / 23.5, 0, 1]


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Vienna", date(2016, 3, 27)),
        ("Europe/Vienna", date(2016, 10, 30)),
        ("Europe/Vienna", date(2016, 6, 1)),
        ("Australia/Lord_Howe", date(2016, 4, 3)),
        ("America/St_Johns", date(2010, 11, 6)),  # 23:01 to 24:00 twice
        ("Antarctica/Troll", date(2016, 10, 30)),  # two hours twice
    ],
)
def test_a_full_day_yields_1_and_an_empty_one_0(zone: str, day: date):
    hours = lived_hours(zone, day)
    assert hours.size == day_length_min(zone, day)
    got = data_yield(np.repeat([[True], [False]], hours.size, axis=1), hours)
    assert got.ratio_valid_min.tolist() == got.ratio_valid_hours.tolist() == [1, 0]
    assert got.valid_hours.tolist() == [hours.size / 60, 0]


@pytest.mark.parametrize("day", [date(2016, 3, 27), date(2016, 6, 1), date(2016, 10, 30)])
@given(seed=st.integers(0, 10**6), share=st.floats(0.3, 0.7), threshold=st.sampled_from([0, 0.25, 0.35, 0.5, 0.9]))
@settings(max_examples=40, deadline=None)
def test_yield_equals_rapids_bins_of_elapsed_hours(day: date, seed: int, share: float, threshold: float):
    hours = lived_hours_of_vienna[day]
    has_row = np.random.default_rng(seed).random((2, hours.size)) < share
    got = data_yield(has_row, hours, min_minute_share=threshold)
    for person in range(2):
        # rows as timestamps, counted in bins of the time since midnight
        bins: dict[int, set[int]] = {}
        for ms in np.flatnonzero(has_row[person]) * 60_000 + 17_000:
            bins.setdefault(int(ms) // 3_600_000, set()).add(int(ms) // 60_000)
        minutes = sum(len(b) for b in bins.values())
        valid = sum(len(b) / 60 > threshold for b in bins.values())
        assert (got.valid_min[person], got.valid_hours[person]) == (minutes, valid)
        assert got.ratio_valid_min[person] == min(minutes / hours.size, 1)
        assert got.ratio_valid_hours[person] == pytest.approx(min(valid / (hours.size / 60), 1))


lived_hours_of_vienna = {
    day: lived_hours("Europe/Vienna", day) for day in (date(2016, 3, 27), date(2016, 6, 1), date(2016, 10, 30))
}


def test_yield_refuses_what_does_not_fit():
    hours = np.repeat(np.arange(24), 60)
    with pytest.raises(ValueError, match="do not fit"):
        data_yield(np.zeros((1, 1380), dtype=bool), hours)
    with pytest.raises(ValueError, match="do not fit"):
        data_yield(np.zeros((1, 0), dtype=bool), hours[:0])
    with pytest.raises(TypeError, match="float64"):
        data_yield(np.zeros((1, 1440)), hours)
    with pytest.raises(ValueError, match="min_minute_share"):
        data_yield(np.zeros((1, 1440), dtype=bool), hours, min_minute_share=1)
