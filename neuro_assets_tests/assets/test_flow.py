"""From staged days to the baselines: fan-in, days that vanish, events and metadata."""

from datetime import date

import pandas as pd

from neuro_assets.keys import table_name
from neuro_assets.streams.episodes import EPISODE_TABLES
from neuro_assets.streams.series import SERIES_TABLES
from neuro_assets_tests.assets.conftest import (
    ACTIVITY_ONLY,
    BY_DAY,
    BY_PERSON,
    FIRST,
    LAST,
    LEAVES,
    SLEEPS,
    SLEPT_ON,
    Flow,
)
from neuro_assets_tests.study_homes import checks_of, materialised

ALL_DAYS = {str(date.fromordinal(n)) for n in range(FIRST.toordinal(), LAST.toordinal() + 1)}


def test_a_day_with_one_of_two_streams_flows(flow: Flow):
    """Nothing of sleep had ever been staged when this ran."""
    assert flow.results["by_day_one_stream"].success
    assert flow.after_one_stream["user_daily_activity"] == [
        (LEAVES, LAST, 4_321, 3.5, 2000.0, 20, 20, 200, 1200, True),
    ]
    assert flow.after_one_stream["daily_user_summary"] == [
        (LEAVES, LAST, True, False, 4_321, 3.5, 2000.0, 20, 20, 200, 1200, None, None, None, None)
    ]
    for name in ACTIVITY_ONLY:
        assert materialised(flow.results["by_day_one_stream"], f"baselines.{name}") == {str(LAST)}


def test_a_range_run_materialises_every_one_of_its_days(flow: Flow):
    for name in ("daily_activity", "daily_sleep"):
        assert materialised(flow.results["staging"], f"staging.{name}") == ALL_DAYS
    for name in BY_DAY:
        assert materialised(flow.results["by_day"], f"baselines.{name}") == ALL_DAYS
    for name in BY_PERSON:
        assert materialised(flow.results["by_person"], f"baselines.{name}") == {None}


def test_a_day_whose_rows_vanish_becomes_empty(flow: Flow):
    """The person withdrew the day before: their row waits in quarantine, and no table keeps it."""
    home = flow.home
    sql = "SELECT rule FROM ops.quarantine WHERE source_participant_id = ? AND day = ?"
    assert home.rows(sql, LEAVES, LAST) == [("after_withdrawal",)]
    for table in ("staging.daily_activity", "baselines.user_daily_activity", "baselines.daily_user_summary"):
        assert home.rows(f"SELECT count(*) FROM {table} WHERE day = ?", LAST) == [(0,)]
        assert home.rows(f"SELECT count(*) > 0 FROM {table} WHERE day < ?", LAST) == [(True,)]


def test_a_day_with_sleep_alone_is_present(flow: Flow):
    """400 of 500 minutes in bed."""
    sql = (
        "SELECT day, has_activity, has_sleep, steps, is_active_day, sleep_records, minutes_asleep, sleep_efficiency"
        " FROM baselines.daily_user_summary WHERE participant_id = ?"
    )
    assert flow.home.rows(sql, SLEEPS) == [(SLEPT_ON, False, True, None, None, 1, 400, 0.8)]


def test_the_sleep_row_that_the_file_has_twice_counts_once(flow: Flow, fitabase: dict):
    frame = pd.read_csv(fitabase["sleep_day"][0])
    (twice,) = frame[frame.duplicated()].itertuples()
    day = pd.to_datetime(twice.SleepDay, format="%m/%d/%Y %I:%M:%S %p").date()
    found = flow.home.rows(
        "SELECT minutes_asleep, minutes_in_bed FROM baselines.daily_user_summary WHERE participant_id = ? AND day = ?",
        str(twice.Id),
        day,
    )
    assert found == [(twice.TotalMinutesAsleep, twice.TotalTimeInBed)]


def test_the_account_of_a_day_is_on_its_partition(flow: Flow, fitabase: dict):
    """12 April is in both periods; 8 rows of period 1 gave way, and two made people are there too."""
    events = flow.results["staging"].asset_materializations_for_node("staging__daily_activity")
    by_day = {e.partition: {name: value.value for name, value in e.metadata.items()} for e in events}
    periods = [pd.read_csv(p).query("ActivityDate == '4/12/2016'")["Id"] for p in fitabase["daily_activity"]]
    assert len(set(periods[0]) & set(periods[1])) == 8
    told = {
        "dagster/partition_row_count": len(set(periods[0]) | set(periods[1])) + 2,
        "rows_in": len(periods[0]) + len(periods[1]) + 2,
        "rows_superseded": 8,
        "rows_quarantined": 0,
        "is_held": False,
    }
    assert told.items() <= by_day["2016-04-12"].items()
    gone = {"dagster/partition_row_count": 0, "rows_in": 1, "rows_quarantined": 1}
    assert gone.items() <= by_day[str(LAST)].items()


def test_every_check_of_the_good_run_passed_and_every_dbt_test_is_one(flow: Flow):
    """The one warning is the row of the person who withdrew."""
    failed = []
    names = [f"baselines.{n}" for n in (*BY_DAY, *BY_PERSON)] + ["staging.daily_activity", "staging.daily_sleep"]
    counts = {}
    for name in names:
        found: dict = {}
        for result in (flow.results["staging"], flow.results["by_day"], flow.results["by_person"]):
            found |= checks_of(result, name)
        counts[name] = len(found)
        failed += [(name, check) for check, e in found.items() if not e.passed]
    assert failed == [("staging.daily_activity", "rows_valid")]
    graph = flow.home.definitions.resolve_asset_graph()
    declared = {".".join(k.path): len(graph.get(k).check_keys) for k in graph.materializable_asset_keys}
    assert counts == {name: declared[name] for name in names}


def test_the_columns_an_asset_declares_are_those_its_table_has(flow: Flow):
    """In the same order, for every table and view that was made."""
    graph = flow.home.definitions.resolve_asset_graph()
    declared = {
        table_name(key): [c.name for c in graph.get(key).metadata["dagster/column_schema"].columns]
        for key in graph.materializable_asset_keys
    }
    found: dict[str, list[str]] = {}
    sql = (
        "SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns"
        " ORDER BY ordinal_position"
    )
    for table, column in flow.home.rows(sql):
        found.setdefault(table, []).append(column)
    # Nobody has sent an event, and of days alone there is nothing to roll up. Features, and what follows from them, are
    # told in homes of their own.
    features = {name for name in declared if name.startswith(("features.", "analytics."))}
    assert declared.keys() - found.keys() == {t.qualified for t in (*EPISODE_TABLES, *SERIES_TABLES)} | features
    wrong = {name: columns for name, columns in declared.items() if columns != found.get(name, columns)}
    assert wrong == {}
