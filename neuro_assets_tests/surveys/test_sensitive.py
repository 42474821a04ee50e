"""Answers that enter the lake encrypted: nowhere in clear, the same token whenever they come, readable with the key."""

import io
import logging
import stat
import zipfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from neuro_assets.backup.contents import other_files
from neuro_assets.ingest.load import Ingest, ingest_paths
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.ingest.replay import encrypt_again, reconcile_study
from neuro_assets.lake.lake import Lake
from neuro_assets.settings import SettingsError, load_settings
from neuro_assets.sources.load import Sources
from neuro_assets.staging.reveal import reveal_answers
from neuro_assets.surveys.answer_key import (
    PREFIX,
    AnswerKey,
    AnswerKeyError,
    find_key,
    key_file,
    make_key,
    put_aside,
    unfinished_change,
)
from neuro_assets.surveys.load import CodebookError, home_sources, read_codebook, with_instruments
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.surveys.conftest import FIRST, LAST, Surveyed
from neuro_assets_tests.surveys.test_long import long, melted
from neuro_assets_tests.tables import stage

DIARY = """
name: diary
version: 1
title: Diary
items:
  calm: {text: calm, type: number}
  remark: {text: remark, type: text, optional: true, sensitive: encrypt, also: [comment], missing: {99: refused}}
  worry: {text: worry, type: text, optional: true, sensitive: encrypt}
  phone: {text: phone, type: text, optional: true, sensitive: drop}
"""
HEADER = "participant_id,answered_at,calm,remark,worry"
TOKENS = "SELECT participant_id, item, text FROM staging.survey_response WHERE item <> 'calm' ORDER BY ALL"


def table(*lines: str) -> str:
    """A file of diaries."""
    return "".join(f"{line}\n" for line in (HEADER, *lines))


def is_token(text: str | None) -> bool:
    return text is not None and text.startswith(PREFIX)


@pytest.fixture
def sealed(surveyed: Callable[..., Surveyed]) -> Callable[..., Surveyed]:
    """`sealed(codebook)`: a study with that codebook, and with a key."""

    def make(codebook: str = DIARY) -> Surveyed:
        study = surveyed(codebook)
        make_key(study.job.settings)
        return study

    return make


def staged(study: Surveyed) -> Surveyed:
    """The study with its answers staged."""
    stage(study.job, "survey_response", FIRST, LAST)
    return study


def revealed(study: Surveyed, item: str = "remark", instrument: str = "diary", who: str | None = None) -> list[tuple]:
    key = find_key(study.job.settings)
    assert key
    return reveal_answers(study.job, key, instrument, item, who).answers


def give(study: Surveyed, *paths: Path) -> tuple[list[FileOutcome], str]:
    """What became of files, and what was said at the end."""
    outcomes: list[FileOutcome] = []
    try:
        outcomes.extend(ingest_paths(study.job, paths))
    except AnswerKeyError as error:
        return outcomes, str(error)
    return outcomes, ""


# -- one study ---------------------------------------------------------------------------------------------------------

SECRETS = ("Quagmire", "Wobbegong", "Zugzwang", "Borborygm", "Nincompoop", "Skedaddle", "Flibberti", "Gobbledyg")
TEXTS = ("plain", "Ærø, 東京, 🙂", "of\ntwo lines", "enc1:looks like one", "x" * 31, "x" * 32, "y" * 40_000, "a\u0080")
OWN = DIARY.replace("name: diary", "name: own\nlong: {item: {column: frage}, answer: {column: antwort}}")


@dataclass(frozen=True)
class Story:
    """A study whose data files are not encrypted themselves, and all that was said while files were loaded."""

    study: Surveyed
    outcomes: list[FileOutcome]
    said: str


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Answers of any kind, in both forms, among them lines that are broken, and files that are refused."""
    folder = tmp_path_factory.mktemp("sealed")
    settings = load_settings({"NEURO_HOME": str(folder / "home"), "NEURO_THREADS": "2", "NEURO_ENCRYPT": "no"})
    for name, text in (("diary", DIARY), ("own", OWN)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    sources = with_instruments(Sources(()), [read_codebook(folder / f"{n}.yaml") for n in ("diary", "own")])
    job = Ingest(settings, Lake.from_settings(settings), study_of(window={"start": FIRST, "end": LAST}), sources)
    study, said, log = Surveyed(job), io.StringIO(), logging.StreamHandler(io.StringIO())
    make_key(settings)
    logging.getLogger().addHandler(log)
    with redirect_stdout(said), redirect_stderr(said):
        texts = pl.DataFrame({"participant_id": [f"t{n}" for n in range(len(TEXTS))], "remark": TEXTS}).with_columns(
            answered_at=pl.lit("2024-03-02 07:00:00"), calm=1, worry=pl.lit("none")
        )
        header = "participant_id,answered_at,frage,antwort,x"
        outcomes = [
            study.give("diary.csv", table(*WIDE, *(f"p{n},2024-03-05 07:00:00,1,well,x" for n in range(40)))),
            study.give("answers.csv", long(*LONG)),
            study.give("refused.csv", table("Gobbledyg,Gobbledyg,1,x,x")),
            study.give("texts.csv", texts.write_csv()),
            study.give("own_march.csv", long("a,2024-03-02 07:00:00,COMMENT,well,", header=header)),
        ]
        study.compute()
    logging.getLogger().removeHandler(log)
    return Story(study, outcomes, said.getvalue() + log.stream.getvalue())


WIDE = (
    "a,2024-03-02 07:00:00,41871,Quagmire in the street,Wobbegong",
    "b,not a time Zugzwang,1,Borborygm,x",
    "c,2024-05-02 07:00:00,1,out of the window: Borborygm,x",
    'd,2024-03-04 07:00:00,1,"of two lines, Quagmire\nsecond one: Zugzwang",x',
    "e,2024-03-04 07:00:00,1,x,the rest is on the next line",
    "Nincompoop it was",
    "m1,2024-03-06 07:00:00,1,99,99",
    "m2,2024-03-06 07:00:00,1,,NA",
    "m3,2024-03-06 07:00:00,1, 99.0 ,n/a",
    "s1,2024-03-07 07:00:00,1,same,same",
    "s2,2024-03-07 07:00:00,1,same,",
    "s1,2024-03-08 07:00:00,1,same,not the same",
)
LONG = (
    "a,2024-03-02 07:00:00,diary,Comment,Quagmire in the street",
    "a,2024-03-03 07:00:00,Diary,remark,Skedaddle",
    "a,2024-03-03 07:00:00,diary,REMARK,Skedaddle again",
    "a,2024-03-03 07:00:00,diary,unheard,Flibberti",
    "a,2024-03-03 07:00:00,diary,phone,Flibberti",
)


def everything_in(lake: Lake) -> str:
    """All that any table has which answers may come into; every other is among the data files."""
    with lake.connect(read_only=True) as connection:
        names = connection.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables"
            " WHERE table_schema = 'ops' OR table_schema <> 'main' AND table_name LIKE 'survey%'"
        ).fetchall()
        assert len(names) > 15
        return "\n".join(str(connection.execute(f"FROM {name}").fetchall()) for (name,) in names)


def test_what_is_encrypted_is_in_no_table_file_catalog_log_or_message(story: Story):
    """Every data file is opened, those of older versions among them."""
    study, home = story.study, story.study.job.settings.home
    assert [o.outcome for o in story.outcomes] == ["loaded", "loaded", "rejected", "loaded", "loaded"]
    rules = sorted(row[1] for row in study.quarantined())
    assert rules == ["conflicting_duplicate"] * 2 + ["known_item", "not_a_record", "outside_window", "unreadable_time"]
    files = [p for p in home.rglob("*") if p.is_file() and not {"archive", "rejected"} & {*p.parts}]
    parquet = [p for p in files if p.suffix == ".parquet"]
    assert len(parquet) > 5
    shown = [everything_in(study.job.lake), story.said, str(story.outcomes)]
    shown += [str(duckdb.read_parquet(str(p)).fetchall()) for p in parquet]
    shown += [p.read_bytes().decode("latin-1") for p in files]
    shown += [p.read_text() for p in home.rglob("*.reason.json")]
    for secret in SECRETS:
        assert not [place[:200] for place in shown if secret in place], secret
    # The search finds what is there.
    assert sum("41871" in place for place in shown) > 2
    assert sum(PREFIX in place for place in shown) > 3


def test_equal_answers_are_equal_only_within_a_person_and_an_item(story: Story):
    tokens = [row[2] for row in story.study.rows(TOKENS) if row[0] in {"s1", "s2"} and row[2]]
    assert [is_token(t) for t in tokens] == [True] * 5
    assert len(set(tokens)) == 4  # s1's two remarks are one
    assert len({len(t) for t in tokens}) == 1


def test_missing_answers_stay_what_they_are(story: Story):
    sql = (
        "SELECT participant_id, item, missing_reason, text FROM staging.survey_response WHERE participant_id LIKE 'm%'"
    )
    *others, worry = sorted(story.study.rows(f"{sql} AND item <> 'calm'"), key=lambda row: is_token(row[3]))
    assert sorted(others) == [
        ("m1", "remark", "refused", None),
        ("m2", "remark", "blank", None),
        ("m2", "worry", "blank", None),
        ("m3", "remark", "refused", None),
        ("m3", "worry", "blank", None),
    ]
    assert worry[:3] == ("m1", "worry", None)  # 99 means something for the other item only
    raw = "SELECT DISTINCT answer FROM raw.survey_diary WHERE source_participant_id LIKE 'm%' AND item = 'remark'"
    assert story.study.rows(f"{raw} ORDER BY 1") == [("99",), ("99.0",), (None,)]


def test_files_of_one_instrument_with_one_row_an_answer(story: Story):
    assert story.study.rows("SELECT remark LIKE 'enc1:%' FROM staging.survey_wide_own") == [(True,)]
    assert [row[2] for row in revealed(story.study, instrument="own")] == ["well"]


def test_who_has_the_key_reads_what_was_written(story: Story):
    study = story.study
    assert [text for who, _, text in revealed(study) if who[0] == "t"] == list(TEXTS)
    assert [text for who, _, text in revealed(study, "worry") if who[0] == "t"] == []
    (one,) = revealed(study, who="t1")
    assert (one[0], str(one[1]), one[2]) == ("t1", "2024-03-02 07:00:00", TEXTS[1])
    with pytest.raises(AnswerKeyError, match="does not open with the key of NEURO_SURVEY_KEY"):
        reveal_answers(study.job, AnswerKey(b"x" * 64, "NEURO_SURVEY_KEY"), "diary", "remark")


# -- files and keys ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "is_turned", [pytest.param(False, marks=pytest.mark.verify), True], ids=["wide_first", "wide_last"]
)
@pytest.mark.verify
def test_the_same_answers_in_any_form_and_order_are_the_same_rows(sealed, is_turned: bool):
    """An answer of several lines, read from CSV of either line end, from JSON, and one row an answer."""
    wide = table("a,2024-03-02 07:00:00,1,ok,noise", 'b,2024-03-02 07:00:00,2,"so\nso",99')
    forms = {
        "diary.csv": wide,
        "answers.csv": melted(wide, "Diary"),
        "diary.json": pl.read_csv(wide.encode(), infer_schema=False).write_json().replace("ok", " ok "),
        "windows.json": pl.read_csv(wide.encode(), infer_schema=False).write_json().replace("\\n", "\\r\\n"),
        "windows.csv": wide.replace("\n", "\r\n"),
    }
    study = sealed()
    key_file(study.job.settings).write_text(AnswerKey(bytes(range(64))).text)
    names = [*forms][::-1] if is_turned else [*forms]
    given = [study.give(name, forms[name]).outcome for name in (*names, names[0])]
    assert given == ["loaded"] * 5 + ["duplicate"]
    every = "SELECT source_participant_id, item, answer FROM raw.survey_{} WHERE item <> 'calm'"
    raw = study.rows(f"{every.format('diary')} UNION {every.format('answers')}")
    assert len(raw) == 4  # one of each, whatever file it is from
    assert staged(study).quarantined() == []
    key = AnswerKey(bytes(range(64)))
    seal = lambda who, item, text: (who, item, key.seal(text, "diary", item, who))  # noqa: E731
    assert study.rows(TOKENS) == [
        seal("a", "remark", "ok"),
        seal("a", "worry", "noise"),
        seal("b", "remark", "so\nso"),
        seal("b", "worry", "99"),
    ]


def test_without_a_key_only_the_files_that_need_it_wait(sealed):
    study = sealed()
    key = key_file(study.job.settings).read_bytes()
    key_file(study.job.settings).unlink()
    landing = study.job.settings.landing
    (landing / "clinic").mkdir(parents=True)
    landed = landing / "clinic" / "diary.csv"
    landed.write_text(table("a,2024-03-02 07:00:00,1,ok,x"))
    archive = landing / "many.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("diary_b.csv", table("b,2024-03-02 07:00:00,1,ok,x"))
    outside = study.file("diary_c.csv", table("c,2024-03-02 07:00:00,1,ok,x"))
    other = study.file("junk.csv", "a,b\n1,2\n")
    paths = [landed, archive, outside, other]
    before = [p.read_bytes() for p in paths]
    outcomes, said = give(study, *paths)
    assert [(o.name, o.outcome) for o in outcomes] == [("junk.csv", "rejected")]
    assert said == (
        "Diary: some answers are to be encrypted before they are loaded, and there is no key: set NEURO_SURVEY_KEY, or"
        f" put the study's key at {key_file(study.job.settings)}; `neuro survey key --new` makes one for a study that"
        " has none yet"
    )
    assert [p.read_bytes() for p in paths] == before
    assert not [p for p in study.job.settings.processing.rglob("*") if p.is_file()]
    assert study.rows("SELECT count(*) FROM ops.landing_files WHERE status = 'loaded'") == [(0,)]
    key_file(study.job.settings).write_bytes(key)
    outcomes, said = give(study, landed, archive, outside)
    assert (sorted(o.outcome for o in outcomes), said) == (["loaded"] * 3 + ["unpacked"], "")
    raw = study.rows("SELECT source_participant_id, answer FROM raw.survey_diary WHERE item = 'remark' ORDER BY 1")
    assert [(who, is_token(answer)) for who, answer in raw] == [("a", True), ("b", True), ("c", True)]
    assert not landed.exists()


@pytest.mark.verify
def test_an_item_becomes_sensitive_then_the_key_is_changed(sealed):
    """The files are read again; a second key is refused until everything is encrypted with it."""
    study = sealed(DIARY.replace(", sensitive: encrypt", ""))
    settings = study.job.settings
    study.give("diary.csv", table("a,2024-03-02 07:00:00,1,ok,x"))
    study.give("answers.csv", long("a,2024-03-03 07:00:00,diary,remark,fine"))
    reconcile_study(study.job)
    assert [row[2] for row in staged(study).rows(TOKENS)] == ["fine", "ok", "x"]

    (settings.home / "surveys" / "own0.yaml").write_text(DIARY, encoding="utf-8")
    study = Surveyed(replace(study.job, sources=home_sources(settings, study.job.study)))
    assert reconcile_study(study.job) == {"codebook:diary"}
    before = [row[2] for row in staged(study).rows(TOKENS)]
    assert [is_token(text) for text in before] == [True] * 3
    assert [row[2] for row in revealed(study)] == ["ok", "fine"]

    assert put_aside(settings)
    make_key(settings)
    late = study.file("late.csv", table("b,2024-03-02 07:00:00,1,ok,x"))
    later = study.file("later.csv", table("c,2024-03-02 07:00:00,1,99,x"))
    outcomes, said = give(study, late, later)
    assert (outcomes, "is not the one with which answers in raw.survey_diary are encrypted" in said) == ([], True)
    assert encrypt_again(study.job) == 2
    unfinished_change(settings).touch()
    assert give(study, late)[1].startswith("a change of the key was interrupted")
    assert encrypt_again(study.job) == 2
    key = find_key(settings)
    assert key
    assert reveal_answers(study.job, key, "diary", "remark").outdated == 2
    assert give(study, late)[1] == ""
    after = [row[2] for row in staged(study).rows(TOKENS)]
    assert [is_token(text) for text in after] == [True] * 5
    assert not {*before} & {*after}
    assert [row[2] for row in revealed(study)] == ["ok", "fine", "ok"]


def test_a_token_is_bound_to_person_instrument_and_item_and_is_not_changed_unnoticed():
    key = AnswerKey(bytes(range(64)))
    token = key.seal("well", "diary", "remark", "a")
    assert key.reveal(token, "diary", "remark", "a") == "well"
    changed = token[:20] + ("A" if token[20] != "A" else "B") + token[21:]
    for wrong in ((token, "diary", "remark", "b"), (token, "diary", "worry", "a"), (token, "diar", "yremark", "a"),
                  (changed, "diary", "remark", "a"), ("enc1:", "diary", "remark", "a"),
                  ("enc1:é", "diary", "remark", "a")):  # fmt: skip
        with pytest.raises(AnswerKeyError) as caught:
            key.reveal(*wrong)
        assert "well" not in str(caught.value)


def test_the_key_is_made_once_for_its_owner_alone_and_is_in_no_backup(sealed):
    settings = sealed().job.settings
    path = key_file(settings)
    assert [stat.S_IMODE(p.stat().st_mode) for p in (path.parent, path)] == [0o700, 0o600]
    assert path not in [*other_files(settings)]
    made = path.read_text()
    with pytest.raises(AnswerKeyError, match="is there already and was not changed"):
        make_key(settings)
    assert path.read_text() == made
    path.write_text("x" + made[2:])
    with pytest.raises(AnswerKeyError, match="holds no key, which is base64 of 64 bytes"):
        find_key(settings)


def test_the_key_of_the_environment_goes_first_and_is_never_shown(tmp_path: Path):
    text = AnswerKey(b"s" * 64).text
    settings = load_settings({"NEURO_HOME": str(tmp_path), "NEURO_SURVEY_KEY": text})
    key = find_key(settings)
    assert key
    assert (key.secret, key.place) == (b"s" * 64, "NEURO_SURVEY_KEY")
    shown = f"{settings!r} {settings} {key!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert text not in shown
    assert "ssss" not in shown
    with pytest.raises(SettingsError) as caught:
        load_settings({"NEURO_SURVEY_KEY": text[4:]})
    assert "NEURO_SURVEY_KEY: Value error, expected base64 of 64 bytes" in str(caught.value)
    assert text[4:] not in str(caught.value)
    assert find_key(load_settings({"NEURO_HOME": str(tmp_path), "NEURO_SURVEY_KEY": ""})) is None


# -- mistakes ----------------------------------------------------------------------------------------------------------

GOOD = """\
name: diary
version: 1
title: Diary
items:
  calm: {text: calm, type: number}
  remark: {text: remark, type: text, sensitive: encrypt}
  sad: {text: sad, type: number, min: 0, max: 3, asked_if: calm > 0}
rules:
  - {name: fits, holds: calm > 0, text: odd}
scores:
  total: {items: [calm, sad]}
  share: {method: formula, formula: calm / sad}
"""
ENCRYPTED = "the answers of 'remark' are encrypted (sensitive: encrypt)"


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        ("type: text, ", "type: number, ", "6, items.remark: 'sensitive: encrypt' goes with 'type: text', as codes and"
         " ranges cannot be checked once encrypted; write `type: text` and leave out what does not belong to a text"),
        ("type: text, ", "choices: {0: a, 1: b}, ", "6, items.remark: 'sensitive: encrypt' goes with 'type: text', as"
         " codes and ranges cannot be checked once encrypted; write `type: text` and leave out what does not belong to"
         " a text"),
        ("sensitive: encrypt", "sensitive: encript", "6, items.remark.sensitive: 'encript' is none of 'drop' or"
         " 'encrypt'; did you mean 'encrypt'?"),
        ("[calm, sad]", "[calm..sad]", f"11, scores.total: {ENCRYPTED}; take it out"),
        ("holds: calm > 0", "holds: remark > 3", f"9, rules.0.holds: {ENCRYPTED}; leave it out"),
        ("holds: calm > 0", "holds: count(calm..sad) > 1", f"9, rules.0.holds: {ENCRYPTED}; leave it out"),
        ("asked_if: calm > 0", "asked_if: is_answered(remark)", f"7, items.sad.asked_if: {ENCRYPTED}; leave it out"),
        ("calm / sad", "remark / sad", f"12, scores.share.formula: {ENCRYPTED}; leave it out"),
        ("scores:", "clusters: remark\nscores:", f"10, clusters: {ENCRYPTED}; name another item, or leave `clusters`"
         " out"),
    ],
)  # fmt: skip
def test_what_nothing_can_be_computed_from_is_told_by_line(tmp_path: Path, old: str, new: str, answer: str):
    path = tmp_path / "diary.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert read_codebook(path).encrypted_items == {"remark"}
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CodebookError) as caught:
        read_codebook(path)
    assert str(caught.value).replace(f"{tmp_path}/", "") == f"diary.yaml line {answer}"


def test_its_name_as_a_text_is_no_item(tmp_path: Path):
    path = tmp_path / "diary.yaml"
    item = "  where: {text: where, type: text}\n  sad:"
    path.write_text(GOOD.replace("  sad:", item, 1).replace("holds: calm > 0", "holds: where != 'remark'"))
    assert read_codebook(path).rule_expressions["fits"].names == {"where"}
