"""Every check of the baselines can fail: rows planted behind the program's back are all found."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from neuro_assets.assets import baselines
from neuro_assets.resources.dbt import PROJECT, dbt_executable
from neuro_assets_tests.assets.conftest import FALLS, Flow
from neuro_assets_tests.study_homes import StudyHome, checks_of

TREND = "baselines.user_engagement_trend"
# Of every model: somebody's rows a second time, and one row without any value.
TABLES = (
    "staging.daily_activity",
    "staging.daily_sleep",
    "baselines.user_daily_activity",
    "baselines.daily_user_summary",
    "baselines.user_baseline_activity",
    "baselines.user_activity_deviation",
)
# Values that cannot be, and rows that are missing.
IMPOSSIBLE = (
    f"UPDATE baselines.user_daily_activity SET steps = 200001 WHERE participant_id = '{FALLS}'",
    "UPDATE baselines.daily_user_summary SET sleep_efficiency = 1.5 WHERE sleep_efficiency IS NOT NULL",
    f"UPDATE baselines.user_baseline_activity SET baseline_steps = 0 WHERE participant_id = '{FALLS}'",
    f"UPDATE baselines.user_baseline_activity SET baseline_days = 15 WHERE participant_id = '{FALLS}'",
    "DELETE FROM baselines.user_activity_deviation WHERE day > '2016-04-01'",
    "DELETE FROM baselines.user_daily_activity WHERE day > '2016-05-01'",
)


@pytest.fixture
def spoilt(flow: Flow, tmp_path: Path, new_instance: Callable[[], dg.DagsterInstance]) -> StudyHome:
    """A copy of the home that may be spoilt."""
    return flow.home.copy_to(tmp_path / "copy", new_instance())


@pytest.mark.verify
def test_every_dbt_test_reports_its_planted_row(spoilt: StudyHome, tmp_path: Path):
    """One call of dbt; not one of its tests passes, and none has broken down."""
    spoilt.write(
        *(f"INSERT INTO {t} SELECT * FROM {t} ORDER BY participant_id DESC LIMIT 50" for t in TABLES),
        *(f"INSERT INTO {t} (participant_id) VALUES (NULL)" for t in TABLES),
        *IMPOSSIBLE,
    )
    command = [dbt_executable(), "--quiet", "test", "--profiles-dir", ".", "--target-path", str(tmp_path / "target")]
    subprocess.run(
        command,
        cwd=PROJECT,
        env=os.environ | spoilt.lake.dbt_environment() | {"DBT_LOG_PATH": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    results = json.loads((tmp_path / "target" / "run_results.json").read_text())["results"]
    status = {r["unique_id"].split(".")[2]: r["status"] for r in results}
    assert {name: s for name, s in status.items() if s != "fail"} == {}
    graph = spoilt.definitions.resolve_asset_graph()
    in_dagster = {
        key.name
        for asset in graph.materializable_asset_keys
        if "dbt" in graph.get(asset).kinds
        for key in graph.get(asset).check_keys
    }
    assert in_dagster <= set(status)
    assert len(status) >= 27


def test_a_lost_person_fails_the_check_of_the_verdicts(spoilt: StudyHome, monkeypatch: pytest.MonkeyPatch):
    """And the good run before it had passed."""
    real = baselines.engagement_trend
    monkeypatch.setattr(baselines, "engagement_trend", lambda *given: real(*given).iloc[1:])
    check = checks_of(spoilt.run([TREND]), TREND)["one_row_per_person"]
    assert not check.passed
    assert check.metadata["people"].value == check.metadata["verdicts"].value + 1


def test_a_person_counted_twice_fails_it_too(spoilt: StudyHome, monkeypatch: pytest.MonkeyPatch):
    import pandas as pd

    real = baselines.engagement_trend

    def twice(*given: pd.DataFrame) -> pd.DataFrame:
        found = real(*given)
        return pd.concat([found.iloc[1:], found.iloc[-1:]])

    monkeypatch.setattr(baselines, "engagement_trend", twice)
    assert not checks_of(spoilt.run([TREND]), TREND)["one_row_per_person"].passed
