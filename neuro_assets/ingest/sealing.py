"""Answers that enter the lake encrypted: the SQL function that encrypts them, and the raw rows that hold them."""

from collections.abc import Iterable, Iterator
from typing import Any

from duckdb.func import ARROW, SPECIAL

from neuro_assets.ingest.celltable import sql_text
from neuro_assets.lake.lake import Connection
from neuro_assets.settings import Settings
from neuro_assets.sources.load import FileKind, Sources
from neuro_assets.sources.model import FileSpec
from neuro_assets.surveys.answer_key import PREFIX, AnswerKey, AnswerKeyError, need_key, unfinished_change
from neuro_assets.surveys.load import codebooks_of
from neuro_assets.surveys.model import Codebook
from neuro_assets.surveys.parts import BLANKS, plain_code, plain_sql

FUNCTION = "seal_answer"


def seal_answers(connection: Connection, settings: Settings, sources: Sources, kind: FileKind) -> None:
    """Make sure that the connection can encrypt, where a kind of file has answers that it must.

    Raises:
        AnswerKeyError: there is no key, or the lake has answers that another one encrypted.
    """
    if not kind.spec.encrypted_questions:
        return
    key = need_key(settings, f"{kind.source.title}: some answers are to be encrypted before they are loaded")
    there = f"SELECT count(*) FROM duckdb_functions() WHERE function_name = '{FUNCTION}'"
    if connection.execute(there).fetchone() == (0,):
        refuse_other_key(connection, settings, key, sources)
        register(connection, key, sources)


def register(connection: Connection, key: AnswerKey, sources: Sources) -> None:
    """Give a connection the function that encrypts, whatever key the lake has known so far."""
    seal = _Sealer(key, codebooks_of(sources))
    connection.create_function(
        FUNCTION, seal, ["VARCHAR", "VARCHAR", "VARCHAR"], "VARCHAR", type=ARROW, null_handling=SPECIAL
    )


class _Sealer:
    """Questions (`instrument/item`), participants and answers -> what of the answers may enter the lake."""

    def __init__(self, key: AnswerKey, codebooks: Iterable[Codebook]) -> None:
        self.key = key
        self.missing = {f"{c.name}/{i}": frozenset(c.missing_of(i)) for c in codebooks for i in c.encrypted_items}

    def __call__(self, questions: Any, people: Any, answers: Any) -> Any:
        """Arrow arrays of texts, of one length, which is that of the result; no error repeats what stands in them."""
        import pyarrow as pa

        rows = zip(questions.to_pylist(), people.to_pylist(), answers.to_pylist(), strict=True)
        return pa.array([self._sealed(*row) for row in rows], pa.string())

    def _sealed(self, question: str | None, person: str | None, answer: str | None) -> str | None:
        """What stands for a missing answer says nothing of the person, and stays."""
        if question is None or answer is None:
            return None
        text = answer.strip()
        if not text or text.upper() in BLANKS or plain_code(text) in self.missing[question]:
            return text
        instrument, _, item = question.partition("/")
        return self.key.seal(text.replace("\r\n", "\n"), instrument, item, person or "")


def sealed_sql(question: str, answer: str, person: str) -> str:
    """SQL of an answer as it may enter the lake; all three are SQL."""
    return f"{FUNCTION}({question}, coalesce({person}, ''), {answer}::VARCHAR)"


def asked_sql(spec: FileSpec) -> str:
    """SQL of what a raw row is the answer to, as `FileSpec.kept_questions` has it."""
    columns = spec.question_columns
    return " || '/' || ".join(f"coalesce({plain_sql(n)}, '')" for n in columns) if columns else "item"


def question_sql(spec: FileSpec) -> str:
    """SQL of `instrument/item` of a raw row; NULL where its answer is not to be encrypted."""
    told = " ".join(
        f"WHEN {sql_text('/'.join(asked))} THEN {sql_text(question)}"
        for asked, question in sorted(spec.encrypted_questions.items())
    )
    return f"CASE {asked_sql(spec)} {told} END" if told else "NULL"


def sealed_rows(kind: FileKind) -> str:
    """SQL of the encrypted answers of a raw table: file_id, row_number, person, question, token."""
    return f"""
        SELECT file_id, row_number, coalesce(source_participant_id, '') AS person,
               {question_sql(kind.spec)} AS question, answer AS token
        FROM {kind.raw_table.qualified} WHERE starts_with(answer, '{PREFIX}') AND question IS NOT NULL
    """


def sealed_kinds(sources: Sources) -> Iterator[FileKind]:
    """The kinds of files that have answers to be encrypted."""
    return (k for k in sources.kinds if k.spec.encrypted_questions)


def refuse_other_key(connection: Connection, settings: Settings, key: AnswerKey, sources: Sources) -> None:
    """Two keys in one lake would make one answer two; a look at one encrypted answer of each raw table tells.

    Raises:
        AnswerKeyError: the lake has answers that another key encrypted.
    """
    if unfinished_change(settings).exists():
        raise AnswerKeyError(
            "a change of the key was interrupted, and some answers are encrypted with the one before: give"
            " `neuro survey key --rotate` again, which goes on with it"
        )
    for kind in sealed_kinds(sources):
        if found := _a_sealed_row(connection, kind):
            try:
                open_row(key, *found)
            except AnswerKeyError:
                raise AnswerKeyError(
                    f"the key of {key.place} is not the one with which answers in {kind.raw_table.qualified} are"
                    " encrypted: put that one there; if it is lost, `neuro survey key --rotate` reads all files again"
                    " and encrypts with a new one"
                ) from None


def open_row(key: AnswerKey, person: str, question: str, token: str) -> str:
    """The answer of a row of `sealed_rows`.

    Raises:
        AnswerKeyError: another key encrypted it.
    """
    instrument, _, item = question.partition("/")
    return key.reveal(token, instrument, item, person)


def _a_sealed_row(connection: Connection, kind: FileKind) -> tuple[str, str, str] | None:
    """Person, question and token of any encrypted answer of a raw table."""
    return connection.execute(f"SELECT person, question, token FROM ({sealed_rows(kind)}) LIMIT 1").fetchone()
