"""Which rows of features there are, what they are told from, and that the order of days makes no difference."""

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from neuro_assets.features.by_minute import tell_days
from neuro_assets.science.features.steps import STEPS
from neuro_assets.streams.features import MINUTE_FAMILIES, TRAILING
from neuro_assets_tests.features import by_pandas
from neuro_assets_tests.features.conftest import FIRST, LAST, MakePlanted, Planted, put_two_weeks, walks
from neuro_assets_tests.series.conftest import ONE_DAY

SUNDAY = date(2019, 10, 27)


def test_a_row_for_each_day_with_a_value_and_each_part_of_it(told: Planted):
    found = told.rows(
        "SELECT participant_id, basis, segment, count(*), min(day), max(day) FROM features.steps GROUP BY ALL"
    )
    segments = ("day", "night", "morning", "afternoon", "evening")
    days = {
        ("a", "1m"): (18, FIRST, LAST),
        ("b", "1h"): (12, FIRST + ONE_DAY, LAST),
        ("c", "1m"): (2, date(2019, 11, 5), LAST),
    }
    assert sorted(found) == sorted((*who, segment, *span) for who, span in days.items() for segment in segments)


def test_whole_days_are_those_of_a_second_computation_from_staging(told: Planted):
    frame = pd.DataFrame(
        told.rows(
            "SELECT participant_id, day, epoch(ts)::BIGINT // 60, hour(local_ts) * 60 + minute(local_ts), value"
            " FROM staging.steps WHERE period_s = 60"
        ),
        columns=["participant_id", "day", "at", "clock", "value"],
    )
    second = by_pandas.by_group(frame, by_pandas.steps_of).set_index(["participant_id", "day"])
    names = [f.name for f in STEPS]
    rows = told.rows(
        f"SELECT participant_id, day, {', '.join(names)} FROM features.steps WHERE segment = 'day' AND basis = '1m'"
    )
    assert len(rows) == len(second) == 20
    for who, day, *values in rows:
        expected = second.loc[(who, day), names].tolist()
        np.testing.assert_allclose(np.array(values, dtype=float), expected, rtol=1e-9, err_msg=f"{who} {day}")


def test_parts_of_the_day_add_up_and_have_their_length(told: Planted):
    (apart,) = told.rows(
        """
        SELECT count(*), max(abs(p.total - d.total)), max(abs(p.length - d.length_min)) FROM (
            SELECT participant_id, day, sum(coalesce(total, 0)) AS total, sum(length_min) AS length
            FROM features.steps WHERE segment <> 'day' GROUP BY ALL
        ) p JOIN features.steps d USING (participant_id, day) WHERE d.segment = 'day'
        """
    )
    assert apart == (32, 0, 0)
    # Nobody has a minute of the night but c, who has the whole day; what is not known is not told, and is no zero.
    night = told.rows(
        "SELECT participant_id, observed_min, total IS NULL FROM features.steps"
        " WHERE segment = 'night' AND basis = '1m' AND day = '2019-11-05' ORDER BY 1"
    )
    assert night == [("a", 0, True), ("c", 360, False)]


def test_by_the_hour_what_needs_minutes_is_not_told(told: Planted):
    names = [f.name for f in STEPS]
    (row,) = told.rows(f"SELECT {', '.join(names)} FROM features.steps WHERE participant_id = 'b' AND segment = 'day'"
                       " AND day = '2019-10-21'")  # fmt: skip
    expected = sum(100.0 * ((h * 7 + 1) % 11) for h in range(24))
    assert dict(zip(names, row, strict=True)) == dict.fromkeys(names) | {"total": expected}


def test_the_heart_rate_at_rest_is_told_with_the_steps_of_the_same_minutes(told: Planted):
    ((resting, minutes),) = told.rows(
        "SELECT resting, resting_min FROM features.heart_rate WHERE segment = 'day' AND day = ?", FIRST
    )
    steps, rate = walks(0, 960), [60.0 + m % 50 for m in range(960)]
    still = [rate[m] for m in range(11, 960) if not any(steps[m - 11 : m + 1])]
    assert (resting, minutes) == (np.median(still), len(still))


def test_spans_are_those_of_a_second_computation(told: Planted):
    names = [f.name for f in STEPS if f.is_trailing]
    days = pd.DataFrame(
        told.rows(f"SELECT participant_id, day, {', '.join(names)} FROM features.steps WHERE segment = 'day'"),
        columns=["participant_id", "day", *names],
    ).set_index(["participant_id", "day"]).astype(float)  # fmt: skip
    columns = [f"{n}_{t}" for n in names for t in TRAILING]
    rows = told.rows(
        f"SELECT participant_id, day, window_days, days, {', '.join(columns)} FROM features.steps_trailing"
    )
    assert len(rows) == 3 * (18 + 17 + 2)
    for who, day, window, count, *values in rows:
        own = days.loc[who]
        inside = own[[day - window * ONE_DAY < d <= day for d in own.index]]
        before = own[[day - window * ONE_DAY <= d < day for d in own.index]]
        free = [d.weekday() >= 5 for d in inside.index]
        assert count == len(inside)
        expected: list[float] = []
        for name in names:
            series, earlier = inside[name].dropna(), before[name].dropna()
            weekend, work = inside[name][free].dropna(), inside[name][[not f for f in free]].dropna()
            is_enough, were_enough = 7 * len(series) >= 3 * window, 7 * len(earlier) >= 3 * window
            today = own[name].get(day, np.nan)
            z = (today - earlier.mean()) / earlier.std() if were_enough and earlier.std() > 1e-9 else np.nan
            contrast = weekend.mean() - work.mean() if len(weekend) >= 1 and len(work) >= 2 else np.nan
            expected += [series.mean(), series.std(), z, contrast] if is_enough else [np.nan, np.nan, z, np.nan]
        np.testing.assert_allclose(
            np.array(values, dtype=float), expected, rtol=1e-6, atol=1e-8, err_msg=f"{who} {day} {window}"
        )


@pytest.mark.verify
def test_in_any_order_one_by_one_and_twice_it_is_the_same(told: Planted, make_features: MakePlanted):
    study = make_features()
    put_two_weeks(study)
    study.prepare(FIRST, LAST)
    order = [FIRST + n * ONE_DAY for n in np.random.default_rng(1).permutation(18)]
    for day in (*order, FIRST + 3 * ONE_DAY, LAST):
        study.tell(day)
    assert study.features() == told.features()


@pytest.mark.verify
def test_a_late_day_changes_itself_and_the_spans_that_end_after_it(make_features: MakePlanted):
    study = make_features()
    put_two_weeks(study)
    study.prepare(FIRST, LAST)
    study.tell(FIRST, LAST)
    before = study.features()
    late = FIRST + 4 * ONE_DAY
    study.put("steps", "d", datetime.combine(late, datetime.min.time()), walks(5, 1440))
    study.prepare(late)
    beside = study.tell(late)
    assert beside["steps"] == frozenset()
    assert beside["steps_trailing"] == {late + n * ONE_DAY for n in range(1, (LAST - late).days + 1)}
    after = study.features()
    new = {name: set(after[name]) - set(before[name]) for name in after}
    print([r[:9] for r in new["steps"] if r[0] != "d"], [r[:9] for r in set(before["steps"]) - set(after["steps"])])
    assert {name: len(rows) for name, rows in new.items() if rows} == {"steps": 5, "steps_trailing": 7 + 14 + 14}
    assert all(not set(before[name]) - set(after[name]) for name in after)
    assert {row[1] for row in new["steps"]} == {late}


@pytest.mark.verify
def test_other_rules_make_every_day_anew(make_features: MakePlanted, told: Planted):
    study = make_features()
    put_two_weeks(study)
    study.prepare(FIRST, LAST)
    study.tell(FIRST, LAST)
    rules = study.job.study.model_dump(exclude={"people"}) | {
        "features": {"segments": {"work": {"start": "09:00", "end": "17:00"}}, "windows": [7]}
    }
    other = Planted(type(study.job)(study.job.settings, study.job.lake, type(study.job.study).model_validate(rules),
                                    study.job.sources), study.connection)  # fmt: skip
    beside = other.tell(LAST)
    assert beside["steps"] == {FIRST + n * ONE_DAY for n in range(17)}
    assert study.rows("SELECT DISTINCT segment FROM features.steps ORDER BY 1") == [("day",), ("work",)]
    assert study.rows("SELECT DISTINCT window_days FROM features.steps_trailing") == [(7,)]
    assert study.rows("SELECT count(DISTINCT definitions) FROM features.steps") == [(1,)]
    assert told.rows("SELECT DISTINCT segment FROM features.steps ORDER BY 1") == [
        ("afternoon",), ("day",), ("evening",), ("morning",), ("night",),
    ]  # fmt: skip


def test_a_day_of_25_hours_has_them_and_its_parts_are_by_the_wall_clock(make_features: MakePlanted):
    study = make_features(default_time_zone="Europe/Zurich")
    # The hour from 02:00 on is there twice, ten steps a minute the first time and twenty the second.
    midnight = datetime.combine(SUNDAY, datetime.min.time())
    study.put("steps", "a", midnight, [1.0] * 120 + [10.0] * 60, offset_min=120)
    study.put("steps", "a", midnight + timedelta(hours=2), [20.0] * 60 + [1.0] * 21 * 60, offset_min=60, fold=0)
    with study.job.lake.transaction(study.connection, ["staging.steps"]):
        study.connection.execute(
            "UPDATE staging.steps SET fold = 1 WHERE utc_offset_min = 60 AND local_ts < '2019-10-27 03:00'"
        )
    study.prepare(SUNDAY)
    study.tell(SUNDAY)
    found = study.rows("SELECT segment, length_min, observed_min, total FROM features.steps ORDER BY 1")
    assert found == [
        ("afternoon", 360, 360, 360), ("day", 1500, 1500, 120 + 600 + 1200 + 1260), ("evening", 360, 360, 360),
        ("morning", 360, 360, 360), ("night", 420, 420, 120 + 600 + 1200 + 180),
    ]  # fmt: skip
    bouts = study.rows("SELECT active_bouts, active_bout_max_min FROM features.steps WHERE segment = 'day'")
    assert bouts == [(1, 120)]


@pytest.mark.verify
def test_a_device_that_lay_about_tells_nothing(make_features: MakePlanted):
    study = make_features(expected_streams=("steps",))
    study.put("steps", "a", datetime.combine(FIRST, datetime.min.time()), [0.0] * 1440)
    study.prepare(FIRST)
    study.tell(FIRST)
    names = ", ".join(f.name for f in STEPS)
    rows = study.rows(f"SELECT observed_min, {names} FROM features.steps WHERE segment = 'day'")
    assert rows == [(0, *[None] * len(STEPS.features))]


@pytest.mark.verify
def test_zones_are_the_vendor_s_of_the_day_or_the_protocol_s(make_features: MakePlanted):
    study = make_features(
        expected_streams=("heart_rate",), features={"heart_rate_zones_bpm": [100.0, 120.0, 150.0], "segments": {}}
    )
    for who in ("a", "b"):
        study.put("heart_rate", who, datetime.combine(FIRST, datetime.min.time()), [90.0, 110.0, 110.0, 130.0] * 200)
    with study.job.lake.transaction(study.connection, ["staging.heart_rate_zones"]):
        for zone, edge in (("fat_burn", 95), ("cardio", 105), ("peak", 115)):
            study.connection.execute(
                "INSERT INTO staging.heart_rate_zones BY NAME SELECT 'b' AS participant_id, $day AS day, $zone AS zone,"
                " 1.0 AS minutes, $edge AS min_bpm, 'test' AS source, 'f' AS file_id, 1 AS row_number",
                {"day": FIRST, "zone": zone, "edge": edge},
            )
    study.prepare(FIRST)
    study.tell(FIRST)
    zones = "out_of_range_min, fat_burn_min, cardio_min, peak_min"
    found = study.rows(f"SELECT participant_id, {zones} FROM features.heart_rate ORDER BY 1")
    assert found == [("a", 200, 400, 200, 0), ("b", 200, 0, 400, 200)]


@pytest.mark.verify
def test_a_lake_of_before_gets_the_columns_that_are_new(told: Planted, make_features: MakePlanted):
    study = make_features()
    put_two_weeks(study)
    study.prepare(FIRST, LAST)
    with study.job.lake.transaction(study.connection, ["ddl"]):
        for name in ("peak_30_min", "active_bout_gini"):
            study.connection.execute(f"ALTER TABLE lake.features.steps DROP COLUMN {name}")
    study.prepare(FIRST)
    study.tell(FIRST, LAST)
    names = ", ".join(f.name for f in STEPS)
    everything = f"SELECT participant_id, day, segment, {names} FROM features.steps ORDER BY ALL"
    assert study.rows(everything) == told.rows(everything)


@pytest.mark.parametrize("family", MINUTE_FAMILIES, ids=lambda f: f.name)
def test_without_any_rows_there_is_nothing(make_features: MakePlanted, family):
    study = make_features()
    study.prepare(FIRST)
    report = tell_days(study.connection, study.job, family, FIRST, LAST)
    assert (report.rows, report.days_beside) == ({f"features.{family.name}": 0}, frozenset())
