"""All raw rows that could become rows of a stream, with participant, local time and first refusals."""

from importlib.resources import files

from neuro_assets.lake.lake import Connection
from neuro_assets.sources.load import FileKind, Sources
from neuro_assets.staging.translate import Bound, misread_cells, typed_values
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
    bound, kinds = Bound(), sources.feeding(stream.name)
    if kinds:
        bound |= {
            "start": days[0],
            "end": days[1],
            "auto_enrol": study.auto_enrol,
            "default_zone": study.default_time_zone,
        }
    parts = [_shape(stream), *(_identified(stream, kind, bound) for kind in kinds)]
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE identified AS SELECT row_number() OVER () AS rid, * FROM"
        f" ({' UNION ALL BY NAME '.join(f'({p})' for p in parts)})",
        bound,
    )
    if stream.is_sample:
        _add_clock(connection, stream)
    else:
        _add_day_length(connection)


def _shape(stream: Stream) -> str:
    types = {c.name: c.type for c in stream.columns}
    return statement("shape").format(mapped=", ".join(f"NULL::{types[name]} AS {name}" for name in stream.mapped))


def _identified(stream: Stream, kind: FileKind, bound: Bound) -> str:
    moment = f"r.local_ts, {kind.spec.period_s or 'NULL::INTEGER'} AS period_s," if stream.is_sample else ""
    return statement("identified").format(
        moment=moment,
        values=typed_values(stream, kind, bound),
        misread=misread_cells(stream, kind, bound),
        source=kind.source.name,
        raw_table=kind.raw_table.qualified,
        needs_zone=str(stream.is_sample).lower(),
    )


def _add_clock(connection: Connection, stream: Stream) -> None:
    # Two logs of one night each have a clock of their own to step back.
    logs = "".join(f", {a}" for a in stream.attributes if a in stream.key)
    connection.execute(statement("passes").format(logs=logs))
    values = ", ".join(f"i.{v}" for v in stream.mapped)
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
