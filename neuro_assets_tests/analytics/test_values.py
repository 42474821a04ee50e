"""Which days of which features count as a person's days."""

from collections.abc import Callable

import pytest

from neuro_assets.analytics.measures import MEASURE_TABLES, measures
from neuro_assets.features.catalog import FAMILIES
from neuro_assets.streams.coverage import VALID_DAY
from neuro_assets.streams.features import SLEEP_NIGHT
from neuro_assets.streams.features_use import FEATURES_DATA_YIELD, FEATURES_SURVEY
from neuro_assets_tests.analytics.conftest import STEPS, Planted, day_of, days_of, steps_of

Make = Callable[[], Planted]


def test_measures_are_columns_of_their_tables_with_the_units_of_the_features():
    tables = {t.name: t for t in MEASURE_TABLES}
    for name, measure in measures().items():
        family, column = name.split(".")
        assert column in tables[family].column_names
        assert (measure.unit, measure.description) == (
            FAMILIES[family][column].unit,
            FAMILIES[family][column].description,
        )


@pytest.mark.parametrize(
    ("coverage", "counts"),
    [
        ({"is_valid": True, "is_handed_over": False}, True),
        ({"is_valid": True}, True),
        ({"is_valid": False}, False),
        ({"is_valid": None}, True),
        ({"is_valid": None, "is_handed_over": False}, False),
        (None, True),
    ],
)
def test_days_count_by_the_protocol_and_where_that_is_silent_once_they_are_whole(
    make_analytics: Make, coverage: dict | None, counts: bool
):
    study = make_analytics()
    study.put(STEPS, steps_of("a", [5000.0]))
    if coverage is not None:
        study.put(VALID_DAY, days_of("a", 1, **coverage))
    found = study.values().rows()
    assert found == ([("steps.total", "a", day_of(0), 5000.0, coverage is not None)] if counts else [])


def test_a_null_is_no_value_a_zero_is_one_and_parts_of_the_day_are_left_out(make_analytics: Make):
    study = make_analytics()
    study.put(STEPS, [*steps_of("a", [None, 0.0, 8.0]), *steps_of("a", [7.0, 7.0, 7.0], "morning")])
    assert study.values().select("day", "value").rows() == [(day_of(1), 0.0), (day_of(2), 8.0)]


def test_a_score_counts_on_the_day_of_the_answer_and_nights_whether_the_day_was_worn_or_not(make_analytics: Make):
    study = make_analytics()
    answers = [
        {
            "participant_id": "a",
            "day": day_of(n),
            "instrument": "phq9",
            "score_name": "total",
            "score": 4.0,
            "age_days": n,
        }
        for n in range(3)
    ]
    study.put(FEATURES_SURVEY, answers)
    study.put(SLEEP_NIGHT, [{"participant_id": "a", "day": day_of(1), "efficiency": 0.8, "onset_min": -20.0}])
    study.put(VALID_DAY, days_of("a", 3, is_valid=False))
    assert study.values().rows() == [
        ("sleep.efficiency", "a", day_of(1), 0.8, True),
        ("sleep.onset_min", "a", day_of(1), -20.0, True),
        ("survey.phq9.total", "a", day_of(0), 4.0, False),
    ]


def test_wear_is_told_of_whole_days_even_those_that_do_not_count(make_analytics: Make):
    study = make_analytics()
    rows = [{"participant_id": "a", "day": day_of(n), "worn_share": 0.1 * n} for n in range(2)]
    study.put(FEATURES_DATA_YIELD, rows)
    study.put(VALID_DAY, [*days_of("a", 2, is_valid=False)[:1], *days_of("a", 2, is_handed_over=False)[1:]])
    assert study.values().rows() == [("data_yield.worn_share", "a", day_of(0), 0.0, True)]


def test_a_lake_without_any_features_has_no_values(make_job: Callable):
    job = make_job()
    with job.lake.connect() as connection:
        assert Planted(job, connection).values().is_empty()
