"""Scores and flags of a range of days, from the staged answers, and the views that show an instrument widely."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import polars as pl

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables, existing_columns, missing_tables
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.frames import schema_of
from neuro_assets.streams.model import Column, Table
from neuro_assets.streams.surveys import (
    SURVEY_FLAG,
    SURVEY_RESPONSE,
    SURVEY_SCORE,
    SURVEY_SUBMISSION,
    SURVEY_TABLES,
)
from neuro_assets.surveys.load import codebooks_of
from neuro_assets.surveys.model import Codebook
from neuro_assets.surveys.scoring import NOT_ASKED, flags_of, scores_of

_RESPONSE = ("participant_id", "day", "ts", "local_ts", "fold", "version", "response_id", "duration_s")
_KEY = ("participant_id", "day", "ts", "local_ts", "version", "response_id")


@dataclass(frozen=True)
class ScoringReport:
    """What was written."""

    responses: int
    scores: int
    flags: int


def score_days(connection: Connection, job: Ingest, first: date, last: date) -> ScoringReport:
    """Write scores and flags of the responses of some days, and of what else they change, in one transaction.

    Args:
        connection: with the tables of staging there.
        job: the study and the lake.
        first: first local day.
        last: last local day.
    """
    codebooks = codebooks_of(job.sources)
    if missing_tables(connection, SURVEY_TABLES):
        with job.lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, SURVEY_TABLES)
    make_views(connection, job, codebooks)
    parts = [_scored(connection, codebook, first, last) for codebook in codebooks]
    frames = {table: together([empty_frame(table), *(part.frames[table] for part in parts)]) for table in SURVEY_TABLES}
    with job.lake.transaction(connection, [t.qualified for t in SURVEY_TABLES]):
        for table, frame in frames.items():
            for part in parts:
                connection.execute(f"DELETE FROM {table.qualified} WHERE {part.where}", part.bound)
            names = [c.name for c in codebooks]
            gone = f"DELETE FROM {table.qualified} WHERE NOT list_contains(?::VARCHAR[], instrument)"
            connection.execute(gone, [names])
            connection.register("frame_scored", frame.to_arrow())
            connection.execute(f"INSERT INTO {table.qualified} BY NAME FROM frame_scored ORDER BY ALL")
            connection.unregister("frame_scored")
    return ScoringReport(sum(part.responses for part in parts), frames[SURVEY_SCORE].height, frames[SURVEY_FLAG].height)


@dataclass(frozen=True)
class _Part:
    """What is written anew of an instrument, and which rows it takes the place of."""

    frames: dict[Table, pl.DataFrame]
    responses: int
    where: str
    bound: list[object]


def _scored(connection: Connection, codebook: Codebook, first: date, last: date) -> _Part:
    """Scores and flags of an instrument: of some days, or of all days of the people who have any response on them.

    Where one response counts in a whole study, a new one changes what the older ones are.
    """
    where, bound = "instrument = ? AND day BETWEEN ? AND ?", [codebook.name, first, last]
    inside = "day BETWEEN ? AND ?", [first, last]
    if codebook.repeat.within == "study":
        people = _people_of(connection, codebook, first, last)
        where, bound = "instrument = ? AND list_contains(?::VARCHAR[], participant_id)", [codebook.name, people]
        inside = "list_contains(?::VARCHAR[], participant_id)", [people]
    responses = connection.execute(f"SELECT * FROM ({wide_select(codebook)}) WHERE {inside[0]}", inside[1]).pl()
    told = pl.lit(codebook.name).alias("instrument")
    scores, flags, sent = [empty_frame(SURVEY_SCORE)], [empty_frame(SURVEY_FLAG)], [empty_frame(SURVEY_SUBMISSION)]
    if responses.height:
        responses = _with_record(codebook, responses)
        sent.append(_submissions(codebook, responses).with_columns(told))
        if codebook.scores:
            scores.append(scores_of(codebook, responses, [*_KEY, "is_of_record"]).with_columns(told))
        found = [flags_of(codebook, responses, _KEY), _repeated(codebook, responses)]
        flags += [frame.with_columns(told) for frame in found]
    parts = {SURVEY_SUBMISSION: sent, SURVEY_SCORE: scores, SURVEY_FLAG: flags}
    frames = {table: together(frames) for table, frames in parts.items()}
    return _Part(frames, responses.height, where, bound)


def _people_of(connection: Connection, codebook: Codebook, first: date, last: date) -> list[str]:
    """Who has a response on some days, or had one."""
    tables = (SURVEY_RESPONSE, *SURVEY_TABLES)
    sql = " UNION ".join(
        f"SELECT participant_id FROM {t.qualified} WHERE instrument = $name AND day BETWEEN $first AND $last"
        for t in tables
    )
    found = connection.execute(sql, {"name": codebook.name, "first": first, "last": last}).fetchall()
    return sorted(who for (who,) in found)


def wide_table(codebook: Codebook) -> Table:
    """`staging.survey_wide_<instrument>`: one row a response, a column an item; a view."""
    own = {c.name: c for c in (*SURVEY_RESPONSE.columns, *SURVEY_SUBMISSION.columns)}
    items = (
        Column(name, "DOUBLE" if codebook.type_of(name) == "number" else "VARCHAR", item.text, item.unit, nullable=True)
        for name, item in codebook.kept_items.items()
    )
    return Table(
        schema="staging",
        name=f"survey_wide_{codebook.name}",
        columns=(*(own[c] for c in (*_RESPONSE, "is_of_record")), *items),
        description=f"{codebook.title}: one row a response, one column an item; null where nothing was answered.",
        partition_by="day",
    )


def wide_select(codebook: Codebook) -> str:
    """SQL of the responses of an instrument, one row each (see `surveys.scoring`)."""
    cells = [
        f"any_value({'value' if codebook.type_of(name) == 'number' else 'coalesce(code, text)'})"
        f" FILTER (item = '{name}' AND NOT is_missing) AS \"{name}\""
        for name in codebook.kept_items
    ]
    cells += [
        f"coalesce(bool_or(missing_reason IN ('not_applicable', 'not_asked')) FILTER (item = '{name}'), false)"
        f' AS "{NOT_ASKED}{name}"'
        for name in codebook.conditions
    ]
    return (
        f"SELECT {', '.join(_RESPONSE)}, {', '.join(cells)} FROM {SURVEY_RESPONSE.qualified}"
        f" WHERE instrument = '{codebook.name}' GROUP BY {', '.join(_RESPONSE)}"
    )


def _view(codebook: Codebook) -> str:
    """DDL of the wide view; a response that is not scored yet is of record as far as anybody knows."""
    items = ", ".join(f'"{name}"' for name in codebook.kept_items)
    same = "participant_id, day, local_ts, fold, response_id"
    return f"""
        CREATE OR REPLACE VIEW {wide_table(codebook).qualified} AS
        SELECT {", ".join(_RESPONSE)}, coalesce(s.is_of_record, true) AS is_of_record, {items}
        FROM ({wide_select(codebook)})
        LEFT JOIN (
            SELECT {same}, is_of_record FROM {SURVEY_SUBMISSION.qualified} WHERE instrument = '{codebook.name}'
        ) s USING ({same})
    """


def make_views(connection: Connection, job: Ingest, codebooks: Iterable[Codebook]) -> None:
    """Make the wide views that are missing or of an older codebook."""
    present = existing_columns(connection)
    stale = [c for c in codebooks if list(present.get(wide_table(c).qualified, {})) != list(wide_table(c).column_names)]
    if stale:
        with job.lake.transaction(connection, ["ddl"]):
            for codebook in stale:
                connection.execute(_view(codebook))


def _with_record(codebook: Codebook, responses: pl.DataFrame) -> pl.DataFrame:
    """Which response counts among those of its day, or of the study."""
    repeat, group = codebook.repeat, _repeated_within(codebook)
    # #2 is before #10.
    ordinal = pl.col("response_id").str.replace("#", "", literal=True).str.zfill(20)
    ordered = responses.sort("participant_id", "local_ts", "fold", ordinal)
    place, count = pl.int_range(1, pl.len() + 1).over(group), pl.len().over(group)
    counts = {"first": place == 1, "last": place == count, "none": count == 1}[repeat.keep]
    return ordered.with_columns(is_of_record=pl.lit(value=True) if repeat.within == "moment" else counts)


def _submissions(codebook: Codebook, responses: pl.DataFrame) -> pl.DataFrame:
    items = list(codebook.kept_items)
    answered = pl.sum_horizontal(*(pl.col(i).is_not_null() for i in items)).cast(pl.Int32)
    return responses.select(
        *_RESPONSE,
        pl.lit(len(items), pl.Int32).alias("items"),
        answered.alias("items_answered"),
        "is_of_record",
    )


def _repeated_within(codebook: Codebook) -> list[str]:
    return ["participant_id"] if codebook.repeat.within == "study" else ["participant_id", "day"]


def _repeated(codebook: Codebook, responses: pl.DataFrame) -> pl.DataFrame:
    """Responses where one is expected and there are several."""
    several = pl.len().over(_repeated_within(codebook))
    found = responses.filter(several > 1) if codebook.repeat.within != "moment" else responses.clear()
    return found.select(
        *_KEY,
        pl.lit("repeated_response").alias("flag"),
        pl.lit(None, pl.String).alias("items"),
        pl.concat_str(several.cast(pl.String), pl.lit(f" responses in one {codebook.repeat.within}")).alias("detail"),
    )


def empty_frame(table: Table) -> pl.DataFrame:
    """No rows, in the columns and types of a table."""
    return pl.DataFrame(schema=schema_of(table))


def together(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """All rows, in the columns and types of the first frame."""
    schema = frames[0].schema
    return pl.concat([f.select(pl.col(name).cast(kind) for name, kind in schema.items()) for f in frames])
