"""What somebody reads who made a mistake in a codebook: file, line, field, what is wrong, what to do."""

import re
from pathlib import Path

import pytest

from neuro_assets.settings import REPOSITORY
from neuro_assets.sources.load import SourceError, spec_files
from neuro_assets.surveys.load import BUILT_IN, CodebookError, read_codebook, read_codebooks
from neuro_assets.surveys.model import Codebook
from neuro_assets.surveys.parts import Item, LongForm, Outcome, Repeat, Rule, Schedule, Score
from neuro_assets.surveys.source import source_of

DOC = (REPOSITORY / "docs" / "surveys.md").read_text(encoding="utf-8")
GOOD = """\
name: night
version: 1
title: Night
choices:
  degree: {0: not at all, 1: a little, 2: very}
missing: {9: refused}
items:
  trouble: {text: trouble, choices: degree}
  rested: {text: rested, choices: degree, also: [fresh]}
  asleep_h: {text: asleep, type: number, min: 0, max: 24}
  nap: {text: napped, choices: {0: 'no', 1: 'yes'}, asked_if: rested < 2}
  note: {text: note, type: text, optional: true}
  phone: {text: phone, type: number, sensitive: drop}
rules:
  - {name: slept, holds: asleep_h > 0, text: no sleep}
scores:
  total: {items: [trouble..rested], reverse: [rested], bands: {0: low, 3: high}}
  share: {method: formula, formula: total / asleep_h}
outcomes:
  bad: {score: total, at_least: 3, leaks: [asleep_h]}
schedule: {every_days: 1}
repeat: {within: day, keep: last}
"""
NUMBER = "stands where a whole number is expected; write a whole number in its place"
# (what is written, what instead, the answer from its line on): the fields.
FIELDS = [
    (
        "name: night",
        "name: Night Log",
        "1, name: 'Night Log' is not allowed as a name: lower-case letters, digits and _"
        " are, a letter first; write for example night_log",
    ),
    ("version: 1\n", "", "1, version: 'version' is missing; write for example `version: 1`"),
    (
        "version: 1",
        "version: one",
        "2, version: 'one' stands where a whole number is expected; write for example `version: 1`",
    ),
    ("title:", "titel:", "3, titel: unknown field 'titel'; did you mean 'title'?"),
    (
        "title: Night",
        "title:",
        "3, title: the value is missing; write for example `title: Sleep diary`, or delete the line",
    ),
    (
        "title: Night",
        "title: Night\nwhatever: 1",
        "4, whatever: unknown field 'whatever'; delete it, or write one of:"
        " name, version, title, reference, recall_days, identity, time, date_order, decimal, response, duration,"
        " long, fastest_s,"
        " choices, missing, items, rules, scores, outcomes, schedule, repeat, clusters",
    ),
    (
        "{9: refused}",
        "{9: unknown}",
        "6, missing.9: 'unknown' is none of 'refused', 'do_not_know', 'not_applicable',"
        " 'not_answered' or 'not_asked'; did you mean 'do_not_know'?",
    ),
    (
        "1: a little,",
        "1: a little, 1.0: some,",
        "5, choices.degree: the codes '1' and '1.0' are one and the same; leave one of them out",
    ),
    (
        "trouble: {text: trouble, choices: degree}",
        "trouble: a text",
        "8, items.trouble: 'a text' stands where a block of"
        " fields is expected; write for example `q1: {text: slept well, choices: {0: no, 1: yes}}`",
    ),
    (
        "text: trouble, choices: degree",
        "text: trouble",
        "8, items.trouble: an item needs 'choices', or 'type: number' or"
        " 'type: text'; write for example `choices: {0: no, 1: yes}`",
    ),
    (
        "text: trouble, choices: degree",
        "choices: degree",
        "8, items.trouble.text: 'text' is missing; write for example `text: slept well`",
    ),
    (
        "trouble, choices: degree",
        "trouble, choices: [no, yes]",
        "8, items.trouble.choices: a list stands where a block of"
        " fields is expected; write for example `choices: {0: no, 1: yes}`",
    ),
    (
        "trouble, choices: degree",
        "trouble, choices: {}",
        "8, items.trouble: 'choices' are empty; write for example `choices: {0: no, 1: yes}`",
    ),
    (
        "trouble, choices: degree",
        "trouble, type: text, choices: degree",
        "8, items.trouble: 'choices' and 'type: text' do not go together; delete one of them",
    ),
    (
        "type: number, min: 0, max: 24",
        "type: int",
        "10, items.asleep_h.type: 'int' is none of 'choice', 'number' or 'text'; did you mean 'number'?",
    ),
    (
        "min: 0, max: 24",
        "min: none, max: 24",
        "10, items.asleep_h.min: 'none' stands where a number is expected; write a number in its place",
    ),
    ("min: 0, max: 24", "min: 24, max: 0", "10, items.asleep_h: 'min' 24 is above 'max' 0; change the two"),
    (
        "type: text, optional",
        "type: text, min: 0, optional",
        "12, items.note: 'min' and 'max' belong to an item of 'type: number'; delete them, or say the type",
    ),
    (
        "optional: true",
        "optional: maybe",
        "12, items.note.optional: 'maybe' stands where true or false is expected; write true or false in its place",
    ),
    (
        "  nap: ",
        "  Nap: ",
        "11, items.Nap: 'Nap' is not allowed as a name: lower-case letters, digits and _ are, a letter"
        " first; write for example nap",
    ),
    (
        "{0: 'no', 1: 'yes'}",
        "{no: n, 1: y}",
        "11, items.nap.choices.no: no without quotes is read as false, and a text is"
        " expected; put it in quotes: 'no': ...",
    ),
    ("  - {name: slept,", "  - {nme: slept,", "15, rules.0.nme: unknown field 'nme'; did you mean 'name'?"),
    (
        "rules:\n  - {name: slept, ",
        "rules:\n  slept: {",
        "14, rules: a block of fields stands where a list is expected;"
        " write for example"
        " `rules: [{name: slept_in_bed, holds: asleep_h <= in_bed_h, text: slept longer than in bed}]`",
    ),
    (
        "[trouble..rested]",
        "trouble",
        "17, scores.total.items: 'trouble' stands where a list is expected; write for example `items: [q1..q9]`",
    ),
    (
        "{0: low, 3: high}",
        "[low, high]",
        "17, scores.total.bands: a list stands where a block of fields is expected;"
        " write for example `bands: {0: low, 10: high}`",
    ),
    (
        "reverse: [rested],",
        "max_missing: -1,",
        "17, scores.total.max_missing: '-1' is out of range; write a number of at least 0",
    ),
    (
        "formula: total / asleep_h",
        "text: share",
        "18, scores.share: 'method: formula' needs a 'formula'; write for example `formula: a / b`",
    ),
    (
        "method: formula, ",
        "",
        "18, scores.share: 'method: sum' needs 'items', and no 'formula'; write `items: [q1..q9]`,"
        " or `method: formula` beside the formula",
    ),
    (
        "method: formula, formula: total / asleep_h",
        "method: mean, items: [trouble], prorate: true",
        "18, scores.share: 'prorate' belongs to 'method: sum': a mean needs none; delete it",
    ),
    (
        "at_least: 3, ",
        "",
        "20, outcomes.bad: an outcome has one of 'at_least', 'at_most', 'above' and 'below'; write one of them",
    ),
    ("every_days: 1", "every_days: daily", f"21, schedule.every_days: 'daily' {NUMBER}"),
    (
        "within: day",
        "within: week",
        "22, repeat.within: 'week' is none of 'moment', 'day' or 'study'; write one of them",
    ),
    ("within: day", "withn: day", "22, repeat.withn: unknown field 'withn'; did you mean 'within'?"),
]
# What does not fit together.
TOGETHER = [
    ("  nap: ", "  in: ", "11, items.in: 'in' is a word of expressions; choose another name"),
    (
        "  nap: ",
        "  version: ",
        "11, items.version: the lake has a 'version' of its own for every answer; choose another"
        " name, and list the file's under `also`",
    ),
    (
        "[fresh]",
        "[Trouble]",
        "9, items.rested: 'rested' and items.trouble have a column's name in common; give it to one of them",
    ),
    (
        "[fresh]",
        "[answered_at]",
        "9, items.rested: 'rested' and time have a column's name in common; give it to one of them",
    ),
    (
        "trouble, choices: degree",
        "trouble, choices: degrees",
        "8, items.trouble.choices: there are no choices named 'degrees'; there are: degree",
    ),
    (
        "rested, choices: degree",
        "rested, choices: degree, missing: {2: refused}",
        "9, items.rested: the code 2 is a choice and stands for a missing answer; delete it in one of the two",
    ),
    ("1: 'yes'", "1: 'No'", "11, items.nap: two choices have the label 'no'; give each a label of its own"),
    (
        "{0: 'no', 1: 'yes'}",
        "{1: 2, 2: 3}",
        "11, items.nap: the label of code 1 is the code of another choice; choose another label",
    ),
    ("rested < 2", "rested = 2", "11, items.nap.asked_if: = is not part of the language; write =="),
    (
        "rested < 2",
        "restd < 2",
        "11, items.nap.asked_if: restd is no item of the codebook; write rested; or 'restd', if a text is meant",
    ),
    ("rested < 2", "rested", "11, items.nap.asked_if: 'rested' does not give true or false; compare it, as in a > 0"),
    (
        "asleep_h > 0",
        "phone > 0",
        "15, rules.0.holds: phone is no item of the codebook; write 'phone', if a text is"
        " meant; or declare it in the codebook",
    ),
    (
        "rules:\n",
        "rules:\n  - {name: slept, holds: asleep_h > 1, text: x}\n",
        "15, rules.0: two rules have the name 'slept'; choose another name for one of them",
    ),
    (
        "[trouble..rested]",
        "[trouble..restd, rested]",
        "17, scores.total: there is no item 'restd'; did you mean 'rested'?",
    ),
    ("[trouble..rested]", "[rested..trouble]", "17, scores.total: trouble stands before rested; write trouble..rested"),
    (
        "[trouble..rested]",
        "[rested, note]",
        "17, scores.total: 'note' is no number and no choice of numbers; take it out,"
        " or give its choices numbers as codes",
    ),
    (
        "[trouble..rested]",
        "[rested, phone]",
        "17, scores.total: the answers of 'phone' never enter the lake (sensitive: drop); take it out",
    ),
    (
        "reverse: [rested]",
        "reverse: [asleep_h]",
        "17, scores.total: 'asleep_h' is turned round but is none of its items; there are: trouble, rested",
    ),
    (
        "  share: {method: formula, formula: total / asleep_h}",
        "  nap: {items: [nap]}",
        "18, scores.nap: there is an item of that name; choose another name, such as nap_score",
    ),
    (
        "total / asleep_h",
        "total > asleep_h",
        "18, scores.share.formula: 'total > asleep_h' does not give a number; write if(a > 0, 1, 0)",
    ),
    ("score: total", "score: totl", "20, outcomes.bad: there is no score 'totl'; did you mean 'total'?"),
    (
        "leaks: [asleep_h]",
        "leaks: [sleep]",
        "20, outcomes.bad.leaks: there is no item and no score 'sleep'; did you mean 'asleep_h'?",
    ),
    (
        "schedule:",
        "clusters: village\nschedule:",
        "21, clusters: there is no item 'village'; there are: trouble, rested, asleep_h, nap, note, phone",
    ),
]


def told(path: Path, content: str | bytes) -> list[str]:
    """The lines of the answer to a codebook, without its folder."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(CodebookError) as caught:
        read_codebook(path)
    return str(caught.value).replace(f"{path.parent}/", "").splitlines()


def blocks(heading: str, language: str) -> list[str]:
    """Fenced blocks of a language below a heading of the document."""
    part = DOC.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", part, re.DOTALL)


def test_the_codebook_that_the_mistakes_are_made_in_is_good(tmp_path: Path):
    (tmp_path / "night.yaml").write_text(GOOD, encoding="utf-8")
    codebook = read_codebook(tmp_path / "night.yaml")
    assert codebook.items_of("total") == ("trouble", "rested")
    assert set(source_of(codebook).files["responses"].required) == {"trouble", "rested", "asleep_h", "nap"}


@pytest.mark.parametrize(("old", "new", "answer"), [*FIELDS, *TOGETHER])
def test_a_mistake_is_answered_once_with_line_field_and_remedy(tmp_path: Path, old: str, new: str, answer: str):
    assert old in GOOD
    assert told(tmp_path / "night.yaml", GOOD.replace(old, new, 1)) == [f"night.yaml line {answer}"]


def test_all_that_does_not_fit_together_is_told_at_once(tmp_path: Path):
    text = GOOD.replace("rested < 2", "rested = 2").replace("asleep_h > 0", "asleep")
    text = text.replace("score: total", "score: t")
    assert [m.partition(":")[0] for m in told(tmp_path / "night.yaml", text)] == [
        "night.yaml line 11, items.nap.asked_if",
        "night.yaml line 15, rules.0.holds",
        "night.yaml line 20, outcomes.bad",
    ]


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (b"", "line 1: the file is empty; begin with `name:`; `neuro survey new FILE` drafts a codebook"),
        (b"- a\n", "line 1: the file has no fields; begin with `name:`; `neuro survey new FILE` drafts a codebook"),
        (b"name: caf\xe9\n", "line 1: byte 9 is not UTF-8; save the file as UTF-8"),
        (
            b"name: night\n\ttitle: x\n",
            "line 2, name.title: not valid YAML: the line begins with a tab; YAML takes blanks only:"
            " replace each tab by blanks",
        ),
    ],
)
def test_a_file_that_is_no_codebook_at_all_is_answered(tmp_path: Path, content: bytes, answer: str):
    assert told(tmp_path / "night.yaml", content) == [f"night.yaml {answer}"]


def test_the_mistakes_of_all_codebooks_are_told_and_two_of_one_name(tmp_path: Path):
    for name, text in (("a", GOOD.replace("version: 1", "version: one")), ("b", GOOD), ("c", GOOD)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        read_codebooks([tmp_path])
    assert str(caught.value).replace(f"{tmp_path}/", "").splitlines() == [
        "a.yaml line 2, version: 'one' stands where a whole number is expected; write for example `version: 1`",
        "c.yaml line 1, name: a codebook named 'night' is already there; choose another name",
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_the_mistakes_in_the_text_are_answered_as_it_says(tmp_path: Path, number: int):
    spec = blocks("Mistakes and their answers", "yaml")[number]
    answer = blocks("Mistakes and their answers", "text")[number].splitlines()
    assert told(tmp_path / "night_log.yaml", spec) == answer
    assert len(answer) >= (10, 8)[number]


def test_every_field_is_in_the_text():
    """A field that is added to the schema is added to the table, or this fails."""
    fields = DOC.partition("\n## The fields\n")[2].partition("\n## ")[0]
    for model in (Codebook, Item, LongForm, Rule, Score, Outcome, Schedule, Repeat):
        missing = [n for n in model.model_fields if not re.search(rf"[`.]{n}`", fields)]
        assert missing == [], model.__name__


@pytest.mark.parametrize("path", spec_files(BUILT_IN), ids=lambda p: p.stem)
def test_every_built_in_codebook_makes_a_source(path: Path):
    assert source_of(read_codebook(path)).name == f"survey_{path.stem}"
