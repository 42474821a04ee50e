"""A day of 1,000 people with 1,000 events each, against a plain sort of the same rows in DuckDB."""

import time
from collections.abc import Callable
from datetime import date

import pytest

from neuro_assets.streams.events import EVENT
from neuro_assets_tests.sessions.conftest import Planted

pytestmark = [pytest.mark.verify, pytest.mark.timeout(900)]

MOST_SORTS = 20
DAY = date(2020, 6, 10)


def timed(what: Callable[[], object], times: int) -> float:
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        what()
        spent.append(time.perf_counter() - begun)
    return min(spent)


def test_a_day_of_a_million_events(planted: Callable[..., Planted]):
    """The ratio bounds what the steps cost together; of a million events every one is accounted for."""
    study = planted()
    kinds = "['screen_on', 'unlock', 'app_focus', 'app_blur', 'app_focus', 'notification', 'screen_off', 'lock']"
    study.connection.execute("SELECT setseed(0.5)")
    with study.job.lake.transaction(study.connection, [EVENT.qualified]):
        study.connection.execute(
            f"""
            INSERT INTO {EVENT.qualified} BY NAME
            SELECT format('p{{:04}}', person) AS participant_id, local_ts::DATE AS day,
                timezone('UTC', local_ts + INTERVAL 4 HOUR) AS ts, local_ts, 0 AS fold, -240 AS utc_offset_min,
                format('{{}}-{{}}', person, n) AS event_id, {kinds}[1 + n % 8] AS event_type, 'd' AS device_id,
                CASE WHEN n % 8 BETWEEN 2 AND 5 THEN 'app' || (n % 5) END AS app, 1 AS schema_version,
                'ok' AS time_quality, 'participant' AS tz_source, 'test' AS source, 'f' AS file_id, n + 1 AS row_number
            FROM (
                SELECT person, n, TIMESTAMP '2020-06-10'
                    + to_microseconds((86400000000 * (n + random()) / 1000)::BIGINT) AS local_ts
                FROM range(1000) p(person), range(1000) e(n)
            ) ORDER BY participant_id, local_ts
            """
        )
    rows = f"FROM {EVENT.qualified} ORDER BY participant_id, device_id, ts, event_type, row_number, event_id"
    sort_s = timed(lambda: study.connection.execute(f"CREATE OR REPLACE TEMP TABLE sorted AS {rows}"), 3)
    own_s = timed(lambda: study.sessionise(DAY, DAY), 2)
    print(f"\nplain sort {sort_s:.2f} s, episodes {own_s:.2f} s: {own_s / sort_s:.1f} sorts")
    account = dict(
        study.rows(
            "SELECT episodes, sum(n) FROM staging.episode_account"
            " WHERE rule LIKE 'openings%' OR rule LIKE 'closings%' OR rule LIKE 'not%' GROUP BY 1"
        )
    )
    # of each eight events: unlock, screen off, lock; two focuses, a blur, screen off, lock; a notification
    assert account == {"screen": 375_000, "app": 625_000, "notification": 125_000}
    assert study.rows("SELECT count(*), sum(n_episodes) FROM baselines.screen_day") == [(1_000, 125_000)]
    assert own_s < MOST_SORTS * sort_s
