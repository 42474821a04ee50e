"""docs/sources.md as it stands there: its specs, its commands in their order, its answers."""

import re
import shlex
from collections import defaultdict
from datetime import date, datetime
from pathlib import Path

import pytest

from neuro_assets.settings import REPOSITORY
from neuro_assets.sources.load import SourceError, read_source
from neuro_assets_tests.cli.test_commands import Said, neuro
from neuro_assets_tests.cli.test_source_new import actigraphy
from neuro_assets_tests.study_homes import StudyHome, settings_of
from neuro_assets_tests.tables import query

pytestmark = pytest.mark.verify

DOC = (REPOSITORY / "docs" / "sources.md").read_text(encoding="utf-8")
EXAMPLE = DOC.partition("## A worked example")[2].partition("\n## ")[0]
MISTAKES = DOC.partition("## Mistakes and their answers")[2].partition("\n## ")[0]
RAW_HEAD = re.findall(r"```csv\n(.*?)```", EXAMPLE, re.DOTALL)[0]


def blocks(text: str) -> list[tuple[str, str]]:
    """(language, content) of every fenced block in order."""
    return re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("you")


@pytest.fixture(scope="module")
def values(folder: Path) -> dict[str, list[tuple[datetime, int]]]:
    """The recordings of the example: person -> minutes and counts."""
    return {
        "condition_1": actigraphy(folder / "recordings" / "condition_1.csv", "2003-05-07 12:00:00", 2880, 7),
        "control_12": actigraphy(folder / "recordings" / "control_12.csv", "2003-05-07 15:30:00", 1440, 11),
    }


@pytest.fixture(scope="module")
def story(folder: Path, values: object) -> dict[str, Said]:
    """Every command of the example, each YAML written where the text says, as the reader comes to it."""
    said: dict[str, Said] = {}
    yamls = iter(["study/study.yaml", None, "study/sources/depresjon.yaml"])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("NEURO_HOME", "unset")
        patch.setenv("DAGSTER_HOME", "unset")
        for language, content in blocks(EXAMPLE):
            if language == "yaml" and (target := next(yamls)):
                (folder / target).write_text(content, encoding="utf-8")
            elif language == "yaml":
                # The draft is shown as the program writes it.
                assert content == (folder / "study/sources/depresjon.yaml").read_text(encoding="utf-8")
            for command in re.findall(r"^\$ (.*)$", content, re.MULTILINE) if language == "console" else []:
                program, *arguments = shlex.split(command)
                if program == "export":
                    name, _, value = arguments[0].partition("=")
                    patch.setenv(name, value.replace("$PWD", str(folder)))
                else:
                    assert program == "neuro"
                    said[" ".join(arguments[: 2 if arguments[0] == "source" else 1])] = neuro(*arguments)
    return said


def test_the_files_begin_as_the_text_shows(folder: Path, values: object):
    assert (folder / "recordings" / "condition_1.csv").read_text().startswith(RAW_HEAD)


def test_every_command_succeeds(story: dict[str, Said]):
    assert [(name, said.code) for name, said in story.items()] == [
        ("init", 0),
        ("source new", 0),
        ("source check", 0),
        ("ingest", 0),
        ("run", 0),
        ("sql", 0),
    ]


def test_the_answer_of_the_query_is_the_one_in_the_text(story: dict[str, Said]):
    shown = next(c for lang, c in blocks(EXAMPLE) if lang == "console" and "neuro sql" in c)
    answer = [line.rstrip() for line in story["sql"].out.splitlines()]
    assert [line for line in answer if line] == [line for line in shown.splitlines()[1:] if line]


def test_every_count_is_staged_for_its_person_and_minute(
    story: dict[str, Said], folder: Path, values: dict[str, list[tuple[datetime, int]]]
):
    """4,320 values, compared one by one with what was written into the files."""
    lake = StudyHome(settings_of(folder / "study"), None, None).lake  # type: ignore[arg-type]
    staged = query(
        lake,
        "SELECT participant_id, local_ts, value, period_s, utc_offset_min, source FROM staging.activity_counts"
        " ORDER BY participant_id, local_ts",
    )
    assert staged == [(who, m, float(v), 60, 120, "depresjon") for who in sorted(values) for m, v in values[who]]


def test_the_sums_of_the_days_are_those_of_the_files(
    story: dict[str, Said], values: dict[str, list[tuple[datetime, int]]]
):
    """The table in the text, computed anew from the generated values."""
    sums: defaultdict[tuple[str, date], list[int]] = defaultdict(list)
    for who, minutes in values.items():
        for moment, value in minutes:
            sums[who, moment.date()].append(value)
    shown = next(c for lang, c in blocks(EXAMPLE) if lang == "console" and "neuro sql" in c)
    rows = [[cell.strip() for cell in line.split("│")] for line in shown.splitlines() if line.count("│") == 3]
    assert [(r[0], r[1], int(r[2]), float(r[3])) for r in rows] == [
        (who, str(day), len(v), float(sum(v))) for (who, day), v in sorted(sums.items())
    ]


def test_the_mistakes_in_the_text_are_answered_as_it_says(tmp_path: Path):
    (spec,) = [content for language, content in blocks(MISTAKES) if language == "yaml"]
    (answer,) = [content for language, content in blocks(MISTAKES) if language == "text"]
    path = tmp_path / "acme.yaml"
    path.write_text(spec, encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        read_source(path)
    assert str(caught.value).replace(f"{tmp_path}/", "") + "\n" == answer
    assert len(answer.splitlines()) >= 10


def test_the_spec_that_explains_the_fields_can_be_read(tmp_path: Path):
    shown = DOC.partition("## The fields")[2].partition("\n## ")[0]
    path = tmp_path / "fitabase.yaml"
    path.write_text(blocks(shown)[0][1], encoding="utf-8")
    assert list(read_source(path).files) == ["hourly_steps"]
