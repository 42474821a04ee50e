from collections.abc import Mapping
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_assets.streams.catalogue import STREAMS, stream
from neuro_assets.streams.gate import pandera_schema, row_failures
from neuro_assets.streams.model import Column, Stream

POLARS = {
    "VARCHAR": pl.String,
    "BOOLEAN": pl.Boolean,
    "TINYINT": pl.Int8,
    "SMALLINT": pl.Int16,
    "INTEGER": pl.Int32,
    "BIGINT": pl.Int64,
    "DOUBLE": pl.Float64,
    "DATE": pl.Date,
    "TIMESTAMP": pl.Datetime("us"),
    "TIMESTAMPTZ": pl.Datetime("us", "UTC"),
}
GOOD = {
    "participant_id": "p1",
    "day": date(2016, 4, 1),
    "ts": datetime(2016, 4, 1, 16, tzinfo=UTC),
    "local_ts": datetime(2016, 4, 1, 12),
    "fold": 0,
    "utc_offset_min": -240,
    "period_s": 3600,
    "value": 30.0,
    "time_quality": "ok",
    "tz_source": "study",
    "source": "fitabase",
    "file_id": "ab",
    "row_number": 1,
    "steps": 9000,
    "distance_km": 6.5,
    "calories_kcal": 2100.0,
    "very_active_min": 30,
    "fairly_active_min": 20,
    "lightly_active_min": 190,
    "sedentary_min": 1200,
    "sleep_records": 1,
    "minutes_asleep": 420,
    "minutes_in_bed": 450,
    "very_active_distance_km": 2.5,
    "moderately_active_distance_km": 1.0,
    "light_active_distance_km": 3.0,
    "sedentary_active_distance_km": 0.0,
    "stage": "asleep",
    "log_id": "11114919637",
    "weight_kg": 53.3,
    "bmi": 22.97,
    "fat_pct": 22.0,
    "is_manual": True,
    "instrument": "phq9",
    "version": 1,
    "response_id": "#1",
    "time_precision": "moment",
    "item": "q1",
    "answer": "Several days",
    "answer_type": "choice",
    "code": "1",
    "label": "several days",
    "text": "as ever",
    "is_missing": False,
    "missing_reason": "refused",
    "rmssd_ms": 41.3,
    "coverage": 0.97,
    "hf_ms2": 390.2,
    "lf_ms2": 1204.8,
    "end_local_ts": datetime(2016, 4, 1, 19, 30),
    "date_of_sleep": date(2016, 4, 1),
    "sleep_type": "stages",
    "duration_s": 27_000,
    "minutes_awake": 30,
    "minutes_to_fall_asleep": 0,
    "minutes_after_wakeup": 2,
    "efficiency_pct": 93,
    "is_main_sleep": True,
    "info_code": 0,
    "log_type": "auto_detected",
    "overall": 78,
    "composition": 20,
    "revitalization": 19,
    "duration": 39,
    "deep_min": 70,
    "resting_heart_rate_bpm": 57.0,
    "restlessness": 0.07,
    "activity": "Walk",
    "activity_type_id": 90013,
    "active_s": 1_500,
    "mean_heart_rate_bpm": 104.0,
    "elevation_m": 12.2,
    "device_id": "1f2e3d",
    "device": "Versa 2",
    "device_type": "TRACKER",
    "battery_pct": 66,
    "battery": "Medium",
    "vital": "breathing_rate",
    "total_min": 64,
    "fat_burn_min": 20,
    "cardio_min": 40,
    "peak_min": 4,
    "zone": "fat_burn",
    "minutes": 95.0,
    "min_bpm": 94.0,
    "max_bpm": 131.0,
    "level": "lightly",
    "event_id": "7f3a",
    "event_type": "unlock",
    "app": "mail",
    "details": '{"battery":80}',
    "schema_version": 1,
}
# Where what is ordinary in one stream is not in another.
GOOD_IN: dict[str, dict[str, object]] = {
    "spo2": {"value": 96.4},
    "daily_vitals": {"value": 15.2},
    "daily_active_minutes": {"minutes": 190},
}
# Counted by hand of every stream with columns of its own: what is bounded, and on how many sides.
BOUNDS = {
    "heart_rate": 9,
    "distance": 8,
    "activity_counts": 8,
    "sleep_stage": 7,
    "weight": 11,
    "daily_distance": 3,
    "daily_steps": 3,
    "daily_intensity": 17,
    "hrv": 13,
    "spo2": 9,
    "sleep_session": 19,
    "sleep_score": 19,
    "exercise": 19,
    "device_sync": 7,
    "event": 7,
    "daily_vitals": 1,
    "active_zone_minutes": 9,
    "heart_rate_zones": 9,
    "daily_active_minutes": 3,
}
LISTED = {
    "sleep_stage": ["stage"],
    "survey_response": ["time_precision", "missing_reason"],
    "event": ["event_type"],
    "sleep_session": ["sleep_type"],
    "daily_vitals": ["vital"],
    "heart_rate_zones": ["zone"],
    "daily_active_minutes": ["level"],
}


def frame_of(target: Stream, *rows: Mapping[str, object]) -> pl.DataFrame:
    """An ordinary row per mapping, with these values planted; rid counts from 100."""
    schema = {c.name: POLARS[c.type] for c in target.columns}
    good = GOOD | GOOD_IN.get(target.name, {})
    full = [{name: (good | dict(row))[name] for name in schema} for row in rows]
    rid = pl.int_range(100, 100 + len(rows), dtype=pl.Int64, eager=True).alias("rid")
    day_length = pl.Series("day_length_min", [row.get("day_length_min", 1440) for row in rows], pl.Int32)
    return pl.DataFrame(full, schema=schema).with_columns(rid, day_length)


def failures(target: Stream, *rows: Mapping[str, object]) -> set[tuple]:
    return set(row_failures(target, frame_of(target, *rows)).iter_rows())


def bounds(column: Column) -> list[float]:
    return [b for b in (column.ge, column.le) if b is not None]


def beyond(column: Column) -> list[float]:
    """The nearest values outside the bounds, in the column's own step."""
    step = 0.001 if column.type == "DOUBLE" else 1
    low = [] if column.ge is None else [column.ge - step]
    return low if column.le is None else [*low, column.le + step]


def typed(column: Column, value: float) -> float:
    return value if column.type == "DOUBLE" else int(value)


DISTANCES = {f"{part}_active_distance_km" for part in ("very", "moderately", "light", "sedentary")}
OPTIONAL = {
    "sleep_stage": {"log_id"},
    "survey_response": {"duration_s", "answer", "code", "label", "value", "text", "missing_reason"},
    "event": {"device_id", "app", "duration_s", "details"},
    "weight": {"bmi", "fat_pct", "is_manual", "log_id"},
    "daily_intensity": DISTANCES,
    "hrv": {"coverage", "hf_ms2", "lf_ms2"},
    "sleep_session": {
        "minutes_to_fall_asleep",
        "minutes_after_wakeup",
        "efficiency_pct",
        "log_id",
        "is_main_sleep",
        "info_code",
        "log_type",
    },
    "sleep_score": {
        "composition",
        "revitalization",
        "duration",
        "deep_min",
        "resting_heart_rate_bpm",
        "restlessness",
        "log_id",
    },
    "exercise": {
        "active_s",
        "steps",
        "calories_kcal",
        "distance_km",
        "mean_heart_rate_bpm",
        "elevation_m",
        "log_id",
        "activity_type_id",
        "log_type",
    },
    "device_sync": {"device", "device_type", "battery_pct", "battery"},
    "heart_rate_zones": {"min_bpm", "max_bpm", "calories_kcal"},
}

every_stream = pytest.mark.parametrize("target", STREAMS, ids=lambda s: s.name)


@every_stream
def test_an_ordinary_row_passes(target: Stream):
    assert failures(target, {}, {}) == set()


@every_stream
def test_a_value_beyond_its_bound_fails_and_only_that_row(target: Stream):
    """One planted value a row, every other row an ordinary one."""
    planted = [(c, typed(c, v)) for c in target.columns for v in beyond(c)]
    assert len(planted) == BOUNDS.get(target.name, len(planted))
    # What a vital sign may be depends on which it is: a rule.
    assert len(planted) >= 3 or target.name == "daily_vitals"
    rows = [row for c, v in planted for row in ({}, {c.name: v})]
    found = failures(target, *rows)
    wanted = {(101 + 2 * n, f"{c.name}_range", c.name, str(v)) for n, (c, v) in enumerate(planted)}
    assert wanted <= found
    assert {rid for rid, *_ in found} == {rid for rid, *_ in wanted}


@every_stream
def test_the_bounds_themselves_pass(target: Stream):
    rows = [{c.name: typed(c, v)} for c in target.columns for v in bounds(c)]
    assert not [rule for _, rule, *_ in failures(target, *rows) if rule.endswith("_range")]


@every_stream
def test_a_value_outside_its_list_fails(target: Stream):
    listed = [c.name for c in target.columns if c.isin]
    own = LISTED.get(target.name, [])
    assert listed == [*own, *(["time_quality", "tz_source"] if target.is_sample else [])]
    assert failures(target, *({name: "guess"} for name in listed)) == {
        (100 + n, f"{name}_values", name, "guess") for n, name in enumerate(listed)
    }


@every_stream
def test_a_missing_value_fails_under_its_own_name_and_breaks_no_other_rule(target: Stream):
    needed = [c.name for c in target.columns if not c.nullable]
    assert failures(target, *({name: None} for name in needed)) == {
        (100 + n, f"{name}_missing", name, None) for n, name in enumerate(needed)
    }


@every_stream
def test_what_may_be_missing_may_be_missing_all_at_once(target: Stream):
    optional = [c.name for c in target.columns if c.nullable]
    assert set(optional) == OPTIONAL.get(target.name, set())
    assert failures(target, dict.fromkeys(optional), {}) == set()


@every_stream
def test_what_is_no_number_never_passes(target: Stream):
    names = [c.name for c in target.columns if c.type == "DOUBLE"]
    rows = [{name: v} for name in names for v in (float("nan"), float("inf"), float("-inf"))]
    found = failures(target, {}, *rows)
    assert {rid for rid, *_ in found} == set(range(101, 101 + len(rows)))
    for rid, _, column, _ in found:
        assert names[(rid - 101) // 3] in column


@pytest.mark.parametrize(
    ("name", "row", "rule"),
    [
        ("steps", {"value": 18_000.0}, None),
        ("steps", {"value": 18_001.0}, "plausible_rate"),
        ("steps", {"value": 301.0, "period_s": 60}, "plausible_rate"),
        ("calories", {"value": 4166.0}, None),
        ("calories", {"value": 4167.0}, "plausible_rate"),
        ("intensity", {"value": 180.0}, None),
        ("intensity", {"value": 181.0}, "plausible_rate"),
        ("intensity", {"value": 4.0, "period_s": 60}, "plausible_rate"),
        ("heart_rate", {"day": date(2016, 4, 2)}, "day_is_local_date"),
        ("steps", {"local_ts": datetime(2016, 4, 2)}, "day_is_local_date"),
        ("calories", {"day": date(2016, 3, 31)}, "day_is_local_date"),
        ("intensity", {"local_ts": datetime(2016, 3, 31, 23, 59, 59)}, "day_is_local_date"),
        ("daily_activity", {"sedentary_min": 1200}, None),
        ("daily_activity", {"sedentary_min": 1201}, "minutes_fit_the_day"),
        ("daily_activity", {"sedentary_min": 1260, "day_length_min": 1500}, None),
        ("daily_activity", {"sedentary_min": 1261, "day_length_min": 1500}, "minutes_fit_the_day"),
        ("daily_activity", {"sedentary_min": 1200, "day_length_min": 1380}, None),
        ("mets", {"value": 0.0}, None),
        ("mets", {"value": 0.5}, None),
        ("mets", {"value": 0.1}, "nobody_below_rest"),
        ("activity_counts", {"value": 1e9}, None),
        ("activity_counts", {"day": date(2016, 4, 2)}, "day_is_local_date"),
        ("sleep_stage", {"local_ts": datetime(2016, 4, 2)}, "day_is_local_date"),
        ("sleep_stage", {"log_id": "1.11149E+10"}, "log_id_is_whole"),
        ("weight", {"log_id": "1,46223e12"}, "log_id_is_whole"),
        ("weight", {"log_id": "1459900799000"}, None),
        ("weight", {"log_id": "E12"}, None),
        ("weight", {"day": date(2016, 4, 2)}, "day_is_local_date"),
        ("daily_intensity", {"sedentary_min": 1200}, None),
        ("daily_intensity", {"sedentary_min": 1201}, "minutes_fit_the_day"),
        ("daily_sleep", {"minutes_asleep": 450}, None),
        ("daily_sleep", {"minutes_asleep": 451}, "asleep_within_bed"),
        ("distance", {"value": 360.0}, None),
        ("distance", {"value": 360.01}, "plausible_rate"),
        ("distance", {"value": 6.01, "period_s": 60}, "plausible_rate"),
        ("distance", {"day": date(2016, 4, 2)}, "day_is_local_date"),
        ("hrv", {"day": date(2016, 4, 2)}, "day_is_local_date"),
        ("spo2", {"local_ts": datetime(2016, 3, 31, 23, 59, 59)}, "day_is_local_date"),
        ("sleep_session", {"day": date(2016, 3, 31)}, "day_is_local_date"),
        ("sleep_session", {"date_of_sleep": date(2016, 4, 2)}, None),
        ("sleep_session", {"log_id": "1.11149E+10"}, "log_id_is_whole"),
        ("sleep_session", {"end_local_ts": datetime(2016, 4, 1, 10)}, None),
        ("sleep_session", {"end_local_ts": datetime(2016, 4, 1, 9, 59, 59)}, "ends_after_it_begins"),
        ("sleep_score", {"log_id": "2,6e10"}, "log_id_is_whole"),
        ("sleep_score", {"day": date(2016, 4, 2)}, "day_is_local_date"),
        ("exercise", {"log_id": "2.6E10"}, "log_id_is_whole"),
        ("exercise", {"day": date(2016, 4, 2)}, "day_is_local_date"),
        ("device_sync", {"day": date(2016, 4, 2)}, "day_is_local_date"),
    ],
)
def test_rules_over_several_columns(name: str, row: dict[str, object], rule: str | None):
    """By hand: 5 steps/s x 3600 s; 4 x 25,000 kcal / 24; 3 counts x 60 min; 30 + 20 + 190 + 1200 = 1440 min; 0.1 km/s
    x 3600 s; 12:00 less two hours."""
    target = stream(name)
    found = failures(target, {}, row)
    assert {(rid, broken) for rid, broken, *_ in found} == ({(101, rule)} if rule else set())
    if rule:
        columns = next(r.columns for r in target.rules if r.name == rule)
        shown = frame_of(target, row).row(0, named=True)
        (line,) = found
        assert line[2] == ", ".join(columns)
        assert [p.split(".")[0] for p in line[3].split(", ")] == [str(shown[c]).split(".")[0] for c in columns]


# Smallest and largest value of each, as the RECOVER study's checks of Fitbit data have those it looks at.
VITAL_BOUNDS = {
    "resting_heart_rate": (25, 300),
    "hrv_rmssd": (3, 210),
    "hrv_deep_rmssd": (3, 210),
    "spo2_avg": (50, 100),
    "spo2_min": (50, 100),
    "spo2_max": (50, 100),
    "breathing_rate": (4, 40),
    "breathing_rate_deep": (4, 40),
    "breathing_rate_light": (4, 40),
    "breathing_rate_rem": (4, 40),
    "skin_temperature_relative": (-15, 15),
    "vo2max_low": (5, 100),
    "vo2max_high": (5, 100),
}


def test_what_a_vital_sign_may_be_depends_on_which_it_is():
    """The bounds pass, the nearest values beyond them do not; every vital sign has some."""
    vitals = stream("daily_vitals")
    assert set(VITAL_BOUNDS) == set(next(c.isin or () for c in vitals.columns if c.name == "vital"))
    at_bounds = [{"vital": name, "value": float(v)} for name, pair in VITAL_BOUNDS.items() for v in pair]
    assert failures(vitals, *at_bounds) == set()
    outside = [(name, low - 0.25, high + 0.25) for name, (low, high) in VITAL_BOUNDS.items()]
    wrong = [(name, v) for name, *pair in outside for v in pair]
    found = failures(vitals, *({"vital": name, "value": v} for name, v in wrong))
    assert found == {
        (100 + n, "vital_is_possible", "vital, value", f"{name}, {v}") for n, (name, v) in enumerate(wrong)
    }


def test_one_row_may_break_several_rules_each_is_told():
    found = failures(stream("daily_sleep"), {"minutes_asleep": 1501, "sleep_records": 0})
    assert {rule for _, rule, *_ in found} == {
        "minutes_asleep_range",
        "sleep_records_range",
        "asleep_within_bed",
    }


def test_a_lazy_frame_would_let_wrong_values_through():
    """Why `row_failures` takes an eager frame: Pandera looks at the schema only of a lazy one."""
    bad = frame_of(stream("steps"), {"value": -7.0})
    passed = pandera_schema(stream("steps")).validate(bad.lazy(), lazy=True).collect()
    assert passed["value"].to_list() == [-7.0]
    assert row_failures(stream("steps"), bad)["rule"].to_list() == ["value_range"]


def test_values_are_checked_even_where_the_environment_turns_pandera_off(monkeypatch: pytest.MonkeyPatch):
    from pandera.config import CONFIG

    monkeypatch.setattr(CONFIG, "validation_enabled", False)
    assert failures(stream("steps"), {"value": -7.0}) == {(100, "value_range", "value", "-7.0")}


def test_a_frame_of_another_shape_is_a_fault_of_the_program_not_of_the_rows():
    good = frame_of(stream("steps"), {})
    with pytest.raises(TypeError, match=r"staging\.steps.*column value.*Int64"):
        row_failures(stream("steps"), good.with_columns(pl.col("value").cast(pl.Int64)))
    with pytest.raises(TypeError, match=r"staging\.steps.*declared shape"):
        row_failures(stream("steps"), good.drop("value"))
    with pytest.raises(TypeError, match="declared shape"):
        row_failures(stream("steps"), good.with_columns(pl.col("local_ts").cast(pl.Datetime("ms"))))


def test_an_empty_frame_has_no_failures():
    found = row_failures(stream("steps"), frame_of(stream("steps"), {}).clear())
    assert (found.height, found.columns) == (0, ["rid", "rule", "column_name", "value"])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-1000, 1000), st.just(float("nan"))), min_size=1, max_size=40))
def test_the_gate_agrees_with_plain_python(values: list[float | None]):
    wrong = {100 + i for i, v in enumerate(values) if v is None or not 25 <= v <= 250}
    found = row_failures(stream("heart_rate"), frame_of(stream("heart_rate"), *({"value": v} for v in values)))
    assert set(found["rid"]) == wrong
    assert found.height == len(wrong)
