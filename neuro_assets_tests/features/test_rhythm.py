"""Rhythms in the lake: by the wall clock, from hours that count, and from nothing after the day."""

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from neuro_assets.features.by_minute import ensure_features
from neuro_assets.features.by_rhythm import tell_rhythms
from neuro_assets.science.features.circadian import CIRCADIAN
from neuro_assets.streams.coverage import COVERAGE_TABLES
from neuro_assets.streams.features import CIRCADIAN_SPANS
from neuro_assets.streams.series import SERIES_TABLES
from neuro_assets_tests.features.conftest import FIRST, LAST, MakePlanted, Planted
from neuro_assets_tests.science.features.slow_circadian import all_of
from neuro_assets_tests.series.conftest import ONE_DAY

NAMES = [f.name for f in CIRCADIAN]


def hours_of(seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    return np.where(np.arange(24) < 6, 0, rng.integers(10, 900, 24)).astype(float).tolist()


def put(study: Planted) -> None:
    for n in range((LAST - FIRST).days + 1):
        day = datetime.combine(FIRST + n * ONE_DAY, datetime.min.time())
        study.put("steps", "a", day, hours_of(n), period_s=3600)
        if n < 9:
            study.put("steps", "b", day + timedelta(hours=3), hours_of(100 + n)[3:], period_s=3600)


def tell(study: Planted, first: date, last: date) -> None:
    ensure_features(study.connection, study.job, (*COVERAGE_TABLES, *SERIES_TABLES, CIRCADIAN_SPANS))
    tell_rhythms(study.connection, study.job, first, last)


def rows(study: Planted) -> list[tuple]:
    return study.rows(f"SELECT * FROM {CIRCADIAN_SPANS.qualified} ORDER BY ALL")


@pytest.fixture(scope="module")
def told(make_features: MakePlanted) -> Planted:
    study = make_features(expected_streams=("steps",))
    put(study)
    study.prepare(FIRST, LAST)
    tell(study, FIRST, LAST)
    return study


def test_spans_are_those_of_a_second_computation(told: Planted):
    found = told.rows(f"SELECT participant_id, day, window_days, days, {', '.join(NAMES)} FROM features.circadian")
    assert len(found) == 3 * 18 + (9 + 6) + (9 + 9) + (9 + 9)
    seeds = {"a": (0, 18, 0), "b": (100, 9, 3)}
    for who, day, window, days, *values in found:
        seed, count, begin = seeds[who]
        own = {FIRST + n * ONE_DAY: [np.nan] * begin + hours_of(seed + n)[begin:] for n in range(count)}
        span = [own.get(day - k * ONE_DAY, [np.nan] * 24) for k in range(window - 1, -1, -1)]
        assert days == sum(not np.isnan(hours).all() for hours in span)
        values_there = np.array(span)
        there = (~np.isnan(values_there)).sum(axis=0)
        # b has nothing before three o'clock, and so no mean day: as definitions ask, nothing is told then.
        is_enough = there.min() >= 2 and there.sum() * 2 >= values_there.size
        expected = all_of(values_there) if is_enough else dict.fromkeys(NAMES, np.nan)
        for name, value in zip(NAMES, values, strict=True):
            other = expected[name]
            assert (value is None) == bool(np.isnan(other)), (who, day, window, name)
            assert value is None or value == pytest.approx(other, rel=1e-8, abs=1e-8), (who, day, window, name)
    assert sum(row[4] is not None for row in found) > 30


@pytest.mark.verify
def test_in_any_order_it_is_the_same(told: Planted, make_features: MakePlanted):
    study = make_features(expected_streams=("steps",))
    put(study)
    study.prepare(FIRST, LAST)
    for n in (4, 0, 5, 2, 1, 3, 2):
        tell(study, FIRST + 3 * n * ONE_DAY, FIRST + (3 * n + 2) * ONE_DAY)
    assert rows(study) == rows(told)


def test_a_device_that_is_off_is_no_rhythm(make_features: MakePlanted):
    study = make_features(expected_streams=("steps",))
    for n in range(7):
        day = datetime.combine(FIRST + n * ONE_DAY, datetime.min.time())
        study.put("steps", "a", day, [0.0] * 1440 if n in (2, 5) else [20.0] * 1440)
    study.prepare(FIRST, FIRST + 6 * ONE_DAY)
    tell(study, FIRST, FIRST + 6 * ONE_DAY)
    found = study.rows(
        "SELECT days, cosinor_mesor FROM features.circadian WHERE window_days = 7 AND day = ?", FIRST + 6 * ONE_DAY
    )
    assert found == [(5, 1200)]
