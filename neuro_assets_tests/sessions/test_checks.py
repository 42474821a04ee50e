"""The checks of episodes pass on what was computed and each of them fails on what cannot be."""

from datetime import date

import pytest

from neuro_assets.checks.events import ACCOUNTED as EPISODES_ACCOUNTED
from neuro_assets.checks.events import ADD_UP, APART, IN_TIME, TOTALS, event_check_results, event_check_specs
from neuro_assets.partitions import DayRange
from neuro_assets_tests.sessions.conftest import Planted, log

DAYS = DayRange(date(2020, 6, 1), date(2020, 6, 2))
EVENTS = (
    "2020-06-02T03:30 unlock",  # 23:30 of 1 June
    "2020-06-02T03:40 app_focus chat",
    "2020-06-02T03:50 focus_start",
    "2020-06-02T04:15 focus_stop",
    "2020-06-02T04:20 screen_off",  # 00:20
    "2020-06-02T13:00 notification chat",
    "2020-06-02T14:00 unlock",
    "2020-06-02T14:01 app_focus mail",
    "2020-06-02T14:02 focus_start",
    "2020-06-02T14:03 focus_stop",
    "2020-06-02T14:05 screen_off",
)


@pytest.fixture
def sessionised(planted) -> Planted:
    study = planted()
    study.put(log(*EVENTS))
    study.sessionise(DAYS.start, DAYS.end)
    return study


def failing(study: Planted) -> set[tuple[str, str]]:
    results = event_check_results(study.connection, DAYS)
    assert {(r.asset_key, r.check_name) for r in results} == {(s.asset_key, s.name) for s in event_check_specs()}
    return {(r.asset_key.path[1], r.check_name) for r in results if r.asset_key and r.check_name and not r.passed}


LENGTHS = "UPDATE staging.{} SET duration_s = duration_s + 1 WHERE day = '2020-06-02' AND piece = 1"
LOST = "DELETE FROM staging.{} WHERE day = '2020-06-01'"
OVERLAP = "UPDATE staging.{} SET ts = ts - INTERVAL 12 HOUR, began_ts = began_ts - INTERVAL 12 HOUR, duration_s = duration_s + 43200, episode_s = episode_s + 43200 WHERE piece = 0 AND day = '2020-06-02'"  # noqa: E501


@pytest.mark.parametrize("table", ["screen_episode", "app_episode", "focus_session"])
@pytest.mark.parametrize(("change", "check"), [(LENGTHS, ADD_UP), (LOST, ADD_UP), (OVERLAP, APART)])
def test_pieces_that_do_not_add_up_or_overlap_are_found(sessionised: Planted, table: str, change: str, check: str):
    assert failing(sessionised) == set()
    sessionised.connection.execute(change.format(table))
    assert (table, check) in failing(sessionised)


@pytest.mark.parametrize(
    ("change", "table", "check"),
    [
        ("UPDATE baselines.screen_day SET sum_min = sum_min + 0.01 WHERE day = '2020-06-02'", "screen_day", TOTALS),
        ("UPDATE baselines.screen_day SET n_episodes = 3 WHERE day = '2020-06-02'", "screen_day", TOTALS),
        ("DELETE FROM baselines.screen_day WHERE day = '2020-06-01'", "screen_day", TOTALS),
        ("UPDATE staging.screen_episode SET is_over_cap = true", "screen_day", TOTALS),
        ("DELETE FROM staging.episode_account WHERE rule = 'openings_used'", "episode_account", EPISODES_ACCOUNTED),
        ("UPDATE staging.episode_account SET n = 2 WHERE rule LIKE 'not%'", "episode_account", EPISODES_ACCOUNTED),
        ("UPDATE staging.notification_response SET response_s = NULL", "notification_response", IN_TIME),
    ],
)
def test_totals_accounts_and_answers_that_cannot_be_are_found(
    sessionised: Planted, change: str, table: str, check: str
):
    sessionised.connection.execute(change)
    assert failing(sessionised) == {(table, check)}
