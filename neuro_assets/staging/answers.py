"""Raw answers as rows of `staging.survey_response`: what an answer means is looked up in the codebooks. SQL only."""

import polars as pl

from neuro_assets.lake.lake import Connection
from neuro_assets.sources.load import FileKind, Sources
from neuro_assets.surveys.load import codebooks_of
from neuro_assets.surveys.model import Codebook
from neuro_assets.surveys.parts import BLANKS, plain_code, plain_name, plain_sql
from neuro_assets.surveys.source import AnswersSpec, LongFile

_NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
_ITEMS = {"instrument": pl.String, "version": pl.Int32, "item": pl.String, "type": pl.String, "min": pl.Float64,
          "max": pl.Float64, "decimal": pl.String}  # fmt: skip
_ANSWERS = {"instrument": pl.String, "item": pl.String, "plain": pl.String, "code": pl.String, "label": pl.String,
            "reason": pl.String}  # fmt: skip
_NAMES = {"instrument": pl.String, "item": pl.String, "named": pl.String, "called": pl.String}


def list_codebooks(connection: Connection, sources: Sources) -> None:
    """Fill the temporary tables `codebook_item`, `codebook_answer` and `codebook_name`.

    What each item takes, what each answer means, and what files may call each item.
    """
    codebooks = codebooks_of(sources)
    items = [
        (c.name, c.version, name, item.type, item.min, item.max, c.decimal)
        for c in codebooks
        for name, item in c.kept_items.items()
    ]
    answers = [row for c in codebooks for name in c.kept_items for row in _answers_of(c, name)]
    names = [
        (c.name, name, plain_name(c.name), called)
        for c in codebooks
        for name in c.kept_items
        for called in sorted(c.names_of(name))
    ]
    told = (("item", items, _ITEMS), ("answer", answers, _ANSWERS), ("name", names, _NAMES))
    for name, rows, schema in told:
        connection.register("frame_codebook", pl.DataFrame(rows, schema=schema, orient="row").to_arrow())
        connection.execute(f"CREATE OR REPLACE TEMP TABLE codebook_{name} AS FROM frame_codebook")
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
    return kind.spec.is_of_answers


def answers_relation(kind: FileKind) -> str:
    """SQL of the raw answers of a kind of file between the days $start and $end, with what they mean."""
    spec = kind.spec
    if not isinstance(spec, AnswersSpec):
        raise TypeError(f"{kind.name} has no answers")
    moment = "r.day::TIMESTAMP AS local_ts, 'day'" if spec.is_dated else "'moment'"
    at = "r.day" if spec.is_dated else "r.day, r.local_ts"
    if isinstance(spec, LongFile):
        rows, number_of = _long_rows(kind, spec), "'#1'"
    else:
        codebook = spec.codebooks[0]
        rows = f"(SELECT *, '{codebook.name}' AS instrument, {codebook.version} AS version"
        rows += f" FROM {kind.raw_table.qualified} WHERE day BETWEEN $start AND $end)"
        number_of = f"""'#' || dense_rank() OVER (
            PARTITION BY r.file_id, r.source_participant_id, {at} ORDER BY r.row_number)"""
    number = "CASE WHEN i.decimal = 'comma' THEN replace(trim(r.answer), ',', '.') ELSE trim(r.answer) END"
    return f"""(
        SELECT * EXCLUDE (type, low, high, number, reason) REPLACE (coalesce(version, 1) AS version),
            CASE WHEN version IS NULL THEN 'unknown_instrument'
                WHEN type IS NULL THEN 'unknown_item'
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
                coalesce(nullif(trim(r.response_id), ''), {number_of}) AS response_id,
                CASE WHEN regexp_full_match(trim(r.duration_s), '{_NUMBER}') THEN TRY_CAST(r.duration_s AS DOUBLE)
                    END AS duration_s,
                i.type, i.min AS low, i.max AS high, a.code, a.label,
                CASE WHEN regexp_full_match({number}, '{_NUMBER}') THEN TRY_CAST({number} AS DOUBLE) END AS number,
                coalesce(a.reason, CASE WHEN a.code IS NULL AND ({_IS_BLANK}) THEN 'blank' END) AS reason
            FROM {rows} r
            LEFT JOIN codebook_item i ON i.instrument = r.instrument AND i.item = r.item
            LEFT JOIN codebook_answer a ON a.instrument = r.instrument AND a.item = r.item AND a.plain = {_PLAIN}
        )
    )"""


def _long_rows(kind: FileKind, spec: LongFile) -> str:
    """SQL of raw rows of one answer each, with the codebook's names where it has any."""
    of, written, left_out = f"'{plain_name(spec.codebooks[0].name)}'", "NULL", "item"
    if spec.names_instrument:
        of, written, left_out = plain_sql("r.instrument"), "trim(coalesce(r.instrument, ''))", "item, instrument"
    instruments = ", ".join(f"('{plain_name(c.name)}', '{c.name}', {c.version})" for c in spec.codebooks)
    return f"""(
        SELECT r.* EXCLUDE ({left_out}), coalesce(n.item, trim(coalesce(r.item, ''))) AS item,
               coalesce(c.name, {written}) AS instrument, c.version
        FROM {kind.raw_table.qualified} r
        LEFT JOIN (VALUES {instruments}) c(named, name, version) ON c.named = {of}
        LEFT JOIN codebook_name n ON n.named = c.named AND n.called = {plain_sql("r.item")}
        WHERE r.day BETWEEN $start AND $end
    )"""


# The same as `plain_code`.
_PLAIN = "regexp_replace(regexp_replace(lower(trim(r.answer)), '^([-+]?\\d+)\\.0+$', '\\1'), '^[+]', '')"
_IS_BLANK = f"r.answer IS NULL OR trim(r.answer) = '' OR upper(trim(r.answer)) IN {BLANKS}"
