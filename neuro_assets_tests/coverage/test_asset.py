"""Coverage as assets: they run on the days that staging touches, and their check fails where minutes do not add up."""

from datetime import date, timedelta

import dagster as dg
import pytest

from neuro_assets.checks.coverage import coverage_check_results
from neuro_assets.coverage.heat_map import heat_map, read_days
from neuro_assets.partitions import DayRange
from neuro_assets.streams.coverage import COVERAGE_TABLES, PEOPLE_TABLES
from neuro_assets_tests.coverage.conftest import FIRST, day
from neuro_assets_tests.study_homes import StudyHome, new_graph, settings_of
from neuro_assets_tests.tables import query

DAYS = DayRange(FIRST, FIRST + timedelta(days=2))


@pytest.fixture(scope="module")
def covered(planted):
    """Tests do not change it for good."""
    study = planted()
    study.worn("a", day(1), day(2))
    study.off("a", day(2), day(3))
    study.worn("a", day(3), day(4))
    study.cover(DAYS.start, DAYS.end)
    return study


def results(study) -> dict[str, bool]:
    return {r.asset_key.path[1]: r.passed for r in coverage_check_results(study.connection, DAYS) if r.asset_key}


@pytest.mark.parametrize(
    ("change", "fails"),
    [
        ("UPDATE coverage.hourly SET missing_min = missing_min + 1 WHERE hour = 3 AND stream = 'steps'", {"hourly"}),
        ("UPDATE coverage.hourly SET reason = NULL WHERE reason IS NOT NULL", {"hourly"}),
        ("DELETE FROM coverage.hourly WHERE hour = 5", {"daily", "wear"}),
        ("DELETE FROM coverage.daily WHERE stream = 'steps'", {"daily"}),
        ("DELETE FROM coverage.wear WHERE day = '2019-11-03'", {"wear"}),
        ("UPDATE coverage.wear SET ts = ts + INTERVAL 1 MINUTE, worn_min = worn_min - 1", {"wear"}),
        ("UPDATE coverage.wear SET worn_min = worn_min - 1", {"wear"}),
        ("UPDATE coverage.not_worn SET not_worn_min = not_worn_min + 1", {"not_worn"}),
        ("INSERT INTO coverage.not_worn SELECT * FROM coverage.wear LIMIT 1", {"not_worn"}),
        ("INSERT INTO coverage.wear SELECT 'b', day, ts, until_ts, worn_min FROM coverage.wear", {"wear"}),
        ("UPDATE coverage.daily SET valid_min = length_min, missing_min = 0 WHERE missing_min > 0", {"daily"}),
    ],
)
def test_the_check_fails_where_minutes_do_not_add_up(covered, change: str, fails: set[str]):
    assert results(covered) == dict.fromkeys(("hourly", "daily", "wear", "not_worn"), True)
    covered.connection.execute("BEGIN TRANSACTION")
    try:
        covered.connection.execute(change)
        assert {name for name, passed in results(covered).items() if not passed} == fails
    finally:
        covered.connection.execute("ROLLBACK")


def test_the_heat_map_tells_who_is_there_and_why_not(covered):
    with covered.job.lake.connect(read_only=True) as connection:
        days = read_days(connection)
        assert days.select("participant_id", "day", "told").rows()[:3] == [
            ("a", date(2019, 11, 1), "there"),
            ("a", date(2019, 11, 2), "not_worn"),
            ("a", date(2019, 11, 3), "there"),
        ]
    assert heat_map(days, "title").startswith(b"\x89PNG")


def test_the_assets_follow_staging(tmp_path, fitabase, new_instance):
    """The public heart rates of one person, three days; the hours follow from them."""
    home = tmp_path / "home"
    graph: dg.Definitions = new_graph(home, expected_streams=["heart_rate"])
    study = StudyHome(settings_of(home), graph, new_instance())
    study.load(*fitabase["heartrate_seconds"])
    names = ["staging.heart_rate", *(t.qualified for t in (*COVERAGE_TABLES, *PEOPLE_TABLES))]
    done = study.run(names, date(2016, 5, 10), date(2016, 5, 12))
    assert done.success
    checks = {c.check_name: c.passed for c in done.get_asset_check_evaluations() if "coverage" in c.asset_key.path}
    assert checks == {"minutes_add_up": True, "days_add_up": True}
    sql = "SELECT day, sum(observed_min) FROM coverage.hourly GROUP BY 1 ORDER BY 1"
    told = {d: n for d, n in query(study.lake, sql) if n}
    minutes = "SELECT day, count(DISTINCT date_trunc('minute', ts)) FROM staging.heart_rate GROUP BY 1"
    assert told == dict(query(study.lake, minutes))
    events = done.asset_materializations_for_node("coverage")
    assert any("heat_map" in e.metadata for e in events)
    told = {e.asset_key.path[1]: e.metadata for e in done.asset_materializations_for_node("coverage_people")}
    people = query(study.lake, "SELECT count(*) FROM coverage.overview")[0][0]
    assert sum(m.value for name, m in told["overview"].items() if name.startswith("people_")) == people > 0
    # The study being over, nobody asks.
    assert told["worklist"]["dagster/row_count"].value == 0
