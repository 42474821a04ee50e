"""What somebody reads who made a mistake in a source's YAML: file, line, field, what is wrong, what to do."""

from pathlib import Path

import pytest

from neuro_assets.sources.load import SourceError, load_sources, read_source
from neuro_assets_tests.sources.mistakes import (
    BROKEN,
    BUILT_IN,
    GOOD,
    MISSING,
    NAMES,
    PATTERNS,
    PERIODS,
    RECOGNISED_BY,
    TIMES,
    VALUES,
)

TOLD_ONCE = [*NAMES, *VALUES, *MISSING, *TIMES, *PERIODS, *RECOGNISED_BY]


def told(folder: Path, content: str | bytes) -> list[str]:
    """The lines of the answer to a spec, beside the built-in one, without the file's folder."""
    path = folder / "acme.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SourceError) as caught:
        load_sources([BUILT_IN, folder])
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def changed(*changes: tuple[str, str]) -> str:
    """The good spec with each text replaced once."""
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def test_the_spec_that_the_mistakes_are_made_in_is_good(tmp_path: Path):
    (tmp_path / "acme.yaml").write_text(GOOD, encoding="utf-8")
    assert [k.raw_table.qualified for k in load_sources([tmp_path]).kinds] == ["raw.acme_minute_steps"]


@pytest.mark.parametrize(("old", "new", "answer"), [*TOLD_ONCE, *PATTERNS])
def test_a_mistake_is_answered_with_line_field_and_remedy(tmp_path: Path, old: str, new: str, answer: str):
    assert f"acme.yaml line {answer}" in told(tmp_path, changed((old, new)))


@pytest.mark.parametrize(("old", "new", "answer"), TOLD_ONCE)
def test_one_mistake_is_told_once(tmp_path: Path, old: str, new: str, answer: str):
    assert told(tmp_path, changed((old, new))) == [f"acme.yaml line {answer}"]


def test_an_id_without_quotes_is_a_number(tmp_path: Path):
    """Leading zeros would be lost: 001 would be the person 1."""
    text = changed(("example: 'U001'", "example: 001"), ("'U\\d{3}'", "'\\d{3}'"))
    assert told(tmp_path, text) == [
        "acme.yaml line 7, identity.example: 001 without quotes is read as the number 1, and a text is expected; put it"
        " in quotes: example: '001'"
    ]


def test_all_mistakes_of_a_file_are_told_at_once_by_line(tmp_path: Path):
    """Also what stands below a misspelt name, and what does not fit the stream that was meant."""
    text = changed(
        ("    period_s: 60\n", ""),
        ("    columns:", "    colums:"),
        ("type: text", "type: txt"),
        ("steps: {value: step_count}", "stepz: {value: step_cout}"),
        ("version: 1", "version: one"),
    )
    assert [m.partition(":")[0] for m in told(tmp_path, text)] == [
        "acme.yaml line 2, version",
        "acme.yaml line 10, files.minute_steps.period_s",
        "acme.yaml line 13, files.minute_steps.colums",
        "acme.yaml line 15, files.minute_steps.columns.Note.type",
        "acme.yaml line 17, files.minute_steps.streams.stepz",
        "acme.yaml line 17, files.minute_steps.streams.steps.value",
    ]


def test_the_mistakes_of_all_files_are_told_at_once(tmp_path: Path):
    (tmp_path / "other.yaml").write_text(changed(("name: acme", "name: Other")), encoding="utf-8")
    assert [m.partition(":")[0] for m in told(tmp_path, changed(("version: 1", "version: one")))] == [
        "acme.yaml line 2, version",
        "other.yaml line 1, name",
    ]


@pytest.mark.parametrize(("old", "new", "answer"), BROKEN)
def test_broken_yaml_is_answered_with_line_field_and_remedy(tmp_path: Path, old: str, new: str, answer: str):
    assert told(tmp_path, changed((old, new))) == [f"acme.yaml line {answer}"]


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (
            b"",
            " line 1: the file is empty; write a spec (docs/sources.md has one to copy), or have one drafted:"
            " `neuro source new FILE`",
        ),
        (
            b"- name: acme\n",
            " line 1: the file is a list (its lines begin with a dash), and fields are expected; begin with"
            " `name: acme`, without dash or blanks before it",
        ),
        (b"name: acme\ntitle: caf\xe9\n", " line 2: byte 21 is not UTF-8; save the file as UTF-8"),
    ],
)
def test_a_file_that_is_no_spec_at_all_is_answered(tmp_path: Path, content: bytes, answer: str):
    assert told(tmp_path, content) == [f"acme.yaml{answer}"]


def test_a_period_may_be_told_by_a_column_of_whole_numbers(tmp_path: Path):
    """Without `period_s`, and under the lake's name of the column."""
    column = ("type: text}\n", "type: text}\n      Seconds: {name: seconds, type: integer}\n")
    (tmp_path / "acme.yaml").write_text(changed(("period_s: 60", "period: seconds"), column), encoding="utf-8")
    (kind,) = load_sources([tmp_path]).kinds
    assert (kind.spec.period, kind.spec.period_s) == ("seconds", None)
    assert told(tmp_path, changed(("period_s: 60", "period: Seconds"), column)) == [
        "acme.yaml line 13, files.minute_steps.period: 'period' is 'Seconds', which is no column of whole numbers of"
        " this kind; declare it under columns, with `type: integer`, in seconds"
    ]


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake(tmp_path: Path):
    path = tmp_path / "acme.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert read_source(path).name == "acme"


def test_a_spec_saved_by_notepad_with_txt_behind_is_not_passed_over(tmp_path: Path):
    (tmp_path / "acme.yaml.txt").write_text(GOOD, encoding="utf-8")
    with pytest.raises(SourceError, match=r"acme\.yaml\.txt: the name ends in \.txt and is not read; rename it to"):
        load_sources([tmp_path])


def test_a_spec_named_yml_is_read_and_a_hidden_file_is_not(tmp_path: Path):
    (tmp_path / "acme.yml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "._acme.yaml").write_bytes(b"\x00\x05\x16\x07")
    assert [s.name for s in load_sources([tmp_path]).specs] == ["acme"]


SECOND = """  second:
    name_hint: {hint}
    time: {{column: at, kind: datetime}}
    period_s: {period}
    columns:
      Note: {{name: note, type: text}}
      Steps: {{name: step_count, type: integer}}
    streams:
      steps: {{value: step_count}}
"""


def test_kinds_that_nothing_tells_apart_are_refused(tmp_path: Path):
    assert told(tmp_path, GOOD + SECOND.format(hint="Minutes", period=60)) == [
        "acme.yaml line 19, files.second: acme.second and acme.minute_steps have the same columns: a file could be"
        " either; give them a `name_hint` each that only their own files' names have"
    ]


@pytest.mark.parametrize(("hint", "period"), [("hours", 60), ("minutes", 3600)])
def test_kinds_of_the_same_columns_may_differ_in_the_files_name_or_in_their_clocks(
    tmp_path: Path, hint: str, period: int
):
    (tmp_path / "acme.yaml").write_text(GOOD + SECOND.format(hint=hint, period=period), encoding="utf-8")
    assert [k.kind for k in load_sources([tmp_path]).kinds] == ["minute_steps", "second"]


def test_codes_keep_their_keys_as_written(tmp_path: Path):
    """Unquoted 1 and true would be one key to YAML; 01 and yes would be others than the file has."""
    stage = "sleep_stage: {stage: {column: note, codes: {1: asleep, true: awake, 2: restless}}}"
    (tmp_path / "acme.yaml").write_text(changed(("steps: {value: step_count}", stage)), encoding="utf-8")
    mapped = load_sources([tmp_path]).kinds[0].spec.streams["sleep_stage"]["stage"]
    assert mapped.codes == {"1": "asleep", "true": "awake", "2": "restless"}
    answers = told(tmp_path, changed(("steps: {value: step_count}", stage.replace("1:", "01:").replace("true", "yes"))))
    assert [a.partition(": ")[2] for a in answers] == [
        "01 without quotes is read as the number 1, and a text is expected; put it in quotes: '01': ...",
        "yes without quotes is read as true, and a text is expected; put it in quotes: 'yes': ...",
    ]
