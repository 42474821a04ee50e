"""Features in the graph: what they follow, what never follows from imputed values, and the assets on a home."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime

import dagster as dg
import pytest

from neuro_assets.keys import table_name
from neuro_assets_tests.automation.test_condition import Ticker
from neuro_assets_tests.features.conftest import FIRST, LAST, Planted, walks
from neuro_assets_tests.imputation.test_asset import ancestors
from neuro_assets_tests.study_homes import StudyHome, checks_of, materialised, new_graph, settings_of

STEPS = ("features.steps", "features.steps_trailing")
LATE = date(2019, 10, 24)
BY_DAY = {
    "features.steps", "features.heart_rate", "features.calories", "features.mets", "features.intensity",
    "features.circadian", "features.sleep", "features.sleep_regularity", "features.data_yield", "features.screen",
    "features.app", "features.focus", "features.notification",
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, told: Planted, new_instance) -> StudyHome:
    """The lake of two and a half weeks, of a study that is over."""
    folder = tmp_path_factory.mktemp("features") / "home"
    shutil.copytree(told.job.settings.home, folder)
    rules = {
        "window": {"start": str(FIRST), "end": str(LAST)},
        "default_time_zone": "UTC",
        "expected_streams": ["steps", "heart_rate"],
        "surveys": ["phq9"],
    }
    return StudyHome(settings_of(folder), new_graph(folder, **rules), new_instance())


def test_every_family_is_an_asset_with_checks_and_follows_no_imputed_value(home: StudyHome):
    follows = ancestors(home.definitions)
    found = {n for n in follows if n.startswith("features.")}
    base = {n for n in found if not n.endswith("_trailing")}
    assert base == BY_DAY | {"features.survey", "features.catalog"}
    assert {n.removesuffix("_trailing") for n in found - base} < base
    for name in found:
        above = {n for n in follows[name] if n.startswith("imputed.")}
        assert above <= {"imputed.series_1m", "imputed.series_1h", "imputed.series_1d"}, name
    assert found - {"features.catalog"} <= follows["features.catalog"]
    graph = home.definitions.resolve_asset_graph()
    checked = {table_name(key.asset_key) for key in graph.asset_check_keys}
    assert found <= checked


def test_touched_days_are_told_and_the_catalogue_after_them(
    home: StudyHome, new_instance: Callable[[], dg.DagsterInstance]
):
    ticker = Ticker(home.definitions, new_instance())
    ticker.now = datetime(2019, 11, 20, 12, tzinfo=UTC)
    assert ticker.tick() == {}
    ticker.touch("imputed.series_1m", "2019-10-24", "2019-10-30")
    asked = {n: days for n, days in ticker.tick().items() if n.startswith("features.")}
    of_streams = {"features.steps", "features.heart_rate", "features.calories", "features.mets", "features.intensity"}
    wanted = of_streams | {f"{n}_trailing" for n in of_streams} | {"features.circadian"}
    assert {n: days for n, days in asked.items() if n != "features.catalog"} == {
        n: {"2019-10-24", "2019-10-30"} for n in wanted
    }
    assert asked.get("features.catalog", {None}) == {None}


def test_a_range_is_one_run_with_the_same_tables_and_all_checks_pass(home: StudyHome, told: Planted):
    home.write("DELETE FROM features.steps", "DELETE FROM features.steps_trailing")
    result = home.run(STEPS, FIRST, LAST)
    assert result.success
    for name in STEPS:
        assert len(materialised(result, name)) == 18
        assert all(check.passed for check in checks_of(result, name).values()), name
        assert len(checks_of(result, name)) == 3
        rows = f"SELECT * FROM {name} ORDER BY ALL"
        assert home.rows(rows) == told.rows(rows)


@pytest.mark.verify
def test_a_late_day_is_told_by_itself_and_what_follows_it(home: StudyHome):
    job = home.job
    with job.lake.connect() as connection:
        late = Planted(job, connection)
        late.put("steps", "late", datetime.combine(LATE, datetime.min.time()), walks(3, 1440))
        late.cover(LATE)
        late.roll_up(LATE)
    result = home.run(STEPS, LATE)
    assert materialised(result, "features.steps") == {str(LATE)}
    assert home.rows("SELECT DISTINCT day FROM features.steps WHERE participant_id = 'late'") == [(LATE,)]
    spans = home.rows("SELECT min(day), max(day) FROM features.steps_trailing WHERE participant_id = 'late'")
    assert spans == [(LATE, LAST)]


def test_the_catalogue_is_written_and_shown(home: StudyHome):
    result = home.run(["features.catalog"])
    (check,) = checks_of(result, "features.catalog").values()
    assert check.passed
    (event,) = result.asset_materializations_for_node("features_catalog")
    assert "interdaily_stability" in str(event.metadata["features"].value)
