"""Rules of study.yaml: which are taken, what is told of those that are not, and that they are applied."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from neuro_assets.imputation.rules import rule_for
from neuro_assets.science.imputation.rules import Rule
from neuro_assets.study import StudyError, load_study
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.imputation.conftest import GAPS_OF_A, GAPS_OF_B, MON, TUE, WED, gaps, moment, walk

HOURS_OF_B = dict(enumerate(walk(2, 24 * 7)))


def of_hour(day: int, hour: int) -> float:
    """What was written of `b`; Thursday is day 0."""
    return HOURS_OF_B[24 * day + hour]


def test_a_streams_own_rule_replaces_what_it_names():
    own = {
        "steps": {"method": "linear", "longest_min": 30},
        "heart_rate": {"longest_min": 0},
        "mets": {"method": "ffill"},
    }
    study = study_of(imputation={"streams": own})
    assert rule_for(study, "steps", "1m") == Rule(((30, "linear"),), 360)
    assert rule_for(study, "steps", "1h") == Rule(((30, "linear"),), 1440)
    assert rule_for(study, "heart_rate", "1m") == Rule((), 0)
    assert rule_for(study, "mets", "1m") == Rule(((60, "ffill"),), 0)
    # Others keep theirs.
    assert rule_for(study, "calories", "1h") == Rule(((1440, "stack"),), 1440)
    assert rule_for(study_of(), "heart_rate", "1m") == Rule(((5, "linear"), (120, "stack")), 0, 120)


@pytest.mark.parametrize(
    ("own", "rule"),
    [
        ({"method": "cross_stream"}, Rule(((5, "linear"), (120, "stack")), 0, 120)),
        ({"method": "cross_stream", "longest_min": 60}, Rule(((5, "linear"), (60, "stack")), 0, 60)),
        ({"longest_min": 240}, Rule(((5, "linear"), (120, "stack"), (240, "stack")), 0, 240)),
        ({"longest_min": 3}, Rule(((3, "linear"),), 0, 3)),
        # Another method than by its driver is the only one.
        ({"method": "stack"}, Rule(((120, "stack"),), 0, 0)),
    ],
)
def test_how_far_a_stream_follows_its_driver(own: dict, rule: Rule):
    study = study_of(imputation={"streams": {"heart_rate": own}})
    assert rule_for(study, "heart_rate", "1m") == rule
    assert rule_for(study, "heart_rate", "1h").driven_min == 0


def test_nothing_is_filled_in_by_a_driver_alone():
    with pytest.raises(ValueError, match="driven_min is 61: 0 to 60"):
        Rule(((60, "stack"),), 0, 61)


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"streams": {"weight": {}}}, "nothing is imputed of weight; there is activity_counts, calories"),
        ({"streams": {"steps": {"method": "magic"}}}, "Input should be 'ffill', 'linear'"),
        (
            {"streams": {"steps": {"method": "cross_stream"}, "heart_rate": {"method": "cross_stream"}}},
            "cross_stream is for streams that follow another one: heart_rate (steps), not steps",
        ),
        ({"streams": {"steps": {"longest_min": 1441}}}, "less than or equal to 1440"),
        ({"streams": {"steps": {"longest_total_min": -1}}}, "greater than or equal to 0"),
        ({"streams": {"steps": {"longest": 5}}}, "Extra inputs are not permitted"),
        ({"mode": "future"}, "Input should be 'automatic', 'past_only' or 'whole_record'"),
        ({"reasons": ["needs_reconsent"]}, "Input should be 'not_worn', 'not_synced'"),
        ({"reasons": ["held"]}, "Input should be 'not_worn', 'not_synced'"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path, rules: dict, told: str):
    import yaml

    path = tmp_path / "study.yaml"
    fields = {"id": "t", "window": {"start": "2016-03-12", "end": "2016-05-13"}, "imputation": rules}
    path.write_text(yaml.safe_dump(fields))
    with pytest.raises(StudyError) as error:
        load_study(path)
    assert told in str(error.value)
    assert str(path) in str(error.value)
    assert "imputation" in str(error.value)
    with pytest.raises(ValidationError):
        study_of(imputation=rules)


def test_another_method_and_limit_than_the_model_was_learned_with(by_hours, copied):
    """A straight line up to two hours; of longer gaps the total is told. Models had been learned for the default."""
    own = {"mode": "past_only", "streams": {"calories": {"method": "linear", "longest_min": 120}}}
    study = copied(by_hours, imputation=own)
    study.impute(TUE, WED)
    assert gaps(study, "b", "calories", "gap_min, refusal")[1:] == [
        (180, "only_totals"), (240, "only_totals"), (60, None)
    ]  # fmt: skip
    (row,) = study.rows(
        "SELECT value, method, lower_90 <= value AND value <= upper_90 FROM imputed.calories_1h"
        " WHERE ts = timezone('UTC', ?) AND participant_id = 'b'",
        GAPS_OF_B[3][0],
    )
    assert row == (pytest.approx((of_hour(6, 11) + of_hour(6, 13)) / 2, rel=1e-6), "linear", True)
    # On Tuesday two hours of four are seen: they are filled in, with the last value.
    night = "SELECT value, method FROM imputed.calories_1h WHERE gap_min = ? AND day = ? ORDER BY ts"
    assert study.rows(night, 120, TUE) == [(pytest.approx(of_hour(5, 21), rel=1e-6), "linear")] * 2
    assert study.rows(night, 240, WED) == [(None, None)] * 2


@pytest.mark.verify
def test_a_stream_of_which_nothing_may_be_filled_in(by_hours, copied):
    own = {"mode": "past_only", "streams": {"calories": {"longest_min": 0, "longest_total_min": 0}}}
    study = copied(by_hours, imputation=own)
    study.impute(TUE, WED)
    assert gaps(study, "b", "calories", "refusal")[1:] == [("not_imputed",)] * 3
    assert study.rows("SELECT count(*), count(value), any_value(refusal) FROM imputed.calories_1h"
                      " WHERE gap_id IS NOT NULL AND day >= ?", TUE) == [(8, 0, "not_imputed")]  # fmt: skip
    assert study.rows("SELECT count(*) FROM imputed.gap_total WHERE day >= ?", TUE) == [(0,)]


@pytest.mark.verify
def test_a_reason_that_is_not_allowed(by_hours, copied):
    """The gaps of `b` are unknown."""
    study = copied(by_hours, imputation={"mode": "past_only", "reasons": ["not_synced"]})
    study.impute(TUE, WED)
    assert gaps(study, "b", "calories", "reason, refusal")[1:] == [("unknown", "not_allowed")] * 3
    assert study.rows("SELECT count(*), count(value) FROM imputed.calories_1h WHERE refusal = 'not_allowed'") == [
        (8, 0)
    ]


@pytest.mark.verify
@pytest.mark.parametrize("method", ["ffill", "clock_mean", "weekday_median", "kalman_level", "kalman_ar", "profile_ar"])
def test_every_method_that_a_protocol_can_name_fills_in(by_hours, copied, method: str):
    study = copied(by_hours, imputation={"mode": "past_only", "streams": {"calories": {"method": method}}})
    study.write("DELETE FROM imputed.model")
    study.impute(WED)
    (row,) = study.rows(
        "SELECT method, value, lower_90 < upper_90 FROM imputed.calories_1h"
        " WHERE is_imputed AND day = ? AND gap_min = 60",
        WED,
    )
    assert (row[0], row[2]) == (method, True)
    # What was written lies around 60; the last value is that of 11:00.
    if method == "ffill":
        assert row[1] == pytest.approx(of_hour(6, 11), rel=1e-6)
    assert 40 < row[1] < 80


@pytest.mark.verify
@pytest.mark.parametrize("allowed", [False, True])
def test_minutes_off_the_wrist_within_a_gap_are_not_filled_in(filled, copied, allowed: bool):
    """Of an hour without calories: 12 min with zero steps and no heart rate, on a day that has one."""
    reasons = ("not_synced", "unknown", *(("not_worn",) if allowed else ()))
    study = copied(filled, imputation={"mode": "past_only", "reasons": reasons})
    begin, length = GAPS_OF_A[2]
    assert (begin.date(), length) == (MON, 60)
    study.put("heart_rate", "a", moment(MON), [60.0] * (begin.hour * 60 + begin.minute))
    study.put("heart_rate", "a", begin + timedelta(minutes=60), [60.0] * 500)
    study.put("steps", "a", begin + timedelta(minutes=40), [0.0] * 12)
    study.everything(MON)
    assert gaps(study, "a", "calories", "gap_min, reason, refusal")[2] == (60, "unknown", None)
    of_gap = "WHERE participant_id = 'a' AND local_ts >= ? AND local_ts < ? AND gap_min = 60"
    minutes = f"SELECT is_imputed, refusal, count(*) FROM imputed.calories_1m {of_gap} GROUP BY ALL ORDER BY ALL"
    around = begin, begin + timedelta(minutes=60)
    refused = [(False, "not_allowed", 12), (True, None, 48)]
    assert study.rows(minutes, *around) == ([(True, None, 60)] if allowed else refused)
    total = "SELECT count(*) FROM imputed.gap_total WHERE participant_id = 'a' AND day = ? AND gap_min = 60"
    assert study.rows(total, MON) == [(int(allowed),)]
