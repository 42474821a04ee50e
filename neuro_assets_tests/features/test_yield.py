"""How much of a day is there: by hand, on the days when clocks change, and what is 0 and what is not known."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from neuro_assets.features.by_minute import FeatureReport, ensure_features
from neuro_assets.features.by_survey import tell_yield
from neuro_assets.science.features.yields import YIELD
from neuro_assets.science.local_time import day_length_min
from neuro_assets.streams.coverage import COVERAGE_TABLES
from neuro_assets.streams.features_use import FEATURES_DATA_YIELD
from neuro_assets_tests.features.conftest import MakePlanted, Planted

WINDOW = {"start": date(2020, 3, 1), "end": date(2020, 12, 31)}
ZONE = "America/New_York"
NAMES = [f.name for f in YIELD]


@pytest.fixture
def study(make_features: MakePlanted) -> Planted:
    """In New York, of people who are to wear a device that tells heart rate and steps."""
    planted = make_features(window=WINDOW, default_time_zone=ZONE)
    ensure_features(planted.connection, planted.job, (*COVERAGE_TABLES, FEATURES_DATA_YIELD))
    return planted


def told(study: Planted, *days: date) -> FeatureReport:
    study.cover(days[0], days[-1])
    return tell_yield(study.connection, study.job, days[0], days[-1])


def rows(study: Planted, columns: str, until: date) -> list[tuple]:
    """Coverage has the day after the last one that it is asked for as well; it is not looked at."""
    return study.rows(
        f"SELECT participant_id, day, {columns} FROM features.data_yield WHERE day <= ? ORDER BY 1, 2", until
    )


@pytest.mark.parametrize("known", [pytest.param(k, id=f.name) for f in YIELD for k in f.known])
def test_known_answers(known):
    assert known.holds(), (known.told, known.compute())


@pytest.mark.parametrize(
    ("day", "offset_min", "length"), [(date(2020, 3, 8), -300, 1380), (date(2020, 11, 1), -240, 1500)]
)
def test_days_of_23_and_25_hours_have_the_shares_of_rapids(study: Planted, day: date, offset_min: int, length: int):
    """Seven minutes with a heart rate, as in RAPIDS' test data: 7/1380 and 7/1500."""
    midnight = datetime.combine(day, datetime.min.time())
    study.put("heart_rate", "a", midnight, [70.0] * 14, every_s=30, offset_min=offset_min)
    told(study, day)
    columns = "heart_rate_min, heart_rate_min_share, heart_rate_hours, length_min"
    assert rows(study, columns, day) == [("a", day, 7, 7 / length, 0, length)]


def test_a_day_by_hand(study: Planted):
    day = date(2020, 6, 1)
    morning = datetime(2020, 6, 1, 8)
    # An hour and 31 minutes of heart rate with steps, then half an hour, which is no valid hour; steps for four hours.
    study.put("heart_rate", "a", morning, [70.0 + n % 3 for n in range(91)], offset_min=-240)
    study.put("heart_rate", "a", morning + timedelta(hours=3), [70.0 + n % 3 for n in range(30)], offset_min=-240)
    study.put("steps", "a", morning, [float(n % 7) for n in range(240)], offset_min=-240)
    told(study, day)
    columns = "heart_rate_min, heart_rate_hours, heart_rate_min_share, heart_rate_hours_share"
    assert rows(study, columns, day) == [("a", day, 121, 2, 121 / 1440, 2 / 24)]
    expected = dict(study.rows("SELECT stream, expected_min FROM coverage.daily WHERE day = ?", day))
    observed = {"heart_rate": 121, "steps": 240}
    columns = "observed_share, least_observed_share, streams_share"
    assert rows(study, columns, day) == [
        ("a", day, 361 / sum(expected.values()), min(observed[s] / expected[s] for s in observed), 1)
    ]
    ((worn,),) = study.rows("SELECT worn_min FROM coverage.valid_day WHERE day = ?", day)
    assert rows(study, "worn_share, is_valid_day", day) == [("a", day, worn / 1440, None)]


def test_nothing_is_0_once_something_later_has_come_and_not_known_before(make_features: MakePlanted):
    first, second = date(2020, 6, 1), date(2020, 6, 2)
    people = [{"participant_id": "a", "enrolled_on": first}]
    study = make_features(window=WINDOW, default_time_zone="UTC", people=people)
    ensure_features(study.connection, study.job, (*COVERAGE_TABLES, FEATURES_DATA_YIELD))
    told(study, first)
    assert rows(study, f"is_handed_over, {', '.join(NAMES)}", first) == [("a", first, False, *[None] * len(NAMES))]
    before = study.rows("FROM features.data_yield")
    study.put("heart_rate", "a", datetime(2020, 6, 3), [70.0] * 60)
    told(study, first, second)
    shares = "heart_rate_min, heart_rate_hours_share, observed_share, streams_share, worn_share"
    assert rows(study, shares, second) == [("a", first, 0, 0, 0, 0, None), ("a", second, 0, 0, 0, 0, None)]
    assert before != study.rows("FROM features.data_yield")
    # Made again, it is what is there already.
    assert told(study, first, second).rows == {"features.data_yield": 0}


def test_a_heart_rate_that_nobody_asks_for_is_not_missing(make_features: MakePlanted):
    day = date(2020, 6, 1)
    study = make_features(window=WINDOW, default_time_zone="UTC", expected_streams=("steps",))
    ensure_features(study.connection, study.job, (*COVERAGE_TABLES, FEATURES_DATA_YIELD))
    for n in (0, 1):
        study.put("steps", "a", datetime(2020, 6, 1 + n), [float(n % 7) for n in range(1440)])
    told(study, day)
    assert rows(study, "is_handed_over, heart_rate_min, heart_rate_hours_share, observed_share", day) == [
        ("a", day, True, None, None, 1)
    ]


@pytest.mark.verify
def test_minutes_and_hours_are_those_of_a_second_computation(make_features: MakePlanted):
    rng = Random(11)
    study = make_features(window=WINDOW, default_time_zone=ZONE)
    ensure_features(study.connection, study.job, (*COVERAGE_TABLES, FEATURES_DATA_YIELD))
    days = [date(2020, 3, 7), date(2020, 3, 8), date(2020, 3, 9)]
    for who in ("a", "b"):
        for offset, since in ((-300, datetime(2020, 3, 7)), (-240, datetime(2020, 3, 8, 3))):
            for n in range(30):
                at = since + timedelta(minutes=rng.randrange(60 * 26 if offset == -300 else 60 * 44))
                step = rng.choice([5, 30, 60, 120])
                study.put("heart_rate", who, at + timedelta(seconds=n), [60.0 + n] * rng.randrange(1, 90),
                          every_s=step, period_s=1, offset_min=offset)  # fmt: skip
    study.cover(days[0], days[-1])
    tell_yield(study.connection, study.job, days[0], days[-1])
    seen: dict[tuple[str, date], set[datetime]] = defaultdict(set)
    for who, day, ts in study.rows("SELECT participant_id, day, ts FROM staging.heart_rate"):
        seen[who, day].add(ts.astimezone(UTC).replace(second=0, microsecond=0))
    columns = "heart_rate_min, heart_rate_min_share, heart_rate_hours, heart_rate_hours_share"
    found = {row[:2]: row[2:] for row in rows(study, columns, days[-1])}
    assert len(found) == 6
    for key, minutes in seen.items():
        by_hour: dict[datetime, int] = defaultdict(int)
        for minute in minutes:
            by_hour[minute.replace(minute=0)] += 1
        valid, length = sum(n > 30 for n in by_hour.values()), day_length_min(ZONE, key[1])
        expected = (len(minutes), len(minutes) / length, valid, valid * 60 / length)
        assert found[key] == pytest.approx(expected, abs=1e-12), key
    assert {length for _, _, length in rows(study, "length_min", days[-1])} == {1440, 1380}


@pytest.mark.verify
def test_days_in_any_order_are_the_same(make_features: MakePlanted):
    """Whichever day comes last tells that those before it are whole."""
    days = [date(2020, 6, n) for n in range(1, 6)]
    tables = []
    for order in (days, [days[n] for n in (3, 0, 4, 2, 1, 3)]):
        study = make_features(window=WINDOW, default_time_zone="UTC")
        ensure_features(study.connection, study.job, (*COVERAGE_TABLES, FEATURES_DATA_YIELD))
        for n, day in enumerate(order):
            if day not in order[:n]:
                study.put("heart_rate", "a", datetime.combine(day, datetime.min.time()), [50.0 + day.day] * 300)
            told(study, day)
        tables.append(study.rows("SELECT * FROM features.data_yield ORDER BY ALL"))
    assert {row[1] for row in tables[0]} >= set(days)
    assert tables[0] == tables[1]
