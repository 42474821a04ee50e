"""The checks of analytics pass on what was told, and each of them fails on what cannot be."""

from collections.abc import Iterator

import pytest

from neuro_assets.analytics.measures import put_values
from neuro_assets.checks.analytics import (
    AS_LEVELS,
    AS_VALUES,
    IN_ORDER,
    SURE,
    analytics_check_results,
    analytics_check_specs,
)
from neuro_assets.streams.analytics import ANALYTICS_TABLES, CHANGE_POINT, POPULATION_SUMMARY
from neuro_assets.streams.model import Table
from neuro_assets_tests.analytics.conftest import STEPS, Planted

SUMMARY, CHANGES = POPULATION_SUMMARY, CHANGE_POINT


@pytest.fixture
def study(told: Planted) -> Iterator[Planted]:
    """What was told, to be changed by a test: none of that stays."""
    told.values()
    told.connection.execute("BEGIN")
    yield told
    told.connection.execute("ROLLBACK")


def failed(study: Planted, table: Table) -> set[str]:
    return {r.check_name for r in analytics_check_results(study.connection, table) if not r.passed}


@pytest.mark.parametrize("table", ANALYTICS_TABLES, ids=lambda t: t.name)
def test_what_was_told_passes(study: Planted, table: Table):
    found = analytics_check_results(study.connection, table)
    assert [r.check_name for r in found] == [s.name for s in analytics_check_specs(table)]
    assert failed(study, table) == set()


@pytest.mark.parametrize(
    ("table", "change", "check"),
    [
        (SUMMARY, "SET people = people - 1 WHERE measure = 'steps.total'", AS_VALUES),
        (SUMMARY, "SET days = days + 1 WHERE measure = 'sleep.efficiency'", AS_VALUES),
        (SUMMARY, "SET mean = mean * 1.001, mean_upper = mean_upper * 2 WHERE measure = 'steps.total'", AS_VALUES),
        (SUMMARY, "SET measure = 'steps.mean' WHERE measure = 'steps.total'", AS_VALUES),
        (SUMMARY, "SET q25 = q75 + 1 WHERE measure = 'steps.total'", IN_ORDER),
        (SUMMARY, "SET weekend_upper = weekend_lower - 1 WHERE measure = 'steps.total'", IN_ORDER),
        (SUMMARY, "SET missing_share = -0.1 WHERE measure = 'steps.total'", IN_ORDER),
        (CHANGES, "SET level_before = level_before + 1, difference = difference - 1 WHERE change = 1", AS_LEVELS),
        (CHANGES, "SET day = day + 1 WHERE change = 1", AS_LEVELS),
        (CHANGES, "SET weekend_effect = 0 WHERE participant_id = 'down'", AS_LEVELS),
        (CHANGES, "SET days = days + 1 WHERE participant_id = 'p01'", AS_LEVELS),
        (CHANGES, "SET verdict = 'changed' WHERE participant_id = 'p01'", SURE),
        (CHANGES, "SET q = 0.06 WHERE participant_id = 'down'", SURE),
        (CHANGES, "SET upper = difference - 1 WHERE participant_id = 'down'", SURE),
        (CHANGES, "SET p = NULL WHERE participant_id = 'p02'", SURE),
    ],
)
def test_what_cannot_be_fails(study: Planted, table: Table, change: str, check: str):
    study.connection.execute(f"UPDATE {table.qualified} {change}")
    assert check in failed(study, table)


def test_a_row_of_features_that_came_later_fails_both(study: Planted):
    study.connection.execute(
        f"INSERT INTO {STEPS.qualified} BY NAME SELECT 'late' AS participant_id,"
        " DATE '2019-09-10' AS day, 'day' AS segment, 1.0 AS total"
    )
    put_values(study.connection)
    assert AS_VALUES in failed(study, SUMMARY)
    assert AS_LEVELS in failed(study, CHANGES)
