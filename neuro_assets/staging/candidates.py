"""All raw rows that could become rows of a stream, with participant, local time and first refusals."""

from importlib.resources import files

from neuro_assets.lake.lake import Connection
from neuro_assets.sources.load import FileKind, Sources
from neuro_assets.streams.model import Stream
from neuro_assets.study import Study

IDENTITY_RULES = (
    "missing_participant",
    "unknown_participant",
    "before_enrolment",
    "after_withdrawal",
    "unknown_time_zone",
)


def statement(name: str) -> str:
    """A SQL statement of this package."""
    return (files("neuro_assets.staging") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def build_candidates(connection: Connection, study: Study, sources: Sources, stream: Stream, days: tuple) -> None:
    """Fill the temporary table `candidate`: the stream's columns, `rid`, `refusal`, `misread`, and what decides ties.

    Args:
        connection: with the people tables registered.
        study: the protocol.
        sources: the specs in force.
        stream: the stream to build.
        days: first and last local day, both inclusive.
    """
    kinds = sources.feeding(stream.name)
    parts = " UNION ALL BY NAME ".join(f"({_identified(stream, k)})" for k in kinds)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE identified AS SELECT row_number() OVER () AS rid, * FROM ({parts})",
        {
            "start": days[0],
            "end": days[1],
            "auto_enrol": study.auto_enrol,
            "default_zone": study.default_time_zone,
        },
    )
    if stream.is_sample:
        _add_clock(connection, stream)
    else:
        _add_day_length(connection)


def _identified(stream: Stream, kind: FileKind) -> str:
    mapping = kind.spec.streams[stream.name]
    types = {c.name: c.type for c in stream.columns}
    moment = f"r.local_ts, {kind.spec.period_s} AS period_s," if stream.is_sample else ""
    return statement("identified").format(
        moment=moment,
        values=", ".join(f"TRY_CAST(r.{m.column} AS {types[column]}) AS {column}" for column, m in mapping.items()),
        misread=_misread(stream, kind),
        source=kind.source.name,
        raw_table=kind.raw_table.qualified,
        needs_zone=str(stream.is_sample).lower(),
    )


def _misread(stream: Stream, kind: FileKind) -> str:
    """MAP from stream column to the text that is no such value; NULL for nearly every row."""
    types = {c.name: c.type for c in stream.columns}
    vendor = {c.name: name for name, c in kind.spec.columns.items()}
    entries, tests = [], []
    for column, m in kind.spec.streams[stream.name].items():
        raw = m.column
        too_large = f"(r.{raw} IS NOT NULL AND TRY_CAST(r.{raw} AS {types[column]}) IS NULL)"
        tests.append(too_large)
        cell = f"(r.unreadable::JSON::MAP(VARCHAR, VARCHAR))['{vendor[raw].replace(chr(39), chr(39) * 2)}']"
        text = f"coalesce({cell}, CASE WHEN {too_large} THEN r.{raw}::VARCHAR END)"
        entries.append(f"{{'k': '{column}', 'v': {text}}}")
    return (
        f"CASE WHEN r.unreadable IS NOT NULL OR {' OR '.join(tests)} THEN"
        f" map_from_entries(list_filter([{', '.join(entries)}], x -> x.v IS NOT NULL)) END"
    )


def _add_clock(connection: Connection, stream: Stream) -> None:
    connection.execute(statement("passes"))
    values = ", ".join(f"i.{v}" for v in stream.values)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE candidate AS
        SELECT i.rid, i.participant_id, i.source_participant_id, i.day, i.local_ts, i.period_s, {values}, i.misread,
               i.source, i.file_id, i.row_number, i.as_of, i.first_arrived_at, i.supersedes_at, i.tz_source,
               coalesce(p.fold, 0)::TINYINT AS fold,
               c.utc_offset_min,
               (i.local_ts - to_minutes(c.utc_offset_min::BIGINT)) AT TIME ZONE 'UTC' AS ts,
               coalesce(p.time_quality, c.time_quality) AS time_quality,
               c.day_length_min,
               CASE WHEN i.refusal IS NOT NULL THEN i.refusal
                    WHEN p.is_unresolved THEN 'dst_overlap_unresolved' END AS refusal
        FROM identified i
        LEFT JOIN passes p ON p.rid = i.rid
        LEFT JOIN people_clock c
          ON c.zone = i.zone AND c.day = i.day AND c.fold = coalesce(p.fold, 0)
         AND i.local_ts >= c.local_start AND i.local_ts < c.local_end
        """
    )


def _add_day_length(connection: Connection) -> None:
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE candidate AS
        SELECT i.* EXCLUDE (zone), coalesce(c.day_length_min, 1440) AS day_length_min
        FROM identified i
        LEFT JOIN (SELECT DISTINCT zone, day, day_length_min FROM people_clock) c
          ON c.zone = i.zone AND c.day = i.day
        """
    )
