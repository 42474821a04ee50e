"""`neuro survey key` and `neuro survey reveal` as a person types them, and a backup of a study with a key."""

import csv
import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from neuro_assets.resources.home import HomeResource
from neuro_assets.surveys.answer_key import AnswerKey
from neuro_assets_tests.cli.test_commands import Said, neuro
from neuro_assets_tests.cli.test_survey import STUDY
from neuro_assets_tests.study_homes import settings_of
from neuro_assets_tests.surveys.test_sensitive import DIARY, table
from neuro_assets_tests.tables import query, stage

pytestmark = pytest.mark.verify

SECRET = "Quagmire, said [red]Ærø[/red]"
ROWS = (f'a,2024-03-02 07:00:00,1,"{SECRET}",x', "b,2024-03-02 07:00:00,1,fine,x", "c,2024-03-02 07:00:00,1,99,x")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that is the current one, with a study whose diary has an encrypted item."""
    folder = tmp_path_factory.mktemp("key")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("NEURO_HOME", str(folder / "study"))
        patch.setenv("DAGSTER_HOME", str(folder / "study" / "dagster"))
        patch.delenv("NEURO_SURVEY_KEY", raising=False)
        assert neuro("init").code == 0
        (folder / "study" / "study.yaml").write_text(STUDY, encoding="utf-8")
        (folder / "study" / "surveys" / "diary.yaml").write_text(DIARY, encoding="utf-8")
        (folder / "diary.csv").write_text(table(*ROWS), encoding="utf-8")
        yield folder


@pytest.fixture(scope="module")
def story(folder: Path) -> dict[str, Said]:
    """What is said without a key, with one, with another, and after a change of keys."""
    said: dict[str, Said] = {}
    for name, command in {"key_0": "key", "check_0": "check diary.csv"}.items():
        said[name] = neuro("survey", *command.split())
    said["ingest_0"] = neuro("ingest", "diary.csv", "--json")
    said["new"] = neuro("survey", "key", "--new")
    said["new_again"] = neuro("survey", "key", "--new")
    said["check_1"] = neuro("survey", "check", "diary.csv")
    said["ingest_1"] = neuro("ingest", "diary.csv", "--json")
    staged(folder)
    said["key_2"] = neuro("survey", "key")
    said["reveal"] = neuro("survey", "reveal", "diary", "remark")
    said["reveal_b"] = neuro("survey", "reveal", "diary", "remark", "--participant", "b", "--csv", "b.csv")
    said["reveal_csv"] = neuro("survey", "reveal", "diary", "remark", "--csv", "out.csv")
    for name, value in (("wrong", AnswerKey(b"w" * 64).text), ("bad", "secret")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NEURO_SURVEY_KEY", value)
            for command in ("key", "key --new", "reveal diary remark"):
                said[f"{name} {command}"] = neuro("survey", *command.split())
    (folder / "study" / "keys" / "survey.key").rename(folder / "lost")
    said["lost"] = neuro("survey", "key", "--new")
    said["rotate"] = neuro("survey", "key", "--rotate")
    said["reveal_old"] = neuro("survey", "reveal", "diary", "remark")
    staged(folder)
    said["reveal_again"] = neuro("survey", "reveal", "diary", "remark")
    return said


def staged(folder: Path) -> None:
    stage(HomeResource.of(settings_of(folder / "study")).job(), "survey_response", date(2024, 3, 1), date(2024, 3, 31))


def test_without_a_key_what_to_do_is_said_and_the_file_stays(story: dict[str, Said], folder: Path):
    for name in ("key_0", "check_0", "ingest_0"):
        assert story[name].code == 2, name
        assert "there is no key: set NEURO_SURVEY_KEY, or put the study's key at" in story[name].err
    assert story["ingest_0"].json == {"files": [], "days_reported": 0}
    assert (folder / "diary.csv").exists()


def test_the_check_of_a_codebook_says_what_is_encrypted(story: dict[str, Said]):
    rows = [line.split("│") for line in neuro("survey", "check", "study/surveys/diary.yaml").out.splitlines()]
    assert [row[0].strip() for row in rows if "any text, encrypted" in [cell.strip() for cell in row]] == [
        "remark",
        "worry",
    ]


def test_a_key_is_made_once(story: dict[str, Said]):
    assert story["new"].code == 0
    assert "Keep a copy of it where neither the study nor its backups are" in story["new"].err
    assert story["new_again"].code == 2
    assert "is there already and was not changed" in story["new_again"].err
    assert story["key_2"].out.endswith("survey.key; it opens the encrypted answers of the lake\n")


def test_with_the_key_the_file_is_loaded(story: dict[str, Said]):
    assert "diary.csv would be loaded" in story["check_1"].out
    assert [story[name].code for name in ("check_1", "ingest_1")] == [0, 0]
    assert [f["outcome"] for f in story["ingest_1"].json["files"]] == ["loaded"]


def test_answers_are_shown_to_who_has_the_key(story: dict[str, Said]):
    shown = [[cell.strip() for cell in line.split("│")] for line in story["reveal"].out.splitlines() if "│" in line]
    assert shown == [["a", "2024-03-02 07:00:00", SECRET], ["b", "2024-03-02 07:00:00", "fine"]]
    assert story["reveal"].code == 0
    assert story["reveal_b"].out == "1 answers written: b.csv\n"
    assert story["reveal_again"].out == story["reveal"].out


def test_a_file_of_them_is_for_its_owner_alone(story: dict[str, Said], folder: Path):
    assert story["reveal_csv"].out == "2 answers written: out.csv\n"
    assert stat.S_IMODE((folder / "out.csv").stat().st_mode) == 0o600
    with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
        assert [*csv.reader(file)] == [
            ["participant", "answered_at", "text"],
            ["a", "2024-03-02 07:00:00", SECRET],
            ["b", "2024-03-02 07:00:00", "fine"],
        ]


def test_another_key_is_told_in_a_sentence(story: dict[str, Said]):
    for command, told in (("key", "is not the one with which answers in raw.survey_diary are encrypted"),
                          ("key --new", "NEURO_SURVEY_KEY holds the key; unset it first"),
                          ("reveal diary remark", "does not open with the key of NEURO_SURVEY_KEY")):  # fmt: skip
        said = story[f"wrong {command}"]
        assert (said.code, said.out) == (2, "")
        assert told in said.err
        assert len(said.err.splitlines()) == 1
        bad = story[f"bad {command}"]
        assert (bad.code, bad.out) == (2, "")
        assert "NEURO_SURVEY_KEY: Value error, expected base64 of 64 bytes" in bad.err
        assert "secret" not in bad.err


def test_a_lost_key_is_not_replaced_by_one_that_opens_nothing(story: dict[str, Said], folder: Path):
    assert story["lost"].code == 2
    assert "the lake has encrypted answers, and their key is not here" in story["lost"].err
    assert story["rotate"].code == 0
    assert "1 files were read again; next: `neuro run`" in story["rotate"].out
    assert "2 answers are not shown, as their files were read again since" in story["reveal_old"].err
    assert query(HomeResource.of(settings_of(folder / "study")).job().lake,
                 "SELECT count(*), count(DISTINCT text) FROM staging.survey_response WHERE text LIKE 'enc1:%'"
                 ) == [(5, 5)]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("dairy", "remark"), "there is no instrument 'dairy'; did you mean 'diary'?"),
        (("diary", "remarks"), "there is no item 'remarks'; did you mean 'remark'?"),
        (("diary", "calm"), "'calm' has no `sensitive: encrypt` in the codebook"),
    ],
)
def test_what_is_not_there_is_a_mistake_of_the_call(story: dict[str, Said], arguments: tuple[str, ...], told: str):
    said = neuro("survey", "reveal", *arguments)
    assert said.code == 2
    assert told in " ".join(said.err.replace("│", " ").split())


@pytest.mark.verify
def test_a_backup_has_no_key_and_says_so(story: dict[str, Said], folder: Path):
    said = neuro("backup", "kept")
    assert said.code == 0
    assert "study/keys is not in this backup: keep the keys of encrypted answers and of tokens elsewhere" in said.err
    assert not [*(folder / "kept").rglob("*.key")]
    assert (folder / "kept" / "manifest.json").exists()


def test_nothing_in_clear_is_left_behind(story: dict[str, Said], folder: Path):
    study = folder / "study"
    left = [p for p in study.rglob("*") if p.is_file() and study / "archive" not in p.parents]
    assert len(left) > 10
    assert [p for p in left if b"Quagmire" in p.read_bytes()] == []
    for name, said in story.items():
        if not name.startswith("reveal"):
            assert "Quagmire" not in said.out + said.err, name
