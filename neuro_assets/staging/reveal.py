"""Encrypted answers in clear again, for who has the study's key. Nothing is written to the lake, or logged."""

from dataclasses import dataclass, field
from datetime import datetime

from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.sealing import open_row, sealed_kinds, sealed_rows
from neuro_assets.lake.ddl import missing_tables
from neuro_assets.streams.surveys import SURVEY_RESPONSE
from neuro_assets.surveys.answer_key import AnswerKey


@dataclass(frozen=True)
class Revealed:
    """What an item was answered.

    Attributes:
        answers: participant, local time, text; by participant and time.
        outdated: answers that are staged but no longer, or not yet, what the raw tables have.
    """

    answers: list[tuple[str, datetime, str]] = field(repr=False)
    outdated: int


def reveal_answers(job: Ingest, key: AnswerKey, instrument: str, item: str, participant: str | None = None) -> Revealed:
    """The staged answers to an encrypted item in clear; of one participant, or of all.

    Raises:
        AnswerKeyError: they were encrypted with another key.
    """
    question = f"{instrument}/{item}"
    kinds = [k for k in sealed_kinds(job.sources) if question in k.spec.encrypted_questions.values()]
    with job.lake.connect(read_only=True) as connection:
        if missing_tables(connection, [SURVEY_RESPONSE, *(k.raw_table for k in kinds)]):
            return Revealed([], 0)
        tokens = " UNION ALL ".join(f"({sealed_rows(kind)})" for kind in kinds)
        rows = connection.execute(
            f"""
            SELECT s.participant_id, s.local_ts, r.person, r.question, r.token
            FROM {SURVEY_RESPONSE.qualified} s
            LEFT JOIN ({tokens}) r
                ON r.file_id = s.file_id AND r.row_number = s.row_number AND r.question = $question AND r.token = s.text
            WHERE s.instrument = $instrument AND s.item = $item AND NOT s.is_missing
                AND ($participant IS NULL OR s.participant_id = $participant)
            ORDER BY s.participant_id, s.local_ts, s.fold, s.response_id
            """,
            {"question": question, "instrument": instrument, "item": item, "participant": participant},
        ).fetchall()
    found = [(who, at, open_row(key, *sealed)) for who, at, *sealed in rows if sealed[-1] is not None]
    return Revealed(found, len(rows) - len(found))


def has_encrypted(job: Ingest) -> bool:
    """Whether the lake has an encrypted answer."""
    with job.lake.connect(read_only=True) as connection:
        kinds = [k for k in sealed_kinds(job.sources) if not missing_tables(connection, [k.raw_table])]
        return any(connection.execute(f"{sealed_rows(kind)} LIMIT 1").fetchone() for kind in kinds)
