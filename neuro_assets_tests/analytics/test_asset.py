"""Analytics in the graph: what they follow, what a run writes and shows; and `neuro analytics`."""

import shutil
from pathlib import Path

import pytest

from neuro_assets.cli import app as cli
from neuro_assets.keys import key_of_name
from neuro_assets_tests.analytics.conftest import FIRST, LAST, Planted
from neuro_assets_tests.imputation.test_asset import ancestors
from neuro_assets_tests.study_homes import StudyHome, checks_of, materialised, new_graph, settings_of

pytestmark = pytest.mark.verify

NAMES = ("analytics.population_summary", "analytics.change_point")
RULES = {
    "window": {"start": str(FIRST), "end": str(LAST)},
    "default_time_zone": "UTC",
    "expected_streams": ["steps", "heart_rate"],
    "surveys": ["phq9"],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, told: Planted, new_instance) -> StudyHome:
    """The lake of nine weeks, of a study that is over, without its analytics."""
    folder = tmp_path_factory.mktemp("analytics") / "home"
    shutil.copytree(told.job.settings.home, folder)
    it = StudyHome(settings_of(folder), new_graph(folder, **RULES), new_instance())
    it.write(*(f"DELETE FROM {name}" for name in NAMES))
    return it


@pytest.fixture(scope="module")
def run(home: StudyHome):
    return home.run(NAMES)


def test_they_follow_the_features_they_are_of_and_nothing_imputed(home: StudyHome):
    graph = home.definitions.resolve_asset_graph()
    follows = ancestors(home.definitions)
    for name in NAMES:
        direct = {".".join(k.path) for k in graph.get(key_of_name(name)).parent_keys}
        assert {"features.steps", "features.sleep", "features.survey", "features.data_yield"} <= direct
        assert "coverage.valid_day" in direct
        assert {n for n in follows[name] if n.startswith("imputed.")} <= {
            f"imputed.series_{r}" for r in ("1m", "1h", "1d")
        }
        assert graph.get(key_of_name(name)).group_name == "analytics"


def test_a_run_writes_the_same_tables_and_all_checks_pass(home: StudyHome, told: Planted, run):
    assert run.success
    for name in NAMES:
        assert materialised(run, name) == {None}
        found = checks_of(run, name)
        assert len(found) == 2
        assert all(check.passed for check in found.values())
        rows = f"SELECT * FROM {name} ORDER BY ALL"
        assert home.rows(rows) == told.connection.execute(rows).fetchall()


def test_it_is_shown(run):
    (people,) = run.asset_materializations_for_node("analytics_population_summary")
    (changes,) = run.asset_materializations_for_node("analytics_change_point")
    assert people.metadata["dagster/row_count"].value == 4
    assert "| steps.total | count | 13 |" in str(people.metadata["population"].value)
    assert changes.metadata["changes"].value == 3
    assert "data:image/png;base64,iVBOR" in str(changes.metadata["plot"].value)
    assert "| steps.total | 2 | 1 | 2 | 0 | 10 | 1 |" in str(changes.metadata["people"].value)


def neuro(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str):
    """Exit code, what was told, and the error."""
    monkeypatch.setenv("NEURO_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr("sys.argv", ["neuro", "analytics", *words])
    with pytest.raises(SystemExit) as done:
        cli.main()
    told = capsys.readouterr()
    return int(done.value.code or 0), told.out, " ".join(told.err.replace("│", " ").split())


def test_the_command_prints_both(home: StudyHome, run, monkeypatch: pytest.MonkeyPatch, capsys):
    code, told, _ = neuro(home.settings.home, monkeypatch, capsys)
    assert code == 0
    lines = [line.split() for line in told.splitlines()]
    assert any(line[:1] == ["steps.total"] and "13" in line for line in lines)
    assert any(line[:1] == ["down"] and "changed" in line for line in lines)
    code, told, _ = neuro(home.settings.home, monkeypatch, capsys, "--participant", "away")
    shown = {line.split()[0] for line in told.splitlines() if line}
    assert "away" in shown
    assert "down" not in shown
    code, _, error = neuro(home.settings.home, monkeypatch, capsys, "--measure", "steps.totale")
    assert code == 2
    assert "steps.total" in error


def test_the_command_writes_a_page(home: StudyHome, run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    page = tmp_path / "a.html"
    code, told, _ = neuro(home.settings.home, monkeypatch, capsys, "-o", str(page))
    assert (code, told) == (0, f"wrote {page}\n")
    text = page.read_text()
    assert "<td>down</td><td>steps.total</td><td>changed</td>" in text
    assert "data:image/png;base64,iVBOR" in text


@pytest.mark.parametrize("change", ["DELETE FROM", "DROP TABLE"])
def test_without_analytics_the_command_says_what_to_run(
    home: StudyHome, new_instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, change: str
):
    other = home.copy_to(tmp_path / "home", new_instance())
    other.write(*(f"{change} {name}" for name in NAMES))
    code, told, error = neuro(other.settings.home, monkeypatch, capsys)
    assert (code, told) == (2, "")
    assert "neuro run" in error
