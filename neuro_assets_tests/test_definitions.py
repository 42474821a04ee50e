"""The asset graph as a whole: what every asset carries, and what loading it costs."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from neuro_assets.assets.describe import OWNERS
from neuro_assets.definitions import _warn_of_another_home
from neuro_assets.keys import key_of, key_of_name, table_name
from neuro_assets.streams.catalogue import FRAME_TABLES, STREAMS
from neuro_assets.streams.episodes import EPISODE_TABLES
from neuro_assets_tests.study_homes import new_graph, settings_of, write_study

# Streams that no built-in source fills: they become assets with a source of the study's own.
UNFED = {"activity_counts"}
EPISODES = {t.qualified for t in EPISODE_TABLES}
HEAVY = ("sklearn", "statsmodels", "scipy", "pandera", "matplotlib")


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dg.AssetSpec]:
    home = tmp_path_factory.mktemp("graph") / "home"
    found = new_graph(home, expected_streams=["daily_activity"], surveys=["phq9"]).resolve_asset_graph()
    return {table_name(k): found.get(k) for k in found.get_all_asset_keys()}  # type: ignore[misc]


def executable(nodes: dict) -> dict:
    return {name: node for name, node in nodes.items() if node.is_executable}


def test_every_stream_with_a_source_and_every_dbt_model_is_an_asset(nodes: dict):
    staging = {s.qualified for s in STREAMS} - {s.qualified for s in STREAMS if s.name in UNFED}
    models = {f"baselines.{p.stem}" for p in Path("dbt_project/models").resolve().rglob("*.sql")}
    assert {n for n in nodes if n.startswith("staging.")} == staging | {
        "staging.survey_wide_phq9",
        *(EPISODES - {"baselines.screen_day"}),
    }
    assert {n for n in nodes if n.startswith("baselines.")} == models | {
        "baselines.user_engagement_trend",
        "baselines.screen_day",
        "baselines.survey_score",
        "baselines.survey_submission",
        "baselines.survey_flag",
        "baselines.survey_anomaly",
    }
    raw = {
        source: sum(n.startswith(f"raw.{source}_") for n in nodes)
        for source in ("fitabase", "fitbit", "takeout", "survey", "events", "aware")
    }
    assert raw == {"fitabase": 19, "fitbit": 19, "takeout": 13, "survey": 2, "events": 1, "aware": 6}
    assert sum(n.startswith("raw.") for n in nodes) == sum(raw.values())


def test_the_group_of_an_asset_is_its_schema(nodes: dict):
    assert {name: node.group_name for name, node in nodes.items()} == {name: name.split(".")[0] for name in nodes}


def test_every_staging_and_baselines_asset_has_a_check(nodes: dict):
    checks = {n: len(node.check_keys) for n, node in nodes.items() if n.startswith(("staging.", "baselines."))}
    assert {n: c for n, c in checks.items() if c < 1} == {}
    agreeing = {"steps", "distance", "calories", "intensity"}
    agreeing |= {"daily_distance", "daily_steps", "daily_calories", "daily_intensity"}
    streams = [n for n in checks if n.startswith("staging.") and "survey_wide" not in n and n not in EPISODES]
    assert {n: checks[n] for n in streams} == {n: 4 if n.removeprefix("staging.") in agreeing else 3 for n in streams}


def test_every_asset_says_whose_and_what_it_is(nodes: dict):
    for name, node in nodes.items():
        assert (name, list(node.owners)) == (name, OWNERS)
        assert node.kinds, name
        assert len(node.description or "") > 20, name


def test_every_executable_asset_declares_its_columns(nodes: dict):
    for name, node in executable(nodes).items():
        schema = node.metadata["dagster/column_schema"]
        assert schema.columns, name
        assert all(c.description for c in schema.columns), name
    declared = {t.qualified: list(t.column_names) for t in (*STREAMS, *FRAME_TABLES) if t.name not in UNFED}
    for name, columns in declared.items():
        assert [c.name for c in nodes[name].metadata["dagster/column_schema"].columns] == columns


def test_a_range_is_one_run_for_every_executable_asset(nodes: dict):
    """The unpartitioned ones included, else a range over a selection is refused."""
    wrong = {n for n, node in executable(nodes).items() if node.backfill_policy != dg.BackfillPolicy.single_run()}
    assert wrong == set()


def test_what_is_not_raw_runs_by_itself(nodes: dict):
    labels = {
        n: node.automation_condition.get_label() if node.automation_condition else None
        for n, node in executable(nodes).items()
    }
    assert {n: label for n, label in labels.items() if label != ("on_touched_days", None)[n.startswith("raw.")]} == {}


def test_expected_streams_and_no_others_have_a_freshness_policy(nodes: dict):
    assert {n for n, node in nodes.items() if getattr(node, "freshness_policy", None)} == {"staging.daily_activity"}


def test_one_name_everywhere(nodes: dict):
    for stream in STREAMS:
        assert table_name(key_of(stream)) == stream.qualified
        assert key_of_name(stream.qualified) == key_of(stream)
    own = {n: node.metadata.get("dagster/table_name") for n, node in nodes.items() if n.startswith(("raw", "staging"))}
    assert own == {n: n for n in own}


def test_loading_the_code_location_stays_light(tmp_path: Path):
    """In a fresh process, as `dagster dev` does it: no heavy library, and everything that runs by itself is there."""
    write_study(tmp_path, expected_streams=["daily_activity"])
    code = (
        "import json, sys, os\n"
        f"os.environ['NEURO_HOME'] = {str(tmp_path)!r}\n"
        "import neuro_assets.definitions as d\n"
        "defs = d.defs()\n"
        "repository = defs.get_repository_def()\n"
        f"heavy = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "print(json.dumps({'heavy': heavy, 'sensors': sorted(s.name for s in repository.sensor_defs),"
        " 'schedules': sorted(s.name for s in repository.schedule_defs)}))\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["heavy"] == []
    assert {"automation", "catch_up", "landing", "record_success", "record_failure"} <= set(told["sensors"])
    assert told["schedules"] == ["nightly_maintenance", "people_each_morning", "weekly_digest"]
    assert "DAGSTER_HOME" not in done.stderr


@pytest.mark.parametrize(("named", "warned"), [("dagster", False), ("./x/../dagster", False), ("elsewhere", True)])
def test_another_dagster_home_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, named: str, warned: bool
):
    (tmp_path / "x").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / named))
    logger = logging.getLogger("dagster")
    monkeypatch.setattr(logger, "propagate", True)
    with caplog.at_level(logging.WARNING, logger="dagster"):
        _warn_of_another_home(settings_of(tmp_path))
    assert ("start with `neuro dev`" in caplog.text) is warned
