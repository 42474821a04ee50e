"""`neuro source new` as a person types it: what is written where, what is never overwritten, the exit code."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from neuro_assets.sources.load import load_sources, read_source
from neuro_assets_tests.cli.test_commands import neuro


def actigraphy(path: Path, start: str, minutes: int, step: int = 7) -> list[tuple[datetime, int]]:
    """Write a file in the form of the public Depresjon data: nights at rest, one row a minute. Gives its values."""
    first = datetime.fromisoformat(start)
    moments = [first + timedelta(minutes=n) for n in range(minutes)]
    values = [(m, 0 if m.hour < 7 else n * step % 400) for n, m in enumerate(moments)]
    lines = ["timestamp,date,activity", *(f"{m},{m.date()},{v}" for m, v in values)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return values


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that is not there yet, and a folder with two recordings as the current one."""
    monkeypatch.setenv("NEURO_HOME", str(tmp_path / "study"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "study" / "dagster"))
    monkeypatch.chdir(tmp_path)
    actigraphy(tmp_path / "condition_1.csv", "2003-05-07 12:00:00", 100)
    actigraphy(tmp_path / "control_12.csv", "2003-05-07 15:30:00", 100)
    return tmp_path / "study"


def files_of(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*")) if folder.exists() else []


def test_a_draft_is_written_to_the_home_and_the_next_command_told(home: Path):
    said = neuro("source", "new", "condition_1.csv", "--name", "depresjon")
    assert said.code == 0
    path = home / "sources" / "depresjon.yaml"
    assert f"written: {path}\n" in said.out
    assert "lines marked `# check`, then `neuro source check condition_1.csv`" in said.out
    assert files_of(home) == ["sources", "sources/depresjon.yaml"]
    spec = read_source(path)
    assert (spec.name, list(spec.files)) == ("depresjon", ["minute_activity_counts"])


def test_print_writes_nothing_and_prints_nothing_else(home: Path):
    said = neuro("source", "new", "condition_1.csv", "--print")
    assert said.code == 0
    assert files_of(home) == []
    assert "neuro source check condition_1.csv" in said.err
    written = home.parent / "drafts" / "condition.yaml"
    written.parent.mkdir()
    written.write_text(said.out, encoding="utf-8")
    assert read_source(written).name == "condition"


def test_a_spec_that_is_there_is_never_overwritten(home: Path):
    path = home / "sources" / "depresjon.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("# mine\n")
    said = neuro("source", "new", "condition_1.csv", "--name", "depresjon")
    assert said.code == 2
    assert "depresjon.yaml is there already and was not changed; choose another name with --name" in said.err
    assert path.read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["condition_1.csv", "--name", "fitabase"],
            "a source named 'fitabase' is built in; choose another name: --name",
        ),
        (["condition_1.csv", "--name", "My Source"], "lower-case letters, digits and _, a letter first"),
        (["nowhere.csv"], "nowhere.csv is no file"),
        (["empty.csv"], "the file is empty. Export it again"),
        (["numbers.csv"], "no column holds dates or times; there are: id, steps"),
    ],
)
def test_what_cannot_be_drafted_is_told_with_exit_code_2(home: Path, arguments: Iterable[str], told: str):
    (home.parent / "empty.csv").write_text("")
    (home.parent / "numbers.csv").write_text("id,steps\n1,5\n1,6\n")
    said = neuro("source", "new", *arguments)
    assert said.code == 2
    assert told in " ".join(said.err.replace("│", " ").split())
    assert files_of(home) == []


def test_a_file_called_after_a_person_gives_its_name_to_nothing(home: Path):
    (home.parent / "condition_1.csv").rename(home.parent / "ann_meier.csv")
    assert neuro("source", "new", "ann_meier.csv").code == 0
    assert files_of(home) == ["sources", "sources/my_source.yaml"]
    assert "meier" not in (home / "sources" / "my_source.yaml").read_text()


def test_a_broken_spec_beside_it_does_not_matter(home: Path):
    """Somebody who mends one source may draft another."""
    (home / "sources").mkdir(parents=True)
    (home / "sources" / "broken.yaml").write_text("name: [")
    assert neuro("source", "new", "condition_1.csv").code == 0
    assert (home / "sources" / "condition.yaml").exists()


def test_every_command_tells_all_mistakes_of_all_specs(home: Path):
    sources = home / "sources"
    sources.mkdir(parents=True)
    (sources / "a.yaml").write_text("name: a\nversion: one\n")
    (sources / "b.yaml").write_text("name: [\n")
    said = neuro("ingest", "condition_1.csv")
    assert said.code == 2
    lines = [line.removeprefix("error: ") for line in said.err.splitlines()]
    assert lines[0].startswith(f"{sources}/a.yaml line 1, title: 'title' is missing; add what messages call the source")
    assert f"{sources}/a.yaml line 2, version: 'one' is no number that fits: a whole number is expected;" in said.err
    assert lines[-1].startswith(f"{sources}/b.yaml line 1, name: not valid YAML: the bracket [ that opens here")


def test_a_draft_is_enough_to_load_its_file(home: Path):
    """Drafted, checked, loaded: nothing of it was changed by hand."""
    assert neuro("source", "new", "condition_1.csv", "--name", "depresjon").code == 0
    (home / "study.yaml").write_text(
        "id: t\ndefault_time_zone: Europe/Oslo\nwindow: {start: 2003-05-01, end: 2003-05-31}\nauto_enrol: true\n"
    )
    checked = neuro("source", "check", "condition_1.csv", "control_12.csv", "--json")
    assert [(f["outcome"], f["rows"]["rows"]) for f in checked.json] == [("loaded", 100), ("loaded", 100)]
    assert load_sources([home / "sources"]).kinds[0].raw_table.qualified == "raw.depresjon_minute_activity_counts"
