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
    """Fill the temporary table `candidate_row`, and `candidate`, which adds what decides ties.

    The table has the stream's columns but for `file_id`, `refusal` and `misread`; its rowid is the `rid` of the view,
    which adds `file_id`, `first_arrived_at` and `supersedes_at` by way of `file_no`: they are long, or the same in
    millions of rows.

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
    connection.execute(_FILES, [[k.raw_table.qualified for k in kinds], *days])
    parts = [_shape(stream), *(_identified(stream, kind, bound) for kind in kinds)]
    identified = " UNION ALL BY NAME ".join(f"({p})" for p in parts)
    if not stream.is_sample:
        connection.execute(_with_day_length(identified), bound)
    elif _repeats_an_hour(connection):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE identified_row AS {identified}", bound)
        connection.execute("CREATE OR REPLACE TEMP VIEW identified AS SELECT rowid AS rid, * FROM identified_row")
        # Two logs of one night each have a clock of their own to step back.
        logs = "".join(f", {a}" for a in stream.attributes if a in stream.key)
        connection.execute(statement("passes").format(logs=logs))
        connection.execute(_with_clock(stream, "SELECT * FROM identified LEFT JOIN passes USING (rid)"))
    else:
        given_once = "0 AS fold, NULL::VARCHAR AS time_quality, false AS is_unresolved"
        connection.execute(_with_clock(stream, f"SELECT *, {given_once} FROM ({identified})"), bound)
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW candidate AS SELECT c.rowid AS rid, c.*, f.file_id, f.first_arrived_at,"
        " f.supersedes_at FROM candidate_row c JOIN candidate_file f USING (file_no)"
    )


_FILES = """
CREATE OR REPLACE TEMP TABLE candidate_file AS
SELECT (row_number() OVER (ORDER BY file_id))::INTEGER AS file_no, file_id, first_arrived_at, supersedes_at
FROM ops.landing_files
SEMI JOIN (SELECT file_id FROM ops.landing_file_days WHERE raw_table IN (SELECT unnest(?)) AND day BETWEEN ? AND ?)
    USING (file_id)
"""


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


def _repeats_an_hour(connection: Connection) -> bool:
    """Whether some clock of the range is set back."""
    return connection.execute("SELECT 1 FROM people_clock WHERE fold = 1 LIMIT 1").fetchone() is not None


def _with_clock(stream: Stream, passes: str) -> str:
    values = ", ".join(f"i.{v}" for v in stream.mapped)
    return f"""
        CREATE OR REPLACE TEMP TABLE candidate_row AS
        SELECT i.participant_id, i.source_participant_id, i.day, i.local_ts, i.period_s, {values}, i.misread,
               i.source, i.file_no, i.row_number, i.as_of, i.tz_source,
               coalesce(i.fold, 0)::TINYINT AS fold,
               c.utc_offset_min,
               (i.local_ts - to_minutes(c.utc_offset_min::BIGINT)) AT TIME ZONE 'UTC' AS ts,
               coalesce(i.time_quality, c.time_quality) AS time_quality,
               c.day_length_min,
               CASE WHEN i.refusal IS NOT NULL THEN i.refusal
                    WHEN i.is_unresolved THEN 'dst_overlap_unresolved' END AS refusal
        FROM ({passes}) i
        LEFT JOIN people_clock c
          ON c.zone = i.zone AND c.day = i.day AND c.fold = coalesce(i.fold, 0)
         AND i.local_ts >= c.local_start AND i.local_ts < c.local_end
        """


def _with_day_length(identified: str) -> str:
    return f"""
        CREATE OR REPLACE TEMP TABLE candidate_row AS
        SELECT i.* EXCLUDE (zone), coalesce(c.day_length_min, 1440) AS day_length_min
        FROM ({identified}) i
        LEFT JOIN (SELECT DISTINCT zone, day, day_length_min FROM people_clock) c
          ON c.zone = i.zone AND c.day = i.day
        """
