"""Imputation in the graph: what it follows, what never follows from it, and the assets on a home of their own."""

import ast
import shutil
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime

import dagster as dg
import pytest

from neuro_assets.cli.work import stale_plan
from neuro_assets.keys import key_of_name, table_name
from neuro_assets.streams.imputed import MODEL_TABLES
from neuro_assets.streams.series import SERIES_TABLES
from neuro_assets_tests.automation.test_condition import Ticker
from neuro_assets_tests.conftest import REPOSITORY
from neuro_assets_tests.imputation.conftest import FIRST, LAST, TUE, Planted
from neuro_assets_tests.study_homes import StudyHome, checks_of, materialised, new_graph, settings_of

MODELS = tuple(t.qualified for t in MODEL_TABLES)
VALUES = tuple(f"imputed.calories_{r}" for r in ("1m", "1h"))
IMPUTED = ("imputed.observed", "imputed.gap", "imputed.gap_total", "imputed.daily", *VALUES)
BACKTEST = "imputed.backtest"
READ = (
    "coverage.wear",
    "coverage.not_worn",
    "coverage.hourly",
    "coverage.valid_day",
    "imputed.series_1m",
    "imputed.series_1h",
)
DAYS = ("2019-10-31", "2019-11-05")
AFTERWARDS = datetime(2019, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, by_hours: Planted, new_instance) -> StudyHome:
    """The lake of calories by the hour, of a study that is over."""
    folder = tmp_path_factory.mktemp("imputation") / "home"
    shutil.copytree(by_hours.job.settings.home, folder)
    rules = {
        "window": {"start": str(FIRST), "end": str(LAST)},
        "default_time_zone": "UTC",
        "expected_streams": ["calories"],
        "imputation": {"mode": "automatic"},
    }
    return StudyHome(settings_of(folder), new_graph(folder, **rules), new_instance())


def ancestors(graph: dg.Definitions) -> dict[str, set[str]]:
    """Asset -> all that it follows from."""
    assets, found = graph.resolve_asset_graph(), dict[str, set[str]]()
    for key in assets.toposorted_asset_keys:
        parents = {table_name(p) for p in assets.get(key).parent_keys}
        found[table_name(key)] = parents.union(*(found.get(p, set()) for p in parents))
    return found


def test_nothing_but_the_back_test_follows_from_what_was_imputed(home: StudyHome):
    """Wear, coverage, baselines, sessions and scores know nothing of it; rollups are beside it in the schema."""
    follows = ancestors(home.definitions)
    assert {*IMPUTED, *MODELS, BACKTEST} == {
        n for n in follows if n.startswith("imputed.") and n not in {t.qualified for t in SERIES_TABLES}
    }
    for name in IMPUTED:
        assert {*READ, *MODELS, "staging.calories"} <= follows[name], name
    for name, above in follows.items():
        made = above & {*IMPUTED, *MODELS, BACKTEST}
        assert made == (set(MODELS) if name in IMPUTED else {"imputed.gap", *MODELS} if name == BACKTEST else set()), (
            name
        )
    others = {n.split(".")[0] for n in follows}
    assert {"raw", "staging", "coverage", "baselines"} <= others


def test_the_contract_on_imports_names_what_imputed_values_must_not_enter():
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = [c for c in contracts if "neuro_assets.imputation" in c.get("forbidden_modules", ())]
    assert contract["type"] == "forbidden"
    assert "neuro_assets.streams.imputed" in contract["forbidden_modules"]
    assert not contract.get("allow_indirect_imports")
    rooms = {f"neuro_assets.{n}" for n in ("coverage", "series", "sessions", "scoring", "staging", "ingest")}
    assert rooms <= set(contract["source_modules"])
    for room in contract["source_modules"]:
        path = REPOSITORY / room.replace(".", "/")
        files = [*path.rglob("*.py")] if path.is_dir() else [path.with_suffix(".py")]
        assert files
        for file in files:
            named = {
                alias.name if isinstance(node, ast.Import) else node.module or ""
                for node in ast.walk(ast.parse(file.read_text()))
                if isinstance(node, ast.Import | ast.ImportFrom)
                for alias in node.names
            }
            assert not [n for n in named if n.startswith(tuple(contract["forbidden_modules"]))], file


def names_an_imputed_table(text: str) -> bool:
    """Whether a table of the schema is named that is no rollup."""
    return "imputed." in text.replace("imputed.series_", "").replace("streams.imputed", "")


@pytest.mark.parametrize(
    ("folder", "ending"),
    [("neuro_assets/coverage", "*.py"), ("neuro_assets/sessions", "*.py"), ("neuro_assets/scoring", "*.py"),
     ("neuro_assets/staging", "*.py"), ("neuro_assets/series", "*.py"), ("dbt_project/models", "*.*")],
)  # fmt: skip
def test_no_sql_names_a_table_of_imputed_values(folder: str, ending: str):
    files = [f for f in (REPOSITORY / folder).rglob(ending) if f.is_file()]
    assert files
    assert [f.name for f in files if names_an_imputed_table(f.read_text())] == []
    assert names_an_imputed_table("SELECT * FROM imputed.steps_1m")
    assert not names_an_imputed_table("SELECT * FROM imputed.series_1m")


@pytest.fixture
def ticker(home: StudyHome, new_instance: Callable[[], dg.DagsterInstance]) -> Ticker:
    found = Ticker(home.definitions, new_instance())
    # Days of the study exist once they have begun.
    found.now = AFTERWARDS
    assert found.tick() == {}
    return found


@pytest.mark.parametrize("name", [n if n == READ[0] else pytest.param(n, marks=pytest.mark.verify) for n in READ])
def test_touched_days_of_series_and_coverage_are_filled_in_and_no_others(ticker: Ticker, name: str):
    ticker.touch(name, *DAYS)
    asked: dict[str, set[str | None]] = {}
    # Wear makes the rollups run first, and they are waited for.
    for _ in range(3):
        for n, days in ticker.tick().items():
            assert not days & asked.get(n, set()), n
            asked[n] = asked.get(n, set()) | days
            ticker.touch(n, *sorted(days, key=str))
    assert {n: days for n, days in asked.items() if n in IMPUTED} == {n: set(DAYS) for n in IMPUTED}
    assert not {*MODELS, BACKTEST} & set(asked)


@pytest.mark.verify
def test_models_and_the_back_test_never_run_by_themselves_and_a_new_model_makes_nothing_run(ticker: Ticker):
    for name in MODELS:
        ticker.touch(name, None)
    assert ticker.tick() == {}
    # Days come with the new models there: those days alone, once.
    ticker.touch("imputed.series_1m", DAYS[0])
    assert {n: days for n, days in ticker.tick().items() if n in IMPUTED} == {n: {DAYS[0]} for n in IMPUTED}
    assets = ticker.graph.resolve_asset_graph()
    assert {n for n in (*MODELS, BACKTEST, *IMPUTED) if assets.get(key_of_name(n)).automation_condition is None} == {
        *MODELS, BACKTEST,
    }  # fmt: skip


def test_a_model_that_was_learned_anew_makes_no_day_stale_and_a_newer_rollup_its_own(home: StudyHome, ticker: Ticker):
    for name in (*READ, *IMPUTED):
        ticker.touch(name, *DAYS)

    def stale() -> dict[str, list[str]]:
        plan = stale_plan(ticker.instance, home.definitions)
        assert not {*MODELS, BACKTEST} & set(plan.whole)
        return {n: days for n, days in plan.days.items() if n in IMPUTED}

    assert stale() == {}
    for name in MODELS:
        ticker.touch(name, None)
    assert stale() == {}
    ticker.touch("imputed.series_1h", DAYS[1])
    assert stale() == {n: [DAYS[1]] for n in IMPUTED}


@pytest.fixture(scope="module")
def ran(home: StudyHome) -> dg.ExecuteInProcessResult:
    return home.run(IMPUTED, TUE, LAST)


@pytest.mark.verify
def test_a_range_is_one_run_with_its_checks(home: StudyHome, ran: dg.ExecuteInProcessResult):
    assert ran.success
    for name in IMPUTED:
        assert materialised(ran, name) == {str(TUE), str(LAST)}
    expected = dict.fromkeys(("observed_unaltered", "imputed_is_marked", "kept_out_of_coverage"), True)
    told = {n: {c: e.passed for c, e in checks_of(ran, n).items()} for n in IMPUTED}
    assert told == dict.fromkeys(VALUES, expected) | {
        "imputed.gap": {"gaps_hold_nothing_observed": True}, "imputed.daily": {"days_add_up": True},
        "imputed.observed": {}, "imputed.gap_total": {},
    }  # fmt: skip
    facts = {e.asset_key.path[1]: e.metadata for e in ran.asset_materializations_for_node("imputation") if e.asset_key}
    # Two people, by the hour; and of a whole record the day before, on which nothing is missing, is as it was.
    assert facts["calories_1h"]["rows_written"].value == 24 * (2 * 2 + facts["gap"]["days_beside"].value)
    written = home.rows("SELECT count(*), count(*) FILTER (is_imputed) FROM imputed.calories_1h WHERE day >= ?", TUE)
    assert written == [(96, facts["gap"]["values_imputed"].value)]
    assert written[0][1] == 3 + 4 + 1


@pytest.mark.verify
def test_of_a_study_that_is_over_whole_records_are_learned_and_used(home: StudyHome, ran: dg.ExecuteInProcessResult):
    assert ran.success
    modes = "SELECT DISTINCT mode FROM imputed.{} WHERE {} ORDER BY 1"
    assert home.rows(modes.format("calories_1h", f"day >= '{TUE}'")) == [("whole_record",)]
    assert home.rows(modes.format("model", "true")) == [("past_only",), ("whole_record",)]


def test_models_that_are_asked_for_are_those_that_days_are_filled_in_with(home: StudyHome):
    """The study is over: what counts are models of whole records."""
    home.write("DELETE FROM imputed.model")
    done = home.run(MODELS)
    assert done.success
    assert home.rows("SELECT stream, resolution, mode, valid_from FROM imputed.model") == [
        ("calories", "1h", "whole_record", FIRST)
    ]
    assert home.rows("SELECT count(DISTINCT participant_id) FROM imputed.model_person p SEMI JOIN imputed.model m"
                     " USING (model_version)") == [(2,)]  # fmt: skip


def test_a_protocol_that_expects_nothing_that_is_imputed_has_no_such_assets(graph: dg.Definitions):
    names = set(ancestors(graph))
    assert not {n for n in names if n.startswith("imputed.")} - {t.qualified for t in SERIES_TABLES}
