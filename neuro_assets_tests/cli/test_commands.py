"""The commands as a person types them: what is printed where, and the exit code."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from neuro_assets.cli.app import main
from neuro_assets_tests.fitabase_files import steps_per_day_csv, write
from neuro_assets_tests.study_homes import StudyHome, settings_of, write_study
from neuro_assets_tests.tables import query, stage

WEEK = steps_per_day_csv(("1001", f"4/{d}/2016", 1000 + d) for d in range(1, 8))
BETTER = steps_per_day_csv(("1001", f"4/{d}/2016", 2000 + d) for d in range(5, 10))


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def neuro(*arguments: str) -> Said:
    """Run the entry point with these arguments."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["neuro", *arguments])
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home that the environment names; the environment is put back afterwards."""
    home = tmp_path_factory.mktemp("cli") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURO_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        yield home


@pytest.fixture(scope="module")
def story(home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Said]:
    """init; a good file, the same again, a folder with a better file and a refused one; then two days are staged."""
    folder, said = tmp_path_factory.mktemp("files"), {}
    said["init"] = neuro("init")
    said["init_again"] = neuro("init")
    write_study(home)
    week = write(folder, "week.csv", WEEK)
    said["loaded"] = neuro("ingest", str(week), "--json")
    said["duplicate"] = neuro("ingest", str(week), "--json")
    write(folder, "more/better.csv", BETTER)
    write(folder, "more/[red]junk[x].csv", "Id,Foo\n1,2\n")
    write(folder, "more/unfinished.csv.part", WEEK)
    said["rejected"] = neuro("ingest", str(folder / "more"))
    job = StudyHome(settings_of(home), None, None).job  # type: ignore[arg-type]
    stage(job, "daily_activity", date(2016, 4, 1), date(2016, 4, 9))
    return said


def test_init_makes_the_home_and_says_so_once(story: dict[str, Said], home: Path):
    assert story["init"].code == 0
    assert "made: landing, archive, rejected, sources, surveys, models, dagster, study.yaml" in story["init"].out
    assert "made: nothing, everything was there" in story["init_again"].out
    assert (home / "dagster" / "dagster.yaml").exists()


def test_a_loaded_file_is_accounted_for(story: dict[str, Said], home: Path):
    said = story["loaded"]
    assert said.code == 0
    (file,) = said.json["files"]
    assert said.json["days_reported"] == 7
    assert {k: file[k] for k in ("file", "outcome", "table", "rows", "first_day", "last_day", "days_touched")} == {
        "file": "week.csv",
        "outcome": "loaded",
        "table": "raw.fitabase_daily_activity",
        "rows": 7,
        "first_day": "2016-04-01",
        "last_day": "2016-04-07",
        "days_touched": 7,
    }
    assert (home / file["stored"]).read_text() == WEEK


def test_the_same_file_again_is_a_duplicate_and_no_error(story: dict[str, Said]):
    said = story["duplicate"]
    assert (said.code, said.json["days_reported"]) == (0, 0)
    assert [(f["outcome"], f["days_touched"]) for f in said.json["files"]] == [("duplicate", 0)]


def test_a_refused_file_makes_exit_code_1_and_the_others_load(story: dict[str, Said]):
    said = story["rejected"]
    assert said.code == 1
    assert "1 rejected files are in rejected/, each beside its reason" in said.out
    assert "5 table-days have something new" in said.out
    assert "unfinished" not in said.out + said.err
    assert "no known export has these columns" in " ".join(said.out.split())


def test_a_file_name_with_brackets_is_shown_as_it_is(story: dict[str, Said]):
    assert "[red]junk[x].csv" in story["rejected"].err


def test_a_path_that_is_not_there_is_a_mistake_of_the_call(story: dict[str, Said]):
    said = neuro("ingest", "/no/such/file.csv")
    assert said.code == 2
    assert "does not exist" in said.err


def test_status_tells_the_numbers(story: dict[str, Said]):
    """Two files loaded and one refused, four arrivals: 9 days staged, nothing held; a person should look."""
    said = neuro("status", "--json")
    assert said.code == 1
    status = said.json
    assert status["files"] == {"loaded": 2, "rejected": 1, "arrivals": 4}
    assert [(r["file"], r["code"]) for r in status["rejected"]] == [("[red]junk[x].csv", "unknown_layout")]
    streams = {s["stream"]: s for s in status["streams"]}
    assert {k: streams["daily_activity"][k] for k in ("rows", "participants", "days", "days_held", "days_stale")} == {
        "rows": 9,
        "participants": 1,
        "days": 9,
        "days_held": 0,
        "days_stale": 0,
    }
    assert (status["holds"], status["unreported_days"], status["study_changes"]) == ([], 0, [])
    # Staged behind Dagster's back: its event log still asks for the 9 days.
    assert status["stale"]["staging.daily_activity"] == 9


def test_sql_in_its_three_forms(story: dict[str, Said]):
    """Days 1 to 4 from the first file, 5 to 9 from the better one."""
    ask = "select day, steps, source from staging.daily_activity where day >= '2016-04-04' order by day limit 2"
    rows = [("2016-04-04", 1004), ("2016-04-05", 2005)]
    assert neuro("sql", ask, "--format", "json").json == [{"day": d, "steps": s, "source": "fitabase"} for d, s in rows]
    assert list(csv.reader(io.StringIO(neuro("sql", ask, "-f", "csv").out))) == [
        ["day", "steps", "source"],
        *([d, str(s), "fitabase"] for d, s in rows),
    ]
    table = neuro("sql", ask)
    assert table.code == 0
    assert [line.split() for line in table.out.splitlines() if line.startswith("2016")] == [
        [d, "│", str(s), "│", "fitabase"] for d, s in rows
    ]
    assert "2 rows" in table.out


def test_sql_shows_a_value_as_it_is(home: Path, story: dict[str, Said]):
    """Square brackets are no markup."""
    assert "[red]x" in neuro("sql", "select '[red]x' as v").out
    assert "[/x]" in neuro("sql", "select '[/x]' as v").out


@pytest.mark.parametrize(
    "statement",
    [
        "delete from staging.daily_activity",
        "create table raw.mine (n integer)",
        "update ops.landing_files set status = 'x'",
        "drop table staging.daily_activity",
    ],
)
def test_sql_cannot_write(story: dict[str, Said], home: Path, statement: str):
    said = neuro("sql", statement)
    assert said.code == 2
    assert "read-only" in said.err
    lake = settings_and_lake(home)
    assert query(lake, "SELECT count(*) FROM staging.daily_activity") == [(9,)]


def settings_and_lake(home: Path) -> Any:
    return StudyHome(settings_of(home), None, None).lake  # type: ignore[arg-type]


def test_a_broken_query_is_one_message_and_exit_code_2(story: dict[str, Said]):
    said = neuro("sql", "select * from staging.no_such")
    assert said.code == 2
    assert "no_such" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["staging.no_such", "day=2016-04-05"], "there is no table staging.no_such; tables:"),
        (["staging.daily_activity", "dya=2016-04-05"], "has no column dya; columns: participant_id"),
        (["staging.daily_activity", "day=2016-05-05"], "staging.daily_activity has no row with day=2016-05-05"),
        (["staging.daily_activity", "2016-05-05"], "expected key=value, got '2016-05-05'"),
    ],
)
def test_a_row_that_cannot_be_traced_is_told_why(story: dict[str, Said], arguments: list[str], told: str):
    said = neuro("trace", *arguments)
    assert said.code == 2
    assert told in " ".join(said.err.replace("│", " ").split())


def test_a_row_is_traced_to_its_file_line_and_text(story: dict[str, Said]):
    """5 April is row 1, line 2 of the better file; row 5 of the first gave way."""
    said = neuro("trace", "staging.daily_activity", "participant_id=1001", "day=2016-04-05", "--json")
    assert said.code == 0
    (row,) = said.json["from"]
    assert row["facts"]["steps"] == 2005
    (file,) = row["from"]
    assert file["title"] == "file better.csv, row 1"
    assert (file["facts"]["row"], file["facts"]["line"]) == (1, 2)
    assert file["facts"]["text"] == BETTER.splitlines()[1]
    (other,) = file["from"]
    assert other["title"].startswith("superseded: row 5 of week.csv")
    assert other["facts"]["because"] == "another file saw more of that day"


def test_the_same_for_people(story: dict[str, Said]):
    said = neuro("trace", "staging.daily_activity", "participant_id=1001", "day=2016-04-05")
    assert "file better.csv, row 1" in said.out
    assert f"text: {BETTER.splitlines()[1]}" in said.out


def test_an_unknown_setting_tells_the_nearest(monkeypatch: pytest.MonkeyPatch, home: Path):
    monkeypatch.setenv("NEURO_HOM", "x")
    said = neuro("status")
    assert said.code == 2
    assert "unknown setting NEURO_HOM; did you mean NEURO_HOME?" in " ".join(said.err.split())


def test_a_broken_protocol_is_told_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The value at fault is shown in brackets as it is, and nothing was made of the lake."""
    monkeypatch.setenv("NEURO_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    write_study(tmp_path, gates={"max_failed_share": "[lots]"})
    said = neuro("ingest")
    assert said.code == 2
    assert "study.yaml: gates.max_failed_share:" in said.err
    assert "(got '[lots]')" in said.err
    assert not (tmp_path / "lake").exists()


def test_the_home_option_wins_over_the_environment(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NEURO_HOME", str(home))
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    said = neuro("--home", str(tmp_path / "other"), "init")
    assert said.code == 0
    assert (tmp_path / "other" / "study.yaml").exists()


def test_an_empty_landing_folder_is_nothing_to_load(story: dict[str, Said]):
    said = neuro("ingest")
    assert (said.code, said.out.strip()) == (0, "nothing to load")


@pytest.mark.verify
def test_maintain_tells_what_it_did(story: dict[str, Said], home: Path):
    before = query(settings_and_lake(home), "SELECT * FROM staging.daily_activity ORDER BY ALL")
    said = neuro("maintain")
    assert said.code == 0
    assert said.out.startswith("files ")
    assert query(settings_and_lake(home), "SELECT * FROM staging.daily_activity ORDER BY ALL") == before
