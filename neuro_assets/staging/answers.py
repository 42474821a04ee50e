"""Raw answers as rows of `staging.survey_response`: what an answer means is looked up in the codebooks. SQL only."""

import polars as pl

from neuro_assets.lake.lake import Connection
from neuro_assets.sources.load import FileKind, Sources
from neuro_assets.surveys.load import codebooks_of
from neuro_assets.surveys.model import Codebook, plain_code
from neuro_assets.surveys.source import SurveySpec

_NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
_ITEMS = {"instrument": pl.String, "version": pl.Int32, "item": pl.String, "type": pl.String, "min": pl.Float64,
          "max": pl.Float64, "decimal": pl.String}  # fmt: skip
_ANSWERS = {"instrument": pl.String, "item": pl.String, "plain": pl.String, "code": pl.String, "label": pl.String,
            "reason": pl.String}  # fmt: skip


def list_codebooks(connection: Connection, sources: Sources) -> None:
    """Fill the temporary tables `codebook_item` and `codebook_answer`: what each item takes and each answer means."""
    codebooks = codebooks_of(sources)
    items = [
        (c.name, c.version, name, item.type, item.min, item.max, c.decimal)
        for c in codebooks
        for name, item in c.kept_items.items()
    ]
    answers = [row for c in codebooks for name in c.kept_items for row in _answers_of(c, name)]
    for name, rows, schema in (("codebook_item", items, _ITEMS), ("codebook_answer", answers, _ANSWERS)):
        connection.register("frame_codebook", pl.DataFrame(rows, schema=schema, orient="row").to_arrow())
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM frame_codebook")
        connection.unregister("frame_codebook")


def _answers_of(codebook: Codebook, item: str) -> list[tuple[str | None, ...]]:
    told: dict[str, tuple[str | None, ...]] = {}
    for code, label in codebook.codes_of(item).items():
        for text in (plain_code(label), code):
            told[text] = (codebook.name, item, text, code, label, None)
    for code, reason in codebook.missing_of(item).items():
        told[code] = (codebook.name, item, code, None, None, reason)
    return list(told.values())


def is_of_answers(kind: FileKind) -> bool:
    """Whether the rows of a kind of file are answers."""
    return isinstance(kind.source, SurveySpec)


def answers_relation(kind: FileKind) -> str:
    """SQL of the raw answers of a kind of file between the days $start and $end, with what they mean."""
    if not isinstance(kind.source, SurveySpec):
        raise TypeError(f"{kind.name} has no answers")
    spec = kind.spec
    moment = "r.day::TIMESTAMP AS local_ts, 'day'" if spec.is_dated else "'moment'"
    at = "r.day" if spec.is_dated else "r.day, r.local_ts"
    number = "CASE WHEN i.decimal = 'comma' THEN replace(trim(r.answer), ',', '.') ELSE trim(r.answer) END"
    return f"""(
        SELECT * EXCLUDE (type, low, high, number, reason),
            CASE WHEN type IS NULL THEN 'unknown_item'
                WHEN reason IS NOT NULL THEN 'missing'
                WHEN type = 'choice' THEN CASE WHEN code IS NULL THEN 'not_a_choice' ELSE 'choice' END
                WHEN type = 'text' THEN 'text'
                WHEN number IS NULL THEN 'not_a_number'
                WHEN number < low OR number > high THEN 'out_of_range'
                ELSE 'number' END AS answer_type,
            CASE WHEN type = 'choice' THEN TRY_CAST(code AS DOUBLE) WHEN type = 'number' AND reason IS NULL THEN number
                END AS value,
            CASE WHEN type = 'text' AND reason IS NULL THEN answer END AS text,
            reason IS NOT NULL AS is_missing,
            reason AS missing_reason
        FROM (
            SELECT r.* EXCLUDE (response_id, duration_s), {moment} AS time_precision,
                '{kind.source.codebook.name}' AS instrument,
                {kind.source.version} AS version,
                coalesce(nullif(trim(r.response_id), ''), '#' || dense_rank() OVER (
                    PARTITION BY r.file_id, r.source_participant_id, {at} ORDER BY r.row_number
                )) AS response_id,
                CASE WHEN regexp_full_match(trim(r.duration_s), '{_NUMBER}') THEN TRY_CAST(r.duration_s AS DOUBLE)
                    END AS duration_s,
                i.type, i.min AS low, i.max AS high, a.code, a.label,
                CASE WHEN regexp_full_match({number}, '{_NUMBER}') THEN TRY_CAST({number} AS DOUBLE) END AS number,
                coalesce(a.reason, CASE WHEN a.code IS NULL AND ({_IS_BLANK}) THEN 'blank' END) AS reason
            FROM {kind.raw_table.qualified} r
            LEFT JOIN codebook_item i ON i.instrument = '{kind.source.codebook.name}' AND i.item = r.item
            LEFT JOIN codebook_answer a
                ON a.instrument = '{kind.source.codebook.name}' AND a.item = r.item AND a.plain = {_PLAIN}
            WHERE r.day BETWEEN $start AND $end
        )
    )"""


# The same as `plain_code`.
_PLAIN = "regexp_replace(regexp_replace(lower(trim(r.answer)), '^([-+]?\\d+)\\.0+$', '\\1'), '^[+]', '')"
# What programs write where there is nothing.
_IS_BLANK = "r.answer IS NULL OR trim(r.answer) = '' OR upper(trim(r.answer)) IN ('NA', 'N/A', 'NAN', 'NULL', 'NONE')"
