"""`neuro survey` as a person types it, and docs/surveys.md as it stands there: its files, commands and numbers."""

import re
import shlex
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from neuro_assets.resources.home import HomeResource
from neuro_assets.scoring.compute import score_days
from neuro_assets.settings import REPOSITORY
from neuro_assets.surveys.load import read_codebook
from neuro_assets_tests.cli.test_commands import Said, neuro
from neuro_assets_tests.study_homes import settings_of
from neuro_assets_tests.tables import query, stage

DOC = (REPOSITORY / "docs" / "surveys.md").read_text(encoding="utf-8")
EXAMPLE = DOC.partition("\n## A worked example\n")[2].partition("\n## ")[0]
SHORT = """\
name: mood_short
version: 1
title: Mood
items:
  q1: {text: sad, choices: {0: no, 1: yes}}
  q2: {text: how much, type: number, min: 0, max: 10}
"""
STUDY = "id: t\ndefault_time_zone: Europe/Oslo\nwindow: {start: 2024-03-01, end: 2024-03-31}\nauto_enrol: true\n"


def blocks(language: str) -> list[str]:
    """The fenced blocks of the worked example in a language."""
    return re.findall(rf"```{language}\n(.*?)```", EXAMPLE, re.DOTALL)


def trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines() if line.strip()]


def cells(text: str) -> list[tuple[str, ...]]:
    """The rows of a table as it is printed."""
    return [tuple(c.strip() for c in line.split("│")) for line in text.splitlines() if "│" in line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterable[Path]:
    """A folder that is the current one, for a home named by the environment; both are put back afterwards."""
    folder = tmp_path_factory.mktemp("you")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("NEURO_HOME", str(folder / "study"))
        patch.setenv("DAGSTER_HOME", str(folder / "study" / "dagster"))
        yield folder


@pytest.fixture(scope="module")
def story(folder: Path) -> dict[str, Said]:
    """The commands of the example, each file written where the text says; `neuro run` is staging and scoring here."""
    march, april = blocks("csv")
    study, draft, finished = blocks("yaml")
    (folder / "nights").mkdir()
    (folder / "nights" / "night_log_march.csv").write_text(march, encoding="utf-8")
    (folder / "nights" / "night_log_april.csv").write_text(april, encoding="utf-8")
    assert neuro("init").code == 0
    (folder / "study" / "study.yaml").write_text(study, encoding="utf-8")
    said: dict[str, Said] = {}
    for shown in blocks("console"):
        command = shown.partition("\n")[0].removeprefix("$ neuro ")
        if command == "run":
            compute(folder)
            continue
        said[command] = neuro(*shlex.split(command))
        if command.startswith("survey new"):
            codebook = folder / "study" / "surveys" / "night_log.yaml"
            # The draft is shown as the program writes it.
            assert codebook.read_text(encoding="utf-8") == draft
            codebook.write_text(finished, encoding="utf-8")
    return said


def compute(folder: Path) -> None:
    job = HomeResource.of(settings_of(folder / "study")).job()
    first, last = date(2024, 3, 4), date(2024, 4, 1)
    stage(job, "survey_response", first, last)
    with job.lake.connect() as connection:
        score_days(connection, job, first, last)


def test_the_codebook_of_the_example_is_short():
    assert len(blocks("yaml")[2].splitlines()) < 60


def test_every_command_of_the_example_answers_as_it_says(story: dict[str, Said], folder: Path):
    """Only the order of what goes to the terminal and of what goes to the file is not compared."""
    for shown in blocks("console"):
        command, _, answer = shown.partition("\n")
        if command == "$ neuro run":
            continue
        said = story[command.removeprefix("$ neuro ")]
        told = trimmed((said.err + said.out).replace(str(folder), "/home/you"))
        assert told == trimmed(answer), command


def test_exit_codes_of_the_example(story: dict[str, Said]):
    codes = {command: said.code for command, said in story.items()}
    assert [c for c, code in codes.items() if code] == ["survey check nights/night_log_april.csv"]


def test_the_scores_are_those_worked_out_by_hand(story: dict[str, Said]):
    """Trouble + restless + (3 - rested), prorated to three items; 100 x asleep / in bed, to one decimal."""
    sql = next(said.out for command, said in story.items() if "survey_score" in command)
    found = {(r[0], r[1], r[2]): (float(r[3]) if r[3] else None, r[4], r[6], r[7]) for r in cells(sql)[0:]}
    assert found == {
        ("N01", "2024-03-04 07:10:00", "disturbance"): (0 + 1 + 0, "undisturbed", "", "True"),
        ("N01", "2024-03-05 07:05:00", "disturbance"): (2 + 2 + 2, "disturbed", "", "True"),
        ("N01", "2024-03-06 07:20:00", "disturbance"): (1 + 1 + 1, "somewhat disturbed", "", "False"),
        ("N01", "2024-03-06 21:30:00", "disturbance"): (1 + 2 + 1, "somewhat disturbed", "", "True"),
        ("N02", "2024-03-04 08:00:00", "disturbance"): (3 + 3 + 3, "disturbed", "", "True"),
        ("N02", "2024-03-05 08:15:00", "disturbance"): (None, "", "excluded_by_rule", "True"),
        ("N02", "2024-03-06 08:10:00", "disturbance"): ((2 + 2) * 3 / 2, "disturbed", "", "True"),
        ("N02", "2024-04-01 08:05:00", "disturbance"): ((2 + 2) * 3 / 2, "disturbed", "", "True"),
        ("N03", "2024-03-04 06:45:00", "disturbance"): (None, "", "too_many_missing", "True"),
        ("N03", "2024-03-05 06:40:00", "disturbance"): (0 + 0 + 0, "undisturbed", "", "True"),
        ("N03", "2024-03-06 06:50:00", "disturbance"): (1 + 0 + 0, "undisturbed", "", "True"),
        ("N03", "2024-04-01 06:55:00", "disturbance"): ((1 + 0) * 3 / 2, "undisturbed", "", "True"),
        ("N01", "2024-03-04 07:10:00", "efficiency"): (87.5, "", "", "True"),  # 420 / 480
        ("N01", "2024-03-05 07:05:00", "efficiency"): (80.0, "", "", "True"),  # 360 / 450
        ("N01", "2024-03-06 07:20:00", "efficiency"): (86.0, "", "", "False"),  # 400 / 465 = 0.8602
        ("N01", "2024-03-06 21:30:00", "efficiency"): (86.0, "", "", "True"),
        ("N02", "2024-03-04 08:00:00", "efficiency"): (58.8, "", "", "True"),  # 300 / 510 = 0.5882
        ("N02", "2024-03-05 08:15:00", "efficiency"): (None, "", "excluded_by_rule", "True"),
        ("N02", "2024-03-06 08:10:00", "efficiency"): (66.7, "", "", "True"),  # 330 / 495
        ("N02", "2024-04-01 08:05:00", "efficiency"): (None, "", "item_missing", "True"),
        ("N03", "2024-03-04 06:45:00", "efficiency"): (None, "", "item_missing", "True"),
        ("N03", "2024-03-05 06:40:00", "efficiency"): (90.7, "", "", "True"),  # 390 / 430 = 0.9070
        ("N03", "2024-03-06 06:50:00", "efficiency"): (89.8, "", "", "True"),  # 395 / 440 = 0.8977
        ("N03", "2024-04-01 06:55:00", "efficiency"): (89.9, "", "", "True"),  # 400 / 445 = 0.8989
    }


def test_what_is_dropped_is_in_the_archive_and_in_no_table(story: dict[str, Said], folder: Path):
    """docs/surveys.md says both."""
    lake = HomeResource.of(settings_of(folder / "study")).job().lake
    tables = ("raw.survey_night_log", "staging.survey_response", "staging.survey_wide_night_log", "ops.quarantine",
              "ops.landing_files", "baselines.survey_score", "baselines.survey_flag")  # fmt: skip
    for name in tables:
        assert "0170 555" not in str(query(lake, f"FROM {name}")), name
    assert any(b"0170 555" in p.read_bytes() for p in (folder / "study" / "archive").rglob("*.csv"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a study, and the folder above it as the current one."""
    monkeypatch.setenv("NEURO_HOME", str(tmp_path / "study"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "study" / "dagster"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study" / "surveys").mkdir(parents=True)
    (tmp_path / "study" / "study.yaml").write_text(STUDY + "surveys: [phq9]\n", encoding="utf-8")
    return tmp_path / "study"


def test_the_list_says_which_instruments_are_the_studys(home: Path):
    (home / "surveys" / "mine.yaml").write_text(SHORT, encoding="utf-8")
    listed = {row["name"]: row for row in neuro("survey", "list", "--json").json}
    assert [n for n, row in listed.items() if row["in_the_study"]] == ["mood_short", "phq9"]
    assert (listed["phq9"]["items"], listed["phq9"]["scores"], listed["mood_short"]["items"]) == (10, "total", 2)


def test_an_instrument_that_is_not_there_is_told_with_the_nearest(home: Path):
    (home / "study.yaml").write_text(STUDY + "surveys: [phq99]\n", encoding="utf-8")
    said = neuro("survey", "list")
    assert said.code == 2
    assert "study.yaml, surveys: there is no instrument 'phq99'; did you mean 'phq9'?" in said.err


def test_a_broken_codebook_is_told_by_line_with_exit_code_2(home: Path):
    path = home / "surveys" / "mine.yaml"
    path.write_text(SHORT.replace("type: number", "type: int"), encoding="utf-8")
    for command in (["survey", "check", str(path)], ["survey", "list"], ["ingest"]):
        said = neuro(*command)
        assert said.code == 2
        assert f"{path} line 6, items.q2.type: 'int' is none of 'choice', 'number' or 'text'; did you mean" in said.err


def test_a_file_with_defects_has_exit_code_1_and_the_reasons(home: Path):
    """Columns that could be any instrument's: the kind is said, also of a codebook of the home."""
    (home / "surveys" / "mine.yaml").write_text(SHORT, encoding="utf-8")
    good = "participant_id,answered_at,q1,q2\nA,2024-03-04 07:00:00,YES,7.5\n"
    Path("answers.csv").write_text(good + "B,2024-03-04 07:00:00,maybe,11\n", encoding="utf-8")
    said = neuro("survey", "check", "answers.csv", "--instrument", "mood_short", "--json")
    assert said.code == 1
    (told,) = said.json
    assert [(r["rule"], r["value"]) for r in told["first_rejected"]] == [
        ("is_a_choice", "q1, maybe"),
        ("within_range", "q2, 11"),
    ]
    assert told["streams"]["survey_response"]["rows_staged"] == 2
    said = neuro("survey", "check", "answers.csv", "--instrument", "mood_shrt")
    assert said.code == 2
    assert "there is no instrument 'mood_shrt'; there are: " in " ".join(said.err.replace("│", " ").split())
    assert "mood_short" in said.err
    assert not (home / "archive").exists() or not list((home / "archive").iterdir())


def diary(path: str) -> None:
    rows = [f"P{n % 3},2024-03-{n // 3 + 4:02d} 07:0{n % 3}:00,{n % 4},{n % 2}" for n in range(12)]
    Path(path).write_text("\n".join(["pid,submitdate,calm,slept", *rows]) + "\n", encoding="utf-8")


def test_a_draft_is_written_and_the_next_commands_work(home: Path):
    diary("sleep_diary_2024.csv")
    said = neuro("survey", "new", "sleep_diary_2024.csv")
    path = home / "surveys" / "sleep_diary.yaml"
    assert said.code == 0
    assert f"written: {path}\n" in said.out
    assert f"`neuro survey check {path}` and" in said.out
    assert "`neuro survey check sleep_diary_2024.csv --instrument sleep_diary`" in said.out
    assert list(read_codebook(path).items) == ["calm", "slept"]
    assert neuro("survey", "check", str(path)).code == 0
    checked = neuro("survey", "check", "sleep_diary_2024.csv", "--instrument", "sleep_diary", "--json")
    assert [(f["outcome"], f["rows"]["rows"], f["first_rejected"]) for f in checked.json] == [("loaded", 12, [])]


def test_print_writes_nothing_and_prints_nothing_else(home: Path):
    diary("diary.csv")
    said = neuro("survey", "new", "diary.csv", "--print")
    assert (said.code, list((home / "surveys").iterdir())) == (0, [])
    Path("copy.yaml").write_text(said.out, encoding="utf-8")
    assert read_codebook(Path("copy.yaml").resolve()).name == "diary"
    assert "lines marked `# check`" in said.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["diary.csv", "--name", "phq9"], "an instrument named 'phq9' is built in; choose another name: --name"),
        (["diary.csv", "--name", "mine"], "mine.yaml is there already and was not changed; choose another name with"),
        (["diary.csv", "--name", "My Diary"], "lower-case letters, digits and _, a letter first"),
        (["nowhere.csv"], "nowhere.csv is no file"),
        (["undated.csv"], "no column holds dates or times; there are: id, q1"),
        (["empty.csv"], "the file is empty. Export it again"),
    ],
)
def test_what_cannot_be_drafted_is_told_with_exit_code_2(home: Path, arguments: list[str], told: str):
    diary("diary.csv")
    (home / "surveys" / "mine.yaml").write_text("# mine\n", encoding="utf-8")
    Path("undated.csv").write_text("id,q1\n1,5\n1,6\n", encoding="utf-8")
    Path("empty.csv").write_text("", encoding="utf-8")
    said = neuro("survey", "new", *arguments)
    assert said.code == 2
    assert told in " ".join(said.err.replace("│", " ").split())
    assert [p.read_text(encoding="utf-8") for p in (home / "surveys").iterdir()] == ["# mine\n"]
