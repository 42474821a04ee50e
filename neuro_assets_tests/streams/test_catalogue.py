import pytest

from neuro_assets.streams.catalogue import FRAME_TABLES, OPS_TABLES, STREAMS, stream
from neuro_assets.streams.model import Stream


@pytest.mark.parametrize("target", STREAMS, ids=lambda s: s.name)
def test_key_values_partition_and_rules_name_declared_columns(target: Stream):
    names = set(target.column_names)
    assert len(names) == len(target.columns)
    used = {*target.key, *target.mapped, *target.sort_by, target.partition_by}
    assert used | {c for rule in target.rules for c in rule.columns} <= names
    assert {"source", "file_id", "row_number"} <= names
    assert not set(target.values) & set(target.attributes)


@pytest.mark.parametrize("target", STREAMS, ids=lambda s: s.name)
def test_whose_and_when_a_row_is_is_never_missing(target: Stream):
    """Of the key, only the log a row belongs to may be unknown; every stream has a value that may not.

    What a device tells of itself it may leave out: that it was heard of, and which one it was, is the measurement.
    """
    nullable = {c.name for c in target.columns if c.nullable}
    assert nullable & set(target.key) <= {"log_id"}
    assert nullable <= set(target.mapped)
    if target.name == "device_sync":
        assert target.required == ("device_id",)
    else:
        assert set(target.values) - nullable


def test_a_sample_is_told_apart_by_wall_clock_and_fold():
    samples = {s.key for s in STREAMS if s.sampling in {"interval", "instant"}}
    assert samples == {("participant_id", "period_s", "local_ts", "fold")}
    assert {s.name: s.key for s in STREAMS if s.sampling == "state"} == {
        "sleep_stage": ("participant_id", "log_id", "period_s", "local_ts", "fold")
    }


def test_an_entry_is_told_apart_by_its_moment_and_what_it_is_an_entry_of():
    """Two logs of sleep may begin together, as two devices may be heard of at once; two weighings may not."""
    log = ("participant_id", "log_id", "local_ts", "fold")
    assert {s.name: s.key for s in STREAMS if s.sampling == "event"} == {
        "weight": ("participant_id", "local_ts", "fold"),
        "sleep_session": log,
        "sleep_score": log,
        "exercise": log,
        "device_sync": ("participant_id", "device_id", "local_ts", "fold"),
        "survey_response": ("participant_id", "instrument", "local_ts", "fold", "response_id", "item"),
        "event": ("participant_id", "local_ts", "fold", "event_id"),
    }


def test_a_day_has_one_row_or_one_of_each_thing():
    daily = {s.name: s for s in STREAMS if not s.is_sample}
    assert {s.key[:2] for s in daily.values()} == {("participant_id", "day")}
    of_each = {name: s.key[2:] for name, s in daily.items() if s.key[2:]}
    assert of_each == {"daily_vitals": ("vital",), "heart_rate_zones": ("zone",), "daily_active_minutes": ("level",)}
    for name, things in of_each.items():
        assert daily[name].attributes == things
        assert next(c.isin for c in daily[name].columns if c.name == things[0])


def test_names_are_used_once():
    names = [t.qualified for t in (*STREAMS, *OPS_TABLES, *FRAME_TABLES)]
    assert len(names) == len(set(names))


def test_an_unknown_stream_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match="unknown stream 'step'; known: heart_rate, steps"):
        stream("step")


def test_only_what_adds_up_or_averages_has_hours_of_record():
    """A state is named, not summed; an event has no period."""
    found = {
        kind: {s.name for s in STREAMS if s.sampling == kind and s.has_of_record} for kind in ("interval", "instant")
    }
    assert found["interval"] == {"steps", "distance", "calories", "intensity", "activity_counts"}
    assert found["instant"] == {"heart_rate", "mets", "hrv", "spo2"}
    assert {s.name for s in STREAMS if not s.has_of_record} == {
        "sleep_stage",
        "weight",
        "sleep_session",
        "sleep_score",
        "exercise",
        "device_sync",
        "daily_activity",
        "daily_distance",
        "daily_steps",
        "daily_calories",
        "daily_intensity",
        "daily_sleep",
        "daily_vitals",
        "survey_response",
        "event",
        "active_zone_minutes",
        "heart_rate_zones",
        "daily_active_minutes",
    }


def test_a_row_without_a_period_has_no_column_for_it():
    assert {s.name for s in STREAMS if s.has_period} == {s.name for s in STREAMS if "period_s" in s.column_names}


def test_what_a_source_must_bring_and_what_it_may_leave_out():
    assert stream("weight").mapped == ("log_id", "weight_kg", "bmi", "fat_pct", "is_manual")
    assert stream("weight").required == ("weight_kg",)
    assert stream("sleep_stage").required == ("stage",)
    assert stream("steps").required == stream("steps").mapped == ("value",)
    assert stream("hrv").mapped == ("rmssd_ms", "coverage", "hf_ms2", "lf_ms2")
    assert stream("hrv").required == ("rmssd_ms",)
    assert stream("exercise").required == ("activity", "duration_s")
    assert stream("sleep_score").required == ("overall",)
    assert stream("sleep_session").required == (
        "end_local_ts",
        "date_of_sleep",
        "sleep_type",
        "duration_s",
        "minutes_asleep",
        "minutes_awake",
        "minutes_in_bed",
    )
    assert stream("daily_vitals").required == stream("daily_vitals").mapped == ("vital", "value")
    assert stream("heart_rate_zones").required == ("zone", "minutes")
