"""From a batch of events to daily totals; other rules in study.yaml make the days of events stale."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from neuro_assets.ingest import outbox
from neuro_assets.ingest.replay import reconcile_study, study_changes
from neuro_assets.streams.episodes import EPISODE_TABLES
from neuro_assets_tests.study_homes import StudyHome, checks_of, write_study

FIRST, LAST = date(2016, 4, 1), date(2016, 4, 4)


def batch(folder: Path) -> Path:
    """From 23:50 to 00:20 each night, and at noon a screen that goes on and off without an unlock."""
    rows = []
    for n in range(3):
        night = datetime(2016, 4, 1 + n, 23, 50)
        noon = datetime(2016, 4, 1 + n, 12)
        moments = [(night, "unlock"), (night + timedelta(minutes=30), "screen_off")]
        moments += [(noon, "screen_on"), (noon + timedelta(minutes=3), "screen_off")]
        rows += [{"user_id": "p", "timestamp": f"{at.isoformat()}-04:00", "event_type": what} for at, what in moments]
    path = folder / "events.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.fixture
def home(make_home, tmp_path) -> StudyHome:
    study = make_home()
    assert [o.outcome for o in study.load(batch(tmp_path))] == ["loaded"]
    return study


def test_episodes_follow_staging_and_every_table_tells_its_checks(home: StudyHome):
    done = home.run(["staging.event", *(t.qualified for t in EPISODE_TABLES)], FIRST, LAST)
    assert done.success
    (staged,) = done.asset_materializations_for_node("staging__event")[-1:]
    batches = str(staged.metadata["batches"].value).splitlines()
    assert batches[0] == "| batch | loaded | received | staged | rejected | deduplicated | waiting | left_out |"
    assert batches[2].split(" | ")[2:] == ["12", "12", "0", "0", "0", "0 |"]
    days = "SELECT day, n_episodes, sum_min FROM baselines.screen_day ORDER BY 1"
    # the night of the 3rd reaches into the 4th
    assert home.rows(days) == [
        (date(2016, 4, 1), 1, 10),
        (date(2016, 4, 2), 2, 30),
        (date(2016, 4, 3), 2, 30),
        (date(2016, 4, 4), 1, 20),
    ]
    checks = {t.qualified: checks_of(done, t.qualified) for t in EPISODE_TABLES}
    assert all(checks.values())
    assert all(c.passed for found in checks.values() for c in found.values())


@pytest.mark.verify
def test_other_rules_touch_the_days_with_events_and_no_others(home: StudyHome):
    reconcile_study(home.job)
    with home.lake.connect() as connection, home.lake.transaction(connection, [outbox.TABLE]):
        connection.execute(f"DELETE FROM {outbox.TABLE}")
    write_study(home.settings.home, events={"screen_opened_by": "screen_on"})
    with home.lake.connect(read_only=True) as connection:
        assert study_changes(connection, home.job) == {"events"}
    assert reconcile_study(home.job) == {"events"}
    with home.lake.connect(read_only=True) as connection:
        touched = {(t.raw_table, t.day) for t in outbox.pending(connection)}
    # the last screen goes off on the 4th
    assert touched == {("raw.events_batch", FIRST + timedelta(days=n)) for n in range(4)}
    assert reconcile_study(home.job) == set()
    home.run(["staging.event", *(t.qualified for t in EPISODE_TABLES)], FIRST, LAST)
    assert home.rows("SELECT sum(sum_min) FROM baselines.screen_day") == [(9,)]
